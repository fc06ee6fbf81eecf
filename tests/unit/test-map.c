// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/wait.h>

#include <cmocka.h>

#include <fam/fam.h>

#include "fabric-file.h"

#define DATA   (12 * MIB) /* of a fabric of 16 MiB */
#define UUID_1 "01fa0000-0000-4000-8000-000000000000"

static int set_up(void **state)
{
	const char *base = getenv("TMPDIR");
	struct workdir *work = calloc(1, sizeof(*work));

	*state = work;
	return work ? workdir_make(work, base ? base : "/tmp") : -1;
}

static int tear_down(void **state)
{
	int r = workdir_remove(*state);

	free(*state);
	return r;
}

/* What fam_open() answers; success is closed again, failure leaves @out. */
static int try_open(const char *name, unsigned int flags)
{
	struct fam *const untouched = (struct fam *)&tear_down;
	struct fam *fam = untouched;
	int r = fam_open(&fam, name, flags);

	if (r == 0)
		fam_close(fam);
	else
		assert_ptr_equal(fam, untouched);
	return r;
}

static void get_info(const char *name, unsigned int flags, struct fam_info *out)
{
	struct fam *fam;

	assert_int_equal(fam_open(&fam, name, flags), 0);
	assert_int_equal(fam_get_info(fam, out, sizeof(*out)), 0);
	fam_close(fam);
}

static int count_each(const char *name, void *arg)
{
	(void)name;
	++*(int *)arg;
	return 0;
}

/* Fabrics of this machine that are none of the test's. */
static int foreign_fabrics(void)
{
	int count = 0;

	assert_int_equal(fam_list(count_each, &count), 0);
	return count;
}

static void a_path_opens_and_is_described(void **state)
{
	const char *path = fabric_make(*state, "f1", 1, NULL);
	struct fam_info info;

	get_info(path, 0, &info);
	assert_int_equal(info.size, 16 * MIB);
	assert_int_equal(info.data_bytes, DATA);
	assert_int_equal(info.data_offset, 2 * MIB);
	assert_int_equal(info.generation, 1);
	assert_int_equal(info.created_ns, 42);
	assert_int_equal(info.formatted, 1);
	assert_int_equal(info.version, 1);
	assert_int_equal(info.damaged, 0);
	assert_int_equal(info.read_only, 0);
	assert_int_equal(info.transport, FAM_TRANSPORT_FILE);
	assert_int_equal(info.cache, FAM_CACHE_WB);
	assert_int_equal(info.backend, FAM_BACKEND_FILE);
	assert_string_equal(info.backend_reason, "");
	assert_int_equal(info.sessions, 1);
	assert_string_equal(info.label, "f1");
	assert_string_equal(info.uuid, UUID_1);
	assert_string_equal(info.device, "");
	assert_string_not_equal(info.cache_source, "");
	assert_true(strstr(info.path, "/fam/f1.fam"));
	get_info(path, FAM_OPEN_RDONLY, &info);
	assert_int_equal(info.read_only, 1);
}

static void info_serves_callers_of_other_releases(void **state)
{
	const char *path = fabric_make(*state, "f1", 1, NULL);
	struct {
		struct fam_info info;
		char more[8];
	} newer;
	uint64_t older[2] = {0, 99};
	struct fam *fam;

	memset(&newer, 0x55, sizeof(newer));
	assert_int_equal(fam_open(&fam, path, 0), 0);
	assert_int_equal(fam_get_info(fam, (void *)older, 8), 0);
	assert_int_equal(older[0], 16 * MIB);
	assert_int_equal(older[1], 99);
	assert_int_equal(fam_get_info(fam, &newer.info, sizeof(newer)), 0);
	assert_int_equal(newer.more[0], 0);
	assert_int_equal(newer.more[7], 0);
	assert_int_equal(fam_get_info(fam, &newer.info, 0), -EINVAL);
	fam_close(fam);
	fam_close(NULL);
}

