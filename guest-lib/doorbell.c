// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
#include <errno.h>
#include <sys/eventfd.h>

#include <fam/session.h>

#include "fam-bells.h"
#include "fam-server.h"

/* Can anything be rung from here? */
static bool can_ring(struct fam *fam)
{
	return fam->bells->kind != FAM_BELLS_SOFT || fam_session_table(fam);
}

/* 0 if this attachment can be rung, or why not. */
static int check_rung(struct fam *fam)
{
	return fam_bells_interrupts(fam) ? 0 : fam_session_check(fam);
}

/* Own vectors that can be rung; -errno: none, and why. */
static int own_vectors(struct fam *fam)
{
	int r = check_rung(fam);

	return r < 0 ? r : (int)fam_bells_vectors(fam);
}

int fam_peer_self(struct fam *fam)
{
	uint32_t peer = fam_bells_peer(fam);
	int slot, r;

	if (peer && can_ring(fam))
		return (int)peer;
	r = fam_session_check(fam);
	if (r < 0)
		return r;
	slot = fam_session_slot(fam);
	return slot < 0 ? -ESTALE : (int)(FAM_PEER_SOFT + (unsigned int)slot);
}

int fam_doorbell_vectors(struct fam *fam)
{
	return can_ring(fam) ? (int)fam->bells->vectors : -EOPNOTSUPP;
}

/* --- ringing ---------------------------------------------------------------- */

/* The eventfd to write to; what the server has told meanwhile may name it. */
static int find_doorbell(struct fam_server *server, unsigned int peer,
			 unsigned int vector)
{
	int fd, r = 0;

	pthread_mutex_lock(&server->lock);
	fd = fam_server_doorbell(server, peer, vector);
	if (fd == -ENOENT) {
		r = fam_server_hear(server);
		fd = fam_server_doorbell(server, peer, vector);
	}
	pthread_mutex_unlock(&server->lock);
	return fd == -ENOENT && r < 0 ? r : fd;
}

static int ring_by_server(struct fam_server *server, unsigned int peer,
			  unsigned int vector)
{
	int fd = find_doorbell(server, peer, vector);

	return fd < 0 ? fd : fam_rings_add(fd, 1);
}

static int ring_by_registers(struct fam *fam, unsigned int peer,
			     unsigned int vector)
{
	if (peer != FAM_PEER_SERVER && peer != fam_bells_peer(fam) &&
	    !fam_bells_soft_knows(fam, peer))
		return -ENOENT;
	return fam_bell_ring(&fam->bells->bell, peer, vector);
}

/* Nothing but the sessions' own counters reaches it from here. */
static int ring_by_sessions(struct fam *fam, unsigned int peer,
			    unsigned int vector)
{
	int r;

	if (peer == FAM_PEER_SERVER)
		return -EOPNOTSUPP;
	r = fam_bells_soft_ring(fam, peer, vector, true);
	return r == -ENOENT && fam_bells_soft_is_present(fam, peer)
		       ? -EOPNOTSUPP
		       : r;
}

static int ring_id(struct fam *fam, unsigned int peer, unsigned int vector)
{
	int r;

	if (fam->bells->kind == FAM_BELLS_SOFT)
		return ring_by_sessions(fam, peer, vector);
	r = fam->server ? ring_by_server(fam->server, peer, vector)
			: ring_by_registers(fam, peer, vector);
	/* A peer of an earlier server, which this one cannot ring. */
	if (r == -ENOENT && fam->server)
		return fam_bells_soft_ring(fam, peer, vector, true);
	if (r < 0 || peer == FAM_PEER_SERVER)
		return r;
	/* Those of its programs whom that does not wake. */
	r = fam_bells_soft_ring(fam, peer, vector, false);
	return r == -ENOENT ? 0 : r;
}

static int ring_one(struct fam *fam, unsigned int peer, unsigned int vector)
{
	return peer >= FAM_PEER_SOFT
		       ? fam_bells_soft_ring_slot(fam, peer - FAM_PEER_SOFT,
						  vector)
		       : ring_id(fam, peer, vector);
}

struct ringing {
	struct fam *fam;
	unsigned int vector;
};

/* Who left meanwhile, or cannot be rung from here, is not there. */
static int ring_each(unsigned int peer, void *arg)
{
	struct ringing *ringing = arg;
	int r = ring_one(ringing->fam, peer, ringing->vector);

	return r == -ENOENT || r == -ERANGE || r == -EOPNOTSUPP ? 0 : r;
}

int fam_doorbell_ring(struct fam *fam, unsigned int peer, unsigned int vector)
{
	struct ringing ringing = {fam, vector};

	if (!can_ring(fam))
		return -EOPNOTSUPP;
	if (vector >= fam->bells->vectors)
		return -ERANGE;
	/* The locks and counters order all stores but the weakly ordered. */
	fam_drain(fam);
	if (peer == FAM_PEER_ALL)
		return fam_peers_each(fam, ring_each, &ringing);
	return ring_one(fam, peer, vector);
}

/* --- being rung ------------------------------------------------------------- */

/* Where nothing rings it, the keeper does. */
static int make_fd(struct fam_bells *bells, unsigned int vector)
{
	int none = -1;
	int fd = fam_fd_lift(eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC));

	if (fd < 0)
		return fd;
	if (atomic_compare_exchange_strong(&bells->fd[vector], &none, fd))
		return fd;
	close(fd);
	return none;
}

int fam_doorbell_fd(struct fam *fam, unsigned int vector)
{
	struct fam_bells *bells = fam->bells;
	int fd, vectors = own_vectors(fam);

	if (vectors < 0)
		return vectors;
	if (vector >= (unsigned int)vectors)
		return -ERANGE;
	fd = bells->fd[vector];
	if (fd < 0)
		fd = make_fd(bells, vector);
	bells->watched = true;
	if (fd >= 0 && !bells->bridging)
		fam_session_wake(fam);
	return fd;
}

int fam_doorbell_wait(struct fam *fam, unsigned int vector, int timeout_ms,
		      uint64_t *count)
{
	const struct fam_bells_range range = {.first = vector, .count = 1};
	int vectors = own_vectors(fam);
	unsigned int rung;

	if (vectors < 0)
		return vectors;
	if (vector >= (unsigned int)vectors)
		return -ERANGE;
	return fam_bells_wait(fam, &range, timeout_ms, &rung, count);
}

int fam_doorbell_wait_any(struct fam *fam, int timeout_ms, unsigned int *vector,
			  uint64_t *count)
{
	struct fam_bells_range range = {.start = fam->bells->next};
	int r, vectors = own_vectors(fam);

	if (vectors < 0)
		return vectors;
	range.count = (unsigned int)vectors;
	r = fam_bells_wait(fam, &range, timeout_ms, vector, count);
	if (r == 0)
		fam->bells->next = *vector + 1;
	return r;
}
