// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "fam-heap-tool.h"

/* --- create ----------------------------------------------------------------------- */

/* A malformed name, or journals that leave no room for anything else. */
static int say_create_failure(const struct options *options, struct fam *fam,
			      const char *name, int error)
{
	static const char text[] = "the journals leave no room in the heap",
			  hint[] = "fewer or shorter ones do: --journals, "
				   "--journal-bytes";
	struct fam_region_info info;

	if (error != -EINVAL ||
	    fam_region_find(fam, name, &info, sizeof(info)) != -ENOENT)
		return say_heap_failure(options, fam, "create", name, error,
					true);
	return say(options, text, hint, EXIT_USAGE);
}

static int heap_make(const struct options *options, char **words)
{
	const char *name = words[0];
	struct fam_heap *heap = NULL;
	struct fam *fam = NULL;
	uint64_t bytes;
	int r, status = region_size(words[1], &bytes);

	if (status == EXIT_DONE && bytes == 0)
		return say_usage("a heap takes 1 MiB at least");
	if (status == EXIT_DONE)
		status = heap_check_want(options, bytes);
	if (status == EXIT_DONE)
		status = regions_change(options, &fam);
	if (status)
		return status;
	r = heap_create(options, fam, name, bytes, &heap);
	fam_heap_close(heap);
	if (r < 0)
		return peer_close(fam,
				  say_create_failure(options, fam, name, r));
	status = region_tell(options, fam, name);
	if (options->json)
		putchar('\n');
	return peer_close(fam, status);
}

/* --- stat, list ------------------------------------------------------------------- */

/* Who may change it finishes first what a start of the host has left. */
static int open_finished(struct fam *fam, const char *name,
			 struct fam_heap **heap)
{
	int r = fam_heap_open(fam, name, FAM_REGION_READ, heap);

	if (r != -EUCLEAN ||
	    fam_heap_open(fam, name, FAM_REGION_WRITE, heap) < 0)
		return r;
	fam_heap_close(*heap);
	return fam_heap_open(fam, name, FAM_REGION_READ, heap);
}

static int open_to_read(const struct options *options, const char *name,
			struct fam **fam, struct fam_heap **heap)
{
	int r, status = regions_use(options, fam);

	if (status)
		return status;
	r = open_finished(*fam, name, heap);
	if (r < 0)
		return peer_close(*fam, say_heap_failure(options, *fam, "read",
							 name, r, false));
	return EXIT_DONE;
}

static int close_heap(struct fam *fam, struct fam_heap *heap, int status)
{
	fam_heap_close(heap);
	return peer_close(fam, status);
}

/* In tenths of a percent. */
static uint64_t share(uint64_t part, uint64_t whole)
{
	return whole ? (uint64_t)(1000.0 * (double)part / (double)whole) : 0;
}

/* What is free, but not in one piece. */
static uint64_t scattered(const struct fam_heap_stat *stat)
{
	return stat->free > stat->largest ? stat->free - stat->largest : 0;
}

static uint32_t classes_of(const struct fam_heap_stat *stat)
{
	const uint32_t most =
		sizeof(stat->size_class) / sizeof(stat->size_class[0]);

	return stat->classes < most ? stat->classes : most;
}

static void print_classes(const struct fam_heap_stat *stat)
{
	bool head = false;

	for (uint32_t i = 0; i < classes_of(stat); i++) {
		const struct fam_heap_class *class = &stat->size_class[i];

		if (class->chunks == 0)
			continue;
		if (!head)
			printf("  %-7s %10s %10s %8s %6s\n", "BLOCK", "USED",
			       "ROOM", "CHUNKS", "FULL");
		head = true;
		printf("  %-7" PRIu64 " %10" PRIu64 " %10" PRIu64 " %8" PRIu64
		       " %5" PRIu64 "%%\n",
		       class->bytes, class->used, class->room, class->chunks,
		       share(class->used, class->room) / 10);
	}
}

static void print_stat(const char *name, const struct fam_heap_stat *stat)
{
	char a[SIZE_TEXT_MAX], b[SIZE_TEXT_MAX];
	uint64_t apart = share(scattered(stat), stat->free);
	uint64_t idle = share(stat->idle, stat->space);

	text_print(stdout, name, strlen(name));
	printf("\n  size:       %s (%" PRIu64 " bytes), %s for objects\n",
	       size_text(stat->bytes, a), stat->bytes,
	       size_text(stat->space, b));
	printf("  used:       %s in %" PRIu64 " object%s\n",
	       size_text(stat->used, a), stat->objects,
	       stat->objects == 1 ? "" : "s");
	printf("  free:       %s, the largest piece %s\n",
	       size_text(stat->free, a), size_text(stat->largest, b));
	printf("  fragments:  %" PRIu64 ".%" PRIu64
	       "%% of what is free is not in the largest piece\n",
	       apart / 10, apart % 10);
	printf("  idle:       %s beside objects of the same size, %" PRIu64
	       ".%" PRIu64 "%% of all\n",
	       size_text(stat->idle, a), idle / 10, idle % 10);
	printf("  journals:   %" PRIu32 " of %s, %" PRIu32 " in use\n",
	       stat->journals, size_text(stat->journal_bytes, a),
	       stat->writers);
	printf("  changes:    %" PRIu64 ", up to %" PRIu64
	       " the journals are done with\n",
	       stat->stamp, stat->checkpoint);
	print_classes(stat);
}

