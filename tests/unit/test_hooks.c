/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * lib/pool/job.c again: the hooks of a job. Release comes exactly once, when the function
 * can no longer touch its argument and before anybody is told that the future is done
 * (L4); contexts are copied and freed; the first ask for cancellation is told.
 */
#include <criterion/criterion.h>

#include "support/token.h"
#include "support/work.h"

TestSuite(hooks, .timeout = 30);

/* ---- release ---- */

struct borrower {
	ferry_future *future;
	struct gate gate;
	int released, done_before; /* was the future done when release came */
	int seen;                  /* releases that a waiter saw when it was told */
	ferry_waiter waiter;
};

static void on_release(void *arg)
{
	struct borrower *borrower = arg;

	borrower->released++;
	if (borrower->future)
		borrower->done_before = ferry_future_snapshot(borrower->future).done;
}

static int waits(void *arg, ferry_result *out)
{
	struct borrower *borrower = arg;

	cr_assert_eq(borrower->released, 0);
	return work_at_gate(&borrower->gate, out);
}

static void told(ferry_waiter *waiter)
{
	struct borrower *borrower =
		(struct borrower *)((char *)waiter - offsetof(struct borrower, waiter));

	borrower->seen = borrower->released;
}

static void borrow(struct borrower *borrower, ferry_pool *pool, uint64_t deadline_ns)
{
	ferry_job_options options = FERRY_JOB_OPTIONS_INIT;

	*borrower = (struct borrower){ .waiter.notify = told };
	gate_init(&borrower->gate);
	options.release = on_release;
	options.deadline_ns = deadline_ns;
	borrower->future = work_submit(pool, waits, borrower, &options);
	cr_assert_eq(ferry_future_attach(borrower->future, &borrower->waiter), 0);
}

/* 16284, 27144, 95166: an argument was kept alive by an idle worker. */
Test(hooks, release_comes_after_the_function_and_before_the_future_is_done)
{
	ferry_pool *pool = fixture_pool(1);
	struct borrower borrower;

	borrow(&borrower, pool, 0);
	gate_await(&borrower.gate, 1);
	cr_assert_eq(borrower.released, 0);
	gate_open(&borrower.gate);
	work_wait(borrower.future);
	cr_assert_eq(borrower.released, 1);
	cr_assert_eq(borrower.done_before, 0);
	work_close(pool);
	cr_assert(borrower.released == 1 && borrower.seen == 1);
	ferry_future_unref(borrower.future);
}

Test(hooks, release_of_a_cancelled_job_comes_once_before_its_waiters_are_told)
{
	ferry_pool *pool = fixture_pool(1);
	struct borrower borrower;
	ferry_future *kept;
	struct gate gate;

	gate_init(&gate);
	work_occupy(pool, &gate, &kept, 1);
	borrow(&borrower, pool, 0);
	cr_assert_eq(ferry_future_cancel(borrower.future), 1);
	cr_assert(borrower.released == 1 && borrower.seen == 1);
	gate_open(&gate);
	work_end(kept);
	work_close(pool);
	cr_assert_eq(borrower.released, 1);
	ferry_future_unref(borrower.future);
}

Test(hooks, release_of_an_expired_job_comes_once_before_its_waiters_are_told)
{
	ferry_pool *pool = fixture_pool(1);
	struct borrower borrower;
	ferry_future *kept;
	struct gate gate;

	gate_init(&gate);
	work_occupy(pool, &gate, &kept, 1);
	borrow(&borrower, pool, ferry_in_ns(1000000));
	work_wait(borrower.future);
	cr_assert(borrower.released == 1 && borrower.seen == 1);
	gate_open(&gate);
	work_end(kept);
	work_close(pool);
	cr_assert_eq(borrower.released, 1);
	ferry_future_unref(borrower.future);
}

