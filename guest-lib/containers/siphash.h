/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026, the FAM emulator authors */
#ifndef FAM_SIPHASH_H
#define FAM_SIPHASH_H

#include <stddef.h>
#include <stdint.h>

/**
 * fam_siphash() - SipHash-2-4 of some bytes
 * @seed: its key: who does not know it cannot choose keys that meet in one bucket
 */
uint64_t fam_siphash(const uint64_t seed[2], const void *data, size_t len);

#endif
