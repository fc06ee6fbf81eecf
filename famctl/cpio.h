/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026, the FAM emulator authors */
#ifndef FAMCTL_CPIO_H
#define FAMCTL_CPIO_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "util/err.h"

/*
 * An archive in the "newc" format of cpio, which the kernel unpacks as an
 * initramfs. Nothing but the archive is written, so device nodes need no root.
 * The same content gives the same bytes: entries are sorted by path, owned by
 * root and dated 1970. Paths are those in the guest, with or without a leading
 * '/', and never contain "." or ".." parts; missing parents are added, 0755.
 */
struct cpio;

int cpio_new(struct cpio **out, struct err *err);
void cpio_free(struct cpio *cpio);
static inline void cleanup_cpio(struct cpio **cpio)
{
	if (*cpio)
		cpio_free(*cpio);
}
#define _cleanup_cpio_ __attribute__((cleanup(cleanup_cpio)))

/*
 * All of them return 0; -EEXIST something else has this path; -EINVAL the path
 * is not one. A directory may be added twice; the first one's mode stays.
 */
int cpio_dir(struct cpio *cpio, const char *path, mode_t mode, struct err *err);

/** cpio_file() - a file whose content is read from @source by cpio_write() */
int cpio_file(struct cpio *cpio, const char *path, mode_t mode,
	      const char *source, struct err *err);

/** cpio_data() - a file with @len bytes of @data, which are copied */
int cpio_data(struct cpio *cpio, const char *path, const void *data, size_t len,
	      struct err *err);

/** cpio_link() - a symbolic link */
int cpio_link(struct cpio *cpio, const char *path, const char *target,
	      struct err *err);

/** cpio_node() - a device; @mode includes S_IFCHR or S_IFBLK */
int cpio_node(struct cpio *cpio, const char *path, mode_t mode, dev_t device,
	      struct err *err);

/** cpio_source() - the source of the file at @path, or NULL */
const char *cpio_source(const struct cpio *cpio, const char *path);

/** cpio_has() - is there anything at @path? */
bool cpio_has(const struct cpio *cpio, const char *path);

/** cpio_each_source() - visit the source of each file, sorted by its path */
int cpio_each_source(struct cpio *cpio,
		     int (*visit)(const char *source, void *arg,
				  struct err *err),
		     void *arg, struct err *err);

/**
 * cpio_write() - write the whole archive to @fd, from its current position
 *
 * Return: 0; -EINTR a signal waits (see hold.h); -EBUSY a source grows
 */
int cpio_write(struct cpio *cpio, int fd, struct err *err);

#endif
