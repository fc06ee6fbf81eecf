// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "qemu-args.h"
#include "util/cleanup.h"
#include "util/size.h"

/*
 * Slots from 0x10 on: libvirt numbers its own from 1 upwards, and q35 has its
 * built-in devices at 0x1f.
 */
#define FIRST_SLOT 0x10

/*
 * Chassis and slot numbers of our root ports must differ from libvirt's, which
 * count from 1.
 */
#define FIRST_CHASSIS 200

/*
 * SeaBIOS puts a BAR below 1 GiB into the hole under 4 GiB, which it marks
 * uncachable; behind a root port with a window this large it goes above.
 */
#define OWN_PORT_BELOW GiB

/* Where SeaBIOS begins to fail to place a BAR in the usual 40 bits. */
#define PHYS_40_BITS_ENOUGH (128 * GiB)
#define PHYS_BITS_MIN	    42
#define PHYS_BITS_MAX	    52

static int add(struct qemu_args *args, const char *option, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

static int add(struct qemu_args *args, const char *option, const char *fmt, ...)
{
	char *name = strdup(option), *value = NULL;
	va_list ap;
	int len;

	va_start(ap, fmt);
	len = vasprintf(&value, fmt, ap);
	va_end(ap);
	if (!name || len < 0) {
		free(name);
		return -ENOMEM;
	}
	args->arg[args->count++] = name;
	args->arg[args->count++] = value;
	return 0;
}

void qemu_args_free(struct qemu_args *args)
{
	while (args->count > 0)
		free(args->arg[--args->count]);
}

static bool is_q35(const char *machine)
{
	return !strcmp(machine, "q35") || !strncmp(machine, "pc-q35-", 7);
}

static bool is_pc(const char *machine)
{
	return !strcmp(machine, "pc") || !strncmp(machine, "pc-i440fx-", 10) ||
	       !strncmp(machine, "pc-0.", 5) || !strncmp(machine, "pc-1.", 5);
}

int qemu_args_machine(const char *machine, struct err *err)
{
	static const char chars[] = "abcdefghijklmnopqrstuvwxyz"
				    "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";

	if ((is_q35(machine) || is_pc(machine)) &&
	    !machine[strspn(machine, chars)])
		return 0;
	err_set(err, -EINVAL, "machine '%s' is neither a q35 nor a pc",
		machine);
	return err_hint(err, "use q35, pc, or a versioned name such as "
			     "pc-q35-7.2");
}

/* QEMU reads a doubled comma as one that belongs to the value. */
static char *double_commas(const char *text)
{
	char *out = malloc(2 * strlen(text) + 1), *p = out;

	for (; out && *text; text++) {
		*p++ = *text;
		if (*text == ',')
			*p++ = ',';
	}
	if (out)
		*p = '\0';
	return out;
}

/*
 * size= is the file's, exactly: QEMU up to 2.7 cuts a longer file down to it.
 * With readonly=on QEMU opens the file for reading only, and lets the node's
 * stores go nowhere.
 */
static int add_backend(struct qemu_args *args, const char *id,
		       const struct node_spec *spec, size_t index,
		       uint64_t size)
{
	_cleanup_free_ char *path = double_commas(spec->fabrics[index].path);

	if (!path)
		return -ENOMEM;
	return add(args, "-object",
		   "memory-backend-file,id=%s%zu,share=on%s,size=%" PRIu64
		   ",mem-path=%s",
		   id, index, spec->read_only[index] ? ",readonly=on" : "",
		   size, path);
}

void qemu_args_place(const struct node_spec *spec, const char *machine,
		     size_t index, struct qemu_place *out)
{
	out->slot = FIRST_SLOT + (unsigned int)index;
	out->own_port = is_q35(machine) && spec->emulator->has_pref64_reserve &&
			spec->fabrics[index].size < OWN_PORT_BELOW;
	snprintf(out->device, sizeof(out->device), "00:%02x.0%s", out->slot,
		 out->own_port ? "/00.0" : "");
}

/* "bus=B,addr=A" of the device; makes its root port where it wants one. */
static int place(const struct node_spec *spec, const char *machine,
		 size_t index, struct qemu_args *args, char bus[48])
{
	unsigned int chassis = FIRST_CHASSIS + (unsigned int)index;
	struct qemu_place where;

	qemu_args_place(spec, machine, index, &where);
	memcpy(args->device, where.device, sizeof(args->device));
	if (!where.own_port) {
		snprintf(bus, 48, "bus=%s,addr=0x%x",
			 is_q35(machine) ? "pcie.0" : "pci.0", where.slot);
		return 0;
	}
	snprintf(bus, 48, "bus=famrp%zu,addr=0x0", index);
	return add(args, "-device",
		   "pcie-root-port,id=famrp%zu,bus=pcie.0,addr=0x%x,"
		   "chassis=%u,slot=%u,pref64-reserve=%" PRIu64 "G",
		   index, where.slot, chassis, chassis, QEMU_ARGS_WINDOW / GiB);
}

/* Both dialects over a file: only the device differs. */
static int by_file(const struct node_spec *spec, const char *machine,
		   size_t index, struct qemu_args *out)
{
	const char *device = spec->transport == TRANSPORT_PLAIN
				     ? "ivshmem-plain,memdev"
				     : "ivshmem,x-memdev";
	char bus[48];
	int ret = add_backend(out, "famm", spec, index,
			      spec->fabrics[index].size);

	if (ret == 0)
		ret = place(spec, machine, index, out, bus);
	if (ret == 0)
		ret = add(out, "-device", "%s=famm%zu,id=fam%zu,%s", device,
			  index, index, bus);
	return ret;
}

/* Since 2.5 the old device speaks the newer dialect. */
int qemu_args_socket(const struct node_spec *spec, const struct fabric *fabric,
		     char out[SERVERS_PATH_MAX], struct err *err)
{
	const struct emulator *e = spec->emulator;
	bool old = e->major < 2 || (e->major == 2 && e->minor < 5);

	return servers_path(spec->run_dir ? spec->run_dir : SERVERS_DIR_SYSTEM,
			    fabric->name, old ? SERVERS_LEGACY : SERVERS_MODERN,
			    out, err);
}

/*
 * The memory comes from tm-server; the size must be told, in M or G. With
 * fewer vectors than the server's the device writes past its own table.
 */
static int by_server(const struct node_spec *spec, const char *machine,
		     size_t index, const char *socket, struct qemu_args *out)
{
	const struct fabric *fabric = &spec->fabrics[index];
	_cleanup_free_ char *path = double_commas(socket);
	bool giga = fabric->size % GiB == 0;
	char bus[48];
	int ret = path ? add(out, "-chardev", "socket,id=famc%zu,path=%s",
			     index, path)
		       : -ENOMEM;

	if (ret == 0)
		ret = place(spec, machine, index, out, bus);
	if (ret == 0)
		ret = add(out, "-device",
			  "ivshmem,chardev=famc%zu,id=fam%zu,size=%" PRIu64
			  "%c,vectors=%u,%s",
			  index, index, fabric->size / (giga ? GiB : MiB),
			  giga ? 'G' : 'M', spec->vectors ? spec->vectors : 1,
			  bus);
	return ret;
}

const char *qemu_args_transport(enum transport transport)
{
	switch (transport) {
	case TRANSPORT_PLAIN:
		return "plain";
	case TRANSPORT_XMEMDEV:
		return "x-memdev";
	case TRANSPORT_LEGACY:
		return "legacy";
	case TRANSPORT_DOORBELL:
		return "doorbell";
	case TRANSPORT_AUTO:
		break;
	}
	return "auto";
}

bool qemu_args_served(const char *transport)
{
	return !strcmp(transport, qemu_args_transport(TRANSPORT_LEGACY)) ||
	       !strcmp(transport, qemu_args_transport(TRANSPORT_DOORBELL));
}

bool qemu_args_opens(const char *transport, enum node_flush flush)
{
	return !qemu_args_served(transport) || flush == NODE_FLUSH_WINDOW;
}

static bool emulator_has(const struct emulator *e, enum transport transport)
{
	switch (transport) {
	case TRANSPORT_PLAIN:
		return e->has_plain;
	case TRANSPORT_XMEMDEV:
		return e->major == 2 && e->minor == 5;
	case TRANSPORT_LEGACY:
		return e->has_legacy;
	case TRANSPORT_DOORBELL:
		return e->has_doorbell;
	case TRANSPORT_AUTO:
		break;
	}
	return false;
}

/* What else opens or gives out the fabric would do so for writing, too. */
static int check_read_only(const struct node_spec *spec,
			   const struct fabric *fabric, struct err *err)
{
	const char *transport = qemu_args_transport(spec->transport);

	if (spec->transport != TRANSPORT_PLAIN) {
		err_set(err, -EINVAL,
			"by transport '%s' fabric '%s' cannot be attached read-"
			"only: QEMU would map it for writing",
			transport, fabric->name);
		return err_hint(err, "use --transport plain and QEMU 6.0 or "
				     "newer, or leave ':ro' away");
	}
	if (spec->flush != NODE_FLUSH_WINDOW)
		return 0;
	err_set(err, -EINVAL,
		"the flush window of fabric '%s' would let the node change it: "
		"it cannot be attached read-only",
		fabric->name);
	return err_hint(err, "leave --flush window or ':ro' away");
}

int qemu_args_check(const struct node_spec *spec, size_t index, struct err *err)
{
	const struct fabric *fabric = &spec->fabrics[index];
	const struct emulator *e = spec->emulator;

	if (!emulator_has(e, spec->transport)) {
		err_set(err, -EINVAL,
			"QEMU %d.%d cannot attach a fabric by transport '%s'",
			e->major, e->minor,
			qemu_args_transport(spec->transport));
		return err_hint(err, "use --transport auto");
	}
	/* QEMU aborts on any other size, and hides a smaller one from libvirt.
	 */
	if (!size_is_power_of_two(fabric->size) || fabric->size < MiB)
		return err_set(err, -EINVAL,
			       "the %" PRIu64 " bytes of fabric '%s' are not a "
			       "power of two of at least 1 MiB",
			       fabric->size, fabric->name);
	return spec->read_only[index] ? check_read_only(spec, fabric, err) : 0;
}

int qemu_args_fabric(const struct node_spec *spec, const char *machine,
		     size_t index, struct qemu_args *out, struct err *err)
{
	const struct fabric *fabric = &spec->fabrics[index];
	char socket[SERVERS_PATH_MAX] = "";
	int ret;

	*out = (struct qemu_args){0};
	ret = qemu_args_check(spec, index, err);
	if (ret == 0 && spec->transport == TRANSPORT_LEGACY)
		ret = qemu_args_socket(spec, fabric, socket, err);
	if (ret < 0)
		return ret;
	ret = spec->transport == TRANSPORT_LEGACY
		      ? by_server(spec, machine, index, socket, out)
		      : by_file(spec, machine, index, out);
	return ret < 0 ? err_sys(err, -ret, "fabric '%s'", fabric->name) : 0;
}

/* Until 5.2 the root bus of a q35 takes no such device. */
static bool window_fits(const struct emulator *e, const char *machine)
{
	return !is_q35(machine) || e->major > 5 ||
	       (e->major == 5 && e->minor >= 2);
}

int qemu_args_check_windows(const struct node_spec *spec, const char *machine,
			    struct err *err)
{
	const struct emulator *e = spec->emulator;

	if (!e->has_virtio_pmem) {
		err_set(err, -EINVAL,
			"QEMU %d.%d has no virtio-pmem device for a flush "
			"window",
			e->major, e->minor);
		return err_hint(err, "use QEMU 4.1 or newer, or --flush "
				     "mailbox");
	}
	if (!window_fits(e, machine)) {
		err_set(err, -EINVAL,
			"QEMU %d.%d cannot give a q35 machine a flush window",
			e->major, e->minor);
		return err_hint(err, "use --machine pc, or QEMU 5.2 or newer");
	}
	for (size_t i = 0; i < spec->fabric_count; i++) {
		if (spec->fabrics[i].formatted)
			continue;
		err_set(err, -EINVAL,
			"fabric '%s' is raw: nothing in it would tell the node "
			"which device is its flush window",
			spec->fabrics[i].name);
		return err_hint(err, "use --flush none, and 'famctl "
				     "sync-fabric' on the host");
	}
	return 0;
}

int qemu_args_window(const struct node_spec *spec, const char *machine,
		     size_t index, struct qemu_args *out, struct err *err)
{
	const struct fabric *fabric = &spec->fabrics[index];
	bool first_of_many = index == 0 && spec->fabric_count > 1;
	int ret;

	*out = (struct qemu_args){0};
	ret = add_backend(out, "fammw", spec, index, QEMU_ARGS_WINDOW_BYTES);
	if (ret == 0)
		ret = add(out, "-device",
			  "virtio-pmem-pci,memdev=fammw%zu,id=famw%zu,bus=%s,"
			  "addr=0x%x.0x%zx%s",
			  index, index, is_q35(machine) ? "pcie.0" : "pci.0",
			  QEMU_ARGS_WINDOW_SLOT, index,
			  first_of_many ? ",multifunction=on" : "");
	return ret < 0 ? err_sys(err, -ret, "fabric '%s'", fabric->name) : 0;
}

unsigned int qemu_args_phys_bits(const struct node_spec *spec)
{
	unsigned int bits = 0;
	uint64_t sum = 0;
	size_t i;

	/* At most 8 of 16 TiB: no overflow. */
	for (i = 0; i < spec->fabric_count; i++)
		sum += spec->fabrics[i].size < QEMU_ARGS_WINDOW
			       ? QEMU_ARGS_WINDOW
			       : spec->fabrics[i].size;
	if (sum <= PHYS_40_BITS_ENOUGH)
		return 0;
	while (UINT64_C(1) << bits < sum)
		bits++;
	/* Firmware offers about an eighth of the space to BARs: 16 times. */
	bits += 4;
	if (bits < PHYS_BITS_MIN)
		return PHYS_BITS_MIN;
	return bits > PHYS_BITS_MAX ? PHYS_BITS_MAX : bits;
}
