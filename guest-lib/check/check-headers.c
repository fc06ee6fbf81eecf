// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
/* Superblocks, mailbox, sessions and parking. */
#include <string.h>

#include <fam-mailbox.h>
#include <fam-parking.h>

#include "fam-check.h"

/* --- superblocks ----------------------------------------------------------------- */

/* Both copies, and what is wrong with each; NULL: nothing. */
struct both {
	struct fam_superblock sb[FAM_SUPERBLOCK_COPIES];
	const char *wrong[FAM_SUPERBLOCK_COPIES];
	enum fam_check_level level[FAM_SUPERBLOCK_COPIES];
	unsigned int chosen; /* FAM_SUPERBLOCK_COPIES: none can be used */
};

static const char *why_not(const struct fam_superblock *sb, unsigned int copy)
{
	switch (fam_superblock_check(sb, copy)) {
	case 0:
		return NULL;
	case -EMEDIUMTYPE:
		return "there is no superblock: something was stored over it";
	case -EPROTONOSUPPORT:
		return "it is of a newer format";
	default:
		return "its checksum is wrong, or a field of it";
	}
}

/* But for the number of the copy, and so the checksum. */
static bool are_same(const struct fam_superblock sb[FAM_SUPERBLOCK_COPIES])
{
	struct fam_superblock other = sb[1];

	fam_superblock_seal(&other, 0);
	return memcmp(&sb[0], &other, sizeof(other)) == 0;
}

/* Both are whole, and of one fabric. */
static void compare_both(struct both *b)
{
	unsigned int other = !b->chosen;

	if (b->sb[0].generation != b->sb[1].generation) {
		b->wrong[other] = "it is older than the other one: a change "
				  "was cut short";
		b->level[other] = FAM_CHECK_NOTE;
	} else if (!are_same(b->sb)) {
		b->wrong[other] = "it differs from the other one, which is of "
				  "the same generation";
	}
}

static int read_both(struct fam *fam, struct both *b)
{
	unsigned int damaged = 0;
	int r = fam_source_superblocks(&fam->source, b->sb);

	if (r < 0)
		return r;
	b->chosen = FAM_SUPERBLOCK_COPIES;
	r = fam_superblock_choose(b->sb, &b->chosen, &damaged);
	for (unsigned int i = 0; i < FAM_SUPERBLOCK_COPIES; i++) {
		b->wrong[i] = why_not(&b->sb[i], i);
		b->level[i] = r < 0 ? FAM_CHECK_LOSS : FAM_CHECK_DAMAGE;
		if (!b->wrong[i] && damaged & 1u << i)
			b->wrong[i] = "it is of another fabric";
	}
	if (r == 0 && damaged == 0)
		compare_both(b);
	return 0;
}

int fam_check_superblocks(struct fam_checker *c)
{
	struct both b = {0};
	int r = read_both(c->fam, &b);

	for (unsigned int i = 0; r == 0 && i < FAM_SUPERBLOCK_COPIES; i++) {
		struct fam_check_problem *p;

		if (!b.wrong[i])
			continue;
		p = fam_check_found(c, b.level[i], fam_superblock_offset(i),
				    FAM_SUPERBLOCK_BYTES);
		snprintf(p->part, sizeof(p->part), "superblock, copy %u", i);
		snprintf(p->text, sizeof(p->text), "%s", b.wrong[i]);
	}
	return r;
}

static int write_copy(struct fam *fam, struct fam_superblock sb,
		      unsigned int copy)
{
	void *map;
	int r = fam_map_area(fam, fam_superblock_offset(copy), sizeof(sb),
			     &map);

	if (r < 0)
		return r;
	fam_superblock_seal(&sb, copy);
	memcpy(map, &sb, sizeof(sb));
	r = fam_repair_persist(fam, map, sizeof(sb));
	fam_unmap(fam, map);
	return r;
}

