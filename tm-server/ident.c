// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "ident.h"
#include "util/cleanup.h"

/* The program's own name for itself: never blocks, unlike its command line. */
static void read_comm(uint32_t pid, char out[IDENT_NAME_BYTES])
{
	_cleanup_close_ int fd = -1;
	char path[64];
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/%u/comm", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	n = fd < 0 ? -1 : read(fd, out, IDENT_NAME_BYTES - 1);
	out[n < 0 ? 0 : n] = '\0';
	out[strcspn(out, "\n")] = '\0';
}

int ident_socket(int fd, struct identity *out)
{
	struct ucred cred;
	socklen_t len = sizeof(cred);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len) < 0)
		return -errno;
	*out = (struct identity){
		.pid = (uint32_t)cred.pid, .uid = cred.uid, .gid = cred.gid};
	read_comm(out->pid, out->name);
	return 0;
}

int ident_is_emulator(const struct identity *identity)
{
	return strncmp(identity->name, "qemu", 4) == 0 ||
	       strncmp(identity->name, "kvm", 3) == 0;
}

/* "guest=NAME,debug-threads=on" or "NAME,..."; a doubled comma is a comma. */
static void parse_name(const char *value, char out[IDENT_NAME_BYTES])
{
	size_t n = 0;

	if (strncmp(value, "guest=", 6) == 0)
		value += 6;
	for (; *value && n < IDENT_NAME_BYTES - 1; value++) {
		if (*value == ',' && *++value != ',')
			break;
		out[n++] = *value;
	}
	if (n > 0)
		out[n] = '\0';
}

static void parse_uuid(const char *value, char out[FAM_UUID_TEXT])
{
	uint8_t uuid[FAM_UUID_BYTES];

	if (fam_uuid_parse(value, uuid) == 0)
		fam_uuid_format(uuid, out);
}

void ident_parse(const char *cmdline, size_t len, struct identity *out)
{
	const char *end = cmdline + len, *option = "";

	for (const char *arg = cmdline; arg < end; arg += strlen(arg) + 1) {
		if (!memchr(arg, '\0', (size_t)(end - arg)))
			break;
		if (strncmp(option, "--", 2) == 0)
			option++;
		if (strcmp(option, "-name") == 0)
			parse_name(arg, out->name);
		else if (strcmp(option, "-uuid") == 0)
			parse_uuid(arg, out->uuid);
		else {
			option = arg;
			continue;
		}
		option = "";
	}
}
