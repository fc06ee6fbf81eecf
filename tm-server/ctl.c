// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "ctl.h"
#include "util/cleanup.h"
#include "util/log.h"

#define CALL_TIMEOUT_S 10
#define PAUSE_MS       100

_Static_assert(TM_CTL_REPLY_MAX >= sizeof(struct tm_ctl_head) +
					   sizeof(struct tm_ctl_status),
	       "room for every answer");

static void client_close(struct ctl_client *c)
{
	loop_remove(c->source);
	close(c->fd);
	c->source = NULL;
	c->fd = -1;
	c->waits = false;
}

/* A client that does not take its one answer is not worth waiting for. */
static bool client_send(struct ctl_client *c, const void *reply, size_t len)
{
	if (send(c->fd, reply, len, MSG_DONTWAIT | MSG_NOSIGNAL) ==
	    (ssize_t)len)
		return true;
	client_close(c);
	return false;
}

static void send_simple(struct ctl_client *c, enum tm_ctl_op op, int error,
			const char *text)
{
	struct tm_ctl_head head = {
		.magic = TM_CTL_MAGIC,
		.version = TM_CTL_VERSION,
		.op = (uint16_t)op,
		.error = error,
		.next = TM_CTL_END,
	};

	snprintf(head.text, sizeof(head.text), "%s", text);
	(void)client_send(c, &head, sizeof(head)); /* closed if it fails */
}

static void begin_take_over(struct ctl_client *c)
{
	int ret = c->ctl->take_over(c->ctl->arg);

	if (ret < 0)
		send_simple(c, TM_CTL_TAKE_OVER,
			    ret == -ESHUTDOWN ? ret : -ECANCELED,
			    strerror(-ret));
	else
		c->waits = true;
}

static void serve(struct ctl_client *c, const void *request, size_t len)
{
	uint64_t reply[TM_CTL_REPLY_MAX / 8 + 1];
	struct server *server = c->ctl->server;
	enum tm_ctl_op op;
	size_t n = ctl_answer(c->ctl, request, len, reply, &op);

	if (op == TM_CTL_TAKE_OVER) {
		begin_take_over(c);
		return;
	}
	(void)client_send(c, reply, n); /* what it asks for is done anyway */
	if (op == TM_CTL_STOP)
		server_drain(server);
}

static void on_client(struct loop_source *source, uint32_t events, void *arg)
{
	struct ctl_client *c = arg;
	/* one byte more than a request: too long is seen */
	uint8_t request[sizeof(struct tm_ctl_request) + 1];
	ssize_t n = recv(c->fd, request, sizeof(request), MSG_DONTWAIT);

	(void)source;
	(void)events;
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0 || c->waits) {
		client_close(c);
		return;
	}
	c->last_ms = loop_now_ms();
	serve(c, request, (size_t)n);
}

/* A free place, or that of the client which said nothing for longest. */
static struct ctl_client *make_room(struct ctl *ctl)
{
	struct ctl_client *oldest = &ctl->client[0];

	for (int i = 0; i < CTL_CLIENTS_MAX; i++) {
		struct ctl_client *c = &ctl->client[i];

		if (c->fd < 0)
			return c;
		if (c->last_ms < oldest->last_ms)
			oldest = c;
	}
	client_close(oldest);
	return oldest;
}

static struct ctl_client *client_add(struct ctl *ctl, int fd)
{
	struct ctl_client *c = make_room(ctl);

	*c = (struct ctl_client){
		.ctl = ctl, .fd = fd, .last_ms = loop_now_ms()};
	if (loop_add_fd(&c->source, ctl->server->loop, fd, on_client, c) == 0)
		return c;
	close(fd);
	c->fd = -1;
	return NULL;
}

static void on_pause_end(struct loop_source *source, uint32_t events, void *arg)
{
	struct ctl *ctl = arg;

	(void)source;
	(void)events;
	if (loop_set_events(ctl->accept, EPOLLIN) < 0)
		log_error("cannot listen at the control socket again");
}

static void on_accept(struct loop_source *source, uint32_t events, void *arg)
{
	struct ctl *ctl = arg;
	int fd = accept4(ctl->listener.fd, NULL, NULL,
			 SOCK_NONBLOCK | SOCK_CLOEXEC);

	(void)events;
	if (fd >= 0) {
		(void)client_add(ctl, fd); /* it sees its socket closed */
	} else if (errno != EAGAIN && errno != EINTR && errno != ECONNABORTED) {
		/* out of descriptors: it would stay ready, and the loop spin */
		if (loop_set_events(source, 0) == 0)
			(void)loop_timer_set(ctl->pause, PAUSE_MS); /* valid */
	}
}

