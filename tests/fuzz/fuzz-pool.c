// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
/*
 * A pool whose memory others write over while it is used: whatever stands there,
 * every call ends, and no buffer is given that is none. The memory is as long as
 * it must be, for the address sanitizer.
 */
#include <errno.h>
#include <string.h>

#include "input.h"

#include "messages/pool-format.h"
#include "ring-alone.h"

static void scribble(struct input *in, uint8_t *memory, uint64_t bytes)
{
	uint8_t how = take(in);
	uint64_t words = bytes / 8, word, at = take(in) % words;

	if (how & 0x80)
		at = take_word(in) % words;
	memcpy(&word, memory + at * 8, 8);
	if (how & 0x40)
		word ^= UINT64_C(1) << how % 64;
	else
		word = take_word(in);
	memcpy(memory + at * 8, &word, 8);
}

static void check_number(struct fam_pool *pool, uint32_t buffer)
{
	uint8_t *memory = fam_pool_memory(pool, buffer);

	if (!memory)
		abort();
	memset(memory, 0x55, pool->config.bytes);
}

static void use(struct input *in, struct fam_pool *pool)
{
	struct fam_pool_count count;
	uint32_t buffer = take(in);
	uint8_t what = take(in) % 8;

	if ((what < 3 && fam_pool_take(pool, 0, &buffer) == 0) ||
	    (what == 5 && fam_pool_receive(pool, buffer) == 0))
		check_number(pool, buffer);
	else if (what == 3)
		fam_pool_give(pool, buffer);
	else if (what == 4)
		fam_pool_send(pool, buffer);
	else if (what == 6)
		fam_pool_sweep(pool);
	else if (what == 7 && fam_pool_count(pool, &count) == 0 &&
		 count.free + count.owned + count.sent + count.dead !=
			 count.buffers)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct input in = {data, len};
	struct fam *fam = alone_open();
	struct fam_pool_config config = {.buffers = 1u + take(&in) % 150,
					 .bytes = 1u + take(&in) % 100,
					 .cache = take(&in) % 40};
	uint64_t bytes = fam_pool_size(&config);
	uint8_t *memory = aligned_alloc(64, bytes);
	struct fam_pool *pool = NULL;

	if (fam_pool_make(fam, memory, &config) < 0)
		abort();
	for (uint8_t n = take(&in) % 3; n; n--)
		scribble(&in, memory, bytes);
	if (fam_pool_at(fam, memory, bytes, &pool) == 0) {
		while (in.size) {
			if (take(&in) % 3 == 0)
				scribble(&in, memory, bytes);
			alone_table.changes++;
			use(&in, pool);
		}
		fam_pool_close(pool);
	}
	free(memory);
	return 0;
}
