/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Promises: futures that are made by hand, and that any thread completes (F1-F4, F7).
 * What holds for jobs as well is in test_future.c.
 */
#include <criterion/criterion.h>
#include <errno.h>

#include "support/each.h"
#include "support/fixture.h"
#include "support/token.h"

TestSuite(promise, .timeout = 60);

static ferry_future *new_promise(void)
{
	ferry_future *future = NULL;

	cr_assert_eq(ferry_future_new(NULL, &future), 0);
	cr_assert_not_null(future);
	return future;
}

/* ---- making ---- */

Test(promise, a_new_one_is_pending)
{
	ferry_future *future = new_promise();

	cr_assert_eq(future_word(future), WORD_PENDING);
	cr_assert_eq(ferry_future_cancel_requested(future), 0);
	cr_assert_null(ferry_future_unref(future));
}

Test(promise, wrong_options_are_refused_and_nothing_is_made_E1)
{
	struct {
		ferry_future_options known;
		long unknown[4];
	} newer = { FERRY_FUTURE_OPTIONS_INIT, { 0 } };
	ferry_future *const before = (ferry_future *)&newer, *future = before;

	cr_assert_eq(ferry_future_new(NULL, NULL), -EINVAL);
	cr_assert_eq(ferry_future_new(&newer.known, NULL), -EINVAL);
	newer.known.size = 0;
	cr_assert_eq(ferry_future_new(&newer.known, &future), -EINVAL);
	newer.known.size = sizeof(size_t) - 1;
	cr_assert_eq(ferry_future_new(&newer.known, &future), -EINVAL);
	newer.known.size = SIZE_MAX;
	cr_assert_eq(ferry_future_new(&newer.known, &future), -E2BIG);
	newer.known.size = sizeof(newer);
	newer.unknown[3] = 1;
	cr_assert_eq(ferry_future_new(&newer.known, &future), -E2BIG);
	cr_assert_eq(future, before, "an output is untouched on failure");
	newer.unknown[3] = 0;
	cr_assert_eq(ferry_future_new(&newer.known, &future), 0);
	ferry_future_unref(future);
	newer.known.size = sizeof(size_t);
	cr_assert_eq(ferry_future_new(&newer.known, &future), 0);
	ferry_future_unref(future);
}

Test(promise, its_name_is_copied_and_cut)
{
	char name[] = "a name that is longer than thirty-one bytes";
	ferry_future_options options = FERRY_FUTURE_OPTIONS_INIT;
	ferry_future *future = NULL;

	options.name = name;
	cr_assert_eq(ferry_future_new(&options, &future), 0);
	memset(name, 'x', sizeof(name) - 1);
	cr_assert_str_eq(future_tail(future)->name, "a name that is longer than thir");
	ferry_future_unref(future);
}

static void *drop(void *future)
{
	ferry_future_unref(future);
	return NULL;
}

Test(promise, dropping_one_that_is_not_done_frees_it_and_tells_nobody)
{
	pthread_t thread;
	ferry_future *future;

	ferry_future_unref(new_promise());
	future = new_promise();
	cr_assert_eq(ferry_future_set_running(future), 0);
	cr_assert_eq(ferry_future_cancel(future), 0);
	cr_assert_eq(pthread_create(&thread, NULL, drop, future), 0);
	pthread_join(thread, NULL); /* a sanitizer tells if it leaks */
}

static int make_of_parents_pool(void *pool)
{
	ferry_future_options options = FERRY_FUTURE_OPTIONS_INIT;
	ferry_future *future = NULL;

	options.pool = pool;
	if (ferry_future_new(&options, &future) != -ECHILD || future)
		return 1;
	/* One of the child's own is as good as any. */
	if (ferry_future_new(NULL, &future) ||
	    ferry_future_set_result(future, ferry_result_u64(4)) ||
	    ferry_future_wait(future, FERRY_NO_DEADLINE) ||
	    ferry_future_snapshot(future).result.u64 != 4)
		return 2;
	ferry_future_unref(future);
	return 0;
}

static int knows_its_later(void *generation)
{
	return process_generation != *(unsigned *)generation + 1;
}

/* One that holds LIST as it forks leaves it held: the child has to know. */
Test(promise, who_makes_one_is_ready_for_forks_P6)
{
	ferry_future *future = new_promise();
	unsigned generation = process_generation;

	cr_assert_eq(fixture_in_child(knows_its_later, &generation), 0);
	ferry_future_unref(future);
}

