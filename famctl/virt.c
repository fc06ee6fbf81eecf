// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <libvirt/libvirt.h>
#include <libvirt/virterror.h>

#include "util/cleanup.h"
#include "util/clock.h"
#include "util/size.h"
#include "virt.h"

#define POLL_MS	 200
#define PRESS_MS 5000

#define WINDOWS_VERSION 10000000 /* as libvirt counts: 10.0.0 */

struct virt {
	virConnectPtr conn;
};

static void cleanup_domain(virDomainPtr *domain)
{
	if (*domain)
		virDomainFree(*domain);
}
#define _cleanup_domain_ __attribute__((cleanup(cleanup_domain)))

/* libvirt prints its errors unless somebody takes them. */
static void ignore_error(void *data, virErrorPtr error)
{
	(void)data;
	(void)error;
}

/* What libvirt said last, in one line, behind @what. */
static int virt_error(struct err *err, int code, const char *what)
{
	const virError *last = virGetLastError();
	const char *message =
		last && last->message ? last->message : "no reason given";

	/* The daemon may have gone in the middle of anything. */
	if (last &&
	    (last->code == VIR_ERR_NO_CONNECT || last->domain == VIR_FROM_RPC))
		code = -ENOTCONN;
	return err_set(err, code, "%s: %.*s", what, (int)strcspn(message, "\n"),
		       message);
}

static const char *default_uri(void)
{
	return geteuid() == 0 ? "qemu:///system" : "qemu:///session";
}

int virt_open(struct virt **out, const char *uri, struct err *err)
{
	struct virt *virt = calloc(1, sizeof(*virt));
	char what[300];

	if (!virt)
		return err_sys(err, ENOMEM, "libvirt");
	if (!uri)
		uri = default_uri();
	virSetErrorFunc(NULL, ignore_error);
	virt->conn = virConnectOpen(uri);
	if (virt->conn) {
		*out = virt;
		return 0;
	}
	free(virt);
	snprintf(what, sizeof(what), "libvirt cannot be reached at '%.200s'",
		 uri);
	virt_error(err, -ENOTCONN, what);
	if (strstr(uri, "///system"))
		return err_hint(err, "start it: systemctl start libvirtd "
				     "(or virtqemud)");
	return err_hint(err, "check it with: virsh --connect %s list", uri);
}

void virt_close(struct virt *virt)
{
	virConnectClose(virt->conn);
	free(virt);
}

static const char *state_name(int state)
{
	switch (state) {
	case VIR_DOMAIN_RUNNING:
	case VIR_DOMAIN_BLOCKED:
		return "running";
	case VIR_DOMAIN_PAUSED:
		return "paused";
	case VIR_DOMAIN_SHUTDOWN:
		return "shutting down";
	case VIR_DOMAIN_SHUTOFF:
		return "shut off";
	case VIR_DOMAIN_CRASHED:
		return "crashed";
	case VIR_DOMAIN_PMSUSPENDED:
		return "suspended";
	default:
		return "unknown";
	}
}

/* 1 with @out filled; 0 the domain is not ours, or went away meanwhile. */
static int read_node(virDomainPtr domain, struct virt_node *out)
{
	_cleanup_free_ char *xml = virDomainGetXMLDesc(domain, 0);
	virDomainInfo info;
	struct err err;
	int ret;

	*out = (struct virt_node){0};
	if (!xml || virDomainGetInfo(domain, &info) < 0)
		return 0;
	ret = domxml_meta(xml, &out->meta, &err);
	if (ret == 0)
		return 0;
	if (ret < 0)
		snprintf(out->damage, sizeof(out->damage), "%.255s", err.text);
	snprintf(out->name, sizeof(out->name), "%s", virDomainGetName(domain));
	virDomainGetUUIDString(domain, out->uuid);
	out->active = virDomainIsActive(domain) == 1;
	out->state = state_name(info.state);
	out->memory = (uint64_t)info.maxMem * KiB;
	out->vcpus = info.nrVirtCpu;
	return 1;
}

