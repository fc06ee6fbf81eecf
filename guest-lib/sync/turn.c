// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
#include "turn.h"

static bool has_waited(const struct fam_turn *turn)
{
	return turn->slept && fam_now_ns() - turn->began > FAM_TURN_HUNGRY_NS;
}

bool fam_turn_sates(const struct fam_turn *turn)
{
	/* Who does not wait has no idea who does. */
	if (turn->deadline.at == 0)
		return false;
	return turn->alone || !has_waited(turn);
}

bool fam_turn_is_hungry(const struct fam_turn *turn)
{
	return has_waited(turn);
}

/* For a moment; it is known then whether anybody wanted it. */
static int lie_down(struct fam_turn *turn, struct fam *fam,
		    const fam_word *word, uint64_t value)
{
	struct fam_deadline soon = {fam_now_ns() + FAM_TURN_HUNGRY_NS};
	bool over = turn->deadline.at > 0 && turn->deadline.at < soon.at;
	int r = fam_park(fam, word, value, over ? turn->deadline : soon);

	turn->slept = true;
	if (r != -ETIMEDOUT || over)
		return r;
	turn->alone = true;
	return 0;
}

int fam_turn_wait(struct fam_turn *turn, struct fam *fam, const fam_word *word,
		  uint64_t value, bool yields)
{
	if (turn->deadline.at == 0)
		return -ETIMEDOUT;
	if (!turn->began)
		turn->began = fam_now_ns();
	if (yields)
		return lie_down(turn, fam, word, value);
	if (!turn->slept && fam_park_spin(fam, word, value))
		return 0;
	turn->slept = true;
	return fam_park(fam, word, value, turn->deadline);
}
