/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026, the FAM emulator authors */
#ifndef FAMCTL_ROOTFS_H
#define FAMCTL_ROOTFS_H

#include <limits.h>

#include "cpio.h"
#include "util/err.h"

/* What lies in the root file system of a bundle's guest. */

/** rootfs_split() - cut FILE[:PATH] into the file here and its path there */
int rootfs_split(const char *item, char source[PATH_MAX], char dest[PATH_MAX],
		 struct err *err);

/**
 * rootfs_add_item() - add a user's file, FILE or FILE:PATH, /usr/bin/FILE then
 *
 * A program brings the libraries it needs, as ldd(1) finds them. Return: 0;
 * -ENOENT the file or a library is missing; -EEXIST the path is taken
 */
int rootfs_add_item(struct cpio *root, const char *item, struct err *err);

/**
 * rootfs_add_base() - add fam-init, fam, libfam, busybox and what they need
 *
 * After the user's items: libraries those brought are not replaced.
 */
int rootfs_add_base(struct cpio *root, struct err *err);

#endif
