// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
/* Is what a heap holds what a model says? */
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "place.h"
#include "world.h"

#define OBJECTS	  512
#define VALUE_MAX 16384

static bool is_not(struct world *w, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

static bool is_not(struct world *w, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(w->why, sizeof(w->why), format, args);
	va_end(args);
	return false;
}

static const uint64_t *at(struct world *w, fam_off off, uint64_t bytes)
{
	return fam_heap_at(w->heap, off, bytes);
}

/* --- objects ------------------------------------------------------------------------ */

static uint64_t wanted(const struct object *o, uint64_t i)
{
	uint32_t id = i < MODEL_HEAD / 8 ? o->head : o->body;

	return id ? model_word(id, i) : 0;
}

static bool is_filled(struct world *w, unsigned int slot,
		      const struct object *o, const uint64_t *word)
{
	for (uint64_t i = 0; i < o->known / 8; i++) {
		if (word[i] != wanted(o, i))
			return is_not(w,
				      "slot %u, %" PRIu64
				      " bytes: word %" PRIu64 " is %#" PRIx64
				      ", not %#" PRIx64,
				      slot, o->bytes, i, word[i], wanted(o, i));
	}
	return true;
}

static bool is_slot(struct world *w, unsigned int slot, const struct object *o)
{
	fam_off off = *at(w, w->root + PLACE_SLOT(slot), 8);
	const uint64_t *memory;
	uint64_t usable;

	if (!o->bytes)
		return off == 0 ||
		       is_not(w, "slot %u names %#" PRIx64, slot, off);
	memory = off ? at(w, off, o->bytes) : NULL;
	if (!memory)
		return is_not(w, "slot %u names %#" PRIx64 ", no object", slot,
			      off);
	if (fam_heap_usable(w->heap, off, &usable) < 0 || usable < o->bytes)
		return is_not(w, "slot %u: %#" PRIx64 " is not allocated", slot,
			      off);
	return is_filled(w, slot, o, memory);
}

static bool are_words(struct world *w, const struct model *m)
{
	for (unsigned int i = 0; i < MODEL_WORDS; i++) {
		uint64_t word = *at(w, w->root + PLACE_WORD(i), 8);

		if (word != m->word[i])
			return is_not(w,
				      "word %u is %#" PRIx64 ", not %#" PRIx64,
				      i, word, m->word[i]);
	}
	for (unsigned int i = 0; i < MODEL_REMOTE; i++) {
		uint64_t word = w->remote[PLACE_REMOTE(i)];

		if (word != m->remote[i])
			return is_not(w,
				      "word %u of the other region is %#" PRIx64
				      ", not %#" PRIx64,
				      i, word, m->remote[i]);
	}
	return true;
}

/* --- containers ----------------------------------------------------------------------- */

static bool is_value(const struct value *v, const uint64_t *data,
		     uint64_t bytes)
{
	if (bytes != v->bytes)
		return false;
	for (uint64_t i = 0; i < bytes / 8; i++) {
		if (data[i] != model_word(v->id, i))
			return false;
	}
	return true;
}

static bool is_key(struct world *w, unsigned int n, const struct value *v)
{
	static uint64_t data[VALUE_MAX / 8];
	const char key[2] = {'k', (char)('0' + n)};
	uint64_t bytes = 0;
	int r = fam_hash_get(w->hash, NULL, key, sizeof(key), data,
			     sizeof(data), &bytes);

	if (r == -ENOENT && v->id == 0)
		return true;
	if (r < 0 || v->id == 0 || !is_value(v, data, bytes))
		return is_not(w, "key %u: %s, %" PRIu64 " bytes, not %u", n,
			      fam_strerror(r), bytes, v->bytes);
	return true;
}

static bool is_log(struct world *w, const struct model *m)
{
	static uint64_t data[VALUE_MAX / 8];
	uint64_t first, last, bytes = 0;
	int r = fam_log_range(w->log, &first, &last);

	if (r < 0 || last != m->log_last || first != m->log_first)
		return is_not(w,
			      "log from %" PRIu64 " to %" PRIu64
			      ", not %" PRIu64 " to %" PRIu64 " (%s)",
			      first, last, m->log_first, m->log_last,
			      fam_strerror(r));
	for (uint64_t n = first; n <= last; n++) {
		r = fam_log_read(w->log, n, data, sizeof(data), &bytes);
		if (r < 0 || !is_value(&m->log[n % MODEL_LOG], data, bytes))
			return is_not(w, "record %" PRIu64 " of the log: %s", n,
				      fam_strerror(r));
	}
	return true;
}

static bool are_containers(struct world *w, const struct model *m)
{
	uint64_t count = 0;

	if (!w->hash)
		return true;
	for (unsigned int n = 0; n < MODEL_KEYS; n++) {
		if (!is_key(w, n, &m->key[n]))
			return false;
		count += m->key[n].id != 0;
	}
	if (fam_hash_count(w->hash) != count)
		return is_not(w, "the map counts %" PRIu64 ", not %" PRIu64,
			      fam_hash_count(w->hash), count);
	return is_log(w, m);
}

/* --- what is allocated ------------------------------------------------------------------ */

struct list {
	struct world *world;
	fam_off off[OBJECTS];
	bool named[OBJECTS];
	unsigned int count;
	uint64_t end, bytes;
	bool bad;
};

static int note(fam_off off, uint64_t usable, void *arg)
{
	struct list *l = arg;

	if (l->count == OBJECTS || off < l->end || usable == 0) {
		l->bad = true;
		return 1;
	}
	l->off[l->count++] = off;
	l->end = off + usable;
	l->bytes += usable;
	return 0;
}

/* Is it on the list? It is named from now on. */
static bool has(struct list *l, fam_off off)
{
	for (unsigned int i = 0; i < l->count; i++) {
		if (l->off[i] == off)
			return l->named[i] = true;
	}
	return false;
}

static fam_off not_named(const struct list *l)
{
	for (unsigned int i = 0; i < l->count; i++) {
		if (!l->named[i])
			return l->off[i];
	}
	return 0;
}

/* What is named is on the list, and nothing is named twice. */
static unsigned int count_named(struct list *l, const struct model *m,
				bool *missing)
{
	unsigned int count = 1;

	*missing = !has(l, l->world->root);
	for (unsigned int i = 0; i < MODEL_SLOTS; i++) {
		fam_off off = *at(l->world, l->world->root + PLACE_SLOT(i), 8);

		count += off != 0;
		*missing |= off != 0 && !has(l, off);
		for (unsigned int k = 0; k < i && off; k++)
			*missing |=
				off == *at(l->world,
					   l->world->root + PLACE_SLOT(k), 8);
	}
	for (unsigned int i = 0; i < MODEL_LOOSE; i++) {
		count += m->loose[i].bytes != 0;
		*missing |= m->loose[i].off && !has(l, m->loose[i].off);
	}
	return count;
}

static bool are_all(struct world *w, const struct model *m, bool exact)
{
	struct list list = {.world = w};
	unsigned int count;
	bool missing;

	if (fam_heap_each(w->heap, note, &list) != 0 || list.bad)
		return is_not(w, "what is allocated overlaps");
	count = count_named(&list, m, &missing);
	if (missing)
		return is_not(w, "something is named that is not allocated");
	if (list.count != count && (exact || list.count < count))
		return is_not(w,
			      "%u objects are allocated, not %u: %#" PRIx64
			      " is lost",
			      list.count, count, not_named(&list));
	return true;
}

static bool is_alone(struct world *w)
{
	int r = 0;

	if (w->hash)
		r = fam_hash_destroy(w->hash, w->root + PLACE_HASH);
	if (r == 0 && w->log)
		r = fam_log_destroy(w->log, w->root + PLACE_LOG);
	if (r < 0)
		return is_not(w, "containers cannot be destroyed: %s",
			      fam_strerror(r));
	fam_hash_close(w->hash);
	fam_log_close(w->log);
	w->hash = NULL;
	w->log = NULL;
	return true;
}

bool world_is(struct world *w, const struct model *m, bool alone)
{
	for (unsigned int i = 0; i < MODEL_SLOTS; i++) {
		if (!is_slot(w, i, &m->slot[i]))
			return false;
	}
	if (!are_words(w, m) || !are_containers(w, m))
		return false;
	if (alone && !is_alone(w))
		return false;
	return are_all(w, m, !w->hash);
}

/* --- what comes next ---------------------------------------------------------------------- */

static bool is_balanced(struct world *w, struct fam_heap_stat *stat)
{
	struct list list = {.world = w};
	int r = fam_heap_stat(w->heap, stat, sizeof(*stat));

	if (r < 0 || fam_heap_each(w->heap, note, &list) != 0)
		return is_not(w, "no statistics: %s", fam_strerror(r));
	if (stat->objects != list.count || stat->used != list.bytes ||
	    stat->used + stat->free + stat->idle != stat->space)
		return is_not(w,
			      "%" PRIu64 " objects of %" PRIu64
			      " bytes, idle %" PRIu64 ", free %" PRIu64
			      " of %" PRIu64 "; %u of %" PRIu64 " are told",
			      stat->objects, stat->used, stat->idle, stat->free,
			      stat->space, list.count, list.bytes);
	return true;
}

/* A small one, and the largest piece there is; then all is as before. */
bool world_goes_on(struct world *w)
{
	const uint64_t word = UINT64_C(0x1234567890abcdef);
	struct fam_heap_stat before, after;
	fam_off small, large = 0;
	int r;

	if (!is_balanced(w, &before))
		return false;
	r = fam_heap_put(w->heap, 0, &word, sizeof(word), &small);
	if (r == 0 && *at(w, small, 8) != word)
		r = -EIO;
	if (r == 0 && fam_heap_stat(w->heap, &after, sizeof(after)) == 0 &&
	    after.largest)
		r = fam_heap_alloc(w->heap, 0, after.largest, 0, &large);
	if (r == 0 && large)
		r = fam_heap_release(w->heap, large);
	if (r == 0)
		r = fam_heap_release(w->heap, small);
	if (r < 0)
		return is_not(w, "it does not go on: %s", fam_strerror(r));
	if (!is_balanced(w, &after))
		return false;
	return (after.objects == before.objects && after.used == before.used) ||
	       is_not(w, "something is left behind");
}
