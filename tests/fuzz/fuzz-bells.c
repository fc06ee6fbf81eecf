// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
/*
 * Two attachments ring each other by counters, in a table that somebody
 * scribbles over: that costs rings, or makes some, and nothing else; and as long
 * as nobody does, each ring arrives.
 */
#include <stdlib.h>
#include <string.h>

#include <fam/doorbell.h>

#include "attached.h"
#include "input.h"

#define STEPS_MAX 2000

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct world {
	struct input in;
	struct fam_sessions *table;
	struct fam fam[2];
	uint64_t rung[2][FAM_SESSIONS_BELLS]; /* and not taken */
	bool scribbled;
};

static void scribble(struct world *w)
{
	uint8_t what = take(&w->in);
	unsigned int slot = own_slot(&w->fam[what >> 7]);
	uint64_t value = take_word(&w->in);

	w->scribbled = true;
	if (what & 8)
		slot = (slot + value) % FAM_SESSIONS_SLOTS;
	switch (what & 7) {
	case 0:
		w->table->word[slot] = value;
		break;
	case 1:
		for (unsigned int i = 0; i < FAM_SESSIONS_SLOTS; i++)
			w->table->word[i] =
				fam_sessions_word(value, i, value & 7);
		break;
	case 2:
		w->table->slot[slot].peer = (uint32_t)value;
		break;
	case 3:
		w->table->slot[slot].flags = (uint32_t)value;
		break;
	case 4:
		w->table->present[value % 1024] = value;
		break;
	case 5:
		w->table->server = value;
		break;
	case 6:
		w->table->slot[slot].bell[value % FAM_SESSIONS_BELLS] = value;
		break;
	default:
		break;
	}
	/* What is in a list is read again, or it is not. */
	if (what & 16)
		w->table->changes = value;
}

static void ring(struct world *w, int from, uint8_t how)
{
	unsigned int vector = take(&w->in) % (FAM_SESSIONS_BELLS + 2);
	unsigned int peer = FAM_PEER_SOFT + own_slot(&w->fam[1 - from]);
	int r;

	if (how & 1)
		peer = (unsigned int)take_word(&w->in);
	else if (how & 2)
		peer = FAM_PEER_ALL;
	r = fam_doorbell_ring(&w->fam[from], peer, vector);
	if (r > 0)
		abort();
	if (w->scribbled || how & 1)
		/* whom that has rung is not known */
		w->scribbled = true;
	else if (r != (vector < FAM_SESSIONS_BELLS ? 0 : -ERANGE))
		abort();
	else if (r == 0)
		w->rung[1 - from][vector]++;
}

static void hear(struct world *w, int who, bool any)
{
	unsigned int vector = take(&w->in) % FAM_SESSIONS_BELLS;
	uint64_t count = 0;
	int r = any ? fam_doorbell_wait_any(&w->fam[who], 0, &vector, &count)
		    : fam_doorbell_wait(&w->fam[who], vector, 0, &count);

	if (r > 0 || (r == 0) != (count > 0) || vector >= FAM_SESSIONS_BELLS)
		abort();
	if (!w->scribbled && (r == 0 || !any) && count != w->rung[who][vector])
		abort();
	w->rung[who][vector] = 0;
}

static int visit(unsigned int peer, void *arg)
{
	unsigned int *last = arg;

	/* ascending, and nothing that cannot be one */
	if (peer <= *last || peer >= FAM_PEER_SOFT + FAM_SESSIONS_SLOTS)
		abort();
	*last = peer;
	return 0;
}

static void step(struct world *w)
{
	uint8_t what = take(&w->in);
	int who = what >> 7;
	struct fam *fam = &w->fam[who];
	unsigned int peer = 0;

	switch (what & 7) {
	case 0:
		scribble(w);
		break;
	case 1:
	case 2:
		ring(w, who, what >> 4);
		break;
	case 3:
	case 4:
		hear(w, who, what & 16);
		break;
	case 5:
		fam_peer_each(fam, visit, &peer);
		break;
	case 6:
		fam_peer_find(fam, what & 16 ? "65540" : "/fuzz", &peer);
		break;
	default:
		/* as the keeper does; there is nobody at a descriptor */
		if (what & 16)
			fam_doorbell_fd(fam, what >> 5 & 3);
		fam_bells_bridge(fam);
		break;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct world *w = calloc(1, sizeof(*w));

	w->in = (struct input){data, size};
	w->table = calloc(1, sizeof(*w->table));
	attach_to(&w->fam[0], w->table, 0);
	attach_to(&w->fam[1], w->table, 0);
	for (int i = 0; i < STEPS_MAX && w->in.size; i++)
		step(w);
	tear_down(&w->fam[0]);
	tear_down(&w->fam[1]);
	free(w->table);
	free(w);
	return 0;
}
