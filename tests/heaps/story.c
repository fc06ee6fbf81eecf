// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <fam-sessions.h>

#include "internal.h"

#include "story.h"

#define BOOT 4711 /* of the host, before the cut */

int story_fail(struct story *s, const char *format, ...)
{
	va_list args;

	if (*s->why)
		return -1;
	va_start(args, format);
	vsnprintf(s->why, sizeof(s->why), format, args);
	va_end(args);
	return -1;
}

void story_print(const struct story *s)
{
	for (unsigned int i = 0; i < s->steps; i++)
		model_print(s->step[i], 0);
}

/* --- what may be there ---------------------------------------------------------------- */

static void add_way(struct story_era *era, const struct model *m)
{
	for (unsigned int i = 0; i < era->ways; i++) {
		if (memcmp(era->way[i], m, sizeof(*m)) == 0)
			return;
	}
	if (era->ways == STORY_WAYS)
		abort();
	era->way[era->ways] = malloc(sizeof(*m));
	memcpy(era->way[era->ways++], m, sizeof(*m));
}

/* From now on what was told counts. */
static struct story_era *new_era(struct story *s)
{
	struct story_era *era = &s->era[s->eras++];

	*era = (struct story_era){.at = tape_mark(&s->tape)};
	add_way(era, &s->now);
	return era;
}

/* A step is under way, done half or wholly. */
static void add_step(struct story_era *era, const struct step *step,
		     uint32_t id)
{
	unsigned int ways = era->ways;

	for (unsigned int i = 0; i < ways; i++) {
		struct model m = *era->way[i];

		if (model_half(&m, step))
			add_way(era, &m);
		m = *era->way[i];
		model_do(&m, step, id);
		add_way(era, &m);
	}
}

/*
 * Or the disk has it as it would be if a call had not failed. A change makes sure
 * of that before; plain stores do not.
 */
static void add_doubts(struct story *s, struct story_era *era,
		       const struct step *step)
{
	for (unsigned int i = 0; i < s->doubts; i++) {
		struct model m = s->doubt[i];

		add_way(era, &m);
		if (step && model_half(&m, step))
			add_way(era, &m);
	}
}

const struct story_era *story_era(const struct story *s, uint64_t at)
{
	const struct story_era *found = NULL;

	for (unsigned int i = 0; i < s->eras && s->era[i].at <= at; i++)
		found = &s->era[i];
	return found;
}

static void forget_eras(struct story *s)
{
	for (unsigned int i = 0; i < s->eras; i++) {
		for (unsigned int k = 0; k < s->era[i].ways; k++)
			free(s->era[i].way[k]);
	}
	free(s->era);
}

/* --- attachments ------------------------------------------------------------------------- */

static int join(struct story *s, unsigned int n)
{
	struct fam *fam;
	int r = story_attach(s->path, BOOT, &fam);

	if (r < 0)
		return r;
	s->fam[n] = fam;
	tape_attach(&s->tape, n, fam);
	return world_open(&s->world[n], fam);
}

/* The actor does nothing any more, and everybody knows. */
static int bury(struct story *s, unsigned int n)
{
	struct fam *fam = s->fam[n];
	struct fam_sessions *table = fam_session_table(fam);
	unsigned int slot = (unsigned int)fam_session_slot(fam);

	if (s->deaths == STORY_DEAD)
		abort();
	s->dead[s->deaths++] = fam;
	fam_sessions_kill(table, slot,
			  fam_sessions_word(fam_session_id(fam) >> 16, 0,
					    FAM_SESSIONS_LIVE),
			  FAM_SESSION_EXITED);
	tape_detach(&s->tape, n);
	return join(s, n);
}

/* --- a step ------------------------------------------------------------------------------- */

static int do_step(struct story *s, const struct step *step);

/* What containers have allocated is not counted: nobody knew what it has done. */
static bool can_die(const struct story *s, const struct step *step)
{
	return step->dies && !(s->containers && (step->deed == DEED_LOOSE ||
						 step->deed == DEED_RELEASE));
}

/* Behind each store of the step that goes on. */
static void at_store(void *arg)
{
	struct story *s = arg;
	const struct step *going = s->going;
	uint64_t stores = ++s->stores;

	if (going->meanwhile && stores == going->meanwhile_at &&
	    !s->nested_done) {
		s->nested_done = true;
		do_step(s, going->meanwhile);
		s->going = going;
		s->stores = stores;
		s->tape.step = at_store;
	}
	if (stores == going->dies && can_die(s, going))
		longjmp(s->death, 1);
}

#define DIED 1

static int call(struct story *s, const struct step *step, uint32_t id,
		fam_off *loose)
{
	volatile int r = DIED;

	s->going = step;
	s->stores = 0;
	s->tape.step_arg = s;
	s->tape.error = step->error;
	s->tape.well = step->well;
	s->tape.step = at_store;
	if (!can_die(s, step) || setjmp(s->death) == 0)
		r = world_do(&s->world[step->actor], &s->now, step, id, loose);
	s->tape.step = NULL;
	s->tape.error = 0;
	if (s->stores > s->most)
		s->most = s->stores;
	return r;
}

/* Nobody else sees anything but this. */
static int look_around(struct story *s, unsigned int actor)
{
	struct world *w = &s->world[(actor + 1) % STORY_ACTORS];

	if (!world_is(w, &s->now, false))
		return story_fail(s, "step %u, seen by others: %s",
				  s->steps - 1, w->why);
	return tape_is_true(&s->tape)
		       ? 0
		       : story_fail(s, "something was stored by other means");
}

