/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * lib/pool/lane.c, and how queue.c hands out from lanes: order within one, turns among
 * several, the limit on how many run. Brief lanes are in test_brief.c.
 */
#include <criterion/criterion.h>
#include <stdatomic.h>

#include "support/work.h"

TestSuite(lane, .timeout = 30);

static ferry_lane *lane_of(ferry_pool *pool, unsigned max_running)
{
	ferry_lane_options options = FERRY_LANE_OPTIONS_INIT;
	ferry_lane *lane;

	options.max_running = max_running;
	cr_assert_eq(ferry_lane_new(pool, &options, &lane), 0);
	return lane;
}

static ferry_future *submit_to(ferry_pool *pool, ferry_lane *lane, ferry_function fn, void *arg)
{
	ferry_job_options options = FERRY_JOB_OPTIONS_INIT;

	options.lane = lane;
	return work_submit(pool, fn, arg, &options);
}

/* ---- bad input ---- */

Test(lane, refuses_bad_input_and_changes_nothing)
{
	struct {
		ferry_lane_options options;
		uint64_t newer;
	} longer = { FERRY_LANE_OPTIONS_INIT, 1 };
	ferry_lane *const untouched = (ferry_lane *)&longer;
	ferry_lane_options none = FERRY_LANE_OPTIONS_INIT;
	ferry_pool *pool = fixture_pool(1);
	ferry_lane *lane = untouched;

	longer.options.size = sizeof(longer);
	none.size = 1;
	cr_assert_eq(ferry_lane_new(NULL, NULL, &lane), -EINVAL);
	cr_assert_eq(ferry_lane_new(pool, NULL, NULL), -EINVAL);
	cr_assert_eq(ferry_lane_new(pool, &longer.options, &lane), -E2BIG);
	cr_assert_eq(ferry_lane_new(pool, &none, &lane), -EINVAL);
	cr_assert_eq(ferry_pool_shutdown(pool, FERRY_SHUTDOWN_DRAIN, FERRY_NO_DEADLINE), 0);
	cr_assert_eq(ferry_lane_new(pool, NULL, &lane), -ESHUTDOWN);
	cr_assert_eq(lane, untouched);
	cr_assert_null(ferry_lane_free(NULL));
	ferry_pool_free(pool);
}

/* ---- how many ---- */

#define MANY 252

Test(lane, there_are_252_at_a_time_beside_those_that_every_pool_has)
{
	ferry_pool *pool = fixture_pool(1);
	ferry_lane *lanes[MANY], *lane = NULL;

	for (unsigned i = 0; i < MANY; i++)
		lanes[i] = lane_of(pool, 0);
	cr_assert_eq(ferry_lane_new(pool, NULL, &lane), -ENOSPC);
	cr_assert_null(lane);
	for (unsigned i = 0; i < MANY; i++)
		work_end(submit_to(pool, lanes[i], work_nothing, NULL));
	for (unsigned i = 0; i < MANY; i++)
		cr_assert_null(ferry_lane_free(lanes[i]));
	for (unsigned i = 0; i < MANY; i++)
		lanes[i] = lane_of(pool, 0);
	cr_assert_eq(ferry_lane_new(pool, NULL, &lane), -ENOSPC);
	for (unsigned i = 0; i < MANY; i++)
		work_end(submit_to(pool, lanes[i], work_nothing, NULL));
	for (unsigned i = 0; i < MANY; i++)
		cr_assert_null(ferry_lane_free(lanes[i]));
	work_close(pool);
}