Test(promise, a_forks_child_cannot_make_one_for_its_parents_pool_P6)
{
	ferry_pool *pool = NULL;

	cr_assert_eq(ferry_pool_new(NULL, &pool), 0);
	cr_assert_eq(fixture_in_child(make_of_parents_pool, pool), 0);
	ferry_pool_free(pool);
}

/* ---- running ---- */

Test(promise, it_runs_once_F1)
{
	ferry_future *future = new_promise();

	cr_assert_eq(ferry_future_set_running(future), 0);
	cr_assert_eq(ferry_future_set_running(future), -EALREADY);
	cr_assert_eq(ferry_future_cancel(future), 0);
	cr_assert_eq(ferry_future_set_running(future), -EALREADY, "asked, but not cancelled");
	cr_assert_eq(ferry_future_set_result(future, ferry_result_u64(1)), 0);
	cr_assert_eq(ferry_future_set_running(future), -EALREADY);
	ferry_future_unref(future);
}

Test(promise, a_completer_that_lost_to_a_cancel_is_told_so_F1)
{
	ferry_future *future = new_promise();

	cr_assert_eq(ferry_future_cancel(future), 1);
	cr_assert_eq(ferry_future_set_running(future), -ECANCELED);
	ferry_future_unref(future);
}

/* ---- completing what is done ---- */

/* A cancelled one refused an exception with an exception, and all behind it hung: 107219. */
Test(promise, completing_a_done_one_changes_nothing_and_what_was_given_stays_the_callers_F4)
{
	for (enum completer_ending ending = 0; ending <= ENDINGS; ending++) {
		struct token token = { 0 }, first = { 0 };
		const ferry_error *error = NULL;
		ferry_future *future = new_promise();
		int freed = 0;
		uintptr_t word;

		switch (ending) {
		case ENDS_WITH_RESULT:
			cr_assert_eq(ferry_future_set_result(
					     future, token_result(&first, &token_anywhere)), 0);
			break;
		case ENDS_WITH_EXCEPTION:
			cr_assert_eq(ferry_future_set_exception(future, completer_error()), 0);
			break;
		case ENDS_CANCELLED:
			cr_assert_eq(ferry_future_set_cancelled(future), 0);
			break;
		default:
			cr_assert_eq(ferry_future_cancel(future), 1);
			break;
		}
		word = future_word(future);
		cr_assert_eq(ferry_future_set_result(future, token_result(&token, &token_anywhere)),
			     -EALREADY);
		cr_assert_eq(token.disposed, 0);
		cr_assert_eq(ferry_error_new("d", 1, NULL, &freed, NULL, &error), 0);
		cr_assert_eq(ferry_future_set_exception(future, error), -EALREADY);
		cr_assert_eq(ferry_error_number(error), 1, "it is still the caller's");
		ferry_error_unref(error);
		cr_assert_eq(ferry_future_set_cancelled(future), -EALREADY);
		cr_assert_eq(ferry_future_cancel(future), -EALREADY);
		cr_assert_eq(future_word(future), word);
		cr_assert_eq(first.disposed, 0);
		ferry_future_unref(future);
		cr_assert_eq(token.disposed, 0);
		cr_assert_eq(first.disposed, ending == ENDS_WITH_RESULT);
	}
}

#define RIVALS 4
static struct gate start;

struct rival {
	ferry_future *future;
	struct token token;
	int said;
};

static void *complete_one(void *arg)
{
	struct rival *rival = arg;

	gate_wait(&start);
	rival->said = ferry_future_set_result(rival->future,
					      token_result(&rival->token, &token_anywhere));
	return NULL;
}

Test(promise, of_many_who_complete_one_wins_and_the_others_keep_theirs_F2_F4)
{
	for (int round = 0; round < 200; round++) {
		struct rival rivals[RIVALS] = { { .future = NULL } }, *winner = NULL;
		pthread_t threads[RIVALS];
		ferry_future *future = new_promise();

		gate_init(&start);
		for (int i = 0; i < RIVALS; i++) {
			rivals[i].future = future;
			cr_assert_eq(pthread_create(&threads[i], NULL, complete_one, &rivals[i]),
				     0);
		}
		gate_open(&start);
		for (int i = 0; i < RIVALS; i++) {
			pthread_join(threads[i], NULL);
			if (rivals[i].said == 0) {
				cr_assert_null(winner);
				winner = &rivals[i];
			} else {
				cr_assert_eq(rivals[i].said, -EALREADY);
			}
		}
		cr_assert_not_null(winner);
		cr_assert_eq(ferry_future_snapshot(future).result.pointer, &winner->token);
		ferry_future_unref(future);
		for (int i = 0; i < RIVALS; i++)
			cr_assert_eq(rivals[i].token.disposed, &rivals[i] == winner);
		gate_destroy(&start);
	}
}

