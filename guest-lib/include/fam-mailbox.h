/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026, the FAM emulator authors */
#ifndef FAM_MAILBOX_H
#define FAM_MAILBOX_H

/*
 * The flush mailbox of a formatted fabric: how a program in a node asks
 * tm-server to write ranges to the host's disk, and learns that it was done.
 * ../FORMAT.md describes the protocol. Shared with tm-server, not installed.
 *
 * Anybody who has the fabric can write anything here at any time. What the
 * server reads is bounded, copied and checked; what a client reads can at worst
 * make it wait until it gives up. Against a node that forges completions on
 * purpose nothing in shared memory helps: such nodes get fabrics of their own.
 *
 * Words are little-endian and naturally aligned; those that two sides use at
 * once are _Atomic. This header and mailbox.c need no C library, so that a
 * guest without a system can speak the protocol, too.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <fam/layout.h>

#define FAM_MAILBOX_MAGIC      UINT64_C(0x01584f424d4d4146) /* "FAMMBOX\1" */
#define FAM_MAILBOX_VERSION    1
#define FAM_MAILBOX_SLOTS      956
#define FAM_MAILBOX_SLOT_BYTES 1024
#define FAM_MAILBOX_RING       32 /* requests of one slot under way at most */
#define FAM_MAILBOX_WORDS      ((FAM_MAILBOX_SLOTS + 63) / 64)

#define FAM_MAILBOX_CAN_RING 0x1u /* server is rung: fam_mailbox.flags */

/* A piece of the fabric, bytes from its start (not from the data's). */
struct fam_range {
	uint64_t offset, length;
};

/*
 * A request. `check` is fam_mailbox_seal() of the rest, so that what a client
 * wrote after it lost its slot, or anybody by mistake, is not taken for one.
 */
struct fam_mailbox_request {
	_Atomic uint64_t offset, length; /* length 0: is the service there? */
	_Atomic uint64_t check;
};

/*
 * A client's place. A claim is a compare-and-swap of `owner` from 0 to a random
 * token above 2^32; all counts are kept with the token added, so that what an
 * earlier owner or an earlier life of the server left means nothing.
 *
 * Request n (from 0) of an owner lies at ring[n % FAM_MAILBOX_RING].
 */
struct fam_mailbox_slot {
	/* Written by the client; the server takes back what is abandoned. */
	_Atomic uint64_t owner; /* 0: free */
	_Atomic uint64_t tail;	/* owner + requests posted */
	_Atomic uint64_t node; /* which kernel and PID name space; 0: unknown */
	_Atomic uint64_t started; /* of the process, clock ticks since boot */
	_Atomic uint32_t pid;
	_Atomic uint32_t peer; /* its ID, 0: it has none; for statistics */
	uint64_t reserved_client[3];
	/* Written by the server: */
	_Atomic uint64_t done;	/* owner + requests completed, all durable */
	_Atomic uint64_t fault; /* owner + errno: the slot is served no more */
	uint64_t reserved_server[22];
	/* Written by the client: */
	struct fam_mailbox_request ring[FAM_MAILBOX_RING];
};

struct fam_mailbox {
	/* Written by the server when it starts. */
	uint64_t magic; /* 0: no server ever served this fabric */
	uint32_t version;
	uint32_t slots, slot_bytes, ring;
	uint64_t reserved0[5];
	/* Written by the server, seldom. */
	_Atomic uint64_t epoch; /* random, of its life; 0: nobody serves */
	uint32_t peer, vector;	/* what to ring */
	uint32_t flags;		/* FAM_MAILBOX_CAN_RING */
	/*
	 * 0, or the negative errno every request is answered with. -EIO is set
	 * by whoever saw a write-back fail, also a host program, and is cleared
	 * by the operator only.
	 */
	_Atomic int32_t failed;
	_Atomic uint64_t failed_ns; /* since 1970-01-01 UTC; 0: never */
	uint64_t reserved1[4];
	/* Written by the server while a write-back lasts: it lives. */
	_Atomic uint64_t beat;
	uint64_t reserved2[15];
	/* Set by clients behind a new tail, taken by the server: slot 64w + b. */
	_Atomic uint64_t pending[16];
	uint64_t reserved3[464];
	struct fam_mailbox_slot slot[FAM_MAILBOX_SLOTS];
};

