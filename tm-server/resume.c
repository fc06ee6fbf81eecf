// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "resume.h"
#include "util/log.h"

static int each(const int *fd, size_t n, int (*fn)(int fd, void *arg),
		void *arg)
{
	int ret = 0;

	for (size_t i = 0; ret == 0 && i < n; i++)
		if (fd[i] >= 0)
			ret = fn(fd[i], arg);
	return ret;
}

int resume_each_fd(const struct resume *r, int (*fn)(int fd, void *arg),
		   void *arg)
{
	const int fixed[] = {r->region.fd, r->region.lock_fd, r->lock_fd};
	int ret = each(fixed, 3, fn, arg);

	for (int i = 0; ret == 0 && i < RESUME_LISTENERS; i++)
		ret = each(&r->listener[i].fd, 1, fn, arg);
	for (size_t i = 0; ret == 0 && i < r->slots; i++)
		ret = each(r->slot[i].eventfd, r->vectors, fn, arg);
	for (size_t i = 0; ret == 0 && i < r->peers; i++)
		ret = each(&r->peer[i].fd, 1, fn, arg);
	return ret ? ret : each(r->waiter, r->waiters, fn, arg);
}

static int apply_ids(const struct resume *r, struct server *s)
{
	int ret = slots_new(&s->slots, r->vectors, r->next);
	struct slot *slot;

	for (size_t i = 0; ret == 0 && i < r->slots; i++) {
		ret = slots_adopt(s->slots, r->slot[i].id, r->slot[i].eventfd,
				  &slot);
		if (ret < 0)
			break;
		slot->owner = r->slot[i].owner;
		slot->left = r->slot[i].left;
	}
	for (size_t i = 0; ret == 0 && i < r->reserveds; i++)
		ret = slots_reserve(s->slots, r->reserved[i].id,
				    &r->reserved[i].owner);
	if (ret == 0) {
		s->slots->departures = r->departures;
		s->self = s->slots->by_id[IVSHMEM_SERVER_ID];
	}
	return ret;
}

static int apply_peer(const struct resume_peer *p, struct server *s)
{
	struct slot *slot = s->slots->by_id[p->id];
	struct peer proto = {
		.fd = p->fd,
		.slot = slot,
		.dialect = p->stream.dialect,
		.identity = slot->owner,
		.joined = p->joined,
		.stream = p->stream,
	};

	/* all it was told before: only what comes now is news */
	proto.stream.news = s->slots->world.news_count;
	return peers_adopt(s->peers, &proto);
}

static int apply_listeners(const struct resume *r, struct server *s,
			   struct err *err)
{
	for (int d = 0; d < IVSHMEM_DIALECTS; d++) {
		const struct listener *l = &r->listener[d];
		int ret;

		if (l->fd < 0)
			continue;
		ret = listen_inherit(&s->listener[d], l->fd, l->ours, err);
		if (ret < 0)
			return ret;
		s->listener[d].dev = l->dev;
		s->listener[d].ino = l->ino;
	}
	return 0;
}

static void apply_numbers(const struct resume *r, struct server *s)
{
	s->region = r->region;
	s->lock.fd = r->lock_fd;
	snprintf(s->lock.path, sizeof(s->lock.path), "%s.lock",
		 s->config.socket);
	s->started = r->started;
	s->earlier = r->earlier;
	s->saved_next = r->saved_next;
	for (unsigned int v = 0; v < IVSHMEM_VECTORS_MAX; v++)
		atomic_store(&s->rings[v], r->rings[v]);
	if (r->flush.error == -EIO)
		server_mark(s, -EIO, r->flush.failed_at);
	s->distrusts = r->distrusts;
	s->config.vectors = r->vectors; /* those of the nodes that run */
}

/* Without it the nodes still have each other: no reason to end. */
static void apply_flush(const struct resume *r, struct server *s)
{
	struct err err = {0};

	if (server_flush_open(s, &r->flush, r->flushed, r->flusheds, &err) < 0)
		log_error("fabric '%s': %s", s->label, err.text);
}

static void apply_sessions(const struct resume *r, struct server *s)
{
	struct err err = {0};

	if (server_sessions_open(s, r->life, &err) < 0)
		log_error("fabric '%s': %s", s->label, err.text);
	server_trim_open(s);
}

static int apply(const struct resume *r, struct server *s, struct err *err)
{
	int ret;

	apply_numbers(r, s);
	server_name(s);
	ret = apply_ids(r, s);
	if (ret < 0)
		return err_sys(err, -ret, "cannot take over the IDs");
	ret = server_serve(s, err);
	if (ret == 0) {
		apply_flush(r, s);
		s->peers->accepted = r->accepted;
		s->peers->refused = r->refused;
		s->peers->dropped = r->dropped;
		ret = apply_listeners(r, s, err);
	}
	for (size_t i = 0; ret == 0 && i < r->peers; i++) {
		ret = apply_peer(&r->peer[i], s);
		if (ret < 0)
			return err_sys(err, -ret, "cannot take over peer %u",
				       r->peer[i].id);
	}
	/* last: whoever is here is there already */
	apply_sessions(r, s);
	return ret < 0 ? ret : server_start(s, err);
}

int resume_apply(const struct resume *r, struct server **out, struct loop *loop,
		 const struct server_config *config, struct err *err)
{
	struct server *s = server_new(loop, config);
	int ret;

	if (!s)
		return err_sys(err, ENOMEM, "cannot set up the server");
	ret = apply(r, s, err);
	if (ret < 0) {
		server_close(s);
		return ret;
	}
	log_info("fabric '%s': taken over, %zu peers attached", s->label,
		 s->peers->count);
	*out = s;
	return 0;
}

int resume_apply_ctl(const struct resume *r, struct ctl *ctl,
		     struct server *server, struct err *err)
{
	const struct listener *l = &r->listener[RESUME_CONTROL];
	int ret;

	ctl->lives = r->lives + 1;
	ctl->listener.fd = -1;
	if (l->fd < 0)
		return 0;
	ret = listen_inherit(&ctl->listener, l->fd, l->ours, err);
	if (ret < 0)
		return ret;
	ctl->listener.dev = l->dev;
	ctl->listener.ino = l->ino;
	ret = ctl_start(ctl, server, err);
	for (size_t i = 0; ret == 0 && i < r->waiters; i++)
		ctl_adopt(ctl, r->waiter[i]);
	return ret;
}
