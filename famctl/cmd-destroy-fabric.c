// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cmd.h"
#include "fabric.h"
#include "servers.h"
#include "util/cleanup.h"
#include "util/size.h"

static const char *dir;
static bool force;

static const struct opt options[] = {
	{"force", 'f', OPT_FLAG, NULL,
	 "do not ask; also damaged ones, also under a node's feet", &force},
	{"dir", 'd', OPT_STRING, "DIR", "look for NAME in DIR only", &dir},
	{0}};

/* One fabric to be destroyed, held by an open descriptor. */
struct victim {
	struct fabric fabric;
	int fd;	       /* O_PATH: keeps the inode, is no use of the file */
	json_t *nodes; /* names of those that refer to it */
	struct servers_info *server; /* idle, to be stopped; NULL: none */
};

/*
 * A damaged fabric has no superblock to prove what it is: then its name must
 * say so, and the user must insist.
 */
static int open_any(const char *name, struct fabric *fabric, struct err *err)
{
	int ret = fabric_open(name, dir, fabric, err);

	if (ret != -EBADMSG && ret != -ENODATA && ret != -EPROTONOSUPPORT)
		return ret;
	if (!fabric_has_suffix(fabric->path))
		return ret;
	if (force)
		return 0;
	err->hint[0] = '\0';
	return err_hint(err, "--force destroys it nevertheless");
}

static int in_use(const char *users, struct err *err)
{
	err_set(err, -EBUSY, "it is in use by %.900s",
		users[0] ? users : "a process that cannot be seen from here");
	return err_hint(err, "stop the nodes and programs that use it first");
}

static int check_processes(const struct fabric *fabric, struct err *err)
{
	char users[1024];
	int used = fabric_in_use(fabric, users, sizeof(users), err);

	return used <= 0 ? used : in_use(users, err);
}

/* A server of this very file; one without peers only waits for some. */
static int find_server(struct victim *victim, struct err *err)
{
	struct servers_info *info = calloc(1, sizeof(*info));
	struct err no_place;

	if (!info)
		return err_sys(err, ENOMEM, "server");
	if (servers_look(victim->fabric.name, info, &no_place) < 0 ||
	    info->state != SERVERS_RUNNING || info->status.attached ||
	    strcmp(info->status.path, victim->fabric.path) != 0) {
		free(info);
		return 0;
	}
	victim->server = info;
	return 0;
}

/* Who uses it beside that server; looked at again once that has ended. */
static int check_users(const struct victim *victim, struct err *err)
{
	char users[1024];
	int used;

	if (!victim->server)
		return check_processes(&victim->fabric, err);
	used = fabric_in_use_beside(&victim->fabric,
				    (pid_t)victim->server->status.pid, users,
				    sizeof(users), err);
	return used <= 0 ? used : in_use(users, err);
}

static int check_nodes(const struct victim *victim, struct err *err)
{
	const char *node;

	if (force || json_array_size(victim->nodes) == 0)
		return 0;
	node = json_string_value(json_array_get(victim->nodes, 0));
	err_set(err, -EBUSY, "node '%s' is defined to use it", node);
	return err_hint(err, "famctl destroy-node %s", node);
}

static int take_aim(const char *name, const json_t *nodes,
		    struct victim *victim, struct err *err)
{
	int ret = open_any(name, &victim->fabric, err);

	if (ret < 0)
		return ret;
	victim->fd = fabric_reopen(&victim->fabric, O_PATH, err);
	if (victim->fd < 0)
		ret = victim->fd;
	victim->nodes = fabric_nodes_of(nodes, victim->fabric.path);
	if (ret == 0)
		ret = find_server(victim, err);
	if (ret == 0)
		ret = check_users(victim, err);
	if (ret == 0)
		ret = check_nodes(victim, err);
	return ret;
}

static int confirm(const struct fabric *fabric, struct err *err)
{
	char size[SIZE_TEXT_MAX], answer[16] = "";

	if (!isatty(STDIN_FILENO) || !isatty(STDERR_FILENO)) {
		err_set(err, -EINVAL,
			"there is no terminal to ask for confirmation");
		return err_hint(err, "--force destroys without asking");
	}
	fprintf(stderr,
		"Destroy fabric '%s' (%s, %" PRIu64
		" bytes allocated) with all its data? [y/N] ",
		fabric->name, size_format(fabric->size, size),
		fabric->allocated);
	fflush(stderr);
	if (fgets(answer, sizeof(answer), stdin) &&
	    (strcasecmp(answer, "y\n") == 0 ||
	     strcasecmp(answer, "yes\n") == 0))
		return 0;
	return err_set(err, -ECANCELED, "it stays: not confirmed");
}

/* Removes the name only if it still leads to the very file that was checked. */
static int remove_inode(const struct victim *victim, struct err *err)
{
	_cleanup_close_ int dirfd = -1;
	char parent[PATH_MAX];
	struct stat held, named;
	char *base;

	memcpy(parent, victim->fabric.path, sizeof(parent));
	base = strrchr(parent, '/');
	*base++ = '\0';
	dirfd = open(parent[0] ? parent : "/",
		     O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dirfd < 0)
		return err_sys(err, errno, "cannot open '%s'", parent);
	if (fstat(victim->fd, &held) < 0 ||
	    fstatat(dirfd, base, &named, AT_SYMLINK_NOFOLLOW) < 0)
		return err_sys(err, errno, "cannot look at '%s'",
			       victim->fabric.path);
	if (held.st_dev != named.st_dev || held.st_ino != named.st_ino)
		return err_set(err, -ESTALE,
			       "another file has taken the place of '%s'",
			       victim->fabric.path);
	if (unlinkat(dirfd, base, 0) < 0)
		return err_sys(err, errno, "cannot remove '%s'",
			       victim->fabric.path);
	/* Gone for everyone; only a power cut now could bring it back. */
	if (fsync(dirfd) < 0)
		out_warn("cannot sync directory '%s': %s", parent,
			 strerror(errno));
	return 0;
}

