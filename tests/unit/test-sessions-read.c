// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
/* What famctl makes of the table of sessions in a file. */
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>

#include <cmocka.h>

#include "fabric-file.h"
#include "sessions.h"
#include "util/clock.h"

static struct workdir work;
static struct fabric fabric;
static struct fam_sessions *table; /* in the file */
static struct sessions *found;
static struct err err;
static atomic_bool ends;

static int make(void **state)
{
	const char *path;
	int fd;

	(void)state;
	if (workdir_make(&work, "/tmp") != 0)
		return -1;
	path = fabric_make(&work, "f", 1, NULL);
	fd = open(path, O_RDWR | O_CLOEXEC);
	table = mmap(NULL, FAM_SESSIONS_BYTES, PROT_READ | PROT_WRITE,
		     MAP_SHARED, fd, (off_t)FAM_SESSIONS_OFFSET);
	close(fd);
	found = NULL;
	return table == MAP_FAILED || fabric_probe(path, &fabric, &err) < 0;
}

static int unmake(void **state)
{
	(void)state;
	free(found);
	munmap(table, FAM_SESSIONS_BYTES);
	return workdir_remove(&work);
}

static unsigned int join(uint64_t token, uint32_t peer, uint32_t lease_ms)
{
	unsigned int n = (unsigned int)fam_sessions_claim(table, token);

	assert_true(n < FAM_SESSIONS_SLOTS);
	atomic_store(&table->slot[n].peer, peer);
	atomic_store(&table->slot[n].lease_ms, lease_ms);
	assert_true(fam_sessions_step(
		table, n, atomic_load(&table->word[n]),
		fam_sessions_word(token, 0, FAM_SESSIONS_LIVE)));
	return n;
}

static void *beat(void *arg)
{
	const struct timespec pause = {0, 5000000};
	_Atomic uint64_t *word = arg;

	while (!atomic_load(&ends)) {
		atomic_fetch_add(word, 1);
		nanosleep(&pause, NULL);
	}
	return NULL;
}

static enum sessions_state state_of(unsigned int n)
{
	uint64_t id = fam_sessions_id(atomic_load(&table->word[n]), n);

	for (size_t i = 0; i < found->count; i++)
		if (found->one[i].id == id)
			return found->one[i].state;
	fail();
	return SESSIONS_DEAD;
}

static void read_again(void)
{
	free(found);
	found = NULL;
	assert_int_equal(sessions_read(&fabric, &found, &err), 0);
}

static void states_are_found_by_looking_twice(void **state)
{
	unsigned int lives, silent, seldom, dead;
	pthread_t thread;
	int joining;

	(void)state;
	lives = join(1, 0, 2000);
	silent = join(2, 0, 400);
	seldom = join(3, 0, 60000);
	dead = join(4, 0, 2000);
	fam_sessions_kill(table, dead, atomic_load(&table->word[dead]), 4);
	joining = fam_sessions_claim(table, 5);
	atomic_store(&ends, false);
	assert_int_equal(pthread_create(&thread, NULL, beat,
					(void *)&table->slot[lives].beat),
			 0);
	read_again();
	atomic_store(&ends, true);
	pthread_join(thread, NULL);
	assert_int_equal(found->count, 5);
	assert_int_equal(state_of(lives), SESSIONS_LIVE);
	assert_int_equal(state_of(silent), SESSIONS_SILENT);
	assert_int_equal(state_of(seldom), SESSIONS_LIVE);
	assert_int_equal(state_of(dead), SESSIONS_DEAD);
	assert_int_equal(state_of((unsigned int)joining), SESSIONS_JOINING);
	/* it stands still, too, by now */
	read_again();
	assert_int_equal(state_of(lives), SESSIONS_SILENT);
}

static void nobody_is_waited_for_who_need_not_show_anything(void **state)
{
	uint64_t from;
	unsigned int n;

	(void)state;
	join(1, 0, UINT32_MAX); /* taken for the longest there is */
	n = join(2, 0, 500);
	fam_sessions_kill(table, n, atomic_load(&table->word[n]), 4);
	from = clock_ms();
	read_again();
	/* reading takes a millisecond, waiting would take 750 or 187 */
	assert_true(clock_ms() - from < 150);
	assert_int_equal(found->one[0].said.lease_ms, FAM_SESSIONS_LEASE_MAX);
}

static void they_come_by_peer_and_those_without_one_last(void **state)
{
	unsigned int alone;

	(void)state;
	join(1, 7, 60000);
	alone = join(2, 0, 60000);
	join(3, 2, 60000);
	join(4, FAM_SESSIONS_IDS, 60000); /* there is no such peer */
	read_again();
	assert_int_equal(found->count, 4);
	assert_int_equal(found->one[0].peer, 2);
	assert_int_equal(found->one[1].peer, 7);
	assert_int_equal(found->one[1].from_server, 7);
	assert_int_equal(found->one[2].peer, FAM_SESSIONS_IDS + alone);
	assert_int_equal(found->one[2].from_server, 0);
	assert_int_equal(found->one[3].from_server, 0);
}

static void a_full_table_of_noise_is_bounded(void **state)
{
	_Atomic uint64_t *word = (_Atomic uint64_t *)table;
	uint64_t noise = 1;

	(void)state;
	for (size_t i = 0; i < FAM_SESSIONS_BYTES / 8; i++) {
		noise = noise * 6364136223846793005u + 1442695040888963407u;
		atomic_store(&word[i], noise);
	}
	for (unsigned int i = 0; i < FAM_SESSIONS_SLOTS; i++)
		atomic_store(&table->word[i],
			     fam_sessions_word(i + 1, 0, FAM_SESSIONS_LIVE));
	read_again();
	assert_int_equal(found->count, FAM_SESSIONS_SLOTS);
	for (size_t i = 0; i < found->count; i++) {
		const struct fam_sessions_copy *said = &found->one[i].said;

		assert_true(said->lease_ms <= FAM_SESSIONS_LEASE_MAX);
		assert_non_null(memchr(said->name, 0, sizeof(said->name)));
		for (const char *c = said->name; *c; c++)
			assert_true(*c >= ' ' && *c <= '~');
	}
}

static void what_has_no_table_is_told(void **state)
{
	struct fabric other = fabric;

	(void)state;
	other.sb.feature_compat = FAM_COMPAT_MAILBOX;
	assert_int_equal(sessions_read(&other, &found, &err), -EOPNOTSUPP);
	other = fabric;
	other.formatted = false;
	assert_int_equal(sessions_read(&other, &found, &err), -EOPNOTSUPP);
	/* cut since it was looked at */
	assert_int_equal(truncate(fabric.path, (off_t)MIB), 0);
	assert_int_equal(sessions_read(&fabric, &found, &err), -ENODATA);
	assert_string_equal(err.text,
			    "cannot read its sessions: No data available");
	assert_null(found);
}

#define test(name) cmocka_unit_test_setup_teardown(name, make, unmake)

int main(void)
{
	const struct CMUnitTest tests[] = {
		test(states_are_found_by_looking_twice),
		test(nobody_is_waited_for_who_need_not_show_anything),
		test(they_come_by_peer_and_those_without_one_last),
		test(a_full_table_of_noise_is_bounded),
		test(what_has_no_table_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
