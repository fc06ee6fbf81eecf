// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
/*
 * fam-kmod: tries the kernel module from within a guest. Static, because a
 * bundle has no loader.
 *
 * usage: fam-kmod COMMAND DEVICE [ARGUMENT...]
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "guest.h"

static int failed;

void fatal(const char *what)
{
	fprintf(stderr, "fam-kmod: %s: %s\n", what, strerror(errno));
	exit(2);
}

void want_at(bool is, const char *what, const char *file, int line)
{
	if (is)
		return;
	printf("%s:%d: not so: %s (%s)\n", file, line, what, strerror(errno));
	failed++;
}

void want_errno_at(long result, int error, const char *what, const char *file,
		   int line)
{
	if (result == -1 && errno == error)
		return;
	printf("%s:%d: %s gave %ld, %s; wanted %s\n", file, line, what, result,
	       result == -1 ? strerror(errno) : "no error", strerror(error));
	failed++;
}

int failures(void)
{
	if (!failed)
		printf("all well\n");
	return failed ? 1 : 0;
}

void get_info(int dev, struct fam_ioc_info *info)
{
	if (ioctl(dev, FAM_IOC_INFO, info) < 0)
		fatal("FAM_IOC_INFO");
}

unsigned long number(const char *text)
{
	char *end = NULL;
	unsigned long value = text ? strtoul(text, &end, 0) : 0;

	if (!text || end == text || *end) {
		errno = EINVAL;
		fatal(text ? text : "an argument is missing");
	}
	return value;
}

uint64_t now_us(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000 + (uint64_t)ts.tv_nsec / 1000;
}

void *map_shared(int dev, uint64_t offset, size_t length)
{
	void *map = mmap(NULL, length, PROT_READ | PROT_WRITE, MAP_SHARED, dev,
			 (off_t)offset);

	if (map == MAP_FAILED)
		fatal("mmap");
	return map;
}

unsigned long status_kib(const char *name)
{
	FILE *f = fopen("/proc/self/status", "re");
	unsigned long kib = 0;
	char line[256];
	size_t len = strlen(name);

	while (f && fgets(line, sizeof(line), f))
		if (strncmp(line, name, len) == 0 && line[len] == ':')
			kib = strtoul(line + len + 1, NULL, 10);
	if (f)
		fclose(f);
	return kib;
}

static const char *cached_text(uint32_t cached)
{
	static const char *const text[] = {"unknown", "wb", "wc", "uc"};

	return cached < 4 ? text[cached] : "?";
}

int command_info(int dev, char **args)
{
	struct fam_ioc_info info;

	(void)args;
	memset(&info, 0xff, sizeof(info));
	get_info(dev, &info);
	printf("size %llu\npage_bytes %llu\nvectors %u\npeer %u\ncached %s\n"
	       "registers %d\nrevision %u\n",
	       info.size, info.page_bytes, info.vectors, info.peer,
	       cached_text(info.cached), !!(info.flags & FAM_INFO_REGISTERS),
	       info.revision);
	for (int i = 0; i < 5; i++)
		want(info.reserved[i] == 0);
	return failures();
}

/* What the page table really says, if the module fam_walk is there. */
static void show_entry(const char *name, const void *address)
{
	uint64_t value = (uintptr_t)address;
	char text[64] = "";
	int fd = open("/dev/fam_walk", O_RDWR | O_CLOEXEC);

	if (fd < 0)
		return;
	if (pwrite(fd, &value, sizeof(value), 0) != sizeof(value) ||
	    pread(fd, text, sizeof(text) - 1, 0) <= 0)
		fatal("/dev/fam_walk");
	printf("%s %s\n", name, text);
	close(fd);
}

/* map DEVICE OFFSET LENGTH STRIDE: maps, touches, and says what that cost. */
int command_map(int dev, char **args)
{
	uint64_t offset = number(args[0]), start = now_us();
	size_t length = number(args[1]), stride = number(args[2]);
	unsigned long before = status_kib("VmPTE");
	volatile char *map = map_shared(dev, offset, length);
	uint64_t mapped = now_us();

	/* Read and written back: what others wrote stays. */
	for (size_t i = 0; i < length; i += stride)
		map[i] = map[i];
	map[length - 1] = map[length - 1];
	printf("map_us %llu\ntouch_us %llu\nvmpte_kib %lu\n",
	       (unsigned long long)(mapped - start),
	       (unsigned long long)(now_us() - mapped),
	       status_kib("VmPTE") - before);
	show_entry("first", (const void *)map);
	show_entry("last", (const void *)(map + length - 1));
	want(mprotect((void *)map, length, PROT_READ) == 0);
	want(mprotect((void *)map, length, PROT_READ | PROT_WRITE) == 0);
	map[0] = map[0];
	show_entry("protected", (const void *)map);
	return 0;
}

static const struct {
	const char *name;
	int (*run)(int dev, char **args);
} commands[] = {
	{"info", command_info},	    {"map", command_map},
	{"calls", command_calls},   {"memory", command_memory},
	{"ring", command_ring},	    {"count", command_count},
	{"burst", command_burst},   {"idle", command_idle},
	{"vanish", command_vanish}, {"hammer", command_hammer},
	{"pin", command_pin},
};

int main(int argc, char **argv)
{
	int dev;

	/* So that who waits for a line need not wait for the end. */
	setvbuf(stdout, NULL, _IOLBF, 0);
	for (size_t i = 0; argc > 2 && i < sizeof(commands) / sizeof(*commands);
	     i++) {
		if (strcmp(argv[1], commands[i].name) != 0)
			continue;
		dev = open(argv[2], O_RDWR | O_CLOEXEC);
		if (dev < 0)
			fatal(argv[2]);
		return commands[i].run(dev, argv + 3);
	}
	fprintf(stderr, "usage: fam-kmod COMMAND DEVICE [ARGUMENT...]\n");
	return 2;
}
