// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
#include <errno.h>
#include <inttypes.h>

#include "fam-tool.h"

#define WORD sizeof(uint64_t)

struct mismatch {
	uint64_t count;
	uint64_t offset, expected, found; /* of the first one */
};

/* The finalizer of splitmix64: each bit of the input changes half the output.
 */
static uint64_t mix(uint64_t x)
{
	x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
	return x ^ (x >> 31);
}

static uint64_t pattern(uint64_t key, uint64_t offset)
{
	return mix(key + offset);
}

static void write_words(uint64_t *words, size_t len, uint64_t key,
			uint64_t offset)
{
	for (size_t i = 0; i < len / WORD; i++)
		words[i] = pattern(key, offset + i * WORD);
}

static void check_words(const uint64_t *words, size_t len, uint64_t key,
			uint64_t offset, struct mismatch *wrong)
{
	for (size_t i = 0; i < len / WORD; i++) {
		uint64_t expected = pattern(key, offset + i * WORD);
		uint64_t found = words[i];

		if (found == expected)
			continue;
		if (wrong->count++ == 0) {
			wrong->offset = offset + i * WORD;
			wrong->expected = expected;
			wrong->found = found;
		}
	}
}

static int verify_span(const struct options *options, struct span *span,
		       struct mismatch *wrong)
{
	/* Not 0 for seed 0: a zeroed fabric must not begin right. */
	uint64_t key = mix(options->seed + UINT64_C(0x9e3779b97f4a7c15));
	size_t len;
	void *window;
	int r;

	for (;;) {
		r = span_map(span, &window, &len);
		if (r < 0 || len == 0)
			return r;
		if (options->write)
			write_words(window, len, key, span->offset);
		else
			check_words(window, len, key, span->offset, wrong);
		span_unmap(span, window);
		span->offset += len;
	}
}

static int report(const struct options *options, uint64_t bytes,
		  const struct mismatch *wrong)
{
	if (wrong->count == 0) {
		printf("%" PRIu64 " bytes %s the pattern of seed %" PRIu64 "\n",
		       bytes, options->write ? "written with" : "match",
		       options->seed);
		return finish_output(EXIT_DONE);
	}
	fprintf(stderr,
		"fam: the data is not the pattern of seed %" PRIu64 ": %" PRIu64
		" of %" PRIu64 " words are wrong, the first at offset %" PRIu64
		": expected 0x%016" PRIx64 ", found 0x%016" PRIx64 "\n",
		options->seed, wrong->count, bytes / (uint64_t)WORD,
		wrong->offset, wrong->expected, wrong->found);
	return EXIT_FAILED;
}

int cmd_verify(const struct options *options)
{
	const char *verb = options->write ? "write" : "read";
	struct mismatch wrong = {0};
	struct span span = {.options = options};
	int r, status;

	if (options->write == options->check)
		return say_usage("'verify' needs either --write or --check");
	if (options->offset % WORD || options->length % WORD)
		return say_usage("'verify' goes by words: offset and length "
				 "must be multiples of 8");
	status = span_open(options, options->write ? 0 : FAM_OPEN_RDONLY, verb,
			   &span);
	if (status)
		return status;
	/* A raw file may end within a word. */
	span.end -= (span.end - span.offset) % WORD;
	r = verify_span(options, &span, &wrong);
	if (r < 0)
		status = say_span_failure(&span, verb, r);
	status = span_close(&span, status);
	if (status)
		return status;
	return report(options, span.offset - options->offset, &wrong);
}
