/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026, the FAM emulator authors */
#ifndef TM_SERVER_SERVER_H
#define TM_SERVER_SERVER_H

#include "flush.h"
#include "listen.h"
#include "loop.h"
#include "peer.h"
#include "region.h"
#include "roster.h"
#include "slot.h"
#include "state.h"
#include "trim.h"
#include "util/err.h"

/* One fabric and all that serves it. */
struct server_config {
	struct region_spec region;
	char label[FAM_LABEL_BYTES];  /* "": as the fabric says */
	char socket[LISTEN_PATH_MAX]; /* the modern one: the lock's
				       * and the state file's name */
	char paths[IVSHMEM_DIALECTS][LISTEN_PATH_MAX]; /* "": none */
	char control[LISTEN_PATH_MAX];		       /* "": none */
	unsigned int vectors;
	mode_t mode;		   /* of the sockets for peers */
	gid_t gid;		   /* -1: as it comes */
	struct peers_config peers; /* users, stall time and maximum */
	trimmer_fn *trim;	   /* NULL: blocks are not given back */
};

struct server {
	struct server_config config;
	struct loop *loop;
	struct region region;
	struct slots *slots;
	struct peers *peers;
	struct listen_lock lock;
	struct listener listener[IVSHMEM_DIALECTS];
	struct loop_source *accept[IVSHMEM_DIALECTS];
	struct loop_source *ring[IVSHMEM_VECTORS_MAX];
	struct loop_source *resume; /* timer: accept again */
	struct loop_source *drain;  /* timer: looks whether all is sent */
	struct slot *self;
	char label[FAM_LABEL_BYTES];
	char state_path[LISTEN_PATH_MAX + 8];
	bool earlier;	     /* nodes of an earlier server may still run */
	uint32_t saved_next; /* what the state file holds */
	uint64_t saved_changes;
	int spare_fd;		/* closed to turn somebody away with it */
	uint64_t complained_ms; /* when a shortage was last logged */
	uint64_t drain_until;	/* 0: not stopping */
	_Atomic uint64_t rings[IVSHMEM_VECTORS_MAX];
	int64_t started;	/* seconds since 1970 */
	struct flush *flush;	/* NULL: the fabric has no mailbox */
	int no_flush;		/* why, a negative errno */
	struct state_mark mark; /* of a failed write-back */
	bool distrusts;		/* flush_distrusts() of an earlier program */
	struct loop_source *failure; /* timer, set by flush's thread */
	struct roster *roster;	 /* NULL: the fabric has no table of sessions */
	struct trimmer *trimmer; /* NULL: the fabric has no regions */
};

/** server_check() - would server_open() succeed? changes nothing */
int server_check(const struct server_config *config, struct err *err);

/**
 * server_open() - lock, memory, IDs, then sockets: whoever connects is served
 * @inherited: descriptor of a listening socket per dialect, or -1
 */
int server_open(struct server **out, struct loop *loop,
		const struct server_config *config,
		const int inherited[IVSHMEM_DIALECTS], struct err *err);

/** server_start() - begin to accept; the last step of set-up and take-over */
int server_start(struct server *server, struct err *err);

/** server_drain() - accept nobody, send what is due, then end the loop */
void server_drain(struct server *server);

/** server_close() - drop all peers, remove sockets; NULL is allowed */
void server_close(struct server *server);

/** server_new() - an empty server, for server_open() and a take-over */
struct server *server_new(struct loop *loop,
			  const struct server_config *config);

/** server_name() - choose the label, once the region is there */
void server_name(struct server *server);

/** server_serve() - table of peers and watches, once slots and region exist */
int server_serve(struct server *server, struct err *err);

/** server_save() - write the state file, as the IDs and the mark are now */
void server_save(struct server *server);

/*
 * The flush service, where the region has a mailbox: server-flush.c.
 */

/** server_mark() - a write-back of this file has failed; 0: it has not */
void server_mark(struct server *server, int failed, int64_t at);

/** server_check_mark() - forget a mark that is of another file */
void server_check_mark(struct server *server);

/** server_flush_open() - @counts, @peer: of an earlier program, or NULL, 0 */
int server_flush_open(struct server *server, const struct tm_ctl_flush *counts,
		      const struct flush_peer *peer, size_t peers,
		      struct err *err);

/** server_flush_stop() - ask it to; Return: true: nobody is served any more */
bool server_flush_stop(struct server *server);

/** server_flush_go_on() - after server_flush_stop() */
void server_flush_go_on(struct server *server);

/** server_flush_clear() - the operator says that the disk is good again */
void server_flush_clear(struct server *server);

void server_flush_close(struct server *server);

/*
 * The table of sessions, where the region has one: server-sessions.c.
 */

/** server_sessions_watch() - be told of peers; before peers_new() */
void server_sessions_watch(struct server *server);

/** server_sessions_open() - @life: of an earlier program, or 0 */
int server_sessions_open(struct server *server, uint64_t life, struct err *err);

/** server_sessions_stop() - ask it to; Return: true: it has stopped */
bool server_sessions_stop(struct server *server);

/** server_sessions_settle() - stopped: tell of those who left since */
void server_sessions_settle(struct server *server);

/** server_sessions_go_on() - after server_sessions_stop() */
void server_sessions_go_on(struct server *server);

/** server_sessions_close() - before the peers are let go, who live on */
void server_sessions_close(struct server *server);

/*
 * Giving back the blocks of regions that are gone: server-trim.c. It needs the
 * flush service: it begins after that, and ends before.
 */

/** server_trim_open() - if the region has a directory; a failure is logged */
void server_trim_open(struct server *server);

/** server_trim_stop() - ask it to; Return: true: it has stopped */
bool server_trim_stop(struct server *server);

/** server_trim_go_on() - after server_trim_stop() */
void server_trim_go_on(struct server *server);

void server_trim_close(struct server *server);

#endif
