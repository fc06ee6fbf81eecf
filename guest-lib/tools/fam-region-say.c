// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "fam-region-tool.h"

/* Of commands that have this option. */
#define NO_SYNC_HINT \
	"--no-sync does without, and the change is not durable then"

/* Why something cannot be done with a region, and what to do then. */
static const struct failure failures[] = {
	{-ENOENT, EXIT_NO_FABRIC, "there is none",
	 "'fam ls -r' shows what there is"},
	{-EEXIST, EXIT_EXISTS, "there is one of this name",
	 "take another name, or remove it with 'fam rm'; 'put' and 'mv' have "
	 "--replace"},
	{-EINVAL, EXIT_USAGE, "malformed name",
	 "a name is 1 to 255 bytes of UTF-8 without control characters; '/' "
	 "separates parts, none of them empty, '.' or '..'"},
	{-ENAMETOOLONG, EXIT_USAGE, "the name is too long",
	 "a name has up to 255 bytes"},
	{-EACCES, EXIT_FAILED, "its owner and mode do not allow it",
	 "'fam stat' shows them; 'fam chmod' and 'fam chown' change them, for "
	 "the owner and root"},
	{-EPERM, EXIT_FAILED,
	 "only root may give it to another user, or to a group one is not "
	 "in",
	 NULL},
	{-EMEDIUMTYPE, EXIT_EXISTS, "it is a heap, which keeps its size",
	 "'fam heap create' makes another one; 'fam kv export' and 'import' "
	 "copy a store"},
	{-ERANGE, EXIT_FAILED, "not inside the region",
	 "'fam stat' shows how many bytes it has"},
	{-EROFS, EXIT_FAILED, "the fabric can only be read here", NULL},
	{-EBADMSG, EXIT_FAILED, "the directory of regions is damaged",
	 "on the host, 'famctl check-fabric --repair' makes good what can be"},
	{-EAGAIN, EXIT_EXISTS, "it was moved or made smaller meanwhile",
	 "try again; who may write to the fabric keeps others from doing so"},
	{-EFAULT, EXIT_FAILED, MEMORY_GONE, "look at the disk of the host"},
	{-EUSERS, EXIT_FAILED,
	 "more programs are attached than there is room for",
	 "'fam peers' shows them; end some"},
	{-ETIMEDOUT, EXIT_NO_SERVER, "the server does not answer",
	 NO_SYNC_HINT},
	{-ENOTCONN, EXIT_NO_SERVER, "the server is gone",
	 "'famctl start-server' on the host starts it; " NO_SYNC_HINT},
	{-EOPNOTSUPP, EXIT_FAILED, "no way to the host's disk from here",
	 NO_SYNC_HINT},
};

#define CAUSE_TEXT 512

/* How large a region could be. */
static void tell_space(struct fam *fam, char out[CAUSE_TEXT])
{
	struct fam_region_space space = {0};
	char largest[SIZE_TEXT_MAX];

	if (fam_region_space(fam, &space, sizeof(space)) < 0)
		return;
	if (space.largest)
		snprintf(out, CAUSE_TEXT,
			 "no free piece is that large: the largest has %s",
			 size_text(space.largest, largest));
	else
		snprintf(out, CAUSE_TEXT, "nothing is free");
}

static void tell_room(struct fam *fam, char out[CAUSE_TEXT])
{
	struct fam_region_space space = {0};

	if (fam_region_space(fam, &space, sizeof(space)) < 0)
		return;
	snprintf(out, CAUSE_TEXT,
		 "there is room for %" PRIu32 " regions, and %" PRIu32
		 " are there",
		 space.room, space.regions);
}

#define USERS_TOLD 4

struct users {
	struct fam *fam;
	char *text; /* CAUSE_TEXT bytes */
	uint32_t count;
};

static int tell_user(const struct fam_region_opener *opener, void *arg)
{
	struct users *users = arg;
	bool writes = opener->flags & (FAM_REGION_WRITE | FAM_REGION_EXCLUSIVE);
	struct fam_session session;
	size_t at = strlen(users->text);

	if (fam_session_get(users->fam, opener->session, &session) < 0 ||
	    users->count++ >= USERS_TOLD)
		return 0;
	snprintf(users->text + at, CAUSE_TEXT - at,
		 "%s%s/%s, process %" PRIu32 ", to %s",
		 users->count > 1 ? "; " : " has it open: ", session.node,
		 session.name, session.pid, writes ? "write" : "read");
	return 0;
}

/* Who has it open. */
static void tell_users(struct fam *fam, const char *name, char out[CAUSE_TEXT])
{
	struct users users = {.fam = fam, .text = out};
	size_t at;

	snprintf(out, CAUSE_TEXT, "somebody");
	/* As good as can be: it may be over by now. */
	(void)fam_region_openers(fam, name, tell_user, &users);
	at = strlen(out);
	if (users.count > USERS_TOLD)
		snprintf(out + at, CAUSE_TEXT - at, "; and %" PRIu32 " more",
			 users.count - USERS_TOLD);
	else if (users.count == 0)
		snprintf(out, CAUSE_TEXT, "somebody has it open");
}

/* Commands with --region have no --no-sync: they are about the bytes in it. */
static bool is_of_bytes(const struct options *options, int error)
{
	return options->region && (error == -ETIMEDOUT || error == -ENOTCONN ||
				   error == -EOPNOTSUPP);
}

/* Those that tell more than a table can. */
static void find_cause(struct fam *fam, const char *name, int error,
		       struct failure *out, char cause[CAUSE_TEXT])
{
	*out = failure_of(error, failures,
			  sizeof(failures) / sizeof(failures[0]));
	if (error == -EBUSY) {
		tell_users(fam, name, cause);
		out->hint = "'fam peers' shows who is there";
	} else if (error == -ENOSPC) {
		snprintf(cause, CAUSE_TEXT, "no room for it");
		tell_space(fam, cause);
		out->hint = "'fam df' shows what is free, 'fam rm' gives back "
			    "what a region takes";
	} else if (error == -EMFILE) {
		snprintf(cause, CAUSE_TEXT, "no room for one more");
		tell_room(fam, cause);
		out->hint = "'fam rm' makes room; famctl create-fabric takes "
			    "--regions for more of it";
	} else {
		return;
	}
	out->cause = cause;
}

int say_region_failure(const struct options *options, struct fam *fam,
		       const char *verb, const char *name, int error)
{
	char cause[CAUSE_TEXT], text[CAUSE_TEXT + 512];
	struct failure failure;

	if (error == -ESTALE)
		return say_lost(options);
	if (error == -EINTR && peer_stopped())
		return EXIT_FAILED; /* as was wished: ends by the signal */
	if (error == -ENODEV)
		return say_peer_failure(options, verb, error);
	find_cause(fam, name, error, &failure, cause);
	if (is_of_bytes(options, error))
		failure.hint = fam_errhint(error);
	snprintf(text, sizeof(text), "cannot %s region '%s': %s", verb, name,
		 failure.cause);
	return say(options, text, failure.hint, failure.status);
}
