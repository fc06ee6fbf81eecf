// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
/*
 * A fabric with some regions and objects that somebody scribbles over, with and
 * without checksums that fit; then it is checked, listed and repaired. No access
 * outside of it, no call without end; what the repair calls good is so: a second
 * check finds nothing but what the repair said it left, no two regions overlap.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <fam-mailbox.h>
#include <fam-objects.h>
#include <fam-parking.h>
#include <fam/check.h>
#include <fam/fam.h>
#include <fam/region.h>

#include "new-fabric.h"
#include "input.h"
#include "no-nap.h"
#include "regions/fam-region.h"

#define MIB	(UINT64_C(1) << 20)
#define SIZE	(16 * MIB)
#define REGIONS (14 * MIB) /* where the directory of regions lies */
#define OBJECTS (15 * MIB)
#define DATA	(2 * MIB)
#define COUNT	12 /* regions, and half as many objects */
#define STEPS	40

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct world {
	struct fam *fam, *reader;
	char *bytes; /* of the fabric */
	char *image; /* of it, as it was */
	struct fam_regions_places regions;
	struct fam_objects_places objects;
	struct input in;
} w;

/* --- one fabric for all inputs -------------------------------------------------- */

static void fill(void)
{
	char name[16];

	for (int i = 0; i < COUNT; i++) {
		const struct fam_region_want want = {.bytes = 9000 *
							      (uint64_t)i};
		const struct fam_object_want object = {
			.type = FAM_OBJECT_MEMORY,
			.flags = FAM_OBJECT_CREATE,
			.bytes = 64};
		struct fam_object *opened;

		snprintf(name, sizeof(name), "n%d", i);
		must(fam_region_create(w.fam, name, &want, NULL) == 0);
		if (i % 2)
			continue;
		must(fam_object_open(w.fam, name, &object, &opened) == 0);
		fam_object_close(opened);
	}
	must(fam_region_destroy(w.fam, "n3", 0) == 0);
}

static void begin(void)
{
	/* Where holes stay holes: they are passed over. */
	char path[] = "/dev/shm/fuzz-check-XXXXXX";
	struct fam_superblock sb;
	int fd = mkstemp(path);

	must(fd >= 0);
	fabric_make(fd, SIZE, 7, &sb);
	w.bytes = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	w.image = malloc(SIZE);
	must(w.bytes != MAP_FAILED && w.image);
	w.regions = fam_regions_places(fam_regions_fit(MIB));
	w.objects = fam_objects_places(MIB);
	must(fam_open(&w.fam, path, 0) == 0);
	must(fam_open(&w.reader, path, FAM_OPEN_RDONLY) == 0);
	fill();
	must(fam_check(w.fam, FAM_CHECK_REPAIR, NULL, NULL, NULL) == 0);
	memcpy(w.image, w.bytes, SIZE);
	close(fd);
	/* Attachments know the file; its name is not needed to map it again. */
	must(unlink(path) == 0);
}

static void put_back(uint64_t offset, uint64_t bytes)
{
	memcpy(w.bytes + offset, w.image + offset, bytes);
}

/* All but the sessions: one of them is this program's. */
static void put_all_back(void)
{
	uint64_t words =
		FAM_PARKING_OFFSET + offsetof(struct fam_parking, place);

	put_back(0, FAM_SUPERBLOCK_BYTES);
	put_back(FAM_MAILBOX_OFFSET, 4096);
	put_back(MIB, FAM_SUPERBLOCK_BYTES);
	put_back(words, 4096);
	put_back(REGIONS, w.regions.copy[0]);
	for (unsigned int copy = 0; copy < FAM_REGIONS_COPIES; copy++)
		put_back(REGIONS + w.regions.copy[copy],
			 (COUNT + 6) * sizeof(struct fam_region_entry));
	put_back(OBJECTS, w.objects.memory);
}

/* --- somebody scribbles ------------------------------------------------------------ */

static uint32_t take_entry(void)
{
	return take(&w.in) % (COUNT + 6);
}

static struct fam_region_entry *entry_at(unsigned int copy, uint32_t i)
{
	return (struct fam_region_entry *)(void *)(w.bytes + REGIONS +
						   w.regions.copy[copy]) +
	       i;
}

/* Where something lies, and how long what may be spoilt there is. */
static const struct place {
	uint64_t offset, bytes;
} places[] = {
	{0, FAM_SUPERBLOCK_BYTES},
	{MIB, FAM_SUPERBLOCK_BYTES},
	{FAM_MAILBOX_OFFSET, 96},
	{FAM_PARKING_OFFSET + 4096, 4096},
	{REGIONS + 64, 4032}, /* but for the lock, which might be ours */
	{REGIONS + 4096, 16 * (COUNT + 6)},
	{OBJECTS, 24},
	{OBJECTS + FAM_OBJECTS_PAGE, 8 * (COUNT + 6)},
};
#define PLACES (sizeof(places) / sizeof(places[0]))

