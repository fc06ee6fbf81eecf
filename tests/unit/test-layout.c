// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <fam-mailbox.h>
#include <fam-objects.h>
#include <fam-parking.h>
#include <fam-sessions.h>

#define MIB (UINT64_C(1) << 20)
#define TIB (UINT64_C(1) << 40)

static const uint8_t uuid[FAM_UUID_BYTES] = {0xde, 0xad, 0xbe, 0xef};

static void make(struct fam_superblock *sb, uint64_t generation,
		 unsigned int copy)
{
	assert_int_equal(fam_superblock_init(sb, 64 * MIB, "fabric0", uuid, 7,
					     FAM_DURABILITY_HOST),
			 0);
	sb->generation = generation;
	fam_superblock_seal(sb, copy);
}

static void crc32c_gives_the_published_values(void **state)
{
	uint8_t zeros[32] = {0};

	(void)state;
	assert_int_equal(fam_crc32c(0, "123456789", 9), 0xe3069283);
	assert_int_equal(fam_crc32c(0, zeros, sizeof(zeros)), 0x8a9136aa);
	assert_int_equal(fam_crc32c(0, NULL, 0), 0);
	assert_int_equal(fam_crc32c(fam_crc32c(0, "1234", 4), "56789", 5),
			 0xe3069283);
}

static void init_refuses_what_is_out_of_range(void **state)
{
	static const uint64_t sizes[] = {
		0,	  1,	    8 * MIB,   16 * MIB - 1, 16 * MIB + 1,
		48 * MIB, 32 * TIB, UINT64_MAX};
	struct fam_superblock sb;

	(void)state;
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
		assert_int_equal(fam_superblock_init(&sb, sizes[i], "x", uuid,
						     0, FAM_DURABILITY_HOST),
				 -EINVAL);
	assert_int_equal(fam_superblock_init(&sb, 16 * MIB, "", uuid, 0,
					     FAM_DURABILITY_HOST),
			 -EINVAL);
	assert_int_equal(fam_superblock_init(&sb, 16 * MIB, "x", uuid, 0,
					     (enum fam_durability)2),
			 -EINVAL);
}

static void new_superblocks_are_valid_in_their_place_only(void **state)
{
	static const uint64_t sizes[] = {16 * MIB, 1024 * MIB, 16 * TIB};
	struct fam_superblock sb;

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		for (unsigned int copy = 0; copy < 2; copy++) {
			assert_int_equal(fam_superblock_init(
						 &sb, sizes[i], "a.b_c-9", uuid,
						 1, FAM_DURABILITY_GUEST),
					 0);
			fam_superblock_seal(&sb, copy);
			assert_int_equal(fam_superblock_check(&sb, copy), 0);
			assert_int_equal(fam_superblock_check(&sb, !copy),
					 -EBADMSG);
		}
	}
	assert_int_equal(fam_superblock_offset(0), 0);
	assert_int_equal(fam_superblock_offset(1), MIB);
}

static void every_flipped_bit_is_found(void **state)
{
	struct fam_superblock sb;
	uint8_t *bytes = (uint8_t *)&sb;

	(void)state;
	make(&sb, 1, 0);
	for (size_t i = 0; i < sizeof(sb) * 8; i++) {
		bytes[i / 8] ^= (uint8_t)(1u << i % 8);
		assert_int_equal(fam_superblock_check(&sb, 0),
				 i < 64 ? -EMEDIUMTYPE : -EBADMSG);
		bytes[i / 8] ^= (uint8_t)(1u << i % 8);
	}
	assert_int_equal(fam_superblock_check(&sb, 0), 0);
}

/* Fields a scribbling node may have sealed with a right checksum. */
static void bad_durability(struct fam_superblock *sb)
{
	sb->durability = 2;
}

static void size_zero(struct fam_superblock *sb)
{
	sb->size = 0;
}

