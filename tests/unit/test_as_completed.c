/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Futures in the order in which they complete (F3, F5, P10). */
#include <criterion/criterion.h>
#include <errno.h>
#include <ferry/loop.h>

#include "base/list.h"
#include "support/each.h"
#include "support/fixture.h"
#include "support/gate.h"
#include "support/token.h"

TestSuite(as_completed, .timeout = 60);

#define COUNT 5

static ferry_future *futures[COUNT];

static void make(void)
{
	for (int i = 0; i < COUNT; i++)
		cr_assert_eq(ferry_future_new(NULL, &futures[i]), 0);
}

static void drop(void)
{
	for (int i = 0; i < COUNT; i++)
		futures[i] = ferry_future_unref(futures[i]);
}

static void complete(int number)
{
	cr_assert_eq(ferry_future_set_result(futures[number], ferry_result_u64(1)), 0);
}

static ferry_as_completed *iterate(size_t count)
{
	ferry_as_completed *iteration = NULL;

	cr_assert_eq(ferry_as_completed_new(futures, count, &iteration), 0);
	return iteration;
}

/* The next ones, a digit per index. */
static void check_next(ferry_as_completed *iteration, const char *digits)
{
	for (; *digits; digits++) {
		ferry_future *future = NULL;

		cr_assert_eq(ferry_as_completed_next(iteration, FERRY_NO_DEADLINE, &future), 1);
		cr_assert_eq(future, futures[*digits - '0'], "at \"%s\"", digits);
		cr_assert_eq(ferry_future_snapshot(future).done, 1);
	}
}

/* What is given instead of a future, and that the output is untouched. */
static void check_said(ferry_as_completed *iteration, uint64_t deadline_ns, int wanted)
{
	ferry_future *const before = (ferry_future *)&futures, *future = before;

	cr_assert_eq(ferry_as_completed_next(iteration, deadline_ns, &future), wanted);
	cr_assert_eq(future, before);
}

Test(as_completed, of_none_none_are_given)
{
	ferry_as_completed *iteration = NULL;

	cr_assert_eq(ferry_as_completed_new(NULL, 0, &iteration), 0);
	check_said(iteration, FERRY_NO_DEADLINE, 0);
	check_said(iteration, 0, 0);
	cr_assert_null(ferry_as_completed_free(iteration));
}

Test(as_completed, those_done_already_come_first_in_the_order_of_the_array)
{
	ferry_as_completed *iteration;

	make();
	complete(3);
	complete(1);
	iteration = iterate(COUNT);
	complete(4);
	complete(0);
	complete(2);
	check_next(iteration, "13402");
	check_said(iteration, FERRY_NO_DEADLINE, 0);
	check_said(iteration, FERRY_NO_DEADLINE, 0);
	ferry_as_completed_free(iteration);
	drop();
}

/* One that was cancelled was never given, and the iteration timed out: 87893. */
Test(as_completed, those_that_fail_or_are_cancelled_come_like_all_others_F3)
{
	ferry_as_completed *iteration;

	make();
	iteration = iterate(COUNT);
	cr_assert_eq(ferry_future_set_exception(futures[2], completer_error()), 0);
	check_next(iteration, "2");
	cr_assert_eq(ferry_future_cancel(futures[4]), 1);
	cr_assert_eq(ferry_future_set_cancelled(futures[0]), 0);
	complete(1);
	check_next(iteration, "401");
	check_said(iteration, 0, -ETIMEDOUT);
	complete(3);
	check_next(iteration, "3");
	check_said(iteration, 0, 0);
	ferry_as_completed_free(iteration);
	drop();
}

Test(as_completed, duplicates_are_given_as_often_as_they_stand_there)
{
	ferry_as_completed *iteration = NULL;
	ferry_future *twice[COUNT];

	make();
	for (int i = 0; i < COUNT; i++)
		twice[i] = futures[i % 2];
	cr_assert_eq(ferry_as_completed_new(twice, COUNT, &iteration), 0);
	complete(1);
	check_next(iteration, "11");
	check_said(iteration, 0, -ETIMEDOUT);
	complete(0);
	check_next(iteration, "000");
	check_said(iteration, 0, 0);
	ferry_as_completed_free(iteration);
	drop();
}

EACH_COMPLETER(as_completed, whoever_completes_one_it_is_given_F5)
{
	for (enum completer_ending ending = 0; ending < ENDINGS; ending++) {
		struct completer completer;
		ferry_as_completed *iteration = NULL;
		ferry_future *future = NULL;

		completer_begin(&completer, kind, ending, ferry_result_u64(1));
		cr_assert_eq(ferry_as_completed_new(&completer.future, 1, &iteration), 0);
		completer_start(&completer);
		completer_end(&completer);
		cr_assert_eq(ferry_as_completed_next(iteration, FERRY_NO_DEADLINE, &future), 1);
		cr_assert_eq(future, completer.future);
		cr_assert_eq(ferry_as_completed_next(iteration, FERRY_NO_DEADLINE, &future), 0);
		completer_join(&completer);
		ferry_as_completed_free(iteration);
		ferry_future_unref(completer.future);
	}
}

