// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
/*
 * Named objects among processes that race, and that die half way; and copies of
 * the fabric taken at any moment, as a power cut leaves them.
 */
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "fabric-file.h"
#include "member.h"
#include "object-file.h"

#define NAMES	100
#define WORKERS 3
#define LEASE	400 /* ms */
#define COPIES	5
#define KILLS	30

/* --- in the process of its own ---------------------------------------------------- */

static int die(struct fam *fam, void *memory, uint64_t bytes, void *arg)
{
	(void)fam;
	(void)bytes;
	(void)arg;
	*(char *)memory = 'h'; /* half made */
	return raise(SIGKILL);
}

static int say(int r)
{
	printf("%d 0\n", r);
	fflush(stdout);
	return r;
}

static int open_piece(struct fam *fam, const char *name, unsigned int flags,
		      uint64_t bytes, struct fam_object **out)
{
	const struct fam_object_want want = {
		.type = FAM_OBJECT_MEMORY, .flags = flags, .bytes = bytes};

	return fam_object_open(fam, name, &want, out);
}

/* How many of the names are its own? */
static int race(struct fam *fam)
{
	const unsigned int flags = FAM_OBJECT_CREATE | FAM_OBJECT_EXCLUSIVE;
	struct fam_object *object;
	int own = 0;
	char name[16];

	for (int i = 0; i < NAMES; i++) {
		int r;

		snprintf(name, sizeof(name), "race%d", i);
		r = open_piece(fam, name, flags, 64, &object);
		if (r == 0)
			own++;
		else if (r != -EEXIST)
			return r;
	}
	return own;
}

/* Until it is killed, or its session is lost. */
static int churn(struct fam *fam)
{
	unsigned int seed = (unsigned int)getpid();
	struct fam_object *object;
	char name[16];
	int r = 0;

	while (r == 0) {
		snprintf(name, sizeof(name), "c%d", rand_r(&seed) % 40);
		r = open_piece(fam, name, FAM_OBJECT_CREATE,
			       1 + (uint64_t)rand_r(&seed) % 9000, &object);
		if (r)
			break;
		memset(fam_object_memory(object), 'c', 1);
		fam_object_close(object);
		r = fam_object_remove(fam, name);
		if (r == -EBUSY || r == -ENOENT)
			r = 0;
	}
	return r;
}

static int die_with_the_lock(struct fam *fam)
{
	struct fam_object *object;
	struct fam_objects_places p = fam_objects_places(OBJECTS_BYTES);
	int r = open_piece(fam, "first", FAM_OBJECT_CREATE, 64, &object);
	struct fam_objects_header *h;

	if (r)
		return r;
	/* The first piece lies right behind the directory. */
	h = (void *)((char *)fam_object_memory(object) - p.memory);
	r = fam_mutex_lock(fam, &h->lock, -1);
	return r ? r : raise(SIGKILL);
}

static int child_do(struct fam *fam, const char *what)
{
	struct fam_object_want want = {.type = FAM_OBJECT_MEMORY,
				       .bytes = 64,
				       .make = die,
				       .mend = die};
	struct fam_object *object;

	if (strcmp(what, "make\n") == 0)
		want.flags = FAM_OBJECT_CREATE;
	else if (strcmp(what, "race\n") == 0)
		return race(fam);
	else if (strcmp(what, "churn\n") == 0)
		return churn(fam);
	else if (strcmp(what, "lock\n") == 0)
		return die_with_the_lock(fam);
	else if (strcmp(what, "open\n") == 0)
		want.make = want.mend = NULL;
	return fam_object_open(fam, "a", &want, &object);
}

/* As member_main(), with commands about objects. */
static int child_main(char **argv)
{
	struct fam *fam;
	char line[32];
	int r = fam_open(&fam, argv[2], 0);

	if (r == 0)
		r = fam_session_set(fam, NULL, (uint32_t)atoi(argv[3]));
	/* As member_start() wants it: an ID that is not 0. */
	printf("%d 1\n", r);
	fflush(stdout);
	while (r == 0 && fgets(line, sizeof(line), stdin))
		say(child_do(fam, line));
	if (r == 0)
		fam_close(fam);
	return r != 0;
}

/* --- in the test --------------------------------------------------------------------- */

static struct object_file file;
static struct fam *fam;
static struct member member[WORKERS];

static int set_up(void **state)
{
	int r = object_file_set_up(&file, "/tmp");

	(void)state;
	fam = file.fam;
	return r;
}

