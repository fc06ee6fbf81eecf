// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "cmd.h"
#include "control.h"
#include "fabric.h"
#include "out.h"
#include "servers.h"
#include "sessions.h"
#include "util/cleanup.h"

#define NS_PER_SECOND 1000000000LL

static const struct opt options[] = {{0}};

static const struct out_field fields[] = {{"id", "ID", OUT_TEXT},
					  {"name", "NAME", OUT_TEXT},
					  {"kind", "KIND", OUT_TEXT},
					  {"state", "STATE", OUT_TEXT},
					  {"vectors", "VECTORS", OUT_TEXT},
					  {"pid", "PID", OUT_TEXT},
					  {"uid", "UID", OUT_TEXT},
					  {"queue", "QUEUE", OUT_TEXT},
					  {"commits", "COMMITS", OUT_TEXT},
					  {"bytes", "BYTES", OUT_SIZE},
					  {"faults", "FAULTS", OUT_TEXT},
					  {"joined", "JOINED", OUT_TIME},
					  {0}};

/* Of the programs that have a session, with a peer's or by themselves. */
static const struct out_field session_fields[] = {
	{"peer", "PEER", OUT_TEXT},	  {"node", "NODE", OUT_TEXT},
	{"program", "PROGRAM", OUT_TEXT}, {"pid", "PID", OUT_TEXT},
	{"lease_ms", "LEASE", OUT_LEASE}, {"state", "STATE", OUT_TEXT},
	{"joined", "JOINED", OUT_TIME},	  {0}};

struct listing {
	json_t *peers;		   /* NULL: there is no server to ask */
	struct sessions *sessions; /* NULL: they cannot be read */
};

static void cleanup_listing(struct listing *l)
{
	json_decref(l->peers);
	free(l->sessions);
}
#define _cleanup_listing_ __attribute__((cleanup(cleanup_listing)))

static const char *kind_word(const struct tm_ctl_peer *peer)
{
	static const char *const dialects[] = {"doorbell", "legacy", "host"};

	if (peer->state == TM_CTL_SERVER)
		return "server";
	return peer->dialect < 3 ? dialects[peer->dialect] : "unknown";
}

static const char *state_word(const struct tm_ctl_peer *peer)
{
	static const char *const states[] = {"absent", "joining", "ready",
					     "behind", "ready"};

	return peer->state < 5 ? states[peer->state] : "unknown";
}

/* What only somebody who is there has. */
static void add_present(json_t *row, const struct tm_ctl_peer *peer)
{
	json_object_set_new(row, "pid", json_integer(peer->pid));
	json_object_set_new(row, "queue",
			    json_integer((json_int_t)peer->queue));
	json_object_set_new(row, "sent", json_integer((json_int_t)peer->sent));
	json_object_set_new(
		row, "joined",
		json_integer((json_int_t)peer->joined * NS_PER_SECOND));
}

/* What its programs asked of the flush service, as far as they gave its ID. */
static void add_flush(json_t *row, const struct tm_ctl_peer *peer)
{
	json_object_set_new(row, "commits",
			    json_integer((json_int_t)peer->commits));
	json_object_set_new(row, "bytes",
			    json_integer((json_int_t)peer->bytes));
	json_object_set_new(row, "faults",
			    json_integer((json_int_t)peer->faults));
}

static int add_row(const struct tm_ctl_peer *peer, void *rows, struct err *err)
{
	bool absent = peer->state == TM_CTL_ABSENT;
	bool server = peer->state == TM_CTL_SERVER;
	json_t *row =
		json_pack("{s:i,s:s,s:i}", "id", (int)peer->id, "state",
			  state_word(peer), "vectors", (int)peer->vectors);

	(void)err;
	if (*peer->name)
		json_object_set_new(row, "name", out_json_text(peer->name));
	if (*peer->uuid)
		json_object_set_new(row, "uuid", out_json_text(peer->uuid));
	if (!absent)
		json_object_set_new(row, "kind", json_string(kind_word(peer)));
	if (!absent && !server) {
		json_object_set_new(row, "uid", json_integer(peer->uid));
		json_object_set_new(row, "gid", json_integer(peer->gid));
		add_present(row, peer);
	}
	if (!server)
		add_flush(row, peer);
	json_array_append_new(rows, row);
	return 0;
}

static const char *session_state(const struct sessions_one *one)
{
	static const char *const states[] = {"live", "silent", "dead",
					     "joining"};

	return states[one->state];
}

static json_t *session_json(const struct sessions_one *one)
{
	const struct fam_sessions_copy *said = &one->said;
	json_t *json = json_object();
	char id[24];

	snprintf(id, sizeof(id), "%016" PRIx64, one->id);
	json_object_set_new(json, "id", json_string(id));
	json_object_set_new(json, "peer", json_integer(one->peer));
	json_object_set_new(json, "node", out_json_text(said->node_name));
	json_object_set_new(json, "program", out_json_text(said->name));
	json_object_set_new(json, "pid", json_integer(said->pid));
	json_object_set_new(json, "lease_ms", json_integer(said->lease_ms));
	json_object_set_new(json, "state", json_string(session_state(one)));
	if (said->joined_ns <= INT64_MAX)
		json_object_set_new(json, "joined",
				    json_integer((json_int_t)said->joined_ns));
	json_object_set_new(
		json, "interrupts",
		json_boolean(said->flags & FAM_SESSIONS_INTERRUPTS));
	json_object_set_new(json, "host",
			    json_boolean(said->flags & FAM_SESSIONS_HOST));
	return json;
}

