/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026, the FAM emulator authors */
#ifndef FAMCTL_NODE_CREATE_H
#define FAMCTL_NODE_CREATE_H

#include <stdbool.h>
#include <stddef.h>

#include "cmd.h"
#include "domxml.h"
#include "util/err.h"

/* What is to become of the XML of some nodes which differ in name only. */
struct node_plan {
	char **name;
	size_t count;
	struct node_spec spec;	/* without name and append */
	const char *append;	/* the kernel command line, or NULL */
	bool bundle;		/* boot it: the guest learns its name there */
	const char *bundle_dir; /* NULL: the default one */
	bool define, start;	/* start: define too */
	const char *output;	/* NULL, or the directory for NAME.xml */
};

/**
 * node_create() - print, write, or define and start
 *
 * All nodes or none: what was written or defined before a failure is removed,
 * also if the result could not be told. The bundle is made when all else that
 * can be checked is well, and stays.
 * Return: 0; -EEXIST a domain or file of that name exists; -EACCES QEMU could
 * not open a fabric; -EINTR a signal came; ...
 */
int node_create(const struct node_plan *plan, const struct globals *globals,
		struct err *err);

#endif
