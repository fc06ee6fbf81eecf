/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026, the FAM emulator authors */
#ifndef FAM_HASH_H
#define FAM_HASH_H

#include <stdint.h>

#include <fam/heap.h>
#include <fam/tx.h>

#pragma GCC visibility push(default)
#ifdef __cplusplus
extern "C" {
#endif

/*
 * A hash map in a heap: keys and values are bytes of any length. Used by many
 * threads, processes and nodes at once; each change is a transaction, of its own
 * or part of one. It grows by itself, a bucket with each key, and does not shrink.
 *
 * @tx, everywhere: NULL: the call is a transaction of its own, durable when it
 * returns 0; else it is a part of that one, which sees its own changes, and keeps
 * the locks of what it has looked at to its end. Two transactions that take keys in
 * another order may wait for each other: then one of them gets -EDEADLK after some
 * seconds, and should be aborted and begun anew. Without @tx it is a minute, for what
 * somebody keeps locked; and at once for what the same thread does, in a transaction.
 * Any other error leaves @tx as it was.
 *
 * Who looks takes locks, too: the heap must be open for writing (-EROFS).
 * Errors as in fam/heap.h; -EBADMSG it is damaged.
 */

#define FAM_HASH_KEY_MAX   4096u
#define FAM_HASH_VALUE_MAX (UINT64_C(1) << 30)

struct fam_hash; /* one opening; for all threads of a process */

/**
 * fam_hash_create() - make one
 * @tx: NULL or a transaction of @heap
 * @dest: where its offset is published, as for fam_heap_alloc(); 0: nowhere
 * @out: its offset; may be NULL
 *
 * Return: 0; -ENOSPC, ...
 * Since:  0.1
 */
int fam_hash_create(struct fam_heap *heap, struct fam_tx *tx, fam_off dest,
		    fam_off *out);

/**
 * fam_hash_open() - a map by its offset
 *
 * Return: 0; -EMEDIUMTYPE there is none; -EPROTONOSUPPORT of a later release;
 *	-EBADMSG; -ENOMEM
 */
int fam_hash_open(struct fam_heap *heap, fam_off off, struct fam_hash **out);

/** fam_hash_close() - NULL is allowed */
void fam_hash_close(struct fam_hash *hash);

/**
 * fam_hash_put() - have a key and its value, whatever it had before
 *
 * Survives: host; the old value or the new one, whole
 * Return:   0; -EINVAL the key is empty; -E2BIG it, or the value, is too long;
 *	-ENOSPC; -EDEADLK
 */
int fam_hash_put(struct fam_hash *hash, struct fam_tx *tx, const void *key,
		 uint32_t key_bytes, const void *value, uint64_t bytes);

/**
 * fam_hash_get() - copy a value out
 * @room: of @value, which may be NULL if this is 0
 * @bytes: how long the value is, also if it does not fit; may be NULL
 *
 * Of one moment: never half of one and half of another value.
 * Return: 0; -ENOENT; -ERANGE @room is too little, and @value has what fits
 */
int fam_hash_get(struct fam_hash *hash, struct fam_tx *tx, const void *key,
		 uint32_t key_bytes, void *value, uint64_t room,
		 uint64_t *bytes);

/** fam_hash_remove() - 0; -ENOENT; -EDEADLK */
int fam_hash_remove(struct fam_hash *hash, struct fam_tx *tx, const void *key,
		    uint32_t key_bytes);

/**
 * fam_hash_each() - enumerate the pairs, in no order
 * @visit: a value other than 0 ends it and is returned; may call anything. What it
 *	is given is a copy
 *
 * What others change meanwhile may be told or not; no key is told twice.
 * Blocks: as fam_hash_get(), once for each bucket
 * Return: 0; the value of @visit; -EDEADLK; -ENOMEM
 */
int fam_hash_each(struct fam_hash *hash,
		  int (*visit)(const void *key, uint32_t key_bytes,
			       const void *value, uint64_t bytes, void *arg),
		  void *arg);

/** fam_hash_count() - how many pairs there are; needs no lock */
uint64_t fam_hash_count(struct fam_hash *hash);

/**
 * fam_hash_destroy() - free all of it; nobody may use it any more
 * @dest: that published it: is made 0; or 0
 *
 * In many transactions: the pairs go first, and @dest is made 0 by the last one, which
 * frees what is left. So nothing is lost by a crash on the way: there is a map that
 * has fewer pairs, to be destroyed again. @hash is still to be closed.
 *
 * Return: 0; -EINVAL @dest does not name it; -EBADMSG it is damaged, and some of it
 *	may be freed
 */
int fam_hash_destroy(struct fam_hash *hash, fam_off dest);

#ifdef __cplusplus
}
#endif
#pragma GCC visibility pop
#endif
