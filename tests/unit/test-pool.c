// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
/* Buffers that are taken, given back, sent, and left behind by the dead. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fam/pool.h>

#include "ring-place.h"

static void pool_make(struct place *p, uint32_t buffers, uint32_t bytes,
		      uint32_t cache)
{
	const struct fam_pool_config config = {buffers, bytes, cache, 0};

	assert_int_equal(fam_pool_make(p->fam, p->memory, &config), 0);
}

static struct fam_pool *pool_open(struct fam *fam, void *memory)
{
	struct fam_pool *pool = NULL;

	assert_int_equal(fam_pool_at(fam, memory, 8 * MIB, &pool), 0);
	return pool;
}

static uint32_t pool_take(struct fam_pool *pool)
{
	uint32_t buffer = UINT32_MAX;

	assert_int_equal(fam_pool_take(pool, 0, &buffer), 0);
	return buffer;
}

static void each_buffer_is_had_once(void **state)
{
	static const uint32_t sizes[] = {1, 63, 64, 65, 1000};
	struct place *p = *state;

	for (size_t i = 0; i < 5; i++) {
		uint32_t n = sizes[i], none = 7;
		uint8_t *taken = calloc(n, 1);
		struct fam_pool *pool;

		pool_make(p, n, 100, 10);
		pool = pool_open(p->fam, p->memory);
		for (uint32_t k = 0; k < n; k++) {
			uint32_t buffer = pool_take(pool);

			assert_true(buffer < n && !taken[buffer]++);
			assert_int_equal(
				(uintptr_t)fam_pool_memory(pool, buffer) % 64,
				0);
			memset(fam_pool_memory(pool, buffer), 0x55, 100);
		}
		assert_int_equal(fam_pool_take(pool, 0, &none), -EAGAIN);
		assert_int_equal(fam_pool_take(pool, 20, &none), -ETIMEDOUT);
		assert_int_equal(none, 7);
		for (uint32_t k = 0; k < n; k++)
			assert_int_equal(fam_pool_give(pool, k), 0);
		for (uint32_t k = 0; k < n; k++)
			pool_take(pool);
		fam_pool_close(pool);
		free(taken);
	}
}

static void only_its_owner_gives_a_buffer(void **state)
{
	struct place *p = *state;
	struct fam_pool *pool;
	uint32_t buffer;

	pool_make(p, 8, 64, 4);
	pool = pool_open(p->fam, p->memory);
	buffer = pool_take(pool);
	assert_int_equal(fam_pool_give(pool, 8), -ERANGE);
	assert_int_equal(fam_pool_send(pool, 8), -ERANGE);
	assert_int_equal(fam_pool_receive(pool, UINT32_MAX), -ERANGE);
	assert_null(fam_pool_memory(pool, 8));
	assert_int_equal(fam_pool_give(pool, (buffer + 1) % 8), -EPERM);
	assert_int_equal(fam_pool_receive(pool, buffer), -EPERM);
	assert_int_equal(fam_pool_give(pool, buffer), 0);
	assert_int_equal(fam_pool_give(pool, buffer), -EPERM);
	assert_int_equal(fam_pool_send(pool, buffer), -EPERM);
	fam_pool_close(pool);
}

static void a_buffer_travels(void **state)
{
	struct place *p = *state;
	struct fam_pool *pool, *there;
	struct fam_pool_count count;
	struct fam *other = NULL;
	void *memory = NULL;
	uint32_t buffer;

	pool_make(p, 8, 64, 1);
	assert_int_equal(fam_open(&other, p->path, 0), 0);
	assert_int_equal(fam_map(other, 0, 0, &memory), 0);
	pool = pool_open(p->fam, p->memory);
	there = pool_open(other, memory);
	buffer = pool_take(pool);
	strcpy(fam_pool_memory(pool, buffer), "hello");
	assert_int_equal(fam_pool_receive(there, buffer), -EPERM);
	assert_int_equal(fam_pool_send(pool, buffer), 0);
	assert_int_equal(fam_pool_count(pool, &count), 0);
	assert_int_equal(count.sent, 1);
	assert_int_equal(fam_pool_receive(there, buffer), 0);
	assert_int_equal(fam_pool_receive(pool, buffer), -EPERM);
	assert_string_equal(fam_pool_memory(there, buffer), "hello");
	assert_int_equal(fam_pool_give(pool, buffer), -EPERM);
	/* Lost on its way: nobody's until it is swept up. */
	assert_int_equal(fam_pool_send(there, buffer), 0);
	assert_int_equal(fam_pool_sweep(pool), 0);
	assert_int_equal(fam_pool_count(pool, &count), 0);
	assert_int_equal(count.sent, 0);
	assert_int_equal(count.free, 8);
	fam_pool_close(pool);
	fam_pool_close(there);
	fam_close(other);
}

