/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Blocking until one future is done (F3, F5, P10), whoever completes it. How a worker
 * helps while it waits is in test_helper.c.
 */
#include <criterion/criterion.h>
#include <errno.h>
#include <ferry/loop.h>
#include <signal.h>

#include "future/wait.h"
#include "support/each.h"
#include "support/fixture.h"
#include "support/staller.h"

TestSuite(wait, .timeout = 60);

static ferry_future *new_promise(void)
{
	ferry_future *future = NULL;

	cr_assert_eq(ferry_future_new(NULL, &future), 0);
	return future;
}

/* ---- done ---- */

EACH_COMPLETER(wait, one_that_is_done_is_not_waited_for_F2)
{
	for (enum completer_ending ending = 0; ending < ENDINGS; ending++) {
		struct completer completer;
		uintptr_t word;

		completer_begin(&completer, kind, ending, ferry_result_u64(1));
		completer_join(&completer);
		word = future_word(completer.future);
		cr_assert_eq(ferry_future_wait(completer.future, FERRY_NO_DEADLINE), 0);
		cr_assert_eq(ferry_future_wait(completer.future, 0), 0);
		cr_assert_eq(future_word(completer.future), word);
		ferry_future_unref(completer.future);
	}
}

EACH_COMPLETER(wait, the_return_is_about_the_wait_and_not_about_the_outcome_E1)
{
	for (enum completer_ending ending = 0; ending < ENDINGS; ending++)
		for (int deadline = 0; deadline < 2; deadline++) {
			struct completer completer;

			completer_begin(&completer, kind, ending, ferry_result_u64(1));
			completer_start(&completer);
			completer.until_watched = kind != COMPLETER_SAME;
			completer_end(&completer);
			cr_assert_eq(ferry_future_wait(completer.future,
						       deadline ? ferry_in_ns(60000000000)
								: FERRY_NO_DEADLINE), 0);
			cr_assert_eq(ferry_future_snapshot(completer.future).done, 1);
			completer_join(&completer);
			ferry_future_unref(completer.future);
		}
}

struct sleeper {
	ferry_future *future;
	uint64_t deadline_ns;
	pthread_t thread;
	int said, done;
};

static void *sleep_on(void *arg)
{
	struct sleeper *sleeper = arg;

	sleeper->said = ferry_future_wait(sleeper->future, sleeper->deadline_ns);
	sleeper->done = ferry_future_snapshot(sleeper->future).done;
	ferry_future_unref(sleeper->future);
	return NULL;
}

static void sleeper_start(struct sleeper *sleeper, ferry_future *future, uint64_t deadline_ns)
{
	*sleeper = (struct sleeper){ ferry_future_ref(future), deadline_ns, .said = -1 };
	cr_assert_eq(pthread_create(&sleeper->thread, NULL, sleep_on, sleeper), 0);
}

#define SLEEPERS 8

EACH_COMPLETER(wait, everybody_who_waits_is_woken_F5)
{
	struct sleeper sleepers[SLEEPERS];
	struct completer completer;

	completer_begin(&completer, kind, ENDS_WITH_RESULT, ferry_result_u64(1));
	for (int i = 0; i < SLEEPERS; i++)
		sleeper_start(&sleepers[i], completer.future,
			      i % 2 ? FERRY_NO_DEADLINE : ferry_in_ns(60000000000));
	completer.until_watched = true;
	completer_join(&completer);
	for (int i = 0; i < SLEEPERS; i++) {
		pthread_join(sleepers[i].thread, NULL);
		cr_assert_eq(sleepers[i].said, 0);
		cr_assert_eq(sleepers[i].done, 1);
	}
	ferry_future_unref(completer.future);
}

/* Cancelled, and nobody was told: 87893. */
EACH_COMPLETER(wait, a_cancel_ends_the_wait_at_once_F3)
{
	struct sleeper sleeper;
	struct completer completer;

	completer_begin(&completer, kind, ENDS_WITH_RESULT, ferry_result_u64(1));
	sleeper_start(&sleeper, completer.future, FERRY_NO_DEADLINE);
	completer_see_waiter(completer.future);
	cr_assert_eq(ferry_future_cancel(completer.future), 1);
	pthread_join(sleeper.thread, NULL);
	cr_assert_eq(sleeper.said, 0);
	cr_assert_eq(ferry_future_snapshot(completer.future).cancelled, 1);
	completer_join(&completer);
	ferry_future_unref(completer.future);
}

