// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
/* What a worker has, and what becomes of it. */
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <sys/mman.h>
#include <unistd.h>

#include "worker.h"

#define MAGIC UINT64_C(0x6d6f64656c31)

struct model *model_open(const char *path)
{
	int fd = path ? open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600) : -1;
	struct model *m;

	if (path && (fd < 0 || ftruncate(fd, sizeof(*m)) < 0))
		fail("%s: %s", path, strerror(errno));
	m = mmap(NULL, sizeof(*m), PROT_READ | PROT_WRITE,
		 MAP_SHARED | (path ? 0 : MAP_ANONYMOUS), fd, 0);
	if (m == MAP_FAILED)
		fail("mmap: %s", strerror(errno));
	if (fd >= 0)
		close(fd);
	return m;
}

uint32_t own_key(unsigned int id, uint64_t i, char out[32])
{
	return (uint32_t)snprintf(out, 32, "own/%u/%" PRIu64, id, i);
}

/* --- is it there? ----------------------------------------------------------------------- */

static bool all_zeros(const unsigned char *p, uint64_t bytes)
{
	while (bytes && !*p) {
		p++;
		bytes--;
	}
	return !bytes;
}

static bool is_there(const void *at, uint64_t usable, const struct thing *t)
{
	if (usable < t->have)
		return false;
	if (!t->seed)
		return all_zeros(at, t->valid);
	return blob_bad(at, t->valid, t->bytes, t->seed) == UINT64_MAX;
}

static bool slot_is(struct worker *w, uint64_t i, const struct thing *t)
{
	fam_off off = w->s.root->own[w->s.want->id].slot[i];
	uint64_t usable;
	int r;

	if (!off || !t->bytes)
		return !off && !t->bytes;
	r = fam_heap_usable(w->s.heap, off, &usable);
	if (r < 0)
		fail("own slot %" PRIu64 " has %" PRIu64
		     ", where nothing is allocated",
		     i, off);
	return is_there(fam_heap_at(w->s.heap, off, usable), usable, t);
}

static bool key_is(struct worker *w, uint64_t i, const struct thing *t)
{
	static unsigned char value[1 << 20];
	uint64_t bytes;
	char name[32];
	uint32_t len = own_key(w->s.want->id, i, name);
	int r = CALL(fam_hash_get(w->s.hash, NULL, name, len, value,
				  sizeof(value), &bytes));

	if (r == -ESTALE || r == -EUSERS)
		return true; /* it is looked at again */
	if (r < 0 && r != -ENOENT)
		fail("get '%s': %s", name, fam_strerror(r));
	if (r < 0 || !t->bytes)
		return r < 0 && !t->bytes;
	return bytes == t->bytes && is_there(value, bytes, t);
}

static bool record_is(struct worker *w, uint64_t seq)
{
	static unsigned char data[1 << 17];
	const struct stress_own *own = &w->s.root->own[w->s.want->id];
	struct stress_record head;
	uint64_t bytes;
	int r;

	if (own->appended != seq)
		return false;
	if (!seq)
		return true;
	r = CALL(fam_log_read(w->s.log, own->number, data, sizeof(data),
			      &bytes));
	if (r == -ESRCH || r == -ESTALE || r == -EUSERS)
		return true; /* cut off; or it is looked at again */
	if (r < 0)
		fail("record %" PRIu64 ": %s", own->number, fam_strerror(r));
	memcpy(&head, data, sizeof(head));
	return head.id == w->s.want->id && head.seq == seq &&
	       blob_whole(data + sizeof(head), bytes - sizeof(head));
}

static bool item_is(struct worker *w, const struct item *item)
{
	if (item->kind == SLOT)
		return slot_is(w, item->index, &item->to);
	if (item->kind == KEY)
		return key_is(w, item->index, &item->to);
	return record_is(w, item->index);
}

