/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026, the FAM emulator authors */
#ifndef FAM_STREAM_H
#define FAM_STREAM_H

#include <stddef.h>
#include <stdint.h>

#include <fam/map.h>

#pragma GCC visibility push(default)
#ifdef __cplusplus
extern "C" {
#endif

/*
 * Bytes from one writer to one reader, as many as you like: what is not read yet
 * is at most the stream's size, then the writer waits. Ends, closing and death
 * are those of fam/channel.h: the reader gets -ESHUTDOWN when all was read and
 * the writer has closed, -ECONNRESET when it died, and so between the bytes of
 * two writers that come one after the other.
 */

#define FAM_STREAM_BYTES_MIN (1u << 12)
#define FAM_STREAM_BYTES_MAX (UINT64_C(1) << 40)

#define FAM_STREAM_WRITE 0x1u
#define FAM_STREAM_READ	 0x2u

struct fam_stream_config {
	uint64_t bytes; /* a power of two */
	uint32_t flags; /* FAM_STREAM_POLLED */
	uint32_t reserved;
};

#define FAM_STREAM_POLLED 0x1u /* nobody is woken: waits spin, then nap */

struct fam_stream; /* an end */

uint64_t fam_stream_size(const struct fam_stream_config *config);

/**
 * fam_stream_open() - open an end of a named stream; as fam_channel_open()
 * @end: FAM_STREAM_WRITE or FAM_STREAM_READ
 *
 * Return:   -EBUSY also for a writer if two have come and gone, and nobody has
 *	read as far as the second one's bytes
 */
int fam_stream_open(struct fam *fam, const char *name,
		    const struct fam_stream_config *config, unsigned int end,
		    struct fam_stream **out);

/** fam_stream_make(), fam_stream_at(), fam_stream_close(): as of a channel */
int fam_stream_make(struct fam *fam, void *memory,
		    const struct fam_stream_config *config);
int fam_stream_at(struct fam *fam, void *memory, uint64_t bytes,
		  unsigned int end, struct fam_stream **out);
void fam_stream_close(struct fam_stream *stream);

/**
 * fam_stream_write() - write bytes
 * @done: how many went, also on failure
 *
 * In pieces, so that the reader reads while the writer writes.
 *
 * Threads:  one at a time for each end
 * Ordering: release
 * Survives: guest
 * Blocks:   while it is full, until @timeout_ms have passed without progress; -1
 *	for ever
 * Return:   0: all of them; else -ETIMEDOUT, -EAGAIN with @timeout_ms 0; -EINTR;
 *	-EPIPE the reader closed or died; -EBADMSG; -ESTALE; -EPERM
 * Since:    0.1
 */
int fam_stream_write(struct fam_stream *stream, const void *data, size_t bytes,
		     int timeout_ms, size_t *done);

/**
 * fam_stream_read() - read 1 to @room bytes, what is there
 * @bytes: how many; untouched on failure
 *
 * Threads:  one at a time for each end
 * Ordering: acquire
 * Blocks:   while there are none, until @timeout_ms have passed; -1 for ever
 * Return:   0; -ETIMEDOUT, -EAGAIN with @timeout_ms 0; -EINTR; -ESHUTDOWN,
 *	-ECONNRESET; -EBADMSG; -ESTALE; -EPERM; -EINVAL @room is 0
 * Since:    0.1
 */
int fam_stream_read(struct fam_stream *stream, void *data, size_t room,
		    int timeout_ms, size_t *bytes);

/** fam_stream_read_all() - exactly @want bytes; @bytes as @done above */
int fam_stream_read_all(struct fam_stream *stream, void *data, size_t want,
			int timeout_ms, size_t *bytes);

/**
 * fam_stream_reserve() - have room to write in place
 * @bytes: how much there is in one piece, 1 or more
 *
 * Nothing is taken by it: the next call may give more. Blocks and returns as
 * fam_stream_write().
 */
int fam_stream_reserve(struct fam_stream *stream, int timeout_ms, void **out,
		       size_t *bytes);

/** fam_stream_commit() - the first @bytes of it; -EINVAL there are not so many */
int fam_stream_commit(struct fam_stream *stream, size_t bytes);

/** fam_stream_peek(), fam_stream_release(): the same, to read in place */
int fam_stream_peek(struct fam_stream *stream, int timeout_ms, const void **out,
		    size_t *bytes);
int fam_stream_release(struct fam_stream *stream, size_t bytes);

/**
 * fam_copy() - the fastest copy between the fabric and other memory
 *
 * As memcpy(3), which is as good on hardware; under an emulator that emulates
 * the CPU, too, it is several times faster than that. No order between the
 * bytes, release or acquire is the caller's.
 *
 * Return:   @to
 * Since:    0.1
 */
void *fam_copy(void *to, const void *from, size_t bytes);

#ifdef __cplusplus
}
#endif
#pragma GCC visibility pop
#endif
