// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
/*
 * Host programs as peers, by the public calls. The server's side is played
 * here, so that it can say anything at any moment.
 */
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <sys/un.h>
#include <sys/wait.h>

#include <cmocka.h>

#include <fam/fam.h>

#include "fake-attach.h"
#include "fam-server.h"

static void expect_event(struct fam *fam, uint32_t change, uint32_t peer)
{
	struct fam_peer_event event = {0};

	assert_int_equal(fam_peer_event(fam, &event), 0);
	assert_int_equal(event.change, change);
	assert_int_equal(event.peer, peer);
}

/* No event but @error, and the output untouched. */
static void expect_none(struct fam *fam, int error)
{
	struct fam_peer_event event = {77, 78};

	assert_int_equal(fam_peer_event(fam, &event), error);
	assert_int_equal(event.change, 77);
	assert_int_equal(event.peer, 78);
}

static int note_peer(unsigned int peer, void *arg)
{
	*(uint64_t *)arg |= UINT64_C(1) << peer;
	return 0;
}

/* The peers that are there, a bit each. */
static uint64_t present(struct fam *fam)
{
	uint64_t set = 0;

	assert_int_equal(fam_peer_each(fam, note_peer, &set), 0);
	return set;
}

static void an_attachment_is_described(void **state)
{
	struct fake *f = *state;
	struct fam_info info;
	struct fam *fam;

	assert_int_equal(attach(f, &fam, 0), 0);
	assert_int_equal(fam_peer_self(fam), OWN);
	assert_int_equal(fam_doorbell_vectors(fam), USABLE);
	assert_int_equal(fam_get_info(fam, &info, sizeof(info)), 0);
	assert_int_equal(info.transport, FAM_TRANSPORT_SERVER);
	assert_int_equal(info.peer, OWN);
	assert_int_equal(info.vectors, COUNT);
	assert_string_equal(info.server, f->address.sun_path);
	assert_string_equal(info.label, "f1");
	assert_string_equal(info.device, "");
	assert_true(strstr(info.path, "/fam/f1.fam"));
	assert_int_equal(info.size, 16 * MIB);
	assert_int_equal(info.cache, FAM_CACHE_WB);
	assert_int_equal(info.read_only, 0);
	detach(f, fam);
}

static void the_memory_is_the_files(void **state)
{
	struct fake *f = *state;
	struct fam *fam, *file;
	char *here, *there;
	struct fam_info one, other;

	assert_int_equal(attach(f, &fam, 0), 0);
	assert_int_equal(fam_open(&file, "f1", 0), 0);
	assert_int_equal(fam_map(fam, 100, 10, (void **)&here), 0);
	assert_int_equal(fam_map(file, 100, 10, (void **)&there), 0);
	strcpy(here, "shared");
	assert_string_equal(there, "shared");
	fam_get_info(fam, &one, sizeof(one));
	fam_get_info(file, &other, sizeof(other));
	assert_int_equal(one.persist, other.persist);
	assert_int_equal(fam_persist(fam, here, 7),
			 one.persist == FAM_PERSIST_HOST ? 0 : -EOPNOTSUPP);
	assert_true(other.peer >= FAM_PEER_SOFT);
	assert_string_equal(other.server, "");
	fam_close(file);
	detach(f, fam);
}

static void what_is_no_fabric_is_not_attached(void **state)
{
	struct fake *f = *state;
	struct fam *fam = NULL;

	assert_int_equal(ftruncate(f->memory, 8 * MIB), 0);
	assert_int_equal(attach(f, &fam, 0), -ENODATA);
	detach(f, NULL);
	assert_int_equal(attach(f, &fam, FAM_OPEN_RAW), -EEXIST);
	detach(f, NULL);
	assert_int_equal(ftruncate(f->memory, 0), 0);
	assert_int_equal(ftruncate(f->memory, MIB), 0);
	assert_int_equal(attach(f, &fam, 0), -EMEDIUMTYPE);
	detach(f, NULL);
	assert_int_equal(attach(f, &fam, FAM_OPEN_RAW), 0);
	detach(f, fam);
}

