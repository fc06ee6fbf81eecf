// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fam-boot.h>
#include <fam-sessions.h>

#include "flush-thread.h"
#include "guard.h"
#include "roster.h"
#include "util/clock.h"
#include "util/log.h"

#define relaxed memory_order_relaxed
#define acquire memory_order_acquire
#define release memory_order_release

/* Who leaves while others do shares one ring with them. */
#define RING_EVERY_MS 2
/* What somebody wrote over is put right so often. */
#define REPAIR_EVERY_MS 1000
#define PAGE		4096
#define WORDS		(FAM_SESSIONS_IDS / 64)
/* enum fam_session_reason of a header that is not for the server */
#define HUNG_UP 3

enum { STOPPED, RUNS, STOPS };

struct roster {
	struct roster_config config;
	struct fam_sessions *table;
	uint64_t life;
	int wake; /* eventfd */
	_Atomic int state;
	pthread_t thread;
	bool threaded; /* there is a thread to be joined */
	bool begun;    /* the table says that a server is here */
	/* By ID: set once, as slots live longer than this. */
	struct slot *_Atomic slot[FAM_SESSIONS_IDS];
	/* Of what the loop says; held to copy it, and for nothing else. */
	pthread_mutex_t lock;
	uint64_t here[WORDS], gone[WORDS];
	/* The thread's own: the same, as taken. */
	uint64_t present[WORDS], left[WORDS], rung[WORDS];
	bool ring;	   /* somebody is to be rung */
	uint64_t rung_ms;  /* when that was done last */
	uint64_t fixed_ms; /* when it was last looked for damage */
	bool lost;	   /* the table was, as last seen */
};

static uint64_t bit_of(uint32_t id)
{
	return UINT64_C(1) << id % 64;
}

static void wake(const struct roster *r)
{
	const uint64_t one = 1;

	/* full means that it is awake already */
	(void)!write(r->wake, &one, sizeof(one));
}

void roster_add(struct roster *r, struct slot *slot)
{
	atomic_store(&r->slot[slot->id], slot);
	pthread_mutex_lock(&r->lock);
	r->here[slot->id / 64] |= bit_of(slot->id);
	pthread_mutex_unlock(&r->lock);
	wake(r);
}

void roster_remove(struct roster *r, struct slot *slot)
{
	atomic_store(&r->slot[slot->id], slot);
	atomic_store(&slot->leaving, true);
	pthread_mutex_lock(&r->lock);
	r->here[slot->id / 64] &= ~bit_of(slot->id);
	r->gone[slot->id / 64] |= bit_of(slot->id);
	pthread_mutex_unlock(&r->lock);
	wake(r);
}

/* What the loop said since the last time. */
static void take(struct roster *r)
{
	pthread_mutex_lock(&r->lock);
	memcpy(r->present, r->here, sizeof(r->present));
	memcpy(r->left, r->gone, sizeof(r->left));
	memset(r->gone, 0, sizeof(r->gone));
	pthread_mutex_unlock(&r->lock);
}

/* Only what differs is written: a page nobody changed stays clean. */
static void publish(struct roster *r)
{
	struct fam_sessions *t = r->table;

	for (unsigned int w = 0; w < WORDS; w++)
		if (atomic_load_explicit(&t->present[w], relaxed) !=
		    r->present[w])
			atomic_store_explicit(&t->present[w], r->present[w],
					      release);
	/* behind the bits: who sees this life sees its peers */
	if (atomic_load_explicit(&t->server, relaxed) != r->life)
		atomic_store_explicit(&t->server, r->life, release);
}

static void bury(struct roster *r, uint32_t id)
{
	struct slot *slot = atomic_load(&r->slot[id]);
	unsigned int n = fam_sessions_kill_peer(r->table, id, HUNG_UP);

	if (n)
		log_info("fabric '%s': with peer %u, %u session%s ended",
			 r->config.label, id, n, n == 1 ? "" : "s");
	atomic_store(&slot->leaving, false);
	r->ring = true;
}

/* From the peers of sessions that live to those that are here. */
static void ring_all(struct roster *r)
{
	struct fam_sessions *t = r->table;

	memset(r->rung, 0, sizeof(r->rung));
	for (unsigned int i = 0; i < FAM_SESSIONS_SLOTS; i++) {
		uint64_t word = atomic_load_explicit(&t->word[i], acquire);
		uint32_t id = atomic_load_explicit(&t->slot[i].peer, relaxed);

		if (fam_sessions_phase(word) != FAM_SESSIONS_LIVE ||
		    id >= FAM_SESSIONS_IDS ||
		    !(r->present[id / 64] & ~r->rung[id / 64] & bit_of(id)))
			continue;
		r->rung[id / 64] |= bit_of(id);
		/* if it fails, its lease tells it */
		(void)slot_ring(atomic_load(&r->slot[id]),
				r->config.vectors - 1);
	}
	r->ring = false;
	r->rung_ms = clock_ms();
}

