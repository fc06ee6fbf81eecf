/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026, the FAM emulator authors */
#ifndef FAM_RING_FORMAT_H
#define FAM_RING_FORMAT_H

/*
 * How a ring lies in the fabric, and what a port of it knows. Behind
 * fam/ring.h.
 *
 * A position counts slots from the ring's beginning; it lies in slot position %
 * slots. Positions from `tail` up to `head` are taken by producers and not by
 * consumers.
 *
 * SPSC: head and tail, each with one writer.
 *
 * Others: a producer writes down in its port what it is about to take (its
 * intent), takes by moving head with one compare-and-swap for all, fills, and
 * stores position + 1 into the word of each slot, the first one last; then the
 * intent is cleared. A consumer takes by moving tail in the same way; it writes
 * nothing to slots. So
 *
 * - a slot at tail that is not filled, but taken, is passed over when no port
 *   that lives has an intent on it;
 * - a slot may be used again when tail and the intents of all consumers that
 *   live are beyond it.
 *
 * Intents of the dead count for nothing, and there is nothing to clear up.
 *
 * The words are not in the slots: a consumer that looks for the next message
 * would take away the line that a producer is filling.
 */
#include <string.h>

#include <fam-holder.h>
#include <fam/object.h>
#include <fam/ring.h>

#include "fam-park.h"
#include "internal.h"

#define FAM_RING_MAGIC UINT64_C(0x31474e49524d4146) /* "FAMRING1" */

#define FAM_RING_BURST 64 /* slots taken by one compare-and-swap, at most */
/*
 * A compare-and-swap that fails means that somebody else went on; but that may
 * also be somebody who scribbles.
 */
#define FAM_RING_TRIES	1000
#define FAM_RING_PASSES 1024 /* slots passed over in one call, at most */
#define FAM_RING_IDLE	256  /* pops in vain, between two looks at why */

struct fam_ring_port {
	fam_word holder; /* and FAM_RING_PUSH, FAM_RING_POP; 0: free */
	fam_word push;	 /* intents: FAM_RING_INTENT() */
	fam_word pop;
	uint64_t reserved[13]; /* lines of the cache come in pairs */
};

struct fam_ring_head {
	/* Fixed when it is made. */
	uint64_t magic;
	uint32_t kind, flags, slots, bytes;
	uint32_t crc32c; /* of this line, this being 0 */
	uint32_t reserved0;
	uint64_t salt; /* no other ring that lay here has it */
	uint64_t reserved00[3];
	/* Seldom written. */
	fam_word lock;	    /* holder of who opens a port */
	fam_word pushers;   /* bit for each port that ever had the role */
	fam_word poppers;   /* and is to be looked at */
	fam_word wait_push; /* FAM_RING_WAITING, and a count of wake-ups */
	fam_word wait_pop;
	uint64_t reserved1[11];
	fam_word head;
	uint64_t reserved2[15];
	fam_word tail;
	uint64_t reserved3[15];
	fam_word done; /* durable: tail, as the disk has it */
	uint64_t reserved4[7];
	struct fam_ring_port port[FAM_RING_PORTS];
};

_Static_assert(sizeof(struct fam_ring_port) == 128, "format");
_Static_assert(offsetof(struct fam_ring_head, lock) == 64, "format");
_Static_assert(offsetof(struct fam_ring_head, head) == 192, "format");
_Static_assert(offsetof(struct fam_ring_head, tail) == 320, "format");
_Static_assert(offsetof(struct fam_ring_head, done) == 448, "format");
_Static_assert(offsetof(struct fam_ring_head, port) == 512, "format");

#define FAM_RING_WAITING UINT64_C(1)

/* In front of the bytes of a slot of a durable ring. */
struct fam_ring_durable_slot {
	uint64_t position; /* + 1 */
	uint32_t crc32c;   /* of the position, the bytes and the salt */
	uint32_t reserved;
	uint8_t bytes[];
};

/* An intent is a position and how many slots; 0: none. */
#define FAM_RING_INTENT(position, n) ((position) << 7 | (n))
#define FAM_RING_POSITIONS	     ((UINT64_C(1) << 57) - 1)

struct fam_ring;

struct fam_ring_ops {
	int (*push)(struct fam_ring *ring, const void *messages,
		    unsigned int count);
	int (*pop)(struct fam_ring *ring, void *messages, unsigned int count);
	/* A word that is not @value any more when the call may do more. */
	const fam_word *(*push_on)(struct fam_ring *ring, uint64_t *value);
	const fam_word *(*pop_on)(struct fam_ring *ring, uint64_t *value);
};

extern const struct fam_ring_ops fam_ring_spsc, fam_ring_mpmc, fam_ring_durable;

