// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
/*
 * The client of the flush mailbox (FORMAT.md). Whatever is read there may be
 * wrong: it costs time, or an error. Only a count with this program's own token
 * added says that something was done.
 */
#include "fam-persist.h"

#define KICK_NS	 INT64_C(1000000)
#define USUAL_NS INT64_C(150000)     /* until it is known better */
#define SLOT_MAX (UINT64_C(1) << 31) /* requests; its counts end at 2^32 */

void fam_client_init(struct fam_client *client, struct fam_mailbox *box,
		     const struct fam_bell *bell)
{
	client->box = box;
	client->bell = bell;
	client->silence_ns = FAM_CLIENT_SILENCE_NS;
	client->slot = -1;
	atomic_init(&client->usual, USUAL_NS);
	pthread_mutex_init(&client->lock, NULL);
}

/* Give the slot back, if it is still ours. */
static void abandon(struct fam_client *c)
{
	uint64_t token = c->token;

	if (c->slot >= 0)
		atomic_compare_exchange_strong(&c->box->slot[c->slot].owner,
					       &token, 0);
	c->slot = -1;
}

void fam_client_destroy(struct fam_client *client)
{
	abandon(client);
	pthread_mutex_destroy(&client->lock);
}

/* The server's are plain fields, set before the epoch. */
static void learn_bell(struct fam_client *c)
{
	c->rings = __atomic_load_n(&c->box->flags, __ATOMIC_RELAXED) &
			   FAM_MAILBOX_CAN_RING &&
		   fam_bell_can_ring(c->bell);
	c->peer = __atomic_load_n(&c->box->peer, __ATOMIC_RELAXED);
	c->vector = __atomic_load_n(&c->box->vector, __ATOMIC_RELAXED);
}

static void sign(struct fam_client *c)
{
	struct fam_mailbox_slot *slot = &c->box->slot[c->slot];

	atomic_store(&slot->node, c->owner.node);
	atomic_store(&slot->started, c->owner.started);
	atomic_store(&slot->pid, c->owner.pid);
	atomic_store(&slot->peer, c->bell->self);
}

static void ring(const struct fam_client *c)
{
	if (c->rings)
		/* fails if the device is gone, which who waits notices */
		(void)fam_bell_ring(c->bell, c->peer, c->vector);
}

static void post(struct fam_client *c, uint64_t ticket)
{
	fam_mailbox_post(c->box, (unsigned int)c->slot, c->token,
			 ticket - 1 - c->base,
			 &c->range[ticket % FAM_MAILBOX_RING]);
}

/* Take a slot and ask for all that is not done. */
static int attach(struct fam_client *c)
{
	c->epoch = atomic_load_explicit(&c->box->epoch, memory_order_acquire);
	if (!fam_mailbox_is_served(c->box))
		return c->served ? 0 : -ENOTCONN;
	if (c->owner.pid == 0)
		fam_owner_self(&c->owner);
	c->token = fam_owner_token();
	c->slot = fam_mailbox_claim(c->box, c->token);
	if (c->slot < 0) {
		fam_owner_reap(c->box, &c->owner);
		c->slot = fam_mailbox_claim(c->box, c->token);
	}
	if (c->slot < 0)
		return -EUSERS;
	if (!c->served || c->tickets.done == c->tickets.posted)
		c->failed_ns = atomic_load_explicit(&c->box->failed_ns,
						    memory_order_acquire);
	c->served = true;
	c->base = c->tickets.done;
	learn_bell(c);
	sign(c);
	for (uint64_t t = c->base + 1; t <= c->tickets.posted; t++)
		post(c, t);
	if (c->base < c->tickets.posted)
		ring(c);
	return 0;
}

/*
 * What the mark means for us. A server puts its own troubles there, too, which
 * say nothing once it is gone.
 */
static int marked(const struct fam_client *c)
{
	int32_t failed =
		atomic_load_explicit(&c->box->failed, memory_order_acquire);

	if (failed >= 0)
		return 0;
	if (failed == -EOPNOTSUPP || failed == -ENODATA || failed == -ESTALE)
		return fam_mailbox_is_served(c->box) ? failed : 0;
	return -EIO;
}

/*
 * Nothing that is under way may succeed later: the kernel may have dropped the
 * pages, and the next write-back then succeeds without them.
 */
static int refuse(struct fam_client *c, int error)
{
	fam_tickets_fail(&c->tickets, error, false);
	abandon(c);
	return error;
}

/*
 * Was there a failure since we asked, even if it is cleared by now? What was
 * asked for may be gone, and then asking again would succeed without it.
 */
static int missed(const struct fam_client *c)
{
	uint64_t now =
		atomic_load_explicit(&c->box->failed_ns, memory_order_acquire);

	return c->served && now != c->failed_ns ? -EIO : 0;
}

static int again(struct fam_client *c, bool fault)
{
	int r = marked(c);

	abandon(c);
	if (r == 0 && c->tickets.done < c->tickets.posted)
		r = missed(c);
	if (r < 0)
		return refuse(c, r);
	if (fault && ++c->faults > FAM_CLIENT_FAULTS) {
		c->faults = 0;
		return -EPROTO;
	}
	return attach(c);
}

/* See what became of what was asked. 0, or an error that concerns all. */
static int look(struct fam_client *c)
{
	uint64_t posted = c->tickets.posted - c->base, done = 0;
	enum fam_mailbox_view view;

	if (c->slot < 0)
		return again(c, false);
	/* One more than there are: it shall look at everything. */
	view = fam_mailbox_look(c->box, (unsigned int)c->slot, c->token,
				c->epoch, posted + 1, &done);
	if (done > 0 && done <= posted && c->base + done > c->tickets.done) {
		fam_tickets_done(&c->tickets, c->base + done);
		c->faults = 0;
	}
	switch (view) {
	case FAM_MAILBOX_FAILED:
		return marked(c) < 0 ? refuse(c, marked(c)) : 0;
	case FAM_MAILBOX_LOST:
	case FAM_MAILBOX_FAULT:
		return again(c, view == FAM_MAILBOX_FAULT);
	default:
		return 0;
	}
}