struct task {
	struct fam_pool *pool;
	uint32_t buffer;
	int result;
};

static void *take_late(void *arg)
{
	struct task *t = arg;

	t->result = fam_pool_take(t->pool, DEADLINE_MS, &t->buffer);
	return NULL;
}

/* Who waits gets it, also if the giver could keep it. */
static void a_taker_sleeps_until_there_is_one(void **state)
{
	struct place *p = *state;
	struct task t = {.result = -1};
	struct fam_pool *pool;
	pthread_t thread;
	uint32_t buffer;

	pool_make(p, 1, 64, 4);
	pool = pool_open(p->fam, p->memory);
	t.pool = pool_open(p->fam, p->memory);
	buffer = pool_take(pool);
	pthread_create(&thread, NULL, take_late, &t);
	breathe();
	assert_int_equal(fam_pool_give(pool, buffer), 0);
	/* If it came to wait only now, what was kept is had by closing. */
	fam_pool_close(pool);
	pthread_join(thread, NULL);
	assert_int_equal(t.result, 0);
	assert_int_equal(t.buffer, buffer);
	fam_pool_close(t.pool);
}

/* What others keep for themselves is had, if nothing else is left. */
static void nobody_starves_for_what_others_keep(void **state)
{
	struct place *p = *state;
	struct fam_pool *maker, *user;
	struct fam_pool_count count;
	uint32_t buffer[8], none;

	pool_make(p, 8, 64, 0);
	maker = pool_open(p->fam, p->memory);
	user = pool_open(p->fam, p->memory);
	for (int round = 0; round < 3; round++) {
		for (int i = 0; i < 8; i++) {
			assert_int_equal(fam_pool_take(maker, round ? -1 : 0,
						       &buffer[i]),
					 0);
			assert_int_equal(fam_pool_send(maker, buffer[i]), 0);
		}
		assert_int_equal(fam_pool_take(maker, 0, &none), -EAGAIN);
		for (int i = 0; i < 8; i++)
			assert_int_equal(fam_pool_receive(user, buffer[i]), 0);
		for (int i = 0; i < 8; i++)
			assert_int_equal(fam_pool_give(user, buffer[i]), 0);
	}
	/* And the one they are taken from goes on. */
	for (int i = 0; i < 4; i++)
		buffer[i] = pool_take(maker);
	for (int i = 4; i < 8; i++)
		buffer[i] = pool_take(user);
	assert_int_equal(fam_pool_take(user, 0, &none), -EAGAIN);
	assert_int_equal(fam_pool_take(maker, 0, &none), -EAGAIN);
	for (int i = 0; i < 8; i++)
		assert_int_equal(fam_pool_give(i < 4 ? user : maker, buffer[i]),
				 0);
	fam_pool_close(maker);
	fam_pool_close(user);
	maker = pool_open(p->fam, p->memory);
	assert_int_equal(fam_pool_count(maker, &count), 0);
	assert_int_equal(count.free, 8);
	fam_pool_close(maker);
}

