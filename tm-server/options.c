// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
#include <ctype.h>
#include <errno.h>
#include <getopt.h>
#include <grp.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "options.h"
#include "util/size.h"

#define DEFAULT_STALL_MS 30000
#define STALL_MAX_S	 86400

struct parse {
	struct options *o;
	const char *arg;
	struct err *err;
};

typedef int (*option_fn)(struct parse *p);

static int bad(struct parse *p, const char *what)
{
	return err_set(p->err, -EINVAL, "'%s' is not %s", p->arg, what);
}

/* A whole decimal number of @min to @max. */
static int number(struct parse *p, unsigned long min, unsigned long max,
		  unsigned int *out)
{
	char *end;
	unsigned long n;

	errno = 0;
	n = strtoul(p->arg, &end, 10);
	if (!isdigit((unsigned char)*p->arg) || *end || errno || n < min ||
	    n > max)
		return err_set(p->err, -EINVAL,
			       "'%s' is not a number from %lu to %lu", p->arg,
			       min, max);
	*out = (unsigned int)n;
	return 0;
}

static int path_into(struct parse *p, char out[LISTEN_PATH_MAX])
{
	const char *path = strcmp(p->arg, "none") == 0 ? "" : p->arg;

	if (!*p->arg)
		return bad(p, "a path");
	if (strlen(path) >= LISTEN_PATH_MAX)
		return err_set(
			p->err, -EINVAL,
			"a socket's path has at most %zu bytes, '%s' %zu",
			LISTEN_PATH_MAX - 1, p->arg, strlen(path));
	snprintf(out, LISTEN_PATH_MAX, "%s", path);
	return 0;
}

static int do_file(struct parse *p)
{
	if (!*p->arg)
		return bad(p, "a path");
	p->o->config.region.file = p->arg;
	return 0;
}

static int do_shm(struct parse *p)
{
	p->o->config.region.shm = p->arg;
	return 0;
}

static int do_none(struct parse *p)
{
	p->o->config.region.none = true;
	return 0;
}

static int do_size(struct parse *p)
{
	if (size_parse(p->arg, &p->o->config.region.size) < 0 ||
	    !p->o->config.region.size)
		return bad(p, "a size");
	return 0;
}

/* As -m always was: a bare number counts MiB. */
static int do_size_mib(struct parse *p)
{
	uint64_t n;
	int ret = do_size(p);

	if (ret < 0 || !isdigit((unsigned char)p->arg[strlen(p->arg) - 1]))
		return ret;
	n = p->o->config.region.size;
	if (n > FAM_SIZE_MAX / MiB)
		return bad(p, "a size");
	p->o->config.region.size = n * MiB;
	return 0;
}

static int do_grow(struct parse *p)
{
	p->o->config.region.grow = true;
	return 0;
}

static int do_force(struct parse *p)
{
	p->o->config.region.force = true;
	return 0;
}

static int do_reserve(struct parse *p)
{
	p->o->config.region.reserve = true;
	return 0;
}

static int do_sparse(struct parse *p)
{
	p->o->config.region.sparse = true;
	return 0;
}

static int do_vectors(struct parse *p)
{
	return number(p, 1, IVSHMEM_VECTORS_MAX, &p->o->config.vectors);
}

static int do_socket(struct parse *p)
{
	int ret = path_into(p, p->o->config.socket);

	return ret == 0 && !*p->o->config.socket ? bad(p, "a path") : ret;
}

static int do_legacy(struct parse *p)
{
	p->o->has_path[IVSHMEM_LEGACY] = true;
	return path_into(p, p->o->config.paths[IVSHMEM_LEGACY]);
}

static int do_host(struct parse *p)
{
	p->o->has_path[IVSHMEM_HOST] = true;
	return path_into(p, p->o->config.paths[IVSHMEM_HOST]);
}

static int do_control(struct parse *p)
{
	p->o->has_control = true;
	return path_into(p, p->o->config.control);
}

static int do_name(struct parse *p)
{
	if (fam_label_check(p->arg) < 0)
		return bad(p, "a fabric's name");
	snprintf(p->o->config.label, sizeof(p->o->config.label), "%s", p->arg);
	return 0;
}

static int do_mode(struct parse *p)
{
	char *end;
	unsigned long mode = strtoul(p->arg, &end, 8);

	if (!isdigit((unsigned char)*p->arg) || *end || mode & ~0777ul)
		return bad(p, "an octal mode");
	p->o->config.mode = (mode_t)mode;
	return 0;
}

