// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
/* The thread that keeps a session: asleep but for some wake-ups a second. */
#include <poll.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include "fam-park.h"
#include "fam-session.h"

#define STACK_BYTES (256 << 10) /* address space; little of it is touched */

/* What it sleeps on. */
enum {
	ON_WAKE,
	ON_BELL,
	ON_NEIGHBOUR,
	ON_COUNT,
};

void fam_keeper_beat(struct fam_membership *m, int64_t now)
{
	unsigned int slot = fam_session_slot_of(m->id);

	atomic_store_explicit(&m->table->slot[slot].beat, ++m->beat,
			      memory_order_release);
	m->beat_due = now + (int64_t)fam_sessions_beat_ms(m->lease_ms) *
				    FAM_KEEPER_MS;
}

void fam_keeper_tell(struct fam *fam)
{
	struct fam_membership *m = fam->sessions;
	uint64_t own = fam_session_live_word(m->id);

	for (unsigned int i = 0; i < FAM_SESSIONS_SLOTS; i++) {
		const struct fam_sessions_slot *s = &m->table->slot[i];
		uint64_t word = atomic_load_explicit(&m->table->word[i],
						     memory_order_acquire);
		uint32_t flags = FAM_SESSIONS_WATCHES | FAM_SESSIONS_INTERRUPTS;

		if (word != own &&
		    fam_sessions_phase(word) == FAM_SESSIONS_LIVE &&
		    (atomic_load_explicit(&s->flags, memory_order_acquire) &
		     flags) == flags)
			fam_bells_tell(fam,
				       atomic_load_explicit(
					       &s->peer, memory_order_acquire));
	}
}

static bool is_watched(const struct fam_membership *m)
{
	return atomic_load_explicit(&m->news, memory_order_acquire) >= 0;
}

void fam_keeper_news(const struct fam_membership *m)
{
	if (is_watched(m))
		/* fails if the counter is full: then it is readable */
		(void)eventfd_write(m->news, 1);
}

static void answer_ping(struct fam_sessions_slot *slot)
{
	uint64_t ping = atomic_load_explicit(&slot->ping, memory_order_acquire);

	if (atomic_load_explicit(&slot->pong, memory_order_relaxed) != ping)
		atomic_store_explicit(&slot->pong, ping, memory_order_release);
}

/* Does the session live? Then renew its lease, if it is time. */
static void keep_own(struct fam *fam, int64_t now)
{
	struct fam_membership *m = fam->sessions;
	unsigned int slot = fam_session_slot_of(m->id);

	if (!fam_session_has(m, m->id))
		return;
	answer_ping(&m->table->slot[slot]);
	/*
	 * Each time: who had the slot and was stopped while he wrote may have
	 * gone on, and others judge by what stands there.
	 */
	fam_session_sign(fam, slot);
	if (now >= m->beat_due)
		fam_keeper_beat(m, now);
}

/* So often that a death is noticed within the shortest lease of all. */
static int64_t look_interval(const struct fam_membership *m)
{
	uint32_t ms = fam_sessions_beat_ms(m->shortest_ms);

	return (int64_t)(ms < FAM_KEEPER_LOOK_MS ? ms : FAM_KEEPER_LOOK_MS) *
	       FAM_KEEPER_MS;
}

static unsigned int look_around(struct fam *fam, int64_t now)
{
	struct fam_membership *m = fam->sessions;
	unsigned int found;

	if (now < m->look_due &&
	    atomic_load_explicit(&m->table->changes, memory_order_acquire) ==
		    m->changes)
		return 0;
	found = fam_session_look(fam, now);
	m->look_due = now + look_interval(m);
	/* One that had recovered others itself: they are next. */
	if (found & FAM_LOOK_CHANGED)
		m->look_due = now;
	return found;
}

/* ms until something is due. Under the lock. */
static int sleep_ms(struct fam *fam, int64_t now)
{
	struct fam_membership *m = fam->sessions;
	int64_t due = m->look_due;

	if (m->beat_due < due && fam_session_has(m, m->id))
		due = m->beat_due;
	if (is_watched(m) && (m->deaf || fam_bells_library_fd(fam) < 0) &&
	    due - now > (int64_t)FAM_KEEPER_POLL_MS * FAM_KEEPER_MS)
		return FAM_KEEPER_POLL_MS;
	/* Rounded up: half a millisecond early it would be awake for nothing. */
	return due > now ? (int)((due - now) / FAM_KEEPER_MS) + 1 : 1;
}

