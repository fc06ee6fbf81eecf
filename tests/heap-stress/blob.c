// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
#include <stdlib.h>
#include <string.h>

#include "stress.h"

#define BLOB_TAG UINT64_C(0x626c6f6221)
#define BLOB_MAX (1u << 20)

struct blob {
	uint64_t tag, bytes, seed;
};

uint64_t next_random(uint64_t *state)
{
	*state ^= *state >> 12;
	*state ^= *state << 25;
	*state ^= *state >> 27;
	return *state * UINT64_C(2685821657736338717);
}

static unsigned char byte_of(uint64_t seed, uint64_t at)
{
	uint64_t x = (seed + at / 8) * UINT64_C(0x9e3779b97f4a7c15);

	return (unsigned char)((x ^ x >> 29) >> at % 8 * 8);
}

void blob_fill(void *at, uint64_t bytes, uint64_t seed)
{
	const struct blob head = {BLOB_TAG, bytes, seed};
	unsigned char *p = at;

	memcpy(p, &head, sizeof(head));
	for (uint64_t i = sizeof(head); i < bytes; i++)
		p[i] = byte_of(seed, i);
}

uint64_t blob_bad(const void *at, uint64_t valid, uint64_t bytes, uint64_t seed)
{
	const struct blob head = {BLOB_TAG, bytes, seed};
	const unsigned char *p = at;

	if (memcmp(p, &head, sizeof(head)) != 0)
		return 0;
	for (uint64_t i = sizeof(head); i < valid; i++) {
		if (p[i] != byte_of(seed, i))
			return i;
	}
	return UINT64_MAX;
}

bool blob_whole(const void *at, uint64_t room)
{
	struct blob head;

	if (room < sizeof(head))
		return false;
	memcpy(&head, at, sizeof(head));
	return head.bytes >= sizeof(head) && head.bytes <= room &&
	       blob_bad(at, head.bytes, head.bytes, head.seed) == UINT64_MAX;
}

void *blob_make(uint64_t bytes, uint64_t seed)
{
	static unsigned char blob[BLOB_MAX];

	if (bytes > sizeof(blob))
		abort();
	blob_fill(blob, bytes, seed);
	return blob;
}
