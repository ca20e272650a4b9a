/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Wrapping and chaining: the outcome of another future as a local. */
#include <criterion/criterion.h>
#include <errno.h>
#include <pthread.h>

#include "bridge/local.h"
#include "support/disposal.h"
#include "support/fixture.h"

TestSuite(wrap, .timeout = 30);

static ferry_loop *loop;
static ferry_future *future; /* a promise */
static ferry_local *local;   /* it, wrapped */
static int calls;

static void begin_promise(void)
{
	loop = fixture_loop();
	cr_assert_eq(ferry_future_new(NULL, &future), 0);
}

static void begin(void)
{
	begin_promise();
	local = ferry_wrap(loop, future);
	cr_assert_not_null(local);
}

static void end(void)
{
	ferry_future_unref(future);
	cr_assert_eq(ferry_loop_free(loop), 0);
}

static void call(ferry_local *which, void *user)
{
	(void)user;
	cr_assert(ferry_local_snapshot(which).done);
	calls++;
}

/* ---- outcomes ---- */

Test(wrap, a_promise_that_is_completed_later_is_delivered_by_the_loop, .init = begin, .fini = end)
{
	ferry_local_add_done_callback(local, call, NULL);
	cr_assert_eq(fixture_loop_counters(loop).in_flight, 1);
	cr_assert_eq(ferry_future_set_result(future, ferry_result_u64(8)), 0);
	cr_assert_not(ferry_local_snapshot(local).done, "its post lies in the inbox");
	cr_assert_eq(ferry_loop_run(loop), 0);
	cr_assert_eq(calls, 1);
	cr_assert_eq(ferry_local_snapshot(local).result.u64, 8);
	cr_assert_eq(fixture_loop_counters(loop).posts, 1);
	ferry_local_unref(local);
}

Test(wrap, a_promise_that_is_done_is_a_local_that_is_done, .init = begin_promise, .fini = end)
{
	ferry_future_set_result(future, ferry_result_u64(8));
	local = ferry_wrap(loop, future);
	cr_assert(ferry_local_snapshot(local).done);
	cr_assert_eq(ferry_local_snapshot(local).result.u64, 8);
	ferry_local_add_done_callback(local, call, NULL);
	cr_assert_eq(calls, 0);
	cr_assert_eq(ferry_loop_run(loop), 0);
	cr_assert_eq(calls, 1);
	cr_assert_eq(fixture_loop_counters(loop).posts, 0);
	ferry_local_unref(local);
}

/* NULL if it was the one that completed it. */
static void *complete_and_exit(void *arg)
{
	int error = ferry_future_set_result(arg, ferry_result_u64(8));

	ferry_future_unref(arg);
	return error ? arg : NULL;
}

Test(wrap, a_foreign_thread_that_exits_at_once_may_complete_it, .init = begin, .fini = end)
{
	pthread_t threads[8];
	ferry_local *locals[8];

	for (int i = 0; i < 8; i++) {
		ferry_future *another;

		cr_assert_eq(ferry_future_new(NULL, &another), 0);
		locals[i] = ferry_wrap(loop, another);
		ferry_local_add_done_callback(locals[i], call, NULL);
		pthread_create(&threads[i], NULL, complete_and_exit, another);
	}
	ferry_future_set_cancelled(future);
	cr_assert_eq(ferry_loop_run(loop), 0);
	cr_assert_eq(calls, 8);
	for (int i = 0; i < 8; i++) {
		void *failed;

		pthread_join(threads[i], &failed);
		cr_assert_null(failed);
		cr_assert_eq(ferry_local_snapshot(locals[i]).result.u64, 8);
		ferry_local_unref(locals[i]);
	}
	cr_assert(ferry_local_snapshot(local).cancelled);
	ferry_local_unref(local);
}

