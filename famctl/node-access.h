/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026, the FAM emulator authors */
#ifndef FAMCTL_NODE_ACCESS_H
#define FAMCTL_NODE_ACCESS_H

#include <stdbool.h>

#include "util/err.h"
#include "virt.h"

/**
 * node_access_check() - may QEMU, as libvirt runs it, reach a file?
 * @path: absolute
 * @open: it must be able to open it for reading and writing too, as libvirt
 *	does not hand over files it does not know of
 *
 * Judges owners, groups and modes. Where an access control list is in force,
 * or libvirt does not say as whom it runs QEMU, the kernel has the last word.
 * Return: 0; -EACCES with the command that would change it as the hint
 */
int node_access_check(struct virt *virt, const char *path, bool open,
		      struct err *err);

#endif
