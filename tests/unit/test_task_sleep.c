/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Sleeping tasks: from when the time runs, in which order they go on, who can end it. */
#include <criterion/criterion.h>

#include "base/clock.h"
#include "support/actor.h"

TestSuite(task_sleep, .timeout = 60);

static ferry_loop *loop;

static void begin(void)
{
	loop = fixture_loop();
}

static void end(void)
{
	cr_assert_eq(ferry_loop_free(loop), 0);
	cr_assert(diary_is(""), "nothing was told that the test did not look at");
}

static void turn(void)
{
	cr_assert_geq(ferry_loop_run_once(loop, 0), 0);
}

static size_t timers(void)
{
	return fixture_loop_counters(loop).timers;
}

/* What an actor awaits. */
static ferry_awaitable *until(ferry_sleep *sleep, uint64_t deadline_ns)
{
	return &ferry_sleep_until(sleep, loop, deadline_ns)->awaitable;
}

#define HOUR ferry_in_ns(3600000000000)

Test(task_sleep, a_time_that_has_passed_is_the_next_turn, .init = begin, .fini = end)
{
	ferry_sleep sleeps[2];
	struct actor zero = { .name = "z", .awaits = until(&sleeps[0], 0) };
	struct actor past = { .name = "p", .awaits = until(&sleeps[1], clock_now()) };

	actor_begin(&zero, loop, NULL);
	actor_begin(&past, loop, NULL);
	cr_assert(diary_is("z: p:"));
	cr_assert_eq(timers(), 2);
	turn();
	cr_assert(diary_is("z. z) p. p)"));
	cr_assert_eq(timers(), 0);
	cr_assert_eq(fixture_loop_counters(loop).callbacks, 2, "a timer each, and nothing else");
}

Test(task_sleep, nobody_goes_on_before_the_time, .init = begin, .fini = end)
{
	uint64_t deadline_ns = ferry_in_ns(2000000);
	ferry_sleep sleep;
	struct actor task = { .name = "t", .awaits = until(&sleep, deadline_ns) };

	actor_begin(&task, loop, NULL);
	cr_assert_eq(ferry_loop_run(loop), 0);
	cr_assert(diary_is("t: t. t)"));
	cr_assert_geq(clock_now(), deadline_ns);
}

Test(task_sleep, the_earliest_goes_on_first_and_equal_ones_in_the_order_in_which_they_began,
     .init = begin, .fini = end)
{
	static const unsigned after_us[] = { 900, 300, 900, 600, 300 };
	static const char *const names[] = { "a", "b", "c", "d", "e" };
	uint64_t from = clock_now();
	struct actor actors[5];
	ferry_sleep sleeps[5];

	for (int i = 0; i < 5; i++) {
		actors[i] = (struct actor){ .name = names[i] };
		actors[i].awaits = until(&sleeps[i], from + after_us[i] * 1000);
		actor_begin(&actors[i], loop, NULL);
	}
	cr_assert(diary_is("a: b: c: d: e:"));
	cr_assert_eq(ferry_loop_run(loop), 0);
	cr_assert(diary_is("b. b) e. e) d. d) a. a) c. c)"));
}

Test(task_sleep, the_time_runs_from_the_call_and_not_from_the_wait, .init = begin, .fini = end)
{
	ferry_sleep sleep;
	struct actor task = { .name = "t", .awaits = until(&sleep, 0), .yields = 1 };

	turn();
	cr_assert(ferry_awaitable_snapshot(&sleep.awaitable).done, "nobody waits for it");
	actor_begin(&task, loop, NULL);
	turn();
	cr_assert(diary_is("t: t. t)"), "the wait itself takes no turn");
}

Test(task_sleep, several_may_wait_for_one_sleep, .init = begin, .fini = end)
{
	ferry_sleep sleep;
	struct actor a = { .name = "a", .awaits = until(&sleep, 0) };
	struct actor b = { .name = "b", .awaits = &sleep.awaitable };

	actor_begin(&a, loop, NULL);
	actor_begin(&b, loop, NULL);
	cr_assert_eq(ferry_loop_run(loop), 0);
	cr_assert(diary_is("a: b: a. a) b. b)"));
}

