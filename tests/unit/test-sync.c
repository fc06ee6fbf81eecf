// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
/*
 * Which call is made for which ranges. The calls are real; what a healthy disk
 * and an idle machine do not do - fail, be slow, be full of dirty pages - is put
 * in between by the linker (--wrap). That what is synced survives a power cut is
 * shown by tests/crash.
 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "sync.h"
#include "util/size.h"

#define PAGE UINT64_C(4096)

static struct {
	char path[64];
	int fd;
	struct syncer *syncer;
	char *map; /* the syncer's own */
	/* What it called, one letter each: s)tart, m)sync, f)datasync, d)irty */
	char calls[1024];
	uint64_t offset, length; /* of the last msync() */
	int synced_fd;		 /* by the last fdatasync() */
	int start_error, msync_error, fdatasync_error, dirty_error;
	bool may_map;	   /* with access */
	uint64_t slow_ns;  /* that one fdatasync() takes */
	uint64_t clock_ns; /* added to the clock */
	uint64_t dirty_kib;
} t;

static int call(char letter, int error)
{
	size_t len = strlen(t.calls);

	assert_true(len + 1 < sizeof(t.calls));
	t.calls[len] = letter;
	if (!error)
		return 0;
	errno = error;
	return -1;
}

int __real_msync(void *addr, size_t len, int flags);
int __wrap_msync(void *addr, size_t len, int flags);
int __real_fdatasync(int fd);
int __wrap_fdatasync(int fd);
int __real_sync_file_range(int fd, off_t off, off_t len, unsigned int flags);
int __wrap_sync_file_range(int fd, off_t off, off_t len, unsigned int flags);
int __real_clock_gettime(clockid_t clock, struct timespec *ts);
int __wrap_clock_gettime(clockid_t clock, struct timespec *ts);
ssize_t __wrap_pread64(int fd, void *out, size_t len, off_t offset);
void *__real_mmap64(void *addr, size_t len, int prot, int flags, int fd,
		    off_t offset);
void *__wrap_mmap64(void *addr, size_t len, int prot, int flags, int fd,
		    off_t offset);

int __real_madvise(void *addr, size_t len, int advice);
int __wrap_madvise(void *addr, size_t len, int advice);

int __wrap_msync(void *addr, size_t len, int flags)
{
	assert_int_equal(flags, MS_SYNC);
	t.offset = (uint64_t)((char *)addr - t.map);
	t.length = len;
	t.clock_ns += 100000;
	return call('m', t.msync_error) ? -1 : __real_msync(addr, len, flags);
}

int __wrap_fdatasync(int fd)
{
	t.clock_ns += t.slow_ns;
	t.synced_fd = fd;
	return call('f', t.fdatasync_error) ? -1 : __real_fdatasync(fd);
}

int __wrap_sync_file_range(int fd, off_t off, off_t len, unsigned int flags)
{
	return call('s', t.start_error)
		       ? -1
		       : __real_sync_file_range(fd, off, len, flags);
}

/* Time passes only where a test says so. */
int __wrap_clock_gettime(clockid_t clock, struct timespec *ts)
{
	(void)clock;
	ts->tv_sec = (time_t)(t.clock_ns / 1000000000);
	ts->tv_nsec = (long)(t.clock_ns % 1000000000);
	return 0;
}

/* Only /proc/meminfo is read by it. */
ssize_t __wrap_pread64(int fd, void *out, size_t len, off_t offset)
{
	(void)fd;
	(void)offset;
	return snprintf(out, len,
			"MemTotal:  9 kB\nDirty:  %llu kB\nWriteback:  8 kB\n"
			"WritebackTmp:  999999 kB\n",
			(unsigned long long)t.dirty_kib);
}

void *__wrap_mmap64(void *addr, size_t len, int prot, int flags, int fd,
		    off_t offset)
{
	void *map = __real_mmap64(addr, len, prot, flags, fd, offset);

	if (fd == t.fd && fd >= 0 && prot == PROT_NONE)
		t.map = map;
	else if (fd == t.fd && fd >= 0)
		assert_true(t.may_map);
	return map;
}

int __wrap_madvise(void *addr, size_t len, int advice)
{
	assert_int_equal(advice, MADV_POPULATE_WRITE);
	return call('d', t.dirty_error) ? -1
					: __real_madvise(addr, len, advice);
}

static int begin(uint64_t size)
{
	const char *base = getenv("TMPDIR");
	struct err err;

	memset(&t, 0, sizeof(t));
	t.clock_ns = 1000000000;
	snprintf(t.path, sizeof(t.path), "%.40s/fam-sync.XXXXXX",
		 base ? base : "/var/tmp");
	t.fd = mkostemp(t.path, O_CLOEXEC);
	if (t.fd < 0 || ftruncate(t.fd, (off_t)size) < 0)
		return -errno;
	return sync_open(&t.syncer, t.fd, size, &err);
}

