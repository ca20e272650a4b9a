/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * lib/pool/lane.c and room.c: the lanes that every pool has, limits that change while a lane
 * works, how many may wait in one, and what its counters say. Reserved workers are in
 * test_place.c.
 */
#include <criterion/criterion.h>

#include "pool/core.h"
#include "support/work.h"

TestSuite(lane_limits, .timeout = 30);

static ferry_future *submit_to(ferry_pool *pool, ferry_lane *lane, ferry_function fn, void *arg)
{
	ferry_job_options options = FERRY_JOB_OPTIONS_INIT;

	options.lane = lane;
	return work_submit(pool, fn, arg, &options);
}

static int try_to_submit(ferry_pool *pool, ferry_lane *lane)
{
	ferry_job_options options = FERRY_JOB_OPTIONS_INIT;

	options.lane = lane;
	options.room_deadline_ns = 1;
	return ferry_pool_submit(pool, work_nothing, NULL, &options, NULL);
}

static ferry_lane_counters counters_of(ferry_lane *lane)
{
	ferry_lane_counters counters;

	cr_assert_eq(ferry_lane_stats(lane, &counters), 0);
	return counters;
}

static void configure(ferry_lane *lane, unsigned max_running, size_t max_queued)
{
	ferry_lane_options options = FERRY_LANE_OPTIONS_INIT;

	options.max_running = max_running;
	options.max_queued = max_queued;
	cr_assert_eq(ferry_lane_configure(lane, &options), 0);
	cr_assert_eq(counters_of(lane).max_running, max_running);
	cr_assert_eq(counters_of(lane).max_queued, max_queued);
}

static ferry_lane *lane_of(ferry_pool *pool, unsigned max_running, size_t max_queued)
{
	ferry_lane_options options = FERRY_LANE_OPTIONS_INIT;
	ferry_lane *lane;

	options.max_running = max_running;
	options.max_queued = max_queued;
	cr_assert_eq(ferry_lane_new(pool, &options, &lane), 0);
	return lane;
}

static ferry_pool *pool_by(unsigned threads, size_t max_queued, ferry_when_full when_full)
{
	ferry_pool_options options = FERRY_POOL_OPTIONS_INIT;

	options.min_threads = options.max_threads = threads;
	options.max_queued = max_queued;
	options.when_full = when_full;
	options.sample_every = 1;
	return work_pool(&options);
}

/* ---- those that every pool has ---- */

Test(lane_limits, every_pool_has_four_lanes)
{
	static const char *const names[] = { "ordinary", "fs", "dns", "cpu" };
	unsigned limits[] = { 0, 0, 3, ferry_cpu_count() };
	ferry_pool *pool = fixture_pool(6);

	for (unsigned kind = 0; kind < 4; kind++) {
		ferry_lane *lane = ferry_pool_lane(pool, (ferry_lane_kind)kind);
		ferry_lane_counters counters = counters_of(lane);

		cr_assert_eq(lane, ferry_pool_lane(pool, (ferry_lane_kind)kind));
		cr_assert_str_eq(ferry_lane_name(lane), names[kind]);
		cr_assert_eq(counters.max_running, limits[kind], "%s", names[kind]);
		cr_assert(counters.reserved == 0 && counters.max_queued == 0);
		work_end(submit_to(pool, lane, work_nothing, NULL));
		cr_assert_null(ferry_lane_free(lane));
		work_end(submit_to(pool, lane, work_nothing, NULL));
		cr_assert_eq(counters_of(lane).ran, 2);
	}
	/* What names no lane is in the ordinary one. */
	work_end(work_submit(pool, work_nothing, NULL, NULL));
	cr_assert_eq(counters_of(ferry_pool_lane(pool, FERRY_LANE_ORDINARY)).ran, 3);
	errno = 0;
	cr_assert(!ferry_pool_lane(pool, (ferry_lane_kind)4) && errno == EINVAL);
	errno = 0;
	cr_assert(!ferry_pool_lane(NULL, FERRY_LANE_FS) && errno == EINVAL);
	work_close(pool);
}

