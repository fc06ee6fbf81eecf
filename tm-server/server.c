// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <fam-rings.h>

#include "server.h"
#include "state.h"
#include "util/cleanup.h"
#include "util/log.h"

#define ACCEPT_BATCH	  64
#define ACCEPT_PAUSE_MS	  100
#define COMPLAIN_EVERY_MS 1000
#define DRAIN_MS	  2000
#define DRAIN_LOOK_MS	  10
/* IDs are written down so many at a time, not one file per connection. */
#define STATE_STEP 64

static void save_state(struct server *s, uint32_t next)
{
	int ret = state_save(s->state_path, s->slots, next, &s->mark);

	if (ret < 0) {
		/* peers are served all the same; only a kill would tell */
		log_warn_errno(-ret, "cannot write '%s'", s->state_path);
		return;
	}
	s->saved_next = next;
	s->saved_changes = s->slots->owner_changes;
}

/* An ID is written down before anyone hears of it. */
static void on_ids_changed(void *arg)
{
	struct server *s = arg;
	uint32_t next = s->slots->next;

	if (next <= s->saved_next &&
	    s->saved_changes == s->slots->owner_changes)
		return;
	if (next > s->saved_next) {
		next = (next + STATE_STEP - 1) / STATE_STEP * STATE_STEP;
		if (next > IVSHMEM_IDS)
			next = IVSHMEM_IDS;
	} else {
		next = s->saved_next;
	}
	save_state(s, next);
}

void server_save(struct server *s)
{
	save_state(s, s->saved_next > s->slots->next ? s->saved_next
						     : s->slots->next);
}

static void complain(struct server *s, int errnum)
{
	uint64_t now = loop_now_ms();

	s->peers->refused++;
	if (s->complained_ms && now - s->complained_ms < COMPLAIN_EVERY_MS)
		return;
	s->complained_ms = now;
	log_error_errno(errnum, "fabric '%s': cannot accept peers", s->label);
}

static void pause_accepting(struct server *s, bool paused)
{
	for (int d = 0; d < IVSHMEM_DIALECTS; d++)
		if (s->accept[d] &&
		    loop_set_events(s->accept[d], paused ? 0 : EPOLLIN) < 0)
			log_error("fabric '%s': cannot change a listener",
				  s->label);
	if (paused)
		(void)loop_timer_set(s->resume, ACCEPT_PAUSE_MS); /* valid */
}

static void on_resume(struct loop_source *source, uint32_t events, void *arg)
{
	(void)source;
	(void)events;
	pause_accepting(arg, false);
}

/*
 * Out of descriptors: the one kept for this is used to take the connection and
 * close it, which its program sees; else the listener would stay ready and the
 * loop would spin. Without it there is only waiting.
 */
static void turn_away(struct server *s, int listen_fd, int errnum)
{
	int fd;

	complain(s, errnum);
	if (s->spare_fd >= 0) {
		close(s->spare_fd);
		fd = accept4(listen_fd, NULL, NULL, SOCK_CLOEXEC);
		if (fd >= 0)
			close(fd);
		s->spare_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
		if (fd >= 0 && s->spare_fd >= 0)
			return;
	} else {
		s->spare_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	}
	pause_accepting(s, true);
}