/* Neither asks for a format, and both have doorbells. */
static void expect_doorbells_only(struct fake *f, unsigned int flags)
{
	struct fam_info info;
	struct fam *fam;
	void *window;

	assert_int_equal(attach(f, &fam, flags), 0);
	assert_int_equal(fam_map(fam, 0, 0, &window), -ENODATA);
	assert_int_equal(fam_map(fam, 0, 1, &window), -ENODATA);
	assert_int_equal(fam_persist(fam, &info, 0), -EOPNOTSUPP);
	assert_int_equal(fam_get_info(fam, &info, sizeof(info)), 0);
	assert_int_equal(info.size, 0);
	assert_int_equal(info.data_bytes, 0);
	assert_int_equal(info.cache, FAM_CACHE_UNKNOWN);
	assert_string_equal(info.path, "");
	assert_int_equal(fam_doorbell_ring(fam, 3, 1), 0);
	assert_int_equal(rings(f, 3, 1), 1);
	detach(f, fam);
}

static void doorbells_come_without_memory(void **state)
{
	struct fake *f = *state;

	expect_doorbells_only(f, FAM_OPEN_DOORBELL);
	assert_int_equal(ftruncate(f->memory, MIB), 0);
	expect_doorbells_only(f, FAM_OPEN_DOORBELL);
	assert_int_equal(ftruncate(f->memory, FAM_WIRE_NONE_BYTES), 0);
	expect_doorbells_only(f, 0);
	expect_doorbells_only(f, FAM_OPEN_RAW);
}

static void without_server_and_session_there_are_none(void **state)
{
	struct fam_peer_event event;
	unsigned int peer;
	struct fam *fam;

	(void)state;
	assert_int_equal(fam_open(&fam, "f1", FAM_OPEN_DOORBELL), -EOPNOTSUPP);
	assert_int_equal(fam_open(&fam, "f1", FAM_OPEN_NO_SESSION), 0);
	assert_int_equal(fam_peer_self(fam), -EOPNOTSUPP);
	assert_int_equal(fam_peer_find(fam, "1", &peer), -EOPNOTSUPP);
	assert_int_equal(fam_peer_fd(fam), -EOPNOTSUPP);
	assert_int_equal(fam_peer_event(fam, &event), -EOPNOTSUPP);
	assert_int_equal(fam_peer_each(fam, note_peer, &event), -EOPNOTSUPP);
	assert_int_equal(fam_doorbell_vectors(fam), -EOPNOTSUPP);
	assert_int_equal(fam_doorbell_ring(fam, 0, 0), -EOPNOTSUPP);
	assert_int_equal(fam_doorbell_fd(fam, 0), -EOPNOTSUPP);
	assert_int_equal(fam_doorbell_wait(fam, 0, 0, NULL), -EOPNOTSUPP);
	assert_int_equal(fam_doorbell_wait_any(fam, 0, &peer, NULL),
			 -EOPNOTSUPP);
	fam_close(fam);
}

static void rings_arrive_at_the_vector_they_are_for(void **state)
{
	struct fake *f = *state;
	struct fam *fam;

	assert_int_equal(attach(f, &fam, 0), 0);
	for (int i = 0; i < 3; i++)
		assert_int_equal(fam_doorbell_ring(fam, 3, 1), 0);
	assert_int_equal(fam_doorbell_ring(fam, FAM_PEER_SERVER, 0), 0);
	assert_int_equal(rings(f, 3, 0), 0);
	assert_int_equal(rings(f, 3, 1), 3);
	assert_int_equal(rings(f, FAM_PEER_SERVER, 0), 1);
	assert_int_equal(rings(f, FAM_PEER_SERVER, 1), 0);
	assert_int_equal(fam_doorbell_ring(fam, 3, USABLE), -ERANGE);
	assert_int_equal(fam_doorbell_ring(fam, 3, UINT32_MAX), -ERANGE);
	assert_int_equal(fam_doorbell_ring(fam, 4, 0), -ENOENT);
	assert_int_equal(fam_doorbell_ring(fam, 65536, 0), -ENOENT);
	assert_int_equal(fam_doorbell_ring(fam, UINT32_MAX - 1, 0), -ENOENT);
	detach(f, fam);
}

