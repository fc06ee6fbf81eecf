/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026, the FAM emulator authors */
#ifndef FAM_LOG_H
#define FAM_LOG_H

#include <stdint.h>

#include <fam/heap.h>
#include <fam/tx.h>

#pragma GCC visibility push(default)
#ifdef __cplusplus
extern "C" {
#endif

/*
 * An append log in a heap: records of any length, in one order for all, each with
 * a number that rises by 1. Many threads, processes and nodes append and read at
 * once; what is old is cut off at the front. @tx, locks and errors as in fam/hash.h:
 * the log has one lock.
 */

#define FAM_LOG_RECORD_MAX (UINT64_C(1) << 30)

struct fam_log; /* one opening; for all threads of a process */

/** fam_log_create(), _open(), _close() - as those of fam/hash.h */
int fam_log_create(struct fam_heap *heap, struct fam_tx *tx, fam_off dest,
		   fam_off *out);
int fam_log_open(struct fam_heap *heap, fam_off off, struct fam_log **out);
void fam_log_close(struct fam_log *log);

/**
 * fam_log_append() - add a record at the end
 * @number: of it, from 1 on; may be NULL. With @tx it counts when that is committed
 *
 * Survives: host; all of it or nothing, and then nothing behind it
 * Return:   0; -E2BIG; -ENOSPC; -EDEADLK
 */
int fam_log_append(struct fam_log *log, struct fam_tx *tx, const void *data,
		   uint64_t bytes, uint64_t *number);

/**
 * fam_log_read() - copy a record out
 * @number: of it. In order they are read in one step each; else it takes some more,
 *	as the logarithm of how many there are
 * @room: of @data, which may be NULL if this is 0
 * @bytes: how long it is, also if it does not fit; may be NULL
 *
 * Return: 0; -ENOENT it is not there yet; -ESRCH it was cut off; -ERANGE @room is
 *	too little, and @data has what fits; -EDEADLK
 */
int fam_log_read(struct fam_log *log, uint64_t number, void *data,
		 uint64_t room, uint64_t *bytes);

/**
 * fam_log_range() - the numbers there are; needs no lock
 * @first: of the oldest; @last + 1 if there is none. @last: 0 if there never was one
 *
 * Return: 0; -EBADMSG
 */
int fam_log_range(struct fam_log *log, uint64_t *first, uint64_t *last);

/**
 * fam_log_each() - enumerate records, from number @from on
 * @visit: as fam_hash_each()'s
 *
 * Up to the one that is the last in the beginning; what is cut off meanwhile may be
 * told or not. Return: 0; the value of @visit; -EDEADLK; -ENOMEM
 */
int fam_log_each(struct fam_log *log, uint64_t from,
		 int (*visit)(uint64_t number, const void *data, uint64_t bytes,
			      void *arg),
		 void *arg);

/**
 * fam_log_cut() - remove all records before number @before, and free their space
 *
 * All of them, if it is above the last one: their numbers are not used again. Of a
 * long one in several transactions: a crash leaves a part of it cut off.
 * Return: 0, also if there are none; -EDEADLK
 */
int fam_log_cut(struct fam_log *log, uint64_t before);

/** fam_log_destroy() - as fam_hash_destroy() */
int fam_log_destroy(struct fam_log *log, fam_off dest);

#ifdef __cplusplus
}
#endif
#pragma GCC visibility pop
#endif
