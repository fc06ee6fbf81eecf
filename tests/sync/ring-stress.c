// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
/*
 * A ring under stress, by processes of the host and of nodes.
 *
 *	fam-ring-stress run FABRIC KIND PRODUCERS CONSUMERS COUNT
 *		all of it here; KIND: spsc, mpsc, mpmc, or those with "-polled"
 *	fam-ring-stress push FABRIC KIND PRODUCER COUNT
 *	fam-ring-stress pop FABRIC KIND TOTAL
 *		until TOTAL messages were popped by all
 *	fam-ring-stress check FABRIC KIND TOTAL
 *		when all have ended: nothing lost, nothing twice
 *	fam-ring-stress remove FABRIC KIND
 *
 * Each message says who sent it, its number, and a mix of both. The messages of
 * one producer come to each consumer in their order; what all producers sent and
 * all consumers got has the same sums.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fam/fam.h>
#include <fam/object.h>
#include <fam/ring.h>
#include <fam/session.h>

#define SLOTS	  1024
#define BURST	  32
#define PRODUCERS 64
#define SILENCE	  60000 /* ms: nothing comes for so long */
#define LEASE	  60000 /* ms */

struct message {
	uint64_t producer, number, mixed;
};

struct sums {
	_Atomic uint64_t pushed, pushed_mix, popped, popped_mix;
};

static struct fam *fam;
static struct fam_object *object;
static struct sums *sums;
static char name[64], sums_name[80];
static struct fam_ring_config config = {FAM_RING_MPMC, 0, SLOTS,
					sizeof(struct message)};

static int fail(const char *what, const char *cause)
{
	fprintf(stderr, "fam-ring-stress: %s: %s\n", what, cause);
	exit(1);
}

static int check(const char *what, int r)
{
	return r < 0 ? fail(what, fam_strerror(r)) : r;
}

/* splitmix64: Steele and others, "Fast splittable pseudorandom generators" */
static uint64_t mix(uint64_t x)
{
	x += UINT64_C(0x9e3779b97f4a7c15);
	x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
	return x ^ (x >> 31);
}

static uint64_t mix_of(uint64_t producer, uint64_t number)
{
	return mix(producer << 56 ^ number);
}

static void name_all(const char *kind)
{
	snprintf(name, sizeof(name), "ring-stress/%s", kind);
	snprintf(sums_name, sizeof(sums_name), "%s/sums", name);
	if (strncmp(kind, "spsc", 4) == 0)
		config.kind = FAM_RING_SPSC;
	else if (strncmp(kind, "mpsc", 4) == 0)
		config.kind = FAM_RING_MPSC;
	else if (strncmp(kind, "mpmc", 4) != 0)
		fail("kind", kind);
	if (strcmp(kind + 4, "-polled") == 0)
		config.flags = FAM_RING_POLLED;
}

static void attach(const char *fabric, const char *kind)
{
	const struct fam_object_want want = {.type = FAM_OBJECT_MEMORY,
					     .flags = FAM_OBJECT_CREATE,
					     .bytes = sizeof(struct sums)};

	name_all(kind);
	check("open", fam_open(&fam, fabric, 0));
	/* A machine may be so busy that a thread stands still for seconds. */
	check("lease", fam_session_set(fam, NULL, LEASE));
	check("sums", fam_object_open(fam, sums_name, &want, &object));
	sums = fam_object_memory(object);
}

static struct fam_ring *open_ring(unsigned int role)
{
	struct fam_ring *ring;

	check("ring", fam_ring_open(fam, name, &config, role, &ring));
	return ring;
}

static int push(uint64_t producer, uint64_t count)
{
	struct fam_ring *ring = open_ring(FAM_RING_PUSH);
	uint64_t state = mix(producer), sum = 0;

	for (uint64_t i = 0; i < count;) {
		struct message m[BURST];
		unsigned int n = 1 + (unsigned int)(state % BURST), k;

		state = mix(state);
		for (k = 0; k < n && i + k < count; k++) {
			m[k].producer = producer;
			m[k].number = i + k;
			m[k].mixed = mix_of(producer, i + k);
			sum += m[k].mixed;
		}
		if (check("push", fam_ring_push_wait(ring, m, k, SILENCE)) !=
		    (int)k)
			fail("push", "not all");
		i += k;
	}
	atomic_fetch_add(&sums->pushed_mix, sum);
	atomic_fetch_add(&sums->pushed, count);
	fam_ring_close(ring);
	return 0;
}

