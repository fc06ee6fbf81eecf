/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026, the FAM emulator authors */
#ifndef HEAPS_CASES_H
#define HEAPS_CASES_H

/* Stories of a few steps, each of them a way in which a cut could do harm. */
#include <errno.h>

#include "story.h"

#define STEP(deed_, at_, ...)                                   \
	{                                                       \
		.deed = DEED_##deed_, .at = at_, ##__VA_ARGS__, \
	}
#define BY(n)	     .actor = (n)
#define SIZE(n)	     .bytes = (n)
#define COUNT(n)     .count = (n)
#define FILLS	     .fills = (true)
#define ABORTS	     .aborts = (true)
#define NESTS	     .nests = (true)
#define FAILS	     .error = (-EIO)
#define FAILS_AT(n)  .error = (-EIO), .well = (n)
#define DIES(n)	     .dies = (n)
#define WHILE(n, of) .meanwhile_at = (n), .meanwhile = (&(of))
#define TX(name, ...)                                         \
	{                                                     \
		.deed = DEED_TX, .part = name, ##__VA_ARGS__, \
	}

static const struct step three_words[] = {
	STEP(WORD, 0), STEP(WORD, 7), STEP(WORD, 15), {.deed = DEED_END}};
static const struct step same_words[] = {
	STEP(WORD, 7), STEP(WORD, 8), {.deed = DEED_END}};
static const struct step a_range[] = {STEP(WORDS, 2, COUNT(10)),
				      {.deed = DEED_END}};
static const struct step one_word[] = {STEP(WORD, 3), {.deed = DEED_END}};
static const struct step mixed[] = {STEP(TALLOC, 1, SIZE(200), FILLS),
				    STEP(TFREE, 0),
				    STEP(WORD, 4),
				    STEP(INTO, 2),
				    {.deed = DEED_END}};
static const struct step swapped[] = {
	STEP(TALLOC, 0, SIZE(1000), FILLS), STEP(WORD, 0), {.deed = DEED_END}};
static const struct step large[] = {
	STEP(TALLOC, 0, SIZE(20000), FILLS), STEP(WORD, 0), {.deed = DEED_END}};
static const struct step larger[] = {STEP(TALLOC, 1, SIZE(150000), FILLS),
				     STEP(TALLOC, 2, SIZE(70000)),
				     {.deed = DEED_END}};
static const struct step elsewhere[] = {
	STEP(REMOTE, 0), STEP(WORD, 0), STEP(REMOTE, 3), {.deed = DEED_END}};
static const struct step heads[] = {
	STEP(INTO, 0), STEP(INTO, 1), {.deed = DEED_END}};
static const struct step kept[] = {STEP(HPUT, 1, SIZE(64)),
				   STEP(APPEND, 0, SIZE(40)),
				   STEP(WORD, 1),
				   {.deed = DEED_END}};
static const struct step gone[] = {
	STEP(HREMOVE, 1), STEP(APPEND, 0, SIZE(8)), {.deed = DEED_END}};

static const struct step put_of_another = STEP(PUT, 6, SIZE(6000), BY(1));
static const struct step small_of_another = STEP(PUT, 5, SIZE(500), BY(1));
static const struct step small_free_of_another = STEP(FREE, 5, BY(1));