/* ---- what belongs to a pool ---- */

Test(promise, a_job_is_completed_by_its_pool_only_F1)
{
	for (enum completer_kind kind = COMPLETER_POOL; kind < COMPLETER_KINDS; kind++) {
		struct completer completer;
		struct token token = { 0 };
		ferry_result result = token_result(&token, &token_anywhere);

		completer_begin(&completer, kind, ENDS_WITH_RESULT, ferry_result_u64(8));
		for (int step = 0; step < 3; step++) {
			uintptr_t word = future_word(completer.future);

			cr_assert_eq(ferry_future_set_running(completer.future), -EPERM);
			cr_assert_eq(ferry_future_set_result(completer.future, result), -EPERM);
			cr_assert_eq(ferry_future_set_exception(completer.future,
								completer_error()), -EPERM);
			cr_assert_eq(ferry_future_set_cancelled(completer.future), -EPERM);
			cr_assert_eq(future_word(completer.future), word);
			if (step == 0)
				completer_start(&completer);
			else if (step == 1)
				completer_join(&completer);
		}
		cr_assert_eq(ferry_future_snapshot(completer.future).result.u64, 8);
		ferry_future_unref(completer.future);
		cr_assert_eq(token.disposed, 0);
	}
}

/* ---- exceptions ---- */

static int freed;

static void count_freed(void *payload)
{
	(void)payload;
	freed++;
}

Test(promise, no_exception_is_no_outcome_E1)
{
	ferry_future *future = new_promise();

	cr_assert_eq(ferry_future_set_exception(future, NULL), -EINVAL);
	cr_assert_eq(future_word(future), WORD_PENDING);
	ferry_future_unref(future);
}

Test(promise, an_exception_is_held_as_long_as_the_future_E2)
{
	const ferry_error *error = NULL;
	ferry_future *future = new_promise();

	cr_assert_eq(ferry_error_new("disk", 5, "on fire", NULL, count_freed, &error), 0);
	cr_assert_eq(ferry_future_set_exception(future, error), 0);
	cr_assert_eq(freed, 0);
	cr_assert_eq(ferry_future_snapshot(future).exception, error);
	cr_assert_str_eq(ferry_error_message(error), "on fire");
	ferry_future_unref(future);
	cr_assert_eq(freed, 1, "the caller's reference went with the call");
}

/* One exception object for all the futures of a pool grew with each that was read: 101267. */
Test(promise, two_may_fail_with_the_same_error_and_each_holds_its_own_reference_E2)
{
	const ferry_error *error = NULL;
	ferry_future *one = new_promise(), *two = new_promise();

	cr_assert_eq(ferry_error_new("disk", 5, "on fire", NULL, count_freed, &error), 0);
	cr_assert_eq(ferry_future_set_exception(one, ferry_error_ref(error)), 0);
	cr_assert_eq(ferry_future_set_exception(two, error), 0);
	ferry_future_unref(one);
	cr_assert_eq(freed, 0);
	cr_assert_str_eq(ferry_error_message(ferry_future_snapshot(two).exception), "on fire");
	ferry_future_unref(two);
	cr_assert_eq(freed, 1);
}

/* ---- results ---- */

Test(promise, a_blocking_disposer_needs_a_pool_F7)
{
	struct token token = { 0 };
	ferry_future *future = new_promise();

	cr_assert_eq(ferry_future_set_result(future, token_result(&token, &token_blocking)),
		     -EINVAL);
	cr_assert_eq(future_word(future), WORD_PENDING, "nothing changed");
	cr_assert_eq(token.disposed, 0, "it stays the caller's");
	cr_assert_eq(ferry_future_set_result(future, token_result(&token, &token_anywhere)), 0);
	ferry_future_unref(future);
	cr_assert_eq(token.disposed, 1);
}

static struct gate dropped;

