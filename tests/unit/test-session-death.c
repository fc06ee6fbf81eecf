// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
/*
 * Sessions that die, in processes of their own: who notices, why, and who
 * clears up. Linked with --wrap=fam_sessions_take,--wrap=fam_sessions_free, so
 * that recoveries can be counted, and cut short.
 */
#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/random.h>

#include <cmocka.h>

#include <fam-sessions.h>
#include <fam/fam.h>

#include "fabric-file.h"
#include "member.h"

/* Long enough for a busy machine, and too long for any test to wait for. */
#define PATIENT 600000
#define SHORT	400
#define MEMBERS 8

/* --- what is seen of recoveries, in the fabric's data ----------------------- */

static struct tally {
	_Atomic uint32_t signal; /* for the next one that begins a recovery */
	_Atomic uint32_t taken[FAM_SESSIONS_SLOTS], freed[FAM_SESSIONS_SLOTS];
} * tally;

uint64_t __real_fam_sessions_take(struct fam_sessions *t, unsigned int slot,
				  uint64_t dead, unsigned int by);
uint64_t __wrap_fam_sessions_take(struct fam_sessions *t, unsigned int slot,
				  uint64_t dead, unsigned int by);
bool __real_fam_sessions_free(struct fam_sessions *t, unsigned int slot,
			      uint64_t from, unsigned int reason);
bool __wrap_fam_sessions_free(struct fam_sessions *t, unsigned int slot,
			      uint64_t from, unsigned int reason);

uint64_t __wrap_fam_sessions_take(struct fam_sessions *t, unsigned int slot,
				  uint64_t dead, unsigned int by)
{
	uint64_t word = __real_fam_sessions_take(t, slot, dead, by);
	uint32_t signal = word ? atomic_exchange(&tally->signal, 0) : 0;

	if (word)
		atomic_fetch_add(&tally->taken[slot], 1);
	if (signal)
		raise((int)signal); /* this thread goes no further */
	return word;
}

bool __wrap_fam_sessions_free(struct fam_sessions *t, unsigned int slot,
			      uint64_t from, unsigned int reason)
{
	bool freed = __real_fam_sessions_free(t, slot, from, reason);

	if (freed && reason != FAM_SESSION_LEFT)
		atomic_fetch_add(&tally->freed[slot], 1);
	return freed;
}

/* --- the stage -------------------------------------------------------------- */

static struct workdir work;
static struct fam_sessions *table;
static struct fam *fam; /* NULL: the test looks from outside */
static struct member member[MEMBERS];
static const char *path;

static void *map_at(const char *file, uint64_t offset, size_t bytes)
{
	int fd = open(file, O_RDWR | O_CLOEXEC);
	void *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd,
		       (off_t)offset);

	close(fd);
	return p == MAP_FAILED ? NULL : p;
}

static int set_up(void **state)
{
	(void)state;
	if (workdir_make(&work, "/tmp"))
		return -1;
	path = strdup(fabric_make(&work, "deaths", 1, NULL));
	table = map_at(path, FAM_SESSIONS_OFFSET, FAM_SESSIONS_BYTES);
	tally = map_at(path, FAM_DATA_OFFSET, sizeof(*tally));
	return table && tally ? 0 : -1;
}

static int tear_down(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < MEMBERS; i++)
		member_tear_down(&member[i]);
	fam_close(fam);
	fam = NULL;
	munmap(table, FAM_SESSIONS_BYTES);
	munmap(tally, sizeof(*tally));
	free((char *)path);
	return workdir_remove(&work);
}

static unsigned int slot_of(uint64_t id)
{
	return (unsigned int)(id & 0xffff);
}

static void attach(void)
{
	assert_int_equal(fam_open(&fam, path, 0), 0);
	assert_int_equal(fam_session_set(fam, NULL, PATIENT), 0);
}

/* The event of a session, whatever comes before it. */
static struct fam_session_event event_of(uint64_t id,
					 enum fam_session_change change)
{
	struct fam_session_event event = {0};

	assert_true(await(fam_session_event(fam, &event) == 0 &&
			  event.session.id == id && event.change == change));
	return event;
}

/* Gone for this reason, and its slot free. */
static void expect_end(uint64_t id, enum fam_session_reason reason)
{
	struct fam_session session;

	assert_int_equal(event_of(id, FAM_SESSION_GONE).reason, reason);
	assert_true(await(fam_session_get(fam, id, &session) == -ESRCH));
	assert_int_equal(table->slot[slot_of(id)].ended_reason, reason);
}

