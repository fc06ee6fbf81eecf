// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
/*
 * The memory used as programs use memory: what once made a kernel oops, and
 * what works with pages only. Uses the last 8 MiB.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "guest.h"

#define AREA (8 * MIB)
#define HUGE (2 * MIB)
#define PAGE 4096UL

static int file; /* of the device */
static uint64_t area_offset;

static char *area(void)
{
	return map_shared(file, area_offset, AREA);
}

static int child_status(pid_t pid)
{
	int status = -1;

	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	return status;
}

/* The kernel reads and writes it for us. */
static void try_copies(char *map)
{
	char text[64] = "";
	int pipefd[2], mem = open("/proc/self/mem", O_RDWR | O_CLOEXEC);

	want(pipe2(pipefd, O_CLOEXEC) == 0);
	strcpy(map, "through a pipe");
	want(write(pipefd[1], map, 15) == 15);
	want(read(pipefd[0], map + PAGE, 64) == 15);
	want(strcmp(map + PAGE, "through a pipe") == 0);
	want(pread(mem, text, 15, (off_t)(uintptr_t)map) == 15);
	want(strcmp(text, "through a pipe") == 0);
	want(pwrite(mem, "by mem", 7, (off_t)(uintptr_t)map) == 7);
	want(strcmp(map, "by mem") == 0);
	close(mem);
	close(pipefd[0]);
	close(pipefd[1]);
}

/* Pages lent to a pipe, and another process's eyes on them. */
static void try_pages(char *map)
{
	struct iovec there = {.iov_base = map, .iov_len = 5 * PAGE};
	struct iovec here = {.iov_base = malloc(5 * PAGE), .iov_len = 5 * PAGE};
	char text[16] = "";
	int pipefd[2];

	strcpy(map, "spliced");
	strcpy(map + 4 * PAGE, "fifth page");
	want(process_vm_readv(getpid(), &here, 1, &there, 1, 0) ==
	     (ssize_t)(5 * PAGE));
	want(strcmp((char *)here.iov_base + 4 * PAGE, "fifth page") == 0);
	memset(here.iov_base, 'x', 5 * PAGE);
	want(process_vm_writev(getpid(), &here, 1, &there, 1, 0) ==
	     (ssize_t)(5 * PAGE));
	want(map[0] == 'x' && map[5 * PAGE - 1] == 'x');
	free(here.iov_base);
	strcpy(map, "spliced");
	there.iov_len = 8;
	want(pipe2(pipefd, O_CLOEXEC) == 0);
	want(vmsplice(pipefd[1], &there, 1, 0) == 8);
	want(read(pipefd[0], text, sizeof(text)) == 8);
	want(strcmp(text, "spliced") == 0);
	close(pipefd[0]);
	close(pipefd[1]);
}

static long futex(void *word, int op, uint32_t value)
{
	struct timespec limit = {.tv_sec = 10};

	return syscall(SYS_futex, word, op, value, &limit, NULL, 0);
}

/* A shared futex between two mappings at two addresses. */
static void try_futex(char *map)
{
	uint32_t *word = (uint32_t *)map, *same;
	pid_t pid;

	*word = 0;
	want(futex(word, FUTEX_WAKE, 1) == 0);
	pid = fork();
	if (pid == 0) {
		same = (uint32_t *)area();
		while (__atomic_load_n(same, __ATOMIC_ACQUIRE) == 0)
			if (futex(same, FUTEX_WAIT, 0) < 0 && errno != EAGAIN)
				_exit(errno == ETIMEDOUT ? 3 : 4);
		_exit(0);
	}
	__atomic_store_n(word, 1, __ATOMIC_RELEASE);
	want(futex(word, FUTEX_WAKE, 1) >= 0);
	want(child_status(pid) == 0);
}

static void try_fork(char *map)
{
	pid_t pid;

	strcpy(map, "parent");
	strcpy(map + 3 * MIB, "parent");
	pid = fork();
	if (pid == 0) {
		if (strcmp(map, "parent") != 0 ||
		    strcmp(map + 3 * MIB, "parent") != 0)
			_exit(1);
		strcpy(map + 3 * MIB, "child");
		_exit(0);
	}
	want(child_status(pid) == 0);
	want(strcmp(map + 3 * MIB, "child") == 0);
}

/* Does a write to it end with this signal? */
static int signal_of_write(char *at)
{
	pid_t pid = fork();
	int status;

	if (pid == 0) {
		*(volatile char *)at = 1;
		_exit(0);
	}
	status = child_status(pid);
	return WIFSIGNALED(status) ? WTERMSIG(status) : 0;
}

/* Large entries are split by all of these. */
static void try_protection(char *map)
{
	memset(map, 7, AREA);
	want(mprotect(map + HUGE + PAGE, PAGE, PROT_READ) == 0);
	want(signal_of_write(map + HUGE + PAGE) == SIGSEGV);
	want(signal_of_write(map + HUGE) == 0);
	want(signal_of_write(map + HUGE + 2 * PAGE) == 0);
	want(mprotect(map, AREA, PROT_READ) == 0);
	want(signal_of_write(map) == SIGSEGV);
	want(map[5 * PAGE] == 7);
	want(mprotect(map, AREA, PROT_NONE) == 0);
	want(mprotect(map, AREA, PROT_READ | PROT_WRITE) == 0);
	want(signal_of_write(map + HUGE + PAGE) == 0);
	want(map[AREA - 1] == 7);
}

