/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026, the FAM emulator authors */
#ifndef HEAPS_MODEL_H
#define HEAPS_MODEL_H

/* What a story does with a heap, step by step, and what is there after each. */
#include <stdbool.h>
#include <stdint.h>

#define MODEL_SLOTS  8	/* words of the root that name an object */
#define MODEL_WORDS  16 /* of the root, that transactions change */
#define MODEL_LOOSE  4	/* objects that are not published */
#define MODEL_REMOTE 4	/* words of another region */
#define MODEL_KEYS   8
#define MODEL_LOG    16
#define MODEL_PARTS  6
#define MODEL_HEAD   64 /* bytes of an object that transactions change */

enum deed {
	DEED_END,
	DEED_PUT,     /* slot @at has a new object of @bytes, filled */
	DEED_ALLOC,   /* the same, holding anything */
	DEED_ZALLOC,  /* the same, holding zeros */
	DEED_FREE,    /* what slot @at names is freed */
	DEED_REALLOC, /* ... has @bytes */
	DEED_LOOSE,   /* an object that nothing names */
	DEED_RELEASE, /* the first one of these is freed */
	DEED_FILL,    /* plain stores to all of an object, fam_heap_persist() */
	DEED_RAW,     /* the same with fam_persist(), where that is enough */
	DEED_SETTLE,
	DEED_REOPEN, /* the actor closes the heap and opens it anew */
	/* A transaction of @part, or a part of it from here on. */
	DEED_TX,
	DEED_WORD,   /* word @at */
	DEED_WORDS,  /* @count of them, from @at on, in one range */
	DEED_TALLOC, /* slot @at has a new object of @bytes, filled if @fills */
	DEED_TFREE,  /* slot @at names none any more */
	DEED_INTO,   /* the head of the object of slot @at */
	DEED_REMOTE, /* word @at of the other region */
	DEED_HPUT,   /* key @at has @bytes; also outside a transaction */
	DEED_HREMOVE,
	DEED_APPEND,
	DEED_CUT, /* @count records of the log; not in a transaction */
};

struct step {
	const struct step *part;      /* of TX, up to END */
	const struct step *meanwhile; /* another's, in the middle of this */
	enum deed deed;
	uint32_t bytes; /* a multiple of 8 */
	int error;	/* the disk fails with it, but for @well requests */
	uint16_t at, count, well;
	uint16_t meanwhile_at; /* behind so many stores */
	uint16_t dies;	       /* behind so many stores; 0: it does not */
	uint8_t actor;
	bool aborts, nests, fills;
};

/* Words of the first MODEL_HEAD bytes are of @head, those behind it of @body. */
struct object {
	uint64_t bytes;	     /* 0: there is none */
	uint64_t known;	     /* bytes: what is behind them holds anything */
	uint32_t head, body; /* 0: zeros */
	/* 1: a transaction changed it: fam_persist() alone is not enough. */
	uint64_t touched;
	uint64_t off; /* of one that nothing names; 0: not known */
};

struct value {
	uint32_t id; /* 0: there is none */
	uint32_t bytes;
};

struct model {
	struct object slot[MODEL_SLOTS];
	struct object loose[MODEL_LOOSE];
	uint64_t word[MODEL_WORDS];
	uint64_t remote[MODEL_REMOTE];
	struct value key[MODEL_KEYS];
	struct value log[MODEL_LOG]; /* number n is [n % MODEL_LOG] */
	uint64_t log_first, log_last;
};

void model_begin(struct model *m);

/** model_can() - does a step make sense here, without a leak? */
bool model_can(const struct model *m, const struct step *step);

/** model_do() - a step that can be done; what it stores is of @id and above */
void model_do(struct model *m, const struct step *step, uint32_t id);

/** model_changes() - does it change what records say? */
bool model_changes(const struct step *step);

/**
 * model_half() - what may be there on the way, or behind a failure
 *
 * Return: false: nothing but before and after
 */
bool model_half(struct model *m, const struct step *step);

/** model_raw() - is RAW enough for the object? Else it is done as FILL */
bool model_raw(const struct model *m, const struct step *step);

/** model_word() - what is stored by @id at word @i of something; not 0 */
uint64_t model_word(uint32_t id, uint64_t i);

/** model_print() - a step, as it can be written down again */
void model_print(const struct step *step, unsigned int depth);

#endif
