/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * lib/pool/worker.c: when the results of jobs come to their loop. Before the worker
 * enters the next call (P7); in a brief lane the ring, never the post, may be put off,
 * and a job that breaks the promise delays results of its own lane only (P9).
 *
 * In each test the loop sleeps when the first result comes, so that it needs a ring; the
 * job that follows blocks until that result was delivered.
 */
#include <criterion/criterion.h>

#include "support/work.h"

TestSuite(brief, .timeout = 30);

/* One worker, one loop, a gate that the callback opens. */
struct scene {
	ferry_pool *pool;
	ferry_loop *loop;
	pid_t loops_thread;
	struct gate gate;
	ferry_future *promise; /* kept when the gate is opened; NULL: there is none */
	unsigned delivered, opens_at;
};

static void begin(struct scene *scene)
{
	ferry_loop_options options = FERRY_LOOP_OPTIONS_INIT;

	*scene = (struct scene){ .pool = fixture_pool(1), .loops_thread = gettid(), .opens_at = 1 };
	options.poll_ns = FERRY_NO_DEADLINE;
	cr_assert_eq(ferry_loop_new(&options, &scene->loop), 0);
	gate_init(&scene->gate);
}

static void end(struct scene *scene)
{
	cr_assert_eq(ferry_loop_run(scene->loop), 0);
	cr_assert_eq(ferry_loop_free(scene->loop), 0);
	work_close(scene->pool);
}

static ferry_lane *lane_of(struct scene *scene, int brief)
{
	ferry_lane_options options = FERRY_LANE_OPTIONS_INIT;
	ferry_lane *lane;

	options.brief = brief;
	cr_assert_eq(ferry_lane_new(scene->pool, &options, &lane), 0);
	return lane;
}

static void delivered(ferry_local *local, void *user)
{
	struct scene *scene = user;

	ferry_local_unref(local);
	if (++scene->delivered != scene->opens_at)
		return;
	gate_open(&scene->gate);
	if (scene->promise)
		cr_assert_eq(ferry_future_set_result(scene->promise, ferry_result_u64(1)), 0);
}

static void offload(struct scene *scene, ferry_lane *lane, ferry_function fn)
{
	ferry_job_options options = FERRY_JOB_OPTIONS_INIT;
	ferry_local *local;

	options.lane = lane;
	local = ferry_offload(scene->loop, scene->pool, fn, scene, &options);
	cr_assert_not_null(local);
	cr_assert_eq(ferry_local_add_done_callback(local, delivered, scene), 0);
}

/* Ends when the loop sleeps. */
static int finds_the_loop_asleep(void *arg, ferry_result *out)
{
	struct scene *scene = arg;

	(void)out;
	tasks_until_asleep(scene->loops_thread);
	return 0;
}

static int is_quick(void *arg, ferry_result *out)
{
	(void)arg;
	(void)out;
	return 0;
}

/* Ends when the first results have been delivered. */
static int blocks(void *arg, ferry_result *out)
{
	struct scene *scene = arg;

	return work_at_gate(&scene->gate, out);
}

/* P7 */
Test(brief, a_result_is_delivered_before_its_worker_enters_the_next_call)
{
	struct scene scene;

	begin(&scene);
	offload(&scene, NULL, finds_the_loop_asleep);
	offload(&scene, NULL, blocks);
	end(&scene);
	cr_assert_eq(scene.delivered, 2);
}

/* P9 */
Test(brief, what_a_brief_lane_owes_is_paid_before_an_ordinary_job)
{
	struct scene scene;
	ferry_lane *lane;

	begin(&scene);
	lane = lane_of(&scene, 1);
	offload(&scene, lane, finds_the_loop_asleep);
	offload(&scene, NULL, blocks);
	ferry_lane_free(lane);
	end(&scene);
	cr_assert_eq(scene.delivered, 2);
}

/* P9 */
Test(brief, what_a_brief_lane_owes_is_paid_before_a_job_of_another_brief_lane)
{
	struct scene scene;
	ferry_lane *first, *second;

	begin(&scene);
	first = lane_of(&scene, 1);
	second = lane_of(&scene, 1);
	offload(&scene, first, finds_the_loop_asleep);
	offload(&scene, second, blocks);
	ferry_lane_free(first);
	ferry_lane_free(second);
	end(&scene);
	cr_assert_eq(scene.delivered, 2);
}

