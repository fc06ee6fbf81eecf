// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
/* A hash map as one program sees it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "containers/siphash.h"

#include "container-stage.h"

static fam_off hash_off;
static struct fam_hash *hash;

static int hash_set_up(void **state)
{
	return heap_set_up(state) ||
	       fam_hash_create(heap, NULL, 0, &hash_off) ||
	       fam_hash_open(heap, hash_off, &hash);
}

static int hash_tear_down(void **state)
{
	fam_hash_close(hash);
	return heap_tear_down(state);
}

static int put(struct fam_tx *tx, const char *key, const char *value)
{
	return fam_hash_put(hash, tx, key, (uint32_t)strlen(key), value,
			    strlen(value));
}

static int erase(struct fam_tx *tx, const char *key)
{
	return fam_hash_remove(hash, tx, key, (uint32_t)strlen(key));
}

/* Its value, or "-", or what else happens. */
static const char *get(struct fam_tx *tx, const char *key)
{
	static char value[4200];
	uint64_t bytes = 0;
	int r = fam_hash_get(hash, tx, key, (uint32_t)strlen(key), value,
			     sizeof(value) - 1, &bytes);

	if (r == -ENOENT)
		return "-";
	if (r < 0)
		return strerror(-r);
	value[bytes] = '\0';
	return value;
}

static struct fam_tx *begin(struct fam_tx *outer)
{
	struct fam_tx *tx = NULL;

	assert_int_equal(fam_tx_begin(heap, outer, &tx), 0);
	return tx;
}

/* The vectors of the paper's reference: bytes 0, 1, 2 ...; the key is such, too. */
static void the_hash_is_siphash(void **state)
{
	const struct {
		size_t len;
		uint64_t hash;
	} vectors[] = {
		{0, UINT64_C(0x726fdb47dd0e0e31)},
		{1, UINT64_C(0x74f839c593dc67fd)},
		{7, UINT64_C(0xab0200f58b01d137)},
		{8, UINT64_C(0x93f5f5799a932462)},
		{15, UINT64_C(0xa129ca6149be45e5)},
	};
	const uint64_t seed[] = {UINT64_C(0x0706050403020100),
				 UINT64_C(0x0f0e0d0c0b0a0908)};
	unsigned char data[16];

	(void)state;
	for (unsigned int i = 0; i < sizeof(data); i++)
		data[i] = (unsigned char)i;
	for (unsigned int i = 0; i < sizeof(vectors) / sizeof(*vectors); i++)
		assert_int_equal(fam_siphash(seed, data, vectors[i].len),
				 vectors[i].hash);
}

/* Each bucket there is, and what it becomes with one more. */
static void buckets_are_divided_one_by_one(void **state)
{
	uint64_t seed = 5, index;

	(void)state;
	for (uint64_t n = FAM_HASH_STRIPES; n < 1000; n++) {
		unsigned int s = fam_hash_segment_of(n, &index);

		assert_true(index * 8 < fam_hash_segment_bytes(s));
		for (int i = 0; i < 50; i++) {
			uint64_t h = chance(&seed);
			uint64_t is = fam_hash_bucket_of(h, n);
			uint64_t will = fam_hash_bucket_of(h, n + 1);

			assert_true(is < n);
			assert_int_equal(is % FAM_HASH_STRIPES,
					 h % FAM_HASH_STRIPES);
			assert_true(will == is || (will == n && is == index));
		}
	}
	assert_int_equal(fam_hash_segment_of(0, &index), 0);
	assert_int_equal(fam_hash_segment_of(63, &index), 0);
	assert_int_equal(fam_hash_segment_of(64, &index), 1);
	assert_int_equal(fam_hash_segment_of(FAM_HASH_BUCKETS_MAX - 1, &index),
			 FAM_HASH_SEGMENTS - 1);
}

