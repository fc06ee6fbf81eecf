// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
/*
 * Two attachments that watch each other, in a table that somebody scribbles
 * over: nothing read there costs more than a session, who keeps beating and is
 * not written over is never taken for dead, and in the end no slot stays
 * unusable.
 */
#include <stdlib.h>
#include <string.h>

#include "attached.h"
#include "input.h"

#define STEP_NS	  INT64_C(40000000)
#define STEPS_MAX 400

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct world {
	struct input in;
	struct fam_sessions *table;
	struct fam fam[2];
	int64_t now;
	bool scribbled; /* since both had their sessions */
};

/* What the keeper does when it wakes. */
static void look(struct world *w, struct fam *fam)
{
	struct fam_membership *m = fam->sessions;

	pthread_mutex_lock(&m->lock);
	if (fam_session_has(m, m->id)) {
		fam_session_sign(fam, own_slot(fam));
		fam_keeper_beat(m, w->now);
	}
	fam_session_look(fam, w->now);
	pthread_mutex_unlock(&m->lock);
}

static void check_alive(struct world *w)
{
	for (int i = 0; i < 2 && !w->scribbled; i++) {
		if (fam_session_check(&w->fam[i]) < 0)
			abort();
	}
}

/* Somewhere; @near: at one of the two, or close to it. */
static unsigned int pick_slot(struct world *w, bool near)
{
	uint8_t where = take(&w->in);

	if (near)
		return (own_slot(&w->fam[where & 1]) + (where >> 1 & 3)) %
		       FAM_SESSIONS_SLOTS;
	return (where << 8 | take(&w->in)) % FAM_SESSIONS_SLOTS;
}

/* A word that could be one: its parts are chosen, not its bits. */
static uint64_t plausible_word(struct world *w)
{
	uint8_t how = take(&w->in);
	unsigned int by = how & 8 ? own_slot(&w->fam[how >> 4 & 1])
				  : pick_slot(w, how & 16);

	return fam_sessions_word(take(&w->in), how & 32 ? by : take(&w->in),
				 (enum fam_sessions_phase)(how & 7));
}

/* Of a program of this node, living or not. */
static void plant_process(struct world *w, struct fam_sessions_slot *slot)
{
	const struct fam_owner *self = &w->fam[0].sessions->owner;
	uint8_t how = take(&w->in);

	slot->node = how & 1 ? self->node : how;
	slot->pid = how & 2 ? self->pid : UINT32_C(1) << (how >> 3);
	slot->started = how & 4 ? self->started : how;
	slot->lease_ms = how & 128 ? 100 : 2000;
}

static void scribble(struct world *w)
{
	uint8_t what = take(&w->in);
	unsigned int slot = pick_slot(w, what & 8);
	_Atomic uint64_t *words = (_Atomic uint64_t *)&w->table->slot[slot];

	w->scribbled = true;
	switch (what & 7) {
	case 0:
		w->table->word[slot] = take_word(&w->in);
		break;
	case 1:
	case 2:
	case 3:
		w->table->word[slot] = plausible_word(w);
		break;
	case 4:
		words[take(&w->in) % (FAM_SESSIONS_SLOT_BYTES / 8)] =
			take_word(&w->in);
		break;
	case 5:
		plant_process(w, &w->table->slot[slot]);
		break;
	case 6:
		w->table->changes = take_word(&w->in);
		break;
	default:
		for (unsigned int i = 0; i < FAM_SESSIONS_SLOTS; i++)
			w->table->word[i] = plausible_word(w);
		break;
	}
}

static int visit(const struct fam_session *session, void *arg)
{
	unsigned int *count = arg;

	if (++*count > FAM_SESSIONS_SLOTS || session->id == 0 ||
	    strlen(session->name) >= sizeof(session->name) ||
	    strlen(session->node) >= sizeof(session->node))
		abort();
	return 0;
}

static void drain_events(struct fam *fam)
{
	struct fam_session_event event;
	int told = 0;

	while (fam_session_event(fam, &event) == 0) {
		/* each slot: who was there went, another one came */
		if (++told > 2 * FAM_SESSIONS_SLOTS)
			abort();
	}
}

static void ask(struct world *w, struct fam *fam)
{
	struct fam_session session;
	unsigned int count = 0;

	switch (take(&w->in) % 6) {
	case 0:
		fam_session_each(fam, visit, &count);
		break;
	case 1:
		drain_events(fam);
		break;
	case 2:
		if (fam_session_self(fam, &session) == 0 &&
		    !(session.flags & FAM_SESSION_SELF))
			abort();
		break;
	case 3:
		fam_session_ping(fam, take_word(&w->in), 0, NULL);
		break;
	case 4:
		fam_session_set(fam, "fuzz", 2000);
		break;
	default:
		fam_session_rejoin(fam);
		break;
	}
}

static void step(struct world *w)
{
	uint8_t what = take(&w->in);
	struct fam *fam = &w->fam[what >> 7];

	switch (what % 4) {
	case 0:
		scribble(w);
		break;
	case 1:
		ask(w, fam);
		break;
	default:
		/* both, and sooner than a lease is over */
		w->now += STEP_NS * (1 + (what >> 2 & 7));
		look(w, &w->fam[0]);
		look(w, &w->fam[1]);
		check_alive(w);
		break;
	}
}

static bool is_ours(const struct world *w, uint64_t word)
{
	for (int i = 0; i < 2; i++) {
		if (word == fam_session_live_word(w->fam[i].sessions->id))
			return true;
	}
	return false;
}

/*
 * A lease is over when there were looks for three quarters of it, none of them
 * more than half of it after the one before.
 */
static void settle(struct world *w)
{
	for (int64_t pause = STEP_NS; pause < STEP_NS << 18; pause *= 2) {
		for (int i = 0; i < 12; i++) {
			w->now += pause;
			fam_session_rejoin(&w->fam[0]);
			fam_session_rejoin(&w->fam[1]);
			look(w, &w->fam[0]);
			look(w, &w->fam[1]);
		}
	}
	for (unsigned int i = 0; i < FAM_SESSIONS_SLOTS; i++) {
		uint64_t word = w->table->word[i];

		if (word && !is_ours(w, word))
			abort();
	}
	w->scribbled = false;
	check_alive(w);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct world *w = calloc(1, sizeof(*w));

	w->in = (struct input){data, size};
	w->table = calloc(1, sizeof(*w->table));
	w->now = fam_now_ns();
	attach_to(&w->fam[0], w->table, w->now);
	attach_to(&w->fam[1], w->table, w->now);
	for (int i = 0; i < STEPS_MAX && w->in.size; i++)
		step(w);
	settle(w);
	tear_down(&w->fam[0]);
	tear_down(&w->fam[1]);
	free(w->table);
	free(w);
	return 0;
}
