// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
/*
 * usage: fam-commit FILE COUNT
 *
 * Stores 64 bytes at a time to pages all over a fabric, and has the server make
 * each durable, as a program in a node does by the mailbox. The file is mapped
 * as QEMU maps it: in large pieces, if the kernel has them.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <fam-mailbox.h>

#include "util/clock.h"

#define RECORD	   64
#define PAGE	   4096
#define GIVE_UP_NS UINT64_C(20000000000)

static char *memory;
static uint64_t size;

static int fail(const char *what)
{
	fprintf(stderr, "fam-commit: %s\n", what);
	return 1;
}

static int map_file(const char *path)
{
	struct stat st;
	int fd = open(path, O_RDWR | O_CLOEXEC);

	if (fd < 0 || fstat(fd, &st) < 0)
		return -1;
	size = (uint64_t)st.st_size;
	memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	close(fd);
	if (memory == MAP_FAILED)
		return -1;
	(void)madvise(memory, size, MADV_HUGEPAGE); /* a wish of QEMU's, too */
	return 0;
}

static enum fam_mailbox_view wait_for(struct fam_mailbox *box, int slot,
				      uint64_t token, uint64_t epoch,
				      uint64_t posted)
{
	const struct timespec pause = {0, 50000};
	uint64_t until = clock_ns() + GIVE_UP_NS, done;
	enum fam_mailbox_view view;

	while ((view = fam_mailbox_look(box, (unsigned int)slot, token, epoch,
					posted, &done)) == FAM_MAILBOX_WAIT &&
	       clock_ns() < until)
		nanosleep(&pause, NULL);
	return view;
}

static int commit_all(struct fam_mailbox *box, unsigned int count)
{
	uint64_t token = clock_ns() | UINT64_C(1) << 33;
	uint64_t epoch = atomic_load(&box->epoch), state = token;
	uint64_t pages = (size - FAM_DATA_OFFSET) / PAGE;
	int slot =
		fam_mailbox_is_served(box) ? fam_mailbox_claim(box, token) : -1;

	if (slot < 0)
		return fail("nobody serves it");
	for (unsigned int i = 0; i < count; i++) {
		struct fam_range range = {.length = RECORD};

		state = state * 6364136223846793005u + 1442695040888963407u;
		range.offset = FAM_DATA_OFFSET + (state >> 33) % pages * PAGE;
		memset(memory + range.offset, (int)i + 1, RECORD);
		fam_mailbox_post(box, (unsigned int)slot, token, i, &range);
		if (wait_for(box, slot, token, epoch, i + 1) !=
		    FAM_MAILBOX_DONE)
			return fail("a commit was not answered");
	}
	atomic_store(&box->slot[slot].owner, 0);
	return 0;
}

int main(int argc, char **argv)
{
	unsigned int count = argc == 3 ? (unsigned int)atoi(argv[2]) : 0;

	if (!count)
		return fail("usage: fam-commit FILE COUNT") + 1;
	if (map_file(argv[1]) < 0)
		return fail(strerror(errno));
	return commit_all((struct fam_mailbox *)(memory + FAM_MAILBOX_OFFSET),
			  count);
}
