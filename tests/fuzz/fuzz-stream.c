// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
/*
 * Both ends of a stream at work in memory that somebody scribbles over: no
 * access outside, no call without end, and what is told is within the ring.
 */
#include <errno.h>

#include "message-memory.h"

#define STEPS_MAX 300

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct fam_stream *end[2]; /* reads, writes */

static bool is_expected(int r)
{
	static const int list[] = {0,		-EAGAIN,    -EBADMSG,
				   -ECONNRESET, -ESHUTDOWN, -EPIPE,
				   -EINVAL,	-EBUSY,	    -EMFILE};

	for (size_t i = 0; i < sizeof(list) / sizeof(list[0]); i++) {
		if (r == list[i])
			return true;
	}
	return false;
}

static void open_end(int i)
{
	must(is_expected(fam_stream_at(memory.fam, memory.space, SPACE,
				       i ? FAM_STREAM_WRITE : FAM_STREAM_READ,
				       &end[i])));
}

static void close_end(int i)
{
	fam_stream_close(end[i]);
	end[i] = NULL;
}

static void write_some(struct input *in)
{
	static char bytes[8192];
	size_t room, n = (size_t)take(in) << take(in) % 6;
	void *here;
	int r;

	switch (take(in) % 3) {
	case 0:
		r = fam_stream_write(end[1], bytes, n, 0, &room);
		must(room <= n);
		break;
	case 1:
		r = fam_stream_reserve(end[1], 0, &here, &room);
		if (r == 0) {
			must_be_inside(here, room);
			memset(here, 1, room);
		}
		break;
	default:
		r = fam_stream_commit(end[1], n);
		break;
	}
	must(is_expected(r));
}

static void read_some(struct input *in)
{
	static char bytes[8192];
	size_t got, n = (size_t)take(in) << take(in) % 6;
	const void *there;
	int r;

	switch (take(in) % 4) {
	case 0:
		r = fam_stream_read(end[0], bytes, n, 0, &got);
		must(r < 0 || got <= n);
		break;
	case 1:
		r = fam_stream_read_all(end[0], bytes, n, 0, &got);
		must(got <= n);
		break;
	case 2:
		r = fam_stream_peek(end[0], 0, &there, &got);
		if (r == 0) {
			must_be_inside(there, got);
			memcpy(bytes, there, got);
		}
		break;
	default:
		r = fam_stream_release(end[0], n);
		break;
	}
	must(is_expected(r));
}

static void step(struct input *in)
{
	uint8_t what = take(in);
	int i = what >> 4 & 1;

	if (what % 4 == 0)
		memory_scribble(in);
	else if (!end[i])
		open_end(i);
	else if (what % 16 == 1)
		close_end(i);
	else if (i)
		write_some(in);
	else
		read_some(in);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = {data, size};
	struct fam_stream_config config = {.bytes = 4096};

	if (!memory.fam)
		memory_begin();
	memset(memory.space, 0, SPACE);
	config.flags = take(&in) % 2;
	must(fam_stream_make(memory.fam, memory.space, &config) == 0);
	open_end(0);
	open_end(1);
	for (int i = 0; i < STEPS_MAX && in.size; i++)
		step(&in);
	close_end(0);
	close_end(1);
	memory_check();
	return 0;
}
