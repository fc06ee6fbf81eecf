// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
/*
 * Flush windows: a virtio-pmem device over the head of each fabric's file. The
 * machine needs room for such devices behind its memory, and libvirt gives it
 * any only if the memory is described as NUMA cells.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "domxml-internal.h"
#include "domxml-tree.h"
#include "qemu-args.h"
#include "util/size.h"

#define MODEL	   "virtio-pmem"
#define WINDOW_KIB (QEMU_ARGS_WINDOW_BYTES / KiB)

/* --- amounts of memory, in KiB ---------------------------------------------- */

/* libvirt's units; 0: there is no such unit. */
static uint64_t unit_bytes(const char *unit)
{
	static const struct {
		const char *name;
		uint64_t bytes;
	} units[] = {
		{"KiB", KiB},	    {"k", KiB},
		{"MiB", MiB},	    {"M", MiB},
		{"GiB", GiB},	    {"G", GiB},
		{"TiB", TiB},	    {"T", TiB},
		{"bytes", 1},	    {"b", 1},
		{"KB", 1000},	    {"MB", 1000000},
		{"GB", 1000000000}, {"TB", 1000000000000},
	};

	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		if (!strcmp(unit, units[i].name))
			return units[i].bytes;
	}
	return 0;
}

/* 0: it is none that this program understands. */
static uint64_t to_kib(const xmlChar *number, const xmlChar *unit)
{
	uint64_t bytes = unit_bytes(unit ? (const char *)unit : "KiB"), n;
	const char *text = number ? (const char *)number : "";
	char *end;

	text += strspn(text, " \t\n");
	if (!bytes || *text < '0' || *text > '9')
		return 0;
	errno = 0;
	n = strtoull(text, &end, 10);
	end += strspn(end, " \t\n");
	if (errno || *end || n > UINT64_MAX / bytes)
		return 0;
	return n * bytes / KiB;
}

static uint64_t get_kib(const xmlNode *node)
{
	_cleanup_xmlchar_ xmlChar *unit = tree_get(node, "unit");
	_cleanup_xmlchar_ xmlChar *text = node ? xmlNodeGetContent(node) : NULL;

	return to_kib(text, unit);
}

static void set_kib(xmlNode *node, uint64_t kib)
{
	char text[24];

	tree_attr(node, "unit", "KiB");
	snprintf(text, sizeof(text), "%" PRIu64, kib);
	tree_text(node, text);
}

static uint64_t cell_kib(const xmlNode *cell)
{
	_cleanup_xmlchar_ xmlChar *unit = tree_get(cell, "unit");
	_cleanup_xmlchar_ xmlChar *memory = tree_get(cell, "memory");

	return to_kib(memory, unit);
}

static uint64_t numa_kib(const xmlNode *numa)
{
	const xmlNode *cell = tree_child(numa, "cell");
	uint64_t sum = 0;

	for (; cell; cell = tree_next(cell, "cell"))
		sum += cell_kib(cell);
	return sum;
}

static void set_attr(xmlNode *node, const char *name, uint64_t n)
{
	char text[24];

	snprintf(text, sizeof(text), "%" PRIu64, n);
	tree_attr(node, name, text);
}

static unsigned long get_attr(const xmlNode *node, const char *name)
{
	_cleanup_xmlchar_ xmlChar *text = tree_get(node, name);
	unsigned long n = text ? strtoul((const char *)text, NULL, 10) : 0;

	return n < 1000 ? n : 0;
}

/* --- room for windows -------------------------------------------------------- */

/* All memory and all processors as one cell, where there is none. */
static void need_numa(xmlNode *domain, uint64_t kib)
{
	xmlNode *cpu = tree_need(domain, "cpu", domxml_order);
	_cleanup_xmlchar_ xmlChar *vcpus = NULL;
	unsigned long count;
	xmlNode *cell;
	char text[32];

	if (tree_child(tree_child(cpu, "numa"), "cell"))
		return;
	vcpus = xmlNodeGetContent(tree_child(domain, "vcpu"));
	count = vcpus ? strtoul((const char *)vcpus, NULL, 10) : 1;
	cell = tree_add(tree_add(cpu, NULL, "numa"), NULL, "cell");
	tree_attr(cell, "id", "0");
	snprintf(text, sizeof(text), count > 1 ? "0-%lu" : "0", count - 1);
	tree_attr(cell, "cpus", text);
	set_attr(cell, "memory", kib);
	tree_attr(cell, "unit", "KiB");
}

static int make_room(xmlNode *domain, size_t windows, struct err *err)
{
	uint64_t kib = numa_kib(tree_child(tree_child(domain, "cpu"), "numa"));
	xmlNode *room = tree_child(domain, "maxMemory");
	uint64_t most = get_kib(room);

	if (!kib)
		kib = get_kib(tree_child(domain, "memory"));
	if (!kib)
		return err_set(err, -EINVAL,
			       "the template does not say how much memory the "
			       "node has, and a flush window lies behind it");
	need_numa(domain, kib);
	if (!room)
		room = tree_need(domain, "maxMemory", domxml_order);
	set_attr(room, "slots", get_attr(room, "slots") + windows);
	set_kib(room, (most > kib ? most : kib) + windows * WINDOW_KIB);
	return 0;
}

