/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026, the FAM emulator authors */
#ifndef TM_SERVER_OPTIONS_H
#define TM_SERVER_OPTIONS_H

#include <stdio.h>

#include "server.h"
#include "util/log.h"

enum options_action {
	OPTIONS_SERVE,
	OPTIONS_CHECK,	   /* look at the set-up, change nothing */
	OPTIONS_TAKE_OVER, /* ask a running server for it */
	OPTIONS_HELP,
	OPTIONS_VERSION,
};

struct options {
	enum options_action action;
	struct server_config config;
	bool detach;
	bool own_directory; /* the runtime directory is ours to make */
	bool has_path[IVSHMEM_DIALECTS], has_control, has_group; /* given */
	int resume_fd; /* the state of the process before the exec; -1 */
	enum log_level level;
	const char *log_file;
};

/** options_parse() - -EINVAL with a sentence about what was typed */
int options_parse(struct options *out, int argc, char **argv, struct err *err);

/** options_complete() - what was not given, and what does not go together */
int options_complete(struct options *o, struct err *err);

/** options_help() - the text of --help */
void options_help(FILE *f);

#endif
