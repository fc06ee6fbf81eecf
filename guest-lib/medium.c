// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
#include <ctype.h>
#include <limits.h>
#include <linux/magic.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>

#include <fam-medium.h>

#include "internal.h"

#define DEPTH_MAX 3 /* overlays on overlays */

/* What /proc/self/mountinfo says of one mount. */
struct mount {
	char type[32], source[PATH_MAX];
	char upper[PATH_MAX]; /* of an overlay, else "" */
	bool is_volatile;     /* an overlay that syncs nothing */
};

/* The kernel writes blanks and the like as \040, backslashes as \134. */
static void unescape(char *text)
{
	char *out = text;

	while (*text) {
		unsigned int code;
		int digits = 0;

		if (sscanf(text, "\\%3o%n", &code, &digits) == 1) {
			*out++ = (char)code;
			text += digits;
		} else {
			*out++ = *text++;
		}
	}
	*out = '\0';
}

/* In the options of an overlay a backslash stands before what ends a path. */
static void unquote(char *text)
{
	char *out = text;

	for (; *text; text++) {
		if (*text == '\\' && text[1])
			text++;
		*out++ = *text;
	}
	*out = '\0';
}

/* "..., upperdir=PATH, ...": a comma in PATH is written as \054. */
static void read_upper(const char *options, char upper[PATH_MAX])
{
	const char *at = strstr(options, ",upperdir=");

	upper[0] = '\0';
	if (!at || sscanf(at + strlen(",upperdir="), "%4095[^,\n]", upper) != 1)
		return;
	unescape(upper);
	unquote(upper);
}

/* As a whole word, behind "rw" or "ro". */
static bool has_option(const char *options, const char *option)
{
	size_t len = strlen(option);
	const char *at = options;

	while ((at = strstr(at + 1, option))) {
		if (at[-1] == ',' && strchr(",\n", at[len]))
			return true;
	}
	return false;
}

/* "ID PARENT DEVICE ROOT POINT OPTIONS TAGS... - TYPE SOURCE OPTIONS" */
static bool read_line(const char *line, int id, struct mount *out)
{
	const char *end = strstr(line, " - ");
	int at = 0;

	if (!end || strtol(line, NULL, 10) != id)
		return false;
	if (sscanf(end, " - %31s %4095s %n", out->type, out->source, &at) < 2 ||
	    !at)
		return false;
	unescape(out->source);
	read_upper(end + at, out->upper);
	/* newer kernels write the latter */
	out->is_volatile = has_option(end + at, "volatile") ||
			   has_option(end + at, "fsync=volatile");
	return true;
}

static int mount_id(int fd)
{
	char path[64], line[128];
	int id = -1;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
	f = fopen(path, "re");
	while (f && id < 0 && fgets(line, sizeof(line), f)) {
		if (sscanf(line, "mnt_id: %d", &id) != 1)
			id = -1;
	}
	if (f)
		fclose(f);
	return id;
}

static bool find_mount(int fd, struct mount *out)
{
	_cleanup_free_ char *line = NULL;
	int id = mount_id(fd);
	bool found = false;
	size_t size = 0;
	FILE *f = id < 0 ? NULL : fopen("/proc/self/mountinfo", "re");

	while (f && !found && getline(&line, &size, f) > 0)
		found = read_line(line, id, out);
	if (f)
		fclose(f);
	return found;
}

/* "ram0", "zram12" */
static bool is_memory_name(const char *name)
{
	if (*name == 'z')
		name++;
	return strncmp(name, "ram", 3) == 0 && isdigit((unsigned char)name[3]);
}

static bool is_memory_disk(dev_t device)
{
	char path[64], link[PATH_MAX];
	const char *slash;
	ssize_t n;

	snprintf(path, sizeof(path), "/sys/dev/block/%u:%u", major(device),
		 minor(device));
	n = readlink(path, link, sizeof(link) - 1);
	if (n < 0)
		return false;
	link[n] = '\0';
	slash = strrchr(link, '/');
	return slash && is_memory_name(slash + 1);
}

/* File systems of several disks, such as btrfs, tell no disk by stat(2). */
static bool is_on_memory_disk(int fd, const struct mount *mount)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return false;
	if (major(st.st_dev))
		return is_memory_disk(st.st_dev);
	return stat(mount->source, &st) == 0 && S_ISBLK(st.st_mode) &&
	       is_memory_disk(st.st_rdev);
}

static bool is_memory_type(int fd)
{
	struct statfs fs;

	return fstatfs(fd, &fs) == 0 &&
	       (fs.f_type == TMPFS_MAGIC || fs.f_type == RAMFS_MAGIC ||
		fs.f_type == HUGETLBFS_MAGIC);
}

static bool is_memory(int fd, int depth)
{
	struct mount mount;
	bool memory;
	int upper;

	if (is_memory_type(fd))
		return true;
	if (depth == DEPTH_MAX || !find_mount(fd, &mount))
		return false;
	if (strcmp(mount.type, "overlay") != 0)
		return is_on_memory_disk(fd, &mount);
	/* fsync(2) succeeds there and does nothing, as in memory. */
	if (mount.is_volatile)
		return true;
	upper = open(mount.upper, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (upper < 0)
		return false;
	memory = is_memory(upper, depth + 1);
	close(upper);
	return memory;
}

bool fam_medium_is_memory(int fd)
{
	return is_memory(fd, 0);
}
