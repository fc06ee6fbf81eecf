/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026, the FAM emulator authors */
#ifndef TESTS_TAPE_STORE_H
#define TESTS_TAPE_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* tape_stored() - bytes have been stored; any thread, any place */
void tape_stored(const void *addr, size_t len);

/* tape_read() - what a word is said to be */
extern uint64_t (*tape_read)(const void *word, uint64_t value);

#endif
