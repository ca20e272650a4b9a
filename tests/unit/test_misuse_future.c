/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Every function of base.h and future.h called wrongly: its documented return, and nothing
 * changed (E1, F4, F7).
 */
#include "support/misuse.h"

TestSuite(misuse_future, .timeout = 60);

/* Nobody may be given what was refused. */
static void must_stay(void *payload)
{
	(void)payload;
	HOLDS(!"a payload that was refused is freed");
}

static void values(void)
{
	const ferry_error *lasting = ferry_error_from_errno(EIO);
	uint64_t disposed = ferry_disposed_count();

	GIVES(ferry_error_from_errno(0) == NULL, 1);
	GIVES(ferry_error_from_errno(-EIO) == NULL, 1);
	GIVES(ferry_error_from_errno(1024) == NULL, 1);
	GIVES(ferry_error_from_errno(INT_MIN) == NULL, 1);
	GIVES(ferry_error_from_errno(INT_MAX) == NULL, 1);
	GIVES(ferry_error_from_code((ferry_error_code)0) == NULL, 1);
	GIVES(ferry_error_from_code((ferry_error_code)7) == NULL, 1);
	GIVES(ferry_error_from_code((ferry_error_code)INT_MAX) == NULL, 1);
	GIVES(ferry_error_new(NULL, 1, "", &stage, must_stay, &ret.error), -EINVAL);
	GIVES(ferry_error_new("mine", 1, "", &stage, must_stay, NULL), -EINVAL);
	GIVES(ferry_error_ref(NULL) == NULL, 1);
	GIVES(ferry_error_unref(NULL) == NULL, 1);
	GIVES(ferry_error_errno(NULL), 0);
	/* Those that live for ever outlive whoever lets go of them too often. */
	GIVES(ferry_error_unref(lasting) == NULL, 1);
	GIVES(ferry_error_unref(ferry_error_ref(lasting)) == NULL, 1);
	GIVES(strcmp(ferry_error_domain(lasting), FERRY_DOMAIN_ERRNO), 0);
	GIVES(ferry_error_number(lasting), EIO);
	GIVES(strcmp(ferry_error_message(lasting), strerrordesc_np(EIO)), 0);
	GIVES(ferry_error_payload(lasting) == NULL, 1);
	/* Any value is good for these, on any thread and in a child. */
	GIVES(ferry_in_ns(UINT64_MAX) == FERRY_NO_DEADLINE, 1);
	GIVES(ferry_in_ns(UINT64_MAX - 1) == FERRY_NO_DEADLINE, 1);
	GIVES(ferry_now_ns() <= ferry_in_ns(0), 1);
	GIVES(ferry_version(), FERRY_VERSION_MAJOR * 1000000 + FERRY_VERSION_MINOR * 1000 +
				       FERRY_VERSION_PATCH);
	GIVES(ferry_cpu_count() >= 1, 1);
	GIVES(ferry_result_u64(UINT64_MAX).u64 == UINT64_MAX, 1);
	GIVES(ferry_result_i64(INT64_MIN).i64, INT64_MIN);
	GIVES(ferry_result_pointer(NULL, NULL).u64, 0);
	GIVES((ferry_dispose_free.dispose(&(ferry_result){ .pointer = NULL }), 0), 0);
	GIVES((ferry_dispose_close.dispose(&(ferry_result){ .i64 = -1 }), 0), 0);
	GIVES(ferry_disposed_count(), (int64_t)disposed);
}

/* A result that must not be given to its disposer. */
static void must_not_be_disposed_of(const ferry_result *result)
{
	(void)result;
	HOLDS(!"a result that was refused is disposed of");
}

static const ferry_disposer blocking = { FERRY_DISPOSE_BLOCKING, must_not_be_disposed_of };
static const ferry_disposer anywhere = { FERRY_DISPOSE_ANYWHERE, must_not_be_disposed_of };

static void notify_nobody(ferry_waiter *waiter)
{
	(void)waiter;
	HOLDS(!"a waiter that was refused is notified");
}

static ferry_waiter nameless, waiter = { NULL, notify_nobody };

