/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026, the FAM emulator authors */
#ifndef TESTS_MEMBER_H
#define TESTS_MEMBER_H

/*
 * Programs that have a session of a fabric, in processes of their own. A test
 * program that includes this calls member_main() if it is started with the
 * argument "member". After <cmocka.h>.
 */
#include <inttypes.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <fam/session.h>

#define DEADLINE_MS 60000

static inline int64_t clock_now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static inline void breathe(void)
{
	const struct timespec pause = {.tv_nsec = 2000000};

	nanosleep(&pause, NULL);
}

/* Until it holds; false: it did not for very long. */
#define await(condition)                                                  \
	({                                                                \
		int64_t until_ = clock_now_ms() + DEADLINE_MS;            \
		bool held_;                                               \
                                                                          \
		while (!(held_ = (condition)) && clock_now_ms() < until_) \
			breathe();                                        \
		held_;                                                    \
	})

/* --- in the process of its own --------------------------------------------- */

/* One line for each command; what it says is the first word. */
static inline void member_obey(struct fam *fam, const char *line)
{
	struct fam_session_event event = {0};
	struct fam_session self = {0};
	uint64_t id = 0;
	int r;

	if (strcmp(line, "check\n") == 0) {
		r = fam_session_check(fam);
	} else if (strcmp(line, "rejoin\n") == 0) {
		r = fam_session_rejoin(fam);
		fam_session_self(fam, &self);
		id = self.id;
	} else if (strcmp(line, "event\n") == 0) {
		r = fam_session_event(fam, &event);
		if (r == 0)
			r = (int)event.change;
		id = event.session.id;
	} else if (sscanf(line, "ping %" SCNu64, &id) == 1) {
		r = fam_session_ping(fam, id, 10000, NULL);
	} else {
		r = -ENOSYS;
	}
	printf("%d %" PRIu64 "\n", r, id);
	fflush(stdout);
}

/* "member PATH LEASE": its ID, then answers until its input ends. */
static inline int member_main(char **argv)
{
	struct fam_session self = {0};
	struct fam *fam;
	char line[128];
	int r = fam_open(&fam, argv[2], 0);

	if (r == 0)
		r = fam_session_set(fam, NULL, (uint32_t)atoi(argv[3]));
	if (r == 0)
		r = fam_session_self(fam, &self);
	printf("%d %" PRIu64 "\n", r, self.id);
	fflush(stdout);
	while (r == 0 && fgets(line, sizeof(line), stdin))
		member_obey(fam, line);
	if (r == 0)
		fam_close(fam);
	return r != 0;
}

/* --- in the test ------------------------------------------------------------ */

struct member {
	pid_t pid; /* 0: none, or waited for */
	FILE *to, *from;
	uint64_t id;
};

/* What it answers; @id, if not NULL, the session that goes with it. */
static inline int member_answer(struct member *m, uint64_t *id)
{
	uint64_t said = 0;
	int r = -EPIPE;

	assert_int_equal(fscanf(m->from, "%d %" SCNu64, &r, &said), 2);
	if (id)
		*id = said;
	return r;
}

static inline int member_ask(struct member *m, const char *what, uint64_t *id)
{
	fprintf(m->to, "%s\n", what);
	fflush(m->to);
	return member_answer(m, id);
}

/* Begun, but not heard of: several of them begin at once. */
static inline void member_begin(struct member *m, const char *path,
				unsigned int lease_ms)
{
	posix_spawn_file_actions_t actions;
	char lease[16];
	char *argv[] = {"member", "member", (char *)path, lease, NULL};
	int to[2], from[2];

	snprintf(lease, sizeof(lease), "%u", lease_ms);
	assert_int_equal(pipe2(to, O_CLOEXEC), 0);
	assert_int_equal(pipe2(from, O_CLOEXEC), 0);
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, to[0], STDIN_FILENO);
	posix_spawn_file_actions_adddup2(&actions, from[1], STDOUT_FILENO);
	assert_int_equal(posix_spawn(&m->pid, "/proc/self/exe", &actions, NULL,
				     argv, environ),
			 0);
	posix_spawn_file_actions_destroy(&actions);
	close(to[0]);
	close(from[1]);
	m->to = fdopen(to[1], "w");
	m->from = fdopen(from[0], "r");
}

static inline void member_start(struct member *m, const char *path,
				unsigned int lease_ms)
{
	member_begin(m, path, lease_ms);
	assert_int_equal(member_answer(m, &m->id), 0);
	assert_true(m->id != 0);
}

/* Waited for: nothing of it is left. Its wait(2) status. */
static inline int member_reap(struct member *m)
{
	int status = -1;

	if (m->pid) {
		fclose(m->to);
		fclose(m->from);
		waitpid(m->pid, &status, 0);
	}
	m->pid = 0;
	return status;
}

static inline void member_leave(struct member *m)
{
	assert_int_equal(member_reap(m), 0);
}

/* Whatever became of it in a test that has failed. */
static inline void member_tear_down(struct member *m)
{
	if (m->pid)
		kill(m->pid, SIGKILL);
	member_reap(m);
}

#endif
