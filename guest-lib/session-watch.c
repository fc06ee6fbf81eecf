// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
/*
 * Who has died, and what is done about it. FORMAT.md has the rules. All words
 * are changed by compare-and-swap from what was judged, so that a judgement
 * that comes late judges nobody else.
 */
#include <string.h>
#include <sys/syscall.h>

#include "fam-park.h"
#include "fam-session.h"

/* One look at everybody. */
struct look {
	struct fam *fam;
	struct fam_membership *m;
	struct fam_sessions *table;
	int64_t now;
	int64_t gap;	     /* since the last look */
	uint64_t own;	     /* the word of the own session; 0: it has none */
	unsigned int slot;   /* the own one */
	bool acts;	     /* may declare and clear up */
	unsigned int result; /* FAM_LOOK_ */
	uint32_t shortest_ms;
	bool deaf;
	unsigned int next; /* distance of the next session of this node */
	struct fam_neighbour neighbour;
};

static uint64_t word_of(const struct look *look, unsigned int slot)
{
	return atomic_load_explicit(&look->table->word[slot],
				    memory_order_acquire);
}

static bool is_live(uint64_t word)
{
	return fam_sessions_is_sane(word) &&
	       fam_sessions_phase(word) == FAM_SESSIONS_LIVE;
}

/* Did somebody come, and nothing else? */
static bool has_come(unsigned int slot, uint64_t was, uint64_t now)
{
	bool joins = fam_sessions_phase(was) == FAM_SESSIONS_JOINING &&
		     fam_sessions_id(was, slot) == fam_sessions_id(now, slot);

	if (!fam_sessions_is_sane(now))
		return false;
	if (fam_sessions_phase(now) == FAM_SESSIONS_JOINING)
		return was == 0;
	return is_live(now) && (was == 0 || joins);
}

/*
 * Note what is seen. Has it been so for longer than @lease_ms allows?
 *
 * Time in which nobody looked does not count if it was long: who was stopped
 * himself, perhaps along with all the others, must not take them for dead. Half
 * a lease, and what passes between two beats and two looks, is less than the
 * patience.
 */
static bool is_overdue(struct look *look, unsigned int slot, uint64_t word,
		       uint64_t beat, uint32_t lease_ms)
{
	struct fam_sight *sight = &look->m->sight[slot];
	int64_t lease = (int64_t)lease_ms * FAM_KEEPER_MS;
	int64_t patience =
		(int64_t)fam_sessions_patience_ms(lease_ms) * FAM_KEEPER_MS;

	if (sight->word != word)
		look->result |= FAM_LOOK_MOVED;
	if (sight->word != word && !has_come(slot, sight->word, word))
		look->result |= FAM_LOOK_GONE;
	if (sight->word == word && sight->beat == beat &&
	    sight->lease_ms == lease_ms && look->gap <= lease / 2)
		return look->now - sight->since >= patience;
	*sight = (struct fam_sight){
		.word = word,
		.beat = beat,
		.since = look->now,
		.lease_ms = lease_ms,
	};
	return false;
}

/*
 * What a dead session has left in the fabric is cleared up here, by whoever won
 * its word. He may be stopped at any time, and another go on in his place: each
 * step must be one that can only be made once.
 */
static void clear_up(struct look *look, unsigned int slot, uint64_t id)
{
	fam_sessions_untake_all(look->table, slot);
	fam_park_clear_up(look->fam, fam_holder(id));
}

static void recover(struct look *look, unsigned int slot)
{
	uint64_t dead = word_of(look, slot), taken;

	if (!look->acts || fam_sessions_phase(dead) != FAM_SESSIONS_DEAD)
		return;
	taken = fam_sessions_take(look->table, slot, dead,
				  look->own ? look->slot : slot);
	if (!taken)
		return;
	look->result |= FAM_LOOK_CHANGED | FAM_LOOK_MOVED;
	/* Who died himself before he took it has his slot cleared already. */
	if (look->own && word_of(look, look->slot) != look->own) {
		look->acts = false;
		fam_sessions_untake(look->table, slot, taken);
		return;
	}
	clear_up(look, slot, fam_sessions_id(dead, slot));
	fam_sessions_free(look->table, slot, taken,
			  fam_sessions_reason(look->table, slot,
					      fam_sessions_id(dead, slot)));
}

