// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
/* Both sides of fault tests: the process that dies, and who looks at it. */
#include <inttypes.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "fam-park.h"

#include "fault-step.h"
#include "fault.h"
#include "lib/superblocks.h"

#define STEPS_MAX    5000
#define FABRIC_BYTES (UINT64_C(16) << 20)
#define DEADLINE_MS  60000

__thread unsigned int fault_left;

/* --- the process that dies -------------------------------------------------------- */

void fault_die(void)
{
	kill(getpid(), SIGKILL);
	for (;;)
		pause();
}

void fault_arm(struct fault *f)
{
	fault_left = f->step;
}

void fault_disarm(struct fault *f)
{
	(void)f;
	fault_left = 0;
}

static int attach(struct fault *f)
{
	int r = fam_open(&f->fam, f->path, 0);

	if (r < 0)
		return r;
	r = fam_map(f->fam, 0, FAULT_BYTES, &f->memory);
	if (r < 0)
		fam_close(f->fam);
	return r;
}

/* Says its session, waits for a byte, does it. */
static int be_child(struct fault *f)
{
	struct fam_session self = {0};
	char go;
	int r = attach(f);

	if (r == 0)
		r = fam_session_self(f->fam, &self);
	if (r < 0)
		return 98;
	/* How often a thread spins is chance: it sleeps at once. */
	if (f->fam->parked)
		f->fam->parked->spins = false;
	if (write(f->from, &self.id, sizeof(self.id)) != sizeof(self.id) ||
	    read(f->to, &go, 1) != 1)
		return 97;
	r = f->what->child(f);
	fault_left = 0;
	if (r == 0)
		fam_close(f->fam);
	return r;
}

/* --- who looks at it ----------------------------------------------------------------- */

static int64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

void fault_breathe(void)
{
	const struct timespec pause = {.tv_nsec = 500000};

	nanosleep(&pause, NULL);
}

bool fault_ended(struct fault *f)
{
	siginfo_t info = {0};

	waitid(P_PID, (id_t)f->pid, &info, WEXITED | WNOHANG | WNOWAIT);
	return info.si_pid != 0;
}

bool fault_sleeps(struct fault *f)
{
	const struct fam_parking *table = f->fam->parked->table;
	uint64_t child = fam_holder(f->session);

	for (unsigned int i = 0; i < FAM_PARKING_TOTAL; i++) {
		const struct fam_parking_place *place =
			&table->place[i / FAM_PARKING_PLACES]
				     [i % FAM_PARKING_PLACES];

		if (fam_word_get(&place->word) == (child | FAM_PARKING_WAITING))
			return true;
	}
	return false;
}

void fault_await_sleep(struct fault *f)
{
	int64_t until = now_ms() + DEADLINE_MS;

	while (!fault_ended(f) && !fault_sleeps(f) && now_ms() < until)
		fault_breathe();
}

bool fault_await_end(struct fault *f, uint64_t id)
{
	int64_t until = now_ms() + DEADLINE_MS;
	struct fam_session session;

	while (fam_session_get(f->fam, id, &session) == 0 &&
	       session.state == FAM_SESSION_LIVE) {
		if (now_ms() > until)
			return false;
		fault_breathe();
	}
	return true;
}

void fault_await_death(struct fault *f)
{
	if (!fault_await_end(f, f->session))
		fail_msg("%s: nobody sees that step %u killed it",
			 f->what->name, f->step);
}

/* A new one, whose data are zeros. */
static void make_fabric(struct fault *f)
{
	const uint8_t uuid[FAM_UUID_BYTES] = {1, 0xfa};
	struct fam_superblock sb;
	int fd;

	snprintf(f->path, sizeof(f->path), "/dev/shm/fam-fault-XXXXXX");
	fd = mkstemp(f->path);
	assert_true(fd >= 0);
	assert_int_equal(ftruncate(fd, FABRIC_BYTES), 0);
	assert_int_equal(fam_superblock_init(&sb, FABRIC_BYTES, "fault", uuid,
					     42, FAM_DURABILITY_HOST),
			 0);
	assert_int_equal(superblocks_write(fd, &sb), 0);
	close(fd);
}

