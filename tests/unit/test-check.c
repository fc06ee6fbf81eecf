// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
/* What fam_check() says of what a crash leaves, of losses, and of itself. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include <cmocka.h>

#include "fabric-file.h"
#include "objects/fam-directory.h"

#include "check-file.h"

#define CHURN_MS 400

static struct check_file file;

static int set_up_in(const char *base,
		     void (*change)(struct fam_superblock *sb))
{
	if (check_file_set_up(&file, base, change))
		return -1;
	return 0;
}

static int set_up(void **state)
{
	(void)state;
	if (set_up_in("/tmp", check_file_in_memory))
		return -1;
	check_file_fill(file.fam);
	check_file_is_clean(&file);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	return check_file_tear_down(&file);
}

static void reboot(void)
{
	atomic_fetch_add(&check_file_sessions(&file)->boot, 1);
}

static void repair(void)
{
	assert_int_equal(check_file_check(&file, file.fam, FAM_CHECK_REPAIR),
			 0);
	assert_int_equal(file.sum.repaired, file.problems);
}

/* Both copies of an entry, as somebody else's program would have written it. */
static void write_entry(uint32_t i, const struct fam_region_entry *as)
{
	struct fam_region_entry entry = *as;

	fam_region_seal(&entry, file.fam->sb.uuid, i);
	*check_file_entry(&file, 0, i) = entry;
	*check_file_entry(&file, 1, i) = entry;
	atomic_store(&check_file_seen(&file, i)->generation, entry.generation);
}

static struct fam_region_entry read_entry(int region)
{
	int index = check_file_find(&file, region);

	assert_true(index >= 0);
	return *check_file_entry(&file, 0, (uint32_t)index);
}

/* An entry that none has used yet. */
static uint32_t unused_entry(void)
{
	for (uint32_t i = 0; i < file.regions.entries; i++) {
		if (check_file_entry(&file, 0, i)->magic == 0 &&
		    check_file_entry(&file, 1, i)->magic == 0)
			return i;
	}
	fail();
	return 0;
}

static void raise_stamp(uint64_t to)
{
	atomic_store(&check_file_live(&file)->stamp, to);
}

/* --- what it says of itself --------------------------------------------------------- */

static void a_whole_fabric_has_no_problems_and_a_summary(void **state)
{
	struct fam_region_space space;

	(void)state;
	check_file_is_clean(&file);
	assert_int_equal(fam_region_space(file.fam, &space, sizeof(space)), 0);
	assert_int_equal(file.sum.regions, REGIONS);
	assert_int_equal(file.sum.objects, OBJECTS);
	assert_int_equal(file.sum.taken, space.taken);
	assert_int_equal(file.sum.free, space.free);
	assert_int_equal(file.sum.taken + file.sum.free, 12 * MIB);
	assert_int_equal(file.sum.notes + file.sum.damages + file.sum.losses +
				 file.sum.repaired,
			 0);
}

static void flags_that_are_unknown_are_refused(void **state)
{
	(void)state;
	assert_int_equal(fam_check(file.fam, 2, NULL, NULL, NULL), -EINVAL);
}

static void a_raw_fabric_has_nothing_to_be_checked(void **state)
{
	struct fam_check_summary sum = {.regions = 77};
	struct fam *fam;

	(void)state;
	close(file_make(workdir_path(&file.work, "raw.fam"), MIB));
	assert_int_equal(fam_open(&fam, file.work.path, FAM_OPEN_RAW), 0);
	assert_int_equal(fam_check(fam, 0, NULL, NULL, &sum), -EMEDIUMTYPE);
	assert_int_equal(sum.regions, 77);
	fam_close(fam);
}

static void it_looks_without_a_session_and_stores_nothing(void **state)
{
	static char before[2 * MIB];
	struct fam *fam;

	(void)state;
	file.bytes[fam_superblock_offset(1) + 3000] ^= 1;
	check_file_entry(&file, 0, 2)->mode ^= 1;
	memcpy(before, file.bytes + REGIONS_OFFSET, sizeof(before));
	assert_int_equal(fam_open(&fam, file.path, FAM_OPEN_RDONLY), 0);
	assert_int_equal(check_file_check(&file, fam, 0), 0);
	assert_int_equal(file.sum.damages, 2);
	assert_int_equal(file.sum.repaired, 0);
	assert_memory_equal(before, file.bytes + REGIONS_OFFSET,
			    sizeof(before));
	assert_int_equal(check_file_check(&file, fam, FAM_CHECK_REPAIR),
			 -EROFS);
	fam_close(fam);
}

