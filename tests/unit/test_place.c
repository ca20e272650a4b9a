/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * lib/pool/place.c: workers that are reserved for a lane (P4, P5, P7). The limits of lanes and
 * those that every pool has are in test_lane_limits.c, every interleaving in model_reserved.
 */
#include <criterion/criterion.h>

#include "pool/core.h"
#include "support/work.h"

TestSuite(place, .timeout = 60);

static ferry_lane *lane_with(ferry_pool *pool, unsigned reserved)
{
	ferry_lane_options options = FERRY_LANE_OPTIONS_INIT;
	ferry_lane *lane;

	options.reserved = reserved;
	cr_assert_eq(ferry_lane_new(pool, &options, &lane), 0);
	return lane;
}

static void reserve(ferry_lane *lane, unsigned reserved)
{
	ferry_lane_options options = FERRY_LANE_OPTIONS_INIT;

	options.reserved = reserved;
	cr_assert_eq(ferry_lane_configure(lane, &options), 0);
}

static ferry_future *submit_to(ferry_pool *pool, ferry_lane *lane, ferry_function fn, void *arg)
{
	ferry_job_options options = FERRY_JOB_OPTIONS_INIT;

	options.lane = lane;
	return work_submit(pool, fn, arg, &options);
}

static ferry_lane_counters counters_of(ferry_lane *lane)
{
	ferry_lane_counters counters;

	cr_assert_eq(ferry_lane_stats(lane, &counters), 0);
	return counters;
}

/* A pool of four. Two lanes have more hanging jobs than there are workers; one of the workers, or
 * more, is reserved for a third. */
#define HANGING 12
struct hung {
	ferry_pool *pool;
	ferry_lane *lane, *other;
	struct gate gate;
	ferry_future *futures[HANGING];
};

static void hang(struct hung *hung, unsigned reserved)
{
	gate_init(&hung->gate);
	hung->pool = fixture_pool(4);
	hung->lane = lane_with(hung->pool, reserved);
	hung->other = lane_with(hung->pool, 0);
	for (unsigned i = 0; i < HANGING; i++)
		hung->futures[i] = submit_to(hung->pool, i % 2 ? hung->other : NULL, work_at_gate,
					     &hung->gate);
	gate_await(&hung->gate, 4 - reserved);
}

static bool is_settled(ferry_pool *pool)
{
	ferry_pool_counters books = work_books(pool);

	return books.idle + books.running == books.threads;
}

/* So many are inside of the gate's jobs, and every other worker has seen that it may not. */
static void check_inside(struct hung *hung, unsigned inside)
{
	tasks_until_true(counters_of(hung->lane).running == 0 && is_settled(hung->pool));
	cr_assert_eq(gate_come(&hung->gate), inside);
	cr_assert_eq(work_books(hung->pool).running, inside);
}

static void release(struct hung *hung)
{
	gate_open(&hung->gate);
	for (unsigned i = 0; i < HANGING; i++)
		cr_assert_null(work_end(hung->futures[i]).exception);
	ferry_lane_free(hung->other);
	ferry_lane_free(hung->lane);
	work_close(hung->pool);
}

/* ---- what they are for (P7) ---- */

Test(place, P7_with_every_other_lane_hung_a_lane_completes_10000_jobs)
{
	static ferry_future *futures[10000];
	struct hung hung;

	hang(&hung, 1);
	for (uintptr_t i = 0; i < 10000; i++)
		futures[i] = submit_to(hung.pool, hung.lane, work_number, (void *)i);
	for (uintptr_t i = 0; i < 10000; i++)
		cr_assert_eq(work_end(futures[i]).result.u64, i);
	check_inside(&hung, 3);
	cr_assert_eq(counters_of(hung.lane).ran, 10000);
	cr_assert_eq(counters_of(hung.lane).running, 0);
	release(&hung);
}

Test(place, P7_others_leave_free_what_a_lane_does_not_use)
{
	for (unsigned count = 1; count < 4; count++) {
		struct hung hung;

		hang(&hung, count);
		check_inside(&hung, 4 - count);
		/* All that are reserved may be inside at once. */
		for (unsigned i = 0; i < count; i++)
			ferry_future_unref(
				submit_to(hung.pool, hung.lane, work_at_gate, &hung.gate));
		gate_await(&hung.gate, 4);
		release(&hung);
	}
}

