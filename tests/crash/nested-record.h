/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026, the FAM emulator authors */
#ifndef NESTED_RECORD_H
#define NESTED_RECORD_H

/*
 * The records that the bare-metal guest stores and the verifier looks for. Each
 * of NESTED_CELLS cells has two places which are written in turn: the newest
 * acknowledged record is never the one that is being overwritten.
 */

#include <stddef.h>
#include <stdint.h>

#define NESTED_CELLS 256
#define NESTED_MAGIC UINT32_C(0x4e455354)
#define NESTED_PAGE  UINT32_C(4096)

struct nested_record {
	uint32_t magic;
	uint32_t cell;
	uint32_t seq;	/* of the cell, from 1 */
	uint32_t bytes; /* of the whole record, up to a page */
	uint32_t seed;	/* of the run: none of an earlier one is taken for it */
	uint32_t sum;	/* nested_sum() with this field 0 */
	uint32_t body[(NESTED_PAGE - 24) / 4];
};

_Static_assert(sizeof(struct nested_record) == NESTED_PAGE, "a page");

/* Where a record lies, bytes from the start of the data; pages: data's length. */
static inline uint32_t nested_place(uint32_t pages, uint32_t cell, uint32_t seq)
{
	uint32_t stride = pages / (2 * NESTED_CELLS);

	return (cell * 2 + seq % 2) * stride * NESTED_PAGE;
}

/* FNV-1a over the words: finds what is torn; needs no library. */
static inline uint32_t nested_sum(const struct nested_record *record)
{
	const uint32_t *word = (const uint32_t *)record;
	uint32_t sum = UINT32_C(2166136261);

	for (uint32_t i = 0; i < record->bytes / 4; i++) {
		if (i == offsetof(struct nested_record, sum) / 4)
			continue;
		sum = (sum ^ word[i]) * UINT32_C(16777619);
	}
	return sum;
}

#endif
