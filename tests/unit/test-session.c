// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
/* Sessions of a real fabric file: joining, leaving, names, events, pings. */
#include <dirent.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/time.h>

#include <cmocka.h>

#include <fam-sessions.h>
#include <fam/fam.h>
#include <fam/doorbell.h>

#include "fabric-file.h"
#include "member.h"

/* Long enough for a busy machine. */
#define PATIENT 60000

/* More for each thread than the library's own needs. */
static _Thread_local volatile char ballast[1 << 20];

static struct workdir work;
static struct fam_sessions *table;
static struct fam *fam;
static const char *path;

static void map_table(void)
{
	int fd = open(path, O_RDWR | O_CLOEXEC);

	table = mmap(NULL, FAM_SESSIONS_BYTES, PROT_READ | PROT_WRITE,
		     MAP_SHARED, fd, FAM_SESSIONS_OFFSET);
	assert_true(table != MAP_FAILED);
	close(fd);
}

static int set_up(void **state)
{
	(void)state;
	if (workdir_make(&work, "/tmp"))
		return -1;
	path = strdup(fabric_make(&work, "sessions", 1, NULL));
	map_table();
	assert_int_equal(fam_open(&fam, path, 0), 0);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	fam_close(fam);
	munmap(table, FAM_SESSIONS_BYTES);
	free((char *)path);
	return workdir_remove(&work);
}

static uint64_t id_of(struct fam *of)
{
	struct fam_session self;

	assert_int_equal(fam_session_self(of, &self), 0);
	return self.id;
}

static unsigned int slot_of(uint64_t id)
{
	return (unsigned int)(id & 0xffff);
}

static void an_attachment_has_a_session(void **state)
{
	struct fam_session self;
	char host[256];

	(void)state;
	ballast[0] = 1;
	assert_int_equal(fam_session_check(fam), 0);
	assert_int_equal(fam_session_self(fam, &self), 0);
	assert_int_not_equal(self.id, 0);
	assert_int_equal(self.state, FAM_SESSION_LIVE);
	assert_int_equal(self.pid, getpid());
	assert_int_equal(self.lease_ms, FAM_SESSION_LEASE_MS);
	assert_int_equal(self.flags, FAM_SESSION_HOST | FAM_SESSION_SELF);
	assert_int_equal(self.peer, FAM_PEER_SOFT + slot_of(self.id));
	assert_int_equal(gethostname(host, sizeof(host)), 0);
	host[FAM_SESSION_NAME_MAX - 1] = '\0';
	assert_string_equal(self.node, host);
	assert_string_equal(self.name, "test-session");
	assert_true(self.joined_ns / 1000000000 - (uint64_t)time(NULL) + 600 <
		    1200);
}

static int count_one(const struct fam_session *session, void *arg)
{
	struct fam_session *last = arg;

	last[1] = last[0];
	last[0] = *session;
	return 0;
}

static int stop_at_once(const struct fam_session *session, void *arg)
{
	(void)session;
	++*(int *)arg;
	return 42;
}

static void everybody_sees_everybody(void **state)
{
	struct fam_session seen[2] = {0}, got;
	struct fam *other;
	int visits = 0;

	(void)state;
	assert_int_equal(fam_open(&other, path, 0), 0);
	assert_int_not_equal(id_of(fam), id_of(other));
	assert_int_equal(fam_session_each(other, count_one, seen), 0);
	assert_true(seen[0].id && seen[1].id && seen[0].id != seen[1].id);
	assert_int_equal((seen[0].flags ^ seen[1].flags) & FAM_SESSION_SELF,
			 FAM_SESSION_SELF);
	assert_int_equal(fam_session_get(fam, id_of(other), &got), 0);
	assert_int_equal(got.pid, getpid());
	assert_int_equal(fam_session_each(fam, stop_at_once, &visits), 42);
	assert_int_equal(visits, 1);
	fam_close(other);
	assert_int_equal(fam_session_get(fam, seen[0].id, &got) +
				 fam_session_get(fam, seen[1].id, &got),
			 -ESRCH);
	assert_int_equal(fam_session_get(fam, 0, &got), -ESRCH);
	assert_int_equal(fam_session_get(fam, UINT64_MAX, &got), -ESRCH);
	/* the number of a slot is not its session */
	assert_int_equal(fam_session_get(fam, slot_of(id_of(fam)), &got),
			 -ESRCH);
}

