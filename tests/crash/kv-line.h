/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026, the FAM emulator authors */
#ifndef TESTS_CRASH_KV_LINE_H
#define TESTS_CRASH_KV_LINE_H

/*
 * What programs do with a map and a log while their disk is recorded, and the lines
 * that say so on the tape. Program P has the keys "P/0" to "P/15". Of the first
 * half each change is a transaction with a record in the log, the others are
 * changed in the map alone. What stands there has a version, which rises:
 *
 *	will P N V D	key N is about to be of version V, by deed D
 *	did P N V D	it is, for certain
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <fam/heap.h>

#include "record.h"

#define KV_HEAP	    "kv"
#define KV_USERS    8
#define KV_NAMES    16
#define KV_LOGGED   8 /* names below this */
#define KV_VERSIONS (1u << 16)
#define KV_TEXT	    32
#define KV_MAX	    6000

enum kv_deed {
	KV_REMOVE, /* the key */
	KV_PUT,
	KV_PAIR, /* put it and the one beside it (N xor 1), in one transaction */
	KV_DEEDS
};

/* The root of the heap. */
struct kv_root {
	FAM_PTR(char) hash;
	FAM_PTR(char) log;
};

/* A value begins so; what follows is made of it. */
struct kv_value {
	uint64_t user, name, version;
};

/* A record of the log. */
struct kv_record {
	uint64_t user, name, version, deed;
};

static inline uint32_t kv_text(char text[KV_TEXT], uint64_t user, uint64_t name)
{
	return (uint32_t)snprintf(text, KV_TEXT, "%" PRIu64 "/%" PRIu64, user,
				  name);
}

/* The whole value; returns its length. One of eight is longer than a few records. */
static inline uint64_t kv_fill(uint8_t value[KV_MAX],
			       const struct kv_value *head)
{
	uint64_t random = head->user << 48 ^ head->name << 40 ^ head->version;
	uint64_t most = record_random(&random) % 8 ? 700 : KV_MAX;
	uint64_t bytes =
		sizeof(*head) + record_random(&random) % (most - sizeof(*head));

	memcpy(value, head, sizeof(*head));
	for (uint64_t i = sizeof(*head); i < bytes; i++)
		value[i] = (uint8_t)record_random(&random);
	return bytes;
}

#endif
