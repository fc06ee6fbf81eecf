// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "region-size.h"
#include "region.h"
#include "util/cleanup.h"
#include "util/fdio.h"
#include "util/log.h"
#include "util/size.h"

/* Never follow a link, never wait for a FIFO's other end. */
#define OPEN_FLAGS (O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY | O_NONBLOCK)

static int choose_path(const struct region_spec *spec, char out[PATH_MAX],
		       struct err *err)
{
	const char *name = spec->file;
	int len;

	if (name) {
		len = snprintf(out, PATH_MAX, "%s", name);
	} else {
		name = spec->shm + (*spec->shm == '/');
		if (!*name || strchr(name, '/') || strcmp(name, ".") == 0 ||
		    strcmp(name, "..") == 0)
			return err_set(err, -EINVAL,
				       "'%s' is not a shared memory name",
				       spec->shm);
		len = snprintf(out, PATH_MAX, "/dev/shm/%s", name);
	}
	if (len >= PATH_MAX)
		return err_set(err, -ENAMETOOLONG, "path too long");
	return 0;
}

static int check_kind(const struct stat *st, struct err *err)
{
	if (S_ISDIR(st->st_mode))
		return err_set(err, -EMEDIUMTYPE, "it is a directory");
	if (!S_ISREG(st->st_mode))
		return err_set(err, -EMEDIUMTYPE, "it is not a regular file");
	/* root may write to anything, but the owner said no */
	if (!(st->st_mode & 0222))
		return err_set(err, -EACCES, "the file is read-only");
	return 0;
}

static int check_open_error(int errnum, const struct region_spec *spec,
			    struct err *err)
{
	if (errnum == ELOOP)
		return err_set(err, -ELOOP,
			       "it is a symbolic link: name the file itself");
	err_sys(err, errnum, "cannot open it");
	if (errnum == ENOENT && !spec->grow)
		return err_hint(err, "famctl create-fabric makes a fabric; -t "
				     "with -m makes a raw file");
	return err->code;
}

static int open_existing(const char *path, const struct region_spec *spec,
			 int *out, struct err *err)
{
	_cleanup_close_ int fd = open(path, OPEN_FLAGS);
	struct stat st;
	int ret;

	if (fd < 0 && errno == EISDIR)
		return err_set(err, -EMEDIUMTYPE, "it is a directory");
	if (fd < 0 && errno == ENXIO)
		return err_set(err, -EMEDIUMTYPE, "it is not a regular file");
	if (fd < 0)
		return check_open_error(errno, spec, err);
	if (fstat(fd, &st) < 0)
		return err_sys(err, errno, "cannot look at it");
	ret = check_kind(&st, err);
	if (ret < 0)
		return ret;
	*out = take_fd(&fd);
	return 0;
}

static int lock(int fd, struct err *err)
{
	if (flock(fd, LOCK_EX | LOCK_NB) == 0)
		return 0;
	if (errno != EWOULDBLOCK)
		return err_sys(err, errno, "cannot lock it");
	err_set(err, -EBUSY, "another server has it");
	return err_hint(err, "famctl list-servers shows who");
}

/* What the format says of itself, if it is there. */
static int read_format(struct region *region, uint64_t have, struct err *err)
{
	struct fam_superblock sb[FAM_SUPERBLOCK_COPIES];
	unsigned int chosen;
	int ret;

	for (unsigned int i = 0; i < FAM_SUPERBLOCK_COPIES; i++)
		if (fdio_pread(region->lock_fd, &sb[i], sizeof(sb[i]),
			       fam_superblock_offset(i)) < 0)
			memset(&sb[i], 0, sizeof(sb[i]));
	ret = fam_superblock_choose(sb, &chosen, NULL);
	region->formatted = ret != -EMEDIUMTYPE;
	/* damaged or newer formats are served: it is not ours to judge them */
	if (ret < 0)
		return 0;
	memcpy(region->label, sb[chosen].label, sizeof(region->label));
	region->label[sizeof(region->label) - 1] = '\0';
	if (sb[chosen].feature_compat & FAM_COMPAT_MAILBOX)
		region->mailbox = sb[chosen].mailbox_offset;
	if (sb[chosen].feature_compat & FAM_COMPAT_SESSIONS)
		region->sessions = sb[chosen].sessions_offset;
	if (sb[chosen].size > have)
		return err_set(err, -ENODATA,
			       "it is %" PRIu64 " bytes, but was made with "
			       "%" PRIu64 ": part of it is missing",
			       have, sb[chosen].size);
	if (sb[chosen].size < have)
		log_warn("'%s' is larger than its superblock says",
			 region->path);
	return 0;
}

