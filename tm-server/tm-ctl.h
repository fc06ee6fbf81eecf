/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026, the FAM emulator authors */
#ifndef TM_CTL_H
#define TM_CTL_H

/*
 * The control protocol of tm-server, described in PROTOCOL.md.
 *
 * A Unix socket of type SOCK_SEQPACKET. Each request is one message of exactly
 * 32 bytes, answered by exactly one message: a head, then `count` records of a
 * fixed size. Little-endian, fixed width, reserved fields zero.
 */

#include <stddef.h>
#include <stdint.h>

#define TM_CTL_MAGIC   0x4c544d54u /* "TMTL" */
#define TM_CTL_VERSION 1
#define TM_CTL_END     0xffffffffu /* tm_ctl_head.next: no peer follows */

enum tm_ctl_op {
	TM_CTL_STATUS = 1,    /* one tm_ctl_status */
	TM_CTL_LIST = 2,      /* tm_ctl_peer from ID `id` upwards */
	TM_CTL_PING = 3,      /* ring `vector` of `id`, once */
	TM_CTL_STOP = 4,      /* as SIGTERM; answered before it happens */
	TM_CTL_TAKE_OVER = 5, /* as SIGUSR2; answered by the new program */
	TM_CTL_FLUSH = 6,     /* one tm_ctl_flush */
	TM_CTL_CLEAR = 7,     /* forget a failed write-back; one tm_ctl_flush */
};

struct tm_ctl_request {
	uint32_t magic;
	uint16_t version;
	uint16_t op;
	uint32_t id;	 /* LIST, PING; else 0 */
	uint32_t vector; /* PING; else 0 */
	uint8_t reserved[16];
};

struct tm_ctl_head {
	uint32_t magic;
	uint16_t version;
	uint16_t op;	/* of the request, 0 if it could not be read */
	int32_t error;	/* 0 or a negative errno */
	uint32_t count; /* records that follow */
	uint32_t next;	/* LIST: ID to go on with, or TM_CTL_END */
	uint32_t record_bytes;
	char text[232]; /* of an error, for people; NUL-terminated */
};

enum tm_ctl_state {
	TM_CTL_ABSENT = 0, /* the ID is known, nobody has it */
	TM_CTL_SETUP = 1,  /* being sent memory and eventfds */
	TM_CTL_READY = 2,  /* all is sent */
	TM_CTL_BEHIND = 3, /* ready, but does not read what is new */
	TM_CTL_SERVER = 4, /* the server's own ID */
};

struct tm_ctl_peer {
	uint32_t id;
	uint16_t state;	  /* enum tm_ctl_state */
	uint16_t dialect; /* 0 modern, 1 legacy, 2 host */
	uint32_t vectors;
	uint32_t pid;
	uint32_t uid;
	uint32_t gid;
	uint64_t queue;	  /* messages not yet sent */
	uint64_t sent;	  /* messages sent */
	int64_t joined;	  /* seconds since 1970; 0: absent */
	char uuid[40];	  /* of the node, or "" */
	char name[64];	  /* of the node or program */
	uint64_t commits; /* requests to the flush service, all durable */
	uint64_t bytes;	  /* of them */
	uint64_t faults;  /* wrong requests */
	uint8_t reserved[80];
};

/* What the flush service does; counts since the server began. */
struct tm_ctl_flush {
	uint32_t serves; /* 0: there is none; `error` tells why */
	int32_t error; /* 0, or why requests fail now: EOPNOTSUPP, EIO, ... < 0 */
	int64_t failed_at; /* seconds since 1970 of the failed sync; 0: none */
	uint64_t commits;  /* requests answered with success */
	uint64_t bytes;	   /* of them, as asked for */
	uint64_t errors;   /* requests answered with an error */
	uint64_t faults;   /* wrong requests, not answered */
	uint64_t syncs;	   /* rounds of write-back; commits / syncs share one */
	uint64_t ranged;   /* of them with msync(2) of ranges only */
	uint64_t lag_us;   /* age of the oldest request not answered; 0: none */
	uint64_t last_us;  /* how long the last round took */
	uint64_t max_us;   /* and the longest */
	uint64_t total_us; /* all of them */
	uint32_t clients;  /* slots claimed */
	uint32_t waiting;  /* requests not answered */
	uint32_t polls;	   /* 1: it polls often, some client cannot ring it */
	uint32_t reserved0;
	uint8_t reserved[144];
};

#define TM_CTL_PEERS_MAX 32 /* records in one answer */

struct tm_ctl_status {
	uint64_t size;	   /* bytes of memory */
	uint32_t vectors;  /* of every ID */
	uint32_t pid;	   /* of the server */
	uint32_t attached; /* connections */
	uint32_t ids;	   /* known, the server's own included */
	uint32_t next_id;  /* lowest ID never given */
	uint32_t lives;	   /* times this server was taken over */
	int64_t started;   /* seconds since 1970 */
	uint64_t accepted; /* peers since then */
	uint64_t refused;
	uint64_t dropped;
	char label[64];
	char release[32];
	char path[4096];     /* of the memory; "" if memory-less */
	char socket[3][112]; /* modern, legacy, host; "" if none */
	uint64_t rings[256]; /* of the server's own vectors */
};

_Static_assert(sizeof(struct tm_ctl_request) == 32, "protocol");
_Static_assert(offsetof(struct tm_ctl_request, id) == 8, "protocol");
_Static_assert(offsetof(struct tm_ctl_request, vector) == 12, "protocol");
_Static_assert(sizeof(struct tm_ctl_head) == 256, "protocol");
_Static_assert(offsetof(struct tm_ctl_head, error) == 8, "protocol");
_Static_assert(offsetof(struct tm_ctl_head, count) == 12, "protocol");
_Static_assert(offsetof(struct tm_ctl_head, next) == 16, "protocol");
_Static_assert(offsetof(struct tm_ctl_head, text) == 24, "protocol");
_Static_assert(sizeof(struct tm_ctl_peer) == 256, "protocol");
_Static_assert(offsetof(struct tm_ctl_peer, queue) == 24, "protocol");
_Static_assert(offsetof(struct tm_ctl_peer, uuid) == 48, "protocol");
_Static_assert(offsetof(struct tm_ctl_peer, name) == 88, "protocol");
_Static_assert(offsetof(struct tm_ctl_peer, commits) == 152, "protocol");
_Static_assert(sizeof(struct tm_ctl_flush) == 256, "protocol");
_Static_assert(offsetof(struct tm_ctl_flush, commits) == 16, "protocol");
_Static_assert(offsetof(struct tm_ctl_flush, clients) == 96, "protocol");
_Static_assert(sizeof(struct tm_ctl_status) == 6640, "protocol");
_Static_assert(offsetof(struct tm_ctl_status, started) == 32, "protocol");
_Static_assert(offsetof(struct tm_ctl_status, label) == 64, "protocol");
_Static_assert(offsetof(struct tm_ctl_status, path) == 160, "protocol");
_Static_assert(offsetof(struct tm_ctl_status, socket) == 4256, "protocol");
_Static_assert(offsetof(struct tm_ctl_status, rings) == 4592, "protocol");

/* Room for every answer. */
#define TM_CTL_REPLY_MAX              \
	(sizeof(struct tm_ctl_head) + \
	 TM_CTL_PEERS_MAX * sizeof(struct tm_ctl_peer))

#endif
