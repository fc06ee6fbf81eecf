/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026, the FAM emulator authors */
#ifndef FAM_MAP_H
#define FAM_MAP_H

#include <stddef.h>
#include <stdint.h>

#pragma GCC visibility push(default)
#ifdef __cplusplus
extern "C" {
#endif

/* An attachment of this process to one fabric. */
struct fam;

#define FAM_OPEN_RDONLY	    0x1u /* map without write permission */
#define FAM_OPEN_RAW	    0x2u /* no format expected: every byte is the user's */
#define FAM_OPEN_DOORBELL   0x4u /* doorbells only: the memory is left alone */
#define FAM_OPEN_NO_SESSION 0x8u /* attach unseen: fam/session.h */

/**
 * fam_open() - attach to a fabric, in a node or on the host
 * @out: set on success only; release with fam_close()
 * @name: which fabric:
 *	NULL or ""	the only one there is: of the PCI devices 1af4:1110 of
 *			this machine, or, if it has none, of the fabric files
 *			in the host's fabric directories
 *	text with '/'	a fabric file of the host, or of a PCI device the sysfs
 *			directory or the kernel module's /dev/famN
 *	server:NAME	a host's program becomes a peer of tm-server, with
 *			doorbells (fam/doorbell.h); NAME is that of the fabric,
 *			or the path of the server's socket for host programs,
 *			with a '/'
 *	UUID		36 characters, matched with the superblock
 *	PCI address	as 0000:00:10.0 or 00:10.0
 *	#N		position in the order of fam_list(), from #0 on
 *	other text	a label (matched with the superblock), or on the host a
 *			file NAME.fam in a fabric directory: $XDG_DATA_HOME/fam
 *			(~/.local/share/fam), then /var/lib/fam; for root the
 *			other way round
 * @flags: FAM_OPEN_ flags
 *
 * PCI devices are looked at before files. The superblock is read through a
 * private copy and checked; if one of its two copies is damaged the other one
 * serves and fam_info.damaged tells. If it may write, the attachment joins the
 * fabric's sessions (fam/session.h), which starts a thread.
 *
 * Threads:  safe
 * Blocks:   never for long: opens files, reads two superblocks; a server gets
 *	30 seconds for all it sends, and 5 before each message
 * Return:   0, or
 *	-EINVAL		unknown flag or malformed name
 *	-EOPNOTSUPP	FAM_OPEN_DOORBELL, and there are none: neither a server
 *			nor the kernel module
 *	-ENODEV		no name was given and this machine has no fabric
 *	-ENOENT		no fabric has this name, UUID, path or address
 *	-ENOTUNIQ	several fabrics match: name one by UUID or PCI address
 *	-ENXIO		the device is there, but firmware gave its memory (BAR2)
 *			no address or did not switch it on
 *	-EBUSY		a driver of this machine holds the device's memory
 *	-ETXTBSY	famctl prepare-fabric keeps the file for 10 seconds
 *	-EMEDIUMTYPE	not formatted: FAM_OPEN_RAW opens it
 *	-EEXIST		FAM_OPEN_RAW on a formatted fabric: refused, because it
 *			would let the program overwrite the format
 *	-EBADMSG	both copies of the superblock are damaged (also with
 *			FAM_OPEN_RAW: there is a fabric to be rescued)
 *	-EPROTONOSUPPORT a newer format than this library knows
 *	-EROFS		a newer format which this library may only read, or
 *			the node has the fabric to read only (famctl
 *			create-node --fabric NAME:ro): FAM_OPEN_RDONLY opens
 *			it. In a raw fabric the latter cannot be found out, and
 *			stores have no effect
 *	-ENODATA	the file or device is shorter than its superblock says,
 *			or empty
 *	-ENOTBLK	the path is a directory, or neither file nor device
 *	-EACCES, -EPERM, -ELOOP, ...	from the kernel; -ELOOP: a symbolic link
 *	-ECONNREFUSED	no server runs there
 *	-ECONNRESET	the server ended the connection: its log tells why
 *	-ETIMEDOUT	the server is silent
 *	-EPROTO		that is no tm-server, or not its socket for host
 *			programs
 *	-EMFILE		more descriptors came than this process may have
 *	-EAGAIN		no thread can be started to keep the session
 * Since:    0.1
 */
int fam_open(struct fam **out, const char *name, unsigned int flags);

/**
 * fam_close() - detach; NULL is allowed
 *
 * Unmaps every window still mapped: pointers into them are dead afterwards.
 * Makes nothing durable.
 *
 * Threads:  no other call on @fam may be running
 * Blocks:   never
 * Since:    0.1
 */
void fam_close(struct fam *fam);

/**
 * fam_map() - map a window of the fabric's data
 * @offset: bytes from the start of the data, any alignment. In a formatted
 *	fabric the data begins behind the metadata; in a raw one at byte 0
 * @length: bytes; 0 = up to the end of the data
 * @out: address of the byte at @offset; untouched on failure
 *
 * Page tables cost 8 bytes per 4 KiB mapped (128 MiB for 64 GiB) in a node:
 * map windows of a large fabric. Several windows may overlap.
 *
 * Threads:  safe
 * Ordering: all windows of all nodes and the host show the same memory;
 *	aligned stores of up to 8 bytes never tear
 * Blocks:   never for long
 * Return:   0; -ERANGE the window is not inside the data; -ENXIO the device
 *	vanished; -EBUSY a driver took it; -ENODATA the file was truncated, or
 *	there is no memory (a memory-less server, FAM_OPEN_DOORBELL);
 *	-ENOMEM, -EAGAIN, -EPERM, ... from mmap(2)
 * Since:    0.1
 */
int fam_map(struct fam *fam, uint64_t offset, uint64_t length, void **out);

/**
 * fam_unmap() - give back one window
 * @addr: exactly as fam_map() returned it; NULL is allowed
 *
 * Threads:  safe; nobody may use the window any more
 * Return:   0; -EINVAL no window begins at @addr
 * Since:    0.1
 */
int fam_unmap(struct fam *fam, void *addr);

/** How the process reaches the memory. */
enum fam_transport {
	FAM_TRANSPORT_FILE = 0,	    /* a program on the host: the file itself */
	FAM_TRANSPORT_PLAIN = 1,    /* ivshmem-plain: memory only */
	FAM_TRANSPORT_DOORBELL = 2, /* ivshmem-doorbell: memory, interrupts */
	FAM_TRANSPORT_LEGACY = 3,   /* ivshmem of QEMU 2.5 and older */
	FAM_TRANSPORT_SERVER = 4,   /* the file, from tm-server: doorbells */
};

/** What the memory is mapped through; the best one allowed is taken. */
enum fam_backend {
	FAM_BACKEND_FILE = 0,	  /* a file of the host */
	FAM_BACKEND_MODULE = 1,	  /* /dev/famN of the kernel module */
	FAM_BACKEND_DEVMEM = 2,	  /* /dev/mem */
	FAM_BACKEND_RESOURCE = 3, /* resource2 of the PCI device */
	FAM_BACKEND_NONE = 4,	  /* there is no memory */
};

/** How doorbells reach this attachment. */
enum fam_interrupts {
	FAM_INTERRUPTS_NONE = 0,   /* not at all */
	FAM_INTERRUPTS_POLLED = 1, /* counters in the memory are looked at */
	FAM_INTERRUPTS_EVENT = 2,  /* they wake it: server or module */
};

/** How the CPU caches the mapping. */
enum fam_cache {
	FAM_CACHE_UNKNOWN = 0, /* the kernel's table may not be read */
	FAM_CACHE_WB = 1,      /* write-back: full speed */
	FAM_CACHE_WC = 2,      /* write-combining: slow reads */
	FAM_CACHE_UC = 3, /* uncached (UC or UC-): slow where it is honoured */
};

/** How fam_persist() reaches the disk. */
enum fam_persist_way {
	FAM_PERSIST_NONE = 0,  /* not at all: fam_persist() fails */
	FAM_PERSIST_HOST = 1,  /* msync(2) of a host program's own mapping */
	FAM_PERSIST_DRAIN = 2, /* durability "guest": write-back and a fence */
	FAM_PERSIST_MAILBOX = 3, /* tm-server, asked through the fabric */
	FAM_PERSIST_WINDOW = 4,	 /* fsync(2) of a pmem device, same file */
	FAM_PERSIST_DAX = 5,	 /* a file on persistent memory: as DRAIN */
};

/** What fam_get_info() tells; grows at its end only. */
struct fam_info {
	uint64_t size;	      /* bytes of the whole fabric */
	uint64_t data_bytes;  /* bytes fam_map() can reach */
	uint64_t data_offset; /* where they begin in the fabric */
	uint64_t generation;  /* of the superblock; 0 if raw */
	uint64_t created_ns;  /* since 1970-01-01 UTC; 0 if raw */
	uint64_t page_bytes;  /* page size of the mappings */
	uint32_t formatted;   /* 0 raw, 1 formatted */
	uint32_t version;     /* of the format; 0 if raw */
	uint32_t durability;  /* enum fam_durability (fam/layout.h) */
	uint32_t damaged;     /* bit 0, 1: superblock copy 0, 1 is damaged */
	uint32_t read_only;   /* 0 or 1 */
	uint32_t transport;   /* enum fam_transport */
	uint32_t cache;	      /* enum fam_cache, of mappings made from now on */
	uint32_t persist;     /* enum fam_persist_way */
	char uuid[40];	      /* text; "" if raw */
	char label[64];	      /* "" if raw */
	char path[4096];      /* what is mapped: file, sysfs file or /dev/mem */
	char device[16];      /* PCI address; "" on the host */
	char cache_source[64]; /* where @cache was read */
	uint32_t peer;	       /* own ID, as fam_peer_self(); 0: no doorbells */
	uint32_t vectors; /* of the device or server, the library's included */
	char server[128]; /* the server's socket; "" if not through one */
	char window[64];  /* device that is synced, way WINDOW; else "" */
	uint32_t rings;	  /* way MAILBOX: 1 the server is rung, 0 it polls */
	int32_t failed;	  /* why fam_persist() fails now; 0: it does not */
	uint32_t backend; /* enum fam_backend */
	uint32_t interrupts;	  /* enum fam_interrupts */
	char backend_reason[128]; /* why it is no better one; "" if it is */
	uint32_t sessions;	  /* 1: the fabric has them (fam/session.h) */
};

/**
 * fam_get_info() - describe an attachment
 * @info: filled up to @size bytes
 * @size: sizeof(struct fam_info) of the caller; a larger one than the
 *	library's gets zeros at its end
 *
 * Threads:  safe
 * Return:   0; -EINVAL @size is 0
 * Since:    0.1
 */
int fam_get_info(struct fam *fam, struct fam_info *info, size_t size);

/** Longest name fam_list() reports, with its NUL. */
#define FAM_NAME_MAX 4096

/**
 * fam_list() - enumerate the fabrics this machine can reach, readable or not
 * @visit: called for each one with a name fam_open() takes (PCI address or
 *	path) and @arg; a value other than 0 ends the listing and is returned
 *
 * PCI devices first, by address; then files NAME.fam of the host's fabric
 * directories, as far as these can be read.
 *
 * Threads:  safe
 * Return:   0, the value of @visit, or a negative errno
 * Since:    0.1
 */
int fam_list(int (*visit)(const char *name, void *arg), void *arg);

#ifdef __cplusplus
}
#endif
#pragma GCC visibility pop
#endif
