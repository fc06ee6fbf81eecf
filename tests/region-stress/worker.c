// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
/*
 * Changes regions at random. The names of its own nobody else changes: what they
 * are to be is kept in a file, with what is being done, so that its successor
 * can tell after a kill whether anything is lost or half done. The names shared
 * by all are changed by all; there only contents can be judged.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include <fam/check.h>

#include "stress.h"

#define MAGIC	  UINT64_C(0x6d6f64656c30)
#define SLOTS	  16
#define SHARED	  24
#define CALL_MAX  60 /* seconds: no call takes longer */
#define LARGE_MAX (5u << 20)

enum deed { NOTHING, CREATE, DESTROY, RESIZE, RENAME };

struct slot {
	uint64_t serial, bytes; /* serial 0: there is no such region */
};

struct model {
	uint64_t magic;
	struct slot slot[SLOTS];
	struct {
		_Atomic uint64_t deed;
		uint64_t from, to, bytes;
	} now;
	uint64_t done[5]; /* of each deed */
	uint64_t lives;
};

static struct worker {
	const struct want *want;
	struct fam *fam;
	struct model *model;
	uint64_t random;
} w;

static volatile sig_atomic_t ended;

static void end(int sig)
{
	(void)sig;
	ended = 1;
}

static uint64_t dice(uint64_t sides)
{
	return next_random(&w.random) % sides;
}

/* A call that hangs is a failure as well: the alarm ends the process. */
#define CALL(call)               \
	({                       \
		int r_;          \
                                 \
		alarm(CALL_MAX); \
		r_ = (call);     \
		alarm(0);        \
		r_;              \
	})

static const char *own_name(unsigned int id, uint64_t slot)
{
	static char name[2][48];
	static unsigned int turn;

	turn = !turn;
	snprintf(name[turn], sizeof(name[turn]), "own/%u/%" PRIu64, id, slot);
	return name[turn];
}

static const char *shared_name(void)
{
	static char name[2][48];
	static unsigned int turn;

	turn = !turn;
	snprintf(name[turn], sizeof(name[turn]), "shared/%" PRIu64,
		 dice(SHARED));
	return name[turn];
}

/* Mostly small, some odd, some large enough for large pages. */
static uint64_t any_size(void)
{
	switch (dice(16)) {
	case 0:
		return dice(LARGE_MAX);
	case 1:
		return 0;
	case 2:
	case 3:
		return 4096 * (1 + dice(64));
	default:
		return 1 + dice(40000);
	}
}

static uint32_t sync_flag(void)
{
	return w.want->no_sync || dice(16) ? FAM_REGION_NO_SYNC : 0;
}

/* --- judging -------------------------------------------------------------------------- */

/* What may be told where others work, without being wrong. */
static bool is_usual(int r)
{
	switch (r) {
	case -ENOSPC:
	case -EMFILE:
	case -EBUSY:
	case -EINTR:
	case -ENOMEM:
		return true;
	default:
		return w.want->hostile;
	}
}

/* The session is lost if this process stood still for too long. */
static bool is_lost(int r)
{
	return r == -ESTALE || r == -EUSERS;
}

static void expect(bool held, const char *what, const char *name, int r)
{
	if (!held && !w.want->hostile)
		fail("%s '%s': %s (%d)", what, name, fam_strerror(r), r);
}

static int look(const char *name, struct slot *out)
{
	struct fam_region_info info;
	int r = CALL(fam_region_find(w.fam, name, &info, sizeof(info)));

	*out = (struct slot){0, 0};
	if (r == 0)
		*out = (struct slot){info.serial, info.bytes};
	expect(r == 0 || r == -ENOENT, "find", name, r);
	return r;
}

static bool same(const struct slot *a, const struct slot *b)
{
	return a->serial == b->serial && (!a->serial || a->bytes == b->bytes);
}

static void differs(const char *name, const struct slot *is,
		    const struct slot *was)
{
	if (w.want->hostile)
		return;
	fail("'%s' has serial %" PRIu64 " and %" PRIu64
	     " bytes; it was left with %" PRIu64 " and %" PRIu64,
	     name, is->serial, is->bytes, was->serial, was->bytes);
}

