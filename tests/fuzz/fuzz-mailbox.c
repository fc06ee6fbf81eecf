// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
/*
 * The server's side of a mailbox that somebody writes all over: between its
 * calls, as the input says, and during them, from another thread. It must keep
 * to the area and to the bounds of a pass, whatever it reads.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>

#include "mailbox.h"
#include "must.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

#define LIMIT  (UINT64_C(64) << 20)
#define PAGE   4096
#define WORDS  (FAM_MAILBOX_BYTES / 8)
#define WRITES 3000

static struct mailbox m;
static struct mailbox_pass pass;
static uint64_t token[FAM_MAILBOX_SLOTS], posted[FAM_MAILBOX_SLOTS];
static uint64_t now_ms;

struct input {
	const uint8_t *data;
	size_t len;
};

static uint64_t take(struct input *in, size_t bytes)
{
	uint64_t n = 0;

	if (bytes > in->len)
		bytes = in->len;
	memcpy(&n, in->data, bytes);
	in->data += bytes;
	in->len -= bytes;
	return n;
}

/* Pages without access on both sides. */
static void set_up(void)
{
	uint8_t *p = mmap(NULL, FAM_MAILBOX_BYTES + 2 * PAGE, PROT_NONE,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	must(p != MAP_FAILED);
	must(mprotect(p + PAGE, FAM_MAILBOX_BYTES, PROT_READ | PROT_WRITE) ==
	     0);
	m.box = (struct fam_mailbox *)(p + PAGE);
	m.limit = LIMIT;
}

static void check_pass(void)
{
	uint64_t sum = 0;

	must(pass.requests <= MAILBOX_PASS_MAX);
	must(pass.ranges <= pass.requests);
	must(pass.answers <= FAM_MAILBOX_SLOTS);
	must(pass.faults <= pass.answers);
	for (size_t i = 0; i < pass.ranges; i++) {
		must(pass.range[i].length > 0);
		must(pass.range[i].offset < LIMIT);
		must(pass.range[i].length <= LIMIT - pass.range[i].offset);
	}
	for (size_t i = 0; i < pass.answers; i++) {
		const struct mailbox_answer *a = &pass.answer[i];

		must(a->slot < FAM_MAILBOX_SLOTS && a->peer < 65536);
		must(a->requests <= FAM_MAILBOX_RING);
		must(a->requests || a->fault);
		must(a->token != 0 && a->done >= a->requests);
		sum += a->requests;
	}
	must(sum == pass.requests);
}

/* Until nothing is left: each slot is good for a ring or a fault at most. */
static void serve(void)
{
	for (int i = 0; mailbox_collect(&m, now_ms, &pass); i++) {
		check_pass();
		if (i % 5)
			mailbox_publish(&m, &pass);
		else
			mailbox_refuse(&m, &pass);
		if (i > 1000)
			return; /* somebody writes on and on */
	}
	check_pass();
}

static void *scribble(void *arg)
{
	_Atomic uint64_t *words = (_Atomic uint64_t *)m.box;
	uint64_t r = (uint64_t)(uintptr_t)arg | 1;

	for (int i = 0; i < WRITES; i++) {
		_Atomic uint64_t *w;

		r = r * UINT64_C(6364136223846793005) + 1442695040888963407;
		w = &words[(r >> 33) % WORDS];
		if (r >> 63)
			atomic_fetch_add(w, r >> 58 & 31);
		else
			atomic_store(w, r);
		/* most would miss: bits, and a slot that lives */
		atomic_store(&words[32 + (r >> 40) % 16], r);
		atomic_fetch_add(&m.box->slot[(r >> 20) % 4].tail, 1);
	}
	return NULL;
}

static void serve_scribbled(uint64_t seed)
{
	pthread_t thread;

	must(pthread_create(&thread, NULL, scribble, (void *)(uintptr_t)seed) ==
	     0);
	for (int i = 0; i < 20; i++) {
		serve();
		mailbox_repair(&m);
	}
	pthread_join(thread, NULL);
}

static void claim_and_post(struct input *in)
{
	unsigned int slot = (unsigned int)take(in, 2) % FAM_MAILBOX_SLOTS;
	struct fam_range range;

	/* offsets around both ends and anywhere */
	range.offset = take(in, 1) % 4 ? take(in, 4) : LIMIT - take(in, 1);
	range.length = take(in, 1) % 4 ? take(in, 2) : take(in, 8);
	if (!token[slot]) {
		token[slot] = (uint64_t)(slot + 1) << 33;
		m.box->slot[slot].owner = token[slot];
		posted[slot] = 0;
	}
	fam_mailbox_post(m.box, slot, token[slot], posted[slot]++, &range);
}

static void write_word(struct input *in)
{
	_Atomic uint64_t *words = (_Atomic uint64_t *)m.box;
	uint64_t at = take(in, 3), n = take(in, 8);

	/* the header and the first slots are hit most often */
	at %= at & 1 ? WORDS : 512 + 4 * 128;
	if (n & 1)
		atomic_store(&words[at], n >> 1);
	else
		atomic_fetch_add(&words[at], n >> 1 & 63);
}

static void step(struct input *in)
{
	uint32_t clients, waiting;

	switch (take(in, 1) % 8) {
	case 0:
	case 1:
		claim_and_post(in);
		break;
	case 2:
	case 3:
		write_word(in);
		break;
	case 4:
		serve();
		break;
	case 5:
		now_ms += take(in, 3);
		mailbox_sweep(&m, now_ms);
		break;
	case 6:
		mailbox_survey(m.box, &clients, &waiting);
		must(clients <= FAM_MAILBOX_SLOTS);
		must(waiting <= clients * FAM_MAILBOX_RING);
		break;
	default:
		if (take(in, 1) % 16 == 0)
			serve_scribbled(take(in, 8));
		mailbox_repair(&m);
		must(fam_mailbox_is_served(m.box));
		break;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct input in = {data, len};

	if (!m.box)
		set_up();
	memset(token, 0, sizeof(token));
	now_ms = 0;
	mailbox_reset(&m, 1 + len);
	while (in.len)
		step(&in);
	serve();
	return 0;
}
