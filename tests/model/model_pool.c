/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Pools that shrink, fill up, break and end while jobs come in, by every interleaving
 * (P1, P2, P5, P7, P10).
 *
 * Each accepted job runs, or ends as its pool said it would; nothing is lost and nothing is
 * left. model_pool --help says how to replay a schedule.
 */
#include <errno.h>
#include <ferry/pool.h>

#include "base/thread.h"
#include "model/jobs.h"
#include "pool/core.h"
#include "seam/scene.h"

#define IDLE_NS 1000

/* ---- fewer workers ---- */

static ferry_pool *idle_pool(unsigned min_threads, unsigned max_threads)
{
	ferry_pool_options options = jobs_options(min_threads, max_threads);
	ferry_pool *pool;

	options.idle_timeout_ns = IDLE_NS;
	scene_quiet_begin();
	CHECK(ferry_pool_new(&options, &pool) == 0);
	jobs_meet(pool, NULL, max_threads);
	scene_quiet_end();
	return pool;
}

/* P7: a worker leaves for being idle while it is needed. */
static void a_worker_leaves_while_jobs_come(void)
{
	ferry_pool *pool = idle_pool(1, 2);

	jobs_meet(pool, NULL, 2);
	jobs_end(pool);
}

static void shrink(void *pool)
{
	CHECK(ferry_pool_resize(pool, 1, 1) == 0);
}

/* P2, P7: a resize takes a worker away while jobs come. */
static void a_pool_shrinks_while_jobs_come(void)
{
	ferry_pool *pool = jobs_pool(2, 2);
	unsigned other = scene_start("resizer", shrink, pool);
	ferry_pool_counters counters;

	jobs_wait(jobs_submit(pool));
	jobs_wait(jobs_submit(pool));
	scene_join(other);
	scene_settle();
	CHECK(ferry_pool_stats(pool, &counters) == 0);
	CHECK(counters.threads == 1 && counters.ran == 2);
	jobs_end(pool);
}

static void grow(void *pool)
{
	CHECK(ferry_pool_resize(pool, 1, 2) == 0);
}

/* P7: a resize allows for a worker while jobs wait for one. */
static void a_pool_grows_while_jobs_wait(void)
{
	ferry_pool *pool = jobs_pool(1, 1);
	unsigned other = scene_start("resizer", grow, pool);

	jobs_meet(pool, NULL, 2);
	scene_join(other);
	jobs_end(pool);
}

/* ---- a queue with a bound ---- */

static void submit_and_wait(void *pool)
{
	jobs_submit_and_wait(pool);
}

/* Room comes for everybody who waits for it. */
static void submitters_wait_for_room(void)
{
	ferry_pool_options options = jobs_options(1, 1);
	ferry_pool *pool;
	unsigned other;

	options.max_queued = 1;
	options.when_full = FERRY_FULL_BLOCK;
	pool = jobs_pool_by(&options);
	other = scene_start("submitter", submit_and_wait, pool);
	jobs_submit_and_wait(pool);
	jobs_submit_and_wait(pool);
	scene_join(other);
	jobs_end(pool);
}

static int wait_at_gate(void *arg, ferry_result *out)
{
	scene_gate_wait(*(unsigned *)arg);
	*out = ferry_result_u64(1);
	return 0;
}

static void wait_for_room(void *arg)
{
	ferry_job_options options = FERRY_JOB_OPTIONS_INIT;
	ferry_future *future;
	int error;

	options.room_deadline_ns = ferry_in_ns(IDLE_NS);
	error = ferry_pool_submit(arg, jobs_nothing, NULL, &options, &future);
	CHECK(error == 0 || error == -ESHUTDOWN || error == -ETIMEDOUT);
	if (error)
		return;
	CHECK(ferry_future_wait(future, FERRY_NO_DEADLINE) == 0);
	ferry_future_unref(future);
}

/* P5: who waits for room is refused when the pool ends, or when his time is over. */
static void a_pool_ends_while_submitters_wait_for_room(void)
{
	ferry_pool_options options = jobs_options(1, 1);
	unsigned gate = scene_gate(), other;
	ferry_future *runs, *queued;
	ferry_pool *pool;

	options.max_queued = 1;
	options.when_full = FERRY_FULL_BLOCK;
	pool = jobs_pool_by(&options);
	scene_quiet_begin();
	CHECK(ferry_pool_submit(pool, wait_at_gate, &gate, NULL, &runs) == 0);
	scene_settle();
	queued = jobs_submit(pool);
	scene_quiet_end();
	other = scene_start("submitter", wait_for_room, pool);
	CHECK(ferry_pool_shutdown(pool, FERRY_SHUTDOWN_CANCEL, 1) == 1);
	CHECK(ferry_future_snapshot(queued).cancelled);
	scene_gate_open(gate);
	scene_join(other);
	jobs_wait(runs);
	ferry_future_unref(queued);
	jobs_end(pool);
}

static void check_books(void *pool)
{
	jobs_check_books(pool);
}