/* --- processes that end ----------------------------------------------------- */

static void a_killed_process_is_noticed_at_once(void **state)
{
	struct member *m = &member[0];

	(void)state;
	attach();
	member_start(m, path, PATIENT);
	event_of(m->id, FAM_SESSION_JOINED);
	/* not waited for: it is a zombie all the time */
	kill(m->pid, SIGKILL);
	expect_end(m->id, FAM_SESSION_EXITED);
}

static void all_that_die_together_are_noticed(void **state)
{
	(void)state;
	attach();
	for (unsigned int i = 0; i < MEMBERS; i++) {
		member_start(&member[i], path, PATIENT);
		event_of(member[i].id, FAM_SESSION_JOINED);
	}
	for (unsigned int i = 0; i < MEMBERS; i++)
		kill(member[i].pid, SIGKILL);
	for (unsigned int i = 0; i < MEMBERS; i++)
		assert_true(await(table->word[slot_of(member[i].id)] == 0));
}

/* --- processes that stand still --------------------------------------------- */

static void who_was_paused_learns_that_it_has_lost(void **state)
{
	struct member *m = &member[0];
	uint64_t id = 0;

	(void)state;
	attach();
	member_start(m, path, SHORT);
	event_of(m->id, FAM_SESSION_JOINED);
	kill(m->pid, SIGSTOP);
	expect_end(m->id, FAM_SESSION_EXPIRED);
	kill(m->pid, SIGCONT);
	assert_int_equal(member_ask(m, "check", NULL), -ESTALE);
	/* its own event, once; others may have come first */
	assert_true(await(member_ask(m, "event", &id) == FAM_SESSION_LOST));
	assert_int_equal(id, m->id);
	assert_int_equal(member_ask(m, "check", NULL), -ESTALE);
	assert_int_equal(member_ask(m, "rejoin", &id), 0);
	assert_int_not_equal(id, m->id);
	assert_int_equal(event_of(id, FAM_SESSION_JOINED).session.pid, m->pid);
	member_leave(m);
}

/*
 * Both were stopped. The one that goes on first must not take the other for
 * dead, although that has not moved for longer than its lease.
 */
static void who_was_paused_itself_declares_nobody_dead(void **state)
{
	struct member *a = &member[0], *b = &member[1];
	const struct fam_sessions_slot *slot_a;
	int64_t until;
	uint64_t beat;

	(void)state;
	member_start(a, path, FAM_SESSION_LEASE_MS);
	member_start(b, path, FAM_SESSION_LEASE_MS);
	slot_a = &table->slot[slot_of(a->id)];
	/* a has seen b by now */
	beat = slot_a->beat;
	assert_true(await(slot_a->beat >= beat + 4));
	kill(b->pid, SIGSTOP);
	kill(a->pid, SIGSTOP);
	until = clock_now_ms() + FAM_SESSION_LEASE_MS;
	while (clock_now_ms() < until)
		breathe();
	beat = slot_a->beat;
	kill(a->pid, SIGCONT);
	assert_true(await(slot_a->beat >= beat + 2));
	kill(b->pid, SIGCONT);
	assert_int_equal(member_ask(b, "check", NULL), 0);
	assert_int_equal(member_ask(a, "check", NULL), 0);
	/* but if it stays so, it is */
	kill(b->pid, SIGSTOP);
	assert_true(await(table->word[slot_of(b->id)] == 0));
	assert_int_equal(table->slot[slot_of(b->id)].ended_reason,
			 FAM_SESSION_EXPIRED);
}

/* In a time name space of its own, as a container may be. */
static int keep_elsewhere(void)
{
	int64_t until = clock_now_ms() + 1500;
	struct fam *own;
	int r = fam_open(&own, path, 0);

	while (r == 0 && clock_now_ms() < until) {
		breathe();
		r = fam_session_check(own);
	}
	return r != 0;
}

static int set_clock(void)
{
	static const char offset[] = "boottime 100000 0";
	int fd = open("/proc/self/timens_offsets", O_WRONLY | O_CLOEXEC);
	bool done = fd >= 0 && write(fd, offset, strlen(offset)) > 0;

	close(fd);
	return done ? 0 : -1;
}

/* A process that sees the /proc of others finds somebody else at its number. */
static int name_no_node(void)
{
	struct fam_session self;
	struct fam *own;

	if (fam_open(&own, path, 0) < 0 || fam_session_self(own, &self) < 0)
		return 1;
	return table->slot[slot_of(self.id)].node != 0;
}

