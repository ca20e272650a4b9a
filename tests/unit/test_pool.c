/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * lib/pool/pool.c: options and their defaults, resize, free while a job hangs (P5), and
 * what is left of a pool after a fork (P6).
 */
#include <criterion/criterion.h>
#include <sched.h>
#include <signal.h>

#include "pool/core.h"
#include "support/work.h"

TestSuite(pool, .timeout = 30);

/* ---- options ---- */

Test(pool, its_workers_do_not_poll_where_one_cpu_is_allowed)
{
	ferry_pool *pool = work_pool(NULL);
	cpu_set_t one;

	cr_assert_eq(pool->core->may_poll, ferry_cpu_count() > 1);
	work_close(pool);
	CPU_ZERO(&one);
	CPU_SET((size_t)sched_getcpu(), &one);
	cr_assert_eq(sched_setaffinity(0, sizeof(one), &one), 0);
	pool = work_pool(NULL);
	cr_assert_not(pool->core->may_poll);
	work_close(pool);
}

Test(pool, is_made_with_its_defaults)
{
	unsigned cpus = ferry_cpu_count();
	ferry_pool *pool = work_pool(NULL);
	ferry_pool_counters books = work_books(pool);

	cr_assert_eq(books.min_threads, 1);
	cr_assert_eq(books.max_threads, cpus + 4 < 32 ? cpus + 4 : 32);
	tasks_until("ferry-", 1);
	work_close(pool);
}

Test(pool, has_at_least_as_many_threads_as_its_minimum)
{
	ferry_pool_options options = FERRY_POOL_OPTIONS_INIT;
	ferry_pool *pool;

	options.name = "forty";
	options.min_threads = 40;
	pool = work_pool(&options);
	cr_assert_eq(work_books(pool).max_threads, 40);
	tasks_until("forty-", 40);
	work_close(pool);
}

static void refuses(int error, const ferry_pool_options *options)
{
	ferry_pool *const untouched = (ferry_pool *)&error;
	ferry_pool *pool = untouched;
	unsigned before = tasks_count("");

	cr_assert_eq(ferry_pool_new(options, &pool), error);
	cr_assert_eq(pool, untouched);
	cr_assert_eq(tasks_count(""), before);
}

#define REFUSES(field, value)                                         \
	do {                                                          \
		ferry_pool_options options = FERRY_POOL_OPTIONS_INIT; \
		options.field = value;                                \
		refuses(-EINVAL, &options);                           \
	} while (0)

Test(pool, refuses_what_is_out_of_range)
{
	ferry_pool_options options = FERRY_POOL_OPTIONS_INIT;

	REFUSES(min_threads, 1025);
	REFUSES(min_threads, UINT32_MAX);
	REFUSES(max_threads, 1025);
	REFUSES(max_threads, UINT32_MAX);
	REFUSES(stack_bytes, ((size_t)64 << 10) - 1);
	REFUSES(stack_bytes, 1);
	REFUSES(stack_bytes, ((size_t)1 << 30) + 1);
	REFUSES(stack_bytes, SIZE_MAX);
	REFUSES(when_full, (ferry_when_full)3);
	REFUSES(when_full, (ferry_when_full)-1);
	REFUSES(spin_ns, 1000001);
	REFUSES(spin_ns, FERRY_NO_DEADLINE - 1);
	REFUSES(sample_every, (1u << 30) + 1);
	REFUSES(sample_every, UINT32_MAX);
	options.min_threads = 3;
	options.max_threads = 2;
	refuses(-EINVAL, &options);
	cr_assert_eq(ferry_pool_new(NULL, NULL), -EINVAL);
	options = (ferry_pool_options)FERRY_POOL_OPTIONS_INIT;
	cr_assert_eq(ferry_pool_new(&options, NULL), -EINVAL);
}

