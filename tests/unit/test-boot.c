// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
#include <errno.h>
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include <fam-boot.h>
#include <fam/fam.h>

#include "fabric-file.h"
#include "object-file.h"

static struct object_file file;

static int set_up(void **state)
{
	(void)state;
	return object_file_set_up(&file, "/tmp");
}

static int tear_down(void **state)
{
	(void)state;
	return object_file_tear_down(&file);
}

static void it_is_the_beginning_of_the_kernels_own(void **state)
{
	FILE *f = fopen("/proc/sys/kernel/random/boot_id", "r");
	unsigned int first, second, third;

	(void)state;
	assert_non_null(f);
	assert_int_equal(fscanf(f, "%8x-%4x-%4x", &first, &second, &third), 3);
	fclose(f);
	assert_true(fam_boot_current() ==
		    ((uint64_t)first << 32 | (uint64_t)second << 16 | third));
}

static void a_program_of_the_host_stores_it(void **state)
{
	struct fam *fam;

	(void)state;
	assert_true(atomic_load(&file.sessions->boot) == fam_boot_current());
	atomic_store(&file.sessions->boot, 0);
	assert_int_equal(fam_open(&fam, file.path, 0), 0);
	assert_true(atomic_load(&file.sessions->boot) == fam_boot_current());
	fam_close(fam);
	/* Who only looks changes nothing. */
	atomic_store(&file.sessions->boot, 5);
	assert_int_equal(fam_open(&fam, file.path, FAM_OPEN_RDONLY), 0);
	fam_close(fam);
	assert_int_equal(fam_open(&fam, file.path, FAM_OPEN_NO_SESSION), 0);
	fam_close(fam);
	assert_true(atomic_load(&file.sessions->boot) == 5);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_is_the_beginning_of_the_kernels_own),
		cmocka_unit_test_setup_teardown(a_program_of_the_host_stores_it,
						set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
