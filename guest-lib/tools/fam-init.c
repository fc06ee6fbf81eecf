// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
/*
 * fam-init: the first process of a bundle's guest; see fam-init(8).
 *
 * As "fam-init exec" it is a loop that runs commands for a program at the other
 * end of a serial line. Static, and no more than a small guest needs.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/input.h>
#include <net/if.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/klog.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#define MODULES	    "/etc/fam/modules"
#define FAM_MODULE  "/lib/fam_ivshmem.ko" /* what was added to the bundle */
#define BUTTONS_MAX 8
#define COMMAND_MAX 65536
#define STOP_MS	    1000 /* what processes get to end by themselves */
#define LOGLEVEL    8	 /* klogctl(): messages below this one are shown */

/* A program that is kept running on a terminal. */
struct service {
	char tty[64]; /* device; "" if there is no such service */
	bool exec;    /* runs commands for a program, not a shell for people */
	pid_t pid;
};

static void say(const char *what, const char *cause)
{
	fprintf(stderr, "fam-init: %s: %s\n", what, cause);
}

static int write_all(int fd, const char *data, size_t len)
{
	while (len > 0) {
		ssize_t n = write(fd, data, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		data += n;
		len -= (size_t)n;
	}
	return 0;
}

/* Setting the machine up. */

static void mount_all(void)
{
	static const struct {
		const char *type, *dir, *options;
	} fs[] = {
		{"proc", "/proc", ""},
		{"sysfs", "/sys", ""},
		{"devtmpfs", "/dev", "mode=0755"},
		{"devpts", "/dev/pts", "mode=0620,ptmxmode=0666"},
		{"tmpfs", "/run", "mode=0755"},
		{"debugfs", "/sys/kernel/debug", ""},
	};

	umask(0);
	for (size_t i = 0; i < sizeof(fs) / sizeof(fs[0]); i++) {
		mkdir(fs[i].dir, 0755);
		/* The kernel may have mounted /dev itself: EBUSY. */
		if (mount(fs[i].type, fs[i].dir, fs[i].type, 0, fs[i].options) <
			    0 &&
		    errno != EBUSY)
			say(fs[i].dir, strerror(errno));
	}
	umask(022);
}

static void load_module(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	const char *dot = strrchr(path, '.');
	/* Newer distributions compress them: the kernel then unpacks them. */
	unsigned int flags = dot && strcmp(dot, ".ko") != 0 ? 4 : 0;

	if (fd < 0 || syscall(SYS_finit_module, fd, "", flags) < 0)
		say(path, strerror(errno));
	if (fd >= 0)
		close(fd);
}

/* The last word "NAME=VALUE" of the kernel's command line. */
static bool parameter(const char *name, char *out, size_t size)
{
	char line[4096] = "", *rest = line, *word;
	FILE *f = fopen("/proc/cmdline", "re");
	bool found = false;

	if (f && !fgets(line, sizeof(line), f))
		line[0] = '\0';
	if (f)
		fclose(f);
	while ((word = strsep(&rest, " \n"))) {
		size_t len = strlen(name);

		if (strncmp(word, name, len) != 0 || word[len] != '=')
			continue;
		snprintf(out, size, "%s", word + len + 1);
		found = true;
	}
	return found;
}

/* In names of modules the two are the same. */
static char dash(char c)
{
	return c == '_' ? '-' : c;
}

/* Does "modprobe.blacklist=NAME,..." name the module of this file? */
static bool is_unwanted(const char *path)
{
	const char *base = strrchr(path, '/') ? strrchr(path, '/') + 1 : path;
	char list[1024], *rest = list, *name;

	if (!parameter("modprobe.blacklist", list, sizeof(list)))
		return false;
	while ((name = strsep(&rest, ","))) {
		size_t i = 0;

		while (name[i] && dash(name[i]) == dash(base[i]))
			i++;
		if (i && !name[i] && base[i] == '.')
			return true;
	}
	return false;
}

static void load_modules(void)
{
	FILE *f = fopen(MODULES, "re");
	char line[512];

	while (f && fgets(line, sizeof(line), f)) {
		line[strcspn(line, "\n")] = '\0';
		if (!is_unwanted(line))
			load_module(line);
	}
	if (f)
		fclose(f);
	if (access(FAM_MODULE, F_OK) == 0)
		load_module(FAM_MODULE);
}

static void loopback_up(void)
{
	struct ifreq request = {.ifr_name = "lo", .ifr_flags = IFF_UP};
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return; /* a kernel without networks is fine */
	ioctl(fd, SIOCSIFFLAGS, &request);
	close(fd);
}

static void set_environment(void)
{
	char name[65];

	if (!parameter("fam.node", name, sizeof(name)))
		strcpy(name, "fam");
	if (sethostname(name, strlen(name)) < 0)
		say(name, strerror(errno));
	setenv("PATH", "/usr/bin:/bin", 1);
	setenv("HOME", "/root", 1);
	setenv("TERM", "vt100", 1);
	setenv("PS1", "\\h:\\w\\$ ", 1);
}

/* Ending it. */

static long now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

/* Reaps until no process is left or the time is up. */
static void reap_until(long deadline)
{
	struct timespec pause = {.tv_nsec = 5000000};

	for (;;) {
		pid_t pid = waitpid(-1, NULL, WNOHANG);

		if ((pid < 0 && errno == ECHILD) || now_ms() >= deadline)
			return;
		if (pid == 0)
			nanosleep(&pause, NULL);
	}
}

static void stop(int how)
{
	kill(-1, SIGTERM);
	kill(-1, SIGHUP); /* interactive shells ignore the other one */
	kill(-1, SIGCONT);
	reap_until(now_ms() + STOP_MS);
	kill(-1, SIGKILL);
	reap_until(now_ms() + STOP_MS);
	sync();
	reboot(how);
}

/* Services. */

static int open_tty(const char *tty)
{
	int fd = open(tty, O_RDWR | O_NOCTTY);

	if (fd < 0)
		return -errno;
	setsid();
	ioctl(fd, TIOCSCTTY, 1);
	dup2(fd, 0);
	dup2(fd, 1);
	dup2(fd, 2);
	if (fd > 2)
		close(fd);
	return 0;
}

static void greet(void)
{
	char name[65] = "";

	gethostname(name, sizeof(name) - 1);
	printf("\nThis is node '%s': busybox, fam and what was added.\n"
	       "Try 'fam info'; 'poweroff' switches the node off.\n\n",
	       name);
	fflush(stdout);
}

static void run_service(const struct service *service)
{
	sigset_t none;
	int ret = open_tty(service->tty);

	if (ret < 0) {
		say(service->tty, strerror(-ret));
		_exit(1);
	}
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	if (service->exec) {
		execl("/init", "fam-init", "exec", NULL);
	} else {
		greet();
		if (chdir("/root") == 0)
			execl("/bin/sh", "-sh", NULL);
	}
	say(service->tty, strerror(errno));
	_exit(1);
}

static void start_service(struct service *service)
{
	if (!service->tty[0])
		return;
	service->pid = fork();
	if (service->pid == 0)
		run_service(service);
}

/* A serial port that is not there opens, but is not a terminal. */
static void use_tty(struct service *service, const char *name)
{
	int fd;

	snprintf(service->tty, sizeof(service->tty), "/dev/%s", name);
	fd = open(service->tty, O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0 || !isatty(fd)) {
		say(service->tty, strerror(errno));
		service->tty[0] = '\0';
	}
	if (fd >= 0)
		close(fd);
}

/* The shell's terminal is the last console the kernel was told. */
static void find_services(struct service service[2])
{
	char console[32] = "ttyS0", exec[32] = "";

	parameter("console", console, sizeof(console));
	console[strcspn(console, ",")] = '\0';
	parameter("fam.exec", exec, sizeof(exec));
	service[1].exec = true;
	if (exec[0])
		use_tty(&service[1], exec);
	/* Two programs cannot read one terminal. */
	if (strcmp(exec, console) != 0)
		use_tty(&service[0], console);
}

static void reap(struct service service[2])
{
	pid_t pid;

	while ((pid = waitpid(-1, NULL, WNOHANG)) > 0)
		for (int i = 0; i < 2; i++)
			if (pid == service[i].pid)
				start_service(&service[i]);
}

/* Waiting for what happens. */

static bool has_power_key(int fd)
{
	unsigned char keys[KEY_MAX / 8 + 1] = {0};

	return ioctl(fd, EVIOCGBIT(EV_KEY, sizeof(keys)), keys) >= 0 &&
	       keys[KEY_POWER / 8] & 1 << KEY_POWER % 8;
}

static nfds_t open_buttons(struct pollfd *pfd, nfds_t room)
{
	char path[32];
	nfds_t count = 0;

	for (int i = 0; i < 32 && count < room; i++) {
		int fd;

		snprintf(path, sizeof(path), "/dev/input/event%d", i);
		fd = open(path, O_RDONLY | O_CLOEXEC);
		if (fd >= 0 && has_power_key(fd))
			pfd[count++] =
				(struct pollfd){.fd = fd, .events = POLLIN};
		else if (fd >= 0)
			close(fd);
	}
	return count;
}

static void read_button(int fd)
{
	struct input_event event;

	if (read(fd, &event, sizeof(event)) == sizeof(event) &&
	    event.type == EV_KEY && event.code == KEY_POWER && event.value == 1)
		stop(RB_POWER_OFF);
}

/* The signals that busybox's poweroff, halt and reboot send to process 1. */
static void read_signal(int fd, struct service service[2])
{
	struct signalfd_siginfo info;

	if (read(fd, &info, sizeof(info)) != sizeof(info))
		return;
	if (info.ssi_signo == SIGCHLD)
		reap(service);
	else if (info.ssi_signo == SIGTERM)
		stop(RB_AUTOBOOT);
	else
		stop(RB_POWER_OFF);
}

static int open_signals(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGUSR1);
	sigaddset(&set, SIGUSR2);
	sigprocmask(SIG_BLOCK, &set, NULL);
	return signalfd(-1, &set, SFD_CLOEXEC);
}

