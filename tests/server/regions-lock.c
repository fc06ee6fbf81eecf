// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
/*
 * usage: fam-regions-lock FILE READY: takes the lock of a fabric's regions, says
 * that some space was freed, makes READY, keeps the lock until stdin ends
 */
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include <fam/fam.h>

#include "regions/fam-region.h"

int main(int argc, char **argv)
{
	struct fam_regions *r = NULL;
	struct fam *fam = NULL;
	char c;
	int error;

	if (argc != 3)
		return 2;
	error = fam_open(&fam, argv[1], 0);
	if (error == 0)
		error = fam_regions_lock(fam, &r);
	if (error < 0 || !r) {
		fprintf(stderr, "%s: %s\n", argv[1], fam_strerror(error));
		return 1;
	}
	fam_word_add(&fam_regions_live(r)->freed, 1);
	close(creat(argv[2], 0600));
	while (read(STDIN_FILENO, &c, 1) > 0)
		;
	fam_regions_unlock(fam, r);
	fam_close(fam);
	return 0;
}
