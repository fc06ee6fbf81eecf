/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026, the FAM emulator authors */
#ifndef FAM_PARK_PLACE_H
#define FAM_PARK_PLACE_H

/*
 * The places of a parking (fam-parking.h) and their steps, without a clock and
 * without sleeping.
 */
#include <fam-parking.h>

struct fam_lot {
	struct fam_parking *table;
	const struct fam_sessions *sessions;
	uint64_t self; /* holder word of the caller; 0: it has no session */
	/* Have who is WOKEN there look; @word as it was WAITING. */
	void (*deliver)(const struct fam_lot *lot, unsigned int place,
			uint64_t word);
	void *arg;
};

/* The thread that has a place, and nobody else, uses this. */
struct fam_place {
	unsigned int index;
	uint64_t key, order;
	fam_word *word;
	uint64_t waiting; /* what is there while nobody wakes it */
};

static inline fam_word *fam_place_word(const struct fam_lot *lot,
				       unsigned int index)
{
	return &lot->table
			->place[index / FAM_PARKING_PLACES]
			       [index % FAM_PARKING_PLACES]
			.word;
}

static inline unsigned int fam_place_state(uint64_t word)
{
	return (unsigned int)(word & FAM_HOLDER_FLAGS);
}

/**
 * fam_place_take() - claim one; the caller has a session
 * @key: offset of the word to wait for
 *
 * Return: false: none is free, or the session is lost
 */
bool fam_place_take(const struct fam_lot *lot, uint64_t key,
		    struct fam_place *out);

/**
 * fam_place_begin() - from now on it can be woken
 * @order: as an earlier wait of the same call had it, if it is to keep its turn;
 *	or NULL
 * @node: as in the format
 *
 * Ordering: sequentially consistent, before a later look at the word
 */
void fam_place_begin(const struct fam_lot *lot, struct fam_place *place,
		     const uint64_t *order, uint64_t node);

/** fam_place_end() - it is woken no more; was it, or is it lost? */
bool fam_place_end(const struct fam_lot *lot, struct fam_place *place);

/** fam_place_free() - give it back, after fam_place_end() */
void fam_place_free(const struct fam_lot *lot, const struct fam_place *place);

/**
 * fam_place_wake() - wake who waits for a key, who came first first
 *
 * The caller's change of the word is ordered before this by a full fence.
 * Return: how many
 */
unsigned int fam_place_wake(const struct fam_lot *lot, uint64_t key,
			    unsigned int count);

/**
 * fam_place_bury() - free the places of the dead, pass on what they were woken
 * for
 * @holder: whose; 0: of all that are dead
 */
void fam_place_bury(const struct fam_lot *lot, unsigned int group,
		    uint64_t holder);

#endif
