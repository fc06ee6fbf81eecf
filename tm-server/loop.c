// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/queue.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include "loop.h"
#include "util/clock.h"
#include "util/cleanup.h"

/* Ready descriptors taken in one round: the bound of its length. */
#define LOOP_BATCH 64

enum kind { KIND_FD, KIND_TIMER, KIND_SIGNALS, KIND_DEFERRED };

struct loop_source {
	LIST_ENTRY(loop_source) link; /* in one list of the loop */
	struct loop *loop;
	loop_fn fn;
	void *arg;
	int fd; /* ours to close unless KIND_FD; -1: KIND_DEFERRED, or removed
		 */
	enum kind kind;
	uint32_t events;
	bool pending; /* KIND_DEFERRED: asked for in this round */
	bool removed;
};

LIST_HEAD(source_list, loop_source);

struct loop {
	int epoll;
	bool quit;
	struct source_list live, deferred, dead;
};

int loop_new(struct loop **out)
{
	_cleanup_free_ struct loop *loop = calloc(1, sizeof(*loop));

	if (!loop)
		return -ENOMEM;
	loop->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (loop->epoll < 0)
		return -errno;
	LIST_INIT(&loop->live);
	LIST_INIT(&loop->deferred);
	LIST_INIT(&loop->dead);
	*out = take(loop);
	return 0;
}

static void bury(struct loop *loop)
{
	struct loop_source *s;

	while ((s = LIST_FIRST(&loop->dead))) {
		LIST_REMOVE(s, link);
		free(s);
	}
}

void loop_free(struct loop *loop)
{
	if (!loop)
		return;
	while (!LIST_EMPTY(&loop->live))
		loop_remove(LIST_FIRST(&loop->live));
	while (!LIST_EMPTY(&loop->deferred))
		loop_remove(LIST_FIRST(&loop->deferred));
	bury(loop);
	close(loop->epoll);
	free(loop);
}

/* Takes over @proto.fd on success, unless it is a KIND_FD. */
static int add(struct loop_source **out, struct loop *loop,
	       struct loop_source proto)
{
	struct epoll_event ev = {.events = EPOLLIN};
	_cleanup_free_ struct loop_source *s = malloc(sizeof(*s));

	if (!s)
		return -ENOMEM;
	*s = proto;
	s->loop = loop;
	s->events = EPOLLIN;
	ev.data.ptr = s;
	if (s->fd >= 0 && epoll_ctl(loop->epoll, EPOLL_CTL_ADD, s->fd, &ev) < 0)
		return -errno;
	LIST_INSERT_HEAD(s->kind == KIND_DEFERRED ? &loop->deferred
						  : &loop->live,
			 s, link);
	*out = take(s);
	return 0;
}

int loop_add_fd(struct loop_source **out, struct loop *loop, int fd, loop_fn fn,
		void *arg)
{
	return add(out, loop,
		   (struct loop_source){
			   .fn = fn, .arg = arg, .fd = fd, .kind = KIND_FD});
}

int loop_set_events(struct loop_source *source, uint32_t events)
{
	struct epoll_event ev = {.events = events, .data.ptr = source};

	if (source->removed || source->events == events)
		return 0;
	if (epoll_ctl(source->loop->epoll, EPOLL_CTL_MOD, source->fd, &ev) < 0)
		return -errno;
	source->events = events;
	return 0;
}

int loop_add_timer(struct loop_source **out, struct loop *loop, loop_fn fn,
		   void *arg)
{
	_cleanup_close_ int fd =
		timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
	int ret;

	if (fd < 0)
		return -errno;
	ret = add(out, loop,
		  (struct loop_source){
			  .fn = fn, .arg = arg, .fd = fd, .kind = KIND_TIMER});
	if (ret == 0)
		(void)take_fd(&fd); /* the source closes it */
	return ret;
}

