// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
/*
 * A host peer that obeys lines on stdin and answers each with one on stdout;
 * first it says "self ID". Ends with its input.
 *
 *	ring PEER VECTOR	done | an error
 *	wait VECTOR MS		rang COUNT | an error
 *	event			joined PEER | left PEER | an error
 *	put WORD		done		at the start of the data
 *	get			the word there
 *
 * usage: peer server:NAME
 */
#include <poll.h>
#include <stdio.h>
#include <string.h>

#include <fam/fam.h>

static char *word;

static void say(int r, const char *text)
{
	printf("%s\n", r < 0 ? fam_strerror(r) : text);
}

static void wait_rings(struct fam *fam, unsigned int vector, int ms)
{
	uint64_t count = 0;
	char text[64];
	int r = fam_doorbell_wait(fam, vector, ms, &count);

	snprintf(text, sizeof(text), "rang %llu", (unsigned long long)count);
	say(r, text);
}

/* Waits for it, too. */
static void next_event(struct fam *fam)
{
	struct pollfd p = {.fd = fam_peer_fd(fam), .events = POLLIN};
	struct fam_peer_event event = {0};
	char text[64];
	int r;

	poll(&p, 1, 10000);
	r = fam_peer_event(fam, &event);
	snprintf(text, sizeof(text), "%s %u",
		 event.change == FAM_PEER_JOINED ? "joined" : "left",
		 event.peer);
	say(r, text);
}

static void obey(struct fam *fam, const char *line)
{
	unsigned int peer, vector;
	int ms;

	if (sscanf(line, "ring %u %u", &peer, &vector) == 2)
		say(fam_doorbell_ring(fam, peer, vector), "done");
	else if (sscanf(line, "wait %u %d", &vector, &ms) == 2)
		wait_rings(fam, vector, ms);
	else if (strcmp(line, "event\n") == 0)
		next_event(fam);
	else if (sscanf(line, "put %63s", word) == 1)
		say(0, "done");
	else
		say(0, word);
	fflush(stdout);
}

int main(int argc, char **argv)
{
	struct fam *fam;
	char line[128];
	int r = argc == 2 ? fam_open(&fam, argv[1], 0) : -1;

	if (r == 0)
		r = fam_map(fam, 0, 64, (void **)&word);
	if (r < 0) {
		fprintf(stderr, "peer: %s\n", fam_strerror(r));
		return 1;
	}
	printf("self %d\n", fam_peer_self(fam));
	fflush(stdout);
	while (fgets(line, sizeof(line), stdin))
		obey(fam, line);
	fam_close(fam);
	return 0;
}
