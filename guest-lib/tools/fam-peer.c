// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "fam-tool.h"

/* Attaching, for the commands in which others see this program. */
static volatile sig_atomic_t stop_signal;

/*
 * The session is to leave before the process ends. A signal that comes right
 * before a wait does not end that one: so there is another a second later.
 */
static void on_stop(int number)
{
	if (number != SIGALRM)
		stop_signal = number;
	alarm(1);
}

void peer_catch_signals(void)
{
	static const int numbers[] = {SIGINT, SIGTERM, SIGHUP, SIGALRM};
	const struct sigaction action = {.sa_handler = on_stop};
	struct sigaction old;

	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
		/* What the shell had us ignore stays ignored. */
		if (sigaction(numbers[i], NULL, &old) == 0 &&
		    old.sa_handler != SIG_IGN)
			sigaction(numbers[i], &action, NULL);
	}
}

bool peer_stopped(void)
{
	return stop_signal != 0;
}

#define PAUSE_MS 50

bool peer_patience(unsigned int *waited_ms)
{
	const struct timespec pause = {.tv_nsec = PAUSE_MS * 1000000L};

	if (*waited_ms >= FAM_SESSION_LEASE_MS || peer_stopped())
		return false;
	nanosleep(&pause, NULL);
	*waited_ms += PAUSE_MS;
	return true;
}

/* Each doorbell of each peer is a descriptor. */
static void raise_limit(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
		return;
	limit.rlim_cur = limit.rlim_max;
	/* If it cannot be had, fam_open() says what is missing. */
	(void)setrlimit(RLIMIT_NOFILE, &limit);
}

/* Is it the memory that cannot be used? Doorbells may do without. */
static bool is_of_memory(int error)
{
	switch (error) {
	case -EMEDIUMTYPE:
	case -EBADMSG:
	case -EPROTONOSUPPORT:
	case -EROFS:
	case -ENODATA:
	case -ENXIO:
	case -EACCES:
	case -EPERM:
		return true;
	default:
		return false;
	}
}

const char *fabric_text(const struct options *options, char out[FABRIC_TEXT])
{
	if (options->fabric)
		snprintf(out, FABRIC_TEXT, "fabric '%s'", options->fabric);
	else
		snprintf(out, FABRIC_TEXT, "the fabric");
	return out;
}

static int say_no_peers(const struct options *options)
{
	char name[FABRIC_TEXT];

	fprintf(stderr,
		"fam: %s has no peers here: it has no table of sessions, and "
		"there are no doorbells\n"
		"hint: on the host, 'fam -f server:NAME' has the doorbells of "
		"the fabric's server\n",
		fabric_text(options, name));
	return EXIT_FAILED;
}

/* From the first moment on: others may look before it is changed. */
static void prepare(const struct options *options)
{
	raise_limit();
	if (options->name)
		program_invocation_short_name = (char *)options->name;
}

int peer_open(const struct options *options, struct fam **out)
{
	int r;

	prepare(options);
	r = fam_open(out, options->fabric, 0);
	if (is_of_memory(r) &&
	    fam_open(out, options->fabric, FAM_OPEN_DOORBELL) == 0)
		r = 0;
	if (r == -EMEDIUMTYPE)
		return say_no_peers(options);
	if (r < 0)
		return say_failure(options, "attach to", r);
	if (fam_doorbell_vectors(*out) < 0) {
		fam_close(*out);
		return say_no_peers(options);
	}
	peer_catch_signals();
	return EXIT_DONE;
}

int objects_open(const struct options *options, struct fam **out)
{
	int r;

	prepare(options);
	r = fam_open(out, options->fabric, 0);
	if (r == -EMEDIUMTYPE)
		return say_no_objects(options);
	if (r < 0)
		return say_failure(options, "attach to", r);
	if (fam_session_check(*out) == -EOPNOTSUPP) {
		fam_close(*out);
		return say_no_objects(options);
	}
	peer_catch_signals();
	return EXIT_DONE;
}

void peer_raise(void)
{
	if (stop_signal) {
		signal(stop_signal, SIG_DFL);
		raise(stop_signal);
	}
}

int peer_close(struct fam *fam, int status)
{
	fam_close(fam);
	status = finish_output(status);
	peer_raise();
	return status;
}

int say_no_sessions(const struct options *options)
{
	char name[FABRIC_TEXT];

	fprintf(stderr,
		"fam: %s has no sessions, which have names and answer pings\n"
		"hint: formatted fabrics made by this release have; 'fam ring' "
		"also takes the ID of a peer\n",
		fabric_text(options, name));
	return EXIT_FAILED;
}

int say_lost(const struct options *options)
{
	static const char hint[] =
		"this program or its machine stood still for longer than its "
		"lease; start it again";
	char name[FABRIC_TEXT], text[FABRIC_TEXT + 64];

	snprintf(text, sizeof(text),
		 "the others declared dead the own session in %s",
		 fabric_text(options, name));
	return say(options, text, hint, EXIT_FAILED);
}

int say_peer_failure(const struct options *options, const char *verb, int error)
{
	char name[FABRIC_TEXT];

	if (error == -ESTALE)
		return say_lost(options);
	if (error != -ENODEV)
		return say_failure(options, verb, error);
	fprintf(stderr,
		"fam: cannot %s %s: its device was unplugged, or taken from "
		"the kernel module\n"
		"hint: 'fam info' shows how it can be reached now; then start "
		"again\n",
		verb, fabric_text(options, name));
	return EXIT_NO_FABRIC;
}

int say_no_peer(const struct options *options, const char *peer)
{
	bool is_id = *peer && !peer[strspn(peer, "0123456789")];
	const char *quote = is_id ? "" : "'";
	char name[FABRIC_TEXT];

	fprintf(stderr, "fam: %s has no peer %s%s%s\n",
		fabric_text(options, name), quote, peer, quote);
	fprintf(stderr, "hint: 'fam %s%s%speers' names them\n",
		options->fabric ? "-f " : "",
		options->fabric ? options->fabric : "",
		options->fabric ? " " : "");
	return EXIT_NO_FABRIC;
}
