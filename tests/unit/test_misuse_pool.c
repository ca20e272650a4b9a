/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Every function of pool.h called wrongly, too late, on the wrong thread or in a fork's child:
 * its documented return, and nothing changed (E1, E3, P5, P6).
 */
#include "support/misuse.h"

TestSuite(misuse_pool, .timeout = 60);

static int must_not_run(void *arg, ferry_result *out)
{
	(void)arg;
	(void)out;
	HOLDS(!"a job that was refused runs");
	return 0;
}

static void must_not_release(void *arg)
{
	(void)arg;
	HOLDS(!"the argument of a job that was refused is released");
}

#define POOL(...) ferry_pool_new(OPTIONS(ferry_pool_options, __VA_ARGS__), &ret.pool)

/* No pool is named, so they are as wrong in a child as anywhere. */
static void nowhere(void)
{
	GIVES(ferry_pool_new(NULL, NULL), -EINVAL);
	BAD_OPTIONS(ferry_pool_options, ferry_pool_new(options, &ret.pool));
	GIVES(POOL(.min_threads = UINT_MAX), -EINVAL);
	GIVES(POOL(.min_threads = 1025, .max_threads = 1025), -EINVAL);
	GIVES(POOL(.max_threads = 1025), -EINVAL);
	GIVES(POOL(.max_threads = UINT_MAX), -EINVAL);
	GIVES(POOL(.min_threads = 3, .max_threads = 2), -EINVAL);
	GIVES(POOL(.when_full = (ferry_when_full)3), -EINVAL);
	GIVES(POOL(.when_full = (ferry_when_full)-1), -EINVAL);
	GIVES(POOL(.stack_bytes = 1), -EINVAL);
	GIVES(POOL(.stack_bytes = ((size_t)64 << 10) - 1), -EINVAL);
	GIVES(POOL(.stack_bytes = ((size_t)1 << 30) + 1), -EINVAL);
	GIVES(POOL(.stack_bytes = SIZE_MAX), -EINVAL);
	GIVES(POOL(.spin_ns = 1000001), -EINVAL);
	GIVES(POOL(.spin_ns = FERRY_NO_DEADLINE - 1), -EINVAL);
	GIVES(POOL(.sample_every = UINT_MAX), -EINVAL);
	GIVES(POOL(.interrupt_signal = -1), -EINVAL);
	GIVES(POOL(.interrupt_signal = INT_MAX), -EINVAL);
	GIVES(POOL(.interrupt_signal = SIGRTMAX + 1), -EINVAL);
	GIVES(POOL(.interrupt_signal = SIGKILL), -EINVAL);
	GIVES(POOL(.interrupt_signal = SIGSTOP), -EINVAL);
	GIVES(POOL(.interrupt_signal = SIGSEGV), -EINVAL);
	GIVES(POOL(.interrupt_signal = SIGBUS), -EINVAL);
	GIVES(POOL(.interrupt_signal = SIGFPE), -EINVAL);
	GIVES(POOL(.interrupt_signal = SIGILL), -EINVAL);
	GIVES(POOL(.interrupt_signal = SIGTRAP), -EINVAL);
	GIVES(POOL(.interrupt_signal = SIGSYS), -EINVAL);
	GIVES(ferry_pool_free(NULL) == NULL, 1);
	GIVES(ferry_pool_resize(NULL, 1, 1), -EINVAL);
	GIVES(ferry_pool_shutdown(NULL, FERRY_SHUTDOWN_ABANDON, 0), -EINVAL);
	GIVES(ferry_pool_stats(NULL, &ret.pool_counters), -EINVAL);
	GIVES(ferry_pool_lane(NULL, FERRY_LANE_ORDINARY) == NULL, 1);
	GIVES(ferry_lane_new(NULL, NULL, &ret.lane), -EINVAL);
	GIVES(ferry_lane_configure(NULL, OPTIONS(ferry_lane_options, .reserved = 0)), -EINVAL);
	GIVES(ferry_lane_stats(NULL, &ret.lane_counters), -EINVAL);
	GIVES(ferry_lane_free(NULL) == NULL, 1);
	GIVES(ferry_lane_name(NULL) == NULL, 1);
}

#define LANE(...) ferry_lane_new(stage.pool, OPTIONS(ferry_lane_options, __VA_ARGS__), &ret.lane)
#define LIMITS(...) ferry_lane_configure(stage.lane, OPTIONS(ferry_lane_options, __VA_ARGS__))

