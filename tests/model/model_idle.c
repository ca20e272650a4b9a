/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Workers that go to sleep while jobs come in, by every interleaving (P2, P3, P7, P8).
 *
 * A job that is lost, or that waits although a worker could run it, leaves everybody waiting
 * for ever: the scheduler tells of that by itself. model_idle --help says how to replay.
 */
#include <errno.h>
#include <ferry/pool.h>

#include "model/jobs.h"
#include "seam/scene.h"

/* P3: the worker sleeps, or is about to, when the job comes. */
static void a_job_wakes_the_only_worker(void)
{
	ferry_pool *pool = jobs_pool(1, 1);

	jobs_submit_and_wait(pool);
	jobs_end(pool);
}

/* P3: the worker has just ended a job and looks for the next. */
static void a_job_comes_as_another_ends(void)
{
	ferry_pool *pool = jobs_pool(1, 1);

	jobs_submit_and_wait(pool);
	jobs_submit_and_wait(pool);
	jobs_end(pool);
}

static void submit_one(void *pool)
{
	jobs_submit_and_wait(pool);
}

static void submit_by_two(unsigned workers)
{
	ferry_pool *pool = jobs_pool(workers, workers);
	unsigned other = scene_start("submitter", submit_one, pool);

	jobs_submit_and_wait(pool);
	scene_join(other);
	jobs_end(pool);
}

/* P3, P8 */
static void two_submitters_one_worker(void)
{
	submit_by_two(1);
}

static void two_submitters_two_workers(void)
{
	submit_by_two(2);
}

/* P7, P8: both jobs must be inside their function at once, or neither ends. */
static void two_blocking_jobs_two_workers(void)
{
	ferry_pool *pool = jobs_pool(2, 2);

	jobs_meet(pool, NULL, 2);
	jobs_end(pool);
}

static void meet_second(void *meeting)
{
	jobs_join_meeting(meeting);
}

/* P7, P8: as before, from two threads. */
static void two_blocking_jobs_two_submitters(void)
{
	struct jobs_meeting meeting;
	ferry_pool *pool = jobs_pool(2, 2);
	unsigned other;

	jobs_call_meeting(&meeting, pool, 2);
	other = scene_start("submitter", meet_second, &meeting);
	jobs_join_meeting(&meeting);
	scene_join(other);
	jobs_end(pool);
}

/* P7: the second worker is made when it is needed. */
static void two_blocking_jobs_make_a_worker(void)
{
	ferry_pool *pool = jobs_pool(1, 2);

	jobs_meet(pool, NULL, 2);
	jobs_end(pool);
}

/* P7: one wake-up decision for the batch, but both run at once. */
static void a_batch_of_two_blocking_jobs(void)
{
	ferry_pool *pool = jobs_pool(1, 2);

	jobs_meet_in_batch(pool, 2);
	jobs_end(pool);
}

/* P2: the first workers are being made while jobs come, and some cannot be. */
static void workers_that_cannot_be_made(void)
{
	unsigned failing = scene_pick(4) << 1;
	ferry_pool_counters counters;
	ferry_pool *pool = jobs_pool_now(1, 3);
	ferry_future *first, *second;

	machine_fail_threads(failing >> 1);
	first = jobs_submit(pool);
	second = jobs_submit(pool);
	jobs_wait(first);
	jobs_wait(second);
	CHECK(ferry_pool_stats(pool, &counters) == 0);
	CHECK(counters.ran == 2 && counters.threads >= 1);
	jobs_end(pool);
}

/* P2: a pool is made with the workers there are, or not at all. */
static void first_workers_that_cannot_be_made(void)
{
	ferry_pool_options options = jobs_options(2, 2);
	unsigned failing = scene_pick(4);
	ferry_pool_counters counters;
	ferry_pool *pool = NULL;
	int error;

	machine_fail_threads(failing);
	error = ferry_pool_new(&options, &pool);
	if (failing & 1) {
		CHECK(error == -EAGAIN && !pool);
		return;
	}
	CHECK(error == 0);
	machine_fail_threads(failing ? 1 : 0);
	jobs_submit_and_wait(pool);
	jobs_submit_and_wait(pool);
	CHECK(ferry_pool_stats(pool, &counters) == 0);
	CHECK(counters.spawn_failures >= failing >> 1 && counters.ran == 2);
	jobs_end(pool);
}

/* P3: a worker that polls finds the job, or sleeps and is woken. */
static void a_worker_that_polls(void)
{
	ferry_pool_options options = jobs_options(1, 1);
	ferry_pool *pool;

	machine_set_cpus(2);
	options.spin_ns = 1;
	pool = jobs_pool_by(&options);
	jobs_submit_and_wait(pool);
	jobs_submit_and_wait(pool);
	jobs_end(pool);
}

/* P7: a lane's place becomes free while the other worker is about to sleep. */
static void a_lane_that_gets_a_place(void)
{
	ferry_lane_options options = FERRY_LANE_OPTIONS_INIT;
	ferry_pool *pool = jobs_pool(2, 2);
	ferry_future *first, *second;
	ferry_lane *lane;

	options.max_running = 1;
	CHECK(ferry_lane_new(pool, &options, &lane) == 0);
	first = jobs_submit_to(pool, lane);
	second = jobs_submit_to(pool, lane);
	jobs_meet(pool, NULL, 2);
	jobs_wait(first);
	jobs_wait(second);
	ferry_lane_free(lane);
	jobs_end(pool);
}

static const struct scene scenes[] = {
	{ "wake", a_job_wakes_the_only_worker, 4, 6 },
	{ "again", a_job_comes_as_another_ends, 3, 4 },
	{ "submitters", two_submitters_one_worker, 2, 3 },
	{ "submitters-workers", two_submitters_two_workers, 2, 3 },
	{ "meet", two_blocking_jobs_two_workers, 2, 3 },
	{ "meet-submitters", two_blocking_jobs_two_submitters, 2, 3 },
	{ "meet-grow", two_blocking_jobs_make_a_worker, 2, 3 },
	{ "meet-batch", a_batch_of_two_blocking_jobs, 2, 3 },
	{ "grow-fails", workers_that_cannot_be_made, 2, 3 },
	{ "first-fails", first_workers_that_cannot_be_made, 2, 3 },
	{ "poll", a_worker_that_polls, 3, 4 },
	{ "lane", a_lane_that_gets_a_place, 2, 3 },
};

int main(int count, char **arguments)
{
	return explore(count, arguments, scenes, sizeof(scenes) / sizeof(*scenes));
}
