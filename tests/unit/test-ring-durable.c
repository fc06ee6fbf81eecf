// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
/*
 * Durable rings and power cuts. The disk is a copy of the ring that gets what
 * fam_persist() is asked for, and sectors of anything else at any time, as a
 * kernel may write them whenever it likes. The power is cut before and after
 * each write; each time the ring is opened from the disk, and must have all that
 * was pushed for certain and not released for certain, in order and once.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fam/persist.h>

#include "ring-place.h"

#define BOTH   (FAM_RING_PUSH | FAM_RING_POP)
#define SLOTS  8
#define BYTES  200 /* of a message: slots lie across sectors */
#define SECTOR 512

struct message {
	uint64_t number;
	uint8_t rest[BYTES - 8];
};

static struct {
	struct place *now;   /* the ring that is used */
	struct place *later; /* where it is opened from the disk */
	uint8_t *disk;	     /* NULL: all is durable */
	uint64_t bytes;	     /* of the ring */
	uint64_t acked;	     /* messages below this were pushed for certain */
	uint64_t released;   /* below this: released for certain */
	uint64_t releasing;  /* below this: perhaps */
	uint64_t pushed;     /* below this: pushed, perhaps */
	unsigned int cuts;   /* so far */
	uint64_t seed;
} world;

static int disk_error; /* what it says to whoever writes */

int __wrap_fam_persist(struct fam *fam, const void *addr, size_t len);

static uint64_t draw(uint64_t n)
{
	world.seed ^= world.seed << 13;
	world.seed ^= world.seed >> 7;
	world.seed ^= world.seed << 17;
	return world.seed % n;
}

static void write_message(struct message *m, uint64_t number)
{
	m->number = number;
	memset(m->rest, (int)(number % 251), sizeof(m->rest));
}

static void check_message(const struct message *m, uint64_t number)
{
	struct message want;

	write_message(&want, number);
	assert_memory_equal(m, &want, sizeof(want));
}

/* All that must be there, and of a push under way whatever there is. */
static void check_messages(const struct message *m, int n)
{
	uint64_t next = n ? m[0].number : world.releasing;

	assert_true(next >= world.released);
	assert_true(next <= world.releasing || next >= world.acked);
	if (next > world.releasing)
		next = world.releasing;
	for (int i = 0; i < n; i++) {
		if (next >= world.acked)
			assert_true(m[i].number >= next);
		else
			assert_int_equal(m[i].number, next);
		check_message(&m[i], m[i].number);
		next = m[i].number + 1;
	}
	assert_true(next >= world.acked && next <= world.pushed);
}

/* What comes out of the ring as the disk has it. */
static void check_disk(void)
{
	struct place *p = world.later;
	uint8_t *disk = world.disk;
	struct fam_ring *ring = NULL;
	struct message m[SLOTS];
	int n;

	world.disk = NULL;
	world.cuts++;
	memcpy(p->memory, disk, world.bytes);
	assert_int_equal(
		fam_ring_at(p->fam, p->memory, world.bytes, BOTH, &ring), 0);
	n = fam_ring_peek(ring, m, SLOTS, 0);
	assert_true(n >= 0 || n == -ETIMEDOUT);
	n = n < 0 ? 0 : n;
	check_messages(m, n);
	/* And it goes on. */
	assert_int_equal(fam_ring_release(ring), 0);
	write_message(&m[0], 7);
	assert_int_equal(fam_ring_push(ring, m, 1), 1);
	assert_int_equal(fam_ring_peek(ring, m, SLOTS, 0), 1);
	check_message(&m[0], 7);
	fam_ring_close(ring);
	world.disk = disk;
}

static void write_sector(uint64_t sector)
{
	uint64_t at = sector * SECTOR, n = SECTOR;

	if (at + n > world.bytes)
		n = world.bytes - at;
	memcpy(world.disk + at, (uint8_t *)world.now->memory + at, n);
}