static void size_not_power_of_two(struct fam_superblock *sb)
{
	sb->size = 65 * MIB;
}

static void size_huge(struct fam_superblock *sb)
{
	sb->size = UINT64_C(1) << 63;
}

static void generation_zero(struct fam_superblock *sb)
{
	sb->generation = 0;
}

static void data_over_superblock(struct fam_superblock *sb)
{
	sb->data_offset = 0;
}

static void data_unaligned(struct fam_superblock *sb)
{
	sb->data_offset += 4096;
	sb->data_bytes -= 4096;
}

static void data_behind_end(struct fam_superblock *sb)
{
	sb->data_offset = sb->size;
	sb->data_bytes = 0;
}

static void data_empty(struct fam_superblock *sb)
{
	sb->data_bytes = 0;
}

static void data_over_objects(struct fam_superblock *sb)
{
	sb->data_bytes++;
}

static void data_too_long(struct fam_superblock *sb)
{
	assert_int_equal(fam_superblock_set_objects(sb, 0), 0);
	sb->data_bytes++;
}

static void data_wraps(struct fam_superblock *sb)
{
	sb->data_bytes = UINT64_MAX - sb->data_offset + 1;
}

static void data_offset_wraps(struct fam_superblock *sb)
{
	sb->data_offset = -FAM_DATA_ALIGN;
	sb->data_bytes = FAM_DATA_ALIGN * 2;
}

static void label_unterminated(struct fam_superblock *sb)
{
	memset(sb->label, 'a', sizeof(sb->label));
}

static void label_empty(struct fam_superblock *sb)
{
	memset(sb->label, 0, sizeof(sb->label));
}

static void label_with_slash(struct fam_superblock *sb)
{
	strcpy(sb->label, "a/../b");
}

static void label_with_rest(struct fam_superblock *sb)
{
	sb->label[63] = 'x';
}

static void uuid_not_random(struct fam_superblock *sb)
{
	memset(sb->uuid, 0, sizeof(sb->uuid));
}

static void version_zero(struct fam_superblock *sb)
{
	sb->version = 0;
}

static void bad_fields_are_found_under_a_good_checksum(void **state)
{
	static void (*const spoil[])(struct fam_superblock * sb) = {
		bad_durability,	   size_zero,	       size_not_power_of_two,
		size_huge,	   generation_zero,    data_over_superblock,
		data_unaligned,	   data_behind_end,    data_empty,
		data_over_objects, data_too_long,      data_wraps,
		data_offset_wraps, label_unterminated, label_empty,
		label_with_slash,  label_with_rest,    uuid_not_random,
		version_zero,
	};
	struct fam_superblock sb;

	(void)state;
	for (size_t i = 0; i < sizeof(spoil) / sizeof(spoil[0]); i++) {
		make(&sb, 1, 0);
		spoil[i](&sb);
		fam_superblock_seal(&sb, 0);
		assert_int_equal(fam_superblock_check(&sb, 0), -EBADMSG);
	}
}

static void newer_formats_are_told_from_damage(void **state)
{
	struct fam_superblock sb;

	(void)state;
	make(&sb, 1, 0);
	sb.version = FAM_FORMAT_VERSION + 1;
	sb.size = 12345; /* may mean anything there */
	assert_int_equal(fam_superblock_check(&sb, 0), -EBADMSG);
	fam_superblock_seal(&sb, 0);
	assert_int_equal(fam_superblock_check(&sb, 0), -EPROTONOSUPPORT);

	make(&sb, 1, 0);
	sb.feature_incompat = 1u << 31;
	fam_superblock_seal(&sb, 0);
	assert_int_equal(fam_superblock_check(&sb, 0), -EPROTONOSUPPORT);

	make(&sb, 1, 0);
	sb.feature_compat = sb.feature_ro_compat = UINT32_MAX;
	sb.reserved[0] = 1;
	fam_superblock_seal(&sb, 0);
	assert_int_equal(fam_superblock_check(&sb, 0), 0);
}

