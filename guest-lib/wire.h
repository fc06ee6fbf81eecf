/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026, the FAM emulator authors */
#ifndef FAM_WIRE_H
#define FAM_WIRE_H

#include <stddef.h>
#include <stdint.h>

/*
 * The host dialect of tm-server as it comes from the socket: messages of eight
 * bytes, little-endian, each with one descriptor or none. A message with a
 * descriptor is FAM_WIRE_MEMORY or an eventfd (bits 0 to 15 ID, 16 to 31
 * vector); one without is FAM_WIRE_HELLO, the first of all, or has a kind in
 * bits 32 to 63, a number in bits 0 to 15, and zeros between. A program sends
 * nothing.
 */
#define FAM_WIRE_BYTES	     8
#define FAM_WIRE_HELLO	     (INT64_C(0x46414d) << 32 | 1) /* "FAM", version */
#define FAM_WIRE_MEMORY	     (-1)
#define FAM_WIRE_IDS	     65536
#define FAM_WIRE_VECTORS_MAX 256
#define FAM_WIRE_NONE_BYTES  4096 /* size of the memory of a memory-less one */

enum fam_wire_kind {
	FAM_WIRE_SELF = 1,     /* the receiver's own ID */
	FAM_WIRE_VECTORS = 2,  /* vectors of every ID */
	FAM_WIRE_ATTACHED = 3, /* a peer has this ID now */
	FAM_WIRE_LEFT = 4,     /* nobody has it any more */
	FAM_WIRE_READY = 5,    /* the set-up is complete */
};

/* A connection, and the message that is coming in. */
struct fam_wire {
	int sock;
	int fd; /* came with the message; -1 */
	size_t got;
	uint8_t bytes[FAM_WIRE_BYTES];
};

/**
 * fam_wire_read() - one message; never waits
 * @fd: the caller's on success; -1 if none came
 *
 * Return: 0; -EAGAIN not all of it is there; -ECONNRESET the end; -EPROTO
 * more than one descriptor; -EMFILE no room for it: the message is lost; ...
 */
int fam_wire_read(struct fam_wire *wire, int64_t *value, int *fd);

/** fam_wire_close() - the socket, and what has come of a message */
void fam_wire_close(struct fam_wire *wire);

#endif