/* The one slot or two that were being changed: as before, or as it was to be. */
static bool may_be(uint64_t i, const struct slot is[SLOTS])
{
	const struct model *m = w.model;
	const struct slot *was = m->slot, none = {0, 0};
	uint64_t deed = m->now.deed;

	switch (deed) {
	case CREATE:
		return i == m->now.from && is[i].bytes == m->now.bytes;
	case DESTROY:
		return i == m->now.from && !is[i].serial;
	case RESIZE:
		return i == m->now.from && is[i].serial == was[i].serial &&
		       is[i].bytes == m->now.bytes;
	case RENAME:
		/* both names in one step */
		return same(&is[m->now.from], &none) &&
		       same(&is[m->now.to], &was[m->now.from]) &&
		       (i == m->now.from || i == m->now.to);
	default:
		return false;
	}
}

/* After a kill, or a lost session: nothing is half done, nothing else changed. */
static void reconcile(void)
{
	struct model *m = w.model;
	struct slot is[SLOTS];

	for (uint64_t i = 0; i < SLOTS; i++)
		(void)look(own_name(w.want->id, i), &is[i]);
	for (uint64_t i = 0; m->magic == MAGIC && i < SLOTS; i++) {
		if (!same(&is[i], &m->slot[i]) && !may_be(i, is))
			differs(own_name(w.want->id, i), &is[i], &m->slot[i]);
	}
	memcpy(m->slot, is, sizeof(is));
	m->now.deed = NOTHING;
	m->magic = MAGIC;
}

static void begin(enum deed deed, uint64_t from, uint64_t to, uint64_t bytes)
{
	w.model->now.from = from;
	w.model->now.to = to;
	w.model->now.bytes = bytes;
	w.model->now.deed = deed;
}

/* What the call told; the caller has put what is now into the slots. */
static void finish(const char *name, int r)
{
	enum deed deed = (enum deed)w.model->now.deed;

	if (is_lost(r)) {
		r = fam_session_rejoin(w.fam);
		expect(r == 0, "rejoin", name, r);
		reconcile();
		return;
	}
	expect(r == 0 || is_usual(r), "change", name, r);
	w.model->done[deed] += r == 0;
	w.model->now.deed = NOTHING;
}

/* --- contents --------------------------------------------------------------------------- */

/* Stores and looks through a map; bytes from @zeros on are 0 before that. */
static void use(struct fam_region *region, const char *name, uint64_t zeros,
		bool write)
{
	struct fam_region_info info;
	uint64_t at;
	void *map;
	int r = CALL(fam_region_stat(region, &info, sizeof(info)));

	if (is_lost(r))
		return;
	expect(r == 0, "stat", name, r);
	if (r < 0 || !info.bytes)
		return;
	r = CALL(fam_region_map(region, 0, info.bytes, &map));
	/* somebody may have made it smaller since: not while it is open */
	expect(r == 0, "map", name, r);
	if (r < 0)
		return;
	at = w.want->hostile
		     ? UINT64_MAX
		     : pattern_bad(map, info.bytes, info.serial, &w.random);
	if (at != UINT64_MAX)
		fail("'%s', serial %" PRIu64 ", %" PRIu64
		     " bytes: byte %" PRIu64 " is of something else",
		     name, info.serial, info.bytes, at);
	at = w.want->hostile || zeros >= info.bytes
		     ? UINT64_MAX
		     : zeros_bad(map, zeros, info.bytes, &w.random);
	if (at != UINT64_MAX)
		fail("'%s', serial %" PRIu64 ", %" PRIu64
		     " bytes: byte %" PRIu64 " is new and not 0",
		     name, info.serial, info.bytes, at);
	if (write)
		pattern_fill(map, info.bytes, info.serial, &w.random);
	r = fam_region_unmap(region, map);
	expect(r == 0, "unmap", name, r);
}

/* @write: nobody else relies on zeros there */
static void look_into(const char *name, bool write)
{
	struct fam_region *region;
	int r = CALL(fam_region_open(w.fam, name,
				     write ? FAM_REGION_WRITE : FAM_REGION_READ,
				     &region));

	if (is_lost(r))
		(void)fam_session_rejoin(w.fam);
	expect(r == 0 || r == -ENOENT || is_lost(r) || is_usual(r) ||
		       r == -EACCES,
	       "open", name, r);
	if (r < 0)
		return;
	use(region, name, UINT64_MAX, write);
	fam_region_close(region);
}

