// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
/* A peer that connects and never reads. usage: fam-deaf SOCKET */
#include <stdio.h>

#include "test-peer.h"

int main(int argc, char **argv)
{
	if (argc < 2 || test_peer_connect(argv[1]) < 0)
		return 1;
	puts("connected");
	fflush(stdout);
	for (;;)
		pause();
}