static void forget_sessions(struct fam_superblock *sb)
{
	sb->feature_compat &= ~(FAM_COMPAT_SESSIONS | FAM_COMPAT_OBJECTS |
				FAM_COMPAT_REGIONS);
	sb->sessions_offset = sb->sessions_bytes = 0;
	sb->regions_offset = sb->regions_bytes = 0;
}

static void expect_none(const char *name, unsigned int flags)
{
	struct fam_session_event event;
	struct fam_session session;
	struct fam *none;

	assert_int_equal(fam_open(&none, name, flags), 0);
	assert_int_equal(fam_session_check(none), -EOPNOTSUPP);
	assert_int_equal(fam_session_self(none, &session), -EOPNOTSUPP);
	assert_int_equal(fam_session_set(none, "x", 0), -EOPNOTSUPP);
	assert_int_equal(fam_session_rejoin(none), -EOPNOTSUPP);
	assert_int_equal(fam_session_get(none, 1, &session), -EOPNOTSUPP);
	assert_int_equal(fam_session_each(none, count_one, NULL), -EOPNOTSUPP);
	assert_int_equal(fam_session_event(none, &event), -EOPNOTSUPP);
	assert_int_equal(fam_session_fd(none), -EOPNOTSUPP);
	assert_int_equal(fam_session_ping(none, 1, 0, NULL), -EOPNOTSUPP);
	fam_close(none);
}

static void some_attachments_have_none(void **state)
{
	const char *raw;

	(void)state;
	expect_none(path, FAM_OPEN_RDONLY);
	expect_none(path, FAM_OPEN_NO_SESSION);
	expect_none(fabric_make(&work, "old", 2, forget_sessions), 0);
	raw = workdir_path(&work, "raw.fam");
	close(file_make(raw, 2 * MIB));
	expect_none(raw, FAM_OPEN_RAW);
}

static void expect_event(enum fam_session_change change, uint64_t id,
			 enum fam_session_reason reason)
{
	struct fam_session_event event = {0};

	assert_true(await(fam_session_event(fam, &event) != -EAGAIN));
	assert_int_equal(event.change, change);
	assert_int_equal(event.session.id, id);
	assert_int_equal(event.reason, reason);
	assert_int_equal(event.session.state, change == FAM_SESSION_JOINED
						      ? FAM_SESSION_LIVE
						      : FAM_SESSION_DEAD);
}

static void expect_no_event(void)
{
	struct fam_session_event event;

	assert_int_equal(fam_session_event(fam, &event), -EAGAIN);
}

static void each_change_is_told_once(void **state)
{
	struct fam *a, *b;
	uint64_t id_a, id_b;

	(void)state;
	expect_no_event();
	assert_int_equal(fam_open(&a, path, 0), 0);
	id_a = id_of(a);
	expect_event(FAM_SESSION_JOINED, id_a, 0);
	expect_no_event();
	assert_int_equal(fam_open(&b, path, 0), 0);
	id_b = id_of(b);
	fam_close(a);
	for (int i = 0; i < 2; i++) {
		struct fam_session_event event;

		assert_int_equal(fam_session_event(fam, &event), 0);
		assert_int_equal(event.session.id,
				 event.change == FAM_SESSION_JOINED ? id_b
								    : id_a);
		assert_int_equal(event.reason,
				 event.change == FAM_SESSION_JOINED
					 ? 0
					 : FAM_SESSION_LEFT);
		assert_string_equal(event.session.name, "test-session");
	}
	fam_close(b);
	expect_event(FAM_SESSION_GONE, id_b, FAM_SESSION_LEFT);
	expect_no_event();
	/* came and went before anybody asked */
	assert_int_equal(fam_open(&a, path, 0), 0);
	fam_close(a);
	expect_no_event();
}

static bool is_readable(int fd, int timeout_ms)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};

	return poll(&p, 1, timeout_ms) == 1;
}

/* It may be readable without anything to tell, but not for long. */
static bool is_silent(int fd)
{
	struct fam_session_event event;

	while (fam_session_event(fam, &event) == 0)
		continue;
	return !is_readable(fd, 0);
}