static int set_up(void **state)
{
	(void)state;
	return begin(16 * MiB);
}

static int tear_down(void **state)
{
	(void)state;
	sync_close(t.syncer);
	if (t.fd >= 0)
		close(t.fd);
	if (t.path[0])
		unlink(t.path);
	memset(&t, 0, sizeof(t));
	t.fd = -1;
	return 0;
}

/* @count pages of @pages, all apart from each other; returns what sync does. */
static int sync_pages(size_t count, uint64_t pages, bool *ranged)
{
	struct fam_range ranges[64];
	struct sync_result result;
	int ret;

	for (size_t i = 0; i < count; i++)
		ranges[i] = (struct fam_range){2 * i * pages * PAGE + 8,
					       pages * PAGE - 8};
	t.calls[0] = '\0';
	memset(t.calls, 0, sizeof(t.calls));
	ret = sync_ranges(t.syncer, ranges, count, &result);
	if (ranged)
		*ranged = result.ranged;
	return ret;
}

static void expect_calls(size_t count, const char *calls)
{
	assert_int_equal(sync_pages(count, 1, NULL), 0);
	assert_string_equal(t.calls, calls);
}

static void one_range_is_msynced_by_pages(void **state)
{
	struct fam_range range = {3 * PAGE + 100, PAGE};
	struct sync_result result;

	(void)state;
	assert_int_equal(sync_ranges(t.syncer, &range, 1, &result), 0);
	assert_string_equal(t.calls, "m");
	assert_int_equal(t.offset, 3 * PAGE);
	assert_int_equal(t.length, 2 * PAGE);
	assert_true(result.ranged);
	assert_int_equal(result.us, 100);
}

static void ranges_that_touch_are_one(void **state)
{
	struct fam_range ranges[] = {{5 * PAGE, 64},
				     {3 * PAGE + 4000, 200},
				     {4 * PAGE + 10, 10},
				     {3 * PAGE, 1}};
	struct sync_result result;

	(void)state;
	assert_int_equal(sync_ranges(t.syncer, ranges, 4, &result), 0);
	assert_string_equal(t.calls, "m");
	assert_int_equal(t.offset, 3 * PAGE);
	assert_int_equal(t.length, 3 * PAGE);
}

static void the_last_byte_and_the_whole_file(void **state)
{
	struct fam_range last = {16 * MiB - 1, 1}, all = {0, 16 * MiB};
	struct sync_result result;

	(void)state;
	assert_int_equal(sync_ranges(t.syncer, &last, 1, &result), 0);
	assert_int_equal(t.offset, 16 * MiB - PAGE);
	assert_int_equal(t.length, PAGE);
	assert_int_equal(sync_ranges(t.syncer, &all, 1, &result), 0);
	assert_int_equal(t.length, 16 * MiB);
}

static void no_range_is_no_work(void **state)
{
	(void)state;
	expect_calls(0, "");
}

static void several_runs_are_one_fdatasync(void **state)
{
	bool ranged;

	(void)state;
	expect_calls(1, "m");
	assert_int_equal(sync_pages(2, 1, &ranged), 0);
	assert_string_equal(t.calls, "f");
	assert_false(ranged);
	expect_calls(32, "f");
}

static void before_anything_was_measured_runs_are_msynced(void **state)
{
	bool ranged;

	(void)state;
	assert_int_equal(sync_pages(3, 1, &ranged), 0);
	assert_string_equal(t.calls, "sssmmm");
	assert_true(ranged);
	expect_calls(3, "f");
}

static void much_dirty_on_the_machine_keeps_from_fdatasync(void **state)
{
	(void)state;
	expect_calls(1, "m");
	t.dirty_kib = 65 * 1024;
	expect_calls(3, "sssmmm");
	t.dirty_kib = 63 * 1024;
	expect_calls(3, "f");
}

static void what_is_to_be_synced_is_not_foreign_dirt(void **state)
{
	(void)state;
	expect_calls(1, "m");
	t.dirty_kib = 65 * 1024;
	assert_int_equal(sync_pages(2, 512, NULL), 0);
	assert_string_equal(t.calls, "f");
}

static void three_fdatasyncs(uint64_t ns)
{
	t.slow_ns = ns;
	for (int i = 0; i < 3; i++)
		expect_calls(2, "f");
}

static void slow_fdatasyncs_are_given_up_for_a_second(void **state)
{
	(void)state;
	expect_calls(1, "m");
	three_fdatasyncs(1000000);
	expect_calls(2, "ssmm");
	t.clock_ns += 900000000;
	expect_calls(2, "ssmm");
	t.clock_ns += 100000000;
	expect_calls(2, "f");
}

