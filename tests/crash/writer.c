// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
/*
 * Commits records and acknowledges each one by a line, only after the library
 * said that it is durable. For nodes and the host; see record.h.
 *
 * usage: fam-writer [OPTION...] [FABRIC]
 *	--area N	its part of the fabric (0)
 *	--threads T	so many, with one attachment, in areas N to N + T - 1
 *	--ack PATH	where lines go: a socket is connected to, else a file or
 *			terminal opened to append; default stdout
 *	--group K	K ranges asked for, one wait (0: fam_persist() of each)
 *	--copy		store by fam_memcpy_persist()
 *	--no-persist	acknowledge what was only stored: a control that must lose
 *	--count N	end after N records of each thread
 *	--seconds S	end after S seconds
 *	--seed N	of slots, lengths and contents
 *	--timeout MS	of the wait for a group (-1)
 *	--stop-on-error	end at the first error, with status 1
 *	--pause US	between records
 *
 * Lines: "ack AREA SLOT SEQUENCE". Errors go to stderr, "error ERRNO TEXT". To
 * stdout go "way WAY" at the begin and "end acks N errors N" at the end.
 */
#include <err.h>
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <fam/fam.h>

#include "marks.h"
#include "record.h"
#include "util/clock.h"

#define GROUP_MAX   64
#define THREADS_MAX 16

/* What was asked for. */
struct task {
	uint32_t area;
	unsigned int group, threads;
	bool copy, no_persist, stop_on_error;
	uint64_t count, seconds, seed, pause_us;
	int timeout, ack;
};

/* One thread. */
struct writer {
	const struct task *task;
	struct fam *fam;
	char *memory;
	pthread_t thread;
	uint64_t random, sequence, acks, errors;
	uint64_t flying_as[GROUP_MAX]; /* sequence numbers of the group */
	uint32_t flying[GROUP_MAX];    /* and its slots */
	unsigned int flying_count;
	uint32_t area;
	uint8_t place[RECORD_SLOTS]; /* the next one to be written */
};

static volatile sig_atomic_t stop;

static void on_signal(int number)
{
	(void)number;
	stop = 1;
}

static void complain(struct writer *w, const char *what, int r)
{
	w->errors++;
	fprintf(stderr, "error %d %s: %s\n", -r, what, fam_strerror(r));
	if (w->task->stop_on_error)
		stop = 1;
}

static void acknowledge(struct writer *w, uint32_t slot, uint64_t sequence)
{
	marks_say(w->task->ack, "ack %" PRIu32 " %" PRIu32 " %" PRIu64 "\n",
		  w->area, slot, sequence);
	w->acks++;
	/* From now on the other place is the free one. */
	w->place[slot] ^= 1;
}

static void commit_one(struct writer *w, char *to, const struct record *r)
{
	int ret = 0;

	if (w->task->copy && !w->task->no_persist) {
		ret = fam_memcpy_persist(w->fam, to, r, r->length);
	} else {
		memcpy(to, r, r->length);
		if (!w->task->no_persist)
			ret = fam_persist(w->fam, to, r->length);
	}
	if (ret < 0)
		complain(w, "persist", ret);
	else
		acknowledge(w, r->slot, r->sequence);
}

static void finish_group(struct writer *w)
{
	int r = 0;

	if (w->flying_count == 0)
		return;
	do
		r = w->task->no_persist ? 0
					: fam_wait(w->fam, FAM_TICKET_ALL,
						   w->task->timeout);
	while (r == -EINTR && !stop);
	for (unsigned int i = 0; r == 0 && i < w->flying_count; i++)
		acknowledge(w, w->flying[i], w->flying_as[i]);
	if (r < 0)
		complain(w, "wait", r);
	w->flying_count = 0;
}

static void commit_later(struct writer *w, char *to, const struct record *r)
{
	int ret = 0;

	memcpy(to, r, r->length);
	if (!w->task->no_persist)
		ret = fam_persist_async(w->fam, to, r->length, NULL);
	if (ret < 0) {
		complain(w, "persist-async", ret);
		return;
	}
	w->flying[w->flying_count] = r->slot;
	w->flying_as[w->flying_count++] = r->sequence;
	if (w->flying_count == w->task->group)
		finish_group(w);
}

/* One that is not under way: its other place holds what was acknowledged. */
static uint32_t choose_slot(struct writer *w)
{
	uint32_t slot;
	unsigned int i;

	do {
		slot = (uint32_t)(record_random(&w->random) % RECORD_SLOTS);
		for (i = 0; i < w->flying_count && w->flying[i] != slot; i++)
			continue;
	} while (i < w->flying_count);
	return slot;
}

static void write_one(struct writer *w)
{
	struct record r;
	uint32_t slot = choose_slot(w);
	char *to = w->memory + record_place(slot, w->place[slot]);

	record_fill(&r, w->area, slot, ++w->sequence, &w->random);
	if (w->task->group)
		commit_later(w, to, &r);
	else
		commit_one(w, to, &r);
	if (w->task->pause_us)
		usleep((useconds_t)w->task->pause_us);
}

/*
 * Goes on where an earlier life ended. What it stored but never acknowledged
 * is made durable first, since from now on its place counts as the last one.
 */
