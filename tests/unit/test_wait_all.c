/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Blocking until one of several futures is done, or all, or one has failed (F3, P10). */
#include <criterion/criterion.h>
#include <errno.h>
#include <ferry/loop.h>

#include "support/each.h"
#include "support/fixture.h"

TestSuite(wait_all, .timeout = 60);

#define COUNT 4

static ferry_future *futures[COUNT];

static void make(void)
{
	for (int i = 0; i < COUNT; i++)
		cr_assert_eq(ferry_future_new(NULL, &futures[i]), 0);
}

/* Nobody is attached to any of them any more. */
static void drop(void)
{
	for (int i = 0; i < COUNT; i++) {
		if (!ferry_future_snapshot(futures[i]).done)
			cr_assert_null(word_waiters(future_word(futures[i])), "future %d", i);
		futures[i] = ferry_future_unref(futures[i]);
	}
}

static const ferry_wait_until modes[] = { FERRY_ALL_COMPLETED, FERRY_FIRST_COMPLETED,
					  FERRY_FIRST_EXCEPTION };

/* ---- what is done already ---- */

Test(wait_all, the_numbers_of_the_modes_are_ABI)
{
	cr_assert_eq(FERRY_ALL_COMPLETED, 0);
	cr_assert_eq(FERRY_FIRST_COMPLETED, 1);
	cr_assert_eq(FERRY_FIRST_EXCEPTION, 2);
}

Test(wait_all, none_are_all_done)
{
	for (int mode = 0; mode < 3; mode++) {
		cr_assert_eq(ferry_wait_all(NULL, 0, modes[mode], FERRY_NO_DEADLINE), 0);
		cr_assert_eq(ferry_wait_all(futures, 0, modes[mode], 0), 0);
	}
}

Test(wait_all, those_that_are_done_are_counted_without_waiting)
{
	make();
	cr_assert_eq(ferry_future_set_result(futures[2], ferry_result_u64(1)), 0);
	cr_assert_eq(ferry_wait_all(futures, COUNT, FERRY_FIRST_COMPLETED, 0), 1);
	cr_assert_eq(ferry_wait_all(futures, COUNT, FERRY_FIRST_EXCEPTION, 0), -ETIMEDOUT);
	cr_assert_eq(ferry_wait_all(futures, COUNT, FERRY_ALL_COMPLETED, 0), -ETIMEDOUT);
	cr_assert_eq(ferry_wait_any(futures, COUNT, 0), 2);
	cr_assert_eq(ferry_wait_any(futures, 2, 0), -ETIMEDOUT);
	cr_assert_eq(ferry_future_set_cancelled(futures[1]), 0);
	cr_assert_eq(ferry_wait_any(futures, COUNT, 0), 1, "the lowest index");
	cr_assert_eq(ferry_wait_all(futures, COUNT, FERRY_FIRST_EXCEPTION, 0), -ETIMEDOUT,
		     "a cancelled one is no exception");
	cr_assert_eq(ferry_future_set_exception(futures[3], completer_error()), 0);
	cr_assert_eq(ferry_wait_all(futures, COUNT, FERRY_FIRST_EXCEPTION, 0), 3);
	cr_assert_eq(ferry_wait_all(futures, COUNT, FERRY_ALL_COMPLETED, 0), -ETIMEDOUT);
	cr_assert_eq(ferry_future_cancel(futures[0]), 1);
	for (int mode = 0; mode < 3; mode++)
		cr_assert_eq(ferry_wait_all(futures, COUNT, modes[mode], 0), COUNT);
	drop();
}

/* Cancelled and never told to those who waited for it: 87893. */
EACH_COMPLETER(wait_all, a_cancelled_one_counts_as_done_at_once_F3)
{
	struct completer completer;

	completer_begin(&completer, kind, ENDS_WITH_RESULT, ferry_result_u64(1));
	cr_assert_eq(ferry_future_cancel(completer.future), 1);
	for (int mode = 0; mode < 3; mode++)
		cr_assert_eq(ferry_wait_all(&completer.future, 1, modes[mode],
					    FERRY_NO_DEADLINE), 1);
	cr_assert_eq(ferry_wait_any(&completer.future, 1, FERRY_NO_DEADLINE), 0);
	completer_join(&completer);
	ferry_future_unref(completer.future);
}

