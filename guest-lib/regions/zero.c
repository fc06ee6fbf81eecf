// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
/* Filling space with zeros, which it has most often already. */
#include <string.h>
#include <sys/mman.h>

#include "opening.h"

#define BLOCK	      4096
#define CHUNK_BYTES   (UINT64_C(4) << 20)   /* while the session lives */
#define PERSIST_BYTES (UINT64_C(256) << 20) /* in the time there is for it */
#define SMALL_BYTES   (UINT64_C(64) << 10)
#define LARGE_BYTES   (UINT64_C(16) << 20) /* for the file system to zero */
#define KEEPS_BLOCKS  (FALLOC_FL_ZERO_RANGE | FALLOC_FL_KEEP_SIZE)

struct zeroing {
	struct fam *fam;
	bool flush; /* by the CPU, also of what is zero */
	bool by_file;
	bool stored, data;
};

static bool is_zero(const char *block, size_t len)
{
	return block[0] == 0 && memcmp(block, block + 1, len - 1) == 0;
}

static void zero_pages(struct zeroing *z, char *at, size_t len)
{
	for (size_t done = 0; done < len; done += BLOCK) {
		size_t n = len - done < BLOCK ? len - done : BLOCK;

		if (!is_zero(at + done, n)) {
			fam_memset_nodrain(z->fam, at + done, 0, n);
			z->stored = true;
		} else if (z->flush) {
			fam_flush(z->fam, at + done, n);
		}
	}
}

/* The file system does not free blocks: they may have been reserved. */
static bool zero_by_file(struct zeroing *z, uint64_t offset, uint64_t bytes)
{
	/* Not every one can. */
	z->by_file = fallocate(z->fam->source.fd, KEEPS_BLOCKS, (off_t)offset,
			       (off_t)bytes) == 0;
	/* Some of it may have been done. */
	z->stored |= z->by_file || errno != EOPNOTSUPP;
	return z->by_file;
}

static int zero_chunk(struct zeroing *z, uint64_t offset, uint64_t bytes)
{
	struct fam_pages pages;
	int r;

	if (z->by_file && zero_by_file(z, offset, bytes))
		return 0;
	r = fam_source_map_pages(&z->fam->source, offset, bytes, &pages);
	if (r < 0)
		return r;
	/* What is looked at only once need not bring its neighbours in. */
	(void)madvise(pages.base, pages.bytes, MADV_RANDOM);
	zero_pages(z, (char *)pages.start, (size_t)bytes);
	munmap(pages.base, pages.bytes);
	return 0;
}

/* Where there may be something else. Who has lost the session has lost the space. */
static int zero_data(struct zeroing *z, uint64_t offset, uint64_t bytes)
{
	int r = 0;

	z->data = true;
	z->by_file = z->fam->source.via == FAM_VIA_FILE && bytes >= LARGE_BYTES;
	while (r == 0 && bytes) {
		uint64_t n = bytes < CHUNK_BYTES ? bytes : CHUNK_BYTES;

		if (!fam_park_self(z->fam))
			return fam_park_why(z->fam);
		r = zero_chunk(z, offset, n);
		offset += n;
		bytes -= n;
	}
	return r;
}

/*
 * Where it ends. Of what is small that is not asked: the kernel goes through all
 * pages it has until the next hole, which may be far behind.
 */
static uint64_t data_end(int fd, uint64_t data, uint64_t end)
{
	off_t hole;

	if (end - data <= SMALL_BYTES)
		return end;
	hole = lseek(fd, (off_t)data, SEEK_HOLE);
	return hole > (off_t)data && (uint64_t)hole < end ? (uint64_t)hole
							  : end;
}

/* Holes of the file, and what is reserved and was never written, are zero. */
static int zero_file(struct zeroing *z, uint64_t offset, uint64_t end)
{
	int fd = z->fam->source.fd, r = 0;

	while (r == 0 && offset < end) {
		off_t data = lseek(fd, (off_t)offset, SEEK_DATA);

		if (data < 0 && errno == ENXIO)
			return 0;
		if (data < 0)
			return zero_data(z, offset, end - offset);
		if ((uint64_t)data >= end)
			return 0;
		offset = data_end(fd, (uint64_t)data, end);
		r = zero_data(z, (uint64_t)data, offset - (uint64_t)data);
	}
	return r;
}

/* With persistent memory fam_persist() does not ask the file system. */
int fam_region_persist_holes(struct fam *fam)
{
	const struct fam_source *source = &fam->source;

	return source->dax && fdatasync(source->fd) < 0 ? -errno : 0;
}

int fam_region_persist(struct fam *fam, uint64_t offset, uint64_t bytes)
{
	int r;

	do {
		uint64_t n = bytes < PERSIST_BYTES ? bytes : PERSIST_BYTES;

		r = fam_persist_range(fam, offset, (size_t)n);
		offset += n;
		bytes -= n;
	} while (r == 0 && bytes);
	return r < 0 ? r : fam_region_persist_holes(fam);
}

/*
 * What is zero may not be so on the disk: users store zeros, too. It is if there
 * was nobody who could have stored any since the start of the host, or if it is a
 * hole of long standing.
 */
static int zero_persist(struct zeroing *z, uint64_t offset, uint64_t bytes,
			uint64_t loose)
{
	if (!z->stored && !(loose & FAM_LOOSE_HOLES) &&
	    !(z->data && loose & FAM_LOOSE_STORES))
		return 0;
	return fam_region_persist(z->fam, offset, bytes);
}

int fam_region_zero(struct fam *fam, uint64_t offset, uint64_t bytes,
		    bool durable, bool *stored)
{
	struct fam_regions_live *live = fam_regions_live(fam->regions);
	uint64_t loose = fam_word_get(&live->loose);
	struct zeroing z = {
		.fam = fam,
		.flush = fam->persist->cpu && loose & FAM_LOOSE_STORES,
	};
	int r = fam_source_recheck(&fam->source);

	*stored = false;
	if (r == 0)
		r = fam->source.via == FAM_VIA_FILE
			    ? zero_file(&z, offset, offset + bytes)
			    : zero_data(&z, offset, bytes);
	if (r == 0 && durable)
		r = zero_persist(&z, offset, bytes, loose);
	if (!z.stored)
		return r;
	/* Before anybody can be told that they are there. */
	fam_drain(fam);
	*stored = true;
	if (r < 0 || !durable)
		fam_word_set(&live->loose, FAM_LOOSE_STORES | FAM_LOOSE_HOLES);
	return r;
}
