// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "out.h"
#include "supervise.h"
#include "util/cleanup.h"
#include "util/clock.h"

/* Descriptors by which the supervisor knows that supervise_start() made it. */
#define LOCK_FD	  3
#define REPORT_FD 4
#define ABOVE_ALL 10

#define PAUSE_MIN_MS 100
#define PAUSE_MAX_MS 30000
/* A server that lived so long is not one that dies at once. */
#define GOOD_LIFE_MS 60000

static struct flock whole_file(void)
{
	return (struct flock){.l_type = F_WRLCK, .l_whence = SEEK_SET};
}

/* 1 locked; 0 the file is no longer the one of that name. */
static int try_lock(const char *path, int *out, struct err *err)
{
	_cleanup_close_ int fd =
		open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	struct flock lock = whole_file();
	struct stat mine, there;

	if (fd < 0)
		return err_sys(err, errno, "cannot open '%s'", path);
	/* Not of this process but of the open file: children inherit it. */
	if (fcntl(fd, F_OFD_SETLK, &lock) < 0)
		return err_sys(err, errno, "cannot lock '%s'", path);
	if (fstat(fd, &mine) < 0 || stat(path, &there) < 0 ||
	    mine.st_ino != there.st_ino || mine.st_dev != there.st_dev)
		return 0;
	if (ftruncate(fd, 0) < 0)
		return err_sys(err, errno, "cannot write '%s'", path);
	*out = take_fd(&fd);
	return 1;
}

int supervise_lock(const char *path, struct err *err)
{
	int fd = -1, ret;

	do {
		ret = try_lock(path, &fd, err);
	} while (ret == 0);
	return ret < 0 ? ret : fd;
}

pid_t supervise_pid(const char *path)
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	struct flock lock = whole_file();
	char text[16] = "";
	long pid;

	if (fd < 0 || fcntl(fd, F_OFD_GETLK, &lock) < 0 ||
	    lock.l_type == F_UNLCK)
		return 0;
	if (pread(fd, text, sizeof(text) - 1, 0) <= 0)
		return 0;
	pid = strtol(text, NULL, 10);
	return pid > 0 && pid <= INT_MAX ? (pid_t)pid : 0;
}

int supervise_end(const char *path, struct err *err)
{
	pid_t pid = supervise_pid(path);
	_cleanup_close_ int fd = pid ? pidfd_open(pid, 0) : -1;

	if (!pid)
		return 0;
	/* Still the holder of the lock: so the descriptor is of no other. */
	if (fd < 0 || supervise_pid(path) != pid)
		return 0;
	if (pidfd_send_signal(fd, SIGTERM, NULL, 0) < 0 && errno != ESRCH)
		return err_sys(err, errno, "cannot end its supervisor %d", pid);
	return 0;
}

/* In the child of a child: only async-signal-safe calls. */
static void become(const struct supervise_spec *spec, int log, int report,
		   char *const argv[])
{
	int null = open("/dev/null", O_RDONLY);
	int lock = fcntl(spec->lock, F_DUPFD, ABOVE_ALL);
	int up = fcntl(report, F_DUPFD, ABOVE_ALL);

	if (null < 0 || lock < 0 || up < 0 || dup2(null, STDIN_FILENO) < 0 ||
	    dup2(log, STDOUT_FILENO) < 0 || dup2(log, STDERR_FILENO) < 0 ||
	    dup2(lock, LOCK_FD) < 0 || dup2(up, REPORT_FD) < 0 ||
	    close_range(REPORT_FD + 1, UINT_MAX, 0) < 0 || chdir("/") < 0)
		_exit(127);
	execv(argv[0], argv);
	_exit(127);
}

/* "FAMCTL supervise LOCK-FILE PROGRAM ARGUMENT..." */
static char **make_argv(const struct supervise_spec *spec, char *self)
{
	static char word[] = "supervise";
	char **argv;
	size_t count = 0;

	while (spec->argv[count])
		count++;
	argv = calloc(count + 4, sizeof(*argv));
	if (!argv)
		return NULL;
	argv[0] = self;
	argv[1] = word;
	/* exec() wants them so, and changes none. */
	argv[2] = (char *)spec->lock_path;
	memcpy(argv + 3, spec->argv, count * sizeof(*argv));
	return argv;
}

static int fork_twice(const struct supervise_spec *spec, int log, int report,
		      char *const argv[])
{
	pid_t pid = fork();
	int status;

	if (pid == 0) {
		setsid();
		pid = fork();
		if (pid == 0)
			become(spec, log, report, argv);
		_exit(pid < 0);
	}
	if (pid < 0)
		return -errno;
	while (waitpid(pid, &status, 0) < 0) {
		if (errno != EINTR)
			return -errno;
	}
	return status ? -EAGAIN : 0;
}

