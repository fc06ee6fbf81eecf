// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "fam-tool.h"

static int cmd_help(const struct options *options);

static const struct command commands[] = {
	{"info", CMD_INFO, "", "describe a fabric, or all in reach", NULL,
	 cmd_info},
	{"list", CMD_LIST, "", "name the fabrics in reach", NULL, cmd_list},
	{"read", CMD_READ, "", "copy the fabric's data to standard output",
	 NULL, cmd_read},
	{"write", CMD_WRITE, "", "copy standard input into the fabric", NULL,
	 cmd_write},
	{"persist", CMD_PERSIST, "", "make the fabric's data durable", NULL,
	 cmd_persist},
	{"verify", CMD_VERIFY, "--write|--check",
	 "write or check a seeded pattern", NULL, cmd_verify},
	{"peers", CMD_PEERS, "", "who is attached to the fabric", NULL,
	 cmd_peers},
	{"ping", CMD_PING, "PEER", "see whether a peer answers, and how fast",
	 "a peer", cmd_ping},
	{"ring", CMD_RING, "PEER[:VECTOR]|all", "ring a peer, or all of them",
	 "a peer", cmd_ring},
	{"wait", CMD_WAIT, "", "wait until a peer rings", NULL, cmd_wait},
	{"help", CMD_HELP, "", "print this help", NULL, cmd_help},
};

#define COUNT (sizeof(commands) / sizeof(commands[0]))

static int cmd_help(const struct options *options)
{
	(void)options; /* the same for all */
	printf("usage: fam [-f NAME] COMMAND [OPTION...]\n\ncommands:\n");
	for (size_t i = 0; i < COUNT; i++) {
		char left[32];

		snprintf(left, sizeof(left), "%s%s%s", commands[i].name,
			 commands[i].args[0] ? " " : "", commands[i].args);
		printf("  %-22s %s\n", left, commands[i].summary);
	}
	printf("\noptions:\n");
	opt_print();
	printf("\nSizes are bytes, or have a unit: K M G T (KiB MiB GiB TiB).\n"
	       "See fam(1).\n");
	return finish_output(EXIT_DONE);
}

static const struct command *find(const char *name)
{
	for (size_t i = 0; i < COUNT; i++) {
		if (strcmp(name, commands[i].name) == 0)
			return &commands[i];
	}
	return NULL;
}

/* Touching a page the file cannot supply: its disk is full, or it was cut. */
static void on_bus_error(int number)
{
	static const char text[] = "fam: " MEMORY_GONE "\n";

	(void)number;
	/* Nothing can be done if even this fails. */
	if (write(STDERR_FILENO, text, sizeof(text) - 1) < 0)
		_exit(EXIT_FAILED);
	_exit(EXIT_FAILED);
}

/* The command, and the word behind it if it takes one. */
static int check_words(const struct command *command, int count, char **words,
		       struct options *options)
{
	int most = command->operand ? 2 : 1;

	if (count > most)
		return say_usage("unexpected word '%s'", words[most]);
	if (count < most)
		return say_usage("command '%s' needs %s", command->name,
				 command->operand);
	options->operand = command->operand ? words[1] : NULL;
	return EXIT_DONE;
}

static int run(int count, char **operands, struct options *options,
	       unsigned int used)
{
	const struct command *command;
	const char *misfit;

	if (options->help)
		return cmd_help(options);
	if (options->version) {
		printf("fam %s\n", FAM_VERSION);
		return finish_output(EXIT_DONE);
	}
	if (count < 1)
		return say_usage("no command");
	/* As a variable that is not set leaves it; not to mean any fabric. */
	if (options->fabric && !*options->fabric)
		return say_usage("'' is not the name of a fabric");
	command = find(operands[0]);
	if (!command)
		return say_usage("unknown command '%s'", operands[0]);
	if (check_words(command, count, operands, options))
		return EXIT_USAGE;
	misfit = opt_misfit(used, command->bit);
	if (misfit)
		return say_usage("option '--%s' does not fit command '%s'",
				 misfit, command->name);
	return command->run(options);
}

int main(int argc, char **argv)
{
	struct options options = {.seed = 1, .count = 1};
	unsigned int used;
	int count;

	signal(SIGBUS, on_bus_error);
	signal(SIGPIPE, SIG_IGN); /* a failed write is an error like others */
	count = opt_parse(argc - 1, argv + 1, &options, &used);
	if (count < 0)
		return EXIT_USAGE;
	return run(count, argv + 1, &options, used);
}
