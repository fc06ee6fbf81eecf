// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
/* What an attachment needs to park, from its open to its close. */
#include <sched.h>
#include <sys/mman.h>

#include "park.h"

static int map_table(struct fam *fam, struct fam_parked *p)
{
	struct fam_pages pages;
	int r = fam_source_map_pages(&fam->source, fam->sb.parking_offset,
				     fam->sb.parking_bytes, &pages);

	if (r < 0)
		return r;
	p->pages = pages.base;
	p->page_bytes = pages.bytes;
	p->table = (void *)pages.start;
	return 0;
}

static size_t own_bytes(void)
{
	return (size_t)sysconf(_SC_PAGESIZE);
}

/* A page, since that is what can be kept from a child. */
static int make_own(struct fam_parked *p)
{
	void *page = mmap(NULL, own_bytes(), PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (page == MAP_FAILED)
		return -errno;
	p->own = page;
	/* Fails before Linux 4.14: there a child must know by itself. */
	(void)madvise(page, own_bytes(), MADV_WIPEONFORK);
	return 0;
}

static bool has_parking(const struct fam *fam)
{
	return fam->formatted && fam->source.fd >= 0 && fam->source.writable &&
	       fam->sb.feature_compat & FAM_COMPAT_OBJECTS &&
	       fam->sb.parking_offset == FAM_PARKING_OFFSET &&
	       fam->sb.parking_bytes == FAM_PARKING_BYTES;
}

/* A node with one CPU may wait for another node. */
static bool may_spin(const struct fam *fam)
{
	cpu_set_t cpus;

	return fam->source.via != FAM_VIA_FILE ||
	       sched_getaffinity(0, sizeof(cpus), &cpus) < 0 ||
	       CPU_COUNT(&cpus) > 1;
}

/*
 * Pages without a struct page are strange to a shared futex. To ask is as good
 * as a store to the kernel, which waits for a disk that hangs: so those who only
 * look, and have no session, do not ask.
 */
static bool may_share(struct fam *fam)
{
	return (fam->source.via == FAM_VIA_FILE ||
		fam->source.via == FAM_VIA_MODULE) &&
	       fam_futex_shares(&fam->parked->table->place[0][0].word);
}

int fam_park_open(struct fam *fam)
{
	struct fam_parked *p;
	int r;

	if (!has_parking(fam))
		return 0;
	p = calloc(1, sizeof(*p));
	if (!p)
		return -ENOMEM;
	fam->parked = p;
	r = make_own(p);
	if (r == 0)
		r = map_table(fam, p);
	if (r < 0) {
		fam_park_close(fam);
		return r;
	}
	p->spins = may_spin(fam);
	atomic_init(&p->spin_ns, (uint32_t)FAM_PARK_SPIN_NS);
	atomic_init(&p->reach, UINT64_MAX);
	return 0;
}

void fam_park_close(struct fam *fam)
{
	struct fam_parked *p = fam->parked;

	if (!p)
		return;
	if (p->pages)
		munmap(p->pages, p->page_bytes);
	if (p->own)
		munmap(p->own, own_bytes());
	free(p);
	fam->parked = NULL;
}

void fam_park_joined(struct fam *fam, struct fam_sessions *table, uint64_t id)
{
	struct fam_parked *p = fam->parked;

	if (!p)
		return;
	/* Others may be at work with the session that was lost. */
	if (!p->sessions) {
		p->shared = may_share(fam);
		p->sessions = table;
	}
	atomic_store_explicit(&p->own->id, id, memory_order_release);
}

int fam_park_why(struct fam *fam)
{
	int r = fam->parked ? fam_session_check(fam) : -EOPNOTSUPP;

	/* It has come back since, or this is a child of who has it. */
	return r < 0 ? r : -ESTALE;
}

bool fam_park_lives(struct fam *fam, uint64_t holder)
{
	const struct fam_parked *p = fam->parked;

	return !p || !p->sessions || fam_holder_lives(p->sessions, holder);
}
