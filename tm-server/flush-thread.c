// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
/*
 * The thread of the flush service. From the bell to the answer nothing is
 * allocated and nobody else is waited for but the disk.
 */
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <fam-rings.h>

#include "flush-thread.h"
#include "guard.h"
#include "util/clock.h"
#include "util/log.h"

#define relaxed memory_order_relaxed
#define release memory_order_release

/*
 * Looking by itself. Found unrung, a request means that some client cannot
 * ring: for a while it is looked for more often, soonest right after a find,
 * because who just got an answer will ask again. So does one of somebody without
 * an ID, who is found only by the way while others ring.
 */
#define IDLE_NS	    20000000ull
#define STEP_MIN_NS 50000ull
#define STEP_MAX_NS 4000000ull
#define POLL_FOR_NS 60000000000ull
#define SLACK_NS    1000ul /* of the timer; 50,000 by default */
/* Looked for without sleep after an answer; a wake-up costs some 30 us. */
#define SOON_NS 40000ull
/* Somebody who rings for nothing all the time costs this much sleep. */
#define IN_VAIN_MAX 16
#define DEAF_NS	    200000ull
/* A stop answers what was posted, but not for ever what is being posted. */
#define LAST_PASSES    64
#define SWEEP_EVERY_MS 60000
#define ERRNO_MAX      4095

static uint64_t now_realtime_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	return (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
}

static void set_failed(struct flush *f, int code, uint64_t ns)
{
	f->failures++;
	f->last_failure = code;
	atomic_store(&f->failed_at, (int64_t)(ns / 1000000000));
	atomic_store(&f->failed, code);
}

/* These have a meaning of their own; all else is a disk that failed. */
static int normal(int code)
{
	return code == -ENODATA || code == -ESTALE || code == -EOPNOTSUPP
		       ? code
		       : -EIO;
}

void flush_mark_failed(struct flush *f, int code)
{
	struct fam_mailbox *box = f->mailbox.box;
	uint64_t ns = now_realtime_ns();

	set_failed(f, normal(code), ns);
	atomic_store_explicit(&box->failed_ns, ns, relaxed);
	atomic_store_explicit(&box->failed, normal(code), release);
}

/* Anonymous memory lies where the mailbox was. Why? */
static int why_lost(const struct flush *f)
{
	struct stat st;

	if (fstat(f->config.fd, &st) < 0)
		return -EIO;
	if ((uint64_t)st.st_size < f->config.size)
		return -ENODATA;
	return st.st_nlink == 0 ? -ESTALE : -EIO;
}

int flush_check_mark(struct flush *f)
{
	struct fam_mailbox *box = f->mailbox.box;
	int ours = atomic_load(&f->failed);
	int32_t theirs = atomic_load_explicit(&box->failed, relaxed);

	if (!ours && guard_is_lost(box)) {
		flush_mark_failed(f, why_lost(f));
	} else if (ours) {
		/* wiped out by somebody who must not */
		if (theirs != ours)
			atomic_store_explicit(&box->failed, ours, release);
	} else if (theirs < 0 && theirs >= -ERRNO_MAX &&
		   normal(theirs) == -EIO) {
		/* a program of the host saw its write-back fail */
		set_failed(f, -EIO, now_realtime_ns());
		atomic_store_explicit(&box->failed, -EIO, release);
	} else if (theirs) {
		/* noise; but a mark that is set just now stays */
		(void)atomic_compare_exchange_strong(&box->failed, &theirs, 0);
	}
	return atomic_load(&f->failed);
}

struct failure {
	uint64_t number;
	int code;
};

static struct failure last_failure(const struct flush *f)
{
	return (struct failure){f->failures, f->last_failure};
}

/* Without the lock: what is logged may be read slowly. */
static void tell_failure(struct flush *f, struct failure last)
{
	if (last.number == f->told)
		return;
	f->told = last.number;
	log_error_errno(-last.code,
			"fabric '%s': a write-back to the disk failed, all "
			"commits fail from now on",
			f->config.label);
	f->config.on_failure(f->config.arg);
}

/* @epoch: of the mailbox the pass is from; 0: there is nothing to do */
static uint64_t take(struct flush *f)
{
	uint64_t now_ms = clock_ms(), epoch = 0;
	struct failure last;

	pthread_mutex_lock(&f->lock);
	flush_check_mark(f);
	mailbox_repair(&f->mailbox);
	if (now_ms - f->swept_ms >= SWEEP_EVERY_MS) {
		mailbox_sweep(&f->mailbox, now_ms);
		f->swept_ms = now_ms;
	}
	if (mailbox_collect(&f->mailbox, now_ms, &f->pass))
		epoch = f->mailbox.epoch;
	last = last_failure(f);
	pthread_mutex_unlock(&f->lock);
	tell_failure(f, last);
	return epoch;
}

static int write_back(struct flush *f)
{
	struct sync_result result = {0};
	int ret;

	if (!f->pass.ranges)
		return 0;
	beat_begin(&f->beat);
	ret = sync_ranges(f->syncer, f->pass.range, f->pass.ranges, &result);
	beat_end(&f->beat);
	count_sync(&f->count, &result);
	return ret;
}

