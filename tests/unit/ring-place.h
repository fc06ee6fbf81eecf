/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026, the FAM emulator authors */
#ifndef TESTS_RING_PLACE_H
#define TESTS_RING_PLACE_H

/*
 * A fabric with room for a ring or a pool, and other programs that use it: a
 * test program that includes this calls other_main() if it is started with the
 * argument "other". After <cmocka.h>.
 */
#include <errno.h>
#include <pthread.h>
#include <stdbool.h>

#include <fam/fam.h>
#include <fam/ring.h>
#include <fam/session.h>

#include "fabric-file.h"
#include "member.h"

#define LEASE_MS 400

struct place {
	struct workdir work;
	char path[512];
	struct fam *fam;
	void *memory;
};

static inline void place_open(struct place *p, const char *path)
{
	assert_int_equal(fam_open(&p->fam, path, 0), 0);
	assert_int_equal(fam_session_set(p->fam, NULL, 60000), 0);
	assert_int_equal(fam_map(p->fam, 0, 0, &p->memory), 0);
}

static inline int place_set_up(void **state)
{
	const char *base = getenv("TMPDIR");
	struct place *p = calloc(1, sizeof(*p));

	*state = p;
	assert_int_equal(workdir_make(&p->work, base ? base : "/var/tmp"), 0);
	snprintf(p->path, sizeof(p->path), "%s",
		 fabric_make(&p->work, "f1", 1, NULL));
	place_open(p, p->path);
	return 0;
}

static inline int place_tear_down(void **state)
{
	struct place *p = *state;

	fam_close(p->fam);
	assert_int_equal(workdir_remove(&p->work), 0);
	free(p);
	return 0;
}

static inline struct fam_ring *ring_open(struct place *p, unsigned int role)
{
	struct fam_ring *ring = NULL;

	assert_int_equal(fam_ring_at(p->fam, p->memory, 8 * MIB, role, &ring),
			 0);
	return ring;
}

static inline void ring_make(struct place *p, uint32_t kind, uint32_t flags,
			     uint32_t slots, uint32_t bytes)
{
	const struct fam_ring_config config = {kind, flags, slots, bytes};

	assert_int_equal(fam_ring_make(p->fam, p->memory, &config), 0);
}

/* --- another program ---------------------------------------------------------- */

struct other {
	pid_t pid; /* 0: none */
	FILE *from;
};

/* "other PATH DEED": does it, says so, and waits to be killed. */
static inline int other_main(char **argv,
			     void (*deed)(struct place *p, const char *what))
{
	struct place p = {0};

	if (fam_open(&p.fam, argv[2], 0) < 0 ||
	    fam_session_set(p.fam, NULL, LEASE_MS) < 0 ||
	    fam_map(p.fam, 0, 0, &p.memory) < 0)
		return 1;
	deed(&p, argv[3]);
	printf("done\n");
	fflush(stdout);
	for (;;)
		pause();
}

static inline struct other other_start(struct place *p, const char *what)
{
	posix_spawn_file_actions_t actions;
	char *argv[] = {"test", "other", p->path, (char *)what, NULL};
	struct other other;
	char line[16] = "";
	int from[2];

	assert_int_equal(pipe2(from, O_CLOEXEC), 0);
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, from[1], STDOUT_FILENO);
	assert_int_equal(posix_spawn(&other.pid, "/proc/self/exe", &actions,
				     NULL, argv, environ),
			 0);
	posix_spawn_file_actions_destroy(&actions);
	close(from[1]);
	other.from = fdopen(from[0], "r");
	assert_non_null(fgets(line, sizeof(line), other.from));
	assert_string_equal(line, "done\n");
	return other;
}

static inline void other_kill(struct other *other)
{
	assert_int_equal(kill(other->pid, SIGKILL), 0);
	assert_int_equal(waitpid(other->pid, NULL, 0), other->pid);
	fclose(other->from);
	other->pid = 0;
}

#endif