Test(task_sleep, one_without_end_takes_no_timer_and_keeps_no_loop_going, .init = begin, .fini = end)
{
	ferry_sleep sleep;
	struct actor task = { .name = "t", .awaits = until(&sleep, FERRY_NO_DEADLINE) };

	actor_begin(&task, loop, NULL);
	cr_assert_eq(timers(), 0);
	cr_assert_eq(ferry_loop_pending(loop), 0);
	cr_assert_eq(ferry_loop_run(loop), 0);
	cr_assert(diary_is("t:"));
	ferry_task_cancel(&task.task);
	cr_assert_eq(ferry_loop_run(loop), 0);
	cr_assert(diary_is("t)"));
	cr_assert_eq(actor_ended(&task), ACTOR_CANCELLED);
	cr_assert_eq(ferry_sleep_cancel(&sleep), -EALREADY);
}

/* ---- ended before its time ---- */

Test(task_sleep, cancelling_who_waits_ends_it, .init = begin, .fini = end)
{
	ferry_sleep sleep;
	struct actor task = { .name = "t", .awaits = until(&sleep, HOUR) };

	actor_begin(&task, loop, NULL);
	cr_assert_eq(ferry_task_cancel(&task.task), 0);
	cr_assert_eq(timers(), 0, "the timer is gone with it");
	cr_assert(diary_is("t:"));
	turn();
	cr_assert(diary_is("t)"));
	cr_assert_eq(actor_ended(&task), ACTOR_CANCELLED);
	cr_assert(ferry_awaitable_snapshot(&sleep.awaitable).cancelled);
}

Test(task_sleep, cancelling_one_of_several_ends_it_for_all, .init = begin, .fini = end)
{
	ferry_sleep sleep;
	struct actor a = { .name = "a", .awaits = until(&sleep, HOUR) };
	struct actor b = { .name = "b", .awaits = &sleep.awaitable, .tries = true };
	struct actor c = { .name = "c", .awaits = &sleep.awaitable };

	actor_begin(&a, loop, NULL);
	actor_begin(&b, loop, NULL);
	actor_begin(&c, loop, NULL);
	ferry_task_cancel(&c.task);
	cr_assert_eq(ferry_loop_run(loop), 0);
	cr_assert(diary_is("a: b: c: a. a) b) c)"));
	cr_assert_eq(actor_ended(&a), ACTOR_RESULT);
	cr_assert_eq(actor_ended(&b), ACTOR_CANCELLED, "it ends as the sleep did");
	cr_assert_eq(actor_ended(&c), ACTOR_CANCELLED);
}

Test(task_sleep, it_can_be_cancelled_itself, .init = begin, .fini = end)
{
	ferry_sleep sleep;
	struct actor looks = { .name = "l", .awaits = until(&sleep, HOUR) };
	struct actor tries = { .name = "t", .awaits = &sleep.awaitable, .tries = true };

	actor_begin(&looks, loop, NULL);
	actor_begin(&tries, loop, NULL);
	cr_assert_eq(ferry_sleep_cancel(&sleep), 1);
	cr_assert_eq(ferry_sleep_cancel(&sleep), -EALREADY);
	cr_assert_eq(timers(), 0);
	cr_assert(diary_is("l: t:"), "nobody inside the call");
	cr_assert_eq(ferry_loop_run(loop), 0);
	cr_assert(diary_is("l. l) t)"));
	cr_assert_eq(actor_ended(&looks), ACTOR_RESULT);
	cr_assert_eq(actor_ended(&tries), ACTOR_CANCELLED);
}

Test(task_sleep, one_that_nobody_waits_for_is_ended_before_its_memory_goes, .init = begin,
     .fini = end)
{
	ferry_sleep sleep;

	until(&sleep, HOUR);
	cr_assert_eq(ferry_sleep_cancel(&sleep), 1);
	memset(&sleep, 0xa5, sizeof(sleep));
	cr_assert_eq(ferry_loop_run(loop), 0);
	/* And so when a shielded wait for it was cut. */
	until(&sleep, HOUR);
	{
		struct actor task = { .name = "t", .awaits = &sleep.awaitable, .shielded = true };

		actor_begin(&task, loop, NULL);
		ferry_task_cancel(&task.task);
		turn();
		cr_assert(diary_is("t: t)"));
	}
	cr_assert_eq(timers(), 1);
	cr_assert_eq(ferry_sleep_cancel(&sleep), 1);
	cr_assert_eq(timers(), 0);
}