static void *drop_on_loops_thread(void *future)
{
	ferry_loop *loop = fixture_loop();

	ferry_future_unref(future);
	gate_wait(&dropped);
	cr_assert_eq(ferry_loop_free(loop), 0);
	return NULL;
}

Test(promise, its_pools_core_lives_until_its_result_is_gone_F7)
{
	ferry_future_options options = FERRY_FUTURE_OPTIONS_INIT;
	struct token token = { 0 };
	ferry_future *future = NULL;
	ferry_pool *pool = NULL;

	cr_assert_eq(ferry_pool_new(NULL, &pool), 0);
	options.pool = pool;
	cr_assert_eq(ferry_future_new(&options, &future), 0);
	ferry_pool_free(pool);
	cr_assert_eq(ferry_future_set_result(future, token_result(&token, &token_blocking)), 0);
	ferry_future_unref(future);
	cr_assert_eq(token.disposed, 1);
}

Test(promise, a_busy_pool_disposes_of_what_a_loops_thread_let_go_F7)
{
	ferry_future_options options = FERRY_FUTURE_OPTIONS_INIT;
	struct token tokens[20] = { { 0 } };
	struct completer completer;
	pthread_t threads[20];

	completer_begin(&completer, COMPLETER_POOL, ENDS_WITH_RESULT, ferry_result_u64(1));
	completer_start(&completer);
	gate_init(&dropped);
	options.pool = completer.pool;
	for (int i = 0; i < 20; i++) {
		ferry_future *future = NULL;

		cr_assert_eq(ferry_future_new(&options, &future), 0);
		cr_assert_eq(ferry_future_set_result(future,
						     token_result(&tokens[i], &token_blocking)), 0);
		cr_assert_eq(pthread_create(&threads[i], NULL, drop_on_loops_thread, future), 0);
	}
	gate_await(&dropped, 20);
	gate_open(&dropped);
	completer_end(&completer);
	completer_join(&completer);
	for (int i = 0; i < 20; i++) {
		pthread_join(threads[i], NULL);
		cr_assert_eq(tokens[i].disposed, 1);
		cr_assert_not(pthread_equal(tokens[i].by, threads[i]));
	}
	ferry_future_unref(completer.future);
}

/* ---- on_cancel ---- */

struct told {
	int times, requested, said;
	ferry_future *future;
	bool complete;
};

static void on_cancel(ferry_future *future, void *user)
{
	struct told *told = user;

	told->times++;
	told->future = future;
	told->requested = ferry_future_cancel_requested(future);
	if (told->complete)
		told->said = ferry_future_set_cancelled(future);
}

static ferry_future *new_told(struct told *told)
{
	ferry_future_options options = FERRY_FUTURE_OPTIONS_INIT;
	ferry_future *future = NULL;

	options.on_cancel = on_cancel;
	options.user = told;
	cr_assert_eq(ferry_future_new(&options, &future), 0);
	return future;
}

Test(promise, its_completer_is_told_of_a_cancel_once_after_the_ask_is_recorded_F3)
{
	struct told told = { 0 };
	ferry_future *future = new_told(&told);

	cr_assert_eq(ferry_future_cancel(future), 1);
	cr_assert_eq(told.times, 1);
	cr_assert_eq(told.future, future);
	cr_assert_eq(told.requested, 1);
	cr_assert_eq(ferry_future_cancel(future), -EALREADY);
	cr_assert_eq(told.times, 1);
	ferry_future_unref(future);
}

Test(promise, its_completer_may_honour_the_cancel_while_it_is_told_F3)
{
	struct told told = { .complete = true };
	ferry_future *future = new_told(&told);

	cr_assert_eq(ferry_future_set_running(future), 0);
	cr_assert_eq(ferry_future_cancel(future), 0, "by this call it was asked, not cancelled");
	cr_assert_eq(told.times, 1);
	cr_assert_eq(told.said, 0);
	cr_assert_eq(ferry_future_snapshot(future).cancelled, 1);
	ferry_future_unref(future);
}

Test(promise, honouring_without_being_asked_tells_nobody_F3)
{
	struct told told = { 0 };
	ferry_future *future = new_told(&told);

	cr_assert_eq(ferry_future_set_cancelled(future), 0);
	cr_assert_eq(ferry_future_snapshot(future).cancelled, 1);
	cr_assert_eq(ferry_future_cancel_requested(future), 1, "it is cancelled");
	cr_assert_eq(told.times, 0);
	ferry_future_unref(future);
}
