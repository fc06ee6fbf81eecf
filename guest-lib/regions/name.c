// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
/* Names of regions. */
#include <string.h>

#include "fam-region.h"
#include "objects/fam-directory.h"

/* "." and "..", and none at all: programs take names for paths. */
static bool is_part(const char *part, size_t length)
{
	return length > 0 && !(length == 1 && part[0] == '.') &&
	       !(length == 2 && part[0] == '.' && part[1] == '.');
}

static bool has_good_parts(const char *name)
{
	for (;;) {
		const char *end = strchrnul(name, '/');

		if (!is_part(name, (size_t)(end - name)))
			return false;
		if (!*end)
			return true;
		name = end + 1;
	}
}

bool fam_region_text_is_good(const char *text)
{
	unsigned int step;

	for (; *text; text += step) {
		step = fam_name_character(text);
		if (!step)
			return false;
	}
	return true;
}

int fam_region_name_check(const char *name)
{
	if (strnlen(name, FAM_REGION_NAME_MAX) == FAM_REGION_NAME_MAX)
		return -ENAMETOOLONG;
	return has_good_parts(name) && fam_region_text_is_good(name) ? 0
								     : -EINVAL;
}
