// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fam-medium.h>
#include <fam-writeback.h>

#include "sync.h"
#include "util/clock.h"
#include "util/size.h"

/*
 * One run: msync() of it. Several: one fdatasync() is fastest as long as nobody
 * else writes; if somebody does, it waits for all of that. Medians in us, then
 * p99 (tests/bench/bench-sync.c), scattered pages of a written file on ext4;
 * "busy": another process dirties 100 MB/s elsewhere in the file, and what it
 * has dirtied before costs the first fdatasync() 330,000 us.
 *
 *	runs	msync each	started first	fdatasync	the same, busy
 *	1	140   280	150   230	140   370	480  330000
 *	2	285   470	220   360	150   310	600    1300
 *	4	590   860	360   550	170   420	800    1000
 *	8	1190  1670	680   980	225   360	1220   1500
 *	32	4250  6300	2180  3600	480   700	3900  19000
 *
 * The first two do not change when busy. msync() in parallel threads and
 * io_uring's ranged fsync were between the second and the third, never better
 * than the better one by half. So: fdatasync() unless much is dirty on this
 * machine, or it was slower than ranges would have been several times in a row.
 */
#define OTHERS_BYTES (64 * MiB) /* dirty on the machine that is no matter */
#define SLOW_MAX     3		/* fewer may be the disk's mood */
#define RANGED_US    1000000	/* then ranges for so long at least, and */
#define PAY_BACK     100	/* so many times what was lost */
#define SMALL_BYTES  (64 * KiB) /* a run that costs as much as one page */
#define DIRTY_BYTES  (16 * MiB) /* made dirty at once */

struct syncer {
	int file;	  /* the caller's */
	int fd;		  /* what is synced: that, or `own` */
	int own;	  /* -1: none yet */
	_Atomic int next; /* to be `own` from the next call on; -1: none */
	uint64_t size;
	uint64_t page;
	char *map;   /* of the whole file, no access; NULL: no address space */
	int meminfo; /* -1: it is not known what is dirty */
	uint64_t run_us;   /* average of one run; 0: not measured yet */
	unsigned int slow; /* fdatasync()s in a row, slower than ranges */
	uint64_t lost_us;  /* by them */
	uint64_t ranged_until_ns;
	atomic_bool distrusts;
};

/*
 * Costs address space and nothing else. Where that is limited the whole file is
 * synced each time: slower beside a busy writer, as durable.
 */
static void map_file(struct syncer *syncer)
{
	syncer->map = mmap(NULL, syncer->size, PROT_NONE,
			   MAP_SHARED | MAP_NORESERVE, syncer->fd, 0);
	if (syncer->map == MAP_FAILED)
		syncer->map = NULL;
}

static void unmap_file(struct syncer *syncer)
{
	if (syncer->map)
		munmap(syncer->map, syncer->size);
}

int sync_open(struct syncer **out, int fd, uint64_t size, struct err *err)
{
	struct syncer *syncer;

	if (fam_medium_is_memory(fd))
		return err_set(err, -EOPNOTSUPP,
			       "it is on a file system in memory: nothing on "
			       "it is durable");
	syncer = calloc(1, sizeof(*syncer));
	if (!syncer)
		return err_set(err, -ENOMEM, "out of memory");
	syncer->file = syncer->fd = fd;
	syncer->own = -1;
	atomic_init(&syncer->next, -1);
	syncer->size = size;
	syncer->page = (uint64_t)sysconf(_SC_PAGESIZE);
	map_file(syncer);
	syncer->meminfo = open("/proc/meminfo", O_RDONLY | O_CLOEXEC);
	*out = syncer;
	return 0;
}

static void take_next(struct syncer *syncer)
{
	int fd = atomic_exchange(&syncer->next, -1);

	if (fd < 0)
		return;
	unmap_file(syncer);
	if (syncer->own >= 0)
		close(syncer->own);
	syncer->fd = syncer->own = fd;
	map_file(syncer);
}

void sync_close(struct syncer *syncer)
{
	if (!syncer)
		return;
	take_next(syncer);
	unmap_file(syncer);
	if (syncer->own >= 0)
		close(syncer->own);
	if (syncer->meminfo >= 0)
		close(syncer->meminfo);
	free(syncer);
}

void sync_renew(struct syncer *syncer)
{
	char path[32];
	int fd;

	/* Not a duplicate: that would be the same open file. */
	snprintf(path, sizeof(path), "/proc/self/fd/%d", syncer->file);
	fd = open(path, O_RDWR | O_CLOEXEC | O_NONBLOCK);
	if (fd >= 0)
		fd = atomic_exchange(&syncer->next, fd);
	if (fd >= 0)
		close(fd);
}

void sync_distrust(struct syncer *syncer, bool on)
{
	atomic_store(&syncer->distrusts, on);
}

/*
 * What is not in memory, nobody can write any more: a hole stays one. Without a
 * store or a SIGBUS of ours: the kernel only acts as if (Linux 5.14).
 */