static void a_full_counter_is_rung_already(void **state)
{
	struct fake *f = *state;
	struct fam *fam;

	assert_int_equal(attach(f, &fam, 0), 0);
	assert_int_equal(eventfd_write(f->bell[3][0], UINT64_MAX - 1), 0);
	assert_int_equal(fam_doorbell_ring(fam, 3, 0), 0);
	assert_int_equal(rings(f, 3, 0), UINT64_MAX - 1);
	detach(f, fam);
}

static void rings_add_up_until_they_are_taken(void **state)
{
	struct fake *f = *state;
	uint64_t count = 99;
	struct fam *fam;

	assert_int_equal(attach(f, &fam, 0), 0);
	assert_int_equal(fam_doorbell_wait(fam, 0, 0, &count), -ETIMEDOUT);
	assert_int_equal(fam_doorbell_wait(fam, USABLE, 0, &count), -ERANGE);
	assert_int_equal(fam_doorbell_fd(fam, USABLE), -ERANGE);
	assert_int_equal(count, 99);
	assert_false(is_readable(fam_doorbell_fd(fam, 0)));
	assert_int_equal(eventfd_write(f->bell[OWN][0], 4), 0);
	assert_int_equal(fam_doorbell_ring(fam, OWN, 0), 0);
	assert_true(is_readable(fam_doorbell_fd(fam, 0)));
	assert_false(is_readable(fam_doorbell_fd(fam, 1)));
	assert_int_equal(fam_doorbell_wait(fam, 1, 20, &count), -ETIMEDOUT);
	assert_int_equal(fam_doorbell_wait(fam, 0, -1, &count), 0);
	assert_int_equal(count, 5);
	assert_int_equal(fam_doorbell_wait(fam, 0, 0, &count), -ETIMEDOUT);
	assert_int_equal(fam_doorbell_ring(fam, OWN, 1), 0);
	assert_int_equal(fam_doorbell_wait(fam, 1, 1000, NULL), 0);
	detach(f, fam);
}

static void on_alarm(int number)
{
	(void)number;
}

static void a_signal_ends_a_wait_and_takes_nothing(void **state)
{
	const struct itimerval soon = {{0, 20000}, {0, 20000}}, off = {0};
	struct sigaction action = {.sa_handler = on_alarm}, old;
	struct fake *f = *state;
	uint64_t count = 0;
	struct fam *fam;

	assert_int_equal(attach(f, &fam, 0), 0);
	sigaction(SIGALRM, &action, &old);
	setitimer(ITIMER_REAL, &soon, NULL);
	assert_int_equal(fam_doorbell_wait(fam, 0, -1, &count), -EINTR);
	setitimer(ITIMER_REAL, &off, NULL);
	sigaction(SIGALRM, &old, NULL);
	assert_int_equal(count, 0);
	detach(f, fam);
}

static void changes_are_told_once_and_in_order(void **state)
{
	struct fake *f = *state;
	struct fam *fam;

	assert_int_equal(attach(f, &fam, 0), 0);
	assert_int_equal(present(fam), 1 << 3);
	expect_none(fam, -EAGAIN);
	assert_false(is_readable(fam_peer_fd(fam)));
	send_bells(f, 6);
	fake_send(f->sock, ATTACHED(6), -1);
	fake_send(f->sock, LEFT(3), -1);
	fake_send(f->sock, ATTACHED(3), -1);
	assert_true(is_readable(fam_peer_fd(fam)));
	assert_int_equal(present(fam), 1 << 3);
	expect_event(fam, FAM_PEER_JOINED, 6);
	assert_int_equal(present(fam), 1 << 3 | 1 << 6);
	assert_true(is_readable(fam_peer_fd(fam)));
	expect_event(fam, FAM_PEER_LEFT, 3);
	assert_int_equal(present(fam), 1 << 6);
	expect_event(fam, FAM_PEER_JOINED, 3);
	expect_none(fam, -EAGAIN);
	assert_int_equal(present(fam), 1 << 3 | 1 << 6);
	assert_false(is_readable(fam_peer_fd(fam)));
	detach(f, fam);
}

