// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#include "internal.h"

void fam_source_close(struct fam_source *source)
{
	if (source->fd >= 0)
		close(source->fd);
	source->fd = -1;
}

void fam_source_leave(struct fam_source *source)
{
	fam_source_close(source);
	source->size = 0;
	source->path[0] = '\0';
	source->in_memory = true; /* nothing that could be made durable */
	source->dax = false;
}

/* What mmap(2) means by an error on a device differs from errno(3). */
static int map_error(const struct fam_source *source, int error)
{
	if (source->via == FAM_VIA_MODULE && error == ENODEV)
		return -ENXIO;
	if (source->via != FAM_VIA_RESOURCE)
		return -error;
	if (error == EINVAL)
		return -EBUSY;
	return error == ENODEV ? -ENXIO : -error;
}

int fam_source_map(const struct fam_source *source, uint64_t offset, size_t len,
		   void **out)
{
	int prot = PROT_READ | (source->writable ? PROT_WRITE : 0);
	int flags = source->dax ? MAP_SHARED_VALIDATE | MAP_SYNC : MAP_SHARED;
	void *p = mmap(NULL, len, prot, flags, source->fd,
		       (off_t)(source->base + offset));

	if (p == MAP_FAILED)
		return map_error(source, errno);
	*out = p;
	return 0;
}

int fam_source_recheck(const struct fam_source *source)
{
	switch (source->via) {
	case FAM_VIA_FILE:
		return fam_hostfile_recheck(source);
	case FAM_VIA_MODULE:
		return fam_module_recheck(source);
	default:
		return fam_pci_recheck(source);
	}
}

int fam_source_superblocks(const struct fam_source *source,
			   struct fam_superblock sb[FAM_SUPERBLOCK_COPIES])
{
	memset(sb, 0, FAM_SUPERBLOCK_COPIES * sizeof(*sb));
	for (unsigned int i = 0; i < FAM_SUPERBLOCK_COPIES; i++) {
		uint64_t offset = fam_superblock_offset(i);
		int r;

		if (source->size < offset + sizeof(*sb))
			break;
		r = source->via == FAM_VIA_FILE
			    ? fam_hostfile_superblock(source, offset, &sb[i])
			    : fam_pci_superblock(source, offset, &sb[i]);
		if (r < 0)
			return r;
	}
	return 0;
}
