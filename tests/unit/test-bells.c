// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
/*
 * Doorbells without a server's help: counters in the table of sessions, alone
 * and beside the eventfds of a server, which is played here.
 */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <sys/utsname.h>
#include <sys/wait.h>

#include <cmocka.h>

#include <fam-sessions.h>
#include <fam/session.h>

#include "fake-attach.h"
#include "fam-bells.h"

#define LIVES_MS \
	60000 /* lease of those that must not expire in a busy machine */
#define SOON_MS 20000 /* what must come comes in this time */

/* An attachment to the file of the fabric, known as @name. */
static struct fam *open_file(const char *name)
{
	struct fam *fam = NULL;

	assert_int_equal(fam_open(&fam, "f1", 0), 0);
	assert_int_equal(fam_session_set(fam, name, LIVES_MS), 0);
	return fam;
}

static unsigned int self_of(struct fam *fam)
{
	int self = fam_peer_self(fam);

	assert_true(self > 0);
	return (unsigned int)self;
}

static struct fam_sessions_slot *slot_of(struct fam *fam)
{
	struct fam_sessions *table = fam_session_table(fam);

	return &table->slot[self_of(fam) - FAM_PEER_SOFT];
}

/* All that come to a vector until @wanted are there, or too many. */
static uint64_t collect(struct fam *fam, unsigned int vector, uint64_t wanted)
{
	uint64_t sum = 0;

	while (sum < wanted) {
		uint64_t count = 0;

		assert_int_equal(
			fam_doorbell_wait(fam, vector, SOON_MS, &count), 0);
		assert_true(count > 0);
		sum += count;
	}
	return sum;
}

static void expect_silence(struct fam *fam, unsigned int vector)
{
	uint64_t count = 99;

	assert_int_equal(fam_doorbell_wait(fam, vector, 0, &count), -ETIMEDOUT);
	assert_int_equal(count, 99);
}

static void expect_rings(struct fam *fam, unsigned int vector, uint64_t rings)
{
	uint64_t count = 0;

	assert_int_equal(fam_doorbell_wait(fam, vector, SOON_MS, &count), 0);
	assert_int_equal(count, rings);
}

/* --- counters alone ---------------------------------------------------------- */

static void programs_at_the_file_ring_each_other(void **state)
{
	struct fam *a = open_file("a"), *b = open_file("b");
	struct fam_info info;

	(void)state;
	assert_true(self_of(a) >= FAM_PEER_SOFT);
	assert_int_not_equal(self_of(a), self_of(b));
	assert_int_equal(fam_doorbell_vectors(a), FAM_SESSIONS_BELLS);
	assert_int_equal(fam_get_info(a, &info, sizeof(info)), 0);
	assert_int_equal(info.interrupts, FAM_INTERRUPTS_POLLED);
	assert_int_equal(info.backend, FAM_BACKEND_FILE);
	assert_int_equal(info.peer, self_of(a));
	assert_int_equal(info.vectors, 0);
	for (int i = 0; i < 3; i++)
		assert_int_equal(fam_doorbell_ring(a, self_of(b), 31), 0);
	assert_int_equal(fam_doorbell_ring(a, self_of(a), 0), 0);
	expect_silence(b, 0);
	expect_rings(b, 31, 3);
	expect_silence(b, 31);
	expect_rings(a, 0, 1);
	fam_close(a);
	fam_close(b);
}

static void whom_nobody_knows_is_not_rung(void **state)
{
	struct fam *a = open_file("a"), *b = open_file("b");
	struct fam_sessions *table = fam_session_table(a);
	unsigned int gone = self_of(b);

	(void)state;
	assert_int_equal(fam_doorbell_ring(a, gone, 32), -ERANGE);
	assert_int_equal(fam_doorbell_ring(a, gone, UINT32_MAX), -ERANGE);
	assert_int_equal(fam_doorbell_ring(a, FAM_PEER_SERVER, 0), -EOPNOTSUPP);
	assert_int_equal(fam_doorbell_ring(a, 7, 0), -ENOENT);
	/* It is there, and nothing in it can be rung from here. */
	table->server = 1;
	table->present[0] = 1 << 7;
	assert_int_equal(fam_doorbell_ring(a, 7, 0), -EOPNOTSUPP);
	table->server = 0;
	assert_int_equal(fam_doorbell_ring(a, 7, 0), -ENOENT);
	assert_int_equal(fam_doorbell_ring(a, FAM_PEER_SOFT + 1024, 0),
			 -ENOENT);
	assert_int_equal(fam_doorbell_ring(a, FAM_PEER_ALL - 1, 0), -ENOENT);
	fam_close(b);
	assert_int_equal(fam_doorbell_ring(a, gone, 0), -ENOENT);
	assert_int_equal(fam_doorbell_wait(a, 32, 0, NULL), -ERANGE);
	assert_int_equal(fam_doorbell_fd(a, 32), -ERANGE);
	fam_close(a);
}

