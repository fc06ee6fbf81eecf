// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
/*
 * Threads, and processes that are killed at any moment, at one map and one log:
 * what each has done is there, all of it or nothing of each transaction.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <pthread.h>
#include <stdatomic.h>

#include "containers/siphash.h"

#include "container-stage.h"

#define THREADS 4
#define ROUNDS	600 /* of each thread */
#define SHARED	5   /* keys that all count in */
#define OWN	50  /* keys of each worker */
#define KILLS	24
#define PATIENT 20000 /* ms */

struct root {
	fam_off hash, log;
};

/* What a worker is about to do, and has done: not in the fabric. */
struct progress {
	_Atomic uint64_t intent, done;
};

struct place {
	struct fam_heap *heap;
	struct fam_hash *hash;
	struct fam_log *log;
};

/* A worker's steps, by their numbers from 1 on. */
struct step {
	uint64_t who, number;
};

static struct place here;
static struct root root;

static int open_place(struct fam *by, struct place *out)
{
	struct root *at;
	fam_off off;

	if (fam_heap_open(by, "heap", FAM_REGION_WRITE, &out->heap) ||
	    fam_heap_root(out->heap, sizeof(*at), &off))
		return -1;
	at = fam_heap_at(out->heap, off, sizeof(*at));
	return fam_hash_open(out->heap, at->hash, &out->hash) ||
	       fam_log_open(out->heap, at->log, &out->log);
}

static void close_place(struct place *place)
{
	fam_log_close(place->log);
	fam_hash_close(place->hash);
	fam_heap_close(place->heap);
}

static int crowd_set_up(void **state)
{
	fam_off off;

	if (heap_set_up(state) || fam_heap_root(heap, sizeof(root), &off) ||
	    fam_hash_create(heap, NULL, off, &root.hash) ||
	    fam_log_create(heap, NULL, off + 8, &root.log))
		return -1;
	return open_place(fam, &here);
}

static int crowd_tear_down(void **state)
{
	close_place(&here);
	return heap_tear_down(state);
}

/* All of the heap, with the root object. */
static void nothing_is_lost(void)
{
	struct reach reach = {.heap = heap};
	fam_off off;

	assert_true(fam_heap_recover(heap) >= 0);
	assert_int_equal(fam_heap_root(heap, 0, &off), 0);
	reach_one(&reach, off);
	assert_int_equal(reach_hash(&reach, root.hash),
			 fam_hash_count(here.hash));
	reach_log(&reach, root.log);
	reach_is_all(&reach);
}

/* --- one step ------------------------------------------------------------------------- */

static uint64_t number_in(struct place *at, struct fam_tx *tx, const char *key)
{
	uint64_t value = 0, bytes;
	int r = fam_hash_get(at->hash, tx, key, (uint32_t)strlen(key), &value,
			     sizeof(value), &bytes);

	return r == -ENOENT ? 0 : r ? UINT64_MAX : value;
}

static int set_number(struct place *at, struct fam_tx *tx, const char *key,
		      uint64_t value)
{
	return fam_hash_put(at->hash, tx, key, (uint32_t)strlen(key), &value,
			    sizeof(value));
}

static int add_one(struct place *at, struct fam_tx *tx, const char *key)
{
	uint64_t value = number_in(at, tx, key);

	return value == UINT64_MAX ? -EDEADLK
				   : set_number(at, tx, key, value + 1);
}

static void own_key(const struct step *step, uint64_t n, char key[32])
{
	snprintf(key, 32, "own-%d-%d", (int)step->who, (int)(n % OWN));
}

/* How long a step's value is: often large enough to be an object by far. */
static uint64_t bytes_of(const struct step *step)
{
	return step->number % 11 == 0 ? 6000 : 16 + step->number * 37 % 900;
}

static int append(struct place *at, struct fam_tx *tx, const struct step *step)
{
	static _Thread_local char data[6000];
	const uint64_t bytes = bytes_of(step);

	fill_bytes(data, bytes, step->who << 32 | step->number);
	memcpy(data, step, sizeof(*step));
	return fam_log_append(at->log, tx, data, bytes, NULL);
}

