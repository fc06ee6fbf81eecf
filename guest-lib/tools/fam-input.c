// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fam-input.h"

int say_input_failure(const struct input *input)
{
	char text[PATH_MAX + 256];

	snprintf(text, sizeof(text), "cannot read '%s': %s", input->file,
		 strerror(input->error));
	return say(input->options, text, NULL, EXIT_FAILED);
}

int input_open(struct input *input, const struct options *options,
	       const char *file)
{
	struct stat st;

	*input = (struct input){
		.options = options,
		.file = file,
		.fd = strcmp(file, "-") == 0 ? STDIN_FILENO
					     : open(file, O_RDONLY | O_CLOEXEC),
		.ahead = -1,
	};
	if (input->fd < 0 || fstat(input->fd, &st) < 0)
		input->error = errno;
	else if (S_ISDIR(st.st_mode))
		input->error = EISDIR;
	if (!input->error) {
		input->ahead = memfd_create("fam", MFD_CLOEXEC);
		input->error = input->ahead < 0 ? errno : 0;
	}
	return input->error ? say_input_failure(input) : EXIT_DONE;
}

void input_close(struct input *input)
{
	/* Both were only read, as far as anybody cares. */
	if (input->fd >= 0 && input->fd != STDIN_FILENO)
		(void)close(input->fd);
	if (input->ahead >= 0)
		(void)close(input->ahead);
}

uint64_t input_expects(const struct input *input)
{
	struct stat st;
	off_t at;

	if (fstat(input->fd, &st) < 0 || !S_ISREG(st.st_mode))
		return 0;
	at = lseek(input->fd, 0, SEEK_CUR);
	return at < 0 || at >= st.st_size ? 0 : (uint64_t)(st.st_size - at);
}

static int failed(struct input *input)
{
	input->error = errno;
	return -errno;
}

/* Signals do not cut it short, but those that end the program. */
static ssize_t read_once(struct input *input, int fd, void *out, size_t bytes)
{
	ssize_t n;

	do {
		n = read(fd, out, bytes);
	} while (n < 0 && errno == EINTR && !peer_stopped());
	return n < 0 ? failed(input) : n;
}

static int rewind_ahead(struct input *input)
{
	return lseek(input->ahead, 0, SEEK_SET) < 0 ? failed(input) : 0;
}

int64_t input_peek(struct input *input, uint64_t bytes)
{
	char piece[65536];
	int r = rewind_ahead(input);

	input->ahead_bytes = 0;
	while (r == 0 && input->ahead_bytes < bytes) {
		uint64_t left = bytes - input->ahead_bytes;
		ssize_t n =
			read_once(input, input->fd, piece,
				  left < sizeof(piece) ? left : sizeof(piece));

		if (n < 0)
			return n;
		if (n == 0)
			break;
		if (write(input->ahead, piece, (size_t)n) != n)
			return failed(input);
		input->ahead_bytes += (uint64_t)n;
	}
	r = r ? r : rewind_ahead(input);
	return r ? r : (int64_t)input->ahead_bytes;
}

ssize_t input_read(struct input *input, void *out, size_t bytes)
{
	ssize_t n;

	if (input->ahead_bytes == 0)
		return read_once(input, input->fd, out, bytes);
	if (bytes > input->ahead_bytes)
		bytes = input->ahead_bytes;
	n = read_once(input, input->ahead, out, bytes);
	if (n > 0)
		input->ahead_bytes -= (uint64_t)n;
	return n;
}