EACH_COMPLETER(wait, asking_a_running_one_to_cancel_does_not_end_the_wait_F3)
{
	struct sleeper sleeper;
	struct completer completer;

	completer_begin(&completer, kind, ENDS_WITH_RESULT, ferry_result_u64(1));
	completer_start(&completer);
	sleeper_start(&sleeper, completer.future, FERRY_NO_DEADLINE);
	completer_see_waiter(completer.future);
	cr_assert_eq(ferry_future_cancel(completer.future), 0);
	cr_assert_not_null(word_waiters(future_word(completer.future)), "it waits on");
	completer_join(&completer);
	pthread_join(sleeper.thread, NULL);
	cr_assert_eq(ferry_future_snapshot(completer.future).result.u64, 1);
	ferry_future_unref(completer.future);
}

/* ---- deadlines ---- */

EACH_COMPLETER(wait, a_deadline_that_has_passed_only_looks_E1)
{
	struct completer completer;

	completer_begin(&completer, kind, ENDS_WITH_RESULT, ferry_result_u64(1));
	for (int step = 0; step < 2; step++) {
		uintptr_t word = future_word(completer.future);

		cr_assert_eq(ferry_future_wait(completer.future, 0), -ETIMEDOUT);
		cr_assert_eq(ferry_future_wait(completer.future, ferry_now_ns()), -ETIMEDOUT);
		cr_assert_eq(future_word(completer.future), word);
		if (step == 0)
			completer_start(&completer);
	}
	completer_join(&completer);
	cr_assert_eq(ferry_future_wait(completer.future, 0), 0);
	ferry_future_unref(completer.future);
}

EACH_COMPLETER(wait, at_the_deadline_the_future_is_as_it_was_F5)
{
	struct completer completer;

	completer_begin(&completer, kind, ENDS_WITH_RESULT, ferry_result_u64(1));
	for (int step = 0; step < 2; step++) {
		uintptr_t word = future_word(completer.future);
		uint64_t deadline = ferry_in_ns(2000000);

		cr_assert_eq(ferry_future_wait(completer.future, deadline), -ETIMEDOUT);
		cr_assert_geq(ferry_now_ns(), deadline);
		cr_assert_eq(future_word(completer.future), word, "its waiter is detached");
		if (step == 0)
			completer_start(&completer);
	}
	completer_join(&completer);
	cr_assert_eq(ferry_future_wait(completer.future, FERRY_NO_DEADLINE), 0);
	ferry_future_unref(completer.future);
}

/* The deadline and completion meet: whoever wins, nothing is left behind (the stack's
 * sanitizer would tell of a late notify). */
EACH_COMPLETER(wait, a_deadline_that_passes_during_completion_is_either_F5)
{
	for (int round = 0; round < 100; round++) {
		struct completer completer;
		int said;

		completer_begin(&completer, kind, ENDS_WITH_RESULT, ferry_result_u64(1));
		completer_start(&completer);
		if (kind != COMPLETER_SAME)
			completer_end(&completer);
		said = ferry_future_wait(completer.future, ferry_in_ns((uint64_t)round * 1000));
		cr_assert(said == 0 || said == -ETIMEDOUT);
		if (said == 0)
			cr_assert_eq(ferry_future_snapshot(completer.future).done, 1);
		completer_join(&completer);
		cr_assert_eq(ferry_future_wait(completer.future, FERRY_NO_DEADLINE), 0);
		ferry_future_unref(completer.future);
	}
}

static struct staller staller;

static void *wait_behind(void *arg)
{
	struct sleeper *sleeper = arg;

	sleeper->said = ferry_future_wait(sleeper->future, sleeper->deadline_ns);
	staller_left(&staller);
	return NULL;
}

/* The deadline passes between completion and notify: the node is on this thread's stack. */
Test(wait, one_that_detached_too_late_waits_for_its_notify_F5)
{
	for (int round = 0; round < 3; round++) {
		ferry_future *future = new_promise();
		struct sleeper sleeper = { future, ferry_in_ns(5000000), .said = -1 };

		staller_init(&staller);
		cr_assert_eq(ferry_future_attach(future, &staller.waiter), 0);
		cr_assert_eq(pthread_create(&sleeper.thread, NULL, wait_behind, &sleeper), 0);
		while (word_waiters(future_word(future)) == &staller.waiter && !staller.left)
			sched_yield();
		cr_assert_eq(ferry_future_set_cancelled(future), 0);
		pthread_join(sleeper.thread, NULL);
		/* On a busy machine it may have been in time after all. */
		if (sleeper.said == 0)
			cr_assert_not(staller.too_early);
		else
			cr_assert_eq(sleeper.said, -ETIMEDOUT);
		ferry_future_unref(future);
	}
}

