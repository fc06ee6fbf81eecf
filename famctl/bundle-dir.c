// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>

#include "bundle-dir.h"
#include "bundle-inputs.h"
#include "hold.h"
#include "newfile.h"
#include "paths.h"
#include "util/cleanup.h"

#define LOCK_WAIT_MS 10000 /* a bundle takes a second on a slow machine */
#define LOCK_STEP_MS 20
#define TRIES	     100 /* to find the directory that others remove */

static int check_signals(struct err *err)
{
	return hold_interrupted() ? err_set(err, -EINTR, "interrupted") : 0;
}

/* The directory. */

static int open_fd(struct bundle_dir *dir, struct err *err)
{
	dir->fd = open(dir->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir->fd < 0)
		return err_sys(err, errno, "cannot use '%s'", dir->path);
	return 0;
}

int bundle_dir_open(struct bundle_dir *dir, const char *path, struct err *err)
{
	int ret;

	*dir = (struct bundle_dir){.path = path};
	ret = open_fd(dir, err);
	return ret == -ENOENT ? 0 : ret;
}

/* Whoever may read the directory can lock it, so never wait for ever. */
static int lock(const struct bundle_dir *dir, struct err *err)
{
	const struct timespec pause = {.tv_nsec = LOCK_STEP_MS * 1000000L};

	for (int waited = 0; waited < LOCK_WAIT_MS; waited += LOCK_STEP_MS) {
		if (flock(dir->fd, LOCK_EX | LOCK_NB) == 0)
			return 0;
		if (errno != EWOULDBLOCK && errno != EINTR)
			return err_sys(err, errno, "cannot lock '%s'",
				       dir->path);
		if (check_signals(err) < 0)
			return err->code;
		nanosleep(&pause, NULL);
	}
	err_set(err, -EBUSY, "'%s' is locked by another process", dir->path);
	return err_hint(err, "fuser -v '%s'", dir->path);
}

/* 1 it is there and locked; 0 others removed it meanwhile, as err says. */
static int try_begin(struct bundle_dir *dir, struct err *err)
{
	/* As create-fabric makes them; QEMU is to read what is in the last. */
	const struct paths_modes modes = {geteuid() == 0 ? 0755 : 0700, 0755};
	struct stat st;
	size_t had;
	int ret = paths_mkdir_new(dir->path, &modes, &had, err);

	if (had < dir->had)
		dir->had = had;
	if (ret < 0)
		return ret == -ENOENT ? 0 : ret;
	ret = open_fd(dir, err);
	if (ret < 0)
		return ret == -ENOENT ? 0 : ret;
	ret = lock(dir, err);
	if (ret < 0)
		return ret;
	if (fstat(dir->fd, &st) < 0)
		return err_sys(err, errno, "cannot look at '%s'", dir->path);
	err_set(err, -EBUSY, "'%s' is being removed", dir->path);
	return st.st_nlink > 0;
}

int bundle_dir_begin(struct bundle_dir *dir, const char *path, struct err *err)
{
	int ret = 0;

	*dir = (struct bundle_dir){.path = path, .fd = -1, .had = SIZE_MAX};
	for (int i = 0; ret == 0 && i < TRIES; i++) {
		if (dir->fd >= 0)
			close(dir->fd);
		dir->fd = -1;
		ret = try_begin(dir, err);
	}
	return ret > 0 ? 0 : err->code;
}

void bundle_dir_end(struct bundle_dir *dir, bool keep)
{
	/* Before the lock goes: those who wait for it see that it is gone. */
	if (!keep)
		paths_rmdir_new(dir->path, dir->had);
	if (dir->fd >= 0)
		close(dir->fd);
	dir->fd = -1;
}

int bundle_dir_refuse(const struct bundle_dir *dir, struct err *err)
{
	static const char *const names[] = {"vmlinuz", "initrd.img",
					    BUNDLE_INPUTS};
	_cleanup_free_ char *text = NULL;
	struct stat st;
	int owner = bundle_inputs_read(dir->fd, &text, err);

	if (owner < 0)
		return owner;
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		if (fstatat(dir->fd, names[i], &st, AT_SYMLINK_NOFOLLOW) < 0)
			continue;
		if (text && !S_ISDIR(st.st_mode))
			continue;
		err_set(err, -EEXIST, "'%s/%s' exists and is not from a bundle",
			dir->path, names[i]);
		return err_hint(err, "choose another directory with --dir");
	}
	return 0;
}

/* Its files. */

struct new_part {
	struct newfile file;
	char name[64]; /* of our own, until it gets the one it is for */
};

/* QEMU reads it as another user: 0644. */
static int write_part(const struct bundle_dir *dir,
		      const struct bundle_part *part, struct new_part *new,
		      void *arg, struct err *err)
{
	uint64_t random;
	int ret = check_signals(err);

	if (ret < 0)
		return ret;
	if (getrandom(&random, sizeof(random), 0) != sizeof(random))
		return err_sys(err, errno, "cannot get random bytes");
	snprintf(new->name, sizeof(new->name), ".famctl-%016" PRIx64, random);
	ret = newfile_open(&new->file, dir->fd, dir->path, new->name, err);
	if (ret < 0)
		return ret;
	ret = part->write(arg, new->file.fd, err);
	/* Else a power cut could leave new names of empty files. */
	if (ret == 0 &&
	    (fchmod(new->file.fd, 0644) < 0 || fsync(new->file.fd) < 0))
		ret = err_sys(err, errno, "cannot write");
	return ret < 0 ? err_prefix(err, "'%s/%s'", dir->path, part->name) : 0;
}

/* A running guest keeps what it has open. */
static int put_in_place(const struct bundle_dir *dir, const char *name,
			struct new_part *new, struct err *err)
{
	if (renameat(dir->fd, new->name, dir->fd, name) < 0)
		return err_sys(err, errno, "cannot replace '%s/%s'", dir->path,
			       name);
	newfile_close(&new->file, true);
	return 0;
}

int bundle_dir_replace(const struct bundle_dir *dir,
		       const struct bundle_part *parts, size_t count, void *arg,
		       struct err *err)
{
	struct new_part new[BUNDLE_PARTS_MAX];
	int ret = 0;

	for (size_t i = 0; i < count; i++)
		new[i].file.fd = -1;
	for (size_t i = 0; ret == 0 && i < count; i++)
		ret = write_part(dir, &parts[i], &new[i], arg, err);
	for (size_t i = 0; ret == 0 && i < count; i++)
		ret = newfile_publish(&new[i].file, err);
	if (ret == 0)
		ret = check_signals(err);
	for (size_t i = 0; ret == 0 && i < count; i++)
		ret = put_in_place(dir, parts[i].name, &new[i], err);
	for (size_t i = 0; i < count; i++)
		newfile_close(&new[i].file, false);
	if (ret == 0 && fsync(dir->fd) < 0)
		ret = err_sys(err, errno, "cannot sync '%s'", dir->path);
	return ret;
}
