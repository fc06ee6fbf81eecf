/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026, the FAM emulator authors */
#ifndef FAM_RING_H
#define FAM_RING_H

#include <stdint.h>

#include <fam/map.h>

#pragma GCC visibility push(default)
#ifdef __cplusplus
extern "C" {
#endif

/*
 * Rings of slots of one size, between threads, processes, nodes and the host.
 * Each opening is a port: it pushes, pops, or both, from one thread at a time;
 * open one for each thread.
 *
 * A producer that dies between taking slots and filling them costs these slots:
 * consumers pass over them once its death is known. A consumer that dies takes
 * along what it had taken and not given back; a durable ring hands that to the
 * next one. Indices and lengths in the fabric are never trusted: a ring that
 * somebody else wrote over gives -EBADMSG, or wrong messages, and never touches
 * what is not its own.
 *
 * All: needs a session (fam/session.h); -ESTALE if it was lost, and the port is
 * then of no use: close it.
 */

#define FAM_RING_SLOTS_MAX (1u << 24)
#define FAM_RING_SLOT_MAX  (1u << 16)
#define FAM_RING_PORTS	   62 /* open at once */

enum fam_ring_kind {
	FAM_RING_SPSC = 1, /* one producer, one consumer */
	FAM_RING_MPSC = 2, /* several producers */
	FAM_RING_MPMC = 3, /* several of both */
};

/*
 * Nobody is woken: fastest. Calls with a timeout nap and look.
 */
#define FAM_RING_POLLED 0x1u
/*
 * What was pushed is there after a power cut of the host, in order, once:
 * pushing returns when it is durable, and so does fam_ring_release(). One
 * consumer; not for MPMC.
 */
#define FAM_RING_DURABLE 0x2u

struct fam_ring_config {
	uint32_t kind;	/* enum fam_ring_kind */
	uint32_t flags; /* FAM_RING_ */
	uint32_t slots; /* a power of two, 2 to FAM_RING_SLOTS_MAX */
	uint32_t bytes; /* of a slot, 1 to FAM_RING_SLOT_MAX */
};

#define FAM_RING_PUSH 0x1u /* this port pushes */
#define FAM_RING_POP  0x2u /* this port pops */

struct fam_ring; /* a port */

/** fam_ring_size() - bytes of memory a ring takes; 0: @config is not valid */
uint64_t fam_ring_size(const struct fam_ring_config *config);

/**
 * fam_ring_open() - open a port of a named ring
 * @config: of a new one; NULL: it must be there. If it is there, its own counts
 * @flags: FAM_RING_PUSH, FAM_RING_POP
 *
 * Return:   0; -EBUSY the one producer or consumer lives; -EMFILE no port is
 *	free; -EBADMSG it is damaged; as fam_object_open()
 * Since:    0.1
 */
int fam_ring_open(struct fam *fam, const char *name,
		  const struct fam_ring_config *config, unsigned int flags,
		  struct fam_ring **out);

/**
 * fam_ring_make() - make a ring in memory of one's own
 * @memory: fam_ring_size() bytes in a window of @fam, aligned to 64 bytes; what
 *	was there is lost
 */
int fam_ring_make(struct fam *fam, void *memory,
		  const struct fam_ring_config *config);

/**
 * fam_ring_at() - open a port of a ring made there; -EBADMSG there is none
 *
 * After a power cut of the host: a durable ring, when the leases of all that
 * were attached before have passed; others are to be made anew.
 */
int fam_ring_at(struct fam *fam, void *memory, uint64_t bytes,
		unsigned int flags, struct fam_ring **out);

/** fam_ring_close() - give back the port; NULL is allowed */
void fam_ring_close(struct fam_ring *ring);

/** fam_ring_get_config() - as it was made */
void fam_ring_get_config(const struct fam_ring *ring,
			 struct fam_ring_config *out);

/** fam_ring_count() - slots filled and not yet taken, about */
uint32_t fam_ring_count(const struct fam_ring *ring);

/**
 * fam_ring_push() - push as many of some messages as there is room for
 * @messages: @count of the ring's slot size, one behind the other
 *
 * Threads:  one at a time for each port
 * Ordering: release; messages of one port come out in their order
 * Survives: guest; host, if the ring is durable
 * Peers:    see above
 * Blocks:   never; if durable, as fam_persist()
 * Return:   how many, 0 if it is full; -EPERM the port does not push; -ESTALE;
 *	-EBADMSG; durable: errors of fam_persist(): how many are there is not
 *	known
 * Since:    0.1
 */
int fam_ring_push(struct fam_ring *ring, const void *messages,
		  unsigned int count);

/**
 * fam_ring_pop() - take up to @count; acquire; how many, 0 if it is empty
 *
 * Return:   as fam_ring_push(); -EOPNOTSUPP the ring is durable
 */
int fam_ring_pop(struct fam_ring *ring, void *messages, unsigned int count);

/**
 * fam_ring_push_wait() - push all of them; sleeps while it is full
 *
 * Return:   @count; fewer if @timeout_ms passed, a signal handler ran, or the
 *	session was lost, after some; -ETIMEDOUT, -EINTR, ... if none was
 */
int fam_ring_push_wait(struct fam_ring *ring, const void *messages,
		       unsigned int count, int timeout_ms);

/** fam_ring_pop_wait() - take at least one; sleeps while it is empty */
int fam_ring_pop_wait(struct fam_ring *ring, void *messages, unsigned int count,
		      int timeout_ms);

/**
 * fam_ring_peek() - look at the next message of a durable ring, without taking
 * it; fam_ring_pop() takes without a trace, so a durable ring refuses it
 *
 * Return:   how many were copied to @messages; the next call begins behind them
 */
int fam_ring_peek(struct fam_ring *ring, void *messages, unsigned int count,
		  int timeout_ms);

/** fam_ring_release() - those looked at are done; durable when it returns */
int fam_ring_release(struct fam_ring *ring);

#ifdef __cplusplus
}
#endif
#pragma GCC visibility pop
#endif