static void try_remaps(char *map)
{
	char *moved, *end = map + AREA;

	memset(map, 9, AREA);
	/* It cannot grow, neither by mremap nor beyond the memory. */
	want_errno((long)mremap(map, AREA, 2 * AREA, MREMAP_MAYMOVE), EFAULT);
	want_errno((long)mremap(map, 0, PAGE, MREMAP_MAYMOVE), EFAULT);
	moved = mremap(map + HUGE, HUGE, HUGE, MREMAP_MAYMOVE | MREMAP_FIXED,
		       end + 3 * PAGE);
	want(moved == end + 3 * PAGE);
	if (moved == MAP_FAILED)
		return;
	want(moved[HUGE - 1] == 9);
	want(munmap(moved + PAGE, PAGE) == 0);
	want(moved[0] == 9 && moved[2 * PAGE] == 9);
	want(munmap(moved, HUGE) == 0);
	want(munmap(map + 5 * PAGE, PAGE) == 0);
	want(map[4 * PAGE] == 9 && map[6 * PAGE] == 9);
}

static void try_advice(char *map)
{
	static const int advice[] = {
		MADV_NORMAL,	     MADV_RANDOM,
		MADV_SEQUENTIAL,     MADV_WILLNEED,
		MADV_DONTNEED,	     MADV_FREE,
		MADV_REMOVE,	     MADV_DONTFORK,
		MADV_DOFORK,	     MADV_MERGEABLE,
		MADV_UNMERGEABLE,    MADV_HUGEPAGE,
		MADV_NOHUGEPAGE,     MADV_DONTDUMP,
		MADV_DODUMP,	     MADV_WIPEONFORK,
		MADV_KEEPONFORK,     MADV_COLD,
		MADV_PAGEOUT,	     MADV_POPULATE_READ,
		MADV_POPULATE_WRITE, 24 /* DONTNEED_LOCKED */,
		25 /* COLLAPSE */,
	};
	unsigned char resident[AREA / PAGE];

	memset(map, 5, AREA);
	for (size_t i = 0; i < sizeof(advice) / sizeof(*advice); i++) {
		(void)madvise(map, AREA, advice[i]);
		(void)madvise(map + HUGE + PAGE, 3 * PAGE, advice[i]);
		want(map[HUGE + PAGE] == 5 && map[AREA - 1] == 5);
	}
	want(mincore(map, AREA, resident) == 0);
	want(mlock(map, AREA) == 0);
	want(munlock(map, AREA) == 0);
	(void)msync(map, AREA, MS_SYNC);
	want(map[0] == 5);
}

static void map_first(char *map, int flags, int fd)
{
	want(mmap(map, HUGE, PROT_READ | PROT_WRITE, flags | MAP_FIXED, fd,
		  fd < 0 ? 0 : (off_t)area_offset) == map);
}

/*
 * An old Linux drops the entries with this advice, but not from the TLB: what
 * comes to their address must not be the device's memory. The TLB may forget by
 * itself, hence the repetition; what remains mapped holds the page table.
 */
static void try_dropped(char *map)
{
	volatile char *at = map;
	int kept = 0;

	map[HUGE] = 1;
	for (int i = 0; i < 100; i++) {
		*at = 1;
		(void)madvise(map, HUGE, MADV_PAGEOUT);
		map_first(map, MAP_PRIVATE | MAP_ANONYMOUS, -1);
		*at = 2;
		map_first(map, MAP_SHARED, file);
		kept += *at == 1;
	}
	want(kept == 100);
}

/* Durable it is not: who asks must not be told so. */
static void try_sync(char *map)
{
	want_errno(msync(map, AREA, MS_SYNC), EINVAL);
	want_errno(fsync(file), EINVAL);
}

/* What others read about this process walks its entries. */
static void try_proc(void)
{
	static const char *const names[] = {"smaps",   "smaps_rollup",
					    "maps",    "numa_maps",
					    "pagemap", "clear_refs"};
	static char room[65536];
	char path[64];

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		int fd;

		snprintf(path, sizeof(path), "/proc/self/%s", names[i]);
		fd = open(path, i == 5 ? O_WRONLY : O_RDONLY);
		if (fd < 0)
			continue; /* not in every kernel */
		if (i == 5)
			(void)!write(fd, "1", 1);
		while (i < 4 && read(fd, room, sizeof(room)) > 0)
			;
		close(fd);
	}
}

static void try_all(void (*try)(char *map))
{
	char *map = area();

	try(map);
	try_proc();
	munmap(map, AREA);
}

/* memory DEVICE */
int command_memory(int dev, char **args)
{
	struct fam_ioc_info info;

	(void)args;
	get_info(dev, &info);
	file = dev;
	area_offset = info.size - AREA;
	try_all(try_copies);
	try_all(try_pages);
	try_all(try_futex);
	try_all(try_fork);
	try_all(try_protection);
	try_all(try_remaps);
	try_all(try_advice);
	try_all(try_dropped);
	try_all(try_sync);
	return failures();
}
