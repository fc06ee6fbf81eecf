// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
/*
 * Makes a named object, or finds it. "object FABRIC TYPE NAME [BYTES [hold]]":
 * with "hold" it says "open" and keeps it open until it is killed.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <fam/fam.h>

static uint32_t type_of(const char *name)
{
	uint32_t type = FAM_OBJECT_MEMORY;

	while (type < FAM_OBJECT_POOL &&
	       strcmp(fam_object_type_name(type), name) != 0)
		type++;
	return type;
}

int main(int argc, char **argv)
{
	struct fam_object_want want = {.flags = FAM_OBJECT_CREATE};
	struct fam_object *object;
	struct fam *fam;
	int r;

	if (argc < 4)
		return 2;
	want.type = type_of(argv[2]);
	want.bytes = argc > 4 ? strtoull(argv[4], NULL, 10) : 0;
	r = fam_open(&fam, argv[1], 0);
	if (r == 0)
		r = fam_object_open(fam, argv[3], &want, &object);
	if (r != 0) {
		fprintf(stderr, "%s: %s\n", argv[3], fam_strerror(r));
		return 1;
	}
	if (argc > 5) {
		puts("open");
		fflush(stdout);
		for (;;)
			pause();
	}
	fam_object_close(object);
	fam_close(fam);
	return 0;
}
