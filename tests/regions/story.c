// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "regions/fam-region.h"

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

/* --- what is known of regions --------------------------------------------------------- */

static struct story_state *last_state(struct story_region *r)
{
	return &r->state[r->states - 1];
}

/* The one that has a name now, or NULL. */
static struct story_region *by_name(struct story *s, char name)
{
	for (unsigned int i = 0; i < s->regions; i++) {
		const struct story_state *last = last_state(&s->region[i]);

		if (last->there && last->name == name)
			return &s->region[i];
	}
	return NULL;
}

static void add_state(struct story_region *r, struct story_state state)
{
	if (r->states == STORY_STATES)
		abort();
	r->state[r->states++] = state;
}

/* What a call has changed, or may have. */
struct doing {
	struct story *story;
	const struct story_step *step;
	unsigned int number;
	uint64_t begin, end;
	struct fam *fam;
};

static struct story_state changed(const struct doing *d, struct story_region *r)
{
	struct story_state state = {.there = true};

	if (r->states)
		state = *last_state(r);
	state.begin = d->begin;
	state.end = d->end;
	state.step = d->number;
	return state;
}

static struct story_region *new_region(struct story *s)
{
	if (s->regions == STORY_REGIONS)
		abort();
	return &s->region[s->regions++];
}

static void note_create(struct doing *d)
{
	const char name[] = {d->step->a, 0};
	struct fam_region_info info;
	struct story_region *r = new_region(d->story);
	struct story_state state = changed(d, r);

	state.name = d->step->a;
	state.bytes = d->step->bytes;
	state.mode = 0600;
	add_state(r, state);
	if (fam_region_find(d->fam, name, &info, sizeof(info)) == 0)
		r->serial = info.serial;
	else
		story_fail(d->story, "'%s' was created and is not there", name);
}

static void note_gone(struct doing *d, struct story_region *r)
{
	struct story_state state = changed(d, r);

	state.there = false;
	add_state(r, state);
}

static void note_rename(struct doing *d)
{
	struct story *s = d->story;
	struct story_region *r = by_name(s, d->step->a);
	struct story_region *taken = by_name(s, d->step->b);
	struct story_state state = changed(d, r);

	state.name = d->step->b;
	if (taken && taken != r) {
		note_gone(d, taken);
		s->swap[s->swaps++] = (struct story_swap){
			.taker = (unsigned int)(r - s->region),
			.taken = (unsigned int)(taken - s->region),
			.taker_state = r->states,
			.gone_state = taken->states - 1,
		};
	}
	add_state(r, state);
}

static uint32_t mode_of(const struct story_step *step)
{
	return 0600 | (uint32_t)(step->b & 077);
}

static void note_other(struct doing *d)
{
	struct story_region *r = by_name(d->story, d->step->a);
	struct story_state state = changed(d, r);

	if (d->step->deed == STORY_SET)
		state.mode = mode_of(d->step);
	else
		state.bytes = d->step->bytes;
	add_state(r, state);
}

static void note_fill(struct doing *d)
{
	struct story_region *r = by_name(d->story, d->step->a);

	if (r->fills == STORY_STATES)
		abort();
	r->fill[r->fills].begin = d->begin;
	r->fill[r->fills].end = d->end;
	r->fill[r->fills++].bytes = last_state(r)->bytes;
}

static void note(struct doing *d)
{
	switch (d->step->deed) {
	case STORY_CREATE:
		note_create(d);
		break;
	case STORY_DESTROY:
		note_gone(d, by_name(d->story, d->step->a));
		break;
	case STORY_RENAME:
	case STORY_REPLACE:
		note_rename(d);
		break;
	case STORY_SET:
	case STORY_RESIZE:
		note_other(d);
		break;
	case STORY_FILL:
		note_fill(d);
		break;
	default:
		break;
	}
}

/* --- the calls --------------------------------------------------------------------------- */

static int resize(struct fam *fam, const char *name,
		  const struct story_step *step, uint32_t flags)
{
	struct fam_region *region;
	int r = fam_region_open(fam, name, FAM_REGION_WRITE, &region);

	if (r < 0)
		return r;
	r = fam_region_resize(region, step->bytes, flags);
	fam_region_close(region);
	return r;
}

static int fill(struct fam *fam, const char *name)
{
	struct fam_region_info info;
	struct fam_region *region;
	void *memory = NULL;
	int r = fam_region_open(fam, name, FAM_REGION_WRITE, &region);

	if (r < 0)
		return r;
	r = fam_region_stat(region, &info, sizeof(info));
	if (r == 0 && info.bytes)
		r = fam_region_map(region, 0, 0, &memory);
	if (r == 0 && memory) {
		uint64_t *word = memory;

		for (uint64_t i = 0; i < info.bytes / 8; i++)
			word[i] = story_word(info.serial, i);
		r = fam_persist(fam, memory, info.bytes);
	}
	fam_region_close(region);
	return r;
}

static int call(struct fam *fam, const struct story_step *step)
{
	const char a[] = {step->a, 0}, b[] = {step->b, 0};
	uint32_t flags = step->no_sync ? FAM_REGION_NO_SYNC : 0;
	const struct fam_region_want want = {.bytes = step->bytes,
					     .flags = flags};
	const struct fam_region_rights rights = {mode_of(step), UINT32_MAX,
						 UINT32_MAX};

	switch (step->deed) {
	case STORY_CREATE:
		return fam_region_create(fam, a, &want, NULL);
	case STORY_DESTROY:
		return fam_region_destroy(fam, a, flags);
	case STORY_RENAME:
		return fam_region_rename(fam, a, b, flags);
	case STORY_REPLACE:
		return fam_region_rename(fam, a, b, flags | FAM_REGION_REPLACE);
	case STORY_SET:
		return fam_region_set(fam, a, &rights, flags);
	case STORY_RESIZE:
		return resize(fam, a, step, flags);
	case STORY_FILL:
		return fill(fam, a);
	default:
		return fam_region_sync(fam);
	}
}

