// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "listen.h"
#include "util/cleanup.h"
#include "util/log.h"

/* Nodes that start together must not be turned away. */
#define BACKLOG 4096

static int make_address(const char *path, struct sockaddr_un *out,
			struct err *err)
{
	*out = (struct sockaddr_un){.sun_family = AF_UNIX};
	if (!*path)
		return err_set(err, -EINVAL, "a socket needs a path");
	if (strlen(path) >= sizeof(out->sun_path)) {
		err_set(err, -ENAMETOOLONG,
			"a socket's path has at most %zu bytes, this one %zu",
			sizeof(out->sun_path) - 1, strlen(path));
		return err_hint(err, "choose a shorter one with -p");
	}
	memcpy(out->sun_path, path, strlen(path));
	return 0;
}

/* 1: somebody listens there; 0: nobody does. */
static int is_alive(const struct sockaddr_un *address, int type)
{
	_cleanup_close_ int fd =
		socket(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0)
		return -errno;
	if (connect(fd, (const struct sockaddr *)address, sizeof(*address)) ==
	    0)
		return 1;
	switch (errno) {
	case ECONNREFUSED:
	case ENOENT:
		return 0;
	case EPROTOTYPE: /* a socket of another type: try that */
		return type == SOCK_STREAM ? is_alive(address, SOCK_SEQPACKET)
		       : type == SOCK_SEQPACKET ? is_alive(address, SOCK_DGRAM)
						: 1;
	default: /* EAGAIN: its queue is full; EACCES: cannot know */
		return 1;
	}
}

/* 0: nothing is there, or a dead socket, told by @stale. */
static int look(const struct sockaddr_un *address, bool *stale, struct err *err)
{
	struct stat st;
	int alive;

	*stale = false;
	if (lstat(address->sun_path, &st) < 0)
		return errno == ENOENT
			       ? 0
			       : err_sys(err, errno, "cannot look there");
	if (!S_ISSOCK(st.st_mode))
		return err_set(err, -EEXIST,
			       "something that is no socket is there");
	alive = is_alive(address, SOCK_STREAM);
	if (alive < 0)
		return err_sys(err, -alive, "cannot see who listens there");
	if (alive)
		return err_set(err, -EBUSY, "a living server is there");
	*stale = true;
	return 0;
}

/* Owner, group and mode before anyone can connect, whatever the name leads to.
 */
static int set_access(struct listener *l, const struct listen_spec *spec,
		      struct err *err)
{
	_cleanup_close_ int fd = open(l->path, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	char self[64];
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		return err_sys(err, errno, "cannot look at the new socket");
	if (!S_ISSOCK(st.st_mode) || st.st_uid != geteuid())
		return err_set(err, -EBUSY, "somebody replaced the new socket");
	l->dev = st.st_dev;
	l->ino = st.st_ino;
	l->ours = true;
	if (spec->gid != (gid_t)-1 &&
	    fchownat(fd, "", (uid_t)-1, spec->gid, AT_EMPTY_PATH) < 0)
		return err_sys(err, errno, "cannot give it to group %u",
			       spec->gid);
	snprintf(self, sizeof(self), "/proc/self/fd/%d", fd);
	if (chmod(self, spec->mode) < 0)
		return err_sys(err, errno, "cannot set its mode");
	return 0;
}

static int bind_private(int fd, const struct sockaddr_un *address)
{
	mode_t mask = umask(0177);
	int ret = bind(fd, (const struct sockaddr *)address, sizeof(*address));
	int errnum = errno;

	umask(mask);
	return ret < 0 ? -errnum : 0;
}

static int open_socket(struct listener *l, const struct listen_spec *spec,
		       struct err *err)
{
	struct sockaddr_un address;
	bool stale = false;
	int ret = make_address(spec->path, &address, err);

	if (ret == 0)
		ret = look(&address, &stale, err);
	if (ret < 0)
		return ret;
	if (stale && unlink(spec->path) < 0)
		return err_sys(err, errno, "cannot remove the dead socket");
	l->fd = socket(AF_UNIX, spec->type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (l->fd < 0)
		return err_sys(err, errno, "cannot make a socket");
	ret = bind_private(l->fd, &address);
	if (ret < 0)
		return err_sys(err, -ret, "cannot bind");
	memcpy(l->path, address.sun_path, sizeof(l->path));
	ret = set_access(l, spec, err);
	if (ret == 0 && listen(l->fd, BACKLOG) < 0)
		ret = err_sys(err, errno, "cannot listen");
	return ret;
}

int listen_open(struct listener *out, const struct listen_spec *spec,
		struct err *err)
{
	struct listener l = {.fd = -1};
	int ret = open_socket(&l, spec, err);

