// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
/*
 * /init of a guest with one ivshmem device and no driver for it. Works through
 * the device's resource files; commands and answers are lines on the console:
 *
 *	id			id N		IVPosition
 *	size			size N		bytes of BAR2
 *	put OFFSET WORD		done		store a 64-bit word
 *	get OFFSET		word N
 *	ring ID VECTOR		done		write the Doorbell register
 *	reboot			-		and never come back
 */
#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

#define DEVICES	    "/sys/bus/pci/devices"
#define IV_POSITION 2 /* 32-bit registers of BAR0 */
#define DOORBELL    3

static volatile uint32_t *registers;
static volatile uint64_t *memory;
static uint64_t memory_bytes;

static int end(const char *why)
{
	printf("FAILED %s\n", why);
	fflush(stdout);
	sync();
	reboot(RB_POWER_OFF);
	return 1;
}

static unsigned int read_hex(const char *device, const char *name)
{
	char path[512];
	unsigned int value = 0;
	FILE *f;

	snprintf(path, sizeof(path), DEVICES "/%s/%s", device, name);
	f = fopen(path, "r");
	if (f) {
		if (fscanf(f, "%x", &value) != 1)
			value = 0;
		fclose(f);
	}
	return value;
}

static void *map(const char *device, const char *name, uint64_t *size)
{
	char path[512];
	struct stat st;
	void *p;
	int fd;

	snprintf(path, sizeof(path), DEVICES "/%s/%s", device, name);
	fd = open(path, O_RDWR | O_SYNC);
	if (fd < 0 || fstat(fd, &st) < 0)
		return NULL;
	*size = (uint64_t)st.st_size;
	/* a window: page tables for a large fabric cost too much */
	p = mmap(NULL, *size < 65536 ? (size_t)*size : 65536,
		 PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	close(fd);
	return p == MAP_FAILED ? NULL : p;
}

static void enable(const char *device)
{
	char path[512];
	int fd;

	snprintf(path, sizeof(path), DEVICES "/%s/enable", device);
	fd = open(path, O_WRONLY);
	if (fd >= 0) {
		if (write(fd, "1", 1) != 1)
			printf("# cannot enable %s\n", device);
		close(fd);
	}
}

static int find(void)
{
	DIR *d = opendir(DEVICES);
	struct dirent *e;
	uint64_t size;

	while (d && (e = readdir(d))) {
		if (read_hex(e->d_name, "vendor") != 0x1af4 ||
		    read_hex(e->d_name, "device") != 0x1110)
			continue;
		enable(e->d_name);
		registers = map(e->d_name, "resource0", &size);
		memory = map(e->d_name, "resource2", &memory_bytes);
		break;
	}
	if (d)
		closedir(d);
	return registers && memory ? 0 : -1;
}

static void obey(char *line)
{
	uint64_t offset, word;
	unsigned int id, vector;

	if (strcmp(line, "id\n") == 0) {
		printf("id %d\n", (int)registers[IV_POSITION]);
	} else if (strcmp(line, "size\n") == 0) {
		printf("size %" PRIu64 "\n", memory_bytes);
	} else if (sscanf(line, "put %" SCNu64 " %" SCNu64, &offset, &word) ==
		   2) {
		memory[offset / 8] = word;
		printf("done\n");
	} else if (sscanf(line, "get %" SCNu64, &offset) == 1) {
		printf("word %" PRIu64 "\n", memory[offset / 8]);
	} else if (sscanf(line, "ring %u %u", &id, &vector) == 2) {
		registers[DOORBELL] = id << 16 | vector;
		printf("done\n");
	} else if (strcmp(line, "reboot\n") == 0) {
		reboot(RB_AUTOBOOT);
	} else {
		printf("what? %s", line);
	}
	fflush(stdout);
}

/* The console must not repeat what it is told. */
static void quiet_console(void)
{
	struct termios t;

	if (tcgetattr(0, &t) == 0) {
		t.c_lflag &= ~(tcflag_t)ECHO;
		tcsetattr(0, TCSANOW, &t);
	}
}

int main(void)
{
	char line[256];

	mkdir("/sys", 0755);
	if (mount("sysfs", "/sys", "sysfs", 0, NULL) < 0)
		return end("sysfs");
	if (find() < 0)
		return end("no device");
	quiet_console();
	printf("READY\n");
	fflush(stdout);
	while (fgets(line, sizeof(line), stdin))
		obey(line);
	return end("console closed");
}
