/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026, the FAM emulator authors */
#ifndef FAM_SESSIONS_H
#define FAM_SESSIONS_H

/*
 * The table of sessions of a formatted fabric: who is attached, and who has
 * died. ../FORMAT.md describes it. Shared with tm-server and famctl, not
 * installed.
 *
 * A session is one word, changed by compare-and-swap only, so that each step of
 * its life is made exactly once, whoever comes first:
 *
 *	0 -> JOINING -> LIVE -> DEAD -> RECOVERING -> 0
 *	                     \---------> 0   (it leaves by itself)
 *
 * JOINING may become DEAD, too. RECOVERING names the slot of who recovers; if
 * that one dies, whoever recovers *it* first makes it DEAD again: a slot is
 * never free while another one names it.
 *
 * There is no common clock. A session lets `beat` rise several times within its
 * lease; whoever sees the same word and beat for 3/4 of the lease, by his own
 * clock, declares it dead. It learns so by its word. Anybody who has the fabric
 * can write anything here: what is read is bounded, copied and checked. This
 * header and sessions.c need no C library.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <fam/layout.h>

#define FAM_SESSIONS_SLOTS	1024
#define FAM_SESSIONS_SLOT_BYTES 512
#define FAM_SESSIONS_BELLS	32	/* software doorbells of each slot */
#define FAM_SESSIONS_IDS	65536	/* of peers */
#define FAM_SESSIONS_NAME	64	/* bytes, with a NUL */
#define FAM_SESSIONS_LEASE_MS	2000	/* default */
#define FAM_SESSIONS_LEASE_MIN	100	/* ms; what is outside is taken for */
#define FAM_SESSIONS_LEASE_MAX	3600000 /* the nearest of the two */

enum fam_sessions_phase {
	FAM_SESSIONS_FREE = 0, /* the whole word is 0 */
	FAM_SESSIONS_JOINING = 1,
	FAM_SESSIONS_LIVE = 2,
	FAM_SESSIONS_DEAD = 3, /* `by` tells why: enum fam_session_reason */
	FAM_SESSIONS_RECOVERING = 4, /* `by` is the slot that recovers it */
};

/* Bits 63-16: token, random, not 0; 15-4: by; 3-0: phase. */
static inline uint64_t fam_sessions_word(uint64_t token, unsigned int by,
					 enum fam_sessions_phase phase)
{
	return token << 16 | (uint64_t)(by & 0xfff) << 4 | phase;
}

static inline uint64_t fam_sessions_token(uint64_t word)
{
	return word >> 16;
}

static inline unsigned int fam_sessions_by(uint64_t word)
{
	return (unsigned int)(word >> 4) & 0xfff;
}

static inline enum fam_sessions_phase fam_sessions_phase(uint64_t word)
{
	return (enum fam_sessions_phase)(word & 0xf);
}

/* What programs know a session by: its token and its slot. */
static inline uint64_t fam_sessions_id(uint64_t word, unsigned int slot)
{
	return fam_sessions_token(word) << 16 | slot;
}

#define FAM_SESSIONS_INTERRUPTS 0x1u /* rings of its peer ID reach it */
#define FAM_SESSIONS_WATCHES	0x2u /* is to be rung when others come or go */
#define FAM_SESSIONS_HOST	0x4u /* a program of the host */

