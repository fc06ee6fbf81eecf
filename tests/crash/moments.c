// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
#include "moments.h"

#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <inttypes.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fam-sessions.h>

#include "record.h"
#include "util/cleanup.h"

#define FABRIC	 "f.fam"
#define NEW_BOOT 2 /* of the host, behind the cut: any but the real one */

struct moments {
	const struct moments_judge *judge;
	const char *type, *dir;
	uint64_t cuts, seed, subset;
	int64_t at;
	int model; /* -1: all */
	struct cut_disk disk;
	char mount[4096];
	size_t heard; /* entries of the tape */
	uint64_t made, bad, acks, lost, unreadable;
};

static void hear(struct moments *r, const struct tape_entry *e)
{
	char line[128];

	if (e->type != TAPE_MARK)
		return;
	snprintf(line, sizeof(line), "%.*s", (int)e->length, tape_bytes(e));
	r->judge->hear(r->judge->arg, line);
}

/* --- the host, started anew ---------------------------------------------------------- */

static struct fam_sessions *map_sessions(const char *path)
{
	_cleanup_close_ int fd = open(path, O_RDWR | O_CLOEXEC);
	struct fam_sessions *table =
		mmap(NULL, FAM_SESSIONS_BYTES, PROT_READ | PROT_WRITE,
		     MAP_SHARED, fd, FAM_SESSIONS_OFFSET);

	if (table == MAP_FAILED)
		err(2, "cannot map the sessions of '%s'", path);
	return table;
}

static int check_fabric(struct moments *r, const char *path, uint64_t *wrong)
{
	struct fam_sessions *table = map_sessions(path);
	struct fam *fam;
	int ret;

	/* Their leases have passed. */
	for (unsigned int i = 0; i < FAM_SESSIONS_SLOTS; i++)
		fam_sessions_kill(table, i, table->word[i],
				  FAM_SESSION_EXPIRED);
	ret = fam_open(&fam, path, 0);
	if (ret == 0) {
		atomic_store(&table->boot, NEW_BOOT);
		ret = r->judge->check(r->judge->arg, fam, &r->acks, wrong);
		fam_close(fam);
	}
	munmap(table, FAM_SESSIONS_BYTES);
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

static void cut_once(struct moments *r, size_t at, enum cut_model model,
		     uint64_t subset)
{
	_cleanup_close_ int image = cut_at(&r->disk, at, model, subset);
	char path[4096 + 16];
	uint64_t wrong = 0;
	int ret;

	for (; r->heard <= at; r->heard++)
		hear(r, tape_entry(&r->disk.tape, r->heard));
	ret = cut_mount(image, r->mount, r->type);
	if (ret == 0) {
		snprintf(path, sizeof(path), "%s/" FABRIC, r->mount);
		ret = check_fabric(r, path, &wrong);
		unmount(r->mount);
	}
	r->made++;
	r->lost += wrong;
	r->unreadable += ret < 0;
	r->bad += wrong || ret < 0;
	if (wrong || ret < 0)
		printf("bad: %s; again by: %s --fs %s --at %zu "
		       "--model %d --subset %" PRIu64 " %s\n",
		       ret < 0 ? fam_strerror(ret) : "see above",
		       r->judge->program, r->type, at, (int)model, subset,
		       r->dir);
}

/* --- moments ----------------------------------------------------------------------- */

static int by_number(const void *a, const void *b)
{
	const size_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

/* Every second one right behind a line, where it is most at risk. */
static void cut_many(struct moments *r)
{
	const struct tape *tape = &r->disk.tape;
	_cleanup_free_ size_t *at = calloc(r->cuts, sizeof(*at));
	uint64_t random = r->seed;
	size_t first = 0;

	while (first < tape->entries &&
	       tape_entry(tape, first)->type != TAPE_MARK)
		first++;
	if (!at || first == tape->entries)
		errx(2, "nothing was said on the tape");
	for (size_t i = 0; i < r->cuts; i++) {
		at[i] = first +
			record_random(&random) % (tape->entries - first);
		while (i % 2 && tape_entry(tape, at[i])->type != TAPE_MARK)
			at[i]--;
	}
	/* The disk is played once, forwards. */
	qsort(at, r->cuts, sizeof(*at), by_number);
	for (size_t i = 0; i < r->cuts; i++) {
		for (int m = 0; m < CUT_MODELS; m++)
			cut_once(r, at[i], (enum cut_model)m,
				 record_random(&random));
	}
}

/* Mounts of our own, which end with this process however it ends. */
static void enclose(struct moments *r)
{
	if (unshare(CLONE_NEWNS) < 0 ||
	    mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		err(2, "cannot have mounts of its own");
	snprintf(r->mount, sizeof(r->mount), "%s/cut", r->dir);
	if (mkdir(r->mount, 0700) < 0 && errno != EEXIST)
		err(2, "cannot make '%s'", r->mount);
}

static const struct option options[] = {
	{"fs", required_argument, NULL, 't'},
	{"cuts", required_argument, NULL, 'c'},
	{"seed", required_argument, NULL, 's'},
	{"at", required_argument, NULL, 'a'},
	{"model", required_argument, NULL, 'm'},
	{"subset", required_argument, NULL, 'u'},
	{NULL, 0, NULL, 0},
};

static void take_option(struct moments *r, int opt, const char *arg)
{
	switch (opt) {
	case 't':
		r->type = arg;
		break;
	case 'c':
		r->cuts = strtoull(arg, NULL, 10);
		break;
	case 's':
		r->seed = strtoull(arg, NULL, 10);
		break;
	case 'a':
		r->at = strtoll(arg, NULL, 10);
		break;
	case 'm':
		r->model = atoi(arg);
		break;
	case 'u':
		r->subset = strtoull(arg, NULL, 10);
		break;
	default:
		errx(2, "usage: %s [OPTION...] DIR", r->judge->program);
	}
}

int moments_main(int argc, char **argv, const struct moments_judge *judge)
{
	static struct moments r = {
		.type = "ext4", .cuts = 20, .seed = 1, .at = -1};
	int opt;

	r.judge = judge;
	setlinebuf(stdout);
	while ((opt = getopt_long(argc, argv, "", options, NULL)) != -1)
		take_option(&r, opt, optarg);
	if (optind + 1 != argc)
		errx(2, "usage: %s [OPTION...] DIR", judge->program);
	r.dir = argv[optind];
	cut_open(&r.disk, r.dir);
	enclose(&r);
	if (r.at < 0)
		cut_many(&r);
	else if ((size_t)r.at < r.disk.tape.entries)
		cut_once(&r, (size_t)r.at, (enum cut_model)r.model, r.subset);
	else
		errx(2, "the tape has %zu entries", r.disk.tape.entries);
	rmdir(r.mount);
	printf("cuts %" PRIu64 " bad %" PRIu64 " acks %" PRIu64 " lost %" PRIu64
	       " unreadable %" PRIu64 "\n",
	       r.made, r.bad, r.acks, r.lost, r.unreadable);
	return r.bad ? 1 : 0;
}