static int do_group(struct parse *p)
{
	struct group *g = getgrnam(p->arg);
	unsigned int gid = 0;

	if (!g && number(p, 0, UINT32_MAX - 1, &gid) < 0)
		return err_set(p->err, -EINVAL, "there is no group '%s'",
			       p->arg);
	p->o->config.gid = g ? g->gr_gid : gid;
	p->o->has_group = true;
	return 0;
}

static int do_allow(struct parse *p)
{
	struct peers_config *peers = &p->o->config.peers;
	struct passwd *u = getpwnam(p->arg);
	unsigned int uid = 0;

	if (!u && number(p, 0, UINT32_MAX - 1, &uid) < 0)
		return err_set(p->err, -EINVAL, "there is no user '%s'",
			       p->arg);
	if (peers->allow_count == PEERS_ALLOW_MAX)
		return err_set(p->err, -EINVAL, "at most %d users can be named",
			       PEERS_ALLOW_MAX);
	peers->allow[peers->allow_count++] = u ? u->pw_uid : uid;
	return 0;
}

static int do_stall(struct parse *p)
{
	unsigned int seconds = 0;
	int ret = number(p, 0, STALL_MAX_S, &seconds);

	if (ret == 0)
		p->o->config.peers.stall_ms = seconds * 1000;
	return ret;
}

static int do_max_peers(struct parse *p)
{
	return number(p, 1, IVSHMEM_IDS - 1, &p->o->config.peers.max);
}

static int do_level(struct parse *p)
{
	static const char *const names[] = {"error", "warn", "info", "debug"};

	for (int i = 0; i < 4; i++) {
		if (strcmp(p->arg, names[i]) == 0) {
			p->o->level = (enum log_level)i;
			return 0;
		}
	}
	return bad(p, "one of error, warn, info, debug");
}

static int do_log_file(struct parse *p)
{
	p->o->log_file = p->arg;
	return 0;
}

static int do_detach(struct parse *p)
{
	p->o->detach = true;
	return 0;
}

static int do_check(struct parse *p)
{
	p->o->action = OPTIONS_CHECK;
	return 0;
}

static int do_take_over(struct parse *p)
{
	p->o->action = OPTIONS_TAKE_OVER;
	return 0;
}

static int do_resume(struct parse *p)
{
	return number(p, 3, INT32_MAX, (unsigned int *)&p->o->resume_fd);
}

static int do_help(struct parse *p)
{
	p->o->action = OPTIONS_HELP;
	return 0;
}

static int do_version(struct parse *p)
{
	p->o->action = OPTIONS_VERSION;
	return 0;
}

/* One table drives parsing and --help; without a help text it is not shown. */
static const struct {
	char letter;
	const char *name, *arg;
	option_fn fn;
	const char *help;
} table[] = {
	{'f', "file", "FILE", do_file, "serve this regular file"},
	{'s', "shm", "NAME", do_shm, "serve a POSIX shared memory object"},
	{0, "no-memory", NULL, do_none, "interrupts only: one anonymous page"},
	{'m', NULL, "SIZE", do_size_mib, "its size; a bare number counts MiB"},
	{0, "size", "SIZE", do_size, "its size; a bare number counts bytes"},
	{'t', "grow", NULL, do_grow, "make it, or make it larger, up to -m"},
	{0, "force", NULL, do_force,
	 "with -t: make it smaller if nobody has it open"},
	{0, "reserve", NULL, do_reserve, "reserve all of its disk space first"},
	{0, "sparse", NULL, do_sparse, "with -t: reserve no disk space"},
	{'n', "vectors", "N", do_vectors, "interrupts per peer, 1 to 256 (1)"},
	{'p', "socket", "PATH", do_socket, "socket for QEMU"},
	{0, "legacy-socket", "PATH", do_legacy,
	 "for old raw clients, or none (SOCKET.legacy)"},
	{0, "host-socket", "PATH", do_host,
	 "for programs of the host, or none (SOCKET.host)"},
	{0, "control-socket", "PATH", do_control,
	 "for famctl, or none (SOCKET.ctl)"},
	{0, "name", "NAME", do_name, "of the fabric, for messages and sockets"},
	{0, "mode", "MODE", do_mode, "of the sockets, octal (0660)"},
	{0, "group", "GROUP", do_group, "of the sockets (root's: kvm)"},
	{0, "allow", "USER", do_allow, "let in only named users; repeatable"},
	{0, "stall-timeout", "SECONDS", do_stall,
	 "drop who reads nothing so long; 0: never (30)"},
	{0, "max-peers", "N", do_max_peers, "peers attached at once"},
	{'d', "detach", NULL, do_detach, "go to the background once ready"},
	{0, "log-level", "LEVEL", do_level,
	 "error, warn, info (default), debug"},
	{0, "log-file", "FILE", do_log_file, "append messages to a file"},
	{0, "check", NULL, do_check, "check the set-up, change nothing, exit"},
	{0, "take-over", NULL, do_take_over,
	 "have the running server replaced in place"},
	{0, "resume-fd", "FD", do_resume, NULL},
	{'h', "help", NULL, do_help, "this list"},
	{0, "version", NULL, do_version, "version of this program"},
};

