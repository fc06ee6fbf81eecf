// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
#include <string.h>

#include <fam/stream.h>

#ifdef __x86_64__
#include <cpuid.h>
#include <stdatomic.h>
#include <stdbool.h>

/*
 * QEMU's TCG runs a string instruction as one loop of its own, which is twice as
 * fast as all loops of a guest, glibc's vector ones included. But it looks up
 * each address in a table which is indexed by the page's number: where source
 * and destination meet in there, each of them drives the other one out at each
 * step, and it becomes ten times slower. The table has 64 entries at least, and
 * grows by powers of two, so they meet only if the numbers are equal in the last
 * six bits. There a page lying elsewhere goes between.
 */
#define PAGE  4096
#define TABLE (UINT64_C(64) * PAGE)
#define SMALL 512 /* bytes: not worth a thought */

enum { UNKNOWN, HARDWARE, EMULATED };

static bool ask_if_emulated(void)
{
	unsigned int a, name[3];
	char text[13] = {0};

	__cpuid(1, a, name[0], name[1], name[2]);
	if (!(name[1] & (1u << 31)))
		return false;
	__cpuid(0x40000000, a, name[0], name[1], name[2]);
	memcpy(text, name, sizeof(name));
	return strcmp(text, "TCGTCGTCGTCG") == 0;
}

/* Asked once: on a virtual CPU that costs microseconds. */
static bool is_emulated(void)
{
	static _Atomic int known = UNKNOWN;
	int now = atomic_load_explicit(&known, memory_order_relaxed);

	if (now == UNKNOWN) {
		now = ask_if_emulated() ? EMULATED : HARDWARE;
		atomic_store_explicit(&known, now, memory_order_relaxed);
	}
	return now == EMULATED;
}

static void copy_string(void *to, const void *from, size_t bytes)
{
	size_t words = bytes / 8, rest = bytes % 8;

	__asm__ volatile("rep movsq"
			 : "+D"(to), "+S"(from), "+c"(words)
			 :
			 : "memory");
	memcpy(to, from, rest);
}

/* Do pages of these two meet? Less than a page apart, but for whole tables. */
static bool meet(const void *a, const void *b)
{
	uint64_t apart = ((uintptr_t)a - (uintptr_t)b) % TABLE;

	return apart < PAGE || apart > TABLE - PAGE;
}

/* A page of @room that neither side's page or the next one meets. */
static char *elsewhere(char *room, const char *place)
{
	uintptr_t page = ((uintptr_t)room + PAGE - 1) / PAGE;
	uintptr_t apart = page - (uintptr_t)place / PAGE;

	if ((apart + 1) % (TABLE / PAGE) < 4)
		page += 4;
	return (char *)(page * PAGE);
}

static void copy_between(char *to, const char *from, size_t bytes)
{
	char room[6 * PAGE];

	while (bytes) {
		size_t n = bytes < PAGE ? bytes : PAGE;
		char *page = elsewhere(room, from);

		copy_string(page, from, n);
		copy_string(to, page, n);
		from += n;
		to += n;
		bytes -= n;
	}
}

void *fam_copy(void *to, const void *from, size_t bytes)
{
	if (bytes < SMALL || !is_emulated())
		return memcpy(to, from, bytes);
	if (meet(to, from))
		copy_between(to, from, bytes);
	else
		copy_string(to, from, bytes);
	return to;
}

#else

void *fam_copy(void *to, const void *from, size_t bytes)
{
	return memcpy(to, from, bytes);
}

#endif
