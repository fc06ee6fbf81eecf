// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
/* The registers of a node's own ivshmem device (BAR0). */
#include <sys/ioctl.h>
#include <sys/mman.h>

#include "fam-bells.h"
#include "kmod/fam_ivshmem.h"

#define REGISTER_SELF 2 /* own ID: byte 8 */
#define REGISTER_RING 3 /* byte 12: ID << 16 | vector */
#define ID_MAX	      0xffff

/* The range is 256 bytes long; what is mapped is its page. */
static volatile uint32_t *map_page(int fd, uint64_t offset)
{
	void *p = mmap(NULL, (size_t)sysconf(_SC_PAGESIZE),
		       PROT_READ | PROT_WRITE, MAP_SHARED, fd, (off_t)offset);

	return p == MAP_FAILED ? NULL : p;
}

static void open_module(const struct fam_source *source, struct fam_bell *out)
{
	struct fam_ioc_info info;

	if (ioctl(source->fd, FAM_IOC_INFO, &info) < 0)
		return;
	/* The driver rings: when the device goes it says so, a mapping kills. */
	out->device = source->fd;
	if (info.vectors == 0 && info.flags & FAM_INFO_REGISTERS &&
	    source->writable)
		out->registers = map_page(source->fd, FAM_MMAP_REGISTERS);
	if (info.peer <= ID_MAX)
		out->self = info.peer;
}

static void open_registers(const struct fam_source *source,
			   struct fam_bell *out)
{
	_cleanup_close_ int fd = -1;
	char path[64];

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/resource0",
		 source->device);
	fd = fam_fd_lift(open(path, O_RDWR | O_CLOEXEC));
	if (fd < 0)
		return;
	out->registers = map_page(fd, 0);
	if (!out->registers)
		return;
	/* Old emulators have -1 here until the server has told. */
	out->self = out->registers[REGISTER_SELF];
	if (out->self > ID_MAX)
		out->self = 0;
}

void fam_bell_open(const struct fam_source *source, struct fam_bell *out)
{
	*out = (struct fam_bell){0};
	if (source->transport != FAM_TRANSPORT_DOORBELL &&
	    source->transport != FAM_TRANSPORT_LEGACY)
		return;
	if (source->via == FAM_VIA_MODULE)
		open_module(source, out);
	else
		open_registers(source, out);
}

bool fam_bell_can_ring(const struct fam_bell *bell)
{
	return bell->registers || bell->device > 0;
}

int fam_bell_ring(const struct fam_bell *bell, uint32_t peer, uint32_t vector)
{
	struct fam_ioc_ring ring = {peer, vector};

	if (peer > ID_MAX || vector > ID_MAX)
		return -ERANGE;
	/* What the peer is to find comes before it is rung. */
	atomic_thread_fence(memory_order_seq_cst);
	if (bell->registers)
		bell->registers[REGISTER_RING] = peer << 16 | vector;
	else if (bell->device > 0 &&
		 ioctl(bell->device, FAM_IOC_RING, &ring) < 0)
		return -errno;
	return 0;
}

void fam_bell_close(struct fam_bell *bell)
{
	if (bell->registers)
		munmap((void *)bell->registers, (size_t)sysconf(_SC_PAGESIZE));
	bell->registers = NULL;
	bell->device = 0;
}
