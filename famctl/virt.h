/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026, the FAM emulator authors */
#ifndef FAMCTL_VIRT_H
#define FAMCTL_VIRT_H

#include <stdbool.h>
#include <stdint.h>

#include "domxml.h"
#include "util/err.h"

/* A connection to libvirt. No libvirt type or message gets past virt.c. */
struct virt;

/* A domain that is one of our nodes. */
struct virt_node {
	char name[256];
	char uuid[FAM_UUID_TEXT];
	bool active;	    /* running, paused, ... : QEMU exists */
	const char *state;  /* "running", "paused", "shut off", ... constant */
	uint64_t memory;    /* bytes */
	unsigned int vcpus; /* present ones */
	struct node_meta meta;
	char damage[256]; /* why @meta could not be read, or "" */
};

/**
 * virt_open() - connect
 * @uri: NULL: qemu:///system for root, qemu:///session for others
 * Return: 0; -ENOTCONN libvirt cannot be reached
 */
int virt_open(struct virt **out, const char *uri, struct err *err);
void virt_close(struct virt *virt);
static inline void cleanup_virt(struct virt **virt)
{
	if (*virt)
		virt_close(*virt);
}
#define _cleanup_virt_ __attribute__((cleanup(cleanup_virt)))

/** virt_define() - define a domain, validated; -EEXIST if the name is taken */
int virt_define(struct virt *virt, const char *name, const char *xml,
		struct err *err);

/** virt_node() - look one of our nodes up; -ENOENT no such domain, or not ours
 */
int virt_node(struct virt *virt, const char *name, struct virt_node *out,
	      struct err *err);

/** virt_each_node() - visit all our nodes by name; non-zero of @visit ends it
 */
int virt_each_node(struct virt *virt,
		   int (*visit)(const struct virt_node *node, void *arg,
				struct err *err),
		   void *arg, struct err *err);

/** virt_start() - start a defined node; -EBUSY if it is running already */
int virt_start(struct virt *virt, const char *name, struct err *err);

/**
 * virt_stop() - ask the guest to shut down and wait
 * @timeout_s: then -ETIMEDOUT, the node still running
 * @force: switch it off instead, at once
 */
int virt_stop(struct virt *virt, const char *name, unsigned int timeout_s,
	      bool force, struct err *err);

/** virt_undefine() - forget a node that is not running; its disks stay */
int virt_undefine(struct virt *virt, const char *name, struct err *err);

/** virt_qemu_identity() - uid and gid libvirt runs QEMU as; -ENOTSUP if unknown
 */
int virt_qemu_identity(struct virt *virt, unsigned int *uid, unsigned int *gid,
		       struct err *err);

/**
 * virt_takes_windows() - does it start a domain with a virtio-pmem device?
 * @virt: NULL: as this host's library is
 *
 * Before 10 it knows the element, but not what QEMU then tells about it.
 */
bool virt_takes_windows(struct virt *virt);

/** virt_confines() - is it this host's, and does it confine QEMU by AppArmor? */
bool virt_confines(struct virt *virt);

#endif
