// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "peer.h"
#include "util/log.h"

#define VECTORS 8
#define PEERS	40

static struct loop *loop;
static struct slots *slots;
static struct peers *peers;
static int memory = -1, changes;

/* What a reader at the other end got. */
struct reader {
	int fd;
	struct ivshmem_client client;
	unsigned int doorbells, joins, leaves;
};

static void on_change(void *arg)
{
	(void)arg;
	changes++;
}

static int open_table(void **state)
{
	struct peers_config config = {
		.label = "test", .stall_ms = 500, .ids_changed = on_change};
	struct slot *self;

	(void)state;
	changes = 0;
	log_init("test-peer", LOG_LEVEL_ERROR);
	memory = config.memory_fd = memfd_create("memory", MFD_CLOEXEC);
	return memory < 0 || loop_new(&loop) < 0 ||
	       slots_new(&slots, VECTORS, 1) < 0 ||
	       slots_open_server(slots, &self) < 0 ||
	       peers_new(&peers, loop, slots, &config) < 0;
}

static int close_table(void **state)
{
	(void)state;
	peers_free(peers);
	slots_free(slots);
	loop_free(loop);
	close(memory);
	return 0;
}

static void join(struct reader *r, enum ivshmem_dialect dialect)
{
	int fd[2];

	assert_int_equal(socketpair(AF_UNIX,
				    SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK,
				    0, fd),
			 0);
	memset(r, 0, sizeof(*r));
	r->fd = fd[1];
	r->client.dialect = dialect;
	peers_accept(peers, fd[0], dialect);
}

/* One message as QEMU reads it; false: there is none. */
static bool read_one(struct reader *r)
{
	char control[CMSG_SPACE(sizeof(int))] __attribute__((aligned(8)));
	uint8_t bytes[IVSHMEM_MESSAGE_BYTES];
	struct iovec iov = {bytes, sizeof(bytes)};
	struct msghdr msg = {.msg_iov = &iov,
			     .msg_iovlen = 1,
			     .msg_control = control,
			     .msg_controllen = sizeof(control)};
	struct ivshmem_receipt got;
	struct cmsghdr *c;
	int fd = -1;

	if (recvmsg(r->fd, &msg, 0) != sizeof(bytes))
		return false;
	assert_false(msg.msg_flags & MSG_CTRUNC);
	c = CMSG_FIRSTHDR(&msg);
	if (c) {
		assert_int_equal(c->cmsg_len, CMSG_LEN(sizeof(int)));
		memcpy(&fd, CMSG_DATA(c), sizeof(fd));
	}
	assert_int_equal(
		ivshmem_receive(&r->client,
				ivshmem_decode(r->client.dialect, bytes),
				fd >= 0, &got),
		0);
	if (fd >= 0)
		close(fd);
	r->doorbells += got.event == IVSHMEM_EVENT_DOORBELL;
	r->joins += got.event == IVSHMEM_EVENT_ATTACHED;
	r->leaves += got.event == IVSHMEM_EVENT_LEFT;
	return true;
}

static void rounds(int n)
{
	while (n-- > 0)
		assert_int_equal(loop_round(loop, 1), 0);
}

/* Lets the server work and the reader read until all is said. */
static void settle(struct reader *r)
{
	for (int quiet = 0; quiet < 30; quiet++) {
		rounds(1);
		while (read_one(r))
			quiet = 0;
	}
}

static void settle_all(struct reader *r, int n)
{
	for (int quiet = 0; quiet < 30; quiet++) {
		rounds(1);
		for (int i = 0; i < n; i++)
			while (read_one(&r[i]))
				quiet = 0;
	}
}

static void every_dialect_gets_its_setup(void **state)
{
	static struct reader r;

	(void)state;
	for (int d = 0; d < IVSHMEM_DIALECTS; d++) {
		join(&r, (enum ivshmem_dialect)d);
		settle(&r);
		assert_true(r.client.mapped);
		/* the others stay, the first one's ID is the server's */
		assert_int_equal(r.client.id, d + 1);
		assert_int_equal(r.doorbells, (d + 2) * VECTORS);
		assert_int_equal(r.joins, d == IVSHMEM_HOST ? 2 : 0);
		assert_int_equal(
			peer_state(TAILQ_LAST(&peers->list, peer_list)),
			PEER_READY);
	}
	assert_int_equal(changes, 3);
	assert_int_equal(peers_backlog(peers), 0);
}

