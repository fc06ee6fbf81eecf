// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
/*
 * A note that any node can read and that outlives a power cut: each new one is
 * written whole, then takes the place of the last one.
 *
 * usage: region write NAME [FABRIC] < FILE
 *        region read NAME [FABRIC]
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <fam/fam.h>

static int store(struct fam *fam, struct fam_region *region, const char *text)
{
	void *memory;
	int r = fam_region_map(region, 0, 0, &memory);

	/* Durable when it returns 0, and before anybody can find it. */
	return r < 0 ? r
		     : fam_memcpy_persist(fam, memory, text, strlen(text) + 1);
}

static int write_note(struct fam *fam, const char *name)
{
	static char text[65536];
	struct fam_region_want want = {.mode = 0644, .flags = FAM_REGION_WRITE};
	struct fam_region *region;
	char draft[FAM_REGION_NAME_MAX];
	int r;

	want.bytes = fread(text, 1, sizeof(text) - 1, stdin) + 1;
	snprintf(draft, sizeof(draft), "draft/%d", (int)getpid());
	r = fam_region_create(fam, draft, &want, &region);
	if (r < 0)
		return r;
	r = store(fam, region, text);
	fam_region_close(region);
	if (r == 0)
		r = fam_region_rename(fam, draft, name, FAM_REGION_REPLACE);
	if (r < 0)
		(void)fam_region_destroy(fam, draft, 0);
	return r;
}

static int read_note(struct fam *fam, const char *name)
{
	struct fam_region_info info;
	struct fam_region *region;
	void *text;
	int r = fam_region_open(fam, name, FAM_REGION_READ, &region);

	if (r < 0)
		return r;
	r = fam_region_map(region, 0, 0, &text);
	if (r == 0)
		r = fam_region_stat(region, &info, sizeof(info));
	if (r == 0)
		printf("%.*s", (int)info.bytes - 1, (char *)text);
	fam_region_close(region);
	return r;
}

int main(int argc, char **argv)
{
	int writes = argc > 1 && strcmp(argv[1], "write") == 0, r;
	struct fam *fam;

	if (argc < 3 || (!writes && strcmp(argv[1], "read") != 0)) {
		fprintf(stderr, "usage: region read|write NAME [FABRIC]\n");
		return 2;
	}
	r = fam_open(&fam, argc > 3 ? argv[3] : NULL,
		     writes ? 0 : FAM_OPEN_RDONLY);
	if (r < 0) {
		fprintf(stderr, "region: %s\n", fam_strerror(r));
		return 1;
	}
	r = writes ? write_note(fam, argv[2]) : read_note(fam, argv[2]);
	if (r < 0)
		fprintf(stderr, "region: '%s': %s\n", argv[2], fam_strerror(r));
	fam_close(fam);
	return r < 0;
}
