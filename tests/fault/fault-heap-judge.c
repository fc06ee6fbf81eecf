// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
/* Who comes behind the dead: is all there, and can all be had? */
#include <errno.h>
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include <fam/session.h>

#include "fault-heap-parts.h"

#define KIB UINT64_C(1024)

/* --- who judges ----------------------------------------------------------------------------------- */

static bool same(const struct heap_snap *a, const struct heap_snap *b)
{
	return memcmp(a, b, sizeof(*a)) == 0;
}

static void is_one_or_the_next(struct heap_stage *s, bool killed)
{
	const struct heap_case *what = heap_board->what;
	unsigned int returned = heap_board->returned;
	struct heap_snap now;

	heap_look(s, &now);
	if (same(&now, &heap_board->snap[returned]))
		return;
	if (killed && returned < what->calls) {
		const struct heap_snap *next = &heap_board->snap[returned + 1];

		if (same(&now, next) ||
		    (what->loose && now.objects >= next->objects &&
		     now.objects <= heap_board->snap[returned].objects))
			return;
	}
	fail_msg("%s, step %u: after %u calls %" PRIu64 " objects, %" PRIu64
		 " bytes, %" PRIx64 "; not %" PRIu64 ", %" PRIu64 ", %" PRIx64,
		 what->name, s->f->step, returned, now.objects, now.bytes,
		 now.digest, heap_board->snap[returned].objects,
		 heap_board->snap[returned].bytes,
		 heap_board->snap[returned].digest);
}

/* All journals can be had, and no lock is kept by the dead. */
static void all_can_begin(struct heap_stage *s)
{
	struct fam_tx *tx[JOURNALS];

	for (unsigned int i = 0; i < JOURNALS; i++)
		assert_int_equal(fam_tx_begin(s->heap, NULL, &tx[i]), 0);
	for (unsigned int i = 0; i < 2; i++)
		assert_int_equal(fam_tx_lock(tx[i], &s->root->mutex[i], 1000),
				 0);
	for (unsigned int i = 0; i < JOURNALS; i++) {
		assert_int_equal(fam_tx_set_word(tx[i], heap_word(s, i), i), 0);
		assert_int_equal(fam_tx_commit(tx[i]), 0);
		assert_int_equal(s->root->word[i], i);
	}
}

static void map_goes(struct heap_stage *s)
{
	const fam_off at = s->root_off + offsetof(struct heap_root, hash);
	uint64_t value = 0;

	if (!s->root->hash)
		return;
	assert_int_equal(fam_hash_put(s->hash, NULL, "new", 3, &at, 8), 0);
	assert_int_equal(fam_hash_get(s->hash, NULL, "new", 3, &value, 8, NULL),
			 0);
	assert_int_equal(value, at);
	assert_int_equal(fam_hash_destroy(s->hash, at), 0);
	fam_hash_close(s->hash);
	s->hash = NULL;
}

static void log_goes(struct heap_stage *s)
{
	const fam_off at = s->root_off + offsetof(struct heap_root, log);
	uint64_t value = 0, number = 0;

	if (!s->root->log)
		return;
	assert_int_equal(fam_log_append(s->log, NULL, &at, 8, &number), 0);
	assert_int_equal(fam_log_read(s->log, number, &value, 8, NULL), 0);
	assert_int_equal(value, at);
	assert_int_equal(fam_log_destroy(s->log, at), 0);
	fam_log_close(s->log);
	s->log = NULL;
}

struct leftover {
	fam_off root, off[512];
	unsigned int count;
};

static int keep_other(fam_off off, uint64_t usable, void *arg)
{
	struct leftover *left = arg;

	(void)usable;
	if (off != left->root && left->count < 512)
		left->off[left->count++] = off;
	return 0;
}

/* What nothing leads to any more: there is none, or it was between two. */
static void release_rest(struct heap_stage *s)
{
	struct leftover left = {.root = s->root_off};

	assert_int_equal(fam_heap_each(s->heap, keep_other, &left), 0);
	if (!heap_board->what->loose)
		assert_int_equal(left.count, 0);
	for (unsigned int i = 0; i < left.count; i++)
		assert_int_equal(fam_heap_release(s->heap, left.off[i]), 0);
}

static void free_all(struct heap_stage *s)
{
	const fam_off second = s->root_off + offsetof(struct heap_root, hash2);
	struct fam_hash *hash;
	struct fam_log *log;

	for (unsigned int i = 0; i < SLOTS; i++)
		assert_int_equal(fam_heap_free(s->heap, heap_slot(s, i)), 0);
	if (s->root->hash2) {
		assert_int_equal(fam_hash_open(s->heap, s->root->hash2, &hash),
				 0);
		assert_int_equal(fam_hash_destroy(hash, second), 0);
		fam_hash_close(hash);
	}
	if (s->root->log2) {
		assert_int_equal(fam_log_open(s->heap, s->root->log2, &log), 0);
		assert_int_equal(fam_log_destroy(log, second + 8), 0);
		fam_log_close(log);
	}
	release_rest(s);
}

/* Every chunk but that of the root is free: nobody holds one. */
static void all_can_be_had(struct fault *f)
{
	struct fam_heap_stat stat;
	struct heap_stage s;
	uint64_t spans = 0;
	int r;

	assert_int_equal(heap_stage_open(&s, f), 0);
	while ((r = fam_heap_alloc(s.heap, 0, 64 * KIB, 0, NULL)) == 0)
		spans++;
	assert_int_equal(r, -ENOSPC);
	assert_int_equal(fam_heap_stat(s.heap, &stat, sizeof(stat)), 0);
	if (heap_board->learns)
		heap_board->spans = stat.space / (64 * KIB) - 1;
	if (spans != heap_board->spans)
		fail_msg("%s, step %u: %" PRIu64 " of %" PRIu64
			 " chunks can be had",
			 heap_board->what->name, f->step, spans,
			 heap_board->spans);
	heap_stage_close(&s);
}

void heap_judge(struct fault *f)
{
	struct heap_stage s;
	int64_t began;

	if (f->killed)
		fault_await_death(f);
	began = fam_now_ms();
	assert_int_equal(heap_stage_open(&s, f), 0);
	assert_true(fam_heap_recover(s.heap) >= 0);
	assert_true(fam_now_ms() - began < TAKE_OVER_MS);
	is_one_or_the_next(&s, f->killed || f->forebear);
	all_can_begin(&s);
	map_goes(&s);
	log_goes(&s);
	free_all(&s);
	heap_stage_close(&s);
	all_can_be_had(f);
}