static void what_is_put_is_there_until_it_is_removed(void **state)
{
	(void)state;
	assert_string_equal(get(NULL, "a"), "-");
	assert_int_equal(put(NULL, "a", "one"), 0);
	assert_int_equal(put(NULL, "b", ""), 0);
	assert_string_equal(get(NULL, "a"), "one");
	assert_string_equal(get(NULL, "b"), "");
	assert_int_equal(fam_hash_count(hash), 2);
	assert_int_equal(put(NULL, "a", "two"), 0); /* as long as before */
	assert_string_equal(get(NULL, "a"), "two");
	assert_int_equal(put(NULL, "a", "three"), 0);
	assert_string_equal(get(NULL, "a"), "three");
	assert_int_equal(put(NULL, "b", ""), 0);
	assert_int_equal(fam_hash_count(hash), 2);
	assert_int_equal(erase(NULL, "a"), 0);
	assert_int_equal(erase(NULL, "a"), -ENOENT);
	assert_string_equal(get(NULL, "a"), "-");
	assert_int_equal(fam_hash_count(hash), 1);
	only(heap, hash_off, 0);
}

static void what_is_too_long_is_refused(void **state)
{
	static char key[FAM_HASH_KEY_MAX + 1];
	char value[4] = "....";
	uint64_t bytes = 77;

	(void)state;
	assert_int_equal(fam_hash_put(hash, NULL, "", 0, "x", 1), -EINVAL);
	assert_int_equal(fam_hash_put(hash, NULL, key, sizeof(key), "x", 1),
			 -E2BIG);
	assert_int_equal(
		fam_hash_put(hash, NULL, "a", 1, "x", FAM_HASH_VALUE_MAX + 1),
		-E2BIG);
	assert_int_equal(fam_hash_get(hash, NULL, "", 0, NULL, 0, NULL),
			 -EINVAL);
	assert_int_equal(fam_hash_remove(hash, NULL, key, sizeof(key)), -E2BIG);
	assert_int_equal(
		fam_hash_put(hash, NULL, key, FAM_HASH_KEY_MAX, "long", 4), 0);
	assert_int_equal(fam_hash_get(hash, NULL, key, FAM_HASH_KEY_MAX, value,
				      2, &bytes),
			 -ERANGE);
	assert_int_equal(bytes, 4);
	assert_memory_equal(value, "lo..", 4);
	assert_int_equal(
		fam_hash_get(hash, NULL, key, FAM_HASH_KEY_MAX, NULL, 0, NULL),
		-ERANGE);
	assert_int_equal(fam_hash_get(hash, NULL, key, FAM_HASH_KEY_MAX - 1,
				      value, 4, &bytes),
			 -ENOENT);
	/* More than there is. */
	assert_int_equal(fam_hash_put(hash, NULL, "b", 1, key, 12 * MIB),
			 -ENOSPC);
	assert_int_equal(fam_hash_count(hash), 1);
	only(heap, hash_off, 0);
}

static void it_is_found_by_where_it_was_published(void **state)
{
	struct fam_hash *other;
	struct fam_tx *tx;
	fam_off *root;
	fam_off off, found;

	(void)state;
	assert_int_equal(fam_heap_root(heap, 64, &off), 0);
	root = fam_heap_at(heap, off, 64);
	tx = begin(NULL);
	assert_int_equal(fam_hash_create(heap, tx, off, &found), 0);
	assert_int_equal(*root, 0);
	assert_int_equal(fam_hash_open(heap, found, &other), -EMEDIUMTYPE);
	fam_tx_abort(tx);
	assert_int_equal(*root, 0);
	assert_int_equal(fam_hash_create(heap, NULL, off, NULL), 0);
	assert_int_not_equal(*root, 0);
	assert_int_equal(fam_hash_open(heap, *root, &other), 0);
	assert_int_equal(fam_hash_put(other, NULL, "a", 1, "x", 1), 0);
	assert_int_equal(fam_hash_count(hash), 0);
	assert_int_equal(fam_hash_destroy(other, off + 8), -EINVAL);
	assert_int_equal(fam_hash_destroy(other, off), 0);
	fam_hash_close(other);
	fam_hash_close(NULL);
	assert_int_equal(*root, 0);
	assert_int_equal(fam_hash_open(heap, off, &other), -EMEDIUMTYPE);
	assert_int_equal(fam_hash_open(heap, 0, &other), -EMEDIUMTYPE);
	assert_int_equal(fam_hash_open(heap, hash_off + 16, &other),
			 -EMEDIUMTYPE);
	assert_int_equal(fam_hash_open(heap, UINT64_MAX & ~1023ull, &other),
			 -EMEDIUMTYPE);
	assert_int_equal(fam_hash_create(heap, NULL, 7, NULL), -EINVAL);
	assert_int_equal(fam_heap_release(heap, off), 0);
	only(heap, hash_off, 0);
}

