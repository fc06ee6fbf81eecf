// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
/* The client of the flush mailbox, against a server that is told to misbehave. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/wait.h>

#include <cmocka.h>

#include "fake-mailbox.h"

#define MS	INT64_C(1000000)
#define PATIENT (30000 * MS) /* longer than any test */
#define SHORT	(60 * MS)    /* of silence, in tests that wait it out */

struct scene {
	struct fake server;
	struct fam_bell bell;
	struct fam_client client;
	bool runs;
};

static void start(struct scene *scene)
{
	fake_start(&scene->server);
	scene->runs = true;
}

static void die(struct scene *scene)
{
	fake_die(&scene->server);
	scene->runs = false;
}

static void stop(struct scene *scene)
{
	die(scene);
	atomic_store(&scene->server.box->epoch, 0);
}

static int set_up(void **state)
{
	struct scene *scene = calloc(1, sizeof(*scene));

	if (!scene)
		return -1;
	scene->server.box = fake_box();
	fam_client_init(&scene->client, scene->server.box, &scene->bell);
	/* A busy machine must not look like a silent server. */
	scene->client.silence_ns = PATIENT;
	*state = scene;
	return 0;
}

static int set_up_served(void **state)
{
	int r = set_up(state);

	if (r == 0)
		start(*state);
	return r;
}

static int tear_down(void **state)
{
	struct scene *scene = *state;

	if (scene->runs)
		die(scene);
	fam_client_destroy(&scene->client);
	munmap(scene->server.box, sizeof(*scene->server.box));
	free(scene);
	return 0;
}

static struct fam_ask ask(uint64_t offset, int64_t ns)
{
	int64_t now = fam_now_ns();

	return (struct fam_ask){
		.range = {offset, 64},
		.began = now,
		.until = now + ns,
	};
}

static int post(struct scene *scene, uint64_t offset, bool async,
		uint64_t *ticket)
{
	struct fam_ask request = ask(offset, PATIENT);
	int r;

	request.async = async;
	r = fam_client_post(&scene->client, &request);
	*ticket = request.ticket;
	return r;
}

static int await(struct scene *scene, uint64_t ticket, int64_t ns)
{
	struct fam_ask wait = ask(0, ns);

	wait.ticket = ticket;
	wait.interruptible = true;
	return fam_client_wait(&scene->client, &wait);
}

/* As fam_persist(). */
static int commit(struct scene *scene, uint64_t offset)
{
	struct fam_ask request = ask(offset, PATIENT);
	int r = fam_client_post(&scene->client, &request);

	return r < 0 ? r : fam_client_wait(&scene->client, &request);
}

static struct fam_mailbox_slot *slot_of(struct scene *scene)
{
	assert_true(scene->client.slot >= 0);
	return &scene->server.box->slot[scene->client.slot];
}

/* How often the server was asked for a range. */
static unsigned int asked(struct scene *scene, uint64_t offset)
{
	unsigned int count = 0;

	for (unsigned int i = 0; i < atomic_load(&scene->server.taken); i++)
		count += scene->server.log[i].offset == offset;
	return count;
}

static void wait_taken(struct scene *scene, unsigned int count)
{
	while (atomic_load(&scene->server.taken) < count)
		sched_yield();
}

static void without_a_server_it_fails_at_once(void **state)
{
	struct scene *scene = *state;

	assert_int_equal(commit(scene, 4096), -ENOTCONN);
	assert_int_equal(fam_client_failed(&scene->client), -ENOTCONN);
	/* Nothing was asked, nothing will be. */
	start(scene);
	assert_int_equal(fam_client_failed(&scene->client), 0);
	assert_int_equal(commit(scene, 8192), 0);
	assert_int_equal(asked(scene, 4096), 0);
}

