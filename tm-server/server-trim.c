// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
/*
 * Giving blocks back, beside the server's other parts. Without it the fabric's
 * file stays as large as it was: nobody's work depends on it.
 */
#include <errno.h>
#include <stdlib.h>

#include "server.h"
#include "trim.h"
#include "util/cleanup.h"
#include "util/log.h"

void server_trim_go_on(struct server *s)
{
	int ret = s->trimmer ? trimmer_start(s->trimmer) : 0;

	if (ret < 0)
		log_error_errno(-ret,
				"fabric '%s': cannot give back the blocks of "
				"regions that are gone",
				s->label);
}

/* libfam takes a path without a '/' for a fabric's name. */
static int open_trimmer(struct server *s)
{
	_cleanup_free_ char *path = realpath(s->region.path, NULL);
	struct trimmer_config config = {
		.label = s->label,
		.path = path,
		.fd = s->region.lock_fd,
		.trim = s->config.trim,
	};

	return path ? trimmer_open(&s->trimmer, &config) : -errno;
}

void server_trim_open(struct server *s)
{
	int ret;

	if (!s->region.formatted || !s->config.trim)
		return;
	ret = open_trimmer(s);
	if (ret == 0)
		server_trim_go_on(s);
	else if (ret != -EOPNOTSUPP)
		log_error_errno(-ret,
				"fabric '%s': cannot look after regions that "
				"are gone",
				s->label);
}

bool server_trim_stop(struct server *s)
{
	return !s->trimmer || trimmer_stop(s->trimmer);
}

void server_trim_close(struct server *s)
{
	trimmer_close(s->trimmer);
	s->trimmer = NULL;
}
