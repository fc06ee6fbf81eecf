// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "domxml.h"
#include "domxml-internal.h"
#include "domxml-tree.h"
#include "paths.h"
#include "qemu-args.h"
#include "util/cleanup.h"
#include "util/fdio.h"
#include "util/size.h"

#define TEMPLATE_MAX MiB
#define DISKS_MAX    26 /* vda to vdz */

/* Where a new element goes; the schema takes any order, readers do not. */
const char *const domxml_order[] = {
	"name",	  "title",   "description", "metadata",	 "maxMemory",
	"memory", "vcpu",    "cputune",	    "os",	 "features",
	"cpu",	  "clock",   "on_poweroff", "on_reboot", "on_crash",
	"pm",	  "devices", "seclabel",    NULL,
};
static const char *const os_order[] = {"type",	 "loader",   "nvram",
				       "kernel", "initrd",   "cmdline",
				       "boot",	 "bootmenu", NULL};
const char *const domxml_devices_order[] = {
	"emulator", "disk",	  "controller", "interface", "serial",
	"console",  "memballoon", "shmem",	"memory",    NULL};

static void set_number(xmlNode *node, uint64_t n)
{
	char text[24];

	snprintf(text, sizeof(text), "%" PRIu64, n);
	tree_text(node, text);
}

static unsigned int get_number(const xmlChar *text)
{
	unsigned long n = text ? strtoul((const char *)text, NULL, 10) : 0;

	return n > 0 && n < 10000 ? (unsigned int)n : 0;
}

static void set_memory(xmlNode *domain, const struct node_spec *spec)
{
	xmlNode *node;

	if (!spec->memory)
		return;
	node = tree_need(domain, "memory", domxml_order);
	tree_attr(node, "unit", "KiB");
	set_number(node, spec->memory / KiB);
	/* It could be more than there is now. */
	tree_drop(domain, "currentMemory");
}

/*
 * One possible processor makes QEMU's own translator emit atomics which are
 * not atomic towards other nodes, and drop fences: two must be possible.
 */
static void set_vcpus(xmlNode *domain, const struct node_spec *spec)
{
	xmlNode *node = tree_need(domain, "vcpu", domxml_order);
	_cleanup_xmlchar_ xmlChar *current = tree_get(node, "current");
	_cleanup_xmlchar_ xmlChar *content = xmlNodeGetContent(node);
	unsigned int possible = get_number(content);
	unsigned int present = get_number(current);
	char text[16];

	if (spec->vcpus)
		possible = present = spec->vcpus;
	if (!possible)
		possible = 1;
	if (!present || present > possible)
		present = possible;
	if (!spec->kvm && possible < 2)
		possible = 2;
	if (spec->vcpus || possible != get_number(content))
		tree_drop(domain, "vcpus");
	snprintf(text, sizeof(text), "%u", present);
	if (!xmlHasProp(node, (const xmlChar *)"placement"))
		tree_attr(node, "placement", "static");
	tree_attr(node, "current", present < possible ? text : NULL);
	set_number(node, possible);
}

static void set_os(xmlNode *domain, const struct node_spec *spec,
		   const char *machine)
{
	xmlNode *os = tree_need(domain, "os", domxml_order);
	xmlNode *type = tree_need(os, "type", os_order);

	tree_text(type, "hvm");
	tree_attr(type, "arch", "x86_64");
	tree_attr(type, "machine", machine);
	if (spec->kernel) {
		tree_drop(os, "kernel");
		tree_drop(os, "initrd");
		tree_drop(os, "cmdline");
		tree_drop(os, "boot");
		tree_text(tree_need(os, "kernel", os_order), spec->kernel);
		if (spec->initrd)
			tree_text(tree_need(os, "initrd", os_order),
				  spec->initrd);
		if (spec->append)
			tree_text(tree_need(os, "cmdline", os_order),
				  spec->append);
	} else if (spec->disk_count && !tree_child(os, "kernel")) {
		tree_attr(tree_need(os, "boot", os_order), "dev", "hd");
	}
}

/*
 * qemu64 and not what the emulator has at most: that announces ERMS, and then
 * the guest's memcpy takes the one instruction which is 30 times slower here.
 */