/* Copy 1 first, as every change does it: one of them is whole at any time. */
int fam_repair_superblocks(struct fam_checker *c)
{
	struct fam *fam = c->fam;
	struct fam_superblock sb = fam->sb;
	struct both b = {0};
	int r = read_both(fam, &b), first = 0;

	if (r < 0)
		return r;
	for (unsigned int i = 0; i < FAM_SUPERBLOCK_COPIES; i++) {
		/* Nothing a newer release has written is written over. */
		if (fam_superblock_check(&b.sb[i], i) == -EPROTONOSUPPORT)
			return -EPROTONOSUPPORT;
	}
	if (b.chosen < FAM_SUPERBLOCK_COPIES &&
	    memcmp(b.sb[b.chosen].uuid, sb.uuid, sizeof(sb.uuid)) == 0)
		sb = b.sb[b.chosen];
	for (unsigned int i = FAM_SUPERBLOCK_COPIES; i-- > 0;) {
		if (b.wrong[i])
			r = write_copy(fam, sb, i);
		first = first ? first : r;
	}
	return first;
}

/* --- mailbox ------------------------------------------------------------------------ */

/* What the server writes when it starts, and what its clients rely on. */
#define MAILBOX_NUMBERS 5
#define MAILBOX_HEAD	offsetof(struct fam_mailbox, reserved0)

struct mailbox_head {
	uint64_t magic;
	uint32_t version, slots, slot_bytes, ring;
};
_Static_assert(sizeof(struct mailbox_head) == MAILBOX_HEAD, "no gaps");

static const struct mailbox_head served = {
	FAM_MAILBOX_MAGIC, FAM_MAILBOX_VERSION, FAM_MAILBOX_SLOTS,
	FAM_MAILBOX_SLOT_BYTES, FAM_MAILBOX_RING};
static const struct mailbox_head never;

static unsigned int right_numbers(const struct mailbox_head *h)
{
	return (h->magic == served.magic) + (h->version == served.version) +
	       (h->slots == served.slots) +
	       (h->slot_bytes == served.slot_bytes) + (h->ring == served.ring);
}

static int map_mailbox(struct fam *fam, struct fam_mailbox **out,
		       struct mailbox_head *head)
{
	void *map;
	int r;

	*out = NULL;
	if (!(fam->sb.feature_compat & FAM_COMPAT_MAILBOX))
		return 0;
	r = fam_map_area(fam, fam->sb.mailbox_offset, FAM_SUPERBLOCK_BYTES,
			 &map);
	if (r < 0)
		return r;
	*out = map;
	memcpy(head, map, sizeof(*head));
	return 0;
}

static bool mailbox_is_good(const struct fam_mailbox *box,
			    const struct mailbox_head *head)
{
	return right_numbers(head) == MAILBOX_NUMBERS ||
	       (memcmp(head, &never, sizeof(never)) == 0 &&
		atomic_load(&box->epoch) == 0);
}

int fam_check_mailbox(struct fam_checker *c)
{
	struct mailbox_head head;
	struct fam_mailbox *box;
	int r = map_mailbox(c->fam, &box, &head);

	if (r < 0 || !box)
		return r;
	if (!mailbox_is_good(box, &head)) {
		struct fam_check_problem *p = fam_check_found(
			c, FAM_CHECK_DAMAGE, c->fam->sb.mailbox_offset,
			sizeof(head));

		snprintf(p->part, sizeof(p->part), "mailbox, header");
		snprintf(p->text, sizeof(p->text),
			 "its magic, version or numbers are not those of "
			 "version %d",
			 FAM_MAILBOX_VERSION);
	}
	fam_unmap(c->fam, box);
	return 0;
}

/* As it was written: whole, or never. */
int fam_repair_mailbox(struct fam_checker *c)
{
	struct mailbox_head head;
	struct fam_mailbox *box;
	int r = map_mailbox(c->fam, &box, &head);

	if (r < 0 || !box)
		return r;
	if (!mailbox_is_good(box, &head)) {
		bool was = right_numbers(&head) > MAILBOX_NUMBERS / 2 ||
			   atomic_load(&box->epoch);

		memcpy(box, was ? &served : &never, sizeof(head));
		r = fam_repair_persist(c->fam, box, sizeof(head));
	}
	fam_unmap(c->fam, box);
	return r;
}

