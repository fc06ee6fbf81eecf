// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "fam-tool.h"

/* A walk over all fabrics in reach. */
struct walk {
	const struct options *options;
	unsigned int count;
	int status;
};

static const char *transport_name(const struct fam_info *info)
{
	static const char *const names[] = {"file", "plain", "doorbell",
					    "legacy", "server"};

	return names[info->transport];
}

static const char *cache_name(const struct fam_info *info)
{
	static const char *const names[] = {"unknown", "write-back",
					    "write-combining", "uncached"};

	return names[info->cache];
}

static const char *durability_name(const struct fam_info *info)
{
	return info->durability == FAM_DURABILITY_GUEST ? "guest" : "host";
}

static const char *persist_name(const struct fam_info *info)
{
	static const char *const names[] = {"none",    "host",	 "drain",
					    "mailbox", "window", "dax"};

	return names[info->persist];
}

static const char *no_way(const struct fam_info *info)
{
	if (info->device[0])
		return info->formatted
			       ? "not possible: the fabric has no mailbox, and "
				 "the node no flush window"
			       : "not possible: a raw fabric, and the node has "
				 "no flush window";
	return info->size ? "not possible: the file system is in memory"
			  : "not possible: there is no memory";
}

static const char *persist_sentence(const struct fam_info *info)
{
	switch (info->persist) {
	case FAM_PERSIST_HOST:
		return "to the host's disk (msync)";
	case FAM_PERSIST_DRAIN:
		return "against a crash of the node only, as the fabric asks";
	case FAM_PERSIST_MAILBOX:
		return info->rings ? "to the host's disk, by the server; it is "
				     "rung"
				   : "to the host's disk, by the server; it "
				     "polls";
	case FAM_PERSIST_WINDOW:
		return "to the host's disk, by fsync on ";
	case FAM_PERSIST_DAX:
		return "at once: the file is on persistent memory (DAX)";
	default:
		return no_way(info);
	}
}

static void print_persist(const struct fam_info *info)
{
	printf("  %-12s %s%s\n", "persist:", persist_sentence(info),
	       info->window);
	/* What the sentence has said, or what the next open decides. */
	if (info->failed == 0 || info->persist == FAM_PERSIST_NONE)
		return;
	printf("  %-12s %s\n", "but now:", fam_strerror(info->failed));
}

static void print_size(const char *key, uint64_t bytes)
{
	char text[SIZE_TEXT_MAX];

	printf("  %-12s %s (%" PRIu64 " bytes)\n", key, size_text(bytes, text),
	       bytes);
}

static void print_format(const struct fam_info *info)
{
	if (!info->formatted) {
		printf("  %-12s none: raw\n", "format:");
		return;
	}
	printf("  %-12s version %" PRIu32 ", generation %" PRIu64 "\n",
	       "format:", info->version, info->generation);
	for (unsigned int i = 0; i < FAM_SUPERBLOCK_COPIES; i++) {
		if (info->damaged & 1u << i)
			printf("  %-12s superblock copy %u; the other one "
			       "serves\n",
			       "damaged:", i);
	}
}

static void print_text(const char *name, const struct fam_info *info)
{
	printf("%s\n", info->label[0] ? info->label : name);
	if (info->uuid[0])
		printf("  %-12s %s\n", "uuid:", info->uuid);
	print_size("size:", info->size);
	print_size("data:", info->data_bytes);
	printf("  %-12s %s\n", "transport:", transport_name(info));
	if (info->device[0])
		printf("  %-12s %s\n", "device:", info->device);
	if (info->server[0]) {
		printf("  %-12s %s\n", "server:", info->server);
		printf("  %-12s %" PRIu32 ", with %" PRIu32 " vectors\n",
		       "peer:", info->peer, info->vectors);
	}
	printf("  %-12s %s\n",
	       "mapped via:", info->path[0] ? info->path : "nothing");
	printf("  %-12s %s, by %s\n", "cache:", cache_name(info),
	       info->cache_source);
	printf("  %-12s %s\n", "durability:", durability_name(info));
	print_persist(info);
	print_format(info);
}

static void json_pair(const char *key, const char *value)
{
	printf(", \"%s\": ", key);
	json_text(stdout, value);
}

static void json_number(const char *key, uint64_t value)
{
	printf(", \"%s\": %" PRIu64, key, value);
}

