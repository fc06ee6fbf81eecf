/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026, the FAM emulator authors */
#ifndef FAMCTL_NODE_ACCESS_H
#define FAMCTL_NODE_ACCESS_H

#include <stdbool.h>

#include "util/err.h"
#include "virt.h"

/* What QEMU does with a file. */
enum node_access {
	NODE_ACCESS_GIVEN, /* libvirt hands it over: the way there must be open */
	NODE_ACCESS_READ, /* it opens the file by itself, for reading */
	NODE_ACCESS_BOTH, /* and for writing */
};

/**
 * node_access_check() - may QEMU, as libvirt runs it, reach a file?
 * @path: absolute
 *
 * Judges owners, groups and modes. Where an access control list is in force,
 * or libvirt does not say as whom it runs QEMU, the kernel has the last word.
 * Return: 0; -EACCES with the command that would change it as the hint
 */
int node_access_check(struct virt *virt, const char *path,
		      enum node_access access, struct err *err);

/** node_access_fabric() - what QEMU does with a fabric's file */
static inline enum node_access node_access_fabric(bool read_only)
{
	return read_only ? NODE_ACCESS_READ : NODE_ACCESS_BOTH;
}

#endif