static void a_descriptor_tells_of_events(void **state)
{
	int fd = fam_session_fd(fam);
	struct member m;

	(void)state;
	assert_true(fd > STDERR_FILENO);
	assert_int_equal(fam_session_fd(fam), fd);
	assert_true(await(is_silent(fd)));
	member_start(&m, path, PATIENT);
	assert_true(is_readable(fd, DEADLINE_MS));
	expect_event(FAM_SESSION_JOINED, m.id, 0);
	/* it stays so until all is told */
	expect_no_event();
	member_leave(&m);
	assert_true(is_readable(fd, DEADLINE_MS));
	expect_event(FAM_SESSION_GONE, m.id, FAM_SESSION_LEFT);
	/* what goes before the library has looked is not overlooked */
	for (int i = 0; i < 20; i++) {
		struct fam *brief;
		uint64_t id;

		assert_true(await(is_silent(fd)));
		assert_int_equal(fam_open(&brief, path, 0), 0);
		id = id_of(brief);
		expect_event(FAM_SESSION_JOINED, id, 0);
		fam_close(brief);
		assert_true(is_readable(fd, DEADLINE_MS));
		expect_event(FAM_SESSION_GONE, id, FAM_SESSION_LEFT);
	}
	assert_true(await(is_silent(fd)));
}

static void names_and_leases_can_be_changed(void **state)
{
	char long_name[FAM_SESSION_NAME_MAX + 1] = "";
	struct fam_session self;

	(void)state;
	assert_int_equal(fam_session_set(fam, "worker 7", 300), 0);
	assert_int_equal(fam_session_self(fam, &self), 0);
	assert_string_equal(self.name, "worker 7");
	assert_int_equal(self.lease_ms, 300);
	memset(long_name, 'x', FAM_SESSION_NAME_MAX);
	assert_int_equal(fam_session_set(fam, long_name, 0), -ENAMETOOLONG);
	assert_int_equal(fam_session_set(fam, "", 0), -EINVAL);
	assert_int_equal(fam_session_set(fam, "a\nb", 0), -EINVAL);
	assert_int_equal(fam_session_set(fam, "\xc3\xa4", 0), -EINVAL);
	assert_int_equal(fam_session_set(fam, NULL, 99), -ERANGE);
	assert_int_equal(fam_session_set(fam, "no", 3600001), -ERANGE);
	assert_int_equal(fam_session_self(fam, &self), 0);
	assert_string_equal(self.name, "worker 7");
	assert_int_equal(self.lease_ms, 300);
	long_name[FAM_SESSION_NAME_MAX - 1] = '\0';
	assert_int_equal(fam_session_set(fam, long_name, 3600000), 0);
	assert_int_equal(fam_session_self(fam, &self), 0);
	assert_string_equal(self.name, long_name);
}

/* With a lease of an hour it beats every few minutes; others look often. */
static void a_shorter_lease_begins_with_a_beat(void **state)
{
	unsigned int slot = slot_of(id_of(fam));
	struct member m;
	uint64_t beat;

	(void)state;
	assert_int_equal(fam_session_set(fam, NULL, 3600000), 0);
	member_start(&m, path, PATIENT);
	beat = table->slot[slot].beat;
	/* the other one has seen it for a while */
	for (int64_t until = clock_now_ms() + 1200; clock_now_ms() < until;)
		breathe();
	assert_int_equal(table->slot[slot].beat, beat);
	assert_int_equal(fam_session_set(fam, NULL, 1000), 0);
	assert_true(await(table->slot[slot].beat >= beat + 8));
	assert_int_equal(fam_session_check(fam), 0);
	member_leave(&m);
}

static void what_is_written_over_is_put_right(void **state)
{
	struct fam_sessions_slot *s = &table->slot[slot_of(id_of(fam))];

	(void)state;
	s->pid = 1;
	s->lease_ms = 7;
	s->peer = 99;
	s->flags = 0;
	assert_true(await(s->pid == (uint32_t)getpid() && s->lease_ms == 2000 &&
			  s->peer == 0 && s->flags == FAM_SESSIONS_HOST));
}

static void on_alarm(int signal)
{
	(void)signal;
}

