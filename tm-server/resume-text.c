// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
/*
 * The text of a take-over. Names and paths are the rest of their line.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "resume.h"

/* A name must not begin a line of its own. */
static void put_name(FILE *f, const char *name)
{
	for (; *name; name++)
		fputc((unsigned char)*name < ' ' ? '?' : *name, f);
	fputc('\n', f);
}

static const char *or_dash(const char *text)
{
	return *text ? text : "-";
}

static void put_listener(FILE *f, int index, const struct listener *l)
{
	if (l->fd >= 0)
		fprintf(f, "listener %d %d %d %ju %ju\n", index, l->fd, l->ours,
			(uintmax_t)l->dev, (uintmax_t)l->ino);
}

static void put_slot(FILE *f, const struct slot *s, unsigned int vectors)
{
	const struct identity *o = &s->owner;

	fprintf(f, "slot %u %" PRIu64 " %u %u %u %s", s->id, s->left, o->pid,
		o->uid, o->gid, or_dash(o->uuid));
	for (unsigned int v = 0; v < vectors; v++)
		fprintf(f, " %d", s->eventfd[v]);
	fputc(' ', f);
	put_name(f, o->name);
}

static void put_peer(FILE *f, const struct peer *p)
{
	const struct ivshmem_stream *s = &p->stream;

	fprintf(f, "peer %u %d %d %" PRId64 " %" PRIu64 " %d %u %zu %zu\n",
		p->slot->id, p->fd, p->dialect, p->joined, s->sent, s->phase,
		s->vector, s->index, s->setup_count);
}

static void put_server(FILE *f, const struct server *s, const struct ctl *ctl)
{
	const struct slots *t = s->slots;

	fprintf(f, "fam-resume %d\n", RESUME_VERSION);
	fprintf(f,
		"server %u %u %d %u %u %" PRIu64 " %" PRIu64 " %" PRIu64
		" %" PRIu64 " %" PRId64 "\n",
		s->config.vectors, ctl->lives, s->earlier, t->next,
		s->saved_next, t->departures, s->peers->accepted,
		s->peers->refused, s->peers->dropped, s->started);
	fprintf(f, "region %d %d %" PRIu64 " %d %s ", s->region.fd,
		s->region.lock_fd, s->region.size, s->region.formatted,
		or_dash(s->region.label));
	put_name(f, s->region.path);
	fprintf(f, "lock %d\n", s->lock.fd);
	fputs("rings", f);
	for (unsigned int v = 0; v < s->config.vectors; v++)
		fprintf(f, " %" PRIu64, atomic_load(&s->rings[v]));
	fputc('\n', f);
}

static void put_flushed(FILE *f, const struct server *s)
{
	for (uint32_t id = 0; id < s->slots->next; id++) {
		struct tm_ctl_peer p = {.id = id};

		flush_describe_peer(s->flush, &p);
		if (p.commits || p.faults)
			fprintf(f,
				"flushed %u %" PRIu64 " %" PRIu64 " %" PRIu64
				"\n",
				id, p.commits, p.bytes, p.faults);
	}
}

static void put_flush(FILE *f, const struct server *s)
{
	struct tm_ctl_flush n;

	if (!s->flush)
		return;
	flush_describe(s->flush, &n);
	fprintf(f,
		"flush %" PRIu64 " %d %" PRId64 " %" PRIu64 " %" PRIu64
		" %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64
		" %" PRIu64 " %" PRIu64 "\n",
		s->region.mailbox, n.error, n.failed_at, n.commits, n.bytes,
		n.errors, n.faults, n.syncs, n.ranged, n.last_us, n.max_us,
		n.total_us);
	if (flush_distrusts(s->flush))
		fputs("distrusts 1\n", f);
	put_flushed(f, s);
}

static void put_sessions(FILE *f, const struct server *s)
{
	if (s->roster)
		fprintf(f, "sessions %" PRIu64 " %" PRIu64 "\n",
			s->region.sessions, roster_life(s->roster));
}

