// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
/* Names and types of objects. */
#include <string.h>

#include <fam/sync.h>

#include "fam-directory.h"

/* Bytes of the character that begins with a byte; 0: none does. */
static unsigned int utf8_length(unsigned char first)
{
	if (first < 0x80)
		return 1;
	if (first >= 0xc2 && first < 0xe0)
		return 2;
	if (first >= 0xe0 && first < 0xf0)
		return 3;
	return first >= 0xf0 && first < 0xf5 ? 4 : 0;
}

/* Neither too long for what it says, nor half of a pair, nor above 10ffff. */
static bool is_character(uint32_t c, unsigned int length)
{
	static const uint32_t least[] = {0, 0x20, 0xa0, 0x800, 0x10000};

	return c >= least[length] && c != 0x7f && c <= 0x10ffff &&
	       (c < 0xd800 || c > 0xdfff);
}

unsigned int fam_name_character(const char *text)
{
	static const unsigned char mask[] = {0, 0x7f, 0x1f, 0x0f, 0x07};
	unsigned int length = utf8_length((unsigned char)text[0]);
	uint32_t c = (unsigned char)text[0] & mask[length];

	for (unsigned int i = 1; i < length; i++) {
		if (((unsigned char)text[i] & 0xc0) != 0x80)
			return 0;
		c = c << 6 | ((unsigned char)text[i] & 0x3f);
	}
	return length && is_character(c, length) ? length : 0;
}

int fam_object_name_check(const char *name)
{
	size_t length = strnlen(name, FAM_OBJECT_NAME_MAX);
	unsigned int step;

	if (length == FAM_OBJECT_NAME_MAX)
		return -ENAMETOOLONG;
	if (length == 0 || name[0] == '/' || name[length - 1] == '/' ||
	    strstr(name, "//"))
		return -EINVAL;
	for (; *name; name += step) {
		step = fam_name_character(name);
		if (!step)
			return -EINVAL;
	}
	return 0;
}

/* FNV-1a */
uint64_t fam_object_hash(const char *name)
{
	uint64_t sum = UINT64_C(0xcbf29ce484222325);

	for (; *name; name++)
		sum = (sum ^ (unsigned char)*name) * UINT64_C(0x100000001b3);
	return sum;
}

/* Bits 63-40: of the name; 39-2: of the serial. */
uint64_t fam_object_ready_word(const char *name, uint64_t serial)
{
	return fam_object_hash(name) >> 40 << 40 | serial << 26 >> 24 |
	       FAM_OBJECTS_READY;
}

static const struct {
	const char *name;
	uint32_t bytes;
} types[] = {
	[FAM_OBJECT_MEMORY] = {"memory", 0},
	[FAM_OBJECT_SPIN] = {"spin", sizeof(struct fam_spin)},
	[FAM_OBJECT_TICKET] = {"ticket", sizeof(struct fam_ticket)},
	[FAM_OBJECT_MUTEX] = {"mutex", sizeof(struct fam_mutex)},
	[FAM_OBJECT_RWLOCK] = {"rwlock", sizeof(struct fam_rwlock)},
	[FAM_OBJECT_COND] = {"cond", sizeof(struct fam_cond)},
	[FAM_OBJECT_SEM] = {"sem", sizeof(struct fam_sem)},
	[FAM_OBJECT_PERMITS] = {"permits", sizeof(struct fam_permits)},
	[FAM_OBJECT_BARRIER] = {"barrier", sizeof(struct fam_barrier)},
	[FAM_OBJECT_ONCE] = {"once", sizeof(struct fam_once)},
	[FAM_OBJECT_EVENT] = {"event", sizeof(struct fam_event)},
	[FAM_OBJECT_RING] = {"ring", 0},
	[FAM_OBJECT_CHANNEL] = {"channel", 0},
	[FAM_OBJECT_STREAM] = {"stream", 0},
	[FAM_OBJECT_POOL] = {"pool", 0},
};

#define TYPES (sizeof(types) / sizeof(types[0]))

const char *fam_object_type_name(uint32_t type)
{
	return type < TYPES && types[type].name ? types[type].name : "unknown";
}

uint64_t fam_object_type_bytes(uint32_t type)
{
	return type < TYPES ? types[type].bytes : 0;
}