/* --- is everybody of one mind? -------------------------------------------------------------- */

struct look {
	struct story *story;
	unsigned int seen;
};

static int look_at(const struct fam_region_info *info, void *arg)
{
	struct look *look = arg;
	struct story_region *r = by_name(look->story, info->name[0]);
	const struct story_state *last = r ? last_state(r) : NULL;

	look->seen++;
	if (!r || r->serial != info->serial || last->bytes != info->bytes ||
	    last->mode != info->mode)
		return story_fail(look->story,
				  "'%s' is %" PRIu64 " bytes, mode %o, "
				  "serial %" PRIu64 " for others",
				  info->name, info->bytes, info->mode,
				  info->serial);
	return 0;
}

static int look_around(struct story *s, unsigned int actor)
{
	struct look look = {.story = s};
	unsigned int there = 0;

	fam_region_each(s->fam[actor], NULL, look_at, &look);
	for (unsigned int i = 0; i < s->regions; i++)
		there += last_state(&s->region[i])->there;
	if (there != look.seen)
		return story_fail(s, "%u regions are seen, there are %u",
				  look.seen, there);
	return *s->why ? -1 : 0;
}

/* --- a story ----------------------------------------------------------------------------------- */

static struct story *told; /* the one that runs */
static const struct story_step *meanwhile;

static int do_step(struct story *s, const struct story_step *step);

int __real_fam_region_zero(struct fam *fam, uint64_t offset, uint64_t bytes,
			   bool durable, bool *stored);
int __wrap_fam_region_zero(struct fam *fam, uint64_t offset, uint64_t bytes,
			   bool durable, bool *stored);

/* Without the lock: others come and go here. */
int __wrap_fam_region_zero(struct fam *fam, uint64_t offset, uint64_t bytes,
			   bool durable, bool *stored)
{
	const struct story_step *other = meanwhile;

	meanwhile = NULL;
	if (other)
		do_step(told, other);
	return __real_fam_region_zero(fam, offset, bytes, durable, stored);
}

/* A call that failed has changed nothing, or the disk has it half. */
static void note_failure(struct doing *d)
{
	struct story_region *a = by_name(d->story, d->step->a);
	struct story_region *b = by_name(d->story, d->step->b);
	struct story_state was_a = {0}, was_b = {0};

	if (d->step->deed == STORY_CREATE || d->step->deed == STORY_FILL || !a)
		return;
	was_a = *last_state(a);
	if (b)
		was_b = *last_state(b);
	note(d);
	was_a.begin = was_b.begin = d->begin;
	was_a.end = was_b.end = d->end;
	was_a.step = was_b.step = d->number;
	add_state(a, was_a);
	if (b && b != a && d->step->deed == STORY_REPLACE) {
		add_state(b, was_b);
		d->story->swap[d->story->swaps - 1].undone = true;
	}
}

static int do_step(struct story *s, const struct story_step *step)
{
	struct doing d = {s, step, s->steps, 0, 0, s->fam[step->actor]};
	int r;

	if (s->steps == STORY_STEPS)
		abort();
	s->step[s->steps++] = step;
	meanwhile = step->meanwhile;
	s->tape.error = step->error;
	d.begin = tape_mark(&s->tape);
	r = call(d.fam, step);
	d.end = tape_mark(&s->tape);
	s->tape.error = 0;
	if (r == 0)
		note(&d);
	else if (step->error && r == step->error)
		note_failure(&d);
	else if (!s->lenient)
		return story_fail(s, "step %u: %s", d.number, fam_strerror(r));
	if (r == 0 && !step->no_sync && step->deed != STORY_FILL)
		s->promise[s->promises++] =
			(struct story_promise){d.begin, d.end, d.number};
	return look_around(s, (step->actor + 1u) % STORY_ACTORS);
}

static void attach(struct story *s, unsigned int n)
{
	if (fam_open(&s->fam[n], s->path, 0) < 0)
		abort();
	story_boot(s->fam[n], BOOT);
	tape_attach(&s->tape, n, s->fam[n]);
}

int story_run(struct story *s, const struct story_step *steps)
{
	story_fabric(s->path);
	tape_begin(&s->tape, s->path, STORY_DATA);
	told = s;
	for (unsigned int n = 0; n < STORY_ACTORS; n++)
		attach(s, n);
	for (const struct story_step *step = steps; step->deed; step++) {
		if (do_step(s, step) < 0)
			break;
		if (!tape_is_true(&s->tape)) {
			story_fail(s, "something was stored by other means");
			break;
		}
	}
	for (unsigned int n = 0; n < STORY_ACTORS; n++) {
		tape_detach(&s->tape, n);
		fam_close(s->fam[n]);
	}
	told = NULL;
	return *s->why ? -1 : 0;
}

void story_free(struct story *s)
{
	tape_end(&s->tape);
	unlink(s->path);
}

static const char *const deeds[] = {"END",    "CREATE",	 "DESTROY",
				    "RENAME", "REPLACE", "SET",
				    "RESIZE", "FILL",	 "SYNC"};

void story_print(const struct story *s)
{
	for (unsigned int i = 0; i < s->steps; i++) {
		const struct story_step *step = s->step[i];

		printf("#   %u: actor %u %s %c %c %u%s%s\n", i, step->actor,
		       deeds[step->deed], step->a ? step->a : '-',
		       step->b ? step->b : '-', step->bytes,
		       step->no_sync ? " NO_SYNC" : "",
		       step->error ? " the disk fails" : "");
	}
}
