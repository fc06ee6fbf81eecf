// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "sessions.h"
#include "util/cleanup.h"
#include "util/clock.h"
#include "util/fdio.h"

#define SAMPLE_MAX_MS 750
#define LOOK_MS	      20

/* One table as it was first seen, and as it is now. */
struct sample {
	int fd;
	uint64_t offset, from_ms;
	struct fam_sessions *first, *now;
};

static void cleanup_sample(struct sample *s)
{
	if (s->fd >= 0)
		close(s->fd);
	free(s->first);
	free(s->now);
}
#define _cleanup_sample_ __attribute__((cleanup(cleanup_sample)))

static int look(const struct sample *s, struct fam_sessions *to,
		struct err *err)
{
	int ret = fdio_pread(s->fd, to, sizeof(*to), s->offset);

	return ret < 0 ? err_sys(err, -ret, "cannot read its sessions") : 0;
}

/* One that beats more seldom than we look is not judged. */
static bool can_be_judged(const struct fam_sessions_copy *copy)
{
	return fam_sessions_phase(copy->word) == FAM_SESSIONS_LIVE &&
	       copy->lease_ms / 4 <= SAMPLE_MAX_MS;
}

/* Did it beat, or join, since the first look? */
static bool has_moved(const struct sample *s, unsigned int slot,
		      const struct fam_sessions_copy *copy)
{
	return atomic_load(&s->first->word[slot]) != copy->word ||
	       atomic_load(&s->first->slot[slot].beat) != copy->beat;
}

/* Has all been seen that can be in time? */
static bool is_enough(const struct sample *s)
{
	uint64_t passed = clock_ms() - s->from_ms, need = 0;
	struct fam_sessions_copy copy;

	for (unsigned int i = 0; i < FAM_SESSIONS_SLOTS; i++) {
		if (fam_sessions_copy(s->now, i, &copy) &&
		    can_be_judged(&copy) && !has_moved(s, i, &copy) &&
		    copy.lease_ms > need)
			need = copy.lease_ms;
	}
	/* three beats of the slowest of them */
	need = need / 8 * 3;
	return passed >= (need < SAMPLE_MAX_MS ? need : SAMPLE_MAX_MS);
}

static int watch(struct sample *s, struct err *err)
{
	const struct timespec pause = {.tv_nsec = LOOK_MS * 1000000L};
	int ret = look(s, s->first, err);

	s->from_ms = clock_ms();
	if (ret == 0)
		ret = look(s, s->now, err);
	while (ret == 0 && !is_enough(s)) {
		nanosleep(&pause, NULL);
		ret = look(s, s->now, err);
	}
	return ret;
}

static enum sessions_state state_of(const struct sample *s, unsigned int slot,
				    const struct fam_sessions_copy *copy)
{
	enum fam_sessions_phase phase = fam_sessions_phase(copy->word);

	if (phase == FAM_SESSIONS_JOINING)
		return SESSIONS_JOINING;
	if (phase != FAM_SESSIONS_LIVE)
		return SESSIONS_DEAD;
	if (has_moved(s, slot, copy) || !can_be_judged(copy))
		return SESSIONS_LIVE;
	return SESSIONS_SILENT;
}

static int by_peer(const void *a, const void *b)
{
	const struct sessions_one *x = a, *y = b;

	if (x->peer != y->peer)
		return x->peer < y->peer ? -1 : 1;
	return x->id < y->id ? -1 : x->id > y->id;
}

static void judge(const struct sample *s, struct sessions *out)
{
	out->count = 0;
	for (unsigned int i = 0; i < FAM_SESSIONS_SLOTS; i++) {
		struct sessions_one *one = &out->one[out->count];

		if (!fam_sessions_copy(s->now, i, &one->said))
			continue;
		one->id = fam_sessions_id(one->said.word, i);
		one->from_server = one->said.peer;
		one->peer =
			one->said.peer ? one->said.peer : FAM_SESSIONS_IDS + i;
		one->state = state_of(s, i, &one->said);
		out->count++;
	}
	qsort(out->one, out->count, sizeof(*out->one), by_peer);
}

/* What an atomic of the table's kind may be read from. */
static struct fam_sessions *new_table(void)
{
	return aligned_alloc(64, sizeof(struct fam_sessions));
}

int sessions_read(const struct fabric *fabric, struct sessions **out,
		  struct err *err)
{
	_cleanup_free_ struct sessions *sessions = malloc(sizeof(*sessions));
	_cleanup_sample_ struct sample s = {.fd = -1};
	int ret;

	if (!fabric->formatted ||
	    !(fabric->sb.feature_compat & FAM_COMPAT_SESSIONS))
		return err_set(err, -EOPNOTSUPP, "it has no sessions");
	s.offset = fabric->sb.sessions_offset;
	s.first = new_table();
	s.now = new_table();
	if (!sessions || !s.first || !s.now)
		return err_sys(err, ENOMEM, "cannot read its sessions");
	s.fd = fabric_reopen(fabric, O_RDONLY, err);
	ret = s.fd < 0 ? s.fd : watch(&s, err);
	if (ret < 0)
		return ret;
	judge(&s, sessions);
	*out = take(sessions);
	return 0;
}
