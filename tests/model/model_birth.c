/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Workers that are being made, or cannot be, as their pool begins, breaks or ends, by every
 * interleaving (P2, P5, F7).
 *
 * Whoever relied on one that was not born in the end must not wait for it. model_birth --help
 * says how to replay a schedule.
 */
#include <errno.h>
#include <ferry/loop.h>
#include <ferry/pool.h>

#include "base/atomic.h"
#include "model/jobs.h"
#include "seam/scene.h"

/* ---- pools that break ---- */

static int fail_to_start(void *user)
{
	(void)user;
	return -1;
}

static void begin_broken(unsigned failing)
{
	ferry_pool_options options = jobs_options(2, 2);
	ferry_pool *pool;
	int error;

	options.start = fail_to_start;
	machine_fail_threads(failing);
	error = ferry_pool_new(&options, &pool);
	CHECK(error == 0 || (error == -EAGAIN && failing & 1));
	if (error)
		return;
	scene_settle();
	CHECK(ferry_pool_submit(pool, jobs_nothing, NULL, NULL, NULL) == -ENOTRECOVERABLE);
	jobs_end(pool);
}

/* P2: the first worker breaks the pool while the second is made. */
static void broken_as_it_begins(void)
{
	begin_broken(0);
}

/* P2: or while it cannot be made: one worker there was, so the pool is made, and broken. */
static void broken_as_it_begins_without_threads(void)
{
	begin_broken(scene_pick(2) ? 2 : 1);
}

static int fail_to_start_but_once(void *user)
{
	/* Relaxed: a count. */
	return atomic_fetch_add_explicit((_Atomic unsigned *)user, 1, memory_order_relaxed) ? -1
											    : 0;
}

static void resize(void *pool)
{
	int error = ferry_pool_resize(pool, 2, 2);

	CHECK(error == 0 || error == -ESHUTDOWN || error == -ENOTRECOVERABLE);
}

/* P2: two resizes make a worker that breaks the pool. */
static void broken_as_it_grows(void)
{
	ferry_pool_options options = jobs_options(1, 1);
	ferry_pool_counters counters;
	ferry_future *future;
	ferry_pool *pool;
	_Atomic unsigned starts = 0;
	unsigned other;
	int error;

	options.start = fail_to_start_but_once;
	options.user = (void *)&starts;
	pool = jobs_pool_by(&options);
	other = scene_start("resizer", resize, pool);
	resize(pool);
	error = ferry_pool_submit(pool, jobs_nothing, NULL, NULL, &future);
	CHECK(error == 0 || error == -ENOTRECOVERABLE);
	if (!error) {
		CHECK(ferry_future_wait(future, FERRY_NO_DEADLINE) == 0);
		ferry_future_unref(future);
	}
	scene_join(other);
	scene_settle();
	CHECK(ferry_pool_stats(pool, &counters) == 0);
	CHECK(counters.threads == 0);
	jobs_end(pool);
}

/* ---- pools that end ---- */

static void end_while_it_grows(ferry_shutdown mode, unsigned failing)
{
	ferry_pool *pool = jobs_pool(1, 1);
	ferry_future *future = jobs_submit(pool);
	unsigned other;
	int running;

	machine_fail_threads(failing);
	other = scene_start("resizer", resize, pool);
	running = ferry_pool_shutdown(pool, mode, FERRY_NO_DEADLINE);
	CHECK(running == 0 || mode == FERRY_SHUTDOWN_ABANDON);
	scene_join(other);
	CHECK(ferry_future_wait(future, FERRY_NO_DEADLINE) == 0);
	CHECK(mode != FERRY_SHUTDOWN_DRAIN || !ferry_future_snapshot(future).cancelled);
	ferry_future_unref(future);
	scene_settle();
	jobs_end(pool);
}

/* P5 */
static void drained_while_it_grows(void)
{
	end_while_it_grows(FERRY_SHUTDOWN_DRAIN, 0);
}

static void drained_while_it_cannot_grow(void)
{
	end_while_it_grows(FERRY_SHUTDOWN_DRAIN, 1);
}

static void abandoned_while_it_cannot_grow(void)
{
	end_while_it_grows(FERRY_SHUTDOWN_ABANDON, 1);
}

/* ---- results that only the pool may dispose of ---- */

static _Atomic unsigned disposed;

static void dispose(const ferry_result *result)
{
	(void)result;
	/* Relaxed here and below: a count, by a thread that nobody joins. */
	atomic_fetch_add_explicit(&disposed, 1, memory_order_relaxed);
}