static void run_machine(void)
{
	struct pollfd pfd[BUTTONS_MAX + 1];
	struct service service[2] = {0};
	nfds_t count;

	mount_all();
	set_environment();
	load_modules();
	loopback_up();
	pfd[0] = (struct pollfd){.fd = open_signals(), .events = POLLIN};
	count = 1 + open_buttons(pfd + 1, BUTTONS_MAX);
	find_services(service);
	start_service(&service[0]);
	start_service(&service[1]);
	for (;;) {
		poll(pfd, count, -1);
		if (pfd[0].revents)
			read_signal(pfd[0].fd, service);
		for (nfds_t i = 1; i < count; i++)
			if (pfd[i].revents)
				read_button(pfd[i].fd);
	}
}

/* The loop that runs commands; fam-init(8) describes what goes over the line.
 */

static int read_byte(char *out)
{
	ssize_t n;

	do {
		n = read(0, out, 1);
	} while (n < 0 && errno == EINTR);
	return n == 1 ? 0 : -EIO;
}

static int read_line(char *out, size_t size)
{
	size_t len = 0;
	char c;

	for (;;) {
		if (read_byte(&c) < 0)
			return -EIO;
		if (c == '\n')
			break;
		if (len < size - 1)
			out[len++] = c;
	}
	out[len] = '\0';
	return 0;
}

