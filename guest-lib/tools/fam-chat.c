// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "fam-chat.h"

#define LOOK_MS 200 /* how long it takes at most to see who died */

/* One thread prints what comes, the other one reads what is to be said. */
struct chat {
	struct room room;
	atomic_bool stop;
	atomic_int error; /* why it listens no more */
	int ended;	  /* eventfd: it listens no more */
	char line[ROOM_TEXT];
	size_t have; /* bytes of a line that has not ended yet */
};

static void *listen_all(void *arg)
{
	const uint64_t one = 1;
	struct chat *chat = arg;
	int r = 0;

	/* If nobody reads what is printed, peer_close() says so. */
	while ((r == 0 || r == -EINTR) && !atomic_load(&chat->stop) &&
	       !ferror(stdout))
		r = room_listen(&chat->room, LOOK_MS);
	atomic_store(&chat->error, r == -EINTR ? 0 : r);
	/* Cannot be full. */
	(void)!write(chat->ended, &one, sizeof(one));
	return NULL;
}

/* Whole lines; and pieces of those that are too long. */
static void say_lines(struct chat *chat)
{
	char *end;

	while ((end = memchr(chat->line, '\n', chat->have)) ||
	       chat->have == sizeof(chat->line)) {
		size_t len = end ? (size_t)(end - chat->line) : chat->have;
		size_t used = end ? len + 1 : len;

		room_say(&chat->room, chat->line, len);
		chat->have -= used;
		memmove(chat->line, chat->line + used, chat->have);
	}
}

/* Until the input ends, a signal comes, or there is nobody who listens. */
static int talk(struct chat *chat)
{
	struct pollfd fds[] = {
		{.fd = STDIN_FILENO, .events = POLLIN},
		{.fd = chat->ended, .events = POLLIN},
	};
	ssize_t n = 1;

	while (n > 0 && !peer_stopped()) {
		if (poll(fds, 2, -1) < 0)
			continue;
		if (fds[1].revents)
			break;
		n = read(STDIN_FILENO, chat->line + chat->have,
			 sizeof(chat->line) - chat->have);
		if (n < 0 && errno == EINTR)
			n = 1;
		else if (n > 0)
			chat->have += (size_t)n;
		say_lines(chat);
	}
	if (n < 0)
		return say_system("cannot read standard input", errno);
	if (n == 0 && chat->have)
		room_say(&chat->room, chat->line, chat->have);
	return EXIT_DONE;
}

/* The signals are for the thread that reads. */
static int start_listening(struct chat *chat, pthread_t *thread)
{
	sigset_t all, old;
	int r;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	r = pthread_create(thread, NULL, listen_all, chat);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	return r;
}

static int chat_in_room(struct chat *chat, const struct options *options)
{
	pthread_t thread;
	int r, status;

	r = room_join(&chat->room);
	if (r < 0)
		return say_object_failure(options, "channel", options->operand,
					  r);
	r = start_listening(chat, &thread);
	if (r)
		return say_system("cannot start a thread", r);
	status = talk(chat);
	atomic_store(&chat->stop, true);
	pthread_join(thread, NULL);
	r = atomic_load(&chat->error);
	if (r < 0)
		return say_object_failure(options, "channel", options->operand,
					  r);
	return status;
}

/* NAME, or USER@NODE. */
static void choose_nick(struct room *room, const struct options *options,
			const struct fam_session *self)
{
	const char *user = getenv("USER");

	if (options->name)
		snprintf(room->nick, sizeof(room->nick), "%s", options->name);
	else
		snprintf(room->nick, sizeof(room->nick), "%.30s@%.30s",
			 user && *user ? user : "user", self->node);
}

static int check_words(const struct options *options)
{
	const char *room = options->operand;
	size_t len = strlen(room);

	/* chat/ROOM/ and 16 digits are the name of an object. */
	if (len == 0 || len > FAM_OBJECT_NAME_MAX - 24 || strchr(room, '/'))
		return say_usage("'%s' is not a room: 1 to %d bytes without "
				 "'/'",
				 room, FAM_OBJECT_NAME_MAX - 24);
	if (options->name && !session_name_fits(options->name))
		return say_usage("'%s' is not a name: 1 to %d printable ASCII "
				 "characters",
				 options->name, FAM_SESSION_NAME_MAX - 1);
	return EXIT_DONE;
}

static int chat_attached(struct chat *chat, const struct options *options)
{
	struct room *room = &chat->room;
	struct fam_session self;
	int r = fam_session_self(room->fam, &self), status;

	if (r == -EOPNOTSUPP)
		return say_no_sessions(options);
	if (r < 0)
		return say_peer_failure(options, "attach to", r);
	chat->ended = eventfd(0, EFD_CLOEXEC);
	if (chat->ended < 0)
		return say_system("cannot make an eventfd", errno);
	room->self = self.id;
	choose_nick(room, options, &self);
	snprintf(room->prefix, sizeof(room->prefix), "chat/%s/",
		 options->operand);
	status = chat_in_room(chat, options);
	room_leave(room);
	(void)close(chat->ended); /* nothing is in it */
	return status;
}

int cmd_chat(const struct options *options)
{
	struct chat *chat;
	int status = check_words(options);

	if (status)
		return status;
	chat = calloc(1, sizeof(*chat));
	if (!chat)
		return say_system("cannot have memory", ENOMEM);
	pthread_mutex_init(&chat->room.lock, NULL);
	status = objects_open(options, &chat->room.fam);
	if (status == EXIT_DONE)
		status = peer_close(chat->room.fam,
				    chat_attached(chat, options));
	pthread_mutex_destroy(&chat->room.lock);
	free(chat);
	return status;
}
