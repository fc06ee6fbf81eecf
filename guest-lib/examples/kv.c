// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
/*
 * Words and what they mean, for all nodes at once, and a history of them: a map and
 * a log in one heap, changed in one step. What was put is there after any crash.
 *
 * usage: kv put KEY VALUE [FABRIC]
 *        kv get|history KEY [FABRIC]
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <fam/fam.h>

#define NAME "example/kv"

/* Zeros: to be made. 128 bytes, so that the heap aligns it and its lock. */
struct root {
	struct fam_mutex lock;
	fam_off map, history;
};

struct store {
	struct fam_heap *heap;
	struct fam_hash *map;
	struct fam_log *history;
};

/* Whoever comes first makes them, in one step with the places that name them. */
static int make(struct fam_heap *heap, fam_off off)
{
	struct root *root = fam_heap_at(heap, off, sizeof(*root));
	struct fam_tx *tx;
	int r = fam_tx_begin(heap, NULL, &tx);

	if (r < 0)
		return r;
	r = fam_tx_lock(tx, &root->lock, -1);
	if (r == 0 && !root->map)
		r = fam_hash_create(heap, tx, off + offsetof(struct root, map),
				    NULL);
	if (r == 0 && !root->history)
		r = fam_log_create(heap, tx,
				   off + offsetof(struct root, history), NULL);
	if (r == 0)
		return fam_tx_commit(tx);
	fam_tx_abort(tx);
	return r;
}

static int open_store(struct fam *fam, struct store *store)
{
	const struct fam_heap_want want = {.bytes = 4 << 20};
	struct root *root;
	fam_off off = 0;
	int r = fam_heap_create(fam, NAME, &want, &store->heap);

	if (r == -EEXIST)
		r = fam_heap_open(fam, NAME, FAM_REGION_WRITE, &store->heap);
	if (r == 0)
		r = fam_heap_root(store->heap, sizeof(*root), &off);
	if (r < 0)
		return r;
	root = fam_heap_at(store->heap, off, sizeof(*root));
	r = make(store->heap, off);
	if (r == 0)
		r = fam_hash_open(store->heap, root->map, &store->map);
	return r < 0 ? r
		     : fam_log_open(store->heap, root->history,
				    &store->history);
}

static int put(struct store *store, const char *key, const char *value)
{
	char line[4096];
	struct fam_tx *tx;
	int r = fam_tx_begin(store->heap, NULL, &tx);

	if (r < 0)
		return r;
	snprintf(line, sizeof(line), "%s = %s", key, value);
	r = fam_hash_put(store->map, tx, key, (uint32_t)strlen(key), value,
			 strlen(value));
	if (r == 0)
		r = fam_log_append(store->history, tx, line, strlen(line),
				   NULL);
	if (r == 0)
		return fam_tx_commit(tx);
	fam_tx_abort(tx);
	return r;
}

static int get(struct store *store, const char *key)
{
	static char value[65536];
	uint64_t bytes;
	int r = fam_hash_get(store->map, NULL, key, (uint32_t)strlen(key),
			     value, sizeof(value), &bytes);

	if (r == 0)
		printf("%.*s\n", (int)bytes, value);
	if (r != -ENOENT)
		return r;
	fprintf(stderr, "kv: there is no '%s'\n", key);
	return 1;
}

static int show(uint64_t number, const void *data, uint64_t bytes, void *arg)
{
	const char *key = arg, *line = data;
	size_t len = strlen(key);

	if (bytes > len + 2 && memcmp(line, key, len) == 0 &&
	    memcmp(line + len, " = ", 3) == 0)
		printf("%llu: %.*s\n", (unsigned long long)number, (int)bytes,
		       line);
	return 0;
}

static int run(struct store *store, char **argv)
{
	if (strcmp(argv[1], "put") == 0)
		return put(store, argv[2], argv[3]);
	if (strcmp(argv[1], "get") == 0)
		return get(store, argv[2]);
	return fam_log_each(store->history, 1, show, argv[2]);
}

int main(int argc, char **argv)
{
	const int args = argc > 1 && strcmp(argv[1], "put") == 0 ? 4 : 3;
	struct store store = {0};
	struct fam *fam;
	int r;

	if (argc < args) {
		fprintf(stderr, "usage: kv put KEY VALUE [FABRIC]\n"
				"       kv get|history KEY [FABRIC]\n");
		return 2;
	}
	r = fam_open(&fam, argc > args ? argv[args] : NULL, 0);
	if (r == 0) {
		r = open_store(fam, &store);
		if (r == 0)
			r = run(&store, argv);
		fam_log_close(store.history);
		fam_hash_close(store.map);
		fam_heap_close(store.heap);
		fam_close(fam);
	}
	if (r < 0)
		fprintf(stderr, "kv: '%s': %s\n", argv[2], fam_strerror(r));
	return r != 0;
}