Test(lane_limits, look_ups_have_half_of_the_workers_until_somebody_says_otherwise)
{
	ferry_pool *pool = fixture_pool(1);
	ferry_lane *dns = ferry_pool_lane(pool, FERRY_LANE_DNS);
	ferry_future *futures[8];
	struct gate gate;

	gate_init(&gate);
	cr_assert_eq(counters_of(dns).max_running, 1);
	cr_assert_eq(ferry_pool_resize(pool, 4, 4), 0);
	cr_assert_eq(counters_of(dns).max_running, 2);
	for (unsigned i = 0; i < 8; i++)
		futures[i] = submit_to(pool, dns, work_at_gate, &gate);
	gate_await(&gate, 2);
	/* Slow ones never starve calls to files. */
	for (unsigned i = 0; i < 1000; i++)
		work_end(submit_to(pool, ferry_pool_lane(pool, FERRY_LANE_FS), work_nothing, NULL));
	cr_assert_eq(counters_of(dns).running, 2);
	cr_assert_eq(counters_of(dns).queued, 6);
	/* P7: a resize lets more of them begin at once. */
	cr_assert_eq(ferry_pool_resize(pool, 4, 7), 0);
	gate_await(&gate, 3);
	cr_assert_eq(counters_of(dns).max_running, 3);
	configure(dns, 4, 0);
	gate_await(&gate, 4);
	cr_assert_eq(ferry_pool_resize(pool, 4, 20), 0);
	cr_assert_eq(counters_of(dns).max_running, 4);
	gate_open(&gate);
	for (unsigned i = 0; i < 8; i++)
		work_end(futures[i]);
	work_close(pool);
}

/* ---- limits that change ---- */

Test(lane_limits, refuses_bad_input_and_changes_nothing)
{
	struct {
		ferry_lane_options options;
		uint64_t newer;
	} longer = { FERRY_LANE_OPTIONS_INIT, 1 };
	ferry_lane_options named = FERRY_LANE_OPTIONS_INIT, brief = FERRY_LANE_OPTIONS_INIT;
	ferry_pool *pool = fixture_pool(2);
	ferry_lane *lane = lane_of(pool, 1, 2);
	ferry_lane_counters counters;

	longer.options.size = sizeof(longer);
	named.name = "other";
	brief.brief = 1;
	cr_assert_eq(ferry_lane_configure(NULL, &longer.options), -EINVAL);
	cr_assert_eq(ferry_lane_configure(lane, NULL), -EINVAL);
	cr_assert_eq(ferry_lane_configure(lane, &longer.options), -E2BIG);
	cr_assert_eq(ferry_lane_configure(lane, &named), -EINVAL);
	cr_assert_eq(ferry_lane_configure(lane, &brief), -EINVAL);
	counters = counters_of(lane);
	cr_assert(counters.max_running == 1 && counters.max_queued == 2);
	cr_assert_str_eq(ferry_lane_name(lane), "lane");
	cr_assert_eq(ferry_lane_stats(NULL, &counters), -EINVAL);
	cr_assert_eq(ferry_lane_stats(lane, NULL), -EINVAL);
	cr_assert_eq(ferry_pool_shutdown(pool, FERRY_SHUTDOWN_DRAIN, FERRY_NO_DEADLINE), 0);
	longer.newer = 0;
	cr_assert_eq(ferry_lane_configure(lane, &longer.options), -ESHUTDOWN);
	cr_assert_eq(counters_of(lane).max_running, 1);
	ferry_pool_free(pool);
	cr_assert_eq(counters_of(lane).accepted, 0);
	ferry_lane_free(lane);
}

/* P7 */
Test(lane_limits, what_may_run_now_is_found_at_once)
{
	ferry_pool *pool = fixture_pool(4);
	ferry_lane *lane = lane_of(pool, 1, 0);
	ferry_future *futures[6];
	struct gate gate;

	gate_init(&gate);
	for (unsigned i = 0; i < 6; i++)
		futures[i] = submit_to(pool, lane, work_at_gate, &gate);
	for (unsigned limit = 1; limit < 4; limit++) {
		configure(lane, limit, 0);
		gate_await(&gate, limit);
		cr_assert_eq(counters_of(lane).running, limit);
	}
	configure(lane, 0, 0);
	gate_await(&gate, 4);
	/* Lowered: those that are inside stay, and nobody comes until they are few enough. */
	configure(lane, 2, 0);
	cr_assert_eq(counters_of(lane).running, 4);
	gate_open(&gate);
	for (unsigned i = 0; i < 6; i++)
		work_end(futures[i]);
	ferry_lane_free(lane);
	work_close(pool);
}

static _Atomic int inside, most;