/* As it was before. */
static bool item_was(struct worker *w, const struct item *item)
{
	const struct model *m = w->model;

	if (item->kind == SLOT)
		return slot_is(w, item->index, &m->slot[item->index]);
	if (item->kind == KEY)
		return key_is(w, item->index, &m->key[item->index]);
	return record_is(w, m->appended);
}

/* --- changing ------------------------------------------------------------------------------ */

void begin(struct worker *w, const struct item *items, unsigned int count)
{
	memcpy(w->model->now.item, items, count * sizeof(*items));
	atomic_store(&w->model->now.count, count);
}

static void take_over(struct model *m)
{
	for (uint64_t i = 0; i < m->now.count; i++) {
		const struct item *item = &m->now.item[i];

		if (item->kind == SLOT)
			m->slot[item->index] = item->to;
		else if (item->kind == KEY)
			m->key[item->index] = item->to;
		else
			m->appended = item->index;
	}
	atomic_store(&m->now.count, 0);
}

/* All of what was being done, or nothing of it. */
static void decide(struct worker *w)
{
	struct model *m = w->model;
	uint64_t is = 0, was = 0;

	for (uint64_t i = 0; i < m->now.count; i++) {
		is += item_is(w, &m->now.item[i]);
		was += item_was(w, &m->now.item[i]);
	}
	if (is != m->now.count && was != m->now.count)
		fail("of %" PRIu64 " changes at once %" PRIu64
		     " are there; %" PRIu64 " are not",
		     (uint64_t)m->now.count, is, was);
	if (is == m->now.count)
		take_over(m);
	atomic_store(&m->now.count, 0);
}

static void look_at_all(struct worker *w)
{
	struct model *m = w->model;

	for (uint64_t i = 0; i < OWN_SLOTS; i++) {
		if (!slot_is(w, i, &m->slot[i]))
			fail("own slot %" PRIu64 " is not as it was left", i);
	}
	for (uint64_t i = 0; i < OWN_KEYS; i++) {
		if (!key_is(w, i, &m->key[i]))
			fail("key %" PRIu64 " is not as it was left", i);
	}
	if (!record_is(w, m->appended))
		fail("%" PRIu64 " records appended; %" PRIu64 " were",
		     w->s.root->own[w->s.want->id].appended, m->appended);
}

/* Before that, what it has left half done is nobody else's business. */
void await_end(struct worker *w)
{
	const struct timespec pause = {.tv_nsec = 1000000};
	struct fam_session session;

	alarm(CALL_MAX);
	while (w->model->session &&
	       fam_session_get(w->s.fam, w->model->session, &session) == 0 &&
	       session.state == FAM_SESSION_LIVE)
		nanosleep(&pause, NULL);
	alarm(0);
	if (fam_session_self(w->s.fam, &session) == 0)
		w->model->session = session.id;
}

void reconcile(struct worker *w)
{
	int r;

	/* Who was killed may have left what is not finished yet. */
	do {
		r = CALL(fam_heap_recover(w->s.heap));
		if (r == -ESTALE)
			r = stress_again(&w->s);
	} while (r > 0);
	if (r < 0)
		fail("recover: %s", fam_strerror(r));
	w->model->magic = MAGIC;
	decide(w);
	look_at_all(w);
}

/* What may be told where others work, without being wrong. */
static bool is_usual(int r)
{
	return r == -ENOSPC || r == -EDEADLK || r == -ETIMEDOUT ||
	       r == -EBUSY || r == -EINTR || r == -ECANCELED;
}

void finish(struct worker *w, enum deed deed, int r)
{
	struct model *m = w->model;

	if (r == 0) {
		take_over(m);
		m->done[deed]++;
		return;
	}
	/* The session is lost if this process stood still for too long. */
	if (r == -ESTALE || r == -EUSERS) {
		r = stress_again(&w->s);
		if (r < 0)
			fail("rejoin: %s", fam_strerror(r));
		m->again++;
		await_end(w);
		reconcile(w);
		return;
	}
	if (!is_usual(r))
		fail("deed %d: %s (%d)", deed, fam_strerror(r), r);
	atomic_store(&m->now.count, 0);
}
