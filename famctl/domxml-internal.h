/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026, the FAM emulator authors */
#ifndef FAMCTL_DOMXML_INTERNAL_H
#define FAMCTL_DOMXML_INTERNAL_H

#include <libxml/tree.h>

#include "domxml.h"
#include "util/err.h"

/* Between the domxml files only. */

/* The order in which people expect the elements of a domain. */
extern const char *const domxml_order[];

/** domxml_set_fabrics() - our metadata and the raw arguments, replacing old
 * ones */
int domxml_set_fabrics(xmlNode *domain, const struct node_spec *spec,
		       const char *machine, struct err *err);

/* The place of an element among the children of <devices>. */
extern const char *const domxml_devices_order[];

#define DOMXML_QEMU_XMLNS "http://libvirt.org/schemas/domain/qemu/1.0"

/**
 * domxml_add_shmem() - fabric @index of @spec as libvirt's own <shmem>
 * @device: where the guest sees it
 */
int domxml_add_shmem(xmlNode *domain, const struct node_spec *spec,
		     const char *machine, size_t index, char device[16],
		     struct err *err);

/** domxml_drop_shmem() - take the one called @name out, with its root port */
void domxml_drop_shmem(xmlNode *domain, const char *name);

#endif