static void a_commit_is_asked_once_and_signed(void **state)
{
	struct scene *scene = *state;
	struct fam_mailbox_slot *slot;

	assert_int_equal(commit(scene, 4160), 0);
	assert_int_equal(atomic_load(&scene->server.taken), 1);
	assert_int_equal(scene->server.log[0].offset, 4160);
	assert_int_equal(scene->server.log[0].length, 64);
	slot = slot_of(scene);
	assert_int_equal(atomic_load(&slot->pid), getpid());
	assert_true(atomic_load(&slot->started) > 0);
	assert_true(atomic_load(&slot->node) != 0);
	assert_true(atomic_load(&slot->owner) > UINT32_MAX);
}

static void the_slot_is_given_back(void **state)
{
	struct scene *scene = *state;
	struct fam_mailbox_slot *slot;

	assert_int_equal(commit(scene, 0), 0);
	slot = slot_of(scene);
	fam_client_destroy(&scene->client);
	assert_int_equal(atomic_load(&slot->owner), 0);
	scene->client = (struct fam_client){0};
	fam_client_init(&scene->client, scene->server.box, &scene->bell);
}

static void many_are_asked_in_order_before_one_wait(void **state)
{
	struct scene *scene = *state;
	uint64_t ticket, last = 0;

	for (uint64_t i = 0; i < 100; i++) {
		assert_int_equal(post(scene, i * 4096, true, &ticket), 0);
		assert_true(ticket > last);
		last = ticket;
	}
	assert_int_equal(await(scene, FAM_TICKET_ALL, PATIENT), 0);
	assert_int_equal(await(scene, last, 0), 0);
	assert_int_equal(await(scene, last + 1, 0), -EINVAL);
	assert_int_equal(atomic_load(&scene->server.taken), 100);
	assert_int_equal(atomic_load(&scene->server.bad), 0);
	for (uint64_t i = 0; i < 100; i++)
		assert_int_equal(scene->server.log[i].offset, i * 4096);
}

static void a_wait_that_timed_out_can_be_repeated(void **state)
{
	struct scene *scene = *state;
	uint64_t ticket;

	atomic_store(&scene->server.holds, true);
	assert_int_equal(post(scene, 0, true, &ticket), 0);
	assert_int_equal(await(scene, ticket, 0), -ETIMEDOUT);
	assert_int_equal(await(scene, ticket, 5 * MS), -ETIMEDOUT);
	atomic_store(&scene->server.holds, false);
	assert_int_equal(await(scene, ticket, PATIENT), 0);
}

static void nothing(int number)
{
	(void)number;
}

struct pester {
	pthread_t victim;
	_Atomic bool ends;
};

static void *send_signals(void *arg)
{
	struct pester *pester = arg;

	while (!atomic_load(&pester->ends)) {
		pthread_kill(pester->victim, SIGUSR1);
		sched_yield();
	}
	return NULL;
}

static void a_signal_ends_a_wait_and_not_a_commit(void **state)
{
	struct sigaction action = {.sa_handler = nothing};
	struct scene *scene = *state;
	struct pester pester = {.victim = pthread_self()};
	uint64_t ticket;
	pthread_t thread;

	assert_int_equal(sigaction(SIGUSR1, &action, NULL), 0);
	atomic_store(&scene->server.holds, true);
	assert_int_equal(post(scene, 0, true, &ticket), 0);
	assert_int_equal(pthread_create(&thread, NULL, send_signals, &pester),
			 0);
	assert_int_equal(await(scene, ticket, PATIENT), -EINTR);
	atomic_store(&scene->server.holds, false);
	for (int i = 0; i < 20; i++)
		assert_int_equal(commit(scene, 0), 0);
	atomic_store(&pester.ends, true);
	assert_int_equal(pthread_join(thread, NULL), 0);
	assert_int_equal(await(scene, ticket, 0), 0);
}

