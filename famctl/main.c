// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cmd.h"
#include "fabric.h"
#include "run.h"
#include "supervise.h"
#include "util/cleanup.h"
#include "util/fdio.h"
#include "virt.h"

static const struct command *const commands[] = {
	&cmd_create_fabric,  &cmd_list_fabrics, &cmd_show_fabric,
	&cmd_sync_fabric,    &cmd_clear_errors, &cmd_prepare_fabric,
	&cmd_destroy_fabric, &cmd_create_node,	&cmd_list_nodes,
	&cmd_start_node,     &cmd_stop_node,	&cmd_destroy_node,
	&cmd_make_bundle,    &cmd_start_server, &cmd_list_servers,
	&cmd_check_fabric,   &cmd_list_regions, &cmd_show_region,
	&cmd_map_fabric,     &cmd_trim_fabric,	&cmd_list_peers,
	&cmd_ping,	     &cmd_stop_server,
};
#define COMMAND_COUNT (sizeof(commands) / sizeof(commands[0]))

static json_t *done;
static struct globals globals = {.done = &done};
static bool want_help, want_version;

static const struct opt global_options[] = {
	{"connect", 'c', OPT_STRING, "URI", "libvirt to use, as in virsh",
	 &globals.connect},
	{"json", 0, OPT_FLAG, NULL, "print JSON", &globals.json},
	{"dry-run", 0, OPT_FLAG, NULL, "say what would be done, do nothing",
	 &globals.dry_run},
	{"help", 'h', OPT_FLAG, NULL, "print help", &want_help},
	{"version", 'V', OPT_FLAG, NULL, "print the version", &want_version},
	{0}};

static const struct command *find_command(const char *name)
{
	for (size_t i = 0; i < COMMAND_COUNT; i++) {
		if (strcmp(commands[i]->name, name) == 0)
			return commands[i];
	}
	return NULL;
}

static int exit_status(int code)
{
	switch (code) {
	case 0:
		return EXIT_DONE;
	case -EINVAL:
		return EXIT_USAGE;
	case -ENOENT:
	case -ENODEV:
		return EXIT_NO_OBJECT;
	case -EEXIST:
	case -EBUSY:
		return EXIT_EXISTS;
	case -ENOTCONN:
		return EXIT_UNREACHABLE;
	case -EUCLEAN:
		return EXIT_PROBLEMS;
	default:
		return EXIT_FAILED;
	}
}

static void print_help(void)
{
	printf("usage: famctl [OPTION...] COMMAND [OPTION...] [OPERAND...]\n\n"
	       "Fabrics of shared, durable memory for virtual machines.\n\n"
	       "Commands:\n");
	for (size_t i = 0; i < COMMAND_COUNT; i++)
		printf("  %-16s %s\n", commands[i]->name, commands[i]->summary);
	printf("  %-16s %s\n", "help", "open a command's manual page");
	printf("\nOptions of every command:\n");
	opt_print(global_options);
}

static void print_command_help(const struct command *cmd)
{
	printf("usage: famctl %s [OPTION...]%s%s\n\n%s\n", cmd->name,
	       cmd->args[0] ? " " : "", cmd->args, cmd->summary);
	if (cmd->options->name) {
		printf("\nOptions:\n");
		opt_print(cmd->options);
	}
	printf("\nOptions of every command:\n");
	opt_print(global_options);
}

/* man(1) knows the page: it may not be installed, nor man itself. */
static bool has_page(const char *page)
{
	const char *const argv[] = {"man", "--where", page, NULL};
	_cleanup_free_ struct run_result *result = malloc(sizeof(*result));
	struct err ignored;

	return result && run_program(argv, 2000, result, &ignored) == 0 &&
	       result->status == 0;
}

/* famctl help [COMMAND]: the manual page, or the short text without man. */
static int run_help(int argc, char **argv, struct err *err)
{
	const struct command *cmd = NULL;
	char page[64] = "famctl";

	if (argc > 0) {
		cmd = find_command(argv[0]);
		if (!cmd)
			return err_set(err, -EINVAL, "unknown command '%s'",
				       argv[0]);
		snprintf(page, sizeof(page), "famctl-%s", cmd->name);
	}
	if (isatty(STDOUT_FILENO) && has_page(page))
		execlp("man", "man", page, (char *)NULL);
	if (cmd)
		print_command_help(cmd);
	else
		print_help();
	return 0;
}

