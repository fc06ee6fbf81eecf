// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "fabric-rewrite.h"
#include "hold.h"
#include "out.h"
#include "util/cleanup.h"
#include "util/size.h"

#define WINDOW_BYTES GiB /* mapped at once */

/* A page that is in memory may all the same not be there to be stored to. */
static void on_bus_error(int number)
{
	static const char text[] =
		"famctl: cannot rewrite the fabric: the disk does not take a "
		"page of it; nothing is cleared\n";

	(void)number;
	if (write(STDERR_FILENO, text, sizeof(text) - 1) < 0)
		_exit(EXIT_FAILURE);
	_exit(EXIT_FAILURE);
}

/*
 * Stores a word that is there already. If it changes meanwhile, somebody has
 * stored to the page, which so is dirty.
 */
static void make_dirty(_Atomic uint64_t *word)
{
	uint64_t value = *word;

	(void)atomic_compare_exchange_strong(word, &value, value);
}

static int rewrite_window(int fd, uint64_t offset, size_t len,
			  unsigned char *in_memory, uint64_t *rewritten)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	char *map = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_SHARED, fd,
			 (off_t)offset);
	int ret = 0;

	if (map == MAP_FAILED)
		return -errno;
	if (mincore(map, len, in_memory) < 0)
		ret = -errno;
	for (size_t i = 0; ret == 0 && i < len / page; i++) {
		if (!(in_memory[i] & 1))
			continue;
		make_dirty((_Atomic uint64_t *)(map + i * page));
		*rewritten += page;
	}
	munmap(map, len);
	return ret;
}

static int rewrite_all(int fd, const struct fabric *fabric, uint64_t *rewritten)
{
	_cleanup_free_ unsigned char *in_memory =
		malloc(WINDOW_BYTES / (size_t)sysconf(_SC_PAGESIZE));
	struct out_progress progress;
	int ret = in_memory ? 0 : -ENOMEM;

	*rewritten = 0;
	out_progress_begin(&progress, fabric->name, fabric->size);
	for (uint64_t at = 0; ret == 0 && at < fabric->size;
	     at += WINDOW_BYTES) {
		uint64_t len = fabric->size - at;

		if (len > WINDOW_BYTES)
			len = WINDOW_BYTES;
		ret = hold_interrupted() ? -EINTR
					 : rewrite_window(fd, at, (size_t)len,
							  in_memory, rewritten);
		/* Window by window, so that memory is not full of dirty pages. */
		if (ret == 0 && fdatasync(fd) < 0)
			ret = -errno;
		out_progress_update(&progress, at + len);
	}
	out_progress_end(&progress);
	if (ret == 0 && fsync(fd) < 0)
		ret = -errno;
	return ret;
}

int fabric_rewrite(const struct fabric *fabric, uint64_t *rewritten, int *fd,
		   struct err *err)
{
	struct sigaction action = {.sa_handler = on_bus_error}, old;
	struct hold hold;
	int ret;

	*fd = fabric_reopen(fabric, O_RDWR, err);
	if (*fd < 0)
		return *fd;
	/* What failed earlier is known; it would be told to this open file. */
	(void)!fdatasync(*fd);
	hold_begin(&hold);
	sigaction(SIGBUS, &action, &old);
	ret = rewrite_all(*fd, fabric, rewritten);
	sigaction(SIGBUS, &old, NULL);
	if (ret == -EINTR)
		err_set(err, ret, "interrupted");
	else if (ret < 0)
		err_sys(err, -ret, "cannot write '%s' to the disk again",
			fabric->path);
	hold_end(&hold);
	return ret;
}

int fabric_rewrite_check(int fd, struct err *err)
{
	if (fdatasync(fd) == 0)
		return 0;
	return err_sys(err, errno, "the disk has failed again meanwhile");
}
