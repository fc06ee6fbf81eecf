// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "opt.h"
#include "util/size.h"

/* Options seen so far, so that one which stands twice is caught. */
#define OPT_SEEN_MAX 64

struct parser {
	const struct opt *const *tables;
	const struct opt *seen[OPT_SEEN_MAX];
	size_t seen_count;
	char **argv;
	int argc, next;
	struct err *err;
};

static const struct opt *find_long(const struct opt *const *tables,
				   const char *name, size_t len)
{
	for (; *tables; tables++) {
		for (const struct opt *o = *tables; o->name; o++) {
			if (strlen(o->name) == len &&
			    memcmp(o->name, name, len) == 0)
				return o;
		}
	}
	return NULL;
}

static const struct opt *find_short(const struct opt *const *tables,
				    char letter)
{
	for (; *tables; tables++) {
		for (const struct opt *o = *tables; o->name; o++) {
			if (o->letter == letter)
				return o;
		}
	}
	return NULL;
}

static int set_size(const struct opt *o, const char *value, struct err *err)
{
	uint64_t size;
	int ret = size_parse(value, &size);

	/* The largest number stands for "not given" in some targets. */
	if (ret == 0 && size < UINT64_MAX) {
		*(uint64_t *)o->target = size;
		return 0;
	}
	if (ret != -EINVAL)
		return err_set(err, -EINVAL, "--%s: '%s' is too large", o->name,
			       value);
	err_set(err, -EINVAL, "--%s: '%s' is not a size", o->name, value);
	return err_hint(err, "a whole number of bytes, or with K, M, G or T "
			     "behind it, as in 512M");
}

static int set_number(const struct opt *o, const char *value, struct err *err)
{
	char *end;

	errno = 0;
	if (*value >= '0' && *value <= '9') {
		uint64_t n = strtoull(value, &end, 10);

		if (!errno && !*end && n < UINT64_MAX) {
			*(uint64_t *)o->target = n;
			return 0;
		}
	}
	return err_set(err, -EINVAL, "--%s: '%s' is not a whole number",
		       o->name, value);
}

static int set_list(struct opt_list *list, const char *value, struct err *err)
{
	const char **item =
		realloc(list->item, (list->count + 1) * sizeof(*list->item));

	if (!item)
		return err_sys(err, ENOMEM, "cannot parse the command line");
	list->item = item;
	list->item[list->count++] = value;
	return 0;
}

static int set_value(const struct opt *o, const char *value, struct err *err)
{
	switch (o->kind) {
	case OPT_FLAG:
		*(bool *)o->target = true;
		return 0;
	case OPT_STRING:
		*(const char **)o->target = value;
		return 0;
	case OPT_SIZE:
		return set_size(o, value, err);
	case OPT_NUMBER:
		return set_number(o, value, err);
	case OPT_LIST:
		return set_list(o->target, value, err);
	}
	return 0;
}

static int check_twice(struct parser *p, const struct opt *o)
{
	if (o->kind == OPT_LIST)
		return 0;
	for (size_t i = 0; i < p->seen_count; i++) {
		if (p->seen[i] == o && o->kind != OPT_FLAG)
			return err_set(p->err, -EINVAL,
				       "option '--%s' is given twice", o->name);
	}
	if (p->seen_count < OPT_SEEN_MAX)
		p->seen[p->seen_count++] = o;
	return 0;
}

/* Sets @o from @inline_value, or from the next word if it needs one. */
static int take_option(struct parser *p, const struct opt *o,
		       const char *inline_value)
{
	const char *value = inline_value;
	int ret = check_twice(p, o);

	if (ret < 0)
		return ret;
	if (o->kind == OPT_FLAG && value)
		return err_set(p->err, -EINVAL, "option '--%s' takes no value",
			       o->name);
	if (o->kind != OPT_FLAG && !value) {
		if (p->next >= p->argc)
			return err_set(p->err, -EINVAL,
				       "option '--%s' needs a value: %s",
				       o->name, o->value);
		value = p->argv[p->next++];
	}
	return set_value(o, value, p->err);
}

static int parse_long(struct parser *p, const char *word)
{
	size_t len = strcspn(word, "=");
	const struct opt *o = find_long(p->tables, word, len);

	if (!o)
		return err_set(p->err, -EINVAL, "unknown option '--%.*s'",
			       (int)len, word);
	return take_option(p, o, word[len] ? word + len + 1 : NULL);
}

/* -l, -lVALUE, -fl: flags may be joined, the last one may have a value. */
static int parse_short(struct parser *p, const char *word)
{
	while (*word) {
		const struct opt *o = find_short(p->tables, *word);
		const char *rest = word[1] ? word + 1 : NULL;
		int ret;

		if (!o)
			return err_set(p->err, -EINVAL, "unknown option '-%c'",
				       *word);
		if (o->kind != OPT_FLAG)
			return take_option(p, o, rest);
		ret = take_option(p, o, NULL);
		if (ret < 0)
			return ret;
		word++;
	}
	return 0;
}

int opt_parse(const struct opt *const *tables, int *argc, char **argv,
	      struct err *err)
{
	struct parser p = {
		.tables = tables, .argv = argv, .argc = *argc, .err = err};
	bool only_operands = false;
	int operands = 0;

	while (p.next < p.argc) {
		char *word = argv[p.next++];
		int ret = 0;

		if (only_operands || word[0] != '-' || !word[1])
			argv[operands++] = word;
		else if (strcmp(word, "--") == 0)
			only_operands = true;
		else if (word[1] == '-')
			ret = parse_long(&p, word + 2);
		else
			ret = parse_short(&p, word + 1);
		if (ret < 0)
			return ret;
	}
	*argc = operands;
	return 0;
}

void opt_print(const struct opt *table)
{
	for (const struct opt *o = table; o->name; o++) {
		char left[64];
		char letter[8] = "    ";

		if (o->letter)
			snprintf(letter, sizeof(letter), "-%c, ", o->letter);
		snprintf(left, sizeof(left), "%s--%s%s%s", letter, o->name,
			 o->value ? " " : "", o->value ? o->value : "");
		printf("  %-28s %s\n", left, o->help);
	}
}
