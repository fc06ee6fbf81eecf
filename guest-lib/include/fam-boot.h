/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026, the FAM emulator authors */
#ifndef FAM_BOOT_H
#define FAM_BOOT_H

/*
 * Which start of the host this is, noted in the table of sessions, so that nodes
 * know what may have been torn by a power cut of the host. ../FORMAT.md, "Table
 * of sessions". For programs of the host: libfam, tm-server, famctl. Not
 * installed.
 */
#include <fam-sessions.h>

/** fam_boot_current() - of the kernel that asks; 0: it does not say */
uint64_t fam_boot_current(void);

/** fam_boot_note() - store it, if it is not there */
void fam_boot_note(struct fam_sessions *table);

#endif