	if (ret < 0) {
		listen_close(&l);
		return err_prefix(err, "cannot listen at '%s'", spec->path);
	}
	*out = l;
	return 0;
}

int listen_probe(const char *path, struct err *err)
{
	struct sockaddr_un address;
	bool stale;
	int ret = make_address(path, &address, err);

	if (ret == 0)
		ret = look(&address, &stale, err);
	return ret < 0 ? err_prefix(err, "cannot listen at '%s'", path) : 0;
}

static int inherit(struct listener *out, int fd, bool ours, struct err *err)
{
	struct listener l = {.fd = fd, .ours = ours};
	struct sockaddr_un address = {0};
	socklen_t len = sizeof(address), size = sizeof(int);
	int listening = 0;
	struct stat st;

	if (getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listening, &size) < 0 ||
	    !listening)
		return err_set(err, -EBADF,
			       "descriptor %d is not a listening socket", fd);
	if (getsockname(fd, (struct sockaddr *)&address, &len) < 0 ||
	    address.sun_family != AF_UNIX)
		return err_set(err, -EBADF,
			       "descriptor %d is not a Unix socket", fd);
	memcpy(l.path, address.sun_path, sizeof(l.path));
	l.path[sizeof(l.path) - 1] = '\0';
	if (fcntl(fd, F_SETFD, FD_CLOEXEC) < 0 ||
	    fcntl(fd, F_SETFL, O_NONBLOCK) < 0)
		return err_sys(err, errno, "cannot use descriptor %d", fd);
	if (lstat(l.path, &st) == 0) {
		l.dev = st.st_dev;
		l.ino = st.st_ino;
	}
	*out = l;
	return 0;
}

int listen_inherit(struct listener *out, int fd, bool ours, struct err *err)
{
	int ret = inherit(out, fd, ours, err);

	return ret < 0 ? err_prefix(err, "cannot use a socket passed to us")
		       : 0;
}

void listen_close(struct listener *listener)
{
	struct stat st;

	if (listener->fd >= 0)
		close(listener->fd);
	if (listener->ours && lstat(listener->path, &st) == 0 &&
	    S_ISSOCK(st.st_mode) && st.st_dev == listener->dev &&
	    st.st_ino == listener->ino && unlink(listener->path) < 0)
		log_warn_errno(errno, "cannot remove '%s'", listener->path);
	listener->fd = -1;
	listener->ours = false;
}

/* 1: locked; 0: the file was replaced meanwhile, try again. */
static int try_lock(struct listen_lock *lock, struct err *err)
{
	_cleanup_close_ int fd = open(
		lock->path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	struct stat mine, there;

	if (fd < 0)
		return err_sys(err, errno, "cannot open '%s'", lock->path);
	if (flock(fd, LOCK_EX | LOCK_NB) < 0)
		return errno == EWOULDBLOCK
			       ? err_set(err, -EBUSY,
					 "a living server is there")
			       : err_sys(err, errno, "cannot lock '%s'",
					 lock->path);
	if (fstat(fd, &mine) < 0 || stat(lock->path, &there) < 0 ||
	    mine.st_ino != there.st_ino || mine.st_dev != there.st_dev)
		return 0;
	lock->fd = take_fd(&fd);
	return 1;
}

int listen_lock(struct listen_lock *out, const char *path, struct err *err)
{
	struct listen_lock lock = {.fd = -1};
	struct sockaddr_un address;
	int ret = make_address(path, &address, err);

	if (ret == 0)
		snprintf(lock.path, sizeof(lock.path), "%s.lock", path);
	while (ret == 0)
		ret = try_lock(&lock, err);
	if (ret < 0)
		return err_prefix(err, "cannot listen at '%s'", path);
	*out = lock;
	return 0;
}

void listen_unlock(struct listen_lock *lock)
{
	if (lock->fd < 0)
		return;
	/* removed while locked: nobody can hold a lock on it after us */
	if (unlink(lock->path) < 0 && errno != ENOENT)
		log_warn_errno(errno, "cannot remove '%s'", lock->path);
	close(lock->fd);
	lock->fd = -1;
}
