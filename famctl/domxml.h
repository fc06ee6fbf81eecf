/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026, the FAM emulator authors */
#ifndef FAMCTL_DOMXML_H
#define FAMCTL_DOMXML_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "emulator.h"
#include "fabric.h"
#include "util/err.h"

#define NODE_FABRICS_MAX 8
#define NODE_XMLNS	 "urn:fam-emulator:node:1"

/* A disk image given to a node. */
struct node_disk {
	const char *path; /* absolute */
	bool qcow2;	  /* else raw */
};

/* How programs in a node make their stores durable: --flush. */
enum node_flush {
	NODE_FLUSH_MAILBOX, /* tm-server is asked; in metadata: nothing */
	NODE_FLUSH_WINDOW,  /* fsync of a virtio-pmem device */
	NODE_FLUSH_NONE,
};
#define NODE_FLUSH_LAST NODE_FLUSH_NONE

/*
 * All that decides a node's domain XML. What is NULL or 0 is left as the
 * template has it.
 */
struct node_spec {
	const char *name;
	const char *template; /* file; NULL: node.xml of the data directory */
	const char *machine;  /* "q35", "pc", or a versioned name of either */
	bool kvm;
	uint64_t memory; /* bytes, a multiple of 1 MiB */
	unsigned int vcpus;
	const char *kernel, *initrd,
		*append; /* without kernel: all three kept */
	const char
		*bundle; /* directory of kernel and initrd; NULL: no bundle */
	const struct node_disk *disks; /* added to the template's */
	size_t disk_count;
	const char *network; /* "none", "user", or a libvirt network */
	const struct emulator *emulator;
	enum transport transport; /* never TRANSPORT_AUTO */
	unsigned int vectors;	  /* of its doorbells; 0: 1 */
	const char *run_dir; /* of the servers' sockets; NULL: the system's */
	bool unconfined;     /* AppArmor is to leave its QEMU alone */
	enum node_flush flush;
	bool raw_windows; /* by raw arguments: libvirt is too old for them */
	const struct fabric *fabrics;
	size_t fabric_count;		  /* 1 to NODE_FABRICS_MAX */
	bool read_only[NODE_FABRICS_MAX]; /* which of them it cannot change */
};

/* What our <metadata> of a domain says about one of its fabrics. */
struct node_fabric {
	char name[FAM_LABEL_BYTES];
	char uuid[FAM_UUID_TEXT]; /* "" if raw */
	char path[PATH_MAX];
	uint64_t size; /* bytes */
	char transport[16];
	char device[16]; /* PCI path in the guest: "00:10.0", "00:10.0/00.0" */
	unsigned int vectors; /* 0: this transport has none */
	bool read_only;	      /* the node cannot change it */
};

struct node_meta {
	struct node_fabric fabric[NODE_FABRICS_MAX];
	size_t count;
	char bundle[PATH_MAX]; /* directory of the bundle it boots, or "" */
	bool seclabel;	       /* the XML itself says what AppArmor is to do */
	enum node_flush flush;
	bool raw_windows; /* as in struct node_spec */
};

/** domxml_flush() - its word in metadata and on the command line */
const char *domxml_flush(enum node_flush flush);

/**
 * domxml_build() - the domain XML of a node
 * @out: malloc'd text ending in a newline
 *
 * Return: 0; -EINVAL the template is not XML, not a domain, or an option does
 * not fit the transport or machine
 */
int domxml_build(const struct node_spec *spec, char **out, struct err *err);

/** domxml_build_text() - the same with the template's text; its file is ignored
 */
int domxml_build_text(const struct node_spec *spec, const char *text,
		      size_t len, char **out, struct err *err);

/**
 * domxml_template_boots() - does a template say by itself what to boot?
 * @template: NULL: node.xml of the data directory
 *
 * Return: 1 it has a kernel, a boot device or a disk; 0 it has not; -EINVAL
 */
int domxml_template_boots(const char *template, struct err *err);

/**
 * domxml_qemu_identity() - uid and gid of QEMU out of libvirt's capabilities
 *
 * Return: 0; -ENOTSUP they do not say
 */
int domxml_qemu_identity(const char *capabilities, unsigned int *uid,
			 unsigned int *gid, struct err *err);

/** domxml_secmodel() - is @model one of those in libvirt's capabilities? */
bool domxml_secmodel(const char *capabilities, const char *model);

/**
 * domxml_meta() - read our <metadata> out of a domain's XML
 *
 * Return: 1 it is one of our nodes; 0 it is not; -EBADMSG ours, but malformed
 */
int domxml_meta(const char *xml, struct node_meta *out, struct err *err);

#endif
