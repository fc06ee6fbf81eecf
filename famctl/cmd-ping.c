// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "cmd.h"
#include "control.h"
#include "fabric.h"
#include "out.h"
#include "servers.h"
#include "util/cleanup.h"

static const char *fabric_name;

static const struct opt options[] = {{"fabric", 'f', OPT_STRING, "FABRIC",
				      "fabric of the peer (fabric0)",
				      &fabric_name},
				     {0}};

/* "PEER[:VECTOR]" taken apart, and whom it means. */
struct target {
	const char *word;
	char peer[FAM_LABEL_BYTES];
	uint32_t vector;
	bool by_id;
	uint32_t id;
	char name[FAM_LABEL_BYTES]; /* as the server says, or "" */
	unsigned int found;
};

/* A whole decimal number of at most five digits; false if it is not one. */
static bool read_number(const char *text, uint32_t *out)
{
	size_t len = strlen(text);

	if (len == 0 || len > 5 || text[strspn(text, "0123456789")])
		return false;
	*out = (uint32_t)strtoul(text, NULL, 10);
	return true;
}

static int parse(const char *word, struct target *out, struct err *err)
{
	const char *colon = strrchr(word, ':');
	size_t len = colon ? (size_t)(colon - word) : strlen(word);

	*out = (struct target){.word = word};
	if (len == 0 || len >= sizeof(out->peer) ||
	    (colon && !read_number(colon + 1, &out->vector))) {
		err_set(err, -EINVAL, "'%.100s' is not PEER or PEER:VECTOR",
			word);
		return err_hint(err, "a peer is an ID or a node's name, as in "
				     "3, node01 or node01:1");
	}
	memcpy(out->peer, word, len);
	out->by_id = read_number(out->peer, &out->id);
	return 0;
}

/* Who is away keeps the ID, but not against one of that name who is there. */
static int look_for(const struct tm_ctl_peer *peer, void *arg, struct err *err)
{
	struct target *target = arg;
	bool match = target->by_id ? peer->id == target->id
				   : strcmp(peer->name, target->peer) == 0;

	(void)err;
	if (!match || (peer->state == TM_CTL_ABSENT && !target->by_id))
		return 0;
	target->id = peer->id;
	snprintf(target->name, sizeof(target->name), "%.*s",
		 FAM_LABEL_BYTES - 1, peer->name);
	target->found++;
	return 0;
}

static int find(int fd, struct target *target, struct err *err)
{
	int ret = control_each_peer(fd, look_for, target, err);

	if (ret < 0)
		return ret;
	if (target->found > 1) {
		err_set(err, -EINVAL, "%u peers are called '%s'", target->found,
			target->peer);
		return err_hint(err, "name one by its ID; famctl list-peers "
				     "shows them");
	}
	if (target->found)
		return 0;
	err_set(err, -ENOENT, "there is no such peer");
	return err_hint(err, "famctl list-peers shows them");
}

static int check_vector(int fd, const struct target *target, struct err *err)
{
	struct tm_ctl_status status;
	int ret = control_status(fd, &status, err);

	if (ret < 0 || target->vector < status.vectors)
		return ret;
	return err_set(err, -EINVAL, "peers have the vectors 0 to %u, not %u",
		       status.vectors - 1, target->vector);
}

static int ping(const char *fabric, struct target *target, struct err *err)
{
	_cleanup_close_ int fd = servers_open(fabric, err);
	int ret = fd < 0 ? fd : check_vector(fd, target, err);

	if (ret == 0)
		ret = find(fd, target, err);
	if (ret == 0)
		ret = control_ping(fd, target->id, target->vector, err);
	return ret < 0 ? err_prefix(err, "cannot ring peer '%s'", target->peer)
		       : 0;
}

static void report(bool json, const struct target *target)
{
	if (json)
		out_object(true, NULL,
			   json_pack("{s:i,s:o,s:i}", "id", (int)target->id,
				     "name", out_json_text(target->name),
				     "vector", (int)target->vector));
	else
		printf("rang vector %" PRIu32 " of peer %" PRIu32 " (%s)\n",
		       target->vector, target->id, target->name);
}

static int run(const struct globals *globals, int argc, char **argv,
	       struct err *err)
{
	struct target target;
	char name[FAM_LABEL_BYTES];
	int ret;

	if (argc != 1) {
		err_set(err, -EINVAL, "ping takes one peer");
		return err_hint(err, "famctl list-peers shows them");
	}
	ret = parse(argv[0], &target, err);
	if (ret == 0)
		ret = servers_name(fabric_name ? fabric_name
					       : FABRIC_DEFAULT_NAME,
				   name, err);
	if (ret == 0)
		ret = ping(name, &target, err);
	if (ret < 0)
		return ret;
	report(globals->json, &target);
	return 0;
}

const struct command cmd_ping = {
	.name = "ping",
	.args = "PEER[:VECTOR]",
	.summary = "ring a peer's doorbell",
	.options = options,
	.run = run,
};
