/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026, the FAM emulator authors */
#ifndef TM_SERVER_MAILBOX_MAP_H
#define TM_SERVER_MAILBOX_MAP_H

#include <stdbool.h>

#include <fam-mailbox.h>

/*
 * The mailbox in the server's address space, in place of which there may at any
 * moment be nothing: somebody cuts the file, or its file system shuts down.
 * Touching it would kill the server then. Instead anonymous memory takes its
 * place, whatever was going on goes on there, and mailbox_map_is_lost() tells.
 */

/**
 * mailbox_map() - map it; one in a process at a time
 *
 * Return: 0; -EBUSY there is one already; ...
 */
int mailbox_map(struct fam_mailbox **out, int fd, uint64_t offset);

/** mailbox_map_is_lost() - is it memory of nobody else by now? */
bool mailbox_map_is_lost(void);

/** mailbox_map_again() - back to the file; Return: 0 or a negative errno */
int mailbox_map_again(struct fam_mailbox *box, int fd, uint64_t offset);

/** mailbox_unmap() - NULL is allowed */
void mailbox_unmap(struct fam_mailbox *box);

#endif
