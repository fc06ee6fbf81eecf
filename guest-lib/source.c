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

/* @at: NULL: anywhere; else in place of what is mapped there */
static int map_at(const struct fam_source *source,
		  const struct fam_piece *piece, void *at, void **out)
{
	int prot = PROT_READ | (piece->writable ? PROT_WRITE : 0);
	int flags = source->dax ? MAP_SHARED_VALIDATE | MAP_SYNC : MAP_SHARED;
	void *p = mmap(at, (size_t)piece->length, prot,
		       flags | (at ? MAP_FIXED : 0), source->fd,
		       (off_t)(source->base + piece->offset));

	if (p == MAP_FAILED)
		return map_error(source, errno);
	*out = p;
	return 0;
}

int fam_source_map(const struct fam_source *source, uint64_t offset, size_t len,
		   void **out)
{
	const struct fam_piece piece = {offset, len, source->writable};

	return map_at(source, &piece, NULL, out);
}

int fam_source_map_pages(const struct fam_source *source, uint64_t offset,
			 uint64_t length, struct fam_pages *out)
{
	uint64_t page = source->page_bytes;
	uint64_t first = offset / page * page;
	uint64_t bytes = (offset - first + length + page - 1) / page * page;
	int r;

	if (bytes > SIZE_MAX)
		return -ENOMEM;
	r = fam_source_map(source, first, (size_t)bytes, &out->base);
	if (r < 0)
		return r;
	out->bytes = (size_t)bytes;
	out->start = (uintptr_t)out->base + (offset - first);
	return 0;
}

/*
 * Addresses without access, from one that is congruent to @like modulo @align,
 * less a guard, to @bytes behind it and a guard; what is too much is given back.
 */
static int reserve(size_t bytes, size_t guard, size_t align, uint64_t like,
		   char **out)
{
	size_t all = bytes + 2 * guard + align, head;
	char *base;

	base = mmap(NULL, all, PROT_NONE,
		    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (base == MAP_FAILED)
		return -errno;
	head = (size_t)(like - ((uintptr_t)base + guard)) % align;
	if (head)
		munmap(base, head);
	munmap(base + head + bytes + 2 * guard, align - head);
	*out = base + head + guard;
	return 0;
}

int fam_source_map_guarded(const struct fam_source *source,
			   const struct fam_piece *piece, struct fam_pages *out)
{
	size_t page = source->page_bytes;
	size_t guard = (size_t)sysconf(_SC_PAGESIZE);
	size_t align = piece->length >= FAM_DATA_ALIGN && page < FAM_DATA_ALIGN
			       ? FAM_DATA_ALIGN
			       : page;
	uint64_t into = piece->offset % page;
	struct fam_piece whole = {.offset = piece->offset - into,
				  .length = piece->length + into + page - 1,
				  .writable = piece->writable};
	char *at = NULL;
	void *start;
	int r;

	whole.length -= whole.length % page;
	if (whole.length > SIZE_MAX / 2)
		return -ENOMEM;
	r = reserve((size_t)whole.length, guard, align, whole.offset, &at);
	if (r < 0)
		return r;
	out->base = at - guard;
	out->bytes = (size_t)whole.length + 2 * guard;
	out->start = (uintptr_t)at + into;
	r = map_at(source, &whole, at, &start);
	if (r < 0)
		munmap(out->base, out->bytes);
	return r;
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
