// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "fam-persist.h"
#include "tape-store.h"
#include "tape.h"

/* The one that records. Threads that keep sessions store elsewhere. */
static __thread struct tape *recorder;

static void *must(void *memory)
{
	if (!memory)
		abort();
	return memory;
}

uint64_t tape_random(uint64_t *state)
{
	uint64_t x = *state += UINT64_C(0x9e3779b97f4a7c15);

	x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
	return x ^ x >> 31;
}

/* --- events ------------------------------------------------------------------------ */

static void add_event(struct tape *t, uint64_t posted, uint32_t first,
		      uint32_t count)
{
	if (t->events == t->event_room) {
		t->event_room = t->event_room ? 2 * t->event_room : 4096;
		t->event = must(reallocarray(t->event, t->event_room,
					     sizeof(*t->event)));
	}
	t->event[t->events++] = (struct tape_event){
		.at = ++t->now,
		.posted = posted,
		.first = first,
		.count = count,
	};
}

/* A sector is as the shadow has it from now on. */
static void add_version(struct tape *t, uint32_t s)
{
	struct tape_sector *sector = &t->sector[s];
	uint32_t n = sector->count;

	add_event(t, 0, s, 1);
	/* It grows at powers of two. */
	if ((n & (n - 1)) == 0)
		sector->version = must(reallocarray(sector->version,
						    n ? 2 * (size_t)n : 1,
						    sizeof(*sector->version)));
	sector->version[n].at = t->now;
	memcpy(sector->version[n].bytes, t->shadow + (size_t)s * TAPE_SECTOR,
	       TAPE_SECTOR);
	sector->count = n + 1;
}

/* What was stored to the data by other means than words. */
static void look_at_data(struct tape *t)
{
	if (memcmp(t->shadow, t->memory, t->data_bytes) == 0)
		return;
	for (uint32_t s = 0; s < t->data_bytes / TAPE_SECTOR; s++) {
		size_t at = (size_t)s * TAPE_SECTOR;

		if (memcmp(t->shadow + at, t->memory + at, TAPE_SECTOR) == 0)
			continue;
		memcpy(t->shadow + at, t->memory + at, TAPE_SECTOR);
		add_version(t, s);
	}
}

uint64_t tape_mark(struct tape *t)
{
	look_at_data(t);
	add_event(t, 0, 0, 0);
	return t->now;
}

/* Where an address of one of the attachments' lies on the tape, or -1. */
static int64_t find(const struct tape *t, const void *addr, size_t len)
{
	uint64_t all = t->data_bytes + t->area_bytes, offset;

	for (unsigned int n = 0; n < TAPE_FAMS; n++) {
		if (!t->fam[n] ||
		    fam_map_find(t->fam[n], addr, len, &offset) < 0)
			continue;
		if (offset >= t->offset && offset - t->offset + len <= all)
			return (int64_t)(offset - t->offset);
	}
	return -1;
}

static void step(const struct tape *t)
{
	if (t->step)
		t->step(t->step_arg);
}

void tape_stored(const void *addr, size_t len)
{
	static uint32_t last;
	struct tape *t = recorder;
	int64_t at = t && len ? find(t, addr, len) : -1;
	uint32_t s;

	if (at < 0)
		return;
	s = (uint32_t)(at / TAPE_SECTOR);
	if (t->seldom ? t->stores++ % t->seldom == 0 : s != last)
		look_at_data(t);
	last = s;
	memcpy(t->shadow + at, t->memory + at, len);
	for (; s <= (at + (int64_t)len - 1) / TAPE_SECTOR; s++)
		add_version(t, s);
	step(t);
}

uint64_t (*tape_read)(const void *word, uint64_t value);

void tape_lie(uint64_t (*lie)(const void *word, uint64_t value))
{
	tape_read = lie;
}

bool tape_is_true(const struct tape *t)
{
	return memcmp(t->shadow + t->data_bytes, t->memory + t->data_bytes,
		      t->area_bytes) == 0;
}

/* --- a disk ------------------------------------------------------------------------ */

static int disk_post(struct fam *fam, struct fam_ask *ask)
{
	struct tape *t = recorder;
	unsigned int room = sizeof(t->request) / sizeof(t->request[0]);
	unsigned int n;

	(void)fam;
	step(t);
	if (t->error && t->well == 0)
		return t->error;
	t->well -= t->well > 0;
	look_at_data(t);
	n = (unsigned int)(t->asked++ % room);
	t->request[n].at = ++t->now;
	t->request[n].offset = ask->range.offset;
	t->request[n].length = ask->range.length;
	ask->ticket = t->asked;
	return 0;
}

