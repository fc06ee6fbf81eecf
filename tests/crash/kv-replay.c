// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
/*
 * Cuts the power of a recorded disk again and again, and looks each time what is in
 * its map and its log: all that was put or removed for certain is so, what was
 * under way has happened or has not, no value is torn, the log tells the same as
 * the map, and nothing is allocated that nobody knows of.
 *
 * usage: fam-kv-replay [OPTION...] DIR	of fam-disk
 * The options are those of moments.h.
 */
#include <err.h>
#include <errno.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <fam/check.h>
#include <fam/fam.h>
#include <fam/hash.h>
#include <fam/log.h>
#include <fam/region.h>

#include "kv-line.h"
#include "moments.h"

#define CHANCES_MAX 64

/* What may stand at a key, as the tape tells: versions; 0: it is not there. */
struct chances {
	uint64_t version[CHANCES_MAX];
	unsigned int count; /* the first one is certain if there is no other */
	uint64_t newest;
};

enum tale { UNTOLD, WILL, DID };

/* A version of a program, as the tape tells. */
struct told {
	uint8_t tale, deed, name;
};

/* What moments.h is told. */
static struct {
	struct chances chances[KV_USERS][KV_NAMES];
	struct told told[KV_USERS][KV_VERSIONS];
} story;

/* What is found behind one cut. */
static struct found {
	struct kv_root root;
	struct fam_heap *heap;
	struct fam_hash *hash;
	struct fam_log *log;
	uint64_t by_log[KV_USERS][KV_NAMES]; /* what stands there, as it says */
	uint8_t records[KV_USERS][KV_VERSIONS];
	uint64_t number, pairs, wrong;
} f;

static void __attribute__((format(printf, 1, 2))) wrong(const char *fmt, ...)
{
	va_list ap;

	f.wrong++;
	printf("wrong: ");
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	printf("\n");
}

/* --- the tape ------------------------------------------------------------------------ */

static void may_be(uint64_t user, uint64_t name, uint64_t version,
		   uint64_t stands, bool certain)
{
	struct chances *c = &story.chances[user][name];

	/* At first it is not there. */
	if (c->count == 0)
		c->version[c->count++] = 0;
	if (certain)
		c->count = 0;
	if (c->count == CHANCES_MAX)
		errx(2, "a program died too often");
	c->version[c->count++] = stands;
	c->newest = version;
}

static void hear(void *arg, const char *line)
{
	char what[8];
	uint64_t user, name, version, stands;
	unsigned int deed;
	bool did;

	(void)arg;
	if (sscanf(line, "%7s %" SCNu64 " %" SCNu64 " %" SCNu64 " %u", what,
		   &user, &name, &version, &deed) != 5 ||
	    user >= KV_USERS || name >= KV_NAMES || version >= KV_VERSIONS ||
	    deed >= KV_DEEDS)
		errx(2, "a strange line: %s", line);
	did = strcmp(what, "did") == 0;
	stands = deed == KV_REMOVE ? 0 : version;
	may_be(user, name, version, stands, did);
	if (deed == KV_PAIR)
		may_be(user, name ^ 1, version, stands, did);
	story.told[user][version] = (struct told){
		.tale = did ? DID : WILL,
		.deed = (uint8_t)deed,
		.name = (uint8_t)name,
	};
}

/* --- the log ---------------------------------------------------------------------------- */

static int read_record(uint64_t number, const void *data, uint64_t bytes,
		       void *arg)
{
	struct kv_record r = {.user = KV_USERS};

	(void)arg;
	if (number != ++f.number)
		wrong("record %" PRIu64 " of the log is missing", f.number);
	f.number = number;
	if (bytes == sizeof(r))
		memcpy(&r, data, sizeof(r));
	if (r.user >= KV_USERS || r.name >= KV_LOGGED ||
	    r.version >= KV_VERSIONS || r.deed >= KV_DEEDS) {
		wrong("record %" PRIu64 " of the log is none", number);
		return 0;
	}
	f.by_log[r.user][r.name] = r.deed == KV_REMOVE ? 0 : r.version;
	f.records[r.user][r.version]++;
	return 0;
}

/* Each change of the first half has its records, if it was done; all or none. */
static void judge_records(uint64_t user, uint64_t version, uint64_t *acks)
{
	const struct told *told = &story.told[user][version];
	const unsigned int got = f.records[user][version];
	unsigned int all = told->deed == KV_PAIR ? 2 : 1;

	*acks += told->tale == DID;
	if (told->name >= KV_LOGGED || told->tale == UNTOLD)
		all = 0;
	if (got != all && (got != 0 || told->tale == DID))
		wrong("version %" PRIu64 " of program %" PRIu64
		      " has %u records in the log, not %u",
		      version, user, got, all);
}

/* --- the map ---------------------------------------------------------------------------- */

