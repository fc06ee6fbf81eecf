// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
/* What anybody at the other end of a control socket may answer. */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "control.h"
#include "must.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static const enum tm_ctl_op ops[] = {TM_CTL_STATUS, TM_CTL_LIST, TM_CTL_PING,
				     TM_CTL_FLUSH, TM_CTL_CLEAR};
#define OPS (sizeof(ops) / sizeof(ops[0]))

static int visit(const struct tm_ctl_peer *peer, void *arg, struct err *err)
{
	int64_t *last = arg;

	(void)err;
	must(peer->id > *last);
	must(memchr(peer->name, 0, sizeof(peer->name)) != NULL);
	*last = peer->id;
	return 0;
}

/* The head is made right but for what the input changes in it. */
static void put(int fd, uint8_t which, const uint8_t *data, size_t len)
{
	uint8_t answer[TM_CTL_REPLY_MAX + 256] = {0};
	struct tm_ctl_head head = {.magic = TM_CTL_MAGIC,
				   .version = TM_CTL_VERSION,
				   .op = (uint16_t)ops[which % OPS],
				   .next = TM_CTL_END};
	size_t i;

	memcpy(answer, &head, sizeof(head));
	if (len > sizeof(answer))
		len = sizeof(answer);
	for (i = 0; i < len; i++)
		answer[i] ^= data[i];
	if (send(fd, answer, len, 0) < 0)
		abort();
}

static void ask(int fd, uint8_t which)
{
	struct tm_ctl_status status;
	struct tm_ctl_flush flush;
	int64_t last = -1;
	struct err err;

	switch (ops[which % OPS]) {
	case TM_CTL_STATUS:
		if (control_status(fd, &status, &err) == 0)
			must(memchr(status.path, 0, sizeof(status.path)) &&
			     status.vectors > 0 && status.vectors <= 256);
		break;
	case TM_CTL_LIST:
		(void)control_each_peer(fd, visit, &last, &err);
		break;
	case TM_CTL_FLUSH:
		if (control_flush(fd, &flush, &err) == 0)
			must(flush.serves <= 1 && flush.error <= 0 &&
			     flush.failed_at >= 0);
		break;
	case TM_CTL_CLEAR:
		(void)control_clear(fd, &flush, &err);
		break;
	default:
		(void)control_ping(fd, 1, 0, &err);
	}
}

/* First byte: the request. Then the answer, as a change of a good one. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	int fd[2];

	if (len < 2)
		return 0;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET, 0, fd) < 0)
		abort();
	put(fd[1], data[0], data + 1, len - 1);
	/* There is no second answer: end of file, not a wait. */
	must(shutdown(fd[1], SHUT_WR) == 0);
	ask(fd[0], data[0]);
	close(fd[0]);
	close(fd[1]);
	return 0;
}
