// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
#include <dirent.h>
#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fabric.h"

int fabric_dir(char out[PATH_MAX], struct err *err)
{
	const char *data = getenv("XDG_DATA_HOME"), *home = getenv("HOME");
	const struct passwd *pw;
	int n;

	if (geteuid() == 0) {
		n = snprintf(out, PATH_MAX, "%s", FABRIC_DIR_SYSTEM);
	} else if (data && data[0] == '/') {
		/* The specification of that variable ignores relative ones. */
		n = snprintf(out, PATH_MAX, "%s/fam", data);
	} else {
		pw = home && home[0] == '/' ? NULL : getpwuid(geteuid());
		if (pw)
			home = pw->pw_dir;
		if (!home || home[0] != '/')
			return err_set(err, -ENOENT,
				       "no home directory for the fabrics");
		n = snprintf(out, PATH_MAX, "%s/.local/share/fam", home);
	}
	if (n >= PATH_MAX)
		return err_set(err, -ENAMETOOLONG,
			       "the path of the data directory is too long");
	return 0;
}

/*
 * Resolves the directory of @path; the last part stays as it is, because a
 * symbolic link there must be seen, not followed. @path contains a slash.
 */
static int resolve(const char *path, char out[PATH_MAX], struct err *err)
{
	char dir[PATH_MAX], real[PATH_MAX], base[NAME_MAX + 1];
	size_t len = strlen(path), dir_len;

	while (len > 1 && path[len - 1] == '/')
		len--;
	dir_len = len;
	while (path[dir_len - 1] != '/')
		dir_len--;
	if (dir_len >= sizeof(dir) || len - dir_len >= sizeof(base))
		return err_set(err, -ENAMETOOLONG, "the path is too long");
	snprintf(dir, sizeof(dir), "%.*s", (int)dir_len, path);
	snprintf(base, sizeof(base), "%.*s", (int)(len - dir_len),
		 path + dir_len);
	if (!realpath(dir, real))
		return err_sys(err, errno, "cannot look into '%s'", dir);
	if (snprintf(out, PATH_MAX, "%s/%s", real[1] ? real : "", base) >=
	    PATH_MAX)
		return err_set(err, -ENAMETOOLONG, "the path is too long");
	return 0;
}

/* 1 found, 0 not there */
static int look_in(const char *dir, const char *name, char out[PATH_MAX],
		   struct err *err)
{
	char path[PATH_MAX];
	struct stat st;

	if (snprintf(path, sizeof(path), "%s/%s" FABRIC_SUFFIX, dir, name) >=
	    PATH_MAX)
		return err_set(err, -ENAMETOOLONG, "the path is too long");
	if (lstat(path, &st) == 0) {
		int ret = resolve(path, out, err);

		return ret < 0 ? ret : 1;
	}
	if (errno == ENOENT || errno == ENOTDIR)
		return 0;
	return err_sys(err, errno, "cannot look at '%s'", path);
}

static int not_found(const char *name, const char *dir, struct err *err)
{
	struct stat st;

	err_set(err, -ENOENT, "no such fabric in '%s'", dir);
	if (lstat(name, &st) == 0)
		return err_hint(err, "a path needs a slash: './%s'", name);
	return err_hint(err, "famctl list-fabrics shows what is there");
}

int fabric_locate(const char *name, const char *dir, char out[PATH_MAX],
		  struct err *err)
{
	char own[PATH_MAX];
	int ret;

	if (strchr(name, '/'))
		return resolve(name, out, err);
	ret = fabric_check_name(name, err);
	if (ret == 0 && !dir)
		ret = fabric_dir(own, err);
	if (ret == 0)
		ret = look_in(dir ? dir : own, name, out, err);
	if (ret == 0 && !dir)
		ret = look_in(FABRIC_DIR_SYSTEM, name, out, err);
	if (ret == 0)
		return not_found(name, dir ? dir : own, err);
	return ret < 0 ? ret : 0;
}

static int is_fabric_file(const struct dirent *entry)
{
	return entry->d_name[0] != '.' && fabric_has_suffix(entry->d_name);
}

/* Not alphasort(): the order must not depend on the locale. */
static int by_name(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

static int visit_entry(const char *dir, const char *file,
		       int (*visit)(const char *path, void *arg,
				    struct err *err),
		       void *arg, struct err *err)
{
	char path[PATH_MAX];

	if (snprintf(path, sizeof(path), "%s/%s", dir, file) >= PATH_MAX)
		return err_set(err, -ENAMETOOLONG, "a path in '%s' is too long",
			       dir);
	return visit(path, arg, err);
}

static int each_in(const char *dir,
		   int (*visit)(const char *path, void *arg, struct err *err),
		   void *arg, struct err *err)
{
	struct dirent **entry = NULL;
	char real[PATH_MAX];
	int n, ret = 0;

	n = realpath(dir, real) ? scandir(real, &entry, is_fabric_file, by_name)
				: -1;
	if (n < 0)
		return err_sys(err, errno, "cannot read directory '%s'", dir);
	for (int i = 0; i < n; i++) {
		if (ret == 0)
			ret = visit_entry(real, entry[i]->d_name, visit, arg,
					  err);
		free(entry[i]);
	}
	free(entry);
	return ret;
}

int fabric_each(const char *dir,
		int (*visit)(const char *path, void *arg, struct err *err),
		void *arg, struct err *err)
{
	char own[PATH_MAX];
	int ret;

	if (dir)
		return each_in(dir, visit, arg, err);
	ret = fabric_dir(own, err);
	if (ret < 0)
		return ret;
	/* No directory yet: no fabric yet. */
	ret = access(own, F_OK) == 0 ? each_in(own, visit, arg, err) : 0;
	if (ret != 0 || strcmp(own, FABRIC_DIR_SYSTEM) == 0)
		return ret;
	/* Another user's business if it cannot be read. */
	if (access(FABRIC_DIR_SYSTEM, R_OK | X_OK) < 0)
		return 0;
	return each_in(FABRIC_DIR_SYSTEM, visit, arg, err);
}
