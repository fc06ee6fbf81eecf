// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
#include <errno.h>
#include <stdatomic.h>
#include <string.h>

#include "ivshmem.h"
#include "mailbox.h"

#define relaxed memory_order_relaxed
#define acquire memory_order_acquire
#define release memory_order_release

#define SLOT_WORDS (FAM_MAILBOX_SLOT_BYTES / sizeof(uint64_t))

/* Only what is not zero is written: a page nobody used stays clean. */
static void clear_slot(struct fam_mailbox_slot *slot)
{
	_Atomic uint64_t *word = (_Atomic uint64_t *)slot;

	for (size_t i = 0; i < SLOT_WORDS; i++)
		if (atomic_load_explicit(&word[i], relaxed))
			atomic_store_explicit(&word[i], 0, relaxed);
}

static bool header_is_whole(const struct fam_mailbox *box)
{
	return box->magic == FAM_MAILBOX_MAGIC &&
	       box->version == FAM_MAILBOX_VERSION &&
	       box->slots == FAM_MAILBOX_SLOTS &&
	       box->slot_bytes == FAM_MAILBOX_SLOT_BYTES &&
	       box->ring == FAM_MAILBOX_RING &&
	       box->peer == IVSHMEM_SERVER_ID && box->vector == 0 &&
	       box->flags == FAM_MAILBOX_CAN_RING;
}

static void write_header(struct fam_mailbox *box)
{
	if (header_is_whole(box))
		return;
	box->version = FAM_MAILBOX_VERSION;
	box->slots = FAM_MAILBOX_SLOTS;
	box->slot_bytes = FAM_MAILBOX_SLOT_BYTES;
	box->ring = FAM_MAILBOX_RING;
	box->peer = IVSHMEM_SERVER_ID;
	box->vector = 0;
	box->flags = FAM_MAILBOX_CAN_RING;
	box->magic = FAM_MAILBOX_MAGIC;
}

void mailbox_reset(struct mailbox *m, uint64_t epoch)
{
	struct fam_mailbox *box = m->box;

	mailbox_end(m);
	for (int i = 0; i < FAM_MAILBOX_SLOTS; i++)
		clear_slot(&box->slot[i]);
	for (size_t w = 0; w < sizeof(box->pending) / sizeof(uint64_t); w++)
		if (atomic_load_explicit(&box->pending[w], relaxed))
			atomic_store_explicit(&box->pending[w], 0, relaxed);
	write_header(box);
	memset(m->seat, 0, sizeof(m->seat));
	memset(m->due, 0, sizeof(m->due));
	m->next = 0;
	m->epoch = epoch;
	/* behind all of it: who sees the epoch sees free slots */
	atomic_store_explicit(&box->epoch, epoch, release);
}

void mailbox_end(struct mailbox *m)
{
	m->epoch = 0;
	if (atomic_load_explicit(&m->box->epoch, relaxed))
		atomic_store(&m->box->epoch, 0);
}

void mailbox_repair(struct mailbox *m)
{
	write_header(m->box);
	if (atomic_load_explicit(&m->box->epoch, relaxed) != m->epoch)
		atomic_store_explicit(&m->box->epoch, m->epoch, release);
}

bool mailbox_is_asked(const struct mailbox *m)
{
	for (unsigned int w = 0; w < FAM_MAILBOX_WORDS; w++)
		if (atomic_load_explicit(&m->box->pending[w], relaxed))
			return true;
	return false;
}

static void take_bits(struct mailbox *m)
{
	for (unsigned int w = 0; w < FAM_MAILBOX_WORDS; w++)
		if (atomic_load_explicit(&m->box->pending[w], relaxed))
			m->due[w] |= atomic_exchange(&m->box->pending[w], 0);
	/* of slots there are none of */
	m->due[FAM_MAILBOX_WORDS - 1] &=
		UINT64_MAX >> (64 - FAM_MAILBOX_SLOTS % 64);
}

/* The first due slot from @from on, round the table; -1: none */
static int next_due(const struct mailbox *m, unsigned int from)
{
	unsigned int w = from / 64;
	uint64_t bits = m->due[w] & UINT64_MAX << from % 64;

	/* once round, and what lies before @from in its word */
	for (unsigned int i = 0; i <= FAM_MAILBOX_WORDS; i++) {
		if (bits)
			return (int)(w * 64) + __builtin_ctzll(bits);
		w = (w + 1) % FAM_MAILBOX_WORDS;
		bits = m->due[w];
	}
	return -1;
}

/* Copies a request; 0, or the positive errno of what is wrong with it. */
static int read_request(const struct mailbox *m,
			const struct fam_mailbox_slot *slot, uint64_t token,
			uint32_t number, struct fam_range *out)
{
	const struct fam_mailbox_request *r =
		&slot->ring[number % FAM_MAILBOX_RING];
	uint64_t offset = atomic_load_explicit(&r->offset, relaxed);
	uint64_t length = atomic_load_explicit(&r->length, relaxed);

	if (atomic_load_explicit(&r->check, relaxed) !=
	    fam_mailbox_seal(token, number, offset, length))
		return EBADMSG;
	if (offset > m->limit || length > m->limit - offset)
		return EINVAL;
	*out = (struct fam_range){offset, length};
	return 0;
}

static void take_requests(struct mailbox *m, uint32_t slot, uint64_t count,
			  struct mailbox_pass *pass, struct mailbox_answer *a)
{
	const struct fam_mailbox_slot *s = &m->box->slot[slot];
	struct mailbox_seat *seat = &m->seat[slot];

