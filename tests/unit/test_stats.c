/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * lib/pool/stats.c: the books balance at every instant (P1), whatever goes on; samples
 * and histograms.
 */
#include <criterion/criterion.h>

#include "support/program.h"
#include "support/work.h"

TestSuite(stats, .timeout = 30);

/* ---- bad input ---- */

static int reads_in_child(void *pool)
{
	ferry_pool_counters counters = { .attempted = 17 };

	return ferry_pool_stats(pool, &counters) != -ECHILD || counters.attempted != 17;
}

Test(stats, refuses_bad_input_and_changes_nothing)
{
	ferry_pool_counters counters = { .attempted = 17 };
	ferry_pool *pool = fixture_pool(1);

	cr_assert_eq(ferry_pool_stats(NULL, &counters), -EINVAL);
	cr_assert_eq(ferry_pool_stats(pool, NULL), -EINVAL);
	cr_assert_eq(counters.attempted, 17);
	cr_assert_eq(fixture_in_child(reads_in_child, pool), 0);
	work_close(pool);
}

/* ---- each counter ---- */

Test(stats, of_a_new_pool_are_zero_but_for_its_threads)
{
	ferry_pool *pool = fixture_pool(3);
	ferry_pool_counters books;

	tasks_until_true(work_books(pool).idle == 3);
	books = work_books(pool);
	cr_assert(books.threads == 3 && books.min_threads == 3 && books.max_threads == 3);
	cr_assert(!books.attempted && !books.refused && !books.wakeups && !books.sampled &&
		  !books.disposed && !books.late_rings && !books.spawn_failures);
	work_close(pool);
}

Test(stats, count_each_job_where_it_is)
{
	ferry_job_options late = FERRY_JOB_OPTIONS_INIT;
	ferry_pool *pool = fixture_pool(2);
	ferry_future *kept[2], *cancelled, *expired, *queued;
	ferry_pool_counters books;
	struct gate gate;

	gate_init(&gate);
	work_end(work_submit(pool, work_nothing, NULL, NULL));
	work_occupy(pool, &gate, kept, 2);
	queued = work_submit(pool, work_nothing, NULL, NULL);
	cancelled = work_submit(pool, work_nothing, NULL, NULL);
	ferry_future_cancel(cancelled);
	late.deadline_ns = ferry_in_ns(1000);
	expired = work_submit(pool, work_nothing, NULL, &late);
	work_wait(expired);
	books = work_books(pool);
	cr_assert(books.attempted == 6 && books.refused == 0 && books.accepted == 6);
	cr_assert(books.ran == 1 && books.running == 2 && books.queued == 1);
	cr_assert(books.cancelled == 1 && books.expired == 1 && books.failed == 0);
	cr_assert(books.threads == 2 && books.idle == 0);
	gate_open(&gate);
	work_end(kept[0]);
	work_end(kept[1]);
	work_end(queued);
	ferry_future_unref(cancelled);
	ferry_future_unref(expired);
	cr_assert_eq(ferry_pool_shutdown(pool, FERRY_SHUTDOWN_DRAIN, FERRY_NO_DEADLINE), 0);
	cr_assert_eq(ferry_pool_submit(pool, work_nothing, NULL, NULL, NULL), -ESHUTDOWN);
	books = work_books(pool);
	cr_assert(books.attempted == 7 && books.refused == 1 && books.ran == 4);
	cr_assert(books.queued == 0 && books.running == 0 && books.threads == 0 && books.idle == 0);
	ferry_pool_free(pool);
}

/* A job is counted as run before anybody can see that it is done. */
Test(stats, a_job_that_was_waited_for_has_been_counted)
{
	ferry_pool *pool = fixture_pool(2);

	for (unsigned i = 1; i <= 5000; i++) {
		ferry_pool_counters books;

		work_end(work_submit(pool, work_nothing, NULL, NULL));
		books = work_books(pool);
		cr_assert(books.ran == i && books.running == 0 && books.queued == 0);
	}
	work_close(pool);
}

