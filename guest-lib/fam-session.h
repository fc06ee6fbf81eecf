/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026, the FAM emulator authors */
#ifndef FAM_SESSION_INTERNAL_H
#define FAM_SESSION_INTERNAL_H

/*
 * Behind fam/session.h. An attachment's membership is its session, if it has
 * one, and what it sees of the others. Its keeper is a thread that renews the
 * lease, watches the others, clears up behind the dead, answers pings and turns
 * soft doorbells into descriptors.
 */
#include <stdatomic.h>
#include <sys/types.h>

#include <fam-sessions.h>
#include <fam/session.h>

#include "fam-persist.h"

#define FAM_KEEPER_POLL_MS 20	   /* where no doorbell tells of changes */
#define FAM_KEEPER_LOOK_MS 250	   /* between two looks at all, at most */
#define FAM_KEEPER_MS	   1000000 /* ns */

/* What was seen of a slot, and since when it has not changed. */
struct fam_sight {
	uint64_t word, beat;
	int64_t since;
	uint32_t lease_ms;
};

/* A process of this node whose end wakes the keeper. */
struct fam_neighbour {
	int fd; /* negative: none */
	uint32_t pid;
	uint64_t started;
};

struct fam_membership {
	/* Not changed while the keeper runs. */
	struct fam_sessions *table;
	void *pages; /* what mmap() gave for it */
	size_t page_bytes;
	struct fam_owner owner; /* this process, not a child of it */
	pthread_t keeper;
	int wake; /* eventfd */
	char node_name[FAM_SESSIONS_NAME];

	_Atomic bool stop;
	_Atomic uint64_t id; /* own session, lost or not; 0: never had one */
	_Atomic int news;    /* eventfd of fam_session_fd(); -1: none yet */

	/*
	 * Guards the rest, and who writes to the own slot. That of the
	 * doorbells may be taken under it.
	 */
	pthread_mutex_t lock;
	char name[FAM_SESSIONS_NAME];
	uint32_t lease_ms;
	uint64_t beat;
	int64_t beat_due, look_due;
	int64_t looked;	      /* when all slots were looked at last */
	uint64_t changes;     /* of the table, at that time */
	uint32_t shortest_ms; /* lease of those seen */
	bool deaf;	      /* some other cannot be told by a doorbell */
	struct fam_neighbour neighbour; /* for the keeper alone */
	struct fam_neighbour wanted;	/* who it should be; without fd */
	struct fam_sight sight[FAM_SESSIONS_SLOTS];
	/* What fam_session_event() has told of a slot; id 0, NULL: nothing. */
	struct fam_session *told[FAM_SESSIONS_SLOTS];
	unsigned int tell_first; /* slot to begin with */
};

static inline unsigned int fam_session_slot_of(uint64_t id)
{
	return (unsigned int)(id & 0xffff);
}

/* The word a session has while it lives. */
static inline uint64_t fam_session_live_word(uint64_t id)
{
	return fam_sessions_word(id >> 16, 0, FAM_SESSIONS_LIVE);
}

/** fam_session_has() - is there such a session, and does it live? */
bool fam_session_has(const struct fam_membership *m, uint64_t id);

/** fam_session_describe() - of a slot; false: as fam_sessions_copy() */
bool fam_session_describe(const struct fam_membership *m, unsigned int slot,
			  struct fam_session *out);

/* --- session-join.c -------------------------------------------------------- */

/** fam_membership_new() - of this process, without a table; NULL: no memory */
struct fam_membership *fam_membership_new(void);
void fam_membership_free(struct fam_membership *m);

/**
 * fam_session_squeeze_in() - take a place among the sessions
 *
 * The caller holds the lock, but at fam_open().
 * Return: 0; -EUSERS
 */
int fam_session_squeeze_in(struct fam *fam);

/** fam_session_sign() - put right what the own slot says; under the lock */
void fam_session_sign(struct fam *fam, unsigned int slot);

/* --- session-keeper.c ------------------------------------------------------ */

/** fam_keeper_start() - Return: 0; -EAGAIN, -EMFILE */
int fam_keeper_start(struct fam *fam);
void fam_keeper_stop(struct fam *fam);

/** fam_keeper_beat() - renew the lease; under the lock, own session lives */
void fam_keeper_beat(struct fam_membership *m, int64_t now);

/** fam_keeper_news() - the descriptor for events becomes readable, if it is used */
void fam_keeper_news(const struct fam_membership *m);

/**
 * fam_keeper_tell() - ring those who wait for events, after a change made here
 *
 * Not under the lock.
 */
void fam_keeper_tell(struct fam *fam);

/* --- session-watch.c ------------------------------------------------------- */

#define FAM_LOOK_MOVED	 0x1u /* something is not as it was */
#define FAM_LOOK_CHANGED 0x2u /* something was changed by this look */
#define FAM_LOOK_GONE	 0x4u /* somebody may have gone, seen or not */

/**
 * fam_session_look() - at everybody: who has died? Clear up behind them
 * @now: read by the caller, under the lock
 *
 * Return: FAM_LOOK_ flags
 */
unsigned int fam_session_look(struct fam *fam, int64_t now);

/**
 * fam_session_meet() - watch the neighbour that the last look has found
 *
 * Each session of a node watches the next one, so that whoever ends is noticed
 * at once and nobody watches them all. For the keeper, under the lock.
 */
void fam_session_meet(struct fam_membership *m);

/** fam_session_bury() - the process of the neighbour has ended; as above */
void fam_session_bury(struct fam_membership *m);

/* --- session-event.c ------------------------------------------------------- */

/** fam_session_know_all() - events tell of changes from now on; 0; -ENOMEM */
int fam_session_know_all(struct fam_membership *m);

/** fam_session_know_own() - so that its loss is told; after it has joined anew */
void fam_session_know_own(struct fam_membership *m);
void fam_session_told_free(struct fam_membership *m);

#endif
