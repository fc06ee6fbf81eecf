// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fam-regions.h>
#include <fam-trim.h>

#include "flush-thread.h"
#include "trim.h"
#include "util/fdio.h"
#include "util/log.h"

#define LOOK_MS	    2000
#define BLOCK_BYTES 512 /* of stat(2) */

enum { STOPPED, RUNS, STOPS };

struct trimmer {
	struct trimmer_config config;
	char *path;
	uint8_t uuid[FAM_UUID_BYTES];
	uint64_t freed_at; /* offset of the word that tells */
	int wake;	   /* eventfd */
	pthread_t thread;
	bool threaded; /* there is a thread to be joined */
	_Atomic int state;
	atomic_bool stop; /* what has begun */
	/* The thread's own. */
	uint64_t freed; /* what the word said before the last trim */
	bool off;	/* it cannot be done */
};

/* By a call, not by a mapping: a file that was cut must not end the server. */
static uint64_t read_freed(const struct trimmer *t)
{
	uint64_t freed;

	if (fdio_pread(t->config.fd, &freed, sizeof(freed), t->freed_at) < 0)
		return t->freed;
	return freed;
}

/* Where all of it was reserved, a full disk must never kill a node. */
static bool is_sparse(const struct trimmer *t)
{
	struct stat st;

	return fstat(t->config.fd, &st) == 0 &&
	       (uint64_t)st.st_blocks * BLOCK_BYTES < (uint64_t)st.st_size;
}

/* It will not be better by the next time. */
static bool is_hopeless(int error)
{
	switch (error) {
	case -EOPNOTSUPP: /* the file system cannot punch holes */
	case -ENOENT:
	case -EACCES:
	case -EPERM:
	case -EROFS:
	case -ELOOP:
		return true;
	default:
		return false;
	}
}

static void trim(struct trimmer *t, uint64_t freed)
{
	const struct fam_trim_want want = {
		.how = FAM_TRIM_PUNCH,
		.stop = &t->stop,
	};
	uint64_t bytes;
	int error = t->config.trim(t->path, t->uuid, &want, &bytes);

	if (bytes)
		log_debug("fabric '%s': gave %ju bytes back", t->config.label,
			  (uintmax_t)bytes);
	if (error == -ECANCELED)
		return;
	t->freed = freed;
	if (error == 0)
		return;
	/* What it has put back counts as freed: no reason to try again. */
	t->freed = read_freed(t);
	t->off = is_hopeless(error);
	log_warn_errno(-error,
		       "fabric '%s': cannot give back the blocks of regions "
		       "that are gone",
		       t->config.label);
}

static void look(struct trimmer *t)
{
	uint64_t freed = read_freed(t);

	if (freed == t->freed)
		return;
	if (is_sparse(t)) {
		trim(t, freed);
		return;
	}
	t->freed = freed;
	log_debug("fabric '%s': keeps the blocks of regions that are gone, as "
		  "they were reserved",
		  t->config.label);
}

static void *run(void *arg)
{
	struct trimmer *t = arg;
	struct pollfd p = {.fd = t->wake, .events = POLLIN};
	uint64_t count;
	int want;

	do {
		if (poll(&p, 1, t->off ? -1 : LOOK_MS) == 0)
			look(t);
		else
			(void)!read(t->wake, &count, sizeof(count)); /* empty */
		want = STOPS;
	} while (!atomic_compare_exchange_strong(&t->state, &want, STOPPED));
	return NULL;
}

static void join(struct trimmer *t)
{
	if (t->threaded)
		pthread_join(t->thread, NULL);
	t->threaded = false;
}

int trimmer_start(struct trimmer *t)
{
	int want = STOPS, ret;

	atomic_store(&t->stop, false);
	/* if it has not noticed yet that it was to stop, it need not */
	if (atomic_compare_exchange_strong(&t->state, &want, RUNS) ||
	    want == RUNS)
		return 0;
	join(t);
	atomic_store(&t->state, RUNS);
	ret = flush_start_thread(&t->thread, run, t);
	t->threaded = ret == 0;
	if (ret < 0)
		atomic_store(&t->state, STOPPED);
	return ret;
}

bool trimmer_stop(struct trimmer *t)
{
	const uint64_t one = 1;
	int want = RUNS;

	if (atomic_compare_exchange_strong(&t->state, &want, STOPS)) {
		atomic_store(&t->stop, true);
		(void)!write(t->wake, &one, sizeof(one)); /* never full */
	}
	return atomic_load(&t->state) == STOPPED;
}

/* Both superblocks may be read: a server that runs knows its fabric. */
static int find_directory(struct trimmer *t)
{
	struct fam_superblock sb[FAM_SUPERBLOCK_COPIES];
	unsigned int chosen = 0;
	int ret = 0;

	for (unsigned int i = 0; ret == 0 && i < FAM_SUPERBLOCK_COPIES; i++)
		ret = fdio_pread(t->config.fd, &sb[i], sizeof(sb[i]),
				 fam_superblock_offset(i));
	if (ret == 0)
		ret = fam_superblock_choose(sb, &chosen, NULL);
	if (ret < 0)
		return ret;
	if (!(sb[chosen].feature_compat & FAM_COMPAT_REGIONS) ||
	    !fam_regions_fit(sb[chosen].regions_bytes))
		return -EOPNOTSUPP;
	memcpy(t->uuid, sb[chosen].uuid, sizeof(t->uuid));
	t->freed_at = sb[chosen].regions_offset +
		      offsetof(struct fam_regions_live, freed);
	return 0;
}

int trimmer_open(struct trimmer **out, const struct trimmer_config *config)
{
	struct trimmer *t = calloc(1, sizeof(*t));
	int ret;

	if (!t)
		return -ENOMEM;
	t->config = *config;
	t->config.path = t->path = strdup(config->path);
	t->wake = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	ret = t->wake < 0 ? -errno : find_directory(t);
	if (!t->path)
		ret = -ENOMEM;
	if (ret < 0) {
		trimmer_close(t);
		return ret;
	}
	*out = t;
	return 0;
}

void trimmer_close(struct trimmer *t)
{
	if (!t)
		return;
	(void)trimmer_stop(t); /* joining waits */
	join(t);
	if (t->wake >= 0)
		close(t->wake);
	free(t->path);
	free(t);
}
