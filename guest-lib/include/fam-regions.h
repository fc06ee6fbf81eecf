/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026, the FAM emulator authors */
#ifndef FAM_REGIONS_H
#define FAM_REGIONS_H

/*
 * The directory of named regions, in an area of its own behind the data.
 * ../FORMAT.md describes it. Not installed.
 *
 * What counts is the entries: two copies of each, in two places, with a checksum
 * and a generation. All else (what is free, which name is where) follows from
 * them, and every attachment keeps it for itself; so there is nothing that a
 * power cut could leave torn but single copies of single entries.
 *
 * A change is written into copy (generation & 1), which never is the last one
 * known to be on the disk; only when it is on the disk the other copy is made
 * the same. A change of an entry that is not on the disk yet takes the same copy
 * again, with a generation higher by 2. So whatever the disk gets of this and in
 * whatever order, one whole copy is there: that of before, or a later one. Nor does
 * a death lose what others have seen: what is to be written over a copy that counts
 * stands in the first page until it is done.
 */

#include <stddef.h>
#include <stdint.h>

#include <fam-holder.h>
#include <fam/lock.h>
#include <fam/region.h>

#define FAM_REGIONS_PAGE       4096
#define FAM_REGIONS_COPIES     2
#define FAM_REGIONS_RING       256 /* of the changes that are told one by one */
#define FAM_REGIONS_OPENS      2   /* records for each entry */
#define FAM_REGIONS_MIN	       64 /* entries, and what they are a multiple of */
#define FAM_REGIONS_MAX	       (1u << 20)
#define FAM_REGIONS_GRAIN      UINT64_C(4096)	   /* space is taken in these */
#define FAM_REGIONS_LARGE      (UINT64_C(2) << 20) /* from here on aligned to it */
#define FAM_REGION_ENTRY_MAGIC 0x31474552u	   /* "REG1" */

/*
 * The first page: what goes on. Nothing here is needed after a power cut. A new
 * fabric has zeros in the whole area; how many entries it has follows from its
 * size, and what counts of them from the superblock.
 */
struct fam_regions_live {
	struct fam_mutex lock; /* over every change of the directory */
	/* Another one: forget all that was remembered of the entries. */
	fam_word epoch;
	fam_word changes; /* how many there were; the last ones are in @ring */
	fam_word boot;	  /* start of the host at which all was checked last */
	fam_word stamp;	  /* at least that of every entry */
	fam_word serial;  /* at least that of every entry */
	/* Zeros were stored in data, and not made durable, since that start. */
	fam_word loose;
	/* How often space with FAM_REGION_TRIM was freed: something to trim. */
	fam_word freed;
	/*
	 * A copy that counts, and is not on the disk yet, is being written over:
	 * index | copy << 32 | 1 << 63 of that, and what it is to be. If who does
	 * it dies half way, the next one goes on. 0: none is.
	 */
	fam_word over;
	fam_word over_entry[64];
	fam_word reserved[176];
	fam_word ring[FAM_REGIONS_RING]; /* change n: index of its entry */
};

/* One for each entry: nothing of it is needed after a power cut. */
struct fam_regions_seen {
	fam_word generation; /* of the entry, as it is now */
	fam_word opens;	     /* records of this entry; 0: there are none */
};

/* Who has what open. Written and freed under the lock. */
struct fam_regions_open {
	fam_word holder; /* of a session | FAM_REGIONS_OPEN_ flags; 0: free */
	/* Serial, 32 bits; index, 20; the low 12 of CRC-32C of all the others. */
	fam_word what;
};
#define FAM_REGIONS_OPEN_WRITE	   0x1u
#define FAM_REGIONS_OPEN_EXCLUSIVE 0x2u

enum fam_region_state {
	FAM_REGION_FREE = 0,
	FAM_REGION_READY = 1,
	/* Its space is being filled with zeros by @holder. It may have a name. */
	FAM_REGION_MAKING = 2,
	/* Free space that @holder gives back to the file system; no name. */
	FAM_REGION_TRIMMING = 3,
};
#define FAM_REGION_TRIM 0x1u /* of a free entry: its space holds blocks still */