static void write_some(unsigned int n)
{
	while (n--) {
		write_sector(draw((world.bytes + SECTOR - 1) / SECTOR));
		if (draw(2))
			check_disk();
	}
}

int __wrap_fam_persist(struct fam *fam, const void *addr, size_t len)
{
	uint64_t at, first, last;

	if (!world.disk || fam != world.now->fam)
		return disk_error;
	at = (uint64_t)((const uint8_t *)addr -
			(const uint8_t *)world.now->memory);
	assert_true(at + len <= world.bytes);
	check_disk();
	write_some((unsigned int)draw(4));
	/* In any order, and torn wherever it may be. */
	first = at / SECTOR;
	last = (at + len - 1) / SECTOR;
	for (uint64_t i = first; i <= last; i++) {
		write_sector(draw(2) ? i : last - (i - first));
		check_disk();
	}
	for (uint64_t i = first; i <= last; i++)
		write_sector(i);
	check_disk();
	return 0;
}

static int set_up(void **state)
{
	void *later = NULL;

	memset(&world, 0, sizeof(world));
	assert_int_equal(place_set_up((void **)&world.now), 0);
	assert_int_equal(place_set_up(&later), 0);
	world.later = later;
	*state = &world;
	return 0;
}

static int tear_down(void **state)
{
	void *now = world.now, *later = world.later;

	(void)state;
	free(world.disk);
	assert_int_equal(place_tear_down(&now), 0);
	return place_tear_down(&later);
}

static struct fam_ring *begin(uint32_t kind, uint64_t seed)
{
	const struct fam_ring_config config = {kind, FAM_RING_DURABLE, SLOTS,
					       BYTES};

	world.seed = seed * UINT64_C(0x9e3779b97f4a7c15) + 1;
	free(world.disk);
	world.disk = NULL; /* of the ring before */
	ring_make(world.now, kind, FAM_RING_DURABLE, SLOTS, BYTES);
	world.bytes = fam_ring_size(&config);
	world.disk = malloc(world.bytes);
	memcpy(world.disk, world.now->memory, world.bytes);
	world.acked = world.released = world.releasing = world.pushed = 0;
	return ring_open(world.now, BOTH);
}

static void push_some(struct fam_ring *ring, unsigned int n)
{
	struct message m[SLOTS];
	int r;

	for (unsigned int i = 0; i < n; i++)
		write_message(&m[i], world.acked + i);
	world.pushed = world.acked + n;
	r = fam_ring_push(ring, m, n);
	assert_true(r >= 0 && r <= (int)n);
	world.acked += (uint64_t)r;
	world.pushed = world.acked;
}

static void peek_some(struct fam_ring *ring, unsigned int n)
{
	struct message m[SLOTS];
	int r = fam_ring_peek(ring, m, n, 0);

	for (int i = 0; i < r; i++)
		check_message(&m[i], world.releasing + (uint64_t)i);
	if (r > 0)
		world.releasing += (uint64_t)r;
	if (draw(3) == 0)
		return;
	assert_int_equal(fam_ring_release(ring), 0);
	world.released = world.releasing;
}

static void go_on(uint32_t kind, uint64_t seed)
{
	struct fam_ring *ring = begin(kind, seed);

	for (int i = 0; i < 40; i++) {
		if (draw(2))
			push_some(ring, 1 + (unsigned int)draw(SLOTS));
		else
			peek_some(ring, 1 + (unsigned int)draw(SLOTS));
		check_disk();
	}
	fam_ring_close(ring);
}

static void nothing_is_lost_at_any_moment(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 60; seed++)
		go_on(seed % 2 ? FAM_RING_SPSC : FAM_RING_MPSC, seed);
	print_message("# %u power cuts\n", world.cuts);
	assert_true(world.cuts > 1000);
}

