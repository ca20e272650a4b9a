/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The loop-local future: made, completed, looked at, taken, freed (L2, L6, F7). */
#include <criterion/criterion.h>
#include <errno.h>

#include "support/disposal.h"
#include "support/fixture.h"

TestSuite(local, .timeout = 30);

static ferry_loop *loop;
static ferry_local *local; /* pending, and the caller completes it */
static int calls;

static void begin(void)
{
	loop = fixture_loop();
	cr_assert_eq(ferry_local_new(loop, &local), 0);
}

/* Tests drop their local themselves. */
static void end(void)
{
	cr_assert_eq(ferry_loop_free(loop), 0);
}

static void call(ferry_local *which, void *user)
{
	(void)user;
	cr_assert_eq(which, local);
	cr_assert(ferry_local_snapshot(which).done);
	calls++;
}

/* ---- its states ---- */

Test(local, a_new_one_is_pending, .init = begin, .fini = end)
{
	ferry_snapshot snapshot = ferry_local_snapshot(local);

	cr_assert_eq(ferry_local_loop(local), loop);
	cr_assert_not(snapshot.done);
	cr_assert_not(snapshot.cancelled);
	cr_assert_null(snapshot.exception);
	cr_assert_null(snapshot.result.pointer);
	ferry_local_unref(local);
}

Test(local, a_result_is_in_its_snapshot, .init = begin, .fini = end)
{
	ferry_snapshot snapshot;

	cr_assert_eq(ferry_local_set_result(local, ferry_result_i64(-7)), 0);
	snapshot = ferry_local_snapshot(local);
	cr_assert(snapshot.done);
	cr_assert_not(snapshot.cancelled);
	cr_assert_eq(snapshot.result.i64, -7);
	cr_assert_null(snapshot.exception);
	ferry_local_unref(local);
}

Test(local, an_exception_is_in_its_snapshot, .init = begin, .fini = end)
{
	ferry_snapshot snapshot;

	cr_assert_eq(ferry_local_set_exception(local, ferry_error_from_errno(EIO)), 0);
	snapshot = ferry_local_snapshot(local);
	cr_assert(snapshot.done);
	cr_assert_not(snapshot.cancelled);
	cr_assert_eq(snapshot.exception, ferry_error_from_errno(EIO));
	cr_assert_null(snapshot.result.pointer);
	ferry_local_unref(local);
}

/* What does each of the three say to a local that is done? */
static void check_stays(void)
{
	ferry_snapshot before = ferry_local_snapshot(local), after;

	cr_assert_eq(ferry_local_set_result(local, ferry_result_u64(1)), -EALREADY);
	cr_assert_eq(ferry_local_set_exception(local, ferry_error_from_errno(EPERM)), -EALREADY);
	cr_assert_eq(ferry_local_cancel(local), -EALREADY);
	after = ferry_local_snapshot(local);
	cr_assert_eq(after.done, before.done);
	cr_assert_eq(after.cancelled, before.cancelled);
	cr_assert_eq(after.exception, before.exception);
	cr_assert_eq(after.result.u64, before.result.u64);
	ferry_local_unref(local);
}

Test(local, F4_nothing_changes_one_that_has_a_result, .init = begin, .fini = end)
{
	ferry_local_set_result(local, ferry_result_u64(5));
	check_stays();
}

Test(local, F4_nothing_changes_one_that_has_an_exception, .init = begin, .fini = end)
{
	ferry_local_set_exception(local, ferry_error_from_errno(EIO));
	check_stays();
}

Test(local, F4_nothing_changes_one_that_is_cancelled, .init = begin, .fini = end)
{
	ferry_local_cancel(local);
	check_stays();
}

/* ---- bad input ---- */

Test(local, NULL_is_refused_and_nothing_changed, .init = begin, .fini = end)
{
	ferry_result result;
	ferry_local *untouched = local;

	cr_assert_eq(ferry_local_new(NULL, &untouched), -EINVAL);
	cr_assert_eq(ferry_local_new(loop, NULL), -EINVAL);
	cr_assert_eq(untouched, local);
	cr_assert_null(ferry_local_ref(NULL));
	cr_assert_null(ferry_local_unref(NULL));
	cr_assert_null(ferry_local_loop(NULL));
	cr_assert_not(ferry_local_snapshot(NULL).done);
	cr_assert_eq(ferry_local_take(NULL, &result), -EINVAL);
	cr_assert_eq(ferry_local_take(local, NULL), -EINVAL);
	cr_assert_eq(ferry_local_set_result(NULL, ferry_result_u64(1)), -EINVAL);
	cr_assert_eq(ferry_local_set_exception(NULL, ferry_error_from_errno(EIO)), -EINVAL);
	cr_assert_eq(ferry_local_set_exception(local, NULL), -EINVAL);
	cr_assert_eq(ferry_local_cancel(NULL), -EINVAL);
	cr_assert_not(ferry_local_snapshot(local).done);
	ferry_local_unref(local);
}

