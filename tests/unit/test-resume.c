// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "resume.h"

#define UUID   "00000000-0000-4000-8000-000000000001"
#define HEAD   "fam-resume 1\n"
#define SERVER "server 2 0 1 4 64 3 10 1 2 1700000000\n"
#define REGION "region 7 8 16777216 1 fabric0 /a path/f.fam\n"
#define LOCK   "lock 9\n"
#define SELF   "slot 0 0 0 0 0 - 20 21 \n"
#define SLOT_1 "slot 1 5 77 107 108 " UUID " 22 23 anna bella\n"
#define BASE   HEAD SERVER REGION LOCK SELF

static int parse(const char *text, struct resume *out)
{
	char copy[4096];
	int len = snprintf(copy, sizeof(copy), "%s", text);

	return resume_parse(copy, (size_t)len, out);
}

static void reads_a_server(void **state)
{
	struct resume r;

	(void)state;
	assert_int_equal(parse(BASE SLOT_1 "rings 4 5\n"
					   "listener 0 10 1 64 1234\n"
					   "reserved 3 107 " UUID " carla\n"
					   "peer 1 30 0 1700000001 9 8 1 2 2\n"
					   "waiter 31\nend\n",
			       &r),
			 0);
	assert_int_equal(r.vectors, 2);
	assert_int_equal(r.earlier, 1);
	assert_int_equal(r.next, 4);
	assert_string_equal(r.region.path, "/a path/f.fam");
	assert_string_equal(r.region.label, "fabric0");
	assert_int_equal(r.region.lock_fd, 8);
	assert_int_equal(r.lock_fd, 9);
	assert_int_equal(r.slots, 2);
	assert_string_equal(r.slot[1].owner.uuid, UUID);
	assert_string_equal(r.slot[1].owner.name, "anna bella");
	assert_int_equal(r.slot[1].eventfd[1], 23);
	assert_int_equal(r.peer[0].fd, 30);
	assert_int_equal(r.peer[0].stream.phase, IVSHMEM_SEND_NEWS);
	assert_int_equal(r.listener[0].ino, 1234);
	assert_int_equal(r.listener[1].fd, -1);
	assert_int_equal(r.rings[1], 5);
	assert_int_equal(r.reserved[0].id, 3);
	assert_int_equal(r.waiter[0], 31);
	resume_free(&r);
}

static void reads_what_the_flush_service_did(void **state)
{
	struct resume r;

	(void)state;
	assert_int_equal(parse(BASE "flush 65536 -5 1700000000 10 640 1 2 3 4 "
				    "5 6 7\ndistrusts 1\n"
				    "flushed 3 10 640 2\n"
				    "flushed 65535 0 0 1\nend\n",
			       &r),
			 0);
	assert_int_equal(r.region.mailbox, 65536);
	assert_int_equal(r.flush.error, -5);
	assert_int_equal(r.flush.failed_at, 1700000000);
	assert_int_equal(r.flush.commits, 10);
	assert_int_equal(r.flush.total_us, 7);
	assert_true(r.distrusts);
	assert_int_equal(r.flusheds, 2);
	assert_int_equal(r.flushed[0].bytes, 640);
	assert_int_equal(r.flushed[1].id, 65535);
	resume_free(&r);
	/* of a fabric without a mailbox */
	assert_int_equal(parse(BASE "end\n", &r), 0);
	assert_int_equal(r.region.mailbox, 0);
	assert_false(r.distrusts);
	resume_free(&r);
}

static void reads_the_life_in_the_table_of_sessions(void **state)
{
	struct resume r;

	(void)state;
	assert_int_equal(parse(BASE "sessions 1114112 77\nend\n", &r), 0);
	assert_int_equal(r.region.sessions, FAM_SESSIONS_OFFSET);
	assert_int_equal(r.life, 77);
	resume_free(&r);
	assert_int_equal(parse(BASE "end\n", &r), 0);
	assert_int_equal(r.region.sessions, 0);
	resume_free(&r);
}

static int count(int fd, void *arg)
{
	int *sum = arg;

	*sum += fd;
	return 0;
}

static void names_every_descriptor(void **state)
{
	struct resume r;
	int sum = 0;

	(void)state;
	assert_int_equal(parse(BASE SLOT_1 "listener 3 10 1 64 1234\n"
					   "peer 1 30 0 1700000001 9 8 1 2 2\n"
					   "waiter 31\nend\n",
			       &r),
			 0);
	assert_int_equal(resume_each_fd(&r, count, &sum), 0);
	assert_int_equal(sum, 7 + 8 + 9 + 20 + 21 + 22 + 23 + 10 + 30 + 31);
	resume_free(&r);
}

