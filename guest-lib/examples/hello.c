// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
/*
 * Says what the last caller left in the fabric and leaves a greeting itself.
 * The text is at the beginning of the data.
 *
 * usage: hello [FABRIC] TEXT
 */
#include <stdio.h>
#include <string.h>

#include <fam/fam.h>

#define TEXT_BYTES 64

static int failed(const char *what, int error)
{
	fprintf(stderr, "hello: %s: %s\n", what, fam_strerror(error));
	return 1;
}

int main(int argc, char **argv)
{
	const char *name = argc > 2 ? argv[1] : NULL;
	struct fam *fam;
	void *window;
	char *text;
	int r;

	if (argc < 2) {
		fprintf(stderr, "usage: hello [FABRIC] TEXT\n");
		return 2;
	}
	r = fam_open(&fam, name, 0);
	if (r < 0)
		return failed("cannot open the fabric", r);
	r = fam_map(fam, 0, TEXT_BYTES, &window);
	if (r < 0) {
		fam_close(fam);
		return failed("cannot map it", r);
	}
	text = window;
	/* Whatever lies there: it need not be a string. */
	printf("found: %.*s\n", TEXT_BYTES, text);
	strncpy(text, argv[argc - 1], TEXT_BYTES);
	fam_close(fam);
	return 0;
}
