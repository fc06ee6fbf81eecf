// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
/* fam_copy() as it copies where the CPU is emulated, which this one need not be. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#ifdef __x86_64__
#include <cpuid.h>

/* "TCGTCGTCGTCG", and that there is a hypervisor. */
#undef __cpuid
#define __cpuid(leaf, a, b, c, d)     \
	((void)(a), (b) = 0x54474354, \
	 (c) = (leaf) == 1 ? 1u << 31 : 0x43544743, (d) = 0x47435447)
#define fam_copy copy_emulated
#include "messages/copy-fast.c"

#define AREA (UINT64_C(1) << 20)

static char *from, *to; /* pages that meet each other */

static void check(size_t to_at, size_t from_at, size_t bytes)
{
	memset(to, 0, AREA);
	assert_ptr_equal(copy_emulated(to + to_at, from + from_at, bytes),
			 to + to_at);
	assert_memory_equal(to + to_at, from + from_at, bytes);
	assert_true(to_at == 0 || to[to_at - 1] == 0);
	assert_int_equal(to[to_at + bytes], 0);
}

static void test_every_distance(void **state)
{
	static const size_t at[] = {0,	  1,	64,   2048,  4095,  4096,
				    4097, 8192, 8200, 65536, 131072};
	static const size_t bytes[] = {0,    1,	   511,	 512,	513,
				       4096, 5000, 8191, 65537, 300001};
	const size_t n = sizeof(at) / sizeof(at[0]);

	(void)state;
	assert_true(is_emulated());
	for (size_t i = 0; i < n * n; i++) {
		for (size_t j = 0; j < sizeof(bytes) / sizeof(bytes[0]); j++)
			check(at[i / n], at[i % n], bytes[j]);
	}
}
#endif

int main(void)
{
	const struct CMUnitTest tests[] = {
#ifdef __x86_64__
		cmocka_unit_test(test_every_distance),
#endif
	};

#ifdef __x86_64__
	from = aligned_alloc(AREA, 2 * AREA);
	if (!from)
		return 1;
	to = from + AREA;
	for (size_t i = 0; i < AREA; i++)
		from[i] = (char)(i * 2654435761u >> 13 | 1);
#endif
	return cmocka_run_group_tests(tests, NULL, NULL);
}
