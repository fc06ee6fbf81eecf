/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026, the FAM emulator authors */
#ifndef TESTS_EXAMPLES_H
#define TESTS_EXAMPLES_H

/*
 * What the examples of the manual pages take for given, so that a compiler can
 * read them: tests/lint examples.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <poll.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <fam/atomic.h>
#include <fam/fam.h>

static struct fam *fam;
static int r, fd;

/* fam_persist(3), fam_memcpy_persist(3), fam_region(3), fam_stream(3) */
static char *debit, *credit, *window;
static uint64_t *complete;
static const char *text;
static const void *data;
static size_t length, bytes, done;

/* fam_signal(3), fam_wait(3) */
static struct fam_signal *line;
static uint32_t value;
static uint64_t *word, now, seen;

/* fam_channel(3), fam_stream(3), fam_ring(3), fam_pool(3) */
static struct fam_channel *channel;
static struct fam_stream *stream;
static struct fam_ring *ring;
static struct fam_pool *pool;
static uint32_t buffer;
static unsigned int n;

/* fam_sync(3) */
static struct {
	struct fam_permits licences;
	struct fam_barrier done;
} * shared;
static unsigned int which;

/* fam_heap(3), fam_tx(3), fam_hash(3), fam_log(3) */
static struct fam_heap *heap;
static struct fam_hash *hash;
static struct fam_log *log;
static struct fam_tx *tx;
static struct {
	struct fam_mutex lock;
} * bank;
static fam_off from, to;
static uint64_t sum;
uint64_t *balance(fam_off account);

#endif
