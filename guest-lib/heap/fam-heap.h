/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026, the FAM emulator authors */
#ifndef FAM_HEAP_PRIVATE_H
#define FAM_HEAP_PRIVATE_H

/*
 * What the parts of the heap share. From the bottom up:
 *
 *	heap.c		opening, mapping, the header
 *	blocks.c	kinds, classes and bitmaps: what is allocated
 *	hints.c		lanes: where there may be room
 *	runs.c, spans.c	taking blocks and chunks, in memory, before a commit
 *	record.c	records: checked, read change by change
 *	apply.c		a record into its places
 *	slots.c		who writes which journal
 *	checkpoint.c	all places on the disk: journals can begin anew
 *	recover.c	after a death, or a start of the host
 *	tx.c, commit.c	transactions
 *	alloc.c		allocations that are transactions of their own
 *
 * Locks: live.lock, over recovery after a start of the host; in the process that
 * of the heap, over its slots, and one of each arena. None is held while the disk
 * is waited for, but the first.
 */

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <fam-heaps.h>
#include <fam-sessions.h>
#include <fam/heap.h>
#include <fam/tx.h>

#define FAM_HEAP_ARENAS 8
#define FAM_HEAP_STAMPS \
	(UINT64_C(1) << 62) /* none is as high: nobody gets there */
#define FAM_HEAP_PATIENCE_NS INT64_C(60000000000) /* with others who live */

struct fam_arena; /* runs.c */

/* One opening. What is not said to be under a lock does not change. */
struct fam_heap {
	struct fam *fam;
	struct fam_region *region;
	struct fam_sessions
		*sessions; /* NULL: opened for reading without one */
	uint64_t me;	   /* fam_holder() of this session; 0: for reading */
	char *base;	   /* all of it is mapped there */
	uint64_t bytes;	 /* as the header has it, and no more than is mapped */
	uint64_t offset; /* of the region in the fabric */
	uint64_t serial; /* of the region */
	struct fam_heap_places at;
	fam_word
		changes; /* of the table of sessions, when deaths were looked for */
	pthread_mutex_t lock;
	struct fam_tx *idle; /* with a slot of this session; under @lock */
	struct fam_tx *all;  /* to be freed in the end; under @lock */
	struct fam_arena *arena[FAM_HEAP_ARENAS];
	unsigned int arenas;
	_Atomic unsigned int threads; /* that got an arena */
	bool writable;
	/* The way to durability is the CPU's: what is applied is flushed at once. */
	bool flushes;
};

/* --- places ---------------------------------------------------------------------- */

static inline struct fam_heap_live *fam_heap_live(const struct fam_heap *heap)
{
	return (struct fam_heap_live *)(heap->base + heap->at.live);
}

static inline struct fam_heap_state *fam_heap_state(const struct fam_heap *heap)
{
	return (struct fam_heap_state *)(heap->base + heap->at.state);
}

static inline struct fam_heap_slot *fam_heap_slot(const struct fam_heap *heap,
						  uint32_t i)
{
	return (struct fam_heap_slot *)(heap->base + heap->at.slot) + i;
}

static inline char *fam_heap_journal(const struct fam_heap *heap, uint32_t i)
{
	return heap->base + heap->at.journal + i * heap->at.journal_bytes;
}

static inline fam_word *fam_heap_kind(const struct fam_heap *heap,
				      uint64_t chunk)
{
	return (fam_word *)(heap->base + heap->at.kind) + chunk;
}

static inline fam_word *fam_heap_holder(const struct fam_heap *heap,
					uint64_t chunk)
{
	return (fam_word *)(heap->base + heap->at.holder) + chunk;
}

static inline fam_word *fam_heap_bits(const struct fam_heap *heap,
				      uint64_t chunk)
{
	return (fam_word *)(heap->base + heap->at.bits) +
	       chunk * FAM_HEAP_BITS_WORDS;
}

static inline uint64_t fam_chunk_offset(const struct fam_heap *heap,
					uint64_t chunk)
{
	return heap->at.chunk + chunk * FAM_HEAP_CHUNK;
}

