// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
/*
 * Blocks, in memory, before a commit. A chunk that this session holds is a run:
 * nobody else takes blocks there, so which ones are claimed is known here alone, and
 * nothing is stored to the fabric before a record is. Anybody frees blocks there.
 *
 * An arena has one run of each class; the threads of a process are spread over the
 * arenas. In a small heap it has it while something is claimed there, so that other
 * sessions find the room that is left.
 */
#include <errno.h>
#include <stdlib.h>

#include <fam/persist.h>

#include "heap/fam-heap.h"

#define CHUNKS_OF_ARENA 64  /* so many for each arena at least */
#define SMALL_HEAP	128 /* chunks: nobody keeps one */
#define TINY_HEAP	32  /* chunks: not of so many sizes */
#define CHUNKS_KEPT	32  /* one of so many a process keeps unused, at most */
#define TRIES		1000 /* while others take what was found, or write over it */

struct fam_run {
	struct fam_heap *heap;
	struct fam_arena *arena; /* that has had it */
	uint64_t chunk;
	unsigned int class;
	uint32_t words;
	uint32_t next; /* word to begin with; under the arena's lock */
	uint64_t last; /* bits of the last word that there are */
	/* Claims, and one of the arena; who is the last lets go of the chunk. */
	_Atomic uint32_t refs;
	_Atomic uint64_t claimed[FAM_HEAP_BITS_WORDS];
};

struct fam_arena {
	pthread_mutex_t lock;
	struct fam_run *run[FAM_HEAP_CLASSES];
	fam_word
		changes; /* of the table of sessions: the dead were looked for */
} __attribute__((aligned(64)));

/* --- a run --------------------------------------------------------------------- */

static void run_drop(struct fam_run *run)
{
	if (!run || atomic_fetch_sub(&run->refs, 1) != 1)
		return;
	fam_chunk_let_go(run->heap, run->chunk);
	free(run);
}

/* What was claimed and ended is set in the fabric before: so look here first. */
static uint64_t free_bits(struct fam_run *run, uint32_t word)
{
	const uint64_t claimed =
		atomic_load_explicit(&run->claimed[word], memory_order_acquire);
	const uint64_t set =
		fam_word_get(&fam_heap_bits(run->heap, run->chunk)[word]);
	const uint64_t all = word + 1 == run->words ? run->last : ~UINT64_C(0);

	return ~claimed & ~set & all;
}

static void claim(struct fam_run *run, uint32_t bit, struct fam_claim *out)
{
	const uint32_t bytes = fam_class_bytes(run->class);

	atomic_fetch_or(&run->claimed[bit / 64], UINT64_C(1) << bit % 64);
	atomic_fetch_add(&run->refs, 1);
	run->next = bit / 64;
	*out = (struct fam_claim){
		.block =
			{
				.off = fam_chunk_offset(run->heap, run->chunk) +
				       (uint64_t)bit * bytes,
				.bytes = bytes,
				.chunk = run->chunk,
				.bit = bit,
				.class = run->class,
			},
		.run = run,
	};
}

static bool run_take(struct fam_run *run, struct fam_claim *out)
{
	uint32_t word = run->next;

	for (uint32_t i = 0; i < run->words; i++) {
		const uint64_t bits = free_bits(run, word);

		if (bits) {
			claim(run, word * 64 + (uint32_t)__builtin_ctzll(bits),
			      out);
			return true;
		}
		word = word + 1 < run->words ? word + 1 : 0;
	}
	return false;
}

static bool is_unused(struct fam_run *run)
{
	const fam_word *bits = fam_heap_bits(run->heap, run->chunk);

	if (atomic_load(&run->refs) != 1)
		return false;
	for (uint32_t i = 0; i < run->words; i++) {
		if (fam_word_get(&bits[i]))
			return false;
	}
	return true;
}

/* --- finding a chunk for one ---------------------------------------------------- */

/* Make what is free a chunk of that class; false: it is something else. */
static bool cut(struct fam_heap *heap, uint64_t chunk, unsigned int class)
{
	const uint64_t wanted = fam_chunk_word(FAM_CHUNK_BLOCKS, class, 0);
	fam_word *kind = fam_heap_kind(heap, chunk);
	const uint64_t was = fam_word_get(kind);

	if (was != wanted && was != FAM_CHUNK_FREE)
		return false;
	/* In no record: a record that takes a block there says it again. */
	if (was != wanted)
		fam_word_put(kind, wanted);
	/* Who has cut it so may have died before it was flushed. */
	if (heap->flushes) {
		fam_flush(heap->fam, kind, sizeof(*kind));
		fam_drain(heap->fam);
	}
	return true;
}

/* Of a chunk that is held, whatever it is. */
static int run_make(struct fam_heap *heap, uint64_t chunk, unsigned int class,
		    struct fam_run **out)
{
	const uint32_t blocks = fam_class_blocks(class);
	struct fam_run *run = calloc(1, sizeof(*run));