static void choose_takes_the_higher_generation(void **state)
{
	struct fam_superblock sb[2];
	unsigned int chosen = 9, damaged = 9;

	(void)state;
	make(&sb[0], 4, 0);
	make(&sb[1], 5, 1);
	assert_int_equal(fam_superblock_choose(sb, &chosen, &damaged), 0);
	assert_int_equal(chosen, 1);
	assert_int_equal(damaged, 0);
	make(&sb[0], 5, 0);
	assert_int_equal(fam_superblock_choose(sb, &chosen, NULL), 0);
	assert_int_equal(chosen, 0);
}

static void choose_uses_the_copy_that_is_left(void **state)
{
	struct fam_superblock sb[2];
	unsigned int chosen, damaged;

	(void)state;
	for (unsigned int bad = 0; bad < 2; bad++) {
		make(&sb[!bad], 1, !bad);
		make(&sb[bad], 9, bad);
		sb[bad].reserved[17] ^= 4;
		chosen = damaged = 9;
		assert_int_equal(fam_superblock_choose(sb, &chosen, &damaged),
				 0);
		assert_int_equal(chosen, !bad);
		assert_int_equal(damaged, 1u << bad);
		memset(&sb[bad], 0, sizeof(sb[bad]));
		assert_int_equal(fam_superblock_choose(sb, &chosen, &damaged),
				 0);
		assert_int_equal(damaged, 1u << bad);
	}
}

static void choose_reports_a_copy_of_another_fabric(void **state)
{
	static const uint8_t other[FAM_UUID_BYTES] = {1};
	struct fam_superblock sb[2];
	unsigned int chosen, damaged;

	(void)state;
	make(&sb[0], 2, 0);
	make(&sb[1], 1, 1);
	memcpy(sb[1].uuid, other, 6);
	fam_superblock_seal(&sb[1], 1);
	assert_int_equal(fam_superblock_choose(sb, &chosen, &damaged), 0);
	assert_int_equal(chosen, 0);
	assert_int_equal(damaged, 2);
}

static void choose_fails_and_leaves_the_outputs(void **state)
{
	struct fam_superblock sb[2];
	unsigned int chosen = 77, damaged = 78;

	(void)state;
	memset(sb, 0, sizeof(sb));
	assert_int_equal(fam_superblock_choose(sb, &chosen, &damaged),
			 -EMEDIUMTYPE);
	make(&sb[1], 1, 1);
	sb[1].size ^= 1;
	assert_int_equal(fam_superblock_choose(sb, &chosen, &damaged),
			 -EBADMSG);
	/* The magic is lost, but the checksum is of nothing else. */
	memset(&sb[1], 0, sizeof(sb[1]));
	fam_superblock_seal(&sb[1], 1);
	assert_int_equal(fam_superblock_choose(sb, &chosen, &damaged),
			 -EBADMSG);
	make(&sb[0], 1, 0);
	make(&sb[1], 1, 1);
	sb[1].version++;
	fam_superblock_seal(&sb[1], 1);
	assert_int_equal(fam_superblock_choose(sb, &chosen, &damaged),
			 -EPROTONOSUPPORT);
	assert_int_equal(chosen, 77);
	assert_int_equal(damaged, 78);
}

static void labels_are_safe_names(void **state)
{
	static const char *const bad[] = {
		"",    ".",   "..",  ".a",	 "-a",	 "_a",	"a/b",
		"a b", "a\n", "a:b", "\xc3\xa4", "a\"b", "a&b", "a*"};
	static const char *const good[] = {"a",	      "Z",	 "0",
					   "fabric0", "a.b_c-d", "9lives"};
	char label[FAM_LABEL_BYTES + 1];

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(fam_label_check(bad[i]), -EINVAL);
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		assert_int_equal(fam_label_check(good[i]), 0);
	memset(label, 'a', sizeof(label));
	label[FAM_LABEL_BYTES] = '\0';
	assert_int_equal(fam_label_check(label), -ENAMETOOLONG);
	label[FAM_LABEL_BYTES - 1] = '\0';
	assert_int_equal(fam_label_check(label), 0);
}