static void names_find_files_of_the_fabric_directory(void **state)
{
	fabric_make(*state, "f1", 1, NULL);
	fabric_make(*state, "f2", 2, NULL);
	assert_int_equal(try_open("f1", 0), 0);
	assert_int_equal(try_open(UUID_1, 0), 0);
	assert_int_equal(try_open("01FA0000-0000-4000-8000-000000000000", 0),
			 0);
	assert_int_equal(try_open("f3", 0), -ENOENT);
	assert_int_equal(try_open("03fa0000-0000-4000-8000-000000000000", 0),
			 -ENOENT);
	assert_int_equal(try_open("01fa0000-0000-4000-8000-000000000001", 0),
			 -ENOENT);
	assert_int_equal(try_open("0000:7f:1f.7", 0), -ENOENT);
	assert_int_equal(try_open("/sys/bus/pci/devices/0000:7f:1f.7/", 0),
			 -ENOENT);
}

static void a_relative_data_directory_is_ignored(void **state)
{
	struct workdir *work = *state;
	int here = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	fabric_make(work, "f1", 1, NULL);
	assert_int_equal(chdir(work->dir), 0);
	assert_int_equal(setenv("XDG_DATA_HOME", ".", 1), 0);
	assert_int_equal(setenv("HOME", "/nonexistent", 1), 0);
	assert_int_equal(try_open("f1", 0), -ENOENT);
	assert_int_equal(fchdir(here), 0);
	close(here);
}

static void home_stands_in_for_the_data_directory(void **state)
{
	struct workdir *work = *state;
	char to[600];

	fabric_make(work, "f1", 1, NULL);
	snprintf(to, sizeof(to), "%s/.local", work->dir);
	assert_int_equal(mkdir(to, 0755), 0);
	snprintf(to, sizeof(to), "%s/.local/share", work->dir);
	assert_int_equal(mkdir(to, 0755), 0);
	snprintf(to, sizeof(to), "%s/.local/share/fam", work->dir);
	workdir_path(work, "");
	work->path[strlen(work->path) - 1] = '\0';
	assert_int_equal(rename(work->path, to), 0);
	assert_int_equal(unsetenv("XDG_DATA_HOME"), 0);
	assert_int_equal(setenv("HOME", work->dir, 1), 0);
	assert_int_equal(try_open("f1", 0), 0);
	assert_int_equal(unsetenv("HOME"), 0);
	assert_int_equal(try_open("f1", 0), -ENOENT);
}

static void malformed_names_and_flags_are_refused(void **state)
{
	char label[80] = "";

	fabric_make(*state, "f1", 1, NULL);
	memset(label, 'a', sizeof(label) - 1);
	assert_int_equal(try_open("f1", 0x10), -EINVAL);
	assert_int_equal(try_open("f1", FAM_OPEN_DOORBELL), -EOPNOTSUPP);
	assert_int_equal(try_open("a b", 0), -EINVAL);
	assert_int_equal(try_open(".f1", 0), -EINVAL);
	assert_int_equal(try_open("..", 0), -EINVAL);
	assert_int_equal(try_open(label, 0), -EINVAL);
	assert_int_equal(try_open("0000:00:10.0x", 0), -EINVAL);
}

static void no_name_means_the_only_one(void **state)
{
	if (foreign_fabrics())
		skip(); /* this machine has fabrics of its own */
	assert_int_equal(try_open(NULL, 0), -ENODEV);
	assert_int_equal(try_open("", 0), -ENODEV);
	fabric_make(*state, "f1", 1, NULL);
	assert_int_equal(try_open(NULL, 0), 0);
	fabric_make(*state, "f2", 2, NULL);
	assert_int_equal(try_open(NULL, 0), -ENOTUNIQ);
}

static void a_copied_fabric_makes_its_uuid_ambiguous(void **state)
{
	fabric_make(*state, "f1", 1, NULL);
	fabric_make(*state, "copy", 1, NULL);
	assert_int_equal(try_open(UUID_1, 0), -ENOTUNIQ);
	assert_int_equal(try_open("copy", 0), 0);
}

static int stop_at_second(const char *name, void *arg)
{
	assert_true(strstr(name, ".fam"));
	return ++*(int *)arg == 2 ? 17 : 0;
}

static void list_names_each_fabric(void **state)
{
	int before = foreign_fabrics(), count = 0;
	struct workdir *work = *state;

	fabric_make(work, "f1", 1, NULL);
	fabric_make(work, "f2", 2, NULL);
	close(file_make(workdir_path(work, "bad.fam"), 10));
	close(file_make(workdir_path(work, "other.img"), 10));
	close(file_make(workdir_path(work, ".hidden.fam"), 10));
	assert_int_equal(fam_list(count_each, &count), 0);
	assert_int_equal(count, before + 3);
	if (before)
		return;
	count = 0;
	assert_int_equal(fam_list(stop_at_second, &count), 17);
	assert_int_equal(count, 2);
}

