// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
/* Locks under stress: many count under one, some die; tests/sync/arena.h. */
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

#include <fam/fam.h>
#include <fam/session.h>

#include "arena.h"
#include "fabric-file.h"
#include "member.h"

#define STEPS	  1000000 /* of each kind */
#define FEW_STEPS 30000	  /* where each step has somebody sleep and wake */
#define PROCESSES 3
#define THREADS	  2
#define KILLS	  12
#define LEASE_MS  600000 /* only their end ends them, however busy it is here */

static struct workdir work;
static const char *path;

struct view {
	struct fam *fam;
	struct arena *arena;
};

static int set_up(void **state)
{
	(void)state;
	if (workdir_make(&work, "/tmp"))
		return -1;
	path = strdup(fabric_make(&work, "stress", 1, NULL));
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	free((char *)path);
	return workdir_remove(&work);
}

static int come(struct view *v)
{
	void *data = NULL;
	int r = fam_open(&v->fam, path, 0);

	if (r == 0)
		r = fam_session_set(v->fam, NULL, LEASE_MS);
	if (r == 0)
		r = fam_map(v->fam, 0, sizeof(struct arena), &data);
	v->arena = data;
	return r;
}

/* --- in processes of their own --------------------------------------------------- */

struct job {
	struct view view;
	const struct lock_kind *kind;
};

static void *work_on(void *arg)
{
	struct job *job = arg;
	struct arena_worker worker;

	arena_join(&worker, job->view.fam, job->view.arena, job->kind);
	return (void *)(intptr_t)arena_work(&worker);
}

/* "worker PATH KIND" */
static int worker_main(char **argv)
{
	pthread_t thread[THREADS];
	struct job job = {.kind = lock_kind_find(argv[3])};
	void *result;
	int failed = 0;

	path = argv[2];
	if (come(&job.view) < 0)
		return 2;
	for (unsigned int i = 0; i < THREADS; i++)
		pthread_create(&thread[i], NULL, work_on, &job);
	for (unsigned int i = 0; i < THREADS; i++) {
		pthread_join(thread[i], &result);
		failed |= result != NULL;
	}
	fam_close(job.view.fam);
	return failed;
}

/* --- the test ----------------------------------------------------------------------- */

static pid_t begin(const char *kind)
{
	char *argv[] = {"worker", "worker", (char *)path, (char *)kind, NULL};
	pid_t pid;

	assert_int_equal(
		posix_spawn(&pid, "/proc/self/exe", NULL, NULL, argv, environ),
		0);
	return pid;
}

/* Until it has ended, or @steps are done by all together. */
static bool await_steps(const struct arena *arena, pid_t pid, uint64_t steps)
{
	siginfo_t info = {0};

	return await(fam_word_get(&arena->after) >= steps ||
		     (waitid(P_PID, (id_t)pid, &info,
			     WEXITED | WNOHANG | WNOWAIT) == 0 &&
		      info.si_pid == pid)) &&
	       info.si_pid == 0;
}

/* They die at moments spread over all that there is to do, which has no end. */
static void kill_some(const struct arena *arena, pid_t *pid, const char *kind,
		      unsigned int kills, uint64_t apart)
{
	for (unsigned int i = 0; i < kills; i++) {
		pid_t *victim = &pid[i % PROCESSES];

		assert_true(await_steps(arena, *victim,
					fam_word_get(&arena->after) + apart));
		kill(*victim, SIGKILL);
		waitpid(*victim, NULL, 0);
		*victim = begin(kind);
	}
}

/* They go on for @steps; none is made meanwhile. */
static void let_end(const struct view *v, const char *kind, uint64_t steps)
{
	const struct lock_kind *k = lock_kind_find(kind);
	int r = k->lock(v->fam, &v->arena->lock, -1);

	assert_true(r == 0 || r == -EOWNERDEAD);
	fam_word_put(&v->arena->target, fam_word_get(&v->arena->after) + steps);
	assert_int_equal(k->unlock(v->fam, &v->arena->lock), 0);
}

static void stress(const char *kind, uint64_t steps, unsigned int kills)
{
	uint64_t apart = steps / (kills + 1);
	pid_t pid[PROCESSES];
	struct view v;
	int status;

	if (come(&v) < 0 || !v.arena) {
		fail();
		return;
	}
	arena_begin(v.arena, kills ? UINT64_MAX : steps);
	for (unsigned int i = 0; i < PROCESSES; i++)
		pid[i] = begin(kind);
	kill_some(v.arena, pid, kind, kills, apart);
	if (kills)
		let_end(&v, kind, apart);
	for (unsigned int i = 0; i < PROCESSES; i++) {
		waitpid(pid[i], &status, 0);
		assert_true(WIFEXITED(status));
		assert_int_equal(WEXITSTATUS(status), 0);
	}
	assert_int_equal(arena_check(v.arena, kind), 0);
	/* Nobody lost its session, and nobody died but those killed. */
	assert_int_equal(fam_word_get(&v.arena->stale), 0);
	assert_true(fam_word_get(&v.arena->deaths) <= kills);
	fam_close(v.fam);
}

static void mutexes_count_right(void **state)
{
	(void)state;
	stress("mutex", STEPS, 0);
}

static void mutexes_outlive_their_owners(void **state)
{
	(void)state;
	stress("mutex", STEPS, KILLS);
}

static void spin_locks_count_right(void **state)
{
	(void)state;
	stress("spin", STEPS, 0);
}

static void spin_locks_outlive_their_owners(void **state)
{
	(void)state;
	stress("spin", STEPS, KILLS);
}

static void ticket_locks_count_right(void **state)
{
	(void)state;
	stress("ticket", FEW_STEPS, 0);
}

static void ticket_locks_outlive_their_owners(void **state)
{
	(void)state;
	stress("ticket", FEW_STEPS, KILLS);
}

static void read_write_locks_count_right(void **state)
{
	(void)state;
	stress("rwlock", STEPS, 0);
}

static void read_write_locks_outlive_their_owners(void **state)
{
	(void)state;
	stress("rwlock", STEPS, KILLS);
}

int main(int argc, char **argv)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(mutexes_count_right),
		TEST(mutexes_outlive_their_owners),
		TEST(spin_locks_count_right),
		TEST(spin_locks_outlive_their_owners),
		TEST(ticket_locks_count_right),
		TEST(ticket_locks_outlive_their_owners),
		TEST(read_write_locks_count_right),
		TEST(read_write_locks_outlive_their_owners),
	};

	if (argc > 3 && strcmp(argv[1], "worker") == 0)
		return worker_main(argv);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