/* What each exception of a future is on a loop. */
static const struct {
	const char *domain;
	int code;
	bool cancelled;
} conversions[] = {
	{ FERRY_DOMAIN_FERRY, FERRY_ERROR_CANCELLED, true },
	{ FERRY_DOMAIN_ERRNO, ECANCELED, true },
	{ FERRY_DOMAIN_FERRY, FERRY_ERROR_TIMED_OUT, false },
	{ FERRY_DOMAIN_FERRY, FERRY_ERROR_INVALID_STATE, false },
	{ FERRY_DOMAIN_FERRY, FERRY_ERROR_BROKEN, false },
	{ FERRY_DOMAIN_ERRNO, ETIMEDOUT, false },
	{ FERRY_DOMAIN_ERRNO, FERRY_ERROR_CANCELLED, false },
	{ "ferry", FERRY_ERROR_CANCELLED, true },
	{ "another", FERRY_ERROR_CANCELLED, false },
	{ "another", ECANCELED, false },
};

static const ferry_error *error_of(size_t i)
{
	const ferry_error *error;

	if (!strcmp(conversions[i].domain, FERRY_DOMAIN_ERRNO))
		return ferry_error_from_errno(conversions[i].code);
	cr_assert_eq(ferry_error_new(conversions[i].domain, conversions[i].code, NULL, NULL, NULL,
				     &error), 0);
	return error;
}

Test(wrap, exceptions_are_converted_on_the_way, .init = begin_promise, .fini = end)
{
	for (size_t i = 0; i < sizeof(conversions) / sizeof(*conversions); i++)
		for (int done = 0; done < 2; done++) {
			const ferry_error *error = error_of(i);
			ferry_future *failed;
			ferry_snapshot snapshot;

			cr_assert_eq(ferry_future_new(NULL, &failed), 0);
			local = done ? NULL : ferry_wrap(loop, failed);
			cr_assert_eq(ferry_future_set_exception(failed, error), 0);
			local = done ? ferry_wrap(loop, failed) : local;
			cr_assert_eq(ferry_loop_run(loop), 0);
			snapshot = ferry_local_snapshot(local);
			cr_assert(snapshot.done);
			cr_assert_eq(snapshot.cancelled, conversions[i].cancelled, "row %zu", i);
			cr_assert_eq(snapshot.exception, conversions[i].cancelled ? NULL : error,
				     "row %zu", i);
			ferry_local_unref(local);
			ferry_future_unref(failed);
		}
	ferry_future_set_cancelled(future);
}

static int fail(void *arg, ferry_result *out)
{
	(void)arg, (void)out;
	return -ENOENT;
}

Test(wrap, a_job_of_a_pool_can_be_wrapped_by_two_loops, .init = begin_promise, .fini = end)
{
	ferry_pool *pool = fixture_pool(1);
	ferry_loop *second = fixture_loop();
	ferry_future *job;
	ferry_local *other;

	cr_assert_eq(ferry_pool_submit(pool, fail, NULL, NULL, &job), 0);
	local = ferry_wrap(loop, job);
	other = ferry_wrap(second, job);
	ferry_future_unref(job);
	cr_assert_eq(ferry_loop_run(loop), 0);
	cr_assert_eq(ferry_loop_run(second), 0);
	cr_assert_eq(ferry_local_snapshot(local).exception, ferry_error_from_errno(ENOENT));
	cr_assert_eq(ferry_local_snapshot(other).exception, ferry_error_from_errno(ENOENT));
	ferry_local_unref(local);
	ferry_local_unref(other);
	fixture_end(second, pool);
}

/* ---- bad input ---- */

static void wrap_elsewhere(void *arg)
{
	cr_assert_null(ferry_wrap(arg, future));
	cr_assert_eq(errno, EPERM);
}

Test(wrap, wrong_arguments_give_no_local, .init = begin_promise)
{
	ferry_loop *handle = ferry_loop_ref(loop);

	cr_assert_null(ferry_wrap(NULL, future));
	cr_assert_eq(errno, EINVAL);
	cr_assert_null(ferry_wrap(loop, NULL));
	cr_assert_eq(errno, EINVAL);
	fixture_elsewhere(wrap_elsewhere, loop);
	cr_assert_eq(ferry_loop_pending(loop), 0);
	end();
	cr_assert_eq(ferry_future_new(NULL, &future), 0);
	cr_assert_null(ferry_wrap(handle, future));
	cr_assert_eq(errno, ESHUTDOWN);
	ferry_future_unref(future);
	ferry_loop_unref(handle);
}

/* ---- cancelled, both ways ---- */