static void resume(struct writer *w)
{
	int r = 0;

	for (uint32_t slot = 0; slot < RECORD_SLOTS; slot++) {
		uint64_t seen[2];

		for (unsigned int i = 0; i < 2; i++) {
			seen[i] =
				record_check(w->memory + record_place(slot, i),
					     w->area, slot);
			if (seen[i] > w->sequence)
				w->sequence = seen[i];
		}
		w->place[slot] = seen[0] > seen[1];
	}
	if (w->sequence && !w->task->no_persist)
		r = fam_persist(w->fam, w->memory, RECORD_AREA);
	if (r < 0) {
		complain(w, "persist", r);
		stop = 1;
	}
}

static void map_area(struct writer *w)
{
	void *memory;
	int r = fam_map(w->fam, w->area * RECORD_AREA, RECORD_AREA, &memory);

	if (r < 0)
		errx(1, "cannot map the fabric: %s", fam_strerror(r));
	w->memory = memory;
}

static const struct option options[] = {
	{"area", required_argument, NULL, 'a'},
	{"threads", required_argument, NULL, 'T'},
	{"ack", required_argument, NULL, 'k'},
	{"group", required_argument, NULL, 'g'},
	{"copy", no_argument, NULL, 'c'},
	{"no-persist", no_argument, NULL, 'n'},
	{"count", required_argument, NULL, 'N'},
	{"seconds", required_argument, NULL, 's'},
	{"seed", required_argument, NULL, 'S'},
	{"timeout", required_argument, NULL, 't'},
	{"stop-on-error", no_argument, NULL, 'e'},
	{"pause", required_argument, NULL, 'p'},
	{NULL, 0, NULL, 0},
};

static unsigned int at_most(uint64_t number, unsigned int max)
{
	return number < max ? (unsigned int)number : max;
}

static void take_option(struct task *t, int opt, const char *arg)
{
	uint64_t number = strtoull(arg, NULL, 10);

	switch (opt) {
	case 'a':
		t->area = (uint32_t)number;
		break;
	case 'T':
		t->threads = at_most(number, THREADS_MAX);
		break;
	case 'k':
		t->ack = marks_open(arg);
		break;
	case 'g':
		t->group = at_most(number, GROUP_MAX);
		break;
	case 'c':
		t->copy = true;
		break;
	case 'n':
		t->no_persist = true;
		break;
	case 'N':
		t->count = number;
		break;
	case 's':
		t->seconds = number;
		break;
	case 'S':
		t->seed = number;
		break;
	case 't':
		t->timeout = atoi(arg);
		break;
	case 'e':
		t->stop_on_error = true;
		break;
	case 'p':
		t->pause_us = number;
		break;
	default:
		errx(2, "usage: fam-writer [OPTION...] [FABRIC]");
	}
}

static void *run(void *arg)
{
	struct writer *w = arg;
	const struct task *t = w->task;
	uint64_t end = clock_ms() + t->seconds * 1000;

	resume(w);
	while (!stop && (t->count == 0 || w->acks + w->errors < t->count) &&
	       (t->seconds == 0 || clock_ms() < end))
		write_one(w);
	finish_group(w);
	return NULL;
}

static uint64_t run_all(const struct task *t, struct fam *fam)
{
	static struct writer writers[THREADS_MAX];
	uint64_t acks = 0, errors = 0;

	for (unsigned int i = 0; i < t->threads; i++) {
		struct writer *w = &writers[i];

		*w = (struct writer){.task = t,
				     .fam = fam,
				     .area = t->area + i,
				     .random = t->seed + i};
		map_area(w);
		if (pthread_create(&w->thread, NULL, run, w) != 0)
			errx(1, "cannot start a thread");
	}
	for (unsigned int i = 0; i < t->threads; i++) {
		pthread_join(writers[i].thread, NULL);
		acks += writers[i].acks;
		errors += writers[i].errors;
	}
	printf("end acks %" PRIu64 " errors %" PRIu64 "\n", acks, errors);
	return errors;
}

static void say_way(struct fam *fam)
{
	static const char *const names[] = {
		[FAM_PERSIST_NONE] = "none",
		[FAM_PERSIST_HOST] = "host",
		[FAM_PERSIST_DRAIN] = "drain",
		[FAM_PERSIST_DAX] = "dax",
		[FAM_PERSIST_MAILBOX] = "mailbox",
		[FAM_PERSIST_WINDOW] = "window",
	};
	struct fam_info info;

	if (fam_get_info(fam, &info, sizeof(info)) == 0)
		printf("way %s\n", names[info.persist]);
	fflush(stdout);
}

int main(int argc, char **argv)
{
	struct task t = {
		.ack = STDOUT_FILENO, .timeout = -1, .seed = 1, .threads = 1};
	uint64_t errors;
	struct fam *fam;
	int opt, r;

	while ((opt = getopt_long(argc, argv, "", options, NULL)) != -1)
		take_option(&t, opt, optarg ? optarg : "");
	signal(SIGTERM, on_signal);
	signal(SIGINT, on_signal);
	r = fam_open(&fam, argv[optind], 0);
	if (r < 0)
		errx(1, "cannot open the fabric: %s", fam_strerror(r));
	say_way(fam);
	errors = run_all(&t, fam);
	fam_close(fam);
	return t.stop_on_error && errors ? 1 : 0;
}
