// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
#include <poll.h>
#include <stddef.h>

#include "hold.h"

static const int ending[] = {SIGINT, SIGTERM, SIGHUP};
#define LOOK_MS	     100 /* between two looks for a signal */
#define ENDING_COUNT (sizeof(ending) / sizeof(ending[0]))

void hold_begin(struct hold *hold)
{
	const struct sigaction ignore = {.sa_handler = SIG_IGN};

	sigemptyset(&hold->held);
	for (size_t i = 0; i < ENDING_COUNT; i++) {
		struct sigaction now;

		/* An ignored one would be kept while it is blocked: nohup. */
		if (sigaction(ending[i], NULL, &now) == 0 &&
		    now.sa_handler != SIG_IGN)
			sigaddset(&hold->held, ending[i]);
	}
	sigprocmask(SIG_BLOCK, &hold->held, &hold->mask);
	/* Above a file size limit of the shell: an error, not our death. */
	sigaction(SIGXFSZ, &ignore, &hold->filesz);
}

bool hold_interrupted(void)
{
	sigset_t pending;

	if (sigpending(&pending) < 0)
		return false;
	for (size_t i = 0; i < ENDING_COUNT; i++) {
		if (sigismember(&pending, ending[i]) == 1)
			return true;
	}
	return false;
}

bool hold_wait_writable(int fd)
{
	struct pollfd wait = {.fd = fd, .events = POLLOUT};

	/* An error is no reason to wait: the write will tell it. */
	while (!hold_interrupted()) {
		if (poll(&wait, 1, LOOK_MS) != 0)
			return true;
	}
	return false;
}

void hold_end(const struct hold *hold)
{
	sigaction(SIGXFSZ, &hold->filesz, NULL);
	sigprocmask(SIG_SETMASK, &hold->mask, NULL);
}