/* A value of its own, another one removed, a count of all, its own count. */
static int change(struct place *at, struct fam_tx *tx, const struct step *step)
{
	static _Thread_local char value[6000];
	const uint64_t bytes = bytes_of(step);
	char key[32];
	int r;

	own_key(step, step->number, key);
	fill_bytes(value, bytes, step->who << 32 | step->number);
	r = fam_hash_put(at->hash, tx, key, (uint32_t)strlen(key), value,
			 bytes);
	if (r == 0 && step->number % 3 == 0) {
		own_key(step, step->number + OWN / 2, key);
		r = fam_hash_remove(at->hash, tx, key, (uint32_t)strlen(key));
		r = r == -ENOENT ? 0 : r;
	}
	snprintf(key, sizeof(key), "count-%d", (int)(step->number % SHARED));
	if (r == 0)
		r = add_one(at, tx, key);
	snprintf(key, sizeof(key), "last-%d", (int)step->who);
	return r ? r : set_number(at, tx, key, step->number);
}

/*
 * Until it is done; what meets others in another order is done again. That takes
 * seconds, and does not happen if all have the lock of the log before any other.
 */
static int do_step(struct place *at, const struct step *step, bool log_first)
{
	struct fam_tx *tx;
	int r;

	do {
		r = fam_tx_begin(at->heap, NULL, &tx);
		if (r)
			return r;
		r = log_first ? append(at, tx, step) : 0;
		if (r == 0)
			r = change(at, tx, step);
		if (r == 0 && !log_first)
			r = append(at, tx, step);
		if (r == 0)
			r = fam_tx_commit(tx);
		else
			fam_tx_abort(tx);
	} while (r == -EDEADLK);
	return r;
}

/* --- judging --------------------------------------------------------------------------- */

static struct {
	uint64_t last[CAST]; /* step of each; 0: the log has none of it */
	uint64_t number;     /* of the record told last */
} judged;

static int judge_record(uint64_t number, const void *data, uint64_t bytes,
			void *arg)
{
	struct step step;

	(void)arg;
	memcpy(&step, data, sizeof(step));
	assert_true(step.who < CAST);
	/* Nothing is left out, but what is cut off. */
	if (judged.last[step.who])
		assert_int_equal(step.number, judged.last[step.who] + 1);
	judged.last[step.who] = step.number;
	assert_int_equal(bytes, bytes_of(&step));
	if (judged.number)
		assert_int_equal(number, judged.number + 1);
	judged.number = number;
	return 0;
}

/* The own values of a worker that has come so far, and no more. */
static uint64_t judge_keys(uint64_t who)
{
	static char value[6000];
	uint64_t is[OWN] = {0}, there = 0, bytes, last;
	char key[32];

	snprintf(key, sizeof(key), "last-%d", (int)who);
	last = number_in(&here, NULL, key);
	if (judged.last[who])
		assert_int_equal(last, judged.last[who]);
	judged.last[who] = last;
	for (uint64_t n = 1; n <= last; n++) {
		is[n % OWN] = n;
		if (n % 3 == 0)
			is[(n + OWN / 2) % OWN] = 0;
	}
	for (uint64_t n = 0; n < OWN; n++) {
		struct step step = {who, is[n]};
		int r;

		own_key(&step, n, key);
		r = fam_hash_get(here.hash, NULL, key, (uint32_t)strlen(key),
				 value, sizeof(value), &bytes);
		assert_int_equal(r, is[n] ? 0 : -ENOENT);
		if (!is[n])
			continue;
		there++;
		assert_int_equal(bytes, bytes_of(&step));
		assert_true(are_bytes(value, bytes, who << 32 | is[n]));
	}
	return there + !!last;
}

static void judge(void)
{
	uint64_t count = 0, all = 0, steps = 0;
	char key[32];

	memset(&judged, 0, sizeof(judged));
	assert_int_equal(fam_log_each(here.log, 0, judge_record, NULL), 0);
	for (uint64_t who = 0; who < CAST; who++) {
		count += judge_keys(who);
		steps += judged.last[who];
	}
	for (int i = 0; i < SHARED; i++) {
		snprintf(key, sizeof(key), "count-%d", i);
		all += number_in(&here, NULL, key);
		count += number_in(&here, NULL, key) > 0;
	}
	assert_int_equal(all, steps);
	assert_int_equal(judged.number, steps);
	assert_int_equal(fam_hash_count(here.hash), count);
	nothing_is_lost();
}

/* --- threads ----------------------------------------------------------------------------- */

struct thread {
	pthread_t thread;
	struct place *at;
	uint64_t who;
	int result;
};

static void *work_on(void *arg)
{
	struct thread *t = arg;

	for (uint64_t n = 1; n <= ROUNDS && t->result == 0; n++)
		t->result = do_step(t->at, &(struct step){t->who, n}, false);
	return NULL;
}

