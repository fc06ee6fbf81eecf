// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/loop.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include "cut.h"
#include "record.h"
#include "util/cleanup.h"
#include "util/fdio.h"

const char *const cut_model_names[CUT_MODELS] = {"none", "all", "random"};

/* Private: what is changed in it stays here. */
static char *map_file(int dir, const char *name, size_t *length)
{
	_cleanup_close_ int fd = openat(dir, name, O_RDONLY | O_CLOEXEC);
	struct stat st;
	void *p;

	if (fd < 0 || fstat(fd, &st) < 0)
		err(2, "cannot open the recorded '%s'", name);
	if (st.st_size == 0)
		errx(2, "nothing was recorded on '%s'", name);
	*length = (size_t)st.st_size;
	p = mmap(NULL, *length, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
	if (p == MAP_FAILED)
		err(2, "cannot map the recorded '%s'", name);
	return p;
}

static void index_tape(struct tape *tape)
{
	size_t room = 0, at = 0;

	while (at < tape->length) {
		const struct tape_entry *e = (const void *)(tape->bytes + at);
		size_t whole;

		if (tape->length - at < sizeof(*e) || e->magic != TAPE_MAGIC)
			errx(2, "the tape is damaged at byte %zu", at);
		whole = sizeof(*e) + e->length;
		if (tape->length - at < whole)
			return; /* the disk was killed within this entry */
		if (tape->entries == room) {
			room = room ? room * 2 : 1024;
			tape->start = realloc(tape->start,
					      room * sizeof(tape->start[0]));
			if (!tape->start)
				errx(2, "out of memory");
		}
		tape->start[tape->entries++] = at;
		at += whole;
	}
}

void cut_open(struct cut_disk *disk, const char *path)
{
	size_t size;

	*disk = (struct cut_disk){0};
	disk->dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (disk->dir < 0)
		err(2, "cannot open '%s'", path);
	disk->durable = map_file(disk->dir, TAPE_BASE, &size);
	disk->size = size;
	disk->tape.bytes = map_file(disk->dir, TAPE_FILE, &disk->tape.length);
	index_tape(&disk->tape);
}

/* Brings `durable` up to the last flush at or before an entry. */
static void advance(struct cut_disk *disk, size_t at)
{
	uint64_t covered = disk->applied;

	for (size_t i = disk->next; i <= at; i++)
		if (tape_entry(&disk->tape, i)->type == TAPE_FLUSH &&
		    tape_entry(&disk->tape, i)->upto > covered)
			covered = tape_entry(&disk->tape, i)->upto;
	for (; disk->applied < covered; disk->next++) {
		const struct tape_entry *e =
			tape_entry(&disk->tape, disk->next);

		if (e->type != TAPE_WRITE)
			continue;
		memcpy(disk->durable + e->offset, tape_bytes(e), e->length);
		disk->applied++;
	}
}

/* A disk is mostly zeros, which need no space. */
static int write_sparse(int fd, const char *data, uint64_t size)
{
	static const char zeros[65536];
	int r = ftruncate(fd, (off_t)size) < 0 ? -errno : 0;

	for (uint64_t at = 0; r == 0 && at < size; at += sizeof(zeros)) {
		size_t len =
			size - at < sizeof(zeros) ? size - at : sizeof(zeros);

		if (memcmp(data + at, zeros, len) != 0)
			r = fdio_pwrite(fd, data + at, len, at);
	}
	return r;
}

static int write_some(int fd, const struct tape_entry *e, uint64_t *random,
		      unsigned int of_8)
{
	int r = 0;

	for (uint64_t at = 0; r == 0 && at < e->length; at += TAPE_SECTOR)
		if (record_random(random) % 8 < of_8)
			r = fdio_pwrite(fd, tape_bytes(e) + at, TAPE_SECTOR,
					e->offset + at);
	return r;
}

/* The writes no flush was answered for. */
static int write_rest(struct cut_disk *disk, int fd, size_t at,
		      enum cut_model model, uint64_t seed)
{
	uint64_t random = seed;
	/* Few, half or most of the sectors. */
	unsigned int of_8 = (unsigned int)(record_random(&random) % 3) * 3 + 1;
	int r = 0;

	for (size_t i = disk->next; r == 0 && model != CUT_NONE && i <= at;
	     i++) {
		const struct tape_entry *e = tape_entry(&disk->tape, i);

		if (e->type != TAPE_WRITE)
			continue;
		if (model == CUT_ALL)
			r = fdio_pwrite(fd, tape_bytes(e), e->length,
					e->offset);
		else
			r = write_some(fd, e, &random, of_8);
	}
	return r;
}

int cut_at(struct cut_disk *disk, size_t at, enum cut_model model,
	   uint64_t seed)
{
	int fd, r;

	advance(disk, at);
	fd = openat(disk->dir, ".", O_RDWR | O_TMPFILE | O_CLOEXEC, 0600);
	if (fd < 0)
		err(2, "cannot make an image");
	r = write_sparse(fd, disk->durable, disk->size);
	if (r == 0)
		r = write_rest(disk, fd, at, model, seed);
	if (r < 0)
		errx(2, "cannot write an image: %s", strerror(-r));
	return fd;
}

/* Somebody else may take the free device first. */
static int attach_loop(int image, char path[32])
{
	_cleanup_close_ int control =
		open("/dev/loop-control", O_RDWR | O_CLOEXEC);
	struct loop_config config = {.fd = (uint32_t)image,
				     .info.lo_flags = LO_FLAGS_AUTOCLEAR};

	for (int tries = 0; control >= 0 && tries < 50; tries++) {
		int number = ioctl(control, LOOP_CTL_GET_FREE), fd;

		if (number < 0)
			break;
		snprintf(path, 32, "/dev/loop%d", number);
		fd = open(path, O_RDWR | O_CLOEXEC);
		if (fd >= 0 && ioctl(fd, LOOP_CONFIGURE, &config) == 0)
			return fd;
		if (fd >= 0)
			close(fd);
		if (errno != EBUSY && errno != ENXIO)
			break;
	}
	return -errno;
}

int cut_mount(int image, const char *at, const char *type)
{
	char path[32];
	/* Gives the device back when neither this nor a mount has it open. */
	_cleanup_close_ int loop = attach_loop(image, path);

	if (loop < 0)
		err(2, "cannot get a loop device");
	/* The recorded one, of the same name, may still be mounted. */
	return mount(path, at, type, MS_NOATIME,
		     strcmp(type, "xfs") == 0 ? "nouuid" : NULL) < 0
		       ? -errno
		       : 0;
}