static void print_json(const char *name, const struct fam_info *info)
{
	printf("{\"name\": ");
	json_text(stdout, name);
	printf(", \"formatted\": %s", info->formatted ? "true" : "false");
	json_pair("label", info->label);
	json_pair("uuid", info->uuid);
	json_number("size", info->size);
	json_number("data_bytes", info->data_bytes);
	json_number("data_offset", info->data_offset);
	json_number("page_bytes", info->page_bytes);
	json_pair("transport", transport_name(info));
	json_pair("device", info->device);
	json_pair("path", info->path);
	json_pair("cache", cache_name(info));
	json_pair("cache_source", info->cache_source);
	json_pair("durability", durability_name(info));
	json_pair("persist", persist_name(info));
	json_pair("window", info->window);
	printf(", \"rung\": %s", info->rings ? "true" : "false");
	json_pair("failed", info->failed ? fam_strerror(info->failed) : "");
	json_number("version", info->version);
	json_number("generation", info->generation);
	json_number("created_ns", info->created_ns);
	if (info->server[0]) {
		json_pair("server", info->server);
		json_number("peer", info->peer);
		json_number("vectors", info->vectors);
	}
	printf(", \"damaged\": [%s]}", info->damaged == 1   ? "0"
				       : info->damaged == 2 ? "1"
							    : "");
}

/* Writable if it may be: only so it is known how bytes get to the disk. */
static int read_info(const char *name, unsigned int flags,
		     struct fam_info *info)
{
	struct fam *fam;
	int r = fam_open(&fam, name, flags);

	if (r < 0)
		r = fam_open(&fam, name, FAM_OPEN_RDONLY | flags);
	if (r < 0)
		return r;
	r = fam_get_info(fam, info, sizeof(*info));
	fam_close(fam);
	return r;
}

/* One that the machine offers needs no --raw to be described. */
static int read_any_info(const char *name, struct fam_info *info)
{
	int r = read_info(name, 0, info);

	return r == -EMEDIUMTYPE ? read_info(name, FAM_OPEN_RAW, info) : r;
}

/* In a list, an error is an element of it and the rest follows. */
static void info_failed(struct walk *walk, const char *name, int error)
{
	struct options of_this = {.fabric = name};

	walk->status = say_failure(&of_this, "read", error);
	if (!walk->options->json)
		return;
	printf("{\"name\": ");
	json_text(stdout, name);
	printf(", \"error\": ");
	json_error(stdout, fam_strerror(error), error);
	printf("}");
}

static int info_each(const char *name, void *arg)
{
	struct walk *walk = arg;
	struct fam_info info;
	int r = read_any_info(name, &info);

	if (walk->options->json)
		printf(walk->count ? ",\n " : "[");
	walk->count++;
	if (r < 0)
		info_failed(walk, name, r);
	else if (walk->options->json)
		print_json(name, &info);
	else
		print_text(name, &info);
	return 0;
}

static int info_all(const struct options *options)
{
	struct walk walk = {.options = options};
	int r = fam_list(info_each, &walk);

	if (r == 0 && walk.count == 0)
		r = -ENODEV;
	if (walk.count && options->json)
		printf("]\n");
	if (r < 0)
		walk.status = say_failure(options, "find", r);
	return finish_output(walk.status);
}

int cmd_info(const struct options *options)
{
	struct fam_info info;
	int r;

	if (!options->fabric)
		return info_all(options);
	r = read_info(options->fabric, options->raw ? FAM_OPEN_RAW : 0, &info);
	if (r < 0)
		return finish_output(say_failure(options, "read", r));
	if (!options->json) {
		print_text(options->fabric, &info);
		return finish_output(EXIT_DONE);
	}
	print_json(options->fabric, &info);
	printf("\n");
	return finish_output(EXIT_DONE);
}

static int list_each(const char *name, void *arg)
{
	struct walk *walk = arg;
	struct fam_info info;
	char text[SIZE_TEXT_MAX];
	int r = read_any_info(name, &info);

	if (walk->count++ == 0)
		printf("%-10s %-16s %-10s %s\n", "SIZE", "LABEL", "TRANSPORT",
		       "NAME");
	if (r < 0)
		printf("%-10s %-16s %-10s %s (%s)\n", "-", "-", "-", name,
		       fam_strerror(r));
	else
		printf("%-10s %-16s %-10s %s\n", size_text(info.size, text),
		       info.label[0] ? info.label : "-", transport_name(&info),
		       name);
	return 0;
}

int cmd_list(const struct options *options)
{
	struct walk walk = {.options = options};
	int r;

	if (options->json)
		return info_all(options);
	r = fam_list(list_each, &walk);
	if (r < 0)
		return finish_output(say_failure(options, "list", r));
	return finish_output(EXIT_DONE);
}
