// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
/* Who makes, opens, mends or removes a named object is killed at each step. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <fam-holder.h>

#include "fault.h"
#include "internal.h"

#define BYTES 5000

static int fill(struct fam *fam, void *memory, uint64_t bytes, void *arg)
{
	const char *byte = memory;

	(void)fam;
	(void)arg;
	for (uint64_t i = 0; i < bytes; i++) {
		if (byte[i])
			return -EILSEQ;
	}
	memset(memory, 'f', bytes);
	return 0;
}

static int refill(struct fam *fam, void *memory, uint64_t bytes, void *arg)
{
	(void)fam;
	(void)arg;
	memset(memory, 'm', bytes);
	return 0;
}

static int open_it(struct fam *fam, unsigned int flags, struct fam_object **out)
{
	const struct fam_object_want want = {.type = FAM_OBJECT_MEMORY,
					     .flags = flags,
					     .bytes = BYTES,
					     .make = fill,
					     .mend = refill};

	return fam_object_open(fam, "fault", &want, out);
}

static int open_and_close(struct fam *fam, unsigned int flags)
{
	struct fam_object *object;
	int r = open_it(fam, flags, &object);

	if (r == 0)
		fam_object_close(object);
	return r;
}

/* As if the host had been started anew. */
static void reboot_host(struct fam *fam)
{
	fam_word_add(&fam_session_table(fam)->boot, 1);
}

/* --- what is killed ----------------------------------------------------------------- */

static int make(struct fault *f)
{
	int r;

	fault_arm(f);
	r = open_and_close(f->fam, FAM_OBJECT_CREATE);
	fault_disarm(f);
	return r != 0;
}

static int mend(struct fault *f)
{
	int r = open_and_close(f->fam, FAM_OBJECT_CREATE);

	reboot_host(f->fam);
	fault_arm(f);
	if (r == 0)
		r = open_and_close(f->fam, 0);
	fault_disarm(f);
	return r != 0;
}

static int remove_it(struct fault *f)
{
	int r = open_and_close(f->fam, FAM_OBJECT_CREATE);

	fault_arm(f);
	if (r == 0)
		r = fam_object_remove(f->fam, "fault");
	fault_disarm(f);
	return r != 0;
}

/* --- who comes behind it ------------------------------------------------------------- */

static int count(const struct fam_object_info *info, void *arg)
{
	(void)info;
	++*(int *)arg;
	return 0;
}

/* It can be had, is whole, and can be removed; nothing else is left. */
static void is_whole(struct fault *f)
{
	struct fam_object *object;
	const char *memory;
	int left = 0;

	assert_int_equal(open_it(f->fam, FAM_OBJECT_CREATE, &object), 0);
	memory = fam_object_memory(object);
	for (int i = 0; i < BYTES; i++) {
		assert_int_equal(memory[i], memory[0]);
		assert_true(memory[i] == 'f' || memory[i] == 'm');
	}
	fam_object_close(object);
	if (f->killed)
		fault_await_death(f);
	assert_int_equal(fam_object_remove(f->fam, "fault"), 0);
	assert_int_equal(fam_object_each(f->fam, count, &left), 0);
	assert_int_equal(left, 0);
}

/* All of the area is free again, as one piece. */
static void is_all_free(struct fault *f)
{
	struct fam_object_want want = {.type = FAM_OBJECT_MEMORY,
				       .flags = FAM_OBJECT_CREATE,
				       .bytes = UINT64_C(900) << 10};
	struct fam_object *object;

	is_whole(f);
	assert_int_equal(fam_object_open(f->fam, "all", &want, &object), 0);
	fam_object_close(object);
}

static const struct fault_case cases[] = {
	{"make", .child = make, .after = is_all_free},
	{"mend", .child = mend, .after = is_all_free},
	{"remove", .child = remove_it, .after = is_all_free},
	{0},
};

static void killed_while_it_makes(void **state)
{
	(void)state;
	print_message("%u steps\n", fault_each(&cases[0]));
}

static void killed_while_it_mends(void **state)
{
	(void)state;
	print_message("%u steps\n", fault_each(&cases[1]));
}

static void killed_while_it_removes(void **state)
{
	(void)state;
	print_message("%u steps\n", fault_each(&cases[2]));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(killed_while_it_makes),
		cmocka_unit_test(killed_while_it_mends),
		cmocka_unit_test(killed_while_it_removes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
