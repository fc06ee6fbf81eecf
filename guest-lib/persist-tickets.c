// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
#include "fam-persist.h"

uint64_t fam_tickets_take(struct fam_tickets *tickets, bool async)
{
	tickets->posted++;
	if (async)
		fam_tickets_owe(tickets, tickets->posted);
	return tickets->posted;
}

void fam_tickets_owe(struct fam_tickets *tickets, uint64_t ticket)
{
	if (ticket > tickets->async)
		tickets->async = ticket;
}

void fam_tickets_done(struct fam_tickets *tickets, uint64_t ticket)
{
	if (ticket > tickets->done && ticket <= tickets->posted)
		tickets->done = ticket;
}

void fam_tickets_fail(struct fam_tickets *tickets, int error, bool forever)
{
	if (forever || tickets->async > tickets->done)
		tickets->failed = error;
	if (tickets->done == tickets->posted)
		return;
	/* Of several gaps one is made: what lies between counts as lost. */
	if (tickets->lost == 0)
		tickets->kept = tickets->done;
	tickets->lost = tickets->posted;
	tickets->done = tickets->posted;
	tickets->error = error;
}

int fam_tickets_state(const struct fam_tickets *tickets, uint64_t ticket)
{
	if (ticket > tickets->kept && ticket <= tickets->lost)
		return tickets->error;
	if (ticket <= tickets->done)
		return 0;
	return tickets->failed ? tickets->failed : 1;
}

int fam_tickets_resolve(const struct fam_tickets *tickets, uint64_t *ticket)
{
	if (*ticket == FAM_TICKET_ALL)
		*ticket = tickets->posted;
	return *ticket > tickets->posted ? -EINVAL : 0;
}
