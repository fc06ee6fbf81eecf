/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026, the FAM emulator authors */
#ifndef FAM_BENCH_H
#define FAM_BENCH_H

/*
 * fam bench has two sides: one serves, the other one runs the tests and has the
 * clock. They talk through two channels, bench/NAME/ask and bench/NAME/answer:
 * for each test the runner makes what is measured, bench/NAME/..., and asks the
 * server for its half, who answers once when it is ready and once at the end.
 */

#include <sys/types.h>

#include <fam/channel.h>
#include <fam/lock.h>
#include <fam/object.h>
#include <fam/ring.h>
#include <fam/stream.h>

#include "fam-tool.h"

#define BENCH_MAGIC	 UINT64_C(0x31484e45424d4146) /* "FAMBENH1" */
#define BENCH_PATIENCE	 10000			      /* ms without progress */
#define BENCH_MESSAGE	 64   /* bytes of one, in rings and round trips */
#define BENCH_SLOTS	 1024 /* of the ring */
#define BENCH_BUFFER	 (UINT64_C(16) << 20) /* what is sent, again and again */
#define BENCH_BURST_MOST 32

enum bench_kind {
	BENCH_END = 0, /* the server is to go */
	BENCH_LOCK,    /* nobody else wants it; no server needed */
	BENCH_CONTEND, /* both sides want it */
	BENCH_RING,    /* messages from the runner to the server */
	BENCH_ECHO,    /* round trips of messages */
	BENCH_COPY,    /* bytes through a stream, and an acknowledgement */
};

struct bench_test {
	const char *name, *what;
	uint32_t kind;	 /* enum bench_kind */
	uint32_t rounds; /* figures to take */
	uint64_t batch;	 /* operations for each */
	uint64_t bytes;	 /* of an operation */
	uint32_t burst;	 /* ring: messages at once */
	uint32_t sleeps; /* waits sleep, and are woken */
};

struct bench_ask {
	uint64_t magic;
	uint32_t kind, burst, sleeps, reserved;
	uint64_t operations, bytes;
};

struct bench_answer {
	uint64_t magic;
	int32_t error; /* 0 or a negative errno */
	uint32_t reserved;
	uint64_t cpu_ns; /* used since it was ready */
};

/* What both sides lock, and count in. */
struct bench_counter {
	struct fam_mutex mutex;
	uint64_t count;
};

/* A side. */
struct bench {
	const struct options *options;
	struct fam *fam;
	const char *name;
	bool serves;
	struct fam_channel *in, *out; /* ask and answer, or answer and ask */
	/* Of the test: */
	struct fam_object *counter;
	struct fam_ring *ring;
	struct fam_stream *stream;
	struct fam_channel *there, *back;
	uint8_t *buffer;
};

/** bench_name() - of an object of this benchmark */
const char *bench_name(const struct bench *bench, const char *what,
		       char out[FAM_OBJECT_NAME_MAX]);

/** bench_attach() - the two channels; 0; -ENOENT nobody serves; -EBUSY */
int bench_attach(struct bench *bench);
void bench_detach(struct bench *bench);

/** bench_sweep() - remove what is left of those who ended */
void bench_sweep(struct bench *bench);

/** bench_open() - what a test needs: the runner makes it, the server finds it
 */
int bench_open(struct bench *bench, const struct bench_ask *ask);
void bench_close(struct bench *bench);

/** bench_half() - a side's half of some operations; 0 or a negative errno */
int bench_half(struct bench *bench, const struct bench_ask *ask,
	       uint64_t operations);

/** bench_receive() - one message of exactly @bytes; -EPROTO; -EINTR to stop */
int bench_receive(struct fam_channel *channel, void *out, size_t bytes,
		  int timeout_ms);

uint64_t bench_cpu_ns(void);
uint64_t bench_now_ns(void);

/* --- fam-bench-run.c ---------------------------------------------------------
 */

struct bench_result {
	const struct bench_test *test;
	uint32_t count;
	double *ns; /* for each operation, sorted; the caller frees it */
	double cpu_ns, other_cpu_ns;
};

/** bench_run() - one test; 0 or a negative errno */
int bench_run(struct bench *bench, const struct bench_test *test,
	      struct bench_result *out);

/**
 * bench_serve() - until told to end; 0, -EINTR, or another negative errno
 * @tells: print when it can be asked
 */
int bench_serve(struct bench *bench, bool tells);

#endif
