// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
/*
 * Pools in every order of their steps: a buffer has one owner, who waits for one
 * gets it, and what the dead had is free.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include <fam/object.h>
#include <fam/pool.h>

#include "model.h"

#define BUFFERS_MAX 2

static struct {
	uint64_t pool[80];
	fam_word
		owner[BUFFERS_MAX]; /* the thread that has it, + 1; 0: nobody */
	fam_word sent;		    /* number of a buffer, + 1 */
} shared __attribute__((aligned(64)));

static struct fam_pool *pool[MODEL_THREADS + 2];
static uint32_t buffers;

/* Not what is looked at here. */
uint32_t fam_crc32c(uint32_t crc, const void *data, size_t len)
{
	(void)data;
	return crc + (uint32_t)len;
}

/* None has a name. */
void fam_object_close(struct fam_object *object)
{
	model_expect(!object);
}

static void open_pool(unsigned int n)
{
	model_expect(fam_pool_at(model_fam(n), shared.pool, sizeof(shared.pool),
				 &pool[n]) == 0);
}

static void begin(uint32_t count, uint32_t cache, unsigned int threads)
{
	const struct fam_pool_config config = {count, 1, cache, 0};

	buffers = count;
	model_expect(fam_pool_size(&config) <= sizeof(shared.pool));
	model_expect(fam_pool_make(model_fam(MODEL_THREADS), shared.pool,
				   &config) == 0);
	for (unsigned int n = 0; n < threads; n++)
		open_pool(n);
}

/* --- what a thread does ------------------------------------------------------------ */

/* It is its own, and nobody else's who is there; the lost have nothing. */
static void have(unsigned int n, uint32_t buffer)
{
	uint64_t was;

	model_expect(buffer < buffers);
	model_atomically(true);
	was = fam_word_get(&shared.owner[buffer]);
	if (!model_lost(n)) {
		model_expect(was == 0 || was == n + 1 ||
			     model_lost((unsigned int)was - 1));
		fam_word_put(&shared.owner[buffer], n + 1);
	}
	model_atomically(false);
}

static void part(unsigned int n, uint32_t buffer)
{
	bool had = fam_word_step(&shared.owner[buffer], n + 1, 0);

	model_expect(had || model_lost(n));
}

static int take(unsigned int n, int timeout_ms, uint32_t *buffer)
{
	int r = fam_pool_take(pool[n], timeout_ms, buffer);

	model_expect(r == 0 || (r == -EAGAIN && timeout_ms == 0) ||
		     (r == -ESTALE && model_lost(n)));
	if (r == 0)
		have(n, *buffer);
	return r;
}

static void give(unsigned int n, uint32_t buffer)
{
	int r;

	part(n, buffer);
	r = fam_pool_give(pool[n], buffer);
	model_expect(r == 0 || model_lost(n));
}

/* One after the other waits, and keeps what it gives back in its cache. */
static void take_and_give(unsigned int n)
{
	uint32_t buffer;

	for (int i = 0; i < 2; i++) {
		if (take(n, -1, &buffer) == 0)
			give(n, buffer);
	}
}

static void take_once(unsigned int n)
{
	uint32_t buffer;

	if (take(n, -1, &buffer) == 0)
		give(n, buffer);
	if (n == 0)
		fam_pool_close(pool[n]);
}

/* There may be none, which is no reason to wait. */
static void try_both(unsigned int n)
{
	uint32_t one, two;
	int r = take(n, 0, &one);

	if (r == 0 && take(n, 0, &two) == 0)
		give(n, two);
	if (r == 0)
		give(n, one);
}

static void send(unsigned int n, uint32_t buffer)
{
	int r;

	part(n, buffer);
	r = fam_pool_send(pool[n], buffer);
	model_expect(r == 0 || model_lost(n));
	if (r == 0)
		fam_word_put(&shared.sent, buffer + 1);
}

static void receive(unsigned int n)
{
	uint64_t sent = fam_word_get(&shared.sent);
	int r;

	if (!sent)
		return;
	r = fam_pool_receive(pool[n], (uint32_t)sent - 1);
	model_expect(r == 0 || r == -EPERM || model_lost(n));
	if (r < 0)
		return;
	have(n, (uint32_t)sent - 1);
	give(n, (uint32_t)sent - 1);
}

