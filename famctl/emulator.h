/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026, the FAM emulator authors */
#ifndef FAMCTL_EMULATOR_H
#define FAMCTL_EMULATOR_H

#include <limits.h>
#include <stdbool.h>

#include "util/err.h"

/* How a node's memory device is attached; see DESIGN and famctl-create-node(1).
 */
enum transport {
	TRANSPORT_AUTO = 0,
	TRANSPORT_PLAIN, /* ivshmem-plain over memory-backend-file: QEMU >= 2.6
			  */
	TRANSPORT_XMEMDEV,  /* ivshmem,x-memdev=: QEMU 2.5 only */
	TRANSPORT_LEGACY,   /* ivshmem,chardev=: QEMU <= 2.4, memory from
			      tm-server */
	TRANSPORT_DOORBELL, /* libvirt's <shmem>: QEMU >= 2.6, memory and
			       interrupts from tm-server */
};
#define TRANSPORT_LAST TRANSPORT_DOORBELL

struct emulator {
	char path[PATH_MAX];
	int major, minor, micro;
	bool has_plain, has_legacy; /* devices it lists */
	bool has_pref64_reserve;    /* pcie-root-port property: QEMU >= 2.11 */
	bool has_doorbell;	    /* a device too */
	bool has_virtio_pmem;	    /* one more: QEMU >= 4.1 */
	bool told; /* its version, by the user: it is never run */
};

/**
 * emulator_probe() - ask an emulator what it is
 * @path: NULL: qemu-system-x86_64 in PATH; else a path or a name in PATH
 * @version: NULL, or "7.2" or "2.5.0" typed by the user: then nothing is run
 *	and the emulator need not exist
 *
 * Return: 0; -ENOENT no such emulator; -ENODEV it has no ivshmem device;
 * -EINVAL @version is not one; -EPROTO its answer is not understood
 */
int emulator_probe(const char *path, const char *version, struct emulator *out,
		   struct err *err);

/**
 * emulator_maps_read_only() - can it give a node memory that it cannot change?
 *
 * Asks it, unless its version was typed: QEMU >= 6.0.
 * Return: 1 yes; 0 no; -EPROTO it gave no answer; -ENOENT, ...
 */
int emulator_maps_read_only(const struct emulator *emulator, struct err *err);

/** emulator_transport() - the transport for this emulator */
enum transport emulator_transport(const struct emulator *emulator);

/**
 * emulator_runs_kvm() - does KVM run code here at a useful speed?
 *
 * Found by running: a test program of some million instructions in long mode
 * must end within three seconds. /dev/kvm alone says nothing: hosts exist where
 * it opens, and guests then run so slowly that no kernel boots.
 * Blocks: up to three seconds
 */
bool emulator_runs_kvm(const struct emulator *emulator);

/**
 * emulator_runs_probe() - does it run that program with this accelerator?
 * @accel, @cpu: for -accel and -cpu, "tcg" and "qemu64": shows that the probe
 *	itself works
 */
bool emulator_runs_probe(const struct emulator *emulator, const char *accel,
			 const char *cpu);

#endif
