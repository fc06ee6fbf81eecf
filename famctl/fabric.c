// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <inttypes.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <fam-medium.h>

#include "fabric.h"
#include "util/cleanup.h"
#include "util/fdio.h"
#include "util/size.h"

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

bool fabric_has_suffix(const char *path)
{
	size_t len = strlen(base_name(path)), suffix = strlen(FABRIC_SUFFIX);

	return len > suffix &&
	       strcmp(path + strlen(path) - suffix, FABRIC_SUFFIX) == 0;
}

static void name_by_file(struct fabric *fabric)
{
	const char *base = base_name(fabric->path);
	size_t len = strlen(base);

	if (fabric_has_suffix(fabric->path))
		len -= strlen(FABRIC_SUFFIX);
	snprintf(fabric->name, sizeof(fabric->name), "%.*s", (int)len, base);
}

static int not_a_file(mode_t mode, struct err *err)
{
	if (S_ISLNK(mode)) {
		err_set(err, -ELOOP, "it is a symbolic link");
		return err_hint(err, "name the file it leads to");
	}
	return err_set(err, -EMEDIUMTYPE, "not a fabric: it is %s",
		       S_ISDIR(mode) ? "a directory" : "no regular file");
}

static int cannot_open(const char *path, const struct stat *st, int errnum,
		       struct err *err)
{
	const struct passwd *pw = getpwuid(st->st_uid);
	const struct group *gr = getgrgid(st->st_gid);

	err_sys(err, errnum, "cannot open '%s'", path);
	if (errnum != EACCES)
		return err->code;
	return err_hint(err,
			"run it as the file's owner '%s', a member of its "
			"group '%s', or root",
			pw ? pw->pw_name : "without a name",
			gr ? gr->gr_name : "without a name");
}

