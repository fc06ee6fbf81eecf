// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fabric-access.h"
#include "out.h"

int fabric_access_mode(const char *text, mode_t *out, struct err *err)
{
	char *end;
	unsigned long mode;

	*out = geteuid() == 0 ? 0660 : 0600;
	if (!text)
		return 0;
	mode = strtoul(text, &end, 8);
	if (!strchr("01234567", text[0]) || *end || mode > 0777) {
		err_set(err, -EINVAL, "mode '%s' is not an octal mode", text);
		return err_hint(err, "three octal digits, such as 660");
	}
	if ((mode & 0600) != 0600)
		return err_set(
			err, -EINVAL,
			"mode '%s' does not let the owner read and write",
			text);
	*out = (mode_t)mode;
	return 0;
}

/* The group of the user libvirt runs QEMU as, by the names it has in practice.
 */
static bool qemu_group(gid_t *group)
{
	static const char *const user[] = {"libvirt-qemu", "qemu"};

	for (size_t i = 0; i < sizeof(user) / sizeof(user[0]); i++) {
		const struct passwd *pw = getpwnam(user[i]);

		if (pw) {
			*group = pw->pw_gid;
			return true;
		}
	}
	return false;
}

static int named_group(const char *text, gid_t *group, struct err *err)
{
	const struct group *gr = getgrnam(text);
	char *end;
	unsigned long gid;

	if (gr) {
		*group = gr->gr_gid;
		return 0;
	}
	gid = strtoul(text, &end, 10);
	if (text[0] < '0' || text[0] > '9' || *end || gid >= UINT32_MAX)
		return err_set(err, -EINVAL, "there is no group '%s'", text);
	*group = (gid_t)gid;
	return 0;
}

int fabric_access_group(const char *text, mode_t mode, const char *path,
			gid_t *group, struct err *err)
{
	*group = (gid_t)-1;
	if (text)
		return named_group(text, group, err);
	if (geteuid() != 0 || !(mode & 060) || qemu_group(group))
		return 0;
	out_warn(
		"there is no user 'libvirt-qemu' or 'qemu': find the user that "
		"runs QEMU, then: chgrp GROUP '%s'",
		path);
	return 0;
}

int fabric_access_set(int fd, mode_t mode, gid_t group, struct err *err)
{
	if (group != (gid_t)-1 && fchown(fd, (uid_t)-1, group) < 0)
		return err_sys(err, errno, "cannot give the file to group %u",
			       group);
	if (fchmod(fd, mode) < 0)
		return err_sys(err, errno, "cannot set mode %04o", mode);
	return 0;
}
