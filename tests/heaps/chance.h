/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026, the FAM emulator authors */
#ifndef HEAPS_CHANCE_H
#define HEAPS_CHANCE_H

#include "model.h"

/**
 * chance_steps() - a story of chance
 * @parts: of the transactions in it
 * @random: the series goes on
 */
void chance_steps(struct step *steps, unsigned int count,
		  struct step (*parts)[MODEL_PARTS], uint64_t *random);

#endif
