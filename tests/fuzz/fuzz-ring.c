// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
/*
 * A ring whose memory others write over while it is used: whatever stands there,
 * every call ends, and touches nothing but the ring and the caller's buffer. Both
 * are as long as they must be, for the address sanitizer.
 */
#include <errno.h>
#include <string.h>

#include "input.h"

#include "messages/ring-format.h"
#include "ring-alone.h"

#define BURST 70

static void pick(struct input *in, struct fam_ring_config *config)
{
	config->kind = 1 + take(in) % 3;
	config->flags = take(in) & (FAM_RING_POLLED | FAM_RING_DURABLE);
	if (config->kind == FAM_RING_MPMC)
		config->flags &= FAM_RING_POLLED;
	config->slots = 2u << take(in) % 7;
	config->bytes = 1 + take(in) % 80;
}

/* Most of the time words that matter, small changes, and numbers that tell. */
static void scribble(struct input *in, uint8_t *memory, uint64_t bytes)
{
	static const size_t words[] = {
		offsetof(struct fam_ring_head, head),
		offsetof(struct fam_ring_head, tail),
		offsetof(struct fam_ring_head, done),
		offsetof(struct fam_ring_head, pushers),
		offsetof(struct fam_ring_head, poppers),
		offsetof(struct fam_ring_head, wait_push),
		offsetof(struct fam_ring_head, wait_pop),
		offsetof(struct fam_ring_head, port),
		offsetof(struct fam_ring_head, port) + 8,
		offsetof(struct fam_ring_head, port) + 16,
		sizeof(struct fam_ring_head),
	};
	uint8_t how = take(in);
	size_t at = words[how % (sizeof(words) / sizeof(words[0]))];
	uint64_t word;

	if (how & 0x80)
		at = take_word(in) % (bytes / 8) * 8;
	if (at + 8 > bytes)
		return;
	memcpy(&word, memory + at, 8);
	if (how & 0x40)
		word += (uint64_t)(int8_t)take(in);
	else
		word = take_word(in);
	memcpy(memory + at, &word, 8);
}

static void use(struct input *in, struct fam_ring *ring, uint8_t *buffer)
{
	unsigned int n = take(in) % (BURST + 1);
	uint8_t what = take(in) % 8;
	int r = 0;

	if (what < 3)
		r = fam_ring_push(ring, buffer, n);
	else if (what < 6)
		r = fam_ring_pop(ring, buffer, n);
	else if (what == 6)
		r = fam_ring_peek(ring, buffer, n, 0);
	else
		r = fam_ring_release(ring);
	if (r > (int)n)
		abort();
	if (fam_ring_count(ring) > ring->config.slots)
		abort();
}

static void play(struct input *in, struct fam *fam)
{
	struct fam_ring_config config;
	struct fam_ring *ring = NULL;
	uint8_t *memory, *buffer;
	uint64_t bytes;

	pick(in, &config);
	bytes = fam_ring_size(&config);
	memory = aligned_alloc(64, bytes);
	buffer = calloc(BURST, config.bytes);
	if (fam_ring_make(fam, memory, &config) < 0)
		abort();
	/* What is there at the opening, but for who keeps it locked. */
	for (uint8_t n = take(in) % 4; n; n--)
		scribble(in, memory, bytes);
	memset(memory + offsetof(struct fam_ring_head, lock), 0, 8);
	if (fam_ring_at(fam, memory, bytes, FAM_RING_PUSH | FAM_RING_POP,
			&ring) == 0) {
		while (in->size) {
			if (take(in) % 3 == 0)
				scribble(in, memory, bytes);
			use(in, ring, buffer);
		}
		fam_ring_close(ring);
	}
	free(buffer);
	free(memory);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct input in = {data, len};

	play(&in, alone_open());
	return 0;
}
