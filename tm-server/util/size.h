/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026, the FAM emulator authors */
#ifndef FAM_UTIL_SIZE_H
#define FAM_UTIL_SIZE_H

#include <stdbool.h>
#include <stdint.h>

#define KiB (UINT64_C(1) << 10)
#define MiB (UINT64_C(1) << 20)
#define GiB (UINT64_C(1) << 30)
#define TiB (UINT64_C(1) << 40)

/* Room for the longest text size_format() writes, with its NUL. */
#define SIZE_TEXT_MAX 32

/**
 * size_parse() - read a size typed by a person
 * @text: decimal digits, then nothing (bytes) or one of K M G T, KiB MiB GiB
 *	TiB, in any case; the whole string must match: no sign, no space, no
 *	fraction, no decimal unit such as MB
 * @out: bytes; untouched on failure
 *
 * Return: 0; -EINVAL not a size; -ERANGE more than 64 bits hold
 */
int size_parse(const char *text, uint64_t *out);

/** size_format() - "16 GiB", "1.5 MiB", "512 B": for people, never for parsing */
const char *size_format(uint64_t bytes, char out[SIZE_TEXT_MAX]);

static inline bool size_is_power_of_two(uint64_t n)
{
	return n && !(n & (n - 1));
}

#endif
