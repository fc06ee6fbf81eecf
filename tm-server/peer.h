/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026, the FAM emulator authors */
#ifndef TM_SERVER_PEER_H
#define TM_SERVER_PEER_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include "ident.h"
#include "ivshmem.h"
#include "loop.h"
#include "peer-send.h"
#include "slot.h"

#define PEERS_ALLOW_MAX 32

/*
 * One connection. It costs nobody else anything: what it has not been sent yet
 * is a position, not a queue; any error drops it; so does not reading.
 */
enum peer_state {
	PEER_IDENT, /* finding out which node it is */
	PEER_SETUP, /* being sent memory and eventfds */
	PEER_READY, /* set-up complete */
};

struct peer {
	TAILQ_ENTRY(peer) link;
	struct peers *peers;
	struct loop_source *source;
	struct ident_job *job; /* PEER_IDENT */
	struct slot *slot;     /* NULL in PEER_IDENT */
	int fd;
	enum ivshmem_dialect dialect;
	struct identity identity;
	struct ivshmem_stream stream;
	uint8_t *present; /* host dialect, until the set-up is complete */
	int64_t joined;	  /* seconds since 1970 */
	uint64_t accepted_ms;
	bool announced;	    /* peers_config.ready was called */
	bool fresh;	    /* may not have read its set-up yet */
	bool was_fresh;	    /* when last looked at, newest first */
	bool blocked;	    /* its socket is full */
	bool starved;	    /* the kernel is short of something: try again */
	int unread;	    /* what it has not read, as last seen, and */
	uint64_t unread_ms; /* since when it reads nothing */
};

struct peers_config {
	const char *label; /* of the fabric, for the log */
	int memory_fd;	   /* given to every peer */
	unsigned int
		stall_ms;   /* a peer that reads nothing so long is dropped */
	unsigned int max;   /* attached at once; 0: as many as there are IDs */
	size_t allow_count; /* 0: every user the socket's mode lets in */
	uint32_t allow[PEERS_ALLOW_MAX];
	void (*ids_changed)(
		void *arg); /* an ID was made or changed its owner */
	/* Its peer's set-up is complete; it has none any more. NULL: no matter
	 */
	void (*ready)(struct slot *slot, void *arg);
	void (*gone)(struct slot *slot, void *arg);
	void *arg;
};

struct peers {
	struct peers_config config;
	struct loop *loop;
	struct slots *slots;
	struct ident_pool *idents;
	struct loop_source *flush; /* deferred: go on with set-ups */
	struct loop_source *news;  /* timer: tell who came and went */
	struct loop_source *retry; /* timer: some peer is starved */
	struct loop_source *tick;  /* timer: some peer is blocked or starved */
	struct peer_sender sender;
	size_t count;
	bool ticking;	      /* @tick is set */
	int unread_limit;     /* SO_SNDBUF of a peer; 0: as it is */
	uint64_t pressure_ms; /* since when the kernel is short; 0: it is not */
	uint64_t
		news_ms; /* since when there is something to tell; 0: nothing */
	uint64_t accepted, refused, dropped;
	TAILQ_HEAD(peer_list, peer) list;
};

int peers_new(struct peers **out, struct loop *loop, struct slots *slots,
	      const struct peers_config *config);

/** peers_free() - closes every connection without a word */
void peers_free(struct peers *peers);

/**
 * peers_accept() - serve a new connection
 * @fd: non-blocking; the table's from now on, also on failure
 */
void peers_accept(struct peers *peers, int fd, enum ivshmem_dialect dialect);

/**
 * peers_adopt() - go on with a connection of the process before this one
 * @proto: fd, dialect, identity, stream, joined and slot count
 */
int peers_adopt(struct peers *peers, const struct peer *proto);

/**
 * peers_settle() - nobody is left in the middle: who is being found out about
 * gets an ID as a stranger; host programs that are not up to date are dropped
 */
void peers_settle(struct peers *peers);

/** peers_backlog() - messages still to be sent to all */
uint64_t peers_backlog(const struct peers *peers);

/** peer_drop() - close a connection; its ID is free again */
void peer_drop(struct peer *peer);

/** peer_state() - for people and the control socket */
enum peer_state peer_state(const struct peer *peer);

#endif
