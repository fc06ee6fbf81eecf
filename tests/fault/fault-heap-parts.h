/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026, the FAM emulator authors */
#ifndef FAULT_HEAP_PARTS_H
#define FAULT_HEAP_PARTS_H

/* What the parts of fault-heap.h share. */
#include "internal.h"

#include "fault-heap.h"

#define TAKE_OVER_MS 2000 /* once the death is known */

/* All that counts, in a few numbers. */
struct heap_snap {
	uint64_t objects, bytes; /* as they are enumerated */
	uint64_t digest;	 /* of what can be found */
};

/* Both processes have it. */
struct heap_board {
	const struct heap_case *what;
	bool drains; /* durable is what the CPU has written back */
	bool learns; /* no death: what there is after each call is noted */
	struct heap_snap snap[CALLS_MAX + 1];
	uint64_t spans;		       /* that can be had when all is free */
	_Atomic unsigned int returned; /* calls */
	uint64_t kept[8];
};

extern struct heap_board *heap_board;
extern bool heap_in_child; /* who fails must not go on as the test */

/** heap_stage_open() - all of it; 0; ... */
int heap_stage_open(struct heap_stage *s, struct fault *f);
void heap_stage_close(struct heap_stage *s);

/** heap_look() - what is there: fault-heap-look.c */
void heap_look(struct heap_stage *s, struct heap_snap *out);

/** heap_judge() - when all who die have died: fault-heap-judge.c */
void heap_judge(struct fault *f);

#endif
