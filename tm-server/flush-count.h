/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026, the FAM emulator authors */
#ifndef TM_SERVER_FLUSH_COUNT_H
#define TM_SERVER_FLUSH_COUNT_H

#include <stdatomic.h>

#include "flush.h"
#include "ivshmem.h"
#include "mailbox.h"
#include "sync.h"

/*
 * What the flush service did. One thread counts, others read: no lock, and a
 * reader may see half of the last pass.
 */
#define COUNT_PAGE_PEERS 256

struct count_peer {
	_Atomic uint64_t commits, bytes, faults;
};

struct count_page {
	struct count_peer peer[COUNT_PAGE_PEERS];
};

struct flush_count {
	_Atomic uint64_t commits, bytes, errors, faults, syncs, ranged;
	_Atomic uint64_t last_us, max_us, total_us;
	/* made when one of their peers first asks for something */
	_Atomic(struct count_page *) page[IVSHMEM_IDS / COUNT_PAGE_PEERS];
};

/** count_restore() - go on with what an earlier program counted */
void count_restore(struct flush_count *count, const struct tm_ctl_flush *past,
		   const struct flush_peer *peer, size_t peers);

/** count_sync() - a write-back has ended */
void count_sync(struct flush_count *count, const struct sync_result *result);

/** count_pass() - a pass was answered: @good, or with an error */
void count_pass(struct flush_count *count, const struct mailbox_pass *pass,
		bool good);

/** count_describe() - fills in the counts, nothing else */
void count_describe(const struct flush_count *count, struct tm_ctl_flush *out);

void count_describe_peer(const struct flush_count *count,
			 struct tm_ctl_peer *out);

void count_free(struct flush_count *count);

#endif
