// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "fam-tool.h"

bool session_name_fits(const char *name)
{
	size_t len = strlen(name);

	for (size_t i = 0; i < len; i++) {
		if (name[i] < 0x20 || name[i] > 0x7e)
			return false;
	}
	return len > 0 && len < FAM_SESSION_NAME_MAX;
}

/* --- the others --------------------------------------------------------------- */

static int add_row(struct roster *roster, const struct row *row)
{
	struct row *rows;

	if (roster->count % 64 == 0) {
		rows = reallocarray(roster->rows, roster->count + 64,
				    sizeof(*rows));
		if (!rows)
			return -ENOMEM;
		roster->rows = rows;
	}
	roster->rows[roster->count++] = *row;
	return 0;
}

static int add_session(const struct fam_session *session, void *arg)
{
	struct roster *roster = arg;
	const struct row row = {
		.peer = session->peer,
		/* Programs of one node share its ID: that is no other peer. */
		.there = session->state == FAM_SESSION_LIVE &&
			 (int)session->peer != roster->self,
		.session = *session,
	};

	if (session->flags & FAM_SESSION_SELF)
		return 0;
	return add_row(roster, &row);
}

/* A node none of whose programs has a session, or a program without one. */
static int add_peer(unsigned int peer, void *arg)
{
	const struct row row = {.peer = peer, .there = true};
	struct roster *roster = arg;
	bool known = false;

	for (size_t i = 0; i < roster->sessions; i++) {
		if (roster->rows[i].peer == peer)
			known = roster->rows[i].there = true;
	}
	return known ? 0 : add_row(roster, &row);
}

/* Those with an ID of a server by it; the others' IDs say nothing: by name. */
static int compare(const void *a, const void *b)
{
	const struct row *x = a, *y = b;
	int r = 0;

	if (x->peer >= FAM_PEER_SOFT && y->peer >= FAM_PEER_SOFT) {
		r = strcmp(x->session.node, y->session.node);
		if (r == 0)
			r = strcmp(x->session.name, y->session.name);
	}
	if (r == 0 && x->peer != y->peer)
		r = x->peer < y->peer ? -1 : 1;
	return r ? r
		 : (x->session.id > y->session.id) -
			       (x->session.id < y->session.id);
}

int roster_read(struct fam *fam, struct roster *out)
{
	int r;

	out->self = fam_peer_self(fam);
	r = fam_session_each(fam, add_session, out);
	/* A raw fabric, or one that is not to be touched: IDs are all. */
	if (r == -EOPNOTSUPP)
		r = 0;
	out->sessions = out->count;
	if (r == 0)
		r = fam_peer_each(fam, add_peer, out);
	if (r < 0)
		return r;
	if (out->count)
		qsort(out->rows, out->count, sizeof(*out->rows), compare);
	return 0;
}

void roster_free(struct roster *roster)
{
	free(roster->rows);
}

int roster_each(const struct roster *roster,
		int (*visit)(unsigned int peer, void *arg), void *arg)
{
	const struct row *last = NULL;
	int r = 0;

	for (size_t i = 0; i < roster->count && r == 0; i++) {
		const struct row *row = &roster->rows[i];

		if (!row->there || (last && row->peer == last->peer))
			continue;
		r = visit(row->peer, arg);
		last = row;
	}
	return r;
}

/* --- peers -------------------------------------------------------------------- */

static const char *state_name(const struct fam_session *session)
{
	if (!session->id)
		return "attached";
	return session->state == FAM_SESSION_LIVE ? "live" : "dead";
}

static void print_row(const struct row *row)
{
	const struct fam_session *s = &row->session;
	char lease[16];

	if (!s->id) {
		printf("%-6u %-16s %-16s %-8s %-7s %-8s %s\n", row->peer, "-",
		       "-", "-", "-", state_name(s), "-");
		return;
	}
	snprintf(lease, sizeof(lease), "%gs", s->lease_ms / 1000.0);
	printf("%-6u %-16s %-16s %-8" PRIu32 " %-7s %-8s %016" PRIx64 "\n",
	       row->peer, s->node[0] ? s->node : "-",
	       s->name[0] ? s->name : "-", s->pid, lease, state_name(s), s->id);
}

static void print_roster(const struct roster *roster)
{
	printf("%-6s %-16s %-16s %-8s %-7s %-8s %s\n", "PEER", "NODE",
	       "PROGRAM", "PID", "LEASE", "STATE", "SESSION");
	for (size_t i = 0; i < roster->count; i++)
		print_row(&roster->rows[i]);
}

static void print_session_json(const struct fam_session *s)
{
	/* More bits than a number of JSON keeps everywhere. */
	printf("{\"id\": \"%016" PRIx64 "\", \"peer\": %" PRIu32 ", \"node\": ",
	       s->id, s->peer);
	json_text(stdout, s->node);
	printf(", \"program\": ");
	json_text(stdout, s->name);
	printf(", \"pid\": %" PRIu32 ", \"lease_ms\": %" PRIu32
	       ", \"state\": \"%s\", \"interrupts\": %s, \"host\": %s"
	       ", \"joined_ns\": %" PRIu64 "}",
	       s->pid, s->lease_ms, state_name(s),
	       s->flags & FAM_SESSION_INTERRUPTS ? "true" : "false",
	       s->flags & FAM_SESSION_HOST ? "true" : "false", s->joined_ns);
}

