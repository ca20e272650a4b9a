/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * lib/pool/helper.c: waiting inside of jobs (P4). A worker runs what it waits for, or
 * lends its place, so a pool cannot be exhausted by waiting.
 */
#include <criterion/criterion.h>

#include "pool/core.h"
#include "support/work.h"

TestSuite(helper, .timeout = 30);

/* ---- running what is waited for ---- */

struct errand {
	ferry_pool *pool;
	ferry_lane *lane;  /* of the inner job */
	ferry_function fn; /* the inner job */
	void *arg;
	pthread_t outer, inner;
	int returned;
	ferry_snapshot seen;
};

static int knows_its_thread(void *arg, ferry_result *out)
{
	struct errand *errand = arg;

	errand->inner = pthread_self();
	*out = ferry_result_u64(31);
	return 0;
}

static int submits_and_waits(void *arg, ferry_result *out)
{
	ferry_job_options options = FERRY_JOB_OPTIONS_INIT;
	struct errand *errand = arg;
	ferry_future *future;

	(void)out;
	options.lane = errand->lane;
	errand->outer = pthread_self();
	future = work_submit(errand->pool, errand->fn, errand->arg, &options);
	errand->returned = ferry_future_wait(future, FERRY_NO_DEADLINE);
	errand->seen = ferry_future_snapshot(future);
	ferry_future_unref(future);
	return 0;
}

static void run_errand(struct errand *errand)
{
	work_end(work_submit(errand->pool, submits_and_waits, errand, NULL));
	cr_assert_eq(errand->returned, 0);
}

Test(helper, the_only_worker_runs_what_it_waits_for)
{
	struct errand errand = { .pool = fixture_pool(1), .fn = knows_its_thread };

	errand.arg = &errand;
	run_errand(&errand);
	cr_assert_eq(errand.seen.result.u64, 31);
	cr_assert(pthread_equal(errand.inner, errand.outer));
	/* P1: one run inside a wait is one that ran; nobody was added. */
	cr_assert_eq(work_books(errand.pool).ran, 2);
	cr_assert_eq(work_books(errand.pool).threads, 1);
	work_close(errand.pool);
}

struct several {
	ferry_pool *pool;
	unsigned count;
	uint64_t sum;
};

static int waits_for_several(void *arg, ferry_result *out)
{
	struct several *several = arg;
	ferry_future *futures[32];

	(void)out;
	for (uintptr_t i = 0; i < several->count; i++)
		futures[i] = work_submit(several->pool, work_number, (void *)(i + 1), NULL);
	cr_assert_eq(
		ferry_wait_all(futures, several->count, FERRY_ALL_COMPLETED, FERRY_NO_DEADLINE),
		(int)several->count);
	for (unsigned i = 0; i < several->count; i++)
		several->sum += work_end(futures[i]).result.u64;
	return 0;
}

Test(helper, the_only_worker_runs_all_that_it_waits_for)
{
	struct several several = { fixture_pool(1), 32, 0 };

	work_end(work_submit(several.pool, waits_for_several, &several, NULL));
	cr_assert_eq(several.sum, 32 * 33 / 2);
	work_close(several.pool);
}

/* Jobs of which each lasts longer than their waiter may wait. */
struct late {
	ferry_pool *pool;
	pthread_t waiter;
	bool waits; /* the waiter's, as what follows */
	unsigned run_in_wait;
	uint64_t deadline_ns;
	int returned;
};

static int lasts_too_long(void *arg, ferry_result *out)
{
	struct late *late = arg;

	(void)out;
	if (pthread_equal(pthread_self(), late->waiter))
		late->run_in_wait += late->waits;
	tasks_until_true(ferry_now_ns() > late->deadline_ns);
	return 0;
}

static int waits_for_late_ones(void *arg, ferry_result *out)
{
	struct late *late = arg;
	ferry_future *futures[8];

	(void)out;
	late->waiter = pthread_self();
	late->deadline_ns = ferry_in_ns(20000000);
	for (unsigned i = 0; i < 8; i++)
		futures[i] = work_submit(late->pool, lasts_too_long, late, NULL);
	late->waits = true;
	late->returned = ferry_wait_all(futures, 8, FERRY_ALL_COMPLETED, late->deadline_ns);
	late->waits = false;
	for (unsigned i = 0; i < 8; i++)
		ferry_future_unref(futures[i]);
	return 0;
}

