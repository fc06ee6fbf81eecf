// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
/*
 * Options of a node and the domain XML they must give: tests/data/NAME.xml.
 * FAM_UPDATE_DATA=1 writes these files anew; read the difference before use.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "domxml.h"
#include "util/cleanup.h"
#include "util/fdio.h"
#include "util/size.h"

#define TEMPLATE "libvirt-templates/node.xml"
#define QEMU	 "/usr/bin/qemu-system-x86_64"

struct golden {
	const char *name, *version, *machine;
	uint64_t size[NODE_FABRICS_MAX + 1]; /* 0 ends them */
	const char *fabric_dir, *append, *network, *bundle;
	bool kvm, disks, unconfined;
	unsigned int vcpus;
	enum transport transport;
	unsigned int vectors;
	enum node_flush flush;
	bool raw_windows;
	size_t read_only; /* bit i: fabric i is */
};

static const struct golden goldens[] = {
	{.name = "node-2.4-pc-64m",
	 .version = "2.4",
	 .machine = "pc",
	 .size = {64 * MiB}},
	{.name = "node-2.4-q35-1t",
	 .version = "2.4.1",
	 .machine = "q35",
	 .size = {TiB}},
	{.name = "node-2.5-pc-64m",
	 .version = "2.5",
	 .machine = "pc",
	 .size = {64 * MiB}},
	{.name = "node-2.5-q35-16g",
	 .version = "2.5.0",
	 .machine = "q35",
	 .size = {16 * GiB}},
	{.name = "node-2.6-q35-64m",
	 .version = "2.6",
	 .machine = "q35",
	 .size = {64 * MiB}},
	{.name = "node-2.6-legacy",
	 .version = "2.6",
	 .machine = "q35",
	 .size = {64 * MiB, 2 * GiB},
	 .transport = TRANSPORT_LEGACY},
	{.name = "node-2.12-q35-64m",
	 .version = "2.12",
	 .machine = "q35",
	 .size = {64 * MiB}},
	{.name = "node-7.2-q35-64m",
	 .version = "7.2",
	 .machine = "q35",
	 .size = {64 * MiB}},
	{.name = "node-7.2-q35-1g",
	 .version = "7.2",
	 .machine = "q35",
	 .size = {GiB}},
	{.name = "node-7.2-q35-16g",
	 .version = "7.2.22",
	 .machine = "pc-q35-7.2",
	 .size = {16 * GiB}},
	{.name = "node-7.2-q35-1t",
	 .version = "7.2",
	 .machine = "q35",
	 .size = {TiB}},
	{.name = "node-7.2-pc-64m",
	 .version = "7.2",
	 .machine = "pc",
	 .size = {64 * MiB}},
	{.name = "node-7.2-pc-1t",
	 .version = "7.2",
	 .machine = "pc-i440fx-7.2",
	 .size = {TiB}},
	{.name = "node-7.2-kvm-1t",
	 .version = "7.2",
	 .machine = "q35",
	 .size = {TiB},
	 .kvm = true,
	 .vcpus = 1},
	{.name = "node-10.0-q35-several",
	 .version = "10.0",
	 .machine = "q35",
	 .size = {64 * MiB, GiB, 16 * GiB, TiB},
	 .vcpus = 4},
	{.name = "node-10.0-q35-eight",
	 .version = "10.0",
	 .machine = "q35",
	 .size = {16 * MiB, 64 * MiB, 256 * MiB, 512 * MiB, GiB, 2 * GiB,
		  4 * GiB, 8 * GiB}},
	{.name = "node-7.2-odd-path",
	 .version = "7.2",
	 .machine = "q35",
	 .size = {64 * MiB},
	 .fabric_dir = "/srv/a,b 'c' \"d\" & <e>/\xc3\xa9"},
	{.name = "node-7.2-odd-append",
	 .version = "7.2",
	 .machine = "q35",
	 .size = {64 * MiB},
	 .append = "quiet a=\"b c\" d='e' f&amp;g&h <i> ]]> \xc3\xbc"},
	{.name = "node-2.4-legacy-vectors",
	 .version = "2.4",
	 .machine = "pc",
	 .size = {64 * MiB},
	 .transport = TRANSPORT_LEGACY,
	 .vectors = 8},
	{.name = "node-7.2-doorbell-64m",
	 .version = "7.2",
	 .machine = "q35",
	 .size = {64 * MiB},
	 .transport = TRANSPORT_DOORBELL,
	 .vectors = 4},
	{.name = "node-7.2-doorbell-pc-16g",
	 .version = "7.2",
	 .machine = "pc",
	 .size = {16 * GiB},
	 .transport = TRANSPORT_DOORBELL},
	{.name = "node-10.0-doorbell-several",
	 .version = "10.0",
	 .machine = "q35",
	 .size = {64 * MiB, GiB, 512 * MiB, TiB},
	 .disks = true,
	 .network = "fam",
	 .transport = TRANSPORT_DOORBELL,
	 .vectors = 256},
	{.name = "node-7.2-bundle",
	 .version = "7.2",
	 .machine = "q35",
	 .size = {64 * MiB},
	 .bundle = "/srv"},
	{.name = "node-7.2-disks-network",
	 .version = "7.2",
	 .machine = "q35",
	 .size = {64 * MiB},
	 .disks = true,
	 .network = "fam"},
	{.name = "node-7.2-network-user",
	 .version = "7.2",
	 .machine = "pc",
	 .size = {64 * MiB},
	 .network = "user"},
	{.name = "node-7.2-unconfined",
	 .version = "7.2",
	 .machine = "q35",
	 .size = {64 * MiB},
	 .unconfined = true},
	{.name = "node-7.2-window",
	 .version = "7.2",
	 .machine = "q35",
	 .size = {64 * MiB},
	 .flush = NODE_FLUSH_WINDOW,
	 .raw_windows = true},
	{.name = "node-4.1-window-pc-several",
	 .version = "4.1",
	 .machine = "pc",
	 .size = {16 * MiB, GiB, TiB},
	 .vcpus = 4,
	 .kvm = true,
	 .flush = NODE_FLUSH_WINDOW,
	 .raw_windows = true},
	{.name = "node-7.2-window-doorbell",
	 .version = "7.2",
	 .machine = "q35",
	 .size = {64 * MiB, GiB},
	 .transport = TRANSPORT_DOORBELL,
	 .flush = NODE_FLUSH_WINDOW,
	 .raw_windows = true},
	{.name = "node-8.2-window-native",
	 .version = "8.2",
	 .machine = "q35",
	 .size = {64 * MiB},
	 .fabric_dir = "/srv/a,b & <c>",
	 .flush = NODE_FLUSH_WINDOW},
	{.name = "node-10.0-window-native-several",
	 .version = "10.0",
	 .machine = "pc",
	 .size = {64 * MiB, GiB, 16 * GiB},
	 .kvm = true,
	 .vcpus = 1,
	 .transport = TRANSPORT_DOORBELL,
	 .flush = NODE_FLUSH_WINDOW},
	{.name = "node-7.2-flush-none",
	 .version = "7.2",
	 .machine = "q35",
	 .size = {64 * MiB},
	 .flush = NODE_FLUSH_NONE},
	{.name = "node-6.0-read-only-pc",
	 .version = "6.0",
	 .machine = "pc",
	 .size = {64 * MiB},
	 .fabric_dir = "/srv/a,b & <c>",
	 .read_only = 1},
	{.name = "node-10.0-read-only-several",
	 .version = "10.0",
	 .machine = "q35",
	 .size = {64 * MiB, GiB, 16 * GiB},
	 .flush = NODE_FLUSH_NONE,
	 .read_only = 1 << 1 | 1 << 2},
};
#define GOLDEN_COUNT (sizeof(goldens) / sizeof(goldens[0]))