static int note(unsigned int peer, void *arg)
{
	unsigned int *seen = arg;

	seen[++seen[0]] = peer;
	return 0;
}

static void all_are_rung_but_oneself(void **state)
{
	struct fam *one[4];
	unsigned int seen[8] = {0};

	(void)state;
	for (int i = 0; i < 4; i++)
		one[i] = open_file("one");
	assert_int_equal(fam_peer_each(one[1], note, seen), 0);
	assert_int_equal(seen[0], 3);
	assert_int_equal(fam_doorbell_ring(one[1], FAM_PEER_ALL, 5), 0);
	for (int i = 0; i < 4; i++) {
		if (i != 1)
			expect_rings(one[i], 5, 1);
	}
	expect_silence(one[1], 5);
	for (int i = 0; i < 4; i++)
		fam_close(one[i]);
}

static void peers_are_found_by_name(void **state)
{
	struct fam *a = open_file("a"), *b = open_file("b"),
		   *c = open_file("c");
	struct utsname uts;
	unsigned int peer = 77;
	char name[200];

	(void)state;
	uname(&uts);
	assert_int_equal(fam_peer_find(a, "/b", &peer), 0);
	assert_int_equal(peer, self_of(b));
	snprintf(name, sizeof(name), "%s/c", uts.nodename);
	assert_int_equal(fam_peer_find(a, name, &peer), 0);
	assert_int_equal(peer, self_of(c));
	assert_int_equal(fam_peer_find(a, "/a", &peer), 0);
	assert_int_equal(peer, self_of(a));
	snprintf(name, sizeof(name), "%u", self_of(b));
	assert_int_equal(fam_peer_find(a, name, &peer), 0);
	assert_int_equal(peer, self_of(b));
	peer = 77;
	assert_int_equal(fam_peer_find(a, uts.nodename, &peer), -ENOTUNIQ);
	assert_int_equal(fam_peer_find(a, "/d", &peer), -ENOENT);
	assert_int_equal(fam_peer_find(a, "", &peer), -ENOENT);
	assert_int_equal(fam_peer_find(a, "nobody", &peer), -ENOENT);
	assert_int_equal(fam_peer_find(a, "7", &peer), -ENOENT);
	assert_int_equal(fam_peer_find(a, "99999999999999999999", &peer),
			 -ENOENT);
	assert_int_equal(peer, 77);
	fam_close(c);
	/* Oneself only if there is nobody else. */
	assert_int_equal(fam_peer_find(a, uts.nodename, &peer), 0);
	assert_int_equal(peer, self_of(b));
	fam_close(b);
	assert_int_equal(fam_peer_find(a, uts.nodename, &peer), 0);
	assert_int_equal(peer, self_of(a));
	fam_close(a);
}

static void any_vector_is_waited_for_in_turn(void **state)
{
	struct fam *a = open_file("a");
	unsigned int vector = 99;
	uint64_t count;

	(void)state;
	assert_int_equal(fam_doorbell_wait_any(a, 0, &vector, &count),
			 -ETIMEDOUT);
	assert_int_equal(vector, 99);
	for (int round = 0; round < 2; round++) {
		for (unsigned int v = 0; v < 4; v++)
			fam_doorbell_ring(a, self_of(a), v * 10);
		fam_doorbell_ring(a, self_of(a), 10);
		for (int i = 0; i < 4; i++) {
			assert_int_equal(
				fam_doorbell_wait_any(a, -1, &vector, &count),
				0);
			assert_int_equal(vector, i * 10);
			assert_true(vector != 10 || count == 2);
			/* The one that is rung all the time comes once. */
			fam_doorbell_ring(a, self_of(a), 0);
		}
	}
	fam_close(a);
}

