// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fam-sink.h"

static int say_file(const struct sink *sink, const char *what, const char *file,
		    int errnum)
{
	char text[PATH_MAX + 256];

	snprintf(text, sizeof(text), "cannot %s '%s': %s", what, file,
		 strerror(errnum));
	return say(sink->options, text, NULL, EXIT_FAILED);
}

static int say_exists(const struct sink *sink)
{
	static const char hint[] = "--force replaces it";
	char text[PATH_MAX + 32];

	snprintf(text, sizeof(text), "'%s' exists", sink->file);
	return say(sink->options, text, hint, EXIT_EXISTS);
}

/* A file of a hidden name beside it, with the mode that a new file gets. */
static int make_temporary(struct sink *sink)
{
	const char *slash = strrchr(sink->file, '/');
	int dir = slash ? (int)(slash - sink->file) + 1 : 0;
	mode_t mask = umask(0);
	int n;

	umask(mask);
	n = snprintf(sink->temporary, sizeof(sink->temporary), "%.*s.%s.XXXXXX",
		     dir, sink->file, sink->file + dir);
	if (n < 0 || n >= (int)sizeof(sink->temporary)) {
		sink->temporary[0] = '\0';
		return say_file(sink, "create", sink->file, ENAMETOOLONG);
	}
	sink->fd = mkostemp(sink->temporary, O_CLOEXEC);
	if (sink->fd < 0) {
		sink->temporary[0] = '\0';
		return say_file(sink, "create a file beside", sink->file,
				errno);
	}
	if (fchmod(sink->fd, 0666 & ~mask) < 0)
		return say_file(sink, "set the mode of", sink->temporary,
				errno);
	return EXIT_DONE;
}

int sink_open(struct sink *sink, const struct options *options,
	      const char *file)
{
	struct stat st;

	*sink = (struct sink){.options = options,
			      .file = file,
			      .fd = file ? -1 : STDOUT_FILENO};
	if (!file)
		return EXIT_DONE;
	if (lstat(file, &st) < 0)
		return errno == ENOENT ? make_temporary(sink)
				       : say_file(sink, "look at", file, errno);
	if (S_ISDIR(st.st_mode))
		return say_file(sink, "write", file, EISDIR);
	if (S_ISREG(st.st_mode) || S_ISLNK(st.st_mode))
		return options->force ? make_temporary(sink) : say_exists(sink);
	/* A device, a pipe: it is not overwritten. */
	sink->fd = open(file, O_WRONLY | O_CLOEXEC);
	return sink->fd < 0 ? say_file(sink, "open", file, errno) : EXIT_DONE;
}

int sink_commit(struct sink *sink)
{
	int fd = sink->fd;

	if (!sink->file)
		return 0;
	sink->fd = -1;
	if (close(fd) < 0)
		return errno;
	if (!sink->temporary[0])
		return 0;
	if (sink->options->force) {
		if (rename(sink->temporary, sink->file) < 0)
			return errno;
		sink->temporary[0] = '\0';
		return 0;
	}
	/* Unlike rename(2), refuses if it has come to exist. */
	return link(sink->temporary, sink->file) < 0 ? errno : 0;
}

void sink_close(struct sink *sink)
{
	if (sink->file && sink->fd >= 0)
		(void)close(sink->fd); /* is thrown away */
	if (sink->temporary[0])
		unlink(sink->temporary);
}

int sink_write(struct sink *sink, const uint8_t *data, size_t bytes)
{
	while (bytes) {
		ssize_t n = write(sink->fd, data, bytes);

		if (n < 0 && errno == EINTR && !peer_stopped())
			continue;
		if (n < 0)
			return errno;
		data += n;
		bytes -= (size_t)n;
	}
	return 0;
}

/* A page of the file system that is nothing but zeros need not be there. */
#define HOLE_BYTES 4096

static bool is_zero(const uint8_t *data, size_t bytes)
{
	return bytes == 0 ||
	       (!data[0] && memcmp(data, data + 1, bytes - 1) == 0);
}

/* Bytes from @data on that are all zeros, or of which no page is: @zero. */
static size_t run_of(const uint8_t *data, size_t bytes, bool *zero)
{
	size_t at = 0, n;

	*zero = false;
	do {
		bool is;

		n = bytes - at < HOLE_BYTES ? bytes - at : HOLE_BYTES;
		is = is_zero(data + at, n);
		if (at == 0)
			*zero = is;
		if (is != *zero)
			break;
		at += n;
	} while (at < bytes);
	return at;
}

int sink_write_sparse(struct sink *sink, const uint8_t *data, size_t bytes)
{
	int error = 0;

	/* A pipe cannot skip anything. */
	if (!sink->temporary[0])
		return sink_write(sink, data, bytes);
	while (bytes && !error) {
		bool zero;
		size_t n = run_of(data, bytes, &zero);

		if (!zero)
			error = sink_write(sink, data, n);
		else if (lseek(sink->fd, (off_t)n, SEEK_CUR) < 0)
			error = errno;
		data += n;
		bytes -= n;
	}
	return error;
}

int sink_end(struct sink *sink, uint64_t bytes)
{
	if (!sink->temporary[0])
		return 0;
	return ftruncate(sink->fd, (off_t)bytes) < 0 ? errno : 0;
}

int say_sink_failure(const struct sink *sink, int error)
{
	if (error == EEXIST)
		return say_exists(sink);
	if (sink->file && error != EFAULT)
		return say_file(sink, "write", sink->file, error);
	return say_system(sink->file ? "cannot read the fabric"
				     : "cannot write standard output",
			  error);
}
