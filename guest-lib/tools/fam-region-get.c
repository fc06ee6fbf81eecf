// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "fam-region-tool.h"
#include "fam-sink.h"

#define PIECE (1u << 20) /* bytes that are copied out at once */

struct get {
	const struct options *options;
	struct fam *fam;
	struct fam_region *region;
	struct sink sink;
	uint64_t bytes, offset; /* when it was opened */
	uint8_t *piece;		/* PIECE bytes of ordinary memory */
	int file_error;		/* errno of the file */
};

/* What a mapped window holds; 0, or a negative errno. */
static int copy_window(struct get *get, const uint8_t *window, size_t bytes)
{
	while (bytes && !peer_stopped()) {
		size_t n = bytes < PIECE ? bytes : PIECE;

		/* Device memory is read once: it may be slow. */
		memcpy(get->piece, window, n);
		get->file_error = sink_write_sparse(&get->sink, get->piece, n);
		if (get->file_error)
			return -get->file_error;
		window += n;
		bytes -= n;
	}
	return bytes ? -EINTR : 0;
}

/* Without a session nobody knows that it is open here. */
static int check_same(const struct get *get)
{
	struct fam_region_info info = {0};
	int r = fam_region_stat(get->region, &info, sizeof(info));

	if (r < 0)
		return r;
	return info.offset == get->offset && info.bytes >= get->bytes ? 0
								      : -EAGAIN;
}

static int copy_out(struct get *get)
{
	int r = 0;

	for (uint64_t at = 0; at < get->bytes;) {
		uint64_t left = get->bytes - at;
		uint64_t n = left < WINDOW_BYTES ? left : WINDOW_BYTES;
		void *window;

		r = fam_region_map(get->region, at, n, &window);
		if (r < 0)
			return r;
		r = copy_window(get, window, n);
		fam_region_unmap(get->region, window);
		if (r < 0)
			return r;
		at += n;
	}
	r = check_same(get);
	if (r < 0)
		return r;
	get->file_error = sink_end(&get->sink, get->bytes);
	if (!get->file_error)
		get->file_error = sink_commit(&get->sink);
	return -get->file_error;
}

static int get_open(struct get *get, const char *file)
{
	const char *name = get->options->operand;
	struct fam_region_info info = {0};
	int r = fam_region_open(get->fam, name, FAM_REGION_READ, &get->region);

	if (r == 0)
		r = fam_region_stat(get->region, &info, sizeof(info));
	if (r < 0)
		return say_region_failure(get->options, get->fam, "read", name,
					  r);
	get->bytes = info.bytes;
	get->offset = info.offset;
	return sink_open(&get->sink, get->options, file);
}

static int get_all(struct get *get, const char *file)
{
	int r, status = get_open(get, file);

	if (status)
		return status;
	r = copy_out(get);
	if (get->file_error && !peer_stopped())
		return say_sink_failure(&get->sink, get->file_error);
	if (r < 0)
		return say_region_failure(get->options, get->fam, "read",
					  get->options->operand, r);
	return EXIT_DONE;
}

static int tell_got(const struct get *get)
{
	if (!get->options->json)
		return EXIT_DONE;
	printf("{\"name\": ");
	json_text(stdout, get->options->operand);
	printf(", \"bytes\": %" PRIu64 "}\n", get->bytes);
	return EXIT_DONE;
}

int cmd_get(const struct options *options)
{
	struct get get = {.options = options, .sink.fd = -1};
	const char *file = options->words[0];
	int status;

	if (strcmp(file, "-") == 0)
		file = NULL;
	if (!file && options->json)
		return say_usage("standard output cannot take a region and "
				 "--json");
	get.piece = malloc(PIECE);
	if (!get.piece)
		return say_system("cannot read the fabric", ENOMEM);
	status = regions_use(options, &get.fam);
	if (status == EXIT_DONE) {
		status = get_all(&get, file);
		sink_close(&get.sink);
		fam_region_close(get.region);
		if (status == EXIT_DONE)
			status = tell_got(&get);
		status = peer_close(get.fam, status);
	}
	free(get.piece);
	return status;
}
