/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026, the FAM emulator authors */
#ifndef FAMCTL_CMD_H
#define FAMCTL_CMD_H

#include <stdbool.h>
#include <stdint.h>

#include "opt.h"
#include "out.h"
#include "util/err.h"

/* Documented in famctl(1), EXIT STATUS. */
enum exit_status {
	EXIT_DONE = 0,	      /* done */
	EXIT_FAILED = 1,      /* failed for another reason than these: */
	EXIT_USAGE = 2,	      /* wrong words on the command line */
	EXIT_NO_OBJECT = 3,   /* no such fabric, node or file */
	EXIT_EXISTS = 4,      /* exists already, or is in use */
	EXIT_UNREACHABLE = 5, /* libvirt or tm-server cannot be reached */
	EXIT_PROBLEMS = 6,    /* check-fabric found what it did not repair */
};

/* Options every command takes, before or behind its name. */
struct globals {
	const char *connect; /* --connect URI; NULL: by user */
	bool json;	     /* --json */
	bool dry_run;	     /* --dry-run */
	/*
	 * What a command leaves here is told with its failure, as what it had
	 * done before: for those that cannot be undone.
	 */
	json_t **done;
};

/* One command: one file, one line in the table of main.c, one manual page. */
struct command {
	const char *name;	   /* "create-fabric" */
	const char *args;	   /* "SIZE [NAME]" for the usage line */
	const char *summary;	   /* one line of the list in famctl --help */
	const struct opt *options; /* ends with an empty entry */

	/*
	 * @argc, @argv: the operands only. Option values are in the variables
	 * the table points to. Returns 0 or a negative errno with @err filled.
	 */
	int (*run)(const struct globals *globals, int argc, char **argv,
		   struct err *err);
};

extern const struct command cmd_create_fabric, cmd_list_fabrics,
	cmd_show_fabric, cmd_sync_fabric, cmd_destroy_fabric, cmd_create_node,
	cmd_list_nodes, cmd_start_node, cmd_stop_node, cmd_destroy_node,
	cmd_make_bundle, cmd_start_server, cmd_list_servers, cmd_list_peers,
	cmd_ping, cmd_stop_server, cmd_clear_errors, cmd_prepare_fabric,
	cmd_check_fabric, cmd_list_regions, cmd_show_region, cmd_map_fabric,
	cmd_trim_fabric;

#endif
