/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026, the FAM emulator authors */
#ifndef FAM_FAM_H
#define FAM_FAM_H

/* Everything a program on a node or on the host needs. */
#include <fam/atomic.h>
#include <fam/doorbell.h>
#include <fam/error.h>
#include <fam/layout.h>
#include <fam/map.h>
#include <fam/persist.h>
#include <fam/session.h>
#include <fam/signal.h>

#define FAM_VERSION "0.1.0"

#endif
