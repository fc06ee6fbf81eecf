/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026, the FAM emulator authors */
#ifndef TESTS_LOCK_ACTOR_H
#define TESTS_LOCK_ACTOR_H

/*
 * Programs that lock and unlock as they are told, in processes of their own:
 * members (member.h) that obey other words. A test program that includes this
 * calls actor_main() if it is started with the argument "member". After
 * <cmocka.h>, and with tests/sync in the include path.
 */
#include <poll.h>

#include <fam-parking.h>
#include <fam/fam.h>

#include "fabric-file.h"
#include "kinds.h"
#include "member.h"

#define ACTORS	    8
#define ACTOR_LEASE 600000 /* ms: only their end ends them */
#define ACTOR_DATA  (64 * 1024)
#define OTHER_LOCK  4096 /* one lock each lies at 0, and here */

/* --- in the process of its own --------------------------------------------- */

static inline int actor_obey(struct fam *fam, char *data, const char *line,
			     uint64_t *number)
{
	const struct lock_kind *kind;
	char verb[16], name[16];
	int at, timeout_ms;

	if (sscanf(line, "%15s %15s %d %d", verb, name, &at, &timeout_ms) != 4)
		return -ENOSYS;
	kind = lock_kind_find(name);
	if (strcmp(verb, "lock") == 0)
		return kind->lock(fam, data + at, timeout_ms);
	if (strcmp(verb, "unlock") == 0)
		return kind->unlock(fam, data + at);
	if (strcmp(verb, "consistent") == 0)
		return kind->consistent(fam, data + at);
	if (strcmp(verb, "fence") == 0)
		return kind->fence(fam, data + at, number);
	if (strcmp(verb, "read") == 0)
		return kind->read(fam, data + at, timeout_ms);
	if (strcmp(verb, "unread") == 0)
		return kind->unread(fam, data + at);
	if (strcmp(verb, "rejoin") == 0)
		return fam_session_rejoin(fam);
	return -ENOSYS;
}

/* "member PATH LEASE": its session, then answers until its input ends. */
static inline int actor_main(char **argv)
{
	struct fam_session self = {0};
	struct fam *fam;
	char line[128];
	void *data = NULL;
	int r = fam_open(&fam, argv[2], 0);

	if (r == 0)
		r = fam_session_set(fam, NULL, (uint32_t)atoi(argv[3]));
	if (r == 0)
		r = fam_session_self(fam, &self);
	if (r == 0)
		r = fam_map(fam, 0, ACTOR_DATA, &data);
	printf("%d %" PRIu64 "\n", r, self.id);
	fflush(stdout);
	while (r == 0 && fgets(line, sizeof(line), stdin)) {
		uint64_t number = 0;
		int done = actor_obey(fam, data, line, &number);

		printf("%d %" PRIu64 "\n", done, number);
		fflush(stdout);
	}
	if (r == 0)
		fam_close(fam);
	return r != 0;
}

/* --- in the test: the stage -------------------------------------------------- */

static struct workdir work;
static const char *path;
static const struct lock_kind *kind;
static struct fam *fam; /* the test's own attachment */
static char *data;
static void *lock; /* at 0 */
static struct fam_sessions *table;
static struct fam_parking *parking;
static struct member actor[ACTORS];

static inline void *map_at(const char *file, uint64_t offset, size_t bytes)
{
	int fd = open(file, O_RDWR | O_CLOEXEC);
	void *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd,
		       (off_t)offset);

	close(fd);
	return p == MAP_FAILED ? NULL : p;
}

