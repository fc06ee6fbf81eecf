// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "fam-input.h"
#include "fam-region-tool.h"

/*
 * A file becomes a region: its bytes go into one of another name, which is open
 * all the while, and is renamed when all of them are there, and durable. So
 * others see the region of before, or all of the new one. What a put that was
 * killed has left is open to nobody, and is removed by the next one.
 */
#define TEMPORARY ".put/"

#define PEEK \
	(2u << 20) /* bytes read before it is known how much room they need */

struct put {
	const struct options *options;
	struct fam *fam;
	const char *name;
	struct input input;
	struct fam_region_info old; /* what is replaced; serial 0: nothing */
	char temporary[32];
	struct fam_region *region;
	uint64_t bytes, room; /* in it now, and its size */
};

/* --- the region ------------------------------------------------------------------- */

/* Of puts that were killed; those of others, or under way, cannot be. */
static int remove_left(const struct fam_region_info *info, void *arg)
{
	const struct put *put = arg;

	(void)fam_region_destroy(put->fam, info->name, FAM_REGION_NO_SYNC);
	return peer_stopped();
}

static int create_temporary(struct put *put, uint64_t bytes)
{
	struct fam_region_want want = {
		.bytes = bytes,
		.mode = put->old.mode,
		.type = put->old.type,
		.flags = FAM_REGION_WRITE | FAM_REGION_NO_SYNC |
			 FAM_REGION_NO_ZERO,
	};
	uint64_t random;
	int r;

	do {
		if (getrandom(&random, sizeof(random), 0) != sizeof(random))
			return -errno;
		snprintf(put->temporary, sizeof(put->temporary),
			 TEMPORARY "%016" PRIx64, random);
		r = fam_region_create(put->fam, put->temporary, &want,
				      &put->region);
	} while (r == -EEXIST);
	put->room = bytes;
	return r;
}

/* As much again as there is, if there is room for it; else what is needed. */
static int grow(struct put *put, uint64_t needed)
{
	uint64_t more = put->room > needed ? put->room : needed;
	int r;

	for (;;) {
		r = fam_region_resize(put->region, put->room + more,
				      FAM_REGION_NO_SYNC | FAM_REGION_NO_ZERO);
		if (r == 0)
			put->room += more;
		if (r != -ENOSPC || more == needed)
			return r;
		more = more / 2 > needed ? more / 2 : needed;
	}
}

/* A window of the region, from @at on. */
static int map_window(const struct put *put, uint64_t at, uint64_t end,
		      void **out, size_t *bytes)
{
	uint64_t left = end - at;

	*bytes = left < WINDOW_BYTES ? left : WINDOW_BYTES;
	return fam_region_map(put->region, at, *bytes, out);
}

/* Up to the end of the room, or of the file; 1 while there may be more. */
static int fill_window(struct put *put)
{
	size_t bytes, done = 0;
	ssize_t n = 1;
	void *window;
	int r = map_window(put, put->bytes, put->room, &window, &bytes);

	if (r < 0)
		return r;
	while (done < bytes && n > 0 && !peer_stopped()) {
		n = input_read(&put->input, (char *)window + done,
			       bytes - done);
		if (n > 0)
			done += (size_t)n;
	}
	r = n < 0 ? (int)n : n > 0;
	fam_region_unmap(put->region, window);
	put->bytes += done;
	return peer_stopped() ? -EINTR : r;
}

/* All of the file is to be in the region, which is to have its size. */
static int fill(struct put *put)
{
	int64_t more;
	int r;

	for (;;) {
		while (put->bytes < put->room) {
			r = fill_window(put);
			if (r < 0)
				return r;
			if (r == 0)
				return fam_region_resize(put->region,
							 put->bytes,
							 FAM_REGION_NO_SYNC);
		}
		more = input_peek(&put->input, PEEK);
		if (more <= 0)
			return (int)more;
		r = grow(put, (uint64_t)more);
		if (r < 0)
			return r;
	}
}

