// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
#include <ctype.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <fam/error.h>

/* Every code the headers name has a sentence of its own and a next step. */
static void documented_codes_have_a_text(void **state)
{
	static const int codes[] = {
		EINVAL,		 ENODEV,       ENOENT,	   ENOTUNIQ,
		ENXIO,		 EMEDIUMTYPE,  EEXIST,	   EBADMSG,
		EPROTONOSUPPORT, EROFS,	       ENODATA,	   ENOTBLK,
		ERANGE,		 EFAULT,       EOPNOTSUPP, EIO,
		ELOOP,		 EACCES,       EPERM,	   EBUSY,
		ETXTBSY,	 ESTALE,       ENOTCONN,   ETIMEDOUT,
		EPROTO,		 EUSERS,       ESRCH,	   EOWNERDEAD,
		EDEADLK,	 ESHUTDOWN,    EPIPE,	   ECONNRESET,
		EMSGSIZE,	 EAGAIN,       EINTR,	   ENOSPC,
		EMFILE,		 ENAMETOOLONG, EOVERFLOW,
	};

	(void)state;
	for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++) {
		const char *text = fam_strerror(-codes[i]);

		assert_string_not_equal(text, strerror(codes[i]));
		assert_true(islower((unsigned char)text[0]));
		assert_int_not_equal(text[strlen(text) - 1], '.');
		assert_ptr_equal(text, fam_strerror(codes[i]));
		assert_non_null(fam_errhint(-codes[i]));
	}
}

/* One code has several meanings: none of them is left out. */
static void texts_fit_objects_and_regions_too(void **state)
{
	static const struct {
		int error;
		const char *word;
	} wanted[] = {
		{ENOENT, "object"},	 {EEXIST, "object"},
		{EMEDIUMTYPE, "object"}, {EBADMSG, "object"},
		{EBUSY, "object"},	 {EMFILE, "object"},
		{EOPNOTSUPP, "object"},	 {ENOENT, "region"},
		{EEXIST, "region"},	 {EBADMSG, "region"},
		{EBUSY, "region"},	 {EMFILE, "region"},
		{ERANGE, "region"},	 {EOPNOTSUPP, "region"},
		{ENOSPC, "fabric"},	 {ECONNRESET, "other side died"},
		{EOWNERDEAD, "yours"},	 {EPIPE, "receiver"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++)
		assert_non_null(
			strstr(fam_strerror(-wanted[i].error), wanted[i].word));
}

static void other_codes_are_the_systems(void **state)
{
	(void)state;
	assert_string_equal(fam_strerror(-ENOTDIR), strerror(ENOTDIR));
	assert_null(fam_errhint(-ENOTDIR));
	assert_string_equal(fam_strerror(-123456), "unknown error");
	assert_string_equal(fam_strerror(INT32_MIN), "unknown error");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(documented_codes_have_a_text),
		cmocka_unit_test(texts_fit_objects_and_regions_too),
		cmocka_unit_test(other_codes_are_the_systems),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
