// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
/* What the commands' tests cannot reach: the model itself, on real files. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "fabric.h"
#include "hold.h"
#include "paths.h"
#include "run.h"
#include "util/size.h"

static char dir[64];
static struct err err;

static int setup(void **state)
{
	(void)state;
	strcpy(dir, "/var/tmp/test-fabric-XXXXXX");
	memset(&err, 0, sizeof(err));
	return mkdtemp(dir) ? 0 : -1;
}

static int teardown(void **state)
{
	const char *const argv[] = {"rm", "-rf", dir, NULL};
	static struct run_result result;

	(void)state;
	return run_program(argv, 10000, &result, &err);
}

static void make(const char *name, struct fabric *out)
{
	const struct fabric_spec spec = {
		.name = name, .dir = dir, .size = FAM_FORMATTED_MIN};

	assert_int_equal(fabric_create(&spec, out, &err), 0);
}

static void created_fabric_is_what_open_finds(void **state)
{
	struct fabric made, found;

	(void)state;
	make("one", &made);
	assert_int_equal(fabric_open("one", dir, &found, &err), 0);
	assert_string_equal(made.path, found.path);
	assert_memory_equal(&made.sb, &found.sb, sizeof(made.sb));
	assert_true(found.formatted);
	assert_int_equal(found.damaged, 0);
	assert_string_equal(found.name, "one");
	assert_true(found.allocated >= found.size);
}

static void sizes_are_checked_with_the_nearest_good_ones(void **state)
{
	(void)state;
	for (uint64_t size = FAM_FORMATTED_MIN; size <= FAM_SIZE_MAX; size *= 2)
		assert_int_equal(fabric_check_size(size, false, &err), 0);
	assert_int_equal(fabric_check_size(FAM_RAW_MIN, true, &err), 0);
	assert_int_equal(fabric_check_size(FAM_RAW_MIN, false, &err), -EINVAL);
	assert_int_equal(fabric_check_size(FAM_SIZE_MAX * 2, false, &err),
			 -EINVAL);
	assert_int_equal(fabric_check_size(FAM_SIZE_MAX - 1, false, &err),
			 -EINVAL);
	assert_string_equal(err.hint, "use 8TiB or 16TiB");
	assert_int_equal(fabric_check_size(FAM_FORMATTED_MIN + 1, false, &err),
			 -EINVAL);
	assert_string_equal(err.text, "size 16777217 is not a power of two");
	assert_string_equal(err.hint, "use 16MiB or 32MiB");
}

static int collect(const char *path, void *arg, struct err *unused)
{
	char *all = arg;

	(void)unused;
	strcat(all, strrchr(path, '/'));
	return strstr(path, "stop") ? 7 : 0;
}

static void each_visits_by_name_and_stops_when_told(void **state)
{
	char all[256] = "";
	struct fabric f;

	(void)state;
	make("b", &f);
	make("a", &f);
	make("Z", &f);
	assert_int_equal(fabric_each(dir, collect, all, &err), 0);
	assert_string_equal(all, "/Z.fam/a.fam/b.fam");
	make("a-stop", &f);
	all[0] = '\0';
	assert_int_equal(fabric_each(dir, collect, all, &err), 7);
	assert_string_equal(all, "/Z.fam/a-stop.fam");
}

static void reopen_notices_another_file(void **state)
{
	struct fabric one, two;
	int fd;

	(void)state;
	make("one", &one);
	make("two", &two);
	fd = fabric_reopen(&one, O_RDONLY, &err);
	assert_true(fd >= 0);
	close(fd);
	assert_int_equal(rename(two.path, one.path), 0);
	assert_int_equal(fabric_reopen(&one, O_RDONLY, &err), -ESTALE);
	assert_int_equal(fabric_sync(&one, &err), -ESTALE);
}

/* Who opens the file while we ask must not kill us by a broken lease. */
static void asking_for_users_survives_those_who_come(void **state)
{
	char users[256];
	struct fabric f;
	int status;
	pid_t pid;

	(void)state;
	make("f", &f);
	pid = fork();
	if (pid == 0) {
		for (;;)
			close(open(f.path, O_RDWR));
	}
	for (int i = 0; i < 30; i++)
		assert_true(fabric_in_use(&f, users, sizeof(users), &err) >= 0);
	kill(pid, SIGKILL);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(fabric_in_use(&f, users, sizeof(users), &err), 0);
	assert_string_equal(users, "");
}

static void held_signal_comes_when_released(void **state)
{
	struct hold hold;
	int status;
	pid_t pid = fork();

	(void)state;
	if (pid == 0) {
		hold_begin(&hold);
		if (hold_interrupted())
			_exit(1);
		raise(SIGTERM);
		if (!hold_interrupted())
			_exit(2);
		hold_end(&hold);
		_exit(3);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status));
	assert_int_equal(WTERMSIG(status), SIGTERM);
}