static void answer(struct tape *t, uint64_t at, uint64_t offset,
		   uint64_t length)
{
	uint64_t end = offset + length;
	uint64_t all = t->offset + t->data_bytes + t->area_bytes;

	if (offset < t->offset)
		offset = t->offset;
	if (end > all)
		end = all;
	if (offset >= end)
		return;
	offset -= t->offset;
	end = (end - t->offset + TAPE_SECTOR - 1) / TAPE_SECTOR;
	add_event(t, at, (uint32_t)(offset / TAPE_SECTOR),
		  (uint32_t)(end - offset / TAPE_SECTOR));
}

/* All up to the one that is waited for. */
static int disk_wait(struct fam *fam, const struct fam_ask *ask)
{
	struct tape *t = recorder;
	unsigned int room = sizeof(t->request) / sizeof(t->request[0]);

	(void)fam;
	for (unsigned int n = 0; n < room && n < t->asked; n++) {
		uint64_t ticket = t->asked - n;
		unsigned int i = (unsigned int)((ticket - 1) % room);

		if (ticket > ask->ticket || !t->request[i].at)
			continue;
		answer(t, t->request[i].at, t->request[i].offset,
		       t->request[i].length);
		t->request[i].at = 0;
	}
	step(t);
	return 0;
}

static int disk_failed(struct fam *fam)
{
	(void)fam;
	return 0;
}

static const struct fam_persist_ops disk = {
	.way = FAM_PERSIST_HOST,
	.post = disk_post,
	.wait = disk_wait,
	.failed = disk_failed,
};

static int none_post(struct fam *fam, struct fam_ask *ask)
{
	(void)fam;
	ask->ticket = 1;
	return 0;
}

static int none_wait(struct fam *fam, const struct fam_ask *ask)
{
	(void)fam;
	(void)ask;
	return 0;
}

static const struct fam_persist_ops no_disk = {
	.way = FAM_PERSIST_HOST,
	.post = none_post,
	.wait = none_wait,
	.failed = disk_failed,
};

void tape_persist_all(struct fam *fam)
{
	fam->persist = &no_disk;
	fam->source.in_memory = false;
}

/* --- from begin to end --------------------------------------------------------------- */

void tape_attach(struct tape *t, unsigned int n, struct fam *fam)
{
	fam->persist = &disk;
	fam->source.in_memory = false;
	t->fam[n] = fam;
}

void tape_detach(struct tape *t, unsigned int n)
{
	t->fam[n] = NULL;
}

void tape_begin(struct tape *t, const char *path, uint64_t data_bytes)
{
	struct fam_superblock sb;
	int fd = open(path, O_RDWR | O_CLOEXEC);
	size_t bytes;
	void *memory;

	memset(t, 0, sizeof(*t));
	if (fd < 0 || pread(fd, &sb, sizeof(sb), 0) != sizeof(sb))
		abort();
	memcpy(t->uuid, sb.uuid, sizeof(t->uuid));
	t->data_bytes = data_bytes;
	t->area_bytes = sb.regions_bytes;
	t->offset = sb.regions_offset - data_bytes;
	bytes = t->data_bytes + t->area_bytes;
	memory = mmap(NULL, bytes, PROT_READ, MAP_SHARED, fd, (off_t)t->offset);
	if (memory == MAP_FAILED)
		abort();
	close(fd);
	t->memory = memory;
	t->shadow = must(malloc(bytes));
	memcpy(t->shadow, memory, bytes);
	t->sectors = (uint32_t)(bytes / TAPE_SECTOR);
	t->sector = must(calloc(t->sectors, sizeof(*t->sector)));
	for (uint32_t s = 0; s < t->sectors; s++) {
		struct tape_sector *sector = &t->sector[s];

		sector->version = must(malloc(sizeof(*sector->version)));
		sector->version->at = 0;
		memcpy(sector->version->bytes,
		       t->shadow + (size_t)s * TAPE_SECTOR, TAPE_SECTOR);
		sector->count = 1;
	}
	recorder = t;
}

void tape_end(struct tape *t)
{
	recorder = NULL;
	for (uint32_t s = 0; s < t->sectors; s++)
		free(t->sector[s].version);
	free(t->sector);
	free(t->event);
	free(t->shadow);
	munmap((void *)(uintptr_t)t->memory, t->data_bytes + t->area_bytes);
}
