// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "util/cleanup.h"
#include "util/fdio.h"

#define LONG 1000000 /* many times what a pipe holds */

static void on_alarm(int number)
{
	(void)number;
}

/* A signal each millisecond, without SA_RESTART: calls end early or in EINTR.
 */
static void disturb(bool on)
{
	const struct sigaction action = {.sa_handler = on_alarm};
	const struct itimerval each_ms = {{0, 1000}, {0, 1000}}, off = {0};

	sigaction(SIGALRM, &action, NULL);
	setitimer(ITIMER_REAL, on ? &each_ms : &off, NULL);
}

static char pattern(size_t at)
{
	return (char)(at * 7 + at / 1000);
}

/* Reads slowly in small pieces; exit status 0 if all of it was right. */
static void read_slowly(int fd)
{
	size_t at = 0;
	char buf[777];
	ssize_t n;

	while ((n = read(fd, buf, sizeof(buf))) > 0) {
		for (ssize_t i = 0; i < n; i++, at++) {
			if (buf[i] != pattern(at))
				_exit(1);
		}
		sched_yield();
	}
	_exit(at == LONG ? 0 : 2);
}

static void write_finishes_across_signals_and_short_counts(void **state)
{
	_cleanup_free_ char *data = malloc(LONG);
	int fds[2], status;
	pid_t pid;

	(void)state;
	for (size_t i = 0; i < LONG; i++)
		data[i] = pattern(i);
	assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
	fflush(NULL);
	pid = fork();
	if (pid == 0) {
		close(fds[1]);
		read_slowly(fds[0]);
	}
	close(fds[0]);
	disturb(true);
	assert_int_equal(fdio_write(fds[1], data, LONG), 0);
	disturb(false);
	close(fds[1]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

static void write_tells_a_closed_pipe(void **state)
{
	int fds[2];

	(void)state;
	signal(SIGPIPE, SIG_IGN);
	assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
	close(fds[0]);
	assert_int_equal(fdio_write(fds[1], "x", 1), -EPIPE);
	close(fds[1]);
	assert_int_equal(fdio_write(fds[1], "x", 1), -EBADF);
}

static void pwrite_and_pread_work_at_offsets(void **state)
{
	_cleanup_close_ int fd = memfd_create("fdio", MFD_CLOEXEC);
	const uint64_t far = UINT64_C(5) << 30;
	char buf[4] = "";

	(void)state;
	assert_int_equal(fdio_pwrite(fd, "abcd", 4, far), 0);
	assert_int_equal(fdio_pread(fd, buf, 4, far), 0);
	assert_memory_equal(buf, "abcd", 4);
	assert_int_equal(lseek(fd, 0, SEEK_CUR), 0);
}

static void pread_tells_end_of_file(void **state)
{
	_cleanup_close_ int fd = memfd_create("fdio", MFD_CLOEXEC);
	char buf[4];

	(void)state;
	assert_int_equal(fdio_pwrite(fd, "abc", 3, 0), 0);
	assert_int_equal(fdio_pread(fd, buf, 4, 0), -ENODATA);
	assert_int_equal(fdio_pread(fd, buf, 1, 3), -ENODATA);
	assert_int_equal(fdio_pread(fd, buf, 0, 100), 0);
}

static void pwrite_tells_a_full_device(void **state)
{
	_cleanup_close_ int fd = open("/dev/full", O_WRONLY | O_CLOEXEC);

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(fdio_pwrite(fd, "x", 1, 0), -ENOSPC);
}

static void read_file_reads_up_to_its_limit(void **state)
{
	char path[] = "/tmp/test-fdio-XXXXXX";
	_cleanup_close_ int fd = mkostemp(path, O_CLOEXEC);
	_cleanup_free_ char *text = NULL;
	char *untouched = path;
	size_t len = 0;

	(void)state;
	assert_int_equal(fdio_write(fd, "hello", 5), 0);
	assert_int_equal(fdio_read_file(path, 5, &text, &len), 0);
	assert_int_equal(len, 5);
	assert_string_equal(text, "hello");
	assert_int_equal(fdio_read_file(path, 4, &untouched, &len), -EFBIG);
	assert_ptr_equal(untouched, path);
	unlink(path);
	assert_int_equal(fdio_read_file(path, 5, &untouched, &len), -ENOENT);
	assert_int_equal(fdio_read_file("/", 5, &untouched, &len), -EISDIR);
	assert_ptr_equal(untouched, path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			write_finishes_across_signals_and_short_counts),
		cmocka_unit_test(write_tells_a_closed_pipe),
		cmocka_unit_test(pwrite_and_pread_work_at_offsets),
		cmocka_unit_test(pread_tells_end_of_file),
		cmocka_unit_test(pwrite_tells_a_full_device),
		cmocka_unit_test(read_file_reads_up_to_its_limit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
