// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "control.h"
#include "util/cleanup.h"

#define VECTORS_MAX   256
#define IDS	      65536
#define NS_PER_SECOND 1000000000LL

struct answer {
	struct tm_ctl_head head;
	union {
		struct tm_ctl_status status;
		struct tm_ctl_peer peer[TM_CTL_PEERS_MAX];
		struct tm_ctl_flush flush;
	};
};
_Static_assert(sizeof(struct answer) == TM_CTL_REPLY_MAX, "protocol");

int control_connect(const char *path)
{
	const struct timeval wait = {.tv_sec = CONTROL_TIMEOUT_S};
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	_cleanup_close_ int fd =
		socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -errno;
	if (strlen(path) >= sizeof(address.sun_path))
		return -ENAMETOOLONG;
	memcpy(address.sun_path, path, strlen(path));
	/* The first is also how long connect() waits for a full queue. */
	if (setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof(wait)) < 0 ||
	    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait)) < 0)
		return -errno;
	if (connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
		return -errno;
	return take_fd(&fd);
}

int control_open(const char *path, struct err *err)
{
	int fd = control_connect(path);

	if (fd >= 0)
		return fd;
	err_sys(err, -fd, "no server answers at '%s'", path);
	return err->code = -ENOTCONN;
}

static int damaged(struct err *err, const char *why)
{
	return err_set(err, -EBADMSG, "the server's answer is damaged: %s",
		       why);
}

static int silent(struct err *err, int errnum)
{
	if (errnum == EAGAIN)
		return err_set(err, -ENOTCONN,
			       "the server gave no answer within %d s",
			       CONTROL_TIMEOUT_S);
	err_sys(err, errnum, "the server gave no answer");
	return err->code = -ENOTCONN;
}

/* Bytes of the one answer, more than its room if it is too long. */
static ssize_t transfer(int fd, const struct tm_ctl_request *request,
			struct answer *answer, struct err *err)
{
	ssize_t n;

	memset(answer, 0, sizeof(*answer));
	do {
		n = send(fd, request, sizeof(*request), MSG_NOSIGNAL);
	} while (n < 0 && errno == EINTR);
	if (n < 0)
		return silent(err, errno);
	do {
		n = recv(fd, answer, sizeof(*answer), MSG_TRUNC);
	} while (n < 0 && errno == EINTR);
	if (n < 0)
		return silent(err, errno);
	if (n == 0)
		return err_set(err, -ENOTCONN,
			       "the server closed the connection");
	return n;
}

static bool is_text(const char *field, size_t size)
{
	return memchr(field, '\0', size) != NULL;
}

static int check_head(const struct tm_ctl_head *head,
		      const struct tm_ctl_request *request, struct err *err)
{
	if (head->magic != TM_CTL_MAGIC)
		return damaged(err, "not of this protocol");
	if (head->version != TM_CTL_VERSION) {
		err_set(err, -EPROTONOSUPPORT,
			"the server speaks version %u of the control protocol, "
			"not %u",
			head->version, TM_CTL_VERSION);
		return err_hint(err, "use a famctl of the server's release");
	}
	if (head->op != request->op)
		return damaged(err, "it belongs to another request");
	if (head->error > 0 || !is_text(head->text, sizeof(head->text)))
		return damaged(err, "its error makes no sense");
	return 0;
}

/* The record of @size bytes each that follow the head; nothing else does. */
static int check_length(const struct tm_ctl_head *head, size_t n, size_t size,
			struct err *err)
{
	size_t room = sizeof(struct answer) - sizeof(*head);

	if (head->count && head->record_bytes != size)
		return damaged(err, "its records have another size");
	if (head->count && head->count > room / size)
		return damaged(err, "it tells of too many records");
	if (n != sizeof(*head) + head->count * size)
		return damaged(err, "it is too short or too long");
	return 0;
}

/* An error of the server's; a few codes mean something to our callers. */
static int refused(const struct tm_ctl_head *head, struct err *err)
{
	int code = head->error;

	if (code == -EINVAL || code == -ENOTCONN || code < -4095)
		code = -EPROTO;
	return err_set(err, code, "the server: %s",
		       *head->text ? head->text : strerror(-code));
}

static int ask(int fd, const struct tm_ctl_request *request,
	       struct answer *answer, size_t record, struct err *err)
{
	ssize_t n = transfer(fd, request, answer, err);
	int ret;

	if (n < 0)
		return (int)n;
	if ((size_t)n < sizeof(answer->head))
		return damaged(err, "it is too short");
	ret = check_head(&answer->head, request, err);
	if (ret == 0)
		ret = check_length(&answer->head, (size_t)n, record, err);
	if (ret == 0 && answer->head.error)
		ret = refused(&answer->head, err);
	return ret;
}