/* Those that nothing is reserved for are for every lane, this one included. */
Test(place, P7_a_lane_may_use_more_than_what_is_reserved_for_it)
{
	ferry_pool *pool = fixture_pool(4);
	ferry_lane *lane = lane_with(pool, 1);
	ferry_future *futures[4];
	struct gate gate;

	gate_init(&gate);
	for (unsigned i = 0; i < 4; i++)
		futures[i] = submit_to(pool, lane, work_at_gate, &gate);
	gate_await(&gate, 4);
	gate_open(&gate);
	for (unsigned i = 0; i < 4; i++)
		work_end(futures[i]);
	ferry_lane_free(lane);
	work_close(pool);
}

Test(place, P7_each_of_several_lanes_has_its_own)
{
	ferry_pool *pool = fixture_pool(4);
	ferry_lane *lanes[] = { lane_with(pool, 1), lane_with(pool, 2) };
	ferry_future *futures[8];
	struct gate gate;

	gate_init(&gate);
	/* One for all, and the one that is its own; its others wait. */
	for (unsigned i = 0; i < 4; i++)
		futures[i] = submit_to(pool, lanes[0], work_at_gate, &gate);
	gate_await(&gate, 2);
	for (unsigned i = 0; i < 10; i++)
		work_end(submit_to(pool, lanes[1], work_nothing, NULL));
	cr_assert_eq(counters_of(lanes[0]).running, 2);
	cr_assert_eq(counters_of(lanes[0]).queued, 2);
	for (unsigned i = 4; i < 8; i++)
		futures[i] = submit_to(pool, lanes[1], work_at_gate, &gate);
	gate_await(&gate, 4);
	cr_assert_eq(counters_of(lanes[1]).running, 2);
	cr_assert_eq(counters_of(lanes[1]).queued, 2);
	gate_open(&gate);
	for (unsigned i = 0; i < 8; i++)
		work_end(futures[i]);
	ferry_lane_free(lanes[0]);
	ferry_lane_free(lanes[1]);
	work_close(pool);
}

static int waits_in_disposer;
static struct gate disposing;

static void dispose_at_gate(const ferry_result *result)
{
	(void)result;
	waits_in_disposer++;
	gate_wait(&disposing);
}

static const ferry_disposer slow = { FERRY_DISPOSE_BLOCKING, dispose_at_gate };

static int gives_what_is_slow_to_dispose_of(void *arg, ferry_result *out)
{
	(void)arg;
	out->disposer = &slow;
	return 0;
}

/* A close that hangs is like a job that hangs. */
Test(place, P7_disposers_leave_free_what_a_lane_does_not_use)
{
	ferry_pool *pool = fixture_pool(2);
	ferry_lane *lane = lane_with(pool, 1);
	ferry_future *futures[4];
	ferry_loop *loop;

	gate_init(&disposing);
	for (unsigned i = 0; i < 4; i++) {
		futures[i] = work_submit(pool, gives_what_is_slow_to_dispose_of, NULL, NULL);
		work_wait(futures[i]);
	}
	/* On a loop's thread they are handed to the pool. */
	loop = fixture_loop();
	for (unsigned i = 0; i < 4; i++)
		ferry_future_unref(futures[i]);
	ferry_loop_free(loop);
	gate_await(&disposing, 1);
	for (unsigned i = 0; i < 100; i++)
		work_end(submit_to(pool, lane, work_nothing, NULL));
	cr_assert_eq(gate_come(&disposing), 1);
	gate_open(&disposing);
	ferry_lane_free(lane);
	work_close(pool);
	cr_assert_eq(waits_in_disposer, 4);
}

/* ---- found at once ---- */

Test(place, P7_what_a_lane_that_is_freed_had_is_everybodys_at_once)
{
	struct hung hung;

	hang(&hung, 2);
	check_inside(&hung, 2);
	ferry_lane_free(hung.lane);
	gate_await(&hung.gate, 4);
	hung.lane = NULL;
	release(&hung);
}

Test(place, P7_what_is_given_up_is_everybodys_at_once)
{
	struct hung hung;

	hang(&hung, 3);
	for (unsigned left = 3; left--;) {
		check_inside(&hung, 3 - left);
		reserve(hung.lane, left);
		gate_await(&hung.gate, 4 - left);
	}
	release(&hung);
}

