// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
/*
 * Round trips between two programs on one fabric, in nodes or on the host: by
 * doorbell, and by a word of the memory that the other one spins on.
 *
 *	bench-bell echo FABRIC		says "ready", answers until told to end
 *	bench-bell ping FABRIC WAY:COUNT...
 *	bench-bell end FABRIC
 *
 *	bell	ring the other one, wait to be rung; its value is in the memory
 *	word	store a value, spin until it stands in the answer
 *
 * FABRIC "" is the only one. Prints a line for each WAY:
 * "WAY CPU_US ECHO_CPU_US ROUND_TRIP...", CPU time of both programs in one
 * operation, and all round trips in nanoseconds. Lies at the start of the data.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <fam/fam.h>

#include "bench.h"

#define COUNT_MAX  200000
#define PATIENCE_S 120
#define WAIT_MS	   60000

enum way { WAY_NONE, WAY_BELL, WAY_WORD, WAY_END };

/* A line of the cache for each word that somebody spins on. */
struct area {
	_Atomic uint64_t order; /* number << 8 | way */
	_Atomic uint64_t count;
	_Atomic uint64_t caller; /* peer ID of who pings */
	uint64_t pad0[5];
	_Atomic uint64_t ready; /* the order that the echo is at */
	_Atomic uint64_t echo;	/* its peer ID */
	_Atomic uint64_t cpu_ns, done;
	uint64_t pad1[4];
	_Atomic uint64_t ping;
	uint64_t pad2[7];
	_Atomic uint64_t pong;
};

static struct fam *fam;
static struct area *area;

static uint64_t get(const _Atomic uint64_t *word)
{
	return atomic_load_explicit(word, memory_order_acquire);
}

static void put(_Atomic uint64_t *word, uint64_t value)
{
	atomic_store_explicit(word, value, memory_order_release);
}

/* Between the measurements: asleep, so that the other side has a processor. */
static void nap(void)
{
	const struct timespec ms = {.tv_nsec = 1000000};

	nanosleep(&ms, NULL);
}

static uint64_t await_order(uint64_t old)
{
	uint64_t order;

	while ((order = get(&area->order)) == old)
		nap();
	return order;
}

/* Rung for the value, which may have come with an earlier ring. */
static void await_rung(const _Atomic uint64_t *word, uint64_t value)
{
	while (get(word) != value) {
		int r = fam_doorbell_wait(fam, 0, WAIT_MS, NULL);

		must("wait", r == -EINTR ? 0 : r);
	}
}

static void await_word(const _Atomic uint64_t *word, uint64_t value)
{
	while (get(word) != value)
		atomic_signal_fence(memory_order_seq_cst);
}

static void ring(uint64_t peer)
{
	must("ring", fam_doorbell_ring(fam, (unsigned int)peer, 0));
}

/* --- the side that answers ------------------------------------------------------- */

static void echo_order(enum way way, uint64_t count)
{
	uint64_t peer = get(&area->caller);

	for (uint64_t i = 1; i <= count; i++) {
		if (way == WAY_BELL)
			await_rung(&area->ping, i);
		else
			await_word(&area->ping, i);
		put(&area->pong, i);
		if (way == WAY_BELL)
			ring(peer);
	}
}

static void echo(void)
{
	uint64_t order = get(&area->order), cpu;

	put(&area->echo, (uint64_t)fam_peer_self(fam));
	puts("ready");
	fflush(stdout);
	for (;;) {
		order = await_order(order);
		if ((order & 0xff) == WAY_END)
			return;
		put(&area->pong, 0);
		cpu = cpu_ns();
		put(&area->ready, order);
		echo_order((enum way)(order & 0xff), get(&area->count));
		cpu = cpu_ns() - cpu;
		put(&area->cpu_ns, cpu);
		put(&area->done, order);
	}
}

/* --- the side that asks ---------------------------------------------------------- */

static void give_order(enum way way, uint64_t count)
{
	uint64_t order = ((get(&area->order) >> 8) + 1) << 8 | way;

	put(&area->ping, 0);
	put(&area->count, count);
	put(&area->caller, (uint64_t)fam_peer_self(fam));
	put(&area->order, order);
	while (way != WAY_END && get(&area->ready) != order)
		nap();
}

static void round_trips(enum way way, uint64_t count, uint32_t *ns)
{
	uint64_t peer = get(&area->echo);

	for (uint64_t i = 1; i <= count; i++) {
		uint64_t began = time_ns(CLOCK_MONOTONIC);

		put(&area->ping, i);
		if (way == WAY_BELL) {
			ring(peer);
			await_rung(&area->pong, i);
		} else {
			await_word(&area->pong, i);
		}
		ns[i - 1] = (uint32_t)(time_ns(CLOCK_MONOTONIC) - began);
	}
}

/* "WAY:COUNT" */
static void measure(const char *text)
{
	enum way way = strncmp(text, "bell:", 5) == 0 ? WAY_BELL : WAY_WORD;
	uint64_t count = strtoul(text + 5, NULL, 10), cpu;
	uint32_t *ns;

	if (count == 0 || count > COUNT_MAX)
		fail("read WAY:COUNT", "it is not bell:COUNT or word:COUNT");
	ns = calloc(count, sizeof(*ns));
	if (!ns)
		fail("keep the times", "no memory");
	give_order(way, count);
	cpu = cpu_ns();
	round_trips(way, count, ns);
	cpu = cpu_ns() - cpu;
	while (get(&area->done) != get(&area->order))
		nap();
	printf("%.4s %.1f %.1f", text, (double)cpu / (double)count / 1000,
	       (double)get(&area->cpu_ns) / (double)count / 1000);
	for (uint64_t i = 0; i < count; i++)
		printf(" %" PRIu32, ns[i]);
	putchar('\n');
	free(ns);
}

int main(int argc, char **argv)
{
	void *window;

	if (argc < 3) {
		fputs("usage: bench-bell echo|ping|end FABRIC [WAY:COUNT...]\n",
		      stderr);
		return 2;
	}
	must("open the fabric", fam_open(&fam, argv[2], 0));
	must("map the fabric", fam_map(fam, 0, sizeof(*area), &window));
	area = window;
	if (strcmp(argv[1], "echo") == 0)
		echo();
	else if (strcmp(argv[1], "end") == 0)
		give_order(WAY_END, 0);
	/* The other side may have gone: then this is ended, too. */
	alarm(PATIENCE_S);
	for (int i = 3; i < argc; i++)
		measure(argv[i]);
	fam_close(fam);
	return fflush(stdout) == 0 ? 0 : 1;
}
