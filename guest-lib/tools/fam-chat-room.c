// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "fam-chat.h"

#define CHANNEL_BYTES 32768
#define PATIENCE_MS   1000 /* with one that does not read */

static const struct fam_channel_config channel_config = {
	.bytes = CHANNEL_BYTES,
};

static void channel_name(const struct room *room, uint64_t session,
			 char out[FAM_OBJECT_NAME_MAX])
{
	snprintf(out, FAM_OBJECT_NAME_MAX, "%.*s%016" PRIx64,
		 FAM_OBJECT_NAME_MAX - 17, room->prefix, session);
}

static bool lives(const struct room *room, uint64_t session)
{
	struct fam_session s;

	return fam_session_get(room->fam, session, &s) == 0 &&
	       s.state == FAM_SESSION_LIVE;
}

/* False: somebody has it open who lives, or is not known to be dead yet. */
static bool remove_channel(const struct room *room, uint64_t session)
{
	char name[FAM_OBJECT_NAME_MAX];

	channel_name(room, session, name);
	return fam_object_remove(room->fam, name) != -EBUSY;
}

/* --- telling
 * ------------------------------------------------------------------ */

static void tell(const struct room *room, struct room_member *member,
		 enum room_kind kind, const char *text, size_t bytes)
{
	struct room_message message = {
		.session = room->self,
		.kind = kind,
		.bytes = (uint32_t)bytes,
	};
	int r;

	if (!member->channel)
		return;
	memcpy(message.nick, room->nick, sizeof(message.nick));
	if (bytes)
		memcpy(message.text, text, bytes);
	r = fam_channel_send(member->channel, &message,
			     offsetof(struct room_message, text) + bytes,
			     member->slow ? 0 : PATIENCE_MS);
	if (r == -ETIMEDOUT && !member->slow) {
		printf("* ");
		text_print(stdout, member->nick, strlen(member->nick));
		printf(" does not read, and misses lines\n");
		fflush(stdout);
	}
	member->slow = r == -ETIMEDOUT || r == -EAGAIN;
}

void room_say(struct room *room, const char *text, size_t bytes)
{
	pthread_mutex_lock(&room->lock);
	for (size_t i = 0; i < room->count; i++)
		tell(room, &room->member[i], ROOM_LINE, text, bytes);
	pthread_mutex_unlock(&room->lock);
}

/* --- members
 * ------------------------------------------------------------------ */

static struct room_member *find(struct room *room, uint64_t session)
{
	for (size_t i = 0; i < room->count; i++) {
		if (room->member[i].session == session)
			return &room->member[i];
	}
	return NULL;
}

/* One that is gone again has no channel, but what it said is still printed. */
static void reach(struct room *room, struct room_member *member)
{
	char name[FAM_OBJECT_NAME_MAX];

	if (member->channel || member->left || !lives(room, member->session))
		return;
	channel_name(room, member->session, name);
	if (fam_channel_open(room->fam, name, NULL, FAM_CHANNEL_SEND,
			     &member->channel) < 0)
		member->channel = NULL;
}

/* NULL: there are too many. */
static struct room_member *add(struct room *room, uint64_t session)
{
	struct room_member *member = &room->member[room->count];

	if (room->count == ROOM_MEMBERS)
		return NULL;
	*member = (struct room_member){.session = session};
	room->count++;
	return member;
}

static void part(struct room_member *member)
{
	fam_channel_close(member->channel);
	member->channel = NULL;
}

/* Something about a member, at the beginning of a line. */
static void notice(const struct room_member *member, const char *what)
{
	printf("* ");
	text_print(stdout, member->nick, strlen(member->nick));
	printf(" %s\n", what);
	fflush(stdout);
}

/* A channel of the room: of one to be met, of one that has died, or the own. */
static int meet(const struct fam_object_info *info, void *arg)
{
	struct room *room = arg;
	size_t len = strlen(room->prefix);
	struct room_member *member;
	uint64_t session;
	char *end;

	if (strncmp(info->name, room->prefix, len) != 0 ||
	    strlen(info->name + len) != 16)
		return 0;
	session = strtoull(info->name + len, &end, 16);
	if (*end || session == room->self || find(room, session))
		return 0;
	if (!lives(room, session) && remove_channel(room, session))
		return 0;
	member = add(room, session);
	if (!member)
		return 0;
	reach(room, member);
	tell(room, member, ROOM_JOIN, NULL, 0);
	return 0;
}

static void look(struct room *room)
{
	pthread_mutex_lock(&room->lock);
	for (size_t i = 0; i < room->count; i++)
		room->member[i].gone = !lives(room, room->member[i].session);
	pthread_mutex_unlock(&room->lock);
}

