/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026, the FAM emulator authors */
#ifndef FAM_CRC32C_H
#define FAM_CRC32C_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The two ways of fam_crc32c(), which takes the second one where it can. */

uint32_t crc32c_by_table(uint32_t crc, const void *data, size_t len);

/** crc32c_cpu_can() - does this CPU have instructions for it? */
bool crc32c_cpu_can(void);

/** crc32c_by_cpu() - only if crc32c_cpu_can() */
uint32_t crc32c_by_cpu(uint32_t crc, const void *data, size_t len);

#endif