static void a_dead_server_is_found_out(void **state)
{
	struct scene *scene = *state;

	assert_int_equal(commit(scene, 0), 0);
	die(scene);
	scene->client.silence_ns = SHORT;
	assert_int_equal(commit(scene, 4096), -ENOTCONN);
	/* Not lost: it is asked again when there is one. */
	start(scene);
	scene->client.silence_ns = PATIENT;
	assert_int_equal(commit(scene, 8192), 0);
	assert_true(asked(scene, 4096) >= 1);
}

static void a_server_that_went_is_waited_for(void **state)
{
	struct scene *scene = *state;

	assert_int_equal(commit(scene, 0), 0);
	stop(scene);
	scene->client.silence_ns = SHORT;
	assert_int_equal(fam_client_failed(&scene->client), -ENOTCONN);
	assert_int_equal(commit(scene, 4096), -ENOTCONN);
	start(scene);
	scene->client.silence_ns = PATIENT;
	assert_int_equal(await(scene, FAM_TICKET_ALL, PATIENT), 0);
	assert_int_equal(asked(scene, 4096), 1);
}

static void a_restart_is_not_noticed(void **state)
{
	struct scene *scene = *state;
	uint64_t first, second;

	atomic_store(&scene->server.holds, true);
	assert_int_equal(post(scene, 4096, true, &first), 0);
	assert_int_equal(post(scene, 8192, true, &second), 0);
	wait_taken(scene, 2);
	stop(scene);
	assert_int_equal(await(scene, second, 2 * MS), -ETIMEDOUT);
	atomic_store(&scene->server.holds, false);
	start(scene);
	assert_int_equal(await(scene, second, PATIENT), 0);
	assert_int_equal(asked(scene, 4096), 2);
	assert_int_equal(asked(scene, 8192), 2);
	assert_int_equal(atomic_load(&scene->server.bad), 0);
}

/* What a file keeps from before, and what anybody may write there. */
static void only_the_own_count_is_an_answer(void **state)
{
	static const uint64_t wrong[] = {
		0, 1, 2, UINT64_MAX, UINT64_C(1) << 63, 0x123456789abcdef0};
	struct scene *scene = *state;
	struct fam_mailbox_slot *slot;
	uint64_t ticket, token;

	assert_int_equal(commit(scene, 0), 0);
	slot = slot_of(scene);
	token = atomic_load(&slot->owner);
	die(scene);
	assert_int_equal(post(scene, 4096, true, &ticket), 0);
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		atomic_store(&slot->done, wrong[i]);
		assert_int_equal(await(scene, ticket, 0), -ETIMEDOUT);
	}
	/* More than was asked, and less. */
	atomic_store(&slot->done, token + 3);
	assert_int_equal(await(scene, ticket, 0), -ETIMEDOUT);
	atomic_store(&slot->done, token + 1);
	assert_int_equal(await(scene, ticket, 0), -ETIMEDOUT);
	atomic_store(&slot->done, token + 2);
	assert_int_equal(await(scene, ticket, 0), 0);
}

static void a_lost_slot_is_replaced(void **state)
{
	static const uint64_t owners[] = {0, UINT64_C(77) << 40};
	struct scene *scene = *state;

	for (size_t i = 0; i < 2; i++) {
		struct fam_mailbox_slot *slot;

		assert_int_equal(commit(scene, 0), 0);
		slot = slot_of(scene);
		atomic_store(&slot->tail, 12345);
		atomic_store(&slot->owner, owners[i]);
		assert_int_equal(commit(scene, 4096), 0);
		/* What is another's now was left alone. */
		if (owners[i])
			assert_int_equal(atomic_load(&slot->tail), 12345);
	}
	assert_int_equal(asked(scene, 4096), 2);
	assert_int_equal(atomic_load(&scene->server.bad), 0);
}

