// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
/*
 * Who takes, gives, sends or receives buffers is killed at each step: none is
 * lost, and none is had twice.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fam/pool.h>

#include "fault.h"

#define BUFFERS 10

static int use_all(struct fault *f)
{
	struct fam_pool *pool;
	uint32_t one = 0, two = 0, three = 0;
	int r;

	fault_arm(f);
	r = fam_pool_at(f->fam, f->memory, FAULT_BYTES, &pool);
	if (r < 0)
		return 1;
	r |= fam_pool_take(pool, 0, &one);
	r |= fam_pool_take(pool, 0, &two);
	r |= fam_pool_take(pool, 0, &three);
	r |= fam_pool_send(pool, one);
	r |= fam_pool_receive(pool, one);
	r |= fam_pool_send(pool, two);
	r |= fam_pool_give(pool, one);
	r |= fam_pool_give(pool, three);
	r |= fam_pool_sweep(pool);
	fam_pool_close(pool);
	fault_disarm(f);
	return r != 0;
}

static void make(struct fault *f)
{
	const struct fam_pool_config config = {BUFFERS, 64, 2, 0};

	assert_int_equal(fam_pool_make(f->fam, f->memory, &config), 0);
}

static void all_are_there(struct fault *f)
{
	struct fam_pool *pool;
	unsigned int seen = 0;
	uint32_t buffer;

	if (f->killed)
		fault_await_death(f);
	assert_int_equal(fam_pool_at(f->fam, f->memory, FAULT_BYTES, &pool), 0);
	assert_int_equal(fam_pool_sweep(pool), 0);
	for (int i = 0; i < BUFFERS; i++) {
		assert_int_equal(fam_pool_take(pool, 0, &buffer), 0);
		assert_false(seen & 1u << buffer);
		seen |= 1u << buffer;
	}
	assert_int_equal(fam_pool_take(pool, 0, &buffer), -EAGAIN);
	fam_pool_close(pool);
}

static void killed_at_every_step(void **state)
{
	static const struct fault_case what = {"pool", .child = use_all,
					       .before = make,
					       .after = all_are_there};

	(void)state;
	fault_each(&what);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(killed_at_every_step),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
