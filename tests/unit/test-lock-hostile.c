// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
/*
 * Whatever another node has written over a lock: no call goes on for ever, or
 * touches what is not its own, and who waits can be ended.
 */
#include <errno.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "kinds.h"
#include "sync-stage.h"

#define TIMES 4000
#define WORDS (sizeof(union any_lock) / 8)

struct things {
	union any_lock lock;
	uint64_t untouched[64];
};

static const char *const kinds[] = {"mutex", "spin", "ticket", "rwlock"};
#define KINDS (sizeof(kinds) / sizeof(kinds[0]))

static struct things *it;
static const struct lock_kind *kind;
static struct fam *other; /* lives, and knows nothing of all this */
static uint64_t self, innocent;
static uint64_t seed;
static _Atomic int stop;

static uint64_t holder_of(struct fam *whose)
{
	struct fam_session session = {0};

	assert_int_equal(fam_session_self(whose, &session), 0);
	return fam_holder(session.id);
}

static int set_up(void **state)
{
	int r = stage_set_up(state);

	it = board;
	if (r < 0 || fam_open(&other, path, 0) < 0)
		return -1;
	self = holder_of(fam);
	innocent = holder_of(other);
	memset(it->untouched, 0x5a, sizeof(it->untouched));
	seed = 1;
	stop = 0;
	return fam_session_set(other, NULL, PATIENT);
}

static int tear_down(void **state)
{
	fam_close(other);
	other = NULL;
	return stage_tear_down(state);
}

/* xorshift64: the same each time. */
static uint64_t draw(void)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	return seed ^= seed << 17;
}

/* Anything, or what looks like something. */
static uint64_t nonsense(void)
{
	switch (draw() % 6) {
	case 0:
		return draw();
	case 1:
		return draw() % 64;
	case 2:
		return self | (draw() & FAM_HOLDER_FLAGS);
	case 3:
		return innocent | (draw() & FAM_HOLDER_FLAGS);
	case 4:
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
}

static void expect_known(int r)
{
	assert_true(r == 0 || r == -ETIMEDOUT || r == -EOWNERDEAD ||
		    r == -EPERM || r == -ESTALE || r == -EDEADLK);
}

static void use_all(int timeout_ms)
{
	uint64_t number = 0;

	expect_known(kind->lock(fam, &it->lock, timeout_ms));
	expect_known(kind->fence(fam, &it->lock, &number));
	expect_known(kind->consistent(fam, &it->lock));
	expect_known(kind->unlock(fam, &it->lock));
	if (!kind->read)
		return;
	expect_known(kind->read(fam, &it->lock, timeout_ms));
	expect_known(kind->unread(fam, &it->lock));
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
	for (unsigned int k = 0; k < KINDS; k++) {
		kind = lock_kind_find(kinds[k]);
		for (int i = 0; i < TIMES; i++) {
			scribble();
			/* more than once, as the first puts some of it right */
			use_all(0);
			use_all(i % 100 ? 0 : 1);
		}
	}
	expect_untouched();
}

static int scribble_on(unsigned int n)
{
	fam_word *word = (fam_word *)it;

	while (!stop) {
		/* A sequence of its own: the other thread draws, too. */
		n = n * 1664525 + 1013904223;
		fam_word_poke(&word[n / 8 % WORDS],
			      n % 3   ? self | n % 0x4000
			      : n % 2 ? innocent | n % 0x4000
				      : n % 64);
	}
	return 0;
}

static void nonsense_written_meanwhile_does_not_either(void **state)
{
	struct player player;

	(void)state;
	player_start(&player, scribble_on, 1);
	for (unsigned int k = 0; k < KINDS; k++) {
		kind = lock_kind_find(kinds[k]);
		for (int i = 0; i < TIMES; i++)
			use_all(i % 100 ? 0 : 1);
	}
	stop = 1;
	assert_int_equal(player_end(&player), 0);
	expect_untouched();
}

/* As if the innocent one held it, who will never unlock it. */
static void give_to_innocent(void)
{
	memset(&it->lock, 0, sizeof(it->lock));
	if (strcmp(kind->name, "ticket") == 0)
		assert_int_equal(kind->lock(other, &it->lock, 0), 0);
	else
		fam_word_poke((fam_word *)it, innocent);
}

static bool any_sleeps(void)
{
	const uint64_t *word = (const uint64_t *)it;
	unsigned int count = 0;

	for (size_t i = 0; i < WORDS; i++)
		count += sleepers(&word[i]);
	return count > 0;
}

/* All of these are for ever, or as good as that. */
static const int ever[] = {-1, -2, INT_MIN, INT_MAX};
#define EVERS (sizeof(ever) / sizeof(ever[0]))

static int wait_for_it(unsigned int n)
{
	return kind->lock(fam, &it->lock, ever[n]);
}

static void who_waits_for_an_innocent_can_be_ended(void **state)
{
	struct player player;

	(void)state;
	catch_usr1();
	for (unsigned int i = 0; i < KINDS * EVERS; i++) {
		kind = lock_kind_find(kinds[i / EVERS]);
		give_to_innocent();
		assert_int_equal(kind->lock(fam, &it->lock, 0), -ETIMEDOUT);
		assert_int_equal(kind->lock(fam, &it->lock, 20), -ETIMEDOUT);
		player_start(&player, wait_for_it, i % EVERS);
		assert_true(await(pthread_kill(player.thread, SIGUSR1) == 0 &&
				  player.ended));
		assert_int_equal(player_end(&player), -EINTR);
	}
}

static void and_has_it_when_that_one_ends(void **state)
{
	struct player player;

	(void)state;
	for (unsigned int k = 0; k < KINDS; k++) {
		kind = lock_kind_find(kinds[k]);
		innocent = holder_of(other);
		give_to_innocent();
		player_start(&player, wait_for_it, 0);
		assert_true(await(any_sleeps()));
		fam_close(other);
		assert_int_equal(player_end(&player), -EOWNERDEAD);
		assert_int_equal(fam_open(&other, path, 0), 0);
	}
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(nonsense_ends_no_call_badly),
		TEST(nonsense_written_meanwhile_does_not_either),
		TEST(who_waits_for_an_innocent_can_be_ended),
		TEST(and_has_it_when_that_one_ends),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