static int counts_who_is_inside(void *arg, ferry_result *out)
{
	int now = ++inside, seen = most;

	(void)arg;
	(void)out;
	while (now > seen && !atomic_compare_exchange_weak(&most, &seen, now))
		;
	sched_yield();
	inside--;
	return 0;
}

Test(lane_limits, a_lowered_limit_holds_once_those_inside_have_ended)
{
	ferry_pool *pool = fixture_pool(4);
	ferry_lane *ordinary = ferry_pool_lane(pool, FERRY_LANE_ORDINARY);
	ferry_future *kept[4];
	struct gate gate;

	gate_init(&gate);
	work_occupy(pool, &gate, kept, 4);
	configure(ordinary, 2, 0);
	for (unsigned i = 0; i < 3000; i++)
		ferry_future_unref(work_submit(pool, counts_who_is_inside, NULL, NULL));
	cr_assert_eq(counters_of(ordinary).running, 4);
	gate_open(&gate);
	for (unsigned i = 0; i < 4; i++)
		work_end(kept[i]);
	work_close(pool);
	cr_assert(most >= 1 && most <= 2, "%d", most);
}

/* ---- how many may wait ---- */

/* The workers are kept, and the lane is full. */
struct full {
	ferry_pool *pool;
	ferry_lane *lane;
	struct gate gate;
	ferry_future *kept, *queued[3];
};

static void fill(struct full *full, size_t max_queued, ferry_when_full when_full)
{
	gate_init(&full->gate);
	full->pool = pool_by(1, max_queued, when_full);
	full->lane = lane_of(full->pool, 0, 3);
	work_occupy(full->pool, &full->gate, &full->kept, 1);
	for (unsigned i = 0; i < 3; i++)
		full->queued[i] = submit_to(full->pool, full->lane, work_nothing, NULL);
}

static void empty(struct full *full)
{
	gate_open(&full->gate);
	work_end(full->kept);
	for (unsigned i = 0; i < 3; i++)
		work_end(full->queued[i]);
	ferry_lane_free(full->lane);
	work_close(full->pool);
}

Test(lane_limits, a_full_lane_refuses_and_others_do_not)
{
	struct full full;

	fill(&full, 0, FERRY_FULL_FAIL);
	cr_assert_eq(try_to_submit(full.pool, full.lane), -EAGAIN);
	for (unsigned i = 0; i < 100; i++)
		cr_assert_eq(try_to_submit(full.pool, NULL), 0);
	cr_assert_eq(counters_of(full.lane).queued, 3);
	cr_assert_eq(work_books(full.pool).refused, 1);
	empty(&full);
}

Test(lane_limits, room_is_free_again_when_its_job_was_taken)
{
	ferry_pool *pool = pool_by(1, 0, FERRY_FULL_FAIL);
	ferry_lane *lane = lane_of(pool, 1, 1);

	for (unsigned i = 0; i < 1000; i++)
		work_end(submit_to(pool, lane, work_nothing, NULL));
	ferry_lane_free(lane);
	work_close(pool);
}

Test(lane_limits, a_cancelled_job_does_not_keep_its_room)
{
	struct full full;

	fill(&full, 0, FERRY_FULL_FAIL);
	cr_assert_eq(ferry_future_cancel(full.queued[1]), 1);
	ferry_future_unref(full.queued[1]);
	cr_assert_eq(counters_of(full.lane).queued, 2);
	full.queued[1] = submit_to(full.pool, full.lane, work_nothing, NULL);
	cr_assert_eq(try_to_submit(full.pool, full.lane), -EAGAIN);
	empty(&full);
}

/* Of four in the pool, three in the lane. */
Test(lane_limits, both_limits_hold_at_once)
{
	struct full full;
	ferry_future *more;

	fill(&full, 4, FERRY_FULL_FAIL);
	cr_assert_eq(try_to_submit(full.pool, full.lane), -EAGAIN);
	more = work_submit(full.pool, work_nothing, NULL, NULL);
	cr_assert_eq(try_to_submit(full.pool, NULL), -EAGAIN);
	/* What the pool has no room for takes none in its lane. */
	configure(full.lane, 0, 4);
	for (unsigned i = 0; i < 100; i++)
		cr_assert_eq(try_to_submit(full.pool, full.lane), -EAGAIN);
	cr_assert_eq(ferry_future_cancel(more), 1);
	ferry_future_unref(more);
	cr_assert_eq(try_to_submit(full.pool, full.lane), 0);
	cr_assert_eq(counters_of(full.lane).queued, 4);
	empty(&full);
}

