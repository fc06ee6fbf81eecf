// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
/* Ranges of other regions in a transaction. */
#include <string.h>

#include "heap/fam-heap.h"
#include "regions/opening.h"

/* Where in its region something is that is mapped here. */
static int locate(const struct fam_tx *tx, struct fam_region *region,
		  const void *addr, uint64_t bytes, struct fam_tx_range *out)
{
	struct fam *fam = tx->heap->fam;
	struct fam_region_entry entry;
	uint64_t offset;
	int error;

	if (!bytes || region->fam != fam || !region->writable)
		return -EINVAL;
	error = fam_region_peek(region, &entry);
	if (error < 0)
		return error;
	if (entry.serial == tx->heap->serial ||
	    fam_map_find(fam, addr, bytes, &offset) < 0 ||
	    offset < entry.offset || offset - entry.offset > entry.bytes ||
	    bytes > entry.bytes - (offset - entry.offset))
		return -EINVAL;
	*out = (struct fam_tx_range){
		.serial = entry.serial,
		.off = offset - entry.offset,
		.bytes = bytes,
	};
	return 0;
}

static int own_room(struct fam_tx *tx)
{
	uint32_t room = tx->own_room ? tx->own_room * 2 : 8;
	struct fam_tx_own *more;

	if (tx->owns < tx->own_room)
		return 0;
	more = reallocarray(tx->own, room, sizeof(*more));
	if (!more)
		return -ENOMEM;
	tx->own = more;
	tx->own_room = room;
	return 0;
}

static int add(struct fam_tx *tx, struct fam_tx_range *range, void *addr)
{
	const struct fam_change change = {
		.kind = FAM_CHANGE_REGION,
		.length = (uint32_t)range->bytes,
		.offset = range->off,
	};
	const struct fam_change_region more = {.serial = range->serial};
	int error = fam_tx_range_room(&tx->ranges);
	void *copy = NULL;

	if (error == 0)
		error = own_room(tx);
	if (error == 0 && range->bytes > tx->limit)
		error = -E2BIG;
	if (error == 0)
		error = fam_tx_change(tx, &change, &copy);
	if (error < 0 || !copy)
		return error;
	memcpy((char *)copy - (range->off & 15) - sizeof(more), &more,
	       sizeof(more));
	memcpy(copy, addr, range->bytes);
	range->copy = copy;
	fam_tx_range_add(&tx->ranges, range);
	tx->own[tx->owns++] = (struct fam_tx_own){addr, range->bytes};
	return 0;
}

int fam_tx_add_region(struct fam_tx *tx, struct fam_region *region, void *addr,
		      uint64_t bytes, void **copy)
{
	struct fam_tx_range range, *there;
	int error = locate(tx, region, addr, bytes, &range);

	if (error < 0)
		return error;
	error = fam_tx_range_find(&tx->ranges, &range, &there);
	if (error == 0) {
		*copy = there->copy + (range.off - there->off);
		return 0;
	}
	if (error == -ENOENT)
		error = add(tx, &range, addr);
	if (error == 0)
		*copy = range.copy;
	return error;
}
