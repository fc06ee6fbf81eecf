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
#define CMD_ALTER                                                         \
	(CMD_CREATE | CMD_RM | CMD_MV | CMD_PUT | CMD_CHMOD | CMD_CHOWN | \
	 CMD_RESIZE)
#define CMD_REGIONS (CMD_ALTER | CMD_LS | CMD_STAT | CMD_GET | CMD_DU | CMD_DF)
	{"fabric", 'f', TEXT, CMD_ALL, TARGET(fabric), "NAME",
	 "label, UUID, PCI address, path, #POSITION, or server:NAME"},
	{"raw", 0, FLAG, CMD_INFO | CMD_SPAN, TARGET(raw), NULL,
	 "the fabric has no format: every byte is data"},
	{"json", 0, FLAG,
	 CMD_INFO | CMD_LIST | CMD_PEERS | CMD_BENCH | CMD_OBJECTS |
		 CMD_REGIONS | CMD_KV | CMD_HEAP,
	 TARGET(json), NULL, "print JSON"},
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
	{"name", 0, TEXT, CMD_WAIT | CMD_CHAT, TARGET(name), "TEXT",
	 "be known by this name, not as 'fam'"},
	{"timeout", 0, NUMBER, CMD_WAIT | CMD_PING | CMD_SEND | CMD_RECV,
	 TARGET(timeout), "SECONDS", "give up after so long"},
	{"count", 0, NUMBER, CMD_RING | CMD_WAIT | CMD_PING | CMD_BENCH,
	 TARGET(count), "NUMBER", "so many rings, pings (1), or figures"},
	{"size", 0, SIZE, CMD_SEND | CMD_RECV, TARGET(size), "SIZE",
	 "bytes on their way at most"},
	{"try", 0, FLAG, CMD_LOCK, TARGET(try), NULL,
	 "give up at once if the lock is not free"},
	{"wait", 0, NUMBER, CMD_LOCK, TARGET(wait), "SECONDS",
	 "wait so long for the lock, not for ever"},
	{"repair", 0, FLAG, CMD_LOCK, TARGET(repair), NULL,
	 "the command repairs what a dead owner left"},
	{"remove", 0, TEXT, CMD_OBJECTS, TARGET(remove), "NAME",
	 "remove this object"},
	{"force", 0, FLAG, CMD_RECV | CMD_GET, TARGET(force), NULL,
	 "replace the file if it exists"},
	{"region", 0, TEXT, CMD_SPAN, TARGET(region), "NAME",
	 "of this region, not of the whole fabric"},
	{"long", 'l', FLAG, CMD_LS | CMD_KV, TARGET(details), NULL,
	 "with mode, owner, size and time; keys: size"},
	{"recursive", 'r', FLAG, CMD_LS | CMD_RM, TARGET(recursive), NULL,
	 "all that begin with the name and '/', too"},
	{"replace", 0, FLAG, CMD_MV | CMD_PUT, TARGET(replace), NULL,
	 "in place of the region of this name"},
	{"mode", 0, TEXT, CMD_CREATE | CMD_PUT | CMD_KV | CMD_HEAP,
	 TARGET(mode), "MODE",
	 "of a new region, as of a file; 600 if not given"},
	{"type", 0, NUMBER, CMD_CREATE, TARGET(type), "NUMBER",
	 "what the program says it is; 0 if not given"},
	{"no-sync", 0, FLAG, CMD_ALTER, TARGET(no_sync), NULL,
	 "done, but not durable when the command ends"},
	{"no-zero", 0, FLAG, CMD_CREATE | CMD_RESIZE, TARGET(no_zero), NULL,
	 "what its space held may still be in it"},
	{"heap", 0, TEXT, CMD_KV, TARGET(heap), "NAME",
	 "the store is in this heap; 'kv' if not given"},
	{"bytes", 0, SIZE, CMD_KV, TARGET(bytes), "SIZE",
	 "of the heap, if it is new; 64 MiB if not given"},
	{"no-log", 0, FLAG, CMD_KV, TARGET(no_log), NULL,
	 "a new store keeps no history"},
	{"from", 0, NUMBER, CMD_KV, TARGET(from), "NUMBER",
	 "begin with this change"},
	{"follow", 0, FLAG, CMD_KV, TARGET(follow), NULL,
	 "then tell what changes"},
	{"batch", 0, NUMBER, CMD_KV, TARGET(batch), "NUMBER",
	 "so many lines in a transaction; 50 if not given"},
	{"ack", 0, FLAG, CMD_KV, TARGET(ack), NULL,
	 "tell how many lines are durable, each time"},
	{"journals", 0, NUMBER, CMD_HEAP, TARGET(journals), "NUMBER",
	 "so many transactions at once, 4 to 1024"},
	{"journal-bytes", 0, SIZE, CMD_HEAP, TARGET(journal_bytes), "SIZE",
	 "of each of their journals, 16 KiB to 64 MiB"},
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
int parse_size(const char *text, uint64_t *out)
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

