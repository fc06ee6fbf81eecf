// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
/*
 * A peer for tests: attaches, says on stdout what it is sent, and obeys lines
 * on stdin. The reading is strict: eight bytes per call, at most one
 * descriptor, judged by the product's own receiving side.
 *
 * usage: fam-client modern|host SOCKET [VECTORS [late]]
 *	VECTORS: of the modern dialect, which does not tell; 1
 *	late: reads nothing from the server until it gets a line
 *
 *	ring ID VECTOR	done | no doorbell
 *	wait VECTOR	rang N | silence	within WAIT_MS
 *	quiet VECTOR	silence | rang N	at once
 *	size		size N
 *	put OFFSET WORD	done
 *	get OFFSET	word N
 *	fds		fds N			eventfds held
 */
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ivshmem.h"
#include "test-peer.h"

#define WAIT_MS 10000

static struct ivshmem_client client;
static int doorbell[IVSHMEM_IDS][IVSHMEM_VECTORS_MAX];
static int memory = -1, held;
static unsigned int vectors = 1;

static void say_event(const struct ivshmem_receipt *r, int fd)
{
	switch (r->event) {
	case IVSHMEM_EVENT_VERSION:
		printf("version\n");
		break;
	case IVSHMEM_EVENT_SELF:
		printf("self %u\n", r->id);
		break;
	case IVSHMEM_EVENT_VECTORS:
		vectors = r->vector;
		printf("vectors %u\n", r->vector);
		break;
	case IVSHMEM_EVENT_MEMORY:
		memory = fd;
		printf("memory\n");
		break;
	case IVSHMEM_EVENT_DOORBELL:
		doorbell[r->id][r->vector] = fd;
		held++;
		printf("doorbell %u %u\n", r->id, r->vector);
		if (r->id == client.id && r->vector + 1u == vectors &&
		    client.dialect == IVSHMEM_MODERN)
			printf("complete\n");
		break;
	case IVSHMEM_EVENT_ATTACHED:
		printf("attached %u\n", r->id);
		break;
	case IVSHMEM_EVENT_LEFT:
		printf("left %u\n", r->id);
		break;
	case IVSHMEM_EVENT_READY:
		printf("complete\n");
		break;
	}
}

/* false: the server has ended; memory and doorbells are there still */
static bool read_socket(int sock)
{
	struct ivshmem_receipt r;
	int64_t value;
	int fd, ret;

	while ((ret = test_peer_receive(sock, client.dialect, &value, &fd)) ==
	       1) {
		if (ivshmem_receive(&client, value, fd >= 0, &r) < 0) {
			printf("PROTOCOL ERROR value %" PRId64 " fd %d\n",
			       value, fd);
			fflush(stdout);
			exit(3);
		}
		say_event(&r, fd);
	}
	if (ret < 0)
		printf("end\n");
	fflush(stdout);
	return ret >= 0;
}

static void wait_ring(unsigned int vector, int timeout)
{
	struct pollfd p = {.fd = doorbell[client.id][vector], .events = POLLIN};
	uint64_t count;

	if (poll(&p, 1, timeout) == 1 &&
	    read(p.fd, &count, sizeof(count)) == sizeof(count))
		printf("rang %" PRIu64 "\n", count);
	else
		printf("silence\n");
}

static void ring(unsigned int id, unsigned int vector)
{
	uint64_t one = 1;

	if (id < IVSHMEM_IDS && vector < IVSHMEM_VECTORS_MAX &&
	    vector < client.seen[id] &&
	    write(doorbell[id][vector], &one, sizeof(one)) == sizeof(one))
		printf("done\n");
	else
		printf("no doorbell\n");
}

static void move_word(uint64_t offset, uint64_t *word, bool put)
{
	ssize_t n = put ? pwrite(memory, word, 8, (off_t)offset)
			: pread(memory, word, 8, (off_t)offset);

	if (n != 8)
		printf("failed\n");
	else if (put)
		printf("done\n");
	else
		printf("word %" PRIu64 "\n", *word);
}

static void obey(const char *line)
{
	unsigned int id, vector;
	uint64_t offset, word;
	struct stat st;

	if (sscanf(line, "ring %u %u", &id, &vector) == 2)
		ring(id, vector);
	else if (sscanf(line, "wait %u", &vector) == 1)
		wait_ring(vector, WAIT_MS);
	else if (sscanf(line, "quiet %u", &vector) == 1)
		wait_ring(vector, 0);
	else if (strcmp(line, "size\n") == 0 && fstat(memory, &st) == 0)
		printf("size %jd\n", (intmax_t)st.st_size);
	else if (sscanf(line, "put %" SCNu64 " %" SCNu64, &offset, &word) == 2)
		move_word(offset, &word, true);
	else if (sscanf(line, "get %" SCNu64, &offset) == 1)
		move_word(offset, &word, false);
	else if (strcmp(line, "fds\n") == 0)
		printf("fds %d\n", held);
	else
		printf("what? %s", line);
	fflush(stdout);
}

/* Lines of stdin, without a buffer poll() would not know of. */
static void read_commands(void)
{
	static char line[256];
	static size_t len;
	ssize_t n = read(STDIN_FILENO, line + len, sizeof(line) - 1 - len);
	char *end;

	if (n <= 0)
		exit(0);
	len += (size_t)n;
	line[len] = '\0';
	while ((end = strchr(line, '\n'))) {
		char one[sizeof(line)];

		snprintf(one, sizeof(one), "%.*s", (int)(end - line + 1), line);
		obey(one);
		len -= (size_t)(end - line) + 1;
		memmove(line, end + 1, len + 1);
	}
}

static void wait_for_line(void)
{
	char byte;

	while (read(STDIN_FILENO, &byte, 1) == 1 && byte != '\n')
		;
}

int main(int argc, char **argv)
{
	int sock;

	if (argc < 3)
		return 2;
	client.dialect =
		strcmp(argv[1], "host") == 0 ? IVSHMEM_HOST : IVSHMEM_MODERN;
	if (argc > 3)
		vectors = (unsigned int)atoi(argv[3]);
	sock = test_peer_connect(argv[2]);
	if (sock < 0) {
		fprintf(stderr, "fam-client: %s\n", strerror(-sock));
		return 1;
	}
	if (argc > 4)
		wait_for_line();
	for (;;) {
		struct pollfd p[2] = {{.fd = sock, .events = POLLIN},
				      {.fd = STDIN_FILENO, .events = POLLIN}};

		if (poll(p, 2, -1) < 0)
			return 1;
		if (p[0].revents && !read_socket(sock)) {
			close(sock);
			sock = -1;
		}
		if (p[1].revents)
			read_commands();
	}
}
