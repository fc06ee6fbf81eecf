// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "fam-heap-tool.h"

/* What the commands of heaps share: their words, options, and failures. */

/* --- failures ------------------------------------------------------------------ */

static const struct failure failures[] = {
	{-ENOENT, EXIT_NO_FABRIC, "there is none",
	 "'fam ls -r' shows the regions, 'fam stat' which of them are heaps; "
	 "'fam heap create' makes one"},
	{-EMEDIUMTYPE, EXIT_EXISTS, "the region is no heap, or a copy of one",
	 "'fam stat' shows what it is; take another name"},
	{-EUCLEAN, EXIT_FAILED,
	 "it was not recovered since the host was started",
	 "'fam heap recover' does that, where it can be written"},
	{-EBADMSG, EXIT_FAILED, "it is damaged: somebody wrote over it",
	 "on the host, 'famctl check-fabric --repair' makes good what can be"},
	{-ENOSPC, EXIT_FAILED, "no piece is free in it that is large enough",
	 "'fam heap stat' shows what is free; a larger one takes its place "
	 "only if what is in it is copied there"},
	{-EBUSY, EXIT_EXISTS,
	 "all its journals were in use for a minute, or somebody keeps it to "
	 "himself",
	 "'fam peers' shows who is there; 'fam heap create' takes --journals "
	 "for more of them"},
	{-EDEADLK, EXIT_FAILED, "others kept locked what it needs",
	 "try again"},
	{-E2BIG, EXIT_FAILED, "it is too long for a transaction",
	 "'fam heap create' takes --journal-bytes for longer ones"},
};

struct failure heap_failure(int error)
{
	return failure_of(error, failures,
			  sizeof(failures) / sizeof(failures[0]));
}

/* Is it the region, which the words of regions fit better? */
static bool is_of_region(int error, bool creating)
{
	switch (error) {
	case -EACCES:
	case -EINVAL:
	case -ENAMETOOLONG:
	case -EROFS:
	case -EFAULT:
	case -EUSERS:
	case -EMFILE:
	case -EEXIST:
		return true;
	case -ENOSPC:
		return creating;
	default:
		return false;
	}
}

int say_heap_failure(const struct options *options, struct fam *fam,
		     const char *verb, const char *name, int error,
		     bool creating)
{
	const struct failure failure = heap_failure(error);
	char text[FAM_REGION_NAME_MAX + 256];

	if (error == -ESTALE)
		return say_lost(options);
	if (error == -EINTR && peer_stopped())
		return EXIT_FAILED; /* as was wished: ends by the signal */
	if (error == -ENODEV)
		return say_peer_failure(options, verb, error);
	if (is_of_region(error, creating))
		return say_region_failure(options, fam, verb, name, error);
	snprintf(text, sizeof(text), "cannot %s heap '%s': %s", verb, name,
		 failure.cause);
	return say(options, text, failure.hint, failure.status);
}

/* --- words and options ------------------------------------------------------------ */

/* Options of these commands that fit only some of their actions. */
static const char *next_given(const struct options *o, size_t *i)
{
	const struct {
		const char *name;
		bool given;
	} all[] = {
		{"mode", o->mode},
		{"long", o->details},
		{"heap", o->heap},
		{"bytes", o->bytes},
		{"from", o->has_from},
		{"follow", o->follow},
		{"batch", o->batch},
		{"ack", o->ack},
		{"no-log", o->no_log},
		{"journals", o->journals},
		{"journal-bytes", o->journal_bytes},
	};

	while (*i < sizeof(all) / sizeof(all[0])) {
		size_t at = (*i)++;

		if (all[at].given)
			return all[at].name;
	}
	return NULL;
}

/* Is it one of the words of a list with blanks between them? */
static bool is_among(const char *list, const char *word)
{
	size_t bytes = strlen(word);

	for (; *list; list += strcspn(list, " "), list += *list == ' ') {
		if (strcspn(list, " ") == bytes &&
		    memcmp(list, word, bytes) == 0)
			return true;
	}
	return false;
}

static int check_action(const struct options *options,
			const struct action *action, const char *command)
{
	const char *given;
	size_t words = 0, i = 0;

	while (options->words[words])
		words++;
	if (words < (size_t)action->least)
		return say_usage("command '%s %s' needs %s", command,
				 action->name, action->operand);
	if (words > (size_t)action->most)
		return say_usage("unexpected word '%s'",
				 options->words[action->most]);
	while ((given = next_given(options, &i))) {
		if (!is_among(action->options, given))
			return say_usage(
				"option '--%s' does not fit command '%s %s'",
				given, command, action->name);
	}
	return EXIT_DONE;
}

int action_run(const struct options *options, const struct action *actions,
	       size_t count, const char *command)
{
	for (size_t i = 0; i < count; i++) {
		if (strcmp(actions[i].name, options->operand) != 0)
			continue;
		if (check_action(options, &actions[i], command))
			return EXIT_USAGE;
		return actions[i].run(options, options->words);
	}
	return say_usage("unknown command '%s %s'", command, options->operand);
}

/* --- making one ------------------------------------------------------------------- */

#define HEAP_LEAST    (UINT64_C(1) << 20) /* fam_heap_create() */
#define HEAP_USUAL    (UINT64_C(64) << 20)
#define JOURNAL_LEAST (UINT64_C(16) << 10)
#define JOURNAL_MOST  (UINT64_C(64) << 20)

int heap_check_want(const struct options *options, uint64_t bytes)
{
	uint32_t mode = 1;

	if (options->mode && region_mode(options->mode, &mode))
		return EXIT_USAGE;
	if (mode == 0)
		return say_usage("a region of mode 0 is of no use: see "
				 "'fam chmod'");
	if (bytes && bytes < HEAP_LEAST)
		return say_usage("a heap takes 1 MiB at least");
	if (options->journals &&
	    (options->journals < 4 || options->journals > 1024))
		return say_usage("'%" PRIu64
				 "' is not a number of journals: 4 to 1024",
				 options->journals);
	if (options->journal_bytes && (options->journal_bytes < JOURNAL_LEAST ||
				       options->journal_bytes > JOURNAL_MOST ||
				       options->journal_bytes % 4096))
		return say_usage("'%" PRIu64 "' is not the size of a journal: "
				 "16 KiB to 64 MiB, a multiple of 4 KiB",
				 options->journal_bytes);
	return EXIT_DONE;
}

int heap_create(const struct options *options, struct fam *fam,
		const char *name, uint64_t bytes, struct fam_heap **out)
{
	struct fam_region_space space = {0};
	struct fam_heap_want want = {
		.bytes = bytes ? bytes : HEAP_USUAL,
		.journals = (uint32_t)options->journals,
		.journal_bytes = options->journal_bytes,
	};
	int r;

	if (options->mode && region_mode(options->mode, &want.mode))
		return -EINVAL;
	r = fam_heap_create(fam, name, &want, out);
	if (r != -ENOSPC || bytes ||
	    fam_region_space(fam, &space, sizeof(space)) < 0)
		return r;
	want.bytes = space.largest / 2 / HEAP_LEAST * HEAP_LEAST;
	return want.bytes ? fam_heap_create(fam, name, &want, out) : r;
}
