// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
/* Which start of this host it is, for nodes to find in a fabric's file. */
#include <fcntl.h>
#include <stddef.h>

#include <fam-boot.h>

#include "fabric.h"
#include "util/cleanup.h"
#include "util/fdio.h"

void fabric_note_boot(const struct fabric *fabric)
{
	uint64_t now = fam_boot_current(), stored = 0, offset;
	_cleanup_close_ int fd = -1;
	struct err ignored;

	if (!now || !fabric->formatted ||
	    !(fabric->sb.feature_compat & FAM_COMPAT_SESSIONS))
		return;
	fd = fabric_reopen(fabric, O_RDWR, &ignored);
	offset = fabric->sb.sessions_offset +
		 offsetof(struct fam_sessions, boot);
	if (fd < 0 || fdio_pread(fd, &stored, sizeof(stored), offset) < 0 ||
	    stored == now)
		return;
	/* If it fails, nodes do not find out: as before there was this. */
	(void)fdio_pwrite(fd, &now, sizeof(now), offset);
}
