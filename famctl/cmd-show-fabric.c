// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>

#include <fam-regions.h>

#include "cmd.h"
#include "fabric-durability.h"
#include "fabric.h"
#include "servers.h"

static const char *dir;

static const struct opt options[] = {
	{"dir", 'd', OPT_STRING, "DIR", "look for NAME in DIR only", &dir},
	{0}};

static const struct out_field fields[] = {
	{"name", "name", OUT_TEXT},
	{"path", "path", OUT_TEXT},
	{"size", "size", OUT_SIZE},
	{"allocated", "reserved", OUT_SIZE},
	{"unreserved", "not reserved", OUT_SIZE},
	{"format", "format", OUT_TEXT},
	{"objects_bytes", "for objects", OUT_SIZE},
	{"regions_max", "regions max", OUT_TEXT},
	{"promise", "durability", OUT_TEXT},
	{"ways", "ways", OUT_LIST},
	{"uuid", "uuid", OUT_TEXT},
	{"generation", "generation", OUT_TEXT},
	{"created", "created", OUT_TIME},
	{"mode", "mode", OUT_TEXT},
	{"owner", "owner", OUT_TEXT},
	{"group", "group", OUT_TEXT},
	{"nodes", "nodes", OUT_LIST},
	{"readers", "read-only in", OUT_LIST},
	{"in_use", "in use", OUT_YESNO},
	{"users", "used by", OUT_TEXT},
	{"server_pid", "server", OUT_TEXT},
	{"server_peers", "peers", OUT_TEXT},
	{"server_vectors", "vectors", OUT_TEXT},
	{"flush_text", "flush service", OUT_TEXT},
	{"commits", "commits", OUT_TEXT},
	{"commit_bytes", "bytes", OUT_SIZE},
	{"commit_errors", "errors", OUT_TEXT},
	{"commit_faults", "faults", OUT_TEXT},
	{"clients", "clients", OUT_TEXT},
	{"waiting", "waiting", OUT_TEXT},
	{"lag_us", "lag", OUT_LASTS},
	{"syncs", "syncs", OUT_TEXT},
	{"commits_per_sync", "commits/sync", OUT_TEXT},
	{"sync_last_us", "last sync", OUT_LASTS},
	{"sync_mean_us", "mean sync", OUT_LASTS},
	{"sync_max_us", "longest sync", OUT_LASTS},
	{"failed_text", "FAILED", OUT_TEXT},
	{"failed_at", "since", OUT_TIME},
	{"damaged", "damaged", OUT_LIST},
	{0}};

static void add_text(json_t *object, const char *key, const char *text)
{
	json_object_set_new(object, key, out_json_text(text));
}

static void add_number(json_t *object, const char *key, uint64_t number)
{
	json_object_set_new(object, key, json_integer((json_int_t)number));
}

static const char *promise(const struct fabric *fabric)
{
	if (fabric->in_memory)
		return "on a file system in memory: nothing survives the host";
	if (!fabric->formatted)
		return "raw: durable after famctl sync-fabric";
	if (fabric->sb.durability == FAM_DURABILITY_GUEST)
		return "guest: survives a crash of the node, not a power cut "
		       "of the host";
	return "durable: survives a power cut of the host";
}

static void add_access(json_t *object, const struct stat *st)
{
	const struct passwd *pw = getpwuid(st->st_uid);
	const struct group *gr = getgrgid(st->st_gid);
	char text[32];

	snprintf(text, sizeof(text), "%04o", st->st_mode & 07777);
	add_text(object, "mode", text);
	snprintf(text, sizeof(text), "%u", st->st_uid);
	add_text(object, "owner", pw ? pw->pw_name : text);
	snprintf(text, sizeof(text), "%u", st->st_gid);
	add_text(object, "group", gr ? gr->gr_name : text);
}

static void add_damage(json_t *object, const struct fabric *fabric)
{
	json_t *copies = json_array();

	for (unsigned int i = 0; i < FAM_SUPERBLOCK_COPIES; i++) {
		char text[80];

		if (!(fabric->damaged & 1u << i))
			continue;
		snprintf(text, sizeof(text),
			 "superblock copy %u (at byte %llu)", i,
			 (unsigned long long)fam_superblock_offset(i));
		json_array_append_new(copies, json_string(text));
		out_warn("'%s': %s is damaged; the other one serves",
			 fabric->path, text);
	}
	json_object_set_new(object, "damaged", copies);
}