Test(wrap, F3_cancelling_the_local_cancels_the_future, .init = begin, .fini = end)
{
	ferry_local_add_done_callback(local, call, NULL);
	cr_assert_eq(ferry_local_cancel(local), 1);
	cr_assert(ferry_local_snapshot(local).cancelled);
	cr_assert(ferry_future_snapshot(future).cancelled);
	cr_assert_eq(ferry_future_set_result(future, ferry_result_u64(1)), -EALREADY);
	cr_assert_eq(ferry_loop_run(loop), 0);
	cr_assert_eq(calls, 1);
	cr_assert_eq(fixture_loop_counters(loop).posts, 0);
	ferry_local_unref(local);
}

Test(wrap, F3_one_that_runs_is_asked_and_the_local_is_cancelled_all_the_same, .init = begin,
     .fini = end)
{
	struct disposal disposal;

	disposal_init(&disposal);
	cr_assert_eq(ferry_future_set_running(future), 0);
	cr_assert_eq(ferry_local_cancel(local), 1);
	cr_assert(ferry_local_snapshot(local).cancelled);
	cr_assert_not(ferry_future_snapshot(future).done);
	cr_assert_eq(ferry_future_cancel_requested(future), 1);
	cr_assert_eq(ferry_loop_run(loop), 0, "it is not waited for");
	cr_assert_eq(ferry_future_set_result(future,
					     disposal_result(&disposal, FERRY_DISPOSE_ANYWHERE)),
		     0);
	ferry_local_unref(local);
	cr_assert_eq(disposal_count(&disposal), 0, "the future is ours");
	future = ferry_future_unref(future);
	cr_assert_eq(disposal_count(&disposal), 1);
}

Test(wrap, cancelling_the_future_cancels_the_local, .init = begin, .fini = end)
{
	ferry_local_add_done_callback(local, call, NULL);
	cr_assert_eq(ferry_future_cancel(future), 1);
	cr_assert_not(ferry_local_snapshot(local).done);
	cr_assert_eq(ferry_loop_run(loop), 0);
	cr_assert(ferry_local_snapshot(local).cancelled);
	cr_assert_eq(calls, 1);
	ferry_local_unref(local);
}

Test(wrap, cancelled_when_done_and_not_delivered_the_local_is_cancelled, .init = begin, .fini = end)
{
	ferry_future_set_result(future, ferry_result_u64(8));
	cr_assert_eq(ferry_local_cancel(local), 1);
	ferry_local_unref(local);
	cr_assert_eq(ferry_loop_dispatch(loop, 0), 1, "its post came, for nobody");
	cr_assert_eq(ferry_future_snapshot(future).result.u64, 8, "the future keeps its own");
}

static void drop_local(ferry_future *which, void *user)
{
	(void)which;
	ferry_local_unref(*(ferry_local **)user);
}

Test(wrap, an_on_cancel_hook_may_drop_the_local)
{
	ferry_future_options options = FERRY_FUTURE_OPTIONS_INIT;

	loop = fixture_loop();
	options.on_cancel = drop_local;
	options.user = &local;
	cr_assert_eq(ferry_future_new(&options, &future), 0);
	local = ferry_wrap(loop, future);
	cr_assert_eq(ferry_local_cancel(local), 1);
	end();
}

/* ---- taken or disposed of ---- */

Test(wrap, F7_taking_the_locals_result_takes_the_futures, .init = begin, .fini = end)
{
	struct disposal disposal;
	ferry_result result;

	disposal_init(&disposal);
	cr_assert_eq(ferry_local_take(local, &result), -EAGAIN);
	ferry_future_set_result(future, disposal_result(&disposal, FERRY_DISPOSE_ANYWHERE));
	cr_assert_eq(ferry_loop_run(loop), 0);
	cr_assert_eq(ferry_local_take(local, &result), 0);
	cr_assert_eq(result.pointer, &disposal);
	cr_assert_eq(ferry_local_take(local, &result), -EALREADY);
	cr_assert_eq(ferry_future_take(future, &result), -EALREADY);
	ferry_local_unref(local);
	cr_assert_eq(disposal_count(&disposal), 0);
}

