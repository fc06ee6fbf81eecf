/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026, the FAM emulator authors */
#ifndef TESTS_REGION_STAGE_H
#define TESTS_REGION_STAGE_H

/*
 * A fabric, this process attached to it, and processes of their own that play a
 * role in it. A test program that includes this begins its main() with
 * STAGE_MAIN(). Durable is what is in memory here, so that each file system will
 * do. After <cmocka.h>.
 */
#include <errno.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include <fam-regions.h>
#include <fam-sessions.h>
#include <fam/fam.h>

#include "fabric-file.h"
#include "member.h"

#define ROLE_END 99 /* exit code of one that failed */
#define CAST	 4
#define LEASE_MS 400

#define READ	  FAM_REGION_READ
#define WRITE	  FAM_REGION_WRITE
#define EXCLUSIVE FAM_REGION_EXCLUSIVE
#define NO_SYNC	  FAM_REGION_NO_SYNC
#define PAGE	  UINT64_C(4096)
#define LARGE	  (2 * MIB)

/* What a role does, attached on its own; its exit code. */
struct role {
	const char *name;
	int (*play)(struct fam *own, const char *arg);
};

static struct workdir work;
static char *path; /* of the fabric */
static struct fam *fam;
static pid_t cast[CAST]; /* 0: none, or waited for */
static int told[CAST];	 /* where they say that they are ready */

static inline void durable_in_memory(struct fam_superblock *sb)
{
	sb->durability = FAM_DURABILITY_GUEST;
}

static inline int stage_open(const char *base,
			     void (*change)(struct fam_superblock *sb))
{
	if (workdir_make(&work, base))
		return -1;
	path = strdup(fabric_make(&work, "regions", 1, change));
	if (chmod(path, 0666))
		return -1;
	return fam_open(&fam, path, 0);
}

static inline int set_up(void **state)
{
	(void)state;
	return stage_open("/tmp", durable_in_memory);
}

static inline int tear_down(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < CAST; i++) {
		if (cast[i] > 0) {
			kill(cast[i], SIGKILL);
			waitpid(cast[i], NULL, 0);
			close(told[i]);
		}
		cast[i] = 0;
	}
	fam_close(fam);
	fam = NULL;
	free(path);
	return workdir_remove(&work);
}

/* --- calls that must do, or fail so --------------------------------------------- */

static inline struct fam_region *make(struct fam *by, const char *name,
				      uint64_t bytes, uint32_t flags)
{
	const struct fam_region_want want = {.bytes = bytes, .flags = flags};
	struct fam_region *region = NULL;

	assert_int_equal(fam_region_create(by, name, &want, &region), 0);
	return region;
}

static inline int try_make(struct fam *by, const char *name, uint64_t bytes,
			   uint32_t flags)
{
	const struct fam_region_want want = {.bytes = bytes, .flags = flags};

	return fam_region_create(by, name, &want, NULL);
}

static inline struct fam_region *open_it(struct fam *by, const char *name,
					 uint32_t flags)
{
	struct fam_region *region = NULL;

	assert_int_equal(fam_region_open(by, name, flags, &region), 0);
	return region;
}

static inline int try_open(struct fam *by, const char *name, uint32_t flags)
{
	struct fam_region *const untouched = (struct fam_region *)&work;
	struct fam_region *region = untouched;
	int r = fam_region_open(by, name, flags, &region);

	if (r == 0)
		fam_region_close(region);
	else
		assert_ptr_equal(region, untouched);
	return r;
}

static inline char *map_it(struct fam_region *region, uint64_t offset,
			   uint64_t length)
{
	void *p = NULL;

	assert_int_equal(fam_region_map(region, offset, length, &p), 0);
	return p;
}

static inline struct fam_region_info find_it(struct fam *by, const char *name)
{
	struct fam_region_info info;

	assert_int_equal(fam_region_find(by, name, &info, sizeof(info)), 0);
	assert_string_equal(info.name, name);
	return info;
}