static void a_descriptor_tells_of_counters(void **state)
{
	struct fam *a = open_file("a"), *b = open_file("b");
	struct pollfd p = {.events = POLLIN};

	(void)state;
	p.fd = fam_doorbell_fd(b, 3);
	assert_true(p.fd >= 0);
	assert_int_equal(fam_doorbell_fd(b, 3), p.fd);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(poll(&p, 1, 0), 0);
		assert_int_equal(fam_doorbell_ring(a, self_of(b), 3), 0);
		assert_int_equal(poll(&p, 1, SOON_MS), 1);
		/* Both what has become an eventfd and what has not yet. */
		assert_int_equal(fam_doorbell_ring(a, self_of(b), 3), 0);
		assert_int_equal(collect(b, 3, 2), 2);
	}
	fam_close(a);
	fam_close(b);
}

/* Whatever a counter becomes, it costs a ring or many, and nothing else. */
static void what_others_write_is_a_count(void **state)
{
	struct fam *a = open_file("a");
	struct fam_sessions_slot *slot = slot_of(a);
	struct pollfd p = {.events = POLLIN};

	(void)state;
	slot->bell[2] += UINT64_C(1) << 40;
	expect_rings(a, 2, UINT64_C(1) << 40);
	slot->bell[2] -= 5;
	expect_rings(a, 2, 1);
	slot->bell[2] = UINT64_MAX - 1;
	expect_rings(a, 2, 1);
	for (int i = 0; i < 3; i++)
		fam_doorbell_ring(a, self_of(a), 2);
	expect_rings(a, 2, 3);
	/* More than fits into an eventfd. */
	p.fd = fam_doorbell_fd(a, 2);
	for (int i = 0; i < 4; i++) {
		slot->bell[2] += INT64_MAX;
		assert_int_equal(poll(&p, 1, SOON_MS), 1);
	}
	assert_int_equal(fam_doorbell_wait(a, 2, 0, NULL), 0);
	fam_close(a);
}

/* A place that others had before: their rings are not ours. */
static void old_rings_are_not_heard(void **state)
{
	struct fam *a = open_file("a"), *b;
	struct fam_sessions *table = fam_session_table(a);

	(void)state;
	for (unsigned int i = 0; i < FAM_SESSIONS_SLOTS; i++)
		table->slot[i].bell[0] = i;
	b = open_file("b");
	expect_silence(b, 0);
	assert_int_equal(fam_doorbell_ring(a, self_of(b), 0), 0);
	expect_rings(b, 0, 1);
	fam_close(b);
	fam_close(a);
}

static void declare_dead(struct fam *fam)
{
	struct fam_sessions *table = fam_session_table(fam);
	struct fam_session self;

	assert_int_equal(fam_session_self(fam, &self), 0);
	assert_true(fam_sessions_kill(
		table, self.id & 0xffff,
		fam_sessions_word(self.id >> 16, 0, FAM_SESSIONS_LIVE),
		FAM_SESSION_EXPIRED));
}

static void *wait_for_ever(void *arg)
{
	return (void *)(intptr_t)fam_doorbell_wait(arg, 0, -1, NULL);
}

static void who_lost_its_session_learns_so(void **state)
{
	struct fam *a = open_file("a"), *b = open_file("b");
	unsigned int old = self_of(b);
	pthread_t thread;
	void *result;

	(void)state;
	assert_int_equal(pthread_create(&thread, NULL, wait_for_ever, b), 0);
	while (b->bells->waiters == 0)
		sched_yield();
	declare_dead(b);
	pthread_join(thread, &result);
	assert_int_equal((intptr_t)result, -ESTALE);
	assert_int_equal(fam_doorbell_wait(b, 0, 0, NULL), -ESTALE);
	assert_int_equal(fam_doorbell_fd(b, 0), -ESTALE);
	assert_int_equal(fam_peer_self(b), -ESTALE);
	assert_int_equal(fam_doorbell_ring(a, old, 0), -ENOENT);
	assert_int_equal(fam_doorbell_ring(b, self_of(a), 0), 0);
	expect_rings(a, 0, 1);
	assert_int_equal(fam_session_rejoin(b), 0);
	expect_silence(b, 0);
	assert_int_equal(fam_doorbell_ring(a, self_of(b), 0), 0);
	expect_rings(b, 0, 1);
	fam_close(b);
	fam_close(a);
}

static uint64_t cpu_us(int who)
{
	struct rusage usage;

	getrusage(who, &usage);
	return (uint64_t)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) *
		       1000000 +
	       (uint64_t)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec);
}

