// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
/* Who changes a map or a log is killed at each step (fault-heap.h). */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <sys/random.h>

#include <cmocka.h>

#include "fault-heap.h"

#define KIB	    UINT64_C(1024)
#define ROOT(field) (s->root_off + offsetof(struct heap_root, field))

/* --- chance --------------------------------------------------------------------------- */

ssize_t __real_getrandom(void *buf, size_t len, unsigned int flags);
ssize_t __wrap_getrandom(void *buf, size_t len, unsigned int flags);

/* Of a map: so that all of them have the same buckets. */
ssize_t __wrap_getrandom(void *buf, size_t len, unsigned int flags)
{
	if (len != 16)
		return __real_getrandom(buf, len, flags);
	memset(buf, 7, len);
	return (ssize_t)len;
}

/* --- the map ------------------------------------------------------------------------- */

static int call_hash_create(struct heap_stage *s, unsigned int call)
{
	(void)call;
	return fam_hash_create(s->heap, NULL, ROOT(hash2), NULL);
}

/* New ones, one that is there, with a longer and a shorter value. */
static int call_put(struct heap_stage *s, unsigned int call)
{
	static const struct {
		unsigned int key;
		uint64_t bytes;
	} put[] = {{10, 20}, {1, 100}, {1, 5000}, {1, 30}, {11, 70 * KIB}};

	return heap_put_pair(s, NULL, put[call].key, put[call].bytes,
			     call + 50);
}

static int call_remove(struct heap_stage *s, unsigned int call)
{
	static const char *const key[] = {"key 3", "key 0", "none"};
	int r = fam_hash_remove(s->hash, NULL, key[call], strlen(key[call]));

	return call == 2 && r == -ENOENT ? 0 : r;
}

/* Each adds a bucket. */
static void put_many(struct heap_stage *s)
{
	for (unsigned int i = 0; i < 140; i++)
		assert_int_equal(heap_put_pair(s, NULL, 100 + i, 16, i), 0);
}

static int call_grow(struct heap_stage *s, unsigned int call)
{
	return heap_put_pair(s, NULL, 500 + call, 16, call);
}

static int count_pair(const void *key, uint32_t key_bytes, const void *value,
		      uint64_t bytes, void *arg)
{
	(void)key;
	(void)key_bytes;
	(void)value;
	(void)bytes;
	++*(unsigned int *)arg;
	return 0;
}

/* Locks are taken for that, too. */
static int call_get(struct heap_stage *s, unsigned int call)
{
	unsigned int count = 0;
	uint64_t bytes;
	int r = fam_hash_get(s->hash, NULL, "key 1", 5, NULL, 0, &bytes);

	(void)call;
	if (r == -ERANGE)
		r = fam_hash_each(s->hash, count_pair, &count);
	return r || count >= 5 ? r : -EILSEQ;
}

/* A pair to another key, and a word, and an object: all or none. */
static int change_several(struct heap_stage *s, struct fam_tx *tx)
{
	int r = fam_hash_remove(s->hash, tx, "key 2", 5);
	uint64_t number;
	fam_off off;

	if (r == 0)
		r = heap_put_pair(s, tx, 20, 100, 2);
	if (r == 0)
		r = heap_put_pair(s, tx, 21, 200, 3);
	if (r == 0)
		r = fam_log_append(s->log, tx, "2 to 20", 7, &number);
	if (r == 0)
		r = fam_tx_alloc(tx, 50, 0, &off, NULL);
	if (r == 0)
		r = fam_tx_set_word(tx, heap_slot(s, 13), off);
	return r ? r : fam_tx_set_word(tx, heap_word(s, 4), number);
}

static int call_several(struct heap_stage *s, unsigned int call)
{
	struct fam_tx *tx;
	int r = fam_tx_begin(s->heap, NULL, &tx);

	if (r)
		return r;
	r = change_several(s, tx);
	if (r == 0 && call == 1)
		return fam_tx_commit(tx);
	fam_tx_abort(tx);
	return r;
}

static int call_hash_destroy(struct heap_stage *s, unsigned int call)
{
	(void)call;
	return fam_hash_destroy(s->hash, ROOT(hash));
}

#define CONTAINERS .containers = true

static const struct heap_case hash_create = {
	.name = "make a map", .calls = 1, .call = call_hash_create, CONTAINERS};
static const struct heap_case hash_put = {
	.name = "put", .calls = 5, .call = call_put, CONTAINERS};
