// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
/*
 * Transactions of a heap in every order of their steps: beside each other, beside a
 * checkpoint, and with deaths, whose last record others finish. The heap has two
 * chunks with two blocks each, and two journals of half a KiB.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "heap/fam-heap.h"

#include "fam-persist.h"
#include "world.h"

#include "model.h"

#define CHUNKS	 2
#define JOURNALS 2
#define JOURNAL	 512u
#define BLOCK	 32768u
#define OBJECTS	 4 /* blocks that there are */

/* Only as much of each part as is touched. */
enum place {
	LIVE = 0,
	SLOT = (offsetof(struct fam_heap_live, reserved2) + 63) / 64 * 64,
	STATE = SLOT + JOURNALS * 64,
	JOURNAL_AT = STATE + 576,
	LANE = JOURNAL_AT + JOURNALS * JOURNAL,
	HOLDER = LANE + 8,
	KIND = HOLDER + CHUNKS * 8,
	BITS = KIND + CHUNKS * 8,
	CHUNK = (BITS + CHUNKS * FAM_HEAP_BITS_WORDS * 8 + 63) / 64 * 64,
};

struct root {
	uint64_t word[4];
	fam_off slot[4];
	uint64_t disk[4]; /* of the words; not in the heap */
};

static struct {
	char before[CHUNK];
	struct root root; /* in the first block */
} shared __attribute__((aligned(64)));

static struct fam_heap heaps[MODEL_THREADS + 2];

#define ROOT_AT(field) (CHUNK + offsetof(struct root, field))

/* --- the world around it --------------------------------------------------------------- */

void *model_malloc(size_t bytes);
void *model_memcpy(void *to, const void *from, size_t len);
void *model_reallocarray(void *old, size_t count, size_t bytes);
void *model_aligned_alloc(size_t align, size_t bytes);

/* Nothing is given back, and what is behind it in the pool may be read. */
void *model_reallocarray(void *old, size_t count, size_t bytes)
{
	void *p = model_malloc(count * bytes);

	if (p && old)
		memcpy(p, old, count * bytes);
	return p;
}

void *model_aligned_alloc(size_t align, size_t bytes)
{
	(void)align;
	return model_malloc(bytes);
}

static unsigned int number_of(const struct fam_heap *heap)
{
	return (unsigned int)(heap - heaps);
}

int fam_heap_may(const struct fam_heap *heap)
{
	unsigned int n = number_of(heap);

	return n < MODEL_THREADS && model_lost(n) ? -ESTALE : 0;
}

void *fam_heap_at(const struct fam_heap *heap, fam_off off, uint64_t bytes)
{
	return fam_heap_holds(heap, off, bytes) ? heap->base + off : NULL;
}

static void is_on_disk(const struct fam_step_of *step)
{
	uint64_t i = (step->change.offset - ROOT_AT(word)) / 8, value;

	if (step->change.kind != FAM_CHANGE_DATA || i >= 4)
		return;
	memcpy(&value, step->data, sizeof(value));
	model_expect(shared.root.disk[i] >= value);
}

/* A checkpoint that is durable: so must be all that it speaks for. */
static void is_covered(const struct fam_heap *heap, uint32_t slot,
		       uint64_t checkpoint)
{
	uint64_t at = 0, next, stamp = 0;

	while ((next = fam_record_end(heap, slot, at, stamp, &stamp)) != 0 &&
	       stamp <= checkpoint) {
		const struct fam_record *record =
			(const void *)(fam_heap_journal(heap, slot) + at);
		uint32_t in = sizeof(struct fam_record);
		struct fam_step_of step;

		while (fam_record_change(record, record->bytes, in, &step) ==
		       0) {
			is_on_disk(&step);
			in = step.next;
		}
		at = next;
	}
}

static void all_is_covered(const struct fam_heap *heap)
{
	uint64_t checkpoint;

	model_atomically(true);
	checkpoint = fam_word_get(&fam_heap_state(heap)->checkpoint);
	for (uint32_t i = 0; i < JOURNALS; i++)
		is_covered(heap, i, checkpoint);
	model_atomically(false);
}