/* What the fabric says is copied here, checked, when the port is opened. */
struct fam_ring {
	struct fam *fam;
	struct fam_ring_head *head;
	struct fam_ring_port *port;
	fam_word *filled; /* position + 1 of what is in each; not for SPSC */
	uint8_t *slots;
	const struct fam_ring_ops *ops;
	uint64_t self; /* holder word */
	uint64_t mask; /* of a position */
	uint64_t salt; /* durable */
	uint32_t stride, bytes;
	unsigned int flags; /* of the port */
	struct fam_ring_config config;
	struct fam_object *object; /* NULL: it has no name */
	/* The own index (SPSC), and how far one may go, as last seen. */
	struct {
		uint64_t at, seen;
	} push, pop;
	uint64_t peeked;   /* durable: position behind those looked at */
	bool passed;	   /* slots of the dead became free */
	uint64_t changes;  /* of sessions, when it was empty at last */
	unsigned int idle; /* pops in vain */
};

static inline bool fam_ring_lost(const struct fam_ring *ring)
{
	return fam_park_self(ring->fam) != ring->self;
}

static inline void *fam_ring_slot(const struct fam_ring *ring,
				  uint64_t position)
{
	return ring->slots + (position & ring->mask) * ring->stride;
}

static inline fam_word *fam_ring_filled(const struct fam_ring *ring,
					uint64_t position)
{
	return &ring->filled[position & ring->mask];
}

static inline bool fam_ring_is_filled(const struct fam_ring *ring,
				      uint64_t position)
{
	return fam_word_get(fam_ring_filled(ring, position)) == position + 1;
}

/* One slot's worth; a constant size is worth a function call. */
static inline void fam_ring_copy(void *dest, const void *src, uint32_t bytes)
{
	if (bytes == 64)
		memcpy(dest, src, 64);
	else if (bytes == 8)
		memcpy(dest, src, 8);
	else
		memcpy(dest, src, bytes);
}

/* --- ring-port.c ------------------------------------------------------------ */

/** fam_ring_check() - a private copy of what the memory says it is; -EBADMSG */
int fam_ring_check(const void *memory, uint64_t bytes,
		   struct fam_ring_config *out);

/** fam_ring_stride() - bytes from one slot to the next */
uint32_t fam_ring_stride(const struct fam_ring_config *config);

/** fam_ring_words() - bytes of the words, which lie before the slots */
uint64_t fam_ring_words(const struct fam_ring_config *config);

/** fam_ring_claim() - become a port; 0, -EBUSY, -EMFILE, -EINTR, -ESTALE */
int fam_ring_claim(struct fam_ring *ring);
void fam_ring_unclaim(struct fam_ring *ring);

/* --- ring-spsc.c: in one piece or two, as a ring ends somewhere ---------------- */

void fam_ring_copy_in(struct fam_ring *ring, uint64_t at, const void *from,
		      unsigned int n);
void fam_ring_copy_out(struct fam_ring *ring, uint64_t at, void *to,
		       unsigned int n);

/* --- ring-mpmc.c: what durable rings need, too ------------------------------- */

/** fam_ring_take_head() - take up to @count free slots; how many, at @position */
int fam_ring_take_head(struct fam_ring *ring, unsigned int count,
		       uint64_t *position);

/** fam_ring_awaited() - has a producer that lives an intent on a position? */
bool fam_ring_awaited(struct fam_ring *ring, uint64_t position);

/* --- ring-durable.c --------------------------------------------------------- */

/**
 * fam_ring_recover() - find out what is in a durable ring; nobody has a port
 *
 * Return: 0; errors of fam_persist()
 */
int fam_ring_recover(struct fam *fam, struct fam_ring_head *head,
		     const struct fam_ring_config *config);

/** fam_ring_publish() - what is in the slots may be popped: all of it at once */
static inline void fam_ring_publish(struct fam_ring *ring, uint64_t at,
				    unsigned int n)
{
	while (n--)
		fam_word_put(fam_ring_filled(ring, at + n), at + n + 1);
}

/** fam_ring_peek_once() - what there is now; how many, 0: none */
int fam_ring_peek_once(struct fam_ring *ring, void *messages,
		       unsigned int count);

/** fam_ring_follow() - a consumer begins; 0; errors of fam_persist() */
int fam_ring_follow(struct fam_ring *ring);

/* --- ring-wait.c ------------------------------------------------------------- */

void fam_ring_wake(struct fam *fam, fam_word *waiting);

/* After a change that somebody may wait for; @waiting is one of wait_*. */
static inline void fam_ring_tell(struct fam *fam, fam_word *waiting)
{
	/* The change, before the look; the waiter does it the other way round. */
	fam_word_fence();
	if (fam_word_peek(waiting) & FAM_RING_WAITING)
		fam_ring_wake(fam, waiting);
}

/** fam_ring_nap() - where nobody tells; naps grow; 0, -ETIMEDOUT, -EINTR */
int fam_ring_nap(int64_t *ns, struct fam_deadline deadline);

#endif
