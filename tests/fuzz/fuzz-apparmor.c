// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
/* AppArmor's rules and a path, which may hold anything. */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "apparmor.h"
#include "must.h"
#include "util/cleanup.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

/* What is proposed for a path is understood, and denied if it is denied. */
static void check_rule(const char *path)
{
	char rule[4000], denied[8100];
	int n = apparmor_rule(path, false, rule, sizeof(rule));

	if (n < 0)
		return;
	must((size_t)n == strlen(rule));
	must(apparmor_allows(rule, path));
	snprintf(denied, sizeof(denied), "%s\ndeny %s\n", rule, rule);
	must(!apparmor_allows(denied, path));
}

/* Rules, a zero byte, a path. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	_cleanup_free_ char *text = calloc(len + 2, 1);
	const char *path;

	if (!text)
		return 0;
	if (len > 0)
		memcpy(text, data, len);
	path = text + strlen(text) + 1;
	(void)apparmor_allows(text, path);
	(void)apparmor_match(text, path);
	(void)apparmor_includes(text, "local/abstractions/libvirt-qemu");
	(void)apparmor_loaded(text, "libvirtd");
	check_rule(path);
	return 0;
}
