/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026, the FAM emulator authors */
#ifndef FAM_POOL_H
#define FAM_POOL_H

#include <stdint.h>

#include <fam/map.h>

#pragma GCC visibility push(default)
#ifdef __cplusplus
extern "C" {
#endif

/*
 * Buffers of one size, with a cache for each opening. Each buffer has an owner:
 * a session, or nobody. What a session owns is free again when it has ended.
 * Buffers travel by number, through a ring for example: fam_pool_send() makes
 * it nobody's, fam_pool_receive() one's own. One that got lost on the way stays
 * nobody's until fam_pool_sweep().
 */

#define FAM_POOL_BUFFERS_MAX (1u << 24)

struct fam_pool_config {
	uint32_t buffers; /* 1 to FAM_POOL_BUFFERS_MAX */
	uint32_t bytes;	  /* of a buffer; each is aligned to 64 */
	uint32_t cache;	  /* free ones an opening keeps at hand; 0: 32 */
	uint32_t reserved;
};

struct fam_pool;

/** fam_pool_size() - bytes of memory it takes; 0: @config is not valid */
uint64_t fam_pool_size(const struct fam_pool_config *config);

/** fam_pool_open() - as fam_ring_open() */
int fam_pool_open(struct fam *fam, const char *name,
		  const struct fam_pool_config *config, struct fam_pool **out);

/** fam_pool_make(), fam_pool_at() - as fam_ring_make(), fam_ring_at() */
int fam_pool_make(struct fam *fam, void *memory,
		  const struct fam_pool_config *config);
int fam_pool_at(struct fam *fam, void *memory, uint64_t bytes,
		struct fam_pool **out);

/** fam_pool_close() - what its cache has is free; what it owns stays so */
void fam_pool_close(struct fam_pool *pool);

/**
 * fam_pool_take() - own a free buffer
 * @buffer: its number; untouched on failure
 *
 * Threads:  one at a time for each opening
 * Blocks:   never, with @timeout_ms 0; else until one is free
 * Return:   0; -EAGAIN none is free; -ETIMEDOUT, -EINTR; -ESTALE
 * Since:    0.1
 */
int fam_pool_take(struct fam_pool *pool, int timeout_ms, uint32_t *buffer);

/**
 * fam_pool_give() - it is free, or kept in the cache if nobody waits for one
 *
 * Return:   0; -EPERM it is not this session's; -ERANGE; -ESTALE
 */
int fam_pool_give(struct fam_pool *pool, uint32_t buffer);

/** fam_pool_send() - it is nobody's; 0; -EPERM, -ERANGE */
int fam_pool_send(struct fam_pool *pool, uint32_t buffer);

/** fam_pool_receive() - it is one's own; 0; -EPERM it is somebody's; -ERANGE */
int fam_pool_receive(struct fam_pool *pool, uint32_t buffer);

/** fam_pool_memory() - of a buffer one owns; NULL: out of range */
void *fam_pool_memory(struct fam_pool *pool, uint32_t buffer);

struct fam_pool_count {
	uint32_t buffers, free, owned, sent; /* cached ones are owned */
	uint32_t dead; /* of sessions that ended: free when wanted */
};

/** fam_pool_count() - of all buffers, about */
int fam_pool_count(struct fam_pool *pool, struct fam_pool_count *out);

/** fam_pool_sweep() - free what is nobody's; nothing may be on its way */
int fam_pool_sweep(struct fam_pool *pool);

#ifdef __cplusplus
}
#endif
#pragma GCC visibility pop
#endif
