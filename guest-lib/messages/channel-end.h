/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026, the FAM emulator authors */
#ifndef FAM_CHANNEL_END_H
#define FAM_CHANNEL_END_H

/*
 * What channels and streams have in common: the memory they lie in, their ends,
 * and how these learn of each other. Behind fam/channel.h and fam/stream.h.
 *
 * A position counts all bytes that ever went through; it is 64 bits wide and
 * never goes back, and lies in the ring at its remainder. Senders move `head`,
 * the receiver moves `tail`, and what lies between the two is on its way.
 *
 * A channel's positions are multiples of 16, and at each there begins a message
 * or a piece to be skipped, with a channel_message before it. Its stamp is
 * `secret` + position + what it is. Other bytes are taken for one with a chance
 * of 2^-64: so nothing has to be cleared, and where a message begins can be found
 * by looking for it. A sender writes the position it wants into `intent`, then
 * moves `head`, and stamps when all is there. If `head` has moved and the stamp
 * at `tail` is missing, it is somebody's whose intent is there. If none of these
 * lives, all up to the next stamp, intent or `head` is passed over.
 *
 * In a stream there are bytes alone, and `head` moves behind them.
 *
 * Nothing read from here is trusted: positions, lengths and the words of ends
 * are checked against private copies of what must not change. What one scribbles
 * over gives -EBADMSG, wrong messages, or eternal waiting.
 */
#include <fam/channel.h>
#include <fam/object.h>

#include "fam-park.h"

#define CHANNEL_SENDERS FAM_CHANNEL_SENDERS
#define CHANNEL_MAGIC	UINT64_C(0x6c656e6e61684300) /* and the kind */
#define CHANNEL_ALIGN	UINT64_C(16)
#define CHANNEL_NOWHERE UINT64_MAX /* no position */

/* Flags of a space. */
#define CHANNEL_ONE    0x1u
#define CHANNEL_POLLED 0x2u

/* In the low bits of a stamp. */
#define CHANNEL_IS_MESSAGE 1
#define CHANNEL_IS_SKIPPED 2

struct channel_message {
	fam_word stamp;
	fam_word size; /* bits 31-0: bytes; 63-32: all of it, 16 bytes each */
};

/*
 * Flags of a sender's word: what the receiver is still to be told. "Before" is
 * told where `since` is, the rest when nothing is left to be received.
 */
#define CHANNEL_BEFORE_DEATHS 0x001fu /* a number */
#define CHANNEL_BEFORE_CLOSED 0x0020u
#define CHANNEL_BEFORE	      0x003fu
#define CHANNEL_TAKING	      0x0040u /* has not stored `since` yet */
#define CHANNEL_CLOSED	      0x0080u
#define CHANNEL_DEATH	      0x0100u
#define CHANNEL_DEATHS	      0x1f00u /* a number, in steps of the above */

/* In the fabric. */
struct channel_space {
	/* Never change. */
	fam_word kind;	 /* CHANNEL_MAGIC | enum fam_object_type */
	fam_word bytes;	 /* of the ring behind this */
	fam_word flags;	 /* CHANNEL_ONE, CHANNEL_POLLED */
	fam_word secret; /* random, a multiple of 16 */
	uint64_t reserved0[4];
	/* Change seldom. */
	fam_word receiver; /* a holder; the flags count how many there were */
	fam_word since;	   /* ONE: where the sender began */
	uint64_t reserved1[6];
	/* Change all the time: one line each. */
	fam_word head;
	uint64_t reserved2[7];
	fam_word tail;
	uint64_t reserved3[7];
	/* What ends sleep at; odd: somebody does. */
	fam_word news; /* the receiver */
	uint64_t reserved4[7];
	fam_word room; /* the senders */
	uint64_t reserved5[23];
	fam_word sender[CHANNEL_SENDERS]; /* holders */
	uint64_t reserved6[16];
	struct {
		fam_word at;
		uint64_t reserved[7];
	} intent[CHANNEL_SENDERS];
};

_Static_assert(sizeof(struct channel_space) == 4096, "format");
_Static_assert(offsetof(struct channel_space, receiver) == 64, "format");
_Static_assert(offsetof(struct channel_space, head) == 128, "format");
_Static_assert(offsetof(struct channel_space, tail) == 192, "format");
_Static_assert(offsetof(struct channel_space, news) == 256, "format");
_Static_assert(offsetof(struct channel_space, room) == 320, "format");
_Static_assert(offsetof(struct channel_space, sender) == 512, "format");
_Static_assert(offsetof(struct channel_space, intent) == 1024, "format");
_Static_assert(sizeof(struct channel_message) == CHANNEL_ALIGN, "format");

/* What one is made like. */
struct channel_shape {
	uint32_t kind; /* FAM_OBJECT_CHANNEL or FAM_OBJECT_STREAM */
	uint32_t flags;
	uint64_t bytes;
};

