// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
/* Who can be rung. */
#include <errno.h>
#include <string.h>

#include <fam/session.h>

#include "fam-bells.h"
#include "fam-server.h"

/* --- what the server of a host's program tells ------------------------------ */

/* What is known first: it came first. */
static int next_event(struct fam_server *server, struct fam_peer_event *out)
{
	const struct fam_server_peer *peer = fam_server_next_change(server);
	int r = 0;

	if (!peer) {
		r = fam_server_hear(server);
		peer = fam_server_next_change(server);
	}
	if (!peer && r == 0)
		r = server->ended ? server->ended : -EAGAIN;
	if (!peer)
		return r;
	out->peer = peer->id;
	out->change = peer->told ? FAM_PEER_JOINED : FAM_PEER_LEFT;
	return 0;
}

int fam_peer_event(struct fam *fam, struct fam_peer_event *out)
{
	int r;

	if (!fam->server)
		return -EOPNOTSUPP;
	pthread_mutex_lock(&fam->server->lock);
	r = next_event(fam->server, out);
	pthread_mutex_unlock(&fam->server->lock);
	return r;
}

int fam_peer_fd(struct fam *fam)
{
	return fam->server ? fam->server->epoll : -EOPNOTSUPP;
}

/* --- all of them ------------------------------------------------------------ */

/*
 * Of those the server named: who is there, or was when it was asked last.
 * Return: 0; -EMFILE there are others whom it has no room to tell of
 */
static int list_told(struct fam_server *server, bool told, uint64_t *id)
{
	int r = 0;

	memset(id, 0, FAM_BELLS_IDS / 8);
	pthread_mutex_lock(&server->lock);
	if (!told)
		r = fam_server_hear(server);
	for (unsigned int i = 0; i < FAM_WIRE_IDS; i++) {
		const struct fam_server_peer *peer = fam_server_peer(server, i);

		if (peer && (told ? peer->told : peer->present))
			fam_bells_put(id, i);
	}
	pthread_mutex_unlock(&server->lock);
	return r;
}

/* Without a lock while visiting: the visitor may ring. */
static int visit_all(const struct fam_bells_set *set,
		     int (*visit)(unsigned int peer, void *arg), void *arg)
{
	int r = 0;

	for (unsigned int i = 0; i < FAM_BELLS_IDS && r == 0; i++) {
		if (fam_bells_has(set->id, i))
			r = visit(i, arg);
	}
	for (unsigned int i = 0; i < FAM_SESSIONS_SLOTS && r == 0; i++) {
		if (fam_bells_has(set->slot, i))
			r = visit(FAM_PEER_SOFT + i, arg);
	}
	return r;
}

int fam_peers_each(struct fam *fam, int (*visit)(unsigned int peer, void *arg),
		   void *arg)
{
	struct fam_bells_set set;
	int r, heard = 0;

	if (!fam->server && !fam_session_table(fam))
		return -EOPNOTSUPP;
	fam_bells_soft_others(fam, &set);
	if (fam->server)
		heard = list_told(fam->server, false, set.id);
	r = visit_all(&set, visit, arg);
	return r ? r : heard;
}

int fam_peer_each(struct fam *fam, int (*visit)(unsigned int peer, void *arg),
		  void *arg)
{
	struct fam_bells_set set = {0};

	if (!fam->server)
		return fam_peers_each(fam, visit, arg);
	/* Without a question to the server nothing fails. */
	(void)list_told(fam->server, true, set.id);
	return visit_all(&set, visit, arg);
}

/* --- one of them, by name --------------------------------------------------- */

struct search {
	const char *node, *program; /* NULL: any */
	size_t node_length;
	unsigned int count; /* peers found */
	uint32_t peer;	    /* the first of them */
	uint32_t self;	    /* a program of one's own, if nobody else; or 0 */
};

static bool fits(const struct search *search, const struct fam_session *session)
{
	if (search->node &&
	    (strlen(session->node) != search->node_length ||
	     strncmp(session->node, search->node, search->node_length) != 0))
		return false;
	return !search->program || strcmp(session->name, search->program) == 0;
}

static int search_one(const struct fam_session *session, void *arg)
{
	struct search *search = arg;

	if (session->state != FAM_SESSION_LIVE || !fits(search, session))
		return 0;
	if (session->flags & FAM_SESSION_SELF) {
		search->self = session->peer;
	} else if (search->count == 0 || session->peer != search->peer) {
		search->peer = session->peer;
		search->count++;
	}
	return 0;
}

static int find_name(struct fam *fam, const char *name, unsigned int *peer)
{
	const char *slash = strchr(name, '/');
	struct search search = {
		.node = slash == name ? NULL : name,
		.node_length = slash ? (size_t)(slash - name) : strlen(name),
		.program = slash ? slash + 1 : NULL,
	};
	int r = fam_session_each(fam, search_one, &search);

	if (r < 0)
		return r;
	if (search.count > 1)
		return -ENOTUNIQ;
	if (search.count == 0 && search.self == 0)
		return -ENOENT;
	*peer = search.count ? search.peer : search.self;
	return 0;
}

static int match_id(unsigned int peer, void *arg)
{
	return peer == *(const unsigned int *)arg;
}

static bool is_there(struct fam *fam, unsigned int id)
{
	if (id == FAM_PEER_SERVER || (int)id == fam_peer_self(fam))
		return true;
	/* Where nobody knows who is there, anybody may be. */
	if (!fam->server && !fam_session_table(fam))
		return id < FAM_BELLS_IDS;
	return fam_peers_each(fam, match_id, &id) > 0;
}

int fam_peer_find(struct fam *fam, const char *name, unsigned int *peer)
{
	size_t digits = strspn(name, "0123456789");
	unsigned long id;

	if (fam_doorbell_vectors(fam) < 0)
		return -EOPNOTSUPP;
	if (digits == 0 || name[digits])
		return find_name(fam, name, peer);
	errno = 0;
	id = strtoul(name, NULL, 10);
	if (digits > 8 || !is_there(fam, (unsigned int)id))
		return -ENOENT;
	*peer = (unsigned int)id;
	return 0;
}