static void only_regular_files_are_fabrics(void **state)
{
	struct workdir *work = *state;
	char target[512];

	strcpy(target, fabric_make(work, "f1", 1, NULL));
	assert_int_equal(symlink(target, workdir_path(work, "link.fam")), 0);
	assert_int_equal(try_open(work->path, 0), -ELOOP);
	assert_int_equal(try_open("link", 0), -ELOOP);
	assert_int_equal(mkfifo(workdir_path(work, "pipe.fam"), 0600), 0);
	assert_int_equal(try_open(work->path, 0), -ENOTBLK);
	assert_int_equal(mkdir(workdir_path(work, "dir.fam"), 0700), 0);
	assert_int_equal(try_open("dir", 0), -ENOTBLK);
	assert_int_equal(try_open(work->dir, FAM_OPEN_RAW), -ENOTBLK);
	assert_int_equal(try_open("/dev/null", FAM_OPEN_RAW), -ENOTBLK);
	assert_int_equal(try_open(workdir_path(work, "none.fam"), 0), -ENOENT);
	assert_int_equal(try_open("/dev/null/x", 0), -ENOENT);
}

static void raw_and_formatted_are_not_mixed_up(void **state)
{
	struct workdir *work = *state;
	struct fam_info info;

	close(file_make(workdir_path(work, "raw.fam"), MIB));
	assert_int_equal(try_open("raw", 0), -EMEDIUMTYPE);
	get_info("raw", FAM_OPEN_RAW, &info);
	assert_int_equal(info.formatted, 0);
	assert_int_equal(info.size, MIB);
	assert_int_equal(info.data_bytes, MIB);
	assert_int_equal(info.data_offset, 0);
	assert_string_equal(info.uuid, "");
	assert_string_equal(info.label, "");
	fabric_make(work, "f1", 1, NULL);
	assert_int_equal(try_open("f1", FAM_OPEN_RAW), -EEXIST);
	assert_int_equal(try_open("f1", FAM_OPEN_RAW | FAM_OPEN_RDONLY),
			 -EEXIST);
}

static void short_files_are_refused(void **state)
{
	struct workdir *work = *state;
	const char *path = fabric_make(work, "f1", 1, NULL);

	assert_int_equal(truncate(path, (off_t)(16 * MIB - 1)), 0);
	assert_int_equal(try_open("f1", 0), -ENODATA);
	assert_int_equal(truncate(path, 4096), 0);
	assert_int_equal(try_open("f1", 0), -ENODATA);
	assert_int_equal(truncate(path, 4095), 0);
	assert_int_equal(try_open("f1", 0), -EMEDIUMTYPE);
	assert_int_equal(truncate(path, 0), 0);
	assert_int_equal(try_open("f1", 0), -EMEDIUMTYPE);
	assert_int_equal(try_open("f1", FAM_OPEN_RAW), -ENODATA);
}

static void a_longer_file_is_used_up_to_its_size(void **state)
{
	const char *path = fabric_make(*state, "f1", 1, NULL);
	struct fam_info info;

	assert_int_equal(truncate(path, (off_t)(32 * MIB)), 0);
	get_info(path, 0, &info);
	assert_int_equal(info.size, 16 * MIB);
	assert_int_equal(info.data_bytes, DATA);
}

static void one_damaged_copy_is_told_two_are_refused(void **state)
{
	const char *path = fabric_make(*state, "f1", 1, NULL);
	struct fam_info info;

	fabric_damage(path, 0);
	get_info(path, 0, &info);
	assert_int_equal(info.damaged, 1);
	assert_string_equal(info.label, "f1");
	assert_int_equal(try_open(UUID_1, 0), 0);
	fabric_damage(path, 1);
	assert_int_equal(try_open(path, 0), -EBADMSG);
	assert_int_equal(try_open(path, FAM_OPEN_RAW), -EBADMSG);
}

static void newer_version(struct fam_superblock *sb)
{
	sb->version = FAM_FORMAT_VERSION + 1;
}

static void newer_incompat(struct fam_superblock *sb)
{
	sb->feature_incompat = 1;
}

static void newer_ro_compat(struct fam_superblock *sb)
{
	sb->feature_ro_compat = 1;
}

