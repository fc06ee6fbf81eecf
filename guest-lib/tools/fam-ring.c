// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <time.h>

#include "fam-tool.h"

static int say_no_vector(const struct options *options, struct fam *fam,
			 uint64_t vector)
{
	char name[FABRIC_TEXT];

	if (vector < (uint64_t)fam_doorbell_vectors(fam)) {
		fprintf(stderr,
			"fam: that peer of %s has no vector %" PRIu64 "\n"
			"hint: it has fewer than others; each has vector 0\n",
			fabric_text(options, name), vector);
		return EXIT_FAILED;
	}
	fprintf(stderr,
		"fam: peers of %s have no vector %" PRIu64 "\n"
		"hint: they have 0 to %d\n",
		fabric_text(options, name), vector,
		fam_doorbell_vectors(fam) - 1);
	return EXIT_USAGE;
}

/* --- ring ------------------------------------------------------------------- */

/* Whom to ring how often. */
struct ringing {
	const struct options *options;
	struct fam *fam;
	bool all;
	char name[PEER_TEXT]; /* as it was given */
	uint64_t vector;
	unsigned int rung; /* peers */
};

/* PEER or "all", and :VECTOR. */
static int parse_target(const char *text, struct ringing *out)
{
	const char *colon = strrchr(text, ':');
	size_t len = colon ? (size_t)(colon - text) : strlen(text);
	uint64_t id;

	if (len == 0 || len >= sizeof(out->name))
		return -EINVAL;
	memcpy(out->name, text, len);
	out->all = strcmp(out->name, "all") == 0;
	if (colon && parse_number(colon + 1, &out->vector) < 0)
		return -EINVAL;
	return parse_number(out->name, &id) == -ERANGE ? -EINVAL : 0;
}

static int say_not_unique(const struct ringing *ringing)
{
	char name[FABRIC_TEXT];

	fprintf(stderr,
		"fam: %s has several peers '%s'\n"
		"hint: ring one by its ID, or as NODE/PROGRAM; 'fam peers' "
		"shows them\n",
		fabric_text(ringing->options, name), ringing->name);
	return EXIT_FAILED;
}

static int say_out_of_reach(const struct ringing *ringing)
{
	char name[FABRIC_TEXT];

	fprintf(stderr,
		"fam: cannot ring peer '%s' of %s: from here only sessions can "
		"be rung, and it has none\n"
		"hint: who has doorbells rings it: a node with the kernel "
		"module, or 'fam -f server:NAME' on the host\n",
		ringing->name, fabric_text(ringing->options, name));
	return EXIT_FAILED;
}

static int say_ring_failure(const struct ringing *ringing, int error)
{
	if (error == -ENOENT)
		return say_no_peer(ringing->options, ringing->name);
	if (error == -ENOTUNIQ)
		return say_not_unique(ringing);
	if (error == -EOPNOTSUPP &&
	    fam_session_check(ringing->fam) == -EOPNOTSUPP)
		return say_no_sessions(ringing->options);
	if (error == -EOPNOTSUPP)
		return say_out_of_reach(ringing);
	if (error == -ERANGE)
		return say_no_vector(ringing->options, ringing->fam,
				     ringing->vector);
	return say_peer_failure(ringing->options, "ring a peer of", error);
}

/* Of all, one may leave meanwhile, or not be rung from here. */
static bool is_passed_over(int error)
{
	return error == -ENOENT || error == -ERANGE || error == -EOPNOTSUPP;
}

static int ring_one(unsigned int peer, void *arg)
{
	struct ringing *ringing = arg;
	int r = 0;

	for (uint64_t i = 0;
	     i < ringing->options->count && r == 0 && !peer_stopped(); i++)
		r = fam_doorbell_ring(ringing->fam, peer,
				      (unsigned int)ringing->vector);
	if (ringing->all && is_passed_over(r))
		return 0;
	if (r == 0)
		ringing->rung++;
	return r;
}

/* By ID, which needs no sessions, or by name. */
static int ring_named(struct ringing *ringing)
{
	unsigned int peer = 0;
	uint64_t id;
	int r = 0;

	if (parse_number(ringing->name, &id) < 0)
		r = fam_peer_find(ringing->fam, ringing->name, &peer);
	else if (id >= FAM_PEER_ALL)
		r = -ENOENT;
	else
		peer = (unsigned int)id;
	return r < 0 ? r : ring_one(peer, ringing);
}

