/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026, the FAM emulator authors */
#ifndef FAM_CONTAINERS_H
#define FAM_CONTAINERS_H

/*
 * What lies in a heap that has a hash map or an append log. ../FORMAT.md describes
 * it. Not installed.
 *
 * All of it is objects of the heap, which name each other by offsets, and changes
 * by transactions only; but the locks, which are never part of what a transaction
 * adds after it has made them. All can be written over by any node: what is read is
 * copied, bounded and checked, and no chain is followed for ever.
 */

#include <stddef.h>
#include <stdint.h>

#include <fam/heap.h>
#include <fam/lock.h>

/* --- hash map ------------------------------------------------------------------ */

#define FAM_HASH_MAGIC	  0x31485348u /* "HSH1" */
#define FAM_HASH_VERSION  1
#define FAM_HASH_STRIPES  64
#define FAM_HASH_SEGMENTS 40
/* Buckets at most: those of all segments. */
#define FAM_HASH_BUCKETS_MAX \
	((uint64_t)FAM_HASH_STRIPES << (FAM_HASH_SEGMENTS - 1))

/*
 * The map's own object, at a multiple of its size. The hash of a key is SipHash-2-4
 * of its bytes with @seed as the key. Bucket of a hash h, of n buckets: with m the
 * smallest power of two that is not below n, h mod m if that is below n, else
 * h mod m/2. Bucket b lies in segment 0 if it is below 64, else in the one whose
 * number is that of b's highest bit, less 5: so segment 0 has 64 buckets, the next
 * one 64, and each one then twice as many as the one before.
 *
 * Stripe h mod 64 of a key has a lock, over all buckets and entries whose hashes have
 * the same; and a count. @buckets rises by 1, in a transaction that holds @grow and
 * the lock of the stripe, which is that of the new bucket and of the one whose
 * entries are divided.
 */
struct fam_hash_header {
	uint32_t magic; /* FAM_HASH_MAGIC */
	uint32_t version;
	uint64_t seed[2];
	fam_off locks; /* of struct fam_hash_locks */
	uint64_t buckets;
	uint64_t reserved[3];
	struct fam_mutex grow;
	fam_off segment[FAM_HASH_SEGMENTS]; /* 0: not made yet */
	uint64_t reserved1[8];
	uint64_t count[FAM_HASH_STRIPES]; /* entries */
};

/* An object of its own, at a multiple of its size. */
struct fam_hash_locks {
	struct fam_mutex stripe[FAM_HASH_STRIPES];
};

/* A segment is an array of these: the first entry of each bucket, or 0. */
typedef fam_off fam_hash_bucket;

/* Each pair is an object; its key follows, then its value. */
struct fam_hash_entry {
	fam_off next; /* in the bucket, in no order; 0: none */
	uint64_t hash;
	uint32_t key_bytes;
	uint32_t reserved;
	uint64_t value_bytes;
};

/* --- append log ---------------------------------------------------------------- */

#define FAM_LOG_MAGIC	      0x31474f4cu /* "LOG1" */
#define FAM_LOG_VERSION	      1
#define FAM_LOG_SEGMENT_BYTES 8192
#define FAM_LOG_INLINE_MAX    1024 /* what is longer is an object of its own */
#define FAM_LOG_ALIGN	      16   /* of records in a segment */

/* The log's own object, at a multiple of its size. All but @lock is under it. */
struct fam_log_header {
	uint32_t magic; /* FAM_LOG_MAGIC */
	uint32_t version;
	uint64_t reserved[7];
	struct fam_mutex lock;
	uint64_t last;	  /* number of the newest record; 0: there was none */
	uint64_t tail_at; /* where the next one begins in the tail */
	fam_off tail;	  /* segment to which records are added; 0: none */
	fam_off head;	  /* segment of the oldest record; 0: none */
	uint64_t cut;	  /* number of the newest record that is cut off */
	uint64_t reserved1[11];
};

