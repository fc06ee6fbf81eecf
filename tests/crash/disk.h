/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026, the FAM emulator authors */
#ifndef TESTS_CRASH_DISK_H
#define TESTS_CRASH_DISK_H

#include <poll.h>

#define FUSE_USE_VERSION 314
#include <fuse3/fuse_lowlevel.h>

#include "pulse.h"
#include "store.h"

#define DISK_HELD  256 /* flushes that wait at a time */
#define DISK_TALKS 64  /* connections at a time */

struct disk_flush {
	fuse_req_t req;
	uint64_t covered; /* what it covers: store.taped when it came */
	uint64_t due;	  /* clock_ns() */
};

struct disk_talk {
	int fd;
	bool control;
	size_t len;
	char line[1024];
};

struct disk {
	struct store store;
	struct pulse pulse;
	uint64_t delay; /* of flushes, ns */
	struct disk_flush held[DISK_HELD];
	size_t held_count;
	int listen_control, listen_marks;
	struct disk_talk talk[DISK_TALKS];
	size_t talks;
};

/* disk-fuse.c: the file system of one file, "disk" */
extern const struct fuse_lowlevel_ops disk_ops;

/** disk_release() - answer the flushes whose time has come; all with @all */
void disk_release(struct disk *disk, bool all);

/** disk_patience() - milliseconds until the next one; -1: none waits */
int disk_patience(const struct disk *disk);

/* disk-talk.c: commands and marks */

/** disk_listen() - open the sockets in the directory @dir */
int disk_listen(struct disk *disk, const char *dir);

/** disk_polls() - fill in what to wait for; returns how many */
nfds_t disk_polls(const struct disk *disk, struct pollfd *p);

/** disk_hear() - take what came, by the result of poll(2) on disk_polls() */
void disk_hear(struct disk *disk, const struct pollfd *p);

/** disk_tell() - a client: send a command, print the answer; exit status */
int disk_tell(const char *dir, int argc, char **argv);

#endif
