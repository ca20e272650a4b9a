/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* References to a future, and the disposing of what nobody took (F7). */
#include <criterion/criterion.h>
#include <errno.h>
#include <ferry/loop.h>

#include "support/each.h"
#include "support/token.h"

TestSuite(reference, .timeout = 60);

EACH_COMPLETER(reference, a_result_nobody_took_is_disposed_of_once_by_the_last_to_let_go_F7)
{
	uint64_t before = ferry_disposed_count();
	struct token token = { 0 };
	struct completer completer;

	completer_begin(&completer, kind, ENDS_WITH_RESULT, token_result(&token, &token_anywhere));
	completer_join(&completer);
	cr_assert_eq(ferry_future_ref(completer.future), completer.future);
	cr_assert_null(ferry_future_unref(completer.future));
	cr_assert_eq(token.disposed, 0);
	cr_assert_null(ferry_future_unref(completer.future));
	cr_assert_eq(token.disposed, 1);
	cr_assert_eq(ferry_disposed_count(), before + 1);
}

EACH_COMPLETER(reference, dropping_the_last_reference_does_not_cancel_F7)
{
	struct token token = { 0 };
	struct completer completer;

	completer_begin(&completer, kind, ENDS_WITH_RESULT, token_result(&token, &token_anywhere));
	completer_start(&completer);
	ferry_future_unref(completer.future);
	completer_join(&completer);
	cr_assert_eq(completer.completed, 0);
	cr_assert_eq(token.disposed, 1);
	cr_assert_eq(completer.asked, 0);
	cr_assert(pthread_equal(token.by, completer.by));
}

/* ---- blocking disposers ---- */

Test(reference, a_blocking_disposer_runs_on_whoever_lets_go_if_that_is_no_loops_thread_F7)
{
	for (enum completer_kind kind = 0; kind < COMPLETER_KINDS; kind++) {
		struct token token = { 0 };
		struct completer completer;

		if (kind == COMPLETER_EXECUTOR)
			continue; /* refused there: test_executor.c */
		completer_begin(&completer, kind, ENDS_WITH_RESULT,
				token_result(&token, &token_blocking));
		completer_end(&completer);
		cr_assert_eq(ferry_future_wait(completer.future, FERRY_NO_DEADLINE), 0);
		completer_join(&completer);
		ferry_future_unref(completer.future);
		cr_assert_eq(token.disposed, 1, "%s", completer_names[kind]);
	}
}

Test(reference, a_blocking_disposer_never_runs_on_a_loops_thread_F7)
{
	for (enum completer_kind kind = 0; kind < COMPLETER_KINDS; kind++) {
		struct token token = { 0 };
		struct completer completer;
		ferry_loop *loop = NULL;

		if (kind == COMPLETER_EXECUTOR)
			continue;
		completer_begin(&completer, kind, ENDS_WITH_RESULT,
				token_result(&token, &token_blocking));
		completer_end(&completer);
		cr_assert_eq(ferry_future_wait(completer.future, FERRY_NO_DEADLINE), 0);
		if (kind == COMPLETER_FOREIGN)
			completer_thread_join(&completer);
		cr_assert_eq(ferry_loop_new(NULL, &loop), 0);
		ferry_future_unref(completer.future);
		completer_join(&completer);
		cr_assert_eq(token.disposed, 1, "%s", completer_names[kind]);
		cr_assert_not(pthread_equal(token.by, pthread_self()), "%s", completer_names[kind]);
		cr_assert_eq(ferry_loop_free(loop), 0);
	}
}
