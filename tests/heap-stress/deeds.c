// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
/* What a worker does with its own slots, keys and records. */
#include <string.h>

#include "worker.h"

#define IN_TX 12000 /* bytes that fit a transaction, with others */

static fam_off slot_at(struct worker *w, uint64_t i)
{
	return own_slot(&w->s, w->s.want->id, i);
}

static struct item slot_item(uint64_t i, struct thing to)
{
	return (struct item){SLOT, i, to};
}

static const struct thing nothing;

struct thing thing_of(struct worker *w, uint64_t bytes)
{
	uint64_t seed = next_random(&w->s.random) | 1;

	return (struct thing){bytes, seed, bytes, bytes};
}

int tx_end(struct fam_tx *tx, int r)
{
	if (r == 0)
		return CALL(fam_tx_commit(tx));
	fam_tx_abort(tx);
	return r;
}

/* --- one call ----------------------------------------------------------------------- */

static void put(struct worker *w, uint64_t i)
{
	struct item item = slot_item(i, thing_of(w, any_size(w)));

	begin(w, &item, 1);
	finish(w, PUT,
	       CALL(fam_heap_put(w->s.heap, slot_at(w, i),
				 blob_make(item.to.bytes, item.to.seed),
				 item.to.bytes, NULL)));
}

static void put_zeros(struct worker *w, uint64_t i)
{
	uint64_t bytes = any_size(w);
	struct item item = slot_item(i, (struct thing){bytes, 0, bytes, bytes});

	begin(w, &item, 1);
	finish(w, ZEROS,
	       CALL(fam_heap_alloc(w->s.heap, slot_at(w, i), bytes,
				   FAM_HEAP_ZERO, NULL)));
}

static void free_one(struct worker *w, uint64_t i)
{
	struct item item = slot_item(i, nothing);

	begin(w, &item, 1);
	finish(w, FREE, CALL(fam_heap_free(w->s.heap, slot_at(w, i))));
}

static void change_size(struct worker *w, uint64_t i)
{
	struct thing to = w->model->slot[i];
	struct item item;

	to.have = any_size(w);
	if (to.valid > to.have)
		to.valid = to.have;
	item = slot_item(i, to);
	begin(w, &item, 1);
	finish(w, REALLOC,
	       CALL(fam_heap_realloc(w->s.heap, slot_at(w, i), to.have, NULL)));
}

/* --- transactions ---------------------------------------------------------------------- */

/* A new one, in place of what is there. */
static int replace_in(struct worker *w, struct fam_tx *tx,
		      const struct item *item)
{
	fam_off was = w->s.root->own[w->s.want->id].slot[item->index], off;
	void *copy;
	int r = fam_tx_alloc(tx, item->to.bytes, 0, &off, &copy);

	if (r == 0) {
		blob_fill(copy, item->to.bytes, item->to.seed);
		r = fam_tx_set_word(tx, slot_at(w, item->index), off);
	}
	if (r == 0 && was)
		r = fam_tx_free(tx, was);
	return r;
}

static void replace(struct worker *w, uint64_t i)
{
	struct item item = slot_item(i, thing_of(w, any_size(w)));
	struct fam_tx *tx;
	int r;

	begin(w, &item, 1);
	r = CALL(fam_tx_begin(w->s.heap, NULL, &tx));
	finish(w, REPLACE, r ? r : tx_end(tx, replace_in(w, tx, &item)));
}

static int rewrite_in(struct worker *w, struct fam_tx *tx,
		      const struct item *item)
{
	fam_off off = w->s.root->own[w->s.want->id].slot[item->index];
	void *copy;
	int r = fam_tx_add(tx, off, item->to.valid, &copy);

	if (r == 0)
		blob_fill(copy, item->to.bytes, item->to.seed);
	return r;
}

static void rewrite(struct worker *w, uint64_t i)
{
	const struct thing *was = &w->model->slot[i];
	struct item item = slot_item(i, thing_of(w, was->valid));
	struct fam_tx *tx;
	int r;

	if (was->valid > IN_TX)
		return;
	begin(w, &item, 1);
	r = CALL(fam_tx_begin(w->s.heap, NULL, &tx));
	finish(w, REWRITE, r ? r : tx_end(tx, rewrite_in(w, tx, &item)));
}

