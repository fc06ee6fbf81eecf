/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026, the FAM emulator authors */
#ifndef TESTS_OBJECT_FILE_H
#define TESTS_OBJECT_FILE_H

/*
 * A fabric with named objects, opened, and its directory and sessions as bytes
 * to be looked at and spoilt. After <cmocka.h>, "fabric-file.h".
 */
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <fam-objects.h>
#include <fam/fam.h>

#define OBJECTS_OFFSET (15 * MIB) /* of a fabric of 16 MiB */
#define OBJECTS_BYTES  MIB

struct object_file {
	struct workdir work;
	char *path;
	struct fam *fam;
	struct fam_sessions *sessions;
	char *area;
	struct fam_objects_places places;
};

static inline void *object_file_map(const char *path, uint64_t offset,
				    uint64_t bytes)
{
	int fd = open(path, O_RDWR | O_CLOEXEC);
	void *map = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd,
			 (off_t)offset);

	assert_true(map != MAP_FAILED);
	close(fd);
	return map;
}

static inline int object_file_set_up(struct object_file *f, const char *base)
{
	memset(f, 0, sizeof(*f));
	if (workdir_make(&f->work, base))
		return -1;
	f->path = strdup(fabric_make(&f->work, "objects", 1, NULL));
	f->sessions = object_file_map(f->path, FAM_SESSIONS_OFFSET,
				      FAM_SESSIONS_BYTES);
	f->area = object_file_map(f->path, OBJECTS_OFFSET, OBJECTS_BYTES);
	f->places = fam_objects_places(OBJECTS_BYTES);
	return fam_open(&f->fam, f->path, 0);
}

static inline int object_file_tear_down(struct object_file *f)
{
	fam_close(f->fam);
	munmap(f->sessions, FAM_SESSIONS_BYTES);
	munmap(f->area, OBJECTS_BYTES);
	free(f->path);
	return workdir_remove(&f->work);
}

static inline struct fam_objects_header *
object_file_header(const struct object_file *f)
{
	return (void *)f->area;
}

static inline fam_word *object_file_word(const struct object_file *f,
					 uint32_t index)
{
	return (fam_word *)(void *)(f->area + f->places.word) + index;
}

static inline struct fam_objects_entry *
object_file_entry(const struct object_file *f, uint32_t index)
{
	return (struct fam_objects_entry *)(void *)(f->area + f->places.entry) +
	       index;
}

/* Index of the entry of a name, whatever its word says; -1. */
static inline int object_file_find(const struct object_file *f,
				   const char *name)
{
	for (uint32_t i = 0; i < f->places.entries; i++) {
		if (atomic_load(object_file_word(f, i)) &&
		    strncmp(object_file_entry(f, i)->name, name,
			    FAM_OBJECT_NAME_MAX) == 0)
			return (int)i;
	}
	return -1;
}

/* As if the host had been started anew. */
static inline void object_file_reboot(const struct object_file *f)
{
	atomic_fetch_add(&f->sessions->boot, 1);
}

#endif