static void uuids_come_back_from_their_text(void **state)
{
	static const char *const bad[] = {
		"",
		"00112233-4455-6677-8899-aabbccddeef",
		"00112233-4455-6677-8899-aabbccddeeff0",
		"00112233-4455-6677-8899_aabbccddeeff",
		"0011223344556677-8899-aabb-ccddeeff-",
		"g0112233-4455-6677-8899-aabbccddeeff",
	};
	uint8_t parsed[FAM_UUID_BYTES];
	char text[FAM_UUID_TEXT];

	(void)state;
	assert_int_equal(
		fam_uuid_parse("00112233-4455-6677-8899-aAbBcCdDeEfF", parsed),
		0);
	assert_string_equal(fam_uuid_format(parsed, text),
			    "00112233-4455-6677-8899-aabbccddeeff");
	memset(parsed, 0x5a, sizeof(parsed));
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(fam_uuid_parse(bad[i], parsed), -EINVAL);
		assert_int_equal(parsed[0], 0x5a);
	}
}

static void read_image(const char *path, struct fam_superblock *sb)
{
	FILE *f = fopen(path, "r");

	assert_non_null(f);
	assert_int_equal(fread(sb, 1, sizeof(*sb), f), sizeof(*sb));
	assert_int_equal(fgetc(f), EOF);
	fclose(f);
}

static void the_first_format_opens_for_ever(void **state)
{
	struct fam_superblock sb[2];
	unsigned int chosen, damaged;
	char text[FAM_UUID_TEXT];

	(void)state;
	read_image(TESTS_DATA "/format-v1.sb0", &sb[0]);
	read_image(TESTS_DATA "/format-v1.sb1", &sb[1]);
	assert_int_equal(fam_superblock_choose(sb, &chosen, &damaged), 0);
	assert_int_equal(chosen, 0);
	assert_int_equal(damaged, 0);
	assert_string_equal(sb[0].label, "golden-v1");
	assert_string_equal(fam_uuid_format(sb[0].uuid, text),
			    "00112233-4455-4677-8899-aabbccddeeff");
	assert_int_equal(sb[0].size, 64 * MIB);
	assert_int_equal(sb[0].generation, 1);
	assert_int_equal(sb[0].data_offset, 2 * MIB);
	assert_int_equal(sb[0].data_bytes, 62 * MIB);
	assert_int_equal(sb[0].created_ns, UINT64_C(1700000000123456789));
	assert_int_equal(sb[0].durability, FAM_DURABILITY_HOST);
}

static void a_fabric_without_a_mailbox_has_none(void **state)
{
	struct fam_superblock sb;

	(void)state;
	read_image(TESTS_DATA "/format-v1.sb0", &sb);
	assert_int_equal(sb.feature_compat & FAM_COMPAT_MAILBOX, 0);
	assert_int_equal(sb.mailbox_bytes, 0);
}

static void a_mailbox_lies_where_it_must(void **state)
{
	static const uint64_t wrong[][2] = {
		{0, FAM_MAILBOX_BYTES},
		{FAM_MAILBOX_OFFSET + 4096, FAM_MAILBOX_BYTES},
		{FAM_MAILBOX_OFFSET, 2 * FAM_MAILBOX_BYTES},
		{FAM_MAILBOX_OFFSET, 0},
		{2 * MIB, FAM_MAILBOX_BYTES},
		{UINT64_MAX - 4095, FAM_MAILBOX_BYTES},
	};
	struct fam_superblock sb;

	(void)state;
	make(&sb, 1, 0);
	assert_int_equal(sb.feature_compat & FAM_COMPAT_MAILBOX,
			 FAM_COMPAT_MAILBOX);
	assert_int_equal(fam_superblock_check(&sb, 0), 0);
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		sb.mailbox_offset = wrong[i][0];
		sb.mailbox_bytes = wrong[i][1];
		fam_superblock_seal(&sb, 0);
		assert_int_equal(fam_superblock_check(&sb, 0), -EBADMSG);
	}
	/* Without the bit these bytes are reserved: ignored. */
	sb.feature_compat = 0;
	fam_superblock_seal(&sb, 0);
	assert_int_equal(fam_superblock_check(&sb, 0), 0);
}

