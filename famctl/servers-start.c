// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "out.h"
#include "paths.h"
#include "run.h"
#include "servers.h"
#include "supervise.h"
#include "util/cleanup.h"
#include "util/fdio.h"
#include "util/size.h"

#define ANSWER_MS   10000
#define PROGRAM_MS  30000
#define LOOK_MS	    20
#define LOG_MAX	    MiB
#define ARGV_MAX    16
#define SYSTEMD_RUN "/run/systemd/system"

/* How a server is to be started, word by word. */
struct plan {
	const struct servers_spec *spec;
	char program[PATH_MAX];
	char socket[SERVERS_PATH_MAX], lock[SERVERS_PATH_MAX],
		log[SERVERS_PATH_MAX];
	char vectors[16], group[16];
	const char *argv[ARGV_MAX];
};

static int make_plan(const struct servers_spec *spec, struct plan *p,
		     struct err *err)
{
	const char *name = spec->fabric->name;
	size_t n = 0;
	int ret = paths_bin("tm-server", p->program, err);

	p->spec = spec;
	if (ret == 0)
		ret = servers_path_of(name, SERVERS_MODERN, p->socket, err);
	if (ret == 0)
		ret = servers_path_of(name, SERVERS_SUPERVISOR, p->lock, err);
	if (ret == 0)
		ret = servers_path_of(name, SERVERS_LOG, p->log, err);
	snprintf(p->vectors, sizeof(p->vectors), "%u",
		 spec->vectors ? spec->vectors : SERVERS_VECTORS_DEFAULT);
	snprintf(p->group, sizeof(p->group), "%u", spec->group);
	p->argv[n++] = p->program;
	p->argv[n++] = "--name";
	p->argv[n++] = name;
	p->argv[n++] = "--file";
	p->argv[n++] = spec->fabric->path;
	p->argv[n++] = "--socket";
	p->argv[n++] = p->socket;
	p->argv[n++] = "--vectors";
	p->argv[n++] = p->vectors;
	if (spec->group != (gid_t)-1) {
		p->argv[n++] = "--group";
		p->argv[n++] = p->group;
	}
	return ret;
}

/* The last line of @text that begins with @start, without that; or NULL. */
static char *last_line(char *text, const char *start)
{
	char *found = NULL, *line = text, *end;

	for (; line; line = end ? end + 1 : NULL) {
		end = strchr(line, '\n');
		if (strncmp(line, start, strlen(start)) == 0)
			found = line + strlen(start);
	}
	if (found)
		found[strcspn(found, "\n")] = '\0';
	return found;
}

/* Its exit statuses are ours, but that its usage errors are not the user's. */
static int code_of(int status)
{
	switch (status) {
	case 3:
		return -ENOENT;
	case 4:
		return -EBUSY;
	case 5:
		return -ENOTCONN;
	default:
		return -EIO;
	}
}

/* What tm-server printed when it failed becomes our error. */
static int failed(char *text, int code, struct err *err)
{
	char *hint = last_line(text, "hint: ");
	char *why = last_line(text, "tm-server: ");

	err_set(err, code, "tm-server failed%s%s", why ? ": " : "",
		why ? why : "");
	return hint ? err_hint(err, "%s", hint) : code;
}

static int check_setup(const struct plan *p, struct err *err)
{
	_cleanup_free_ struct run_result *r = malloc(sizeof(*r));
	const char *argv[ARGV_MAX + 1];
	size_t n = 0;
	int ret;

	if (!r)
		return err_sys(err, ENOMEM, "server");
	for (; n < ARGV_MAX && p->argv[n]; n++)
		argv[n] = p->argv[n];
	argv[n++] = "--check";
	argv[n] = NULL;
	ret = run_program(argv, PROGRAM_MS, r, err);
	if (ret < 0)
		return ret;
	if (r->timed_out)
		return err_set(err, -ETIMEDOUT,
			       "tm-server --check gave no answer");
	return r->status ? failed(r->output, code_of(r->status), err) : 0;
}

