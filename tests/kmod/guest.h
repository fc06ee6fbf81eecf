/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026, the FAM emulator authors */
#ifndef TESTS_KMOD_GUEST_H
#define TESTS_KMOD_GUEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "kmod/fam_ivshmem.h"

#define MIB (1024UL * 1024)

/* Commands of fam-kmod: the device is open; 0, or the status to end with. */
int command_info(int dev, char **args);
int command_map(int dev, char **args);
int command_calls(int dev, char **args);
int command_memory(int dev, char **args);
int command_ring(int dev, char **args);
int command_count(int dev, char **args);
int command_burst(int dev, char **args);
int command_idle(int dev, char **args);
int command_vanish(int dev, char **args);
int command_pin(int dev, char **args);
int command_hammer(int dev, char **args);

/* Ends the program with what failed and why. */
void fatal(const char *what) __attribute__((noreturn));

/* Tells what was wanted and is not so; the program then ends with 1. */
#define want(what) want_at((what), #what, __FILE__, __LINE__)
void want_at(bool is, const char *what, const char *file, int line);
/* The call fails with just this errno. */
#define want_errno(call, error) \
	want_errno_at((call), (error), #call, __FILE__, __LINE__)
void want_errno_at(long result, int error, const char *what, const char *file,
		   int line);
int failures(void);

void get_info(int dev, struct fam_ioc_info *info);
unsigned long number(const char *text);
uint64_t now_us(void);
/* A shared mapping; ends the program if there is none. */
void *map_shared(int dev, uint64_t offset, size_t length);
/* "VmPTE" and the like of this process, in KiB. */
unsigned long status_kib(const char *name);

#endif
