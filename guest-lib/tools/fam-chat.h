/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026, the FAM emulator authors */
#ifndef FAM_CHAT_H
#define FAM_CHAT_H

/*
 * The room of fam chat. Each member reads from a channel of its own, named
 * chat/ROOM/SESSION, and writes into those of all others, which it finds by
 * their names. So nobody keeps a list of members that could be out of date; the
 * channel of one that died is removed by whoever sees it.
 */

#include <pthread.h>

#include <fam/channel.h>
#include <fam/object.h>

#include "fam-tool.h"

#define ROOM_TEXT    4000 /* bytes of a line; longer ones are cut in pieces */
#define ROOM_MEMBERS 128

enum room_kind {
	ROOM_JOIN = 1, /* a new one; answer with ROOM_HERE */
	ROOM_HERE = 2,
	ROOM_LINE = 3,
	ROOM_LEAVE = 4,
};

struct room_message {
	uint64_t session; /* of who says it */
	uint32_t kind;	  /* enum room_kind */
	uint32_t bytes;	  /* of text */
	char nick[FAM_SESSION_NAME_MAX];
	char text[ROOM_TEXT];
};

struct room_member {
	uint64_t session;
	struct fam_channel *channel; /* a sending end; NULL: not reached */
	bool known;		     /* has said its name */
	bool slow;		     /* does not read: is not waited for */
	bool left;		     /* said so; stays here until it is gone */
	bool gone;		     /* its session has ended */
	char nick[FAM_SESSION_NAME_MAX];
};

struct room {
	struct fam *fam;
	char prefix[FAM_OBJECT_NAME_MAX]; /* chat/ROOM/ */
	uint64_t self;
	char nick[FAM_SESSION_NAME_MAX];
	/* The receiving end, and a sending one: it never looks abandoned. */
	struct fam_channel *inbox, *own;
	pthread_mutex_t lock; /* of what follows, and of stdout */
	size_t count;
	struct room_member member[ROOM_MEMBERS];
};

/** room_join() - have a channel, and tell all others; 0 or a negative errno */
int room_join(struct room *room);

/** room_leave() - tell the others, and remove the channel */
void room_leave(struct room *room);

/** room_say() - a line, to each other */
void room_say(struct room *room, const char *text, size_t bytes);

/**
 * room_listen() - print what comes within a while, and who died
 *
 * Return: 0; -EINTR; -ESTALE; -EBADMSG somebody wrote over the channel
 */
int room_listen(struct room *room, int timeout_ms);

#endif