/* One wake-up. Return: ms to sleep */
static int turn(struct fam *fam, struct pollfd *neighbour)
{
	struct fam_membership *m = fam->sessions;
	unsigned int found;
	int ms, bridge;
	int64_t now;

	/* First, as somebody waits for it; in vain, if the bell was not rung. */
	fam_park_rung(fam);
	pthread_mutex_lock(&m->lock);
	now = fam_now_ns();
	if (neighbour->revents)
		fam_session_bury(m);
	keep_own(fam, now);
	found = look_around(fam, now);
	fam_session_meet(m);
	neighbour->fd = m->neighbour.fd;
	ms = sleep_ms(fam, now);
	pthread_mutex_unlock(&m->lock);
	if (found & FAM_LOOK_MOVED)
		fam_keeper_news(m);
	if (found & FAM_LOOK_CHANGED)
		fam_keeper_tell(fam);
	if (found & FAM_LOOK_GONE)
		fam_park_deaths(fam);
	bridge = fam_bells_bridge(fam);
	return bridge >= 0 && bridge < ms ? bridge : ms;
}

static void drain(struct fam *fam, const struct pollfd p[ON_COUNT])
{
	eventfd_t count;

	if (p[ON_WAKE].revents)
		/* fails if nothing is there: then there is nothing to take */
		(void)eventfd_read(p[ON_WAKE].fd, &count);
	if (p[ON_BELL].revents)
		fam_bells_library_taken(fam);
}

/*
 * A file cut short by somebody, a device that is unplugged from its driver, must
 * not cost a program its life that does not touch the memory itself, or seldom.
 * What is mapped in other ways stays.
 */
static bool is_there(struct fam *fam)
{
	return (fam->source.via != FAM_VIA_FILE &&
		fam->source.via != FAM_VIA_MODULE) ||
	       fam_source_recheck(&fam->source) == 0;
}

/*
 * It works for some microseconds a second, but in time: a program that is to get
 * only what others leave would lose its session when they leave nothing for a
 * second. Who may not do this is as late as its program.
 */
static void be_in_time(void)
{
	if (getpriority(PRIO_PROCESS, 0) > 0)
		(void)setpriority(PRIO_PROCESS, 0, 0);
}

static void *keep(void *arg)
{
	struct fam *fam = arg;
	struct fam_membership *m = fam->sessions;
	struct pollfd p[ON_COUNT] = {
		[ON_WAKE] = {.fd = m->wake, .events = POLLIN},
		[ON_BELL] = {.events = POLLIN},
		[ON_NEIGHBOUR] = {.fd = -1, .events = POLLIN},
	};

	be_in_time();
	/* For people who look at the threads of a program. */
	prctl(PR_SET_NAME, "fam-keeper");
	while (!atomic_load_explicit(&m->stop, memory_order_acquire)) {
		int ms = FAM_KEEPER_LOOK_MS;

		/* what finds no descriptor, and the end, is for who asks */
		(void)fam_bells_hear(fam);
		if (is_there(fam))
			ms = turn(fam, &p[ON_NEIGHBOUR]);
		p[ON_BELL].fd = fam_bells_library_fd(fam);
		p[ON_NEIGHBOUR].revents = 0;
		if (poll(p, ON_COUNT, ms) > 0)
			drain(fam, p);
	}
	return NULL;
}

/* Signals are the program's, but for those that this thread itself causes. */
static void block_signals(sigset_t *old)
{
	static const int own[] = {SIGBUS, SIGSEGV, SIGILL, SIGFPE, SIGTRAP};
	sigset_t all;

	sigfillset(&all);
	for (size_t i = 0; i < sizeof(own) / sizeof(own[0]); i++)
		sigdelset(&all, own[i]);
	pthread_sigmask(SIG_SETMASK, &all, old);
}

int fam_keeper_start(struct fam *fam)
{
	struct fam_membership *m = fam->sessions;
	pthread_attr_t attr;
	sigset_t old;
	int r;

	m->wake = fam_fd_lift(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
	if (m->wake < 0)
		return m->wake;
	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, STACK_BYTES);
	block_signals(&old);
	r = pthread_create(&m->keeper, &attr, keep, fam);
	/* A program may have more variables for each thread than that. */
	if (r == EINVAL)
		r = pthread_create(&m->keeper, NULL, keep, fam);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	pthread_attr_destroy(&attr);
	return -r;
}

void fam_keeper_stop(struct fam *fam)
{
	struct fam_membership *m = fam->sessions;

	atomic_store_explicit(&m->stop, true, memory_order_release);
	fam_session_wake(fam);
	pthread_join(m->keeper, NULL);
}
