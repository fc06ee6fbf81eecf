/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026, the FAM emulator authors */
#ifndef FAM_INDEX_H
#define FAM_INDEX_H

/*
 * What an attachment remembers of the entries of a directory: which name is
 * where, what is taken and what is free. In its own memory, made of nothing but
 * entries; pure computing, no locks, knows nothing of fabrics. What it is given
 * may be hostile: it never crashes, loops, or answers with space outside the data.
 *
 * Costs: all calls O(log n) or better but fam_index_new() and where said.
 */
#include <stdbool.h>

#include <fam-regions.h>

struct fam_index;

#define FAM_INDEX_NONE UINT32_MAX

/**
 * fam_index_new() - all entries free
 * @entries: at most FAM_REGIONS_MAX
 *
 * Some 85 bytes for each, of which the system gives what is used.
 * Return: 0; -ENOMEM
 */
int fam_index_new(uint64_t data_offset, uint64_t data_bytes, uint32_t entries,
		  struct fam_index **out);
void fam_index_free(struct fam_index *index);

/**
 * fam_index_set() - an entry is this from now on
 * @entry: checked by the caller as fam_regions_entry_is_good(); NULL: free. It
 *	takes its space unless it is FREE; its name is found if it has one
 * @rival: of -EEXIST: the entry it cannot be together with
 *
 * Return: 0; -EEXIST it overlaps another one, or has the same name; -EINVAL its
 * space is not in the data, or there is no such entry. After a failure @i is free
 * in the index; its generation, stamp and serial are those of @entry all the same
 */
int fam_index_set(struct fam_index *index, uint32_t i,
		  const struct fam_region_entry *entry, uint32_t *rival);

/** fam_index_find() - the entry that may have a name (by its hash of 64 bits) */
uint32_t fam_index_find(const struct fam_index *index, const char *name);

/** What is remembered of one. */
struct fam_index_entry {
	uint64_t generation, stamp, serial, offset, space, bytes;
	uint32_t state, flags;
};
void fam_index_get(const struct fam_index *index, uint32_t i,
		   struct fam_index_entry *out);

/**
 * fam_index_slot() - an entry that is free, for a new region
 *
 * Of the free ones those without FAM_REGION_TRIM first, as that mark is lost.
 * Return: FAM_INDEX_NONE: there is none
 */
uint32_t fam_index_slot(const struct fam_index *index);

/**
 * fam_index_place() - a free piece; nothing is taken before fam_index_set()
 * @space: bytes, a multiple of FAM_REGIONS_GRAIN; from FAM_REGIONS_LARGE on a
 *	multiple of that is the answer
 *
 * Large ones from the lower end on, small ones from the upper end, so that these
 * do not split what those need; of several pieces one that fits well.
 * Return: where, from the start of the fabric; 0: there is none
 */
uint64_t fam_index_place(const struct fam_index *index, uint64_t space);

/** fam_index_is_free() - all of it, and it lies in the data */
bool fam_index_is_free(const struct fam_index *index, uint64_t offset,
		       uint64_t bytes);

/**
 * fam_index_gap() - the free piece that @from lies in; else the next one
 *
 * To walk through what is free: the end of one is where to ask for the next.
 * Return: false: there is none from here on
 */
bool fam_index_gap(const struct fam_index *index, uint64_t from,
		   uint64_t *offset, uint64_t *bytes);

/*
 * Sums, kept up to date: space of all that is not free, and what of it is
 * TRIMMING, which is free again in a moment; bytes that were asked for, of what is
 * READY; of free pieces the largest, and how many there are.
 */
struct fam_index_sums {
	uint64_t taken, trimming, asked, largest, pieces;
	uint32_t regions; /* READY */
};
void fam_index_sums(const struct fam_index *index, struct fam_index_sums *out);

#endif