static void swap(struct worker *w, uint64_t i, uint64_t j)
{
	const fam_off *slot = w->s.root->own[w->s.want->id].slot;
	struct item items[2] = {slot_item(i, w->model->slot[j]),
				slot_item(j, w->model->slot[i])};
	struct fam_tx *tx;
	int r;

	if (i == j)
		return;
	begin(w, items, 2);
	r = CALL(fam_tx_begin(w->s.heap, NULL, &tx));
	if (r == 0) {
		r = fam_tx_set_word(tx, slot_at(w, i), slot[j]);
		if (r == 0)
			r = fam_tx_set_word(tx, slot_at(w, j), slot[i]);
		r = tx_end(tx, r);
	}
	finish(w, SWAP, r);
}

/* --- keys and records -------------------------------------------------------------------- */

static int set_key(struct worker *w, struct fam_tx *tx, const struct item *item)
{
	char name[32];
	uint32_t len = own_key(w->s.want->id, item->index, name);

	if (!item->to.bytes)
		return fam_hash_remove(w->s.hash, tx, name, len);
	return fam_hash_put(w->s.hash, tx, name, len,
			    blob_make(item->to.bytes, item->to.seed),
			    item->to.bytes);
}

int append_own(struct worker *w, struct fam_tx *tx)
{
	struct stress_own *own = &w->s.root->own[w->s.want->id];
	const fam_off at = slot_at(w, 0) - offsetof(struct stress_own, slot);
	static unsigned char data[sizeof(struct stress_record) + 4096];
	struct stress_record head = {w->s.want->id, own->appended + 1};
	uint64_t bytes = BLOB_MIN + dice(w, dice(w, 8) ? 300 : 4000), number;
	int r;

	memcpy(data, &head, sizeof(head));
	blob_fill(data + sizeof(head), bytes, head.seq);
	r = fam_log_append(w->s.log, tx, data, sizeof(head) + bytes, &number);
	if (r == 0)
		r = fam_tx_set_word(tx,
				    at + offsetof(struct stress_own, appended),
				    head.seq);
	if (r == 0)
		r = fam_tx_set_word(
			tx, at + offsetof(struct stress_own, number), number);
	return r;
}

static void change_key(struct worker *w)
{
	uint64_t i = dice(w, OWN_KEYS);
	bool remove = w->model->key[i].bytes && dice(w, 3) == 0;
	struct item item = {KEY, i,
			    remove ? nothing : thing_of(w, any_size(w))};

	begin(w, &item, 1);
	finish(w, remove ? REMOVE_KEY : SET_KEY, CALL(set_key(w, NULL, &item)));
}

static void append(struct worker *w)
{
	struct item item = {RECORD, w->model->appended + 1, nothing};
	struct fam_tx *tx;
	int r;

	begin(w, &item, 1);
	r = CALL(fam_tx_begin(w->s.heap, NULL, &tx));
	finish(w, APPEND, r ? r : tx_end(tx, append_own(w, tx)));
}

/* An object, a key and a record, all or none; or it is thought better of. */
static int change_in(struct worker *w, struct fam_tx *tx,
		     const struct item items[3])
{
	int r = replace_in(w, tx, &items[0]);

	if (r == 0)
		r = CALL(set_key(w, tx, &items[1]));
	if (r == 0)
		r = CALL(append_own(w, tx));
	return r || dice(w, 5) ? r : -ECANCELED;
}

static void change_several(struct worker *w)
{
	const struct item items[3] = {
		slot_item(dice(w, OWN_SLOTS),
			  thing_of(w, BLOB_MIN + dice(w, 2000))),
		{KEY, dice(w, OWN_KEYS), thing_of(w, BLOB_MIN + dice(w, 1000))},
		{RECORD, w->model->appended + 1, nothing},
	};
	struct fam_tx *tx;
	int r;

	begin(w, items, 3);
	r = CALL(fam_tx_begin(w->s.heap, NULL, &tx));
	finish(w, SEVERAL, r ? r : tx_end(tx, change_in(w, tx, items)));
}

/* --- one of them ---------------------------------------------------------------------------- */

static void change_slot(struct worker *w, uint64_t i)
{
	if (!w->model->slot[i].bytes) {
		if (dice(w, 4))
			put(w, i);
		else
			put_zeros(w, i);
		return;
	}
	switch (dice(w, 6)) {
	case 0:
		free_one(w, i);
		break;
	case 1:
		change_size(w, i);
		break;
	case 2:
		rewrite(w, i);
		break;
	case 3:
		swap(w, i, dice(w, OWN_SLOTS));
		break;
	default:
		replace(w, i);
		break;
	}
}

void change_own(struct worker *w)
{
	switch (dice(w, 8)) {
	case 0:
	case 1:
		change_key(w);
		break;
	case 2:
		append(w);
		break;
	case 3:
		change_several(w);
		break;
	default:
		change_slot(w, dice(w, OWN_SLOTS));
		break;
	}
}