static void declare(struct look *look, unsigned int slot, uint64_t word,
		    enum fam_session_reason reason)
{
	if (!look->acts || !fam_sessions_kill(look->table, slot, word, reason))
		return;
	look->result |= FAM_LOOK_CHANGED | FAM_LOOK_MOVED;
	recover(look, slot);
}

/* The first one behind the own slot is the neighbour, all round. */
static bool is_next(struct look *look, unsigned int slot,
		    const struct fam_neighbour *who)
{
	unsigned int distance =
		(slot + FAM_SESSIONS_SLOTS - look->slot) % FAM_SESSIONS_SLOTS;

	if (distance >= look->next)
		return false;
	look->next = distance;
	look->neighbour = *who;
	return true;
}

static bool is_same(const struct fam_neighbour *a,
		    const struct fam_neighbour *b)
{
	return a->pid == b->pid && a->started == b->started;
}

/*
 * A process of this node that has ended? Asking /proc takes long: it is done
 * for a new neighbour and for who is silent, for the others it is done by
 * theirs. Without a session there are no others of ours, and no room.
 */
static bool has_ended(struct look *look, unsigned int slot, bool silent)
{
	const struct fam_sessions_slot *s = &look->table->slot[slot];
	const struct fam_membership *m = look->m;
	struct fam_neighbour who = {
		.fd = -1,
		.pid = atomic_load_explicit(&s->pid, memory_order_acquire),
		.started =
			atomic_load_explicit(&s->started, memory_order_acquire),
	};
	bool met = m->neighbour.fd >= 0 && is_same(&who, &m->neighbour);

	if (m->owner.node == 0 ||
	    (who.pid == m->owner.pid && who.started == m->owner.started) ||
	    atomic_load_explicit(&s->node, memory_order_acquire) !=
		    m->owner.node)
		return false;
	return ((is_next(look, slot, &who) && !met) || silent || !look->own) &&
	       fam_owner_is_dead(who.pid, who.started);
}

static void look_at_live(struct look *look, unsigned int slot, uint64_t word)
{
	const struct fam_sessions_slot *s = &look->table->slot[slot];
	/* In this order: who asks for a shorter lease beats first. */
	uint32_t lease_ms = fam_sessions_lease(s);
	uint64_t beat = atomic_load_explicit(&s->beat, memory_order_acquire);
	bool overdue = is_overdue(look, slot, word, beat, lease_ms);
	int64_t since = look->m->sight[slot].since;
	bool silent = (look->now - since) / FAM_KEEPER_MS >= lease_ms / 4;

	if (lease_ms < look->shortest_ms)
		look->shortest_ms = lease_ms;
	if (!(atomic_load_explicit(&s->flags, memory_order_relaxed) &
	      FAM_SESSIONS_INTERRUPTS))
		look->deaf = true;
	if (has_ended(look, slot, silent))
		declare(look, slot, word, FAM_SESSION_EXITED);
	else if (overdue)
		declare(look, slot, word, FAM_SESSION_EXPIRED);
}

/* Who recovers it does not live: the word would stay so for ever. */
static bool is_orphan(struct look *look, unsigned int slot, uint64_t word,
		      bool overdue)
{
	unsigned int by = fam_sessions_by(word);

	/* Without a session of his own he has a lease of the default length. */
	if (by == slot)
		return overdue;
	/* We recover nothing at this moment: it was who had our slot before. */
	if (by >= FAM_SESSIONS_SLOTS || (look->own && by == look->slot))
		return true;
	return !is_live(word_of(look, by));
}

static void look_at_recovering(struct look *look, unsigned int slot,
			       uint64_t word, bool overdue)
{
	if (!look->acts || !is_orphan(look, slot, word, overdue) ||
	    !fam_sessions_untake(look->table, slot, word))
		return;
	look->result |= FAM_LOOK_CHANGED | FAM_LOOK_MOVED;
	recover(look, slot);
}

