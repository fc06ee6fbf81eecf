// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "fabric-durability.h"
#include "node-access.h"
#include "node-confine.h"
#include "node.h"
#include "paths.h"
#include "qemu-args.h"
#include "servers.h"
#include "util/cleanup.h"
#include "util/fdio.h"

#define QCOW2_MAGIC "QFI\xfb"

int node_check_name(const char *name, struct err *err)
{
	int ret = fam_label_check(name);

	if (ret == 0)
		return 0;
	if (ret == -ENAMETOOLONG)
		err_set(err, -EINVAL,
			"node name '%.20s...' is %zu bytes long, at most %d "
			"are allowed",
			name, strlen(name), FAM_LABEL_BYTES - 1);
	else
		err_set(err, -EINVAL, "'%s' cannot be a node's name", name);
	return err_hint(err,
			"use 1 to %d letters, digits, '.', '_' or '-', the "
			"first one a letter or digit",
			FAM_LABEL_BYTES - 1);
}

static int stale(const struct node_fabric *was, struct err *err)
{
	return err_hint(err,
			"put the file '%s' back as it was, or make the node "
			"anew",
			was->path);
}

static int compare(const struct node_fabric *was, const struct fabric *is,
		   struct err *err)
{
	char uuid[FAM_UUID_TEXT] = "";

	if (is->formatted)
		fam_uuid_format(is->sb.uuid, uuid);
	if (was->size != is->size) {
		err_set(err, -ESTALE,
			"fabric '%s' had %" PRIu64
			" bytes when the node was made, now it has %" PRIu64,
			was->name, was->size, is->size);
		return stale(was, err);
	}
	if (strcmp(was->uuid, uuid) != 0) {
		err_set(err, -ESTALE,
			"fabric '%s' is another one than when the node was "
			"made: UUID %s, not %s",
			was->name, *uuid ? uuid : "none",
			*was->uuid ? was->uuid : "none");
		return stale(was, err);
	}
	return 0;
}

int node_check_start(struct virt *virt, const struct node_meta *meta,
		     struct err *err)
{
	_cleanup_free_ struct fabric *fabric = malloc(sizeof(*fabric));
	int ret = 0;

	if (!fabric)
		return err_sys(err, ENOMEM, "fabric");
	for (size_t i = 0; i < meta->count && ret == 0; i++) {
		const struct node_fabric *was = &meta->fabric[i];

		ret = fabric_open(was->path, NULL, fabric, err);
		if (ret == 0)
			ret = compare(was, fabric, err);
		/* Else it is tm-server who opens the file. */
		if (ret == 0 && qemu_args_opens(was->transport, meta->flush))
			ret = node_access_check(
				virt, was->path,
				node_access_fabric(was->read_only), err);
	}
	return ret == 0 ? node_confine_check(virt, meta, err) : ret;
}

/* As the server's socket lets libvirt's QEMU in, and nobody else. */
static gid_t socket_group(struct virt *virt)
{
	unsigned int uid, gid;
	struct err ignored;

	if (geteuid() != 0 ||
	    virt_qemu_identity(virt, &uid, &gid, &ignored) < 0)
		return (gid_t)-1;
	return gid;
}

/*
 * A server that was started for its flush service alone has as many vectors as
 * usual. As long as nobody ever attached it can be replaced: who waits for it
 * waits on.
 */
static bool makes_way(const struct servers_spec *spec,
		      const struct servers_info *info)
{
	const struct tm_ctl_status *s = &info->status;

	return info->state == SERVERS_RUNNING && s->vectors != spec->vectors &&
	       s->attached == 0 && s->next_id == 1 &&
	       strcmp(s->path, spec->fabric->path) == 0;
}

/* 1 a server was stopped, or would be, so that one with other vectors can be */
static int make_way(const struct servers_spec *spec, struct err *err)
{
	struct servers_info info;
	int ret = servers_look(spec->fabric->name, &info, err);

	if (ret < 0 || !makes_way(spec, &info))
		return ret;
	ret = spec->dry_run ? 0 : servers_stop(&info, false, err);
	if (ret < 0)
		return ret;
	out_note("server of fabric '%s', which had no peers yet, %s with "
		 "%u vector%s",
		 spec->fabric->name,
		 spec->dry_run ? "would be restarted" : "restarts",
		 spec->vectors, spec->vectors == 1 ? "" : "s");
	return 1;
}

