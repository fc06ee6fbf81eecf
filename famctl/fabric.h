/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026, the FAM emulator authors */
#ifndef FAMCTL_FABRIC_H
#define FAMCTL_FABRIC_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/types.h>

#include <fam/layout.h>

#include "util/err.h"

#define FABRIC_SUFFIX	    ".fam"
#define FABRIC_DEFAULT_NAME "fabric0"
#define FABRIC_DIR_SYSTEM   "/var/lib/fam"

/* What a fabric's file says. The file is the only database of the fabric. */
struct fabric {
	char name[FAM_LABEL_BYTES]; /* label; of a raw one the file's name */
	char path[PATH_MAX];	    /* absolute, without symbolic links */
	uint64_t size;		    /* bytes of the file */
	uint64_t allocated;	    /* bytes the file system has reserved */
	struct stat stat;
	bool in_memory; /* see fabric_in_memory() */
	bool formatted;
	unsigned int damaged;	  /* bit 0, 1: superblock copies */
	struct fam_superblock sb; /* the copy that counts; only if formatted */
};

/* How fabric_create() is to make a fabric. */
struct fabric_spec {
	const char *name; /* checked with fam_label_check() */
	const char *dir; /* NULL: the user's fabric directory, made if absent */
	const char *path; /* NULL, or the file itself instead of DIR/NAME.fam */
	uint64_t size;	  /* bytes, already checked by fabric_check_size() */
	bool sparse;	  /* do not reserve the space */
	bool prepare;	  /* write zeros, so that commits cost one disk flush */
	bool raw;	  /* no format */
	/* For named objects; fabric_check_objects() accepts it. NULL: default */
	const uint64_t *objects;
	/* For the directory of regions; of fabric_check_regions(). The same. */
	const uint64_t *regions;
	const char *mode; /* octal text or NULL: 0660 (root), 0600 (others) */
	const char
		*group; /* name, number or NULL: libvirt's QEMU user's (root) */
	enum fam_durability durability;
	bool dry_run; /* check everything, make nothing */

	/*
	 * Tells the user, who must not be left with a fabric nobody told of:
	 * if it fails, the fabric is removed again. NULL: nobody is told.
	 */
	int (*tell)(const struct fabric *fabric, void *arg, struct err *err);
	void *tell_arg;
};

/** fabric_dir() - the user's fabric directory: root's is FABRIC_DIR_SYSTEM */
int fabric_dir(char out[PATH_MAX], struct err *err);

/** fabric_check_name() - 0, or -EINVAL with a sentence: may a fabric be so
 * named? */
int fabric_check_name(const char *name, struct err *err);

/**
 * fabric_size_text() - a size as a person would type it: "12GiB"
 *
 * Exact, unlike size_format(): in bytes if no unit divides it. Needs
 * SIZE_TEXT_MAX bytes (util/size.h).
 */
const char *fabric_size_text(uint64_t bytes, char *out);

/** fabric_check_size() - 0, or -EINVAL with a sentence and the nearest good
 * size */
int fabric_check_size(uint64_t size, bool raw, struct err *err);

/**
 * fabric_check_objects() - may so much of a fabric be for named objects?
 * @regions: bytes that are for the directory of regions
 *
 * Return: 0; -EINVAL with a sentence and a good size
 */
int fabric_check_objects(uint64_t size, uint64_t regions, uint64_t objects,
			 struct err *err);

/**
 * fabric_check_regions() - what a directory of so many regions takes
 * @objects: bytes that are for named objects
 * @bytes: of the fabric; 0 for none
 *
 * Return: 0; -EINVAL with a sentence and a good number
 */
int fabric_check_regions(uint64_t size, uint64_t objects, uint64_t count,
			 uint64_t *bytes, struct err *err);

/**
 * fabric_create() - make a fabric's file
 *
 * The file appears under its name only when it is complete and on the disk, so
 * that a crash, a full disk or Ctrl-C leaves nothing; an existing path is never
 * touched. SIGINT, SIGTERM and SIGHUP wait until all is cleaned up, and then
 * do what they do.
 * Return: 0 with @out filled; -EEXIST; -ENOSPC; ...
 */
int fabric_create(const struct fabric_spec *spec, struct fabric *out,
		  struct err *err);

