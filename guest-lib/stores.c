// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
/*
 * Do stores to a device's memory have an effect? Where a node has its fabric to
 * read only, the emulator drops them without a word, and nothing that PCI tells
 * of the device differs. So one is made, where it is legal and nobody minds, and
 * looked for.
 */
#include <stdatomic.h>
#include <sys/mman.h>

#include <fam-mailbox.h>
#include <fam-sessions.h>

#include "fam-persist.h"

#define TRIES 8

/* More than all others add to the count of changes between two looks. */
#define OTHERS (UINT64_C(1) << 20)

/*
 * The count of changes rises behind each of them and may rise at any time: whoever
 * sees another one looks at the sessions once more than he needs to. What is
 * added is random, so that what others add meanwhile is not taken for it.
 */
static bool changes_rise(struct fam_sessions *table)
{
	for (int i = 0; i < TRIES; i++) {
		uint64_t own = UINT64_C(1) << 32 | (uint32_t)fam_owner_token();
		uint64_t before = atomic_fetch_add(&table->changes, own);

		if (atomic_load(&table->changes) - before - own < OTHERS)
			return true;
	}
	return false;
}

/* Anybody may hold a slot for a moment. A server that starts takes it away. */
static bool slot_is_held(struct fam_mailbox *box)
{
	bool held = false;

	for (int i = 0; i < TRIES && !held; i++) {
		uint64_t token = fam_owner_token();
		int slot = fam_mailbox_claim(box, token);

		if (slot < 0)
			return true; /* all are taken: it cannot be said */
		held = atomic_load(&box->slot[slot].owner) == token;
		atomic_compare_exchange_strong(&box->slot[slot].owner, &token,
					       0);
	}
	return held;
}

static int try_sessions(const struct fam_source *source,
			const struct fam_superblock *sb)
{
	struct fam_pages pages;
	bool takes;
	int r = fam_source_map_pages(source, sb->sessions_offset,
				     source->page_bytes, &pages);

	if (r < 0)
		return r;
	takes = changes_rise((void *)pages.start);
	munmap(pages.base, pages.bytes);
	return takes ? 0 : -EROFS;
}

static int try_mailbox(const struct fam_source *source,
		       const struct fam_superblock *sb)
{
	struct fam_pages pages;
	bool takes;
	int r = fam_source_map_pages(source, sb->mailbox_offset,
				     sb->mailbox_bytes, &pages);

	if (r < 0)
		return r;
	takes = slot_is_held((void *)pages.start);
	munmap(pages.base, pages.bytes);
	return takes ? 0 : -EROFS;
}

int fam_stores_check(const struct fam_source *source,
		     const struct fam_superblock *sb)
{
	/* The kernel itself refuses to map a file for what it may not be. */
	if (!source->writable || source->via == FAM_VIA_FILE)
		return 0;
	if (sb->feature_compat & FAM_COMPAT_SESSIONS)
		return try_sessions(source, sb);
	if (sb->feature_compat & FAM_COMPAT_MAILBOX)
		return try_mailbox(source, sb);
	return 0;
}
