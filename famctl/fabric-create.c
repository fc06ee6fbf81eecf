// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#include "fabric.h"
#include "fabric-access.h"
#include "fabric-space.h"
#include "hold.h"
#include "newfile.h"
#include "out.h"
#include "paths.h"
#include "util/cleanup.h"
#include "util/fdio.h"
#include "util/size.h"

/* A fabric in the making, and what must be undone if it fails. */
struct making {
	const struct fabric_spec *spec;
	char dir[PATH_MAX];	 /* where the file will be */
	char base[NAME_MAX + 1]; /* its name there */
	struct newfile file;
	int dirfd;
	mode_t mode;
	gid_t group;		/* (gid_t)-1: as it comes */
	char new_dir[PATH_MAX]; /* as typed, if it had to be made */
	size_t old_part;	/* bytes of it that were there before */
};

static int set_place(struct making *m, const char *dir, const char *base,
		     struct err *err)
{
	char typed[PATH_MAX];
	int ret = paths_absolute(dir, typed, err);

	if (ret < 0)
		return ret;
	if (strlen(base) > NAME_MAX)
		return err_set(err, -ENAMETOOLONG,
			       "its file name is too long: '%.40s...'", base);
	memcpy(m->dir, typed, sizeof(typed));
	memcpy(m->base, base, strlen(base) + 1);
	return 0;
}

static int place_at_path(struct making *m, struct err *err)
{
	const char *path = m->spec->path;
	const char *slash = strrchr(path, '/');
	const char *base = slash ? slash + 1 : path;
	char dir[PATH_MAX] = ".";

	if (!base[0] || strcmp(base, ".") == 0 || strcmp(base, "..") == 0) {
		err_set(err, -EEXIST, "'%.200s' is a directory", path);
		return err_hint(err,
				"--path names the file, --dir a directory");
	}
	if (strlen(path) >= sizeof(dir))
		return err_set(err, -ENAMETOOLONG, "its path is too long");
	if (slash)
		snprintf(dir, sizeof(dir), "%.*s", (int)(slash - path + 1),
			 path);
	return set_place(m, dir, base, err);
}

static int place_in_dir(struct making *m, struct err *err)
{
	char base[FAM_LABEL_BYTES + sizeof(FABRIC_SUFFIX)];
	char own[PATH_MAX];
	int ret = m->spec->dir ? 0 : fabric_dir(own, err);

	if (ret < 0)
		return ret;
	snprintf(base, sizeof(base), "%s" FABRIC_SUFFIX, m->spec->name);
	return set_place(m, m->spec->dir ? m->spec->dir : own, base, err);
}

/* Length of the directory that @path, of @len bytes, lies in. */
static size_t parent_len(const char *path, size_t len)
{
	while (len > 1 && path[len - 1] != '/')
		len--;
	while (len > 1 && path[len - 1] == '/')
		len--;
	return len;
}

/* How many bytes of the absolute @path lead to what is there? */
static size_t existing_part(const char *path)
{
	char part[PATH_MAX];
	size_t len = strlen(path);

	memcpy(part, path, len + 1);
	while (len > 1 && access(part, F_OK) < 0) {
		len = parent_len(part, len);
		part[len] = '\0';
	}
	return len;
}

static int make_own_dir(struct making *m, struct err *err)
{
	unsigned int mode = geteuid() == 0 ? 0755 : 0700;

	if (access(m->dir, F_OK) == 0 || m->spec->dry_run)
		return 0;
	memcpy(m->new_dir, m->dir, sizeof(m->new_dir));
	m->old_part = existing_part(m->dir);
	return paths_mkdir(m->dir, mode, err);
}

/* Made for nothing, and empty: else they stay. */
static void remove_own_dir(struct making *m)
{
	size_t len = strlen(m->new_dir);

	while (len > m->old_part) {
		rmdir(m->new_dir);
		len = parent_len(m->new_dir, len);
		m->new_dir[len] = '\0';
	}
}

