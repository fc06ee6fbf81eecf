// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
/* Deaths in a heap: what there is before, who dies, who goes on, who judges. */
#include <errno.h>
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include <fam/region.h>
#include <fam/session.h>

#include "fam-persist.h"
#include "fam-session.h"

#include "fault-heap-parts.h"
#include "fault-step.h"

#define KIB	     UINT64_C(1024)
#define PAIRS	     5
#define RECORDS	     3
#define PAIRS_FROM   30 /* steps of one case */
#define REGION_BYTES (4 * KIB)

struct heap_board *heap_board;
bool heap_in_child;

uint64_t *heap_kept(void)
{
	return heap_board->kept;
}

/* --- a disk that takes all at once, step by step ------------------------------------- */

static int take(struct fam *fam, struct fam_ask *ask)
{
	(void)fam;
	fault_step();
	ask->ticket = 1;
	return 0;
}

static int taken(struct fam *fam, const struct fam_ask *ask)
{
	(void)fam;
	(void)ask;
	fault_step();
	return 0;
}

static int is_well(struct fam *fam)
{
	(void)fam;
	return 0;
}

static const struct fam_persist_ops disk = {
	.way = FAM_PERSIST_HOST,
	.post = take,
	.wait = taken,
	.failed = is_well,
};

static const struct fam_persist_ops memory = {
	.way = FAM_PERSIST_DRAIN,
	.cpu = true,
	.post = take,
	.wait = taken,
	.failed = is_well,
};

/* --- opening ------------------------------------------------------------------------ */

static int open_containers(struct heap_stage *s)
{
	int r = 0;

	if (s->root->hash)
		r = fam_hash_open(s->heap, s->root->hash, &s->hash);
	if (r == 0 && s->root->log)
		r = fam_log_open(s->heap, s->root->log, &s->log);
	return r;
}

static int open_region(struct heap_stage *s)
{
	void *map;
	int r = fam_region_open(s->f->fam, "r", FAM_REGION_WRITE, &s->region);

	if (r == 0)
		r = fam_region_map(s->region, 0, 0, &map);
	if (r == 0)
		s->memory = map;
	return r;
}

int heap_stage_open(struct heap_stage *s, struct fault *f)
{
	int r;

	*s = (struct heap_stage){.f = f};
	f->fam->persist = heap_board->drains ? &memory : &disk;
	r = fam_heap_open(f->fam, "h", FAM_REGION_WRITE, &s->heap);
	if (r == 0)
		r = fam_heap_root(s->heap, sizeof(*s->root), &s->root_off);
	if (r == 0) {
		s->root = fam_heap_at(s->heap, s->root_off, sizeof(*s->root));
		r = open_containers(s);
	}
	return r ? r : open_region(s);
}

void heap_stage_close(struct heap_stage *s)
{
	fam_hash_close(s->hash);
	fam_log_close(s->log);
	fam_region_close(s->region);
	fam_heap_close(s->heap);
}

/* --- what is in it -------------------------------------------------------------------- */

fam_off heap_slot(const struct heap_stage *s, unsigned int i)
{
	return s->root_off + offsetof(struct heap_root, slot) + 8 * i;
}

fam_off heap_word(const struct heap_stage *s, unsigned int i)
{
	return s->root_off + offsetof(struct heap_root, word) + 8 * i;
}

void *heap_blob(uint64_t bytes, uint64_t seed)
{
	static unsigned char blob[256 << 10];
	const uint64_t head[2] = {TAG, bytes};

	if (bytes > sizeof(blob))
		abort();
	for (uint64_t i = 0; i < bytes; i++)
		blob[i] = (unsigned char)(seed * 31 + i * 7 + i / 251);
	memcpy(blob, head, sizeof(head));
	return blob;
}

int heap_put_blob(struct heap_stage *s, unsigned int slot, uint64_t bytes,
		  uint64_t seed)
{
	return fam_heap_put(s->heap, heap_slot(s, slot), heap_blob(bytes, seed),
			    bytes, NULL);
}

static uint32_t name_key(unsigned int key, char out[32])
{
	return (uint32_t)snprintf(out, 32, "key %u", key);
}

int heap_put_pair(struct heap_stage *s, struct fam_tx *tx, unsigned int key,
		  uint64_t bytes, unsigned int seed)
{
	char name[32];
	uint32_t len = name_key(key, name);

	return fam_hash_put(s->hash, tx, name, len, heap_blob(bytes, seed),
			    bytes);
}

