// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdatomic.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#ifdef __x86_64__
#include <emmintrin.h>
#endif
#include <sys/wait.h>

#include <cmocka.h>

#include <fam/fam.h>

#include "fabric-file.h"

#define BIG    (3 * MIB)
#define MARGIN 128 /* bytes around a copy that must stay as they are */

/* msync(2) as the library calls it: linked with --wrap=msync. */
static struct {
	int calls, error;    /* error: what the next calls fail with, or 0 */
	const char *look_at; /* a byte of the copy, or NULL */
	char saw;
} synced;

int __real_msync(void *addr, size_t len, int flags);
int __wrap_msync(void *addr, size_t len, int flags);

int __wrap_msync(void *addr, size_t len, int flags)
{
	synced.calls++;
	if (synced.look_at)
		synced.saw = *synced.look_at;
	if (synced.error) {
		errno = synced.error;
		return -1;
	}
	return __real_msync(addr, len, flags);
}

static int set_up_in(void **state, const char *base)
{
	struct workdir *work = calloc(1, sizeof(*work));

	memset(&synced, 0, sizeof(synced));
	*state = work;
	return !work || workdir_make(work, base);
}

static int in_memory(void **state)
{
	return set_up_in(state, "/dev/shm");
}

static int on_disk(void **state)
{
	return set_up_in(state, "/var/tmp");
}

static int tear_down(void **state)
{
	int r = workdir_remove(*state);

	free(*state);
	return r;
}

static void durability_guest(struct fam_superblock *sb)
{
	sb->durability = FAM_DURABILITY_GUEST;
}

static struct fam *open_new(struct workdir *work, unsigned int flags,
			    void (*change)(struct fam_superblock *sb))
{
	struct fam *fam;

	assert_int_equal(
		fam_open(&fam, fabric_make(work, "f1", 1, change), flags), 0);
	return fam;
}

static char *map(struct fam *fam, uint64_t length)
{
	void *window;

	assert_int_equal(fam_map(fam, 0, length, &window), 0);
	return window;
}

static uint32_t way_of(struct fam *fam)
{
	struct fam_info info;

	assert_int_equal(fam_get_info(fam, &info, sizeof(info)), 0);
	return info.persist;
}

/* -- every way to copy, with one face -- */

typedef int copy_fn(struct fam *fam, char *dest, const char *src, size_t len);

static int copy_persist(struct fam *fam, char *dest, const char *src,
			size_t len)
{
	return fam_memcpy_persist(fam, dest, src, len);
}

static int copy_nodrain(struct fam *fam, char *dest, const char *src,
			size_t len)
{
	assert_ptr_equal(fam_memcpy_nodrain(fam, dest, src, len), dest);
	fam_drain(fam);
	return 0;
}

/* @src is all of one byte for these two. */
static int set_persist(struct fam *fam, char *dest, const char *src, size_t len)
{
	return fam_memset_persist(fam, dest, src[0] | 0x7f00, len);
}

static int set_nodrain(struct fam *fam, char *dest, const char *src, size_t len)
{
	assert_ptr_equal(fam_memset_nodrain(fam, dest, src[0], len), dest);
	fam_drain(fam);
	return 0;
}

/* Copies @len bytes to @dest, and nothing is touched around. */
static void check_copy(struct fam *fam, copy_fn *copy, char *dest,
		       const char *src, size_t len)
{
	static const char before[MARGIN];

	memset(dest - MARGIN, 0, len + (size_t)2 * MARGIN);
	assert_int_equal(copy(fam, dest, src, len), 0);
	if (memcmp(dest, src, len) != 0 ||
	    memcmp(dest - MARGIN, before, MARGIN) != 0 ||
	    memcmp(dest + len, before, MARGIN) != 0)
		fail_msg("%zu bytes to %p from %p", len, (void *)dest,
			 (const void *)src);
}

static void check_lengths(struct fam *fam, copy_fn *copy, char *window,
			  const char *src)
{
	static const size_t long_ones[] = {768,	 1024,	   4096,      4097,
					   8191, 64 << 10, 256 << 10, 2 << 20};

	for (size_t len = 0; len <= 600; len++) {
		for (size_t off = 0; off < 64; off += 1 + len / 64)
			check_copy(fam, copy, window + MARGIN + off, src, len);
	}
	for (size_t i = 0; i < sizeof(long_ones) / sizeof(long_ones[0]); i++) {
		for (size_t off = 0; off < 64; off += 9)
			check_copy(fam, copy, window + MARGIN + off, src,
				   long_ones[i]);
	}
}

