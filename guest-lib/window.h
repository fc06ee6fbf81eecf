/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026, the FAM emulator authors */
#ifndef FAM_WINDOW_H
#define FAM_WINDOW_H

#include "internal.h"

/* What window.c finds devices with; its public side is in internal.h. */

/**
 * fam_window_flushes() - does fsync(2) on a block device reach the host?
 * @sysfs: directory of the device
 *
 * Return: true for virtio-pmem with a cache to be flushed
 */
bool fam_window_flushes(const char *sysfs);

/** fam_window_shows() - does a device or file begin with this superblock? */
bool fam_window_shows(int fd, const struct fam_superblock *sb);

/**
 * fam_window_compare() - is it the very memory of the fabric, not a copy?
 *
 * Return: 0 also if there is no mailbox to find out by; -ENOENT it is not
 */
int fam_window_compare(int fd, const struct fam_source *source,
		       const struct fam_superblock *sb);

#endif
