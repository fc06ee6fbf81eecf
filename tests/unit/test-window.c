// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/mman.h>

#include <cmocka.h>

#include <fam-mailbox.h>

#include "fabric-file.h"
#include "window.h"

/* Room to walk up a tree as sysfs has one. */
#define BLOCK "ndbus0/region0/namespace0.0/block/pmem0"

/*
 * mmap(2) as the library calls it: linked with --wrap=mmap64. The file systems
 * of the tests are not on persistent memory; this one can play to be.
 */
static struct {
	bool dax;
	int synchronous, shared; /* mappings made */
} mapped;

void *__real_mmap64(void *addr, size_t len, int prot, int flags, int fd,
		    off_t offset);
void *__wrap_mmap64(void *addr, size_t len, int prot, int flags, int fd,
		    off_t offset);

void *__wrap_mmap64(void *addr, size_t len, int prot, int flags, int fd,
		    off_t offset)
{
	bool synchronous =
		(flags & MAP_TYPE) == MAP_SHARED_VALIDATE && flags & MAP_SYNC;

	if (synchronous && !mapped.dax) {
		errno = EOPNOTSUPP;
		return MAP_FAILED;
	}
	if (synchronous) {
		mapped.synchronous++;
		flags = MAP_SHARED;
	} else if (fd >= 0) {
		mapped.shared++;
	}
	return __real_mmap64(addr, len, prot, flags, fd, offset);
}

static int set_up(void **state)
{
	const char *base = getenv("TMPDIR");
	struct workdir *work = calloc(1, sizeof(*work));

	memset(&mapped, 0, sizeof(mapped));
	*state = work;
	return work ? workdir_make(work, base ? base : "/tmp") : -1;
}

static int tear_down(void **state)
{
	int r = workdir_remove(*state);

	free(*state);
	return r;
}

/* --- which devices pass a sync on ------------------------------------------ */

static void write_text(const char *dir, const char *name, const char *text)
{
	char path[1024];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	f = fopen(path, "w");
	assert_non_null(f);
	fputs(text, f);
	assert_int_equal(fclose(f), 0);
}

static void make_dirs(char *path)
{
	for (char *p = path + 1; *p; p++) {
		if (*p != '/')
			continue;
		*p = '\0';
		mkdir(path, 0755);
		*p = '/';
	}
	mkdir(path, 0755);
}

/* The block device of bus @parent, a virtio device of @type or whatever. */
static void make_device(struct workdir *work, const char *parent,
			const char *type, const char *cache, char block[1024])
{
	char path[512], queue[1100];

	snprintf(path, sizeof(path), "%s/%s", work->dir, parent);
	snprintf(block, 1024, "%s/" BLOCK, path);
	snprintf(queue, sizeof(queue), "%s/queue", block);
	make_dirs(queue);
	if (type)
		write_text(path, "device", type);
	if (cache)
		write_text(queue, "write_cache", cache);
}

static bool flushes(struct workdir *work, const char *parent, const char *type,
		    const char *cache)
{
	char block[1024];

	make_device(work, parent, type, cache, block);
	return fam_window_flushes(block);
}

static void virtio_pmem_passes_a_sync_on(void **state)
{
	assert_true(
		flushes(*state, "pci0/virtio3", "0x001b\n", "write back\n"));
}

static void an_nvdimm_does_not_pass_a_sync_on(void **state)
{
	assert_false(flushes(*state, "ACPI0012:00", NULL, "write back\n"));
	/* Another kind of device which happens to have the number. */
	assert_false(
		flushes(*state, "pci0/device1", "0x001b\n", "write back\n"));
}

static void other_virtio_devices_are_none(void **state)
{
	assert_false(flushes(*state, "virtio0", "0x0002\n", "write back\n"));
	assert_false(flushes(*state, "virtio1", NULL, "write back\n"));
	assert_false(flushes(*state, "virtio2", "", "write back\n"));
	assert_false(fam_window_flushes("/dev/null"));
	assert_false(fam_window_flushes("/nonexistent"));
}

/* The kernel drops a flush of what has no cache: success, and nothing done. */
static void a_device_declared_write_through_is_none(void **state)
{
	assert_false(flushes(*state, "virtio0", "0x001b\n", "write through\n"));
	assert_false(flushes(*state, "virtio1", "0x001b\n", NULL));
}

/* --- which device it is ----------------------------------------------------- */

struct two {
	struct fam_source source;
	struct fam_superblock sb;
	int device; /* what the window shows */
};

static void open_two(struct two *two, const char *path)
{
	struct fam_superblock sb[FAM_SUPERBLOCK_COPIES];

	assert_int_equal(fam_hostfile_open(path, true, &two->source), 0);
	assert_int_equal(fam_source_superblocks(&two->source, sb), 0);
	two->sb = sb[0];
	two->device = open(path, O_RDONLY | O_CLOEXEC);
	assert_true(two->device >= 0);
}

static void close_two(struct two *two)
{
	fam_source_close(&two->source);
	close(two->device);
}

static void other_id(struct fam_superblock *sb)
{
	sb->uuid[15] ^= 1;
}

static void other_size(struct fam_superblock *sb)
{
	sb->size *= 2;
	assert_int_equal(fam_superblock_set_objects(sb, sb->objects_bytes), 0);
}

