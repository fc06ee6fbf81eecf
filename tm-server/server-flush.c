// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
/*
 * The flush service among the server's other parts. Its thread touches nothing
 * of them: what it has to say comes through a timer of the loop.
 */
#include <errno.h>
#include <string.h>

#include "server.h"
#include "util/log.h"

/* Any time that is not 0 would do. */
#define AT_ONCE_MS 1

void server_mark(struct server *s, int failed, int64_t at)
{
	s->mark = (struct state_mark){0};
	/* others are found out anew by the next server */
	if (failed != -EIO)
		return;
	s->mark.failed = failed;
	s->mark.at = at;
	region_identity(&s->region, &s->mark.inode, &s->mark.born_ns);
}

void server_check_mark(struct server *s)
{
	struct state_mark left = s->mark;

	server_mark(s, left.failed, left.at);
	if (s->mark.inode == left.inode && s->mark.born_ns == left.born_ns)
		return;
	log_info("fabric '%s': what failed was another file of this name",
		 s->label);
	s->mark = (struct state_mark){0};
}

static void note_mark(struct server *s)
{
	int64_t at;
	int failed = flush_failed(s->flush, &at);

	server_mark(s, failed, at);
	server_save(s);
}

static void on_failure_timer(struct loop_source *source, uint32_t events,
			     void *arg)
{
	(void)source;
	(void)events;
	note_mark(arg);
}

/* In the thread; setting a timer is one system call. */
static void on_failure(void *arg)
{
	struct server *s = arg;

	(void)loop_timer_set(s->failure, AT_ONCE_MS); /* valid timer */
}

int server_flush_open(struct server *s, const struct tm_ctl_flush *counts,
		      const struct flush_peer *peer, size_t peers,
		      struct err *err)
{
	struct flush_config config = {
		.label = s->label,
		.fd = s->region.lock_fd,
		.size = s->region.size,
		.mailbox = s->region.mailbox,
		.bell = s->self->eventfd[0],
		.rings = &s->rings[0],
		.failed = s->mark.failed,
		.failed_at = s->mark.at,
		.distrusts = s->distrusts,
		.counts = counts,
		.peer = peer,
		.peers = peers,
		.on_failure = on_failure,
		.arg = s,
	};
	int64_t at;
	int ret;

	s->no_flush = -EOPNOTSUPP;
	if (!s->region.mailbox)
		return 0;
	ret = loop_add_timer(&s->failure, s->loop, on_failure_timer, s);
	if (ret < 0)
		return err_sys(err, -ret, "cannot serve the flush mailbox");
	ret = flush_open(&s->flush, &config, err);
	if (ret < 0) {
		s->no_flush = ret;
		return ret;
	}
	/* of an earlier life, or left in the mailbox */
	if (flush_failed(s->flush, &at) == -EIO) {
		log_warn("fabric '%s': a write-back to the disk failed "
			 "earlier, all commits fail until it is cleared",
			 s->label);
		note_mark(s);
	}
	return 0;
}

bool server_flush_stop(struct server *s)
{
	if (!s->flush || flush_stopped(s->flush))
		return true;
	flush_stop(s->flush);
	return false;
}

void server_flush_go_on(struct server *s)
{
	int ret = s->flush ? flush_go_on(s->flush) : 0;

	if (ret < 0)
		log_error_errno(-ret,
				"fabric '%s': cannot make anything "
				"durable any more",
				s->label);
}

void server_flush_clear(struct server *s)
{
	if (!s->flush)
		return;
	flush_clear(s->flush);
	note_mark(s);
}

void server_flush_close(struct server *s)
{
	flush_close(s->flush);
	s->flush = NULL;
	loop_remove(s->failure);
}
