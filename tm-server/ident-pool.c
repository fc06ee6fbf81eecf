// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/queue.h>
#include <unistd.h>

#include "ident.h"
#include "util/cleanup.h"
#include "util/log.h"

#define POOL_THREADS	16
#define POOL_TIMEOUT_MS 1000
#define CMDLINE_MAX	(128 * 1024)
#define STACK_BYTES	(128 * 1024)
#define ADDRESS_BYTES	sizeof(void *)

/*
 * A job belongs to the loop's thread while it is queued, to its own thread
 * while that runs (but for fn, arg and since, which only the loop touches), and
 * to the loop again once its address came back through the pipe.
 */
struct ident_job {
	TAILQ_ENTRY(ident_job) link;
	struct ident_pool *pool;
	ident_fn fn; /* NULL: cancelled or told already */
	void *arg;
	uint64_t since;
	bool running;
	int report;		  /* write end of the pool's pipe */
	struct identity before;	  /* as given; the loop's */
	struct identity identity; /* the thread's while it runs */
};

struct ident_pool {
	struct loop *loop;
	int pipe[2];
	unsigned int running;
	struct loop_source *source, *timer;
	TAILQ_HEAD(, ident_job) jobs;
};

static void read_cmdline(struct identity *identity)
{
	_cleanup_free_ char *buf = malloc(CMDLINE_MAX);
	_cleanup_close_ int fd = -1;
	char path[64];
	size_t len = 0;
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/%u/cmdline", identity->pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || !buf)
		return;
	while (len < CMDLINE_MAX &&
	       (n = read(fd, buf + len, CMDLINE_MAX - len)) > 0)
		len += (size_t)n;
	ident_parse(buf, len, identity);
}

static void *worker(void *arg)
{
	struct ident_job *job = arg;

	read_cmdline(&job->identity);
	/* a pipe takes an address whole, and has room for all that can come */
	if (write(job->report, &job, ADDRESS_BYTES) != ADDRESS_BYTES)
		abort();
	return NULL;
}

static int spawn(struct ident_job *job)
{
	pthread_attr_t attr;
	pthread_t thread;
	int ret = pthread_attr_init(&attr);

	if (ret)
		return -ret;
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	pthread_attr_setstacksize(&attr, STACK_BYTES);
	ret = pthread_create(&thread, &attr, worker, job);
	pthread_attr_destroy(&attr);
	return -ret;
}

static void tell(struct ident_job *job, const struct identity *identity)
{
	ident_fn fn = job->fn;

	job->fn = NULL;
	if (fn)
		fn(identity, job->arg);
}

static void job_free(struct ident_job *job)
{
	TAILQ_REMOVE(&job->pool->jobs, job, link);
	free(job);
}

static void start_queued(struct ident_pool *pool)
{
	struct ident_job *job;

	TAILQ_FOREACH(job, &pool->jobs, link)
	{
		if (pool->running >= POOL_THREADS)
			return;
		if (job->running || !job->fn)
			continue;
		if (spawn(job) < 0)
			return; /* the timer ends the wait */
		job->running = true;
		pool->running++;
	}
}

static void on_report(struct loop_source *source, uint32_t events, void *arg)
{
	struct ident_pool *pool = arg;
	struct ident_job *job;

	(void)source;
	(void)events;
	while (read(pool->pipe[0], &job, ADDRESS_BYTES) == ADDRESS_BYTES) {
		pool->running--;
		tell(job, &job->identity);
		job_free(job);
	}
	start_queued(pool);
}

/* One late job is told of what was known before; true: look again. */
static bool expire_one(struct ident_pool *pool, uint64_t now)
{
	struct ident_job *job;

	TAILQ_FOREACH(job, &pool->jobs, link)
	{
		if (!job->fn && !job->running) {
			job_free(job);
			return true;
		}
		if (job->fn && now - job->since >= POOL_TIMEOUT_MS) {
			log_warn("process %u does not show its command line",
				 job->before.pid);
			tell(job, &job->before);
			return true;
		}
	}
	return false;
}

static void on_timer(struct loop_source *timer, uint32_t events, void *arg)
{
	struct ident_pool *pool = arg;
	uint64_t now = loop_now_ms();

	(void)events;
	while (expire_one(pool, now))
		;
	if (!TAILQ_EMPTY(&pool->jobs))
		(void)loop_timer_set(timer, POOL_TIMEOUT_MS); /* valid timer */
}

int ident_pool_new(struct ident_pool **out, struct loop *loop)
{
	struct ident_pool *pool = calloc(1, sizeof(*pool));
	int ret = -ENOMEM;

	if (!pool)
		return ret;
	pool->loop = loop;
	TAILQ_INIT(&pool->jobs);
	if (pipe2(pool->pipe, O_CLOEXEC | O_NONBLOCK) < 0) {
		ret = -errno;
		free(pool);
		return ret;
	}
	ret = loop_add_fd(&pool->source, loop, pool->pipe[0], on_report, pool);
	if (ret == 0)
		ret = loop_add_timer(&pool->timer, loop, on_timer, pool);
	if (ret < 0) {
		ident_pool_free(pool);
		return ret;
	}
	*out = pool;
	return 0;
}

void ident_pool_free(struct ident_pool *pool)
{
	struct ident_job *job;

	if (!pool)
		return;
	TAILQ_FOREACH(job, &pool->jobs, link)
	job->fn = NULL;
	while (pool->running) {
		struct pollfd p = {.fd = pool->pipe[0], .events = POLLIN};

		/* a thread that hangs keeps what it uses until the process ends
		 */
		if (poll(&p, 1, POOL_TIMEOUT_MS) <= 0)
			return;
		if (read(p.fd, &job, ADDRESS_BYTES) == ADDRESS_BYTES) {
			pool->running--;
			job_free(job);
		}
	}
	while ((job = TAILQ_FIRST(&pool->jobs)))
		job_free(job);
	loop_remove(pool->source);
	loop_remove(pool->timer);
	close(pool->pipe[0]);
	close(pool->pipe[1]);
	free(pool);
}

int ident_start(struct ident_job **out, struct ident_pool *pool,
		const struct identity *identity, ident_fn fn, void *arg)
{
	struct ident_job *job = calloc(1, sizeof(*job));
	int ret;

	if (!job)
		return -ENOMEM;
	*job = (struct ident_job){
		.pool = pool,
		.fn = fn,
		.arg = arg,
		.since = loop_now_ms(),
		.report = pool->pipe[1],
		.before = *identity,
		.identity = *identity,
	};
	ret = loop_timer_set(pool->timer, POOL_TIMEOUT_MS);
	if (ret < 0) {
		free(job);
		return ret;
	}
	TAILQ_INSERT_TAIL(&pool->jobs, job, link);
	*out = job;
	start_queued(pool);
	return 0;
}

void ident_cancel(struct ident_job *job)
{
	if (!job)
		return;
	job->fn = NULL;
	if (!job->running)
		job_free(job);
}
