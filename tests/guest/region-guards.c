// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
/*
 * What a stray pointer meets around the maps of a region, whatever the memory is
 * mapped through; for tests/vm/region-guards.bats.
 *
 * usage: fam-region-guards [FABRIC]
 */
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fam/fam.h>

#define PAGE  4096
#define LARGE (UINT64_C(2) << 20)

static const char *const backends[] = {"file", "module", "devmem", "resource",
				       "none"};

static void need(bool so, const char *what)
{
	if (so)
		return;
	fprintf(stderr, "not so: %s\n", what);
	exit(1);
}

/* Does a load, or a store, end whoever tries it? */
static bool faults(char *at, bool store)
{
	pid_t child = fork();
	int status = 0;

	need(child >= 0, "a child");
	if (child == 0) {
		if (store)
			*(volatile char *)at = 'x';
		else
			(void)*(volatile char *)at;
		_exit(0);
	}
	need(waitpid(child, &status, 0) == child, "it has ended");
	return WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV;
}

static struct fam_region *make(struct fam *fam, const char *name,
			       uint64_t bytes)
{
	const struct fam_region_want want = {
		.bytes = bytes, .flags = FAM_REGION_WRITE | FAM_REGION_NO_SYNC};
	struct fam_region *region = NULL;

	need(fam_region_create(fam, name, &want, &region) == 0, name);
	return region;
}

static char *map(struct fam_region *region)
{
	void *p = NULL;
	int r = fam_region_map(region, 0, 0, &p);

	need(r == 0, fam_strerror(r));
	return p;
}

static void try_size(struct fam *fam, uint64_t bytes)
{
	struct fam_region *writer = make(fam, "guards/a", bytes), *reader;
	uint64_t end = (bytes + PAGE - 1) / PAGE * PAGE;
	struct fam_region_info info;
	char *rw, *ro;

	need(fam_region_open(fam, "guards/a", FAM_REGION_READ, &reader) == 0,
	     "it is opened for reading");
	need(fam_region_stat(reader, &info, sizeof(info)) == 0, "its place");
	rw = map(writer);
	ro = map(reader);
	need(!faults(rw, true) && !faults(rw + end - 1, true), "it is stored");
	need(ro[0] == 'x' && !faults(ro + end - 1, false), "it is read");
	need(faults(ro, true) && faults(ro + end - 1, true),
	     "stores to what is open for reading fault");
	need(faults(rw - 1, false) && faults(rw - PAGE, true) &&
		     faults(rw + end, false) &&
		     faults(rw + end + PAGE - 1, true),
	     "pages before and behind fault");
	need(bytes < LARGE || (uintptr_t)ro % LARGE == info.offset % LARGE,
	     "large ones lie as in the fabric");
	fam_region_close(reader);
	need(faults(ro, false) && !faults(rw, false), "what is closed faults");
	fam_region_close(writer);
	need(faults(rw, false), "what is closed faults");
	need(fam_region_destroy(fam, "guards/a", FAM_REGION_NO_SYNC) == 0,
	     "it is destroyed");
}

int main(int argc, char **argv)
{
	static const uint64_t bytes[] = {1, PAGE + 1, LARGE, 2 * LARGE + 1};
	struct fam_info info;
	struct fam *fam;
	int r = fam_open(&fam, argc > 1 ? argv[1] : NULL, 0);

	need(r == 0, fam_strerror(r));
	need(fam_get_info(fam, &info, sizeof(info)) == 0, "information");
	for (size_t i = 0; i < sizeof(bytes) / sizeof(bytes[0]); i++)
		try_size(fam, bytes[i]);
	printf("guarded, through %s\n", backends[info.backend]);
	fam_close(fam);
	return 0;
}
