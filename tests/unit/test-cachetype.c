// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "internal.h"

#define MIB (UINT64_C(1) << 20)
#define GIB (UINT64_C(1) << 30)

static bool mtrr(const char *table, uint64_t start, uint64_t len)
{
	FILE *f = *table ? fmemopen((char *)table, strlen(table), "r")
			 : fopen("/dev/null", "r");
	bool is_wb;

	assert_non_null(f);
	is_wb = fam_cachetype_parse_mtrr(f, start, len);
	fclose(f);
	return is_wb;
}

static enum fam_cache pat(const char *table, uint64_t addr)
{
	FILE *f = fmemopen((char *)table, strlen(table), "r");
	enum fam_cache cache;

	assert_non_null(f);
	cache = fam_cachetype_parse_pat(f, addr);
	fclose(f);
	return cache;
}

/* SeaBIOS: the 32-bit hole is uncachable, the rest what RAM is. */
static const char seabios[] = "reg00: base=0x0c0000000 ( 3072MB), size= "
			      "1024MB, count=1: uncachable\n";

static void only_the_hole_is_uncachable(void **state)
{
	(void)state;
	assert_true(mtrr(seabios, 4 * GIB, 64 * MIB));
	assert_true(mtrr(seabios, GIB, 2 * GIB));
	assert_false(mtrr(seabios, 0xfe000000, 16 * MIB));
	assert_false(mtrr(seabios, 3 * GIB - 4096, 8192));
	assert_false(mtrr(seabios, GIB, 8 * GIB));
	assert_true(mtrr("", 4 * GIB, 64 * MIB));
}

static void where_write_back_is_listed_only_that_is(void **state)
{
	static const char table[] =
		"reg00: base=0x000000000 (    0MB), size= 2048MB, count=1: "
		"write-back\n"
		"reg01: base=0x100000000 ( 4096MB), size= 4096MB, count=1: "
		"write-back\n"
		"reg02: base=0x07f000000 ( 2032MB), size=   64KB, count=1: "
		"write-combining\n";

	(void)state;
	assert_true(mtrr(table, 4 * GIB, 4 * GIB));
	assert_false(mtrr(table, 7 * GIB, 2 * GIB));
	assert_false(mtrr(table, 32 * GIB, MIB));
	assert_false(mtrr(table, 0x07f000000, 4096));
	assert_true(mtrr(table, 0x07f010000, 4096));
}

static void an_unknown_table_promises_nothing(void **state)
{
	(void)state;
	assert_false(mtrr("some new kind of table\n", 4 * GIB, MIB));
	assert_false(mtrr("reg00: base=0x0 (0MB), size=junk\n", GIB, MIB));
}

static const char memtypes[] =
	"PAT memtype list:\n"
	"PAT: [mem 0x00000000bffe0000-0x00000000bffe3000] write-back\n"
	"PAT: [mem 0x00000000fec00000-0x00000000fec01000] uncached-minus\n"
	"PAT: [mem 0x0000000100000000-0x0000000100001000] write-back\n"
	"PAT: [mem 0x0000000100200000-0x0000000100201000] write-combining\n"
	"PAT: [mem 0x0000000100400000-0x0000000100401000] uncached\n"
	"PAT: [mem 0x0000000100500000-0x0000000100501000] write-through\n"
	"PAT: [mem 0x0000000100600000-0x0000000100601000] write-back\n"
	"PAT: [mem 0x0000000100600000-0x0000000100700000] uncached-minus\n";

static void the_kernels_table_is_read(void **state)
{
	(void)state;
	assert_int_equal(pat(memtypes, 0x100000000), FAM_CACHE_WB);
	assert_int_equal(pat(memtypes, 0x100000fff), FAM_CACHE_WB);
	assert_int_equal(pat(memtypes, 0x100200000), FAM_CACHE_WC);
	assert_int_equal(pat(memtypes, 0x100400000), FAM_CACHE_UC);
	assert_int_equal(pat(memtypes, 0xfec00000), FAM_CACHE_UC);
}

static void what_the_table_does_not_say_is_unknown(void **state)
{
	(void)state;
	assert_int_equal(pat(memtypes, 0x100001000), FAM_CACHE_UNKNOWN);
	assert_int_equal(pat(memtypes, 0x100500000), FAM_CACHE_UNKNOWN);
	assert_int_equal(pat(memtypes, 0x100600000), FAM_CACHE_UNKNOWN);
	assert_int_equal(pat("PAT memtype list:\n", 0), FAM_CACHE_UNKNOWN);
	assert_int_equal(pat("PAT: [mem 0x0-0x1000] write-backs\n", 0),
			 FAM_CACHE_UNKNOWN);
}

static void pci_addresses_have_one_form(void **state)
{
	static const char *const bad[] = {
		"",	      "0000:00:10", "0000:00:10.0 ",
		"00:10.8x",   "fabric0",    "0000:00:10.0/",
		"0x00:1:2.3", " 00:10.0",   "-1:00:1.0",
		"00:10.",     "00:10.0:",   "00000000000:1:2.3",
	};
	char address[FAM_DEVICE_TEXT] = "untouched";

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(fam_pci_address(bad[i], address), -EINVAL);
		assert_string_equal(address, "untouched");
	}
	assert_int_equal(fam_pci_address("0000:00:10.0", address), 0);
	assert_string_equal(address, "0000:00:10.0");
	assert_int_equal(fam_pci_address("00:1F.7", address), 0);
	assert_string_equal(address, "0000:00:1f.7");
	assert_int_equal(fam_pci_address("10000:e1:00.0", address), 0);
	assert_string_equal(address, "10000:e1:00.0");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(only_the_hole_is_uncachable),
		cmocka_unit_test(where_write_back_is_listed_only_that_is),
		cmocka_unit_test(an_unknown_table_promises_nothing),
		cmocka_unit_test(the_kernels_table_is_read),
		cmocka_unit_test(what_the_table_does_not_say_is_unknown),
		cmocka_unit_test(pci_addresses_have_one_form),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
