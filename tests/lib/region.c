// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
/*
 * Regions for tests, without making anything durable.
 *
 *	region FABRIC create NAME BYTES [MODE [TYPE]]
 *	region FABRIC many PREFIX COUNT BYTES
 *	region FABRIC destroy NAME
 *	region FABRIC hold NAME read|write|exclusive READY
 *		opens it, makes the file READY, and keeps it until stdin ends
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <fam/fam.h>
#include <fam/region.h>

static int create(struct fam *fam, const char *name, const char *bytes,
		  char **more)
{
	struct fam_region_want want = {.bytes = strtoull(bytes, NULL, 10),
				       .flags = FAM_REGION_NO_SYNC};

	if (more[0]) {
		want.mode = (uint32_t)strtoul(more[0], NULL, 8);
		want.type = more[1] ? (uint32_t)strtoul(more[1], NULL, 0) : 0;
	}
	return fam_region_create(fam, name, &want, NULL);
}

static int many(struct fam *fam, const char *prefix, char **more)
{
	char *none[] = {NULL}, name[200];
	int r = 0;

	for (int i = 0; r == 0 && i < atoi(more[0]); i++) {
		snprintf(name, sizeof(name), "%s%d", prefix, i);
		r = create(fam, name, more[1], none);
	}
	return r;
}

static int hold(struct fam *fam, const char *name, char **more)
{
	struct fam_region *region;
	uint32_t flags = more[0][0] == 'r'   ? FAM_REGION_READ
			 : more[0][0] == 'w' ? FAM_REGION_WRITE
					     : FAM_REGION_EXCLUSIVE;
	int r = fam_region_open(fam, name, flags, &region), fd;
	char c;

	if (r < 0)
		return r;
	fd = open(more[1], O_WRONLY | O_CREAT, 0600);
	close(fd);
	while (read(STDIN_FILENO, &c, 1) > 0)
		;
	fam_region_close(region);
	return 0;
}

int main(int argc, char **argv)
{
	struct fam *fam = NULL;
	int r;

	if (argc < 4)
		return 2;
	r = fam_open(&fam, argv[1], 0);
	if (r == 0 && strcmp(argv[2], "create") == 0)
		r = create(fam, argv[3], argv[4], argv + 5);
	else if (r == 0 && strcmp(argv[2], "many") == 0)
		r = many(fam, argv[3], argv + 4);
	else if (r == 0 && strcmp(argv[2], "destroy") == 0)
		r = fam_region_destroy(fam, argv[3], FAM_REGION_NO_SYNC);
	else if (r == 0)
		r = hold(fam, argv[3], argv + 4);
	if (r < 0)
		fprintf(stderr, "region: %s\n", fam_strerror(r));
	fam_close(fam);
	return r < 0;
}
