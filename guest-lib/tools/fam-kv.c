// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fam-input.h"
#include "fam-kv.h"

/* --- JSON ------------------------------------------------------------------------- */

static void print_base64(const uint8_t *p, size_t len)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmn"
				     "opqrstuvwxyz0123456789+/";

	for (size_t at = 0; at < len; at += 3) {
		size_t left = len - at;
		uint32_t n = (uint32_t)p[at] << 16 |
			     (left > 1 ? (uint32_t)p[at + 1] << 8 : 0) |
			     (left > 2 ? p[at + 2] : 0u);

		putchar(digits[n >> 18]);
		putchar(digits[n >> 12 & 63]);
		putchar(left > 1 ? digits[n >> 6 & 63] : '=');
		putchar(left > 2 ? digits[n & 63] : '=');
	}
}

void kv_json(const char *name, const void *bytes, size_t len)
{
	printf("\"%s\": ", name);
	if (json_bytes(stdout, bytes, len))
		return;
	printf(", \"%s_base64\": \"", name);
	print_base64(bytes, len);
	putchar('"');
}

/* --- put -------------------------------------------------------------------------- */

static int check_key(const char *key)
{
	if (!*key)
		return say_usage("a key has 1 to %u bytes", FAM_HASH_KEY_MAX);
	if (strlen(key) > FAM_HASH_KEY_MAX)
		return say_usage("the key is too long: 1 to %u bytes",
				 FAM_HASH_KEY_MAX);
	return EXIT_DONE;
}

static int put_change(struct kv *kv, const struct kv_change *change,
		      const char *key)
{
	uint64_t number = 0;
	int r = kv_apply(kv, change, 1, &number);

	if (r < 0)
		return say_kv_failure(kv, "store", key, r);
	if (kv->options->json) {
		putchar('{');
		kv_json("key", key, change->key_bytes);
		printf(", \"bytes\": %" PRIu64 ", \"number\": %" PRIu64 "}\n",
		       change->bytes, number);
	}
	return EXIT_DONE;
}

static int say_value_too_long(const struct options *options)
{
	static const char text[] = "the value is longer than 1 GiB",
			  hint[] = "'fam put' stores a file as a region";

	return say(options, text, hint, EXIT_FAILED);
}

static int read_failed(struct input *input, int error)
{
	input->error = error;
	return say_input_failure(input);
}

/* All of standard input, to be freed. */
static int read_value(const struct options *options, struct input *input,
		      void **out, uint64_t *bytes)
{
	const uint64_t expects = input_expects(input);
	uint64_t room = 1 + (expects < FAM_HASH_VALUE_MAX ? expects
							  : FAM_HASH_VALUE_MAX);
	uint8_t *value = NULL, *grown;
	ssize_t n = 1;

	for (*bytes = 0; n > 0; *bytes += (uint64_t)n) {
		if (*bytes == room || !value) {
			room *= value ? 2 : 1;
			grown = realloc(value, room);
			if (!grown)
				break;
			value = grown;
		}
		n = input_read(input, value + *bytes, room - *bytes);
		if (n < 0 || *bytes > FAM_HASH_VALUE_MAX)
			break;
	}
	*out = value;
	if (*bytes > FAM_HASH_VALUE_MAX)
		return say_value_too_long(options);
	if (n < 0 && peer_stopped())
		return EXIT_FAILED;
	return n == 0 ? EXIT_DONE
		      : read_failed(input, n < 0 ? input->error : ENOMEM);
}

static int kv_put(const struct options *options, char **words)
{
	const char *key = words[0], *word = words[1];
	struct kv_change change = {
		.kind = KV_PUT, .key = key, .key_bytes = (uint32_t)strlen(key)};
	struct input input = {.fd = -1, .ahead = -1};
	void *value = NULL;
	struct kv kv;
	int status = check_key(key);

	if (word) {
		change.value = word;
		change.bytes = strlen(word);
	} else if (status == EXIT_DONE) {
		status = input_open(&input, options, "-");
		if (status == EXIT_DONE)
			status = read_value(options, &input, &value,
					    &change.bytes);
		change.value = value;
		input_close(&input);
	}
	if (status == EXIT_DONE)
		status = kv_open(options, true, &kv);
	if (status == EXIT_DONE)
		status = kv_close(&kv, put_change(&kv, &change, key));
	free(value);
	return status;
}

/* --- get, rm ---------------------------------------------------------------------- */

static void show_value(const struct options *options, const char *key,
		       const char *value, uint64_t bytes)
{
	if (options->json) {
		putchar('{');
		kv_json("key", key, strlen(key));
		printf(", \"bytes\": %" PRIu64 ", ", bytes);
		kv_json("value", value, bytes);
		printf("}\n");
	} else if (isatty(STDOUT_FILENO)) {
		/* Somebody else wrote it: not to be obeyed by a terminal. */
		text_print(stdout, value, bytes);
		putchar('\n');
	} else {
		fwrite(value, 1, bytes, stdout);
	}
}

static int kv_get(const struct options *options, char **words)
{
	const char *key = words[0];
	void *value = NULL;
	uint64_t bytes;
	struct kv kv;
	int r, status = check_key(key);

	if (status == EXIT_DONE)
		status = kv_open(options, false, &kv);
	if (status)
		return status;
	r = kv_value(&kv, key, (uint32_t)strlen(key), &value, &bytes);
	if (r < 0)
		status = say_kv_failure(&kv, "read", key, r);
	else
		show_value(options, key, value, bytes);
	free(value);
	return kv_close(&kv, status);
}

static int remove_one(const struct options *options, struct fam *fam,
		      const char *key, const void *arg)
{
	struct kv *kv = (struct kv *)arg;
	const struct kv_change change = {
		.kind = KV_REMOVE,
		.key = key,
		.key_bytes = (uint32_t)strlen(key),
	};
	uint64_t number = 0;
	int r = kv->hash ? kv_apply(kv, &change, 1, &number) : -ENOENT;

	(void)fam;
	if (r < 0)
		return say_kv_failure(kv, "remove", key, r);
	if (options->json) {
		putchar('{');
		kv_json("key", key, change.key_bytes);
		printf(", \"number\": %" PRIu64 "}", number);
	}
	return EXIT_DONE;
}

static int kv_rm(const struct options *options, char **words)
{
	int status = EXIT_DONE;
	struct kv kv;

	for (size_t i = 0; words[i] && status == EXIT_DONE; i++)
		status = check_key(words[i]);
	if (status == EXIT_DONE)
		status = kv_open(options, false, &kv);
	if (status)
		return status;
	status = region_words(options, kv.fam, words, remove_one, &kv);
	return kv_close(&kv, status);
}

int cmd_kv(const struct options *options)
{
	static const struct action actions[] = {
		{"put", 1, 2, "a key", "heap bytes mode no-log", kv_put},
		{"get", 1, 1, "a key", "heap", kv_get},
		{"rm", 1, INT_MAX, "a key", "heap", kv_rm},
		{"list", 0, 1, NULL, "heap long", kv_list},
		{"log", 0, 0, NULL, "heap from follow", kv_log},
		{"cut", 1, 1, "a number", "heap", kv_cut},
		{"export", 0, 1, NULL, "heap", kv_export},
		{"import", 0, 0, NULL, "heap bytes mode no-log batch ack",
		 kv_import},
	};

	return action_run(options, actions,
			  sizeof(actions) / sizeof(actions[0]), "kv");
}