Test(wrap, F7_a_result_the_future_gave_away_cannot_be_taken, .init = begin, .fini = end)
{
	ferry_result result;

	ferry_future_set_result(future, ferry_result_u64(8));
	cr_assert_eq(ferry_future_take(future, &result), 0);
	cr_assert_eq(ferry_loop_run(loop), 0);
	cr_assert_eq(ferry_local_take(local, &result), -EALREADY);
	cr_assert_eq(ferry_local_snapshot(local).result.u64, 8);
	ferry_local_unref(local);
}

Test(wrap, without_a_result_there_is_nothing_to_take, .init = begin, .fini = end)
{
	ferry_result result;

	ferry_future_set_exception(future, ferry_error_from_errno(EIO));
	cr_assert_eq(ferry_loop_run(loop), 0);
	cr_assert_eq(ferry_local_take(local, &result), -ENODATA);
	ferry_local_unref(local);
}

Test(wrap, F7_the_last_holder_of_the_two_disposes_of_the_result, .init = begin, .fini = end)
{
	struct disposal disposal;

	disposal_init(&disposal);
	ferry_future_set_result(future, disposal_result(&disposal, FERRY_DISPOSE_ANYWHERE));
	future = ferry_future_unref(future);
	cr_assert_eq(ferry_loop_run(loop), 0);
	cr_assert_eq(ferry_local_snapshot(local).result.pointer, &disposal);
	cr_assert_eq(disposal_count(&disposal), 0, "the local holds it");
	ferry_local_unref(local);
	cr_assert_eq(disposal_count(&disposal), 1);
}

Test(wrap, F7_a_blocking_disposer_goes_to_the_promises_pool)
{
	ferry_pool *pool = fixture_pool(1);
	ferry_future_options options = FERRY_FUTURE_OPTIONS_INIT;
	struct disposal disposal;

	loop = fixture_loop();
	options.pool = pool;
	disposal_init(&disposal);
	cr_assert_eq(ferry_future_new(&options, &future), 0);
	local = ferry_wrap(loop, future);
	ferry_future_set_result(future, disposal_result(&disposal, FERRY_DISPOSE_BLOCKING));
	future = ferry_future_unref(future);
	cr_assert_eq(ferry_loop_run(loop), 0);
	ferry_local_unref(local);
	disposal_await(&disposal);
	cr_assert_not(pthread_equal(disposal.by, pthread_self()));
	cr_assert_eq(disposal_count(&disposal), 1);
	end();
	fixture_end(NULL, pool);
}

Test(wrap, L6_an_exception_nobody_looked_at_is_told, .init = begin, .fini = end)
{
	ferry_future_set_exception(future, ferry_error_from_errno(EIO));
	ferry_local_unref(local);
	cr_assert_eq(ferry_loop_run(loop), 0);
	cr_assert_eq(fixture_loop_counters(loop).unseen, 1);
}

/* ---- the loop closes ---- */

Test(wrap, L3_closing_its_loop_cancels_the_future, .init = begin)
{
	ferry_local_add_done_callback(local, call, NULL);
	cr_assert_eq(ferry_loop_free(loop), 0);
	cr_assert(ferry_future_snapshot(future).cancelled);
	cr_assert(ferry_local_snapshot(local).cancelled);
	cr_assert_eq(calls, 0);
	ferry_local_unref(local);
	ferry_future_unref(future);
}

static void unref_it(void *arg)
{
	ferry_future_unref(arg);
}

Test(wrap, L3_completed_after_its_loop_closed_the_completer_frees_what_is_left, .init = begin)
{
	struct disposal disposal;

	disposal_init(&disposal);
	cr_assert_eq(ferry_future_set_running(future), 0);
	ferry_local_unref(local);
	cr_assert_eq(ferry_loop_free(loop), 0);
	ferry_future_set_result(future, disposal_result(&disposal, FERRY_DISPOSE_ANYWHERE));
	fixture_elsewhere(unref_it, future);
	cr_assert_eq(disposal_count(&disposal), 1);
}

/* ---- local to local ---- */

static ferry_local *source, *target;

static void begin_chain(void)
{
	loop = fixture_loop();
	cr_assert_eq(ferry_local_new(loop, &source), 0);
	cr_assert_eq(ferry_local_new(loop, &target), 0);
	cr_assert_eq(ferry_local_chain(source, target), 0);
}