static int no_node(const char *why, struct err *err)
{
	err_set(err, -ENOENT, "%s", why);
	return err_hint(err, "'famctl list-nodes' shows the nodes there are");
}

/* A domain by name, with what libvirt and our metadata say about it. */
static int look_up(struct virt *virt, const char *name, virDomainPtr *out,
		   struct virt_node *node, struct err *err)
{
	_cleanup_domain_ virDomainPtr domain =
		virDomainLookupByName(virt->conn, name);
	const virError *last = domain ? NULL : virGetLastError();

	if (!domain && last && last->code != VIR_ERR_NO_DOMAIN)
		return virt_error(err, -EIO, "libvirt");
	if (!domain)
		return no_node("there is no such node", err);
	if (read_node(domain, node) == 0)
		return no_node("this domain was not made by famctl", err);
	*out = take(domain);
	return 0;
}

int virt_node(struct virt *virt, const char *name, struct virt_node *out,
	      struct err *err)
{
	_cleanup_domain_ virDomainPtr domain = NULL;

	return look_up(virt, name, &domain, out, err);
}

/* The same; the node is malloc'd, being too large for the stack. */
static int look_up_new(struct virt *virt, const char *name, virDomainPtr *out,
		       struct virt_node **node, struct err *err)
{
	*node = calloc(1, sizeof(**node));
	if (!*node)
		return err_sys(err, ENOMEM, "node");
	return look_up(virt, name, out, *node, err);
}

int virt_define(struct virt *virt, const char *name, const char *xml,
		struct err *err)
{
	_cleanup_domain_ virDomainPtr domain =
		virDomainLookupByName(virt->conn, name);

	if (domain) {
		err_set(err, -EEXIST, "a domain of this name exists");
		return err_hint(err,
				"choose another name, or look at that one "
				"with: virsh dominfo %s",
				name);
	}
	/* Our XML has no UUID, so a domain made since then is refused here. */
	domain = virDomainDefineXMLFlags(virt->conn, xml,
					 VIR_DOMAIN_DEFINE_VALIDATE);
	if (!domain)
		return virt_error(err, -EIO, "libvirt refused the domain");
	return 0;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(virDomainGetName(*(const virDomainPtr *)a),
		      virDomainGetName(*(const virDomainPtr *)b));
}

int virt_each_node(struct virt *virt,
		   int (*visit)(const struct virt_node *node, void *arg,
				struct err *err),
		   void *arg, struct err *err)
{
	_cleanup_free_ struct virt_node *node = calloc(1, sizeof(*node));
	virDomainPtr *domains = NULL;
	int i, ret = 0, count;

	if (!node)
		return err_sys(err, ENOMEM, "nodes");
	count = virConnectListAllDomains(virt->conn, &domains, 0);
	if (count < 0)
		return virt_error(err, -EIO, "libvirt");
	qsort(domains, (size_t)count, sizeof(virDomainPtr), by_name);
	for (i = 0; i < count; i++) {
		if (ret == 0 && read_node(domains[i], node))
			ret = visit(node, arg, err);
		virDomainFree(domains[i]);
	}
	free(domains);
	return ret;
}

int virt_start(struct virt *virt, const char *name, struct err *err)
{
	_cleanup_domain_ virDomainPtr domain = NULL;
	_cleanup_free_ struct virt_node *node = NULL;
	int ret = look_up_new(virt, name, &domain, &node, err);

	if (ret < 0)
		return ret;
	if (node->active)
		return err_set(err, -EBUSY, "it is %s already", node->state);
	if (virDomainCreate(domain) < 0)
		return virt_error(err, -EIO, "libvirt cannot start it");
	return 0;
}

/*
 * Presses the power button until the guest is off. Once is not enough: a guest
 * which is still booting does not hear it.
 */
static int shut_down(virDomainPtr domain, unsigned int timeout_s,
		     struct err *err)
{
	const struct timespec pause = {.tv_nsec = POLL_MS * 1000000L};
	uint64_t end = clock_ms() + UINT64_C(1000) * timeout_s, press = 0;
	int active;

