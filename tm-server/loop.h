/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026, the FAM emulator authors */
#ifndef TM_SERVER_LOOP_H
#define TM_SERVER_LOOP_H

#include <signal.h>
#include <stdint.h>

/*
 * The event loop: epoll, level-triggered, one thread.
 *
 * In one round, timers run before descriptors, deferred work after both. A
 * callback may remove any source, its own too: a removed source is not called
 * any more, and its memory goes at the end of the round.
 */
struct loop;
struct loop_source;

/**
 * loop_fn - called when a source is ready
 * @events: EPOLL* bits of a descriptor, the number of a signal, 0 otherwise
 */
typedef void (*loop_fn)(struct loop_source *source, uint32_t events, void *arg);

/** loop_new() - Return: 0 or a negative errno */
int loop_new(struct loop **out);

/** loop_free() - with all its sources; NULL is allowed */
void loop_free(struct loop *loop);

/**
 * loop_add_fd() - watch a descriptor for EPOLLIN
 * @fd: stays the caller's; loop_remove() it before closing
 */
int loop_add_fd(struct loop_source **out, struct loop *loop, int fd, loop_fn fn,
		void *arg);

/** loop_set_events() - EPOLL* bits; 0 pauses all but errors and hang-ups */
int loop_set_events(struct loop_source *source, uint32_t events);

/** loop_add_timer() - a timer, not yet running */
int loop_add_timer(struct loop_source **out, struct loop *loop, loop_fn fn,
		   void *arg);

/** loop_timer_set() - fire once in @ms milliseconds; 0 stops it */
int loop_timer_set(struct loop_source *timer, unsigned int ms);

/** loop_add_signals() - blocks @set and reports its signals one by one */
int loop_add_signals(struct loop_source **out, struct loop *loop,
		     const sigset_t *set, loop_fn fn, void *arg);

/** loop_add_deferred() - work to be run once after a round that asks for it */
int loop_add_deferred(struct loop_source **out, struct loop *loop, loop_fn fn,
		      void *arg);

/** loop_defer() - run this deferred source at the end of the round */
void loop_defer(struct loop_source *source);

/** loop_remove() - forget a source; NULL is allowed */
void loop_remove(struct loop_source *source);

/** loop_run() - until loop_quit(); Return: 0 or a negative errno of epoll */
int loop_run(struct loop *loop);

/** loop_round() - one round, waiting at most @timeout_ms (-1: for ever) */
int loop_round(struct loop *loop, int timeout_ms);

void loop_quit(struct loop *loop);

/** loop_now_ms() - milliseconds of the monotonic clock */
uint64_t loop_now_ms(void);

#endif