/* --- deeds on names of its own ---------------------------------------------------------- */

static void create(uint64_t i)
{
	const struct fam_region_want want = {
		.bytes = any_size(),
		.flags = FAM_REGION_WRITE | sync_flag(),
	};
	const char *name = own_name(w.want->id, i);
	struct fam_region *region = NULL;
	struct fam_region_info info;
	int r;

	begin(CREATE, i, i, want.bytes);
	r = CALL(fam_region_create(w.fam, name, &want, &region));
	if (r == 0 && fam_region_stat(region, &info, sizeof(info)) == 0)
		w.model->slot[i] = (struct slot){info.serial, info.bytes};
	finish(name, r);
	if (r == 0)
		use(region, name, 0, true);
	fam_region_close(region);
}

static void destroy(uint64_t i)
{
	const char *name = own_name(w.want->id, i);
	int r;

	begin(DESTROY, i, i, 0);
	r = CALL(fam_region_destroy(w.fam, name, sync_flag()));
	if (r == 0)
		w.model->slot[i] = (struct slot){0, 0};
	finish(name, r);
}

static void resize(uint64_t i)
{
	const char *name = own_name(w.want->id, i);
	uint64_t bytes = any_size(), was = w.model->slot[i].bytes;
	struct fam_region *region;
	int r = CALL(fam_region_open(w.fam, name, FAM_REGION_WRITE, &region));

	if (r < 0) {
		begin(NOTHING, i, i, 0);
		finish(name, r);
		return;
	}
	begin(RESIZE, i, i, bytes);
	r = CALL(fam_region_resize(region, bytes, sync_flag()));
	if (r == 0)
		w.model->slot[i].bytes = bytes;
	finish(name, r);
	if (r == 0)
		use(region, name, was, dice(2));
	fam_region_close(region);
}

static void rename_one(uint64_t from, uint64_t to)
{
	const char *a = own_name(w.want->id, from);
	const char *b = own_name(w.want->id, to);
	struct slot *slot = w.model->slot;
	bool replace = dice(2);
	int r;

	if (from == to)
		return;
	begin(RENAME, from, to, 0);
	r = CALL(fam_region_rename(
		w.fam, a, b, sync_flag() | (replace ? FAM_REGION_REPLACE : 0)));
	if (r == -EEXIST && !replace && slot[to].serial)
		r = -EBUSY; /* as it should be */
	if (r == 0) {
		expect(replace || !slot[to].serial, "replaced", b, 0);
		slot[to] = slot[from];
		slot[from] = (struct slot){0, 0};
	}
	finish(a, r);
}

static void change_own(void)
{
	uint64_t i = dice(SLOTS);

	if (!w.model->slot[i].serial) {
		create(i);
		return;
	}
	switch (dice(6)) {
	case 0:
	case 1:
		destroy(i);
		break;
	case 2:
		rename_one(i, dice(SLOTS));
		break;
	case 3:
	case 4:
		resize(i);
		break;
	default:
		look_into(own_name(w.want->id, i), dice(2));
		break;
	}
}

/* --- and on names of all ----------------------------------------------------------------- */

static void resize_shared(const char *name)
{
	struct fam_region *region;
	int r = CALL(fam_region_open(w.fam, name, FAM_REGION_WRITE, &region));

	if (r < 0)
		return;
	r = CALL(fam_region_resize(region, any_size(), sync_flag()));
	expect(r == 0 || is_usual(r) || is_lost(r), "resize", name, r);
	use(region, name, UINT64_MAX, dice(2));
	fam_region_close(region);
}

static void create_shared(const char *name)
{
	const struct fam_region_want want = {
		.bytes = any_size(), .mode = 0666, .flags = sync_flag()};
	int r = CALL(fam_region_create(w.fam, name, &want, NULL));

	expect(r == 0 || r == -EEXIST || is_usual(r) || is_lost(r), "create",
	       name, r);
}