static int make_pages_dirty(char *map, const unsigned char *in_memory,
			    size_t pages, size_t page)
{
	for (size_t i = 0, n; i < pages; i += n) {
		for (n = 1; i + n < pages &&
			    (in_memory[i] & 1) == (in_memory[i + n] & 1);)
			n++;
		if (in_memory[i] & 1 &&
		    madvise(map + i * page, n * page, MADV_POPULATE_WRITE) < 0)
			return -errno;
	}
	return 0;
}

static int make_dirty(const struct syncer *syncer, uint64_t offset, size_t len)
{
	unsigned char in_memory[DIRTY_BYTES / 4096];
	size_t page = (size_t)syncer->page;
	char *map = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_SHARED,
			 syncer->fd, (off_t)offset);
	int ret;

	if (map == MAP_FAILED)
		return -errno;
	ret = mincore(map, len, in_memory) < 0
		      ? -errno
		      : make_pages_dirty(map, in_memory,
					 (len + page - 1) / page, page);
	munmap(map, len);
	return ret;
}

static int make_run_dirty(const struct syncer *syncer,
			  const struct fam_range *run)
{
	uint64_t done = 0;
	int ret = 0;

	while (ret == 0 && done < run->length) {
		uint64_t len = run->length - done;

		if (len > DIRTY_BYTES)
			len = DIRTY_BYTES;
		ret = make_dirty(syncer, run->offset + done, (size_t)len);
		done += len;
	}
	return ret;
}

static int make_all_dirty(const struct syncer *syncer,
			  const struct fam_range *runs, size_t count)
{
	int ret = 0, why;

	if (!atomic_load(&syncer->distrusts))
		return 0;
	for (size_t i = 0; ret == 0 && i < count; i++)
		ret = make_run_dirty(syncer, &runs[i]);
	/* there may be nothing any more that could be made so */
	why = ret < 0 ? fam_file_check(syncer->fd, syncer->size) : 0;
	return why < 0 ? why : ret;
}

/* What that many runs started together cost, from the table above. */
static uint64_t ranged_us(const struct syncer *syncer, size_t runs)
{
	return syncer->run_us * (4 + 6 * runs) / 10;
}

static bool choose_ranged(const struct syncer *syncer, size_t runs,
			  uint64_t bytes)
{
	if (!syncer->map)
		return false;
	if (runs == 1 || !syncer->run_us)
		return true;
	return clock_ns() < syncer->ranged_until_ns ||
	       fam_dirty_bytes(syncer->meminfo) > bytes + OTHERS_BYTES;
}

static void learn_ranged(struct syncer *syncer, size_t runs, uint64_t us)
{
	uint64_t one = us * 10 / (4 + 6 * runs);

	if (!syncer->run_us)
		syncer->run_us = one + 1;
	/* A disk that was busy once must not spoil the average. */
	if (one > 2 * syncer->run_us)
		one = 2 * syncer->run_us;
	syncer->run_us = (syncer->run_us * 7 + one + 7) / 8;
}

static void learn_whole(struct syncer *syncer, size_t runs, uint64_t us)
{
	uint64_t expected = ranged_us(syncer, runs), pause;

	if (us <= expected) {
		syncer->slow = 0;
		syncer->lost_us = 0;
		return;
	}
	syncer->lost_us += us - expected;
	if (++syncer->slow < SLOW_MAX)
		return;
	pause = PAY_BACK * syncer->lost_us;
	if (pause < RANGED_US)
		pause = RANGED_US;
	syncer->ranged_until_ns = clock_ns() + pause * 1000;
	syncer->slow = 0;
	syncer->lost_us = 0;
}

static int sync_whole(const struct syncer *syncer)
{
	return fdatasync(syncer->fd) < 0 ? -errno : 0;
}

static uint64_t total(const struct fam_range *runs, size_t count)
{
	uint64_t bytes = 0;

	for (size_t i = 0; i < count; i++)
		bytes += runs[i].length;
	return bytes;
}

int sync_ranges(struct syncer *syncer, struct fam_range *ranges, size_t count,
		struct sync_result *result)
{
	uint64_t began = clock_ns();
	size_t runs =
		fam_ranges_merge(ranges, count, syncer->page, syncer->size);
	uint64_t bytes = total(ranges, runs);
	int ret;

	take_next(syncer);
	ret = make_all_dirty(syncer, ranges, runs);
	result->ranged = runs == 0 || choose_ranged(syncer, runs, bytes);
	if (ret == 0)
		ret = result->ranged ? fam_sync_runs(syncer->fd, syncer->map,
						     ranges, runs)
				     : sync_whole(syncer);
	if (ret == 0)
		ret = fam_file_check(syncer->fd, syncer->size);
	result->us = (clock_ns() - began) / 1000;
	if (ret < 0 || runs == 0 || bytes > runs * SMALL_BYTES)
		return ret;
	if (result->ranged)
		learn_ranged(syncer, runs, result->us);
	else
		learn_whole(syncer, runs, result->us);
	return ret;
}
