// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <fam/atomic.h>
#include <fam/wait.h>

#include "fam-kv.h"

/* The store: made, opened, changed. */

#define MAKE_MS 60000 /* somebody else makes it: patience */
#define TRIES	8     /* when transactions wait for each other */
/* Of the heap, the history keeps one part in so many when room is short. */
#define HISTORY_SHARE 4
#define RECORD_COST   64 /* bytes of one beside what it says, at most */

/* --- failures -------------------------------------------------------------------- */

/* What helps more than with any other heap. */
static const char *hint_of(const struct kv *kv, const struct failure *failure)
{
	if (failure->error == -ENOSPC && kv->log)
		return "'fam kv rm' makes room, 'fam kv cut' where the history "
		       "takes it; 'fam heap stat' shows what is free";
	return failure->hint;
}

int say_store_failure(const struct kv *kv, const char *verb, int error)
{
	return say_heap_failure(kv->options, kv->fam, verb, kv->name, error,
				false);
}

static int say_no_key(const struct kv *kv, const char *key)
{
	static const char hint[] = "'fam kv list' shows what there is";
	char text[FAM_HASH_KEY_MAX + FAM_REGION_NAME_MAX + 64];

	snprintf(text, sizeof(text), "there is no key '%s' in heap '%s'", key,
		 kv->name);
	return say(kv->options, text, hint, EXIT_NO_KEY);
}

int say_kv_failure(const struct kv *kv, const char *verb, const char *key,
		   int error)
{
	const struct failure failure = heap_failure(error);
	char text[FAM_HASH_KEY_MAX + FAM_REGION_NAME_MAX + 512];

	if (error == -ENOENT)
		return say_no_key(kv, key);
	if (error == -ESTALE || error == -EINTR || error == -ENODEV)
		return say_store_failure(kv, verb, error);
	snprintf(text, sizeof(text), "cannot %s key '%s' in heap '%s': %s",
		 verb, key, kv->name, failure.cause);
	return say(kv->options, text, hint_of(kv, &failure), failure.status);
}

static int say_no_store(const struct kv *kv)
{
	static const char hint[] = "some other program uses the heap: take "
				   "another name with --heap";
	char text[FAM_REGION_NAME_MAX + 64];

	snprintf(text, sizeof(text), "heap '%s' has no store of keys",
		 kv->name);
	return say(kv->options, text, hint, EXIT_EXISTS);
}

static int say_none(const struct kv *kv)
{
	static const char hint[] = "'fam kv put' makes it";
	char text[FAM_REGION_NAME_MAX + 64];

	snprintf(text, sizeof(text), "there is no heap '%s'", kv->name);
	return say(kv->options, text, hint, EXIT_NO_FABRIC);
}

/* --- opening ---------------------------------------------------------------------- */

static int make_in(const struct kv *kv, struct fam_tx *tx, fam_off at)
{
	int r = fam_tx_lock(tx, &kv->root->lock, MAKE_MS);

	/* Another one may have made it meanwhile. */
	if (r < 0 ||
	    fam_atomic64_load(&kv->root->magic, FAM_ORDER_ACQUIRE) != 0)
		return r;
	r = fam_hash_create(kv->heap, tx, at + offsetof(struct kv_root, hash),
			    NULL);
	if (r == 0 && !kv->options->no_log)
		r = fam_log_create(kv->heap, tx,
				   at + offsetof(struct kv_root, log), NULL);
	if (r == 0)
		r = fam_tx_set_word(tx, at + offsetof(struct kv_root, magic),
				    KV_MAGIC);
	return r;
}

/* The map and the history, in one step. */
static int make(const struct kv *kv, fam_off at)
{
	struct fam_tx *tx;
	int r = fam_tx_begin(kv->heap, NULL, &tx);

	if (r < 0)
		return r;
	r = make_in(kv, tx, at);
	if (r == 0)
		return fam_tx_commit(tx);
	fam_tx_abort(tx);
	return r;
}

static int open_parts(struct kv *kv)
{
	const fam_off hash =
		fam_atomic64_load(&kv->root->hash, FAM_ORDER_ACQUIRE);
	const fam_off log =
		fam_atomic64_load(&kv->root->log, FAM_ORDER_ACQUIRE);
	int r = fam_hash_open(kv->heap, hash, &kv->hash);

	if (r == 0 && log)
		r = fam_log_open(kv->heap, log, &kv->log);
	/* The root says that they are there. */
	return r == -EMEDIUMTYPE ? -EBADMSG : r;
}

