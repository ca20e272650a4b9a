/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Calls: soon, from another thread, at a time; each once, from the loop, in order (L2). */
#include <criterion/criterion.h>
#include <errno.h>
#include <pthread.h>

#include "support/fixture.h"

TestSuite(call, .timeout = 60);

#define FAR ferry_in_ns(3600000000000)

/* What was called, in order. */
static struct {
	int order[64], calls;
	pthread_t by;
} diary;
static ferry_loop *loop;

static void begin(void)
{
	loop = fixture_loop();
}

static void end(void)
{
	ferry_loop_free(loop);
}

static void note(ferry_loop *which, void *user)
{
	cr_assert_eq(which, loop);
	diary.order[diary.calls++] = (int)(intptr_t)user;
	diary.by = pthread_self();
}

static void *number(int n)
{
	return (void *)(intptr_t)n;
}

/* Runs the loop; these numbers were noted, in this order, and then 0. */
static void run_and_check(const int *expected)
{
	cr_assert_eq(ferry_loop_run(loop), 0);
	for (int i = 0; i < diary.calls; i++)
		cr_assert_eq(diary.order[i], expected[i], "call %d was %d", i, diary.order[i]);
	cr_assert_eq(expected[diary.calls], 0, "%d calls", diary.calls);
}

#define check_calls(...) run_and_check((const int[]){ __VA_ARGS__, 0 })

/* ---- soon ---- */

Test(call, L2_soon_is_not_now, .init = begin, .fini = end)
{
	cr_assert_eq(ferry_loop_call_soon(loop, note, number(1)), 0);
	cr_assert_eq(diary.calls, 0);
	check_calls(1);
}

Test(call, soon_calls_are_first_in_first_out, .init = begin, .fini = end)
{
	for (int i = 1; i <= 5; i++)
		ferry_loop_call_soon(loop, note, number(i));
	check_calls(1, 2, 3, 4, 5);
}

static void note_and_add(ferry_loop *which, void *user)
{
	note(which, user);
	cr_assert_eq(ferry_loop_call_soon(which, note, number((int)(intptr_t)user + 10)), 0);
	cr_assert_eq(diary.calls, (int)(intptr_t)user, "not inside the call that asks");
}

Test(call, one_that_a_call_adds_waits_for_the_next_turn, .init = begin, .fini = end)
{
	ferry_loop_call_soon(loop, note_and_add, number(1));
	ferry_loop_call_soon(loop, note_and_add, number(2));
	cr_assert_eq(ferry_loop_dispatch(loop, 0), 2);
	cr_assert_eq(diary.calls, 2);
	check_calls(1, 2, 11, 12);
}

Test(call, the_same_call_may_be_asked_for_twice, .init = begin, .fini = end)
{
	ferry_loop_call_soon(loop, note, number(7));
	ferry_loop_call_soon(loop, note, number(7));
	check_calls(7, 7);
}

/* ---- from another thread ---- */

static void call_from_here(void *arg)
{
	cr_assert_eq(ferry_loop_call_soon_threadsafe(loop, note, arg), 0);
}

Test(call, from_another_thread_it_runs_on_the_loops_thread, .init = begin, .fini = end)
{
	fixture_elsewhere(call_from_here, number(3));
	cr_assert_eq(diary.calls, 0);
	check_calls(3);
	cr_assert(pthread_equal(diary.by, pthread_self()));
}

Test(call, L1_calls_from_one_thread_come_in_the_order_made_and_ring_once, .init = begin,
     .fini = end)
{
	for (int i = 1; i <= 9; i++)
		cr_assert_eq(ferry_loop_call_soon_threadsafe(loop, note, number(i)), 0);
	check_calls(1, 2, 3, 4, 5, 6, 7, 8, 9);
	cr_assert_eq(fixture_loop_counters(loop).rings, 1);
	cr_assert_eq(fixture_loop_counters(loop).posts, 9);
}

static void call_from_afar_and_wake(void *arg)
{
	pthread_barrier_t *both = arg;

	pthread_barrier_wait(both);
	ferry_loop_call_soon_threadsafe(loop, note, number(1));
}

static void *errand(void *arg)
{
	call_from_afar_and_wake(arg);
	return NULL;
}

