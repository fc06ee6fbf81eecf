// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
/* usage: hold-file r|w|m FILE READY: uses FILE, makes READY, waits for a signal
 */
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	int fd;

	if (argc != 4)
		return 2;
	fd = open(argv[2], argv[1][0] == 'r' ? O_RDONLY : O_RDWR);
	if (fd < 0)
		return 1;
	if (argv[1][0] == 'm') {
		if (mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd,
			 0) == MAP_FAILED)
			return 1;
		close(fd);
	}
	if (creat(argv[3], 0600) < 0)
		return 1;
	pause();
	return 0;
}