static int print_id_json(unsigned int peer, void *arg)
{
	bool *more = arg;

	printf("%s%u", *more ? ", " : "", peer);
	*more = true;
	return 0;
}

static void print_json(struct fam *fam, const struct roster *roster)
{
	bool more = false;

	printf("{\"self\": ");
	/* There may have been no room for one more session. */
	if (roster->self < 0)
		printf("null");
	else
		printf("%d", roster->self);
	printf(", \"vectors\": %d, \"peers\": [", fam_doorbell_vectors(fam));
	roster_each(roster, print_id_json, &more);
	printf("], \"sessions\": [");
	more = false;
	for (size_t i = 0; i < roster->count; i++) {
		if (!roster->rows[i].session.id)
			continue;
		printf("%s", more ? ", " : "");
		print_session_json(&roster->rows[i].session);
		more = true;
	}
	printf("]}\n");
}

/* --- peers --watch ------------------------------------------------------------ */

static const char *reason_text(uint32_t reason)
{
	switch (reason) {
	case FAM_SESSION_LEFT:
		return "left";
	case FAM_SESSION_EXITED:
		return "process ended";
	case FAM_SESSION_HUNG_UP:
		return "node hung up";
	case FAM_SESSION_EXPIRED:
		return "lease expired";
	default:
		return "reason unknown";
	}
}

static void print_session(const char *verb, const struct fam_session *s)
{
	printf("%s %" PRIu32 " %s/%s, process %" PRIu32, verb, s->peer, s->node,
	       s->name, s->pid);
}

static bool is_listed(const struct roster *roster, uint64_t id)
{
	for (size_t i = 0; i < roster->count; i++) {
		if (roster->rows[i].session.id == id)
			return true;
	}
	return false;
}

/* What the sessions do: 0 told, -EAGAIN nothing, -ESTALE the own one is lost. */
static int tell_session(struct fam *fam, const struct roster *listed)
{
	struct fam_session_event event;
	int r = fam_session_event(fam, &event);

	if (r < 0)
		return r == -EOPNOTSUPP ? -EAGAIN : r;
	/* It came after fam_open() and before the list was made. */
	if (event.change == FAM_SESSION_JOINED &&
	    is_listed(listed, event.session.id))
		return 0;
	print_session(event.change == FAM_SESSION_JOINED ? "joined"
		      : event.change == FAM_SESSION_GONE ? "left"
							 : "lost",
		      &event.session);
	if (event.change != FAM_SESSION_JOINED)
		printf(": %s", reason_text(event.reason));
	putchar('\n');
	return event.change == FAM_SESSION_LOST ? -ESTALE : 0;
}

/* The peers the server knows; those without an ID of it are sessions. */
static int tell_peer(struct fam *fam)
{
	struct fam_peer_event event;
	int r = fam_peer_event(fam, &event);

	if (r < 0)
		return r == -EOPNOTSUPP ? -EAGAIN : r;
	if (event.peer < FAM_PEER_SOFT)
		printf("%s %" PRIu32 "\n",
		       event.change == FAM_PEER_JOINED ? "joined" : "left",
		       event.peer);
	return 0;
}

/* Until a signal, the server's end, or the loss of the session. */
static int watch(struct fam *fam, const struct roster *listed)
{
	struct pollfd p[2] = {
		{.fd = fam_session_fd(fam), .events = POLLIN},
		{.fd = fam_peer_fd(fam), .events = POLLIN},
	};
	int sessions, peers;

	while (!peer_stopped()) {
		sessions = tell_session(fam, listed);
		peers = tell_peer(fam);
		if (fflush(stdout) != 0)
			return -EIO;
		if (sessions < 0 && sessions != -EAGAIN)
			return sessions;
		if (peers < 0 && peers != -EAGAIN)
			return peers;
		if (sessions == 0 || peers == 0)
			continue;
		if (poll(p, 2, -1) < 0 && errno != EINTR)
			return -errno;
	}
	return 0;
}

/* An exit status. */
static int show_peers(const struct options *options, struct fam *fam,
		      struct roster *roster)
{
	int r = roster_read(fam, roster);

	if (r < 0)
		return say_failure(options, "list the peers of", r);
	if (options->json)
		print_json(fam, roster);
	else
		print_roster(roster);
	if (options->watch)
		r = watch(fam, roster);
	if (r == -ESTALE)
		return say_lost(options);
	if (r < 0 && !ferror(stdout))
		return say_failure(options, "watch the peers of", r);
	return EXIT_DONE;
}

int cmd_peers(const struct options *options)
{
	struct roster roster = {0};
	struct fam *fam = NULL;
	int status;

	if (options->json && options->watch)
		return say_usage("'--json' and '--watch' exclude each other");
	status = peer_open(options, &fam);
	if (status)
		return status;
	status = show_peers(options, fam, &roster);
	roster_free(&roster);
	return peer_close(fam, status);
}