static void print_stat_json(const char *name, const struct fam_heap_stat *stat)
{
	const char *comma = "";

	printf("{\"name\": ");
	json_text(stdout, name);
	printf(", \"bytes\": %" PRIu64 ", \"space\": %" PRIu64
	       ", \"used\": %" PRIu64 ", \"free\": %" PRIu64
	       ", \"largest\": %" PRIu64 ", \"idle\": %" PRIu64
	       ", \"objects\": %" PRIu64 ", \"checkpoint\": %" PRIu64
	       ", \"stamp\": %" PRIu64 ", \"journals\": %" PRIu32
	       ", \"writers\": %" PRIu32 ", \"journal_bytes\": %" PRIu64
	       ", \"classes\": [",
	       stat->bytes, stat->space, stat->used, stat->free, stat->largest,
	       stat->idle, stat->objects, stat->checkpoint, stat->stamp,
	       stat->journals, stat->writers, stat->journal_bytes);
	for (uint32_t i = 0; i < classes_of(stat); i++) {
		const struct fam_heap_class *class = &stat->size_class[i];

		if (class->chunks == 0)
			continue;
		printf("%s{\"bytes\": %" PRIu64 ", \"used\": %" PRIu64
		       ", \"room\": %" PRIu64 ", \"chunks\": %" PRIu64 "}",
		       comma, class->bytes, class->used, class->room,
		       class->chunks);
		comma = ", ";
	}
	printf("]}\n");
}

static int heap_stat(const struct options *options, char **words)
{
	struct fam_heap_stat stat = {0};
	struct fam_heap *heap = NULL;
	struct fam *fam = NULL;
	int r, status = open_to_read(options, words[0], &fam, &heap);

	if (status)
		return status;
	r = fam_heap_stat(heap, &stat, sizeof(stat));
	if (r < 0)
		status = say_heap_failure(options, fam, "read", words[0], r,
					  false);
	else if (options->json)
		print_stat_json(words[0], &stat);
	else
		print_stat(words[0], &stat);
	return close_heap(fam, heap, status);
}

struct objects {
	bool json;
	fam_off root;
	uint64_t count, bytes;
};

static int show_object(fam_off off, uint64_t usable, void *arg)
{
	struct objects *objects = arg;

	if (objects->json)
		printf("%s{\"offset\": %" PRIu64 ", \"bytes\": %" PRIu64
		       ", \"root\": %s}",
		       objects->count ? ", " : "", off, usable,
		       off == objects->root ? "true" : "false");
	else
		printf("%-16" PRIu64 " %" PRIu64 "%s\n", off, usable,
		       off == objects->root ? " root" : "");
	objects->count++;
	objects->bytes += usable;
	return peer_stopped() || ferror(stdout) ? -EINTR : 0;
}

static int heap_list(const struct options *options, char **words)
{
	struct objects objects = {.json = options->json};
	struct options plain = *options;
	struct fam_heap *heap = NULL;
	struct fam *fam = NULL;
	int r, status = open_to_read(options, words[0], &fam, &heap);

	if (status)
		return status;
	/* There need not be one. */
	(void)fam_heap_root(heap, 0, &objects.root);
	if (options->json)
		printf("{\"objects\": [");
	else
		printf("%-16s %s\n", "OFFSET", "BYTES");
	r = fam_heap_each(heap, show_object, &objects);
	if (options->json)
		printf("], \"count\": %" PRIu64 ", \"bytes\": %" PRIu64 "}\n",
		       objects.count, objects.bytes);
	plain.json = false; /* the object is complete */
	if (r < 0 && r != -EINTR)
		status = say_heap_failure(&plain, fam, "list", words[0], r,
					  false);
	return close_heap(fam, heap, status);
}

/* --- recover ---------------------------------------------------------------------- */

static int heap_recover(const struct options *options, char **words)
{
	struct fam_heap *heap = NULL;
	struct fam *fam = NULL;
	int r, status = regions_change(options, &fam);

	if (status)
		return status;
	/* What a start of the host has left is finished by this. */
	r = fam_heap_open(fam, words[0], FAM_REGION_WRITE, &heap);
	if (r == 0)
		r = fam_heap_recover(heap);
	if (r < 0) {
		status = say_heap_failure(options, fam, "recover", words[0], r,
					  false);
	} else if (options->json) {
		printf("{\"name\": ");
		json_text(stdout, words[0]);
		printf(", \"finished\": %d}\n", r);
	} else {
		printf("%d of the dead had something under way\n", r);
	}
	return close_heap(fam, heap, status);
}

int cmd_heap(const struct options *options)
{
	static const struct action actions[] = {
		{"create", 2, 2, "a name and a size",
		 "mode journals journal-bytes", heap_make},
		{"stat", 1, 1, "a name", "", heap_stat},
		{"list", 1, 1, "a name", "", heap_list},
		{"recover", 1, 1, "a name", "", heap_recover},
	};

	return action_run(options, actions,
			  sizeof(actions) / sizeof(actions[0]), "heap");
}
