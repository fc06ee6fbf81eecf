// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
/*
 * Heaps where somebody does what nobody should: a node scribbles over all that the
 * heap keeps of itself, also in the midst of a commit, while others use it; a child
 * uses what is its parent's. The heap may be spoilt by that. Those who use it are
 * not, nor is anything beside it.
 */
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/wait.h>

#include <cmocka.h>

#include "fabric-file.h"

#include "check-file.h"
#include "heap-hurt.h"

#define SCRIBBLE_MS 250
#define WORKERS	    2
#define DEADLINE_S  300
#define OTHER	    16384 /* bytes of a region that transactions change, too */

extern char **environ;

static struct heap_hurt t;
static char *image; /* of the heap */
static struct fam_region *other;
static char *other_map;

static int set_up(void **state)
{
	const struct fam_region_want want = {.bytes = OTHER,
					     .flags = FAM_REGION_WRITE};
	void *mapped;

	(void)state;
	if (heap_hurt_set_up(&t, check_file_in_memory))
		return -1;
	assert_int_equal(fam_region_create(t.file.fam, "other", &want, &other),
			 0);
	assert_int_equal(fam_region_map(other, 0, 0, &mapped), 0);
	other_map = mapped;
	image = malloc(HEAP_BYTES);
	memcpy(image, t.base, HEAP_BYTES);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	free(image);
	fam_region_close(other);
	return heap_hurt_tear_down(&t);
}

static void put_back(void)
{
	memcpy(t.base, image, HEAP_BYTES);
}

/* --- in the midst of a commit ----------------------------------------------------------- */

/* Called when something is made durable: offset in the heap. */
static void (*meddle)(uint64_t at, uint64_t bytes);

int __real_fam_persist_range(struct fam *fam, uint64_t offset, size_t len);
int __wrap_fam_persist_range(struct fam *fam, uint64_t offset, size_t len);

int __wrap_fam_persist_range(struct fam *fam, uint64_t offset, size_t len)
{
	int r = __real_fam_persist_range(fam, offset, len);

	if (meddle && offset - t.offset < HEAP_BYTES)
		meddle(offset - t.offset, len);
	return r;
}

static const uint64_t extremes[] = {
	0,
	1,
	7,
	0x100,
	UINT32_MAX,
	UINT64_C(1) << 31,
	UINT64_C(0xfffffff0fffffff0),
	UINT64_C(1) << 62,
	UINT64_MAX,
	UINT64_C(
		0x0000010000000007), /* a change: 256 bytes in another region */
	UINT64_C(0xffffff0000000001), /* 4 GiB of data */
	UINT64_C(0xfffffff000000001), /* ... which take 4 GiB in all */
	UINT64_C(0x7fffffff00000005), /* very many chunks */
};
#define EXTREMES (sizeof(extremes) / sizeof(extremes[0]))

static struct {
	size_t extreme;
	uint64_t word; /* which is to be made that, of what is meddled with */
	bool hit;
} plan;

static void meddle_with_the_record(uint64_t at, uint64_t bytes)
{
	if (at < t.at.journal || at >= t.at.lane || plan.word * 8 + 8 > bytes)
		return;
	*(uint64_t *)(void *)(t.base + at + plan.word * 8) =
		extremes[plan.extreme];
	plan.hit = true;
}

/* A bit of everything; it may fail in any way. */
static void transact(struct fam_heap *heap)
{
	struct fam_tx *tx = NULL;
	void *copy;
	fam_off off;

	if (fam_tx_begin(heap, NULL, &tx) < 0)
		return;
	if (fam_tx_set_word(tx, t.thing[2], 1) == 0 &&
	    fam_tx_alloc(tx, 100, 0, &off, &copy) == 0)
		memset(copy, 1, 100);
	if (fam_tx_add_region(tx, other, other_map + 8, 64, &copy) == 0)
		memset(copy, 2, 64);
	(void)fam_tx_alloc(tx, 70000, 0, &off, NULL);
	(void)fam_tx_free(tx, t.thing[3]);
	(void)fam_tx_commit(tx);
}

static int count_one(fam_off off, uint64_t usable, void *arg)
{
	assert_non_null(fam_heap_at(arg, off, usable));
	return 0;
}