/* The last word counts, and that it is another peer. */
static void the_history_nobody_asked_for_is_short(void **state)
{
	struct fake *f = *state;
	struct fam *fam;

	assert_int_equal(attach(f, &fam, 0), 0);
	for (int i = 0; i < 50; i++) {
		fake_send(f->sock, LEFT(3), -1);
		fake_send(f->sock, ATTACHED(3), -1);
	}
	/* Read, but not asked for. */
	assert_int_equal(fam_doorbell_ring(fam, 4, 0), -ENOENT);
	assert_true(is_readable(fam_peer_fd(fam)));
	expect_event(fam, FAM_PEER_LEFT, 3);
	expect_event(fam, FAM_PEER_JOINED, 3);
	expect_none(fam, -EAGAIN);
	for (int i = 0; i < 50; i++) {
		fake_send(f->sock, LEFT(3), -1);
		fake_send(f->sock, ATTACHED(3), -1);
		fake_send(f->sock, LEFT(3), -1);
		assert_int_equal(fam_doorbell_ring(fam, 4, 0), -ENOENT);
		expect_event(fam, FAM_PEER_LEFT, 3);
		expect_none(fam, -EAGAIN);
		assert_false(is_readable(fam_peer_fd(fam)));
		fake_send(f->sock, ATTACHED(3), -1);
		expect_event(fam, FAM_PEER_JOINED, 3);
	}
	detach(f, fam);
}

static void ringing_a_newcomer_finds_it(void **state)
{
	struct fake *f = *state;
	struct fam *fam;

	assert_int_equal(attach(f, &fam, 0), 0);
	send_bells(f, 6);
	assert_int_equal(fam_doorbell_ring(fam, 6, 0), -ENOENT);
	fake_send(f->sock, ATTACHED(6), -1);
	assert_int_equal(fam_doorbell_ring(fam, 6, 1), 0);
	assert_int_equal(rings(f, 6, 1), 1);
	assert_true(is_readable(fam_peer_fd(fam)));
	expect_event(fam, FAM_PEER_JOINED, 6);
	fake_send(f->sock, LEFT(6), -1);
	expect_event(fam, FAM_PEER_LEFT, 6);
	assert_int_equal(fam_doorbell_ring(fam, 6, 1), -ENOENT);
	assert_int_equal(rings(f, 6, 1), 0);
	detach(f, fam);
}

/* Without a session: no keeper reads what the server tells meanwhile. */
static void ringing_all_finds_newcomers(void **state)
{
	struct fake *f = *state;
	unsigned int found = 0;
	struct fam *fam;

	assert_int_equal(attach(f, &fam, FAM_OPEN_NO_SESSION), 0);
	send_bells(f, 6);
	fake_send(f->sock, ATTACHED(6), -1);
	assert_int_equal(fam_doorbell_ring(fam, FAM_PEER_ALL, 1), 0);
	assert_int_equal(rings(f, 3, 1), 1);
	assert_int_equal(rings(f, 6, 1), 1);
	fake_send(f->sock, LEFT(6), -1);
	assert_int_equal(fam_doorbell_ring(fam, FAM_PEER_ALL, 1), 0);
	assert_int_equal(rings(f, 3, 1), 1);
	assert_int_equal(rings(f, 6, 1), 0);
	assert_int_equal(fam_peer_find(fam, "6", &found), -ENOENT);
	fake_send(f->sock, ATTACHED(6), -1);
	assert_int_equal(fam_peer_find(fam, "6", &found), 0);
	assert_int_equal(found, 6);
	detach(f, fam);
}

