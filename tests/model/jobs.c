/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Jobs and pools of a scene.
 *
 * Called by the models' scenes. A meeting is the test of "all start": a job of it that
 * had to wait for another one to end would wait for ever.
 */
#include "model/jobs.h"

#include "seam/scene.h"

#define MEETING_MOST 3

ferry_pool_options jobs_options(unsigned min_threads, unsigned max_threads)
{
	ferry_pool_options options = FERRY_POOL_OPTIONS_INIT;

	options.min_threads = min_threads;
	options.max_threads = max_threads;
	options.idle_timeout_ns = FERRY_NO_DEADLINE;
	options.spin_ns = FERRY_NO_DEADLINE;
	return options;
}

ferry_pool *jobs_pool_by(const ferry_pool_options *options)
{
	ferry_pool *pool;

	scene_quiet_begin();
	CHECK(ferry_pool_new(options, &pool) == 0);
	scene_settle();
	scene_quiet_end();
	return pool;
}

ferry_pool *jobs_pool(unsigned min_threads, unsigned max_threads)
{
	ferry_pool_options options = jobs_options(min_threads, max_threads);

	return jobs_pool_by(&options);
}

ferry_pool *jobs_pool_now(unsigned min_threads, unsigned max_threads)
{
	ferry_pool_options options = jobs_options(min_threads, max_threads);
	ferry_pool *pool;

	CHECK(ferry_pool_new(&options, &pool) == 0);
	return pool;
}

void jobs_check_books(ferry_pool *pool)
{
	ferry_pool_counters counters;

	CHECK(ferry_pool_stats(pool, &counters) == 0);
	CHECK(counters.attempted == counters.refused + counters.accepted);
	CHECK(counters.accepted == counters.queued + counters.running + counters.ran +
					   counters.cancelled + counters.expired +
					   counters.failed);
	/* One too few would be very many. */
	CHECK(counters.queued <= counters.accepted && counters.running <= counters.accepted);
	CHECK(counters.idle <= counters.threads);
}

void jobs_end(ferry_pool *pool)
{
	ferry_pool_counters counters;

	scene_quiet_begin();
	jobs_check_books(pool);
	CHECK(ferry_pool_shutdown(pool, FERRY_SHUTDOWN_DRAIN, FERRY_NO_DEADLINE) == 0);
	jobs_check_books(pool);
	CHECK(ferry_pool_stats(pool, &counters) == 0);
	CHECK(counters.queued == 0 && counters.running == 0 && counters.threads == 0);
	ferry_pool_free(pool);
	scene_quiet_end();
}

/* ---- jobs that do nothing ---- */

int jobs_nothing(void *arg, ferry_result *out)
{
	(void)arg;
	*out = ferry_result_u64(1);
	return 0;
}

ferry_future *jobs_submit_to(ferry_pool *pool, ferry_lane *lane)
{
	ferry_job_options options = FERRY_JOB_OPTIONS_INIT;
	ferry_future *future;

	options.lane = lane;
	CHECK(ferry_pool_submit(pool, jobs_nothing, NULL, &options, &future) == 0);
	return future;
}

ferry_future *jobs_submit(ferry_pool *pool)
{
	return jobs_submit_to(pool, NULL);
}

void jobs_wait(ferry_future *future)
{
	ferry_snapshot snapshot;

	CHECK(ferry_future_wait(future, FERRY_NO_DEADLINE) == 0);
	snapshot = ferry_future_snapshot(future);
	CHECK(snapshot.done && !snapshot.cancelled && !snapshot.exception);
	CHECK(snapshot.result.u64 == 1);
	ferry_future_unref(future);
}

void jobs_submit_and_wait(ferry_pool *pool)
{
	jobs_wait(jobs_submit(pool));
}

/* ---- meetings ---- */

static int meet(void *arg, ferry_result *out)
{
	struct jobs_meeting *meeting = arg;

	scene_gate_meet(meeting->gate, meeting->wanted);
	*out = ferry_result_u64(1);
	return 0;
}

void jobs_call_meeting(struct jobs_meeting *meeting, ferry_pool *pool, unsigned wanted)
{
	*meeting = (struct jobs_meeting){ pool, wanted, scene_gate() };
}

static ferry_future *submit_to_meeting(struct jobs_meeting *meeting, ferry_lane *lane)
{
	ferry_job_options options = FERRY_JOB_OPTIONS_INIT;
	ferry_future *future;

	options.lane = lane;
	CHECK(ferry_pool_submit(meeting->pool, meet, meeting, &options, &future) == 0);
	return future;
}

void jobs_join_meeting(struct jobs_meeting *meeting)
{
	jobs_wait(submit_to_meeting(meeting, NULL));
}

void jobs_meet(ferry_pool *pool, ferry_lane *lane, unsigned wanted)
{
	ferry_future *futures[MEETING_MOST];
	struct jobs_meeting meeting;

	jobs_call_meeting(&meeting, pool, wanted);
	for (unsigned i = 0; i < wanted; i++)
		futures[i] = submit_to_meeting(&meeting, lane);
	for (unsigned i = 0; i < wanted; i++)
		jobs_wait(futures[i]);
}

void jobs_meet_in_batch(ferry_pool *pool, unsigned wanted)
{
	ferry_batch_job jobs[MEETING_MOST] = { 0 };
	ferry_future *futures[MEETING_MOST];
	struct jobs_meeting meeting;

	jobs_call_meeting(&meeting, pool, wanted);
	for (unsigned i = 0; i < wanted; i++)
		jobs[i] = (ferry_batch_job){ meet, &meeting };
	CHECK(ferry_pool_submit_batch(pool, jobs, wanted, NULL, futures) == (int)wanted);
	for (unsigned i = 0; i < wanted; i++)
		jobs_wait(futures[i]);
}