static void very_slow_ones_for_a_hundred_times_what_they_cost(void **state)
{
	(void)state;
	expect_calls(1, "m");
	three_fdatasyncs(100000000);
	t.clock_ns += 29000000000;
	expect_calls(2, "ssmm");
	t.clock_ns += 1000000000;
	expect_calls(2, "f");
}

static void a_slow_one_now_and_then_is_no_matter(void **state)
{
	(void)state;
	expect_calls(1, "m");
	for (int i = 0; i < 12; i++) {
		t.slow_ns = i % 3 == 2 ? 0 : 5000000;
		expect_calls(2, "f");
	}
}

static void a_failed_msync_is_told_and_ends_it(void **state)
{
	(void)state;
	t.msync_error = EIO;
	assert_int_equal(sync_pages(1, 1, NULL), -EIO);
	assert_int_equal(sync_pages(3, 1, NULL), -EIO);
	assert_string_equal(t.calls, "sssm");
	t.msync_error = ENOSPC;
	assert_int_equal(sync_pages(1, 1, NULL), -ENOSPC);
}

static void a_failed_fdatasync_is_told(void **state)
{
	(void)state;
	expect_calls(1, "m");
	t.fdatasync_error = EIO;
	assert_int_equal(sync_pages(2, 1, NULL), -EIO);
	assert_string_equal(t.calls, "f");
}

static void a_failed_start_is_told_and_one_refused_is_not(void **state)
{
	(void)state;
	t.start_error = EIO;
	assert_int_equal(sync_pages(2, 1, NULL), -EIO);
	assert_string_equal(t.calls, "s");
	t.start_error = ENOSYS;
	expect_calls(2, "ssmm");
}

static void a_truncated_file(void **state)
{
	(void)state;
	assert_int_equal(ftruncate(t.fd, 8 * MiB), 0);
	assert_int_equal(sync_pages(1, 1, NULL), -ENODATA);
	assert_int_equal(sync_pages(2, 1, NULL), -ENODATA);
	assert_int_equal(sync_pages(0, 1, NULL), -ENODATA);
	assert_int_equal(ftruncate(t.fd, 16 * MiB), 0);
	expect_calls(1, "m");
}

static void a_removed_file(void **state)
{
	(void)state;
	assert_int_equal(unlink(t.path), 0);
	assert_int_equal(sync_pages(1, 1, NULL), -ESTALE);
	assert_int_equal(sync_pages(2, 1, NULL), -ESTALE);
}

static void what_is_distrusted_is_written_again(void **state)
{
	(void)state;
	sync_distrust(t.syncer, true);
	t.may_map = true;
	/* of holes there is nothing in memory */
	expect_calls(2, "ssmm");
	for (off_t at = 0; at < 4; at++)
		assert_int_equal(pwrite(t.fd, "x", 1, at * (off_t)PAGE), 1);
	expect_calls(1, "dm");
	expect_calls(2, "ddf");
	expect_calls(3, "ddf");
	t.dirty_error = EFAULT;
	assert_int_equal(sync_pages(1, 1, NULL), -EFAULT);
	assert_string_equal(t.calls, "d");
	assert_int_equal(unlink(t.path), 0);
	assert_int_equal(sync_pages(1, 1, NULL), -ESTALE);
	assert_string_equal(t.calls, "d");
}

static void renewed_it_syncs_another_open_file(void **state)
{
	(void)state;
	expect_calls(1, "m");
	expect_calls(2, "f");
	assert_int_equal(t.synced_fd, t.fd);
	sync_renew(t.syncer);
	sync_renew(t.syncer);
	expect_calls(2, "f");
	assert_int_not_equal(t.synced_fd, t.fd);
	expect_calls(1, "m");
	sync_renew(t.syncer);
	expect_calls(1, "m");
	expect_calls(2, "f");
	/* and one that nobody asked for ends with it */
	sync_renew(t.syncer);
}

static void what_is_distrusted_stays_as_large_as_it_is(void **state)
{
	struct fam_range all = {0, 16 * MiB};
	struct sync_result result;
	struct stat st;

	(void)state;
	assert_int_equal(pwrite(t.fd, "x", 1, 5 * (off_t)PAGE), 1);
	sync_distrust(t.syncer, true);
	t.may_map = true;
	assert_int_equal(sync_ranges(t.syncer, &all, 1, &result), 0);
	assert_string_equal(t.calls, "dm");
	assert_int_equal(fstat(t.fd, &st), 0);
	assert_true((uint64_t)st.st_blocks * 512 <= 64 * KiB);
	sync_distrust(t.syncer, false);
	t.may_map = false;
	expect_calls(1, "m");
}