/*
 * A mark set by somebody else meanwhile may be about these very pages. After a
 * flush_clear() meanwhile there is nobody any more who asked.
 */
static void answer(struct flush *f, uint64_t epoch, int code)
{
	struct failure last;
	bool same, good;

	pthread_mutex_lock(&f->lock);
	if (code < 0 && !atomic_load(&f->failed))
		flush_mark_failed(f, code);
	good = flush_check_mark(f) == 0;
	same = f->mailbox.epoch == epoch;
	if (same && good)
		mailbox_publish(&f->mailbox, &f->pass);
	else if (same)
		mailbox_refuse(&f->mailbox, &f->pass);
	last = last_failure(f);
	pthread_mutex_unlock(&f->lock);
	if (same)
		count_pass(&f->count, &f->pass, good);
	tell_failure(f, last);
}

/* true: there was something to do */
static bool look(struct flush *f)
{
	unsigned int last = 0;
	bool found = false;
	uint64_t epoch;

	while ((epoch = take(f))) {
		found = true;
		f->pace.mute |= f->pass.mute;
		answer(f, epoch, atomic_load(&f->failed) ? 0 : write_back(f));
		if (atomic_load_explicit(&f->state, relaxed) != FLUSH_RUNS &&
		    ++last == LAST_PASSES)
			break;
	}
	return found;
}

static bool rung(struct flush *f)
{
	uint64_t count;

	if (fam_rings_take(f->config.bell, &count) < 0)
		return false;
	atomic_fetch_add_explicit(f->config.rings, count, relaxed);
	return true;
}

static uint64_t pause_ns(const struct flush *f)
{
	if (f->pace.in_vain > IN_VAIN_MAX)
		return DEAF_NS;
	if (!atomic_load_explicit(&f->polls_ns, relaxed))
		return IDLE_NS;
	return f->pace.step_ns;
}

/* Return: was it rung? */
static bool wait_for_work(struct flush *f)
{
	uint64_t ns = pause_ns(f), count;
	struct timespec timeout = {.tv_nsec = (long)ns};
	struct pollfd fds[2] = {{.fd = f->wake, .events = POLLIN},
				{.fd = f->config.bell, .events = POLLIN}};
	bool deaf = f->pace.in_vain > IN_VAIN_MAX;

	if (ppoll(fds, deaf ? 1 : 2, &timeout, NULL) < 0)
		return false;
	if (fds[0].revents & POLLIN)
		(void)!read(f->wake, &count, sizeof(count)); /* state tells */
	return deaf || fds[1].revents & POLLIN ? rung(f) : false;
}

/* A client sets its bit first and rings then: it may be about to. */
static bool is_ringing(const struct flush *f)
{
	struct pollfd bell = {.fd = f->config.bell, .events = POLLIN};

	return poll(&bell, 1, 0) > 0;
}

static void relax(void)
{
#if defined(__x86_64__)
	__builtin_ia32_pause();
#endif
}

/*
 * Who just got an answer often asks again at once. Waking a sleeping thread, on
 * a processor that may sleep as well, would cost him a third of his commit.
 */
static bool asked_soon(const struct flush *f)
{
	uint64_t until = clock_ns() + SOON_NS;

	do {
		if (mailbox_is_asked(&f->mailbox))
			return true;
		relax();
	} while (clock_ns() < until);
	return false;
}

static void set_pace(struct flush *f, bool was_rung, bool found)
{
	struct flush_pace *p = &f->pace;
	uint64_t now = clock_ns(), until = atomic_load(&f->polls_ns);

	p->in_vain = was_rung && !found ? p->in_vain + 1 : 0;
	if (found && (p->mute || (!was_rung && !is_ringing(f)))) {
		atomic_store(&f->polls_ns, now + POLL_FOR_NS);
		p->step_ns = STEP_MIN_NS;
	} else if (until && now >= until) {
		atomic_store(&f->polls_ns, 0);
	} else if (!found && !was_rung && p->step_ns < STEP_MAX_NS) {
		p->step_ns *= 2;
		if (p->step_ns > STEP_MAX_NS)
			p->step_ns = STEP_MAX_NS;
	}
	p->mute = false;
}

static bool stop(struct flush *f)
{
	int want = FLUSH_STOPS;

	if (!atomic_compare_exchange_strong(&f->state, &want, FLUSH_STOPPED))
		return false;
	pthread_mutex_lock(&f->lock);
	mailbox_end(&f->mailbox);
	pthread_mutex_unlock(&f->lock);
	return true;
}

void *flush_thread(void *arg)
{
	struct flush *f = arg;

	/* fails nowhere; and if it did, looks would be late by 50 us */
	(void)prctl(PR_SET_TIMERSLACK, SLACK_NS);
	for (;;) {
		bool was_rung =
			(f->pace.hot && asked_soon(f)) || wait_for_work(f);
		bool stopping = atomic_load(&f->state) == FLUSH_STOPS;

		f->pace.hot = look(f);
		set_pace(f, was_rung, f->pace.hot);
		if (stopping && stop(f))
			return NULL;
	}
}
