// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
/* The table of sessions, without clock and C library: see the header. */
#include <stdatomic.h>

#include <fam-sessions.h>
#include <fam/session.h>

#define relaxed memory_order_relaxed
#define acquire memory_order_acquire
#define release memory_order_release
#define acq_rel memory_order_acq_rel

bool fam_sessions_is_sane(uint64_t word)
{
	enum fam_sessions_phase phase = fam_sessions_phase(word);

	return fam_sessions_token(word) != 0 && phase >= FAM_SESSIONS_JOINING &&
	       phase <= FAM_SESSIONS_RECOVERING;
}

bool fam_sessions_step(struct fam_sessions *table, unsigned int slot,
		       uint64_t from, uint64_t to)
{
	if (!atomic_compare_exchange_strong_explicit(&table->word[slot], &from,
						     to, acq_rel, relaxed))
		return false;
	atomic_fetch_add_explicit(&table->changes, 1, release);
	return true;
}

int fam_sessions_claim(struct fam_sessions *table, uint64_t token)
{
	uint64_t word = fam_sessions_word(token, 0, FAM_SESSIONS_JOINING);

	/*
	 * Anywhere: what a slot tells of its last session stays longer than if
	 * the first ones were taken again and again.
	 */
	for (unsigned int i = 0; i < FAM_SESSIONS_SLOTS; i++) {
		unsigned int slot =
			(unsigned int)((token + i) % FAM_SESSIONS_SLOTS);

		if (atomic_load_explicit(&table->word[slot], relaxed) == 0 &&
		    fam_sessions_step(table, slot, 0, word))
			return (int)slot;
	}
	return -1;
}

bool fam_sessions_kill(struct fam_sessions *table, unsigned int slot,
		       uint64_t from, unsigned int reason)
{
	enum fam_sessions_phase phase = fam_sessions_phase(from);

	if (phase != FAM_SESSIONS_JOINING && phase != FAM_SESSIONS_LIVE)
		return false;
	return fam_sessions_step(table, slot, from,
				 fam_sessions_word(fam_sessions_token(from),
						   reason, FAM_SESSIONS_DEAD));
}

/* The session is 0 meanwhile: no reader takes one's reason for another's. */
static void note(struct fam_sessions_slot *slot, uint64_t id,
		 unsigned int reason)
{
	/* So noted already: it is never seen unsaid again. */
	if (atomic_load_explicit(&slot->ended, acquire) == id &&
	    atomic_load_explicit(&slot->ended_reason, relaxed) == reason)
		return;
	atomic_store_explicit(&slot->ended, 0, relaxed);
	atomic_store_explicit(&slot->ended_reason, reason, release);
	atomic_store_explicit(&slot->ended, id, release);
}

static unsigned int bounded_reason(unsigned int reason)
{
	return reason >= FAM_SESSION_LEFT && reason <= FAM_SESSION_UNKNOWN
		       ? reason
		       : FAM_SESSION_UNKNOWN;
}

unsigned int fam_sessions_reason(const struct fam_sessions *table,
				 unsigned int slot, uint64_t id)
{
	const struct fam_sessions_slot *s = &table->slot[slot];
	uint64_t word = atomic_load_explicit(&table->word[slot], acquire);
	unsigned int reason;

	if (fam_sessions_id(word, slot) == id &&
	    fam_sessions_phase(word) == FAM_SESSIONS_DEAD)
		return bounded_reason(fam_sessions_by(word));
	if (atomic_load_explicit(&s->ended, acquire) != id)
		return FAM_SESSION_UNKNOWN;
	reason = atomic_load_explicit(&s->ended_reason, acquire);
	if (atomic_load_explicit(&s->ended, acquire) != id)
		return FAM_SESSION_UNKNOWN;
	return bounded_reason(reason);
}

uint64_t fam_sessions_take(struct fam_sessions *table, unsigned int slot,
			   uint64_t dead, unsigned int by)
{
	uint64_t word = fam_sessions_word(fam_sessions_token(dead), by,
					  FAM_SESSIONS_RECOVERING);

	if (fam_sessions_phase(dead) != FAM_SESSIONS_DEAD ||
	    !fam_sessions_step(table, slot, dead, word))
		return 0;
	/* Should this one die, too, the next one finds the reason here. */
	note(&table->slot[slot], fam_sessions_id(dead, slot),
	     bounded_reason(fam_sessions_by(dead)));
	return word;
}

bool fam_sessions_untake(struct fam_sessions *table, unsigned int slot,
			 uint64_t from)
{
	uint64_t token = fam_sessions_token(from);
	unsigned int reason =
		fam_sessions_reason(table, slot, fam_sessions_id(from, slot));

	if (fam_sessions_phase(from) != FAM_SESSIONS_RECOVERING)
		return false;
	return fam_sessions_step(
		table, slot, from,
		fam_sessions_word(token, reason, FAM_SESSIONS_DEAD));
}

