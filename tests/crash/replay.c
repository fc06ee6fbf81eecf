// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
/*
 * Cuts the power of a recorded disk again and again, and looks each time
 * whether all that had been acknowledged is still there.
 *
 * usage: fam-replay [OPTION...] DIR	of fam-disk
 *	--file NAME	the fabric, in the file system's root (f.fam)
 *	--fs TYPE	ext4
 *	--cuts N	moments, each with all models (20)
 *	--seed N	of the moments
 *	--silence N	and behind each acknowledgement which is the first one of
 *			its area for so many entries: of who was, or saw, a death
 *	--at N		only behind this entry of the tape, or "end" ...
 *	--model M	... only none, all or random ...
 *	--subset N	... with this choice of sectors
 *	--keep FILE	keep the last image
 *
 * Ends with "cuts N bad N acks N lost N unreadable N"; status 0 if nothing is
 * missing, 1 if something is, 2 if nothing could be said.
 */
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <inttypes.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fam/fam.h>

#include "cut.h"
#include "record.h"
#include "util/cleanup.h"

#define AREAS 64

struct replay {
	const char *dir, *file, *type, *keep;
	uint64_t cuts, seed, subset, silence;
	int64_t at;
	int model; /* -1: all */
	struct cut_disk disk;
	char mount[4096];
	/* The newest acknowledged of each slot, up to entry `heard`. */
	uint64_t acked[AREAS][RECORD_SLOTS];
	size_t heard;
	uint64_t done, bad, acks, lost, unreadable;
};

struct ack {
	uint32_t area, slot;
	uint64_t sequence;
};

/* Is there one at an entry of the tape? */
static bool read_ack(const struct tape *tape, size_t at, struct ack *ack)
{
	const struct tape_entry *e = tape_entry(tape, at);
	char line[128];

	if (e->type != TAPE_MARK)
		return false;
	snprintf(line, sizeof(line), "%.*s", (int)e->length, tape_bytes(e));
	if (sscanf(line, "ack %" SCNu32 " %" SCNu32 " %" SCNu64, &ack->area,
		   &ack->slot, &ack->sequence) != 3)
		return false;
	if (ack->area >= AREAS || ack->slot >= RECORD_SLOTS)
		errx(2, "an acknowledgement of nothing: %s", line);
	return true;
}

static void hear_up_to(struct replay *r, size_t at)
{
	struct ack ack;

	for (; r->heard <= at; r->heard++)
		if (read_ack(&r->disk.tape, r->heard, &ack) &&
		    ack.sequence > r->acked[ack.area][ack.slot])
			r->acked[ack.area][ack.slot] = ack.sequence;
}

/* Returns how many of an area's slots lack what was acknowledged. */
static uint64_t check_area(struct replay *r, const char *area, uint32_t n)
{
	uint64_t lost = 0;

	for (uint32_t slot = 0; slot < RECORD_SLOTS; slot++) {
		uint64_t wanted = r->acked[n][slot], found = 0;

		if (wanted == 0)
			continue;
		r->acks++;
		for (unsigned int i = 0; i < 2; i++) {
			uint64_t s = record_check(area + record_place(slot, i),
						  n, slot);

			if (s > found)
				found = s;
		}
		if (found >= wanted)
			continue;
		if (lost++ == 0)
			printf("lost: area %" PRIu32 " slot %" PRIu32
			       " acknowledged %" PRIu64 " found %" PRIu64 "\n",
			       n, slot, wanted, found);
	}
	return lost;
}

static bool any_acked(const struct replay *r, uint32_t area)
{
	for (uint32_t slot = 0; slot < RECORD_SLOTS; slot++)
		if (r->acked[area][slot])
			return true;
	return false;
}

