// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "disk.h"
#include "util/cleanup.h"
#include "util/clock.h"

#define DISK_INO  2
#define DISK_NAME "disk"
#define FOREVER	  3600.0

static struct disk *disk_of(fuse_req_t req)
{
	return fuse_req_userdata(req);
}

static void init(void *arg, struct fuse_conn_info *conn)
{
	(void)arg;
	/* No cache between the loop device and the tape. */
	conn->want &= ~(unsigned int)FUSE_CAP_WRITEBACK_CACHE;
	conn->max_readahead = 0;
}

static bool describe(const struct disk *disk, fuse_ino_t ino, struct stat *st)
{
	*st = (struct stat){.st_ino = ino, .st_blksize = 4096};
	if (ino == FUSE_ROOT_ID) {
		st->st_mode = S_IFDIR | 0755;
		st->st_nlink = 2;
	} else {
		st->st_mode = S_IFREG | 0600;
		st->st_nlink = 1;
		st->st_size = (off_t)disk->store.size;
	}
	return ino == FUSE_ROOT_ID || ino == DISK_INO;
}

static void lookup(fuse_req_t req, fuse_ino_t parent, const char *name)
{
	struct fuse_entry_param e = {.ino = DISK_INO,
				     .attr_timeout = FOREVER,
				     .entry_timeout = FOREVER};

	if (parent != FUSE_ROOT_ID || strcmp(name, DISK_NAME) != 0) {
		fuse_reply_err(req, ENOENT);
		return;
	}
	describe(disk_of(req), DISK_INO, &e.attr);
	fuse_reply_entry(req, &e);
}

static void get_attr(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	struct stat st;

	(void)fi;
	if (describe(disk_of(req), ino, &st))
		fuse_reply_attr(req, &st, FOREVER);
	else
		fuse_reply_err(req, ENOENT);
}

static void open_file(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	if (ino != DISK_INO) {
		fuse_reply_err(req, EISDIR);
		return;
	}
	fi->direct_io = 1;
	fuse_reply_open(req, fi);
}

static void read_file(fuse_req_t req, fuse_ino_t ino, size_t size, off_t offset,
		      struct fuse_file_info *fi)
{
	struct disk *disk = disk_of(req);
	uint64_t start = (uint64_t)offset, left;
	_cleanup_free_ char *data = malloc(size ? size : 1);
	int r = data ? 0 : -ENOMEM;

	(void)ino;
	(void)fi;
	left = start < disk->store.size ? disk->store.size - start : 0;
	if (size > left)
		size = left;
	if (r == 0)
		r = store_read(&disk->store, data, size, start);
	if (r < 0)
		fuse_reply_err(req, -r);
	else
		fuse_reply_buf(req, data, size);
}

static void write_file(fuse_req_t req, fuse_ino_t ino, const char *data,
		       size_t size, off_t offset, struct fuse_file_info *fi)
{
	int r = store_write(&disk_of(req)->store, data, size, (uint64_t)offset);

	(void)ino;
	(void)fi;
	if (r < 0)
		fuse_reply_err(req, -r);
	else
		fuse_reply_write(req, size);
}

/* The loop device sends this for each flush of the disk. */
static void sync_file(fuse_req_t req, fuse_ino_t ino, int datasync,
		      struct fuse_file_info *fi)
{
	struct disk *disk = disk_of(req);
	struct disk_flush f = {req, disk->store.taped,
			       clock_ns() + disk->delay};

	(void)ino;
	(void)datasync;
	(void)fi;
	if (disk->delay > 0 && disk->held_count < DISK_HELD)
		disk->held[disk->held_count++] = f;
	else
		fuse_reply_err(req, -store_flush(&disk->store, f.covered));
}

const struct fuse_lowlevel_ops disk_ops = {
	.init = init,
	.lookup = lookup,
	.getattr = get_attr,
	.open = open_file,
	.read = read_file,
	.write = write_file,
	.fsync = sync_file,
};

/* In the order they came: a later one never overtakes. */
void disk_release(struct disk *disk, bool all)
{
	uint64_t now = clock_ns();
	size_t n = 0;

	while (n < disk->held_count && (all || disk->held[n].due <= now)) {
		struct disk_flush *f = &disk->held[n++];

		fuse_reply_err(f->req, -store_flush(&disk->store, f->covered));
	}
	disk->held_count -= n;
	memmove(disk->held, disk->held + n,
		disk->held_count * sizeof(disk->held[0]));
}

int disk_patience(const struct disk *disk)
{
	uint64_t now = clock_ns();

	if (disk->held_count == 0)
		return -1;
	if (disk->held[0].due <= now)
		return 0;
	return (int)((disk->held[0].due - now) / 1000000 + 1);
}
