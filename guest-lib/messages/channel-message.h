/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026, the FAM emulator authors */
#ifndef FAM_CHANNEL_MESSAGE_H
#define FAM_CHANNEL_MESSAGE_H

/*
 * Messages in a channel: channel-send.c, channel-receive.c. Results as those of
 * fam/channel.h.
 */
#include <string.h>

#include <fam/stream.h>

#include "channel-end.h"

/* What lies behind the header of what is reserved or peeked at. */
static inline void *channel_message_body(struct channel_end *end)
{
	return channel_end_at(end, end->at) + 1;
}

/* Of the longest one. */
static inline uint64_t channel_message_max(const struct channel_end *end)
{
	return (end->mask + 1) / 4;
}

/* With its header, what a message takes. */
static inline uint64_t channel_message_span(uint64_t bytes)
{
	return (bytes + sizeof(struct channel_message) + CHANNEL_ALIGN - 1) &
	       ~(CHANNEL_ALIGN - 1);
}

/*
 * A call for a message of a few lines takes longer than to copy it. From the end
 * on: the receiver looks at the first line all the time, so that line is taken
 * from him last, for the rest and the stamp at once.
 */
static inline void channel_message_copy(void *to, const void *from,
					uint64_t bytes)
{
	uint64_t odd = bytes % CHANNEL_ALIGN;
	char *t = to;
	const char *f = from;

	if (bytes > 256) {
		fam_copy(to, from, bytes);
		return;
	}
	if (odd)
		memcpy(t + bytes - odd, f + bytes - odd, odd);
	for (bytes -= odd; bytes; bytes -= CHANNEL_ALIGN)
		memcpy(t + bytes - CHANNEL_ALIGN, f + bytes - CHANNEL_ALIGN,
		       CHANNEL_ALIGN);
}

int channel_message_reserve(struct channel_end *end, uint64_t bytes,
			    int timeout_ms);
int channel_message_commit(struct channel_end *end, uint64_t bytes);
void channel_message_cancel(struct channel_end *end);

int channel_message_peek(struct channel_end *end, int timeout_ms);
int channel_message_release(struct channel_end *end);

#endif