int resume_write(FILE *f, const struct server *s, const struct ctl *ctl)
{
	const struct slots *t = s->slots;
	const struct peer *peer;

	put_server(f, s, ctl);
	put_flush(f, s);
	put_sessions(f, s);
	for (int d = 0; d < IVSHMEM_DIALECTS; d++)
		put_listener(f, d, &s->listener[d]);
	put_listener(f, RESUME_CONTROL, &ctl->listener);
	for (size_t i = 0; i < t->world.count; i++)
		put_slot(f, t->by_id[t->world.ids[i]], s->config.vectors);
	for (size_t i = 0; i < t->reserved_count; i++) {
		const struct reservation *r = &t->reserved[i];

		fprintf(f, "reserved %u %u %s ", r->id, r->owner.uid,
			r->owner.uuid);
		put_name(f, r->owner.name);
	}
	TAILQ_FOREACH(peer, &s->peers->list, link)
	if (peer->slot)
		put_peer(f, peer);
	for (int i = 0; i < CTL_CLIENTS_MAX; i++)
		if (ctl->client[i].fd >= 0 && ctl->client[i].waits)
			fprintf(f, "waiter %d\n", ctl->client[i].fd);
	fputs("end\n", f);
	return fflush(f) == 0 && !ferror(f) ? 0 : -EIO;
}

/* Room for one more element; the array doubles at powers of two. */
static void *one_more(void *array, size_t count, size_t bytes)
{
	if (count & (count - 1))
		return array;
	return realloc(array, (count ? count * 2 : 1) * bytes);
}

static int parse_server(const char *line, struct resume *r)
{
	if (sscanf(line,
		   "%u %u %u %" SCNu32 " %" SCNu32 " %" SCNu64 " %" SCNu64
		   " %" SCNu64 " %" SCNu64 " %" SCNd64,
		   &r->vectors, &r->lives, &r->earlier, &r->next,
		   &r->saved_next, &r->departures, &r->accepted, &r->refused,
		   &r->dropped, &r->started) != 10)
		return -EBADMSG;
	if (!r->vectors || r->vectors > IVSHMEM_VECTORS_MAX || r->slots ||
	    !r->next || r->next > IVSHMEM_IDS || r->saved_next > IVSHMEM_IDS)
		return -EBADMSG;
	return 0;
}

static int parse_region(const char *line, struct resume *r)
{
	int formatted, at = 0;

	_Static_assert(FAM_LABEL_BYTES == 64, "%63s below");
	if (sscanf(line, "%d %d %" SCNu64 " %d %63s%n", &r->region.fd,
		   &r->region.lock_fd, &r->region.size, &formatted,
		   r->region.label, &at) != 5 ||
	    r->region.fd < 0 || line[at] != ' ')
		return -EBADMSG;
	r->region.formatted = formatted != 0;
	if (strcmp(r->region.label, "-") == 0)
		r->region.label[0] = '\0';
	snprintf(r->region.path, sizeof(r->region.path), "%s", line + at + 1);
	return 0;
}

static int parse_rings(const char *line, struct resume *r)
{
	for (unsigned int v = 0; v < r->vectors; v++) {
		int at = 0;

		if (sscanf(line, "%" SCNu64 "%n", &r->rings[v], &at) != 1)
			return -EBADMSG;
		line += at;
	}
	return 0;
}

static int parse_listener(const char *line, struct resume *r)
{
	struct listener l = {0};
	uintmax_t dev, ino;
	int index, ours;

	if (sscanf(line, "%d %d %d %ju %ju", &index, &l.fd, &ours, &dev,
		   &ino) != 5 ||
	    index < 0 || index >= RESUME_LISTENERS || l.fd < 0 ||
	    r->listener[index].fd >= 0)
		return -EBADMSG;
	l.ours = ours != 0;
	l.dev = (dev_t)dev;
	l.ino = (ino_t)ino;
	r->listener[index] = l;
	return 0;
}

static int parse_eventfds(const char *line, struct resume *r,
			  struct resume_slot *s)
{
	s->eventfd = calloc(r->vectors, sizeof(int));
	if (!s->eventfd)
		return -ENOMEM;
	for (unsigned int v = 0; v < r->vectors; v++) {
		int at = 0;

		if (sscanf(line, "%d%n", &s->eventfd[v], &at) != 1 ||
		    s->eventfd[v] < 0)
			return -EBADMSG;
		line += at;
	}
	if (*line != ' ')
		return -EBADMSG;
	snprintf(s->owner.name, sizeof(s->owner.name), "%s", line + 1);
	return 0;
}

static int check_uuid(char uuid[FAM_UUID_TEXT])
{
	uint8_t bytes[FAM_UUID_BYTES];

	if (strcmp(uuid, "-") != 0)
		return fam_uuid_parse(uuid, bytes) < 0 ? -EBADMSG : 0;
	uuid[0] = '\0';
	return 0;
}

