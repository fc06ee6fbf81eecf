/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026, the FAM emulator authors */
#ifndef FAMCTL_SERVERS_H
#define FAMCTL_SERVERS_H

#include <limits.h>
#include <stdbool.h>
#include <sys/types.h>
#include <sys/un.h>

#include "fabric.h"
#include "tm-ctl.h"
#include "util/err.h"

/*
 * The servers of this user's fabrics. A server is found by the name of its
 * fabric: NAME.sock in the runtime directory is the socket for QEMU, and what
 * else belongs to it is called after that. The sockets are the only database.
 */
#define SERVERS_DIR_SYSTEM  "/run/fam"
#define SERVERS_VECTORS_MAX 256
/* One is the programs', the last one libfam's: who dies is known at once. */
#define SERVERS_VECTORS_DEFAULT 2
#define SERVERS_PATH_MAX	sizeof(((struct sockaddr_un *)0)->sun_path)

/* What stands behind NAME.sock. */
#define SERVERS_MODERN	   ""
#define SERVERS_LEGACY	   ".legacy"
#define SERVERS_CONTROL	   ".ctl"
#define SERVERS_LOG	   ".log"
#define SERVERS_STATE	   ".state"
#define SERVERS_SUPERVISOR ".supervisor"

enum servers_state {
	SERVERS_NONE,	    /* nothing of it is there */
	SERVERS_RUNNING,    /* it answers */
	SERVERS_STALE,	    /* sockets of one that was killed */
	SERVERS_RESTARTING, /* the same, but its supervisor lives */
	SERVERS_SILENT,	    /* somebody is there, but does not answer rightly */
};

struct servers_info {
	enum servers_state state;
	char name[FAM_LABEL_BYTES];
	char socket[SERVERS_PATH_MAX]; /* the modern one */
	pid_t supervisor;	       /* 0: none of ours */
	struct tm_ctl_status status;   /* only if running */
	char problem[256];	       /* only if silent */
};

/** servers_dir() - the runtime directory: root's is SERVERS_DIR_SYSTEM */
int servers_dir(char out[PATH_MAX], struct err *err);

/** servers_path() - DIR/NAME.sock with @suffix behind; -EINVAL not possible */
int servers_path(const char *dir, const char *name, const char *suffix,
		 char out[SERVERS_PATH_MAX], struct err *err);

/** servers_path_of() - the same in the user's runtime directory */
int servers_path_of(const char *name, const char *suffix,
		    char out[SERVERS_PATH_MAX], struct err *err);

/**
 * servers_name() - the name of the server of what the user calls a fabric
 *
 * A fabric that can be opened tells its name; else @operand is one.
 * Return: 0; -EINVAL; with a '/' in it, what fabric_open() says
 */
int servers_name(const char *operand, char out[FAM_LABEL_BYTES],
		 struct err *err);

/** servers_look() - what is there of the server called @name? */
int servers_look(const char *name, struct servers_info *out, struct err *err);

/** servers_left_mark() - has it ended, leaving word of a failed write-back? */
bool servers_left_mark(const char *name);

/**
 * servers_open() - its control socket; -ENOTCONN with the next step as a hint
 */
int servers_open(const char *name, struct err *err);

/** servers_each() - visit all by name; non-zero of @visit ends it */
int servers_each(int (*visit)(const struct servers_info *info, void *arg,
			      struct err *err),
		 void *arg, struct err *err);

struct servers_spec {
	const struct fabric *fabric;
	unsigned int vectors; /* 0: those of a running one, or the default */
	gid_t group;	      /* of the sockets; -1: tm-server's choice */
	bool dry_run;	      /* look whether it could be started */
};

/**
 * servers_start() - have the fabric served
 *
 * By a unit of systemd or by a supervisor of our own; see
 * famctl-start-server(1).
 * Return: 1 it was started, and answers; 0 it was running already; -EBUSY it
 * has other vectors, or serves another fabric of this name; -ETIMEDOUT; ...
 */
int servers_start(const struct servers_spec *spec, struct servers_info *out,
		  struct err *err);

/**
 * servers_stop() - have it end
 * @force: although peers are attached
 *
 * Return: 0; -EBUSY peers are attached; -ENOTCONN it does not answer
 */
int servers_stop(const struct servers_info *info, bool force, struct err *err);

/** servers_await() - wait up to @ms until it runs (@running) or has gone */
int servers_await(const char *name, bool running, unsigned int ms,
		  struct servers_info *out, struct err *err);

#endif