static const struct heap_case {
	const char *name;
	bool containers;
	struct step step[16];
} cases[] = {
	{"put",
	 false,
	 {STEP(PUT, 0, SIZE(100)), STEP(PUT, 1, SIZE(1000), BY(1))}},
	{"put, large",
	 false,
	 {STEP(PUT, 0, SIZE(5000)), STEP(PUT, 1, SIZE(40000), BY(1)),
	  STEP(PUT, 2, SIZE(200000))}},
	{"allocate, and fill it",
	 false,
	 {STEP(ALLOC, 0, SIZE(1000)), STEP(FILL, 0), STEP(ALLOC, 1, SIZE(600)),
	  STEP(RAW, 1), STEP(PUT, 2, SIZE(96), BY(1))}},
	{"zeros, and fill them",
	 false,
	 {STEP(ZALLOC, 0, SIZE(1000)), STEP(RAW, 0),
	  STEP(ZALLOC, 1, SIZE(40000), BY(1)), STEP(RAW, 1, BY(1)),
	  STEP(PUT, 2, SIZE(96)), STEP(ZALLOC, 3, SIZE(100000))}},
	{"free",
	 false,
	 {STEP(PUT, 0, SIZE(100)), STEP(PUT, 1, SIZE(100)), STEP(FREE, 0),
	  STEP(PUT, 2, SIZE(100), BY(1)), STEP(FREE, 1, BY(1))}},
	{"free, and another in its space",
	 false,
	 {STEP(PUT, 0, SIZE(3000)), STEP(FREE, 0), STEP(ALLOC, 1, SIZE(3000)),
	  STEP(RAW, 1), STEP(FREE, 1), STEP(ZALLOC, 2, SIZE(3000)),
	  STEP(RAW, 2)}},
	{"free, and something large in its space",
	 false,
	 {STEP(PUT, 0, SIZE(3000)), STEP(PUT, 1, SIZE(3000)), STEP(FREE, 0),
	  STEP(FREE, 1), STEP(PUT, 2, SIZE(500000)), STEP(FREE, 2),
	  STEP(PUT, 3, SIZE(700000), BY(1)), STEP(FREE, 3),
	  STEP(PUT, 0, SIZE(64))}},
	{"realloc",
	 false,
	 {STEP(PUT, 0, SIZE(104)), STEP(REALLOC, 0, SIZE(2000)),
	  STEP(REALLOC, 0, SIZE(30000), BY(1)), STEP(REALLOC, 0, SIZE(100000)),
	  STEP(REALLOC, 0, SIZE(64)), STEP(REALLOC, 1, SIZE(64))}},
	{"what nothing names",
	 false,
	 {STEP(LOOSE, 0, SIZE(100)), STEP(LOOSE, 0, SIZE(70000), BY(1)),
	  STEP(RELEASE, 0, BY(1)), STEP(RELEASE, 0)}},
	{"words",
	 false,
	 {TX(three_words), TX(same_words, BY(1)), TX(a_range), TX(three_words),
	  TX(same_words, BY(2)), TX(one_word, BY(1))}},
	{"parts of one",
	 false,
	 {TX(three_words, NESTS), TX(a_range, ABORTS),
	  TX(one_word, NESTS, BY(1)), TX(three_words, ABORTS, NESTS),
	  TX(same_words)}},
	{"allocate, free and set",
	 false,
	 {STEP(PUT, 0, SIZE(300)), STEP(PUT, 2, SIZE(300), BY(1)), TX(mixed),
	  TX(swapped, BY(1)), TX(swapped), TX(heads, BY(2))}},
	{"aborted",
	 false,
	 {STEP(PUT, 0, SIZE(300)), STEP(PUT, 2, SIZE(300)), TX(mixed, ABORTS),
	  TX(large, ABORTS, BY(1)), TX(mixed)}},
	{"large ones in a transaction",
	 false,
	 {TX(large), TX(large, BY(1)), TX(larger), TX(large)}},
	{"another region",
	 false,
	 {TX(elsewhere), TX(elsewhere, BY(1)), STEP(SETTLE, 0),
	  TX(elsewhere, BY(2)), TX(one_word)}},
	{"settled, and then plain stores",
	 false,
	 {STEP(PUT, 0, SIZE(3000)), STEP(SETTLE, 0), STEP(RAW, 0, BY(1)),
	  TX(one_word), STEP(SETTLE, 0, BY(2)), STEP(RAW, 0)}},
	{"journals begin anew",
	 false,
	 {STEP(PUT, 0, SIZE(4000)), STEP(PUT, 1, SIZE(4000)), STEP(FREE, 0),
	  STEP(PUT, 0, SIZE(4000)), STEP(FREE, 1), STEP(PUT, 1, SIZE(3900)),
	  STEP(FREE, 0, BY(1)), STEP(PUT, 0, SIZE(4000)), STEP(FREE, 1),
	  STEP(PUT, 1, SIZE(3000)), STEP(FREE, 1), STEP(PUT, 1, SIZE(4000)),
	  TX(one_word, BY(1))}},
	{"journals begin anew while others write",
	 false,
	 {STEP(PUT, 0, SIZE(4000)), TX(one_word, BY(1)),
	  STEP(PUT, 1, SIZE(4000)), TX(same_words, BY(1)), STEP(FREE, 0),
	  STEP(PUT, 0, SIZE(4000), BY(2)), STEP(PUT, 2, SIZE(4000)),
	  TX(three_words, BY(1)), STEP(PUT, 3, SIZE(4000)),
	  STEP(FREE, 2, BY(1)), STEP(PUT, 2, SIZE(4000)), TX(same_words, BY(1)),
	  STEP(PUT, 4, SIZE(4000))}},
	{"a map",
	 true,
	 {STEP(HPUT, 0, SIZE(64)), STEP(HPUT, 1, SIZE(1000), BY(1)),
	  STEP(HPUT, 0, SIZE(80), BY(1)), STEP(HREMOVE, 0),
	  STEP(HPUT, 2, SIZE(6000)), STEP(HPUT, 1, SIZE(16), BY(2))}},
	{"a log",
	 true,
	 {STEP(APPEND, 0, SIZE(64)), STEP(APPEND, 0, SIZE(1000), BY(1)),
	  STEP(APPEND, 0, SIZE(6000)), STEP(CUT, 0, COUNT(1), BY(1)),
	  STEP(APPEND, 0, SIZE(8)), STEP(CUT, 0, COUNT(2))}},
	{"a map, a log and a word",
	 true,
	 {TX(kept), TX(kept, BY(1)), TX(gone), TX(kept, ABORTS), TX(kept)}},
	{"the disk fails",
	 false,
	 {STEP(PUT, 0, SIZE(100)), STEP(PUT, 1, SIZE(100), FAILS),
	  STEP(FREE, 0, FAILS, BY(1)), TX(three_words),
	  TX(three_words, FAILS, BY(1)), TX(one_word),
	  STEP(PUT, 2, SIZE(5000), FAILS), STEP(PUT, 2, SIZE(5000), BY(2))}},
	{"the disk fails once",
	 false,
	 {TX(three_words), TX(three_words, FAILS_AT(0)), TX(same_words, BY(1)),
	  STEP(PUT, 0, SIZE(5000), FAILS_AT(1)),
	  STEP(PUT, 0, SIZE(5000), FAILS_AT(0), BY(1)), STEP(PUT, 0, SIZE(500)),
	  STEP(SETTLE, 0, FAILS_AT(1)), TX(same_words),
	  STEP(SETTLE, 0, FAILS_AT(0), BY(1)), TX(three_words)}},
	{"others in the middle",
	 false,
	 {STEP(PUT, 0, SIZE(300)), STEP(PUT, 2, SIZE(300)),
	  TX(mixed, WHILE(9, small_of_another)),
	  TX(three_words, WHILE(5, small_free_of_another)), TX(same_words)}},
	{"the journal of another begins anew in the middle",
	 false,
	 {TX(one_word), STEP(PUT, 0, SIZE(4000), BY(1)),
	  STEP(PUT, 1, SIZE(4000), BY(1)), STEP(PUT, 2, SIZE(4000), BY(1)),
	  TX(three_words, WHILE(9, put_of_another)), TX(three_words),
	  TX(same_words, BY(1))}},
};

