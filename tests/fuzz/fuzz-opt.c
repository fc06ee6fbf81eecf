// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
/* Command lines: words separated by NUL bytes. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "opt.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

#define WORDS_MAX 64

static bool flag;
static const char *string;
static uint64_t size, number;
static struct opt_list list;

static const struct opt table[] = {
	{"flag", 'f', OPT_FLAG, NULL, "", &flag},
	{"string", 's', OPT_STRING, "S", "", &string},
	{"size", 0, OPT_SIZE, "S", "", &size},
	{"number", 'n', OPT_NUMBER, "N", "", &number},
	{"list", 'l', OPT_LIST, "L", "", &list},
	{0}};
static const struct opt *const tables[] = {table, NULL};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	char *text = malloc(len + 1);
	char *words[WORDS_MAX];
	struct err err;
	int count = 0, before;

	memcpy(text, data, len);
	text[len] = '\0';
	for (size_t at = 0; at < len && count < WORDS_MAX;
	     at += strlen(text + at) + 1)
		words[count++] = text + at;
	before = count;
	if (opt_parse(tables, &count, words, &err) == 0 &&
	    (count < 0 || count > before))
		abort();
	free(list.item);
	list = (struct opt_list){0};
	free(text);
	return 0;
}
