/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026, the FAM emulator authors */
#ifndef FAMCTL_DOMXML_INTERNAL_H
#define FAMCTL_DOMXML_INTERNAL_H

#include <libxml/tree.h>

#include "domxml.h"
#include "qemu-args.h"
#include "util/err.h"

/* Between the domxml files only. */

/* The order in which people expect the elements of a domain. */
extern const char *const domxml_order[];

/**
 * domxml_drop_fabrics() - take out what domxml_set_fabrics() put in
 *
 * A template may be what libvirt shows of one of our nodes. Its fabrics are not
 * the new node's.
 */
void domxml_drop_fabrics(xmlNode *domain);

/** domxml_set_fabrics() - our metadata and what attaches the fabrics */
int domxml_set_fabrics(xmlNode *domain, const struct node_spec *spec,
		       const char *machine, struct err *err);

/* The place of an element among the children of <devices>. */
extern const char *const domxml_devices_order[];

/** domxml_add_arguments() - raw ones, behind those there are */
void domxml_add_arguments(xmlNode *domain, const struct qemu_args *args);

/* Attribute "access" of a fabric in our metadata. */
#define DOMXML_READ_ONLY "ro"

#define DOMXML_QEMU_XMLNS "http://libvirt.org/schemas/domain/qemu/1.0"

/**
 * domxml_add_shmem() - fabric @index of @spec as libvirt's own <shmem>
 * @device: where the guest sees it
 */
int domxml_add_shmem(xmlNode *domain, const struct node_spec *spec,
		     const char *machine, size_t index, char device[16],
		     struct err *err);

/** domxml_add_windows() - a flush window for each fabric, and room for them */
int domxml_add_windows(xmlNode *domain, const struct node_spec *spec,
		       const char *machine, struct err *err);

/** domxml_drop_windows() - take out those of the node that @meta describes */
void domxml_drop_windows(xmlNode *domain, const xmlNode *meta);

/** domxml_drop_shmem() - take the one called @name out, with its root port */
void domxml_drop_shmem(xmlNode *domain, const char *name);

#endif
