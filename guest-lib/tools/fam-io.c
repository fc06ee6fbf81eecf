// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
#include <errno.h>
#include <inttypes.h>
#include <unistd.h>

#include "fam-region-tool.h"

static int span_open_fabric(struct span *span, unsigned int flags,
			    uint64_t *bytes)
{
	const struct options *options = span->options;
	struct fam_info info = {0};
	int r = fam_open(&span->fam, options->fabric,
			 flags | FAM_OPEN_NO_SESSION |
				 (options->raw ? FAM_OPEN_RAW : 0));

	if (r < 0)
		return r;
	r = fam_get_info(span->fam, &info, sizeof(info));
	*bytes = info.data_bytes;
	return r;
}

/* EXIT_DONE, or an exit status after a message. */
static int span_open_region(struct span *span, unsigned int flags,
			    const char *verb, uint64_t *bytes)
{
	const struct options *options = span->options;
	bool reads = flags & FAM_OPEN_RDONLY;
	struct fam_region_info info = {0};
	int r, status = reads ? regions_use(options, &span->fam)
			      : regions_change(options, &span->fam);

	if (status) {
		span->fam = NULL;
		return status;
	}
	r = fam_region_open(span->fam, options->region,
			    reads ? FAM_REGION_READ : FAM_REGION_WRITE,
			    &span->region);
	if (r == 0)
		r = fam_region_stat(span->region, &info, sizeof(info));
	*bytes = info.bytes;
	return r < 0 ? say_span_failure(span, verb, r) : EXIT_DONE;
}

int span_open(const struct options *options, unsigned int flags,
	      const char *verb, struct span *out)
{
	uint64_t bytes = 0;
	int r = 0, status = EXIT_DONE;

	if (options->raw && options->region)
		return say_usage("a raw fabric has no regions");
	*out = (struct span){.options = options, .offset = options->offset};
	if (options->region)
		status = span_open_region(out, flags, verb, &bytes);
	else
		r = span_open_fabric(out, flags, &bytes);
	if (status == EXIT_DONE && r == 0 &&
	    (options->offset > bytes ||
	     options->length > bytes - options->offset))
		r = -ERANGE;
	if (r < 0)
		status = say_span_failure(out, verb, r);
	if (status)
		return span_close(out, status);
	out->end =
		options->has_length ? options->offset + options->length : bytes;
	return EXIT_DONE;
}

int span_close(struct span *span, int status)
{
	fam_region_close(span->region);
	fam_close(span->fam);
	peer_raise();
	return status;
}

int span_map(const struct span *span, void **window, size_t *len)
{
	uint64_t left = span->end - span->offset;

	if (peer_stopped())
		return -EINTR;
	*len = left < WINDOW_BYTES ? left : WINDOW_BYTES;
	if (*len == 0)
		return 0;
	return span->region ? fam_region_map(span->region, span->offset, *len,
					     window)
			    : fam_map(span->fam, span->offset, *len, window);
}

void span_unmap(const struct span *span, void *window)
{
	if (span->region)
		fam_region_unmap(span->region, window);
	else
		fam_unmap(span->fam, window);
}

int say_span_failure(const struct span *span, const char *verb, int error)
{
	return span->options->region
		       ? say_region_failure(span->options, span->fam, verb,
					    span->options->region, error)
		       : say_failure(span->options, verb, error);
}

/*
 * The kernel copies to and from the window itself. Where the memory cannot be
 * had (full disk under a sparse file) that is an error and no signal.
 */
static int output_all(const char *data, size_t len)
{
	while (len) {
		ssize_t n = write(STDOUT_FILENO, data, len);

		if (n < 0 && errno == EINTR && !peer_stopped())
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
	struct span span = {.options = options};
	void *window;
	size_t len = 0;

	status = span_open(options, FAM_OPEN_RDONLY, "read", &span);
	if (status)
		return status;
	do {
		r = span_map(&span, &window, &len);
		if (r < 0 || len == 0)
			break;
		lost = output_all(window, len);
		span_unmap(&span, window);
		span.offset += len;
	} while (lost == 0);
	if (r < 0)
		status = say_span_failure(&span, "read", r);
	else if (lost == 0 && close(STDOUT_FILENO) < 0)
		lost = -errno;
	if (lost && !peer_stopped())
		status = say_system("cannot write standard output", -lost);
	return span_close(&span, status);
}

/* Fill a window from stdin: bytes read, fewer at its end; negative errno. */
static ssize_t input_window(char *window, size_t len)
{
	size_t done = 0;

	while (done < len) {
		ssize_t n = read(STDIN_FILENO, window + done, len - done);

		if (n < 0 && errno == EINTR && !peer_stopped())
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

	if (n == -EINTR)
		return -EXIT_FAILED; /* as was wished */
	if (n < 0)
		return -say_system("cannot read standard input", (int)-n);
	if (options->persist) {
		int r = fam_persist(span->fam, window, (size_t)n);

		if (r < 0)
			return -say_span_failure(span, MAKE_DURABLE, r);
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
		"fam: cannot write all of the input: the %s ends before it: "
		"%" PRIu64 " bytes were written, nothing beyond\n",
		span->region ? "region" : "fabric",
		span->offset - options->offset);
	return EXIT_FAILED;
}

int cmd_write(const struct options *options)
{
	struct span span = {.options = options};
	void *window;
	size_t len = 0;
	int r, status = span_open(options, 0, "write", &span);

	if (status)
		return status;
	do {
		r = span_map(&span, &window, &len);
		if (r < 0)
			status = say_span_failure(&span, "write", r);
		if (r < 0 || len == 0)
			break;
		r = write_window(options, &span, window, len);
		span_unmap(&span, window);
		if (r < 0)
			status = -r;
	} while (r > 0);
	if (status == EXIT_DONE && len == 0 && !options->has_length)
		status = check_input_end(options, &span);
	return span_close(&span, status);
}

/* Without a byte to be written it is still told whether one could be. */
int cmd_persist(const struct options *options)
{
	struct span span = {.options = options};
	void *window = NULL;
	size_t len = 0;
	int r, status = span_open(options, 0, MAKE_DURABLE, &span);

	if (status)
		return status;
	do {
		r = span_map(&span, &window, &len);
		if (r < 0)
			break;
		r = fam_persist(span.fam, window, len);
		if (len)
			span_unmap(&span, window);
		span.offset += len;
	} while (r == 0 && span.offset < span.end);
	if (r < 0)
		status = say_span_failure(&span, MAKE_DURABLE, r);
	return span_close(&span, status);
}
