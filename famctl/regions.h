/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026, the FAM emulator authors */
#ifndef FAMCTL_REGIONS_H
#define FAMCTL_REGIONS_H

#include <jansson.h>

#include "fabric.h"
#include "util/err.h"

/*
 * What the directories of a fabric say, as JSON: of regions, and of named
 * objects. Nothing is stored and nobody is waited for, so it may be a file that
 * can only be read, while nodes work with it.
 */

/**
 * regions_code() - what famctl is to end with for an error of libfam
 *
 * What the library means by some is not what the user has done wrong.
 */
int regions_code(int error);

/**
 * regions_list() - the regions of a fabric, by name
 * @prefix: only those whose names begin with it; NULL: all
 * @out: array of objects; the caller's to release. After -EBADMSG those that
 *	could be read
 *
 * Return: 0; -EOPNOTSUPP it can have none, with a hint; -EBADMSG the directory
 * is damaged; ...
 */
int regions_list(const struct fabric *fabric, const char *prefix, json_t **out,
		 struct err *err);

/**
 * regions_find() - one region, and who has it open
 *
 * Its key "openings" is an array with an object for each opening of a session.
 * Return: as regions_list(); -ENOENT there is none of this name
 */
int regions_find(const struct fabric *fabric, const char *name, json_t **out,
		 struct err *err);

/** regions_objects() - the named objects, in no order; an empty array: none */
int regions_objects(const struct fabric *fabric, json_t **out, struct err *err);

#endif
