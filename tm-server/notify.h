/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026, the FAM emulator authors */
#ifndef TM_SERVER_NOTIFY_H
#define TM_SERVER_NOTIFY_H

/*
 * What a service manager is told, and what it passes on: the protocols of
 * sd_notify(3) and sd_listen_fds(3), without their library.
 */

/** notify_send() - "READY=1", ...; nothing without a manager; never blocks */
void notify_send(const char *text);

/**
 * notify_sockets() - listening sockets the manager opened for us
 * @names: NULL-terminated; FileDescriptorName= of each
 * @fd: one per name: the descriptor or -1
 *
 * Return: how many of them were passed; -EBADF one was passed that is none of
 * @names
 */
int notify_sockets(const char *const *names, int *fd);

#endif