static void try_all(void *arg)
{
	ferry_local *other = arg;
	ferry_result result;

	cr_assert_null(ferry_local_ref(other));
	cr_assert_eq(ferry_local_unref(other), other);
	cr_assert_eq(ferry_local_loop(other), loop, "this one any thread may ask");
	cr_assert_not(ferry_local_snapshot(other).done);
	cr_assert_null(ferry_local_snapshot(other).exception);
	cr_assert_eq(ferry_local_take(other, &result), -EPERM);
	cr_assert_eq(ferry_local_set_result(other, ferry_result_u64(1)), -EPERM);
	cr_assert_eq(ferry_local_set_exception(other, ferry_error_from_errno(EIO)), -EPERM);
	cr_assert_eq(ferry_local_cancel(other), -EPERM);
	cr_assert_eq(ferry_local_add_done_callback(other, call, NULL), -EPERM);
	cr_assert_eq(ferry_local_remove_done_callback(other, call, NULL), -EPERM);
	cr_assert_eq(ferry_local_chain(other, other), -EPERM);
}

Test(local, L6_it_belongs_to_its_loops_thread_in_everything, .init = begin, .fini = end)
{
	ferry_local *done;

	cr_assert_eq(ferry_local_new(loop, &done), 0);
	ferry_local_set_exception(done, ferry_error_from_errno(EIO));
	ferry_local_add_done_callback(local, call, NULL);
	fixture_elsewhere(try_all, local);
	fixture_elsewhere(try_all, done);
	cr_assert_not(ferry_local_snapshot(local).done);
	cr_assert_eq(ferry_local_remove_done_callback(local, call, NULL), 1);
	ferry_local_unref(local);
	ferry_local_unref(done);
	cr_assert_eq(fixture_loop_counters(loop).unseen, 1, "another thread's look is none");
}

static int nothing(void *arg, ferry_result *out)
{
	(void)arg, (void)out;
	return 0;
}

Test(local, what_something_else_completes_the_caller_does_not, .init = begin)
{
	ferry_pool *pool = fixture_pool(1);
	ferry_local *others[4];
	ferry_future *future;
	int ends[2];

	cr_assert_eq(ferry_future_new(NULL, &future), 0);
	others[0] = ferry_offload(loop, pool, nothing, NULL, NULL);
	others[1] = ferry_wrap(loop, future);
	cr_assert_eq(pipe(ends), 0);
	others[2] = ferry_loop_watch_fd(loop, ends[0], FERRY_READABLE);
	cr_assert_eq(ferry_local_new(loop, &others[3]), 0);
	cr_assert_eq(ferry_local_chain(local, others[3]), 0);
	for (int i = 0; i < 4; i++) {
		cr_assert_eq(ferry_local_set_result(others[i], ferry_result_u64(1)), -EINVAL);
		cr_assert_eq(ferry_local_set_exception(others[i], ferry_error_from_errno(EIO)),
			     -EINVAL);
		cr_assert_eq(ferry_local_cancel(others[i]), 1);
		ferry_local_unref(others[i]);
	}
	ferry_future_unref(future);
	ferry_local_unref(local);
	close(ends[0]);
	close(ends[1]);
	fixture_end(loop, pool);
}

Test(local, F7_a_result_whose_disposer_may_block_is_refused, .init = begin, .fini = end)
{
	struct disposal disposal;

	disposal_init(&disposal);
	cr_assert_eq(ferry_local_set_result(local, disposal_result(&disposal,
								   FERRY_DISPOSE_BLOCKING)),
		     -EINVAL);
	cr_assert_not(ferry_local_snapshot(local).done);
	cr_assert_eq(ferry_local_set_result(local, disposal_result(&disposal,
								   FERRY_DISPOSE_ANYWHERE)), 0);
	ferry_local_unref(local);
	cr_assert_eq(disposal_count(&disposal), 1);
}

/* ---- taken or disposed of ---- */

