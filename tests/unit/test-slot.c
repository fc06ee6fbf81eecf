// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cmocka.h>

#include "slot.h"
#include "state.h"

#define BOOT "b007"

static struct slots *slots;
static const struct identity stranger = {.name = "program", .uid = 5};
/* who has an ID is never looked into by the table */
static struct peer *const somebody = (struct peer *)&slots;

static struct identity node(int n)
{
	struct identity i = {.uid = 107};

	snprintf(i.uuid, sizeof(i.uuid), "00000000-0000-4000-8000-%012d", n);
	snprintf(i.name, sizeof(i.name), "node %d", n);
	return i;
}

static int open_table(void **state)
{
	struct slot *self;

	(void)state;
	return slots_new(&slots, 2, 1) < 0 ||
	       slots_open_server(slots, &self) < 0;
}

static int close_table(void **state)
{
	(void)state;
	slots_free(slots);
	return 0;
}

static struct slot *come(const struct identity *who)
{
	struct slot *slot = NULL;

	assert_int_equal(slots_attach(slots, who, somebody, &slot), 0);
	return slot;
}

static void come_as(const struct identity *who, uint16_t id)
{
	assert_int_equal(come(who)->id, id);
}

static void go(uint16_t id)
{
	slots_detach(slots, slots->by_id[id]);
}

static void the_server_is_zero(void **state)
{
	(void)state;
	assert_int_equal(slots->world.ids[0], IVSHMEM_SERVER_ID);
	come_as(&stranger, 1);
	come_as(&stranger, 2);
}

static void strangers_take_the_lowest_free_id(void **state)
{
	(void)state;
	for (uint16_t i = 1; i <= 4; i++)
		come_as(&stranger, i);
	go(3);
	go(2);
	come_as(&stranger, 2);
	come_as(&stranger, 3);
	come_as(&stranger, 5);
	assert_int_equal(slots->world.count, 6);
}

static void an_id_whose_sessions_are_being_ended_is_not_given(void **state)
{
	struct slot *slot;

	(void)state;
	slot = come(&stranger);
	come_as(&stranger, 2);
	atomic_store(&slot->leaving, true);
	go(1);
	come_as(&stranger, 3);
	atomic_store(&slot->leaving, false);
	come_as(&stranger, 1);
}

static void nodes_keep_their_id(void **state)
{
	struct identity a = node(1), b = node(2);

	(void)state;
	come_as(&a, 1);
	come_as(&b, 2);
	go(1);
	go(2);
	come_as(&stranger, 3); /* not one a node may come back for */
	come_as(&b, 2);
	come_as(&a, 1);
}

static void a_uuid_of_another_user_is_another_node(void **state)
{
	struct identity a = node(1), thief = node(1);

	(void)state;
	thief.uid = 1000;
	come_as(&a, 1);
	go(1);
	come_as(&thief, 2);
	come_as(&a, 1);
}

static void one_node_twice_gets_two_ids_and_both_again(void **state)
{
	struct identity a = node(1);

	(void)state;
	come_as(&a, 1);
	come_as(&a, 2);
	go(1);
	go(2);
	come_as(&a, 1);
	come_as(&a, 2);
}

static void eventfds_are_kept_and_drained(void **state)
{
	struct identity a = node(1);
	struct slot *slot = come(&a);
	int fd = slot->eventfd[1];
	uint64_t count;

	(void)state;
	assert_int_equal(slot_ring(slot, 1), 0);
	go(1);
	assert_int_equal(slot_ring(slot, 1), 0);
	slot = come(&a);
	assert_int_equal(slot->eventfd[1], fd);
	assert_int_equal(read(fd, &count, sizeof(count)), -1);
	assert_int_equal(errno, EAGAIN);
	assert_int_equal(slot_ring(slot, 1), 0);
	assert_int_equal(read(fd, &count, sizeof(count)), 8);
	assert_int_equal(count, 1);
}

static void ringing_a_full_eventfd_neither_blocks_nor_fails(void **state)
{
	struct slot *slot = come(&stranger);
	uint64_t most = UINT64_MAX - 1;

	(void)state;
	assert_int_equal(write(slot->eventfd[0], &most, sizeof(most)), 8);
	assert_int_equal(slot_ring(slot, 0), 0);
}

/* As QEMU does with all it receives; the flag is of the file that all share. */
static void a_peer_may_make_them_block(void **state)
{
	uint64_t most = UINT64_MAX - 1;
	struct identity a = node(1);
	struct slot *slot = come(&a);
	int fd = slot->eventfd[1];

	(void)state;
	assert_int_equal(fcntl(fd, F_SETFL, O_RDWR), 0);
	alarm(10);
	go(1);
	slot = come(&a);
	assert_int_equal(write(fd, &most, sizeof(most)), 8);
	assert_int_equal(slot_ring(slot, 1), 0);
	alarm(0);
}

/* 65,535 IDs; the table says so clearly, and the longest absent node yields. */
static void ids_end_at_65535(void **state)
{
	struct identity a = node(1), b = node(2);
	/* real eventfds would need 131,072 descriptors */
	const int none[2] = {-1, -1};
	struct slot *slot;

	(void)state;
	come_as(&a, 1);
	come_as(&b, 2);
	for (uint32_t id = 3; id < IVSHMEM_IDS; id++) {
		assert_int_equal(slots_adopt(slots, (uint16_t)id, none, &slot),
				 0);
		slots_restore(slots, slot, somebody, &stranger);
	}
	assert_int_equal(slots->next, IVSHMEM_IDS);
	assert_int_equal(slots_attach(slots, &stranger, somebody, &slot),
			 -EUSERS);
	go(2);
	go(1);
	come_as(&stranger, 2);
	come_as(&a, 1);
	assert_int_equal(slots_attach(slots, &b, somebody, &slot), -EUSERS);
}