Test(stats, a_sleeper_that_is_woken_is_counted)
{
	ferry_pool_options options = FERRY_POOL_OPTIONS_INIT;
	ferry_pool *pool;

	options.max_threads = 1;
	options.spin_ns = FERRY_NO_DEADLINE;
	pool = work_pool(&options);
	for (unsigned i = 0; i < 50; i++) {
		tasks_until_true(work_books(pool).idle == 1);
		cr_assert_eq(work_books(pool).wakeups, i);
		work_end(work_submit(pool, work_nothing, NULL, NULL));
	}
	work_close(pool);
}

/* ---- samples ---- */

static uint64_t sum(const uint64_t *buckets)
{
	uint64_t total = 0;

	for (unsigned i = 0; i < FERRY_HISTOGRAM_BUCKETS; i++)
		total += buckets[i];
	return total;
}

static uint64_t sampled(unsigned sample_every, unsigned jobs)
{
	ferry_pool_options options = FERRY_POOL_OPTIONS_INIT;
	ferry_pool_counters books;
	ferry_pool *pool;

	options.sample_every = sample_every;
	pool = work_pool(&options);
	for (unsigned i = 0; i < jobs; i++)
		cr_assert_eq(ferry_pool_submit(pool, work_nothing, NULL, NULL, NULL), 0);
	cr_assert_eq(ferry_pool_shutdown(pool, FERRY_SHUTDOWN_DRAIN, FERRY_NO_DEADLINE), 0);
	books = work_books(pool);
	cr_assert_eq(sum(books.wait_ns), books.sampled);
	cr_assert_eq(sum(books.run_ns), books.sampled);
	ferry_pool_free(pool);
	return books.sampled;
}

/* Each is woken long after it polled, as far as 1 ns of polling can tell. */
Test(stats, polls_that_find_nothing_are_counted_and_given_up_after_a_while)
{
	ferry_pool_options options = FERRY_POOL_OPTIONS_INIT;
	ferry_pool *pool;
	uint64_t polls = 0, given_up;

	options.max_threads = 1;
	options.spin_ns = 1;
	pool = work_pool(&options);
	for (int i = 0; i < 200; i++) {
		tasks_until_true(work_books(pool).idle == 1);
		work_end(work_submit(pool, work_nothing, NULL, NULL));
		if (i < 100)
			polls = work_books(pool).polls;
	}
	given_up = work_books(pool).polls;
	cr_assert_eq(polls > 0, ferry_cpu_count() > 1);
	cr_assert_eq(given_up, polls, "it went on though nothing came");
	work_close(pool);
}

Test(stats, one_job_in_so_many_is_timed)
{
	cr_assert_eq(sampled(0, 640), 10, "64 is the default");
	cr_assert_eq(sampled(1, 640), 640);
	cr_assert_eq(sampled(64, 640), 10);
	cr_assert_eq(sampled(33, 640), 10, "rounded up to a power of two");
	cr_assert_eq(sampled(2, 640), 320);
}

static int takes_a_millisecond(void *arg, ferry_result *out)
{
	uint64_t until = ferry_in_ns(1000000);

	(void)arg;
	(void)out;
	tasks_until_true(ferry_now_ns() > until);
	return 0;
}

Test(stats, a_bucket_is_a_power_of_two)
{
	ferry_pool_options options = FERRY_POOL_OPTIONS_INIT;
	ferry_pool_counters books;
	ferry_pool *pool;
	uint64_t less = 0;

	options.sample_every = 1;
	pool = work_pool(&options);
	for (unsigned i = 0; i < 3; i++)
		work_end(work_submit(pool, takes_a_millisecond, NULL, NULL));
	cr_assert_eq(ferry_pool_shutdown(pool, FERRY_SHUTDOWN_DRAIN, FERRY_NO_DEADLINE), 0);
	books = work_books(pool);
	/* 2^19 ns are less than a millisecond, and so is what lies below. */
	for (unsigned i = 0; i < 19; i++)
		less += books.run_ns[i];
	cr_assert_eq(less, 0);
	cr_assert_eq(sum(books.run_ns), 3);
	ferry_pool_free(pool);
}

/* ---- at every instant (P1) ---- */

#define SUBMITTERS 2
#define EACH 6000

struct busy {
	ferry_pool *pool;
	ferry_lane *lane;
	uint64_t random;
};