/* 0: @what went well in a new name space; 77: none may be made. */
static int do_elsewhere(int space, int (*prepare)(void), int (*what)(void))
{
	int status = -1;
	pid_t pid;

	if (unshare(space) < 0 && unshare(space | CLONE_NEWUSER) < 0)
		return 77;
	if (prepare && prepare() < 0)
		return 77;
	pid = fork();
	if (pid == 0)
		_exit(what());
	waitpid(pid, &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}

static void expect_elsewhere(int space, int (*prepare)(void), int (*what)(void))
{
	int status = -1;
	pid_t pid = fork();

	if (pid == 0)
		_exit(do_elsewhere(space, prepare, what));
	/* Not before: a process with threads is not one to fork. */
	attach();
	waitpid(pid, &status, 0);
	assert_true(WIFEXITED(status));
	if (WEXITSTATUS(status) == 77)
		skip();
	assert_int_equal(WEXITSTATUS(status), 0);
}

static void who_has_another_clock_is_not_taken_for_dead(void **state)
{
	(void)state;
	expect_elsewhere(CLONE_NEWTIME, set_clock, keep_elsewhere);
}

static void who_sees_the_processes_of_others_names_no_node(void **state)
{
	(void)state;
	expect_elsewhere(CLONE_NEWPID, NULL, name_no_node);
}

/* --- who clears up ---------------------------------------------------------- */

static uint32_t dead_pid(void)
{
	pid_t pid = fork();

	if (pid == 0)
		_exit(0);
	waitpid(pid, NULL, 0);
	return (uint32_t)pid;
}

/* The node of those who have a session. */
static uint64_t this_node(void)
{
	for (unsigned int i = 0; i < FAM_SESSIONS_SLOTS; i++) {
		if (table->word[i] && table->slot[i].node)
			return table->slot[i].node;
	}
	fail();
	return 0;
}

/* A session whose process is gone; its slot. */
static unsigned int plant(uint64_t node, uint32_t pid)
{
	uint64_t token;
	int slot;

	assert_int_equal(getrandom(&token, sizeof(token), 0), sizeof(token));
	token = token >> 16 | 1;
	slot = fam_sessions_claim(table, token);
	assert_true(slot >= 0);
	table->slot[slot].node = node;
	table->slot[slot].pid = pid;
	table->slot[slot].started = 1;
	table->slot[slot].lease_ms = PATIENT;
	table->slot[slot].ended = 0;
	fam_sessions_step(table, (unsigned int)slot, table->word[slot],
			  fam_sessions_word(token, 0, FAM_SESSIONS_LIVE));
	return (unsigned int)slot;
}

static void a_session_is_recovered_once_whoever_comes_first(void **state)
{
	uint32_t expected[FAM_SESSIONS_SLOTS] = {0}, pid = dead_pid();
	unsigned int victim[40];

	(void)state;
	for (unsigned int i = 0; i < MEMBERS; i++)
		member_begin(&member[i], path, PATIENT);
	for (unsigned int i = 0; i < MEMBERS; i++)
		assert_int_equal(member_answer(&member[i], &member[i].id), 0);
	for (int round = 0; round < 10; round++) {
		for (unsigned int i = 0; i < 40; i++) {
			victim[i] = plant(this_node(), pid);
			expected[victim[i]]++;
		}
		for (unsigned int i = 0; i < 40; i++) {
			/* all 8 look at it at the same time */
			table->slot[victim[i]].started = 2;
			assert_true(await(table->word[victim[i]] == 0));
		}
	}
	for (unsigned int i = 0; i < MEMBERS; i++)
		member_leave(&member[i]);
	for (unsigned int i = 0; i < FAM_SESSIONS_SLOTS; i++) {
		assert_int_equal(tally->taken[i], expected[i]);
		assert_int_equal(tally->freed[i], expected[i]);
	}
}

static void who_dies_while_recovering_is_recovered_himself(void **state)
{
	unsigned int victim, count = 0;
	uint64_t killer = 0;

	(void)state;
	for (unsigned int i = 0; i < MEMBERS; i++)
		member_start(&member[i], path, PATIENT);
	tally->signal = SIGKILL;
	victim = plant(this_node(), dead_pid());
	assert_true(await(table->word[victim] == 0));
	assert_int_equal(tally->taken[victim], 2);
	assert_int_equal(tally->freed[victim], 1);
	/* the reason did not get lost on the way */
	assert_int_equal(table->slot[victim].ended_reason, FAM_SESSION_EXITED);
	for (unsigned int i = 0; i < MEMBERS; i++) {
		if (waitpid(member[i].pid, NULL, WNOHANG) == member[i].pid) {
			killer = member[i].id;
			member[i].pid = 0;
			count++;
		}
	}
	assert_int_equal(count, 1);
	assert_true(await(table->word[slot_of(killer)] == 0));
	assert_int_equal(tally->freed[slot_of(killer)], 1);
}

static void who_stops_while_recovering_comes_too_late(void **state)
{
	struct member *a = &member[0], *b = &member[1];
	unsigned int victim;

	(void)state;
	member_start(a, path, SHORT);
	tally->signal = SIGSTOP;
	victim = plant(this_node(), dead_pid());
	assert_true(await(tally->taken[victim] == 1));
	assert_int_equal(fam_sessions_by(table->word[victim]), slot_of(a->id));
	member_start(b, path, PATIENT);
	assert_true(await(table->word[victim] == 0));
	assert_true(await(table->word[slot_of(a->id)] == 0));
	kill(a->pid, SIGCONT);
	assert_int_equal(member_ask(a, "check", NULL), -ESTALE);
	member_leave(a);
	member_leave(b);
	assert_int_equal(tally->taken[victim], 2);
	assert_int_equal(tally->freed[victim], 1);
}

/* What deaths between two steps leave behind, all at once. */
static void no_slot_stays_unusable(void **state)
{
	struct member *m = &member[0];
	unsigned int own;

	(void)state;
	member_start(m, path, PATIENT);
	own = slot_of(m->id);
#define PUT(distance, ...)                                                  \
	atomic_store(&table->word[(own + (distance)) % FAM_SESSIONS_SLOTS], \
		     fam_sessions_word(__VA_ARGS__))
	PUT(1, 7, own, FAM_SESSIONS_RECOVERING); /* our slot's last session */
	PUT(2, 7, (own + 20) % FAM_SESSIONS_SLOTS, FAM_SESSIONS_RECOVERING);
	PUT(3, 7, 4095, FAM_SESSIONS_RECOVERING);
	PUT(4, 7, (own + 4) % FAM_SESSIONS_SLOTS, FAM_SESSIONS_RECOVERING);
	PUT(5, 7, (own + 6) % FAM_SESSIONS_SLOTS, FAM_SESSIONS_RECOVERING);
	PUT(6, 7, 0, FAM_SESSIONS_JOINING);
	PUT(7, 7, 0, FAM_SESSIONS_DEAD);
	PUT(8, 7, 4000, FAM_SESSIONS_DEAD);
	PUT(9, 0, 0, FAM_SESSIONS_LIVE);
	PUT(10, 0, 5, 15);
#undef PUT
	for (unsigned int i = 1; i <= 10; i++)
		assert_true(await(table->word[(own + i) % FAM_SESSIONS_SLOTS] ==
				  0));
	assert_int_equal(member_ask(m, "check", NULL), 0);
}

/* --- a full table ----------------------------------------------------------- */

/* Sessions of nodes that nobody here knows. */
static void fill_up(uint64_t node, uint32_t pid, uint32_t lease_ms)
{
	for (unsigned int i = 0; i < FAM_SESSIONS_SLOTS; i++) {
		table->slot[i].node = node;
		table->slot[i].pid = pid;
		table->slot[i].started = 1;
		table->slot[i].lease_ms = lease_ms;
		table->word[i] = fam_sessions_word(i + 1, 0, FAM_SESSIONS_LIVE);
	}
}

static void a_full_table_is_told_and_got_over(void **state)
{
	struct fam_session_event event;
	struct fam_session self;

	(void)state;
	fill_up(1, 1, 3600000);
	assert_int_equal(fam_open(&fam, path, 0), 0);
	assert_int_equal(fam_session_check(fam), -EUSERS);
	assert_int_equal(fam_session_self(fam, &self), -EUSERS);
	assert_int_equal(fam_session_set(fam, "x", 0), -EUSERS);
	assert_int_equal(fam_session_rejoin(fam), -EUSERS);
	assert_int_equal(fam_session_event(fam, &event), -EAGAIN);
	assert_true(fam_sessions_free(table, 77, table->word[77],
				      FAM_SESSION_LEFT));
	assert_int_equal(fam_session_rejoin(fam), 0);
	assert_int_equal(fam_session_self(fam, &self), 0);
	assert_int_equal(slot_of(self.id), 77);
	assert_int_equal(fam_session_rejoin(fam), 0);
}

static bool is_silent(int fd)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};
	struct fam_session_event event;

	while (fam_session_event(fam, &event) == 0)
		continue;
	return poll(&p, 1, 0) == 0;
}