/* *state: the name of a kind, or NULL. */
static inline int stage_set_up(void **state)
{
	void *window = NULL;

	if (workdir_make(&work, "/tmp"))
		return -1;
	kind = *state ? lock_kind_find(*state) : NULL;
	path = strdup(fabric_make(&work, "locks", 1, NULL));
	table = map_at(path, FAM_SESSIONS_OFFSET, FAM_SESSIONS_BYTES);
	parking = map_at(path, FAM_PARKING_OFFSET, FAM_PARKING_BYTES);
	if (fam_open(&fam, path, 0) < 0 ||
	    fam_session_set(fam, NULL, ACTOR_LEASE) < 0 ||
	    /* So it looks 50 times a second: deaths are known soon. */
	    fam_session_fd(fam) < 0 || fam_map(fam, 0, ACTOR_DATA, &window) < 0)
		return -1;
	data = window;
	lock = window;
	return 0;
}

static inline int stage_tear_down(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < ACTORS; i++)
		member_tear_down(&actor[i]);
	fam_close(fam);
	fam = NULL;
	munmap(table, FAM_SESSIONS_BYTES);
	munmap(parking, FAM_PARKING_BYTES);
	free((char *)path);
	return workdir_remove(&work);
}

/* --- in the test: actors -------------------------------------------------------- */

static inline void start(unsigned int n)
{
	member_start(&actor[n], path, ACTOR_LEASE);
}

/* Tell one what to do; member_answer() is what came of it. */
static inline void tell_at(unsigned int n, const char *verb, int at,
			   int timeout_ms)
{
	fprintf(actor[n].to, "%s %s %d %d\n", verb, kind->name, at, timeout_ms);
	fflush(actor[n].to);
}

static inline int ask(unsigned int n, const char *verb, int timeout_ms)
{
	tell_at(n, verb, 0, timeout_ms);
	return member_answer(&actor[n], NULL);
}

/* How many sleep at the lock. */
static inline unsigned int sleepers(void)
{
	unsigned int count = 0;

	for (unsigned int i = 0; i < FAM_PARKING_TOTAL; i++) {
		const struct fam_parking_place *p = &parking->place[0][0] + i;
		uint64_t at = fam_word_get(&p->key) - FAM_DATA_OFFSET;

		if ((fam_word_get(&p->word) & FAM_HOLDER_FLAGS) ==
			    FAM_PARKING_WAITING &&
		    at < sizeof(union any_lock))
			count++;
	}
	return count;
}

/* It waits for the lock, and will answer when it has it. */
static inline void have_wait(unsigned int n, const char *verb)
{
	unsigned int before = sleepers();

	tell_at(n, verb, 0, -1);
	assert_true(await(sleepers() > before));
}

/* One that was told something has answered. */
static inline unsigned int whoever_answers(void)
{
	struct pollfd p[ACTORS];

	for (unsigned int i = 0; i < ACTORS; i++) {
		p[i].fd = actor[i].pid ? fileno(actor[i].from) : -1;
		p[i].events = POLLIN;
	}
	assert_true(poll(p, ACTORS, DEADLINE_MS) > 0);
	for (unsigned int i = 0; i < ACTORS; i++) {
		if (p[i].revents & POLLIN)
			return i;
	}
	fail();
	return 0;
}

static inline unsigned int slot_of(uint64_t id)
{
	return (unsigned int)(id & 0xffff);
}

static inline bool is_live(uint64_t id)
{
	uint64_t word = fam_word_get(&table->word[slot_of(id)]);

	return fam_sessions_phase(word) == FAM_SESSIONS_LIVE &&
	       fam_sessions_id(word, slot_of(id)) == id;
}

static inline void kill_actor(unsigned int n)
{
	kill(actor[n].pid, SIGKILL);
	member_reap(&actor[n]);
	assert_true(await(!is_live(actor[n].id)));
}

/* Whoever sees the session from now on takes it for dead earlier. */
static inline void set_lease(uint64_t id, uint32_t ms)
{
	table->slot[slot_of(id)].lease_ms = ms;
}

/* As if others had not seen it for long, though it runs. */
static inline void declare_dead(uint64_t id)
{
	unsigned int slot = slot_of(id);

	assert_true(fam_sessions_kill(table, slot,
				      fam_word_get(&table->word[slot]),
				      FAM_SESSION_EXPIRED));
}

#endif
