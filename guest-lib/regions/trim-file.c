// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
#include <string.h>

#include "fam-region.h"

int fam_trim_file(const char *path, const uint8_t uuid[FAM_UUID_BYTES],
		  const struct fam_trim_want *want, uint64_t *trimmed)
{
	struct fam *fam;
	int error = fam_open(&fam, path, 0);

	*trimmed = 0;
	if (error < 0)
		return error;
	if (memcmp(fam->sb.uuid, uuid, FAM_UUID_BYTES) != 0)
		error = -ESTALE;
	if (error == 0)
		error = fam_regions_trim(fam, want, trimmed);
	fam_close(fam);
	return error;
}