static void a_table_of_sessions_lies_where_it_must(void **state)
{
	static const uint64_t wrong[][2] = {
		{0, FAM_SESSIONS_BYTES},
		{FAM_MAILBOX_OFFSET, FAM_SESSIONS_BYTES},
		{FAM_SESSIONS_OFFSET + 4096, FAM_SESSIONS_BYTES},
		{FAM_SESSIONS_OFFSET, 2 * FAM_SESSIONS_BYTES},
		{FAM_SESSIONS_OFFSET, 0},
		{2 * MIB, FAM_SESSIONS_BYTES},
		{UINT64_MAX - 4095, FAM_SESSIONS_BYTES},
	};
	struct fam_superblock sb;

	(void)state;
	make(&sb, 1, 0);
	assert_int_equal(sb.feature_compat & FAM_COMPAT_SESSIONS,
			 FAM_COMPAT_SESSIONS);
	assert_true(sb.sessions_offset >=
		    fam_superblock_offset(1) + FAM_SUPERBLOCK_BYTES);
	assert_true(sb.sessions_offset + sb.sessions_bytes <= sb.data_offset);
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		sb.sessions_offset = wrong[i][0];
		sb.sessions_bytes = wrong[i][1];
		fam_superblock_seal(&sb, 0);
		assert_int_equal(fam_superblock_check(&sb, 0), -EBADMSG);
	}
	/* Without the bit these bytes are reserved: ignored. */
	sb.feature_compat = FAM_COMPAT_MAILBOX;
	fam_superblock_seal(&sb, 0);
	assert_int_equal(fam_superblock_check(&sb, 0), 0);
}

static void objects_lie_where_they_must(void **state)
{
	static const uint64_t wrong[][2] = {
		{0, 4 * MIB},
		{60 * MIB, 0},
		{59 * MIB, 4 * MIB},
		{61 * MIB, 4 * MIB},
		{60 * MIB, 4 * MIB - 4096},
		{60 * MIB + 4096, 3 * MIB},
		{64 * MIB, 1 * MIB},
		{UINT64_MAX - MIB + 1, MIB},
		{60 * MIB, UINT64_MAX - MIB + 1},
	};
	struct fam_superblock sb;

	(void)state;
	make(&sb, 1, 0);
	assert_int_equal(sb.feature_compat & FAM_COMPAT_OBJECTS,
			 FAM_COMPAT_OBJECTS);
	assert_int_equal(sb.objects_offset, 60 * MIB);
	assert_int_equal(sb.objects_bytes, 4 * MIB);
	assert_int_equal(fam_superblock_set_regions(&sb, 0), 0);
	assert_int_equal(sb.data_offset + sb.data_bytes, sb.objects_offset);
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		sb.objects_offset = wrong[i][0];
		sb.objects_bytes = wrong[i][1];
		fam_superblock_seal(&sb, 0);
		assert_int_equal(fam_superblock_check(&sb, 0), -EBADMSG);
	}
	/* Without the bit these bytes are reserved: ignored. */
	sb.feature_compat &= ~(FAM_COMPAT_OBJECTS | FAM_COMPAT_REGIONS);
	fam_superblock_seal(&sb, 0);
	assert_int_equal(fam_superblock_check(&sb, 0), 0);
}

