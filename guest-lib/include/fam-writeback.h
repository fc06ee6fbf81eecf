/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026, the FAM emulator authors */
#ifndef FAM_WRITEBACK_H
#define FAM_WRITEBACK_H

#include <fam-mailbox.h>

/*
 * What the host's programs and the server do alike to have a fabric's file
 * written to its disk. Shared with tm-server, not installed.
 */

/**
 * fam_file_check() - is a file still one whose pages can be durable?
 * @size: bytes it must have
 *
 * Syncing pages behind a new end of a file, or of a file without a name,
 * succeeds; they are lost all the same. To be asked after a sync, since it may
 * happen meanwhile.
 * Return: 0; -ENODATA it was truncated; -ESTALE it was removed; ...
 */
int fam_file_check(int fd, uint64_t size);

/**
 * fam_dirty_bytes() - what waits to be written on this machine
 * @meminfo: descriptor of /proc/meminfo, or -1
 *
 * An fdatasync(2) may have to write all of it. Return: bytes; 0: unknown
 */
uint64_t fam_dirty_bytes(int meminfo);

/**
 * fam_sync_runs() - msync(2) of each run, all started first if there are several
 * @map: of the whole file
 *
 * Return: 0 or a negative errno
 */
int fam_sync_runs(int fd, char *map, const struct fam_range *runs,
		  size_t count);

#endif
