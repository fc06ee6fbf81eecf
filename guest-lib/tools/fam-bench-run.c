// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "fam-bench.h"

/* --- the side that runs
 * ----------------------------------------------------------- */

static int compare(const void *a, const void *b)
{
	const double *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

/* The server is ready, or has done its half. */
static int take_answer(struct bench *bench, struct bench_answer *out)
{
	int r = bench_receive(bench->in, out, sizeof(*out), BENCH_PATIENCE);

	if (r == 0 && out->magic != BENCH_MAGIC)
		return -EPROTO;
	return r ? r : out->error;
}

static int take_figures(struct bench *bench, const struct bench_ask *ask,
			const struct bench_test *test, double *ns)
{
	for (uint32_t i = 0; i < test->rounds; i++) {
		uint64_t start = bench_now_ns();
		int r = bench_half(bench, ask, test->batch);

		if (r < 0)
			return r;
		if (peer_stopped())
			return -EINTR;
		ns[i] = (double)(bench_now_ns() - start) / (double)test->batch;
	}
	return 0;
}

/* Both sides have counted in it, and nothing was lost. */
static int check_counter(struct bench *bench, const struct bench_ask *ask)
{
	const struct bench_counter *counter;
	uint64_t sides = ask->kind == BENCH_CONTEND ? 2 : 1;

	if (!bench->counter)
		return 0;
	counter = fam_object_memory(bench->counter);
	return counter->count == sides * ask->operations ? 0 : -EPROTO;
}

static int run_opened(struct bench *bench, const struct bench_ask *ask,
		      const struct bench_test *test, struct bench_result *out)
{
	struct bench_answer answer = {0};
	uint64_t cpu;
	int r = fam_channel_send(bench->out, ask, sizeof(*ask), BENCH_PATIENCE);

	if (r == 0)
		r = take_answer(bench, &answer);
	if (r < 0)
		return r;
	cpu = bench_cpu_ns();
	r = take_figures(bench, ask, test, out->ns);
	cpu = bench_cpu_ns() - cpu;
	if (r == 0)
		r = take_answer(bench, &answer);
	if (r == 0)
		r = check_counter(bench, ask);
	out->cpu_ns = (double)cpu / (double)ask->operations;
	out->other_cpu_ns = (double)answer.cpu_ns / (double)ask->operations;
	return r;
}

int bench_run(struct bench *bench, const struct bench_test *test,
	      struct bench_result *out)
{
	const struct bench_ask ask = {
		.magic = BENCH_MAGIC,
		.kind = test->kind,
		.burst = test->burst,
		.sleeps = test->sleeps,
		.operations = test->rounds * test->batch,
		.bytes = test->bytes,
	};
	int r;

	*out = (struct bench_result){.test = test, .count = test->rounds};
	out->ns = calloc(test->rounds, sizeof(*out->ns));
	if (!out->ns)
		return -ENOMEM;
	r = bench_open(bench, &ask);
	if (r == 0)
		r = run_opened(bench, &ask, test, out);
	bench_close(bench);
	bench_sweep(bench);
	if (r == 0)
		qsort(out->ns, out->count, sizeof(*out->ns), compare);
	return r;
}

/* --- the side that serves
 * ---------------------------------------------------------- */

static int give_answer(struct bench *bench, int error, uint64_t cpu_ns)
{
	const struct bench_answer answer = {
		.magic = BENCH_MAGIC,
		.error = error,
		.cpu_ns = cpu_ns,
	};

	return fam_channel_send(bench->out, &answer, sizeof(answer),
				BENCH_PATIENCE);
}

/*
 * What it has open is closed before the last answer: then the runner removes it
 * all, and the next test does not find what is left of this one.
 */
static int serve_one(struct bench *bench, const struct bench_ask *ask)
{
	uint64_t cpu;
	int r = bench_open(bench, ask), sent;

	if (r < 0)
		bench_close(bench);
	sent = give_answer(bench, r, 0);
	if (r == 0 && sent == 0) {
		cpu = bench_cpu_ns();
		r = bench_half(bench, ask, ask->operations);
		cpu = bench_cpu_ns() - cpu;
		bench_close(bench);
		sent = give_answer(bench, r, cpu);
	}
	bench_close(bench);
	/* For those whose runner has died. */
	bench_sweep(bench);
	return r == -EINTR || r == -ESTALE ? r : sent;
}

/* A runner has come, and goes. */
static int serve_runner(struct bench *bench)
{
	struct bench_ask ask;
	int r;

	for (;;) {
		r = bench_receive(bench->in, &ask, sizeof(ask), -1);
		if (r < 0)
			return r;
		if (ask.magic != BENCH_MAGIC)
			return -EPROTO;
		if (ask.kind == BENCH_END)
			return 0;
		r = serve_one(bench, &ask);
		if (r < 0)
			return r;
	}
}

static bool has_gone(int error)
{
	return error == -ESHUTDOWN || error == -ECONNRESET || error == -EPIPE ||
	       error == -ETIMEDOUT || error == -EPROTO;
}

static int attach_swept(struct bench *bench)
{
	unsigned int waited = 0;
	int r;

	for (;;) {
		bench_sweep(bench);
		r = bench_attach(bench);
		if (r != -EBUSY || !peer_patience(&waited))
			return r;
		bench_detach(bench);
	}
}

int bench_serve(struct bench *bench, bool tells)
{
	int r;

	do {
		/* For each runner anew: nothing is left of the last one. */
		r = attach_swept(bench);
		if (r == 0 && tells) {
			printf("serving '%s'\n", bench->name);
			fflush(stdout);
			tells = false;
		}
		if (r == 0)
			r = serve_runner(bench);
		bench_detach(bench);
	} while (has_gone(r));
	bench_sweep(bench);
	return r;
}
