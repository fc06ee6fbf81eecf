/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026, the FAM emulator authors */
#ifndef TESTS_CRASH_PULSE_H
#define TESTS_CRASH_PULSE_H

#include <stdint.h>

#define PULSE_AREAS 16

/* Of each area, as the disk hears of it: who acknowledges, who is silent? */
struct pulse {
	struct {
		uint64_t acks, last_ns, silent_ns;
	} area[PULSE_AREAS];
};

/** pulse_hear() - a line of a writer; others mean nothing */
void pulse_hear(struct pulse *pulse, const char *line);

/**
 * pulse_tell() - "AREA ACKS MS" of each area that ever acknowledged anything,
 * MS being its longest silence that lasted or ended since this was asked last
 *
 * Return: valid until the next call
 */
const char *pulse_tell(struct pulse *pulse);

#endif
