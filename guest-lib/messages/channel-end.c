// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
#include <string.h>
#include <sys/random.h>

#include <fam/channel.h>
#include <fam/stream.h>

#include "channel-end.h"

bool channel_end_shape_is_valid(const struct channel_shape *shape)
{
	bool stream = shape->kind == FAM_OBJECT_STREAM;
	uint64_t max = stream ? FAM_STREAM_BYTES_MAX : FAM_CHANNEL_BYTES_MAX;

	/* The least is the same. */
	return shape->bytes >= FAM_CHANNEL_BYTES_MIN && shape->bytes <= max &&
	       (shape->bytes & (shape->bytes - 1)) == 0 &&
	       (shape->flags & ~(CHANNEL_ONE | CHANNEL_POLLED)) == 0;
}

uint64_t channel_end_size(const struct channel_shape *shape)
{
	if (!channel_end_shape_is_valid(shape))
		return 0;
	return sizeof(struct channel_space) + shape->bytes;
}

static int check_place(struct fam *fam, const void *memory, uint64_t bytes)
{
	uint64_t offset;

	if ((uintptr_t)memory % 64)
		return -EINVAL;
	return fam_map_find(fam, memory, bytes, &offset);
}

static int write_shape(struct channel_space *space,
		       const struct channel_shape *shape)
{
	uint64_t secret;

	if (getrandom(&secret, sizeof(secret), 0) != sizeof(secret))
		return -errno;
	/* None for whoever looks meanwhile. */
	fam_word_put(&space->kind, 0);
	memset((char *)space + sizeof(space->kind), 0,
	       sizeof(*space) - sizeof(space->kind));
	fam_word_poke(&space->bytes, shape->bytes);
	fam_word_poke(&space->flags, shape->flags);
	fam_word_poke(&space->secret, secret & ~(CHANNEL_ALIGN - 1));
	fam_word_put(&space->kind, CHANNEL_MAGIC | shape->kind);
	return 0;
}

int channel_end_make(struct fam *fam, void *memory,
		     const struct channel_shape *shape)
{
	uint64_t bytes = channel_end_size(shape);
	int r;

	if (!bytes)
		return -EINVAL;
	/* Who only reads has none. */
	if (!fam_park_self(fam))
		return fam_park_why(fam);
	r = check_place(fam, memory, bytes);
	return r < 0 ? r : write_shape(memory, shape);
}

/* A private copy of what must not change. */
static int read_shape(const struct channel_space *space, uint64_t bytes,
		      struct channel_shape *out)
{
	uint64_t kind = fam_word_get(&space->kind);
	uint64_t flags = fam_word_peek(&space->flags);

	*out = (struct channel_shape){.kind = kind & 0xff,
				      .flags = (uint32_t)flags,
				      .bytes = fam_word_peek(&space->bytes)};
	if ((kind & ~UINT64_C(0xff)) != CHANNEL_MAGIC || flags > UINT32_MAX ||
	    !channel_end_shape_is_valid(out) || channel_end_size(out) > bytes)
		return -EBADMSG;
	return 0;
}

static void describe(struct channel_end *end, const struct channel_shape *shape)
{
	end->ring = (char *)(end->space + 1);
	end->mask = shape->bytes - 1;
	end->kind = shape->kind;
	end->flags = shape->flags;
	if (end->kind == FAM_OBJECT_STREAM)
		end->flags |= CHANNEL_ONE;
	end->secret = fam_word_peek(&end->space->secret);
}

static int begin(struct channel_end *end)
{
	uint64_t head, tail;
	int r = channel_role_take(end);

	if (r < 0)
		return r;
	head = fam_word_get(&end->space->head);
	tail = fam_word_get(&end->space->tail);
	if (head - tail <= end->mask + 1 || head == tail)
		return 0;
	channel_role_leave(end);
	return -EBADMSG;
}

int channel_end_attach(struct fam *fam, void *memory, uint64_t bytes,
		       uint32_t kind, bool sends, struct channel_end **out)
{
	_cleanup_free_ struct channel_end *end = calloc(1, sizeof(*end));
	struct channel_shape shape = {0};
	int r;

	if (!end)
		return -ENOMEM;
	end->self = fam_park_self(fam);
	if (!end->self)
		return fam_park_why(fam);
	if (bytes < sizeof(struct channel_space))
		return -EINVAL;
	r = check_place(fam, memory, bytes);
	if (r == 0)
		r = read_shape(memory, bytes, &shape);
	if (r < 0)
		return r;
	if (shape.kind != kind)
		return -EBADMSG;
	end->fam = fam;
	end->space = memory;
	end->sends = sends;
	describe(end, &shape);
	r = begin(end);
	if (r < 0)
		return r;
	*out = end;
	end = NULL;
	return 0;
}

/* --- by name --------------------------------------------------------------------- */

struct named {
	uint32_t kind;
	const struct channel_shape *shape; /* or NULL */
};

static int make_named(struct fam *fam, void *memory, uint64_t bytes, void *arg)
{
	const struct named *named = arg;

	(void)fam;
	if (channel_end_size(named->shape) > bytes)
		return -EINVAL;
	return write_shape(memory, named->shape);
}

/* What was on its way when the host went down is lost: it begins anew. */
static int mend_named(struct fam *fam, void *memory, uint64_t bytes, void *arg)
{
	const struct named *named = arg;
	struct channel_shape shape;

	if (read_shape(memory, bytes, &shape) == 0 && shape.kind == named->kind)
		return write_shape(memory, &shape);
	return named->shape ? make_named(fam, memory, bytes, arg) : -EBADMSG;
}

int channel_end_open(struct fam *fam, const char *name, uint32_t kind,
		     const struct channel_shape *shape, bool sends,
		     struct channel_end **out)
{
	struct named named = {kind, shape};
	struct fam_object_want want = {
		.type = kind,
		.flags = shape ? FAM_OBJECT_CREATE : 0,
		.bytes = shape ? channel_end_size(shape) : 0,
		.make = make_named,
		.mend = mend_named,
		.arg = &named,
	};
	struct fam_object *object;
	int r;

	if (shape && !channel_end_shape_is_valid(shape))
		return -EINVAL;
	r = fam_object_open(fam, name, &want, &object);
	if (r < 0)
		return r;
	r = channel_end_attach(fam, fam_object_memory(object),
			       fam_object_bytes(object), kind, sends, out);
	if (r < 0)
		fam_object_close(object);
	else
		(*out)->object = object;
	return r;
}

void channel_end_close(struct channel_end *end)
{
	if (!end)
		return;
	channel_role_leave(end);
	fam_object_close(end->object);
	free(end);
}
