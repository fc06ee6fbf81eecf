/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026, the FAM emulator authors */
#ifndef FAM_MEDIUM_H
#define FAM_MEDIUM_H

#include <stdbool.h>

/*
 * Where a fabric's file lies. Shared with tm-server and famctl, not installed.
 */

/**
 * fam_medium_is_memory() - is the file gone after a power cut whatever is done?
 * @fd: of the file; O_PATH will do
 *
 * True on tmpfs, ramfs and hugetlbfs, on an overlay whose upper layer is on
 * one, and on any file system on a RAM disk or zram. What cannot be found out
 * counts as a disk, as does what the kernel does not tell: a virtual disk that
 * its host keeps in memory.
 */
bool fam_medium_is_memory(int fd);

#endif
