/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026, the FAM emulator authors */
#ifndef TM_SERVER_IVSHMEM_H
#define TM_SERVER_IVSHMEM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * The ivshmem protocol without any I/O; PROTOCOL.md is its description.
 *
 * What a peer is sent is a function of its position in one endless stream, so
 * a slow peer costs a position and no queue: ivshmem_peek() says what comes
 * next, ivshmem_advance() steps over it once it was sent.
 */

#define IVSHMEM_MESSAGE_BYTES 8
#define IVSHMEM_IDS	      65536
#define IVSHMEM_VECTORS_MAX   256
#define IVSHMEM_SERVER_ID     0 /* the server itself; never given to a peer */

#define IVSHMEM_VERSION	     0	  /* first message of the modern dialect */
#define IVSHMEM_MEMORY	     (-1) /* comes with the memory's descriptor */
#define IVSHMEM_HOST_MAGIC   INT64_C(0x46414d) /* "FAM" */
#define IVSHMEM_HOST_VERSION 1

enum ivshmem_dialect {
	IVSHMEM_MODERN, /* QEMU >= 2.5, and the devices of older ones */
	IVSHMEM_LEGACY, /* raw programs written for QEMU <= 2.4 */
	IVSHMEM_HOST,	/* libfam: tells vectors, end of set-up, who is there */
	IVSHMEM_DIALECTS
};

/* Kind of a host dialect message: bits 32 to 63; of an eventfd it is 0. */
enum ivshmem_host_kind {
	IVSHMEM_HOST_EVENTFD = 0,  /* bits 0-15 ID, 16-31 vector; descriptor */
	IVSHMEM_HOST_SELF = 1,	   /* your ID */
	IVSHMEM_HOST_VECTORS = 2,  /* bits 0-15: vectors of every ID */
	IVSHMEM_HOST_ATTACHED = 3, /* this ID is (again) in use */
	IVSHMEM_HOST_LEFT = 4,	   /* nobody has this ID now */
	IVSHMEM_HOST_READY = 5,	   /* end of set-up */
};

/* Things that happen after a peer's set-up, as the host dialect tells them. */
enum ivshmem_news {
	IVSHMEM_NEWS_CREATED,
	IVSHMEM_NEWS_ATTACHED,
	IVSHMEM_NEWS_LEFT
};

#define IVSHMEM_NEWS_MAX 16384 /* a power of two */

/* What all peers are told, in order. */
struct ivshmem_world {
	unsigned int vectors;
	const uint16_t *ids; /* every ID ever made, oldest first; only grows */
	size_t count;	     /* of @ids */
	/* ring: event n is news[n % IVSHMEM_NEWS_MAX] = kind << 16 | id */
	const uint32_t *news;
	uint64_t news_count; /* ever written */
	uint64_t told;	     /* of them, all who read were sent so many */
};

/* How far a peer's stream is. */
enum ivshmem_phase {
	IVSHMEM_SEND_VERSION,
	IVSHMEM_SEND_ID,
	IVSHMEM_SEND_VECTORS,
	IVSHMEM_SEND_MEMORY,
	IVSHMEM_SEND_OTHERS,
	IVSHMEM_SEND_OWN,
	IVSHMEM_SEND_PRESENT,
	IVSHMEM_SEND_READY,
	IVSHMEM_SEND_NEWS, /* set-up is complete */
};

struct ivshmem_stream {
	enum ivshmem_dialect dialect;
	enum ivshmem_phase phase;
	uint64_t sent;		/* messages */
	uint16_t id;		/* the peer's own */
	unsigned int vector;	/* next one of the present ID */
	size_t index;		/* next one of world.ids */
	size_t setup_count;	/* IDs which are part of the set-up */
	uint64_t news;		/* host: next event */
	const uint8_t *present; /* host: bit per ID, as it was at the start */
};

