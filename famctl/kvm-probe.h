/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026, the FAM emulator authors */
#ifndef FAMCTL_KVM_PROBE_H
#define FAMCTL_KVM_PROBE_H

/* The boot sector of kvm-probe.S: 512 bytes, constant. */
extern const unsigned char kvm_probe_image[], kvm_probe_image_end[];

#endif