Test(place, P7_a_pool_that_grows_has_more_for_everybody)
{
	struct hung hung;

	hang(&hung, 2);
	check_inside(&hung, 2);
	cr_assert_eq(ferry_pool_resize(hung.pool, 4, 6), 0);
	gate_await(&hung.gate, 4);
	check_inside(&hung, 4);
	release(&hung);
}

/* What runs already is not disturbed: it counts as soon as a call ends. */
Test(place, P7_workers_come_to_a_lane_as_calls_of_others_end)
{
	ferry_pool *pool = fixture_pool(2);
	ferry_lane *fs = ferry_pool_lane(pool, FERRY_LANE_FS);
	ferry_future *futures[2], *more[4];
	struct gate gates[2];

	gate_init(&gates[0]);
	gate_init(&gates[1]);
	work_occupy(pool, &gates[0], &futures[0], 1);
	work_occupy(pool, &gates[1], &futures[1], 1);
	reserve(fs, 1);
	for (unsigned i = 0; i < 4; i++)
		more[i] = work_submit(pool, work_at_gate, &gates[1], NULL);
	gate_open(&gates[0]);
	work_end(futures[0]);
	for (unsigned i = 0; i < 100; i++)
		work_end(submit_to(pool, fs, work_nothing, NULL));
	cr_assert_eq(gate_come(&gates[1]), 1);
	gate_open(&gates[1]);
	work_end(futures[1]);
	for (unsigned i = 0; i < 4; i++)
		work_end(more[i]);
	work_close(pool);
}

/* ---- who waits inside of a job (P4) ---- */

struct favour {
	ferry_pool *pool;
	ferry_lane *lane;
	ferry_future *promise;
};

static int keeps_promise(void *arg, ferry_result *out)
{
	(void)out;
	return ferry_future_set_result(arg, ferry_result_u64(5));
}

static int has_it_kept_and_waits(void *arg, ferry_result *out)
{
	struct favour *favour = arg;

	ferry_future_unref(
		submit_to(favour->pool, favour->lane, keeps_promise, favour->promise));
	*out = work_wait(favour->promise).result;
	return 0;
}

/* The place that it lends is its lane's: the other jobs, which hang, do not get it. */
Test(place, P4_a_job_that_waits_lends_its_place_to_its_own_lane)
{
	struct favour favour;
	struct hung hung;

	hang(&hung, 1);
	for (unsigned i = 0; i < 100; i++) {
		favour = (struct favour){ hung.pool, hung.lane, NULL };
		cr_assert_eq(ferry_future_new(NULL, &favour.promise), 0);
		cr_assert_eq(work_end(submit_to(hung.pool, hung.lane, has_it_kept_and_waits,
						&favour)).result.u64, 5);
		ferry_future_unref(favour.promise);
	}
	check_inside(&hung, 3);
	release(&hung);
}

struct return_home {
	ferry_future *promise;
	struct gate *gate;
};

static int waits_and_hangs(void *arg, ferry_result *out)
{
	struct return_home *it = arg;

	work_wait(it->promise);
	return work_at_gate(it->gate, out);
}

/* Others came while it waited, and now all hang. */
Test(place, P7_who_comes_back_from_a_wait_takes_no_worker_that_is_reserved)
{
	ferry_pool *pool = fixture_pool(2);
	ferry_lane *lane = lane_with(pool, 1);
	ferry_future *waits, *hangs;
	struct return_home it;
	struct gate gate;

	gate_init(&gate);
	it.gate = &gate;
	cr_assert_eq(ferry_future_new(NULL, &it.promise), 0);
	waits = work_submit(pool, waits_and_hangs, &it, NULL);
	hangs = work_submit(pool, work_at_gate, &gate, NULL);
	gate_await(&gate, 1);
	cr_assert_eq(ferry_future_set_result(it.promise, ferry_result_u64(0)), 0);
	gate_await(&gate, 2);
	for (unsigned i = 0; i < 100; i++)
		work_end(submit_to(pool, lane, work_nothing, NULL));
	gate_open(&gate);
	work_end(waits);
	work_end(hangs);
	ferry_future_unref(it.promise);
	/* What was too many leaves. */
	for (unsigned i = 0; i < 100; i++)
		work_end(submit_to(pool, lane, work_nothing, NULL));
	tasks_until_true(fixture_pool_counters(pool).threads <= 2);
	ferry_lane_free(lane);
	work_close(pool);
}

