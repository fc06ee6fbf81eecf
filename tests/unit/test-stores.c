// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
/*
 * How libfam finds out whether stores have an effect: on memory where they have.
 * Memory where they have none only an emulator gives: vm/read-only.bats.
 */
#include <setjmp.h>
#include <stdatomic.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>

#include <cmocka.h>

#include <fam-mailbox.h>
#include <fam-sessions.h>

#include "internal.h"

#define BYTES	(UINT64_C(2) << 20)
#define THREADS 4
#define ROUNDS	500

/* A device's memory, as far as this is concerned. */
struct device {
	struct fam_source source;
	struct fam_superblock sb;
	char *memory;
	atomic_bool ended;
};

static struct device device;

static int setup(void **state)
{
	(void)state;
	device = (struct device){
		.source = {.fd = memfd_create("device", MFD_CLOEXEC),
			   .writable = true,
			   .via = FAM_VIA_RESOURCE,
			   .size = BYTES,
			   .page_bytes = (size_t)sysconf(_SC_PAGESIZE)},
		.sb = {.mailbox_offset = FAM_MAILBOX_OFFSET,
		       .mailbox_bytes = FAM_MAILBOX_BYTES,
		       .sessions_offset = FAM_SESSIONS_OFFSET,
		       .sessions_bytes = FAM_SESSIONS_BYTES},
	};
	assert_true(device.source.fd >= 0);
	assert_int_equal(ftruncate(device.source.fd, BYTES), 0);
	device.memory = mmap(NULL, BYTES, PROT_READ | PROT_WRITE, MAP_SHARED,
			     device.source.fd, 0);
	assert_true(device.memory != MAP_FAILED);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	munmap(device.memory, BYTES);
	close(device.source.fd);
	return 0;
}

static struct fam_mailbox *mailbox(void)
{
	return (void *)(device.memory + FAM_MAILBOX_OFFSET);
}

static struct fam_sessions *sessions(void)
{
	return (void *)(device.memory + FAM_SESSIONS_OFFSET);
}

/* Is all zero but the bytes [from, to)? */
static bool untouched_but(uint64_t from, uint64_t to)
{
	for (uint64_t i = 0; i < BYTES; i++) {
		if (device.memory[i] && (i < from || i >= to))
			return false;
	}
	return true;
}

static void nothing_is_tried_where_it_need_not_be(void **state)
{
	(void)state;
	assert_int_equal(fam_stores_check(&device.source, &device.sb), 0);
	device.sb.feature_compat = FAM_COMPAT_MAILBOX | FAM_COMPAT_SESSIONS;
	device.source.writable = false;
	assert_int_equal(fam_stores_check(&device.source, &device.sb), 0);
	device.source.writable = true;
	device.source.via = FAM_VIA_FILE;
	assert_int_equal(fam_stores_check(&device.source, &device.sb), 0);
	assert_true(untouched_but(0, 0));
}

static void nothing_but_the_count_of_changes_rises(void **state)
{
	uint64_t changes = 0;

	(void)state;
	device.sb.feature_compat = FAM_COMPAT_MAILBOX | FAM_COMPAT_SESSIONS;
	for (int i = 0; i < ROUNDS; i++) {
		assert_int_equal(fam_stores_check(&device.source, &device.sb),
				 0);
		assert_true(atomic_load(&sessions()->changes) > changes);
		changes = atomic_load(&sessions()->changes);
	}
	assert_true(
		untouched_but(FAM_SESSIONS_OFFSET, FAM_SESSIONS_OFFSET + 8));
}

static void no_slot_stays_taken(void **state)
{
	struct fam_mailbox *box = mailbox();

	(void)state;
	device.sb.feature_compat = FAM_COMPAT_MAILBOX;
	assert_int_equal(fam_stores_check(&device.source, &device.sb), 0);
	for (int i = 0; i < FAM_MAILBOX_SLOTS; i++)
		assert_true(atomic_load(&box->slot[i].owner) == 0);
}

static void a_full_mailbox_says_nothing(void **state)
{
	struct fam_mailbox *box = mailbox();

	(void)state;
	device.sb.feature_compat = FAM_COMPAT_MAILBOX;
	for (int i = 0; i < FAM_MAILBOX_SLOTS; i++)
		atomic_store(&box->slot[i].owner, UINT64_MAX);
	assert_int_equal(fam_stores_check(&device.source, &device.sb), 0);
	for (int i = 0; i < FAM_MAILBOX_SLOTS; i++)
		assert_true(atomic_load(&box->slot[i].owner) == UINT64_MAX);
}

static void what_cannot_be_mapped_is_told(void **state)
{
	struct fam_source gone = device.source;

	(void)state;
	device.sb.feature_compat = FAM_COMPAT_SESSIONS;
	gone.fd = -1;
	assert_int_equal(fam_stores_check(&gone, &device.sb), -EBADF);
	device.sb.feature_compat = FAM_COMPAT_MAILBOX;
	assert_int_equal(fam_stores_check(&gone, &device.sb), -EBADF);
}

/* Others that come and go without a pause. */
static void *come_and_go(void *arg)
{
	(void)arg;
	while (!atomic_load(&device.ended)) {
		int slot = fam_mailbox_claim(mailbox(), UINT64_MAX);

		atomic_fetch_add(&sessions()->changes, 1);
		if (slot >= 0)
			atomic_store(&mailbox()->slot[slot].owner, 0);
	}
	return NULL;
}

static void *find_out(void *arg)
{
	uint64_t wrong = 0;

	for (int i = 0; i < ROUNDS; i++)
		wrong += fam_stores_check(&device.source, arg) != 0;
	return (void *)(uintptr_t)wrong;
}

static void many_at_once(uint32_t features)
{
	pthread_t other[THREADS], one[THREADS];

	device.sb.feature_compat = features;
	for (int i = 0; i < THREADS; i++) {
		assert_int_equal(
			pthread_create(&other[i], NULL, come_and_go, NULL), 0);
		assert_int_equal(
			pthread_create(&one[i], NULL, find_out, &device.sb), 0);
	}
	for (int i = 0; i < THREADS; i++) {
		void *wrong;

		assert_int_equal(pthread_join(one[i], &wrong), 0);
		assert_null(wrong);
	}
	atomic_store(&device.ended, true);
	for (int i = 0; i < THREADS; i++)
		assert_int_equal(pthread_join(other[i], NULL), 0);
}

static void the_count_is_not_mistaken_among_many(void **state)
{
	(void)state;
	many_at_once(FAM_COMPAT_MAILBOX | FAM_COMPAT_SESSIONS);
}

static void the_slot_is_not_mistaken_among_many(void **state)
{
	(void)state;
	many_at_once(FAM_COMPAT_MAILBOX);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(nothing_is_tried_where_it_need_not_be),
		TEST(nothing_but_the_count_of_changes_rises),
		TEST(no_slot_stays_taken),
		TEST(a_full_mailbox_says_nothing),
		TEST(what_cannot_be_mapped_is_told),
		TEST(the_count_is_not_mistaken_among_many),
		TEST(the_slot_is_not_mistaken_among_many),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
