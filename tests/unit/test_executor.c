/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * lib/pool/executor.c: our jobs on somebody else's pool; the future is completed by
 * whatever thread runs the job there.
 */
#include <criterion/criterion.h>

#include "support/token.h"
#include "support/work.h"

TestSuite(executor, .timeout = 30);

/* ---- somebody else's pools ---- */

struct call {
	void (*run)(void *job);
	void *job;
};

static void *runs_on_a_thread(void *arg)
{
	struct call call = *(struct call *)arg;

	free(arg);
	call.run(call.job);
	return NULL;
}

/* A thread for each job, that exits at once. */
static int thread_for_each(void *user, void (*run)(void *job), void *job)
{
	struct call *call = malloc(sizeof(*call));
	pthread_attr_t attributes;
	pthread_t thread;
	int error;

	(void)user;
	*call = (struct call){ run, job };
	pthread_attr_init(&attributes);
	pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
	error = pthread_create(&thread, &attributes, runs_on_a_thread, call);
	pthread_attr_destroy(&attributes);
	if (error)
		free(call);
	return -error;
}

/* Within execute itself. */
static int at_once(void *user, void (*run)(void *job), void *job)
{
	(void)user;
	run(job);
	return 0;
}

/* When the test says so. */
static int later(void *user, void (*run)(void *job), void *job)
{
	*(struct call *)user = (struct call){ run, job };
	return 0;
}

static int refuses(void *user, void (*run)(void *job), void *job)
{
	(void)run;
	(void)job;
	++*(int *)user;
	return -EBUSY;
}

static ferry_future *execute(const ferry_executor *executor, ferry_function fn, void *arg,
			     const ferry_job_options *options)
{
	ferry_future *future;

	cr_assert_eq(ferry_executor_submit(executor, fn, arg, options, &future), 0);
	return future;
}

/* ---- outcomes ---- */

Test(executor, completes_futures_on_foreign_threads_that_exit)
{
	ferry_executor executor = { sizeof(executor), thread_for_each, NULL };
	ferry_future *futures[200];

	for (uintptr_t i = 0; i < 200; i++)
		futures[i] = execute(&executor, work_number, (void *)i, NULL);
	for (unsigned i = 0; i < 200; i++)
		cr_assert_eq(work_end(futures[i]).result.u64, i);
}

Test(executor, may_run_the_job_at_once)
{
	ferry_executor executor = { sizeof(executor), at_once, NULL };
	ferry_future *future = execute(&executor, work_number, (void *)3, NULL);

	cr_assert(ferry_future_snapshot(future).done);
	cr_assert_eq(work_end(future).result.u64, 3);
}

static int fails(void *arg, ferry_result *out)
{
	(void)out;
	return *(int *)arg;
}

Test(executor, gives_exceptions_and_cancellations)
{
	ferry_executor executor = { sizeof(executor), at_once, NULL };
	int returned = -ENOSPC;

	cr_assert_eq(work_end(execute(&executor, fails, &returned, NULL)).exception,
		     ferry_error_from_errno(ENOSPC));
	returned = -ECANCELED;
	cr_assert(work_end(execute(&executor, fails, &returned, NULL)).cancelled);
}

static int gives_a_token(void *arg, ferry_result *out)
{
	*out = token_result(arg, &token_anywhere);
	return 0;
}

/* F7 */
Test(executor, a_result_that_nobody_takes_is_disposed_of_once)
{
	ferry_executor executor = { sizeof(executor), at_once, NULL };
	struct token token = { .disposed = 0 };

	cr_assert_eq(ferry_executor_submit(&executor, gives_a_token, &token, NULL, NULL), 0);
	cr_assert_eq(token.disposed, 1);
	ferry_future_unref(execute(&executor, gives_a_token, &token, NULL));
	cr_assert_eq(token.disposed, 2);
}

static int gives_what_blocks(void *arg, ferry_result *out)
{
	*out = token_result(arg, &token_blocking);
	return 0;
}

Test(executor, a_blocking_disposer_has_no_pool_to_run_it)
{
	ferry_executor executor = { sizeof(executor), at_once, NULL };
	struct token token = { .disposed = 0 };
	ferry_future *future = execute(&executor, gives_what_blocks, &token, NULL);

	cr_assert_eq(work_end(future).exception, ferry_error_from_errno(EINVAL));
	cr_assert_eq(token.disposed, 1, "the result is not lost");
}

/* ---- cancel, deadline, hooks ---- */

static int released;

static void on_release(void *arg)
{
	(void)arg;
	released++;
}

Test(executor, a_job_that_was_cancelled_before_its_turn_is_not_run)
{
	ferry_job_options options = FERRY_JOB_OPTIONS_INIT;
	struct call call;
	ferry_executor executor = { sizeof(executor), later, &call };
	_Atomic unsigned ran = 0;
	ferry_future *future;

	options.release = on_release;
	future = execute(&executor, work_count, (void *)&ran, &options);
	cr_assert_eq(ferry_future_cancel(future), 1);
	cr_assert_eq(released, 1);
	call.run(call.job);
	cr_assert(work_end(future).cancelled);
	cr_assert(ran == 0 && released == 1);
}

