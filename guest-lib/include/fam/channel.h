/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026, the FAM emulator authors */
#ifndef FAM_CHANNEL_H
#define FAM_CHANNEL_H

#include <stdint.h>

#include <fam/map.h>

#pragma GCC visibility push(default)
#ifdef __cplusplus
extern "C" {
#endif

/*
 * Messages of any length, from several senders or one to one receiver, built
 * and read in place. Each opening is an end, used by one thread at a time, and
 * needs a session (fam/session.h); with that it ends: -ESTALE from then on.
 *
 * Ends notice each other. A receiver is told -ESHUTDOWN when all senders have
 * closed, and again until there is a new one; -ECONNRESET for each one that died,
 * once. Both come when nothing is left to be received; with FAM_CHANNEL_ONE also
 * before the first message of the next sender. A sender is told -EPIPE when the
 * receiver it had has closed or died, as long as there is no other. Who comes
 * first waits for the other; a sender can fill the channel meanwhile. The next
 * receiver goes on where the last one was. A message that a dead sender had
 * reserved and not committed is passed over once its death is known.
 *
 * What others wrote over gives -EBADMSG, wrong messages, or a wait that does not
 * end by itself; it never has anybody touch what lies outside the channel.
 */

#define FAM_CHANNEL_BYTES_MIN (1u << 12)
#define FAM_CHANNEL_BYTES_MAX (1u << 31)
#define FAM_CHANNEL_SENDERS   48 /* at a time */

#define FAM_CHANNEL_SEND    0x1u /* ends: exactly one of the two */
#define FAM_CHANNEL_RECEIVE 0x2u

/* Of a new channel. */
#define FAM_CHANNEL_ONE	   0x1u /* one sender at a time: faster */
#define FAM_CHANNEL_POLLED 0x2u /* nobody is woken: fastest; waits nap */

struct fam_channel_config {
	uint64_t bytes; /* of messages not yet received; a power of two */
	uint32_t flags; /* FAM_CHANNEL_ONE, FAM_CHANNEL_POLLED */
	uint32_t reserved;
};

struct fam_channel; /* an end */

/** fam_channel_size() - bytes of memory it takes; 0: @config is not valid */
uint64_t fam_channel_size(const struct fam_channel_config *config);

/**
 * fam_channel_open() - open an end of a named channel
 * @config: of a new one; NULL: it must be there. If it is there, its own counts
 * @end: FAM_CHANNEL_SEND or FAM_CHANNEL_RECEIVE
 * @out: untouched on failure
 *
 * Threads:  safe
 * Survives: guest; after a power cut of the host it is there, and empty
 * Return:   0; -EBUSY the one receiver, or sender, lives; -EMFILE there are
 *	FAM_CHANNEL_SENDERS; -EBADMSG it is damaged; as fam_object_open()
 * Since:    0.1
 */
int fam_channel_open(struct fam *fam, const char *name,
		     const struct fam_channel_config *config, unsigned int end,
		     struct fam_channel **out);

/**
 * fam_channel_make() - make a channel in memory of one's own
 * @memory: fam_channel_size() bytes in a window of @fam, aligned to 64 bytes;
 *	what was there is lost, and nobody may have it open
 *
 * Return:   0; -EINVAL @config, or not aligned; -EFAULT; -ESTALE, -EUSERS,
 *	-EOPNOTSUPP
 * Since:    0.1
 */
int fam_channel_make(struct fam *fam, void *memory,
		     const struct fam_channel_config *config);

/** fam_channel_at() - open an end of one made there; as fam_channel_open() */
int fam_channel_at(struct fam *fam, void *memory, uint64_t bytes,
		   unsigned int end, struct fam_channel **out);

/**
 * fam_channel_close() - and tell the other side; NULL is allowed
 *
 * Cancels what was reserved. What was peeked at and not released is there for
 * the next receiver.
 */
void fam_channel_close(struct fam_channel *channel);

/** fam_channel_max() - bytes of the longest message: a quarter of its bytes */
uint64_t fam_channel_max(const struct fam_channel *channel);

/**
 * fam_channel_reserve() - have room for a message, to be built in place
 * @bytes: 0 to fam_channel_max()
 * @out: aligned to 16 bytes; untouched on failure
 *
 * Threads:  one at a time for each end; one reservation at a time
 * Peers:    the receiver gets nothing that was reserved later by others before
 *	this is committed, cancelled, or its sender dead
 * Blocks:   while it is full, until @timeout_ms have passed; -1 for ever
 * Return:   0; -EMSGSIZE; -EAGAIN @timeout_ms is 0 and it is full; -ETIMEDOUT;
 *	-EINTR; -EPIPE; -EBADMSG; -ESTALE; -EPERM not a sending end; -EBUSY
 *	something is reserved
 * Since:    0.1
 */
int fam_channel_reserve(struct fam_channel *channel, uint64_t bytes,
			int timeout_ms, void **out);

/**
 * fam_channel_commit() - send what was reserved
 * @bytes: at most as many as were reserved, rounded up to 16
 *
 * Ordering: release; messages of one sender arrive in their order
 * Survives: guest
 * Blocks:   never
 * Return:   0; -EINVAL nothing is reserved; -EMSGSIZE, it is still reserved;
 *	-ESTALE it is lost, or not: that is not known
 * Since:    0.1
 */
int fam_channel_commit(struct fam_channel *channel, uint64_t bytes);

/** fam_channel_cancel() - of what was reserved, if anything */
void fam_channel_cancel(struct fam_channel *channel);

/** fam_channel_send() - reserve, copy, commit */
int fam_channel_send(struct fam_channel *channel, const void *message,
		     uint64_t bytes, int timeout_ms);

/**
 * fam_channel_peek() - the next message, where it lies
 * @out: aligned to 16 bytes; others can change it: copy what must be checked
 *
 * The same one until it is released.
 *
 * Ordering: acquire
 * Blocks:   while there is none, until @timeout_ms have passed; -1 for ever
 * Return:   0; -EAGAIN @timeout_ms is 0 and there is none; -ETIMEDOUT; -EINTR;
 *	-ESHUTDOWN, -ECONNRESET see above; -EBADMSG; -ESTALE; -EPERM
 * Since:    0.1
 */
int fam_channel_peek(struct fam_channel *channel, int timeout_ms,
		     const void **out, uint64_t *bytes);

/**
 * fam_channel_release() - done with it: its room is the senders' again
 *
 * Return:   0: no other receiver gets it; -EINVAL none was peeked at; -ESTALE
 *	another one may get it, or have it
 * Since:    0.1
 */
int fam_channel_release(struct fam_channel *channel);

/**
 * fam_channel_receive() - peek, copy, release
 * @room: of @message; -EMSGSIZE if it is too small, @bytes tells what it takes,
 *	and the message stays
 */
int fam_channel_receive(struct fam_channel *channel, void *message,
			uint64_t room, int timeout_ms, uint64_t *bytes);

#ifdef __cplusplus
}
#endif
#pragma GCC visibility pop
#endif
