/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026, the FAM emulator authors */
#ifndef TESTS_CRASH_STORE_H
#define TESTS_CRASH_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * The disk behind the FUSE file: an image, a tape of what was done to it, and
 * failures on demand. A write or flush that fails changes nothing and is not on
 * the tape. All functions return 0 or a negative errno.
 */
struct store_faults {
	bool writes, flushes; /* these fail */
	uint64_t left;	      /* so many more times; UINT64_MAX: for ever */
	uint64_t from, to;    /* only writes that touch these bytes */
};

struct store {
	int dir, image;
	int tape; /* -1: does not record */
	uint64_t size;
	uint64_t taped;					/* writes on the tape */
	uint64_t writes, bytes, flushes, marks, failed; /* since the start */
	struct store_faults faults;
};

/** store_open() - an image of @size bytes in the directory @path */
int store_open(struct store *store, const char *path, uint64_t size);

int store_read(struct store *store, void *data, size_t len, uint64_t offset);
int store_write(struct store *store, const void *data, size_t len,
		uint64_t offset);

/** store_flush() - answer a flush that covers the first @covered taped writes */
int store_flush(struct store *store, uint64_t covered);

/** store_mark() - put a line on the tape, behind all that was answered */
int store_mark(struct store *store, const char *text, size_t len);

/** store_record() - begin a new tape: what is there now counts as durable */
int store_record(struct store *store);

#endif