/* The pool has two workers. */
static void lanes(void)
{
	ferry_lane *fs = ferry_pool_lane(stage.pool, FERRY_LANE_FS);

	GIVES(ferry_pool_lane(stage.pool, (ferry_lane_kind)4) == NULL, 1);
	GIVES(ferry_pool_lane(stage.pool, (ferry_lane_kind)-1) == NULL, 1);
	GIVES(ferry_lane_free(fs) == NULL, 1);
	GIVES(strcmp(ferry_lane_name(fs), "fs"), 0);
	GIVES(LANE(.max_running = 1, .reserved = 2), -EINVAL);
	GIVES(LANE(.reserved = 1024), -EINVAL);
	GIVES(LANE(.reserved = UINT_MAX), -EINVAL);
	BAD_OPTIONS(ferry_lane_options, ferry_lane_configure(stage.lane, options));
	GIVES(ferry_lane_configure(stage.lane, NULL), -EINVAL);
	GIVES(LIMITS(.name = "other"), -EINVAL);
	GIVES(LIMITS(.brief = 1), -EINVAL);
	GIVES(LIMITS(.max_running = 1, .reserved = 2), -EINVAL);
	GIVES(LIMITS(.reserved = UINT_MAX), -EINVAL);
	GIVES(ferry_lane_stats(stage.lane, NULL), -EINVAL);
}

/* More than the pool can have reserved; of one that was shut down it is not looked at. */
static void reserves(void)
{
	GIVES(LANE(.reserved = 2), -EINVAL);
	GIVES(LIMITS(.reserved = 2), -EINVAL);
	GIVES(ferry_lane_configure(ferry_pool_lane(stage.pool, FERRY_LANE_CPU),
				   OPTIONS(ferry_lane_options, .reserved = 1023)), -EINVAL);
}

static void pools(void)
{
	nowhere();
	GIVES(ferry_pool_resize(stage.pool, 0, 0), -EINVAL);
	GIVES(ferry_pool_resize(stage.pool, 0, 1), -EINVAL);
	GIVES(ferry_pool_resize(stage.pool, 2, 1), -EINVAL);
	GIVES(ferry_pool_resize(stage.pool, 1, 1025), -EINVAL);
	GIVES(ferry_pool_resize(stage.pool, UINT_MAX, UINT_MAX), -EINVAL);
	GIVES(ferry_pool_shutdown(stage.pool, (ferry_shutdown)3, 0), -EINVAL);
	GIVES(ferry_pool_shutdown(stage.pool, (ferry_shutdown)-1, 0), -EINVAL);
	GIVES(ferry_pool_stats(stage.pool, NULL), -EINVAL);
	GIVES(ferry_lane_new(stage.pool, NULL, NULL), -EINVAL);
	BAD_OPTIONS(ferry_lane_options, ferry_lane_new(stage.pool, options, &ret.lane));
}

#define JOB(...) OPTIONS(ferry_job_options, .release = must_not_release, __VA_ARGS__)

static void submits(void)
{
	ferry_pool *pool = stage.pool;
	ferry_future **to = &ret.future;
	ferry_batch_job jobs[] = { { must_not_run, NULL }, { NULL, NULL } };

	GIVES(ferry_pool_submit(NULL, must_not_run, NULL, JOB(), to), -EINVAL);
	GIVES(ferry_pool_submit(pool, NULL, NULL, JOB(), to), -EINVAL);
	GIVES(ferry_pool_submit(pool, NULL, NULL, NULL, NULL), -EINVAL);
	GIVES(ferry_pool_submit(pool, must_not_run, NULL, JOB(.lane = stage.other_lane), to),
	      -EINVAL);
	/* That pool has no signal. */
	GIVES(ferry_pool_submit(pool, must_not_run, NULL, JOB(.interruptible = 1), to), -EINVAL);
	GIVES(ferry_pool_submit(pool, must_not_run, NULL, JOB(.interruptible = 2), to), -EINVAL);
	GIVES(ferry_pool_submit(pool, must_not_run, NULL, JOB(.interruptible = -1), to), -EINVAL);
	BAD_OPTIONS(ferry_job_options, ferry_pool_submit(pool, must_not_run, NULL, options, to));
	GIVES(ferry_pool_submit_batch(NULL, jobs, 1, NULL, ret.futures), -EINVAL);
	GIVES(ferry_pool_submit_batch(pool, NULL, 1, NULL, ret.futures), -EINVAL);
	GIVES(ferry_pool_submit_batch(pool, jobs, 2, JOB(), ret.futures), -EINVAL);
	GIVES(ferry_pool_submit_batch(pool, jobs, 1000001, NULL, ret.futures), -EINVAL);
	GIVES(ferry_pool_submit_batch(pool, jobs, SIZE_MAX, NULL, ret.futures), -EINVAL);
	GIVES(ferry_pool_submit_batch(pool, jobs, 1, JOB(.lane = stage.other_lane), ret.futures),
	      -EINVAL);
	GIVES(ferry_pool_submit_batch(pool, jobs, 1, JOB(.interruptible = 1), ret.futures),
	      -EINVAL);
	GIVES(ferry_pool_submit_batch(pool, NULL, 0, NULL, NULL), 0);
	BAD_OPTIONS(ferry_job_options,
		    ferry_pool_submit_batch(pool, jobs, 1, options, ret.futures));
}

