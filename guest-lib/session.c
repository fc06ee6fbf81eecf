// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
/* What a program asks about its own session and about those of others. */
#include <string.h>

#include <fam/doorbell.h>

#include "fam-session.h"

#define COPY_TRIES 3

#define NAP_FIRST_NS 20000
#define NAP_LAST_NS  2000000

bool fam_session_has(const struct fam_membership *m, uint64_t id)
{
	unsigned int slot = fam_session_slot_of(id);

	return id && slot < FAM_SESSIONS_SLOTS &&
	       atomic_load_explicit(&m->table->word[slot],
				    memory_order_acquire) ==
		       fam_session_live_word(id);
}

static uint32_t public_flags(uint32_t flags)
{
	uint32_t out = 0;

	if (flags & FAM_SESSIONS_INTERRUPTS)
		out |= FAM_SESSION_INTERRUPTS;
	if (flags & FAM_SESSIONS_HOST)
		out |= FAM_SESSION_HOST;
	return out;
}

_Static_assert(FAM_SESSION_NAME_MAX == FAM_SESSIONS_NAME, "names fit");

static bool describe(const struct fam_membership *m, unsigned int slot,
		     struct fam_session *out)
{
	struct fam_sessions_copy copy;

	if (!fam_sessions_copy(m->table, slot, &copy) ||
	    fam_sessions_phase(copy.word) == FAM_SESSIONS_JOINING)
		return false;
	*out = (struct fam_session){
		.id = fam_sessions_id(copy.word, slot),
		.joined_ns = copy.joined_ns,
		.state = fam_sessions_phase(copy.word) == FAM_SESSIONS_LIVE
				 ? FAM_SESSION_LIVE
				 : FAM_SESSION_DEAD,
		.peer = copy.peer ? copy.peer : FAM_PEER_SOFT + slot,
		.pid = copy.pid,
		.lease_ms = copy.lease_ms,
		.flags = public_flags(copy.flags),
	};
	memcpy(out->node, copy.node_name, sizeof(out->node));
	memcpy(out->name, copy.name, sizeof(out->name));
	if (out->id == m->id)
		out->flags |= FAM_SESSION_SELF;
	return true;
}

/* A slot that changes again and again under the eyes is left out. */
bool fam_session_describe(const struct fam_membership *m, unsigned int slot,
			  struct fam_session *out)
{
	for (int i = 0; i < COPY_TRIES; i++) {
		if (describe(m, slot, out))
			return true;
		if (!fam_sessions_is_sane(atomic_load_explicit(
			    &m->table->word[slot], memory_order_acquire)))
			return false;
	}
	return false;
}

int fam_session_check(struct fam *fam)
{
	const struct fam_membership *m = fam->sessions;
	uint64_t id;

	if (!m)
		return -EOPNOTSUPP;
	id = atomic_load_explicit(&m->id, memory_order_acquire);
	if (!id)
		return -EUSERS;
	return fam_session_has(m, id) ? 0 : -ESTALE;
}

int fam_session_self(struct fam *fam, struct fam_session *out)
{
	int r = fam_session_check(fam);

	if (r < 0)
		return r;
	r = fam_session_get(fam, fam->sessions->id, out);
	if (r < 0 || out->state != FAM_SESSION_LIVE)
		return -ESTALE;
	return 0;
}

static int check_name(const char *name)
{
	size_t len = strnlen(name, FAM_SESSION_NAME_MAX);

	if (len == FAM_SESSION_NAME_MAX)
		return -ENAMETOOLONG;
	for (size_t i = 0; i < len; i++) {
		if (name[i] < ' ' || name[i] > '~')
			return -EINVAL;
	}
	return len ? 0 : -EINVAL;
}

static int check_lease(uint32_t lease_ms)
{
	return lease_ms >= FAM_SESSION_LEASE_MIN_MS &&
			       lease_ms <= FAM_SESSION_LEASE_MAX_MS
		       ? 0
		       : -ERANGE;
}

/* Under the lock; the session lives, or did just now. */
static void set(struct fam *fam, const char *name, uint32_t lease_ms)
{
	struct fam_membership *m = fam->sessions;
	unsigned int slot = fam_session_slot_of(m->id);

	if (name) {
		strcpy(m->name, name);
		fam_sessions_write_text(m->table->slot[slot].name, name);
	}
	if (lease_ms) {
		m->lease_ms = lease_ms;
		/* Who sees the new one must see a sign of life that is newer. */
		fam_keeper_beat(m, fam_now_ns());
		fam_session_sign(fam, slot);
	}
}

int fam_session_set(struct fam *fam, const char *name, uint32_t lease_ms)
{
	int r = fam->sessions ? 0 : -EOPNOTSUPP;

	if (r == 0 && name)
		r = check_name(name);
	if (r == 0 && lease_ms)
		r = check_lease(lease_ms);
	if (r < 0)
		return r;
	pthread_mutex_lock(&fam->sessions->lock);
	r = fam_session_check(fam);
	if (r == 0)
		set(fam, name, lease_ms);
	pthread_mutex_unlock(&fam->sessions->lock);
	fam_session_wake(fam);
	return r;
}

