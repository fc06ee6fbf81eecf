// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
/*
 * Moves a coin from one purse to another under a lock, on all nodes and the host
 * together: whoever dies half way, no coin is lost. The lock and the purses are
 * a named object, which is made if it is not there.
 *
 * usage: lock [FABRIC]
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include <fam/fam.h>

#define COINS 100

struct purses {
	struct fam_mutex lock; /* guards the rest */
	uint64_t left, right;
	uint64_t left_after, right_after; /* written down before a move */
	uint64_t moves;
};

static int failed(const char *what, int error)
{
	fprintf(stderr, "lock: %s: %s\n", what, fam_strerror(error));
	if (fam_errhint(error))
		fprintf(stderr, "hint: %s\n", fam_errhint(error));
	return 1;
}

/* All 0 when it is made: so there are no coins yet. */
static void fill(struct purses *purses)
{
	if (purses->left + purses->right == 0)
		purses->left = COINS;
}

/* The last owner died: what it wrote down is done, or was done already. */
static int repair(struct fam *fam, struct purses *purses)
{
	printf("somebody died half way\n");
	if (purses->left_after + purses->right_after == COINS) {
		purses->left = purses->left_after;
		purses->right = purses->right_after;
	}
	return fam_mutex_consistent(fam, &purses->lock);
}

static void move(struct purses *purses)
{
	uint64_t coin = purses->left > 0 ? 1 : -(uint64_t)COINS;

	purses->left_after = purses->left - coin;
	purses->right_after = purses->right + coin;
	/* Not both can be changed at once: the lock keeps others from looking. */
	*(volatile uint64_t *)&purses->left = purses->left_after;
	*(volatile uint64_t *)&purses->right = purses->right_after;
	purses->moves++;
}

static int once(struct fam *fam, struct purses *purses)
{
	int r = fam_mutex_lock(fam, &purses->lock, 10000);

	if (r == -EOWNERDEAD)
		r = repair(fam, purses);
	if (r < 0)
		return failed("cannot lock", r);
	fill(purses);
	move(purses);
	printf("move %" PRIu64 ": %" PRIu64 " + %" PRIu64 " coins\n",
	       purses->moves, purses->left, purses->right);
	r = fam_mutex_unlock(fam, &purses->lock);
	return r < 0 ? failed("the lock was lost", r) : 0;
}

int main(int argc, char **argv)
{
	const struct fam_object_want want = {
		.type = FAM_OBJECT_MEMORY,
		.flags = FAM_OBJECT_CREATE,
		.bytes = sizeof(struct purses),
	};
	struct fam_object *object;
	struct fam *fam;
	int r = fam_open(&fam, argc > 1 ? argv[1] : NULL, 0);

	if (r < 0)
		return failed("cannot open the fabric", r);
	r = fam_object_open(fam, "example/purses", &want, &object);
	if (r < 0) {
		fam_close(fam);
		return failed("cannot open the purses", r);
	}
	r = once(fam, fam_object_memory(object));
	fam_object_close(object);
	fam_close(fam);
	return r;
}