static const ferry_disposer disposer = { FERRY_DISPOSE_BLOCKING, dispose };

static int give(void *arg, ferry_result *out)
{
	*out = ferry_result_pointer(arg, &disposer);
	return 0;
}

static void drop_on_a_loop(void *future)
{
	ferry_loop *loop;

	CHECK(ferry_loop_new(NULL, &loop) == 0);
	ferry_future_unref(future);
	CHECK(ferry_loop_free(loop) == 0);
}

/* F7: the last worker leaves a result to one that is being made, and then cannot be; nor, perhaps,
 * can others for the result. */
static void ended_while_a_result_is_left_to_who_is_not_born(void)
{
	ferry_pool *pool = jobs_pool(1, 1);
	unsigned resizer, dropper;
	ferry_future *future;

	atomic_store_explicit(&disposed, 0, memory_order_relaxed);
	scene_quiet_begin();
	CHECK(ferry_pool_submit(pool, give, NULL, NULL, &future) == 0);
	CHECK(ferry_future_wait(future, FERRY_NO_DEADLINE) == 0);
	scene_settle();
	scene_quiet_end();
	machine_fail_threads(1 + scene_pick(3));
	resizer = scene_start("resizer", resize, pool);
	dropper = scene_start("loop", drop_on_a_loop, future);
	CHECK(ferry_pool_shutdown(pool, FERRY_SHUTDOWN_ABANDON, 0) >= 0);
	scene_join(dropper);
	scene_join(resizer);
	scene_settle();
	CHECK(atomic_load_explicit(&disposed, memory_order_relaxed) == 1);
	jobs_end(pool);
}

/* A pool of one worker that has ended, and two results that it gave. */
static ferry_pool *end_with_results(ferry_future *futures[2])
{
	ferry_pool *pool = jobs_pool(1, 1);

	atomic_store_explicit(&disposed, 0, memory_order_relaxed);
	for (unsigned i = 0; i < 2; i++) {
		CHECK(ferry_pool_submit(pool, give, NULL, NULL, &futures[i]) == 0);
		CHECK(ferry_future_wait(futures[i], FERRY_NO_DEADLINE) == 0);
	}
	CHECK(ferry_pool_shutdown(pool, FERRY_SHUTDOWN_DRAIN, FERRY_NO_DEADLINE) == 0);
	scene_settle();
	return pool;
}

static void check_all_disposed(void)
{
	scene_settle();
	CHECK(atomic_load_explicit(&disposed, memory_order_relaxed) == 2);
}

/* F7: two loops let go of results of a pool that is gone; each thread can be made, or cannot. */
static void dropped_by_two_after_the_end(void)
{
	ferry_future *futures[2];
	unsigned first, second;

	scene_quiet_begin();
	jobs_end(end_with_results(futures));
	scene_quiet_end();
	machine_fail_threads(scene_pick(4));
	first = scene_start("loop", drop_on_a_loop, futures[0]);
	second = scene_start("other loop", drop_on_a_loop, futures[1]);
	scene_join(first);
	scene_join(second);
	check_all_disposed();
}

/* F7: the same while the pool is freed. */
static void dropped_by_one_as_the_pool_is_freed(void)
{
	ferry_future *futures[2];
	unsigned other;
	ferry_pool *pool;

	scene_quiet_begin();
	pool = end_with_results(futures);
	scene_quiet_end();
	machine_fail_threads(scene_pick(4));
	other = scene_start("loop", drop_on_a_loop, futures[0]);
	ferry_future_unref(futures[1]);
	ferry_pool_free(pool);
	scene_join(other);
	check_all_disposed();
}

static const struct scene scenes[] = {
	{ "break", broken_as_it_begins, 3, 4 },
	{ "break-fails", broken_as_it_begins_without_threads, 3, 4 },
	{ "break-grows", broken_as_it_grows, 2, 3 },
	{ "drain", drained_while_it_grows, 2, 3 },
	{ "drain-fails", drained_while_it_cannot_grow, 2, 3 },
	{ "abandon-fails", abandoned_while_it_cannot_grow, 2, 3 },
	{ "dispose", ended_while_a_result_is_left_to_who_is_not_born, 2, 3 },
	{ "dispose-late", dropped_by_two_after_the_end, 2, 3 },
	{ "dispose-free", dropped_by_one_as_the_pool_is_freed, 2, 3 },
};

int main(int count, char **arguments)
{
	return explore(count, arguments, scenes, sizeof(scenes) / sizeof(*scenes));
}