static struct tm_ctl_request request_of(enum tm_ctl_op op)
{
	return (struct tm_ctl_request){.magic = TM_CTL_MAGIC,
				       .version = TM_CTL_VERSION,
				       .op = (uint16_t)op};
}

static int check_status(const struct tm_ctl_status *s, struct err *err)
{
	bool texts = is_text(s->label, sizeof(s->label)) &&
		     is_text(s->release, sizeof(s->release)) &&
		     is_text(s->path, sizeof(s->path));

	for (int i = 0; i < 3; i++)
		texts = texts && is_text(s->socket[i], sizeof(s->socket[i]));
	if (!texts)
		return damaged(err, "a text has no end");
	if (s->vectors < 1 || s->vectors > VECTORS_MAX || s->pid < 1 ||
	    s->pid > INT32_MAX)
		return damaged(err, "a number is out of its range");
	return 0;
}

int control_status(int fd, struct tm_ctl_status *out, struct err *err)
{
	struct tm_ctl_request request = request_of(TM_CTL_STATUS);
	struct answer answer;
	int ret = ask(fd, &request, &answer, sizeof(answer.status), err);

	if (ret == 0 && answer.head.count != 1)
		ret = damaged(err, "there is no status in it");
	if (ret == 0)
		ret = check_status(&answer.status, err);
	if (ret == 0)
		*out = answer.status;
	return ret;
}

/* IDs only ever ascend, so that no server can keep us for ever. */
static int check_peers(const struct answer *answer, uint32_t from,
		       struct err *err)
{
	const struct tm_ctl_head *head = &answer->head;

	for (uint32_t i = 0; i < head->count; i++) {
		const struct tm_ctl_peer *p = &answer->peer[i];

		if (p->id < from || p->id >= IDS)
			return damaged(err, "its IDs do not ascend");
		if (!is_text(p->uuid, sizeof(p->uuid)) ||
		    !is_text(p->name, sizeof(p->name)))
			return damaged(err, "a text has no end");
		from = p->id + 1;
	}
	if (head->next != TM_CTL_END &&
	    (head->count == 0 || head->next < from || head->next >= IDS))
		return damaged(err, "it does not go on");
	return 0;
}

int control_each_peer(int fd,
		      int (*visit)(const struct tm_ctl_peer *peer, void *arg,
				   struct err *err),
		      void *arg, struct err *err)
{
	struct tm_ctl_request request = request_of(TM_CTL_LIST);
	struct answer answer;
	int ret = 0;

	while (ret == 0 && request.id != TM_CTL_END) {
		ret = ask(fd, &request, &answer, sizeof(answer.peer[0]), err);
		if (ret == 0)
			ret = check_peers(&answer, request.id, err);
		for (uint32_t i = 0; ret == 0 && i < answer.head.count; i++)
			ret = visit(&answer.peer[i], arg, err);
		request.id = answer.head.next;
	}
	return ret;
}

int control_ping(int fd, uint32_t id, uint32_t vector, struct err *err)
{
	struct tm_ctl_request request = request_of(TM_CTL_PING);
	struct answer answer;
	int ret;

	request.id = id;
	request.vector = vector;
	ret = ask(fd, &request, &answer, sizeof(answer.peer[0]), err);
	return ret == -ERANGE ? err->code = -EINVAL : ret;
}

/* An error is a negative errno; what serves nobody has nothing to tell. */
static int check_flush(const struct tm_ctl_flush *f, struct err *err)
{
	if (f->serves > 1 || f->polls > 1 || f->error > 0 || f->error < -4095)
		return damaged(err, "a number is out of its range");
	if (f->failed_at < 0 || f->failed_at > INT64_MAX / NS_PER_SECOND)
		return damaged(err, "a time is out of its range");
	if (!f->serves && !f->error)
		return damaged(err, "it does not say why nothing is served");
	return 0;
}

static int ask_flush(int fd, enum tm_ctl_op op, struct tm_ctl_flush *out,
		     struct err *err)
{
	struct tm_ctl_request request = request_of(op);
	struct answer answer;
	int ret = ask(fd, &request, &answer, sizeof(answer.flush), err);

	if (ret == 0 && answer.head.count != 1)
		ret = damaged(err, "there is no flush service in it");
	if (ret == 0)
		ret = check_flush(&answer.flush, err);
	if (ret == 0)
		*out = answer.flush;
	return ret;
}

int control_flush(int fd, struct tm_ctl_flush *out, struct err *err)
{
	return ask_flush(fd, TM_CTL_FLUSH, out, err);
}

int control_clear(int fd, struct tm_ctl_flush *out, struct err *err)
{
	return ask_flush(fd, TM_CTL_CLEAR, out, err);
}

int control_stop(int fd, struct err *err)
{
	struct tm_ctl_request request = request_of(TM_CTL_STOP);
	struct answer answer;

	return ask(fd, &request, &answer, sizeof(answer.peer[0]), err);
}
