// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
/* The steps of the places; see the header, and FORMAT.md. */
#include "park-place.h"

#define BATCH	      32 /* woken after one look */
#define PASSES	      (FAM_PARKING_TOTAL / BATCH + 64)
#define UNSPILL_TRIES 64

static unsigned int home_of(uint64_t key)
{
	return (unsigned int)((key >> 3) * UINT64_C(0x9e3779b97f4a7c15) >> 58);
}

static struct fam_parking_group *group_of(const struct fam_lot *lot,
					  unsigned int group)
{
	return &lot->table->group[group % FAM_PARKING_GROUPS];
}

static struct fam_parking_place *place_of(const struct fam_lot *lot,
					  unsigned int index)
{
	return &lot->table
			->place[index / FAM_PARKING_PLACES % FAM_PARKING_GROUPS]
			       [index % FAM_PARKING_PLACES];
}

static uint64_t bit_of(unsigned int index)
{
	return UINT64_C(1) << index % FAM_PARKING_PLACES;
}

static bool is_dead(const struct fam_lot *lot, uint64_t word)
{
	return word && !fam_holder_lives(lot->sessions, word);
}

/* --- to take and to free ---------------------------------------------------- */

/* The hint is set by who has the place only, so it is never missing for long. */
static bool claim(const struct fam_lot *lot, unsigned int index)
{
	fam_word *word = &place_of(lot, index)->word;

	if (fam_word_peek(word) != 0 ||
	    !fam_word_step(word, 0, lot->self | FAM_PARKING_CLAIMED))
		return false;
	fam_word_set(&group_of(lot, index / FAM_PARKING_PLACES)->used,
		     bit_of(index));
	return true;
}

/* Its number; -1. @all: also those whose hint says that they are taken. */
static int claim_in(const struct fam_lot *lot, unsigned int group, bool all)
{
	uint64_t may = all ? ~UINT64_C(0)
			   : ~fam_word_peek(&group_of(lot, group)->used);
	unsigned int first = group * FAM_PARKING_PLACES;

	for (; may; may &= may - 1) {
		unsigned int b = (unsigned int)__builtin_ctzll(may);

		if (claim(lot, first + b))
			return (int)(first + b);
	}
	return -1;
}

static int take_in(const struct fam_lot *lot, unsigned int group)
{
	int index = claim_in(lot, group, false);

	if (index >= 0)
		return index;
	fam_place_bury(lot, group, 0);
	return claim_in(lot, group, true);
}

static void unspill_one(struct fam_parking_group *group)
{
	uint64_t was = fam_word_peek(&group->spilled);

	/* Too high costs others a look, and nothing more. */
	for (int i = 0; i < UNSPILL_TRIES && was; i++) {
		if (fam_word_swap(&group->spilled, &was, was - 1))
			return;
	}
}

/* Who has a place in @group, or none at all, went through those before. */
static void unspill(const struct fam_lot *lot, uint64_t key, unsigned int count)
{
	for (unsigned int i = 0; i < count; i++)
		unspill_one(group_of(lot, home_of(key) + i));
}

/*
 * The hint goes first: behind the word's change it would be that of who has
 * the place by then.
 */
static void vacate(const struct fam_lot *lot, unsigned int index, uint64_t key,
		   uint64_t word)
{
	unsigned int group = index / FAM_PARKING_PLACES;

	fam_word_clear(&group_of(lot, group)->used, bit_of(index));
	if (fam_word_step(&place_of(lot, index)->word, word, 0))
		unspill(lot, key, (group - home_of(key)) % FAM_PARKING_GROUPS);
}

/*
 * Who was taken for dead before this claim, and cleared up behind, would leave
 * the place to nobody. Who is so later is cleared up behind later.
 */
static bool keep_claim(const struct fam_lot *lot, unsigned int index,
		       uint64_t key)
{
	if (fam_holder_lives(lot->sessions, lot->self))
		return true;
	vacate(lot, index, key, lot->self | FAM_PARKING_CLAIMED);
	return false;
}