/** fam_heap_holds() - do so many bytes lie in chunks? */
static inline bool fam_heap_holds(const struct fam_heap *heap, uint64_t off,
				  uint64_t bytes)
{
	return off >= heap->at.chunk && off <= heap->at.end &&
	       bytes <= heap->at.end - off;
}

/* --- heap.c ---------------------------------------------------------------------- */

/** fam_heap_default() - journals of a heap of so many bytes */
void fam_heap_default(uint64_t bytes, uint32_t *journals,
		      uint64_t *journal_bytes);

/**
 * fam_heap_header() - what counts of two copies
 * @memory: the start of the region, @bytes of it; may be written over meanwhile
 * @damaged: bits: copy 0, 1 is neither whole nor empty
 *
 * Return: 0; -ENODATA both are empty; -EBADMSG; -EPROTONOSUPPORT; -EMEDIUMTYPE
 */
int fam_heap_header(struct fam *fam, const void *memory, uint64_t bytes,
		    uint64_t serial, struct fam_heap_header *out,
		    unsigned int *damaged);

/** fam_heap_write_back() - a piece of the heap, of any length; as fam_persist() */
int fam_heap_write_back(const struct fam_heap *heap, uint64_t off,
			uint64_t bytes);

/** fam_heap_may() - change something? 0; -EROFS; -ESTALE, -EUSERS */
int fam_heap_may(const struct fam_heap *heap);

/* --- classes and blocks: blocks.c --------------------------------------------------- */

/** fam_class_bytes() - of a block; @class < FAM_HEAP_CLASSES */
uint32_t fam_class_bytes(unsigned int class);

/** fam_class_blocks() - in a chunk */
uint32_t fam_class_blocks(unsigned int class);

/** fam_class_for() - the smallest that does; FAM_HEAP_CLASSES: a span does */
unsigned int fam_class_for(uint64_t bytes, uint64_t align);

/* Something that is, or may be, allocated. */
struct fam_block {
	fam_off off;
	uint64_t bytes;	 /* that can be used */
	uint64_t chunk;	 /* the first one */
	uint32_t chunks; /* of a span; 0: a block */
	uint32_t bit;	 /* of a block: in its chunk */
	unsigned int class;
};

/**
 * fam_block_at() - where a block of a class is, whether there is one or not
 *
 * Return: 0; -EINVAL none can begin at @off
 */
int fam_block_at(const struct fam_heap *heap, fam_off off, unsigned int class,
		 struct fam_block *out);

/** fam_block_find() - what is allocated and begins at @off; 0; -EINVAL */
int fam_block_find(const struct fam_heap *heap, fam_off off,
		   struct fam_block *out);

/**
 * fam_blocks_take(), fam_blocks_give() - as a record says it; again and again
 *
 * Return: 0; -EBADMSG it makes no sense, and nothing was changed
 */
int fam_blocks_take(struct fam_heap *heap, const struct fam_change *change);
int fam_blocks_give(struct fam_heap *heap, const struct fam_change *change);

/**
 * fam_blocks_flush() - what they would change, whether they have or not
 *
 * What is as it is to be was stored by somebody who may have died before he flushed
 * it: they do not flush it once more, for a transaction that goes on has found it so.
 */
void fam_blocks_flush(const struct fam_heap *heap,
		      const struct fam_change *change);

/* --- hints: hints.c ------------------------------------------------------------------ */

/** fam_hint() - the lane of a chunk */
unsigned int fam_hint(const struct fam_heap *heap, uint64_t chunk);

/** fam_hint_set() - change it, if it is not so */
void fam_hint_set(struct fam_heap *heap, uint64_t chunk, unsigned int lane);

/**
 * fam_hint_search() - the first chunk with a lane of that kind, from @from on
 *
 * Return: its number; UINT64_MAX: none
 */
uint64_t fam_hint_search(const struct fam_heap *heap, unsigned int lane,
			 uint64_t from);

/**
 * fam_hint_low() - where to begin to search for a lane; fam_hint_high() - where to
 * end to search for what is free
 * @seen: for fam_hint_note()
 */
uint64_t fam_hint_low(const struct fam_heap *heap, unsigned int lane,
		      uint64_t *seen);
