// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
/*
 * A server that says anything to a program of the host. The input is a list of
 * messages, three bytes each:
 *
 *	0	bits 0-2 what (enum what), 3-5 what comes with it (enum gift),
 *		6 in two pieces, 7 reserved
 *	1	ID, or number
 *	2	vector
 *
 * A raw message has its eight bytes behind these. All are in the socket before
 * the program begins, and the end behind them.
 */
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>

#include "fam-bells.h"
#include "fam-server.h"
#include "must.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

enum what { HELLO, SELF, VECTORS, MEMORY, BELL, PRESENCE, READY, RAW };
enum gift { FITTING, NOTHING, MEM, BELL_OK, PIPE, BELL_BLOCKS, TWO, PAGE };

static int fds[PAGE + 1];

static void make_gifts(void)
{
	int ends[2];

	if (fds[MEM])
		return;
	fds[MEM] = memfd_create("fuzz", MFD_CLOEXEC);
	fds[PAGE] = memfd_create("fuzz", MFD_CLOEXEC);
	must(ftruncate(fds[MEM], 1 << 20) == 0);
	must(ftruncate(fds[PAGE], FAM_WIRE_NONE_BYTES) == 0);
	fds[BELL_OK] = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	fds[BELL_BLOCKS] = eventfd(0, EFD_CLOEXEC);
	must(pipe2(ends, O_CLOEXEC | O_NONBLOCK) == 0);
	fds[PIPE] = ends[1];
}

static int64_t value_of(const uint8_t *in)
{
	switch ((enum what)(in[0] & 7)) {
	case HELLO:
		return FAM_WIRE_HELLO;
	case SELF:
		return (int64_t)FAM_WIRE_SELF << 32 | in[1];
	case VECTORS:
		return (int64_t)FAM_WIRE_VECTORS << 32 | in[1];
	case MEMORY:
		return FAM_WIRE_MEMORY;
	case BELL:
		return (int64_t)in[2] << 16 | in[1];
	case PRESENCE:
		return (int64_t)(in[2] % 2 ? FAM_WIRE_LEFT : FAM_WIRE_ATTACHED)
			       << 32 |
		       in[1];
	default:
		return (int64_t)FAM_WIRE_READY << 32;
	}
}

static enum gift gift_of(const uint8_t *in)
{
	enum gift gift = (enum gift)(in[0] >> 3 & 7);

	if (gift != FITTING)
		return gift;
	switch ((enum what)(in[0] & 7)) {
	case MEMORY:
		return in[1] % 2 ? PAGE : MEM;
	case BELL:
		return BELL_OK;
	default:
		return NOTHING;
	}
}

static bool send_part(int sock, uint8_t *bytes, size_t len, enum gift gift)
{
	union {
		struct cmsghdr header;
		char space[CMSG_SPACE(2 * sizeof(int))];
	} control = {0};
	int two[2] = {fds[BELL_OK], fds[BELL_OK]};
	struct iovec iov = {bytes, len};
	struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};
	size_t size = gift == TWO ? sizeof(two) : sizeof(int);

	if (gift != NOTHING) {
		control.header.cmsg_level = SOL_SOCKET;
		control.header.cmsg_type = SCM_RIGHTS;
		control.header.cmsg_len = CMSG_LEN(size);
		memcpy(CMSG_DATA(&control.header),
		       gift == TWO ? two : &fds[gift], size);
		msg.msg_control = &control;
		msg.msg_controllen = CMSG_LEN(size);
	}
	return sendmsg(sock, &msg, MSG_NOSIGNAL | MSG_DONTWAIT) == (ssize_t)len;
}

/* Sends one message of the input; the bytes used, 0 at its end. */
static size_t send_one(int sock, const uint8_t *in, size_t len)
{
	size_t used = 3, cut;
	uint8_t bytes[8];
	uint64_t wire;

	if (len < used)
		return 0;
	wire = htole64((uint64_t)value_of(in));
	memcpy(bytes, &wire, sizeof(bytes));
	if ((in[0] & 7) == RAW) {
		used += sizeof(bytes);
		if (len < used)
			return 0;
		memcpy(bytes, in + 3, sizeof(bytes));
	}
	cut = in[0] & 0x40 ? 1 + in[2] % 7 : 8;
	if (!send_part(sock, bytes, cut, gift_of(in)))
		return 0;
	if (cut < 8 && !send_part(sock, bytes + cut, 8 - cut, NOTHING))
		return 0;
	return used;
}