Test(local, F7_a_result_is_taken_once_and_then_not_disposed_of, .init = begin, .fini = end)
{
	struct disposal disposal;
	ferry_result result, again = { .disposer = NULL };

	disposal_init(&disposal);
	cr_assert_eq(ferry_local_take(local, &result), -EAGAIN);
	ferry_local_set_result(local, disposal_result(&disposal, FERRY_DISPOSE_ANYWHERE));
	cr_assert_eq(ferry_local_take(local, &result), 0);
	cr_assert_eq(result.pointer, &disposal);
	cr_assert_eq(result.disposer->kind, FERRY_DISPOSE_ANYWHERE);
	cr_assert_eq(ferry_local_take(local, &again), -EALREADY);
	cr_assert_null(again.disposer);
	ferry_local_unref(local);
	cr_assert_eq(disposal_count(&disposal), 0);
	cr_assert_eq(fixture_loop_counters(loop).dropped, 0);
}

Test(local, without_a_result_there_is_nothing_to_take, .init = begin, .fini = end)
{
	ferry_local *cancelled;
	ferry_result result;

	cr_assert_eq(ferry_local_new(loop, &cancelled), 0);
	ferry_local_cancel(cancelled);
	ferry_local_set_exception(local, ferry_error_from_errno(EIO));
	cr_assert_eq(ferry_local_take(local, &result), -ENODATA);
	cr_assert_eq(ferry_local_take(cancelled, &result), -ENODATA);
	ferry_local_unref(cancelled);
	ferry_local_unref(local);
}

Test(local, F7_a_result_that_nobody_took_is_disposed_of_once_and_counted, .init = begin,
     .fini = end)
{
	struct disposal disposal;
	uint64_t before = ferry_disposed_count();

	disposal_init(&disposal);
	cr_assert_eq(ferry_local_ref(local), local);
	ferry_local_set_result(local, disposal_result(&disposal, FERRY_DISPOSE_ANYWHERE));
	cr_assert_null(ferry_local_unref(local));
	cr_assert_eq(disposal_count(&disposal), 0, "it is held still");
	cr_assert_null(ferry_local_unref(local));
	cr_assert_eq(disposal_count(&disposal), 1);
	cr_assert_eq(fixture_loop_counters(loop).dropped, 1);
	cr_assert_eq(ferry_disposed_count(), before + 1);
}

Test(local, a_result_without_a_disposer_is_not_counted, .init = begin, .fini = end)
{
	uint64_t before = ferry_disposed_count();

	ferry_local_set_result(local, ferry_result_u64(1));
	ferry_local_unref(local);
	cr_assert_eq(fixture_loop_counters(loop).dropped, 0);
	cr_assert_eq(ferry_disposed_count(), before);
}

static int payloads_freed;

static void free_payload(void *payload)
{
	(void)payload;
	payloads_freed++;
}

static const ferry_error *own_error(void)
{
	const ferry_error *error;

	cr_assert_eq(ferry_error_new("test", 1, "of my own", &payloads_freed, free_payload,
				     &error), 0);
	return error;
}

Test(local, an_exception_is_owned_from_success_on_and_not_before, .init = begin, .fini = end)
{
	const ferry_error *error = own_error(), *second = own_error();

	cr_assert_eq(ferry_local_set_exception(local, error), 0);
	cr_assert_eq(ferry_local_set_exception(local, second), -EALREADY);
	ferry_error_unref(second);
	cr_assert_eq(payloads_freed, 1, "the caller's own");
	ferry_local_unref(local);
	cr_assert_eq(payloads_freed, 2);
}

Test(local, a_disposer_may_use_the_loop, .init = begin, .fini = end)
{
	/* It runs outside of a turn, on the loop's thread. */
	ferry_local *second;

	cr_assert_eq(ferry_local_new(loop, &second), 0);
	ferry_local_set_result(local, ferry_result_pointer(malloc(1), &ferry_dispose_free));
	ferry_local_set_result(second, ferry_result_pointer(NULL, &ferry_dispose_free));
	ferry_local_unref(local);
	ferry_local_unref(second);
	cr_assert_eq(fixture_loop_counters(loop).dropped, 2);
}

/* ---- callbacks come from the loop (callback.c's own are in test_callback.c) ---- */

Test(local, L2_completing_calls_nobody_the_loop_does, .init = begin, .fini = end)
{
	ferry_local_add_done_callback(local, call, NULL);
	ferry_local_set_result(local, ferry_result_u64(1));
	cr_assert_eq(calls, 0);
	cr_assert_eq(ferry_loop_run(loop), 0);
	cr_assert_eq(calls, 1);
	ferry_local_unref(local);
}