static void
a_transaction_sees_its_own_changes_and_nobody_else_does(void **state)
{
	struct fam_tx *tx;

	(void)state;
	assert_int_equal(put(NULL, "a", "old"), 0);
	assert_int_equal(put(NULL, "b", "old"), 0);
	tx = begin(NULL);
	assert_int_equal(put(tx, "a", "new"), 0);
	assert_int_equal(put(tx, "c", "first"), 0);
	assert_int_equal(put(tx, "c", "second"), 0);
	assert_int_equal(put(tx, "c", "SECOND"), 0);
	assert_int_equal(erase(tx, "b"), 0);
	assert_string_equal(get(tx, "a"), "new");
	assert_string_equal(get(tx, "b"), "-");
	assert_string_equal(get(tx, "c"), "SECOND");
	assert_int_equal(fam_hash_count(hash), 2);
	/* They are locked, by this thread. */
	assert_string_equal(get(NULL, "a"), strerror(EDEADLK));
	fam_tx_abort(tx);
	assert_string_equal(get(NULL, "a"), "old");
	assert_string_equal(get(NULL, "b"), "old");
	assert_string_equal(get(NULL, "c"), "-");
	only(heap, hash_off, 0);
	tx = begin(NULL);
	assert_int_equal(erase(tx, "b"), 0);
	assert_int_equal(put(tx, "b", "again"), 0);
	assert_int_equal(put(tx, "c", "x"), 0);
	assert_int_equal(erase(tx, "c"), 0);
	assert_int_equal(put(tx, "a", ""), 0);
	assert_int_equal(fam_tx_commit(tx), 0);
	assert_string_equal(get(NULL, "a"), "");
	assert_string_equal(get(NULL, "b"), "again");
	assert_string_equal(get(NULL, "c"), "-");
	assert_int_equal(fam_hash_count(hash), 2);
	only(heap, hash_off, 0);
}

static void a_part_that_is_aborted_takes_all_with_it(void **state)
{
	struct fam_tx *outer = begin(NULL), *inner = begin(outer);

	(void)state;
	assert_int_equal(put(inner, "a", "x"), 0);
	assert_int_equal(fam_tx_commit(inner), 0);
	inner = begin(outer);
	assert_int_equal(put(inner, "b", "x"), 0);
	fam_tx_abort(inner);
	assert_int_equal(put(outer, "c", "x"), -ECANCELED);
	assert_string_equal(get(outer, "a"), strerror(ECANCELED));
	assert_int_equal(fam_tx_commit(outer), -ECANCELED);
	assert_int_equal(fam_hash_count(hash), 0);
	assert_string_equal(get(NULL, "a"), "-");
	only(heap, hash_off, 0);
}

/* A call that fails leaves the transaction as it was. */
static void what_does_not_fit_a_journal_is_not_half_done(void **state)
{
	struct fam_heap *small = heap_make("small", MIB, 16384);
	struct fam_hash *map;
	struct fam_tx *tx;
	char key[24], value[100];
	fam_off off;
	int n, r = 0;

	(void)state;
	assert_int_equal(fam_hash_create(small, NULL, 0, &off), 0);
	assert_int_equal(fam_hash_open(small, off, &map), 0);
	/* The words of the chains are full of those that are divided. */
	for (int round = 0; round < 40; round++) {
		assert_int_equal(fam_tx_begin(small, NULL, &tx), 0);
		for (n = 0; r == 0; n++) {
			snprintf(key, sizeof(key), "%d-%d", round, n);
			fill_bytes(value, sizeof(value), n);
			r = fam_hash_put(map, tx, key, (uint32_t)strlen(key),
					 value, 1 + n % sizeof(value));
		}
		assert_int_equal(r, -E2BIG);
		assert_true(--n > 10);
		r = fam_hash_get(map, tx, key, (uint32_t)strlen(key), NULL, 0,
				 NULL);
		assert_int_equal(r, -ENOENT);
		assert_int_equal(fam_tx_commit(tx), 0);
		only(small, off, 0);
		for (r = 0; n-- > 0 && r == 0;) {
			snprintf(key, sizeof(key), "%d-%d", round, n);
			r = fam_hash_remove(map, NULL, key,
					    (uint32_t)strlen(key));
		}
		assert_int_equal(r, 0);
		assert_int_equal(fam_hash_count(map), 0);
	}
	assert_int_equal(fam_hash_destroy(map, 0), 0);
	fam_hash_close(map);
	only(small, 0, 0);
	fam_heap_close(small);
}