/* Does what @path begins with pass for the fabric's? */
static bool shows(const struct two *two, const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	bool r = fam_window_shows(fd, &two->sb);

	close(fd);
	return r;
}

static void a_window_is_known_by_its_superblock(void **state)
{
	char path[512];
	struct two two;

	strcpy(path, fabric_make(*state, "f1", 1, NULL));
	open_two(&two, path);
	assert_true(fam_window_shows(two.device, &two.sb));
	assert_false(shows(&two, fabric_make(*state, "f2", 1, other_id)));
	assert_false(shows(&two, fabric_make(*state, "f3", 1, other_size)));
	assert_false(shows(&two, "/dev/null"));
	/* The second copy will do. */
	fabric_damage(path, 0);
	assert_true(fam_window_shows(two.device, &two.sb));
	fabric_damage(path, 1);
	assert_false(fam_window_shows(two.device, &two.sb));
	close_two(&two);
}

static int compare(const struct two *two)
{
	return fam_window_compare(two->device, &two->source, &two->sb);
}

static void the_same_memory_is_recognised(void **state)
{
	struct fam_mailbox *box;
	struct two two;
	void *p;

	open_two(&two, fabric_make(*state, "f1", 1, NULL));
	assert_int_equal(compare(&two), 0);
	/* Also in another slot; and each is given back. */
	assert_int_equal(fam_source_map(&two.source, FAM_MAILBOX_OFFSET,
					FAM_MAILBOX_BYTES, &p),
			 0);
	box = p;
	for (int i = 0; i < 6; i++) {
		assert_int_equal(compare(&two), 0);
		assert_int_equal(fam_mailbox_claim(box, 1 + (1ULL << 40)), i);
	}
	while (fam_mailbox_claim(box, 1 + (1ULL << 40)) >= 0)
		;
	assert_int_equal(compare(&two), -EUSERS);
	munmap(p, FAM_MAILBOX_BYTES);
	close_two(&two);
}

static void a_copy_of_the_file_is_not_taken(void **state)
{
	char path[512];
	struct two two;

	strcpy(path, fabric_make(*state, "f1", 1, NULL));
	open_two(&two, path);
	close(two.device);
	/* The same label and UUID: what cp(1) makes. */
	assert_int_equal(unlink(path), 0);
	two.device = open(fabric_make(*state, "f1", 1, NULL), O_RDONLY);
	assert_true(two.device >= 0);
	assert_true(fam_window_shows(two.device, &two.sb));
	assert_int_equal(compare(&two), -ENOENT);
	close_two(&two);
}

static void without_a_device_there_is_none(void **state)
{
	char path[FAM_WINDOW_PATH] = "untouched";
	struct two two;

	/* This machine may have such devices, but not of a fabric just made. */
	open_two(&two, fabric_make(*state, "f1", 1, NULL));
	assert_true(fam_window_open(&two.source, &two.sb, path) < 0);
	assert_string_equal(path, "untouched");
	close_two(&two);
}

/* --- persistent memory ------------------------------------------------------ */

static void persistent_memory_is_found_and_mapped_as_such(void **state)
{
	struct fam_source source;
	struct fam_info info;
	struct fam *fam;
	char *p;

	mapped.dax = true;
	fabric_make(*state, "f1", 1, NULL);
	assert_int_equal(fam_open(&fam, "f1", 0), 0);
	assert_int_equal(fam_get_info(fam, &info, sizeof(info)), 0);
	assert_int_equal(info.persist, FAM_PERSIST_DAX);
	mapped.synchronous = mapped.shared = 0;
	assert_int_equal(fam_map(fam, 0, 0, (void **)&p), 0);
	assert_int_equal(mapped.synchronous, 1);
	assert_int_equal(mapped.shared, 0);
	strcpy(p, "kept");
	assert_int_equal(fam_persist(fam, p, 5), 0);
	fam_close(fam);

	/* A program that may only read finds it, too. */
	assert_int_equal(fam_hostfile_open(workdir_path(*state, "f1.fam"),
					   false, &source),
			 0);
	assert_true(source.dax);
	fam_source_close(&source);
}

static void other_files_are_not_taken_for_it(void **state)
{
	struct fam_source source;
	void *p;

	assert_int_equal(fam_hostfile_open(fabric_make(*state, "f1", 1, NULL),
					   true, &source),
			 0);
	assert_false(source.dax);
	assert_int_equal(fam_source_map(&source, 0, 4096, &p), 0);
	assert_int_equal(mapped.synchronous, 0);
	munmap(p, 4096);
	fam_source_close(&source);
}

#define test(function) \
	cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		test(virtio_pmem_passes_a_sync_on),
		test(an_nvdimm_does_not_pass_a_sync_on),
		test(other_virtio_devices_are_none),
		test(a_device_declared_write_through_is_none),
		test(a_window_is_known_by_its_superblock),
		test(the_same_memory_is_recognised),
		test(a_copy_of_the_file_is_not_taken),
		test(without_a_device_there_is_none),
		test(persistent_memory_is_found_and_mapped_as_such),
		test(other_files_are_not_taken_for_it),
	};

	return cmocka_run_group_tests_name("window", tests, NULL, NULL);
}
