// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
/* Many ranges and many threads, one write-back. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/file.h>

#include <cmocka.h>

#include "fam-persist.h"
#include "synced.h"

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
	/* None was left out, some may have shared one. */
	assert_true(synced.calls + synced.whole <= 4 * ROUNDS);
	assert_true(synced.calls + synced.whole >= ROUNDS);
	fam_close(fam);
}

static void many_ranges_take_one_wait(void **state)
{
	struct fam *fam = open_new(*state, 0, NULL);
	char *window = map(fam, 0, MIB);
	uint64_t first, last = 0;

	assert_int_equal(fam_wait(fam, 0, 0), 0);
	assert_int_equal(fam_wait(fam, FAM_TICKET_ALL, 0), 0);
	assert_int_equal(fam_persist_async(fam, window, 1, &first), 0);
	assert_int_equal(fam_persist_async(fam, window + 4096, 1, NULL), 0);
	assert_int_equal(fam_persist_async(fam, window + 8191, 2, &last), 0);
	assert_true(last > first && first > 0);
	assert_int_equal(synced.calls, 0);
	assert_int_equal(fam_wait(fam, last + 1, 0), -EINVAL);
	/* Neighbours are one run of pages. */
	assert_int_equal(fam_wait(fam, first, -1), 0);
	assert_int_equal(synced.calls, 1);
	assert_int_equal(synced.len, 3 * 4096);
	assert_int_equal(fam_wait(fam, last, 0), 0);
	assert_int_equal(synced.calls, 1);
	/* Any number is taken, and costs one wait as well. */
	for (uint64_t i = 0; i < 200; i += 2)
		assert_int_equal(
			fam_persist_async(fam, window + i * 4096, 1, &last), 0);
	assert_int_equal(fam_wait(fam, FAM_TICKET_ALL, 0), 0);
	assert_int_equal(synced.calls + synced.whole, 2);
	assert_int_equal(fam_wait(fam, last, 0), 0);
	fam_close(fam);
}

/* A few scattered pages: once all, or each, as much else is dirty. */
static void scattered_ranges_are_all_written(void **state)
{
	struct fam *fam = open_new(*state, 0, NULL);
	char *window = map(fam, 0, MIB);

	for (int i = 0; i < 5; i++)
		assert_int_equal(
			fam_persist_async(fam, window + i * 40960, 1, NULL), 0);
	assert_int_equal(fam_wait(fam, FAM_TICKET_ALL, -1), 0);
	assert_true((synced.calls == 5 && synced.whole == 0) ||
		    (synced.calls == 0 && synced.whole == 1));
	fam_close(fam);
}

static void without_address_space_the_whole_file_is_synced(void **state)
{
	struct fam *fam;
	char *window;

	no_address_space = true;
	fam = open_new(*state, 0, NULL);
	no_address_space = false;
	window = map(fam, 0, 4096);
	assert_int_equal(fam_persist(fam, window, 1), 0);
	assert_int_equal(synced.whole, 1);
	assert_int_equal(synced.calls, 0);
	fam_close(fam);
}

struct caller {
	struct fam *fam;
	char *addr;
	int r;
};

static void *persist_one(void *arg)
{
	struct caller *caller = arg;

	caller->r = fam_persist(caller->fam, caller->addr, 1);
	return NULL;
}

/* A caller that writes, and stays in it until the gate is opened. */
static pthread_t start_stuck(struct caller *caller)
{
	pthread_t thread;

	pthread_mutex_lock(&synced.gate);
	assert_int_equal(pthread_create(&thread, NULL, persist_one, caller), 0);
	while (atomic_load(&synced.inside) == 0)
		sched_yield();
	return thread;
}

