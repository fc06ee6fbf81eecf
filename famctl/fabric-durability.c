// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "control.h"
#include "fabric-durability.h"
#include "fabric-mark.h"
#include "util/cleanup.h"

#define NS_PER_SECOND 1000000000LL

static void add_text(json_t *object, const char *key, const char *text)
{
	json_object_set_new(object, key, out_json_text(text));
}

static void add_number(json_t *object, const char *key, uint64_t number)
{
	/* JSON integers are signed here; no true count is as large. */
	json_object_set_new(object, key,
			    json_integer((json_int_t)(number & INT64_MAX)));
}

bool fabric_committed(const struct fabric *fabric)
{
	return fabric_has_mailbox(fabric) && !fabric->in_memory &&
	       fabric->sb.durability == FAM_DURABILITY_HOST;
}

/* On persistent memory, what the processor has written back is durable. */
static bool is_dax(const struct fabric *fabric)
{
	struct statx st;

	return statx(AT_FDCWD, fabric->path, AT_SYMLINK_NOFOLLOW, 0, &st) ==
		       0 &&
	       (st.stx_attributes & STATX_ATTR_DAX);
}

/* In the words of fam_info(3), for nodes and for programs of the host. */
static void add_ways(json_t *object, const struct fabric *fabric)
{
	json_t *ways = json_array();
	bool guest = fabric->formatted &&
		     fabric->sb.durability == FAM_DURABILITY_GUEST;

	if (guest)
		json_array_append_new(ways, json_string("drain"));
	if (!guest && fabric_committed(fabric))
		json_array_append_new(ways, json_string("mailbox"));
	if (!guest && fabric->formatted && !fabric->in_memory)
		json_array_append_new(ways, json_string("window"));
	if (!guest && !fabric->in_memory)
		json_array_append_new(
			ways, json_string(is_dax(fabric) ? "dax" : "host"));
	json_object_set_new(object, "ways", ways);
}

/* What the counters say; the times of a round are told once there was one. */
static void add_counts(json_t *object, const struct tm_ctl_flush *f)
{
	add_number(object, "commits", f->commits);
	add_number(object, "commit_bytes", f->bytes);
	add_number(object, "commit_errors", f->errors);
	add_number(object, "commit_faults", f->faults);
	add_number(object, "clients", f->clients);
	add_number(object, "waiting", f->waiting);
	add_number(object, "lag_us", f->lag_us);
	add_number(object, "syncs", f->syncs);
	add_number(object, "syncs_ranged", f->ranged);
	if (!f->syncs)
		return;
	json_object_set_new(object, "commits_per_sync",
			    json_real((double)f->commits / (double)f->syncs));
	add_number(object, "sync_last_us", f->last_us);
	add_number(object, "sync_mean_us", f->total_us / f->syncs);
	add_number(object, "sync_max_us", f->max_us);
}

static void say(json_t *object, const char *state, const char *text)
{
	add_text(object, "flush_service", state);
	add_text(object, "flush_text", text);
}

static void add_service(json_t *object, const struct tm_ctl_flush *f)
{
	char text[128];

	if (f->serves)
		add_counts(object, f);
	if (f->error) {
		snprintf(text, sizeof(text), "refuses: %s",
			 f->error == -EOPNOTSUPP
				 ? "there is nothing to make durable here"
				 : fabric_mark_text(f->error));
		say(object, "refusing", text);
		return;
	}
	add_text(object, "notified", f->polls ? "polls" : "rung");
	say(object, "serving",
	    f->polls ? "serves; it polls, as a client cannot ring it"
		     : "serves; it is rung");
}

static void add_mark(json_t *object, const struct fabric_mark *mark)
{
	char text[256], word[16];

	if (!mark->error)
		return;
	add_text(object, "failed", fabric_mark_word(mark->error, word));
	if (mark->at_ns)
		add_number(object, "failed_at", mark->at_ns);
	snprintf(text, sizeof(text),
		 "%s: nothing becomes durable before famctl clear-errors",
		 fabric_mark_text(mark->error));
	add_text(object, "failed_text", text);
}

/* Of the server, which remembers it even if a node has wiped the file's. */
static int ask_service(const char *name, json_t *object,
		       struct fabric_mark *mark, struct err *err)
{
	_cleanup_close_ int fd = servers_open(name, err);
	struct tm_ctl_flush f;
	int ret = fd < 0 ? fd : control_flush(fd, &f, err);

	if (ret < 0)
		return ret;
	add_service(object, &f);
	if (f.error && f.error != -EOPNOTSUPP)
		*mark = (struct fabric_mark){f.error, (uint64_t)f.failed_at *
							      NS_PER_SECOND};
	return 0;
}

static void read_mark(const struct fabric *fabric, struct fabric_mark *mark)
{
	struct err err;

	if (fabric_mark_read(fabric, mark, &err) < 0)
		out_warn("whether a write-back failed cannot be found out: %s",
			 err.text);
}

static void add_unknown(json_t *object, const char *why)
{
	char text[1100];

	snprintf(text, sizeof(text), "unknown: %s", why);
	say(object, "unknown", text);
}

/* Who looks sees his own servers only, and those at their usual places. */
static void add_none(json_t *object, const struct fabric *fabric,
		     const struct servers_info *server)
{
	if (server->state != SERVERS_STALE &&
	    !json_is_false(json_object_get(object, "in_use")) &&
	    fabric_has_epoch(fabric))
		add_unknown(object,
			    "a server that famctl did not start for this "
			    "user serves it, or was killed");
	else
		say(object, "none",
		    "none: no server runs, so fam_persist fails in nodes, but "
		    "for those with a flush window");
}

static void add_server(json_t *object, const struct fabric *fabric,
		       const struct servers_info *server,
		       struct fabric_mark *mark)
{
	struct err err;

	switch (server->state) {
	case SERVERS_RUNNING:
		if (ask_service(server->name, object, mark, &err) < 0)
			add_unknown(object, err.text);
		break;
	case SERVERS_SILENT:
		add_unknown(object, server->problem);
		break;
	case SERVERS_RESTARTING:
		say(object, "none", "none: its server is being started again");
		break;
	default:
		add_none(object, fabric, server);
	}
}

void fabric_durability_json(const struct fabric *fabric,
			    const struct servers_info *server, json_t *object)
{
	struct fabric_mark mark = {0};

	add_ways(object, fabric);
	read_mark(fabric, &mark);
	if (fabric_committed(fabric))
		add_server(object, fabric, server, &mark);
	add_mark(object, &mark);
}
