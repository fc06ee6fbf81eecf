// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
/* What an attachment rings with and is rung by, from its open to its close. */
#include <string.h>
#include <sys/eventfd.h>

#include "fam-bells.h"
#include "fam-server.h"

/* The library's vector; -1: programs have them all. */
static int library_vector(const struct fam_bells *bells)
{
	return bells->hardware > 1 ? (int)bells->hardware - 1 : -1;
}

static void set_vectors(struct fam_bells *bells, unsigned int hardware)
{
	bells->hardware = hardware;
	bells->vectors = hardware ? hardware : FAM_SESSIONS_BELLS;
	if (library_vector(bells) > 0)
		bells->vectors--;
}

/* The eventfds are the connection's. */
static void use_server(struct fam_bells *bells, const struct fam_server *server)
{
	const struct fam_server_peer *own =
		fam_server_peer(server, server->self);

	bells->kind = FAM_BELLS_SERVER;
	set_vectors(bells, server->vectors);
	for (unsigned int i = 0; i < server->vectors; i++)
		bells->fd[i] = own->fd[i];
}

static int use_module(struct fam_bells *bells, const struct fam_source *source)
{
	struct fam_source own = *source;
	unsigned int vectors = 0;
	int r;

	if (source->transport == FAM_TRANSPORT_PLAIN)
		return 0;
	own.fd = fcntl(source->fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
	if (own.fd < 0)
		return -errno;
	bells->device = own.fd;
	fam_bell_open(&own, &bells->bell);
	r = fam_bells_module_open(bells, &vectors);
	if (r < 0 || vectors == 0)
		return r;
	bells->kind = FAM_BELLS_MODULE;
	set_vectors(bells, vectors);
	return 0;
}

static int use_device(struct fam_bells *bells, const struct fam_source *source)
{
	if (source->via == FAM_VIA_MODULE)
		return use_module(bells, source);
	fam_bell_open(source, &bells->bell);
	if (!fam_bell_can_ring(&bells->bell))
		return 0;
	bells->kind = FAM_BELLS_REGISTERS;
	set_vectors(bells, fam_pci_vectors(source->device));
	return 0;
}

/* Without a program's wish for the memory nothing of it may be touched. */
static int leave_memory(struct fam *fam)
{
	if (fam->bells->kind != FAM_BELLS_SERVER &&
	    fam->bells->kind != FAM_BELLS_MODULE)
		return -EOPNOTSUPP;
	fam_source_leave(&fam->source);
	return 0;
}

static struct fam_bells *make(void)
{
	struct fam_bells *bells = calloc(1, sizeof(*bells));

	if (!bells)
		return NULL;
	pthread_mutex_init(&bells->lock, NULL);
	bells->device = -1;
	bells->slot = -1;
	for (unsigned int i = 0; i < FAM_BELLS_MAX; i++)
		atomic_init(&bells->fd[i], -1);
	set_vectors(bells, 0);
	return bells;
}

int fam_bells_open(struct fam *fam, bool only)
{
	struct fam_bells *bells = make();
	int r = 0;

	if (!bells)
		return -ENOMEM;
	fam->bells = bells;
	if (fam->server)
		use_server(bells, fam->server);
	else if (fam->source.via != FAM_VIA_FILE)
		r = use_device(bells, &fam->source);
	return r == 0 && only ? leave_memory(fam) : r;
}

static void close_descriptors(struct fam_bells *bells)
{
	if (bells->device >= 0)
		close(bells->device);
	if (bells->kind == FAM_BELLS_SERVER)
		return;
	for (unsigned int i = 0; i < FAM_BELLS_MAX; i++) {
		if (bells->fd[i] >= 0)
			close(bells->fd[i]);
	}
}

void fam_bells_close(struct fam *fam)
{
	struct fam_bells *bells = fam->bells;

	if (!bells)
		return;
	fam_bell_close(&bells->bell);
	close_descriptors(bells);
	pthread_mutex_destroy(&bells->lock);
	free(bells);
	fam->bells = NULL;
}

void fam_bells_describe(struct fam *fam, struct fam_info *info)
{
	int self = fam_peer_self(fam);

	info->peer = self > 0 ? (uint32_t)self : 0;
	info->vectors = fam->bells->hardware;
	if (fam_bells_interrupts(fam))
		info->interrupts = FAM_INTERRUPTS_EVENT;
	else if (fam_bells_soft_slot(fam) >= 0)
		info->interrupts = FAM_INTERRUPTS_POLLED;
}

uint32_t fam_bells_peer(struct fam *fam)
{
	return fam->server ? fam->server->self : fam->bells->bell.self;
}

bool fam_bells_interrupts(struct fam *fam)
{
	const struct fam_bells *bells = fam->bells;

	return bells->kind == FAM_BELLS_SERVER ||
	       (bells->kind == FAM_BELLS_MODULE && bells->hardware &&
		bells->bell.self);
}

/* Where nothing comes by interrupts, there are the counters. */
unsigned int fam_bells_vectors(struct fam *fam)
{
	unsigned int vectors = fam->bells->vectors;

	return fam_bells_interrupts(fam) || vectors < FAM_SESSIONS_BELLS
		       ? vectors
		       : FAM_SESSIONS_BELLS;
}

/* --- the library's own ------------------------------------------------------ */

int fam_bells_library_fd(struct fam *fam)
{
	int vector = library_vector(fam->bells);

	if (vector < 0 || !fam_bells_interrupts(fam))
		return -1;
	return fam->bells->fd[vector];
}

void fam_bells_library_taken(struct fam *fam)
{
	int fd = fam_bells_library_fd(fam);
	uint64_t rings;

	if (fd >= 0)
		/* fails if somebody else has taken them: so be it */
		(void)fam_rings_take(fd, &rings);
}

bool fam_bells_hear(struct fam *fam)
{
	struct fam_server *server = fam->server;
	bool more;

	if (!server)
		return false;
	pthread_mutex_lock(&server->lock);
	more = fam_server_hear(server) == 0 && !server->ended;
	pthread_mutex_unlock(&server->lock);
	return more;
}

static void tell_by_server(struct fam_server *server, uint32_t peer,
			   unsigned int vector)
{
	int fd;

	pthread_mutex_lock(&server->lock);
	fd = fam_server_doorbell(server, peer, vector);
	pthread_mutex_unlock(&server->lock);
	if (fd >= 0)
		/* fails for no reason that would help the caller */
		(void)fam_rings_add(fd, 1);
}

void fam_bells_tell(struct fam *fam, uint32_t peer)
{
	int vector = library_vector(fam->bells);

	if (vector < 0 || peer == FAM_PEER_SERVER || peer >= FAM_BELLS_IDS)
		return;
	if (fam->server)
		tell_by_server(fam->server, peer, (unsigned int)vector);
	else
		/* fails if the device is gone, and all with it */
		(void)fam_bell_ring(&fam->bells->bell, peer, (uint32_t)vector);
}

/* --- for those who wait at an eventfd --------------------------------------- */

static void bridge(struct fam *fam, unsigned int vector)
{
	int fd = fam->bells->fd[vector];
	uint64_t rings = fd < 0 ? 0 : fam_bells_soft_take(fam, vector);

	if (rings)
		/* as above */
		(void)fam_rings_add(fd, rings);
}

/* Does anybody wait at an eventfd, or did since the last call? */
static bool is_asked_for(struct fam *fam)
{
	struct fam_bells *bells = fam->bells;
	unsigned int waits = bells->waits;
	bool waited = waits != bells->seen || bells->waiters;

	bells->seen = waits;
	if (!fam_bells_interrupts(fam))
		return bells->watched;
	return (waited || bells->watched) && fam_bells_soft_ringers(fam);
}

/*
 * Those without interrupts look at the soft bells themselves while they wait;
 * those with them sleep, and here somebody looks for them while there may be
 * something to see. Who begins to wait first counts itself, then wakes the
 * keeper unless it is `bridging`; hence the second question.
 */
int fam_bells_bridge(struct fam *fam)
{
	struct fam_bells *bells = fam->bells;
	bool more = is_asked_for(fam);

	bells->bridging = more;
	if (!more) {
		more = is_asked_for(fam);
		bells->bridging = more;
	}
	for (unsigned int i = 0; i < bells->vectors && i < FAM_SESSIONS_BELLS;
	     i++)
		bridge(fam, i);
	return more ? FAM_BELLS_BRIDGE_MS : -1;
}
