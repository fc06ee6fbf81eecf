// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
/*
 * Who came and went. What the program was told of each slot is compared with
 * what is there when it asks, so that nothing is queued and nothing overflows.
 */
#include <string.h>
#include <sys/eventfd.h>

#include "fam-session.h"

static uint64_t told_id(const struct fam_membership *m, unsigned int slot)
{
	return m->told[slot] ? m->told[slot]->id : 0;
}

/* 0; -EAGAIN it changes right now; -ENOMEM */
static int know(struct fam_membership *m, unsigned int slot)
{
	struct fam_session now;

	if (!fam_session_describe(m, slot, &now) ||
	    now.state != FAM_SESSION_LIVE)
		return -EAGAIN;
	if (!m->told[slot])
		m->told[slot] = malloc(sizeof(now));
	if (!m->told[slot])
		return -ENOMEM;
	*m->told[slot] = now;
	return 0;
}

/* 0, or the session that lives in a slot. */
static uint64_t live_id(const struct fam_membership *m, unsigned int slot)
{
	uint64_t word = atomic_load_explicit(&m->table->word[slot],
					     memory_order_acquire);

	return fam_sessions_is_sane(word) &&
			       fam_sessions_phase(word) == FAM_SESSIONS_LIVE
		       ? fam_sessions_id(word, slot)
		       : 0;
}

/* It is dead, and whoever clears up has not noted yet why; he does so first. */
static bool is_being_noted(const struct fam_membership *m, unsigned int slot,
			   uint64_t id)
{
	uint64_t word = atomic_load_explicit(&m->table->word[slot],
					     memory_order_acquire);

	return fam_sessions_id(word, slot) == id &&
	       fam_sessions_phase(word) == FAM_SESSIONS_RECOVERING &&
	       atomic_load_explicit(&m->table->slot[slot].ended,
				    memory_order_acquire) != id;
}

static void tell_gone(struct fam_membership *m, unsigned int slot,
		      struct fam_session_event *out)
{
	out->session = *m->told[slot];
	out->session.state = FAM_SESSION_DEAD;
	out->reason = fam_sessions_reason(m->table, slot, out->session.id);
	out->change = out->session.flags & FAM_SESSION_SELF ? FAM_SESSION_LOST
							    : FAM_SESSION_GONE;
	m->told[slot]->id = 0;
}

static bool tell_slot(struct fam_membership *m, unsigned int slot,
		      struct fam_session_event *out)
{
	uint64_t told = told_id(m, slot), live = live_id(m, slot);

	/* The next change of the word makes the descriptor readable again. */
	if (told == live || (told && is_being_noted(m, slot, told)))
		return false;
	if (told) {
		tell_gone(m, slot, out);
		return true;
	}
	/* One's own return is no news. */
	if (know(m, slot) < 0 || live == m->id)
		return false;
	out->session = *m->told[slot];
	out->reason = 0;
	out->change = FAM_SESSION_JOINED;
	return true;
}

/* Round and round, so that one busy slot does not hide the others. */
static bool tell(struct fam_membership *m, struct fam_session_event *out)
{
	for (unsigned int i = 0; i < FAM_SESSIONS_SLOTS; i++) {
		unsigned int slot = (m->tell_first + i) % FAM_SESSIONS_SLOTS;

		if (tell_slot(m, slot, out)) {
			/* Who left may have a successor there: that is next. */
			m->tell_first = slot;
			if (out->change == FAM_SESSION_JOINED)
				m->tell_first++;
			return true;
		}
	}
	return false;
}

/* Silent before the look: what changes behind it makes it readable again. */
static void silence(struct fam_membership *m)
{
	eventfd_t count;

	if (m->news >= 0)
		/* fails if it is silent */
		(void)eventfd_read(m->news, &count);
}

int fam_session_event(struct fam *fam, struct fam_session_event *out)
{
	struct fam_membership *m = fam->sessions;
	struct fam_session_event event = {0};
	bool found;

	if (!m)
		return -EOPNOTSUPP;
	pthread_mutex_lock(&m->lock);
	found = tell(m, &event);
	if (!found) {
		silence(m);
		found = tell(m, &event);
		if (found && m->news >= 0)
			(void)eventfd_write(m->news, 1);
	}
	pthread_mutex_unlock(&m->lock);
	if (!found)
		return -EAGAIN;
	*out = event;
	return 0;
}

/* From now on others ring when they change something. Under the lock. */
static int make_news(struct fam *fam)
{
	struct fam_membership *m = fam->sessions;
	/* Readable: something may have changed since fam_open(). */
	int fd = fam_fd_lift(eventfd(1, EFD_CLOEXEC | EFD_NONBLOCK));

	if (fd < 0)
		return fd;
	atomic_store_explicit(&m->news, fd, memory_order_release);
	if (fam_session_has(m, m->id))
		fam_session_sign(fam, fam_session_slot_of(m->id));
	return fd;
}

int fam_session_fd(struct fam *fam)
{
	struct fam_membership *m = fam->sessions;
	int fd;

	if (!m)
		return -EOPNOTSUPP;
	pthread_mutex_lock(&m->lock);
	fd = m->news;
	if (fd < 0)
		fd = make_news(fam);
	pthread_mutex_unlock(&m->lock);
	/* The keeper sleeps less from now on. */
	fam_session_wake(fam);
	return fd;
}

int fam_session_know_all(struct fam_membership *m)
{
	for (unsigned int i = 0; i < FAM_SESSIONS_SLOTS; i++) {
		if (live_id(m, i) && know(m, i) == -ENOMEM)
			return -ENOMEM;
	}
	return 0;
}

void fam_session_know_own(struct fam_membership *m)
{
	unsigned int slot = fam_session_slot_of(m->id);

	/* else it is told of who was there first, and asked for that reason */
	if (!told_id(m, slot))
		(void)know(m, slot);
}

void fam_session_told_free(struct fam_membership *m)
{
	for (unsigned int i = 0; i < FAM_SESSIONS_SLOTS; i++)
		free(m->told[i]);
}