Test(executor, a_job_whose_deadline_passed_before_its_turn_is_not_run)
{
	ferry_job_options options = FERRY_JOB_OPTIONS_INIT;
	struct call call;
	ferry_executor executor = { sizeof(executor), later, &call };
	_Atomic unsigned ran = 0;
	ferry_future *future;

	options.deadline_ns = 1;
	options.release = on_release;
	future = execute(&executor, work_count, (void *)&ran, &options);
	call.run(call.job);
	cr_assert_eq(work_end(future).exception, ferry_error_from_code(FERRY_ERROR_TIMED_OUT));
	cr_assert(ran == 0 && released == 1);
}

static int sees_its_options(void *arg, ferry_result *out)
{
	(void)out;
	return ferry_job_context() == arg && !strcmp(ferry_job_name(), "theirs") ? 0 : -EIO;
}

Test(executor, a_job_has_its_name_and_its_context_there)
{
	ferry_executor executor = { sizeof(executor), thread_for_each, NULL };
	ferry_job_options options = FERRY_JOB_OPTIONS_INIT;

	options.name = "theirs";
	options.context = &options;
	options.release = on_release;
	cr_assert_null(
		work_end(execute(&executor, sees_its_options, &options, &options)).exception);
	cr_assert_eq(released, 1);
}

static int waits_for(void *arg, ferry_result *out)
{
	(void)out;
	return ferry_future_wait(arg, FERRY_NO_DEADLINE);
}

static int runs(void *arg, ferry_result *out)
{
	struct call *call = arg;

	(void)out;
	call->run(call->job);
	return 0;
}

/* P4: a pool's worker does not run what is not of its pool, it lends its place. */
Test(executor, a_worker_waits_for_it_without_running_it)
{
	struct call call;
	ferry_executor executor = { sizeof(executor), later, &call };
	ferry_future *future = execute(&executor, work_number, (void *)8, NULL);
	ferry_pool *pool = fixture_pool(1);
	ferry_future *waiting = work_submit(pool, waits_for, future, NULL);

	work_end(work_submit(pool, runs, &call, NULL));
	cr_assert_null(work_end(waiting).exception);
	cr_assert_eq(work_end(future).result.u64, 8);
	work_close(pool);
}

/* ---- bad input ---- */

Test(executor, refuses_bad_input_and_changes_nothing)
{
	ferry_future *const untouched = (ferry_future *)&released;
	ferry_executor executor = { sizeof(executor), at_once, NULL };
	ferry_job_options options = FERRY_JOB_OPTIONS_INIT;
	ferry_pool *pool = fixture_pool(1);
	ferry_future *future = untouched;
	_Atomic unsigned ran = 0;
	void *arg = (void *)&ran;

	options.release = on_release;
	cr_assert_eq(ferry_executor_submit(NULL, work_count, arg, &options, &future), -EINVAL);
	cr_assert_eq(ferry_executor_submit(&executor, NULL, arg, &options, &future), -EINVAL);
	options.room_deadline_ns = 1;
	cr_assert_eq(ferry_executor_submit(&executor, work_count, arg, &options, &future), -EINVAL);
	options.room_deadline_ns = 0;
	cr_assert_eq(ferry_lane_new(pool, NULL, &options.lane), 0);
	cr_assert_eq(ferry_executor_submit(&executor, work_count, arg, &options, &future), -EINVAL);
	ferry_lane_free(options.lane);
	options.lane = NULL;
	options.size = SIZE_MAX;
	cr_assert_eq(ferry_executor_submit(&executor, work_count, arg, &options, &future), -E2BIG);
	options.size = sizeof(options);
	executor.execute = NULL;
	cr_assert_eq(ferry_executor_submit(&executor, work_count, arg, &options, &future), -EINVAL);
	executor.size = 0;
	cr_assert_eq(ferry_executor_submit(&executor, work_count, arg, &options, &future), -EINVAL);
	executor.size = SIZE_MAX;
	cr_assert_eq(ferry_executor_submit(&executor, work_count, arg, &options, &future), -E2BIG);
	cr_assert(future == untouched && ran == 0 && released == 0);
	work_close(pool);
}

Test(executor, what_execute_refuses_is_refused)
{
	int asked = 0;
	ferry_executor executor = { sizeof(executor), refuses, &asked };
	ferry_job_options options = FERRY_JOB_OPTIONS_INIT;
	ferry_future *future = (ferry_future *)&asked;

	options.release = on_release;
	cr_assert_eq(ferry_executor_submit(&executor, work_nothing, NULL, &options, &future),
		     -EBUSY);
	cr_assert_eq(future, (ferry_future *)&asked);
	cr_assert(asked == 1 && released == 0);
}
