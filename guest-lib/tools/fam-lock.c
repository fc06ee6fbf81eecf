// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
/* fam lock: a command runs while a lock is held, as with flock(1). */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "fam-tool.h"

/* What is not the command's own; as others do that run commands. */
enum {
	EXIT_LOST = 123,
	EXIT_NOT_FREE = 124,
	EXIT_OWNER_DIED = 125,
	EXIT_CANNOT_RUN = 126,
	EXIT_NOT_FOUND = 127,
	EXIT_SIGNAL = 128, /* and more: which one ended it */
};

#define LOOK_MS 250 /* how often: does the session still live? */

/* What is held, and who runs meanwhile. */
struct held {
	const struct options *options;
	struct fam *fam;
	struct fam_mutex *mutex;
	pid_t pid;
	int signals; /* signalfd */
	bool lost;   /* the session was */
};

static const char *lock_name(const struct options *options)
{
	return options->operand;
}

/* --- messages ----------------------------------------------------------------- */

static int say_not_free(const struct options *options)
{
	char fabric[FABRIC_TEXT];

	fprintf(stderr, "fam: lock '%s' of %s is not free\n",
		lock_name(options), fabric_text(options, fabric));
	return EXIT_NOT_FREE;
}

static int say_owner_died(const struct options *options)
{
	const char *fabric = options->fabric;

	fprintf(stderr,
		"fam: the last owner of lock '%s' died while holding it: what "
		"it protects may be half changed\n"
		"hint: have a command repair that: 'fam %s%s%slock --repair "
		"%s -- COMMAND'\n",
		lock_name(options), fabric ? "-f " : "", fabric ? fabric : "",
		fabric ? " " : "", lock_name(options));
	return EXIT_OWNER_DIED;
}

static void say_still_marked(const struct options *options)
{
	fprintf(stderr,
		"fam: lock '%s' stays marked, as its last owner died: the "
		"command failed\n",
		lock_name(options));
}

static int say_lock_lost(const struct options *options)
{
	fprintf(stderr,
		"fam: lock '%s' was lost while the command ran: the others "
		"declared the own session dead\n"
		"hint: this program or its machine stood still for longer "
		"than its lease\n",
		lock_name(options));
	return EXIT_LOST;
}

static int say_cannot_run(const char *command, int errnum)
{
	fprintf(stderr, "fam: cannot run '%s': %s\n", command,
		strerror(errnum));
	return errnum == ENOENT ? EXIT_NOT_FOUND : EXIT_CANNOT_RUN;
}

static int say_lock_failure(const struct options *options, int error)
{
	return say_object_failure(options, "lock", lock_name(options), error);
}

/* --- the lock ----------------------------------------------------------------- */

static int64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* As fam_mutex_lock(); -EINTR only if the program is to end. */
static int acquire(const struct held *held)
{
	const struct options *options = held->options;
	int64_t end = now_ms() + (int64_t)options->wait * 1000, left = -1;
	int r;

	do {
		if (options->try)
			left = 0;
		else if (options->has_wait)
			left = end > now_ms() ? end - now_ms() : 0;
		r = fam_mutex_lock(held->fam, held->mutex, (int)left);
	} while (r == -EINTR && !peer_stopped());
	return r;
}

/* @status, unless the lock was somebody else's meanwhile. */
static int release(const struct held *held, int status)
{
	int r = fam_mutex_unlock(held->fam, held->mutex);

	if (r == 0)
		return status;
	if (r == -ESTALE)
		return say_lock_lost(held->options);
	return say_lock_failure(held->options, r);
}

/* --- the command -------------------------------------------------------------- */

/* From now on they are read, not caught; @old is for the command. */
static int divert_signals(struct held *held, sigset_t *old)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGHUP);
	sigaddset(&set, SIGCHLD);
	/* If the caller ignores its end nobody hears of the command's. */
	signal(SIGCHLD, SIG_DFL);
	sigprocmask(SIG_BLOCK, &set, old);
	held->signals = signalfd(-1, &set, SFD_CLOEXEC);
	return held->signals < 0 ? -errno : 0;
}

/* In the child; what it cannot do is written to @tell. */
static void become(char **words, const sigset_t *mask, pid_t parent, int tell)
{
	int error;

	/* If fam is killed the lock is free: the command must not go on. */
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	if (getppid() != parent)
		_exit(EXIT_CANNOT_RUN);
	sigprocmask(SIG_SETMASK, mask, NULL);
	execvp(words[0], words);
	error = errno;
	/* If that fails, too, the exit status is all that is left. */
	if (write(tell, &error, sizeof(error)) < 0)
		_exit(EXIT_CANNOT_RUN);
	_exit(EXIT_CANNOT_RUN);
}

