/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026, the FAM emulator authors */
#ifndef FAM_SESSION_H
#define FAM_SESSION_H

#include <stdint.h>

#include <fam/map.h>

#pragma GCC visibility push(default)
#ifdef __cplusplus
extern "C" {
#endif

/*
 * Who is attached to a fabric. Each attachment that may write to a formatted
 * fabric has a session from fam_open() to fam_close(): a number that is never
 * given again, the names of its node and program, and a lease. A thread of the
 * library, asleep but for some wake-ups a second, renews the lease; a session
 * that does not, because its process or node died or stands still, is declared
 * dead by the others, at the latest when its lease ends, and at once by the
 * server or by programs of the same node that see it go.
 *
 * A session that was declared dead stays so: a node that was paused and goes on
 * finds -ESTALE, and has lost what it held. fam_session_rejoin() gives it a new
 * one.
 *
 * All calls: -EOPNOTSUPP if there can be no session: a raw fabric, one made
 * before there were any, a read-only attachment, FAM_OPEN_DOORBELL,
 * FAM_OPEN_NO_SESSION. What others say of themselves is theirs to say: names
 * are made printable, and nothing else is promised of them.
 */

#define FAM_SESSION_LEASE_MS	 2000 /* default */
#define FAM_SESSION_LEASE_MIN_MS 100
#define FAM_SESSION_LEASE_MAX_MS 3600000
#define FAM_SESSION_NAME_MAX	 64 /* bytes of a name, with its NUL */

/** Why a session is no more. */
enum fam_session_reason {
	FAM_SESSION_LEFT = 1,	 /* it left: fam_close() */
	FAM_SESSION_EXITED = 2,	 /* its process ended without */
	FAM_SESSION_HUNG_UP = 3, /* the server saw its node, or it, go */
	FAM_SESSION_EXPIRED = 4, /* it did not renew its lease */
	FAM_SESSION_UNKNOWN = 5, /* its place has been given again since */
};

enum fam_session_state {
	FAM_SESSION_LIVE = 1,
	FAM_SESSION_DEAD = 2, /* what it left behind is not cleared up yet */
};

#define FAM_SESSION_INTERRUPTS 0x1u /* doorbells wake it, it need not look */
#define FAM_SESSION_HOST       0x2u /* a program of the host */
#define FAM_SESSION_SELF       0x4u /* this attachment's own */

struct fam_session {
	uint64_t id;	    /* never 0, never given again */
	uint64_t joined_ns; /* since 1970-01-01 UTC, by its own clock */
	uint32_t state;	    /* enum fam_session_state */
	uint32_t peer;	    /* what fam_doorbell_ring() takes */
	uint32_t pid;	    /* in its node */
	uint32_t lease_ms;
	uint32_t flags;			 /* FAM_SESSION_ */
	char node[FAM_SESSION_NAME_MAX]; /* host name */
	char name[FAM_SESSION_NAME_MAX]; /* of the program */
};

/**
 * fam_session_check() - does this attachment still have its session?
 *
 * One load from memory: before each step that relies on the lease.
 *
 * Threads:  safe
 * Ordering: acquire
 * Blocks:   never
 * Return:   0; -ESTALE it was declared dead; -EUSERS at fam_open() there was no
 *	room for one more; -EOPNOTSUPP
 * Since:    0.1
 */
int fam_session_check(struct fam *fam);

/**
 * fam_session_self() - this attachment's session
 *
 * Threads:  safe
 * Blocks:   never
 * Return:   as fam_session_check()
 * Since:    0.1
 */
int fam_session_self(struct fam *fam, struct fam_session *out);

/**
 * fam_session_set() - have another name, another lease
 * @name: printable ASCII, at most FAM_SESSION_NAME_MAX - 1 bytes; NULL: as it
 *	is. At first it is the name of the program
 * @lease_ms: FAM_SESSION_LEASE_MIN_MS to _MAX_MS; 0: as it is
 *
 * Who has seen the session already may go on with what it saw.
 *
 * Threads:  safe
 * Blocks:   never
 * Return:   0; -EINVAL, -ENAMETOOLONG, -ERANGE; -ESTALE, -EUSERS, -EOPNOTSUPP
 * Since:    0.1
 */
int fam_session_set(struct fam *fam, const char *name, uint32_t lease_ms);

/**
 * fam_session_rejoin() - a new session for one that was lost, or never had
 *
 * Threads:  safe
 * Blocks:   never
 * Return:   0, also if it was not lost; -EUSERS all places are taken by
 *	sessions that live; -EOPNOTSUPP
 * Since:    0.1
 */
int fam_session_rejoin(struct fam *fam);

/**
 * fam_session_get() - what is known of a session
 *
 * Threads:  safe
 * Ordering: acquire: if it is dead or gone, its stores made before are visible
 * Blocks:   never
 * Return:   0; -ESRCH it is no more; -EOPNOTSUPP
 * Since:    0.1
 */
int fam_session_get(struct fam *fam, uint64_t id, struct fam_session *out);

/**
 * fam_session_each() - enumerate the sessions there are, one's own with them
 * @visit: a value other than 0 ends it and is returned; may call anything here
 *
 * Threads:  safe
 * Blocks:   never
 * Return:   0, the value of @visit, or -EOPNOTSUPP
 * Since:    0.1
 */
int fam_session_each(struct fam *fam,
		     int (*visit)(const struct fam_session *session, void *arg),
		     void *arg);

/** What fam_session_event() tells. */
enum fam_session_change {
	FAM_SESSION_JOINED = 1,
	FAM_SESSION_GONE = 2, /* left, or was declared dead */
	FAM_SESSION_LOST = 3, /* this attachment's own was declared dead */
};

struct fam_session_event {
	uint32_t change; /* enum fam_session_change */
	uint32_t reason; /* enum fam_session_reason; 0 if it joined */
	struct fam_session session;
};

/**
 * fam_session_event() - the next session that came or went
 *
 * Each change since fam_open() is told exactly once: who was there at
 * fam_open() is told by fam_session_each(). A session that came and went before
 * anybody asked may not be told at all.
 *
 * Threads:  safe; each change is told to one caller
 * Blocks:   never
 * Return:   0; -EAGAIN nothing has changed; -EOPNOTSUPP
 * Since:    0.1
 */
int fam_session_event(struct fam *fam, struct fam_session_event *out);

/**
 * fam_session_fd() - a descriptor that is readable when an event is due
 *
 * For poll(2) and epoll(7); the library's. It may be readable and there is
 * nothing to tell. From the first call on, changes are looked for 50 times a
 * second where no doorbell tells of them.
 *
 * Threads:  safe
 * Blocks:   never
 * Return:   the descriptor; -EMFILE; -EOPNOTSUPP
 * Since:    0.1
 */
int fam_session_fd(struct fam *fam);

/**
 * fam_session_ping() - have a session answer
 * @id: of the session
 * @timeout_ms: 0 does not wait, -1 waits as long as it lives
 * @ns: how long it took; may be NULL
 *
 * The answer is the library's in that process; the program need not call
 * anything. With doorbells it takes some wake-ups of threads, without them as
 * long as the library's thread sleeps there: 250 ms with the default lease.
 *
 * Threads:  safe
 * Blocks:   until answered, the session died, a signal handler ran, or
 *	@timeout_ms have passed
 * Return:   0; -ETIMEDOUT; -ESRCH it is dead or gone; -EINTR; -EOPNOTSUPP
 * Since:    0.1
 */
int fam_session_ping(struct fam *fam, uint64_t id, int timeout_ms,
		     uint64_t *ns);

#ifdef __cplusplus
}
#endif
#pragma GCC visibility pop
#endif
