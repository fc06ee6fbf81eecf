// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
#include <string.h>

#include <fam/channel.h>
#include <fam/stream.h>

#include "channel-message.h"

_Static_assert(FAM_CHANNEL_ONE == CHANNEL_ONE, "one set of flags");
_Static_assert(FAM_CHANNEL_POLLED == CHANNEL_POLLED, "one set of flags");

/* Of an opening; nothing but its end. */
struct fam_channel {
	struct channel_end end;
};

static struct channel_shape shape_of(const struct fam_channel_config *config)
{
	return (struct channel_shape){
		.kind = FAM_OBJECT_CHANNEL,
		.flags = config->reserved ? UINT32_MAX : config->flags,
		.bytes = config->bytes,
	};
}

static bool is_end(unsigned int end)
{
	return end == FAM_CHANNEL_SEND || end == FAM_CHANNEL_RECEIVE;
}

uint64_t fam_channel_size(const struct fam_channel_config *config)
{
	struct channel_shape shape = shape_of(config);

	return channel_end_size(&shape);
}

int fam_channel_open(struct fam *fam, const char *name,
		     const struct fam_channel_config *config, unsigned int end,
		     struct fam_channel **out)
{
	struct channel_shape shape;
	struct channel_end *made;
	int r;

	if (!is_end(end))
		return -EINVAL;
	if (config)
		shape = shape_of(config);
	r = channel_end_open(fam, name, FAM_OBJECT_CHANNEL,
			     config ? &shape : NULL, end == FAM_CHANNEL_SEND,
			     &made);
	if (r == 0)
		*out = (struct fam_channel *)made;
	return r;
}

int fam_channel_make(struct fam *fam, void *memory,
		     const struct fam_channel_config *config)
{
	struct channel_shape shape = shape_of(config);

	return channel_end_make(fam, memory, &shape);
}

int fam_channel_at(struct fam *fam, void *memory, uint64_t bytes,
		   unsigned int end, struct fam_channel **out)
{
	struct channel_end *made;
	int r;

	if (!is_end(end))
		return -EINVAL;
	r = channel_end_attach(fam, memory, bytes, FAM_OBJECT_CHANNEL,
			       end == FAM_CHANNEL_SEND, &made);
	if (r == 0)
		*out = (struct fam_channel *)made;
	return r;
}

void fam_channel_close(struct fam_channel *channel)
{
	if (!channel)
		return;
	fam_channel_cancel(channel);
	channel_end_close(&channel->end);
}

uint64_t fam_channel_max(const struct fam_channel *channel)
{
	return channel_message_max(&channel->end);
}

int fam_channel_reserve(struct fam_channel *channel, uint64_t bytes,
			int timeout_ms, void **out)
{
	int r = channel_message_reserve(&channel->end, bytes, timeout_ms);

	if (r == 0)
		*out = channel_message_body(&channel->end);
	return r;
}

int fam_channel_commit(struct fam_channel *channel, uint64_t bytes)
{
	return channel_message_commit(&channel->end, bytes);
}

void fam_channel_cancel(struct fam_channel *channel)
{
	if (channel->end.sends)
		channel_message_cancel(&channel->end);
}

int fam_channel_send(struct fam_channel *channel, const void *message,
		     uint64_t bytes, int timeout_ms)
{
	struct channel_end *end = &channel->end;
	int r = channel_message_reserve(end, bytes, timeout_ms);

	if (r < 0)
		return r;
	channel_message_copy(channel_message_body(end), message, bytes);
	return channel_message_commit(end, bytes);
}

int fam_channel_peek(struct fam_channel *channel, int timeout_ms,
		     const void **out, uint64_t *bytes)
{
	int r = channel_message_peek(&channel->end, timeout_ms);

	if (r < 0)
		return r;
	*out = channel_message_body(&channel->end);
	*bytes = channel->end.bytes;
	return 0;
}

int fam_channel_release(struct fam_channel *channel)
{
	return channel_message_release(&channel->end);
}

int fam_channel_receive(struct fam_channel *channel, void *message,
			uint64_t room, int timeout_ms, uint64_t *bytes)
{
	struct channel_end *end = &channel->end;
	int r = channel_message_peek(end, timeout_ms);

	if (r < 0)
		return r;
	*bytes = end->bytes;
	if (end->bytes > room)
		return -EMSGSIZE;
	channel_message_copy(message, channel_message_body(end), end->bytes);
	return channel_message_release(end);
}
