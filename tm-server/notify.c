// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "notify.h"
#include "util/cleanup.h"
#include "util/log.h"

#define FIRST_FD 3

void notify_send(const char *text)
{
	const char *path = getenv("NOTIFY_SOCKET");
	struct sockaddr_un to = {.sun_family = AF_UNIX};
	size_t len = path ? strlen(path) : 0;
	_cleanup_close_ int fd = -1;

	if (len == 0 || len >= sizeof(to.sun_path))
		return;
	memcpy(to.sun_path, path, len);
	if (*path == '@')
		to.sun_path[0] = '\0';
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0 ||
	    sendto(fd, text, strlen(text), MSG_NOSIGNAL, (struct sockaddr *)&to,
		   (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len)) <
		    0)
		log_warn_errno(errno, "cannot tell the service manager");
}

static int place(const char *name, int passed, const char *const *names,
		 int *fd)
{
	for (int i = 0; names[i]; i++) {
		if (strcmp(name, names[i]) != 0 || fd[i] >= 0)
			continue;
		fd[i] = passed;
		return fcntl(passed, F_SETFD, FD_CLOEXEC) < 0 ? -errno : 0;
	}
	return -EBADF;
}

int notify_sockets(const char *const *names, int *fd)
{
	const char *pid = getenv("LISTEN_PID"), *count = getenv("LISTEN_FDS");
	const char *given = getenv("LISTEN_FDNAMES");
	_cleanup_free_ char *copy = strdup(given ? given : "");
	char *rest = copy, *name;
	int n = 0;

	for (int i = 0; names[i]; i++)
		fd[i] = -1;
	if (!copy)
		return -ENOMEM;
	if (!pid || !count || strtol(pid, NULL, 10) != getpid())
		return 0;
	for (; n < strtol(count, NULL, 10); n++) {
		name = strsep(&rest, ":");
		/* a lone socket without a name is the modern one */
		if (!name || !*name || strcmp(name, "unknown") == 0)
			name = (char *)names[0];
		if (place(name, FIRST_FD + n, names, fd) < 0)
			return -EBADF;
	}
	/* they are not for programs started by this one */
	unsetenv("LISTEN_PID");
	unsetenv("LISTEN_FDS");
	unsetenv("LISTEN_FDNAMES");
	return n;
}
