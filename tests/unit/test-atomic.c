// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
/*
 * fam/atomic.h alone and nothing else of the project: compiled for other
 * processors too, for which there is no cmocka. Speaks TAP.
 */
#include <pthread.h>
#include <sched.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fam/atomic.h>

#define PAGE	4096
#define PARTIES 4	/* threads or processes on one word */
#define ROUNDS	200000u /* even: each bit is flipped back in the end */

static uint32_t failures; /* of the test that runs; in a child: its own */

#define CHECK(x) check((x), #x, __FILE__, __LINE__)

static void check(bool fine, const char *text, const char *file, int line)
{
	/* The first ones: of a broken operation there would be millions. */
	if (!fine &&
	    fam_atomic32_fetch_add(&failures, 1, FAM_ORDER_RELAXED) < 10)
		printf("# %s:%d: %s\n", file, line, text);
}

static void *shared_page(void)
{
	void *page = mmap(NULL, PAGE, PROT_READ | PROT_WRITE,
			  MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (page == MAP_FAILED) {
		perror("mmap");
		exit(1);
	}
	return page;
}

static void shared_free(void *page)
{
	munmap(page, PAGE);
}

/*
 * Waits until all parties are there, or one would be done before the next one
 * begins. They are counted in the last word of the page, from meeting to meeting.
 */
static void meet(void *page)
{
	uint32_t *count = (uint32_t *)((char *)page + PAGE) - 1;
	uint32_t before = fam_atomic32_fetch_add(count, 1, FAM_ORDER_ACQ_REL);
	uint32_t all = (before / PARTIES + 1) * PARTIES;

	while (fam_atomic32_load(count, FAM_ORDER_ACQUIRE) < all)
		sched_yield();
}

typedef void party_fn(void *arg, unsigned int id);

struct party {
	party_fn *run;
	void *arg;
	unsigned int id;
};

static void *party_thread(void *arg)
{
	struct party *party = arg;

	party->run(party->arg, party->id);
	return NULL;
}

static void run_threads(party_fn *run, void *arg)
{
	struct party parties[PARTIES];
	pthread_t threads[PARTIES];

	for (unsigned int i = 0; i < PARTIES; i++) {
		parties[i] = (struct party){run, arg, i};
		if (pthread_create(&threads[i], NULL, party_thread,
				   &parties[i]) != 0)
			exit(1);
	}
	for (unsigned int i = 0; i < PARTIES; i++)
		pthread_join(threads[i], NULL);
}

static void run_processes(party_fn *run, void *arg)
{
	int status;

	fflush(stdout);
	for (unsigned int i = 0; i < PARTIES; i++) {
		pid_t child = fork();

		if (child == 0) {
			run(arg, i);
			fflush(stdout);
			_exit(failures != 0);
		}
		CHECK(child > 0);
	}
	for (unsigned int i = 0; i < PARTIES; i++)
		CHECK(wait(&status) > 0 && status == 0);
}

#define W 32
#include "atomic-width.h"
#define W 64
#include "atomic-width.h"

#ifdef FAM_ATOMIC_128
#include "atomic-pair.h"
#endif

/* --- order ---------------------------------------------------------------- */

struct message {
	uint64_t payload[8];
	uint64_t flag __attribute__((aligned(64))); /* a number of a message */
	uint64_t seen __attribute__((aligned(64))); /* the last one taken */
};

#define MESSAGES 20000u

static void pass_messages(void *arg, unsigned int id)
{
	struct message *m = arg;

	for (uint64_t i = 1; id < 2 && i <= MESSAGES; i++) {
		uint64_t *mine = id ? &m->seen : &m->flag;
		uint64_t *other = id ? &m->flag : &m->seen;

		/* One fills, the other one empties what was filled. */
		while (fam_atomic64_load(other, FAM_ORDER_ACQUIRE) < i - !id)
			sched_yield();
		for (int k = 0; k < 8; k++) {
			CHECK(m->payload[k] == (id ? i : 0));
			m->payload[k] = id ? 0 : i;
		}
		fam_atomic64_store(mine, i, FAM_ORDER_RELEASE);
	}
}

static void messages(void)
{
	struct message *of_processes = shared_page();
	struct message *of_threads = shared_page();

	run_processes(pass_messages, of_processes);
	run_threads(pass_messages, of_threads);
	shared_free(of_processes);
	shared_free(of_threads);
}

struct dekker {
	uint64_t word[2][8]; /* a cache line each */
	uint64_t saw[2][8];
	uint64_t round[2][8];
};

#define DUELS 20000u

/* Both store, then load what the other one stored: one at least must see it. */
static void duel(void *arg, unsigned int id)
{
	struct dekker *d = arg;

	for (uint64_t i = 1; id < 2 && i <= DUELS; i++) {
		fam_atomic64_store(&d->round[id][0], 2 * i - 1,
				   FAM_ORDER_SEQ_CST);
		while (fam_atomic64_load(&d->round[!id][0], FAM_ORDER_SEQ_CST) <
		       2 * i - 1)
			sched_yield();
		fam_atomic64_store(&d->word[id][0], i, FAM_ORDER_SEQ_CST);
		d->saw[id][0] =
			fam_atomic64_load(&d->word[!id][0], FAM_ORDER_SEQ_CST);
		fam_atomic64_store(&d->round[id][0], 2 * i, FAM_ORDER_SEQ_CST);
		while (fam_atomic64_load(&d->round[!id][0], FAM_ORDER_SEQ_CST) <
		       2 * i)
			sched_yield();
		CHECK(id || d->saw[0][0] == i || d->saw[1][0] == i);
	}
}

static void duels(void)
{
	struct dekker *d = shared_page();

	run_processes(duel, d);
	shared_free(d);
}

static const struct {
	const char *name;
	void (*run)(void);
} tests[] = {
	{"32 bits: each operation, each order", semantics_32},
	{"32 bits: unfit orders are the strongest", unfit_orders_32},
	{"32 bits: threads lose nothing", threads_32},
	{"32 bits: processes lose nothing", processes_32},
	{"64 bits: each operation, each order", semantics_64},
	{"64 bits: unfit orders are the strongest", unfit_orders_64},
	{"64 bits: threads lose nothing", threads_64},
	{"64 bits: processes lose nothing", processes_64},
#ifdef FAM_ATOMIC_128
	{"128 bits: each operation, each order", semantics_128},
	{"128 bits: threads lose nothing", threads_128},
	{"128 bits: processes lose nothing", processes_128},
	{"128 bits: no load sees half of a store", no_tearing_128},
	{"128 bits: a tag keeps a stack whole", stack_128},
#endif
	{"release and acquire carry what was stored before", messages},
	{"sequential consistency: one at least sees the other", duels},
};

int main(void)
{
	const size_t count = sizeof(tests) / sizeof(tests[0]);
	bool failed = false;

	printf("1..%zu\n", count);
	for (size_t i = 0; i < count; i++) {
		failures = 0;
		tests[i].run();
		printf("%sok %zu - %s\n", failures ? "not " : "", i + 1,
		       tests[i].name);
		failed |= failures > 0;
	}
	return failed;
}
