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
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <cmocka.h>

#include "cpio.h"

/* One entry as it stands in an archive. */
struct found {
	char name[256];
	unsigned int mode, size, major, minor;
	const char *data;
};

struct archive {
	char bytes[65536];
	size_t len;
};

static unsigned int field(const char *header, int number)
{
	char text[9] = "";

	memcpy(text, header + 6 + 8 * number, 8);
	return (unsigned int)strtoul(text, NULL, 16);
}

/* Reads the entry at @at; returns where the next one begins. */
static size_t read_entry(const struct archive *archive, size_t at,
			 struct found *out)
{
	const char *header = archive->bytes + at;
	size_t name = field(header, 11);

	assert_true(at + 110 + name <= archive->len);
	assert_memory_equal(header, "070701", 6);
	assert_int_equal(at % 4, 0);
	assert_int_equal(field(header, 5), 0); /* the time */
	assert_true(name <= sizeof(out->name));
	memcpy(out->name, header + 110, name);
	assert_int_equal(out->name[name - 1], '\0');
	out->mode = field(header, 1);
	out->size = field(header, 6);
	out->major = field(header, 9);
	out->minor = field(header, 10);
	at = (at + 110 + name + 3) & ~(size_t)3;
	out->data = archive->bytes + at;
	return (at + out->size + 3) & ~(size_t)3;
}

/* Finds @name; returns false if the archive ends without it. */
static bool lookup(const struct archive *archive, const char *name,
		   struct found *out)
{
	size_t at = 0;

	do {
		at = read_entry(archive, at, out);
		if (strcmp(out->name, name) == 0)
			return true;
	} while (strcmp(out->name, "TRAILER!!!") != 0);
	assert_int_equal(at, archive->len);
	return false;
}

static void write_archive(struct cpio *cpio, struct archive *out)
{
	int fd = memfd_create("archive", MFD_CLOEXEC);
	struct err err;
	ssize_t n;

	assert_true(fd >= 0);
	assert_int_equal(cpio_write(cpio, fd, &err), 0);
	n = pread(fd, out->bytes, sizeof(out->bytes), 0);
	assert_true(n > 0 && n < (ssize_t)sizeof(out->bytes));
	out->len = (size_t)n;
	close(fd);
}

static struct cpio *fresh(void)
{
	struct cpio *cpio;
	struct err err;

	assert_int_equal(cpio_new(&cpio, &err), 0);
	return cpio;
}

static void test_every_kind_of_entry(void **state)
{
	_cleanup_cpio_ struct cpio *cpio = fresh();
	struct archive archive;
	struct found found;
	struct err err;

	(void)state;
	assert_int_equal(cpio_data(cpio, "/etc/x", "abcde", 5, &err), 0);
	assert_int_equal(cpio_link(cpio, "bin/sh", "busybox", &err), 0);
	assert_int_equal(cpio_node(cpio, "dev/console", S_IFCHR | 0600,
				   makedev(5, 1), &err),
			 0);
	assert_int_equal(cpio_dir(cpio, "tmp", 01777, &err), 0);
	write_archive(cpio, &archive);
	assert_true(lookup(&archive, "etc/x", &found));
	assert_int_equal(found.mode, S_IFREG | 0644);
	assert_int_equal(found.size, 5);
	assert_memory_equal(found.data, "abcde", 5);
	assert_true(lookup(&archive, "bin/sh", &found));
	assert_int_equal(found.mode, S_IFLNK | 0777);
	assert_memory_equal(found.data, "busybox", found.size);
	assert_true(lookup(&archive, "dev/console", &found));
	assert_int_equal(found.mode, S_IFCHR | 0600);
	assert_int_equal(found.major, 5);
	assert_int_equal(found.minor, 1);
	assert_true(lookup(&archive, "tmp", &found));
	assert_int_equal(found.mode, S_IFDIR | 01777);
	assert_false(lookup(&archive, "etc/y", &found));
}

static void test_a_file_is_copied_with_its_bytes(void **state)
{
	_cleanup_cpio_ struct cpio *cpio = fresh();
	struct archive archive;
	struct found found;
	struct err err;
	char path[64];
	int fd = memfd_create("source", MFD_CLOEXEC);

	(void)state;
	assert_int_equal(write(fd, "\0\377\n", 3), 3);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	assert_int_equal(cpio_file(cpio, "a/b", 0755, path, &err), 0);
	assert_string_equal(cpio_source(cpio, "/a/b"), path);
	write_archive(cpio, &archive);
	assert_true(lookup(&archive, "a/b", &found));
	assert_int_equal(found.mode, S_IFREG | 0755);
	assert_int_equal(found.size, 3);
	assert_memory_equal(found.data, "\0\377\n", 3);
	close(fd);
}