enum ivshmem_fd { IVSHMEM_FD_NONE, IVSHMEM_FD_MEMORY, IVSHMEM_FD_EVENT };

struct ivshmem_message {
	int64_t value;
	enum ivshmem_fd fd; /* the descriptor that goes with it */
	uint16_t id;	    /* IVSHMEM_FD_EVENT: whose, */
	uint16_t vector;    /* and which */
};

/**
 * ivshmem_start() - the stream of a peer that attaches now
 * @present: host dialect: IVSHMEM_IDS / 8 bytes that live until the set-up is
 *	complete; NULL: nobody is there. Other dialects ignore it
 */
void ivshmem_start(struct ivshmem_stream *s, const struct ivshmem_world *world,
		   enum ivshmem_dialect dialect, uint16_t id,
		   const uint8_t *present);

/** ivshmem_peek() - the next message; false: nothing is to be sent now */
bool ivshmem_peek(const struct ivshmem_stream *s,
		  const struct ivshmem_world *world,
		  struct ivshmem_message *out);

/** ivshmem_advance() - the message just peeked was sent */
void ivshmem_advance(struct ivshmem_stream *s,
		     const struct ivshmem_world *world);

/** ivshmem_backlog() - messages not yet sent; an upper bound (host dialect) */
uint64_t ivshmem_backlog(const struct ivshmem_stream *s,
			 const struct ivshmem_world *world);

/** ivshmem_lost() - did a host peer fall so far behind that news are gone? */
bool ivshmem_lost(const struct ivshmem_stream *s,
		  const struct ivshmem_world *world);

static inline bool ivshmem_setup_done(const struct ivshmem_stream *s)
{
	return s->phase == IVSHMEM_SEND_NEWS;
}

/* All of the set-up is sent, but the host dialect's last word. */
static inline bool ivshmem_near_end(const struct ivshmem_stream *s)
{
	return s->phase >= IVSHMEM_SEND_READY;
}

/** ivshmem_encode() - the eight bytes of a message */
void ivshmem_encode(enum ivshmem_dialect dialect, int64_t value,
		    uint8_t out[IVSHMEM_MESSAGE_BYTES]);

/** ivshmem_decode() - the number in eight bytes */
int64_t ivshmem_decode(enum ivshmem_dialect dialect,
		       const uint8_t in[IVSHMEM_MESSAGE_BYTES]);

/* What a message means to the peer that receives it. */
enum ivshmem_event {
	IVSHMEM_EVENT_VERSION,
	IVSHMEM_EVENT_SELF,	/* id */
	IVSHMEM_EVENT_VECTORS,	/* vector = their number */
	IVSHMEM_EVENT_MEMORY,	/* keep the descriptor */
	IVSHMEM_EVENT_DOORBELL, /* id, vector; keep the descriptor */
	IVSHMEM_EVENT_ATTACHED, /* id */
	IVSHMEM_EVENT_LEFT,	/* id */
	IVSHMEM_EVENT_READY,
};

/* The receiving side; zero it and set @dialect. */
struct ivshmem_client {
	enum ivshmem_dialect dialect;
	bool versioned, named, mapped, ready;
	uint16_t id;
	uint16_t vectors;		  /* host dialect: as told */
	uint16_t seen[IVSHMEM_IDS];	  /* eventfds received, per ID */
	uint8_t present[IVSHMEM_IDS / 8]; /* host dialect */
};

/**
 * ivshmem_receive() - judge one message of a server that may be anybody
 * @has_fd: a descriptor came with it; on failure the caller closes it
 *
 * Return: 0 with @event, @id and @vector of @out filled; -EPROTO the server
 * breaks the protocol: nothing of @client changed
 */
struct ivshmem_receipt {
	enum ivshmem_event event;
	uint16_t id, vector;
};
int ivshmem_receive(struct ivshmem_client *client, int64_t value, bool has_fd,
		    struct ivshmem_receipt *out);

#endif
