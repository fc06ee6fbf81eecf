// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
/*
 * A heap that somebody scribbles over, with a hash map and a log in it: what each
 * call finds may be anything, also records with the right checksums that say what
 * they please. No access outside the heap, and what lies beside it stays as it is;
 * no call without end; and after a new start of the host it is checked and repaired.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <fam-regions.h>
#include <fam/check.h>
#include <fam/fam.h>
#include <fam/hash.h>
#include <fam/heap.h>
#include <fam/log.h>
#include <fam/region.h>
#include <fam/tx.h>

#include "new-fabric.h"
#include "heap/fam-heap.h"
#include "input.h"
#include "internal.h"
#include "no-nap.h"

#define MIB	    (UINT64_C(1) << 20)
#define FABRIC	    (16 * MIB)
#define HEAP_BYTES  (MIB + 512 * 1024)
#define NEIGHBOURS  (256 * 1024)
#define STEPS_MAX   80
#define OFFS	    12
#define RECORD_ROOM 2048
#define JOURNALS    4
#define ROOM	    (200 * 1024)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct world {
	struct fam *fam;
	struct fam_superblock sb;
	struct fam_sessions *sessions;
	char *data; /* of the fabric */
	int fd;
	struct fam_region_info at; /* of the heap */
	struct fam_heap_places places;
	char *base; /* of it; as who scribbles sees it */
	struct input in;
	struct fam_heap *heap;
	struct fam_tx *tx;
	struct fam_hash *hash;
	struct fam_log *log;
	struct fam_region *other; /* that transactions change, too */
	char *other_map;
	fam_off off[OFFS];
} w;

static uint8_t room[ROOM];

/* --- one fabric for all inputs ------------------------------------------------------ */

static void begin(void)
{
	char path[] = "/dev/shm/fuzz-heap-XXXXXX";
	int fd = mkstemp(path);

	must(fd >= 0);
	fabric_make(fd, FABRIC, 11, &w.sb);
	w.sessions = fabric_map(fd, FAM_SESSIONS_OFFSET, FAM_SESSIONS_BYTES);
	w.data = fabric_map(fd, w.sb.data_offset, w.sb.data_bytes);
	must(fam_open(&w.fam, path, 0) == 0);
	must(unlink(path) == 0);
	w.fd = fd;
}

static void punch(uint64_t offset, uint64_t bytes)
{
	must(fallocate(w.fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
		       (off_t)offset, (off_t)bytes) == 0);
}

static void make_region(const char *name, uint64_t bytes, uint32_t flags)
{
	const struct fam_region_want want = {
		.bytes = bytes, .flags = flags | FAM_REGION_NO_SYNC};

	must(fam_region_create(w.fam, name, &want, flags ? &w.other : NULL) ==
	     0);
}

/* Before and behind the heap lies what nobody stores to. */
static void make_heap(void)
{
	const struct fam_heap_want want = {
		.bytes = HEAP_BYTES,
		.journals = JOURNALS,
		.journal_bytes = FAM_JOURNAL_MIN,
	};
	void *mapped;

	make_region("before", NEIGHBOURS, 0);
	must(fam_heap_create(w.fam, "h", &want, &w.heap) == 0);
	make_region("behind", NEIGHBOURS, 0);
	make_region("other", 16384, FAM_REGION_WRITE);
	must(fam_region_map(w.other, 0, 0, &mapped) == 0);
	w.other_map = mapped;
	must(fam_region_find(w.fam, "h", &w.at, sizeof(w.at)) == 0);
	must(fam_heap_places(HEAP_BYTES, want.journals, want.journal_bytes,
			     &w.places));
	w.base = w.data + (w.at.offset - w.sb.data_offset);
}

static void check_neighbour(const char *name)
{
	struct fam_region_info info;
	const char *at;

	must(fam_region_find(w.fam, name, &info, sizeof(info)) == 0);
	at = w.data + (info.offset - w.sb.data_offset);
	for (uint64_t i = 0; i < NEIGHBOURS; i += 8)
		must(*(const uint64_t *)(const void *)(at + i) == 0);
}

/* --- somebody scribbles -------------------------------------------------------------- */

static uint64_t take_size(void)
{
	return (uint64_t)take(&w.in) << (take(&w.in) % 20);
}