/* A step of its own, after which the disk has it. */
int fam_heap_write_back(const struct fam_heap *heap, uint64_t off,
			uint64_t bytes)
{
	(void)bytes;
	if (off == heap->at.kind)
		memcpy(shared.root.disk, shared.root.word,
		       sizeof(shared.root.disk));
	if (off == heap->at.state)
		all_is_covered(heap);
	return 0;
}

int fam_persist_ranges(struct fam *fam, const struct fam_range *range,
		       size_t count)
{
	(void)fam;
	(void)range;
	(void)count;
	return 0;
}

int fam_persist(struct fam *fam, const void *addr, size_t len)
{
	(void)fam;
	(void)addr;
	(void)len;
	return 0;
}

void fam_flush(struct fam *fam, const void *addr, size_t len)
{
	(void)fam;
	(void)addr;
	(void)len;
}

void fam_drain(struct fam *fam)
{
	(void)fam;
}

int fam_change_elsewhere(struct fam_heap *heap, const struct fam_step_of *step,
			 bool stores)
{
	(void)heap;
	(void)step;
	(void)stores;
	return 0;
}

/* --- a heap, with an object or none ---------------------------------------------------------- */

static void open_heap(unsigned int n)
{
	struct fam_heap *heap = &heaps[n];

	memset(heap, 0, sizeof(*heap));
	heap->fam = model_fam(n);
	heap->sessions = &world_table;
	heap->me = fam_holder(fam_session_id(heap->fam));
	heap->base = (char *)&shared;
	heap->writable = true;
	heap->at = (struct fam_heap_places){
		.journals = JOURNALS,
		.journal_bytes = JOURNAL,
		.count = CHUNKS,
		.live = LIVE,
		.slot = SLOT,
		.state = STATE,
		.journal = JOURNAL_AT,
		.lane = LANE,
		.holder = HOLDER,
		.kind = KIND,
		.bits = BITS,
		.chunk = CHUNK,
		.end = CHUNK + CHUNKS * FAM_HEAP_CHUNK,
	};
	pthread_mutex_init(&heap->lock, NULL);
	model_expect(fam_arenas_open(heap) == 0);
}

/* The first chunk is full: the root, and an object; one more is in the other. */
static void make(bool object)
{
	const unsigned int class = fam_class_for(BLOCK, 1);
	const uint64_t kind = fam_chunk_word(FAM_CHUNK_BLOCKS, class, 0);

	memset(heaps, 0, sizeof(heaps));
	open_heap(MODEL_THREADS);
	fam_word_put(fam_heap_kind(&heaps[MODEL_THREADS], 0), kind);
	fam_word_put(fam_heap_bits(&heaps[MODEL_THREADS], 0), 3);
	shared.root.slot[3] = CHUNK + BLOCK;
	if (object) {
		fam_word_put(fam_heap_kind(&heaps[MODEL_THREADS], 1), kind);
		fam_word_put(fam_heap_bits(&heaps[MODEL_THREADS], 1), 1);
		shared.root.slot[0] = CHUNK + FAM_HEAP_CHUNK;
	}
	fam_hints_renew(&heaps[MODEL_THREADS]);
}

static void make_empty(void)
{
	make(false);
}

static void make_one(void)
{
	make(true);
}

/* --- what threads do ------------------------------------------------------------------------- */

/* Return: was it lost before that? */
static bool lost(unsigned int n, int r)
{
	model_expect(r >= 0 || (r == -ESTALE && model_lost(n)));
	return r < 0;
}

static void set_word(unsigned int n, uint64_t value)
{
	struct fam_tx *tx;
	int r = fam_tx_begin(&heaps[n], NULL, &tx);

	if (lost(n, r))
		return;
	model_expect(fam_tx_set_word(tx, ROOT_AT(word) + 8 * n, value) == 0);
	r = fam_tx_commit(tx);
	if (!lost(n, r))
		model_expect(shared.root.word[n] == value);
}