Test(helper, who_waits_for_several_runs_no_other_at_his_deadline)
{
	struct late late = { .pool = fixture_pool(1) };

	work_end(work_submit(late.pool, waits_for_late_ones, &late, NULL));
	/* While it sleeps another worker may be quick enough. */
	cr_assert(late.returned == -ETIMEDOUT || late.returned == 8, "%d", late.returned);
	work_close(late.pool);
	cr_assert_leq(late.run_in_wait, 1);
}

static int iterates(void *arg, ferry_result *out)
{
	struct several *several = arg;
	ferry_future *futures[32], *next;
	ferry_as_completed *iteration;

	(void)out;
	for (uintptr_t i = 0; i < several->count; i++)
		futures[i] = work_submit(several->pool, work_number, (void *)(i + 1), NULL);
	cr_assert_eq(ferry_as_completed_new(futures, several->count, &iteration), 0);
	while (ferry_as_completed_next(iteration, FERRY_NO_DEADLINE, &next) == 1)
		several->sum += ferry_future_snapshot(next).result.u64;
	ferry_as_completed_free(iteration);
	cr_assert_eq(ferry_wait_any(futures, several->count, FERRY_NO_DEADLINE), 0);
	for (unsigned i = 0; i < several->count; i++)
		ferry_future_unref(futures[i]);
	return 0;
}

Test(helper, the_only_worker_iterates_over_its_own_jobs)
{
	struct several several = { fixture_pool(1), 32, 0 };

	work_end(work_submit(several.pool, iterates, &several, NULL));
	cr_assert_eq(several.sum, 32 * 33 / 2);
	work_close(several.pool);
}

/* ---- recursion ---- */

struct fork_join {
	ferry_pool *pool;
	unsigned n;
};

static int fibonacci(void *arg, ferry_result *out)
{
	struct fork_join *self = arg, left = { self->pool, self->n - 1 },
			 right = { self->pool, self->n - 2 };
	ferry_future *futures[2];

	if (self->n < 2) {
		*out = ferry_result_u64(self->n);
		return 0;
	}
	futures[0] = work_submit(self->pool, fibonacci, &left, NULL);
	futures[1] = work_submit(self->pool, fibonacci, &right, NULL);
	*out = ferry_result_u64(work_end(futures[0]).result.u64 + work_end(futures[1]).result.u64);
	return 0;
}

Test(helper, fork_and_join_recurs_on_one_thread)
{
	struct fork_join whole = { fixture_pool(1), 15 };

	cr_assert_eq(work_end(work_submit(whole.pool, fibonacci, &whole, NULL)).result.u64, 610);
	work_close(whole.pool);
}

Test(helper, fork_and_join_recurs_on_several_threads)
{
	struct fork_join whole = { fixture_pool(3), 17 };

	cr_assert_eq(work_end(work_submit(whole.pool, fibonacci, &whole, NULL)).result.u64, 1597);
	work_close(whole.pool);
}

/* How deep each thread is inside of such jobs, and the deepest of all. */
static __thread unsigned depth_here;
static _Atomic unsigned deepest, threads_used;

static int descends(void *arg, ferry_result *out)
{
	struct fork_join *self = arg, below = { self->pool, self->n - 1 };

	(void)out;
	if (!depth_here++)
		threads_used++;
	if (depth_here > deepest)
		deepest = depth_here;
	if (self->n)
		work_end(work_submit(self->pool, descends, &below, NULL));
	depth_here--;
	return 0;
}

Test(helper, waits_nest_up_to_sixteen_deep_and_go_on_elsewhere)
{
	struct fork_join whole = { fixture_pool(1), 39 };

	work_end(work_submit(whole.pool, descends, &whole, NULL));
	/* 40 of them, one inside the other, 16 on each thread. */
	cr_assert_eq(deepest, 16);
	cr_assert_eq(threads_used, 3);
	work_close(whole.pool);
}

/* ---- lending ---- */

static int waits_for(void *arg, ferry_result *out)
{
	(void)out;
	return ferry_future_wait(arg, FERRY_NO_DEADLINE);
}

static int completes(void *arg, ferry_result *out)
{
	(void)out;
	return ferry_future_set_result(arg, ferry_result_u64(1));
}