/* The version of what stands there; 0: nothing; UINT64_MAX: it is torn. */
static uint64_t version_at(uint64_t user, uint64_t name)
{
	static uint8_t value[KV_MAX], want[KV_MAX];
	struct kv_value head;
	char key[KV_TEXT];
	uint64_t bytes = 0;
	int r = fam_hash_get(f.hash, NULL, key, kv_text(key, user, name), value,
			     sizeof(value), &bytes);

	if (r == -ENOENT)
		return 0;
	f.pairs++;
	if (r < 0 || bytes < sizeof(head))
		return UINT64_MAX;
	memcpy(&head, value, sizeof(head));
	if (head.user != user || head.name != name || head.version == 0 ||
	    kv_fill(want, &head) != bytes || memcmp(want, value, bytes) != 0)
		return UINT64_MAX;
	return head.version;
}

static void judge_key(uint64_t user, uint64_t name)
{
	const struct chances *c = &story.chances[user][name];
	const uint64_t there = version_at(user, name);
	bool good = c->count == 0 && there == 0;

	for (unsigned int i = 0; i < c->count; i++)
		good |= there == c->version[i];
	if (!good)
		wrong("key %" PRIu64 "/%" PRIu64 " has version %" PRId64
		      ", not %" PRIu64 " to %" PRIu64,
		      user, name, (int64_t)there, c->count ? c->version[0] : 0,
		      c->newest);
	if (name < KV_LOGGED && there != f.by_log[user][name])
		wrong("key %" PRIu64 "/%" PRIu64 " has version %" PRId64
		      ", the log says %" PRIu64,
		      user, name, (int64_t)there, f.by_log[user][name]);
}

/* --- all of it ---------------------------------------------------------------------------- */

static int problem(const struct fam_check_problem *p, void *arg)
{
	(void)arg;
	if (p->level != FAM_CHECK_NOTE)
		wrong("check: %s: %s", p->part, p->text);
	return 0;
}

static int count_object(fam_off off, uint64_t usable, void *arg)
{
	(void)off;
	(void)usable;
	++*(uint64_t *)arg;
	return 0;
}

/* It is of use from now on. */
static void use(struct fam *fam)
{
	struct fam_check_summary summary;
	char value[4] = "";
	int r;

	if (fam_hash_count(f.hash) != f.pairs)
		wrong("the map has %" PRIu64 " pairs, and counts %" PRIu64,
		      f.pairs, fam_hash_count(f.hash));
	if (fam_check(fam, 0, problem, NULL, &summary) < 0)
		wrong("it cannot be checked");
	r = fam_hash_put(f.hash, NULL, "next", 4, "new", 4);
	if (r == 0)
		r = fam_hash_get(f.hash, NULL, "next", 4, value, 4, NULL);
	if (r < 0 || strcmp(value, "new") != 0)
		wrong("cannot put: %s", fam_strerror(r));
}

/* When all is removed, only the root is left: nothing was lost. */
static void remove_all(fam_off root)
{
	uint64_t objects = 0;
	int r = fam_hash_destroy(f.hash, root + offsetof(struct kv_root, hash));

	if (r == 0)
		r = fam_log_destroy(f.log,
				    root + offsetof(struct kv_root, log));
	if (r < 0)
		wrong("cannot remove all: %s", fam_strerror(r));
	fam_heap_each(f.heap, count_object, &objects);
	if (objects != 1)
		wrong("%" PRIu64 " objects are left", objects - 1);
}

static void judge(struct fam *fam, uint64_t *acks, fam_off root)
{
	fam_log_each(f.log, 1, read_record, NULL);
	for (uint64_t user = 0; user < KV_USERS; user++) {
		for (uint64_t v = 1; v < KV_VERSIONS; v++)
			judge_records(user, v, acks);
		for (uint64_t name = 0; name < KV_NAMES; name++)
			judge_key(user, name);
	}
	use(fam);
	remove_all(root);
}

static int open_store(struct fam *fam, fam_off *at)
{
	int r = fam_heap_open(fam, KV_HEAP, FAM_REGION_WRITE, &f.heap);

	if (r == 0)
		r = fam_heap_root(f.heap, 0, at);
	if (r < 0)
		return r;
	memcpy(&f.root, fam_heap_at(f.heap, *at, sizeof(f.root)),
	       sizeof(f.root));
	r = fam_hash_open(f.heap, f.root.hash.off, &f.hash);
	return r < 0 ? r : fam_log_open(f.heap, f.root.log.off, &f.log);
}

static int check_store(void *arg, struct fam *fam, uint64_t *acks,
		       uint64_t *wrongs)
{
	fam_off at = 0;
	int r;

	(void)arg;
	memset(&f, 0, sizeof(f));
	r = open_store(fam, &at);
	if (r == 0)
		judge(fam, acks, at);
	fam_log_close(f.log);
	fam_hash_close(f.hash);
	fam_heap_close(f.heap);
	*wrongs += f.wrong;
	return r;
}

int main(int argc, char **argv)
{
	const struct moments_judge moments = {
		.program = "fam-kv-replay",
		.hear = hear,
		.check = check_store,
	};

	return moments_main(argc, argv, &moments);
}
