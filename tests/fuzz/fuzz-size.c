// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
/* Sizes as people type them. */
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "fabric.h"
#include "must.h"
#include "util/size.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

/* The grammar of size.h said again, as simply as can be. */
static bool looks_like_a_size(const char *text)
{
	static const char *const unit[] = {"",	  "k",	 "m",	"g",  "t",
					   "kib", "mib", "gib", "tib"};
	size_t digits = strspn(text, "0123456789");

	for (size_t i = 0; digits && i < sizeof(unit) / sizeof(unit[0]); i++) {
		if (strcasecmp(text + digits, unit[i]) == 0)
			return true;
	}
	return false;
}

/* "16 GiB" is for people; without its blank it is a size again. */
static void check_format(uint64_t bytes)
{
	char text[SIZE_TEXT_MAX], again[SIZE_TEXT_MAX];
	uint64_t parsed = 0;
	char *blank;

	must(size_format(bytes, text) == text);
	blank = strchr(text, ' ');
	must(blank != NULL);
	if (strchr(text, '.'))
		return;
	if (strcmp(blank, " B") == 0)
		*blank = '\0';
	else
		memmove(blank, blank + 1, strlen(blank));
	must(size_parse(text, &parsed) == 0 && parsed <= bytes);
	must(strcmp(size_format(parsed, text), size_format(bytes, again)) == 0);
	must(!size_is_power_of_two(bytes) || parsed == bytes);
}

/* What famctl prints as a size to type is exactly that size. */
static void check_typed(uint64_t bytes)
{
	char text[SIZE_TEXT_MAX];
	uint64_t parsed = 0;

	must(size_parse(fabric_size_text(bytes, text), &parsed) == 0);
	must(parsed == bytes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	char *text = malloc(len + 1);
	uint64_t bytes = 0xabcd;
	int ret;

	memcpy(text, data, len);
	text[len] = '\0';
	ret = size_parse(text, &bytes);
	must(ret == 0 || ret == -EINVAL || ret == -ERANGE);
	must((ret != -EINVAL) == looks_like_a_size(text));
	must(ret == 0 || bytes == 0xabcd);
	if (ret == 0) {
		check_format(bytes);
		check_typed(bytes);
	}
	free(text);
	return 0;
}
