// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
/*
 * Doorbells and the values sent by them, for tests that have several nodes. It
 * says who it is first, and what came of it last.
 *
 * usage: rings [-d] FABRIC wait VECTOR COUNT SECONDS
 *	  rings [-d] FABRIC poll VECTOR COUNT SECONDS	at the descriptor
 *	  rings [-d] FABRIC ring PEER VECTOR COUNT
 *	  rings [-d] FABRIC send|receive PEER VECTOR COUNT
 *
 * -d: doorbells only. FABRIC "-": the only one. PEER: ID, NODE/PROGRAM, all.
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include <fam/fam.h>
#include <fam/session.h>
#include <fam/signal.h>

#define PATIENCE_MS 30000

static unsigned long long ms_of(const struct timeval *t)
{
	return (unsigned long long)t->tv_sec * 1000 +
	       (unsigned long long)t->tv_usec / 1000;
}

static unsigned long long cpu_ms(void)
{
	struct rusage usage;

	getrusage(RUSAGE_SELF, &usage);
	return ms_of(&usage.ru_utime) + ms_of(&usage.ru_stime);
}

static unsigned long long now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (unsigned long long)t.tv_sec * 1000 +
	       (unsigned long long)t.tv_nsec / 1000000;
}

static int wait_some(struct fam *fam, unsigned int vector, int timeout_ms,
		     int at_descriptor, uint64_t *count)
{
	struct pollfd p = {.events = POLLIN};

	if (!at_descriptor)
		return fam_doorbell_wait(fam, vector, timeout_ms, count);
	p.fd = fam_doorbell_fd(fam, vector);
	if (p.fd < 0)
		return p.fd;
	poll(&p, 1, timeout_ms);
	return fam_doorbell_wait(fam, vector, 0, count);
}

/* What it cost while it did nothing but wait. */
static int wait_for(struct fam *fam, int at_descriptor, char **words)
{
	unsigned int vector = (unsigned int)atoi(words[0]);
	unsigned long long wanted = strtoull(words[1], NULL, 10), sum = 0;
	unsigned long long begun = now_ms(), cpu = cpu_ms(), end;
	int r = 0;

	end = begun + strtoull(words[2], NULL, 10) * 1000;
	while (r == 0 && sum < wanted) {
		unsigned long long now = now_ms();
		uint64_t count = 0;

		r = wait_some(fam, vector, now < end ? (int)(end - now) : 0,
			      at_descriptor, &count);
		sum += count;
	}
	printf("rang %llu cpu %llu of %llu ms\n", sum, cpu_ms() - cpu,
	       now_ms() - begun);
	return r;
}

/* An ID, "all", or a name that will come soon. */
static unsigned int peer_of(struct fam *fam, const char *text)
{
	unsigned long long end = now_ms() + PATIENCE_MS;
	unsigned int peer = 0;
	int r;

	if (strcmp(text, "all") == 0)
		return FAM_PEER_ALL;
	if (!strchr(text, '/'))
		return (unsigned int)strtoul(text, NULL, 10);
	do {
		r = fam_peer_find(fam, text, &peer);
		usleep(20000);
	} while (r == -ENOENT && now_ms() < end);
	if (r < 0)
		printf("%s: %s\n", text, fam_strerror(r));
	return peer;
}

static int ring(struct fam *fam, char **words)
{
	unsigned int peer = peer_of(fam, words[0]);
	int count = atoi(words[2]), r = 0;

	for (int i = 0; i < count && r == 0; i++)
		r = fam_doorbell_ring(fam, peer, (unsigned int)atoi(words[1]));
	return r;
}

/* Values nobody would guess, the same at both ends. */
static uint32_t value_of(int i)
{
	return (uint32_t)i * 2654435761u + 12345;
}

/* Also to one that is not attached yet. */
static int send_soon(struct fam_signal *line, uint32_t value)
{
	unsigned long long end = now_ms() + PATIENCE_MS;
	int r;

	while ((r = fam_signal_send(line, value, PATIENCE_MS)) == -ENOENT &&
	       now_ms() < end)
		usleep(20000);
	return r;
}

static int transfer(struct fam_signal *line, int sends, int count)
{
	int r = 0;

	for (int i = 0; i < count && r == 0; i++) {
		uint32_t value = value_of(i);

		if (sends)
			r = send_soon(line, value);
		else
			r = fam_signal_recv(line, &value, PATIENCE_MS);
		if (r == 0 && value != value_of(i)) {
			printf("value %d is %x\n", i, value);
			return -EPROTO;
		}
	}
	return r;
}

static int signal_to(struct fam *fam, int sends, char **words)
{
	unsigned long long begun = now_ms();
	struct fam_signal *line = NULL;
	int r = fam_signal_open(&line, fam, peer_of(fam, words[0]),
				(unsigned int)atoi(words[1]));

	if (r == 0)
		r = transfer(line, sends, atoi(words[2]));
	fam_signal_close(line);
	printf("%s values in %llu ms\n", words[2], now_ms() - begun);
	return r;
}

static int obey(struct fam *fam, char **words)
{
	if (strcmp(words[0], "wait") == 0 || strcmp(words[0], "poll") == 0)
		return wait_for(fam, words[0][0] == 'p', words + 1);
	if (strcmp(words[0], "ring") == 0)
		return ring(fam, words + 1);
	return signal_to(fam, words[0][0] == 's', words + 1);
}

int main(int argc, char **argv)
{
	unsigned int flags = 0;
	struct fam *fam;
	int r;

	if (argc > 1 && strcmp(argv[1], "-d") == 0) {
		flags = FAM_OPEN_DOORBELL;
		argv++;
		argc--;
	}
	if (argc != 6)
		return 2;
	r = fam_open(&fam, strcmp(argv[1], "-") ? argv[1] : NULL, flags);
	if (r == 0) {
		/* Others may keep this machine busy for long. */
		fam_session_set(fam, NULL, 60000);
		printf("self %d vectors %d\n", fam_peer_self(fam),
		       fam_doorbell_vectors(fam));
		fflush(stdout);
		r = obey(fam, argv + 2);
		fam_close(fam);
	}
	printf("%s\n", r < 0 ? fam_strerror(r) : "done");
	return r < 0;
}
