// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "fam-tool.h"

static int cmd_help(const struct options *options);

static const struct command commands[] = {
	{"info", CMD_INFO, "", "describe a fabric, or all in reach", 0, 0, NULL,
	 cmd_info},
	{"list", CMD_LIST, "", "name the fabrics in reach", 0, 0, NULL,
	 cmd_list},
	{"read", CMD_READ, "", "copy the fabric's data to standard output", 0,
	 0, NULL, cmd_read},
	{"write", CMD_WRITE, "", "copy standard input into the fabric", 0, 0,
	 NULL, cmd_write},
	{"persist", CMD_PERSIST, "", "make the fabric's data durable", 0, 0,
	 NULL, cmd_persist},
	{"verify", CMD_VERIFY, "--write|--check",
	 "write or check a seeded pattern", 0, 0, NULL, cmd_verify},
	{"peers", CMD_PEERS, "", "who is attached to the fabric", 0, 0, NULL,
	 cmd_peers},
	{"ping", CMD_PING, "PEER", "see whether a peer answers, and how fast",
	 1, 1, "a peer", cmd_ping},
	{"ring", CMD_RING, "PEER[:VECTOR]|all", "ring a peer, or all of them",
	 1, 1, "a peer", cmd_ring},
	{"wait", CMD_WAIT, "", "wait until a peer rings", 0, 0, NULL, cmd_wait},
	{"lock", CMD_LOCK, "NAME -- COMMAND",
	 "run a command while holding a lock", 2, INT_MAX,
	 "the name of a lock, and a command", cmd_lock},
	{"objects", CMD_OBJECTS, "", "list the named objects, or remove one", 0,
	 0, NULL, cmd_objects},
	{"send", CMD_SEND, "NAME [FILE]", "send a file through the fabric", 1,
	 2, "a name", cmd_send},
	{"recv", CMD_RECV, "NAME [FILE]", "receive a file that is sent", 1, 2,
	 "a name", cmd_recv},
	{"chat", CMD_CHAT, "ROOM", "talk with whoever is in the room", 1, 1,
	 "a room", cmd_chat},
	{"bench", CMD_BENCH, "local|serve|run", "measure locks and messages", 1,
	 INT_MAX, "one of local, serve NAME, run NAME", cmd_bench},
	{"ls", CMD_LS, "[NAME]", "list the regions", 0, 1, NULL, cmd_ls},
	{"create", CMD_CREATE, "NAME SIZE", "create a region full of zeros", 2,
	 2, "a name and a size", cmd_create},
	{"rm", CMD_RM, "NAME...", "remove regions", 1, INT_MAX, "a name",
	 cmd_rm},
	{"mv", CMD_MV, "FROM TO", "give a region another name", 2, 2,
	 "a name and a new one", cmd_mv},
	{"stat", CMD_STAT, "NAME...", "describe regions", 1, INT_MAX, "a name",
	 cmd_stat},
	{"put", CMD_PUT, "FILE NAME", "store a file as a region", 2, 2,
	 "a file and a name", cmd_put},
	{"get", CMD_GET, "NAME FILE", "copy a region into a file", 2, 2,
	 "a name and a file", cmd_get},
	{"chmod", CMD_CHMOD, "MODE NAME...", "change who may use regions", 2,
	 INT_MAX, "a mode and a name", cmd_chmod},
	{"chown", CMD_CHOWN, "USER[:GROUP] NAME...", "give regions away", 2,
	 INT_MAX, "an owner and a name", cmd_chown},
	{"resize", CMD_RESIZE, "NAME SIZE", "make a region larger or smaller",
	 2, 2, "a name and a size", cmd_resize},
	{"du", CMD_DU, "[NAME]", "how much space regions take", 0, 1, NULL,
	 cmd_du},
	{"df", CMD_DF, "", "how much space is free", 0, 0, NULL, cmd_df},
	{"kv", CMD_KV, "put|get|rm|list|log|cut|export|import",
	 "keys and values that all nodes share", 1, INT_MAX,
	 "one of put, get, rm, list, log, cut, export, import", cmd_kv},
	{"heap", CMD_HEAP, "create|stat|list|recover",
	 "memory that programs allocate from", 1, INT_MAX,
	 "one of create, stat, list, recover", cmd_heap},
	{"help", CMD_HELP, "[COMMAND]", "print this help, or a command's", 0, 1,
	 NULL, cmd_help},
};