/* The second one fills the journal, and the third begins it anew. */
static void set_thrice(unsigned int n)
{
	open_heap(n);
	for (uint64_t value = 1; value <= 3; value++)
		set_word(n, value);
}

static void give(unsigned int n)
{
	struct fam_tx *tx;

	if (lost(n, fam_tx_begin(&heaps[n], NULL, &tx)))
		return;
	model_expect(fam_tx_free(tx, shared.root.slot[0]) == 0);
	model_expect(fam_tx_set_word(tx, ROOT_AT(slot), 0) == 0);
	(void)lost(n, fam_tx_commit(tx));
}

static void take_in(unsigned int n, struct fam_tx *tx, unsigned int slot,
		    uint64_t bytes)
{
	fam_off off;
	int r = fam_tx_alloc(tx, bytes, 0, &off, NULL);

	if (r < 0) {
		model_expect(r == -ENOSPC || model_lost(n));
		fam_tx_abort(tx);
		return;
	}
	model_expect(fam_tx_set_word(tx, ROOT_AT(slot) + 8 * slot, off) == 0);
	(void)lost(n, fam_tx_commit(tx));
}

static void take(unsigned int n, unsigned int slot, uint64_t bytes)
{
	struct fam_tx *tx;

	if (!lost(n, fam_tx_begin(&heaps[n], NULL, &tx)))
		take_in(n, tx, slot, bytes);
}

/* One frees the last one of a chunk, one wants to have a block. */
static void free_and_take(unsigned int n)
{
	open_heap(n);
	if (n == 0)
		give(n);
	else
		take(n, n, BLOCK);
}

/*
 * The same. The second one has begun before the first one died, so it does not ask
 * for deaths any more; and the last one finishes what it finds.
 */
static struct fam_tx *begun;

static void make_begun(void)
{
	make_one();
	open_heap(1);
	model_expect(fam_tx_begin(&heaps[1], NULL, &begun) == 0);
}

static void free_take_recover(unsigned int n)
{
	if (n == 1) {
		take_in(n, begun, n, BLOCK);
		return;
	}
	open_heap(n);
	if (n == 0)
		give(n);
	else
		(void)lost(n, fam_heap_recover(&heaps[n]));
}

/* A span, which needs a chunk that is wholly free. */
static void free_and_span(unsigned int n)
{
	open_heap(n);
	if (n == 0)
		give(n);
	else
		take(n, n, FAM_HEAP_CHUNK);
}

static void set_and_settle(unsigned int n)
{
	open_heap(n);
	if (n == 0) {
		set_word(n, 1);
		set_word(n, 2);
	} else {
		(void)lost(n, fam_heap_settle(&heaps[n]));
	}
}

/* --- what is there in the end -------------------------------------------------------------------- */

static bool is_allocated(struct fam_heap *heap, fam_off off)
{
	struct fam_block block;

	return fam_block_find(heap, off, &block) == 0;
}

static unsigned int count_bits(const struct fam_heap *heap)
{
	unsigned int count = 0;

	for (unsigned int i = 0; i < CHUNKS; i++) {
		uint64_t kind = fam_word_peek(fam_heap_kind(heap, i));
		uint64_t bits = fam_word_peek(fam_heap_bits(heap, i));

		if (fam_chunk_kind(kind) == FAM_CHUNK_SPAN)
			count++;
		if (fam_chunk_kind(kind) == FAM_CHUNK_BLOCKS)
			count += (unsigned int)__builtin_popcountll(bits);
		else
			model_expect(bits == 0);
	}
	return count;
}

/* What is allocated is what the slots have; each is another one's. */
static void all_is_exact(struct fam_heap *heap)
{
	unsigned int used = 1;

	for (unsigned int i = 0; i < 4; i++) {
		fam_off off = shared.root.slot[i];

		used += off != 0;
		model_expect(!off || is_allocated(heap, off));
		for (unsigned int j = 0; off && j < i; j++)
			model_expect(off != shared.root.slot[j]);
	}
	model_expect(count_bits(heap) == used);
}

