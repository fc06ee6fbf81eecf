/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026, the FAM emulator authors */
#ifndef FAM_HEAPS_H
#define FAM_HEAPS_H

/*
 * What lies in a region that is a heap. ../FORMAT.md describes it. Not installed.
 *
 * What counts is: the kinds of the chunks, the bitmaps of those that are cut into
 * blocks, the state, the contents of what is allocated, and the journals. They
 * change by transactions only: one record in one journal, which says what words
 * and bits are to be from then on. It is made durable as it lies in the journal,
 * and only then applied. So what is in a record is either not on the disk, and
 * nothing of it is anywhere else, or it is, and can be applied again and again.
 *
 * A stamp that rises orders all records of a heap: whoever changes what another
 * record has changed has a higher one. After a power cut all records above the
 * checkpoint are applied anew, in their order; what all records up to it say is
 * on the disk. After a death, its last record is applied if it is whole.
 *
 * All else (who holds what, hints of where there is room) is worth nothing after
 * a start of the host. All of it can be written over by any node: what is read is
 * copied, bounded and checked.
 */

#include <stddef.h>
#include <stdint.h>

#include <fam-holder.h>
#include <fam/lock.h>

#define FAM_HEAP_MAGIC	    0x31504548u /* "HEP1" */
#define FAM_HEAP_VERSION    1
#define FAM_HEAP_PAGE	    UINT64_C(4096)
#define FAM_HEAP_CHUNK	    UINT64_C(65536)
#define FAM_HEAP_MIN	    (UINT64_C(1) << 20) /* bytes of the region */
#define FAM_HEAP_MAX_CHUNKS (UINT64_C(1) << 28) /* 16 TiB */
#define FAM_HEAP_BITS_WORDS 32 /* of the bitmap of a chunk: 2048 blocks */
#define FAM_HEAP_MIN_BLOCK  32
#define FAM_HEAP_MAX_BLOCK  32768 /* what is larger takes whole chunks */
#define FAM_HEAP_CLASSES    36
#define FAM_JOURNALS_MIN    4
#define FAM_JOURNALS_MAX    1024
#define FAM_JOURNAL_MIN	    UINT64_C(16384) /* bytes; a multiple of a page */
#define FAM_JOURNAL_MAX	    (UINT64_C(64) << 20)
#define FAM_RECORD_MAGIC    0x31434552u /* "REC1" */
#define FAM_RECORD_ALIGN    64

/*
 * Two copies, in the first two pages; written once, when the heap is made. Zeros
 * in both: it is to be made, as fam_heap_default() has it for so many bytes.
 */
struct fam_heap_header {
	uint32_t magic; /* FAM_HEAP_MAGIC */
	uint32_t
		crc32c; /* of all 64 bytes, this field being 0, and the fabric's uuid before them */
	uint32_t version; /* FAM_HEAP_VERSION */
	uint32_t journals;
	uint64_t journal_bytes; /* of each */
	uint64_t bytes;		/* of the heap, <= those of the region */
	uint64_t serial;	/* of the region: a copy of it is no heap */
	uint64_t reserved[3];
};

/* The third page: what goes on. Nothing here is needed after a power cut. */
struct fam_heap_live {
	struct fam_mutex lock; /* over recovery after a start of the host */
	fam_word boot; /* start of the host after which all is applied */
	fam_word checkpointed; /* state.checkpoint, as it is on the disk */
	/* Bit 0: there may be slots with @doubt; the rest rises with each. */
	fam_word doubts;
	fam_word epoch; /* rises when hints were made anew: forget your own */
	fam_word reserved0[4];
	fam_word stamp; /* of the record that was begun last */
	fam_word reserved1[7];
	/*
	 * Bounds of hints; bits 63-32 rise with each that is added. No chunk below has
	 * this lane: [0] FREE, [n] n. No chunk from there on is FREE.
	 */
	fam_word low[FAM_HEAP_CLASSES + 1];
	fam_word high;
	fam_word reserved2[450];
};

