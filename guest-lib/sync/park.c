// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
/* How a thread waits: it spins, sleeps, or naps. */
#include "park.h"

#define NAP_FIRST_NS INT64_C(50000)
#define NAP_LAST_NS  INT64_C(10000000)
#define LONG_NS	     INT64_C(2000000000) /* then naps are three times as long */
#define LOOK_NS	     (FAM_PARK_LOOK_MS * INT64_C(1000000))
#define MEET_NS	     INT64_C(50000000) /* until it is noticed who has joined */
#define SPIN_TURNS   32		       /* between two looks at the clock */
#define SPIN_LEAST   (FAM_PARK_SPIN_NS / 16)
#define SPIN_TRIAL   8 /* one of so many is as long as can be */
#define AGAIN_NS     INT64_C(5000000)

__thread uint32_t fam_park_number __attribute__((tls_model("initial-exec")));

uint32_t fam_park_new_number(void)
{
	static _Atomic uint32_t count;

	while (fam_park_number == 0)
		fam_park_number = (atomic_fetch_add(&count, 1) + 1) & INT32_MAX;
	return fam_park_number;
}

/* --- spinning ----------------------------------------------------------------- */

static bool spin_until(const fam_word *word, uint64_t value, int64_t until)
{
	do {
		for (int i = 0; i < SPIN_TURNS; i++) {
			if (fam_word_get(word) != value)
				return true;
			fam_word_pause();
		}
	} while (fam_now_ns() < until);
	return false;
}

/* Longer where it was worth it, half as long where it was not. */
static void learn(struct fam_parked *p, int64_t spin, bool changed)
{
	int64_t next = changed ? spin * 4 : spin / 2;

	if (next > FAM_PARK_SPIN_NS)
		next = FAM_PARK_SPIN_NS;
	if (next < SPIN_LEAST)
		next = SPIN_LEAST;
	if (next != spin)
		atomic_store_explicit(&p->spin_ns, (uint32_t)next,
				      memory_order_relaxed);
}

/* Two that both sleep at once would never find out that spinning pays. */
static bool is_trial(struct fam_parked *p)
{
	return atomic_fetch_add_explicit(&p->spin_count, 1,
					 memory_order_relaxed) %
		       SPIN_TRIAL ==
	       0;
}

bool fam_park_spin(struct fam *fam, const fam_word *word, uint64_t value)
{
	struct fam_parked *p = fam->parked;
	int64_t spin;
	bool changed;

	if (fam_word_get(word) != value)
		return true;
	if (!p || !p->spins)
		return false;
	spin = atomic_load_explicit(&p->spin_ns, memory_order_relaxed);
	changed = spin_until(word, value,
			     fam_now_ns() +
				     (is_trial(p) ? FAM_PARK_SPIN_NS : spin));
	learn(p, spin, changed);
	return changed;
}

/* --- sleeping ----------------------------------------------------------------- */

/* One call of fam_park(). */
struct sleeper {
	struct fam *fam;
	const fam_word *word;
	uint64_t value;
	int64_t first;	      /* when the wait began that this goes on with */
	int64_t began, until; /* of this slice */
	bool last;	      /* the caller's time ends with it */
	struct fam_place place;
};

/*
 * Who has looked in vain and comes back at once goes on with the same wait: it
 * keeps its turn, and does not begin with short naps again.
 */
static __thread struct {
	const struct fam *fam;
	uint64_t key, order;
	bool ordered; /* it had a place */
	int64_t first, left;
} turn __attribute__((tls_model("initial-exec")));

/* NULL: its turn is behind those who are there. */
static const uint64_t *earlier_order(struct sleeper *s, uint64_t key)
{
	if (turn.fam != s->fam || turn.key != key ||
	    s->began - turn.left >= AGAIN_NS)
		return NULL;
	s->first = turn.first;
	return turn.ordered ? &turn.order : NULL;
}

static int remember(const struct sleeper *s, uint64_t key, bool ordered, int r)
{
	turn.fam = r == 1 ? s->fam : NULL;
	turn.key = key;
	turn.ordered = ordered;
	turn.order = s->place.order;
	turn.first = s->first;
	turn.left = fam_now_ns();
	return r;
}

