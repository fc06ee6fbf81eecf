// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
/* Opening and closing a heap; where things are in it. */
#include <string.h>

#include "heap/heap-open.h"
#include "heap/heap-store.h"
#include "regions/opening.h"

/* Durable in the time there is for it. */
#define PIECE_BYTES (UINT64_C(1) << 30)
#define MAKING_NS   INT64_C(2000000000) /* of patience with who makes it */

/* --- places ------------------------------------------------------------------------ */

void *fam_heap_at(const struct fam_heap *heap, fam_off off, uint64_t bytes)
{
	return fam_heap_holds(heap, off, bytes) ? heap->base + off : NULL;
}

fam_off fam_heap_off(const struct fam_heap *heap, const void *addr)
{
	uint64_t off = (uintptr_t)addr - (uintptr_t)heap->base;

	return off < heap->at.end && fam_heap_holds(heap, off, 1) ? off : 0;
}

struct fam *fam_heap_fam(const struct fam_heap *heap)
{
	return heap->fam;
}

/* --- rights and durability ----------------------------------------------------------- */

int fam_heap_may(const struct fam_heap *heap)
{
	uint64_t self = fam_park_self(heap->fam);
	int why;

	if (!heap->writable)
		return -EROFS;
	if (self == heap->me)
		return 0;
	why = self ? 0 : fam_park_why(heap->fam);
	return why < 0 ? why : -ESTALE;
}

int fam_heap_write_back(const struct fam_heap *heap, uint64_t off,
			uint64_t bytes)
{
	int error;

	if (heap->flushes)
		fam_flush(heap->fam, heap->base + off, bytes);
	do {
		uint64_t n = bytes < PIECE_BYTES ? bytes : PIECE_BYTES;

		error = fam_persist_range(heap->fam, heap->offset + off,
					  (size_t)n);
		off += n;
		bytes -= n;
	} while (error == 0 && bytes);
	return error;
}

/* --- an opening ------------------------------------------------------------------------ */

static int describe(struct fam_heap *heap)
{
	struct fam_region_info info;
	int error = fam_region_stat(heap->region, &info, sizeof(info));

	if (error < 0)
		return error;
	if (info.type != FAM_REGION_HEAP)
		return -EMEDIUMTYPE;
	if (info.bytes < FAM_HEAP_MIN)
		return -EBADMSG;
	heap->serial = info.serial;
	heap->offset = info.offset;
	heap->bytes = info.bytes;
	return 0;
}

/* Where it is does not change while it is mapped: so it is asked for anew. */
static int map(struct fam_heap *heap)
{
	uint64_t bytes;
	void *base = NULL;
	int error = describe(heap);

	bytes = heap->bytes;
	if (error == 0)
		error = fam_region_map(heap->region, 0, bytes, &base);
	if (error < 0)
		return error;
	heap->base = base;
	heap->sessions = fam_session_table(heap->fam);
	/* For those without a session it is mapped when it is asked for. */
	if (!heap->sessions && !fam_regions_lives(heap->fam, heap->serial))
		heap->sessions = heap->fam->regions->sessions;
	error = describe(heap);
	heap->bytes = bytes;
	return error;
}

static int open_header(struct fam_heap *heap, const struct fam_heap_want *want)
{
	struct fam_heap_header header;
	int error = fam_heap_header_get(heap, want, &header);

	if (error < 0)
		return error;
	heap->bytes = header.bytes;
	return fam_heap_places(header.bytes, header.journals,
			       header.journal_bytes, &heap->at)
		       ? 0
		       : -EBADMSG;
}

static int open_ready(struct fam_heap *heap)
{
	if (heap->writable)
		return fam_heap_restart(heap);
	return fam_heap_is_ready(heap) ? 0 : -EUCLEAN;
}

static int open_all(struct fam_heap *heap, const struct fam_heap_want *want)
{
	int error = map(heap);

	if (error == 0)
		error = open_header(heap, want);
	if (error == 0)
		error = open_ready(heap);
	if (error == 0 && heap->writable)
		error = fam_heap_deaths(heap);
	return error < 0 ? error : fam_arenas_open(heap);
}

static void heap_free(struct fam_heap *heap)
{
	fam_region_close(heap->region);
	pthread_mutex_destroy(&heap->lock);
	free(heap);
}

static struct fam_heap *heap_new(struct fam *fam, struct fam_region *region,
				 bool writable)
{
	struct fam_heap *heap = calloc(1, sizeof(*heap));

	if (!heap)
		return NULL;
	heap->fam = fam;
	heap->region = region;
	heap->writable = writable;
	heap->me = writable ? fam_park_self(fam) : 0;
	heap->flushes = writable && fam->persist->cpu;
	fam_word_poke(&heap->changes, UINT64_MAX); /* nobody looked yet */
	pthread_mutex_init(&heap->lock, NULL);
	return heap;
}