Test(wait_all, duplicates_are_counted_as_often_as_they_stand_there)
{
	ferry_future *twice[5];

	make();
	for (int i = 0; i < 5; i++)
		twice[i] = futures[i % 2];
	cr_assert_eq(ferry_future_set_result(futures[1], ferry_result_u64(1)), 0);
	cr_assert_eq(ferry_wait_any(twice, 5, 0), 1);
	cr_assert_eq(ferry_wait_all(twice, 5, FERRY_FIRST_COMPLETED, 0), 2);
	cr_assert_eq(ferry_wait_all(twice, 5, FERRY_ALL_COMPLETED, ferry_in_ns(1000000)),
		     -ETIMEDOUT);
	cr_assert_eq(ferry_future_set_result(futures[0], ferry_result_u64(1)), 0);
	cr_assert_eq(ferry_wait_all(twice, 5, FERRY_ALL_COMPLETED, 0), 5);
	drop();
}

/* ---- waiting ---- */

struct waiting {
	ferry_wait_until until;
	uint64_t deadline_ns;
	bool any;
	int said;
	pthread_t thread;
};

static void *wait_for_them(void *arg)
{
	struct waiting *waiting = arg;

	if (waiting->any)
		waiting->said = ferry_wait_any(futures, COUNT, waiting->deadline_ns);
	else
		waiting->said = ferry_wait_all(futures, COUNT, waiting->until,
					       waiting->deadline_ns);
	return NULL;
}

/* Returns when it has attached itself to all that were not done. */
static void waiting_start(struct waiting *waiting)
{
	cr_assert_eq(pthread_create(&waiting->thread, NULL, wait_for_them, waiting), 0);
	for (int i = 0; i < COUNT; i++)
		completer_see_waiter(futures[i]);
}

Test(wait_all, all_completed_waits_for_the_last_F5)
{
	struct waiting waiting = { FERRY_ALL_COMPLETED, FERRY_NO_DEADLINE, .said = -1 };

	make();
	waiting_start(&waiting);
	cr_assert_eq(ferry_future_set_exception(futures[3], completer_error()), 0);
	cr_assert_eq(ferry_future_set_result(futures[0], ferry_result_u64(1)), 0);
	cr_assert_eq(ferry_future_cancel(futures[2]), 1);
	cr_assert_not_null(word_waiters(future_word(futures[1])), "it waits on");
	cr_assert_eq(ferry_future_set_cancelled(futures[1]), 0);
	pthread_join(waiting.thread, NULL);
	cr_assert_eq(waiting.said, COUNT);
	drop();
}

Test(wait_all, first_completed_is_content_with_one_of_any_kind_F3)
{
	for (int how = 0; how < 4; how++)
		for (int any = 0; any < 2; any++) {
			struct waiting waiting = { FERRY_FIRST_COMPLETED, FERRY_NO_DEADLINE, any,
						   .said = -1 };

			make();
			waiting_start(&waiting);
			switch (how) {
			case 0:
				ferry_future_set_result(futures[2], ferry_result_u64(1));
				break;
			case 1:
				ferry_future_set_exception(futures[2], completer_error());
				break;
			case 2:
				ferry_future_set_cancelled(futures[2]);
				break;
			default:
				ferry_future_cancel(futures[2]);
				break;
			}
			pthread_join(waiting.thread, NULL);
			cr_assert_eq(waiting.said, any ? 2 : 1);
			drop();
		}
}

