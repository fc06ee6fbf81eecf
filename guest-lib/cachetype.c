// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include "internal.h"

#define MTRR_TABLE "/proc/mtrr"
#define PAT_TABLE  "/sys/kernel/debug/x86/pat_memtype_list"

static bool overlaps(uint64_t start, uint64_t len, uint64_t other,
		     uint64_t other_len)
{
	return start < other + other_len && other < start + len;
}

static bool covers(uint64_t outer, uint64_t outer_len, uint64_t start,
		   uint64_t len)
{
	return start >= outer && start - outer < outer_len &&
	       len <= outer_len - (start - outer);
}

/*
 * The table lists ranges but not the type of all the rest. Firmware that makes
 * write-back the default has no reason to list a write-back range; so where
 * one is listed, only such ranges are taken for write-back.
 */
bool fam_cachetype_parse_mtrr(FILE *table, uint64_t start, uint64_t len)
{
	bool listed = false, inside = false;
	char line[256];

	while (fgets(line, sizeof(line), table)) {
		uint64_t base, size;
		char unit, type[32];

		if (sscanf(line,
			   "reg%*u: base=0x%" SCNx64 " (%*uMB), size=%" SCNu64
			   "%cB, count=%*u: %31s",
			   &base, &size, &unit, type) != 4)
			return false;
		size <<= unit == 'M' ? 20 : 10;
		if (strcmp(type, "write-back") != 0) {
			if (overlaps(start, len, base, size))
				return false;
			continue;
		}
		listed = true;
		inside = inside || covers(base, size, start, len);
	}
	return !ferror(table) && (!listed || inside);
}

static enum fam_cache cache_by_name(const char *name)
{
	static const struct {
		const char *name;
		enum fam_cache cache;
	} names[] = {
		{"write-back", FAM_CACHE_WB},
		{"write-combining", FAM_CACHE_WC},
		{"uncached", FAM_CACHE_UC},
		{"uncached-minus", FAM_CACHE_UC},
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (strcmp(name, names[i].name) == 0)
			return names[i].cache;
	}
	return FAM_CACHE_UNKNOWN;
}

enum fam_cache fam_cachetype_parse_pat(FILE *table, uint64_t addr)
{
	enum fam_cache found = FAM_CACHE_UNKNOWN;
	char line[256];

	while (fgets(line, sizeof(line), table)) {
		enum fam_cache cache;
		uint64_t start, end;
		char type[32];

		/* "PAT: [mem 0x...-0x...] write-back", the end exclusive. */
		if (sscanf(line, "PAT: [mem 0x%" SCNx64 "-0x%" SCNx64 "] %31s",
			   &start, &end, type) != 3 ||
		    addr < start || addr >= end)
			continue;
		cache = cache_by_name(type);
		if (found != FAM_CACHE_UNKNOWN && cache != found)
			return FAM_CACHE_UNKNOWN;
		found = cache;
	}
	return ferror(table) ? FAM_CACHE_UNKNOWN : found;
}

#if defined(__x86_64__) || defined(__i386__)

bool fam_cachetype_mtrr_is_wb(uint64_t start, uint64_t len)
{
	FILE *table = fopen(MTRR_TABLE, "re");
	bool is_wb;

	if (!table)
		return false;
	is_wb = fam_cachetype_parse_mtrr(table, start, len);
	fclose(table);
	return is_wb;
}

static enum fam_cache read_pat(uint64_t addr)
{
	FILE *table = fopen(PAT_TABLE, "re");
	enum fam_cache cache;

	if (!table)
		return FAM_CACHE_UNKNOWN;
	cache = fam_cachetype_parse_pat(table, addr);
	fclose(table);
	return cache;
}

/* The kernel's table has an entry for a page only while it is mapped. */
static enum fam_cache probe_pat(const struct fam_source *source, uint64_t probe)
{
	enum fam_cache cache;
	void *p;

	if (fam_source_map(source, probe, source->page_bytes, &p) < 0)
		return FAM_CACHE_UNKNOWN;
	cache = read_pat(source->base + probe);
	munmap(p, source->page_bytes);
	return cache;
}

static enum fam_cache devmem_cache(const struct fam_source *source,
				   uint64_t probe, char from[64])
{
	enum fam_cache cache = probe_pat(source, probe);

	if (cache != FAM_CACHE_UNKNOWN) {
		strcpy(from, PAT_TABLE);
		return cache;
	}
	strcpy(from, MTRR_TABLE);
	return fam_cachetype_mtrr_is_wb(source->base, source->size)
		       ? FAM_CACHE_WB
		       : FAM_CACHE_UC;
}

static enum fam_cache resource_cache(char from[64])
{
	/* pci_mmap_resource_range() asks for UC-, on every kernel. */
	strcpy(from, "the way it is mapped (sysfs resource2)");
	return FAM_CACHE_UC;
}

#else

bool fam_cachetype_mtrr_is_wb(uint64_t start, uint64_t len)
{
	(void)start; /* no such registers on this architecture */
	(void)len;
	return false;
}

static enum fam_cache devmem_cache(const struct fam_source *source,
				   uint64_t probe, char from[64])
{
	(void)source; /* never opened: no range counts as write-back */
	(void)probe;
	strcpy(from, "not known on this architecture");
	return FAM_CACHE_UNKNOWN;
}

static enum fam_cache resource_cache(char from[64])
{
	strcpy(from, "not known on this architecture");
	return FAM_CACHE_UNKNOWN;
}

#endif

/* The driver has looked at what the kernel made of its wish. */
static enum fam_cache module_cache(const struct fam_source *source,
				   char from[64])
{
	snprintf(from, 64, "the driver of %.40s", source->path);
	return fam_module_cache(source);
}

enum fam_cache fam_cachetype_get(const struct fam_source *source,
				 uint64_t probe, char from[64])
{
	switch (source->via) {
	case FAM_VIA_MODULE:
		return module_cache(source, from);
	case FAM_VIA_DEVMEM:
		return devmem_cache(source, probe, from);
	case FAM_VIA_RESOURCE:
		return resource_cache(from);
	case FAM_VIA_FILE:
		break;
	}
	strcpy(from, "the way it is mapped (a file)");
	return FAM_CACHE_WB;
}