static void who_comes_meanwhile_shares_the_next_write_back(void **state)
{
	struct fam *fam = open_new(*state, 0, NULL);
	char *window = map(fam, 0, MIB);
	struct caller leader = {fam, window, 1};
	pthread_t thread = start_stuck(&leader);

	for (int i = 1; i < 4; i++)
		assert_int_equal(
			fam_persist_async(fam, window + i * 4096, 1, NULL), 0);
	assert_int_equal(fam_wait(fam, FAM_TICKET_ALL, 0), -ETIMEDOUT);
	assert_int_equal(fam_wait(fam, FAM_TICKET_ALL, 2), -ETIMEDOUT);
	pthread_mutex_unlock(&synced.gate);
	assert_int_equal(fam_wait(fam, FAM_TICKET_ALL, -1), 0);
	assert_int_equal(pthread_join(thread, NULL), 0);
	assert_int_equal(leader.r, 0);
	assert_int_equal(synced.calls, 2);
	assert_int_equal(synced.len, 3 * 4096);
	fam_close(fam);
}

/* The kernel tells it to one; the others' pages may be among those lost. */
static void a_failure_reaches_who_came_meanwhile(void **state)
{
	struct fam *fam = open_new(*state, 0, NULL);
	char *window = map(fam, 0, MIB);
	struct caller leader = {fam, window, 1};
	pthread_t thread = start_stuck(&leader);

	assert_int_equal(fam_persist_async(fam, window + 4096, 1, NULL), 0);
	synced.error = EIO;
	pthread_mutex_unlock(&synced.gate);
	assert_int_equal(fam_wait(fam, FAM_TICKET_ALL, -1), -EIO);
	assert_int_equal(pthread_join(thread, NULL), 0);
	assert_int_equal(leader.r, -EIO);
	assert_int_equal(synced.calls, 1);
	fam_close(fam);
}

static _Atomic int signals;

static void count_signal(int number)
{
	(void)number;
	signals++;
}

struct pester {
	pthread_t victim;
	_Atomic bool ends;
};

static void *send_signals(void *arg)
{
	struct pester *pester = arg;

	while (!atomic_load(&pester->ends)) {
		pthread_kill(pester->victim, SIGUSR1);
		sched_yield();
	}
	return NULL;
}

static void a_signal_ends_the_wait_for_another(void **state)
{
	struct sigaction action = {.sa_handler = count_signal};
	struct fam *fam = open_new(*state, 0, NULL);
	char *window = map(fam, 0, MIB);
	struct caller leader = {fam, window, 1};
	pthread_t thread = start_stuck(&leader), sender;
	struct pester pester = {.victim = pthread_self()};

	assert_int_equal(sigaction(SIGUSR1, &action, NULL), 0);
	assert_int_equal(pthread_create(&sender, NULL, send_signals, &pester),
			 0);
	assert_int_equal(fam_wait(fam, FAM_TICKET_ALL, -1), -EINTR);
	assert_true(signals > 0);
	pthread_mutex_unlock(&synced.gate);
	/* But fam_persist() ends only with an answer. */
	assert_int_equal(fam_persist(fam, window + 4096, 1), 0);
	atomic_store(&pester.ends, true);
	assert_int_equal(pthread_join(sender, NULL), 0);
	assert_int_equal(pthread_join(thread, NULL), 0);
	assert_int_equal(leader.r, 0);
	fam_close(fam);
}

/* The device under a flush window, as far as the program sees it. */
static void a_window_that_cannot_be_synced_leaves_the_mark(void **state)
{
	struct fam fam = {.source = {.size = 16 * MIB, .writable = true}};
	struct fam_mailbox *box = calloc(1, sizeof(*box));
	struct fam_way way = {.box = box, .fd = memfd_create("window", 0)};
	struct fam_ask ask = {.range = {4096, 64}, .until = INT64_MAX};

	(void)state;
	fam.way = &way;
	fam_window_begin(&fam);
	assert_int_equal(fam_way_window.post(&fam, &ask), 0);
	assert_int_equal(fam_way_window.wait(&fam, &ask), 0);
	assert_int_equal(fam_way_window.failed(&fam), 0);
	close(way.fd);
	way.fd = -1;
	assert_int_equal(fam_way_window.post(&fam, &ask), 0);
	assert_int_equal(fam_way_window.wait(&fam, &ask), -EIO);
	assert_int_equal(atomic_load(&box->failed), -EIO);
	assert_true(atomic_load(&box->failed_ns) > 0);
	assert_int_equal(fam_way_window.post(&fam, &ask), -EIO);
	fam_group_destroy(&way.group);
	free(box);
}