/* true: the bit was set before */
static bool test_and_set(uint8_t *map, unsigned int n)
{
	uint8_t mask = (uint8_t)(1u << n % 8);
	bool was = map[n / 8] & mask;

	map[n / 8] |= mask;
	return was;
}

static int parse_slot(const char *line, struct resume *r)
{
	struct resume_slot *s = one_more(r->slot, r->slots, sizeof(*s));
	unsigned int id;
	int at = 0;

	if (!s)
		return -ENOMEM;
	r->slot = s;
	s += r->slots;
	*s = (struct resume_slot){0};
	if (!r->vectors ||
	    sscanf(line, "%u %" SCNu64 " %u %u %u %36s%n", &id, &s->left,
		   &s->owner.pid, &s->owner.uid, &s->owner.gid, s->owner.uuid,
		   &at) != 6 ||
	    id >= IVSHMEM_IDS || (r->slots == 0) != (id == IVSHMEM_SERVER_ID) ||
	    test_and_set(r->known, id) || check_uuid(s->owner.uuid) < 0)
		return -EBADMSG;
	s->id = (uint16_t)id;
	r->slots++; /* from here on it is freed with the others */
	return parse_eventfds(line + at, r, s);
}

static int parse_reserved(const char *line, struct resume *r)
{
	struct reservation *v = one_more(r->reserved, r->reserveds, sizeof(*v));
	unsigned int id;
	int at = 0;

	if (!v)
		return -ENOMEM;
	r->reserved = v;
	v += r->reserveds;
	*v = (struct reservation){0};
	if (sscanf(line, "%u %u %36s%n", &id, &v->owner.uid, v->owner.uuid,
		   &at) != 3 ||
	    id == IVSHMEM_SERVER_ID || id >= IVSHMEM_IDS || line[at] != ' ' ||
	    check_uuid(v->owner.uuid) < 0)
		return -EBADMSG;
	v->id = (uint16_t)id;
	snprintf(v->owner.name, sizeof(v->owner.name), "%s", line + at + 1);
	r->reserveds++;
	return 0;
}

/* A position outside the world would be read from there. */
static bool stream_is_sane(const struct resume *r,
			   const struct ivshmem_stream *s)
{
	if (s->dialect == IVSHMEM_HOST && s->phase != IVSHMEM_SEND_NEWS)
		return false;
	if (s->phase == IVSHMEM_SEND_VECTORS || s->phase > IVSHMEM_SEND_NEWS ||
	    s->phase == IVSHMEM_SEND_PRESENT || s->phase == IVSHMEM_SEND_READY)
		return false;
	if (s->setup_count > r->slots || s->index > r->slots ||
	    s->vector >= r->vectors)
		return false;
	return s->phase != IVSHMEM_SEND_OTHERS || s->index < s->setup_count;
}

static int parse_peer(const char *line, struct resume *r)
{
	struct resume_peer *p = one_more(r->peer, r->peers, sizeof(*p));
	unsigned int id, dialect, phase;

	if (!p)
		return -ENOMEM;
	r->peer = p;
	p += r->peers;
	*p = (struct resume_peer){0};
	if (sscanf(line, "%u %d %u %" SCNd64 " %" SCNu64 " %u %u %zu %zu", &id,
		   &p->fd, &dialect, &p->joined, &p->stream.sent, &phase,
		   &p->stream.vector, &p->stream.index,
		   &p->stream.setup_count) != 9 ||
	    p->fd < 0 || dialect >= IVSHMEM_DIALECTS ||
	    id == IVSHMEM_SERVER_ID || id >= IVSHMEM_IDS ||
	    !test_and_set(r->known, id) || test_and_set(r->taken, id))
		return -EBADMSG;
	p->id = p->stream.id = (uint16_t)id;
	p->stream.dialect = (enum ivshmem_dialect)dialect;
	p->stream.phase = (enum ivshmem_phase)phase;
	if (!stream_is_sane(r, &p->stream))
		return -EBADMSG;
	r->peers++;
	return 0;
}

static int parse_waiter(const char *line, struct resume *r)
{
	if (r->waiters == CTL_CLIENTS_MAX ||
	    sscanf(line, "%d", &r->waiter[r->waiters]) != 1 ||
	    r->waiter[r->waiters] < 0)
		return -EBADMSG;
	r->waiters++;
	return 0;
}

