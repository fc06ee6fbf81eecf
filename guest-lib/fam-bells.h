/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026, the FAM emulator authors */
#ifndef FAM_BELLS_H
#define FAM_BELLS_H

/*
 * Behind fam/doorbell.h. Rings go out through the server's eventfds, or the
 * registers of the node's device; they come in by eventfds, of the server or
 * the kernel module. Where one of the two is missing there are counters in the
 * table of sessions, called soft bells: an array of each session's slot.
 */
#include <stdatomic.h>

#include <fam-rings.h>
#include <fam-sessions.h>

#include "internal.h"

#define FAM_BELLS_MAX	    256 /* vectors */
#define FAM_BELLS_IDS	    FAM_SESSIONS_IDS
#define FAM_BELLS_BRIDGE_MS 20 /* how often soft bells become eventfds */

/* --- registers of the node's own device: bell.c ---------------------------- */

struct fam_bell {
	volatile uint32_t *registers; /* NULL: not mapped */
	int device;    /* open file of the module, rung by ioctl; 0: none */
	uint32_t self; /* own ID; 0: none, that is the server's */
};

/** fam_bell_open() - get at the registers of the device; not there: no bell */
void fam_bell_open(const struct fam_source *source, struct fam_bell *out);
bool fam_bell_can_ring(const struct fam_bell *bell);

/** fam_bell_ring() - 0; -ERANGE; -ENODEV the device is gone, as far as is told */
int fam_bell_ring(const struct fam_bell *bell, uint32_t peer, uint32_t vector);
void fam_bell_close(struct fam_bell *bell);

/* --- those of an attachment: bells.c --------------------------------------- */

enum fam_bells_kind {
	FAM_BELLS_SOFT,	     /* nothing but the table of sessions, if that */
	FAM_BELLS_SERVER,    /* a program of the host: eventfds both ways */
	FAM_BELLS_MODULE,    /* registers and interrupts */
	FAM_BELLS_REGISTERS, /* these only: it can ring, but is not woken */
};

/* A session that lives, as far as ringing it goes. */
struct fam_bells_session {
	uint32_t peer; /* hardware ID; 0: none */
	uint16_t slot;
	uint16_t vectors; /* it can be rung at */
	bool woken;	  /* rings of its hardware ID reach it */
};

struct fam_bells {
	/* Not changed after the start. */
	enum fam_bells_kind kind;
	struct fam_bell bell;  /* FAM_BELLS_MODULE, FAM_BELLS_REGISTERS */
	unsigned int hardware; /* vectors of device or server; 0: not known */
	unsigned int vectors;  /* of programs */
	int device;	       /* FAM_BELLS_MODULE: its open file, else -1 */

	_Atomic bool watched;	       /* somebody has a descriptor */
	_Atomic unsigned int waiters;  /* in fam_doorbell_wait() now */
	_Atomic unsigned int waits;    /* ever begun */
	_Atomic bool bridging;	       /* the keeper looks all the time */
	_Atomic unsigned int next;     /* fam_doorbell_wait_any() begins here */
	_Atomic int fd[FAM_BELLS_MAX]; /* eventfds of own vectors; -1 */

	unsigned int seen; /* the keeper's: `waits` when it looked last */

	pthread_mutex_t lock; /* guards the rest; none is taken under it */
	int slot;	      /* own, whose soft bells are taken; -1 */
	uint64_t taken[FAM_SESSIONS_BELLS];
	/* Who lived when `changes` of the table was this. */
	bool listed;
	uint64_t changes;
	unsigned int count;
	struct fam_bells_session session[FAM_SESSIONS_SLOTS];
};

/**
 * fam_bells_open() - get ready to ring and be rung
 * @only: the memory is not wanted, its descriptor is given up
 *
 * After the source, before the session.
 * Return: 0; -EOPNOTSUPP @only, and there are none; -EMFILE; -ENOMEM
 */
int fam_bells_open(struct fam *fam, bool only);

/** fam_bells_close() - after the session; also of what was never opened */
void fam_bells_close(struct fam *fam);

/** fam_bells_describe() - what fam_info tells about doorbells */
void fam_bells_describe(struct fam *fam, struct fam_info *info);

/** fam_bells_peer() - the hardware ID others ring it by; 0: it has none */
uint32_t fam_bells_peer(struct fam *fam);

/** fam_bells_interrupts() - do rings of that ID wake it? */
bool fam_bells_interrupts(struct fam *fam);

/** fam_bells_vectors() - how many of its own programs can be rung at */
unsigned int fam_bells_vectors(struct fam *fam);