static void a_file_in_memory_is_refused(void **state)
{
	int fd = memfd_create("fam-sync", MFD_CLOEXEC);
	struct syncer *syncer = NULL;
	struct err err;

	(void)state;
	assert_int_equal(ftruncate(fd, MiB), 0);
	assert_int_equal(sync_open(&syncer, fd, MiB, &err), -EOPNOTSUPP);
	assert_non_null(strstr(err.text, "file system in memory"));
	assert_null(syncer);
	close(fd);
}

/* The largest that this file system takes, up to 16 TiB. */
static int set_up_huge(void **state)
{
	uint64_t size = 32 * TiB;
	int ret;

	do {
		size /= 2;
		ret = begin(size);
		if (ret < 0)
			tear_down(state);
	} while (ret == -EFBIG && size > GiB);
	t.dirty_kib = size / KiB; /* for the test: its size */
	return ret;
}

static void the_end_of_a_huge_sparse_file(void **state)
{
	uint64_t size = t.dirty_kib * KiB;
	struct fam_range ranges[] = {{size - PAGE, PAGE}, {0, PAGE}};
	struct sync_result result;

	(void)state;
	t.dirty_kib = 0;
	assert_int_equal(pwrite(t.fd, "x", 1, (off_t)(size - 1)), 1);
	assert_int_equal(sync_ranges(t.syncer, ranges, 1, &result), 0);
#ifdef __SANITIZE_THREAD__ /* which leaves no such space */
	if (t.map == MAP_FAILED)
		return;
#endif
	assert_string_equal(t.calls, "m");
	assert_int_equal(t.offset, size - PAGE);
}

static uint64_t address_space(void)
{
	unsigned long pages = 0;
	FILE *f = fopen("/proc/self/statm", "re");

	assert_non_null(f);
	assert_int_equal(fscanf(f, "%lu", &pages), 1);
	fclose(f);
	return pages * (uint64_t)sysconf(_SC_PAGESIZE);
}

static void without_address_space_all_is_fdatasync(void **state)
{
	struct rlimit before, tight;
	struct syncer *syncer;
	struct err err;
	struct fam_range range = {0, PAGE};
	struct sync_result result;

	(void)state;
	assert_int_equal(ftruncate(t.fd, (off_t)TiB), 0);
	assert_int_equal(getrlimit(RLIMIT_AS, &before), 0);
	tight = before;
	tight.rlim_cur = address_space() + GiB;
	assert_int_equal(setrlimit(RLIMIT_AS, &tight), 0);
	assert_int_equal(sync_open(&syncer, t.fd, TiB, &err), 0);
	assert_int_equal(setrlimit(RLIMIT_AS, &before), 0);
	for (int i = 0; i < 5; i++) {
		memset(t.calls, 0, sizeof(t.calls));
		assert_int_equal(sync_ranges(syncer, &range, 1, &result), 0);
		assert_string_equal(t.calls, "f");
		assert_false(result.ranged);
	}
	sync_close(syncer);
}

static void closing_nothing(void **state)
{
	(void)state;
	sync_close(NULL);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(one_range_is_msynced_by_pages),
		TEST(ranges_that_touch_are_one),
		TEST(the_last_byte_and_the_whole_file),
		TEST(no_range_is_no_work),
		TEST(several_runs_are_one_fdatasync),
		TEST(before_anything_was_measured_runs_are_msynced),
		TEST(much_dirty_on_the_machine_keeps_from_fdatasync),
		TEST(what_is_to_be_synced_is_not_foreign_dirt),
		TEST(slow_fdatasyncs_are_given_up_for_a_second),
		TEST(very_slow_ones_for_a_hundred_times_what_they_cost),
		TEST(a_slow_one_now_and_then_is_no_matter),
		TEST(a_failed_msync_is_told_and_ends_it),
		TEST(a_failed_fdatasync_is_told),
		TEST(a_failed_start_is_told_and_one_refused_is_not),
		TEST(a_truncated_file),
		TEST(a_removed_file),
		TEST(what_is_distrusted_is_written_again),
		TEST(renewed_it_syncs_another_open_file),
		TEST(what_is_distrusted_stays_as_large_as_it_is),
		TEST(a_file_in_memory_is_refused),
		cmocka_unit_test_setup_teardown(the_end_of_a_huge_sparse_file,
						set_up_huge, tear_down),
		TEST(without_address_space_all_is_fdatasync),
		cmocka_unit_test(closing_nothing),
	};

	return cmocka_run_group_tests_name("sync", tests, NULL, NULL);
}