	while ((active = virDomainIsActive(domain)) == 1) {
		uint64_t now = clock_ms();

		/* It may have gone off by itself between the two calls. */
		if (now >= press && virDomainShutdown(domain) < 0 &&
		    virDomainIsActive(domain) == 1)
			return virt_error(err, -EIO, "libvirt cannot stop it");
		if (now >= press)
			press = now + PRESS_MS;
		if (now >= end) {
			err_set(err, -ETIMEDOUT,
				"the guest did not shut down within %u s",
				timeout_s);
			return err_hint(err, "wait longer with --timeout, or "
					     "switch it off with --force");
		}
		nanosleep(&pause, NULL);
	}
	return active < 0 ? virt_error(err, -EIO, "libvirt") : 0;
}

int virt_stop(struct virt *virt, const char *name, unsigned int timeout_s,
	      bool force, struct err *err)
{
	_cleanup_domain_ virDomainPtr domain = NULL;
	_cleanup_free_ struct virt_node *node = NULL;
	int ret = look_up_new(virt, name, &domain, &node, err);

	if (ret < 0 || !node->active)
		return ret;
	if (!force)
		return shut_down(domain, timeout_s, err);
	if (virDomainDestroy(domain) < 0 && virDomainIsActive(domain) == 1)
		return virt_error(err, -EIO, "libvirt cannot stop it");
	return 0;
}

/* Only QEMU's driver knows of firmware variables, which are somebody's data. */
static int undefine(virDomainPtr domain)
{
	unsigned int flags = VIR_DOMAIN_UNDEFINE_MANAGED_SAVE |
			     VIR_DOMAIN_UNDEFINE_SNAPSHOTS_METADATA;
	const virError *last;

	if (virDomainUndefineFlags(domain,
				   flags | VIR_DOMAIN_UNDEFINE_KEEP_NVRAM) == 0)
		return 0;
	last = virGetLastError();
	if (!last || last->code != VIR_ERR_INVALID_ARG)
		return -1;
	return virDomainUndefineFlags(domain, flags);
}

int virt_undefine(struct virt *virt, const char *name, struct err *err)
{
	_cleanup_domain_ virDomainPtr domain = NULL;
	_cleanup_free_ struct virt_node *node = NULL;
	int ret = look_up_new(virt, name, &domain, &node, err);

	if (ret < 0)
		return ret;
	if (node->active)
		return err_set(err, -EBUSY, "it is %s", node->state);
	if (undefine(domain) < 0)
		return virt_error(err, -EIO, "libvirt cannot forget it");
	return 0;
}

/* 1 this user's own QEMUs; 0 this host's; -1 another host's, or unknown. */
static int whose_qemu(virConnectPtr conn)
{
	_cleanup_free_ char *uri = virConnectGetURI(conn);

	if (!uri || strncmp(uri, "qemu:///", 8) != 0)
		return -1;
	return !strncmp(uri, "qemu:///session", 15);
}

int virt_qemu_identity(struct virt *virt, unsigned int *uid, unsigned int *gid,
		       struct err *err)
{
	_cleanup_free_ char *capabilities = NULL;
	int session = whose_qemu(virt->conn);

	if (session < 0)
		return err_set(err, -ENOTSUP, "libvirt is on another host");
	if (session) {
		*uid = geteuid();
		*gid = getegid();
		return 0;
	}
	capabilities = virConnectGetCapabilities(virt->conn);
	if (!capabilities)
		return virt_error(err, -EIO, "libvirt's capabilities");
	return domxml_qemu_identity(capabilities, uid, gid, err);
}

bool virt_confines(struct virt *virt)
{
	_cleanup_free_ char *capabilities = NULL;

	/* A user's own libvirt confines nothing. */
	if (whose_qemu(virt->conn) != 0)
		return false;
	capabilities = virConnectGetCapabilities(virt->conn);
	return capabilities && domxml_secmodel(capabilities, "apparmor");
}

bool virt_takes_windows(struct virt *virt)
{
	unsigned long version = 0;
	int r = virt ? virConnectGetLibVersion(virt->conn, &version)
		     : virGetVersion(&version, NULL, NULL);

	return r == 0 && version >= WINDOWS_VERSION;
}
