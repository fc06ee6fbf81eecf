/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026, the FAM emulator authors */
#ifndef FAM_LOG_PRIVATE_H
#define FAM_LOG_PRIVATE_H

/*
 * What the parts of the append log share. fam-containers.h has what lies in the
 * heap; all of it is read and changed under the log's lock.
 */
#include <fam-containers.h>
#include <fam/log.h>

#include "containers/view.h"

/* A record that is there. Copies, of which nothing is believed. */
struct fam_log_place {
	uint64_t number;
	fam_off segment;
	uint32_t at;	/* in the segment */
	uint64_t bytes; /* of its data */
	fam_off data;	/* that lie in the segment, or not */
	bool is_far;	/* not */
};

struct fam_log {
	struct fam_heap *heap;
	fam_off off;
	struct fam_log_header *header;
	/* Where somebody has read last; it counts if it is not cut off. Locked. */
	struct fam_log_place seen;
};

/* What a log has, as it is now. */
struct fam_log_state {
	uint64_t last, cut, tail_at;
	fam_off head, tail;
};

/* --- log-find.c ------------------------------------------------------------------- */

/** fam_log_field() - where a field of the header is */
#define fam_log_field(log, name) \
	((log)->off + offsetof(struct fam_log_header, name))

/** fam_log_state() - 0; -EBADMSG it makes no sense */
int fam_log_state(const struct fam_log *log, struct fam_view view,
		  struct fam_log_state *out);

/** fam_log_segment() - a copy; 0; -EBADMSG */
int fam_log_segment(struct fam_view view, fam_off off,
		    struct fam_log_segment *out);

/** fam_log_far() - are so many bytes an object of their own? */
static inline bool fam_log_far(uint64_t bytes)
{
	return bytes > FAM_LOG_INLINE_MAX;
}

/** fam_log_record_bytes() - what a record takes in a segment */
static inline uint32_t fam_log_record_bytes(uint64_t bytes)
{
	uint64_t data = fam_log_far(bytes) ? sizeof(fam_off) : bytes;

	return (uint32_t)(sizeof(struct fam_log_record) + data + FAM_LOG_ALIGN -
			  1) &
	       ~(uint32_t)(FAM_LOG_ALIGN - 1);
}

/** fam_log_at() - the record of a number, at a place in a segment; 0; -EBADMSG */
int fam_log_at(struct fam_view view, fam_off segment, uint32_t at,
	       uint64_t number, struct fam_log_place *out);

/**
 * fam_log_next() - the record behind one
 *
 * There is one: its number is not above the last one. Return: 0; -EBADMSG
 */
int fam_log_next(struct fam_view view, struct fam_log_place *place);

/**
 * fam_log_find() - the place of a record that is there
 *
 * Return: 0; -EBADMSG
 */
int fam_log_find(struct fam_log *log, struct fam_view view,
		 const struct fam_log_state *state, uint64_t number,
		 struct fam_log_place *out);

#endif
