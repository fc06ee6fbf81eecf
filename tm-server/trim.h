/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026, the FAM emulator authors */
#ifndef TM_SERVER_TRIM_H
#define TM_SERVER_TRIM_H

#include <stdbool.h>
#include <stdint.h>

/*
 * Regions that nodes destroy leave blocks behind which only the host can give
 * back to the file system. A thread looks every two seconds whether there are
 * any, and does it as any program of the host would, with a session of its own for
 * as long as that lasts. Not where all space was reserved: there it stays.
 */
struct trimmer;
struct fam_trim_want;

/* fam_trim_file() of fam-trim.h; only the program itself is linked with that. */
typedef int trimmer_fn(const char *path, const uint8_t *uuid,
		       const struct fam_trim_want *want, uint64_t *trimmed);

struct trimmer_config {
	const char *label; /* of the fabric, for the log */
	const char *path;  /* of its file, with a '/'; only read at the call */
	int fd;		   /* the same, open */
	trimmer_fn *trim;
};

/**
 * trimmer_open() - for a fabric with regions; it does nothing yet
 *
 * Return: 0; -EOPNOTSUPP it has none; -ENOMEM; ...
 */
int trimmer_open(struct trimmer **out, const struct trimmer_config *config);

/** trimmer_start() - have it looked after; 0 or a negative errno */
int trimmer_start(struct trimmer *trimmer);

/**
 * trimmer_stop() - ask the thread to end; Return: true: it has ended
 *
 * What it has begun needs the flush service to go on till then.
 */
bool trimmer_stop(struct trimmer *trimmer);

/** trimmer_close() - waits for the thread; NULL is allowed */
void trimmer_close(struct trimmer *trimmer);

#endif
