// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
/*
 * How an object comes to be: zeroed, filled in, made durable, all without the
 * directory's lock, while its word keeps others away.
 */
#include <string.h>

#include "fam-directory.h"

/* What is zero already stays untouched: it may be a hole of a sparse file. */
static void zero(char *memory, uint64_t bytes)
{
	static const char zeros[FAM_OBJECTS_PAGE];

	while (bytes) {
		size_t n =
			bytes < sizeof(zeros) ? (size_t)bytes : sizeof(zeros);

		if (memcmp(memory, zeros, n) != 0)
			memset(memory, 0, n);
		memory += n;
		bytes -= n;
	}
}

/* --- durable --------------------------------------------------------------------- */

int fam_object_word_persist(struct fam *fam, const struct fam_directory *d)
{
	return fam_persist(fam, d->area, d->places.entry);
}

static int persist_content(struct fam *fam, const struct fam_directory *d,
			   const struct fam_found *found)
{
	const struct fam_objects_entry *entry = &found->entry;
	int r = fam_persist_async(fam, fam_directory_memory(d, entry),
				  entry->bytes, NULL);

	if (r < 0)
		return r;
	return fam_persist(fam, fam_directory_entry(d, found->index),
			   sizeof(*entry));
}

/* fam_persist() speaks for its own range only: so both are waited for. */
static int persist_all(struct fam *fam, const struct fam_directory *d,
		       const struct fam_found *found)
{
	int r = persist_content(fam, d, found), waited;

	waited = fam_wait(fam, FAM_TICKET_ALL, -1);
	while (waited == -EINTR)
		waited = fam_wait(fam, FAM_TICKET_ALL, -1);
	return r < 0 ? r : waited;
}

int fam_object_harden(struct fam *fam, const struct fam_directory *d,
		      const struct fam_found *found)
{
	struct fam_objects_entry *entry = fam_directory_entry(d, found->index);
	uint64_t had = fam_word_set(&entry->flags, FAM_OBJECTS_DURABLE);
	int r;

	if (had & FAM_OBJECTS_HARD)
		return 0;
	r = persist_all(fam, d, found);
	if (r == 0)
		r = fam_object_word_persist(fam, d);
	if (r == 0)
		fam_word_set(&entry->flags, FAM_OBJECTS_HARD);
	else if (!(had & FAM_OBJECTS_DURABLE))
		fam_word_clear(&entry->flags, FAM_OBJECTS_DURABLE);
	return r;
}

/* --- from MAKING or MENDING to READY ---------------------------------------------- */

static int step(struct fam *fam, const struct fam_directory *d,
		const struct fam_found *found, uint64_t to)
{
	fam_word *word = fam_directory_word(d, found->index);

	if (!fam_word_step(word, found->word, to))
		return -ESTALE;
	fam_unpark(fam, word, UINT32_MAX);
	return 0;
}

static bool is_durable(const struct fam_found *found)
{
	return fam_word_peek(&found->entry.flags) & FAM_OBJECTS_DURABLE;
}

static int fill_in(struct fam *fam, const struct fam_directory *d,
		   const struct fam_object_want *want,
		   const struct fam_found *made)
{
	void *memory = fam_directory_memory(d, &made->entry);
	uint64_t bytes = made->entry.bytes;
	int r = 0;

	zero(memory, bytes);
	if (want->make)
		r = want->make(fam, memory, bytes, want->arg);
	if (r == 0 && is_durable(made))
		r = persist_all(fam, d, made);
	return r;
}

int fam_object_make(struct fam *fam, const struct fam_directory *d,
		    const struct fam_object_want *want,
		    const struct fam_found *made)
{
	struct fam_objects_entry *entry = fam_directory_entry(d, made->index);
	int r = fill_in(fam, d, want, made);

	if (r) {
		/* or somebody has taken it over, as from the dead */
		(void)step(fam, d, made, 0);
		return r;
	}
	r = step(fam, d, made,
		 fam_object_ready_word(made->entry.name, made->entry.serial));
	if (r < 0 || !is_durable(made))
		return r;
	r = fam_object_word_persist(fam, d);
	if (r == 0)
		fam_word_set(&entry->flags, FAM_OBJECTS_HARD);
	return r;
}

int fam_object_mend(struct fam *fam, const struct fam_directory *d,
		    const struct fam_object_want *want,
		    const struct fam_found *found)
{
	struct fam_objects_entry *entry = fam_directory_entry(d, found->index);
	uint64_t boot = fam_directory_boot(fam);
	int stepped;
	int r = want->mend(fam, fam_directory_memory(d, &found->entry),
			   found->entry.bytes, want->arg);

	if (r == 0 && is_durable(found))
		r = persist_all(fam, d, found);
	if (r == 0)
		fam_word_put(&entry->boot, boot);
	stepped = step(
		fam, d, found,
		fam_object_ready_word(found->entry.name, found->entry.serial));
	return r ? r : stepped;
}
