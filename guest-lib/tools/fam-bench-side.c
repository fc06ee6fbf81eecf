// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include <fam-words.h>

#include "fam-bench.h"

/* What both sides of fam bench have in common: objects, and halves of tests. */

#define CONTROL_BYTES FAM_CHANNEL_BYTES_MIN
#define MESSAGE_ROOM  (64u << 10)
#define STREAM_MOST   (UINT64_C(1) << 20) /* fits into caches */
#define STREAM_LEAST  (UINT64_C(64) << 10)

uint64_t bench_now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static uint64_t ns_of(struct timeval t)
{
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_usec * 1000;
}

uint64_t bench_cpu_ns(void)
{
	struct rusage usage;

	getrusage(RUSAGE_SELF, &usage);
	return ns_of(usage.ru_utime) + ns_of(usage.ru_stime);
}

const char *bench_name(const struct bench *bench, const char *what,
		       char out[FAM_OBJECT_NAME_MAX])
{
	snprintf(out, FAM_OBJECT_NAME_MAX, "bench/%.60s/%s", bench->name, what);
	return out;
}

/* --- the two channels
 * --------------------------------------------------------- */

static int open_channel(struct bench *bench, const char *what, bool make,
			bool receive, uint64_t bytes, uint32_t flags,
			struct fam_channel **out)
{
	const struct fam_channel_config config = {
		.bytes = bytes,
		.flags = FAM_CHANNEL_ONE | flags,
	};
	char name[FAM_OBJECT_NAME_MAX];

	return fam_channel_open(
		bench->fam, bench_name(bench, what, name),
		make ? &config : NULL,
		receive ? FAM_CHANNEL_RECEIVE : FAM_CHANNEL_SEND, out);
}

int bench_attach(struct bench *bench)
{
	bool serves = bench->serves;
	int r;

	r = open_channel(bench, "ask", serves, serves, CONTROL_BYTES, 0,
			 serves ? &bench->in : &bench->out);
	if (r == 0)
		r = open_channel(bench, "answer", serves, !serves,
				 CONTROL_BYTES, 0,
				 serves ? &bench->out : &bench->in);
	return r;
}

void bench_detach(struct bench *bench)
{
	fam_channel_close(bench->in);
	fam_channel_close(bench->out);
	bench->in = bench->out = NULL;
}

static int sweep_one(const struct fam_object_info *info, void *arg)
{
	struct bench *bench = arg;
	char prefix[FAM_OBJECT_NAME_MAX];

	bench_name(bench, "", prefix);
	if (strncmp(info->name, prefix, strlen(prefix)) == 0)
		(void)fam_object_remove(bench->fam, info->name);
	return 0;
}

void bench_sweep(struct bench *bench)
{
	/* What cannot be removed is in use, or is found again. */
	(void)fam_object_each(bench->fam, sweep_one, bench);
}

int bench_receive(struct fam_channel *channel, void *out, size_t bytes,
		  int timeout_ms)
{
	uint64_t got = 0;
	int r;

	do {
		r = fam_channel_receive(channel, out, bytes, timeout_ms, &got);
	} while (r == -EINTR && !peer_stopped());
	if (r == -EMSGSIZE || (r == 0 && got != bytes))
		return -EPROTO;
	return r;
}

static int bench_send(struct fam_channel *channel, const void *data,
		      size_t bytes)
{
	int r;

	do {
		r = fam_channel_send(channel, data, bytes, BENCH_PATIENCE);
	} while (r == -EINTR && !peer_stopped());
	return r;
}

/* --- what a test needs
 * ---------------------------------------------------------- */

static int open_counter(struct bench *bench)
{
	const struct fam_object_want want = {
		.type = FAM_OBJECT_MEMORY,
		.flags = bench->serves ? 0 : FAM_OBJECT_CREATE,
		.bytes = sizeof(struct bench_counter),
	};
	char name[FAM_OBJECT_NAME_MAX];

	return fam_object_open(bench->fam, bench_name(bench, "lock", name),
			       &want, &bench->counter);
}

static int open_ring(struct bench *bench)
{
	const struct fam_ring_config config = {
		.kind = FAM_RING_SPSC,
		.flags = FAM_RING_POLLED,
		.slots = BENCH_SLOTS,
		.bytes = BENCH_MESSAGE,
	};
	char name[FAM_OBJECT_NAME_MAX];

	return fam_ring_open(bench->fam, bench_name(bench, "ring", name),
			     bench->serves ? NULL : &config,
			     bench->serves ? FAM_RING_POP : FAM_RING_PUSH,
			     &bench->ring);
}

static int open_stream(struct bench *bench)
{
	struct fam_stream_config config = {
		.bytes = STREAM_MOST,
		.flags = FAM_STREAM_POLLED,
	};
	char name[FAM_OBJECT_NAME_MAX];
	int r;

	bench_name(bench, "stream", name);
	for (;; config.bytes /= 2) {
		r = fam_stream_open(
			bench->fam, name, bench->serves ? NULL : &config,
			bench->serves ? FAM_STREAM_READ : FAM_STREAM_WRITE,
			&bench->stream);
		if (r != -ENOSPC || config.bytes == STREAM_LEAST)
			return r;
	}
}

static int open_back(struct bench *bench, const struct bench_ask *ask)
{
	return open_channel(bench, "back", !bench->serves, !bench->serves,
			    MESSAGE_ROOM, ask->sleeps ? 0 : FAM_CHANNEL_POLLED,
			    &bench->back);
}