static ferry_map *empty_map;

static void maps(void)
{
	ferry_pool *pool = stage.pool;
	void *args[] = { NULL };

	GIVES(ferry_pool_map(NULL, must_not_run, args, 1, 1, NULL, &ret.map), -EINVAL);
	GIVES(ferry_pool_map(pool, NULL, args, 1, 1, NULL, &ret.map), -EINVAL);
	GIVES(ferry_pool_map(pool, must_not_run, NULL, 1, 1, NULL, &ret.map), -EINVAL);
	GIVES(ferry_pool_map(pool, must_not_run, args, 1, 1, NULL, NULL), -EINVAL);
	GIVES(ferry_pool_map(pool, must_not_run, args, 1000001, 1, NULL, &ret.map), -EINVAL);
	GIVES(ferry_pool_map(pool, must_not_run, args, SIZE_MAX, SIZE_MAX, NULL, &ret.map),
	      -EINVAL);
	GIVES(ferry_pool_map(pool, must_not_run, args, 1, 1, JOB(.lane = stage.other_lane),
			     &ret.map), -EINVAL);
	GIVES(ferry_pool_map(pool, must_not_run, args, 1, 1, JOB(.interruptible = 1), &ret.map),
	      -EINVAL);
	BAD_OPTIONS(ferry_job_options,
		    ferry_pool_map(pool, must_not_run, args, 1, 1, options, &ret.map));
	GIVES(ferry_map_next(NULL, 0, &ret.future), -EINVAL);
	GIVES(ferry_map_next(empty_map, 0, NULL), -EINVAL);
	GIVES(ferry_map_next(empty_map, FERRY_NO_DEADLINE, &ret.future), 0);
	GIVES(ferry_map_free(NULL) == NULL, 1);
}

static int must_not_execute(void *user, void (*run)(void *job), void *job)
{
	(void)user;
	(void)run;
	(void)job;
	HOLDS(!"an executor has a job that was refused");
	return 0;
}

static int refuse_to_execute(void *user, void (*run)(void *job), void *job)
{
	(void)user;
	(void)run;
	(void)job;
	return -ENOBUFS;
}

static void executors(void)
{
	const ferry_executor *good = OPTIONS(ferry_executor, .execute = must_not_execute);
	const ferry_executor *full = OPTIONS(ferry_executor, .execute = refuse_to_execute);
	ferry_future **to = &ret.future;

	GIVES(ferry_executor_submit(NULL, must_not_run, NULL, NULL, to), -EINVAL);
	GIVES(ferry_executor_submit(good, NULL, NULL, NULL, to), -EINVAL);
	GIVES(ferry_executor_submit(OPTIONS(ferry_executor, .user = NULL), must_not_run, NULL, NULL,
				    to), -EINVAL);
	GIVES(ferry_executor_submit(good, must_not_run, NULL, JOB(.lane = stage.lane), to),
	      -EINVAL);
	GIVES(ferry_executor_submit(good, must_not_run, NULL, JOB(.room_deadline_ns = 1), to),
	      -EINVAL);
	GIVES(ferry_executor_submit(good, must_not_run, NULL, JOB(.interruptible = 1), to),
	      -EINVAL);
	GIVES(ferry_executor_submit(full, must_not_run, NULL, JOB(), to), -ENOBUFS);
	BAD_OPTIONS(ferry_executor, ferry_executor_submit(options, must_not_run, NULL, NULL, to));
	BAD_OPTIONS(ferry_job_options,
		    ferry_executor_submit(good, must_not_run, NULL, options, to));
}