#define CASES (sizeof(cases) / sizeof(cases[0]))

/*
 * What one does while another one is in the middle: above all what becomes free, and
 * is taken, before who freed it has ended.
 */
static const struct step same_size = STEP(PUT, 5, SIZE(300), BY(1));
static const struct step same_pages = STEP(PUT, 5, SIZE(100000), BY(1));
static const struct step small_there = STEP(ALLOC, 5, SIZE(30000), BY(1));
static const struct step more_there = STEP(REALLOC, 4, SIZE(100000), BY(1));
static const struct step free_it = STEP(FREE, 3, BY(1));
static const struct step same_parts[] = {STEP(TALLOC, 6, SIZE(300), FILLS),
					 STEP(TFREE, 3),
					 STEP(WORD, 9),
					 {.deed = DEED_END}};
static const struct step same_tx = TX(same_parts, BY(1));
static const struct step frees_two[] = {
	STEP(TFREE, 0), STEP(TFREE, 1), STEP(WORD, 2), {.deed = DEED_END}};

static const struct heap_case middles[] = {
	{"a block is freed, and taken by its run's holder",
	 false,
	 {TX(one_word), TX(one_word, BY(1)), STEP(PUT, 0, SIZE(300), BY(1)),
	  STEP(PUT, 4, SIZE(300), BY(1)), STEP(FREE, 0, WHILE(1, same_size)),
	  STEP(PUT, 7, SIZE(300)), STEP(PUT, 6, SIZE(300), BY(2))}},
	{"the last block of a chunk is freed",
	 false,
	 {TX(one_word), TX(one_word, BY(1)), STEP(PUT, 0, SIZE(20000), BY(2)),
	  STEP(PUT, 1, SIZE(20000), BY(2)), STEP(REOPEN, 0, BY(2)),
	  TX(frees_two, WHILE(1, same_pages)), STEP(PUT, 7, SIZE(20000)),
	  STEP(PUT, 6, SIZE(150000), BY(2))}},
	{"chunks are freed, and taken as they were",
	 false,
	 {TX(one_word), TX(one_word, BY(1)), STEP(PUT, 0, SIZE(100000)),
	  STEP(PUT, 1, SIZE(500000)), STEP(FREE, 0, WHILE(1, same_pages)),
	  STEP(PUT, 7, SIZE(64))}},
	{"chunks are freed, and cut",
	 false,
	 {TX(one_word), TX(one_word, BY(1)), STEP(PUT, 0, SIZE(200000)),
	  STEP(PUT, 1, SIZE(500000)), STEP(FREE, 0, WHILE(1, small_there)),
	  STEP(PUT, 7, SIZE(30000)), STEP(PUT, 6, SIZE(100000), BY(2))}},
	{"something is allocated while another grows",
	 false,
	 {TX(one_word), TX(one_word, BY(1)), STEP(PUT, 4, SIZE(300), BY(1)),
	  STEP(PUT, 0, SIZE(100000), WHILE(1, more_there)),
	  STEP(FREE, 4, BY(2))}},
	{"something is allocated while another is freed",
	 false,
	 {TX(one_word), TX(one_word, BY(1)), STEP(PUT, 3, SIZE(300)),
	  STEP(PUT, 4, SIZE(300), BY(1)),
	  STEP(PUT, 0, SIZE(300), WHILE(1, free_it)), STEP(PUT, 7, SIZE(300))}},
	{"two transactions at once",
	 false,
	 {TX(one_word), TX(one_word, BY(1)), STEP(PUT, 3, SIZE(300)),
	  STEP(PUT, 0, SIZE(300), BY(1)), STEP(PUT, 1, SIZE(300)),
	  TX(frees_two, WHILE(1, same_tx)), STEP(PUT, 7, SIZE(300)),
	  STEP(PUT, 5, SIZE(300), BY(2))}},
};

#define MIDDLES (sizeof(middles) / sizeof(middles[0]))

#endif