static void repair_needs_a_session(void **state)
{
	struct fam *fam;

	(void)state;
	assert_int_equal(fam_open(&fam, file.path, FAM_OPEN_NO_SESSION), 0);
	assert_true(fam_check(fam, FAM_CHECK_REPAIR, NULL, NULL, NULL) < 0);
	assert_int_equal(check_file_check(&file, fam, 0), 0);
	check_file_found(&file, 0);
	fam_close(fam);
}

static int stop_at_once(const struct fam_check_problem *p, void *arg)
{
	(void)p;
	++*(int *)arg;
	return 42;
}

static void the_visitor_can_end_it(void **state)
{
	int calls = 0;

	(void)state;
	file.bytes[fam_superblock_offset(0) + 3000] ^= 1;
	check_file_entry(&file, 0, 2)->mode ^= 1;
	assert_int_equal(fam_check(file.fam, 0, stop_at_once, &calls, NULL),
			 42);
	assert_int_equal(calls, 1);
}

static void problems_come_in_the_order_of_their_places(void **state)
{
	(void)state;
	check_file_entry(&file, 1, 3)->mode ^= 1;
	check_file_entry(&file, 0, 5)->mode ^= 1;
	file.bytes[fam_superblock_offset(1) + 3000] ^= 1;
	assert_int_equal(check_file_check(&file, file.fam, 0), 0);
	check_file_found(&file, 3);
	assert_string_equal(file.problem[0].part, "superblock, copy 1");
	assert_string_equal(file.problem[1].part, "region entry 5, copy 0");
	assert_string_equal(file.problem[2].part, "region entry 3, copy 1");
	assert_string_equal(file.problem[2].text,
			    "its checksum is wrong; the other one serves");
	repair();
	check_file_is_clean(&file);
}

/* --- what a crash leaves -------------------------------------------------------------- */

static void a_torn_copy_after_a_new_start_is_a_note(void **state)
{
	(void)state;
	check_file_entry(&file, 1, 3)->changed_ns++;
	reboot();
	assert_int_equal(check_file_check(&file, file.fam, 0), 0);
	check_file_found(&file, 1);
	assert_int_equal(file.sum.notes, 1);
	repair();
	check_file_is_clean(&file);
	assert_int_equal(file.sum.regions, REGIONS);
}

static void a_torn_first_write_is_no_loss(void **state)
{
	uint32_t i = unused_entry();

	(void)state;
	*check_file_entry(&file, 1, i) = read_entry(1);
	check_file_entry(&file, 1, i)->name[1] ^= 1;
	reboot();
	assert_int_equal(check_file_check(&file, file.fam, 0), 0);
	assert_int_equal(file.sum.notes, 1);
	assert_int_equal(file.sum.losses, 0);
	check_file_create(file.fam, 90); /* it keeps nobody from anything */
	repair();
	check_file_is_clean(&file);
	assert_int_equal(file.sum.regions, REGIONS + 1);
}

static void what_the_dead_were_making_is_a_note(void **state)
{
	struct fam_region_entry entry = read_entry(2);
	uint32_t i = unused_entry();

	(void)state;
	entry.state = FAM_REGION_MAKING;
	entry.holder = UINT64_C(0x123456789a) << 24 | 77 << 14;
	entry.boot = fam_regions_boot(file.fam);
	entry.offset = 10 * MIB;
	entry.generation = 2;
	entry.serial += 1000;
	memset(entry.name, 0, sizeof(entry.name));
	strcpy(entry.name, "dead");
	write_entry(i, &entry);
	atomic_store(&check_file_live(&file)->serial, entry.serial);
	assert_int_equal(check_file_check(&file, file.fam, 0), 0);
	check_file_found(&file, 1);
	assert_int_equal(file.sum.notes, 1);
	assert_int_equal(file.sum.regions, REGIONS);
	repair();
	check_file_is_clean(&file);
	assert_int_equal(check_file_entry(&file, 0, i)->state, FAM_REGION_FREE);
}

static void changes_that_are_not_on_the_disk_are_a_note(void **state)
{
	(void)state;
	check_file_create(file.fam, 90);
	check_file_create(file.fam, 91);
	assert_int_equal(check_file_check(&file, file.fam, 0), 0);
	check_file_found(&file, 1);
	assert_int_equal(file.sum.notes, 1);
	assert_int_equal(file.sum.regions, REGIONS + 2);
	assert_non_null(strstr(file.problem[0].text, "2 entries are changed"));
	repair();
	check_file_is_clean(&file);
}