static void use_all(struct fam_heap *heap)
{
	struct fam_heap_stat stat;
	fam_off off;

	transact(heap);
	if (fam_heap_alloc(heap, 0, 1000, FAM_HEAP_ZERO, &off) == 0) {
		assert_non_null(fam_heap_at(heap, off, 1000));
		(void)fam_heap_release(heap, off);
	}
	(void)fam_heap_each(heap, count_one, heap);
	(void)fam_heap_stat(heap, &stat, sizeof(stat));
	(void)fam_heap_settle(heap);
}

/* All of each is tried: with what it was before, and after a start of the host. */
static void meddle_once(void (*with)(uint64_t at, uint64_t bytes))
{
	struct fam_heap *heap = heap_hurt_open(t.file.fam, FAM_REGION_WRITE);

	plan.hit = false;
	meddle = with;
	transact(heap);
	meddle = NULL;
	use_all(heap);
	fam_heap_close(heap);
	heap_hurt_reboot(&t);
	if (fam_heap_open(t.file.fam, HEAP_NAME, FAM_REGION_WRITE, &heap) ==
	    0) {
		use_all(heap);
		fam_heap_close(heap);
	}
	put_back();
	heap_hurt_live(&t)->boot = check_file_sessions(&t.file)->boot;
}

static void a_record_changes_between_commit_and_apply(void **state)
{
	(void)state;
	for (plan.extreme = 0; plan.extreme < EXTREMES; plan.extreme++) {
		plan.word = 0;
		do {
			meddle_once(meddle_with_the_record);
			plan.word++;
		} while (plan.hit);
		/* The header, five changes and what is in them. */
		assert_true(plan.word > 20);
	}
}

/* What is said in a record that is not sealed yet is in the fabric, too. */
static bool build_and_meddle(struct fam_heap *heap)
{
	struct fam_tx *tx = NULL;
	fam_off off = 0, more;
	void *copy;
	bool hit;

	assert_int_equal(fam_tx_begin(heap, NULL, &tx), 0);
	assert_int_equal(fam_tx_set_word(tx, t.thing[2], 1), 0);
	assert_int_equal(fam_tx_alloc(tx, 100, 0, &off, &copy), 0);
	assert_int_equal(fam_tx_add_region(tx, other, other_map + 8, 64, &copy),
			 0);
	hit = plan.word * 8 + 8 <= tx->bytes;
	if (hit)
		((uint64_t *)(void *)tx->record)[plan.word] =
			extremes[plan.extreme];
	(void)fam_tx_free(tx, off);
	(void)fam_tx_free(tx, t.thing[4]);
	(void)fam_tx_set_word(tx, t.thing[2], 7);
	(void)fam_tx_alloc(tx, 50, 0, &more, &copy);
	(void)fam_tx_commit(tx);
	return hit;
}

static void a_record_changes_while_it_is_built(void **state)
{
	struct fam_heap *heap;
	bool hit = true;

	(void)state;
	for (plan.extreme = 0; plan.extreme < EXTREMES; plan.extreme++) {
		for (plan.word = 0, hit = true; hit; plan.word++) {
			heap = heap_hurt_open(t.file.fam, FAM_REGION_WRITE);
			hit = build_and_meddle(heap);
			use_all(heap);
			fam_heap_close(heap);
			put_back();
			heap_hurt_live(&t)->boot =
				check_file_sessions(&t.file)->boot;
		}
		assert_true(plan.word > 20);
	}
}

/* That of whoever commits; and what all look at. */
static void meddle_with_the_writers(uint64_t at, uint64_t bytes)
{
	const uint64_t me = fam_holder(fam_session_id(t.file.fam));
	const uint64_t words = sizeof(struct fam_heap_slot) / 8;

	(void)bytes;
	if (plan.hit || at < t.at.journal || at >= t.at.lane)
		return;
	plan.hit = true;
	for (uint32_t i = 0; i < t.at.journals; i++) {
		struct fam_heap_slot *slot = heap_hurt_slot(&t, i);

		if (fam_holder_of(slot->holder) != me)
			continue;
		/* Not the holder: that of a living one is waited for. */
		if (plan.word + 1 < words)
			((fam_word *)slot)[plan.word + 1] =
				extremes[plan.extreme];
		else
			((fam_word *)heap_hurt_live(
				&t))[8 + plan.word - words] =
				extremes[plan.extreme];
	}
}

