// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "size.h"

static const char units[] = "KMGT";

/* The shift of a unit suffix, or -1 if it is none. */
static int unit_shift(const char *suffix)
{
	const char *unit;

	if (!*suffix)
		return 0;
	unit = strchr(units, toupper((unsigned char)*suffix));
	if (!unit || (suffix[1] && strcasecmp(suffix + 1, "iB") != 0))
		return -1;
	return 10 * (int)(unit - units + 1);
}

int size_parse(const char *text, uint64_t *out)
{
	size_t digits = strspn(text, "0123456789");
	int shift = unit_shift(text + digits);
	uint64_t n = 0;

	/* First whether it is a size at all, then whether it is too large. */
	if (digits == 0 || shift < 0)
		return -EINVAL;
	for (const char *p = text; p < text + digits; p++) {
		if (__builtin_mul_overflow(n, 10, &n) ||
		    __builtin_add_overflow(n, *p - '0', &n))
			return -ERANGE;
	}
	if (n > UINT64_MAX >> shift)
		return -ERANGE;
	*out = n << shift;
	return 0;
}

const char *size_format(uint64_t bytes, char out[SIZE_TEXT_MAX])
{
	int unit = -1;
	uint64_t whole = bytes, tenths = 0;

	while (whole >= 1024 && unit < 3) {
		tenths = whole % 1024 * 10 / 1024;
		whole /= 1024;
		unit++;
	}
	if (unit < 0)
		snprintf(out, SIZE_TEXT_MAX, "%" PRIu64 " B", whole);
	else if (tenths)
		snprintf(out, SIZE_TEXT_MAX, "%" PRIu64 ".%" PRIu64 " %ciB",
			 whole, tenths, units[unit]);
	else
		snprintf(out, SIZE_TEXT_MAX, "%" PRIu64 " %ciB", whole,
			 units[unit]);
	return out;
}