/* --- what there is before ------------------------------------------------------------------ */

static void make_containers(struct heap_stage *s)
{
	const fam_off at = s->root_off + offsetof(struct heap_root, hash);

	assert_int_equal(fam_hash_create(s->heap, NULL, at, NULL), 0);
	assert_int_equal(fam_log_create(s->heap, NULL, at + 8, NULL), 0);
	assert_int_equal(open_containers(s), 0);
	for (unsigned int i = 0; i < PAIRS; i++)
		assert_int_equal(heap_put_pair(s, NULL, i, 100, i), 0);
	for (unsigned int i = 0; i < RECORDS; i++)
		assert_int_equal(fam_log_append(s->log, NULL, heap_blob(50, i),
						50, NULL),
				 0);
}

static void make_objects(struct heap_stage *s)
{
	assert_int_equal(heap_put_blob(s, 0, 100, 1), 0);
	assert_int_equal(heap_put_blob(s, 1, 5000, 2), 0);
	assert_int_equal(heap_put_blob(s, 2, 100 * KIB, 3), 0);
	assert_int_equal(heap_put_blob(s, 3, 48, 4), 0);
	assert_int_equal(fam_heap_alloc(s->heap, heap_slot(s, 12), 64, 0, NULL),
			 0);
}

static void make_all(struct heap_stage *s, struct fault *f)
{
	const struct fam_heap_want want = {.bytes = HEAP_BYTES,
					   .journals = JOURNALS,
					   .journal_bytes = 16 * KIB};
	const struct fam_region_want other = {.bytes = REGION_BYTES};

	f->fam->persist = &disk;
	assert_int_equal(fam_region_create(f->fam, "r", &other, NULL), 0);
	assert_int_equal(fam_heap_create(f->fam, "h", &want, &s->heap), 0);
	fam_heap_close(s->heap);
	assert_int_equal(heap_stage_open(s, f), 0);
	make_objects(s);
	if (heap_board->what->containers)
		make_containers(s);
	if (heap_board->what->prepare)
		heap_board->what->prepare(s);
}

/* As if the host had been started anew. */
static void reboot(struct fault *f)
{
	atomic_fetch_add(&fam_session_table(f->fam)->boot, 1);
}

static void set_up(struct fault *f)
{
	struct heap_stage s;

	heap_board->returned = 0;
	make_all(&s, f);
	if (heap_board->learns)
		heap_look(&s, &heap_board->snap[0]);
	heap_stage_close(&s);
	if (heap_board->what->reboot)
		reboot(f);
}

/* --- who dies ------------------------------------------------------------------------------ */

static int make_calls(struct heap_stage *s, struct fault *f)
{
	const struct heap_case *what = heap_board->what;

	for (unsigned int i = 0; i < what->calls; i++) {
		int r = what->call(s, i);

		if (r < 0) {
			fprintf(stderr, "%s, call %u: %s\n", what->name, i,
				fam_strerror(r));
			return 1;
		}
		atomic_store(&heap_board->returned, i + 1);
		if (heap_board->learns) {
			fault_disarm(f);
			heap_look(s, &heap_board->snap[i + 1]);
		}
	}
	return 0;
}

static int child(struct fault *f)
{
	struct heap_stage s;
	int r;

	heap_in_child = true;
	/* What regions there are is read once, and not a step of this. */
	if (fam_region_sync(f->fam) < 0)
		return 1;
	if (heap_board->what->opens)
		fault_arm(f);
	r = heap_stage_open(&s, f);
	if (r < 0) {
		fprintf(stderr, "%s: %s\n", heap_board->what->name,
			fam_strerror(r));
		return 1;
	}
	if (!heap_board->what->opens)
		fault_arm(f);
	r = make_calls(&s, f);
	if (!heap_board->what->opens)
		fault_disarm(f);
	heap_stage_close(&s);
	fault_disarm(f);
	return r;
}

/* --- who comes behind it, and dies as well ---------------------------------------------------- */

static int recover(struct heap_stage *s)
{
	int r = fam_heap_recover(s->heap);
	struct fam_tx *tx;
	uint64_t bytes;

	if (r >= 0)
		r = fam_tx_begin(s->heap, NULL, &tx);
	if (r == 0)
		fam_tx_abort(tx);
	if (r == 0 && s->hash)
		r = fam_hash_get(s->hash, NULL, "key 1", 5, NULL, 0, &bytes);
	return r == -ERANGE || r == -ENOENT ? 0 : r;
}

