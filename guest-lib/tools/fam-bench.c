// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "fam-bench.h"

#define WORDS 256 /* of a message */

static const struct bench_test tests[] = {
	{"lock", "lock and unlock a mutex nobody else wants", BENCH_LOCK, 50,
	 20000, 0, 0, 0},
	{"contended", "lock and unlock a mutex that both want", BENCH_CONTEND,
	 50, 2000, 0, 0, 0},
	{"ring", "a message through a ring", BENCH_RING, 50, 20000,
	 BENCH_MESSAGE, 1, 0},
	{"burst", "the same, 32 at once", BENCH_RING, 50, 64000, BENCH_MESSAGE,
	 32, 0},
	{"message", "a message there and back", BENCH_ECHO, 50, 2000,
	 BENCH_MESSAGE, 0, 0},
	{"wakeup", "the same between sleepers", BENCH_ECHO, 50, 100,
	 BENCH_MESSAGE, 0, 1},
	{"4K", "4 KiB there, and an acknowledgement", BENCH_COPY, 50, 500, 4096,
	 0, 0},
	{"2M", "2 MiB there, and an acknowledgement", BENCH_COPY, 50, 2,
	 UINT64_C(2) << 20, 0, 0},
	{"1G", "1 GiB there, and an acknowledgement", BENCH_COPY, 5, 1,
	 UINT64_C(1) << 30, 0, 0},
};

#define COUNT (sizeof(tests) / sizeof(tests[0]))

static const struct bench_test *find(const char *name)
{
	for (size_t i = 0; i < COUNT; i++) {
		if (strcmp(name, tests[i].name) == 0)
			return &tests[i];
	}
	return NULL;
}

/* --- figures
 * ------------------------------------------------------------------ */

static double at(const struct bench_result *result, unsigned int percent)
{
	return result->ns[(uint64_t)(result->count - 1) * percent / 100];
}

/* How far the middle 80 % lie apart, in parts of the median. */
static double spread(const struct bench_result *result)
{
	return 100 * (at(result, 90) - at(result, 10)) / at(result, 50);
}

static void print_time(double ns)
{
	if (ns < 10e3)
		printf(" %8.1f ns", ns);
	else if (ns < 10e6)
		printf(" %8.1f us", ns / 1e3);
	else
		printf(" %8.1f ms", ns / 1e6);
}

static void print_row(const struct bench_result *result)
{
	printf("%-9s", result->test->name);
	print_time(at(result, 0));
	print_time(at(result, 50));
	print_time(at(result, 90));
	printf(" %5.0f%%", spread(result));
	print_time(result->cpu_ns);
	print_time(result->other_cpu_ns);
	printf("  %s\n", result->test->what);
	fflush(stdout);
}

static void print_head(void)
{
	printf("%-9s %11s %11s %11s %6s %11s %11s  %s\n", "TEST", "MIN",
	       "MEDIAN", "P90", "SPREAD", "CPU", "OTHER'S CPU", "OF");
	fflush(stdout);
}

static void print_json(const struct bench_result *result, bool first)
{
	printf("%s{\"test\": \"%s\", \"operations\": %" PRIu64
	       ", \"bytes\": %" PRIu64 ", \"min_ns\": %.1f, "
	       "\"median_ns\": %.1f, \"p90_ns\": %.1f, \"max_ns\": %.1f, "
	       "\"spread_percent\": %.1f, \"cpu_ns\": %.1f, "
	       "\"other_cpu_ns\": %.1f}",
	       first ? "" : ",\n ", result->test->name,
	       result->count * result->test->batch, result->test->bytes,
	       at(result, 0), at(result, 50), at(result, 90), at(result, 100),
	       spread(result), result->cpu_ns, result->other_cpu_ns);
}

/* --- running
 * ------------------------------------------------------------------- */

/* What a failure means here: its words are put to @text and @hint. */
static int explain(const struct bench *bench, int error, char text[WORDS],
		   char hint[WORDS])
{
	const char *name = bench->name;

	switch (error) {
	case -ENOENT:
		snprintf(text, WORDS, "nobody serves '%s'", name);
		snprintf(hint, WORDS, "'fam bench serve %s' on the other side",
			 name);
		return EXIT_NO_FABRIC;
	case -EBUSY:
		snprintf(text, WORDS, "somebody else %s '%s'",
			 bench->serves ? "serves" : "measures", name);
		snprintf(hint, WORDS, "take another name");
		return EXIT_EXISTS;
	case -EPIPE:
	case -ESHUTDOWN:
	case -ECONNRESET:
		snprintf(text, WORDS, "the other side of '%s' has gone", name);
		return EXIT_OTHER_SIDE;
	case -ETIMEDOUT:
		snprintf(text, WORDS,
			 "the other side of '%s' stood still for %d seconds",
			 name, BENCH_PATIENCE / 1000);
		return EXIT_OTHER_SIDE;
	case -EPROTO:
		snprintf(text, WORDS,
			 "the other side of '%s' answers nonsense: it is of "
			 "another release, or somebody writes over the fabric",
			 name);
		return EXIT_FAILED;
	default:
		return EXIT_DONE;
	}
}

static int say_bench_failure(const struct bench *bench, int error)
{
	char text[WORDS], hint[WORDS] = "";
	int status;

	if (error == -EINTR)
		return EXIT_FAILED; /* by the user, who knows */
	status = explain(bench, error, text, hint);
	if (status == EXIT_DONE)
		return say_object_failure(bench->options, "benchmark",
					  bench->name, error);
	return say(bench->options, text, hint, status);
}