/* Or the server would drop a program that does nothing but wait. */
static void waiting_reads_what_the_server_tells(void **state)
{
	struct fake *f = *state;
	struct fam *fam;

	assert_int_equal(attach(f, &fam, 0), 0);
	assert_int_equal(setsockopt(f->sock, SOL_SOCKET, SO_SNDTIMEO,
				    &(struct timeval){10, 0},
				    sizeof(struct timeval)),
			 0);
	for (int i = 0; i < 500; i++) {
		assert_int_equal(fake_send(f->sock, LEFT(3), -1), 0);
		assert_int_equal(fake_send(f->sock, ATTACHED(3), -1), 0);
		assert_int_equal(fam_doorbell_wait(fam, 0, 0, NULL),
				 -ETIMEDOUT);
	}
	expect_event(fam, FAM_PEER_LEFT, 3);
	expect_event(fam, FAM_PEER_JOINED, 3);
	expect_none(fam, -EAGAIN);
	detach(f, fam);
}

static void when_the_server_is_gone_the_rest_goes_on(void **state)
{
	struct fake *f = *state;
	struct fam *fam;
	char *window;
	uint64_t count;

	assert_int_equal(attach(f, &fam, 0), 0);
	send_bells(f, 6);
	fake_send(f->sock, ATTACHED(6), -1);
	shutdown(f->sock, SHUT_RDWR);
	expect_event(fam, FAM_PEER_JOINED, 6);
	expect_none(fam, -ENOTCONN);
	expect_none(fam, -ENOTCONN);
	assert_true(is_readable(fam_peer_fd(fam)));
	assert_int_equal(fam_doorbell_ring(fam, 6, 0), 0);
	assert_int_equal(fam_doorbell_ring(fam, 3, 0), 0);
	assert_int_equal(rings(f, 6, 0) + rings(f, 3, 0), 2);
	assert_int_equal(fam_doorbell_ring(fam, FAM_PEER_SERVER, 0), -ENOTCONN);
	assert_int_equal(fam_doorbell_ring(fam, 7, 0), -ENOENT);
	assert_int_equal(fam_doorbell_wait(fam, 0, 20, &count), -ETIMEDOUT);
	eventfd_write(f->bell[OWN][0], 2);
	assert_int_equal(fam_doorbell_wait(fam, 0, -1, &count), 0);
	assert_int_equal(count, 2);
	assert_int_equal(fam_map(fam, 0, 0, (void **)&window), 0);
	window[0] = 1;
	detach(f, fam);
}

static void a_server_gone_wrong_is_dropped(void **state)
{
	const int64_t wrong[] = {0x1234,      READY,   SELF(OWN),
				 ATTACHED(3), LEFT(7), LEFT(OWN)};
	struct fake *f = *state;

	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		struct fam *fam;
		char byte;

		assert_int_equal(attach(f, &fam, 0), 0);
		fake_send(f->sock, LEFT(3), -1);
		fake_send(f->sock, wrong[i] == LEFT(7) ? LEFT(3) : wrong[i],
			  wrong[i] == ATTACHED(3) ? f->memory : -1);
		fake_send(f->sock, ATTACHED(3), -1);
		expect_event(fam, FAM_PEER_LEFT, 3);
		expect_none(fam, -EPROTO);
		expect_none(fam, -EPROTO);
		assert_int_equal(recv(f->sock, &byte, 1, 0), 0);
		assert_int_equal(fam_doorbell_ring(fam, OWN, 0), 0);
		assert_int_equal(fam_doorbell_wait(fam, 0, 0, NULL), 0);
		detach(f, fam);
	}
}

static void limit_descriptors(rlim_t to)
{
	struct rlimit limit;

	getrlimit(RLIMIT_NOFILE, &limit);
	limit.rlim_cur = to;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
}

static void no_news_is_lost_for_want_of_descriptors(void **state)
{
	struct fake *f = *state;
	struct rlimit limit;
	struct fam *fam;
	int next;

	/* Without a keeper, which needs descriptors at times of its own. */
	assert_int_equal(attach(f, &fam, FAM_OPEN_NO_SESSION), 0);
	send_bells(f, 6);
	fake_send(f->sock, ATTACHED(6), -1);
	getrlimit(RLIMIT_NOFILE, &limit);
	next = dup(f->sock);
	close(next);
	limit_descriptors((rlim_t)next);
	expect_none(fam, -EMFILE);
	assert_int_equal(fam_doorbell_ring(fam, 6, 0), -EMFILE);
	assert_int_equal(fam_doorbell_ring(fam, 3, 0), 0);
	assert_int_equal(rings(f, 3, 0), 1);
	assert_int_equal(fam_doorbell_ring(fam, FAM_PEER_ALL, 0), -EMFILE);
	assert_int_equal(rings(f, 3, 0), 1);
	assert_int_equal(fam_doorbell_wait(fam, 0, 20, NULL), -ETIMEDOUT);
	limit_descriptors(limit.rlim_cur);
	expect_event(fam, FAM_PEER_JOINED, 6);
	assert_int_equal(fam_doorbell_ring(fam, 6, 0), 0);
	detach(f, fam);
}

