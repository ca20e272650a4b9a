/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The library as a contestant: ferry_offload(), and a done-callback or a task that waits. */
#include "files.h"
#include "workload.h"

#include <ferry.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* The frame of a task that sends its slot's requests, one after the other. */
struct sender {
	FERRY_FRAME;
	ferry_await answer;
	struct workload_run *run;
	unsigned slot;
	bool again; /* there is one more */
};

struct ferry_side {
	ferry_pool *pool;
	ferry_loop *loop;
	void *host; /* the workload's host, if it has one */
	ferry_lane *lane;
	ferry_job_options options;
	struct sender *senders; /* array [in_flight]; NULL: done-callbacks are called */
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

static ferry_local *offload(struct workload_run *run)
{
	struct ferry_side *side = run->context;
	ferry_local *local;

	local = ferry_offload(side->loop, side->pool, run->workload->stat ? do_stat : do_nothing,
			      (void *)(uintptr_t)workload_next_path(run),
			      side->lane ? &side->options : NULL);
	if (!local)
		bench_fail("ferry_offload: %s", strerror(errno));
	return local;
}

static ferry_step send_requests(ferry_task *task)
{
	FERRY_BEGIN(task, struct sender, f);
	while (f->again) {
		FERRY_AWAIT(ferry_await_local(&f->answer, offload(f->run)));
		f->again = false;
		workload_done(f->run, f->slot,
			      -ferry_error_errno(ferry_await_snapshot(&f->answer).exception));
	}
	FERRY_FINALLY
	bench_check(ferry_await_end(&f->answer), "ferry_await_end");
	FERRY_END;
}

/* Where it is called by the slot's own task, that goes on with it. */
static void submit_by_task(struct workload_run *run, unsigned slot)
{
	struct ferry_side *side = run->context;
	struct sender *sender = &side->senders[slot];
	bool runs = ferry_current_task(side->loop);

	sender->run = run;
	sender->slot = slot;
	sender->again = true;
	if (!runs)
		ferry_task_begin(&sender->task, side->loop, send_requests, NULL);
}

static void submit(struct workload_run *run, unsigned slot)
{
	if (run->workload->by_tasks)
		submit_by_task(run, slot);
	else
		bench_check(ferry_local_add_done_callback(offload(run), on_done, run),
			    "ferry_local_add_done_callback");
}

static void run_loop(struct workload_run *run)
{
	struct ferry_side *side = run->context;

	if (side->host)
		run->workload->host->run(side->host);
	else
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
	if (workload->host)
		side->host = workload->host->open(side->loop);
	if (workload->by_tasks) {
		side->senders = calloc(workload->in_flight, sizeof(*side->senders));
		if (!side->senders)
			bench_fail("out of memory");
	}
	if (workload->brief) {
		lane_options.brief = 1;
		bench_check(ferry_lane_new(side->pool, &lane_options, &side->lane),
			    "ferry_lane_new");
		side->options = (ferry_job_options)FERRY_JOB_OPTIONS_INIT;
		side->options.lane = side->lane;
	}
}

static void close_side(struct ferry_side *side, const struct host *host)
{
	if (host)
		host->close(side->host);
	bench_check(ferry_loop_free(side->loop), "ferry_loop_free");
	bench_check(ferry_pool_shutdown(side->pool, FERRY_SHUTDOWN_DRAIN, FERRY_NO_DEADLINE),
		    "ferry_pool_shutdown");
	ferry_lane_free(side->lane);
	ferry_pool_free(side->pool);
	free(side->senders);
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
	struct ferry_side side = { .host = NULL };
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
	close_side(&side, workload->host);
}
