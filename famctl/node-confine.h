/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026, the FAM emulator authors */
#ifndef FAMCTL_NODE_CONFINE_H
#define FAMCTL_NODE_CONFINE_H

#include "domxml.h"
#include "util/err.h"
#include "virt.h"

/*
 * libvirt has AppArmor confine each QEMU to the files that its domain's XML
 * names. A fabric's file stands in a raw argument, which libvirt does not look
 * into: either a rule of the host's lets QEMU open it, or QEMU is not confined.
 * By 'doorbell' QEMU opens nothing, and is always confined.
 */
enum confine {
	CONFINE_AUTO, /* where the host's rules let QEMU open the fabrics */
	CONFINE_YES,  /* fail if they do not */
	CONFINE_OFF,
};

/** node_confine_word() - "auto", "confined", "off"; -EINVAL with the list */
int node_confine_word(const char *word, enum confine *out, struct err *err);

/**
 * node_confine() - set @spec->unconfined
 * @uri: libvirt's, NULL: by user
 * @ask: libvirt may be asked, else only this host's files are read
 *
 * Says on stderr if AUTO leaves the node unconfined, and what would help.
 * Return: 0; -EACCES no rule lets QEMU open a fabric, the cure as the hint
 */
int node_confine(struct node_spec *spec, enum confine how, const char *uri,
		 bool ask, struct err *err);

/** node_confine_check() - would AppArmor let this node's QEMU start?
 *
 * Return: 0; -EACCES with both cures as the hint
 */
int node_confine_check(struct virt *virt, const struct node_meta *meta,
		       struct err *err);

#endif