/*
 * What they had said was printed already; who left said so. A channel that others
 * have open still is tried again when nothing else is to be done.
 */
static void bury(struct room *room)
{
	for (size_t i = room->count; i-- > 0;) {
		struct room_member *member = &room->member[i];

		if (!member->gone)
			continue;
		if (member->known)
			notice(member, "died");
		member->known = false;
		part(member);
		if (remove_channel(room, member->session))
			*member = room->member[--room->count];
	}
}

/* --- listening
 * ----------------------------------------------------------------- */

/* It has said its name, for the first time or a new one. */
static void introduce(struct room *room, struct room_member *member,
		      const struct room_message *message)
{
	memcpy(member->nick, message->nick, sizeof(member->nick));
	if (!member->known)
		notice(member,
		       message->kind == ROOM_JOIN ? "joined" : "is here");
	member->known = true;
	if (message->kind == ROOM_JOIN)
		tell(room, member, ROOM_HERE, NULL, 0);
}

static void take(struct room *room, const struct room_message *message,
		 size_t bytes)
{
	struct room_member *member = find(room, message->session);

	if (!member && message->kind != ROOM_LEAVE)
		member = add(room, message->session);
	if (!member)
		return;
	switch (message->kind) {
	case ROOM_JOIN:
	case ROOM_HERE:
		member->left = false;
		reach(room, member);
		introduce(room, member, message);
		break;
	case ROOM_LINE:
		text_print(stdout, message->nick, strlen(message->nick));
		printf(": ");
		text_print(stdout, message->text, bytes);
		putchar('\n');
		fflush(stdout);
		break;
	case ROOM_LEAVE:
		if (member->known)
			notice(member, "left");
		member->known = false;
		member->left = true;
		part(member);
		break;
	default:
		break; /* of a later release */
	}
}

/* A private copy, as others could change it while it is looked at. */
static int receive(struct room *room, struct room_message *out, size_t *text,
		   int timeout_ms)
{
	const size_t head = offsetof(struct room_message, text);
	const void *message;
	uint64_t bytes;
	int r = fam_channel_peek(room->inbox, timeout_ms, &message, &bytes);

	if (r < 0)
		return r;
	if (bytes > sizeof(*out))
		bytes = sizeof(*out);
	memcpy(out, message, bytes);
	r = fam_channel_release(room->inbox);
	if (r < 0)
		return r;
	if (bytes < head || out->bytes > bytes - head)
		return -EAGAIN; /* not a message of ours */
	out->nick[sizeof(out->nick) - 1] = '\0';
	*text = out->bytes;
	return 0;
}

static bool is_nothing(int error)
{
	/* Senders come and go; those that died are found by their sessions. */
	return error == -ETIMEDOUT || error == -EAGAIN ||
	       error == -ECONNRESET || error == -ESHUTDOWN;
}

int room_listen(struct room *room, int timeout_ms)
{
	struct room_message message;
	size_t text;
	int r;

	r = receive(room, &message, &text, timeout_ms);
	/* Who is gone says nothing after this: what it did say comes first. */
	look(room);
	if (is_nothing(r))
		r = receive(room, &message, &text, 0);
	while (r == 0) {
		pthread_mutex_lock(&room->lock);
		take(room, &message, text);
		pthread_mutex_unlock(&room->lock);
		r = receive(room, &message, &text, 0);
	}
	if (!is_nothing(r))
		return r;
	pthread_mutex_lock(&room->lock);
	bury(room);
	pthread_mutex_unlock(&room->lock);
	return 0;
}

/* --- coming and going
 * ------------------------------------------------------------ */

int room_join(struct room *room)
{
	char name[FAM_OBJECT_NAME_MAX];
	int r;

	channel_name(room, room->self, name);
	r = fam_channel_open(room->fam, name, &channel_config,
			     FAM_CHANNEL_RECEIVE, &room->inbox);
	if (r == 0)
		r = fam_channel_open(room->fam, name, NULL, FAM_CHANNEL_SEND,
				     &room->own);
	if (r == 0)
		r = fam_object_each(room->fam, meet, room);
	return r;
}

void room_leave(struct room *room)
{
	while (room->count) {
		struct room_member *member = &room->member[--room->count];

		tell(room, member, ROOM_LEAVE, NULL, 0);
		part(member);
		/* It may be leaving, too, and could not remove its own. */
		remove_channel(room, member->session);
	}
	fam_channel_close(room->own);
	fam_channel_close(room->inbox);
	remove_channel(room, room->self);
}