Test(helper, a_worker_that_waits_for_a_promise_lends_its_place)
{
	ferry_pool *pool = fixture_pool(1);
	ferry_future *promise, *waiting, *completing;

	cr_assert_eq(ferry_future_new(NULL, &promise), 0);
	waiting = work_submit(pool, waits_for, promise, NULL);
	completing = work_submit(pool, completes, promise, NULL);
	cr_assert_null(work_end(waiting).exception);
	cr_assert_null(work_end(completing).exception);
	ferry_future_unref(promise);
	work_close(pool);
}

static int waits_in_vain(void *arg, ferry_result *out)
{
	(void)out;
	return ferry_future_wait(arg, ferry_in_ns(1000000)) == -ETIMEDOUT ? 0 : -EIO;
}

Test(helper, a_place_that_was_lent_is_taken_back)
{
	ferry_pool_options options = FERRY_POOL_OPTIONS_INIT;
	ferry_future *promise, *kept, *next;
	ferry_pool *pool;
	struct gate gate;

	options.name = "lent";
	options.max_threads = 1;
	options.idle_timeout_ns = 1000000;
	pool = work_pool(&options);
	cr_assert_eq(ferry_future_new(NULL, &promise), 0);
	for (unsigned i = 0; i < 20; i++) {
		ferry_future *waiting = work_submit(pool, waits_in_vain, promise, NULL);

		ferry_future_unref(work_submit(pool, work_nothing, NULL, NULL));
		cr_assert_null(work_end(waiting).exception);
	}
	/* One that was just born has no name yet, but the pool counts it. */
	tasks_until_true(work_books(pool).threads == 1);
	tasks_until("lent-", 1);
	/* Nobody is made any more for what waits. */
	gate_init(&gate);
	kept = work_submit(pool, work_at_gate, &gate, NULL);
	gate_await(&gate, 1);
	next = work_submit(pool, work_nothing, NULL, NULL);
	cr_assert_eq(work_books(pool).threads, 1);
	gate_open(&gate);
	work_end(kept);
	work_end(next);
	ferry_future_unref(promise);
	work_close(pool);
}

Test(helper, a_worker_waits_for_a_job_of_another_pool)
{
	struct errand errand = { .pool = fixture_pool(1), .fn = knows_its_thread };
	ferry_pool *outer = fixture_pool(1);

	errand.arg = &errand;
	work_end(work_submit(outer, submits_and_waits, &errand, NULL));
	cr_assert_eq(errand.seen.result.u64, 31);
	cr_assert(!pthread_equal(errand.inner, errand.outer));
	work_close(outer);
	work_close(errand.pool);
}

static int lends_while_others_wait(void *arg, ferry_result *out)
{
	struct several *several = arg;
	ferry_future *futures[8];

	(void)out;
	/* Each of them waits for others in turn: places are lent by many at once. */
	for (unsigned i = 0; i < 8; i++) {
		struct several *inner = several + 1 + i;

		*inner = (struct several){ several->pool, 8, 0 };
		futures[i] = work_submit(several->pool, waits_for_several, inner, NULL);
	}
	for (unsigned i = 0; i < 8; i++) {
		work_end(futures[i]);
		several->sum += several[1 + i].sum;
	}
	return 0;
}

Test(helper, many_wait_for_many)
{
	struct several all[9] = { { fixture_pool(2), 8, 0 } };

	for (unsigned i = 0; i < 100; i++) {
		all[0].sum = 0;
		work_end(work_submit(all[0].pool, lends_while_others_wait, all, NULL));
		cr_assert_eq(all[0].sum, 8 * 36);
	}
	work_close(all[0].pool);
}

/* ---- lanes ---- */

static ferry_lane *lane_of(ferry_pool *pool, unsigned max_running)
{
	ferry_lane_options options = FERRY_LANE_OPTIONS_INIT;
	ferry_lane *lane;

	options.max_running = max_running;
	cr_assert_eq(ferry_lane_new(pool, &options, &lane), 0);
	return lane;
}

Test(helper, what_is_waited_for_runs_in_a_free_place_of_its_lane)
{
	struct errand errand = { .pool = fixture_pool(1), .fn = knows_its_thread };

	errand.arg = &errand;
	errand.lane = lane_of(errand.pool, 1);
	for (unsigned i = 0; i < 3; i++) {
		run_errand(&errand);
		cr_assert(pthread_equal(errand.inner, errand.outer));
	}
	ferry_lane_free(errand.lane);
	work_close(errand.pool);
}