	while (seat->taken < count && !a->fault) {
		struct fam_range *r = &pass->range[pass->ranges];

		a->fault = read_request(m, s, seat->owner, seat->taken, r);
		if (a->fault)
			break;
		/* one that asks only for an answer needs no disk */
		pass->ranges += r->length > 0;
		a->bytes += r->length;
		a->requests++;
		seat->taken++;
	}
	a->done = seat->taken;
	/* what lies there belongs to somebody else by now: no fault of his */
	if (a->fault && atomic_load_explicit(&s->owner, acquire) != seat->owner)
		a->fault = 0;
	seat->faulted = a->fault != 0;
}

/* A counter below what was taken is late or wrong: there is nothing new. */
static void look_at(struct mailbox *m, uint32_t slot, uint64_t now_ms,
		    struct mailbox_pass *pass)
{
	const struct fam_mailbox_slot *s = &m->box->slot[slot];
	struct mailbox_seat *seat = &m->seat[slot];
	uint64_t owner = atomic_load_explicit(&s->owner, acquire), count;
	struct mailbox_answer a = {.token = owner, .slot = slot};

	if (owner != seat->owner)
		*seat = (struct mailbox_seat){.owner = owner,
					      .active_ms = now_ms};
	if (!owner || seat->faulted)
		return;
	count = fam_mailbox_count(atomic_load_explicit(&s->tail, acquire),
				  owner);
	if (count == UINT64_MAX || count <= seat->taken)
		return;
	seat->active_ms = now_ms;
	a.peer = atomic_load_explicit(&s->peer, relaxed);
	if (a.peer >= IVSHMEM_IDS)
		a.peer = 0;
	if (count - seat->taken > FAM_MAILBOX_RING) {
		a.fault = EPROTO;
		a.done = seat->taken;
		seat->faulted = true;
	} else {
		take_requests(m, slot, count, pass, &a);
	}
	pass->requests += a.requests;
	pass->faults += a.fault != 0;
	pass->mute |= a.requests > 0 && a.peer == 0;
	if (a.requests || a.fault)
		pass->answer[pass->answers++] = a;
}

bool mailbox_collect(struct mailbox *m, uint64_t now_ms,
		     struct mailbox_pass *pass)
{
	int slot;

	pass->ranges = pass->answers = pass->requests = pass->faults = 0;
	pass->mute = false;
	take_bits(m);
	/* each look takes a bit, so there are as many at most as slots */
	while (pass->requests <= MAILBOX_PASS_MAX - FAM_MAILBOX_RING &&
	       (slot = next_due(m, m->next)) >= 0) {
		m->due[slot / 64] &= ~(UINT64_C(1) << slot % 64);
		m->next = (unsigned int)(slot + 1) % FAM_MAILBOX_SLOTS;
		look_at(m, (uint32_t)slot, now_ms, pass);
	}
	return pass->answers > 0;
}

void mailbox_publish(struct mailbox *m, const struct mailbox_pass *pass)
{
	for (size_t i = 0; i < pass->answers; i++) {
		const struct mailbox_answer *a = &pass->answer[i];

		if (a->requests)
			atomic_store_explicit(&m->box->slot[a->slot].done,
					      a->token + a->done, release);
	}
	mailbox_refuse(m, pass);
}

void mailbox_refuse(struct mailbox *m, const struct mailbox_pass *pass)
{
	for (size_t i = 0; pass->faults && i < pass->answers; i++) {
		const struct mailbox_answer *a = &pass->answer[i];

		if (a->fault)
			atomic_store_explicit(&m->box->slot[a->slot].fault,
					      a->token + (uint64_t)a->fault,
					      release);
	}
}

void mailbox_sweep(struct mailbox *m, uint64_t now_ms)
{
	for (int i = 0; i < FAM_MAILBOX_SLOTS; i++) {
		_Atomic uint64_t *word = &m->box->slot[i].owner;
		struct mailbox_seat *seat = &m->seat[i];
		uint64_t owner = atomic_load_explicit(word, relaxed);

		if (owner != seat->owner)
			*seat = (struct mailbox_seat){.owner = owner,
						      .active_ms = now_ms};
		else if (owner && now_ms - seat->active_ms >= MAILBOX_IDLE_MS)
			/* fails if it changed just now: somebody lives there */
			(void)atomic_compare_exchange_strong(word, &owner, 0);
	}
}

void mailbox_survey(const struct fam_mailbox *box, uint32_t *clients,
		    uint32_t *waiting)
{
	*clients = *waiting = 0;
	for (int i = 0; i < FAM_MAILBOX_SLOTS; i++) {
		const struct fam_mailbox_slot *s = &box->slot[i];
		uint64_t owner = atomic_load_explicit(&s->owner, relaxed);
		uint64_t tail, done, fault;

		if (!owner)
			continue;
		++*clients;
		fault = atomic_load_explicit(&s->fault, relaxed);
		if (fam_mailbox_count(fault, owner) != UINT64_MAX)
			continue; /* answered, if not as it wished */
		tail = fam_mailbox_count(
			atomic_load_explicit(&s->tail, relaxed), owner);
		done = fam_mailbox_count(
			atomic_load_explicit(&s->done, relaxed), owner);
		if (done == UINT64_MAX)
			done = 0;
		if (tail != UINT64_MAX && tail > done &&
		    tail - done <= FAM_MAILBOX_RING)
			*waiting += (uint32_t)(tail - done);
	}
}