static void threads_do_not_get_in_each_other_s_way(void **state)
{
	struct thread thread[THREADS];
	struct fam *other = attach(0);
	struct place there;

	(void)state;
	assert_int_equal(open_place(other, &there), 0);
	for (uint64_t i = 0; i < THREADS; i++) {
		thread[i] =
			(struct thread){.at = i % 2 ? &here : &there, .who = i};
		assert_int_equal(pthread_create(&thread[i].thread, NULL,
						work_on, &thread[i]),
				 0);
	}
	for (uint64_t i = 0; i < THREADS; i++) {
		pthread_join(thread[i].thread, NULL);
		assert_int_equal(thread[i].result, 0);
	}
	judge();
	for (uint64_t i = 0; i < THREADS; i++)
		assert_int_equal(judged.last[i], ROUNDS);
	close_place(&there);
	fam_close(other);
}

/* Growing, and all at once. */
static void *put_keys(void *arg)
{
	struct thread *t = arg;

	for (uint64_t n = 0; n < 4000 && t->result == 0; n++) {
		uint64_t key[2] = {t->who, n};

		t->result = fam_hash_put(t->at->hash, NULL, key, sizeof(key),
					 &n, sizeof(n));
		if (t->result == 0 && n % 5 == 4) {
			key[1] = n - 2;
			t->result = fam_hash_remove(t->at->hash, NULL, key,
						    sizeof(key));
		}
	}
	return NULL;
}

static int tick(const void *key, uint32_t key_bytes, const void *value,
		uint64_t bytes, void *arg)
{
	uint64_t k[2], *count = arg;

	assert_int_equal(key_bytes, sizeof(k));
	assert_int_equal(bytes, 8);
	memcpy(k, key, sizeof(k));
	assert_memory_equal(value, &k[1], 8);
	assert_int_not_equal(k[1] % 5, 2);
	count[k[0]]++;
	return 0;
}

static void it_grows_under_all_of_them(void **state)
{
	const struct fam_hash_header *header =
		fam_heap_at(heap, root.hash, sizeof(*header));
	struct thread thread[THREADS];
	uint64_t count[THREADS] = {0};

	(void)state;
	for (uint64_t i = 0; i < THREADS; i++) {
		thread[i] = (struct thread){.at = &here, .who = i};
		assert_int_equal(pthread_create(&thread[i].thread, NULL,
						put_keys, &thread[i]),
				 0);
	}
	for (uint64_t i = 0; i < THREADS; i++) {
		pthread_join(thread[i].thread, NULL);
		assert_int_equal(thread[i].result, 0);
	}
	assert_int_equal(fam_hash_count(here.hash), THREADS * 3200);
	assert_true(header->buckets > THREADS * 3200 / 2);
	assert_int_equal(fam_hash_each(here.hash, tick, count), 0);
	for (uint64_t i = 0; i < THREADS; i++)
		assert_int_equal(count[i], 3200);
	nothing_is_lost();
}

/* --- who waits for each other --------------------------------------------------------- */

struct crossing {
	pthread_t thread;
	pthread_barrier_t *both;
	const char *first, *second;
	int result;
};

static void *cross(void *arg)
{
	struct crossing *c = arg;
	struct fam_tx *tx;

	if (fam_tx_begin(here.heap, NULL, &tx) ||
	    set_number(&here, tx, c->first, 1)) {
		c->result = -EPROTO;
		return NULL;
	}
	pthread_barrier_wait(c->both);
	c->result = set_number(&here, tx, c->second, 2);
	/* It is as it was, and could go on. */
	if (c->result == -EDEADLK && number_in(&here, tx, c->first) != 1)
		c->result = -EPROTO;
	if (c->result == 0)
		c->result = fam_tx_commit(tx);
	else
		fam_tx_abort(tx);
	return NULL;
}

static uint64_t stripe_of(const char *key)
{
	const struct fam_hash_header *header =
		fam_heap_at(heap, root.hash, sizeof(*header));

	return fam_siphash(header->seed, key, strlen(key)) % FAM_HASH_STRIPES;
}