Test(hooks, release_is_called_for_what_a_shutdown_cancels)
{
	ferry_pool *pool = fixture_pool(1);
	struct borrower borrower;
	ferry_future *kept;
	struct gate gate;

	gate_init(&gate);
	work_occupy(pool, &gate, &kept, 1);
	borrow(&borrower, pool, 0);
	cr_assert_eq(ferry_pool_shutdown(pool, FERRY_SHUTDOWN_ABANDON, 0), 1);
	cr_assert(borrower.released == 1 && borrower.seen == 1);
	gate_open(&gate);
	work_end(kept);
	work_close(pool);
	cr_assert_eq(borrower.released, 1);
	ferry_future_unref(borrower.future);
}

Test(hooks, release_is_not_called_for_a_job_that_was_refused)
{
	ferry_job_options options = FERRY_JOB_OPTIONS_INIT;
	struct borrower borrower = { .released = 0 };
	ferry_pool *pool = fixture_pool(1);

	cr_assert_eq(ferry_pool_shutdown(pool, FERRY_SHUTDOWN_DRAIN, FERRY_NO_DEADLINE), 0);
	options.release = on_release;
	cr_assert_eq(ferry_pool_submit(pool, waits, &borrower, &options, NULL), -ESHUTDOWN);
	cr_assert_eq(borrower.released, 0);
	ferry_pool_free(pool);
}

/* ---- contexts ---- */

struct context {
	_Atomic int copied, freed;
	pthread_t copied_by;
	int seen; /* what the job saw was the copy */
};

static struct context *original;
static struct context copies;

static void *copy_context(void *context)
{
	original = context;
	original->copied_by = pthread_self();
	original->copied++;
	return &copies;
}

static void *copy_to_nothing(void *context)
{
	copy_context(context);
	return NULL;
}

static void free_context(void *context)
{
	cr_assert_eq(context, &copies);
	original->freed++;
}

static const ferry_context_hooks both_hooks = { copy_context, free_context };
static const ferry_context_hooks no_copy_hooks = { copy_to_nothing, free_context };

static int sees_the_copy(void *arg, ferry_result *out)
{
	struct context *context = arg;

	(void)out;
	context->seen = ferry_job_context() == &copies && context->freed == 0;
	return 0;
}

static int sees_itself(void *arg, ferry_result *out)
{
	struct context *context = arg;

	(void)out;
	context->seen = ferry_job_context() == context;
	return 0;
}

static int sees_none(void *arg, ferry_result *out)
{
	struct context *context = arg;

	(void)out;
	context->seen = ferry_job_context() == NULL;
	return 0;
}

static int run_with(ferry_function fn, struct context *context, const ferry_context_hooks *hooks)
{
	ferry_job_options options = FERRY_JOB_OPTIONS_INIT;
	ferry_pool *pool = fixture_pool(1);

	options.context = context;
	options.hooks = hooks;
	work_end(work_submit(pool, fn, context, &options));
	work_close(pool);
	return context->seen;
}

Test(hooks, a_context_without_hooks_goes_as_it_is)
{
	struct context context = { .seen = 0 };

	cr_assert(run_with(sees_itself, &context, NULL));
}

Test(hooks, a_context_is_copied_by_the_submitting_thread_and_freed_once)
{
	struct context context = { .seen = 0 };

	cr_assert(run_with(sees_the_copy, &context, &both_hooks));
	cr_assert(context.copied == 1 && context.freed == 1);
	cr_assert(pthread_equal(context.copied_by, pthread_self()));
}

Test(hooks, a_copy_of_a_context_may_be_nothing)
{
	struct context context = { .seen = 0 };

	cr_assert(run_with(sees_none, &context, &no_copy_hooks));
	cr_assert(context.copied == 1 && context.freed == 0);
}

Test(hooks, no_context_is_neither_copied_nor_freed)
{
	ferry_job_options options = FERRY_JOB_OPTIONS_INIT;
	struct context context = { .seen = 0 };
	ferry_pool *pool = fixture_pool(1);

	original = &context;
	options.name = "hooks without a context";
	options.hooks = &both_hooks;
	work_end(work_submit(pool, sees_none, &context, &options));
	work_close(pool);
	cr_assert(context.seen && context.copied == 0 && context.freed == 0);
}

