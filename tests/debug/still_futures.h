/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DEBUG_STILL_FUTURES_H
#define DEBUG_STILL_FUTURES_H
/*
 * Concurrent futures and jobs of a still life. What has to be inside of a function, or blocked in a
 * wait, is when futures_pose() returns: functions say that they were entered, and a thread that
 * waits has attached its node when the library parks it, which it does by syscall().
 */
#include <dlfcn.h>
#include <errno.h>
#include <ferry.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

#define NEEDS(condition)                        \
	do {                                    \
		if (!(condition))               \
			still_fail(#condition); \
	} while (0)

__attribute__((noreturn)) void still_fail(const char *what);

static ferry_pool *pool, *idle_pool;
static ferry_lane *narrow;
static ferry_future *pending, *watched, *running, *asked, *number, *text, *taken;
static ferry_future *failed, *foreign, *timed_out, *cancelled, *honoured;
static ferry_future *job_running, *job_asked, *job_done, *job_queued, *job_husk, *job_submitted;
static ferry_waiter own_waiter;
static const ferry_error *error;

/* ---- functions ---- */

static sem_t entered, gate;

static int hold(void *arg, ferry_result *out)
{
	(void)arg;
	(void)out;
	sem_post(&entered);
	while (sem_wait(&gate))
		;
	return 0;
}

static int answer(void *arg, ferry_result *out)
{
	(void)arg;
	*out = ferry_result_u64(42);
	return 0;
}

static void await_entered(void)
{
	while (sem_wait(&entered))
		;
}

static ferry_future *submit(ferry_function fn, const char *name, ferry_lane *lane)
{
	ferry_job_options options = FERRY_JOB_OPTIONS_INIT;
	ferry_future *future = NULL;

	options.name = name;
	options.lane = lane;
	NEEDS(ferry_pool_submit(pool, fn, NULL, &options, &future) == 0);
	return future;
}

/* ---- those who wait ---- */

static __thread int is_waiting;
static sem_t parked;

/* In the place of the C library's: the library parks by it, after it has attached. */
long syscall(long call, ...)
{
	long (*real)(long, ...);
	long given[6];
	va_list arguments;

	*(void **)&real = dlsym(RTLD_NEXT, "syscall");
	va_start(arguments, call);
	for (int i = 0; i < 6; i++)
		given[i] = va_arg(arguments, long);
	va_end(arguments);
	if (is_waiting) {
		is_waiting = 0;
		sem_post(&parked);
	}
	return real(call, given[0], given[1], given[2], given[3], given[4], given[5]);
}

static void *wait_for_one(void *future)
{
	is_waiting = 1;
	return (void *)(intptr_t)ferry_future_wait(future, FERRY_NO_DEADLINE);
}

static void *wait_for_any(void *future)
{
	ferry_future *both[] = { pending, future };

	is_waiting = 1;
	return (void *)(intptr_t)ferry_wait_any(both, 2, FERRY_NO_DEADLINE);
}

static void have_waited(void *(*main)(void *))
{
	pthread_t thread;

	NEEDS(pthread_create(&thread, NULL, main, watched) == 0);
	while (sem_wait(&parked))
		;
}

static void tell_me(ferry_waiter *waiter)
{
	(void)waiter;
}

/* ---- promises ---- */

static ferry_future *promise(const char *name)
{
	ferry_future_options options = FERRY_FUTURE_OPTIONS_INIT;
	ferry_future *future = NULL;

	options.name = name;
	NEEDS(ferry_future_new(&options, &future) == 0);
	return future;
}

static void promises_pose(void)
{
	ferry_result result;

	pending = promise(NULL);
	watched = promise("watched");
	running = promise(NULL);
	NEEDS(ferry_future_set_running(running) == 0);
	asked = promise(NULL);
	NEEDS(ferry_future_set_running(asked) == 0 && ferry_future_cancel(asked) == 0);
	number = promise(NULL);
	NEEDS(ferry_future_set_result(number, ferry_result_u64(7)) == 0);
	text = promise(NULL);
	NEEDS(ferry_future_set_result(text, ferry_result_pointer(malloc(8), &ferry_dispose_free)) ==
	      0);
	taken = promise(NULL);
	NEEDS(ferry_future_set_running(taken) == 0 && ferry_future_cancel(taken) == 0);
	NEEDS(ferry_future_set_result(taken, ferry_result_u64(1000)) == 0 &&
	      ferry_future_take(taken, &result) == 0);
	failed = promise(NULL);
	NEEDS(ferry_future_set_exception(failed, ferry_error_from_errno(ENOENT)) == 0);
	foreign = promise(NULL);
	NEEDS(ferry_error_new("shop", 12, "sold out", NULL, NULL, &error) == 0 &&
	      ferry_future_set_exception(foreign, error) == 0);
	timed_out = promise(NULL);
	NEEDS(ferry_future_set_exception(timed_out,
					 ferry_error_from_code(FERRY_ERROR_TIMED_OUT)) == 0);
	cancelled = promise(NULL);
	NEEDS(ferry_future_cancel(cancelled) == 1);
	honoured = promise(NULL);
	NEEDS(ferry_future_set_running(honoured) == 0 && ferry_future_cancel(honoured) == 0 &&
	      ferry_future_set_cancelled(honoured) == 0);
}

/* ---- jobs ---- */

static void pools_pose(void)
{
	ferry_pool_options options = FERRY_POOL_OPTIONS_INIT;
	ferry_lane_options lane_options = FERRY_LANE_OPTIONS_INIT;
	ferry_pool_counters counters;

	options.name = "still";
	options.max_threads = 5;
	NEEDS(ferry_pool_new(&options, &pool) == 0);
	lane_options.name = "narrow";
	lane_options.max_running = 1;
	NEEDS(ferry_lane_new(pool, &lane_options, &narrow) == 0);
	options.name = "idle";
	options.max_threads = 1;
	NEEDS(ferry_pool_new(&options, &idle_pool) == 0);
	do {
		sched_yield();
		NEEDS(ferry_pool_stats(idle_pool, &counters) == 0);
	} while (!counters.idle);
}

/* Two of the pool's five workers are in a function; locals and a task take the others. */
static void jobs_pose(void)
{
	job_done = submit(answer, NULL, NULL);
	NEEDS(ferry_future_wait(job_done, FERRY_NO_DEADLINE) == 0);
	job_running = submit(hold, "held", NULL);
	await_entered();
	job_asked = submit(hold, NULL, NULL);
	await_entered();
	NEEDS(ferry_future_cancel(job_asked) == 0);
}

/* When all workers are busy. */
static void queue_pose(void)
{
	ferry_pool_counters counters;

	job_queued = submit(answer, "later", narrow);
	job_husk = submit(answer, NULL, NULL);
	NEEDS(ferry_future_cancel(job_husk) == 1);
	/* Who asks for the counters moves what was submitted to the lanes. */
	NEEDS(ferry_pool_stats(pool, &counters) == 0);
	job_submitted = submit(answer, NULL, NULL);
}

/* When the wrapped future has its local. */
static void waiters_pose(void)
{
	have_waited(wait_for_one);
	have_waited(wait_for_any);
	own_waiter.notify = tell_me;
	NEEDS(ferry_future_attach(watched, &own_waiter) == 0);
}

static void futures_pose(void)
{
	NEEDS(sem_init(&entered, 0, 0) == 0 && sem_init(&gate, 0, 0) == 0 &&
	      sem_init(&parked, 0, 0) == 0);
	promises_pose();
	pools_pose();
	jobs_pose();
}

#endif
