// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include "fam-server.h"

#define SERVER_PREFIX "server:"

/* Raw: every byte is the user's, unless there is a format to protect. */
static int adopt_raw(struct fam *fam, int format)
{
	if (format == 0 || format == -EPROTONOSUPPORT)
		return -EEXIST;
	if (format != -EMEDIUMTYPE)
		return format;
	if (fam->source.size == 0)
		return -ENODATA;
	fam->data_bytes = fam->source.size;
	return 0;
}

static int adopt_formatted(struct fam *fam)
{
	const struct fam_superblock *sb = &fam->sb;

	if (sb->feature_ro_compat && fam->source.writable)
		return -EROFS;
	if (sb->size > fam->source.size)
		return -ENODATA;
	fam->formatted = true;
	fam->durability = (enum fam_durability)sb->durability;
	fam->data_offset = sb->data_offset;
	fam->data_bytes = sb->data_bytes;
	return 0;
}

/* Read what the source says about itself and take it over if it may be. */
static int adopt(struct fam *fam, bool raw)
{
	struct fam_superblock sb[FAM_SUPERBLOCK_COPIES];
	unsigned int chosen;
	int r;

	if (fam->source.fd < 0)
		return 0;
	r = fam_source_superblocks(&fam->source, sb);
	if (r < 0)
		return r;
	r = fam_superblock_choose(sb, &chosen, &fam->damaged);
	if (raw)
		return adopt_raw(fam, r);
	if (r < 0)
		return r;
	fam->sb = sb[chosen];
	return adopt_formatted(fam);
}

static int find(struct fam *fam, const char *name, unsigned int flags)
{
	const size_t prefix = sizeof(SERVER_PREFIX) - 1;
	bool writable = !(flags & FAM_OPEN_RDONLY);

	if (name && strncmp(name, SERVER_PREFIX, prefix) == 0)
		return fam_server_open(name + prefix, writable,
				       !(flags & FAM_OPEN_DOORBELL),
				       &fam->source, &fam->server);
	/* Nodes have no doorbells yet, files never will. */
	if (flags & FAM_OPEN_DOORBELL)
		return -EINVAL;
	return fam_find(name, writable, &fam->source);
}

int fam_open(struct fam **out, const char *name, unsigned int flags)
{
	struct fam *fam;
	int r;

	if (flags & ~(FAM_OPEN_RDONLY | FAM_OPEN_RAW | FAM_OPEN_DOORBELL))
		return -EINVAL;
	fam = calloc(1, sizeof(*fam));
	if (!fam)
		return -ENOMEM;
	r = find(fam, name, flags);
	if (r < 0) {
		free(fam);
		return r;
	}
	r = adopt(fam, flags & FAM_OPEN_RAW);
	if (r < 0) {
		fam_source_close(&fam->source);
		fam_server_close(fam->server);
		free(fam);
		return r;
	}
	fam->persist = fam_persist_choose(fam);
	pthread_mutex_init(&fam->lock, NULL);
	pthread_mutex_init(&fam->sync_lock, NULL);
	*out = fam;
	return 0;
}

static void window_free(struct fam_window *window)
{
	munmap(window->pages, window->page_bytes);
	free(window);
}

void fam_close(struct fam *fam)
{
	if (!fam)
		return;
	while (fam->windows) {
		struct fam_window *window = fam->windows;

		fam->windows = window->next;
		window_free(window);
	}
	pthread_mutex_destroy(&fam->lock);
	pthread_mutex_destroy(&fam->sync_lock);
	fam_source_close(&fam->source);
	fam_server_close(fam->server);
	free(fam);
}

/* Map the whole pages around @length bytes at @start of the source. */
static int window_map(const struct fam_source *source, uint64_t start,
		      uint64_t length, struct fam_window *window)
{
	uint64_t page = source->page_bytes;
	uint64_t first = start / page * page;
	uint64_t bytes = (start - first + length + page - 1) / page * page;
	int r;

	if (bytes > SIZE_MAX)
		return -ENOMEM;
	r = fam_source_map(source, first, (size_t)bytes, &window->pages);
	if (r < 0)
		return r;
	window->page_bytes = (size_t)bytes;
	window->start = (char *)window->pages + (start - first);
	window->length = (size_t)length;
	return 0;
}

