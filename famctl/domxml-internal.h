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

#endif
