/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The concurrent future: what a snapshot sees, cancelling, taking (F1-F4, F7), whoever
 * completes it. Promises of one's own are in test_promise.c, waiters in test_waiters.c,
 * references in test_reference.c.
 */
#include <criterion/criterion.h>
#include <errno.h>
#include <ferry/loop.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/atomic.h"
#include "support/each.h"
#include "support/token.h"

TestSuite(future, .timeout = 60);

static void check_pending(ferry_future *future)
{
	ferry_snapshot snapshot = ferry_future_snapshot(future);

	cr_assert_eq(snapshot.done, 0);
	cr_assert_eq(snapshot.cancelled, 0);
	cr_assert_eq(snapshot.result.u64, 0);
	cr_assert_null(snapshot.result.disposer);
	cr_assert_null(snapshot.exception);
}

static void check_cancelled(ferry_future *future)
{
	ferry_snapshot snapshot = ferry_future_snapshot(future);

	cr_assert_eq(snapshot.done, 1);
	cr_assert_eq(snapshot.cancelled, 1);
	cr_assert_eq(snapshot.result.u64, 0);
	cr_assert_null(snapshot.result.disposer);
	cr_assert_null(snapshot.exception);
}

static void check_ended(ferry_future *future, enum completer_ending ending, uint64_t number)
{
	ferry_snapshot snapshot = ferry_future_snapshot(future);

	cr_assert_eq(snapshot.done, 1);
	cr_assert_eq(snapshot.cancelled, ending == ENDS_CANCELLED);
	cr_assert_eq(snapshot.result.u64, ending == ENDS_WITH_RESULT ? number : 0);
	cr_assert_eq(snapshot.exception, ending == ENDS_WITH_EXCEPTION ? completer_error() : NULL);
}

Test(future, alone_it_fits_a_cache_line)
{
	cr_assert_leq(sizeof(struct ferry_future), 64);
	cr_assert_eq(sizeof(ferry_snapshot), 32);
}

/* ---- looking ---- */

EACH_COMPLETER(future, a_snapshot_tells_pending_running_and_each_outcome_F1_F2)
{
	for (enum completer_ending ending = 0; ending < ENDINGS; ending++) {
		struct completer completer;

		completer_begin(&completer, kind, ending, ferry_result_u64(UINT64_MAX));
		check_pending(completer.future);
		completer_start(&completer);
		check_pending(completer.future);
		cr_assert_eq(completer.begun, 0);
		completer_end(&completer);
		cr_assert_eq(ferry_future_wait(completer.future, FERRY_NO_DEADLINE), 0);
		check_ended(completer.future, ending, UINT64_MAX);
		completer_join(&completer);
		check_ended(completer.future, ending, UINT64_MAX);
		cr_assert_eq(completer.completed, 0);
		cr_assert_eq(completer.calls, 1);
		ferry_future_unref(completer.future);
	}
}

EACH_COMPLETER(future, it_may_go_from_pending_to_done_F1)
{
	for (enum completer_ending ending = 0; ending < ENDINGS; ending++) {
		struct completer completer;

		completer_begin(&completer, kind, ending, ferry_result_u64(3));
		completer_join(&completer);
		check_ended(completer.future, ending, 3);
		ferry_future_unref(completer.future);
	}
}

EACH_COMPLETER(future, all_that_was_written_before_is_seen_with_a_done_snapshot_F2)
{
	for (int round = 0; round < 50; round++) {
		struct completer completer;

		completer_begin(&completer, kind, ENDS_WITH_RESULT, ferry_result_u64(5));
		completer_start(&completer);
		completer_end(&completer);
		while (!ferry_future_snapshot(completer.future).done)
			sched_yield();
		/* Written by the completing thread, without an order of its own. */
		cr_assert_eq(pthread_equal(completer.by, pthread_self()),
			     kind == COMPLETER_SAME);
		completer_join(&completer);
		ferry_future_unref(completer.future);
	}
}

Test(future, of_no_future_the_snapshot_is_all_zero)
{
	check_pending(NULL);
}

/*
 * A lock, a count or a wait would have to write: here every look is at memory that
 * cannot be written to. So would a change of a future that is done.
 */