/* Who writes one of the journals; an array behind the live page. */
struct fam_heap_slot {
	fam_word
		holder; /* of a session; 0: free, if @inflight and @doubt are 0 */
	/*
	 * Not 0: a record with a higher stamp than this - 1 may be there at @tail,
	 * which is not wholly applied. (So the value is a stamp + 1.)
	 */
	fam_word inflight;
	fam_word tail; /* where the next record begins */
	fam_word last; /* stamp of the last record that was applied */
	/* Not 0: a record with this stamp at @tail is taken back, the disk may have it. */
	fam_word doubt;
	/* Of that record: how many of its changes are applied (those that allocate first). */
	fam_word applied;
	fam_word reserved[2];
};
#define FAM_SLOT_IDLE	   0x1u /* in @holder: whoever wants one can take it */
#define FAM_SLOT_FINISHING 0x2u /* what another one left is being finished */

/* A page behind the slots. All of it is changed by records, but @checkpoint. */
struct fam_heap_state {
	fam_word
		checkpoint; /* all records up to this stamp are on the disk, applied */
	fam_word reserved0[63];
	fam_word root;	     /* offset of the root object; 0: there is none */
	fam_word root_bytes; /* as it was asked for */
	fam_word reserved1[446];
};

/*
 * Of each chunk: a hint of what can be taken there, one byte: 0 nothing; 1 to
 * FAM_HEAP_CLASSES: a chunk of that class - 1, without a holder, has room;
 * FAM_LANE_FREE. Eight in a word.
 */
#define FAM_LANE_FREE 0xff

enum fam_chunk_kind {
	FAM_CHUNK_FREE = 0,
	FAM_CHUNK_BLOCKS = 1, /* cut into blocks of a class */
	FAM_CHUNK_SPAN = 2,   /* the first one of something larger */
	FAM_CHUNK_MORE = 3,   /* another one of that */
};

/* Kind, bits 0-7; class, 8-15; how many chunks, 32-63. */
static inline uint64_t fam_chunk_word(enum fam_chunk_kind kind,
				      unsigned int class, uint32_t chunks)
{
	return (uint64_t)chunks << 32 | class << 8 | kind;
}

static inline enum fam_chunk_kind fam_chunk_kind(uint64_t word)
{
	return (enum fam_chunk_kind)(word & 0xff);
}

static inline unsigned int fam_chunk_class(uint64_t word)
{
	return word >> 8 & 0xff;
}

static inline uint32_t fam_chunk_count(uint64_t word)
{
	return (uint32_t)(word >> 32);
}

/* --- records ----------------------------------------------------------------- */

/* At a multiple of FAM_RECORD_ALIGN in a journal; changes follow it. */
struct fam_record {
	uint32_t magic; /* FAM_RECORD_MAGIC */
	/* Of serial, slot, position in the journal, 8 bytes each, and all of the
	 * record, this field being 0. */
	uint32_t crc32c;
	uint64_t stamp;
	uint32_t bytes;	  /* of the record, with this; a multiple of 16 */
	uint32_t changes; /* how many */
	uint64_t reserved;
};

enum fam_change_kind {
	FAM_CHANGE_NONE = 0, /* was taken back */
	FAM_CHANGE_DATA = 1, /* these bytes at @offset */
	FAM_CHANGE_ZERO = 2, /* @length zeros at @offset */
	FAM_CHANGE_TAKE = 3, /* the block of @class at @offset is allocated */
	FAM_CHANGE_GIVE = 4, /* ... is free */
	FAM_CHANGE_SPAN = 5, /* @length chunks from @offset on are allocated */
	FAM_CHANGE_UNSPAN = 6, /* ... are free */
	FAM_CHANGE_REGION = 7, /* as DATA, in another region */
	/*
	 * The content of @length times 16 bytes was made durable before this
	 * record: what earlier ones say of it is no more. So do TAKE and SPAN say of
	 * all they allocate.
	 */
	FAM_CHANGE_FRESH = 8,
};

/*
 * At a multiple of 16. Of DATA and REGION bytes follow: at the first place that
 * is as far from a multiple of 16 as @offset is (of REGION, behind 16 bytes more:
 * struct fam_change_region). The next change begins at the next multiple of 16.
 */