static void warn_sparse(const struct region *region, const struct stat *st)
{
	uint64_t allocated = (uint64_t)st->st_blocks * 512;
	struct statvfs fs;

	if (allocated >= region->size || fstatvfs(region->fd, &fs) < 0)
		return;
	if (region->size - allocated > (uint64_t)fs.f_bavail * fs.f_frsize)
		log_warn(
			"'%s' is sparse and its file system has less room than "
			"it may need: a full disk kills nodes",
			region->path);
	else
		log_info("'%s' is sparse: a full disk would kill nodes",
			 region->path);
}

/* A second open file, of the same inode, without the lock. */
static int open_for_peers(struct region *region, struct err *err)
{
	struct stat a, b;

	region->fd = open(region->path, OPEN_FLAGS & ~O_NONBLOCK);
	if (region->fd < 0 || fstat(region->fd, &a) < 0 ||
	    fstat(region->lock_fd, &b) < 0)
		return err_sys(err, errno, "cannot open it again");
	if (a.st_dev != b.st_dev || a.st_ino != b.st_ino)
		return err_set(err, -EBUSY, "it was replaced just now");
	region->size = (uint64_t)a.st_size;
	warn_sparse(region, &a);
	return region_size_check(region->size, err);
}

static int reserve_holes(struct region *region, const struct region_spec *spec,
			 uint64_t have, struct err *err)
{
	if (!spec->reserve)
		return 0;
	return region_size_reserve(region->lock_fd, 0, have, err);
}

/* Looks at the open file, then changes it as far as it may. */
static int settle_size(struct region *region, const struct region_spec *spec,
		       struct err *err)
{
	struct stat st;
	int ret;

	if (fstat(region->lock_fd, &st) < 0)
		return err_sys(err, errno, "cannot look at it");
	ret = read_format(region, (uint64_t)st.st_size, err);
	if (ret == 0)
		ret = region_size_fit(region->lock_fd, (uint64_t)st.st_size,
				      spec, region->formatted, err);
	if (ret == 0 && fstat(region->lock_fd, &st) < 0)
		ret = err_sys(err, errno, "cannot look at it");
	if (ret == 0)
		ret = region_size_check((uint64_t)st.st_size, err);
	if (ret == 0)
		ret = reserve_holes(region, spec, (uint64_t)st.st_size, err);
	return ret;
}

static int create_file(struct region *region, const struct region_spec *spec,
		       struct err *err)
{
	int fd = open(region->path, OPEN_FLAGS | O_CREAT | O_EXCL, 0600);

	if (fd < 0)
		return err_sys(err, errno, "cannot create it");
	region->lock_fd = fd;
	if (spec->gid != (gid_t)-1 && fchown(fd, (uid_t)-1, spec->gid) < 0)
		return err_sys(err, errno, "cannot give it to group %u",
			       spec->gid);
	if (fchmod(fd, spec->mode) < 0)
		return err_sys(err, errno, "cannot set its mode");
	return 0;
}

/* The name must be on the disk as well as the file. */
static int sync_directory(const char *path, struct err *err)
{
	char dir[PATH_MAX], *slash;
	_cleanup_close_ int fd = -1;

	snprintf(dir, sizeof(dir), "%s", path);
	slash = strrchr(dir, '/');
	if (slash)
		slash[slash == dir] = '\0';
	fd = open(slash ? dir : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || (fsync(fd) < 0 && errno != EINVAL))
		return err_sys(err, errno, "cannot sync its directory");
	return 0;
}

static int make_new(struct region *region, const struct region_spec *spec,
		    struct err *err)
{
	int ret;