#define COUNT (sizeof(commands) / sizeof(commands[0]))

static const struct command *find(const char *name)
{
	for (size_t i = 0; i < COUNT; i++) {
		if (strcmp(name, commands[i].name) == 0)
			return &commands[i];
	}
	return NULL;
}

static int end_help(void)
{
	printf("\nSizes are bytes, or have a unit: K M G T (KiB MiB GiB TiB).\n"
	       "See fam(1).\n");
	return finish_output(EXIT_DONE);
}

static int help_all(void)
{
	printf("usage: fam [-f NAME] COMMAND [OPTION...]\n\ncommands:\n");
	for (size_t i = 0; i < COUNT; i++) {
		char left[80];

		snprintf(left, sizeof(left), "%s%s%s", commands[i].name,
			 commands[i].args[0] ? " " : "", commands[i].args);
		printf("  %-22s %s\n", left, commands[i].summary);
	}
	printf("\noptions:\n");
	opt_print(CMD_ALL);
	return end_help();
}

static int help_one(const struct command *command)
{
	printf("usage: fam [-f NAME] %s [OPTION...]%s%s\n\n%s\n\noptions:\n",
	       command->name, command->args[0] ? " " : "", command->args,
	       command->summary);
	opt_print(command->bit);
	return end_help();
}

static int help_of(const char *name)
{
	const struct command *command = find(name);

	return command ? help_one(command)
		       : say_usage("unknown command '%s'", name);
}

static int cmd_help(const struct options *options)
{
	return options->operand ? help_of(options->operand) : help_all();
}

/* The words of a list like "put|get|rm", one in a line. */
static void list_actions(const char *args)
{
	if (!*args || args[strspn(args, "abcdefghijklmnopqrstuvwxyz|")])
		return; /* it is something else */
	for (; *args; args++)
		putchar(*args == '|' ? '\n' : *args);
	putchar('\n');
}

/* For the shell: the commands; the options of one, or the word behind it. */
static int complete(const char *name, bool action)
{
	for (size_t i = 0; i < COUNT; i++) {
		if (!name)
			puts(commands[i].name);
		else if (strcmp(name, commands[i].name) != 0)
			continue;
		else if (action)
			list_actions(commands[i].args);
		else
			opt_names(commands[i].bit);
	}
	return finish_output(EXIT_DONE);
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

/* The command, and the words behind it if it takes some. */
static int check_words(const struct command *command, int count, char **words,
		       struct options *options)
{
	int given = count - 1;

	if (given < command->least)
		return say_usage("command '%s' needs %s", command->name,
				 command->operand);
	if (given > command->most)
		return say_usage("unexpected word '%s'",
				 words[command->most + 1]);
	options->operand = given ? words[1] : NULL;
	options->words = words + (given ? 2 : 1);
	return EXIT_DONE;
}

static int run(int count, char **operands, struct options *options,
	       uint64_t used)
{
	const struct command *command;
	const char *misfit;

	if (options->help)
		return count ? help_of(operands[0]) : help_all();
	if (options->version) {
		printf("fam %s\n", FAM_VERSION);
		return finish_output(EXIT_DONE);
	}
	if (count < 1)
		return say_usage("no command");
	/* As a variable that is not set leaves it; not to mean any fabric. */
	if (options->fabric && !*options->fabric)
		return say_usage("'' is not the name of a fabric");
	if (strcmp(operands[0], "complete") == 0)
		return complete(operands[1], count > 2);
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

/*
 * Without one of them, what is opened next would be taken for it: a chat would
 * read from an eventfd. These fail as closed ones do, and commands that are run
 * have them closed as they were.
 */
static void keep_standard(void)
{
	for (int fd = 0; fd < 3; fd++) {
		if (fcntl(fd, F_GETFD) < 0 &&
		    open("/dev/null", (fd ? O_RDONLY : O_WRONLY) | O_CLOEXEC) <
			    0)
			return; /* there is no such device */
	}
}

int main(int argc, char **argv)
{
	struct options options = {.seed = 1, .count = 1};
	uint64_t used;
	int count;

	keep_standard();
	signal(SIGBUS, on_bus_error);
	signal(SIGPIPE, SIG_IGN); /* a failed write is an error like others */
	count = opt_parse(argc - 1, argv + 1, &options, &used);
	if (count < 0)
		return EXIT_USAGE;
	return run(count, argv + 1, &options, used);
}