Test(wait_all, first_exception_passes_over_results_and_cancelled_ones_F3)
{
	struct waiting waiting = { FERRY_FIRST_EXCEPTION, FERRY_NO_DEADLINE, .said = -1 };

	make();
	waiting_start(&waiting);
	cr_assert_eq(ferry_future_set_result(futures[0], ferry_result_u64(1)), 0);
	cr_assert_eq(ferry_future_cancel(futures[1]), 1);
	cr_assert_not_null(word_waiters(future_word(futures[2])), "it waits on");
	cr_assert_eq(ferry_future_set_exception(futures[2], completer_error()), 0);
	pthread_join(waiting.thread, NULL);
	cr_assert_eq(waiting.said, 3);
	drop();
}

Test(wait_all, first_exception_without_any_waits_for_all)
{
	struct waiting waiting = { FERRY_FIRST_EXCEPTION, FERRY_NO_DEADLINE, .said = -1 };

	make();
	waiting_start(&waiting);
	for (int i = 0; i < COUNT; i++)
		cr_assert_eq(ferry_future_set_result(futures[i], ferry_result_u64(1)), 0);
	pthread_join(waiting.thread, NULL);
	cr_assert_eq(waiting.said, COUNT);
	drop();
}

EACH_COMPLETER(wait_all, whoever_completes_it_the_wait_ends_F5)
{
	for (int mode = 0; mode < 3; mode++) {
		struct completer completer;
		ferry_future *two[2];

		make();
		cr_assert_eq(ferry_future_set_result(futures[0], ferry_result_u64(1)), 0);
		completer_begin(&completer, kind, ENDS_WITH_EXCEPTION, ferry_result_u64(1));
		two[0] = completer.future;
		two[1] = mode == 1 ? futures[1] : futures[0];
		completer_start(&completer);
		completer.until_watched = kind != COMPLETER_SAME;
		completer_end(&completer);
		cr_assert_eq(ferry_wait_all(two, 2, modes[mode], FERRY_NO_DEADLINE),
			     mode == 1 ? 1 : 2);
		cr_assert_eq(ferry_wait_any(two, 1, FERRY_NO_DEADLINE), 0);
		completer_join(&completer);
		ferry_future_unref(completer.future);
		drop();
	}
}

/* ---- deadlines ---- */

Test(wait_all, at_the_deadline_all_futures_are_as_they_were_F5)
{
	make();
	for (int mode = 0; mode < 3; mode++) {
		uint64_t deadline = ferry_in_ns(1000000);

		cr_assert_eq(ferry_wait_all(futures, COUNT, modes[mode], deadline), -ETIMEDOUT);
		cr_assert_geq(ferry_now_ns(), deadline);
		for (int i = 0; i < COUNT; i++)
			cr_assert_eq(future_word(futures[i]), WORD_PENDING);
	}
	cr_assert_eq(ferry_wait_any(futures, COUNT, ferry_in_ns(1000000)), -ETIMEDOUT);
	cr_assert_eq(ferry_wait_any(futures, COUNT, 0), -ETIMEDOUT);
	for (int i = 0; i < COUNT; i++)
		cr_assert_eq(future_word(futures[i]), WORD_PENDING);
	drop();
}

static int never(void *arg, ferry_result *out)
{
	(void)arg;
	(void)out;
	abort();
}

static struct {
	void (*run)(void *job);
	void *job;
} held[COUNT];

static int hold(void *user, void (*run)(void *job), void *job)
{
	held[*(int *)user].run = run;
	held[*(int *)user].job = job;
	return 0;
}

/* Jobs that are queued for ever, each with a deadline of its own. */
static void make_queued(const uint64_t *delays)
{
	for (int i = 0; i < COUNT; i++) {
		ferry_executor executor = { sizeof(executor), hold, &i };
		ferry_job_options options = FERRY_JOB_OPTIONS_INIT;

		options.deadline_ns = ferry_in_ns(delays[i]);
		cr_assert_eq(ferry_executor_submit(&executor, never, NULL, &options, &futures[i]),
			     0);
	}
}

static void drop_queued(void)
{
	for (int i = 0; i < COUNT; i++) {
		ferry_future_cancel(futures[i]);
		held[i].run(held[i].job);
	}
	drop();
}