static void waiting_takes_no_time_of_the_cpu(void **state)
{
	struct fam *a = open_file("a");
	uint64_t before = cpu_us(RUSAGE_SELF);

	(void)state;
	assert_int_equal(fam_doorbell_wait(a, 0, 2000, NULL), -ETIMEDOUT);
	before = cpu_us(RUSAGE_SELF) - before;
	/* 2 %; under a sanitizer, in a machine full of others, some more. */
	assert_true(before < 200000);
	print_message("%llu us of 2 s\n", (unsigned long long)before);
	fam_close(a);
}

#define RINGS_EACH 10000
#define RINGERS	   3

/* Begun before this process has threads: it gets the ID later. */
static int ring_from_elsewhere(int from)
{
	unsigned int peer;
	struct fam *fam;
	int r;

	if (read(from, &peer, sizeof(peer)) != sizeof(peer))
		return 1;
	r = fam_open(&fam, "f1", 0);
	for (int i = 0; i < RINGS_EACH && r == 0; i++)
		r = fam_doorbell_ring(fam, peer, 4);
	fam_close(fam);
	return r < 0;
}

static void processes_lose_no_ring(void **state)
{
	struct fam *a;
	unsigned int self;
	int status = 0, to[2];

	(void)state;
	assert_int_equal(pipe(to), 0);
	for (int i = 0; i < RINGERS; i++) {
		if (fork() == 0)
			_exit(ring_from_elsewhere(to[0]));
	}
	a = open_file("a");
	self = self_of(a);
	for (int i = 0; i < RINGERS; i++)
		assert_int_equal(write(to[1], &self, sizeof(self)),
				 sizeof(self));
	assert_int_equal(collect(a, 4, RINGERS * RINGS_EACH),
			 RINGERS * RINGS_EACH);
	for (int i = 0; i < RINGERS; i++) {
		assert_true(wait(&status) > 0);
		assert_int_equal(status, 0);
	}
	expect_silence(a, 4);
	fam_close(a);
	close(to[0]);
	close(to[1]);
}

struct crowd {
	struct fam *fam, *other;
	atomic_ullong taken;
	atomic_bool done;
};

static void *ringer(void *arg)
{
	struct crowd *c = arg;
	unsigned int self = self_of(c->other);

	for (int i = 0; i < RINGS_EACH; i++)
		fam_doorbell_ring(c->fam, self, 1);
	return NULL;
}

static void *waiter(void *arg)
{
	struct crowd *c = arg;
	uint64_t n;

	while (!atomic_load(&c->done)) {
		if (fam_doorbell_wait(c->other, 1, 5, &n) == 0)
			atomic_fetch_add(&c->taken, n);
	}
	return NULL;
}

/* Anybody may let this rise. */
static void *disturber(void *arg)
{
	struct crowd *c = arg;
	struct fam_sessions *table = fam_session_table(c->fam);

	while (!atomic_load(&c->done)) {
		atomic_fetch_add(&table->changes, 1);
		usleep(100);
	}
	return NULL;
}

static void threads_share_an_attachment_and_lose_nothing(void **state)
{
	struct crowd c = {.fam = open_file("a"), .other = open_file("b")};
	pthread_t thread[2 * RINGERS + 1];
	uint64_t rest = 0;
	int n = 0;

	(void)state;
	assert_true(fam_doorbell_fd(c.other, 1) >= 0);
	for (int i = 0; i < RINGERS; i++)
		pthread_create(&thread[n++], NULL, ringer, &c);
	for (int i = 0; i < RINGERS; i++)
		pthread_create(&thread[n++], NULL, waiter, &c);
	pthread_create(&thread[n++], NULL, disturber, &c);
	for (int i = 0; i < RINGERS; i++)
		pthread_join(thread[i], NULL);
	atomic_store(&c.done, true);
	for (int i = RINGERS; i < n; i++)
		pthread_join(thread[i], NULL);
	rest = c.taken;
	if (rest < RINGERS * RINGS_EACH)
		rest += collect(c.other, 1, RINGERS * RINGS_EACH - rest);
	assert_int_equal(rest, RINGERS * RINGS_EACH);
	expect_silence(c.other, 1);
	fam_close(c.fam);
	fam_close(c.other);
}

/* --- beside a server's ------------------------------------------------------- */

static struct fam *open_server(struct fake *f)
{
	struct fam *fam = NULL;

	assert_int_equal(attach(f, &fam, 0), 0);
	assert_int_equal(fam_session_set(fam, "server", LIVES_MS), 0);
	return fam;
}

