// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
#include <errno.h>
#include <string.h>

#include "cmd.h"
#include "control.h"
#include "fabric-mark.h"
#include "fabric-rewrite.h"
#include "fabric.h"
#include "out.h"
#include "servers.h"
#include "util/cleanup.h"
#include "util/size.h"

#define NS_PER_SECOND UINT64_C(1000000000)

static const char *dir;

static const struct opt options[] = {
	{"dir", 'd', OPT_STRING, "DIR", "look for FABRIC in DIR only", &dir},
	{0}};

/* Who is to be asked: there is one mark, but a server has it in mind, too. */
struct marked {
	struct fabric fabric;
	struct fabric_mark mark;
	int server; /* its control socket, or -1: there is none */
	uint64_t rewritten;
	int fd; /* of fabric_rewrite(), or negative: there was none */
};

/* What the next server would go by, whatever stands in the file. */
static int left_behind(const struct marked *m, const char *how, struct err *err)
{
	err_set(err, -ENOTCONN,
		"its server was %s, and the next one will go by what it left",
		how);
	return err_hint(err, "famctl start-server %s, then again",
			m->fabric.path);
}

/* A server that may be there, and may have a mark, must not be passed over. */
static int find_server(struct marked *m, struct err *err)
{
	struct servers_info info;
	struct err no_place;

	if (servers_look(m->fabric.name, &info, &no_place) < 0)
		return 0;
	switch (info.state) {
	case SERVERS_RUNNING:
		/* Of another fabric of this name; ours has none. */
		if (strcmp(info.status.path, m->fabric.path) != 0)
			return 0;
		m->server = servers_open(info.name, err);
		return m->server < 0 ? m->server : 0;
	case SERVERS_STALE:
		return left_behind(m, "killed", err);
	case SERVERS_NONE:
		return servers_left_mark(info.name)
			       ? left_behind(m, "stopped", err)
			       : 0;
	case SERVERS_RESTARTING:
		err_set(err, -ENOTCONN, "its server is being started again");
		return err_hint(err, "try again in a moment");
	case SERVERS_SILENT:
		return err_set(err, -ENOTCONN, "its server: %s", info.problem);
	default:
		return 0;
	}
}

static int find_mark(struct marked *m, struct err *err)
{
	struct tm_ctl_flush f;
	int ret = fabric_mark_read(&m->fabric, &m->mark, err);

	if (ret < 0 || m->server < 0)
		return ret;
	ret = control_flush(m->server, &f, err);
	if (ret == 0 && f.error && f.error != -EOPNOTSUPP)
		m->mark = (struct fabric_mark){f.error, (uint64_t)f.failed_at *
								NS_PER_SECOND};
	return ret;
}

static int take_away(const struct marked *m, struct err *err)
{
	struct tm_ctl_flush f;
	int ret;

	if (m->server < 0)
		return fabric_mark_clear(&m->fabric, err);
	ret = control_clear(m->server, &f, err);
	if (ret == 0 && f.error)
		ret = err_set(err, -EIO, "the server still refuses: %s",
			      fabric_mark_text(f.error));
	return ret;
}

/*
 * Under the mark, so that nothing succeeds before all of it is on the disk: who
 * persists a page afterwards that the kernel took for written must be right.
 */
static int write_again(struct marked *m, struct err *err)
{
	int ret = m->fabric.in_memory
			  ? 0
			  : fabric_rewrite(&m->fabric, &m->rewritten, &m->fd,
					   err);

	if (!fabric_mark_is_due(ret))
		return ret;
	err->hint[0] = '\0';
	err_prefix(err, "the disk still fails, so the mark stays");
	return err_hint(err, "the kernel's messages tell more: dmesg");
}

/* Not before it is taken away: a failure may come until then. */
static int check_again(const struct marked *m, struct err *err)
{
	int ret = m->fd < 0 ? 0 : fabric_rewrite_check(m->fd, err);
	struct err why;

	if (ret == 0)
		return 0;
	if (fabric_mark_set(&m->fabric, -EIO, &why) < 0)
		out_warn("it could not be marked again: %s", why.text);
	return err_hint(err, "the kernel's messages tell more: dmesg");
}

static json_t *result(const struct marked *m, bool cleared)
{
	json_t *object = json_object();
	char word[16];

	json_object_set_new(object, "name", out_json_text(m->fabric.name));
	json_object_set_new(object, "path", out_json_text(m->fabric.path));
	json_object_set_new(object, "cleared", json_boolean(cleared));
	if (!m->mark.error)
		return object;
	json_object_set_new(object, "rewritten_bytes",
			    json_integer((json_int_t)m->rewritten));
	json_object_set_new(object, "failed",
			    json_string(fabric_mark_word(m->mark.error, word)));
	if (m->mark.at_ns)
		json_object_set_new(object, "failed_at",
				    json_integer((json_int_t)m->mark.at_ns));
	return object;
}

static void tell(const struct globals *globals, const struct marked *m)
{
	const char *name = m->fabric.name;
	char size[SIZE_TEXT_MAX];
	bool cleared = m->mark.error && !globals->dry_run;

	if (!m->mark.error) {
		out_note("fabric '%s' has no mark of a failed write-back",
			 name);
	} else if (!cleared) {
		out_note("the mark of fabric '%s' would be cleared: %s", name,
			 fabric_mark_text(m->mark.error));
	} else {
		out_note("the mark of fabric '%s' is cleared: %s", name,
			 fabric_mark_text(m->mark.error));
		out_note("what of it was in memory, %s, is on the disk now; "
			 "stores that are not in memory any more may be lost: "
			 "check the data",
			 size_format(m->rewritten, size));
	}
	if (globals->json)
		out_object(true, NULL, result(m, cleared));
}

static int clear(const struct globals *globals, struct marked *m,
		 struct err *err)
{
	int ret = find_server(m, err);

	if (ret == 0)
		ret = find_mark(m, err);
	if (ret < 0 || !m->mark.error || globals->dry_run)
		return ret;
	ret = write_again(m, err);
	if (ret == 0)
		ret = take_away(m, err);
	return ret == 0 ? check_again(m, err) : ret;
}

static int run(const struct globals *globals, int argc, char **argv,
	       struct err *err)
{
	struct marked m = {.server = -1, .fd = -1};
	int ret;

	if (argc > 1)
		return err_set(err, -EINVAL, "'%s' is one word too many",
			       argv[1]);
	ret = fabric_open(argc ? argv[0] : FABRIC_DEFAULT_NAME, dir, &m.fabric,
			  err);
	if (ret < 0)
		return ret;
	ret = clear(globals, &m, err);
	if (m.server >= 0)
		close(m.server);
	if (m.fd >= 0)
		close(m.fd);
	if (ret < 0)
		return err_prefix(err, "cannot clear the errors of fabric '%s'",
				  m.fabric.name);
	tell(globals, &m);
	return 0;
}

const struct command cmd_clear_errors = {
	.name = "clear-errors",
	.args = "[FABRIC]",
	.summary = "use a fabric again after its disk failed",
	.options = options,
	.run = run,
};
