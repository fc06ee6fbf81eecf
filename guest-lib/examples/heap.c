// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
/*
 * A queue of lines in a heap: any node adds to it or takes from it, and whoever dies
 * or loses its power meanwhile, each line is there once, or was taken.
 *
 * usage: heap add LINE [FABRIC]
 *        heap take [FABRIC]
 */
#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <fam/fam.h>

#define NAME "example/heap"

struct line {
	FAM_PTR(struct line) next;
	char text[];
};

struct queue { /* the root object: zeros are an empty one */
	struct fam_mutex lock;
	FAM_PTR(struct line) first, last;
};

static int add(struct fam_heap *heap, struct fam_tx *tx, struct queue *queue,
	       const char *text)
{
	size_t length = strlen(text) + 1;
	struct line *line;
	fam_off off, link;
	int r = fam_tx_alloc(tx, sizeof(*line) + length, 0, &off,
			     (void **)&line);

	if (r < 0)
		return r;
	line->next.off = 0;
	memcpy(line->text, text, length);
	link = fam_heap_off(heap, &queue->first);
	if (queue->first.off)
		link = queue->last.off + offsetof(struct line, next);
	r = fam_tx_set_word(tx, link, off);
	return r < 0 ? r
		     : fam_tx_set_word(tx, fam_heap_off(heap, &queue->last),
				       off);
}

static int take(struct fam_heap *heap, struct fam_tx *tx, struct queue *queue)
{
	struct line *line = fam_ptr(heap, queue->first);
	int r;

	if (!line) {
		fprintf(stderr, "heap: nothing is there\n");
		return 1;
	}
	/* Others may die from here on: said twice is better than not at all. */
	printf("%s\n", line->text);
	r = fam_tx_set_word(tx, fam_heap_off(heap, &queue->first),
			    line->next.off);
	return r < 0 ? r : fam_tx_free(tx, fam_heap_off(heap, line));
}

static int change(struct fam_heap *heap, const char *text)
{
	struct queue *queue;
	struct fam_tx *tx = NULL;
	fam_off root = 0;
	int r = fam_heap_root(heap, sizeof(*queue), &root);

	if (r == 0)
		r = fam_tx_begin(heap, NULL, &tx);
	if (r < 0)
		return r;
	queue = fam_heap_at(heap, root, sizeof(*queue));
	r = fam_tx_lock(tx, &queue->lock, -1);
	if (r == 0)
		r = text ? add(heap, tx, queue, text) : take(heap, tx, queue);
	if (r == 0)
		return fam_tx_commit(tx);
	fam_tx_abort(tx);
	return r;
}

static int run(struct fam *fam, const char *text)
{
	const struct fam_heap_want want = {.bytes = 1 << 20};
	struct fam_heap *heap;
	int r = fam_heap_create(fam, NAME, &want, &heap);

	if (r == -EEXIST)
		r = fam_heap_open(fam, NAME, FAM_REGION_WRITE, &heap);
	if (r < 0)
		return r;
	r = change(heap, text);
	fam_heap_close(heap);
	return r;
}

int main(int argc, char **argv)
{
	int adds = argc > 2 && strcmp(argv[1], "add") == 0, r;
	struct fam *fam;

	if (!adds && (argc < 2 || strcmp(argv[1], "take") != 0)) {
		fprintf(stderr, "usage: heap add LINE [FABRIC]\n"
				"       heap take [FABRIC]\n");
		return 2;
	}
	r = fam_open(&fam, argc > 2 + adds ? argv[2 + adds] : NULL, 0);
	if (r == 0) {
		r = run(fam, adds ? argv[2] : NULL);
		fam_close(fam);
	}
	if (r < 0)
		fprintf(stderr, "heap: %s\n", fam_strerror(r));
	return r != 0;
}
