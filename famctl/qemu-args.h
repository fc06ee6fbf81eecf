/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026, the FAM emulator authors */
#ifndef FAMCTL_QEMU_ARGS_H
#define FAMCTL_QEMU_ARGS_H

#include <stdbool.h>
#include <stddef.h>

#include "domxml.h"
#include "servers.h"
#include "util/err.h"

/* At most: -object O -device PORT -device D. */
#define QEMU_ARGS_MAX 6

/*
 * The raw arguments which give QEMU one fabric. libvirt can express none of
 * them: its <shmem> opens nothing but /dev/shm, and knows no older device. By
 * transport doorbell there are none: see domxml-shmem.c.
 */
struct qemu_args {
	char *arg[QEMU_ARGS_MAX];
	size_t count;
	char device[16]; /* where the guest sees it; as in struct node_fabric */
};

/**
 * qemu_args_fabric() - the arguments for fabric @index of @spec
 * @machine: of the domain; spec->machine may be NULL
 * @out: to be freed with qemu_args_free(), also after a failure
 *
 * Pure: nothing is opened or run.
 * Return: 0; -EINVAL the fabric, the transport and the emulator do not fit
 */
int qemu_args_fabric(const struct node_spec *spec, const char *machine,
		     size_t index, struct qemu_args *out, struct err *err);
void qemu_args_free(struct qemu_args *args);

/* As much of a fabric as its flush window shows; the least that is formatted.
 */
#define QEMU_ARGS_WINDOW_BYTES FAM_FORMATTED_MIN

/* All windows are functions of one device of the root bus. */
#define QEMU_ARGS_WINDOW_SLOT 0x19

/**
 * qemu_args_window() - the arguments for the flush window of fabric @index
 *
 * For where libvirt has no element that does it. As qemu_args_fabric().
 */
int qemu_args_window(const struct node_spec *spec, const char *machine,
		     size_t index, struct qemu_args *out, struct err *err);

/** qemu_args_check_windows() - -EINVAL the node cannot have flush windows */
int qemu_args_check_windows(const struct node_spec *spec, const char *machine,
			    struct err *err);

/** qemu_args_machine() - 0, or -EINVAL if it has no PCI bus known here */
int qemu_args_machine(const char *machine, struct err *err);

/**
 * qemu_args_phys_bits() - width of physical addresses the fabrics need
 *
 * Return: 0 the emulator's usual 40 bits will do; else 42 to 52
 */
unsigned int qemu_args_phys_bits(const struct node_spec *spec);

/** qemu_args_transport() - its name in metadata and on the command line */
const char *qemu_args_transport(enum transport transport);

/** qemu_args_served() - does a transport of this name need tm-server? */
bool qemu_args_served(const char *transport);

/** qemu_args_opens() - does QEMU open the fabrics' files of such a node? */
bool qemu_args_opens(const char *transport, enum node_flush flush);

/**
 * qemu_args_check() - 0, or -EINVAL fabric @index, transport and emulator do not
 * fit
 *
 * That the emulator can map for reading only is not looked at: node-plan.c asks
 * it.
 */
int qemu_args_check(const struct node_spec *spec, size_t index,
		    struct err *err);

/** qemu_args_socket() - where the server of @fabric listens for this node */
int qemu_args_socket(const struct node_spec *spec, const struct fabric *fabric,
		     char out[SERVERS_PATH_MAX], struct err *err);

/* Where fabric @index of a node is found. */
struct qemu_place {
	bool own_port;	   /* behind a root port, in its slot 0 */
	unsigned int slot; /* of the root bus: the port's or its own */
	char device[16];   /* as in struct node_fabric */
};

/* Window of such a root port, in bytes. */
#define QEMU_ARGS_WINDOW (UINT64_C(4) << 30)

/** qemu_args_place() - choose it; @machine as above */
void qemu_args_place(const struct node_spec *spec, const char *machine,
		     size_t index, struct qemu_place *out);

#endif
