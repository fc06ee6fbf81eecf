// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <linux/sockios.h>
#include <unistd.h>

#include "peer-flow.h"

#define RETRY_MS 10
/*
 * A QEMU stands still during its set-up, nobody waits for news: these go out
 * when no more peers come, together, but soon.
 */
#define NEWS_IDLE_MS 2
#define NEWS_MAX_MS  100
#define FRESH_MS     1000
#define TICK_MS	     1000
/* While the kernel refuses descriptors, who reads nothing goes sooner. */
#define PRESSURE_STALL_MS 5000

void peer_log(const struct peer *peer, enum log_level level, const char *fmt,
	      ...)
{
	const struct identity *who = &peer->identity;
	char text[256], id[16] = "new";
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (peer->slot)
		snprintf(id, sizeof(id), "%u", peer->slot->id);
	log_line(level, "fabric '%s': peer %s ('%s', pid %u, uid %u): %s",
		 peer->peers->config.label, id, who->name, who->pid, who->uid,
		 text);
}

void peers_schedule_news(struct peers *peers)
{
	uint64_t now = loop_now_ms(), wait = NEWS_IDLE_MS;

	if (!peers->news_ms)
		peers->news_ms = now;
	if (now + wait > peers->news_ms + NEWS_MAX_MS)
		wait = peers->news_ms + NEWS_MAX_MS > now
			       ? peers->news_ms + NEWS_MAX_MS - now
			       : 1;
	/* a valid timer cannot fail to be set */
	(void)loop_timer_set(peers->news, (unsigned int)wait);
}

void peer_drop(struct peer *peer)
{
	struct peers *peers = peer->peers;

	ident_cancel(peer->job);
	loop_remove(peer->source);
	close(peer->fd);
	if (peer->slot) {
		slots_detach(peers->slots, peer->slot);
		if (peers->config.gone)
			peers->config.gone(peer->slot, peers->config.arg);
		peers_schedule_news(peers);
	}
	TAILQ_REMOVE(&peers->list, peer, link);
	peers->count--;
	free(peer->present);
	free(peer);
}

void peer_drop_for(struct peer *peer, const char *why)
{
	peer_log(peer, LOG_LEVEL_WARN, "dropped: %s", why);
	peer->peers->dropped++;
	peer_drop(peer);
}

/* Set again and again it would never fire. */
static void arm_tick(struct peers *peers)
{
	if (peers->ticking)
		return;
	peers->ticking = true;
	/* a valid timer cannot fail to be set */
	(void)loop_timer_set(peers->tick, TICK_MS);
}

/* The stream has come to its set-up's end: what only that needed goes. */
void peer_check_ready(struct peer *peer)
{
	const struct peers_config *config = &peer->peers->config;

	if (!ivshmem_setup_done(&peer->stream) || peer->announced)
		return;
	peer->announced = true;
	if (config->ready)
		config->ready(peer->slot, config->arg);
	free(peer->present);
	peer->present = NULL;
	peer->stream.present = NULL;
}

static bool has_message(const struct peer *peer)
{
	const struct ivshmem_world *world = &peer->peers->slots->world;
	struct ivshmem_message message;

	return peer->slot && (ivshmem_peek(&peer->stream, world, &message) ||
			      ivshmem_lost(&peer->stream, world));
}

static bool is_waiting(const struct peer *peer)
{
	return peer->blocked || peer->starved;
}

/* What sending came to: 0 all sent, -EAGAIN and others as from the kernel. */
static void after_send(struct peer *peer, int ret)
{
	struct peers *peers = peer->peers;
	bool was_waiting = is_waiting(peer);

	peer->blocked = ret == -EAGAIN;
	peer->starved =
		ret == -ETOOMANYREFS || ret == -ENOBUFS || ret == -ENOMEM;
	if (peer->starved) {
		(void)loop_timer_set(peers->retry, RETRY_MS); /* as above */
		if (!peers->pressure_ms) {
			peers->pressure_ms = loop_now_ms();
			peer_log(peer, LOG_LEVEL_WARN, "must wait: %s",
				 strerror(-ret));
		}
	}
	if (!was_waiting && (peer->blocked || peer->starved)) {
		peer->unread = 0;
		peer->unread_ms = loop_now_ms();
		arm_tick(peers);
	}
}

/* Sends what there is to send. The peer may be gone afterwards. */
static void pump(struct peer *peer, bool news)
{
	struct peers *peers = peer->peers;
	uint64_t sent = peer->stream.sent;
	int ret;

	if (ivshmem_lost(&peer->stream, &peers->slots->world)) {
		peer_drop_for(peer, "too far behind with its notices");
		return;
	}
	ret = peer_send(&peers->sender, peer->fd, &peer->stream, news);
	peer_check_ready(peer);
	if (!news && ivshmem_setup_done(&peer->stream) && has_message(peer))
		peers_schedule_news(peers);
	after_send(peer, ret);
	if (peer->stream.sent != sent && (peer->blocked || peer->starved))
		peer->unread_ms = loop_now_ms();
	if (ret < 0 && !peer->blocked && !peer->starved) {
		if (ret == -EPIPE || ret == -ECONNRESET)
			peer_log(peer, LOG_LEVEL_INFO, "left");
		else
			peer_log(peer, LOG_LEVEL_WARN, "dropped: %s",
				 strerror(-ret));
		peer_drop(peer);
		return;
	}
	ret = loop_set_events(peer->source,
			      EPOLLIN | (peer->blocked ? EPOLLOUT : 0));
	if (ret < 0)
		peer_drop_for(peer, strerror(-ret));
}