static void end_chain(void)
{
	ferry_local_unref(source);
	ferry_local_unref(target);
	cr_assert_eq(ferry_loop_free(loop), 0);
}

Test(wrap, a_chained_local_has_the_result_of_its_source, .init = begin_chain, .fini = end_chain)
{
	ferry_local_add_done_callback(target, call, NULL);
	ferry_local_set_result(source, ferry_result_u64(4));
	cr_assert_eq(ferry_loop_run(loop), 0);
	cr_assert_eq(ferry_local_snapshot(target).result.u64, 4);
	cr_assert_eq(calls, 1);
}

Test(wrap, a_chained_local_has_the_exception_of_its_source_as_it_is, .init = begin_chain,
     .fini = end_chain)
{
	ferry_local_set_exception(source, ferry_error_from_errno(ECANCELED));
	cr_assert_eq(ferry_loop_run(loop), 0);
	cr_assert_eq(ferry_local_snapshot(target).exception, ferry_error_from_errno(ECANCELED));
	cr_assert_not(ferry_local_snapshot(target).cancelled);
}

Test(wrap, cancelling_the_source_cancels_the_target, .init = begin_chain, .fini = end_chain)
{
	cr_assert_eq(ferry_local_cancel(source), 1);
	cr_assert_eq(ferry_loop_run(loop), 0);
	cr_assert(ferry_local_snapshot(target).cancelled);
}

Test(wrap, cancelling_the_target_cancels_the_source, .init = begin_chain, .fini = end_chain)
{
	ferry_local_add_done_callback(source, call, NULL);
	ferry_local_add_done_callback(target, call, NULL);
	cr_assert_eq(ferry_local_cancel(target), 1);
	cr_assert(ferry_local_snapshot(source).cancelled);
	cr_assert_eq(calls, 0);
	cr_assert_eq(ferry_loop_run(loop), 0);
	cr_assert_eq(calls, 2);
}

Test(wrap, one_chained_to_a_done_local_has_its_outcome, .init = begin_chain, .fini = end_chain)
{
	ferry_local *late;

	ferry_local_set_result(source, ferry_result_u64(4));
	cr_assert_eq(ferry_local_new(loop, &late), 0);
	ferry_local_add_done_callback(late, call, NULL);
	cr_assert_eq(ferry_local_chain(source, late), 0);
	cr_assert_eq(calls, 0);
	cr_assert_eq(ferry_loop_run(loop), 0);
	cr_assert_eq(calls, 1);
	cr_assert_eq(ferry_local_snapshot(late).result.u64, 4);
	ferry_local_unref(late);
}

Test(wrap, a_source_done_before_the_target_is_cancelled_does_not_complete_it_again,
     .init = begin_chain, .fini = end_chain)
{
	ferry_local_set_result(source, ferry_result_u64(4));
	cr_assert_eq(ferry_local_cancel(target), 1);
	cr_assert_eq(ferry_loop_run(loop), 0);
	cr_assert(ferry_local_snapshot(target).cancelled);
	cr_assert_eq(ferry_local_snapshot(source).result.u64, 4);
}

Test(wrap, F7_the_result_of_a_chain_is_taken_once_from_either_end, .init = begin_chain,
     .fini = end_chain)
{
	struct disposal disposal;
	ferry_result result;

	disposal_init(&disposal);
	cr_assert_eq(ferry_local_take(target, &result), -EAGAIN);
	ferry_local_set_result(source, disposal_result(&disposal, FERRY_DISPOSE_ANYWHERE));
	source = ferry_local_unref(source);
	cr_assert_eq(ferry_loop_run(loop), 0);
	cr_assert_eq(disposal_count(&disposal), 0, "the target holds the source");
	cr_assert_eq(ferry_local_take(target, &result), 0);
	cr_assert_eq(ferry_local_take(target, &result), -EALREADY);
	target = ferry_local_unref(target);
	cr_assert_eq(disposal_count(&disposal), 0);
}

Test(wrap, F7_the_result_of_a_chain_that_nobody_took_is_disposed_of_once, .init = begin_chain,
     .fini = end_chain)
{
	struct disposal disposal;

	disposal_init(&disposal);
	ferry_local_set_result(source, disposal_result(&disposal, FERRY_DISPOSE_ANYWHERE));
	target = ferry_local_unref(target);
	cr_assert_eq(ferry_loop_run(loop), 0);
	source = ferry_local_unref(source);
	cr_assert_eq(disposal_count(&disposal), 1);
}

