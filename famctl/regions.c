// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <inttypes.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <fam-holder.h>
#include <fam-regions.h>
#include <fam/error.h>
#include <fam/map.h>
#include <fam/region.h>

#include "out.h"
#include "regions.h"
#include "sessions.h"
#include "util/cleanup.h"
#include "util/fdio.h"

static inline void cleanup_fam(struct fam **fam)
{
	fam_close(*fam);
}
#define _cleanup_fam_ __attribute__((cleanup(cleanup_fam)))

static void set(json_t *object, const char *key, json_t *value)
{
	json_object_set_new(object, key, value);
}

static void set_number(json_t *object, const char *key, uint64_t number)
{
	set(object, key, json_integer((json_int_t)number));
}

static int lacks(const struct fabric *fabric, struct err *err)
{
	if (!fabric->formatted)
		return err_set(err, -EOPNOTSUPP,
			       "fabric '%s' is raw: it has no regions",
			       fabric->name);
	err_set(err, -EOPNOTSUPP, "fabric '%s' has no room for regions",
		fabric->name);
	return err_hint(
		err, "one that famctl create-fabric makes has, unless it was "
		     "told --regions 0");
}

int regions_code(int error)
{
	return error == -EINVAL || error == -ENOTCONN ? -EIO : error;
}

static int failed(const struct fabric *fabric, int ret, struct err *err)
{
	switch (ret) {
	case -EOPNOTSUPP:
		return lacks(fabric, err);
	case -EBADMSG:
		err_set(err, ret,
			"the directory of regions in fabric '%s' is damaged",
			fabric->name);
		return err_hint(err, "famctl check-fabric '%s' tells where",
				fabric->path);
	default:
		return err_set(err, regions_code(ret),
			       "cannot read the regions of fabric '%s': %s",
			       fabric->name, fam_strerror(ret));
	}
}

static int attach(const struct fabric *fabric, struct fam **out,
		  struct err *err)
{
	int ret;

	if (!fabric->formatted ||
	    !(fabric->sb.feature_compat & FAM_COMPAT_REGIONS))
		return lacks(fabric, err);
	ret = fam_open(out, fabric->path, FAM_OPEN_RDONLY);
	return ret < 0 ? failed(fabric, ret, err) : 0;
}

/* Users and groups are those of this host, whatever node the region is of. */
static void set_owner(json_t *object, uint32_t uid, uint32_t gid)
{
	static struct {
		uint32_t uid, gid;
		char user[64], group[64];
		bool known;
	} last;

	if (!last.known || last.uid != uid || last.gid != gid) {
		const struct passwd *pw = getpwuid(uid);
		const struct group *gr = getgrgid(gid);

		last.uid = uid;
		last.gid = gid;
		last.known = true;
		snprintf(last.user, sizeof(last.user), "%" PRIu32, uid);
		if (pw)
			snprintf(last.user, sizeof(last.user), "%s",
				 pw->pw_name);
		snprintf(last.group, sizeof(last.group), "%" PRIu32, gid);
		if (gr)
			snprintf(last.group, sizeof(last.group), "%s",
				 gr->gr_name);
	}
	set_number(object, "uid", uid);
	set_number(object, "gid", gid);
	set(object, "owner", out_json_text(last.user));
	set(object, "group", out_json_text(last.group));
}

static void set_type(json_t *object, uint32_t type)
{
	char text[16];

	set_number(object, "type", type);
	snprintf(text, sizeof(text), "0x%" PRIx32, type);
	set(object, "type_name",
	    json_string(type == FAM_REGION_PLAIN  ? "plain"
			: type == FAM_REGION_HEAP ? "heap"
						  : text));
}

/* As ls(1) has it, beside the number: "rw-r-----". */
static void set_mode(json_t *object, uint32_t mode)
{
	char text[16];

	snprintf(text, sizeof(text), "%04" PRIo32, mode & 07777);
	set(object, "mode", json_string(text));
	for (unsigned int i = 0; i < 9; i++)
		text[i] = mode & 0400u >> i ? "rwx"[i % 3] : '-';
	text[9] = '\0';
	set(object, "rights", json_string(text));
}

static void set_open(json_t *object, const struct fam_region_info *info)
{
	char text[48] = "-";

	set_number(object, "readers", info->readers);
	set_number(object, "writers", info->writers);
	set(object, "exclusive", json_boolean(info->exclusive));
	if (info->exclusive)
		snprintf(text, sizeof(text), "exclusive");
	else if (info->readers || info->writers)
		snprintf(text, sizeof(text), "%" PRIu32 "r %" PRIu32 "w",
			 info->readers, info->writers);
	set(object, "users", json_string(text));
}

static json_t *region_json(const struct fam_region_info *info)
{
	json_t *object = json_object();
	char text[32];

	set(object, "name", out_json_text(info->name));
	set_number(object, "bytes", info->bytes);
	set_number(object, "space", info->space);
	set_number(object, "offset", info->offset);
	snprintf(text, sizeof(text), "0x%" PRIx64, info->offset);
	set(object, "at", json_string(text));
	set_type(object, info->type);
	set_mode(object, info->mode);
	set_owner(object, info->uid, info->gid);
	set_open(object, info);
	set_number(object, "serial", info->serial);
	set_number(object, "generation", info->generation);
	set_number(object, "created_ns", info->created_ns);
	set_number(object, "changed_ns", info->changed_ns);
	set(object, "node", out_json_text(info->node));
	return object;
}

