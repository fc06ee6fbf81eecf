/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026, the FAM emulator authors */
#ifndef FAM_KV_H
#define FAM_KV_H

/*
 * fam kv: keys and values in a heap, from any node. The heap's root names a hash
 * map and an append log, the history: each change of a key is one transaction
 * with its record there, so both always say the same.
 */

#include <fam/hash.h>
#include <fam/heap.h>
#include <fam/log.h>
#include <fam/tx.h>

#include "fam-heap-tool.h"

#define KV_HEAP	 "kv"			      /* its name, if not given */
#define KV_MAGIC UINT64_C(0x31564b4d41460a00) /* "\0\nFAMKV1" */

/* The root object. Zeros: nothing is there yet. */
struct kv_root {
	uint64_t magic;	   /* KV_MAGIC; the last that is stored */
	fam_off hash, log; /* log 0: it has no history */
	uint64_t bell;	   /* rises after changes, for who waits for them */
	uint64_t reserved[4];
	struct fam_mutex lock; /* over making the rest; without a history,
				  over changes of several keys */
	/* To a size that no other root has: nothing else takes zeros for a store. */
	uint64_t reserved2[8];
};

enum kv_kind {
	KV_PUT = 1,
	KV_REMOVE = 2,
};

/* A record of the history; the key and the node's name follow. */
struct kv_record {
	uint32_t kind;	     /* enum kv_kind */
	uint32_t key_bytes;  /* 1 to FAM_HASH_KEY_MAX */
	uint32_t node_bytes; /* of the name, without a NUL */
	uint32_t reserved;
	uint64_t time_ns; /* since 1970, by the clock of that node */
	uint64_t bytes;	  /* of the value */
};

#define KV_RECORD_MAX \
	(sizeof(struct kv_record) + FAM_HASH_KEY_MAX + FAM_SESSION_NAME_MAX)

struct kv {
	const struct options *options;
	const char *name; /* of the heap */
	struct fam *fam;
	struct fam_heap *heap;
	struct kv_root *root;
	struct fam_hash *hash;		 /* NULL: nothing was ever stored */
	struct fam_log *log;		 /* NULL: nor has it a history */
	char node[FAM_SESSION_NAME_MAX]; /* this one */
};

/* A change. */
struct kv_change {
	enum kv_kind kind;
	uint32_t key_bytes;
	const void *key, *value;
	uint64_t bytes; /* of the value */
};

/**
 * kv_open() - attach, and open the store
 * @create: make what is not there
 *
 * Return: EXIT_DONE, kv_close() is to follow; or an exit status after a message
 */
int kv_open(const struct options *options, bool create, struct kv *out);

/** kv_close() - and end by the signal, if one came; @status */
int kv_close(struct kv *kv, int status);

/**
 * kv_apply() - changes, all of them or none, durable when it returns 0
 * @number: in the history, of the last one; may be NULL
 *
 * If there is no room the older half of the history goes, again and again.
 * Return: 0; -ENOENT a key to be removed is not there; -ENOSPC; -E2BIG
 */
int kv_apply(struct kv *kv, const struct kv_change *changes, size_t count,
	     uint64_t *number);

/** kv_value() - of a key, to be freed by free(3); 0; -ENOENT */
int kv_value(struct kv *kv, const void *key, uint32_t key_bytes, void **value,
	     uint64_t *bytes);

/** say_kv_failure() - "fam: cannot VERB key 'KEY' in heap 'NAME': cause" */
int say_kv_failure(const struct kv *kv, const char *verb, const char *key,
		   int error);

/** say_store_failure() - the same of all of the store */
int say_store_failure(const struct kv *kv, const char *verb, int error);

/** kv_json() - print "NAME": "text", and "NAME_base64" where that loses bytes */
void kv_json(const char *name, const void *bytes, size_t len);

/* --- fam-kv-list.c, fam-kv-log.c, fam-kv-import.c ----------------------------- */

int kv_list(const struct options *options, char **words);
int kv_export(const struct options *options, char **words);
int kv_log(const struct options *options, char **words);
int kv_cut(const struct options *options, char **words);
int kv_import(const struct options *options, char **words);

#endif
