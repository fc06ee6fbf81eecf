/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026, the FAM emulator authors */
#ifndef FAMCTL_FABRIC_MAP_H
#define FAMCTL_FABRIC_MAP_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <jansson.h>

#include "fabric.h"
#include "util/err.h"

/* What lies where in a formatted fabric, to be drawn. */
enum map_kind {
	MAP_FREE,
	MAP_UNUSED, /* nobody's, for ever */
	MAP_SUPERBLOCK,
	MAP_MAILBOX,
	MAP_SESSIONS,
	MAP_PARKING,
	MAP_DIRECTORY,
	MAP_REGION,
	MAP_OBJECT,
	MAP_KINDS,
};

struct map_piece {
	enum map_kind kind;
	uint64_t offset, bytes; /* from the start of the fabric; not 0 */
	const char *name;	/* UTF-8 */
	const json_t *json;	/* a region or object; else NULL */
};

/* Pieces follow each other without gaps or overlaps, and fill the part. */
struct map_part {
	const char *name;
	enum map_kind kind; /* what is typical of it */
	uint64_t offset, bytes;
	struct map_piece *piece;
	size_t count, room;
};

#define MAP_PARTS 4

struct map {
	const struct fabric *fabric;
	struct map_part part[MAP_PARTS]; /* in the order of their offsets */
	size_t parts;
	uint64_t taken, free; /* of the data, by regions */
	size_t regions, gaps;
	json_t *region_rows, *object_rows;
};

/**
 * map_read() - what lies where, at this moment
 * @fabric: formatted; to live as long as the map
 *
 * A directory that is damaged is warned of, and what can be read of it is shown.
 * Return: 0; -EOPNOTSUPP a raw fabric; errors of regions_list()
 */
int map_read(const struct fabric *fabric, struct map **out, struct err *err);
void map_free(struct map *map);

static inline void cleanup_map(struct map **map)
{
	map_free(*map);
}
#define _cleanup_map_ __attribute__((cleanup(cleanup_map)))

/** map_kind_name() - "region" */
const char *map_kind_name(enum map_kind kind);

/** map_summary() - one line about the whole; malloc'd */
char *map_summary(const struct map *map);

/** map_json() - all of it */
json_t *map_json(const struct map *map);

#define MAP_WIDTH_MIN 20
#define MAP_WIDTH_MAX 1000

/**
 * map_print() - for a terminal
 * @width: columns, MAP_WIDTH_MIN to MAP_WIDTH_MAX
 * @utf8: may anything but ASCII be printed?
 */
void map_print(const struct map *map, FILE *to, unsigned int width, bool utf8);

/** map_svg() - malloc'd text of a picture; NULL: no memory */
char *map_svg(const struct map *map);

#endif