/* One sends, two want to receive it: one of them does. */
static void travel(unsigned int n)
{
	uint32_t buffer;

	if (n == 0 && take(n, 0, &buffer) == 0)
		send(n, buffer);
	else
		receive(n);
}

/* Each buffer is had once, whoever has died, and whatever is in caches. */
static void end(void)
{
	const unsigned int n = MODEL_THREADS;
	uint32_t buffer;

	open_pool(n);
	model_expect(fam_pool_sweep(pool[n]) == 0);
	for (uint32_t i = 0; i < buffers; i++) {
		if (take(n, 0, &buffer) < 0)
			model_fail("a buffer is lost");
	}
	model_expect(fam_pool_take(pool[n], 0, &buffer) == -EAGAIN);
}

/* --- the tests -------------------------------------------------------------------- */

static void begin_two_for_one(void)
{
	begin(1, 1, 2);
}

static void begin_three_for_one(void)
{
	begin(1, 1, 3);
}

static void begin_two_for_two(void)
{
	begin(2, 2, 2);
}

#define POOL(name_, threads_, begin_, thread_)                           \
	.name = (name_), .threads = (threads_), .memory = &shared,       \
	.bytes = sizeof(shared), .begin = (begin_), .thread = (thread_), \
	.end = end

static const struct model two_for_one = {POOL("two want the only one, twice", 2,
					      begin_two_for_one, take_and_give),
					 .preemptions = 4};
static const struct model two_threads = {
	POOL("two of one session", 2, begin_two_for_one, take_once),
	.preemptions = 4, .one_session = true};
static const struct model three_for_one = {
	POOL("three want the only one", 3, begin_three_for_one, take_once),
	.preemptions = 2};
static const struct model one_dies = {POOL("two want the only one, one dies", 2,
					   begin_two_for_one, take_once),
				      .preemptions = 3, .deaths = 1};
static const struct model one_is_taken_for_dead = {
	POOL("two want the only one, one is taken for dead", 2,
	     begin_two_for_one, take_once),
	.preemptions = 3, .zombies = 1};
static const struct model both = {
	POOL("two want both", 2, begin_two_for_two, try_both),
	.preemptions = 3};
static const struct model both_mortal = {
	POOL("two want both, one dies", 2, begin_two_for_two, try_both),
	.preemptions = 2, .deaths = 1};
static const struct model travels = {
	POOL("one sends, two receive", 3, begin_three_for_one, travel),
	.preemptions = 3};
static const struct model travels_mortal = {
	POOL("one sends, two receive, one dies", 3, begin_three_for_one,
	     travel),
	.preemptions = 2, .deaths = 1};
static const struct model travels_zombie = {
	POOL("one sends, two receive, one is taken for dead", 3,
	     begin_three_for_one, travel),
	.preemptions = 2, .zombies = 1};

static void who_waits_gets_it(void **state)
{
	(void)state;
	model_check(&two_for_one);
	model_check(&two_threads);
	model_check(&three_for_one);
}

static void one_of_them_dies(void **state)
{
	(void)state;
	model_check(&one_dies);
	model_check(&one_is_taken_for_dead);
}

static void nobody_gets_what_is_taken(void **state)
{
	(void)state;
	model_check(&both);
	model_check(&both_mortal);
}

static void one_receives_what_was_sent(void **state)
{
	(void)state;
	model_check(&travels);
	model_check(&travels_mortal);
	model_check(&travels_zombie);
}

static void it_would_be_seen(void **state)
{
	static const struct model *const all[] = {
		&two_for_one, &one_dies, &both,
		&both_mortal, &travels,	 &one_is_taken_for_dead,
		NULL};
	static const char *const spare[] = {
		"set_hint:set.1 who finds no hint looks at all of them",
		"gather:clear.1 who has a buffer is told by its word",
		"fam_ring_wake:swap.1 who set the flag meanwhile is woken, too",
		"fam_pool_take:set.1 who cleared it did so behind a change",
		NULL};

	(void)state;
	model_check_mutants(all, spare);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(who_waits_gets_it),
		cmocka_unit_test(one_of_them_dies),
		cmocka_unit_test(nobody_gets_what_is_taken),
		cmocka_unit_test(one_receives_what_was_sent),
		cmocka_unit_test(it_would_be_seen),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