/* One that no peer of the server's has: a peer of its own. */
static json_t *program_json(const struct sessions_one *one)
{
	return json_pack("{s:i,s:s,s:s,s:o,s:[o]}", "id", (int)one->peer,
			 "kind", "program", "state", session_state(one), "name",
			 out_json_text(one->said.name), "sessions",
			 session_json(one));
}

static json_t *find_peer(json_t *peers, uint32_t id)
{
	json_t *peer;
	size_t i;

	json_array_foreach(peers, i,
			   peer) if (id &&
				     json_integer_value(json_object_get(
					     peer, "id")) == id) return peer;
	return NULL;
}

/* Every peer but the server has an array of them, of none if there are none. */
static void add_sessions(json_t *peers, const struct sessions *sessions)
{
	json_t *peer;
	size_t i;

	json_array_foreach(
		peers, i,
		peer) if (json_integer_value(json_object_get(peer, "id")))
		json_object_set_new(peer, "sessions", json_array());
	for (i = 0; i < sessions->count; i++) {
		const struct sessions_one *one = &sessions->one[i];

		peer = find_peer(peers, one->from_server);
		if (peer)
			json_array_append_new(json_object_get(peer, "sessions"),
					      session_json(one));
		else
			json_array_append_new(peers, program_json(one));
	}
}

static void print_json(const struct listing *l)
{
	json_t *rows = l->peers ? json_incref(l->peers) : json_array();

	if (l->sessions)
		add_sessions(rows, l->sessions);
	out_table(true, fields, rows);
}

static void print_tables(const struct listing *l)
{
	json_t *rows = json_array();

	if (l->peers)
		out_table(false, fields, json_incref(l->peers));
	if (l->peers && l->sessions && l->sessions->count)
		putchar('\n');
	for (size_t i = 0; l->sessions && i < l->sessions->count; i++)
		json_array_append_new(rows, session_json(&l->sessions->one[i]));
	if (!l->peers || json_array_size(rows))
		out_table(false, session_fields, json_incref(rows));
	json_decref(rows);
}

/* The peers alone are worth telling. */
static void read_served(const char *name, const char *path,
			struct sessions **out)
{
	struct fabric fabric;
	struct err err;
	int ret = fabric_probe(path, &fabric, &err);

	if (ret == 0)
		ret = sessions_read(&fabric, out, &err);
	if (ret < 0 && ret != -EOPNOTSUPP)
		out_warn("the sessions of fabric '%s' cannot be shown: %s",
			 name, err.text);
}

static int ask_server(int fd, const char *name, struct listing *l,
		      struct err *err)
{
	struct tm_ctl_status status = {0};
	int ret;

	l->peers = json_array();
	ret = control_each_peer(fd, add_row, l->peers, err);
	if (ret == 0)
		ret = control_status(fd, &status, err);
	if (ret < 0)
		return err_prefix(err, "cannot list the peers of fabric '%s'",
				  name);
	if (*status.path)
		read_served(name, status.path, &l->sessions);
	return 0;
}

static bool is_served(const char *name, struct servers_info *info)
{
	struct err ignored;

	return servers_look(name, info, &ignored) < 0 ||
	       info->state == SERVERS_RUNNING || info->state == SERVERS_SILENT;
}

/* @err: what stands in the way of asking the server; it stays if all does */
static int read_unserved(const char *operand, const char *name,
			 struct listing *l, struct err *err)
{
	struct servers_info info;
	struct fabric fabric;
	struct err why;
	int ret;

	if (err->code != -ENOTCONN || is_served(name, &info))
		return err->code;
	ret = fabric_open(operand, NULL, &fabric, &why);
	if (ret == 0)
		ret = sessions_read(&fabric, &l->sessions, &why);
	/* To start a server would not help. One that was killed had the file. */
	if (ret == -EACCES || (ret == -ENOENT && info.state == SERVERS_NONE))
		*err = why;
	if (ret < 0)
		return err->code;
	out_note("no server runs for fabric '%s': these are its sessions",
		 name);
	return 0;
}

static int run(const struct globals *globals, int argc, char **argv,
	       struct err *err)
{
	const char *operand = argc ? argv[0] : FABRIC_DEFAULT_NAME;
	_cleanup_listing_ struct listing l = {0};
	_cleanup_close_ int fd = -1;
	char name[FAM_LABEL_BYTES];
	int ret;

	if (argc > 1)
		return err_set(err, -EINVAL, "'%s' is one word too many",
			       argv[1]);
	ret = servers_name(operand, name, err);
	if (ret < 0)
		return ret;
	fd = servers_open(name, err);
	ret = fd < 0 ? read_unserved(operand, name, &l, err)
		     : ask_server(fd, name, &l, err);
	if (ret < 0)
		return ret;
	if (globals->json)
		print_json(&l);
	else
		print_tables(&l);
	return 0;
}

const struct command cmd_list_peers = {
	.name = "list-peers",
	.args = "[FABRIC]",
	.summary = "show who is attached to a fabric",
	.options = options,
	.run = run,
};
