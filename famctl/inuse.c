// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <jansson.h>

#include "fabric.h"
#include "out.h"
#include "util/cleanup.h"
#include "virt.h"

/* Text naming processes, and how many there are. */
struct users {
	char *text;
	size_t len, used, count;
	size_t hidden; /* processes that we may not look into */
};

/*
 * Asks the kernel: a write lease is granted on a file which nobody else has
 * open. That covers descriptors for reading and for writing and mappings whose
 * descriptor was closed, of every process, visible to us or not (tried on ext4,
 * tmpfs and ramfs). It does not cover mappings without a descriptor on
 * overlayfs, whose mappings belong to a lower file; hence the search of /proc
 * as well. An O_PATH descriptor counts nowhere, so our callers may hold one.
 *
 * Return: 1 in use; 0 not; -EAGAIN it does not tell: the file is another
 * user's, or its file system has no leases
 */
static int ask_kernel(const struct fabric *fabric, struct err *err)
{
	_cleanup_close_ int fd = fabric_reopen(fabric, O_RDONLY, err);

	if (fd < 0)
		return fd;
	/*
	 * Who opens the file while we hold the lease breaks it: the signal
	 * which tells us must be one that is ignored by default.
	 */
	if (fcntl(fd, F_SETSIG, SIGURG) < 0)
		return -EAGAIN;
	if (fcntl(fd, F_SETLEASE, F_WRLCK) < 0)
		return errno == EAGAIN || errno == EBUSY ? 1 : -EAGAIN;
	if (fcntl(fd, F_SETLEASE, F_UNLCK) < 0)
		return err_sys(err, errno, "cannot give the lease of '%s' back",
			       fabric->path);
	return 0;
}

static bool has_open(const char *pid, const struct fabric *fabric,
		     struct users *users)
{
	char path[320];
	DIR *dir;
	const struct dirent *entry;
	bool found = false;

	snprintf(path, sizeof(path), "/proc/%s/fd", pid);
	dir = opendir(path);
	if (!dir) {
		users->hidden += errno == EACCES || errno == EPERM;
		return false;
	}
	while (!found && (entry = readdir(dir))) {
		struct stat st;

		found = isdigit((unsigned char)entry->d_name[0]) &&
			fstatat(dirfd(dir), entry->d_name, &st, 0) == 0 &&
			st.st_ino == fabric->stat.st_ino &&
			st.st_dev == fabric->stat.st_dev;
	}
	closedir(dir);
	return found;
}

/* One line of maps: "start-end perms offset major:minor inode   path" */
static bool line_matches(const char *line, const struct fabric *fabric)
{
	unsigned int dev_major, dev_minor;
	const char *path;
	uint64_t inode;
	size_t len;

	if (sscanf(line, "%*s %*s %*s %x:%x %" SCNu64, &dev_major, &dev_minor,
		   &inode) != 3 ||
	    inode != fabric->stat.st_ino)
		return false;
	if (makedev(dev_major, dev_minor) == fabric->stat.st_dev)
		return true;
	/* On btrfs and overlayfs stat() and maps tell different devices. */
	path = strchr(line, '/');
	len = strlen(fabric->path);
	return path && strncmp(path, fabric->path, len) == 0 &&
	       path[len] == '\n';
}

static bool has_mapped(const char *pid, const struct fabric *fabric)
{
	_cleanup_fclose_ FILE *maps = NULL;
	_cleanup_free_ char *line = NULL;
	char path[320];
	size_t size = 0;

	snprintf(path, sizeof(path), "/proc/%s/maps", pid);
	maps = fopen(path, "re");
	if (!maps)
		return false;
	while (getline(&line, &size, maps) > 0) {
		if (line_matches(line, fabric))
			return true;
	}
	return false;
}

