/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026, the FAM emulator authors */
#ifndef TM_SERVER_ROSTER_H
#define TM_SERVER_ROSTER_H

#include <stdbool.h>
#include <stdint.h>

#include "slot.h"
#include "util/err.h"

/*
 * The server's part of the table of sessions: which peers are attached, and the
 * death of all sessions of one that is not any more, told to the others at
 * once.
 *
 * A store to the fabric may wait for the disk. So a thread makes them, and the
 * loop only says who came and went. Nothing that lies in the table is believed:
 * it is changed by whole words and compare-and-swap, in loops over its size,
 * and a peer number from it is looked up in a table of all there can be.
 */
struct roster;

struct roster_config {
	const char *label;    /* of the fabric, for the log */
	int fd;		      /* of its file */
	uint64_t size;	      /* of the fabric */
	uint64_t offset;      /* of the table */
	uint64_t life;	      /* of the program before this one; 0: a new one */
	unsigned int vectors; /* the last of two or more is the library's */
};

/** roster_open() - map the table; nothing is changed yet */
int roster_open(struct roster **out, const struct roster_config *config,
		struct err *err);

/** roster_start() - say that a server is here, and who else; then a thread */
int roster_start(struct roster *roster);

/** roster_add() - the peer that has @slot can be rung */
void roster_add(struct roster *roster, struct slot *slot);

/** roster_remove() - it is gone; slot->leaving until its sessions are dead */
void roster_remove(struct roster *roster, struct slot *slot);

/** roster_stop() - ask the thread to end; Return: true: it has ended */
bool roster_stop(struct roster *roster);

/** roster_settle() - stopped: do what was left to be done since */
void roster_settle(struct roster *roster);

/** roster_life() - random, not 0, and the same in the next program */
uint64_t roster_life(const struct roster *roster);

/** roster_close() - say that no server is here any more; NULL is allowed */
void roster_close(struct roster *roster);

#endif