	if (!run)
		return -ENOMEM;
	run->heap = heap;
	run->chunk = chunk;
	run->class = class;
	run->words = (blocks + 63) / 64;
	run->last = ~UINT64_C(0) >> (64 * run->words - blocks);
	atomic_init(&run->refs, 1);
	*out = run;
	return 0;
}

static bool has_room(struct fam_run *run)
{
	for (uint32_t i = 0; i < run->words; i++) {
		if (free_bits(run, i))
			return true;
	}
	return false;
}

/* A chunk with such a hint that keeps what it promises; 0; -ENOSPC; -ENOMEM */
static int run_find(struct fam_heap *heap, unsigned int lane,
		    unsigned int class, struct fam_run **out)
{
	uint64_t seen, chunk, from = fam_hint_low(heap, lane, &seen);
	struct fam_run *run;
	int error;

	for (;; from = chunk + 1) {
		chunk = fam_hint_search(heap, lane, from);
		if (chunk == UINT64_MAX) {
			fam_hint_note_low(heap, lane, seen, chunk);
			return -ENOSPC;
		}
		if (!fam_chunk_hold(heap, chunk)) {
			fam_hint_look(heap, chunk);
			continue;
		}
		error = run_make(heap, chunk, class, &run);
		if (error < 0) {
			fam_chunk_let_go(heap, chunk);
			return error;
		}
		if (cut(heap, chunk, class) && has_room(run))
			break;
		run_drop(run);
	}
	fam_hint_note_low(heap, lane, seen, chunk);
	*out = run;
	return 0;
}

/* Who died since the last look? */
static bool look_for_dead(struct fam_heap *heap, struct fam_arena *arena)
{
	const uint64_t changes = atomic_load(&heap->sessions->changes);

	if (fam_word_peek(&arena->changes) == changes)
		return false;
	fam_word_poke(&arena->changes, changes);
	fam_hints_dead(heap);
	return true;
}

/* Before the heap grows, what there is is used; also that of the dead. */
static int run_new(struct fam_heap *heap, struct fam_arena *arena,
		   unsigned int class, struct fam_run **out)
{
	int error = run_find(heap, class + 1, class, out);

	if (error == -ENOSPC && look_for_dead(heap, arena))
		error = run_find(heap, class + 1, class, out);
	if (error == -ENOSPC)
		error = run_find(heap, FAM_LANE_FREE, class, out);
	return error;
}

/* --- arenas ------------------------------------------------------------------------ */

static struct fam_arena *arena_of_thread(struct fam_heap *heap)
{
	static _Thread_local unsigned int number; /* of this thread; 0: none */

	if (heap->arenas == 1)
		return heap->arena[0];
	if (!number)
		number = atomic_fetch_add(&heap->threads, 1) + 1;
	return heap->arena[number % heap->arenas];
}

/* From the run it has; a full one it forgets. */
static bool arena_take(struct fam_arena *arena, unsigned int class,
		       struct fam_claim *out)
{
	struct fam_run *run, *full = NULL;
	bool taken = false;

	pthread_mutex_lock(&arena->lock);
	run = arena->run[class];
	if (run)
		taken = run_take(run, out);
	if (run && !taken) {
		arena->run[class] = NULL;
		full = run;
	}
	pthread_mutex_unlock(&arena->lock);
	run_drop(full);
	return taken;
}

/* Those that nothing is in, not even claimed: others may want to have them. */
static void arena_spare(struct fam_arena *arena)
{
	for (unsigned int i = 0; i < FAM_HEAP_CLASSES; i++) {
		struct fam_run *run;

		pthread_mutex_lock(&arena->lock);
		run = arena->run[i];
		if (run && is_unused(run))
			arena->run[i] = NULL;
		else
			run = NULL;
		pthread_mutex_unlock(&arena->lock);
		run_drop(run);
	}
}

/* Unless something is claimed there. */
static void arena_forget(struct fam_arena *arena, unsigned int class)
{
	struct fam_run *run;

	pthread_mutex_lock(&arena->lock);
	run = arena->run[class];
	if (run && atomic_load(&run->refs) == 1)
		arena->run[class] = NULL;
	else
		run = NULL;
	pthread_mutex_unlock(&arena->lock);
	run_drop(run);
}

/*
 * Has it enough for now? A process that once used all sizes is not to keep a part of
 * the heap that others miss.
 */
static bool has_many(const struct fam_heap *heap, struct fam_arena *arena)
{
	uint64_t runs = 0;

	pthread_mutex_lock(&arena->lock);
	for (unsigned int i = 0; i < FAM_HEAP_CLASSES; i++)
		runs += arena->run[i] != NULL;
	pthread_mutex_unlock(&arena->lock);
	return runs >= 2 && runs * heap->arenas * CHUNKS_KEPT >= heap->at.count;
}

static void arena_have(struct fam_arena *arena, struct fam_run *run)
{
	struct fam_run *was;

	if (has_many(run->heap, arena))
		arena_spare(arena);
	pthread_mutex_lock(&arena->lock);
	was = arena->run[run->class];
	arena->run[run->class] = run;
	run->arena = arena;
	pthread_mutex_unlock(&arena->lock);
	run_drop(was);
}

