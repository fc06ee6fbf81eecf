// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/random.h>
#include <unistd.h>

#include "flush-thread.h"
#include "guard.h"
#include "util/clock.h"
#include "util/log.h"

/* A stop of the clock and of the random numbers together would be needed. */
static uint64_t new_epoch(void)
{
	uint64_t epoch;

	if (getrandom(&epoch, sizeof(epoch), GRND_NONBLOCK) != sizeof(epoch) ||
	    !epoch)
		epoch = clock_ns() | 1;
	return epoch;
}

static void wake(struct flush *f)
{
	uint64_t one = 1;

	/* full means that it is awake already */
	(void)!write(f->wake, &one, sizeof(one));
}

/* What is left of an earlier life: in its state file, or in the mailbox. */
static void take_old_mark(struct flush *f)
{
	struct fam_mailbox *box = f->mailbox.box;
	uint64_t ns = atomic_load(&box->failed_ns);

	if (f->config.failed) {
		atomic_store(&f->failed, f->config.failed);
		atomic_store(&f->failed_at, f->config.failed_at);
		if (!ns)
			atomic_store(&box->failed_ns,
				     (uint64_t)f->config.failed_at *
					     1000000000);
	} else if (atomic_load(&box->failed) == -EIO) {
		atomic_store(&f->failed, -EIO);
		atomic_store(&f->failed_at, (int64_t)(ns / 1000000000));
	}
}

/* A file system in memory keeps nothing anyway: that goes first. */
static int open_syncer(struct flush *f, struct err *err)
{
	int ret = sync_open(&f->syncer, f->config.fd, f->config.size, err);

	if (ret != -EOPNOTSUPP)
		return ret < 0 ? err_prefix(err, "cannot sync the fabric") : 0;
	log_info("fabric '%s': its file system is in memory, nothing in it can "
		 "be made durable",
		 f->config.label);
	atomic_store(&f->failed, -EOPNOTSUPP);
	return 0;
}

/*
 * Who ends in good order leaves no epoch. One who was killed may have been told
 * of a failure and not have got as far as to say so: a disk that hangs is why
 * servers get killed. What he was told, nobody is told again.
 */
static void find_out_trust(struct flush *f)
{
	if (!f->syncer ||
	    (!f->config.distrusts && !atomic_load(&f->mailbox.box->epoch)))
		return;
	atomic_store(&f->distrusts, true);
	sync_distrust(f->syncer, true);
}

/* Signals are the main thread's, but for those of a wrong load or store. */
int flush_start_thread(pthread_t *thread, void *(*run)(void *arg), void *arg)
{
	sigset_t all, old;
	int ret;

	sigfillset(&all);
	sigdelset(&all, SIGBUS);
	sigdelset(&all, SIGSEGV);
	sigdelset(&all, SIGILL);
	sigdelset(&all, SIGFPE);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	ret = pthread_create(thread, NULL, run, arg);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	return -ret;
}

static int start(struct flush *f)
{
	int ret;

	pthread_mutex_lock(&f->lock);
	atomic_store(&f->state, FLUSH_RUNS);
	/* of somebody who saw a failure while nobody served */
	flush_check_mark(f);
	mailbox_reset(&f->mailbox, new_epoch());
	pthread_mutex_unlock(&f->lock);
	ret = flush_start_thread(&f->thread, flush_thread, f);
	f->threaded = ret == 0;
	return ret;
}

static int open_all(struct flush *f, struct err *err)
{
	void *box;
	int ret = guard_map(&box, f->config.fd, f->config.mailbox,
			    FAM_MAILBOX_BYTES);

	if (ret < 0)
		return err_sys(err, -ret, "cannot map the flush mailbox");
	f->mailbox.box = box;
	f->wake = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (f->wake < 0)
		return err_sys(err, errno, "cannot make an eventfd");
	take_old_mark(f);
	ret = open_syncer(f, err);
	if (ret < 0)
		return ret;
	count_restore(&f->count, f->config.counts, f->config.peer,
		      f->config.peers);
	f->config.counts = NULL;
	f->config.peer = NULL;
	find_out_trust(f);
	ret = beat_start(&f->beat, &f->mailbox.box->beat);
	if (ret == 0)
		ret = start(f);
	return ret < 0 ? err_sys(err, -ret, "cannot start a thread") : 0;
}

