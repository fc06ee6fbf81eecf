// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "fam-transfer.h"

#define STREAM_BYTES (UINT64_C(4) << 20)  /* if there is room for it, */
#define STREAM_LEAST (UINT64_C(64) << 10) /* half of it, and so on */
#define REPLY_BYTES  FAM_STREAM_BYTES_MIN
#define REPLY_SUFFIX "/reply"

int transfer_words(const struct options *options, const char **file)
{
	const char *name = options->operand;

	if (options->has_timeout &&
	    (options->timeout < 1 || options->timeout > TIMEOUT_MAX_S))
		return say_usage("'--timeout' is 1 to %d", TIMEOUT_MAX_S);
	if (options->has_size && (options->size & (options->size - 1) ||
				  options->size < FAM_STREAM_BYTES_MIN ||
				  options->size > FAM_STREAM_BYTES_MAX))
		return say_usage("'--size' is a power of two, 4K to 1T");
	if (strlen(name) + sizeof(REPLY_SUFFIX) > FAM_OBJECT_NAME_MAX)
		return say_usage(
			"'%s' is too long a name: it has up to %d "
			"bytes",
			name, FAM_OBJECT_NAME_MAX - (int)sizeof(REPLY_SUFFIX));
	*file = options->words[0];
	/* As a variable that is not set leaves it. */
	if (*file && !**file)
		return say_usage("'' is not the name of a file");
	if (*file && strcmp(*file, "-") == 0)
		*file = NULL;
	return EXIT_DONE;
}

/* --- the streams ------------------------------------------------------------
 */

/* Is there an answer that nobody reads, of those who died? */
static int find_stale(const struct fam_object_info *info, void *arg)
{
	const struct transfer *transfer = arg;

	return strcmp(info->name, transfer->reply_name) == 0 &&
	       info->type == FAM_OBJECT_STREAM && info->users == 0;
}

/*
 * Each refuses while somebody uses it. The answer goes last: as long as it is
 * there, a stream of this name is known for one of ours.
 */
static void remove_both(struct transfer *transfer)
{
	int r = fam_object_remove(transfer->fam, transfer->name);

	if (r == 0 || r == -ENOENT)
		(void)fam_object_remove(transfer->fam, transfer->reply_name);
}

static int open_data(struct transfer *transfer, unsigned int end)
{
	struct fam_stream_config config = {.bytes = STREAM_BYTES};
	int r;

	if (transfer->options->has_size)
		config.bytes = transfer->options->size;
	for (;; config.bytes /= 2) {
		r = fam_stream_open(transfer->fam, transfer->name, &config, end,
				    &transfer->data);
		if (r != -ENOSPC || transfer->options->has_size ||
		    config.bytes == STREAM_LEAST)
			return r;
	}
}

static int open_both(struct transfer *transfer, unsigned int end)
{
	const struct fam_stream_config config = {.bytes = REPLY_BYTES};
	unsigned int back =
		end == FAM_STREAM_WRITE ? FAM_STREAM_READ : FAM_STREAM_WRITE;
	int r = fam_object_each(transfer->fam, find_stale, transfer);

	if (r < 0)
		return r;
	if (r > 0)
		remove_both(transfer);
	if (!transfer->data)
		r = open_data(transfer, end);
	if (r < 0)
		return r;
	return fam_stream_open(transfer->fam, transfer->reply_name, &config,
			       back, &transfer->reply);
}

static int open_patiently(struct transfer *transfer, unsigned int end)
{
	unsigned int waited = 0;
	int r;

	do {
		r = open_both(transfer, end);
	} while (r == -EBUSY && peer_patience(&waited));
	return r;
}

static void close_streams(struct transfer *transfer)
{
	bool were_open = transfer->data && transfer->reply;

	fam_stream_close(transfer->reply);
	fam_stream_close(transfer->data);
	free(transfer->buffer);
	if (were_open)
		remove_both(transfer);
}

/* The other side is known by the one end that lives. */
static int say_open_failure(const struct transfer *transfer, int error)
{
	if (error == -EBUSY) {
		fprintf(stderr,
			"fam: another %s uses '%s'\n"
			"hint: 'fam objects' and 'fam peers' show what is "
			"there; take another name\n",
			strcmp(transfer->other, "sender") ? "sender"
							  : "receiver",
			transfer->name);
		return EXIT_EXISTS;
	}
	return say_object_failure(transfer->options, "stream", transfer->name,
				  error);
}

int transfer_open(struct transfer *transfer, const struct options *options,
		  unsigned int end)
{
	int r, status;

	*transfer = (struct transfer){
		.options = options,
		.name = options->operand,
		.other = end == FAM_STREAM_WRITE ? "receiver" : "sender",
		.timeout_ms = -1,
	};
	if (options->has_timeout)
		transfer->timeout_ms = (int)options->timeout * 1000;
	snprintf(transfer->reply_name, sizeof(transfer->reply_name), "%s%s",
		 transfer->name, REPLY_SUFFIX);
	status = objects_open(options, &transfer->fam);
	if (status)
		return status;
	transfer->buffer = malloc(TRANSFER_PIECE);
	r = transfer->buffer ? open_patiently(transfer, end) : -ENOMEM;
	if (r == 0)
		return EXIT_DONE;
	status = say_open_failure(transfer, r);
	close_streams(transfer);
	return peer_close(transfer->fam, status);
}

int transfer_close(struct transfer *transfer, int status)
{
	close_streams(transfer);
	return peer_close(transfer->fam, status);
}

/* --- bytes -------------------------------------------------------------------
 */

int transfer_write(struct transfer *transfer, struct fam_stream *stream,
		   const void *data, size_t bytes)
{
	const uint8_t *from = data;

	while (bytes) {
		size_t done = 0;
		int r = fam_stream_write(stream, from, bytes,
					 transfer->timeout_ms, &done);

		if (r < 0 && (r != -EINTR || peer_stopped()))
			return r;
		if (r == 0)
			return 0;
		from += done;
		bytes -= done;
	}
	return 0;
}

int transfer_read(struct transfer *transfer, struct fam_stream *stream,
		  void *data, size_t bytes)
{
	uint8_t *to = data;

	while (bytes) {
		size_t done = 0;
		int r = fam_stream_read_all(stream, to, bytes,
					    transfer->timeout_ms, &done);

		if (r < 0 && (r != -EINTR || peer_stopped()))
			return r;
		if (r == 0)
			return 0;
		to += done;
		bytes -= done;
	}
	return 0;
}

int say_transfer_failure(const struct transfer *transfer, int error)
{
	switch (error) {
	case -EINTR:
		return EXIT_FAILED; /* by the user, who knows */
	case -ETIMEDOUT:
		fprintf(stderr,
			"fam: no %s came to '%s', or it stood still, for "
			"%" PRIu64 " seconds\n",
			transfer->other, transfer->name,
			transfer->options->timeout);
		return EXIT_FAILED;
	case -EPIPE:
	case -ESHUTDOWN:
	case -ECONNRESET:
		fprintf(stderr,
			"fam: the %s of '%s' %s after %" PRIu64 " bytes\n",
			transfer->other, transfer->name,
			error == -ECONNRESET ? "died"
			: error == -EPIPE    ? "died or gave up"
					     : "gave up",
			transfer->bytes);
		return EXIT_OTHER_SIDE;
	case -EPROTO:
		fprintf(stderr,
			"fam: what comes through '%s' is not from 'fam send', "
			"or was written over\n",
			transfer->name);
		return EXIT_FAILED;
	default:
		return say_object_failure(transfer->options, "stream",
					  transfer->name, error);
	}
}
