// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
/*
 * The flush window: a virtio-pmem device whose memory is the fabric's own file.
 * fsync(2) on it makes the emulator sync that file, and with it what any node
 * stored there. Nothing is ever written through the device.
 *
 * Its superblock alone does not tell that it is the fabric's own file: a copy
 * of that has the same, and to sync a copy would be a lie. So a store has to
 * appear in it.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <fam-mailbox.h>

#include "window.h"

#define BLOCK_DEVICES "/sys/class/block"
#define VIRTIO_PMEM   27 /* virtio device type */
#define COMPARE_TRIES 3

/* "write back\n", 0: no such attribute. */
static size_t read_attribute(const char *dir, const char *name, char text[32])
{
	char path[PATH_MAX];
	_cleanup_close_ int fd = -1;
	ssize_t n;

	if (snprintf(path, sizeof(path), "%s/%s", dir, name) >= PATH_MAX)
		return 0;
	fd = fam_fd_lift(open(path, O_RDONLY | O_CLOEXEC));
	n = fd < 0 ? -1 : read(fd, text, 31);
	if (n <= 0)
		return 0;
	text[n] = '\0';
	return (size_t)n;
}

/* ".../virtio0/ndbus0/region0/namespace0.0/block/pmem0": is it virtio's 0? */
static bool is_virtio_pmem(const char *sysfs)
{
	char real[PATH_MAX], text[32], *bus;

	if (!realpath(sysfs, real))
		return false;
	bus = strstr(real, "/ndbus");
	if (!bus)
		return false;
	*bus = '\0';
	/* Other devices that have such an attribute are not virtio's. */
	bus = strrchr(real, '/');
	return bus && strncmp(bus, "/virtio", 7) == 0 &&
	       read_attribute(real, "device", text) &&
	       strtol(text, NULL, 16) == VIRTIO_PMEM;
}

/*
 * An nvdimm of an emulator looks the same, but has no way to tell the host to
 * sync: fsync(2) on it succeeds and does nothing. So it does on any device
 * whose cache somebody has declared to be write-through.
 */
bool fam_window_flushes(const char *sysfs)
{
	char text[32];

	return is_virtio_pmem(sysfs) &&
	       read_attribute(sysfs, "queue/write_cache", text) &&
	       strncmp(text, "write back", 10) == 0;
}

static int read_block(int fd, uint64_t offset, void *block)
{
	ssize_t n = pread(fd, block, FAM_SUPERBLOCK_BYTES, (off_t)offset);

	if (n < 0)
		return -errno;
	return n == FAM_SUPERBLOCK_BYTES ? 0 : -ENODATA;
}

bool fam_window_shows(int fd, const struct fam_superblock *sb)
{
	_cleanup_free_ struct fam_superblock *copy = NULL;
	unsigned int chosen;

	/* Aligned: the device is read past this machine's page cache. */
	copy = aligned_alloc(FAM_SUPERBLOCK_BYTES,
			     FAM_SUPERBLOCK_COPIES * sizeof(*copy));
	if (!copy)
		return false;
	for (unsigned int i = 0; i < FAM_SUPERBLOCK_COPIES; i++) {
		if (read_block(fd, fam_superblock_offset(i), &copy[i]) < 0)
			memset(&copy[i], 0, sizeof(copy[i]));
	}
	if (fam_superblock_choose(copy, &chosen, NULL) < 0)
		return false;
	return memcmp(copy[chosen].uuid, sb->uuid, FAM_UUID_BYTES) == 0 &&
	       copy[chosen].size == sb->size;
}

/* Is the open file the device that sysfs speaks of? */
static bool is_device(int fd, const char *sysfs)
{
	unsigned int major_number, minor_number;
	char text[32];
	struct stat st;

	return fstat(fd, &st) == 0 && S_ISBLK(st.st_mode) &&
	       read_attribute(sysfs, "dev", text) &&
	       sscanf(text, "%u:%u", &major_number, &minor_number) == 2 &&
	       st.st_rdev == makedev(major_number, minor_number);
}

/* The word at @offset of the device, past all caches. */
static int read_word(int fd, uint64_t offset, uint64_t *out)
{
	const uint64_t bytes = FAM_SUPERBLOCK_BYTES;
	_cleanup_free_ uint64_t *block = aligned_alloc(bytes, bytes);
	int r;

	if (!block)
		return -ENOMEM;
	r = read_block(fd, offset / bytes * bytes, block);
	if (r == 0)
		*out = block[offset % bytes / sizeof(*block)];
	return r;
}