struct fam_sessions_slot {
	/* Written by the session, all but the beat before it is LIVE. */
	_Atomic uint64_t beat;	   /* rises while it lives */
	_Atomic uint32_t lease_ms; /* how long it may be silent */
	_Atomic uint32_t pid;
	_Atomic uint64_t node;	    /* kernel and name spaces; 0: unknown */
	_Atomic uint64_t started;   /* of the process, ticks since boot */
	_Atomic uint32_t peer;	    /* ID it is rung by; 0: it has none */
	_Atomic uint32_t flags;	    /* FAM_SESSIONS_ */
	_Atomic uint64_t joined_ns; /* since 1970-01-01 UTC, its own clock */
	/* Written by who frees the slot: its last session. */
	_Atomic uint64_t ended; /* session ID */
	_Atomic uint32_t ended_reason;
	uint32_t reserved0;
	/* Written by anybody, answered by the session. */
	_Atomic uint64_t ping; /* rises */
	_Atomic uint64_t pong; /* follows */
	/* Written by the session, as above. */
	_Atomic uint32_t vectors; /* it can be rung at; 0: FAM_SESSIONS_BELLS */
	uint32_t reserved1[11];
	/* Words for atomic copies; text, NUL-padded. */
	_Atomic uint64_t node_name[FAM_SESSIONS_NAME / 8];
	_Atomic uint64_t name[FAM_SESSIONS_NAME / 8];
	/* Rung by whoever cannot, or need not, ring `peer`; they rise. */
	_Atomic uint64_t bell[FAM_SESSIONS_BELLS];
};

struct fam_sessions {
	_Atomic uint64_t changes; /* rises behind each change of a word */
	uint64_t reserved0[7];
	/* Written by the server. */
	_Atomic uint64_t server; /* random, of its life; 0: none runs */
	/* Written by whoever attaches on the host: which start of it this is. */
	_Atomic uint64_t boot; /* 0: not known */
	uint64_t reserved1[502];
	_Atomic uint64_t word[FAM_SESSIONS_SLOTS];
	/* Written by the server: peer 64w + b is attached. */
	_Atomic uint64_t present[FAM_SESSIONS_IDS / 64];
	uint64_t reserved2[5632];
	struct fam_sessions_slot slot[FAM_SESSIONS_SLOTS];
};

#ifndef __cplusplus
_Static_assert(sizeof(struct fam_sessions_slot) == FAM_SESSIONS_SLOT_BYTES, "");
_Static_assert(offsetof(struct fam_sessions_slot, lease_ms) == 8, "format");
_Static_assert(offsetof(struct fam_sessions_slot, pid) == 12, "format");
_Static_assert(offsetof(struct fam_sessions_slot, node) == 16, "format");
_Static_assert(offsetof(struct fam_sessions_slot, started) == 24, "format");
_Static_assert(offsetof(struct fam_sessions_slot, peer) == 32, "format");
_Static_assert(offsetof(struct fam_sessions_slot, flags) == 36, "format");
_Static_assert(offsetof(struct fam_sessions_slot, joined_ns) == 40, "format");
_Static_assert(offsetof(struct fam_sessions_slot, ended) == 48, "format");
_Static_assert(offsetof(struct fam_sessions_slot, ended_reason) == 56,
	       "format");
_Static_assert(offsetof(struct fam_sessions_slot, ping) == 64, "format");
_Static_assert(offsetof(struct fam_sessions_slot, pong) == 72, "format");
_Static_assert(offsetof(struct fam_sessions_slot, vectors) == 80, "format");
_Static_assert(offsetof(struct fam_sessions_slot, node_name) == 128, "format");
_Static_assert(offsetof(struct fam_sessions_slot, name) == 192, "format");
_Static_assert(offsetof(struct fam_sessions_slot, bell) == 256, "format");
_Static_assert(offsetof(struct fam_sessions, server) == 64, "format");
_Static_assert(offsetof(struct fam_sessions, boot) == 72, "format");
_Static_assert(offsetof(struct fam_sessions, word) == 4096, "format");
_Static_assert(offsetof(struct fam_sessions, present) == 12288, "format");
_Static_assert(offsetof(struct fam_sessions, slot) == 65536, "format");
_Static_assert(sizeof(struct fam_sessions) == FAM_SESSIONS_BYTES, "format");
#endif

/** fam_sessions_is_sane() - a word of a session, not 0 and not nonsense? */
bool fam_sessions_is_sane(uint64_t word);

/**
 * fam_sessions_claim() - take a free slot
 * @token: random, 1 to 2^48 - 1
 *
 * Return: its number, its word being JOINING; -1: none is free
 */