Test(future, looking_writes_nothing_in_any_state_F2)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	struct ferry_future *future = mmap(NULL, page, PROT_READ | PROT_WRITE,
					   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	static const uintptr_t lists[] = { 0, WORD_LIST };

	cr_assert_neq(future, MAP_FAILED);
	for (uintptr_t phase = WORD_PENDING; phase < WORD_DONE; phase++)
		for (int list = 0; list < 2; list++) {
			mprotect(future, page, PROT_READ | PROT_WRITE);
			future_init(future, NULL, 0, 1);
			/* Relaxed: there is one thread. */
			atomic_store_relaxed(&future->word, phase | lists[list]);
			mprotect(future, page, PROT_READ);
			check_pending(future);
			cr_assert_eq(ferry_future_cancel_requested(future),
				     phase == WORD_RUNNING_ASKED);
		}
	munmap(future, page);
}

Test(future, nothing_is_written_to_a_done_one_but_who_took_the_result_F2_F4)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	struct ferry_future *future = mmap(NULL, page, PROT_READ | PROT_WRITE,
					   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ferry_waiter waiter = { NULL, (void (*)(ferry_waiter *))abort };

	cr_assert_neq(future, MAP_FAILED);
	for (enum completer_ending ending = 0; ending < ENDINGS; ending++) {
		static const enum word_outcome outcomes[] = {
			[ENDS_WITH_RESULT] = WORD_RESULT,
			[ENDS_WITH_EXCEPTION] = WORD_EXCEPTION,
			[ENDS_CANCELLED] = WORD_CANCELLED,
		};
		ferry_result result = ferry_result_u64(1);

		mprotect(future, page, PROT_READ | PROT_WRITE);
		future_init(future, NULL, 0, 1);
		cr_assert_eq(future_set_running(future), 0);
		future_finish(future, outcomes[ending], ferry_result_u64(4), completer_error());
		if (ending == ENDS_WITH_RESULT)
			cr_assert_eq(ferry_future_take(future, &result), 0);
		mprotect(future, page, PROT_READ);

		check_ended(future, ending, 4);
		cr_assert_eq(ferry_future_cancel_requested(future), ending == ENDS_CANCELLED);
		cr_assert_eq(ferry_future_cancel(future), -EALREADY);
		cr_assert_eq(ferry_future_set_running(future),
			     ending == ENDS_CANCELLED ? -ECANCELED : -EALREADY);
		cr_assert_eq(ferry_future_set_result(future, result), -EALREADY);
		cr_assert_eq(ferry_future_set_exception(future, completer_error()), -EALREADY);
		cr_assert_eq(ferry_future_set_cancelled(future), -EALREADY);
		cr_assert_eq(ferry_future_attach(future, &waiter), -EALREADY);
		cr_assert_eq(ferry_future_detach(future, &waiter), 0);
		cr_assert_eq(ferry_future_take(future, &result),
			     ending == ENDS_WITH_RESULT ? -EALREADY : -ENODATA);
		cr_assert_eq(ferry_future_wait(future, FERRY_NO_DEADLINE), 0);
	}
	munmap(future, page);
}

static struct ferry_future held;

static void *finish_held(void *arg)
{
	gate_wait(arg);
	future_finish(&held, WORD_RESULT, ferry_result_u64(7), NULL);
	return NULL;
}

/* Somebody who took LIST to expire it before it ran may still be about to write. */
Test(future, the_outcome_of_a_job_is_not_written_while_another_holds_LIST_F2)
{
	struct gate gate;
	pthread_t thread;
	uint64_t until;

	gate_init(&gate);
	future_init(&held, NULL, FUTURE_JOB, 1);
	held.result = ferry_result_u64(1);
	cr_assert_eq(future_set_running(&held), 0);
	atomic_or_acq_rel(&held.word, WORD_LIST);
	cr_assert_eq(pthread_create(&thread, NULL, finish_held, &gate), 0);
	gate_open(&gate);
	gate_await(&gate, 1);
	/* Only a broken library writes before the time is over. */
	until = ferry_in_ns(20000000);
	while (held.result.u64 == 1 && ferry_now_ns() < until)
		sched_yield();
	cr_assert_eq(held.result.u64, 1);
	held.exception = completer_error();
	atomic_add_acq_rel(&held.word, (uintptr_t)0 - WORD_LIST);
	pthread_join(thread, NULL);
	check_ended(&held, ENDS_WITH_RESULT, 7);
}

/* ---- a fork's child ---- */

/* As a child finds one whose LIST another thread of the parent held as it forked. */
static void leave_behind(struct ferry_future *future, unsigned flags, uintptr_t word)
{
	future_init(future, NULL, flags, 1);
	/* Relaxed, both: there is one thread. */
	atomic_store_relaxed(&future->generation, (uint8_t)(process_generation + 3));
	atomic_store_relaxed(&future->word, word);
}