static void all(void)
{
	pools();
	lanes();
	reserves();
	submits();
	maps();
	executors();
}

/* What asks about the job on this thread, where there is none. */
static void outside_of_a_job(void)
{
	GIVES(ferry_job_cancel_requested(), 0);
	GIVES(ferry_job_context() == NULL, 1);
	GIVES(ferry_job_name() == NULL, 1);
	GIVES(ferry_job_fail(NULL, &ret.result), -EINVAL);
	GIVES(ferry_job_fail(ferry_error_from_errno(EIO), NULL), -EINVAL);
}

Test(misuse_pool, is_refused_on_a_loops_thread_and_on_any_other_E1)
{
	misuse_begin();
	HOLDS(ferry_pool_map(stage.pool, must_not_run, NULL, 0, 0, NULL, &empty_map) == 0);
	all();
	outside_of_a_job();
	misuse_elsewhere(all);
	misuse_elsewhere(outside_of_a_job);
	ferry_map_free(empty_map);
	misuse_end();
}

/* A job that waits for the rest of its pool, or makes it wait for itself. */
static void in_a_job(void)
{
	all();
	GIVES(ferry_pool_shutdown(stage.pool, FERRY_SHUTDOWN_DRAIN, FERRY_NO_DEADLINE), -EDEADLK);
	GIVES(ferry_pool_shutdown(stage.pool, FERRY_SHUTDOWN_DRAIN, 0), -EDEADLK);
}

Test(misuse_pool, is_refused_in_a_job_and_in_a_callback_E1)
{
	misuse_begin();
	HOLDS(ferry_pool_map(stage.pool, must_not_run, NULL, 0, 0, NULL, &empty_map) == 0);
	misuse_in_a_job(in_a_job);
	misuse_in_a_callback(all);
	misuse_in_a_callback(outside_of_a_job);
	ferry_map_free(empty_map);
	misuse_end();
}

/* ---- where it would block ---- */

/* The pool is full, and lets who submits wait for room. */
static void without_room(void)
{
	ferry_pool *pool = stage.pool;
	ferry_batch_job jobs[] = { { must_not_run, NULL }, { must_not_run, NULL } };
	void *args[] = { NULL };

	REFUSED(ferry_pool_submit(pool, must_not_run, NULL, JOB(), &ret.future), -EDEADLK, 1);
	REFUSED(ferry_pool_submit(pool, must_not_run, NULL, JOB(.room_deadline_ns = 1),
				  &ret.future), -EDEADLK, 1);
	REFUSED(ferry_pool_submit_batch(pool, jobs, 2, JOB(), ret.futures), -EDEADLK, 1);
	REFUSED(ferry_pool_map(pool, must_not_run, args, 1, 0, JOB(), &ret.map), -EDEADLK, 1);
}

static int fill_and_do_rows(void *arg, ferry_result *out)
{
	ferry_future **queued = arg;

	(void)out;
	*queued = work_submit(stage.pool, work_nothing, NULL, NULL);
	without_room();
	return 0;
}

Test(misuse_pool, does_not_wait_for_room_on_a_loops_thread_nor_on_a_worker_of_its_own_E1)
{
	ferry_pool_options options = { .size = sizeof(options), .max_threads = 1, .max_queued = 1,
				       .when_full = FERRY_FULL_BLOCK };
	ferry_future *queued, *inside;
	struct gate gate;

	/* The busy job of the stage's own goes with its pool. */
	misuse_begin();
	gate_open(&stage.gate);
	ferry_pool_shutdown(stage.pool, FERRY_SHUTDOWN_DRAIN, FERRY_NO_DEADLINE);
	ferry_pool_free(stage.pool);
	stage.lane = ferry_lane_free(stage.lane);
	stage.pool = work_pool(&options);
	HOLDS(ferry_pool_submit(stage.pool, fill_and_do_rows, &queued, NULL, &inside) == 0);
	while (!ferry_future_snapshot(inside).done)
		sched_yield();
	ferry_future_unref(inside);
	tasks_until_true(ferry_future_snapshot(queued).done);
	ferry_future_unref(queued);

	gate_init(&gate);
	work_occupy(stage.pool, &gate, &inside, 1);
	queued = work_submit(stage.pool, work_nothing, NULL, NULL);
	without_room();
	misuse_in_a_callback(without_room);
	gate_open(&gate);
	ferry_future_unref(inside);
	tasks_until_true(ferry_future_snapshot(queued).done);
	ferry_future_unref(queued);
	misuse_end();
}