static int waits_for_one_of_another_lane(void *arg, ferry_result *out)
{
	struct hung *hung = arg;

	*out = work_end(submit_to(hung->pool, hung->other, work_number, (void *)9)).result;
	return 0;
}

/* It needs no worker of its own, so nobody is kept from one. */
Test(place, P4_what_is_waited_for_is_run_in_place_though_its_lane_has_no_worker_left)
{
	struct hung hung;

	hang(&hung, 1);
	for (unsigned i = 0; i < 100; i++)
		cr_assert_eq(work_end(submit_to(hung.pool, hung.lane,
						waits_for_one_of_another_lane, &hung)).result.u64,
			     9);
	check_inside(&hung, 3);
	cr_assert_eq(counters_of(hung.other).ran, 100);
	release(&hung);
}

/* ---- submitters that run their job (FERRY_FULL_RUN) ---- */

Test(place, P4_what_a_submitter_runs_keeps_no_worker_from_anybody)
{
	ferry_pool_options options = FERRY_POOL_OPTIONS_INIT;
	ferry_job_options job = FERRY_JOB_OPTIONS_INIT;
	ferry_future *kept, *queued;
	struct gate gate;
	ferry_pool *pool;

	options.min_threads = options.max_threads = 2;
	options.max_queued = 1;
	options.when_full = FERRY_FULL_RUN;
	pool = work_pool(&options);
	job.lane = lane_with(pool, 1);
	gate_init(&gate);
	work_occupy(pool, &gate, &kept, 1);
	queued = work_submit(pool, work_at_gate, &gate, NULL);
	/* The queue is full of what may not run: each is run here, of whichever lane. */
	for (uintptr_t i = 0; i < 100; i++)
		cr_assert_eq(work_end(work_submit(pool, work_number, (void *)i,
						  i % 2 ? &job : NULL)).result.u64, i);
	cr_assert_eq(counters_of(job.lane).ran, 50);
	cr_assert_eq(counters_of(ferry_pool_lane(pool, FERRY_LANE_ORDINARY)).ran, 50);
	cr_assert_eq(gate_come(&gate), 1);
	gate_open(&gate);
	work_end(kept);
	work_end(queued);
	ferry_lane_free(job.lane);
	work_close(pool);
}

/* ---- the end (P5) ---- */

Test(place, P5_a_drain_runs_what_waits_for_others)
{
	ferry_pool *pool = fixture_pool(3);
	ferry_lane *lane = lane_with(pool, 2);
	_Atomic unsigned count = 0;

	for (unsigned i = 0; i < 1000; i++) {
		ferry_future_unref(work_submit(pool, work_count, (void *)&count, NULL));
		ferry_future_unref(submit_to(pool, lane, work_count, (void *)&count));
	}
	cr_assert_eq(ferry_pool_shutdown(pool, FERRY_SHUTDOWN_DRAIN, FERRY_NO_DEADLINE), 0);
	cr_assert_eq(count, 2000);
	ferry_pool_free(pool);
	/* It may be freed after its pool, with what it had. */
	ferry_lane_free(lane);
}

static int opens(void *gate, ferry_result *out)
{
	(void)out;
	gate_open(gate);
	return 0;
}

static void *drains(void *pool)
{
	return (void *)(intptr_t)ferry_pool_shutdown(pool, FERRY_SHUTDOWN_DRAIN, FERRY_NO_DEADLINE);
}

/* P7: the one that may run it now was not needed before, and has left. */
Test(place, P7_what_a_lane_gives_up_is_looked_for_while_its_pool_is_drained)
{
	ferry_pool *pool = fixture_pool(2);
	ferry_lane *lane = lane_with(pool, 1);
	ferry_future *kept, *opener;
	pthread_t drainer;
	struct gate gate;
	void *left;

	gate_init(&gate);
	work_occupy(pool, &gate, &kept, 1);
	opener = work_submit(pool, opens, &gate, NULL);
	cr_assert_eq(pthread_create(&drainer, NULL, drains, pool), 0);
	tasks_until_true(work_books(pool).threads == 1);
	ferry_lane_free(lane);
	/* In this order: one that was made may have run it, and left. */
	cr_assert(work_books(pool).threads == 2 || ferry_future_snapshot(opener).done);
	cr_assert_null(work_end(opener).exception);
	cr_assert_null(work_end(kept).exception);
	pthread_join(drainer, &left);
	cr_assert_eq((intptr_t)left, 0);
	work_close(pool);
}