/* There is no other thread here: this process is not yet attached. */
static void start(struct fault *f)
{
	int to[2], from[2];

	assert_int_equal(pipe2(to, O_CLOEXEC), 0);
	assert_int_equal(pipe2(from, O_CLOEXEC), 0);
	fflush(NULL);
	f->pid = fork();
	assert_true(f->pid >= 0);
	if (f->pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		close(to[1]);
		close(from[0]);
		f->to = to[0];
		f->from = from[1];
		_exit(be_child(f));
	}
	close(to[0]);
	close(from[1]);
	f->to = to[1];
	f->from = from[0];
}

/* Return: its wait(2) status */
static int reap(struct fault *f)
{
	int64_t until = now_ms() + DEADLINE_MS;
	int status = 0;

	while (!fault_ended(f) && now_ms() < until)
		fault_breathe();
	if (!fault_ended(f)) {
		kill(f->pid, SIGABRT);
		print_error("%s: does not end at step %u\n", f->what->name,
			    f->step);
	}
	waitpid(f->pid, &status, 0);
	close(f->to);
	close(f->from);
	return status;
}

static void run_child(struct fault *f)
{
	int status;

	if (f->what->before)
		f->what->before(f);
	assert_int_equal(write(f->to, "g", 1), 1);
	if (f->what->meanwhile)
		f->what->meanwhile(f);
	status = reap(f);
	f->killed = WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
	if (!f->killed && status != 0)
		fail_msg("%s, step %u: status %#x", f->what->name, f->step,
			 status);
}

/* It has a session first: the keeper sees it at once, and its death. */
static void start_with_session(struct fault *f)
{
	start(f);
	assert_int_equal(read(f->from, &f->session, sizeof(f->session)),
			 sizeof(f->session));
}

/* Return: was it killed? @heir: NULL: there is none */
static bool try_both(struct fault *f, struct fault *heir)
{
	struct fault *last = heir ? heir : f;

	make_fabric(f);
	start_with_session(f);
	if (heir) {
		memcpy(heir->path, f->path, sizeof(heir->path));
		heir->forebear = f->session;
		start_with_session(heir);
	}
	assert_int_equal(attach(f), 0);
	run_child(f);
	if (heir) {
		heir->fam = f->fam;
		heir->memory = f->memory;
		run_child(heir);
	}
	if (f->what->after)
		f->what->after(last);
	fam_close(f->fam);
	assert_int_equal(unlink(f->path), 0);
	return f->killed;
}

static bool try_step(const struct fault_case *what, unsigned int step)
{
	struct fault f = {.what = what, .step = step};

	return try_both(&f, NULL);
}

unsigned int fault_some(const struct fault_case *what, unsigned int every)
{
	unsigned int step = 1;

	while (try_step(what, step)) {
		step += every;
		assert_true(step < STEPS_MAX);
	}
	print_message("# %s: killed at %u of %u steps\n", what->name,
		      (step - 1) / every, step - 1);
	assert_true(step > 1);
	return step - 1;
}

unsigned int fault_each(const struct fault_case *what)
{
	return fault_some(what, 1);
}

void fault_once(const struct fault_case *what)
{
	assert_false(try_step(what, 0));
}

/* The heir's first step is another one each time, so that all have their turn. */
void fault_pairs(const struct fault_case *what, unsigned int every,
		 unsigned int heir_every)
{
	unsigned int step = 1, heir_step, pairs = 0, turn = 0;
	bool killed = true;

	for (; killed; step += every, turn++) {
		bool heir_killed = true;

		heir_step = 1 + turn * 7 % heir_every;
		for (; heir_killed && killed; heir_step += heir_every) {
			struct fault f = {.what = what, .step = step};
			struct fault heir = {.what = what->heir,
					     .step = heir_step};

			killed = try_both(&f, &heir);
			heir_killed = heir.killed;
			pairs += killed && heir_killed;
		}
	}
	print_message("# %s: %u pairs of deaths\n", what->name, pairs);
	assert_true(pairs > 0);
}
