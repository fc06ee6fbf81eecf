// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
/* Which start of the host this is; needs no other part of the library. */
#include <fcntl.h>
#include <stdatomic.h>
#include <unistd.h>

#include <fam-boot.h>

#define DIGITS 16

static int digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static uint64_t parse(const char *text, ssize_t len)
{
	uint64_t boot = 0;
	int digits = 0;

	for (ssize_t i = 0; i < len && digits < DIGITS; i++) {
		if (digit(text[i]) < 0)
			continue;
		boot = boot << 4 | (uint64_t)digit(text[i]);
		digits++;
	}
	return digits == DIGITS ? boot : 0;
}

uint64_t fam_boot_current(void)
{
	char text[64];
	ssize_t len;
	int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return 0;
	len = read(fd, text, sizeof(text));
	close(fd);
	return parse(text, len);
}

void fam_boot_note(struct fam_sessions *table)
{
	uint64_t boot = fam_boot_current();

	if (boot && atomic_load(&table->boot) != boot)
		atomic_store(&table->boot, boot);
}