static void of_two_that_wait_for_each_other_one_gives_up(void **state)
{
	pthread_barrier_t both;
	char other[] = "b";
	struct crossing one = {.both = &both, .first = "a", .second = other};
	struct crossing two = {.both = &both, .first = other, .second = "a"};
	int failed;

	(void)state;
	/* With one lock for both keys, the first one would have all it needs. */
	while (stripe_of(other) == stripe_of("a"))
		++*other;
	pthread_barrier_init(&both, NULL, 2);
	assert_int_equal(pthread_create(&one.thread, NULL, cross, &one), 0);
	assert_int_equal(pthread_create(&two.thread, NULL, cross, &two), 0);
	pthread_join(one.thread, NULL);
	pthread_join(two.thread, NULL);
	pthread_barrier_destroy(&both);
	failed = (one.result == -EDEADLK) + (two.result == -EDEADLK);
	assert_true(failed == 1 || failed == 2);
	assert_true(one.result == 0 || one.result == -EDEADLK);
	assert_true(two.result == 0 || two.result == -EDEADLK);
	assert_int_equal(number_in(&here, NULL, "a"), one.result == 0	? 1
						      : two.result == 0 ? 2
									: 0);
	nothing_is_lost();
}

/* --- processes ------------------------------------------------------------------------- */

static struct progress *map_progress(const char *fabric)
{
	char name[512];
	void *p;
	int fd;

	snprintf(name, sizeof(name), "%s.progress", fabric);
	fd = open(name, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0 || ftruncate(fd, PAGE))
		return NULL;
	p = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	close(fd);
	return p == MAP_FAILED ? NULL : p;
}

/* So that there is room for what comes. */
static int cut_some(struct place *at)
{
	uint64_t first, last;
	int r = fam_log_range(at->log, &first, &last);

	return r || last < 600 ? r : fam_log_cut(at->log, last - 600);
}

/* "WHO FABRIC": goes on where the one before him has come to. */
static int works(struct fam *own, const char *arg)
{
	struct progress *progress = map_progress(arg + 2);
	struct step step = {.who = (uint64_t)(arg[0] - '0')};
	struct place at;
	char key[32];

	/* Only the killed are to be dead, however busy the machine is. */
	if (!progress || fam_session_set(own, NULL, PATIENT) ||
	    open_place(own, &at))
		return ROLE_END;
	progress += step.who;
	snprintf(key, sizeof(key), "last-%d", (int)step.who);
	step.number = number_in(&at, NULL, key);
	if (step.number != progress->intent && step.number != progress->done)
		return ROLE_END - 1;
	progress->done = step.number;
	if (ready())
		return ROLE_END;
	while (getppid() != 1) {
		progress->intent = ++step.number;
		if (do_step(&at, &step, true))
			return ROLE_END - 2;
		progress->done = step.number;
		if (step.number % 64 == 0 && cut_some(&at))
			return ROLE_END - 3;
	}
	return ROLE_END;
}

static uint64_t done_by_all(const struct progress *progress)
{
	uint64_t sum = 0;

	for (unsigned int i = 0; i < CAST; i++)
		sum += progress[i].done;
	return sum;
}

static void hire(unsigned int i)
{
	char arg[512];

	snprintf(arg, sizeof(arg), "%u %s", i, path);
	enter(i, "works", arg);
	assert_true(is_ready(i));
}

static void who_is_killed_leaves_all_or_nothing_of_a_step(void **state)
{
	struct progress *progress = map_progress(path);
	uint64_t seed = (uint64_t)clock_now_ms() | 1;

	(void)state;
	assert_non_null(progress);
	for (unsigned int i = 0; i < CAST; i++)
		hire(i);
	for (unsigned int i = 0; i < KILLS; i++) {
		uint64_t until = done_by_all(progress) + 1 + chance(&seed) % 60;

		assert_true(await(done_by_all(progress) >= until));
		die(i % CAST);
		/* And now and then two of them. */
		if (i % 5 == 0) {
			die((i + 1) % CAST);
			hire((i + 1) % CAST);
		}
		hire(i % CAST);
	}
	for (unsigned int i = 0; i < CAST; i++)
		die(i);
	judge();
	for (unsigned int i = 0; i < CAST; i++) {
		assert_true(judged.last[i] >= progress[i].done);
		assert_true(judged.last[i] <= progress[i].intent);
	}
	munmap(progress, PAGE);
}

static const struct role roles[] = {
	{"works", works},
	{NULL, NULL},
};

int main(int argc, char **argv)
{
#define TEST(f) \
	cmocka_unit_test_setup_teardown(f, crowd_set_up, crowd_tear_down)
	const struct CMUnitTest tests[] = {
		TEST(threads_do_not_get_in_each_other_s_way),
		TEST(it_grows_under_all_of_them),
		TEST(of_two_that_wait_for_each_other_one_gives_up),
		TEST(who_is_killed_leaves_all_or_nothing_of_a_step),
	};

	STAGE_MAIN(argc, argv, roles);
	journal_bytes = MIB / 8;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