/* Also those that have a session and no doorbell device. */
static int ring_all(struct ringing *ringing)
{
	struct roster roster = {0};
	int r = roster_read(ringing->fam, &roster);

	if (r == 0)
		r = roster_each(&roster, ring_one, ringing);
	roster_free(&roster);
	return r;
}

int cmd_ring(const struct options *options)
{
	struct ringing ringing = {.options = options};
	int r, status;

	if (parse_target(options->operand, &ringing) < 0)
		return say_usage("'%s' is not PEER[:VECTOR] or all[:VECTOR]",
				 options->operand);
	if (options->count < 1)
		return say_usage("'--count' is at least 1");
	status = peer_open(options, &ringing.fam);
	if (status)
		return status;
	if (ringing.vector >= (uint64_t)fam_doorbell_vectors(ringing.fam))
		r = -ERANGE;
	else if (ringing.all)
		r = ring_all(&ringing);
	else
		r = ring_named(&ringing);
	if (r < 0)
		status = say_ring_failure(&ringing, r);
	else if (ringing.all)
		printf("%u peer%s rung\n", ringing.rung,
		       ringing.rung == 1 ? "" : "s");
	return peer_close(ringing.fam, status);
}

/* --- wait ------------------------------------------------------------------- */

static int64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* Takes rings of the vector, or of any and says of which. */
static int take(struct fam *fam, const struct options *options, int timeout_ms,
		uint64_t *rings)
{
	unsigned int vector;
	int r;

	if (!options->any)
		return fam_doorbell_wait(fam, (unsigned int)options->vector,
					 timeout_ms, rings);
	r = fam_doorbell_wait_any(fam, timeout_ms, &vector, rings);
	if (r < 0)
		return r;
	printf("vector %u: %" PRIu64 " rings\n", vector, *rings);
	fflush(stdout);
	return 0;
}

/* Adds up rings until there are enough; 0 or a negative errno. */
static int wait_for(struct fam *fam, const struct options *options,
		    uint64_t *rings)
{
	int64_t end = now_ms() + (int64_t)options->timeout * 1000;

	while (*rings < options->count && !peer_stopped()) {
		int64_t left = options->has_timeout ? end - now_ms() : -1;
		uint64_t more = 0;
		int r;

		if (options->has_timeout && left < 0)
			left = 0;
		r = take(fam, options, (int)left, &more);
		if (r < 0 && r != -EINTR)
			return r;
		*rings += more;
	}
	return 0;
}

static int say_wait_failure(const struct options *options, int error,
			    uint64_t rings)
{
	if (error != -ETIMEDOUT)
		return say_peer_failure(options, "wait at", error);
	fprintf(stderr,
		"fam: %" PRIu64 " of %" PRIu64 " rings came within %" PRIu64
		" seconds\n",
		rings, options->count, options->timeout);
	return EXIT_FAILED;
}

/* Whoever is to ring must know where. */
static int say_where(struct fam *fam, const struct options *options)
{
	int self = fam_peer_self(fam);

	if (self < 0)
		return self;
	printf("peer %d waits at ", self);
	if (options->any)
		printf("any vector\n");
	else
		printf("vector %" PRIu64 "\n", options->vector);
	fflush(stdout);
	return 0;
}

static int wait_attached(struct fam *fam, const struct options *options)
{
	uint64_t rings = 0;
	int r = 0;

	if (options->vector >= (uint64_t)fam_doorbell_vectors(fam))
		return say_no_vector(options, fam, options->vector);
	/* It has the name already, where there are any. */
	if (options->name)
		r = fam_session_set(fam, options->name, 0);
	if (r == -EOPNOTSUPP)
		return say_no_sessions(options);
	if (r == 0)
		r = say_where(fam, options);
	if (r == 0)
		r = wait_for(fam, options, &rings);
	if (r < 0)
		return say_wait_failure(options, r, rings);
	printf("%" PRIu64 " rings\n", rings);
	return EXIT_DONE;
}

int cmd_wait(const struct options *options)
{
	struct fam *fam = NULL;
	int status;

	if (options->timeout > TIMEOUT_MAX_S)
		return say_usage("'--timeout' is at most %d", TIMEOUT_MAX_S);
	if (options->count < 1)
		return say_usage("'--count' is at least 1");
	if (options->any && options->has_vector)
		return say_usage("'--any' and '--vector' exclude each other");
	if (options->name && !session_name_fits(options->name))
		return say_usage("'%s' is not a name: 1 to %d printable ASCII "
				 "characters",
				 options->name, FAM_SESSION_NAME_MAX - 1);
	status = peer_open(options, &fam);
	if (status)
		return status;
	return peer_close(fam, wait_attached(fam, options));
}
