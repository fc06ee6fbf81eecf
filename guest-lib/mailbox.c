// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
/* The client's side of the mailbox; without a C library, see the header. */
#include <stdatomic.h>

#include <fam-mailbox.h>

#define relaxed memory_order_relaxed
#define acquire memory_order_acquire
#define release memory_order_release

/* The finaliser of MurmurHash3 mixes every bit into every other. */
static uint64_t mix(uint64_t x)
{
	x ^= x >> 33;
	x *= UINT64_C(0xff51afd7ed558ccd);
	x ^= x >> 33;
	x *= UINT64_C(0xc4ceb9fe1a85ec53);
	return x ^ x >> 33;
}

uint64_t fam_mailbox_seal(uint64_t token, uint64_t number, uint64_t offset,
			  uint64_t length)
{
	return mix(mix(mix(token + number) + offset) + length);
}

bool fam_mailbox_is_served(const struct fam_mailbox *box)
{
	/* The server writes the epoch last. */
	return atomic_load_explicit(&box->epoch, acquire) != 0 &&
	       box->magic == FAM_MAILBOX_MAGIC &&
	       box->version == FAM_MAILBOX_VERSION &&
	       box->slots == FAM_MAILBOX_SLOTS &&
	       box->slot_bytes == FAM_MAILBOX_SLOT_BYTES &&
	       box->ring == FAM_MAILBOX_RING;
}

int fam_mailbox_claim(struct fam_mailbox *box, uint64_t token)
{
	for (int i = 0; i < FAM_MAILBOX_SLOTS; i++) {
		struct fam_mailbox_slot *slot = &box->slot[i];
		uint64_t nobody = 0;

		if (atomic_load_explicit(&slot->owner, relaxed) == 0 &&
		    atomic_compare_exchange_strong(&slot->owner, &nobody,
						   token)) {
			atomic_store_explicit(&slot->tail, token, release);
			return i;
		}
	}
	return -1;
}

void fam_mailbox_kick(struct fam_mailbox *box, unsigned int slot,
		      uint64_t token, uint64_t posted)
{
	atomic_store_explicit(&box->slot[slot].tail, token + posted, release);
	atomic_fetch_or(&box->pending[slot / 64], UINT64_C(1) << slot % 64);
}

void fam_mailbox_post(struct fam_mailbox *box, unsigned int slot,
		      uint64_t token, uint64_t number,
		      const struct fam_range *range)
{
	struct fam_mailbox_request *r =
		&box->slot[slot].ring[number % FAM_MAILBOX_RING];

	atomic_store_explicit(&r->offset, range->offset, relaxed);
	atomic_store_explicit(&r->length, range->length, relaxed);
	atomic_store_explicit(
		&r->check,
		fam_mailbox_seal(token, number, range->offset, range->length),
		relaxed);
	fam_mailbox_kick(box, slot, token, number + 1);
}

enum fam_mailbox_view fam_mailbox_look(const struct fam_mailbox *box,
				       unsigned int slot, uint64_t token,
				       uint64_t epoch, uint64_t posted,
				       uint64_t *done)
{
	const struct fam_mailbox_slot *s = &box->slot[slot];
	uint64_t count = fam_mailbox_count(
		atomic_load_explicit(&s->done, acquire), token);

	/* What is done is done, whatever happened since. */
	if (count != UINT64_MAX)
		*done = count;
	if (count != UINT64_MAX && count >= posted)
		return FAM_MAILBOX_DONE;
	if (atomic_load_explicit(&box->failed, acquire) < 0)
		return FAM_MAILBOX_FAILED;
	if (atomic_load_explicit(&box->epoch, acquire) != epoch ||
	    atomic_load_explicit(&s->owner, acquire) != token)
		return FAM_MAILBOX_LOST;
	if (fam_mailbox_count(atomic_load_explicit(&s->fault, acquire),
			      token) != UINT64_MAX)
		return FAM_MAILBOX_FAULT;
	return FAM_MAILBOX_WAIT;
}

static void widen(struct fam_range *r, uint64_t grain, uint64_t limit)
{
	uint64_t end = r->offset + r->length;

	r->offset -= r->offset % grain;
	end += (grain - end % grain) % grain;
	r->length = (end < limit ? end : limit) - r->offset;
}

/* Few at a time, and most often in order: insertion sort. */
static void sort(struct fam_range *ranges, size_t count)
{
	for (size_t i = 1; i < count; i++) {
		struct fam_range r = ranges[i];
		size_t j = i;

		for (; j > 0 && ranges[j - 1].offset > r.offset; j--)
			ranges[j] = ranges[j - 1];
		ranges[j] = r;
	}
}

size_t fam_ranges_merge(struct fam_range *ranges, size_t count, uint64_t grain,
			uint64_t limit)
{
	size_t n = 0;

	for (size_t i = 0; i < count; i++) {
		if (ranges[i].length)
			ranges[n++] = ranges[i];
	}
	count = n;
	n = 0;
	for (size_t i = 0; i < count; i++)
		widen(&ranges[i], grain, limit);
	sort(ranges, count);
	for (size_t i = 0; i < count; i++) {
		struct fam_range *last = n ? &ranges[n - 1] : NULL;
		const struct fam_range *r = &ranges[i];
		uint64_t end = r->offset + r->length;

		if (!last || r->offset > last->offset + last->length)
			ranges[n++] = *r;
		else if (end > last->offset + last->length)
			last->length = end - last->offset;
	}
	return n;
}