static void ignore(int number)
{
	(void)number;
}

Test(wait, a_signal_does_not_end_it)
{
	struct sigaction action = { .sa_handler = ignore };
	ferry_future *future = new_promise();
	struct sleeper sleepers[2];

	sigaction(SIGUSR1, &action, NULL);
	for (int i = 0; i < 2; i++)
		sleeper_start(&sleepers[i], future,
			      i ? FERRY_NO_DEADLINE : ferry_in_ns(60000000000));
	completer_see_waiter(future);
	for (int round = 0; round < 100; round++) {
		for (int i = 0; i < 2; i++)
			pthread_kill(sleepers[i].thread, SIGUSR1);
		sched_yield();
	}
	cr_assert_eq(ferry_future_set_result(future, ferry_result_u64(1)), 0);
	for (int i = 0; i < 2; i++) {
		pthread_join(sleepers[i].thread, NULL);
		cr_assert_eq(sleepers[i].said, 0);
	}
	ferry_future_unref(future);
}

/* ---- a queued job's own deadline ---- */

static int never(void *arg, ferry_result *out)
{
	(void)arg;
	(void)out;
	abort();
}

static int hold(void *user, void (*run)(void *job), void *job)
{
	struct completer *completer = user;

	completer->run = run;
	completer->job = job;
	return 0;
}

/* A job that is queued for ever, until completer.run is called. */
static ferry_future *queued_job(struct completer *completer, uint64_t deadline_ns)
{
	ferry_executor executor = { sizeof(executor), hold, completer };
	ferry_job_options options = FERRY_JOB_OPTIONS_INIT;
	ferry_future *future = NULL;

	options.deadline_ns = deadline_ns;
	cr_assert_eq(ferry_executor_submit(&executor, never, NULL, &options, &future), 0);
	return future;
}

Test(wait, a_queued_job_is_expired_by_its_waiter_when_its_own_deadline_passes_P10, .timeout = 20)
{
	static const uint64_t waits[] = { FERRY_NO_DEADLINE, 60000000000 };

	for (int i = 0; i < 2; i++) {
		struct completer completer;
		ferry_future *future = queued_job(&completer, ferry_in_ns(2000000));
		ferry_snapshot snapshot;

		cr_assert_eq(ferry_future_wait(future, ferry_in_ns(waits[i])), 0);
		snapshot = ferry_future_snapshot(future);
		cr_assert_eq(snapshot.exception, ferry_error_from_code(FERRY_ERROR_TIMED_OUT));
		cr_assert_eq(snapshot.cancelled, 0);
		cr_assert_eq(ferry_future_cancel_requested(future), 0);
		completer.run(completer.job);
		ferry_future_unref(future);
	}
}

Test(wait, everybody_who_waits_for_it_is_told_of_its_expiry_P10)
{
	struct completer completer;
	ferry_future *future = queued_job(&completer, ferry_in_ns(3000000));
	struct sleeper sleepers[SLEEPERS];

	for (int i = 0; i < SLEEPERS; i++)
		sleeper_start(&sleepers[i], future, FERRY_NO_DEADLINE);
	for (int i = 0; i < SLEEPERS; i++) {
		pthread_join(sleepers[i].thread, NULL);
		cr_assert_eq(sleepers[i].said, 0);
	}
	completer.run(completer.job);
	ferry_future_unref(future);
}

Test(wait, a_waiter_that_leaves_before_does_not_expire_it_P10)
{
	struct completer completer;
	ferry_future *future = queued_job(&completer, ferry_in_ns(60000000000));

	cr_assert_eq(ferry_future_wait(future, ferry_in_ns(1000000)), -ETIMEDOUT);
	cr_assert_eq(future_word(future), WORD_PENDING);
	cr_assert_eq(ferry_future_cancel(future), 1);
	completer.run(completer.job);
	ferry_future_unref(future);
}

static int gated(void *arg, ferry_result *out)
{
	*out = ferry_result_u64(11);
	gate_wait(arg);
	return 0;
}

static void *run_it(void *arg)
{
	struct completer *completer = arg;

	completer->run(completer->job);
	return NULL;
}