static int parse_lock(const char *line, struct resume *r)
{
	return sscanf(line, "%d", &r->lock_fd) == 1 && r->lock_fd >= 0
		       ? 0
		       : -EBADMSG;
}

static int parse_flush(const char *line, struct resume *r)
{
	struct tm_ctl_flush *n = &r->flush;

	if (sscanf(line,
		   "%" SCNu64 " %d %" SCNd64 " %" SCNu64 " %" SCNu64 " %" SCNu64
		   " %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64
		   " %" SCNu64,
		   &r->region.mailbox, &n->error, &n->failed_at, &n->commits,
		   &n->bytes, &n->errors, &n->faults, &n->syncs, &n->ranged,
		   &n->last_us, &n->max_us, &n->total_us) != 12)
		return -EBADMSG;
	/* where version 1 of the format has it, and nowhere else */
	if (r->region.mailbox != FAM_MAILBOX_OFFSET ||
	    r->region.size < FAM_FORMATTED_MIN || n->error > 0)
		return -EBADMSG;
	return 0;
}

static int parse_sessions(const char *line, struct resume *r)
{
	if (sscanf(line, "%" SCNu64 " %" SCNu64, &r->region.sessions,
		   &r->life) != 2 ||
	    r->region.sessions != FAM_SESSIONS_OFFSET || !r->life ||
	    r->region.size < FAM_FORMATTED_MIN)
		return -EBADMSG;
	return 0;
}

static int parse_distrusts(const char *line, struct resume *r)
{
	r->distrusts = line[0] == '1';
	return r->distrusts ? 0 : -EBADMSG;
}

static int parse_flushed(const char *line, struct resume *r)
{
	struct flush_peer *p = one_more(r->flushed, r->flusheds, sizeof(*p));

	if (!p)
		return -ENOMEM;
	r->flushed = p;
	p += r->flusheds;
	if (sscanf(line, "%" SCNu32 " %" SCNu64 " %" SCNu64 " %" SCNu64, &p->id,
		   &p->commits, &p->bytes, &p->faults) != 4 ||
	    p->id >= IVSHMEM_IDS || r->flusheds == IVSHMEM_IDS)
		return -EBADMSG;
	r->flusheds++;
	return 0;
}

static int parse_line(const char *line, struct resume *r)
{
	static const struct {
		const char *word;
		int (*parse)(const char *line, struct resume *r);
	} words[] = {
		{"server ", parse_server},     {"region ", parse_region},
		{"lock ", parse_lock},	       {"rings ", parse_rings},
		{"listener ", parse_listener}, {"slot ", parse_slot},
		{"reserved ", parse_reserved}, {"peer ", parse_peer},
		{"waiter ", parse_waiter},     {"flush ", parse_flush},
		{"flushed ", parse_flushed},   {"distrusts ", parse_distrusts},
		{"sessions ", parse_sessions},
	};

	for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++)
		if (strncmp(line, words[i].word, strlen(words[i].word)) == 0)
			return words[i].parse(line + strlen(words[i].word), r);
	return -EBADMSG;
}

int resume_parse(char *text, size_t len, struct resume *out)
{
	char *save = NULL, *line;
	unsigned int version;
	int ret = 0;

	*out = (struct resume){.region = REGION_INIT, .lock_fd = -1};
	for (int i = 0; i < RESUME_LISTENERS; i++)
		out->listener[i].fd = -1;
	line = strlen(text) == len ? strtok_r(text, "\n", &save) : NULL;
	if (!line || sscanf(line, "fam-resume %u", &version) != 1)
		return -EBADMSG;
	if (version != RESUME_VERSION)
		return -EPROTONOSUPPORT;
	while (ret == 0 && (line = strtok_r(NULL, "\n", &save))) {
		if (strcmp(line, "end") == 0)
			/* a server, its own ID, its memory and its lock */
			return out->slots && out->region.fd >= 0 &&
					       out->lock_fd >= 0
				       ? 0
				       : -EBADMSG;
		ret = parse_line(line, out);
	}
	return ret < 0 ? ret : -EBADMSG;
}

void resume_free(struct resume *resume)
{
	for (size_t i = 0; i < resume->slots; i++)
		free(resume->slot[i].eventfd);
	free(resume->slot);
	free(resume->reserved);
	free(resume->peer);
	free(resume->flushed);
	*resume = (struct resume){.region = REGION_INIT, .lock_fd = -1};
}
