// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
#include <errno.h>
#include <grp.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "options.h"

#define DEFAULT_GROUP "kvm" /* the users QEMU runs as are in it */

/* What names the fabric before its file was looked into. */
static void guess_name(const struct server_config *c, char *out, size_t size)
{
	const char *path = c->region.file ?: c->region.shm ?: "none";
	const char *slash = strrchr(path, '/');
	size_t len;

	snprintf(out, size, "%s",
		 *c->label ? c->label
		 : slash   ? slash + 1
			   : path);
	len = strlen(out);
	if (!*c->label && len > 4 && strcmp(out + len - 4, ".fam") == 0)
		out[len - 4] = '\0';
}

static int default_socket(struct options *o, struct err *err)
{
	struct server_config *c = &o->config;
	const char *xdg = getenv("XDG_RUNTIME_DIR");
	char name[NAME_MAX + 1];
	int len;

	guess_name(c, name, sizeof(name));
	if (geteuid() != 0 && !xdg)
		return err_set(err, -EINVAL,
			       "no socket: -p names it, as XDG_RUNTIME_DIR is "
			       "not set");
	len = snprintf(c->socket, sizeof(c->socket), "%s/fam/%s.sock",
		       geteuid() == 0 ? "/run" : xdg, name);
	if (len >= (int)sizeof(c->socket))
		return err_set(err, -EINVAL, "no socket: -p names a short one");
	o->own_directory = true;
	return 0;
}

static int derive(const char *socket, const char *suffix,
		  char out[LISTEN_PATH_MAX], struct err *err)
{
	if (snprintf(out, LISTEN_PATH_MAX, "%s%s", socket, suffix) >=
	    (int)LISTEN_PATH_MAX)
		return err_set(err, -EINVAL,
			       "'%s' is too long for '%s' behind it", socket,
			       suffix);
	return 0;
}

static int complete_paths(struct options *o, struct err *err)
{
	struct server_config *c = &o->config;
	int ret = *c->socket ? 0 : default_socket(o, err);

	if (ret == 0)
		ret = derive(c->socket, "", c->paths[IVSHMEM_MODERN], err);
	if (ret == 0 && !o->has_path[IVSHMEM_LEGACY])
		ret = derive(c->socket, ".legacy", c->paths[IVSHMEM_LEGACY],
			     err);
	if (ret == 0 && !o->has_path[IVSHMEM_HOST])
		ret = derive(c->socket, ".host", c->paths[IVSHMEM_HOST], err);
	if (ret == 0 && !o->has_control)
		ret = derive(c->socket, ".ctl", c->control, err);
	return ret;
}

static int check_memory(const struct region_spec *r, struct err *err)
{
	int ways = !!r->file + !!r->shm + r->none;

	if (ways == 0)
		return err_set(
			err, -EINVAL,
			"nothing to serve: name it with -f FILE, -s NAME "
			"or --no-memory");
	if (ways > 1)
		return err_set(err, -EINVAL,
			       "only one of -f, -s and --no-memory can be "
			       "served");
	if (r->grow && !r->size)
		return err_set(err, -EINVAL, "-t needs a size with -m");
	if (r->reserve && r->sparse)
		return err_set(err, -EINVAL,
			       "--reserve and --sparse exclude each other");
	if (r->none && (r->size || r->grow))
		return err_set(err, -EINVAL,
			       "--no-memory has no size to be given");
	return 0;
}

static void default_group(struct options *o)
{
	struct group *g = getgrnam(DEFAULT_GROUP);

	if (!o->has_group && geteuid() == 0 && g)
		o->config.gid = g->gr_gid;
}

int options_complete(struct options *o, struct err *err)
{
	struct server_config *c = &o->config;
	int ret;

	default_group(o);
	c->region.gid = c->gid;
	c->region.mode = geteuid() == 0 ? 0660 : 0600;
	ret = complete_paths(o, err);
	if (ret == 0 && o->action != OPTIONS_TAKE_OVER)
		ret = check_memory(&c->region, err);
	return ret;
}
