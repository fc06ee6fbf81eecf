// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
#include <string.h>

#include "stress.h"

#define PAGE  4096u
#define WHOLE (256u << 10) /* what is larger is looked at in samples */
#define PAGES 48	   /* of a sample */

uint64_t next_random(uint64_t *state)
{
	*state ^= *state >> 12;
	*state ^= *state << 25;
	*state ^= *state >> 27;
	return *state * UINT64_C(2685821657736338717);
}

static uint64_t word_of(uint64_t serial, uint64_t i)
{
	uint64_t x = serial * UINT64_C(0x9e3779b97f4a7c15) + i;

	x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
	return (x ^ x >> 31) | 1;
}

/* One page after the other, or the first, the last and some at random. */
static bool next_page(uint64_t *page, unsigned int *looked, uint64_t pages,
		      uint64_t *state)
{
	if (pages <= WHOLE / PAGE) {
		*page = *looked;
		return (*looked)++ < pages;
	}
	*page = *looked == 0   ? 0
		: *looked == 1 ? pages - 1
			       : next_random(state) % pages;
	return (*looked)++ < PAGES;
}

void pattern_fill(void *at, uint64_t bytes, uint64_t serial, uint64_t *state)
{
	volatile uint64_t *word = at;
	uint64_t words = bytes / 8, pages = (words * 8 + PAGE - 1) / PAGE, page;
	unsigned int looked = 0;

	while (next_page(&page, &looked, pages, state)) {
		uint64_t from = page * PAGE / 8, to = from + PAGE / 8;

		for (uint64_t i = from; i < to && i < words; i++)
			word[i] = word_of(serial, i);
	}
}

static unsigned char byte_of(uint64_t serial, uint64_t at)
{
	return serial ? (unsigned char)(word_of(serial, at / 8) >> at % 8 * 8)
		      : 0;
}

static uint64_t bad_bytes(const volatile unsigned char *at, uint64_t from,
			  uint64_t to, uint64_t serial)
{
	for (; from < to; from++) {
		unsigned char now = at[from];

		if (now && now != byte_of(serial, from))
			return from;
	}
	return UINT64_MAX;
}

/* Whole words at once; only one that is neither is looked at byte by byte. */
static uint64_t bad_words(const void *at, uint64_t from, uint64_t to,
			  uint64_t serial)
{
	const volatile uint64_t *word = at;
	uint64_t bad;

	for (uint64_t i = from; i < to; i++) {
		uint64_t now = word[i];

		if (!now || (serial && now == word_of(serial, i)))
			continue;
		bad = bad_bytes(at, i * 8, i * 8 + 8, serial);
		if (bad != UINT64_MAX)
			return bad;
	}
	return UINT64_MAX;
}

/* @serial 0: all of it is to be 0. */
static uint64_t bad(const void *at, uint64_t from, uint64_t bytes,
		    uint64_t serial, uint64_t *state)
{
	uint64_t first = (from + 7) / 8, words = bytes / 8, page, found;
	uint64_t begin = first * 8 / PAGE, end = (words * 8 + PAGE - 1) / PAGE;
	unsigned int looked = 0;

	while (begin < end && next_page(&page, &looked, end - begin, state)) {
		uint64_t a = (begin + page) * PAGE / 8, b = a + PAGE / 8;

		found = bad_words(at, a > first ? a : first,
				  b < words ? b : words, serial);
		if (found != UINT64_MAX)
			return found;
	}
	return bad_bytes(at, words * 8 > from ? words * 8 : from, bytes,
			 serial);
}

uint64_t pattern_bad(const void *at, uint64_t bytes, uint64_t serial,
		     uint64_t *state)
{
	return bad(at, 0, bytes, serial, state);
}

uint64_t zeros_bad(const void *at, uint64_t from, uint64_t bytes,
		   uint64_t *state)
{
	return bad(at, from, bytes, 0, state);
}
