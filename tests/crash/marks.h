/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026, the FAM emulator authors */
#ifndef TESTS_CRASH_MARKS_H
#define TESTS_CRASH_MARKS_H

/* Where programs under test tell what was acknowledged: lines on the tape of the disk. */

/** marks_open() - a socket is connected to, a terminal gets no line discipline, a
 * file grows; ends the program if it cannot */
int marks_open(const char *path);

/** marks_say() - one write for a line: those of several programs must not mix */
void marks_say(int marks, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

#endif