static void objects_need_sessions_and_a_parking(void **state)
{
	struct fam_superblock sb;

	(void)state;
	make(&sb, 1, 0);
	sb.feature_compat &= ~FAM_COMPAT_SESSIONS;
	fam_superblock_seal(&sb, 0);
	assert_int_equal(fam_superblock_check(&sb, 0), -EBADMSG);
	make(&sb, 1, 0);
	sb.parking_offset += 4096;
	fam_superblock_seal(&sb, 0);
	assert_int_equal(fam_superblock_check(&sb, 0), -EBADMSG);
	make(&sb, 1, 0);
	sb.parking_bytes = 0;
	fam_superblock_seal(&sb, 0);
	assert_int_equal(fam_superblock_check(&sb, 0), -EBADMSG);
	assert_true(FAM_PARKING_OFFSET >=
		    FAM_SESSIONS_OFFSET + FAM_SESSIONS_BYTES);
	assert_true(FAM_PARKING_OFFSET + FAM_PARKING_BYTES <= FAM_DATA_OFFSET);
}

static void as_much_as_is_wanted_is_for_objects(void **state)
{
	static const uint64_t bad[] = {
		1, MIB - 1, 59 * MIB, 61 * MIB, 64 * MIB, UINT64_MAX - MIB + 1};
	static const uint64_t sizes[][2] = {{16 * MIB, MIB},
					    {32 * MIB, 2 * MIB},
					    {4096 * MIB, 256 * MIB},
					    {8192 * MIB, 256 * MIB},
					    {16 * TIB, 256 * MIB}};
	struct fam_superblock sb, was;

	(void)state;
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		fam_superblock_init(&sb, sizes[i][0], "x", uuid, 0,
				    FAM_DURABILITY_HOST);
		assert_int_equal(sb.objects_bytes, sizes[i][1]);
	}
	make(&sb, 1, 0);
	was = sb;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(fam_superblock_set_objects(&sb, bad[i]),
				 -EINVAL);
		assert_memory_equal(&sb, &was, sizeof(sb));
	}
	assert_int_equal(fam_superblock_set_objects(&sb, 58 * MIB), 0);
	assert_int_equal(sb.data_bytes, FAM_DATA_ALIGN);
	fam_superblock_seal(&sb, 0);
	assert_int_equal(fam_superblock_check(&sb, 0), 0);
	assert_int_equal(fam_superblock_set_objects(&sb, 0), 0);
	assert_int_equal(sb.data_bytes, 60 * MIB);
	assert_int_equal(sb.objects_offset, 0);
	fam_superblock_seal(&sb, 0);
	assert_int_equal(fam_superblock_check(&sb, 0), 0);
}

static void regions_lie_where_they_must(void **state)
{
	static const uint64_t wrong[][2] = {
		{0, 2 * MIB},
		{58 * MIB, 0},
		{57 * MIB, 2 * MIB}, /* in the data */
		{58 * MIB, 3 * MIB}, /* in the objects */
		{60 * MIB, 4 * MIB}, /* the same */
		{62 * MIB, 1 * MIB}, /* the same */
		{64 * MIB, 1 * MIB},
		{58 * MIB, 2 * MIB - 4096},
		{58 * MIB + 4096, 1 * MIB},
		{UINT64_MAX - MIB + 1, MIB},
		{58 * MIB, UINT64_MAX - MIB + 1},
	};
	struct fam_superblock sb;

	(void)state;
	make(&sb, 1, 0);
	assert_int_equal(sb.feature_compat & FAM_COMPAT_REGIONS,
			 FAM_COMPAT_REGIONS);
	assert_int_equal(sb.regions_offset, 58 * MIB);
	assert_int_equal(sb.regions_bytes, 2 * MIB);
	assert_int_equal(sb.data_offset + sb.data_bytes, sb.regions_offset);
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		sb.regions_offset = wrong[i][0];
		sb.regions_bytes = wrong[i][1];
		fam_superblock_seal(&sb, 0);
		assert_int_equal(fam_superblock_check(&sb, 0), -EBADMSG);
	}
	/* Without the bit these bytes are reserved: ignored. */
	sb.feature_compat &= ~FAM_COMPAT_REGIONS;
	fam_superblock_seal(&sb, 0);
	assert_int_equal(fam_superblock_check(&sb, 0), 0);
	/* They need what objects need. */
	make(&sb, 1, 0);
	sb.feature_compat &= ~FAM_COMPAT_OBJECTS;
	fam_superblock_seal(&sb, 0);
	assert_int_equal(fam_superblock_check(&sb, 0), -EBADMSG);
}

