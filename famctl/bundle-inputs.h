/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026, the FAM emulator authors */
#ifndef FAMCTL_BUNDLE_INPUTS_H
#define FAMCTL_BUNDLE_INPUTS_H

#include <stddef.h>

#include "bundle.h"
#include "cpio.h"
#include "kernel.h"
#include "util/err.h"

/*
 * The file "inputs" of a bundle: a first line that no other file has, the
 * options the bundle was made with, and what it was made of, a line each.
 */
#define BUNDLE_INPUTS "inputs"

struct bundle_inputs {
	char *text;
	size_t begun; /* bytes of it without what the bundle was made of */
};

/** bundle_inputs_check() - -EINVAL if a name in @spec would break the lines */
int bundle_inputs_check(const struct bundle_spec *spec, struct err *err);

/** bundle_inputs_print() - the text for what @root and @kernel consist of */
int bundle_inputs_print(const struct bundle_spec *spec,
			const struct kernel *kernel, struct cpio *root,
			struct bundle_inputs *out, struct err *err);

/** bundle_inputs_parse() - the options; cuts @text, which they point into */
int bundle_inputs_parse(char *text, struct bundle_spec *out, struct err *err);

/* Whose list of inputs lies in a directory? */
enum bundle_owner {
	BUNDLE_NOBODYS,	 /* there is none */
	BUNDLE_FOREIGN,	 /* something else is called so */
	BUNDLE_SOMEONES, /* a list of which we do not know who wrote it */
	BUNDLE_OURS, /* only we can have written it, so it is to be followed */
};

/**
 * bundle_inputs_read() - read the list, if there is one
 * @text: malloc'd; NULL unless it is ours or someone's
 *
 * Never waits, whatever is called "inputs". Return: an enum bundle_owner; < 0
 */
int bundle_inputs_read(int dirfd, char **text, struct err *err);

#endif