static int try_open(const char *name)
{
	struct fam *const untouched = (struct fam *)&tear_down;
	struct fam *fam = untouched;
	int r = fam_open(&fam, name, 0);

	assert_ptr_equal(fam, untouched);
	return r;
}

static void names_lead_to_a_socket_or_nowhere(void **state)
{
	struct fake *f = *state;
	char name[600], path[PATH_MAX];
	int other = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	assert_int_equal(try_open("server:"), -EINVAL);
	assert_int_equal(try_open("server:a b"), -EINVAL);
	assert_int_equal(try_open("server:nowhere-to-be-found"), -ECONNREFUSED);
	assert_int_equal(try_open("server:/nowhere/s"), -ECONNREFUSED);
	assert_int_equal(try_open("server:/dev/null/s"), -ECONNREFUSED);
	snprintf(name, sizeof(name), "server:%s/fam/f1.fam", f->work.dir);
	assert_int_equal(try_open(name), -ECONNREFUSED);
	snprintf(name, sizeof(name), "server:/%0150d", 1);
	assert_int_equal(try_open(name), -ENAMETOOLONG);
	assert_int_equal(unlink(f->address.sun_path), 0);
	assert_int_equal(try_open(server_name(f)), -ECONNREFUSED);
	assert_int_equal(
		bind(other, (struct sockaddr *)&f->address, sizeof(f->address)),
		0);
	assert_int_equal(listen(other, 1), 0);
	assert_int_equal(try_open(server_name(f)), -EPROTO);
	close(other);
	assert_int_equal(fam_server_connect(server_name(f) + 7, path, 100),
			 -ECONNREFUSED);
	assert_int_equal(open_descriptors(), f->descriptors);
}

/* A plain user's server is found by name in the runtime directory. */
static int attach_as_user(struct fake *f)
{
	struct fam *fam;

	if (geteuid() == 0 && (setgid(65534) || setuid(65534)))
		return -EPERM;
	setenv("XDG_RUNTIME_DIR", f->work.dir, 1);
	if (fam_open(&fam, "server:f1", 0) < 0)
		return -ENOENT;
	fam_close(fam);
	setenv("XDG_RUNTIME_DIR", "relative", 1);
	return fam_open(&fam, "server:f1", 0) == -ECONNREFUSED ? 0 : -EEXIST;
}

static void a_name_finds_the_users_server(void **state)
{
	struct fake *f = *state;
	char path[600];
	int status;
	pid_t child;

	snprintf(path, sizeof(path), "%s/fam/f1.sock.host", f->work.dir);
	assert_int_equal(rename(f->address.sun_path, path), 0);
	assert_int_equal(chmod(path, 0666), 0);
	child = fork();
	if (child == 0)
		_exit(-attach_as_user(f));
	serve(f);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	close(f->sock);
}

static void a_server_that_does_not_accept_is_given_up(void **state)
{
	struct fake *f = *state;
	char path[PATH_MAX];
	int sock[16], r = 0, n = 0;

	while (n < 16 && r >= 0) {
		r = fam_server_connect(f->address.sun_path, path, 100);
		sock[n] = r;
		n += r >= 0;
	}
	assert_int_equal(r, -ETIMEDOUT);
	while (n > 0)
		close(sock[--n]);
	assert_int_equal(open_descriptors(), f->descriptors);
}

