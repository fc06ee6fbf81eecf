// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
/*
 * Rings, pools, channels and streams where somebody does what nobody should: a
 * child uses what is its parent's, memory is made into something else under those
 * who have it open, and names are opened as what they are not.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fam/channel.h>
#include <fam/object.h>
#include <fam/pool.h>
#include <fam/stream.h>

#include "ring-place.h"

#define BOTH (FAM_RING_PUSH | FAM_RING_POP)
/* In a ring: ../../guest-lib/FORMAT.md */
#define HEAD 192
#define TAIL 320
#define DONE 448

static const struct fam_ring_config one_each = {FAM_RING_SPSC, 0, 8, 8};
static const struct fam_pool_config buffers = {8, 64, 4, 0};
static const struct fam_channel_config letters = {4096, 0, 0};
static const struct fam_channel_config one_sender = {4096, FAM_CHANNEL_ONE, 0};
static const struct fam_stream_config bytes = {4096, 0, 0};

/* Another attachment. */
static struct fam *another(struct place *p)
{
	struct fam *fam = NULL;

	assert_int_equal(fam_open(&fam, p->path, 0), 0);
	return fam;
}

/* --- a child of fork(2) --------------------------------------------------------- */

struct had {
	struct fam_ring *ring;
	struct fam_pool *pool;
	struct fam_channel *from, *to;
	struct fam_stream *in, *out;
};

static void have_all(struct place *p, struct had *h)
{
	struct fam *fam = p->fam;

	assert_int_equal(fam_ring_open(fam, "r", &one_each, BOTH, &h->ring), 0);
	assert_int_equal(fam_pool_open(fam, "p", &buffers, &h->pool), 0);
	assert_int_equal(fam_channel_open(fam, "c", &one_sender,
					  FAM_CHANNEL_RECEIVE, &h->from),
			 0);
	assert_int_equal(
		fam_channel_open(fam, "c", NULL, FAM_CHANNEL_SEND, &h->to), 0);
	assert_int_equal(
		fam_stream_open(fam, "s", &bytes, FAM_STREAM_READ, &h->in), 0);
	assert_int_equal(
		fam_stream_open(fam, "s", NULL, FAM_STREAM_WRITE, &h->out), 0);
}

static void close_all(struct had *h)
{
	fam_ring_close(h->ring);
	fam_pool_close(h->pool);
	fam_channel_close(h->from);
	fam_channel_close(h->to);
	fam_stream_close(h->in);
	fam_stream_close(h->out);
}

/* Which of its parent's could it use? */
static int use_all(struct had *h)
{
	uint64_t m = 1;
	uint32_t buffer;
	size_t n;

	return (fam_ring_push(h->ring, &m, 1) != -ESTALE) |
	       (fam_ring_pop(h->ring, &m, 1) != -ESTALE) << 1 |
	       (fam_pool_take(h->pool, 0, &buffer) != -ESTALE) << 2 |
	       (fam_channel_send(h->to, &m, 8, 0) != -ESTALE) << 3 |
	       (fam_channel_receive(h->from, &m, 8, 0, &m) != -ESTALE) << 4 |
	       (fam_stream_write(h->out, &m, 8, 0, &n) != -ESTALE) << 5 |
	       (fam_stream_read(h->in, &m, 8, 0, &n) != -ESTALE) << 6;
}

static void still_has_all(struct place *p, struct had *h)
{
	static const char *const names[] = {"r", "p", "c", "s"};
	struct fam *other = another(p);
	struct fam_channel *channel = NULL;
	struct fam_stream *stream = NULL;
	struct fam_ring *ring = NULL;
	uint64_t m = 7, n;

	assert_int_equal(fam_ring_open(other, "r", NULL, FAM_RING_PUSH, &ring),
			 -EBUSY);
	assert_int_equal(
		fam_channel_open(other, "c", NULL, FAM_CHANNEL_SEND, &channel),
		-EBUSY);
	assert_int_equal(fam_channel_open(other, "c", NULL, FAM_CHANNEL_RECEIVE,
					  &channel),
			 -EBUSY);
	assert_int_equal(
		fam_stream_open(other, "s", NULL, FAM_STREAM_WRITE, &stream),
		-EBUSY);
	for (int i = 0; i < 4; i++)
		assert_int_equal(fam_object_remove(other, names[i]), -EBUSY);
	assert_int_equal(fam_ring_pop(h->ring, &m, 1), 0);
	assert_int_equal(fam_channel_receive(h->from, &m, 8, 0, &n), -EAGAIN);
	fam_close(other);
}