static void newer_compat(struct fam_superblock *sb)
{
	sb->feature_compat |= 1U << 31;
}

static void newer_formats_open_as_far_as_they_allow(void **state)
{
	fabric_make(*state, "version", 1, newer_version);
	fabric_make(*state, "incompat", 2, newer_incompat);
	fabric_make(*state, "ro", 3, newer_ro_compat);
	fabric_make(*state, "compat", 4, newer_compat);
	assert_int_equal(try_open("version", 0), -EPROTONOSUPPORT);
	assert_int_equal(try_open("version", FAM_OPEN_RDONLY),
			 -EPROTONOSUPPORT);
	assert_int_equal(try_open("version", FAM_OPEN_RAW), -EEXIST);
	assert_int_equal(try_open("incompat", 0), -EPROTONOSUPPORT);
	assert_int_equal(try_open("ro", 0), -EROFS);
	assert_int_equal(try_open("ro", FAM_OPEN_RDONLY), 0);
	assert_int_equal(try_open("compat", 0), 0);
}

/* As a user without privileges; whoever runs the test already is, or root. */
static int open_as_nobody(const char *name, unsigned int flags)
{
	int status;
	pid_t child = fork();

	assert_true(child >= 0);
	if (child == 0) {
		if (geteuid() == 0 && (setgid(65534) || setuid(65534)))
			_exit(255);
		_exit(-try_open(name, flags));
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	return -WEXITSTATUS(status);
}

static void permissions_are_the_kernels(void **state)
{
	const char *path = fabric_make(*state, "f1", 1, NULL);

	assert_int_equal(chmod(path, 0444), 0);
	assert_int_equal(open_as_nobody("f1", 0), -EACCES);
	assert_int_equal(open_as_nobody("f1", FAM_OPEN_RDONLY), 0);
	assert_int_equal(chmod(path, 0000), 0);
	assert_int_equal(open_as_nobody("f1", FAM_OPEN_RDONLY), -EACCES);
	/* It may be the one meant: "no such fabric" would be a guess. */
	assert_int_equal(open_as_nobody(UUID_1, FAM_OPEN_RDONLY), -EACCES);
}

static void windows_show_the_same_memory(void **state)
{
	const char *path = fabric_make(*state, "f1", 1, NULL);
	char *all, *odd, *overlap;
	struct fam *fam;

	assert_int_equal(fam_open(&fam, path, 0), 0);
	assert_int_equal(fam_map(fam, 0, 0, (void **)&all), 0);
	assert_int_equal(fam_map(fam, 4097, 8191, (void **)&odd), 0);
	assert_int_equal(fam_map(fam, 5000, 1, (void **)&overlap), 0);
	memcpy(all + 4097, "first", sizeof("first"));
	all[DATA - 1] = 'z';
	assert_memory_equal(odd, "first", 5);
	odd[5000 - 4097] = 'o';
	assert_int_equal(*overlap, 'o');
	assert_int_equal(all[5000], 'o');
	assert_int_equal(fam_unmap(fam, odd), 0);
	assert_int_equal(fam_unmap(fam, odd), -EINVAL);
	assert_int_equal(fam_unmap(fam, all + 1), -EINVAL);
	assert_int_equal(fam_unmap(fam, NULL), 0);
	assert_int_equal(all[5000], 'o');
	fam_close(fam);
}

static void data_lies_behind_the_metadata_and_stays(void **state)
{
	const char *path = fabric_make(*state, "f1", 1, NULL);
	char found[6] = "", *window;
	struct fam *fam;
	int fd;

	assert_int_equal(fam_open(&fam, path, 0), 0);
	assert_int_equal(fam_map(fam, 10, 100, (void **)&window), 0);
	memcpy(window, "stays", sizeof("stays"));
	fam_close(fam);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	assert_int_equal(pread(fd, found, 5, 2 * MIB + 10), 5);
	close(fd);
	assert_string_equal(found, "stays");
	assert_int_equal(try_open(path, 0), 0);
}

static void windows_end_with_the_data(void **state)
{
	static const uint64_t bad[][2] = {
		{DATA, 0},	 {DATA, 1},	  {DATA + 1, 0},
		{0, DATA + 1},	 {DATA - 1, 2},	  {UINT64_MAX, 1},
		{1, UINT64_MAX}, {UINT64_MAX, 0},
	};
	const char *path = fabric_make(*state, "f1", 1, NULL);
	void *window = state;
	struct fam *fam;

	assert_int_equal(fam_open(&fam, path, 0), 0);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(fam_map(fam, bad[i][0], bad[i][1], &window),
				 -ERANGE);
		assert_ptr_equal(window, state);
	}
	assert_int_equal(fam_map(fam, DATA - 1, 0, &window), 0);
	*(char *)window = 1;
	fam_close(fam);
}

