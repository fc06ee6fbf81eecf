/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026, the FAM emulator authors */
#ifndef HEAPS_PLACE_H
#define HEAPS_PLACE_H

/* Where things are in the root: words in many sectors, which are torn one by one. */
#include "model.h"

#define PLACE_SLOT(i)	   (8u * (unsigned int)(i))
#define PLACE_HASH	   (8u * MODEL_SLOTS)
#define PLACE_LOG	   (PLACE_HASH + 8)
#define PLACE_WORD(i)	   (512u + 104u * (unsigned int)(i))
#define PLACE_ROOT_BYTES   (PLACE_WORD(MODEL_WORDS - 1) + 8)
#define PLACE_REMOTE(i)	   (128u * (unsigned int)(i)) /* of words */
#define PLACE_REMOTE_BYTES 4096

#endif
