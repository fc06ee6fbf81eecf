/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026, the FAM emulator authors */
#ifndef TESTS_SYNC_STAGE_H
#define TESTS_SYNC_STAGE_H

/*
 * A fabric, this process attached to it, threads of it, and processes of their
 * own that play a role at what lies at the start of the data. A test program
 * that includes this begins its main() with stage_main(). After <cmocka.h>.
 */
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>

#include <fam-parking.h>
#include <fam/fam.h>
#include <fam/session.h>
#include <fam/sync.h>

#include "fabric-file.h"
#include "member.h"

#define PATIENT	 600000 /* ms: too long for any test to wait for */
#define CAST	 8
#define ROLE_END 99 /* exit code of one that failed */

/* What a role does; its exit code. */
struct role {
	const char *name;
	int (*play)(struct fam *fam, void *board, unsigned int n);
};

static struct workdir work;
static struct fam *fam;
static void *board;	 /* the first MiB of the data, this one's window */
static const char *path; /* of the fabric */
static struct fam_parking *parking;
static struct fam_sessions *sessions;
static pid_t cast[CAST]; /* 0: none, or waited for */

#define check(condition)                                                 \
	((condition) ? (void)0                                           \
		     : (fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, \
				__LINE__, #condition),                   \
			_exit(ROLE_END)))

static inline void *stage_map(uint64_t offset, size_t bytes)
{
	int fd = open(path, O_RDWR | O_CLOEXEC);
	void *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd,
		       (off_t)offset);

	close(fd);
	return p == MAP_FAILED ? NULL : p;
}

static inline int stage_set_up(void **state)
{
	(void)state;
	if (workdir_make(&work, "/tmp"))
		return -1;
	path = strdup(fabric_make(&work, "sync", 1, NULL));
	parking = stage_map(FAM_PARKING_OFFSET, FAM_PARKING_BYTES);
	sessions = stage_map(FAM_SESSIONS_OFFSET, FAM_SESSIONS_BYTES);
	if (!parking || !sessions || fam_open(&fam, path, 0) < 0 ||
	    fam_map(fam, 0, MIB, &board) < 0)
		return -1;
	return fam_session_set(fam, NULL, PATIENT);
}

static inline int stage_tear_down(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < CAST; i++) {
		if (cast[i] > 0) {
			kill(cast[i], SIGKILL);
			waitpid(cast[i], NULL, 0);
		}
		cast[i] = 0;
	}
	fam_close(fam);
	fam = NULL;
	munmap(parking, FAM_PARKING_BYTES);
	munmap(sessions, FAM_SESSIONS_BYTES);
	free((char *)path);
	return workdir_remove(&work);
}

/* --- who sleeps ------------------------------------------------------------- */

/* How many sleep at a word of the board. */
static inline unsigned int sleepers(const uint64_t *word)
{
	uint64_t key = FAM_DATA_OFFSET +
		       (uint64_t)((const char *)word - (const char *)board);
	unsigned int count = 0;

	for (unsigned int i = 0; i < FAM_PARKING_TOTAL; i++) {
		struct fam_parking_place *p =
			&parking->place[i / FAM_PARKING_PLACES]
				       [i % FAM_PARKING_PLACES];

		count += fam_word_get(&p->key) == key &&
			 (fam_word_get(&p->word) & FAM_HOLDER_FLAGS) ==
				 FAM_PARKING_WAITING;
	}
	return count;
}

/* This attachment's own session is declared dead; it goes on. */
static inline void lose_session(void)
{
	struct fam_session self;
	unsigned int slot;

	assert_int_equal(fam_session_self(fam, &self), 0);
	slot = (unsigned int)(self.id & 0xffff);
	assert_true(fam_sessions_kill(sessions, slot, sessions->word[slot],
				      FAM_SESSION_EXPIRED));
}

/* --- processes -------------------------------------------------------------- */

/* "role PATH NAME N" */
static inline int stage_play(const struct role *roles, char **argv)
{
	struct fam *own;
	void *at;

	if (fam_open(&own, argv[2], 0) < 0 || fam_map(own, 0, MIB, &at) < 0 ||
	    fam_session_set(own, NULL, PATIENT) < 0)
		return ROLE_END;
	for (; roles->name; roles++) {
		if (strcmp(roles->name, argv[3]) == 0) {
			int r = roles->play(own, at,
					    (unsigned int)atoi(argv[4]));

			fam_close(own);
			return r;
		}
	}
	return ROLE_END;
}

static inline void enter(unsigned int i, const char *role, unsigned int n)
{
	char number[16];
	char *argv[] = {"role",	      "role", (char *)path,
			(char *)role, number, NULL};

	snprintf(number, sizeof(number), "%u", n);
	assert_int_equal(cast[i], 0);
	assert_int_equal(posix_spawn(&cast[i], "/proc/self/exe", NULL, NULL,
				     argv, environ),
			 0);
}

/* Until it is killed. */
static inline int stay(void)
{
	while (getppid() != 1)
		pause();
	return ROLE_END;
}

/* Its exit code, or 128 + the signal that killed it. */
static inline int leave(unsigned int i)
{
	int status = 0;

	assert_int_equal(waitpid(cast[i], &status, 0), cast[i]);
	cast[i] = 0;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static inline void die(unsigned int i)
{
	kill(cast[i], SIGKILL);
	assert_int_equal(leave(i), 128 + SIGKILL);
}

/* --- threads ------------------------------------------------------------------ */

struct player {
	pthread_t thread;
	int (*play)(unsigned int n);
	unsigned int n;
	_Atomic int result;
	_Atomic int ended;
};

static inline void *player_main(void *arg)
{
	struct player *p = arg;

	p->result = p->play(p->n);
	p->ended = 1;
	return NULL;
}

static inline void player_start(struct player *p, int (*play)(unsigned int n),
				unsigned int n)
{
	*p = (struct player){.play = play, .n = n};
	assert_int_equal(pthread_create(&p->thread, NULL, player_main, p), 0);
}

static inline int player_end(struct player *p)
{
	assert_int_equal(pthread_join(p->thread, NULL), 0);
	return p->result;
}

static inline void on_signal(int number)
{
	(void)number;
}

/* A handler that ends waits. */
static inline void catch_usr1(void)
{
	const struct sigaction action = {.sa_handler = on_signal};

	sigaction(SIGUSR1, &action, NULL);
}

#define STAGE_MAIN(argc, argv, roles)                          \
	do {                                                   \
		if ((argc) == 5 && !strcmp((argv)[1], "role")) \
			return stage_play((roles), (argv));    \
	} while (0)

#endif