static int tear_down(void **state)
{
	(void)state;
	for (int i = 0; i < WORKERS; i++)
		member_tear_down(&member[i]);
	return object_file_tear_down(&file);
}

static void tell(struct member *m, const char *what)
{
	fprintf(m->to, "%s\n", what);
	fflush(m->to);
}

static void killed_by_itself(struct member *m)
{
	int status = member_reap(m);

	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

static int count_calls(struct fam *by, void *memory, uint64_t bytes, void *arg)
{
	const char *byte = memory;

	(void)by;
	(void)bytes;
	++*(int *)arg;
	return *byte == '\0' || *byte == 'h' ? 0 : -EILSEQ;
}

static int try_open(const char *name, unsigned int flags, int *calls)
{
	const struct fam_object_want want = {.type = FAM_OBJECT_MEMORY,
					     .flags = flags,
					     .bytes = 64,
					     .make = count_calls,
					     .mend = count_calls,
					     .arg = calls};
	struct fam_object *object;
	int r = fam_object_open(fam, name, &want, &object);

	if (r == 0)
		fam_object_close(object);
	return r;
}

static void what_its_dead_maker_left_is_made_anew(void **state)
{
	int calls = 0;

	(void)state;
	for (int i = 0; i < 3; i++) {
		member_start(&member[0], file.path, LEASE);
		tell(&member[0], "make");
		killed_by_itself(&member[0]);
		assert_true(object_file_find(&file, "a") >= 0);
		assert_int_equal(try_open("a", 0, &calls), -ENOENT);
	}
	assert_int_equal(try_open("a", FAM_OBJECT_CREATE, &calls), 0);
	assert_int_equal(calls, 1);
}

/* Who waits for the maker learns of its death, and makes it. */
static void a_waiter_takes_the_making_over(void **state)
{
	int calls = 0, at;

	(void)state;
	member_start(&member[0], file.path, LEASE);
	tell(&member[0], "make");
	assert_true(await((at = object_file_find(&file, "a")) >= 0));
	assert_int_equal(try_open("a", FAM_OBJECT_CREATE, &calls), 0);
	assert_int_equal(calls, 1);
	killed_by_itself(&member[0]);
}

static void what_its_dead_mender_left_is_mended(void **state)
{
	int calls = 0;

	(void)state;
	assert_int_equal(try_open("a", FAM_OBJECT_CREATE, &calls), 0);
	member_start(&member[0], file.path, LEASE);
	/* Behind that, as it would tell the host's real start. */
	object_file_reboot(&file);
	tell(&member[0], "mend");
	killed_by_itself(&member[0]);
	assert_int_equal(calls, 1);
	assert_int_equal(try_open("a", 0, &calls), 0);
	assert_int_equal(calls, 2);
	assert_int_equal(try_open("a", 0, &calls), 0);
	assert_int_equal(calls, 2);
}

static void a_dead_user_keeps_nothing(void **state)
{
	int calls = 0;

	(void)state;
	assert_int_equal(try_open("a", FAM_OBJECT_CREATE, &calls), 0);
	member_start(&member[0], file.path, LEASE);
	assert_int_equal(member_ask(&member[0], "open", NULL), 0);
	assert_int_equal(fam_object_remove(fam, "a"), -EBUSY);
	kill(member[0].pid, SIGKILL);
	member_reap(&member[0]);
	assert_true(await(fam_object_remove(fam, "a") == 0));
}

static void the_lock_of_the_dead_is_taken_over(void **state)
{
	int calls = 0;

	(void)state;
	member_start(&member[0], file.path, LEASE);
	tell(&member[0], "lock");
	killed_by_itself(&member[0]);
	assert_int_equal(try_open("a", FAM_OBJECT_CREATE, &calls), 0);
	assert_int_equal(try_open("first", 0, &calls), 0);
}

static void a_name_is_made_by_one(void **state)
{
	int sum = 0, own;

	(void)state;
	for (int i = 0; i < WORKERS; i++)
		member_start(&member[i], file.path, 60000);
	for (int i = 0; i < WORKERS; i++)
		tell(&member[i], "race");
	for (int i = 0; i < WORKERS; i++) {
		own = member_answer(&member[i], NULL);
		assert_true(own >= 0);
		sum += own;
	}
	assert_int_equal(sum, NAMES);
	for (int i = 0; i < WORKERS; i++)
		member_leave(&member[i]);
}

/* --- what is left is whole -------------------------------------------------------------- */

struct tally {
	struct fam *fam;
	char used[OBJECTS_BYTES / 64];
	char last[FAM_OBJECT_NAME_MAX];
	int count;
};

static int check_one(const struct fam_object_info *info, void *arg)
{
	struct tally *t = arg;
	uint64_t first = (info->offset - OBJECTS_OFFSET) / 64;
	uint64_t end = first + (info->bytes + 63) / 64;

	assert_true(first * 64 >= file.places.memory);
	assert_true(end * 64 <= OBJECTS_BYTES);
	for (uint64_t i = first; i < end; i++)
		assert_int_equal(t->used[i]++, 0);
	assert_true(strcmp(t->last, info->name) < 0);
	strcpy(t->last, info->name);
	t->count++;
	return 0;
}

static int remove_one(const struct fam_object_info *info, void *arg)
{
	struct tally *t = arg;

	/* Those who had it open are known to be dead sooner or later. */
	assert_true(await(fam_object_remove(t->fam, info->name) == 0));
	return 0;
}

/* No two overlap, and in the end all space is there again. */
static void check_whole(struct fam *by)
{
	struct tally t = {.fam = by};
	struct fam_object *object;
	uint64_t most = OBJECTS_BYTES - file.places.memory;

	assert_int_equal(fam_object_each(by, check_one, &t), 0);
	assert_int_equal(fam_object_each(by, remove_one, &t), 0);
	assert_true(await(
		open_piece(by, "all", FAM_OBJECT_CREATE, most, &object) == 0));
	fam_object_close(object);
	assert_int_equal(fam_object_remove(by, "all"), 0);
}

static void killed_at_any_moment_they_leave_it_whole(void **state)
{
	unsigned int seed = 1;

	(void)state;
	for (int i = 0; i < KILLS; i++) {
		const struct timespec pause = {.tv_nsec = rand_r(&seed) %
							  10000000};
		struct member *m = &member[i % 2];

		member_tear_down(m);
		member_start(m, file.path, LEASE);
		tell(m, "churn");
		nanosleep(&pause, NULL); /* when does not matter */
	}
	member_tear_down(&member[0]);
	member_tear_down(&member[1]);
	check_whole(fam);
}

static void copy_file(const char *from, const char *to)
{
	char buffer[65536];
	int in = open(from, O_RDONLY | O_CLOEXEC);
	int out = open(to, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	ssize_t n;

	while ((n = read(in, buffer, sizeof(buffer))) > 0)
		assert_int_equal(write(out, buffer, (size_t)n), n);
	assert_int_equal(n, 0);
	close(in);
	close(out);
}

/* Its sessions are dead, which only their leases tell. */
static void open_copy(const char *path)
{
	struct fam_sessions *table =
		object_file_map(path, FAM_SESSIONS_OFFSET, FAM_SESSIONS_BYTES);
	struct fam *copy;

	atomic_store(&table->boot, 77);
	assert_int_equal(fam_open(&copy, path, 0), 0);
	assert_true(atomic_load(&table->boot) != 77); /* of this host */
	atomic_store(&table->boot, 78);
	check_whole(copy);
	fam_close(copy);
	munmap(table, FAM_SESSIONS_BYTES);
}

static void a_power_cut_leaves_it_whole(void **state)
{
	char path[600];

	(void)state;
	snprintf(path, sizeof(path), "%s.copy", file.path);
	for (int i = 0; i < 2; i++) {
		member_start(&member[i], file.path, LEASE);
		tell(&member[i], "churn");
	}
	for (int i = 0; i < COPIES; i++) {
		copy_file(file.path, path);
		open_copy(path);
	}
}

/* --- what is torn by a power cut ----------------------------------------------------------- */

static void make(const char *name, uint64_t bytes)
{
	struct fam_object *object;

	assert_int_equal(
		open_piece(fam, name, FAM_OBJECT_CREATE, bytes, &object), 0);
	fam_object_close(object);
}

/* An entry as a power cut may bring it back. */
struct removed {
	struct fam_objects_entry entry;
	uint64_t word;
};

static void remove_it(const char *name, struct removed *out)
{
	uint32_t at = (uint32_t)object_file_find(&file, name);

	memcpy(&out->entry, object_file_entry(&file, at), sizeof(out->entry));
	out->word = atomic_load(object_file_word(&file, at));
	assert_int_equal(fam_object_remove(fam, name), 0);
}

static void bring_back(struct removed *r)
{
	uint32_t at = file.places.entries - 1;

	r->entry.crc32c = fam_crc32c(0, (char *)&r->entry + 4, 132);
	memcpy(object_file_entry(&file, at), &r->entry, sizeof(r->entry));
	atomic_store(object_file_word(&file, at), r->word);
}

static void of_two_that_overlap_the_later_one_counts(void **state)
{
	struct removed old;
	int calls = 0;

	(void)state;
	make("keep", 64);
	make("old", 5000);
	remove_it("old", &old);
	make("new", 5000);
	bring_back(&old);
	assert_int_equal(try_open("old", 0, &calls), 0);
	object_file_reboot(&file);
	assert_int_equal(try_open("old", 0, &calls), -ENOENT);
	assert_int_equal(try_open("new", 0, &calls), 0);
	assert_int_equal(try_open("keep", 0, &calls), 0);
}

static void of_two_with_one_name_the_later_one_counts(void **state)
{
	struct removed old;
	uint32_t at;

	(void)state;
	make("x", 64);
	remove_it("x", &old);
	make("x", 64);
	old.entry.offset += 4096;
	bring_back(&old);
	object_file_reboot(&file);
	assert_int_equal(fam_object_remove(fam, "y"), -ENOENT);
	at = (uint32_t)object_file_find(&file, "x");
	assert_true(object_file_entry(&file, at)->serial > old.entry.serial);
	assert_int_equal(fam_object_remove(fam, "x"), 0);
	assert_int_equal(fam_object_remove(fam, "x"), -ENOENT);
}

/* The next one of that name has nearly the same word, but not its entry. */
static void a_word_brings_no_older_entry_back(void **state)
{
	struct removed old;
	uint32_t at;
	int calls = 0;

	(void)state;
	make("x", 64);
	remove_it("x", &old);
	make("x", 64);
	at = (uint32_t)object_file_find(&file, "x");
	memcpy(object_file_entry(&file, at), &old.entry, sizeof(old.entry));
	assert_int_equal(try_open("x", 0, &calls), -ENOENT);
}

static void what_was_damaged_is_not_there(void **state)
{
	int at, calls = 0;
	uint64_t serial;

	(void)state;
	make("a", 64);
	make("b", 64);
	at = object_file_find(&file, "a");
	object_file_entry(&file, (uint32_t)at)->bytes++;
	assert_int_equal(try_open("a", 0, &calls), -ENOENT);
	assert_int_equal(fam_object_remove(fam, "a"), -ENOENT);
	make("a", 64);
	/* The next check gives its entry back; the serial rises on. */
	serial = atomic_load(&object_file_header(&file)->serial);
	atomic_store(&object_file_header(&file)->serial, 0);
	object_file_reboot(&file);
	assert_int_equal(try_open("b", 0, &calls), 0);
	assert_int_equal(atomic_load(object_file_word(&file, (uint32_t)at)), 0);
	assert_int_equal(atomic_load(&object_file_header(&file)->serial),
			 serial);
}

/*
 * Before a power cut somebody had it open, whose session nobody has declared
 * dead yet: it does not keep the object from being mended.
 */
static void who_died_with_the_host_vouches_for_nothing(void **state)
{
	int calls = 0;

	(void)state;
	assert_int_equal(try_open("a", FAM_OBJECT_CREATE, &calls), 0);
	member_start(&member[0], file.path, LEASE);
	assert_int_equal(member_ask(&member[0], "open", NULL), 0);
	kill(member[0].pid, SIGSTOP);
	object_file_reboot(&file);
	assert_int_equal(calls, 1);
	assert_int_equal(try_open("a", 0, &calls), 0);
	assert_int_equal(calls, 2);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		TEST(what_its_dead_maker_left_is_made_anew),
		TEST(a_waiter_takes_the_making_over),
		TEST(what_its_dead_mender_left_is_mended),
		TEST(a_dead_user_keeps_nothing),
		TEST(the_lock_of_the_dead_is_taken_over),
		TEST(a_name_is_made_by_one),
		TEST(killed_at_any_moment_they_leave_it_whole),
		TEST(a_power_cut_leaves_it_whole),
		TEST(of_two_that_overlap_the_later_one_counts),
		TEST(of_two_with_one_name_the_later_one_counts),
		TEST(a_word_brings_no_older_entry_back),
		TEST(what_was_damaged_is_not_there),
		TEST(who_died_with_the_host_vouches_for_nothing),
	};

	if (argc == 4 && strcmp(argv[1], "member") == 0)
		return child_main(argv);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