static void without_descriptors_there_is_a_clear_refusal(void **state)
{
	struct rlimit old, low;
	struct slot *slot = NULL;
	size_t count;
	int ret = 0;

	(void)state;
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &old), 0);
	low = old;
	low.rlim_cur = 64;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &low), 0);
	for (int i = 0; ret == 0 && i < 100; i++)
		ret = slots_attach(slots, &stranger, somebody, &slot);
	count = slots->world.count;
	assert_int_equal(ret, -EMFILE);
	assert_int_equal(slots_attach(slots, &stranger, somebody, &slot),
			 -EMFILE);
	assert_int_equal(slots->world.count, count);
	/* an ID that is free is still given: it needs none */
	go(1);
	come_as(&stranger, 1);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &old), 0);
}

/* -- the state file -- */

static struct state_mark mark;

static int parse(const char *text)
{
	char copy[1024];
	struct slot *self;

	slots_free(slots);
	assert_int_equal(slots_new(&slots, 1, 1), 0);
	assert_int_equal(slots_open_server(slots, &self), 0);
	snprintf(copy, sizeof(copy), "%s", text);
	return state_parse(copy, strlen(copy), BOOT, slots, &mark);
}

#define UUID_1 "00000000-0000-4000-8000-000000000001"
#define HEAD   "fam-ids 1\nboot " BOOT "\n"

static void state_gives_nodes_their_ids_again(void **state)
{
	struct identity a = node(1), b = node(2);

	(void)state;
	assert_int_equal(
		parse(HEAD "next 40\nid 7 107 " UUID_1 " node 1\nend\n"), 0);
	come_as(&b, 40);
	come_as(&a, 7);
	come_as(&stranger, 41);
	go(7);
	come_as(&a, 7);
}

static void state_of_another_boot_means_nothing(void **state)
{
	(void)state;
	assert_int_equal(parse("fam-ids 1\nboot other\nnext 40\nend\n"),
			 -ESTALE);
	come_as(&stranger, 1);
}

static void damaged_state_is_seen(void **state)
{
	static const char *const bad[] = {
		"",
		"fam-ids 2\nboot " BOOT "\nend\n",
		"fam-ids 1\nend\n",
		HEAD "next 40\n", /* cut off */
		HEAD "next 0\nend\n",
		HEAD "next 65537\nend\n",
		HEAD "next x\nend\n",
		HEAD "id 0 1 " UUID_1 " x\nend\n",
		HEAD "id 65536 1 " UUID_1 " x\nend\n",
		HEAD "id 5 1 nonsense x\nend\n",
		HEAD "id 5 1 " UUID_1 " x\nid 5 1 " UUID_1 " x\nend\n",
		HEAD "what\nend\n",
		HEAD "failed -5 17 3\nend\n",
		HEAD "failed 5 17 3 4\nend\n",
		HEAD "failed -5 -17 3 4\nend\n",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		assert_int_equal(parse(bad[i]), -EBADMSG);
}

static void state_tells_of_a_failed_write_back(void **state)
{
	(void)state;
	assert_int_equal(parse(HEAD "next 4\nfailed -5 1700000000 3 4\nend\n"),
			 0);
	assert_int_equal(mark.failed, -5);
	assert_int_equal(mark.at, 1700000000);
	/* not for ever: the next one says nothing of it */
	assert_int_equal(parse(HEAD "next 4\nend\n"), 0);
	assert_int_equal(mark.failed, 0);
}

static void state_is_written_and_read(void **state)
{
	const struct state_mark failed = {
		.failed = -5, .at = 17, .inode = 3, .born_ns = 4};
	char path[] = "/tmp/fam-state.XXXXXX";
	struct identity a = node(1), b = node(2);
	struct err err = {0};
	int fd = mkstemp(path);

	(void)state;
	assert_true(fd >= 0);
	close(fd);
	snprintf(b.name, sizeof(b.name), "two\nlines");
	come_as(&a, 1);
	come_as(&stranger, 2);
	come_as(&b, 3);
	assert_int_equal(state_save(path, slots, 64, &failed), 0);
	close_table(NULL);
	assert_int_equal(open_table(NULL), 0);
	assert_int_equal(state_load(path, slots, &mark, &err), 0);
	assert_int_equal(mark.failed, -5);
	assert_int_equal(mark.at, 17);
	assert_int_equal(slots->next, 64);
	come_as(&b, 3);
	come_as(&a, 1);
	come_as(&stranger, 64);
	unlink(path);
	/* none there: a first life */
	assert_int_equal(state_load(path, slots, &mark, &err), 0);
	assert_int_equal(mark.failed, 0);
}

#define TEST(name) \
	cmocka_unit_test_setup_teardown(name, open_table, close_table)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_server_is_zero),
		TEST(strangers_take_the_lowest_free_id),
		TEST(an_id_whose_sessions_are_being_ended_is_not_given),
		TEST(nodes_keep_their_id),
		TEST(a_uuid_of_another_user_is_another_node),
		TEST(one_node_twice_gets_two_ids_and_both_again),
		TEST(eventfds_are_kept_and_drained),
		TEST(ringing_a_full_eventfd_neither_blocks_nor_fails),
		TEST(a_peer_may_make_them_block),
		TEST(ids_end_at_65535),
		TEST(without_descriptors_there_is_a_clear_refusal),
		TEST(state_gives_nodes_their_ids_again),
		TEST(state_of_another_boot_means_nothing),
		TEST(damaged_state_is_seen),
		TEST(state_tells_of_a_failed_write_back),
		TEST(state_is_written_and_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
