// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "fam-kv.h"

/* fam kv list, export: all keys, or those that begin with some text. */

struct pair {
	char *key; /* its bytes, and those of the value if they are wanted */
	uint32_t key_bytes;
	uint64_t bytes; /* of the value */
};

struct pairs {
	const char *prefix;
	size_t prefix_bytes;
	bool values; /* wanted */
	size_t count, room;
	struct pair *pair;
};

static struct pair *add_place(struct pairs *pairs)
{
	size_t room = pairs->room ? 2 * pairs->room : 64;
	struct pair *grown;

	if (pairs->count < pairs->room)
		return &pairs->pair[pairs->count];
	grown = realloc(pairs->pair, room * sizeof(*grown));
	if (!grown)
		return NULL;
	pairs->pair = grown;
	pairs->room = room;
	return &grown[pairs->count];
}

static int collect(const void *key, uint32_t key_bytes, const void *value,
		   uint64_t bytes, void *arg)
{
	struct pairs *pairs = arg;
	struct pair *pair;

	if (peer_stopped())
		return -EINTR;
	if (key_bytes < pairs->prefix_bytes ||
	    memcmp(key, pairs->prefix, pairs->prefix_bytes) != 0)
		return 0;
	pair = add_place(pairs);
	if (!pair)
		return -ENOMEM;
	pair->key = malloc(key_bytes + (pairs->values ? bytes : 0) + 1);
	if (!pair->key)
		return -ENOMEM;
	memcpy(pair->key, key, key_bytes);
	if (pairs->values)
		memcpy(pair->key + key_bytes, value, bytes);
	pair->key_bytes = key_bytes;
	pair->bytes = bytes;
	pairs->count++;
	return 0;
}

static int by_key(const void *a, const void *b)
{
	const struct pair *one = a, *other = b;
	size_t both = one->key_bytes < other->key_bytes ? one->key_bytes
							: other->key_bytes;
	int r = memcmp(one->key, other->key, both);

	return r ? r
		 : (one->key_bytes > other->key_bytes) -
			       (one->key_bytes < other->key_bytes);
}

/* Sorted. 0, or a negative errno; free_pairs() in either case. */
static int read_pairs(struct kv *kv, const char *prefix, bool values,
		      struct pairs *out)
{
	int r;

	*out = (struct pairs){
		.prefix = prefix ? prefix : "",
		.prefix_bytes = prefix ? strlen(prefix) : 0,
		.values = values,
	};
	r = kv->hash ? fam_hash_each(kv->hash, collect, out) : 0;
	if (r == 0 && out->count)
		qsort(out->pair, out->count, sizeof(*out->pair), by_key);
	return r;
}

static void free_pairs(struct pairs *pairs)
{
	for (size_t i = 0; i < pairs->count; i++)
		free(pairs->pair[i].key);
	free(pairs->pair);
}

/* --- list ------------------------------------------------------------------------- */

static void list_json(const struct pairs *pairs)
{
	printf("{\"keys\": [");
	for (size_t i = 0; i < pairs->count; i++) {
		const struct pair *pair = &pairs->pair[i];

		printf("%s{", i ? ", " : "");
		kv_json("key", pair->key, pair->key_bytes);
		printf(", \"bytes\": %" PRIu64 "}", pair->bytes);
	}
	printf("]}\n");
}

static void list_lines(const struct pairs *pairs, bool details)
{
	char size[SIZE_TEXT_MAX];

	if (details)
		printf("%-10s %s\n", "SIZE", "KEY");
	for (size_t i = 0; i < pairs->count; i++) {
		const struct pair *pair = &pairs->pair[i];

		if (details)
			printf("%-10s ", size_text(pair->bytes, size));
		text_print(stdout, pair->key, pair->key_bytes);
		putchar('\n');
	}
}

int kv_list(const struct options *options, char **words)
{
	struct pairs pairs;
	struct kv kv;
	int r, status = kv_open(options, false, &kv);

	if (status)
		return status;
	r = read_pairs(&kv, words[0], false, &pairs);
	if (r < 0)
		status = say_store_failure(&kv, "list", r);
	else if (options->json)
		list_json(&pairs);
	else
		list_lines(&pairs, options->details);
	free_pairs(&pairs);
	return kv_close(&kv, status);
}

/* --- export ----------------------------------------------------------------------- */

/* So that import makes the same of it, and a terminal nothing. */
static void print_escaped(const char *text, uint64_t len)
{
	for (uint64_t at = 0; at < len;) {
		size_t n = text_step(text + at, len - at);

		if (text[at] == '\\')
			printf("\\\\");
		else if (n)
			fwrite(text + at, 1, n, stdout);
		else
			printf("\\x%02x", (unsigned char)text[at]);
		at += n ? n : 1;
	}
}

static void export_json(const struct pairs *pairs)
{
	printf("{\"pairs\": [");
	for (size_t i = 0; i < pairs->count; i++) {
		const struct pair *pair = &pairs->pair[i];

		printf("%s{", i ? ", " : "");
		kv_json("key", pair->key, pair->key_bytes);
		printf(", \"bytes\": %" PRIu64 ", ", pair->bytes);
		kv_json("value", pair->key + pair->key_bytes, pair->bytes);
		putchar('}');
	}
	printf("]}\n");
}

static void export_lines(const struct pairs *pairs)
{
	for (size_t i = 0; i < pairs->count; i++) {
		const struct pair *pair = &pairs->pair[i];

		print_escaped(pair->key, pair->key_bytes);
		putchar('\t');
		print_escaped(pair->key + pair->key_bytes, pair->bytes);
		putchar('\n');
	}
}

int kv_export(const struct options *options, char **words)
{
	struct pairs pairs;
	struct kv kv;
	int r, status = kv_open(options, false, &kv);

	if (status)
		return status;
	r = read_pairs(&kv, words[0], true, &pairs);
	if (r < 0)
		status = say_store_failure(&kv, "export", r);
	else if (options->json)
		export_json(&pairs);
	else
		export_lines(&pairs);
	free_pairs(&pairs);
	return kv_close(&kv, status);
}
