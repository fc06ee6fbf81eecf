// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
/* How an attachment joins the sessions of its fabric, and leaves them. */
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/utsname.h>

#include <fam-boot.h>

#include "fam-park.h"
#include "fam-session.h"

#define TRIES 16

/* --- the table -------------------------------------------------------------- */

static int map_table(struct fam *fam)
{
	struct fam_membership *m = fam->sessions;
	struct fam_pages pages;
	int r = fam_source_map_pages(&fam->source, fam->sb.sessions_offset,
				     fam->sb.sessions_bytes, &pages);

	if (r < 0)
		return r;
	m->pages = pages.base;
	m->page_bytes = pages.bytes;
	m->table = (void *)pages.start;
	if (fam->source.via == FAM_VIA_FILE)
		fam_boot_note(m->table);
	return 0;
}

static bool has_table(const struct fam *fam)
{
	return fam->formatted && fam->source.fd >= 0 && fam->source.writable &&
	       fam->sb.feature_compat & FAM_COMPAT_SESSIONS;
}

/* --- the own slot ----------------------------------------------------------- */

static uint64_t date_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

static uint32_t own_flags(struct fam *fam)
{
	struct fam_membership *m = fam->sessions;
	uint32_t flags = 0;

	if (fam_bells_interrupts(fam))
		flags |= FAM_SESSIONS_INTERRUPTS;
	if (atomic_load(&m->news) >= 0)
		flags |= FAM_SESSIONS_WATCHES;
	if (fam->source.via == FAM_VIA_FILE)
		flags |= FAM_SESSIONS_HOST;
	return flags;
}

static void put32(_Atomic uint32_t *word, uint32_t value)
{
	if (atomic_load_explicit(word, memory_order_relaxed) != value)
		atomic_store_explicit(word, value, memory_order_release);
}

static void put64(_Atomic uint64_t *word, uint64_t value)
{
	if (atomic_load_explicit(word, memory_order_relaxed) != value)
		atomic_store_explicit(word, value, memory_order_release);
}

/* Stores only what is not so: most often this is done for repair. */
void fam_session_sign(struct fam *fam, unsigned int slot)
{
	struct fam_membership *m = fam->sessions;
	struct fam_sessions_slot *s = &m->table->slot[slot];

	put32(&s->lease_ms, m->lease_ms);
	put32(&s->pid, m->owner.pid);
	put64(&s->node, m->owner.node);
	put64(&s->started, m->owner.started);
	put32(&s->peer, fam_bells_peer(fam));
	put32(&s->flags, own_flags(fam));
	put32(&s->vectors, fam_bells_vectors(fam));
}

static void fill_in(struct fam *fam, unsigned int slot)
{
	struct fam_membership *m = fam->sessions;
	struct fam_sessions_slot *s = &m->table->slot[slot];

	fam_session_sign(fam, slot);
	put64(&s->joined_ns, date_ns());
	/* Whoever was here before is not to be answered for. */
	put64(&s->pong, atomic_load(&s->ping));
	fam_sessions_write_text(s->node_name, m->node_name);
	fam_sessions_write_text(s->name, m->name);
	m->beat = atomic_load(&s->beat) + 1;
	put64(&s->beat, m->beat);
}

/* Its low 40 bits name the session wherever it holds something: fam-holder.h */
static uint64_t draw_token(void)
{
	uint64_t token;

	do {
		token = fam_owner_token() >> 16;
	} while ((token & UINT64_C(0xffffffffff)) == 0);
	return token;
}

/* One try: 0; -EUSERS no place is free; -EAGAIN it was taken away at once. */
static int take_place(struct fam *fam)
{
	struct fam_membership *m = fam->sessions;
	uint64_t token = draw_token();
	int slot = fam_sessions_claim(m->table, token);
	uint64_t joining = fam_sessions_word(token, 0, FAM_SESSIONS_JOINING);
	uint64_t live = fam_sessions_word(token, 0, FAM_SESSIONS_LIVE);

	if (slot < 0)
		return -EUSERS;
	fill_in(fam, (unsigned int)slot);
	fam_bells_joined(fam, (unsigned int)slot);
	if (!fam_sessions_step(m->table, (unsigned int)slot, joining, live))
		return -EAGAIN;
	atomic_store_explicit(&m->id, fam_sessions_id(live, (unsigned int)slot),
			      memory_order_release);
	fam_park_joined(fam, m->table, m->id);
	m->beat_due = fam_now_ns();
	return 0;
}