static void name_what_stays(const struct victim *victim)
{
	struct stat st;

	for (size_t i = 0; i < json_array_size(victim->nodes); i++)
		out_note("left: node '%s', which cannot start without it",
			 json_string_value(json_array_get(victim->nodes, i)));
	if (fstat(victim->fd, &st) == 0 && st.st_nlink > 0)
		out_note("left: the data, under %lu other name%s (hard links)",
			 (unsigned long)st.st_nlink,
			 st.st_nlink == 1 ? "" : "s");
}

static json_t *result(const struct victim *victim)
{
	json_t *row = json_object();

	json_object_set_new(row, "name", out_json_text(victim->fabric.name));
	json_object_set_new(row, "path", out_json_text(victim->fabric.path));
	json_object_set_new(row, "size",
			    json_integer((json_int_t)victim->fabric.size));
	json_object_set(row, "nodes", victim->nodes);
	return row;
}

static int stop_server(const struct victim *victim, bool dry_run,
		       struct err *err)
{
	int ret = 0;

	if (!victim->server)
		return 0;
	if (!dry_run)
		ret = servers_stop(victim->server, false, err);
	if (ret < 0)
		return err_prefix(err, "its server");
	out_note("server of fabric '%s', which had no peers, %s",
		 victim->fabric.name, dry_run ? "would be stopped" : "stopped");
	return 0;
}

static int destroy_one(const struct globals *globals,
		       const struct victim *victim, struct err *err)
{
	char size[SIZE_TEXT_MAX];
	int ret = 0;

	if (!globals->dry_run && !force)
		ret = confirm(&victim->fabric, err);
	if (ret == 0)
		ret = stop_server(victim, globals->dry_run, err);
	if (ret == 0 && !globals->dry_run) {
		/* The answer took time: somebody may use it now. */
		ret = check_processes(&victim->fabric, err);
		if (ret == 0)
			ret = remove_inode(victim, err);
	}
	if (ret < 0)
		return ret;
	if (!globals->json)
		printf("%s fabric '%s' (%s): %s\n",
		       globals->dry_run ? "would destroy" : "destroyed",
		       victim->fabric.name,
		       size_format(victim->fabric.size, size),
		       victim->fabric.path);
	if (!globals->dry_run)
		name_what_stays(victim);
	return 0;
}

static void let_go(struct victim *victims, int count)
{
	for (int i = 0; i < count; i++) {
		if (victims[i].fd >= 0)
			close(victims[i].fd);
		json_decref(victims[i].nodes);
		free(victims[i].server);
	}
	free(victims);
}

/* Two names of one file: a slip, or one of them is not what is meant. */
static int check_once(const struct victim *victims, char **argv, int at,
		      struct err *err)
{
	const struct stat *st = &victims[at].fabric.stat;

	for (int i = 0; i < at; i++) {
		const struct stat *earlier = &victims[i].fabric.stat;

		if (st->st_dev == earlier->st_dev &&
		    st->st_ino == earlier->st_ino)
			return err_set(err, -EINVAL,
				       "it is named twice: also as '%.200s'",
				       argv[i]);
	}
	return 0;
}

/* Nothing is destroyed before all of them were found destroyable. */
static int aim_at_all(const struct globals *globals, int argc, char **argv,
		      struct victim *victims, struct err *err)
{
	json_t *nodes;
	struct err unreachable;
	int ret = 0;

	if (fabric_nodes(globals->connect, &nodes, &unreachable) < 0)
		out_note("nodes that may be defined to use it were not looked "
			 "for: %s",
			 unreachable.text);
	for (int i = 0; ret == 0 && i < argc; i++) {
		ret = take_aim(argv[i], nodes, &victims[i], err);
		if (ret == 0)
			ret = check_once(victims, argv, i, err);
		if (ret < 0)
			err_prefix(err, "cannot destroy fabric '%.200s'",
				   argv[i]);
	}
	json_decref(nodes);
	return ret;
}

static int destroy_all(const struct globals *globals, int argc, char **argv,
		       const struct victim *victims, struct err *err)
{
	json_t *rows = json_array();
	int ret = 0;

	for (int i = 0; ret == 0 && i < argc; i++) {
		ret = destroy_one(globals, &victims[i], err);
		if (ret < 0)
			err_prefix(err, "cannot destroy fabric '%.200s'",
				   argv[i]);
		else
			json_array_append_new(rows, result(&victims[i]));
	}
	if (ret == 0 && globals->json)
		out_table(true, NULL, json_incref(rows));
	else if (ret < 0 && json_array_size(rows) > 0)
		*globals->done = json_incref(rows);
	json_decref(rows);
	return ret;
}

static int run(const struct globals *globals, int argc, char **argv,
	       struct err *err)
{
	struct victim *victims;
	int ret;

	if (argc == 0) {
		err_set(err, -EINVAL, "destroy-fabric takes one name or more");
		return err_hint(err, "famctl list-fabrics lists them");
	}
	victims = calloc((size_t)argc, sizeof(*victims));
	if (!victims)
		return err_set(err, -ENOMEM, "out of memory");
	for (int i = 0; i < argc; i++)
		victims[i].fd = -1;
	ret = aim_at_all(globals, argc, argv, victims, err);
	if (ret == 0)
		ret = destroy_all(globals, argc, argv, victims, err);
	let_go(victims, argc);
	return ret;
}

const struct command cmd_destroy_fabric = {
	.name = "destroy-fabric",
	.args = "NAME...",
	.summary = "remove a fabric and all its data",
	.options = options,
	.run = run,
};