Test(local, callbacks_run_though_the_caller_let_go, .init = begin, .fini = end)
{
	ferry_local_add_done_callback(local, call, NULL);
	ferry_local_set_result(local, ferry_result_u64(1));
	ferry_local_unref(local);
	cr_assert_eq(ferry_loop_run(loop), 0);
	cr_assert_eq(calls, 1);
}

Test(local, one_that_nobody_can_complete_any_more_is_freed_and_calls_nobody, .init = begin,
     .fini = end)
{
	ferry_local_add_done_callback(local, call, NULL);
	ferry_local_add_done_callback(local, call, NULL);
	cr_assert_null(ferry_local_unref(local));
	cr_assert_eq(ferry_loop_run(loop), 0);
	cr_assert_eq(calls, 0);
	cr_assert_gt(fixture_loop_counters(loop).cached_bytes, 128, "all its blocks are back");
}

/* ---- exceptions that nobody looked at ---- */

static struct {
	int count;
	const ferry_error *error;
	ferry_loop *loop;
} told;

static void handle(ferry_loop *which, const ferry_error *error, void *user)
{
	cr_assert_eq(user, &told);
	told.count++;
	told.error = error;
	told.loop = which;
}

static void begin_handling(void)
{
	begin();
	cr_assert_eq(ferry_loop_set_exception_handler(loop, handle, &told), 0);
}

Test(local, L6_an_exception_nobody_looked_at_is_told_when_it_is_freed, .init = begin_handling,
     .fini = end)
{
	ferry_local_set_exception(local, ferry_error_from_errno(EIO));
	cr_assert_eq(told.count, 0);
	ferry_local_unref(local);
	cr_assert_eq(told.count, 1);
	cr_assert_eq(told.error, ferry_error_from_errno(EIO));
	cr_assert_eq(told.loop, loop);
	cr_assert_eq(fixture_loop_counters(loop).unseen, 1);
}

Test(local, L6_one_that_somebody_looked_at_is_not_told, .init = begin_handling, .fini = end)
{
	ferry_local_set_exception(local, ferry_error_from_errno(EIO));
	ferry_local_snapshot(local);
	ferry_local_unref(local);
	cr_assert_eq(told.count, 0);
	cr_assert_eq(fixture_loop_counters(loop).unseen, 0);
}

Test(local, L6_a_result_or_a_cancel_is_not_told, .init = begin_handling, .fini = end)
{
	ferry_local *cancelled;

	cr_assert_eq(ferry_local_new(loop, &cancelled), 0);
	ferry_local_cancel(cancelled);
	ferry_local_unref(cancelled);
	ferry_local_set_result(local, ferry_result_u64(1));
	ferry_local_unref(local);
	cr_assert_eq(told.count, 0);
}

static void do_not_look(ferry_local *which, void *user)
{
	(void)which;
	*(int *)user = told.count;
}

Test(local, L6_it_is_told_after_the_callbacks_which_may_look, .init = begin_handling, .fini = end)
{
	ferry_local *seen;
	int before = -1;

	cr_assert_eq(ferry_local_new(loop, &seen), 0);
	ferry_local_set_exception(seen, ferry_error_from_errno(EPERM));
	ferry_local_set_exception(local, ferry_error_from_errno(EIO));
	ferry_local_add_done_callback(local, do_not_look, &before);
	ferry_local_unref(local);
	local = seen;
	ferry_local_add_done_callback(seen, call, NULL);
	ferry_local_unref(seen);
	cr_assert_eq(ferry_loop_run(loop), 0);
	cr_assert_eq(before, 0);
	cr_assert_eq(told.count, 1);
	cr_assert_eq(told.error, ferry_error_from_errno(EIO));
}

static int fail(void *arg, ferry_result *out)
{
	(void)arg, (void)out;
	return -ENOSPC;
}

Test(local, L6_it_is_told_of_a_job_whose_local_was_dropped, .init = begin_handling)
{
	ferry_pool *pool = fixture_pool(1);

	ferry_local_unref(local);
	ferry_local_unref(ferry_offload(loop, pool, fail, NULL, NULL));
	cr_assert_eq(ferry_loop_run(loop), 0);
	cr_assert_eq(told.count, 1);
	cr_assert_eq(told.error, ferry_error_from_errno(ENOSPC));
	fixture_end(loop, pool);
}

