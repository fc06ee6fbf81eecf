// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <cmocka.h>

#include "loop.h"

struct fixture {
	struct loop *loop;
	int pipe[2][2];
	struct loop_source *source[2], *timer, *deferred;
	int calls[2], timers, deferrals;
	uint32_t signals[4];
	int signal_count;
	int order[8], steps;
};

static int open_fixture(void **state)
{
	static struct fixture f;

	f = (struct fixture){0};
	if (loop_new(&f.loop) < 0 || pipe(f.pipe[0]) < 0 || pipe(f.pipe[1]) < 0)
		return -1;
	*state = &f;
	return 0;
}

static int close_fixture(void **state)
{
	struct fixture *f = *state;

	loop_free(f->loop);
	for (int i = 0; i < 4; i++)
		close(f->pipe[i / 2][i % 2]);
	return 0;
}

static void step(struct fixture *f, int what)
{
	f->order[f->steps++] = what;
}

static void on_fd(struct loop_source *source, uint32_t events, void *arg)
{
	struct fixture *f = arg;
	int i = source == f->source[1];
	char byte;

	assert_true(events & EPOLLIN);
	f->calls[i]++;
	step(f, 10 + i);
	assert_int_equal(read(f->pipe[i][0], &byte, 1), 1);
}

static void on_timer(struct loop_source *source, uint32_t events, void *arg)
{
	struct fixture *f = arg;

	(void)source;
	(void)events;
	f->timers++;
	step(f, 1);
}

static void on_deferred(struct loop_source *source, uint32_t events, void *arg)
{
	struct fixture *f = arg;

	(void)source;
	(void)events;
	f->deferrals++;
	step(f, 2);
}

static void watch(struct fixture *f, loop_fn fn)
{
	for (int i = 0; i < 2; i++)
		assert_int_equal(loop_add_fd(&f->source[i], f->loop,
					     f->pipe[i][0], fn, f),
				 0);
}

static void poke(struct fixture *f, int i)
{
	assert_int_equal(write(f->pipe[i][1], "x", 1), 1);
}

static void calls_what_is_ready(void **state)
{
	struct fixture *f = *state;

	watch(f, on_fd);
	poke(f, 1);
	assert_int_equal(loop_round(f->loop, 1000), 0);
	assert_int_equal(f->calls[0], 0);
	assert_int_equal(f->calls[1], 1);
	assert_int_equal(loop_round(f->loop, 0), 0);
	assert_int_equal(f->calls[1], 1);
}

static void is_level_triggered_and_pauses(void **state)
{
	struct fixture *f = *state;

	watch(f, on_fd);
	poke(f, 0);
	poke(f, 0);
	assert_int_equal(loop_set_events(f->source[0], 0), 0);
	assert_int_equal(loop_round(f->loop, 0), 0);
	assert_int_equal(f->calls[0], 0);
	assert_int_equal(loop_set_events(f->source[0], EPOLLIN), 0);
	for (int i = 1; i <= 2; i++) {
		assert_int_equal(loop_round(f->loop, 1000), 0);
		assert_int_equal(f->calls[0], i);
	}
}

static void remove_both(struct loop_source *source, uint32_t events, void *arg)
{
	struct fixture *f = arg;

	(void)source;
	(void)events;
	f->calls[0]++;
	loop_remove(f->source[0]);
	loop_remove(f->source[1]);
	loop_remove(f->source[1]); /* twice does no harm in the same round */
}

static void a_removed_source_is_not_called(void **state)
{
	struct fixture *f = *state;

	watch(f, remove_both);
	poke(f, 0);
	poke(f, 1);
	assert_int_equal(loop_round(f->loop, 1000), 0);
	assert_int_equal(f->calls[0], 1);
	assert_int_equal(loop_round(f->loop, 0), 0);
	assert_int_equal(f->calls[0], 1);
}

static void timers_come_first_deferred_work_last(void **state)
{
	struct fixture *f = *state;

	watch(f, on_fd);
	assert_int_equal(loop_add_timer(&f->timer, f->loop, on_timer, f), 0);
	assert_int_equal(
		loop_add_deferred(&f->deferred, f->loop, on_deferred, f), 0);
	poke(f, 0);
	loop_defer(f->deferred);
	loop_defer(f->deferred);
	assert_int_equal(loop_timer_set(f->timer, 1), 0);
	usleep(5000); /* both are ready in one round */
	assert_int_equal(loop_round(f->loop, 1000), 0);
	assert_int_equal(f->steps, 3);
	assert_int_equal(f->order[0], 1);
	assert_int_equal(f->order[1], 10);
	assert_int_equal(f->order[2], 2);
	assert_int_equal(loop_round(f->loop, 0), 0);
	assert_int_equal(f->steps, 3);
}

static void a_timer_can_be_stopped(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(loop_add_timer(&f->timer, f->loop, on_timer, f), 0);
	assert_int_equal(loop_timer_set(f->timer, 1), 0);
	assert_int_equal(loop_timer_set(f->timer, 0), 0);
	assert_int_equal(loop_round(f->loop, 20), 0);
	assert_int_equal(f->timers, 0);
	assert_int_equal(loop_timer_set(f->timer, 1), 0);
	while (!f->timers)
		assert_int_equal(loop_round(f->loop, 1000), 0);
	assert_int_equal(loop_round(f->loop, 5), 0);
	assert_int_equal(f->timers, 1);
}

static void on_signal(struct loop_source *source, uint32_t signal, void *arg)
{
	struct fixture *f = arg;

	(void)source;
	f->signals[f->signal_count++] = signal;
	if (f->signal_count == 2)
		loop_quit(f->loop);
}

static void signals_are_told_one_by_one(void **state)
{
	struct fixture *f = *state;
	struct loop_source *source;
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigaddset(&set, SIGUSR2);
	assert_int_equal(loop_add_signals(&source, f->loop, &set, on_signal, f),
			 0);
	raise(SIGUSR1);
	raise(SIGUSR2);
	assert_int_equal(loop_run(f->loop), 0);
	assert_int_equal(f->signals[0] + f->signals[1], SIGUSR1 + SIGUSR2);
}

static void errors_come_back(void **state)
{
	struct fixture *f = *state;
	struct loop_source *source = NULL;

	assert_true(loop_add_fd(&source, f->loop, 9999, on_fd, f) < 0);
	assert_null(source);
	loop_remove(NULL);
	loop_free(NULL);
}

#define TEST(name) \
	cmocka_unit_test_setup_teardown(name, open_fixture, close_fixture)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(calls_what_is_ready),
		TEST(is_level_triggered_and_pauses),
		TEST(a_removed_source_is_not_called),
		TEST(timers_come_first_deferred_work_last),
		TEST(a_timer_can_be_stopped),
		TEST(signals_are_told_one_by_one),
		TEST(errors_come_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
