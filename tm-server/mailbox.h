/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026, the FAM emulator authors */
#ifndef TM_SERVER_MAILBOX_H
#define TM_SERVER_MAILBOX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <fam-mailbox.h>

/*
 * The server's side of the mailbox, on nothing but memory: no clock, no file.
 *
 * What lies there may be changed by anybody at any time. Each word is read once
 * and checked; no loop is longer than the table of slots and their rings; how
 * far a slot has been served is kept here and never read back.
 */

/* Requests taken in one pass: what is sorted at once stays short. */
#define MAILBOX_PASS_MAX 512
/* A slot that asked for nothing for so long is taken back. */
#define MAILBOX_IDLE_MS (10u * 60 * 1000)

/* What the server knows of a slot. */
struct mailbox_seat {
	uint64_t owner;	    /* token when it was last looked at; 0: free */
	uint64_t active_ms; /* when it was new or last asked */
	uint32_t taken;	    /* requests of this owner */
	bool faulted;	    /* is served no more */
};

struct mailbox {
	struct fam_mailbox *box;
	uint64_t limit;	   /* bytes of the fabric */
	uint64_t epoch;	   /* of this life; 0: not serving */
	unsigned int next; /* where the next pass begins: nobody starves */
	uint64_t due[FAM_MAILBOX_WORDS]; /* bits taken and not yet looked at */
	struct mailbox_seat seat[FAM_MAILBOX_SLOTS];
};

/* What one slot asked in one pass. */
struct mailbox_answer {
	uint64_t token;
	uint64_t bytes;
	uint32_t slot;
	uint32_t peer;	   /* as the slot says: below 65536, else 0 */
	uint32_t requests; /* good ones */
	uint32_t done;	   /* this many of its owner's, they included */
	int fault;	   /* 0 or a positive errno: what came next was wrong */
};

struct mailbox_pass {
	size_t ranges, answers, requests, faults;
	bool mute; /* one of them has no ID, and so nothing to ring with */
	struct fam_range range[MAILBOX_PASS_MAX];
	struct mailbox_answer answer[FAM_MAILBOX_SLOTS];
};

/**
 * mailbox_reset() - begin a life: all slots free, the header written
 * @epoch: random, not 0; published last
 *
 * The time of the last failure is kept: who waits since before it must know.
 */
void mailbox_reset(struct mailbox *mailbox, uint64_t epoch);

/** mailbox_end() - say that nobody serves; what lies there is answered no more
 */
void mailbox_end(struct mailbox *mailbox);

/** mailbox_repair() - put back what was written over in the header */
void mailbox_repair(struct mailbox *mailbox);

/** mailbox_is_asked() - has any client set its bit? takes nothing */
bool mailbox_is_asked(const struct mailbox *mailbox);

/**
 * mailbox_collect() - take what was asked, at most MAILBOX_PASS_MAX requests
 * @now_ms: any clock that only goes forward
 *
 * Return: true if the pass holds anything to be answered
 */
bool mailbox_collect(struct mailbox *mailbox, uint64_t now_ms,
		     struct mailbox_pass *pass);

/** mailbox_publish() - all ranges of a pass are durable: answer it */
void mailbox_publish(struct mailbox *mailbox, const struct mailbox_pass *pass);

/** mailbox_refuse() - answer only the faults of a pass */
void mailbox_refuse(struct mailbox *mailbox, const struct mailbox_pass *pass);

/** mailbox_sweep() - free slots that are not used, once a minute or so */
void mailbox_sweep(struct mailbox *mailbox, uint64_t now_ms);

/** mailbox_survey() - slots claimed, and requests that wait for an answer */
void mailbox_survey(const struct fam_mailbox *box, uint32_t *clients,
		    uint32_t *waiting);

#endif
