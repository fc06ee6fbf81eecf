/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026, the FAM emulator authors */
#ifndef FAM_SERVER_H
#define FAM_SERVER_H

#include <sys/un.h>

#include <fam/doorbell.h>

#include "internal.h"
#include "wire.h"

#define FAM_SERVER_PATH_MAX   sizeof(((struct sockaddr_un *)0)->sun_path)
#define FAM_SERVER_SILENCE_MS 5000
#define FAM_SERVER_TOTAL_MS   30000

/* An ID of the fabric. Its doorbells stay the same whoever has it. */
struct fam_server_peer {
	struct fam_server_peer *next; /* in the queue */
	uint16_t id;
	uint16_t doorbells; /* eventfds received */
	uint8_t pending;    /* changes not told, 2 at most; they alternate */
	bool present;	    /* as the server says */
	bool told;	    /* as fam_peer_event() has said */
	int fd[];
};

#define FAM_SERVER_PAGE 256 /* IDs */

/* Most fabrics have few of the IDs there can be, next to each other. */
struct fam_server_page {
	struct fam_server_peer *peer[FAM_SERVER_PAGE]; /* NULL: unknown */
};

/*
 * A connection to tm-server. Peers of which a change is to be told wait in the
 * queue, each in it once, so that it cannot overflow. No descriptor of a peer
 * is closed before the end: one that was looked up may be used without the
 * lock.
 */
struct fam_server {
	/* Set before the set-up is complete, never changed later. */
	char path[FAM_SERVER_PATH_MAX]; /* of the socket; "" in tests */
	uint16_t self, vectors;
	bool hello, named, mapped, ready;
	int memory; /* until fam_server_take_memory() */
	int epoll;  /* readable if the socket or @notice is */
	int notice; /* eventfd, 1 while @noticed */

	pthread_mutex_t lock; /* guards the rest; no other is taken under it */
	struct fam_wire wire; /* its sock is kept open after the end */
	int ended;	      /* 0, or why nothing comes any more */
	bool noticed;	      /* the queue is not empty */
	struct fam_server_peer *first, *last; /* the queue */
	struct fam_server_page *page[FAM_WIRE_IDS / FAM_SERVER_PAGE];
};

/**
 * fam_server_open() - attach to a server
 * @where: name of a fabric, or path of a socket with a '/'
 * @wanted: is the memory to be used?
 * @source: fd -1 if it is not, or if there is none
 */
int fam_server_open(const char *where, bool writable, bool wanted,
		    struct fam_source *source, struct fam_server **out);

/** fam_server_close() - detach; NULL is allowed */
void fam_server_close(struct fam_server *server);

/* How long a server may take. */
struct fam_server_patience {
	int silence_ms; /* without a message */
	int total_ms;	/* for all of the set-up */
};

/**
 * fam_server_connect() - a socket connected to a server
 * @where: name of a fabric, or a path with a '/'
 * @path: where it was found
 */
int fam_server_connect(const char *where, char path[FAM_SERVER_PATH_MAX],
		       int timeout_ms);

/**
 * fam_server_setup() - receive all of the set-up
 * @sock: the connection's from now on, also on failure
 *
 * Return: 0; -ETIMEDOUT; -ECONNRESET the server ended it; -EPROTO it does not
 * keep to the protocol; -EMFILE, -ENOMEM
 */
int fam_server_setup(int sock, const struct fam_server_patience *patience,
		     struct fam_server **out);

/**
 * fam_server_take_memory() - what the server serves, as a file
 *
 * @out gets fd -1 if the server is memory-less, or if @wanted is not set.
 * Return: 0; -EPROTO it cannot be a fabric; -EACCES it may only be read
 */
int fam_server_take_memory(struct fam_server *server, bool writable,
			   bool wanted, struct fam_source *out);

/*
 * The caller of these two holds the lock.
 *
 * fam_server_hear() reads what has come. 0; -EMFILE no descriptor is free for
 * what comes next: nothing is lost, it goes on later.
 */
int fam_server_hear(struct fam_server *server);

/** fam_server_doorbell() - an eventfd of a present peer; -ENOENT; -ENOTCONN */
int fam_server_doorbell(const struct fam_server *server, unsigned int peer,
			unsigned int vector);

/* --- peers: server-peer.c -------------------------------------------------- */

/* The caller holds the lock. */

/** fam_server_peer() - what is known of an ID, or NULL */
struct fam_server_peer *fam_server_peer(const struct fam_server *server,
					unsigned int id);

/** fam_server_peer_make() - the same, made if it is new; NULL: no memory */
struct fam_server_peer *fam_server_peer_make(struct fam_server *server,
					     uint16_t id);

/** fam_server_peer_changed() - its presence did; that is to be told */
void fam_server_peer_changed(struct fam_server *server,
			     struct fam_server_peer *peer);

/**
 * fam_server_next_change() - a peer of which to tell what is now @told
 *
 * Return: NULL: there is none
 */
const struct fam_server_peer *fam_server_next_change(struct fam_server *server);

/** fam_server_peers_free() - all of them, and close their doorbells */
void fam_server_peers_free(struct fam_server *server);

#endif
