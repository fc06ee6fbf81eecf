// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
/*
 * What requests mean. A request is copied before it is looked at, and nothing
 * in it is trusted.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "ctl.h"

struct reply {
	struct tm_ctl_head head;
	uint8_t records[];
};

static size_t fail(struct reply *r, int code, const char *text)
{
	r->head.error = code;
	snprintf(r->head.text, sizeof(r->head.text), "%s", text);
	return sizeof(r->head);
}

static size_t records(struct reply *r, uint32_t count, size_t bytes)
{
	r->head.count = count;
	r->head.record_bytes = (uint32_t)bytes;
	return sizeof(r->head) + count * bytes;
}

/* Both are NUL-terminated; the rest of @out is zero already. */
static void copy_text(char *out, size_t size, const char *text)
{
	snprintf(out, size, "%s", text);
}

static size_t answer_status(const struct ctl *ctl, struct reply *r)
{
	const struct server *s = ctl->server;
	struct tm_ctl_status *st = (struct tm_ctl_status *)r->records;

	*st = (struct tm_ctl_status){
		.size = s->region.size,
		.vectors = s->config.vectors,
		.pid = (uint32_t)getpid(),
		.attached = (uint32_t)s->peers->count,
		.ids = (uint32_t)s->slots->world.count,
		.next_id = s->slots->next,
		.lives = ctl->lives,
		.started = s->started,
		.accepted = s->peers->accepted,
		.refused = s->peers->refused,
		.dropped = s->peers->dropped,
	};
	copy_text(st->label, sizeof(st->label), s->label);
	copy_text(st->release, sizeof(st->release), FAM_RELEASE);
	copy_text(st->path, sizeof(st->path), s->region.path);
	for (int d = 0; d < IVSHMEM_DIALECTS; d++)
		if (s->listener[d].fd >= 0)
			copy_text(st->socket[d], sizeof(st->socket[d]),
				  s->listener[d].path);
	for (unsigned int v = 0; v < IVSHMEM_VECTORS_MAX; v++)
		st->rings[v] = atomic_load(&s->rings[v]);
	return records(r, 1, sizeof(*st));
}

static enum tm_ctl_state state_of(const struct slot *slot)
{
	if (slot->id == IVSHMEM_SERVER_ID)
		return TM_CTL_SERVER;
	if (!slot->peer)
		return TM_CTL_ABSENT;
	if (peer_state(slot->peer) != PEER_READY)
		return TM_CTL_SETUP;
	return slot->peer->blocked ? TM_CTL_BEHIND : TM_CTL_READY;
}

static void describe(const struct server *s, const struct slot *slot,
		     struct tm_ctl_peer *out)
{
	const struct peer *peer = slot->peer;

	*out = (struct tm_ctl_peer){
		.id = slot->id,
		.state = (uint16_t)state_of(slot),
		.vectors = s->config.vectors,
		.pid = peer ? slot->owner.pid : 0,
		.uid = slot->owner.uid,
		.gid = slot->owner.gid,
	};
	copy_text(out->uuid, sizeof(out->uuid), slot->owner.uuid);
	copy_text(out->name, sizeof(out->name), slot->owner.name);
	if (slot->id == IVSHMEM_SERVER_ID)
		copy_text(out->name, sizeof(out->name), "tm-server");
	if (s->flush)
		flush_describe_peer(s->flush, out);
	if (!peer)
		return;
	out->dialect = (uint16_t)peer->dialect;
	out->queue = ivshmem_backlog(&peer->stream, &s->slots->world);
	out->sent = peer->stream.sent;
	out->joined = peer->joined;
}

static size_t answer_list(const struct ctl *ctl, uint32_t id, struct reply *r)
{
	const struct server *s = ctl->server;
	struct tm_ctl_peer *peer = (struct tm_ctl_peer *)r->records;
	uint32_t n = 0;

	for (; id < s->slots->next && n < TM_CTL_PEERS_MAX; id++)
		if (s->slots->by_id[id])
			describe(s, s->slots->by_id[id], &peer[n++]);
	r->head.next = id < s->slots->next ? id : TM_CTL_END;
	return records(r, n, sizeof(*peer));
}

static size_t answer_ping(const struct ctl *ctl, uint32_t id, uint32_t vector,
			  struct reply *r)
{
	const struct server *s = ctl->server;
	const struct slot *slot = id < IVSHMEM_IDS ? s->slots->by_id[id] : NULL;
	int ret;

	if (!slot)
		return fail(r, -ENOENT, "no peer ever had this ID");
	if (vector >= s->config.vectors)
		return fail(r, -ERANGE, "peers do not have this vector");
	if (!slot->peer && slot->id != IVSHMEM_SERVER_ID)
		return fail(r, -ENODEV, "nobody has this ID now");
	ret = slot_ring(slot, vector);
	return ret < 0 ? fail(r, ret, strerror(-ret)) : sizeof(r->head);
}

static size_t answer_flush(const struct ctl *ctl, struct reply *r)
{
	struct tm_ctl_flush *out = (struct tm_ctl_flush *)r->records;

	if (ctl->server->flush)
		flush_describe(ctl->server->flush, out);
	else
		out->error = ctl->server->no_flush;
	return records(r, 1, sizeof(*out));
}

static size_t dispatch(struct ctl *ctl, const struct tm_ctl_request *q,
		       struct reply *r, enum tm_ctl_op *op)
{
	switch (q->op) {
	case TM_CTL_STATUS:
		return answer_status(ctl, r);
	case TM_CTL_LIST:
		return answer_list(ctl, q->id, r);
	case TM_CTL_PING:
		return answer_ping(ctl, q->id, q->vector, r);
	case TM_CTL_CLEAR:
		server_flush_clear(ctl->server);
		return answer_flush(ctl, r);
	case TM_CTL_FLUSH:
		return answer_flush(ctl, r);
	case TM_CTL_STOP:
	case TM_CTL_TAKE_OVER:
		*op = (enum tm_ctl_op)q->op;
		return sizeof(r->head);
	default:
		return fail(r, -EOPNOTSUPP, "unknown request");
	}
}

size_t ctl_answer(struct ctl *ctl, const void *request, size_t len, void *reply,
		  enum tm_ctl_op *op)
{
	static const uint8_t
		zero[sizeof(((struct tm_ctl_request *)0)->reserved)];
	struct tm_ctl_request q = {0};
	struct reply *r = reply;

	*op = (enum tm_ctl_op)0;
	memset(reply, 0, TM_CTL_REPLY_MAX);
	r->head = (struct tm_ctl_head){.magic = TM_CTL_MAGIC,
				       .version = TM_CTL_VERSION,
				       .next = TM_CTL_END};
	if (len != sizeof(q))
		return fail(r, -EBADMSG, "a request has 32 bytes");
	memcpy(&q, request, sizeof(q));
	if (q.magic != TM_CTL_MAGIC)
		return fail(r, -EBADMSG, "not a request of this protocol");
	r->head.op = q.op;
	if (q.version != TM_CTL_VERSION)
		return fail(r, -EPROTONOSUPPORT, "unknown protocol version");
	if (memcmp(q.reserved, zero, sizeof(zero)) != 0)
		return fail(r, -EINVAL, "reserved bytes are not zero");
	return dispatch(ctl, &q, r, op);
}
