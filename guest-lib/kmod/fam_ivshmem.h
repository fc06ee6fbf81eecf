/* SPDX-License-Identifier: GPL-2.0-only WITH Linux-syscall-note */
/* Copyright (c) 2026, the FAM emulator authors */
#ifndef FAM_IVSHMEM_H
#define FAM_IVSHMEM_H

/*
 * What programs may ask of /dev/famN, the device of one ivshmem device
 * (PCI 1af4:1110). README.md beside this file describes all of it.
 *
 * mmap(2) of [0, size) shows the memory (BAR2), of FAM_MMAP_REGISTERS the page
 * of registers (BAR0), both MAP_SHARED only. After the device has gone, or the
 * driver was unbound, touching a mapping is SIGBUS, and calls fail with ENODEV.
 *
 * read(2) gives the rings of each vector since this file read them last, a
 * __u64 for each vector, and blocks until there is one; poll(2) tells when.
 */
#include <linux/ioctl.h>
#include <linux/types.h>

#define FAM_MMAP_REGISTERS (1ULL << 56)

/* The caching that mappings of the memory get, read back by the driver. */
#define FAM_CACHED_UNKNOWN 0
#define FAM_CACHED_WB	   1
#define FAM_CACHED_WC	   2
#define FAM_CACHED_UC	   3

#define FAM_INFO_REGISTERS 0x1 /* FAM_MMAP_REGISTERS may be mapped */

struct fam_ioc_info {
	__u64 size;	  /* bytes of memory */
	__u64 page_bytes; /* largest page a mapping may be made of */
	__u32 vectors;	  /* interrupts; 0: the device has none */
	__u32 peer;	  /* own ID; 0: none yet, or a device without */
	__u32 cached;	  /* FAM_CACHED_ */
	__u32 flags;	  /* FAM_INFO_ */
	__u32 revision;	  /* of the PCI device: 0 up to QEMU 2.5, else 1 */
	__u32 reserved[5];
};

struct fam_ioc_eventfd {
	__u32 vector;
	__s32 fd; /* counts up with each interrupt; -1: no more of this file's */
};

struct fam_ioc_ring {
	__u32 peer;   /* 0 to 65535 */
	__u32 vector; /* 0 to 255 */
};

#define FAM_IOC_MAGIC	0xfa
#define FAM_IOC_INFO	_IOR(FAM_IOC_MAGIC, 1, struct fam_ioc_info)
/*
 * One for each vector and open file; it counts up once more when the device
 * goes. EBUSY: this file has one for the vector, or another file has this one;
 * ERANGE: no such vector.
 */
#define FAM_IOC_EVENTFD _IOW(FAM_IOC_MAGIC, 2, struct fam_ioc_eventfd)
/*
 * Stores made before are visible to who is rung. ERANGE: out of range;
 * EOPNOTSUPP: a device without interrupts.
 */
#define FAM_IOC_RING	_IOW(FAM_IOC_MAGIC, 3, struct fam_ioc_ring)

#endif