/* What failed is not popped, and the ring goes on behind it. */
static void an_error_of_the_disk_is_told(void **state)
{
	struct message m[SLOTS];
	struct fam_ring *ring;

	(void)state;
	ring_make(world.now, FAM_RING_SPSC, FAM_RING_DURABLE, SLOTS, BYTES);
	ring = ring_open(world.now, BOTH);
	for (uint64_t i = 1; i <= 3; i++) {
		disk_error = i == 2 ? -EIO : 0;
		write_message(&m[0], i);
		assert_int_equal(fam_ring_push(ring, m, 1), i == 2 ? -EIO : 1);
	}
	assert_int_equal(fam_ring_peek(ring, m, SLOTS, 0), 2);
	check_message(&m[0], 1);
	check_message(&m[1], 3);
	disk_error = -EIO;
	assert_int_equal(fam_ring_release(ring), -EIO);
	assert_int_equal(fam_ring_count(ring), 3);
	disk_error = 0;
	assert_int_equal(fam_ring_release(ring), 0);
	assert_int_equal(fam_ring_count(ring), 0);
	fam_ring_close(ring);
}

/* One whose producer came no further is no end of those behind it. */
static void behind_a_hole_messages_are_found(void **state)
{
	static const uint64_t there[] = {1, 2, 4, 5, 7};
	const size_t stride = BYTES + 16;
	struct place *p = world.later;
	struct fam_ring *ring = begin(FAM_RING_MPSC, 1);
	struct message m[SLOTS];

	(void)state;
	/* The disk is looked at once, at the end. */
	free(world.disk);
	world.disk = NULL;
	for (uint64_t i = 0; i < SLOTS; i++) {
		write_message(&m[0], i);
		disk_error = i % 3 ? 0 : -EIO;
		assert_int_equal(fam_ring_push(ring, m, 1), i % 3 ? 1 : -EIO);
	}
	disk_error = 0;
	memcpy(p->memory, world.now->memory, world.bytes);
	fam_ring_close(ring);
	/* Those never came to it: of slots, the last bytes. */
	for (unsigned int i = 0; i < SLOTS; i += 3)
		memset((uint8_t *)p->memory + world.bytes -
			       stride * (SLOTS - i),
		       0, stride);
	assert_int_equal(
		fam_ring_at(p->fam, p->memory, world.bytes, BOTH, &ring), 0);
	assert_int_equal(fam_ring_peek(ring, m, SLOTS, 0), 5);
	for (unsigned int i = 0; i < 5; i++)
		check_message(&m[i], there[i]);
	fam_ring_close(ring);
}

static void peeked_messages_come_again_to_the_next_one(void **state)
{
	struct message m[SLOTS];
	struct fam_ring *ring;

	(void)state;
	ring_make(world.now, FAM_RING_SPSC, FAM_RING_DURABLE, SLOTS, BYTES);
	ring = ring_open(world.now, BOTH);
	for (uint64_t i = 0; i < 3; i++) {
		write_message(&m[0], i);
		assert_int_equal(fam_ring_push(ring, m, 1), 1);
	}
	assert_int_equal(fam_ring_pop(ring, m, 1), -EOPNOTSUPP);
	assert_int_equal(fam_ring_peek(ring, m, 1, 0), 1);
	assert_int_equal(fam_ring_release(ring), 0);
	assert_int_equal(fam_ring_peek(ring, m, 5, 0), 2);
	check_message(&m[0], 1);
	assert_int_equal(fam_ring_peek(ring, m, 5, 0), -ETIMEDOUT);
	fam_ring_close(ring);
	ring = ring_open(world.now, BOTH);
	assert_int_equal(fam_ring_peek(ring, m, 5, 0), 2);
	check_message(&m[0], 1);
	check_message(&m[1], 2);
	fam_ring_close(ring);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(nothing_is_lost_at_any_moment),
		TEST(an_error_of_the_disk_is_told),
		TEST(behind_a_hole_messages_are_found),
		TEST(peeked_messages_come_again_to_the_next_one),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