static int heir_child(struct fault *f)
{
	struct heap_stage s;
	int r;

	if (!fault_await_end(f, f->forebear))
		return 2;
	r = heap_stage_open(&s, f);
	fault_arm(f);
	if (r == 0)
		r = recover(&s);
	fault_disarm(f);
	heap_stage_close(&s);
	if (r < 0)
		fprintf(stderr, "%s, heir: %s\n", heap_board->what->name,
			fam_strerror(r));
	return r < 0;
}

static const struct fault_case heir = {.name = "heir", .child = heir_child};

/* --- who goes on meanwhile ----------------------------------------------------------------------- */

/* In few classes: of each one it keeps a chunk for itself. */
static void change_beside(struct heap_stage *s, uint64_t round)
{
	static const uint64_t size[] = {100, 48, 3000, 100};
	uint64_t value = 0;
	struct fam_tx *tx;

	assert_int_equal(heap_put_blob(s, 15, size[round % 4], round), 0);
	assert_int_equal(fam_tx_begin(s->heap, NULL, &tx), 0);
	assert_int_equal(fam_tx_lock(tx, &s->root->mutex[0], -1), 0);
	assert_int_equal(fam_tx_set_word(tx, heap_word(s, 15), round), 0);
	assert_int_equal(fam_tx_commit(tx), 0);
	assert_int_equal(s->root->word[15], round);
	assert_int_equal(fam_heap_free(s->heap, heap_slot(s, 15)), 0);
	if (!s->hash)
		return;
	assert_int_equal(fam_hash_put(s->hash, NULL, "beside", 6, &round, 8),
			 0);
	assert_int_equal(
		fam_hash_get(s->hash, NULL, "beside", 6, &value, 8, NULL), 0);
	assert_int_equal(value, round);
	assert_int_equal(fam_hash_remove(s->hash, NULL, "beside", 6), 0);
}

static void goes_on(struct fault *f)
{
	struct heap_stage s;
	uint64_t round = 1;

	assert_int_equal(heap_stage_open(&s, f), 0);
	do {
		int64_t began = fam_now_ms();

		change_beside(&s, round++);
		assert_true(fam_now_ms() - began < 2 * TAKE_OVER_MS);
	} while (!fault_ended(f));
	/* as it was */
	assert_int_equal(heap_put_blob(&s, 15, 16, 0), 0);
	assert_int_equal(fam_heap_free(s.heap, heap_slot(&s, 15)), 0);
	heap_stage_close(&s);
}

/* --- all of it ------------------------------------------------------------------------------------ */

static bool at_length(void)
{
	return getenv("HEAPS_RUNS") != NULL;
}

/* What is longer has more steps that are alike. */
static unsigned int rarer(unsigned int every, unsigned int steps)
{
	return steps / PAIRS_FROM > every ? steps / PAIRS_FROM : every;
}

static void run_one(const struct heap_case *what, unsigned int every)
{
	struct fault_case fault = {what->name, child,	   set_up,
				   NULL,       heap_judge, NULL};
	unsigned int steps;

	heap_board->learns = true;
	fault_once(&fault);
	heap_board->learns = false;
	steps = fault_some(&fault, every);
	if (!what->alone) {
		fault.meanwhile = goes_on;
		fault_some(&fault, at_length() ? 2 : every * 5);
		fault.meanwhile = NULL;
	}
	fault.heir = &heir;
	fault_pairs(&fault, at_length() ? 3 : rarer(every * 7, steps),
		    at_length() ? 2 : every * 3 + 1);
}

#if defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__)
#define EVERY 16
#else
#define EVERY 4
#endif

void heap_case_run(const struct heap_case *what)
{
	assert_true(what->calls <= CALLS_MAX);
	if (!heap_board)
		heap_board =
			mmap(NULL, sizeof(*heap_board), PROT_READ | PROT_WRITE,
			     MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	assert_true(heap_board != MAP_FAILED);
	memset(heap_board, 0, sizeof(*heap_board));
	heap_board->what = what;
	run_one(what, at_length() ? 1 : EVERY);
	heap_board->drains = true;
	run_one(what, at_length() ? 2 : EVERY * 7);
}
