/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Cancelling locals, and chains of them (L2, L4). */
#include <criterion/criterion.h>
#include <errno.h>

#include "loop/loop.h"
#include "support/fixture.h"

TestSuite(cancel, .timeout = 60);

static ferry_loop *loop;
static ferry_local *local; /* pending, and the caller completes it */
static int calls;

static void begin(void)
{
	loop = fixture_loop();
	cr_assert_eq(ferry_local_new(loop, &local), 0);
}

static void end(void)
{
	ferry_local_unref(local);
	cr_assert_eq(ferry_loop_free(loop), 0);
}

static void call(ferry_local *which, void *user)
{
	(void)user;
	cr_assert(ferry_local_snapshot(which).done);
	calls++;
}

Test(cancel, L4_a_cancelled_local_is_cancelled_at_once, .init = begin, .fini = end)
{
	ferry_snapshot snapshot;

	cr_assert_eq(ferry_local_cancel(local), 1);
	snapshot = ferry_local_snapshot(local);
	cr_assert(snapshot.done);
	cr_assert(snapshot.cancelled);
	cr_assert_null(snapshot.exception);
	cr_assert_null(snapshot.result.pointer);
}

Test(cancel, a_second_time_is_too_late, .init = begin, .fini = end)
{
	cr_assert_eq(ferry_local_cancel(local), 1);
	cr_assert_eq(ferry_local_cancel(local), -EALREADY);
	cr_assert_eq(ferry_local_cancel(NULL), -EINVAL);
}

Test(cancel, L2_it_calls_nobody_the_loop_does, .init = begin, .fini = end)
{
	ferry_local_add_done_callback(local, call, NULL);
	ferry_local_cancel(local);
	cr_assert_eq(calls, 0);
	cr_assert_eq(ferry_loop_run(loop), 0);
	cr_assert_eq(calls, 1);
}

static void close_loop(ferry_future *which, void *user)
{
	(void)which, (void)user;
	cr_assert_eq(ferry_loop_free(loop), 0);
}

Test(cancel, L3_a_hook_may_close_the_loop_and_no_callback_runs)
{
	ferry_future_options options = FERRY_FUTURE_OPTIONS_INIT;
	ferry_future *future;

	loop = ferry_loop_ref(fixture_loop());
	options.on_cancel = close_loop;
	cr_assert_eq(ferry_future_new(&options, &future), 0);
	local = ferry_wrap(loop, future);
	ferry_local_add_done_callback(local, call, NULL);
	ferry_local_add_done_callback(local, call, NULL);
	cr_assert_eq(ferry_local_cancel(local), 1);
	cr_assert(ferry_local_snapshot(local).cancelled);
	cr_assert_eq(calls, 0);
	ferry_local_unref(local);
	ferry_future_unref(future);
	/* Relaxed: there is one thread. */
	cr_assert_eq(atomic_load_relaxed(&loop->refs), 1, "no local is left that holds it");
	ferry_loop_unref(loop);
}

/* ---- chains that are longer than the stack is deep ---- */

#define LINKS 300000
static ferry_local *last;

/* Each but the two ends is held by its target alone. */
static void begin_chain(void)
{
	ferry_local *source, *target;

	begin();
	source = local;
	for (int i = 0; i < LINKS; i++) {
		cr_assert_eq(ferry_local_new(loop, &target), 0);
		cr_assert_eq(ferry_local_chain(source, target), 0);
		if (source != local)
			ferry_local_unref(source);
		source = target;
	}
	last = source;
}

Test(cancel, a_long_chain_is_completed_taken_and_freed, .init = begin_chain)
{
	ferry_result result;

	cr_assert_eq(ferry_local_set_result(local, ferry_result_u64(7)), 0);
	ferry_local_unref(local);
	cr_assert_eq(ferry_loop_run(loop), 0);
	cr_assert_eq(ferry_local_take(last, &result), 0);
	cr_assert_eq(result.u64, 7);
	ferry_local_unref(last);
	cr_assert_eq(ferry_loop_free(loop), 0);
}

Test(cancel, L4_a_long_chain_is_cancelled_to_its_source, .init = begin_chain)
{
	ferry_local_add_done_callback(local, call, NULL);
	cr_assert_eq(ferry_local_cancel(last), 1);
	cr_assert(ferry_local_snapshot(local).cancelled);
	ferry_local_unref(last);
	cr_assert_eq(ferry_loop_run(loop), 0);
	cr_assert_eq(calls, 1);
	end();
}

Test(cancel, a_long_chain_ends_with_its_loop, .init = begin_chain)
{
	ferry_local_unref(local);
	cr_assert_eq(ferry_loop_free(loop), 0);
	cr_assert(ferry_local_snapshot(last).cancelled);
	ferry_local_unref(last);
}
