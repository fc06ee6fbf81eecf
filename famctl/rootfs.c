// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "paths.h"
#include "rootfs.h"
#include "run.h"
#include "util/cleanup.h"
#include "util/fdio.h"

static bool is_same_file(const char *a, const char *b)
{
	struct stat sa, sb;

	return stat(a, &sa) == 0 && stat(b, &sb) == 0 &&
	       sa.st_dev == sb.st_dev && sa.st_ino == sb.st_ino;
}

/* Resolves ".." in the directory; nothing else, as programs may name links. */
static int clean_path(const char *path, char out[PATH_MAX], struct err *err)
{
	const char *slash = strrchr(path, '/');
	char dir[PATH_MAX], resolved[PATH_MAX];

	snprintf(out, PATH_MAX, "%s", path);
	if (!strstr(path, "/../") && !strstr(path, "/./"))
		return 0;
	snprintf(dir, sizeof(dir), "%.*s", (int)(slash - path), path);
	if (!realpath(dir, resolved))
		return err_sys(err, errno, "cannot find '%s'", path);
	if (snprintf(out, PATH_MAX, "%s%s", resolved, slash) >= PATH_MAX)
		return err_set(err, -ENAMETOOLONG, "'%s' is too long", path);
	return 0;
}

/*
 * A library goes to /lib, where every loader looks, and is reachable under the
 * path it has here, because programs may name that (RUNPATH, ELF interpreter).
 */
static int add_library(struct cpio *root, const char *found, struct err *err)
{
	char path[PATH_MAX], dest[PATH_MAX + 4];
	const char *there;
	int ret = clean_path(found, path, err);

	if (ret < 0)
		return ret;
	snprintf(dest, sizeof(dest), "/lib%s", strrchr(path, '/'));
	there = cpio_source(root, dest);
	if (!there)
		ret = cpio_file(root, dest, 0755, path, err);
	else if (!is_same_file(there, path))
		ret = err_set(err, -EEXIST,
			      "two libraries of one name: '%s' and '%s'", there,
			      path);
	if (ret < 0 || cpio_has(root, path))
		return ret;
	return cpio_link(root, path, dest, err);
}

/* One line of ldd: "NAME => PATH (0x...)", "PATH (0x...)", or no library. */
static int add_needed(struct cpio *root, const char *program, char *line,
		      struct err *err)
{
	char *arrow = strstr(line, " => "), ours[PATH_MAX];
	char *path = arrow ? arrow + 4 : line + strspn(line, " \t");

	if (arrow && strcmp(path, "not found") == 0) {
		*arrow = '\0';
		line += strspn(line, " \t");
		if (strcmp(line, "libfam.so.0") == 0)
			return paths_lib("libfam.so.0", ours, err) < 0
				       ? err->code
				       : add_library(root, ours, err);
		err_set(err, -ENOENT, "'%s' needs the library '%s'", program,
			line);
		return err_hint(err, "install it, or name its directory in "
				     "LD_LIBRARY_PATH");
	}
	path[strcspn(path, " ")] = '\0';
	return *path == '/' ? add_library(root, path, err) : 0;
}

static bool is_elf(const char *path)
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);
	char magic[4];

	return fd >= 0 && fdio_pread(fd, magic, 4, 0) == 0 &&
	       memcmp(magic, "\177ELF", 4) == 0;
}

static int add_libraries(struct cpio *root, const char *program,
			 struct err *err)
{
	const char *const argv[] = {"ldd", program, NULL};
	_cleanup_free_ struct run_result *result = malloc(sizeof(*result));
	char *line, *rest;
	int ret;

	if (!result)
		return err_sys(err, ENOMEM, "cannot run ldd");
	if (!is_elf(program))
		return 0;
	ret = run_program(argv, 10000, result, err);
	if (ret < 0)
		return err_prefix(err, "cannot find the libraries of '%s'",
				  program);
	if (strstr(result->output, "not a dynamic executable"))
		return 0;
	if (result->status != 0)
		return err_set(err, -EPROTO,
			       "cannot find the libraries of '%s': %s", program,
			       result->output);
	rest = result->output;
	while (ret == 0 && (line = strsep(&rest, "\n")))
		ret = add_needed(root, program, line, err);
	return ret;
}

static int add_program(struct cpio *root, const char *source, const char *dest,
		       struct err *err)
{
	struct stat st;
	int ret;

	if (stat(source, &st) < 0)
		return err_sys(err, errno, "cannot add '%s'", source);
	if (!S_ISREG(st.st_mode))
		return err_set(err, -EINVAL,
			       "cannot add '%s': it is not a regular file",
			       source);
	ret = cpio_file(root, dest, (st.st_mode & 0111) | 0644, source, err);
	if (ret < 0)
		return err_prefix(err, "cannot add '%s'", source);
	return add_libraries(root, source, err);
}