int supervise_start(const struct supervise_spec *spec, struct err *err)
{
	_cleanup_close_ int log = open(
		spec->log,
		O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0640);
	_cleanup_close_ int down = -1, up = -1;
	_cleanup_free_ char **argv = NULL;
	char self[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);
	int report[2], ret;

	if (log < 0)
		return err_sys(err, errno, "cannot write '%s'", spec->log);
	if (n < 0)
		return err_sys(err, errno, "cannot find this program");
	self[n] = '\0';
	argv = make_argv(spec, self);
	if (!argv || pipe2(report, O_CLOEXEC) < 0)
		return err_sys(err, errno, "cannot make a supervisor");
	down = report[0];
	up = report[1];
	ret = fork_twice(spec, log, up, argv);
	if (ret < 0)
		return err_sys(err, -ret, "cannot start a supervisor");
	return take_fd(&down);
}

static void ending_signals(sigset_t *out)
{
	sigemptyset(out);
	sigaddset(out, SIGTERM);
	sigaddset(out, SIGINT);
	sigaddset(out, SIGHUP);
}

/* As if a service manager had started it. */
static pid_t spawn(char **argv)
{
	pid_t pid = fork();
	sigset_t none;

	if (pid != 0)
		return pid;
	signal(SIGPIPE, SIG_DFL);
	signal(SIGXFSZ, SIG_DFL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	execv(argv[0], argv);
	out_note("cannot run '%s': %s", argv[0], strerror(errno));
	_exit(127);
}

/* Its status; @stop: we were told to end, and so was it. */
static int await_end(pid_t pid, bool *stop)
{
	sigset_t set;
	int status;

	ending_signals(&set);
	sigaddset(&set, SIGCHLD);
	while (waitpid(pid, &status, WNOHANG) != pid) {
		int got = sigwaitinfo(&set, NULL);

		if (got < 0 || got == SIGCHLD)
			continue;
		*stop = true;
		kill(pid, SIGTERM);
	}
	return status;
}

/* true: we were told to end meanwhile. */
static bool rest(unsigned int ms)
{
	const struct timespec wait = {.tv_sec = ms / 1000,
				      .tv_nsec = ms % 1000 * 1000000L};
	sigset_t set;

	ending_signals(&set);
	return sigtimedwait(&set, NULL, &wait) > 0;
}

/* Only a signal is an accident: who exits has said why in the log. */
static int keep_alive(char **argv)
{
	unsigned int pause = PAUSE_MIN_MS;
	bool stop = false;

	while (!stop) {
		uint64_t begun = clock_ms();
		pid_t pid = spawn(argv);
		int status;

		if (pid < 0)
			return -errno;
		status = await_end(pid, &stop);
		if (WIFEXITED(status))
			return WEXITSTATUS(status) ? -EIO : 0;
		if (clock_ms() - begun >= GOOD_LIFE_MS)
			pause = PAUSE_MIN_MS;
		if (!stop)
			out_note("server %d died of signal %d (%s); it is "
				 "started again in %u ms",
				 pid, WTERMSIG(status),
				 strsignal(WTERMSIG(status)), pause);
		stop = stop || rest(pause);
		pause = pause * 2 > PAUSE_MAX_MS ? PAUSE_MAX_MS : pause * 2;
	}
	return 0;
}

/* Did supervise_start() make this process? Else its descriptors are others. */
static bool was_started(const char *path)
{
	struct stat mine, there;

	return fcntl(REPORT_FD, F_GETFD) >= 0 && fstat(LOCK_FD, &mine) == 0 &&
	       stat(path, &there) == 0 && mine.st_ino == there.st_ino &&
	       mine.st_dev == there.st_dev;
}

static int hold_lock(struct err *err)
{
	sigset_t set;

	if (fcntl(LOCK_FD, F_SETFD, FD_CLOEXEC) < 0 ||
	    fcntl(REPORT_FD, F_SETFD, FD_CLOEXEC) < 0)
		return err_sys(err, errno, "cannot keep the lock file");
	ending_signals(&set);
	sigaddset(&set, SIGCHLD);
	sigprocmask(SIG_SETMASK, &set, NULL);
	if (dprintf(LOCK_FD, "%d\n", getpid()) < 0)
		return err_sys(err, errno, "cannot write the lock file");
	return 0;
}

int supervise_run(int argc, char **argv, struct err *err)
{
	int ret;

	if (argc < 2 || !was_started(argv[0]))
		return err_set(err, -EINVAL, "unknown command 'supervise'");
	ret = hold_lock(err);
	if (ret < 0)
		return ret;
	ret = keep_alive(argv + 1);
	/* Removed while locked: nobody else's file can have this name. */
	if (unlink(argv[0]) < 0)
		out_note("cannot remove '%s': %s", argv[0], strerror(errno));
	return ret < 0 ? err_sys(err, -ret, "the server failed") : 0;
}
