// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
/*
 * fam-map-bench: what it costs in a guest to map the memory and to use it, by
 * the module, by sysfs's resource2 and by /dev/mem, beside anonymous memory.
 *
 * usage: fam-map-bench WAY PATH OFFSET MIB [PHYSICAL]
 *
 * WAY is only printed; the path is mapped from OFFSET on, "anonymous" being
 * memory of the process. One line of figures: time of mmap() and munmap(), time
 * to read a word of each 4 KiB the first and the second time, page tables, MB/s
 * of reads and writes in a row, nanoseconds of one read at random; and, of the
 * PHYSICAL address, how the kernel's table of memory types has it and, with the
 * module fam_walk, what the page table says. Without arguments: the head of the
 * table.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#define MIB	     (1024UL * 1024)
#define PAGE	     4096UL
#define STREAM_MAX   (64 * MIB) /* of a larger mapping only so much is read */
#define RANDOM_READS 1000000UL

static double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static void fatal(const char *what)
{
	fprintf(stderr, "fam-map-bench: %s: %s\n", what, strerror(errno));
	exit(1);
}

static unsigned long page_tables_kib(void)
{
	FILE *f = fopen("/proc/self/status", "re");
	unsigned long kib = 0;
	char line[256];

	while (f && fgets(line, sizeof(line), f))
		if (strncmp(line, "VmPTE:", 6) == 0)
			kib = strtoul(line + 6, NULL, 10);
	if (f)
		fclose(f);
	return kib;
}

static void *map(const char *path, off_t offset, size_t size)
{
	int flags = MAP_SHARED, fd = -1;
	void *p;

	if (strcmp(path, "anonymous") == 0)
		flags = MAP_PRIVATE | MAP_ANONYMOUS;
	else if ((fd = open(path, O_RDWR | O_CLOEXEC)) < 0)
		fatal(path);
	p = mmap(NULL, size, PROT_READ | PROT_WRITE, flags, fd, offset);
	if (p == MAP_FAILED)
		fatal(path);
	if (fd >= 0)
		close(fd);
	return p;
}

/* Reads of each page, or of 8192: a fabric of 16 GiB may be sparse on the host. */
static double touch(const volatile uint64_t *p, size_t size)
{
	size_t step = size > 1024 * MIB ? size / 8192 : PAGE;
	double start = now();

	for (size_t i = 0; i < size; i += step)
		(void)p[i / 8];
	return now() - start;
}

static double read_all(const volatile uint64_t *p, size_t size)
{
	double start = now();
	uint64_t sum = 0;

	for (size_t i = 0; i < size / 8; i += 8)
		sum += p[i] + p[i + 1] + p[i + 2] + p[i + 3] + p[i + 4] +
		       p[i + 5] + p[i + 6] + p[i + 7];
	__asm__ volatile("" : : "r"(sum));
	return now() - start;
}

static double write_all(volatile uint64_t *p, size_t size)
{
	double start = now();

	for (size_t i = 0; i < size / 8; i++)
		p[i] = i;
	return now() - start;
}

/* Each address depends on nothing read: what other nodes write is no matter. */
static double read_random(const volatile uint64_t *p, size_t size)
{
	uint64_t seed = 88172645463325252ULL;
	double start = now();

	for (unsigned long i = 0; i < RANDOM_READS; i++) {
		seed ^= seed << 13;
		seed ^= seed >> 7;
		seed ^= seed << 17;
		(void)p[seed % (size / 8)];
	}
	return now() - start;
}

static double best(double (*measure)(volatile uint64_t *, size_t),
		   volatile uint64_t *p, size_t size)
{
	double least = 1e9;

	for (int i = 0; i < 3; i++) {
		double t = measure(p, size);

		if (t < least)
			least = t;
	}
	return least;
}

static double measure_read(volatile uint64_t *p, size_t size)
{
	return read_all(p, size);
}

static double measure_random(volatile uint64_t *p, size_t size)
{
	return read_random(p, size);
}

/* From lines as "PAT: [mem 0x0000000100000000-0x0000000104000000] write-back". */
static void show_type(uint64_t physical)
{
	FILE *f = fopen("/sys/kernel/debug/x86/pat_memtype_list", "re");
	char line[160], type[32] = "none";
	uint64_t start;

	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "PAT: [mem 0x%" SCNx64, &start) == 1 &&
		    start == physical)
			sscanf(strchr(line, ']'), "] %31s", type);
	if (f)
		fclose(f);
	printf("  %s", type);
}

static void show_entry(const volatile void *address)
{
	uint64_t value = (uintptr_t)address;
	char text[32] = "";
	int fd = open("/dev/fam_walk", O_RDWR | O_CLOEXEC);

	if (fd < 0)
		return;
	if (pwrite(fd, &value, sizeof(value), 0) == sizeof(value) &&
	    pread(fd, text, sizeof(text) - 1, 0) > 0)
		printf("  %s", text);
	close(fd);
}

static int print_head(void)
{
	printf("%-12s %6s %9s %10s %10s %9s %7s %7s %7s  %s\n", "way", "MiB",
	       "mmap ms", "touch ms", "again ms", "table KiB", "rd MB/s",
	       "wr MB/s", "rnd ns", "memory type, entries, munmap ms");
	return 0;
}

int main(int argc, char **argv)
{
	size_t size, stream;
	double start, mapped, first, second, unmapped;
	unsigned long tables;
	volatile uint64_t *p;

	if (argc == 1)
		return print_head();
	if (argc < 5)
		return 2;
	size = strtoul(argv[4], NULL, 0) * MIB;
	stream = size < STREAM_MAX ? size : STREAM_MAX;
	tables = page_tables_kib();
	start = now();
	p = map(argv[2], (off_t)strtoull(argv[3], NULL, 0), size);
	mapped = now() - start;
	first = touch(p, size);
	second = touch(p, size);
	tables = page_tables_kib() - tables;
	printf("%-12s %6lu %9.3f %10.3f %10.3f %9lu", argv[1], size / MIB,
	       mapped * 1e3, first * 1e3, second * 1e3, tables);
	printf(" %7.0f %7.0f %7.1f",
	       (double)stream / 1e6 / best(measure_read, p, stream),
	       (double)stream / 1e6 / best(write_all, p, stream),
	       best(measure_random, p, stream) * 1e9 / RANDOM_READS);
	if (argc > 5)
		show_type(strtoull(argv[5], NULL, 0));
	show_entry(p);
	start = now();
	munmap((void *)p, size);
	unmapped = now() - start;
	printf("  %.3f\n", unmapped * 1e3);
	return 0;
}
