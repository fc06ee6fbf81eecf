// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
/*
 * When all have ended. What is allocated is what can be found, no more and no
 * less; all contents are whole; the log has no gap. Then all is freed: the whole
 * heap can be had again.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "stress.h"

#define CHUNK 65536

struct seen {
	fam_off *off;
	size_t count, room;
};

static int collect(fam_off off, uint64_t usable, void *arg)
{
	struct seen *seen = arg;

	(void)usable;
	if (seen->count == seen->room) {
		seen->room = seen->room ? seen->room * 2 : 1024;
		seen->off =
			reallocarray(seen->off, seen->room, sizeof(*seen->off));
		if (!seen->off)
			abort();
	}
	seen->off[seen->count++] = off;
	return 0;
}

static void expect(int r, const char *what)
{
	if (r < 0)
		fail("%s: %s", what, fam_strerror(r));
}

/* --- contents -------------------------------------------------------------------------- */

static int check_pair(const void *key, uint32_t key_bytes, const void *value,
		      uint64_t bytes, void *arg)
{
	if (!blob_whole(value, bytes))
		fail("the value of '%.*s' is not whole", (int)key_bytes,
		     (const char *)key);
	++*(uint64_t *)arg;
	return 0;
}

struct tally {
	uint64_t next, last[WORKERS], number[WORKERS];
};

static int check_record(uint64_t number, const void *data, uint64_t bytes,
			void *arg)
{
	struct tally *t = arg;
	struct stress_record head;

	if (t->next && number != t->next)
		fail("record %" PRIu64 " follows %" PRIu64, number,
		     t->next - 1);
	t->next = number + 1;
	if (bytes < sizeof(head))
		fail("record %" PRIu64 " has %" PRIu64 " bytes", number, bytes);
	memcpy(&head, data, sizeof(head));
	if (head.id >= WORKERS || !blob_whole((const char *)data + sizeof(head),
					      bytes - sizeof(head)))
		fail("record %" PRIu64 " is not whole", number);
	if (t->last[head.id] && head.seq != t->last[head.id] + 1)
		fail("record %" PRIu64 " is number %" PRIu64
		     " of worker %" PRIu64 ", behind %" PRIu64,
		     number, head.seq, head.id, t->last[head.id]);
	t->last[head.id] = head.seq;
	t->number[head.id] = number;
	return 0;
}

static void check_log(struct stress *s)
{
	struct tally t = {0};
	uint64_t first, last;

	expect(fam_log_range(s->log, &first, &last), "range of the log");
	expect(fam_log_each(s->log, first, check_record, &t), "log");
	if (t.next && t.next != last + 1)
		fail("the log ends with %" PRIu64 ", not %" PRIu64, t.next - 1,
		     last);
	for (unsigned int i = 0; i < WORKERS; i++) {
		const struct stress_own *own = &s->root->own[i];

		if (own->number >= first && own->appended &&
		    (t.last[i] != own->appended || t.number[i] != own->number))
			fail("worker %u appended %" PRIu64
			     " records; the log has %" PRIu64,
			     i, own->appended, t.last[i]);
	}
	printf("# log: %" PRIu64 " to %" PRIu64 "\n", first, last);
}

static void check_contents(struct stress *s)
{
	uint64_t pairs = 0, sum = 0;

	expect(fam_hash_each(s->hash, check_pair, &pairs), "map");
	if (pairs != fam_hash_count(s->hash))
		fail("%" PRIu64 " pairs; %" PRIu64 " are told", pairs,
		     fam_hash_count(s->hash));
	check_log(s);
	for (unsigned int i = 0; i < SHARED; i++)
		look_shared(s, i);
	for (unsigned int i = 0; i < ACCOUNTS; i++)
		sum += s->root->account[i];
	if (sum)
		fail("%" PRIu64 " too much in the bank", sum);
	printf("# map: %" PRIu64 " pairs\n", pairs);
}

/* --- what is allocated -------------------------------------------------------------------- */

static void compare_stat(struct stress *s, const struct seen *seen)
{
	struct fam_heap_stat stat;

	expect(fam_heap_stat(s->heap, &stat, sizeof(stat)), "stat");
	if (stat.objects != seen->count)
		fail("%zu objects; %" PRIu64 " are told", seen->count,
		     stat.objects);
	if (stat.used + stat.idle + stat.free != stat.space)
		fail("%" PRIu64 " used, %" PRIu64 " idle, %" PRIu64
		     " free are not %" PRIu64 " bytes",
		     stat.used, stat.idle, stat.free, stat.space);
	if (stat.writers)
		fail("%u journals are in use by nobody", stat.writers);
	printf("# %zu objects, %" PRIu64 " of %" PRIu64 " bytes used, %" PRIu64
	       " idle, stamp %" PRIu64 "\n",
	       seen->count, stat.used, stat.space, stat.idle, stat.stamp);
}

static int by_offset(const void *a, const void *b)
{
	fam_off x = *(const fam_off *)a, y = *(const fam_off *)b;

	return x < y ? -1 : x > y;
}

