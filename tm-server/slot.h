/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026, the FAM emulator authors */
#ifndef TM_SERVER_SLOT_H
#define TM_SERVER_SLOT_H

#include <stdatomic.h>
#include <stdbool.h>

#include "ident.h"
#include "ivshmem.h"

struct peer;

/*
 * An ID and its eventfds. They are made once and kept for the server's life,
 * whoever has the ID: every QEMU is told each of them exactly once and is never
 * told that anyone left, so no ID ever means anything new to it. That alone
 * makes it safe to give an ID again.
 */
struct slot {
	uint16_t id;
	struct peer *peer;     /* who has it now; NULL: nobody */
	struct identity owner; /* uuid "": kept for nobody when it leaves */
	uint64_t left;	       /* greater: left later */
	atomic_bool leaving; /* sessions of who had it are still to be ended */
	int eventfd[];	     /* one per vector */
};

/* A node of an earlier life of the server keeps its ID. */
struct reservation {
	uint16_t id;
	struct identity owner; /* uuid, uid and name count */
};

struct slots {
	struct ivshmem_world world; /* ids, count, news belong to this table */
	struct slot *by_id[IVSHMEM_IDS];
	uint32_t next; /* lowest ID never given */
	uint64_t departures;
	uint64_t owner_changes; /* the table to be remembered is another */
	struct reservation *reserved;
	size_t reserved_count;
	unsigned int
		fd_limit; /* descriptors from here on are not for eventfds */
	uint8_t present[IVSHMEM_IDS / 8];
};

/**
 * slots_new() - an empty table
 * @next: lowest ID to give, 1 for a first life
 */
int slots_new(struct slots **out, unsigned int vectors, uint32_t next);

void slots_free(struct slots *slots);

/** slots_open_server() - make the server's own ID, with fresh eventfds */
int slots_open_server(struct slots *slots, struct slot **out);

/** slots_reserve() - keep @id for a node; -EEXIST; -ENOMEM */
int slots_reserve(struct slots *slots, uint16_t id,
		  const struct identity *owner);

/**
 * slots_adopt() - a slot with given eventfds, taken over from another process
 * @eventfd: one per vector; the table's on success
 */
int slots_adopt(struct slots *slots, uint16_t id, const int *eventfd,
		struct slot **out);

/** slots_find() - the slot a node had, attached or not; NULL */
struct slot *slots_find(const struct slots *slots, const struct identity *who);

/**
 * slots_attach() - an ID for @peer
 *
 * The one its node had; else the lowest that belongs to nobody; else the lowest
 * never given; else the one whose node has been away longest.
 * Return: 0; -EUSERS all IDs are attached; -EMFILE no descriptors left for
 * another ID; -ENOMEM, ...
 */
int slots_attach(struct slots *slots, const struct identity *who,
		 struct peer *peer, struct slot **out);

/** slots_detach() - its peer is gone */
void slots_detach(struct slots *slots, struct slot *slot);

/** slots_restore() - @slot's peer after a take-over: nobody is told */
void slots_restore(struct slots *slots, struct slot *slot, struct peer *peer,
		   const struct identity *who);

/** slot_ring() - one interrupt; never blocks. Return: 0 or a negative errno */
int slot_ring(const struct slot *slot, unsigned int vector);

#endif