Test(local, L6_without_a_handler_it_is_counted, .init = begin, .fini = end)
{
	ferry_local_set_exception(local, own_error());
	ferry_local_unref(local);
	cr_assert_eq(fixture_loop_counters(loop).unseen, 1);
	cr_assert_eq(payloads_freed, 1);
}

Test(local, L6_a_handler_that_was_taken_back_is_not_called, .init = begin_handling, .fini = end)
{
	cr_assert_eq(ferry_loop_set_exception_handler(loop, NULL, NULL), 0);
	ferry_local_set_exception(local, ferry_error_from_errno(EIO));
	ferry_local_unref(local);
	cr_assert_eq(told.count, 0);
	cr_assert_eq(fixture_loop_counters(loop).unseen, 1);
}

static void handle_with_a_turn(ferry_loop *which, const ferry_error *error, void *user)
{
	handle(which, error, user);
	cr_assert_geq(ferry_loop_run_once(which, 0), 0);
}

static int block(void *arg, ferry_result *out)
{
	(void)out;
	while (sem_wait(arg))
		;
	return 0;
}

Test(local, L6_a_handler_may_have_turns_of_the_loop, .init = begin_handling)
{
	ferry_pool *pool = fixture_pool(1);
	ferry_job_options options = FERRY_JOB_OPTIONS_INIT;
	ferry_local *blocked, *late;
	sem_t go;

	/* A job that expires while its worker is busy: the post of its husk comes later. */
	sem_init(&go, 0, 0);
	ferry_local_unref(local);
	ferry_loop_set_exception_handler(loop, handle_with_a_turn, &told);
	blocked = ferry_offload(loop, pool, block, &go, NULL);
	options.deadline_ns = 1;
	late = ferry_offload(loop, pool, fail, NULL, &options);
	cr_assert_eq(ferry_loop_dispatch(loop, 0), 1, "it is expired by the loop");
	sem_post(&go);
	cr_assert_eq(ferry_pool_shutdown(pool, FERRY_SHUTDOWN_DRAIN, FERRY_NO_DEADLINE), 0);
	ferry_local_unref(late);
	cr_assert_eq(told.count, 1, "once, though the turn brought its post");
	cr_assert_eq(ferry_loop_run(loop), 0);
	ferry_local_unref(blocked);
	fixture_end(loop, pool);
}

/* ---- after the loop was closed ---- */

Test(local, held_while_its_loop_closes_a_done_one_stays_readable, .init = begin)
{
	struct disposal disposal;

	disposal_init(&disposal);
	ferry_local_set_result(local, disposal_result(&disposal, FERRY_DISPOSE_ANYWHERE));
	end();
	cr_assert_eq(ferry_local_snapshot(local).result.pointer, &disposal);
	cr_assert_eq(ferry_local_cancel(local), -EALREADY);
	cr_assert_not_null(ferry_local_loop(local));
	ferry_local_unref(local);
	cr_assert_eq(disposal_count(&disposal), 1);
}

Test(local, held_while_its_loop_closes_its_result_can_be_taken, .init = begin)
{
	struct disposal disposal;
	ferry_result result;

	disposal_init(&disposal);
	ferry_local_set_result(local, disposal_result(&disposal, FERRY_DISPOSE_ANYWHERE));
	end();
	cr_assert_eq(ferry_local_take(local, &result), 0);
	ferry_local_unref(local);
	cr_assert_eq(disposal_count(&disposal), 0);
}

Test(local, a_pending_one_becomes_cancelled_when_its_loop_closes_and_calls_nobody,
     .init = begin)
{
	ferry_local_add_done_callback(local, call, NULL);
	ferry_local_add_done_callback(local, call, NULL);
	end();
	cr_assert(ferry_local_snapshot(local).cancelled);
	cr_assert_eq(calls, 0);
	cr_assert_eq(ferry_local_add_done_callback(local, call, NULL), -ESHUTDOWN);
	cr_assert_eq(ferry_local_ref(local), local);
	ferry_local_unref(local);
	ferry_local_unref(local);
}

Test(local, one_whose_callbacks_were_due_calls_nobody_when_its_loop_closes, .init = begin_handling)
{
	ferry_local_add_done_callback(local, call, NULL);
	ferry_local_set_exception(local, ferry_error_from_errno(EIO));
	ferry_local_add_done_callback(local, call, NULL);
	ferry_local_unref(local);
	end();
	cr_assert_eq(calls, 0);
	cr_assert_eq(told.count, 0);
}
