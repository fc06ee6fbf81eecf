// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
/* What a pool in memory is, and who opens it. */
#include "pool-format.h"

#define FIXED	  offsetof(struct fam_pool_head, waiting)
#define BYTES_MAX (UINT32_C(1) << 31)

static uint64_t to_line(uint64_t bytes)
{
	return (bytes + 63) & ~UINT64_C(63);
}

static bool is_valid(const struct fam_pool_config *config)
{
	return config->buffers >= 1 &&
	       config->buffers <= FAM_POOL_BUFFERS_MAX && config->bytes >= 1 &&
	       config->bytes <= BYTES_MAX &&
	       config->cache <= FAM_POOL_BUFFERS_MAX && config->reserved == 0;
}

static uint64_t hint_words(const struct fam_pool_config *config)
{
	return (config->buffers + UINT64_C(63)) / 64;
}

/* Of the head, the owners, and the hints; the buffers lie behind. */
static uint64_t table_bytes(const struct fam_pool_config *config)
{
	return sizeof(struct fam_pool_head) +
	       to_line(config->buffers * UINT64_C(8)) +
	       to_line(hint_words(config) * 8);
}

uint64_t fam_pool_size(const struct fam_pool_config *config)
{
	if (!is_valid(config))
		return 0;
	return table_bytes(config) + config->buffers * to_line(config->bytes);
}

static uint32_t sum(const struct fam_pool_head *fixed)
{
	struct fam_pool_head copy;

	memcpy(&copy, fixed, FIXED);
	copy.crc32c = 0;
	return fam_crc32c(0, &copy, FIXED);
}

static int check(const void *memory, uint64_t bytes,
		 struct fam_pool_config *out)
{
	struct fam_pool_head copy;
	struct fam_pool_config config = {0};

	if (bytes < sizeof(copy))
		return -EBADMSG;
	memcpy(&copy, memory, FIXED);
	config.buffers = copy.buffers;
	config.bytes = copy.bytes;
	config.cache = copy.cache;
	if (copy.magic != FAM_POOL_MAGIC || copy.crc32c != sum(&copy) ||
	    !is_valid(&config) || fam_pool_size(&config) > bytes)
		return -EBADMSG;
	*out = config;
	return 0;
}

static int check_memory(struct fam *fam, const void *memory, uint64_t bytes)
{
	uint64_t offset;

	if ((uintptr_t)memory % 64)
		return -EINVAL;
	if (!fam_park_self(fam))
		return fam_park_why(fam);
	return fam_map_find(fam, memory, bytes, &offset);
}

int fam_pool_make(struct fam *fam, void *memory,
		  const struct fam_pool_config *config)
{
	struct fam_pool_head *head = memory;
	uint64_t bytes = fam_pool_size(config);
	uint8_t *hints;
	int r;

	if (!bytes)
		return -EINVAL;
	r = check_memory(fam, memory, bytes);
	if (r < 0)
		return r;
	memset(memory, 0, table_bytes(config));
	/* Bits behind the last buffer are nobody's. */
	hints = (uint8_t *)(head + 1) + to_line(config->buffers * UINT64_C(8));
	memset(hints, 0xff, hint_words(config) * 8);
	head->buffers = config->buffers;
	head->bytes = config->bytes;
	head->cache = config->cache ? config->cache : FAM_POOL_CACHE;
	head->magic = FAM_POOL_MAGIC;
	head->crc32c = sum(head);
	return 0;
}

static struct fam_pool *prepare(struct fam *fam, struct fam_pool_head *head,
				struct fam_pool_config config)
{
	struct fam_pool *pool;