static void set_cpu(xmlNode *domain, const struct node_spec *spec)
{
	unsigned int bits = qemu_args_phys_bits(spec);
	xmlNode *cpu = tree_child(domain, "cpu"), *node;
	char text[16];

	if (!cpu) {
		cpu = tree_need(domain, "cpu", domxml_order);
		tree_attr(cpu, "mode",
			  spec->kvm ? "host-passthrough" : "custom");
		if (!spec->kvm) {
			tree_attr(cpu, "match", "exact");
			node = tree_add(cpu, NULL, "model");
			tree_attr(node, "fallback", "forbid");
			tree_text(node, "qemu64");
		}
		tree_attr(cpu, "check", "none");
	}
	if (!bits || tree_child(cpu, "maxphysaddr"))
		return;
	node = tree_add(cpu, NULL, "maxphysaddr");
	snprintf(text, sizeof(text), "%u", bits);
	tree_attr(node, "mode", spec->kvm ? "passthrough" : "emulate");
	tree_attr(node, "bits", spec->kvm ? NULL : text);
}

/* Is a disk of the template already called @dev? */
static bool target_taken(const xmlNode *devices, const char *dev)
{
	const xmlNode *disk = tree_child(devices, "disk");

	for (; disk; disk = tree_next(disk, "disk")) {
		_cleanup_xmlchar_ xmlChar *name =
			tree_get(tree_child(disk, "target"), "dev");

		if (name && !strcmp((const char *)name, dev))
			return true;
	}
	return false;
}

static int add_disk(xmlNode *devices, const struct node_disk *disk,
		    struct err *err)
{
	char dev[] = "vda";
	xmlNode *node, *driver, *target;

	while (dev[2] <= 'z' && target_taken(devices, dev))
		dev[2]++;
	if (dev[2] > 'z')
		return err_set(err, -EINVAL,
			       "a node cannot have more than %d disks",
			       DISKS_MAX);
	node = tree_insert(devices, "disk", domxml_devices_order);
	tree_attr(node, "type", "file");
	tree_attr(node, "device", "disk");
	driver = tree_add(node, NULL, "driver");
	tree_attr(driver, "name", "qemu");
	tree_attr(driver, "type", disk->qcow2 ? "qcow2" : "raw");
	tree_attr(tree_add(node, NULL, "source"), "file", disk->path);
	target = tree_add(node, NULL, "target");
	tree_attr(target, "dev", dev);
	tree_attr(target, "bus", "virtio");
	return 0;
}

static void set_network(xmlNode *devices, const struct node_spec *spec)
{
	xmlNode *node = tree_child(devices, "interface");
	bool user;

	/* Nodes of one template must not share a hardware address. */
	for (; node; node = tree_next(node, "interface"))
		tree_drop(node, "mac");
	if (!spec->network)
		return;
	tree_drop(devices, "interface");
	if (!strcmp(spec->network, "none"))
		return;
	user = !strcmp(spec->network, "user");
	node = tree_need(devices, "interface", domxml_devices_order);
	tree_attr(node, "type", user ? "user" : "network");
	if (!user)
		tree_attr(tree_add(node, NULL, "source"), "network",
			  spec->network);
	tree_attr(tree_add(node, NULL, "model"), "type", "virtio");
}

static int set_devices(xmlNode *domain, const struct node_spec *spec,
		       struct err *err)
{
	xmlNode *devices = tree_need(domain, "devices", domxml_order);
	size_t i;
	int ret = 0;

	tree_text(tree_need(devices, "emulator", domxml_devices_order),
		  spec->emulator->path);
	for (i = 0; i < spec->disk_count && ret == 0; i++)
		ret = add_disk(devices, &spec->disks[i], err);
	if (ret == 0)
		set_network(devices, spec);
	return ret;
}

static int check_texts(const struct node_spec *spec, struct err *err)
{
	const struct {
		const char *text, *what;
	} checks[] = {
		{spec->kernel, "the path of the kernel"},
		{spec->bundle, "the path of the bundle"},
		{spec->initrd, "the path of the initrd"},
		{spec->append, "the kernel command line"},
		{spec->network, "the name of the network"},
		{spec->emulator->path, "the path of the emulator"},
	};
	size_t i;
	int ret = fam_label_check(spec->name);

	if (ret < 0)
		return err_set(err, -EINVAL, "'%s' is not a node's name",
			       spec->name);
	for (i = 0; i < sizeof(checks) / sizeof(checks[0]) && ret == 0; i++) {
		if (checks[i].text)
			ret = tree_check_text(checks[i].text, checks[i].what,
					      err);
	}
	for (i = 0; i < spec->disk_count && ret == 0; i++)
		ret = tree_check_text(spec->disks[i].path, "the path of a disk",
				      err);
	for (i = 0; i < spec->fabric_count && ret == 0; i++)
		ret = tree_check_text(spec->fabrics[i].path,
				      "the path of a fabric", err);
	return ret;
}

