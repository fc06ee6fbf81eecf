// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
#include <string.h>

#include <fam/layout.h>

#include "crc32c-table.h"
#include "crc32c.h"

#ifdef __aarch64__
#include <sys/auxv.h>
#endif

/* What is in memory, low byte first. */
static uint64_t load(const uint8_t *p)
{
	uint64_t word;

	memcpy(&word, p, sizeof(word));
	return word;
}

/* Eight bytes at a time: their look-ups do not wait for each other. */
uint32_t crc32c_by_table(uint32_t crc, const void *data, size_t len)
{
	const uint8_t *p = data;

	crc = ~crc;
	for (; len >= sizeof(uint64_t); len -= 8, p += 8) {
		uint64_t word = load(p) ^ crc;

		crc = crc32c_table[7][word & 0xff] ^
		      crc32c_table[6][word >> 8 & 0xff] ^
		      crc32c_table[5][word >> 16 & 0xff] ^
		      crc32c_table[4][word >> 24 & 0xff] ^
		      crc32c_table[3][word >> 32 & 0xff] ^
		      crc32c_table[2][word >> 40 & 0xff] ^
		      crc32c_table[1][word >> 48 & 0xff] ^
		      crc32c_table[0][word >> 56];
	}
	for (; len; len--, p++)
		crc = crc32c_table[0][(crc ^ *p) & 0xff] ^ (crc >> 8);
	return ~crc;
}

#if defined(__x86_64__)

bool crc32c_cpu_can(void)
{
	return __builtin_cpu_supports("sse4.2");
}

__attribute__((target("sse4.2"))) uint32_t
crc32c_by_cpu(uint32_t crc, const void *data, size_t len)
{
	const uint8_t *p = data;
	uint64_t state = ~crc;

	for (; len >= sizeof(uint64_t); len -= 8, p += 8)
		state = __builtin_ia32_crc32di(state, load(p));
	for (; len; len--, p++)
		state = __builtin_ia32_crc32qi((uint32_t)state, *p);
	return ~(uint32_t)state;
}

#elif defined(__aarch64__)

bool crc32c_cpu_can(void)
{
	return getauxval(AT_HWCAP) & HWCAP_CRC32;
}

/* As text: compilers differ in how they are told that the CPU can. */
uint32_t crc32c_by_cpu(uint32_t crc, const void *data, size_t len)
{
	const uint8_t *p = data;

	crc = ~crc;
	for (; len >= sizeof(uint64_t); len -= 8, p += 8)
		__asm__(".arch_extension crc\n\tcrc32cx %w0, %w0, %x1"
			: "+r"(crc)
			: "r"(load(p)));
	for (; len; len--, p++)
		__asm__(".arch_extension crc\n\tcrc32cb %w0, %w0, %w1"
			: "+r"(crc)
			: "r"((uint32_t)*p));
	return ~crc;
}

#else

bool crc32c_cpu_can(void)
{
	return false;
}

uint32_t crc32c_by_cpu(uint32_t crc, const void *data, size_t len)
{
	return crc32c_by_table(crc, data, len);
}

#endif

uint32_t fam_crc32c(uint32_t crc, const void *data, size_t len)
{
	if (crc32c_cpu_can())
		return crc32c_by_cpu(crc, data, len);
	return crc32c_by_table(crc, data, len);
}