bool fam_place_take(const struct fam_lot *lot, uint64_t key,
		    struct fam_place *out)
{
	unsigned int home = home_of(key);

	for (unsigned int i = 0; i < FAM_PARKING_GROUPS; i++) {
		int index = take_in(lot, (home + i) % FAM_PARKING_GROUPS);

		if (index >= 0) {
			out->index = (unsigned int)index;
			out->key = key;
			out->word = fam_place_word(lot, out->index);
			out->waiting = lot->self | FAM_PARKING_WAITING;
			return keep_claim(lot, out->index, key);
		}
		/* Before a place behind it is taken: wakers follow this. */
		fam_word_add(&group_of(lot, home + i)->spilled, 1);
	}
	unspill(lot, key, FAM_PARKING_GROUPS);
	return false;
}

/*
 * An earlier one is none if it is still to be drawn: that of another fabric, or
 * of a counter that somebody has written over. No waker would ever come to it.
 */
static uint64_t draw_order(struct fam_parking_group *home,
			   const uint64_t *earlier)
{
	if (earlier && (int64_t)(*earlier - fam_word_peek(&home->order)) < 0)
		return *earlier;
	return fam_word_add(&home->order, 1);
}

void fam_place_begin(const struct fam_lot *lot, struct fam_place *place,
		     const uint64_t *order, uint64_t node)
{
	struct fam_parking_place *p = place_of(lot, place->index);

	place->order = draw_order(group_of(lot, home_of(place->key)), order);
	fam_word_poke(&p->key, place->key);
	fam_word_poke(&p->order, place->order);
	fam_word_poke(&p->node, node);
	/* If it fails, the place is lost, which fam_place_end() tells. */
	fam_word_step(&p->word, lot->self | FAM_PARKING_CLAIMED,
		      place->waiting);
	fam_word_fence();
}

bool fam_place_end(const struct fam_lot *lot, struct fam_place *place)
{
	return !fam_word_step(place->word, place->waiting,
			      lot->self | FAM_PARKING_CLAIMED);
}

void fam_place_free(const struct fam_lot *lot, const struct fam_place *place)
{
	uint64_t word = fam_word_get(place->word);

	if (fam_holder_of(word) == lot->self)
		vacate(lot, place->index, place->key, word);
}

/* --- the dead ---------------------------------------------------------------- */

/*
 * What a place of a dead one becomes: the finder's, or free at least if he has
 * no session. Never WAITING: others would wake it, and nobody would look.
 */
static uint64_t inherited(const struct fam_lot *lot, uint64_t dead)
{
	if (lot->self == 0)
		return 0;
	return lot->self | (fam_place_state(dead) == FAM_PARKING_WOKEN
				    ? FAM_PARKING_WOKEN
				    : FAM_PARKING_CLAIMED);
}

static bool take_over(const struct fam_lot *lot, unsigned int index,
		      uint64_t dead)
{
	return fam_word_step(&place_of(lot, index)->word, dead,
			     inherited(lot, dead));
}

/*
 * One's own while that is passed on: should the caller die meanwhile, the next
 * one does it again.
 */
static void bury(const struct fam_lot *lot, unsigned int index, uint64_t dead)
{
	uint64_t key = fam_word_peek(&place_of(lot, index)->key);

	if (!take_over(lot, index, dead))
		return;
	if (fam_place_state(dead) == FAM_PARKING_WOKEN)
		fam_place_wake(lot, key, 1);
	if (lot->self)
		vacate(lot, index, key, inherited(lot, dead));
}

void fam_place_bury(const struct fam_lot *lot, unsigned int group,
		    uint64_t holder)
{
	for (unsigned int i = 0; i < FAM_PARKING_PLACES; i++) {
		unsigned int index = group * FAM_PARKING_PLACES + i;
		uint64_t word = fam_word_get(&place_of(lot, index)->word);

		if (holder ? fam_holder_of(word) == holder : is_dead(lot, word))
			bury(lot, index, word);
	}
}

/* --- to wake ----------------------------------------------------------------- */

struct pick {
	uint64_t order, word;
	unsigned int index;
};

