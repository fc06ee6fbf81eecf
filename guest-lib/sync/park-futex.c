// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
/* futex(2): the kernel knows halves of words only. */
#include <errno.h>
#include <limits.h>
#include <linux/futex.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "park-futex.h"

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__,
	       "the low half of a word is at its address");

static long futex(const fam_word *word, int op, bool shared, uint32_t value,
		  const struct timespec *timeout)
{
	return syscall(SYS_futex, word, op | (shared ? 0 : FUTEX_PRIVATE_FLAG),
		       value, timeout, NULL, 0);
}

int fam_futex_wait(const fam_word *word, uint64_t value, int64_t ns,
		   bool shared)
{
	const struct timespec t = {.tv_nsec = (long)ns};

	if (futex(word, FUTEX_WAIT, shared, (uint32_t)value, &t) == 0)
		return 0;
	if (errno == EINTR)
		return -EINTR;
	if (errno == EAGAIN || errno == ETIMEDOUT)
		return 0;
	/* No futex is to be had: whoever sleeps looks when he wakes. */
	return nanosleep(&t, NULL) < 0 ? -EINTR : 0;
}

void fam_futex_wake(const fam_word *word, bool shared)
{
	/* fails only where nobody can sleep either */
	(void)futex(word, FUTEX_WAKE, shared, INT_MAX, NULL);
}

bool fam_futex_shares(const fam_word *word)
{
	return futex(word, FUTEX_WAKE, true, 0, NULL) >= 0;
}