/* The fabric after the cut, by the library's own eyes. */
static int check_fabric(struct replay *r, const char *path, uint64_t *lost)
{
	struct fam *fam;
	int ret = fam_open(&fam, path, FAM_OPEN_RDONLY);
	void *area;

	if (ret < 0)
		return ret;
	for (uint32_t n = 0; ret == 0 && n < AREAS; n++) {
		if (!any_acked(r, n))
			continue;
		ret = fam_map(fam, n * RECORD_AREA, RECORD_AREA, &area);
		if (ret == 0) {
			*lost += check_area(r, area, n);
			fam_unmap(fam, area);
		}
	}
	fam_close(fam);
	return ret;
}

static void unmount(const char *at)
{
	/* Whoever lists mounts may look into it at this moment. */
	for (int tries = 0; umount2(at, 0) < 0; tries++) {
		if (errno != EBUSY || tries == 100)
			err(2, "cannot unmount '%s'", at);
		usleep(10000);
	}
}

static int check_image(struct replay *r, int image, uint64_t *lost)
{
	char path[4096 + 256];
	int ret = cut_mount(image, r->mount, r->type);

	if (ret < 0) {
		printf("unreadable: cannot mount: %s\n", strerror(-ret));
		return ret;
	}
	snprintf(path, sizeof(path), "%s/%s", r->mount, r->file);
	ret = check_fabric(r, path, lost);
	if (ret < 0)
		printf("unreadable: %s\n", fam_strerror(ret));
	unmount(r->mount);
	return ret;
}

static void keep_image(const struct replay *r, int image)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", image);
	unlink(r->keep);
	if (linkat(AT_FDCWD, path, AT_FDCWD, r->keep, AT_SYMLINK_FOLLOW) < 0)
		err(2, "cannot keep '%s'", r->keep);
}

static void cut_once(struct replay *r, size_t at, enum cut_model model,
		     uint64_t subset)
{
	_cleanup_close_ int image = cut_at(&r->disk, at, model, subset);
	uint64_t lost = 0;
	int ret;

	hear_up_to(r, at);
	/* Before the file system repairs itself in it. */
	if (r->keep)
		keep_image(r, image);
	ret = check_image(r, image, &lost);
	r->done++;
	r->lost += lost;
	r->unreadable += ret < 0;
	if (lost == 0 && ret == 0)
		return;
	r->bad++;
	printf("bad: %" PRIu64 " lost; again by: fam-replay --fs %s --file %s "
	       "--at %zu --model %s --subset %" PRIu64 " %s\n",
	       lost, r->type, r->file, at, cut_model_names[model], subset,
	       r->dir);
}

