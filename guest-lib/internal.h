/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026, the FAM emulator authors */
#ifndef FAM_INTERNAL_H
#define FAM_INTERNAL_H

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include <fam/layout.h>
#include <fam/map.h>
#include <fam/persist.h>

/* As on the host side, which this library does not know. */
static inline void fam_cleanup_close(const int *fd)
{
	if (*fd >= 0)
		close(*fd);
}

static inline void fam_cleanup_free(void *p)
{
	free(*(void **)p);
}

#define _cleanup_close_ __attribute__((cleanup(fam_cleanup_close)))
#define _cleanup_free_	__attribute__((cleanup(fam_cleanup_free)))

/**
 * fam_fd_lift() - move a new descriptor above stdin, stdout and stderr
 * @fd: or -1, errno telling why
 *
 * In a program started without one of those three, the next file opened gets
 * its number, and messages of the program would be written into the fabric.
 * Return: the descriptor, close-on-exec; or a negative errno, @fd closed
 */
static inline int fam_fd_lift(int fd)
{
	int lifted;

	if (fd < 0)
		return -errno;
	if (fd > STDERR_FILENO)
		return fd;
	lifted = fcntl(fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
	if (lifted < 0)
		lifted = -errno;
	close(fd);
	return lifted;
}

/* On CLOCK_MONOTONIC. In some guests reading it takes a microsecond. */
static inline int64_t fam_now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static inline int64_t fam_now_ms(void)
{
	return fam_now_ns() / 1000000;
}

/* --- what is mapped: source.c -------------------------------------------- */

enum fam_via {
	FAM_VIA_FILE,	  /* a regular file, opened here or by a server */
	FAM_VIA_MODULE,	  /* /dev/famN of the kernel module */
	FAM_VIA_RESOURCE, /* sysfs resource2 of a PCI device */
	FAM_VIA_DEVMEM,	  /* /dev/mem at the physical address of BAR2 */
};

#define FAM_DEVICE_TEXT 16  /* room for a PCI address */
#define FAM_REASON_TEXT 128 /* why a better way was not taken */

/* A way to a fabric's memory; bytes [0, size) lie at @base in @fd. */
struct fam_source {
	int fd;
	bool writable;
	bool in_memory; /* a file whose file system has no disk under it */
	bool dax;	/* a file mapped with MAP_SYNC: the CPU's part is all */
	enum fam_via via;
	enum fam_transport transport;
	uint64_t base; /* the physical address for FAM_VIA_DEVMEM, else 0 */
	uint64_t size;
	size_t page_bytes;
	uint64_t
		entry_bytes; /* largest page a mapping is made of; 0: as above */
	char device[FAM_DEVICE_TEXT]; /* PCI address; "" for a file */
	char path[PATH_MAX];	      /* what @fd is */
	char reason[FAM_REASON_TEXT]; /* why it is no better one, or "" */
};

void fam_source_close(struct fam_source *source);

/** fam_source_leave() - have none: doorbells are all that is wanted */
void fam_source_leave(struct fam_source *source);

/**
 * fam_source_map() - map whole pages of a source, as writable as it is
 *
 * Return: 0; -ENXIO the device is gone; -EBUSY a driver holds its memory
 */
int fam_source_map(const struct fam_source *source, uint64_t offset, size_t len,
		   void **out);

/* A mapping of whole pages, and the byte in it that was asked for. */
struct fam_pages {
	void *base;
	size_t bytes;
	uintptr_t start;
};

/**
 * fam_source_map_pages() - the whole pages around @length bytes at @offset
 *
 * Return: as fam_source_map(); -ENOMEM more than there are addresses
 */
int fam_source_map_pages(const struct fam_source *source, uint64_t offset,
			 uint64_t length, struct fam_pages *out);

/* A piece of the fabric, from its start, to be mapped. */
struct fam_piece {
	uint64_t offset, length;
	bool writable;
};

/**
 * fam_source_map_guarded() - the same, with a page that faults before and behind
 * @out: its base and bytes are those of all three
 *
 * From 2 MiB on the address is congruent to the offset modulo that, so that large
 * pages can map it.
 */
int fam_source_map_guarded(const struct fam_source *source,
			   const struct fam_piece *piece,
			   struct fam_pages *out);

/** fam_source_recheck() - 0 if the memory is still what was opened */
int fam_source_recheck(const struct fam_source *source);

/**
 * fam_source_superblocks() - private copies of both superblocks; all zero
 * where the source ends before
 */
int fam_source_superblocks(const struct fam_source *source,
			   struct fam_superblock sb[FAM_SUPERBLOCK_COPIES]);

/**
 * fam_stores_check() - does a device's memory take stores?
 * @source: nothing is tried if it is not writable, or a file
 * @sb: of the formatted fabric in it
 *
 * A node may have a fabric to read only, which shows by nothing else: stores are
 * dropped in silence. The count of changes of the sessions rises; in a fabric
 * without, a slot of the mailbox is held for a moment. In one without either it
 * cannot be said.
 * Return: 0 it does, or it cannot be said; -EROFS; why it cannot be mapped
 */
int fam_stores_check(const struct fam_source *source,
		     const struct fam_superblock *sb);

/* --- names: find.c -------------------------------------------------------- */

/** fam_find() - the source that fam_open()'s @name means */
int fam_find(const char *name, bool writable, struct fam_source *out);

/* --- PCI devices: pci.c --------------------------------------------------- */

/* Addresses of the machine's ivshmem devices, sorted. */
struct fam_pci_list {
	size_t count;
	char (*address)[FAM_DEVICE_TEXT]; /* malloc'd */
};

int fam_pci_enumerate(struct fam_pci_list *out);

/** fam_pci_address() - normalise "0000:00:10.0" or "00:10.0"; -EINVAL */
int fam_pci_address(const char *text, char out[FAM_DEVICE_TEXT]);

int fam_pci_open(const char *address, bool writable, struct fam_source *out);
int fam_pci_recheck(const struct fam_source *source);
int fam_pci_superblock(const struct fam_source *source, uint64_t offset,
		       struct fam_superblock *out);

/**
 * fam_pci_vectors() - interrupts of a device, as its configuration says
 *
 * Return: 0: it has none, or this user may not read it
 */
unsigned int fam_pci_vectors(const char *address);

/* --- the kernel module: module.c -------------------------------------------- */

/**
 * fam_module_open() - open the module's device for a PCI device
 * @source: its device and size are filled in
 *
 * Return: 0; -ENOENT there is none, @source->reason tells why; else there is one
 * which may not be opened, and no other way to the memory either
 */
int fam_module_open(struct fam_source *source);

/**
 * fam_module_address() - the PCI device behind "/dev/fam0"
 *
 * Return: 0; -EINVAL that is no such name; -ENOENT there is none
 */
int fam_module_address(const char *path, char address[FAM_DEVICE_TEXT]);
int fam_module_recheck(const struct fam_source *source);

/** fam_module_cache() - what the driver says of its mappings */
enum fam_cache fam_module_cache(const struct fam_source *source);

/* --- files of the host: hostfile.c ---------------------------------------- */

#define FAM_FILE_SUFFIX ".fam"

int fam_hostfile_open(const char *path, bool writable, struct fam_source *out);

/**
 * fam_hostfile_describe() - fill in what @source->fd tells
 *
 * Return: 0; -ENOTBLK not a regular file; else as from fstat(2)
 */
int fam_hostfile_describe(struct fam_source *source);

int fam_hostfile_recheck(const struct fam_source *source);
int fam_hostfile_superblock(const struct fam_source *source, uint64_t offset,
			    struct fam_superblock *out);

/** fam_hostfile_by_name() - path of NAME.fam in a fabric directory; -ENOENT */
int fam_hostfile_by_name(const char *name, char path[PATH_MAX]);

/**
 * fam_hostfile_each() - call @visit for each *.fam of the fabric directories
 *
 * Directory by directory, by name. A result other than 0 ends it.
 */
int fam_hostfile_each(int (*visit)(const char *path, void *arg), void *arg);

/* --- cache type: cachetype.c ---------------------------------------------- */

/** fam_cachetype_mtrr_is_wb() - does /proc/mtrr leave a range write-back? */
bool fam_cachetype_mtrr_is_wb(uint64_t start, uint64_t len);

/**
 * fam_cachetype_get() - the type mappings of @source get
 * @probe: offset of a page that may be mapped to find out
 * @from: where it was read, for people
 */
enum fam_cache fam_cachetype_get(const struct fam_source *source,
				 uint64_t probe, char from[64]);

/*
 * The parsers behind both, on the text of the kernel's table.
 * fam_cachetype_parse_pat() needs one type over all entries that cover @addr.
 */
bool fam_cachetype_parse_mtrr(FILE *table, uint64_t start, uint64_t len);
enum fam_cache fam_cachetype_parse_pat(FILE *table, uint64_t addr);

/* --- a pmem device over the same file: window.c ---------------------------- */

#define FAM_WINDOW_PATH 64 /* room for the device's path */

/**
 * fam_window_open() - open the device through which a fabric can be synced
 * @source: the fabric, writable: a slot of its mailbox is held for a moment, as
 *	a sign that must be seen through the device
 * @sb: its superblock
 * @path: what was opened; untouched on failure
 *
 * fsync(2) on it makes durable what anybody stored to the fabric before. It is
 * open for reading only and past the page cache.
 * Return: a descriptor; -ENOENT this machine has none; -EUSERS no slot is free;
 * why the device may not be opened
 */
int fam_window_open(const struct fam_source *source,
		    const struct fam_superblock *sb,
		    char path[FAM_WINDOW_PATH]);

/* --- the attachment: map.c, map-windows.c ------------------------------- */

/*
 * Windows are linked once and freed by fam_close() only, so that fam_map_find()
 * needs no lock. fam_unmap() empties one, fam_map() fills it anew; what is said
 * in between counts only if @version is even and did not change meanwhile.
 */
struct fam_window {
	struct fam_window *next;  /* fixed before it is linked */
	_Atomic uint64_t version; /* odd: being changed */
	_Atomic uintptr_t start;  /* what the caller asked for */
	_Atomic size_t length;	  /* 0: no window at the moment */
	_Atomic uint64_t offset;  /* of @start, from that of the fabric */
	void *pages;	   /* what mmap() gave, or NULL; under the lock */
	size_t page_bytes; /* its length */
	const void *owner; /* who alone may unmap it; NULL: fam_unmap() */
};

struct fam_ask; /* fam-persist.h */
struct fam_way;
struct fam_membership; /* fam-session.h */
struct fam_bells;      /* fam-bells.h */
struct fam_parked;     /* fam-park.h */
struct fam_directory;  /* objects/fam-directory.h */
struct fam_regions;    /* regions/fam-region.h */

/* A way to durability; persist.c chooses one for each attachment. */
struct fam_persist_ops {
	enum fam_persist_way way;
	bool cpu; /* the CPU's caches are all there is to write back */
	/* The range lies in the fabric; its length may be 0. */
	int (*post)(struct fam *fam, struct fam_ask *ask);
	int (*wait)(struct fam *fam, const struct fam_ask *ask);
	int (*failed)(struct fam *fam); /* why fam_persist() fails now */
};

struct fam {
	struct fam_source source;  /* fd -1: no memory, doorbells only */
	struct fam_server *server; /* NULL: not attached through one */
	struct fam_superblock sb;  /* all zero if raw */
	bool formatted;
	unsigned int damaged;
	enum fam_durability durability;
	uint64_t data_offset, data_bytes;
	const struct fam_persist_ops *persist; /* never NULL when open */
	struct fam_way *way;		       /* its state */
	struct fam_bells *bells;	       /* never NULL when open */
	struct fam_membership *sessions;       /* NULL: there are none */
	struct fam_parked *parked;     /* fam-park.h; NULL: no parking */
	struct fam_directory *objects; /* NULL: there can be none */
	struct fam_regions *regions;   /* the same */

	/* No lock is taken while another one is held. */
	pthread_mutex_t lock; /* of who changes windows */
	_Atomic(struct fam_window *) windows;
};

/**
 * fam_map_find() - where in the fabric a range lies
 * @offset: from the start of the fabric, not of its data
 *
 * Return: 0; -EFAULT no single window holds the whole range
 */
int fam_map_find(struct fam *fam, const void *addr, size_t len,
		 uint64_t *offset);

/**
 * fam_map_area() - map a piece of the fabric that is not data, until fam_close()
 * @offset: from the start of the fabric
 *
 * fam_map_find() knows it from then on.
 */
int fam_map_area(struct fam *fam, uint64_t offset, uint64_t length, void **out);

/**
 * fam_map_guarded() - as fam_source_map_guarded(), known to fam_map_find()
 * @owner: not NULL: fam_unmap() does not touch it
 */
int fam_map_guarded(struct fam *fam, const void *owner,
		    const struct fam_piece *piece, void **out);

/** fam_unmap_guarded() - as fam_unmap(); fam_unmap_all() - all of an owner */
int fam_unmap_guarded(struct fam *fam, const void *owner, void *addr);
void fam_unmap_all(struct fam *fam, const void *owner);

/** fam_map_reaches() - has he mapped anything from an offset in the fabric on? */
bool fam_map_reaches(struct fam *fam, const void *owner, uint64_t offset);

/** fam_windows_free() - for fam_close() */
void fam_windows_free(struct fam *fam);

/* --- named objects: objects/directory.c ------------------------------------- */

/** fam_objects_open() - 0, also if there are none; -ENOMEM */
int fam_objects_open(struct fam *fam);
void fam_objects_close(struct fam *fam);

/* --- sessions: session-join.c ---------------------------------------------- */

struct fam_sessions; /* fam-sessions.h */

/**
 * fam_session_open() - join the fabric's sessions, if it has any
 *
 * Starts the thread that keeps the session, which uses the doorbells: they are
 * open by now, and closed later.
 * Return: 0, also if there are none, or no room: that is kept for
 * fam_session_check(); -ENOMEM, -EMFILE, -EAGAIN
 */
int fam_session_open(struct fam *fam);

/** fam_session_close() - leave; also if there was nothing to join */
void fam_session_close(struct fam *fam);

/** fam_session_table() - mapped for reading and writing; NULL: there is none */
struct fam_sessions *fam_session_table(struct fam *fam);

/**
 * fam_session_id() - of the attachment's own session; 0: it has none, or lost it
 *
 * Another one after fam_session_rejoin(), most often in another slot: what was
 * remembered of the slot, as the rings taken, begins anew.
 */
uint64_t fam_session_id(struct fam *fam);

/** fam_session_slot() - the own one's, or -1 */
int fam_session_slot(struct fam *fam);

/** fam_session_wake() - have the keeper look around now; any thread */
void fam_session_wake(struct fam *fam);

/* --- durability: persist.c ------------------------------------------------ */

/**
 * fam_way_open() - choose the attachment's way to the disk, and get it ready
 *
 * Return: 0, also if there is none; -ENOMEM
 */
int fam_way_open(struct fam *fam);

/** fam_way_close() - also of an attachment that has none yet */
void fam_way_close(struct fam *fam);

/** fam_way_describe() - fill in what fam_info tells about persistence */
void fam_way_describe(struct fam *fam, struct fam_info *info);

/**
 * fam_persist_range() - fam_persist() of a piece of the fabric
 * @offset: from the start of the fabric, as fam_map_find() gives it
 *
 * The attachment is writable, and the caller's stores are on their way out of
 * the CPU's caches (fam_flush() or streaming stores): all it takes is a drain.
 */
int fam_persist_range(struct fam *fam, uint64_t offset, size_t len);

#endif
