/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026, the FAM emulator authors */
#ifndef TESTS_HEAP_STRESS_H
#define TESTS_HEAP_STRESS_H

/* A heap under stress: what the parts of fam-heap-stress know of each other. */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <unistd.h>

#include <fam/fam.h>
#include <fam/hash.h>
#include <fam/heap.h>
#include <fam/log.h>
#include <fam/tx.h>

#define HEAP_NAME  "stress"
#define WORKERS	   16
#define OWN_SLOTS  24
#define OWN_KEYS   16
#define SHARED	   32
#define ACCOUNTS   16
#define ROOT_MAGIC UINT64_C(0x68656170737472)
#define CALL_MAX   90 /* seconds: no call takes longer */

struct want {
	const char *fabric, *model;
	uint64_t seed, bytes;
	unsigned int seconds, processes, kill_ms, stop_ms, id, lease_ms;
};

/* --- what the heap holds: all is found from its root ------------------------------- */

struct stress_own {
	fam_off slot[OWN_SLOTS];
	uint64_t appended; /* how many of its records are in the log */
	uint64_t number;   /* of the last one, there */
};

struct stress_root {
	uint64_t magic;
	fam_off hash, log;
	uint64_t reserved[5];
	struct fam_mutex shared_lock[SHARED], bank_lock;
	fam_off shared[SHARED];
	uint64_t account[ACCOUNTS]; /* their sum is 0 */
	struct stress_own own[WORKERS];
};

/* Of a record of the log; a blob follows it. */
struct stress_record {
	uint64_t id, seq;
};

/* An opening, by one attachment. */
struct stress {
	const struct want *want;
	struct fam *fam;
	struct fam_heap *heap;
	struct stress_root *root;
	fam_off at; /* of the root */
	struct fam_hash *hash;
	struct fam_log *log;
	uint64_t random;
};

/** fail() - says what is wrong, and ends the process with 1 */
void fail(const char *fmt, ...) __attribute__((format(printf, 1, 2), noreturn));

/** next_random() - xorshift64* */
uint64_t next_random(uint64_t *state);

/* A call that hangs is a failure as well: the alarm ends the process. */
#define CALL(call)               \
	({                       \
		int r_;          \
                                 \
		alarm(CALL_MAX); \
		r_ = (call);     \
		alarm(0);        \
		r_;              \
	})

/* --- blobs: blob.c ------------------------------------------------------------------ */

/*
 * Bytes that say what they are to be: whose, how many, and all the others by
 * these. 24 at least.
 */
#define BLOB_MIN 24
void blob_fill(void *at, uint64_t bytes, uint64_t seed);

/** blob_bad() - offset of a byte of the first @valid that is wrong; UINT64_MAX */
uint64_t blob_bad(const void *at, uint64_t valid, uint64_t bytes,
		  uint64_t seed);

/** blob_whole() - is it one, of what length and seed it says, in @room bytes? */
bool blob_whole(const void *at, uint64_t room);

/** blob_make() - a static one */
void *blob_make(uint64_t bytes, uint64_t seed);

/* --- the heap of the fabric: look.c ---------------------------------------------------- */

/** stress_open() - attach and open; made if it is not there; 0; ... */
int stress_open(struct stress *s, const struct want *want);
void stress_close(struct stress *s);

/** stress_again() - after -ESTALE: another session, and all opened anew */
int stress_again(struct stress *s);

fam_off own_slot(const struct stress *s, unsigned int id, uint64_t i);

/** look_shared() - a slot of all is empty or holds a blob; under its lock */
void look_shared(const struct stress *s, uint64_t i);

/* --- the jobs -------------------------------------------------------------------------- */

/** worker_run() - change it at random for a while; worker.c */
int worker_run(const struct want *want);

/** judge_run() - when all have ended: is everything exact? Takes all apart; judge.c */
int judge_run(const struct want *want);

/** crew_run() - workers here, some of which are killed or stopped; crew.c */
int crew_run(const struct want *want, const char *self);

#endif
