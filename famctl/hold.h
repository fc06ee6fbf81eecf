/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026, the FAM emulator authors */
#ifndef FAMCTL_HOLD_H
#define FAMCTL_HOLD_H

#include <signal.h>
#include <stdbool.h>

/*
 * Work that must be undone when it is cut short holds SIGINT, SIGTERM and
 * SIGHUP, asks now and then whether one waits, and if so cleans up and releases
 * them: the signal then does what it would have done at once. So no handler and
 * no global variable is needed, and a shell sees the true cause (status 130).
 */
struct hold {
	sigset_t held;		 /* of the three, those not ignored */
	sigset_t mask;		 /* as it was */
	struct sigaction filesz; /* SIGXFSZ as it was; ignored meanwhile */
};

/** hold_begin() - from now on the signals wait */
void hold_begin(struct hold *hold);

/** hold_interrupted() - does one wait? */
bool hold_interrupted(void);

/**
 * hold_wait_writable() - wait until something can be written to @fd
 *
 * A reader that does not read must not keep a signal waiting for ever.
 * Return: false if one waits
 */
bool hold_wait_writable(int fd);

/** hold_end() - let them through; does not return if one kills us */
void hold_end(const struct hold *hold);

#endif
