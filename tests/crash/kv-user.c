// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
/*
 * Puts and removes keys, durably, and says what is certain by lines to the recorded
 * disk; see kv-line.h.
 *
 * usage: fam-kv-user make FABRIC
 *	a heap with an empty map and an empty log
 * usage: fam-kv-user put FABRIC MARKS P FIRST COUNT
 *	as program P, versions from FIRST on. MARKS: a socket, or a node's serial
 *	port that leads there; FABRIC '': the one that is attached
 */
#include <err.h>
#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <termios.h>
#include <unistd.h>

#include <fam/fam.h>
#include <fam/hash.h>
#include <fam/log.h>
#include <fam/tx.h>

#include "kv-line.h"
#include "marks.h"

/* Journals are as short as they get, so that they begin anew again and again. */
#define HEAP_BYTES    (UINT64_C(4) << 20)
#define JOURNALS      8
#define JOURNAL_BYTES 16384

struct user {
	struct fam *fam;
	struct fam_heap *heap;
	struct fam_hash *hash;
	struct fam_log *log;
	int marks;
	uint64_t number, random;
};

static void expect(int r, const char *what)
{
	if (r < 0)
		errx(1, "cannot %s: %s", what, fam_strerror(r));
}

/* In a node, it is to be on the tape before what comes next. */
static void say(const struct user *u, const char *what, uint64_t name,
		uint64_t version, enum kv_deed deed)
{
	marks_say(u->marks, "%s %" PRIu64 " %" PRIu64 " %" PRIu64 " %d\n", what,
		  u->number, name, version, (int)deed);
	if (isatty(u->marks) && tcdrain(u->marks) < 0)
		err(1, "cannot say so");
}

/* --- the store ------------------------------------------------------------------------ */

static void make(const char *fabric)
{
	const struct fam_heap_want want = {.bytes = HEAP_BYTES,
					   .journals = JOURNALS,
					   .journal_bytes = JOURNAL_BYTES};
	struct user u = {0};
	fam_off at;

	expect(fam_open(&u.fam, fabric, 0), "open the fabric");
	expect(fam_heap_create(u.fam, KV_HEAP, &want, &u.heap), "make a heap");
	expect(fam_heap_root(u.heap, sizeof(struct kv_root), &at),
	       "make its root");
	expect(fam_hash_create(u.heap, NULL,
			       at + offsetof(struct kv_root, hash), NULL),
	       "make a map");
	expect(fam_log_create(u.heap, NULL, at + offsetof(struct kv_root, log),
			      NULL),
	       "make a log");
	fam_heap_close(u.heap);
	fam_close(u.fam);
}

static void open_store(struct user *u, const char *fabric)
{
	const struct kv_root *root;
	fam_off at;

	expect(fam_open(&u->fam, *fabric ? fabric : NULL, 0),
	       "open the fabric");
	expect(fam_heap_open(u->fam, KV_HEAP, FAM_REGION_WRITE, &u->heap),
	       "open the heap");
	expect(fam_heap_root(u->heap, 0, &at), "find its root");
	root = fam_heap_at(u->heap, at, sizeof(*root));
	expect(fam_hash_open(u->heap, root->hash.off, &u->hash),
	       "open the map");
	expect(fam_log_open(u->heap, root->log.off, &u->log), "open the log");
}

static void close_store(struct user *u)
{
	fam_log_close(u->log);
	fam_hash_close(u->hash);
	fam_heap_close(u->heap);
	fam_close(u->fam);
}

/* The map's part, and with a transaction the log's, whose lock is taken first. */
static void change(struct user *u, struct fam_tx *tx, uint64_t name,
		   uint64_t version, enum kv_deed deed)
{
	const struct kv_record record = {u->number, name, version, deed};
	const struct kv_value head = {u->number, name, version};
	uint8_t value[KV_MAX];
	char key[KV_TEXT];
	uint32_t len = kv_text(key, u->number, name);
	int r;

	if (tx)
		expect(fam_log_append(u->log, tx, &record, sizeof(record),
				      NULL),
		       "append");
	if (deed != KV_REMOVE) {
		uint64_t bytes = kv_fill(value, &head);

		expect(fam_hash_put(u->hash, tx, key, len, value, bytes),
		       "put");
		return;
	}
	r = fam_hash_remove(u->hash, tx, key, len);
	/* It may never have been there. */
	if (r != -ENOENT)
		expect(r, "remove");
}

static void change_in_tx(struct user *u, uint64_t name, uint64_t version,
			 enum kv_deed deed)
{
	struct fam_tx *tx;

	expect(fam_tx_begin(u->heap, NULL, &tx), "begin");
	change(u, tx, name, version, deed);
	if (deed == KV_PAIR)
		change(u, tx, name ^ 1, version, deed);
	expect(fam_tx_commit(tx), "commit");
}

static void one_change(struct user *u, uint64_t version)
{
	uint64_t name = record_random(&u->random) % KV_NAMES;
	enum kv_deed deed =
		(enum kv_deed)(record_random(&u->random) %
			       (name < KV_LOGGED ? KV_DEEDS : KV_PAIR));

	say(u, "will", name, version, deed);
	if (name < KV_LOGGED)
		change_in_tx(u, name, version, deed);
	else
		change(u, NULL, name, version, deed);
	say(u, "did", name, version, deed);
}

int main(int argc, char **argv)
{
	struct user u = {0};
	uint64_t first, count;

	if (argc == 3 && strcmp(argv[1], "make") == 0) {
		make(argv[2]);
		return 0;
	}
	if (argc != 7 || strcmp(argv[1], "put") != 0)
		errx(2, "usage: fam-kv-user make FABRIC, or "
			"put FABRIC MARKS P FIRST COUNT");
	open_store(&u, argv[2]);
	u.marks = marks_open(argv[3]);
	u.number = strtoull(argv[4], NULL, 10);
	first = strtoull(argv[5], NULL, 10);
	count = strtoull(argv[6], NULL, 10);
	u.random = u.number << 32 | first;
	for (uint64_t v = first; v < first + count; v++)
		one_change(&u, v);
	close_store(&u);
	return 0;
}