Test(lane_limits, a_batch_goes_into_a_lane_as_far_as_there_is_room)
{
	ferry_batch_job jobs[8] = { { NULL, NULL } };
	ferry_job_options options = FERRY_JOB_OPTIONS_INIT;
	ferry_future *futures[8];
	struct full full;

	fill(&full, 0, FERRY_FULL_FAIL);
	for (unsigned i = 0; i < 8; i++)
		jobs[i].fn = work_nothing;
	options.lane = full.lane;
	cr_assert_eq(ferry_pool_submit_batch(full.pool, jobs, 8, &options, futures), -EAGAIN);
	configure(full.lane, 0, 8);
	cr_assert_eq(ferry_pool_submit_batch(full.pool, jobs, 8, &options, futures), 5);
	for (unsigned i = 0; i < 5; i++)
		ferry_future_unref(futures[i]);
	cr_assert_eq(ferry_pool_submit_batch(full.pool, jobs, 8, NULL, NULL), 8);
	empty(&full);
}

/* Those that came before the limit count, too, and none is lost. */
Test(lane_limits, a_limit_that_is_given_later_counts_those_that_wait)
{
	ferry_pool *pool = pool_by(1, 0, FERRY_FULL_FAIL);
	ferry_lane *lane = lane_of(pool, 0, 0);
	ferry_future *kept;
	struct gate gate;

	gate_init(&gate);
	work_occupy(pool, &gate, &kept, 1);
	for (unsigned i = 0; i < 5; i++)
		cr_assert_eq(try_to_submit(pool, lane), 0);
	configure(lane, 0, 3);
	cr_assert_eq(try_to_submit(pool, lane), -EAGAIN);
	configure(lane, 0, 6);
	cr_assert_eq(try_to_submit(pool, lane), 0);
	cr_assert_eq(try_to_submit(pool, lane), -EAGAIN);
	configure(lane, 0, 0);
	cr_assert_eq(try_to_submit(pool, lane), 0);
	configure(lane, 0, 8);
	cr_assert_eq(try_to_submit(pool, lane), 0);
	cr_assert_eq(try_to_submit(pool, lane), -EAGAIN);
	cr_assert_eq(counters_of(lane).queued, 8);
	gate_open(&gate);
	work_end(kept);
	tasks_until_true(counters_of(lane).ran == 8);
	/* Neither has kept anything. */
	configure(lane, 0, 1);
	for (unsigned i = 0; i < 100; i++)
		work_end(submit_to(pool, lane, work_nothing, NULL));
	ferry_lane_free(lane);
	work_close(pool);
}

/* ---- waiting for room ---- */

struct blocked {
	struct full *full;
	ferry_lane *lane;
	int returned;
	pthread_t thread;
	_Atomic pid_t tid;
};

static void *blocks(void *arg)
{
	ferry_job_options options = FERRY_JOB_OPTIONS_INIT;
	struct blocked *blocked = arg;

	options.lane = blocked->lane;
	blocked->tid = gettid();
	blocked->returned = ferry_pool_submit(blocked->full->pool, work_nothing, NULL, &options,
					      NULL);
	return NULL;
}

static void begin_to_block(struct blocked *blocked, struct full *full, ferry_lane *lane)
{
	*blocked = (struct blocked){ .full = full, .lane = lane, .returned = 1 };
	cr_assert_eq(pthread_create(&blocked->thread, NULL, blocks, blocked), 0);
	tasks_until_true(blocked->tid);
	tasks_until_asleep(blocked->tid);
}

static void end_to_block(struct blocked *blocked)
{
	pthread_join(blocked->thread, NULL);
	cr_assert_eq(blocked->returned, 0);
}

Test(lane_limits, submit_waits_for_room_in_its_lane)
{
	struct blocked blocked[3];
	struct full full;

	fill(&full, 0, FERRY_FULL_BLOCK);
	cr_assert_eq(try_to_submit(full.pool, full.lane), -ETIMEDOUT);
	cr_assert_eq(try_to_submit(full.pool, NULL), 0);
	for (unsigned i = 0; i < 3; i++)
		begin_to_block(&blocked[i], &full, full.lane);
	cr_assert_eq(counters_of(full.lane).accepted, 3);
	gate_open(&full.gate);
	for (unsigned i = 0; i < 3; i++)
		end_to_block(&blocked[i]);
	empty(&full);
}