/* P1: who finds no place looks for what was cancelled, while the worker takes it. */
static void a_place_is_freed_by_a_cancel(void)
{
	ferry_pool_options options = jobs_options(1, 1);
	ferry_future *first, *second;
	ferry_pool *pool;
	unsigned other;
	int error;

	options.max_queued = 1;
	pool = jobs_pool_by(&options);
	other = scene_start("reader", check_books, pool);
	first = jobs_submit(pool);
	ferry_future_cancel(first);
	error = ferry_pool_submit(pool, jobs_nothing, NULL, NULL, &second);
	CHECK(error == 0 || error == -EAGAIN);
	CHECK(ferry_future_wait(first, FERRY_NO_DEADLINE) == 0);
	ferry_future_unref(first);
	if (!error)
		jobs_wait(second);
	scene_join(other);
	jobs_end(pool);
}

/* ---- cancelled and expired ---- */

/* P1, F3: a cancel and the worker want the same job. */
static void a_job_is_cancelled_as_it_is_taken(void)
{
	ferry_pool *pool = jobs_pool(1, 1);
	ferry_future *future = jobs_submit(pool);
	int cancelled = ferry_future_cancel(future);
	ferry_pool_counters counters;

	CHECK(cancelled == 1 || cancelled == 0 || cancelled == -EALREADY);
	CHECK(ferry_future_wait(future, FERRY_NO_DEADLINE) == 0);
	CHECK(ferry_future_snapshot(future).cancelled == (cancelled == 1));
	ferry_future_unref(future);
	jobs_check_books(pool);
	scene_settle();
	CHECK(ferry_pool_stats(pool, &counters) == 0);
	CHECK(counters.cancelled == (cancelled == 1) && counters.ran == (cancelled != 1));
	jobs_end(pool);
}

/* P10: the deadline of a queued job comes as the worker takes it. */
static void a_job_expires_as_it_is_taken(void)
{
	ferry_job_options options = FERRY_JOB_OPTIONS_INIT;
	ferry_pool *pool = jobs_pool(1, 1);
	ferry_pool_counters counters;
	ferry_snapshot snapshot;
	ferry_future *future;

	options.deadline_ns = ferry_in_ns(IDLE_NS);
	CHECK(ferry_pool_submit(pool, jobs_nothing, NULL, &options, &future) == 0);
	CHECK(ferry_future_wait(future, FERRY_NO_DEADLINE) == 0);
	snapshot = ferry_future_snapshot(future);
	CHECK(snapshot.result.u64 == 1 ||
	      snapshot.exception == ferry_error_from_code(FERRY_ERROR_TIMED_OUT));
	scene_settle();
	CHECK(ferry_pool_stats(pool, &counters) == 0);
	CHECK(counters.expired == (snapshot.exception != NULL));
	CHECK(counters.ran + counters.expired == 1);
	ferry_future_unref(future);
	jobs_end(pool);
}

/* ---- lanes ---- */

static void submit_and_free_lane(void *arg)
{
	ferry_lane *lane = arg;
	ferry_job_options options = FERRY_JOB_OPTIONS_INIT;
	ferry_pool pool = { &lane->core->home, lane->core };

	options.lane = lane;
	CHECK(ferry_pool_submit(&pool, jobs_nothing, NULL, &options, NULL) == 0);
	ferry_lane_free(lane);
}

/* P10: what was submitted to a lane does not come into the one that is given its place. */
static void a_lane_takes_the_place_of_one_that_ends(void)
{
	ferry_pool *pool = jobs_pool(1, 1);
	ferry_pool_counters counters;
	ferry_lane *lane, *next;
	unsigned other, gate = scene_gate();

	/* The worker is busy: what is submitted stays where it was put. */
	scene_quiet_begin();
	CHECK(ferry_pool_submit(pool, wait_at_gate, &gate, NULL, NULL) == 0);
	CHECK(ferry_lane_new(pool, NULL, &lane) == 0);
	scene_settle();
	scene_quiet_end();
	other = scene_start("submitter", submit_and_free_lane, lane);
	CHECK(ferry_lane_new(pool, NULL, &next) == 0);
	/* Brings what was submitted to where it belongs. */
	CHECK(ferry_pool_stats(pool, &counters) == 0);
	CHECK(next->queued == 0);
	scene_join(other);
	scene_gate_open(gate);
	ferry_lane_free(next);
	jobs_end(pool);
}

static const struct scene scenes[] = {
	{ "lane-again", a_lane_takes_the_place_of_one_that_ends, 3, 4 },
	{ "leave-idle", a_worker_leaves_while_jobs_come, 2, 3 },
	{ "shrink", a_pool_shrinks_while_jobs_come, 2, 3 },
	{ "grow", a_pool_grows_while_jobs_wait, 2, 3 },
	{ "room", submitters_wait_for_room, 2, 3 },
	{ "room-ends", a_pool_ends_while_submitters_wait_for_room, 2, 3 },
	{ "room-cancel", a_place_is_freed_by_a_cancel, 2, 3 },
	{ "cancel", a_job_is_cancelled_as_it_is_taken, 3, 4 },
	{ "expire", a_job_expires_as_it_is_taken, 4, 5 },
};

int main(int count, char **arguments)
{
	return explore(count, arguments, scenes, sizeof(scenes) / sizeof(*scenes));
}