/* P9: its hand holds 16 at most. */
Test(brief, what_a_brief_lane_owes_is_paid_after_sixteen_results)
{
	struct scene scene;
	ferry_lane *lane;

	begin(&scene);
	scene.opens_at = 16;
	lane = lane_of(&scene, 1);
	offload(&scene, lane, finds_the_loop_asleep);
	for (unsigned i = 1; i < 16; i++)
		offload(&scene, lane, is_quick);
	offload(&scene, lane, blocks);
	ferry_lane_free(lane);
	end(&scene);
	cr_assert_eq(scene.delivered, 17);
}

/* P9: and when nothing more is there to do. */
Test(brief, what_a_brief_lane_owes_is_paid_before_the_worker_sleeps)
{
	struct scene scene;
	ferry_lane *lane;

	begin(&scene);
	lane = lane_of(&scene, 1);
	for (unsigned i = 0; i < 200; i++) {
		offload(&scene, lane, finds_the_loop_asleep);
		cr_assert_eq(ferry_loop_run(scene.loop), 0);
	}
	cr_assert_eq(scene.delivered, 200);
	ferry_lane_free(lane);
	end(&scene);
}

/* Ends when the first results have been delivered, which another thread tells. */
static int waits(void *arg, ferry_result *out)
{
	struct scene *scene = arg;

	(void)out;
	return ferry_future_wait(scene->promise, FERRY_NO_DEADLINE);
}

/* P9: what it waits for may come from the loop. */
Test(brief, what_a_brief_lane_owes_is_paid_before_its_next_job_waits)
{
	struct scene scene;
	ferry_lane *lane;

	begin(&scene);
	cr_assert_eq(ferry_future_new(NULL, &scene.promise), 0);
	lane = lane_of(&scene, 1);
	offload(&scene, lane, finds_the_loop_asleep);
	offload(&scene, lane, waits);
	ferry_lane_free(lane);
	end(&scene);
	cr_assert_eq(scene.delivered, 2);
	ferry_future_unref(scene.promise);
}

static int waits_for_one_that_blocks(void *arg, ferry_result *out)
{
	struct scene *scene = arg;

	(void)out;
	work_end(work_submit(scene->pool, blocks, scene, NULL));
	return 0;
}

/* P9: and so may what it runs while it waits (P4). */
Test(brief, what_a_brief_lane_owes_is_paid_before_its_next_job_runs_what_it_waits_for)
{
	struct scene scene;
	ferry_lane *lane;

	begin(&scene);
	lane = lane_of(&scene, 1);
	offload(&scene, lane, finds_the_loop_asleep);
	offload(&scene, lane, waits_for_one_that_blocks);
	ferry_lane_free(lane);
	end(&scene);
	cr_assert_eq(scene.delivered, 2);
}

/* The loop is awake: it sees the post whether it is rung or not. */
Test(brief, an_awake_loop_sees_results_at_once)
{
	struct scene scene;
	ferry_lane *lane;

	begin(&scene);
	lane = lane_of(&scene, 1);
	offload(&scene, lane, is_quick);
	offload(&scene, lane, blocks);
	ferry_lane_free(lane);
	while (!scene.delivered)
		cr_assert_geq(ferry_loop_run_once(scene.loop, 0), 0);
	end(&scene);
	cr_assert_eq(scene.delivered, 2);
}

static int takes_two_milliseconds(void *arg, ferry_result *out)
{
	uint64_t until = ferry_in_ns(2000000);

	(void)arg;
	(void)out;
	tasks_until_true(ferry_now_ns() > until);
	return 0;
}

/* P9: it is counted. */
Test(brief, a_job_that_breaks_its_promise_is_counted)
{
	struct scene scene;
	ferry_lane *lane;

	begin(&scene);
	lane = lane_of(&scene, 1);
	offload(&scene, lane, finds_the_loop_asleep);
	offload(&scene, lane, takes_two_milliseconds);
	ferry_lane_free(lane);
	cr_assert_eq(ferry_loop_run(scene.loop), 0);
	tasks_until_true(work_books(scene.pool).late_rings);
	cr_assert_eq(work_books(scene.pool).late_rings, 1);
	end(&scene);
	cr_assert_eq(scene.delivered, 2);
}

Test(brief, an_ordinary_lane_owes_nothing)
{
	struct scene scene;

	begin(&scene);
	offload(&scene, NULL, finds_the_loop_asleep);
	offload(&scene, NULL, takes_two_milliseconds);
	cr_assert_eq(ferry_loop_run(scene.loop), 0);
	tasks_until_true(work_books(scene.pool).idle == 1);
	cr_assert_eq(work_books(scene.pool).late_rings, 0);
	end(&scene);
	cr_assert_eq(scene.delivered, 2);
}
