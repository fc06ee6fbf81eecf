/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026, the FAM emulator authors */
#ifndef TM_SERVER_FLUSH_THREAD_H
#define TM_SERVER_FLUSH_THREAD_H

#include <pthread.h>

#include "flush-beat.h"
#include "flush-count.h"
#include "flush.h"
#include "mailbox.h"
#include "sync.h"

enum flush_state { FLUSH_RUNS, FLUSH_STOPS, FLUSH_STOPPED };

/* When the thread looks by itself: flush-thread.c. The thread's own. */
struct flush_pace {
	uint64_t step_ns;
	bool mute;	      /* somebody asked who cannot ring */
	unsigned int in_vain; /* rung so many times in a row for nothing */
	bool hot;	      /* the last look found something */
};

struct flush {
	struct flush_config config;
	struct syncer *syncer; /* NULL: can only refuse */
	pthread_t thread;
	bool threaded; /* there is a thread to be joined */
	int wake;      /* eventfd, to have the state looked at */
	_Atomic int state;
	_Atomic uint64_t polls_ns; /* it looks often until then */
	struct beat beat;
	/* Of the mailbox and the mark; never held across a write-back. */
	pthread_mutex_t lock;
	struct mailbox mailbox;
	_Atomic int failed; /* 0 or a negative errno; read without the lock */
	_Atomic int64_t failed_at;
	atomic_bool distrusts; /* sync_distrust() */
	uint64_t failures;     /* so far; under the lock */
	int last_failure;      /* the last of them, cleared or not; the same */
	struct flush_count count;
	/* The thread's own. */
	struct mailbox_pass pass;
	struct flush_pace pace;
	uint64_t swept_ms;
	uint64_t told; /* failures that were logged and told to on_failure */
};

/** flush_thread() - serves until it is FLUSH_STOPPED; @arg: struct flush */
void *flush_thread(void *arg);

/** flush_start_thread() - one that gets no signals but for its own faults */
int flush_start_thread(pthread_t *thread, void *(*run)(void *arg), void *arg);

/** flush_mark_failed() - with the lock: from now on everybody gets @code */
void flush_mark_failed(struct flush *flush, int code);

/** flush_check_mark() - with the lock: bring the mailbox's mark and ours into
 * line; Return: 0 or the negative errno of a failure */
int flush_check_mark(struct flush *flush);

#endif