static void a_writer_is_lied_about_in_its_commit(void **state)
{
	(void)state;
	for (plan.extreme = 0; plan.extreme < EXTREMES; plan.extreme++) {
		for (plan.word = 0; plan.word < 8 + 12; plan.word++)
			meddle_once(meddle_with_the_writers);
	}
}

/* --- before it is opened ----------------------------------------------------------------- */

static void seal(struct fam_heap_header *h)
{
	uint32_t crc = fam_crc32c(0, t.file.fam->sb.uuid, FAM_UUID_BYTES);

	h->crc32c = 0;
	h->crc32c = fam_crc32c(crc, h, sizeof(*h));
}

static void try_header(const struct fam_heap_header *as)
{
	struct fam_heap_header h = *as;
	struct fam_heap *heap = NULL;
	int r;

	seal(&h);
	memcpy(t.base, &h, sizeof(h));
	memcpy(t.base + FAM_HEAP_PAGE, &h, sizeof(h));
	assert_int_equal(check_file_check(&t.file, t.file.fam, 0), 0);
	r = fam_heap_open(t.file.fam, HEAP_NAME, FAM_REGION_WRITE, &heap);
	if (r == 0) {
		assert_true(heap->at.end <= HEAP_BYTES);
		use_all(heap);
		fam_heap_close(heap);
	} else {
		assert_true(r == -EBADMSG || r == -EMEDIUMTYPE ||
			    r == -EPROTONOSUPPORT);
	}
	put_back();
}

static void headers_that_are_whole_may_lie(void **state)
{
	const struct fam_heap_header right = *(struct fam_heap_header *)t.base;

	(void)state;
	for (size_t i = 0; i < EXTREMES; i++) {
		struct fam_heap_header h = right;

		h.version = (uint32_t)extremes[i];
		try_header(&h);
		h = right;
		h.journals = (uint32_t)extremes[i];
		try_header(&h);
		h = right;
		h.journal_bytes = extremes[i];
		try_header(&h);
		h.journal_bytes = extremes[i] * 4096;
		try_header(&h);
		h = right;
		h.bytes = extremes[i];
		try_header(&h);
		h.bytes = HEAP_BYTES + extremes[i];
		try_header(&h);
		h = right;
		h.serial = extremes[i];
		try_header(&h);
	}
}

/* --- all the time ---------------------------------------------------------------------------- */

/* What is scribbled over: not the locks, nor who holds a journal (see above). */
static const struct {
	const char *name;
	size_t begin, end; /* in struct fam_heap_places */
} areas[] = {
#define AREA(a, b)                                          \
	{                                                   \
#a, offsetof(struct fam_heap_places, a),    \
			offsetof(struct fam_heap_places, b) \
	}
	AREA(state, journal), AREA(journal, lane), AREA(lane, holder),
	AREA(holder, kind),   AREA(kind, bits),	   AREA(bits, chunk),
	AREA(chunk, end),
};
#define AREAS (sizeof(areas) / sizeof(areas[0]))