Test(place, P5_a_pool_may_be_freed_while_jobs_wait_for_what_is_reserved)
{
	struct hung hung;

	hang(&hung, 2);
	check_inside(&hung, 2);
	ferry_pool_free(hung.pool);
	for (unsigned i = 2; i < HANGING; i++)
		cr_assert(work_end(hung.futures[i]).cancelled);
	gate_open(&hung.gate);
	work_end(hung.futures[0]);
	work_end(hung.futures[1]);
	ferry_lane_free(hung.lane);
	ferry_lane_free(hung.other);
}

/* ---- how many ---- */

Test(place, one_worker_at_least_is_left_for_every_lane)
{
	ferry_lane_options options = FERRY_LANE_OPTIONS_INIT;
	ferry_pool *pool = fixture_pool(4);
	ferry_lane *first = lane_with(pool, 1), *second = lane_with(pool, 2), *none = NULL;
	ferry_lane *fs = ferry_pool_lane(pool, FERRY_LANE_FS);

	options.reserved = 1;
	cr_assert_eq(ferry_lane_new(pool, &options, &none), -EINVAL);
	cr_assert_eq(ferry_lane_configure(fs, &options), -EINVAL);
	options.reserved = 2;
	cr_assert_eq(ferry_lane_configure(first, &options), -EINVAL);
	options.reserved = ~0u;
	cr_assert_eq(ferry_lane_new(pool, &options, &none), -EINVAL);
	cr_assert_eq(ferry_lane_configure(first, &options), -EINVAL);
	/* More than could ever run. */
	options.reserved = 1;
	cr_assert_eq(ferry_lane_configure(second, &options), 0);
	options.reserved = 2;
	options.max_running = 1;
	cr_assert_eq(ferry_lane_configure(second, &options), -EINVAL);
	cr_assert_null(none);
	cr_assert(counters_of(first).reserved == 1 && counters_of(second).reserved == 1);
	cr_assert_eq(counters_of(fs).reserved, 0);
	cr_assert_eq(ferry_pool_resize(pool, 1, 2), -EINVAL);
	cr_assert_eq(fixture_pool_counters(pool).max_threads, 4);
	cr_assert_eq(ferry_pool_resize(pool, 1, 3), 0);
	ferry_lane_free(first);
	cr_assert_eq(ferry_pool_resize(pool, 1, 1), -EINVAL);
	cr_assert_eq(ferry_pool_resize(pool, 1, 2), 0);
	ferry_lane_free(second);
	cr_assert_eq(ferry_pool_resize(pool, 1, 1), 0);
	work_close(pool);
}

/* ---- many at random ---- */

static _Atomic int inside[3];
static _Atomic unsigned broken;

static int looks_who_is_inside(void *arg, ferry_result *out)
{
	unsigned lane = (unsigned)(uintptr_t)arg;

	(void)out;
	inside[lane]++;
	/* Of five, one is the first's and two are the second's. */
	if (inside[0] > 3 || inside[1] > 4 || inside[2] > 2)
		broken++;
	sched_yield();
	inside[lane]--;
	return 0;
}

Test(place, P7_never_are_more_inside_than_others_leave)
{
	ferry_pool *pool = fixture_pool(5);
	ferry_lane *lanes[] = { lane_with(pool, 1), lane_with(pool, 2), NULL };
	static ferry_future *futures[30000];

	for (unsigned i = 0; i < 30000; i++)
		futures[i] = submit_to(pool, lanes[i * 7 % 3], looks_who_is_inside,
				       (void *)(uintptr_t)(i * 7 % 3));
	for (unsigned i = 0; i < 30000; i++)
		work_end(futures[i]);
	ferry_lane_free(lanes[0]);
	ferry_lane_free(lanes[1]);
	work_close(pool);
	cr_assert_eq(broken, 0);
}
