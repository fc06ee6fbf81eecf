/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026, the FAM emulator authors */
#ifndef FAM_REGION_H
#define FAM_REGION_H

#include <stddef.h>
#include <stdint.h>

#include <fam/map.h>

#pragma GCC visibility push(default)
#ifdef __cplusplus
extern "C" {
#endif

/*
 * Regions: pieces of a fabric's data with a name, a size, an owner and rights,
 * created, found and destroyed by name from any node and any program of the host,
 * without a daemon. A region is one contiguous piece; nothing in it is moved but
 * by fam_region_resize().
 *
 * Changes are atomic: whoever dies half way, or whenever the host loses its power,
 * each one has happened or has not. Unless FAM_REGION_NO_SYNC is given, it is
 * durable when the call returns 0, and with it all changes anybody made before.
 *
 * What protects whom from what:
 * - A program reaches only the regions it has open and mapped: the rest of the
 *   data is not in its address space, read-only maps fault on stores, and pages
 *   without access stand before and behind each map. So a stray pointer does not
 *   destroy a neighbour's data.
 * - Owner and mode are checked by this library, for programs that use it, by
 *   the numbers their own kernel gives. A node that wants to can write anything
 *   anywhere: nodes that do not trust each other get fabrics of their own, or
 *   attach read-only (famctl create-node --fabric NAME:ro).
 * - fam_map() reaches all data, and knows nothing of regions.
 *
 * All calls: -EOPNOTSUPP the fabric has no regions, it was made before there were;
 * -EBADMSG the directory is damaged (famctl check-fabric) or of a later release.
 * Calls that change something: -EROFS read-only attachment; -ESTALE, -EUSERS as
 * fam_session_check(): they need a session; without FAM_REGION_NO_SYNC the errors
 * of fam_persist(), and then the change was taken back; with it, too, where they
 * need a name or space that somebody gave up, and that is not durable yet.
 */

#define FAM_REGION_NAME_MAX 256 /* bytes of a name, with its NUL */
#define FAM_REGION_NODE_MAX 64

#define FAM_REGION_READ	     0x01u
#define FAM_REGION_WRITE     0x02u /* and READ */
#define FAM_REGION_EXCLUSIVE 0x04u /* WRITE, and nobody else may write */
#define FAM_REGION_REPLACE   0x08u /* fam_region_rename(): in place of another */
/*
 * The change is visible to all at once, and durable with the next durable one of
 * anybody, or after fam_region_sync(). A power cut before that leaves it done or
 * not done; of several, any of them. A region that was created or made larger so
 * may then be there, with what its space held before.
 */
#define FAM_REGION_NO_SYNC 0x10u
/* fam_region_create(), _resize(): what its space held may still be in it. */
#define FAM_REGION_NO_ZERO 0x20u

enum fam_region_type {
	FAM_REGION_PLAIN = 0, /* bytes */
	FAM_REGION_HEAP = 1,  /* fam/heap.h */
			      /* From 0x10000 on they are the user's. */
};

struct fam_region; /* one opening of one region */

struct fam_region_info {
	char name[FAM_REGION_NAME_MAX];
	uint64_t bytes;	 /* as was asked for */
	uint64_t space;	 /* what it takes */
	uint64_t offset; /* from the start of the fabric */
	uint64_t serial; /* of no other region before or after */
	uint64_t
		generation; /* rises with each change of size, name or rights */
	uint64_t created_ns; /* since 1970-01-01 UTC, by its creator's clock */
	uint64_t changed_ns; /* the same: size, name, owner or mode */
	uint32_t uid, gid;   /* of the owner */
	uint32_t mode;	     /* as of a file: 0 to 0777 */
	uint32_t type;	     /* enum fam_region_type */
	uint32_t readers;    /* openings for reading, of sessions that live */
	uint32_t writers;    /* the same for writing */
	uint32_t exclusive;  /* 1: one of them keeps the others from writing */
	char node[FAM_REGION_NODE_MAX]; /* host name of where it was created */
};

/** What a new region is to be; zeros are good but for @bytes. */
struct fam_region_want {
	uint64_t bytes; /* 0 to what is free in one piece */
	uint32_t mode;	/* 0: 0600 */
	uint32_t type;	/* enum fam_region_type */
	uint32_t
		flags; /* NO_SYNC, NO_ZERO; READ, WRITE, EXCLUSIVE: open it so */
};

/**
 * fam_region_create() - make a region, and perhaps open it
 * @name: 1 to 255 bytes of UTF-8 without control characters; "/" may separate
 *	parts, none of them empty, "." or ".."
 * @out: the opening, if @want says one; else may be NULL. Untouched on failure
 *
 * It is full of zeros. It takes whole pages of 4 KiB, and from 2 MiB on begins at
 * a multiple of that, so that large pages can map it. The owner is the calling
 * process's effective user and group.
 *
 * Threads:  safe
 * Survives: host (see NO_SYNC); in a fabric of durability "guest": guest
 * Peers:    if the caller dies half way, nothing was made
 * Blocks:   while others change regions; to write zeros, for as long as it takes
 *	(a program of the host has the file system do that for large ones)
 * Return:   0; -EEXIST; -EINVAL the name or @want makes no sense; -ENAMETOOLONG;
 *	-ENOSPC no piece is free that is large enough; -EMFILE there are as many
 *	regions, or openings, as the directory holds; -EINTR
 * Since:    0.1
 */
int fam_region_create(struct fam *fam, const char *name,
		      const struct fam_region_want *want,
		      struct fam_region **out);

/**
 * fam_region_open() - open a region by name
 * @flags: READ, WRITE or EXCLUSIVE
 *
 * While it is open, in a session that lives, it is not destroyed and not made
 * smaller by others. Read-only attachments can open for reading: nobody knows
 * of that, so nothing keeps the region from being destroyed.
 *
 * Threads:  safe
 * Ordering: acquire: who created it did so before
 * Blocks:   while others change regions
 * Return:   0; -ENOENT; -EACCES its mode does not allow it; -EBUSY for EXCLUSIVE,
 *	another opening may write; for WRITE, another one is exclusive; -EINVAL;
 *	-ENAMETOOLONG; -EMFILE; -EINTR
 * Since:    0.1
 */
int fam_region_open(struct fam *fam, const char *name, uint32_t flags,
		    struct fam_region **out);

/**
 * fam_region_close() - the region stays; its maps of this opening are gone; NULL
 * is allowed
 *
 * Threads: nobody may use the opening any more. Blocks: as fam_region_open()
 */
void fam_region_close(struct fam_region *region);

/**
 * fam_region_map() - map a piece of an open region
 * @offset: bytes from its start, any alignment
 * @length: bytes; 0 = up to its end
 * @out: address of the byte at @offset
 *
 * With the rights it was opened with: stores to what is open for reading fault.
 * A page that faults stands before and behind. fam_persist() and the like know
 * the map.
 *
 * Threads:  safe
 * Return:   0; -ERANGE it is not inside the region; -ENOENT it was destroyed
 *	(only where there is no session); as fam_map()
 * Since:    0.1
 */
int fam_region_map(struct fam_region *region, uint64_t offset, uint64_t length,
		   void **out);

/** fam_region_unmap() - exactly as fam_region_map() returned it; 0; -EINVAL */
int fam_region_unmap(struct fam_region *region, void *addr);

/**
 * fam_region_stat() - describe an open region, as it is now
 * @size: sizeof(struct fam_region_info) of the caller; it grows at its end only
 *
 * Return: 0; -ENOENT it was destroyed
 */
int fam_region_stat(struct fam_region *region, struct fam_region_info *out,
		    size_t size);

/**
 * fam_region_find() - describe a region by name
 *
 * Without a lock: never waits for anybody, and works where nothing can be stored.
 * Return: 0; -ENOENT; -EINVAL; -ENAMETOOLONG
 */
int fam_region_find(struct fam *fam, const char *name,
		    struct fam_region_info *out, size_t size);

/** Somebody who has a region open. */
struct fam_region_opener {
	uint64_t session; /* fam_session_get() describes it */
	uint32_t flags;	  /* READ; WRITE; or WRITE and EXCLUSIVE */
};

/**
 * fam_region_openers() - enumerate who has a region open
 * @visit: called for each opening of a session that lives; a value other than 0
 *	ends it and is returned; may call anything here
 *
 * Without a lock, as fam_region_find(). Return: as that, or the value of @visit
 * Since:    0.1
 */
int fam_region_openers(struct fam *fam, const char *name,
		       int (*visit)(const struct fam_region_opener *opener,
				    void *arg),
		       void *arg);

/**
 * fam_region_resize() - make an open region larger or smaller
 * @bytes: from now on
 * @flags: NO_SYNC, NO_ZERO
 *
 * What is added is full of zeros. It grows where it is if what lies behind is
 * free. If not, it is moved if no other session has it open and nothing of it is
 * mapped here: positions in it stay the same, those in the fabric do not. What
 * was durable stays so: that is waited for also with NO_SYNC, where there is a
 * way to the disk. From 2 MiB on it begins at a multiple of that, also if it was
 * smaller: so it may be moved once. It shrinks if no other session has it open and nothing that goes is mapped here;
 * what goes is lost, at once.
 *
 * Threads:  safe
 * Survives, Peers: as fam_region_create()
 * Return:   0; -EACCES it is not open for writing; -EBUSY somebody has it open,
 *	or mapped; -EMEDIUMTYPE it is a heap, which keeps its size; -ENOSPC; as fam_region_create()
 * Since:    0.1
 */
int fam_region_resize(struct fam_region *region, uint64_t bytes,
		      uint32_t flags);

/**
 * fam_region_rename() - give a region another name; openings stay
 * @flags: NO_SYNC; REPLACE: if @to exists, it is destroyed in the same step
 *
 * Return: 0; -ENOENT; -EEXIST; -EACCES not the owner, nor uid 0, of either;
 *	-EBUSY what is to be replaced is open; as fam_region_create()
 * Since:    0.1
 */
int fam_region_rename(struct fam *fam, const char *from, const char *to,
		      uint32_t flags);

/** What fam_region_set() changes; UINT32_MAX: not this. */
struct fam_region_rights {
	uint32_t mode, uid, gid;
};

/**
 * fam_region_set() - change mode and owner
 * @flags: NO_SYNC
 *
 * Openings keep what they have. Return: 0; -ENOENT; -EACCES not the owner, nor
 * uid 0; -EPERM only uid 0 may give it to another user; as fam_region_create()
 * Since:    0.1
 */
int fam_region_set(struct fam *fam, const char *name,
		   const struct fam_region_rights *rights, uint32_t flags);

/**
 * fam_region_destroy() - remove a region; its space can be used again at once
 * @flags: NO_SYNC
 *
 * Its blocks are given back to the file system by tm-server, or by famctl
 * trim-fabric.
 *
 * Return: 0; -ENOENT; -EACCES not the owner, nor uid 0; -EBUSY a session that
 *	lives has it open, the caller's included; as fam_region_create()
 * Since:    0.1
 */
int fam_region_destroy(struct fam *fam, const char *name, uint32_t flags);

/**
 * fam_region_each() - enumerate regions, in the order of their names' bytes
 * @prefix: only names that begin with this; NULL: all
 * @visit: a value other than 0 ends it and is returned; may call anything here
 *
 * Those there were when it began; without a lock, as fam_region_find().
 * Return:   0; the value of @visit; -EBADMSG after all others: an entry of the
 *	directory is damaged, and may be that of one more; -ENOMEM
 * Since:    0.1
 */
int fam_region_each(struct fam *fam, const char *prefix,
		    int (*visit)(const struct fam_region_info *info, void *arg),
		    void *arg);

/**
 * fam_region_sync() - make durable all changes of regions that anybody made
 *
 * Not their content. Return: 0; errors of fam_persist()
 * Since:    0.1
 */
int fam_region_sync(struct fam *fam);

struct fam_region_space {
	uint64_t bytes;	  /* of data, all in all */
	uint64_t taken;	  /* by regions */
	uint64_t asked;	  /* bytes of regions, as was asked for */
	uint64_t free;	  /* bytes - taken */
	uint64_t largest; /* piece that is free */
	uint64_t pieces;  /* that are free */
	uint64_t trim; /* free, and blocks may be given back still; at least */
	uint32_t regions; /* how many there are */
	uint32_t room;	  /* how many there can be */
	uint32_t loose;	  /* changes that are not durable yet */
};

/** fam_region_space() - what is taken and free; as fam_region_find() */
int fam_region_space(struct fam *fam, struct fam_region_space *out,
		     size_t size);

#ifdef __cplusplus
}
#endif
#pragma GCC visibility pop
#endif
