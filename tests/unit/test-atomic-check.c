// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "atomic-check.h"

static int judge(struct fam_cpus cpus, const char *reason)
{
	char why[FAM_ATOMIC_WHY];
	int r;

	memset(why, 'x', sizeof(why));
	r = fam_cpus_judge(&cpus, why);
	assert_non_null(memchr(why, '\0', sizeof(why)));
	assert_non_null(strstr(why, reason));
	return r;
}

static const struct fam_cpus hardware = {.known = true, .has_128 = true};
static const struct fam_cpus emulated = {
	.known = true,
	.has_128 = true,
	.is_guest = true,
	.hypervisor = "TCGTCGTCGTCG",
	.possible = 2,
	.slowdown = 30,
};

static void hardware_is_atomic(void **state)
{
	struct fam_cpus guest = emulated;

	(void)state;
	assert_int_equal(judge(hardware, "hardware"), 0);
	strcpy(guest.hypervisor, "KVMKVMKVM");
	guest.slowdown = 0;
	guest.possible = 1;
	assert_int_equal(judge(guest, "hardware"), 0);
}

static void emulated_cpus_are_by_what_they_do(void **state)
{
	struct fam_cpus cpus = emulated;

	(void)state;
	assert_int_equal(judge(cpus, "take care"), 0);
	cpus.possible = 1; /* nr_cpus=1 in a guest that has two */
	assert_int_equal(judge(cpus, "take care"), 0);
	cpus.slowdown = 1.1;
	assert_int_equal(judge(cpus, "maxcpus=2"), -EXDEV);
	cpus.possible = 2;
	assert_int_equal(judge(cpus, "thread=multi"), -EXDEV);
	cpus.possible = 0;
	assert_int_equal(judge(cpus, "thread=multi"), -EXDEV);
}

static void who_does_not_tell_is_not_believed(void **state)
{
	struct fam_cpus cpus = emulated;

	(void)state;
	cpus.hypervisor[0] = '\0';
	assert_int_equal(judge(cpus, "does not say"), -ENODATA);
	cpus.known = false;
	assert_int_equal(judge(cpus, "does not tell"), -ENODATA);
}

/* The host's programs and its nodes run on the same CPUs. */
static void on_the_host_nothing_can_go_wrong(void **state)
{
	struct fam_cpus cpus = emulated;

	(void)state;
	cpus.local = true;
	cpus.slowdown = 1;
	assert_int_equal(judge(cpus, "this machine"), 0);
	cpus.has_128 = false;
	assert_int_equal(judge(cpus, "128 bits"), -ENOSYS);
}

static void a_cpu_without_128_bits_is_named(void **state)
{
	struct fam_cpus cpus = emulated;

	(void)state;
	cpus.has_128 = false;
	assert_int_equal(judge(cpus, "128 bits"), -ENOSYS);
	cpus.slowdown = 1; /* the worse news */
	assert_int_equal(judge(cpus, "thread"), -EXDEV);
}

static void lists_of_cpus_are_counted(void **state)
{
	(void)state;
	assert_int_equal(fam_cpus_count("0\n"), 1);
	assert_int_equal(fam_cpus_count("0"), 1);
	assert_int_equal(fam_cpus_count("0-1\n"), 2);
	assert_int_equal(fam_cpus_count("0-3,8,10-11\n"), 7);
	assert_int_equal(fam_cpus_count(""), 0);
	assert_int_equal(fam_cpus_count("\n"), 0);
	assert_int_equal(fam_cpus_count("0-"), 0);
	assert_int_equal(fam_cpus_count("3-1"), 0);
	assert_int_equal(fam_cpus_count("-1"), 0);
	assert_int_equal(fam_cpus_count("0,"), 0);
	assert_int_equal(fam_cpus_count("0 1"), 0);
	assert_int_equal(fam_cpus_count("none"), 0);
}

/* On the machine of the test; tests/vm/atomic.bats asks in nodes. */
static void a_sentence_comes_with_any_answer(void **state)
{
	char why[FAM_ATOMIC_WHY] = "";
	int r = fam_atomic_check(NULL, why);

	(void)state;
	assert_true(r == 0 || r == -EXDEV || r == -ENOSYS || r == -ENODATA);
	assert_true(strlen(why) > 10);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(hardware_is_atomic),
		cmocka_unit_test(emulated_cpus_are_by_what_they_do),
		cmocka_unit_test(who_does_not_tell_is_not_believed),
		cmocka_unit_test(on_the_host_nothing_can_go_wrong),
		cmocka_unit_test(a_cpu_without_128_bits_is_named),
		cmocka_unit_test(lists_of_cpus_are_counted),
		cmocka_unit_test(a_sentence_comes_with_any_answer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
