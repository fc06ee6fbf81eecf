// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include <fam-boot.h>
#include <fam-sessions.h>
#include <fam/session.h>

#include "guard.h"
#include "roster.h"
#include "util/clock.h"
#include "util/log.h"

#define VECTORS	   2
#define LIFE	   UINT64_C(0x1234)
#define PEERS	   200
#define GIVE_UP_MS 20000

static int file = -1;
static struct fam_sessions *table; /* as others see it */
static struct slots *slots;
static struct roster *roster;
static struct err err;
/* who has an ID is never looked into by the table of IDs */
static struct peer *const somebody = (struct peer *)&slots;

static const struct roster_config config = {.label = "test",
					    .size = 2 * FAM_SESSIONS_BYTES,
					    .offset = FAM_SESSIONS_BYTES,
					    .life = LIFE,
					    .vectors = VECTORS};

static int open_files(void **state)
{
	struct slot *self;

	(void)state;
	log_init("test-roster", LOG_LEVEL_ERROR);
	file = memfd_create("fabric", MFD_CLOEXEC);
	if (file < 0 || ftruncate(file, (off_t)config.size) < 0)
		return -1;
	table = mmap(NULL, FAM_SESSIONS_BYTES, PROT_READ | PROT_WRITE,
		     MAP_SHARED, file, (off_t)config.offset);
	return table == MAP_FAILED || slots_new(&slots, VECTORS, 1) < 0 ||
	       slots_open_server(slots, &self) < 0;
}

static int close_files(void **state)
{
	(void)state;
	roster_close(roster);
	roster = NULL;
	slots_free(slots);
	munmap(table, FAM_SESSIONS_BYTES);
	close(file);
	return 0;
}

static void serve(void)
{
	struct roster_config c = config;

	c.fd = file;
	assert_int_equal(roster_open(&roster, &c, &err), 0);
	assert_int_equal(roster_start(roster), 0);
}

static struct slot *come(void)
{
	static const struct identity who = {.name = "program"};
	struct slot *slot;

	assert_int_equal(slots_attach(slots, &who, somebody, &slot), 0);
	roster_add(roster, slot);
	return slot;
}

static void go(struct slot *slot)
{
	slots_detach(slots, slot);
	roster_remove(roster, slot);
}

/* A session that lives, of @peer; its number. */
static unsigned int join(uint32_t peer)
{
	static uint64_t token;
	int n = fam_sessions_claim(table, ++token);

	assert_true(n >= 0);
	atomic_store(&table->slot[n].peer, peer);
	assert_true(fam_sessions_step(
		table, (unsigned int)n, atomic_load(&table->word[n]),
		fam_sessions_word(token, 0, FAM_SESSIONS_LIVE)));
	return (unsigned int)n;
}

static enum fam_sessions_phase phase(unsigned int n)
{
	return fam_sessions_phase(atomic_load(&table->word[n]));
}

/* @condition may take what it finds: nobody asks again then. */
#define wait_until(condition)                                        \
	do {                                                         \
		const struct timespec pause_ = {0, 1000000};         \
		uint64_t until_ = clock_ms() + GIVE_UP_MS;           \
		bool met_;                                           \
		while (!(met_ = (condition)) && clock_ms() < until_) \
			nanosleep(&pause_, NULL);                    \
		assert_true(met_);                                   \
	} while (0)

static uint64_t rings(const struct slot *slot, unsigned int vector)
{
	uint64_t count;

	return read(slot->eventfd[vector], &count, sizeof(count)) ==
			       sizeof(count)
		       ? count
		       : 0;
}

/* Nodes on a fabric that only the server has open go by it. */
static void the_table_tells_of_the_hosts_start(void **state)
{
	(void)state;
	atomic_store(&table->boot, 99);
	serve();
	assert_true(fam_boot_current() != 0);
	assert_true(atomic_load(&table->boot) == fam_boot_current());
}

static void the_table_tells_of_the_server_and_its_peers(void **state)
{
	struct slot *a, *b;

	(void)state;
	/* of a server that was killed */
	atomic_store(&table->server, 99);
	atomic_store(&table->present[7], UINT64_MAX);
	serve();
	assert_int_equal(atomic_load(&table->server), LIFE);
	assert_int_equal(atomic_load(&table->present[7]), 0);
	a = come();
	b = come();
	wait_until(fam_sessions_is_present(table, b->id));
	assert_true(fam_sessions_is_present(table, a->id));
	go(a);
	wait_until(!fam_sessions_is_present(table, a->id));
	assert_true(fam_sessions_is_present(table, b->id));
	roster_close(roster);
	roster = NULL;
	assert_int_equal(atomic_load(&table->server), 0);
	assert_false(fam_sessions_is_present(table, b->id));
}

static void sessions_of_who_is_gone_end_and_the_others_are_rung(void **state)
{
	unsigned int first, second, of_b, alone;
	struct slot *a, *b, *bare;

	(void)state;
	serve();
	a = come();
	b = come();
	bare = come();
	first = join(a->id);
	second = join(a->id);
	of_b = join(b->id);
	alone = join(0);
	go(a);
	wait_until(phase(first) == FAM_SESSIONS_DEAD);
	wait_until(phase(second) == FAM_SESSIONS_DEAD);
	assert_int_equal(fam_sessions_by(atomic_load(&table->word[first])),
			 FAM_SESSION_HUNG_UP);
	wait_until(rings(b, VECTORS - 1));
	wait_until(!atomic_load(&a->leaving));
	assert_int_equal(phase(of_b), FAM_SESSIONS_LIVE);
	assert_int_equal(phase(alone), FAM_SESSIONS_LIVE);
	assert_int_equal(rings(b, 0), 0);
	assert_int_equal(rings(bare, VECTORS - 1), 0);
	assert_int_equal(rings(a, VECTORS - 1), 0);
}

