/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026, the FAM emulator authors */
#ifndef TESTS_CRASH_RING_MESSAGE_H
#define TESTS_CRASH_RING_MESSAGE_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "record.h"

/*
 * What goes through a durable ring while its disk is recorded, and the lines that
 * say so on the tape:
 *
 *	push P N	messages of producer P below N were pushed for certain
 *	will P N	those below N are about to be released
 *	done P N	they are, for certain
 */
#define RINGER_NAME	 "ring"
#define RINGER_SLOTS	 64
#define RINGER_PRODUCERS 8

/* Slots of such a size lie across sectors and pages. */
struct ring_message {
	uint64_t producer, number;
	uint64_t rest[23];
};

static inline struct ring_message ring_message(uint64_t producer,
					       uint64_t number)
{
	struct ring_message m = {.producer = producer, .number = number};
	uint64_t random = producer << 32 | number;

	for (size_t i = 0; i < sizeof(m.rest) / sizeof(m.rest[0]); i++)
		m.rest[i] = record_random(&random);
	return m;
}

static inline bool ring_message_is_whole(const struct ring_message *m)
{
	const struct ring_message want = ring_message(m->producer, m->number);

	return m->producer < RINGER_PRODUCERS &&
	       memcmp(m, &want, sizeof(want)) == 0;
}

#endif