static int by_number(const void *a, const void *b)
{
	const size_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

/* Every second one right behind an acknowledgement, where it is most at risk. */
static size_t choose(const struct tape *tape, size_t first, uint64_t *random)
{
	size_t at = first + record_random(random) % (tape->entries - first);
	bool behind_ack = record_random(random) & 1;

	while (behind_ack && tape_entry(tape, at)->type != TAPE_MARK)
		at--;
	return at;
}

static size_t first_mark(const struct tape *tape)
{
	for (size_t i = 0; i < tape->entries; i++)
		if (tape_entry(tape, i)->type == TAPE_MARK)
			return i;
	errx(2, "nothing was acknowledged on the tape");
}

/* Behind a silence; @at has room for all marks. Returns how many there are. */
static size_t choose_late(const struct replay *r, size_t *at)
{
	size_t last[AREAS] = {0}, count = 0;
	struct ack ack;

	for (size_t i = 0; r->silence && i < r->disk.tape.entries; i++) {
		if (!read_ack(&r->disk.tape, i, &ack))
			continue;
		if (last[ack.area] && i - last[ack.area] >= r->silence)
			at[count++] = i;
		last[ack.area] = i;
	}
	return count;
}

static void cut_many(struct replay *r)
{
	size_t first = first_mark(&r->disk.tape), count = r->cuts;
	_cleanup_free_ size_t *at =
		calloc(r->cuts + r->disk.tape.entries, sizeof(*at));
	uint64_t random = r->seed;

	if (!at)
		errx(2, "out of memory");
	for (size_t i = 0; i < r->cuts; i++)
		at[i] = choose(&r->disk.tape, first, &random);
	count += choose_late(r, at + count);
	/* The disk is played once, forwards. */
	qsort(at, count, sizeof(*at), by_number);
	for (size_t i = 0; i < count; i++)
		for (int m = 0; m < CUT_MODELS; m++)
			if (r->model < 0 || r->model == m)
				cut_once(r, at[i], (enum cut_model)m,
					 record_random(&random));
}

/* Mounts of our own, which end with this process however it ends. */
static void enclose(struct replay *r)
{
	if (unshare(CLONE_NEWNS) < 0 ||
	    mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		err(2, "cannot have mounts of its own");
	snprintf(r->mount, sizeof(r->mount), "%s/cut", r->dir);
	if (mkdir(r->mount, 0700) < 0 && errno != EEXIST)
		err(2, "cannot make '%s'", r->mount);
}

static int model_of(const char *name)
{
	for (int i = 0; i < CUT_MODELS; i++)
		if (strcmp(name, cut_model_names[i]) == 0)
			return i;
	errx(2, "no such model: '%s'", name);
}

static const struct option options[] = {
	{"file", required_argument, NULL, 'f'},
	{"fs", required_argument, NULL, 't'},
	{"cuts", required_argument, NULL, 'c'},
	{"seed", required_argument, NULL, 's'},
	{"silence", required_argument, NULL, 'l'},
	{"at", required_argument, NULL, 'a'},
	{"model", required_argument, NULL, 'm'},
	{"subset", required_argument, NULL, 'u'},
	{"keep", required_argument, NULL, 'k'},
	{NULL, 0, NULL, 0},
};

static void take_option(struct replay *r, int opt, const char *arg)
{
	switch (opt) {
	case 'f':
		r->file = arg;
		break;
	case 't':
		r->type = arg;
		break;
	case 'c':
		r->cuts = strtoull(arg, NULL, 10);
		break;
	case 's':
		r->seed = strtoull(arg, NULL, 10);
		break;
	case 'l':
		r->silence = strtoull(arg, NULL, 10);
		break;
	case 'a':
		r->at = strcmp(arg, "end") == 0 ? INT64_MAX
						: strtoll(arg, NULL, 10);
		break;
	case 'm':
		r->model = model_of(arg);
		break;
	case 'u':
		r->subset = strtoull(arg, NULL, 10);
		break;
	case 'k':
		r->keep = arg;
		break;
	default:
		errx(2, "usage: fam-replay [OPTION...] DIR");
	}
}

int main(int argc, char **argv)
{
	static struct replay r = {.file = "f.fam",
				  .type = "ext4",
				  .cuts = 20,
				  .at = -1,
				  .model = -1,
				  .seed = 1};
	int opt;

	setlinebuf(stdout);
	while ((opt = getopt_long(argc, argv, "", options, NULL)) != -1)
		take_option(&r, opt, optarg);
	if (optind + 1 != argc)
		errx(2, "usage: fam-replay [OPTION...] DIR");
	r.dir = argv[optind];
	cut_open(&r.disk, r.dir);
	enclose(&r);
	if (r.at == INT64_MAX)
		r.at = (int64_t)r.disk.tape.entries - 1;
	if (r.at < 0)
		cut_many(&r);
	else if ((size_t)r.at < r.disk.tape.entries)
		cut_once(&r, (size_t)r.at,
			 r.model < 0 ? CUT_NONE : (enum cut_model)r.model,
			 r.subset);
	else
		errx(2, "the tape has %zu entries", r.disk.tape.entries);
	rmdir(r.mount);
	printf("cuts %" PRIu64 " bad %" PRIu64 " acks %" PRIu64 " lost %" PRIu64
	       " unreadable %" PRIu64 "\n",
	       r.done, r.bad, r.acks, r.lost, r.unreadable);
	return r.bad ? 1 : 0;
}
