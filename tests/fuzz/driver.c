// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
/*
 * Runs a fuzz target without libFuzzer: RUNS inputs, mutated by a fixed seed
 * from the files of a directory (or from nothing), so that every run of the
 * tests sees the same inputs. `make fuzz` searches further, with coverage.
 *
 * usage: fuzz-NAME RUNS [CORPUS-DIRECTORY]
 */
#include <dirent.h>
#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "util/cleanup.h"
#include "util/fdio.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

#define INPUT_MAX  16384
#define CORPUS_MAX 256

struct input {
	char *data;
	size_t len;
};

static struct input corpus[CORPUS_MAX];
static size_t corpus_count;
static uint64_t state = 20261120;

/* xorshift64*: Vigna, "An experimental exploration of Marsaglia's xorshift" */
static uint64_t next(void)
{
	state ^= state >> 12;
	state ^= state << 25;
	state ^= state >> 27;
	return state * UINT64_C(2685821657736338717);
}

static void load(const char *dir)
{
	DIR *d = opendir(dir);
	struct dirent *e;

	while (d && (e = readdir(d)) && corpus_count < CORPUS_MAX) {
		struct input *in = &corpus[corpus_count];
		char path[4096];

		snprintf(path, sizeof(path), "%s/%s", dir, e->d_name);
		if (e->d_name[0] != '.' &&
		    fdio_read_file(path, INPUT_MAX, &in->data, &in->len) == 0)
			corpus_count++;
	}
	if (d)
		closedir(d);
}

static size_t insert(uint8_t *buf, size_t len)
{
	size_t at = next() % (len + 1), n = 1 + next() % 8;

	if (len + n > INPUT_MAX)
		return len;
	memmove(buf + at + n, buf + at, len - at);
	for (size_t i = 0; i < n; i++)
		buf[at + i] = (uint8_t)next();
	return len + n;
}

static size_t erase(uint8_t *buf, size_t len)
{
	size_t at = next() % len, n = 1 + next() % 16;

	if (n > len - at)
		n = len - at;
	memmove(buf + at, buf + at + n, len - at - n);
	return len - n;
}

static size_t mutate(uint8_t *buf, size_t len)
{
	static const uint8_t telling[] = {0, 1, 0x7f, 0x80, 0xff, '0', '-'};

	if (len == 0)
		return insert(buf, len);
	switch (next() % 5) {
	case 0:
		buf[next() % len] ^= (uint8_t)(1u << next() % 8);
		return len;
	case 1:
		buf[next() % len] = telling[next() % sizeof(telling)];
		return len;
	case 2:
		return insert(buf, len);
	case 3:
		return erase(buf, len);
	default:
		return next() % (len + 1); /* cut off */
	}
}

static void run_one(void)
{
	static uint8_t buf[INPUT_MAX];
	size_t len = 0;

	if (corpus_count) {
		const struct input *in = &corpus[next() % corpus_count];

		memcpy(buf, in->data, in->len);
		len = in->len;
	}
	for (uint64_t n = next() % 8; n > 0; n--)
		len = mutate(buf, len);
	LLVMFuzzerTestOneInput(buf, len);
}

int main(int argc, char **argv)
{
	uint64_t runs = argc > 1 ? strtoull(argv[1], NULL, 10) : 10000;

	if (argc > 2)
		load(argv[2]);
	for (size_t i = 0; i < corpus_count; i++)
		LLVMFuzzerTestOneInput((uint8_t *)corpus[i].data,
				       corpus[i].len);
	for (uint64_t i = 0; i < runs; i++)
		run_one();
	printf("# %" PRIu64 " inputs from %zu files\n", runs + corpus_count,
	       corpus_count);
	for (size_t i = 0; i < corpus_count; i++)
		free(corpus[i].data);
	return 0;
}