static void the_last_change_that_is_lost_is_a_loss(void **state)
{
	const struct fam_region_rights rights = {
		.mode = 0600, .uid = UINT32_MAX, .gid = UINT32_MAX};
	struct fam_region_info info;
	struct fam_region_entry old;
	unsigned int changed;
	char name[32];
	uint32_t i;

	(void)state;
	i = (uint32_t)check_file_find(&file, 7);
	old = *check_file_entry(&file, 0, i);
	check_file_name(name, 7);
	assert_int_equal(
		fam_region_set(file.fam, name, &rights, FAM_REGION_NO_SYNC), 0);
	changed = check_file_entry(&file, 1, i)->mode == 0600;
	check_file_entry(&file, changed, i)->type ^= 1;
	assert_int_equal(check_file_check(&file, file.fam, 0), 0);
	check_file_found(&file, 1);
	assert_int_equal(file.sum.losses, 1);
	repair();
	check_file_is_clean(&file);
	assert_int_equal(fam_region_find(file.fam, name, &info, sizeof(info)),
			 0);
	assert_int_equal(info.mode, old.mode);
}

/* --- two that cannot be there together -------------------------------------------------- */

/* A later one in the space, or of the name, of region 3. */
static uint32_t add_rival(const char *name, uint64_t offset)
{
	struct fam_region_entry entry = read_entry(3);
	uint32_t i = unused_entry();

	entry.serial += 1000;
	entry.stamp += 1000;
	entry.generation = 2;
	if (name)
		memset(entry.name, 0, sizeof(entry.name));
	if (name)
		strcpy(entry.name, name);
	if (offset)
		entry.offset = offset;
	write_entry(i, &entry);
	atomic_store(&check_file_live(&file)->serial, entry.serial);
	raise_stamp(entry.stamp);
	return i;
}

static void assert_rival(enum fam_check_level level, const char *what)
{
	struct fam_region_info info;
	char part[64];

	snprintf(part, sizeof(part), "region entry %d, %s",
		 check_file_find(&file, 3), what);
	assert_int_equal(check_file_check(&file, file.fam, 0), 0);
	check_file_found(&file, 1);
	assert_int_equal(file.problem[0].level, level);
	assert_string_equal(file.problem[0].part, part);
	repair();
	check_file_is_clean(&file);
	assert_int_equal(file.sum.regions, REGIONS);
	assert_int_equal(fam_region_find(file.fam,
					 strcmp(what, "space") ? "r03/\xc3\xa4"
							       : "rival",
					 &info, sizeof(info)),
			 0);
}

static void of_two_that_overlap_the_later_one_stays(void **state)
{
	(void)state;
	add_rival("rival", 0);
	reboot();
	assert_rival(FAM_CHECK_NOTE, "space");
}

static void an_overlap_that_no_crash_left_is_a_loss(void **state)
{
	(void)state;
	add_rival("rival", 0);
	assert_rival(FAM_CHECK_LOSS, "space");
}

static void of_two_with_one_name_the_later_one_stays(void **state)
{
	struct fam_region_info info;
	uint64_t at = 10 * MIB;

	(void)state;
	add_rival(NULL, at);
	reboot();
	assert_rival(FAM_CHECK_NOTE, "name");
	assert_int_equal(
		fam_region_find(file.fam, "r03/\xc3\xa4", &info, sizeof(info)),
		0);
	assert_int_equal(info.offset, at);
}

/* --- losses ------------------------------------------------------------------------------- */

static void as_long_as_an_entry_is_lost_nothing_is_created(void **state)
{
	const struct fam_region_want want = {.bytes = 100};
	uint32_t i = (uint32_t)check_file_find(&file, 4);

	(void)state;
	check_file_entry(&file, 0, i)->bytes++;
	check_file_entry(&file, 1, i)->bytes++;
	reboot();
	assert_int_equal(fam_region_create(file.fam, "new", &want, NULL),
			 -EBADMSG);
	repair();
	assert_int_equal(file.sum.losses, 1);
	assert_int_equal(fam_region_create(file.fam, "new", &want, NULL), 0);
	check_file_is_clean(&file);
	assert_int_equal(file.sum.regions, REGIONS);
}

