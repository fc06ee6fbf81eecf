/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026, the FAM emulator authors */
#ifndef FAMCTL_QEMU_ARGS_H
#define FAMCTL_QEMU_ARGS_H

#include <stdbool.h>
#include <stddef.h>

#include "domxml.h"
#include "util/err.h"

/* At most: -object O -device PORT -device D. */
#define QEMU_ARGS_MAX 6

/*
 * The raw arguments which give QEMU one fabric. libvirt can express none of
 * them: its <shmem> opens nothing but /dev/shm.
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

#endif
