// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
/*
 * Durable objects and power cuts. What libfam has written back is on the disk;
 * whatever else it has stored may be, page by page, or may not. This program's own
 * msync() and fdatasync() know what was written, and cut the power at each of
 * them: what was acknowledged must be found, whole.
 */
#include <errno.h>
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cmocka.h>

#include "fabric-file.h"
#include "object-file.h"

#define PAGE   4096
#define PAGES  (OBJECTS_BYTES / PAGE)
#define NAMES  12
#define STEPS  600
#define LENGTH 20000 /* of an object at most */

static struct object_file file;
static struct fam *fam;
static unsigned int seed;

/* What was last acknowledged of a name. */
static struct {
	bool there; /* it must be there after a power cut */
	char fill;  /* what it is full of */
	uint64_t bytes, serial;
} promised[NAMES];

static struct {
	bool on;
	int syncs, cuts;
	int error; /* what the next sync fails with */
	char pages[OBJECTS_BYTES];
} disk;

/* --- power cuts -------------------------------------------------------------------- */

static const char *name_of(int i)
{
	static char name[16];

	snprintf(name, sizeof(name), "d%d", i);
	return name;
}

static void check_object(struct fam *cut, int i)
{
	const struct fam_object_want want = {.type = FAM_OBJECT_MEMORY};
	struct fam_object *object;
	const char *memory;

	assert_int_equal(fam_object_open(cut, name_of(i), &want, &object), 0);
	memory = fam_object_memory(object);
	assert_int_equal(fam_object_bytes(object), promised[i].bytes);
	for (uint64_t at = 0; at < promised[i].bytes; at++)
		assert_int_equal(memory[at], promised[i].fill);
	fam_object_close(object);
}

/* A durable one whose removal was not acknowledged may be back, but whole. */
static int check_whatever(const struct fam_object_info *info, void *arg)
{
	int i = atoi(info->name + 1);

	if (promised[i].serial == info->serial)
		check_object(arg, i);
	return 0;
}

/* Of each page what is on the disk, or, with @percent, what is in memory. */
static void write_image(int fd, unsigned int percent)
{
	for (unsigned int i = 0; i < PAGES; i++) {
		bool written = (unsigned int)rand_r(&seed) % 100 < percent;
		const char *page =
			(written ? file.area : disk.pages) + i * PAGE;

		assert_int_equal(pwrite(fd, page, PAGE,
					(off_t)(OBJECTS_OFFSET + i * PAGE)),
				 PAGE);
	}
}

static void cut_power(unsigned int percent)
{
	char path[64];
	struct fam *cut;
	int fd;

	snprintf(path, sizeof(path), "cut%d", disk.cuts++);
	fabric_make(&file.work, path, 9, NULL);
	fd = open(file.work.path, O_RDWR | O_CLOEXEC);
	write_image(fd, percent);
	close(fd);
	assert_int_equal(fam_open(&cut, file.work.path, 0), 0);
	for (int i = 0; i < NAMES; i++) {
		if (promised[i].there)
			check_object(cut, i);
	}
	assert_int_equal(fam_object_each(cut, check_whatever, cut), 0);
	fam_close(cut);
	assert_int_equal(unlink(file.work.path), 0);
}

/* Before a write-back and after it, with little, half or all of the rest. */
static void cut_power_now_and_then(void)
{
	static const unsigned int percents[] = {0, 10, 50, 90};

	if (disk.on && rand_r(&seed) % 3 == 0) {
		disk.on = false;
		cut_power(percents[rand_r(&seed) % 4]);
		disk.on = true;
	}
}

/* --- write-back --------------------------------------------------------------------- */

/* Where in the fabric an address lies, as the kernel tells. */
static uint64_t file_offset(const void *addr)
{
	FILE *maps = fopen("/proc/self/maps", "r");
	uint64_t first, end, offset, at = (uint64_t)(uintptr_t)addr;
	uint64_t found = UINT64_MAX;
	char line[1024];

	assert_non_null(maps);
	while (fgets(line, sizeof(line), maps)) {
		if (sscanf(line, "%" SCNx64 "-%" SCNx64 " %*s %" SCNx64, &first,
			   &end, &offset) == 3 &&
		    at >= first && at < end)
			found = at - first + offset;
	}
	fclose(maps);
	assert_true(found != UINT64_MAX);
	return found;
}

static void write_back(uint64_t first, uint64_t end)
{
	if (first < OBJECTS_OFFSET)
		first = OBJECTS_OFFSET;
	if (end > OBJECTS_OFFSET + OBJECTS_BYTES)
		end = OBJECTS_OFFSET + OBJECTS_BYTES;
	for (first = first / PAGE * PAGE; first < end; first += PAGE)
		memcpy(disk.pages + (first - OBJECTS_OFFSET),
		       file.area + (first - OBJECTS_OFFSET), PAGE);
}

