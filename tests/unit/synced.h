/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026, the FAM emulator authors */
#ifndef TESTS_SYNCED_H
#define TESTS_SYNCED_H

/*
 * What libfam asks the kernel to write, seen and spoilt: for programs linked
 * with --wrap=msync --wrap=fdatasync --wrap=mmap64. After <cmocka.h>.
 */

#include <errno.h>
#include <linux/magic.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <sys/mman.h>
#include <sys/vfs.h>

#include <fam/fam.h>

#include "fabric-file.h"

static struct {
	int calls, whole; /* msync(2), fdatasync(2) */
	int error;	  /* what the next calls fail with, or 0 */
	char *addr;
	size_t len;
	int flags;
	/* A call stops here while `gate` is closed. */
	pthread_mutex_t gate;
	_Atomic int inside;
	/* Done by the next call, after it wrote. */
	void (*afterwards)(void);
} synced = {.gate = PTHREAD_MUTEX_INITIALIZER};

int __real_msync(void *addr, size_t len, int flags);
int __wrap_msync(void *addr, size_t len, int flags);
int __real_fdatasync(int fd);
int __wrap_fdatasync(int fd);
void *__real_mmap64(void *addr, size_t len, int prot, int flags, int fd,
		    off64_t offset);
void *__wrap_mmap64(void *addr, size_t len, int prot, int flags, int fd,
		    off64_t offset);

/* As under a limit, which a sanitizer's own terabytes do not allow. */
static bool no_address_space;

void *__wrap_mmap64(void *addr, size_t len, int prot, int flags, int fd,
		    off64_t offset)
{
	if (no_address_space && prot == PROT_NONE) {
		errno = ENOMEM;
		return MAP_FAILED;
	}
	return __real_mmap64(addr, len, prot, flags, fd, offset);
}

static inline int result_of(int r)
{
	void (*afterwards)(void) = synced.afterwards;

	synced.inside++;
	pthread_mutex_lock(&synced.gate);
	pthread_mutex_unlock(&synced.gate);
	synced.inside--;
	synced.afterwards = NULL;
	if (afterwards)
		afterwards();
	if (synced.error) {
		errno = synced.error;
		return -1;
	}
	return r;
}

int __wrap_msync(void *addr, size_t len, int flags)
{
	/* One at a time: the thread sanitizer would tell. */
	synced.calls++;
	synced.addr = addr;
	synced.len = len;
	synced.flags = flags;
	return result_of(__real_msync(addr, len, flags));
}

int __wrap_fdatasync(int fd)
{
	synced.whole++;
	return result_of(__real_fdatasync(fd));
}

static inline bool is_in_memory(const char *dir)
{
	struct statfs fs;

	return statfs(dir, &fs) < 0 || fs.f_type == TMPFS_MAGIC ||
	       fs.f_type == RAMFS_MAGIC;
}

/* A directory on a disk, for what is to be made durable. */
static inline const char *disk_base(void)
{
	static const char *const bases[] = {"/var/tmp", "/tmp", "."};
	const char *base = getenv("TMPDIR");

	if (base && !is_in_memory(base))
		return base;
	for (size_t i = 0; i < sizeof(bases) / sizeof(bases[0]); i++) {
		if (!is_in_memory(bases[i]) && access(bases[i], W_OK) == 0)
			return bases[i];
	}
	return NULL;
}

static inline int make_workdir(void **state, const char *base)
{
	struct workdir *work = calloc(1, sizeof(*work));

	synced.calls = synced.whole = synced.error = 0;
	synced.afterwards = NULL;
	*state = work;
	return !work || !base || workdir_make(work, base);
}

static inline int on_disk(void **state)
{
	return make_workdir(state, disk_base());
}

static inline int in_memory(void **state)
{
	return make_workdir(state, "/dev/shm");
}

static inline int tear_down(void **state)
{
	int r = workdir_remove(*state);

	free(*state);
	return r;
}

static inline struct fam *open_new(struct workdir *work, unsigned int flags,
				   void (*change)(struct fam_superblock *sb))
{
	const char *path = fabric_make(work, "f1", 1, change);
	struct fam *fam;

	assert_int_equal(fam_open(&fam, path, flags), 0);
	return fam;
}

static inline char *map(struct fam *fam, uint64_t offset, uint64_t length)
{
	void *window;

	assert_int_equal(fam_map(fam, offset, length, &window), 0);
	return window;
}

static inline uint32_t way_of(struct fam *fam)
{
	struct fam_info info;

	assert_int_equal(fam_get_info(fam, &info, sizeof(info)), 0);
	return info.persist;
}

static inline int failure_of(struct fam *fam)
{
	struct fam_info info;

	assert_int_equal(fam_get_info(fam, &info, sizeof(info)), 0);
	return info.failed;
}

#define DISK(name)   cmocka_unit_test_setup_teardown(name, on_disk, tear_down)
#define MEMORY(name) cmocka_unit_test_setup_teardown(name, in_memory, tear_down)

#endif