static void values_can_be_large(void **state)
{
	char *value = malloc(MIB), *back = malloc(MIB);
	struct fam_tx *tx;
	uint64_t bytes;

	(void)state;
	for (uint64_t i = 0; i < 4; i++) {
		fill_bytes(value, MIB, i);
		assert_int_equal(
			fam_hash_put(hash, NULL, "large", 5, value, MIB - i),
			0);
		assert_int_equal(
			fam_hash_get(hash, NULL, "large", 5, back, MIB, &bytes),
			0);
		assert_int_equal(bytes, MIB - i);
		assert_memory_equal(value, back, bytes);
	}
	tx = begin(NULL);
	fill_bytes(value, MIB, 9);
	assert_int_equal(fam_hash_put(hash, tx, "large", 5, value, MIB), 0);
	assert_int_equal(fam_hash_put(hash, tx, "larger", 6, value, MIB), 0);
	assert_int_equal(fam_hash_get(hash, tx, "larger", 6, back, MIB, &bytes),
			 0);
	assert_memory_equal(value, back, MIB);
	fam_tx_abort(tx);
	assert_int_equal(
		fam_hash_get(hash, NULL, "large", 5, back, MIB, &bytes), 0);
	assert_int_equal(bytes, MIB - 3);
	assert_true(are_bytes(back, bytes, 3));
	assert_string_equal(get(NULL, "larger"), "-");
	only(heap, hash_off, 0);
	assert_int_equal(erase(NULL, "large"), 0);
	only(heap, hash_off, 0);
	free(value);
	free(back);
}

#define MANY 100000

static int tick(const void *key, uint32_t key_bytes, const void *value,
		uint64_t bytes, void *arg)
{
	unsigned char *seen = arg;
	uint32_t n, v;

	assert_int_equal(key_bytes, 4);
	assert_int_equal(bytes, 4);
	memcpy(&n, key, 4);
	memcpy(&v, value, 4);
	assert_true(n < MANY);
	assert_int_equal(v, ~n);
	assert_int_equal(seen[n]++, 0);
	return 0;
}

static void it_grows_with_what_is_put(void **state)
{
	const struct fam_hash_header *header =
		fam_heap_at(heap, hash_off, sizeof(*header));
	unsigned char *seen = calloc(1, MANY);
	uint64_t bytes;
	uint32_t n, v;

	(void)state;
	for (n = 0; n < MANY; n++) {
		v = ~n;
		assert_int_equal(fam_hash_put(hash, NULL, &n, 4, &v, 4), 0);
	}
	assert_int_equal(fam_hash_count(hash), MANY);
	assert_in_range(header->buckets, MANY / 2, 2 * MANY);
	only(heap, hash_off, 0);
	for (n = 0; n < MANY; n++) {
		assert_int_equal(fam_hash_get(hash, NULL, &n, 4, &v, 4, &bytes),
				 0);
		assert_int_equal(v, ~n);
	}
	assert_int_equal(fam_hash_each(hash, tick, seen), 0);
	assert_null(memchr(seen, 0, MANY));
	for (n = 0; n < MANY; n += 2)
		assert_int_equal(fam_hash_remove(hash, NULL, &n, 4), 0);
	assert_int_equal(fam_hash_count(hash), MANY / 2);
	only(heap, hash_off, 0);
	assert_int_equal(fam_hash_destroy(hash, 0), 0);
	only(heap, 0, 0);
	free(seen);
}

/* --- all of them ----------------------------------------------------------------------- */