Test(wrap, L6_an_exception_is_told_of_the_end_of_the_chain_alone, .init = begin_chain,
     .fini = end_chain)
{
	ferry_local_set_exception(source, ferry_error_from_errno(EIO));
	source = ferry_local_unref(source);
	target = ferry_local_unref(target);
	cr_assert_eq(ferry_loop_run(loop), 0);
	cr_assert_eq(fixture_loop_counters(loop).unseen, 1);
}

Test(wrap, a_thousand_in_a_chain_have_the_outcome_of_the_first, .init = begin_chain,
     .fini = end_chain)
{
	for (int i = 0; i < 1000; i++) {
		ferry_local *next;

		cr_assert_eq(ferry_local_new(loop, &next), 0);
		cr_assert_eq(ferry_local_chain(target, next), 0);
		ferry_local_unref(target);
		target = next;
	}
	ferry_local_set_result(source, ferry_result_u64(4));
	cr_assert_eq(ferry_loop_run(loop), 0);
	cr_assert_eq(ferry_local_snapshot(target).result.u64, 4);
}

Test(wrap, several_may_be_chained_to_one_source, .init = begin_chain, .fini = end_chain)
{
	ferry_local *second;

	cr_assert_eq(ferry_local_new(loop, &second), 0);
	cr_assert_eq(ferry_local_chain(source, second), 0);
	ferry_local_set_result(source, ferry_result_u64(4));
	cr_assert_eq(ferry_loop_run(loop), 0);
	cr_assert_eq(ferry_local_snapshot(target).result.u64, 4);
	cr_assert_eq(ferry_local_snapshot(second).result.u64, 4);
	ferry_local_unref(second);
}

Test(wrap, a_wrong_chain_is_refused_and_nothing_changed, .init = begin_chain, .fini = end_chain)
{
	ferry_loop *other = fixture_loop();
	ferry_local *plain, *foreign, *done;

	cr_assert_eq(ferry_local_new(loop, &plain), 0);
	cr_assert_eq(ferry_local_new(loop, &done), 0);
	cr_assert_eq(ferry_local_new(other, &foreign), 0);
	ferry_local_cancel(done);
	cr_assert_eq(ferry_local_chain(NULL, plain), -EINVAL);
	cr_assert_eq(ferry_local_chain(plain, NULL), -EINVAL);
	cr_assert_eq(ferry_local_chain(plain, plain), -EINVAL);
	cr_assert_eq(ferry_local_chain(plain, foreign), -EINVAL);
	cr_assert_eq(ferry_local_chain(foreign, plain), -EINVAL);
	cr_assert_eq(ferry_local_chain(plain, done), -EALREADY);
	cr_assert_eq(ferry_local_chain(plain, target), -EINVAL, "something completes it");
	cr_assert_eq(ferry_local_chain(target, source), -EINVAL, "it would wait for itself");
	cr_assert_eq(ferry_local_set_result(plain, ferry_result_u64(1)), 0);
	cr_assert_eq(ferry_local_set_result(foreign, ferry_result_u64(1)), 0);
	ferry_local_unref(plain);
	ferry_local_unref(done);
	ferry_local_unref(foreign);
	ferry_loop_free(other);
}

Test(wrap, a_circle_of_several_is_refused, .init = begin_chain, .fini = end_chain)
{
	ferry_local *third;

	cr_assert_eq(ferry_local_new(loop, &third), 0);
	cr_assert_eq(ferry_local_chain(target, third), 0);
	cr_assert_eq(ferry_local_chain(third, source), -EINVAL);
	ferry_local_set_result(source, ferry_result_u64(4));
	cr_assert_eq(ferry_loop_run(loop), 0);
	cr_assert_eq(ferry_local_snapshot(third).result.u64, 4);
	ferry_local_unref(third);
}

