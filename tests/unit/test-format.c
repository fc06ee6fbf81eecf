// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
/* guest-lib/FORMAT.md tells the offsets that the compiler gives. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include <fam-containers.h>
#include <fam-heaps.h>
#include <fam-mailbox.h>
#include <fam-objects.h>
#include <fam-parking.h>
#include <fam-regions.h>
#include <fam-sessions.h>

#include "messages/channel-end.h"
#include "messages/pool-format.h"
#include "messages/ring-format.h"

/* The fields as the compiler lays them out, in the order of the document. */
static const struct field {
	const char *name;
	size_t offset, bytes;
} fields[] = {
#define MEMBER(type, name)                               \
	{                                                \
#name, offsetof(struct type, name),      \
			sizeof(((struct type *)0)->name) \
	}
#define FIELD(name)	  MEMBER(fam_superblock, name)
#define BOX(name)	  MEMBER(fam_mailbox, name)
#define SLOT(name)	  MEMBER(fam_mailbox_slot, name)
#define TABLE(name)	  MEMBER(fam_sessions, name)
#define SEAT(name)	  MEMBER(fam_sessions_slot, name)
#define GROUP(name)	  MEMBER(fam_parking_group, name)
#define PLACE(name)	  MEMBER(fam_parking_place, name)
#define HEAD(name)	  MEMBER(fam_objects_header, name)
#define ENTRY(name)	  MEMBER(fam_objects_entry, name)
#define OPEN(name)	  MEMBER(fam_objects_open, name)
#define RING(name)	  MEMBER(fam_ring_head, name)
#define CHANNEL(name)	  MEMBER(channel_space, name)
#define POOL(name)	  MEMBER(fam_pool_head, name)
#define REGION(name)	  MEMBER(fam_region_entry, name)
#define LIVE(name)	  MEMBER(fam_regions_live, name)
#define SEEN(name)	  MEMBER(fam_regions_seen, name)
#define RECORD(name)	  MEMBER(fam_regions_open, name)
#define HEAP(name)	  MEMBER(fam_heap_header, name)
#define HEAP_LIVE(name)	  MEMBER(fam_heap_live, name)
#define HEAP_SLOT(name)	  MEMBER(fam_heap_slot, name)
#define HEAP_STATE(name)  MEMBER(fam_heap_state, name)
#define HEAP_RECORD(name) MEMBER(fam_record, name)
#define HASH(name)	  MEMBER(fam_hash_header, name)
#define HASH_ENTRY(name)  MEMBER(fam_hash_entry, name)
#define LOG(name)	  MEMBER(fam_log_header, name)
#define LOG_SEGMENT(name) MEMBER(fam_log_segment, name)
#define LOG_RECORD(name)  MEMBER(fam_log_record, name)
#define CHANGE(name)	  MEMBER(fam_change, name)
	FIELD(magic),
	FIELD(crc32c),
	FIELD(version),
	FIELD(copy),
	FIELD(feature_compat),
	FIELD(feature_ro_compat),
	FIELD(feature_incompat),
	FIELD(durability),
	FIELD(uuid),
	FIELD(size),
	FIELD(generation),
	FIELD(data_offset),
	FIELD(data_bytes),
	FIELD(created_ns),
	FIELD(label),
	FIELD(mailbox_offset),
	FIELD(mailbox_bytes),
	FIELD(sessions_offset),
	FIELD(sessions_bytes),
	FIELD(parking_offset),
	FIELD(parking_bytes),
	FIELD(objects_offset),
	FIELD(objects_bytes),
	FIELD(regions_offset),
	FIELD(regions_bytes),
	FIELD(reserved),
	BOX(magic),
	BOX(version),
	BOX(slots),
	BOX(slot_bytes),
	BOX(ring),
	BOX(epoch),
	BOX(peer),
	BOX(vector),
	BOX(flags),
	BOX(failed),
	BOX(failed_ns),
	BOX(beat),
	SLOT(owner),
	SLOT(tail),
	SLOT(node),
	SLOT(started),
	SLOT(pid),
	SLOT(peer),
	SLOT(done),
	SLOT(fault),
	TABLE(changes),
	TABLE(server),
	TABLE(boot),
	SEAT(beat),
	SEAT(lease_ms),
	SEAT(pid),
	SEAT(node),
	SEAT(started),
	SEAT(peer),
	SEAT(flags),
	SEAT(joined_ns),
	SEAT(ended),
	SEAT(ended_reason),
	SEAT(ping),
	SEAT(pong),
	SEAT(vectors),
	SEAT(node_name),
	SEAT(name),
	GROUP(used),
	GROUP(spilled),
	GROUP(order),
	PLACE(word),
	PLACE(key),
	PLACE(order),
	PLACE(node),
	HEAD(version),
	HEAD(serial),
	HEAD(boot),
	HEAD(lock),
	ENTRY(crc32c),
	ENTRY(type),
	ENTRY(offset),
	ENTRY(bytes),
	ENTRY(serial),
	ENTRY(made_ns),
	ENTRY(name),
	ENTRY(boot),
	ENTRY(flags),
	OPEN(holder),
	OPEN(serial),
	REGION(magic),
	REGION(crc32c),
	REGION(generation),
	REGION(stamp),
	REGION(serial),
	REGION(state),
	REGION(flags),
	REGION(offset),
	REGION(space),
	REGION(bytes),
	REGION(created_ns),
	REGION(changed_ns),
	REGION(uid),
	REGION(gid),
	REGION(mode),
	REGION(type),
	REGION(holder),
	REGION(boot),
	REGION(after_stamp),
	REGION(after_index),
	REGION(node),
	REGION(name),
	LIVE(lock),
	LIVE(epoch),
	LIVE(changes),
	LIVE(boot),
	LIVE(stamp),
	LIVE(serial),
	LIVE(loose),
	LIVE(freed),
	LIVE(over),
	LIVE(over_entry),
	LIVE(ring),
	SEEN(generation),
	SEEN(opens),
	RECORD(holder),
	RECORD(what),
	RING(magic),
	RING(kind),
	RING(flags),
	RING(slots),
	RING(bytes),
	RING(crc32c),
	RING(salt),
	RING(lock),
	RING(pushers),
	RING(poppers),
	RING(wait_push),
	RING(wait_pop),
	RING(head),
	RING(tail),
	RING(done),
	CHANNEL(kind),
	CHANNEL(bytes),
	CHANNEL(flags),
	CHANNEL(secret),
	CHANNEL(receiver),
	CHANNEL(since),
	CHANNEL(head),
	CHANNEL(tail),
	CHANNEL(news),
	CHANNEL(room),
	POOL(magic),
	POOL(buffers),
	POOL(bytes),
	POOL(cache),
	POOL(crc32c),
	POOL(waiting),
	HEAP(magic),
	HEAP(crc32c),
	HEAP(version),
	HEAP(journals),
	HEAP(journal_bytes),
	HEAP(bytes),
	HEAP(serial),
	HEAP_LIVE(lock),
	HEAP_LIVE(boot),
	HEAP_LIVE(checkpointed),
	HEAP_LIVE(doubts),
	HEAP_LIVE(epoch),
	HEAP_LIVE(stamp),
	HEAP_LIVE(high),
	HEAP_SLOT(holder),
	HEAP_SLOT(inflight),
	HEAP_SLOT(tail),
	HEAP_SLOT(last),
	HEAP_SLOT(doubt),
	HEAP_SLOT(applied),
	HEAP_STATE(checkpoint),
	HEAP_STATE(root),
	HEAP_STATE(root_bytes),
	HEAP_RECORD(magic),
	HEAP_RECORD(crc32c),
	HEAP_RECORD(stamp),
	HEAP_RECORD(bytes),
	HEAP_RECORD(changes),
	HEAP_RECORD(reserved),
	CHANGE(kind),
	CHANGE(class),
	CHANGE(length),
	CHANGE(offset),
	HASH(magic),
	HASH(version),
	HASH(locks),
	HASH(buckets),
	HASH(grow),
	HASH_ENTRY(next),
	HASH_ENTRY(hash),
	HASH_ENTRY(key_bytes),
	HASH_ENTRY(value_bytes),
	LOG(magic),
	LOG(version),
	LOG(lock),
	LOG(last),
	LOG(tail_at),
	LOG(tail),
	LOG(head),
	LOG(cut),
	LOG_SEGMENT(next),
	LOG_SEGMENT(before),
	LOG_SEGMENT(first),
	LOG_SEGMENT(index),
	LOG_SEGMENT(jump),
	LOG_SEGMENT(jump_first),
	LOG_SEGMENT(jump_index),
	LOG_RECORD(number),
	LOG_RECORD(bytes),
};

static void format_document_has_the_offsets(void **state)
{
	FILE *f = fopen("guest-lib/FORMAT.md", "r");
	char line[512], name[64], type[16];
	size_t offset, bytes, row = 0;

	(void)state;
	assert_non_null(f); /* run from the top of the tree */
	while (fgets(line, sizeof(line), f)) {
		if (sscanf(line, "| %zu | %zu | %15s | `%63[a-z0-9_]` |",
			   &offset, &bytes, type, name) != 4)
			continue;
		assert_true(row < sizeof(fields) / sizeof(fields[0]));
		assert_string_equal(name, fields[row].name);
		assert_int_equal(offset, fields[row].offset);
		assert_int_equal(bytes, fields[row].bytes);
		if (type[0] == 'u' || type[0] == 'i')
			assert_int_equal(atoi(type + 1), 8 * bytes);
		row++;
	}
	fclose(f);
	assert_int_equal(row, sizeof(fields) / sizeof(fields[0]));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(format_document_has_the_offsets),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
