// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
/*
 * For a program that believes to have made regions durable and has not: that must
 * be found, or finding nothing with the real library proves nothing.
 */
#include "fam-persist.h"

int __wrap_fam_persist_range(struct fam *fam, uint64_t offset, size_t len);
int __wrap_fam_persist_ranges(struct fam *fam, const char *base,
			      const struct fam_range *ranges, size_t count);

int __wrap_fam_persist_range(struct fam *fam, uint64_t offset, size_t len)
{
	(void)fam;
	(void)offset;
	(void)len;
	return 0;
}

int __wrap_fam_persist_ranges(struct fam *fam, const char *base,
			      const struct fam_range *ranges, size_t count)
{
	(void)fam;
	(void)base;
	(void)ranges;
	(void)count;
	return 0;
}
