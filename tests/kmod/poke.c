// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
/*
 * fam-poke: tries to change memory that may be there for reading only, by all
 * kinds of stores that a processor has, in every page. Static, because a bundle
 * has no loader.
 *
 * usage: fam-poke FILE [OFFSET LENGTH]
 *
 * Says how many stores took effect. Ends with 0: all; 1: some; 3: none.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define PAGE 4096

static void plain(volatile uint64_t *word, uint64_t value)
{
	*word = value;
}

static void exchange(volatile uint64_t *word, uint64_t value)
{
	__atomic_exchange_n(word, value, __ATOMIC_SEQ_CST);
}

static void compare(volatile uint64_t *word, uint64_t value)
{
	uint64_t was = *word;

	__atomic_compare_exchange_n(word, &was, value, 0, __ATOMIC_SEQ_CST,
				    __ATOMIC_SEQ_CST);
}

static void add(volatile uint64_t *word, uint64_t value)
{
	__atomic_fetch_add(word, value - *word, __ATOMIC_SEQ_CST);
}

static void streaming(volatile uint64_t *word, uint64_t value)
{
	asm volatile("movnti %1, %0; sfence" : "=m"(*word) : "r"(value));
}

static void string(volatile uint64_t *word, uint64_t value)
{
	void *to = (void *)(uintptr_t)word;
	const void *from = &value;
	size_t count = sizeof(value);

	asm volatile("rep movsb"
		     : "+D"(to), "+S"(from), "+c"(count)
		     :
		     : "memory");
}

static void bytes(volatile uint64_t *word, uint64_t value)
{
	volatile uint8_t *byte = (volatile uint8_t *)word;

	for (size_t i = 0; i < sizeof(value); i++)
		byte[i] = (uint8_t)(value >> 8 * i);
}

static void (*const stores[])(volatile uint64_t *word, uint64_t value) = {
	plain, exchange, compare, add, streaming, string, bytes};
#define STORES (sizeof(stores) / sizeof(stores[0]))

/* How many of the stores to a page took effect. */
static size_t poke(volatile uint64_t *page)
{
	size_t taken = 0;

	for (size_t i = 0; i < STORES; i++) {
		volatile uint64_t *word = page + PAGE / 8 - 1 - i;
		uint64_t value = *word ^ UINT64_C(0xa5a5a5a5a5a5a5a5);

		stores[i](word, value);
		taken += *word == value;
	}
	return taken;
}

int main(int argc, char **argv)
{
	uint64_t offset = argc > 2 ? strtoull(argv[2], NULL, 0) : 0;
	uint64_t length = argc > 3 ? strtoull(argv[3], NULL, 0) : 0;
	size_t taken = 0, all;
	struct stat st;
	char *memory;
	int fd = argc > 1 ? open(argv[1], O_RDWR) : -1;

	if (fd < 0 || fstat(fd, &st) < 0) {
		fprintf(stderr, "fam-poke: open: %s\n", strerror(errno));
		return 2;
	}
	if (!length)
		length = (uint64_t)st.st_size - offset;
	memory = mmap(NULL, length, PROT_READ | PROT_WRITE, MAP_SHARED, fd,
		      (off_t)offset);
	if (memory == MAP_FAILED) {
		fprintf(stderr, "fam-poke: mmap: %s\n", strerror(errno));
		return 2;
	}
	for (uint64_t at = 0; at < length; at += PAGE)
		taken += poke((volatile uint64_t *)(memory + at));
	all = length / PAGE * STORES;
	printf("%zu of %zu stores took effect\n", taken, all);
	return taken == all ? 0 : taken ? 1 : 3;
}