/* An eighth of what has passed, less after some seconds; not beyond the end. */
static int64_t nap_ns(const struct sleeper *s, int64_t now)
{
	int64_t ns = (now - s->first) / 8;

	if (ns < NAP_FIRST_NS)
		ns = NAP_FIRST_NS;
	if (ns > LONG_NS / 8)
		ns = 3 * NAP_LAST_NS;
	else if (ns > NAP_LAST_NS)
		ns = NAP_LAST_NS;
	return ns < s->until - now ? ns : s->until - now;
}

static int nap(int64_t ns)
{
	const struct timespec t = {.tv_nsec = (long)ns};

	/* In nanosleep(2) nothing but a handler ends it early. */
	return nanosleep(&t, NULL) < 0 ? -EINTR : 0;
}

/* 0 something has changed; 1 nothing has, for long; -ETIMEDOUT, -EINTR */
static int sleep_at_place(struct sleeper *s)
{
	const struct fam_parked *p = s->fam->parked;
	int64_t now = s->began;
	int r = 0;

	while (fam_word_get(s->word) == s->value &&
	       fam_word_get(s->place.word) == s->place.waiting) {
		int64_t ns = s->until - now;

		if (r < 0 || ns <= 0)
			return r < 0 ? r : s->last ? -ETIMEDOUT : 1;
		if (!fam_park_reached(s->fam))
			ns = nap_ns(s, now);
		else if (ns > MEET_NS && fam_bells_library_fd(s->fam) < 0)
			ns = MEET_NS;
		r = fam_futex_wait(s->place.word, s->place.waiting, ns,
				   p->shared);
		now = fam_now_ns();
	}
	return 0;
}

/* All places are taken. As above. */
static int nap_without(struct sleeper *s)
{
	int64_t now = s->began;
	int r = 0;

	while (fam_word_get(s->word) == s->value) {
		if (r < 0 || now >= s->until)
			return r < 0 ? r : s->last ? -ETIMEDOUT : 1;
		r = nap(nap_ns(s, now));
		now = fam_now_ns();
	}
	return 0;
}

static void note_mine(struct fam_parked *p, unsigned int index, bool is)
{
	uint64_t bit = UINT64_C(1) << index % 64;

	if (is)
		atomic_fetch_or(&p->mine[index / 64], bit);
	else
		atomic_fetch_and(&p->mine[index / 64], ~bit);
}

static int sleep_slice(struct sleeper *s, uint64_t key)
{
	struct fam_parked *p = s->fam->parked;
	struct fam_lot lot = fam_park_lot(s->fam);
	const uint64_t *order = earlier_order(s, key);
	int r;

	if (lot.self == 0)
		return fam_park_why(s->fam);
	if (!fam_place_take(&lot, key, &s->place))
		return fam_park_self(s->fam) == lot.self
			       ? remember(s, key, false, nap_without(s))
			       : fam_park_why(s->fam);
	note_mine(p, s->place.index, true);
	fam_place_begin(&lot, &s->place, order,
			p->shared ? s->fam->sessions->owner.node : 0);
	r = sleep_at_place(s);
	/* Who was woken has to look: nobody else is woken instead. */
	if (fam_place_end(&lot, &s->place))
		r = 0;
	note_mine(p, s->place.index, false);
	fam_place_free(&lot, &s->place);
	return remember(s, key, true, r);
}

static void set_until(struct sleeper *s, struct fam_deadline deadline)
{
	s->began = s->first = fam_now_ns();
	s->until = s->began + LOOK_NS;
	s->last = deadline.at >= 0 && deadline.at <= s->until;
	if (s->last)
		s->until = deadline.at;
}

int fam_park_slice(struct fam *fam, const fam_word *word, uint64_t value,
		   struct fam_deadline deadline)
{
	struct sleeper s = {.fam = fam, .word = word, .value = value};
	uint64_t key;
	int r;

	if (fam_park_self(fam) == 0)
		return fam_park_why(fam);
	r = fam_map_find(fam, (const void *)word, sizeof(*word), &key);
	if (r < 0)
		return r;
	if (fam_word_get(word) != value)
		return 0;
	if (deadline.at == 0)
		return -ETIMEDOUT;
	set_until(&s, deadline);
	return sleep_slice(&s, key);
}

int fam_park(struct fam *fam, const fam_word *word, uint64_t value,
	     struct fam_deadline deadline)
{
	int r = fam_park_slice(fam, word, value, deadline);

	return r < 0 ? r : 0;
}
