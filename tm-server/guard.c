// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "guard.h"

#define PROT (PROT_READ | PROT_WRITE)

struct part {
	_Atomic uintptr_t base; /* 0: none; set last, cleared first */
	_Atomic size_t bytes;
	atomic_bool lost;
};

/* A signal handler is told nothing but an address: what lies there is global.
 */
static struct part parts[GUARD_MAX];

static struct part *find(uintptr_t address)
{
	for (int i = 0; i < GUARD_MAX; i++) {
		uintptr_t base = atomic_load(&parts[i].base);

		if (base && address - base < atomic_load(&parts[i].bytes))
			return &parts[i];
	}
	return NULL;
}

static struct part *find_unused(void)
{
	for (int i = 0; i < GUARD_MAX; i++)
		if (!atomic_load(&parts[i].base))
			return &parts[i];
	return NULL;
}

/*
 * mmap() is not on the list of what a handler may call; the bare system call is
 * nobody's business but the kernel's.
 */
static bool replace(const struct part *part)
{
	uintptr_t base = atomic_load(&part->base);

	return syscall(SYS_mmap, base, atomic_load(&part->bytes), PROT,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1,
		       0) == (long)base;
}

static void on_bus_error(int signal, siginfo_t *info, void *context)
{
	struct part *part = find((uintptr_t)info->si_addr);
	int saved = errno;

	(void)context;
	if (part && replace(part)) {
		atomic_store(&part->lost, true);
		errno = saved;
		return;
	}
	/* not ours: it happens again on return, and ends the program */
	sigaction(signal, &(struct sigaction){.sa_handler = SIG_DFL}, NULL);
}

static int catch_bus_errors(void)
{
	struct sigaction action = {.sa_sigaction = on_bus_error,
				   .sa_flags = SA_SIGINFO};

	sigemptyset(&action.sa_mask);
	return sigaction(SIGBUS, &action, NULL) < 0 ? -errno : 0;
}

int guard_map(void **out, int fd, uint64_t offset, size_t bytes)
{
	struct part *part = find_unused();
	int ret = part ? catch_bus_errors() : -EBUSY;
	void *p;

	if (ret < 0)
		return ret;
	p = mmap(NULL, bytes, PROT, MAP_SHARED, fd, (off_t)offset);
	if (p == MAP_FAILED)
		return -errno;
	atomic_store(&part->lost, false);
	atomic_store(&part->bytes, bytes);
	atomic_store(&part->base, (uintptr_t)p);
	*out = p;
	return 0;
}

bool guard_is_lost(const void *p)
{
	const struct part *part = find((uintptr_t)p);

	return part && atomic_load(&part->lost);
}

int guard_map_again(void *p, int fd, uint64_t offset)
{
	struct part *part = find((uintptr_t)p);
	int ret;

	if (!part)
		return -EINVAL;
	/* first: it may be lost again at once */
	atomic_store(&part->lost, false);
	if (mmap(p, atomic_load(&part->bytes), PROT, MAP_SHARED | MAP_FIXED, fd,
		 (off_t)offset) != MAP_FAILED)
		return 0;
	ret = -errno;
	atomic_store(&part->lost, true);
	/* what was there may be gone already */
	(void)replace(part);
	return ret;
}

void guard_unmap(void *p)
{
	struct part *part = p ? find((uintptr_t)p) : NULL;

	if (!part)
		return;
	atomic_store(&part->base, 0);
	munmap(p, atomic_load(&part->bytes));
}
