// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
/* Templates, metadata and capabilities: XML that others wrote. */
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "domxml.h"
#include "must.h"
#include "util/size.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static const struct emulator emulator = {.path = "/usr/bin/qemu",
					 .major = 7,
					 .minor = 2,
					 .has_plain = true,
					 .has_pref64_reserve = true,
					 .has_doorbell = true,
					 .has_virtio_pmem = true};
static const struct fabric fabrics[] = {
	{.name = "a",
	 .path = "/srv/a,b&c.fam",
	 .size = 64 * MiB,
	 .formatted = true},
	{.name = "b", .path = "/srv/b.fam", .size = TiB, .formatted = true}};
static const struct node_disk disk = {"/srv/disk", true};

static struct node_spec make_spec(uint8_t choice)
{
	return (struct node_spec){
		.name = "node01",
		.machine = choice & 1 ? "q35" : NULL,
		.kvm = choice & 2,
		.memory = choice & 4 ? 512 * MiB : 0,
		.vcpus = choice & 8 ? 3 : 0,
		.kernel = choice & 16 ? "/srv/kernel" : NULL,
		.append = "quiet",
		.disks = &disk,
		.disk_count = choice & 32 ? 1 : 0,
		.network = choice & 64 ? "user" : NULL,
		.emulator = &emulator,
		/* kvm on q35: as good as another bit */
		.transport = (choice & 3) == 3 ? TRANSPORT_DOORBELL
					       : TRANSPORT_PLAIN,
		.flush = choice & 8 ? NODE_FLUSH_WINDOW : NODE_FLUSH_MAILBOX,
		.raw_windows = choice & 16,
		.fabrics = fabrics,
		.fabric_count = choice & 128 ? 2 : 1,
	};
}

/* What was built says the same of the node, and is a template itself. */
static void check_result(struct node_spec *spec, const char *xml)
{
	struct node_meta meta;
	struct err err;
	char *again = NULL;

	must(domxml_meta(xml, &meta, &err) == 1);
	must(meta.count == spec->fabric_count);
	must(meta.flush == spec->flush);
	for (size_t i = 0; i < meta.count; i++) {
		must(strcmp(meta.fabric[i].path, fabrics[i].path) == 0);
		must(meta.fabric[i].size == fabrics[i].size);
	}
	spec->disk_count = 0;
	must(domxml_build_text(spec, xml, strlen(xml), &again, &err) == 0);
	must(domxml_meta(again, &meta, &err) == 1);
	must(meta.count == spec->fabric_count);
	free(again);
}

static void check_template(const char *text, size_t len, uint8_t choice)
{
	struct node_spec spec = make_spec(choice);
	char *xml = NULL;
	struct err err;
	int ret = domxml_build_text(&spec, text, len, &xml, &err);

	must(ret == 0 || (ret == -EINVAL && !xml));
	if (ret == 0)
		check_result(&spec, xml);
	free(xml);
}

static void check_meta(const char *text)
{
	struct node_meta meta;
	struct err err;
	int ret = domxml_meta(text, &meta, &err);

	must(ret == 1 || ret == 0 || ret == -EBADMSG);
	must(meta.count <= NODE_FABRICS_MAX);
	for (size_t i = 0; ret == 1 && i < meta.count; i++) {
		must(fam_label_check(meta.fabric[i].name) == 0);
		must(meta.fabric[i].path[0] == '/');
	}
}

static void check_identity(const char *text)
{
	unsigned int uid, gid;
	struct err err;
	int ret = domxml_qemu_identity(text, &uid, &gid, &err);

	must(ret == 0 || ret == -ENOTSUP);
}

/* The first byte chooses the options, the rest is the document. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	char *text;

	if (len == 0)
		return 0;
	text = malloc(len);
	must(text != NULL);
	memcpy(text, data + 1, len - 1);
	text[len - 1] = '\0';
	check_template(text, len - 1, data[0]);
	check_meta(text);
	check_identity(text);
	free(text);
	return 0;
}
