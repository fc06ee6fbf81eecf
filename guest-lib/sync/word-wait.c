// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
/* fam/wait.h: parking for programs. */
#include <fam/wait.h>

#include "park.h"

/* The words of programs are no atomics to their compiler. */
static const fam_word *as_word(const uint64_t *word)
{
	return (const fam_word *)(const void *)word;
}

static int check(struct fam *fam, const uint64_t *word)
{
	uint64_t offset;

	if ((uintptr_t)word % sizeof(*word))
		return -EINVAL;
	if (!fam->parked || !fam->sessions)
		return -EOPNOTSUPP;
	return fam_map_find(fam, word, sizeof(*word), &offset);
}

int fam_word_wait(struct fam *fam, const uint64_t *word, uint64_t value,
		  int timeout_ms)
{
	struct fam_deadline deadline = fam_deadline(timeout_ms);
	int r = check(fam, word);

	if (r < 0)
		return r;
	if (fam_park_self(fam) == 0)
		return fam_park_why(fam);
	if (timeout_ms != 0 && fam_park_spin(fam, as_word(word), value))
		return 0;
	/* Nobody but us is waited for here: no need to tell of each look. */
	do {
		r = fam_park_slice(fam, as_word(word), value, deadline);
	} while (r == 1);
	return r;
}

int fam_word_wake(struct fam *fam, const uint64_t *word, unsigned int count)
{
	int r = check(fam, word);

	if (r < 0)
		return r;
	return (int)fam_unpark(fam, as_word(word), count);
}