uint64_t fam_hint_high(const struct fam_heap *heap, uint64_t *seen);

/** fam_hint_note_low(), fam_hint_note_high() - now it is known better */
void fam_hint_note_low(const struct fam_heap *heap, unsigned int lane,
		       uint64_t seen, uint64_t chunk);
void fam_hint_note_high(const struct fam_heap *heap, uint64_t seen,
			uint64_t chunk);

/**
 * fam_hint_look() - put the hint of a chunk right
 *
 * By whoever changes what it stands for, behind that. A chunk in which nothing is
 * allocated any more, and that nobody holds, becomes free.
 */
void fam_hint_look(struct fam_heap *heap, uint64_t chunk);

/** fam_hints_renew() - of all chunks by what they are; epoch rises */
void fam_hints_renew(struct fam_heap *heap);

/** fam_hints_dead() - what the dead held is free for all; under no lock */
void fam_hints_dead(struct fam_heap *heap);

/**
 * fam_hint_given() - a block or a span was freed: others may take it
 *
 * Chunks that somebody holds, dead or alive, are left alone.
 */
void fam_hint_given(struct fam_heap *heap, const struct fam_change *change);

/* --- taking: runs.c, spans.c ------------------------------------------------------------ */

/* Space that nobody else takes until it is dropped or its record is applied. */
struct fam_claim {
	struct fam_block block;
	void *run; /* runs.c's; NULL: a span */
};

/** fam_arenas_open(), fam_arenas_close() - what they hold is free for others */
int fam_arenas_open(struct fam_heap *heap);
void fam_arenas_close(struct fam_heap *heap);

/**
 * fam_claim_take() - claim space
 * @align: a power of two up to 4096
 *
 * Nothing that counts changes but kinds of chunks in which nothing is allocated.
 * Return: 0; -EINVAL; -ENOSPC
 */
int fam_claim_take(struct fam_heap *heap, uint64_t bytes, uint64_t align,
		   struct fam_claim *out);

/** fam_claim_end() - it was applied, or is given back; any thread */
void fam_claim_end(struct fam_heap *heap, struct fam_claim *claim);

/** fam_runs_spare() - chunks that this process keeps, but does not use, are free */
void fam_runs_spare(struct fam_heap *heap);

/** fam_span_take(), fam_span_end() - the same of whole chunks: spans.c */
int fam_span_take(struct fam_heap *heap, uint32_t chunks,
		  struct fam_claim *out);
void fam_span_end(struct fam_heap *heap, struct fam_claim *claim);

/**
 * fam_chunk_hold() - take a chunk for this session, if nobody who lives has it
 *
 * Under no lock: what a dead one has begun there is finished before. What the chunk
 * is has to be looked at afterwards; its hint is that there is nothing to take.
 */
bool fam_chunk_hold(struct fam_heap *heap, uint64_t chunk);

/** fam_chunk_let_go() - nobody has it; left alone if the session was lost */
void fam_chunk_let_go(struct fam_heap *heap, uint64_t chunk);

/** fam_space_look() - find all that is free, as there seems to be nothing */
void fam_space_look(struct fam_heap *heap);

/* --- records: record.c ------------------------------------------------------------------- */

/** fam_record_crc() - @record: @bytes of it, in the journal or a copy */
uint32_t fam_record_crc(const struct fam_heap *heap, uint32_t slot,
			uint64_t position, const void *record, uint32_t bytes);

/**
 * fam_record_read() - a whole record, into memory of our own
 * @above: its stamp is higher than this
 * @out: allocated; to be freed by free(3)
 *
 * Return: 0; -ENOENT there is none; -ENOMEM
 */
int fam_record_read(const struct fam_heap *heap, uint32_t slot,
		    uint64_t position, uint64_t above, struct fam_record **out);

/* A change, and what follows it in the same memory. */
struct fam_step_of {
	struct fam_change change;
	uint64_t serial;  /* REGION */
	const void *data; /* DATA, REGION */
	uint32_t next;	  /* position of the next one in the record */
};

/**
 * fam_record_change() - the change at @position
 * @bytes: of the record, as the caller knows, if that lies in the fabric
 *
 * Return: 0; -ENOENT there are no more; -EBADMSG it is not inside the record
 */
