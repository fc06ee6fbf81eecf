/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026, the FAM emulator authors */
#ifndef TESTS_HEAP_CHECK_H
#define TESTS_HEAP_CHECK_H

/* A heap that is to be hurt, checked and repaired. After "heap-hurt.h". */

static struct heap_hurt t;
static char *image; /* of all but the chunks */

static inline int in_memory(void **state)
{
	(void)state;
	if (heap_hurt_set_up(&t, check_file_in_memory))
		return -1;
	check_file_is_clean(&t.file);
	image = malloc(t.at.chunk);
	memcpy(image, t.base, t.at.chunk);
	return image ? 0 : -1;
}

static inline int tear_down(void **state)
{
	(void)state;
	free(image);
	image = NULL;
	return heap_hurt_tear_down(&t);
}

static inline void put_back(void)
{
	memcpy(t.base, image, t.at.chunk);
}

static inline void check(unsigned int flags)
{
	assert_int_equal(check_file_check(&t.file, t.file.fam, flags), 0);
}

static inline void repair(void)
{
	check(FAM_CHECK_REPAIR);
	if (t.file.sum.repaired != t.file.problems)
		check_file_tell(&t.file);
	assert_int_equal(t.file.sum.repaired, t.file.problems);
}

static inline void assert_whole(void)
{
	struct fam_heap *heap = heap_hurt_open(t.file.fam, FAM_REGION_WRITE);

	assert_true(heap_hurt_is_whole(&t, heap));
	assert_int_equal(t.others, 1);
	fam_heap_close(heap);
}

static inline void assert_mended(void)
{
	repair();
	check_file_is_clean(&t.file);
	assert_whole();
	check_file_is_clean(&t.file);
}

/* Allocates, frees and is whole still: whatever the byte was. */
static inline void use_it(bool whole)
{
	struct fam_heap *heap = NULL;
	fam_off off;

	assert_int_equal(
		fam_heap_open(t.file.fam, HEAP_NAME, FAM_REGION_WRITE, &heap),
		0);
	assert_int_equal(fam_heap_alloc(heap, 0, 48, FAM_HEAP_ZERO, &off), 0);
	assert_int_equal(fam_heap_release(heap, off), 0);
	if (whole)
		assert_true(heap_hurt_is_whole(&t, heap));
	fam_heap_close(heap);
}

#endif
