/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026, the FAM emulator authors */
#ifndef FAM_PERSIST_H
#define FAM_PERSIST_H

#include <stddef.h>
#include <stdint.h>

#include <fam/map.h>

#pragma GCC visibility push(default)
#ifdef __cplusplus
extern "C" {
#endif

/*
 * Three promises, three words: a store is VISIBLE to all nodes at once; it is
 * ORDERED before later ones by a fence or fam_drain(); it is DURABLE when what
 * fam_persist() or fam_wait() returned 0 for is still there after the crash it
 * names. Only these make anything durable against a power cut of the host, by
 * the way that fam_get_info() tells in `persist`:
 *
 *	mailbox	  tm-server is asked, and writes the pages to the host's disk
 *	window	  fsync(2) on a virtio-pmem device over the fabric's file
 *	host	  msync(2) of a host program's own mapping
 *	dax	  the file lies on persistent memory: CPU write-back is enough
 *	drain	  the fabric was made with durability "guest"
 *
 * The errors of all of them:
 *	-EFAULT		the range is not inside one window of fam_map()
 *	-EROFS		read-only attachment
 *	-EOPNOTSUPP	no way to the host's disk: a raw fabric in a node
 *			without a window, or a file on a file system in memory
 *	-ENOTCONN	mailbox: no server runs, or none gave a sign of life for
 *			5 seconds. It was not done or may still be; a later call
 *			tries again
 *	-EIO		writing failed, now or earlier: the kernel may have
 *			dropped the data of anybody. Every later call fails too,
 *			for all nodes and host programs, until the operator has
 *			looked at the disk: famctl clear-errors. An attachment
 *			that saw its own write-back fail, or had requests under
 *			way that nobody has waited for, is to be opened again
 *	-EPROTO		mailbox: somebody writes over this program's requests
 *	-EUSERS		mailbox: more programs than there are slots (956)
 *	-ENODATA	the fabric's file was truncated, perhaps for a moment
 *	-ESTALE		the fabric's file was removed: nothing in it survives
 *
 * A server that ends and comes back within 5 seconds is not noticed: what was
 * asked is asked again.
 */

/** fam_persist() and fam_wait(timeout -1) give up after so long, seconds. */
#define FAM_PERSIST_SECONDS 60

/**
 * fam_persist() - make a range survive
 * @addr: inside one window of fam_map()
 * @len: bytes; 0 writes nothing, and tells whether it would be possible
 *
 * Succeeds only when every byte stored to the range before the call survives;
 * by this thread, or by others whose stores are ordered before the call.
 *
 * Threads:  safe; calls of several threads share a disk flush
 * Ordering: the caller's earlier stores to the range are included
 * Survives: host; in a fabric of durability "guest": guest
 * Blocks:   for one write-back to the disk: some 100 us on an idle one. Not cut
 *	short by signals. By the mailbox it ends after FAM_PERSIST_SECONDS even
 *	if the disk hangs
 * Return:   0, an error named above, or
 *	-ETIMEDOUT	the server lives but the disk takes too long; the range
 *			may become durable later
 * Since:    0.1
 */
int fam_persist(struct fam *fam, const void *addr, size_t len);

/** A ticket that stands for everything asked so far. */
#define FAM_TICKET_ALL UINT64_MAX

/**
 * fam_persist_async() - ask for a range to be made durable, do not wait
 * @ticket: for fam_wait(); may be NULL. Later calls get higher ones
 *
 * Nothing may be concluded from its success. The range must stay mapped until
 * it was waited for.
 *
 * Threads:  safe; tickets belong to the attachment, not to the thread
 * Ordering: the caller's earlier stores to the range are included; later ones
 *	may be
 * Survives: nothing, until fam_wait() returned 0
 * Blocks:   by the mailbox, while 32 requests of this attachment are under way;
 *	else never
 * Return:   0; as fam_persist()
 * Since:    0.1
 */
int fam_persist_async(struct fam *fam, const void *addr, size_t len,
		      uint64_t *ticket);

/**
 * fam_wait() - wait until all that was asked up to a ticket is durable
 * @ticket: of fam_persist_async(), or FAM_TICKET_ALL; 0 is done already
 * @timeout_ms: 0 only looks, -1 waits FAM_PERSIST_SECONDS. By the ways "host"
 *	and "window" the disk is written in this call, in one go for all ranges
 *	and whatever the time-out, which ends only the wait for a write-back
 *	that another thread has begun
 *
 * Threads:  safe
 * Ordering: acquire
 * Survives: host; in a fabric of durability "guest": guest
 * Blocks:   until done, @timeout_ms have passed, or a signal handler ran while
 *	it slept
 * Return:   0, an error named above, or
 *	-ETIMEDOUT	not yet: may be waited for again
 *	-EINTR		a signal handler ran first: may be waited for again
 *	-EINVAL		a ticket nobody got
 * Since:    0.1
 */
int fam_wait(struct fam *fam, uint64_t ticket, int timeout_ms);

/**
 * fam_memcpy_persist() - copy into the fabric and make it survive
 * @dest: inside one window of fam_map(); must not overlap @src
 *
 * As memcpy(3) and fam_persist(), but the copy leaves out the CPU's caches where
 * that is faster.
 *
 * Threads, Ordering, Survives, Blocks: as fam_persist()
 * Return:   as fam_persist(); after -EFAULT and -EROFS nothing was copied, after
 *	other errors the bytes are visible but may not survive
 * Since:    0.1
 */
int fam_memcpy_persist(struct fam *fam, void *dest, const void *src,
		       size_t len);

/** fam_memset_persist() - the same with memset(3) */
int fam_memset_persist(struct fam *fam, void *dest, int byte, size_t len);

/**
 * fam_memcpy_nodrain() - copy into the fabric, without waiting for anything
 *
 * The copy is visible to others and ordered only after fam_drain() or any of
 * the calls above. The range is not checked.
 *
 * Threads:  safe
 * Ordering: none until fam_drain()
 * Survives: as fam_flush(), after fam_drain()
 * Blocks:   never
 * Return:   @dest
 * Since:    0.1
 */
void *fam_memcpy_nodrain(struct fam *fam, void *dest, const void *src,
			 size_t len);

/** fam_memset_nodrain() - the same with memset(3) */
void *fam_memset_nodrain(struct fam *fam, void *dest, int byte, size_t len);

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