static int check_same(const struct servers_spec *spec,
		      const struct servers_info *info, struct err *err)
{
	const struct tm_ctl_status *s = &info->status;

	if (strcmp(s->path, spec->fabric->path) != 0) {
		err_set(err, -EBUSY,
			"the server of another fabric of this name runs: it "
			"serves '%s'",
			*s->path ? s->path : "no memory");
		return err_hint(err, "famctl stop-server %s", info->name);
	}
	if (!spec->vectors || s->vectors == spec->vectors)
		return 0;
	err_set(err, -EBUSY, "it is served with %u vector%s, not %u",
		s->vectors, s->vectors == 1 ? "" : "s", spec->vectors);
	return err_hint(err,
			"once its nodes are stopped: famctl stop-server %s",
			info->name);
}

/* Who may enter does not matter: each socket says who may use it. */
static int make_dir(struct err *err)
{
	char dir[PATH_MAX];
	int ret = servers_dir(dir, err);

	if (ret == 0 && access(dir, F_OK) < 0)
		ret = paths_mkdir(dir, geteuid() == 0 ? 0755 : 0700, err);
	return ret;
}

/* The messages of earlier servers stay, but not for ever. */
static void rotate(const char *log)
{
	char old[SERVERS_PATH_MAX + 8];
	struct stat st;

	snprintf(old, sizeof(old), "%s.old", log);
	if (stat(log, &st) == 0 && st.st_size > (off_t)LOG_MAX &&
	    rename(log, old) < 0)
		out_warn("cannot rename '%s': %s", log, strerror(errno));
}

/* What this server said before it ended. */
static int ended(const struct plan *p, off_t from, struct err *err)
{
	_cleanup_free_ char *text = NULL;
	size_t len;

	if (fdio_read_file(p->log, 2 * LOG_MAX, &text, &len) < 0 ||
	    (size_t)from > len)
		return err_set(err, -EIO, "tm-server ended at once");
	return failed(text + from, -EIO, err);
}

/* Until it answers, its supervisor ends (@report), or time is up. */
static int await(const struct plan *p, int report, struct servers_info *out,
		 struct err *err)
{
	const char *name = p->spec->fabric->name;
	struct pollfd end = {.fd = report, .events = POLLIN};
	int ret = -ETIMEDOUT;

	for (int left = ANSWER_MS; left > 0; left -= LOOK_MS) {
		ret = servers_await(name, true, 0, out, err);
		if (ret != -ETIMEDOUT)
			return ret;
		if (poll(&end, 1, LOOK_MS) > 0)
			return -ECHILD;
	}
	(void)supervise_end(p->lock, err); /* the time-out is what is told */
	err_set(err, ret, "tm-server does not answer within %d s",
		ANSWER_MS / 1000);
	return err_hint(err, "its messages are in '%s'", p->log);
}

static int supervised(const struct plan *p, int lock, struct servers_info *out,
		      struct err *err)
{
	const struct supervise_spec how = {.lock_path = p->lock,
					   .lock = lock,
					   .log = p->log,
					   .argv = p->argv};
	_cleanup_close_ int report = -1;
	struct stat st;
	off_t from;
	int ret;

	rotate(p->log);
	from = stat(p->log, &st) == 0 ? st.st_size : 0;
	report = supervise_start(&how, err);
	if (report < 0)
		return report;
	ret = await(p, report, out, err);
	return ret == -ECHILD ? ended(p, from, err) : ret;
}

/* Two commands may start a server at once: the second waits for the first. */
static int by_supervisor(const struct plan *p, struct servers_info *out,
			 struct err *err)
{
	const char *name = p->spec->fabric->name;
	_cleanup_close_ int lock = -1;
	int ret;

	for (int left = ANSWER_MS; left > 0; left -= LOOK_MS) {
		lock = supervise_lock(p->lock, err);
		if (lock != -EAGAIN)
			break;
		ret = servers_await(name, true, LOOK_MS, out, err);
		if (ret != -ETIMEDOUT)
			return ret < 0 ? ret : check_same(p->spec, out, err);
	}
	if (lock == -EAGAIN)
		return err_set(err, -ETIMEDOUT,
			       "its supervisor %d has no server that answers",
			       supervise_pid(p->lock));
	if (lock < 0)
		return lock;
	ret = check_setup(p, err);
	if (ret == 0)
		ret = supervised(p, lock, out, err);
	if (ret < 0 && !supervise_pid(p->lock))
		unlink(p->lock);
	return ret < 0 ? ret : 1;
}