Test(pool, refuses_options_of_another_size)
{
	struct {
		ferry_pool_options options;
		uint64_t newer;
	} longer = { FERRY_POOL_OPTIONS_INIT, 1 };
	ferry_pool_options shorter = FERRY_POOL_OPTIONS_INIT;

	longer.options.size = sizeof(longer);
	refuses(-E2BIG, &longer.options);
	longer.options.size = SIZE_MAX;
	refuses(-E2BIG, &longer.options);
	shorter.size = 0;
	refuses(-EINVAL, &shorter);
	shorter.size = sizeof(size_t) - 1;
	refuses(-EINVAL, &shorter);
}

Test(pool, takes_options_of_an_older_header)
{
	ferry_pool_options options = FERRY_POOL_OPTIONS_INIT;
	ferry_pool *pool;

	options.size = offsetof(ferry_pool_options, max_threads);
	options.min_threads = 2;
	options.max_threads = 1; /* lies beyond its size */
	pool = work_pool(&options);
	cr_assert_eq(work_books(pool).min_threads, 2);
	work_close(pool);
}

/* ---- resize ---- */

static void occupy_and_count(ferry_pool *pool, unsigned count)
{
	ferry_future *futures[16], *more;
	struct gate gate;

	gate_init(&gate);
	work_occupy(pool, &gate, futures, count);
	more = work_submit(pool, work_nothing, NULL, NULL);
	cr_assert_eq(work_books(pool).running, count);
	cr_assert_eq(tasks_count("size-"), count);
	cr_assert(!ferry_future_snapshot(more).done);
	gate_open(&gate);
	for (unsigned i = 0; i < count; i++)
		work_end(futures[i]);
	work_end(more);
	gate_destroy(&gate);
}

static ferry_pool *sized_pool(unsigned min_threads, unsigned max_threads)
{
	ferry_pool_options options = FERRY_POOL_OPTIONS_INIT;

	options.name = "size";
	options.min_threads = min_threads;
	options.max_threads = max_threads;
	options.idle_timeout_ns = FERRY_NO_DEADLINE;
	return work_pool(&options);
}

Test(pool, grows_and_shrinks)
{
	static const unsigned sizes[] = { 1, 4, 2, 8, 8, 3, 1, 5 };
	ferry_pool *pool = sized_pool(1, 1);

	for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
		cr_assert_eq(ferry_pool_resize(pool, 1, sizes[i]), 0);
		tasks_until_true(tasks_count("size-") <= sizes[i]);
		occupy_and_count(pool, sizes[i]);
	}
	work_close(pool);
}

Test(pool, grows_to_a_new_minimum_at_once)
{
	ferry_pool *pool = sized_pool(1, 1);

	cr_assert_eq(ferry_pool_resize(pool, 6, 8), 0);
	cr_assert_eq(work_books(pool).threads, 6);
	cr_assert(work_books(pool).min_threads == 6 && work_books(pool).max_threads == 8);
	tasks_until("size-", 6);
	work_close(pool);
}

/* P7: what waits for a thread starts when one is allowed. */
Test(pool, grows_under_jobs_that_wait)
{
	ferry_pool *pool = sized_pool(1, 1);
	ferry_future *futures[6];
	struct gate gate;

	gate_init(&gate);
	for (unsigned i = 0; i < 6; i++)
		futures[i] = work_submit(pool, work_at_gate, &gate, NULL);
	gate_await(&gate, 1);
	cr_assert_eq(ferry_pool_resize(pool, 1, 4), 0);
	gate_await(&gate, 4);
	cr_assert_eq(work_books(pool).queued, 2);
	cr_assert_eq(ferry_pool_resize(pool, 6, 6), 0);
	gate_await(&gate, 6);
	gate_open(&gate);
	for (unsigned i = 0; i < 6; i++)
		work_end(futures[i]);
	work_close(pool);
}

