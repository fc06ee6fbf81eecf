// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
/*
 * The flush service on a real file, with clients in other threads' place. The
 * disk is held up or fails by __wrap_sync_ranges(), else it is the real one.
 */
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "flush-thread.h"
#include "sync.h"
#include "util/clock.h"

#define SIZE	   (UINT64_C(16) << 20)
#define TOKEN	   UINT64_C(0xabcdef0000000000)
#define OTHER	   UINT64_C(0x7654321000000000)
#define DEADLINE_S 20

static struct flush *flush;
static struct flush_config config;
static struct fam_mailbox *box;
static _Atomic uint64_t rings;
static atomic_int failures;
static uint64_t epoch;

/* -- the disk -- */

static atomic_int result; /* of the next write-backs; 1: the real one */
static atomic_bool held;  /* a write-back does not end */
static atomic_int inside; /* write-backs under way */
static atomic_size_t last_count;

int __real_sync_ranges(struct syncer *syncer, struct fam_range *ranges,
		       size_t count, struct sync_result *out);
int __wrap_sync_ranges(struct syncer *syncer, struct fam_range *ranges,
		       size_t count, struct sync_result *out);

int __wrap_sync_ranges(struct syncer *syncer, struct fam_range *ranges,
		       size_t count, struct sync_result *out)
{
	int ret;

	last_count = count;
	inside++;
	while (held)
		usleep(100);
	ret = result;
	if (ret == 1)
		ret = __real_sync_ranges(syncer, ranges, count, out);
	inside--;
	return ret;
}

/* -- the service and its clients -- */

static void on_failure(void *arg)
{
	(void)arg;
	failures++;
}

static int make_file(void)
{
	char path[] = "/var/tmp/fam-flush.XXXXXX";
	int fd = mkstemp(path);

	assert_true(fd >= 0);
	/* it keeps its name: one without is not worth syncing */
	assert_int_equal(ftruncate(fd, (off_t)SIZE), 0);
	config.arg = strdup(path);
	return fd;
}

static void start(void)
{
	struct err err = {0};

	if (flush_open(&flush, &config, &err) < 0)
		fail_msg("%s", err.text);
	epoch = atomic_load(&box->epoch);
	assert_true(fam_mailbox_is_served(box));
}

/* cmocka takes SIGBUS for itself before each test: the service comes later. */
static void start_in_test(void)
{
	flush_close(flush);
	start();
}

static int set_up(void **state)
{
	(void)state;
	config = (struct flush_config){
		.label = "f",
		.size = SIZE,
		.mailbox = FAM_MAILBOX_OFFSET,
		.bell = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC),
		.rings = &rings,
		.on_failure = on_failure,
	};
	config.fd = make_file();
	rings = 0;
	failures = 0;
	result = 1;
	held = false;
	box = mmap(NULL, FAM_MAILBOX_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED,
		   config.fd, (off_t)FAM_MAILBOX_OFFSET);
	assert_true(box != MAP_FAILED);
	start();
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	held = false;
	flush_close(flush);
	flush = NULL;
	munmap(box, FAM_MAILBOX_BYTES);
	if (config.arg)
		unlink(config.arg);
	free(config.arg);
	close(config.fd);
	close(config.bell);
	return 0;
}

static void ring(void)
{
	uint64_t one = 1;

	assert_int_equal(write(config.bell, &one, sizeof(one)), sizeof(one));
}

static unsigned int claim(uint64_t token)
{
	int slot = fam_mailbox_claim(box, token);

	assert_true(slot >= 0);
	box->slot[slot].peer = 1; /* it has a bell */
	return (unsigned int)slot;
}

static void post(unsigned int slot, uint64_t token, uint64_t number)
{
	struct fam_range range = {FAM_DATA_OFFSET + number % 1000 * 8192, 64};

	fam_mailbox_post(box, slot, token, number, &range);
}

static enum fam_mailbox_view look(unsigned int slot, uint64_t token,
				  uint64_t posted)
{
	uint64_t done;

	return fam_mailbox_look(box, slot, token, epoch, posted, &done);
}