/* The machine asked for, or the template's; its kind decides the PCI slots. */
static int choose_machine(const xmlNode *domain, const struct node_spec *spec,
			  xmlChar **out, struct err *err)
{
	const xmlNode *type = tree_child(tree_child(domain, "os"), "type");
	_cleanup_xmlchar_ xmlChar *arch = tree_get(type, "arch");

	if (arch && strcmp((const char *)arch, "x86_64") != 0)
		return err_set(err, -EINVAL,
			       "the template is for '%s', "
			       "fabrics need x86_64",
			       (const char *)arch);
	*out = spec->machine ? xmlStrdup((const xmlChar *)spec->machine)
			     : tree_get(type, "machine");
	if (!*out)
		*out = xmlStrdup((const xmlChar *)"q35");
	return qemu_args_machine((const char *)*out, err);
}

/*
 * "none" of a template may come from another node. Any other label there is
 * the user's, and says already what AppArmor is to do.
 */
static void set_seclabel(xmlNode *domain, const struct node_spec *spec)
{
	xmlNode *label = tree_child(domain, "seclabel"), *next;
	bool own = false;

	for (; label; label = next) {
		_cleanup_xmlchar_ xmlChar *type = tree_get(label, "type");
		_cleanup_xmlchar_ xmlChar *model = tree_get(label, "model");

		next = tree_next(label, "seclabel");
		if (!model || strcmp((const char *)model, "apparmor") != 0)
			continue;
		if (type && !strcmp((const char *)type, "none"))
			tree_remove(label);
		else
			own = true;
	}
	if (!spec->unconfined || own)
		return;
	label = tree_insert(domain, "seclabel", domxml_order);
	tree_attr(label, "type", "none");
	tree_attr(label, "model", "apparmor");
}

static int edit(xmlNode *domain, const struct node_spec *spec, struct err *err)
{
	_cleanup_xmlchar_ xmlChar *machine = NULL;
	int ret = choose_machine(domain, spec, &machine, err);

	if (ret < 0)
		return ret;
	domxml_drop_fabrics(domain);
	tree_attr(domain, "type", spec->kvm ? "kvm" : "qemu");
	/* These belong to one domain only, the one the template came from. */
	tree_attr(domain, "id", NULL);
	tree_drop(domain, "uuid");
	tree_text(tree_need(domain, "name", domxml_order), spec->name);
	set_memory(domain, spec);
	set_vcpus(domain, spec);
	set_os(domain, spec, (const char *)machine);
	set_cpu(domain, spec);
	ret = set_devices(domain, spec, err);
	if (ret < 0)
		return ret;
	set_seclabel(domain, spec);
	return domxml_set_fabrics(domain, spec, (const char *)machine, err);
}

int domxml_build_text(const struct node_spec *spec, const char *text,
		      size_t len, char **out, struct err *err)
{
	const char *name = spec->template ? spec->template : "node.xml";
	_cleanup_doc_ xmlDoc *doc = NULL;
	char what[PATH_MAX + 16];
	int ret = check_texts(spec, err);

	if (ret < 0)
		return ret;
	snprintf(what, sizeof(what), "template '%s'", name);
	ret = tree_parse(text, len, "domain", what, &doc, err);
	if (ret < 0)
		return ret;
	ret = edit(xmlDocGetRootElement(doc), spec, err);
	if (ret == 0)
		*out = tree_print(doc);
	return ret;
}

static int read_template(const char *template, char **text, size_t *len,
			 struct err *err)
{
	char path[PATH_MAX];
	int ret;

	if (!template) {
		ret = paths_data("node.xml", path, err);
		if (ret < 0)
			return ret;
		template = path;
	}
	ret = fdio_read_file(template, TEMPLATE_MAX, text, len);
	if (ret < 0)
		return err_sys(err, -ret, "template '%s'", template);
	return 0;
}

int domxml_build(const struct node_spec *spec, char **out, struct err *err)
{
	_cleanup_free_ char *text = NULL;
	size_t len;
	int ret = read_template(spec->template, &text, &len, err);

	if (ret < 0)
		return ret;
	return domxml_build_text(spec, text, len, out, err);
}

int domxml_template_boots(const char *template, struct err *err)
{
	_cleanup_doc_ xmlDoc *doc = NULL;
	_cleanup_free_ char *text = NULL;
	const xmlNode *domain, *os;
	char what[PATH_MAX + 16];
	size_t len;
	int ret = read_template(template, &text, &len, err);

	if (ret < 0)
		return ret;
	snprintf(what, sizeof(what), "template '%s'",
		 template ? template : "node.xml");
	ret = tree_parse(text, len, "domain", what, &doc, err);
	if (ret < 0)
		return ret;
	domain = xmlDocGetRootElement(doc);
	os = tree_child(domain, "os");
	return tree_child(os, "kernel") || tree_child(os, "boot") ||
	       tree_child(tree_child(domain, "devices"), "disk");
}