/* Behind a step that was done: it makes sure of what was in doubt. */
static void settle_doubts(struct story *s, const struct model *was,
			  const struct step *step)
{
	if (model_changes(step) && memcmp(was, &s->now, sizeof(*was)) != 0)
		s->doubts = 0;
	for (unsigned int i = 0; i < s->doubts; i++)
		model_half(&s->doubt[i], step);
}

/* Whoever comes next finishes it; then it has happened, or it has not. */
static int recover(struct story *s, const struct step *step, uint32_t id)
{
	struct world *w = &s->world[(step->actor + 1) % STORY_ACTORS];
	struct model was = s->now;
	int r = fam_heap_recover(w->heap);

	if (r < 0)
		return story_fail(s, "step %u: recovery: %s", s->steps - 1,
				  fam_strerror(r));
	/* Plain stores of the dead are there, on the disk or not. */
	if (model_half(&s->now, step) || !model_changes(step))
		return 0;
	model_do(&s->now, step, id);
	if (world_is(w, &s->now, false))
		settle_doubts(s, &was, step);
	else
		s->now = was;
	return 0;
}

/* The disk has it, or not, until the next change that succeeds. */
static void note_failure(struct story *s, const struct step *step, uint32_t id)
{
	struct model m = s->now;

	model_half(&s->now, step);
	model_do(&m, step, id);
	if (s->doubts < sizeof(s->doubt) / sizeof(s->doubt[0]) &&
	    model_changes(step))
		s->doubt[s->doubts++] = m;
}

static int note(struct story *s, const struct step *step, uint32_t id, int r)
{
	struct model was = s->now;

	if (r == DIED)
		return bury(s, step->actor) < 0
			       ? story_fail(s, "it cannot be opened again")
			       : recover(s, step, id);
	if (r == 0) {
		model_do(&s->now, step, id);
		settle_doubts(s, &was, step);
		return 0;
	}
	if (step->error && r == step->error)
		note_failure(s, step, id);
	else if (!s->lenient)
		return story_fail(s, "step %u: %s", s->steps - 1,
				  fam_strerror(r));
	return 0;
}

static void know_loose(struct story *s, fam_off loose)
{
	unsigned int i = 0;

	while (i + 1 < MODEL_LOOSE && s->now.loose[i + 1].bytes)
		i++;
	if (loose)
		s->now.loose[i].off = loose;
}

/* In the middle of another one, which may have happened already or not. */
static int do_nested(struct story *s, const struct step *outer,
		     const struct step *step, uint32_t id)
{
	fam_off loose = 0;
	struct story_era *era = new_era(s);
	int r;

	add_step(era, outer, s->nested_id);
	add_step(era, step, id);
	if (s->mistake == HEAPS_NO_INFLIGHT)
		journals_forget_inflight(s->world[step->actor].heap);
	r = call(s, step, id, &loose);
	journals_forget_inflight(NULL);
	if (r != 0)
		return story_fail(s, "step %u: %s", s->steps - 1,
				  fam_strerror(r));
	model_do(&s->now, step, id);
	add_step(new_era(s), outer, s->nested_id);
	return 0;
}

static int do_step(struct story *s, const struct step *step)
{
	const struct step *outer = s->going;
	struct story_era *era;
	uint32_t id = s->id;
	fam_off loose = 0;
	int r;

	if (s->steps == STORY_STEPS)
		abort();
	s->step[s->steps++] = step;
	s->id += MODEL_PARTS;
	if (outer)
		return do_nested(s, outer, step, id);
	s->nested_done = false;
	s->nested_id = id;
	era = new_era(s);
	add_step(era, step, id);
	add_doubts(s, era, step);
	r = note(s, step, id, call(s, step, id, &loose));
	s->going = NULL;
	if (r == 0) {
		know_loose(s, loose);
		add_doubts(s, new_era(s), NULL);
		r = look_around(s, step->actor);
	}
	return *s->why ? -1 : r;
}

/* --- a story ----------------------------------------------------------------------------- */

static int begin(struct story *s)
{
	int r;

	story_fabric(s->path);
	tape_begin(&s->tape, s->path, STORY_DATA);
	s->tape.seldom = STORY_SELDOM;
	s->era = calloc(4 * STORY_STEPS + 1, sizeof(*s->era));
	s->id = 1;
	model_begin(&s->now);
	r = story_attach(s->path, BOOT, &s->fam[0]);
	if (r == 0) {
		tape_attach(&s->tape, 0, s->fam[0]);
		r = world_make(s->fam[0], s->containers);
	}
	if (r == 0)
		r = world_open(&s->world[0], s->fam[0]);
	for (unsigned int n = 1; n < STORY_ACTORS && r == 0; n++)
		r = join(s, n);
	if (r < 0)
		return story_fail(s, "it does not begin: %s", fam_strerror(r));
	journals_at(s->world[0].heap, &s->tape);
	new_era(s);
	return 0;
}

int story_run(struct story *s, const struct step *steps)
{
	int r = begin(s);

	for (const struct step *step = steps; step->deed && r == 0; step++) {
		if (model_can(&s->now, step))
			r = do_step(s, step);
		else if (!s->lenient)
			r = story_fail(s, "step %u makes no sense", s->steps);
	}
	for (unsigned int n = 0; n < STORY_ACTORS; n++) {
		if (r == 0)
			world_close(&s->world[n]);
		tape_detach(&s->tape, n);
		fam_close(s->fam[n]);
	}
	for (unsigned int n = 0; n < s->deaths; n++)
		fam_close(s->dead[n]);
	return *s->why ? -1 : 0;
}

void story_free(struct story *s)
{
	forget_eras(s);
	tape_end(&s->tape);
	unlink(s->path);
}
