// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
/*
 * Counts its own runs, on all nodes and the host together, in a word of the
 * fabric 4096 bytes behind the beginning of the data.
 *
 * usage: counter [FABRIC]
 */
#include <errno.h>
#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>

#include <fam/fam.h>

/* Aligned and of 8 bytes: atomic between nodes, and never torn. */
#define COUNTER_OFFSET 4096

static int failed(const char *what, int error)
{
	fprintf(stderr, "counter: %s: %s\n", what, fam_strerror(error));
	if (fam_errhint(error))
		fprintf(stderr, "hint: %s\n", fam_errhint(error));
	return 1;
}

static int count(struct fam *fam)
{
	_Atomic uint64_t *counter;
	void *window;
	uint64_t runs;
	int r = fam_map(fam, COUNTER_OFFSET, sizeof(*counter), &window);

	if (r < 0)
		return failed("cannot map the fabric", r);
	counter = window;
	/* Visible to everyone at once, whether durable or not. */
	runs = atomic_fetch_add_explicit(counter, 1, memory_order_relaxed) + 1;

	r = fam_persist(fam, window, sizeof(*counter));
	if (r < 0 && r != -EOPNOTSUPP)
		return failed("cannot make the counter durable", r);
	printf("run %" PRIu64 "%s\n", runs,
	       r < 0 ? " (not durable from here)" : "");
	return 0;
}

int main(int argc, char **argv)
{
	struct fam *fam;
	int r = fam_open(&fam, argc > 1 ? argv[1] : NULL, 0);

	if (r < 0)
		return failed("cannot open the fabric", r);
	r = count(fam);
	fam_close(fam);
	return r;
}
