/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Submitters that run their job themselves because the queue is full, by every interleaving
 * (P1, P2, P5, P7).
 *
 * Such a thread holds a place of its job's lane, and is not one of the pool's workers: what
 * waits for that place, and who ends the pool, must see it all the same. model_caller --help
 * says how to replay a schedule.
 */
#include <errno.h>
#include <ferry/pool.h>

#include "base/atomic.h"
#include "model/jobs.h"
#include "seam/scene.h"

/* ---- one who submits ---- */

struct caller {
	ferry_pool *pool;
	ferry_lane *lane; /* for one at a time */
	ferry_function fn;
	void *arg;
	uint64_t deadline_ns;
	ferry_future *future; /* NULL: it was refused */
};

/* One job may wait; who submits another runs it. */
static struct caller full_pool(unsigned threads)
{
	ferry_lane_options one = FERRY_LANE_OPTIONS_INIT;
	ferry_pool_options options = jobs_options(threads, threads);
	struct caller caller = { .fn = jobs_nothing };

	options.max_queued = 1;
	options.when_full = FERRY_FULL_RUN;
	caller.pool = jobs_pool_by(&options);
	one.max_running = 1;
	CHECK(ferry_lane_new(caller.pool, &one, &caller.lane) == 0);
	return caller;
}

static void submit(void *arg)
{
	struct caller *caller = arg;
	ferry_job_options options = FERRY_JOB_OPTIONS_INIT;
	int error;

	options.lane = caller->lane;
	options.deadline_ns = caller->deadline_ns;
	error = ferry_pool_submit(caller->pool, caller->fn, caller->arg, &options,
				  &caller->future);
	CHECK(error == 0 || error == -EAGAIN || error == -ESHUTDOWN);
	if (error)
		caller->future = NULL;
}

static void end_job(ferry_future *future)
{
	if (!future)
		return;
	CHECK(ferry_future_wait(future, FERRY_NO_DEADLINE) == 0);
	ferry_future_unref(future);
}

static void end(struct caller *caller)
{
	ferry_lane_free(caller->lane);
	jobs_end(caller->pool);
}

/* ---- the place it holds ---- */

static void run_beside_one_queued(uint64_t deadline_ns)
{
	struct caller caller = full_pool(1);
	ferry_future *queued = jobs_submit_to(caller.pool, caller.lane);

	caller.deadline_ns = deadline_ns;
	submit(&caller);
	jobs_wait(queued);
	end_job(caller.future);
	end(&caller);
}

/* P7: what waits for the lane is found when the caller is through. */
static void a_job_waits_for_the_callers_place(void)
{
	run_beside_one_queued(0);
}

/* P7: also when the caller's job had expired, and did not run. */
static void a_job_waits_for_the_place_of_one_that_expired(void)
{
	run_beside_one_queued(1);
}

/* P1: two of them, of whom one may be refused. */
static void two_submitters_to_a_full_queue(void)
{
	struct caller caller = full_pool(1), second = caller;
	unsigned other = scene_start("submitter", submit, &second);
	ferry_future *queued = NULL;
	int error = ferry_pool_submit(caller.pool, jobs_nothing, NULL, NULL, &queued);

	CHECK(error == 0);
	submit(&caller);
	jobs_wait(queued);
	scene_join(other);
	end_job(caller.future);
	end_job(second.future);
	end(&caller);
}

/* ---- the end of its pool ---- */

static _Atomic bool over;

static int run_before_the_end(void *arg, ferry_result *out)
{
	/* Relaxed: one thread of the scene runs at a time. */
	CHECK(!atomic_load_explicit(&over, memory_order_relaxed));
	return jobs_nothing(arg, out);
}

/* P5: nothing is queued and nothing runs when it has ended, and a drain loses nothing. */
static void end_beside(ferry_shutdown mode, unsigned workers, unsigned failing)
{
	struct caller caller = full_pool(workers), other;
	ferry_snapshot snapshot;
	unsigned thread;

	caller.fn = run_before_the_end;
	other = caller;
	atomic_store_explicit(&over, false, memory_order_relaxed); /* as above */
	submit(&caller);
	machine_fail_threads(failing);
	thread = scene_start("submitter", submit, &other);
	CHECK(ferry_pool_shutdown(caller.pool, mode, FERRY_NO_DEADLINE) == 0);
	atomic_store_explicit(&over, true, memory_order_relaxed); /* as above */
	snapshot = ferry_future_snapshot(caller.future);
	CHECK(snapshot.done);
	CHECK(mode != FERRY_SHUTDOWN_DRAIN || !snapshot.cancelled);
	scene_join(thread);
	end_job(caller.future);
	end_job(other.future);
	end(&caller);
}