/* Return: 0 it runs; a positive errno of exec(3); a negative one of others */
static int start(struct held *held, const sigset_t *mask)
{
	pid_t self = getpid();
	int tell[2], error = 0;

	if (pipe2(tell, O_CLOEXEC) < 0)
		return -errno;
	held->pid = fork();
	if (held->pid == 0)
		become(held->options->words, mask, self, tell[1]);
	close(tell[1]);
	if (held->pid < 0)
		error = -errno;
	/* Its end is closed by exec(3). */
	else if (read(tell[0], &error, sizeof(error)) == sizeof(error))
		waitpid(held->pid, NULL, 0);
	else
		error = 0;
	close(tell[0]);
	return error;
}

static void pass_on(const struct held *held, const struct signalfd_siginfo *i)
{
	/* What the terminal sends, it sends to the command as well. */
	if (i->ssi_signo != SIGCHLD && i->ssi_code != SI_KERNEL)
		kill(held->pid, (int)i->ssi_signo);
}

/* The lock is not held any more, so the command is to end. */
static void look_after_session(struct held *held)
{
	if (held->lost || fam_session_check(held->fam) == 0)
		return;
	held->lost = true;
	kill(held->pid, SIGTERM);
}

/* Until it has ended; its wait(2) status. */
static int await_command(struct held *held)
{
	struct pollfd p = {.fd = held->signals, .events = POLLIN};
	struct signalfd_siginfo info;
	int status = 0;

	while (waitpid(held->pid, &status, WNOHANG) == 0) {
		if (poll(&p, 1, LOOK_MS) > 0 &&
		    read(held->signals, &info, sizeof(info)) == sizeof(info))
			pass_on(held, &info);
		look_after_session(held);
	}
	return status;
}

/* The exit status of the command, or why there is none. */
static int run_command(struct held *held)
{
	sigset_t mask;
	int r = divert_signals(held, &mask), status;

	/* One that came before. */
	if (r == 0 && peer_stopped())
		return EXIT_FAILED;
	if (r == 0)
		r = start(held, &mask);
	if (r > 0)
		return say_cannot_run(held->options->words[0], r);
	if (r < 0)
		return say_system("cannot start a process", -r);
	status = await_command(held);
	return WIFEXITED(status) ? WEXITSTATUS(status)
				 : EXIT_SIGNAL + WTERMSIG(status);
}

/* --- both ----------------------------------------------------------------------- */

/* It is held; @marked: its last owner died. */
static int run_locked(struct held *held, bool marked)
{
	int status;

	if (marked && !held->options->repair)
		return release(held, say_owner_died(held->options));
	status = run_command(held);
	if (marked && status == EXIT_DONE)
		/* What can go wrong is told by release(). */
		(void)fam_mutex_consistent(held->fam, held->mutex);
	else if (marked)
		say_still_marked(held->options);
	return release(held, status);
}

static int lock_and_run(struct held *held)
{
	const struct fam_object_want want = {
		.type = FAM_OBJECT_MUTEX,
		.flags = FAM_OBJECT_CREATE,
	};
	struct fam_object *object;
	int status, r = fam_object_open(held->fam, lock_name(held->options),
					&want, &object);

	if (r < 0)
		return say_lock_failure(held->options, r);
	held->mutex = fam_object_memory(object);
	r = acquire(held);
	if (r == 0 || r == -EOWNERDEAD)
		status = run_locked(held, r == -EOWNERDEAD);
	else if (r == -ETIMEDOUT)
		status = say_not_free(held->options);
	else if (r == -EINTR)
		status = EXIT_FAILED; /* peer_close() ends by the signal */
	else
		status = say_lock_failure(held->options, r);
	fam_object_close(object);
	return status;
}

int cmd_lock(const struct options *options)
{
	struct held held = {.options = options, .signals = -1};
	int status;

	if (options->try && options->has_wait)
		return say_usage("'--try' and '--wait' exclude each other");
	if (options->wait > TIMEOUT_MAX_S)
		return say_usage("'--wait' is at most %d", TIMEOUT_MAX_S);
	status = objects_open(options, &held.fam);
	if (status)
		return status;
	status = lock_and_run(&held);
	if (held.signals >= 0)
		close(held.signals);
	return peer_close(held.fam, status);
}
