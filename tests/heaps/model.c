// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "model.h"
#include "tape.h"

uint64_t model_word(uint32_t id, uint64_t i)
{
	uint64_t state = (uint64_t)id * 1000003 + i;

	return tape_random(&state) | 1;
}

void model_begin(struct model *m)
{
	memset(m, 0, sizeof(*m));
	m->log_first = 1;
}

/* --- does it make sense? ------------------------------------------------------------ */

static bool parts_can(const struct model *m, const struct step *step)
{
	const struct step *p;

	for (p = step->part; p->deed; p++) {
		if (!model_can(m, p))
			return false;
		/* What overlaps is an error, and what is freed is gone. */
		for (const struct step *q = step->part; q < p; q++) {
			if (q->deed == p->deed && q->at == p->at)
				return false;
			if (q->deed == DEED_WORDS || p->deed == DEED_WORDS)
				return false;
			if (p->at == q->at && p->deed >= DEED_TALLOC &&
			    p->deed <= DEED_INTO && q->deed >= DEED_TALLOC &&
			    q->deed <= DEED_INTO)
				return false;
		}
	}
	return p > step->part;
}

bool model_can(const struct model *m, const struct step *step)
{
	const struct object *o = &m->slot[step->at % MODEL_SLOTS];

	switch (step->deed) {
	case DEED_PUT:
	case DEED_ALLOC:
	case DEED_ZALLOC:
		return o->bytes == 0;
	case DEED_FREE:
	case DEED_TFREE:
	case DEED_FILL:
	case DEED_RAW:
		return o->bytes > 0;
	case DEED_INTO:
		return o->bytes >= MODEL_HEAD;
	case DEED_LOOSE:
		return m->loose[MODEL_LOOSE - 1].bytes == 0;
	case DEED_RELEASE:
		return m->loose[0].off != 0;
	case DEED_WORDS:
		return step->at + step->count <= MODEL_WORDS;
	case DEED_HREMOVE:
		return m->key[step->at].id != 0;
	case DEED_APPEND:
		return m->log_last + 1 - m->log_first < MODEL_LOG;
	case DEED_CUT:
		return m->log_first + step->count <= m->log_last + 1;
	case DEED_TX:
		return parts_can(m, step);
	default:
		return true;
	}
}

bool model_changes(const struct step *step)
{
	if (step->deed == DEED_TX)
		return !step->aborts;
	return step->deed != DEED_RAW && step->deed != DEED_SETTLE &&
	       step->deed != DEED_REOPEN;
}

bool model_raw(const struct model *m, const struct step *step)
{
	return !m->slot[step->at].touched;
}

/* --- what is there after it ---------------------------------------------------------- */

static void new_object(struct object *o, const struct step *step, uint32_t id)
{
	bool fills = step->deed == DEED_PUT ||
		     (step->deed == DEED_TALLOC && step->fills);

	*o = (struct object){.bytes = step->bytes};
	if (step->deed == DEED_ALLOC || step->deed == DEED_REALLOC)
		return;
	o->known = step->bytes;
	o->head = o->body = fills ? id : 0;
	o->touched = fills;
}

static void resize(struct object *o, const struct step *step, uint32_t id)
{
	if (o->bytes == 0 && step->bytes) {
		new_object(o, step, id);
		return;
	}
	o->bytes = step->bytes;
	if (o->known > step->bytes)
		o->known = step->bytes;
	o->touched = true;
}

static void do_loose(struct model *m, const struct step *step)
{
	unsigned int i = 0;

	while (m->loose[i].bytes)
		i++;
	m->loose[i] = (struct object){.bytes = step->bytes};
}

static void do_release(struct model *m)
{
	memmove(m->loose, m->loose + 1, sizeof(m->loose) - sizeof(*m->loose));
	m->loose[MODEL_LOOSE - 1] = (struct object){0};
}

static void fill(struct object *o, const struct step *step, uint32_t id)
{
	o->known = o->bytes;
	o->head = o->body = id;
	if (step->deed == DEED_FILL)
		o->touched = true;
}

static void do_settle(struct model *m)
{
	for (unsigned int i = 0; i < MODEL_SLOTS; i++)
		m->slot[i].touched = false;
}

