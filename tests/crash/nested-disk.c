// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
/*
 * A plugin of nbdkit: a disk that puts every write, every flush and every line
 * of acknowledgement on one tape, in the order in which they happened: tape.h.
 *
 * nbdkit nested-disk.so image=FILE tape=FILE marks=FIFO acks=FILE
 * Lines come by the FIFO, and are copied to the last file for who counts them.
 */
#define NBDKIT_API_VERSION 2
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include <nbdkit-plugin.h>

#include "tape.h"

#define THREAD_MODEL NBDKIT_THREAD_MODEL_SERIALIZE_ALL_REQUESTS

struct opened {
	const char *key;
	int flags;
	int fd;
};

enum { IMAGE, TAPE, MARKS, ACKS, FILES };

static struct opened files[FILES] = {
	[IMAGE] = {"image", O_RDWR, -1},
	[TAPE] = {"tape", O_WRONLY | O_CREAT | O_TRUNC | O_APPEND, -1},
	/* Both ways: so it never ends, nor waits for the other side. */
	[MARKS] = {"marks", O_RDWR, -1},
	[ACKS] = {"acks", O_WRONLY | O_CREAT | O_TRUNC | O_APPEND, -1},
};

/* Guards the order on the tape. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static uint64_t writes;

static int disk_config(const char *key, const char *value)
{
	for (size_t i = 0; i < FILES; i++) {
		struct opened *f = &files[i];

		if (strcmp(key, f->key) != 0)
			continue;
		f->fd = open(value, f->flags | O_CLOEXEC, 0600);
		if (f->fd < 0)
			nbdkit_error("'%s': %s", value, strerror(errno));
		return f->fd < 0 ? -1 : 0;
	}
	nbdkit_error("unknown parameter '%s'", key);
	return -1;
}

static int disk_config_complete(void)
{
	for (size_t i = 0; i < FILES; i++) {
		if (files[i].fd < 0) {
			nbdkit_error("'%s=' is missing", files[i].key);
			return -1;
		}
	}
	return 0;
}

/* A tape with a gap proves nothing: the disk breaks rather than go on. */
static int tape_add(enum tape_type type, uint64_t offset, const void *data,
		    size_t len)
{
	struct tape_entry e = {
		.magic = TAPE_MAGIC,
		.type = type,
		.offset = offset,
		.length = len,
		.upto = type == TAPE_FLUSH ? writes : 0,
	};
	struct iovec part[] = {{&e, sizeof(e)}, {(void *)data, len}};
	ssize_t n;

	pthread_mutex_lock(&lock);
	n = writev(files[TAPE].fd, part, len ? 2 : 1);
	pthread_mutex_unlock(&lock);
	if (n != (ssize_t)(sizeof(e) + len)) {
		nbdkit_error("the tape is full");
		nbdkit_set_error(EIO);
		return -1;
	}
	return 0;
}

/* Lines of the guest, each of them whole. */
static void *read_marks(void *arg)
{
	char text[4096];
	size_t len = 0;
	ssize_t n;

	(void)arg;
	while ((n = read(files[MARKS].fd, text + len, sizeof(text) - len)) >
	       0) {
		char *line = text, *end;

		len += (size_t)n;
		while ((end = memchr(line, '\n', len))) {
			size_t whole = (size_t)(end + 1 - line);

			if (tape_add(TAPE_MARK, 0, line, whole - 1) < 0 ||
			    write(files[ACKS].fd, line, whole) < 0)
				abort();
			line += whole;
			len -= whole;
		}
		memmove(text, line, len);
	}
	return NULL;
}

static int disk_after_fork(void)
{
	pthread_t thread;
	int r = pthread_create(&thread, NULL, read_marks, NULL);

	if (r != 0)
		nbdkit_error("no thread: %s", strerror(r));
	return r ? -1 : 0;
}

static void *disk_open(int readonly)
{
	(void)readonly;
	return &files[IMAGE];
}

static int64_t disk_get_size(void *handle)
{
	const struct opened *image = handle;
	struct stat st;

	return fstat(image->fd, &st) < 0 ? -1 : st.st_size;
}

static int disk_pread(void *handle, void *buf, uint32_t count, uint64_t offset,
		      uint32_t flags)
{
	const struct opened *image = handle;

	(void)flags;
	return pread(image->fd, buf, count, (off_t)offset) == count ? 0 : -1;
}

static int disk_pwrite(void *handle, const void *buf, uint32_t count,
		       uint64_t offset, uint32_t flags)
{
	const struct opened *image = handle;

	(void)flags;
	if (pwrite(image->fd, buf, count, (off_t)offset) != count ||
	    tape_add(TAPE_WRITE, offset, buf, count) < 0)
		return -1;
	writes++;
	return 0;
}

/* One request at a time: all that was written was answered. */
static int disk_flush(void *handle, uint32_t flags)
{
	(void)handle;
	(void)flags;
	return tape_add(TAPE_FLUSH, 0, NULL, 0);
}

static struct nbdkit_plugin plugin = {
	.name = "nested-disk",
	.description = "a disk that records what happens to it",
	.config = disk_config,
	.config_complete = disk_config_complete,
	.after_fork = disk_after_fork,
	.open = disk_open,
	.get_size = disk_get_size,
	.pread = disk_pread,
	.pwrite = disk_pwrite,
	.flush = disk_flush,
	.errno_is_preserved = 1,
};

struct nbdkit_plugin *plugin_init(void);
NBDKIT_REGISTER_PLUGIN(plugin)