static ferry_map *map;

static void next_blocks(void)
{
	GIVES(ferry_map_next(map, FERRY_NO_DEADLINE, &ret.future), -EDEADLK);
	GIVES(ferry_map_next(map, 0, &ret.future), -EDEADLK);
}

Test(misuse_pool, does_not_wait_for_the_next_of_a_map_on_a_loops_thread_E1)
{
	void *args[] = { &stage.gate };

	misuse_begin();
	HOLDS(ferry_pool_map(stage.pool, work_at_gate, args, 1, 0, NULL, &map) == 0);
	gate_await(&stage.gate, 2);
	next_blocks();
	misuse_in_a_callback(next_blocks);
	gate_open(&stage.gate);
	ferry_map_free(map);
	misuse_end();
}

/* ---- too late ---- */

/* Shut down, or left behind by a fork. */
static void gone(void)
{
	ferry_pool *pool = stage.pool;
	ferry_batch_job jobs[] = { { must_not_run, NULL }, { must_not_run, NULL } };
	ferry_job_options *job = JOB(.lane = stage.lane);
	ferry_executor *full = OPTIONS(ferry_executor, .execute = refuse_to_execute);
	void *args[] = { NULL };
	uint64_t counts = misuse_column == 0;
	int why = misuse_column == 0 ? -ESHUTDOWN : -ECHILD;

	REFUSED(ferry_pool_submit(pool, must_not_run, NULL, JOB(), &ret.future), why, counts);
	REFUSED(ferry_pool_submit(pool, must_not_run, NULL, job, NULL), why, counts);
	REFUSED(ferry_pool_submit_batch(pool, jobs, 2, job, ret.futures), why, 2 * counts);
	REFUSED(ferry_pool_map(pool, must_not_run, args, 1, 0, job, &ret.map), why, counts);
	REFUSED(ferry_map_next(map, FERRY_NO_DEADLINE, &ret.future), why, counts);
	GIVES(ferry_pool_resize(pool, 1, 1), why);
	GIVES(ferry_pool_resize(pool, 4, 8), why);
	GIVES(ferry_lane_new(pool, NULL, &ret.lane), why);
	GIVES(LIMITS(.max_running = 7, .max_queued = 7), why);
	GIVES(strcmp(ferry_lane_name(stage.lane), "lane"), 0);
	GIVES(ferry_executor_submit(full, must_not_run, NULL, JOB(), &ret.future), -ENOBUFS);
	/*                                                                    shut down  child */
	EACH(ferry_pool_stats(pool, &ret.pool_counters),                      FINE, -ECHILD);
	EACH(ferry_lane_stats(stage.lane, &ret.lane_counters),                FINE, -ECHILD);
	EACH(ferry_pool_lane(pool, FERRY_LANE_DNS) == NULL,                   0, 1);
	EACH(ferry_pool_shutdown(pool, FERRY_SHUTDOWN_DRAIN, 0),              0, -ECHILD);
	EACH(ferry_pool_shutdown(pool, FERRY_SHUTDOWN_CANCEL, 0),             0, -ECHILD);
	EACH(ferry_pool_shutdown(pool, FERRY_SHUTDOWN_ABANDON, 0),            0, -ECHILD);
	EACH(ferry_pool_submit_batch(pool, NULL, 0, NULL, NULL),              0, -ECHILD);
}