static char *source_make(bool one_byte)
{
	char *source = malloc(BIG);

	assert_non_null(source);
	for (size_t i = 0; i < BIG; i++)
		source[i] = one_byte ? 0x5a : (char)(i * 2654435761U >> 24 | 1);
	return source;
}

static void each_byte_arrives_and_no_other(void **state)
{
	struct fam *fam = open_new(*state, 0, durability_guest);
	char *window = map(fam, BIG);
	char *bytes = source_make(false), *same = source_make(true);

	assert_int_equal(way_of(fam), FAM_PERSIST_DRAIN);
	check_lengths(fam, copy_persist, window, bytes);
	check_lengths(fam, copy_nodrain, window, bytes + 3);
	check_lengths(fam, set_persist, window, same);
	check_lengths(fam, set_nodrain, window, same);
	free(bytes);
	free(same);
	fam_close(fam);
}

static void a_disk_is_written_after_the_copy(void **state)
{
	struct fam *fam = open_new(*state, 0, NULL);
	char *window = map(fam, BIG);
	char *bytes = source_make(false);

	assert_int_equal(way_of(fam), FAM_PERSIST_HOST);
	synced.look_at = window + 4096 + 7 + 63;
	check_copy(fam, copy_persist, window + 4096 + 7, bytes, 64);
	assert_int_equal(synced.calls, 1);
	assert_int_equal(synced.saw, bytes[63]);
	synced.look_at = window + 8192 + 2 * MIB - 1;
	check_copy(fam, copy_persist, window + 8192, bytes, 2 * MIB);
	assert_int_equal(synced.calls, 2);
	assert_int_equal(synced.saw, bytes[2 * MIB - 1]);
	synced.look_at = window + 8000;
	assert_int_equal(fam_memset_persist(fam, window + 8000, 0x141, 1), 0);
	assert_int_equal(synced.calls, 3);
	assert_int_equal(synced.saw, 0x41);
	free(bytes);
	fam_close(fam);
}

static void a_failed_disk_is_told(void **state)
{
	struct fam *fam = open_new(*state, 0, NULL);
	char *window = map(fam, 4096);

	synced.error = EIO;
	assert_int_equal(fam_memcpy_persist(fam, window, "abc", 3), -EIO);
	assert_memory_equal(window, "abc", 3);
	synced.error = 0;
	assert_int_equal(fam_memset_persist(fam, window, 'x', 1), -EIO);
	assert_int_equal(synced.calls, 1);
	fam_close(fam);
}

static void ranges_outside_a_window_stay_untouched(void **state)
{
	struct fam *fam = open_new(*state, 0, durability_guest);
	char *window = map(fam, 8192);
	char local[16] = "mine", *mine = local;

	memset(window, 7, 8192);
	assert_int_equal(fam_memcpy_persist(fam, mine, window, 8), -EFAULT);
	assert_int_equal(fam_memset_persist(fam, mine, 1, 8), -EFAULT);
	assert_string_equal(local, "mine");
	assert_int_equal(fam_memcpy_persist(fam, window + 8190, mine, 3),
			 -EFAULT);
	assert_int_equal(fam_memset_persist(fam, window + 8190, 1, 3), -EFAULT);
	assert_int_equal(window[8190], 7);
	assert_int_equal(fam_memcpy_persist(fam, window - 1, mine, 2), -EFAULT);
	assert_int_equal(fam_memset_persist(fam, window, 1, SIZE_MAX), -EFAULT);
	assert_int_equal(fam_memcpy_persist(fam, NULL, mine, 1), -EFAULT);
	assert_int_equal(window[0], 7);
	assert_int_equal(fam_memcpy_persist(fam, window, mine, 0), 0);
	assert_int_equal(fam_memset_persist(fam, window + 8192, 1, 0), 0);
	assert_int_equal(window[0], 7);
	fam_close(fam);
}

static void a_read_only_attachment_is_not_written(void **state)
{
	struct fam *fam = open_new(*state, FAM_OPEN_RDONLY, durability_guest);
	char *window = map(fam, 4096);

	assert_int_equal(fam_memcpy_persist(fam, window, "x", 1), -EROFS);
	assert_int_equal(fam_memset_persist(fam, window, 'x', 1), -EROFS);
	assert_int_equal(fam_memset_persist(fam, window, 'x', 0), -EROFS);
	assert_int_equal(window[0], 0);
	fam_close(fam);
}

