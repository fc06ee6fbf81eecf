// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
#include <string.h>
#include <sys/mman.h>

#include "fam-persist.h"

#define SECOND_NS INT64_C(1000000000)

/* --- no way ---------------------------------------------------------------- */

static int none_failed(struct fam *fam)
{
	(void)fam; /* nothing can be done about it */
	return -EOPNOTSUPP;
}

static int none_post(struct fam *fam, struct fam_ask *ask)
{
	(void)ask;
	return none_failed(fam);
}

static int none_wait(struct fam *fam, const struct fam_ask *ask)
{
	(void)ask;
	return none_failed(fam);
}

static const struct fam_persist_ops none = {
	.way = FAM_PERSIST_NONE,
	.post = none_post,
	.wait = none_wait,
	.failed = none_failed,
};

/* --- the CPU's part is all: it was done when the range was asked for -------- */

static int cpu_post(struct fam *fam, struct fam_ask *ask)
{
	if (ask->async)
		ask->ticket = atomic_fetch_add(&fam->way->tickets, 1) + 1;
	return fam->persist->failed(fam);
}

static int cpu_wait(struct fam *fam, const struct fam_ask *ask)
{
	if (ask->ticket != FAM_TICKET_ALL &&
	    ask->ticket > atomic_load(&fam->way->tickets))
		return -EINVAL;
	return fam->persist->failed(fam);
}

/* Durability "guest": the memory is the host's, the CPU's caches are not. */
static int drain_failed(struct fam *fam)
{
	(void)fam; /* memory does not fail */
	return 0;
}

static const struct fam_persist_ops drain = {
	.way = FAM_PERSIST_DRAIN,
	.cpu = true,
	.post = cpu_post,
	.wait = cpu_wait,
	.failed = drain_failed,
};

/* Persistent memory keeps nothing that the file system gives to others. */
static int dax_failed(struct fam *fam)
{
	return fam_file_check(fam->source.fd, fam->source.size);
}

static const struct fam_persist_ops dax = {
	.way = FAM_PERSIST_DAX,
	.cpu = true,
	.post = cpu_post,
	.wait = cpu_wait,
	.failed = dax_failed,
};

/* --- mailbox --------------------------------------------------------------- */

static int mailbox_post(struct fam *fam, struct fam_ask *ask)
{
	return fam_client_post(&fam->way->client, ask);
}

static int mailbox_wait(struct fam *fam, const struct fam_ask *ask)
{
	return fam_client_wait(&fam->way->client, ask);
}

static int mailbox_failed(struct fam *fam)
{
	return fam_client_failed(&fam->way->client);
}

static const struct fam_persist_ops mailbox = {
	.way = FAM_PERSIST_MAILBOX,
	.post = mailbox_post,
	.wait = mailbox_wait,
	.failed = mailbox_failed,
};

/* --- which way -------------------------------------------------------------- */

static bool has_mailbox(const struct fam *fam)
{
	return fam->formatted && fam->sb.feature_compat & FAM_COMPAT_MAILBOX;
}

static bool map_mailbox(struct fam *fam)
{
	void *box;

	if (!has_mailbox(fam) ||
	    fam_source_map(&fam->source, fam->sb.mailbox_offset,
			   sizeof(struct fam_mailbox), &box) < 0)
		return false;
	fam->way->box = box;
	return true;
}

static const struct fam_persist_ops *use_mailbox(struct fam *fam)
{
	if (!map_mailbox(fam))
		return &none;
	fam_client_init(&fam->way->client, fam->way->box, &fam->bells->bell);
	return &mailbox;
}

/* On the host. Without a file of its own a program asks the server. */
static const struct fam_persist_ops *use_file(struct fam *fam)
{
	if (fam->source.dax)
		return &dax;
	if (fam->source.in_memory)
		return &none;
	return fam_host_open(fam) < 0 ? use_mailbox(fam) : &fam_way_host;
}

static const struct fam_persist_ops *use_device(struct fam *fam)
{
	struct fam_way *way = fam->way;

	/* To find the window, something is stored to the fabric. */
	if (fam->formatted && fam->source.writable)
		way->fd = fam_window_open(&fam->source, &fam->sb, way->window);
	if (way->fd < 0)
		return use_mailbox(fam);
	map_mailbox(fam); /* for the mark of failed write-backs */
	fam_window_begin(fam);
	return &fam_way_window;
}

static const struct fam_persist_ops *choose(struct fam *fam)
{
	if (fam->durability == FAM_DURABILITY_GUEST)
		return &drain;
	if (fam->source.fd < 0)
		return &none;
	return fam->source.via == FAM_VIA_FILE ? use_file(fam)
					       : use_device(fam);
}

