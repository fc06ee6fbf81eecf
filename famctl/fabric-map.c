// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include <fam-objects.h>
#include <fam-regions.h>

#include "fabric-map.h"
#include "out.h"
#include "regions.h"
#include "util/size.h"

const char *map_kind_name(enum map_kind kind)
{
	static const char *const names[MAP_KINDS] = {
		[MAP_FREE] = "free",
		[MAP_UNUSED] = "unused",
		[MAP_SUPERBLOCK] = "superblock",
		[MAP_MAILBOX] = "mailbox",
		[MAP_SESSIONS] = "sessions",
		[MAP_PARKING] = "parking",
		[MAP_DIRECTORY] = "directory",
		[MAP_REGION] = "region",
		[MAP_OBJECT] = "object",
	};

	return names[kind];
}

/* Lack of memory for a picture: as for the tree of the XML, it is the end. */
static void append(struct map_part *part, const struct map_piece *piece)
{
	if (part->count == part->room) {
		part->room = part->room ? part->room * 2 : 64;
		part->piece =
			reallocarray(part->piece, part->room, sizeof(*piece));
		if (!part->piece)
			abort();
	}
	part->piece[part->count++] = *piece;
}

static void add(struct map_part *part, enum map_kind kind, uint64_t offset,
		uint64_t bytes, const char *name)
{
	const struct map_piece piece = {
		.kind = kind, .offset = offset, .bytes = bytes, .name = name};

	if (bytes)
		append(part, &piece);
}

static int by_offset(const void *a, const void *b)
{
	const struct map_piece *x = a, *y = b;

	return x->offset < y->offset ? -1 : x->offset > y->offset;
}

/*
 * In their order, with what is between them. Those that overlap changed while
 * they were read, or are damaged: they are cut.
 */
static void fill(struct map_part *part, enum map_kind gap)
{
	struct map_part full = *part;
	uint64_t at = part->offset, end = part->offset + part->bytes;

	full.piece = NULL;
	full.count = full.room = 0;
	if (part->count)
		qsort(part->piece, part->count, sizeof(*part->piece),
		      by_offset);
	for (size_t i = 0; i < part->count; i++) {
		struct map_piece p = part->piece[i];
		uint64_t to =
			p.offset + p.bytes < end ? p.offset + p.bytes : end;

		if (to <= at || p.offset >= end)
			continue;
		if (p.offset < at)
			p.offset = at;
		p.bytes = to - p.offset;
		add(&full, gap, at, p.offset - at, map_kind_name(gap));
		append(&full, &p);
		at = to;
	}
	add(&full, gap, at, end - at, map_kind_name(gap));
	free(part->piece);
	*part = full;
}

static struct map_part *new_part(struct map *map, enum map_kind kind,
				 const char *name, uint64_t offset,
				 uint64_t bytes)
{
	struct map_part *part = &map->part[map->parts++];

	part->kind = kind;
	part->name = name;
	part->offset = offset;
	part->bytes = bytes;
	return part;
}

static void map_head(struct map *map)
{
	const struct fam_superblock *sb = &map->fabric->sb;
	struct map_part *part =
		new_part(map, MAP_MAILBOX, "head", 0, sb->data_offset);

	for (unsigned int i = 0; i < FAM_SUPERBLOCK_COPIES; i++)
		add(part, MAP_SUPERBLOCK, fam_superblock_offset(i),
		    FAM_SUPERBLOCK_BYTES,
		    i ? "superblock, copy 1" : "superblock, copy 0");
	add(part, MAP_MAILBOX, sb->mailbox_offset, sb->mailbox_bytes,
	    "flush mailbox");
	add(part, MAP_SESSIONS, sb->sessions_offset, sb->sessions_bytes,
	    "table of sessions");
	add(part, MAP_PARKING, sb->parking_offset, sb->parking_bytes,
	    "parking of those who wait");
	fill(part, MAP_UNUSED);
}

static uint64_t number(const json_t *object, const char *key)
{
	return (uint64_t)json_integer_value(json_object_get(object, key));
}

static void add_rows(struct map_part *part, enum map_kind kind,
		     const char *bytes, const json_t *rows)
{
	for (size_t i = 0; i < json_array_size(rows); i++) {
		const json_t *row = json_array_get(rows, i);
		const struct map_piece piece = {
			.kind = kind,
			.offset = number(row, "offset"),
			.bytes = number(row, bytes),
			.name = json_string_value(json_object_get(row, "name")),
			.json = row,
		};

		if (piece.bytes)
			append(part, &piece);
	}
}

static void map_data(struct map *map)
{
	const struct fam_superblock *sb = &map->fabric->sb;
	struct map_part *part = new_part(map, MAP_REGION, "data",
					 sb->data_offset, sb->data_bytes);

	add_rows(part, MAP_REGION, "space", map->region_rows);
	map->regions = json_array_size(map->region_rows);
	fill(part, MAP_FREE);
	for (size_t i = 0; i < part->count; i++) {
		const struct map_piece *p = &part->piece[i];

		if (p->kind == MAP_REGION)
			map->taken += p->bytes;
		else
			map->free += p->bytes;
		map->gaps += p->kind == MAP_FREE;
	}
}

