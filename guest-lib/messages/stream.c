// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
#include <fam/stream.h>

#include "stream-bytes.h"

/* Of an opening; nothing but its end. */
struct fam_stream {
	struct channel_end end;
};

/*
 * What is copied at once: the other side copies the piece before meanwhile. A
 * ring is at least four pieces, so that neither side waits for the other's last
 * byte.
 */
#define PIECE (UINT64_C(128) << 10)

static uint64_t piece_of(const struct channel_end *end, uint64_t bytes)
{
	uint64_t piece = (end->mask + 1) / 4;

	if (piece > PIECE)
		piece = PIECE;
	return bytes < piece ? bytes : piece;
}

static struct channel_shape shape_of(const struct fam_stream_config *config)
{
	bool valid = !config->reserved && config->flags <= FAM_STREAM_POLLED;
	uint32_t flags = config->flags ? CHANNEL_POLLED : 0;

	return (struct channel_shape){
		.kind = FAM_OBJECT_STREAM,
		.flags = valid ? CHANNEL_ONE | flags : UINT32_MAX,
		.bytes = config->bytes,
	};
}

static bool is_end(unsigned int end)
{
	return end == FAM_STREAM_WRITE || end == FAM_STREAM_READ;
}

uint64_t fam_stream_size(const struct fam_stream_config *config)
{
	struct channel_shape shape = shape_of(config);

	return channel_end_size(&shape);
}

int fam_stream_open(struct fam *fam, const char *name,
		    const struct fam_stream_config *config, unsigned int end,
		    struct fam_stream **out)
{
	struct channel_shape shape;
	struct channel_end *made;
	int r;

	if (!is_end(end))
		return -EINVAL;
	if (config)
		shape = shape_of(config);
	r = channel_end_open(fam, name, FAM_OBJECT_STREAM,
			     config ? &shape : NULL, end == FAM_STREAM_WRITE,
			     &made);
	if (r == 0)
		*out = (struct fam_stream *)made;
	return r;
}

int fam_stream_make(struct fam *fam, void *memory,
		    const struct fam_stream_config *config)
{
	struct channel_shape shape = shape_of(config);

	return channel_end_make(fam, memory, &shape);
}

int fam_stream_at(struct fam *fam, void *memory, uint64_t bytes,
		  unsigned int end, struct fam_stream **out)
{
	struct channel_end *made;
	int r;

	if (!is_end(end))
		return -EINVAL;
	r = channel_end_attach(fam, memory, bytes, FAM_OBJECT_STREAM,
			       end == FAM_STREAM_WRITE, &made);
	if (r == 0)
		*out = (struct fam_stream *)made;
	return r;
}

void fam_stream_close(struct fam_stream *stream)
{
	if (stream)
		channel_end_close(&stream->end);
}

int fam_stream_reserve(struct fam_stream *stream, int timeout_ms, void **out,
		       size_t *bytes)
{
	int r = stream_bytes_reserve(&stream->end, 1, timeout_ms);

	if (r < 0)
		return r;
	*out = stream_bytes_at(&stream->end);
	*bytes = stream->end.held;
	return 0;
}

int fam_stream_commit(struct fam_stream *stream, size_t bytes)
{
	return stream_bytes_commit(&stream->end, bytes);
}

int fam_stream_peek(struct fam_stream *stream, int timeout_ms, const void **out,
		    size_t *bytes)
{
	int r = stream_bytes_peek(&stream->end, 1, timeout_ms);

	if (r < 0)
		return r;
	*out = stream_bytes_at(&stream->end);
	*bytes = stream->end.held;
	return 0;
}

int fam_stream_release(struct fam_stream *stream, size_t bytes)
{
	return stream_bytes_release(&stream->end, bytes);
}

int fam_stream_write(struct fam_stream *stream, const void *data, size_t bytes,
		     int timeout_ms, size_t *done)
{
	struct channel_end *end = &stream->end;
	size_t n, sent = 0;
	int r = 0;

	while (r == 0 && sent < bytes) {
		n = piece_of(end, bytes - sent);
		r = stream_bytes_reserve(end, n, timeout_ms);
		if (r < 0)
			break;
		if (n > end->held)
			n = end->held;
		fam_copy(stream_bytes_at(end), (const char *)data + sent, n);
		r = stream_bytes_commit(end, n);
		if (r == 0)
			sent += n;
	}
	*done = sent;
	return r;
}

/* Up to @room: what can be had with this @timeout_ms for each piece. */
static int read_some(struct channel_end *end, void *data, size_t room,
		     int timeout_ms, size_t *bytes)
{
	size_t n = piece_of(end, room);
	int r = stream_bytes_peek(end, n, timeout_ms);

	if (r < 0)
		return r;
	if (n > end->held)
		n = end->held;
	fam_copy(data, stream_bytes_at(end), n);
	r = stream_bytes_release(end, n);
	if (r == 0)
		*bytes += n;
	return r;
}

int fam_stream_read(struct fam_stream *stream, void *data, size_t room,
		    int timeout_ms, size_t *bytes)
{
	struct channel_end *end = &stream->end;
	size_t n = 0;
	int r = room ? read_some(end, data, room, timeout_ms, &n) : -EINVAL;

	if (r < 0)
		return r;
	/* What is there besides, and no word on what is not. */
	while (r == 0 && n < room && stream_bytes_are_there(end))
		r = read_some(end, (char *)data + n, room - n, 0, &n);
	*bytes = n;
	return 0;
}

int fam_stream_read_all(struct fam_stream *stream, void *data, size_t want,
			int timeout_ms, size_t *bytes)
{
	size_t n = 0;
	int r = 0;

	while (r == 0 && n < want)
		r = read_some(&stream->end, (char *)data + n, want - n,
			      timeout_ms, &n);
	*bytes = n;
	return r;
}
