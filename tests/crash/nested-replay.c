// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
/*
 * Makes what a cut of the power would have left of a recorded disk: tape.h.
 *
 * usage: nested-replay TAPE IMAGE ACKS SEED none|all|some
 * SEED chooses the moment, after the first acknowledgement. IMAGE, a copy of the
 * disk as it was when the tape began, becomes what was flushed by then and none,
 * all or some of the sectors written later; ACKS gets the lines said by then.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tape.h"
#include "util/cleanup.h"

struct tape {
	const uint8_t *data;
	size_t size;
	uint64_t entries, first_mark;
};

struct cut {
	uint64_t entry;	  /* the last one that happened */
	uint64_t flushed; /* so many writes were */
	uint64_t random;
	char model; /* n, a, s */
	int image, acks;
};

/* SplitMix64. */
static uint64_t next_random(struct cut *cut)
{
	uint64_t z = cut->random += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return z ^ z >> 31;
}

/* The entry at *@at, which moves behind it; false: the tape ends here. */
static bool next_entry(const struct tape *tape, size_t *at,
		       struct tape_entry *e, const uint8_t **data)
{
	if (tape->size - *at < sizeof(*e))
		return false;
	memcpy(e, tape->data + *at, sizeof(*e));
	if (e->magic != TAPE_MAGIC || e->length > tape->size - *at - sizeof(*e))
		return false;
	*data = tape->data + *at + sizeof(*e);
	*at += sizeof(*e) + e->length;
	return true;
}

static int tape_open(struct tape *tape, const char *path)
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct tape_entry e;
	const uint8_t *data;
	size_t at = 0;
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		return -errno;
	tape->size = (size_t)st.st_size;
	tape->data = mmap(NULL, tape->size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (tape->data == MAP_FAILED)
		return -errno;
	tape->first_mark = UINT64_MAX;
	for (; next_entry(tape, &at, &e, &data); tape->entries++) {
		if (e.type == TAPE_MARK && tape->first_mark == UINT64_MAX)
			tape->first_mark = tape->entries;
	}
	return tape->first_mark < tape->entries ? 0 : -ENODATA;
}

static void choose_moment(struct cut *cut, const struct tape *tape)
{
	struct tape_entry e;
	uint64_t span = tape->entries - tape->first_mark;
	const uint8_t *data;
	size_t at = 0;

	cut->entry = tape->first_mark;
	if (span > 0)
		cut->entry += next_random(cut) % span;
	for (uint64_t i = 0; i <= cut->entry; i++) {
		if (next_entry(tape, &at, &e, &data) && e.type == TAPE_FLUSH)
			cut->flushed = e.upto;
	}
}

static int write_sectors(struct cut *cut, const struct tape_entry *e,
			 const uint8_t *data, bool whole)
{
	for (size_t at = 0; at < e->length; at += TAPE_SECTOR) {
		size_t left = e->length - at;
		size_t len = left < TAPE_SECTOR ? left : TAPE_SECTOR;

		if (!whole && next_random(cut) % 2)
			continue;
		if (pwrite(cut->image, data + at, len,
			   (off_t)(e->offset + at)) != (ssize_t)len)
			return -EIO;
	}
	return 0;
}

static int replay(struct cut *cut, const struct tape *tape)
{
	struct tape_entry e;
	const uint8_t *data;
	uint64_t writes = 0;
	size_t at = 0;
	int r = 0;

	for (uint64_t i = 0; r == 0 && i <= cut->entry; i++) {
		bool sure;

		if (!next_entry(tape, &at, &e, &data))
			return -EBADMSG;
		if (e.type == TAPE_MARK &&
		    dprintf(cut->acks, "%.*s\n", (int)e.length, data) < 0)
			return -EIO;
		if (e.type != TAPE_WRITE)
			continue;
		sure = writes++ < cut->flushed;
		if (sure || cut->model != 'n')
			r = write_sectors(cut, &e, data,
					  sure || cut->model == 'a');
	}
	return r;
}

static int fail(const char *what, int error)
{
	fprintf(stderr, "nested-replay: '%s': %s\n", what, strerror(-error));
	return 2;
}

int main(int argc, char **argv)
{
	int flags = O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC;
	struct tape tape = {0};
	struct cut cut = {0};
	int r;

	if (argc != 6)
		return fail("TAPE IMAGE ACKS SEED MODEL", -EINVAL);
	cut.random = strtoull(argv[4], NULL, 10);
	cut.model = argv[5][0];
	r = tape_open(&tape, argv[1]);
	if (r < 0)
		return fail(argv[1], r);
	cut.image = open(argv[2], O_RDWR | O_CLOEXEC);
	cut.acks = open(argv[3], flags, 0600);
	if (cut.image < 0 || cut.acks < 0)
		return fail(argv[2], -errno);
	choose_moment(&cut, &tape);
	r = replay(&cut, &tape);
	if (r < 0)
		return fail(argv[1], r);
	printf("entry %llu of %llu, ", (unsigned long long)cut.entry,
	       (unsigned long long)tape.entries);
	return 0;
}