int flush_open(struct flush **out, const struct flush_config *config,
	       struct err *err)
{
	struct flush *f = calloc(1, sizeof(*f));
	int ret;

	if (!f)
		return err_sys(err, ENOMEM, "cannot serve the flush mailbox");
	f->config = *config;
	f->mailbox.limit = config->size;
	f->wake = -1;
	pthread_mutex_init(&f->lock, NULL);
	ret = open_all(f, err);
	if (ret < 0) {
		flush_close(f);
		return err_prefix(err, "cannot serve the flush mailbox");
	}
	*out = f;
	return 0;
}

void flush_close(struct flush *f)
{
	if (!f)
		return;
	if (f->threaded) {
		flush_stop(f);
		pthread_join(f->thread, NULL);
	}
	beat_stop(&f->beat);
	guard_unmap(f->mailbox.box);
	sync_close(f->syncer);
	count_free(&f->count);
	if (f->wake >= 0)
		close(f->wake);
	pthread_mutex_destroy(&f->lock);
	free(f);
}

void flush_stop(struct flush *f)
{
	int want = FLUSH_RUNS;

	if (atomic_compare_exchange_strong(&f->state, &want, FLUSH_STOPS))
		wake(f);
}

bool flush_stopped(const struct flush *f)
{
	return atomic_load(&f->state) == FLUSH_STOPPED;
}

int flush_go_on(struct flush *f)
{
	int want = FLUSH_STOPS;

	if (atomic_compare_exchange_strong(&f->state, &want, FLUSH_RUNS) ||
	    want == FLUSH_RUNS)
		return 0;
	if (f->threaded)
		pthread_join(f->thread, NULL);
	f->threaded = false;
	return start(f);
}

void flush_describe(struct flush *f, struct tm_ctl_flush *out)
{
	uint64_t busy = atomic_load(&f->beat.busy_ns);
	uint64_t now = clock_ns();
	int64_t at;

	*out = (struct tm_ctl_flush){.serves = 1};
	out->error = flush_failed(f, &at);
	out->failed_at = at;
	count_describe(&f->count, out);
	mailbox_survey(f->mailbox.box, &out->clients, &out->waiting);
	if (out->error)
		out->waiting = 0;
	if (busy)
		out->lag_us = now > busy ? (now - busy) / 1000 : 0;
	out->polls = atomic_load(&f->polls_ns) != 0;
}

void flush_describe_peer(const struct flush *f, struct tm_ctl_peer *out)
{
	count_describe_peer(&f->count, out);
}

int flush_failed(const struct flush *f, int64_t *at)
{
	int code = atomic_load(&f->failed);

	*at = code ? atomic_load(&f->failed_at) : 0;
	return code;
}

bool flush_distrusts(const struct flush *f)
{
	return atomic_load(&f->distrusts);
}

/* Whoever clears has seen to it that all is on the disk. */
static void trust(struct flush *f)
{
	atomic_store(&f->distrusts, false);
	if (!f->syncer)
		return;
	sync_distrust(f->syncer, false);
	/* a failure that a program of the host met would be told us late */
	sync_renew(f->syncer);
}

void flush_clear(struct flush *f)
{
	struct fam_mailbox *box = f->mailbox.box;
	int code;

	pthread_mutex_lock(&f->lock);
	code = flush_check_mark(f);
	if (code && code != -EOPNOTSUPP) {
		/* nobody must see the mark gone and what he asked still there */
		mailbox_end(&f->mailbox);
		/* if this fails it is lost still, and that is a failure */
		if (guard_is_lost(box))
			(void)guard_map_again(box, f->config.fd,
					      f->config.mailbox);
		atomic_store(&f->failed, 0);
		atomic_store(&box->failed, 0);
		trust(f);
		mailbox_reset(&f->mailbox, new_epoch());
	}
	pthread_mutex_unlock(&f->lock);
	if (code && code != -EOPNOTSUPP)
		log_info("fabric '%s': the failed write-back is cleared",
			 f->config.label);
}
