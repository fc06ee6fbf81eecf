// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
#include <ctype.h>
#include <errno.h>
#include <string.h>
#include <strings.h>

#include "fam-tool.h"

enum kind { FLAG, TEXT, SIZE, NUMBER };

/* One option: drives parsing, help, and the check against the manual. */
static const struct option {
	const char *name;
	char letter;
	enum kind kind;
	unsigned int commands; /* those it fits */
	size_t target;	       /* its place in struct options */
	const char *value, *help;
} table[] = {
#define TARGET(field) offsetof(struct options, field)
#define CMD_SPAN      (CMD_READ | CMD_WRITE | CMD_PERSIST | CMD_VERIFY)
	{"fabric", 'f', TEXT, CMD_ALL, TARGET(fabric), "NAME",
	 "label, UUID, PCI address, path, #POSITION, or server:NAME"},
	{"raw", 0, FLAG, CMD_INFO | CMD_SPAN, TARGET(raw), NULL,
	 "the fabric has no format: every byte is data"},
	{"json", 0, FLAG, CMD_INFO | CMD_LIST | CMD_PEERS, TARGET(json), NULL,
	 "print JSON"},
	{"offset", 0, SIZE, CMD_SPAN, TARGET(offset), "SIZE",
	 "begin at this byte of the data"},
	{"length", 0, SIZE, CMD_SPAN, TARGET(length), "SIZE",
	 "so many bytes, not all up to the end"},
	{"persist", 0, FLAG, CMD_WRITE, TARGET(persist), NULL,
	 "then make them survive a power cut of the host"},
	{"seed", 0, SIZE, CMD_VERIFY, TARGET(seed), "NUMBER",
	 "of the pattern; 1 if not given"},
	{"write", 0, FLAG, CMD_VERIFY, TARGET(write), NULL,
	 "write the pattern"},
	{"check", 0, FLAG, CMD_VERIFY, TARGET(check), NULL,
	 "compare with the pattern"},
	{"watch", 0, FLAG, CMD_PEERS, TARGET(watch), NULL,
	 "then tell who joins and leaves"},
	{"vector", 0, NUMBER, CMD_WAIT, TARGET(vector), "NUMBER",
	 "wait for this doorbell; 0 if not given"},
	{"any", 0, FLAG, CMD_WAIT, TARGET(any), NULL, "wait for any doorbell"},
	{"name", 0, TEXT, CMD_WAIT, TARGET(name), "TEXT",
	 "be known by this name, not as 'fam'"},
	{"timeout", 0, NUMBER, CMD_WAIT | CMD_PING, TARGET(timeout), "SECONDS",
	 "give up after so long"},
	{"count", 0, NUMBER, CMD_RING | CMD_WAIT | CMD_PING, TARGET(count),
	 "NUMBER", "so many rings or pings; 1 if not given"},
	{"help", 'h', FLAG, CMD_ALL, TARGET(help), NULL, "print this help"},
	{"version", 0, FLAG, CMD_ALL, TARGET(version), NULL,
	 "print the version"},
};

#define COUNT (sizeof(table) / sizeof(table[0]))

int parse_number(const char *text, uint64_t *out)
{
	uint64_t n = 0;

	if (!*text)
		return -EINVAL;
	for (; *text; text++) {
		if (!isdigit((unsigned char)*text))
			return -EINVAL;
		if (__builtin_mul_overflow(n, 10, &n) ||
		    __builtin_add_overflow(n, *text - '0', &n))
			return -ERANGE;
	}
	*out = n;
	return 0;
}