/* A program of a node with a window. */
struct windowed {
	struct fam fam;
	struct fam_way way;
	struct fam_ask ask;
	int r;
};

static void windowed_init(struct windowed *w, struct fam_mailbox *box, int fd)
{
	*w = (struct windowed){
		.fam = {.source = {.size = 16 * MIB, .writable = true}},
		.way = {.box = box, .fd = fd},
		.ask = {.range = {4096, 64}, .until = INT64_MAX},
	};
	w->fam.way = &w->way;
	fam_window_begin(&w->fam);
}

static void *windowed_persist(void *arg)
{
	struct windowed *w = arg;

	w->r = fam_way_window.post(&w->fam, &w->ask);
	if (w->r == 0)
		w->r = fam_way_window.wait(&w->fam, &w->ask);
	return NULL;
}

static _Atomic int refused_locks;

int __real_flock(int fd, int operation);
int __wrap_flock(int fd, int operation);

int __wrap_flock(int fd, int operation)
{
	int r = __real_flock(fd, operation);

	if (r < 0 && errno == EWOULDBLOCK)
		refused_locks++;
	return r;
}

/* The kernel tells the one that comes first, and takes its time. */
static void one_program_of_a_node_at_a_time_syncs_a_window(void **state)
{
	struct fam_mailbox *box = calloc(1, sizeof(*box));
	struct windowed second;
	pthread_t thread;
	char path[64];
	int fd = memfd_create("window", MFD_CLOEXEC), first;

	(void)state;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	first = open(path, O_RDWR | O_CLOEXEC);
	assert_int_equal(__real_flock(first, LOCK_EX), 0);
	windowed_init(&second, box, open(path, O_RDWR | O_CLOEXEC));
	assert_int_equal(
		pthread_create(&thread, NULL, windowed_persist, &second), 0);
	while (refused_locks < 3)
		sched_yield();
	atomic_store(&box->failed, -EIO);
	assert_int_equal(__real_flock(first, LOCK_UN), 0);
	assert_int_equal(pthread_join(thread, NULL), 0);
	assert_int_equal(second.r, -EIO);
	/* Cleared, it goes on; and the lock was given back. */
	atomic_store(&box->failed, 0);
	windowed_persist(&second);
	assert_int_equal(second.r, 0);
	assert_int_equal(__real_flock(first, LOCK_EX | LOCK_NB), 0);
	close(fd);
	close(first);
	close(second.way.fd);
	fam_group_destroy(&second.way.group);
	free(box);
}

/* The emulator's open file is told once, whoever asks. */
static void a_window_marks_whatever_was_cleared_meanwhile(void **state)
{
	struct fam_mailbox *box = calloc(1, sizeof(*box));
	struct windowed w;

	(void)state;
	windowed_init(&w, box, memfd_create("window", MFD_CLOEXEC));
	windowed_persist(&w);
	assert_int_equal(w.r, 0);
	/* a failure that others met, cleared while this one wrote nothing */
	atomic_store(&box->failed_ns, 4711);
	close(w.way.fd);
	w.way.fd = -1;
	windowed_persist(&w);
	assert_int_equal(w.r, -EIO);
	assert_int_equal(atomic_load(&box->failed), -EIO);
	fam_group_destroy(&w.way.group);
	free(box);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		DISK(threads_share_an_attachment),
		DISK(many_ranges_take_one_wait),
		DISK(scattered_ranges_are_all_written),
		DISK(without_address_space_the_whole_file_is_synced),
		DISK(who_comes_meanwhile_shares_the_next_write_back),
		DISK(a_failure_reaches_who_came_meanwhile),
		DISK(a_signal_ends_the_wait_for_another),
		cmocka_unit_test(
			a_window_that_cannot_be_synced_leaves_the_mark),
		cmocka_unit_test(
			one_program_of_a_node_at_a_time_syncs_a_window),
		cmocka_unit_test(a_window_marks_whatever_was_cleared_meanwhile),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
