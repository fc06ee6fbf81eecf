/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026, the FAM emulator authors */
#ifndef TESTS_TAPE_H
#define TESTS_TAPE_H

/*
 * All that is stored to the end of the data and to the directory of regions behind
 * it, in order, and what was made durable: of that every state is built in which a
 * power cut may leave it. libfam is linked in a build of its own (module.mk), with
 * headers in front of those by which it stores.
 *
 * The disk takes sectors. Each of them is at any moment as it was after one of
 * the stores to it since it was last made durable; one that is written while
 * words are being stored to it may have any of these words. Nothing is sure of
 * the order in which the disk takes sectors.
 */
#include <stdbool.h>
#include <stdint.h>

#include <fam/fam.h>

#define TAPE_SECTOR 512
#define TAPE_FAMS   4

/* A sector as it was from a moment on. */
struct tape_version {
	uint64_t at;
	uint8_t bytes[TAPE_SECTOR];
};

struct tape_sector {
	struct tape_version *version; /* [0]: at the beginning */
	uint32_t count;
};

/* Sectors that were stored to, or that are durable as they were at @posted. */
struct tape_event {
	uint64_t at, posted; /* 0: stored */
	uint32_t first, count;
};

/* What is recorded and, of a tape in disguise, what goes wrong. */
enum tape_mistake {
	TAPE_RIGHT,
	TAPE_NO_PERSIST,   /* what should be durable is not */
	TAPE_LATE_PERSIST, /* what comes behind a persist comes before it */
	TAPE_OTHER,	   /* from here on those of a kind of cuts */
};

struct tape {
	uint64_t now; /* a moment for each event and each mark */
	uint64_t offset, data_bytes, area_bytes; /* of what is recorded */
	struct tape_sector *sector;
	uint32_t sectors;
	struct tape_event *event;
	uint32_t events, event_room;
	uint8_t uuid[FAM_UUID_BYTES];
	uint8_t *shadow;       /* as the last versions are */
	const uint8_t *memory; /* the fabric itself */
	struct fam *fam[TAPE_FAMS];
	uint64_t asked; /* requests, and those that are answered */
	struct {
		uint64_t at, offset, length;
	} request[64];
	int error;     /* requests fail with it */
	uint64_t well; /* but for so many before */
	/* Other stores than the library's are looked for before each of so many of
	 * these only, and before each request; 0: whenever it goes elsewhere. */
	uint64_t seldom, stores;
	/* Behind each store that is recorded, before and behind each request. */
	void (*step)(void *arg);
	void *step_arg;
};

/**
 * tape_begin() - record the fabric in a file, which is as it has to be
 * @data_bytes: of the data, from its end on
 */
void tape_begin(struct tape *tape, const char *path, uint64_t data_bytes);
void tape_end(struct tape *tape);

/** tape_attach() - what this attachment does goes on the tape; it can persist */
void tape_attach(struct tape *tape, unsigned int n, struct fam *fam);
void tape_detach(struct tape *tape, unsigned int n);

/** tape_mark() - a moment between all that was and all that will be */
uint64_t tape_mark(struct tape *tape);

/**
 * tape_lie() - what fam_word_get() and _peek() tell of a word, from now on; NULL
 */
void tape_lie(uint64_t (*lie)(const void *word, uint64_t value));

/** tape_is_true() - is the directory as the tape says it is? */
bool tape_is_true(const struct tape *tape);

/** tape_persist_all() - have an attachment persist without a disk or a tape */
void tape_persist_all(struct fam *fam);

/* --- power cuts: cut.c ------------------------------------------------------- */

#define CUT_CHOICES 6  /* of a sector that is looked at way by way */
#define CUT_OPEN    24 /* such sectors */

/* A sector that may be one or the other. */
struct cut_choice {
	uint32_t sector;
	uint32_t count, version[CUT_CHOICES];
};

struct cut;

/* What is recorded, for those who look at it; NULL: as is said. */
struct cut_kind {
	/* Looked at way by way, all else by chance. */
	bool (*counts)(const struct cut *cut, uint32_t sector);
	/* Is a version worth being looked at? All are. */
	bool (*is_whole)(const struct cut *cut, uint32_t sector,
			 const uint8_t *bytes);
	/* Does it make a difference in what is there? All do. */
	bool (*matters)(const struct cut *cut, uint32_t sector);
	/* A mistake: it lies in another one. It is where it is. */
	uint32_t (*place)(const struct cut *cut, uint32_t sector);
	/* A mistake: this was not made durable. It was. */
	bool (*forgets)(const struct cut *cut, const struct tape_event *event);
	/* A mistake: @cut->sector is changed. It is not. */
	void (*begin)(struct cut *cut);
	void (*print)(const struct cut *cut, uint32_t sector);
};

/* Between which versions each sector is, while time passes. */
struct cut {
	const struct tape *tape;
	const struct cut_kind *kind;
	int mistake; /* enum tape_mistake, or one of the kind's */
	uint64_t random;
	uint8_t uuid[FAM_UUID_BYTES];
	struct tape_sector *sector;  /* as on the tape, but for mistakes */
	struct tape_version **own;   /* versions that are not the tape's */
	struct tape_event delay[16]; /* TAPE_LATE_PERSIST */
	unsigned int delayed;
	uint32_t event; /* the next one */
	uint32_t *low, *high;
	uint32_t *last;	  /* event that stored to it last */
	uint32_t *chosen; /* for the image */
	uint32_t *shown;  /* in the image; UINT32_MAX: none as it was */
	uint8_t *image;
	uint32_t *loose, looses; /* sectors of which these differ */
	struct cut_choice choice[CUT_OPEN];
	unsigned int choices;
	uint64_t ways;
};

void cut_begin(struct cut *cut, const struct tape *tape,
	       const struct cut_kind *kind, int mistake, uint64_t seed);
void cut_end(struct cut *cut);

/** cut_at() - the power goes at this moment, later than the last one */
void cut_at(struct cut *cut, uint64_t at);

/** cut_image() - way 0 to ways - 1 of what counts; all else by chance */
void cut_image(struct cut *cut, uint64_t way);

/** cut_torn() - any way at all, with sectors torn in the middle of stores */
void cut_torn(struct cut *cut);

/** cut_hash() - of what counts in the image */
uint64_t cut_hash(const struct cut *cut);

/** cut_print() - which sectors are how */
void cut_print(const struct cut *cut);

/** tape_random() - the next of a series of numbers */
uint64_t tape_random(uint64_t *state);

#endif
