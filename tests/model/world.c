// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
/*
 * The world around the code in a model. Objects of models are built with the
 * names of these functions of the C library changed (module.mk).
 */
#include <string.h>
#include <time.h>

#include "engine.h"
#include "world.h"

#include "fam-park.h"

#define POOL_BYTES (256 * 1024)

/* The names that their callers know, which the build has changed. */
void *model_malloc(size_t bytes);
void *model_calloc(size_t count, size_t bytes);
void model_free(void *p);
void *model_memcpy(void *to, const void *from, size_t len);
int model_clock_gettime(clockid_t clock, struct timespec *out);
int model_nanosleep(const struct timespec *time, struct timespec *left);
int model_sched_yield(void);

struct fam_sessions world_table;

static struct fam fams[FAMS];
static struct fam_park_own own[FAMS];
static struct fam_parked parked[FAMS];

static uint8_t pool[POOL_BYTES] __attribute__((aligned(64)));
static size_t pooled;

/* --- sessions ---------------------------------------------------------------- */

/* As different as random ones are. */
static uint64_t token(unsigned int session)
{
	return mix(UINT64_C(1) << 60, session) >> 16;
}

static uint64_t living(unsigned int session)
{
	return fam_sessions_word(token(session), 0, FAM_SESSIONS_LIVE);
}

void world_begin(void)
{
	unsigned int i;

	memset(pool, 0, pooled);
	pooled = 0;
	memset(fams, 0, sizeof(fams));
	memset(parked, 0, sizeof(parked));
	for (i = 0; i < FAMS; i++) {
		memory_write(&world_table.word[i], living(i));
		own[i].id = fam_sessions_id(living(i), i);
		parked[i].own = &own[i];
		parked[i].sessions = &world_table;
		fams[i].parked = &parked[i];
	}
}

void world_bury(unsigned int session)
{
	memory_write(&world_table.word[session],
		     fam_sessions_word(token(session), 1, FAM_SESSIONS_DEAD));
	memory_write(&world_table.changes,
		     memory_value(&world_table.changes) + 1);
}

struct fam *model_fam(unsigned int n)
{
	return &fams[n < MODEL_THREADS ? run.thread[n].session : n];
}

struct fam_sessions *fam_session_table(struct fam *fam)
{
	(void)fam;
	return &world_table;
}

int fam_session_slot(struct fam *fam)
{
	return (int)(fam - fams);
}

uint64_t fam_session_id(struct fam *fam)
{
	unsigned int slot = (unsigned int)fam_session_slot(fam);

	return fam_sessions_id(living(slot), slot);
}

int fam_map_find(struct fam *fam, const void *addr, size_t len,
		 uint64_t *offset)
{
	uintptr_t at = (uintptr_t)addr - (uintptr_t)run.model->memory;

	(void)fam;
	if (at > run.model->bytes || run.model->bytes - at < len)
		return -EFAULT;
	*offset = FAM_DATA_OFFSET + at;
	return 0;
}

/* --- the C library ----------------------------------------------------------- */

void *model_malloc(size_t bytes)
{
	size_t at = pooled;

	if (bytes > POOL_BYTES - pooled)
		return NULL;
	pooled += (bytes + 63) / 64 * 64;
	if (pooled > POOL_BYTES)
		pooled = POOL_BYTES;
	return pool + at;
}

void *model_calloc(size_t count, size_t bytes)
{
	/* The pool is zeroed when a run begins, and nothing is used twice. */
	return model_malloc(count * bytes);
}

void model_free(void *p)
{
	(void)p;
}

static uint64_t hash_bytes(const uint8_t *p, size_t len)
{
	uint64_t hash = len;

	while (len--)
		hash = mix(hash, *p++);
	return hash;
}

/* Others may come in the middle. */
void *model_memcpy(void *to, const void *from, size_t len)
{
	static struct model_site site = {MODEL_COPY, __LINE__, "memcpy",
					 __FILE__,   NULL,     false};
	uint8_t *target = to;
	const uint8_t *source = from;
	size_t half = len > 8 ? len / 2 : len;

	if (!memory_is_shared(to) && !memory_is_shared(from))
		return __builtin_memmove(to, from, len);
	while (len) {
		if (half > len)
			half = len;
		next_step(&site);
		if (memory_is_shared(from))
			remember(hash_bytes(source, half));
		else
			remember(1);
		trace_step(&site, (fam_word *)target, half, len);
		__builtin_memmove(target, source, half);
		if (memory_is_shared(to))
			memory_note_copy(target, half);
		run.version++;
		target += half;
		source += half;
		len -= half;
		half = len;
	}
	return to;
}

int model_clock_gettime(clockid_t clock, struct timespec *out)
{
	static struct model_site site = {MODEL_CLOCK, __LINE__, "clock_gettime",
					 __FILE__,    NULL,	false};

	(void)clock;
	/* Time passes only if the model allows it: else it is no step. */
	if (run.model->leaps || run.model->timeouts)
		next_step(&site);
	remember((uint64_t)run.clock);
	out->tv_sec = run.clock / 1000000000;
	out->tv_nsec = run.clock % 1000000000;
	return 0;
}

int model_nanosleep(const struct timespec *time, struct timespec *left)
{
	(void)time;
	(void)left;
	fam_word_pause();
	return 0;
}

int model_sched_yield(void)
{
	fam_word_pause();
	return 0;
}
