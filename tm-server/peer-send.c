// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "peer-send.h"

#define BATCH 128
/* A peer that reads as fast as we write must not keep the loop to itself. */
#define ROUND (8 * BATCH)

union control {
	struct cmsghdr header;
	char space[CMSG_SPACE(sizeof(int))];
};

struct peers_batch {
	struct mmsghdr message[BATCH];
	struct iovec iov[BATCH];
	union control control[BATCH];
	uint8_t bytes[BATCH][IVSHMEM_MESSAGE_BYTES];
};

int peer_batch_new(struct peers_batch **out)
{
	struct peers_batch *b = calloc(1, sizeof(*b));

	if (!b)
		return -ENOMEM;
	for (size_t i = 0; i < BATCH; i++) {
		struct cmsghdr *c = &b->control[i].header;

		b->iov[i] = (struct iovec){b->bytes[i], sizeof(b->bytes[i])};
		b->message[i].msg_hdr.msg_iov = &b->iov[i];
		b->message[i].msg_hdr.msg_iovlen = 1;
		c->cmsg_len = CMSG_LEN(sizeof(int));
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
	}
	*out = b;
	return 0;
}

void peer_batch_free(struct peers_batch *batch)
{
	free(batch);
}

static void put(struct peers_batch *b, size_t i, enum ivshmem_dialect dialect,
		int64_t value)
{
	ivshmem_encode(dialect, value, b->bytes[i]);
	b->message[i].msg_hdr.msg_control = NULL;
	b->message[i].msg_hdr.msg_controllen = 0;
}

static void put_fd(struct peers_batch *b, size_t i, int fd)
{
	memcpy(CMSG_DATA(&b->control[i].header), &fd, sizeof(fd));
	b->message[i].msg_hdr.msg_control = &b->control[i];
	/* not CMSG_SPACE: exactly what servers have always sent */
	b->message[i].msg_hdr.msg_controllen = CMSG_LEN(sizeof(int));
}

/* Fills the batch from a copy of the stream; returns the number of messages. */
static size_t fill(const struct peer_sender *sender,
		   struct ivshmem_stream stream, bool news)
{
	const struct slots *slots = sender->slots;
	struct peers_batch *b = sender->batch;
	struct ivshmem_message m;
	size_t n = 0;

	for (; n < BATCH && ivshmem_peek(&stream, &slots->world, &m); n++) {
		if (!news && ivshmem_setup_done(&stream))
			break;
		put(b, n, stream.dialect, m.value);
		if (m.fd == IVSHMEM_FD_MEMORY)
			put_fd(b, n, sender->memory_fd);
		else if (m.fd == IVSHMEM_FD_EVENT)
			put_fd(b, n, slots->by_id[m.id]->eventfd[m.vector]);
		ivshmem_advance(&stream, &slots->world);
	}
	return n;
}

int peer_send(const struct peer_sender *sender, int fd,
	      struct ivshmem_stream *stream, bool news)
{
	uint64_t end = stream->sent + ROUND;
	size_t n;

	while ((n = fill(sender, *stream, news)) > 0) {
		int sent = sendmmsg(fd, sender->batch->message, (unsigned int)n,
				    MSG_DONTWAIT | MSG_NOSIGNAL);

		if (sent < 0 && errno == EINTR)
			continue;
		if (sent < 0)
			return -errno;
		for (int i = 0; i < sent; i++)
			ivshmem_advance(stream, &sender->slots->world);
		if (stream->sent >= end)
			return -EAGAIN;
	}
	return 0;
}