int fam_sessions_claim(struct fam_sessions *table, uint64_t token);

/**
 * fam_sessions_step() - change a word if it is still what it was
 * @from: as it was read
 *
 * Ordering: acquire and release; `changes` rises behind it
 * Return: did this call do it?
 */
bool fam_sessions_step(struct fam_sessions *table, unsigned int slot,
		       uint64_t from, uint64_t to);

/** fam_sessions_kill() - JOINING or LIVE to DEAD; did this call do it? */
bool fam_sessions_kill(struct fam_sessions *table, unsigned int slot,
		       uint64_t from, unsigned int reason);

/**
 * fam_sessions_take() - DEAD to RECOVERING, and the reason noted
 * @by: the slot of who recovers; @slot itself: somebody without a session
 *
 * Return: the word that is now the caller's to free; 0: somebody else's
 */
uint64_t fam_sessions_take(struct fam_sessions *table, unsigned int slot,
			   uint64_t dead, unsigned int by);

/** fam_sessions_untake() - RECOVERING back to DEAD; did this call do it? */
bool fam_sessions_untake(struct fam_sessions *table, unsigned int slot,
			 uint64_t from);

/**
 * fam_sessions_untake_all() - those that a session was recovering
 * @by: its slot; before that becomes free, as nothing else finds them again
 */
void fam_sessions_untake_all(struct fam_sessions *table, unsigned int by);

/**
 * fam_sessions_free() - end of a recovery, or of a session that leaves
 * @from: RECOVERING by the caller, or the caller's own LIVE word
 *
 * Notes session and reason before the word becomes 0.
 * Return: did this call do it?
 */
bool fam_sessions_free(struct fam_sessions *table, unsigned int slot,
		       uint64_t from, unsigned int reason);

/**
 * fam_sessions_kill_peer() - declare dead all sessions that have a peer ID
 *
 * Return: how many
 */
unsigned int fam_sessions_kill_peer(struct fam_sessions *table, uint32_t peer,
				    unsigned int reason);

/**
 * fam_sessions_reason() - why a session that is LIVE no more is not
 *
 * Return: enum fam_session_reason
 */
unsigned int fam_sessions_reason(const struct fam_sessions *table,
				 unsigned int slot, uint64_t id);

/** fam_sessions_lease() - of a slot, in range */
uint32_t fam_sessions_lease(const struct fam_sessions_slot *slot);

/** fam_sessions_write_text() - a name, as much of it as there is room for */
void fam_sessions_write_text(_Atomic uint64_t to[FAM_SESSIONS_NAME / 8],
			     const char *text);

/* A private, checked copy of a slot. */
struct fam_sessions_copy {
	uint64_t word; /* unchanged while it was copied */
	uint64_t beat, node, started, joined_ns;
	uint32_t lease_ms, pid, peer, flags; /* lease and peer in range */
	char node_name[FAM_SESSIONS_NAME];   /* what is not printable ASCII */
	char name[FAM_SESSIONS_NAME];	     /* or a blank is '?' */
};

/**
 * fam_sessions_copy() - what a slot holds now
 *
 * Names may be mixed of old and new while the session changes them.
 * Return: false: it is free, holds nonsense, or was changed meanwhile
 */
bool fam_sessions_copy(const struct fam_sessions *table, unsigned int slot,
		       struct fam_sessions_copy *out);

/** fam_sessions_is_present() - does the server say that a peer is attached? */
bool fam_sessions_is_present(const struct fam_sessions *table, uint32_t peer);

/** fam_sessions_beat_ms() - how often a session with this lease beats */
static inline uint32_t fam_sessions_beat_ms(uint32_t lease_ms)
{
	return lease_ms / 8;
}

/** fam_sessions_patience_ms() - silence after which it is dead */
static inline uint32_t fam_sessions_patience_ms(uint32_t lease_ms)
{
	return lease_ms / 4 * 3;
}

#endif
