// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "util/size.h"

static void parses_digits_and_units(void **state)
{
	static const struct {
		const char *text;
		uint64_t bytes;
	} cases[] = {
		{"0", 0},
		{"1", 1},
		{"0016", 16},
		{"4096", 4096},
		{"16K", 16 * KiB},
		{"16k", 16 * KiB},
		{"16KiB", 16 * KiB},
		{"16kib", 16 * KiB},
		{"1M", MiB},
		{"16G", 16 * GiB},
		{"16GiB", 16 * GiB},
		{"16T", 16 * TiB},
		{"16777215T", 16777215 * TiB},
		{"18446744073709551615", UINT64_MAX},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		uint64_t bytes = 7;

		assert_int_equal(size_parse(cases[i].text, &bytes), 0);
		assert_int_equal(bytes, cases[i].bytes);
	}
}

static void refuses_what_is_no_size(void **state)
{
	static const char *const cases[] = {
		"",	 "K",	 "-1",		 "+1",
		" 1",	 "1 ",	 "1 K",		 "16X",
		"16GB",	 "16kb", "16Gi",	 "16GiBx",
		"1.5G",	 "0x10", "1e3",		 "1G1",
		"16GGi", "16iB", "1,000",	 "--1",
		"16B",	 "16P",	 "\xef\xbc\x91", "99999999999999999999X",
		"\n1",	 "1\n"};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		uint64_t bytes = 7;

		assert_int_equal(size_parse(cases[i], &bytes), -EINVAL);
		assert_int_equal(bytes, 7);
	}
}

static void refuses_more_than_64_bits(void **state)
{
	static const char *const cases[] = {
		"18446744073709551616",
		"18446744073709551620",
		"99999999999999999999",
		"16777216T",
		"18014398509481984K",
		"340282366920938463463374607431768211456"};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		uint64_t bytes = 7;

		assert_int_equal(size_parse(cases[i], &bytes), -ERANGE);
		assert_int_equal(bytes, 7);
	}
}

static void formats_for_people(void **state)
{
	static const struct {
		uint64_t bytes;
		const char *text;
	} cases[] = {
		{0, "0 B"},
		{1023, "1023 B"},
		{1024, "1 KiB"},
		{1536, "1.5 KiB"},
		{MiB - 1, "1023.9 KiB"},
		{16 * GiB, "16 GiB"},
		{16 * GiB + 1, "16 GiB"},
		{16 * TiB, "16 TiB"},
		{4096 * TiB, "4096 TiB"},
		{UINT64_MAX, "16777215.9 TiB"},
	};
	char text[SIZE_TEXT_MAX];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_string_equal(size_format(cases[i].bytes, text),
				    cases[i].text);
}

static void knows_powers_of_two(void **state)
{
	(void)state;
	assert_false(size_is_power_of_two(0));
	assert_false(size_is_power_of_two(3));
	assert_false(size_is_power_of_two(UINT64_MAX));
	for (int shift = 0; shift < 64; shift++)
		assert_true(size_is_power_of_two(UINT64_C(1) << shift));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(parses_digits_and_units),
		cmocka_unit_test(refuses_what_is_no_size),
		cmocka_unit_test(refuses_more_than_64_bits),
		cmocka_unit_test(formats_for_people),
		cmocka_unit_test(knows_powers_of_two),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