static void not_told(ferry_waiter *waiter)
{
	(void)waiter;
	abort();
}

Test(future, what_a_fork_left_held_is_refused_and_nobody_waits_P6, .timeout = 10)
{
	ferry_waiter waiter = { NULL, not_told };
	ferry_as_completed *iteration;
	struct ferry_future left;
	ferry_future *futures[2];

	leave_behind(&left, 0, WORD_PENDING | WORD_LIST);
	futures[1] = &left;
	cr_assert_eq(ferry_future_new(NULL, &futures[0]), 0);
	check_pending(&left);
	cr_assert_eq(ferry_future_attach(&left, &waiter), -ECHILD);
	cr_assert_eq(ferry_future_detach(&left, &waiter), -ECHILD);
	cr_assert_eq(ferry_future_cancel(&left), -ECHILD);
	cr_assert_eq(ferry_future_set_result(&left, ferry_result_u64(1)), -ECHILD);
	cr_assert_eq(ferry_future_set_exception(&left, completer_error()), -ECHILD);
	cr_assert_eq(ferry_future_set_cancelled(&left), -ECHILD);
	cr_assert_eq(ferry_future_wait(&left, FERRY_NO_DEADLINE), -ECHILD);
	cr_assert_eq(ferry_wait_any(futures, 2, FERRY_NO_DEADLINE), -ECHILD);
	cr_assert_eq(ferry_as_completed_new(futures, 2, &iteration), -ECHILD);
	/* The other one is watched no more. */
	cr_assert_null(word_waiters(future_word(futures[0])));
	/* What never waits for LIST goes on. */
	cr_assert_eq(ferry_future_set_running(&left), 0);
	cr_assert_eq(ferry_future_cancel(&left), 0);
	cr_assert_eq(ferry_future_cancel(&left), 0);
	cr_assert_eq(ferry_future_cancel_requested(&left), 1);
	ferry_future_unref(futures[0]);
}

static struct ferry_future left_free;

static void *give_list_back(void *arg)
{
	(void)arg;
	/* The other one waits by now, or finds it free: both are well. */
	for (int i = 0; i < 100; i++)
		sched_yield();
	atomic_add_acq_rel(&left_free.word, (uintptr_t)0 - WORD_LIST);
	return NULL;
}

/* LIST is taken in the child for the first time: a second thread there waits for it. */
Test(future, what_a_fork_left_free_is_waited_for_when_it_is_held_here_P6, .timeout = 10)
{
	static const unsigned kinds[] = { 0, FUTURE_JOB };

	for (int i = 0; i < 2; i++) {
		ferry_waiter waiters[2] = { { NULL, not_told }, { NULL, not_told } };
		pthread_t thread;

		leave_behind(&left_free, kinds[i], WORD_PENDING);
		cr_assert_eq(future_is_orphan(&left_free), kinds[i] == FUTURE_JOB);
		cr_assert_eq(ferry_future_attach(&left_free, &waiters[0]), 0);
		cr_assert_eq(ferry_future_detach(&left_free, &waiters[0]), 1);
		cr_assert_eq(future_is_orphan(&left_free), kinds[i] == FUTURE_JOB);
		atomic_or_acq_rel(&left_free.word, WORD_LIST);
		cr_assert_eq(pthread_create(&thread, NULL, give_list_back, NULL), 0);
		cr_assert_eq(ferry_future_attach(&left_free, &waiters[1]), 0);
		pthread_join(thread, NULL);
		cr_assert_eq(ferry_future_detach(&left_free, &waiters[1]), 1);
	}
}

/* ---- cancelling ---- */

EACH_COMPLETER(future, cancelling_a_pending_one_ends_it_at_once_and_it_never_runs_F3)
{
	struct completer completer;

	completer_begin(&completer, kind, ENDS_WITH_RESULT, ferry_result_u64(1));
	cr_assert_eq(ferry_future_cancel_requested(completer.future), 0);
	cr_assert_eq(ferry_future_cancel(completer.future), 1);
	check_cancelled(completer.future);
	cr_assert_eq(ferry_future_cancel_requested(completer.future), 1);
	cr_assert_eq(completer.asked, 1);
	completer_start(&completer);
	completer_join(&completer);
	if (completer_is_job(&completer)) {
		cr_assert_eq(completer.calls, 0, "the function never runs");
		cr_assert_eq(completer.released, 1, "its argument is given back once");
	} else {
		cr_assert_eq(completer.begun, -ECANCELED, "set_running tells that it lost");
		cr_assert_eq(completer.completed, -EALREADY);
	}
	check_cancelled(completer.future);
	ferry_future_unref(completer.future);
}