static void pings_are_answered_by_the_library(void **state)
{
	/* again and again: the first may come before it sleeps */
	struct itimerval soon = {{.tv_usec = 20000}, {.tv_usec = 20000}};
	struct itimerval never = {0};
	struct sigaction action = {.sa_handler = on_alarm};
	struct member m;
	uint64_t ns = 0;

	(void)state;
	member_start(&m, path, PATIENT);
	assert_int_equal(fam_session_ping(fam, m.id, DEADLINE_MS, &ns), 0);
	assert_true(ns > 0);
	assert_int_equal(fam_session_ping(fam, id_of(fam), DEADLINE_MS, NULL),
			 0);
	assert_int_equal(fam_session_ping(fam, m.id + (1 << 16), -1, NULL),
			 -ESRCH);
	kill(m.pid, SIGSTOP);
	/* All its threads stand still when this is told, not before. */
	assert_int_equal(waitpid(m.pid, NULL, WUNTRACED), m.pid);
	assert_int_equal(fam_session_ping(fam, m.id, 0, &ns), -ETIMEDOUT);
	assert_int_equal(fam_session_ping(fam, m.id, 30, &ns), -ETIMEDOUT);
	sigaction(SIGALRM, &action, NULL);
	setitimer(ITIMER_REAL, &soon, NULL);
	assert_int_equal(fam_session_ping(fam, m.id, -1, NULL), -EINTR);
	setitimer(ITIMER_REAL, &never, NULL);
	/* a process that ends while it is waited for */
	kill(m.pid, SIGKILL);
	assert_int_equal(fam_session_ping(fam, m.id, -1, NULL), -ESRCH);
	member_reap(&m);
}

/* A session of a node that nobody knows, which does not move; its ID. */
static uint64_t plant(unsigned int slot, uint64_t token)
{
	table->slot[slot].node = 1;
	table->slot[slot].lease_ms = FAM_SESSION_LEASE_MAX_MS;
	/* as who joins does: nothing that was asked before is for it */
	table->slot[slot].pong = table->slot[slot].ping;
	table->word[slot] = fam_sessions_word(token, 0, FAM_SESSIONS_LIVE);
	return fam_sessions_id(table->word[slot], slot);
}

static unsigned int free_slot(void)
{
	return (slot_of(id_of(fam)) + 1) % FAM_SESSIONS_SLOTS;
}

struct pinger {
	pthread_t thread;
	uint64_t id;
	int result;
};

static void *ping(void *arg)
{
	struct pinger *p = arg;

	p->result = fam_session_ping(fam, p->id, DEADLINE_MS, NULL);
	return NULL;
}

static void who_comes_after_does_not_answer_for_the_dead(void **state)
{
	unsigned int slot = free_slot();

	(void)state;
	for (uint64_t round = 1; round <= 20; round++) {
		uint64_t asked = table->slot[slot].ping;
		struct pinger p = {.id = plant(slot, 2 * round)};

		assert_int_equal(pthread_create(&p.thread, NULL, ping, &p), 0);
		assert_true(await(table->slot[slot].ping != asked));
		plant(slot, 2 * round + 1);
		pthread_join(p.thread, NULL);
		assert_int_equal(p.result, -ESRCH);
	}
	table->word[slot] = 0;
}

/* Whoever clears up has just begun, and has not written it down yet. */
static void a_reason_that_is_still_to_be_noted_is_waited_for(void **state)
{
	unsigned int slot = free_slot(), by = (slot + 1) % FAM_SESSIONS_SLOTS;
	struct fam_session_event event;
	uint64_t id;

	(void)state;
	/* who clears up, and does not get on */
	expect_event(FAM_SESSION_JOINED, plant(by, 6), 0);
	id = plant(slot, 7);
	expect_event(FAM_SESSION_JOINED, id, 0);
	table->word[slot] = fam_sessions_word(7, by, FAM_SESSIONS_RECOVERING);
	for (int i = 0; i < 20; i++) {
		assert_int_equal(fam_session_event(fam, &event), -EAGAIN);
		breathe();
	}
	table->slot[slot].ended_reason = FAM_SESSION_HUNG_UP;
	table->slot[slot].ended = id;
	expect_event(FAM_SESSION_GONE, id, FAM_SESSION_HUNG_UP);
	table->word[slot] = 0;
	expect_no_event();
}

/* Declared dead by somebody; what becomes of the place is not ours to see. */
static uint64_t lose(void)
{
	uint64_t id = id_of(fam);
	unsigned int slot = slot_of(id);

	assert_true(fam_sessions_kill(table, slot, table->word[slot],
				      FAM_SESSION_HUNG_UP));
	assert_int_equal(fam_session_check(fam), -ESTALE);
	return id;
}

