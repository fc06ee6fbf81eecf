// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
/* Records: whole or not, and read change by change. */
#include <string.h>

#include "heap/fam-heap.h"
#include "internal.h"

static uint64_t round16(uint64_t bytes)
{
	return (bytes + 15) & ~UINT64_C(15);
}

/* --- changes -------------------------------------------------------------------------- */

uint32_t fam_change_data(unsigned int kind, uint64_t offset)
{
	uint32_t data = sizeof(struct fam_change) + (offset & 15);

	return kind == FAM_CHANGE_REGION
		       ? data + sizeof(struct fam_change_region)
		       : data;
}

uint64_t fam_change_bytes(unsigned int kind, uint64_t offset, uint64_t length)
{
	switch (kind) {
	case FAM_CHANGE_NONE: /* what was DATA is passed over as such */
	case FAM_CHANGE_DATA:
	case FAM_CHANGE_REGION:
		return round16(fam_change_data(kind, offset) + length);
	default:
		return sizeof(struct fam_change);
	}
}

int fam_record_change(const struct fam_record *record, uint32_t bytes,
		      uint32_t position, struct fam_step_of *out)
{
	const char *at = (const char *)record + position;
	uint64_t takes;

	if (position >= bytes)
		return -ENOENT;
	if (bytes - position < sizeof(out->change))
		return -EBADMSG;
	memcpy(&out->change, at, sizeof(out->change));
	takes = fam_change_bytes(out->change.kind, out->change.offset,
				 out->change.length);
	if (out->change.kind > FAM_CHANGE_FRESH || takes > bytes - position)
		return -EBADMSG;
	out->next = position + (uint32_t)takes;
	out->data = NULL;
	if (out->change.kind == FAM_CHANGE_REGION)
		memcpy(&out->serial, at + sizeof(out->change),
		       sizeof(out->serial));
	if (out->change.kind == FAM_CHANGE_REGION ||
	    out->change.kind == FAM_CHANGE_DATA)
		out->data = at + fam_change_data(out->change.kind,
						 out->change.offset);
	return 0;
}

/* --- records -------------------------------------------------------------------------- */

/* What its sum begins with: where it is, and its first part. */
struct head {
	uint64_t serial, slot, position;
	struct fam_record record;
};

uint32_t fam_record_crc(const struct fam_heap *heap, uint32_t slot,
			uint64_t position, const void *record, uint32_t bytes)
{
	struct head head = {heap->serial, slot, position, {0}};
	uint32_t crc;

	memcpy(&head.record, record, sizeof(head.record));
	/* It is stored with the sum, as the last of all. */
	head.record.magic = FAM_RECORD_MAGIC;
	head.record.crc32c = 0;
	crc = fam_crc32c(0, &head, sizeof(head));
	return fam_crc32c(crc, (const char *)record + sizeof(head.record),
			  bytes - sizeof(head.record));
}

/* A copy of the first part of what may be a record. */
static bool look(const struct fam_heap *heap, uint32_t slot, uint64_t position,
		 struct fam_record *out)
{
	uint64_t room = heap->at.journal_bytes;

	if (position % FAM_RECORD_ALIGN || position >= room)
		return false;
	room -= position;
	memcpy(out, fam_heap_journal(heap, slot) + position, sizeof(*out));
	return out->magic == FAM_RECORD_MAGIC && out->bytes % 16 == 0 &&
	       out->stamp < FAM_HEAP_STAMPS && out->bytes >= sizeof(*out) &&
	       out->bytes <= room;
}

uint64_t fam_record_end(const struct fam_heap *heap, uint32_t slot,
			uint64_t position, uint64_t above, uint64_t *stamp)
{
	const char *at = fam_heap_journal(heap, slot) + position;
	struct fam_record head;

	if (!look(heap, slot, position, &head) || head.stamp <= above ||
	    head.crc32c != fam_record_crc(heap, slot, position, at, head.bytes))
		return 0;
	*stamp = head.stamp;
	return fam_record_behind(position, head.bytes);
}

/* A copy, which is checked: what is in the fabric may change. */
int fam_record_read(const struct fam_heap *heap, uint32_t slot,
		    uint64_t position, uint64_t above, struct fam_record **out)
{
	_cleanup_free_ struct fam_record *copy = NULL;
	struct fam_record head;

	if (!look(heap, slot, position, &head) || head.stamp <= above)
		return -ENOENT;
	copy = malloc(head.bytes);
	if (!copy)
		return -ENOMEM;
	memcpy(copy, fam_heap_journal(heap, slot) + position, head.bytes);
	if (copy->magic != FAM_RECORD_MAGIC || copy->bytes != head.bytes ||
	    copy->stamp != head.stamp ||
	    copy->crc32c !=
		    fam_record_crc(heap, slot, position, copy, head.bytes))
		return -ENOENT;
	*out = copy;
	copy = NULL;
	return 0;
}
