/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SUPPORT_QUIET_H
#define SUPPORT_QUIET_H
/*
 * Descriptors on which nothing comes, so that who reads is blocked, and workers that may be
 * interrupted there.
 *
 *   struct quiet quiet = quiet_begin();
 *   future = quiet_submit(pool, quiet_read, &quiet);    which may be interrupted
 *   quiet_await(&quiet, 1);                             one is inside its function
 *   quiet_end(&quiet);
 */
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>

#include "support/work.h"

#define QUIET_SIGNAL SIGURG

struct quiet {
	int ends[2];
	_Atomic unsigned entered;
};

static inline struct quiet quiet_begin(void)
{
	struct quiet quiet = { .entered = 0 };

	if (pipe2(quiet.ends, O_CLOEXEC) < 0)
		fixture_die("no pipe", errno);
	return quiet;
}

static inline void quiet_end(struct quiet *quiet)
{
	close(quiet->ends[0]);
	close(quiet->ends[1]);
}

/* 0, if something came, or a negative errno. */
static inline int quiet_read_once(struct quiet *quiet)
{
	char byte;

	return read(quiet->ends[0], &byte, 1) < 0 ? -errno : 0;
}

static inline int quiet_read(void *arg, ferry_result *out)
{
	struct quiet *quiet = arg;

	(void)out;
	quiet->entered++;
	return quiet_read_once(quiet);
}

static inline void quiet_write(struct quiet *quiet)
{
	if (write(quiet->ends[1], "", 1) != 1)
		fixture_die("nothing was written", errno);
}

static inline void quiet_await(struct quiet *quiet, unsigned count)
{
	while (quiet->entered < count)
		sched_yield();
}

/* Of exactly so many threads, which may be interrupted. */
static inline ferry_pool *quiet_pool(unsigned threads)
{
	ferry_pool_options options = FERRY_POOL_OPTIONS_INIT;

	options.min_threads = options.max_threads = threads;
	options.interrupt_signal = QUIET_SIGNAL;
	return work_pool(&options);
}

static inline ferry_future *quiet_submit(ferry_pool *pool, ferry_function fn, void *arg)
{
	ferry_job_options options = FERRY_JOB_OPTIONS_INIT;

	options.interruptible = 1;
	return work_submit(pool, fn, arg, &options);
}

/* Cancels one that runs, and lets go of it: the errno that its function returned. */
static inline int quiet_interrupt(ferry_future *future)
{
	if (ferry_future_cancel(future) != 0)
		fixture_die("it does not run", 0);
	return ferry_error_errno(work_end(future).exception);
}

/* This thread cannot be signalled, and nothing is pending. */
static inline bool quiet_is_here(void)
{
	sigset_t blocked, pending;

	pthread_sigmask(SIG_BLOCK, NULL, &blocked);
	sigpending(&pending);
	return sigismember(&blocked, QUIET_SIGNAL) && !sigismember(&pending, QUIET_SIGNAL);
}

#endif
