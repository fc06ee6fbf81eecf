// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
#include <errno.h>
#include <string.h>

#include "cmd.h"
#include "fabric.h"

static const char *dir;

static const struct opt options[] = {
	{"dir", 'd', OPT_STRING, "DIR", "only the fabrics in DIR", &dir}, {0}};

static const struct out_field fields[] = {
	{"name", "NAME", OUT_TEXT},
	{"size", "SIZE", OUT_SIZE},
	{"allocated", "RESERVED", OUT_SIZE},
	{"format", "FORMAT", OUT_TEXT},
	{"durability", "DURABILITY", OUT_TEXT},
	{"nodes", "NODES", OUT_LIST},
	{"path", "PATH", OUT_TEXT},
	{0}};

struct listing {
	json_t *rows;
	json_t *nodes;
	bool json;
};

static const char *format_word(int result, const struct fabric *fabric)
{
	switch (result) {
	case 0:
		return fabric->formatted ? "formatted" : "raw";
	case -EBADMSG:
	case -ENODATA:
		return "damaged";
	case -EPROTONOSUPPORT:
		return "newer";
	case -EMEDIUMTYPE:
		return "foreign";
	default:
		return "unreadable";
	}
}

/* A fabric that cannot be opened is a row too: it is what people look for. */
static int add_row(const char *path, void *arg, struct err *err)
{
	struct listing *list = arg;
	struct err problem;
	struct fabric fabric;
	int ret = fabric_probe(path, &fabric, &problem);
	json_t *row = fabric_json(&fabric);

	(void)err;
	json_object_set_new(row, "format",
			    json_string(format_word(ret, &fabric)));
	json_object_set_new(row, "nodes", fabric_nodes_of(list->nodes, path));
	if (ret < 0) {
		json_object_set_new(row, "problem",
				    out_json_text(problem.text));
		if (!fabric.formatted)
			json_object_del(row, "formatted");
		/* Not found, or of a kind that has no such size. */
		if (!S_ISREG(fabric.stat.st_mode)) {
			json_object_del(row, "size");
			json_object_del(row, "allocated");
		}
		if (!list->json)
			out_warn("'%s': %s", path, problem.text);
	}
	json_array_append_new(list->rows, row);
	return 0;
}

static bool listed(const json_t *rows, const char *path)
{
	for (size_t i = 0; i < json_array_size(rows); i++) {
		const json_t *row = json_array_get(rows, i);

		if (strcmp(json_string_value(json_object_get(row, "path")),
			   path) == 0)
			return true;
	}
	return false;
}

/* Fabrics elsewhere, which only the nodes know. */
static void add_of_nodes(struct listing *list, struct err *err)
{
	for (size_t i = 0; i < json_array_size(list->nodes); i++) {
		const char *path = json_string_value(json_object_get(
			json_array_get(list->nodes, i), "path"));

		if (!listed(list->rows, path))
			(void)add_row(path, list, err); /* it never fails */
	}
}

static int run(const struct globals *globals, int argc, char **argv,
	       struct err *err)
{
	struct listing list = {.json = globals->json};
	struct err ignored;
	int ret;

	if (argc > 0) {
		err_set(err, -EINVAL, "list-fabrics takes no name: '%.40s'",
			argv[0]);
		return err_hint(err, "famctl show-fabric '%.40s'", argv[0]);
	}
	/* Without libvirt the files are listed all the same. */
	(void)fabric_nodes(globals->connect, &list.nodes, &ignored);
	list.rows = json_array();
	ret = fabric_each(dir, add_row, &list, err);
	if (ret == 0 && !dir)
		add_of_nodes(&list, err);
	if (ret == 0)
		out_table(globals->json, fields, json_incref(list.rows));
	json_decref(list.rows);
	json_decref(list.nodes);
	return ret < 0 ? err_prefix(err, "cannot list the fabrics") : 0;
}

const struct command cmd_list_fabrics = {
	.name = "list-fabrics",
	.args = "",
	.summary = "list the fabrics and the nodes that use them",
	.options = options,
	.run = run,
};