static void *complete_all(void *arg)
{
	gate_wait(arg);
	for (int i = 0; i < COUNT; i++)
		complete((i + 2) % COUNT);
	return NULL;
}

Test(as_completed, one_thread_iterates_while_another_completes_in_order_F5)
{
	for (int round = 0; round < 200; round++) {
		ferry_as_completed *iteration;
		struct gate gate;
		pthread_t thread;

		make();
		gate_init(&gate);
		iteration = iterate(COUNT);
		cr_assert_eq(pthread_create(&thread, NULL, complete_all, &gate), 0);
		gate_open(&gate);
		check_next(iteration, "23401");
		check_said(iteration, FERRY_NO_DEADLINE, 0);
		ferry_as_completed_free(iteration);
		pthread_join(thread, NULL);
		drop();
		gate_destroy(&gate);
	}
}

Test(as_completed, it_holds_the_futures_itself_and_lets_go_at_the_end_F7)
{
	ferry_as_completed *iteration;
	struct token token = { 0 };

	make();
	iteration = iterate(COUNT);
	cr_assert_eq(ferry_future_set_result(futures[1], token_result(&token, &token_anywhere)), 0);
	for (int i = 0; i < COUNT; i++)
		ferry_future_unref(futures[i]);
	check_next(iteration, "1");
	cr_assert_eq(token.disposed, 0, "what was given is borrowed until the end");
	ferry_as_completed_free(iteration);
	cr_assert_eq(token.disposed, 1);
}

Test(as_completed, the_end_cancels_nothing_and_leaves_nothing_attached_F5)
{
	ferry_as_completed *iteration;

	make();
	iteration = iterate(COUNT);
	complete(0);
	ferry_as_completed_free(iteration);
	for (int i = 1; i < COUNT; i++)
		cr_assert_eq(future_word(futures[i]), WORD_PENDING);
	drop();
	cr_assert_null(ferry_as_completed_free(NULL));
}

Test(as_completed, at_the_deadline_nothing_is_lost)
{
	ferry_as_completed *iteration;
	uint64_t deadline = ferry_in_ns(2000000);

	make();
	iteration = iterate(2);
	check_said(iteration, deadline, -ETIMEDOUT);
	cr_assert_geq(ferry_now_ns(), deadline);
	complete(1);
	check_next(iteration, "1");
	check_said(iteration, ferry_in_ns(100000), -ETIMEDOUT);
	complete(0);
	check_next(iteration, "0");
	ferry_as_completed_free(iteration);
	drop();
}

static int never(void *arg, ferry_result *out)
{
	(void)arg;
	(void)out;
	abort();
}

static struct completer held;

static int hold(void *user, void (*run)(void *job), void *job)
{
	(void)user;
	held.run = run;
	held.job = job;
	return 0;
}

Test(as_completed, a_queued_job_is_expired_while_it_is_waited_for_P10)
{
	ferry_executor executor = { sizeof(executor), hold, NULL };
	ferry_job_options options = FERRY_JOB_OPTIONS_INIT;
	ferry_as_completed *iteration;
	ferry_future *promise;

	make();
	promise = futures[1];
	options.deadline_ns = ferry_in_ns(2000000);
	cr_assert_eq(ferry_executor_submit(&executor, never, NULL, &options, &futures[1]), 0);
	iteration = iterate(COUNT);
	check_next(iteration, "1");
	cr_assert_eq(ferry_future_snapshot(futures[1]).exception,
		     ferry_error_from_code(FERRY_ERROR_TIMED_OUT));
	check_said(iteration, 0, -ETIMEDOUT);
	ferry_as_completed_free(iteration);
	held.run(held.job);
	ferry_future_unref(promise);
	drop();
}

Test(as_completed, wrong_arguments_are_refused_E1)
{
	ferry_as_completed *const before = (ferry_as_completed *)&futures, *iteration = before;
	ferry_future *holed[2], *future;

	make();
	holed[0] = futures[0];
	holed[1] = NULL;
	cr_assert_eq(ferry_as_completed_new(holed, 2, &iteration), -EINVAL);
	cr_assert_eq(ferry_as_completed_new(NULL, 1, &iteration), -EINVAL);
	cr_assert_eq(ferry_as_completed_new(futures, 1000001, &iteration), -EINVAL);
	cr_assert_eq(ferry_as_completed_new(futures, SIZE_MAX, &iteration), -EINVAL);
	cr_assert_eq(ferry_as_completed_new(futures, COUNT, NULL), -EINVAL);
	cr_assert_eq(iteration, before);
	for (int i = 0; i < COUNT; i++)
		cr_assert_eq(future_word(futures[i]), WORD_PENDING);
	complete(0);
	iteration = iterate(1);
	cr_assert_eq(ferry_as_completed_next(NULL, 0, &future), -EINVAL);
	cr_assert_eq(ferry_as_completed_next(iteration, 0, NULL), -EINVAL);
	check_next(iteration, "0");
	ferry_as_completed_free(iteration);
	drop();
}

