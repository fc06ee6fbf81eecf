/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026, the FAM emulator authors */
#ifndef FAMCTL_NODE_PLAN_H
#define FAMCTL_NODE_PLAN_H

#include <stdbool.h>
#include <stdint.h>

#include "node-confine.h"
#include "node-create.h"
#include "opt.h"
#include "util/err.h"

#define NODE_NOT_GIVEN UINT64_MAX /* of a number below */
#define NODE_DISKS_MAX 26	  /* vda to vdz */

/* What create-node's options say; NULL: not given. */
struct node_wish {
	struct opt_list fabrics, disks;
	const char *kernel, *initrd, *append, *bundle_dir, *network, *machine,
		*virt_type, *emulator, *qemu_version, *transport, *template,
		*output, *apparmor, *flush;
	uint64_t count, memory, vcpus, vectors;
	bool bundle, define, start;
	enum confine confine;	   /* @apparmor */
	enum node_flush flush_way; /* @flush */
};

/**
 * node_plan() - find all that the wish names, write nothing
 * @wish: its words are checked already; must stay while the plan is used
 * @name: of the node, or the beginning of its nodes' names; NULL: a usual one
 * @out: to be released with node_plan_free()
 *
 * Return: 0; -ENOENT a file, emulator or fabric is not there; -EINVAL; what
 * fabric_open() and bundle_find() say
 */
int node_plan(const struct node_wish *wish, const char *name,
	      struct node_plan **out, struct err *err);

void node_plan_free(struct node_plan *plan);
static inline void cleanup_node_plan(struct node_plan **plan)
{
	if (*plan)
		node_plan_free(*plan);
}
#define _cleanup_node_plan_ __attribute__((cleanup(cleanup_node_plan)))

#endif
