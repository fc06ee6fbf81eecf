/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026, the FAM emulator authors */
#ifndef FAM_STREAM_BYTES_H
#define FAM_STREAM_BYTES_H

/*
 * Pieces of a stream, in place. Results as those of fam/stream.h.
 */
#include "channel-end.h"

static inline void *stream_bytes_at(struct channel_end *end)
{
	return end->ring + (end->at & end->mask);
}

/**
 * stream_bytes_reserve() - have end->held bytes to write, in one piece
 * @want: is satisfied with fewer, but looks whether there are so many
 */
int stream_bytes_reserve(struct channel_end *end, uint64_t want,
			 int timeout_ms);
int stream_bytes_commit(struct channel_end *end, uint64_t bytes);

/** stream_bytes_peek() - have end->held bytes to read, in one piece; as above */
int stream_bytes_peek(struct channel_end *end, uint64_t want, int timeout_ms);
int stream_bytes_release(struct channel_end *end, uint64_t bytes);

/** stream_bytes_are_there() - to be read without waiting, all of one writer */
bool stream_bytes_are_there(struct channel_end *end);

#endif