/* What it was limited to is that of the new one, and nothing is left of what it did. */
Test(lane, one_that_ended_is_used_again_for_any_kind)
{
	ferry_lane_options kinds[] = { FERRY_LANE_OPTIONS_INIT, FERRY_LANE_OPTIONS_INIT,
				       FERRY_LANE_OPTIONS_INIT };
	ferry_pool *pool = fixture_pool(3);
	ferry_lane_counters counters;
	ferry_lane *lanes[MANY], *lane;

	kinds[1].max_running = kinds[1].reserved = 1;
	kinds[1].max_queued = 9;
	kinds[2].brief = 1;
	for (unsigned i = 0; i < MANY; i++)
		lanes[i] = lane_of(pool, 1);
	for (unsigned i = 0; i < 100; i++) {
		work_end(submit_to(pool, lanes[i], work_nothing, NULL));
		ferry_lane_free(lanes[i]);
		cr_assert_eq(ferry_lane_new(pool, &kinds[i % 3], &lanes[i]), 0);
		cr_assert_eq(ferry_lane_new(pool, NULL, &lane), -ENOSPC);
		cr_assert_eq(ferry_lane_stats(lanes[i], &counters), 0);
		cr_assert(counters.accepted == 0 && counters.ran == 0 && counters.running == 0);
		cr_assert_eq(counters.sampled, 0);
		cr_assert_eq(counters.max_running, kinds[i % 3].max_running);
		cr_assert_eq(counters.reserved, kinds[i % 3].reserved);
		cr_assert_eq(counters.max_queued, kinds[i % 3].max_queued);
		work_end(submit_to(pool, lanes[i], work_nothing, NULL));
		if (i % 3 == 1)
			cr_assert_eq(ferry_lane_configure(lanes[i], &kinds[0]), 0);
	}
	for (unsigned i = 0; i < MANY; i++)
		ferry_lane_free(lanes[i]);
	work_close(pool);
}

Test(lane, one_that_was_freed_counts_as_long_as_it_has_jobs)
{
	ferry_pool *pool = fixture_pool(2);
	ferry_lane *lanes[MANY], *lane;
	ferry_future *runs, *queued;
	struct gate gate;

	gate_init(&gate);
	for (unsigned i = 0; i < MANY; i++)
		lanes[i] = lane_of(pool, 1);
	runs = submit_to(pool, lanes[0], work_at_gate, &gate);
	gate_await(&gate, 1);
	queued = submit_to(pool, lanes[0], work_nothing, NULL);
	ferry_lane_free(lanes[0]);
	cr_assert_eq(ferry_lane_new(pool, &(ferry_lane_options){ .size = sizeof(ferry_lane_options),
								 .max_running = 1 },
				    &lane),
		     -ENOSPC);
	gate_open(&gate);
	work_end(runs);
	work_end(queued);
	for (unsigned i = 1; i < MANY; i++)
		ferry_lane_free(lanes[i]);
	work_close(pool);
}

Test(lane, a_hundred_thousand_may_come_one_after_the_other)
{
	ferry_pool *pool = fixture_pool(3);
	_Atomic unsigned ran = 0;
	unsigned submitted = 0;

	for (unsigned i = 0; i < 100000; i++) {
		ferry_lane_options options = FERRY_LANE_OPTIONS_INIT;
		ferry_job_options job = FERRY_JOB_OPTIONS_INIT;

		options.max_running = i % 4;
		options.brief = i % 3 == 0;
		cr_assert_eq(ferry_lane_new(pool, &options, &job.lane), 0, "number %u", i);
		for (unsigned j = 0; j < i % 3; j++, submitted++)
			cr_assert_eq(ferry_pool_submit(pool, work_count, (void *)&ran, &job, NULL),
				     0);
		ferry_lane_free(job.lane);
		/* No more of a kind at a time than there is room for. */
		if (i % 16 == 0)
			tasks_until_true(ran == submitted);
	}
	work_close(pool);
	cr_assert_eq(ran, submitted);
}

static int makes_in_child(void *pool)
{
	ferry_lane *lane;

	return ferry_lane_new(pool, NULL, &lane) != -ECHILD;
}

/* P6 */
Test(lane, refuses_in_a_forks_child)
{
	ferry_pool *pool = fixture_pool(1);

	cr_assert_eq(fixture_in_child(makes_in_child, pool), 0);
	work_close(pool);
}

/* ---- a handle's life ---- */

Test(lane, may_be_freed_before_its_jobs_have_run)
{
	ferry_pool *pool = fixture_pool(1);
	ferry_lane *lane = lane_of(pool, 1);
	ferry_future *kept, *futures[3];
	struct gate gate;

	gate_init(&gate);
	work_occupy(pool, &gate, &kept, 1);
	for (uintptr_t i = 0; i < 3; i++)
		futures[i] = submit_to(pool, lane, work_number, (void *)i);
	cr_assert_null(ferry_lane_free(lane));
	gate_open(&gate);
	work_end(kept);
	for (unsigned i = 0; i < 3; i++)
		cr_assert_eq(work_end(futures[i]).result.u64, i);
	work_close(pool);
}