static int join(struct fam *fam)
{
	int r = -EAGAIN;

	for (int i = 0; i < TRIES && r == -EAGAIN; i++)
		r = take_place(fam);
	return r < 0 ? -EUSERS : 0;
}

/* --- from open to close ----------------------------------------------------- */

static void name_self(struct fam_membership *m)
{
	struct utsname uts = {0};

	/* It fails for no other reason than a bad address. */
	uname(&uts);
	snprintf(m->node_name, sizeof(m->node_name), "%.*s",
		 FAM_SESSIONS_NAME - 1, uts.nodename);
	snprintf(m->name, sizeof(m->name), "%.*s", FAM_SESSIONS_NAME - 1,
		 program_invocation_short_name);
}

struct fam_membership *fam_membership_new(void)
{
	struct fam_membership *m = calloc(1, sizeof(*m));

	if (!m)
		return NULL;
	pthread_mutex_init(&m->lock, NULL);
	fam_owner_self(&m->owner);
	name_self(m);
	m->wake = -1;
	m->neighbour.fd = -1;
	atomic_init(&m->news, -1);
	m->lease_ms = m->shortest_ms = FAM_SESSION_LEASE_MS;
	return m;
}

static void close_quietly(int fd)
{
	if (fd >= 0)
		close(fd);
}

void fam_membership_free(struct fam_membership *m)
{
	if (m->pages)
		munmap(m->pages, m->page_bytes);
	close_quietly(m->wake);
	close_quietly(atomic_load(&m->news));
	close_quietly(m->neighbour.fd);
	fam_session_told_free(m);
	free(m);
}

static bool is_own_process(const struct fam_membership *m)
{
	return m->owner.pid == (uint32_t)getpid();
}

static void leave(struct fam *fam)
{
	struct fam_membership *m = fam->sessions;
	uint64_t id = m->id;

	/* What was cut off is not there to be left. */
	if (fam_source_recheck(&fam->source) < 0)
		return;
	if (id &&
	    fam_sessions_free(m->table, fam_session_slot_of(id),
			      fam_session_live_word(id), FAM_SESSION_LEFT))
		fam_keeper_tell(fam);
}

/* Full of who died in this node, or whose end nobody else has noticed? */
int fam_session_squeeze_in(struct fam *fam)
{
	int r = join(fam);
	unsigned int found;

	if (r != -EUSERS)
		return r;
	found = fam_session_look(fam, fam_now_ns());
	/* The keeper will not see these changes any more. */
	if (found & FAM_LOOK_MOVED)
		fam_keeper_news(fam->sessions);
	return found ? join(fam) : r;
}

static int join_first(struct fam *fam)
{
	/* No room: an ID of 0 tells. */
	(void)fam_session_squeeze_in(fam);
	return fam_session_know_all(fam->sessions);
}

int fam_session_open(struct fam *fam)
{
	struct fam_membership *m;
	int r;

	if (!has_table(fam))
		return 0;
	m = fam_membership_new();
	if (!m)
		return -ENOMEM;
	fam->sessions = m;
	r = map_table(fam);
	if (r == 0)
		r = join_first(fam);
	if (r == 0)
		r = fam_keeper_start(fam);
	if (r == 0) {
		fam_keeper_tell(fam);
		return 0;
	}
	if (m->table)
		leave(fam);
	fam_membership_free(m);
	fam->sessions = NULL;
	return r;
}

void fam_session_close(struct fam *fam)
{
	struct fam_membership *m = fam->sessions;

	if (!m)
		return;
	/* A child has neither the thread nor the session, and maybe no lock. */
	if (is_own_process(m)) {
		fam_keeper_stop(fam);
		leave(fam);
		pthread_mutex_destroy(&m->lock);
	}
	fam_membership_free(m);
	fam->sessions = NULL;
}

struct fam_sessions *fam_session_table(struct fam *fam)
{
	return fam->sessions ? fam->sessions->table : NULL;
}

uint64_t fam_session_id(struct fam *fam)
{
	return fam_session_check(fam) == 0
		       ? atomic_load_explicit(&fam->sessions->id,
					      memory_order_acquire)
		       : 0;
}

int fam_session_slot(struct fam *fam)
{
	uint64_t id = fam_session_id(fam);

	return id ? (int)fam_session_slot_of(id) : -1;
}

void fam_session_wake(struct fam *fam)
{
	if (fam->sessions)
		/* fails if the counter is full: then it wakes anyway */
		(void)eventfd_write(fam->sessions->wake, 1);
}
