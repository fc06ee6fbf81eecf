// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "resume.h"
#include "takeover.h"
#include "util/cleanup.h"
#include "util/fdio.h"
#include "util/log.h"

#define PROBE_MS   5000
#define SETTLE_MS  1000
#define LOOK_MS	   10
#define OPTION	   "--resume-fd="
#define OPTION_MAX 32

static void fail(struct takeover *t, const char *why)
{
	if (t->stops && !t->server->drain_until) {
		server_flush_go_on(t->server);
		server_sessions_go_on(t->server);
		server_trim_go_on(t->server);
	}
	log_error("fabric '%s': cannot take over: %s", t->server->label, why);
	ctl_take_over_failed(t->ctl, why);
	takeover_end(t);
}

/* The state of now, in a file without a name. */
static int write_state(const struct takeover *t, int *out)
{
	_cleanup_close_ int fd = memfd_create("fam-resume", MFD_CLOEXEC);
	_cleanup_fclose_ FILE *f = NULL;
	int copy, ret;

	if (fd < 0)
		return -errno;
	copy = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	if (copy < 0)
		return -errno;
	f = fdopen(copy, "w");
	if (!f) {
		close(copy);
		return -ENOMEM;
	}
	ret = resume_write(f, t->server, t->ctl);
	if (ret == 0)
		*out = take_fd(&fd);
	return ret;
}

static int read_state(int fd, struct resume *out)
{
	_cleanup_free_ char *text = NULL;
	struct stat st;
	int ret;

	if (fstat(fd, &st) < 0)
		return -errno;
	text = malloc((size_t)st.st_size + 1);
	if (!text)
		return -ENOMEM;
	ret = fdio_pread(fd, text, (size_t)st.st_size, 0);
	if (ret < 0)
		return ret;
	text[st.st_size] = '\0';
	return resume_parse(text, (size_t)st.st_size, out);
}

static int set_cloexec(int fd, void *arg)
{
	const int *flag = arg;

	return fcntl(fd, F_SETFD, *flag) < 0 ? -errno : 0;
}

/* Our arguments without an older --resume-fd, and with the new one. */
static char **make_argv(char **argv, char option[OPTION_MAX])
{
	size_t n = 0, count = 0;
	char **out;

	while (argv[count])
		count++;
	out = calloc(count + 2, sizeof(*out));
	if (!out)
		return NULL;
	for (size_t i = 0; i < count; i++)
		if (strncmp(argv[i], OPTION, strlen(OPTION)) != 0)
			out[n++] = argv[i];
	/* right behind the name: what follows "--" is no option */
	memmove(out + 2, out + 1, (n - 1) * sizeof(*out));
	out[1] = option;
	return out;
}

/* Returns only if it fails; then all is as before. */
static int replace(struct takeover *t)
{
	_cleanup_close_ int fd = -1;
	_cleanup_free_ char **argv = NULL;
	struct resume r = {.region = REGION_INIT, .lock_fd = -1};
	char option[OPTION_MAX];
	int keep = 0, ret = write_state(t, &fd);

	if (ret < 0)
		return ret;
	snprintf(option, sizeof(option), OPTION "%d", fd);
	argv = make_argv(t->argv, option);
	ret = argv ? read_state(fd, &r) : -ENOMEM;
	if (ret == 0)
		ret = resume_each_fd(&r, set_cloexec, &keep);
	if (ret == 0)
		ret = set_cloexec(fd, &keep);
	if (ret == 0) {
		execv(t->exe, argv);
		ret = -errno;
	}
	keep = FD_CLOEXEC;
	if (resume_each_fd(&r, set_cloexec, &keep) < 0)
		log_error("a descriptor is lost");
	resume_free(&r);
	return ret;
}

/* Peers have been sent what is due, then nothing is written to the disk. */
static bool is_quiet(struct takeover *t)
{
	uint64_t now = loop_now_ms();
	bool stopped;

	if (!t->stops) {
		if (peers_backlog(t->server->peers) && now < t->until)
			return false;
		t->stops = true;
		t->until = now + SETTLE_MS;
	}
	if (!server_trim_stop(t->server))
		return false;
	stopped = server_sessions_stop(t->server);
	return server_flush_stop(t->server) && stopped;
}

static void on_timer(struct loop_source *timer, uint32_t events, void *arg)
{
	struct takeover *t = arg;
	int ret;

	(void)events;
	if (!t->again) {
		fail(t, "the new program does not answer");
		return;
	}
	if (t->server->drain_until) {
		fail(t, strerror(ESHUTDOWN));
		return;
	}
	if (!is_quiet(t)) {
		if (t->stops && loop_now_ms() >= t->until)
			fail(t, "the disk is busy, try again");
		else
			(void)loop_timer_set(timer, LOOK_MS); /* valid timer */
		return;
	}
	peers_settle(t->server->peers);
	server_sessions_settle(t->server);
	ret = replace(t);
	fail(t, strerror(-ret));
}

