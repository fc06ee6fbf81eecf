// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
/*
 * Every byte of what a heap keeps of itself is changed, one at a time: the change is
 * told, and made good; or it is one of those that cannot be told
 * (famctl-check-fabric(1)), and then what is in the heap is the same as before,
 * whoever looks at it and whatever is repaired.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "fabric-file.h"

#include "check-file.h"
#include "heap-hurt.h"

#include "heap-check.h"

/* One thread: the sanitizers are slow, and have little to find. */
#if defined(__SANITIZE_THREAD__)
#define FLIP_EACH 37
#elif defined(__SANITIZE_ADDRESS__)
#define FLIP_EACH 7
#else
#define FLIP_EACH 1
#endif
#define USE_EACH 16 /* flips: then it is used, too */

/* --- every byte ----------------------------------------------------------------------- */

/* ELSEWHERE: another place may be blamed. LOST: nothing could tell what it was. */
enum must { TOLD, ELSEWHERE, PERHAPS, LOST };

static void fail_at(uint64_t at, const char *why)
{
	check_file_tell(&t.file);
	fail_msg("byte %#jx of the heap: %s", (uintmax_t)at, why);
}

static void flip_one(uint64_t at, enum must must)
{
	static unsigned int flips;

	t.base[at] ^= at % 5 ? (char)(1u << at % 8) : (char)0xff;
	check(FAM_CHECK_REPAIR);
	if (must == TOLD && !check_file_at(&t.file, t.offset + at))
		fail_at(at, "it was not told");
	if (must == ELSEWHERE && !t.file.problems)
		fail_at(at, "nothing was told");
	for (size_t i = 0; i < t.file.problems && must != LOST; i++) {
		if (!t.file.problem[i].repaired)
			fail_at(at, "something is not repaired");
	}
	if (flips++ % USE_EACH == 0) {
		if (must != LOST)
			check_file_is_clean(&t.file);
		use_it(must != LOST);
		heap_hurt_reboot(&t);
		use_it(must != LOST);
	}
	put_back();
	heap_hurt_live(&t)->boot = check_file_sessions(&t.file)->boot;
}

static void flip_all(uint64_t at, uint64_t bytes, enum must must)
{
	for (uint64_t i = 0; i < bytes; i += FLIP_EACH)
		flip_one(at + i, must);
}

static void every_byte_of_the_headers(void **state)
{
	(void)state;
	flip_all(0, 64, TOLD);
	flip_all(FAM_HEAP_PAGE, 64, TOLD);
}

static void every_byte_of_the_live_page(void **state)
{
	const uint64_t stamp = offsetof(struct fam_heap_live, stamp);
	const uint64_t point = offsetof(struct fam_heap_live, checkpointed);

	(void)state;
	for (uint64_t i = 0; i < 512; i += FLIP_EACH) {
		bool told = (i >= point && i < point + 8) ||
			    (i >= stamp + 5 && i < stamp + 8);

		flip_one(t.at.live + i, told ? TOLD : PERHAPS);
	}
}

static void every_byte_of_the_writers(void **state)
{
	const uint64_t applied = offsetof(struct fam_heap_slot, applied);

	(void)state;
	for (uint32_t i = 0; i < t.at.journals; i++) {
		uint64_t slot = t.at.slot + i * sizeof(struct fam_heap_slot);
		bool used = heap_hurt_slot(&t, i)->tail;

		flip_all(slot, offsetof(struct fam_heap_slot, last), TOLD);
		flip_all(slot + offsetof(struct fam_heap_slot, last), 8,
			 used ? TOLD : PERHAPS);
		flip_all(slot + offsetof(struct fam_heap_slot, doubt), 8, TOLD);
		flip_all(slot + applied, sizeof(struct fam_heap_slot) - applied,
			 PERHAPS);
	}
}

static void every_byte_of_the_state(void **state)
{
	(void)state;
	flip_all(t.at.state, 8, TOLD);
	flip_all(t.at.state + 8, 100, PERHAPS);
	flip_all(t.at.state + offsetof(struct fam_heap_state, root_bytes) + 2,
		 6, TOLD);
}

/* A journal is needed only after a power cut: the checkpoint says for what. */
static void every_byte_of_the_journals(void **state)
{
	uint64_t end = 0;

	(void)state;
	for (uint32_t i = 0; i < t.at.journals; i++) {
		end = heap_hurt_slot(&t, i)->tail;
		for (uint64_t n = 0; n < end + 512; n += 3 * FLIP_EACH)
			flip_one(t.at.journal + i * t.at.journal_bytes + n,
				 PERHAPS);
	}
}

/* Can a changed byte of a kind be told? One class may become another. */
static enum must must_tell(uint64_t chunk, uint64_t byte)
{
	return fam_chunk_kind(*heap_hurt_kind(&t, chunk)) == FAM_CHUNK_BLOCKS &&
			       byte == 1
		       ? LOST
		       : PERHAPS;
}

static void every_byte_of_the_kinds(void **state)
{
	(void)state;
	for (uint64_t i = 0; i < t.at.count * 8; i += FLIP_EACH) {
		enum must must = must_tell(i / 8, i % 8);
		bool is_free = !*heap_hurt_kind(&t, i / 8);

		if (must == PERHAPS && !(is_free && i % 8 < 2))
			must = ELSEWHERE;
		flip_one(t.at.kind + i, must);
	}
	flip_all(t.at.lane, t.at.count, PERHAPS);
	flip_all(t.at.holder, t.at.count * 8, TOLD);
}

static uint32_t blocks_of(uint64_t chunk)
{
	uint64_t kind = *heap_hurt_kind(&t, chunk);

	return fam_chunk_kind(kind) == FAM_CHUNK_BLOCKS
		       ? fam_class_blocks(fam_chunk_class(kind))
		       : 0;
}

/* What means a block may be changed, and nobody can tell. */
static void every_byte_of_the_bitmaps(void **state)
{
	const uint64_t each = 8 * FAM_HEAP_BITS_WORDS;

	(void)state;
	for (uint64_t i = 0; i < t.at.count * each; i += FLIP_EACH) {
		uint32_t blocks = blocks_of(i / each);

		flip_one(t.at.bits + i, i % each * 8 < blocks ? LOST : TOLD);
	}
}

int main(void)
{
#define ON_IT(name) cmocka_unit_test_setup_teardown(name, in_memory, tear_down)
	const struct CMUnitTest tests[] = {
		ON_IT(every_byte_of_the_headers),
		ON_IT(every_byte_of_the_live_page),
		ON_IT(every_byte_of_the_writers),
		ON_IT(every_byte_of_the_state),
		ON_IT(every_byte_of_the_journals),
		ON_IT(every_byte_of_the_kinds),
		ON_IT(every_byte_of_the_bitmaps),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
