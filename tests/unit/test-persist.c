// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "fam-persist.h"
#include "synced.h"

static void durability_guest(struct fam_superblock *sb)
{
	sb->durability = FAM_DURABILITY_GUEST;
}

static void a_host_file_is_synced_page_by_page(void **state)
{
	struct fam *fam = open_new(*state, 0, NULL);
	char *window = map(fam, 100, 3 * 4096), *first;

	assert_int_equal(way_of(fam), FAM_PERSIST_HOST);
	memset(window, 7, 3 * 4096);
	/* The data begins on a page; the window 100 bytes behind. */
	assert_int_equal(fam_persist(fam, window + 4096 - 101, 1), 0);
	assert_int_equal(synced.calls, 1);
	assert_int_equal(synced.flags, MS_SYNC);
	assert_int_equal(synced.len, 4096);
	first = synced.addr;
	assert_int_equal(fam_persist(fam, window + 5000, 10), 0);
	assert_ptr_equal(synced.addr, first + 4096);
	assert_int_equal(synced.len, 4096);
	assert_int_equal(fam_persist(fam, window, 3 * 4096), 0);
	assert_ptr_equal(synced.addr, first);
	assert_int_equal(synced.len, 4 * 4096);
	assert_int_equal(fam_persist(fam, window, 0), 0);
	assert_int_equal(synced.calls, 3);
	assert_int_equal(synced.whole, 0);
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
	assert_int_equal(fam_persist_async(fam, window, 1, NULL), -EROFS);
	assert_int_equal(fam_wait(fam, FAM_TICKET_ALL, 0), -EROFS);
	assert_int_equal(failure_of(fam), -EROFS);
	assert_int_equal(way_of(fam), FAM_PERSIST_HOST);
	assert_int_equal(synced.calls, 0);
	fam_close(fam);
}

static off_t mark_at(void)
{
	return (off_t)(FAM_MAILBOX_OFFSET +
		       offsetof(struct fam_mailbox, failed));
}

static int32_t read_mark(struct workdir *work)
{
	int fd = open(workdir_path(work, "f1.fam"), O_RDONLY | O_CLOEXEC);
	int32_t mark;

	assert_int_equal(pread(fd, &mark, sizeof(mark), mark_at()),
			 sizeof(mark));
	close(fd);
	return mark;
}

static void write_mark(struct workdir *work, int32_t mark)
{
	int fd = open(workdir_path(work, "f1.fam"), O_WRONLY | O_CLOEXEC);

	assert_int_equal(pwrite(fd, &mark, sizeof(mark), mark_at()),
			 sizeof(mark));
	close(fd);
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
	/* Others know by the mark, until an operator takes it away. */
	assert_int_equal(read_mark(*state), -EIO);
	assert_int_equal(fam_open(&second, "f1", 0), 0);
	assert_int_equal(failure_of(second), -EIO);
	assert_int_equal(fam_persist(second, map(second, 0, 8), 8), -EIO);
	assert_int_equal(synced.calls, 1);
	write_mark(*state, 0);
	assert_int_equal(failure_of(second), 0);
	assert_int_equal(fam_persist(second, map(second, 0, 8), 8), 0);
	/* But who saw it fail has to begin anew. */
	assert_int_equal(failure_of(fam), -EIO);
	assert_int_equal(fam_persist(fam, window, 1), -EIO);
	fam_close(second);
	fam_close(fam);
}

/* The kernel tells each open file once, this one only after the operator came. */
static void an_old_failure_told_late_is_no_news(void **state)
{
	struct fam *idle = open_new(*state, 0, NULL), *other;
	char *window = map(idle, 0, 4096);

	assert_int_equal(fam_open(&other, "f1", 0), 0);
	synced.error = EIO;
	assert_int_equal(fam_persist(other, map(other, 0, 8), 8), -EIO);
	write_mark(*state, 0);
	assert_int_equal(fam_persist(idle, window, 8), -EIO);
	assert_int_equal(read_mark(*state), 0);
	assert_int_equal(fam_persist(idle, window, 8), -EIO);
	fam_close(idle);
	/* Who begins now knows of it: what fails from here on is news. */
	assert_int_equal(fam_open(&idle, "f1", 0), 0);
	assert_int_equal(fam_persist(idle, map(idle, 0, 8), 8), -EIO);
	assert_int_equal(read_mark(*state), -EIO);
	write_mark(*state, 0);
	fam_close(other);
	fam_close(idle);
}

static struct workdir *marked_work;

static void set_mark(void)
{
	write_mark(marked_work, -EIO);
}

/* Another's failure may have been about our pages. */
static void a_mark_set_meanwhile_counts(void **state)
{
	struct fam *fam = open_new(*state, 0, NULL);
	char *window = map(fam, 0, 4096);
	uint64_t ticket;

	marked_work = *state;
	synced.afterwards = set_mark;
	assert_int_equal(fam_persist(fam, window, 1), -EIO);
	write_mark(*state, 0);
	assert_int_equal(fam_persist(fam, window, 1), 0);
	/* fam_wait() speaks for all before: it can never succeed again. */
	assert_int_equal(fam_persist_async(fam, window, 1, &ticket), 0);
	synced.afterwards = set_mark;
	assert_int_equal(fam_wait(fam, ticket, -1), -EIO);
	write_mark(*state, 0);
	assert_int_equal(fam_persist(fam, window, 1), -EIO);
	assert_int_equal(fam_persist_async(fam, window, 1, NULL), -EIO);
	fam_close(fam);
}

