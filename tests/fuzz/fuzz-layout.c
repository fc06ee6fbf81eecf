// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
/*
 * Superblocks as any node may have scribbled them. The first byte says what is
 * put right afterwards, so that the fields behind magic and checksum are
 * reached; then follow the two copies, zero where the input ends.
 */
#include <errno.h>
#include <stdint.h>
#include <string.h>

#include <fam/layout.h>

#include "must.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

#define FIX_MAGIC 0x01 /* bits for copy 0; those for copy 1 are 4 higher */
#define FIX_SEAL  0x02
#define FIX_START \
	0x04 /* begin with a valid superblock, XOR the input to it \
	      */

static void start_valid(struct fam_superblock *sb)
{
	static const uint8_t uuid[FAM_UUID_BYTES] = {1};

	must(fam_superblock_init(sb, UINT64_C(1) << 30, "fuzz", uuid, 1,
				 FAM_DURABILITY_HOST) == 0);
}

/* One copy from the input; returns the bytes used. */
static size_t take(struct fam_superblock *sb, unsigned int copy, uint8_t fix,
		   const uint8_t *data, size_t len)
{
	uint8_t *bytes = (uint8_t *)sb;

	if (len > sizeof(*sb))
		len = sizeof(*sb);
	memset(sb, 0, sizeof(*sb));
	if (fix & FIX_START)
		start_valid(sb);
	for (size_t i = 0; i < len; i++)
		bytes[i] ^= data[i];
	if (fix & FIX_MAGIC)
		memcpy(sb->magic, FAM_SUPERBLOCK_MAGIC, sizeof(sb->magic));
	if (fix & FIX_SEAL)
		fam_superblock_seal(sb, copy);
	return len;
}

/* What every user of a superblock that passed relies on. */
static void check_promises(const struct fam_superblock *sb)
{
	uint8_t uuid[FAM_UUID_BYTES];
	char text[FAM_UUID_TEXT];

	must(sb->size >= FAM_FORMATTED_MIN && sb->size <= FAM_SIZE_MAX);
	must((sb->size & (sb->size - 1)) == 0);
	must(sb->data_offset >= FAM_DATA_OFFSET);
	must(sb->data_offset % FAM_DATA_ALIGN == 0);
	must(sb->data_bytes > 0 && sb->data_bytes <= sb->size);
	must(sb->data_offset <= sb->size - sb->data_bytes);
	must(memchr(sb->label, '\0', sizeof(sb->label)) != NULL);
	must(fam_label_check(sb->label) == 0);
	must(fam_uuid_parse(fam_uuid_format(sb->uuid, text), uuid) == 0);
	must(memcmp(uuid, sb->uuid, sizeof(uuid)) == 0);
}

static void check_choice(const struct fam_superblock sb[FAM_SUPERBLOCK_COPIES])
{
	unsigned int chosen = 2, damaged = 4;
	int r = fam_superblock_choose(sb, &chosen, &damaged);

	if (r == 0) {
		must(chosen < FAM_SUPERBLOCK_COPIES && damaged < 4);
		must(!(damaged & 1u << chosen));
		must(fam_superblock_check(&sb[chosen], chosen) == 0);
		return;
	}
	must(r == -EPROTONOSUPPORT || r == -EBADMSG || r == -EMEDIUMTYPE);
	must(chosen == 2 && damaged == 4);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct fam_superblock sb[FAM_SUPERBLOCK_COPIES];
	uint8_t fix = len ? data[0] : 0;
	size_t used = len ? 1 : 0;

	for (unsigned int copy = 0; copy < FAM_SUPERBLOCK_COPIES; copy++) {
		used += take(&sb[copy], copy, (uint8_t)(fix >> 4 * copy),
			     data + used, len - used);
		if (fam_superblock_check(&sb[copy], copy) == 0)
			check_promises(&sb[copy]);
	}
	check_choice(sb);
	return 0;
}
