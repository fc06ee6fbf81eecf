// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "paths.h"

/* Only DATADIR and LIBEXECDIR need be told: lib lies beside the latter. */
#ifndef FAM_LIBDIR
#define FAM_LIBDIR FAM_LIBEXECDIR "/../../lib"
#endif

/* The directory of the running program, through any link that led to it. */
static int program_dir(char out[PATH_MAX], struct err *err)
{
	ssize_t n = readlink("/proc/self/exe", out, PATH_MAX - 1);
	char *slash;

	if (n < 0)
		return err_sys(err, errno, "cannot read '/proc/self/exe'");
	out[n] = '\0';
	slash = strrchr(out, '/');
	if (!slash)
		return err_set(err, -ENOENT,
			       "'/proc/self/exe' has no directory");
	*slash = '\0';
	return 0;
}

static bool join(char out[PATH_MAX], const char *dir, const char *middle,
		 const char *file)
{
	int n = snprintf(out, PATH_MAX, "%s%s/%s", dir, middle, file);

	return n > 0 && n < PATH_MAX;
}

/* Beside the program, else where `make install` was told (NULL: nowhere). */
static int find(const char *middle, const char *installed, const char *file,
		char out[PATH_MAX], struct err *err)
{
	char dir[PATH_MAX];
	int ret = program_dir(dir, err);

	if (ret < 0)
		return ret;
	if (join(out, dir, middle, file) && access(out, F_OK) == 0)
		return 0;
	if (installed && join(out, installed, "", file) &&
	    access(out, F_OK) == 0)
		return 0;
	err_set(err, -ENOENT, "'%s' is missing: not in '%s%s'%s%s%s", file, dir,
		middle, installed ? " nor in '" : "",
		installed ? installed : "", installed ? "'" : "");
	return err_hint(err, "build or install the whole tree: make, or make "
			     "install");
}

int paths_data(const char *file, char out[PATH_MAX], struct err *err)
{
	return find("/../share/fam", FAM_DATADIR, file, out, err);
}

int paths_libexec(const char *file, char out[PATH_MAX], struct err *err)
{
	return find("/../libexec/fam", FAM_LIBEXECDIR, file, out, err);
}

int paths_bin(const char *file, char out[PATH_MAX], struct err *err)
{
	return find("", NULL, file, out, err);
}

int paths_lib(const char *file, char out[PATH_MAX], struct err *err)
{
	return find("/../lib", FAM_LIBDIR, file, out, err);
}

/* Something of that name is there: is it a directory? */
static int check_directory(const char *dir, struct err *err)
{
	struct stat st;

	if (stat(dir, &st) < 0)
		return err_sys(err, errno, "cannot look at '%s'", dir);
	if (!S_ISDIR(st.st_mode))
		return err_set(err, -ENOTDIR, "'%s' is not a directory", dir);
	return 0;
}

/* 1 it was made here, 0 it was there */
static int make_one(const char *dir, unsigned int mode, struct err *err)
{
	int ret;

	if (mkdir(dir, mode) == 0) {
		/* The umask of the caller must not decide who gets in. */
		if (chmod(dir, mode) == 0)
			return 1;
		ret = errno;
		rmdir(dir);
		return err_sys(err, ret, "cannot set the mode of '%s'", dir);
	}
	if (errno == EEXIST)
		return check_directory(dir, err);
	return err_sys(err, errno, "cannot make directory '%s'", dir);
}

/* The length of @path without its last part and the slashes around that. */
static size_t parent_length(const char *path, size_t len)
{
	while (len > 0 && path[len - 1] == '/')
		len--;
	while (len > 0 && path[len - 1] != '/')
		len--;
	while (len > 1 && path[len - 1] == '/')
		len--;
	return len;
}

static int make_parts(char *dir, const struct paths_modes *modes, size_t *had,
		      struct err *err)
{
	size_t len = strlen(dir), end = 0;
	int ret;

	while (end < len) {
		end += strspn(dir + end, "/");
		end += strcspn(dir + end, "/");
		dir[end] = '\0';
		ret = make_one(dir, end == len ? modes->last : modes->parents,
			       err);
		/* Behind "new/.." lies what others made. */
		if (ret == 0)
			*had = end;
		if (end < len)
			dir[end] = '/';
		if (ret < 0)
			return ret;
	}
	return 0;
}

int paths_mkdir_new(const char *dir, const struct paths_modes *modes,
		    size_t *had, struct err *err)
{
	char part[PATH_MAX];
	size_t len = strlen(dir);
	int ret;

	*had = len;
	if (len == 0 || len >= sizeof(part))
		return err_set(err, len ? -ENAMETOOLONG : -ENOENT,
			       "cannot make directory '%.100s': %s", dir,
			       len ? "its path is too long" : "it has no name");
	memcpy(part, dir, len + 1);
	while (len > 1 && part[len - 1] == '/')
		part[--len] = '\0';
	*had = 0;
	ret = make_parts(part, modes, had, err);
	if (ret < 0) {
		paths_rmdir_new(part, *had);
		*had = len;
	}
	return ret;
}

void paths_rmdir_new(const char *dir, size_t had)
{
	char part[PATH_MAX];
	size_t len = strlen(dir);

	if (len >= sizeof(part))
		return;
	memcpy(part, dir, len + 1);
	while (len > 1 && part[len - 1] == '/')
		part[--len] = '\0';
	for (; len > had; len = parent_length(part, len)) {
		part[len] = '\0';
		/* Whoever put something there meanwhile needs its parents. */
		if (rmdir(part) < 0 && errno != ENOENT)
			return;
	}
}

int paths_mkdir(const char *dir, unsigned int mode, struct err *err)
{
	const struct paths_modes modes = {mode, mode};
	size_t had;

	return paths_mkdir_new(dir, &modes, &had, err);
}

int paths_absolute(const char *path, char out[PATH_MAX], struct err *err)
{
	char cwd[PATH_MAX] = "";

	if (path[0] != '/' && !getcwd(cwd, sizeof(cwd)))
		return err_sys(err, errno, "cannot read the working directory");
	if (path[0] == '/' ? !join(out, "", "", path + 1)
			   : !join(out, cwd[1] ? cwd : "", "", path))
		return err_set(err, -ENAMETOOLONG,
			       "path '%.100s...' is too long", path);
	return 0;
}