void fam_sessions_untake_all(struct fam_sessions *table, unsigned int by)
{
	for (unsigned int i = 0; i < FAM_SESSIONS_SLOTS; i++) {
		uint64_t word = atomic_load_explicit(&table->word[i], acquire);

		if (i != by && fam_sessions_by(word) == by &&
		    fam_sessions_phase(word) == FAM_SESSIONS_RECOVERING)
			fam_sessions_untake(table, i, word);
	}
}

bool fam_sessions_free(struct fam_sessions *table, unsigned int slot,
		       uint64_t from, unsigned int reason)
{
	/* What is not ours any more is described by others. */
	if (atomic_load_explicit(&table->word[slot], relaxed) != from)
		return false;
	note(&table->slot[slot], fam_sessions_id(from, slot), reason);
	return fam_sessions_step(table, slot, from, 0);
}

unsigned int fam_sessions_kill_peer(struct fam_sessions *table, uint32_t peer,
				    unsigned int reason)
{
	unsigned int count = 0;

	for (unsigned int i = 0; peer && i < FAM_SESSIONS_SLOTS; i++) {
		uint64_t word = atomic_load_explicit(&table->word[i], acquire);

		if (word != 0 &&
		    atomic_load_explicit(&table->slot[i].peer, relaxed) ==
			    peer &&
		    fam_sessions_kill(table, i, word, reason))
			count++;
	}
	return count;
}

static void read_text(const _Atomic uint64_t from[FAM_SESSIONS_NAME / 8],
		      char to[FAM_SESSIONS_NAME])
{
	bool ended = false;

	for (unsigned int i = 0; i < FAM_SESSIONS_NAME; i++) {
		uint64_t word = atomic_load_explicit(&from[i / 8], acquire);
		char c = (char)(word >> i % 8 * 8);

		ended = ended || c == '\0' || i == FAM_SESSIONS_NAME - 1;
		if (ended)
			to[i] = '\0';
		else
			to[i] = c >= ' ' && c <= '~' ? c : '?';
	}
}

void fam_sessions_write_text(_Atomic uint64_t to[FAM_SESSIONS_NAME / 8],
			     const char *text)
{
	bool ended = false;

	for (unsigned int w = 0; w < FAM_SESSIONS_NAME / 8; w++) {
		uint64_t word = 0;

		for (unsigned int b = 0; b < 8; b++) {
			ended = ended || *text == '\0' ||
				w * 8 + b == FAM_SESSIONS_NAME - 1;
			if (!ended)
				word |= (uint64_t)(unsigned char)*text++
					<< b * 8;
		}
		atomic_store_explicit(&to[w], word, release);
	}
}

uint32_t fam_sessions_lease(const struct fam_sessions_slot *slot)
{
	uint32_t ms = atomic_load_explicit(&slot->lease_ms, acquire);

	if (ms < FAM_SESSIONS_LEASE_MIN)
		return FAM_SESSIONS_LEASE_MIN;
	return ms < FAM_SESSIONS_LEASE_MAX ? ms : FAM_SESSIONS_LEASE_MAX;
}

bool fam_sessions_copy(const struct fam_sessions *table, unsigned int slot,
		       struct fam_sessions_copy *out)
{
	const struct fam_sessions_slot *s = &table->slot[slot];
	struct fam_sessions_copy copy = {
		.word = atomic_load_explicit(&table->word[slot], acquire),
		.lease_ms = fam_sessions_lease(s),
		.beat = atomic_load_explicit(&s->beat, acquire),
		.node = atomic_load_explicit(&s->node, acquire),
		.started = atomic_load_explicit(&s->started, acquire),
		.joined_ns = atomic_load_explicit(&s->joined_ns, acquire),
		.pid = atomic_load_explicit(&s->pid, acquire),
		.peer = atomic_load_explicit(&s->peer, acquire),
		.flags = atomic_load_explicit(&s->flags, acquire),
	};

	if (!fam_sessions_is_sane(copy.word))
		return false;
	if (copy.peer >= FAM_SESSIONS_IDS)
		copy.peer = 0;
	read_text(s->node_name, copy.node_name);
	read_text(s->name, copy.name);
	if (atomic_load_explicit(&table->word[slot], relaxed) != copy.word)
		return false;
	*out = copy;
	return true;
}

bool fam_sessions_is_present(const struct fam_sessions *table, uint32_t peer)
{
	return peer < FAM_SESSIONS_IDS &&
	       atomic_load_explicit(&table->present[peer / 64], acquire) >>
			       peer % 64 &
		       1;
}
