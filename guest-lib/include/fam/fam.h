/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026, the FAM emulator authors */
#ifndef FAM_FAM_H
#define FAM_FAM_H

/* Everything a program on a node or on the host needs. */
#include <fam/atomic.h>
#include <fam/channel.h>
#include <fam/doorbell.h>
#include <fam/error.h>
#include <fam/hash.h>
#include <fam/heap.h>
#include <fam/layout.h>
#include <fam/lock.h>
#include <fam/log.h>
#include <fam/map.h>
#include <fam/object.h>
#include <fam/persist.h>
#include <fam/pool.h>
#include <fam/region.h>
#include <fam/ring.h>
#include <fam/session.h>
#include <fam/signal.h>
#include <fam/stream.h>
#include <fam/sync.h>
#include <fam/tx.h>
#include <fam/wait.h>

#define FAM_VERSION "0.1.0"

#endif
