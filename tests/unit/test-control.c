// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
/*
 * Answers that no server of ours gives: each is put into a socket before it is
 * asked for, and none may be believed. The right ones are tested with the
 * server itself, in tests/cli/server.bats.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <cmocka.h>

#include "control.h"

struct answer {
	struct tm_ctl_head head;
	union {
		struct tm_ctl_status status;
		struct tm_ctl_flush flush;
		struct tm_ctl_peer peer[TM_CTL_PEERS_MAX];
		uint8_t more[sizeof(struct tm_ctl_peer) *
			     (TM_CTL_PEERS_MAX + 1)];
	};
};

struct line {
	int ours, theirs;
};

static struct line line_open(void)
{
	const struct timeval wait = {.tv_usec = 100000};
	int fd[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, fd), 0);
	assert_int_equal(
		setsockopt(fd[0], SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait)),
		0);
	return (struct line){fd[0], fd[1]};
}

static void line_close(const struct line *line)
{
	close(line->ours);
	close(line->theirs);
}

static void line_put(const struct line *line, const struct answer *a,
		     size_t len)
{
	assert_int_equal(send(line->theirs, a, len, 0), len);
}

static struct answer good(enum tm_ctl_op op, uint32_t count, uint32_t size)
{
	return (struct answer){.head = {.magic = TM_CTL_MAGIC,
					.version = TM_CTL_VERSION,
					.op = (uint16_t)op,
					.count = count,
					.next = TM_CTL_END,
					.record_bytes = size}};
}

static size_t length(const struct answer *a)
{
	return sizeof(a->head) + (size_t)a->head.count * a->head.record_bytes;
}

static struct answer good_status(void)
{
	struct answer a = good(TM_CTL_STATUS, 1, sizeof(struct tm_ctl_status));

	a.status.vectors = 4;
	a.status.pid = 4711;
	strcpy(a.status.label, "fabric0");
	return a;
}

static int get_status(const struct answer *a, size_t len, struct err *err)
{
	struct line line = line_open();
	struct tm_ctl_status status = {.pid = 1};
	int ret;

	*err = (struct err){0};
	line_put(&line, a, len);
	ret = control_status(line.ours, &status, err);
	/* What failed leaves the caller's as it was. */
	assert_int_equal(status.pid, ret == 0 ? 4711 : 1);
	assert_int_equal(err->code, ret);
	line_close(&line);
	return ret;
}

static void a_good_status_is_taken(void **state)
{
	struct answer a = good_status();
	struct err err;

	(void)state;
	assert_int_equal(get_status(&a, length(&a), &err), 0);
}

/* A change of one field of a good status, and what must be said of it. */
struct damage {
	size_t offset, bytes;
	uint64_t value;
	int code;
	const char *text;
};

#define HEAD(field, value, code, text)                                         \
	{                                                                      \
		offsetof(struct tm_ctl_head, field),                           \
			sizeof(((struct tm_ctl_head *)0)->field), value, code, \
			text                                                   \
	}
#define STATUS(field, value, text)                                         \
	{                                                                  \
		sizeof(struct tm_ctl_head) +                               \
			offsetof(struct tm_ctl_status, field),             \
			sizeof(((struct tm_ctl_status *)0)->field), value, \
			-EBADMSG, text                                     \
	}

static const struct damage damages[] = {
	HEAD(magic, 0, -EBADMSG, "not of this protocol"),
	HEAD(version, 2, -EPROTONOSUPPORT, "speaks version 2"),
	HEAD(op, TM_CTL_PING, -EBADMSG, "another request"),
	HEAD(error, 1, -EBADMSG, "its error makes no sense"),
	HEAD(count, 0, -EBADMSG, "too short or too long"),
	HEAD(count, 2, -EBADMSG, "too many records"),
	HEAD(count, UINT32_MAX, -EBADMSG, "too many records"),
	HEAD(record_bytes, 0, -EBADMSG, "another size"),
	HEAD(record_bytes, 6641, -EBADMSG, "another size"),
	STATUS(vectors, 0, "out of its range"),
	STATUS(vectors, 257, "out of its range"),
	STATUS(pid, 0, "out of its range"),
	STATUS(pid, UINT32_MAX, "out of its range"),
};

static void a_damaged_status_is_refused(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(damages) / sizeof(damages[0]); i++) {
		struct answer a = good_status();
		size_t len = length(&a);
		struct err err;

		memcpy((uint8_t *)&a + damages[i].offset, &damages[i].value,
		       damages[i].bytes);
		assert_int_equal(get_status(&a, len, &err), damages[i].code);
		if (!strstr(err.text, damages[i].text))
			fail_msg("%zu: %s", i, err.text);
	}
}