static int synced(uint64_t first, uint64_t end)
{
	int error = disk.error;

	if (!disk.on)
		return 0;
	disk.syncs++;
	cut_power_now_and_then();
	if (error) {
		errno = error;
		return -1;
	}
	write_back(first, end);
	cut_power_now_and_then();
	return 0;
}

int msync(void *addr, size_t len, int flags)
{
	uint64_t offset = disk.on ? file_offset(addr) : 0;

	if (syscall(SYS_msync, addr, len, flags) < 0)
		return -1;
	return synced(offset, offset + len);
}

int fdatasync(int fd)
{
	if (syscall(SYS_fdatasync, fd) < 0)
		return -1;
	return synced(OBJECTS_OFFSET, OBJECTS_OFFSET + OBJECTS_BYTES);
}

/* --- the tests ------------------------------------------------------------------------ */

static int set_up(void **state)
{
	const char *base = getenv("TMPDIR");

	(void)state;
	memset(promised, 0, sizeof(promised));
	memset(&disk, 0, sizeof(disk));
	seed = 42;
	if (object_file_set_up(&file, base ? base : "/var/tmp"))
		return -1;
	fam = file.fam;
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	disk.on = false;
	return object_file_tear_down(&file);
}

/* A file system in memory makes nothing durable. */
static void need_a_disk(void)
{
	void *window;

	assert_int_equal(fam_map(fam, 0, PAGE, &window), 0);
	if (fam_persist(fam, window, PAGE) == -EOPNOTSUPP)
		skip();
	disk.on = true;
}

static int fill(struct fam *by, void *memory, uint64_t bytes, void *arg)
{
	(void)by;
	for (uint64_t i = 0; i < bytes; i++)
		assert_int_equal(((char *)memory)[i], 0);
	memset(memory, *(char *)arg, bytes);
	return 0;
}

static int make(int i, char with, uint64_t bytes, unsigned int flags)
{
	const struct fam_object_want want = {.type = FAM_OBJECT_MEMORY,
					     .flags = FAM_OBJECT_CREATE | flags,
					     .bytes = bytes,
					     .make = fill,
					     .arg = &with};
	struct fam_object *object;
	int r = fam_object_open(fam, name_of(i), &want, &object);

	if (r == 0)
		fam_object_close(object);
	return r;
}

static void promise(int i, char fill_with, uint64_t bytes)
{
	int at = object_file_find(&file, name_of(i));

	promised[i].serial = object_file_entry(&file, (uint32_t)at)->serial;
	promised[i].fill = fill_with;
	promised[i].bytes = bytes;
	promised[i].there = true;
}

/* One of the names: made, durable or not; hardened; or removed. */
static void step(void)
{
	int i = rand_r(&seed) % NAMES;
	char with = (char)(1 + rand_r(&seed) % 100);
	uint64_t bytes = 1 + (uint64_t)rand_r(&seed) % LENGTH;
	unsigned int flags = rand_r(&seed) % 2 ? FAM_OBJECT_DURABLE : 0;
	int r;

	if (rand_r(&seed) % 2) {
		promised[i].there = false;
		r = fam_object_remove(fam, name_of(i));
		assert_true(r == 0 || r == -ENOENT);
		return;
	}
	r = make(i, with, bytes, flags | FAM_OBJECT_EXCLUSIVE);
	if (r == 0 && flags)
		promise(i, with, bytes);
	assert_true(r == 0 || r == -EEXIST);
}

static void what_is_durable_survives_a_cut_at_any_moment(void **state)
{
	(void)state;
	need_a_disk();
	for (int i = 0; i < STEPS; i++) {
		step();
		cut_power_now_and_then();
	}
	assert_true(disk.syncs > 100);
	assert_true(disk.cuts > 50);
	print_message("%d write-backs, %d power cuts\n", disk.syncs, disk.cuts);
}

static void what_is_there_can_be_made_durable(void **state)
{
	(void)state;
	need_a_disk();
	assert_int_equal(make(0, 'x', 5000, 0), 0);
	assert_int_equal(disk.syncs, 0);
	assert_int_equal(make(0, 'y', 1, FAM_OBJECT_DURABLE), 0);
	assert_true(disk.syncs > 0);
	promise(0, 'x', 5000);
	cut_power(0);
	disk.syncs = 0;
	assert_int_equal(make(0, 'y', 1, FAM_OBJECT_DURABLE), 0);
	assert_int_equal(disk.syncs, 0);
}

static void what_cannot_be_made_durable_is_not_made(void **state)
{
	(void)state;
	need_a_disk();
	disk.error = EIO;
	assert_int_equal(make(0, 'x', 5000, FAM_OBJECT_DURABLE), -EIO);
	assert_int_equal(make(0, 'x', 5000, 0), 0);
	assert_int_equal(make(0, 'x', 5000, FAM_OBJECT_DURABLE), -EIO);
	assert_int_equal(fam_object_remove(fam, name_of(0)), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(what_is_durable_survives_a_cut_at_any_moment),
		TEST(what_is_there_can_be_made_durable),
		TEST(what_cannot_be_made_durable_is_not_made),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