/* --- sessions -------------------------------------------------------------------------- */

int fam_check_sessions(struct fam_checker *c)
{
	for (unsigned int i = 0; c->table && i < FAM_SESSIONS_SLOTS; i++) {
		uint64_t word = fam_word_peek(&c->table->word[i]);
		struct fam_check_problem *p;

		if (!word || fam_sessions_is_sane(word))
			continue;
		p = fam_check_found(
			c, FAM_CHECK_NOTE,
			c->fam->sb.sessions_offset +
				offsetof(struct fam_sessions, word) + 8 * i,
			8);
		snprintf(p->part, sizeof(p->part), "session word %u", i);
		snprintf(p->text, sizeof(p->text),
			 "it is no word of a session: its slot is free");
	}
	return 0;
}

int fam_repair_sessions(struct fam_checker *c)
{
	struct fam_sessions *table = fam_session_table(c->fam);

	if (!fam_repair_is_due(c, c->fam->sb.sessions_offset,
			       c->fam->sb.sessions_bytes))
		return 0;
	for (unsigned int i = 0; table && i < FAM_SESSIONS_SLOTS; i++) {
		uint64_t word = fam_word_peek(&table->word[i]);

		if (word && !fam_sessions_is_sane(word))
			(void)fam_sessions_step(table, i, word, 0);
	}
	return 0;
}

/* --- parking ------------------------------------------------------------------------------ */

static bool place_is_sane(uint64_t word)
{
	uint64_t state = word & FAM_HOLDER_FLAGS;

	return !word || (fam_holder_of(word) && state >= FAM_PARKING_CLAIMED &&
			 state <= FAM_PARKING_WOKEN);
}

static fam_word *place_word(struct fam_parking *parking, unsigned int i)
{
	return &parking->place[i / FAM_PARKING_PLACES][i % FAM_PARKING_PLACES]
			.word;
}

static int map_parking(struct fam *fam, struct fam_parking **out)
{
	void *map = NULL;
	int r = 0;

	if (fam->sb.feature_compat & FAM_COMPAT_OBJECTS)
		r = fam_map_area(fam, fam->sb.parking_offset,
				 fam->sb.parking_bytes, &map);
	*out = map;
	return r;
}

int fam_check_parking(struct fam_checker *c)
{
	struct fam_parking *parking;
	int r = map_parking(c->fam, &parking);

	for (unsigned int i = 0; parking && i < FAM_PARKING_TOTAL; i++) {
		struct fam_check_problem *p;

		if (place_is_sane(fam_word_peek(place_word(parking, i))))
			continue;
		p = fam_check_found(
			c, FAM_CHECK_NOTE,
			c->fam->sb.parking_offset +
				offsetof(struct fam_parking, place) +
				sizeof(struct fam_parking_place) * i,
			sizeof(struct fam_parking_place));
		snprintf(p->part, sizeof(p->part), "parking place %u", i);
		snprintf(p->text, sizeof(p->text),
			 "it is nobody's, and not free");
	}
	fam_unmap(c->fam, parking);
	return r;
}

int fam_repair_parking(struct fam_checker *c)
{
	struct fam_parking *parking;
	int r;

	if (!fam_repair_is_due(c, c->fam->sb.parking_offset,
			       c->fam->sb.parking_bytes))
		return 0;
	r = map_parking(c->fam, &parking);
	for (unsigned int i = 0; parking && i < FAM_PARKING_TOTAL; i++) {
		fam_word *word = place_word(parking, i);
		uint64_t was = fam_word_peek(word);

		if (!place_is_sane(was))
			(void)fam_word_step(word, was, 0);
	}
	fam_unmap(c->fam, parking);
	return r;
}
