// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
#include <errno.h>
#include <inttypes.h>
#include <time.h>

#include "fam-sink.h"
#include "fam-transfer.h"

#define LOOK_MS 100

/* --- the transfer ------------------------------------------------------------
 */

/* Reads all pieces; a failure of the file is told in @file_error. */
static int receive_pieces(struct transfer *transfer, struct sink *sink,
			  int *file_error)
{
	struct transfer_piece piece;
	int r;

	for (;;) {
		r = transfer_read(transfer, transfer->data, &piece,
				  sizeof(piece));
		if (r < 0)
			return r;
		if (piece.bytes > TRANSFER_PIECE ||
		    piece.check != transfer_check(transfer->id, piece.bytes))
			return -EPROTO;
		if (piece.bytes == 0)
			return 0;
		r = transfer_read(transfer, transfer->data, transfer->buffer,
				  piece.bytes);
		if (r < 0)
			return r;
		transfer->crc32c = fam_crc32c(transfer->crc32c,
					      transfer->buffer, piece.bytes);
		transfer->bytes += piece.bytes;
		*file_error = sink_write(sink, transfer->buffer, piece.bytes);
		if (*file_error)
			return -*file_error;
	}
}

static int64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/*
 * What comes is not the beginning of anything. It may be the rest of what one
 * sent who died before we came: until his death is known, that goes on.
 */
static int skip_rest(struct transfer *transfer)
{
	int64_t end = now_ms() + FAM_SESSION_LEASE_MS;
	size_t n;
	int r;

	do {
		r = fam_stream_read(transfer->data, transfer->buffer,
				    TRANSFER_PIECE, LOOK_MS, &n);
		if (r == -ECONNRESET || r == -ESHUTDOWN)
			return 0;
		if (r == -EINTR && !peer_stopped())
			r = 0;
		if (r < 0 && r != -ETIMEDOUT)
			return r;
	} while (now_ms() < end);
	return -EPROTO;
}

/* Senders that died before they began anything are not ours. */
static int receive_hello(struct transfer *transfer,
			 struct transfer_hello *hello)
{
	int r;

	for (;;) {
		r = transfer_read(transfer, transfer->data, hello,
				  sizeof(*hello));
		if (r == 0 && hello->magic == TRANSFER_MAGIC)
			return 0;
		if (r == 0)
			r = skip_rest(transfer);
		if (r < 0 && r != -ECONNRESET)
			return r;
	}
}

static int receive_all(struct transfer *transfer, struct sink *sink,
		       int *file_error)
{
	struct transfer_hello hello;
	struct transfer_trailer trailer = {0};
	int r = receive_hello(transfer, &hello);

	if (r < 0)
		return r;
	transfer->id = hello.id;
	r = receive_pieces(transfer, sink, file_error);
	if (r == 0)
		r = transfer_read(transfer, transfer->data, &trailer,
				  sizeof(trailer));
	if (r < 0)
		return r;
	if (trailer.bytes != transfer->bytes ||
	    trailer.crc32c != transfer->crc32c ||
	    trailer.check != transfer_check(transfer->id, trailer.crc32c))
		return -EPROTO;
	*file_error = sink_commit(sink);
	return -*file_error;
}

/* The sender may be gone already: that is its own affair. */
static void reply(struct transfer *transfer, enum transfer_result result)
{
	const struct transfer_reply reply = {
		.id = transfer->id,
		.result = result,
		.crc32c = transfer->crc32c,
		.bytes = transfer->bytes,
	};

	(void)transfer_write(transfer, transfer->reply, &reply, sizeof(reply));
}

static int receive_file(struct transfer *transfer, struct sink *sink)
{
	int file_error = 0, r = receive_all(transfer, sink, &file_error);

	if (r == 0)
		reply(transfer, TRANSFER_ARRIVED);
	else if (file_error)
		reply(transfer, TRANSFER_NO_ROOM);
	else if (r == -EPROTO && transfer->id)
		reply(transfer, TRANSFER_DAMAGED);
	if (file_error == EINTR)
		return EXIT_FAILED;
	if (file_error)
		return say_sink_failure(sink, file_error);
	if (r < 0)
		return say_transfer_failure(transfer, r);
	if (sink->file)
		printf("%" PRIu64 " bytes arrived, CRC-32C %08" PRIx32 "\n",
		       transfer->bytes, transfer->crc32c);
	return EXIT_DONE;
}

int cmd_recv(const struct options *options)
{
	struct transfer transfer;
	struct sink sink;
	const char *file;
	int status;

	status = transfer_words(options, &file);
	if (status)
		return status;
	status = sink_open(&sink, options, file);
	if (status == EXIT_DONE)
		status = transfer_open(&transfer, options, FAM_STREAM_READ);
	if (status == EXIT_DONE) {
		status = receive_file(&transfer, &sink);
		sink_close(&sink);
		return transfer_close(&transfer, status);
	}
	sink_close(&sink);
	return status;
}