static void shut_down(ferry_shutdown mode)
{
	void *args[] = { NULL, NULL };
	ferry_future *first;

	misuse_begin();
	/* The second could not be submitted while the first was looked at. */
	HOLDS(ferry_pool_map(stage.pool, work_nothing, args, 2, 1, NULL, &map) == 0);
	HOLDS(ferry_pool_map(stage.pool, must_not_run, NULL, 0, 0, NULL, &empty_map) == 0);
	gate_open(&stage.gate);
	HOLDS(ferry_pool_shutdown(stage.pool, FERRY_SHUTDOWN_DRAIN, FERRY_NO_DEADLINE) == 0);
	HOLDS(ferry_pool_shutdown(stage.pool, mode, FERRY_NO_DEADLINE) == 0);
	HOLDS(ferry_map_next(map, FERRY_NO_DEADLINE, &first) == 1);
	ferry_future_unref(first);
	misuse_column = 0;
	gone();
	misuse_elsewhere(gone);
	misuse_in_a_callback(gone);
	/* What is wrong in any case is still refused. */
	misuse_elsewhere(pools);
	misuse_elsewhere(lanes);
	misuse_elsewhere(executors);
	ferry_map_free(map);
	ferry_map_free(empty_map);
	stage.pool = ferry_pool_free(stage.pool);
	misuse_end();
}

Test(misuse_pool, is_refused_after_a_shutdown_that_drained_P5)
{
	shut_down(FERRY_SHUTDOWN_DRAIN);
}

Test(misuse_pool, is_refused_after_a_shutdown_that_cancelled_P5)
{
	shut_down(FERRY_SHUTDOWN_CANCEL);
}

Test(misuse_pool, is_refused_after_a_shutdown_that_abandoned_P5)
{
	shut_down(FERRY_SHUTDOWN_ABANDON);
}

static void in_a_child(void)
{
	misuse_column = 1;
	gone();
	nowhere();
	executors();
	outside_of_a_job();
	GIVES(ferry_map_free(map) == NULL, 1);
	GIVES(ferry_lane_free(stage.other_lane) == NULL, 1);
	GIVES((stage.pool = ferry_pool_free(stage.pool)) == NULL, 1);
	GIVES((stage.other_pool = ferry_pool_free(stage.other_pool)) == NULL, 1);
	GIVES(strcmp(ferry_lane_name(stage.lane), "lane"), 0);
	GIVES(ferry_lane_free(stage.lane) == NULL, 1);
}

Test(misuse_pool, is_refused_in_a_child_P6)
{
	void *args[] = { &stage.gate };

	misuse_begin();
	HOLDS(ferry_pool_map(stage.pool, work_at_gate, args, 1, 0, NULL, &map) == 0);
	HOLDS(ferry_pool_map(stage.pool, must_not_run, NULL, 0, 0, NULL, &empty_map) == 0);
	gate_await(&stage.gate, 2);
	misuse_in_a_child(in_a_child);
	gate_open(&stage.gate);
	ferry_map_free(map);
	ferry_map_free(empty_map);
	misuse_end();
}

/* Futures and lanes outlive their pool. */
static void outlived(void)
{
	ferry_waiter waiter = { NULL, NULL };
	ferry_future *queued = stage.failed;

	GIVES(ferry_future_snapshot(queued).cancelled, 1);
	GIVES(ferry_future_take(queued, &ret.result), -ENODATA);
	GIVES(ferry_future_cancel(queued), -EALREADY);
	GIVES(ferry_future_cancel_requested(queued), 1);
	GIVES(ferry_future_wait(queued, FERRY_NO_DEADLINE), 0);
	GIVES(ferry_future_detach(queued, &waiter), 0);
	GIVES(strcmp(ferry_future_name(queued), "queued"), 0);
	GIVES(ferry_future_take(stage.running, &ret.result), -EAGAIN);
	GIVES(ferry_future_set_cancelled(stage.running), -EPERM);
	GIVES(strcmp(ferry_lane_name(stage.lane), "lane"), 0);
}

Test(misuse_pool, what_outlives_a_freed_pool_says_so_P5)
{
	struct gate other;
	ferry_future *second;

	misuse_begin();
	gate_init(&other);
	work_occupy(stage.pool, &other, &second, 1);
	ferry_future_unref(stage.failed);
	stage.failed = work_submit(stage.pool, must_not_run, NULL,
				   OPTIONS(ferry_job_options, .name = "queued"));
	stage.pool = ferry_pool_free(stage.pool);
	outlived();
	misuse_elsewhere(outlived);
	gate_open(&other);
	tasks_until_true(ferry_future_snapshot(second).done);
	ferry_future_unref(second);
	misuse_end();
}