static void add_user(struct users *users, const char *pid)
{
	char path[320], name[64] = "";
	_cleanup_fclose_ FILE *comm = NULL;
	int n;

	snprintf(path, sizeof(path), "/proc/%s/comm", pid);
	comm = fopen(path, "re");
	if (!comm || !fgets(name, sizeof(name), comm))
		snprintf(name, sizeof(name), "process");
	name[strcspn(name, "\n")] = '\0';
	n = snprintf(users->text + users->used, users->len - users->used,
		     "%s%s (pid %s)", users->count ? ", " : "", name, pid);
	users->count++;
	if (users->used + (size_t)n < users->len)
		users->used += (size_t)n;
	else
		users->used = users->len - 1;
}

static int search_processes(const struct fabric *fabric, pid_t but,
			    struct users *users, struct err *err)
{
	DIR *proc = opendir("/proc");
	const struct dirent *entry;

	if (!proc)
		return err_sys(err, errno, "cannot read '/proc'");
	while ((entry = readdir(proc))) {
		const char *pid = entry->d_name;

		if (!isdigit((unsigned char)pid[0]) || atol(pid) == getpid() ||
		    atol(pid) == but)
			continue;
		if (has_open(pid, fabric, users) || has_mapped(pid, fabric))
			add_user(users, pid);
	}
	closedir(proc);
	return 0;
}

int fabric_in_use(const struct fabric *fabric, char *users, size_t len,
		  struct err *err)
{
	struct users list = {.text = users, .len = len};
	int told = ask_kernel(fabric, err);
	int ret;

	users[0] = '\0';
	if (told < 0 && told != -EAGAIN)
		return told;
	ret = search_processes(fabric, 0, &list, err);
	if (ret < 0)
		return ret;
	if (told == 1 || list.count > 0)
		return 1;
	if (told == 0 || list.hidden == 0)
		return 0;
	err_set(err, -EACCES,
		"whether '%s' is in use cannot be found out: "
		"other users' processes cannot be looked into",
		fabric->path);
	return err_hint(err, "run it as the file's owner or as root");
}

int fabric_in_use_beside(const struct fabric *fabric, pid_t but, char *users,
			 size_t len, struct err *err)
{
	struct users list = {.text = users, .len = len};
	int ret;

	users[0] = '\0';
	ret = search_processes(fabric, but, &list, err);
	return ret < 0 ? ret : list.count > 0;
}

static int add_node(const struct virt_node *node, void *arg, struct err *err)
{
	json_t *nodes = arg;

	(void)err;
	for (size_t i = 0; i < node->meta.count; i++) {
		json_t *use = json_object();

		json_object_set_new(use, "node", out_json_text(node->name));
		json_object_set_new(use, "path",
				    out_json_text(node->meta.fabric[i].path));
		json_object_set_new(
			use, "read_only",
			json_boolean(node->meta.fabric[i].read_only));
		json_array_append_new(nodes, use);
	}
	return 0;
}

int fabric_nodes(const char *connect, struct json_t **out, struct err *err)
{
	_cleanup_virt_ struct virt *virt = NULL;
	int ret;

	*out = json_array();
	ret = virt_open(&virt, connect, err);
	if (ret < 0)
		return -ENOTCONN;
	return virt_each_node(virt, add_node, *out, err);
}

/* Two paths may lead to one file: another directory, a hard link. */
static bool same_file(const char *a, const char *b)
{
	struct stat sa, sb;

	if (strcmp(a, b) == 0)
		return true;
	return stat(a, &sa) == 0 && stat(b, &sb) == 0 &&
	       sa.st_dev == sb.st_dev && sa.st_ino == sb.st_ino;
}

static json_t *users_of(const json_t *nodes, const char *path, bool readers)
{
	json_t *names = json_array();

	for (size_t i = 0; i < json_array_size(nodes); i++) {
		const json_t *use = json_array_get(nodes, i);
		const char *used =
			json_string_value(json_object_get(use, "path"));

		if (readers && !json_is_true(json_object_get(use, "read_only")))
			continue;
		if (same_file(used, path))
			json_array_append(names, json_object_get(use, "node"));
	}
	return names;
}

struct json_t *fabric_nodes_of(const struct json_t *nodes, const char *path)
{
	return users_of(nodes, path, false);
}

struct json_t *fabric_readers_of(const struct json_t *nodes, const char *path)
{
	return users_of(nodes, path, true);
}
