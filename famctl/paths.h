/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026, the FAM emulator authors */
#ifndef FAMCTL_PATHS_H
#define FAMCTL_PATHS_H

#include <limits.h>
#include <stddef.h>

#include "util/err.h"

/*
 * Where our own files are: beside the running program (BIN/../share/fam), as in
 * the build tree and any installed one, else where `make install` was told.
 */

/** paths_data() - a file of share/fam, e.g. "node.xml"; -ENOENT if not there */
int paths_data(const char *file, char out[PATH_MAX], struct err *err);

/** paths_libexec() - a program of libexec/fam */
int paths_libexec(const char *file, char out[PATH_MAX], struct err *err);

/** paths_bin() - a program beside this one */
int paths_bin(const char *file, char out[PATH_MAX], struct err *err);

/** paths_lib() - a file of lib, e.g. "libfam.so.0" */
int paths_lib(const char *file, char out[PATH_MAX], struct err *err);

/**
 * paths_mkdir() - make a directory and its parents
 * @mode: of those made here; existing ones stay as they are
 *
 * If it fails, it leaves none.
 */
int paths_mkdir(const char *dir, unsigned int mode, struct err *err);

/* Of new directories. */
struct paths_modes {
	unsigned int parents, last;
};

/**
 * paths_mkdir_new() - the same, to be undone if it proves to be for nothing
 * @had: set to how many bytes of @dir name what was there before
 */
int paths_mkdir_new(const char *dir, const struct paths_modes *modes,
		    size_t *had, struct err *err);

/** paths_rmdir_new() - remove what that made, as far as it is empty */
void paths_rmdir_new(const char *dir, size_t had);

/** paths_absolute() - @path made absolute with the working directory */
int paths_absolute(const char *path, char out[PATH_MAX], struct err *err);

#endif
