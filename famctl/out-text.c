// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
/* Text that somebody else wrote. */
#include <stdlib.h>
#include <string.h>

#include "out.h"
#include "util/cleanup.h"

size_t out_harmful(const char *text)
{
	const unsigned char *p = (const unsigned char *)text;

	if (*p < 0x20 || *p == 0x7f)
		return *p != 0;
	if (*p == 0xc2)
		return p[1] >= 0x80 && p[1] < 0xa0 ? 2 : 0;
	/* U+200E, U+200F; U+2028 to U+202E; U+2066 to U+2069. */
	if (*p == 0xe2 && p[1] == 0x80 &&
	    (p[2] == 0x8e || p[2] == 0x8f || (p[2] >= 0xa8 && p[2] <= 0xae)))
		return 3;
	return *p == 0xe2 && p[1] == 0x81 && p[2] >= 0xa6 && p[2] <= 0xa9 ? 3
									  : 0;
}

json_t *out_json_text(const char *text)
{
	_cleanup_free_ char *copy = NULL;
	json_t *value = json_string(text);

	if (value)
		return value;
	copy = strdup(text);
	for (char *p = copy; p && *p; p++) {
		if ((unsigned char)*p >= 0x80)
			*p = '?';
	}
	return json_string(copy ? copy : "");
}
