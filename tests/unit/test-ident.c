// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "ident.h"

#define UUID "0a1b2c3d-4e5f-4a6b-8c7d-8e9fa0b1c2d3"

/* Arguments are written with '|' for the NUL behind each. */
static struct identity parsed(const char *args)
{
	struct identity out = {.name = "qemu-system-x86"};
	char cmdline[512];
	size_t len = strlen(args);

	memcpy(cmdline, args, len);
	for (size_t i = 0; i < len; i++)
		if (cmdline[i] == '|')
			cmdline[i] = '\0';
	ident_parse(cmdline, len, &out);
	return out;
}

static void reads_what_libvirt_writes(void **state)
{
	struct identity i =
		parsed("/usr/bin/"
		       "qemu-system-x86_64|-name|guest=node-01,debug-threads=on"
		       "|-S|-uuid|" UUID "|-m|512|");

	(void)state;
	assert_string_equal(i.name, "node-01");
	assert_string_equal(i.uuid, UUID);
}

static void reads_other_spellings(void **state)
{
	(void)state;
	assert_string_equal(parsed("q|-name|plain|").name, "plain");
	assert_string_equal(parsed("q|--name|plain,process=x|").name, "plain");
	assert_string_equal(parsed("q|-name|guest=a,,b|").name, "a,b");
	assert_string_equal(
		parsed("q|-uuid|0A1B2C3D-4E5F-4A6B-8C7D-8E9FA0B1C2D3|").uuid,
		UUID);
}

static void keeps_what_it_knew(void **state)
{
	static const char uuid_in_a_value[] = "q|-device|x,-uuid|" UUID;
	static const char too_long[] = "q|-uuid|" UUID "0|";
	const char *const odd[] = {
		"",
		"q|",
		"q|-name|",
		"q|-name",
		"q|-name|unterminated",
		"q|-name||",
		"q|-uuid|nonsense|",
		too_long,
		uuid_in_a_value,
		"||||",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(odd) / sizeof(*odd); i++) {
		struct identity got = parsed(odd[i]);

		assert_string_equal(got.name, "qemu-system-x86");
		assert_string_equal(got.uuid, "");
	}
}

static void cuts_a_long_name(void **state)
{
	char args[300] = "q|-name|";
	struct identity i;

	(void)state;
	memset(args + 8, 'n', 200);
	args[208] = '|';
	i = parsed(args);
	assert_int_equal(strlen(i.name), IDENT_NAME_BYTES - 1);
}

static void a_socket_tells_process_and_user(void **state)
{
	struct identity i;
	int fd[2];

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fd), 0);
	assert_int_equal(prctl(PR_SET_NAME, "qemu-test"), 0);
	assert_int_equal(ident_socket(fd[0], &i), 0);
	assert_int_equal(i.pid, getpid());
	assert_int_equal(i.uid, geteuid());
	assert_string_equal(i.name, "qemu-test");
	assert_true(ident_is_emulator(&i));
	close(fd[0]);
	close(fd[1]);
}

/* -- the threads -- */

static struct identity told;
static int times;

static void on_identity(const struct identity *identity, void *arg)
{
	told = *identity;
	times++;
	assert_ptr_equal(arg, &times);
}

/* A process with this command line that only waits. */
static pid_t start_named(void)
{
	pid_t pid = fork();

	if (pid == 0) {
		execl("/bin/sh", "sh", "-c", "kill -STOP $$", "-uuid", UUID,
		      "-name", "guest=thread", (char *)NULL);
		_exit(1);
	}
	waitpid(pid, NULL, WUNTRACED);
	return pid;
}

static void reads_in_a_thread(void **state)
{
	struct loop *loop;
	struct ident_pool *pool;
	struct ident_job *job, *dropped;
	struct identity who = {.pid = (uint32_t)start_named(), .name = "qemu"};

	(void)state;
	times = 0;
	assert_int_equal(loop_new(&loop), 0);
	assert_int_equal(ident_pool_new(&pool, loop), 0);
	assert_int_equal(ident_start(&job, pool, &who, on_identity, &times), 0);
	assert_int_equal(ident_start(&dropped, pool, &who, on_identity, &times),
			 0);
	ident_cancel(dropped);
	while (!times)
		assert_int_equal(loop_round(loop, 1000), 0);
	assert_string_equal(told.uuid, UUID);
	assert_string_equal(told.name, "thread");
	kill((pid_t)who.pid, SIGKILL);
	waitpid((pid_t)who.pid, NULL, 0);
	/* many at once, some cancelled, none told twice; a dead process, too */
	for (int i = 0; i < 100; i++) {
		assert_int_equal(
			ident_start(&job, pool, &who, on_identity, &times), 0);
		if (i % 10 == 0)
			ident_cancel(job);
	}
	while (times < 91)
		assert_int_equal(loop_round(loop, 1000), 0);
	assert_string_equal(told.uuid, "");
	assert_string_equal(told.name, "qemu");
	assert_int_equal(loop_round(loop, 50), 0);
	assert_int_equal(times, 91);
	assert_int_equal(ident_start(&job, pool, &who, on_identity, &times), 0);
	ident_pool_free(pool);
	loop_free(loop);
	assert_int_equal(times, 91);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_what_libvirt_writes),
		cmocka_unit_test(reads_other_spellings),
		cmocka_unit_test(keeps_what_it_knew),
		cmocka_unit_test(cuts_a_long_name),
		cmocka_unit_test(a_socket_tells_process_and_user),
		cmocka_unit_test(reads_in_a_thread),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
