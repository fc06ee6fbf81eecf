/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026, the FAM emulator authors */
#ifndef TM_SERVER_PEER_FLOW_H
#define TM_SERVER_PEER_FLOW_H

#include "peer.h"
#include "util/log.h"

/*
 * What goes to peers, when, and which of them are dropped for it. peer.c, above
 * this, lets them in.
 */

/** peers_flow_start() - the sources of the loop by which all is sent */
int peers_flow_start(struct peers *peers);

void peers_flow_stop(struct peers *peers);

/** peers_schedule_news() - somebody came or went: tell the others soon */
void peers_schedule_news(struct peers *peers);

/** peer_on_event() - the loop_fn of a peer's socket */
void peer_on_event(struct loop_source *source, uint32_t events, void *arg);

/** peer_check_ready() - tell the first time that its set-up is complete */
void peer_check_ready(struct peer *peer);

/** peer_drop_for() - close a connection for a reason that is logged */
void peer_drop_for(struct peer *peer, const char *why);

/** peer_log() - a line with fabric and peer in front */
void peer_log(const struct peer *peer, enum log_level level, const char *fmt,
	      ...) __attribute__((format(printf, 3, 4)));

#endif
