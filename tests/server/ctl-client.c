// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
/*
 * Speaks the control protocol for tests.
 *
 * usage: fam-ctl SOCKET status | list | ping ID VECTOR | stop | take-over |
 *	flush | clear | raw HEX | hold
 *	raw: sends the bytes as one request; hold: connects and says nothing
 *	until stdin ends
 */
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "ctl.h"

static union {
	struct tm_ctl_head head;
	uint8_t bytes[TM_CTL_REPLY_MAX];
} reply;

static const void *record(uint32_t i)
{
	return reply.bytes + sizeof(reply.head) +
	       (size_t)i * reply.head.record_bytes;
}

static int call(const char *path, enum tm_ctl_op op, uint32_t id,
		uint32_t vector)
{
	struct tm_ctl_request request = {.magic = TM_CTL_MAGIC,
					 .version = TM_CTL_VERSION,
					 .op = (uint16_t)op,
					 .id = id,
					 .vector = vector};
	struct err err = {0};
	size_t len;

	if (ctl_call(path, &request, &reply, &len, &err) == 0)
		return 0;
	printf("error %d: %s\n", err.code, err.text);
	return 1;
}

static int status(const char *path)
{
	const struct tm_ctl_status *s = record(0);

	if (call(path, TM_CTL_STATUS, 0, 0))
		return 1;
	printf("size %" PRIu64 "\nvectors %u\npid %u\nattached %u\nids %u\n"
	       "next %u\nlives %u\naccepted %" PRIu64 "\nrefused %" PRIu64
	       "\ndropped %" PRIu64 "\nlabel %s\npath %s\nrelease %s\n",
	       s->size, s->vectors, s->pid, s->attached, s->ids, s->next_id,
	       s->lives, s->accepted, s->refused, s->dropped, s->label, s->path,
	       s->release);
	for (uint32_t v = 0; v < s->vectors; v++)
		printf("rings %u %" PRIu64 "\n", v, s->rings[v]);
	return 0;
}

static int list(const char *path)
{
	static const char *const states[] = {"absent", "setup", "ready",
					     "behind", "server"};
	static const char *const dialects[] = {"modern", "legacy", "host"};
	uint32_t id = 0;

	while (id != TM_CTL_END) {
		if (call(path, TM_CTL_LIST, id, 0))
			return 1;
		for (uint32_t i = 0; i < reply.head.count; i++) {
			const struct tm_ctl_peer *p = record(i);

			printf("%u %s %s queue %" PRIu64 " uid %u pid %u "
			       "commits %" PRIu64 " bytes %" PRIu64
			       " faults %" PRIu64 " uuid %s name %s\n",
			       p->id, states[p->state], dialects[p->dialect],
			       p->queue, p->uid, p->pid, p->commits, p->bytes,
			       p->faults, *p->uuid ? p->uuid : "-", p->name);
		}
		id = reply.head.next;
	}
	return 0;
}

static int flush(const char *path, enum tm_ctl_op op)
{
	const struct tm_ctl_flush *f = record(0);

	if (call(path, op, 0, 0))
		return 1;
	printf("serves %u\nerror %d\nfailed_at %" PRId64 "\ncommits %" PRIu64
	       "\nbytes %" PRIu64 "\nerrors %" PRIu64 "\nfaults %" PRIu64
	       "\nsyncs %" PRIu64 "\nranged %" PRIu64 "\nlag_us %" PRIu64
	       "\nlast_us %" PRIu64 "\nmax_us %" PRIu64 "\ntotal_us %" PRIu64
	       "\nclients %u\nwaiting %u\npolls %u\n",
	       f->serves, f->error, f->failed_at, f->commits, f->bytes,
	       f->errors, f->faults, f->syncs, f->ranged, f->lag_us, f->last_us,
	       f->max_us, f->total_us, f->clients, f->waiting, f->polls);
	return 0;
}

static int connect_to(const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_SEQPACKET, 0);

	snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
	if (fd < 0 ||
	    connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0) {
		perror("fam-ctl");
		exit(5);
	}
	return fd;
}

static int raw(const char *path, const char *hex)
{
	uint8_t bytes[4096];
	size_t n = 0;
	int fd = connect_to(path);

	for (; hex[0] && hex[1] && n < sizeof(bytes); hex += 2) {
		unsigned int byte;

		if (sscanf(hex, "%2x", &byte) != 1)
			return 2;
		bytes[n++] = (uint8_t)byte;
	}
	if (send(fd, bytes, n, MSG_NOSIGNAL) < 0 ||
	    recv(fd, &reply, sizeof(reply), 0) < (ssize_t)sizeof(reply.head)) {
		printf("closed\n");
		return 1;
	}
	printf("error %d: %s\n", reply.head.error, reply.head.text);
	return reply.head.error ? 1 : 0;
}

static int hold(const char *path)
{
	char byte;

	connect_to(path);
	while (read(STDIN_FILENO, &byte, 1) > 0)
		;
	return 0;
}

int main(int argc, char **argv)
{
	const char *what = argc > 2 ? argv[2] : "";

	if (strcmp(what, "status") == 0)
		return status(argv[1]);
	if (strcmp(what, "list") == 0)
		return list(argv[1]);
	if (strcmp(what, "ping") == 0 && argc == 5)
		return call(argv[1], TM_CTL_PING, (uint32_t)atoi(argv[3]),
			    (uint32_t)atoi(argv[4]));
	if (strcmp(what, "stop") == 0)
		return call(argv[1], TM_CTL_STOP, 0, 0);
	if (strcmp(what, "take-over") == 0)
		return call(argv[1], TM_CTL_TAKE_OVER, 0, 0);
	if (strcmp(what, "flush") == 0)
		return flush(argv[1], TM_CTL_FLUSH);
	if (strcmp(what, "clear") == 0)
		return flush(argv[1], TM_CTL_CLEAR);
	if (strcmp(what, "raw") == 0 && argc == 4)
		return raw(argv[1], argv[3]);
	if (strcmp(what, "hold") == 0)
		return hold(argv[1]);
	return 2;
}
