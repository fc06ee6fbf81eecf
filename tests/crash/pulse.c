// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
#include <inttypes.h>
#include <stdio.h>

#include "pulse.h"
#include "util/clock.h"

static void note_silence(uint64_t *silent_ns, uint64_t ns)
{
	if (ns > *silent_ns)
		*silent_ns = ns;
}

void pulse_hear(struct pulse *pulse, const char *line)
{
	uint64_t now = clock_ns();
	uint32_t area;

	if (sscanf(line, "ack %" SCNu32, &area) != 1 || area >= PULSE_AREAS)
		return;
	if (pulse->area[area].acks++)
		note_silence(&pulse->area[area].silent_ns,
			     now - pulse->area[area].last_ns);
	pulse->area[area].last_ns = now;
}

const char *pulse_tell(struct pulse *pulse)
{
	static char text[PULSE_AREAS * 64];
	uint64_t now = clock_ns();
	size_t used = 0;

	text[0] = '\0';
	for (uint32_t i = 0; i < PULSE_AREAS; i++) {
		uint64_t *silent = &pulse->area[i].silent_ns;

		if (pulse->area[i].acks == 0)
			continue;
		note_silence(silent, now - pulse->area[i].last_ns);
		used += (size_t)snprintf(
			text + used, sizeof(text) - used,
			"%s%" PRIu32 " %" PRIu64 " %" PRIu64, used ? " " : "",
			i, pulse->area[i].acks, *silent / 1000000);
		*silent = 0;
	}
	return text;
}