/* One look for those who wait for a key. */
struct search {
	const struct fam_lot *lot;
	uint64_t key;
	uint64_t limit; /* who came later has seen the change */
	unsigned int want, found;
	unsigned int dead;	 /* that were woken: one more each */
	struct pick pick[BATCH]; /* the first of them, in order */
};

static void keep(struct search *s, const struct pick *p)
{
	unsigned int i = s->found;

	if (s->found < s->want)
		s->found++;
	else if ((int64_t)(p->order - s->pick[--i].order) >= 0)
		return;
	for (; i && (int64_t)(p->order - s->pick[i - 1].order) < 0; i--)
		s->pick[i] = s->pick[i - 1];
	s->pick[i] = *p;
}

/* What a dead one was woken for is for the next one. */
static void find_dead(struct search *s, const struct pick *p)
{
	if (!take_over(s->lot, p->index, p->word))
		return;
	if (fam_place_state(p->word) == FAM_PARKING_WOKEN)
		s->dead++;
	if (s->lot->self)
		vacate(s->lot, p->index, s->key, inherited(s->lot, p->word));
}

static void look_at(struct search *s, unsigned int index)
{
	const struct fam_parking_place *place = place_of(s->lot, index);
	struct pick p = {.word = fam_word_get(&place->word), .index = index};

	if (fam_place_state(p.word) < FAM_PARKING_WAITING ||
	    fam_word_peek(&place->key) != s->key)
		return;
	p.order = fam_word_peek(&place->order);
	if (is_dead(s->lot, p.word))
		find_dead(s, &p);
	else if (fam_place_state(p.word) == FAM_PARKING_WAITING &&
		 (int64_t)(p.order - s->limit) < 0)
		keep(s, &p);
}

static void look(struct search *s)
{
	unsigned int home = home_of(s->key);

	for (unsigned int i = 0; i < FAM_PARKING_GROUPS; i++) {
		unsigned int g = (home + i) % FAM_PARKING_GROUPS;
		const struct fam_parking_group *group = group_of(s->lot, g);
		uint64_t used = fam_word_get(&group->used);

		for (; used; used &= used - 1)
			look_at(s, g * FAM_PARKING_PLACES +
					   (unsigned int)__builtin_ctzll(used));
		if (fam_word_get(&group->spilled) == 0)
			break;
	}
}

/*
 * Between the look and this step the place may have become that of another
 * wait of the same session. Then its thread looks in vain; but it does not
 * count.
 */
static bool wake(const struct search *s, const struct pick *p)
{
	const struct fam_parking_place *place = place_of(s->lot, p->index);

	if (!fam_word_step(&place_of(s->lot, p->index)->word, p->word,
			   fam_holder_of(p->word) | FAM_PARKING_WOKEN))
		return false;
	s->lot->deliver(s->lot, p->index, p->word);
	return fam_word_get(&place->key) == s->key;
}

static unsigned int wake_found(const struct search *s)
{
	unsigned int woken = 0;

	for (unsigned int i = 0; i < s->found; i++)
		woken += wake(s, &s->pick[i]);
	return woken;
}

/* Those found may have left before they were woken: then look again. */
static unsigned int search(struct search *s, unsigned int count)
{
	unsigned int woken = 0, most;

	for (int i = 0; i < PASSES && woken < count + s->dead; i++) {
		most = count + s->dead - woken;
		s->want = most < BATCH ? most : BATCH;
		s->found = 0;
		look(s);
		if (s->found == 0)
			break;
		woken += wake_found(s);
	}
	return woken < count ? woken : count;
}

unsigned int fam_place_wake(const struct fam_lot *lot, uint64_t key,
			    unsigned int count)
{
	const struct fam_parking_group *home = group_of(lot, home_of(key));
	struct search s;

	if (fam_word_get(&home->used) == 0 && fam_word_get(&home->spilled) == 0)
		return 0;
	s.lot = lot;
	s.key = key;
	s.limit = fam_word_get(&home->order);
	s.dead = 0;
	return search(&s,
		      count < FAM_PARKING_TOTAL ? count : FAM_PARKING_TOTAL);
}