	if (!spec->size)
		return err_set(err, -EINVAL,
			       "it does not exist: -t needs a size with -m");
	ret = create_file(region, spec, err);
	if (ret < 0)
		return ret;
	ret = lock(region->lock_fd, err);
	if (ret == 0)
		ret = region_size_check(spec->size, err);
	if (ret == 0)
		ret = region_size_fit(region->lock_fd, 0, spec, false, err);
	if (ret == 0)
		ret = sync_directory(region->path, err);
	if (ret == 0)
		ret = open_for_peers(region, err);
	/* we made it just now, and hold its lock */
	if (ret < 0 && unlink(region->path) < 0)
		log_warn_errno(errno, "cannot remove '%s'", region->path);
	return ret;
}

static int open_anonymous(struct region *region, struct err *err)
{
	int seals = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL;

	region->fd = memfd_create("fam-none", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (region->fd < 0 || ftruncate(region->fd, REGION_NONE_BYTES) < 0 ||
	    fcntl(region->fd, F_ADD_SEALS, seals) < 0)
		return err_sys(err, errno, "cannot make a page of memory");
	region->size = REGION_NONE_BYTES;
	return 0;
}

/* Asked for at the command line: wrong before any file is looked at. */
static int check_wish(const struct region_spec *spec, struct err *err)
{
	if (spec->size && region_size_check(spec->size, err) < 0) {
		err_prefix(err, "cannot serve that much memory");
		err->code = -EINVAL;
		return -EINVAL;
	}
	return 0;
}

static int open_any(struct region *region, const struct region_spec *spec,
		    struct err *err)
{
	int ret = open_existing(region->path, spec, &region->lock_fd, err);

	if (ret == -ENOENT && spec->grow)
		return make_new(region, spec, err);
	if (ret == 0)
		ret = lock(region->lock_fd, err);
	if (ret == 0)
		ret = settle_size(region, spec, err);
	if (ret == 0)
		ret = open_for_peers(region, err);
	return ret;
}

int region_open(struct region *region, const struct region_spec *spec,
		struct err *err)
{
	struct region r = REGION_INIT;
	int ret = check_wish(spec, err);

	if (ret < 0)
		return ret;
	if (spec->none)
		ret = open_anonymous(&r, err);
	else
		ret = choose_path(spec, r.path, err);
	if (ret == 0 && !spec->none) {
		ret = open_any(&r, spec, err);
		if (ret < 0)
			err_prefix(err, "cannot serve '%s'", r.path);
	}
	if (ret < 0) {
		region_close(&r);
		return ret;
	}
	*region = r;
	return 0;
}

static int check_existing(struct region *r, const struct region_spec *spec,
			  struct err *err)
{
	struct stat st;
	int ret = open_existing(r->path, spec, &r->lock_fd, err);

	if (ret == -ENOENT && spec->grow && spec->size)
		return region_size_check(spec->size, err);
	if (ret == 0)
		ret = lock(r->lock_fd, err);
	if (ret < 0)
		return ret;
	if (fstat(r->lock_fd, &st) < 0)
		return err_sys(err, errno, "cannot look at it");
	ret = read_format(r, (uint64_t)st.st_size, err);
	return ret < 0 ? ret
		       : region_size_would_fit((uint64_t)st.st_size, spec,
					       r->formatted, err);
}

int region_check(const struct region_spec *spec, struct err *err)
{
	struct region r = REGION_INIT;
	int ret = check_wish(spec, err);

	if (spec->none || ret < 0)
		return ret;
	ret = choose_path(spec, r.path, err);
	if (ret == 0) {
		ret = check_existing(&r, spec, err);
		if (ret < 0)
			err_prefix(err, "cannot serve '%s'", r.path);
	}
	region_close(&r);
	return ret;
}

void region_identity(const struct region *region, uint64_t *inode,
		     int64_t *born_ns)
{
	struct statx st;

	*inode = 0;
	*born_ns = 0;
	if (region->lock_fd < 0 || statx(region->lock_fd, "", AT_EMPTY_PATH,
					 STATX_INO | STATX_BTIME, &st) < 0)
		return;
	*inode = st.stx_ino;
	if (st.stx_mask & STATX_BTIME)
		*born_ns =
			st.stx_btime.tv_sec * 1000000000 + st.stx_btime.tv_nsec;
}

void region_close(struct region *region)
{
	if (region->fd >= 0)
		close(region->fd);
	if (region->lock_fd >= 0)
		close(region->lock_fd);
	region->fd = region->lock_fd = -1;
}
