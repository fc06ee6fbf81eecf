/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026, the FAM emulator authors */
#ifndef FAM_SIGNAL_H
#define FAM_SIGNAL_H

#include <stdint.h>

#include <fam/doorbell.h>

#pragma GCC visibility push(default)
#ifdef __cplusplus
extern "C" {
#endif

/*
 * A line between two peers that carries short values by doorbells alone, where
 * there is no memory to share, or none yet: FAM_OPEN_DOORBELL is enough. Each
 * bit is a ring which the other side answers before the next, so that rings may
 * be merged on their way and values still arrive whole, in order, once.
 *
 * Both sides open the line with the other one's ID and the same vectors, which
 * nobody else may use meanwhile. It takes FAM_SIGNAL_VECTORS of them.
 */
struct fam_signal;

#define FAM_SIGNAL_VECTORS 7

/**
 * fam_signal_open() - one end of a line
 * @out: set on success only; release with fam_signal_close()
 * @peer: ID of the other end
 * @vector: first of FAM_SIGNAL_VECTORS
 *
 * Rings that came earlier are thrown away.
 *
 * Threads:  safe
 * Blocks:   never
 * Return:   0; -ERANGE there are not so many vectors; -ENOMEM; -EOPNOTSUPP
 * Since:    0.1
 */
int fam_signal_open(struct fam_signal **out, struct fam *fam, unsigned int peer,
		    unsigned int vector);

/** fam_signal_close() - NULL is allowed; before the attachment's fam_close() */
void fam_signal_close(struct fam_signal *line);

/**
 * fam_signal_send() - send a value
 * @timeout_ms: -1 waits for ever
 *
 * Threads:  one at each end
 * Blocks:   until the other end has taken it, a signal handler ran, or
 *	@timeout_ms have passed
 * Return:   0 the other end has it; -ETIMEDOUT, -EINTR: whether it has is not
 *	known, both ends are to be opened anew; -EBUSY it sends at the same time
 *	and its value comes first: receive; as fam_doorbell_ring()
 * Since:    0.1
 */
int fam_signal_send(struct fam_signal *line, uint32_t value, int timeout_ms);

/**
 * fam_signal_recv() - receive a value
 *
 * Threads:  one at each end
 * Blocks:   as fam_signal_send()
 * Return:   0; -ETIMEDOUT nothing came, or not all of it; -EINTR;
 *	-EPROTO what came is no value; as fam_doorbell_wait()
 * Since:    0.1
 */
int fam_signal_recv(struct fam_signal *line, uint32_t *value, int timeout_ms);

#ifdef __cplusplus
}
#endif
#pragma GCC visibility pop
#endif
