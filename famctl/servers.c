// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "control.h"
#include "servers.h"
#include "supervise.h"
#include "util/cleanup.h"
#include "util/clock.h"
#include "util/fdio.h"

#define SOCKET	  ".sock"
#define LOOK_MS	  20
#define LOOKS	  10 /* at one that hangs up */
#define STOP_MS	  10000
#define STATE_MAX (16 * 1024 * 1024) /* as the server reads */

int servers_dir(char out[PATH_MAX], struct err *err)
{
	const char *run = getenv("XDG_RUNTIME_DIR");

	if (geteuid() == 0) {
		snprintf(out, PATH_MAX, SERVERS_DIR_SYSTEM);
		return 0;
	}
	if (!run || run[0] != '/')
		return err_set(err, -ENOENT,
			       "there is no runtime directory for sockets: "
			       "XDG_RUNTIME_DIR is not set");
	if (snprintf(out, PATH_MAX, "%s/fam", run) >= PATH_MAX)
		return err_set(err, -ENAMETOOLONG,
			       "the path of the runtime directory is too long");
	return 0;
}

int servers_path(const char *dir, const char *name, const char *suffix,
		 char out[SERVERS_PATH_MAX], struct err *err)
{
	if (fam_label_check(name) < 0) {
		err_set(err, -EINVAL,
			"'%.100s' cannot be the name of a server's socket",
			name);
		return err_hint(err,
				"use letters, digits, '.', '_' and '-' for "
				"the name of the fabric's file");
	}
	/* The longest suffix must fit too, or it fails half way. */
	if (strlen(dir) + 1 + strlen(name) + strlen(SOCKET) +
		    strlen(SERVERS_SUPERVISOR) >=
	    SERVERS_PATH_MAX)
		return err_set(err, -EINVAL,
			       "the path of a server's socket would be too "
			       "long: '%s/%s'",
			       dir, name);
	snprintf(out, SERVERS_PATH_MAX, "%s/%s" SOCKET "%s", dir, name, suffix);
	return 0;
}

int servers_path_of(const char *name, const char *suffix,
		    char out[SERVERS_PATH_MAX], struct err *err)
{
	char dir[PATH_MAX];
	int ret = servers_dir(dir, err);

	return ret < 0 ? ret : servers_path(dir, name, suffix, out, err);
}

int servers_name(const char *operand, char out[FAM_LABEL_BYTES],
		 struct err *err)
{
	_cleanup_free_ struct fabric *fabric = malloc(sizeof(*fabric));
	struct err why;
	int ret;

	if (!fabric)
		return err_sys(err, ENOMEM, "fabric");
	ret = fabric_open(operand, NULL, fabric, &why);
	if (ret < 0 && strchr(operand, '/')) {
		*err = why;
		return ret;
	}
	if (ret < 0 && fabric_check_name(operand, err) < 0)
		return err->code;
	snprintf(out, FAM_LABEL_BYTES, "%s", ret < 0 ? operand : fabric->name);
	return 0;
}

/* One which we may not ask is as good as silent. */
static void cannot_ask(struct servers_info *out, const char *why)
{
	out->state = SERVERS_SILENT;
	snprintf(out->problem, sizeof(out->problem), "%.255s", why);
}

/* Returns true if the server hung up instead of answering: most likely it ends. */
static bool ask(struct servers_info *out, int fd)
{
	struct pollfd end = {.fd = fd};
	struct err why;

	if (control_status(fd, &out->status, &why) == 0) {
		out->state = SERVERS_RUNNING;
		return false;
	}
	cannot_ask(out, why.text);
	return poll(&end, 1, 0) > 0 && end.revents & POLLHUP;
}

/* Returns true if another look may tell more. */
static bool look(const char *control, struct servers_info *out)
{
	_cleanup_close_ int fd = control_connect(control);

	out->state = SERVERS_NONE;
	if (fd >= 0)
		return ask(out, fd);
	if (fd == -ECONNREFUSED)
		out->state = SERVERS_STALE;
	else if (fd != -ENOENT)
		cannot_ask(out, strerror(-fd));
	if (out->supervisor && (fd == -ECONNREFUSED || fd == -ENOENT))
		out->state = SERVERS_RESTARTING;
	return false;
}

int servers_look(const char *name, struct servers_info *out, struct err *err)
{
	char path[SERVERS_PATH_MAX];
	const struct timespec pause = {.tv_nsec = LOOK_MS * 1000000L};
	int ret;

	*out = (struct servers_info){.state = SERVERS_NONE};
	snprintf(out->name, sizeof(out->name), "%s", name);
	ret = servers_path_of(name, SERVERS_MODERN, out->socket, err);
	if (ret == 0)
		ret = servers_path_of(name, SERVERS_SUPERVISOR, path, err);
	if (ret < 0)
		return ret;
	out->supervisor = supervise_pid(path);
	(void)servers_path_of(name, SERVERS_CONTROL, path, err); /* as above */
	for (int tries = 0; look(path, out) && tries < LOOKS; tries++)
		nanosleep(&pause, NULL);
	return 0;
}

bool servers_left_mark(const char *name)
{
	_cleanup_free_ char *text = NULL;
	char path[SERVERS_PATH_MAX];
	struct err ignored;
	size_t len;

	return servers_path_of(name, SERVERS_STATE, path, &ignored) == 0 &&
	       fdio_read_file(path, STATE_MAX, &text, &len) == 0 &&
	       strstr(text, "\nfailed ");
}