struct fam_region_entry {
	uint32_t magic;	 /* FAM_REGION_ENTRY_MAGIC; all zero: never used */
	uint32_t crc32c; /* of uuid, index and all of it, this field being 0 */
	uint64_t generation; /* of this entry, from 1 on */
	uint64_t stamp;	     /* rises with each change in the fabric; not 0 */
	uint64_t serial; /* not 0, of no other region before; kept when free */
	uint32_t state;	 /* enum fam_region_state */
	uint32_t flags;	 /* FAM_REGION_TRIM */
	uint64_t offset; /* from the start of the fabric */
	uint64_t space;	 /* bytes taken, a multiple of FAM_REGIONS_GRAIN */
	uint64_t bytes;	 /* as was asked for, <= space */
	uint64_t created_ns; /* since 1970-01-01 UTC */
	uint64_t changed_ns; /* size, name, owner or mode; the same */
	uint32_t uid, gid;   /* of the owner */
	uint32_t mode;	     /* 0 to 0777 */
	uint32_t type;	     /* enum fam_region_type */
	uint64_t holder;     /* MAKING, TRIMMING: who does it; else 0 */
	uint64_t boot;	     /* the same: at which start of the host; else 0 */
	/*
	 * After a power cut this copy counts only if entry @after_index has a
	 * stamp of at least @after_stamp: two entries change at once, or
	 * neither. 0: always.
	 */
	uint64_t after_stamp;
	uint32_t after_index;
	uint32_t reserved0;
	uint64_t reserved1[8];
	char node[FAM_REGION_NODE_MAX]; /* where it was created; zero-padded */
	char name[FAM_REGION_NAME_MAX]; /* zero-padded */
};

#ifndef __cplusplus
_Static_assert(sizeof(struct fam_regions_live) == 4096, "format");
_Static_assert(offsetof(struct fam_regions_live, epoch) == 64, "format");
_Static_assert(offsetof(struct fam_regions_live, over) == 120, "format");
_Static_assert(offsetof(struct fam_regions_live, ring) == 2048, "format");
_Static_assert(sizeof(struct fam_regions_seen) == 16, "format");
_Static_assert(sizeof(struct fam_regions_open) == 16, "format");
_Static_assert(sizeof(struct fam_region_entry) == 512, "format");
_Static_assert(offsetof(struct fam_region_entry, generation) == 8, "format");
_Static_assert(offsetof(struct fam_region_entry, state) == 32, "format");
_Static_assert(offsetof(struct fam_region_entry, offset) == 40, "format");
_Static_assert(offsetof(struct fam_region_entry, created_ns) == 64, "format");
_Static_assert(offsetof(struct fam_region_entry, uid) == 80, "format");
_Static_assert(offsetof(struct fam_region_entry, holder) == 96, "format");
_Static_assert(offsetof(struct fam_region_entry, after_stamp) == 112, "format");
_Static_assert(offsetof(struct fam_region_entry, node) == 192, "format");
_Static_assert(offsetof(struct fam_region_entry, name) == 256, "format");
#endif

/* Where its parts begin, in bytes from the start of the area. */
struct fam_regions_places {
	uint32_t entries, opens; /* how many */
	uint64_t live, seen, open;
	uint64_t copy[FAM_REGIONS_COPIES]; /* of all entries */
	uint64_t end;
};

/** fam_regions_places() - of a directory of so many entries */
static inline struct fam_regions_places fam_regions_places(uint32_t entries)
{
	const uint64_t page = FAM_REGIONS_PAGE;
	struct fam_regions_places p = {
		.entries = entries,
		.opens = entries * FAM_REGIONS_OPENS,
	};
	uint64_t bytes = (uint64_t)entries * sizeof(struct fam_region_entry);

	p.seen = p.live + sizeof(struct fam_regions_live);
	p.open = p.seen + entries * sizeof(struct fam_regions_seen);
	p.copy[0] = p.open + p.opens * sizeof(struct fam_regions_open);
	p.copy[0] = (p.copy[0] + page - 1) / page * page;
	p.copy[1] = p.copy[0] + bytes;
	p.end = p.copy[1] + bytes;
	return p;
}

/** fam_regions_fit() - entries that fit into an area of so many bytes; or 0 */
static inline uint32_t fam_regions_fit(uint64_t area_bytes)
{
	const uint64_t each =
		sizeof(struct fam_regions_seen) +
		FAM_REGIONS_OPENS * sizeof(struct fam_regions_open) +
		FAM_REGIONS_COPIES * sizeof(struct fam_region_entry);
	uint64_t n = area_bytes / each;

	n = n < FAM_REGIONS_MAX ? n : FAM_REGIONS_MAX;
	n -= n % FAM_REGIONS_MIN;
	while (n && fam_regions_places((uint32_t)n).end > area_bytes)
		n -= FAM_REGIONS_MIN;
	return (uint32_t)n;
}

#endif
