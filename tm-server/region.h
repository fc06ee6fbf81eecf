/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026, the FAM emulator authors */
#ifndef TM_SERVER_REGION_H
#define TM_SERVER_REGION_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include <fam/layout.h>

#include "util/err.h"

#define REGION_NONE_BYTES 4096

/* How the memory is to be found or made. */
struct region_spec {
	const char *file; /* a regular file, */
	const char *shm;  /* or a POSIX shared memory object, */
	bool none;	  /* or nothing but one anonymous page */
	uint64_t size;	  /* bytes it must have; 0: as it is */
	bool grow;	  /* make it, or make it larger, up to @size */
	bool force;   /* with @grow: make it smaller, if nobody has it open */
	bool reserve; /* let the file system set aside all of its space */
	bool sparse;  /* do not, not even for what is made new */
	mode_t mode;  /* of a new file */
	gid_t gid;    /* of a new file; -1: as it comes */
};

/*
 * The memory a server serves. What peers get is an open file of its own, so
 * that the owner lock goes with the server, however long its peers live.
 */
struct region {
	int fd;	     /* for peers */
	int lock_fd; /* carries the lock; -1: memory-less */
	uint64_t size;
	char path[PATH_MAX]; /* "": memory-less */
	bool formatted;
	char label[FAM_LABEL_BYTES]; /* of a formatted fabric, else "" */
	uint64_t mailbox;  /* offset of the flush mailbox; 0: it has none */
	uint64_t sessions; /* of the table of sessions; the same */
};

#define REGION_INIT                     \
	{                               \
		.fd = -1, .lock_fd = -1 \
	}

/**
 * region_open() - find, check and lock the memory
 *
 * Nothing about an existing file changes unless @spec says so. What fails
 * leaves every byte and the size as they were, and a file it made is gone.
 * Return: 0; -ENOENT; -EBUSY another server has it, or it is to be made smaller
 * while somebody has it open; -EACCES, -EROFS; -ELOOP a symbolic link; -ENOSPC;
 * -EFBIG, -ENODATA larger or smaller than asked for; -EMEDIUMTYPE cannot be
 * memory: no regular file, or not a power of two
 */
int region_open(struct region *region, const struct region_spec *spec,
		struct err *err);

/** region_check() - the same looks, but nothing is made, changed or kept */
int region_check(const struct region_spec *spec, struct err *err);

/**
 * region_identity() - what tells the file from a later one of its name
 * @born_ns: since 1970; 0: the file system does not know
 */
void region_identity(const struct region *region, uint64_t *inode,
		     int64_t *born_ns);

/** region_close() - gives up the lock; the memory lives on with its peers */
void region_close(struct region *region);

#endif
