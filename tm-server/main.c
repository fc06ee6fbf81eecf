// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fam-trim.h>

#include "ctl.h"
#include "notify.h"
#include "options.h"
#include "server.h"
#include "takeover.h"
#include "util/cleanup.h"
#include "util/fdio.h"
#include "util/log.h"

/* As famctl's; tm-server(8) names them. */
enum {
	STATUS_OK = 0,
	STATUS_FAILED = 1,
	STATUS_USAGE = 2,
	STATUS_NOT_FOUND = 3,
	STATUS_IN_USE = 4,
	STATUS_UNREACHABLE = 5,
};

struct program {
	struct options options;
	struct loop *loop;
	struct server *server;
	struct ctl ctl;
	struct takeover takeover;
	char exe[PATH_MAX]; /* what this program was started from */
	int ready; /* detached: write end of the starter's pipe, else -1 */
};

static int exit_status(int code)
{
	switch (code) {
	case 0:
		return STATUS_OK;
	case -EINVAL:
		return STATUS_USAGE;
	case -ENOENT:
	case -ENODEV:
		return STATUS_NOT_FOUND;
	case -EEXIST:
	case -EBUSY:
		return STATUS_IN_USE;
	case -ENOTCONN:
		return STATUS_UNREACHABLE;
	default:
		return STATUS_FAILED;
	}
}

static int report(const struct err *err)
{
	fprintf(stderr, "tm-server: %s\n", err->text);
	if (err->hint[0])
		fprintf(stderr, "hint: %s\n", err->hint);
	return exit_status(err->code);
}

/* Each peer costs descriptors: take all that may be had. */
static void raise_limits(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
		return;
	limit.rlim_cur = limit.rlim_max;
	if (setrlimit(RLIMIT_NOFILE, &limit) < 0)
		log_warn_errno(errno, "cannot raise the limit of descriptors");
}

static int make_directory(const struct server_config *config, struct err *err)
{
	char dir[LISTEN_PATH_MAX];

	snprintf(dir, sizeof(dir), "%s", config->socket);
	*strrchr(dir, '/') = '\0';
	/* who may enter does not matter: each socket says who may use it */
	if (mkdir(dir, geteuid() == 0 ? 0755 : 0700) < 0 && errno != EEXIST)
		return err_sys(err, errno, "cannot make '%s'", dir);
	return 0;
}

static void on_signal(struct loop_source *source, uint32_t signal, void *arg)
{
	struct program *p = arg;
	int ret;

	(void)source;
	if (signal != SIGUSR2) {
		notify_send("STOPPING=1");
		server_drain(p->server);
		return;
	}
	ret = takeover_begin(&p->takeover);
	if (ret < 0)
		log_error_errno(-ret, "cannot take over");
}

static int on_take_over(void *arg)
{
	struct program *p = arg;

	return takeover_begin(&p->takeover);
}

static int watch_signals(struct program *p, struct err *err)
{
	struct loop_source *source;
	sigset_t set;
	int ret;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	sigaddset(&set, SIGUSR2);
	signal(SIGPIPE, SIG_IGN);
	ret = loop_add_signals(&source, p->loop, &set, on_signal, p);
	return ret < 0 ? err_sys(err, -ret, "cannot watch for signals") : 0;
}

static int open_server(struct program *p, struct err *err)
{
	static const char *const names[] = {"modern", "legacy", "host",
					    "control", NULL};
	const struct server_config *config = &p->options.config;
	int fd[5], ret;

	if (p->options.resume_fd >= 0)
		return takeover_resume(p->options.resume_fd, &p->server,
				       &p->ctl, p->loop, config, err);
	ret = notify_sockets(names, fd);
	if (ret < 0)
		return err_sys(err, -ret,
			       "cannot use the sockets passed to us");
	if (p->options.own_directory) {
		ret = make_directory(config, err);
		if (ret < 0)
			return ret;
	}
	ret = server_open(&p->server, p->loop, config, fd, err);
	if (ret < 0)
		return ret;
	return ctl_open(&p->ctl, p->server, fd[IVSHMEM_DIALECTS], err);
}

static int set_up(struct program *p, struct err *err)
{
	int ret = loop_new(&p->loop);

	if (ret < 0)
		return err_sys(err, -ret, "cannot make the event loop");
	ret = watch_signals(p, err);
	if (ret == 0)
		ret = open_server(p, err);
	if (ret < 0)
		return ret;
	p->ctl.take_over = on_take_over;
	p->ctl.arg = p;
	p->takeover.exe = p->exe;
	ret = takeover_init(&p->takeover, p->server, &p->ctl);
	return ret < 0 ? err_sys(err, -ret, "cannot set up take-overs") : 0;
}

static int redirect(int fd, const char *path, int flags)
{
	_cleanup_close_ int to = open(path, flags | O_NOCTTY | O_CLOEXEC, 0640);

	return to < 0 || dup2(to, fd) < 0 ? -errno : 0;
}

static int redirect_log(const struct options *o, struct err *err)
{
	int ret;

	if (!o->log_file)
		return 0;
	ret = redirect(STDERR_FILENO, o->log_file,
		       O_WRONLY | O_CREAT | O_APPEND);
	return ret < 0 ? err_sys(err, -ret, "cannot write to '%s'", o->log_file)
		       : 0;
}