static void as_much_as_is_wanted_is_for_regions(void **state)
{
	static const uint64_t bad[] = {1, MIB - 1, 57 * MIB, 64 * MIB,
				       UINT64_MAX - MIB + 1};
	static const uint64_t sizes[][2] = {{16 * MIB, MIB},
					    {32 * MIB, MIB},
					    {64 * MIB, 2 * MIB},
					    {1024 * MIB, 32 * MIB},
					    {16 * TIB, 32 * MIB}};
	struct fam_superblock sb, was;

	(void)state;
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		fam_superblock_init(&sb, sizes[i][0], "x", uuid, 0,
				    FAM_DURABILITY_HOST);
		assert_int_equal(sb.regions_bytes, sizes[i][1]);
	}
	make(&sb, 1, 0);
	was = sb;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(fam_superblock_set_regions(&sb, bad[i]),
				 -EINVAL);
		assert_memory_equal(&sb, &was, sizeof(sb));
	}
	assert_int_equal(fam_superblock_set_regions(&sb, 56 * MIB), 0);
	assert_int_equal(sb.data_bytes, FAM_DATA_ALIGN);
	fam_superblock_seal(&sb, 0);
	assert_int_equal(fam_superblock_check(&sb, 0), 0);
	assert_int_equal(fam_superblock_set_regions(&sb, 0), 0);
	assert_int_equal(sb.regions_offset, 0);
	assert_int_equal(sb.data_bytes, 58 * MIB);
	fam_superblock_seal(&sb, 0);
	assert_int_equal(fam_superblock_check(&sb, 0), 0);
}

/* As they were made before there were sessions. */
static void the_format_with_a_mailbox_opens_for_ever(void **state)
{
	struct fam_superblock sb[2];
	unsigned int chosen, damaged;

	(void)state;
	read_image(TESTS_DATA "/format-v1-mailbox.sb0", &sb[0]);
	read_image(TESTS_DATA "/format-v1-mailbox.sb1", &sb[1]);
	assert_int_equal(fam_superblock_choose(sb, &chosen, &damaged), 0);
	assert_int_equal(chosen, 0);
	assert_int_equal(damaged, 0);
	assert_string_equal(sb[0].label, "golden-v1");
	assert_int_equal(sb[0].feature_compat, FAM_COMPAT_MAILBOX);
	assert_int_equal(sb[0].mailbox_offset, FAM_MAILBOX_OFFSET);
	assert_int_equal(sb[0].sessions_offset, 0);
	assert_int_equal(sb[0].sessions_bytes, 0);
}

/* As they were made before there were objects. */
static void the_format_with_sessions_opens_for_ever(void **state)
{
	struct fam_superblock sb[2];
	unsigned int chosen, damaged;

	(void)state;
	read_image(TESTS_DATA "/format-v1-sessions.sb0", &sb[0]);
	read_image(TESTS_DATA "/format-v1-sessions.sb1", &sb[1]);
	assert_int_equal(fam_superblock_choose(sb, &chosen, &damaged), 0);
	assert_int_equal(chosen, 0);
	assert_int_equal(damaged, 0);
	assert_int_equal(sb[0].feature_compat,
			 FAM_COMPAT_MAILBOX | FAM_COMPAT_SESSIONS);
	assert_int_equal(sb[0].sessions_offset, FAM_SESSIONS_OFFSET);
	assert_int_equal(sb[0].data_bytes, 62 * MIB);
	assert_int_equal(sb[0].parking_offset, 0);
	assert_int_equal(sb[0].objects_bytes, 0);
}

