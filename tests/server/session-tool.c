// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
/*
 * The table of sessions in a fabric's file, for tests: what libfam does there
 * step by step, and what it would never do. usage: fam-sessions FILE COMMAND
 *
 *	server			server WORD
 *	present			present ID...
 *	list			SLOT PHASE BY PEER NAME, a line for each used slot
 *	claim PEER LEASE NAME	SLOT		it lives, and does not beat
 *	beat PEER LEASE NAME	SLOT		it does, until killed
 *	die SLOT PID		dead REASON MS	after PID was killed
 *	noise SEED		all of it written over with anything
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include <fam-sessions.h>

#include "util/clock.h"

#define GIVE_UP_MS 20000

static struct fam_sessions *table;

static int fail(const char *what)
{
	fprintf(stderr, "fam-sessions: %s\n", what);
	return 1;
}

static int map_table(const char *path)
{
	int fd = open(path, O_RDWR | O_CLOEXEC);
	void *p;

	if (fd < 0)
		return -errno;
	p = mmap(NULL, FAM_SESSIONS_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED,
		 fd, (off_t)FAM_SESSIONS_OFFSET);
	close(fd);
	if (p == MAP_FAILED)
		return -errno;
	table = p;
	return 0;
}

static int show_server(char **argv)
{
	(void)argv;
	printf("server %" PRIu64 "\n", atomic_load(&table->server));
	return 0;
}

static int show_present(char **argv)
{
	(void)argv;
	printf("present");
	for (uint32_t id = 0; id < FAM_SESSIONS_IDS; id++)
		if (fam_sessions_is_present(table, id))
			printf(" %u", id);
	printf("\n");
	return 0;
}

static int list(char **argv)
{
	static const char *const phases[] = {"free", "joining", "live", "dead",
					     "recovering"};
	struct fam_sessions_copy copy;

	(void)argv;
	for (unsigned int i = 0; i < FAM_SESSIONS_SLOTS; i++)
		if (fam_sessions_copy(table, i, &copy))
			printf("%u %s %u %u %s\n", i,
			       phases[fam_sessions_phase(copy.word)],
			       fam_sessions_by(copy.word), copy.peer,
			       copy.name);
	return 0;
}

static void write_name(_Atomic uint64_t *to, const char *name)
{
	char text[FAM_SESSIONS_NAME] = "";

	snprintf(text, sizeof(text), "%s", name);
	for (size_t i = 0; i < sizeof(text) / 8; i++) {
		uint64_t word;

		memcpy(&word, text + i * 8, 8);
		atomic_store(&to[i], word);
	}
}

static int join(char **argv)
{
	uint64_t token = (clock_ns() ^ (uint64_t)getpid() << 20) &
			 ((UINT64_C(1) << 48) - 1);
	int slot = fam_sessions_claim(table, token | 1);
	struct fam_sessions_slot *s = &table->slot[slot < 0 ? 0 : slot];

	if (slot < 0)
		return -ENOSPC;
	atomic_store(&s->peer, (uint32_t)atoi(argv[0]));
	atomic_store(&s->lease_ms, (uint32_t)atoi(argv[1]));
	atomic_store(&s->pid, (uint32_t)getpid());
	atomic_store(&s->flags, FAM_SESSIONS_WATCHES);
	atomic_store(&s->joined_ns, (uint64_t)time(NULL) * 1000000000);
	write_name(s->name, argv[2]);
	write_name(s->node_name, "test-node");
	if (!fam_sessions_step(
		    table, (unsigned int)slot, atomic_load(&table->word[slot]),
		    fam_sessions_word(token | 1, 0, FAM_SESSIONS_LIVE)))
		return -ESTALE;
	printf("%d\n", slot);
	fflush(stdout);
	return slot;
}

static int claim(char **argv)
{
	return join(argv) < 0 ? fail("cannot join") : 0;
}

static int beat(char **argv)
{
	uint32_t ms = fam_sessions_beat_ms((uint32_t)atoi(argv[1]));
	const struct timespec pause = {ms / 1000, ms % 1000 * 1000000L};
	int slot = join(argv);

	if (slot < 0)
		return fail("cannot join");
	for (;;) {
		atomic_fetch_add(&table->slot[slot].beat, 1);
		nanosleep(&pause, NULL);
	}
}

static int die(char **argv)
{
	const struct timespec pause = {0, 100000};
	_Atomic uint64_t *word =
		&table->word[atoi(argv[0]) % FAM_SESSIONS_SLOTS];
	uint64_t from = clock_ms(), now = from;

	if (kill(atoi(argv[1]), SIGKILL) < 0)
		return fail(strerror(errno));
	while (fam_sessions_phase(atomic_load(word)) != FAM_SESSIONS_DEAD) {
		nanosleep(&pause, NULL);
		now = clock_ms();
		if (now - from > GIVE_UP_MS)
			return fail("it lives");
	}
	printf("dead %u %" PRIu64 "\n", fam_sessions_by(atomic_load(word)),
	       now - from);
	return 0;
}

static int noise(char **argv)
{
	_Atomic uint64_t *word = (_Atomic uint64_t *)table;
	uint64_t state = strtoull(argv[0], NULL, 10) | 1;

	for (size_t i = 0; i < FAM_SESSIONS_BYTES / 8; i++) {
		state = state * 6364136223846793005u + 1442695040888963407u;
		atomic_store(&word[i], state ^ state >> 29);
	}
	return 0;
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		int words;
		int (*run)(char **argv);
	} commands[] = {
		{"server", 0, show_server}, {"present", 0, show_present},
		{"list", 0, list},	    {"claim", 3, claim},
		{"beat", 3, beat},	    {"die", 2, die},
		{"noise", 1, noise},
	};

	if (argc < 3)
		return fail("usage: fam-sessions FILE COMMAND") + 1;
	if (map_table(argv[1]) < 0)
		return fail("there is no table");
	for (size_t i = 0; i < sizeof(commands) / sizeof(*commands); i++)
		if (strcmp(argv[2], commands[i].name) == 0 &&
		    argc - 3 == commands[i].words)
			return commands[i].run(argv + 3);
	return fail("no such command") + 1;
}