/* 1 a server was started that was not there before, or would be; else 0 */
static int start_server(const struct servers_spec *spec,
			struct servers_info *info, struct err *err)
{
	int anew = make_way(spec, err), started;

	if (anew < 0 || (anew && spec->dry_run))
		return anew;
	started = servers_start(spec, info, err);
	if (started == 1 && !spec->dry_run)
		out_note("server of fabric '%s' started: pid %u",
			 spec->fabric->name, info->status.pid);
	return started == 1 && anew ? 0 : started;
}

int node_serve(struct virt *virt, const struct fabric *fabric,
	       unsigned int vectors, bool dry_run, struct err *err)
{
	const struct servers_spec spec = {.fabric = fabric,
					  .vectors = vectors ? vectors : 1,
					  .group = socket_group(virt),
					  .dry_run = dry_run};
	struct servers_info info;
	struct err why;
	int started = start_server(&spec, &info, err), ret;

	if (started < 0)
		return err_prefix(err, "the server of fabric '%s'",
				  fabric->name);
	if (started && dry_run)
		return started;
	ret = node_access_check(virt, info.socket, NODE_ACCESS_BOTH, err);
	if (ret < 0 && started)
		(void)servers_stop(&info, false, &why); /* @err says more */
	return ret < 0 ? ret : started;
}

int node_serve_flush(struct virt *virt, const struct fabric *fabric,
		     enum node_flush flush, bool dry_run)
{
	const struct servers_spec spec = {.fabric = fabric,
					  .group = socket_group(virt),
					  .dry_run = dry_run};
	struct servers_info info;
	struct err err;
	int started;

	if (flush != NODE_FLUSH_MAILBOX || !fabric_committed(fabric))
		return 0;
	started = servers_start(&spec, &info, &err);
	if (started < 0) {
		out_warn("fabric '%s' has no flush service, without which "
			 "fam_persist fails in the node: %s",
			 fabric->name, err.text);
		return 0;
	}
	if (started && !dry_run)
		out_note("server of fabric '%s' started: pid %u", fabric->name,
			 info.status.pid);
	return started;
}

/* It may need a moment to see that the nodes stopped just now have gone. */
void node_unserve(const char *name)
{
	const struct timespec pause = {.tv_nsec = 50000000};
	struct servers_info info;
	struct err err;
	int ret;

	for (int left = 40; left > 0; left--) {
		ret = servers_look(name, &info, &err);
		if (ret < 0 || info.state != SERVERS_RUNNING ||
		    !info.status.attached)
			break;
		nanosleep(&pause, NULL);
	}
	if (ret == 0 && info.state == SERVERS_RUNNING)
		ret = servers_stop(&info, false, &err);
	if (ret < 0)
		out_warn("the server of fabric '%s' still runs: %s", name,
			 err.text);
}

int node_serve_all(struct virt *virt, const struct node_meta *meta,
		   bool dry_run, struct err *err)
{
	_cleanup_free_ struct fabric *fabric = malloc(sizeof(*fabric));
	int ret = 0;

	if (!fabric)
		return err_sys(err, ENOMEM, "fabric");
	for (size_t i = 0; i < meta->count && ret >= 0; i++) {
		const struct node_fabric *f = &meta->fabric[i];
		bool served = qemu_args_served(f->transport);

		/* The node makes nothing durable there, and has no session. */
		if (f->read_only)
			continue;
		ret = fabric_open(f->path, NULL, fabric, err);
		if (ret == 0 && !dry_run)
			fabric_note_boot(fabric);
		if (ret == 0 && served)
			ret = node_serve(virt, fabric, f->vectors, dry_run,
					 err);
		else if (ret == 0)
			ret = node_serve_flush(virt, fabric, meta->flush,
					       dry_run);
	}
	return ret < 0 ? ret : 0;
}

int node_find_file(const char *what, const char *name, char out[PATH_MAX],
		   struct err *err)
{
	struct stat st;
	int ret = paths_absolute(name, out, err);