/* The file was cut, or cannot be read: it may be whole again. */
static void look_for_damage(struct roster *r)
{
	bool lost = guard_is_lost(r->table);
	struct stat st;

	r->fixed_ms = clock_ms();
	if (lost && !r->lost)
		log_error("fabric '%s': the table of sessions is not in its "
			  "file any more",
			  r->config.label);
	r->lost = lost;
	if (lost && fstat(r->config.fd, &st) == 0 &&
	    (uint64_t)st.st_size >= r->config.size)
		(void)guard_map_again(r->table, r->config.fd, r->config.offset);
}

static void pass(struct roster *r)
{
	if (clock_ms() - r->fixed_ms >= REPAIR_EVERY_MS)
		look_for_damage(r);
	take(r);
	publish(r);
	for (uint32_t w = 0; w < WORDS; w++)
		for (uint64_t bits = r->left[w]; bits; bits &= bits - 1)
			bury(r, w * 64 + (uint32_t)__builtin_ctzll(bits));
	if (r->config.vectors < 2)
		r->ring = false;
	if (r->ring && clock_ms() - r->rung_ms >= RING_EVERY_MS)
		ring_all(r);
}

static void say_goodbye(struct roster *r)
{
	struct fam_sessions *t = r->table;

	if (atomic_load_explicit(&t->server, relaxed))
		atomic_store_explicit(&t->server, 0, release);
	for (unsigned int w = 0; w < WORDS; w++)
		if (atomic_load_explicit(&t->present[w], relaxed))
			atomic_store_explicit(&t->present[w], 0, release);
}

static void wait_for_news(const struct roster *r)
{
	struct pollfd p = {.fd = r->wake, .events = POLLIN};
	uint64_t count;

	if (poll(&p, 1, r->ring ? RING_EVERY_MS : REPAIR_EVERY_MS) > 0)
		(void)!read(r->wake, &count, sizeof(count)); /* no matter */
}

static void *run(void *arg)
{
	struct roster *r = arg;
	int want;

	do {
		wait_for_news(r);
		pass(r);
		want = STOPS;
	} while (r->ring ||
		 !atomic_compare_exchange_strong(&r->state, &want, STOPPED));
	return NULL;
}

int roster_start(struct roster *r)
{
	int want = STOPS, ret;

	/* if it has not noticed yet that it was to stop, it need not */
	if (atomic_compare_exchange_strong(&r->state, &want, RUNS) ||
	    want == RUNS)
		return 0;
	roster_settle(r);
	r->begun = true;
	atomic_store(&r->state, RUNS);
	ret = flush_start_thread(&r->thread, run, r);
	r->threaded = ret == 0;
	if (ret < 0)
		atomic_store(&r->state, STOPPED);
	return ret;
}

bool roster_stop(struct roster *r)
{
	int want = RUNS;

	if (atomic_compare_exchange_strong(&r->state, &want, STOPS))
		wake(r);
	return atomic_load(&r->state) == STOPPED;
}

void roster_settle(struct roster *r)
{
	if (r->threaded)
		pthread_join(r->thread, NULL);
	r->threaded = false;
	pass(r);
}

uint64_t roster_life(const struct roster *r)
{
	return r->life;
}

static uint64_t new_life(void)
{
	uint64_t life;

	if (getrandom(&life, sizeof(life), GRND_NONBLOCK) != sizeof(life) ||
	    !life)
		life = clock_ns() | 1;
	return life;
}

static int open_all(struct roster *r)
{
	const volatile char *bytes;
	void *table;
	int ret = guard_map(&table, r->config.fd, r->config.offset,
			    FAM_SESSIONS_BYTES);

	if (ret < 0)
		return ret;
	r->table = table;
	/* read from the disk now, not when somebody has died */
	bytes = table;
	for (size_t i = 0; i < FAM_SESSIONS_BYTES; i += PAGE)
		(void)bytes[i];
	/* before any node learns that the server is here */
	fam_boot_note(r->table);
	r->wake = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	return r->wake < 0 ? -errno : 0;
}

int roster_open(struct roster **out, const struct roster_config *config,
		struct err *err)
{
	struct roster *r = calloc(1, sizeof(*r));
	int ret = r ? 0 : -ENOMEM;

	if (r) {
		r->config = *config;
		r->life = config->life ? config->life : new_life();
		r->wake = -1;
		pthread_mutex_init(&r->lock, NULL);
		ret = open_all(r);
	}
	if (ret < 0) {
		roster_close(r);
		return err_sys(err, -ret, "cannot map the table of sessions");
	}
	*out = r;
	return 0;
}

void roster_close(struct roster *r)
{
	if (!r)
		return;
	if (r->threaded) {
		(void)roster_stop(r); /* if it has not yet, joining waits */
		pthread_join(r->thread, NULL);
	}
	if (r->begun)
		say_goodbye(r);
	guard_unmap(r->table);
	if (r->wake >= 0)
		close(r->wake);
	pthread_mutex_destroy(&r->lock);
	free(r);
}
