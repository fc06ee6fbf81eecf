/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026, the FAM emulator authors */
#ifndef FAM_HEAP_H
#define FAM_HEAP_H

#include <stddef.h>
#include <stdint.h>

#include <fam/map.h>
#include <fam/region.h>

#pragma GCC visibility push(default)
#ifdef __cplusplus
extern "C" {
#endif

/*
 * A heap in a region of the fabric: memory that is allocated and freed by many
 * threads, processes and nodes at once, and is whole after any crash: the death of
 * whoever uses it at any moment, of its node, or a power cut of the host.
 *
 * Positions are kept as offsets from the start of the heap, since each process maps
 * it elsewhere. Each call that allocates can store the offset into a place in the
 * heap in the same step: after a crash there is both or neither. What changes
 * several things at once is a transaction: fam/tx.h. Plain stores are made durable by
 * fam_heap_persist(). Locks keep others away.
 *
 * Every change is durable when its call returns 0 (one durable commit), in fabrics
 * of durability "guest" at the speed of memory.
 *
 * All calls that change something: -ESTALE, -EUSERS as fam_session_check(); -EROFS
 * opened for reading; the errors of fam_persist(), and then nothing has changed,
 * but after a power cut of the host before the next change it may have; -EBADMSG
 * what is read is damaged, or was written over; -EBUSY all journals are in use,
 * and nobody ended a transaction for 60 seconds.
 */

/** Bytes from the start of a heap. 0: none. */
typedef uint64_t fam_off;

/**
 * FAM_PTR() - the type of an offset that knows to what: 8 bytes in the fabric
 * fam_ptr() - its address in this process; NULL
 *
 *	struct node { FAM_PTR(struct node) next; uint64_t value; };
 *	n = fam_ptr(heap, n->next);
 */
#define FAM_PTR(type)                        \
	union {                              \
		fam_off off;                 \
		__typeof__(type) *fam_type_; \
	}
#define fam_ptr(heap, ptr)                                           \
	((__typeof__((ptr).fam_type_))fam_heap_at((heap), (ptr).off, \
						  sizeof(*(ptr).fam_type_)))

#define FAM_HEAP_ZERO 0x1u /* allocate: full of zeros */

struct fam_heap; /* one opening of one heap, for all threads of a process */

/** What a new heap is to be; zeros are good but for @bytes. */
struct fam_heap_want {
	uint64_t bytes; /* of its region; 1 MiB at least */
	uint32_t mode;	/* of its region; 0: 0600 */
	/*
	 * How many transactions can go on at once, 4 to 1024, and how long each can
	 * be: half of a journal's bytes, 16 KiB to 64 MiB. 0: by the size, up to 64
	 * of 256 KiB.
	 */
	uint32_t journals;
	uint64_t journal_bytes;
};

/**
 * fam_heap_create() - make a region of type FAM_REGION_HEAP, and open it
 *
 * Threads:  safe
 * Survives: host
 * Return:   0; -EINVAL @want makes no sense; as fam_region_create()
 * Since:    0.1
 */
int fam_heap_create(struct fam *fam, const char *name,
		    const struct fam_heap_want *want, struct fam_heap **out);

/**
 * fam_heap_open() - open a heap by its region's name
 * @flags: FAM_REGION_READ or FAM_REGION_WRITE
 *
 * Whoever opens it for writing first after a start of the host finishes what a
 * power cut has left, and others wait for him.
 *
 * Threads:  safe
 * Return:   0; -EMEDIUMTYPE the region is no heap, or a copy of one;
 *	-EPROTONOSUPPORT of a later release; -EBADMSG both copies of its header are
 *	damaged; -EUCLEAN opened for reading, and nobody has opened it for writing
 *	since the host was started; as fam_region_open()
 * Since:    0.1
 */
int fam_heap_open(struct fam *fam, const char *name, uint32_t flags,
		  struct fam_heap **out);

/** fam_heap_close() - nobody may use it any more, no transaction go on; NULL */
void fam_heap_close(struct fam_heap *heap);

/**
 * fam_heap_at() - where something is in this process
 * @bytes: of it, so many lie in the heap; 0 is allowed
 *
 * Threads: safe. Blocks: never
 * Return:  its address; NULL for 0, and for what is not inside the heap
 */
void *fam_heap_at(const struct fam_heap *heap, fam_off off, uint64_t bytes);

/** fam_heap_off() - the other way round; 0: NULL, or not in the heap */
fam_off fam_heap_off(const struct fam_heap *heap, const void *addr);

/** fam_heap_fam() - the attachment it was opened with */
struct fam *fam_heap_fam(const struct fam_heap *heap);

/**
 * fam_heap_root() - the object that all others are found from
 * @bytes: when it does not exist yet it is allocated, full of zeros; 0: only look
 *
 * Threads, nodes: one of them makes it. Blocks: for a durable commit, when made
 * Return: 0; -ENOENT @bytes is 0 and there is none; -ERANGE it is smaller than
 *	@bytes; -ENOSPC
 * Since:  0.1
 */
int fam_heap_root(struct fam_heap *heap, uint64_t bytes, fam_off *out);

/**
 * fam_heap_alloc() - allocate, and publish it in one step
 * @dest: where the offset is stored, in the heap, at a multiple of 8; 0: nowhere,
 *	and if a crash comes before the caller has stored it, it is allocated, and
 *	only fam_heap_each() finds it
 * @bytes: 1 to what is free in one piece; rounded up: to 32, by a quarter (or 16)
 *	up to 12 KiB, by a half up to 32 KiB, from there on to whole 64 KiB. In a
 *	heap of 2 MiB or less, or that is nearly full, it may be given more. At a
 *	multiple of 16 (if a power of two up to 4096, of that)
 * @flags: FAM_HEAP_ZERO
 * @out: may be NULL. Untouched on failure
 *
 * Threads:  safe
 * Ordering: release: who reads @dest finds zeros, if they were asked for
 * Survives: host; both or neither
 * Peers:    nothing is lost with whoever dies
 * Blocks:   for one durable commit; with ZERO two
 * Return:   0; -EINVAL; -ENOSPC
 * Since:    0.1
 */
int fam_heap_alloc(struct fam_heap *heap, fam_off dest, uint64_t bytes,
		   uint32_t flags, fam_off *out);

/**
 * fam_heap_aligned() - the same at a multiple of @align: a power of two up to 4096
 */
int fam_heap_aligned(struct fam_heap *heap, fam_off dest, uint64_t bytes,
		     uint64_t align, uint32_t flags, fam_off *out);

/**
 * fam_heap_put() - allocate, fill and publish in one step
 * @data: copied there before anybody can find it
 *
 * Blocks: for one durable commit, above a quarter of a journal's bytes two
 * Return: as fam_heap_alloc()
 */
int fam_heap_put(struct fam_heap *heap, fam_off dest, const void *data,
		 uint64_t bytes, fam_off *out);

/**
 * fam_heap_free() - free what @dest names, and make that 0, in one step
 *
 * Threads: two that free the same at once is a bug that is not always noticed
 * Return:  0, also if @dest was 0; -EINVAL it names nothing that is allocated
 */
int fam_heap_free(struct fam_heap *heap, fam_off dest);

/** fam_heap_release() - free what was never published; 0; -EINVAL */
int fam_heap_release(struct fam_heap *heap, fam_off off);

/**
 * fam_heap_realloc() - another size for what @dest names; the content stays
 * @bytes: 0 frees it
 *
 * If it is moved, @dest has the new place and the old one is free, in one step;
 * if @dest is 0, it is as fam_heap_alloc(). What is added holds anything.
 *
 * Threads: nobody may change it meanwhile. Blocks: for one or two durable commits
 * Return:  0; -EINVAL; -ENOSPC, and all is as before
 */
int fam_heap_realloc(struct fam_heap *heap, fam_off dest, uint64_t bytes,
		     fam_off *out);

/**
 * fam_heap_usable() - how many bytes can be used of what is allocated at @off
 *
 * Return: 0; -EINVAL nothing is allocated that begins there
 */
int fam_heap_usable(const struct fam_heap *heap, fam_off off, uint64_t *bytes);

/**
 * fam_heap_persist() - make plain stores in the heap's objects durable
 * @off: where; not over a lock somebody holds
 *
 * Also where transactions have changed something. fam_persist() of the same is
 * enough only if none has since it was allocated, or since fam_heap_settle(): after
 * a power cut what they said would be stored there again.
 *
 * Threads:  nobody else may store there meanwhile
 * Blocks:   for one durable commit, above a quarter of a journal's bytes two
 * Return:   0; -EINVAL not in the heap's objects
 * Since:    0.1
 */
int fam_heap_persist(struct fam_heap *heap, fam_off off, uint64_t bytes);

/**
 * fam_heap_settle() - have all that was committed so far where it belongs, durable
 *
 * What is stored and made durable by fam_persist() from then on stays, wherever it
 * is. Blocks: for two durable commits
 * Return: 0; the errors of fam_persist()
 * Since:  0.1
 */
int fam_heap_settle(struct fam_heap *heap);

/**
 * fam_heap_recover() - finish what those have begun who died
 *
 * Done by itself when a transaction begins after a death is known. To be called by
 * who was given a lock with -EOWNERDEAD, before he looks at what it protects
 * (fam_tx_lock() does so).
 *
 * Threads: safe. Blocks: for a durable commit for each of the dead
 * Return:  how many there were; the errors of fam_persist()
 */
int fam_heap_recover(struct fam_heap *heap);

/**
 * fam_heap_each() - enumerate what is allocated, in the order of offsets
 * @visit: a value other than 0 ends it and is returned; may call anything here
 *
 * What others change meanwhile may be told or not.
 * Return: 0; the value of @visit
 */
int fam_heap_each(struct fam_heap *heap,
		  int (*visit)(fam_off off, uint64_t usable, void *arg),
		  void *arg);

struct fam_heap_class {
	uint64_t bytes;	 /* of a block */
	uint64_t used;	 /* blocks */
	uint64_t room;	 /* blocks that there are, in chunks of this class */
	uint64_t chunks; /* of 64 KiB */
};

/** What fam_heap_stat() tells; grows at its end only. */
struct fam_heap_stat {
	uint64_t bytes;		/* of the region */
	uint64_t space;		/* that can be allocated, all in all */
	uint64_t used;		/* in blocks and spans that are allocated */
	uint64_t free;		/* in chunks that are wholly free */
	uint64_t largest;	/* piece of that */
	uint64_t idle;		/* in chunks that have blocks, but not used */
	uint64_t objects;	/* allocated */
	uint64_t checkpoint;	/* stamp up to which journals are done with */
	uint64_t stamp;		/* of the last transaction */
	uint32_t journals;	/* how many */
	uint32_t writers;	/* of them in use */
	uint64_t journal_bytes; /* of each */
	uint32_t classes;
	uint32_t reserved;
	struct fam_heap_class size_class[64];
};

/** fam_heap_stat() - how it is filled; what others change meanwhile may be told */
int fam_heap_stat(struct fam_heap *heap, struct fam_heap_stat *out,
		  size_t size);

#ifdef __cplusplus
}
#endif
#pragma GCC visibility pop
#endif