static void take_all(struct place *p, const char *what)
{
	struct fam_pool *pool = NULL;
	uint32_t buffer;

	if (fam_pool_at(p->fam, p->memory, 8 * MIB, &pool) < 0)
		exit(1);
	while (fam_pool_take(pool, 0, &buffer) == 0) {
		if (strcmp(what, "send") == 0 && buffer % 2)
			fam_pool_send(pool, buffer);
	}
}

static void what_the_dead_owned_is_free(void **state)
{
	struct place *p = *state;
	struct fam_pool_count count;
	struct fam_pool *pool;
	struct other other;
	uint32_t buffer;

	pool_make(p, 100, 64, 4);
	pool = pool_open(p->fam, p->memory);
	other = other_start(p, "send");
	assert_int_equal(fam_pool_take(pool, 0, &buffer), -EAGAIN);
	assert_int_equal(fam_pool_count(pool, &count), 0);
	assert_int_equal(count.sent, 50);
	assert_int_equal(count.owned, 50);
	other_kill(&other);
	/* Its death wakes who waits. */
	assert_int_equal(fam_pool_take(pool, DEADLINE_MS, &buffer), 0);
	for (int i = 1; i < 50; i++)
		pool_take(pool);
	assert_int_equal(fam_pool_take(pool, 0, &buffer), -EAGAIN);
	assert_int_equal(fam_pool_sweep(pool), 0);
	for (int i = 0; i < 50; i++)
		pool_take(pool);
	fam_pool_close(pool);
}

static void what_is_asked_must_be_valid(void **state)
{
	static const struct fam_pool_config bad[] = {
		{0, 64, 0, 0},
		{FAM_POOL_BUFFERS_MAX + 1, 64, 0, 0},
		{8, 0, 0, 0},
		{8, 64, 0, 1},
		{8, 64, FAM_POOL_BUFFERS_MAX + 1, 0},
	};
	struct place *p = *state;
	struct fam_pool *pool = NULL;
	uint8_t *memory = p->memory;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(fam_pool_size(&bad[i]), 0);
		assert_int_equal(fam_pool_make(p->fam, memory, &bad[i]),
				 -EINVAL);
	}
	for (int i = 0; i < 24; i++) {
		pool_make(p, 8, 64, 0);
		memory[i] ^= 4;
		assert_int_equal(fam_pool_at(p->fam, memory, 8 * MIB, &pool),
				 -EBADMSG);
	}
	assert_int_equal(fam_pool_at(p->fam, memory + 8, MIB, &pool), -EINVAL);
	assert_null(pool);
}

static void a_pool_is_found_by_its_name(void **state)
{
	const struct fam_pool_config config = {64, 256, 0, 0};
	struct place *p = *state;
	struct fam_pool *one, *two;

	assert_int_equal(fam_pool_open(p->fam, "pool", NULL, &one), -ENOENT);
	assert_int_equal(fam_pool_open(p->fam, "pool", &config, &one), 0);
	assert_int_equal(fam_pool_open(p->fam, "pool", NULL, &two), 0);
	assert_true(pool_take(one) != pool_take(two));
	fam_pool_close(one);
	fam_pool_close(two);
	fam_pool_close(NULL);
}

int main(int argc, char **argv)
{
#define TEST(name) \
	cmocka_unit_test_setup_teardown(name, place_set_up, place_tear_down)
	const struct CMUnitTest tests[] = {
		TEST(each_buffer_is_had_once),
		TEST(only_its_owner_gives_a_buffer),
		TEST(a_buffer_travels),
		TEST(nobody_starves_for_what_others_keep),
		TEST(a_taker_sleeps_until_there_is_one),
		TEST(what_the_dead_owned_is_free),
		TEST(what_is_asked_must_be_valid),
		TEST(a_pool_is_found_by_its_name),
	};

	if (argc == 4 && strcmp(argv[1], "other") == 0)
		return other_main(argv, take_all);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
