// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <time.h>

#include <fam-medium.h>

#include "internal.h"

#define SYSTEM_DIR "/var/lib/fam"
#define DIR_COUNT  2

#define LEASE_LOOK_NS 5000000 /* less than prepare-fabric's own pause */
#define LEASE_LOOKS   2000

/* 0 and the directory, or -ENOENT where the environment names none. */
static int user_dir(char dir[PATH_MAX])
{
	/* Privileged programs must not be led to a stranger's files. */
	const char *data = secure_getenv("XDG_DATA_HOME");
	const char *home = secure_getenv("HOME");
	int n;

	if (data && data[0] == '/')
		n = snprintf(dir, PATH_MAX, "%s/fam", data);
	else if (home && home[0] == '/')
		n = snprintf(dir, PATH_MAX, "%s/.local/share/fam", home);
	else
		return -ENOENT;
	return n < PATH_MAX ? 0 : -ENAMETOOLONG;
}

/*
 * The fabric directories in the order they are searched, each once. Root's is
 * the system's, as for famctl, whatever the environment says.
 */
static int fabric_dir(unsigned int i, char dir[PATH_MAX])
{
	bool system = i == (geteuid() == 0 ? 0 : 1);
	int r = user_dir(dir);

	if (!system && r == 0 && strcmp(dir, SYSTEM_DIR) == 0)
		return -ENOENT;
	if (system)
		strcpy(dir, SYSTEM_DIR);
	return system ? 0 : r;
}

/* What the file system under the file means for mapping and for durability. */
static int ask_file_system(struct fam_source *source)
{
	struct statfs fs;

	if (fstatfs(source->fd, &fs) < 0)
		return -errno;
	source->page_bytes = fs.f_type == HUGETLBFS_MAGIC
				     ? (size_t)fs.f_bsize
				     : (size_t)sysconf(_SC_PAGESIZE);
	/* A file there is gone after a power cut, whatever is synced. */
	source->in_memory = fam_medium_is_memory(source->fd);
	return 0;
}

/*
 * The kernel maps a file so only if it lies on persistent memory and a store,
 * once it is out of the CPU's caches, needs nothing else to survive: neither a
 * write-back nor a change of the file system. Older kernels refuse the flag.
 */
static bool is_dax(const struct fam_source *source)
{
	int prot = PROT_READ | (source->writable ? PROT_WRITE : 0);
	void *p = mmap(NULL, source->page_bytes, prot,
		       MAP_SHARED_VALIDATE | MAP_SYNC, source->fd, 0);

	if (p == MAP_FAILED)
		return false;
	munmap(p, source->page_bytes);
	return true;
}

/*
 * Looked at before it is opened, because opening a device or a pipe may do
 * something; fam_hostfile_describe() looks again at what it got.
 */
static int check_kind(const char *path)
{
	struct stat st;

	if (lstat(path, &st) < 0)
		return errno == ENOTDIR ? -ENOENT : -errno;
	if (S_ISLNK(st.st_mode))
		return -ELOOP;
	return S_ISREG(st.st_mode) ? 0 : -ENOTBLK;
}

/*
 * famctl prepare-fabric keeps others out by a lease, until it is told that one
 * is there. It is told by the open() that fails.
 */
static int open_leased(const char *path, int flags)
{
	const struct timespec pause = {.tv_nsec = LEASE_LOOK_NS};
	int fd = open(path, flags);

	for (int i = 0; fd < 0 && errno == EWOULDBLOCK && i < LEASE_LOOKS;
	     i++) {
		nanosleep(&pause, NULL);
		fd = open(path, flags);
	}
	/* Another meaning than with doorbells. */
	if (fd < 0 && errno == EWOULDBLOCK)
		errno = ETXTBSY;
	return fd;
}

static int open_regular(const char *path, bool writable)
{
	int flags = O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY;
	int r = check_kind(path);

	if (r < 0)
		return r;
	return fam_fd_lift(
		open_leased(path, (writable ? O_RDWR : O_RDONLY) | flags));
}

int fam_hostfile_describe(struct fam_source *source)
{
	struct stat st;
	int r;

	if (fstat(source->fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode))
		return -ENOTBLK;
	r = ask_file_system(source);
	if (r < 0)
		return r;
	source->via = FAM_VIA_FILE;
	source->transport = FAM_TRANSPORT_FILE;
	source->size = (uint64_t)st.st_size;
	source->dax = is_dax(source);
	return 0;
}

int fam_hostfile_open(const char *path, bool writable, struct fam_source *out)
{
	struct fam_source source = {.writable = writable};
	int r;

	source.fd = open_regular(path, writable);
	if (source.fd < 0)
		return source.fd;
	r = fam_hostfile_describe(&source);
	if (r < 0) {
		fam_source_close(&source);
		return r;
	}
	if (!realpath(path, source.path))
		snprintf(source.path, sizeof(source.path), "%s", path);
	*out = source;
	return 0;
}

int fam_hostfile_recheck(const struct fam_source *source)
{
	struct stat st;

	if (fstat(source->fd, &st) < 0)
		return -errno;
	return (uint64_t)st.st_size < source->size ? -ENODATA : 0;
}

int fam_hostfile_superblock(const struct fam_source *source, uint64_t offset,
			    struct fam_superblock *out)
{
	char *target = (char *)out;
	size_t done = 0;

	while (done < sizeof(*out)) {
		ssize_t n = pread(source->fd, target + done,
				  sizeof(*out) - done, (off_t)(offset + done));

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			return -ENODATA;
		done += (size_t)n;
	}
	return 0;
}

int fam_hostfile_by_name(const char *name, char path[PATH_MAX])
{
	for (unsigned int i = 0; i < DIR_COUNT; i++) {
		char dir[PATH_MAX];
		struct stat st;
		int n;

		if (fabric_dir(i, dir) < 0)
			continue;
		n = snprintf(path, PATH_MAX, "%s/%s" FAM_FILE_SUFFIX, dir,
			     name);
		if (n >= PATH_MAX)
			return -ENAMETOOLONG;
		if (lstat(path, &st) == 0)
			return 0;
		if (errno != ENOENT && errno != ENOTDIR)
			return -errno;
	}
	return -ENOENT;
}

static int filter_suffix(const struct dirent *entry)
{
	size_t len = strlen(entry->d_name);
	size_t suffix = strlen(FAM_FILE_SUFFIX);

	return len > suffix && entry->d_name[0] != '.' &&
	       strcmp(entry->d_name + len - suffix, FAM_FILE_SUFFIX) == 0;
}

static int compare_names(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

static int each_in(const char *dir, int (*visit)(const char *path, void *arg),
		   void *arg)
{
	struct dirent **entries = NULL;
	int count = scandir(dir, &entries, filter_suffix, compare_names);
	int r = 0;

	/* Another user's directory: nothing in it is within reach. */
	if (count < 0)
		return errno == ENOMEM ? -ENOMEM : 0;
	for (int i = 0; i < count; i++) {
		char path[PATH_MAX];
		int n = snprintf(path, sizeof(path), "%s/%s", dir,
				 entries[i]->d_name);

		free(entries[i]);
		if (r == 0)
			r = n < PATH_MAX ? visit(path, arg) : -ENAMETOOLONG;
	}
	free(entries);
	return r;
}

int fam_hostfile_each(int (*visit)(const char *path, void *arg), void *arg)
{
	for (unsigned int i = 0; i < DIR_COUNT; i++) {
		char dir[PATH_MAX];
		int r;

		if (fabric_dir(i, dir) < 0)
			continue;
		r = each_in(dir, visit, arg);
		if (r)
			return r;
	}
	return 0;
}