int servers_open(const char *name, struct err *err)
{
	char path[SERVERS_PATH_MAX];
	int ret = servers_path_of(name, SERVERS_CONTROL, path, err);

	if (ret < 0)
		return ret;
	ret = control_connect(path);
	if (ret >= 0)
		return ret;
	if (ret == -ENOENT || ret == -ECONNREFUSED) {
		err_set(err, -ENOTCONN, "no server runs for fabric '%s'", name);
		return err_hint(err, "famctl start-server %s", name);
	}
	err_sys(err, -ret, "the server at '%s' cannot be asked", path);
	err->code = -ENOTCONN;
	return ret == -EACCES ? err_hint(err, "run it as the server's user")
			      : err->code;
}

struct listing {
	char **name;
	size_t count;
};

static void cleanup_listing(struct listing *list)
{
	while (list->count > 0)
		free(list->name[--list->count]);
	free(list->name);
}
#define _cleanup_listing_ __attribute__((cleanup(cleanup_listing)))

/* NAME of "NAME.sockSUFFIX"; false if @file is not one. */
static bool name_of(const char *file, const char *suffix,
		    char out[FAM_LABEL_BYTES])
{
	char end[32];
	size_t len = strlen(file), end_len;

	end_len = (size_t)snprintf(end, sizeof(end), SOCKET "%s", suffix);
	if (len <= end_len || len - end_len >= FAM_LABEL_BYTES ||
	    strcmp(file + len - end_len, end) != 0)
		return false;
	snprintf(out, FAM_LABEL_BYTES, "%.*s", (int)(len - end_len), file);
	return fam_label_check(out) == 0;
}

static bool listed(const struct listing *list, const char *name)
{
	for (size_t i = 0; i < list->count; i++) {
		if (strcmp(list->name[i], name) == 0)
			return true;
	}
	return false;
}

static int add_file(struct listing *list, const char *file, struct err *err)
{
	char name[FAM_LABEL_BYTES];
	char **more;

	/* While a server is being restarted there may be no socket. */
	if ((!name_of(file, SERVERS_CONTROL, name) &&
	     !name_of(file, SERVERS_SUPERVISOR, name)) ||
	    listed(list, name))
		return 0;
	more = reallocarray(list->name, list->count + 1, sizeof(*more));
	if (!more)
		return err_sys(err, ENOMEM, "servers");
	list->name = more;
	more[list->count] = strdup(name);
	if (!more[list->count])
		return err_sys(err, ENOMEM, "servers");
	list->count++;
	return 0;
}

static int read_listing(struct listing *list, struct err *err)
{
	char dir[PATH_MAX];
	const struct dirent *entry;
	DIR *d;
	int ret = servers_dir(dir, err);

	if (ret < 0)
		return ret;
	d = opendir(dir);
	if (!d)
		return errno == ENOENT
			       ? 0
			       : err_sys(err, errno, "cannot read '%s'", dir);
	while (ret == 0 && (entry = readdir(d)))
		ret = add_file(list, entry->d_name, err);
	closedir(d);
	return ret;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

int servers_each(int (*visit)(const struct servers_info *info, void *arg,
			      struct err *err),
		 void *arg, struct err *err)
{
	_cleanup_listing_ struct listing list = {0};
	struct servers_info info;
	int ret = read_listing(&list, err);

	if (list.count > 1)
		qsort(list.name, list.count, sizeof(*list.name), by_name);
	for (size_t i = 0; i < list.count && ret == 0; i++) {
		ret = servers_look(list.name[i], &info, err);
		/* It may have gone since the directory was read. */
		if (ret == 0 && info.state != SERVERS_NONE)
			ret = visit(&info, arg, err);
	}
	return ret;
}

int servers_await(const char *name, bool running, unsigned int ms,
		  struct servers_info *out, struct err *err)
{
	const struct timespec pause = {.tv_nsec = LOOK_MS * 1000000L};
	uint64_t end = clock_ms() + ms;
	bool there, late;
	int ret;

	do {
		late = clock_ms() >= end;
		ret = servers_look(name, out, err);
		there = out->state == SERVERS_RUNNING;
		if (ret < 0 || (running && there) ||
		    (!running && !there && !out->supervisor))
			return ret;
		nanosleep(&pause, NULL);
	} while (!late);
	return err_set(err, -ETIMEDOUT, "the server did not %s within %u s",
		       running ? "come up" : "end", ms / 1000);
}

static int check_attached(const struct tm_ctl_status *status, struct err *err)
{
	if (!status->attached)
		return 0;
	err_set(err, -EBUSY, "%u peer%s attached", status->attached,
		status->attached == 1 ? " is" : "s are");
	return err_hint(err, "stop the nodes first; or add --force: they keep "
			     "their memory, but no server can serve them "
			     "again before they are restarted");
}

int servers_stop(const struct servers_info *info, bool force, struct err *err)
{
	_cleanup_close_ int fd = -1;
	char path[SERVERS_PATH_MAX];
	struct servers_info after;
	int ret;

	if (info->state == SERVERS_SILENT)
		return err_set(err, -ENOTCONN, "%s", info->problem);
	if (info->state == SERVERS_RUNNING) {
		ret = force ? 0 : check_attached(&info->status, err);
		fd = ret == 0 ? servers_open(info->name, err) : ret;
		if (fd >= 0)
			ret = control_stop(fd, err);
		else
			ret = fd;
	} else {
		ret = servers_path_of(info->name, SERVERS_SUPERVISOR, path,
				      err);
		if (ret == 0)
			ret = supervise_end(path, err);
	}
	return ret < 0 ? ret
		       : servers_await(info->name, false, STOP_MS, &after, err);
}
