// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "peer-flow.h"
#include "peer.h"
#include "util/cleanup.h"
#include "util/log.h"

#define UNREAD_PARTS	64  /* of the limit one peer may hold */
#define UNREAD_BYTES	768 /* a message as the kernel counts it */
#define UNREAD_MESSAGES 277 /* so many fit into a socket anyway */

/*
 * A node that was restarted can be here before the end of its old connection
 * was looked at: its ID must not seem taken.
 */
static void drop_ended(struct peers *peers, const struct identity *who)
{
	struct slot *slot = slots_find(peers->slots, who);
	char byte;

	if (!slot || !slot->peer)
		return;
	if (recv(slot->peer->fd, &byte, 1, MSG_DONTWAIT | MSG_PEEK) == 0) {
		peer_log(slot->peer, LOG_LEVEL_INFO, "left");
		peer_drop(slot->peer);
	}
}

static int start_stream(struct peer *peer)
{
	struct slots *slots = peer->peers->slots;

	if (peer->dialect == IVSHMEM_HOST) {
		peer->present = malloc(sizeof(slots->present));
		if (!peer->present)
			return -ENOMEM;
		memcpy(peer->present, slots->present, sizeof(slots->present));
	}
	ivshmem_start(&peer->stream, &slots->world, peer->dialect,
		      peer->slot->id, peer->present);
	return 0;
}

static const char *attach_error(int code)
{
	switch (code) {
	case -EUSERS:
		return "all IDs are in use";
	case -EMFILE:
	case -ENFILE:
		return "no descriptors left for another ID";
	default:
		return strerror(-code);
	}
}

/* Gives the peer its ID. The peer may be gone afterwards. */
static void attach(struct peer *peer)
{
	static const char *const dialects[] = {"modern", "legacy", "host"};
	struct peers *peers = peer->peers;
	struct slot *slot;
	int ret;

	drop_ended(peers, &peer->identity);
	ret = slots_attach(peers->slots, &peer->identity, peer, &slot);
	if (ret == 0) {
		peer->slot = slot;
		ret = start_stream(peer);
	}
	if (ret < 0) {
		peers->refused++;
		peer_log(peer, LOG_LEVEL_WARN, "refused: %s",
			 attach_error(ret));
		peer_drop(peer);
		return;
	}
	peers->accepted++;
	peers->config.ids_changed(peers->config.arg);
	peer_log(peer, LOG_LEVEL_INFO, "attached, %s dialect",
		 dialects[peer->dialect]);
	loop_defer(peers->flush);
	peers_schedule_news(peers);
}

static void on_identity(const struct identity *identity, void *arg)
{
	struct peer *peer = arg;

	peer->job = NULL;
	peer->identity = *identity;
	attach(peer);
}

static bool allowed(const struct peers_config *config, uint32_t uid)
{
	for (size_t i = 0; i < config->allow_count; i++)
		if (config->allow[i] == uid)
			return true;
	return config->allow_count == 0;
}

/*
 * What a peer does not read stays under way, counted against this user's limit
 * of descriptors, until that peer ends: even dropping it changes nothing. So
 * none may hold more than a small part of the limit. Root has no such limit.
 */
static int unread_limit(void)
{
	struct rlimit limit;
	rlim_t messages;

	if (geteuid() == 0 || getrlimit(RLIMIT_NOFILE, &limit) < 0)
		return 0;
	messages = limit.rlim_cur / UNREAD_PARTS;
	if (messages >= UNREAD_MESSAGES)
		return 0;
	/* the kernel doubles it, and has a minimum of its own */
	return (int)messages * UNREAD_BYTES / 2;
}

/* Takes over @proto.fd on success. */
static int insert(struct peers *peers, const struct peer *proto,
		  struct peer **out)
{
	_cleanup_free_ struct peer *peer = malloc(sizeof(*peer));
	int ret;

	if (!peer)
		return -ENOMEM;
	*peer = *proto;
	peer->peers = peers;
	/* if it fails the peer may hold more: served all the same */
	if (peers->unread_limit)
		(void)setsockopt(peer->fd, SOL_SOCKET, SO_SNDBUF,
				 &peers->unread_limit, sizeof(int));
	ret = loop_add_fd(&peer->source, peers->loop, peer->fd, peer_on_event,
			  peer);
	if (ret < 0)
		return ret;
	TAILQ_INSERT_TAIL(&peers->list, peer, link);
	peers->count++;
	*out = take(peer);
	return 0;
}

