// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
#include <errno.h>
#include <linux/magic.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/vfs.h>

#include <cmocka.h>

#include <fam/fam.h>

#include "fabric-file.h"

/* msync(2) as the library calls it: linked with --wrap=msync. */
static struct {
	int calls, error; /* error: what the next calls fail with, or 0 */
	void *addr;
	size_t len;
	int flags;
} synced;

int __real_msync(void *addr, size_t len, int flags);
int __wrap_msync(void *addr, size_t len, int flags);

int __wrap_msync(void *addr, size_t len, int flags)
{
	__atomic_add_fetch(&synced.calls, 1, __ATOMIC_RELAXED);
	__atomic_store_n(&synced.addr, addr, __ATOMIC_RELAXED);
	__atomic_store_n(&synced.len, len, __ATOMIC_RELAXED);
	__atomic_store_n(&synced.flags, flags, __ATOMIC_RELAXED);
	if (synced.error) {
		errno = synced.error;
		return -1;
	}
	return __real_msync(addr, len, flags);
}

static bool is_in_memory(const char *dir)
{
	struct statfs fs;

	return statfs(dir, &fs) < 0 || fs.f_type == TMPFS_MAGIC ||
	       fs.f_type == RAMFS_MAGIC;
}

/* A directory on a disk, for what is to be made durable. */
static const char *disk_base(void)
{
	static const char *const bases[] = {"/var/tmp", "/tmp", "."};
	const char *base = getenv("TMPDIR");

	if (base && !is_in_memory(base))
		return base;
	for (size_t i = 0; i < sizeof(bases) / sizeof(bases[0]); i++) {
		if (!is_in_memory(bases[i]) && access(bases[i], W_OK) == 0)
			return bases[i];
	}
	return NULL;
}

static int make_workdir(void **state, const char *base)
{
	struct workdir *work = calloc(1, sizeof(*work));

	memset(&synced, 0, sizeof(synced));
	*state = work;
	return !work || !base || workdir_make(work, base);
}

static int on_disk(void **state)
{
	return make_workdir(state, disk_base());
}

static int in_memory(void **state)
{
	return make_workdir(state, "/dev/shm");
}

static int tear_down(void **state)
{
	int r = workdir_remove(*state);

	free(*state);
	return r;
}

static struct fam *open_new(struct workdir *work, unsigned int flags,
			    void (*change)(struct fam_superblock *sb))
{
	const char *path = fabric_make(work, "f1", 1, change);
	struct fam *fam;

	assert_int_equal(fam_open(&fam, path, flags), 0);
	return fam;
}

static char *map(struct fam *fam, uint64_t offset, uint64_t length)
{
	void *window;

	assert_int_equal(fam_map(fam, offset, length, &window), 0);
	return window;
}

static void durability_guest(struct fam_superblock *sb)
{
	sb->durability = FAM_DURABILITY_GUEST;
}

static uint32_t way_of(struct fam *fam)
{
	struct fam_info info;

	assert_int_equal(fam_get_info(fam, &info, sizeof(info)), 0);
	return info.persist;
}

static void a_host_file_is_synced_page_by_page(void **state)
{
	struct fam *fam = open_new(*state, 0, NULL);
	char *window = map(fam, 100, 3 * 4096);

	assert_int_equal(way_of(fam), FAM_PERSIST_HOST);
	memset(window, 7, 3 * 4096);
	assert_int_equal(fam_persist(fam, window + 5000, 10), 0);
	assert_int_equal(synced.calls, 1);
	assert_int_equal(synced.flags, MS_SYNC);
	assert_ptr_equal(synced.addr, window - 100 + 4096);
	assert_int_equal(synced.len, 100 + 5000 - 4096 + 10);
	assert_int_equal(fam_persist(fam, window, 3 * 4096), 0);
	assert_ptr_equal(synced.addr, window - 100);
	assert_int_equal(fam_persist(fam, window, 0), 0);
	assert_int_equal(synced.calls, 2);
	fam_close(fam);
}

static void ranges_outside_a_window_are_refused(void **state)
{
	struct fam *fam = open_new(*state, 0, NULL);
	char *low = map(fam, 4096, 8192), *other = map(fam, MIB, 8192);
	char local[16];

	assert_int_equal(fam_persist(fam, local, 16), -EFAULT);
	assert_int_equal(fam_persist(fam, low - 1, 2), -EFAULT);
	assert_int_equal(fam_persist(fam, low, 8193), -EFAULT);
	assert_int_equal(fam_persist(fam, low + 8192, 1), -EFAULT);
	assert_int_equal(fam_persist(fam, low + 1, SIZE_MAX), -EFAULT);
	assert_int_equal(fam_persist(fam, NULL, 1), -EFAULT);
	assert_int_equal(fam_persist(fam, other, 8192), 0);
	assert_int_equal(fam_unmap(fam, other), 0);
	assert_int_equal(fam_persist(fam, other, 8192), -EFAULT);
	assert_int_equal(synced.calls, 1);
	fam_close(fam);
}

static void a_read_only_attachment_makes_nothing_durable(void **state)
{
	struct fam *fam = open_new(*state, FAM_OPEN_RDONLY, NULL);
	char *window = map(fam, 0, 4096);

	assert_int_equal(fam_persist(fam, window, 1), -EROFS);
	assert_int_equal(fam_persist(fam, window, 0), -EROFS);
	assert_int_equal(way_of(fam), FAM_PERSIST_HOST);
	assert_int_equal(synced.calls, 0);
	fam_close(fam);
}