/* What a server says about itself in a file that was copied from elsewhere. */
static void marks_of_a_server_concern_its_clients(void **state)
{
	static const int marks[] = {-EOPNOTSUPP, -ENODATA, -ESTALE, 17};
	struct fam *fam = open_new(*state, 0, NULL);
	char *window = map(fam, 0, 4096);

	for (size_t i = 0; i < sizeof(marks) / sizeof(marks[0]); i++) {
		write_mark(*state, marks[i]);
		assert_int_equal(fam_persist(fam, window, 1), 0);
	}
	write_mark(*state, -12345);
	assert_int_equal(fam_persist(fam, window, 1), -EIO);
	fam_close(fam);
}

static void no_mailbox(struct fam_superblock *sb)
{
	sb->feature_compat = 0;
	sb->mailbox_offset = sb->mailbox_bytes = 0;
}

static void without_a_mailbox_nothing_is_marked(void **state)
{
	struct fam *fam = open_new(*state, 0, no_mailbox);
	char *window = map(fam, 0, 4096);

	write_mark(*state, -EIO);
	assert_int_equal(fam_persist(fam, window, 1), 0);
	write_mark(*state, 0);
	synced.error = EIO;
	assert_int_equal(fam_persist(fam, window, 1), -EIO);
	assert_int_equal(read_mark(*state), 0);
	fam_close(fam);
}

/* msync() succeeds in both cases; the bytes are gone all the same. */
static void a_file_cut_short_keeps_nothing(void **state)
{
	struct workdir *work = *state;
	/* nor does the library touch what is cut off */
	struct fam *fam = open_new(work, FAM_OPEN_NO_SESSION, NULL);
	char *window = map(fam, 0, 4096);
	const char *path = workdir_path(work, "f1.fam");

	window[0] = 7;
	assert_int_equal(fam_persist(fam, window, 1), 0);
	assert_int_equal(truncate(path, 0), 0);
	assert_int_equal(fam_persist(fam, window, 1), -ENODATA);
	/* What was in it does not come back with its length. */
	assert_int_equal(truncate(path, 16 * MIB), 0);
	assert_int_equal(fam_persist(fam, window, 1), -ENODATA);
	fam_close(fam);
}

static void a_file_removed_keeps_nothing(void **state)
{
	struct workdir *work = *state;
	struct fam *fam = open_new(work, 0, NULL);
	char *window = map(fam, 0, 4096);

	assert_int_equal(fam_persist(fam, window, 1), 0);
	assert_int_equal(unlink(workdir_path(work, "f1.fam")), 0);
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
	assert_int_equal(fam_persist_async(fam, window, 1, NULL), -EOPNOTSUPP);
	assert_int_equal(fam_wait(fam, FAM_TICKET_ALL, -1), -EOPNOTSUPP);
	assert_int_equal(failure_of(fam), -EOPNOTSUPP);
	assert_int_equal(synced.calls, 0);
	fam_close(fam);
}

static void durability_guest_needs_no_disk(void **state)
{
	struct fam *fam = open_new(*state, 0, durability_guest);
	char *window = map(fam, 3, 4096);
	struct fam_info info;
	uint64_t ticket;

	assert_int_equal(fam_get_info(fam, &info, sizeof(info)), 0);
	assert_int_equal(info.durability, FAM_DURABILITY_GUEST);
	assert_int_equal(info.persist, FAM_PERSIST_DRAIN);
	window[0] = 1;
	assert_int_equal(fam_persist(fam, window, 4096), 0);
	assert_int_equal(fam_persist(fam, window, 4097), -EFAULT);
	assert_int_equal(fam_persist_async(fam, window, 4097, &ticket),
			 -EFAULT);
	assert_int_equal(fam_persist_async(fam, window, 4096, &ticket), 0);
	assert_int_equal(fam_wait(fam, ticket, 0), 0);
	assert_int_equal(fam_wait(fam, FAM_TICKET_ALL, 0), 0);
	assert_int_equal(fam_wait(fam, ticket + 1, 0), -EINVAL);
	assert_int_equal(failure_of(fam), 0);
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		DISK(a_host_file_is_synced_page_by_page),
		DISK(ranges_outside_a_window_are_refused),
		DISK(a_read_only_attachment_makes_nothing_durable),
		DISK(a_failed_sync_is_never_forgotten),
		DISK(an_old_failure_told_late_is_no_news),
		DISK(a_mark_set_meanwhile_counts),
		DISK(marks_of_a_server_concern_its_clients),
		DISK(without_a_mailbox_nothing_is_marked),
		DISK(a_file_cut_short_keeps_nothing),
		DISK(a_file_removed_keeps_nothing),
		MEMORY(memory_is_no_disk),
		DISK(durability_guest_needs_no_disk),
		MEMORY(durability_guest_needs_no_disk),
		DISK(flush_and_drain_take_any_range),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