EACH_COMPLETER(future, cancelling_a_running_one_only_asks_and_its_outcome_stands_F3)
{
	for (enum completer_ending ending = 0; ending < ENDINGS; ending++) {
		struct completer completer;

		completer_begin(&completer, kind, ending, ferry_result_u64(9));
		completer_start(&completer);
		cr_assert_eq(ferry_future_cancel_requested(completer.future), 0);
		cr_assert_eq(ferry_future_cancel(completer.future), 0);
		cr_assert_eq(ferry_future_cancel_requested(completer.future), 1);
		check_pending(completer.future);
		cr_assert_eq(ferry_future_cancel(completer.future), 0, "asking again is no error");
		completer_join(&completer);
		check_ended(completer.future, ending, 9);
		cr_assert_eq(ferry_future_cancel_requested(completer.future), 1);
		cr_assert_eq(completer.asked, 1, "on_cancel is called by the first only");
		ferry_future_unref(completer.future);
	}
}

EACH_COMPLETER(future, cancelling_a_done_one_changes_nothing_F4)
{
	for (enum completer_ending ending = 0; ending < ENDINGS; ending++) {
		struct completer completer;
		uintptr_t word;

		completer_begin(&completer, kind, ending, ferry_result_u64(9));
		completer_join(&completer);
		word = future_word(completer.future);
		cr_assert_eq(ferry_future_cancel(completer.future), -EALREADY);
		cr_assert_eq(future_word(completer.future), word);
		cr_assert_eq(ferry_future_cancel_requested(completer.future),
			     ending == ENDS_CANCELLED);
		check_ended(completer.future, ending, 9);
		cr_assert_eq(completer.asked, 0);
		ferry_future_unref(completer.future);
	}
}

EACH_COMPLETER(future, cancelling_twice_is_refused_the_second_time_F4)
{
	struct completer completer;

	completer_begin(&completer, kind, ENDS_WITH_RESULT, ferry_result_u64(9));
	cr_assert_eq(ferry_future_cancel(completer.future), 1);
	cr_assert_eq(ferry_future_cancel(completer.future), -EALREADY);
	cr_assert_eq(completer.asked, 1);
	completer_join(&completer);
	ferry_future_unref(completer.future);
}

#define CANCELLERS 4
static struct gate start;
static _Atomic int won;

static void *cancel_one(void *future)
{
	gate_wait(&start);
	if (ferry_future_cancel(future) == 1)
		atomic_add_relaxed(&won, 1); /* Relaxed: read after they were joined. */
	return NULL;
}

EACH_COMPLETER(future, of_many_who_cancel_one_wins_F3)
{
	for (int round = 0; round < 50; round++) {
		struct completer completer;
		pthread_t threads[CANCELLERS];

		atomic_store_relaxed(&won, 0); /* Relaxed: nobody is there. */
		gate_init(&start);
		completer_begin(&completer, kind, ENDS_WITH_RESULT, ferry_result_u64(9));
		for (int i = 0; i < CANCELLERS; i++)
			cr_assert_eq(pthread_create(&threads[i], NULL, cancel_one,
						    completer.future), 0);
		gate_open(&start);
		for (int i = 0; i < CANCELLERS; i++)
			pthread_join(threads[i], NULL);
		cr_assert_eq(won, 1);
		cr_assert_eq(completer.asked, 1);
		completer_join(&completer);
		ferry_future_unref(completer.future);
		gate_destroy(&start);
	}
}

/* ---- taking ---- */

EACH_COMPLETER(future, a_result_is_taken_once_and_is_then_the_takers_F7)
{
	uint64_t before = ferry_disposed_count();
	struct token token = { 0 };
	struct completer completer;
	ferry_result result = ferry_result_u64(1), again = result;

	completer_begin(&completer, kind, ENDS_WITH_RESULT, token_result(&token, &token_anywhere));
	cr_assert_eq(ferry_future_take(completer.future, &result), -EAGAIN);
	completer_start(&completer);
	cr_assert_eq(ferry_future_take(completer.future, &result), -EAGAIN);
	cr_assert_eq(result.u64, 1, "an output is untouched on failure");
	completer_join(&completer);
	cr_assert_eq(ferry_future_take(completer.future, &result), 0);
	cr_assert_eq(result.pointer, &token);
	cr_assert_eq(result.disposer, &token_anywhere);
	cr_assert_eq(ferry_future_take(completer.future, &again), -EALREADY);
	cr_assert_eq(again.u64, 1);
	cr_assert_eq(ferry_future_snapshot(completer.future).result.pointer, &token,
		     "it still tells what it was");
	ferry_future_unref(completer.future);
	cr_assert_eq(token.disposed, 0);
	cr_assert_eq(ferry_disposed_count(), before);
}

