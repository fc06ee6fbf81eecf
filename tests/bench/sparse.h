/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026, the FAM emulator authors */
#ifndef BENCH_SPARSE_H
#define BENCH_SPARSE_H

/* A sparse fabric for a benchmark of memory, removed when that ends. */
#include <fcntl.h>
#include <unistd.h>

#include "bench.h"
#include "lib/superblocks.h"

static char made[256]; /* its file */

static void remove_made(void)
{
	unlink(made);
}

static void make_fabric(const char *directory, uint64_t bytes)
{
	const uint8_t uuid[FAM_UUID_BYTES] = {1, 0xfa};
	struct fam_superblock sb;
	int fd;

	snprintf(made, sizeof(made), "%s/%s-%d.fam", directory,
		 program_invocation_short_name, getpid());
	fd = open(made, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0 || ftruncate(fd, (off_t)bytes) < 0)
		fail("make the fabric", fam_strerror(-errno));
	must("format", fam_superblock_init(&sb, bytes, "bench", uuid, 1,
					   FAM_DURABILITY_GUEST));
	must("format", superblocks_write(fd, &sb));
	close(fd);
	atexit(remove_made);
}

#endif
