// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include <fam-objects.h>

#include "out.h"
#include "regions.h"
#include "util/cleanup.h"
#include "util/fdio.h"

/* Entries and their words as they were read: no lock is needed to look at them. */
struct objects {
	struct fam_objects_places places;
	uint64_t from, to; /* where the objects themselves lie */
	fam_word *word;
	struct fam_objects_entry *entry;
};

static void cleanup_objects(struct objects *o)
{
	free(o->word);
	free(o->entry);
}
#define _cleanup_objects_ __attribute__((cleanup(cleanup_objects)))

static bool object_counts(const struct objects *o, uint32_t i)
{
	const struct fam_objects_entry *e = &o->entry[i];
	uint64_t state = fam_word_peek(&o->word[i]) & FAM_OBJECTS_STATE;

	return (state == FAM_OBJECTS_READY || state == FAM_OBJECTS_MENDING) &&
	       fam_crc32c(0, (const char *)e + 4, 132) == e->crc32c &&
	       memchr(e->name, '\0', sizeof(e->name)) && e->offset >= o->from &&
	       e->offset < o->to && e->bytes <= o->to - e->offset;
}

static void add_object(const struct fam_objects_entry *e, json_t *rows)
{
	json_array_append_new(rows, json_pack("{s:o,s:s,s:I,s:I}", "name",
					      out_json_text(e->name), "type",
					      fam_object_type_name(e->type),
					      "offset", (json_int_t)e->offset,
					      "bytes", (json_int_t)e->bytes));
}

static int read_objects(const struct fabric *fabric, struct objects *o,
			struct err *err)
{
	uint64_t at = fabric->sb.objects_offset;
	size_t words = o->places.entries * sizeof(*o->word);
	size_t entries = o->places.entries * sizeof(*o->entry);
	_cleanup_close_ int fd = -1;
	int ret;

	o->word = calloc(1, words + 1);
	o->entry = calloc(1, entries + 1);
	if (!o->word || !o->entry)
		return err_sys(err, ENOMEM, "cannot read its objects");
	fd = fabric_reopen(fabric, O_RDONLY, err);
	if (fd < 0)
		return fd;
	ret = fdio_pread(fd, o->word, words, at + o->places.word);
	if (ret == 0)
		ret = fdio_pread(fd, o->entry, entries, at + o->places.entry);
	return ret < 0 ? err_sys(err, -ret, "cannot read its objects") : 0;
}

int regions_objects(const struct fabric *fabric, json_t **out, struct err *err)
{
	const struct fam_superblock *sb = &fabric->sb;
	_cleanup_objects_ struct objects o = {
		.places = fam_objects_places(sb->objects_bytes),
		.to = sb->objects_offset + sb->objects_bytes,
	};
	int ret;

	*out = json_array();
	if (!fabric->formatted || !sb->objects_bytes)
		return 0;
	o.from = sb->objects_offset + o.places.memory;
	ret = read_objects(fabric, &o, err);
	if (ret < 0)
		return ret;
	for (uint32_t i = 0; i < o.places.entries; i++) {
		if (object_counts(&o, i))
			add_object(&o.entry[i], *out);
	}
	return 0;
}