/* To some users the kernel does not tell: that is no reason to show nothing. */
static int add_users(json_t *object, const struct fabric *fabric,
		     struct err *err)
{
	char users[4096];
	int used = fabric_in_use(fabric, users, sizeof(users), err);

	if (used == -EACCES) {
		out_warn("%s", err->text);
		json_object_set_new(object, "in_use", json_null());
		return 0;
	}
	if (used < 0)
		return used;
	json_object_set_new(object, "in_use", json_boolean(used));
	if (users[0])
		add_text(object, "users", users);
	return 0;
}

static void add_nodes(json_t *object, const char *connect, const char *path)
{
	json_t *nodes, *readers;
	struct err ignored;

	/* No libvirt, no nodes: the file is shown all the same. */
	(void)fabric_nodes(connect, &nodes, &ignored);
	json_object_set_new(object, "nodes", fabric_nodes_of(nodes, path));
	readers = fabric_readers_of(nodes, path);
	if (json_array_size(readers))
		json_object_set(object, "readers", readers);
	json_decref(readers);
	json_decref(nodes);
}

/* Of a server of this very file. */
static void add_server(json_t *object, const struct servers_info *info)
{
	add_number(object, "server_pid", info->status.pid);
	add_number(object, "server_peers", info->status.attached);
	add_number(object, "server_vectors", info->status.vectors);
	add_text(object, "server_socket", info->socket);
}

static void add_service(json_t *object, const struct fabric *fabric)
{
	struct servers_info info;
	struct err ignored;

	/* No place where servers could be: there is none. */
	if (servers_look(fabric->name, &info, &ignored) < 0 ||
	    (info.state == SERVERS_RUNNING &&
	     strcmp(info.status.path, fabric->path) != 0))
		info.state = SERVERS_NONE;
	if (info.state == SERVERS_RUNNING)
		add_server(object, &info);
	fabric_durability_json(fabric, &info, object);
}

/* What an older one of the same version may lack. */
static void add_features(json_t *object, const struct fabric *fabric)
{
	json_t *features = json_array();

	if (fabric->sb.feature_compat & FAM_COMPAT_MAILBOX)
		json_array_append_new(features, json_string("mailbox"));
	if (fabric->sb.feature_compat & FAM_COMPAT_SESSIONS)
		json_array_append_new(features, json_string("sessions"));
	if (fabric->sb.feature_compat & FAM_COMPAT_OBJECTS) {
		json_array_append_new(features, json_string("objects"));
		add_number(object, "objects_bytes", fabric->sb.objects_bytes);
	}
	if (fabric->sb.feature_compat & FAM_COMPAT_REGIONS) {
		json_array_append_new(features, json_string("regions"));
		add_number(object, "regions_max",
			   fam_regions_fit(fabric->sb.regions_bytes));
	}
	json_object_set_new(object, "features", features);
}

static json_t *describe(const struct fabric *fabric)
{
	json_t *object = fabric_json(fabric);

	add_number(object, "unreserved",
		   fabric->allocated < fabric->size
			   ? fabric->size - fabric->allocated
			   : 0);
	add_text(object, "format", fabric->formatted ? "formatted" : "raw");
	add_text(object, "promise", promise(fabric));
	add_text(object, "medium", fabric->in_memory ? "memory" : "disk");
	add_access(object, &fabric->stat);
	if (!fabric->formatted)
		return object;
	add_number(object, "generation", fabric->sb.generation);
	add_number(object, "created", fabric->sb.created_ns);
	add_features(object, fabric);
	if (fabric->damaged)
		add_damage(object, fabric);
	return object;
}

static int run(const struct globals *globals, int argc, char **argv,
	       struct err *err)
{
	struct fabric fabric;
	json_t *object;
	int ret;

	if (argc != 1) {
		err_set(err, -EINVAL, "show-fabric takes one name");
		return err_hint(err, "famctl list-fabrics lists them");
	}
	ret = fabric_open(argv[0], dir, &fabric, err);
	if (ret < 0)
		return ret;
	object = describe(&fabric);
	ret = add_users(object, &fabric, err);
	if (ret < 0) {
		json_decref(object);
		return err_prefix(err, "cannot show fabric '%s'", argv[0]);
	}
	add_nodes(object, globals->connect, fabric.path);
	add_service(object, &fabric);
	out_object(globals->json, fields, object);
	return 0;
}

const struct command cmd_show_fabric = {
	.name = "show-fabric",
	.args = "NAME",
	.summary = "show all about one fabric",
	.options = options,
	.run = run,
};
