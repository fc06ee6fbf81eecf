/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026, the FAM emulator authors */
#ifndef FAM_OBJECT_H
#define FAM_OBJECT_H

#include <stdint.h>

#include <fam/map.h>

#pragma GCC visibility push(default)
#ifdef __cplusplus
extern "C" {
#endif

/*
 * Named objects: pieces of the fabric with a name and a type, found by name from
 * any node and any program of the host. A fabric keeps a part of itself for them
 * (famctl create-fabric --objects), behind the data that fam_map() reaches.
 *
 * All calls: -EOPNOTSUPP if the fabric has no objects, -ESTALE and -EUSERS as
 * fam_session_check(): objects need a session.
 */

#define FAM_OBJECT_NAME_MAX 96 /* bytes of a name, with its NUL */

enum fam_object_type {
	FAM_OBJECT_ANY = 0, /* whatever it is; never stored */
	FAM_OBJECT_MEMORY = 1,
	FAM_OBJECT_SPIN = 2,
	FAM_OBJECT_TICKET = 3,
	FAM_OBJECT_MUTEX = 4,
	FAM_OBJECT_RWLOCK = 5,
	FAM_OBJECT_COND = 6,
	FAM_OBJECT_SEM = 7,
	FAM_OBJECT_PERMITS = 8,
	FAM_OBJECT_BARRIER = 9,
	FAM_OBJECT_ONCE = 10,
	FAM_OBJECT_EVENT = 11,
	FAM_OBJECT_RING = 12,
	FAM_OBJECT_CHANNEL = 13,
	FAM_OBJECT_STREAM = 14,
	FAM_OBJECT_POOL = 15,
};

#define FAM_OBJECT_CREATE    0x1u /* make it if it is not there */
#define FAM_OBJECT_EXCLUSIVE 0x2u /* with CREATE: -EEXIST if it is */
/* With CREATE: it is there after a power cut of the host once this returned. */
#define FAM_OBJECT_DURABLE 0x4u

/** What fam_object_open() is to find or make. */
struct fam_object_want {
	uint32_t type;	/* enum fam_object_type; ANY only without CREATE */
	uint32_t flags; /* FAM_OBJECT_ */
	/* For CREATE; 0: the size of the type, of those that have one. */
	uint64_t bytes;
	/*
	 * Fills in a new object, zeros before, while nobody else can open it;
	 * must not open it itself. NULL: zeros are what it begins with. Not 0:
	 * nothing was made, and fam_object_open() returns that.
	 */
	int (*make)(struct fam *fam, void *memory, uint64_t bytes, void *arg);
	/*
	 * For an object that comes from before the host's last start, and may be
	 * torn: mends it or begins it anew, while nobody else can open it. Called
	 * once for each start, by whoever comes first, but not while a session
	 * has it open for which it was sound. NULL: that is left to others. Not
	 * 0: the object stays as it is, fam_object_open() returns that.
	 */
	int (*mend)(struct fam *fam, void *memory, uint64_t bytes, void *arg);
	void *arg;
};

struct fam_object; /* one opening of one object */

/**
 * fam_object_open() - find or make a named object
 * @name: 1 to FAM_OBJECT_NAME_MAX - 1 bytes of UTF-8 without control
 *	characters; "/" may separate parts, none of them empty
 * @out: untouched on failure
 *
 * Threads:  safe
 * Ordering: acquire: who made it did so before
 * Survives: guest; with FAM_OBJECT_DURABLE, host
 * Peers:    if its maker dies half way, the next one makes it
 * Blocks:   while another one makes or mends it
 * Return:   0; -ENOENT; -EEXIST; -EMEDIUMTYPE it is of another type; -EINVAL
 *	the name or @want makes no sense; -ENAMETOOLONG; -ENOSPC no piece is free
 *	that is large enough; -EMFILE there are too many objects, or openings;
 *	-EBADMSG the directory is of a later release, or damaged; -EINTR a signal
 *	handler ran while it waited; errors of fam_persist() with DURABLE
 * Since:    0.1
 */
int fam_object_open(struct fam *fam, const char *name,
		    const struct fam_object_want *want,
		    struct fam_object **out);

/**
 * fam_object_memory() - where it lies, aligned to 64 bytes
 *
 * Valid until fam_object_close().
 */
void *fam_object_memory(const struct fam_object *object);

/** fam_object_bytes() - its size as it was at the opening */
uint64_t fam_object_bytes(const struct fam_object *object);

/** fam_object_close() - the object stays; NULL is allowed; threads: safe */
void fam_object_close(struct fam_object *object);

/**
 * fam_object_remove() - remove a named object, and use its space again
 *
 * Threads:  safe
 * Survives: guest; of an object that was made or opened durable, host
 * Blocks:   while others change the directory
 * Return:   0; -ENOENT; -EBUSY a session that lives has it open, makes it or
 *	mends it; as fam_object_open(). Errors of fam_persist(): it is removed,
 *	but may be back after a power cut
 * Since:    0.1
 */
int fam_object_remove(struct fam *fam, const char *name);

struct fam_object_info {
	char name[FAM_OBJECT_NAME_MAX];
	uint32_t type;	/* enum fam_object_type */
	uint32_t users; /* sessions that live and have it open */
	uint64_t bytes;
	uint64_t offset;  /* in the fabric */
	uint64_t made_ns; /* since 1970-01-01 UTC, by its maker's clock */
	uint64_t serial;  /* rises with each object made */
};

/**
 * fam_object_each() - enumerate the named objects, in the order of their names
 * @visit: a value other than 0 ends it and is returned; may call anything here
 *
 * Those there were when it began. Threads, Blocks: as fam_object_remove()
 * Return:   0, the value of @visit, or a negative errno
 * Since:    0.1
 */
int fam_object_each(struct fam *fam,
		    int (*visit)(const struct fam_object_info *info, void *arg),
		    void *arg);

/** fam_object_type_name() - "mutex"; "unknown" if it is none */
const char *fam_object_type_name(uint32_t type);

#ifdef __cplusplus
}
#endif
#pragma GCC visibility pop
#endif