/* Whoever looks first: the library by itself, or to find a place. */
static void no_place_is_no_reason_to_miss_news(void **state)
{
	struct pollfd p = {.events = POLLIN};

	(void)state;
	fill_up(1, 1, 3600000);
	assert_int_equal(fam_open(&fam, path, 0), 0);
	p.fd = fam_session_fd(fam);
	for (uint64_t i = 0; i < 20; i++) {
		assert_true(await(is_silent(p.fd)));
		table->word[i] =
			fam_sessions_word(5000 + i, 0, FAM_SESSIONS_LIVE);
		assert_int_equal(fam_session_rejoin(fam), -EUSERS);
		assert_int_equal(poll(&p, 1, DEADLINE_MS), 1);
	}
}

/* After a power cut nobody is left who could have noticed. */
static void a_table_full_of_the_dead_becomes_empty(void **state)
{
	(void)state;
	fill_up(1, 1, FAM_SESSIONS_LEASE_MIN);
	assert_int_equal(fam_open(&fam, path, 0), 0);
	assert_true(await(fam_session_rejoin(fam) == 0));
	for (unsigned int i = 0; i < FAM_SESSIONS_SLOTS; i++)
		assert_true(await(table->word[i] == 0 ||
				  table->slot[i].pid == (uint32_t)getpid()));
}