static const struct heap_case hash_remove = {
	.name = "remove", .calls = 3, .call = call_remove, CONTAINERS};
static const struct heap_case hash_grow = {.name = "a map grows",
					   .calls = 4,
					   .call = call_grow,
					   .prepare = put_many,
					   CONTAINERS};
static const struct heap_case hash_get = {
	.name = "get", .calls = 1, .call = call_get, CONTAINERS};
static const struct heap_case several = {.name = "several at once",
					 .calls = 2,
					 .call = call_several,
					 CONTAINERS};
static const struct heap_case hash_destroy = {.name = "destroy a map",
					      .calls = 1,
					      .call = call_hash_destroy,
					      .loose = true,
					      .alone = true,
					      CONTAINERS};

/* --- the log ------------------------------------------------------------------------- */

static int call_log_create(struct heap_stage *s, unsigned int call)
{
	(void)call;
	return fam_log_create(s->heap, NULL, ROOT(log2), NULL);
}

static int call_append(struct heap_stage *s, unsigned int call)
{
	static const uint64_t bytes[] = {20, 3000, 100 * KIB, 0, 16};

	return fam_log_append(s->log, NULL, heap_blob(128 * KIB, call),
			      bytes[call], NULL);
}

/* Until the next ones need a new piece. */
static void append_many(struct heap_stage *s)
{
	for (unsigned int i = 0; i < 19; i++)
		assert_int_equal(fam_log_append(s->log, NULL,
						heap_blob(3000, i), 3000, NULL),
				 0);
}

static int call_cross(struct heap_stage *s, unsigned int call)
{
	return fam_log_append(s->log, NULL, heap_blob(3000, call + 40), 3000,
			      NULL);
}

static void append_pieces(struct heap_stage *s)
{
	append_many(s);
	append_many(s);
	append_many(s);
}

static int call_cut(struct heap_stage *s, unsigned int call)
{
	static const uint64_t before[] = {3, 3, 30, 50};

	return fam_log_cut(s->log, before[call]);
}

static int call_read(struct heap_stage *s, unsigned int call)
{
	char data[64];
	uint64_t bytes;

	return fam_log_read(s->log, call + 1, data, sizeof(data), &bytes);
}

static int call_log_destroy(struct heap_stage *s, unsigned int call)
{
	(void)call;
	return fam_log_destroy(s->log, ROOT(log));
}

static const struct heap_case log_create = {
	.name = "make a log", .calls = 1, .call = call_log_create, CONTAINERS};
static const struct heap_case log_append = {
	.name = "append", .calls = 5, .call = call_append, CONTAINERS};
static const struct heap_case log_cross = {.name = "append beyond a piece",
					   .calls = 4,
					   .call = call_cross,
					   .prepare = append_many,
					   CONTAINERS};
static const struct heap_case log_cut = {.name = "cut",
					 .calls = 4,
					 .call = call_cut,
					 .prepare = append_pieces,
					 .loose = true,
					 CONTAINERS};
static const struct heap_case log_read = {
	.name = "read", .calls = 2, .call = call_read, CONTAINERS};
static const struct heap_case log_destroy = {.name = "destroy a log",
					     .calls = 1,
					     .call = call_log_destroy,
					     .prepare = append_pieces,
					     .loose = true,
					     .alone = true,
					     CONTAINERS};

/* --- all of them ------------------------------------------------------------------------- */

#define TEST(case_)                          \
	static void case_##_it(void **state) \
	{                                    \
		(void)state;                 \
		heap_case_run(&(case_));     \
	}

TEST(hash_create)
TEST(hash_put)
TEST(hash_remove)
TEST(hash_grow)
TEST(hash_get)
TEST(several)
TEST(hash_destroy)
TEST(log_create)
TEST(log_append)
TEST(log_cross)
TEST(log_cut)
TEST(log_read)
TEST(log_destroy)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(hash_create_it),
		cmocka_unit_test(hash_put_it),
		cmocka_unit_test(hash_remove_it),
		cmocka_unit_test(hash_grow_it),
		cmocka_unit_test(hash_get_it),
		cmocka_unit_test(several_it),
		cmocka_unit_test(hash_destroy_it),
		cmocka_unit_test(log_create_it),
		cmocka_unit_test(log_append_it),
		cmocka_unit_test(log_cross_it),
		cmocka_unit_test(log_cut_it),
		cmocka_unit_test(log_read_it),
		cmocka_unit_test(log_destroy_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
