// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
/*
 * Named objects in a fabric that somebody scribbles over: no access outside the
 * area, no call without end, and what is told after a new start of the host is
 * whole: no two overlap or have one name.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <fam-objects.h>
#include <fam/fam.h>

#include "new-fabric.h"
#include "input.h"

#define MIB	  (UINT64_C(1) << 20)
#define OFFSET	  (15 * MIB) /* of the area */
#define BYTES	  MIB
#define STEPS_MAX 300
#define OPEN_MAX  8

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct world {
	struct fam *fam;
	struct fam_sessions *sessions;
	char *area;
	struct fam_objects_places places;
	struct input in;
	struct fam_object *open[OPEN_MAX];
} w;

/* --- one fabric for all inputs ------------------------------------------------------ */

static int count(const struct fam_object_info *info, void *arg)
{
	(void)info;
	++*(int *)arg;
	return 0;
}

static void begin(void)
{
	char path[] = "/tmp/fuzz-objects-XXXXXX";
	struct fam_superblock sb;
	int fd = mkstemp(path), none = 0;

	must(fd >= 0);
	fabric_make(fd, 16 * MIB, 7, &sb);
	w.sessions = fabric_map(fd, FAM_SESSIONS_OFFSET, FAM_SESSIONS_BYTES);
	w.area = fabric_map(fd, OFFSET, BYTES);
	w.places = fam_objects_places(BYTES);
	must(fam_open(&w.fam, path, 0) == 0);
	/* Maps the area: the file is not needed any more. */
	must(fam_object_each(w.fam, count, &none) == 0 && none == 0);
	must(unlink(path) == 0);
	close(fd);
}

/* --- somebody scribbles -------------------------------------------------------------- */

static uint64_t take_size(void)
{
	return (uint64_t)take(&w.in) << (take(&w.in) % 24);
}

static const char *take_name(void)
{
	static const char *const names[] = {"a",   "b",	       "c", "d",
					    "e/f", "\xc3\xa4", "",  "/"};

	return names[take(&w.in) % 8];
}

static struct fam_objects_entry *entry_at(uint32_t i)
{
	return (struct fam_objects_entry *)(void *)(w.area + w.places.entry) +
	       i;
}

static fam_word *word_at(uint32_t i)
{
	return (fam_word *)(void *)(w.area + w.places.word) + i;
}

/* An entry that counts, or nearly so; its word may fit. */
static void plant(uint32_t i)
{
	struct fam_objects_entry *e = entry_at(i);
	uint8_t how = take(&w.in);
	uint64_t hash = UINT64_C(0xcbf29ce484222325);

	memset(e, 0, sizeof(*e));
	e->type = how & 1 ? FAM_OBJECT_MEMORY : take(&w.in) % 20;
	e->offset = OFFSET + (how & 2 ? w.places.memory : 0) +
		    take_size() / 64 * 64 + (how & 4 ? 0 : take(&w.in));
	e->bytes = how & 8 ? 64 : take_size() - (how & 16 ? 1 : 0);
	e->serial = take(&w.in);
	strcpy(e->name, take_name());
	e->crc32c = fam_crc32c(0, (char *)e + 4, 132);
	for (const char *p = e->name; *p; p++)
		hash = (hash ^ (unsigned char)*p) * UINT64_C(0x100000001b3);
	atomic_store(word_at(i),
		     how & 32 ? hash >> 40 << 40 | e->serial << 2 |
					FAM_OBJECTS_READY
			      : take_word(&w.in) << 2 | (how >> 6 & 3));
}

static void scribble(void)
{
	uint32_t i = take(&w.in) % 16;
	uint64_t *open = (void *)(w.area + w.places.open);

	switch (take(&w.in) % 8) {
	case 0:
		((uint8_t *)w.area)[take_size() % w.places.memory] ^=
			take(&w.in);
		break;
	case 1:
		atomic_store(word_at(i), take_word(&w.in));
		break;
	case 2:
		((uint8_t *)entry_at(i))[take(&w.in)] ^= take(&w.in);
		break;
	case 3:
		open[take_size() % (2 * w.places.opens)] = take_word(&w.in);
		break;
	case 4:
		/* any byte of the header, but not all of the lock */
		((uint8_t *)w.area)[take(&w.in)] = take(&w.in);
		break;
	default:
		plant(i);
		break;
	}
}

/* --- and somebody uses it --------------------------------------------------------------- */

static int hook(struct fam *fam, void *memory, uint64_t bytes, void *arg)
{
	(void)fam;
	(void)arg;
	memset(memory, 1, bytes);
	return take(&w.in) % 16 == 15 ? -EDOM : 0;
}

static void use(const struct fam_object *object)
{
	char *memory = fam_object_memory(object);
	uint64_t bytes = fam_object_bytes(object);

	must(bytes > 0 && bytes <= BYTES - w.places.memory);
	memory[0]++;
	memory[bytes - 1]++;
}

static void open_one(struct fam_object **out)
{
	uint8_t how = take(&w.in);
	const struct fam_object_want want = {
		.type = how & 1 ? FAM_OBJECT_MEMORY : take(&w.in) % 17,
		.flags = how & 6,
		.bytes = take_size(),
		.make = how & 8 ? hook : NULL,
		.mend = how & 16 ? hook : NULL,
	};

	fam_object_close(*out);
	*out = NULL;
	if (fam_object_open(w.fam, take_name(), &want, out) == 0)
		use(*out);
}

struct tally {
	uint8_t used[BYTES / 64];
	char last[FAM_OBJECT_NAME_MAX];
	bool whole; /* nothing was scribbled since the last check */
};

static int tell(const struct fam_object_info *info, void *arg)
{
	struct tally *t = arg;
	uint64_t first = (info->offset - OFFSET) / 64;
	uint64_t end = first + (info->bytes + 63) / 64;

	must(memchr(info->name, '\0', sizeof(info->name)));
	must(first * 64 >= w.places.memory && end * 64 <= BYTES);
	if (!t->whole)
		return 0;
	must(strcmp(t->last, info->name) < 0);
	strcpy(t->last, info->name);
	for (; first < end; first++)
		must(t->used[first]++ == 0);
	return 0;
}

static void tell_all(bool whole)
{
	struct tally *t = calloc(1, sizeof(*t));

	must(t);
	t->whole = whole;
	(void)fam_object_each(w.fam, tell, t); /* or it may not be read */
	free(t);
}

static void step(void)
{
	switch (take(&w.in) % 8) {
	case 0:
		tell_all(false);
		break;
	case 1:
		(void)fam_object_remove(w.fam, take_name());
		break;
	case 2:
		atomic_fetch_add(&w.sessions->boot, 1);
		break;
	case 3:
	case 4:
		open_one(&w.open[take(&w.in) % OPEN_MAX]);
		break;
	default:
		scribble();
		break;
	}
}

/* The host is started anew: all is checked, and can be used. */
static void settle(void)
{
	for (int i = 0; i < OPEN_MAX; i++) {
		fam_object_close(w.open[i]);
		w.open[i] = NULL;
	}
	memset(w.area, 0, 8); /* its version */
	atomic_fetch_add(&w.sessions->boot, 1);
	tell_all(true);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (!w.fam)
		begin();
	memset(w.area, 0, w.places.memory);
	w.in = (struct input){data, size};
	for (int i = 0; i < STEPS_MAX && w.in.size; i++)
		step();
	settle();
	return 0;
}
