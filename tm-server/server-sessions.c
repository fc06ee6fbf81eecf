// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
/*
 * The table of sessions among the server's other parts. Without one, as in raw
 * fabrics, nodes find out by themselves who has died.
 */
#include "server.h"
#include "util/log.h"

static void on_ready(struct slot *slot, void *arg)
{
	struct server *s = arg;

	if (s->roster)
		roster_add(s->roster, slot);
}

static void on_gone(struct slot *slot, void *arg)
{
	struct server *s = arg;

	if (s->roster)
		roster_remove(s->roster, slot);
}

void server_sessions_watch(struct server *s)
{
	s->config.peers.ready = on_ready;
	s->config.peers.gone = on_gone;
}

static void add_all(struct server *s)
{
	struct peer *peer;

	TAILQ_FOREACH(peer, &s->peers->list, link)
	if (peer->announced)
		roster_add(s->roster, peer->slot);
}

int server_sessions_open(struct server *s, uint64_t life, struct err *err)
{
	struct roster_config config = {
		.label = s->label,
		.fd = s->region.lock_fd,
		.size = s->region.size,
		.offset = s->region.sessions,
		.life = life,
		.vectors = s->config.vectors,
	};
	int ret;

	if (!s->region.sessions)
		return 0;
	ret = roster_open(&s->roster, &config, err);
	if (ret < 0)
		return ret;
	add_all(s);
	ret = roster_start(s->roster);
	return ret < 0 ? err_sys(err, -ret, "cannot start a thread") : 0;
}

bool server_sessions_stop(struct server *s)
{
	return !s->roster || roster_stop(s->roster);
}

void server_sessions_settle(struct server *s)
{
	if (s->roster)
		roster_settle(s->roster);
}

void server_sessions_go_on(struct server *s)
{
	int ret = s->roster ? roster_start(s->roster) : 0;

	if (ret < 0)
		log_error_errno(-ret,
				"fabric '%s': cannot tell sessions any more "
				"that others have died",
				s->label);
}

void server_sessions_close(struct server *s)
{
	roster_close(s->roster);
	s->roster = NULL;
}