/* What is worth to be tried as an offset. */
static uint64_t take_off(void)
{
	uint64_t chunk = take(&w.in) % (w.places.count + 1);

	switch (take(&w.in) % 8) {
	case 0:
		return take_word(&w.in);
	case 1:
		return w.places.state + 512 + take(&w.in) % 24;
	case 2:
		return w.places.end - take(&w.in);
	case 3:
		return take_size();
	case 4:
		return w.places.chunk + chunk * FAM_HEAP_CHUNK;
	case 5:
		return w.places.chunk + chunk * FAM_HEAP_CHUNK +
		       take(&w.in) * 16;
	default:
		return w.off[take(&w.in) % OFFS];
	}
}

static uint32_t take_length(void)
{
	switch (take(&w.in) % 4) {
	case 0:
		return (uint32_t)take_word(&w.in);
	case 1:
		return (uint32_t)take_size();
	default:
		return take(&w.in);
	}
}

static fam_word *word_at(uint64_t at)
{
	return (fam_word *)(void *)(w.base + at / 8 * 8);
}

/* A kind that is there, or one that is none. */
static uint64_t take_kind(void)
{
	uint8_t how = take(&w.in);

	return fam_chunk_word(how % 5, how & 32 ? take(&w.in) : how % 36,
			      how & 64 ? take_length() : how & 3);
}

static struct fam_heap_slot *slot_at(uint32_t i)
{
	return (struct fam_heap_slot *)(void *)(w.base + w.places.slot) + i;
}

/*
 * A slot that says that this session, which lives, is in the midst of a transaction
 * is waited for, for a minute.
 */
static void spare_us_waiting(void)
{
	uint64_t me = fam_holder(fam_session_id(w.fam));

	for (uint32_t i = 0; i < JOURNALS; i++) {
		struct fam_heap_slot *s = slot_at(i);

		if (fam_holder_of(s->holder) != me ||
		    !(s->inflight || s->doubt ||
		      s->holder & FAM_SLOT_FINISHING))
			continue;
		s->holder = me | FAM_SLOT_IDLE;
	}
}

/* A change in a record: also one that makes no sense, or does not fit. */
static uint32_t plant_change(uint8_t *at)
{
	struct fam_change c = {
		.kind = take(&w.in) % 10,
		.class = take(&w.in) % 38,
		.length = take_length(),
		.offset = take_off(),
	};
	const struct fam_change_region region = {
		.serial = take(&w.in) & 1 ? w.at.serial + take(&w.in) % 4
					  : take_word(&w.in)};
	uint64_t bytes;

	if (c.kind == FAM_CHANGE_REGION) {
		/* not to those that nobody stores to */
		if (region.serial == w.at.serial - 1 ||
		    region.serial == w.at.serial + 1)
			c.kind = FAM_CHANGE_NONE;
		memcpy(at + sizeof(c), &region, sizeof(region));
	}
	if (take(&w.in) % 8)
		c.length %= 300;
	bytes = fam_change_bytes(c.kind, c.offset, c.length);
	memcpy(at, &c, sizeof(c));
	return bytes < 512 ? (uint32_t)bytes : 16;
}

/* Who wrote it has died in a transaction; or it is found after a power cut. */
static void plant_record(void)
{
	static _Alignas(16) uint8_t buffer[RECORD_ROOM];
	struct fam_heap view = {.at = w.places, .serial = w.at.serial};
	struct fam_record *r = (void *)buffer;
	uint32_t slot = take(&w.in) % JOURNALS, n = take(&w.in) % 4;
	struct fam_heap_slot *s = slot_at(slot);
	uint64_t at = take(&w.in) % 8 ? s->tail : take_size();

	memset(buffer, take(&w.in), sizeof(buffer));
	*r = (struct fam_record){
		.magic = FAM_RECORD_MAGIC,
		.stamp = take(&w.in) % 16 ? *word_at(w.places.live + 128) + 1
					  : take_word(&w.in),
		.bytes = sizeof(*r),
		.changes = take(&w.in) % 8 ? n : take(&w.in),
	};
	while (n--)
		r->bytes += plant_change(buffer + r->bytes);
	at = at / 64 * 64;
	if (at > FAM_JOURNAL_MIN - RECORD_ROOM)
		at = 0;
	r->crc32c = fam_record_crc(&view, slot, at, r, r->bytes);
	memcpy(w.base + w.places.journal + slot * FAM_JOURNAL_MIN + at, r,
	       r->bytes);
	if (take(&w.in) & 1)
		return;
	s->tail = at;
	s->inflight = take(&w.in) % 8 ? r->stamp : take_word(&w.in);
	s->applied = take(&w.in) % 4;
	s->holder = take_word(&w.in) & ~FAM_HOLDER_FLAGS;
	atomic_fetch_add(&w.sessions->changes, 1);
}

