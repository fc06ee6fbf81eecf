// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
/*
 * The header of a heap, in two copies. They are written once, one after the other,
 * so that one of them is whole at any time from then on: one that is torn, and none
 * beside it, is of a heap that nobody has ever had.
 */
#include <string.h>

#include "heap/heap-open.h"
#include "heap/heap-store.h"
#include "internal.h"

#define LOOKS 100 /* at what somebody may just be writing */

enum copy { EMPTY, GOOD, BAD };

/* --- what a heap of some size is to be -------------------------------------------------- */

void fam_heap_default(uint64_t bytes, uint32_t *journals,
		      uint64_t *journal_bytes)
{
	static const struct {
		uint32_t journals;
		uint64_t bytes;
	} sizes[] = {
		{64, UINT64_C(262144)},
		{64, 131072},
		{64, 65536},
		{32, 65536},
		{16, 65536},
		{16, 32768},
		{16, 16384},
		{8, 16384},
		{4, FAM_JOURNAL_MIN},
	};
	const size_t last = sizeof(sizes) / sizeof(sizes[0]) - 1;
	size_t i = 0;

	while (i < last && sizes[i].journals * sizes[i].bytes > bytes / 16)
		i++;
	*journals = sizes[i].journals;
	*journal_bytes = sizes[i].bytes;
}

void fam_heap_want_default(struct fam_heap_want *want)
{
	uint64_t journal_bytes;
	uint32_t journals;

	fam_heap_default(want->bytes, &journals, &journal_bytes);
	if (!want->journals)
		want->journals = journals;
	if (!want->journal_bytes)
		want->journal_bytes = journal_bytes;
}

/* --- reading ----------------------------------------------------------------------------- */

static uint32_t sum(const struct fam *fam, const struct fam_heap_header *header)
{
	struct fam_heap_header h = *header;
	uint32_t crc = fam_crc32c(0, fam->sb.uuid, FAM_UUID_BYTES);

	h.crc32c = 0;
	return fam_crc32c(crc, &h, sizeof(h));
}

static enum copy look(const struct fam *fam, const void *memory,
		      struct fam_heap_header *out)
{
	static const struct fam_heap_header none;

	memcpy(out, memory, sizeof(*out));
	if (memcmp(out, &none, sizeof(none)) == 0)
		return EMPTY;
	return out->magic == FAM_HEAP_MAGIC && out->crc32c == sum(fam, out)
		       ? GOOD
		       : BAD;
}

static int check(const struct fam_heap_header *h, uint64_t bytes,
		 uint64_t serial)
{
	struct fam_heap_places places;

	if (h->version != FAM_HEAP_VERSION)
		return -EPROTONOSUPPORT;
	if (h->serial != serial)
		return -EMEDIUMTYPE;
	if (h->bytes > bytes ||
	    !fam_heap_places(h->bytes, h->journals, h->journal_bytes, &places))
		return -EBADMSG;
	return 0;
}

int fam_heap_header(struct fam *fam, const void *memory, uint64_t bytes,
		    uint64_t serial, struct fam_heap_header *out,
		    unsigned int *damaged)
{
	struct fam_heap_header h[2];
	enum copy is[2];

	for (unsigned int i = 0; i < 2; i++)
		is[i] = look(fam, (const char *)memory + i * FAM_HEAP_PAGE,
			     &h[i]);
	*damaged = (is[0] == BAD ? 1u : 0) | (is[1] == BAD ? 2u : 0);
	if (is[0] != GOOD && is[1] != GOOD)
		return is[1] == EMPTY ? -ENODATA : -EBADMSG;
	*out = h[is[0] == GOOD ? 0 : 1];
	return check(out, bytes, serial);
}

/* --- making -------------------------------------------------------------------------------- */

int fam_heap_lock(const struct fam_heap *heap)
{
	struct fam_heap_live *live = (void *)(heap->base + 2 * FAM_HEAP_PAGE);

	int error;

	do {
		error = fam_mutex_lock(heap->fam, &live->lock, -1);
	} while (error == -EINTR);
	return error;
}

void fam_heap_unlock(const struct fam_heap *heap)
{
	struct fam_heap_live *live = (void *)(heap->base + 2 * FAM_HEAP_PAGE);

	(void)fam_mutex_unlock(heap->fam, &live->lock); /* or it is another's */
}

static int store(const struct fam_heap *heap, unsigned int copy,
		 const struct fam_heap_header *header)
{
	char *to = heap->base + copy * FAM_HEAP_PAGE;

	if (memcmp(to, header, sizeof(*header)) != 0)
		fam_heap_copy(to, header, sizeof(*header));
	return fam_heap_write_back(heap, copy * FAM_HEAP_PAGE, sizeof(*header));
}

static int make(const struct fam_heap *heap, const struct fam_heap_want *want,
		struct fam_heap_header *out)
{
	struct fam_heap_want full = {.bytes = heap->bytes};
	int error;

	if (want) {
		full.journals = want->journals;
		full.journal_bytes = want->journal_bytes;
	}
	fam_heap_want_default(&full);
	*out = (struct fam_heap_header){
		.magic = FAM_HEAP_MAGIC,
		.version = FAM_HEAP_VERSION,
		.journals = full.journals,
		.journal_bytes = full.journal_bytes,
		.bytes = heap->bytes,
		.serial = heap->serial,
	};
	out->crc32c = sum(heap->fam, out);
	error = store(heap, 0, out);
	return error < 0 ? error : store(heap, 1, out);
}

static int get_locked(struct fam_heap *heap, const struct fam_heap_want *want,
		      struct fam_heap_header *out)
{
	unsigned int damaged;
	int error = fam_heap_header(heap->fam, heap->base, heap->bytes,
				    heap->serial, out, &damaged);

	return error == -ENODATA ? make(heap, want, out) : error;
}

/* Who died with it in hand has torn no more than a power cut does. */
static int get_or_make(struct fam_heap *heap, const struct fam_heap_want *want,
		       struct fam_heap_header *out)
{
	int error = fam_heap_lock(heap);
	bool died = error == -EOWNERDEAD;

	if (error < 0 && !died)
		return error;
	error = get_locked(heap, want, out);
	/* The mark stays, for who recovers. */
	fam_heap_unlock(heap);
	return error;
}

int fam_heap_header_get(struct fam_heap *heap, const struct fam_heap_want *want,
			struct fam_heap_header *out)
{
	unsigned int damaged;
	int error = -ENODATA;

	for (int i = 0; i < LOOKS; i++) {
		error = fam_heap_header(heap->fam, heap->base, heap->bytes,
					heap->serial, out, &damaged);
		if (error != -EBADMSG && error != -ENODATA)
			return error;
		if (heap->writable)
			return get_or_make(heap, want, out);
		fam_word_pause();
	}
	return error == -ENODATA ? -EUCLEAN : error;
}

int fam_heap_header_heal(struct fam_heap *heap)
{
	struct fam_heap_header h;
	unsigned int damaged;
	int error = fam_heap_header(heap->fam, heap->base, UINT64_MAX,
				    heap->serial, &h, &damaged);

	/* Also if they are: whoever has stored them may not have made them durable. */
	for (unsigned int i = 0; error == 0 && i < 2; i++)
		error = store(heap, i, &h);
	return error;
}