static uint64_t magic_of(const struct kv *kv)
{
	return fam_atomic64_load(&kv->root->magic, FAM_ORDER_ACQUIRE);
}

/* A root that was made for a store in which nothing was stored yet? */
static bool is_new(const struct kv *kv)
{
	static const struct kv_root zeros;
	fam_off at;

	return fam_heap_root(kv->heap, sizeof(struct kv_root), &at) == 0 &&
	       fam_heap_root(kv->heap, sizeof(struct kv_root) + 1, &at) ==
		       -ERANGE &&
	       memcmp(kv->root, &zeros, offsetof(struct kv_root, lock)) == 0;
}

/* What the root object says; EXIT_DONE, or an exit status. */
static int open_store(struct kv *kv, bool create)
{
	fam_off at = 0;
	int r = fam_heap_root(kv->heap, 0, &at);

	if (r == -ENOENT && create)
		r = fam_heap_root(kv->heap, sizeof(struct kv_root), &at);
	if (r == -ENOENT)
		return EXIT_DONE; /* nothing was ever stored */
	if (r < 0 && r != -ERANGE)
		return say_store_failure(kv, "open", r);
	/* Of those of the first release the last words are missing. */
	if (r == 0)
		kv->root = fam_heap_at(kv->heap, at,
				       offsetof(struct kv_root, reserved2));
	if (!kv->root || at % sizeof(struct fam_mutex))
		return say_no_store(kv);
	if (magic_of(kv) == 0 && is_new(kv)) {
		if (!create)
			return EXIT_DONE;
		r = make(kv, at);
		if (r < 0)
			return say_store_failure(kv, "make a store in", r);
	}
	if (magic_of(kv) != KV_MAGIC)
		return say_no_store(kv);
	r = open_parts(kv);
	return r < 0 ? say_store_failure(kv, "open", r) : EXIT_DONE;
}

static int open_heap(struct kv *kv, bool create)
{
	int r = fam_heap_open(kv->fam, kv->name, FAM_REGION_WRITE, &kv->heap);

	if (r != -ENOENT || !create)
		return r;
	r = heap_create(kv->options, kv->fam, kv->name, kv->options->bytes,
			&kv->heap);
	/* Somebody else was faster. */
	return r == -EEXIST ? fam_heap_open(kv->fam, kv->name, FAM_REGION_WRITE,
					    &kv->heap)
			    : r;
}

static void let_go(struct kv *kv)
{
	fam_hash_close(kv->hash);
	fam_log_close(kv->log);
	fam_heap_close(kv->heap);
}

int kv_open(const struct options *options, bool create, struct kv *out)
{
	struct fam_session self;
	int r, status = heap_check_want(options, options->bytes);

	*out = (struct kv){
		.options = options,
		.name = options->heap ? options->heap : KV_HEAP,
	};
	if (status == EXIT_DONE)
		status = regions_change(options, &out->fam);
	if (status)
		return status;
	if (fam_session_self(out->fam, &self) == 0)
		memcpy(out->node, self.node, sizeof(out->node));
	r = open_heap(out, create);
	if (r == -ENOENT)
		status = say_none(out);
	else if (r < 0)
		status = say_heap_failure(options, out->fam, "open", out->name,
					  r, create);
	else
		status = open_store(out, create);
	if (status == EXIT_DONE)
		return EXIT_DONE;
	let_go(out);
	return peer_close(out->fam, status);
}

int kv_close(struct kv *kv, int status)
{
	let_go(kv);
	return peer_close(kv->fam, status);
}

/* --- changes ---------------------------------------------------------------------- */

