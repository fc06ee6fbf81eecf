/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026, the FAM emulator authors */
#ifndef FAM_CHECK_HEAPS_H
#define FAM_CHECK_HEAPS_H

/*
 * One look at one heap, and its repair. What there is one copy of only (kinds,
 * bitmaps, state) is held against each other, and against the journals.
 *
 *	check-heaps.c		finds heaps; header, state
 *	check-heap-chunks.c	kinds and bitmaps
 *	check-heap-journals.c	journals and who writes them
 *	check-heap-repair.c	all of it made good
 */
#include "fam-check.h"
#include "heap/fam-heap.h"

/* Of the many chunks so many are told one by one. */
#define FAM_CHECK_CHUNKS_TOLD 64
/* How far a stamp may be ahead of all records: some were drawn in vain. */
#define FAM_CHECK_STAMPS_AHEAD (UINT64_C(1) << 32)

struct fam_check_heap {
	struct fam_checker *c;
	struct fam_region_entry entry;
	uint32_t index; /* of the entry */
	struct fam_heap
		view; /* to look at it: without a session, and no locks */
	bool due;     /* nobody has recovered it since the host was started */
	/* Records are half applied, and nobody is at it, or to be applied. */
	bool unsettled;
	uint64_t durable;    /* the checkpoint on the disk, as it was before */
	uint64_t checkpoint; /* as it is now */
	uint64_t highest;    /* stamp of the records there are */
	uint64_t pending;    /* records above the checkpoint */
	unsigned int told;   /* chunks */
	uint64_t objects;
};

/** fam_check_heap_found() - as fam_check_found(), in a heap; its part is begun */
struct fam_check_problem *fam_check_heap_found(struct fam_check_heap *h,
					       enum fam_check_level level,
					       uint64_t at, uint64_t bytes);

/** fam_check_part() - "heap 'name', ...": what of it */
__attribute__((format(printf, 2, 3))) void
fam_check_part(struct fam_check_problem *p, const char *format, ...);

/** fam_check_heap_level() - a note, if it may be what a crash has left */
static inline enum fam_check_level
fam_check_heap_level(const struct fam_check_heap *h, enum fam_check_level level)
{
	return h->unsettled ? FAM_CHECK_NOTE : level;
}

/* The pages that are there whatever the header says: both copies, and live. */
#define FAM_CHECK_HEAP_HEAD (3 * FAM_HEAP_PAGE)

/** fam_check_heap_map() - have so much of it, from its start; 0; as fam_map() */
int fam_check_heap_map(struct fam_check_heap *h, uint64_t bytes);
void fam_check_heap_unmap(struct fam_check_heap *h);

/** fam_check_heap_is_empty() - a copy of the header is all zeros */
bool fam_check_heap_is_empty(const struct fam_check_heap *h, unsigned int copy);

/** fam_check_heaps_next() - a region of that type, from entry @index on */
bool fam_check_heaps_next(struct fam_checker *c, uint32_t index,
			  struct fam_check_heap *out);

/* --- kinds and bitmaps: check-heap-chunks.c ---------------------------------- */

enum fam_chunk_fault {
	FAM_CHUNK_WHOLE,
	FAM_CHUNK_SPOILT, /* of its word it can be told what it was */
	FAM_CHUNK_ALONE, /* of something larger, the first one of which is lost */
	FAM_CHUNK_MARKED, /* it is free, but has blocks */
	FAM_CHUNK_LOST,	  /* blocks of nobody knows what class */
	FAM_CHUNK_STRAY,  /* some bits are set that mean no block */
	FAM_CHUNK_MANY,	  /* so many that its class is another */
};

/* What is wrong with one chunk. */
struct fam_chunk_verdict {
	enum fam_chunk_fault fault;
	uint64_t chunk;
	uint64_t word, right; /* its kind, and what it should be */
	uint64_t next;	      /* chunk to go on with */
	uint32_t objects;     /* that begin there */
};

/** fam_check_kind() - look at a chunk that no span before it has */
void fam_check_kind(const struct fam_heap *heap, uint64_t chunk,
		    struct fam_chunk_verdict *out);

/** fam_check_bits() - look at the bitmap of one whose kind makes sense */
void fam_check_bits(const struct fam_heap *heap, uint64_t chunk,
		    struct fam_chunk_verdict *out);

/** fam_check_block_bits() - those of a word of a bitmap that mean a block */
static inline uint64_t fam_check_block_bits(uint32_t blocks, unsigned int word)
{
	if (blocks >= (word + 1) * 64)
		return UINT64_MAX;
	return blocks > word * 64 ? (UINT64_C(1) << (blocks - word * 64)) - 1
				  : 0;
}

/** fam_check_chunk_next() - the same, or behind a hole in the file */
uint64_t fam_check_chunk_next(const struct fam_heap *heap, uint64_t chunk);

void fam_check_heap_chunks(struct fam_check_heap *h);

/* --- journals: check-heap-journals.c ------------------------------------------- */

/* What the records of a journal say, from its start on. */
struct fam_check_journal {
	uint64_t tail, last; /* as its slot had them before */
	uint64_t end;	     /* of the last one */
	uint64_t stamp;	     /* of it */
	uint64_t at_tail;    /* that of the one which ends at the tail */
	bool meets;	     /* one does, or the tail is 0 */
	uint64_t pending;    /* records above the checkpoint */
	uint64_t bad;	     /* position of one of those that makes no sense */
};

/** fam_check_journal() - 0; -ENOMEM */
int fam_check_journal(const struct fam_heap *heap, uint32_t slot,
		      uint64_t checkpoint, struct fam_check_journal *out);

/** fam_check_tail() - does a slot fit its journal, or has it one in flight? */
bool fam_check_tail(const struct fam_heap *heap, uint32_t slot,
		    const struct fam_check_journal *journal);

int fam_check_heap_journals(struct fam_check_heap *h);

/* --- repair: check-heap-repair.c ------------------------------------------------ */

/** fam_repair_heap() - one in which problems were found; -EBUSY, -EACCES: left */
int fam_repair_heap(struct fam_check_heap *h);

#endif