int fam_record_change(const struct fam_record *record, uint32_t bytes,
		      uint32_t position, struct fam_step_of *out);

/** fam_change_bytes() - how many one takes in a record, with its data */
uint64_t fam_change_bytes(unsigned int kind, uint64_t offset, uint64_t length);

/** fam_change_data() - where its data begin, behind the start of the change */
uint32_t fam_change_data(unsigned int kind, uint64_t offset);

/** fam_record_end() - where a whole record ends that begins at a position; 0: there
 * is none, or its stamp is not above @above */
uint64_t fam_record_end(const struct fam_heap *heap, uint32_t slot,
			uint64_t position, uint64_t above, uint64_t *stamp);

/* --- applying: apply.c, elsewhere.c ---------------------------------------------------------- */

/**
 * fam_heap_apply() - what the record of a transaction says, into its places
 * @applied: counts the changes that are done
 *
 * First what is allocated, then all else in its order. What makes no sense is left
 * out: somebody has written over it. Behind it all is visible, and flushed if the
 * heap flushes.
 * Return: 0; -EBADMSG something was left out
 */
int fam_heap_apply(const struct fam_tx *tx, fam_word *applied);

/** fam_change_allocates() - is it one of those that are applied first? */
static inline bool fam_change_allocates(const struct fam_change *change)
{
	return change->kind == FAM_CHANGE_TAKE ||
	       change->kind == FAM_CHANGE_SPAN;
}

/** fam_change_target() - where DATA, ZERO are to be stored; NULL: they may not */
char *fam_change_target(const struct fam_heap *heap,
			const struct fam_change *change);

/** fam_change_apply() - one, but REGION; 0; -EBADMSG */
int fam_change_apply(struct fam_heap *heap, const struct fam_step_of *step);

/**
 * fam_change_elsewhere() - a REGION change of somebody else, durable
 * @stores: false: it is stored already
 *
 * Return: 0, also if there is no such place any more; the errors of
 * fam_regions_lock(), fam_persist()
 */
int fam_change_elsewhere(struct fam_heap *heap, const struct fam_step_of *step,
			 bool stores);

/** fam_change_space() - what TAKE, GIVE, SPAN, UNSPAN, FRESH mean; false: nothing */
bool fam_change_space(const struct fam_heap *heap,
		      const struct fam_change *change, uint64_t *off,
		      uint64_t *bytes);

/* --- what came later: later.c ----------------------------------------------------------------- */

/* Pieces of the heap, and the highest number of those that touch each byte. */
struct fam_later {
	struct fam_later_piece *piece;
	size_t count, room;
	bool sorted;
};

struct fam_later_piece {
	uint64_t off, end, number;
};

/** fam_later_add() - before it is asked; 0; -ENOMEM */
int fam_later_add(struct fam_later *later, uint64_t off, uint64_t bytes,
		  uint64_t number);

/** fam_later_sort() - now it can be asked; 0; -ENOMEM */
int fam_later_sort(struct fam_later *later);

/**
 * fam_later_next() - the first bytes from @off on that nothing with a higher number
 * touches
 * @end: in: where to end; out: of those bytes
 *
 * Return: where they begin; the end: there are none
 */
uint64_t fam_later_next(const struct fam_later *later, uint64_t off,
			uint64_t *end, uint64_t number);
void fam_later_free(struct fam_later *later);

/**
 * fam_record_finish() - apply a record of somebody dead, while others go on
 * @record: in private memory
 * @applied: how many changes are, as the dead one said; goes on to count
 *
 * What a later record has touched is left out. Return: as fam_heap_apply(); -ENOMEM;
 * as fam_change_elsewhere()
 */
int fam_record_finish(struct fam_heap *heap, const struct fam_record *record,
		      fam_word *applied);

/* --- journals: slots.c ------------------------------------------------------------------------ */

/**
 * fam_slot_take() - a journal for this session
 *
 * Takes over those of the dead, whose last record it finishes before.
 * Return: its number; -EBUSY all are in use by who lives; the errors of
 * fam_persist()
 */
int fam_slot_take(struct fam_heap *heap);