static uint64_t take_note(const struct message *m, uint64_t *next)
{
	if (m->producer >= PRODUCERS ||
	    m->mixed != mix_of(m->producer, m->number))
		fail("pop", "torn message");
	if (m->number < next[m->producer])
		fail("pop", "out of order, or twice");
	next[m->producer] = m->number + 1;
	return m->mixed;
}

static int pop(uint64_t total)
{
	struct fam_ring *ring = open_ring(FAM_RING_POP);
	uint64_t next[PRODUCERS] = {0}, state = mix(total), sum = 0;
	int vain = 0;

	while (atomic_load(&sums->popped) < total && vain < SILENCE / 100) {
		struct message m[BURST];
		unsigned int n = 1 + (unsigned int)(state % BURST);
		int r = fam_ring_pop_wait(ring, m, n, 100);

		state = mix(state);
		vain = r == -ETIMEDOUT ? vain + 1 : 0;
		if (r == -ETIMEDOUT)
			continue;
		check("pop", r);
		for (int i = 0; i < r; i++)
			sum += take_note(&m[i], next);
		atomic_fetch_add(&sums->popped, (uint64_t)r);
	}
	atomic_fetch_add(&sums->popped_mix, sum);
	fam_ring_close(ring);
	return 0;
}

static int check_all(uint64_t total)
{
	printf("%" PRIu64 " pushed, %" PRIu64 " popped\n", sums->pushed,
	       sums->popped);
	if (sums->pushed != total || sums->popped != total)
		return fail("check", "messages were lost, or came twice");
	if (sums->pushed_mix != sums->popped_mix)
		return fail("check", "these are not the messages");
	return 0;
}

static int remove_all(void)
{
	int r;

	fam_object_close(object);
	r = fam_object_remove(fam, sums_name);
	if (r == 0)
		r = fam_object_remove(fam, name);
	return check("remove", r == -ENOENT ? 0 : r);
}

static void start(const char *self, const char *verb, char **argv,
		  const char *third, const char *fourth)
{
	if (fork() == 0) {
		execl(self, "fam-ring-stress", verb, argv[2], argv[3], third,
		      fourth, (char *)NULL);
		_exit(127);
	}
}

/* run FABRIC KIND PRODUCERS CONSUMERS COUNT */
static int run(char **argv)
{
	unsigned int producers = (unsigned int)atoi(argv[4]);
	unsigned int consumers = (unsigned int)atoi(argv[5]);
	uint64_t total = strtoull(argv[6], NULL, 10) * producers;
	char text[32], all[32];
	int status, failed = 0;

	attach(argv[2], argv[3]);
	remove_all();
	fam_close(fam);
	snprintf(all, sizeof(all), "%" PRIu64, total);
	for (unsigned int i = 0; i < producers; i++) {
		snprintf(text, sizeof(text), "%u", i);
		start("/proc/self/exe", "push", argv, text, argv[6]);
	}
	for (unsigned int i = 0; i < consumers; i++)
		start("/proc/self/exe", "pop", argv, all, NULL);
	while (wait(&status) > 0)
		failed |= status;
	attach(argv[2], argv[3]);
	if (failed)
		return fail("run", "a process has failed");
	check_all(total);
	return remove_all();
}

int main(int argc, char **argv)
{
	const char *verb = argc > 3 ? argv[1] : "";
	int r = 2;

	if (strcmp(verb, "run") == 0 && argc == 7) {
		r = run(argv);
	} else if (argc > 3) {
		attach(argv[2], argv[3]);
		if (strcmp(verb, "push") == 0 && argc == 6)
			r = push(strtoull(argv[4], NULL, 10) % PRODUCERS,
				 strtoull(argv[5], NULL, 10));
		else if (strcmp(verb, "pop") == 0 && argc == 5)
			r = pop(strtoull(argv[4], NULL, 10));
		else if (strcmp(verb, "check") == 0 && argc == 5)
			r = check_all(strtoull(argv[4], NULL, 10));
		else if (strcmp(verb, "remove") == 0)
			r = remove_all();
	}
	if (r == 2)
		fprintf(stderr, "usage: fam-ring-stress run|push|pop|check|"
				"remove FABRIC KIND ...\n");
	fam_close(fam);
	return r;
}