/* 0, where that would be as if the option was not given. */
static bool is_none(const void *target, const struct options *o)
{
	const uint64_t *const some[] = {&o->bytes, &o->batch, &o->journals,
					&o->journal_bytes};

	for (size_t i = 0; i < sizeof(some) / sizeof(some[0]); i++) {
		if (target == some[i])
			return *some[i] == 0;
	}
	return false;
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
	if (is_none(target, out))
		return say_usage("'%s' is too little: option '--%s'", value,
				 option->name);
	if (target == &out->length)
		out->has_length = true;
	if (target == &out->timeout)
		out->has_timeout = true;
	if (target == &out->vector)
		out->has_vector = true;
	if (target == &out->count)
		out->has_count = true;
	if (target == &out->wait)
		out->has_wait = true;
	if (target == &out->size)
		out->has_size = true;
	if (target == &out->from)
		out->has_from = true;
	return 0;
}

/* Remember that it was given, and its value; 0, or an exit status. */
static int take(const struct option *option, const char *value,
		struct options *out, uint64_t *used)
{
	if (*used & UINT64_C(1) << (option - table))
		return say_usage("option '--%s' stands twice", option->name);
	*used |= UINT64_C(1) << (option - table);
	return store(option, value, out);
}

/* Several letters in one word, as -lr; 0, or an exit status. */
static int take_letters(const char *word, struct options *out, uint64_t *used)
{
	for (const char *p = word + 1; *p; p++) {
		const char one[] = {'-', *p, '\0'}, *value;
		const struct option *option = find(one, &value);

		if (!option || option->kind != FLAG)
			return say_usage("unknown option '%s' in '%s'", one,
					 word);
		if (take(option, NULL, out, used))
			return EXIT_USAGE;
	}
	return EXIT_DONE;
}

/* Take the option at argv[*i] and its value; 0, or an exit status. */
static int take_option(int argc, char **argv, int *i, struct options *out,
		       uint64_t *used)
{
	const char *word = argv[*i], *value;
	const struct option *option = find(word, &value);

	if (!option)
		return say_usage("unknown option '%s'", word);
	if (option->kind == FLAG && value && word[1] != '-')
		return take_letters(word, out, used);
	if (option->kind == FLAG && value)
		return say_usage("option '--%s' takes no value", option->name);
	if (option->kind != FLAG && !value) {
		if (*i + 1 >= argc)
			return say_usage("option '--%s' needs a value",
					 option->name);
		value = argv[++*i];
	}
	return take(option, value, out, used);
}

/* An option of the command that is to be run, without '--' before that. */
static bool is_misplaced(char **words, int count, const char *word)
{
	const char *value;
	const struct option *option;

	if (count < 3 || strcmp(words[0], "lock") != 0)
		return false;
	option = find(word, &value);
	if (option && option->commands & CMD_LOCK)
		return false;
	fprintf(stderr,
		"fam: unknown option '%s'\n"
		"hint: '--' goes before the command: 'fam lock %s -- %s ...'\n",
		word, words[1], words[2]);
	return true;
}

int opt_parse(int argc, char **argv, struct options *out, uint64_t *used)
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
		else if (is_misplaced(argv, count, word) ||
			 take_option(argc, argv, &i, out, used))
			return -1;
	}
	argv[count] = NULL;
	return count;
}

const char *opt_misfit(uint64_t used, enum command_bit command)
{
	for (size_t i = 0; i < COUNT; i++) {
		if (used & UINT64_C(1) << i && !(table[i].commands & command))
			return table[i].name;
	}
	return NULL;
}

void opt_names(enum command_bit command)
{
	for (size_t i = 0; i < COUNT; i++) {
		if (table[i].commands & command)
			printf("--%s\n", table[i].name);
	}
}

void opt_print(uint64_t commands)
{
	for (size_t i = 0; i < COUNT; i++) {
		const struct option *option = &table[i];
		char left[64];

		if (!(option->commands & commands))
			continue;
		snprintf(left, sizeof(left), "%c%c%s--%s%s%s",
			 option->letter ? '-' : ' ',
			 option->letter ? option->letter : ' ',
			 option->letter ? ", " : "  ", option->name,
			 option->value ? " " : "",
			 option->value ? option->value : "");
		printf("  %-22s %s\n", left, option->help);
	}
}
