// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
/* What workers do with what belongs to all of them. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "worker.h"

#define LOG_MAX	    600 /* records; what is older is cut off */
#define COMMON_KEYS 40

/* --- slots, each with a lock ------------------------------------------------------------ */

static int share_in(struct worker *w, struct fam_tx *tx, uint64_t i)
{
	const fam_off at =
		w->s.at + offsetof(struct stress_root, shared) + 8 * i;
	uint64_t bytes = any_size(w);
	fam_off was, off = 0;
	void *copy;
	int r = CALL(fam_tx_lock(tx, &w->s.root->shared_lock[i], -1));

	if (r < 0)
		return r;
	look_shared(&w->s, i);
	was = w->s.root->shared[i];
	if (dice(w, 4)) {
		r = fam_tx_alloc(tx, bytes, 0, &off, &copy);
		if (r == 0)
			blob_fill(copy, bytes, next_random(&w->s.random));
	}
	if (r == 0)
		r = fam_tx_set_word(tx, at, off);
	if (r == 0 && was)
		r = fam_tx_free(tx, was);
	return r;
}

static int share(struct worker *w)
{
	struct fam_tx *tx;
	int r = CALL(fam_tx_begin(w->s.heap, NULL, &tx));

	return r ? r : tx_end(tx, share_in(w, tx, dice(w, SHARED)));
}

/* --- a bank, whose money is always the same -------------------------------------------------- */

static int transfer_in(struct worker *w, struct fam_tx *tx)
{
	const fam_off at = w->s.at + offsetof(struct stress_root, account);
	const uint64_t *account = w->s.root->account;
	uint64_t from = dice(w, ACCOUNTS), to = dice(w, ACCOUNTS - 1), sum = 0;
	uint64_t amount = dice(w, 1000);
	int r = CALL(fam_tx_lock(tx, &w->s.root->bank_lock, -1));

	if (r < 0)
		return r;
	for (unsigned int i = 0; i < ACCOUNTS; i++)
		sum += account[i];
	/* Who holds the lock by a session that is lost sees others' changes. */
	if (sum && fam_session_check(w->s.fam) == 0)
		fail("%" PRIu64 " too much in the bank", sum);
	to += to >= from;
	r = fam_tx_set_word(tx, at + 8 * from, account[from] - amount);
	return r ? r : fam_tx_set_word(tx, at + 8 * to, account[to] + amount);
}

static int transfer(struct worker *w)
{
	struct fam_tx *tx;
	int r = CALL(fam_tx_begin(w->s.heap, NULL, &tx));

	return r ? r : tx_end(tx, transfer_in(w, tx));
}

/* --- the map and the log ------------------------------------------------------------------------ */

static int common_key(struct worker *w)
{
	static unsigned char value[1 << 20];
	uint64_t bytes = any_size(w);
	char name[32];
	uint32_t len = (uint32_t)snprintf(name, sizeof(name), "all/%" PRIu64,
					  dice(w, COMMON_KEYS));
	int r;

	if (dice(w, 3) == 0)
		return fam_hash_put(w->s.hash, NULL, name, len,
				    blob_make(bytes, bytes), bytes);
	if (dice(w, 4) == 0) {
		r = fam_hash_remove(w->s.hash, NULL, name, len);
		return r == -ENOENT ? 0 : r;
	}
	r = fam_hash_get(w->s.hash, NULL, name, len, value, sizeof(value),
			 &bytes);
	if (r == 0 && !blob_whole(value, bytes))
		fail("the value of '%s' is not whole", name);
	return r == -ENOENT ? 0 : r;
}

static int cut(struct worker *w)
{
	uint64_t first, last;
	int r = fam_log_range(w->s.log, &first, &last);

	if (r == 0 && last + 1 - first > LOG_MAX)
		r = fam_log_cut(w->s.log, last - LOG_MAX / 2);
	return r;
}

void change_shared(struct worker *w)
{
	switch (dice(w, 8)) {
	case 0:
	case 1:
	case 2:
		finish(w, SHARE, share(w));
		break;
	case 3:
	case 4:
		finish(w, TRANSFER, transfer(w));
		break;
	case 5:
		finish(w, CUT, CALL(cut(w)));
		break;
	default:
		finish(w, COMMON_KEY, CALL(common_key(w)));
		break;
	}
}
