/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026, the FAM emulator authors */
#ifndef FAMCTL_RUN_H
#define FAMCTL_RUN_H

#include <stddef.h>

#include "util/err.h"

/* What a finished program left. */
struct run_result {
	int status;	    /* exit status; 128 + signal if it was killed */
	int timed_out;	    /* 1: killed because it took too long */
	char output[65536]; /* stdout and stderr together, NUL-terminated, cut
			     */
};

/**
 * run_program() - run a program and collect its output
 * @argv: NULL-ended; argv[0] is looked up in PATH if it has no '/'
 * @timeout_ms: then it is killed
 *
 * No shell, stdin is /dev/null. Return: 0 whatever its status; -ENOENT, -EACCES
 */
int run_program(const char *const argv[], unsigned int timeout_ms,
		struct run_result *out, struct err *err);

#endif
