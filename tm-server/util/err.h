/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026, the FAM emulator authors */
#ifndef FAM_UTIL_ERR_H
#define FAM_UTIL_ERR_H

/*
 * One error, filled where it happens, prefixed on the way up, printed once at
 * the top. The code is a negative errno; three of them carry the meaning of an
 * exit status, so choose them with care:
 *
 *	-EINVAL			the user typed something wrong
 *	-ENOENT, -ENODEV	the named fabric, node or file does not exist
 *	-EEXIST, -EBUSY		it exists already, or is in use
 *	-ENOTCONN		libvirt or tm-server cannot be reached
 */
struct err {
	int code;
	char text[1024];
	char hint[512];
};

/** err_set() - replace the error; returns @code, so "return err_set(...)" */
int err_set(struct err *err, int code, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/**
 * err_sys() - the same for a failed system call; appends strerror(@errnum)
 *
 * EINVAL and ENOTCONN from the kernel are not the user's words and become -EIO
 * in the code; the text keeps the cause.
 */
int err_sys(struct err *err, int errnum, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/** err_prefix() - put "text: " before what is there; returns the code */
int err_prefix(struct err *err, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/** err_hint() - name the next step; the first hint given wins; returns the code */
int err_hint(struct err *err, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

#endif