static void scribble_slot(void)
{
	fam_word *slot = (fam_word *)slot_at(take(&w.in) % JOURNALS);

	slot[take(&w.in) % 6] =
		take(&w.in) & 1 ? take_size() : take_word(&w.in);
}

/* What goes on, but not the locks: that is what fuzz-parking is for. */
static void scribble_state(void)
{
	static const uint16_t live[] = {64, 72, 80, 88, 128};
	uint64_t value = take(&w.in) & 1 ? take(&w.in) : take_word(&w.in);

	if (take(&w.in) & 1)
		*word_at(w.places.live + live[take(&w.in) % 5]) = value;
	else if (take(&w.in) & 1) /* bounds of hints */
		*word_at(w.places.live + 136 + take(&w.in) % 48 * 8) = value;
	else
		*word_at(w.places.state +
			 (take(&w.in) & 1 ? 0 : 512 + take(&w.in) % 2 * 8)) =
			value;
}

static void scribble(void)
{
	uint64_t chunk = take(&w.in) % w.places.count;

	switch (take(&w.in) % 9) {
	case 0:
		w.base[take_size() % w.places.chunk] ^= (char)take(&w.in);
		break;
	case 1:
		*word_at(w.places.kind + chunk * 8) = take_kind();
		break;
	case 2:
		*word_at(w.places.bits + chunk * 256 + take(&w.in)) =
			take_word(&w.in);
		break;
	case 3:
		w.base[w.places.lane + chunk] = (char)take(&w.in);
		break;
	case 4:
		*word_at(w.places.holder + chunk * 8) = take_word(&w.in);
		break;
	case 5:
		scribble_slot();
		break;
	case 6:
		scribble_state();
		break;
	case 7: /* what is in it: containers, too */
		*word_at(w.places.chunk +
			 (take_off() + take(&w.in) * 8) %
				 (w.places.end - w.places.chunk)) =
			take(&w.in) & 1 ? take_off() : take_word(&w.in);
		break;
	default:
		plant_record();
		break;
	}
	spare_us_waiting();
}

/* --- and somebody uses it --------------------------------------------------------------- */

/* What is given out lies in the heap, all of it. */
static void keep(unsigned int i, fam_off off, uint64_t bytes)
{
	char *at = fam_heap_at(w.heap, off, bytes);

	must(at && off >= w.places.chunk && off <= w.places.end - bytes);
	memset(at, 0x55, bytes < 64 ? bytes : 64);
	w.off[i] = off;
}

static void allocate(void)
{
	unsigned int i = take(&w.in) % OFFS;
	uint64_t bytes = take_size() % ROOM, usable;
	fam_off dest = take(&w.in) & 1 ? take_off() : 0, off;
	int r;

	switch (take(&w.in) % 5) {
	case 0:
		r = fam_heap_alloc(w.heap, dest, bytes, FAM_HEAP_ZERO, &off);
		break;
	case 1:
		r = fam_heap_aligned(w.heap, dest, bytes,
				     UINT64_C(1) << take(&w.in) % 14, 0, &off);
		break;
	case 2:
		r = fam_heap_put(w.heap, dest, room, bytes, &off);
		break;
	case 3:
		r = fam_heap_realloc(w.heap, take_off(), bytes, &off);
		break;
	default:
		r = fam_heap_alloc(w.heap, dest, bytes, 0, &off);
		break;
	}
	if (r == 0 && off)
		keep(i, off, bytes);
	if (r == 0 && off && fam_heap_usable(w.heap, off, &usable) == 0)
		must(fam_heap_at(w.heap, off, usable) != NULL);
}

static int visit(fam_off off, uint64_t usable, void *arg)
{
	(void)arg;
	must(usable && fam_heap_at(w.heap, off, usable) != NULL);
	return 0;
}

static void look(void)
{
	struct fam_heap_stat stat;
	fam_off root;

	switch (take(&w.in) % 6) {
	case 0:
		(void)fam_heap_each(w.heap, visit, NULL);
		break;
	case 1:
		(void)fam_heap_stat(w.heap, &stat, sizeof(stat));
		break;
	case 2:
		if (fam_heap_root(w.heap, take(&w.in), &root) == 0)
			must(fam_heap_at(w.heap, root, 1) != NULL);
		break;
	case 3:
		(void)fam_heap_recover(w.heap);
		break;
	case 4:
		(void)fam_heap_settle(w.heap);
		break;
	default:
		(void)fam_heap_persist(w.heap, take_off(), take_size());
		break;
	}
}