static void texts_without_an_end_are_refused(void **state)
{
	static const struct {
		size_t offset, bytes;
	} texts[] = {
		{offsetof(struct tm_ctl_status, label), 64},
		{offsetof(struct tm_ctl_status, release), 32},
		{offsetof(struct tm_ctl_status, path), 4096},
		{offsetof(struct tm_ctl_status, socket), 112},
		{offsetof(struct tm_ctl_status, socket) + 224, 112},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct answer a = good_status();
		struct err err;

		memset((uint8_t *)&a.status + texts[i].offset, 'x',
		       texts[i].bytes);
		assert_int_equal(get_status(&a, length(&a), &err), -EBADMSG);
	}
}

static void other_lengths_are_refused(void **state)
{
	struct answer a = good_status();
	const size_t lengths[] = {1,
				  sizeof(a.head) - 1,
				  sizeof(a.head),
				  length(&a) - 1,
				  length(&a) + 1,
				  sizeof(a)};
	struct err err;

	(void)state;
	for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++)
		assert_int_equal(get_status(&a, lengths[i], &err), -EBADMSG);
}

static void no_answer_is_out_of_reach(void **state)
{
	struct line line = line_open();
	struct tm_ctl_status status;
	struct err err;

	(void)state;
	assert_int_equal(control_status(line.ours, &status, &err), -ENOTCONN);
	assert_non_null(strstr(err.text, "no answer within"));
	close(line.theirs);
	assert_int_equal(control_status(line.ours, &status, &err), -ENOTCONN);
	close(line.ours);
	assert_int_equal(control_open("/nonexistent/socket", &err), -ENOTCONN);
}

static int ping_answered(int error, const char *text, struct err *err)
{
	struct line line = line_open();
	struct answer a = good(TM_CTL_PING, 0, 0);
	struct tm_ctl_request request;
	int ret;

	a.head.error = error;
	strcpy(a.head.text, text);
	line_put(&line, &a, sizeof(a.head));
	ret = control_ping(line.ours, 3, 7, err);
	assert_int_equal(recv(line.theirs, &request, sizeof(request), 0),
			 sizeof(request));
	assert_int_equal(request.id, 3);
	assert_int_equal(request.vector, 7);
	line_close(&line);
	return ret;
}

/* Codes which mean something to famctl must mean the same here. */
static void errors_of_the_server_are_told(void **state)
{
	struct err err;

	(void)state;
	assert_int_equal(ping_answered(0, "", &err), 0);
	assert_int_equal(ping_answered(-ENOENT, "no peer", &err), -ENOENT);
	assert_string_equal(err.text, "the server: no peer");
	assert_int_equal(ping_answered(-ENODEV, "away", &err), -ENODEV);
	assert_int_equal(ping_answered(-ERANGE, "vector", &err), -EINVAL);
	assert_int_equal(ping_answered(-EINVAL, "protocol", &err), -EPROTO);
	assert_int_equal(ping_answered(-ENOTCONN, "", &err), -EPROTO);
	assert_int_equal(ping_answered(INT32_MIN, "x", &err), -EPROTO);
}

static struct answer good_flush(void)
{
	struct answer a = good(TM_CTL_FLUSH, 1, sizeof(struct tm_ctl_flush));

	a.flush.serves = 1;
	a.flush.commits = 4711;
	return a;
}

static int get_flush(const struct answer *a, size_t len, struct err *err)
{
	struct line line = line_open();
	struct tm_ctl_flush flush = {.commits = 1};
	int ret;

	*err = (struct err){0};
	line_put(&line, a, len);
	ret = control_flush(line.ours, &flush, err);
	assert_int_equal(flush.commits, ret == 0 ? a->flush.commits : 1);
	assert_int_equal(err->code, ret);
	line_close(&line);
	return ret;
}

static void what_a_flush_service_tells_is_taken(void **state)
{
	struct answer a = good_flush();
	struct err err;

	(void)state;
	assert_int_equal(get_flush(&a, length(&a), &err), 0);
	a.flush.error = -EIO;
	a.flush.failed_at = 1795184808;
	assert_int_equal(get_flush(&a, length(&a), &err), 0);
	a.flush.serves = 0;
	a.flush.error = -EOPNOTSUPP;
	a.flush.failed_at = 0;
	assert_int_equal(get_flush(&a, length(&a), &err), 0);
}

#define FLUSH(field, value, text)                                         \
	{                                                                 \
		sizeof(struct tm_ctl_head) +                              \
			offsetof(struct tm_ctl_flush, field),             \
			sizeof(((struct tm_ctl_flush *)0)->field), value, \
			-EBADMSG, text                                    \
	}

static const struct damage flush_damages[] = {
	HEAD(count, 0, -EBADMSG, "too short or too long"),
	HEAD(record_bytes, 255, -EBADMSG, "another size"),
	HEAD(op, TM_CTL_CLEAR, -EBADMSG, "another request"),
	FLUSH(serves, 2, "number is out of its range"),
	FLUSH(serves, 0, "why nothing is served"),
	FLUSH(polls, 2, "number is out of its range"),
	FLUSH(error, 5, "number is out of its range"),
	FLUSH(error, (uint64_t)-4096, "number is out of its range"),
	FLUSH(failed_at, (uint64_t)-1, "time is out of its range"),
	FLUSH(failed_at, INT64_MAX, "time is out of its range"),
};

