// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
/* Templates, metadata and capabilities as others wrote them. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "domxml.h"
#include "qemu-args.h"
#include "util/cleanup.h"
#include "util/size.h"

static struct emulator emulator = {.path = "/usr/bin/qemu",
				   .major = 7,
				   .minor = 2,
				   .has_plain = true,
				   .has_pref64_reserve = true,
				   .has_doorbell = true};
static struct fabric fabric = {
	.name = "fabric0", .path = "/srv/fabric0.fam", .size = 64 * MiB};

static struct node_spec base_spec(void)
{
	return (struct node_spec){.name = "node01",
				  .emulator = &emulator,
				  .transport = TRANSPORT_PLAIN,
				  .fabrics = &fabric,
				  .fabric_count = 1};
}

static char *build_spec(const struct node_spec *spec, const char *template)
{
	struct err err = {0};
	char *xml = NULL;

	if (domxml_build_text(spec, template, strlen(template), &xml, &err) < 0)
		fail_msg("%s", err.text);
	return xml;
}

static char *build(const char *template)
{
	struct node_spec spec = base_spec();

	return build_spec(&spec, template);
}

static void contains(const char *xml, const char *part)
{
	if (!strstr(xml, part))
		fail_msg("'%s' is not in:\n%s", part, xml);
}

static void lacks(const char *xml, const char *part)
{
	if (strstr(xml, part))
		fail_msg("'%s' is in:\n%s", part, xml);
}

static void keeps_what_is_not_asked_for(void **state)
{
	_cleanup_free_ char *xml = build(
		"<domain type='kvm'><name>x</name><memory unit='GiB'>2</memory>"
		"<currentMemory unit='GiB'>1</currentMemory>"
		"<vcpu placement='auto' cpuset='1-3'>3</vcpu>"
		"<metadata><a:b xmlns:a='urn:a'>text</a:b></metadata>"
		"<os><type arch='x86_64' machine='pc'>hvm</type>"
		"<kernel>/k</kernel><cmdline>c</cmdline></os>"
		"<cpu mode='host-model'/>"
		"<devices><interface type='bridge'><source bridge='br0'/>"
		"</interface></devices></domain>");

	(void)state;
	contains(xml, "<domain xmlns:qemu=");
	contains(xml, "type=\"qemu\"");
	contains(xml, "<memory unit=\"GiB\">2</memory>");
	contains(xml, "<currentMemory unit=\"GiB\">1</currentMemory>");
	contains(xml, "<vcpu placement=\"auto\" cpuset=\"1-3\">3</vcpu>");
	contains(xml, "<a:b xmlns:a=\"urn:a\">text</a:b>");
	contains(xml, "machine=\"pc\"");
	contains(xml, "<kernel>/k</kernel>");
	contains(xml, "<cmdline>c</cmdline>");
	contains(xml, "<cpu mode=\"host-model\"/>");
	contains(xml, "<source bridge=\"br0\"/>");
	contains(xml, "bus=pci.0,addr=0x10");
}

static void drops_what_belongs_to_one_domain(void **state)
{
	_cleanup_free_ char *xml = build(
		"<domain type='qemu' id='7'><name>x</name><uuid>u-u</uuid>"
		"<os><type>hvm</type></os><devices>"
		"<interface type='user'><mac address='52:54:00:1:2:3'/>"
		"</interface></devices></domain>");

	(void)state;
	lacks(xml, "id=\"7\"");
	lacks(xml, "uuid>");
	lacks(xml, "<mac");
	contains(xml, "<name>node01</name>");
	contains(xml, "arch=\"x86_64\" machine=\"q35\"");
}

static void replaces_what_is_asked_for(void **state)
{
	struct node_spec spec = base_spec();
	_cleanup_free_ char *xml = NULL;

	(void)state;
	spec.memory = GiB;
	spec.vcpus = 4;
	spec.network = "none";
	spec.machine = "pc-q35-7.2";
	spec.kernel = "/new";
	xml = build_spec(&spec,
			 "<domain type='qemu'><name>x</name><memory>9</memory>"
			 "<currentMemory>8</currentMemory>"
			 "<vcpu current='1'>2</vcpu><vcpus><vcpu id='0' "
			 "enabled='yes'/></vcpus>"
			 "<os><type machine='pc'>hvm</type><boot dev='hd'/>"
			 "<kernel>/old</kernel><initrd>/i</initrd>"
			 "<cmdline>c</cmdline></os><devices>"
			 "<interface type='user'/><interface type='user'/>"
			 "</devices></domain>");
	contains(xml, "<memory unit=\"KiB\">1048576</memory>");
	lacks(xml, "currentMemory");
	contains(xml, "<vcpu placement=\"static\">4</vcpu>");
	lacks(xml, "<vcpus>");
	lacks(xml, "interface");
	contains(xml, "machine=\"pc-q35-7.2\"");
	contains(xml, "<kernel>/new</kernel>");
	lacks(xml, "<initrd>");
	lacks(xml, "<cmdline>");
	lacks(xml, "<boot");
}

/* Atomics between emulated nodes need two possible processors. */
static void emulation_has_two_possible_processors(void **state)
{
	static const struct {
		unsigned int vcpus;
		bool kvm;
		const char *template, *want;
	} cases[] = {
		{1, false, "", "<vcpu placement=\"static\" current=\"1\">2<"},
		{0, false, "", "<vcpu placement=\"static\" current=\"1\">2<"},
		{0, false, "<vcpu>1</vcpu>",
		 "<vcpu placement=\"static\" current=\"1\">2<"},
		{0, false, "<vcpu>junk</vcpu>",
		 "<vcpu placement=\"static\" current=\"1\">2<"},
		{0, false, "<vcpu current='1'>4</vcpu>",
		 "<vcpu current=\"1\" placement=\"static\">4<"},
		{2, false, "", "<vcpu placement=\"static\">2<"},
		{1, true, "", "<vcpu placement=\"static\">1<"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct node_spec spec = base_spec();
		_cleanup_free_ char *xml = NULL;
		char template[128];

		spec.vcpus = cases[i].vcpus;
		spec.kvm = cases[i].kvm;
		snprintf(template, sizeof(template), "<domain>%s</domain>",
			 cases[i].template);
		xml = build_spec(&spec, template);
		contains(xml, cases[i].want);
	}
}

static void disks_take_free_names(void **state)
{
	static const struct node_disk disks[] = {{"/a", true}, {"/b", false}};
	struct node_spec spec = base_spec();
	_cleanup_free_ char *xml = NULL;

	(void)state;
	spec.disks = disks;
	spec.disk_count = 2;
	xml = build_spec(&spec, "<domain><devices><disk><target dev='vdb'/>"
				"</disk></devices></domain>");
	contains(xml, "<target dev=\"vda\" bus=\"virtio\"/>");
	contains(xml, "<target dev=\"vdc\" bus=\"virtio\"/>");
	contains(xml, "<driver name=\"qemu\" type=\"qcow2\"/>");
	contains(xml, "<driver name=\"qemu\" type=\"raw\"/>");
	contains(xml, "<boot dev=\"hd\"/>");
}

/* "none" was another node's; any other label is the user's own. */
static void keeps_a_users_label(void **state)
{
	static const char none[] =
		"<domain><seclabel type='none' model='dac'/>"
		"<seclabel type='none' model='apparmor'/></domain>";
	static const char own[] =
		"<domain><seclabel type='static' model='apparmor'>"
		"<label>mine</label></seclabel></domain>";
	struct node_spec spec = base_spec();
	_cleanup_free_ char *xml = build(none), *twice = NULL, *mine = NULL;

	(void)state;
	contains(xml, "<seclabel type=\"none\" model=\"dac\"/>");
	lacks(xml, "apparmor");
	spec.unconfined = true;
	twice = build_spec(&spec, none);
	contains(twice, "<seclabel type=\"none\" model=\"apparmor\"/>");
	lacks(strstr(twice, "apparmor") + 1, "apparmor");
	mine = build_spec(&spec, own);
	contains(mine, "<label>mine</label>");
	lacks(mine, "type=\"none\"");
}

static void refuses_bad_templates(void **state)
{
	static const struct {
		const char *template, *message;
	} cases[] = {
		{"", "is not XML: it is empty"},
		{"hello", "is not XML: line 1: Start tag expected"},
		{"<domain>", "is not XML: line 1: "},
		{"<domain>\n<name></domain>", "is not XML: line 2: "},
		{"<domain>&undefined;</domain>", "is not XML: line 1: "},
		{"<network/>",
		 "is not a libvirt domain: its root is <network>"},
		{"<domain xmlns='urn:x'/>", "is not a libvirt domain"},
		{"<!DOCTYPE domain [<!ENTITY a 'b'>]><domain>&a;</domain>",
		 "has a DOCTYPE"},
		{"<!DOCTYPE domain SYSTEM '/etc/passwd'><domain/>",
		 "has a DOCTYPE"},
		{"<domain><os><type arch='aarch64'>hvm</type></os></domain>",
		 "the template is for 'aarch64'"},
		{"<domain><os><type machine='microvm'>hvm</type></os></domain>",
		 "machine 'microvm' is neither a q35 nor a pc"},
		{"<domain xmlns:qemu='urn:other'/>", "the prefix 'qemu'"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const char *text = cases[i].template;
		struct node_spec spec = base_spec();
		struct err err = {0};
		char *xml = NULL;

		assert_int_equal(domxml_build_text(&spec, text, strlen(text),
						   &xml, &err),
				 -EINVAL);
		assert_null(xml);
		contains(err.text, cases[i].message);
	}
}

static void refuses_text_xml_cannot_hold(void **state)
{
	struct node_spec spec = base_spec();
	char *xml = NULL;
	struct err err;

	(void)state;
	spec.kernel = "/k";
	spec.append = "a\tb";
	assert_int_equal(domxml_build_text(&spec, "<domain/>", 9, &xml, &err),
			 -EINVAL);
	contains(err.text, "command line has a control character in it");
	spec.append = "\xff";
	assert_int_equal(domxml_build_text(&spec, "<domain/>", 9, &xml, &err),
			 -EINVAL);
	contains(err.text, "command line is not UTF-8 text");
	assert_null(xml);
}

#define META(attributes)                                 \
	"<domain><metadata><f:node xmlns:f='" NODE_XMLNS \
	"'><f:fabric " attributes "/></f:node></metadata></domain>"
#define GOOD_UUID "00112233-4455-6677-8899-aabbccddeeff"

#define SERVED                                                      \
	"name='a' uuid='' path='/p' size='1' transport='doorbell' " \
	"device='00:10.0'"

#define PLAIN                                                    \
	"name='a' uuid='' path='/p' size='1' transport='plain' " \
	"device='00:10.0'"

static void knows_what_can_be_changed(void **state)
{
	struct node_meta meta;
	struct err err;

	(void)state;
	assert_int_equal(domxml_meta(META(PLAIN), &meta, &err), 1);
	assert_false(meta.fabric[0].read_only);
	assert_int_equal(domxml_meta(META(PLAIN " access='ro'"), &meta, &err),
			 1);
	assert_true(meta.fabric[0].read_only);
}

/* Nothing that QEMU would not enforce. */
static void refuses_what_could_be_changed_after_all(void **state)
{
	static const struct {
		enum transport transport;
		enum node_flush flush;
		const char *version, *text;
	} cases[] = {
		{TRANSPORT_DOORBELL, NODE_FLUSH_MAILBOX, "7.2",
		 "by transport 'doorbell' fabric 'fabric0' cannot be attached "
		 "read-only"},
		{TRANSPORT_LEGACY, NODE_FLUSH_NONE, "2.6",
		 "by transport 'legacy' fabric 'fabric0'"},
		{TRANSPORT_XMEMDEV, NODE_FLUSH_MAILBOX, "2.5",
		 "by transport 'x-memdev' fabric 'fabric0'"},
		{TRANSPORT_PLAIN, NODE_FLUSH_WINDOW, "7.2",
		 "the flush window of fabric 'fabric0' would let the node "
		 "change it"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct node_spec spec = base_spec();
		struct emulator e;
		char *xml = NULL;
		struct err err = {0};

		assert_int_equal(
			emulator_probe("/qemu", cases[i].version, &e, &err), 0);
		spec.emulator = &e;
		spec.transport = cases[i].transport;
		spec.flush = cases[i].flush;
		spec.read_only[0] = true;
		assert_int_equal(
			domxml_build_text(&spec, "<domain/>", 9, &xml, &err),
			-EINVAL);
		contains(err.text, cases[i].text);
		contains(err.hint, "leave ");
		assert_null(xml);
	}
}

static void knows_the_vectors(void **state)
{
	struct node_meta meta;
	struct err err;

	(void)state;
	assert_int_equal(domxml_meta(META(SERVED), &meta, &err), 1);
	assert_int_equal(meta.fabric[0].vectors, 1);
	assert_int_equal(
		domxml_meta(META(SERVED " vectors='256'"), &meta, &err), 1);
	assert_int_equal(meta.fabric[0].vectors, 256);
}

/* Of a template; names of shared memories are unique in a domain. */
static void refuses_a_second_shmem_of_a_name(void **state)
{
	static const char text[] =
		"<domain><devices><shmem name='fabric0'><model "
		"type='ivshmem-doorbell'/></shmem></devices></domain>";
	struct node_spec spec = base_spec();
	char *xml = NULL;
	struct err err;

	(void)state;
	spec.transport = TRANSPORT_DOORBELL;
	assert_int_equal(
		domxml_build_text(&spec, text, strlen(text), &xml, &err),
		-EINVAL);
	contains(err.text, "two shared memories called 'fabric0'");
	assert_null(xml);
}

/* libvirt adds a port for each number that is left out below ours. */
static void root_ports_take_the_lowest_free_number(void **state)
{
	static const char text[] =
		"<domain><devices><controller type='pci' index='0' "
		"model='pcie-root'/><controller type='pci' index='1' "
		"model='pcie-root-port'/><controller type='usb' index='2'/>"
		"<controller type='pci' index='3' model='pcie-root-port'/>"
		"</devices></domain>";
	struct node_spec spec = base_spec();
	char *xml = NULL;
	struct err err;

	(void)state;
	spec.transport = TRANSPORT_DOORBELL;
	assert_int_equal(
		domxml_build_text(&spec, text, strlen(text), &xml, &err), 0);
	contains(xml, "<controller type=\"pci\" index=\"2\"");
	contains(xml, "<qemu:device alias=\"pci.2\">");
	contains(xml, "bus=\"0x02\" slot=\"0x00\"");
	free(xml);
}

static void knows_whose_domain_it_is(void **state)
{
	struct node_meta meta;
	struct err err;

	(void)state;
	assert_int_equal(domxml_meta("<domain/>", &meta, &err), 0);
	assert_int_equal(domxml_meta("<domain><metadata><node/></metadata>"
				     "</domain>",
				     &meta, &err),
			 0);
	assert_int_equal(
		domxml_meta(META("name='a' uuid='" GOOD_UUID "' path='/p' "
				 "size='4096' transport='plain' "
				 "device='00:10.0'"),
			    &meta, &err),
		1);
	assert_int_equal(meta.count, 1);
	assert_string_equal(meta.fabric[0].uuid, GOOD_UUID);
	assert_int_equal(meta.fabric[0].size, 4096);
}

/* Whether it says what AppArmor is to do; a running node's label is not that.
 */
static void knows_who_labels_a_domain(void **state)
{
	static const struct {
		const char *label;
		bool own;
	} cases[] = {
		{"", false},
		{"<seclabel type='none' model='apparmor'/>", true},
		{"<seclabel type='none'/>", true},
		{"<seclabel type='static' model='apparmor'/>", true},
		{"<seclabel type='dynamic' model='apparmor'/>", false},
		{"<seclabel type='none' model='dac'/>", false},
		{"<seclabel type='none' model='dac'/>"
		 "<seclabel type='none' model='apparmor'/>",
		 true},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct node_meta meta;
		struct err err;
		char xml[256];

		snprintf(xml, sizeof(xml), "<domain>%s</domain>",
			 cases[i].label);
		assert_int_equal(domxml_meta(xml, &meta, &err), 0);
		if (meta.seclabel != cases[i].own)
			fail_msg("%s", cases[i].label);
	}
}

/* How its programs reach the disk; nothing is said by nodes of old. */
static void knows_how_a_node_flushes(void **state)
{
	static const struct {
		const char *attribute, *devices;
		enum node_flush flush;
		bool raw;
	} cases[] = {
		{"", "", NODE_FLUSH_MAILBOX, false},
		{"flush='mailbox'", "", NODE_FLUSH_MAILBOX, false},
		{"flush='none'", "", NODE_FLUSH_NONE, false},
		{"flush='window'", "", NODE_FLUSH_WINDOW, true},
		{"flush='window'", "<memory model='dimm'/><memory/>",
		 NODE_FLUSH_WINDOW, true},
		{"flush='window'",
		 "<memory model='dimm'/><memory model='virtio-pmem'/>",
		 NODE_FLUSH_WINDOW, false},
		{"", "<memory model='virtio-pmem'/>", NODE_FLUSH_MAILBOX,
		 false},
	};
	struct node_meta meta;
	struct err err;
	char xml[512];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		snprintf(xml, sizeof(xml),
			 "<domain><metadata><f:node xmlns:f='" NODE_XMLNS
			 "' %s/></metadata><devices>%s</devices></domain>",
			 cases[i].attribute, cases[i].devices);
		assert_int_equal(domxml_meta(xml, &meta, &err), 1);
		assert_int_equal(meta.flush, cases[i].flush);
		assert_int_equal(meta.raw_windows, cases[i].raw);
	}
	assert_int_equal(
		domxml_meta("<domain><metadata><f:node xmlns:f='" NODE_XMLNS
			    "' flush='windows'/>"
			    "</metadata></domain>",
			    &meta, &err),
		-EBADMSG);
	assert_string_equal(err.text, "its metadata are damaged: 'flush'");
}

static void refuses_damaged_metadata(void **state)
{
	static const char *const attribute[] = {
		"name",	  "uuid",    "path",	"size",	   "transport",
		"device", "vectors", "vectors", "vectors", "access",
		"access", "access",  "access"};
	static const char *const cases[] = {
		META("name='a/b' uuid='' path='/p' size='1' "
		     "transport='plain' device='00:10.0'"),
		META("name='a' uuid='1234' path='/p' size='1' "
		     "transport='plain' device='00:10.0'"),
		META("name='a' uuid='' path='p' size='1' transport='plain' "
		     "device='00:10.0'"),
		META("name='a' uuid='' path='/p' size='1M' "
		     "transport='plain' device='00:10.0'"),
		META("name='a' uuid='' path='/p' size='1' transport='auto' "
		     "device='00:10.0'"),
		META("name='a' uuid='' path='/p' size='1' "
		     "transport='plain'"),
		META(SERVED " vectors='0'"),
		META(SERVED " vectors='257'"),
		META(SERVED " vectors=' 1'"),
		META(SERVED " access='ro'"),
		META(PLAIN " access=''"),
		META(PLAIN " access='rw'"),
		META(PLAIN " access='read-only'"),
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct node_meta meta;
		struct err err = {0};
		char want[64];

		assert_int_equal(domxml_meta(cases[i], &meta, &err), -EBADMSG);
		snprintf(want, sizeof(want), "damaged: '%s' of fabric 1",
			 attribute[i]);
		contains(err.text, want);
	}
}

static void finds_whom_qemu_runs_as(void **state)
{
	unsigned int uid = 1, gid = 1;
	struct err err;

	(void)state;
	assert_int_equal(
		domxml_qemu_identity(
			"<capabilities><host><secmodel><model>none</model>"
			"</secmodel><secmodel><model>dac</model>"
			"<baselabel type='kvm'>+64055:+107</baselabel>"
			"</secmodel></host></capabilities>",
			&uid, &gid, &err),
		0);
	assert_int_equal(uid, 64055);
	assert_int_equal(gid, 107);
	assert_int_equal(
		domxml_qemu_identity("<capabilities/>", &uid, &gid, &err),
		-ENOTSUP);
	assert_int_equal(domxml_qemu_identity("no", &uid, &gid, &err),
			 -ENOTSUP);
}

static void finds_security_models(void **state)
{
	static const char text[] =
		"<capabilities><host><secmodel/><secmodel><model>dac</model>"
		"</secmodel><secmodel><model>apparmor</model></secmodel>"
		"</host></capabilities>";

	(void)state;
	assert_true(domxml_secmodel(text, "apparmor"));
	assert_true(domxml_secmodel(text, "dac"));
	assert_false(domxml_secmodel(text, "selinux"));
	assert_false(domxml_secmodel("<capabilities/>", "apparmor"));
	assert_false(domxml_secmodel("no", "apparmor"));
}

static void widens_addresses_only_when_needed(void **state)
{
	static const struct {
		uint64_t size;
		size_t count;
		unsigned int bits;
	} cases[] = {
		{64 * MiB, 8, 0},   {128 * GiB, 1, 0}, {128 * GiB, 2, 42},
		{512 * GiB, 1, 43}, {TiB, 1, 44},      {16 * TiB, 1, 48},
		{16 * TiB, 8, 51},
	};
	struct fabric many[NODE_FABRICS_MAX] = {0};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct node_spec spec = base_spec();

		for (size_t f = 0; f < cases[i].count; f++)
			many[f].size = cases[i].size;
		spec.fabrics = many;
		spec.fabric_count = cases[i].count;
		assert_int_equal(qemu_args_phys_bits(&spec), cases[i].bits);
	}
}

static void refuses_sizes_qemu_dies_of(void **state)
{
	static const uint64_t sizes[] = {0, 4096, 512 * KiB, 3 * MiB,
					 GiB + MiB};
	struct fabric f = fabric;
	struct node_spec spec = base_spec();
	struct qemu_args args;
	struct err err;

	(void)state;
	spec.fabrics = &f;
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		f.size = sizes[i];
		assert_int_equal(qemu_args_fabric(&spec, "q35", 0, &args, &err),
				 -EINVAL);
		contains(err.text, "not a power of two of at least 1 MiB");
		qemu_args_free(&args);
	}
	f.size = MiB;
	spec.transport = TRANSPORT_LEGACY;
	assert_int_equal(qemu_args_fabric(&spec, "q35", 0, &args, &err),
			 -EINVAL);
	contains(err.text, "cannot attach a fabric by transport 'legacy'");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(keeps_what_is_not_asked_for),
		cmocka_unit_test(drops_what_belongs_to_one_domain),
		cmocka_unit_test(replaces_what_is_asked_for),
		cmocka_unit_test(emulation_has_two_possible_processors),
		cmocka_unit_test(disks_take_free_names),
		cmocka_unit_test(keeps_a_users_label),
		cmocka_unit_test(refuses_bad_templates),
		cmocka_unit_test(refuses_text_xml_cannot_hold),
		cmocka_unit_test(knows_whose_domain_it_is),
		cmocka_unit_test(knows_how_a_node_flushes),
		cmocka_unit_test(refuses_damaged_metadata),
		cmocka_unit_test(knows_what_can_be_changed),
		cmocka_unit_test(refuses_what_could_be_changed_after_all),
		cmocka_unit_test(knows_the_vectors),
		cmocka_unit_test(refuses_a_second_shmem_of_a_name),
		cmocka_unit_test(root_ports_take_the_lowest_free_number),
		cmocka_unit_test(finds_whom_qemu_runs_as),
		cmocka_unit_test(finds_security_models),
		cmocka_unit_test(knows_who_labels_a_domain),
		cmocka_unit_test(widens_addresses_only_when_needed),
		cmocka_unit_test(refuses_sizes_qemu_dies_of),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