static void a_slot_that_has_counted_far_is_replaced(void **state)
{
	struct scene *scene = *state;
	uint64_t token;

	assert_int_equal(commit(scene, 4096), 0);
	token = scene->client.token;
	/* as if so much had been asked for */
	scene->client.base -= (UINT64_C(1) << 31) - 1;
	assert_int_equal(commit(scene, 8192), 0);
	assert_int_equal(asked(scene, 8192), 1);
	assert_true(scene->client.token != token);
	assert_int_equal(scene->client.base, 1);
	token = scene->client.token;
	assert_int_equal(commit(scene, 12288), 0);
	assert_true(scene->client.token == token);
}

static void a_fault_is_tried_again_a_few_times(void **state)
{
	struct scene *scene = *state;

	atomic_store(&scene->server.faults, 3);
	assert_int_equal(commit(scene, 4096), 0);
	assert_int_equal(atomic_load(&scene->server.faults), 0);
	atomic_store(&scene->server.faults, 4);
	assert_int_equal(commit(scene, 8192), -EPROTO);
	assert_int_equal(asked(scene, 8192), 0);
	assert_int_equal(commit(scene, 12288), 0);
}

static void a_failure_reaches_all_who_wait(void **state)
{
	struct scene *scene = *state;
	uint64_t ticket;

	atomic_store(&scene->server.holds, true);
	assert_int_equal(post(scene, 0, false, &ticket), 0);
	wait_taken(scene, 1);
	atomic_store(&scene->server.box->failed, -EIO);
	assert_int_equal(await(scene, ticket, PATIENT), -EIO);
	assert_int_equal(commit(scene, 4096), -EIO);
	assert_int_equal(fam_client_failed(&scene->client), -EIO);
	/* The operator clears it; what was lost stays lost. */
	atomic_store(&scene->server.holds, false);
	atomic_store(&scene->server.box->failed, 0);
	assert_int_equal(await(scene, ticket, 0), -EIO);
	assert_int_equal(commit(scene, 4096), 0);
	assert_int_equal(asked(scene, 4096), 1);
}

/* fam_wait() of a later ticket speaks for the earlier ones. */
static void a_failure_under_async_requests_is_forever(void **state)
{
	struct scene *scene = *state;
	uint64_t first, second;

	assert_int_equal(post(scene, 0, true, &first), 0);
	assert_int_equal(await(scene, first, PATIENT), 0);
	atomic_store(&scene->server.holds, true);
	assert_int_equal(post(scene, 4096, true, &second), 0);
	wait_taken(scene, 2);
	atomic_store(&scene->server.box->failed, -EIO);
	assert_int_equal(await(scene, second, PATIENT), -EIO);
	atomic_store(&scene->server.holds, false);
	atomic_store(&scene->server.box->failed, 0);
	assert_int_equal(await(scene, first, 0), 0);
	assert_int_equal(await(scene, FAM_TICKET_ALL, 0), -EIO);
	assert_int_equal(commit(scene, 8192), -EIO);
}

/* Who gave up may still ask what became of it. */
static void a_failure_after_a_time_out_is_forever(void **state)
{
	struct scene *scene = *state;
	struct fam_ask request = ask(4096, PATIENT);

	atomic_store(&scene->server.holds, true);
	assert_int_equal(fam_client_post(&scene->client, &request), 0);
	request.until = request.began;
	assert_int_equal(fam_client_wait(&scene->client, &request), -ETIMEDOUT);
	atomic_store(&scene->server.box->failed, -EIO);
	assert_int_equal(commit(scene, 8192), -EIO);
	atomic_store(&scene->server.holds, false);
	atomic_store(&scene->server.box->failed, 0);
	assert_int_equal(await(scene, FAM_TICKET_ALL, PATIENT), -EIO);
	assert_int_equal(commit(scene, 8192), -EIO);
}

