// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
/* Steps as calls. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "place.h"
#include "world.h"

#define OBJECT_MAX (UINT64_C(1) << 20)

static void pattern(void *memory, uint64_t bytes, uint32_t id)
{
	uint64_t *word = memory;

	for (uint64_t i = 0; i < bytes / 8; i++)
		word[i] = model_word(id, i);
}

/* --- from begin to end --------------------------------------------------------------- */

static int make_root(struct fam_heap *heap, bool containers)
{
	fam_off root;
	int r = fam_heap_root(heap, PLACE_ROOT_BYTES, &root);

	if (r == 0 && containers)
		r = fam_hash_create(heap, NULL, root + PLACE_HASH, NULL);
	if (r == 0 && containers)
		r = fam_log_create(heap, NULL, root + PLACE_LOG, NULL);
	return r;
}

int world_make(struct fam *fam, bool containers)
{
	const struct fam_region_want other = {.bytes = PLACE_REMOTE_BYTES};
	const struct fam_heap_want want = {
		.bytes = WORLD_HEAP_BYTES,
		.journals = WORLD_JOURNALS,
		.journal_bytes = WORLD_JOURNAL_BYTES,
	};
	struct fam_heap *heap = NULL;
	int r = fam_region_create(fam, "remote", &other, NULL);

	if (r == 0)
		r = fam_heap_create(fam, "heap", &want, &heap);
	if (r < 0)
		return r;
	r = make_root(heap, containers);
	fam_heap_close(heap);
	return r;
}

static int open_remote(struct world *w)
{
	void *memory;
	int r = fam_region_open(w->fam, "remote", FAM_REGION_WRITE, &w->region);

	if (r == 0)
		r = fam_region_map(w->region, 0, 0, &memory);
	if (r == 0)
		w->remote = memory;
	return r;
}

static uint64_t at_root(struct world *w, uint64_t place)
{
	return *(uint64_t *)fam_heap_at(w->heap, w->root + place, 8);
}

int world_open(struct world *w, struct fam *fam)
{
	uint64_t hash, log;
	int r;

	*w = (struct world){.fam = fam};
	r = fam_heap_open(fam, "heap", FAM_REGION_WRITE, &w->heap);
	if (r == 0)
		r = open_remote(w);
	if (r == 0)
		r = fam_heap_root(w->heap, 0, &w->root);
	if (r < 0)
		return r;
	hash = at_root(w, PLACE_HASH);
	log = at_root(w, PLACE_LOG);
	if (hash)
		r = fam_hash_open(w->heap, hash, &w->hash);
	if (r == 0 && log)
		r = fam_log_open(w->heap, log, &w->log);
	return r;
}

void world_close(struct world *w)
{
	fam_hash_close(w->hash);
	fam_log_close(w->log);
	fam_heap_close(w->heap);
	fam_region_close(w->region);
	*w = (struct world){0};
}

/* --- steps ---------------------------------------------------------------------------- */

struct doing {
	struct world *world;
	const struct model *now;
	const struct step *step;
	uint32_t id;
	struct fam_tx *tx;
};

static fam_off dest(const struct doing *d)
{
	return d->world->root + PLACE_SLOT(d->step->at);
}

static fam_off named(const struct doing *d)
{
	return at_root(d->world, PLACE_SLOT(d->step->at));
}

static int do_put(const struct doing *d)
{
	static uint64_t data[OBJECT_MAX / 8];

	pattern(data, d->step->bytes, d->id);
	return fam_heap_put(d->world->heap, dest(d), data, d->step->bytes,
			    NULL);
}

/* Stores that nobody knows of. */
static int do_fill(const struct doing *d)
{
	const struct object *o = &d->now->slot[d->step->at];
	bool raw = d->step->deed == DEED_RAW && model_raw(d->now, d->step);
	void *memory = fam_heap_at(d->world->heap, named(d), o->bytes);

	if (!memory)
		return -EFAULT;
	pattern(memory, o->bytes, d->id);
	return raw ? fam_persist(d->world->fam, memory, o->bytes)
		   : fam_heap_persist(d->world->heap, named(d), o->bytes);
}

static int do_words(const struct doing *d)
{
	uint64_t bytes = PLACE_WORD(d->step->count - 1) - PLACE_WORD(0) + 8;
	fam_off off = d->world->root + PLACE_WORD(d->step->at);
	void *copy;
	int r = fam_tx_add(d->tx, off, bytes, &copy);

	for (unsigned int i = 0; r == 0 && i < d->step->count; i++) {
		uint64_t *word = (uint64_t *)((char *)copy + PLACE_WORD(i) -
					      PLACE_WORD(0));

		*word = model_word(d->id, i);
	}
	return r;
}