static char *take_place(void)
{
	const struct place *p = &places[take(&w.in) % PLACES];
	uint64_t at = take(&w.in) | (uint64_t)take(&w.in) << 8;

	return w.bytes + p->offset + at % p->bytes / 8 * 8;
}

static void scribble_entry(void)
{
	struct fam_region_entry *e = entry_at(take(&w.in) % 2, take_entry());
	uint8_t *bytes = (uint8_t *)e;
	unsigned int at = take(&w.in) % (sizeof(*e) / 8) * 8;

	bytes[at + take(&w.in) % 8] ^= take(&w.in);
}

/* An entry that is whole, and makes sense or nearly so. */
static void plant_entry(void)
{
	uint8_t how = take(&w.in);
	uint32_t i = take_entry();
	struct fam_region_entry e = *entry_at(how & 1, take_entry());

	e.generation += take(&w.in) % 8;
	e.stamp += take(&w.in) % 16;
	if (how & 2)
		e.state = take(&w.in) % 5;
	if (how & 4)
		e.offset = DATA + UINT64_C(4096) * take(&w.in);
	if (how & 8)
		e.holder = take_word(&w.in) & ~FAM_HOLDER_FLAGS;
	if (how & 16) {
		e.after_index = take_entry();
		e.after_stamp = take(&w.in);
	}
	if (how & 32)
		e.name[0] = (char)take(&w.in);
	fam_region_seal(&e, w.fam->sb.uuid, i);
	*entry_at(0, i) = e;
	if (how & 64)
		*entry_at(1, i) = e;
}

static void copy_entry(void)
{
	struct fam_region_entry e = *entry_at(take(&w.in) % 2, take_entry());

	*entry_at(take(&w.in) % 2, take_entry()) = e;
}

static void scribble_object(void)
{
	uint8_t *entries = (uint8_t *)w.bytes + OBJECTS + w.objects.entry;

	entries[take_entry() * sizeof(struct fam_objects_entry) +
		take(&w.in)] ^= take(&w.in);
}

static void scribble(void)
{
	uint64_t word;
	char *at;

	switch (take(&w.in) % 8) {
	case 0:
		at = take_place();
		word = take_word(&w.in);
		memcpy(at, &word, sizeof(word));
		break;
	case 1:
		at = take_place();
		at[take(&w.in) % 8] ^= (char)take(&w.in);
		break;
	case 2:
		copy_entry();
		break;
	case 3:
		scribble_object();
		break;
	case 4:
	case 5:
		plant_entry();
		break;
	default:
		scribble_entry();
		break;
	}
}

/* --- and somebody checks it --------------------------------------------------------- */

struct tally {
	uint64_t bad, left; /* damages and losses; those not repaired */
	uint64_t last;	    /* place of the last problem */
};

static int count(const struct fam_check_problem *p, void *arg)
{
	struct tally *t = arg;

	must(memchr(p->part, '\0', sizeof(p->part)) && p->part[0]);
	must(memchr(p->text, '\0', sizeof(p->text)) && p->text[0]);
	must(p->offset >= t->last && p->offset + p->bytes <= SIZE);
	t->last = p->offset;
	if (p->level == FAM_CHECK_NOTE)
		return 0;
	t->bad++;
	t->left += !p->repaired;
	return 0;
}

static struct tally check(struct fam *fam, unsigned int flags)
{
	struct fam_check_summary sum;
	struct tally t = {0};

	must(fam_check(fam, flags, count, &t, &sum) == 0);
	must(sum.damages + sum.losses == t.bad);
	return t;
}

/* What the regions take, page by page. */
static int take_pages(const struct fam_region_info *info, void *arg)
{
	uint8_t *page = arg;
	uint64_t first = (info->offset - DATA) / 4096;

	must(info->offset >= DATA && info->offset + info->space <= REGIONS);
	for (uint64_t i = 0; i < info->space / 4096; i++)
		must(page[first + i]++ == 0);
	return 0;
}

static int look_at(const struct fam_region_info *info, void *arg)
{
	(void)arg;
	must(info->offset >= DATA && info->offset + info->space <= REGIONS);
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static uint8_t page[(REGIONS - DATA) / 4096];
	struct tally repaired;

	if (!w.fam)
		begin();
	w.in = (struct input){data, size};
	for (int i = 0; i < STEPS && w.in.size; i++)
		scribble();
	(void)fam_region_each(w.fam, NULL, look_at, NULL); /* or it cannot */
	if (size % 2)
		check(w.reader, 0);
	repaired = check(w.fam, FAM_CHECK_REPAIR);
	must(check(w.fam, 0).bad <= repaired.left);
	if (repaired.left == 0) {
		memset(page, 0, sizeof(page));
		must(fam_region_each(w.fam, NULL, take_pages, page) == 0);
	}
	put_all_back();
	return 0;
}
