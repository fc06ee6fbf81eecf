/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026, the FAM emulator authors */
#ifndef FAM_TRANSFER_H
#define FAM_TRANSFER_H

/*
 * What fam send and fam recv say to each other: bytes through the stream NAME,
 * and the receiver's answer through the stream NAME/reply. Whoever comes first
 * makes both, whoever is last removes them.
 *
 *	hello, { piece, bytes }, piece of 0 bytes, trailer  ->
 *	                                                    <-  reply
 *
 * Both sides check all of it: anybody may write into the fabric.
 */

#include <fam/object.h>
#include <fam/stream.h>

#include "fam-tool.h"

#define TRANSFER_MAGIC UINT64_C(0x31444e45534d4146) /* "FAMSEND1" */
#define TRANSFER_PIECE (256u << 10)		    /* bytes, at most */

struct transfer_hello {
	uint64_t magic;
	uint64_t id; /* random, of this transfer */
};

struct transfer_piece {
	uint32_t bytes; /* that follow; 0: the trailer follows */
	uint32_t check; /* transfer_check() */
};

struct transfer_trailer {
	uint64_t bytes; /* of all pieces */
	uint32_t crc32c;
	uint32_t check;
};

enum transfer_result {
	TRANSFER_ARRIVED = 1, /* whole, and where it was to go */
	TRANSFER_DAMAGED = 2, /* length or checksum is wrong */
	TRANSFER_NO_ROOM = 3, /* the receiver could not write it */
};

struct transfer_reply {
	uint64_t id;
	uint32_t result; /* enum transfer_result */
	uint32_t crc32c; /* of what arrived */
	uint64_t bytes;
};

struct transfer {
	const struct options *options;
	struct fam *fam;
	const char *name;
	char reply_name[FAM_OBJECT_NAME_MAX];
	const char *other; /* "receiver" or "sender" */
	struct fam_stream *data, *reply;
	int timeout_ms;
	uint64_t id, bytes;
	uint32_t crc32c;
	uint8_t *buffer; /* TRANSFER_PIECE bytes */
};

/** transfer_words() - NAME [FILE]; EXIT_DONE, or an exit status */
int transfer_words(const struct options *options, const char **file);

/**
 * transfer_open() - attach, and open both streams
 * @end: FAM_STREAM_WRITE for who sends, FAM_STREAM_READ
 *
 * Return: EXIT_DONE: transfer_close() is to follow; or an exit status
 */
int transfer_open(struct transfer *transfer, const struct options *options,
		  unsigned int end);

/** transfer_close() - as peer_close(); the streams go with their last user */
int transfer_close(struct transfer *transfer, int status);

/** transfer_write(), transfer_read() - all of it; 0 or a negative errno */
int transfer_write(struct transfer *transfer, struct fam_stream *stream,
		   const void *data, size_t bytes);
int transfer_read(struct transfer *transfer, struct fam_stream *stream,
		  void *data, size_t bytes);

/** transfer_check() - of a piece, so that it is not taken for another's */
static inline uint32_t transfer_check(uint64_t id, uint32_t bytes)
{
	return (uint32_t)(id ^ id >> 32) ^ bytes ^ UINT32_C(0x5eedf00d);
}

/** say_transfer_failure() - an exit status */
int say_transfer_failure(const struct transfer *transfer, int error);

#endif