static void what_no_flush_service_tells_is_refused(void **state)
{
	struct answer empty = good(TM_CTL_FLUSH, 0, 0);
	struct err err;

	(void)state;
	for (size_t i = 0; i < sizeof(flush_damages) / sizeof(struct damage);
	     i++) {
		const struct damage *d = &flush_damages[i];
		struct answer a = good_flush();
		size_t len = length(&a);

		memcpy((uint8_t *)&a + d->offset, &d->value, d->bytes);
		assert_int_equal(get_flush(&a, len, &err), d->code);
		if (!strstr(err.text, d->text))
			fail_msg("%zu: %s", i, err.text);
	}
	assert_int_equal(get_flush(&empty, sizeof(empty.head), &err), -EBADMSG);
	assert_non_null(strstr(err.text, "no flush service in it"));
	/* A server of a release that had none. */
	empty.head.error = -EOPNOTSUPP;
	assert_int_equal(get_flush(&empty, sizeof(empty.head), &err),
			 -EOPNOTSUPP);
}

static void clearing_asks_for_it_and_tells_what_is_so_now(void **state)
{
	struct line line = line_open();
	struct answer a = good_flush();
	struct tm_ctl_request request;
	struct tm_ctl_flush flush;
	struct err err;

	(void)state;
	a.head.op = TM_CTL_CLEAR;
	line_put(&line, &a, length(&a));
	assert_int_equal(control_clear(line.ours, &flush, &err), 0);
	assert_int_equal(flush.commits, 4711);
	assert_int_equal(recv(line.theirs, &request, sizeof(request), 0),
			 sizeof(request));
	assert_int_equal(request.op, TM_CTL_CLEAR);
	line_close(&line);
}

static int count_peer(const struct tm_ctl_peer *peer, void *arg,
		      struct err *err)
{
	(void)peer;
	(void)err;
	++*(unsigned int *)arg;
	return 0;
}

/* Peers @first, @first + 1, ... and then @next. */
static struct answer peers(uint32_t first, uint32_t count, uint32_t next)
{
	struct answer a = good(TM_CTL_LIST, count, sizeof(struct tm_ctl_peer));

	for (uint32_t i = 0; i < count && i < TM_CTL_PEERS_MAX; i++)
		a.peer[i].id = first + i;
	a.head.next = next;
	return a;
}

static int list(const struct answer *a, size_t pages, unsigned int *seen)
{
	struct line line = line_open();
	struct err err;
	int ret;

	*seen = 0;
	for (size_t i = 0; i < pages; i++)
		line_put(&line, &a[i], length(&a[i]));
	ret = control_each_peer(line.ours, count_peer, seen, &err);
	line_close(&line);
	return ret;
}

static void pages_of_peers_are_put_together(void **state)
{
	struct answer a[] = {peers(0, 32, 40), peers(40, 2, 50),
			     peers(50, 0, TM_CTL_END)};
	unsigned int seen;

	(void)state;
	assert_int_equal(list(a, 3, &seen), 0);
	assert_int_equal(seen, 34);
}

static void lists_that_never_end_are_refused(void **state)
{
	struct answer a[] = {peers(0, 2, 2), peers(2, 1, 2)};
	struct answer empty = peers(0, 0, 5), back = peers(5, 2, 3);
	struct answer many = peers(0, 33, TM_CTL_END);
	struct answer far = peers(65535, 2, TM_CTL_END);
	struct answer endless = peers(1, 1, TM_CTL_END);
	unsigned int seen;

	(void)state;
	assert_int_equal(list(a, 2, &seen), -EBADMSG);
	assert_int_equal(seen, 2);
	assert_int_equal(list(&empty, 1, &seen), -EBADMSG);
	assert_int_equal(list(&back, 1, &seen), -EBADMSG);
	assert_int_equal(list(&many, 1, &seen), -EBADMSG);
	assert_int_equal(list(&far, 1, &seen), -EBADMSG);
	memset(endless.peer[0].name, 'x', sizeof(endless.peer[0].name));
	assert_int_equal(list(&endless, 1, &seen), -EBADMSG);
	assert_int_equal(seen, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_good_status_is_taken),
		cmocka_unit_test(a_damaged_status_is_refused),
		cmocka_unit_test(texts_without_an_end_are_refused),
		cmocka_unit_test(other_lengths_are_refused),
		cmocka_unit_test(no_answer_is_out_of_reach),
		cmocka_unit_test(errors_of_the_server_are_told),
		cmocka_unit_test(what_a_flush_service_tells_is_taken),
		cmocka_unit_test(what_no_flush_service_tells_is_refused),
		cmocka_unit_test(clearing_asks_for_it_and_tells_what_is_so_now),
		cmocka_unit_test(pages_of_peers_are_put_together),
		cmocka_unit_test(lists_that_never_end_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