/* The region is closed if that fails. */
static int open_region(struct fam *fam, struct fam_region *region,
		       bool writable, const struct fam_heap_want *want,
		       struct fam_heap **out)
{
	struct fam_heap *heap = heap_new(fam, region, writable);
	int error;

	if (!heap) {
		fam_region_close(region);
		return -ENOMEM;
	}
	/* A session that was lost meanwhile is no session. */
	error = writable && !heap->me ? fam_park_why(fam) : 0;
	if (error == 0)
		error = open_all(heap, want);
	if (error < 0) {
		heap_free(heap);
		return error;
	}
	*out = heap;
	return 0;
}

/* --- creating ---------------------------------------------------------------------------- */

static int check_want(const struct fam_heap_want *want)
{
	struct fam_heap_want full = *want;
	struct fam_heap_places places;

	fam_heap_want_default(&full);
	return fam_heap_places(full.bytes, full.journals, full.journal_bytes,
			       &places)
		       ? 0
		       : -EINVAL;
}

/* What was kept from others until it is a heap. */
static int share(struct fam *fam, struct fam_region *region)
{
	struct fam_regions *r;
	int error;

	do {
		error = fam_regions_lock(fam, &r);
	} while (error == -EINTR);
	if (error < 0)
		return error;
	region->exclusive = false;
	fam_region_mark(r, region, false);
	fam_regions_unlock(fam, r);
	return 0;
}

/* On the disk, too, if that does; else that is for who changes something next. */
static void settle_regions(struct fam *fam)
{
	struct fam_regions *r;

	if (fam_regions_lock(fam, &r) < 0)
		return;
	(void)fam_regions_settle(fam, r);
	fam_regions_unlock(fam, r);
}

/* What cannot be made is not to be found, either. */
static void unmake(struct fam *fam, const char *name, uint64_t serial)
{
	struct fam_region_info info;

	/* It was closed: others may have destroyed it, and made one of their own. */
	if (fam_region_find(fam, name, &info, sizeof(info)) == 0 &&
	    info.serial == serial &&
	    fam_region_destroy(fam, name, FAM_REGION_NO_SYNC) == 0)
		settle_regions(fam);
}

/* The region is closed if that fails. */
static int make(struct fam *fam, struct fam_region *region,
		const struct fam_heap_want *want, struct fam_heap **out)
{
	struct fam_heap *heap = NULL;
	int error = open_region(fam, region, true, want, &heap);

	if (error < 0)
		return error;
	error = share(fam, region);
	if (error < 0)
		fam_heap_close(heap);
	else
		*out = heap;
	return error;
}

int fam_heap_create(struct fam *fam, const char *name,
		    const struct fam_heap_want *want, struct fam_heap **out)
{
	const struct fam_region_want region_want = {
		.bytes = want->bytes,
		.mode = want->mode,
		.type = FAM_REGION_HEAP,
		.flags = FAM_REGION_EXCLUSIVE,
	};
	struct fam_region_info info = {0};
	struct fam_region *region = NULL;
	int error = check_want(want);

	if (error == 0)
		error = fam_region_create(fam, name, &region_want, &region);
	if (error < 0)
		return error;
	(void)fam_region_stat(region, &info, sizeof(info));
	error = make(fam, region, want, out);
	if (error < 0)
		unmake(fam, name, info.serial);
	return error;
}

/* --- opening ---------------------------------------------------------------------------- */

static bool is_being_made(struct fam *fam, const char *name)
{
	struct fam_region_info info;

	return fam_region_find(fam, name, &info, sizeof(info)) == 0 &&
	       info.type == FAM_REGION_HEAP && info.exclusive;
}

int fam_heap_open(struct fam *fam, const char *name, uint32_t flags,
		  struct fam_heap **out)
{
	int64_t until = fam_now_ns() + MAKING_NS;
	struct fam_region *region;
	int error, looks = 2; /* it may be made between a look and the next */

	if (flags != FAM_REGION_READ && flags != FAM_REGION_WRITE)
		return -EINVAL;
	for (;;) {
		error = fam_region_open(fam, name, flags, &region);
		if (error != -EBUSY || fam_now_ns() > until)
			break;
		if (!is_being_made(fam, name) && --looks == 0)
			break;
		error = fam_region_nap();
		if (error < 0)
			return error;
	}
	return error < 0 ? error
			 : open_region(fam, region, flags == FAM_REGION_WRITE,
				       NULL, out);
}

void fam_heap_close(struct fam_heap *heap)
{
	if (!heap)
		return;
	fam_txs_close(heap);
	fam_arenas_close(heap);
	heap_free(heap);
}