struct all {
	unsigned char seen[20000];
	uint32_t next; /* to be put by the way */
	int stop;
};

static int put_more(const void *key, uint32_t key_bytes, const void *value,
		    uint64_t bytes, void *arg)
{
	struct all *all = arg;
	uint32_t n;

	(void)value;
	(void)bytes;
	memcpy(&n, key, key_bytes);
	assert_int_equal(all->seen[n]++, 0);
	if (all->stop && !--all->stop)
		return 5;
	for (int i = 0; i < 4 && all->next < sizeof(all->seen); i++) {
		n = all->next++;
		assert_int_equal(fam_hash_put(hash, NULL, &n, 4, &n, 4), 0);
	}
	return 0;
}

static void no_key_is_told_twice_though_buckets_are_divided(void **state)
{
	static struct all all;

	(void)state;
	assert_int_equal(fam_hash_each(hash, put_more, &all), 0);
	/* With 91 there are more buckets than a power of two. */
	for (uint32_t first = 91; first < 2000; first *= 3) {
		memset(&all, 0, sizeof(all));
		for (uint32_t n = 0; n < first; n++)
			assert_int_equal(fam_hash_put(hash, NULL, &n, 4, &n, 4),
					 0);
		all.next = first;
		assert_int_equal(fam_hash_each(hash, put_more, &all), 0);
		for (uint32_t n = 0; n < first; n++)
			assert_int_equal(all.seen[n], 1);
		memset(&all, 0, sizeof(all));
		all.next = sizeof(all.seen);
		all.stop = 10;
		assert_int_equal(fam_hash_each(hash, put_more, &all), 5);
		assert_int_equal(fam_hash_destroy(hash, 0), 0);
		fam_hash_close(hash);
		assert_int_equal(fam_hash_create(heap, NULL, 0, &hash_off), 0);
		assert_int_equal(fam_hash_open(heap, hash_off, &hash), 0);
	}
}

static void who_may_only_read_is_told_so(void **state)
{
	struct fam_heap *own;
	struct fam_hash *map;
	char value;

	(void)state;
	assert_int_equal(put(NULL, "a", "x"), 0);
	assert_int_equal(fam_heap_open(fam, "heap", READ, &own), 0);
	assert_int_equal(fam_hash_open(own, hash_off, &map), 0);
	assert_int_equal(fam_hash_count(map), 1);
	assert_int_equal(fam_hash_get(map, NULL, "a", 1, &value, 1, NULL),
			 -EROFS);
	assert_int_equal(fam_hash_put(map, NULL, "a", 1, "y", 1), -EROFS);
	assert_int_equal(fam_hash_destroy(map, 0), -EROFS);
	fam_hash_close(map);
	fam_heap_close(own);
}

static void a_later_release_s_is_not_touched(void **state)
{
	struct fam_hash_header *header =
		fam_heap_at(heap, hash_off, sizeof(*header));
	struct fam_hash *map = NULL;

	(void)state;
	header->version++;
	assert_int_equal(fam_hash_open(heap, hash_off, &map), -EPROTONOSUPPORT);
	header->version--;
	header->locks += 64;
	assert_int_equal(fam_hash_open(heap, hash_off, &map), -EBADMSG);
	header->locks -= 64;
	header->magic++;
	assert_int_equal(fam_hash_open(heap, hash_off, &map), -EMEDIUMTYPE);
	assert_null(map);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, hash_set_up, hash_tear_down)
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_hash_is_siphash),
		cmocka_unit_test(buckets_are_divided_one_by_one),
		TEST(what_is_put_is_there_until_it_is_removed),
		TEST(what_is_too_long_is_refused),
		TEST(it_is_found_by_where_it_was_published),
		TEST(a_transaction_sees_its_own_changes_and_nobody_else_does),
		TEST(a_part_that_is_aborted_takes_all_with_it),
		TEST(what_does_not_fit_a_journal_is_not_half_done),
		TEST(values_can_be_large),
		TEST(it_grows_with_what_is_put),
		TEST(no_key_is_told_twice_though_buckets_are_divided),
		TEST(who_may_only_read_is_told_so),
		TEST(a_later_release_s_is_not_touched),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