	if (ret < 0)
		return ret;
	if (stat(out, &st) < 0)
		return err_sys(err, errno, "%s '%s'", what, name);
	if (S_ISREG(st.st_mode) || S_ISBLK(st.st_mode))
		return 0;
	return err_set(err, -EINVAL, "%s '%s' is not a file", what, name);
}

int node_find_disk(const char *name, char out[PATH_MAX], bool *qcow2,
		   struct err *err)
{
	_cleanup_close_ int fd = -1;
	char magic[4] = "";
	int ret = node_find_file("disk", name, out, err);

	if (ret < 0)
		return ret;
	fd = open(out, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return err_sys(err, errno, "disk '%s'", name);
	ret = fdio_pread(fd, magic, sizeof(magic), 0);
	/* Shorter than that, it is a raw one all the same. */
	if (ret < 0 && ret != -ENODATA)
		return err_sys(err, -ret, "disk '%s'", name);
	*qcow2 = !memcmp(magic, QCOW2_MAGIC, sizeof(magic));
	return 0;
}

struct names {
	char **name;
	size_t count;
};

static void cleanup_names(struct names *names)
{
	while (names->count > 0)
		free(names->name[--names->count]);
	free(names->name);
}
#define _cleanup_names_ __attribute__((cleanup(cleanup_names)))

static int add_name(struct names *names, const char *name, struct err *err)
{
	char **list =
		reallocarray(names->name, names->count + 1, sizeof(*list));

	if (!list)
		return err_sys(err, ENOMEM, "nodes");
	names->name = list;
	list[names->count] = strdup(name);
	if (!list[names->count])
		return err_sys(err, ENOMEM, "nodes");
	names->count++;
	return 0;
}

static int add_node(const struct virt_node *node, void *names, struct err *err)
{
	return add_name(names, node->name, err);
}

static int collect(struct virt *virt, int argc, char **argv, bool all,
		   struct names *names, struct err *err)
{
	int ret = 0;

	if (all)
		return virt_each_node(virt, add_node, names, err);
	for (int i = 0; i < argc && ret == 0; i++)
		ret = add_name(names, argv[i], err);
	return ret;
}

static int run_one(struct virt *virt, const char *name,
		   const struct node_job *job, json_t *rows, struct err *err)
{
	_cleanup_free_ struct virt_node *node = malloc(sizeof(*node));
	json_t *row = json_object();
	int ret;

	/* The array owns it. */
	json_array_append_new(rows, row);
	*err = (struct err){0};
	if (!node || !row)
		return err_sys(err, ENOMEM, "node");
	json_object_set_new(row, "name", out_json_text(name));
	ret = virt_node(virt, name, node, err);
	if (ret == 0)
		ret = job->run(virt, node, row, err);
	if (ret < 0)
		err_prefix(err, "cannot %s node '%s'", job->verb, name);
	return ret;
}

void node_tell(json_t *row, const char *action)
{
	json_object_set_new(row, "action", json_string(action));
}

/* Goes on after a failure: the first one is returned, others are printed. */
static int run_each(struct virt *virt, const struct names *names,
		    const struct node_job *job, json_t *rows, struct err *err)
{
	int first = 0;

	for (size_t i = 0; i < names->count; i++) {
		struct err now;
		int ret = run_one(virt, names->name[i], job, rows, &now);

		if (ret < 0 && first < 0)
			out_error(false, &now, 0);
		if (ret < 0 && first == 0) {
			first = ret;
			*err = now;
		}
	}
	return first;
}

int node_run_job(const struct globals *globals, int argc, char **argv,
		 const struct node_job *job, struct err *err)
{
	_cleanup_virt_ struct virt *virt = NULL;
	_cleanup_names_ struct names names = {0};
	json_t *rows;
	int ret;

	if (job->all == (argc > 0)) {
		err_set(err, -EINVAL,
			job->all ? "both nodes and --all are given"
				 : "no node is named");
		return err_hint(err, "name nodes, or say --all");
	}
	ret = virt_open(&virt, globals->connect, err);
	if (ret == 0)
		ret = collect(virt, argc, argv, job->all, &names, err);
	if (ret < 0)
		return ret;
	rows = json_array();
	ret = run_each(virt, &names, job, rows, err);
	if (ret == 0 && globals->json)
		out_table(true, NULL, json_incref(rows));
	json_decref(rows);
	return ret;
}
