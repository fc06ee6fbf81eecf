/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026, the FAM emulator authors */
#ifndef TESTS_MESSAGE_PEER_H
#define TESTS_MESSAGE_PEER_H

/*
 * A fabric with a channel or stream in it, two attachments of the test, and ends
 * in processes of their own, which do what they are told and can be killed. A
 * test program that includes this calls peer_main() if it is started with the
 * argument "peer". After <cmocka.h>.
 */
#include <errno.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fam-sessions.h>
#include <fam/fam.h>

#include "fabric-file.h"

#define ROOM	(UINT64_C(1) << 20) /* for what is tested, at the data's start */
#define SOON_MS 30000

struct world {
	struct workdir work;
	char path[512];
	struct fam *fam[2];
	void *memory[2]; /* the same one, mapped by each */
};

static inline int world_set_up(void **state)
{
	struct world *w = calloc(1, sizeof(*w));

	assert_int_equal(workdir_make(&w->work, "/var/tmp"), 0);
	snprintf(w->path, sizeof(w->path), "%s",
		 fabric_make(&w->work, "messages", 1, NULL));
	for (int i = 0; i < 2; i++) {
		assert_int_equal(fam_open(&w->fam[i], w->path, 0), 0);
		/* So it looks 50 times a second: deaths are known soon. */
		assert_true(fam_session_fd(w->fam[i]) >= 0);
		assert_int_equal(fam_map(w->fam[i], 0, ROOM, &w->memory[i]), 0);
	}
	*state = w;
	return 0;
}

static inline int world_tear_down(void **state)
{
	struct world *w = *state;

	fam_close(w->fam[0]);
	fam_close(w->fam[1]);
	assert_int_equal(workdir_remove(&w->work), 0);
	free(w);
	return 0;
}

/* Others take an attachment for dead: it was silent for longer than its lease. */
static inline void world_declare_dead(struct world *w, struct fam *fam)
{
	struct fam_session self;
	struct fam_sessions *table;
	int fd = open(w->path, O_RDWR | O_CLOEXEC);
	unsigned int slot;

	assert_int_equal(fam_session_self(fam, &self), 0);
	table = mmap(NULL, sizeof(*table), PROT_READ | PROT_WRITE, MAP_SHARED,
		     fd, (off_t)FAM_SESSIONS_OFFSET);
	assert_true(table != MAP_FAILED);
	close(fd);
	slot = (unsigned int)(self.id & 0xffff);
	assert_true(fam_sessions_kill(table, slot, table->word[slot],
				      FAM_SESSION_EXPIRED));
	munmap(table, sizeof(*table));
}

/* --- in a process of its own ---------------------------------------------------- */

/* What a peer does, letter by letter; defined by the test. */
static int peer_do(struct fam *fam, void *memory, char what);

/* "peer PATH LETTERS": does them, says so, and stays until its input ends. */
static inline int peer_main(char **argv)
{
	struct fam *fam;
	void *memory;
	char line[8];
	int r = fam_open(&fam, argv[2], 0);

	if (r == 0)
		r = fam_map(fam, 0, ROOM, &memory);
	for (const char *p = argv[3]; r == 0 && *p; p++)
		r = peer_do(fam, memory, *p);
	printf("%d\n", r);
	fflush(stdout);
	if (r == 0 && fgets(line, sizeof(line), stdin))
		return 1;
	if (r == 0)
		fam_close(fam);
	return r != 0;
}

/* --- in the test ------------------------------------------------------------------ */

struct peer {
	pid_t pid;
	FILE *to;
};

/* It has done what @letters say. */
static inline struct peer peer_start(struct world *w, const char *letters)
{
	posix_spawn_file_actions_t actions;
	char *argv[] = {"peer", "peer", w->path, (char *)letters, NULL};
	int to[2], from[2], r = -1;
	struct peer peer;
	FILE *said;

	assert_int_equal(pipe2(to, O_CLOEXEC), 0);
	assert_int_equal(pipe2(from, O_CLOEXEC), 0);
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, to[0], STDIN_FILENO);
	posix_spawn_file_actions_adddup2(&actions, from[1], STDOUT_FILENO);
	assert_int_equal(posix_spawn(&peer.pid, "/proc/self/exe", &actions,
				     NULL, argv, environ),
			 0);
	posix_spawn_file_actions_destroy(&actions);
	close(to[0]);
	close(from[1]);
	peer.to = fdopen(to[1], "w");
	said = fdopen(from[0], "r");
	assert_int_equal(fscanf(said, "%d", &r), 1);
	assert_int_equal(r, 0);
	fclose(said);
	return peer;
}

static inline void peer_kill(struct peer *peer)
{
	kill(peer->pid, SIGKILL);
	assert_int_equal(waitpid(peer->pid, NULL, 0), peer->pid);
	fclose(peer->to);
}

static inline void peer_leave(struct peer *peer)
{
	int status = -1;

	fclose(peer->to);
	assert_int_equal(waitpid(peer->pid, &status, 0), peer->pid);
	assert_int_equal(status, 0);
}

#endif