Test(as_completed, on_a_loops_thread_only_what_has_come_is_given_P4)
{
	ferry_loop *loop = fixture_loop();
	ferry_as_completed *iteration;

	make();
	complete(0);
	iteration = iterate(COUNT);
	complete(3);
	check_next(iteration, "03");
	check_said(iteration, FERRY_NO_DEADLINE, -EDEADLK);
	check_said(iteration, 0, -EDEADLK);
	complete(1);
	check_next(iteration, "1");
	ferry_as_completed_free(iteration);
	cr_assert_eq(ferry_loop_free(loop), 0);
	drop();
}

struct parents {
	ferry_as_completed *iteration;
	struct completer completer;
};

static int iterate_in_child(void *arg)
{
	struct parents *parents = arg;
	ferry_future *future = NULL;
	bool job = completer_is_job(&parents->completer);
	int said = ferry_as_completed_next(parents->iteration, ferry_in_ns(1000000), &future);

	if (said != (job ? -ECHILD : -ETIMEDOUT))
		return 1;
	ferry_future_cancel(parents->completer.future);
	if (ferry_as_completed_next(parents->iteration, FERRY_NO_DEADLINE, &future) != 1)
		return 2;
	ferry_as_completed_free(parents->iteration);
	return future != parents->completer.future;
}

EACH_COMPLETER(as_completed, a_forks_child_does_not_wait_for_its_parents_jobs_P6)
{
	struct parents parents = { .iteration = NULL };

	completer_begin(&parents.completer, kind, ENDS_WITH_RESULT, ferry_result_u64(1));
	cr_assert_eq(ferry_as_completed_new(&parents.completer.future, 1, &parents.iteration), 0);
	cr_assert_eq(fixture_in_child(iterate_in_child, &parents), 0);
	completer_join(&parents.completer);
	ferry_as_completed_free(parents.iteration);
	ferry_future_unref(parents.completer.future);
}

struct stalled {
	ferry_waiter waiter;
	struct gate gate;
	ferry_future *future;
};

static void stall(ferry_waiter *waiter)
{
	struct stalled *stalled = container(waiter, struct stalled, waiter);

	gate_wait(&stalled->gate);
}

static void *keep_stalled(void *arg)
{
	struct stalled *stalled = arg;

	ferry_future_set_result(stalled->future, ferry_result_u64(1));
	return NULL;
}

static int free_in_child(void *arg)
{
	ferry_as_completed_free(arg);
	return 0;
}

/* Its completer is between done and notify, and only the parent has it. */
Test(as_completed, a_forks_child_frees_one_whose_completer_it_does_not_have_P6, .timeout = 10)
{
	struct stalled stalled = { .waiter = { NULL, stall } };
	ferry_as_completed *iteration;
	pthread_t thread;

	gate_init(&stalled.gate);
	cr_assert_eq(ferry_future_new(NULL, &stalled.future), 0);
	cr_assert_eq(ferry_future_attach(stalled.future, &stalled.waiter), 0);
	cr_assert_eq(ferry_as_completed_new(&stalled.future, 1, &iteration), 0);
	cr_assert_eq(pthread_create(&thread, NULL, keep_stalled, &stalled), 0);
	gate_await(&stalled.gate, 1);
	cr_assert_eq(fixture_in_child(free_in_child, iteration), 0);
	gate_open(&stalled.gate);
	pthread_join(thread, NULL);
	ferry_as_completed_free(iteration);
	ferry_future_unref(stalled.future);
}

/* ---- many ---- */

#define MANY 200000

static _Atomic int many_given;

static void *keep_one_by_one(void *arg)
{
	ferry_future **many = arg;

	for (int i = 0; i < MANY; i++) {
		while (many_given < i)
			sched_yield();
		ferry_future_set_result(many[i], ferry_result_u64(1));
	}
	return NULL;
}

/* The iteration sleeps before each: what a step costs must not grow with their number. If it
 * does the whole takes minutes, else a second. */
Test(as_completed, hundreds_of_thousands_that_come_one_by_one_are_no_trouble, .timeout = 30)
{
	ferry_future **many = calloc(MANY, sizeof(*many)), *future;
	ferry_as_completed *iteration;
	pthread_t thread;

	for (int i = 0; i < MANY; i++)
		cr_assert_eq(ferry_future_new(NULL, &many[i]), 0);
	cr_assert_eq(ferry_as_completed_new(many, MANY, &iteration), 0);
	many_given = 0;
	cr_assert_eq(pthread_create(&thread, NULL, keep_one_by_one, many), 0);
	while (ferry_as_completed_next(iteration, FERRY_NO_DEADLINE, &future) == 1)
		many_given++;
	cr_assert_eq(many_given, MANY);
	pthread_join(thread, NULL);
	ferry_as_completed_free(iteration);
	for (int i = 0; i < MANY; i++)
		ferry_future_unref(many[i]);
	free(many);
}