static void interrupts_and_counters_reach_each_other(void **state)
{
	struct fake *f = *state;
	struct fam *server = open_server(f), *file = open_file("file");

	assert_int_equal(fam_peer_self(server), OWN);
	/* The keeper makes an eventfd of it, for who sleeps there. */
	for (int i = 0; i < 3; i++) {
		assert_int_equal(fam_doorbell_ring(file, OWN, 1), 0);
		expect_rings(server, 1, 1);
		expect_silence(server, 1);
		assert_int_equal(fam_doorbell_ring(server, self_of(file), 1),
				 0);
		expect_rings(file, 1, 1);
	}
	assert_int_equal(fam_doorbell_ring(file, FAM_PEER_ALL, 0), 0);
	assert_int_equal(fam_doorbell_ring(server, FAM_PEER_ALL, 0), 0);
	expect_rings(server, 0, 1);
	expect_rings(file, 0, 1);
	assert_int_equal(rings(f, 3, 0), 1);
	assert_int_equal(rings(f, FAM_PEER_SERVER, 0), 0);
	assert_int_equal(fam_doorbell_ring(file, 3, 0), -ENOENT);
	fam_close(file);
	detach(f, server);
}

static void *sleeper(void *arg)
{
	uint64_t count = 0;

	if (fam_doorbell_wait(arg, 0, -1, &count) < 0)
		return NULL;
	return (void *)(uintptr_t)count;
}

/* It slept before anybody was there who has nothing but counters. */
static void who_sleeps_is_woken_by_a_counter(void **state)
{
	struct fake *f = *state;
	struct fam *server = open_server(f), *file;
	struct pollfd p = {.events = POLLIN};
	pthread_t thread;
	void *count;

	assert_int_equal(pthread_create(&thread, NULL, sleeper, server), 0);
	while (server->bells->waiters == 0)
		sched_yield();
	file = open_file("file");
	assert_int_equal(fam_doorbell_ring(file, OWN, 0), 0);
	/* Even if it is gone before it is heard. */
	fam_close(file);
	pthread_join(thread, &count);
	assert_int_equal((uintptr_t)count, 1);
	p.fd = fam_doorbell_fd(server, 0);
	assert_int_equal(poll(&p, 1, 0), 0);
	file = open_file("file");
	assert_int_equal(fam_doorbell_ring(file, OWN, 0), 0);
	assert_int_equal(poll(&p, 1, SOON_MS), 1);
	expect_rings(server, 0, 1);
	fam_close(file);
	detach(f, server);
}

/* A session of another node, as its library would have it. */
static unsigned int make_session(struct fam_sessions *table, uint32_t peer,
				 uint32_t flags)
{
	int slot = fam_sessions_claim(table, 4711);
	uint64_t joining = fam_sessions_word(4711, 0, FAM_SESSIONS_JOINING);

	assert_true(slot >= 0);
	table->slot[slot].peer = peer;
	table->slot[slot].flags = flags;
	table->slot[slot].vectors = 0;
	table->slot[slot].lease_ms = FAM_SESSIONS_LEASE_MAX;
	table->slot[slot].node = 1;
	assert_true(fam_sessions_step(
		table, (unsigned int)slot, joining,
		fam_sessions_word(4711, 0, FAM_SESSIONS_LIVE)));
	return (unsigned int)slot;
}

static void a_node_without_interrupts_is_rung_both_ways(void **state)
{
	struct fake *f = *state;
	struct fam *server = open_server(f), *file = open_file("file");
	struct fam_sessions *table = fam_session_table(server);
	unsigned int deaf = make_session(table, 3, 0);
	unsigned int woken = make_session(table, 3, FAM_SESSIONS_INTERRUPTS);
	uint64_t before[2] = {table->slot[deaf].bell[1],
			      table->slot[woken].bell[1]};

	assert_int_equal(fam_doorbell_ring(server, 3, 1), 0);
	assert_int_equal(rings(f, 3, 1), 1);
	assert_int_equal(table->slot[deaf].bell[1] - before[0], 1);
	assert_int_equal(table->slot[woken].bell[1] - before[1], 0);
	assert_int_equal(fam_doorbell_ring(file, 3, 1), 0);
	assert_int_equal(rings(f, 3, 1), 0);
	assert_int_equal(table->slot[deaf].bell[1] - before[0], 2);
	assert_int_equal(table->slot[woken].bell[1] - before[1], 1);
	assert_int_equal(fam_doorbell_ring(file, FAM_PEER_SOFT + deaf, 1),
			 -ENOENT);
	/* An ID that cannot be one is not rung. */
	make_session(table, 70000, 0);
	assert_int_equal(fam_doorbell_ring(server, FAM_PEER_ALL, 1), 0);
	assert_int_equal(rings(f, 3, 1), 1);
	fam_close(file);
	detach(f, server);
}