int bench_open(struct bench *bench, const struct bench_ask *ask)
{
	int r;

	switch (ask->kind) {
	case BENCH_LOCK:
	case BENCH_CONTEND:
		return open_counter(bench);
	case BENCH_RING:
		return open_ring(bench);
	case BENCH_ECHO:
		r = open_channel(bench, "there", !bench->serves, bench->serves,
				 MESSAGE_ROOM,
				 ask->sleeps ? 0 : FAM_CHANNEL_POLLED,
				 &bench->there);
		return r ? r : open_back(bench, ask);
	case BENCH_COPY:
		r = open_stream(bench);
		return r ? r : open_back(bench, ask);
	default:
		return -EPROTO;
	}
}

void bench_close(struct bench *bench)
{
	fam_object_close(bench->counter);
	fam_ring_close(bench->ring);
	fam_stream_close(bench->stream);
	fam_channel_close(bench->there);
	fam_channel_close(bench->back);
	bench->counter = NULL;
	bench->ring = NULL;
	bench->stream = NULL;
	bench->there = bench->back = NULL;
}

/* --- halves
 * ----------------------------------------------------------------------- */

static int half_lock(struct bench *bench, uint64_t operations)
{
	struct bench_counter *counter = fam_object_memory(bench->counter);
	int r = 0;

	for (uint64_t i = 0; i < operations && r == 0; i++) {
		r = fam_mutex_lock(bench->fam, &counter->mutex, BENCH_PATIENCE);
		if (r < 0)
			break;
		counter->count++;
		r = fam_mutex_unlock(bench->fam, &counter->mutex);
	}
	return r;
}

/* Nothing could be pushed, or popped: look whether it makes sense to go on. */
static int ring_waits(uint64_t *since, unsigned int *spins)
{
	if (++*spins < 1000) {
		fam_word_pause();
		return 0;
	}
	*spins = 0;
	sched_yield();
	if (peer_stopped())
		return -EINTR;
	if (!*since)
		*since = bench_now_ns();
	return bench_now_ns() - *since > BENCH_PATIENCE * UINT64_C(1000000)
		       ? -ETIMEDOUT
		       : 0;
}

static int half_ring(struct bench *bench, uint64_t operations, uint32_t burst)
{
	uint64_t messages[BENCH_BURST_MOST][BENCH_MESSAGE / 8] = {0};
	uint64_t at = 0, since = 0;
	unsigned int spins = 0;
	int n;

	while (at < operations) {
		unsigned int want =
			operations - at < burst ? operations - at : burst;

		if (!bench->serves)
			messages[0][0] = at;
		n = bench->serves ? fam_ring_pop(bench->ring, messages, want)
				  : fam_ring_push(bench->ring, messages, want);
		if (n == 0)
			n = ring_waits(&since, &spins);
		else
			since = 0;
		if (n < 0)
			return n;
		at += (uint64_t)n;
	}
	return 0;
}

static int half_echo(struct bench *bench, uint64_t operations)
{
	uint64_t message[BENCH_MESSAGE / 8] = {0};
	struct fam_channel *first = bench->there, *then = bench->back;
	int r = 0;

	for (uint64_t i = 0; i < operations && r == 0; i++) {
		if (bench->serves) {
			r = bench_receive(first, message, sizeof(message),
					  BENCH_PATIENCE);
			if (r == 0)
				r = bench_send(then, message, sizeof(message));
			continue;
		}
		message[0] = i;
		r = bench_send(first, message, sizeof(message));
		if (r == 0)
			r = bench_receive(then, message, sizeof(message),
					  BENCH_PATIENCE);
		if (r == 0 && message[0] != i)
			r = -EPROTO;
	}
	return r;
}

/* All bytes of one operation, in pieces of the buffer. */
static int copy_once(struct bench *bench, uint64_t bytes)
{
	while (bytes) {
		size_t piece = bytes < BENCH_BUFFER ? bytes : BENCH_BUFFER;
		size_t done = 0;
		int r;

		r = bench->serves
			    ? fam_stream_read_all(bench->stream, bench->buffer,
						  piece, BENCH_PATIENCE, &done)
			    : fam_stream_write(bench->stream, bench->buffer,
					       piece, BENCH_PATIENCE, &done);
		if (r < 0 && (r != -EINTR || peer_stopped()))
			return r;
		bytes -= r == 0 ? piece : done;
	}
	return 0;
}

static int half_copy(struct bench *bench, uint64_t operations, uint64_t bytes)
{
	uint64_t word;
	int r = 0;

	for (uint64_t i = 0; i < operations && r == 0; i++) {
		word = i;
		memcpy(bench->buffer, &word, sizeof(word));
		r = copy_once(bench, bytes);
		if (r == 0 && bench->serves)
			r = bench_send(bench->back, bench->buffer,
				       sizeof(word));
		else if (r == 0)
			r = bench_receive(bench->back, &word, sizeof(word),
					  BENCH_PATIENCE);
		/* What comes back is what was there when all had arrived. */
		if (r == 0 && bytes <= BENCH_BUFFER && !bench->serves &&
		    word != i)
			r = -EPROTO;
	}
	return r;
}

int bench_half(struct bench *bench, const struct bench_ask *ask,
	       uint64_t operations)
{
	switch (ask->kind) {
	case BENCH_LOCK:
		return bench->serves ? 0 : half_lock(bench, operations);
	case BENCH_CONTEND:
		return half_lock(bench, operations);
	case BENCH_RING:
		return half_ring(bench, operations,
				 ask->burst < 1 ? 1
				 : ask->burst > BENCH_BURST_MOST
					 ? BENCH_BURST_MOST
					 : ask->burst);
	case BENCH_ECHO:
		return half_echo(bench, operations);
	default:
		return half_copy(bench, operations, ask->bytes);
	}
}