static uint64_t next_random(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

/* A process of its own: PATH OFFSET BYTES. Until it is killed, but no longer. */
static int scribble(char **argv)
{
	uint64_t offset = strtoull(argv[3], NULL, 0);
	uint64_t bytes = strtoull(argv[4], NULL, 0), random = offset * 2 + 1;
	int fd = open(argv[2], O_RDWR | O_CLOEXEC);
	volatile uint8_t *at = mmap(NULL, FABRIC_BYTES, PROT_READ | PROT_WRITE,
				    MAP_SHARED, fd, 0);

	if (at == MAP_FAILED)
		return 1;
	while (getppid() != 1) {
		for (int i = 0; i < 1000; i++) {
			uint64_t r = next_random(&random);

			at[offset + (r >> 8) % bytes] ^= (uint8_t)r;
		}
		sched_yield();
	}
	return 0;
}

static pid_t start_scribbler(uint64_t at, uint64_t bytes)
{
	char offset[32], count[32];
	char *argv[] = {"scribble", "scribble", t.file.path,
			offset,	    count,	NULL};
	pid_t pid = 0;

	snprintf(offset, sizeof(offset), "%ju", (uintmax_t)(t.offset + at));
	snprintf(count, sizeof(count), "%ju", (uintmax_t)bytes);
	assert_int_equal(
		posix_spawn(&pid, "/proc/self/exe", NULL, NULL, argv, environ),
		0);
	return pid;
}

static _Atomic bool stop;

static void *work(void *arg)
{
	struct fam *fam = NULL;
	struct fam_heap *heap = NULL;

	(void)arg;
	assert_int_equal(fam_open(&fam, t.file.path, 0), 0);
	while (!stop) {
		if (!heap &&
		    fam_heap_open(fam, HEAP_NAME, FAM_REGION_WRITE, &heap) < 0)
			heap = NULL;
		for (int i = 0; heap && i < 50 && !stop; i++)
			use_all(heap);
		fam_heap_close(heap);
		heap = NULL;
	}
	fam_close(fam);
	return NULL;
}

static void scribble_while_others_work(uint64_t at, uint64_t bytes)
{
	const struct timespec nap = {.tv_nsec = SCRIBBLE_MS * 1000000L};
	pthread_t thread[WORKERS];
	pid_t pid = start_scribbler(at, bytes);

	stop = false;
	for (int i = 0; i < WORKERS; i++)
		pthread_create(&thread[i], NULL, work, NULL);
	nanosleep(&nap, NULL);
	kill(pid, SIGKILL);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	stop = true;
	for (int i = 0; i < WORKERS; i++)
		pthread_join(thread[i], NULL);
}

static bool beside_is_empty(void)
{
	struct fam_region_info info;
	uint64_t from, until;

	assert_int_equal(
		fam_region_find(t.file.fam, "other", &info, sizeof(info)), 0);
	from = t.file.fam->data_offset;
	until = from + t.file.fam->data_bytes;
	for (uint64_t i = from; i < until; i++) {
		if (t.file.bytes[i] && i - t.offset >= HEAP_BYTES &&
		    i - info.offset >= info.space)
			return false;
	}
	return true;
}

static void somebody_scribbles_while_others_work(void **state)
{
	(void)state;
	for (size_t i = 0; i < AREAS; i++) {
		const char *places = (const char *)&t.at;
		uint64_t begin, end;

		memcpy(&begin, places + areas[i].begin, 8);
		memcpy(&end, places + areas[i].end, 8);
		print_message("# %s\n", areas[i].name);
		scribble_while_others_work(begin, end - begin);
		assert_true(beside_is_empty());
		heap_hurt_reboot(&t);
		assert_int_equal(
			check_file_check(&t.file, t.file.fam, FAM_CHECK_REPAIR),
			0);
		put_back();
		heap_hurt_live(&t)->boot = check_file_sessions(&t.file)->boot;
	}
}

/* --- a child of fork(2) ------------------------------------------------------------------------- */

static int use_parents(struct fam_heap *heap)
{
	struct fam_tx *tx;
	fam_off off;

	return (fam_heap_alloc(heap, 0, 10, 0, &off) != -ESTALE) |
	       (fam_heap_release(heap, t.thing[0]) != -ESTALE) << 1 |
	       (fam_tx_begin(heap, NULL, &tx) != -ESTALE) << 2 |
	       (fam_heap_recover(heap) != -ESTALE) << 3 |
	       (fam_heap_settle(heap) != -ESTALE) << 4;
}

static void a_child_neither_uses_nor_closes_its_parents(void **state)
{
	struct fam_heap *heap = heap_hurt_open(t.file.fam, FAM_REGION_WRITE);
	int status = -1;
	fam_off off;
	pid_t pid;

	(void)state;
	assert_int_equal(fam_heap_alloc(heap, 0, 10, 0, &off), 0);
	pid = fork();
	if (pid == 0) {
		int used = use_parents(heap);

		fam_heap_close(heap);
		_exit(used);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	assert_int_equal(fam_heap_release(heap, off), 0);
	assert_true(heap_hurt_is_whole(&t, heap));
	assert_int_equal(t.others, 1);
	fam_heap_close(heap);
	check_file_is_clean(&t.file);
}

int main(int argc, char **argv)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(a_record_changes_between_commit_and_apply),
		TEST(a_record_changes_while_it_is_built),
		TEST(a_writer_is_lied_about_in_its_commit),
		TEST(headers_that_are_whole_may_lie),
		TEST(somebody_scribbles_while_others_work),
		TEST(a_child_neither_uses_nor_closes_its_parents),
	};

	if (argc == 5 && strcmp(argv[1], "scribble") == 0)
		return scribble(argv);
	alarm(DEADLINE_S); /* no call is without an end */
	return cmocka_run_group_tests(tests, NULL, NULL);
}