static void arguments(void)
{
	ferry_result number = ferry_result_u64(1), mine = ferry_result_pointer(&stage, &anywhere);
	ferry_result slow = ferry_result_pointer(&stage, &blocking);
	const ferry_error *error = ferry_error_from_errno(EIO);
	ferry_waiter *crooked = (ferry_waiter *)((char *)&waiter + 1);

	GIVES(ferry_future_new(NULL, NULL), -EINVAL);
	BAD_OPTIONS(ferry_future_options, ferry_future_new(options, &ret.future));
	GIVES(ferry_future_ref(NULL) == NULL, 1);
	GIVES(ferry_future_unref(NULL) == NULL, 1);
	GIVES(ferry_future_name(NULL) == NULL, 1);
	GIVES(misuse_is_blank(ferry_future_snapshot(NULL)), 1);
	GIVES(ferry_future_take(NULL, &ret.result), -EINVAL);
	GIVES(ferry_future_take(stage.failed, NULL), -EINVAL);
	GIVES(ferry_future_take(stage.promise, &ret.result), -EAGAIN);
	GIVES(ferry_future_take(stage.running, &ret.result), -EAGAIN);
	GIVES(ferry_future_take(stage.failed, &ret.result), -ENODATA);
	GIVES(ferry_future_cancel(NULL), -EINVAL);
	GIVES(ferry_future_cancel(stage.failed), -EALREADY);
	GIVES(ferry_future_cancel_requested(NULL), -EINVAL);
	GIVES(ferry_future_set_running(NULL), -EINVAL);
	GIVES(ferry_future_set_running(stage.failed), -EALREADY);
	GIVES(ferry_future_set_running(stage.running), -EPERM);
	GIVES(ferry_future_set_result(NULL, mine), -EINVAL);
	GIVES(ferry_future_set_result(stage.failed, mine), -EALREADY);
	GIVES(ferry_future_set_result(stage.running, number), -EPERM);
	GIVES(ferry_future_set_result(stage.promise, slow), -EINVAL);
	GIVES(ferry_future_set_exception(NULL, error), -EINVAL);
	GIVES(ferry_future_set_exception(stage.promise, NULL), -EINVAL);
	GIVES(ferry_future_set_exception(stage.failed, error), -EALREADY);
	GIVES(ferry_future_set_exception(stage.running, error), -EPERM);
	GIVES(ferry_future_set_cancelled(NULL), -EINVAL);
	GIVES(ferry_future_set_cancelled(stage.failed), -EALREADY);
	GIVES(ferry_future_set_cancelled(stage.running), -EPERM);
	GIVES(ferry_future_attach(NULL, &waiter), -EINVAL);
	GIVES(ferry_future_attach(stage.promise, NULL), -EINVAL);
	GIVES(ferry_future_attach(stage.promise, &nameless), -EINVAL);
	GIVES(ferry_future_attach(stage.promise, crooked), -EINVAL);
	GIVES(ferry_future_attach(stage.failed, &waiter), -EALREADY);
	GIVES(ferry_future_detach(NULL, &waiter), -EINVAL);
	GIVES(ferry_future_detach(stage.promise, NULL), -EINVAL);
	GIVES(ferry_future_detach(stage.promise, crooked), -EINVAL);
	GIVES(ferry_future_detach(stage.promise, &waiter), -ENOENT);
	GIVES(ferry_future_detach(stage.failed, &waiter), 0);
}

#define FOR_EVER FERRY_NO_DEADLINE

