// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
/*
 * What is known of the peers, and which of their changes are still to be told.
 */
#include <sys/eventfd.h>

#include "fam-server.h"

struct fam_server_peer *fam_server_peer(const struct fam_server *s,
					unsigned int id)
{
	const struct fam_server_page *page =
		id < FAM_WIRE_IDS ? s->page[id / FAM_SERVER_PAGE] : NULL;

	return page ? page->peer[id % FAM_SERVER_PAGE] : NULL;
}

struct fam_server_peer *fam_server_peer_make(struct fam_server *s, uint16_t id)
{
	struct fam_server_page **page = &s->page[id / FAM_SERVER_PAGE];
	struct fam_server_peer **peer;

	if (!*page)
		*page = calloc(1, sizeof(**page));
	if (!*page)
		return NULL;
	peer = &(*page)->peer[id % FAM_SERVER_PAGE];
	if (!*peer)
		*peer = calloc(1, sizeof(**peer) + s->vectors * sizeof(int));
	if (*peer)
		(*peer)->id = id;
	return *peer;
}

static void free_peer(struct fam_server_peer *peer)
{
	for (unsigned int i = 0; peer && i < peer->doorbells; i++)
		close(peer->fd[i]);
	free(peer);
}

static void free_page(struct fam_server_page *page)
{
	for (unsigned int i = 0; page && i < FAM_SERVER_PAGE; i++)
		free_peer(page->peer[i]);
	free(page);
}

void fam_server_peers_free(struct fam_server *s)
{
	for (unsigned int i = 0; i < FAM_WIRE_IDS / FAM_SERVER_PAGE; i++)
		free_page(s->page[i]);
}

static void append(struct fam_server *s, struct fam_server_peer *peer)
{
	peer->next = NULL;
	if (s->first)
		s->last->next = peer;
	else
		s->first = peer;
	s->last = peer;
}

/* Makes the notice agree with the queue. */
static void note(struct fam_server *s)
{
	eventfd_t one;
	int r = 0;

	/* Cannot fail: the counter is 0 before the write, 1 before the read. */
	if (s->first && !s->noticed)
		r = eventfd_write(s->notice, 1);
	else if (!s->first && s->noticed)
		r = eventfd_read(s->notice, &one);
	if (r == 0)
		s->noticed = s->first;
}

/*
 * A program that does not ask is spared the history: of "left, joined, left"
 * the last word remains. "Left, joined" stays, because it is another peer.
 */
void fam_server_peer_changed(struct fam_server *s, struct fam_server_peer *peer)
{
	if (peer->pending == 2) {
		peer->pending--;
		return;
	}
	if (peer->pending++ == 0)
		append(s, peer);
	note(s);
}

const struct fam_server_peer *fam_server_next_change(struct fam_server *s)
{
	struct fam_server_peer *peer = s->first;

	if (!peer)
		return NULL;
	s->first = peer->next;
	peer->told = !peer->told;
	if (--peer->pending)
		append(s, peer);
	note(s);
	return peer;
}