static void test_parents_come_first_and_once(void **state)
{
	_cleanup_cpio_ struct cpio *cpio = fresh();
	static const char *const expected[] = {"a",	"a/b", "a/b/c",
					       "a/b/d", "z",   "TRAILER!!!"};
	struct archive archive;
	struct found found;
	struct err err;
	size_t at = 0;

	(void)state;
	assert_int_equal(cpio_data(cpio, "z", "", 0, &err), 0);
	assert_int_equal(cpio_data(cpio, "a/b/d", "", 0, &err), 0);
	assert_int_equal(cpio_data(cpio, "/a/b/c", "", 0, &err), 0);
	assert_int_equal(cpio_dir(cpio, "a", 0700, &err), 0);
	write_archive(cpio, &archive);
	for (size_t i = 0; i < sizeof(expected) / sizeof(*expected); i++) {
		at = read_entry(&archive, at, &found);
		assert_string_equal(found.name, expected[i]);
	}
	assert_int_equal(at, archive.len);
}

static void test_order_of_adding_does_not_matter(void **state)
{
	_cleanup_cpio_ struct cpio *one = fresh();
	_cleanup_cpio_ struct cpio *two = fresh();
	static struct archive first, second;
	struct err err;

	(void)state;
	assert_int_equal(cpio_data(one, "a", "1", 1, &err), 0);
	assert_int_equal(cpio_link(one, "b", "a", &err), 0);
	assert_int_equal(cpio_link(two, "b", "a", &err), 0);
	assert_int_equal(cpio_data(two, "a", "1", 1, &err), 0);
	write_archive(one, &first);
	write_archive(two, &second);
	assert_int_equal(first.len, second.len);
	assert_memory_equal(first.bytes, second.bytes, first.len);
}

static void test_a_path_is_taken_only_once(void **state)
{
	_cleanup_cpio_ struct cpio *cpio = fresh();
	struct err err;

	(void)state;
	assert_int_equal(cpio_data(cpio, "a", "", 0, &err), 0);
	assert_int_equal(cpio_link(cpio, "/a", "b", &err), -EEXIST);
	assert_non_null(strstr(err.text, "'/a'"));
	assert_int_equal(cpio_dir(cpio, "a", 0755, &err), -EEXIST);
	assert_int_equal(cpio_data(cpio, "a/b", "", 0, &err), -EEXIST);
	assert_true(cpio_has(cpio, "/a"));
	assert_false(cpio_has(cpio, "a/b"));
}

static void test_bad_paths_are_refused(void **state)
{
	static const char *const bad[] = {"",	  "/",	   "..", "a/../b",
					  "a//b", "a/./b", "a/", "./a"};
	_cleanup_cpio_ struct cpio *cpio = fresh();
	struct err err;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		assert_int_equal(cpio_data(cpio, bad[i], "", 0, &err), -EINVAL);
}

static void test_a_missing_source_is_named(void **state)
{
	_cleanup_cpio_ struct cpio *cpio = fresh();
	int fd = memfd_create("archive", MFD_CLOEXEC);
	struct err err;

	(void)state;
	assert_int_equal(cpio_file(cpio, "a", 0644, "/nonexistent/x", &err), 0);
	assert_int_equal(cpio_write(cpio, fd, &err), -ENOENT);
	assert_non_null(strstr(err.text, "'/nonexistent/x'"));
	close(fd);
}

static void test_a_full_disk_is_an_error(void **state)
{
	_cleanup_cpio_ struct cpio *cpio = fresh();
	int fd = open("/dev/full", O_WRONLY | O_CLOEXEC);
	struct err err;

	(void)state;
	assert_int_equal(cpio_data(cpio, "a", "x", 1, &err), 0);
	assert_int_equal(cpio_write(cpio, fd, &err), -ENOSPC);
	close(fd);
}

static int count_source(const char *source, void *arg, struct err *err)
{
	(void)err;
	(*(int *)arg)++;
	return strcmp(source, "/two") == 0 ? 7 : 0;
}

static void test_sources_are_visited_by_path(void **state)
{
	_cleanup_cpio_ struct cpio *cpio = fresh();
	struct err err;
	int count = 0;

	(void)state;
	assert_int_equal(cpio_file(cpio, "c", 0644, "/three", &err), 0);
	assert_int_equal(cpio_file(cpio, "a", 0644, "/one", &err), 0);
	assert_int_equal(cpio_file(cpio, "b", 0644, "/two", &err), 0);
	assert_int_equal(cpio_each_source(cpio, count_source, &count, &err), 7);
	assert_int_equal(count, 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_kind_of_entry),
		cmocka_unit_test(test_a_file_is_copied_with_its_bytes),
		cmocka_unit_test(test_parents_come_first_and_once),
		cmocka_unit_test(test_order_of_adding_does_not_matter),
		cmocka_unit_test(test_a_path_is_taken_only_once),
		cmocka_unit_test(test_bad_paths_are_refused),
		cmocka_unit_test(test_a_missing_source_is_named),
		cmocka_unit_test(test_a_full_disk_is_an_error),
		cmocka_unit_test(test_sources_are_visited_by_path),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
