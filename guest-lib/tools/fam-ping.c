// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "fam-tool.h"

#define COUNT_MAX  1000000 /* round trips; all are kept, for the median */
#define PATIENCE_S 5	   /* if not given */

/* A word of the command line that may be an ID, a session, or names. */
struct target {
	const char *text;
	bool is_peer, is_session;
	uint64_t number; /* of the peer, or of the session */
	size_t node_len;
	const char *program; /* NULL: whichever */
};

static bool is_hex(const char *text)
{
	for (; *text; text++) {
		if (!isxdigit((unsigned char)*text))
			return false;
	}
	return true;
}

static void parse_target(const char *text, struct target *out)
{
	const char *slash = strchr(text, '/');

	*out = (struct target){.text = text};
	out->is_session = strlen(text) == 16 && is_hex(text);
	if (out->is_session)
		out->number = strtoull(text, NULL, 16);
	else
		out->is_peer = parse_number(text, &out->number) == 0;
	out->node_len = slash ? (size_t)(slash - text) : strlen(text);
	out->program = slash ? slash + 1 : NULL;
}

static bool has_names(const struct fam_session *s, const struct target *target)
{
	bool any_node = target->program && target->node_len == 0;

	if (!any_node &&
	    (strlen(s->node) != target->node_len ||
	     strncmp(s->node, target->text, target->node_len) != 0))
		return false;
	return !target->program || strcmp(s->name, target->program) == 0;
}

static bool matches(const struct row *row, const struct target *target)
{
	const struct fam_session *s = &row->session;

	if (!s->id || s->state != FAM_SESSION_LIVE)
		return false;
	if (target->is_session && s->id == target->number)
		return true;
	if (target->is_peer)
		return row->peer == target->number;
	return has_names(s, target);
}

static int compare(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

/* What the session is called in all that is said of it. */
static void print_name(FILE *f, const struct fam_session *s)
{
	fprintf(f, "%s/%s, peer %" PRIu32 ", process %" PRIu32, s->node,
		s->name, s->peer, s->pid);
}

static void print_times(const struct fam_session *s, uint64_t *ns, size_t count)
{
	uint64_t median;

	if (count == 0)
		return;
	qsort(ns, count, sizeof(*ns), compare);
	median = ns[count / 2];
	print_name(stdout, s);
	printf(": %zu answer%s, round trip min %.3f ms, median %.3f ms, "
	       "max %.3f ms\n",
	       count, count == 1 ? "" : "s", (double)ns[0] / 1e6,
	       (double)median / 1e6, (double)ns[count - 1] / 1e6);
}

static int say_ping_failure(const struct options *options,
			    const struct fam_session *s, int error)
{
	if (error != -ETIMEDOUT && error != -ESRCH)
		return say_peer_failure(options, "ping a peer of", error);
	fflush(stdout);
	fputs("fam: ", stderr);
	print_name(stderr, s);
	if (error == -ESRCH) {
		fputs(" is gone\n", stderr);
		return EXIT_NO_FABRIC;
	}
	fprintf(stderr, " gave no answer within %" PRIu64 " seconds\n",
		options->timeout);
	return EXIT_FAILED;
}

/* An exit status. What was answered before a failure is shown, too. */
static int ping_one(const struct options *options, struct fam *fam,
		    const struct fam_session *s, uint64_t *ns)
{
	size_t count = 0;
	int r = 0;

	while (count < options->count && !peer_stopped()) {
		r = fam_session_ping(fam, s->id, (int)options->timeout * 1000,
				     &ns[count]);
		if (r < 0 && r != -EINTR)
			break;
		if (r == 0)
			count++;
	}
	print_times(s, ns, count);
	return r < 0 && r != -EINTR ? say_ping_failure(options, s, r)
				    : EXIT_DONE;
}

/* The peer is there and has no session, or nobody is. */
static int say_nobody(const struct options *options,
		      const struct roster *roster, const struct target *target)
{
	for (size_t i = 0; i < roster->count; i++) {
		const struct row *row = &roster->rows[i];

		if (row->session.id || !target->is_peer ||
		    row->peer != target->number)
			continue;
		fprintf(stderr,
			"fam: peer %u has no session: no program there can "
			"answer\n"
			"hint: any program of libfam answers, as 'fam wait'\n",
			row->peer);
		return EXIT_NO_FABRIC;
	}
	return say_no_peer(options, target->text);
}

static int ping_matching(const struct options *options, struct fam *fam,
			 const struct roster *roster, uint64_t *ns)
{
	int status = EXIT_DONE, one;
	struct target target;
	bool found = false;

	parse_target(options->operand, &target);
	for (size_t i = 0; i < roster->count && !peer_stopped(); i++) {
		if (!matches(&roster->rows[i], &target))
			continue;
		found = true;
		one = ping_one(options, fam, &roster->rows[i].session, ns);
		if (one)
			status = one;
	}
	return found ? status : say_nobody(options, roster, &target);
}

static int ping_all(const struct options *options, struct fam *fam)
{
	uint64_t *ns = calloc(options->count, sizeof(*ns));
	struct roster roster = {0};
	int r = ns ? roster_read(fam, &roster) : -ENOMEM;
	int status;

	if (r < 0)
		status = say_failure(options, "ping a peer of", r);
	else if (fam_session_check(fam) == -EOPNOTSUPP)
		status = say_no_sessions(options);
	else
		status = ping_matching(options, fam, &roster, ns);
	roster_free(&roster);
	free(ns);
	return status;
}

int cmd_ping(const struct options *options)
{
	struct options patient = *options;
	struct fam *fam = NULL;
	int status;

	if (!options->has_timeout)
		patient.timeout = PATIENCE_S;
	if (options->timeout > TIMEOUT_MAX_S)
		return say_usage("'--timeout' is at most %d", TIMEOUT_MAX_S);
	if (options->count < 1 || options->count > COUNT_MAX)
		return say_usage("'--count' is 1 to %d", COUNT_MAX);
	status = peer_open(options, &fam);
	if (status)
		return status;
	return peer_close(fam, ping_all(&patient, fam));
}
