// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
/* Looks at all structures, as often as it takes, and tells what was found. */
#include <stdlib.h>
#include <string.h>

#include <fam-boot.h>
#include <fam/session.h>

#include "fam-check.h"
#include "sync/fam-sync.h"

#define LOOKS	    4		     /* while others live */
#define LOOK_NAP_NS INT64_C(2000000) /* before the second; then twice as long */

/* --- what a look finds -------------------------------------------------------- */

static int make_room(struct fam_checker *c)
{
	size_t room = c->room ? c->room * 2 : 16;
	struct fam_check_problem *grown;

	if (c->count < c->room)
		return 0;
	grown = reallocarray(c->problem, room, sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	c->problem = grown;
	c->room = room;
	return 0;
}

struct fam_check_problem *fam_check_found(struct fam_checker *c,
					  enum fam_check_level level,
					  uint64_t offset, uint64_t bytes)
{
	struct fam_check_problem *p = &c->scratch;

	if (make_room(c) == 0)
		p = &c->problem[c->count++];
	else
		c->no_memory = true;
	memset(p, 0, sizeof(*p));
	p->offset = offset;
	p->bytes = bytes;
	p->level = level;
	return p;
}

/* --- who is there ----------------------------------------------------------------- */

uint64_t fam_check_boot(const struct fam_checker *c)
{
	return c->table ? fam_word_get(&c->table->boot) : 0;
}

bool fam_check_lives(const struct fam_checker *c, uint64_t holder)
{
	return c->table && fam_holder_of(holder) &&
	       fam_holder_lives(c->table, holder);
}

/*
 * Before the first session after a start of the host nobody has told the table
 * of it.
 */
static bool is_restarted(const struct fam_checker *c)
{
	uint64_t boot;

	if (c->fam->source.via != FAM_VIA_FILE || c->fam->sessions)
		return false;
	boot = fam_boot_current();
	return boot && boot != fam_check_boot(c);
}

bool fam_check_is_due(const struct fam_checker *c, uint64_t boot,
		      const struct fam_mutex *lock)
{
	uint64_t state =
		fam_word_get((const fam_word *)&lock->word[FAM_LOCK_STATE]);

	return boot != fam_check_boot(c) || is_restarted(c) ||
	       state & FAM_LOCK_MARK ||
	       (fam_holder_of(state) && !fam_check_lives(c, state));
}

/* Does anybody live who may be changing what is looked at? */
static bool others_live(const struct fam_checker *c)
{
	int own = c->in_use ? -1 : fam_session_slot(c->fam);

	for (int slot = 0; c->table && slot < FAM_SESSIONS_SLOTS; slot++) {
		if (slot != own &&
		    fam_sessions_phase(fam_word_peek(&c->table->word[slot])) ==
			    FAM_SESSIONS_LIVE)
			return true;
	}
	return false;
}

static int find_table(struct fam_checker *c, void **mapped)
{
	int r = 0;

	c->table = fam_session_table(c->fam);
	if (!c->table && c->fam->sb.feature_compat & FAM_COMPAT_SESSIONS) {
		r = fam_map_area(c->fam, c->fam->sb.sessions_offset,
				 c->fam->sb.sessions_bytes, mapped);
		c->table = *mapped;
	}
	return r;
}

int fam_repair_persist(struct fam *fam, const void *addr, size_t len)
{
	int r = fam_persist(fam, addr, len);

	return r == -EOPNOTSUPP && fam->source.in_memory ? 0 : r;
}

/* --- looking ----------------------------------------------------------------------- */

typedef int step_fn(struct fam_checker *c);

static int each_step(struct fam_checker *c, step_fn *const *step)
{
	int r = 0;

	for (; *step && r == 0; step++)
		r = (*step)(c);
	return r == 0 && c->no_memory ? -ENOMEM : r;
}

static int look(struct fam_checker *c)
{
	static step_fn *const steps[] = {
		fam_check_superblocks, fam_check_mailbox,
		fam_check_sessions,    fam_check_parking,
		fam_check_regions,     fam_check_objects,
		fam_check_heaps,       NULL};

	c->count = 0;
	memset(&c->sum, 0, sizeof(c->sum));
	return each_step(c, steps);
}

static int compare(const void *a, const void *b)
{
	const struct fam_check_problem *x = a, *y = b;

	if (x->offset != y->offset)
		return x->offset < y->offset ? -1 : 1;
	return strcmp(x->part, y->part) ? strcmp(x->part, y->part)
					: strcmp(x->text, y->text);
}

/* What one look has found, in an order to look things up. */
struct findings {
	struct fam_check_problem *problem;
	size_t count;
};

static void findings_free(struct findings *f)
{
	free(f->problem);
}

/* Leaves the next look to begin with none. */
static struct findings take_findings(struct fam_checker *c)
{
	struct findings f = {c->problem, c->count};

	if (f.count)
		qsort(f.problem, f.count, sizeof(*f.problem), compare);
	c->problem = NULL;
	c->count = c->room = 0;
	return f;
}

static bool is_among(const struct findings *f,
		     const struct fam_check_problem *problem)
{
	return f->count && bsearch(problem, f->problem, f->count,
				   sizeof(*problem), compare);
}

/* What the look before has not seen is somebody's step, half done. */
static void keep_common(struct fam_checker *c, const struct findings *before)
{
	size_t kept = 0;

	for (size_t i = 0; i < c->count; i++) {
		if (is_among(before, &c->problem[i]))
			c->problem[kept++] = c->problem[i];
	}
	c->count = kept;
}

static int look_again(struct fam_checker *c, int64_t nap_ns)
{
	__attribute__((cleanup(findings_free))) struct findings before =
		take_findings(c);
	const struct timespec nap = {.tv_nsec = nap_ns};
	int r;

	nanosleep(&nap, NULL); /* a signal makes it shorter */
	r = look(c);
	if (r == 0)
		keep_common(c, &before);
	return r;
}

static int look_well(struct fam_checker *c)
{
	int r = look(c);

	for (int i = 0; r == 0 && c->count && i < LOOKS - 1 && others_live(c);
	     i++)
		r = look_again(c, LOOK_NAP_NS << i);
	return r;
}

/* --- repairing ------------------------------------------------------------------------ */

static int may_repair(struct fam *fam)
{
	if (!fam->source.writable)
		return -EROFS;
	if (!(fam->sb.feature_compat & FAM_COMPAT_SESSIONS))
		return 0; /* an early format, of superblocks and mailbox */
	return fam_session_check(fam);
}

bool fam_repair_is_due(const struct fam_checker *c, uint64_t offset,
		       uint64_t bytes)
{
	for (size_t i = 0; i < c->found_count; i++) {
		uint64_t at = c->found[i].offset;

		if (at >= offset && at - offset < bytes)
			return true;
	}
	return false;
}

static int repair(struct fam_checker *c)
{
	static step_fn *const steps[] = {
		fam_repair_superblocks, fam_repair_mailbox, fam_repair_sessions,
		fam_repair_parking,	fam_repair_regions, fam_repair_objects,
		fam_repair_heaps};
	int first = 0;

	/* One that cannot be made durable is no reason to leave the others. */
	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		int r = steps[i](c);

		if (first == 0)
			first = r;
	}
	return first;
}

