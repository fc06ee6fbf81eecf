// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
#include <errno.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "flush-beat.h"
#include "flush-thread.h"
#include "util/clock.h"

#define BEAT_MS 250

/* false: woken, since work has just begun, or for the end */
static bool time_passes(struct beat *beat)
{
	struct pollfd wake = {.fd = beat->wake, .events = POLLIN};
	uint64_t count;

	if (poll(&wake, 1, atomic_load(&beat->beats) ? BEAT_MS : -1) == 0)
		return true;
	(void)!read(beat->wake, &count, sizeof(count)); /* no matter */
	return false;
}

/* false: there is nothing to beat for; beat_begin() will tell */
static bool goes_on(struct beat *beat)
{
	if (atomic_load(&beat->busy_ns))
		return true;
	atomic_store(&beat->beats, false);
	/* one that began meanwhile may have found it beating still */
	return atomic_load(&beat->busy_ns) &&
	       !atomic_exchange(&beat->beats, true);
}

static void *run(void *arg)
{
	struct beat *beat = arg;

	while (!atomic_load(&beat->ends))
		if (time_passes(beat) && goes_on(beat))
			atomic_fetch_add(beat->word, 1);
	return NULL;
}

static void wake(struct beat *beat)
{
	uint64_t one = 1;

	/* full means that it is awake already */
	(void)!write(beat->wake, &one, sizeof(one));
}

int beat_start(struct beat *beat, _Atomic uint64_t *word)
{
	int ret;

	beat->word = word;
	beat->wake = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (beat->wake < 0)
		ret = -errno;
	else
		ret = flush_start_thread(&beat->thread, run, beat);
	if (ret < 0 && beat->wake >= 0)
		close(beat->wake);
	if (ret < 0)
		beat->word = NULL;
	return ret;
}

void beat_stop(struct beat *beat)
{
	if (!beat->word)
		return;
	atomic_store(&beat->ends, true);
	wake(beat);
	pthread_join(beat->thread, NULL);
	close(beat->wake);
	beat->word = NULL;
}

void beat_begin(struct beat *beat)
{
	atomic_store(&beat->busy_ns, clock_ns());
	if (!atomic_exchange(&beat->beats, true))
		wake(beat);
}

void beat_end(struct beat *beat)
{
	atomic_store(&beat->busy_ns, 0);
}