/* Internal: how many workers of the pool sleep in a wait. */
static unsigned places_lent(ferry_pool *pool)
{
	unsigned lent;

	lock_acquire(&pool->core->lock);
	lent = pool->core->lent;
	lock_release(&pool->core->lock);
	return lent;
}

Test(helper, what_is_waited_for_is_not_run_beyond_the_limit_of_its_lane)
{
	struct errand errand = { .pool = fixture_pool(2), .fn = knows_its_thread };
	ferry_job_options options = FERRY_JOB_OPTIONS_INIT;
	ferry_future *kept, *waiting;
	struct gate gate;

	gate_init(&gate);
	errand.arg = &errand;
	options.lane = errand.lane = lane_of(errand.pool, 1);
	kept = work_submit(errand.pool, work_at_gate, &gate, &options);
	gate_await(&gate, 1);
	waiting = work_submit(errand.pool, submits_and_waits, &errand, NULL);
	/* Both workers wait now: one at the gate, one for the lane. */
	tasks_until_true(places_lent(errand.pool) || work_books(errand.pool).ran);
	cr_assert_eq(work_books(errand.pool).ran, 0);
	gate_open(&gate);
	work_end(kept);
	work_end(waiting);
	cr_assert_eq(errand.returned, 0);
	ferry_lane_free(errand.lane);
	work_close(errand.pool);
}

struct handover {
	ferry_pool *pool;
	ferry_lane *lane;
	struct gate busy, gate;
	ferry_future *next;
};

static int opens(void *gate, ferry_result *out)
{
	(void)out;
	gate_open(gate);
	return 0;
}

/* It has the lane's place; the other worker comes, finds nothing to do, and sleeps. */
static int sees_the_other_asleep(void *arg, ferry_result *out)
{
	struct handover *handover = arg;

	(void)out;
	gate_open(&handover->busy);
	tasks_until_true(work_books(handover->pool).idle == 1);
	return 0;
}

static int runs_one_and_waits_at_the_gate(void *arg, ferry_result *out)
{
	ferry_job_options options = FERRY_JOB_OPTIONS_INIT;
	struct handover *handover = arg;
	ferry_future *first;

	ferry_future_unref(work_submit(handover->pool, work_at_gate, &handover->busy, NULL));
	gate_await(&handover->busy, 1);
	options.lane = handover->lane;
	first = work_submit(handover->pool, sees_the_other_asleep, handover, &options);
	handover->next = work_submit(handover->pool, opens, &handover->gate, &options);
	work_end(first);
	/* The next one has the lane's place now, and must not need this thread. */
	return work_at_gate(&handover->gate, out);
}

/* P7: the waiter frees the place of the lane, and goes on with something else. */
Test(helper, the_next_of_a_lane_starts_when_a_waiter_has_run_the_first)
{
	struct handover handover = { .pool = fixture_pool(2) };

	handover.lane = lane_of(handover.pool, 1);
	gate_init(&handover.busy);
	gate_init(&handover.gate);
	work_end(work_submit(handover.pool, runs_one_and_waits_at_the_gate, &handover, NULL));
	work_end(handover.next);
	ferry_lane_free(handover.lane);
	work_close(handover.pool);
}

/* ---- threads that must not wait ---- */

Test(helper, a_loops_thread_does_not_wait)
{
	ferry_pool *pool = fixture_pool(1);
	ferry_future *kept, *promise;
	struct gate gate;
	ferry_loop *loop;

	gate_init(&gate);
	work_occupy(pool, &gate, &kept, 1);
	cr_assert_eq(ferry_future_new(NULL, &promise), 0);
	loop = fixture_loop();
	cr_assert_eq(ferry_future_wait(kept, FERRY_NO_DEADLINE), -EDEADLK);
	cr_assert_eq(ferry_future_wait(promise, FERRY_NO_DEADLINE), -EDEADLK);
	cr_assert_eq(ferry_wait_any(&kept, 1, FERRY_NO_DEADLINE), -EDEADLK);
	cr_assert_eq(ferry_wait_all(&kept, 1, FERRY_ALL_COMPLETED, FERRY_NO_DEADLINE), -EDEADLK);
	ferry_loop_free(loop);
	gate_open(&gate);
	work_end(kept);
	ferry_future_unref(promise);
	work_close(pool);
}