/**
 * fabric_open() - find a fabric by name or path and read what it says
 * @name: with '/': a path; else a name: DIR/NAME.fam in @dir, or if that is
 *	NULL in the user's fabric directory, then in FABRIC_DIR_SYSTEM
 *
 * Return: 0; -ENOENT; -EBADMSG both superblock copies damaged; -ENODATA shorter
 * than its superblock says; -EPROTONOSUPPORT newer format; -ELOOP a symbolic
 * link; -EMEDIUMTYPE not a fabric (no superblock, and no name ending in .fam or
 * no size a raw fabric can have). After -EBADMSG, -ENODATA, -EPROTONOSUPPORT and
 * -EACCES @out tells name, path, size, allocated and stat nevertheless, if
 * stat tells a regular file.
 */
int fabric_open(const char *name, const char *dir, struct fabric *out,
		struct err *err);

/** fabric_locate() - where fabric_open() would look; -ENOENT, or an absolute
 * path */
int fabric_locate(const char *name, const char *dir, char out[PATH_MAX],
		  struct err *err);

/** fabric_has_suffix() - does the file's name end in FABRIC_SUFFIX? */
bool fabric_has_suffix(const char *path);

/** fabric_probe() - fabric_open() for an absolute path; errors without a prefix
 */
int fabric_probe(const char *path, struct fabric *out, struct err *err);

/**
 * fabric_reopen() - open a fabric's file again
 * @flags: O_RDONLY, O_RDWR or O_PATH; O_CLOEXEC and O_NOFOLLOW are added
 *
 * Return: descriptor; -ESTALE if another file has taken its place
 */
int fabric_reopen(const struct fabric *fabric, int flags, struct err *err);

/** fabric_in_memory() - is the file on a file system that has no disk? */
bool fabric_in_memory(int fd);

/**
 * fabric_each() - call @visit for each *.fam file in @dir, by name
 * @dir: NULL: the user's fabric directory, then FABRIC_DIR_SYSTEM
 * @visit: gets @path of each, whether it can be opened or not; a value other
 *	than 0 ends the walk and is returned
 */
int fabric_each(const char *dir,
		int (*visit)(const char *path, void *arg, struct err *err),
		void *arg, struct err *err);

/**
 * fabric_in_use() - does any process on this host have the file open or mapped?
 * @users: text for people naming them as far as they can be seen, or ""
 *
 * Return: 1 yes; 0 no; -EACCES if only the file's owner or root can find out
 */
int fabric_in_use(const struct fabric *fabric, char *users, size_t len,
		  struct err *err);

/** fabric_in_use_beside() - the same, as far as can be seen, but for one process
 */
int fabric_in_use_beside(const struct fabric *fabric, pid_t but, char *users,
			 size_t len, struct err *err);

struct json_t;

/**
 * fabric_nodes() - which nodes defined in libvirt refer to which files?
 * @connect: as in struct globals
 * @out: JSON array of {"node": name, "path": file,
 *	"read_only": bool}; the caller's to release
 *
 * Return: 0; -ENOTCONN libvirt cannot be reached: the array is empty
 */
int fabric_nodes(const char *connect, struct json_t **out, struct err *err);

/** fabric_nodes_of() - JSON array: names of the nodes in @nodes that use @path
 */
struct json_t *fabric_nodes_of(const struct json_t *nodes, const char *path);

/** fabric_readers_of() - the same: those of them that cannot change it */
struct json_t *fabric_readers_of(const struct json_t *nodes, const char *path);

/**
 * fabric_sync() - make every store to the fabric durable
 *
 * Return: 0; -EIO; -EOPNOTSUPP the file lies in memory: there is no disk
 */
int fabric_sync(const struct fabric *fabric, struct err *err);

/**
 * fabric_note_boot() - tell nodes which start of this host it is
 *
 * Else a node on a fabric without a server would not know that a power cut may
 * have torn what it finds there (guest-lib/FORMAT.md). Needs no more than what
 * QEMU needs: where the file may not be written, nothing is done.
 */
void fabric_note_boot(const struct fabric *fabric);

/** fabric_json() - what every command shows of a fabric, as a JSON object */
struct json_t *fabric_json(const struct fabric *fabric);

#endif