#define TABLE_SIZE (sizeof(table) / sizeof(*table))

void options_help(FILE *f)
{
	fputs("usage: tm-server {-f FILE | -s NAME | --no-memory} [OPTION...]\n"
	      "\n"
	      "Serves one fabric to QEMU (ivshmem) and to programs of the "
	      "host; "
	      "see tm-server(8).\n"
	      "\n",
	      f);
	for (size_t i = 0; i < TABLE_SIZE; i++) {
		char left[64];
		char letter[4] = {'-', table[i].letter,
				  table[i].name ? ',' : '\0', '\0'};

		if (!table[i].help)
			continue;
		snprintf(left, sizeof(left), "  %-3s %s%s %s",
			 table[i].letter ? letter : "",
			 table[i].name ? "--" : "", table[i].name ?: "",
			 table[i].arg ?: "");
		fprintf(f, "%-30s %s\n", left, table[i].help);
	}
}

/* The index into the table is what getopt_long() returns, from LONG_BASE on. */
#define LONG_BASE 256

static void fill_getopt(struct option *longs, char *shorts)
{
	size_t n = 0;

	*shorts++ = ':';
	for (size_t i = 0; i < TABLE_SIZE; i++) {
		if (table[i].letter) {
			*shorts++ = table[i].letter;
			if (table[i].arg)
				*shorts++ = ':';
		}
		if (table[i].name)
			longs[n++] = (struct option){
				table[i].name,
				table[i].arg ? required_argument : no_argument,
				NULL, LONG_BASE + (int)i};
	}
	*shorts = '\0';
	longs[n] = (struct option){0};
}

static size_t find(int c)
{
	size_t i = 0;

	if (c >= LONG_BASE)
		return (size_t)(c - LONG_BASE);
	while (table[i].letter != c)
		i++;
	return i;
}

static int complain(char **argv, int c, struct err *err)
{
	const char *word = argv[optind - 1];

	if (c == ':')
		err_set(err, -EINVAL, "option '%s' needs an argument", word);
	else if (optopt && optopt < LONG_BASE)
		err_set(err, -EINVAL, "unknown option '-%c'", optopt);
	else if (optopt)
		err_set(err, -EINVAL, "option '%s' takes no argument", word);
	else
		err_set(err, -EINVAL, "unknown option '%s'", word);
	return err_hint(err, "'tm-server --help' lists the options");
}

static int parse_all(struct parse *p, int argc, char **argv)
{
	struct option longs[TABLE_SIZE + 1];
	char shorts[2 * TABLE_SIZE + 2];
	int c, ret = 0;

	fill_getopt(longs, shorts);
	optind = 0;
	opterr = 0;
	while (ret == 0 &&
	       (c = getopt_long(argc, argv, shorts, longs, NULL)) >= 0) {
		if (c == '?' || c == ':')
			return complain(argv, c, p->err);
		p->arg = optarg;
		ret = table[find(c)].fn(p);
	}
	if (ret == 0 && optind < argc)
		ret = err_set(p->err, -EINVAL, "unexpected argument '%s'",
			      argv[optind]);
	return ret;
}

int options_parse(struct options *out, int argc, char **argv, struct err *err)
{
	struct parse p = {.o = out, .err = err};
	struct server_config *c = &out->config;
	int ret;

	*out = (struct options){.resume_fd = -1, .level = LOG_LEVEL_INFO};
	c->vectors = 1;
	c->mode = 0660;
	c->gid = (gid_t)-1;
	c->peers.stall_ms = DEFAULT_STALL_MS;
	ret = parse_all(&p, argc, argv);
	if (ret < 0 || out->action == OPTIONS_HELP ||
	    out->action == OPTIONS_VERSION)
		return ret;
	/* the question of takeover_check(): it serves nothing */
	if (out->resume_fd >= 0 && out->action == OPTIONS_CHECK)
		return 0;
	return options_complete(out, err);
}