static void reply(const char *what, const char *token, int status)
{
	char text[160];
	int len = snprintf(text, sizeof(text), "\nfam-init: %s %s %d\n", what,
			   token, status);

	if (write_all(1, text, (size_t)len) < 0)
		_exit(1);
}

/* Copies until the last process holding the other end has ended. */
static void copy_output(int fd)
{
	char buf[4096];
	ssize_t n;

	while ((n = read(fd, buf, sizeof(buf))) > 0)
		if (write_all(1, buf, (size_t)n) < 0)
			_exit(1);
}

static int run_command(const char *command)
{
	int pipefd[2], status = 0;
	pid_t pid;

	if (pipe2(pipefd, O_CLOEXEC) < 0)
		return 127;
	pid = fork();
	if (pid == 0) {
		dup2(open("/dev/null", O_RDONLY), 0);
		dup2(pipefd[1], 1);
		dup2(pipefd[1], 2);
		execl("/bin/sh", "sh", "-c", command, NULL);
		_exit(127);
	}
	close(pipefd[1]);
	copy_output(pipefd[0]);
	close(pipefd[0]);
	if (pid < 0 || waitpid(pid, &status, 0) < 0)
		return 127;
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status)
				   : WEXITSTATUS(status);
}

/* "run TOKEN LENGTH", then LENGTH bytes of shell commands. */
static bool serve_line(const char *line, char *command)
{
	char token[32];
	unsigned int len;

	if (sscanf(line, "run %31s %u", token, &len) != 2 || len > COMMAND_MAX)
		return false;
	for (unsigned int i = 0; i < len; i++)
		if (read_byte(&command[i]) < 0)
			_exit(1);
	command[len] = '\0';
	reply("begin", token, 0);
	reply("exit", token, run_command(command));
	return true;
}

/* On the console, messages of the kernel would get between the replies. */
static bool on_console(void)
{
	char console[32] = "ttyS0", tty[64];
	const char *name = ttyname(0);

	parameter("console", console, sizeof(console));
	console[strcspn(console, ",")] = '\0';
	snprintf(tty, sizeof(tty), "/dev/%s", console);
	return name && strcmp(name, tty) == 0;
}

static void serve(void)
{
	static char command[COMMAND_MAX + 1];
	char line[128];

	reply("ready", "-", 0);
	while (read_line(line, sizeof(line)) == 0 && strcmp(line, "quit") != 0)
		if (line[0] && !serve_line(line, command))
			reply("ready", "-", 0);
}

static int run_exec(void)
{
	struct termios before, raw;
	bool console = on_console();

	if (tcgetattr(0, &before) < 0) {
		say("exec", strerror(errno));
		return 1;
	}
	raw = before;
	cfmakeraw(&raw);
	tcsetattr(0, TCSANOW, &raw);
	if (console)
		klogctl(LOGLEVEL, NULL, 1);
	serve();
	if (console)
		klogctl(LOGLEVEL, NULL, 7);
	tcsetattr(0, TCSANOW, &before);
	return 0;
}

int main(int argc, char **argv)
{
	if (argc == 2 && strcmp(argv[1], "exec") == 0)
		return run_exec();
	if (getpid() != 1) {
		fputs("fam-init: only the kernel starts it; see fam-init(8)\n",
		      stderr);
		return 2;
	}
	run_machine();
}