/**
 * fam_bells_library_fd() - an eventfd rung by fam_bells_tell(); -1: there is
 * none. fam_bells_library_taken() makes it silent again.
 */
int fam_bells_library_fd(struct fam *fam);
void fam_bells_library_taken(struct fam *fam);

/**
 * fam_bells_hear() - read what the server tells, if there is one
 *
 * It drops who never does, and with the connection the session ends.
 * Return: does more of it make sense? Not after its end, nor if no descriptor is
 * free for what comes next
 */
bool fam_bells_hear(struct fam *fam);

/** fam_bells_tell() - ring the library of a hardware peer, if that can be */
void fam_bells_tell(struct fam *fam, uint32_t peer);

/**
 * fam_bells_joined() - rings from now on are those of a new session
 * @slot: its word is JOINING and becomes LIVE after this
 */
void fam_bells_joined(struct fam *fam, unsigned int slot);

/**
 * fam_bells_bridge() - turn soft bells into eventfds, for those who wait there
 *
 * For the keeper, whenever it is awake.
 * Return: ms until it should be called again; -1: at the next beat will do
 */
int fam_bells_bridge(struct fam *fam);

/* --- the module's device: bells-module.c ------------------------------------ */

/**
 * fam_bells_module_open() - have interrupts signal eventfds
 * @vectors: how many there are; 0: the device has no doorbells
 */
int fam_bells_module_open(struct fam_bells *bells, unsigned int *vectors);

/* --- soft bells: bells-soft.c ----------------------------------------------- */

/* Peers that can be rung, a bit each. */
struct fam_bells_set {
	uint64_t id[FAM_BELLS_IDS / 64];
	uint64_t slot[FAM_SESSIONS_SLOTS / 64]; /* without an ID */
};

static inline bool fam_bells_has(const uint64_t *set, unsigned int i)
{
	return set[i / 64] >> i % 64 & 1;
}

static inline void fam_bells_put(uint64_t *set, unsigned int i)
{
	set[i / 64] |= UINT64_C(1) << i % 64;
}

static inline void fam_bells_drop(uint64_t *set, unsigned int i)
{
	set[i / 64] &= ~(UINT64_C(1) << i % 64);
}

/** fam_bells_soft_others() - the peers the table names, but for oneself */
void fam_bells_soft_others(struct fam *fam, struct fam_bells_set *out);

/** fam_bells_soft_is_present() - does the server say that a peer is there? */
bool fam_bells_soft_is_present(struct fam *fam, uint32_t id);

/** fam_bells_soft_knows() - may a peer with this ID be there? */
bool fam_bells_soft_knows(struct fam *fam, uint32_t id);

/**
 * fam_bells_soft_ring() - ring the sessions that have an ID
 * @woken: also those that rings of the ID itself wake
 *
 * Return: 0; -ENOENT none has it; -ERANGE those that have have no such vector
 */
int fam_bells_soft_ring(struct fam *fam, uint32_t id, unsigned int vector,
			bool woken);

/** fam_bells_soft_ring_slot() - ring one that has none; -ENOENT, -ERANGE */
int fam_bells_soft_ring_slot(struct fam *fam, unsigned int slot,
			     unsigned int vector);

/** fam_bells_soft_ringers() - may others ring that can do nothing else? */
bool fam_bells_soft_ringers(struct fam *fam);

/** fam_bells_soft_slot() - own slot whose bells are looked at, or -1 */
int fam_bells_soft_slot(struct fam *fam);

/** fam_bells_soft_take() - rings of an own vector since they were taken last */
uint64_t fam_bells_soft_take(struct fam *fam, unsigned int vector);

/* --- all peers: peers.c ------------------------------------------------------ */

/**
 * fam_peers_each() - those that can be rung now, but for the server and oneself
 *
 * Also those without an ID, and those of whom fam_peer_event() has not told: it
 * reads what the server tells.
 * Return: 0, the value of @visit; -EMFILE not all: no descriptor is free for
 * what the server has to tell; -EOPNOTSUPP
 */
int fam_peers_each(struct fam *fam, int (*visit)(unsigned int peer, void *arg),
		   void *arg);

/* --- waiting: bells-wait.c --------------------------------------------------- */

/* Own vectors to wait for, and how they are looked through. */
struct fam_bells_range {
	unsigned int first, count;
	unsigned int start; /* in the range: which is looked at first */
};

/** fam_bells_wait() - fam_doorbell_wait() for several vectors */
int fam_bells_wait(struct fam *fam, const struct fam_bells_range *range,
		   int timeout_ms, unsigned int *vector, uint64_t *count);

#endif
