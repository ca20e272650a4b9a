/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * lib/pool/shutdown.c again: who runs the disposers that may block as a pool ends, and when it has
 * ended (F7, P5). Workers while there are any; then who waited for the end; else threads made for
 * that, as many as the pool could have; and where none can be made whoever has the result.
 */
#include <criterion/criterion.h>
#include <errno.h>
#include <sched.h>

#include "future/future.h"
#include "support/births.h"
#include "support/disposal.h"
#include "support/work.h"

TestSuite(disposers, .timeout = 30);

#define RESULTS 6

/* Their disposers wait at one gate. */
static struct disposal disposals[RESULTS];
static ferry_future *futures[RESULTS];
static struct gate gate, jobs;
static ferry_future *kept;
static ferry_pool *pool;

static void dispose(const ferry_result *result)
{
	gate_wait(&gate);
	disposal_note(result);
}

static const ferry_disposer at_gate = { FERRY_DISPOSE_BLOCKING, dispose };

static int gives(void *disposal, ferry_result *out)
{
	*out = ferry_result_pointer(disposal, &at_gate);
	return 0;
}

static void begin(unsigned threads, unsigned count)
{
	pool = fixture_pool(threads);
	gate_init(&gate);
	for (unsigned i = 0; i < count; i++) {
		disposal_init(&disposals[i]);
		futures[i] = work_submit(pool, gives, &disposals[i], NULL);
	}
	for (unsigned i = 0; i < count; i++)
		work_wait(futures[i]);
}

static void drop(unsigned i)
{
	futures[i] = ferry_future_unref(futures[i]);
}

static void drop_on_a_loop(void *number)
{
	ferry_loop *loop = fixture_loop();

	drop((unsigned)(uintptr_t)number);
	ferry_loop_free(loop);
}

static void drop_elsewhere(uintptr_t i)
{
	fixture_elsewhere(drop_on_a_loop, (void *)i);
}

static bool was_disposed_of_here(unsigned i)
{
	return disposal_count(&disposals[i]) == 1 && pthread_equal(disposals[i].by, pthread_self());
}

static void check_elsewhere(unsigned i)
{
	disposal_await(&disposals[i]);
	cr_assert_eq(disposal_count(&disposals[i]), 1);
	cr_assert(!pthread_equal(disposals[i].by, pthread_self()));
}

/* ---- when it has ended ---- */

Test(disposers, F7_no_more_threads_are_made_for_results_than_the_pool_could_have)
{
	unsigned threads = tasks_all();
	ferry_loop *loop;

	begin(2, RESULTS);
	work_close(pool);
	loop = fixture_loop();
	births_limit(RESULTS);
	for (unsigned i = 0; i < RESULTS - 1; i++)
		drop(i);
	gate_await(&gate, 2);
	cr_assert_eq(births_left, RESULTS - 2);
	gate_open(&gate);
	for (unsigned i = 0; i < RESULTS - 1; i++)
		check_elsewhere(i);
	/* They leave, and the next result has one made. */
	tasks_until_true(tasks_all() == threads);
	drop(RESULTS - 1);
	check_elsewhere(RESULTS - 1);
	cr_assert_eq(births_left, RESULTS - 3);
	ferry_loop_free(loop);
}

Test(disposers, F7_where_no_thread_can_be_made_a_loops_thread_disposes)
{
	ferry_loop *loop;

	begin(1, 1);
	gate_open(&gate);
	work_close(pool);
	loop = fixture_loop();
	births_limit(0);
	drop(0);
	cr_assert(was_disposed_of_here(0));
	ferry_loop_free(loop);
}

/* What the library lets go of itself never runs a disposer, unless nobody else can. */
Test(disposers, F7_where_no_thread_can_be_made_what_is_forgotten_is_disposed_of)
{
	begin(1, 1);
	gate_open(&gate);
	work_close(pool);
	births_limit(0);
	future_forget(futures[0]);
	cr_assert(was_disposed_of_here(0));
}

Test(disposers, F7_where_no_more_thread_can_be_made_the_one_there_is_disposes)
{
	ferry_loop *loop;

	begin(2, 3);
	work_close(pool);
	loop = fixture_loop();
	drop(0);
	gate_await(&gate, 1);
	births_limit(0);
	drop(1);
	drop(2);
	cr_assert_eq(gate_come(&gate), 1);
	gate_open(&gate);
	for (unsigned i = 0; i < 3; i++)
		check_elsewhere(i);
	ferry_loop_free(loop);
}

/* ---- who shuts it down ---- */

static void *open_for_two(void *arg)
{
	gate_await(&gate, 2);
	gate_open(&gate);
	return arg;
}

Test(disposers, F7_a_shutdown_that_ended_in_time_leaves_nothing_that_nobody_has_begun)
{
	pthread_t opener;

	begin(1, 2);
	work_end(work_submit(pool, work_nothing, NULL, NULL));
	cr_assert_eq(ferry_pool_shutdown(pool, FERRY_SHUTDOWN_DRAIN, FERRY_NO_DEADLINE), 0);
	drop_elsewhere(0);
	gate_await(&gate, 1);
	/* The one thread that may be made for it is at the gate. */
	drop_elsewhere(1);
	cr_assert_eq(pthread_create(&opener, NULL, open_for_two, NULL), 0);
	cr_assert_eq(ferry_pool_shutdown(pool, FERRY_SHUTDOWN_CANCEL, 0), 0);
	cr_assert(was_disposed_of_here(1));
	pthread_join(opener, NULL);
	check_elsewhere(0);
	work_close(pool);
}

