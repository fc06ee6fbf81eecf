// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include "index-parts.h"

/*
 * SipHash-1-3 with a key of this attachment's own: whoever chooses the names can
 * neither fill one bucket nor find two names that are taken for one, which would
 * keep the second one from being created.
 */
struct sip {
	uint64_t v[4];
};

static uint64_t rotate(uint64_t x, unsigned int by)
{
	return x << by | x >> (64 - by);
}

static void sip_round(struct sip *s)
{
	uint64_t *v = s->v;

	v[0] += v[1];
	v[2] += v[3];
	v[1] = rotate(v[1], 13) ^ v[0];
	v[3] = rotate(v[3], 16) ^ v[2];
	v[0] = rotate(v[0], 32) + v[3];
	v[2] += v[1];
	v[3] = rotate(v[3], 21) ^ v[0];
	v[1] = rotate(v[1], 17) ^ v[2];
	v[2] = rotate(v[2], 32);
}

static void sip_word(struct sip *s, uint64_t word)
{
	s->v[3] ^= word;
	sip_round(s);
	s->v[0] ^= word;
}

uint64_t index_names_hash(const struct fam_index *ix, const char *name)
{
	size_t len = strnlen(name, FAM_REGION_NAME_MAX);
	uint64_t word = 0;
	struct sip s = {{
		ix->key[0] ^ UINT64_C(0x736f6d6570736575),
		ix->key[1] ^ UINT64_C(0x646f72616e646f6d),
		ix->key[0] ^ UINT64_C(0x6c7967656e657261),
		ix->key[1] ^ UINT64_C(0x7465646279746573),
	}};

	for (size_t at = 0; at + sizeof(word) <= len; at += sizeof(word)) {
		memcpy(&word, name + at, sizeof(word));
		sip_word(&s, word);
	}
	word = 0;
	memcpy(&word, name + len - len % sizeof(word), len % sizeof(word));
	sip_word(&s, word | (uint64_t)len << 56);
	s.v[2] ^= 0xff;
	for (int i = 0; i < 3; i++)
		sip_round(&s);
	return s.v[0] ^ s.v[1] ^ s.v[2] ^ s.v[3];
}

/* Something nobody else knows; early after a start there may be nothing better. */
static void make_key(struct fam_index *ix)
{
	struct timespec now;

	if (getrandom(ix->key, sizeof(ix->key), GRND_NONBLOCK) ==
	    (ssize_t)sizeof(ix->key))
		return;
	clock_gettime(CLOCK_MONOTONIC, &now);
	ix->key[0] = (uint64_t)now.tv_nsec << 32 ^ (uint64_t)now.tv_sec;
	ix->key[1] = (uintptr_t)ix;
}

int index_names_start(struct fam_index *ix)
{
	uint64_t buckets = 64;

	while (buckets < ix->entries)
		buckets *= 2;
	ix->buckets = calloc(buckets, sizeof(*ix->buckets));
	if (!ix->buckets)
		return -ENOMEM;
	ix->mask = (uint32_t)(buckets - 1);
	make_key(ix);
	return 0;
}

uint32_t index_names_find(const struct fam_index *ix, uint64_t hash)
{
	uint32_t n = ix->buckets[hash & ix->mask];

	while (n && ix->memos[n].hash != hash)
		n = ix->memos[n].next;
	return n;
}

void index_names_add(struct fam_index *ix, uint32_t n, uint64_t hash)
{
	uint32_t *bucket = &ix->buckets[hash & ix->mask];

	ix->memos[n].hash = hash;
	ix->memos[n].named = 1;
	ix->memos[n].next = *bucket;
	*bucket = n;
}

void index_names_remove(struct fam_index *ix, uint32_t n)
{
	struct index_memo *memo = &ix->memos[n];
	uint32_t *link = &ix->buckets[memo->hash & ix->mask];

	if (!memo->named)
		return;
	while (*link != n)
		link = &ix->memos[*link].next;
	*link = memo->next;
	memo->named = 0;
}
