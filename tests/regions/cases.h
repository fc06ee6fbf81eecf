/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026, the FAM emulator authors */
#ifndef REGIONS_CASES_H
#define REGIONS_CASES_H

/* Stories of a few steps, each of them a way in which a cut could do harm. */
#include <errno.h>

#include "story.h"

#define STEP(deed_, a_, ...)                                  \
	{                                                     \
		.deed = STORY_##deed_, .a = a_, ##__VA_ARGS__ \
	}
#define LOOSE	    .no_sync = (true)
#define BY(n)	    .actor = (n)
#define TO(name)    .b = (name)
#define MODE(m)	    .b = (m)
#define SIZE(n)	    .bytes = (n)
#define FAILS	    .error = (-EIO)
#define WHILE(what) .meanwhile = (&(what))

#define HAND_ON(actor)                        \
	STEP(CREATE, 'b', SIZE(4096), LOOSE), \
		STEP(REPLACE, 'b', TO('a'), LOOSE, BY(actor))

static const struct story_step meanwhile_o =
	STEP(CREATE, 'o', SIZE(4096), BY(1));
static const struct story_step meanwhile_o_loose =
	STEP(CREATE, 'o', SIZE(4096), BY(2), LOOSE);
static const struct story_step meanwhile_g_goes = STEP(DESTROY, 'g', BY(1));