static const struct node_disk disks[] = {{"/srv/os.qcow2", true},
					 {"/srv/data & more.img", false}};

/* One set at a time; the spec points into it. */
static struct fabric fabrics[NODE_FABRICS_MAX];
static struct emulator emulator;

static void make_fabric(struct fabric *f, const struct golden *g, size_t i)
{
	const char *dir = g->fabric_dir ? g->fabric_dir : FABRIC_DIR_SYSTEM;

	memset(f, 0, sizeof(*f));
	snprintf(f->name, sizeof(f->name), "fabric%zu", i);
	snprintf(f->path, sizeof(f->path), "%s/fabric%zu.fam", dir, i);
	f->size = g->size[i];
	/* Of several the second is raw: it has no UUID, nor may it have a
	 * window. */
	f->formatted = i != 1 || g->flush == NODE_FLUSH_WINDOW;
	f->sb.size = f->size;
	for (size_t b = 0; f->formatted && b < FAM_UUID_BYTES; b++)
		f->sb.uuid[b] = (uint8_t)(0x10 * (i + 1) + b);
}

static struct node_spec make_spec(const struct golden *g)
{
	struct node_spec spec = {.name = "node01",
				 .template = TEMPLATE,
				 .machine = g->machine,
				 .kvm = g->kvm,
				 .memory = 512 * MiB,
				 .vcpus = g->vcpus ? g->vcpus : 1,
				 .network = g->network,
				 .bundle = g->bundle,
				 .unconfined = g->unconfined,
				 .emulator = &emulator,
				 .vectors = g->vectors,
				 .flush = g->flush,
				 .raw_windows = g->raw_windows,
				 .fabrics = fabrics};
	struct err err;

