// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
/*
 * Objects have one entry each, and no second copy. But a checksum tells more
 * than that one byte was changed: which one, and what it was. CRC-32C is linear:
 * a change of the bytes changes the checksum by what depends on the change alone,
 * so each bit of each place is tried by itself, and eight of them are summed up.
 *
 * By chance some 34,000 changes of one byte in 132 fit a wrong checksum with
 * 1 : 120,000; the word of the object, which has 62 bits of its name and serial,
 * leaves no doubt.
 */
#include <string.h>

#include "fam-check.h"

#define SUM_BEGIN offsetof(struct fam_objects_entry, type)
#define SUM_END	  offsetof(struct fam_objects_entry, boot)
#define SUM_BYTES (SUM_END - SUM_BEGIN)

/* By what the checksum changes with each bit of the byte at @place. */
static void weigh(size_t place, uint32_t weight[8])
{
	uint8_t bytes[SUM_BYTES] = {0};
	uint32_t none = fam_crc32c(0, bytes, sizeof(bytes));

	for (unsigned int bit = 0; bit < 8; bit++) {
		bytes[place] = (uint8_t)(1u << bit);
		weight[bit] = fam_crc32c(0, bytes, sizeof(bytes)) ^ none;
	}
}

/* The change of one byte that changes the checksum so; 0: there is none. */
static uint8_t find_change(const uint32_t weight[8], uint32_t wanted)
{
	for (unsigned int change = 1; change < 256; change++) {
		uint32_t sum = 0;

		for (unsigned int bit = 0; bit < 8; bit++) {
			if (change & 1u << bit)
				sum ^= weight[bit];
		}
		if (sum == wanted)
			return (uint8_t)change;
	}
	return 0;
}

/* What others wrote as a name is told, so it must be one. */
static bool fits(const struct fam_objects_entry *entry, uint64_t word)
{
	return fam_directory_name_is_stored(entry->name) &&
	       fam_object_ready_word(entry->name, entry->serial) == word;
}

bool fam_check_mend(struct fam_objects_entry *entry, uint64_t word)
{
	uint32_t right = fam_directory_seal(entry);
	uint32_t wanted = right ^ entry->crc32c;

	if (!wanted)
		return false;
	/* the checksum itself */
	if (fam_check_one_byte(wanted) && fits(entry, word)) {
		entry->crc32c = right;
		return true;
	}
	for (size_t place = 0; place < SUM_BYTES; place++) {
		struct fam_objects_entry mended = *entry;
		uint8_t *byte = (uint8_t *)&mended + SUM_BEGIN + place;
		uint32_t weight[8];

		weigh(place, weight);
		*byte ^= find_change(weight, wanted);
		if (mended.crc32c == fam_directory_seal(&mended) &&
		    fits(&mended, word)) {
			*entry = mended;
			return true;
		}
	}
	return false;
}