int fam_way_open(struct fam *fam)
{
	fam->way = calloc(1, sizeof(*fam->way));
	if (!fam->way)
		return -ENOMEM;
	fam->way->fd = -1;
	fam->way->meminfo = -1;
	fam->persist = choose(fam);
	return 0;
}

void fam_way_close(struct fam *fam)
{
	struct fam_way *way = fam->way;

	if (!way)
		return;
	if (fam->persist == &mailbox)
		fam_client_destroy(&way->client);
	if (fam->persist == &fam_way_host || fam->persist == &fam_way_window)
		fam_group_destroy(&way->group);
	if (way->map)
		munmap(way->map, (size_t)fam->source.size);
	if (way->box)
		munmap(way->box, sizeof(*way->box));
	fam_cleanup_close(&way->fd);
	fam_cleanup_close(&way->meminfo);
	free(way);
	fam->way = NULL;
}

void fam_way_describe(struct fam *fam, struct fam_info *info)
{
	const struct fam_way *way = fam->way;

	info->persist = fam->persist->way;
	info->failed =
		fam->source.writable ? fam->persist->failed(fam) : -EROFS;
	strcpy(info->window, way->window);
	info->rings = fam->persist == &mailbox &&
		      fam_bell_can_ring(&fam->bells->bell) &&
		      way->box->flags & FAM_MAILBOX_CAN_RING;
}

_Static_assert(sizeof(((struct fam_info *)0)->window) >= FAM_WINDOW_PATH,
	       "a device's path fits");

/* --- public ----------------------------------------------------------------- */

static void set_limit(const struct fam *fam, struct fam_ask *ask, int64_t ns)
{
	if (fam->persist->cpu)
		return; /* does not wait, and is too quick to ask for the time */
	ask->began = fam_now_ns();
	ask->until = ask->began + ns;
}

/* The last one's answer is that of all before: tickets end in their order. */
int fam_persist_ranges(struct fam *fam, const struct fam_range *ranges,
		       size_t count)
{
	struct fam_ask ask = {0};
	int r = 0;

	/* Also for those who will read the memory on the CPU's behalf. */
	fam_drain(fam);
	set_limit(fam, &ask, FAM_PERSIST_SECONDS * SECOND_NS);
	for (size_t i = 0; r == 0 && i < count; i++) {
		ask.range = ranges[i];
		r = fam->persist->post(fam, &ask);
	}
	return r < 0 || fam->persist->cpu ? r : fam->persist->wait(fam, &ask);
}

int fam_persist_range(struct fam *fam, uint64_t offset, size_t len)
{
	const struct fam_range range = {offset, len};

	return fam_persist_ranges(fam, &range, 1);
}

/* May the range be made durable at all, and where does it lie? */
static int locate(struct fam *fam, const void *addr, size_t len,
		  uint64_t *offset)
{
	*offset = fam->data_offset;
	if (!fam->source.writable)
		return -EROFS;
	/* That there is no way is true of every range, also of a wrong one. */
	if (fam->persist->way == FAM_PERSIST_NONE || len == 0)
		return 0;
	return fam_map_find(fam, addr, len, offset);
}

int fam_persist(struct fam *fam, const void *addr, size_t len)
{
	uint64_t offset;
	int r = locate(fam, addr, len, &offset);

	if (r < 0)
		return r;
	if (fam->persist->cpu)
		fam_flush(fam, addr, len);
	return fam_persist_range(fam, offset, len);
}

int fam_persist_async(struct fam *fam, const void *addr, size_t len,
		      uint64_t *ticket)
{
	struct fam_ask ask = {.range.length = len, .async = true};
	int r = locate(fam, addr, len, &ask.range.offset);

	if (r < 0)
		return r;
	if (fam->persist->cpu)
		fam_flush(fam, addr, len);
	fam_drain(fam);
	set_limit(fam, &ask, FAM_PERSIST_SECONDS * SECOND_NS);
	r = fam->persist->post(fam, &ask);
	if (r == 0 && ticket)
		*ticket = ask.ticket;
	return r;
}

int fam_wait(struct fam *fam, uint64_t ticket, int timeout_ms)
{
	struct fam_ask ask = {.ticket = ticket, .interruptible = true};
	int64_t ns = timeout_ms < 0 ? FAM_PERSIST_SECONDS * SECOND_NS
				    : timeout_ms * (SECOND_NS / 1000);

	if (!fam->source.writable)
		return -EROFS;
	set_limit(fam, &ask, ns);
	return fam->persist->wait(fam, &ask);
}
