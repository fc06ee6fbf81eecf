/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026, the FAM emulator authors */
#ifndef FAM_ERROR_H
#define FAM_ERROR_H

#pragma GCC visibility push(default)
#ifdef __cplusplus
extern "C" {
#endif

/**
 * fam_strerror() - what a negative errno returned by this library means
 * @error: as returned, e.g. -EBADMSG; a positive errno is taken alike
 *
 * Lower case, no full stop: "both copies of the superblock are damaged". Falls
 * back on strerror(3) for codes without a meaning of their own here.
 *
 * Threads:  safe; the text is constant
 * Return:   never NULL
 * Since:    0.1
 */
const char *fam_strerror(int error);

/**
 * fam_errhint() - the next step for such an error, or NULL
 *
 * Threads:  safe; the text is constant
 * Since:    0.1
 */
const char *fam_errhint(int error);

#ifdef __cplusplus
}
#endif
#pragma GCC visibility pop
#endif