static int admit(struct peers *peers, int fd, struct peer *proto)
{
	int ret = ident_socket(fd, &proto->identity);

	if (ret < 0)
		return ret;
	if (!allowed(&peers->config, proto->identity.uid))
		return -EACCES;
	if (peers->config.max && peers->count >= peers->config.max)
		return -EUSERS;
	return 0;
}

void peers_accept(struct peers *peers, int fd, enum ivshmem_dialect dialect)
{
	struct peer proto = {.fd = fd,
			     .dialect = dialect,
			     .joined = (int64_t)time(NULL),
			     .fresh = true,
			     .was_fresh = true,
			     .accepted_ms = loop_now_ms(),
			     .peers = peers};
	struct peer *peer;
	int ret = admit(peers, fd, &proto);

	if (ret == 0)
		ret = insert(peers, &proto, &peer);
	if (ret < 0) {
		peers->refused++;
		peer_log(&proto, LOG_LEVEL_WARN, "refused: %s",
			 ret == -EUSERS
				 ? "as many peers as allowed are attached"
				 : strerror(-ret));
		close(fd);
		return;
	}
	if (!ident_is_emulator(&peer->identity) ||
	    ident_start(&peer->job, peers->idents, &peer->identity, on_identity,
			peer) < 0)
		attach(peer);
}

int peers_adopt(struct peers *peers, const struct peer *proto)
{
	struct peer *peer;
	int ret = insert(peers, proto, &peer);

	if (ret < 0)
		return ret;
	slots_restore(peers->slots, peer->slot, peer, &peer->identity);
	peer_check_ready(peer);
	loop_defer(peers->flush);
	peers_schedule_news(peers);
	return 0;
}

static void settle(struct peer *peer)
{
	struct ident_job *job = peer->job;

	peer->job = NULL;
	ident_cancel(job);
	if (!peer->slot)
		attach(peer);
	else if (peer->dialect == IVSHMEM_HOST &&
		 ivshmem_backlog(&peer->stream, &peer->peers->slots->world))
		peer_drop_for(peer, "not up to date at a take-over");
}

void peers_settle(struct peers *peers)
{
	struct peer *peer, *next;

	/* twice: strangers first, what that makes news then */
	for (int pass = 0; pass < 2; pass++) {
		for (peer = TAILQ_FIRST(&peers->list); peer; peer = next) {
			next = TAILQ_NEXT(peer, link);
			if (pass || !peer->slot)
				settle(peer);
		}
	}
}

uint64_t peers_backlog(const struct peers *peers)
{
	const struct peer *peer;
	uint64_t n = 0;

	TAILQ_FOREACH(peer, &peers->list, link)
	n += peer->slot ? ivshmem_backlog(&peer->stream, &peers->slots->world)
			: 1;
	return n;
}

enum peer_state peer_state(const struct peer *peer)
{
	if (!peer->slot)
		return PEER_IDENT;
	return ivshmem_setup_done(&peer->stream) ? PEER_READY : PEER_SETUP;
}

int peers_new(struct peers **out, struct loop *loop, struct slots *slots,
	      const struct peers_config *config)
{
	struct peers *peers = calloc(1, sizeof(*peers));
	int ret;

	if (!peers)
		return -ENOMEM;
	peers->config = *config;
	peers->loop = loop;
	peers->slots = slots;
	peers->unread_limit = unread_limit();
	peers->sender.slots = slots;
	peers->sender.memory_fd = config->memory_fd;
	TAILQ_INIT(&peers->list);
	ret = peer_batch_new(&peers->sender.batch);
	if (ret == 0)
		ret = ident_pool_new(&peers->idents, loop);
	if (ret == 0)
		ret = peers_flow_start(peers);
	if (ret < 0) {
		peers_free(peers);
		return ret;
	}
	*out = peers;
	return 0;
}

void peers_free(struct peers *peers)
{
	if (!peers)
		return;
	while (!TAILQ_EMPTY(&peers->list))
		peer_drop(TAILQ_FIRST(&peers->list));
	ident_pool_free(peers->idents);
	peers_flow_stop(peers);
	peer_batch_free(peers->sender.batch);
	free(peers);
}