static void both_superblocks_are_written_anew_from_memory(void **state)
{
	struct fam *fam;

	(void)state;
	memset(file.bytes, 0, FAM_SUPERBLOCK_BYTES);
	file.bytes[fam_superblock_offset(1) + 9] ^= 1;
	assert_int_equal(fam_open(&fam, file.path, 0), -EBADMSG);
	assert_int_equal(check_file_check(&file, file.fam, 0), 0);
	assert_int_equal(file.sum.losses, 2);
	repair();
	check_file_is_clean(&file);
	assert_int_equal(fam_open(&fam, file.path, 0), 0);
	fam_close(fam);
}

static void a_superblock_of_before_is_a_note(void **state)
{
	struct fam_superblock *second =
		(void *)(file.bytes + fam_superblock_offset(1));

	(void)state;
	second->generation++;
	fam_superblock_seal(second, 1);
	assert_int_equal(check_file_check(&file, file.fam, 0), 0);
	check_file_found(&file, 1);
	assert_int_equal(file.sum.notes, 1);
	assert_string_equal(file.problem[0].part, "superblock, copy 0");
	repair();
	check_file_is_clean(&file);
	assert_int_equal(
		((struct fam_superblock *)(void *)file.bytes)->generation, 2);
}

/* What no crash leaves and no single byte tells. */
static void an_object_whose_entry_is_gone_is_lost(void **state)
{
	struct fam_objects_entry *entry =
		(void *)(file.bytes + OBJECTS_OFFSET + file.objects.entry);

	(void)state;
	entry[2].name[0] ^= 1;
	entry[2].bytes ^= 64;
	assert_int_equal(check_file_check(&file, file.fam, 0), 0);
	check_file_found(&file, 1);
	assert_int_equal(file.sum.losses, 1);
	repair();
	check_file_is_clean(&file);
	assert_int_equal(file.sum.objects, OBJECTS - 1);
}

/* What a node wrote as a name, with a byte of the checksum that is another. */
static void a_name_that_none_can_have_is_not_told(void **state)
{
	char *area = file.bytes + OBJECTS_OFFSET;
	struct fam_objects_entry *entry = (void *)(area + file.objects.entry);
	fam_word *word = (fam_word *)(void *)(area + file.objects.word);

	(void)state;
	memset(entry[2].name, 0, sizeof(entry[2].name));
	strcpy(entry[2].name, "\033]0;owned\007");
	word[2] = fam_object_ready_word(entry[2].name, entry[2].serial);
	entry[2].crc32c = fam_directory_seal(&entry[2]) ^ 0x55;
	assert_int_equal(check_file_check(&file, file.fam, 0), 0);
	check_file_found(&file, 1);
	assert_int_equal(file.problem[0].level, FAM_CHECK_LOSS);
	assert_null(strchr(file.problem[0].text, '\033'));
	repair();
	check_file_is_clean(&file);
	assert_int_equal(file.sum.objects, OBJECTS - 1);
}

static void objects_of_a_later_release_are_left_alone(void **state)
{
	static char before[MIB];
	char *area = file.bytes + OBJECTS_OFFSET;
	fam_word *word = (fam_word *)(void *)(area + file.objects.word);

	(void)state;
	area[0] = 1;
	word[0] = UINT64_C(0x123456789abcdef2);
	memcpy(before, area, file.objects.memory);
	assert_int_equal(check_file_check(&file, file.fam, FAM_CHECK_REPAIR),
			 0);
	check_file_found(&file, 1);
	assert_int_equal(file.sum.losses, 1);
	assert_int_equal(file.sum.repaired, 0);
	assert_memory_equal(before + 4096, area + 4096,
			    file.objects.memory - 4096);
}

/* --- fabrics of all kinds ------------------------------------------------------------------ */

static void without_anything(struct fam_superblock *sb)
{
	sb->feature_compat = 0;
	sb->mailbox_offset = sb->mailbox_bytes = 0;
	sb->sessions_offset = sb->sessions_bytes = 0;
	sb->parking_offset = sb->parking_bytes = 0;
	sb->objects_offset = sb->objects_bytes = 0;
	sb->regions_offset = sb->regions_bytes = 0;
	sb->durability = FAM_DURABILITY_GUEST;
}

static void the_first_format_has_two_superblocks(void **state)
{
	(void)state;
	assert_int_equal(set_up_in("/tmp", without_anything), 0);
	check_file_is_clean(&file);
	file.bytes[100] ^= 1;
	assert_int_equal(check_file_check(&file, file.fam, 0), 0);
	assert_int_equal(file.sum.damages, 1);
	repair();
	check_file_is_clean(&file);
	tear_down(state);
}

