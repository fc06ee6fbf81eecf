/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026, the FAM emulator authors */
#ifndef CRASH_MOMENTS_H
#define CRASH_MOMENTS_H

/*
 * Cuts the power of a recorded disk again and again, starts the host anew in the
 * fabric that is on it, and has somebody judge what is left. Of programs with
 * these options, which end as fam-replay does:
 *
 *	--fs TYPE	ext4
 *	--cuts N	moments, each with all models (20)
 *	--seed N	of the moments
 *	--at N		only behind this entry of the tape ...
 *	--model M	... with this one of them: 0 to 2 ...
 *	--subset N	... and this choice of sectors
 */
#include <fam/fam.h>

#include "cut.h"

/* Who knows what was done. */
struct moments_judge {
	const char *program; /* its name */
	/* A line that was said, up to here for certain; in the tape's order. */
	void (*hear)(void *arg, const char *line);
	/*
	 * What is left after a cut: adds what was acknowledged to @acks, and what
	 * of it is not so to @wrong, having said it. 0; a negative errno
	 */
	int (*check)(void *arg, struct fam *fam, uint64_t *acks,
		     uint64_t *wrong);
	void *arg;
};

/** moments_main() - all of main() */
int moments_main(int argc, char **argv, const struct moments_judge *judge);

#endif