#ifndef __cplusplus
_Static_assert(sizeof(struct fam_mailbox_slot) == FAM_MAILBOX_SLOT_BYTES, "");
_Static_assert(offsetof(struct fam_mailbox_slot, tail) == 8, "format");
_Static_assert(offsetof(struct fam_mailbox_slot, node) == 16, "format");
_Static_assert(offsetof(struct fam_mailbox_slot, started) == 24, "format");
_Static_assert(offsetof(struct fam_mailbox_slot, pid) == 32, "format");
_Static_assert(offsetof(struct fam_mailbox_slot, peer) == 36, "format");
_Static_assert(offsetof(struct fam_mailbox_slot, done) == 64, "format");
_Static_assert(offsetof(struct fam_mailbox_slot, fault) == 72, "format");
_Static_assert(offsetof(struct fam_mailbox_slot, ring) == 256, "format");
_Static_assert(sizeof(struct fam_mailbox_request) == 24, "format");
_Static_assert(offsetof(struct fam_mailbox, version) == 8, "format");
_Static_assert(offsetof(struct fam_mailbox, epoch) == 64, "format");
_Static_assert(offsetof(struct fam_mailbox, peer) == 72, "format");
_Static_assert(offsetof(struct fam_mailbox, flags) == 80, "format");
_Static_assert(offsetof(struct fam_mailbox, failed) == 84, "format");
_Static_assert(offsetof(struct fam_mailbox, failed_ns) == 88, "format");
_Static_assert(offsetof(struct fam_mailbox, beat) == 128, "format");
_Static_assert(offsetof(struct fam_mailbox, pending) == 256, "format");
_Static_assert(offsetof(struct fam_mailbox, slot) == 4096, "format");
_Static_assert(sizeof(struct fam_mailbox) == FAM_MAILBOX_BYTES, "format");
#endif

/**
 * fam_mailbox_seal() - the check word of a request
 * @token: of the slot's owner
 * @number: of the request, from 0
 *
 * Not a secret: it finds mistakes, not forgers.
 */
uint64_t fam_mailbox_seal(uint64_t token, uint64_t number, uint64_t offset,
			  uint64_t length);

/**
 * fam_mailbox_count() - requests that a counter with a token added stands for
 *
 * Return: the count; UINT64_MAX if the counter is not of this token
 */
static inline uint64_t fam_mailbox_count(uint64_t counter, uint64_t token)
{
	uint64_t count = counter - token;

	return count >> 32 ? UINT64_MAX : count;
}

/**
 * fam_mailbox_is_served() - may a client claim a slot here?
 *
 * Return: true if the header is of this version and a server has left an epoch
 */
bool fam_mailbox_is_served(const struct fam_mailbox *box);

/**
 * fam_mailbox_claim() - take a free slot
 * @token: random, above 2^32
 *
 * Return: its number; -1: none is free
 */
int fam_mailbox_claim(struct fam_mailbox *box, uint64_t token);

/**
 * fam_mailbox_post() - write a request and tell the server to look
 * @number: of the request; number - completed < FAM_MAILBOX_RING
 *
 * The caller's stores must be visible (a store fence after non-temporal ones).
 * Only one thread posts to a slot at a time. If the server CAN_RING, it is to
 * be rung afterwards.
 */
void fam_mailbox_post(struct fam_mailbox *box, unsigned int slot,
		      uint64_t token, uint64_t number,
		      const struct fam_range *range);

/** fam_mailbox_kick() - have the server look at a slot (again) */
void fam_mailbox_kick(struct fam_mailbox *box, unsigned int slot,
		      uint64_t token, uint64_t posted);

/** What a client sees of its slot. */
enum fam_mailbox_view {
	FAM_MAILBOX_WAIT,   /* go on waiting */
	FAM_MAILBOX_DONE,   /* at least `posted` requests are durable */
	FAM_MAILBOX_FAILED, /* box->failed tells why */
	FAM_MAILBOX_FAULT,  /* the slot is not served any more: claim another */
	FAM_MAILBOX_LOST,   /* the slot is not ours, or another server: claim */
};

/**
 * fam_mailbox_look() - what became of the first @posted requests?
 * @epoch: as read before the slot was claimed
 * @done: set to the number of completed requests, if the slot is ours
 *
 * Ordering: acquire
 */
enum fam_mailbox_view fam_mailbox_look(const struct fam_mailbox *box,
				       unsigned int slot, uint64_t token,
				       uint64_t epoch, uint64_t posted,
				       uint64_t *done);

/**
 * fam_ranges_merge() - sort, join what overlaps or touches, drop what is empty
 * @ranges: inside @limit; some hundred at most, since they are sorted by
 *	insertion
 * @grain: power of two; ranges are widened to multiples of it first
 * @limit: multiple of @grain; no range reaches beyond
 *
 * Return: how many are left
 */
size_t fam_ranges_merge(struct fam_range *ranges, size_t count, uint64_t grain,
			uint64_t limit);

#endif