/* 40 x 8 eventfds do not fit into a socket nobody reads. */
static void who_reads_late_gets_all_once(void **state)
{
	static struct reader late, r[PEERS];
	uint64_t backlog;

	(void)state;
	peers->config.stall_ms = 0;
	join(&late, IVSHMEM_HOST);
	for (int i = 0; i < PEERS; i++) {
		join(&r[i], IVSHMEM_MODERN);
		settle(&r[i]);
		assert_int_equal(r[i].doorbells, (i + 3) * VECTORS);
	}
	backlog = peers_backlog(peers);
	assert_true(backlog > 0);
	for (int i = 0; i < PEERS; i += 2)
		close(r[i].fd);
	rounds(20);
	settle(&late);
	assert_int_equal(late.doorbells, (PEERS + 2) * VECTORS);
	assert_int_equal(late.joins, PEERS);
	assert_int_equal(late.leaves, PEERS / 2);
	assert_true(late.client.ready);
	/* those who read know each other, too */
	settle_all(r, PEERS);
	for (int i = 1; i < PEERS; i += 2)
		assert_int_equal(r[i].doorbells, (PEERS + 2) * VECTORS);
	assert_int_equal(peers_backlog(peers), 0);
}

static void a_host_program_far_behind_is_dropped(void **state)
{
	static struct reader deaf;
	struct identity who = {.name = "x"};
	struct slot *slot;

	(void)state;
	join(&deaf, IVSHMEM_HOST);
	settle(&deaf);
	for (int i = 0; i < IVSHMEM_NEWS_MAX; i++) {
		assert_int_equal(slots_attach(slots, &who, NULL, &slot), 0);
		slots_detach(slots, slot);
	}
	/* anything that happens lets it be seen */
	join(&(struct reader){0}, IVSHMEM_MODERN);
	for (int i = 0; i < 1000 && !peers->dropped; i++)
		rounds(1);
	assert_int_equal(peers->dropped, 1);
	assert_int_equal(peers->count, 1);
}

static void who_never_reads_is_dropped_in_time(void **state)
{
	static struct reader deaf, r[PEERS];
	uint64_t end = loop_now_ms() + 10000;

	(void)state;
	join(&deaf, IVSHMEM_MODERN);
	for (int i = 0; i < PEERS; i++)
		join(&r[i], IVSHMEM_MODERN);
	while (!peers->dropped && loop_now_ms() < end)
		settle_all(r, PEERS);
	assert_int_equal(peers->dropped, 1);
	assert_int_equal(peers->count, PEERS);
	settle_all(r, PEERS);
	for (int i = 0; i < PEERS; i++)
		assert_int_equal(r[i].doorbells, (PEERS + 2) * VECTORS);
}

static void who_speaks_or_leaves_costs_only_itself(void **state)
{
	static struct reader good, bad;

	(void)state;
	join(&good, IVSHMEM_HOST);
	settle(&good);
	join(&bad, IVSHMEM_LEGACY);
	assert_int_equal(write(bad.fd, "x", 1), 1);
	rounds(20);
	assert_int_equal(peers->dropped, 1);
	/* closed before anything was sent */
	join(&bad, IVSHMEM_MODERN);
	close(bad.fd);
	rounds(20);
	/* half closed: it left */
	join(&bad, IVSHMEM_MODERN);
	assert_int_equal(shutdown(bad.fd, SHUT_WR), 0);
	rounds(20);
	assert_int_equal(peers->count, 1);
	assert_int_equal(peers->dropped, 1);
	settle(&good);
	assert_int_equal(good.joins, 3);
	assert_int_equal(good.leaves, 3);
}

static void too_many_and_unknown_users_are_refused(void **state)
{
	static struct reader r;
	char byte;

	(void)state;
	peers->config.allow[0] = geteuid() + 1;
	peers->config.allow_count = 1;
	join(&r, IVSHMEM_MODERN);
	assert_int_equal(read(r.fd, &byte, 1), 0);
	peers->config.allow[0] = geteuid();
	peers->config.max = 1;
	join(&r, IVSHMEM_MODERN);
	settle(&r);
	assert_int_equal(r.doorbells, 2 * VECTORS);
	join(&r, IVSHMEM_MODERN);
	assert_int_equal(read(r.fd, &byte, 1), 0);
	assert_int_equal(peers->refused, 2);
	assert_int_equal(peers->count, 1);
}

#define TEST(name) \
	cmocka_unit_test_setup_teardown(name, open_table, close_table)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(every_dialect_gets_its_setup),
		TEST(who_reads_late_gets_all_once),
		TEST(a_host_program_far_behind_is_dropped),
		TEST(who_never_reads_is_dropped_in_time),
		TEST(who_speaks_or_leaves_costs_only_itself),
		TEST(too_many_and_unknown_users_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