Test(lane, may_be_freed_after_its_pool)
{
	ferry_pool *pool = fixture_pool(1);
	ferry_lane *lane = lane_of(pool, 0);

	work_end(submit_to(pool, lane, work_nothing, NULL));
	ferry_pool_free(pool);
	cr_assert_null(ferry_lane_free(lane));
}

/* ---- order ---- */

static char sequence[64];
static size_t length;

static int appends(void *arg, ferry_result *out)
{
	(void)out;
	sequence[length++] = (char)(uintptr_t)arg;
	return 0;
}

Test(lane, those_with_work_take_turns_and_each_keeps_its_order)
{
	ferry_pool *pool = fixture_pool(1);
	ferry_lane *first = lane_of(pool, 0), *second = lane_of(pool, 0);
	ferry_future *kept;
	struct gate gate;

	gate_init(&gate);
	work_occupy(pool, &gate, &kept, 1);
	/* Nothing that one lane has in store makes another wait for more than its turn. */
	for (const char *name = "abcdef"; *name; name++)
		ferry_future_unref(submit_to(pool, NULL, appends, (void *)(uintptr_t)*name));
	for (const char *name = "123"; *name; name++)
		ferry_future_unref(submit_to(pool, first, appends, (void *)(uintptr_t)*name));
	for (const char *name = "XY"; *name; name++)
		ferry_future_unref(submit_to(pool, second, appends, (void *)(uintptr_t)*name));
	gate_open(&gate);
	work_end(kept);
	ferry_lane_free(first);
	ferry_lane_free(second);
	work_close(pool);
	cr_assert_str_eq(sequence, "a1Xb2Yc3def");
}

/* ---- the limit ---- */

static struct {
	_Atomic int inside, most;
} room;

static int counts_who_is_inside(void *arg, ferry_result *out)
{
	int inside = ++room.inside, most = room.most;

	(void)arg;
	(void)out;
	while (inside > most && !atomic_compare_exchange_weak(&room.most, &most, inside))
		;
	for (int i = 0; i < 5; i++)
		sched_yield();
	room.inside--;
	return 0;
}

Test(lane, no_more_run_than_its_limit)
{
	ferry_pool *pool = fixture_pool(6);
	ferry_lane *lane = lane_of(pool, 2);
	static ferry_future *futures[3000];

	for (unsigned i = 0; i < 3000; i++)
		futures[i] = submit_to(pool, lane, counts_who_is_inside, NULL);
	for (unsigned i = 0; i < 3000; i++)
		cr_assert_null(work_end(futures[i]).exception);
	ferry_lane_free(lane);
	work_close(pool);
	cr_assert_leq(room.most, 2);
}

/* P7 */
Test(lane, as_many_run_as_its_limit_and_the_others_are_not_kept)
{
	ferry_pool *pool = fixture_pool(4);
	ferry_lane *lane = lane_of(pool, 2);
	ferry_future *futures[6];
	struct gate gate;

	gate_init(&gate);
	for (unsigned i = 0; i < 6; i++)
		futures[i] = submit_to(pool, lane, work_at_gate, &gate);
	gate_await(&gate, 2);
	/* The four others wait for the lane; the two free workers for anything else. */
	work_end(work_submit(pool, work_nothing, NULL, NULL));
	cr_assert_eq(gate_come(&gate), 2);
	cr_assert(work_books(pool).queued == 4 && work_books(pool).running == 2);
	gate_open(&gate);
	for (unsigned i = 0; i < 6; i++)
		work_end(futures[i]);
	ferry_lane_free(lane);
	work_close(pool);
}

static int counts_itself(void *arg, ferry_result *out)
{
	(void)out;
	++*(unsigned *)arg;
	return 0;
}

Test(lane, one_at_a_time_needs_no_lock)
{
	ferry_pool *pool = fixture_pool(4);
	ferry_lane *lane = lane_of(pool, 1);
	unsigned count = 0;

	for (unsigned i = 0; i < 20000; i++)
		ferry_future_unref(submit_to(pool, lane, counts_itself, &count));
	ferry_lane_free(lane);
	work_close(pool);
	cr_assert_eq(count, 20000);
}

