// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <poll.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include "fam-tool.h"

/* Each doorbell of each peer is a descriptor. */
static void raise_limit(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
		return;
	limit.rlim_cur = limit.rlim_max;
	/* If it cannot be had, fam_open() says what is missing. */
	(void)setrlimit(RLIMIT_NOFILE, &limit);
}

/* An attachment with doorbells; an exit status. */
static int open_peer(const struct options *options, struct fam **out)
{
	int r;

	if (!options->fabric || strncmp(options->fabric, "server:", 7) != 0)
		return say_usage("only a server's fabric has doorbells here: "
				 "'-f server:NAME'");
	raise_limit();
	r = fam_open(out, options->fabric, FAM_OPEN_DOORBELL);
	return r < 0 ? say_failure(options, "attach to", r) : EXIT_DONE;
}

static int say_no_vector(const struct options *options, struct fam *fam,
			 uint64_t vector)
{
	fprintf(stderr,
		"fam: peers of fabric '%s' have no vector %" PRIu64 "\n"
		"hint: they have 0 to %d\n",
		options->fabric, vector, fam_doorbell_vectors(fam) - 1);
	return EXIT_USAGE;
}

/* --- peers ------------------------------------------------------------------ */

static int print_peer(unsigned int peer, void *arg)
{
	(void)arg;
	printf("%u\n", peer);
	return 0;
}

static int print_peer_json(unsigned int peer, void *arg)
{
	bool *more = arg;

	printf("%s%u", *more ? ", " : "", peer);
	*more = true;
	return 0;
}

static void print_all_json(struct fam *fam)
{
	bool more = false;

	printf("{\"self\": %d, \"vectors\": %d, \"peers\": [",
	       fam_peer_self(fam), fam_doorbell_vectors(fam));
	fam_peer_each(fam, print_peer_json, &more);
	printf("]}\n");
}

/* Tells what happens until the server is gone: a negative errno. */
static int watch(struct fam *fam)
{
	struct pollfd p = {.fd = fam_peer_fd(fam), .events = POLLIN};
	struct fam_peer_event event;
	int r;

	for (;;) {
		r = fam_peer_event(fam, &event);
		if (r == 0)
			printf("%s %" PRIu32 "\n",
			       event.change == FAM_PEER_JOINED ? "joined"
							       : "left",
			       event.peer);
		if (r < 0 && r != -EAGAIN)
			return r;
		if (fflush(stdout) != 0)
			return -EIO;
		if (r == -EAGAIN && poll(&p, 1, -1) < 0 && errno != EINTR)
			return -errno;
	}
}

int cmd_peers(const struct options *options)
{
	struct fam *fam = NULL;
	int r = 0, status;

	if (options->json && options->watch)
		return say_usage("'--json' and '--watch' exclude each other");
	status = open_peer(options, &fam);
	if (status)
		return status;
	if (options->json)
		print_all_json(fam);
	else
		fam_peer_each(fam, print_peer, NULL);
	if (options->watch)
		r = watch(fam);
	fam_close(fam);
	if (r < 0 && !ferror(stdout))
		status = say_failure(options, "watch the peers of", r);
	return finish_output(status);
}

/* --- ring ------------------------------------------------------------------- */

/* Whom to ring how often. */
struct ringing {
	const struct options *options;
	struct fam *fam;
	bool all;
	uint64_t peer, vector;
	unsigned int rung; /* peers */
};

/* PEER or "all", and :VECTOR. */
static int parse_target(const char *text, struct ringing *out)
{
	size_t len = strcspn(text, ":");
	char peer[32];

	if (len >= sizeof(peer))
		return -EINVAL;
	memcpy(peer, text, len);
	peer[len] = '\0';
	out->all = strcmp(peer, "all") == 0;
	if (text[len] && parse_number(text + len + 1, &out->vector) < 0)
		return -EINVAL;
	return out->all ? 0 : parse_number(peer, &out->peer);
}

