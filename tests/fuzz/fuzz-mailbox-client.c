// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
/*
 * The client of the flush mailbox beside a server that ends and begins anew and
 * others who write nonsense all over it: a request may be answered wrongly, or
 * not at all, but never with success before a server has taken that very one.
 */
#include <stdlib.h>
#include <string.h>

#include "fam-persist.h"
#include "input.h"

#define TICKETS_MAX 4096

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct world {
	struct input in;
	struct fam_mailbox *box;
	struct fam_bell bell;
	struct fam_client client;
	uint64_t epoch;
	uint64_t offset; /* of the next request; each has its own */
	/* Of tickets of this client: */
	uint64_t asked[TICKETS_MAX];
	bool owed[TICKETS_MAX]; /* without a final answer so far */
	bool *durable;		/* by offset */
};

/* The others' callers know better. */
static void check(struct world *w, uint64_t ticket)
{
	for (uint64_t t = 1; t <= ticket; t++) {
		if (w->owed[t] && !w->durable[w->asked[t]])
			abort();
	}
}

static void client_wait(struct world *w, uint64_t ticket)
{
	int64_t now = fam_now_ns();
	struct fam_ask ask = {.began = now, .until = now, .ticket = ticket};
	int r = fam_client_wait(&w->client, &ask);

	if (r > 0)
		abort();
	if (r == 0)
		check(w, ticket == FAM_TICKET_ALL ? w->client.tickets.posted
						  : ticket);
}

static void client_post(struct world *w, bool async)
{
	int64_t now = fam_now_ns();
	struct fam_ask ask = {
		.range = {w->offset, 1},
		.async = async,
		.began = now,
		.until = now,
	};
	int r = fam_client_post(&w->client, &ask);

	if (r > 0 || (r == 0 && ask.ticket != w->client.tickets.posted))
		abort();
	if (r < 0)
		return;
	w->asked[ask.ticket] = w->offset++;
	w->owed[ask.ticket] = true;
	if (async)
		return;
	r = fam_client_wait(&w->client, &ask);
	w->owed[ask.ticket] = r == -ETIMEDOUT || r == -ENOTCONN ||
			      r == -EPROTO || r == -EUSERS;
	/* Not the earlier ones: fam_persist() speaks for its own range. */
	if (r == 0 && !w->durable[w->asked[ask.ticket]])
		abort();
}

static void client_anew(struct world *w)
{
	fam_client_destroy(&w->client);
	memset(&w->client, 0, sizeof(w->client));
	fam_client_init(&w->client, w->box, &w->bell);
}

/* An honest pass over one slot: takes what is sealed, answers for that. */
static void serve_slot(struct world *w, struct fam_mailbox_slot *slot)
{
	uint64_t token = slot->owner;
	uint64_t count = fam_mailbox_count(slot->tail, token);
	uint64_t done = fam_mailbox_count(slot->done, token);

	if (token == 0 || count == UINT64_MAX)
		return;
	if (done > count || count - done > FAM_MAILBOX_RING)
		done = count > FAM_MAILBOX_RING ? count - FAM_MAILBOX_RING : 0;
	for (; done < count; done++) {
		struct fam_mailbox_request *r =
			&slot->ring[done % FAM_MAILBOX_RING];

		if (r->check !=
		    fam_mailbox_seal(token, done, r->offset, r->length)) {
			slot->fault = token + EINVAL;
			return;
		}
		w->durable[r->offset % TICKETS_MAX] = true;
	}
	slot->done = token + done;
}

static void serve(struct world *w)
{
	for (unsigned int i = 0; i < FAM_MAILBOX_SLOTS; i++) {
		if (w->box->slot[i].owner)
			serve_slot(w, &w->box->slot[i]);
	}
}

static void start_server(struct world *w)
{
	struct fam_mailbox *box = w->box;

	box->epoch = 0;
	for (unsigned int i = 0; i < FAM_MAILBOX_SLOTS; i++)
		memset((void *)&box->slot[i], 0, 128);
	box->magic = FAM_MAILBOX_MAGIC;
	box->version = FAM_MAILBOX_VERSION;
	box->slots = FAM_MAILBOX_SLOTS;
	box->slot_bytes = FAM_MAILBOX_SLOT_BYTES;
	box->ring = FAM_MAILBOX_RING;
	box->epoch = ++w->epoch;
}

static struct fam_mailbox_slot *own_slot(struct world *w)
{
	return &w->box->slot[w->client.slot < 0 ? 0 : w->client.slot];
}

/* A word of the header, of the client's slot, or of any other. */
static void scribble(struct world *w)
{
	uint8_t what = take(&w->in), where = take(&w->in);
	uint64_t value = take_word(&w->in);
	char *base = (char *)w->box;

	if (what % 3 == 1)
		base = (char *)own_slot(w);
	else if (what % 3 == 2)
		base = (char *)&w->box->slot[value % FAM_MAILBOX_SLOTS];
	memcpy(base + where % 128 * 8, &value, sizeof(value));
}

/* All slots are others', living or not. */
static void crowd(struct world *w)
{
	uint64_t value = take_word(&w->in);

	for (unsigned int i = 0; i < FAM_MAILBOX_SLOTS; i++) {
		w->box->slot[i].owner = value | 1;
		w->box->slot[i].node = value & 2 ? w->client.owner.node : 7;
		w->box->slot[i].pid = (uint32_t)value;
	}
}

static void step(struct world *w)
{
	switch (take(&w->in) % 16) {
	case 0:
	case 1:
		client_post(w, true);
		break;
	case 2:
	case 3:
		client_post(w, false);
		break;
	case 4:
		client_wait(w, FAM_TICKET_ALL);
		break;
	case 5:
		client_wait(w, take(&w->in));
		break;
	case 6:
	case 7:
	case 8:
		serve(w);
		break;
	case 9:
		start_server(w);
		break;
	case 10:
		w->box->epoch = 0;
		break;
	case 11:
		w->box->failed = (int8_t)take(&w->in);
		break;
	case 12:
		own_slot(w)->fault = own_slot(w)->owner + EINVAL;
		break;
	case 13:
		client_anew(w);
		break;
	case 14:
		if (take(&w->in) == 0)
			crowd(w);
		break;
	default:
		scribble(w);
		break;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct world *w = calloc(1, sizeof(*w));

	w->in = (struct input){data, size};
	w->box = calloc(1, sizeof(*w->box));
	w->durable = calloc(TICKETS_MAX, sizeof(*w->durable));
	fam_client_init(&w->client, w->box, &w->bell);
	start_server(w);
	while (w->in.size && w->offset < TICKETS_MAX - 1)
		step(w);
	fam_client_destroy(&w->client);
	free(w->durable);
	free(w->box);
	free(w);
	return 0;
}
