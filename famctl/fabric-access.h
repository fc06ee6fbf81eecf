/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026, the FAM emulator authors */
#ifndef FAMCTL_FABRIC_ACCESS_H
#define FAMCTL_FABRIC_ACCESS_H

#include <sys/types.h>

#include "util/err.h"

/* Who may use a new fabric's file. All return 0 or a negative errno. */

/** fabric_access_mode() - the mode that octal @text names, or the default's */
int fabric_access_mode(const char *text, mode_t *out, struct err *err);

/**
 * fabric_access_group() - the group that @text names, or the default's
 * @path: of the file, for a warning
 * @group: (gid_t)-1: as it comes
 */
int fabric_access_group(const char *text, mode_t mode, const char *path,
			gid_t *group, struct err *err);

/** fabric_access_set() - give the file its group and mode */
int fabric_access_set(int fd, mode_t mode, gid_t group, struct err *err);

#endif
