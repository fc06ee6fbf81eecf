// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
/* Append logs: made, opened, read. */
#include "containers/fam-log.h"

#define EACH_BYTES   65536 /* copied at once, if a record is not larger */
#define EACH_RECORDS 256

static int make(struct fam_tx *tx, fam_off dest, fam_off *out)
{
	const struct fam_log_header header = {
		.magic = FAM_LOG_MAGIC,
		.version = FAM_LOG_VERSION,
	};
	void *copy;
	int r = fam_tx_alloc(tx, sizeof(header), 0, out, &copy);

	if (r < 0)
		return r;
	/* Behind it: who finds it finds all of it. */
	if (dest)
		r = fam_tx_set_word(tx, dest, *out);
	if (r < 0) {
		(void)fam_tx_free(tx, *out);
		return r;
	}
	/* It is aligned to less than the place. */
	memcpy(copy, &header, sizeof(header));
	return 0;
}

int fam_log_create(struct fam_heap *heap, struct fam_tx *tx, fam_off dest,
		   fam_off *out)
{
	return fam_part_make(heap, tx, dest, make, out);
}

int fam_log_open(struct fam_heap *heap, fam_off off, struct fam_log **out)
{
	struct fam_log_header *header;
	uint32_t head[2]; /* does not change */
	struct fam_log *log;
	void *at;
	int r = fam_part_object(heap, off, sizeof(*header), &at);

	if (r < 0)
		return r;
	header = at;
	memcpy(head, header, sizeof(head));
	if (head[0] != FAM_LOG_MAGIC)
		return -EMEDIUMTYPE;
	if (head[1] != FAM_LOG_VERSION)
		return -EPROTONOSUPPORT;
	log = calloc(1, sizeof(*log));
	if (!log)
		return -ENOMEM;
	log->heap = heap;
	log->off = off;
	log->header = header;
	*out = log;
	return 0;
}

void fam_log_close(struct fam_log *log)
{
	free(log);
}

int fam_log_range(struct fam_log *log, uint64_t *first, uint64_t *last)
{
	/* Both only rise, and the first is never above the second. */
	uint64_t cut = fam_word_get((fam_word *)&log->header->cut);
	uint64_t end = fam_word_get((fam_word *)&log->header->last);

	if (cut > end || end == UINT64_MAX)
		return -EBADMSG;
	*first = cut + 1;
	*last = end;
	return 0;
}

/* --- reading ------------------------------------------------------------------------ */

/* Under the lock; the lock is free if it fails. */
static int begin_to_read(struct fam_log *log, struct fam_log_state *state)
{
	const struct fam_view view = {.heap = log->heap};
	int r = fam_view_lock(log->heap, &log->header->lock);

	if (r < 0)
		return r;
	r = fam_log_state(log, view, state);
	if (r < 0)
		fam_view_unlock(log->heap, &log->header->lock);
	return r;
}

static int read_one(struct fam_log *log, const struct fam_log_state *state,
		    uint64_t number, struct fam_log_place *place)
{
	const struct fam_view view = {.heap = log->heap};

	if (number <= state->cut)
		return -ESRCH;
	if (number > state->last)
		return -ENOENT;
	return fam_log_find(log, view, state, number, place);
}

int fam_log_read(struct fam_log *log, uint64_t number, void *data,
		 uint64_t room, uint64_t *bytes)
{
	const struct fam_view view = {.heap = log->heap};
	struct fam_log_state state;
	struct fam_log_place place;
	int r = begin_to_read(log, &state);

	if (r < 0)
		return r;
	r = read_one(log, &state, number, &place);
	if (r == 0 && room)
		r = fam_view_copy(view, place.data, data,
				  place.bytes < room ? place.bytes : room);
	fam_view_unlock(log->heap, &log->header->lock);
	if (r < 0)
		return r;
	if (bytes)
		*bytes = place.bytes;
	return place.bytes > room ? -ERANGE : 0;
}

/* Copies of some records, to be told without the lock. */
struct some {
	struct fam_log *log;
	uint64_t next, last; /* numbers: to be copied next; to end with */
	uint64_t number;     /* of the first copy */
	uint64_t bytes[EACH_RECORDS];
	unsigned int count;
	char *copy; /* each at a multiple of 16 */
	uint64_t used, room;
};

static uint64_t up(uint64_t bytes)
{
	return (bytes + 15) & ~UINT64_C(15);
}

/* 1: another one may follow */
static int copy_one(struct some *some, const struct fam_log_place *place)
{
	const struct fam_view view = {.heap = some->log->heap};
	int r;

	if (some->used + up(place->bytes) > some->room) {
		char *copy;

		if (some->count)
			return 0;
		copy = realloc(some->copy, up(place->bytes));
		if (!copy)
			return -ENOMEM;
		some->copy = copy;
		some->room = up(place->bytes);
	}
	r = fam_view_copy(view, place->data, some->copy + some->used,
			  place->bytes);
	if (r < 0)
		return r;
	some->used += up(place->bytes);
	some->bytes[some->count++] = place->bytes;
	return some->count < EACH_RECORDS && place->number < some->last;
}

static int copy_locked(struct some *some, const struct fam_log_state *state)
{
	const struct fam_view view = {.heap = some->log->heap};
	struct fam_log_place place;
	int r;

	/* What was cut off meanwhile is not told. */
	if (some->next <= state->cut)
		some->next = state->cut + 1;
	some->number = some->next;
	if (some->next > some->last)
		return 0;
	r = read_one(some->log, state, some->next, &place);
	while (r == 0) {
		r = copy_one(some, &place);
		if (r <= 0)
			break;
		r = fam_log_next(view, &place);
	}
	some->next += some->count;
	/* Where the next ones are looked for. */
	if (r == 0)
		some->log->seen = place;
	return r;
}

static int copy_some(struct some *some)
{
	struct fam_log_state state;
	int r = begin_to_read(some->log, &state);

	if (r < 0)
		return r;
	some->count = 0;
	some->used = 0;
	/* Those that there are in the beginning. */
	if (!some->last)
		some->last = state.last;
	r = copy_locked(some, &state);
	fam_view_unlock(some->log->heap, &some->log->header->lock);
	return r;
}

static int tell(const struct some *some,
		int (*visit)(uint64_t number, const void *data, uint64_t bytes,
			     void *arg),
		void *arg)
{
	const char *at = some->copy;
	int r = 0;

	for (unsigned int i = 0; i < some->count && r == 0; i++) {
		r = visit(some->number + i, at, some->bytes[i], arg);
		at += up(some->bytes[i]);
	}
	return r;
}

int fam_log_each(struct fam_log *log, uint64_t from,
		 int (*visit)(uint64_t number, const void *data, uint64_t bytes,
			      void *arg),
		 void *arg)
{
	struct some some = {.log = log, .next = from, .room = EACH_BYTES};
	int r = 0;

	some.copy = malloc(some.room);
	if (!some.copy)
		return -ENOMEM;
	do {
		r = copy_some(&some);
		if (r == 0)
			r = tell(&some, visit, arg);
	} while (r == 0 && some.next <= some.last);
	free(some.copy);
	return r;
}