static void without_a_disk_the_bytes_are_there_and_that_is_told(void **state)
{
	struct fam *fam = open_new(*state, 0, NULL);
	char *window = map(fam, 4096);

	assert_int_equal(way_of(fam), FAM_PERSIST_NONE);
	assert_int_equal(fam_memcpy_persist(fam, window, "abc", 3),
			 -EOPNOTSUPP);
	assert_memory_equal(window, "abc", 3);
	assert_int_equal(fam_memset_persist(fam, window, 'x', 2), -EOPNOTSUPP);
	assert_memory_equal(window, "xxc", 3);
	/* A wrong range is wrong all the same: it must not be written. */
	assert_int_equal(fam_memset_persist(fam, window + 4095, 'x', 2),
			 -EFAULT);
	assert_int_equal(window[4095], 0);
	fam_close(fam);
}

static void a_removed_file_keeps_nothing(void **state)
{
	struct fam *fam = open_new(*state, 0, NULL);
	char *window = map(fam, 4096);

	assert_int_equal(unlink(workdir_path(*state, "f1.fam")), 0);
	assert_int_equal(fam_memcpy_persist(fam, window, "abc", 3), -ESTALE);
	assert_memory_equal(window, "abc", 3);
	fam_close(fam);
}

#ifdef __x86_64__
/* -- order: what is seen through the flag must be seen in the data -- */

#define ORDER_ROUNDS 300000
#define ORDER_PLACES 16

/* Far apart, so that the flag overtakes the data if it can. */
struct order {
	long long data[ORDER_PLACES][64];
	char apart[MIB];
	_Atomic long long flag;
	pthread_barrier_t start;
};

static bool data_is_as_new(struct order *order, long long flag)
{
	for (int i = 0; i < ORDER_PLACES; i++) {
		if (__atomic_load_n(&order->data[i][0], __ATOMIC_RELAXED) <
		    flag)
			return false;
	}
	return true;
}

static void *watch_order(void *arg)
{
	struct order *order = arg;
	long long flag, last = 0;

	pthread_barrier_wait(&order->start);
	while (last < ORDER_ROUNDS) {
		flag = atomic_load_explicit(&order->flag, memory_order_acquire);
		if (flag != last && !data_is_as_new(order, flag))
			return arg;
		last = flag;
	}
	return NULL;
}

static int order_is_kept(void)
{
	struct order *order = aligned_alloc(4096, 2 * MIB);
	void *seen_wrong;
	pthread_t thread;

	if (!order)
		return 2;
	memset(order, 0, sizeof(*order));
	if (pthread_barrier_init(&order->start, NULL, 2) ||
	    pthread_create(&thread, NULL, watch_order, order))
		return 2;
	pthread_barrier_wait(&order->start);
	for (long long round = 1; round <= ORDER_ROUNDS; round++) {
		for (int i = 0; i < ORDER_PLACES; i++)
			_mm_stream_si64(&order->data[i][0], round);
		fam_drain(NULL);
		atomic_store_explicit(&order->flag, round,
				      memory_order_relaxed);
	}
	pthread_join(thread, &seen_wrong);
	pthread_barrier_destroy(&order->start);
	free(order);
	return seen_wrong ? 1 : 0;
}

static int order_status(bool old_cpu)
{
	int status;
	pid_t child = fork();

	assert_true(child >= 0);
	if (child == 0) {
		/* Read once, when libpmem is loaded. */
		if (old_cpu) {
			setenv("PMEM_NO_CLWB", "1", 1);
			setenv("PMEM_NO_CLFLUSHOPT", "1", 1);
		}
		execl("/proc/self/exe", "test-copy", "order", NULL);
		_exit(3);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

/*
 * On a CPU with no more than clflush, libpmem's own drain does nothing; with it
 * here, this fails within a second.
 */
static void drain_orders_streaming_stores(void **state)
{
	(void)state;
	assert_int_equal(order_status(false), 0);
	assert_int_equal(order_status(true), 0);
}
#endif

#define DISK(name)   cmocka_unit_test_setup_teardown(name, on_disk, tear_down)
#define MEMORY(name) cmocka_unit_test_setup_teardown(name, in_memory, tear_down)

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		MEMORY(each_byte_arrives_and_no_other),
		DISK(a_disk_is_written_after_the_copy),
		DISK(a_failed_disk_is_told),
		MEMORY(ranges_outside_a_window_stay_untouched),
		MEMORY(a_read_only_attachment_is_not_written),
		MEMORY(without_a_disk_the_bytes_are_there_and_that_is_told),
		DISK(a_removed_file_keeps_nothing),
#ifdef __x86_64__
		cmocka_unit_test(drain_orders_streaming_stores),
#endif
	};

#ifdef __x86_64__
	if (argc == 2 && strcmp(argv[1], "order") == 0)
		return order_is_kept();
#endif
	(void)argc;
	(void)argv;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