static int say_ring_failure(const struct ringing *ringing, int error)
{
	const char *fabric = ringing->options->fabric;

	if (error == -ENOENT) {
		fprintf(stderr,
			"fam: fabric '%s' has no peer %" PRIu64 "\n"
			"hint: 'fam -f %s peers' names them\n",
			fabric, ringing->peer, fabric);
		return EXIT_NO_FABRIC;
	}
	if (error == -ERANGE)
		return say_no_vector(ringing->options, ringing->fam,
				     ringing->vector);
	return say_failure(ringing->options, "ring a peer of", error);
}

static int ring_one(unsigned int peer, void *arg)
{
	struct ringing *ringing = arg;
	int r = 0;

	if (ringing->vector > UINT_MAX)
		return -ERANGE;
	for (uint64_t i = 0; i < ringing->options->count && r == 0; i++)
		r = fam_doorbell_ring(ringing->fam, peer,
				      (unsigned int)ringing->vector);
	/* Of all, one may leave meanwhile. */
	if (r == -ENOENT && ringing->all)
		return 0;
	if (r == 0)
		ringing->rung++;
	return r;
}

int cmd_ring(const struct options *options)
{
	struct ringing ringing = {.options = options};
	int r, status;

	if (parse_target(options->operand, &ringing) < 0)
		return say_usage("'%s' is not PEER[:VECTOR] or all[:VECTOR]",
				 options->operand);
	status = open_peer(options, &ringing.fam);
	if (status)
		return status;
	if (ringing.all)
		r = fam_peer_each(ringing.fam, ring_one, &ringing);
	else if (ringing.peer > UINT_MAX)
		r = -ENOENT;
	else
		r = ring_one((unsigned int)ringing.peer, &ringing);
	if (r < 0)
		status = say_ring_failure(&ringing, r);
	fam_close(ringing.fam);
	if (ringing.all && r == 0)
		printf("%u peer%s rung\n", ringing.rung,
		       ringing.rung == 1 ? "" : "s");
	return finish_output(status);
}

/* --- wait ------------------------------------------------------------------- */

#define TIMEOUT_MAX_S 2000000 /* about 23 days: milliseconds fit an int */

static int64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* Adds up rings until there are enough; 0 or a negative errno. */
static int wait_for(struct fam *fam, const struct options *options,
		    uint64_t *rings)
{
	int64_t end = now_ms() + (int64_t)options->timeout * 1000;

	while (*rings < options->count) {
		int64_t left = options->has_timeout ? end - now_ms() : -1;
		uint64_t more = 0;
		int r;

		if (options->has_timeout && left < 0)
			left = 0;
		r = fam_doorbell_wait(fam, (unsigned int)options->vector,
				      (int)left, &more);
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
		return say_failure(options, "wait at", error);
	fprintf(stderr,
		"fam: %" PRIu64 " of %" PRIu64 " rings came within %" PRIu64
		" seconds\n",
		rings, options->count, options->timeout);
	return EXIT_FAILED;
}

int cmd_wait(const struct options *options)
{
	uint64_t rings = 0;
	struct fam *fam = NULL;
	int r, status;

	if (options->timeout > TIMEOUT_MAX_S)
		return say_usage("'--timeout' is at most %d", TIMEOUT_MAX_S);
	status = open_peer(options, &fam);
	if (status)
		return status;
	if (options->vector >= (uint64_t)fam_doorbell_vectors(fam)) {
		status = say_no_vector(options, fam, options->vector);
		fam_close(fam);
		return status;
	}
	/* Whoever is to ring must know where. */
	printf("peer %d waits at vector %" PRIu64 "\n", fam_peer_self(fam),
	       options->vector);
	fflush(stdout);
	r = wait_for(fam, options, &rings);
	if (r < 0)
		status = say_wait_failure(options, r, rings);
	else
		printf("%" PRIu64 " rings\n", rings);
	fam_close(fam);
	return finish_output(status);
}