static void map_directory(struct map *map)
{
	const struct fam_superblock *sb = &map->fabric->sb;
	struct fam_regions_places at =
		fam_regions_places(fam_regions_fit(sb->regions_bytes));
	uint64_t from = sb->regions_offset;
	uint64_t copy = at.entries * sizeof(struct fam_region_entry);
	struct map_part *part;

	if (!sb->regions_bytes)
		return;
	part = new_part(map, MAP_DIRECTORY, "directory of regions", from,
			sb->regions_bytes);
	add(part, MAP_DIRECTORY, from, at.open, "what goes on");
	add(part, MAP_DIRECTORY, from + at.open,
	    at.opens * sizeof(struct fam_regions_open), "who has what open");
	add(part, MAP_DIRECTORY, from + at.copy[0], copy, "entries, copy 0");
	add(part, MAP_DIRECTORY, from + at.copy[1], copy, "entries, copy 1");
	fill(part, MAP_UNUSED);
}

static void map_objects(struct map *map)
{
	const struct fam_superblock *sb = &map->fabric->sb;
	struct map_part *part;

	if (!sb->objects_bytes)
		return;
	part = new_part(map, MAP_OBJECT, "objects", sb->objects_offset,
			sb->objects_bytes);
	add(part, MAP_DIRECTORY, sb->objects_offset,
	    fam_objects_places(sb->objects_bytes).memory,
	    "directory of objects");
	add_rows(part, MAP_OBJECT, "bytes", map->object_rows);
	fill(part, MAP_FREE);
}

static int by_part(const void *a, const void *b)
{
	const struct map_part *x = a, *y = b;

	return x->offset < y->offset ? -1 : x->offset > y->offset;
}

/* None, or only some: a picture shows what there is all the same. */
static int read_regions(struct map *map, struct err *err)
{
	int ret = regions_list(map->fabric, NULL, &map->region_rows, err);

	if (ret == -EBADMSG)
		out_warn("%s: regions may be missing here", err->text);
	return ret == -EBADMSG || ret == -EOPNOTSUPP ? 0 : ret;
}

int map_read(const struct fabric *fabric, struct map **out, struct err *err)
{
	struct map *map;
	int ret;

	if (!fabric->formatted)
		return err_set(err, -EOPNOTSUPP,
			       "fabric '%s' is raw: all of it is data",
			       fabric->name);
	map = calloc(1, sizeof(*map));
	if (!map)
		return err_sys(err, ENOMEM, "cannot draw it");
	map->fabric = fabric;
	ret = read_regions(map, err);
	if (ret == 0)
		ret = regions_objects(fabric, &map->object_rows, err);
	if (ret < 0) {
		map_free(map);
		return ret;
	}
	map_head(map);
	map_data(map);
	map_directory(map);
	map_objects(map);
	qsort(map->part, map->parts, sizeof(map->part[0]), by_part);
	*out = map;
	return 0;
}

void map_free(struct map *map)
{
	if (!map)
		return;
	for (size_t i = 0; i < map->parts; i++)
		free(map->part[i].piece);
	json_decref(map->region_rows);
	json_decref(map->object_rows);
	free(map);
}

char *map_summary(const struct map *map)
{
	char size[SIZE_TEXT_MAX], taken[SIZE_TEXT_MAX], room[SIZE_TEXT_MAX];
	char *text;

	if (asprintf(&text, "%s: %s; %zu region%s: %s; free: %s in %zu piece%s",
		     map->fabric->name, size_format(map->fabric->size, size),
		     map->regions, map->regions == 1 ? "" : "s",
		     size_format(map->taken, taken),
		     size_format(map->free, room), map->gaps,
		     map->gaps == 1 ? "" : "s") < 0)
		abort();
	return text;
}

static json_t *piece_json(const struct map_piece *p)
{
	json_t *object = json_pack(
		"{s:s,s:I,s:I}", "kind", map_kind_name(p->kind), "offset",
		(json_int_t)p->offset, "bytes", (json_int_t)p->bytes);

	if (p->kind != MAP_FREE && p->kind != MAP_UNUSED)
		json_object_set_new(object, "name", json_string(p->name));
	return object;
}

json_t *map_json(const struct map *map)
{
	json_t *parts = json_array();

	for (size_t i = 0; i < map->parts; i++) {
		const struct map_part *part = &map->part[i];
		json_t *pieces = json_array();

		for (size_t k = 0; k < part->count; k++)
			json_array_append_new(pieces,
					      piece_json(&part->piece[k]));
		json_array_append_new(
			parts,
			json_pack("{s:s,s:I,s:I,s:o}", "name", part->name,
				  "offset", (json_int_t)part->offset, "bytes",
				  (json_int_t)part->bytes, "pieces", pieces));
	}
	return json_pack("{s:s,s:I,s:I,s:I,s:I,s:o}", "name", map->fabric->name,
			 "size", (json_int_t)map->fabric->size, "regions",
			 (json_int_t)map->regions, "taken",
			 (json_int_t)map->taken, "free", (json_int_t)map->free,
			 "parts", parts);
}