static void a_child_neither_uses_nor_closes_its_parents(void **state)
{
	struct place *p = *state;
	struct fam_pool_count before, after;
	uint32_t buffer;
	struct had h;
	int status = -1;
	pid_t pid;

	have_all(p, &h);
	assert_int_equal(fam_pool_take(h.pool, 0, &buffer), 0);
	assert_int_equal(fam_pool_count(h.pool, &before), 0);
	pid = fork();
	if (pid == 0) {
		int used = use_all(&h);

		close_all(&h);
		_exit(used);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	assert_int_equal(fam_pool_count(h.pool, &after), 0);
	assert_memory_equal(&before, &after, sizeof(before));
	still_has_all(p, &h);
	close_all(&h);
}

/* --- what fails leaves nothing behind -------------------------------------------- */

static int open_as(struct fam *fam, const char *name, int kind)
{
	struct fam_ring *ring;
	struct fam_pool *pool;
	struct fam_channel *channel;
	struct fam_stream *stream;

	switch (kind) {
	case 0:
		return fam_ring_open(fam, name, &one_each, BOTH, &ring);
	case 1:
		return fam_pool_open(fam, name, &buffers, &pool);
	case 2:
		return fam_channel_open(fam, name, &letters, FAM_CHANNEL_SEND,
					&channel);
	default:
		return fam_stream_open(fam, name, &bytes, FAM_STREAM_WRITE,
				       &stream);
	}
}

static void one_is_not_opened_as_another(void **state)
{
	static const char *const names[] = {"r", "p", "c", "s"};
	struct place *p = *state;
	struct had h;

	have_all(p, &h);
	for (int name = 0; name < 4; name++) {
		for (int kind = 0; kind < 4; kind++) {
			if (kind != name)
				assert_int_equal(
					open_as(p->fam, names[name], kind),
					-EMEDIUMTYPE);
		}
	}
	close_all(&h);
	for (int name = 0; name < 4; name++)
		assert_int_equal(fam_object_remove(p->fam, names[name]), 0);
}

static void a_failed_opening_leaks_nothing(void **state)
{
	struct place *p = *state;
	struct fam *other = another(p);
	struct fam_ring *ring = NULL;
	struct had h;

	have_all(p, &h);
	/* More than there are ports, roles or records. */
	for (int i = 0; i < 5000; i++) {
		assert_int_equal(fam_ring_open(other, "r", NULL, BOTH, &ring),
				 -EBUSY);
		assert_int_equal(open_as(other, "c", 2), -EBUSY);
		assert_int_equal(open_as(other, "s", 3), -EBUSY);
	}
	close_all(&h);
	/* That one has none of them open. */
	assert_int_equal(fam_object_remove(p->fam, "r"), 0);
	assert_int_equal(fam_object_remove(p->fam, "c"), 0);
	assert_int_equal(fam_object_remove(p->fam, "s"), 0);
	fam_close(other);
}

/* --- memory ------------------------------------------------------------------------- */

static void go_round(struct place *p, const struct fam_ring_config *config,
		     uint64_t position)
{
	struct fam_ring *ring;
	uint8_t *memory = p->memory, *m = malloc(3 * config->bytes);

	assert_int_equal(fam_ring_make(p->fam, memory, config), 0);
	memcpy(memory + HEAD, &position, 8);
	memcpy(memory + TAIL, &position, 8);
	memcpy(memory + DONE, &position, 8);
	ring = ring_open(p, BOTH);
	for (int i = 0; i < 20; i++) {
		memset(m, i, 3 * config->bytes);
		assert_int_equal(fam_ring_push(ring, m, 0), 0);
		assert_int_equal(fam_ring_push_wait(ring, m, 0, -1), 0);
		assert_int_equal(fam_ring_push_wait(ring, m, 1u << 31, -1),
				 -EINVAL);
		assert_int_equal(fam_ring_push(ring, m, 3), 3);
		memset(m, 0x77, 3 * config->bytes);
		if (config->flags & FAM_RING_DURABLE) {
			assert_int_equal(fam_ring_peek(ring, m, 0, 0), 0);
			assert_int_equal(fam_ring_peek(ring, m, 3, 0), 3);
			assert_int_equal(fam_ring_release(ring), 0);
		} else {
			assert_int_equal(fam_ring_pop(ring, m, 0), 0);
			assert_int_equal(fam_ring_pop(ring, m, 3), 3);
		}
		for (uint32_t k = 0; k < 3 * config->bytes; k++)
			assert_int_equal(m[k], i);
	}
	fam_ring_close(ring);
	free(m);
}

/* As far as intents can count, and the smallest and the largest slots. */
static void positions_and_slots_may_be_extreme(void **state)
{
	static const struct fam_ring_config configs[] = {
		{FAM_RING_SPSC, 0, 8, 1},
		{FAM_RING_MPSC, 0, 8, 1},
		{FAM_RING_MPMC, 0, 4, FAM_RING_SLOT_MAX},
		{FAM_RING_SPSC, FAM_RING_DURABLE, 4, 1},
		{FAM_RING_MPSC, FAM_RING_DURABLE, 4, FAM_RING_SLOT_MAX},
	};

	for (size_t i = 0; i < sizeof(configs) / sizeof(configs[0]); i++) {
		go_round(*state, &configs[i], 0);
		go_round(*state, &configs[i], (UINT64_C(1) << 57) - 5);
	}
}

static void use_ring(struct fam_ring *ring, uint8_t *m, unsigned int n)
{
	int r = fam_ring_push(ring, m, n);

	assert_true(r == -EBADMSG || (r >= 0 && r <= (int)n));
	r = fam_ring_pop(ring, m, n);
	assert_true(r == -EBADMSG || (r >= 0 && r <= (int)n));
	r = fam_ring_pop_wait(ring, m, n, 1);
	assert_true(r == -EBADMSG || r == -ETIMEDOUT ||
		    (r >= 0 && r <= (int)n));
}

/* It goes by what it was when it was opened, and stays within that. */
static void a_ring_made_over_another_harms_none_beside_it(void **state)
{
	static const struct fam_ring_config before = {FAM_RING_MPMC, 0, 64, 8};
	static const struct fam_ring_config after[] = {
		{FAM_RING_MPMC, 0, 1024, 64}, {FAM_RING_SPSC, 0, 2, 1}};
	struct place *p = *state;
	uint8_t m[128 * 8], *behind, *same = malloc(MIB);
	uint64_t size = fam_ring_size(&before);

	behind = (uint8_t *)p->memory + size;
	for (size_t i = 0; i < 2; i++) {
		struct fam_ring *ring, *other;

		assert_int_equal(fam_ring_make(p->fam, p->memory, &before), 0);
		ring = ring_open(p, BOTH);
		memset(m, 1, sizeof(m));
		assert_int_equal(fam_ring_push(ring, m, 30), 30);
		assert_int_equal(fam_ring_make(p->fam, p->memory, &after[i]),
				 0);
		memcpy(same, behind, MIB);
		for (int k = 0; k < 20; k++)
			use_ring(ring, m, 128);
		assert_memory_equal(same, behind, MIB);
		fam_ring_close(ring);
		other = ring_open(p, BOTH);
		use_ring(other, m, 2);
		fam_ring_close(other);
	}
	free(same);
}

int main(void)
{
#define TEST(name) \
	cmocka_unit_test_setup_teardown(name, place_set_up, place_tear_down)
	const struct CMUnitTest tests[] = {
		TEST(a_child_neither_uses_nor_closes_its_parents),
		TEST(one_is_not_opened_as_another),
		TEST(a_failed_opening_leaks_nothing),
		TEST(positions_and_slots_may_be_extreme),
		TEST(a_ring_made_over_another_harms_none_beside_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