struct fam_change {
	uint16_t kind;	 /* enum fam_change_kind */
	uint16_t class;	 /* TAKE, GIVE */
	uint32_t length; /* bytes; SPAN, UNSPAN: chunks */
	uint64_t offset; /* from the start of the heap (REGION: of that) */
};

struct fam_change_region {
	uint64_t serial; /* of the region; if there is none, this is no more */
	uint64_t reserved;
};

#ifndef __cplusplus
_Static_assert(sizeof(struct fam_heap_header) == 64, "format");
_Static_assert(sizeof(struct fam_heap_live) == 4096, "format");
_Static_assert(offsetof(struct fam_heap_live, boot) == 64, "format");
_Static_assert(offsetof(struct fam_heap_live, stamp) == 128, "format");
_Static_assert(sizeof(struct fam_heap_slot) == 64, "format");
_Static_assert(sizeof(struct fam_heap_state) == 4096, "format");
_Static_assert(offsetof(struct fam_heap_state, root) == 512, "format");
_Static_assert(sizeof(struct fam_record) == 32, "format");
_Static_assert(sizeof(struct fam_change) == 16, "format");
_Static_assert(sizeof(struct fam_change_region) == 16, "format");
#endif

/* Where its parts begin, in bytes from the start of the region. */
struct fam_heap_places {
	uint32_t journals;
	uint64_t journal_bytes;
	uint64_t count; /* of chunks */
	uint64_t header[2], live, slot, state;
	uint64_t journal; /* the first one */
	uint64_t lane;	  /* of each chunk: a byte */
	uint64_t holder;  /* of each chunk: a word, who takes blocks there */
	uint64_t kind;	  /* of each chunk: a word */
	uint64_t bits;	  /* of each chunk: FAM_HEAP_BITS_WORDS words */
	uint64_t chunk;	  /* the first one; at a multiple of FAM_HEAP_CHUNK */
	uint64_t end;
};

/**
 * fam_heap_places() - of a heap of so many bytes
 *
 * Return: false: it makes no sense, or there is no room for a chunk
 */
static inline bool fam_heap_places(uint64_t bytes, uint32_t journals,
				   uint64_t journal_bytes,
				   struct fam_heap_places *out)
{
	const uint64_t page = FAM_HEAP_PAGE;
	const uint64_t each = 1 + 8 + 8 + 8 * FAM_HEAP_BITS_WORDS;
	struct fam_heap_places p = {
		.journals = journals,
		.journal_bytes = journal_bytes,
	};
	uint64_t tables, room;

	if (bytes < FAM_HEAP_MIN ||
	    bytes > FAM_HEAP_MAX_CHUNKS * FAM_HEAP_CHUNK ||
	    journals < FAM_JOURNALS_MIN || journals > FAM_JOURNALS_MAX ||
	    journal_bytes < FAM_JOURNAL_MIN ||
	    journal_bytes > FAM_JOURNAL_MAX || journal_bytes % page)
		return false;
	p.header[1] = page;
	p.live = 2 * page;
	p.slot = 3 * page;
	p.state = p.slot + journals * sizeof(struct fam_heap_slot);
	p.state = (p.state + page - 1) / page * page;
	p.journal = p.state + page;
	p.lane = p.journal + journals * journal_bytes;
	if (p.lane + 8 * page >= bytes)
		return false;
	room = bytes - p.lane - 4 * page; /* each table may end in a page */
	p.count = room / (FAM_HEAP_CHUNK + each);
	do {
		if (!p.count)
			return false;
		tables = (p.count + page - 1) / page * page;
		p.holder = p.lane + tables;
		tables = (8 * p.count + page - 1) / page * page;
		p.kind = p.holder + tables;
		p.bits = p.kind + tables;
		p.chunk = p.bits + 8 * FAM_HEAP_BITS_WORDS * p.count;
		p.chunk = (p.chunk + FAM_HEAP_CHUNK - 1) / FAM_HEAP_CHUNK *
			  FAM_HEAP_CHUNK;
		p.end = p.chunk + p.count * FAM_HEAP_CHUNK;
	} while (p.end > bytes && p.count--);
	*out = p;
	return p.count > 0;
}

#endif