static void run_collects_output_and_status(void **state)
{
	const char *const argv[] = {
		"sh", "-c", "echo out; echo err >&2; cat; exit 3", NULL};
	static struct run_result result;

	(void)state;
	assert_int_equal(run_program(argv, 10000, &result, &err), 0);
	assert_int_equal(result.status, 3);
	assert_int_equal(result.timed_out, 0);
	assert_string_equal(result.output, "out\nerr\n");
}

static void run_tells_a_missing_program(void **state)
{
	const char *const absent[] = {"/no/such/program", NULL};
	const char *const closed[] = {"/dev/null", NULL};
	static struct run_result result;

	(void)state;
	assert_int_equal(run_program(absent, 1000, &result, &err), -ENOENT);
	assert_string_equal(err.text, "cannot run '/no/such/program': No such "
				      "file or directory");
	assert_int_equal(run_program(closed, 1000, &result, &err), -EACCES);
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1); /* no zombie */
}

static void run_kills_what_takes_too_long(void **state)
{
	const char *const argv[] = {"sh", "-c", "echo begun; exec sleep 60",
				    NULL};
	static struct run_result result;

	(void)state;
	assert_int_equal(run_program(argv, 300, &result, &err), 0);
	assert_int_equal(result.timed_out, 1);
	assert_int_equal(result.status, 128 + SIGKILL);
	assert_string_equal(result.output, "begun\n");
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
}

/* A daemon it starts keeps the pipe; that is no reason to wait for it. */
static void run_does_not_wait_for_grandchildren(void **state)
{
	const char *const argv[] = {"sh", "-c", "sleep 3 & echo done", NULL};
	static struct run_result result;

	(void)state;
	assert_int_equal(run_program(argv, 2000, &result, &err), 0);
	assert_int_equal(result.timed_out, 0);
	assert_string_equal(result.output, "done\n");
}

static void run_cuts_long_output(void **state)
{
	const char *const argv[] = {"head", "-c", "300000", "/dev/zero", NULL};
	static struct run_result result;

	(void)state;
	memset(result.output, 'x', sizeof(result.output));
	assert_int_equal(run_program(argv, 10000, &result, &err), 0);
	assert_int_equal(result.status, 0);
	assert_int_equal(result.output[sizeof(result.output) - 2], 0);
}

static void paths_are_made_absolute(void **state)
{
	char out[PATH_MAX];

	(void)state;
	assert_int_equal(paths_absolute("/", out, &err), 0);
	assert_string_equal(out, "/");
	assert_int_equal(paths_absolute("/a/b", out, &err), 0);
	assert_string_equal(out, "/a/b");
	assert_int_equal(chdir("/usr"), 0);
	assert_int_equal(paths_absolute("x", out, &err), 0);
	assert_string_equal(out, "/usr/x");
	assert_int_equal(chdir("/"), 0);
	assert_int_equal(paths_absolute("x", out, &err), 0);
	assert_string_equal(out, "/x");
}

static void directories_are_made_with_their_parents(void **state)
{
	char path[128];
	struct stat st;

	(void)state;
	snprintf(path, sizeof(path), "%s/a/b/", dir);
	umask(077);
	assert_int_equal(paths_mkdir(path, 0755, &err), 0);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0755);
	assert_int_equal(paths_mkdir(path, 0700, &err), 0);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0755);
	snprintf(path, sizeof(path), "%s/file", dir);
	close(creat(path, 0600));
	strcat(path, "/below");
	assert_int_equal(paths_mkdir(path, 0755, &err), -ENOTDIR);
	assert_int_equal(paths_mkdir("", 0755, &err), -ENOENT);
}

static void missing_data_file_is_named(void **state)
{
	char out[PATH_MAX];

	(void)state;
	assert_int_equal(paths_data("no-such-file", out, &err), -ENOENT);
	assert_non_null(
		strstr(err.text, "'no-such-file' is missing: not in '"));
	assert_int_equal(paths_bin("test-fabric", out, &err), 0);
	assert_int_equal(access(out, X_OK), 0);
}

#define WITH_DIR(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_DIR(created_fabric_is_what_open_finds),
		cmocka_unit_test(sizes_are_checked_with_the_nearest_good_ones),
		WITH_DIR(each_visits_by_name_and_stops_when_told),
		WITH_DIR(reopen_notices_another_file),
		WITH_DIR(asking_for_users_survives_those_who_come),
		cmocka_unit_test(held_signal_comes_when_released),
		cmocka_unit_test(run_collects_output_and_status),
		cmocka_unit_test(run_tells_a_missing_program),
		cmocka_unit_test(run_kills_what_takes_too_long),
		cmocka_unit_test(run_does_not_wait_for_grandchildren),
		cmocka_unit_test(run_cuts_long_output),
		cmocka_unit_test(paths_are_made_absolute),
		WITH_DIR(directories_are_made_with_their_parents),
		cmocka_unit_test(missing_data_file_is_named),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
