/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026, the FAM emulator authors */
#ifndef FAMCTL_FABRIC_DURABILITY_H
#define FAMCTL_FABRIC_DURABILITY_H

#include "fabric.h"
#include "out.h"
#include "servers.h"

/** fabric_committed() - do nodes need its server to make stores durable? */
bool fabric_committed(const struct fabric *fabric);

/**
 * fabric_durability_json() - how stores become durable, and whether they do
 * @server: of this very file, if it is SERVERS_RUNNING
 *
 * Adds the ways to durability, what the flush service has done, and the mark
 * of a failed write-back, wherever it stands.
 */
void fabric_durability_json(const struct fabric *fabric,
			    const struct servers_info *server, json_t *object);

#endif
