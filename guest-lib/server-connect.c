// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>

#include "fam-server.h"

#define SYSTEM_DIR    "/run/fam"
#define SOCKET_SUFFIX ".sock.host"
#define DIR_COUNT     2

/* Where a server's sockets lie: those of the user, then the system's. */
static int runtime_dir(unsigned int i, char dir[FAM_SERVER_PATH_MAX])
{
	/* Privileged programs must not be led to a stranger's server. */
	const char *user = secure_getenv("XDG_RUNTIME_DIR");
	int n;

	if (i > 0) {
		strcpy(dir, SYSTEM_DIR);
		return 0;
	}
	if (geteuid() == 0 || !user || user[0] != '/')
		return -ENOENT;
	n = snprintf(dir, FAM_SERVER_PATH_MAX, "%s/fam", user);
	return n < (int)FAM_SERVER_PATH_MAX ? 0 : -ENAMETOOLONG;
}

static int path_of_name(const char *name, char path[FAM_SERVER_PATH_MAX])
{
	if (fam_label_check(name) < 0)
		return -EINVAL;
	for (unsigned int i = 0; i < DIR_COUNT; i++) {
		char dir[FAM_SERVER_PATH_MAX];
		struct stat st;
		int n;

		if (runtime_dir(i, dir) < 0)
			continue;
		n = snprintf(path, FAM_SERVER_PATH_MAX, "%s/%s" SOCKET_SUFFIX,
			     dir, name);
		if (n < (int)FAM_SERVER_PATH_MAX && stat(path, &st) == 0)
			return 0;
	}
	return -ECONNREFUSED;
}

static int find_path(const char *where, char path[FAM_SERVER_PATH_MAX])
{
	if (!strchr(where, '/'))
		return path_of_name(where, path);
	if (strlen(where) >= FAM_SERVER_PATH_MAX)
		return -ENAMETOOLONG;
	strcpy(path, where);
	return 0;
}

static int connect_error(int error)
{
	switch (error) {
	case ENOENT:
	case ENOTDIR:
		return -ECONNREFUSED;
	case EAGAIN: /* nobody has accepted so long */
		return -ETIMEDOUT;
	case EPROTOTYPE: /* a socket of another type, such as famctl's */
		return -EPROTO;
	default:
		return -error;
	}
}

int fam_server_connect(const char *where, char path[FAM_SERVER_PATH_MAX],
		       int timeout_ms)
{
	struct timeval patience = {timeout_ms / 1000,
				   timeout_ms % 1000 * 1000L};
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd, r = find_path(where, path);

	if (r < 0)
		return r;
	fd = fam_fd_lift(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
	if (fd < 0)
		return fd;
	strcpy(address.sun_path, path);
	r = setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience,
		       sizeof(patience));
	while (r == 0) {
		r = connect(fd, (struct sockaddr *)&address, sizeof(address));
		if (r == 0)
			return fd;
		/* Not connected yet: asking again is all there is to do. */
		r = errno == EINTR ? 0 : -1;
	}
	r = connect_error(errno);
	close(fd);
	return r;
}
