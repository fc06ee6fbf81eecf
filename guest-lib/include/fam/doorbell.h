/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026, the FAM emulator authors */
#ifndef FAM_DOORBELL_H
#define FAM_DOORBELL_H

#include <stdint.h>

#include <fam/map.h>

#pragma GCC visibility push(default)
#ifdef __cplusplus
extern "C" {
#endif

/*
 * Peers of a fabric ring each other, so that nobody has to look at the memory
 * again and again. Each peer (a node, or a program of the host attached through
 * tm-server) has an ID, and as many doorbells as there are vectors.
 *
 * No call starts a thread. What the server has to tell is read by
 * fam_peer_event(), fam_doorbell_wait() and, for a peer not known yet, by
 * fam_doorbell_ring(). A program that calls none of them for long is dropped by
 * the server once its socket is full: then -ENOTCONN, and the ID is free for
 * others. When the server is gone, memory and the doorbells known by then go on
 * working.
 *
 * All calls: -EOPNOTSUPP if the attachment has no doorbells, as those of nodes
 * yet. A child of fork(2) must not use its parent's attachment.
 */

/** ID of the server, which is rung like a peer and never joins or leaves. */
#define FAM_PEER_SERVER 0

/**
 * fam_peer_self() - the ID others ring this attachment by
 *
 * Threads:  safe
 * Blocks:   never
 * Return:   1 to 65535; -EOPNOTSUPP
 * Since:    0.1
 */
int fam_peer_self(struct fam *fam);

/**
 * fam_doorbell_vectors() - how many doorbells each peer has, here as elsewhere
 *
 * Threads:  safe
 * Blocks:   never
 * Return:   1 to 256; -EOPNOTSUPP
 * Since:    0.1
 */
int fam_doorbell_vectors(struct fam *fam);

/**
 * fam_doorbell_ring() - ring a peer
 * @peer: its ID; one's own and FAM_PEER_SERVER are allowed
 * @vector: 0 to fam_doorbell_vectors() - 1
 *
 * Success says that it was rung, not that it still lives: a peer that has just
 * left is rung in vain, and whoever gets its ID next does not notice.
 *
 * Threads:  safe
 * Ordering: release; who returns from fam_doorbell_wait() because of it sees
 *	all stores made before the call
 * Blocks:   never
 * Return:   0, also if the counter of its rings is full: it is rung already;
 *	-ENOENT no peer has this ID; -ERANGE no such vector; -ENOTCONN the
 *	server is to be rung and gone; -EMFILE no descriptor is free for what
 *	the server has to tell; -EOPNOTSUPP
 * Since:    0.1
 */
int fam_doorbell_ring(struct fam *fam, unsigned int peer, unsigned int vector);

/**
 * fam_doorbell_fd() - a descriptor that is readable while a vector was rung
 *
 * For poll(2) and epoll(7). The library's: do not read or close it, and take
 * the rings with fam_doorbell_wait() and timeout 0.
 *
 * Threads:  safe
 * Blocks:   never
 * Return:   the descriptor; -ERANGE no such vector; -EOPNOTSUPP
 * Since:    0.1
 */
int fam_doorbell_fd(struct fam *fam, unsigned int vector);

/**
 * fam_doorbell_wait() - wait until a vector of one's own is rung
 * @timeout_ms: 0 does not wait, -1 waits for ever
 * @count: rings since they were taken last, 1 or more; may be NULL
 *
 * Rings add up and are never lost, but those of several peers cannot be told
 * apart: what they mean must stand in the memory.
 *
 * Threads:  safe; of several that wait for one vector, one gets the rings
 * Ordering: acquire; see fam_doorbell_ring()
 * Blocks:   until rung, a signal handler ran, or @timeout_ms have passed
 * Return:   0; -ETIMEDOUT; -EINTR a signal handler ran, no ring was taken;
 *	-ERANGE no such vector; -EOPNOTSUPP
 * Since:    0.1
 */
int fam_doorbell_wait(struct fam *fam, unsigned int vector, int timeout_ms,
		      uint64_t *count);

/** What fam_peer_event() tells of a peer. */
enum fam_peer_change {
	FAM_PEER_JOINED = 1, /* it can be rung */
	FAM_PEER_LEFT = 2,   /* nobody has this ID now */
};

struct fam_peer_event {
	uint32_t change; /* enum fam_peer_change */
	uint32_t peer;	 /* its ID */
};

/**
 * fam_peer_event() - the next peer that joined or left
 *
 * Each change since fam_open() is told exactly once, those of a peer in their
 * order; who was there at fam_open() is told by fam_peer_each(). If one ID
 * comes and goes several times before anybody asks, only the last "left" and
 * "joined" are told. An ID can come back with another peer behind it.
 *
 * Threads:  safe; each change is told to one caller
 * Blocks:   never
 * Return:   0; -EAGAIN nothing has changed; -ENOTCONN the server is gone, or
 *	has dropped this program; -EPROTO it did not keep to the protocol and
 *	was dropped; -EMFILE no descriptor is free for what comes next, nothing
 *	is lost; -EOPNOTSUPP
 * Since:    0.1
 */
int fam_peer_event(struct fam *fam, struct fam_peer_event *out);

/**
 * fam_peer_fd() - a descriptor that is readable when fam_peer_event() is due
 *
 * For poll(2) and epoll(7); the library's. It may be readable and there is
 * nothing to tell (-EAGAIN). When the server is gone it stays readable.
 *
 * Threads:  safe
 * Blocks:   never
 * Return:   the descriptor; -EOPNOTSUPP
 * Since:    0.1
 */
int fam_peer_fd(struct fam *fam);

/**
 * fam_peer_each() - enumerate the other peers that are there
 * @visit: called for each with its ID, in ascending order, and @arg; a value
 *	other than 0 ends it and is returned. It may call any function here
 *
 * As of the events told so far: who begins with this call and goes on with
 * fam_peer_event() misses nothing and hears nothing twice. The server and the
 * attachment itself are left out.
 *
 * Threads:  safe
 * Blocks:   never
 * Return:   0, the value of @visit, or -EOPNOTSUPP
 * Since:    0.1
 */
int fam_peer_each(struct fam *fam, int (*visit)(unsigned int peer, void *arg),
		  void *arg);

#ifdef __cplusplus
}
#endif
#pragma GCC visibility pop
#endif
