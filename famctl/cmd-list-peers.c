// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
#include <errno.h>

#include "cmd.h"
#include "control.h"
#include "fabric.h"
#include "out.h"
#include "servers.h"
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

static int run(const struct globals *globals, int argc, char **argv,
	       struct err *err)
{
	_cleanup_close_ int fd = -1;
	char name[FAM_LABEL_BYTES];
	json_t *rows;
	int ret;

	if (argc > 1)
		return err_set(err, -EINVAL, "'%s' is one word too many",
			       argv[1]);
	ret = servers_name(argc ? argv[0] : FABRIC_DEFAULT_NAME, name, err);
	if (ret < 0)
		return ret;
	fd = servers_open(name, err);
	if (fd < 0)
		return fd;
	rows = json_array();
	ret = control_each_peer(fd, add_row, rows, err);
	if (ret == 0)
		out_table(globals->json, fields, json_incref(rows));
	json_decref(rows);
	return ret < 0 ? err_prefix(err, "cannot list the peers of fabric '%s'",
				    name)
		       : 0;
}

const struct command cmd_list_peers = {
	.name = "list-peers",
	.args = "[FABRIC]",
	.summary = "show who is attached to a fabric's server",
	.options = options,
	.run = run,
};
