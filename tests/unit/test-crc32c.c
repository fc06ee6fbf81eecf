// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include <fam/layout.h>

#include "crc32c.h"

typedef uint32_t crc32c_fn(uint32_t crc, const void *data, size_t len);

/* By the definition of it, bit for bit. */
static uint32_t by_definition(uint32_t crc, const void *data, size_t len)
{
	const uint8_t *p = data;

	crc = ~crc;
	for (; len; len--, p++) {
		crc ^= *p;
		for (int bit = 0; bit < 8; bit++)
			crc = crc >> 1 ^ (crc & 1 ? 0x82f63b78 : 0);
	}
	return ~crc;
}

static void fill(uint8_t *bytes, size_t len, uint64_t seed)
{
	for (size_t i = 0; i < len; i++) {
		seed = seed * UINT64_C(6364136223846793005) + 1442695041;
		bytes[i] = (uint8_t)(seed >> 56);
	}
}

/* Every length and every alignment, after every kind of beginning. */
static void compare(crc32c_fn *way)
{
	static uint8_t bytes[600];
	uint32_t crc = 0;

	for (uint64_t seed = 0; seed < 4; seed++) {
		fill(bytes, sizeof(bytes), seed);
		for (size_t at = 0; at < 9; at++) {
			for (size_t len = 0; len < 530; len += 1 + len / 40) {
				uint32_t is = way(crc, bytes + at, len);

				assert_int_equal(
					is,
					by_definition(crc, bytes + at, len));
				crc = is;
			}
		}
	}
}

/* RFC 3720, B.4. */
static void published(crc32c_fn *way)
{
	uint8_t bytes[32];

	memset(bytes, 0, sizeof(bytes));
	assert_int_equal(way(0, bytes, sizeof(bytes)), 0x8a9136aa);
	memset(bytes, 0xff, sizeof(bytes));
	assert_int_equal(way(0, bytes, sizeof(bytes)), 0x62a8ab43);
	for (uint8_t i = 0; i < 32; i++)
		bytes[i] = i;
	assert_int_equal(way(0, bytes, sizeof(bytes)), 0x46dd794e);
	for (uint8_t i = 0; i < 32; i++)
		bytes[i] = (uint8_t)(31 - i);
	assert_int_equal(way(0, bytes, sizeof(bytes)), 0x113fdb5c);
	assert_int_equal(way(0, "123456789", 9), 0xe3069283);
	assert_int_equal(way(0xe3069283, NULL, 0), 0xe3069283);
}

static void by_table_it_is_what_the_definition_says(void **state)
{
	(void)state;
	published(crc32c_by_table);
	compare(crc32c_by_table);
}

static void by_the_cpu_it_is_what_the_definition_says(void **state)
{
	(void)state;
	if (!crc32c_cpu_can())
		skip();
	published(crc32c_by_cpu);
	compare(crc32c_by_cpu);
}

static void the_library_gives_the_same(void **state)
{
	(void)state;
	published(fam_crc32c);
	compare(fam_crc32c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(by_table_it_is_what_the_definition_says),
		cmocka_unit_test(by_the_cpu_it_is_what_the_definition_says),
		cmocka_unit_test(the_library_gives_the_same),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
