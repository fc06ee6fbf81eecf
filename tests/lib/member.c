// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
/*
 * A program with a session, that tells who comes and goes until SIGTERM:
 *
 *	member FABRIC [NAME [LEASE_MS]]
 *
 * Lines begin with what the clock says, in milliseconds since 1970:
 *
 *	self ID NODE/NAME			its session
 *	there ID NODE/NAME			who was there before
 *	joined ID NODE/NAME
 *	left ID NODE/NAME REASON		a number, enum fam_session_reason
 *	lost ID NODE/NAME REASON		its own; then
 *	stale TEXT				what fam_session_check() says
 *	self ID NODE/NAME			and its next session
 *
 * "member now" prints the time alone.
 */
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <fam/fam.h>
#include <fam/session.h>

static volatile sig_atomic_t stopped;

static void on_signal(int number)
{
	(void)number;
	stopped = 1;
}

static int fail(const char *what, int error)
{
	fprintf(stderr, "member: %s: %s\n", what, fam_strerror(error));
	return 1;
}

static uint64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

static void say(const char *what, const struct fam_session *s)
{
	printf("%" PRIu64 " %s %016" PRIx64 " %s/%s", now_ms(), what, s->id,
	       s->node, s->name);
}

static int say_there(const struct fam_session *s, void *arg)
{
	(void)arg;
	if (s->flags & FAM_SESSION_SELF)
		return 0;
	say("there", s);
	putchar('\n');
	return 0;
}

static int say_self(struct fam *fam)
{
	struct fam_session self;
	int r = fam_session_self(fam, &self);

	if (r < 0)
		return r;
	say("self", &self);
	putchar('\n');
	return 0;
}

static int say_event(struct fam *fam, const struct fam_session_event *event)
{
	int r;

	if (event->change == FAM_SESSION_JOINED) {
		say("joined", &event->session);
		putchar('\n');
		return 0;
	}
	say(event->change == FAM_SESSION_GONE ? "left" : "lost",
	    &event->session);
	printf(" %" PRIu32 "\n", event->reason);
	if (event->change == FAM_SESSION_GONE)
		return 0;
	printf("%" PRIu64 " stale %s\n", now_ms(),
	       strerror(-fam_session_check(fam)));
	r = fam_session_rejoin(fam);
	return r < 0 ? r : say_self(fam);
}

static int watch(struct fam *fam)
{
	struct pollfd p = {.fd = fam_session_fd(fam), .events = POLLIN};
	struct fam_session_event event;
	sigset_t all, before;
	int r = p.fd < 0 ? p.fd : 0;

	sigfillset(&all);
	sigprocmask(SIG_BLOCK, &all, &before);
	while (r >= 0 && !stopped) {
		r = fam_session_event(fam, &event);
		if (r == 0)
			r = say_event(fam, &event);
		fflush(stdout);
		if (r != -EAGAIN)
			continue;
		r = ppoll(&p, 1, NULL, &before) < 0 && errno != EINTR ? -errno
								      : 0;
	}
	return r;
}

int main(int argc, char **argv)
{
	struct sigaction action = {.sa_handler = on_signal};
	struct fam *fam;
	int r;

	if (argc == 2 && strcmp(argv[1], "now") == 0) {
		printf("%" PRIu64 "\n", now_ms());
		return 0;
	}
	if (argc < 2 || argc > 4)
		return fail("usage: member FABRIC [NAME [LEASE_MS]]", -EINVAL);
	sigaction(SIGTERM, &action, NULL);
	/* The name of a session is that of its program at first. */
	if (argc > 2)
		program_invocation_short_name = argv[2];
	r = fam_open(&fam, argv[1], 0);
	if (r < 0)
		return fail("fam_open", r);
	r = fam_session_set(fam, NULL, argc > 3 ? (uint32_t)atoi(argv[3]) : 0);
	if (r == 0)
		r = say_self(fam);
	if (r == 0)
		r = fam_session_each(fam, say_there, NULL);
	if (r == 0)
		r = watch(fam);
	fam_close(fam);
	return r < 0 ? fail("cannot go on", r) : 0;
}
