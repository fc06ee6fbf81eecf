/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026, the FAM emulator authors */
#ifndef TESTS_CRASH_TAPE_H
#define TESTS_CRASH_TAPE_H

#include <stdint.h>

/*
 * What a recorded disk was told, in one total order: a head, then `length`
 * bytes, and the next one.
 *
 * A cut of the power behind entry n leaves, for certain, the first `upto`
 * writes of the last flush among the entries 0 to n. Of the later writes up to
 * n anything may be left: none, all, or any of their sectors.
 */
#define TAPE_MAGIC  0x45504154u /* "TAPE" */
#define TAPE_SECTOR 512

enum tape_type {
	TAPE_WRITE = 1, /* `length` bytes at `offset` of the disk */
	TAPE_FLUSH = 2, /* answered; the first `upto` writes are durable */
	TAPE_MARK = 3,	/* a line of somebody: the text */
};

struct tape_entry {
	uint32_t magic;
	uint32_t type; /* enum tape_type */
	uint64_t offset;
	uint64_t length;
	uint64_t upto;
};

/* What lies in the directory of a disk. */
#define TAPE_IMAGE   "image"   /* the disk as it is now */
#define TAPE_BASE    "base"    /* as it was when recording began */
#define TAPE_FILE    "tape"    /* what happened since */
#define TAPE_CONTROL "control" /* socket: commands */
#define TAPE_MARKS   "marks"   /* socket: lines to be put on the tape */

#endif