static int open_dir(struct making *m, struct err *err)
{
	char real[PATH_MAX];

	m->dirfd = open(m->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (m->dirfd < 0) {
		bool missing = errno == ENOENT;

		err_sys(err, errno, "cannot open directory '%s'", m->dir);
		return missing ? err_hint(err, "mkdir '%s'", m->dir)
			       : err->code;
	}
	if (realpath(m->dir, real))
		memcpy(m->dir, real, sizeof(real));
	return 0;
}

static int check_writable(const struct making *m, struct err *err)
{
	if (faccessat(m->dirfd, ".", W_OK | X_OK, AT_EACCESS) == 0)
		return 0;
	err_sys(err, errno, "cannot make a file in '%s'", m->dir);
	return err_hint(err, "choose another directory with --dir");
}

static const char *kind_of(mode_t mode)
{
	if (S_ISDIR(mode))
		return "is a directory";
	if (S_ISLNK(mode))
		return "is a symbolic link";
	return S_ISREG(mode) ? "exists" : "is a device, pipe or socket";
}

static int taken(const struct making *m, mode_t mode, struct err *err)
{
	err_set(err, -EEXIST, "'%s/%s' %s; famctl never overwrites", m->dir,
		m->base, kind_of(mode));
	return err_hint(err, "choose another name");
}

static int check_free_name(const struct making *m, struct err *err)
{
	struct stat st;

	if (fstatat(m->dirfd, m->base, &st, AT_SYMLINK_NOFOLLOW) == 0)
		return taken(m, st.st_mode, err);
	if (errno == ENOENT)
		return 0;
	return err_sys(err, errno, "cannot look at '%s/%s'", m->dir, m->base);
}

static int choose_access(struct making *m, struct err *err)
{
	char path[PATH_MAX + NAME_MAX + 2];
	int ret = fabric_access_mode(m->spec->mode, &m->mode, err);

	if (ret < 0)
		return ret;
	snprintf(path, sizeof(path), "%s/%s", m->dir, m->base);
	return fabric_access_group(m->spec->group, m->mode, path, &m->group,
				   err);
}

/*
 * What must have its space from the beginning. Of a sparse fabric that is where
 * the superblocks, the flush mailbox and the table of sessions lie: the server
 * stores there, and must not die of a full disk.
 */
static uint64_t at_once(const struct fabric_spec *spec)
{
	if (!spec->sparse)
		return spec->size;
	return spec->raw ? 0 : FAM_DATA_OFFSET;
}

static int plan(struct making *m, struct err *err)
{
	const struct fabric_spec *spec = m->spec;
	int ret;

	ret = spec->path ? place_at_path(m, err) : place_in_dir(m, err);
	if (ret == 0)
		ret = choose_access(m, err);
	if (ret == 0 && !spec->path && !spec->dir)
		ret = make_own_dir(m, err);
	/* Only a dry run gets here without the default directory. */
	if (ret == 0 && spec->dry_run && !spec->path && !spec->dir &&
	    access(m->dir, F_OK) < 0)
		return 0;
	if (ret == 0)
		ret = open_dir(m, err);
	if (ret == 0)
		ret = check_free_name(m, err);
	if (ret == 0)
		ret = check_writable(m, err);
	if (ret == 0)
		ret = fabric_space_check(m->dirfd, m->dir, at_once(spec), err);
	return ret;
}

static int fill(struct making *m, struct err *err)
{
	const struct fabric_spec *spec = m->spec;
	int ret;

	if (spec->sparse)
		return fabric_space_sparse(m->file.fd, spec->size,
					   at_once(spec), err);
	ret = fabric_space_reserve(m->file.fd, spec->size, err);
	if (ret == -EOPNOTSUPP || ret == -ENOSYS)
		out_note("the file system in '%s' cannot reserve space: "
			 "writing zeros instead",
			 m->dir);
	else if (ret < 0 || !spec->prepare)
		return ret;
	return fabric_space_zero(m->file.fd, spec->size, m->base, err);
}

static int describe(const struct fabric_spec *spec, struct fam_superblock *sb,
		    struct err *err)
{
	uint8_t uuid[FAM_UUID_BYTES];
	struct timespec now;
	int ret;

	clock_gettime(CLOCK_REALTIME, &now);
	if (getrandom(uuid, sizeof(uuid), 0) != sizeof(uuid))
		return err_sys(err, errno, "cannot get random bytes");
	ret = fam_superblock_init(sb, spec->size, spec->name, uuid,
				  (uint64_t)now.tv_sec * 1000000000 +
					  (uint64_t)now.tv_nsec,
				  spec->durability);
	if (ret == 0 && spec->regions)
		ret = fam_superblock_set_regions(sb, 0);
	if (ret == 0 && spec->objects)
		ret = fam_superblock_set_objects(sb, *spec->objects);
	if (ret == 0 && spec->regions)
		ret = fam_superblock_set_regions(sb, *spec->regions);
	if (ret < 0)
		return err_set(err, ret,
			       "the format does not allow this name "
			       "or size");
	return 0;
}

static int write_superblocks(const struct making *m, struct err *err)
{
	struct fam_superblock sb;
	int ret = describe(m->spec, &sb, err);

	if (ret < 0)
		return ret;
	for (unsigned int i = 0; i < FAM_SUPERBLOCK_COPIES; i++) {
		fam_superblock_seal(&sb, i);
		ret = fdio_pwrite(m->file.fd, &sb, sizeof(sb),
				  fam_superblock_offset(i));
		if (ret < 0)
			return err_sys(err, -ret, "cannot write superblock %u",
				       i);
	}
	return 0;
}

static int make_file(struct making *m, struct err *err)
{
	int ret = newfile_open(&m->file, m->dirfd, m->dir, m->base, err);

	if (ret == 0)
		ret = fill(m, err);
	if (ret == 0 && !m->spec->raw)
		ret = write_superblocks(m, err);
	if (ret == 0)
		ret = fabric_access_set(m->file.fd, m->mode, m->group, err);
	if (ret == 0 && fsync(m->file.fd) < 0)
		ret = err_sys(err, errno, "cannot sync the file");
	if (ret == 0)
		ret = newfile_publish(&m->file, err);
	if (ret == -EEXIST)
		return taken(m, S_IFREG, err);
	/* Who interrupted us expects to find nothing. */
	if (ret == 0 && hold_interrupted())
		ret = err_set(err, -EINTR, "interrupted");
	return ret;
}

static void foretell(const struct fabric_spec *spec, const char *path,
		     struct fabric *out)
{
	memset(out, 0, sizeof(*out));
	snprintf(out->name, sizeof(out->name), "%s", spec->name);
	snprintf(out->path, sizeof(out->path), "%s", path);
	out->size = spec->size;
	out->formatted = !spec->raw;
	out->sb.durability = spec->durability;
}

static int tell(const struct making *m, const struct fabric *fabric,
		struct err *err)
{
	if (!m->spec->tell)
		return 0;
	if (!hold_wait_writable(STDOUT_FILENO))
		return err_set(err, -EINTR, "interrupted");
	return m->spec->tell(fabric, m->spec->tell_arg, err);
}

static int create(struct making *m, struct fabric *out, struct err *err)
{
	char path[PATH_MAX];
	int ret = plan(m, err);

	if (ret < 0)
		return ret;
	if (snprintf(path, sizeof(path), "%s/%s", m->dir, m->base) >= PATH_MAX)
		return err_set(err, -ENAMETOOLONG, "its path is too long");
	if (m->spec->dry_run) {
		foretell(m->spec, path, out);
		return tell(m, out, err);
	}
	ret = make_file(m, err);
	if (ret < 0)
		return ret;
	if (fabric_in_memory(m->file.fd) &&
	    m->spec->durability == FAM_DURABILITY_HOST)
		out_warn("'%s' is on a file system in memory: nothing in this "
			 "fabric survives the host",
			 m->dir);
	ret = fabric_probe(path, out, err);
	return ret < 0 ? ret : tell(m, out, err);
}

int fabric_create(const struct fabric_spec *spec, struct fabric *out,
		  struct err *err)
{
	struct making m = {.spec = spec, .dirfd = -1, .file.fd = -1};
	struct hold hold;
	int ret;

	hold_begin(&hold);
	ret = create(&m, out, err);
	newfile_close(&m.file, ret == 0);
	if (m.dirfd >= 0)
		close(m.dirfd);
	if (ret < 0)
		remove_own_dir(&m);
	hold_end(&hold);
	if (ret < 0)
		return err_prefix(err, "cannot create fabric '%s'", spec->name);
	return 0;
}