/* Nothing there outlives the host, so nothing is missing. */
static void where_there_is_no_disk_it_repairs_nevertheless(void **state)
{
	(void)state;
	assert_int_equal(set_up_in("/dev/shm", NULL), 0);
	check_file_is_clean(&file);
	file.bytes[100] ^= 1;
	repair();
	check_file_is_clean(&file);
	tear_down(state);
}

/* --- while others work ------------------------------------------------------------------------ */

static atomic_bool enough;

static void *churn(void *arg)
{
	const struct fam_region_want want = {.bytes = 5000,
					     .flags = FAM_REGION_NO_SYNC};
	struct fam *fam;
	unsigned int round = 0;

	(void)arg;
	if (fam_open(&fam, file.path, 0) < 0)
		return "open";
	while (!atomic_load(&enough)) {
		const char *name = round % 2 ? "churn/a" : "churn/b";
		uint32_t how = round++ % 8 ? FAM_REGION_NO_SYNC : 0;

		if (fam_region_create(fam, name, &want, NULL) < 0 ||
		    fam_region_rename(fam, name, "churn/c", how) < 0 ||
		    fam_region_destroy(fam, "churn/c", how) < 0) {
			fam_close(fam);
			return "change";
		}
	}
	fam_close(fam);
	return NULL;
}

static bool is_later(int64_t end_ms)
{
	return fam_now_ms() >= end_ms;
}

static void what_others_are_changing_is_no_damage(void **state)
{
	int64_t end = fam_now_ms() + CHURN_MS;
	unsigned int checks = 0;
	struct fam *reader;
	pthread_t thread;
	void *failed;

	(void)state;
	assert_int_equal(fam_open(&reader, file.path, FAM_OPEN_RDONLY), 0);
	atomic_store(&enough, false);
	assert_int_equal(pthread_create(&thread, NULL, churn, NULL), 0);
	do {
		bool repairs = checks++ % 4 == 3;

		assert_int_equal(
			check_file_check(&file, repairs ? file.fam : reader,
					 repairs ? FAM_CHECK_REPAIR : 0),
			0);
		for (size_t i = 0; i < file.problems; i++) {
			if (file.problem[i].level != FAM_CHECK_NOTE)
				fail_msg("%s: %s", file.problem[i].part,
					 file.problem[i].text);
		}
	} while (!is_later(end) || checks < 20);
	atomic_store(&enough, true);
	pthread_join(thread, &failed);
	assert_null(failed);
	fam_close(reader);
	repair();
	check_file_is_clean(&file);
	assert_int_equal(file.sum.regions, REGIONS);
}

#define ON_A_FILE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		ON_A_FILE(a_whole_fabric_has_no_problems_and_a_summary),
		ON_A_FILE(flags_that_are_unknown_are_refused),
		ON_A_FILE(a_raw_fabric_has_nothing_to_be_checked),
		ON_A_FILE(it_looks_without_a_session_and_stores_nothing),
		ON_A_FILE(repair_needs_a_session),
		ON_A_FILE(the_visitor_can_end_it),
		ON_A_FILE(problems_come_in_the_order_of_their_places),
		ON_A_FILE(a_torn_copy_after_a_new_start_is_a_note),
		ON_A_FILE(a_torn_first_write_is_no_loss),
		ON_A_FILE(what_the_dead_were_making_is_a_note),
		ON_A_FILE(changes_that_are_not_on_the_disk_are_a_note),
		ON_A_FILE(the_last_change_that_is_lost_is_a_loss),
		ON_A_FILE(of_two_that_overlap_the_later_one_stays),
		ON_A_FILE(an_overlap_that_no_crash_left_is_a_loss),
		ON_A_FILE(of_two_with_one_name_the_later_one_stays),
		ON_A_FILE(as_long_as_an_entry_is_lost_nothing_is_created),
		ON_A_FILE(both_superblocks_are_written_anew_from_memory),
		ON_A_FILE(a_superblock_of_before_is_a_note),
		ON_A_FILE(an_object_whose_entry_is_gone_is_lost),
		ON_A_FILE(a_name_that_none_can_have_is_not_told),
		ON_A_FILE(objects_of_a_later_release_are_left_alone),
		cmocka_unit_test(the_first_format_has_two_superblocks),
		cmocka_unit_test(
			where_there_is_no_disk_it_repairs_nevertheless),
		ON_A_FILE(what_others_are_changing_is_no_damage),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