Test(wrap, an_offload_can_be_chained)
{
	ferry_pool *pool = fixture_pool(1);

	begin_chain();
	ferry_local_unref(source);
	ferry_local_unref(target);
	source = ferry_offload(loop, pool, fail, NULL, NULL);
	cr_assert_eq(ferry_local_new(loop, &target), 0);
	cr_assert_eq(ferry_local_chain(source, target), 0);
	cr_assert_eq(ferry_loop_run_until(loop, target), 0);
	cr_assert_eq(ferry_local_snapshot(target).exception, ferry_error_from_errno(ENOENT));
	end_chain();
	fixture_end(NULL, pool);
}

Test(wrap, closing_the_loop_cancels_both_ends, .init = begin_chain)
{
	ferry_local_add_done_callback(target, call, NULL);
	cr_assert_eq(ferry_loop_free(loop), 0);
	cr_assert(ferry_local_snapshot(source).cancelled);
	cr_assert(ferry_local_snapshot(target).cancelled);
	cr_assert_eq(calls, 0);
	ferry_local_unref(target);
	ferry_local_unref(source);
}

static int refused[2];

static void chain_late(ferry_future *which, void *user)
{
	(void)which, (void)user;
	refused[0] = ferry_local_chain(source, target);
	refused[1] = ferry_local_add_done_callback(source, call, NULL);
}

Test(wrap, while_the_loop_closes_nothing_can_be_chained)
{
	ferry_future_options options = FERRY_FUTURE_OPTIONS_INIT;

	loop = fixture_loop();
	options.on_cancel = chain_late;
	cr_assert_eq(ferry_future_new(&options, &future), 0);
	local = ferry_wrap(loop, future); /* the first one that is cancelled */
	cr_assert_eq(ferry_local_new(loop, &source), 0);
	cr_assert_eq(ferry_local_new(loop, &target), 0);
	cr_assert_eq(ferry_loop_free(loop), 0);
	cr_assert_eq(refused[0], -ESHUTDOWN);
	cr_assert_eq(refused[1], -ESHUTDOWN);
	ferry_local_unref(local);
	ferry_local_unref(source);
	ferry_local_unref(target);
	ferry_future_unref(future);
}

static int do_nothing(void *arg, ferry_result *out)
{
	(void)arg;
	(void)out;
	return 0;
}

static int wrap_in_child(void *arg)
{
	ferry_loop *own;

	if (ferry_loop_new(NULL, &own))
		return 1;
	errno = 0;
	if (ferry_wrap(own, arg) || errno != ECHILD)
		return 2;
	return ferry_loop_run(own) ? 3 : 0;
}

static int keep_job(void *user, void (*run)(void *job), void *job)
{
	(void)run;
	*(void **)user = job;
	return 0;
}

/* Its loop would wait for ever for a job that nobody runs there. */
Test(wrap, a_forks_child_cannot_wrap_its_parents_job_P6, .timeout = 10)
{
	void *job;
	ferry_executor executor = { sizeof(executor), keep_job, &job };
	ferry_future *parents;

	cr_assert_eq(ferry_executor_submit(&executor, do_nothing, NULL, NULL, &parents), 0);
	cr_assert_eq(fixture_in_child(wrap_in_child, parents), 0);
	ferry_future_cancel(parents);
	ferry_future_unref(parents);
	ferry_future_unref(parents); /* what the executor would have dropped */
}

/* As a child finds one whose list another thread of the parent was changing as it forked. */
static void leave_behind(struct ferry_future *left)
{
	future_init(left, NULL, 0, 1);
	/* Relaxed, both: there is one thread. */
	atomic_store_relaxed(&left->generation, (uint8_t)(process_generation + 3));
	atomic_store_relaxed(&left->word, WORD_PENDING | WORD_LIST);
}

Test(wrap, what_a_fork_left_held_is_not_wrapped_and_nothing_stays_of_the_try_P6, .timeout = 10)
{
	ferry_loop *own = fixture_loop();
	struct ferry_future left;

	leave_behind(&left);
	errno = 0;
	cr_assert_null(ferry_wrap(own, &left));
	cr_assert_eq(errno, ECHILD);
	cr_assert_eq(ferry_loop_pending(own), 0);
	/* Relaxed: as above. */
	cr_assert_eq(atomic_load_relaxed(&left.refs), 1);
	cr_assert_eq(ferry_loop_run(own), 0);
	cr_assert_eq(ferry_loop_free(own), 0);
}