static void a_failed_sync_is_never_forgotten(void **state)
{
	struct fam *fam = open_new(*state, 0, NULL), *second;
	char *window = map(fam, 0, 4096);

	synced.error = ENOSPC;
	assert_int_equal(fam_persist(fam, window, 1), -EIO);
	synced.error = 0;
	assert_int_equal(fam_persist(fam, window, 1), -EIO);
	assert_int_equal(fam_persist(fam, window, 0), -EIO);
	assert_int_equal(fam_persist(fam, map(fam, MIB, 8), 8), -EIO);
	assert_int_equal(synced.calls, 1);
	/* Another attachment asks the kernel for itself. */
	assert_int_equal(fam_open(&second, "f1", 0), 0);
	assert_int_equal(fam_persist(second, map(second, 0, 8), 8), 0);
	fam_close(second);
	fam_close(fam);
}

/* msync() succeeds in both cases; the bytes are gone all the same. */
static void a_file_cut_short_or_removed_keeps_nothing(void **state)
{
	struct workdir *work = *state;
	struct fam *fam = open_new(work, 0, NULL);
	char *window = map(fam, 0, 4096);
	const char *path = workdir_path(work, "f1.fam");

	window[0] = 7;
	assert_int_equal(fam_persist(fam, window, 1), 0);
	assert_int_equal(truncate(path, 0), 0);
	assert_int_equal(fam_persist(fam, window, 1), -ENODATA);
	assert_int_equal(truncate(path, 16 * MIB), 0);
	assert_int_equal(fam_persist(fam, window, 1), 0);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(fam_persist(fam, window, 1), -ESTALE);
	fam_close(fam);
}

static void memory_is_no_disk(void **state)
{
	struct fam *fam = open_new(*state, 0, NULL);
	char *window = map(fam, 0, 4096);

	assert_int_equal(way_of(fam), FAM_PERSIST_NONE);
	window[0] = 1;
	assert_int_equal(fam_persist(fam, window, 1), -EOPNOTSUPP);
	assert_int_equal(fam_persist(fam, window, 0), -EOPNOTSUPP);
	assert_int_equal(fam_persist(fam, NULL, 1), -EOPNOTSUPP);
	assert_int_equal(synced.calls, 0);
	fam_close(fam);
}

static void durability_guest_needs_no_disk(void **state)
{
	struct fam *fam = open_new(*state, 0, durability_guest);
	char *window = map(fam, 3, 4096);
	struct fam_info info;

	assert_int_equal(fam_get_info(fam, &info, sizeof(info)), 0);
	assert_int_equal(info.durability, FAM_DURABILITY_GUEST);
	assert_int_equal(info.persist, FAM_PERSIST_DRAIN);
	window[0] = 1;
	assert_int_equal(fam_persist(fam, window, 4096), 0);
	assert_int_equal(fam_persist(fam, window, 4097), -EFAULT);
	assert_int_equal(synced.calls, 0);
	fam_close(fam);
}

static void flush_and_drain_take_any_range(void **state)
{
	struct fam *fam = open_new(*state, 0, NULL);
	char *window = map(fam, 1, MIB);

	memset(window, 9, MIB);
	fam_flush(fam, window, MIB);
	fam_flush(fam, window + 3, 1);
	fam_flush(fam, window, 0);
	fam_drain(fam);
	assert_int_equal(window[MIB - 1], 9);
	assert_int_equal(synced.calls, 0);
	fam_close(fam);
}

#define ROUNDS 20

static void *map_and_persist(void *arg)
{
	for (uint64_t i = 0; i < ROUNDS; i++) {
		void *window;

		if (fam_map(arg, i * 4096, 4096, &window) < 0)
			return arg;
		__atomic_store_n((int *)window, 1, __ATOMIC_RELAXED);
		if (fam_persist(arg, window, 4096) < 0 ||
		    fam_unmap(arg, window) < 0)
			return arg;
	}
	return NULL;
}

static void threads_share_an_attachment(void **state)
{
	struct fam *fam = open_new(*state, 0, NULL);
	pthread_t threads[4];
	void *result;

	for (int i = 0; i < 4; i++)
		assert_int_equal(
			pthread_create(&threads[i], NULL, map_and_persist, fam),
			0);
	for (int i = 0; i < 4; i++) {
		assert_int_equal(pthread_join(threads[i], &result), 0);
		assert_null(result);
	}
	assert_int_equal(synced.calls, 4 * ROUNDS);
	fam_close(fam);
}

#define DISK(name)   cmocka_unit_test_setup_teardown(name, on_disk, tear_down)
#define MEMORY(name) cmocka_unit_test_setup_teardown(name, in_memory, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		DISK(a_host_file_is_synced_page_by_page),
		DISK(ranges_outside_a_window_are_refused),
		DISK(a_read_only_attachment_makes_nothing_durable),
		DISK(a_failed_sync_is_never_forgotten),
		DISK(a_file_cut_short_or_removed_keeps_nothing),
		MEMORY(memory_is_no_disk),
		DISK(durability_guest_needs_no_disk),
		MEMORY(durability_guest_needs_no_disk),
		DISK(flush_and_drain_take_any_range),
		DISK(threads_share_an_attachment),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