static void on_probe(struct loop_source *source, uint32_t events, void *arg)
{
	struct takeover *t = arg;
	siginfo_t info = {0};

	(void)source;
	(void)events;
	if (waitid(P_PIDFD, (id_t)t->probe, &info, WEXITED | WNOHANG) < 0 ||
	    info.si_pid == 0)
		return;
	loop_remove(t->source);
	t->source = NULL;
	close(t->probe);
	t->probe = -1;
	if (info.si_code != CLD_EXITED || info.si_status != 0) {
		fail(t, "the new program does not understand the state");
		return;
	}
	t->again = true;
	t->until = loop_now_ms() + SETTLE_MS;
	(void)loop_timer_set(t->timer, LOOK_MS); /* valid timer */
}

static int spawn_probe(const struct takeover *t, int fd, pid_t *pid)
{
	char option[OPTION_MAX], check[] = "--check", *argv[4] = {t->argv[0]};
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attr;
	sigset_t none;
	int ret;

	snprintf(option, sizeof(option), OPTION "%d", fd);
	argv[1] = option;
	argv[2] = check;
	sigemptyset(&none);
	posix_spawn_file_actions_init(&actions);
	/* on itself: stays open in the new program only */
	posix_spawn_file_actions_adddup2(&actions, fd, fd);
	posix_spawnattr_init(&attr);
	posix_spawnattr_setsigmask(&attr, &none);
	posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGMASK);
	ret = posix_spawn(pid, t->exe, &actions, &attr, argv, environ);
	posix_spawnattr_destroy(&attr);
	posix_spawn_file_actions_destroy(&actions);
	return -ret;
}

static int ask(struct takeover *t)
{
	_cleanup_close_ int fd = -1;
	int ret = write_state(t, &fd);

	if (ret == 0)
		ret = spawn_probe(t, fd, &t->probe_pid);
	if (ret < 0)
		return ret;
	t->probe = (int)syscall(SYS_pidfd_open, t->probe_pid, 0);
	if (t->probe < 0) {
		ret = -errno;
		/* nobody will look at it: it must not stay a zombie */
		kill(t->probe_pid, SIGKILL);
		(void)waitpid(t->probe_pid, NULL, 0);
		return ret;
	}
	return loop_add_fd(&t->source, t->server->loop, t->probe, on_probe, t);
}

int takeover_init(struct takeover *t, struct server *server, struct ctl *ctl)
{
	t->server = server;
	t->ctl = ctl;
	t->probe = -1;
	return loop_add_timer(&t->timer, server->loop, on_timer, t);
}

int takeover_begin(struct takeover *t)
{
	int ret;

	if (t->server->drain_until)
		return -ESHUTDOWN;
	if (t->probe >= 0 || t->again)
		return 0;
	log_info("fabric '%s': is to be taken over by '%s'", t->server->label,
		 t->exe);
	ret = ask(t);
	if (ret == 0)
		ret = loop_timer_set(t->timer, PROBE_MS);
	if (ret < 0)
		takeover_end(t);
	return ret;
}

void takeover_end(struct takeover *t)
{
	loop_remove(t->source);
	t->source = NULL;
	if (t->probe >= 0) {
		kill(t->probe_pid, SIGKILL);
		(void)waitpid(t->probe_pid, NULL, 0); /* killed: at once */
		close(t->probe);
	}
	t->probe = -1;
	t->again = t->stops = false;
	(void)loop_timer_set(t->timer, 0); /* valid timer */
}

int takeover_check(int fd, struct err *err)
{
	struct resume r = {.region = REGION_INIT, .lock_fd = -1};
	int ret = read_state(fd, &r);

	resume_free(&r);
	return ret < 0 ? err_sys(err, -ret, "cannot understand the state") : 0;
}

int takeover_resume(int fd, struct server **server, struct ctl *ctl,
		    struct loop *loop, const struct server_config *config,
		    struct err *err)
{
	struct resume r = {.region = REGION_INIT, .lock_fd = -1};
	int cloexec = FD_CLOEXEC, ret = read_state(fd, &r);

	close(fd);
	if (ret == 0)
		ret = resume_each_fd(&r, set_cloexec, &cloexec);
	if (ret < 0)
		err_sys(err, -ret, "cannot take over");
	else
		ret = resume_apply(&r, server, loop, config, err);
	if (ret == 0) {
		ret = resume_apply_ctl(&r, ctl, *server, err);
		if (ret < 0)
			server_close(*server);
	}
	resume_free(&r);
	return ret;
}