static int add_region(const struct fam_region_info *info, void *rows)
{
	json_array_append_new(rows, region_json(info));
	return 0;
}

int regions_list(const struct fabric *fabric, const char *prefix, json_t **out,
		 struct err *err)
{
	_cleanup_fam_ struct fam *fam = NULL;
	int ret = attach(fabric, &fam, err);

	*out = json_array();
	if (ret < 0)
		return ret;
	ret = fam_region_each(fam, prefix, add_region, *out);
	return ret < 0 ? failed(fabric, ret, err) : 0;
}

/* --- who has it open ---------------------------------------------------------------- */

static const char *session_word(enum sessions_state state)
{
	static const char *const words[] = {
		[SESSIONS_LIVE] = "live",
		[SESSIONS_SILENT] = "silent",
		[SESSIONS_DEAD] = "dead",
		[SESSIONS_JOINING] = "joining",
	};

	return words[state];
}

static const char *access_word(uint64_t holder)
{
	if (holder & FAM_REGIONS_OPEN_EXCLUSIVE)
		return "exclusive";
	return holder & FAM_REGIONS_OPEN_WRITE ? "write" : "read";
}

static json_t *opening_json(const struct sessions_one *one, uint64_t holder)
{
	json_t *object = json_object();
	char id[24];

	snprintf(id, sizeof(id), "%016" PRIx64, one->id);
	set(object, "session", json_string(id));
	set_number(object, "peer", one->peer);
	set(object, "node", out_json_text(one->said.node_name));
	set(object, "program", out_json_text(one->said.name));
	set_number(object, "pid", one->said.pid);
	set(object, "state", json_string(session_word(one->state)));
	set(object, "access", json_string(access_word(holder)));
	return object;
}

/* What the dead had open does not count any more. */
static void add_openings(json_t *openings, const struct sessions *sessions,
			 uint64_t holder)
{
	for (size_t i = 0; i < sessions->count; i++) {
		const struct sessions_one *one = &sessions->one[i];

		if (fam_holder(one->id) == fam_holder_of(holder) &&
		    (one->state == SESSIONS_LIVE ||
		     one->state == SESSIONS_SILENT))
			json_array_append_new(openings,
					      opening_json(one, holder));
	}
}

/* The records of the directory: 32 bits of the serial tell whose they are. */
static int read_openings(const struct fabric *fabric, uint64_t serial,
			 json_t *openings, struct err *err)
{
	const struct fam_superblock *sb = &fabric->sb;
	struct fam_regions_places places =
		fam_regions_places(fam_regions_fit(sb->regions_bytes));
	_cleanup_free_ struct sessions *sessions = NULL;
	_cleanup_free_ struct fam_regions_open *open = NULL;
	_cleanup_close_ int fd = -1;
	int ret = sessions_read(fabric, &sessions, err);

	if (ret < 0)
		return ret;
	open = calloc(places.opens + 1, sizeof(*open));
	if (!open)
		return err_sys(err, ENOMEM, "cannot read who has it open");
	fd = fabric_reopen(fabric, O_RDONLY, err);
	if (fd < 0)
		return fd;
	ret = fdio_pread(fd, open, places.opens * sizeof(*open),
			 sb->regions_offset + places.open);
	if (ret < 0)
		return err_sys(err, -ret, "cannot read who has it open");
	for (uint32_t i = 0; i < places.opens; i++) {
		uint64_t holder = fam_word_peek(&open[i].holder);
		uint64_t what = fam_word_peek(&open[i].what);

		if (fam_holder_of(holder) && what >> 32 == (uint32_t)serial)
			add_openings(openings, sessions, holder);
	}
	return 0;
}

int regions_find(const struct fabric *fabric, const char *name, json_t **out,
		 struct err *err)
{
	_cleanup_fam_ struct fam *fam = NULL;
	struct fam_region_info info = {0};
	json_t *openings;
	int ret = attach(fabric, &fam, err);

	if (ret < 0)
		return ret;
	ret = fam_region_find(fam, name, &info, sizeof(info));
	/* A name no region can have is one that none has. */
	if (ret == -ENOENT || ret == -EINVAL || ret == -ENAMETOOLONG) {
		err_set(err, -ENOENT, "fabric '%s' has no region '%s'",
			fabric->name, name);
		return err_hint(err, "famctl list-regions '%s' lists them",
				fabric->path);
	}
	if (ret < 0)
		return failed(fabric, ret, err);
	openings = json_array();
	ret = read_openings(fabric, info.serial, openings, err);
	if (ret < 0) {
		json_decref(openings);
		return ret;
	}
	*out = region_json(&info);
	set(*out, "openings", openings);
	return 0;
}
