/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026, the FAM emulator authors */
#ifndef FAM_PERSIST_INTERNAL_H
#define FAM_PERSIST_INTERNAL_H

#include <stdatomic.h>
#include <time.h>

#include <fam-mailbox.h>
#include <fam-writeback.h>

#include "fam-bells.h"
#include "internal.h"

/* Behind fam/persist.h. One way serves an attachment from open to close. */

/* One call of the library: what it asks for, or waits for, and how long. */
struct fam_ask {
	struct fam_range range; /* from the start of the fabric */
	bool async;		/* by fam_persist_async() */
	bool interruptible;	/* a signal handler ends the wait: -EINTR */
	int64_t began, until;	/* fam_now_ns() */
	uint64_t ticket;	/* set by post(); may be FAM_TICKET_ALL */
};

/* --- who was promised what: persist-tickets.c ------------------------------ */

/*
 * Requests of an attachment, by number from 1. Those up to `done` are answered:
 * all are durable, but for (kept, lost].
 */
struct fam_tickets {
	uint64_t posted, done;
	uint64_t async; /* the last one that somebody may still wait for */
	uint64_t kept, lost;
	int error;  /* why (kept, lost] were lost */
	int failed; /* 0, or the answer to all that is asked from now on */
};

/** fam_tickets_take() - the next number; caller has seen that `failed` is 0 */
uint64_t fam_tickets_take(struct fam_tickets *tickets, bool async);

/** fam_tickets_owe() - its caller went without an answer, and may ask again */
void fam_tickets_owe(struct fam_tickets *tickets, uint64_t ticket);

/** fam_tickets_done() - all up to @ticket are durable now */
void fam_tickets_done(struct fam_tickets *tickets, uint64_t ticket);

/**
 * fam_tickets_fail() - nothing that was not answered will ever be durable
 * @forever: what is asked from now on fails, too
 *
 * It is forever as well if an answer is owed: a later fam_wait() speaks for
 * everything before, and must not succeed without it.
 */
void fam_tickets_fail(struct fam_tickets *tickets, int error, bool forever);

/** fam_tickets_state() - 0 durable, 1 not yet, negative errno: never */
int fam_tickets_state(const struct fam_tickets *tickets, uint64_t ticket);

/** fam_tickets_resolve() - FAM_TICKET_ALL to a number; -EINVAL nobody has it */
int fam_tickets_resolve(const struct fam_tickets *tickets, uint64_t *ticket);

/* --- waiting callers share a write-back: persist-group.c ------------------- */

#define FAM_GROUP_RANGES 32

/* What is to be written in one go. */
struct fam_batch {
	uint64_t last; /* ticket */
	bool whole;    /* more ranges than fit: everything */
	size_t count;
	struct fam_range range[FAM_GROUP_RANGES];
};

/*
 * How a group writes. Returns 0; a negative errno: from now on nothing can be
 * trusted; FAM_GROUP_MARKED: the fabric is marked as failed, which an operator
 * may end.
 */
#define FAM_GROUP_MARKED 1
typedef int fam_group_sync(void *arg, struct fam_batch *batch);

/*
 * One of those who wait writes for all, and one at a time: the kernel tells
 * about a failure to one caller only.
 */
struct fam_group {
	fam_group_sync *sync;
	void *arg;
	uint64_t page, size; /* ranges are widened to pages, inside the size */
	_Atomic uint32_t rounds; /* write-backs that ended; a futex */

	pthread_mutex_t lock; /* guards the rest */
	struct fam_tickets tickets;
	struct fam_batch batch; /* asked for, not begun */
	bool busy;		/* one is writing */
};

void fam_group_init(struct fam_group *group);
void fam_group_destroy(struct fam_group *group);
int fam_group_post(struct fam_group *group, struct fam_ask *ask);
int fam_group_wait(struct fam_group *group, const struct fam_ask *ask);

/* --- the program's entry in the mailbox: owner.c --------------------------- */

/* Who has a slot, so that others of this kernel can see whether it lives. */
struct fam_owner {
	uint64_t node; /* kernel and name spaces; 0: unknown */
	uint64_t started;
	uint32_t pid;
};

void fam_owner_self(struct fam_owner *out);

/** fam_owner_token() - random, above 2^32; never blocks */
uint64_t fam_owner_token(void);

/**
 * fam_owner_is_dead() - is a process of this kernel and name space no more?
 *
 * One that nobody has waited for yet is no more, either. What cannot be found
 * out counts as alive.
 */
bool fam_owner_is_dead(uint32_t pid, uint64_t started);

