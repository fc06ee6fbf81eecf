// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
/*
 * Prints who is attached to a fabric, and who comes and goes, until it is
 * interrupted. It sleeps meanwhile.
 *
 * usage: watch [FABRIC]
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>

#include <fam/fam.h>
#include <fam/session.h>

static int failed(const char *what, int error)
{
	fprintf(stderr, "watch: %s: %s\n", what, fam_strerror(error));
	if (fam_errhint(error))
		fprintf(stderr, "hint: %s\n", fam_errhint(error));
	return 1;
}

static void print(const struct fam_session *who, const char *what)
{
	printf("%s/%s, process %u: %s\n", who->node, who->name, who->pid, what);
}

static int print_there(const struct fam_session *who, void *arg)
{
	(void)arg;
	if (who->state == FAM_SESSION_LIVE)
		print(who, who->flags & FAM_SESSION_SELF ? "this is me"
							 : "is there");
	return 0;
}

static const char *reason_text(unsigned int reason)
{
	switch (reason) {
	case FAM_SESSION_LEFT:
		return "left";
	case FAM_SESSION_EXITED:
		return "its process ended";
	case FAM_SESSION_HUNG_UP:
		return "its node or program is gone";
	case FAM_SESSION_EXPIRED:
		return "gave no sign of life";
	default:
		return "is no more";
	}
}

static int tell(struct fam *fam, const struct fam_session_event *event)
{
	if (event->change == FAM_SESSION_JOINED)
		print(&event->session, "joined");
	else
		print(&event->session, reason_text(event->reason));
	/* We stood still for too long: what we held belongs to others now. */
	if (event->change == FAM_SESSION_LOST)
		return fam_session_rejoin(fam);
	return 0;
}

static int watch(struct fam *fam)
{
	struct pollfd p = {.fd = fam_session_fd(fam), .events = POLLIN};
	struct fam_session_event event;
	int r = p.fd < 0 ? p.fd : 0;

	if (r == 0)
		r = fam_session_each(fam, print_there, NULL);
	while (r == 0 && fflush(stdout) == 0 && poll(&p, 1, -1) >= 0) {
		while (r == 0 && fam_session_event(fam, &event) == 0)
			r = tell(fam, &event);
	}
	return r < 0 ? failed("cannot watch the sessions", r) : 0;
}

int main(int argc, char **argv)
{
	struct fam *fam;
	int r = fam_open(&fam, argc > 1 ? argv[1] : NULL, 0);

	if (r < 0)
		return failed("cannot open the fabric", r);
	r = watch(fam);
	fam_close(fam);
	return r;
}
