/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026, the FAM emulator authors */
#ifndef TESTS_FAKE_MAILBOX_H
#define TESTS_FAKE_MAILBOX_H

/* A server of a flush mailbox, in a thread. After <cmocka.h>. */

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "fam-persist.h"

#define FAKE_LOG 4096

struct fake {
	struct fam_mailbox *box;
	pthread_t thread;
	_Atomic bool ends;
	/* What it does. */
	_Atomic bool holds;	     /* takes requests, answers nothing */
	_Atomic bool beats;	     /* meanwhile */
	_Atomic unsigned int faults; /* so many requests are refused */
	/* What it saw. */
	_Atomic unsigned int taken; /* requests */
	_Atomic unsigned int bad;   /* with a wrong check word */
	struct fam_range log[FAKE_LOG];
	uint64_t seen[FAM_MAILBOX_SLOTS]; /* tail + 1 up to which it took */
	uint64_t owner[FAM_MAILBOX_SLOTS];
};

static inline bool fake_take(struct fake *fake, unsigned int i, uint64_t token,
			     uint64_t n)
{
	struct fam_mailbox_request *r =
		&fake->box->slot[i].ring[n % FAM_MAILBOX_RING];
	struct fam_range range = {atomic_load(&r->offset),
				  atomic_load(&r->length)};

	if (atomic_load(&r->check) !=
	    fam_mailbox_seal(token, n, range.offset, range.length)) {
		atomic_fetch_add(&fake->bad, 1);
		return false;
	}
	fake->log[atomic_load(&fake->taken) % FAKE_LOG] = range;
	atomic_fetch_add(&fake->taken, 1);
	return true;
}

static inline bool fake_refuses(struct fake *fake)
{
	if (atomic_load(&fake->faults) == 0)
		return false;
	atomic_fetch_sub(&fake->faults, 1);
	return true;
}

static inline void fake_slot(struct fake *fake, unsigned int i)
{
	struct fam_mailbox_slot *slot = &fake->box->slot[i];
	uint64_t token = atomic_load(&slot->owner);
	uint64_t count = fam_mailbox_count(atomic_load(&slot->tail), token);

	if (token == 0 || count == UINT64_MAX)
		return;
	if (fake->owner[i] != token) {
		fake->owner[i] = token;
		fake->seen[i] = 0;
	}
	/* Refused already: as long as it keeps the slot, that is the answer. */
	if (fam_mailbox_count(atomic_load(&slot->fault), token) != UINT64_MAX)
		return;
	if (count > fake->seen[i] && fake_refuses(fake)) {
		atomic_store(&slot->fault, token + EINVAL);
		return;
	}
	while (fake->seen[i] < count &&
	       fake_take(fake, i, token, fake->seen[i]))
		fake->seen[i]++;
	if (!atomic_load(&fake->holds) && fake->seen[i] > 0)
		atomic_store(&slot->done, token + fake->seen[i]);
}

static inline void *fake_run(void *arg)
{
	struct fake *fake = arg;

	while (!atomic_load(&fake->ends)) {
		for (unsigned int i = 0; i < FAM_MAILBOX_SLOTS; i++)
			fake_slot(fake, i);
		if (atomic_load(&fake->beats))
			atomic_fetch_add(&fake->box->beat, 1);
		sched_yield();
	}
	return NULL;
}

/* As a server does when it starts. */
static inline void fake_start(struct fake *fake)
{
	struct fam_mailbox *box = fake->box;
	static uint64_t lives;

	atomic_store(&box->epoch, 0);
	for (unsigned int i = 0; i < FAM_MAILBOX_SLOTS; i++) {
		atomic_store(&box->slot[i].owner, 0);
		atomic_store(&box->slot[i].tail, 0);
		atomic_store(&box->slot[i].done, 0);
		atomic_store(&box->slot[i].fault, 0);
	}
	memset(fake->seen, 0, sizeof(fake->seen));
	memset(fake->owner, 0, sizeof(fake->owner));
	if (box->magic == 0) {
		box->magic = FAM_MAILBOX_MAGIC;
		box->version = FAM_MAILBOX_VERSION;
		box->slots = FAM_MAILBOX_SLOTS;
		box->slot_bytes = FAM_MAILBOX_SLOT_BYTES;
		box->ring = FAM_MAILBOX_RING;
	}
	atomic_store(&box->epoch, UINT64_C(0x1234567800000000) + ++lives);
	atomic_store(&fake->ends, false);
	assert_int_equal(pthread_create(&fake->thread, NULL, fake_run, fake),
			 0);
}

/* kill -9; atomic_store(&box->epoch, 0) besides makes it a clean stop. */
static inline void fake_die(struct fake *fake)
{
	atomic_store(&fake->ends, true);
	assert_int_equal(pthread_join(fake->thread, NULL), 0);
}

static inline struct fam_mailbox *fake_box(void)
{
	void *box =
		mmap(NULL, sizeof(struct fam_mailbox), PROT_READ | PROT_WRITE,
		     MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	assert_ptr_not_equal(box, MAP_FAILED);
	return box;
}

#endif
