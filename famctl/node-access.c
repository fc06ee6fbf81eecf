// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
#include <errno.h>
#include <grp.h>
#include <limits.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>

#include "node-access.h"

#define GROUPS_MAX 128

/* Bits of one triple of a mode. */
#define MAY_EXEC  1
#define MAY_WRITE 2
#define MAY_READ  4

struct who {
	uid_t uid;
	gid_t group[GROUPS_MAX];
	int group_count;
	char user[64];	  /* name or number */
	char primary[64]; /* its group */
};

static void name_group(gid_t gid, char *out, size_t len)
{
	const struct group *gr = getgrgid(gid);

	if (gr)
		snprintf(out, len, "%s", gr->gr_name);
	else
		snprintf(out, len, "%u", gid);
}

/* libvirt gives QEMU @gid and all the groups of the user's own. */
static void find_who(unsigned int uid, unsigned int gid, struct who *who)
{
	const struct passwd *pw = getpwuid(uid);
	int count = GROUPS_MAX - 1;

	*who = (struct who){.uid = uid, .group = {gid}, .group_count = 1};
	name_group(pw ? pw->pw_gid : gid, who->primary, sizeof(who->primary));
	if (!pw) {
		snprintf(who->user, sizeof(who->user), "%u", uid);
		return;
	}
	snprintf(who->user, sizeof(who->user), "%s", pw->pw_name);
	if (getgrouplist(pw->pw_name, pw->pw_gid, who->group + 1, &count) < 0)
		count = GROUPS_MAX - 1;
	who->group_count += count;
}

static bool in_group(const struct who *who, gid_t gid)
{
	for (int i = 0; i < who->group_count; i++) {
		if (who->group[i] == gid)
			return true;
	}
	return false;
}

static bool may(const struct who *who, const char *path, const struct stat *st,
		unsigned int need)
{
	unsigned int shift = 0;

	if (who->uid == 0)
		return true;
	/* Modes tell only half of it then; the kernel will judge. */
	if (getxattr(path, "system.posix_acl_access", NULL, 0) > 0)
		return true;
	if (st->st_uid == who->uid)
		shift = 6;
	else if (in_group(who, st->st_gid))
		shift = 3;
	return (st->st_mode >> shift & need) == need;
}

static int denied(const struct who *who, const char *path, unsigned int need,
		  struct err *err)
{
	bool dir = need == MAY_EXEC, write = need & MAY_WRITE;

	err_set(err, -EACCES, "QEMU runs as user '%s', who may not %s '%s'",
		who->user,
		dir	? "enter directory"
		: write ? "read and write"
			: "read",
		path);
	return err_hint(err, "%schgrp %s '%s' && chmod %s '%s'",
			dir ? "keep it where QEMU may go, as in /var/lib/fam, "
			      "or let its group in: "
			    : "",
			who->primary, path,
			dir	? "g+x"
			: write ? "g+rw"
				: "g+r",
			path);
}

static int check_one(const struct who *who, const char *path, unsigned int need,
		     struct err *err)
{
	struct stat st;

	if (stat(path, &st) < 0)
		return err_sys(err, errno, "'%s'", path);
	return may(who, path, &st, need) ? 0 : denied(who, path, need, err);
}

/* Each directory on the way from the root, then the file. */
static int walk(const struct who *who, const char *path, unsigned int need,
		struct err *err)
{
	char part[PATH_MAX] = "/";
	const char *slash = path;
	int ret = check_one(who, part, MAY_EXEC, err);

	while (ret == 0 && (slash = strchr(slash + 1, '/'))) {
		snprintf(part, sizeof(part), "%.*s", (int)(slash - path), path);
		ret = check_one(who, part, MAY_EXEC, err);
	}
	return ret == 0 && need ? check_one(who, path, need, err) : ret;
}

int node_access_check(struct virt *virt, const char *path,
		      enum node_access access, struct err *err)
{
	static const unsigned int needs[] = {[NODE_ACCESS_READ] = MAY_READ,
					     [NODE_ACCESS_BOTH] =
						     MAY_READ | MAY_WRITE};
	char real[PATH_MAX];
	unsigned int uid, gid;
	struct who who;
	int ret = virt_qemu_identity(virt, &uid, &gid, err);

	if (ret == -ENOTSUP)
		return 0;
	if (ret < 0)
		return ret;
	if (!realpath(path, real))
		return err_sys(err, errno, "'%s'", path);
	find_who(uid, gid, &who);
	return walk(&who, real, needs[access], err);
}