/*
 * Does what is stored into the mailbox appear in the device? 0; -ENOENT; -EAGAIN
 * a server that just starts has cleared it meanwhile.
 */
static int compare_once(int fd, struct fam_mailbox *box)
{
	uint64_t token = 0, seen = 0;
	int slot, r;

	if (getrandom(&token, sizeof(token), 0) != sizeof(token))
		return -EIO;
	token |= UINT64_C(1) << 63; /* above 2^32 */
	slot = fam_mailbox_claim(box, token);
	if (slot < 0)
		return -EUSERS;
	r = read_word(fd,
		      FAM_MAILBOX_OFFSET + offsetof(struct fam_mailbox, slot) +
			      (uint64_t)slot * FAM_MAILBOX_SLOT_BYTES,
		      &seen);
	if (r == 0 && seen != token)
		r = -ENOENT;
	if (!atomic_compare_exchange_strong(&box->slot[slot].owner, &token,
					    0) &&
	    r == -ENOENT)
		r = -EAGAIN;
	return r;
}

static int compare_memory(int fd, struct fam_mailbox *box)
{
	int r = -EAGAIN;

	for (int tries = 0; r == -EAGAIN && tries < COMPARE_TRIES; tries++)
		r = compare_once(fd, box);
	return r;
}

int fam_window_compare(int fd, const struct fam_source *source,
		       const struct fam_superblock *sb)
{
	void *box;
	int r;

	if (!(sb->feature_compat & FAM_COMPAT_MAILBOX))
		return 0;
	r = fam_source_map(source, FAM_MAILBOX_OFFSET, FAM_MAILBOX_BYTES, &box);
	if (r < 0)
		return r;
	r = compare_memory(fd, box);
	munmap(box, FAM_MAILBOX_BYTES);
	return r;
}

/* A descriptor; -ENOENT it is not the window; or why it cannot be said. */
static int try_device(const char *name, const struct fam_source *source,
		      const struct fam_superblock *sb,
		      char path[FAM_WINDOW_PATH])
{
	char sysfs[sizeof(BLOCK_DEVICES) + NAME_MAX + 1], node[FAM_WINDOW_PATH];
	int fd, r = -ENOENT;

	snprintf(sysfs, sizeof(sysfs), BLOCK_DEVICES "/%s", name);
	if (!fam_window_flushes(sysfs) ||
	    snprintf(node, sizeof(node), "/dev/%s", name) >= FAM_WINDOW_PATH)
		return -ENOENT;
	/* Reading is enough to sync, and cannot harm what is there. */
	fd = fam_fd_lift(open(node, O_RDONLY | O_DIRECT | O_CLOEXEC));
	if (fd < 0)
		return fd;
	if (is_device(fd, sysfs) && fam_window_shows(fd, sb))
		r = fam_window_compare(fd, source, sb);
	if (r < 0) {
		close(fd);
		return r;
	}
	strcpy(path, node);
	return fd;
}

/* pmem0, pmem0.1; not a partition, nor a translated "pmem0s". */
static int filter_pmem(const struct dirent *entry)
{
	const char *number = entry->d_name + 4;

	return strncmp(entry->d_name, "pmem", 4) == 0 && *number &&
	       !number[strspn(number, "0123456789.")];
}

static int compare_names(const struct dirent **a, const struct dirent **b)
{
	return strverscmp((*a)->d_name, (*b)->d_name);
}

int fam_window_open(const struct fam_source *source,
		    const struct fam_superblock *sb, char path[FAM_WINDOW_PATH])
{
	struct dirent **entries = NULL;
	int count =
		scandir(BLOCK_DEVICES, &entries, filter_pmem, compare_names);
	int found = -ENOENT;

	if (count < 0)
		return errno == ENOMEM ? -ENOMEM : -ENOENT;
	for (int i = 0; i < count; i++) {
		/* Why one cannot be opened matters only if none is the one. */
		if (found < 0) {
			int r = try_device(entries[i]->d_name, source, sb,
					   path);

			if (r >= 0 || found == -ENOENT)
				found = r;
		}
		free(entries[i]);
	}
	free(entries);
	return found;
}