/* As they were made before there were regions. */
static void the_format_with_objects_opens_for_ever(void **state)
{
	struct fam_superblock sb[2];
	unsigned int chosen, damaged;

	(void)state;
	read_image(TESTS_DATA "/format-v1-objects.sb0", &sb[0]);
	read_image(TESTS_DATA "/format-v1-objects.sb1", &sb[1]);
	assert_int_equal(fam_superblock_choose(sb, &chosen, &damaged), 0);
	assert_int_equal(chosen, 0);
	assert_int_equal(damaged, 0);
	assert_int_equal(sb[0].feature_compat, FAM_COMPAT_MAILBOX |
						       FAM_COMPAT_SESSIONS |
						       FAM_COMPAT_OBJECTS);
	assert_int_equal(sb[0].objects_offset, 60 * MIB);
	assert_int_equal(sb[0].data_bytes, 58 * MIB);
	assert_int_equal(sb[0].regions_bytes, 0);
}

static void todays_superblock_is_the_stored_one(void **state)
{
	struct fam_superblock stored, made;
	uint8_t id[FAM_UUID_BYTES];

	(void)state;
	for (unsigned int i = 0; i < sizeof(id); i++)
		id[i] = (uint8_t)(0x11 * i);
	for (unsigned int copy = 0; copy < 2; copy++) {
		read_image(copy ? TESTS_DATA "/format-v1-regions.sb1"
				: TESTS_DATA "/format-v1-regions.sb0",
			   &stored);
		assert_int_equal(
			fam_superblock_init(&made, 64 * MIB, "golden-v1", id,
					    UINT64_C(1700000000123456789),
					    FAM_DURABILITY_HOST),
			0);
		fam_superblock_seal(&made, copy);
		assert_memory_equal(&made, &stored, sizeof(made));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(crc32c_gives_the_published_values),
		cmocka_unit_test(init_refuses_what_is_out_of_range),
		cmocka_unit_test(new_superblocks_are_valid_in_their_place_only),
		cmocka_unit_test(every_flipped_bit_is_found),
		cmocka_unit_test(bad_fields_are_found_under_a_good_checksum),
		cmocka_unit_test(newer_formats_are_told_from_damage),
		cmocka_unit_test(choose_takes_the_higher_generation),
		cmocka_unit_test(choose_uses_the_copy_that_is_left),
		cmocka_unit_test(choose_reports_a_copy_of_another_fabric),
		cmocka_unit_test(choose_fails_and_leaves_the_outputs),
		cmocka_unit_test(labels_are_safe_names),
		cmocka_unit_test(uuids_come_back_from_their_text),
		cmocka_unit_test(the_first_format_opens_for_ever),
		cmocka_unit_test(a_fabric_without_a_mailbox_has_none),
		cmocka_unit_test(a_mailbox_lies_where_it_must),
		cmocka_unit_test(a_table_of_sessions_lies_where_it_must),
		cmocka_unit_test(objects_lie_where_they_must),
		cmocka_unit_test(objects_need_sessions_and_a_parking),
		cmocka_unit_test(as_much_as_is_wanted_is_for_objects),
		cmocka_unit_test(the_format_with_a_mailbox_opens_for_ever),
		cmocka_unit_test(the_format_with_sessions_opens_for_ever),
		cmocka_unit_test(the_format_with_objects_opens_for_ever),
		cmocka_unit_test(regions_lie_where_they_must),
		cmocka_unit_test(as_much_as_is_wanted_is_for_regions),
		cmocka_unit_test(todays_superblock_is_the_stored_one),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