static void drained_beside_a_caller(void)
{
	end_beside(FERRY_SHUTDOWN_DRAIN, 1, 0);
}

static void drained_by_two_workers_beside_a_caller(void)
{
	end_beside(FERRY_SHUTDOWN_DRAIN, 2, 0);
}

static void cancelled_beside_a_caller(void)
{
	end_beside(FERRY_SHUTDOWN_CANCEL, 1, 0);
}

/* P2, P5: what waits for the caller has a worker, though none can be made. */
static void drained_beside_a_caller_without_threads(void)
{
	end_beside(FERRY_SHUTDOWN_DRAIN, 1, ~0u);
}

struct end_inside {
	ferry_pool *pool;
	unsigned gate;
};

static int wait_at_gate(void *arg, ferry_result *out)
{
	scene_gate_wait(((struct end_inside *)arg)->gate);
	return jobs_nothing(arg, out);
}

/* The only worker is at the gate, and one job is queued. */
static void fill(struct caller *caller, struct end_inside *inside, ferry_future **futures)
{
	*inside = (struct end_inside){ caller->pool, scene_gate() };
	scene_quiet_begin();
	CHECK(ferry_pool_submit(caller->pool, wait_at_gate, inside, NULL, &futures[0]) == 0);
	scene_settle();
	futures[1] = jobs_submit(caller->pool);
	scene_quiet_end();
}

static int free_the_pool(void *arg, ferry_result *out)
{
	struct end_inside *inside = arg;

	ferry_pool_free(inside->pool);
	scene_gate_open(inside->gate);
	scene_settle();
	return jobs_nothing(arg, out);
}

/* P5: the caller is the last to come back. */
static void freed_by_what_a_caller_runs(void)
{
	struct caller caller = full_pool(1);
	struct end_inside inside;
	ferry_future *futures[2];

	fill(&caller, &inside, futures);
	ferry_lane_free(caller.lane);
	caller.lane = NULL;
	caller.fn = free_the_pool;
	caller.arg = &inside;
	submit(&caller);
	jobs_wait(futures[0]);
	CHECK(ferry_future_snapshot(futures[1]).cancelled);
	ferry_future_unref(futures[1]);
	CHECK(ferry_future_snapshot(caller.future).result.u64 == 1);
	ferry_future_unref(caller.future);
}

static int shut_down_the_pool(void *arg, ferry_result *out)
{
	struct end_inside *inside = arg;

	CHECK(ferry_pool_shutdown(inside->pool, FERRY_SHUTDOWN_DRAIN, FERRY_NO_DEADLINE) ==
	      -EDEADLK);
	/* The worker's and its own. */
	CHECK(ferry_pool_shutdown(inside->pool, FERRY_SHUTDOWN_CANCEL, FERRY_NO_DEADLINE) == 2);
	scene_gate_open(inside->gate);
	return jobs_nothing(arg, out);
}

/* P5: it does not wait for itself. */
static void shut_down_by_what_a_caller_runs(void)
{
	struct caller caller = full_pool(1);
	struct end_inside inside;
	ferry_future *futures[2];

	fill(&caller, &inside, futures);
	caller.fn = shut_down_the_pool;
	caller.arg = &inside;
	submit(&caller);
	jobs_wait(caller.future);
	jobs_wait(futures[0]);
	CHECK(ferry_future_snapshot(futures[1]).cancelled);
	ferry_future_unref(futures[1]);
	end(&caller);
}

static const struct scene scenes[] = {
	{ "place", a_job_waits_for_the_callers_place, 2, 3 },
	{ "place-expired", a_job_waits_for_the_place_of_one_that_expired, 2, 3 },
	{ "two", two_submitters_to_a_full_queue, 2, 3 },
	{ "drain", drained_beside_a_caller, 3, 4 },
	{ "drain-two", drained_by_two_workers_beside_a_caller, 2, 3 },
	{ "drain-fails", drained_beside_a_caller_without_threads, 3, 4 },
	{ "cancel", cancelled_beside_a_caller, 2, 3 },
	{ "free", freed_by_what_a_caller_runs, 3, 4 },
	{ "shutdown", shut_down_by_what_a_caller_runs, 2, 3 },
};

int main(int count, char **arguments)
{
	return explore(count, arguments, scenes, sizeof(scenes) / sizeof(*scenes));
}