static void each_session_that_is_lost_is_told(void **state)
{
	uint64_t first = lose(), second;

	(void)state;
	expect_event(FAM_SESSION_LOST, first, FAM_SESSION_HUNG_UP);
	expect_no_event();
	/* nobody asks for events between this and the next loss */
	assert_int_equal(fam_session_rejoin(fam), 0);
	second = lose();
	assert_int_not_equal(first, second);
	expect_event(FAM_SESSION_LOST, second, FAM_SESSION_HUNG_UP);
	expect_no_event();
}

static void a_child_that_closes_does_not_leave(void **state)
{
	uint64_t id = id_of(fam);
	int status;
	pid_t pid = fork();

	(void)state;
	if (pid == 0) {
		fam_close(fam);
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	assert_int_equal(fam_session_check(fam), 0);
	assert_int_equal(id_of(fam), id);
	/* it still has its keeper */
	assert_int_equal(fam_session_ping(fam, id, DEADLINE_MS, NULL), 0);
}

static void closing_leaves_nothing_behind(void **state)
{
	struct fam *other;
	int before, after;

	(void)state;
	before = dup(STDERR_FILENO);
	close(before);
	for (int i = 0; i < 50; i++) {
		assert_int_equal(fam_open(&other, path, 0), 0);
		assert_true(fam_session_fd(other) >= 0);
		fam_close(other);
	}
	after = dup(STDERR_FILENO);
	close(after);
	assert_int_equal(before, after);
	for (unsigned int i = 0; i < FAM_SESSIONS_SLOTS; i++)
		assert_true(table->word[i] == 0 || i == slot_of(id_of(fam)));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

/* Of this process; 0: it is not there yet. */
static pid_t find_keeper(void)
{
	DIR *dir = opendir("/proc/self/task");
	struct dirent *entry;
	pid_t found = 0;

	while ((entry = readdir(dir))) {
		char file[64], name[32] = "";
		FILE *comm;

		snprintf(file, sizeof(file), "/proc/self/task/%.16s/comm",
			 entry->d_name);
		comm = fopen(file, "r");
		if (!comm)
			continue;
		if (fgets(name, sizeof(name), comm) &&
		    strcmp(name, "fam-keeper\n") == 0)
			found = atoi(entry->d_name);
		fclose(comm);
	}
	closedir(dir);
	return found;
}

/* A program of low priority keeps its session, if it may. */
static int keep_with_low_priority(void)
{
	struct fam *own;
	pid_t keeper;
	int wanted;

	if (setpriority(PRIO_PROCESS, 0, 7) < 0 || fam_open(&own, path, 0) < 0)
		return 1;
	if (!await((keeper = find_keeper()) != 0))
		return 2;
	wanted = setpriority(PRIO_PROCESS, 0, 0) < 0 ? 7 : 0;
	if (getpriority(PRIO_PROCESS, (id_t)keeper) != wanted)
		return 3;
	fam_close(own);
	return 0;
}

static void the_keeper_is_in_time_in_a_program_of_low_priority(void **state)
{
	char *argv[] = {"session", "low", (char *)path, NULL};
	int status = -1;
	pid_t pid;

	(void)state;
	/* Not a mere child: some sanitizers let those have no threads. */
	assert_int_equal(
		posix_spawn(&pid, "/proc/self/exe", NULL, NULL, argv, environ),
		0);
	waitpid(pid, &status, 0);
	assert_int_equal(status, 0);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		TEST(an_attachment_has_a_session),
		TEST(everybody_sees_everybody),
		TEST(some_attachments_have_none),
		TEST(each_change_is_told_once),
		TEST(a_descriptor_tells_of_events),
		TEST(names_and_leases_can_be_changed),
		TEST(a_shorter_lease_begins_with_a_beat),
		TEST(what_is_written_over_is_put_right),
		TEST(pings_are_answered_by_the_library),
		TEST(who_comes_after_does_not_answer_for_the_dead),
		TEST(a_reason_that_is_still_to_be_noted_is_waited_for),
		TEST(each_session_that_is_lost_is_told),
		TEST(a_child_that_closes_does_not_leave),
		TEST(the_keeper_is_in_time_in_a_program_of_low_priority),
		TEST(closing_leaves_nothing_behind),
	};

	if (argc == 3 && strcmp(argv[1], "low") == 0) {
		path = argv[2];
		return keep_with_low_priority();
	}
	if (argc > 1 && strcmp(argv[1], "member") == 0)
		return member_main(argv);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
