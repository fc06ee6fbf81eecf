// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
/*
 * Programs by chance, of two attachments, against a model: a map, and a log that is
 * heard in the same transactions what was done to it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "container-stage.h"

#define KEYS	400
#define RECORDS 60000
#define STEPS	3000
#define LONGEST 6000

/* Of a key or a record: what it is filled with, and how long; 0: there is none. */
struct value {
	uint64_t of, bytes;
};

struct model {
	struct value key[KEYS];
	uint64_t count;
	struct value record[RECORDS];
	uint64_t last, cut;
};

struct side {
	struct fam *fam;
	struct fam_heap *heap;
	struct fam_hash *hash;
	struct fam_log *log;
};

static struct model now, before;
static struct side side[2];
static uint64_t seed;
static fam_off hash_off, log_off;

static int model_set_up(void **state)
{
	if (heap_set_up(state) || fam_hash_create(heap, NULL, 0, &hash_off) ||
	    fam_log_create(heap, NULL, 0, &log_off))
		return -1;
	for (int i = 0; i < 2; i++) {
		side[i].fam = attach(0);
		side[i].heap = heap_open(side[i].fam);
		if (fam_hash_open(side[i].heap, hash_off, &side[i].hash) ||
		    fam_log_open(side[i].heap, log_off, &side[i].log))
			return -1;
	}
	memset(&now, 0, sizeof(now));
	return 0;
}

static int model_tear_down(void **state)
{
	for (int i = 0; i < 2; i++) {
		fam_log_close(side[i].log);
		fam_hash_close(side[i].hash);
		fam_heap_close(side[i].heap);
		fam_close(side[i].fam);
	}
	return heap_tear_down(state);
}

static uint64_t below(uint64_t n)
{
	return chance(&seed) % n;
}

/* The first two bytes tell them apart. */
static uint32_t key_of(unsigned int n, char key[300])
{
	uint32_t bytes = n % 7 == 0 ? 300 : 2 + n % 40;

	fill_bytes(key, bytes, n);
	memcpy(key, &n, 2);
	return bytes;
}

static uint64_t a_length(void)
{
	switch (below(8)) {
	case 0:
		return 0;
	case 1:
		return below(LONGEST);
	case 2:
		return FAM_LOG_INLINE_MAX + below(3) - 1;
	default:
		return below(100);
	}
}

static void do_put(struct side *s, struct fam_tx *tx)
{
	static char value[LONGEST];
	unsigned int n = (unsigned int)below(KEYS);
	struct value v = {.of = below(1u << 30) + 1, .bytes = a_length()};
	char key[300];
	uint32_t bytes = key_of(n, key);

	/* As long as before, more often than by chance. */
	if (now.key[n].of && below(3) == 0)
		v.bytes = now.key[n].bytes;
	fill_bytes(value, v.bytes, v.of);
	assert_int_equal(fam_hash_put(s->hash, tx, key, bytes, value, v.bytes),
			 0);
	now.count += !now.key[n].of;
	now.key[n] = v;
}

static void do_remove(struct side *s, struct fam_tx *tx)
{
	unsigned int n = (unsigned int)below(KEYS);
	char key[300];
	uint32_t bytes = key_of(n, key);

	assert_int_equal(fam_hash_remove(s->hash, tx, key, bytes),
			 now.key[n].of ? 0 : -ENOENT);
	now.count -= now.key[n].of != 0;
	now.key[n] = (struct value){0};
}

static void look_at_key(struct side *s, struct fam_tx *tx, unsigned int n)
{
	static char value[LONGEST];
	const struct value *v = &now.key[n];
	uint64_t bytes = 0;
	char key[300];
	int r = fam_hash_get(s->hash, tx, key, key_of(n, key), value, LONGEST,
			     &bytes);

	assert_int_equal(r, v->of ? 0 : -ENOENT);
	if (r)
		return;
	assert_int_equal(bytes, v->bytes);
	assert_true(are_bytes(value, bytes, v->of));
}

static void do_append(struct side *s, struct fam_tx *tx)
{
	static char data[LONGEST];
	struct value v = {.of = below(1u << 30) + 1, .bytes = a_length()};
	uint64_t number = 0;

	fill_bytes(data, v.bytes, v.of);
	assert_int_equal(fam_log_append(s->log, tx, data, v.bytes, &number), 0);
	assert_int_equal(number, ++now.last);
	assert_true(now.last < RECORDS);
	now.record[number] = v;
}

