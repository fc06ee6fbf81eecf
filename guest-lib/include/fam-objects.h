/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026, the FAM emulator authors */
#ifndef FAM_OBJECTS_H
#define FAM_OBJECTS_H

/*
 * The directory of named objects, at the beginning of their area of a fabric.
 * ../FORMAT.md describes it. Not installed.
 *
 * An object is one word, all of whose steps are compare-and-swap:
 *
 *	0 -> MAKING -> READY <-> MENDING
 *	       \-> 0     \-> 0
 *
 * MAKING and MENDING carry the holder word of who does it; if that one dies, the
 * next one frees the entry, or makes it READY as it was. READY carries a hash of
 * the name and most of the serial, so that after a power cut no word makes an
 * older entry of the same name count. Whatever else changes here does so under the directory's lock. There
 * is no list of free space: what no entry takes is free. An entry counts only if
 * its checksum fits, and if after a power cut two of them overlap, the later one.
 */

#include <stddef.h>
#include <stdint.h>

#include <fam-holder.h>
#include <fam/lock.h>
#include <fam/object.h>

#define FAM_OBJECTS_ENTRIES_MAX 4096
#define FAM_OBJECTS_SHARE	4096 /* bytes of area for each entry */
#define FAM_OBJECTS_PAGE	4096
#define FAM_OBJECTS_OPENS	4 /* records for each entry */
#define FAM_OBJECTS_GRAIN	64

enum fam_objects_state { /* bits 1 and 0 of an entry's word */
			 FAM_OBJECTS_FREE = 0, /* the whole word is 0 */
			 FAM_OBJECTS_MAKING = 1,
			 FAM_OBJECTS_READY = 2,
			 FAM_OBJECTS_MENDING = 3,
};
#define FAM_OBJECTS_STATE UINT64_C(3)

struct fam_objects_header {
	uint64_t version; /* 0; another one is not understood */
	fam_word serial;  /* of the last object made */
	fam_word boot;	  /* start of the host at which all was checked */
	uint64_t reserved0[5];
	struct fam_mutex lock;
	uint64_t reserved1[496];
};

struct fam_objects_entry {
	uint32_t crc32c; /* of the 132 bytes behind it */
	uint32_t type;	 /* enum fam_object_type */
	uint64_t offset; /* in the fabric, a multiple of 64 */
	uint64_t bytes;	 /* not 0 */
	uint64_t serial; /* not 0 */
	uint64_t made_ns;
	char name[FAM_OBJECT_NAME_MAX]; /* zero to its end */
	/* Not under the checksum: */
	fam_word boot;	/* start of the host at which it was made or mended */
	fam_word flags; /* FAM_OBJECTS_DURABLE, HARD */
	uint64_t reserved[13];
};
#define FAM_OBJECTS_DURABLE 0x1u /* it was made, or opened, to be so */
#define FAM_OBJECTS_HARD    0x2u /* and is */

struct fam_objects_open {
	fam_word holder; /* | FAM_OBJECTS_SOUND; 0: free */
	fam_word serial; /* of the object; written before anybody looks */
};
/* What it opened was made or mended since the host's last start. */
#define FAM_OBJECTS_SOUND 0x1u

#ifndef __cplusplus
_Static_assert(sizeof(struct fam_objects_header) == FAM_OBJECTS_PAGE, "format");
_Static_assert(offsetof(struct fam_objects_header, lock) == 64, "format");
_Static_assert(sizeof(struct fam_objects_entry) == 256, "format");
_Static_assert(offsetof(struct fam_objects_entry, type) == 4, "format");
_Static_assert(offsetof(struct fam_objects_entry, offset) == 8, "format");
_Static_assert(offsetof(struct fam_objects_entry, bytes) == 16, "format");
_Static_assert(offsetof(struct fam_objects_entry, serial) == 24, "format");
_Static_assert(offsetof(struct fam_objects_entry, made_ns) == 32, "format");
_Static_assert(offsetof(struct fam_objects_entry, name) == 40, "format");
_Static_assert(offsetof(struct fam_objects_entry, boot) == 136, "format");
_Static_assert(offsetof(struct fam_objects_entry, flags) == 144, "format");
_Static_assert(sizeof(struct fam_objects_open) == 16, "format");
#endif

/* Where its parts begin, in bytes from the start of the area. */
struct fam_objects_places {
	uint32_t entries, opens; /* how many */
	uint64_t word, entry, open;
	uint64_t memory; /* behind the directory */
};

static inline struct fam_objects_places fam_objects_places(uint64_t area_bytes)
{
	uint64_t n = area_bytes / FAM_OBJECTS_SHARE;
	struct fam_objects_places p = {.word = FAM_OBJECTS_PAGE};
	uint64_t page = FAM_OBJECTS_PAGE;

	if (n > FAM_OBJECTS_ENTRIES_MAX)
		n = FAM_OBJECTS_ENTRIES_MAX;
	p.entries = (uint32_t)n;
	p.opens = (uint32_t)n * FAM_OBJECTS_OPENS;
	p.entry = p.word + (n * sizeof(fam_word) + page - 1) / page * page;
	p.open = p.entry + n * sizeof(struct fam_objects_entry);
	p.memory = p.open + p.opens * sizeof(struct fam_objects_open);
	return p;
}

#endif