static void *open_in_a_while(void *arg)
{
	for (int i = 0; i < 1000; i++)
		sched_yield();
	gate_open(&gate);
	return arg;
}

/* Else what was open before would still be for a moment. */
Test(disposers, F7_a_shutdown_waits_for_who_disposes_already)
{
	pthread_t opener;

	begin(1, 1);
	cr_assert_eq(ferry_pool_shutdown(pool, FERRY_SHUTDOWN_DRAIN, FERRY_NO_DEADLINE), 0);
	drop_elsewhere(0);
	gate_await(&gate, 1);
	cr_assert_eq(pthread_create(&opener, NULL, open_in_a_while, NULL), 0);
	cr_assert_eq(ferry_pool_shutdown(pool, FERRY_SHUTDOWN_DRAIN, FERRY_NO_DEADLINE), 0);
	cr_assert_eq(disposal_count(&disposals[0]), 1);
	pthread_join(opener, NULL);
	work_close(pool);
}

Test(disposers, F7_a_shutdown_on_a_loops_thread_that_ended_in_time_leaves_results_to_a_thread)
{
	ferry_loop *loop;

	begin(1, 2);
	loop = fixture_loop();
	cr_assert_eq(ferry_pool_shutdown(pool, FERRY_SHUTDOWN_DRAIN, FERRY_NO_DEADLINE), 0);
	drop(0);
	gate_await(&gate, 1);
	drop(1);
	cr_assert_eq(ferry_pool_shutdown(pool, FERRY_SHUTDOWN_DRAIN, 0), 0);
	cr_assert_eq(gate_come(&gate), 1);
	gate_open(&gate);
	check_elsewhere(0);
	check_elsewhere(1);
	cr_assert_eq(work_books(pool).disposed, 2);
	ferry_loop_free(loop);
	work_close(pool);
}

static _Atomic int said;

static void shut_down(const ferry_result *result)
{
	said = ferry_pool_shutdown(result->pointer, FERRY_SHUTDOWN_DRAIN, FERRY_NO_DEADLINE);
}

static const ferry_disposer shutting_down = { FERRY_DISPOSE_BLOCKING, shut_down };

static int gives_what_shuts_down(void *of, ferry_result *out)
{
	*out = ferry_result_pointer(of, &shutting_down);
	return 0;
}

static void drop_future_on_a_loop(void *future)
{
	ferry_loop *loop = fixture_loop();

	ferry_future_unref(future);
	ferry_loop_free(loop);
}

/* It would wait for itself. */
Test(disposers, P5_a_shutdown_in_a_disposer_is_refused_where_there_is_no_worker_too)
{
	ferry_future *future;

	pool = fixture_pool(1);
	future = work_submit(pool, gives_what_shuts_down, pool, NULL);
	work_wait(future);
	cr_assert_eq(ferry_pool_shutdown(pool, FERRY_SHUTDOWN_DRAIN, FERRY_NO_DEADLINE), 0);
	fixture_elsewhere(drop_future_on_a_loop, future);
	while (!said)
		sched_yield();
	cr_assert_eq(said, -EDEADLK);
	work_close(pool);
}

/* The only worker is inside a call, and so a result that was dropped on a loop's thread waits. */
static void keep_and_drop(void)
{
	begin(1, 1);
	gate_init(&jobs);
	work_occupy(pool, &jobs, &kept, 1);
	drop_elsewhere(0);
}

static void end_kept(void)
{
	gate_open(&jobs);
	work_end(kept);
}

Test(disposers, P5_a_shutdown_that_waits_no_longer_does_not_wait_for_disposers)
{
	for (int mode = FERRY_SHUTDOWN_DRAIN; mode <= FERRY_SHUTDOWN_ABANDON; mode++) {
		keep_and_drop();
		cr_assert_eq(ferry_pool_shutdown(pool, (ferry_shutdown)mode, 0), 1);
		/* Somebody does it, though the worker does not come. */
		gate_await(&gate, 1);
		gate_open(&gate);
		check_elsewhere(0);
		end_kept();
		work_close(pool);
	}
}

Test(disposers, F7_a_result_that_comes_after_the_end_is_not_left_to_a_worker_that_hangs)
{
	begin(1, 1);
	gate_open(&gate);
	gate_init(&jobs);
	work_occupy(pool, &jobs, &kept, 1);
	cr_assert_eq(ferry_pool_shutdown(pool, FERRY_SHUTDOWN_ABANDON, 0), 1);
	drop_elsewhere(0);
	check_elsewhere(0);
	end_kept();
	work_close(pool);
}

Test(disposers, P5_free_does_not_wait_for_disposers)
{
	keep_and_drop();
	ferry_pool_free(pool);
	gate_await(&gate, 1);
	gate_open(&gate);
	check_elsewhere(0);
	end_kept();
}

Test(disposers, P5_a_shutdown_that_can_make_no_thread_leaves_results_to_the_worker)
{
	keep_and_drop();
	births_limit(0);
	cr_assert_eq(ferry_pool_shutdown(pool, FERRY_SHUTDOWN_ABANDON, 0), 1);
	cr_assert_eq(gate_come(&gate), 0);
	gate_open(&gate);
	end_kept();
	check_elsewhere(0);
	work_close(pool);
}