/* How a slot was left: what is not so any more is looked at. */
struct fam_slot_mark {
	uint64_t tail, last;
};

/** fam_slot_retake() - one that this session has left idle; false: it is another's */
bool fam_slot_retake(struct fam_heap *heap, uint32_t slot,
		     const struct fam_slot_mark *mark);

/** fam_slot_idle() - keep it, but let others have it who need one */
void fam_slot_idle(struct fam_heap *heap, uint32_t slot);

/** fam_slot_free() - one that this session has left idle */
void fam_slot_free(struct fam_heap *heap, uint32_t slot);

/**
 * fam_slot_begin() - where the next record can begin, @mark->tail
 *
 * With half a journal behind it at least. Return: 0; as fam_heap_checkpoint()
 */
int fam_slot_begin(struct fam_heap *heap, uint32_t slot,
		   struct fam_slot_mark *mark);

/** fam_slot_end() - its record, which ends at @mark->tail, is applied */
void fam_slot_end(struct fam_heap *heap, uint32_t slot,
		  const struct fam_slot_mark *mark);

/** fam_record_behind() - where the next record begins */
static inline uint64_t fam_record_behind(uint64_t position, uint64_t bytes)
{
	return (position + bytes + FAM_RECORD_ALIGN - 1) &
	       ~(uint64_t)(FAM_RECORD_ALIGN - 1);
}

/** fam_slots_doubt() - there is a new one */
void fam_slots_doubt(struct fam_heap *heap);

/** fam_slots_in_doubt() - may there be any? */
static inline bool fam_slots_in_doubt(const struct fam_heap *heap)
{
	return fam_word_get(&fam_heap_live(heap)->doubts) & 1;
}

/**
 * fam_slot_help() - finish what is there, if that is nobody's who lives
 *
 * Return: 1: it is; 0: somebody has it who lives; the errors of fam_persist()
 */
int fam_slot_help(struct fam_heap *heap, uint32_t slot);

/**
 * fam_slot_finish() - finish what is in flight in a slot this session has
 *
 * A whole record is made durable and applied; a torn one was never there. What was
 * taken back is made so on the disk. Return: 0; the errors of fam_persist(), and
 * it is as it was
 */
int fam_slot_finish(struct fam_heap *heap, uint32_t slot);

/** fam_slots_doubts() - make durable that records were taken back; 0; ... */
int fam_slots_doubts(struct fam_heap *heap);

/* --- checkpoints: checkpoint.c ------------------------------------------------------------------- */

/**
 * fam_heap_checkpoint() - all places of all records up to @stamp are on the disk
 * @stamp: of a record that is applied
 *
 * Waits for those who have begun a record before that; finishes it if they die.
 * Return: 0, and live.checkpointed is at least @stamp; the errors of fam_persist();
 * -EINTR
 */
int fam_heap_checkpoint(struct fam_heap *heap, uint64_t stamp);

/** fam_heap_write_all() - all that records change, in the heap, is on the disk */
int fam_heap_write_all(const struct fam_heap *heap);

/** fam_word_raise() - to at least that */
void fam_word_raise(fam_word *word, uint64_t value);

/** fam_heap_nap() - before others are looked at again; 0; -ETIMEDOUT; -ESTALE, ... */
int fam_heap_nap(const struct fam_heap *heap, int64_t *until);

/* --- after a start of the host: recover.c --------------------------------------------------------- */

/**
 * fam_heap_replay() - replay.c: all records above the checkpoint, and on the disk
 * @stamp: the highest one there is, or the checkpoint
 *
 * Of torn ones nothing is left there that could be taken for a header. Return: 0;
 * -EBADMSG; -ENOMEM; -ESTALE, and others may have gone on; as fam_persist()
 */
int fam_heap_replay(struct fam_heap *heap, uint64_t *stamp);

/** fam_heap_is_ready() - was all of it recovered since the host was started? */
bool fam_heap_is_ready(const struct fam_heap *heap);

/** fam_heap_restart() - do that, or wait for who does it; 0; ... */
int fam_heap_restart(struct fam_heap *heap);

