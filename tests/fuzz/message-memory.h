/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026, the FAM emulator authors */
#ifndef FUZZ_MESSAGE_MEMORY_H
#define FUZZ_MESSAGE_MEMORY_H

/*
 * One fabric for all inputs, with room for a channel or stream of 4 KiB and
 * forbidden memory around it: who reads there is found by the address sanitizer,
 * who writes there by himself.
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <fam/fam.h>

#include "input.h"
#include "new-fabric.h"

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/asan_interface.h>
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#include <sanitizer/asan_interface.h>
#endif
#endif
#ifndef ASAN_POISON_MEMORY_REGION
#define ASAN_POISON_MEMORY_REGION(p, n)	  ((void)(p), (void)(n))
#define ASAN_UNPOISON_MEMORY_REGION(p, n) ((void)(p), (void)(n))
#endif

#define SPACE (4096 + 4096) /* what is tested */
#define GUARD (64 << 10)    /* on each side of it */

static struct memory {
	struct fam *fam;
	char *space;
} memory;

static char *guard(int side)
{
	return side ? memory.space + SPACE : memory.space - GUARD;
}

static void memory_begin(void)
{
	char path[] = "/tmp/fuzz-message-XXXXXX";
	struct fam_superblock sb;
	int fd = mkstemp(path);
	void *p;

	must(fd >= 0);
	fabric_make(fd, 16 << 20, 7, &sb);
	must(fam_open(&memory.fam, path, 0) == 0);
	must(fam_map(memory.fam, 0, 2 * GUARD + SPACE, &p) == 0);
	must(unlink(path) == 0);
	close(fd);
	memory.space = (char *)p + GUARD;
	for (int i = 0; i < 2; i++) {
		memset(guard(i), 0x5a, GUARD);
		ASAN_POISON_MEMORY_REGION(guard(i), GUARD);
	}
}

/* Nothing was written beside it. */
static void memory_check(void)
{
	for (int side = 0; side < 2; side++) {
		char *p = guard(side);

		ASAN_UNPOISON_MEMORY_REGION(p, GUARD);
		must(p[0] == 0x5a && memcmp(p, p + 1, GUARD - 1) == 0);
		ASAN_POISON_MEMORY_REGION(p, GUARD);
	}
}

/* @n bytes from @p on are all within the ring. */
static void must_be_inside(const void *p, uint64_t n)
{
	must((const char *)p >= memory.space + 4096 && n <= 4096 &&
	     (const char *)p + n <= memory.space + SPACE);
}

/*
 * Somebody writes over a word: of what is looked at most often, or anywhere; by
 * a little, as another word has it, or by chance.
 */
static void memory_scribble(struct input *in)
{
	static const uint16_t near[] = {64,  72,  128,	192,  256,
					320, 512, 1024, 1088, 4096};
	uint64_t *word = (uint64_t *)(void *)memory.space;
	uint8_t how = take(in), where = take(in);
	uint64_t *to = &word[(where << 2 | how >> 6) % (SPACE / 8)];

	if (how & 1)
		to = &word[near[where % 10] / 8];
	switch (how >> 1 & 7) {
	case 0:
		*to = take_word(in);
		break;
	case 1:
		*to += (uint64_t)take(in) << (how >> 4);
		break;
	case 2:
		*to -= (uint64_t)take(in) << (how >> 4);
		break;
	case 3:
		*to = word[near[take(in) % 10] / 8];
		break;
	case 4:
		*to ^= UINT64_C(1) << take(in) % 64;
		break;
	case 5: /* a size, which is the second word of a header */
		word[(4096 + 16 * (where % 256)) / 8 + 1] =
			(uint64_t)take(in) << 32 | take(in) << (how >> 6);
		break;
	default:
		*to = take(in);
		break;
	}
}

#endif