Test(call, L1_one_wakes_a_loop_that_sleeps, .init = begin, .fini = end)
{
	for (int i = 0; i < 200; i++) {
		pthread_barrier_t both;
		ferry_timer *alarm_clock;
		pthread_t thread;

		pthread_barrier_init(&both, NULL, 2);
		pthread_create(&thread, NULL, errand, &both);
		/* Something is pending, so it sleeps, for an hour if nobody rings. */
		cr_assert_eq(ferry_loop_call_at(loop, FAR, note, number(2), &alarm_clock), 0);
		pthread_barrier_wait(&both);
		diary.calls = 0;
		cr_assert_eq(ferry_loop_run_once(loop, FERRY_NO_DEADLINE), 1);
		cr_assert_eq(diary.calls, 1);
		cr_assert_eq(ferry_timer_cancel(alarm_clock), 0);
		pthread_join(thread, NULL);
		pthread_barrier_destroy(&both);
	}
}

#define THREADS 4
#define CALLS 5000
static long handled;

static void add_one(ferry_loop *which, void *user)
{
	(void)which, (void)user;
	handled++;
}

static void *call_often(void *arg)
{
	for (int i = 0; i < CALLS; i++)
		if (ferry_loop_call_soon_threadsafe(loop, add_one, NULL))
			return arg;
	return NULL;
}

Test(call, L1_N_posts_give_N_deliveries_and_at_most_a_ring_per_turn, .init = begin, .fini = end)
{
	pthread_t threads[THREADS];
	ferry_loop_counters counters;

	for (int i = 0; i < THREADS; i++)
		pthread_create(&threads[i], NULL, call_often, loop);
	while (handled < THREADS * CALLS) {
		ferry_timer *alarm_clock;

		cr_assert_eq(ferry_loop_call_at(loop, FAR, note, NULL, &alarm_clock), 0);
		cr_assert_geq(ferry_loop_run_once(loop, FERRY_NO_DEADLINE), 0);
		cr_assert_eq(ferry_timer_cancel(alarm_clock), 0);
	}
	for (int i = 0; i < THREADS; i++) {
		void *failed;

		pthread_join(threads[i], &failed);
		cr_assert_null(failed);
	}
	counters = fixture_loop_counters(loop);
	cr_assert_eq(handled, THREADS * CALLS);
	cr_assert_eq(counters.posts, THREADS * CALLS);
	/* It is armed twice around each turn: to sleep, and when run_once leaves. */
	cr_assert_leq(counters.rings, 2 * counters.turns + 1);
	cr_assert_eq(counters.ring_failures, 0);
}

/* ---- at a time ---- */

Test(call, at_a_time_that_has_passed_is_the_next_turn_and_not_now, .init = begin, .fini = end)
{
	cr_assert_eq(ferry_loop_call_at(loop, 0, note, number(1), NULL), 0);
	cr_assert_eq(ferry_loop_call_at(loop, ferry_now_ns(), note, number(2), NULL), 0);
	cr_assert_eq(diary.calls, 0);
	cr_assert_eq(ferry_loop_dispatch(loop, 0), 2);
	check_calls(1, 2);
}

Test(call, none_is_early, .init = begin, .fini = end)
{
	uint64_t deadline = ferry_in_ns(2000000);

	cr_assert_eq(ferry_loop_call_at(loop, deadline, note, number(1), NULL), 0);
	check_calls(1);
	cr_assert_geq(ferry_now_ns(), deadline);
}

Test(call, earlier_ones_come_first_and_equals_in_the_order_made, .init = begin, .fini = end)
{
	ferry_loop_call_at(loop, 30, note, number(4), NULL);
	ferry_loop_call_at(loop, 10, note, number(1), NULL);
	ferry_loop_call_at(loop, 20, note, number(2), NULL);
	ferry_loop_call_at(loop, 20, note, number(3), NULL);
	check_calls(1, 2, 3, 4);
}

Test(call, never_is_no_time, .init = begin, .fini = end)
{
	ferry_timer *timer = NULL;

	cr_assert_eq(ferry_loop_call_at(loop, FERRY_NO_DEADLINE, note, NULL, &timer), -EINVAL);
	cr_assert_null(timer);
	cr_assert_eq(ferry_loop_pending(loop), 0);
	cr_assert_eq(ferry_loop_call_at(loop, FERRY_NO_DEADLINE - 1, note, NULL, &timer), 0);
	cr_assert_eq(ferry_loop_pending(loop), 1);
	cr_assert_eq(ferry_timer_cancel(timer), 0);
}