static void change(void)
{
	uint64_t bytes = take(&w.in) % 8 ? take(&w.in) : take_size();
	unsigned int i = take(&w.in) % OFFS;
	fam_off off = take_off();
	void *copy = NULL;
	const char *at;

	switch (take(&w.in) % 8) {
	case 0:
		if (fam_tx_add(w.tx, off, bytes, &copy) == 0)
			memset(copy, 0x33, bytes);
		break;
	case 1:
		at = fam_tx_at(w.tx, off, bytes);
		if (at && bytes)
			room[0] = (uint8_t)(at[0] + at[bytes - 1]);
		break;
	case 2:
		(void)fam_tx_set_word(w.tx, off, take_off());
		break;
	case 3:
	case 4:
		if (fam_tx_alloc(w.tx, bytes, take(&w.in) & 1, &off,
				 take(&w.in) & 1 ? &copy : NULL) == 0) {
			w.off[i] = off;
			if (copy)
				memset(copy, 0x44, bytes);
		}
		break;
	case 5:
		(void)fam_tx_free(w.tx, off);
		break;
	case 6:
		if (fam_tx_add_region(w.tx, w.other,
				      w.other_map + take_size() % 16384, bytes,
				      &copy) == 0)
			memset(copy, 0x22, bytes);
		break;
	default:
		at = fam_heap_at(w.heap, off / 64 * 64,
				 sizeof(struct fam_mutex));
		if (at)
			(void)fam_tx_lock(w.tx, (struct fam_mutex *)at, 0);
		break;
	}
}

static void end_tx(bool commit)
{
	if (w.tx && commit)
		(void)fam_tx_commit(w.tx);
	else if (w.tx)
		fam_tx_abort(w.tx);
	w.tx = NULL;
}

static void transact(void)
{
	if (!w.tx && fam_tx_begin(w.heap, NULL, &w.tx) < 0)
		w.tx = NULL;
	for (uint8_t n = take(&w.in) % 6; w.tx && n; n--)
		change();
	if (take(&w.in) & 1)
		end_tx(take(&w.in) % 4 != 0);
}

/* --- containers --------------------------------------------------------------------------- */

static int hear_pair(const void *key, uint32_t key_bytes, const void *value,
		     uint64_t bytes, void *arg)
{
	unsigned int *left = arg;

	must(key_bytes <= FAM_HASH_KEY_MAX);
	room[0] = ((const uint8_t *)key)[0];
	if (bytes)
		room[1] = ((const uint8_t *)value)[bytes - 1];
	return --*left == 0;
}

static void open_hash(void)
{
	unsigned int i = take(&w.in) % OFFS;

	fam_hash_close(w.hash);
	w.hash = NULL;
	if (take(&w.in) & 1)
		(void)fam_hash_create(w.heap, NULL, 0, &w.off[i]);
	if (fam_hash_open(w.heap, w.off[i], &w.hash) < 0)
		w.hash = NULL;
}

static void use_hash(void)
{
	uint8_t key[4] = {take(&w.in) % 8, 1, 2, 3};
	uint32_t key_bytes = 1 + take(&w.in) % 4;
	unsigned int left = 1000;
	uint64_t bytes;

	switch (w.hash ? take(&w.in) % 8 : 0) {
	case 0:
		open_hash();
		break;
	case 1:
	case 2:
	case 3:
		(void)fam_hash_put(w.hash, NULL, key, key_bytes, room,
				   take_size() % 5000);
		break;
	case 4:
		(void)fam_hash_get(w.hash, NULL, key, key_bytes, room,
				   take_size() % ROOM, &bytes);
		break;
	case 5:
		(void)fam_hash_remove(w.hash, NULL, key, key_bytes);
		break;
	case 6:
		(void)fam_hash_each(w.hash, hear_pair, &left);
		(void)fam_hash_count(w.hash);
		break;
	default:
		(void)fam_hash_destroy(w.hash,
				       take(&w.in) & 1 ? take_off() : 0);
		fam_hash_close(w.hash);
		w.hash = NULL;
		break;
	}
}

static int hear_record(uint64_t number, const void *data, uint64_t bytes,
		       void *arg)
{
	unsigned int *left = arg;

	room[0] = (uint8_t)number;
	if (bytes)
		room[1] = ((const uint8_t *)data)[bytes - 1];
	return --*left == 0;
}