/* Asked again, the second write-back would succeed without what was dropped. */
static void a_failure_cleared_before_anybody_looked_is_told(void **state)
{
	struct scene *scene = *state;
	struct fam_mailbox *box = scene->server.box;
	uint64_t ticket;

	atomic_store(&scene->server.holds, true);
	assert_int_equal(post(scene, 0, false, &ticket), 0);
	wait_taken(scene, 1);
	stop(scene);
	atomic_store(&box->failed_ns, 12345);
	atomic_store(&box->failed, -EIO);
	atomic_store(&box->failed, 0);
	atomic_store(&scene->server.holds, false);
	start(scene);
	assert_int_equal(await(scene, ticket, PATIENT), -EIO);
	/* What is asked for from now on is the new server's. */
	assert_int_equal(commit(scene, 4096), 0);
	die(scene);
	start(scene);
	assert_int_equal(commit(scene, 8192), 0);
}

/* It was answered before it failed; the waiting has just not seen it yet. */
static void what_was_done_stays_done(void **state)
{
	struct scene *scene = *state;
	uint64_t ticket;

	assert_int_equal(post(scene, 0, true, &ticket), 0);
	while (atomic_load(&slot_of(scene)->done) !=
	       atomic_load(&slot_of(scene)->owner) + 1)
		sched_yield();
	atomic_store(&scene->server.box->failed, -EIO);
	assert_int_equal(await(scene, ticket, 0), 0);
	assert_int_equal(commit(scene, 0), -EIO);
}

static void a_mark_means_what_it_says(void **state)
{
	static const struct {
		int mark, served, alone;
	} cases[] = {
		{-EIO, -EIO, -EIO},
		{-EOPNOTSUPP, -EOPNOTSUPP, -ENOTCONN},
		{-ENODATA, -ENODATA, -ENOTCONN},
		{-ESTALE, -ESTALE, -ENOTCONN},
		{-12345, -EIO, -EIO}, /* nonsense is taken for the worst */
		{INT32_MIN, -EIO, -EIO},
	};
	struct scene *scene = *state;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		atomic_store(&scene->server.box->failed, cases[i].mark);
		assert_int_equal(commit(scene, 0), cases[i].served);
	}
	stop(scene);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		atomic_store(&scene->server.box->failed, cases[i].mark);
		assert_int_equal(commit(scene, 0), cases[i].alone);
	}
}

static void a_beating_server_is_waited_for(void **state)
{
	struct scene *scene = *state;
	uint64_t ticket;

	atomic_store(&scene->server.holds, true);
	atomic_store(&scene->server.beats, true);
	assert_int_equal(post(scene, 0, false, &ticket), 0);
	scene->client.silence_ns = SHORT;
	assert_int_equal(await(scene, ticket, 3 * SHORT), -ETIMEDOUT);
	atomic_store(&scene->server.beats, false);
	assert_int_equal(await(scene, ticket, PATIENT), -ENOTCONN);
}

/* The server has answered, somebody wrote over it: another slot is taken. */
static void an_answer_written_over_is_asked_again(void **state)
{
	struct scene *scene = *state;
	struct fam_mailbox_slot *slot;
	uint64_t ticket;

	assert_int_equal(commit(scene, 0), 0);
	slot = slot_of(scene);
	atomic_store(&scene->server.holds, true);
	assert_int_equal(post(scene, 4096, false, &ticket), 0);
	wait_taken(scene, 2);
	/* The fake answers each turn; this makes it forget the slot. */
	atomic_store(&slot->tail, 0);
	atomic_store(&slot->done, 0);
	atomic_store(&scene->server.holds, false);
	scene->client.silence_ns = 2000 * MS;
	scene->client.kicked = INT64_MAX / 2; /* nor is it reminded */
	assert_int_equal(await(scene, ticket, PATIENT), 0);
	assert_true(slot_of(scene) != slot || asked(scene, 4096) > 1);
}

static void fill_slots(struct scene *scene, const struct fam_owner *owner)
{
	for (unsigned int i = 0; i < FAM_MAILBOX_SLOTS; i++) {
		struct fam_mailbox_slot *slot = &scene->server.box->slot[i];

		atomic_store(&slot->owner, (UINT64_C(1) << 40) + i);
		atomic_store(&slot->node, owner->node);
		atomic_store(&slot->pid, owner->pid);
		atomic_store(&slot->started, owner->started);
	}
}

