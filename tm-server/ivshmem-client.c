// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
/*
 * The receiving side: judges every message of a server that may be anybody's.
 */
#include <errno.h>

#include "ivshmem.h"

static int event(struct ivshmem_receipt *out, enum ivshmem_event what,
		 uint16_t id, uint16_t vector)
{
	*out = (struct ivshmem_receipt){what, id, vector};
	return 0;
}

static bool is_id(int64_t value)
{
	return value >= 0 && value < IVSHMEM_IDS;
}

static bool is_present(const struct ivshmem_client *c, uint16_t id)
{
	return c->present[id / 8] >> id % 8 & 1;
}

static void set_present(struct ivshmem_client *c, uint16_t id, bool present)
{
	uint8_t mask = (uint8_t)(1u << id % 8);

	if (present)
		c->present[id / 8] |= mask;
	else
		c->present[id / 8] &= (uint8_t)~mask;
}

static int receive_version(struct ivshmem_client *c, int64_t value,
			   struct ivshmem_receipt *out)
{
	int64_t want = c->dialect == IVSHMEM_HOST
			       ? IVSHMEM_HOST_MAGIC << 32 | IVSHMEM_HOST_VERSION
			       : IVSHMEM_VERSION;

	if (value != want)
		return -EPROTO;
	c->versioned = true;
	return event(out, IVSHMEM_EVENT_VERSION, 0, 0);
}

static int receive_self(struct ivshmem_client *c, int64_t value,
			struct ivshmem_receipt *out)
{
	if (!is_id(value))
		return -EPROTO;
	c->named = true;
	c->id = (uint16_t)value;
	return event(out, IVSHMEM_EVENT_SELF, c->id, 0);
}

static int receive_memory(struct ivshmem_client *c, struct ivshmem_receipt *out)
{
	if (c->mapped || !c->named ||
	    (c->dialect == IVSHMEM_HOST && !c->vectors))
		return -EPROTO;
	c->mapped = true;
	return event(out, IVSHMEM_EVENT_MEMORY, 0, 0);
}

static int receive_doorbell(struct ivshmem_client *c, int64_t value,
			    struct ivshmem_receipt *out)
{
	uint16_t id = (uint16_t)value, vector;

	if (!c->mapped || c->seen[id] >= IVSHMEM_VECTORS_MAX)
		return -EPROTO;
	vector = c->seen[id];
	if (c->dialect == IVSHMEM_HOST &&
	    (value >> 16 != vector || vector >= c->vectors))
		return -EPROTO;
	if (c->dialect != IVSHMEM_HOST && !is_id(value))
		return -EPROTO;
	c->seen[id]++;
	return event(out, IVSHMEM_EVENT_DOORBELL, id, vector);
}

/* Modern and legacy: an ID without a descriptor says that it left. */
static int receive_left(struct ivshmem_client *c, int64_t value,
			struct ivshmem_receipt *out)
{
	if (!is_id(value) || value == c->id || !c->seen[value])
		return -EPROTO;
	c->seen[value] = 0;
	return event(out, IVSHMEM_EVENT_LEFT, (uint16_t)value, 0);
}

static int receive_ready(struct ivshmem_client *c, struct ivshmem_receipt *out)
{
	if (c->ready || !c->mapped || c->seen[c->id] != c->vectors)
		return -EPROTO;
	c->ready = true;
	return event(out, IVSHMEM_EVENT_READY, 0, 0);
}

static int receive_presence(struct ivshmem_client *c, uint16_t id, bool present,
			    struct ivshmem_receipt *out)
{
	if (id == c->id || !c->mapped || c->seen[id] != c->vectors ||
	    is_present(c, id) == present)
		return -EPROTO;
	set_present(c, id, present);
	return event(out, present ? IVSHMEM_EVENT_ATTACHED : IVSHMEM_EVENT_LEFT,
		     id, 0);
}

static int receive_vectors(struct ivshmem_client *c, uint16_t n,
			   struct ivshmem_receipt *out)
{
	if (!c->named || c->vectors || n == 0 || n > IVSHMEM_VECTORS_MAX)
		return -EPROTO;
	c->vectors = n;
	return event(out, IVSHMEM_EVENT_VECTORS, 0, n);
}

static int receive_host(struct ivshmem_client *c, int64_t value,
			struct ivshmem_receipt *out)
{
	uint16_t low = (uint16_t)value;

	if (value >> 16 & 0xffff)
		return -EPROTO;
	switch (value >> 32) {
	case IVSHMEM_HOST_SELF:
		return c->named ? -EPROTO : receive_self(c, low, out);
	case IVSHMEM_HOST_VECTORS:
		return receive_vectors(c, low, out);
	case IVSHMEM_HOST_ATTACHED:
		return receive_presence(c, low, true, out);
	case IVSHMEM_HOST_LEFT:
		return receive_presence(c, low, false, out);
	case IVSHMEM_HOST_READY:
		return low ? -EPROTO : receive_ready(c, out);
	default:
		return -EPROTO;
	}
}

int ivshmem_receive(struct ivshmem_client *client, int64_t value, bool has_fd,
		    struct ivshmem_receipt *out)
{
	bool host = client->dialect == IVSHMEM_HOST;

	if (has_fd && value == IVSHMEM_MEMORY)
		return receive_memory(client, out);
	if (has_fd && value >= 0 && value <= UINT32_MAX)
		return receive_doorbell(client, value, out);
	if (has_fd)
		return -EPROTO;
	if (client->dialect != IVSHMEM_LEGACY && !client->versioned)
		return receive_version(client, value, out);
	if (host)
		return receive_host(client, value, out);
	if (!client->named)
		return receive_self(client, value, out);
	return receive_left(client, value, out);
}