static void open_log(void)
{
	unsigned int i = take(&w.in) % OFFS;

	fam_log_close(w.log);
	w.log = NULL;
	if (take(&w.in) & 1)
		(void)fam_log_create(w.heap, NULL, 0, &w.off[i]);
	if (fam_log_open(w.heap, w.off[i], &w.log) < 0)
		w.log = NULL;
}

static void use_log(void)
{
	uint64_t first = 0, last = 0, bytes;
	unsigned int left = 1000;

	switch (w.log ? take(&w.in) % 8 : 0) {
	case 0:
		open_log();
		break;
	case 1:
	case 2:
	case 3:
		(void)fam_log_append(w.log, NULL, room, take_size() % 100000,
				     &last);
		break;
	case 4:
		(void)fam_log_read(w.log, take(&w.in), room, ROOM, &bytes);
		break;
	case 5:
		(void)fam_log_range(w.log, &first, &last);
		(void)fam_log_each(w.log,
				   take(&w.in) & 1 ? first : take_word(&w.in),
				   hear_record, &left);
		break;
	case 6:
		(void)fam_log_cut(w.log, take(&w.in) & 1 ? take(&w.in)
							 : take_word(&w.in));
		break;
	default:
		(void)fam_log_destroy(w.log, 0);
		fam_log_close(w.log);
		w.log = NULL;
		break;
	}
}

/* --- opening ------------------------------------------------------------------------------- */

static void close_all(void)
{
	end_tx(take(&w.in) & 1);
	fam_hash_close(w.hash);
	fam_log_close(w.log);
	fam_heap_close(w.heap);
	w.hash = NULL;
	w.log = NULL;
	w.heap = NULL;
}

static void open_again(void)
{
	close_all();
	if (take(&w.in) & 1)
		atomic_fetch_add(&w.sessions->boot, 1);
	if (fam_heap_open(w.fam, "h",
			  take(&w.in) % 8 ? FAM_REGION_WRITE : FAM_REGION_READ,
			  &w.heap) < 0)
		w.heap = NULL;
}

static int hear(const struct fam_check_problem *problem, void *arg)
{
	(void)arg;
	must(memchr(problem->part, '\0', sizeof(problem->part)));
	must(memchr(problem->text, '\0', sizeof(problem->text)));
	return 0;
}

static void step(void)
{
	struct fam_check_summary sum;

	switch (w.heap ? take(&w.in) % 16 : 15) {
	case 0:
	case 1:
	case 2:
		allocate();
		break;
	case 3:
		(void)fam_heap_release(w.heap, take_off());
		break;
	case 4:
		(void)fam_heap_free(w.heap, take_off());
		break;
	case 5:
	case 6:
		transact();
		break;
	case 7:
		look();
		break;
	case 8:
		use_hash();
		break;
	case 9:
		use_log();
		break;
	case 10:
		must(fam_check(w.fam, 0, hear, NULL, &sum) == 0);
		break;
	case 15:
		open_again();
		break;
	default:
		scribble();
		break;
	}
}

/* The host starts anew; what can be repaired is, and then nothing more is found. */
static void settle(void)
{
	struct fam_check_summary first, again;

	close_all();
	if (take(&w.in) & 1)
		atomic_fetch_add(&w.sessions->boot, 1);
	must(fam_check(w.fam, FAM_CHECK_REPAIR, hear, NULL, &first) == 0);
	must(fam_check(w.fam, 0, hear, NULL, &again) == 0);
	must(again.notes + again.damages + again.losses <=
	     first.notes + first.damages + first.losses - first.repaired);
	if (fam_heap_open(w.fam, "h", FAM_REGION_WRITE, &w.heap) == 0) {
		allocate();
		(void)fam_heap_each(w.heap, visit, NULL);
	}
	close_all();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (!w.fam)
		begin();
	punch(w.sb.regions_offset, w.sb.regions_bytes);
	punch(w.sb.data_offset, 4 * MIB);
	atomic_fetch_add(&w.sessions->boot, 1);
	memset(w.off, 0, sizeof(w.off));
	make_heap();
	w.in = (struct input){data, size};
	for (int i = 0; i < STEPS_MAX && w.in.size; i++)
		step();
	settle();
	check_neighbour("before");
	check_neighbour("behind");
	fam_region_close(w.other);
	return 0;
}