	if (config.cache == 0)
		config.cache = 1;
	if (config.cache > config.buffers)
		config.cache = config.buffers;
	pool = calloc(1, sizeof(*pool) + config.cache * sizeof(uint32_t));
	if (!pool)
		return NULL;
	pool->fam = fam;
	pool->head = head;
	pool->owner = (fam_word *)(head + 1);
	pool->hint = pool->owner + to_line(config.buffers * UINT64_C(8)) / 8;
	pool->memory = (uint8_t *)head + table_bytes(&config);
	pool->self = fam_park_self(fam);
	pool->stride = (size_t)to_line(config.bytes);
	pool->config = config;
	pool->words = (uint32_t)hint_words(&config);
	/* Sessions begin at places of their own, and so seldom meet. */
	pool->at = fam_holder_slot(pool->self) * UINT32_C(2654435761) %
		   pool->words;
	return pool;
}

int fam_pool_at(struct fam *fam, void *memory, uint64_t bytes,
		struct fam_pool **out)
{
	struct fam_pool_config config;
	struct fam_pool *pool;
	int r = check_memory(fam, memory, bytes);

	if (r == 0)
		r = check(memory, bytes, &config);
	if (r < 0)
		return r;
	pool = prepare(fam, memory, config);
	if (!pool)
		return -ENOMEM;
	*out = pool;
	return 0;
}

static int make(struct fam *fam, void *memory, uint64_t bytes, void *arg)
{
	(void)bytes; /* at least what was asked for */
	return fam_pool_make(fam, memory, arg);
}

/* After a power cut nobody has a buffer; what is in them stays. */
static int mend(struct fam *fam, void *memory, uint64_t bytes, void *arg)
{
	struct fam_pool_config config;

	if (check(memory, bytes, &config) < 0) {
		if (!arg || fam_pool_size(arg) > bytes)
			return -EBADMSG;
		config = *(const struct fam_pool_config *)arg;
	}
	return fam_pool_make(fam, memory, &config);
}

int fam_pool_open(struct fam *fam, const char *name,
		  const struct fam_pool_config *config, struct fam_pool **out)
{
	struct fam_object_want want = {
		.type = FAM_OBJECT_POOL,
		.make = make,
		.mend = mend,
		.arg = (void *)config,
	};
	struct fam_object *object;
	int r;

	if (config) {
		want.flags = FAM_OBJECT_CREATE;
		want.bytes = fam_pool_size(config);
		if (!want.bytes)
			return -EINVAL;
	}
	r = fam_object_open(fam, name, &want, &object);
	if (r < 0)
		return r;
	r = fam_pool_at(fam, fam_object_memory(object),
			fam_object_bytes(object), out);
	if (r < 0)
		fam_object_close(object);
	else
		(*out)->object = object;
	return r;
}

void fam_pool_close(struct fam_pool *pool)
{
	if (!pool)
		return;
	/* A child of fork(2) has its parent's cache, and no session. */
	if (!fam_pool_lost(pool))
		fam_pool_spill(pool, 0);
	fam_object_close(pool->object);
	free(pool);
}

void *fam_pool_memory(struct fam_pool *pool, uint32_t buffer)
{
	if (buffer >= pool->config.buffers)
		return NULL;
	return pool->memory + buffer * pool->stride;
}

int fam_pool_count(struct fam_pool *pool, struct fam_pool_count *out)
{
	struct fam_pool_count count = {.buffers = pool->config.buffers};

	for (uint32_t i = 0; i < count.buffers; i++) {
		uint64_t word = fam_word_get(&pool->owner[i]);

		if (word == 0)
			count.free++;
		else if (!fam_holder_of(word))
			count.sent++;
		else if (fam_park_lives(pool->fam, word))
			count.owned++;
		else
			count.dead++;
	}
	*out = count;
	return 0;
}

int fam_pool_sweep(struct fam_pool *pool)
{
	if (fam_pool_lost(pool))
		return -ESTALE;
	for (uint32_t i = 0; i < pool->config.buffers; i++) {
		uint64_t word = fam_word_get(&pool->owner[i]);

		if (word && !fam_holder_of(word))
			fam_pool_drop(pool, i, word);
	}
	fam_ring_tell(pool->fam, &pool->head->waiting);
	return 0;
}
