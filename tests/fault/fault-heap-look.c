// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
/* What a heap holds, in a few numbers. */
#include <errno.h>
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <unistd.h>

#include <cmocka.h>

#include <fam/region.h>

#include "fault-heap-parts.h"

#define ZEROS 600 /* of what is asked for with zeros */

/* A child that fails must not go on as the test. */
static void broken(const char *what, int line)
{
	if (heap_in_child) {
		fprintf(stderr, "%s, line %d: not so: %s\n",
			heap_board->what->name, line, what);
		_exit(3);
	}
	fail_msg("%s, line %d: not so: %s", heap_board->what->name, line, what);
}

#define must(condition) ((condition) ? (void)0 : broken(#condition, __LINE__))

/* --- what is seen of it ------------------------------------------------------------------ */

static uint64_t mix(uint64_t hash, uint64_t value)
{
	hash = (hash ^ value) * UINT64_C(0x9e3779b97f4a7c15);
	return hash ^ hash >> 29;
}

static uint64_t mix_bytes(uint64_t hash, const void *data, uint64_t bytes)
{
	const unsigned char *p = data;

	while (bytes--)
		hash = mix(hash, *p++);
	return hash;
}

static int count_one(fam_off off, uint64_t usable, void *arg)
{
	struct heap_snap *snap = arg;

	must(off != 0);
	snap->objects++;
	snap->bytes += usable;
	return 0;
}

/* Of a blob: if it does not say its length it is torn. */
static uint64_t blob_digest(const struct heap_stage *s, fam_off off,
			    uint64_t usable)
{
	const uint64_t *blob = fam_heap_at(s->heap, off, usable);

	must(blob != NULL);
	if (blob[0] != TAG || blob[1] < 16 || blob[1] > usable)
		return 1;
	return mix_bytes(0, blob, blob[1]);
}

static uint64_t zeros_digest(const struct heap_stage *s, fam_off off,
			     uint64_t usable)
{
	uint64_t bytes = usable < ZEROS ? usable : ZEROS;

	return mix_bytes(0, fam_heap_at(s->heap, off, bytes), bytes);
}

static uint64_t slot_digest(const struct heap_stage *s, unsigned int i)
{
	fam_off off = s->root->slot[i];
	uint64_t usable, of = 0;

	if (!off)
		return 0;
	if (fam_heap_usable(s->heap, off, &usable) < 0)
		must(!"a slot has what is not allocated");
	if (i < 8)
		of = blob_digest(s, off, usable);
	else if (i < 12)
		of = zeros_digest(s, off, usable);
	return mix(of, usable) | 1;
}

static int add_pair(const void *key, uint32_t key_bytes, const void *value,
		    uint64_t bytes, void *arg)
{
	uint64_t *sum = arg;

	*sum += mix_bytes(mix_bytes(key_bytes, key, key_bytes), value, bytes);
	return 0;
}

static int add_record(uint64_t number, const void *data, uint64_t bytes,
		      void *arg)
{
	uint64_t *sum = arg;

	*sum += mix_bytes(number, data, bytes);
	return 0;
}

static uint64_t hash_digest(struct fam_hash *hash)
{
	uint64_t sum = 1;

	must(fam_hash_each(hash, add_pair, &sum) == 0);
	return mix(sum, fam_hash_count(hash));
}

static uint64_t log_digest(struct fam_log *log)
{
	uint64_t sum = 1, first, last;

	must(fam_log_range(log, &first, &last) == 0);
	must(fam_log_each(log, first, add_record, &sum) == 0);
	return mix(mix(sum, first), last);
}

/* By an opening of its own: those of others may be of what is no more. */
static uint64_t containers_digest(const struct heap_stage *s)
{
	const fam_off hashes[] = {s->root->hash, s->root->hash2};
	const fam_off logs[] = {s->root->log, s->root->log2};
	uint64_t digest = 0;

	for (unsigned int i = 0; i < 2; i++) {
		struct fam_hash *hash = NULL;
		struct fam_log *log = NULL;

		if (hashes[i]) {
			must(fam_hash_open(s->heap, hashes[i], &hash) == 0);
			digest = mix(digest, hash_digest(hash));
		}
		if (logs[i]) {
			must(fam_log_open(s->heap, logs[i], &log) == 0);
			digest = mix(digest, log_digest(log));
		}
		digest = mix(digest, i + 1);
		fam_hash_close(hash);
		fam_log_close(log);
	}
	return digest;
}

/* A region, or a heap, that was made besides. */
static uint64_t others_digest(const struct heap_stage *s)
{
	struct fam_region_info info;
	struct fam_heap *heap;
	fam_off root = 0;
	uint64_t digest = 0;
	int r = fam_region_find(s->f->fam, "n", &info, sizeof(info));

	must(r == 0 || r == -ENOENT);
	if (r == 0) {
		r = fam_heap_open(s->f->fam, "n", FAM_REGION_WRITE, &heap);
		must(r == 0);
		r = fam_heap_root(heap, 0, &root);
		digest = root ? 2 : 1;
		must(r == (root ? 0 : -ENOENT));
		fam_heap_close(heap);
	}
	return mix_bytes(digest, s->memory, 256);
}

void heap_look(struct heap_stage *s, struct heap_snap *out)
{
	*out = (struct heap_snap){0};
	must(fam_heap_each(s->heap, count_one, out) == 0);
	for (unsigned int i = 0; i < SLOTS - 1; i++) {
		out->digest = mix(out->digest, slot_digest(s, i));
		out->digest = mix(out->digest, s->root->word[i]);
	}
	out->digest = mix(out->digest, containers_digest(s));
	out->digest = mix(out->digest, others_digest(s));
}