static void slots_of_the_dead_are_taken(void **state)
{
	struct scene *scene = *state;
	struct fam_owner owner, self;
	pid_t child = fork();

	if (child == 0)
		_exit(0);
	fam_owner_self(&self);
	owner = self;
	fill_slots(scene, &owner);
	assert_int_equal(commit(scene, 0), -EUSERS);
	/* Another kernel's processes cannot be seen from here. */
	owner.node = self.node + 1;
	owner.pid = (uint32_t)child;
	assert_int_equal(waitpid(child, NULL, 0), child);
	fill_slots(scene, &owner);
	assert_int_equal(commit(scene, 0), -EUSERS);
	/* The same number, but another process. */
	owner = self;
	owner.started--;
	fill_slots(scene, &owner);
	assert_int_equal(commit(scene, 0), 0);
	fam_client_destroy(&scene->client);
	fam_client_init(&scene->client, scene->server.box, &scene->bell);
	owner = self;
	owner.pid = (uint32_t)child;
	fill_slots(scene, &owner);
	assert_int_equal(commit(scene, 0), 0);
}

#define WRITERS 8
#define COMMITS 50

struct writer {
	struct scene *scene;
	uint64_t first;
};

static void *write_many(void *arg)
{
	struct writer *writer = arg;

	for (uint64_t i = 0; i < COMMITS; i++) {
		if (commit(writer->scene, (writer->first + i) * 4096) < 0)
			return arg;
	}
	return NULL;
}

static void threads_share_a_slot(void **state)
{
	struct scene *scene = *state;
	struct writer writers[WRITERS];
	pthread_t threads[WRITERS];
	void *result;

	for (unsigned int i = 0; i < WRITERS; i++) {
		writers[i] = (struct writer){scene, i * COMMITS};
		assert_int_equal(pthread_create(&threads[i], NULL, write_many,
						&writers[i]),
				 0);
	}
	for (unsigned int i = 0; i < WRITERS; i++) {
		assert_int_equal(pthread_join(threads[i], &result), 0);
		assert_null(result);
	}
	assert_int_equal(atomic_load(&scene->server.taken), WRITERS * COMMITS);
	for (uint64_t i = 0; i < WRITERS * COMMITS; i++)
		assert_int_equal(asked(scene, i * 4096), 1);
	assert_int_equal(atomic_load(&scene->server.bad), 0);
}

#define SERVED(name) \
	cmocka_unit_test_setup_teardown(name, set_up_served, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			without_a_server_it_fails_at_once, set_up, tear_down),
		SERVED(a_commit_is_asked_once_and_signed),
		SERVED(the_slot_is_given_back),
		SERVED(many_are_asked_in_order_before_one_wait),
		SERVED(a_wait_that_timed_out_can_be_repeated),
		SERVED(a_signal_ends_a_wait_and_not_a_commit),
		SERVED(a_dead_server_is_found_out),
		SERVED(a_server_that_went_is_waited_for),
		SERVED(a_restart_is_not_noticed),
		SERVED(only_the_own_count_is_an_answer),
		SERVED(a_lost_slot_is_replaced),
		SERVED(a_slot_that_has_counted_far_is_replaced),
		SERVED(a_fault_is_tried_again_a_few_times),
		SERVED(a_failure_reaches_all_who_wait),
		SERVED(a_failure_under_async_requests_is_forever),
		SERVED(a_failure_after_a_time_out_is_forever),
		SERVED(a_failure_cleared_before_anybody_looked_is_told),
		SERVED(what_was_done_stays_done),
		SERVED(a_mark_means_what_it_says),
		SERVED(a_beating_server_is_waited_for),
		SERVED(an_answer_written_over_is_asked_again),
		SERVED(slots_of_the_dead_are_taken),
		SERVED(threads_share_a_slot),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