/* What the client of the first @posted requests is told in the end. */
static enum fam_mailbox_view wait_for(unsigned int slot, uint64_t token,
				      uint64_t posted)
{
	uint64_t until = clock_ms() + DEADLINE_S * 1000;
	enum fam_mailbox_view view;

	while ((view = look(slot, token, posted)) == FAM_MAILBOX_WAIT &&
	       clock_ms() < until)
		usleep(50);
	return view;
}

#define wait_until(condition)                                          \
	do {                                                           \
		uint64_t until_ = clock_ms() + DEADLINE_S * 1000;      \
		while (!(condition) && clock_ms() < until_)            \
			usleep(50);                                    \
		if (!(condition))                                      \
			fail_msg("%s does not come true", #condition); \
	} while (0)

static struct tm_ctl_flush described(void)
{
	struct tm_ctl_flush out;

	flush_describe(flush, &out);
	return out;
}

/* -- serving -- */

static void who_rings_is_served(void **state)
{
	unsigned int a = claim(TOKEN);

	(void)state;
	if (described().error == -EOPNOTSUPP)
		skip();
	for (uint64_t n = 0; n < 100; n++) {
		post(a, TOKEN, n);
		ring();
		assert_int_equal(wait_for(a, TOKEN, n + 1), FAM_MAILBOX_DONE);
	}
	wait_until(described().commits == 100 && rings == 100);
	assert_int_equal(described().bytes, 6400);
	assert_int_equal(described().clients, 1);
	assert_int_equal(described().waiting, 0);
	assert_true(described().syncs <= 100 && described().syncs > 0);
}

static void who_does_not_ring_is_served_too(void **state)
{
	unsigned int a = claim(TOKEN);

	(void)state;
	assert_int_equal(described().polls, 0);
	for (uint64_t n = 0; n < 20; n++) {
		post(a, TOKEN, n);
		assert_int_equal(wait_for(a, TOKEN, n + 1), FAM_MAILBOX_DONE);
	}
	wait_until(described().polls == 1);
	assert_int_equal(rings, 0);
}

static void who_cannot_ring_is_looked_for_even_if_others_ring(void **state)
{
	unsigned int a = claim(TOKEN), b = claim(OTHER);

	(void)state;
	post(a, TOKEN, 0);
	ring();
	assert_int_equal(wait_for(a, TOKEN, 1), FAM_MAILBOX_DONE);
	assert_int_equal(described().polls, 0);
	box->slot[b].peer = 0;
	post(b, OTHER, 0);
	ring();
	assert_int_equal(wait_for(b, OTHER, 1), FAM_MAILBOX_DONE);
	wait_until(described().polls == 1);
}

static void wrong_requests_are_faults(void **state)
{
	unsigned int a = claim(TOKEN);
	struct fam_range outside = {SIZE, 1};
	struct tm_ctl_peer peer = {.id = 9};

	(void)state;
	box->slot[a].peer = 9;
	fam_mailbox_post(box, a, TOKEN, 0, &outside);
	ring();
	assert_int_equal(wait_for(a, TOKEN, 1), FAM_MAILBOX_FAULT);
	wait_until(described().faults == 1);
	flush_describe_peer(flush, &peer);
	assert_int_equal(peer.faults, 1);
	assert_int_equal(peer.commits, 0);
	assert_int_equal(described().error, 0);
}

static void what_comes_meanwhile_shares_the_next(void **state)
{
	unsigned int a = claim(TOKEN), b = claim(OTHER);

	(void)state;
	held = true;
	post(a, TOKEN, 0);
	ring();
	wait_until(inside);
	for (uint64_t n = 0; n < 10; n++)
		post(b, OTHER, n);
	post(a, TOKEN, 1);
	assert_int_equal(look(a, TOKEN, 1), FAM_MAILBOX_WAIT);
	assert_int_equal(described().waiting, 12);
	held = false;
	assert_int_equal(wait_for(b, OTHER, 10), FAM_MAILBOX_DONE);
	assert_int_equal(wait_for(a, TOKEN, 2), FAM_MAILBOX_DONE);
	assert_int_equal(last_count, 11);
	wait_until(described().commits == 12);
	assert_int_equal(described().syncs, 2);
}

static void it_tells_that_it_lives_while_the_disk_works(void **state)
{
	unsigned int a = claim(TOKEN);
	uint64_t beat;

	(void)state;
	for (uint64_t n = 0; n < 2; n++) {
		beat = box->beat;
		held = true;
		post(a, TOKEN, n);
		ring();
		wait_until(box->beat >= beat + 2);
		assert_true(described().lag_us > 0);
		held = false;
		assert_int_equal(wait_for(a, TOKEN, n + 1), FAM_MAILBOX_DONE);
		/* nobody waits: it does not even touch the page */
		wait_until(described().lag_us == 0 && !flush->beat.beats);
	}
	beat = box->beat;
	post(a, TOKEN, 2);
	ring();
	assert_int_equal(wait_for(a, TOKEN, 3), FAM_MAILBOX_DONE);
	wait_until(!flush->beat.beats);
	assert_int_equal(box->beat, beat);
}

/* A bell that never stops must not be all that is heard. */
static void ringing_for_nothing_disturbs_nobody(void **state)
{
	unsigned int a = claim(TOKEN);
	uint64_t until = clock_ms() + 300, n = 0;

	(void)state;
	while (clock_ms() < until) {
		ring();
		if (n == 0 || look(a, TOKEN, n) == FAM_MAILBOX_DONE)
			post(a, TOKEN, n++);
	}
	ring();
	assert_int_equal(wait_for(a, TOKEN, n), FAM_MAILBOX_DONE);
	assert_true(n > 1);
}

/* -- failing -- */

static void a_failure_reaches_everybody_and_stays(void **state)
{
	unsigned int a = claim(TOKEN), b = claim(OTHER);
	int64_t at;

	(void)state;
	held = true;
	post(a, TOKEN, 0);
	ring();
	wait_until(inside);
	post(b, OTHER, 0);
	result = -EIO;
	held = false;
	assert_int_equal(wait_for(a, TOKEN, 1), FAM_MAILBOX_FAILED);
	assert_int_equal(wait_for(b, OTHER, 1), FAM_MAILBOX_FAILED);
	assert_int_equal(box->failed, -EIO);
	assert_true(box->failed_ns > 0);
	/* the disk is good again: that helps nobody */
	result = 1;
	post(b, OTHER, 1);
	ring();
	wait_until(described().errors == 3);
	assert_int_equal(look(b, OTHER, 1), FAM_MAILBOX_FAILED);
	assert_int_equal(described().commits, 0);
	assert_int_equal(described().error, -EIO);
	assert_int_equal(flush_failed(flush, &at), -EIO);
	assert_true(at > 1700000000);
	assert_int_equal(failures, 1);
	/* nor does it that somebody wipes the mark out */
	box->failed = 0;
	wait_until(box->failed == -EIO);
	assert_int_equal(failures, 1);
}

static void what_failed_is_not_answered_after_a_clear(void **state)
{
	unsigned int a = claim(TOKEN);
	uint64_t when;

	(void)state;
	result = -ENOSPC;
	post(a, TOKEN, 0);
	ring();
	assert_int_equal(wait_for(a, TOKEN, 1), FAM_MAILBOX_FAILED);
	assert_int_equal(box->failed, -EIO);
	when = box->failed_ns;
	result = 1;
	flush_clear(flush);
	assert_int_equal(described().error, 0);
	assert_int_equal(described().failed_at, 0);
	/* asked before, looked at only now: lost, and the time tells why */
	assert_int_equal(look(a, TOKEN, 1), FAM_MAILBOX_LOST);
	assert_int_equal(box->failed_ns, when);
	epoch = atomic_load(&box->epoch);
	a = claim(OTHER);
	post(a, OTHER, 0);
	ring();
	assert_int_equal(wait_for(a, OTHER, 1), FAM_MAILBOX_DONE);
	/* and a second failure is told again */
	result = -EIO;
	post(a, OTHER, 1);
	ring();
	assert_int_equal(wait_for(a, OTHER, 2), FAM_MAILBOX_FAILED);
	wait_until(failures == 2);
}

static void a_clear_during_a_write_back_leaves_it_unanswered(void **state)
{
	unsigned int a = claim(TOKEN);

	(void)state;
	held = true;
	post(a, TOKEN, 0);
	ring();
	wait_until(inside);
	box->failed = -EIO; /* a program of the host saw it first */
	flush_clear(flush);
	held = false;
	assert_int_equal(wait_for(a, TOKEN, 1), FAM_MAILBOX_LOST);
	wait_until(!inside);
	ring();
	wait_until(rings == 2);
	assert_int_equal(look(a, TOKEN, 1), FAM_MAILBOX_LOST);
	assert_int_equal(described().commits, 0);
}

static void a_clear_of_nothing_disturbs_nobody(void **state)
{
	unsigned int a = claim(TOKEN);

	(void)state;
	flush_clear(flush);
	post(a, TOKEN, 0);
	ring();
	assert_int_equal(wait_for(a, TOKEN, 1), FAM_MAILBOX_DONE);
}

static void a_mark_of_the_host_counts(void **state)
{
	unsigned int a = claim(TOKEN);

	(void)state;
	box->failed = -EIO;
	post(a, TOKEN, 0);
	ring();
	wait_until(failures == 1);
	assert_int_equal(described().error, -EIO);
	assert_int_equal(look(a, TOKEN, 1), FAM_MAILBOX_FAILED);
	assert_int_equal(described().commits, 0);
}

static void a_mark_of_the_host_during_a_write_back_counts(void **state)
{
	unsigned int a = claim(TOKEN);

	(void)state;
	held = true;
	post(a, TOKEN, 0);
	ring();
	wait_until(inside);
	box->failed = -ENOSPC;
	held = false;
	wait_until(failures == 1);
	assert_int_equal(look(a, TOKEN, 1), FAM_MAILBOX_FAILED);
	assert_int_equal(box->failed, -EIO);
}

static void a_mark_of_the_host_while_nobody_serves_counts(void **state)
{
	int64_t at;

	(void)state;
	flush_stop(flush);
	wait_until(flush_stopped(flush));
	box->failed = -EIO;
	assert_int_equal(flush_go_on(flush), 0);
	assert_int_equal(flush_failed(flush, &at), -EIO);
	assert_int_equal(box->failed, -EIO);
	wait_until(failures == 1);
	flush_clear(flush);
	flush_stop(flush);
	wait_until(flush_stopped(flush));
	/* what a server said of itself ends with it */
	box->failed = -ENODATA;
	assert_int_equal(flush_go_on(flush), 0);
	assert_int_equal(box->failed, 0);
}

static void noise_in_the_mark_is_wiped_out(void **state)
{
	static const int32_t noise[] = {5,	     -ENODATA, -ESTALE,
					-EOPNOTSUPP, -1000000, INT32_MIN};

	(void)state;
	for (size_t i = 0; i < sizeof(noise) / sizeof(*noise); i++) {
		box->failed = noise[i];
		wait_until(box->failed == 0);
	}
	assert_int_equal(failures, 0);
}

static void a_mark_outlives_the_server(void **state)
{
	int64_t at;

	(void)state;
	box->failed = -EIO;
	wait_until(failures == 1);
	flush_close(flush);
	/* in the mailbox */
	start();
	assert_int_equal(flush_failed(flush, &at), -EIO);
	assert_int_equal(box->failed, -EIO);
	flush_close(flush);
	/* in the state file, if somebody wiped it out meanwhile */
	box->failed = 0;
	config.failed = -EIO;
	config.failed_at = 1700000000;
	start();
	assert_int_equal(flush_failed(flush, &at), -EIO);
	assert_int_equal(at, 1700000000);
	assert_int_equal(box->failed, -EIO);
	flush_clear(flush);
	assert_int_equal(box->failed, 0);
}

static void one_that_was_killed_is_distrusted_until_a_clear(void **state)
{
	(void)state;
	assert_false(flush_distrusts(flush));
	flush_close(flush);
	box->epoch = 4711;
	start();
	assert_true(flush_distrusts(flush));
	/* a program that took over may have been, too */
	flush_close(flush);
	config.distrusts = true;
	start();
	assert_true(flush_distrusts(flush));
	box->failed = -EIO;
	wait_until(failures == 1);
	flush_clear(flush);
	assert_false(flush_distrusts(flush));
	flush_close(flush);
	config.distrusts = false;
	start();
	assert_false(flush_distrusts(flush));
}

static void a_file_that_is_cut_does_not_kill(void **state)
{
	unsigned int a;

	(void)state;
	start_in_test();
	a = claim(TOKEN);
	assert_int_equal(ftruncate(config.fd, 8 << 20), 0);
	post(a, TOKEN, 0);
	ring();
	assert_int_equal(wait_for(a, TOKEN, 1), FAM_MAILBOX_FAILED);
	assert_int_equal(box->failed, -ENODATA);
	/* and now the mailbox as well */
	assert_int_equal(ftruncate(config.fd, 4096), 0);
	ring();
	wait_until(rings == 2);
	assert_int_equal(described().error, -ENODATA);
	/* whole again: it may be cleared */
	assert_int_equal(ftruncate(config.fd, (off_t)SIZE), 0);
	flush_clear(flush);
	assert_true(fam_mailbox_is_served(box));
	epoch = atomic_load(&box->epoch);
	a = claim(TOKEN);
	post(a, TOKEN, 0);
	ring();
	assert_int_equal(wait_for(a, TOKEN, 1), FAM_MAILBOX_DONE);
}

static void a_mailbox_that_is_cut_off_is_a_failure(void **state)
{
	(void)state;
	start_in_test();
	assert_int_equal(ftruncate(config.fd, 4096), 0);
	wait_until(described().error == -ENODATA);
	/* cleared while it still is: the same again */
	flush_clear(flush);
	wait_until(described().error == -ENODATA);
	wait_until(failures == 2);
}

static void a_file_without_a_name_is_a_failure(void **state)
{
	unsigned int a = claim(TOKEN);

	(void)state;
	assert_int_equal(unlink(config.arg), 0);
	post(a, TOKEN, 0);
	ring();
	assert_int_equal(wait_for(a, TOKEN, 1), FAM_MAILBOX_FAILED);
	assert_int_equal(box->failed, -ESTALE);
}

static void a_file_in_memory_is_refused(void **state)
{
	unsigned int a;

	tear_down(state);
	config.fd = memfd_create("fam-flush", MFD_CLOEXEC);
	config.bell = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	config.arg = NULL;
	assert_int_equal(ftruncate(config.fd, (off_t)SIZE), 0);
	box = mmap(NULL, FAM_MAILBOX_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED,
		   config.fd, (off_t)FAM_MAILBOX_OFFSET);
	start();
	a = claim(TOKEN);
	post(a, TOKEN, 0);
	ring();
	assert_int_equal(wait_for(a, TOKEN, 1), FAM_MAILBOX_FAILED);
	assert_int_equal(box->failed, -EOPNOTSUPP);
	assert_int_equal(described().serves, 1);
	assert_int_equal(described().error, -EOPNOTSUPP);
	/* no operator can change that */
	flush_clear(flush);
	assert_int_equal(described().error, -EOPNOTSUPP);
	assert_int_equal(failures, 0);
}

/* -- its end -- */

static void a_stop_answers_what_was_posted(void **state)
{
	unsigned int a = claim(TOKEN), b = claim(OTHER);

	(void)state;
	held = true;
	post(a, TOKEN, 0);
	ring();
	wait_until(inside);
	flush_stop(flush);
	post(b, OTHER, 0);
	assert_false(flush_stopped(flush));
	held = false;
	wait_until(flush_stopped(flush));
	assert_int_equal(look(a, TOKEN, 1), FAM_MAILBOX_DONE);
	assert_int_equal(look(b, OTHER, 1), FAM_MAILBOX_DONE);
	wait_until(look(b, OTHER, 2) == FAM_MAILBOX_LOST);
	assert_false(fam_mailbox_is_served(box));
	/* no exec: it goes on, in a new life */
	assert_int_equal(flush_go_on(flush), 0);
	epoch = atomic_load(&box->epoch);
	a = claim(TOKEN);
	post(a, TOKEN, 0);
	ring();
	assert_int_equal(wait_for(a, TOKEN, 1), FAM_MAILBOX_DONE);
	wait_until(described().commits == 3);
}

static void a_stop_can_be_called_off(void **state)
{
	unsigned int a = claim(TOKEN);

	(void)state;
	held = true;
	post(a, TOKEN, 0);
	ring();
	wait_until(inside);
	flush_stop(flush);
	assert_int_equal(flush_go_on(flush), 0);
	assert_int_equal(flush_go_on(flush), 0);
	held = false;
	assert_int_equal(wait_for(a, TOKEN, 1), FAM_MAILBOX_DONE);
	post(a, TOKEN, 1);
	ring();
	assert_int_equal(wait_for(a, TOKEN, 2), FAM_MAILBOX_DONE);
	assert_false(flush_stopped(flush));
}

static void counts_go_on(void **state)
{
	static const struct tm_ctl_flush past = {
		.commits = 1000, .bytes = 5, .max_us = UINT32_MAX};
	static const struct flush_peer peers[] = {{3, 10, 640, 1},
						  {65535, 1, 2, 3}};
	struct tm_ctl_peer three = {.id = 3}, last = {.id = 65535};
	unsigned int a;

	(void)state;
	flush_close(flush);
	config.counts = &past;
	config.peer = peers;
	config.peers = 2;
	start();
	a = claim(TOKEN);
	box->slot[a].peer = 3;
	post(a, TOKEN, 0);
	ring();
	assert_int_equal(wait_for(a, TOKEN, 1), FAM_MAILBOX_DONE);
	wait_until(described().commits == 1001);
	assert_int_equal(described().bytes, 69);
	assert_int_equal(described().max_us, UINT32_MAX);
	flush_describe_peer(flush, &three);
	flush_describe_peer(flush, &last);
	assert_int_equal(three.commits, 11);
	assert_int_equal(three.bytes, 704);
	assert_int_equal(three.faults, 1);
	assert_int_equal(last.faults, 3);
}

/* -- many at once -- */

#define CLIENTS 4
#define COMMITS 200

static void *commit_all_the_time(void *arg)
{
	uint64_t token = *(uint64_t *)arg;
	int slot = fam_mailbox_claim(box, token);

	for (uint64_t n = 0; slot >= 0 && n < COMMITS; n++) {
		post((unsigned int)slot, token, n);
		if (n % 3)
			ring();
		if (wait_for((unsigned int)slot, token, n + 1) !=
		    FAM_MAILBOX_DONE)
			return NULL;
	}
	return arg;
}

static void many_commit_while_others_look(void **state)
{
	uint64_t token[CLIENTS];
	pthread_t thread[CLIENTS];
	void *ret;

	(void)state;
	result = 0; /* the disk is not the question */
	for (uint64_t i = 0; i < CLIENTS; i++) {
		token[i] = (i + 1) << 40;
		assert_int_equal(pthread_create(&thread[i], NULL,
						commit_all_the_time, &token[i]),
				 0);
	}
	while (described().commits < (uint64_t)CLIENTS * COMMITS) {
		usleep(200);
	}
	for (int i = 0; i < CLIENTS; i++) {
		assert_int_equal(pthread_join(thread[i], &ret), 0);
		assert_ptr_equal(ret, &token[i]);
	}
	assert_int_equal(described().faults, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(who_rings_is_served),
		TEST(who_does_not_ring_is_served_too),
		TEST(who_cannot_ring_is_looked_for_even_if_others_ring),
		TEST(wrong_requests_are_faults),
		TEST(what_comes_meanwhile_shares_the_next),
		TEST(it_tells_that_it_lives_while_the_disk_works),
		TEST(ringing_for_nothing_disturbs_nobody),
		TEST(a_failure_reaches_everybody_and_stays),
		TEST(what_failed_is_not_answered_after_a_clear),
		TEST(a_clear_during_a_write_back_leaves_it_unanswered),
		TEST(a_clear_of_nothing_disturbs_nobody),
		TEST(a_mark_of_the_host_counts),
		TEST(a_mark_of_the_host_during_a_write_back_counts),
		TEST(a_mark_of_the_host_while_nobody_serves_counts),
		TEST(noise_in_the_mark_is_wiped_out),
		TEST(a_mark_outlives_the_server),
		TEST(one_that_was_killed_is_distrusted_until_a_clear),
		TEST(a_file_that_is_cut_does_not_kill),
		TEST(a_mailbox_that_is_cut_off_is_a_failure),
		TEST(a_file_without_a_name_is_a_failure),
		TEST(a_file_in_memory_is_refused),
		TEST(a_stop_answers_what_was_posted),
		TEST(a_stop_can_be_called_off),
		TEST(counts_go_on),
		TEST(many_commit_while_others_look),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