/* Who comes behind the dead can have all the rest. */
static void all_can_be_had(struct fam_heap *heap)
{
	unsigned int blocks = 0, rest = 0;
	struct fam_claim claim;

	for (unsigned int i = 0; i < CHUNKS; i++) {
		uint64_t kind = fam_word_peek(fam_heap_kind(heap, i));
		uint64_t bits = fam_word_peek(fam_heap_bits(heap, i));

		if (fam_chunk_kind(kind) != FAM_CHUNK_SPAN)
			rest += 2 - (unsigned int)__builtin_popcountll(bits);
	}
	while (blocks <= OBJECTS && fam_claim_take(heap, BLOCK, 1, &claim) == 0)
		blocks++;
	model_expect(blocks == rest);
}

/* Who lives gives back what it kept for itself. */
static void close_all(void)
{
	for (unsigned int n = 0; n < MODEL_THREADS; n++) {
		if (heaps[n].arenas && !model_lost(n)) {
			fam_txs_close(&heaps[n]);
			fam_arenas_close(&heaps[n]);
		}
		heaps[n].arenas = 0;
	}
}

static struct fam_heap *recovered(void)
{
	struct fam_heap *heap = &heaps[MODEL_THREADS + 1];

	close_all();
	open_heap(MODEL_THREADS + 1);
	model_expect(fam_heap_recover(heap) >= 0);
	for (unsigned int i = 0; i < JOURNALS; i++)
		model_expect(!fam_word_peek(&fam_heap_slot(heap, i)->inflight));
	return heap;
}

static void end(void)
{
	struct fam_heap *heap = recovered();

	all_is_exact(heap);
	all_can_be_had(heap);
}

static void words_are_set(void)
{
	recovered();
	for (unsigned int n = 0; n < 2; n++)
		model_expect(shared.root.word[n] == 3 || model_lost(n));
}

/* Behind it a checkpoint is possible, and speaks for all. */
static void is_settled(void)
{
	struct fam_heap *heap = recovered();

	model_expect(shared.root.word[0] == 2 || model_lost(0));
	model_expect(fam_heap_settle(heap) == 0);
	model_expect(memcmp(shared.root.disk, shared.root.word,
			    sizeof(shared.root.disk)) == 0);
}

/* --- the models ------------------------------------------------------------------------------------ */

#define HEAP(name_, threads_, thread_)                             \
	.name = (name_), .threads = (threads_), .memory = &shared, \
	.bytes = sizeof(shared), .thread = (thread_)

static const struct model freeing = {
	HEAP("one frees, one takes", 2, free_and_take), .begin = make_one,
	.end = end, .preemptions = 2};
static const struct model spanning = {
	HEAP("one frees, one takes all of it", 2, free_and_span),
	.begin = make_one, .end = end, .preemptions = 2};
static const struct model dying = {
	HEAP("one frees, one takes and dies", 2, free_and_take),
	.begin = make_one,
	.end = end,
	.deaths = 1,
	.mortal = 2,
	.preemptions = 1};
static const struct model finishing = {
	HEAP("one frees and dies, one takes, one finishes it", 3,
	     free_take_recover),
	.begin = make_begun,
	.end = end,
	.deaths = 1,
	.mortal = 1,
	.preemptions = 1};
static const struct model setting = {
	HEAP("two go round their journals", 2, set_thrice), .begin = make_empty,
	.end = words_are_set, .preemptions = 1};
static const struct model settling = {
	HEAP("one commits, one makes a checkpoint", 2, set_and_settle),
	.begin = make_empty, .end = is_settled, .preemptions = 2};
static const struct model settling_dying = {
	HEAP("one commits and dies, one makes a checkpoint", 2, set_and_settle),
	.begin = make_empty,
	.end = is_settled,
	.deaths = 1,
	.mortal = 1,
	.preemptions = 1};

static void a_heap_holds(void **state)
{
	static const struct model *const all[] = {
		&freeing, &spanning, &dying,	      &finishing,
		&setting, &settling, &settling_dying,
	};

	(void)state;
	for (unsigned int i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		model_check(all[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_heap_holds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
