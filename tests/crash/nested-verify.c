// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
/*
 * Looks in a fabric for what the bare-metal guest acknowledged.
 *
 * usage: nested-verify FABRIC ACKS SEED
 * ACKS is what the guest said on its serial port. Exit status: 0 all is there;
 * 1 something is lost; 2 the files cannot be judged.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <fam/layout.h>

#include "nested-record.h"

struct acks {
	uint32_t newest[NESTED_CELLS]; /* acknowledged; 0: none */
	unsigned long count;
};

struct fabric {
	FILE *file;
	uint64_t data;
	uint32_t pages, seed;
};

static int fail(const char *file, const char *why)
{
	fprintf(stderr, "nested-verify: '%s': %s\n", file, why);
	return 2;
}

/* Takes one line; the last one may be cut off and then counts for nothing. */
static bool take_line(struct acks *acks, const char *line)
{
	uint32_t cell, seq;
	char end;

	if (strncmp(line, "fail ", 5) == 0)
		return false;
	if (sscanf(line, "ack %u %u%c", &cell, &seq, &end) != 3 ||
	    end != '\n' || cell >= NESTED_CELLS)
		return true;
	acks->count++;
	if (seq > acks->newest[cell])
		acks->newest[cell] = seq;
	return true;
}

static int read_acks(struct acks *acks, const char *path)
{
	FILE *file = fopen(path, "re");
	char line[128];
	int ret = 0;

	if (!file)
		return fail(path, strerror(errno));
	while (ret == 0 && fgets(line, sizeof(line), file)) {
		if (!take_line(acks, line)) {
			line[strcspn(line, "\n")] = '\0';
			ret = fail(path, line);
		}
	}
	fclose(file);
	return ret;
}

static int open_fabric(struct fabric *fabric, const char *path)
{
	struct fam_superblock sb[FAM_SUPERBLOCK_COPIES] = {0};
	unsigned int chosen, damaged;

	fabric->file = fopen(path, "re");
	if (!fabric->file)
		return fail(path, strerror(errno));
	for (unsigned int i = 0; i < FAM_SUPERBLOCK_COPIES; i++) {
		long offset = (long)fam_superblock_offset(i);

		if (fseek(fabric->file, offset, SEEK_SET) < 0 ||
		    fread(&sb[i], sizeof(sb[i]), 1, fabric->file) != 1)
			return fail(path, "too short");
	}
	if (fam_superblock_choose(sb, &chosen, &damaged) < 0 || damaged)
		return fail(path, "its superblock is damaged");
	fabric->data = sb[chosen].data_offset;
	fabric->pages = (uint32_t)(sb[chosen].data_bytes / NESTED_PAGE);
	return 0;
}

/* The sequence number of the whole record in a place; 0: there is none. */
static uint32_t seq_at(const struct fabric *fabric, uint32_t cell,
		       uint32_t turn)
{
	uint64_t place = fabric->data + nested_place(fabric->pages, cell, turn);
	struct nested_record record;

	if (fseek(fabric->file, (long)place, SEEK_SET) < 0 ||
	    fread(&record, sizeof(record), 1, fabric->file) != 1)
		return 0;
	if (record.magic != NESTED_MAGIC || record.cell != cell ||
	    record.seed != fabric->seed || record.bytes > sizeof(record) ||
	    record.sum != nested_sum(&record))
		return 0;
	return record.seq;
}

static unsigned int count_lost(const struct fabric *fabric,
			       const struct acks *acks, unsigned int *cells)
{
	unsigned int lost = 0;

	for (uint32_t cell = 0; cell < NESTED_CELLS; cell++) {
		uint32_t a = seq_at(fabric, cell, 0);
		uint32_t b = seq_at(fabric, cell, 1);

		if (!acks->newest[cell])
			continue;
		++*cells;
		if ((a > b ? a : b) >= acks->newest[cell])
			continue;
		lost++;
		/* A few are enough to see what happened. */
		if (lost <= 4)
			printf("lost: cell %u: acknowledged %u, found %u and "
			       "%u\n",
			       cell, acks->newest[cell], a, b);
	}
	return lost;
}

int main(int argc, char **argv)
{
	struct fabric fabric = {0};
	struct acks acks = {0};
	unsigned int cells = 0, lost;
	int ret;

	if (argc != 4)
		return fail("FABRIC ACKS SEED", "three words are needed");
	fabric.seed = (uint32_t)strtoul(argv[3], NULL, 10);
	ret = read_acks(&acks, argv[2]);
	if (ret == 0)
		ret = open_fabric(&fabric, argv[1]);
	if (ret == 0) {
		lost = count_lost(&fabric, &acks, &cells);
		printf("acknowledged %lu, cells %u, lost %u\n", acks.count,
		       cells, lost);
		ret = lost > 0;
	}
	if (fabric.file)
		fclose(fabric.file);
	return ret;
}