	assert_int_equal(emulator_probe(QEMU, g->version, &emulator, &err), 0);
	spec.transport =
		g->transport ? g->transport : emulator_transport(&emulator);
	for (; g->size[spec.fabric_count]; spec.fabric_count++) {
		make_fabric(&fabrics[spec.fabric_count], g, spec.fabric_count);
		spec.read_only[spec.fabric_count] =
			g->read_only >> spec.fabric_count & 1;
	}
	if (g->disks) {
		spec.disks = disks;
		spec.disk_count = 2;
	} else {
		spec.kernel = "/srv/vmlinuz";
		spec.initrd = "/srv/initrd.img";
		spec.append = g->append ? g->append : "console=ttyS0";
	}
	return spec;
}

static char *build(const struct golden *g)
{
	struct node_spec spec = make_spec(g);
	struct err err = {0};
	char *xml = NULL;

	if (domxml_build(&spec, &xml, &err) < 0)
		fail_msg("%s: %s", g->name, err.text);
	return xml;
}

static void update(const char *path, const char *xml)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	assert_true(fputs(xml, f) >= 0);
	assert_int_equal(fclose(f), 0);
}

static void gives_the_stored_xml(void **state)
{
	(void)state;
	for (size_t i = 0; i < GOLDEN_COUNT; i++) {
		_cleanup_free_ char *xml = build(&goldens[i]), *want = NULL;
		char path[256];
		size_t len;

		snprintf(path, sizeof(path), "%s/%s.xml", TESTS_DATA,
			 goldens[i].name);
		if (getenv("FAM_UPDATE_DATA"))
			update(path, xml);
		if (fdio_read_file(path, MiB, &want, &len) < 0)
			fail_msg("%s cannot be read", path);
		assert_string_equal(xml, want);
	}
}

/* A node's own XML as its template: nothing is doubled, nothing is lost. */
static void is_its_own_template(void **state)
{
	(void)state;
	for (size_t i = 0; i < GOLDEN_COUNT; i++) {
		_cleanup_free_ char *xml = build(&goldens[i]), *again = NULL;
		struct node_spec spec = make_spec(&goldens[i]);
		struct err err;

		spec.disk_count = 0; /* these are added to the template's */
		assert_int_equal(domxml_build_text(&spec, xml, strlen(xml),
						   &again, &err),
				 0);
		assert_string_equal(again, xml);
	}
}

