// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
/*
 * Whatever another node has written over them: no call goes on for ever, or
 * touches what is not its own.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "sync-stage.h"

#define TIMES 20000

struct things {
	struct fam_cond cond;
	struct fam_sem sem;
	struct fam_permits permits;
	struct fam_barrier barrier;
	struct fam_once once;
	struct fam_event event;
	uint64_t untouched[64];
	struct fam_mutex mutex;
};

#define WORDS (offsetof(struct things, untouched) / 8)

static struct things *it;
static uint64_t self; /* holder word */
static uint64_t seed;
static _Atomic int stop;

static int set_up(void **state)
{
	struct fam_session session = {0};
	int r = stage_set_up(state);

	it = board;
	if (r == 0)
		r = fam_session_self(fam, &session);
	self = fam_holder(session.id);
	memset(it->untouched, 0x5a, sizeof(it->untouched));
	seed = 1;
	stop = 0;
	return r;
}

/* xorshift64: the same each time. */
static uint64_t draw(void)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	return seed ^= seed << 17;
}

/* Anything, or what looks like something: a small number, one's own word. */
static uint64_t nonsense(void)
{
	switch (draw() % 5) {
	case 0:
		return draw();
	case 1:
		return draw() % 64;
	case 2:
		return self | (draw() & FAM_HOLDER_FLAGS);
	case 3:
		return draw() & FAM_HOLDER_FLAGS;
	default:
		return 0;
	}
}

static void scribble(void)
{
	fam_word *word = (fam_word *)it;

	for (size_t i = 0; i < WORDS; i++)
		fam_word_poke(&word[i], nonsense());
	/* More often than not they are as they should be. */
	if (draw() % 4)
		fam_word_poke((fam_word *)&it->permits.word[0],
			      1 + draw() % FAM_PERMITS_MAX);
	if (draw() % 4)
		fam_word_poke((fam_word *)&it->barrier.word[0],
			      1 + draw() % FAM_BARRIER_MAX);
}

static void expect_known(int r)
{
	assert_true(r == 0 || r == 1 || r == -ETIMEDOUT || r == -EOWNERDEAD ||
		    r == -EPERM || r == -EINVAL || r == -EOVERFLOW ||
		    r == -ESTALE);
}

static void use_all(void)
{
	uint32_t which = 0;
	int r = fam_permits_take(fam, &it->permits, 0, &which);

	expect_known(r);
	if (r == 0 || r == -EOWNERDEAD)
		assert_true(which < FAM_PERMITS_MAX);
	expect_known(fam_permits_give(fam, &it->permits, (uint32_t)draw()));
	expect_known(fam_permits_give(fam, &it->permits, which));
	expect_known(fam_barrier_wait(fam, &it->barrier, 0));
	expect_known(fam_once_begin(fam, &it->once, 0));
	expect_known(fam_once_end(fam, &it->once, (int)(draw() % 2)));
	expect_known(fam_sem_wait(fam, &it->sem, 0));
	expect_known(fam_sem_post(fam, &it->sem, (uint32_t)draw() % 8));
	expect_known(fam_event_wait(fam, &it->event, 0));
	expect_known(fam_event_pulse(fam, &it->event));
	expect_known(fam_event_reset(fam, &it->event));
	expect_known(fam_event_set(fam, &it->event));
	expect_known(fam_cond_wait(fam, &it->cond, &it->mutex, 0));
	expect_known(fam_cond_broadcast(fam, &it->cond));
}

static void expect_untouched(void)
{
	for (size_t i = 0; i < 64; i++)
		assert_int_equal(it->untouched[i],
				 UINT64_C(0x5a5a5a5a5a5a5a5a));
}

static void nonsense_ends_no_call_badly(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < TIMES; i++) {
		scribble();
		/* more than once, as the first call puts some of it right */
		for (unsigned int k = 0; k < 3; k++)
			use_all();
	}
	expect_untouched();
}

static int scribble_on(unsigned int n)
{
	(void)n;
	while (!stop) {
		fam_word *word = (fam_word *)it;

		/* A sequence of its own: the other thread draws, too. */
		n = n * 1664525 + 1013904223;
		fam_word_poke(&word[n / 8 % WORDS],
			      n % 3 ? self | n % 0x4000 : n % 64);
	}
	return 0;
}

static void nonsense_written_meanwhile_does_not_either(void **state)
{
	struct player player;

	(void)state;
	scribble();
	player_start(&player, scribble_on, 1);
	for (unsigned int i = 0; i < TIMES; i++)
		use_all();
	stop = 1;
	assert_int_equal(player_end(&player), 0);
	expect_untouched();
}

#define sync_test(name) \
	cmocka_unit_test_setup_teardown(name, set_up, stage_tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		sync_test(nonsense_ends_no_call_badly),
		sync_test(nonsense_written_meanwhile_does_not_either),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