/* What libvirt calls the memory includes its devices; a cell does not. */
static void drop_numa(xmlNode *domain)
{
	xmlNode *cpu = tree_child(domain, "cpu");
	xmlNode *numa = tree_child(cpu, "numa");
	const xmlNode *cell = tree_child(numa, "cell");

	set_kib(tree_need(domain, "memory", domxml_order), numa_kib(numa));
	tree_drop(domain, "currentMemory");
	if (cell && !tree_next(cell, "cell"))
		tree_remove(numa);
}

static void drop_room(xmlNode *domain, size_t windows)
{
	const xmlNode *numa = tree_child(tree_child(domain, "cpu"), "numa");
	xmlNode *room = tree_child(domain, "maxMemory");
	uint64_t most = get_kib(room), kib = numa_kib(numa);
	unsigned long slots = get_attr(room, "slots");

	/* Else somebody has changed it, and knows why. */
	if (!room || !kib || slots < windows)
		return;
	if (slots > windows && most > kib + windows * WINDOW_KIB) {
		set_attr(room, "slots", slots - windows);
		set_kib(room, most - windows * WINDOW_KIB);
		return;
	}
	tree_remove(room);
	drop_numa(domain);
}

/* --- the windows ------------------------------------------------------------- */

static void add_element(xmlNode *domain, const struct node_spec *spec,
			size_t index)
{
	xmlNode *devices = tree_child(domain, "devices");
	xmlNode *memory = tree_insert(devices, "memory", domxml_devices_order);
	xmlNode *node;
	char text[16];

	tree_attr(memory, "model", MODEL);
	tree_attr(memory, "access", "shared");
	node = tree_add(tree_add(memory, NULL, "source"), NULL, "path");
	tree_text(node, spec->fabrics[index].path);
	node = tree_add(tree_add(memory, NULL, "target"), NULL, "size");
	set_kib(node, WINDOW_KIB);
	node = tree_add(memory, NULL, "address");
	tree_attr(node, "type", "pci");
	tree_attr(node, "domain", "0x0000");
	tree_attr(node, "bus", "0x00");
	snprintf(text, sizeof(text), "0x%02x", QEMU_ARGS_WINDOW_SLOT);
	tree_attr(node, "slot", text);
	snprintf(text, sizeof(text), "0x%x", (unsigned int)index);
	tree_attr(node, "function", text);
	if (index == 0 && spec->fabric_count > 1)
		tree_attr(node, "multifunction", "on");
}

static int add_raw(xmlNode *domain, const struct node_spec *spec,
		   const char *machine, size_t index, struct err *err)
{
	struct qemu_args args;
	int ret = qemu_args_window(spec, machine, index, &args, err);

	if (ret == 0)
		domxml_add_arguments(domain, &args);
	qemu_args_free(&args);
	return ret;
}

int domxml_add_windows(xmlNode *domain, const struct node_spec *spec,
		       const char *machine, struct err *err)
{
	int ret = qemu_args_check_windows(spec, machine, err);

	if (ret == 0)
		ret = make_room(domain, spec->fabric_count, err);
	for (size_t i = 0; i < spec->fabric_count && ret == 0; i++) {
		if (spec->raw_windows)
			ret = add_raw(domain, spec, machine, i, err);
		else
			add_element(domain, spec, i);
	}
	return ret;
}

/* The element over the file @path, or NULL. */
static xmlNode *find_element(const xmlNode *devices, const xmlChar *path)
{
	xmlNode *node = tree_child(devices, "memory");

	for (; node; node = tree_next(node, "memory")) {
		const xmlNode *source =
			tree_child(tree_child(node, "source"), "path");
		_cleanup_xmlchar_ xmlChar *model = tree_get(node, "model");
		_cleanup_xmlchar_ xmlChar *text =
			source ? xmlNodeGetContent(source) : NULL;

		if (model && text && xmlStrEqual(text, path) &&
		    !strcmp((const char *)model, MODEL))
			return node;
	}
	return NULL;
}

void domxml_drop_windows(xmlNode *domain, const xmlNode *meta)
{
	_cleanup_xmlchar_ xmlChar *flush = tree_get(meta, "flush");
	const xmlNode *entry = tree_child_ns(meta, NODE_XMLNS, "fabric");
	size_t count = 0;

	if (!flush ||
	    strcmp((const char *)flush, domxml_flush(NODE_FLUSH_WINDOW)) != 0)
		return;
	for (; entry; entry = tree_next_ns(entry, NODE_XMLNS, "fabric")) {
		_cleanup_xmlchar_ xmlChar *path = tree_get(entry, "path");
		xmlNode *element =
			path ? find_element(tree_child(domain, "devices"), path)
			     : NULL;

		if (element)
			tree_remove(element);
		count++;
	}
	drop_room(domain, count);
}