/* Bytes, or with a unit K M G T or KiB MiB GiB TiB; the whole text matches. */
static int parse_size(const char *text, uint64_t *out)
{
	static const char units[] = "KMGT";
	const char *p = text, *unit;
	uint64_t n = 0;
	int shift = 0;

	if (!isdigit((unsigned char)*p))
		return -EINVAL;
	for (; isdigit((unsigned char)*p); p++) {
		if (__builtin_mul_overflow(n, 10, &n) ||
		    __builtin_add_overflow(n, *p - '0', &n))
			return -ERANGE;
	}
	if (*p) {
		unit = strchr(units, toupper((unsigned char)*p));
		if (!unit || (p[1] && strcasecmp(p + 1, "iB") != 0))
			return -EINVAL;
		shift = 10 * (int)(unit - units + 1);
	}
	if (n > UINT64_MAX >> shift)
		return -ERANGE;
	*out = n << shift;
	return 0;
}

/* The option that @word names, and its value if that stands in the word. */
static const struct option *find(const char *word, const char **value)
{
	size_t len = strcspn(word, "=");

	*value = NULL;
	for (size_t i = 0; i < COUNT; i++) {
		const struct option *option = &table[i];

		if (option->letter && word[0] == '-' &&
		    word[1] == option->letter) {
			*value = word[2] ? word + 2 : NULL;
			return option;
		}
		if (strncmp(word, "--", 2) == 0 &&
		    strlen(option->name) == len - 2 &&
		    strncmp(word + 2, option->name, len - 2) == 0) {
			*value = word[len] ? word + len + 1 : NULL;
			return option;
		}
	}
	return NULL;
}

static int store(const struct option *option, const char *value,
		 struct options *out)
{
	void *target = (char *)out + option->target;

	if (option->kind == FLAG)
		*(bool *)target = true;
	else if (option->kind == TEXT)
		*(const char **)target = value;
	else if (option->kind == SIZE && parse_size(value, target) < 0)
		return say_usage("'%s' is not a size: option '--%s'", value,
				 option->name);
	else if (option->kind == NUMBER && parse_number(value, target) < 0)
		return say_usage("'%s' is not a number: option '--%s'", value,
				 option->name);
	if (target == &out->length)
		out->has_length = true;
	if (target == &out->timeout)
		out->has_timeout = true;
	if (target == &out->vector)
		out->has_vector = true;
	return 0;
}

/* Take the option at argv[*i] and its value; 0, or an exit status. */
static int take_option(int argc, char **argv, int *i, struct options *out,
		       unsigned int *used)
{
	const char *word = argv[*i], *value;
	const struct option *option = find(word, &value);

	if (!option)
		return say_usage("unknown option '%s'", word);
	if (option->kind == FLAG && value)
		return say_usage("option '--%s' takes no value", option->name);
	if (option->kind != FLAG && !value) {
		if (*i + 1 >= argc)
			return say_usage("option '--%s' needs a value",
					 option->name);
		value = argv[++*i];
	}
	if (*used & 1u << (option - table))
		return say_usage("option '--%s' stands twice", option->name);
	*used |= 1u << (option - table);
	return store(option, value, out);
}

int opt_parse(int argc, char **argv, struct options *out, unsigned int *used)
{
	bool options = true;
	int count = 0;

	*used = 0;
	for (int i = 0; i < argc; i++) {
		const char *word = argv[i];

		if (options && strcmp(word, "--") == 0)
			options = false;
		else if (!options || word[0] != '-' || !word[1])
			argv[count++] = argv[i];
		else if (take_option(argc, argv, &i, out, used))
			return -1;
	}
	return count;
}

const char *opt_misfit(unsigned int used, enum command_bit command)
{
	for (size_t i = 0; i < COUNT; i++) {
		if (used & 1u << i && !(table[i].commands & command))
			return table[i].name;
	}
	return NULL;
}

void opt_print(void)
{
	for (size_t i = 0; i < COUNT; i++) {
		const struct option *option = &table[i];
		char left[64];

		snprintf(left, sizeof(left), "%c%c%s--%s%s%s",
			 option->letter ? '-' : ' ',
			 option->letter ? option->letter : ' ',
			 option->letter ? ", " : "  ", option->name,
			 option->value ? " " : "",
			 option->value ? option->value : "");
		printf("  %-22s %s\n", left, option->help);
	}
}
