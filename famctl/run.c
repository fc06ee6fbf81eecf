// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdint.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "run.h"
#include "util/cleanup.h"
#include "util/clock.h"
#include "util/fdio.h"

#define WAIT_MS 20 /* between two looks at a child whose output is silent */

struct child {
	pid_t pid;
	int output; /* read end; -1 after end of file */
	uint64_t deadline_ms;
	size_t used;
	struct run_result *result;
};

/* In the child, after fork(): only async-signal-safe calls. */
static void become(const char *const argv[], int output, int failure)
{
	int null = open("/dev/null", O_RDONLY);
	int errnum;
	sigset_t none;

	/* It must not outlive us: an emulator would run for ever. */
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	signal(SIGPIPE, SIG_DFL);
	if (null >= 0 && dup2(null, STDIN_FILENO) >= 0 &&
	    dup2(output, STDOUT_FILENO) >= 0 &&
	    dup2(output, STDERR_FILENO) >= 0)
		execvp(argv[0], (char *const *)argv);
	errnum = errno;
	/* If even that fails the parent sees status 127. */
	(void)fdio_write(failure, &errnum, sizeof(errnum));
	_exit(127);
}

/* The failure pipe closes by itself when exec succeeds. */
static int await_exec(int failure, const char *program, struct err *err)
{
	int errnum = 0;
	ssize_t n;

	do {
		n = read(failure, &errnum, sizeof(errnum));
	} while (n < 0 && errno == EINTR);
	if (n != sizeof(errnum))
		return 0;
	return err_sys(err, errnum, "cannot run '%s'", program);
}

static int start(const char *const argv[], struct child *child, struct err *err)
{
	_cleanup_close_ int out_w = -1, fail_r = -1;
	int output[2], failure[2];
	int ret;

	if (pipe2(output, O_CLOEXEC) < 0)
		return err_sys(err, errno, "cannot make a pipe");
	child->output = output[0];
	out_w = output[1];
	if (pipe2(failure, O_CLOEXEC) < 0)
		return err_sys(err, errno, "cannot make a pipe");
	fail_r = failure[0];
	child->pid = fork();
	if (child->pid == 0)
		become(argv, out_w, failure[1]);
	ret = errno;
	close(failure[1]);
	if (child->pid < 0)
		return err_sys(err, ret, "cannot start '%s'", argv[0]);
	return await_exec(fail_r, argv[0], err);
}

/* Keeps the beginning; the rest is read and dropped, so the child never blocks.
 */
static void read_some(struct child *child)
{
	char *text = child->result->output;
	size_t room = sizeof(child->result->output) - 1 - child->used;
	char dropped[4096];
	ssize_t n = room ? read(child->output, text + child->used, room)
			 : read(child->output, dropped, sizeof(dropped));

	if (n < 0 && (errno == EINTR || errno == EAGAIN))
		return;
	if (n <= 0) {
		close(child->output);
		child->output = -1;
	} else if (room) {
		child->used += (size_t)n;
		text[child->used] = '\0';
	}
}

/* What it wrote before it ended; a grandchild may hold the pipe open for ever.
 */
static void drain(struct child *child)
{
	if (child->output >= 0 && fcntl(child->output, F_SETFL, O_NONBLOCK) < 0)
		return;
	while (child->output >= 0) {
		struct pollfd p = {.fd = child->output, .events = POLLIN};

		if (poll(&p, 1, 0) <= 0)
			return;
		read_some(child);
	}
}

static int status_of(int status)
{
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status)
				   : WEXITSTATUS(status);
}

/* Waits for a word from the child, at most for WAIT_MS. */
static void wait_a_little(struct child *child, uint64_t left_ms)
{
	struct pollfd p = {.fd = child->output, .events = POLLIN};
	int wait_ms = child->output < 0 ? 1 : WAIT_MS;

	if ((uint64_t)wait_ms > left_ms)
		wait_ms = (int)left_ms;
	if (poll(&p, 1, wait_ms) > 0)
		read_some(child);
}

static void collect(struct child *child)
{
	int status = 0;

	while (waitpid(child->pid, &status, WNOHANG) == 0) {
		uint64_t now = clock_ms();

		if (now >= child->deadline_ms) {
			child->result->timed_out = 1;
			kill(child->pid, SIGKILL);
			while (waitpid(child->pid, &status, 0) < 0 &&
			       errno == EINTR)
				;
			break;
		}
		wait_a_little(child, child->deadline_ms - now);
	}
	drain(child);
	child->result->status = status_of(status);
}

int run_program(const char *const argv[], unsigned int timeout_ms,
		struct run_result *out, struct err *err)
{
	struct child child = {.pid = -1,
			      .output = -1,
			      .deadline_ms = clock_ms() + timeout_ms,
			      .result = out};
	int ret;

	out->status = 0;
	out->timed_out = 0;
	out->output[0] = '\0';
	ret = start(argv, &child, err);
	if (ret == 0)
		collect(&child);
	else if (child.pid > 0)
		(void)waitpid(child.pid, NULL, 0); /* it is at its _exit() */
	if (child.output >= 0)
		close(child.output);
	return ret;
}