/*
 * FAM_LOG_SEGMENT_BYTES long; records follow. Where a segment ends is known by the
 * next one's @first. Who looks for a number goes from the tail back: @jump names a
 * segment further back (or the one before, too), as in a list with jumps whose
 * lengths are those of skew binary numbers, so that it takes a number of steps that
 * grows as the logarithm. It may name one that was cut off, which nobody looks for.
 */
struct fam_log_segment {
	fam_off next, before; /* 0: none */
	uint64_t first;	      /* number of its first record */
	uint64_t index;	      /* one more than that of the one before */
	fam_off jump;	      /* 0: none */
	uint64_t jump_first;  /* its @first */
	uint64_t jump_index;  /* its @index */
	uint64_t reserved;
};

/*
 * At a multiple of FAM_LOG_ALIGN in a segment. The data follow, if they are
 * FAM_LOG_INLINE_MAX long at most; else the offset of the object that has them, in
 * 8 bytes.
 */
struct fam_log_record {
	uint64_t number;
	uint64_t bytes; /* of the data */
};

#ifndef __cplusplus
_Static_assert(sizeof(struct fam_hash_header) == 1024, "format");
_Static_assert(offsetof(struct fam_hash_header, seed) == 8, "format");
_Static_assert(offsetof(struct fam_hash_header, locks) == 24, "format");
_Static_assert(offsetof(struct fam_hash_header, buckets) == 32, "format");
_Static_assert(offsetof(struct fam_hash_header, grow) == 64, "format");
_Static_assert(offsetof(struct fam_hash_header, segment) == 128, "format");
_Static_assert(offsetof(struct fam_hash_header, count) == 512, "format");
_Static_assert(sizeof(struct fam_hash_locks) == 4096, "format");
_Static_assert(sizeof(struct fam_hash_entry) == 32, "format");
_Static_assert(offsetof(struct fam_hash_entry, hash) == 8, "format");
_Static_assert(offsetof(struct fam_hash_entry, key_bytes) == 16, "format");
_Static_assert(offsetof(struct fam_hash_entry, value_bytes) == 24, "format");
_Static_assert(sizeof(struct fam_log_header) == 256, "format");
_Static_assert(offsetof(struct fam_log_header, lock) == 64, "format");
_Static_assert(offsetof(struct fam_log_header, last) == 128, "format");
_Static_assert(offsetof(struct fam_log_header, tail_at) == 136, "format");
_Static_assert(offsetof(struct fam_log_header, tail) == 144, "format");
_Static_assert(offsetof(struct fam_log_header, head) == 152, "format");
_Static_assert(offsetof(struct fam_log_header, cut) == 160, "format");
_Static_assert(sizeof(struct fam_log_segment) == 64, "format");
_Static_assert(offsetof(struct fam_log_segment, first) == 16, "format");
_Static_assert(offsetof(struct fam_log_segment, jump) == 32, "format");
_Static_assert(sizeof(struct fam_log_record) == 16, "format");
#endif

/** fam_hash_bucket_of() - of a hash, of so many buckets (a stripe's at least) */
static inline uint64_t fam_hash_bucket_of(uint64_t hash, uint64_t buckets)
{
	unsigned int bits = 64 - (unsigned int)__builtin_clzll(buckets - 1);
	uint64_t bucket = hash & (((uint64_t)1 << bits) - 1);

	return bucket < buckets ? bucket
				: hash & (((uint64_t)1 << (bits - 1)) - 1);
}

/** fam_hash_segment_of() - where a bucket lies; @index: in the segment */
static inline unsigned int fam_hash_segment_of(uint64_t bucket, uint64_t *index)
{
	unsigned int high;

	*index = bucket;
	if (bucket < FAM_HASH_STRIPES)
		return 0;
	high = 63 - (unsigned int)__builtin_clzll(bucket);
	*index = bucket - ((uint64_t)1 << high);
	return high - 5;
}

/** fam_hash_segment_bytes() - of a whole segment */
static inline uint64_t fam_hash_segment_bytes(unsigned int segment)
{
	return sizeof(fam_hash_bucket) *
	       ((uint64_t)FAM_HASH_STRIPES << (segment ? segment - 1 : 0));
}

#endif
