/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026, the FAM emulator authors */
#ifndef FUZZ_MUST_H
#define FUZZ_MUST_H

#include <stdbool.h>
#include <stdlib.h>

/* What is to hold for every input: if it does not, that is the finding. */
static inline void must(bool holds)
{
	if (!holds)
		abort();
}

#endif