static inline int try_find(struct fam *by, const char *name)
{
	struct fam_region_info info;

	return fam_region_find(by, name, &info, sizeof(info));
}

static inline struct fam_region_space space_of(struct fam *by)
{
	struct fam_region_space space;

	assert_int_equal(fam_region_space(by, &space, sizeof(space)), 0);
	assert_int_equal(space.free + space.taken, space.bytes);
	return space;
}

static inline bool is_filled(const char *p, uint64_t bytes, char with)
{
	for (uint64_t i = 0; i < bytes; i++) {
		if (p[i] != with)
			return false;
	}
	return true;
}

static inline struct fam *attach(unsigned int flags)
{
	struct fam *other;

	assert_int_equal(fam_open(&other, path, flags), 0);
	return other;
}

static inline void remove_it(const char *name)
{
	assert_int_equal(fam_region_destroy(fam, name, NO_SYNC), 0);
}

/* What a store to (or a load from) an address does to a process: its signal. */
static inline int touch(char *at, bool store)
{
	pid_t child = fork();
	int status = 0;

	if (child == 0) {
		signal(SIGSEGV, SIG_DFL);
		signal(SIGBUS, SIG_DFL);
		if (store)
			*(volatile char *)at = 'x';
		else
			(void)*(volatile char *)at;
		_exit(0);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	return WIFSIGNALED(status) ? WTERMSIG(status) : 0;
}

/* --- processes --------------------------------------------------------------------- */

/* "role NAME PATH ARG" */
static inline int stage_play(const struct role *roles, char **argv)
{
	struct fam *own;
	int r = ROLE_END;

	for (; roles->name && strcmp(roles->name, argv[2]) != 0; roles++)
		;
	if (!roles->name)
		return ROLE_END;
	/* "as:UID:...": as that user, whatever its role */
	if (strncmp(argv[4], "as:", 3) == 0) {
		uid_t uid = (uid_t)strtoul(argv[4] + 3, &argv[4], 10);

		argv[4]++;
		if (setresgid(uid, uid, uid) || setresuid(uid, uid, uid))
			return ROLE_END;
	}
	if (fam_open(&own, argv[3], 0) < 0 ||
	    fam_session_set(own, argv[2], LEASE_MS) < 0)
		return ROLE_END;
	r = roles->play(own, argv[4]);
	fam_close(own);
	return r;
}

#define STAGE_MAIN(argc, argv, roles)                          \
	do {                                                   \
		if ((argc) == 5 && !strcmp((argv)[1], "role")) \
			return stage_play((roles), (argv));    \
	} while (0)

static inline void enter(unsigned int i, const char *role, const char *arg)
{
	char *argv[] = {"role", "role", (char *)role, path, (char *)arg, NULL};
	posix_spawn_file_actions_t actions;
	int ends[2];

	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
	assert_int_equal(cast[i], 0);
	assert_int_equal(posix_spawn(&cast[i], "/proc/self/exe", &actions, NULL,
				     argv, environ),
			 0);
	posix_spawn_file_actions_destroy(&actions);
	close(ends[1]);
	told[i] = ends[0];
}

/* What a role calls when it has come so far. */
static inline int ready(void)
{
	return write(STDOUT_FILENO, "r", 1) == 1 ? 0 : ROLE_END;
}

/* Until it is, or has ended: false. */
static inline bool is_ready(unsigned int i)
{
	char c;

	return read(told[i], &c, 1) == 1;
}

/* Until it is killed. */
static inline int stay(void)
{
	if (ready())
		return ROLE_END;
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
	close(told[i]);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static inline void die(unsigned int i)
{
	kill(cast[i], SIGKILL);
	assert_int_equal(leave(i), 128 + SIGKILL);
}

/* A role that says by its exit code what it got, which is 0 or a small errno. */
static inline int result_of(const char *role, const char *arg)
{
	enter(0, role, arg);
	return -leave(0);
}

#endif