int loop_timer_set(struct loop_source *timer, unsigned int ms)
{
	struct itimerspec when = {
		.it_value = {.tv_sec = ms / 1000,
			     .tv_nsec = (long)(ms % 1000) * 1000000},
	};

	if (timer->removed)
		return 0;
	return timerfd_settime(timer->fd, 0, &when, NULL) < 0 ? -errno : 0;
}

int loop_add_signals(struct loop_source **out, struct loop *loop,
		     const sigset_t *set, loop_fn fn, void *arg)
{
	_cleanup_close_ int fd = -1;
	int ret;

	if (sigprocmask(SIG_BLOCK, set, NULL) < 0)
		return -errno;
	fd = signalfd(-1, set, SFD_NONBLOCK | SFD_CLOEXEC);
	if (fd < 0)
		return -errno;
	ret = add(
		out, loop,
		(struct loop_source){
			.fn = fn, .arg = arg, .fd = fd, .kind = KIND_SIGNALS});
	if (ret == 0)
		(void)take_fd(&fd); /* the source closes it */
	return ret;
}

int loop_add_deferred(struct loop_source **out, struct loop *loop, loop_fn fn,
		      void *arg)
{
	return add(
		out, loop,
		(struct loop_source){
			.fn = fn, .arg = arg, .fd = -1, .kind = KIND_DEFERRED});
}

void loop_defer(struct loop_source *source)
{
	source->pending = true;
}

void loop_remove(struct loop_source *source)
{
	if (!source || source->removed)
		return;
	source->removed = true;
	if (source->fd >= 0) {
		/* fails only if the owner closed it first: nothing to undo */
		(void)epoll_ctl(source->loop->epoll, EPOLL_CTL_DEL, source->fd,
				NULL);
		if (source->kind != KIND_FD)
			close(source->fd);
		source->fd = -1;
	}
	LIST_REMOVE(source, link);
	LIST_INSERT_HEAD(&source->loop->dead, source, link);
}

static void call_timer(struct loop_source *s)
{
	uint64_t count;

	/* EAGAIN: stopped or set anew earlier in this round */
	if (read(s->fd, &count, sizeof(count)) == sizeof(count))
		s->fn(s, 0, s->arg);
}

static void call_signals(struct loop_source *s)
{
	struct signalfd_siginfo info;

	while (!s->removed && read(s->fd, &info, sizeof(info)) == sizeof(info))
		s->fn(s, info.ssi_signo, s->arg);
}

static void dispatch(const struct epoll_event *ev, int n, bool timers)
{
	for (int i = 0; i < n; i++) {
		struct loop_source *s = ev[i].data.ptr;

		if (s->removed || (s->kind == KIND_TIMER) != timers)
			continue;
		if (s->kind == KIND_TIMER)
			call_timer(s);
		else if (s->kind == KIND_SIGNALS)
			call_signals(s);
		else
			s->fn(s, ev[i].events, s->arg);
	}
}

static struct loop_source *next_pending(struct loop *loop)
{
	struct loop_source *s;

	LIST_FOREACH(s, &loop->deferred, link)
	if (s->pending)
		return s;
	return NULL;
}

/* Work deferred by deferred work belongs to this round too. */
static void run_deferred(struct loop *loop)
{
	struct loop_source *s;

	while ((s = next_pending(loop))) {
		s->pending = false;
		s->fn(s, 0, s->arg);
	}
}

int loop_round(struct loop *loop, int timeout_ms)
{
	struct epoll_event ev[LOOP_BATCH];
	int n = epoll_wait(loop->epoll, ev, LOOP_BATCH, timeout_ms);

	if (n < 0)
		return errno == EINTR ? 0 : -errno;
	dispatch(ev, n, true);
	dispatch(ev, n, false);
	run_deferred(loop);
	bury(loop);
	return 0;
}

int loop_run(struct loop *loop)
{
	int ret = 0;

	loop->quit = false;
	while (ret == 0 && !loop->quit)
		ret = loop_round(loop, -1);
	return ret;
}

void loop_quit(struct loop *loop)
{
	loop->quit = true;
}

uint64_t loop_now_ms(void)
{
	return clock_ms();
}
