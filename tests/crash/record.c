// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
#include <stddef.h>
#include <string.h>

#include <fam/layout.h>

#include "record.h"

_Static_assert(offsetof(struct record, data) == 32, "no padding");
_Static_assert(sizeof(struct record) == RECORD_MAX, "no padding");
_Static_assert(RECORD_MAX <= RECORD_STRIDE, "a record fits its place");

/* SplitMix64. */
uint64_t record_random(uint64_t *state)
{
	uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return z ^ z >> 31;
}

void record_fill(struct record *r, uint32_t area, uint32_t slot,
		 uint64_t sequence, uint64_t *random)
{
	uint64_t word = record_random(random);
	/* Half of them short, the others of any length. */
	size_t span = word & 1 ? 192 : RECORD_MAX - RECORD_MIN;
	size_t length = RECORD_MIN + (word >> 8) % (span + 1);

	*r = (struct record){.magic = RECORD_MAGIC,
			     .length = (uint32_t)length,
			     .area = area,
			     .slot = slot,
			     .sequence = sequence};
	for (size_t i = 0; i < length - offsetof(struct record, data); i++) {
		if (i % 8 == 0)
			word = record_random(random);
		r->data[i] = (uint8_t)(word >> i % 8 * 8);
	}
	r->crc = fam_crc32c(0, r, length);
}

uint64_t record_check(const void *place, uint32_t area, uint32_t slot)
{
	struct record r;
	uint32_t crc;

	memcpy(&r, place, sizeof(r));
	if (r.magic != RECORD_MAGIC || r.area != area || r.slot != slot ||
	    r.length < RECORD_MIN || r.length > RECORD_MAX)
		return 0;
	crc = r.crc;
	r.crc = 0;
	return fam_crc32c(0, &r, r.length) == crc ? r.sequence : 0;
}