/* Set-ups begin, or go on, at the end of a round. */
static void on_flush(struct loop_source *source, uint32_t events, void *arg)
{
	struct peers *peers = arg;
	struct peer *peer, *next;

	(void)source;
	(void)events;
	for (peer = TAILQ_FIRST(&peers->list); peer; peer = next) {
		next = TAILQ_NEXT(peer, link);
		if (!ivshmem_setup_done(&peer->stream) && !is_waiting(peer) &&
		    has_message(peer))
			pump(peer, false);
	}
}

static int unread_bytes(const struct peer *peer)
{
	int unread = 0;

	return ioctl(peer->fd, SIOCOUTQ, &unread) < 0 ? 0 : unread;
}

/* May it be reading its set-up just now? It has a second for it. */
static bool is_fresh(struct peer *peer)
{
	if (peer->fresh && peer->slot && ivshmem_near_end(&peer->stream) &&
	    unread_bytes(peer) == 0)
		peer->fresh = false;
	if (loop_now_ms() - peer->accepted_ms > FRESH_MS)
		peer->fresh = false;
	return peer->fresh;
}

/* Newest first: before one that has read all, all have. */
static bool setup_under_way(const struct peers *peers)
{
	struct peer *peer = TAILQ_LAST(&peers->list, peer_list);

	while (peer && peer->was_fresh && !is_fresh(peer)) {
		peer->was_fresh = false;
		peer = TAILQ_PREV(peer, peer_list, link);
	}
	return peer && peer->fresh;
}

/* All joins and leaves of some time go out together. */
static void on_news(struct loop_source *source, uint32_t events, void *arg)
{
	struct peers *peers = arg;
	struct ivshmem_world *world = &peers->slots->world;
	uint64_t count = world->news_count;
	struct peer *peer, *next;

	(void)source;
	(void)events;
	if (loop_now_ms() < peers->news_ms + NEWS_MAX_MS &&
	    setup_under_way(peers)) {
		peers_schedule_news(peers);
		return;
	}
	peers->news_ms = 0;
	for (peer = TAILQ_FIRST(&peers->list); peer; peer = next) {
		next = TAILQ_NEXT(peer, link);
		if (ivshmem_lost(&peer->stream, world) ||
		    (ivshmem_setup_done(&peer->stream) && !is_waiting(peer) &&
		     has_message(peer)))
			pump(peer, true);
	}
	world->told = count;
	loop_defer(peers->flush);
}

static void on_retry(struct loop_source *source, uint32_t events, void *arg)
{
	struct peers *peers = arg;
	struct peer *peer, *next;
	bool starved = false;

	(void)source;
	(void)events;
	for (peer = TAILQ_FIRST(&peers->list); peer; peer = next) {
		next = TAILQ_NEXT(peer, link);
		if (peer->starved)
			pump(peer, true);
	}
	TAILQ_FOREACH(peer, &peers->list, link)
	starved |= peer->starved;
	if (!starved)
		peers->pressure_ms = 0;
}

/* Reads nothing: since when? The kernel tells what lies in its socket. */
static uint64_t idle_ms(struct peer *peer, uint64_t now)
{
	int unread = unread_bytes(peer);

	if (unread == 0 || unread < peer->unread)
		peer->unread_ms = now;
	if (unread > peer->unread && peer->unread == 0)
		peer->unread_ms = now;
	peer->unread = unread;
	return now - peer->unread_ms;
}

static void on_tick(struct loop_source *source, uint32_t events, void *arg)
{
	struct peers *peers = arg;
	uint64_t now = loop_now_ms();
	struct peer *peer, *next;
	bool again = peers->pressure_ms != 0;

	(void)source;
	(void)events;
	peers->ticking = false;
	for (peer = TAILQ_FIRST(&peers->list); peer; peer = next) {
		uint64_t idle = idle_ms(peer, now);

		next = TAILQ_NEXT(peer, link);
		again |= peer->blocked || peer->starved;
		if ((peer->blocked && peers->config.stall_ms &&
		     idle >= peers->config.stall_ms) ||
		    (peers->pressure_ms && peer->unread &&
		     idle >= PRESSURE_STALL_MS))
			peer_drop_for(peer, "it does not read");
	}
	if (again)
		arm_tick(peers);
}

/* Peers only listen: what arrives is an end, or something else is connected. */
static void on_readable(struct peer *peer)
{
	char byte;
	ssize_t n = recv(peer->fd, &byte, 1, MSG_DONTWAIT);

	if (n > 0) {
		peer_drop_for(peer, "it sent data");
	} else if (n == 0 || (errno != EAGAIN && errno != EINTR)) {
		peer_log(peer, LOG_LEVEL_INFO, "left");
		peer_drop(peer);
	}
}

void peer_on_event(struct loop_source *source, uint32_t events, void *arg)
{
	struct peer *peer = arg;

	(void)source;
	if (events & (EPOLLIN | EPOLLHUP | EPOLLERR))
		on_readable(peer);
	else if (events & EPOLLOUT)
		pump(peer, ivshmem_setup_done(&peer->stream));
}

int peers_flow_start(struct peers *peers)
{
	struct loop *loop = peers->loop;
	int ret = loop_add_deferred(&peers->flush, loop, on_flush, peers);

	if (ret == 0)
		ret = loop_add_timer(&peers->news, loop, on_news, peers);
	if (ret == 0)
		ret = loop_add_timer(&peers->retry, loop, on_retry, peers);
	if (ret == 0)
		ret = loop_add_timer(&peers->tick, loop, on_tick, peers);
	return ret;
}

void peers_flow_stop(struct peers *peers)
{
	loop_remove(peers->flush);
	loop_remove(peers->news);
	loop_remove(peers->retry);
	loop_remove(peers->tick);
}