static void look_at(struct look *look, unsigned int slot)
{
	uint64_t word = word_of(look, slot);
	bool overdue;

	if (word == 0 && look->m->sight[slot].word == 0)
		return;
	if (is_live(word) && word != look->own) {
		look_at_live(look, slot, word);
		return;
	}
	overdue = is_overdue(look, slot, word, 0, FAM_SESSIONS_LEASE_MS);
	if (word == 0 || word == look->own)
		return;
	if (!fam_sessions_is_sane(word)) {
		if (overdue && look->acts &&
		    fam_sessions_step(look->table, slot, word, 0))
			look->result |= FAM_LOOK_CHANGED;
		return;
	}
	switch (fam_sessions_phase(word)) {
	case FAM_SESSIONS_JOINING:
		if (overdue)
			declare(look, slot, word, FAM_SESSION_EXPIRED);
		break;
	case FAM_SESSIONS_DEAD:
		recover(look, slot);
		break;
	default:
		look_at_recovering(look, slot, word, overdue);
		break;
	}
}

static void leave_neighbour(struct fam_membership *m)
{
	if (m->neighbour.fd >= 0)
		close(m->neighbour.fd);
	m->neighbour = (struct fam_neighbour){.fd = -1};
}

void fam_session_meet(struct fam_membership *m)
{
	const struct fam_neighbour *who = &m->wanted;
	int fd;

	if (is_same(who, &m->neighbour))
		return;
	leave_neighbour(m);
	if (who->pid == 0 || who->pid > INT_MAX)
		return;
	m->neighbour = *who;
	/* Fails in an old kernel, or if it is gone. */
	fd = fam_fd_lift((int)syscall(SYS_pidfd_open, (pid_t)who->pid, 0));
	if (fd >= 0 && fam_owner_is_dead(who->pid, who->started)) {
		/* It is of who has that number now. */
		close(fd);
		fd = -1;
	}
	m->neighbour.fd = fd;
	/* It may have ended before it was met: a look finds that, at once. */
	if (fd < 0)
		m->look_due = 0;
}

void fam_session_bury(struct fam_membership *m)
{
	struct fam_neighbour gone = m->neighbour;

	leave_neighbour(m);
	for (unsigned int i = 0; i < FAM_SESSIONS_SLOTS; i++) {
		const struct fam_sessions_slot *s = &m->table->slot[i];
		uint64_t word = atomic_load_explicit(&m->table->word[i],
						     memory_order_acquire);

		if (fam_sessions_phase(word) == FAM_SESSIONS_LIVE &&
		    atomic_load(&s->node) == m->owner.node &&
		    atomic_load(&s->pid) == gone.pid &&
		    atomic_load(&s->started) == gone.started)
			fam_sessions_kill(m->table, i, word,
					  FAM_SESSION_EXITED);
	}
}

unsigned int fam_session_look(struct fam *fam, int64_t now)
{
	struct fam_membership *m = fam->sessions;
	uint64_t id = atomic_load_explicit(&m->id, memory_order_acquire);
	struct look look = {
		.fam = fam,
		.m = m,
		.table = m->table,
		.now = now,
		.gap = now - m->looked,
		.slot = fam_session_slot_of(id),
		.acts = id == 0 || fam_session_has(m, id),
		.shortest_ms = m->lease_ms,
		.next = FAM_SESSIONS_SLOTS,
		.neighbour.fd = -1,
	};
	uint64_t changes;
	bool changed;

	if (id && look.acts)
		look.own = fam_session_live_word(id);
	/* Before the slots: what changes meanwhile is for the next look. */
	changes =
		atomic_load_explicit(&m->table->changes, memory_order_acquire);
	changed = changes != m->changes;
	m->changes = changes;
	/* From the own one on: the neighbour is the first that is met. */
	for (unsigned int i = 0; i < FAM_SESSIONS_SLOTS; i++)
		look_at(&look, (look.slot + i) % FAM_SESSIONS_SLOTS);
	/* If it is nobody who is there, he has come and gone meanwhile. */
	if (changed && !(look.result & FAM_LOOK_MOVED))
		look.result |= FAM_LOOK_MOVED | FAM_LOOK_GONE;
	m->looked = now;
	m->shortest_ms = look.shortest_ms;
	m->deaf = look.deaf;
	m->wanted = look.neighbour;
	return look.result;
}