static void refuses(const char *text, int code)
{
	struct resume r;

	assert_int_equal(parse(text, &r), code);
	resume_free(&r);
}

static void another_version_is_refused(void **state)
{
	(void)state;
	refuses("fam-resume 2\nend\n", -EPROTONOSUPPORT);
}

static void damage_is_refused(void **state)
{
	static const char *const bad[] = {
		"",
		"fam-resume\nend\n",
		HEAD "end\n",
		BASE,					  /* cut off */
		HEAD SERVER LOCK SELF "end\n",		  /* memory */
		HEAD SERVER REGION SELF "end\n",	  /* lock */
		HEAD SERVER REGION LOCK "end\n",	  /* own ID */
		HEAD REGION LOCK SELF "end\n",		  /* numbers */
		HEAD SERVER REGION LOCK SLOT_1 "end\n",	  /* order */
		HEAD "server 0 0 0 1 1 0 0 0 0 0\nend\n", /* vectors */
		HEAD "server 257 0 0 1 1 0 0 0 0 0\nend\n",
		HEAD "server 1 0 0 0 1 0 0 0 0 0\nend\n",      /* next */
		BASE SLOT_1 SLOT_1 "end\n",		       /* twice */
		BASE "slot 1 5 77 107 108 " UUID " 22\nend\n", /* eventfds */
		BASE "slot 65536 0 0 0 0 - 1 2 x\nend\n",
		BASE "slot 1 0 0 0 0 nonsense 1 2 x\nend\n",
		BASE "peer 1 30 0 0 9 8 0 2 2\nend\n", /* no slot */
		BASE "peer 0 30 0 0 9 8 0 1 1\nend\n", /* the server */
		BASE SLOT_1 "peer 1 -1 0 0 9 8 0 2 2\nend\n",
		BASE SLOT_1 "peer 1 30 3 0 9 8 0 2 2\nend\n", /* dialect */
		BASE SLOT_1 "peer 1 30 2 0 9 4 0 0 2\nend\n", /* host */
		BASE SLOT_1 "peer 1 30 0 0 9 8 0 3 2\nend\n", /* index */
		BASE SLOT_1 "peer 1 30 0 0 9 8 2 2 2\nend\n", /* vector */
		BASE SLOT_1 "peer 1 30 0 0 9 9 0 2 2\nend\n", /* phase */
		BASE SLOT_1 "peer 1 30 0 0 9 4 0 2 2\nend\n",
		BASE SLOT_1
		"peer 1 3 0 0 9 8 0 2 2\npeer 1 4 0 0 9 8 0 2 2\nend\n",
		BASE "listener 4 10 1 64 1234\nend\n",
		BASE "listener 0 1 1 6 1\nlistener 0 1 1 6 1\nend\n",
		BASE "waiter -3\nend\n",
		BASE "what 3\nend\n",
		BASE "flush 65536 -5 17\nend\n",
		BASE "flush 0 0 0 1 1 1 1 1 1 1 1 1\nend\n", /* where? */
		BASE "flush 65537 0 0 1 1 1 1 1 1 1 1 1\nend\n",
		BASE "flush 65536 5 0 1 1 1 1 1 1 1 1 1\nend\n",
		HEAD SERVER "region 7 8 1048576 0 - /f\n" LOCK SELF
			    "flush 65536 0 0 1 1 1 1 1 1 1 1 1\nend\n",
		BASE "flushed 65536 1 1 1\nend\n",
		BASE "flushed 3 1 1\nend\n",
		BASE "distrusts 2\nend\n",
		BASE "sessions 1114112\nend\n",
		BASE "sessions 1114112 0\nend\n", /* nobody's */
		BASE "sessions 65536 77\nend\n",  /* where? */
		HEAD SERVER "region 7 8 1048576 0 - /f\n" LOCK SELF
			    "sessions 1114112 77\nend\n",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		refuses(bad[i], -EBADMSG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_a_server),
		cmocka_unit_test(reads_what_the_flush_service_did),
		cmocka_unit_test(reads_the_life_in_the_table_of_sessions),
		cmocka_unit_test(names_every_descriptor),
		cmocka_unit_test(another_version_is_refused),
		cmocka_unit_test(damage_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
