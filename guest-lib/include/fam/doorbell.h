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
 * again and again. A peer is a node with a doorbell device, all its programs
 * together, or a program of the host attached through tm-server: these have IDs
 * from the server, 1 to 65535. Each other program that has a session
 * (fam/session.h) is a peer of its own, FAM_PEER_SOFT and above: of nodes whose
 * device has no doorbells, and of the host attached to the file. The calls are
 * the same for all; who has no interrupts (fam_info.interrupts) is rung by
 * counters in the memory, which the library looks at while somebody waits, at
 * intervals that grow from nothing to 10 ms. Who has no session itself, as one
 * that only reads, does not reach these: it rings by server or device alone.
 *
 * Each peer has as many doorbells as there are vectors. The library keeps the
 * last vector of a device or server for itself, if there are two or more: to be
 * told at once of who died, and to be pinged.
 *
 * News of the server are read by fam_peer_event(), fam_doorbell_wait() and, for
 * all peers or one not known yet, by fam_doorbell_ring() and fam_peer_find();
 * also by the thread that keeps the session. A program of the host that has none and calls none of them for
 * long is dropped by the server once its socket is full: then -ENOTCONN, and
 * the ID is free for others. When the server is gone, memory and the doorbells
 * known by then go on working.
 *
 * All calls: -EOPNOTSUPP if the attachment can neither be rung nor ring: no
 * session, no server, no module. Those that need the session, for want of
 * interrupts, fail as fam_session_check() does: -ESTALE if it was lost. A child
 * of fork(2) must not use its parent's attachment.
 */

/** ID of the server, which is rung like a peer and never joins or leaves. */
#define FAM_PEER_SERVER 0

/** First ID of the peers that have none from a server. */
#define FAM_PEER_SOFT 0x10000u

/** Every peer there is, but for oneself and the server; only to be rung. */
#define FAM_PEER_ALL 0xffffffffu

/**
 * fam_peer_self() - the ID others ring this attachment by
 *
 * Threads:  safe
 * Blocks:   never
 * Return:   1 to 65535, or FAM_PEER_SOFT and above; -EOPNOTSUPP
 * Since:    0.1
 */
int fam_peer_self(struct fam *fam);

/**
 * fam_peer_find() - the peer that has a name
 * @name: of a node (its host name), or "NODE/PROGRAM" or "/PROGRAM", names as in
 *	fam/session.h; or an ID in decimal
 * @peer: its ID; untouched on failure
 *
 * Threads:  safe
 * Blocks:   never
 * Return:   0; -ENOENT there is none; -ENOTUNIQ several peers have the name;
 *	-EOPNOTSUPP names need sessions, and the attachment has none
 * Since:    0.1
 */
int fam_peer_find(struct fam *fam, const char *name, unsigned int *peer);

/**
 * fam_doorbell_vectors() - how many doorbells peers have, as far as can be known
 *
 * Those of the device or server, less the library's; 32 where there is neither,
 * and where an ordinary user without the kernel module is not told. A single
 * peer may have fewer.
 *
 * Threads:  safe
 * Blocks:   never
 * Return:   1 to 256; -EOPNOTSUPP
 * Since:    0.1
 */
int fam_doorbell_vectors(struct fam *fam);

/**
 * fam_doorbell_ring() - ring a peer
 * @peer: its ID; one's own, FAM_PEER_SERVER and FAM_PEER_ALL are allowed
 * @vector: 0 to fam_doorbell_vectors() - 1
 *
 * Success says that it was rung, not that it still lives: a peer that has just
 * left is rung in vain. Whoever gets its ID next does not notice, but for a ring
 * too many in the very moment when a peer without an ID from a server is
 * replaced. Of a node each program that is attached is rung. FAM_PEER_ALL passes
 * over those that cannot be rung from here, or have no such vector.
 *
 * Threads:  safe
 * Ordering: release; who returns from fam_doorbell_wait() because of it sees
 *	all stores made before the call
 * Blocks:   never
 * Return:   0, also if the counter of its rings is full: it is rung already;
 *	-ENOENT no peer has this ID, as far as can be known; -ERANGE no such
 *	vector, or it has none so high; -ENODEV the device is gone, as the kernel
 *	module says; -ENOTCONN the server is to be rung and gone; -EMFILE no descriptor is free for what the server has to tell;
 *	-EOPNOTSUPP, also if the server, or a node none of whose programs has a
 *	session, is to be rung from where it cannot be, or all of them where
 *	nobody knows who is there
 * Since:    0.1
 */
int fam_doorbell_ring(struct fam *fam, unsigned int peer, unsigned int vector);

/**
 * fam_doorbell_fd() - a descriptor that is readable while a vector was rung
 *
 * For poll(2) and epoll(7). The library's: do not read or close it, and take
 * the rings with fam_doorbell_wait() and timeout 0. From the first call on the
 * counters are looked at 50 times a second where rings may come by them: always
 * without interrupts; with them while somebody lives who has nothing else.
 *
 * Threads:  safe
 * Blocks:   never
 * Return:   the descriptor; -ERANGE no such vector; -EMFILE; -EOPNOTSUPP
 * Since:    0.1
 */
int fam_doorbell_fd(struct fam *fam, unsigned int vector);

/**
 * fam_doorbell_wait() - wait until a vector of one's own is rung
 * @timeout_ms: 0 does not wait, -1 waits for ever
 * @count: rings since they were taken last, 1 or more; may be NULL
 *
 * Rings add up and are never lost, but those of several peers cannot be told
 * apart: what they mean must stand in the memory. In a node with interrupts
 * several rings may count as one: then the last one is not lost. Of vectors with
 * interrupts, those who can only count in the memory are heard 20 ms late, and
 * up to an eighth of the lease if they have just joined.
 *
 * Threads:  safe; of several that wait for one vector, one gets the rings
 * Ordering: acquire; see fam_doorbell_ring()
 * Blocks:   until rung, a signal handler ran, or @timeout_ms have passed
 * Return:   0; -ETIMEDOUT; -EINTR a signal handler ran, no ring was taken;
 *	-ERANGE no such vector; -ENODEV the device is gone; -EOPNOTSUPP
 * Since:    0.1
 */
int fam_doorbell_wait(struct fam *fam, unsigned int vector, int timeout_ms,
		      uint64_t *count);

/**
 * fam_doorbell_wait_any() - wait until any vector of one's own is rung
 * @vector: which one; of several the one after that of the last call
 *
 * All else as fam_doorbell_wait().
 * Since:    0.1
 */
int fam_doorbell_wait_any(struct fam *fam, int timeout_ms, unsigned int *vector,
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
 *	is lost; -EOPNOTSUPP not attached through a server:
 *	fam_session_event() tells of programs
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
 * Return:   the descriptor; -EOPNOTSUPP as above
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
 * attachment itself are left out. Outside of a server's attachments these are
 * the peers that have sessions, and the nodes the server says are there.
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