static int persist(const struct put *put)
{
	size_t bytes;

	for (uint64_t at = 0; at < put->bytes; at += bytes) {
		void *window;
		int r = map_window(put, at, put->bytes, &window, &bytes);

		if (r < 0)
			return r;
		r = fam_persist(put->fam, window, bytes);
		fam_region_unmap(put->region, window);
		if (r < 0)
			return r;
		if (peer_stopped())
			return -EINTR;
	}
	return 0;
}

/* The new one has the rights of what it replaces. */
static int keep_rights(const struct put *put)
{
	const struct fam_region_rights rights = {
		.mode = put->old.mode,
		.uid = put->old.uid,
		.gid = put->old.gid,
	};

	/* Mode 0 cannot be asked for when it is created. */
	if (put->old.serial == 0 ||
	    (rights.uid == geteuid() && rights.gid == getegid() && rights.mode))
		return 0;
	return fam_region_set(put->fam, put->temporary, &rights,
			      FAM_REGION_NO_SYNC);
}

static int rename_it(const struct put *put)
{
	uint32_t flags = region_flags(put->options) |
			 (put->options->replace ? FAM_REGION_REPLACE : 0);
	unsigned int waited = 0;
	int r;

	do {
		r = fam_region_rename(put->fam, put->temporary, put->name,
				      flags);
	} while (region_patiently(r, &waited));
	return r;
}

static int store(struct put *put)
{
	uint64_t bytes = input_expects(&put->input);
	int64_t r = 0;

	if (bytes == 0) {
		r = input_peek(&put->input, PEEK);
		bytes = r > 0 ? (uint64_t)r : 0;
	}
	if (r >= 0)
		r = create_temporary(put, bytes);
	if (r >= 0)
		r = fill(put);
	if (r >= 0 && !put->options->no_sync)
		r = persist(put);
	if (r >= 0)
		r = keep_rights(put);
	return r < 0 ? (int)r : rename_it(put);
}

/* It was cut short: nothing is to be left. */
static void give_up(struct put *put)
{
	int r, tries = 0;

	fam_region_close(put->region);
	put->region = NULL;
	/* A signal may have come, and be what ends this. */
	do {
		r = fam_region_destroy(put->fam, put->temporary,
				       FAM_REGION_NO_SYNC);
	} while (r == -EINTR && ++tries < 10);
}

/* --- the command ------------------------------------------------------------------ */

/* What is there already; 0, or a negative errno. */
static int look_at_old(struct put *put)
{
	int r = fam_region_find(put->fam, put->name, &put->old,
				sizeof(put->old));
	uint32_t mode = 0;

	if (r == 0 && !put->options->replace)
		return -EEXIST;
	if (r < 0 && r != -ENOENT)
		return r;
	if (r < 0)
		put->old = (struct fam_region_info){0};
	if (put->options->mode && region_mode(put->options->mode, &mode) == 0)
		put->old.mode = mode;
	return 0;
}

static int put_file(struct put *put)
{
	int r = look_at_old(put);

	if (r == 0) {
		/* If it cannot be done now, the next one does it. */
		(void)fam_region_each(put->fam, TEMPORARY, remove_left, put);
		r = store(put);
		if (r < 0 && put->region)
			give_up(put);
	}
	fam_region_close(put->region);
	/* EFAULT is about where it was to go. */
	if (put->input.error && put->input.error != EINTR &&
	    put->input.error != EFAULT)
		return say_input_failure(&put->input);
	if (r < 0)
		return say_region_failure(put->options, put->fam, "store",
					  put->name, r);
	r = region_tell(put->options, put->fam, put->name);
	if (put->options->json)
		putchar('\n');
	return r;
}

int cmd_put(const struct options *options)
{
	struct put put = {.options = options, .name = options->words[0]};
	uint32_t mode = 1;
	int status;

	if (options->mode && region_mode(options->mode, &mode))
		return EXIT_USAGE;
	if (mode == 0)
		return say_usage("a region of mode 0 is of no use: see "
				 "'fam chmod'");
	status = input_open(&put.input, options, options->operand);
	if (status == EXIT_DONE)
		status = regions_change(options, &put.fam);
	if (status == EXIT_DONE)
		status = peer_close(put.fam, put_file(&put));
	input_close(&put.input);
	return status;
}