Test(lane, a_cancelled_or_late_job_gives_its_place_back)
{
	ferry_job_options options = FERRY_JOB_OPTIONS_INIT;
	ferry_pool *pool = fixture_pool(2);
	ferry_lane *lane = lane_of(pool, 1);

	options.lane = lane;
	for (unsigned i = 0; i < 2000; i++) {
		ferry_future *future = work_submit(pool, work_nothing, NULL, &options);

		ferry_future_cancel(future);
		ferry_future_unref(future);
		options.deadline_ns = i % 2;
	}
	options.deadline_ns = 0;
	work_end(work_submit(pool, work_nothing, NULL, &options));
	ferry_lane_free(lane);
	work_close(pool);
}

/* ---- a full queue whose jobs are run in the caller ---- */

static int knows_its_thread(void *arg, ferry_result *out)
{
	(void)out;
	*(pthread_t *)arg = pthread_self();
	return 0;
}

static ferry_pool *pool_that_runs_in_the_caller(void)
{
	ferry_pool_options options = FERRY_POOL_OPTIONS_INIT;

	options.min_threads = options.max_threads = 1;
	options.max_queued = 1;
	options.when_full = FERRY_FULL_RUN;
	return work_pool(&options);
}

Test(lane, a_full_queue_has_the_caller_run_the_job_before_submit_returns)
{
	ferry_job_options late = FERRY_JOB_OPTIONS_INIT;
	ferry_pool *pool = pool_that_runs_in_the_caller();
	ferry_future *kept, *queued, *future;
	ferry_pool_counters books;
	pthread_t by = 0;
	struct gate gate;

	gate_init(&gate);
	work_occupy(pool, &gate, &kept, 1);
	queued = work_submit(pool, work_nothing, NULL, NULL);
	future = work_submit(pool, knows_its_thread, &by, NULL);
	cr_assert(ferry_future_snapshot(future).done);
	cr_assert(pthread_equal(by, pthread_self()));
	ferry_future_unref(future);
	late.deadline_ns = 1;
	future = work_submit(pool, knows_its_thread, &by, &late);
	cr_assert_eq(work_end(future).exception, ferry_error_from_code(FERRY_ERROR_TIMED_OUT));
	books = work_books(pool);
	cr_assert(books.ran == 1 && books.running == 1 && books.queued == 1 && books.expired == 1);
	gate_open(&gate);
	work_end(kept);
	work_end(queued);
	work_close(pool);
}

Test(lane, its_limit_holds_for_what_the_caller_runs)
{
	ferry_pool *pool = pool_that_runs_in_the_caller();
	ferry_lane *lane = lane_of(pool, 1);
	ferry_job_options options = FERRY_JOB_OPTIONS_INIT;
	ferry_future *kept, *queued;
	pthread_t by = 0;
	struct gate gate;

	gate_init(&gate);
	options.lane = lane;
	kept = submit_to(pool, lane, work_at_gate, &gate);
	gate_await(&gate, 1);
	queued = work_submit(pool, work_nothing, NULL, NULL);
	/* One of this lane is inside its function: another must not be, not even here. */
	cr_assert_eq(ferry_pool_submit(pool, knows_its_thread, &by, &options, NULL), -EAGAIN);
	gate_open(&gate);
	work_end(kept);
	work_end(queued);
	/* Its place is given back when it was run here. */
	gate_init(&gate);
	work_occupy(pool, &gate, &kept, 1);
	queued = work_submit(pool, work_nothing, NULL, NULL);
	for (unsigned i = 0; i < 3; i++)
		work_end(submit_to(pool, lane, knows_its_thread, &by));
	cr_assert(pthread_equal(by, pthread_self()));
	gate_open(&gate);
	work_end(kept);
	work_end(queued);
	ferry_lane_free(lane);
	work_close(pool);
}

/* ---- names ---- */

Test(lane, has_the_name_it_was_given_cut_at_15_bytes)
{
	static const char *const names[][2] = {
		{ "database", "database" },
		{ "database-of-users", "database-of-use" },
		{ NULL, "lane" },
	};
	ferry_lane_options options = FERRY_LANE_OPTIONS_INIT;
	ferry_pool *pool = work_pool(NULL);
	ferry_lane *lane;

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		options.name = names[i][0];
		cr_assert_eq(ferry_lane_new(pool, &options, &lane), 0);
		cr_assert_str_eq(ferry_lane_name(lane), names[i][1]);
		ferry_lane_free(lane);
	}
	cr_assert_null(ferry_lane_name(NULL));
	work_close(pool);
}