Test(pool, shrinks_after_the_calls_that_its_workers_are_in)
{
	ferry_pool *pool = sized_pool(4, 4);
	ferry_future *futures[4], *more[20];
	struct gate gate;

	gate_init(&gate);
	work_occupy(pool, &gate, futures, 4);
	for (uintptr_t i = 0; i < 20; i++)
		more[i] = work_submit(pool, work_number, (void *)i, NULL);
	cr_assert_eq(ferry_pool_resize(pool, 1, 1), 0);
	cr_assert_eq(tasks_count("size-"), 4);
	gate_open(&gate);
	for (unsigned i = 0; i < 4; i++)
		work_end(futures[i]);
	for (unsigned i = 0; i < 20; i++)
		cr_assert_eq(work_end(more[i]).result.u64, i);
	tasks_until("size-", 1);
	work_close(pool);
}

static int resizes_in_child(void *pool)
{
	return ferry_pool_resize(pool, 1, 2) != -ECHILD;
}

static int fails_to_start(void *user)
{
	(void)user;
	return 1;
}

Test(pool, refuses_to_be_resized_to_nonsense)
{
	ferry_pool_options options = FERRY_POOL_OPTIONS_INIT;
	ferry_pool *pool = sized_pool(2, 3);

	cr_assert_eq(ferry_pool_resize(NULL, 1, 1), -EINVAL);
	cr_assert_eq(ferry_pool_resize(pool, 0, 1), -EINVAL);
	cr_assert_eq(ferry_pool_resize(pool, 0, 0), -EINVAL);
	cr_assert_eq(ferry_pool_resize(pool, 2, 1), -EINVAL);
	cr_assert_eq(ferry_pool_resize(pool, 1, 1025), -EINVAL);
	cr_assert_eq(ferry_pool_resize(pool, UINT32_MAX, UINT32_MAX), -EINVAL);
	cr_assert_eq(fixture_in_child(resizes_in_child, pool), 0);
	cr_assert(work_books(pool).min_threads == 2 && work_books(pool).max_threads == 3);
	cr_assert_eq(ferry_pool_shutdown(pool, FERRY_SHUTDOWN_DRAIN, FERRY_NO_DEADLINE), 0);
	cr_assert_eq(ferry_pool_resize(pool, 1, 1), -ESHUTDOWN);
	ferry_pool_free(pool);
	options.start = fails_to_start;
	pool = work_pool(&options);
	tasks_until_true(work_books(pool).threads == 0);
	cr_assert_eq(ferry_pool_resize(pool, 1, 1), -ENOTRECOVERABLE);
	ferry_pool_free(pool);
}

/* ---- free (P5) ---- */

Test(pool, is_freed_at_once_while_its_jobs_hang)
{
	ferry_pool *pool = sized_pool(2, 2);
	ferry_future *kept[2], *queued;
	struct gate gate;

	gate_init(&gate);
	work_occupy(pool, &gate, kept, 2);
	queued = work_submit(pool, work_nothing, NULL, NULL);
	cr_assert_null(ferry_pool_free(pool));
	/* Futures outlive their pool. */
	cr_assert(ferry_future_snapshot(queued).cancelled);
	ferry_future_unref(queued);
	cr_assert(!ferry_future_snapshot(kept[0]).done);
	gate_open(&gate);
	for (unsigned i = 0; i < 2; i++)
		cr_assert_null(work_end(kept[i]).exception);
	/* The last to come back frees the rest: LeakSanitizer looks for it. */
	tasks_until("size-", 0);
}

static int frees_its_pool(void *arg, ferry_result *out)
{
	(void)out;
	ferry_pool_free(arg);
	return 0;
}

Test(pool, is_freed_by_one_of_its_own_jobs)
{
	ferry_pool *pool = sized_pool(1, 1);

	cr_assert_null(work_end(work_submit(pool, frees_its_pool, pool, NULL)).exception);
	tasks_until("size-", 0);
}

Test(pool, no_pool_is_freed_for_nothing)
{
	cr_assert_null(ferry_pool_free(NULL));
}