static void do_append(struct model *m, const struct step *step, uint32_t id)
{
	m->log_last++;
	m->log[m->log_last % MODEL_LOG] = (struct value){id, step->bytes};
}

/* A part of a transaction, or what can be one. */
static void do_part(struct model *m, const struct step *step, uint32_t id)
{
	struct object *o = &m->slot[step->at % MODEL_SLOTS];

	switch (step->deed) {
	case DEED_WORD:
		m->word[step->at] = model_word(id, 0);
		break;
	case DEED_WORDS:
		for (unsigned int i = 0; i < step->count; i++)
			m->word[step->at + i] = model_word(id, i);
		break;
	case DEED_TALLOC:
		new_object(o, step, id);
		break;
	case DEED_TFREE:
		*o = (struct object){0};
		break;
	case DEED_INTO:
		o->head = id;
		o->touched = true;
		if (o->known < MODEL_HEAD)
			o->known = MODEL_HEAD;
		break;
	case DEED_REMOTE:
		m->remote[step->at] = model_word(id, 0);
		break;
	case DEED_HPUT:
		m->key[step->at] = (struct value){id, step->bytes};
		break;
	case DEED_HREMOVE:
		m->key[step->at] = (struct value){0};
		break;
	default:
		do_append(m, step, id);
		break;
	}
}

static void do_tx(struct model *m, const struct step *step, uint32_t id)
{
	for (const struct step *p = step->part; p->deed && !step->aborts; p++)
		do_part(m, p, id++);
}

void model_do(struct model *m, const struct step *step, uint32_t id)
{
	struct object *o = &m->slot[step->at % MODEL_SLOTS];

	switch (step->deed) {
	case DEED_PUT:
	case DEED_ALLOC:
	case DEED_ZALLOC:
		new_object(o, step, id);
		break;
	case DEED_FREE:
		*o = (struct object){0};
		break;
	case DEED_REALLOC:
		resize(o, step, id);
		break;
	case DEED_LOOSE:
		do_loose(m, step);
		break;
	case DEED_RELEASE:
		do_release(m);
		break;
	case DEED_FILL:
	case DEED_RAW:
		fill(o, step, id);
		break;
	case DEED_SETTLE:
		do_settle(m);
		break;
	case DEED_TX:
		do_tx(m, step, id);
		break;
	case DEED_CUT:
		m->log_first += step->count;
		break;
	case DEED_END:
	case DEED_REOPEN:
		break;
	default:
		do_part(m, step, id);
		break;
	}
}

bool model_half(struct model *m, const struct step *step)
{
	if (step->deed != DEED_FILL && step->deed != DEED_RAW)
		return false;
	m->slot[step->at].known = 0;
	return true;
}

/* --- in words ------------------------------------------------------------------------- */

static const char *const names[] = {
	"END",	  "PUT",     "ALLOC",	"ZALLOC", "FREE",   "REALLOC",
	"LOOSE",  "RELEASE", "FILL",	"RAW",	  "SETTLE", "REOPEN",
	"TX",	  "WORD",    "WORDS",	"TALLOC", "TFREE",  "INTO",
	"REMOTE", "HPUT",    "HREMOVE", "APPEND", "CUT"};

void model_print(const struct step *step, unsigned int depth)
{
	printf("#   %*sactor %u %s %u", (int)depth * 4, "", step->actor,
	       names[step->deed], step->at);
	if (step->bytes)
		printf(", %" PRIu32 " bytes", step->bytes);
	if (step->count)
		printf(", count %u", step->count);
	printf("%s%s%s", step->aborts ? ", aborts" : "",
	       step->nests ? ", nests" : "", step->fills ? ", fills" : "");
	if (step->error)
		printf(", the disk fails after %u", step->well);
	if (step->dies)
		printf(", dies after %u", step->dies);
	printf("\n");
	for (const struct step *p = step->part; p && p->deed; p++)
		model_print(p, depth + 1);
	if (step->meanwhile) {
		printf("#   %*safter %u, meanwhile:\n", (int)depth * 4, "",
		       step->meanwhile_at);
		model_print(step->meanwhile, depth + 1);
	}
}