static void look_at_record(struct side *s, uint64_t number)
{
	static char data[LONGEST];
	const struct value *v = &now.record[number];
	uint64_t bytes = 0;
	int r = fam_log_read(s->log, number, data, LONGEST, &bytes);

	if (number <= now.cut || number > now.last) {
		assert_int_equal(r, number <= now.cut ? -ESRCH : -ENOENT);
		return;
	}
	assert_int_equal(r, 0);
	assert_int_equal(bytes, v->bytes);
	assert_true(are_bytes(data, bytes, v->of));
}

static void do_cut(struct side *s)
{
	/* Often all of them, or none. */
	uint64_t until = now.cut + below(2 * (now.last - now.cut) + 2);

	assert_int_equal(fam_log_cut(s->log, until + 1), 0);
	if (until > now.cut)
		now.cut = until < now.last ? until : now.last;
}

static void do_one(struct side *s, struct fam_tx *tx)
{
	switch (below(tx ? 9 : 12)) {
	case 0 ... 3:
		do_put(s, tx);
		break;
	case 4 ... 5:
		do_remove(s, tx);
		break;
	case 6 ... 7:
		do_append(s, tx);
		break;
	case 8:
		look_at_key(s, tx, (unsigned int)below(KEYS));
		break;
	case 9 ... 10:
		look_at_record(s, below(now.last + 2));
		break;
	default:
		if (below(10) == 0)
			do_cut(s);
	}
}

static void do_transaction(struct side *s)
{
	struct fam_tx *tx, *part;
	int n = (int)below(12);

	before = now;
	assert_int_equal(fam_tx_begin(s->heap, NULL, &tx), 0);
	while (n-- > 0) {
		if (below(4)) {
			do_one(s, tx);
			continue;
		}
		assert_int_equal(fam_tx_begin(s->heap, tx, &part), 0);
		do_one(s, part);
		assert_int_equal(fam_tx_commit(part), 0);
	}
	if (below(3)) {
		assert_int_equal(fam_tx_commit(tx), 0);
	} else {
		fam_tx_abort(tx);
		now = before;
	}
}

struct heard {
	uint64_t count, next;
};

static int told_pair(const void *key, uint32_t key_bytes, const void *value,
		     uint64_t bytes, void *arg)
{
	struct heard *heard = arg;
	unsigned int n = 0;
	char is[300];

	memcpy(&n, key, 2);
	assert_true(n < KEYS);
	assert_int_equal(key_bytes, key_of(n, is));
	assert_memory_equal(key, is, key_bytes);
	assert_int_equal(bytes, now.key[n].bytes);
	assert_true(now.key[n].of && are_bytes(value, bytes, now.key[n].of));
	heard->count++;
	return 0;
}

static int told_record(uint64_t number, const void *data, uint64_t bytes,
		       void *arg)
{
	struct heard *heard = arg;

	assert_int_equal(number, heard->next++);
	assert_int_equal(bytes, now.record[number].bytes);
	assert_true(are_bytes(data, bytes, now.record[number].of));
	return 0;
}

static void look_at_all(struct side *s)
{
	struct heard heard = {.next = now.cut + 1};
	uint64_t first, last;

	for (unsigned int n = 0; n < KEYS; n++)
		look_at_key(s, NULL, n);
	assert_int_equal(fam_hash_count(s->hash), now.count);
	assert_int_equal(fam_hash_each(s->hash, told_pair, &heard), 0);
	assert_int_equal(heard.count, now.count);
	assert_int_equal(fam_log_range(s->log, &first, &last), 0);
	assert_int_equal(first, now.cut + 1);
	assert_int_equal(last, now.last);
	assert_int_equal(fam_log_each(s->log, 0, told_record, &heard), 0);
	assert_int_equal(heard.next, now.last + 1);
	for (uint64_t n = now.last + 1; n-- > now.cut;)
		look_at_record(s, n);
	only(s->heap, hash_off, log_off);
}

static void it_is_as_the_model(void **state)
{
	const char *from = getenv("TEST_SEED");

	(void)state;
	seed = from ? strtoull(from, NULL, 0) : (uint64_t)clock_now_ms() | 1;
	print_message("TEST_SEED=%#llx\n", (unsigned long long)seed);
	for (int i = 0; i < STEPS; i++) {
		struct side *s = &side[below(2)];

		if (below(3))
			do_one(s, NULL);
		else
			do_transaction(s);
		if (i % 500 == 499)
			look_at_all(&side[below(2)]);
	}
	look_at_all(&side[0]);
	assert_int_equal(fam_hash_destroy(side[0].hash, 0), 0);
	only(heap, 0, log_off);
	assert_int_equal(fam_log_destroy(side[1].log, 0), 0);
	only(heap, 0, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(it_is_as_the_model,
						model_set_up, model_tear_down),
	};

	journal_bytes = MIB / 8;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
