// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
/*
 * As `fam-kmod burst`, from the host through a server.
 *
 * usage: fam-host-ring server:NAME PEER VECTORS COUNT
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <fam/fam.h>

#define COUNTERS (4UL << 20) /* as in rings.c, from the start of the memory */
#define DATA	 (2UL << 20) /* where a formatted fabric's data begins */

int main(int argc, char **argv)
{
	unsigned long peer, vectors, count;
	uint64_t *counter = NULL;
	struct fam *fam;
	int err;

	if (argc != 5)
		return 2;
	peer = strtoul(argv[2], NULL, 0);
	vectors = strtoul(argv[3], NULL, 0);
	count = strtoul(argv[4], NULL, 0);
	err = fam_open(&fam, argv[1], FAM_OPEN_NO_SESSION);
	if (!err)
		err = fam_map(fam, COUNTERS - DATA, vectors * 64,
			      (void **)&counter);
	for (unsigned long n = 1; !err && n <= count; n++)
		for (unsigned int v = 0; !err && v < vectors; v++) {
			__atomic_store_n(counter + 8 * v, n, __ATOMIC_SEQ_CST);
			err = fam_doorbell_ring(fam, (unsigned int)peer, v);
		}
	if (err) {
		fprintf(stderr, "fam-host-ring: %s\n", fam_strerror(err));
		return 1;
	}
	printf("rang %lu times\n", count * vectors);
	return 0;
}
