/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The library as a contestant: ferry_offload() and a done-callback. */
#include "files.h"
#include "workload.h"

#include <ferry.h>

#include <errno.h>
#include <string.h>

struct ferry_side {
	ferry_pool *pool;
	ferry_loop *loop;
	ferry_lane *lane;
	ferry_job_options options;
};

static int do_stat(void *path, ferry_result *out)
{
	(void)out;
	return files_stat(path);
}

static int do_nothing(void *path, ferry_result *out)
{
	(void)path, (void)out;
	return 0;
}

static void on_done(ferry_local *local, void *user)
{
	struct workload_run *run = user;
	ferry_snapshot snapshot = ferry_local_snapshot(local);
	int error = -ferry_error_errno(snapshot.exception);

	ferry_local_unref(local);
	workload_done(run, 0, error);
}

static void submit(struct workload_run *run, unsigned slot)
{
	struct ferry_side *side = run->context;
	ferry_local *local;

	(void)slot;
	local = ferry_offload(side->loop, side->pool, run->workload->stat ? do_stat : do_nothing,
			      (void *)(uintptr_t)workload_next_path(run),
			      side->lane ? &side->options : NULL);
	if (!local)
		bench_fail("ferry_offload: %s", strerror(errno));
	bench_check(ferry_local_add_done_callback(local, on_done, run),
		    "ferry_local_add_done_callback");
}

static void run_loop(struct workload_run *run)
{
	struct ferry_side *side = run->context;

	bench_check(ferry_loop_run(side->loop), "ferry_loop_run");
}

/* A worker's start hook: with one thread on each CPU, workers have the second. */
static int pin_worker(void *user)
{
	(void)user;
	bench_pin(1);
	return 0;
}

static void open_side(struct ferry_side *side, const struct bench_case *definition)
{
	const struct workload *workload = definition->argument;
	ferry_pool_options pool_options = FERRY_POOL_OPTIONS_INIT;
	ferry_loop_options loop_options = FERRY_LOOP_OPTIONS_INIT;
	ferry_lane_options lane_options = FERRY_LANE_OPTIONS_INIT;

	pool_options.min_threads = pool_options.max_threads = workload->threads;
	if (workload->no_polling) {
		pool_options.spin_ns = FERRY_NO_DEADLINE;
		loop_options.poll_ns = FERRY_NO_DEADLINE;
	}
	if (definition->placement == BENCH_SPLIT)
		pool_options.start = pin_worker;
	bench_check(ferry_pool_new(&pool_options, &side->pool), "ferry_pool_new");
	bench_check(ferry_loop_new(&loop_options, &side->loop), "ferry_loop_new");
	if (workload->brief) {
		lane_options.brief = 1;
		bench_check(ferry_lane_new(side->pool, &lane_options, &side->lane),
			    "ferry_lane_new");
		side->options = (ferry_job_options)FERRY_JOB_OPTIONS_INIT;
		side->options.lane = side->lane;
	}
}

static void close_side(struct ferry_side *side)
{
	bench_check(ferry_loop_free(side->loop), "ferry_loop_free");
	bench_check(ferry_pool_shutdown(side->pool, FERRY_SHUTDOWN_DRAIN, FERRY_NO_DEADLINE),
		    "ferry_pool_shutdown");
	ferry_lane_free(side->lane);
	ferry_pool_free(side->pool);
}

struct counters {
	uint64_t rings, wakeups, sleeps, polls;
};

static struct counters read_counters(const struct ferry_side *side)
{
	ferry_loop_counters loop;
	ferry_pool_counters pool;

	bench_check(ferry_loop_stats(side->loop, &loop), "ferry_loop_stats");
	bench_check(ferry_pool_stats(side->pool, &pool), "ferry_pool_stats");
	if (pool.accepted != pool.ran + pool.running || pool.queued != 0)
		bench_fail("the pool's books do not balance");
	return (struct counters){ loop.rings, pool.wakeups, loop.sleeps, loop.polls };
}

void workload_ferry(const struct bench_case *self, struct bench_sample *sample)
{
	static const struct workload_contestant contestant = { submit, run_loop };
	const struct workload *workload = self->argument;
	unsigned first = workload_first_value(workload);
	double jobs = (double)sample->operations;
	struct ferry_side side = { .lane = NULL };
	struct workload_run run = {
		.workload = workload,
		.contestant = &contestant,
		.context = &side,
		.sample = sample,
	};
	struct counters before, after;

	open_side(&side, self);
	/* Only now: loop and pool ask how many CPUs are allowed when they are made. */
	if (self->placement == BENCH_SPLIT)
		bench_pin(0);
	workload_warm_up(&run);
	before = read_counters(&side);
	workload_measure(&run);
	after = read_counters(&side);
	sample->values[first] = (double)(after.rings - before.rings) / jobs;
	sample->values[first + 1] = (double)(after.wakeups - before.wakeups) / jobs;
	sample->values[first + 2] = (double)(after.sleeps - before.sleeps) / jobs;
	sample->values[first + 3] = (double)(after.polls - before.polls) / jobs;
	/* The work itself; a write for a ring; a wait for a sleep; a wake and a wait for a
	 * wake-up. Waits that do not block are not known, so it is the least. */
	sample->estimated_syscalls = (workload->stat ? jobs : 0) +
				     (double)(after.rings - before.rings) +
				     (double)(after.sleeps - before.sleeps) +
				     2 * (double)(after.wakeups - before.wakeups);
	close_side(&side);
}
