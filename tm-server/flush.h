/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026, the FAM emulator authors */
#ifndef TM_SERVER_FLUSH_H
#define TM_SERVER_FLUSH_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

#include "tm-ctl.h"
#include "util/err.h"

/*
 * The flush service: a thread that waits to be rung, or looks by itself now and
 * then, takes what clients posted in the mailbox, has it written to the disk,
 * and says so. Sharing: all requests found in one look share one write-back;
 * what comes meanwhile shares the next.
 */
struct flush;

/* What a peer had asked of an earlier program of this server. */
struct flush_peer {
	uint32_t id;
	uint64_t commits, bytes, faults;
};

struct flush_config {
	const char *label; /* of the fabric, for the log; lives on */
	/*
	 * Of the fabric's file; stays the caller's. An open file of the
	 * server's own: whoever syncs an open file takes the error of a failed
	 * write-back away from all others who have the same.
	 */
	int fd;
	uint64_t size;
	uint64_t mailbox; /* offset of the mailbox in it */
	int bell; /* eventfd of the server's vector 0, read by the thread alone */
	_Atomic uint64_t *rings; /* counts what was read from it */
	int failed;		 /* of an earlier life: 0 or negative errno */
	int64_t failed_at;	 /* seconds since 1970 */
	bool distrusts;		 /* an earlier life did: flush_distrusts() */
	/* Counts to go on with, read in flush_open() only; NULL, 0: none. */
	const struct tm_ctl_flush *counts;
	const struct flush_peer *peer;
	size_t peers;
	/* Called in the thread, once for each failure. */
	void (*on_failure)(void *arg);
	void *arg;
};

/**
 * flush_open() - clear the mailbox and begin to serve
 *
 * Return: 0; a service that can only refuse (a file system in memory) is one,
 * too
 */
int flush_open(struct flush **out, const struct flush_config *config,
	       struct err *err);

/**
 * flush_close() - answer what was posted, say that nobody serves, end
 *
 * Blocks for the write-back under way, unless flush_stopped(). NULL is allowed.
 */
void flush_close(struct flush *flush);

/*
 * These are for the main thread; none blocks.
 */

/** flush_stop() - have it answer what was posted and stop; flush_stopped() */
void flush_stop(struct flush *flush);

/** flush_stopped() - is it done, and nobody served any more? */
bool flush_stopped(const struct flush *flush);

/** flush_go_on() - serve again after flush_stop(); 0 or a negative errno */
int flush_go_on(struct flush *flush);

/** flush_describe() - for the control socket */
void flush_describe(struct flush *flush, struct tm_ctl_flush *out);

/** flush_describe_peer() - fills in commits, bytes and faults of @out->id */
void flush_describe_peer(const struct flush *flush, struct tm_ctl_peer *out);

/** flush_failed() - 0 or the negative errno of the failed sync, and since when */
int flush_failed(const struct flush *flush, int64_t *at);

/**
 * flush_distrusts() - was an earlier server killed, perhaps as it was told that
 * a write-back had failed? Then all that is asked for is written again
 */
bool flush_distrusts(const struct flush *flush);

/**
 * flush_clear() - the operator has looked at the disk: serve again
 *
 * All clients begin anew: what was posted before is not answered with success.
 */
void flush_clear(struct flush *flush);

#endif