Test(task_sleep, T7_a_time_that_has_come_is_not_lost_by_a_cancel, .init = begin, .fini = end)
{
	ferry_sleep sleep;
	struct actor first = { .name = "f", .awaits = until(&sleep, 0) };
	struct actor second = { .name = "s", .awaits = &sleep.awaitable };

	/* The first one is stepped by the timer, the second is behind it on the ready list. */
	actor_begin(&first, loop, NULL);
	actor_begin(&second, loop, NULL);
	turn();
	ferry_task_cancel(&second.task);
	cr_assert_eq(ferry_loop_run(loop), 0);
	cr_assert(diary_is("f: s: f. f) s. s)"));
	cr_assert_eq(actor_ended(&second), ACTOR_RESULT);
}

/* ---- refused ---- */

Test(task_sleep, E1_what_cannot_be_had_is_done_with_an_exception, .init = begin, .fini = end)
{
	ferry_sleep sleep;
	ferry_operation *operation = ferry_sleep_until(&sleep, NULL, 0);

	cr_assert_eq(operation, &sleep.operation);
	cr_assert_eq(ferry_error_errno(ferry_awaitable_snapshot(&sleep.awaitable).exception),
		     EINVAL);
	cr_assert_eq(ferry_sleep_cancel(&sleep), -EINVAL);
	errno = 0;
	cr_assert_null(ferry_sleep_until(NULL, loop, 0));
	cr_assert_eq(errno, EINVAL);
	cr_assert_eq(ferry_sleep_cancel(NULL), -EINVAL);
}

/* ---- as a part of a step ---- */

struct rounds {
	FERRY_FRAME;
	ferry_sleep sleep;
	unsigned round;
};

static ferry_step rounds_step(ferry_task *task)
{
	FERRY_BEGIN(task, struct rounds, f);
	for (f->round = 0; f->round < 100; f->round++)
		FERRY_TRY(ferry_sleep_until(&f->sleep, loop, 0));
	FERRY_RETURN(diary_note("all"));

	FERRY_FINALLY
	diary_note("%u", f->round);
	FERRY_END;
}

Test(task_sleep, one_frame_sleeps_again_and_again, .init = begin, .fini = end)
{
	struct rounds task;

	ferry_task_begin(&task.task, loop, rounds_step, NULL);
	cr_assert_eq(ferry_loop_run(loop), 0);
	cr_assert(diary_is("all 100"));
	cr_assert_eq(fixture_loop_counters(loop).callbacks, 100);
}

Test(task_sleep, T7_it_leaves_a_loop_of_sleeps_at_once, .init = begin, .fini = end)
{
	struct rounds task;

	ferry_task_begin(&task.task, loop, rounds_step, NULL);
	for (int i = 0; i < 10; i++)
		turn();
	ferry_task_cancel(&task.task);
	cr_assert_eq(ferry_loop_run(loop), 0);
	cr_assert(diary_is("10"));
}

/* ---- the loop closes ---- */

Test(task_sleep, L3_a_loop_that_closes_wakes_no_sleeper, .init = begin, .fini = end)
{
	ferry_sleep sleep, endless, unseen;
	struct actor task = { .name = "t", .awaits = until(&sleep, 0) };
	struct actor other = { .name = "o", .awaits = until(&endless, FERRY_NO_DEADLINE) };

	until(&unseen, HOUR);
	actor_begin(&task, loop, NULL);
	actor_begin(&other, loop, NULL);
	cr_assert(diary_is("t: o:"));
	cr_assert_eq(ferry_loop_free(loop), 0);
	loop = NULL;
	cr_assert(ferry_awaitable_snapshot(&task.awaitable).cancelled);
	cr_assert(ferry_awaitable_snapshot(&other.awaitable).cancelled);
	cr_assert(ferry_awaitable_snapshot(&sleep.awaitable).cancelled);
	cr_assert(ferry_awaitable_snapshot(&unseen.awaitable).cancelled);
}