/*
 * The starter waits until the server is ready or has failed and ends with its
 * status; true: this is the server.
 */
static bool detach(struct program *p, int *status)
{
	int pipe_fd[2];
	uint8_t byte;
	pid_t pid;

	*status = STATUS_FAILED;
	if (pipe2(pipe_fd, O_CLOEXEC) < 0 || (pid = fork()) < 0) {
		fprintf(stderr, "tm-server: cannot detach: %s\n",
			strerror(errno));
		return false;
	}
	if (pid == 0) {
		close(pipe_fd[0]);
		p->ready = pipe_fd[1];
		(void)setsid(); /* a child leads no process group */
		return true;
	}
	close(pipe_fd[1]);
	if (read(pipe_fd[0], &byte, 1) == 1)
		*status = byte;
	close(pipe_fd[0]);
	return false;
}

/* Detached, the terminal or pipe of the starter is let go. */
static void tell_starter(struct program *p, int status)
{
	uint8_t byte = (uint8_t)status;

	if (p->ready < 0)
		return;
	if (status == STATUS_OK) {
		(void)redirect(STDIN_FILENO, "/dev/null", O_RDONLY);
		(void)redirect(STDOUT_FILENO, "/dev/null", O_WRONLY);
		if (!p->options.log_file)
			(void)redirect(STDERR_FILENO, "/dev/null", O_WRONLY);
	}
	if (write(p->ready, &byte, 1) < 0)
		log_warn_errno(errno, "nobody waits for this server");
	close(p->ready);
	p->ready = -1;
}

static void announce(const struct program *p)
{
	const struct server *s = p->server;
	char text[256];

	log_info("fabric '%s': serves %ju MiB, %u vectors, at '%s'", s->label,
		 (uintmax_t)(s->region.size >> 20), s->config.vectors,
		 s->config.socket);
	snprintf(text, sizeof(text), "READY=1\nMAINPID=%d\nSTATUS=serves '%s'",
		 getpid(), s->label);
	notify_send(text);
}

static void tear_down(struct program *p)
{
	ctl_close(&p->ctl);
	server_close(p->server);
	loop_free(p->loop);
}

static int run(struct program *p, struct err *err)
{
	int ret = set_up(p, err);

	if (ret < 0) {
		ret = report(err);
	} else {
		announce(p);
		tell_starter(p, STATUS_OK);
		ret = loop_run(p->loop);
		if (ret < 0)
			log_error_errno(-ret, "the event loop failed");
		ret = ret < 0 ? STATUS_FAILED : STATUS_OK;
		takeover_end(&p->takeover);
	}
	tear_down(p);
	tell_starter(p, ret);
	return ret;
}

static int serve(struct program *p, char **argv, struct err *err)
{
	int ret;
	ssize_t n = readlink("/proc/self/exe", p->exe, sizeof(p->exe) - 1);

	if (n < 0)
		return report(
			(err_sys(err, errno, "cannot find this program"), err));
	p->takeover.argv = argv;
	p->ready = -1;
	if (p->options.detach && p->options.resume_fd < 0 && !detach(p, &ret))
		return ret;
	if (redirect_log(&p->options, err) < 0) {
		ret = report(err);
		tell_starter(p, ret);
		return ret;
	}
	raise_limits();
	return run(p, err);
}

static int check(const struct options *o, struct err *err)
{
	int ret = 0;

	if (o->resume_fd >= 0)
		return takeover_check(o->resume_fd, err) < 0 ? report(err)
							     : STATUS_OK;
	if (o->own_directory)
		ret = make_directory(&o->config, err);
	if (ret == 0)
		ret = server_check(&o->config, err);
	if (ret < 0)
		return report(err);
	puts("tm-server: the set-up is good");
	return fflush(stdout) == 0 ? STATUS_OK : STATUS_FAILED;
}

static int ask_take_over(const struct options *o, struct err *err)
{
	struct tm_ctl_request request = {.magic = TM_CTL_MAGIC,
					 .version = TM_CTL_VERSION,
					 .op = TM_CTL_TAKE_OVER};
	uint64_t reply[TM_CTL_REPLY_MAX / 8 + 1];
	size_t len;

	if (ctl_call(o->config.control, &request, reply, &len, err) < 0) {
		err_prefix(err, "cannot have the server replaced");
		return report(err);
	}
	return STATUS_OK;
}

static int show(void (*write_text)(FILE *f))
{
	write_text(stdout);
	return fflush(stdout) == 0 && !ferror(stdout) ? STATUS_OK
						      : STATUS_FAILED;
}

static void write_version(FILE *f)
{
	fputs("tm-server " FAM_RELEASE "\n", f);
}

int main(int argc, char **argv)
{
	static struct program p;
	struct err err = {0};

	fdio_guard_standard();
	if (options_parse(&p.options, argc, argv, &err) < 0)
		return report(&err);
	p.options.config.trim = fam_trim_file;
	log_init("tm-server", p.options.level);
	switch (p.options.action) {
	case OPTIONS_HELP:
		return show(options_help);
	case OPTIONS_VERSION:
		return show(write_version);
	case OPTIONS_CHECK:
		return check(&p.options, &err);
	case OPTIONS_TAKE_OVER:
		return ask_take_over(&p.options, &err);
	case OPTIONS_SERVE:
		break;
	}
	return serve(&p, argv, &err);
}