static int run_test(struct bench *bench, const struct bench_test *test,
		    bool first)
{
	struct bench_test changed = *test;
	struct bench_result result;
	int r;

	if (bench->options->has_count)
		changed.rounds = (uint32_t)bench->options->count;
	r = bench_run(bench, &changed, &result);
	if (r == 0 && bench->options->json)
		print_json(&result, first);
	else if (r == 0)
		print_row(&result);
	free(result.ns);
	return r;
}

static int run_tests(struct bench *bench, char **names)
{
	bool json = bench->options->json;
	int r = 0, status = EXIT_DONE;
	size_t i;

	if (json)
		printf("[");
	else
		print_head();
	for (i = 0; *names ? names[i] != NULL : i < COUNT; i++) {
		r = run_test(bench, *names ? find(names[i]) : &tests[i],
			     i == 0);
		if (r < 0)
			break;
	}
	/* The error is the last element. */
	if (json && r < 0 && r != -EINTR && i > 0)
		printf(",\n ");
	if (r < 0)
		status = say_bench_failure(bench, r);
	if (json)
		printf("]\n");
	return status;
}

#define BENCH_TRIES 100 /* 5 seconds */

/* One that has just been started may not be there yet. */
static int attach_patiently(struct bench *bench, bool patient)
{
	unsigned int waited = 0, tries = 0;
	int r;

	for (;;) {
		r = bench_attach(bench);
		if (r != -EBUSY && (r != -ENOENT || !patient))
			return r;
		bench_detach(bench);
		if (r == -ENOENT && tries++ < BENCH_TRIES)
			waited = 0;
		if (!peer_patience(&waited))
			return r;
	}
}

static int run_attached(struct bench *bench, char **names, bool local)
{
	const struct bench_ask end = {.magic = BENCH_MAGIC, .kind = BENCH_END};
	int r = attach_patiently(bench, local), status;

	if (r < 0) {
		bench_detach(bench);
		return say_bench_failure(bench, r);
	}
	status = run_tests(bench, names);
	if (local) /* it may have died, which was told */
		(void)fam_channel_send(bench->out, &end, sizeof(end), 0);
	bench_detach(bench);
	/* The server may have ended before this side did. */
	bench_sweep(bench);
	return status;
}

/* --- the command
 * ------------------------------------------------------------------ */

/* Attaches, and is one of the sides. */
static int be_side(struct bench *bench, char **names, bool local)
{
	int r, status = objects_open(bench->options, &bench->fam);

	if (status)
		return status;
	bench->buffer = malloc(BENCH_BUFFER);
	if (!bench->buffer) {
		status = say_system("cannot have memory", ENOMEM);
	} else if (bench->serves) {
		memset(bench->buffer, 0, BENCH_BUFFER);
		r = bench_serve(bench, !local);
		status = r < 0 ? say_bench_failure(bench, r) : EXIT_DONE;
	} else {
		memset(bench->buffer, 1, BENCH_BUFFER);
		status = run_attached(bench, names, local);
	}
	free(bench->buffer);
	return peer_close(bench->fam, status);
}

static int is_there(const struct fam_object_info *info, void *arg)
{
	(void)info;
	(void)arg;
	return 1;
}

/* What would fail on both sides is to be said once. */
static int look_first(const struct options *options)
{
	struct fam *fam;
	int r, status = objects_open(options, &fam);

	if (status)
		return status;
	r = fam_object_each(fam, is_there, NULL);
	fam_close(fam);
	return r < 0 ? say_object_failure(options, "benchmark", "local", r)
		     : EXIT_DONE;
}

/* Both sides, in two processes. */
static int be_both(const struct options *options, char **names)
{
	struct bench bench = {.options = options};
	char name[32];
	pid_t child;
	int status = look_first(options);

	if (status)
		return finish_output(status);
	snprintf(name, sizeof(name), "local-%d", (int)getpid());
	bench.name = name;
	fflush(stdout);
	child = fork();
	if (child < 0)
		return say_system("cannot start a process", errno);
	if (child == 0) {
		prctl(PR_SET_PDEATHSIG, SIGTERM);
		bench.serves = true;
		_exit(be_side(&bench, names, true));
	}
	status = be_side(&bench, names, true);
	/* Where it failed, the other one does not know. */
	if (status)
		kill(child, SIGTERM);
	while (waitpid(child, NULL, 0) < 0 && errno == EINTR)
		;
	return status;
}

static int check_words(const struct options *options, bool local)
{
	const char *name = options->words[0];
	char **names = options->words + (local ? 0 : 1);

	if (options->has_count &&
	    (options->count < 1 || options->count > 1000000))
		return say_usage("'--count' is 1 to 1000000");
	if (!local && (!name || !*name || strlen(name) > 60))
		return say_usage("'fam bench %s' needs a name, 1 to 60 bytes",
				 options->operand);
	for (; *names; names++) {
		if (!find(*names))
			return say_usage("there is no test '%s'", *names);
	}
	return EXIT_DONE;
}

int cmd_bench(const struct options *options)
{
	bool local = strcmp(options->operand, "local") == 0;
	struct bench bench = {.options = options};

	bench.serves = strcmp(options->operand, "serve") == 0;
	if (!local && !bench.serves && strcmp(options->operand, "run") != 0)
		return say_usage("'%s' is not serve, run or local",
				 options->operand);
	if (check_words(options, local))
		return EXIT_USAGE;
	if (local)
		return be_both(options, options->words);
	bench.name = options->words[0];
	if (bench.serves && options->words[1])
		return say_usage("unexpected word '%s'", options->words[1]);
	return be_side(&bench, options->words + 1, false);
}