static const struct story_case {
	const char *name;
	struct story_step step[32];
} cases[] = {
	{"create", {STEP(CREATE, 'a', SIZE(6000))}},
	{"create, loose",
	 {STEP(CREATE, 'a', SIZE(4096), LOOSE), STEP(SYNC, 0, BY(1))}},
	{"create, after a loose one",
	 {STEP(CREATE, 'a', SIZE(4096), LOOSE),
	  STEP(CREATE, 'b', SIZE(8192), BY(1))}},
	{"two by two",
	 {STEP(CREATE, 'a', SIZE(4096)), STEP(CREATE, 'b', SIZE(4096), BY(1)),
	  STEP(SET, 'a', MODE(7)), STEP(SET, 'b', MODE(4), BY(1)),
	  STEP(SET, 'a', MODE(6))}},
	{"destroy",
	 {STEP(CREATE, 'a', SIZE(4096)), STEP(FILL, 'a'),
	  STEP(DESTROY, 'a', BY(1))}},
	{"destroy, loose",
	 {STEP(CREATE, 'a', SIZE(4096)), STEP(FILL, 'a'),
	  STEP(DESTROY, 'a', LOOSE), STEP(SYNC, 0)}},
	{"destroy, and another in its space",
	 {STEP(CREATE, 'a', SIZE(4096)), STEP(FILL, 'a'), STEP(DESTROY, 'a'),
	  STEP(CREATE, 'b', SIZE(4096)), STEP(FILL, 'b')}},
	{"destroy, loose, and another in its space",
	 {STEP(CREATE, 'a', SIZE(4096)), STEP(FILL, 'a'),
	  STEP(DESTROY, 'a', LOOSE),
	  STEP(CREATE, 'b', SIZE(4096), LOOSE, BY(1)), STEP(FILL, 'b'),
	  STEP(SYNC, 0)}},
	{"destroy, loose, and a durable one in its space",
	 {STEP(CREATE, 'a', SIZE(4096)), STEP(FILL, 'a'),
	  STEP(DESTROY, 'a', LOOSE), STEP(CREATE, 'b', SIZE(4096), BY(1)),
	  STEP(FILL, 'b')}},
	{"destroy and create by one name",
	 {STEP(CREATE, 'a', SIZE(4096)), STEP(FILL, 'a'),
	  STEP(DESTROY, 'a', LOOSE), STEP(CREATE, 'a', SIZE(8192), LOOSE),
	  STEP(FILL, 'a'), STEP(SET, 'a', MODE(7))}},
	{"grow where it is",
	 {STEP(CREATE, 'a', SIZE(1000)), STEP(FILL, 'a'),
	  STEP(RESIZE, 'a', SIZE(3000))}},
	{"grow into what is behind",
	 {STEP(CREATE, 'a', SIZE(4096)), STEP(CREATE, 'b', SIZE(4096)),
	  STEP(CREATE, 'c', SIZE(4096)), STEP(FILL, 'b'), STEP(FILL, 'a'),
	  STEP(DESTROY, 'a'), STEP(RESIZE, 'b', SIZE(8192), BY(1)),
	  STEP(FILL, 'b'), STEP(DESTROY, 'c'), STEP(RESIZE, 'b', SIZE(12288))}},
	{"grow by moving",
	 {STEP(CREATE, 'a', SIZE(4096)), STEP(CREATE, 'b', SIZE(4096)),
	  STEP(CREATE, 'c', SIZE(4096)), STEP(FILL, 'b'),
	  STEP(RESIZE, 'b', SIZE(9000)), STEP(CREATE, 'd', SIZE(4096), BY(1))}},
	{"grow by moving, loose",
	 {STEP(CREATE, 'a', SIZE(4096)), STEP(CREATE, 'b', SIZE(4096)),
	  STEP(CREATE, 'c', SIZE(4096)), STEP(FILL, 'b'),
	  STEP(RESIZE, 'b', SIZE(9000), LOOSE),
	  STEP(CREATE, 'd', SIZE(4096), LOOSE, BY(1)), STEP(FILL, 'd'),
	  STEP(SYNC, 0)}},
	{"shrink",
	 {STEP(CREATE, 'a', SIZE(12288)), STEP(FILL, 'a'),
	  STEP(RESIZE, 'a', SIZE(5000)), STEP(CREATE, 'b', SIZE(4096), BY(1)),
	  STEP(FILL, 'b')}},
	{"shrink, loose, and another in its space",
	 {STEP(CREATE, 'a', SIZE(12288)), STEP(FILL, 'a'),
	  STEP(RESIZE, 'a', SIZE(4096), LOOSE),
	  STEP(CREATE, 'b', SIZE(8192), LOOSE, BY(1)), STEP(FILL, 'b'),
	  STEP(SYNC, 0)}},
	{"shrink, loose, and a durable one in its space",
	 {STEP(CREATE, 'a', SIZE(12288)), STEP(FILL, 'a'),
	  STEP(RESIZE, 'a', SIZE(4096), LOOSE),
	  STEP(CREATE, 'b', SIZE(8192), BY(1)), STEP(FILL, 'b')}},
	{"shrink and grow",
	 {STEP(CREATE, 'a', SIZE(12288)), STEP(FILL, 'a'),
	  STEP(RESIZE, 'a', SIZE(4096), LOOSE),
	  STEP(RESIZE, 'a', SIZE(12288), LOOSE, BY(1)), STEP(SYNC, 0)}},
	{"rename",
	 {STEP(CREATE, 'a', SIZE(4096)), STEP(RENAME, 'a', TO('b')),
	  STEP(RENAME, 'b', TO('c'), BY(1))}},
	{"rename, loose",
	 {STEP(CREATE, 'a', SIZE(4096)), STEP(RENAME, 'a', TO('b'), LOOSE),
	  STEP(RENAME, 'b', TO('c'), LOOSE, BY(1)), STEP(SYNC, 0)}},
	{"rename, loose, and another by the old name",
	 {STEP(CREATE, 'a', SIZE(4096)), STEP(FILL, 'a'),
	  STEP(RENAME, 'a', TO('b'), LOOSE),
	  STEP(CREATE, 'a', SIZE(4096), LOOSE, BY(1)), STEP(SYNC, 0)}},
	{"rename, loose, and a durable one by the old name",
	 {STEP(CREATE, 'a', SIZE(4096)), STEP(FILL, 'a'),
	  STEP(RENAME, 'a', TO('b'), LOOSE),
	  STEP(CREATE, 'a', SIZE(4096), BY(1))}},
	{"names go round",
	 {STEP(CREATE, 'a', SIZE(4096)), STEP(CREATE, 'b', SIZE(4096)),
	  STEP(RENAME, 'a', TO('c'), LOOSE),
	  STEP(RENAME, 'b', TO('a'), LOOSE, BY(1)),
	  STEP(RENAME, 'c', TO('b'), LOOSE), STEP(SYNC, 0)}},
	{"replace",
	 {STEP(CREATE, 'a', SIZE(4096)), STEP(CREATE, 'b', SIZE(4096)),
	  STEP(FILL, 'a'), STEP(FILL, 'b'),
	  STEP(REPLACE, 'a', TO('b'), BY(1))}},
	{"replace, loose",
	 {STEP(CREATE, 'a', SIZE(4096)), STEP(CREATE, 'b', SIZE(4096)),
	  STEP(FILL, 'a'), STEP(FILL, 'b'), STEP(REPLACE, 'a', TO('b'), LOOSE),
	  STEP(CREATE, 'a', SIZE(4096), LOOSE, BY(1)), STEP(FILL, 'a'),
	  STEP(SYNC, 0)}},
	{"replace, loose, and destroy it",
	 {STEP(CREATE, 'a', SIZE(4096)), STEP(CREATE, 'b', SIZE(4096)),
	  STEP(REPLACE, 'a', TO('b'), LOOSE), STEP(DESTROY, 'b', LOOSE, BY(1)),
	  STEP(SYNC, 0)}},
	{"replace what is loose by what is loose",
	 {STEP(CREATE, 'a', SIZE(4096), LOOSE),
	  STEP(CREATE, 'b', SIZE(4096), LOOSE, BY(1)),
	  STEP(REPLACE, 'a', TO('b'), LOOSE),
	  STEP(REPLACE, 'b', TO('c'), LOOSE, BY(1)), STEP(SYNC, 0)}},
	{"replace again and again",
	 {STEP(CREATE, 'a', SIZE(4096)), STEP(CREATE, 'b', SIZE(4096)),
	  STEP(CREATE, 'c', SIZE(4096)), STEP(REPLACE, 'a', TO('b'), LOOSE),
	  STEP(REPLACE, 'b', TO('c'), LOOSE, BY(1)),
	  STEP(CREATE, 'a', SIZE(4096), LOOSE),
	  STEP(REPLACE, 'a', TO('c'), LOOSE), STEP(SET, 'c', MODE(7))}},
	{"a name is handed on and on",
	 {STEP(CREATE, 'a', SIZE(4096)), STEP(FILL, 'a'), HAND_ON(0),
	  HAND_ON(1), HAND_ON(0), HAND_ON(1), HAND_ON(0), HAND_ON(1),
	  HAND_ON(0), HAND_ON(1), HAND_ON(0), HAND_ON(1), HAND_ON(0),
	  STEP(SYNC, 0), STEP(CREATE, 'c', SIZE(4096)), STEP(DESTROY, 'a')}},
	{"set",
	 {STEP(CREATE, 'a', SIZE(4096)), STEP(SET, 'a', MODE(7)),
	  STEP(SET, 'a', MODE(1), BY(1))}},
	{"a loose one changes often",
	 {STEP(CREATE, 'a', SIZE(4096)), STEP(SET, 'a', MODE(1), LOOSE),
	  STEP(SET, 'a', MODE(2), LOOSE, BY(1)),
	  STEP(RENAME, 'a', TO('b'), LOOSE),
	  STEP(RESIZE, 'b', SIZE(104), LOOSE), STEP(SYNC, 0)}},
	{"two entries are used again and again",
	 {STEP(CREATE, 'a', SIZE(4096)), STEP(DESTROY, 'a'),
	  STEP(CREATE, 'b', SIZE(8192), BY(1)), STEP(DESTROY, 'b'),
	  STEP(CREATE, 'c', SIZE(4096)), STEP(DESTROY, 'c', LOOSE),
	  STEP(CREATE, 'd', SIZE(4096))}},
	{"others create while one is made",
	 {STEP(CREATE, 'g', SIZE(4096)),
	  STEP(CREATE, 'a', SIZE(8192), WHILE(meanwhile_o)),
	  STEP(CREATE, 'b', SIZE(8192), WHILE(meanwhile_g_goes))}},
	{"others create while a loose one is made",
	 {STEP(CREATE, 'a', SIZE(8192), LOOSE, WHILE(meanwhile_o_loose)),
	  STEP(CREATE, 'b', SIZE(4096), BY(1))}},
	{"others create while one grows",
	 {STEP(CREATE, 'b', SIZE(4096)), STEP(CREATE, 'a', SIZE(4096)),
	  STEP(DESTROY, 'b'), STEP(FILL, 'a'),
	  STEP(RESIZE, 'a', SIZE(8192), WHILE(meanwhile_o))}},
	{"the disk fails",
	 {STEP(CREATE, 'a', SIZE(4096)), STEP(SET, 'a', MODE(1), LOOSE),
	  STEP(SET, 'a', MODE(2), FAILS), STEP(RENAME, 'a', TO('b'), FAILS),
	  STEP(DESTROY, 'a', FAILS, BY(1)), STEP(SET, 'a', MODE(3))}},
	{"the disk fails while one replaces another",
	 {STEP(CREATE, 'a', SIZE(4096)), STEP(CREATE, 'b', SIZE(4096)),
	  STEP(REPLACE, 'a', TO('b'), FAILS, BY(1)), STEP(SET, 'a', MODE(3))}},
};

#define CASES (sizeof(cases) / sizeof(cases[0]))

#endif