static int submits_and_waits(void *arg, ferry_result *out)
{
	ferry_future *inner;

	(void)out;
	/* The inner one may run here before it has left the stack of submissions. */
	if (ferry_pool_submit(arg, work_nothing, NULL, NULL, &inner) == 0)
		work_end(inner);
	return 0;
}

static void *keeps_busy(void *arg)
{
	struct busy *busy = arg;
	ferry_future *held[16] = { NULL };

	for (unsigned i = 0; i < EACH; i++) {
		ferry_job_options options = FERRY_JOB_OPTIONS_INIT;
		ferry_future **slot = &held[random_below(&busy->random, 16)];

		if (random_below(&busy->random, 3) == 0)
			ferry_future_cancel(*slot);
		*slot = ferry_future_unref(*slot);
		options.lane = random_below(&busy->random, 4) ? NULL : busy->lane;
		options.deadline_ns = random_below(&busy->random, 5) ? 0 : ferry_in_ns(20000);
		ferry_pool_submit(busy->pool,
				  random_below(&busy->random, 4) ? work_nothing : submits_and_waits,
				  busy->pool, &options, slot);
	}
	for (unsigned i = 0; i < 16; i++)
		ferry_future_unref(held[i]);
	return NULL;
}

/* The counters only grow, but those that say what is there now. */
static void check_growth(const ferry_pool_counters *old, const ferry_pool_counters *now)
{
	if (now->attempted < old->attempted || now->accepted < old->accepted ||
	    now->refused < old->refused || now->ran < old->ran ||
	    now->cancelled < old->cancelled || now->expired < old->expired ||
	    now->wakeups < old->wakeups)
		fixture_die("a counter went back", 0);
	if (now->idle > now->threads || now->threads > 64)
		fixture_die("the threads are miscounted", 0);
}

static void balance(size_t max_queued, ferry_when_full when_full)
{
	ferry_lane_options narrow = FERRY_LANE_OPTIONS_INIT;
	ferry_pool_options options = FERRY_POOL_OPTIONS_INIT;
	struct busy busy[SUBMITTERS];
	pthread_t threads[SUBMITTERS];
	ferry_pool_counters books = { .attempted = 0 };
	ferry_lane *lane;
	ferry_pool *pool;

	narrow.max_running = 1;
	options.max_threads = 3;
	options.max_queued = max_queued;
	options.when_full = when_full;
	pool = work_pool(&options);
	cr_assert_eq(ferry_lane_new(pool, &narrow, &lane), 0);
	for (unsigned i = 0; i < SUBMITTERS; i++) {
		busy[i] = (struct busy){ pool, lane, i };
		cr_assert_eq(pthread_create(&threads[i], NULL, keeps_busy, &busy[i]), 0);
	}
	while (books.attempted < SUBMITTERS * EACH) {
		ferry_pool_counters now = work_books(pool);

		check_growth(&books, &now);
		books = now;
		sched_yield();
	}
	for (unsigned i = 0; i < SUBMITTERS; i++)
		pthread_join(threads[i], NULL);
	ferry_lane_free(lane);
	work_close(pool);
}

static int waits_again_and_again(void *pool, ferry_result *out)
{
	for (unsigned i = 0; i < 20; i++)
		submits_and_waits(pool, out);
	return 0;
}

/* P4: what runs inside a wait was in no lane when it started. */
Test(stats, balance_at_every_instant_while_waits_run_jobs)
{
	ferry_pool *pool = fixture_pool(1);

	for (unsigned i = 0; i < 20000; i++) {
		ferry_future *future = work_submit(pool, waits_again_and_again, pool, NULL);

		while (!ferry_future_snapshot(future).done)
			work_books(pool);
		work_end(future);
	}
	work_close(pool);
}

Test(stats, balance_at_every_instant)
{
	balance(0, FERRY_FULL_FAIL);
}

Test(stats, balance_at_every_instant_where_the_queue_is_bounded)
{
	balance(3, FERRY_FULL_FAIL);
}

Test(stats, balance_at_every_instant_where_callers_run_jobs)
{
	balance(3, FERRY_FULL_RUN);
}
