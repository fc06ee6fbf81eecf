// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
#include <string.h>

#include <libpmem.h>

#include "internal.h"

/*
 * Of libpmem only what works on any address and promises no more than the CPU
 * can do: copies and cache write-back. pmem_persist(), pmem_msync() and
 * pmem_is_pmem() decide by the kind of the mapping, and on a PCI device report
 * a success that did not happen.
 *
 * Below this length libpmem stores and writes back line by line. To store all
 * and then write all back is never slower, and up to half as fast again
 * (tests/bench/bench-copy.c). From here on it passes the caches by. It is the
 * length at which libpmem itself changes its ways.
 */
#define STREAM_BYTES 256

/*
 * Write-combining, not PMEM_F_MEM_NONTEMPORAL: where caches need no write-back
 * (eADR), it leaves the choice to libpmem.
 */
#define STREAM_FLAGS (PMEM_F_MEM_WC | PMEM_F_MEM_NODRAIN)

void fam_flush(struct fam *fam, const void *addr, size_t len)
{
	(void)fam; /* one instruction serves all transports */
	pmem_flush(addr, len);
}

/*
 * On a CPU that knows no more than clflush, which orders itself, pmem_drain()
 * is empty: right for libpmem's own copies, which then bring a fence along, but
 * streaming stores of the caller would stay unordered. Elsewhere on x86 it is
 * this instruction, too.
 */
void fam_drain(struct fam *fam)
{
	(void)fam;
#ifdef __x86_64__
	__asm__ volatile("sfence" ::: "memory");
#else
	pmem_drain();
#endif
}

void *fam_memcpy_nodrain(struct fam *fam, void *dest, const void *src,
			 size_t len)
{
	(void)fam;
	if (len >= STREAM_BYTES)
		return pmem_memcpy(dest, src, len, STREAM_FLAGS);
	memcpy(dest, src, len);
	pmem_flush(dest, len);
	return dest;
}

void *fam_memset_nodrain(struct fam *fam, void *dest, int byte, size_t len)
{
	(void)fam;
	if (len >= STREAM_BYTES)
		return pmem_memset(dest, byte, len, STREAM_FLAGS);
	memset(dest, byte, len);
	pmem_flush(dest, len);
	return dest;
}
