// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
#include <errno.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include <libpmem.h>

#include "internal.h"

/*
 * Of libpmem only pmem_flush() and pmem_drain() are used: they work on any
 * address and promise only what the CPU can do. pmem_persist(), pmem_msync()
 * and pmem_is_pmem() decide by the kind of the mapping, and on a PCI device
 * report a success that did not happen.
 */
void fam_flush(struct fam *fam, const void *addr, size_t len)
{
	(void)fam; /* one instruction serves all transports */
	pmem_flush(addr, len);
}

void fam_drain(struct fam *fam)
{
	(void)fam;
	pmem_drain();
}

static int persist_none(struct fam *fam, const char *start, size_t len)
{
	(void)fam; /* nothing can be done about it */
	(void)start;
	(void)len;
	return -EOPNOTSUPP;
}

/*
 * msync() of pages behind a new end of the file, or of a file without a name,
 * succeeds; what it wrote is gone all the same.
 */
static int check_file(const struct fam_source *source)
{
	struct stat st;

	if (fstat(source->fd, &st) < 0)
		return -errno;
	if ((uint64_t)st.st_size < source->size)
		return -ENODATA;
	return st.st_nlink == 0 ? -ESTALE : 0;
}

static int sync_pages(const char *start, size_t len)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	size_t skip = (uintptr_t)start % page;

	return msync((char *)start - skip, len + skip, MS_SYNC) < 0 ? -EIO : 0;
}

/*
 * The host's own mapping: the kernel writes back just these pages. It reports
 * a failure to one caller only and takes the pages for clean afterwards, so
 * that the next sync succeeds without the data. Hence one at a time, and the
 * first failure is the answer to all that follow.
 */
static int persist_host(struct fam *fam, const char *start, size_t len)
{
	int r;

	pthread_mutex_lock(&fam->sync_lock);
	r = fam->sync_failed ? -EIO : 0;
	if (r == 0 && len)
		r = sync_pages(start, len);
	fam->sync_failed = r < 0;
	pthread_mutex_unlock(&fam->sync_lock);
	return r < 0 ? r : check_file(&fam->source);
}

/* Durability "guest": the memory is the host's, the CPU's caches are not. */
static int persist_drain(struct fam *fam, const char *start, size_t len)
{
	fam_flush(fam, start, len);
	fam_drain(fam);
	return 0;
}

static const struct fam_persist_ops none = {FAM_PERSIST_NONE, persist_none};
static const struct fam_persist_ops host = {FAM_PERSIST_HOST, persist_host};
static const struct fam_persist_ops drain = {FAM_PERSIST_DRAIN, persist_drain};

const struct fam_persist_ops *fam_persist_choose(const struct fam *fam)
{
	if (fam->durability == FAM_DURABILITY_GUEST)
		return &drain;
	if (fam->source.via == FAM_VIA_FILE && !fam->source.in_memory)
		return &host;
	return &none;
}

int fam_persist(struct fam *fam, const void *addr, size_t len)
{
	if (!fam->source.writable)
		return -EROFS;
	/* That there is no way is true of every range, also of a wrong one. */
	if (fam->persist->way != FAM_PERSIST_NONE && len &&
	    !fam_map_holds(fam, addr, len))
		return -EFAULT;
	return fam->persist->persist(fam, addr, len);
}