static void ctl_init(struct ctl *ctl, struct server *server)
{
	ctl->server = server;
	for (int i = 0; i < CTL_CLIENTS_MAX; i++)
		ctl->client[i] = (struct ctl_client){.ctl = ctl, .fd = -1};
}

int ctl_start(struct ctl *ctl, struct server *server, struct err *err)
{
	int ret;

	ctl_init(ctl, server);
	ret = loop_add_fd(&ctl->accept, server->loop, ctl->listener.fd,
			  on_accept, ctl);
	if (ret == 0)
		ret = loop_add_timer(&ctl->pause, server->loop, on_pause_end,
				     ctl);
	return ret < 0 ? err_sys(err, -ret, "cannot watch the control socket")
		       : 0;
}

int ctl_open(struct ctl *ctl, struct server *server, int fd, struct err *err)
{
	struct listen_spec spec = {.path = server->config.control,
				   .type = SOCK_SEQPACKET,
				   .mode = 0600,
				   .gid = (gid_t)-1};
	int ret;

	ctl_init(ctl, server);
	ctl->listener.fd = -1;
	if (fd < 0 && !*spec.path)
		return 0;
	ret = fd >= 0 ? listen_inherit(&ctl->listener, fd, false, err)
		      : listen_open(&ctl->listener, &spec, err);
	return ret < 0 ? ret : ctl_start(ctl, server, err);
}

void ctl_close(struct ctl *ctl)
{
	if (!ctl->server)
		return;
	for (int i = 0; i < CTL_CLIENTS_MAX; i++)
		if (ctl->client[i].fd >= 0)
			client_close(&ctl->client[i]);
	loop_remove(ctl->accept);
	loop_remove(ctl->pause);
	listen_close(&ctl->listener);
}

void ctl_adopt(struct ctl *ctl, int fd)
{
	struct ctl_client *c = client_add(ctl, fd);

	if (c)
		send_simple(c, TM_CTL_TAKE_OVER, 0, "");
}

void ctl_take_over_failed(struct ctl *ctl, const char *why)
{
	for (int i = 0; i < CTL_CLIENTS_MAX; i++) {
		struct ctl_client *c = &ctl->client[i];

		if (c->fd < 0 || !c->waits)
			continue;
		c->waits = false;
		send_simple(c, TM_CTL_TAKE_OVER, -ECANCELED, why);
	}
}

static int call(int fd, const struct tm_ctl_request *request, void *reply,
		size_t *len, struct err *err)
{
	struct timeval wait = {.tv_sec = CALL_TIMEOUT_S};
	struct tm_ctl_head *head = reply;
	ssize_t n;

	/* without it a hung server would only hang this program longer */
	(void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait));
	if (send(fd, request, sizeof(*request), MSG_NOSIGNAL) !=
	    (ssize_t)sizeof(*request))
		return err_sys(err, errno, "cannot ask the server");
	n = recv(fd, reply, TM_CTL_REPLY_MAX, 0);
	if (n < 0)
		return err_sys(err, errno, "the server does not answer");
	if ((size_t)n < sizeof(*head) || head->magic != TM_CTL_MAGIC ||
	    head->version != TM_CTL_VERSION ||
	    (uint64_t)head->count * head->record_bytes !=
		    (size_t)n - sizeof(*head))
		return err_set(err, -EBADMSG, "the server's answer is damaged");
	head->text[sizeof(head->text) - 1] = '\0';
	*len = (size_t)n;
	return head->error ? err_set(err, head->error, "%s", head->text) : 0;
}

int ctl_call(const char *path, const struct tm_ctl_request *request,
	     void *reply, size_t *len, struct err *err)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	_cleanup_close_ int fd =
		socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return err_sys(err, errno, "cannot make a socket");
	if (strlen(path) >= sizeof(address.sun_path))
		return err_set(err, -ENAMETOOLONG, "path too long");
	memcpy(address.sun_path, path, strlen(path));
	if (connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0) {
		err_sys(err, errno, "no server answers at '%s'", path);
		return err->code = -ENOTCONN;
	}
	return call(fd, request, reply, len, err);
}
