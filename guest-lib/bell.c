// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
/* The registers of a node's own ivshmem device (BAR0). */
#include <sys/mman.h>

#include "fam-persist.h"

#define REGISTER_SELF 2 /* own ID: byte 8 */
#define REGISTER_RING 3 /* byte 12: ID << 16 | vector */
#define ID_MAX	      0xffff

void fam_bell_open(const struct fam_source *source, struct fam_bell *out)
{
	_cleanup_close_ int fd = -1;
	char path[64];
	void *p;

	*out = (struct fam_bell){0};
	if (source->transport != FAM_TRANSPORT_DOORBELL &&
	    source->transport != FAM_TRANSPORT_LEGACY)
		return;
	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/resource0",
		 source->device);
	fd = fam_fd_lift(open(path, O_RDWR | O_CLOEXEC));
	if (fd < 0)
		return;
	/* The range is 256 bytes long; what is mapped is its page. */
	p = mmap(NULL, (size_t)sysconf(_SC_PAGESIZE), PROT_READ | PROT_WRITE,
		 MAP_SHARED, fd, 0);
	if (p == MAP_FAILED)
		return;
	out->registers = p;
	/* Old emulators have -1 here until the server has told. */
	out->self = out->registers[REGISTER_SELF];
	if (out->self > ID_MAX)
		out->self = 0;
}

void fam_bell_ring(const struct fam_bell *bell, uint32_t peer, uint32_t vector)
{
	if (!bell->registers || peer > ID_MAX || vector > ID_MAX)
		return;
	/* What the peer is to find comes before it is rung. */
	atomic_thread_fence(memory_order_seq_cst);
	bell->registers[REGISTER_RING] = peer << 16 | vector;
}

void fam_bell_close(struct fam_bell *bell)
{
	if (bell->registers)
		munmap((void *)bell->registers, (size_t)sysconf(_SC_PAGESIZE));
	bell->registers = NULL;
}