/* false: enough for now */
static bool accept_one(struct server *s, enum ivshmem_dialect dialect)
{
	int listen_fd = s->listener[dialect].fd;
	int fd = accept4(listen_fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

	if (fd >= 0 && (unsigned int)fd >= s->slots->fd_limit) {
		close(fd);
		complain(s, EMFILE);
		return true;
	}
	if (fd >= 0) {
		peers_accept(s->peers, fd, dialect);
		return true;
	}
	switch (errno) {
	case EAGAIN:
		return false;
	case EINTR:
	case ECONNABORTED:
		return true;
	case EMFILE:
	case ENFILE:
		turn_away(s, listen_fd, errno);
		return false;
	default:
		complain(s, errno);
		pause_accepting(s, true);
		return false;
	}
}

static void on_accept(struct loop_source *source, uint32_t events, void *arg)
{
	struct server *s = arg;
	enum ivshmem_dialect dialect = IVSHMEM_MODERN;

	(void)events;
	while (s->accept[dialect] != source)
		dialect++;
	for (int i = 0; i < ACCEPT_BATCH && accept_one(s, dialect); i++)
		;
}

static void on_ring(struct loop_source *source, uint32_t events, void *arg)
{
	struct server *s = arg;
	unsigned int v = 0;
	uint64_t count;

	(void)events;
	while (s->ring[v] != source)
		v++;
	if (fam_rings_take(s->self->eventfd[v], &count) < 0)
		return;
	atomic_fetch_add(&s->rings[v], count);
	log_debug("fabric '%s': vector %u was rung", s->label, v);
}

/* The first one is read by the flush service alone, if there is one. */
static int watch_rings(struct server *s)
{
	for (unsigned int v = s->flush != NULL; v < s->config.vectors; v++) {
		int ret = loop_add_fd(&s->ring[v], s->loop, s->self->eventfd[v],
				      on_ring, s);

		if (ret < 0)
			return ret;
	}
	return 0;
}

static void on_drain(struct loop_source *source, uint32_t events, void *arg)
{
	struct server *s = arg;

	(void)events;
	/* a write-back under way is waited for, and the loop goes on meanwhile
	 */
	if ((peers_backlog(s->peers) == 0 || loop_now_ms() >= s->drain_until) &&
	    server_trim_stop(s) && server_flush_stop(s))
		loop_quit(s->loop);
	else
		(void)loop_timer_set(source, DRAIN_LOOK_MS); /* valid timer */
}

struct server *server_new(struct loop *loop, const struct server_config *config)
{
	struct server *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	s->config = *config;
	s->loop = loop;
	s->region = (struct region)REGION_INIT;
	s->lock.fd = -1;
	for (int d = 0; d < IVSHMEM_DIALECTS; d++)
		s->listener[d].fd = -1;
	s->spare_fd = -1;
	s->started = (int64_t)time(NULL);
	snprintf(s->state_path, sizeof(s->state_path), "%s.state",
		 config->socket);
	return s;
}

/* As asked for, or as the fabric says, or as its file is called. */
void server_name(struct server *s)
{
	const char *name = s->config.label, *slash;
	size_t len;

	if (!*name)
		name = s->region.label;
	if (!*name) {
		slash = strrchr(s->region.path, '/');
		name = slash ? slash + 1 : s->region.path;
	}
	len = strlen(name);
	if (len > 4 && strcmp(name + len - 4, ".fam") == 0)
		len -= 4;
	if (len >= sizeof(s->label))
		len = sizeof(s->label) - 1;
	snprintf(s->label, sizeof(s->label), "%.*s", len ? (int)len : 4,
		 len ? name : "none");
	s->config.peers.label = s->label;
}

int server_serve(struct server *s, struct err *err)
{
	int ret;

	s->config.peers.memory_fd = s->region.fd;
	s->config.peers.ids_changed = on_ids_changed;
	s->config.peers.arg = s;
	server_sessions_watch(s);
	s->spare_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	ret = peers_new(&s->peers, s->loop, s->slots, &s->config.peers);
	if (ret == 0)
		ret = loop_add_timer(&s->resume, s->loop, on_resume, s);
	if (ret == 0)
		ret = loop_add_timer(&s->drain, s->loop, on_drain, s);
	return ret < 0 ? err_sys(err, -ret, "cannot set up the server") : 0;
}

static int open_ids(struct server *s, struct err *err)
{
	int ret = slots_new(&s->slots, s->config.vectors, 1);

	if (ret == 0)
		ret = slots_open_server(s->slots, &s->self);
	if (ret < 0)
		return err_sys(err, -ret, "cannot make the table of IDs");
	ret = state_load(s->state_path, s->slots, &s->mark, err);
	server_check_mark(s);
	s->earlier = ret == 0 && s->slots->next > 1;
	if (s->earlier)
		log_info("fabric '%s': goes on after an earlier server, at ID "
			 "%u",
			 s->label, s->slots->next);
	return ret;
}

static int open_listener(struct server *s, enum ivshmem_dialect d,
			 int inherited, struct err *err)
{
	struct listen_spec spec = {.path = s->config.paths[d],
				   .type = SOCK_STREAM,
				   .mode = s->config.mode,
				   .gid = s->config.gid};

	if (inherited >= 0)
		return listen_inherit(&s->listener[d], inherited, false, err);
	return *spec.path ? listen_open(&s->listener[d], &spec, err) : 0;
}

/* Memory and all that takes time first: a silent server freezes a QEMU. */
static int open_all(struct server *s, const int inherited[IVSHMEM_DIALECTS],
		    struct err *err)
{
	int ret = listen_lock(&s->lock, s->config.socket, err);

	if (ret == 0)
		ret = region_open(&s->region, &s->config.region, err);
	if (ret == 0) {
		server_name(s);
		ret = open_ids(s, err);
	}
	if (ret == 0)
		ret = server_serve(s, err);
	if (ret == 0)
		ret = server_flush_open(s, NULL, NULL, 0, err);
	if (ret == 0)
		ret = server_sessions_open(s, 0, err);
	if (ret == 0)
		server_trim_open(s);
	for (int d = 0; ret == 0 && d < IVSHMEM_DIALECTS; d++)
		ret = open_listener(s, d, inherited[d], err);
	if (ret == 0)
		ret = server_start(s, err);
	return ret;
}

int server_start(struct server *s, struct err *err)
{
	int watched = watch_rings(s);

	if (watched < 0)
		return err_sys(err, -watched, "cannot watch own vectors");
	for (int d = 0; d < IVSHMEM_DIALECTS; d++) {
		int ret =
			s->listener[d].fd < 0
				? 0
				: loop_add_fd(&s->accept[d], s->loop,
					      s->listener[d].fd, on_accept, s);

		if (ret < 0)
			return err_sys(err, -ret, "cannot watch a socket");
	}
	return 0;
}

int server_open(struct server **out, struct loop *loop,
		const struct server_config *config,
		const int inherited[IVSHMEM_DIALECTS], struct err *err)
{
	struct server *s = server_new(loop, config);
	int ret = s ? open_all(s, inherited, err)
		    : err_sys(err, ENOMEM, "cannot set up the server");

	if (ret < 0) {
		server_close(s);
		return ret;
	}
	*out = s;
	return 0;
}

int server_check(const struct server_config *config, struct err *err)
{
	struct listen_lock lock;
	int ret = listen_lock(&lock, config->socket, err);

	if (ret < 0)
		return ret;
	ret = region_check(&config->region, err);
	for (int d = 0; ret == 0 && d < IVSHMEM_DIALECTS; d++)
		if (config->paths[d][0])
			ret = listen_probe(config->paths[d], err);
	if (ret == 0 && config->control[0])
		ret = listen_probe(config->control, err);
	listen_unlock(&lock);
	return ret;
}

void server_drain(struct server *s)
{
	if (s->drain_until)
		return;
	log_info("fabric '%s': stops, %zu peers attached", s->label,
		 s->peers->count);
	s->drain_until = loop_now_ms() + DRAIN_MS;
	for (int d = 0; d < IVSHMEM_DIALECTS; d++) {
		loop_remove(s->accept[d]);
		s->accept[d] = NULL;
		listen_close(&s->listener[d]);
	}
	on_drain(s->drain, 0, s);
}

/*
 * Nodes that were attached live on with their IDs, and so may nodes of earlier
 * servers: what they have is kept for the next one. Else nothing is left.
 */
static void leave_state(struct server *s, size_t attached)
{
	if (!s->slots || s->lock.fd < 0 || !s->drain_until)
		return;
	if (attached || s->earlier || s->mark.failed) {
		save_state(s, s->slots->next);
		return;
	}
	if (unlink(s->state_path) < 0 && errno != ENOENT)
		log_warn_errno(errno, "cannot remove '%s'", s->state_path);
}

void server_close(struct server *s)
{
	size_t attached;

	if (!s)
		return;
	attached = s->peers ? s->peers->count : 0;
	for (int d = 0; d < IVSHMEM_DIALECTS; d++) {
		loop_remove(s->accept[d]);
		listen_close(&s->listener[d]);
	}
	for (unsigned int v = 0; v < IVSHMEM_VECTORS_MAX; v++)
		loop_remove(s->ring[v]);
	server_trim_close(s);
	server_flush_close(s);
	server_sessions_close(s);
	leave_state(s, attached);
	loop_remove(s->resume);
	loop_remove(s->drain);
	peers_free(s->peers);
	slots_free(s->slots);
	region_close(&s->region);
	listen_unlock(&s->lock);
	if (s->spare_fd >= 0)
		close(s->spare_fd);
	free(s);
}