/* Is there a unit for it which would serve it as it is to be served? */
static bool has_unit(const struct servers_spec *spec, const char *unit)
{
	const char *const argv[] = {"systemctl", "cat", unit, NULL};
	_cleanup_free_ struct run_result *r = malloc(sizeof(*r));
	char path[PATH_MAX];
	struct err ignored;

	snprintf(path, sizeof(path), FABRIC_DIR_SYSTEM "/%s" FABRIC_SUFFIX,
		 spec->fabric->name);
	return r && geteuid() == 0 && access(SYSTEMD_RUN, F_OK) == 0 &&
	       strcmp(path, spec->fabric->path) == 0 &&
	       run_program(argv, PROGRAM_MS, r, &ignored) == 0 && !r->status;
}

/*
 * The unit reads NAME.env beside the sockets, so that it serves with what was
 * asked for here.
 */
static int write_environment(const struct plan *p, struct err *err)
{
	_cleanup_fclose_ FILE *f = NULL;
	char path[PATH_MAX];

	snprintf(path, sizeof(path), SERVERS_DIR_SYSTEM "/%s.env",
		 p->spec->fabric->name);
	f = fopen(path, "we");
	if (!f)
		return err_sys(err, errno, "cannot write '%s'", path);
	fprintf(f, "TM_SERVER_OPTIONS=--vectors %s%s%s\n", p->vectors,
		p->spec->group != (gid_t)-1 ? " --group " : "",
		p->spec->group != (gid_t)-1 ? p->group : "");
	if (fflush(f) != 0 || ferror(f))
		return err_sys(err, errno, "cannot write '%s'", path);
	return 0;
}

static int by_unit(const struct plan *p, const char *unit,
		   struct servers_info *out, struct err *err)
{
	const char *const argv[] = {"systemctl", "start", unit, NULL};
	_cleanup_free_ struct run_result *r = malloc(sizeof(*r));
	int ret;

	if (!r)
		return err_sys(err, ENOMEM, "server");
	ret = write_environment(p, err);
	if (ret == 0)
		ret = run_program(argv, PROGRAM_MS, r, err);
	if (ret == 0 && (r->status || r->timed_out))
		ret = err_set(err, -EIO, "systemd cannot start '%s'", unit);
	if (ret == 0)
		ret = servers_await(p->spec->fabric->name, true, ANSWER_MS, out,
				    err);
	if (ret == 0)
		ret = check_same(p->spec, out, err);
	if (ret < 0)
		return err_hint(err, "systemctl status %s", unit);
	return 1;
}

int servers_start(const struct servers_spec *spec, struct servers_info *out,
		  struct err *err)
{
	_cleanup_free_ struct plan *p = calloc(1, sizeof(*p));
	char unit[FAM_LABEL_BYTES + 32];
	int ret;

	if (!p)
		return err_sys(err, ENOMEM, "server");
	ret = make_plan(spec, p, err);
	if (ret == 0)
		ret = servers_look(spec->fabric->name, out, err);
	if (ret < 0)
		return ret;
	if (out->state == SERVERS_RUNNING)
		return check_same(spec, out, err);
	if (out->state == SERVERS_SILENT)
		return err_set(err, -ENOTCONN, "the server at '%s': %s",
			       out->socket, out->problem);
	ret = make_dir(err);
	if (ret < 0)
		return ret;
	if (spec->dry_run) {
		ret = check_setup(p, err);
		return ret < 0 ? ret : 1;
	}
	snprintf(unit, sizeof(unit), "tm-server@%s.service",
		 spec->fabric->name);
	return has_unit(spec, unit) ? by_unit(p, unit, out, err)
				    : by_supervisor(p, out, err);
}
