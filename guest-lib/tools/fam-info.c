// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include <fam/atomic.h>

#include "fam-tool.h"

/* What is told of one fabric. */
struct about {
	struct fam_info info;
	int atomics; /* of fam_atomic_check() */
	char atomics_reason[FAM_ATOMIC_WHY];
};

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

static const char *backend_name(const struct fam_info *info)
{
	static const char *const names[] = {"file", "module", "/dev/mem",
					    "resource2", "none"};

	return names[info->backend];
}

static const char *interrupts_name(const struct fam_info *info)
{
	static const char *const names[] = {"none", "polled", "event"};

	/* This program has no session, but others have. */
	if (info->interrupts == FAM_INTERRUPTS_NONE && info->sessions &&
	    !info->read_only)
		return names[FAM_INTERRUPTS_POLLED];
	return names[info->interrupts];
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
	printf("  %-12s %s\n", "but now:", fabric_cause(info->failed));
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

static void print_atomics(const struct about *about)
{
	const char *answer = about->atomics == 0	  ? "yes"
			     : about->atomics == -ENODATA ? "unknown"
			     : about->atomics == -ENOSYS  ? "in part"
							  : "NO";

	printf("  %-12s %s: %s\n", "atomics:", answer, about->atomics_reason);
}

static void print_interrupts(const struct fam_info *info)
{
	const char *name = interrupts_name(info);
	const char *sentence = "no, and nothing else tells of doorbells";

	if (info->interrupts == FAM_INTERRUPTS_EVENT)
		sentence = info->server[0] ? "yes, as events from the server"
					   : "yes, through the kernel module";
	else if (strcmp(name, "polled") == 0)
		sentence = "no, programs that wait look at the memory";
	printf("  %-12s %s\n", "interrupts:", sentence);
}

static void print_mapping(const struct fam_info *info)
{
	char size[SIZE_TEXT_MAX];

	printf("  %-12s %s\n",
	       "mapped via:", info->path[0] ? info->path : "nothing");
	printf("  %-12s %s%s%s\n", "backend:", backend_name(info),
	       info->backend_reason[0] ? "; " : "", info->backend_reason);
	if (info->path[0])
		printf("  %-12s %s\n",
		       "page size:", size_text(info->page_bytes, size));
	printf("  %-12s %s%s%s\n", "cache:", cache_name(info),
	       info->path[0] ? ", by " : ": ", info->cache_source);
}

static void print_peer(const struct fam_info *info)
{
	if (!info->peer)
		return;
	printf("  %-12s %" PRIu32, "peer:", info->peer);
	if (info->vectors)
		printf(", with %" PRIu32 " vector%s", info->vectors,
		       info->vectors == 1 ? "" : "s");
	printf("\n");
}

static void print_text(const char *name, const struct about *about)
{
	const struct fam_info *info = &about->info;

	printf("%s\n", info->label[0] ? info->label : name);
	if (info->uuid[0])
		printf("  %-12s %s\n", "uuid:", info->uuid);
	print_size("size:", info->size);
	print_size("data:", info->data_bytes);
	printf("  %-12s %s\n", "transport:", transport_name(info));
	if (info->device[0])
		printf("  %-12s %s\n", "device:", info->device);
	if (info->server[0])
		printf("  %-12s %s\n", "server:", info->server);
	if (info->read_only)
		printf("  %-12s read-only\n", "access:");
	print_peer(info);
	print_mapping(info);
	print_interrupts(info);
	print_atomics(about);
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

static void json_atomics(const struct about *about)
{
	printf(", \"atomics\": %s", about->atomics == 0		 ? "true"
				    : about->atomics == -ENODATA ? "null"
								 : "false");
	json_pair("atomics_reason", about->atomics_reason);
}

static void print_json(const char *name, const struct about *about)
{
	const struct fam_info *info = &about->info;

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
	printf(", \"read_only\": %s", info->read_only ? "true" : "false");
	json_pair("device", info->device);
	json_pair("path", info->path);
	json_pair("backend", backend_name(info));
	json_pair("backend_reason", info->backend_reason);
	json_pair("interrupts", interrupts_name(info));
	json_pair("cache", cache_name(info));
	json_pair("cache_source", info->cache_source);
	json_atomics(about);
	json_pair("durability", durability_name(info));
	json_pair("persist", persist_name(info));
	json_pair("window", info->window);
	printf(", \"rung\": %s", info->rings ? "true" : "false");
	json_pair("failed", info->failed ? fabric_cause(info->failed) : "");
	json_number("version", info->version);
	json_number("generation", info->generation);
	json_number("created_ns", info->created_ns);
	printf(", \"sessions\": %s", info->sessions ? "true" : "false");
	if (info->server[0])
		json_pair("server", info->server);
	if (info->peer) {
		json_number("peer", info->peer);
		json_number("vectors", info->vectors);
	}
	printf(", \"damaged\": [%s]}", info->damaged == 1   ? "0"
				       : info->damaged == 2 ? "1"
							    : "");
}

/* Writable if it may be: only so it is known how bytes get to the disk. */
static int read_info(const char *name, unsigned int flags, struct about *out)
{
	struct fam *fam;
	int r;

	flags |= FAM_OPEN_NO_SESSION;
	r = fam_open(&fam, name, flags);
	if (r < 0)
		r = fam_open(&fam, name, FAM_OPEN_RDONLY | flags);
	if (r < 0)
		return r;
	r = fam_get_info(fam, &out->info, sizeof(out->info));
	out->atomics = fam_atomic_check(fam, out->atomics_reason);
	fam_close(fam);
	return r;
}

/* One that the machine offers needs no --raw to be described. */
static int read_any_info(const char *name, struct about *out)
{
	int r = read_info(name, 0, out);

	return r == -EMEDIUMTYPE ? read_info(name, FAM_OPEN_RAW, out) : r;
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
	json_error(stdout, fabric_cause(error), fam_errhint(error),
		   exit_status_of(error));
	printf("}");
}

static int info_each(const char *name, void *arg)
{
	struct walk *walk = arg;
	struct about about;
	int r = read_any_info(name, &about);

	if (walk->options->json)
		printf(walk->count ? ",\n " : "[");
	walk->count++;
	if (r < 0)
		info_failed(walk, name, r);
	else if (walk->options->json)
		print_json(name, &about);
	else
		print_text(name, &about);
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
	struct about about;
	int r;

	if (!options->fabric)
		return info_all(options);
	r = read_info(options->fabric, options->raw ? FAM_OPEN_RAW : 0, &about);
	if (r < 0)
		return finish_output(say_failure(options, "read", r));
	if (!options->json) {
		print_text(options->fabric, &about);
		return finish_output(EXIT_DONE);
	}
	print_json(options->fabric, &about);
	printf("\n");
	return finish_output(EXIT_DONE);
}

#define LIST_FORMAT "%-5s %-10s %-16s %-10s %-36s %s%s\n"

/* @info is NULL if there is none because of @error. */
static void list_one(unsigned int position, const char *name,
		     const struct fam_info *info, int error)
{
	char pos[16], size[SIZE_TEXT_MAX], why[128];

	snprintf(pos, sizeof(pos), "#%u", position);
	if (!info) {
		snprintf(why, sizeof(why), " (%s)", fabric_cause(error));
		printf(LIST_FORMAT, pos, "-", "-", "-", "-", name, why);
		return;
	}
	printf(LIST_FORMAT, pos, size_text(info->size, size),
	       info->label[0] ? info->label : "-", transport_name(info),
	       info->uuid[0] ? info->uuid : "-", name, "");
}

static int list_each(const char *name, void *arg)
{
	struct walk *walk = arg;
	struct about about;
	int r = read_any_info(name, &about);

	if (walk->count == 0)
		printf(LIST_FORMAT, "POS", "SIZE", "LABEL", "TRANSPORT", "UUID",
		       "NAME", "");
	list_one(walk->count++, name, r < 0 ? NULL : &about.info, r);
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