/* Where waiting is allowed as well as where it is not. */
static void waits(void)
{
	static ferry_as_completed *none;
	ferry_future *with_hole[] = { stage.failed, NULL };
	ferry_wait_until absurd = (ferry_wait_until)3;

	GIVES(ferry_future_wait(NULL, FOR_EVER), -EINVAL);
	GIVES(ferry_wait_any(NULL, 0, FOR_EVER), -EINVAL);
	GIVES(ferry_wait_any(with_hole, 0, FOR_EVER), -EINVAL);
	GIVES(ferry_wait_any(NULL, 1, FOR_EVER), -EINVAL);
	GIVES(ferry_wait_any(with_hole, 2, FOR_EVER), -EINVAL);
	GIVES(ferry_wait_any(with_hole, 1000001, FOR_EVER), -EINVAL);
	GIVES(ferry_wait_any(with_hole, SIZE_MAX, FOR_EVER), -EINVAL);
	GIVES(ferry_wait_all(NULL, 0, FERRY_ALL_COMPLETED, FOR_EVER), 0);
	GIVES(ferry_wait_all(NULL, 1, FERRY_ALL_COMPLETED, FOR_EVER), -EINVAL);
	GIVES(ferry_wait_all(with_hole, 2, FERRY_FIRST_COMPLETED, FOR_EVER), -EINVAL);
	GIVES(ferry_wait_all(with_hole, 1000001, FERRY_ALL_COMPLETED, FOR_EVER), -EINVAL);
	GIVES(ferry_wait_all(with_hole, SIZE_MAX, FERRY_ALL_COMPLETED, FOR_EVER), -EINVAL);
	GIVES(ferry_wait_all(with_hole, 1, absurd, FOR_EVER), -EINVAL);
	GIVES(ferry_wait_all(with_hole, 1, (ferry_wait_until)INT_MAX, FOR_EVER), -EINVAL);
	GIVES(ferry_as_completed_new(NULL, 1, &ret.iteration), -EINVAL);
	GIVES(ferry_as_completed_new(with_hole, 2, &ret.iteration), -EINVAL);
	GIVES(ferry_as_completed_new(with_hole, 1000001, &ret.iteration), -EINVAL);
	GIVES(ferry_as_completed_new(with_hole, SIZE_MAX, &ret.iteration), -EINVAL);
	GIVES(ferry_as_completed_new(with_hole, 1, NULL), -EINVAL);
	GIVES(ferry_as_completed_next(NULL, FOR_EVER, &ret.future), -EINVAL);
	HOLDS(ferry_as_completed_new(with_hole, 1, &none) == 0);
	GIVES(ferry_as_completed_next(none, FOR_EVER, NULL), -EINVAL);
	GIVES(ferry_as_completed_free(NULL) == NULL, 1);
	ferry_as_completed_free(none);
}

static void all(void)
{
	values();
	arguments();
	waits();
}

Test(misuse_future, is_refused_on_a_loops_thread_and_on_any_other_E1)
{
	misuse_begin();
	all();
	misuse_elsewhere(all);
	misuse_end();
}

Test(misuse_future, is_refused_in_a_job_and_in_a_callback_E1)
{
	misuse_begin();
	misuse_in_a_job(all);
	misuse_in_a_callback(all);
	misuse_end();
}

static ferry_as_completed *iteration;

/* What would have to wait for a job that runs, where nobody may: a loop's thread, a child. */
static void that_block(void)
{
	ferry_future *pair[] = { stage.running, stage.promise };

	/*                                                                 loop     child */
	EACH(ferry_future_wait(stage.running, FOR_EVER),                 -EDEADLK, -ECHILD);
	EACH(ferry_future_wait(stage.running, 0),                        -EDEADLK, -ECHILD);
	EACH(ferry_future_wait(stage.promise, FOR_EVER),                 -EDEADLK, FINE);
	EACH(ferry_wait_any(pair, 2, FOR_EVER),                          -EDEADLK, -ECHILD);
	EACH(ferry_wait_all(pair, 2, FERRY_ALL_COMPLETED, FOR_EVER),     -EDEADLK, -ECHILD);
	EACH(ferry_wait_all(pair, 1, FERRY_FIRST_EXCEPTION, FOR_EVER),   -EDEADLK, -ECHILD);
	EACH(ferry_as_completed_next(iteration, FOR_EVER, &ret.future),  -EDEADLK, -ECHILD);
	/* What is done, or nothing at all, is not waited for. */
	EACH(ferry_future_wait(stage.failed, FOR_EVER),                  0, 0);
	EACH(ferry_wait_any(&stage.failed, 1, 0),                        0, 0);
	EACH(ferry_wait_all(&stage.failed, 1, FERRY_ALL_COMPLETED, 0),   1, 1);
}

static void in_a_child(void)
{
	ferry_future_options of_pool = { .size = sizeof(of_pool), .pool = stage.pool };

	misuse_column = 1;
	that_block();
	all();
	GIVES(ferry_future_new(&of_pool, &ret.future), -ECHILD);
	GIVES(misuse_is_blank(ferry_future_snapshot(stage.running)), 1);
	GIVES(ferry_future_name(stage.running) == NULL, 1);
	GIVES(ferry_future_cancel_requested(stage.running), 0);
	GIVES(ferry_future_unref(ferry_future_ref(stage.running)) == NULL, 1);
	GIVES(ferry_as_completed_free(iteration) == NULL, 1);
}

Test(misuse_future, does_not_block_a_loops_thread_nor_a_child_P6)
{
	misuse_begin();
	HOLDS(ferry_as_completed_new(&stage.running, 1, &iteration) == 0);
	misuse_column = 0;
	that_block();
	misuse_in_a_callback(that_block);
	misuse_in_a_child(in_a_child);
	ferry_as_completed_free(iteration);
	misuse_end();
}