static void change_shared(void)
{
	const struct fam_region_rights rights = {0600 | (uint32_t)dice(64),
						 UINT32_MAX, UINT32_MAX};
	const char *name = shared_name();
	int r = 0;

	switch (dice(8)) {
	case 0:
	case 1:
		create_shared(name);
		return;
	case 2:
		r = CALL(fam_region_destroy(w.fam, name, sync_flag()));
		break;
	case 3:
		r = CALL(fam_region_rename(w.fam, name, shared_name(),
					   sync_flag() | FAM_REGION_REPLACE));
		break;
	case 4:
		resize_shared(name);
		return;
	case 5:
		r = CALL(fam_region_set(w.fam, name, &rights, sync_flag()));
		break;
	default:
		look_into(name, dice(2));
		return;
	}
	expect(r == 0 || r == -ENOENT || is_usual(r) || is_lost(r) ||
		       r == -EINVAL, /* onto itself */
	       "change", name, r);
}

static int count(const struct fam_region_info *info, void *arg)
{
	(void)info;
	++*(unsigned int *)arg;
	return 0;
}

static void look_around(void)
{
	unsigned int n = 0;
	struct fam_region_space space;
	int r;

	if (dice(8)) {
		look_into(own_name((unsigned int)dice(8), dice(SLOTS)), false);
		return;
	}
	r = CALL(fam_region_each(w.fam, dice(2) ? "own/" : NULL, count, &n));
	expect(r == 0, "list", "", r);
	r = CALL(fam_region_space(w.fam, &space, sizeof(space)));
	expect(r == 0, "space", "", r);
	if (!w.want->hostile && r == 0 &&
	    space.taken + space.free != space.bytes)
		fail("space: %" PRIu64 " taken and %" PRIu64
		     " free are not %" PRIu64,
		     space.taken, space.free, space.bytes);
}

static int ignore(const struct fam_check_problem *problem, void *arg)
{
	(void)problem;
	(void)arg;
	return 0;
}

/* Somebody scribbles: without that nothing could be created before long. */
static void repair(void)
{
	struct fam_check_summary sum;

	(void)CALL(fam_check(w.fam, dice(4) ? FAM_CHECK_REPAIR : 0, ignore,
			     NULL, &sum));
}

static void step(void)
{
	if (w.want->hostile && dice(32) == 0)
		repair();
	switch (dice(4)) {
	case 0:
		change_shared();
		break;
	case 1:
		look_around();
		break;
	default:
		change_own();
		break;
	}
}

/* --- all of it ------------------------------------------------------------------------------ */

static struct model *model_open(const char *path)
{
	int fd = path ? open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600) : -1;
	struct model *m;

	if (path && (fd < 0 || ftruncate(fd, sizeof(*m)) < 0))
		fail("%s: %s", path, strerror(errno));
	m = mmap(NULL, sizeof(*m), PROT_READ | PROT_WRITE,
		 MAP_SHARED | (path ? 0 : MAP_ANONYMOUS), fd, 0);
	if (m == MAP_FAILED)
		fail("mmap: %s", strerror(errno));
	if (fd >= 0)
		close(fd);
	return m;
}

static void attach(void)
{
	int r = CALL(fam_open(&w.fam, w.want->fabric, 0));

	if (r < 0)
		fail("open '%s': %s", w.want->fabric, fam_strerror(r));
	/* so that one slot of 2 s on a crowded machine is not its end */
	(void)fam_session_set(w.fam, "region-stress", 10000);
}

static void report(time_t began)
{
	const struct model *m = w.model;

	printf("# worker %u: %" PRIu64 " created, %" PRIu64
	       " destroyed, %" PRIu64 " resized, %" PRIu64 " renamed, %" PRIu64
	       " lives, the last one %d of %u s%s\n",
	       w.want->id, m->done[CREATE], m->done[DESTROY], m->done[RESIZE],
	       m->done[RENAME], m->lives, (int)(time(NULL) - began),
	       w.want->seconds, ended ? ", asked to end" : "");
}

int worker_run(const struct want *want)
{
	time_t until = time(NULL) + want->seconds;
	struct sigaction action = {.sa_handler = end, .sa_flags = SA_RESTART};

	sigaction(SIGTERM, &action, NULL);
	w.want = want;
	w.random = want->seed * 2654435761u + want->id + 1 +
		   (uint64_t)getpid() * 40503u;
	w.model = model_open(want->model);
	attach();
	w.model->lives++;
	reconcile();
	while (!ended && time(NULL) < until)
		step();
	report(until - want->seconds);
	alarm(CALL_MAX);
	fam_close(w.fam);
	return 0;
}