static int print_fabric(const char *path, void *arg, struct err *err)
{
	const char *base = strrchr(path, '/');
	size_t len;

	(void)arg;
	(void)err;
	base = base ? base + 1 : path;
	len = strlen(base);
	if (len > strlen(FABRIC_SUFFIX))
		printf("%.*s\n", (int)(len - strlen(FABRIC_SUFFIX)), base);
	return 0;
}

static int print_node(const struct virt_node *node, void *arg, struct err *err)
{
	(void)arg;
	(void)err;
	printf("%s\n", node->name);
	return 0;
}

static void print_options(const struct opt *table)
{
	for (; table->name; table++)
		printf("--%s\n", table->name);
}

/* What completion asks; unlisted, prints nothing rather than an error. */
static int run_complete(int argc, char **argv)
{
	const struct command *cmd;
	struct err ignored;

	if (argc == 0) {
		for (size_t i = 0; i < COMMAND_COUNT; i++)
			printf("%s\n", commands[i]->name);
		printf("help\n");
	} else if (strcmp(argv[0], "fabrics") == 0) {
		fabric_each(NULL, print_fabric, NULL, &ignored);
	} else if (strcmp(argv[0], "nodes") == 0) {
		_cleanup_virt_ struct virt *virt = NULL;

		if (virt_open(&virt, globals.connect, &ignored) == 0)
			virt_each_node(virt, print_node, NULL, &ignored);
	} else if ((cmd = find_command(argv[0]))) {
		print_options(cmd->options);
		print_options(global_options);
	}
	return 0;
}

/* Index of the command's name: the first word that is no global option. */
static int command_index(int argc, char **argv)
{
	for (int i = 1; i < argc; i++) {
		if (argv[i][0] != '-')
			return i;
		if (strcmp(argv[i], "-c") == 0 ||
		    strcmp(argv[i], "--connect") == 0)
			i++;
	}
	return argc;
}

static int run_command(const struct command *cmd, int argc, char **argv,
		       struct err *err)
{
	const struct opt *tables[] = {cmd->options, global_options, NULL};
	int ret = opt_parse(tables, &argc, argv, err);

	if (ret < 0)
		return err_hint(err, "famctl %s --help lists the options",
				cmd->name);
	if (want_help) {
		print_command_help(cmd);
		return 0;
	}
	return cmd->run(&globals, argc, argv, err);
}

static int run(int argc, char **argv, struct err *err)
{
	const struct opt *tables[] = {global_options, NULL};
	int at = command_index(argc, argv), rest = argc - at - 1;
	int before = at - 1;
	const struct command *cmd;
	int ret = opt_parse(tables, &before, argv + 1, err);

	if (ret < 0)
		return err_hint(err, "famctl --help lists the options");
	if (want_version) {
		printf("famctl %s\n", FAM_RELEASE);
		return 0;
	}
	if (at == argc && want_help) {
		print_help();
		return 0;
	}
	if (at == argc) {
		err_set(err, -EINVAL, "no command is given");
		return err_hint(err, "famctl --help lists the commands");
	}
	if (strcmp(argv[at], "help") == 0)
		return run_help(rest, argv + at + 1, err);
	if (strcmp(argv[at], "complete") == 0)
		return run_complete(rest, argv + at + 1);
	if (strcmp(argv[at], "supervise") == 0)
		return supervise_run(rest, argv + at + 1, err);
	cmd = find_command(argv[at]);
	if (!cmd) {
		err_set(err, -EINVAL, "unknown command '%s'", argv[at]);
		return err_hint(err, "famctl --help lists the commands");
	}
	return run_command(cmd, rest, argv + at + 1, err);
}

int main(int argc, char **argv)
{
	struct err err = {0};
	int ret;

	fdio_guard_standard();
	/* A closed pipe is a failed write, reported as one. */
	signal(SIGPIPE, SIG_IGN);
	ret = run(argc, argv, &err);
	if (ret >= 0)
		ret = out_finish(&err);
	if (ret < 0) {
		out_failure(globals.json, &err, exit_status(ret), done);
		(void)out_finish(&err); /* the failure is already reported */
	}
	return exit_status(ret < 0 ? ret : 0);
}