static void nobody_is_rung_at_a_vector_it_has_not(void **state)
{
	struct fake *f = *state;
	struct fam *server = open_server(f), *file = open_file("file");
	struct fam_sessions *table = fam_session_table(file);
	unsigned int deaf = make_session(table, 3, 0);

	assert_int_equal(table->slot[fam_session_slot(server)].vectors, USABLE);
	assert_int_equal(slot_of(file)->vectors, FAM_SESSIONS_BELLS);
	assert_int_equal(fam_doorbell_ring(file, OWN, USABLE), -ERANGE);
	assert_int_equal(fam_doorbell_ring(file, OWN, USABLE - 1), 0);
	/* All the others are. */
	assert_int_equal(fam_doorbell_ring(file, FAM_PEER_ALL, USABLE), 0);
	expect_rings(server, USABLE - 1, 1);
	/* Whoever does not say how many it has has them all. */
	assert_int_equal(fam_doorbell_ring(file, 3, 31), 0);
	table->slot[deaf].vectors = 1;
	atomic_fetch_add(&table->changes, 1);
	assert_int_equal(fam_doorbell_ring(file, 3, 31), -ERANGE);
	assert_int_equal(fam_doorbell_ring(server, 3, 1), -ERANGE);
	/* As long as there is another one at the same ID that has it. */
	make_session(table, 3, FAM_SESSIONS_INTERRUPTS);
	assert_int_equal(fam_doorbell_ring(server, 3, 1), 0);
	fam_close(file);
	detach(f, server);
}

static void the_last_vector_is_the_librarys(void **state)
{
	struct fake *f = *state;
	struct fam *server = open_server(f), *file = open_file("file");
	struct fam_info info;

	assert_int_equal(fam_get_info(server, &info, sizeof(info)), 0);
	assert_int_equal(info.vectors, COUNT);
	assert_int_equal(info.interrupts, FAM_INTERRUPTS_EVENT);
	assert_int_equal(fam_bells_library_fd(file), -1);
	assert_true(fam_bells_library_fd(server) >= 0);
	rings(f, 3, COUNT - 1);
	fam_bells_tell(server, 3);
	assert_int_equal(rings(f, 3, COUNT - 1), 1);
	fam_bells_tell(server, 4);
	fam_bells_tell(server, FAM_PEER_SERVER);
	fam_bells_tell(server, 70000);
	fam_bells_tell(file, 3);
	assert_int_equal(rings(f, FAM_PEER_SERVER, COUNT - 1), 0);
	fam_close(file);
	detach(f, server);
}

static void *flood(void *arg)
{
	struct fam *file = arg;

	for (int i = 0; i < RINGS_EACH; i++)
		fam_doorbell_ring(file, OWN, 0);
	return NULL;
}

static void rings_of_both_kinds_add_up(void **state)
{
	struct fake *f = *state;
	struct fam *server = open_server(f), *file = open_file("file");
	pthread_t thread[2];

	pthread_create(&thread[0], NULL, flood, file);
	pthread_create(&thread[1], NULL, flood, server);
	assert_int_equal(collect(server, 0, 2 * RINGS_EACH), 2 * RINGS_EACH);
	pthread_join(thread[0], NULL);
	pthread_join(thread[1], NULL);
	expect_silence(server, 0);
	fam_close(file);
	detach(f, server);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(programs_at_the_file_ring_each_other),
		TEST(whom_nobody_knows_is_not_rung),
		TEST(all_are_rung_but_oneself),
		TEST(peers_are_found_by_name),
		TEST(any_vector_is_waited_for_in_turn),
		TEST(a_descriptor_tells_of_counters),
		TEST(what_others_write_is_a_count),
		TEST(old_rings_are_not_heard),
		TEST(who_lost_its_session_learns_so),
		TEST(waiting_takes_no_time_of_the_cpu),
		TEST(processes_lose_no_ring),
		TEST(threads_share_an_attachment_and_lose_nothing),
		TEST(interrupts_and_counters_reach_each_other),
		TEST(nobody_is_rung_at_a_vector_it_has_not),
		TEST(who_sleeps_is_woken_by_a_counter),
		TEST(a_node_without_interrupts_is_rung_both_ways),
		TEST(the_last_vector_is_the_librarys),
		TEST(rings_of_both_kinds_add_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