/* Of its own in this library, and with a next step. */
static void refusals_have_words(void **state)
{
	static const int codes[] = {ECONNREFUSED, ECONNRESET, ENOTCONN,
				    ETIMEDOUT,	  EPROTO,     EMFILE};

	(void)state;
	for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++) {
		assert_string_not_equal(fam_strerror(-codes[i]),
					strerror(codes[i]));
		assert_non_null(fam_errhint(-codes[i]));
	}
}

#define RINGERS	   2
#define RINGS_EACH 20000

struct crowd {
	struct fam *fam;
	struct fake *fake;
	atomic_ullong taken;
	atomic_uint changes;
	atomic_bool done;
};

static void *ringer(void *arg)
{
	struct crowd *c = arg;

	for (int i = 0; i < RINGS_EACH; i++)
		fam_doorbell_ring(c->fam, i % 16 ? OWN : 6, 0);
	return NULL;
}

static void *waiter(void *arg)
{
	struct crowd *c = arg;
	uint64_t n;

	while (!atomic_load(&c->done)) {
		if (fam_doorbell_wait(c->fam, 0, 5, &n) == 0)
			atomic_fetch_add(&c->taken, n);
	}
	return NULL;
}

static void *listener(void *arg)
{
	struct crowd *c = arg;
	struct fam_peer_event event;
	struct pollfd p = {.fd = fam_peer_fd(c->fam), .events = POLLIN};

	while (!atomic_load(&c->done)) {
		poll(&p, 1, 5);
		while (fam_peer_event(c->fam, &event) == 0)
			atomic_fetch_add(&c->changes, 1);
		present(c->fam);
	}
	return NULL;
}

static void *churn(void *arg)
{
	struct crowd *c = arg;

	send_bells(c->fake, 6);
	for (int i = 0; i < 1000; i++) {
		fake_send(c->fake->sock, ATTACHED(6), -1);
		fake_send(c->fake->sock, LEFT(6), -1);
	}
	return NULL;
}

static void threads_share_an_attachment_and_lose_nothing(void **state)
{
	struct crowd c = {.fake = *state};
	pthread_t thread[2 * RINGERS + 2];
	uint64_t rest = 0;
	int n = 0;

	assert_int_equal(attach(c.fake, &c.fam, 0), 0);
	for (int i = 0; i < RINGERS; i++)
		pthread_create(&thread[n++], NULL, ringer, &c);
	pthread_create(&thread[n++], NULL, churn, &c);
	for (int i = 0; i < RINGERS; i++)
		pthread_create(&thread[n++], NULL, waiter, &c);
	pthread_create(&thread[n++], NULL, listener, &c);
	for (int i = 0; i <= RINGERS; i++)
		pthread_join(thread[i], NULL);
	atomic_store(&c.done, true);
	for (int i = RINGERS + 1; i < n; i++)
		pthread_join(thread[i], NULL);
	fam_doorbell_wait(c.fam, 0, 0, &rest);
	assert_int_equal(c.taken + rest, RINGERS * RINGS_EACH / 16 * 15);
	detach(c.fake, c.fam);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(an_attachment_is_described),
		TEST(the_memory_is_the_files),
		TEST(what_is_no_fabric_is_not_attached),
		TEST(doorbells_come_without_memory),
		TEST(without_server_and_session_there_are_none),
		TEST(rings_arrive_at_the_vector_they_are_for),
		TEST(a_full_counter_is_rung_already),
		TEST(rings_add_up_until_they_are_taken),
		TEST(a_signal_ends_a_wait_and_takes_nothing),
		TEST(changes_are_told_once_and_in_order),
		TEST(the_history_nobody_asked_for_is_short),
		TEST(ringing_a_newcomer_finds_it),
		TEST(ringing_all_finds_newcomers),
		TEST(waiting_reads_what_the_server_tells),
		TEST(when_the_server_is_gone_the_rest_goes_on),
		TEST(a_server_gone_wrong_is_dropped),
		TEST(no_news_is_lost_for_want_of_descriptors),
		TEST(names_lead_to_a_socket_or_nowhere),
		TEST(a_name_finds_the_users_server),
		TEST(a_server_that_does_not_accept_is_given_up),
		TEST(refusals_have_words),
		TEST(threads_share_an_attachment_and_lose_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