/* ---- fork (P6) ---- */

struct inherited {
	ferry_pool *pool;
	ferry_lane *lane;
	ferry_future *running, *queued;
	ferry_map *map;
};

/* Every call says so, and none hangs: 89184, 43944. */
static int uses_everything(void *arg)
{
	struct inherited *parents = arg;
	ferry_pool_counters counters;
	ferry_future *next;
	ferry_pool *own;

	if (ferry_pool_shutdown(parents->pool, FERRY_SHUTDOWN_DRAIN, 0) != -ECHILD ||
	    ferry_pool_stats(parents->pool, &counters) != -ECHILD ||
	    ferry_future_wait(parents->running, FERRY_NO_DEADLINE) != -ECHILD ||
	    ferry_future_wait(parents->queued, FERRY_NO_DEADLINE) != -ECHILD ||
	    ferry_wait_any(&parents->queued, 1, FERRY_NO_DEADLINE) != -ECHILD ||
	    ferry_map_next(parents->map, FERRY_NO_DEADLINE, &next) != -ECHILD)
		return 1;
	ferry_future_unref(parents->running);
	ferry_future_unref(parents->queued);
	ferry_map_free(parents->map);
	ferry_lane_free(parents->lane);
	ferry_pool_free(parents->pool);
	/* A pool of its own works. */
	if (ferry_pool_new(NULL, &own))
		return 2;
	if (ferry_pool_submit(own, work_nothing, NULL, NULL, &next) ||
	    ferry_future_wait(next, FERRY_NO_DEADLINE))
		return 3;
	ferry_future_unref(next);
	if (ferry_pool_shutdown(own, FERRY_SHUTDOWN_DRAIN, FERRY_NO_DEADLINE))
		return 4;
	ferry_pool_free(own);
	return 0;
}

static int fork_while_locked(void *arg)
{
	struct inherited *parents = arg;

	return fixture_in_child(uses_everything, parents);
}

static void inherit(int (*in_parent)(void *arg))
{
	struct inherited parents = { .pool = sized_pool(1, 1) };
	void *args[3] = { NULL, NULL, NULL };
	struct gate gate;

	gate_init(&gate);
	cr_assert_eq(ferry_lane_new(parents.pool, NULL, &parents.lane), 0);
	work_occupy(parents.pool, &gate, &parents.running, 1);
	parents.queued = work_submit(parents.pool, work_nothing, NULL, NULL);
	cr_assert_eq(ferry_pool_map(parents.pool, work_nothing, args, 3, 2, NULL, &parents.map), 0);
	cr_assert_eq(in_parent(&parents), 0);
	gate_open(&gate);
	work_end(parents.running);
	work_end(parents.queued);
	ferry_map_free(parents.map);
	ferry_lane_free(parents.lane);
	work_close(parents.pool);
}

Test(pool, in_a_forks_child_every_call_says_so_and_free_frees)
{
	inherit(fork_while_locked);
}

static struct gate held, release_it;

static void *holds_the_lock(void *arg)
{
	struct core *core = ((ferry_pool *)arg)->core;

	lock_acquire(&core->lock);
	gate_wait(&held);
	gate_wait(&release_it);
	lock_release(&core->lock);
	return NULL;
}

/* Another thread was inside the pool when this one forked. */
static int fork_while_another_holds_the_lock(void *arg)
{
	struct inherited *parents = arg;
	pthread_t holder;
	int status;

	gate_init(&held);
	gate_init(&release_it);
	gate_open(&held);
	cr_assert_eq(pthread_create(&holder, NULL, holds_the_lock, parents->pool), 0);
	gate_await(&release_it, 1);
	status = fixture_in_child(uses_everything, parents);
	gate_open(&release_it);
	pthread_join(holder, NULL);
	return status;
}

Test(pool, in_a_forks_child_nothing_hangs_though_the_lock_was_held)
{
	inherit(fork_while_another_holds_the_lock);
}
