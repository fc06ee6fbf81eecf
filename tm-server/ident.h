/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026, the FAM emulator authors */
#ifndef TM_SERVER_IDENT_H
#define TM_SERVER_IDENT_H

#include <stddef.h>
#include <stdint.h>

#include <fam/layout.h>

#include "loop.h"

/*
 * Who is at the other end of a socket? The kernel says which process connected;
 * its command line says which virtual machine it is. A process may lie about
 * the latter, so a node is known by its UUID together with its user.
 */
#define IDENT_NAME_BYTES 64

struct identity {
	uint32_t pid, uid, gid;
	char uuid[FAM_UUID_TEXT];    /* "": not a virtual machine we know */
	char name[IDENT_NAME_BYTES]; /* of the node, else of the program */
};

/** ident_socket() - process, user and program name of a connection; fast */
int ident_socket(int fd, struct identity *out);

/** ident_is_emulator() - may the command line name a virtual machine? */
int ident_is_emulator(const struct identity *identity);

/**
 * ident_parse() - read name and UUID out of a command line, as QEMU takes them
 * @cmdline: arguments, each with its NUL, as in /proc/PID/cmdline
 */
void ident_parse(const char *cmdline, size_t len, struct identity *out);

/*
 * Reading /proc/PID/cmdline touches that process's memory and may hang if it
 * wants it to: done by short-lived threads, of which only so many may hang.
 */
struct ident_pool;
struct ident_job;

/** ident_fn - @identity is complete, or as it was if nothing could be read */
typedef void (*ident_fn)(const struct identity *identity, void *arg);

int ident_pool_new(struct ident_pool **out, struct loop *loop);

/** ident_pool_free() - no @fn is called any more; NULL is allowed */
void ident_pool_free(struct ident_pool *pool);

/** ident_start() - complete @identity, then call @fn, within a second */
int ident_start(struct ident_job **out, struct ident_pool *pool,
		const struct identity *identity, ident_fn fn, void *arg);

/** ident_cancel() - @fn will not be called; NULL is allowed */
void ident_cancel(struct ident_job *job);

#endif