/* What is there still is told as it is now, all else as repaired. */
static int add_repaired(struct fam_checker *c, const struct findings *before)
{
	struct findings now = take_findings(c);

	for (size_t i = 0; i < before->count; i++) {
		struct fam_check_problem *p;

		if (is_among(&now, &before->problem[i]))
			continue;
		p = fam_check_found(c, 0, 0, 0);
		*p = before->problem[i];
		p->repaired = 1;
	}
	for (size_t i = 0; i < now.count; i++)
		*fam_check_found(c, 0, 0, 0) = now.problem[i];
	findings_free(&now);
	return c->no_memory ? -ENOMEM : 0;
}

static int repair_all(struct fam_checker *c)
{
	__attribute__((cleanup(findings_free))) struct findings before =
		take_findings(c);
	int failed, r;

	c->found = before.problem;
	c->found_count = before.count;
	failed = repair(c);
	r = look_well(c);
	if (r == 0)
		r = add_repaired(c, &before);
	return r < 0 ? r : failed;
}

/* --- telling ----------------------------------------------------------------------------- */

static void count_up(struct fam_checker *c)
{
	for (size_t i = 0; i < c->count; i++) {
		const struct fam_check_problem *p = &c->problem[i];

		if (p->level == FAM_CHECK_NOTE)
			c->sum.notes++;
		else if (p->level == FAM_CHECK_DAMAGE)
			c->sum.damages++;
		else
			c->sum.losses++;
		c->sum.repaired += p->repaired;
	}
}

static int tell(struct fam_checker *c,
		int (*visit)(const struct fam_check_problem *problem,
			     void *arg),
		void *arg)
{
	int r = 0;

	if (c->count)
		qsort(c->problem, c->count, sizeof(*c->problem), compare);
	for (size_t i = 0; visit && r == 0 && i < c->count; i++)
		r = visit(&c->problem[i], arg);
	return r;
}

int fam_check(struct fam *fam, unsigned int flags,
	      int (*visit)(const struct fam_check_problem *problem, void *arg),
	      void *arg, struct fam_check_summary *out)
{
	struct fam_checker c = {.fam = fam};
	void *mapped = NULL;
	int r = 0, told = 0;

	if (flags & ~FAM_CHECK_REPAIR)
		return -EINVAL;
	if (fam->source.fd < 0)
		return -ENODATA;
	if (!fam->formatted)
		return -EMEDIUMTYPE;
	if (flags & FAM_CHECK_REPAIR)
		r = may_repair(fam);
	if (r == 0)
		r = find_table(&c, &mapped);
	if (r == 0)
		r = look_well(&c);
	if (r == 0 && flags & FAM_CHECK_REPAIR && c.count)
		r = repair_all(&c);
	count_up(&c);
	/* What was found, and repaired, is told also if that is not durable. */
	if (r != -ENOMEM)
		told = tell(&c, visit, arg);
	if (r == 0 && out)
		*out = c.sum;
	fam_unmap(fam, mapped);
	free(c.problem);
	return told ? told : r;
}
