/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026, the FAM emulator authors */
#ifndef FAMCTL_NODE_H
#define FAMCTL_NODE_H

#include <limits.h>
#include <stdbool.h>

#include "cmd.h"
#include "domxml.h"
#include "fabric.h"
#include "util/err.h"
#include "virt.h"

/* What the commands about nodes have in common. */

/** node_check_name() - 0, or -EINVAL with a sentence and the rule */
int node_check_name(const char *name, struct err *err);

/**
 * node_check_start() - are the fabrics still those the node was made with, and
 * may QEMU open them, by their modes and by AppArmor's rules?
 *
 * Return: 0; -ESTALE another size or UUID; -EACCES; what fabric_open() says
 */
int node_check_start(struct virt *virt, const struct node_meta *meta,
		     struct err *err);

/**
 * node_serve() - have a fabric served as a node needs it
 *
 * Return: 1 its server was started; 0 it runs already; -EBUSY with other
 * vectors or another file; -EACCES QEMU may not use its socket; what
 * servers_start() says
 */
int node_serve(struct virt *virt, const struct fabric *fabric,
	       unsigned int vectors, bool dry_run, struct err *err);

/**
 * node_serve_flush() - have the stores of a node's programs made durable
 * @flush: the node's
 *
 * Starts the server of a fabric that has a flush mailbox, which is all that a
 * node without doorbells needs it for. If that fails, it warns: the node can
 * run without, its fam_persist() says why it fails.
 * Return: 1 its server was started; else 0
 */
int node_serve_flush(struct virt *virt, const struct fabric *fabric,
		     enum node_flush flush, bool dry_run);

/** node_unserve() - stop that server again, unless others attached meanwhile */
void node_unserve(const char *name);

/** node_serve_all() - the same for all fabrics of a node that need it; 0 */
int node_serve_all(struct virt *virt, const struct node_meta *meta,
		   bool dry_run, struct err *err);

/**
 * node_find_file() - the absolute path of a file which the user named
 * @what: "kernel", for the message
 *
 * Return: 0; -ENOENT; -EINVAL neither a regular file nor a block device
 */
int node_find_file(const char *what, const char *name, char out[PATH_MAX],
		   struct err *err);

/** node_find_disk() - the same for a disk image, and what kind it is */
int node_find_disk(const char *name, char out[PATH_MAX], bool *qcow2,
		   struct err *err);

/* One command on several nodes. */
struct node_job {
	const char *verb; /* "start", for "cannot start node 'x': ..." */
	bool all;	  /* --all instead of names */
	/* The node exists and is ours; @row tells what becomes of it. */
	int (*run)(struct virt *virt, const struct virt_node *node, json_t *row,
		   struct err *err);
};

/** node_tell() - what was done to a node: "started", "none"; into its row */
void node_tell(json_t *row, const char *action);

/**
 * node_run_job() - do @job to the nodes named, or to all
 *
 * Goes on after a failure. The first one is returned; others are printed. With
 * --json an array of what was done to each is printed if there was none.
 */
int node_run_job(const struct globals *globals, int argc, char **argv,
		 const struct node_job *job, struct err *err);

#endif
