// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
/*
 * SipHash-2-4, as J.-P. Aumasson and D. J. Bernstein describe it ("SipHash: a fast
 * short-input PRF", 2012).
 */
#include "containers/siphash.h"

#include <endian.h>
#include <string.h>

struct sip {
	uint64_t v[4];
};

static inline uint64_t turn(uint64_t x, unsigned int bits)
{
	return x << bits | x >> (64 - bits);
}

static inline void round_of(struct sip *s)
{
	s->v[0] += s->v[1];
	s->v[2] += s->v[3];
	s->v[1] = turn(s->v[1], 13) ^ s->v[0];
	s->v[3] = turn(s->v[3], 16) ^ s->v[2];
	s->v[0] = turn(s->v[0], 32);
	s->v[2] += s->v[1];
	s->v[0] += s->v[3];
	s->v[1] = turn(s->v[1], 17) ^ s->v[2];
	s->v[3] = turn(s->v[3], 21) ^ s->v[0];
	s->v[2] = turn(s->v[2], 32);
}

static inline void eat(struct sip *s, uint64_t word)
{
	s->v[3] ^= word;
	round_of(s);
	round_of(s);
	s->v[0] ^= word;
}

uint64_t fam_siphash(const uint64_t seed[2], const void *data, size_t len)
{
	struct sip s = {{
		seed[0] ^ UINT64_C(0x736f6d6570736575),
		seed[1] ^ UINT64_C(0x646f72616e646f6d),
		seed[0] ^ UINT64_C(0x6c7967656e657261),
		seed[1] ^ UINT64_C(0x7465646279746573),
	}};
	const char *p = data;
	uint64_t word;

	for (size_t left = len; left >= 8; left -= 8, p += 8) {
		memcpy(&word, p, 8);
		eat(&s, le64toh(word));
	}
	word = 0;
	memcpy(&word, p, len % 8);
	eat(&s, le64toh(word) | (uint64_t)len << 56);
	s.v[2] ^= 0xff;
	for (int i = 0; i < 4; i++)
		round_of(&s);
	return s.v[0] ^ s.v[1] ^ s.v[2] ^ s.v[3];
}