Test(wait, one_that_has_begun_has_no_deadline_any_more_P10)
{
	struct completer completer;
	ferry_executor executor = { sizeof(executor), hold, &completer };
	ferry_job_options options = FERRY_JOB_OPTIONS_INIT;
	ferry_future *future = NULL;
	uint64_t deadline = ferry_in_ns(50000000);
	pthread_t thread;
	struct gate gate;

	options.deadline_ns = deadline;
	gate_init(&gate);
	cr_assert_eq(ferry_executor_submit(&executor, gated, &gate, &options, &future), 0);
	cr_assert_eq(pthread_create(&thread, NULL, run_it, &completer), 0);
	gate_await(&gate, 1);
	cr_assert_eq(wait_until_expiry(future, FERRY_NO_DEADLINE), FERRY_NO_DEADLINE);
	cr_assert_eq(ferry_future_wait(future, deadline + 1000000), -ETIMEDOUT);
	wait_expire(future, FERRY_NO_DEADLINE);
	cr_assert_eq(ferry_future_snapshot(future).done, 0);
	gate_open(&gate);
	cr_assert_eq(ferry_future_wait(future, FERRY_NO_DEADLINE), 0);
	cr_assert_eq(ferry_future_snapshot(future).result.u64, 11);
	pthread_join(thread, NULL);
	ferry_future_unref(future);
}

Test(wait, the_earlier_of_both_deadlines_counts_while_it_is_queued_P10)
{
	struct completer completer;
	ferry_future *future = queued_job(&completer, FERRY_NO_DEADLINE - 5);

	cr_assert_eq(wait_until_expiry(future, FERRY_NO_DEADLINE), FERRY_NO_DEADLINE - 5);
	cr_assert_eq(wait_until_expiry(future, FERRY_NO_DEADLINE - 6), FERRY_NO_DEADLINE - 6);
	wait_expire(future, FERRY_NO_DEADLINE - 6);
	cr_assert_eq(ferry_future_snapshot(future).done, 0, "not yet");
	wait_expire(future, FERRY_NO_DEADLINE - 5);
	cr_assert_eq(ferry_future_snapshot(future).exception,
		     ferry_error_from_code(FERRY_ERROR_TIMED_OUT));
	completer.run(completer.job);
	ferry_future_unref(future);
	future = new_promise();
	cr_assert_eq(wait_until_expiry(future, 17), 17);
	wait_expire(future, FERRY_NO_DEADLINE);
	cr_assert_eq(future_word(future), WORD_PENDING);
	ferry_future_unref(future);
}

/* ---- where one must not wait ---- */

EACH_COMPLETER(wait, on_a_loops_thread_it_is_refused_unless_it_is_done_P4)
{
	struct completer completer;
	ferry_loop *loop = fixture_loop();

	completer_begin(&completer, kind, ENDS_WITH_RESULT, ferry_result_u64(1));
	cr_assert_eq(ferry_future_wait(completer.future, FERRY_NO_DEADLINE), -EDEADLK);
	completer_start(&completer);
	cr_assert_eq(ferry_future_wait(completer.future, 0), -EDEADLK);
	cr_assert_null(word_waiters(future_word(completer.future)));
	completer_join(&completer);
	cr_assert_eq(ferry_future_wait(completer.future, FERRY_NO_DEADLINE), 0);
	cr_assert_eq(ferry_loop_free(loop), 0);
	ferry_future_unref(completer.future);
}

static int wait_in_child(void *arg)
{
	struct completer *completer = arg;
	int said = ferry_future_wait(completer->future, ferry_in_ns(1000000));
	int wanted = completer_is_job(completer) ? -ECHILD : -ETIMEDOUT;

	/* Cancelling is for anybody, and ends it for all. */
	return said != wanted || ferry_future_cancel(completer->future) != 1 ||
	       ferry_future_wait(completer->future, FERRY_NO_DEADLINE) != 0 ||
	       !ferry_future_snapshot(completer->future).cancelled;
}

EACH_COMPLETER(wait, a_forks_child_does_not_wait_for_its_parents_job_P6)
{
	struct completer completer;

	completer_begin(&completer, kind, ENDS_WITH_RESULT, ferry_result_u64(1));
	cr_assert_eq(fixture_in_child(wait_in_child, &completer), 0);
	cr_assert_eq(ferry_future_snapshot(completer.future).done, 0);
	completer_join(&completer);
	cr_assert_eq(ferry_future_snapshot(completer.future).result.u64, 1);
	ferry_future_unref(completer.future);
}