Test(wait_all, queued_jobs_are_expired_by_their_waiter_each_at_its_own_deadline_P10)
{
	static const uint64_t delays[COUNT] = { 4000000, 1000000, 3000000, 2000000 };

	make_queued(delays);
	cr_assert_eq(ferry_wait_all(futures, COUNT, FERRY_ALL_COMPLETED, FERRY_NO_DEADLINE), COUNT);
	for (int i = 0; i < COUNT; i++)
		cr_assert_eq(ferry_future_snapshot(futures[i]).exception,
			     ferry_error_from_code(FERRY_ERROR_TIMED_OUT));
	drop_queued();
}

Test(wait_all, the_first_that_expires_ends_the_wait_for_the_first_P10)
{
	static const uint64_t delays[COUNT] = { 60000000000, 60000000000, 2000000, 60000000000 };

	for (int any = 0; any < 3; any++) {
		make_queued(delays);
		if (any == 0)
			cr_assert_eq(ferry_wait_any(futures, COUNT, FERRY_NO_DEADLINE), 2);
		else
			cr_assert_eq(ferry_wait_all(futures, COUNT, modes[any], FERRY_NO_DEADLINE),
				     1);
		cr_assert_eq(ferry_future_snapshot(futures[2]).exception,
			     ferry_error_from_code(FERRY_ERROR_TIMED_OUT));
		drop_queued();
	}
}

Test(wait_all, an_expiry_that_is_not_enough_does_not_end_the_wait_P10)
{
	static const uint64_t delays[COUNT] = { 60000000000, 1000000, 60000000000, 60000000000 };

	make_queued(delays);
	cr_assert_eq(ferry_wait_all(futures, COUNT, FERRY_ALL_COMPLETED, ferry_in_ns(5000000)),
		     -ETIMEDOUT);
	cr_assert_eq(ferry_future_snapshot(futures[1]).done, 1);
	drop_queued();
}

/* ---- wrong arguments, wrong places ---- */

Test(wait_all, wrong_arguments_are_refused_E1)
{
	ferry_future *const hole[2] = { NULL, NULL };
	ferry_future *one[2];

	make();
	one[0] = futures[0];
	one[1] = NULL;
	cr_assert_eq(ferry_wait_any(futures, 0, 0), -EINVAL, "there must be one");
	cr_assert_eq(ferry_wait_any(NULL, 0, 0), -EINVAL);
	cr_assert_eq(ferry_wait_any(NULL, 1, 0), -EINVAL);
	cr_assert_eq(ferry_wait_any(hole, 2, 0), -EINVAL);
	cr_assert_eq(ferry_wait_any(one, 2, 0), -EINVAL);
	cr_assert_eq(ferry_wait_all(NULL, 1, FERRY_ALL_COMPLETED, 0), -EINVAL);
	cr_assert_eq(ferry_wait_all(one, 2, FERRY_ALL_COMPLETED, 0), -EINVAL);
	cr_assert_eq(ferry_wait_all(futures, 1, (ferry_wait_until)3, 0), -EINVAL);
	cr_assert_eq(ferry_wait_all(futures, 1, (ferry_wait_until)-1, 0), -EINVAL);
	cr_assert_eq(ferry_wait_all(futures, 0, (ferry_wait_until)3, 0), -EINVAL);
	/* Refused before the array is read. */
	cr_assert_eq(ferry_wait_any(futures, 1000001, 0), -EINVAL);
	cr_assert_eq(ferry_wait_any(futures, SIZE_MAX, 0), -EINVAL);
	cr_assert_eq(ferry_wait_all(futures, 1000001, FERRY_ALL_COMPLETED, 0), -EINVAL);
	cr_assert_eq(ferry_wait_all(futures, SIZE_MAX, FERRY_ALL_COMPLETED, 0), -EINVAL);
	drop();
}

