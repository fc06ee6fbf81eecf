// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
#include <errno.h>
#include <inttypes.h>
#include <unistd.h>

#include "fam-tool.h"

int span_open(const struct options *options, unsigned int flags,
	      const char *verb, struct span *out)
{
	struct fam_info info = {0};
	struct fam *fam;
	int r = fam_open(&fam, options->fabric,
			 flags | FAM_OPEN_NO_SESSION |
				 (options->raw ? FAM_OPEN_RAW : 0));

	if (r < 0)
		return say_failure(options, verb, r);
	r = fam_get_info(fam, &info, sizeof(info));
	if (r == 0 && (options->offset > info.data_bytes ||
		       options->length > info.data_bytes - options->offset))
		r = -ERANGE;
	if (r < 0) {
		fam_close(fam);
		return say_failure(options, verb, r);
	}
	out->fam = fam;
	out->offset = options->offset;
	out->end = options->has_length ? options->offset + options->length
				       : info.data_bytes;
	return EXIT_DONE;
}

int span_map(const struct span *span, void **window, size_t *len)
{
	uint64_t left = span->end - span->offset;

	*len = left < WINDOW_BYTES ? left : WINDOW_BYTES;
	return *len ? fam_map(span->fam, span->offset, *len, window) : 0;
}

/*
 * The kernel copies to and from the window itself. Where the memory cannot be
 * had (full disk under a sparse file) that is an error and no signal.
 */
static int output_all(const char *data, size_t len)
{
	while (len) {
		ssize_t n = write(STDOUT_FILENO, data, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		data += n;
		len -= (size_t)n;
	}
	return 0;
}

int cmd_read(const struct options *options)
{
	int status, r, lost = 0;
	struct span span = {0};
	void *window;
	size_t len;

	status = span_open(options, FAM_OPEN_RDONLY, "read", &span);
	if (status)
		return status;
	do {
		r = span_map(&span, &window, &len);
		if (r < 0 || len == 0)
			break;
		lost = output_all(window, len);
		fam_unmap(span.fam, window);
		span.offset += len;
	} while (lost == 0);
	fam_close(span.fam);
	if (r < 0)
		return say_failure(options, "read", r);
	if (lost == 0 && close(STDOUT_FILENO) < 0)
		lost = -errno;
	return lost ? say_system("cannot write standard output", -lost)
		    : EXIT_DONE;
}

/* Fill a window from stdin: bytes read, fewer at its end; negative errno. */
static ssize_t input_window(char *window, size_t len)
{
	size_t done = 0;

	while (done < len) {
		ssize_t n = read(STDIN_FILENO, window + done, len - done);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			break;
		done += (size_t)n;
	}
	return (ssize_t)done;
}

#define MAKE_DURABLE "make the data durable in"

/* One window: stdin to it, and on to the disk. 1 while stdin has more. */
static int write_window(const struct options *options, struct span *span,
			void *window, size_t len)
{
	ssize_t n = input_window(window, len);

	if (n < 0)
		return -say_system("cannot read standard input", (int)-n);
	if (options->persist) {
		int r = fam_persist(span->fam, window, (size_t)n);

		if (r < 0)
			return -say_failure(options, MAKE_DURABLE, r);
	}
	span->offset += (uint64_t)n;
	return (size_t)n == len;
}

/* The fabric is full: was that all of the input? */
static int check_input_end(const struct options *options,
			   const struct span *span)
{
	char extra;

	if (input_window(&extra, 1) <= 0)
		return EXIT_DONE;
	fprintf(stderr,
		"fam: cannot write all of the input: the fabric ends before "
		"it: %" PRIu64 " bytes were written, nothing beyond\n",
		span->offset - options->offset);
	return EXIT_FAILED;
}

int cmd_write(const struct options *options)
{
	struct span span = {0};
	void *window;
	size_t len;
	int r, status = span_open(options, 0, "write", &span);

	if (status)
		return status;
	do {
		r = span_map(&span, &window, &len);
		if (r < 0)
			status = say_failure(options, "write", r);
		if (r < 0 || len == 0)
			break;
		r = write_window(options, &span, window, len);
		fam_unmap(span.fam, window);
		if (r < 0)
			status = -r;
	} while (r > 0);
	if (status == EXIT_DONE && len == 0 && !options->has_length)
		status = check_input_end(options, &span);
	fam_close(span.fam);
	return status;
}

/* Without a byte to be written it is still told whether one could be. */
int cmd_persist(const struct options *options)
{
	struct span span = {0};
	void *window = NULL;
	size_t len;
	int r, status = span_open(options, 0, MAKE_DURABLE, &span);

	if (status)
		return status;
	do {
		r = span_map(&span, &window, &len);
		if (r < 0)
			break;
		r = fam_persist(span.fam, window, len);
		if (len)
			fam_unmap(span.fam, window);
		span.offset += len;
	} while (r == 0 && span.offset < span.end);
	fam_close(span.fam);
	return r < 0 ? say_failure(options, MAKE_DURABLE, r) : EXIT_DONE;
}
