// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
#include <errno.h>

#include "cmd.h"
#include "out.h"
#include "servers.h"

#define NS_PER_SECOND 1000000000LL

static const struct opt options[] = {{0}};

static const struct out_field fields[] = {
	{"name", "FABRIC", OUT_TEXT},	  {"state", "STATE", OUT_TEXT},
	{"pid", "PID", OUT_TEXT},	  {"peers", "PEERS", OUT_TEXT},
	{"vectors", "VECTORS", OUT_TEXT}, {"started", "UPTIME", OUT_AGE},
	{"socket", "SOCKET", OUT_TEXT},	  {0}};

static const char *state_word(enum servers_state state)
{
	switch (state) {
	case SERVERS_RUNNING:
		return "running";
	case SERVERS_STALE:
		return "stale";
	case SERVERS_RESTARTING:
		return "restarting";
	case SERVERS_SILENT:
		return "silent";
	case SERVERS_NONE:
		break;
	}
	return "gone";
}

static json_t *rings(const struct tm_ctl_status *status)
{
	json_t *list = json_array();

	for (uint32_t v = 0; v < status->vectors; v++)
		json_array_append_new(
			list, json_integer((json_int_t)status->rings[v]));
	return list;
}

static void add_status(json_t *row, const struct tm_ctl_status *s)
{
	json_t *more = json_pack(
		"{s:i,s:I,s:I,s:I,s:I,s:I,s:o,s:o,s:I,s:I,s:I,s:I,s:o}", "pid",
		(int)s->pid, "peers", (json_int_t)s->attached, "vectors",
		(json_int_t)s->vectors, "started",
		(json_int_t)s->started * NS_PER_SECOND, "size",
		(json_int_t)s->size, "next_id", (json_int_t)s->next_id, "path",
		*s->path ? out_json_text(s->path) : json_null(), "release",
		out_json_text(s->release), "lives", (json_int_t)s->lives,
		"accepted", (json_int_t)s->accepted, "refused",
		(json_int_t)s->refused, "dropped", (json_int_t)s->dropped,
		"rings", rings(s));

	json_object_update(row, more);
	json_decref(more);
}

static int add_row(const struct servers_info *info, void *rows, struct err *err)
{
	json_t *row = json_pack("{s:s,s:s,s:o}", "name", info->name, "state",
				state_word(info->state), "socket",
				out_json_text(info->socket));

	(void)err;
	if (info->supervisor)
		json_object_set_new(row, "supervisor",
				    json_integer(info->supervisor));
	if (info->state == SERVERS_RUNNING)
		add_status(row, &info->status);
	if (info->state == SERVERS_SILENT) {
		json_object_set_new(row, "problem",
				    out_json_text(info->problem));
		out_warn("server '%s': %s", info->name, info->problem);
	}
	json_array_append_new(rows, row);
	return 0;
}

static int run(const struct globals *globals, int argc, char **argv,
	       struct err *err)
{
	json_t *rows;
	int ret;

	if (argc > 0)
		return err_set(err, -EINVAL, "'%s' is one word too many",
			       argv[0]);
	rows = json_array();
	ret = servers_each(add_row, rows, err);
	if (ret < 0)
		json_decref(rows);
	else
		out_table(globals->json, fields, rows);
	return ret;
}

const struct command cmd_list_servers = {
	.name = "list-servers",
	.args = "",
	.summary = "show the servers and how many peers they have",
	.options = options,
	.run = run,
};