static void a_file_cut_under_us_is_noticed_at_the_next_window(void **state)
{
	const char *path = fabric_make(*state, "f1", 1, NULL);
	struct fam *fam;
	void *window;

	assert_int_equal(fam_open(&fam, path, FAM_OPEN_NO_SESSION), 0);
	assert_int_equal(truncate(path, (off_t)(4 * MIB)), 0);
	assert_int_equal(fam_map(fam, 0, 4096, &window), -ENODATA);
	fam_close(fam);
}

static void read_only_windows_cannot_be_written(void **state)
{
	const char *path = fabric_make(*state, "f1", 1, NULL);
	int fds[2], r;
	struct fam *fam;
	void *window;

	assert_int_equal(fam_open(&fam, path, FAM_OPEN_RDONLY), 0);
	assert_int_equal(fam_map(fam, 0, 4096, &window), 0);
	/* The kernel writes into it for us: an error instead of a signal. */
	assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
	assert_int_equal(write(fds[1], "x", 1), 1);
	r = (int)read(fds[0], window, 1);
	assert_int_equal(r, -1);
	assert_int_equal(errno, EFAULT);
	close(fds[0]);
	close(fds[1]);
	fam_close(fam);
}

static int open_descriptors(void)
{
	int count = 0;

	for (int fd = 0; fd < 1024; fd++)
		count += fcntl(fd, F_GETFD) >= 0;
	return count;
}

static void nothing_is_left_open(void **state)
{
	int before = open_descriptors();

	fabric_make(*state, "f1", 1, NULL);
	fabric_make(*state, "new", 2, newer_version);
	assert_int_equal(try_open("f1", 0), 0);
	assert_int_equal(try_open(UUID_1, 0), 0);
	assert_int_equal(try_open("new", 0), -EPROTONOSUPPORT);
	assert_int_equal(try_open("f1", FAM_OPEN_RAW), -EEXIST);
	assert_int_equal(try_open("/dev/null", 0), -ENOTBLK);
	assert_int_equal(open_descriptors(), before);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

/* Else messages of a program without stderr would go into the fabric. */
static void the_fabric_is_never_stdin_stdout_or_stderr(void **state)
{
	const char *path = fabric_make(*state, "f1", 1, NULL);
	int saved = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 10);
	struct stat st, own;
	struct fam *fam;

	close(STDIN_FILENO);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(fam_open(&fam, path, 0), 0);
	assert_int_equal(fstat(STDIN_FILENO, &own), -1);
	fam_close(fam);
	if (saved >= 0)
		dup2(saved, STDIN_FILENO);
	close(saved);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_path_opens_and_is_described),
		TEST(info_serves_callers_of_other_releases),
		TEST(names_find_files_of_the_fabric_directory),
		TEST(a_relative_data_directory_is_ignored),
		TEST(home_stands_in_for_the_data_directory),
		TEST(malformed_names_and_flags_are_refused),
		TEST(no_name_means_the_only_one),
		TEST(a_copied_fabric_makes_its_uuid_ambiguous),
		TEST(list_names_each_fabric),
		TEST(only_regular_files_are_fabrics),
		TEST(raw_and_formatted_are_not_mixed_up),
		TEST(short_files_are_refused),
		TEST(a_longer_file_is_used_up_to_its_size),
		TEST(one_damaged_copy_is_told_two_are_refused),
		TEST(newer_formats_open_as_far_as_they_allow),
		TEST(permissions_are_the_kernels),
		TEST(windows_show_the_same_memory),
		TEST(data_lies_behind_the_metadata_and_stays),
		TEST(windows_end_with_the_data),
		TEST(a_file_cut_under_us_is_noticed_at_the_next_window),
		TEST(read_only_windows_cannot_be_written),
		TEST(nothing_is_left_open),
		TEST(the_fabric_is_never_stdin_stdout_or_stderr),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