/* Looks before it opens: opening a device or a FIFO has effects. */
static int open_file(const char *path, struct stat *st, struct err *err)
{
	_cleanup_close_ int fd = open(path, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	char link[64];
	int ret;

	if (fd < 0)
		return err_sys(err, errno, "cannot open '%s'", path);
	if (fstat(fd, st) < 0)
		return err_sys(err, errno, "cannot look at '%s'", path);
	if (!S_ISREG(st->st_mode))
		return not_a_file(st->st_mode, err);
	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	ret = open(link, O_RDONLY | O_CLOEXEC);
	if (ret < 0)
		return cannot_open(path, st, errno, err);
	return ret;
}

static int newer(const struct fam_superblock sb[2], struct err *err)
{
	for (unsigned int i = 0; i < FAM_SUPERBLOCK_COPIES; i++) {
		if (fam_superblock_check(&sb[i], i) != -EPROTONOSUPPORT)
			continue;
		if (sb[i].version > FAM_FORMAT_VERSION)
			err_set(err, -EPROTONOSUPPORT,
				"its format %u is newer than format %u, the "
				"newest known here",
				sb[i].version, FAM_FORMAT_VERSION);
		else
			err_set(err, -EPROTONOSUPPORT,
				"it has features unknown here (0x%x)",
				sb[i].feature_incompat);
		break;
	}
	return err_hint(err, "use a famctl as new as the one that made it");
}

static int raw_fabric(struct fabric *fabric, struct err *err)
{
	fabric->damaged = 0;
	if (!fabric_has_suffix(fabric->path))
		return err_set(err, -EMEDIUMTYPE,
			       "not a fabric: no superblock, and the name does "
			       "not end in '%s'",
			       FABRIC_SUFFIX);
	if (fabric->size < FAM_RAW_MIN || fabric->size > FAM_SIZE_MAX ||
	    !size_is_power_of_two(fabric->size))
		return err_set(err, -EMEDIUMTYPE,
			       "not a fabric: no superblock, and a raw one "
			       "never has %" PRIu64 " bytes",
			       fabric->size);
	return 0;
}

/* The superblock is whole; does the file still have the size it tells? */
static int check_length(const struct fabric *fabric, struct err *err)
{
	uint64_t size = fabric->sb.size;

	if (fabric->size == size)
		return 0;
	if (fabric->size < size) {
		err_set(err, -ENODATA,
			"it is cut short: %" PRIu64 " of %" PRIu64
			" bytes are there",
			fabric->size, size);
		return err_hint(err, "what is left can be read as it is; "
				     "restore the rest from a copy");
	}
	err_set(err, -EBADMSG,
		"the file has %" PRIu64 " bytes, but its superblock tells "
		"%" PRIu64,
		fabric->size, size);
	return err_hint(err,
			"what lies behind is no part of it; to cut it off: "
			"truncate -s %" PRIu64 " '%.300s'",
			size, fabric->path);
}

static int both_damaged(struct fabric *fabric, struct err *err)
{
	fabric->damaged = 3;
	err_set(err, -EBADMSG,
		"both copies of the superblock are damaged (at byte 0 and at "
		"byte %" PRIu64 ")",
		FAM_SUPERBLOCK_COPY_OFFSET);
	return err_hint(err, "keep a copy of the file; famctl destroy-fabric "
			     "--force removes it");
}

static int interpret(int fd, struct fabric *fabric, struct err *err)
{
	struct fam_superblock sb[FAM_SUPERBLOCK_COPIES];
	unsigned int chosen;
	int ret;

	for (unsigned int i = 0; i < FAM_SUPERBLOCK_COPIES; i++) {
		/* A copy that cannot be read is a damaged one, no more. */
		if (fdio_pread(fd, &sb[i], sizeof(sb[i]),
			       fam_superblock_offset(i)) < 0)
			memset(&sb[i], 0, sizeof(sb[i]));
	}
	ret = fam_superblock_choose(sb, &chosen, &fabric->damaged);
	if (ret == -EMEDIUMTYPE)
		return raw_fabric(fabric, err);
	if (ret == -EPROTONOSUPPORT)
		return newer(sb, err);
	if (ret < 0)
		return both_damaged(fabric, err);
	fabric->formatted = true;
	fabric->sb = sb[chosen];
	snprintf(fabric->name, sizeof(fabric->name), "%s", sb[chosen].label);
	return check_length(fabric, err);
}

int fabric_probe(const char *path, struct fabric *out, struct err *err)
{
	_cleanup_close_ int fd = -1;

	memset(out, 0, sizeof(*out));
	if (snprintf(out->path, PATH_MAX, "%s", path) >= PATH_MAX)
		return err_set(err, -ENAMETOOLONG, "the path is too long");
	name_by_file(out);
	fd = open_file(path, &out->stat, err);
	/* Known even if the file may not be read. */
	if (S_ISREG(out->stat.st_mode)) {
		out->size = (uint64_t)out->stat.st_size;
		out->allocated = (uint64_t)out->stat.st_blocks * 512;
	}
	if (fd < 0)
		return fd;
	out->in_memory = fabric_in_memory(fd);
	return interpret(fd, out, err);
}

int fabric_open(const char *name, const char *dir, struct fabric *out,
		struct err *err)
{
	char path[PATH_MAX];
	int ret = fabric_locate(name, dir, path, err);

	if (ret == 0)
		ret = fabric_probe(path, out, err);
	if (ret < 0)
		return err_prefix(err, "cannot open fabric '%.200s'", name);
	return 0;
}

int fabric_reopen(const struct fabric *fabric, int flags, struct err *err)
{
	_cleanup_close_ int fd =
		open(fabric->path, flags | O_NOFOLLOW | O_CLOEXEC);
	struct stat st;

	if (fd < 0)
		return err_sys(err, errno, "cannot open '%s'", fabric->path);
	if (fstat(fd, &st) < 0)
		return err_sys(err, errno, "cannot look at '%s'", fabric->path);
	if (st.st_dev != fabric->stat.st_dev ||
	    st.st_ino != fabric->stat.st_ino)
		return err_set(err, -ESTALE,
			       "another file has taken the place of '%s'",
			       fabric->path);
	return take_fd(&fd);
}

bool fabric_in_memory(int fd)
{
	return fam_medium_is_memory(fd);
}

int fabric_sync(const struct fabric *fabric, struct err *err)
{
	_cleanup_close_ int fd = fabric_reopen(fabric, O_RDONLY, err);

	if (fd < 0)
		return fd;
	if (fabric_in_memory(fd)) {
		/* fsync() would return 0 there, which is not the truth. */
		err_set(err, -EOPNOTSUPP,
			"'%s' lies on a file system in memory: there is no "
			"disk to sync it to",
			fabric->path);
		return err_hint(err, "create durable fabrics on a disk");
	}
	/*
	 * A write-back that failed before and was told to nobody is told to
	 * this new descriptor, so an old failure is not missed either.
	 */
	if (fsync(fd) < 0) {
		err_sys(err, errno, "cannot sync '%s'", fabric->path);
		return err_hint(err,
				"stores since the last good sync may be "
				"lost; trying again cannot bring them back");
	}
	return 0;
}
