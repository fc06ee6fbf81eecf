/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026, the FAM emulator authors */
#ifndef FAM_PERSIST_H
#define FAM_PERSIST_H

#include <stddef.h>

#include <fam/map.h>

#pragma GCC visibility push(default)
#ifdef __cplusplus
extern "C" {
#endif

/*
 * Three promises, three words: a store is VISIBLE to all nodes at once; it is
 * ORDERED before later ones by a fence or fam_drain(); it is DURABLE when what
 * fam_persist() returned 0 for is still there after the crash it names. Only
 * fam_persist() makes anything durable against a power cut of the host.
 */

/**
 * fam_persist() - make a range survive
 * @addr: inside one window of fam_map()
 * @len: bytes; 0 writes nothing, and tells whether it would be possible
 *
 * Succeeds only when every byte stored to the range before the call survives.
 * In a fabric made with durability "host" (the default) that means a power cut
 * of the host. In a node no way to the host's disk exists yet: the call then
 * fails with -EOPNOTSUPP and never pretends.
 *
 * Threads:  safe
 * Ordering: the caller's earlier stores to the range are included
 * Survives: host; in a fabric of durability "guest": guest
 * Blocks:   for one write-back to the disk; cannot be cut short
 * Return:   0, or
 *	-EFAULT		the range is not inside one window
 *	-EROFS		read-only attachment
 *	-EOPNOTSUPP	no way to the host's disk: a node without a flush
 *			service, or a file on a file system in memory
 *	-ENODATA	the fabric's file was truncated
 *	-ESTALE		the fabric's file was removed: nothing in it survives
 *	-EIO		writing failed; the kernel may have dropped the data, so
 *			every later call on this attachment fails too
 * Since:    0.1
 */
int fam_persist(struct fam *fam, const void *addr, size_t len);

/**
 * fam_flush() - begin writing CPU caches back for a range
 *
 * Cheap. To be followed by fam_drain(). Through libpmem (pmem_flush(3)).
 *
 * Threads:  safe
 * Ordering: none until fam_drain()
 * Survives: process and guest crash, as every store to the fabric does; NOT a
 *	power cut of the host
 * Blocks:   never
 * Since:    0.1
 */
void fam_flush(struct fam *fam, const void *addr, size_t len);

/**
 * fam_drain() - wait for the write-backs this thread has begun
 *
 * Threads:  safe; concerns the calling thread's fam_flush() calls
 * Ordering: they are complete before any later store of this thread is visible
 * Survives: as fam_flush()
 * Blocks:   for some hundred nanoseconds at most
 * Since:    0.1
 */
void fam_drain(struct fam *fam);

#ifdef __cplusplus
}
#endif
#pragma GCC visibility pop
#endif