/* Under the lock. */
static int rejoin(struct fam *fam)
{
	int r = fam_session_squeeze_in(fam);

	if (r < 0 && fam->sessions->id) {
		/* As if it never had one: so it may clear up behind the dead. */
		atomic_store_explicit(&fam->sessions->id, 0,
				      memory_order_release);
		r = fam_session_squeeze_in(fam);
	}
	if (r == 0)
		fam_session_know_own(fam->sessions);
	return r;
}

int fam_session_rejoin(struct fam *fam)
{
	int r = fam_session_check(fam);

	if (r == 0 || r == -EOPNOTSUPP)
		return r;
	pthread_mutex_lock(&fam->sessions->lock);
	r = fam_session_check(fam);
	if (r < 0)
		r = rejoin(fam);
	pthread_mutex_unlock(&fam->sessions->lock);
	fam_session_wake(fam);
	if (r == 0)
		fam_keeper_tell(fam);
	return r;
}

int fam_session_get(struct fam *fam, uint64_t id, struct fam_session *out)
{
	unsigned int slot = fam_session_slot_of(id);
	struct fam_session session;

	if (!fam->sessions)
		return -EOPNOTSUPP;
	if (slot >= FAM_SESSIONS_SLOTS ||
	    !fam_session_describe(fam->sessions, slot, &session) ||
	    session.id != id)
		return -ESRCH;
	*out = session;
	return 0;
}

int fam_session_each(struct fam *fam,
		     int (*visit)(const struct fam_session *session, void *arg),
		     void *arg)
{
	int r = 0;

	if (!fam->sessions)
		return -EOPNOTSUPP;
	for (unsigned int i = 0; i < FAM_SESSIONS_SLOTS && r == 0; i++) {
		struct fam_session session;

		if (fam_session_describe(fam->sessions, i, &session))
			r = visit(&session, arg);
	}
	return r;
}

/* --- ping ------------------------------------------------------------------- */

/* Have the session's keeper look: by a doorbell, if there is one. */
static void knock(struct fam *fam, uint64_t id)
{
	const struct fam_membership *m = fam->sessions;
	const struct fam_sessions_slot *s =
		&m->table->slot[fam_session_slot_of(id)];

	if (id == m->id)
		fam_session_wake(fam);
	else if (atomic_load(&s->flags) & FAM_SESSIONS_INTERRUPTS)
		fam_bells_tell(fam, atomic_load(&s->peer));
}

/*
 * A quarter of what has passed, so that an answer is seen not much later than it
 * comes, but never beyond @until. Return: 0; -EINTR
 */
static int nap(int64_t began, int64_t until)
{
	int64_t now = fam_now_ns(), ns = (now - began) / 4;
	struct timespec t = {0};

	if (ns < NAP_FIRST_NS)
		ns = NAP_FIRST_NS;
	if (ns > NAP_LAST_NS)
		ns = NAP_LAST_NS;
	if (now < until)
		t.tv_nsec = (long)(ns < until - now ? ns : until - now);
	/* In nanosleep(2) nothing but a handler ends it early. */
	return nanosleep(&t, NULL) < 0 ? -EINTR : 0;
}

static int await_pong(struct fam_membership *m, uint64_t id, uint64_t ticket,
		      int64_t began, int64_t until)
{
	const struct fam_sessions_slot *s =
		&m->table->slot[fam_session_slot_of(id)];
	int r = 0;

	for (;;) {
		uint64_t pong =
			atomic_load_explicit(&s->pong, memory_order_acquire);
		bool late = fam_now_ns() >= until;

		/* In this order: who comes after it has nothing to answer. */
		if (!fam_session_has(m, id))
			return -ESRCH;
		if ((int64_t)(pong - ticket) >= 0)
			return 0;
		if (r < 0 || late)
			return r < 0 ? r : -ETIMEDOUT;
		r = nap(began, until);
	}
}

int fam_session_ping(struct fam *fam, uint64_t id, int timeout_ms, uint64_t *ns)
{
	struct fam_membership *m = fam->sessions;
	int64_t began = fam_now_ns(), until = INT64_MAX;
	uint64_t ticket;
	int r;

	if (!m)
		return -EOPNOTSUPP;
	if (!fam_session_has(m, id))
		return -ESRCH;
	if (timeout_ms >= 0)
		until = began + (int64_t)timeout_ms * FAM_KEEPER_MS;
	ticket = atomic_fetch_add_explicit(
			 &m->table->slot[fam_session_slot_of(id)].ping, 1,
			 memory_order_acq_rel) +
		 1;
	knock(fam, id);
	r = await_pong(m, id, ticket, began, until);
	if (r == 0 && ns)
		*ns = (uint64_t)(fam_now_ns() - began);
	return r;
}