static void kick(struct fam_client *c, int64_t now)
{
	if (c->slot < 0 || now - c->kicked < KICK_NS)
		return;
	c->kicked = now;
	fam_mailbox_kick(c->box, (unsigned int)c->slot, c->token,
			 c->tickets.posted - c->base);
	ring(c);
}

/* One turn of a wait: 0 answered, 1 not yet, or an error. Under the lock. */
static int turn(struct fam_client *c, uint64_t ticket, int64_t now,
		struct fam_pulse *pulse)
{
	int r = fam_tickets_state(&c->tickets, ticket), error;

	if (r <= 0)
		return r;
	error = look(c);
	r = fam_tickets_state(&c->tickets, ticket);
	if (r <= 0)
		return r;
	kick(c, now);
	pulse->done = c->tickets.done;
	pulse->beat = atomic_load_explicit(&c->box->beat, memory_order_relaxed);
	pulse->epoch =
		atomic_load_explicit(&c->box->epoch, memory_order_relaxed);
	if (error == 0)
		return 1;
	fam_tickets_owe(&c->tickets, ticket);
	return error;
}

/*
 * No sign of life. Half of the time has passed: it may be our slot that was
 * written over, so take another; all of it: there is no server.
 */
static int lose_patience(struct fam_client *c, const struct fam_vigil *vigil,
			 bool *renewed)
{
	int64_t silent = vigil->now - vigil->moved;

	if (silent < c->silence_ns / 2 || (*renewed && silent < c->silence_ns))
		return 0;
	pthread_mutex_lock(&c->lock);
	abandon(c);
	pthread_mutex_unlock(&c->lock);
	if (silent >= c->silence_ns)
		return -ENOTCONN;
	*renewed = true;
	return 0;
}

/*
 * 0: answered before the clock was read again. One that took very long is not
 * what is usual.
 */
static void learn_usual(struct fam_client *c, int64_t ns)
{
	int64_t usual = c->usual;

	if (ns > 0)
		c->usual =
			usual + ((ns < 4 * usual ? ns : 4 * usual) - usual) / 8;
}

static int wait_for(struct fam_client *c, uint64_t ticket,
		    const struct fam_ask *ask)
{
	struct fam_pulse pulse = {0};
	struct fam_vigil vigil;
	bool renewed = false;
	int r, stop = 0;

	fam_vigil_begin(&vigil, ask, c->usual);
	for (;;) {
		pthread_mutex_lock(&c->lock);
		r = turn(c, ticket, vigil.now, &pulse);
		if (r == 0)
			learn_usual(c, vigil.now - ask->began);
		else if (r > 0 && stop < 0)
			fam_tickets_owe(&c->tickets, ticket);
		pthread_mutex_unlock(&c->lock);
		/* One more look after the time is over. */
		if (r <= 0 || stop < 0)
			return r <= 0 ? r : stop;
		stop = fam_vigil_pause(&vigil, &pulse);
		if (stop == 0)
			stop = lose_patience(c, &vigil, &renewed);
	}
}

/* Make room in the ring. Under the lock, which is left meanwhile. */
static int make_room(struct fam_client *c, const struct fam_ask *ask)
{
	int r = look(c);

	while (r == 0 &&
	       c->tickets.posted - c->tickets.done >= FAM_MAILBOX_RING) {
		uint64_t first = c->tickets.posted - FAM_MAILBOX_RING + 1;

		pthread_mutex_unlock(&c->lock);
		r = wait_for(c, first, ask);
		pthread_mutex_lock(&c->lock);
	}
	return r < 0 ? r : c->tickets.failed;
}

/* Of two billion requests none is under way: a moment to take another slot. */
static void renew(struct fam_client *c)
{
	if (c->slot >= 0 && c->tickets.done == c->tickets.posted &&
	    c->tickets.posted - c->base >= SLOT_MAX)
		abandon(c);
}

int fam_client_post(struct fam_client *c, struct fam_ask *ask)
{
	int r;

	pthread_mutex_lock(&c->lock);
	renew(c);
	r = c->tickets.failed ? c->tickets.failed : make_room(c, ask);
	if (r == 0) {
		ask->ticket = fam_tickets_take(&c->tickets, ask->async);
		c->range[ask->ticket % FAM_MAILBOX_RING] = ask->range;
	}
	if (r == 0 && c->slot >= 0) {
		post(c, ask->ticket);
		c->kicked = ask->began;
		ring(c);
	}
	pthread_mutex_unlock(&c->lock);
	return r;
}

int fam_client_wait(struct fam_client *c, const struct fam_ask *ask)
{
	uint64_t ticket = ask->ticket;
	int r;

	pthread_mutex_lock(&c->lock);
	r = fam_tickets_resolve(&c->tickets, &ticket);
	pthread_mutex_unlock(&c->lock);
	return r < 0 ? r : wait_for(c, ticket, ask);
}

int fam_client_failed(struct fam_client *c)
{
	int r;

	pthread_mutex_lock(&c->lock);
	r = c->tickets.failed ? c->tickets.failed : marked(c);
	pthread_mutex_unlock(&c->lock);
	if (r == 0 && !fam_mailbox_is_served(c->box))
		r = -ENOTCONN;
	return r;
}
