// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "mailbox-map.h"

#define PROT (PROT_READ | PROT_WRITE)

/* A signal handler is told nothing but an address: what lies there is global.
 */
static _Atomic uintptr_t guarded; /* 0: nothing */
static atomic_bool lost;

/*
 * mmap() is not on the list of what a handler may call; the bare system call is
 * nobody's business but the kernel's.
 */
static bool replace(uintptr_t base)
{
	return syscall(SYS_mmap, base, FAM_MAILBOX_BYTES, PROT,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1,
		       0) == (long)base;
}

static void on_bus_error(int signal, siginfo_t *info, void *context)
{
	uintptr_t base = atomic_load(&guarded);
	int saved = errno;

	(void)context;
	if (base && (uintptr_t)info->si_addr - base < FAM_MAILBOX_BYTES &&
	    replace(base)) {
		atomic_store(&lost, true);
		errno = saved;
		return;
	}
	/* not ours: it happens again on return, and ends the program */
	sigaction(signal, &(struct sigaction){.sa_handler = SIG_DFL}, NULL);
}

static int map_at(struct fam_mailbox *where, int fd, uint64_t offset,
		  struct fam_mailbox **out)
{
	bool was = atomic_exchange(&lost, false);
	void *p = mmap(where, FAM_MAILBOX_BYTES, PROT,
		       MAP_SHARED | (where ? MAP_FIXED : 0), fd, (off_t)offset);

	if (p == MAP_FAILED) {
		atomic_store(&lost, was);
		return -errno;
	}
	*out = p;
	return 0;
}

int mailbox_map(struct fam_mailbox **out, int fd, uint64_t offset)
{
	struct sigaction action = {.sa_sigaction = on_bus_error,
				   .sa_flags = SA_SIGINFO};
	int ret;

	if (atomic_load(&guarded))
		return -EBUSY;
	ret = map_at(NULL, fd, offset, out);
	if (ret < 0)
		return ret;
	sigemptyset(&action.sa_mask);
	if (sigaction(SIGBUS, &action, NULL) < 0) {
		ret = -errno;
		munmap(*out, FAM_MAILBOX_BYTES);
		return ret;
	}
	atomic_store(&guarded, (uintptr_t)*out);
	return 0;
}

bool mailbox_map_is_lost(void)
{
	return atomic_load(&lost);
}

int mailbox_map_again(struct fam_mailbox *box, int fd, uint64_t offset)
{
	return map_at(box, fd, offset, &box);
}

void mailbox_unmap(struct fam_mailbox *box)
{
	if (!box)
		return;
	atomic_store(&guarded, 0);
	munmap(box, FAM_MAILBOX_BYTES);
}
