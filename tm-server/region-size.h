/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026, the FAM emulator authors */
#ifndef TM_SERVER_REGION_SIZE_H
#define TM_SERVER_REGION_SIZE_H

#include "region.h"

/* The size of a backing file: what it may be, and the ways to change it. */

/** region_size_check() - can this be the size of a fabric? */
int region_size_check(uint64_t size, struct err *err);

/**
 * region_size_fit() - bring a file to the size asked for, if it may
 * @have: bytes it has
 *
 * Return: 0; an error of region_open(): the file is as before
 */
int region_size_fit(int fd, uint64_t have, const struct region_spec *spec,
		    bool formatted, struct err *err);

/** region_size_would_fit() - what region_size_fit() would say */
int region_size_would_fit(uint64_t have, const struct region_spec *spec,
			  bool formatted, struct err *err);

/** region_size_reserve() - set aside disk space, or change nothing */
int region_size_reserve(int fd, uint64_t from, uint64_t bytes, struct err *err);

#endif
