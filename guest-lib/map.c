// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "fam-bells.h"
#include "fam-park.h"
#include "fam-server.h"
#include "regions/fam-region.h"

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
	return fam_stores_check(&fam->source, sb);
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
	return fam_find(name, writable, &fam->source);
}

int fam_open(struct fam **out, const char *name, unsigned int flags)
{
	struct fam *fam;
	int r;

	if (flags & ~(FAM_OPEN_RDONLY | FAM_OPEN_RAW | FAM_OPEN_DOORBELL |
		      FAM_OPEN_NO_SESSION))
		return -EINVAL;
	fam = calloc(1, sizeof(*fam));
	if (!fam)
		return -ENOMEM;
	r = find(fam, name, flags);
	if (r < 0) {
		free(fam);
		return r;
	}
	pthread_mutex_init(&fam->lock, NULL);
	r = fam_bells_open(fam, flags & FAM_OPEN_DOORBELL);
	if (r == 0)
		r = adopt(fam, flags & FAM_OPEN_RAW);
	if (r == 0)
		r = fam_way_open(fam);
	if (r == 0)
		r = fam_park_open(fam);
	if (r == 0)
		r = fam_objects_open(fam);
	if (r == 0)
		r = fam_regions_open(fam);
	if (r == 0 && !(flags & FAM_OPEN_NO_SESSION))
		r = fam_session_open(fam);
	if (r < 0) {
		fam_close(fam);
		return r;
	}
	*out = fam;
	return 0;
}

void fam_close(struct fam *fam)
{
	if (!fam)
		return;
	fam_session_close(fam);
	fam_regions_close(fam);
	fam_objects_close(fam);
	fam_park_close(fam);
	fam_way_close(fam);
	fam_bells_close(fam);
	fam_windows_free(fam);
	pthread_mutex_destroy(&fam->lock);
	fam_source_close(&fam->source);
	fam_server_close(fam->server);
	free(fam);
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
	info->sessions = !!(fam->sb.feature_compat & FAM_COMPAT_SESSIONS);
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

static enum fam_backend backend_of(const struct fam_source *source)
{
	if (source->fd < 0)
		return FAM_BACKEND_NONE;
	switch (source->via) {
	case FAM_VIA_MODULE:
		return FAM_BACKEND_MODULE;
	case FAM_VIA_DEVMEM:
		return FAM_BACKEND_DEVMEM;
	case FAM_VIA_RESOURCE:
		return FAM_BACKEND_RESOURCE;
	default:
		return FAM_BACKEND_FILE;
	}
}

static void describe_source(const struct fam_source *source,
			    struct fam_info *info)
{
	info->backend = backend_of(source);
	info->page_bytes =
		source->entry_bytes ? source->entry_bytes : source->page_bytes;
	strcpy(info->backend_reason, source->reason);
	strcpy(info->path, source->path);
	strcpy(info->device, source->device);
}

_Static_assert(sizeof(((struct fam_info *)0)->backend_reason) >=
		       FAM_REASON_TEXT,
	       "a reason fits");

_Static_assert(sizeof(((struct fam_info *)0)->server) >= FAM_SERVER_PATH_MAX,
	       "the path of a socket fits");

int fam_get_info(struct fam *fam, struct fam_info *info, size_t size)
{
	struct fam_info full = {
		.data_bytes = fam->data_bytes,
		.data_offset = fam->data_offset,
		.durability = fam->durability,
		.read_only = !fam->source.writable,
		.transport = fam->source.transport,
	};
	size_t known = size < sizeof(full) ? size : sizeof(full);

	if (size == 0)
		return -EINVAL;
	describe_format(fam, &full);
	describe_cache(fam, &full);
	describe_source(&fam->source, &full);
	if (fam->server)
		strcpy(full.server, fam->server->path);
	fam_bells_describe(fam, &full);
	fam_way_describe(fam, &full);
	memcpy(info, &full, known);
	memset((char *)info + known, 0, size - known);
	return 0;
}