/* In the process. */
struct channel_end {
	struct fam *fam;
	struct channel_space *space;
	char *ring;
	uint64_t self; /* holder word */
	/* As they were when it was opened. */
	uint64_t mask; /* bytes of the ring less 1 */
	uint64_t secret;
	uint32_t kind, flags;
	bool sends;
	bool shut;	   /* receiver: was told that all have closed */
	unsigned int slot; /* of a sender */

	uint64_t at;	/* own position: what is reserved, or received, next */
	uint64_t other; /* where the other side was when last looked */
	uint64_t held;	/* reserved or peeked at, from @at on; 0: nothing */
	uint64_t bytes; /* of that, those of the message */
	uint64_t missing; /* sender: word of the receiver that is none */
	struct fam_object *object; /* NULL: memory of the caller's */
};

/* The state of one call that waits. */
struct channel_wait {
	struct fam_deadline deadline;
	int64_t began;	/* 0: has not napped */
	uint64_t armed; /* what is in the bell, odd; 0: nothing is known */
	bool spun;
};

static inline struct channel_wait channel_end_until(int timeout_ms)
{
	return (struct channel_wait){.deadline = fam_deadline(timeout_ms)};
}

static inline struct channel_message *channel_end_at(struct channel_end *end,
						     uint64_t position)
{
	return (struct channel_message *)(end->ring + (position & end->mask));
}

/* Words there are for senders. */
static inline unsigned int channel_end_senders(const struct channel_end *end)
{
	return end->flags & CHANNEL_ONE ? 1 : CHANNEL_SENDERS;
}

/** channel_end_lives() - 0; -ESTALE: it lost its session */
static inline int channel_end_lives(struct channel_end *end)
{
	if (__builtin_expect(fam_park_self(end->fam) == end->self, 1))
		return 0;
	return -ESTALE;
}

/** channel_end_shape_is_valid() - may there be such a one? */
bool channel_end_shape_is_valid(const struct channel_shape *shape);

/** channel_end_size() - of the memory; 0: there is no such one */
uint64_t channel_end_size(const struct channel_shape *shape);

/**
 * channel_end_make() - make one
 *
 * Return: 0; -EINVAL @shape, or @memory is not aligned; -EFAULT
 */
int channel_end_make(struct fam *fam, void *memory,
		     const struct channel_shape *shape);

/**
 * channel_end_attach() - open an end of what was made in @memory
 * @kind: what it must be
 * @out: with calloc() made
 *
 * Return: 0; -EBADMSG it is none; -EBUSY, -EMFILE, -ENOMEM, -EFAULT; -ESTALE...
 */
int channel_end_attach(struct fam *fam, void *memory, uint64_t bytes,
		       uint32_t kind, bool sends, struct channel_end **out);

/** channel_end_open() - the same, by name; @shape NULL: it must be there */
int channel_end_open(struct fam *fam, const char *name, uint32_t kind,
		     const struct channel_shape *shape, bool sends,
		     struct channel_end **out);

/** channel_end_close() - leave, tell the other side; nothing may be reserved */
void channel_end_close(struct channel_end *end);

/* --- channel-role.c ---------------------------------------------------------- */

/** channel_role_take() - become the receiver, or a sender; as _attach() */
int channel_role_take(struct channel_end *end);

/** channel_role_leave() - be it no more; the other side is to be told */
void channel_role_leave(struct channel_end *end);

/** channel_role_receiver() - for a sender: 0; -EPIPE there was one, and is not */
int channel_role_receiver(struct channel_end *end);

/**
 * channel_role_turn() - for the receiver of a ONE, before it takes something
 *
 * Return: 0; -ECONNRESET, -ESHUTDOWN: what comes next is another sender's, and
 * this is what became of the one before; told once
 */
int channel_role_turn(struct channel_end *end);

/**
 * channel_role_ended() - for the receiver, when there is nothing
 *
 * Return: 0 wait; 1 look again; -ECONNRESET, -ESHUTDOWN
 */
int channel_role_ended(struct channel_end *end);

/* --- channel-wait.c ----------------------------------------------------------- */

/**
 * channel_wait_for() - one step of waiting, after the caller found nothing
 * @word: changes when there may be something; @seen: what was in it
 *
 * Return: 0 look again; -EAGAIN does not wait; -ETIMEDOUT, -EINTR, -ESTALE
 */
int channel_wait_for(struct channel_end *end, struct channel_wait *wait,
		     const fam_word *word, uint64_t seen);

/** channel_wait_ring() - wake the other side, whatever it waits for */
void channel_wait_ring(struct channel_end *end);

/** channel_wait_tell() - the same, after `head`, `tail` or a stamp was stored */
static inline void channel_wait_tell(struct channel_end *end)
{
	if (end->flags & CHANNEL_POLLED)
		return;
	/* Stored before we look; who sleeps said so before it looked. */
	fam_word_fence();
	channel_wait_ring(end);
}

#endif