static int remember(const struct kv *kv, struct fam_tx *tx,
		    const struct kv_change *change, uint64_t *number)
{
	uint8_t text[KV_RECORD_MAX];
	size_t node = strnlen(kv->node, sizeof(kv->node));
	struct kv_record record = {
		.kind = change->kind,
		.key_bytes = change->key_bytes,
		.node_bytes = (uint32_t)node,
		.bytes = change->bytes,
	};
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	record.time_ns =
		(uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
	memcpy(text, &record, sizeof(record));
	memcpy(text + sizeof(record), change->key, change->key_bytes);
	memcpy(text + sizeof(record) + change->key_bytes, kv->node, node);
	return fam_log_append(kv->log, tx, text,
			      sizeof(record) + change->key_bytes + node,
			      number);
}

/*
 * The history goes first: its lock is held to the end of the transaction, so two
 * that change several keys never wait for each other in the map.
 */
static int change_one(const struct kv *kv, struct fam_tx *tx,
		      const struct kv_change *change, uint64_t *number)
{
	int r = kv->log ? remember(kv, tx, change, number) : 0;

	if (r < 0)
		return r;
	if (change->kind == KV_REMOVE)
		return fam_hash_remove(kv->hash, tx, change->key,
				       change->key_bytes);
	return fam_hash_put(kv->hash, tx, change->key, change->key_bytes,
			    change->value, change->bytes);
}

static int try_changes(const struct kv *kv, const struct kv_change *changes,
		       size_t count, uint64_t *number)
{
	struct fam_tx *tx;
	int r = fam_tx_begin(kv->heap, NULL, &tx);

	if (r < 0)
		return r;
	if (!kv->log && count > 1)
		r = fam_tx_lock(tx, &kv->root->lock, -1);
	for (size_t i = 0; i < count && r == 0; i++)
		r = change_one(kv, tx, &changes[i], number);
	if (r == 0)
		return fam_tx_commit(tx);
	fam_tx_abort(tx);
	return r;
}

static int add_bytes(uint64_t number, const void *data, uint64_t bytes,
		     void *arg)
{
	(void)number;
	(void)data;
	*(uint64_t *)arg += bytes + RECORD_COST;
	return 0;
}

/*
 * Does the history give way? Of what only removes, always: that makes room. Else it
 * keeps its share; and all of it, if not even that makes room.
 */
static bool gives_way(const struct kv *kv, const struct kv_change *changes,
		      size_t count)
{
	uint64_t wanted = 0, history = 0;
	struct fam_heap_stat stat;
	bool removes = true;

	for (size_t i = 0; i < count; i++) {
		wanted += changes[i].bytes;
		removes = removes && changes[i].kind == KV_REMOVE;
	}
	if (!kv->log || fam_log_each(kv->log, 1, add_bytes, &history) < 0 ||
	    fam_heap_stat(kv->heap, &stat, sizeof(stat)) < 0)
		return false;
	return history > (removes ? 0 : stat.space / HISTORY_SHARE) &&
	       wanted <= stat.free + stat.idle + history;
}

/* The older half of it goes. */
static int make_room(const struct kv *kv)
{
	uint64_t first, last;
	int r = fam_log_range(kv->log, &first, &last);

	return r < 0 ? r : fam_log_cut(kv->log, first + (last - first) / 2 + 1);
}

int kv_apply(struct kv *kv, const struct kv_change *changes, size_t count,
	     uint64_t *number)
{
	unsigned int tries = 0;
	uint64_t last = 0;
	int r;

	do {
		r = try_changes(kv, changes, count, &last);
		while (r == -ENOSPC && gives_way(kv, changes, count) &&
		       make_room(kv) == 0 && !peer_stopped())
			r = try_changes(kv, changes, count, &last);
	} while (r == -EDEADLK && ++tries < TRIES && !peer_stopped());
	if (r < 0)
		return r;
	if (number)
		*number = last;
	fam_atomic64_fetch_add(&kv->root->bell, 1, FAM_ORDER_RELEASE);
	/* Where nobody can sleep, nobody is to be woken. */
	(void)fam_word_wake(kv->fam, &kv->root->bell, INT_MAX);
	return 0;
}

int kv_value(struct kv *kv, const void *key, uint32_t key_bytes, void **value,
	     uint64_t *bytes)
{
	uint64_t room = 4096;
	int r;

	if (!kv->hash)
		return -ENOENT;
	do {
		*value = malloc(room);
		if (!*value)
			return -ENOMEM;
		r = fam_hash_get(kv->hash, NULL, key, key_bytes, *value, room,
				 bytes);
		if (r == 0)
			return 0;
		free(*value);
		*value = NULL;
		room = *bytes; /* and it may have grown meanwhile */
	} while (r == -ERANGE && *bytes <= FAM_HASH_VALUE_MAX);
	return r == -ERANGE ? -EBADMSG : r;
}