/* FILE or FILE:/PATH; a ':' before anything but '/' belongs to the name. */
int rootfs_split(const char *item, char source[PATH_MAX], char dest[PATH_MAX],
		 struct err *err)
{
	const char *colon = strrchr(item, ':');
	char file[PATH_MAX];
	size_t len;
	int ret;

	if (colon && colon[1] != '/')
		colon = NULL;
	len = colon ? (size_t)(colon - item) : strlen(item);
	if (len >= PATH_MAX || strlen(item) - len >= PATH_MAX)
		return err_set(err, -EINVAL, "'%s' is too long", item);
	memcpy(file, item, len);
	file[len] = '\0';
	ret = paths_absolute(file, source, err);
	if (ret < 0)
		return ret;
	if (colon)
		strcpy(dest, colon + 1);
	else
		snprintf(dest, PATH_MAX, "/usr/bin/%s",
			 strrchr(source, '/') + 1);
	return 0;
}

int rootfs_add_item(struct cpio *root, const char *item, struct err *err)
{
	char source[PATH_MAX], dest[PATH_MAX];
	int ret = rootfs_split(item, source, dest, err);

	return ret == 0 ? add_program(root, source, dest, err) : ret;
}

static int add_ours(struct cpio *root, struct err *err)
{
	char path[PATH_MAX];
	int ret = paths_libexec("fam-init", path, err);

	if (ret == 0)
		ret = add_program(root, path, "/init", err);
	if (ret == 0)
		ret = paths_bin("fam", path, err);
	if (ret == 0)
		ret = add_program(root, path, "/usr/bin/fam", err);
	if (ret < 0 || cpio_has(root, "/lib/libfam.so.0"))
		return ret;
	ret = paths_lib("libfam.so.0", path, err);
	if (ret == 0)
		ret = add_library(root, path, err);
	return ret == 0 ? add_libraries(root, path, err) : ret;
}

static int add_applets(struct cpio *root, char *list, struct err *err)
{
	char *name, path[PATH_MAX];
	int ret = 0;

	while (ret == 0 && (name = strsep(&list, "\n"))) {
		snprintf(path, sizeof(path), "/bin/%s", name);
		if (*name && !cpio_has(root, path))
			ret = cpio_link(root, path, "busybox", err);
	}
	return ret;
}

static int add_busybox(struct cpio *root, struct err *err)
{
	const char *path = access("/usr/bin/busybox", X_OK) == 0
				   ? "/usr/bin/busybox"
				   : "/bin/busybox";
	const char *const argv[] = {path, "--list", NULL};
	_cleanup_free_ struct run_result *result = malloc(sizeof(*result));
	int ret;

	if (!result)
		return err_sys(err, ENOMEM, "cannot run busybox");
	if (access(path, X_OK) < 0) {
		err_set(err, -ENOENT, "busybox is not installed");
		return err_hint(err, "as root: apt install busybox-static");
	}
	ret = run_program(argv, 10000, result, err);
	if (ret == 0 && result->status != 0)
		ret = err_set(err, -EPROTO, "'%s --list' failed: %s", path,
			      result->output);
	if (ret == 0)
		ret = add_program(root, path, "/bin/busybox", err);
	return ret == 0 ? add_applets(root, result->output, err) : ret;
}

/* The rest of a root file system; fam-init mounts what the kernel shows. */
static int add_skeleton(struct cpio *root, struct err *err)
{
	static const char *const dirs[] = {"proc", "sys", "dev/pts",
					   "run",  "mnt", "root"};
	static const char passwd[] =
		"root:x:0:0:root:/root:/bin/sh\n"
		"nobody:x:65534:65534:nobody:/tmp:/bin/sh\n";
	static const char group[] = "root:x:0:\nnogroup:x:65534:\n";
	int ret = cpio_dir(root, "tmp", 01777, err);

	for (size_t i = 0; ret == 0 && i < sizeof(dirs) / sizeof(*dirs); i++)
		ret = cpio_dir(root, dirs[i], 0755, err);
	/* The kernel opens it before anything is mounted. */
	if (ret == 0)
		ret = cpio_node(root, "dev/console", S_IFCHR | 0600,
				makedev(5, 1), err);
	if (ret == 0)
		ret = cpio_data(root, "etc/passwd", passwd, sizeof(passwd) - 1,
				err);
	if (ret == 0)
		ret = cpio_data(root, "etc/group", group, sizeof(group) - 1,
				err);
	return ret;
}

int rootfs_add_base(struct cpio *root, struct err *err)
{
	int ret = add_skeleton(root, err);

	if (ret == 0)
		ret = add_ours(root, err);
	return ret == 0 ? add_busybox(root, err) : ret;
}
