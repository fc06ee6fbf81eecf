// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <time.h>

#include <fam/atomic.h>
#include <fam/wait.h>

#include "fam-kv.h"

/* fam kv log, cut: the history of a store. */

#define LOOK_MS 1000 /* who died before it rang is noticed after so long */
#define NAP_MS	50   /* where nobody can sleep */

struct history {
	struct kv *kv;
	uint64_t next; /* number to be shown next */
	bool begun;    /* something is printed */
	bool lines;    /* JSON: each in a line, for who follows */
	bool damaged;
};

/* A record of somebody else; false: it is none of ours. */
static bool read_record(const void *data, uint64_t bytes, struct kv_record *out)
{
	if (bytes < sizeof(*out) || bytes > KV_RECORD_MAX)
		return false;
	memcpy(out, data, sizeof(*out));
	return (out->kind == KV_PUT || out->kind == KV_REMOVE) &&
	       out->key_bytes >= 1 && out->key_bytes <= FAM_HASH_KEY_MAX &&
	       out->node_bytes < FAM_SESSION_NAME_MAX &&
	       bytes == sizeof(*out) + out->key_bytes + out->node_bytes;
}

static const char *kind_text(uint32_t kind)
{
	return kind == KV_PUT ? "put" : "rm";
}

static void show_json(const struct history *history, uint64_t number,
		      const struct kv_record *record, const char *key)
{
	printf("%s{\"number\": %" PRIu64 ", \"change\": \"%s\", ",
	       history->begun && !history->lines ? ", " : "", number,
	       kind_text(record->kind));
	kv_json("key", key, record->key_bytes);
	printf(", \"bytes\": %" PRIu64 ", \"time_ns\": %" PRIu64 ", \"node\": ",
	       record->bytes, record->time_ns);
	json_bytes(stdout, key + record->key_bytes, record->node_bytes);
	printf("}%s", history->lines ? "\n" : "");
}

static void show_line(uint64_t number, const struct kv_record *record,
		      const char *key)
{
	char date[DATE_TEXT], size[SIZE_TEXT_MAX];
	int gap = 16 - (int)record->node_bytes;

	printf("%-8" PRIu64 " %-19s ", number,
	       date_text(record->time_ns, date));
	text_print(stdout, key + record->key_bytes, record->node_bytes);
	printf("%*s%-3s %-10s ", gap > 1 ? gap : 1, "", kind_text(record->kind),
	       record->kind == KV_PUT ? size_text(record->bytes, size) : "-");
	text_print(stdout, key, record->key_bytes);
	putchar('\n');
}

static int show(uint64_t number, const void *data, uint64_t bytes, void *arg)
{
	struct history *history = arg;
	struct kv_record record;
	const char *key = (const char *)data + sizeof(record);

	if (!read_record(data, bytes, &record)) {
		fprintf(stderr,
			"fam: record %" PRIu64 " of the history is damaged\n",
			number);
		history->damaged = true;
	} else {
		if (history->kv->options->json)
			show_json(history, number, &record, key);
		else
			show_line(number, &record, key);
		history->begun = true;
	}
	history->next = number + 1;
	return peer_stopped() || ferror(stdout) ? -EINTR : 0;
}

/* Until there may be more. */
static void await_change(const struct kv *kv, uint64_t seen)
{
	const struct timespec nap = {.tv_nsec = NAP_MS * 1000000L};
	int r = fam_word_wait(kv->fam, &kv->root->bell, seen, LOOK_MS);

	if (r == -EOPNOTSUPP)
		nanosleep(&nap, NULL);
}

static int follow(struct history *history)
{
	struct kv *kv = history->kv;
	int r = 0;

	while (r == 0 && !peer_stopped()) {
		uint64_t seen =
			fam_atomic64_load(&kv->root->bell, FAM_ORDER_ACQUIRE);

		r = fam_log_each(kv->log, history->next, show, history);
		if (r == 0 && fflush(stdout) != 0)
			r = -EINTR;
		if (r == 0)
			r = fam_session_check(kv->fam);
		if (r == 0)
			await_change(kv, seen);
	}
	return r;
}

static int show_history(struct kv *kv, struct history *history)
{
	const struct options *options = kv->options;
	uint64_t first, last;
	int r = fam_log_range(kv->log, &first, &last);

	if (r < 0)
		return r;
	history->next = options->has_from ? options->from
			: options->follow ? last + 1
					  : first;
	if (!options->json)
		printf("%-8s %-19s %-15s %-3s %-10s %s\n", "NUMBER", "TIME",
		       "NODE", "", "SIZE", "KEY");
	if (options->follow)
		return follow(history);
	return fam_log_each(kv->log, history->next, show, history);
}

/* What was shown is complete JSON, whatever came then. */
static int end_history(struct kv *kv, const struct history *history, int error)
{
	struct options plain = *kv->options;
	const struct kv quiet = {
		.options = &plain,
		.name = kv->name,
		.fam = kv->fam,
	};

	if (kv->options->json && !history->lines)
		printf("]}\n");
	plain.json = false;
	if (error < 0 && error != -EINTR)
		return say_store_failure(&quiet, "read the history of", error);
	return history->damaged ? EXIT_FAILED : EXIT_DONE;
}

static int say_no_history(const struct kv *kv)
{
	static const char text[] = "this store keeps no history",
			  hint[] = "it was made with --no-log";

	return say(kv->options, text, hint, EXIT_FAILED);
}

int kv_log(const struct options *options, char **words)
{
	struct kv kv;
	struct history history = {.kv = &kv, .lines = options->follow};
	int r = 0, status = kv_open(options, false, &kv);

	(void)words;
	if (status)
		return status;
	if (kv.hash && !kv.log)
		return kv_close(&kv, say_no_history(&kv));
	if (options->json && !history.lines)
		printf("{\"changes\": [");
	if (kv.log)
		r = show_history(&kv, &history);
	return kv_close(&kv, end_history(&kv, &history, r));
}

int kv_cut(const struct options *options, char **words)
{
	uint64_t before, first = 0, last = 0;
	struct kv kv;
	int r = 0, status;

	if (parse_number(words[0], &before) < 0)
		return say_usage("'%s' is not a number", words[0]);
	status = kv_open(options, false, &kv);
	if (status)
		return status;
	if (kv.hash && !kv.log)
		return kv_close(&kv, say_no_history(&kv));
	if (kv.log)
		r = fam_log_cut(kv.log, before);
	if (kv.log && r == 0)
		r = fam_log_range(kv.log, &first, &last);
	if (r < 0)
		status = say_store_failure(&kv, "cut the history of", r);
	else if (options->json)
		printf("{\"first\": %" PRIu64 ", \"last\": %" PRIu64 "}\n",
		       first, last);
	return kv_close(&kv, status);
}