Test(lane_limits, a_limit_that_is_raised_lets_in_who_waits)
{
	struct blocked blocked[2];
	struct full full;

	fill(&full, 0, FERRY_FULL_BLOCK);
	for (unsigned i = 0; i < 2; i++)
		begin_to_block(&blocked[i], &full, full.lane);
	configure(full.lane, 0, 5);
	for (unsigned i = 0; i < 2; i++)
		end_to_block(&blocked[i]);
	cr_assert_eq(counters_of(full.lane).queued, 5);
	begin_to_block(&blocked[0], &full, full.lane);
	configure(full.lane, 0, 0);
	end_to_block(&blocked[0]);
	empty(&full);
}

/* The first in line waits for its lane: what comes free in the pool is the second's. */
Test(lane_limits, room_that_the_first_cannot_use_is_the_next_ones)
{
	struct blocked first, second;
	ferry_lane *other;
	ferry_future *more;
	struct full full;

	fill(&full, 4, FERRY_FULL_BLOCK);
	other = lane_of(full.pool, 0, 9);
	more = submit_to(full.pool, other, work_nothing, NULL);
	begin_to_block(&first, &full, full.lane);
	begin_to_block(&second, &full, NULL);
	cr_assert_eq(ferry_future_cancel(more), 1);
	ferry_future_unref(more);
	/* This one looks for what was cancelled, and is refused for its own lane is full. */
	cr_assert_eq(try_to_submit(full.pool, full.lane), -ETIMEDOUT);
	queue_purge(full.pool->core, other);
	end_to_block(&second);
	gate_open(&full.gate);
	end_to_block(&first);
	ferry_lane_free(other);
	empty(&full);
}

static int knows_its_thread(void *arg, ferry_result *out)
{
	(void)out;
	*(pthread_t *)arg = pthread_self();
	return 0;
}

Test(lane_limits, a_full_lane_has_the_caller_run_the_job_within_its_limit)
{
	pthread_t by = 0;
	struct full full;

	fill(&full, 0, FERRY_FULL_RUN);
	work_end(submit_to(full.pool, full.lane, knows_its_thread, &by));
	cr_assert(pthread_equal(by, pthread_self()));
	cr_assert(counters_of(full.lane).ran == 1 && counters_of(full.lane).queued == 3);
	cr_assert_eq(counters_of(full.lane).accepted, 4);
	empty(&full);
}

/* P4: no worker has passed by since a result was seen, and its place is free all the same. */
Test(lane_limits, the_place_of_a_job_is_free_when_its_result_is_visible)
{
	ferry_pool *pool = pool_by(2, 1, FERRY_FULL_RUN);
	ferry_lane *lane = lane_of(pool, 1, 0);
	ferry_future *kept, *queued;
	struct gate gate;

	for (unsigned i = 0; i < 300; i++) {
		gate_init(&gate);
		work_occupy(pool, &gate, &kept, 1);
		queued = submit_to(pool, lane, work_nothing, NULL);
		work_wait(queued);
		cr_assert_eq(counters_of(lane).running, 0);
		/* One waits, and the next is run here. */
		for (unsigned j = 0; j < 3; j++)
			work_end(submit_to(pool, lane, work_nothing, NULL));
		ferry_future_unref(queued);
		gate_open(&gate);
		work_end(kept);
	}
	cr_assert_eq(counters_of(lane).ran, 1200);
	ferry_lane_free(lane);
	work_close(pool);
}

/* ---- counters ---- */

static int submits_and_waits(void *arg, ferry_result *out)
{
	ferry_job_options options = FERRY_JOB_OPTIONS_INIT;
	struct full *full = arg;
	ferry_future *future;

	options.lane = full->lane;
	future = work_submit(full->pool, work_number, (void *)3, &options);
	*out = work_wait(future).result;
	/* Run in here, and seen as that at once, though it lies in the queue still. */
	if (counters_of(full->lane).ran != 1 || counters_of(full->lane).running ||
	    counters_of(full->lane).queued)
		out->u64 = 0;
	ferry_future_unref(future);
	return 0;
}

