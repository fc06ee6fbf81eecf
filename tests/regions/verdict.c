// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
#include <inttypes.h>

#include "verdict.h"

/* --- which states a region may be in ------------------------------------------------------- */

uint64_t verdict_sure(const struct story *s, uint64_t at)
{
	uint64_t sure = 0;

	for (unsigned int i = 0; i < s->promises; i++) {
		if (s->promise[i].end <= at && s->promise[i].begin > sure)
			sure = s->promise[i].begin;
	}
	return sure;
}

static bool is_promised(const struct found *f, const struct story_state *state)
{
	const struct story *s = f->judge->story;

	if (state->end <= f->sure)
		return true;
	for (unsigned int i = 0; i < s->promises; i++) {
		if (s->promise[i].step == state->step &&
		    s->promise[i].end <= f->at)
			return true;
	}
	return false;
}

/* The last one that is certain; -1: it need never have been there. */
static int lowest(const struct found *f, const struct story_region *r)
{
	for (int i = (int)r->states - 1; i >= 0; i--) {
		if (is_promised(f, &r->state[i]))
			return i;
	}
	return -1;
}

/* The last one that may be; -1: it cannot be there. */
static int highest(const struct found *f, const struct story_region *r)
{
	int i = (int)r->states - 1;

	while (i >= 0 && r->state[i].begin > f->at)
		i--;
	return i;
}

static bool fits(const struct story_state *state,
		 const struct fam_region_info *info)
{
	if (!info)
		return !state->there;
	return state->there && info->name[0] == state->name &&
	       info->name[1] == 0 && info->bytes == state->bytes &&
	       info->mode == state->mode;
}

static const struct fam_region_info *by_serial(const struct found *f,
					       uint64_t serial)
{
	for (unsigned int i = 0; i < f->count; i++) {
		if (f->info[i].serial == serial)
			return &f->info[i];
	}
	return NULL;
}

static int judge_region(struct found *f, unsigned int n)
{
	struct story *s = f->judge->story;
	const struct story_region *r = &s->region[n];
	const struct fam_region_info *info = by_serial(f, r->serial);
	int low = lowest(f, r), high = highest(f, r);

	f->fits[n] = 0;
	for (int i = low < 0 ? 0 : low; i <= high; i++)
		f->fits[n] |= (uint64_t)fits(&r->state[i], info) << i;
	if (f->fits[n] || (!info && low < 0))
		return 0;
	if (!info)
		return story_fail(s,
				  "region %u, serial %" PRIu64
				  ", is lost: it was in state %d to %d",
				  n, r->serial, low, high);
	return story_fail(s,
			  "region %u, serial %" PRIu64 ", is '%s', %" PRIu64
			  " bytes, mode %o: none of its states %d to %d",
			  n, r->serial, info->name, info->bytes, info->mode,
			  low, high);
}

static bool is_taken(const struct found *f, char name)
{
	for (unsigned int i = 0; i < f->count; i++) {
		if (f->info[i].name[0] == name)
			return true;
	}
	return false;
}

/* Both at once, or neither. */
static int judge_swap(const struct found *f, const struct story_swap *swap)
{
	struct story *s = f->judge->story;
	unsigned int a = swap->taker, b = swap->taken;
	/* The taker's states that come with the swap. */
	uint64_t with = swap->undone ? UINT64_C(1) << swap->taker_state
				     : UINT64_MAX << swap->taker_state;
	uint64_t gone = UINT64_C(1) << swap->gone_state;
	char name = s->region[b].state[swap->gone_state].name;
	/* Or it was never there, which is none of its states. */
	bool never = lowest(f, &s->region[a]) < 0 &&
		     !by_serial(f, s->region[a].serial);
	bool done = !never && f->fits[a] && !(f->fits[a] & ~with);
	bool not_done = f->fits[a] && !(f->fits[a] & with);
	const struct fam_region_info *there = by_serial(f, s->region[b].serial);

	/* By another name it is not what was replaced. */
	if (done && there && there->name[0] == name)
		return story_fail(s,
				  "region %u has replaced %u, which is "
				  "still there",
				  a, b);
	/* Or has it gone later, or has another one taken its name? */
	if (not_done && !there && lowest(f, &s->region[b]) >= 0 &&
	    f->fits[b] == gone && !is_taken(f, name))
		return story_fail(s,
				  "region %u has not replaced %u, which is "
				  "gone",
				  a, b);
	return 0;
}

/* --- contents ---------------------------------------------------------------------------------- */

/* So many bytes were filled, durably, and have not been cut off since. */
static uint64_t filled(const struct found *f, const struct story_region *r)
{
	uint64_t bytes = 0, since = 0;

	for (unsigned int i = 0; i < r->fills; i++) {
		if (r->fill[i].end <= f->at) {
			bytes = r->fill[i].bytes;
			since = r->fill[i].begin;
		}
	}
	for (unsigned int i = 0; i < r->states; i++) {
		if (r->state[i].begin > since && r->state[i].begin <= f->at &&
		    r->state[i].bytes < bytes)
			bytes = r->state[i].bytes;
	}
	return bytes;
}

/*
 * What is not durable yet may have come to the disk before the zeros in it. But
 * with what makes it durable, those are.
 */
static bool is_zeroed(const struct found *f, const struct story_region *r)
{
	return lowest(f, r) >= 0 && lowest(f, r) == highest(f, r);
}

static int judge_bytes(struct found *f, unsigned int n,
		       const struct fam_region_info *info)
{
	struct story *s = f->judge->story;
	uint64_t sure = filled(f, &s->region[n]);
	bool zeroed = is_zeroed(f, &s->region[n]);
	const uint64_t *word = (const void *)(f->judge->memory +
					      (info->offset - s->tape.offset));

	for (uint64_t i = 0; i < info->bytes / 8; i++) {
		bool own = word[i] == story_word(info->serial, i);

		if (own || ((word[i] == 0 || !zeroed) && (i + 1) * 8 > sure))
			continue;
		return story_fail(
			s,
			"region %u, '%s': word %" PRIu64 " is %#" PRIx64 "%s",
			n, info->name, i, word[i],
			word[i] == STORY_BEFORE ? ", as before it was created"
			: (i + 1) * 8 <= sure	? ", and it was filled"
						: "");
	}
	return 0;
}

/* --- all of them ---------------------------------------------------------------- */

static bool is_known(const struct story *s, uint64_t serial)
{
	for (unsigned int i = 0; i < s->regions; i++) {
		if (s->region[i].serial == serial)
			return true;
	}
	return false;
}

int verdict(struct found *f)
{
	struct story *s = f->judge->story;

	for (unsigned int i = 0; i < f->count; i++) {
		if (!is_known(s, f->info[i].serial))
			return story_fail(s, "nobody made '%s'",
					  f->info[i].name);
		if (f->info[i].offset < s->tape.offset)
			return story_fail(s,
					  "'%s' lies elsewhere: the story "
					  "is too large",
					  f->info[i].name);
	}
	for (unsigned int n = 0; n < s->regions; n++) {
		const struct fam_region_info *info =
			by_serial(f, s->region[n].serial);

		if (judge_region(f, n) < 0 ||
		    (info && judge_bytes(f, n, info) < 0))
			return -1;
	}
	for (unsigned int i = 0; i < s->swaps; i++) {
		if (judge_swap(f, &s->swap[i]) < 0)
			return -1;
	}
	return 0;
}