int fam_map(struct fam *fam, uint64_t offset, uint64_t length, void **out)
{
	struct fam_window *window;
	int r;

	if (fam->source.fd < 0)
		return -ENODATA;
	if (offset >= fam->data_bytes || length > fam->data_bytes - offset)
		return -ERANGE;
	if (length == 0)
		length = fam->data_bytes - offset;
	r = fam_source_recheck(&fam->source);
	if (r < 0)
		return r;
	window = malloc(sizeof(*window));
	if (!window)
		return -ENOMEM;
	r = window_map(&fam->source, fam->data_offset + offset, length, window);
	if (r < 0) {
		free(window);
		return r;
	}
	pthread_mutex_lock(&fam->lock);
	window->next = fam->windows;
	fam->windows = window;
	pthread_mutex_unlock(&fam->lock);
	*out = window->start;
	return 0;
}

/* Take the window that begins at @addr out of the list; NULL if none does. */
static struct fam_window *window_remove(struct fam *fam, const char *addr)
{
	struct fam_window *window, **link;

	pthread_mutex_lock(&fam->lock);
	for (link = &fam->windows; *link; link = &(*link)->next) {
		if ((*link)->start == addr)
			break;
	}
	window = *link;
	if (window)
		*link = window->next;
	pthread_mutex_unlock(&fam->lock);
	return window;
}

int fam_unmap(struct fam *fam, void *addr)
{
	struct fam_window *window;

	if (!addr)
		return 0;
	window = window_remove(fam, addr);
	if (!window)
		return -EINVAL;
	window_free(window);
	return 0;
}

static bool window_holds(const struct fam_window *window, uintptr_t addr,
			 size_t len)
{
	uintptr_t start = (uintptr_t)window->start;

	return addr >= start && addr - start <= window->length &&
	       len <= window->length - (addr - start);
}

bool fam_map_holds(struct fam *fam, const void *addr, size_t len)
{
	const struct fam_window *window;

	pthread_mutex_lock(&fam->lock);
	for (window = fam->windows; window; window = window->next) {
		if (window_holds(window, (uintptr_t)addr, len))
			break;
	}
	pthread_mutex_unlock(&fam->lock);
	return window;
}

static void describe_format(const struct fam *fam, struct fam_info *info)
{
	info->size = fam->source.size;
	if (!fam->formatted)
		return;
	info->size = fam->sb.size;
	info->formatted = 1;
	info->version = fam->sb.version;
	info->generation = fam->sb.generation;
	info->created_ns = fam->sb.created_ns;
	info->damaged = fam->damaged;
	fam_uuid_format(fam->sb.uuid, info->uuid);
	memcpy(info->label, fam->sb.label, sizeof(info->label));
}

_Static_assert(sizeof(((struct fam_info *)0)->label) == FAM_LABEL_BYTES,
	       "a label fits");
_Static_assert(sizeof(((struct fam_info *)0)->uuid) >= FAM_UUID_TEXT,
	       "a UUID fits");

static void describe_cache(const struct fam *fam, struct fam_info *info)
{
	if (fam->source.fd < 0)
		strcpy(info->cache_source, "there is no memory");
	else
		info->cache = fam_cachetype_get(&fam->source, fam->data_offset,
						info->cache_source);
}

static void describe_server(const struct fam_server *server,
			    struct fam_info *info)
{
	if (!server)
		return;
	info->peer = server->self;
	info->vectors = server->vectors;
	strcpy(info->server, server->path);
}

_Static_assert(sizeof(((struct fam_info *)0)->server) >= FAM_SERVER_PATH_MAX,
	       "the path of a socket fits");

int fam_get_info(struct fam *fam, struct fam_info *info, size_t size)
{
	struct fam_info full = {
		.data_bytes = fam->data_bytes,
		.data_offset = fam->data_offset,
		.page_bytes = fam->source.page_bytes,
		.durability = fam->durability,
		.read_only = !fam->source.writable,
		.transport = fam->source.transport,
		.persist = fam->persist->way,
	};
	size_t known = size < sizeof(full) ? size : sizeof(full);

	if (size == 0)
		return -EINVAL;
	describe_format(fam, &full);
	describe_cache(fam, &full);
	describe_server(fam->server, &full);
	strcpy(full.path, fam->source.path);
	strcpy(full.device, fam->source.device);
	memcpy(info, &full, known);
	memset((char *)info + known, 0, size - known);
	return 0;
}
