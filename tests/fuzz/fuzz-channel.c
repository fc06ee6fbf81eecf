// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
/*
 * Ends of a channel at work in memory that somebody scribbles over: no access
 * outside, no call without end, and what is told is within the ring.
 */
#include <errno.h>

#include "message-memory.h"

#define STEPS_MAX 300
#define ENDS	  3 /* one receives */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct fam_channel *end[ENDS];
static bool reserved[ENDS];

static bool is_expected(int r)
{
	static const int list[] = {
		0,	 -EAGAIN, -EBADMSG, -ECONNRESET, -ESHUTDOWN, -EPIPE,
		-EINVAL, -EBUSY,  -EMFILE,  -EMSGSIZE,	 -ETIMEDOUT};

	for (size_t i = 0; i < sizeof(list) / sizeof(list[0]); i++) {
		if (r == list[i])
			return true;
	}
	return false;
}

static void open_end(int i)
{
	must(is_expected(fam_channel_at(
		memory.fam, memory.space, SPACE,
		i ? FAM_CHANNEL_SEND : FAM_CHANNEL_RECEIVE, &end[i])));
}

static void close_end(int i)
{
	fam_channel_close(end[i]);
	end[i] = NULL;
	reserved[i] = false;
}

static void send_one(struct input *in, int i)
{
	uint64_t bytes = (uint64_t)take(in) << take(in) % 4;
	static char message[2048];
	void *here;
	int r;

	if (take(in) & 1) {
		r = fam_channel_send(end[i], message, bytes, 0);
	} else if (reserved[i]) {
		r = fam_channel_commit(end[i], bytes);
		reserved[i] = r == -EMSGSIZE;
	} else {
		r = fam_channel_reserve(end[i], bytes, 0, &here);
		reserved[i] = r == 0;
		if (r == 0) {
			must_be_inside(here, bytes);
			memset(here, 1, bytes);
		}
	}
	must(is_expected(r));
}

static void receive_one(struct input *in)
{
	static char message[4096];
	const void *there;
	uint64_t bytes;
	int r;

	switch (take(in) % 3) {
	case 0:
		r = fam_channel_receive(end[0], message, 512, 0, &bytes);
		break;
	case 1:
		r = fam_channel_peek(end[0], 0, &there, &bytes);
		if (r == 0) {
			must_be_inside(there, bytes);
			memcpy(message, there, bytes);
		}
		break;
	default:
		r = fam_channel_release(end[0]);
		break;
	}
	must(is_expected(r));
}

static void step(struct input *in)
{
	uint8_t what = take(in);
	int i = what >> 4 & 1 ? 0 : 1 + (what >> 5) % (ENDS - 1);

	if (what % 4 == 0)
		memory_scribble(in);
	else if (!end[i])
		open_end(i);
	else if (what % 16 == 1)
		close_end(i);
	else if (i)
		send_one(in, i);
	else
		receive_one(in);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = {data, size};
	struct fam_channel_config config = {.bytes = 4096};

	if (!memory.fam)
		memory_begin();
	memset(memory.space, 0, SPACE);
	config.flags = take(&in) % 4;
	must(fam_channel_make(memory.fam, memory.space, &config) == 0);
	for (int i = 0; i < ENDS; i++)
		open_end(i);
	for (int i = 0; i < STEPS_MAX && in.size; i++)
		step(&in);
	for (int i = 0; i < ENDS; i++)
		close_end(i);
	memory_check();
	return 0;
}