/* As there is none of its own to be had: one that another thread has. */
static bool others_take(struct fam_heap *heap, unsigned int class,
			struct fam_claim *out)
{
	for (unsigned int i = 0; i < heap->arenas; i++) {
		if (arena_take(heap->arena[i], class, out))
			return true;
	}
	return false;
}

static int class_take(struct fam_heap *heap, unsigned int class,
		      struct fam_claim *out)
{
	struct fam_arena *arena = arena_of_thread(heap);
	struct fam_run *run;
	int error = 0;

	for (unsigned int i = 0; error == 0 && i < TRIES; i++) {
		if (arena_take(arena, class, out))
			return 0;
		error = run_new(heap, arena, class, &run);
		if (error == 0)
			arena_have(arena, run);
	}
	if (error == -ENOMEM)
		return error;
	return others_take(heap, class, out) ? 0 : -ENOSPC;
}

/* What is larger than it need be, before nothing at all. */
static int larger_take(struct fam_heap *heap, unsigned int class,
		       uint64_t align, struct fam_claim *out)
{
	int error = -ENOSPC;

	while (error == -ENOSPC && ++class < FAM_HEAP_CLASSES) {
		if ((fam_class_bytes(class) & (align - 1)) == 0)
			error = class_take(heap, class, out);
	}
	return error;
}

static int block_take(struct fam_heap *heap, unsigned int class, uint64_t align,
		      struct fam_claim *out)
{
	int error = class_take(heap, class, out);

	if (error != -ENOSPC)
		return error;
	fam_space_look(heap);
	error = class_take(heap, class, out);
	return error == -ENOSPC ? larger_take(heap, class, align, out) : error;
}

static uint64_t round_up(uint64_t bytes)
{
	return bytes < 2 || bytes > FAM_HEAP_MAX_BLOCK
		       ? bytes
		       : UINT64_C(1) << (64 - __builtin_clzll(bytes - 1));
}

int fam_claim_take(struct fam_heap *heap, uint64_t bytes, uint64_t align,
		   struct fam_claim *out)
{
	uint64_t chunks;
	unsigned int class;

	if (!bytes || !align || align & (align - 1) || align > FAM_HEAP_PAGE)
		return -EINVAL;
	if (bytes > heap->at.count * FAM_HEAP_CHUNK)
		return -ENOSPC;
	/* What is a power of two lies at a multiple of itself. */
	if (align < bytes && bytes <= FAM_HEAP_PAGE && !(bytes & (bytes - 1)))
		align = bytes;
	class = fam_class_for(bytes, align);
	/* Powers of two do: else one object of each size would take all there is. */
	if (heap->at.count < TINY_HEAP)
		class = fam_class_for(round_up(bytes), align);
	if (class < FAM_HEAP_CLASSES)
		return block_take(heap, class, align, out);
	chunks = (bytes + FAM_HEAP_CHUNK - 1) / FAM_HEAP_CHUNK;
	return fam_span_take(heap, (uint32_t)chunks, out);
}

void fam_claim_end(struct fam_heap *heap, struct fam_claim *claimed)
{
	const uint32_t bit = claimed->block.bit;
	struct fam_run *run = claimed->run;
	struct fam_arena *arena;

	if (!run) {
		fam_span_end(heap, claimed);
		return;
	}
	arena = run->arena;
	atomic_fetch_and(&run->claimed[bit / 64], ~(UINT64_C(1) << bit % 64));
	run_drop(run);
	if (heap->at.count < SMALL_HEAP)
		arena_forget(arena, claimed->block.class);
}

void fam_runs_spare(struct fam_heap *heap)
{
	for (unsigned int i = 0; i < heap->arenas; i++)
		arena_spare(heap->arena[i]);
}

int fam_arenas_open(struct fam_heap *heap)
{
	const uint64_t wanted = heap->at.count / CHUNKS_OF_ARENA;
	unsigned int arenas = wanted < FAM_HEAP_ARENAS ? (unsigned int)wanted
						       : FAM_HEAP_ARENAS;

	heap->arenas = 0;
	while (heap->writable && (!heap->arenas || heap->arenas < arenas)) {
		struct fam_arena *arena = aligned_alloc(64, sizeof(*arena));

		if (!arena) {
			fam_arenas_close(heap);
			return -ENOMEM;
		}
		*arena = (struct fam_arena){
			.changes = atomic_load(&heap->sessions->changes) - 1,
		};
		pthread_mutex_init(&arena->lock, NULL);
		heap->arena[heap->arenas++] = arena;
	}
	return 0;
}

void fam_arenas_close(struct fam_heap *heap)
{
	while (heap->arenas) {
		struct fam_arena *arena = heap->arena[--heap->arenas];

		for (unsigned int i = 0; i < FAM_HEAP_CLASSES; i++)
			run_drop(arena->run[i]);
		pthread_mutex_destroy(&arena->lock);
		free(arena);
	}
}