Test(lane_limits, what_a_waiter_runs_is_counted_in_its_own_lane)
{
	struct full full = { .pool = pool_by(1, 0, FERRY_FULL_FAIL) };
	ferry_lane *ordinary = ferry_pool_lane(full.pool, FERRY_LANE_ORDINARY);

	full.lane = lane_of(full.pool, 1, 0);
	cr_assert_eq(work_end(work_submit(full.pool, submits_and_waits, &full, NULL)).result.u64,
		     3);
	cr_assert(counters_of(ordinary).ran == 1 && counters_of(ordinary).accepted == 1);
	cr_assert(counters_of(full.lane).ran == 1 && counters_of(full.lane).accepted == 1);
	cr_assert_eq(counters_of(full.lane).sampled, 1);
	ferry_lane_free(full.lane);
	work_close(full.pool);
}

static int takes_a_millisecond(void *arg, ferry_result *out)
{
	uint64_t until = ferry_in_ns(1000000);

	(void)arg;
	(void)out;
	while (ferry_now_ns() < until)
		;
	return 0;
}

static uint64_t sum(const uint64_t *buckets, unsigned from)
{
	uint64_t all = 0;

	for (unsigned i = from; i < FERRY_HISTOGRAM_BUCKETS; i++)
		all += buckets[i];
	return all;
}

Test(lane_limits, each_lane_counts_its_own_jobs_and_their_times)
{
	ferry_pool *pool = pool_by(2, 0, FERRY_FULL_FAIL);
	ferry_lane *lane = lane_of(pool, 0, 0);
	ferry_lane_counters counters;
	ferry_future *kept[2], *queued;
	struct gate gate;

	for (unsigned i = 0; i < 10; i++) {
		work_end(submit_to(pool, lane, takes_a_millisecond, NULL));
		work_end(work_submit(pool, work_nothing, NULL, NULL));
	}
	counters = counters_of(lane);
	cr_assert(counters.accepted == 10 && counters.ran == 10);
	cr_assert(counters.queued == 0 && counters.running == 0);
	cr_assert_eq(counters.sampled, 10);
	cr_assert_geq(counters.run_ns_sum, 10 * 1000000);
	/* 2^19 ns is half a millisecond. */
	cr_assert_eq(sum(counters.run_ns, 19), 10);
	cr_assert_eq(sum(counters.run_ns, 0), 10);
	cr_assert_eq(sum(counters.wait_ns, 0), 10);
	cr_assert_eq(counters_of(ferry_pool_lane(pool, FERRY_LANE_ORDINARY)).sampled, 10);

	gate_init(&gate);
	work_occupy(pool, &gate, kept, 2);
	queued = submit_to(pool, lane, work_nothing, NULL);
	ferry_future_unref(submit_to(pool, lane, work_nothing, NULL));
	ferry_future_cancel(queued);
	ferry_future_unref(queued);
	counters = counters_of(lane);
	cr_assert(counters.accepted == 12 && counters.queued == 1 && counters.ran == 10);
	cr_assert_eq(counters_of(ferry_pool_lane(pool, FERRY_LANE_ORDINARY)).running, 2);
	gate_open(&gate);
	work_end(kept[0]);
	work_end(kept[1]);
	tasks_until_true(counters_of(lane).ran == 11);
	ferry_lane_free(lane);
	work_close(pool);
}

static int knows_its_parent(void *arg)
{
	ferry_lane_options options = FERRY_LANE_OPTIONS_INIT;
	struct full *full = arg;
	ferry_lane_counters counters;
	bool refused = ferry_lane_configure(full->lane, &options) == -ECHILD &&
		       ferry_lane_stats(full->lane, &counters) == -ECHILD &&
		       !ferry_pool_lane(full->pool, FERRY_LANE_FS) && errno == ECHILD;

	/* What is reserved is not looked at: the lock may be held for ever. */
	ferry_lane_free(full->lane);
	return !refused;
}

/* P6 */
Test(lane_limits, refuses_in_a_forks_child)
{
	ferry_lane_options options = FERRY_LANE_OPTIONS_INIT;
	struct full full = { .pool = fixture_pool(2) };

	options.reserved = 1;
	cr_assert_eq(ferry_lane_new(full.pool, &options, &full.lane), 0);
	lock_acquire(&full.pool->core->lock);
	cr_assert_eq(fixture_in_child(knows_its_parent, &full), 0);
	lock_release(&full.pool->core->lock);
	ferry_lane_free(full.lane);
	work_close(full.pool);
}
