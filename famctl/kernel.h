/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026, the FAM emulator authors */
#ifndef FAMCTL_KERNEL_H
#define FAMCTL_KERNEL_H

#include <limits.h>

#include "cpio.h"
#include "util/err.h"

/* A Linux kernel that a bundle boots, and its modules. */
struct kernel {
	char image[PATH_MAX];
	char modules[PATH_MAX]; /* lib/modules/VERSION; "" if it needs none */
	char version[128];
};

/**
 * kernel_find() - find a kernel and its modules
 * @image: NULL: the newest of share/fam/kernel/boot, else the newest one for
 *	clouds in /boot, which is small, else the newest in /boot
 * @modules: directory; "none"; NULL: lib/modules/VERSION beside the image's
 *	directory, else /lib/modules/VERSION
 *
 * Return: 0; -ENOENT none there; -EACCES may not be read; -EINVAL no kernel
 */
int kernel_find(const char *image, const char *modules, struct kernel *out,
		struct err *err);

/**
 * kernel_add_modules() - put the modules a guest needs into its root
 *
 * With those they depend on; /etc/fam/modules lists them in loading order.
 */
int kernel_add_modules(const struct kernel *kernel, struct cpio *root,
		       struct err *err);

#endif