Test(hooks, the_context_of_a_cancelled_job_is_freed_once)
{
	ferry_job_options options = FERRY_JOB_OPTIONS_INIT;
	struct context context = { .seen = 0 };
	ferry_pool *pool = fixture_pool(1);
	ferry_future *kept, *future;
	struct gate gate;

	gate_init(&gate);
	work_occupy(pool, &gate, &kept, 1);
	options.context = &context;
	options.hooks = &both_hooks;
	future = work_submit(pool, work_nothing, NULL, &options);
	cr_assert_eq(ferry_future_cancel(future), 1);
	cr_assert_eq(context.freed, 1);
	gate_open(&gate);
	work_end(kept);
	ferry_future_unref(future);
	work_close(pool);
	cr_assert(context.copied == 1 && context.freed == 1);
}

Test(hooks, the_context_of_a_refused_job_is_freed_if_it_was_copied)
{
	ferry_job_options options = FERRY_JOB_OPTIONS_INIT;
	struct context context = { .seen = 0 };
	ferry_pool *pool = fixture_pool(1);

	cr_assert_eq(ferry_pool_shutdown(pool, FERRY_SHUTDOWN_DRAIN, FERRY_NO_DEADLINE), 0);
	options.context = &context;
	options.hooks = &both_hooks;
	cr_assert_eq(ferry_pool_submit(pool, work_nothing, NULL, &options, NULL), -ESHUTDOWN);
	cr_assert_eq(context.copied, context.freed);
	ferry_pool_free(pool);
}

/* ---- on_cancel ---- */

struct told {
	int times;
	ferry_future *future;
	int recorded; /* the ask could be seen when we were told */
};

static void on_cancel(ferry_future *future, void *user)
{
	struct told *told = user;

	told->times++;
	told->future = future;
	told->recorded = ferry_future_cancel_requested(future);
}

static ferry_future *submit_told(ferry_pool *pool, struct gate *gate, struct told *told)
{
	ferry_job_options options = FERRY_JOB_OPTIONS_INIT;

	options.on_cancel = on_cancel;
	options.user = told;
	return work_submit(pool, work_at_gate, gate, &options);
}

Test(hooks, on_cancel_is_called_once_by_who_first_asks)
{
	struct told running = { .times = 0 }, queued = { .times = 0 };
	ferry_pool *pool = fixture_pool(1);
	ferry_future *first, *second;
	struct gate gate;

	gate_init(&gate);
	first = submit_told(pool, &gate, &running);
	gate_await(&gate, 1);
	second = submit_told(pool, &gate, &queued);
	cr_assert_eq(ferry_future_cancel(first), 0);
	cr_assert_eq(ferry_future_cancel(first), 0);
	cr_assert(running.times == 1 && running.future == first && running.recorded == 1);
	cr_assert_eq(ferry_future_cancel(second), 1);
	cr_assert_eq(ferry_future_cancel(second), -EALREADY);
	cr_assert(queued.times == 1 && queued.future == second && queued.recorded == 1);
	gate_open(&gate);
	work_end(first);
	work_end(second);
	work_close(pool);
	cr_assert(running.times == 1 && queued.times == 1);
}

Test(hooks, on_cancel_is_called_for_what_a_shutdown_cancels_and_not_for_what_runs)
{
	struct told running = { .times = 0 }, queued = { .times = 0 };
	ferry_pool *pool = fixture_pool(1);
	ferry_future *first, *second;
	struct gate gate;

	gate_init(&gate);
	first = submit_told(pool, &gate, &running);
	gate_await(&gate, 1);
	second = submit_told(pool, &gate, &queued);
	cr_assert_eq(ferry_pool_shutdown(pool, FERRY_SHUTDOWN_CANCEL, 0), 1);
	cr_assert(queued.times == 1 && running.times == 0);
	cr_assert(ferry_future_snapshot(second).cancelled);
	cr_assert_eq(ferry_future_cancel_requested(first), 0);
	gate_open(&gate);
	cr_assert(!work_end(first).cancelled);
	ferry_future_unref(second);
	work_close(pool);
}
