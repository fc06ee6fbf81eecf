// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
/* Commands, one a line, each answered by one line; and marks, not answered. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "disk.h"
#include "tape.h"
#include "util/cleanup.h"

static int address(struct sockaddr_un *a, const char *dir, const char *name)
{
	*a = (struct sockaddr_un){.sun_family = AF_UNIX};
	return snprintf(a->sun_path, sizeof(a->sun_path), "%s/%s", dir, name) <
			       (int)sizeof(a->sun_path)
		       ? 0
		       : -ENAMETOOLONG;
}

static int listen_at(const char *dir, const char *name)
{
	_cleanup_close_ int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct sockaddr_un a;
	int r = address(&a, dir, name);

	if (r < 0)
		return r;
	unlink(a.sun_path);
	if (fd < 0 || bind(fd, (struct sockaddr *)&a, sizeof(a)) < 0 ||
	    listen(fd, 16) < 0)
		return -errno;
	return take_fd(&fd);
}

int disk_listen(struct disk *disk, const char *dir)
{
	disk->listen_control = listen_at(dir, TAPE_CONTROL);
	disk->listen_marks = listen_at(dir, TAPE_MARKS);
	return disk->listen_control < 0 ? disk->listen_control
	       : disk->listen_marks < 0 ? disk->listen_marks
					: 0;
}

nfds_t disk_polls(const struct disk *disk, struct pollfd *p)
{
	nfds_t n = 0;

	p[n++] = (struct pollfd){.fd = disk->listen_control, .events = POLLIN};
	p[n++] = (struct pollfd){.fd = disk->listen_marks, .events = POLLIN};
	for (size_t i = 0; i < disk->talks; i++)
		p[n++] = (struct pollfd){.fd = disk->talk[i].fd,
					 .events = POLLIN};
	return n;
}

/* "fail KIND [times N] [range FROM TO]": the next writes or flushes fail. */
static const char *fail(struct store_faults *f, const char *args)
{
	char kind[16];
	int used = 0;

	*f = (struct store_faults){.left = UINT64_MAX, .to = UINT64_MAX};
	if (sscanf(args, "%15s%n", kind, &used) != 1)
		return "error: fail what?";
	f->writes = strcmp(kind, "writes") == 0 || strcmp(kind, "all") == 0;
	f->flushes = strcmp(kind, "flushes") == 0 || strcmp(kind, "all") == 0;
	args += used;
	if (sscanf(args, " times %" SCNu64 "%n", &f->left, &used) == 1)
		args += used;
	sscanf(args, " range %" SCNu64 " %" SCNu64, &f->from, &f->to);
	return f->writes || f->flushes ? "ok" : "error: fail what?";
}

static const char *heal(struct disk *disk)
{
	disk->store.faults = (struct store_faults){0};
	disk->delay = 0;
	disk_release(disk, true);
	return "ok";
}

static const char *describe(const struct disk *disk)
{
	static char text[256];
	const struct store *s = &disk->store;

	snprintf(text, sizeof(text),
		 "writes %" PRIu64 " bytes %" PRIu64 " flushes %" PRIu64
		 " marks %" PRIu64 " failed %" PRIu64 " held %zu",
		 s->writes, s->bytes, s->flushes, s->marks, s->failed,
		 disk->held_count);
	return text;
}

static const char *obey(struct disk *disk, const char *line)
{
	uint64_t ms;
	int r;

	if (strncmp(line, "fail ", 5) == 0)
		return fail(&disk->store.faults, line + 5);
	if (strcmp(line, "heal") == 0)
		return heal(disk);
	if (strcmp(line, "stats") == 0)
		return describe(disk);
	if (strcmp(line, "pulse") == 0)
		return pulse_tell(&disk->pulse);
	if (sscanf(line, "delay %" SCNu64, &ms) == 1) {
		disk->delay = ms * 1000000;
		return "ok";
	}
	if (strcmp(line, "record") == 0) {
		r = store_record(&disk->store);
		return r < 0 ? strerror(-r) : "ok";
	}
	return "error: no such command";
}

static void answer(struct disk *disk, struct disk_talk *t)
{
	const char *text;

	if (!t->control) {
		store_mark(&disk->store, t->line, t->len);
		pulse_hear(&disk->pulse, t->line);
		return;
	}
	text = obey(disk, t->line);
	/* A client that does not wait for it gets none. */
	(void)(dprintf(t->fd, "%s\n", text) < 0);
}

/* Returns false at the end of the talk. */
static bool hear_one(struct disk *disk, struct disk_talk *t)
{
	char piece[4096];
	ssize_t n = recv(t->fd, piece, sizeof(piece), MSG_DONTWAIT);

	for (ssize_t i = 0; i < n; i++) {
		if (piece[i] == '\r')
			continue;
		if (piece[i] != '\n') {
			if (t->len < sizeof(t->line) - 1)
				t->line[t->len++] = piece[i];
			continue;
		}
		t->line[t->len] = '\0';
		answer(disk, t);
		t->len = 0;
	}
	return n > 0 || (n < 0 && (errno == EAGAIN || errno == EINTR));
}

static void welcome(struct disk *disk, int listener)
{
	int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);

	if (fd < 0)
		return;
	if (disk->talks == DISK_TALKS) {
		close(fd);
		return;
	}
	disk->talk[disk->talks++] = (struct disk_talk){
		.fd = fd, .control = listener == disk->listen_control};
}

void disk_hear(struct disk *disk, const struct pollfd *p)
{
	/* Backwards: the last one takes the place of one that ended. */
	for (size_t i = disk->talks; i-- > 0;) {
		struct disk_talk *t = &disk->talk[i];

		if (!p[2 + i].revents || hear_one(disk, t))
			continue;
		close(t->fd);
		*t = disk->talk[--disk->talks];
	}
	for (int i = 0; i < 2; i++)
		if (p[i].revents)
			welcome(disk, p[i].fd);
}

int disk_tell(const char *dir, int argc, char **argv)
{
	_cleanup_close_ int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	char text[1024] = "";
	struct sockaddr_un a;
	ssize_t n;

	if (address(&a, dir, TAPE_CONTROL) < 0 ||
	    connect(fd, (struct sockaddr *)&a, sizeof(a)) < 0) {
		perror("fam-disk: no disk there");
		return 1;
	}
	for (int i = 0; i < argc; i++)
		dprintf(fd, "%s%c", argv[i], i + 1 < argc ? ' ' : '\n');
	n = recv(fd, text, sizeof(text) - 1, 0);
	fputs(text, stdout);
	return n > 0 && strncmp(text, "error", 5) != 0 ? 0 : 1;
}
