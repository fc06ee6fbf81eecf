/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026, the FAM emulator authors */
#ifndef FAULT_STEP_H
#define FAULT_STEP_H

/* Steps which this thread makes before its process dies; 0: it does not. */
extern __thread unsigned int fault_left;

void fault_die(void);

static inline void fault_step(void)
{
	if (__builtin_expect(fault_left != 0, 0) && --fault_left == 0)
		fault_die();
}

#endif
