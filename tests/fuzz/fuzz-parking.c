// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
/*
 * Two sessions wait and wake in a parking that somebody scribbles over: nothing
 * read there leads outside or into an endless loop; and whoever waits where
 * nothing was scribbled since is woken.
 */
#include <stdlib.h>
#include <string.h>

#include "input.h"
#include "sync/park-place.h"

#define HELD	  8
#define STEPS_MAX 400
#define KEYS	  4

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct held {
	bool is;
	struct fam_place place;
};

struct world {
	struct input in;
	struct fam_parking *table;
	struct fam_sessions *sessions;
	struct fam_lot lot[2];
	struct held held[2][HELD];
	bool scribbled;
	unsigned int woken;
};

static void deliver(const struct fam_lot *lot, unsigned int place,
		    uint64_t word)
{
	struct world *w = lot->arg;

	(void)word;
	if (place >= FAM_PARKING_TOTAL)
		abort();
	w->woken++;
}

static void join(struct world *w, unsigned int i)
{
	uint64_t word =
		fam_sessions_word(0x900000000001 + i, 0, FAM_SESSIONS_LIVE);

	w->sessions->word[i] = word;
	w->lot[i] = (struct fam_lot){
		.table = w->table,
		.sessions = w->sessions,
		.self = fam_holder(fam_sessions_id(word, i)),
		.deliver = deliver,
		.arg = w,
	};
}

static uint64_t pick_key(struct world *w)
{
	return 0x200000 + 8 * (take(&w->in) % KEYS);
}

/* --- what the two do -------------------------------------------------------------- */

static void wait_at(struct world *w, unsigned int who)
{
	struct held *h = &w->held[who][take(&w->in) % HELD];

	if (h->is)
		return;
	h->is = fam_place_take(&w->lot[who], pick_key(w), &h->place);
	if (!h->is && !w->scribbled)
		abort();
	if (h->is && h->place.index >= FAM_PARKING_TOTAL)
		abort();
	if (h->is)
		fam_place_begin(&w->lot[who], &h->place, NULL, 1);
}

static void leave(struct world *w, unsigned int who, struct held *h)
{
	if (!h->is)
		return;
	fam_place_end(&w->lot[who], &h->place);
	fam_place_free(&w->lot[who], &h->place);
	h->is = false;
}

/* Those who wait there and have not been woken yet. */
static unsigned int waiting_at(const struct world *w, uint64_t key)
{
	unsigned int n = 0;

	for (int i = 0; i < 2 * HELD; i++) {
		const struct held *h = &w->held[i / HELD][i % HELD];

		n += h->is && h->place.key == key &&
		     fam_word_get(h->place.word) == h->place.waiting;
	}
	return n;
}

static void wake(struct world *w, unsigned int who)
{
	uint64_t key = pick_key(w);
	unsigned int count = take(&w->in), there = waiting_at(w, key), n;

	n = fam_place_wake(&w->lot[who], key, count);
	if (n > count ||
	    (!w->scribbled && n != (there < count ? there : count)))
		abort();
}

/* --- what somebody else does -------------------------------------------------------- */

static uint64_t plausible_word(struct world *w)
{
	uint8_t how = take(&w->in);
	uint64_t holder = how & 1 ? w->lot[how >> 1 & 1].self
				  : fam_holder(take_word(&w->in));

	return (how & 4 ? holder : 0) | (how >> 3 & 3);
}

static void scribble(struct world *w)
{
	uint8_t what = take(&w->in);
	uint64_t *raw = (uint64_t *)w->table;
	struct held *h = &w->held[what & 1][what >> 1 & 7];
	unsigned int index =
		h->is ? h->place.index : take_word(&w->in) % FAM_PARKING_TOTAL;
	struct fam_parking_place *p = &w->table->place[index / 64][index % 64];

	w->scribbled = true;
	switch (take(&w->in) % 5) {
	case 0:
		p->word = plausible_word(w);
		break;
	case 1:
		p->key = pick_key(w);
		p->order = take_word(&w->in);
		break;
	case 2:
		w->table->group[index / 64].used = take_word(&w->in);
		w->table->group[index / 64].spilled = take(&w->in);
		break;
	case 3:
		raw[take_word(&w->in) % (sizeof(*w->table) / 8)] =
			take_word(&w->in);
		break;
	default:
		for (size_t i = 0; i < FAM_PARKING_TOTAL; i++)
			w->table->place[i / 64][i % 64].word =
				plausible_word(w);
		break;
	}
}

static void step(struct world *w)
{
	uint8_t what = take(&w->in);
	unsigned int who = what >> 7;

	switch (what % 8) {
	case 0:
		scribble(w);
		break;
	case 1:
		fam_place_bury(&w->lot[who], take(&w->in) % FAM_PARKING_GROUPS,
			       what & 64 ? fam_holder(take_word(&w->in)) : 0);
		break;
	case 2:
	case 3:
		leave(w, who, &w->held[who][take(&w->in) % HELD]);
		break;
	case 4:
	case 5:
		wake(w, who);
		break;
	default:
		wait_at(w, who);
		break;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct world *w = calloc(1, sizeof(*w));

	w->in = (struct input){data, size};
	w->table = calloc(1, sizeof(*w->table));
	w->sessions = calloc(1, sizeof(*w->sessions));
	join(w, 0);
	join(w, 1);
	for (int i = 0; i < STEPS_MAX && w->in.size; i++)
		step(w);
	for (int i = 0; i < 2 * HELD; i++)
		leave(w, (unsigned int)i / HELD, &w->held[i / HELD][i % HELD]);
	for (unsigned int i = 0; i < FAM_PARKING_TOTAL && !w->scribbled; i++) {
		if (w->table->place[i / 64][i % 64].word)
			abort();
	}
	free(w->sessions);
	free(w->table);
	free(w);
	return 0;
}
