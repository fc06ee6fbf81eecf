/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026, the FAM emulator authors */
#ifndef TM_SERVER_FLUSH_BEAT_H
#define TM_SERVER_FLUSH_BEAT_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

/*
 * Tells those who wait that the server lives, while a write-back lasts. In a
 * thread of its own: a store to the mailbox may itself have to wait for a disk
 * that hangs, for as long as that does, and who serves peers must not.
 */
struct beat {
	_Atomic uint64_t *word; /* in the mailbox */
	pthread_t thread;
	int wake;		  /* eventfd: there is work, or the end */
	_Atomic uint64_t busy_ns; /* when the write-back began; 0: none */
	atomic_bool beats;	  /* the thread looks after it */
	atomic_bool ends;
};

/** beat_start() - 0 or a negative errno */
int beat_start(struct beat *beat, _Atomic uint64_t *word);

/** beat_stop() - also of one that is all zero, or was not started */
void beat_stop(struct beat *beat);

/** beat_begin(), beat_end() - of a write-back; one thread */
void beat_begin(struct beat *beat);
void beat_end(struct beat *beat);

#endif