static void many_at_once_are_one_ring_or_a_few(void **state)
{
	struct slot *stays, *leaves[PEERS];
	unsigned int session[PEERS];
	uint64_t count = 0, from;

	(void)state;
	serve();
	stays = come();
	join(stays->id);
	for (int i = 0; i < PEERS; i++) {
		leaves[i] = come();
		session[i] = join(leaves[i]->id);
	}
	from = clock_ms();
	for (int i = 0; i < PEERS; i++)
		go(leaves[i]);
	for (int i = 0; i < PEERS; i++)
		wait_until(phase(session[i]) == FAM_SESSIONS_DEAD);
	wait_until((count += rings(stays, VECTORS - 1)) > 0);
	/* not more often than the clock allows, however slow this goes */
	assert_true(count <= (clock_ms() - from) / 2 + 2);
}

static void what_others_write_is_put_right_and_believed_in_nothing(void **state)
{
	_Atomic uint64_t *word = (_Atomic uint64_t *)table;
	uint64_t noise = 1;
	struct slot *a, *b;

	(void)state;
	serve();
	a = come();
	b = come();
	for (size_t i = 0; i < FAM_SESSIONS_BYTES / 8; i++) {
		noise = noise * 6364136223846793005u + 1442695040888963407u;
		atomic_store(&word[i], noise);
	}
	/* sessions of peers there cannot be */
	for (unsigned int i = 0; i < FAM_SESSIONS_SLOTS; i++) {
		atomic_store(&table->word[i],
			     fam_sessions_word(i + 1, 0, FAM_SESSIONS_LIVE));
		atomic_store(&table->slot[i].peer, UINT32_MAX - i);
	}
	go(b);
	wait_until(!fam_sessions_is_present(table, b->id) &&
		   atomic_load(&table->server) == LIFE);
	wait_until(!fam_sessions_is_present(table, 3));
	assert_true(fam_sessions_is_present(table, a->id));
	wait_until(!atomic_load(&b->leaving));
	assert_int_equal(rings(a, VECTORS - 1), 0);
}

static void it_stops_and_goes_on_and_forgets_nobody(void **state)
{
	struct slot *a, *b;
	unsigned int session;

	(void)state;
	serve();
	a = come();
	session = join(a->id);
	wait_until(fam_sessions_is_present(table, a->id));
	wait_until(roster_stop(roster));
	/* the next program goes on with this */
	assert_int_equal(roster_life(roster), LIFE);
	assert_int_equal(atomic_load(&table->server), LIFE);
	go(a);
	b = come();
	assert_int_equal(b->id, a->id + 1);
	assert_int_equal(phase(session), FAM_SESSIONS_LIVE);
	roster_settle(roster);
	assert_int_equal(phase(session), FAM_SESSIONS_DEAD);
	assert_true(fam_sessions_is_present(table, b->id));
	assert_int_equal(roster_start(roster), 0);
	session = join(b->id);
	go(b);
	wait_until(phase(session) == FAM_SESSIONS_DEAD);
	/* asked to stop and to go on, in any order */
	for (int i = 0; i < 50; i++) {
		(void)roster_stop(roster);
		assert_int_equal(roster_start(roster), 0);
	}
	b = come();
	wait_until(fam_sessions_is_present(table, b->id));
}

static void a_file_that_is_cut_is_survived_and_taken_up_again(void **state)
{
	struct slot *a;

	(void)state;
	serve();
	a = come();
	wait_until(fam_sessions_is_present(table, a->id));
	assert_int_equal(ftruncate(file, 4096), 0);
	go(come());
	assert_int_equal(ftruncate(file, (off_t)config.size), 0);
	wait_until(atomic_load(&table->server) == LIFE);
	wait_until(fam_sessions_is_present(table, a->id));
}

static void no_more_parts_are_guarded_than_there_is_room_for(void **state)
{
	void *part[GUARD_MAX + 1];

	(void)state;
	for (int i = 0; i < GUARD_MAX; i++)
		assert_int_equal(guard_map(&part[i], file, 0, 4096), 0);
	assert_int_equal(guard_map(&part[GUARD_MAX], file, 0, 4096), -EBUSY);
	/* each is lost by itself */
	assert_int_equal(ftruncate(file, 0), 0);
	*(volatile char *)part[1] = 1;
	assert_true(guard_is_lost(part[1]));
	assert_false(guard_is_lost(part[0]));
	assert_int_equal(ftruncate(file, (off_t)config.size), 0);
	assert_int_equal(guard_map_again(part[1], file, 0), 0);
	assert_false(guard_is_lost(part[1]));
	assert_int_equal(*(volatile char *)part[1], 0);
	for (int i = 0; i < GUARD_MAX; i++)
		guard_unmap(part[i]);
	guard_unmap(NULL);
	assert_int_equal(guard_map(&part[0], -1, 0, 4096), -EBADF);
}

#define test(name) \
	cmocka_unit_test_setup_teardown(name, open_files, close_files)

int main(void)
{
	const struct CMUnitTest tests[] = {
		test(the_table_tells_of_the_hosts_start),
		test(the_table_tells_of_the_server_and_its_peers),
		test(sessions_of_who_is_gone_end_and_the_others_are_rung),
		test(many_at_once_are_one_ring_or_a_few),
		test(what_others_write_is_put_right_and_believed_in_nothing),
		test(it_stops_and_goes_on_and_forgets_nobody),
		test(a_file_that_is_cut_is_survived_and_taken_up_again),
		test(no_more_parts_are_guarded_than_there_is_room_for),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