/** fam_owner_reap() - free the slots of dead programs of this kernel */
void fam_owner_reap(struct fam_mailbox *box, const struct fam_owner *self);

/* --- asking the server: persist-mailbox.c ---------------------------------- */

#define FAM_CLIENT_SILENCE_NS INT64_C(5000000000)
#define FAM_CLIENT_FAULTS     3 /* in a row, then somebody disturbs us */

/*
 * A slot is taken at the first request. What is under way is kept here, too,
 * and asked again whenever the slot or the server is another.
 */
struct fam_client {
	struct fam_mailbox *box; /* the caller's, as the bell */
	const struct fam_bell *bell;
	struct fam_owner owner;
	int64_t silence_ns; /* after so long without a sign of life: no server */

	pthread_mutex_t lock; /* guards the rest */
	struct fam_tickets tickets;
	int slot;	       /* -1: none */
	bool served;	       /* there was a server once */
	bool rings;	       /* it can be rung */
	uint32_t peer, vector; /* to be rung */
	unsigned int faults;
	uint64_t token, epoch;
	uint64_t failed_ns;    /* of the last failure before we had the slot */
	uint64_t base;	       /* ticket before the slot's first request */
	int64_t kicked;	       /* when the server was last told to look */
	_Atomic int64_t usual; /* ns that an answer took lately */
	struct fam_range
		range[FAM_MAILBOX_RING]; /* of ticket t at t mod RING */
};

void fam_client_init(struct fam_client *client, struct fam_mailbox *box,
		     const struct fam_bell *bell);
void fam_client_destroy(struct fam_client *client);
int fam_client_post(struct fam_client *client, struct fam_ask *ask);
int fam_client_wait(struct fam_client *client, const struct fam_ask *ask);

/** fam_client_failed() - why a request would fail now; 0: it would not */
int fam_client_failed(struct fam_client *client);

/* --- waiting for the server: persist-wait.c -------------------------------- */

/* What a client can see moving. */
struct fam_pulse {
	uint64_t done, beat, epoch;
};

/* One call's wait: first busy, then in growing naps. */
struct fam_vigil {
	const struct fam_ask *ask;
	int64_t spin_until, nap_ns;
	int64_t now;   /* read now and then */
	int64_t moved; /* when the pulse last changed */
	struct fam_pulse pulse;
	unsigned int turns;
};

void fam_vigil_begin(struct fam_vigil *vigil, const struct fam_ask *ask,
		     int64_t usual);

/**
 * fam_vigil_pause() - between two looks
 *
 * Return: 0 look again; -ETIMEDOUT, -EINTR as in fam_wait()
 */
int fam_vigil_pause(struct fam_vigil *vigil, const struct fam_pulse *pulse);

/* --- ways: persist.c, persist-host.c, persist-mark.c ----------------------- */

struct fam_way {
	_Atomic uint64_t tickets; /* ways without a group or a client */
	struct fam_mailbox *box;  /* mapped in a node that uses it; or NULL */
	int fd;	     /* synced: of the host's file, or the window; -1: none */
	char *map;   /* of the host's file, no access; NULL: no address space */
	int meminfo; /* tells how much is dirty; -1: it is not known */
	uint64_t failed_ns; /* of the last failure this open file knows of */
	char window[FAM_WINDOW_PATH];
	union {
		struct fam_group group;
		struct fam_client client;
	};
};

/**
 * fam_persist_ranges() - fam_persist_range() of several pieces, with one wait
 * @ranges: from the start of the fabric; 1 at least
 *
 * Return: 0 only if all of them survive
 */
int fam_persist_ranges(struct fam *fam, const struct fam_range *ranges,
		       size_t count);

/** fam_mark_get() - 0, FAM_GROUP_MARKED, or negative: it cannot be read, or a
 * server says that the file of this window is gone */
int fam_mark_get(const struct fam *fam);

/** fam_mark_time() - when the last failure was, cleared or not; 0: never */
uint64_t fam_mark_time(const struct fam *fam);

/** fam_mark_set() - let everybody know that a write-back failed */
void fam_mark_set(const struct fam *fam);

/**
 * fam_host_open() - get ready to sync the file
 *
 * Return: 0; negative if the file cannot be opened anew, as the attachment
 * needs it that got the file from a server
 */
int fam_host_open(struct fam *fam);

extern const struct fam_persist_ops fam_way_host;

/** fam_window_begin() - get ready to sync the device @fam->way->fd */
void fam_window_begin(struct fam *fam);
extern const struct fam_persist_ops fam_way_window;

#endif
