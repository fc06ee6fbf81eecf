/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026, the FAM emulator authors */
#ifndef FAMCTL_BUNDLE_H
#define FAMCTL_BUNDLE_H

#include <limits.h>
#include <stdbool.h>

#include "opt.h"
#include "util/err.h"

/*
 * A bundle is a directory with "vmlinuz" and "initrd.img": the smallest guest
 * that can use a fabric. The initramfs holds busybox, fam, libfam, fam-init as
 * /init, some kernel modules and what the user adds.
 */
struct bundle_spec {
	const char *dir;    /* NULL: "bundle" in the user's fabric directory */
	const char *kernel; /* NULL: found, see famctl-make-bundle(1) */
	const char
		*modules; /* lib/modules/VERSION directory; NULL: beside it */
	struct opt_list
		add; /* FILE or FILE:PATH-IN-THE-GUEST; with libraries */
};

struct bundle {
	char kernel[PATH_MAX];
	char initrd[PATH_MAX];
};

/* What the guest's kernel is told; famctl-make-bundle(1) says why. */
#define BUNDLE_APPEND \
	"console=ttyS0 panic=-1 tsc=reliable noreplace-smp no_timer_check"

/** bundle_check() - find all that bundle_make() would use, write nothing */
int bundle_check(const struct bundle_spec *spec, struct bundle *out,
		 struct err *err);

/** bundle_make() - build a bundle; both files appear complete or not at all */
int bundle_make(const struct bundle_spec *spec, struct bundle *out,
		struct err *err);

/**
 * bundle_need() - use the bundle in @dir (NULL: the default one), building it
 * if it is not there or older than one of its inputs
 *
 * The options it was made with are followed only if nobody else can have
 * written them; a complete bundle of others is used as it is. Return: 0;
 * -EEXIST it is neither complete nor ours; -EBUSY it is locked by others
 */
int bundle_need(const char *dir, struct bundle *out, struct err *err);

/** bundle_find() - the same for a dry run: write nothing, fail as that would */
int bundle_find(const char *dir, struct bundle *out, struct err *err);

#endif
