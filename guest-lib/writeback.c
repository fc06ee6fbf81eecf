// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fam-writeback.h>

/*
 * Not by fstat(): who has asked for the times gets newer ones at the next store,
 * at the price of a change of the inode (Linux 6.13).
 */
int fam_file_check(int fd, uint64_t size)
{
	struct statx st;

	if (statx(fd, "", AT_EMPTY_PATH, STATX_SIZE | STATX_NLINK, &st) < 0)
		return -errno;
	if (st.stx_size < size)
		return -ENODATA;
	return st.stx_nlink == 0 ? -ESTALE : 0;
}

static uint64_t meminfo_bytes(const char *text, const char *key)
{
	const char *at = strstr(text, key);

	return at ? strtoull(at + strlen(key), NULL, 10) * 1024 : 0;
}

uint64_t fam_dirty_bytes(int meminfo)
{
	char text[4096];
	ssize_t len =
		meminfo < 0 ? -1 : pread(meminfo, text, sizeof(text) - 1, 0);

	if (len <= 0)
		return 0;
	text[len] = '\0';
	return meminfo_bytes(text, "\nDirty:") +
	       meminfo_bytes(text, "\nWriteback:");
}

/*
 * Only a head start, so that the disk gets all runs at once. But an error must
 * be taken here, too: it may be told once.
 */
static int start_run(int fd, const struct fam_range *run)
{
	if (sync_file_range(fd, (off_t)run->offset, (off_t)run->length,
			    SYNC_FILE_RANGE_WRITE) == 0)
		return 0;
	return errno == EIO || errno == ENOSPC || errno == EDQUOT ? -errno : 0;
}

int fam_sync_runs(int fd, char *map, const struct fam_range *runs, size_t count)
{
	int r = 0;

	for (size_t i = 0; r == 0 && count > 1 && i < count; i++)
		r = start_run(fd, &runs[i]);
	for (size_t i = 0; r == 0 && i < count; i++) {
		if (msync(map + runs[i].offset, runs[i].length, MS_SYNC) < 0)
			r = -errno;
	}
	return r;
}
