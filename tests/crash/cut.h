/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026, the FAM emulator authors */
#ifndef TESTS_CRASH_CUT_H
#define TESTS_CRASH_CUT_H

#include <stddef.h>
#include <stdint.h>

#include "tape.h"

/* What a power cut leaves of a recorded disk. */
enum cut_model {
	CUT_NONE,   /* of the writes since the last flush: nothing */
	CUT_ALL,    /* all of them */
	CUT_RANDOM, /* some of their sectors */
	CUT_MODELS
};

extern const char *const cut_model_names[CUT_MODELS];

struct tape {
	const char *bytes; /* mapped */
	size_t length;
	size_t *start; /* of each entry in it */
	size_t entries;
};

struct cut_disk {
	struct tape tape;
	int dir;
	char *durable; /* the disk after the writes that are durable for certain */
	uint64_t size;
	uint64_t applied; /* so many of the tape's writes are in it */
	size_t next;	  /* the entry behind the last of these */
};

/** cut_open() - take base and tape from a disk's directory; exits on failure */
void cut_open(struct cut_disk *disk, const char *path);

static inline const struct tape_entry *tape_entry(const struct tape *tape,
						  size_t i)
{
	return (const void *)(tape->bytes + tape->start[i]);
}

/** tape_bytes() - what follows the head of an entry */
static inline const char *tape_bytes(const struct tape_entry *e)
{
	return (const char *)(e + 1);
}

/**
 * cut_at() - what is left if the power is cut behind entry @at
 * @at: not below that of an earlier call
 * @seed: of the choice of sectors
 *
 * Return: descriptor of a new file without a name. Never the same inode twice:
 * a loop device being torn down may still have the last one's blocks in memory
 */
int cut_at(struct cut_disk *disk, size_t at, enum cut_model model,
	   uint64_t seed);

/**
 * cut_mount() - mount an image, which lets the file system repair itself
 * @at: directory; unmounted by umount2(), which gives the loop device back
 *
 * Return: 0 or a negative errno
 */
int cut_mount(int image, const char *at, const char *type);

#endif