static size_t add_slots(const fam_off *slot, unsigned int count, fam_off *out)
{
	size_t n = 0;

	for (unsigned int i = 0; i < count; i++) {
		if (slot[i])
			out[n++] = slot[i];
	}
	return n;
}

/* All that leads somewhere, when there is no map and no log any more. */
static size_t found(const struct stress *s, fam_off *out)
{
	size_t n = 1;

	out[0] = s->at;
	n += add_slots(s->root->shared, SHARED, out + n);
	for (unsigned int i = 0; i < WORKERS; i++)
		n += add_slots(s->root->own[i].slot, OWN_SLOTS, out + n);
	qsort(out, n, sizeof(*out), by_offset);
	return n;
}

static void compare(struct stress *s, const struct seen *seen)
{
	static fam_off out[1 + SHARED + WORKERS * OWN_SLOTS];
	size_t n = found(s, out);
	uint64_t usable = 0;

	for (size_t i = 0; i < n || i < seen->count; i++) {
		fam_off a = i < n ? out[i] : 0;
		fam_off b = i < seen->count ? seen->off[i] : 0;

		if (a == b)
			continue;
		if (!a || (b && b < a)) {
			(void)fam_heap_usable(s->heap, b, &usable);
			fail("%" PRIu64 " is allocated, with %" PRIu64
			     " bytes, and nothing leads there",
			     b, usable);
		}
		fail("%" PRIu64 " is in use, and not allocated", a);
	}
}

/* --- all of it is freed ---------------------------------------------------------------------- */

static void destroy_containers(struct stress *s)
{
	const fam_off at = s->at + offsetof(struct stress_root, hash);

	expect(fam_hash_destroy(s->hash, at), "destroy the map");
	expect(fam_log_destroy(s->log, at + 8), "destroy the log");
	fam_hash_close(s->hash);
	fam_log_close(s->log);
	s->hash = NULL;
	s->log = NULL;
}

static void free_all(struct stress *s)
{
	const fam_off shared = s->at + offsetof(struct stress_root, shared);

	for (unsigned int i = 0; i < SHARED; i++)
		expect(fam_heap_free(s->heap, shared + 8 * i), "free");
	for (unsigned int i = 0; i < WORKERS; i++) {
		for (unsigned int j = 0; j < OWN_SLOTS; j++)
			expect(fam_heap_free(s->heap, own_slot(s, i, j)),
			       "free");
	}
}

/* Only the chunk of the root is in use. */
static void fill(struct stress *s)
{
	struct fam_heap_stat stat;
	struct seen seen = {0};
	uint64_t spans = 0;
	int r;

	expect(fam_heap_stat(s->heap, &stat, sizeof(stat)), "stat");
	while ((r = fam_heap_alloc(s->heap, 0, CHUNK, 0, NULL)) == 0)
		spans++;
	if (r != -ENOSPC || spans != stat.space / CHUNK - 1)
		fail("%" PRIu64 " of %" PRIu64 " chunks can be had: %s", spans,
		     stat.space / CHUNK - 1, fam_strerror(r));
	expect(fam_heap_each(s->heap, collect, &seen), "each");
	for (size_t i = 0; i < seen.count; i++) {
		if (seen.off[i] != s->at)
			expect(fam_heap_release(s->heap, seen.off[i]),
			       "release");
	}
	free(seen.off);
}

/* What an opening kept for itself is had by the next one. */
static void open_anew(struct stress *s)
{
	fam_heap_close(s->heap);
	s->heap = NULL;
	expect(fam_heap_open(s->fam, HEAP_NAME, FAM_REGION_WRITE, &s->heap),
	       "open again");
	s->root = fam_heap_at(s->heap, s->at, sizeof(*s->root));
}

/* As after init: who works there next makes a map and a log. */
static void make_new(struct stress *s)
{
	struct fam_tx *tx;
	void *copy;
	fam_off own = s->at + offsetof(struct stress_root, account);

	expect(fam_tx_begin(s->heap, NULL, &tx), "begin");
	expect(fam_tx_set_word(tx, s->at, 0), "set");
	expect(fam_tx_add(tx, own, s->at + sizeof(*s->root) - own, &copy),
	       "add");
	memset(copy, 0, s->at + sizeof(*s->root) - own);
	expect(fam_tx_commit(tx), "commit");
}

int judge_run(const struct want *want)
{
	struct stress s = {0};
	struct seen seen = {0}, rest = {0};

	expect(stress_open(&s, want), want->fabric);
	expect(fam_heap_recover(s.heap), "recover");
	check_contents(&s);
	expect(fam_heap_each(s.heap, collect, &seen), "each");
	compare_stat(&s, &seen);
	destroy_containers(&s);
	expect(fam_heap_each(s.heap, collect, &rest), "each");
	compare(&s, &rest);
	free_all(&s);
	open_anew(&s);
	fill(&s);
	make_new(&s);
	free(seen.off);
	free(rest.off);
	stress_close(&s);
	return 0;
}