static void who_lost_its_place_to_the_dead_gets_another(void **state)
{
	(void)state;
	attach();
	fill_up(1, 1, FAM_SESSIONS_LEASE_MIN);
	assert_int_equal(fam_session_check(fam), -ESTALE);
	assert_true(await(fam_session_rejoin(fam) == 0));
	assert_int_equal(fam_session_check(fam), 0);
}

static void who_died_in_this_node_makes_room_at_once(void **state)
{
	uint64_t node;

	(void)state;
	attach();
	node = this_node();
	fam_close(fam);
	fam = NULL;
	fill_up(node, dead_pid(), PATIENT);
	assert_int_equal(fam_open(&fam, path, 0), 0);
	assert_int_equal(fam_session_check(fam), 0);
}

/* --- nonsense --------------------------------------------------------------- */

static int count(const struct fam_session *session, void *arg)
{
	(void)session;
	++*(unsigned int *)arg;
	return 0;
}

static void nonsense_all_over_costs_the_session_and_no_more(void **state)
{
	struct fam_session_event event;
	unsigned int visits = 0;

	(void)state;
	attach();
	assert_true(fam_session_fd(fam) >= 0);
	for (int round = 0; round < 20; round++) {
		for (size_t done = 0; done < sizeof(*table);)
			done += (size_t)getrandom((char *)table + done,
						  sizeof(*table) - done, 0);
		fam_session_each(fam, count, &visits);
		/* each slot, a leave and a join: no more can be told */
		for (int i = 0; i < 2 * FAM_SESSIONS_SLOTS + 1; i++)
			if (fam_session_event(fam, &event) < 0)
				break;
		fam_session_ping(fam, (uint64_t)round << 16 | 5, 0, NULL);
		assert_true(fam_session_check(fam) < 0);
		fam_session_rejoin(fam);
	}
	memset(table, 0, sizeof(*table));
	assert_true(await(fam_session_rejoin(fam) == 0));
	assert_int_equal(fam_session_check(fam), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		TEST(a_killed_process_is_noticed_at_once),
		TEST(all_that_die_together_are_noticed),
		TEST(who_was_paused_learns_that_it_has_lost),
		TEST(who_was_paused_itself_declares_nobody_dead),
		TEST(who_has_another_clock_is_not_taken_for_dead),
		TEST(who_sees_the_processes_of_others_names_no_node),
		TEST(a_session_is_recovered_once_whoever_comes_first),
		TEST(who_dies_while_recovering_is_recovered_himself),
		TEST(who_stops_while_recovering_comes_too_late),
		TEST(no_slot_stays_unusable),
		TEST(a_full_table_is_told_and_got_over),
		TEST(no_place_is_no_reason_to_miss_news),
		TEST(a_table_full_of_the_dead_becomes_empty),
		TEST(who_lost_its_place_to_the_dead_gets_another),
		TEST(who_died_in_this_node_makes_room_at_once),
		TEST(nonsense_all_over_costs_the_session_and_no_more),
	};

	if (argc > 1 && strcmp(argv[1], "member") == 0) {
		tally = map_at(argv[2], FAM_DATA_OFFSET, sizeof(*tally));
		return tally ? member_main(argv) : 1;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