/** fam_heap_deaths() - fam_heap_recover(), if somebody may have died; 0; ... */
int fam_heap_deaths(struct fam_heap *heap);

/* --- transactions: tx.c, commit.c ------------------------------------------------------------------ */

#define FAM_TX_LOCKS 256

struct fam_tx_claims {
	struct fam_claim *claim;
	uint32_t count, room;
};

struct fam_tx_fresh { /* filled in place: durable before the record */
	uint64_t off, bytes;
};

struct fam_tx_own { /* what a REGION change is mapped at here */
	void *addr;
	uint64_t bytes;
};

/* Ranges of which none overlaps another: a tree in an array. */
struct fam_tx_range {
	uint64_t serial; /* of the region; 0: in the heap */
	uint64_t off, bytes;
	char *copy;
	uint32_t left, right;
};

struct fam_tx_ranges {
	struct fam_tx_range *range; /* from 1 on */
	uint32_t count, room, root;
};

/*
 * One for each transaction that went on at once; it begins and ends many times. The
 * record is built in the journal, where it stays.
 */
struct fam_tx {
	struct fam_tx *next_idle, *next;
	struct fam_heap *heap;
	uint32_t slot; /* of this session while it goes on; else maybe */
	struct fam_slot_mark mark; /* how it was left */
	unsigned int depth;	   /* parts that are not ended yet; 0: idle */
	bool canceled;
	uint32_t bytes, limit; /* of the record: so far; at most */
	uint32_t changes;
	uint64_t tail;			   /* where it is, in the journal */
	struct fam_record *record;	   /* there */
	struct fam_tx_ranges ranges, gone; /* copies; what was freed */
	struct fam_tx_claims claims;
	struct fam_tx_fresh *fresh;
	uint32_t freshes, fresh_room;
	struct fam_tx_own *own;
	uint32_t owns, own_room;
	struct fam_mutex *lock[FAM_TX_LOCKS];
	uint32_t locks;
};

/** fam_tx_range_find() - 0: all of it is in one; -ENOENT; -EEXIST: it overlaps */
int fam_tx_range_find(const struct fam_tx_ranges *ranges,
		      const struct fam_tx_range *what,
		      struct fam_tx_range **out);

/** fam_tx_range_room() - for one more; 0; -ENOMEM */
int fam_tx_range_room(struct fam_tx_ranges *ranges);

/** fam_tx_range_add() - that overlaps none; there is room */
void fam_tx_range_add(struct fam_tx_ranges *ranges,
		      const struct fam_tx_range *what);

/** fam_tx_publish() - commit.c: all but the end of it; as fam_tx_commit() */
int fam_tx_publish(struct fam_tx *tx);

/** fam_txs_close() - journals are free, memory, too */
void fam_txs_close(struct fam_heap *heap);

/** fam_tx_fresh() - was, or will be, filled in place; 0; -ENOMEM */
int fam_tx_fresh(struct fam_tx *tx, uint64_t off, uint64_t bytes);

/**
 * fam_tx_fill() - the content of what fam_tx_take() has given
 * @bytes: of it that count
 * @zero: it is full of zeros
 * @copy: where it can be filled in until the commit: up to a quarter of a journal a
 *	working copy, else the place itself. NULL: nowhere; zeros are stored in place
 *
 * Return: 0; -E2BIG; -ENOMEM
 */
int fam_tx_fill(struct fam_tx *tx, const struct fam_block *block,
		uint64_t bytes, bool zero, void **copy);

/**
 * fam_tx_change() - add one to the record
 * @data: where its data are to be put; not filled in. NULL: it has none
 *
 * Return: 0; -E2BIG
 */
int fam_tx_change(struct fam_tx *tx, const struct fam_change *change,
		  void **data);

/** fam_tx_claim() - remember it until the end; 0; -ENOMEM */
int fam_tx_claim(struct fam_tx *tx, const struct fam_claim *claim);

/** fam_tx_take() - claim space and say so in the record */
int fam_tx_take(struct fam_tx *tx, uint64_t bytes, uint64_t align,
		struct fam_block *out);

/** fam_tx_give() - say in the record that it is free */
int fam_tx_give(struct fam_tx *tx, const struct fam_block *block);

#endif