static bool is_there(const uint8_t *there, unsigned int peer)
{
	return there[peer / 8] >> peer % 8 & 1;
}

static void toggle(uint8_t *there, unsigned int peer)
{
	there[peer / 8] ^= (uint8_t)(1u << peer % 8);
}

static int note_peer(unsigned int peer, void *arg)
{
	uint8_t *there = arg;

	must(peer < FAM_WIRE_IDS && !is_there(there, peer));
	toggle(there, peer);
	return 0;
}

/* Every change alters what was told before, and is then what is told. */
static void follow_events(struct fam *fam)
{
	uint8_t there[FAM_WIRE_IDS / 8] = {0}, now[FAM_WIRE_IDS / 8] = {0};
	struct fam_peer_event event;
	int r;

	must(fam_peer_each(fam, note_peer, there) == 0);
	must(!is_there(there, (unsigned int)fam_peer_self(fam)));
	while ((r = fam_peer_event(fam, &event)) == 0) {
		must(event.change == FAM_PEER_JOINED ||
		     event.change == FAM_PEER_LEFT);
		must(event.peer < FAM_WIRE_IDS);
		must(is_there(there, event.peer) ==
		     (event.change == FAM_PEER_LEFT));
		toggle(there, event.peer);
	}
	must(r == -ENOTCONN || r == -EPROTO);
	must(fam_peer_each(fam, note_peer, now) == 0);
	must(memcmp(there, now, sizeof(now)) == 0);
}

static void use(struct fam *fam)
{
	int vectors = fam_doorbell_vectors(fam), self = fam_peer_self(fam);
	uint64_t count;

	must(vectors > 0 && vectors <= FAM_WIRE_VECTORS_MAX);
	must(self > 0 && self < FAM_WIRE_IDS);
	must(fam_doorbell_fd(fam, (unsigned int)vectors) == -ERANGE);
	must(fam_doorbell_ring(fam, (unsigned int)self,
			       (unsigned int)vectors - 1) == 0);
	must(fam_doorbell_wait(fam, (unsigned int)vectors - 1, 0, &count) == 0);
	must(count == 1);
	for (unsigned int peer = 0; peer < 300; peer += 7) {
		int r = fam_doorbell_ring(fam, peer, 0);

		must(r == 0 || r == -ENOENT || r == -ENOTCONN);
	}
	follow_events(fam);
	/* The fuzzer's peers all have the same doorbell. */
	(void)fam_doorbell_wait(fam, 0, 0, NULL);
}

static void check_memory(struct fam_server *server)
{
	struct fam_source source = {.fd = -1};
	int r = fam_server_take_memory(server, true, true, &source);

	must(r == 0 || r == -EPROTO);
	must(r < 0 ||
	     (source.fd < 0 ? source.size == 0 : source.size == 1 << 20));
	fam_source_close(&source);
}

static void attach(int sock)
{
	const struct fam_server_patience patience = {1000, 1000};
	struct fam_server *server = NULL;
	int r = fam_server_setup(sock, &patience, &server);
	struct fam fam = {.source = {.fd = -1}, .server = server};

	must(r == 0 || r == -EPROTO || r == -ECONNRESET);
	if (r < 0)
		return;
	check_memory(server);
	must(fam_bells_open(&fam, false) == 0);
	use(&fam);
	fam_bells_close(&fam);
	fam_server_close(server);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	size_t at = 0, used = 1;
	int pair[2], lowest;

	make_gifts();
	lowest = dup(fds[MEM]);
	close(lowest);
	must(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) == 0);
	for (; used; at += used)
		used = send_one(pair[0], data + at, len - at);
	close(pair[0]);
	attach(pair[1]);
	/* Nothing stays open: descriptors are given from the lowest up. */
	must(dup(fds[MEM]) == lowest);
	close(lowest);
	return 0;
}