EACH_COMPLETER(future, where_there_is_no_result_nothing_can_be_taken_F7)
{
	for (enum completer_ending ending = ENDS_WITH_EXCEPTION; ending < ENDINGS; ending++) {
		struct completer completer;
		ferry_result result = ferry_result_u64(1);

		completer_begin(&completer, kind, ending, result);
		completer_join(&completer);
		cr_assert_eq(ferry_future_take(completer.future, &result), -ENODATA);
		cr_assert_eq(result.u64, 1);
		ferry_future_unref(completer.future);
	}
}

static struct token *taken_by;
static _Atomic int takers;

static void *take_one(void *future)
{
	ferry_result result;

	gate_wait(&start);
	if (ferry_future_take(future, &result) == 0) {
		taken_by = result.pointer;
		atomic_add_relaxed(&takers, 1); /* Relaxed: read after they were joined. */
	}
	ferry_future_unref(future);
	return NULL;
}

EACH_COMPLETER(future, of_many_who_take_one_wins_F7)
{
	for (int round = 0; round < 50; round++) {
		struct token token = { 0 };
		struct completer completer;
		pthread_t threads[CANCELLERS];

		atomic_store_relaxed(&takers, 0); /* Relaxed: nobody is there. */
		gate_init(&start);
		completer_begin(&completer, kind, ENDS_WITH_RESULT,
				token_result(&token, &token_anywhere));
		completer_join(&completer);
		for (int i = 0; i < CANCELLERS; i++)
			cr_assert_eq(pthread_create(&threads[i], NULL, take_one,
						    ferry_future_ref(completer.future)), 0);
		ferry_future_unref(completer.future);
		gate_open(&start);
		for (int i = 0; i < CANCELLERS; i++)
			pthread_join(threads[i], NULL);
		cr_assert_eq(takers, 1);
		cr_assert_eq(taken_by, &token);
		cr_assert_eq(token.disposed, 0);
		gate_destroy(&start);
	}
}

/* ---- wrong arguments ---- */

Test(future, no_future_is_refused_everywhere_but_where_it_makes_sense_E1)
{
	ferry_waiter waiter = { NULL, (void (*)(ferry_waiter *))abort };
	ferry_result result = ferry_result_u64(1);

	cr_assert_null(ferry_future_ref(NULL));
	cr_assert_null(ferry_future_unref(NULL));
	cr_assert_eq(ferry_future_take(NULL, &result), -EINVAL);
	cr_assert_eq(ferry_future_cancel(NULL), -EINVAL);
	cr_assert_eq(ferry_future_cancel_requested(NULL), -EINVAL);
	cr_assert_eq(ferry_future_set_running(NULL), -EINVAL);
	cr_assert_eq(ferry_future_set_result(NULL, result), -EINVAL);
	cr_assert_eq(ferry_future_set_exception(NULL, completer_error()), -EINVAL);
	cr_assert_eq(ferry_future_set_cancelled(NULL), -EINVAL);
	cr_assert_eq(ferry_future_attach(NULL, &waiter), -EINVAL);
	cr_assert_eq(ferry_future_detach(NULL, &waiter), -EINVAL);
	cr_assert_eq(ferry_future_wait(NULL, FERRY_NO_DEADLINE), -EINVAL);
	cr_assert_eq(result.u64, 1);
}

EACH_COMPLETER(future, taking_to_nowhere_takes_nothing_E1)
{
	struct completer completer;
	ferry_result result;

	completer_begin(&completer, kind, ENDS_WITH_RESULT, ferry_result_u64(2));
	cr_assert_eq(ferry_future_take(completer.future, NULL), -EINVAL);
	completer_join(&completer);
	cr_assert_eq(ferry_future_take(completer.future, NULL), -EINVAL);
	cr_assert_eq(ferry_future_take(completer.future, &result), 0);
	ferry_future_unref(completer.future);
}