Test(call, one_that_is_cancelled_does_not_run, .init = begin, .fini = end)
{
	ferry_timer *timers[3];

	for (int i = 0; i < 3; i++)
		ferry_loop_call_at(loop, 0, note, number(i + 1), &timers[i]);
	cr_assert_eq(ferry_timer_cancel(timers[1]), 0);
	cr_assert_eq(ferry_loop_pending(loop), 2);
	check_calls(1, 3);
}

static ferry_timer *victim;

static void cancel_victim(ferry_loop *which, void *user)
{
	note(which, user);
	cr_assert_eq(ferry_timer_cancel(victim), 0);
}

Test(call, one_that_is_due_may_be_cancelled_by_the_one_before_it, .init = begin, .fini = end)
{
	ferry_loop_call_at(loop, 0, cancel_victim, number(1), NULL);
	ferry_loop_call_at(loop, 0, note, number(2), &victim);
	ferry_loop_call_at(loop, 0, note, number(3), NULL);
	check_calls(1, 3);
}

static int rounds;

static void again(ferry_loop *which, void *user)
{
	note(which, user);
	if (++rounds < 5)
		ferry_loop_call_at(which, 0, again, user, NULL);
}

Test(call, L5_one_that_adds_itself_anew_runs_once_a_turn, .init = begin, .fini = end)
{
	ferry_loop_call_at(loop, 0, again, number(1), NULL);
	for (int turn = 1; turn <= 5; turn++) {
		cr_assert_eq(ferry_loop_dispatch(loop, 0), 1);
		cr_assert_eq(diary.calls, turn);
	}
	cr_assert_eq(ferry_loop_pending(loop), 0);
}

Test(call, L5_one_that_adds_itself_anew_does_not_starve_others_that_are_due, .init = begin,
     .fini = end)
{
	ferry_loop_call_at(loop, 0, again, number(1), NULL);
	ferry_loop_call_at(loop, ferry_now_ns(), note, number(2), NULL);
	cr_assert_eq(ferry_loop_dispatch(loop, 0), 2);
	check_calls(1, 2, 1, 1, 1, 1);
}

static void add_two(ferry_loop *which, void *user)
{
	note(which, user);
	ferry_loop_call_at(which, FAR, note, number(9), &victim);
	ferry_loop_call_at(which, 0, cancel_victim, number(2), NULL);
}

Test(call, timers_may_be_added_and_cancelled_from_timers, .init = begin, .fini = end)
{
	ferry_loop_call_at(loop, 0, add_two, number(1), NULL);
	check_calls(1, 2);
}

Test(call, a_million_timers_are_pending_and_can_be_cancelled, .init = begin, .fini = end)
{
	enum { MILLION = 1000000 };
	ferry_timer **timers = malloc(MILLION * sizeof(*timers));

	for (int i = 0; i < MILLION; i++)
		if (ferry_loop_call_at(loop, FAR, note, NULL, &timers[i]))
			cr_assert_fail("timer %d was refused", i);
	cr_assert_eq(ferry_loop_pending(loop), MILLION);
	ferry_loop_call_at(loop, 0, note, number(1), NULL);
	cr_assert_eq(ferry_loop_run_once(loop, 0), 1, "the one that is due is found among them");
	for (int i = 0; i < MILLION; i += 2)
		if (ferry_timer_cancel(timers[i]))
			cr_assert_fail("timer %d cannot be cancelled", i);
	cr_assert_eq(fixture_loop_counters(loop).timers, MILLION / 2);
	free(timers); /* the other half goes with the loop */
}

static void cancel_elsewhere(void *arg)
{
	cr_assert_eq(ferry_timer_cancel(arg), -EPERM);
}

Test(call, another_thread_cannot_cancel_a_timer, .init = begin, .fini = end)
{
	ferry_timer *timer;

	ferry_loop_call_at(loop, 0, note, number(1), &timer);
	fixture_elsewhere(cancel_elsewhere, timer);
	check_calls(1);
}
