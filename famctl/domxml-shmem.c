// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
/*
 * A fabric by transport doorbell: libvirt's own element. Only the window of
 * its root port is more than libvirt can say; <qemu:override> adds that.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "domxml-internal.h"
#include "domxml-tree.h"
#include "qemu-args.h"

#define MODEL	  "ivshmem-doorbell"
#define INDEX_MAX 255

static bool attr_is(const xmlNode *node, const char *name, const char *want)
{
	_cleanup_xmlchar_ xmlChar *value = tree_get(node, name);

	return value && !strcmp((const char *)value, want);
}

/* Decimal or hexadecimal, as libvirt writes it; -1 if it is no such number. */
static int number_of(const xmlNode *node, const char *name)
{
	_cleanup_xmlchar_ xmlChar *value = tree_get(node, name);
	char *end;
	long n;

	if (!value || !*value)
		return -1;
	n = strtol((const char *)value, &end, 0);
	return *end || n < 0 || n > INDEX_MAX ? -1 : (int)n;
}

static void set_address(xmlNode *node, unsigned int bus, unsigned int slot)
{
	xmlNode *address = tree_add(node, NULL, "address");
	char text[16];

	tree_attr(address, "type", "pci");
	tree_attr(address, "domain", "0x0000");
	snprintf(text, sizeof(text), "0x%02x", bus);
	tree_attr(address, "bus", text);
	snprintf(text, sizeof(text), "0x%02x", slot);
	tree_attr(address, "slot", text);
	tree_attr(address, "function", "0x0");
}

static xmlNode *find_controller(const xmlNode *devices, int index)
{
	xmlNode *node = tree_child(devices, "controller");

	for (; node; node = tree_next(node, "controller")) {
		if (attr_is(node, "type", "pci") &&
		    number_of(node, "index") == index)
			return node;
	}
	return NULL;
}

/* libvirt fills every gap below an index with a port nobody asked for. */
static int free_index(const xmlNode *devices)
{
	int index = 1;

	while (index <= INDEX_MAX && find_controller(devices, index))
		index++;
	return index;
}

static void reserve_window(xmlNode *domain, int index)
{
	xmlNs *ns = tree_ns(domain, DOMXML_QEMU_XMLNS, "qemu");
	xmlNode *node = tree_child_ns(domain, DOMXML_QEMU_XMLNS, "override");
	char text[24];

	if (!node)
		node = tree_add(domain, ns, "override");
	node = tree_add(node, ns, "device");
	snprintf(text, sizeof(text), "pci.%d", index);
	tree_attr(node, "alias", text);
	node = tree_add(tree_add(node, ns, "frontend"), ns, "property");
	tree_attr(node, "name", "pref64-reserve");
	tree_attr(node, "type", "unsigned");
	snprintf(text, sizeof(text), "%" PRIu64, QEMU_ARGS_WINDOW);
	tree_attr(node, "value", text);
}

/* Its bus number, or -EINVAL. */
static int add_port(xmlNode *domain, xmlNode *devices, unsigned int slot,
		    struct err *err)
{
	int index = free_index(devices);
	xmlNode *node;
	char text[16];

	if (index > INDEX_MAX)
		return err_set(err, -EINVAL,
			       "the template has no PCI bus number left");
	node = tree_insert(devices, "controller", domxml_devices_order);
	tree_attr(node, "type", "pci");
	snprintf(text, sizeof(text), "%d", index);
	tree_attr(node, "index", text);
	tree_attr(node, "model", "pcie-root-port");
	set_address(node, 0, slot);
	reserve_window(domain, index);
	return index;
}

static xmlNode *find_shmem(const xmlNode *devices, const char *name)
{
	xmlNode *node = tree_child(devices, "shmem");

	while (node && !attr_is(node, "name", name))
		node = tree_next(node, "shmem");
	return node;
}

static void fill(xmlNode *shmem, const char *name, const char *socket,
		 unsigned int vectors)
{
	xmlNode *msi;
	char text[16];

	tree_attr(shmem, "name", name);
	tree_attr(tree_add(shmem, NULL, "model"), "type", MODEL);
	tree_attr(tree_add(shmem, NULL, "server"), "path", socket);
	msi = tree_add(shmem, NULL, "msi");
	snprintf(text, sizeof(text), "%u", vectors ? vectors : 1);
	tree_attr(msi, "vectors", text);
	tree_attr(msi, "ioeventfd", "on");
}

int domxml_add_shmem(xmlNode *domain, const struct node_spec *spec,
		     const char *machine, size_t index, char device[16],
		     struct err *err)
{
	const struct fabric *fabric = &spec->fabrics[index];
	xmlNode *devices = tree_child(domain, "devices"), *shmem;
	char socket[SERVERS_PATH_MAX];
	struct qemu_place place;
	int bus = 0;
	int ret = qemu_args_check(spec, index, err);

	if (ret == 0)
		ret = qemu_args_socket(spec, fabric, socket, err);
	if (ret == 0)
		ret = tree_check_text(socket, "the path of a socket", err);
	if (ret < 0)
		return ret;
	if (find_shmem(devices, fabric->name))
		return err_set(err, -EINVAL,
			       "the node would have two shared memories "
			       "called '%s'",
			       fabric->name);
	qemu_args_place(spec, machine, index, &place);
	if (place.own_port)
		bus = add_port(domain, devices, place.slot, err);
	if (bus < 0)
		return bus;
	shmem = tree_insert(devices, "shmem", domxml_devices_order);
	fill(shmem, fabric->name, socket, spec->vectors);
	set_address(shmem, (unsigned int)bus, place.own_port ? 0 : place.slot);
	memcpy(device, place.device, sizeof(place.device));
	return 0;
}

static void drop_window(xmlNode *domain, int index)
{
	xmlNode *override =
		tree_child_ns(domain, DOMXML_QEMU_XMLNS, "override");
	xmlNode *node = tree_child_ns(override, DOMXML_QEMU_XMLNS, "device");
	char alias[16];

	snprintf(alias, sizeof(alias), "pci.%d", index);
	while (node && !attr_is(node, "alias", alias))
		node = tree_next_ns(node, DOMXML_QEMU_XMLNS, "device");
	if (node)
		tree_remove(node);
	if (override && !xmlFirstElementChild(override))
		tree_remove(override);
}

void domxml_drop_shmem(xmlNode *domain, const char *name)
{
	xmlNode *devices = tree_child(domain, "devices"), *port;
	xmlNode *shmem = find_shmem(devices, name);
	int bus;

	if (!shmem || !attr_is(tree_child(shmem, "model"), "type", MODEL))
		return;
	bus = number_of(tree_child(shmem, "address"), "bus");
	port = bus > 0 ? find_controller(devices, bus) : NULL;
	if (port)
		tree_remove(port);
	if (bus > 0)
		drop_window(domain, bus);
	tree_remove(shmem);
}