Test(wait_all, on_a_loops_thread_it_is_refused_unless_enough_are_done_P4)
{
	ferry_loop *loop = fixture_loop();

	make();
	cr_assert_eq(ferry_future_set_result(futures[1], ferry_result_u64(1)), 0);
	cr_assert_eq(ferry_wait_any(futures, COUNT, FERRY_NO_DEADLINE), 1);
	cr_assert_eq(ferry_wait_any(futures, 1, FERRY_NO_DEADLINE), -EDEADLK);
	cr_assert_eq(ferry_wait_any(futures, 1, 0), -EDEADLK);
	cr_assert_eq(ferry_wait_all(futures, COUNT, FERRY_ALL_COMPLETED, 0), -EDEADLK);
	cr_assert_eq(ferry_wait_all(futures, COUNT, FERRY_FIRST_COMPLETED, 0), 1);
	cr_assert_eq(ferry_wait_all(futures, 0, FERRY_ALL_COMPLETED, 0), 0);
	cr_assert_eq(ferry_loop_free(loop), 0);
	drop();
}

static int wait_in_child(void *arg)
{
	struct completer *completer = arg;
	ferry_future *const two[2] = { futures[0], completer->future };
	bool job = completer_is_job(completer);
	int said = ferry_wait_any(two, 2, ferry_in_ns(1000000));

	if (said != (job ? -ECHILD : -ETIMEDOUT))
		return 1;
	said = ferry_wait_all(two, 2, FERRY_ALL_COMPLETED, ferry_in_ns(1000000));
	if (said != (job ? -ECHILD : -ETIMEDOUT))
		return 2;
	if (ferry_future_cancel(completer->future) != 1)
		return 3;
	return ferry_wait_any(two, 2, FERRY_NO_DEADLINE) != 1;
}

EACH_COMPLETER(wait_all, a_forks_child_does_not_wait_for_its_parents_jobs_P6)
{
	struct completer completer;

	make();
	completer_begin(&completer, kind, ENDS_WITH_RESULT, ferry_result_u64(1));
	cr_assert_eq(fixture_in_child(wait_in_child, &completer), 0);
	completer_join(&completer);
	ferry_future_unref(completer.future);
	drop();
}

/* ---- many ---- */

#define MANY 1000000

Test(wait_all, a_million_is_the_most_and_may_all_be_the_same_F5)
{
	ferry_future **many = calloc(MANY, sizeof(*many));

	make();
	for (int i = 0; i < MANY; i++)
		many[i] = futures[0];
	cr_assert_eq(ferry_wait_all(many, MANY, FERRY_ALL_COMPLETED, 0), -ETIMEDOUT);
	cr_assert_eq(ferry_future_set_result(futures[0], ferry_result_u64(1)), 0);
	cr_assert_eq(ferry_wait_all(many, MANY, FERRY_ALL_COMPLETED, 0), MANY);
	cr_assert_eq(ferry_wait_any(many, MANY, 0), 0);
	drop();
	free(many);
}

#define THREADS 100

static struct gate start;
static ferry_future *hammered[THREADS];

static void *complete_one(void *arg)
{
	gate_wait(&start);
	ferry_future_set_result(*(ferry_future **)arg, ferry_result_u64(1));
	return NULL;
}

/* Completions that came while the waiters were installed were not counted: 14406, 20319. */
Test(wait_all, a_hundred_threads_complete_while_somebody_begins_to_wait)
{
	pthread_t threads[THREADS];

	for (int round = 0; round < 20; round++) {
		gate_init(&start);
		for (int i = 0; i < THREADS; i++) {
			cr_assert_eq(ferry_future_new(NULL, &hammered[i]), 0);
			cr_assert_eq(pthread_create(&threads[i], NULL, complete_one, &hammered[i]),
				     0);
		}
		gate_await(&start, THREADS);
		gate_open(&start);
		cr_assert_eq(ferry_wait_all(hammered, THREADS, FERRY_ALL_COMPLETED,
					    FERRY_NO_DEADLINE), THREADS);
		for (int i = 0; i < THREADS; i++) {
			pthread_join(threads[i], NULL);
			ferry_future_unref(hammered[i]);
		}
		gate_destroy(&start);
	}
}
