// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "util/err.h"

static struct err err;

static int setup(void **state)
{
	(void)state;
	memset(&err, 0xaa, sizeof(err));
	err_set(&err, -EPERM, "old");
	return 0;
}

static void set_replaces_everything(void **state)
{
	(void)state;
	err_hint(&err, "old hint");
	assert_int_equal(err_set(&err, -ENOENT, "no '%s'", "x"), -ENOENT);
	assert_int_equal(err.code, -ENOENT);
	assert_string_equal(err.text, "no 'x'");
	assert_string_equal(err.hint, "");
}

static void sys_tells_the_cause(void **state)
{
	(void)state;
	assert_int_equal(err_sys(&err, EACCES, "cannot open"), -EACCES);
	assert_string_equal(err.text, "cannot open: Permission denied");
	assert_int_equal(err_sys(&err, 9999, "odd"), -9999);
	assert_string_equal(err.text, "odd: error 9999");
}

/* These codes would end as "usage" and "libvirt is out of reach". */
static void sys_keeps_the_meaning_of_exit_codes(void **state)
{
	(void)state;
	assert_int_equal(err_sys(&err, EINVAL, "mmap"), -EIO);
	assert_string_equal(err.text, "mmap: Invalid argument");
	assert_int_equal(err_sys(&err, ENOTCONN, "recv"), -EIO);
}

static void prefix_stands_before_the_text(void **state)
{
	(void)state;
	err_set(&err, -ENOSPC, "disk full");
	err_hint(&err, "delete");
	assert_int_equal(err_prefix(&err, "cannot create '%s'", "f"), -ENOSPC);
	assert_string_equal(err.text, "cannot create 'f': disk full");
	assert_string_equal(err.hint, "delete");
}

static void first_hint_wins(void **state)
{
	(void)state;
	assert_int_equal(err_hint(&err, "one"), -EPERM);
	assert_int_equal(err_hint(&err, "two"), -EPERM);
	assert_string_equal(err.hint, "one");
}

/* A caller may quote the old text; it must not be overwritten while read. */
static void old_text_may_be_an_argument(void **state)
{
	(void)state;
	err_set(&err, -EIO, "inner");
	err_set(&err, -EIO, "outer (%s)", err.text);
	assert_string_equal(err.text, "outer (inner)");
	err_prefix(&err, "again %s", err.text);
	assert_string_equal(err.text, "again outer (inner): outer (inner)");
	err_sys(&err, EIO, "%s", err.text);
	assert_string_equal(
		err.text,
		"again outer (inner): outer (inner): Input/output error");
}

static void long_text_is_cut(void **state)
{
	char text[3000];

	(void)state;
	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	err_set(&err, -EIO, "%s", text);
	assert_int_equal(strlen(err.text), sizeof(err.text) - 1);
	err_prefix(&err, "%s", text);
	err_sys(&err, EIO, "%s", text);
	assert_int_equal(strlen(err.text), sizeof(err.text) - 1);
	err_prefix(&err, "front");
	assert_memory_equal(err.text, "front: xxx", 10);
	assert_int_equal(strlen(err.text), sizeof(err.text) - 1);
	err_hint(&err, "%s", text);
	assert_int_equal(strlen(err.hint), sizeof(err.hint) - 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(set_replaces_everything, setup),
		cmocka_unit_test_setup(sys_tells_the_cause, setup),
		cmocka_unit_test_setup(sys_keeps_the_meaning_of_exit_codes,
				       setup),
		cmocka_unit_test_setup(prefix_stands_before_the_text, setup),
		cmocka_unit_test_setup(first_hint_wins, setup),
		cmocka_unit_test_setup(old_text_may_be_an_argument, setup),
		cmocka_unit_test_setup(long_text_is_cut, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
