// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
/*
 * Ways on which the program itself has the disk written: its own mapping of the
 * file on the host, and in a node fsync(2) on a device over the same file.
 */
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "fam-persist.h"

/* --- host ------------------------------------------------------------------ */

#define DIRTY_MAX	(UINT64_C(64) << 20)
#define SECOND_NS	INT64_C(1000000000)
#define LOCK_NAP_NS_MIN 20000 /* until a window is free */
#define LOCK_NAP_NS_MAX 1000000

/*
 * One run of pages: just this one. Several: fdatasync() costs one disk flush
 * instead of one for each, as long as nobody else writes much; the figures are
 * in tm-server/sync.c, which decides likewise.
 */
static bool choose_ranged(const struct fam_way *way,
			  const struct fam_batch *batch)
{
	if (batch->whole || !way->map)
		return false;
	return batch->count == 1 || fam_dirty_bytes(way->meminfo) > DIRTY_MAX;
}

static int write_file(const struct fam_way *way, const struct fam_batch *batch)
{
	int r;

	if (!batch->whole && batch->count == 0)
		return 0;
	r = choose_ranged(way, batch)
		    ? fam_sync_runs(way->fd, way->map, batch->range,
				    batch->count)

		    : fdatasync(way->fd);
	/* Whatever the kernel names: data of somebody may be lost. */
	return r < 0 ? -EIO : 0;
}

static int write_window(const struct fam_way *way,
			const struct fam_batch *batch)
{
	if (!batch->whole && batch->count == 0)
		return 0;
	return fsync(way->fd) < 0 ? -EIO : 0;
}

/*
 * The mark is looked at before, so that nothing is written in vain, and after:
 * whoever set it meanwhile may have had the error that these pages caused.
 *
 * The kernel tells of a failure to each open file once. One that was marked and
 * cleared while we wrote nothing is told late: it ends this attachment, whose
 * stores it may concern, but is no news to the others. Should it be another one
 * after all, their open files are told, too. Not so by a window: behind it is
 * the emulator's one open file for all programs of the node.
 */
static int write_marked(struct fam *fam, const struct fam_batch *batch,
			int (*write_out)(const struct fam_way *way,
					 const struct fam_batch *batch))
{
	uint64_t last = fam_mark_time(fam);
	int r = fam_mark_get(fam);

	if (r)
		return r;
	r = write_out(fam->way, batch);
	if (r == 0) {
		fam->way->failed_ns = last;
		return fam_mark_get(fam);
	}
	if (fam->way->failed_ns == last || write_out == write_window)
		fam_mark_set(fam);
	return r;
}

static int sync_host(void *arg, struct fam_batch *batch)
{
	struct fam *fam = arg;
	int r = write_marked(fam, batch, write_file);

	return r ? r : fam_file_check(fam->source.fd, fam->source.size);
}

/*
 * One program of the node at a time: of two that sync the emulator's file at the
 * same time the kernel tells one of a failure, and the other could see the mark
 * before it is set. The lock ends with its holder; one that is held for very
 * long is as good as a disk that hangs: no success.
 */
static int lock_window(int fd)
{
	int64_t until = fam_now_ns() + FAM_PERSIST_SECONDS * SECOND_NS;
	struct timespec nap = {0, LOCK_NAP_NS_MIN};

	while (flock(fd, LOCK_EX | LOCK_NB) < 0) {
		if (errno != EWOULDBLOCK || fam_now_ns() >= until)
			return -errno;
		nanosleep(&nap, NULL);
		if (nap.tv_nsec < LOCK_NAP_NS_MAX)
			nap.tv_nsec *= 2;
	}
	return 0;
}

static int sync_window(void *arg, struct fam_batch *batch)
{
	struct fam *fam = arg;
	int r = lock_window(fam->way->fd);

	/* It may be another program that is stuck: the next call tries again. */
	if (r == -EWOULDBLOCK)
		return FAM_GROUP_MARKED;
	r = write_marked(fam, batch, write_window);
	(void)flock(fam->way->fd, LOCK_UN); /* valid descriptor, or no lock */
	return r;
}

static int group_post(struct fam *fam, struct fam_ask *ask)
{
	return fam_group_post(&fam->way->group, ask);
}

static int group_wait(struct fam *fam, const struct fam_ask *ask)
{
	return fam_group_wait(&fam->way->group, ask);
}

static int group_failed(struct fam *fam)
{
	struct fam_group *group = &fam->way->group;
	int r;

	pthread_mutex_lock(&group->lock);
	r = group->tickets.failed;
	pthread_mutex_unlock(&group->lock);
	if (r == 0)
		r = fam_mark_get(fam);
	return r == FAM_GROUP_MARKED ? -EIO : r;
}

const struct fam_persist_ops fam_way_host = {
	.way = FAM_PERSIST_HOST,
	.post = group_post,
	.wait = group_wait,
	.failed = group_failed,
};

const struct fam_persist_ops fam_way_window = {
	.way = FAM_PERSIST_WINDOW,
	.post = group_post,
	.wait = group_wait,
	.failed = group_failed,
};

static void group_begin(struct fam *fam, fam_group_sync *sync)
{
	struct fam_group *group = &fam->way->group;

	fam->way->failed_ns = fam_mark_time(fam);
	group->sync = sync;
	group->arg = fam;
	group->page = (uint64_t)sysconf(_SC_PAGESIZE);
	group->size = (fam->source.size + group->page - 1) / group->page *
		      group->page;
	fam_group_init(group);
}

/*
 * A descriptor that came from a server is the same open file for all who got
 * it, and the kernel tells about a failed write-back once to each open file:
 * another program could take away the error that concerns this one.
 */
static int own_file(const struct fam *fam)
{
	char path[32];

	if (!fam->server || !fam->source.writable)
		return fcntl(fam->source.fd, F_DUPFD_CLOEXEC,
			     STDERR_FILENO + 1);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fam->source.fd);
	return fam_fd_lift(open(path, O_RDWR | O_CLOEXEC));
}

int fam_host_open(struct fam *fam)
{
	struct fam_way *way = fam->way;
	size_t size = (size_t)fam->source.size;

	way->fd = own_file(fam);
	if (way->fd < 0)
		return -EACCES;
	way->meminfo = fam_fd_lift(open("/proc/meminfo", O_RDONLY | O_CLOEXEC));
	/*
	 * No access: for msync() only, so that ranges need no window. Costs
	 * address space; where that is limited, the whole file is synced.
	 */
	way->map = mmap(NULL, size, PROT_NONE, MAP_SHARED | MAP_NORESERVE,
			way->fd, 0);
	if (way->map == MAP_FAILED)
		way->map = NULL;
	group_begin(fam, sync_host);
	return 0;
}

void fam_window_begin(struct fam *fam)
{
	group_begin(fam, sync_window);
}