static int do_talloc(const struct doing *d)
{
	bool old = d->now->slot[d->step->at].bytes > 0;
	bool fills = d->step->fills;
	void *copy = NULL;
	fam_off off;
	int r = fam_tx_alloc(d->tx, d->step->bytes, fills ? 0 : FAM_HEAP_ZERO,
			     &off, fills ? &copy : NULL);

	if (r == 0 && fills)
		pattern(copy, d->step->bytes, d->id);
	if (r == 0 && old)
		r = fam_tx_free(d->tx, named(d));
	return r == 0 ? fam_tx_set_word(d->tx, dest(d), off) : r;
}

static int do_tfree(const struct doing *d)
{
	int r = fam_tx_free(d->tx, named(d));

	return r == 0 ? fam_tx_set_word(d->tx, dest(d), 0) : r;
}

static int do_into(const struct doing *d)
{
	void *copy;
	int r = fam_tx_add(d->tx, named(d), MODEL_HEAD, &copy);

	if (r == 0)
		pattern(copy, MODEL_HEAD, d->id);
	return r;
}

static int do_remote(const struct doing *d)
{
	uint64_t *copy;
	int r = fam_tx_add_region(d->tx, d->world->region,
				  &d->world->remote[PLACE_REMOTE(d->step->at)],
				  8, (void **)&copy);

	if (r == 0)
		*copy = model_word(d->id, 0);
	return r;
}

static int do_container(const struct doing *d)
{
	static uint64_t data[OBJECT_MAX / 8];
	const struct step *s = d->step;
	struct world *w = d->world;
	const char key[2] = {'k', (char)('0' + s->at)};

	if (!w->hash || !w->log)
		return -ENOENT;
	pattern(data, s->bytes, d->id);
	if (s->deed == DEED_HPUT)
		return fam_hash_put(w->hash, d->tx, key, sizeof(key), data,
				    s->bytes);
	if (s->deed == DEED_HREMOVE)
		return fam_hash_remove(w->hash, d->tx, key, sizeof(key));
	if (s->deed == DEED_APPEND)
		return fam_log_append(w->log, d->tx, data, s->bytes, NULL);
	return fam_log_cut(w->log, d->now->log_first + s->count);
}

static int do_part(const struct doing *d)
{
	switch (d->step->deed) {
	case DEED_WORD:
		return fam_tx_set_word(d->tx,
				       d->world->root + PLACE_WORD(d->step->at),
				       model_word(d->id, 0));
	case DEED_WORDS:
		return do_words(d);
	case DEED_TALLOC:
		return do_talloc(d);
	case DEED_TFREE:
		return do_tfree(d);
	case DEED_INTO:
		return do_into(d);
	case DEED_REMOTE:
		return do_remote(d);
	default:
		return do_container(d);
	}
}

/* In a transaction of its own, which is a part of the other. */
static int do_nested(struct doing part)
{
	struct fam_tx *inner;
	int r = fam_tx_begin(part.world->heap, part.tx, &inner);

	if (r < 0)
		return r;
	part.tx = inner;
	r = do_part(&part);
	if (r == 0)
		return fam_tx_commit(inner);
	fam_tx_abort(inner);
	return r;
}

static int do_tx(const struct doing *d)
{
	struct doing part = *d;
	int r = fam_tx_begin(d->world->heap, NULL, &part.tx);

	if (r < 0)
		return r;
	for (part.step = d->step->part; part.step->deed && r == 0;
	     part.step++) {
		r = d->step->nests ? do_nested(part) : do_part(&part);
		part.id++;
	}
	if (r == 0 && !d->step->aborts)
		return fam_tx_commit(part.tx);
	fam_tx_abort(part.tx);
	return r;
}

static int reopen(struct world *w)
{
	struct fam *fam = w->fam;

	world_close(w);
	return world_open(w, fam);
}

int world_do(struct world *w, const struct model *now, const struct step *step,
	     uint32_t id, fam_off *loose)
{
	const struct doing d = {w, now, step, id, NULL};

	switch (step->deed) {
	case DEED_PUT:
		return do_put(&d);
	case DEED_ALLOC:
	case DEED_ZALLOC:
		return fam_heap_alloc(
			w->heap, dest(&d), step->bytes,
			step->deed == DEED_ZALLOC ? FAM_HEAP_ZERO : 0, NULL);
	case DEED_FREE:
		return fam_heap_free(w->heap, dest(&d));
	case DEED_REALLOC:
		return fam_heap_realloc(w->heap, dest(&d), step->bytes, NULL);
	case DEED_LOOSE:
		return fam_heap_alloc(w->heap, 0, step->bytes, 0, loose);
	case DEED_RELEASE:
		return fam_heap_release(w->heap, now->loose[0].off);
	case DEED_FILL:
	case DEED_RAW:
		return do_fill(&d);
	case DEED_SETTLE:
		return fam_heap_settle(w->heap);
	case DEED_REOPEN:
		return reopen(w);
	case DEED_TX:
		return do_tx(&d);
	default:
		return do_container(&d);
	}
}