/* Nothing of its windows is left in a node that has none. */
static void windows_can_be_taken_out(void **state)
{
	(void)state;
	for (size_t i = 0; i < GOLDEN_COUNT; i++) {
		_cleanup_free_ char *with = NULL, *without = NULL, *want = NULL;
		struct node_spec spec = make_spec(&goldens[i]);
		struct err err;

		if (spec.flush != NODE_FLUSH_WINDOW)
			continue;
		assert_int_equal(domxml_build(&spec, &with, &err), 0);
		spec.flush = NODE_FLUSH_MAILBOX;
		assert_int_equal(domxml_build(&spec, &want, &err), 0);
		assert_int_equal(domxml_build_text(&spec, with, strlen(with),
						   &without, &err),
				 0);
		assert_string_equal(without, want);
	}
}

/* Nor of what it could not change in one that can. */
static void access_can_be_widened(void **state)
{
	(void)state;
	for (size_t i = 0; i < GOLDEN_COUNT; i++) {
		_cleanup_free_ char *with = NULL, *without = NULL, *want = NULL;
		struct node_spec spec = make_spec(&goldens[i]);
		struct err err;

		if (!goldens[i].read_only)
			continue;
		assert_int_equal(domxml_build(&spec, &with, &err), 0);
		memset(spec.read_only, 0, sizeof(spec.read_only));
		assert_int_equal(domxml_build(&spec, &want, &err), 0);
		assert_int_equal(domxml_build_text(&spec, with, strlen(with),
						   &without, &err),
				 0);
		assert_string_equal(without, want);
		assert_null(strstr(want, "readonly"));
		assert_null(strstr(want, "access="));
	}
}

/* Those of a transport without a server are none. */
static unsigned int vectors_of(const struct golden *g)
{
	bool served = g->transport == TRANSPORT_DOORBELL ||
		      g->transport == TRANSPORT_LEGACY ||
		      !strncmp(g->version, "2.4", 3);

	if (!served)
		return 0;
	return g->vectors ? g->vectors : 1;
}

static void metadata_come_back(void **state)
{
	(void)state;
	for (size_t i = 0; i < GOLDEN_COUNT; i++) {
		_cleanup_free_ char *xml = build(&goldens[i]);
		struct node_meta meta;
		struct err err;

		assert_int_equal(domxml_meta(xml, &meta, &err), 1);
		assert_string_equal(meta.bundle,
				    goldens[i].bundle ? goldens[i].bundle : "");
		assert_int_equal(meta.seclabel, goldens[i].unconfined);
		assert_int_equal(meta.flush, goldens[i].flush);
		assert_int_equal(meta.raw_windows, goldens[i].raw_windows);
		for (size_t f = 0; f < meta.count; f++) {
			assert_string_equal(meta.fabric[f].name,
					    fabrics[f].name);
			assert_string_equal(meta.fabric[f].path,
					    fabrics[f].path);
			assert_int_equal(meta.fabric[f].size,
					 goldens[i].size[f]);
			assert_int_equal(meta.fabric[f].uuid[0] != 0,
					 fabrics[f].formatted);
			assert_int_equal(meta.fabric[f].vectors,
					 vectors_of(&goldens[i]));
			assert_int_equal(meta.fabric[f].read_only,
					 goldens[i].read_only >> f & 1);
		}
		assert_int_equal(goldens[i].size[meta.count], 0);
	}
}

/* Options that lose data, whatever the version and the size. */
static void emits_no_dangerous_option(void **state)
{
	static const char *const never[] = {
		"discard-data", "master", "pmem=", "share=off", "T,", "size=0"};

	(void)state;
	for (size_t i = 0; i < GOLDEN_COUNT; i++) {
		_cleanup_free_ char *xml = build(&goldens[i]);
		const char *args = strstr(xml, "<devices>");

		assert_non_null(args);
		for (size_t n = 0; n < sizeof(never) / sizeof(never[0]); n++)
			assert_null(strstr(args, never[n]));
		/* Nor what loses stores, if it was not asked for. */
		assert_int_equal(strstr(args, "readonly") != NULL,
				 goldens[i].read_only != 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(gives_the_stored_xml),
		cmocka_unit_test(is_its_own_template),
		cmocka_unit_test(windows_can_be_taken_out),
		cmocka_unit_test(access_can_be_widened),
		cmocka_unit_test(metadata_come_back),
		cmocka_unit_test(emits_no_dangerous_option),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
