/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026, the FAM emulator authors */
#ifndef NO_NAP_H
#define NO_NAP_H

#include <time.h>

/*
 * For who is alone with what it scribbles over: whoever looks again later, as a check
 * does beside others, finds the same at once.
 */
int nanosleep(const struct timespec *time, struct timespec *left)
{
	(void)time;
	(void)left;
	return 0;
}

#endif
