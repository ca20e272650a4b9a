/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Loop-local events: set and cleared, and who goes on because of it. */
#include <criterion/criterion.h>

#include "support/actor.h"
#include "support/spending.h"

TestSuite(event, .timeout = 60);

static ferry_loop *loop;
static ferry_event event;

static void begin(void)
{
	loop = fixture_loop();
	cr_assert_eq(ferry_event_init(&event, loop), 0);
}

static void end(void)
{
	cr_assert_eq(ferry_loop_free(loop), 0);
	cr_assert(diary_is(""), "nothing was told that the test did not look at");
}

#define ACTORS 3

static void wait_all(struct actor actors[ACTORS])
{
	static const char *const names[] = { "a", "b", "c" };

	for (int i = 0; i < ACTORS; i++) {
		actors[i] = (struct actor){ .name = names[i], .awaits = &event.awaitable };
		actor_begin(&actors[i], loop, NULL);
	}
	cr_assert(diary_is("a: b: c:"));
}

Test(event, it_is_set_once_and_cleared_once, .init = begin, .fini = end)
{
	cr_assert_eq(ferry_event_clear(&event), -EALREADY, "it is made not set");
	cr_assert_eq(ferry_event_set(&event), 0);
	cr_assert_eq(ferry_event_set(&event), -EALREADY);
	cr_assert_eq(ferry_event_clear(&event), 0);
	cr_assert_eq(ferry_event_clear(&event), -EALREADY);
	cr_assert_eq(ferry_event_set(&event), 0);
}

Test(event, all_who_wait_go_on_in_order, .init = begin, .fini = end)
{
	struct actor actors[ACTORS];

	wait_all(actors);
	cr_assert_eq(ferry_event_set(&event), 0);
	cr_assert(diary_is(""), "in the next turn");
	cr_assert_eq(ferry_loop_run_once(loop, 0), ACTORS);
	cr_assert(diary_is("a. a) b. b) c. c)"));
}

Test(event, one_that_is_set_is_not_waited_for, .init = begin, .fini = end)
{
	struct actor actor = { .name = "a", .awaits = &event.awaitable };

	ferry_event_set(&event);
	for (int i = 0; i < 2; i++) {
		actor_begin(&actor, loop, NULL);
		cr_assert(diary_is("a: a. a)"), "by nobody, as long as it is");
	}
	ferry_event_clear(&event);
	actor_begin(&actor, loop, NULL);
	cr_assert(diary_is("a:"));
	ferry_event_set(&event);
	cr_assert_eq(ferry_loop_run(loop), 0);
	cr_assert(diary_is("a. a)"));
	cr_assert_eq(fixture_loop_counters(loop).callbacks, 1);
}

Test(event, who_was_woken_goes_on_though_it_is_cleared, .init = begin, .fini = end)
{
	struct actor actors[ACTORS], late = { .name = "l", .awaits = &event.awaitable };

	wait_all(actors);
	ferry_event_set(&event);
	ferry_event_clear(&event);
	actor_begin(&late, loop, NULL);
	cr_assert_eq(ferry_loop_run(loop), 0);
	cr_assert(diary_is("l: a. a) b. b) c. c)"), "and who came later waits");
	ferry_event_set(&event);
	cr_assert_eq(ferry_loop_run(loop), 0);
	cr_assert(diary_is("l. l)"));
}

Test(event, T7_who_was_woken_is_not_cancelled_though_it_is_cleared, .init = begin, .fini = end)
{
	struct actor actors[ACTORS];

	wait_all(actors);
	ferry_event_set(&event);
	ferry_event_clear(&event);
	ferry_task_cancel(&actors[1].task);
	cr_assert_eq(ferry_loop_run(loop), 0);
	cr_assert(diary_is("a. a) b. b) c. c)"));
	cr_assert_eq(actor_ended(&actors[1]), ACTOR_RESULT);
}

/* It is made anew while one that was woken has yet to go on, and is set another time. */
Test(event, who_was_woken_goes_on_once_though_it_is_set_twice, .init = begin, .fini = end)
{
	struct actor actors[ACTORS];

	wait_all(actors);
	ferry_event_set(&event);
	ferry_event_clear(&event);
	ferry_event_set(&event);
	cr_assert_eq(ferry_loop_run(loop), 0);
	cr_assert(diary_is("a. a) b. b) c. c)"));
	cr_assert_eq(fixture_loop_counters(loop).callbacks, ACTORS);
}

Test(event, who_is_cancelled_while_he_waits_goes_on_and_the_others_wait, .init = begin, .fini = end)
{
	static const char *const told[] = { "a) b. b) c. c)", "b) a. a) c. c)", "c) a. a) b. b)" };

	for (int i = 0; i < ACTORS; i++) {
		struct actor actors[ACTORS];

		wait_all(actors);
		ferry_task_cancel(&actors[i].task);
		cr_assert_eq(ferry_loop_run(loop), 0);
		ferry_event_set(&event);
		cr_assert_eq(ferry_loop_run(loop), 0);
		cr_assert(diary_is(told[i]));
		cr_assert_eq(actor_ended(&actors[i]), ACTOR_CANCELLED);
		ferry_event_clear(&event);
	}
}

static void set_it(struct actor *actor)
{
	(void)actor;
	cr_assert_eq(ferry_event_set(&event), 0);
}

Test(event, it_can_be_set_in_a_step, .init = begin, .fini = end)
{
	struct actor actors[ACTORS], setter = { .name = "s", .acts = set_it };

	wait_all(actors);
	actor_begin(&setter, loop, NULL);
	cr_assert(diary_is("s: s. s)"), "nobody goes on inside of it");
	cr_assert_eq(ferry_loop_run(loop), 0);
	cr_assert(diary_is("a. a) b. b) c. c)"));
}

Test(event, T5_it_allocates_nothing, .init = begin, .fini = end)
{
	struct spending before = spending_of(loop), spent;
	struct actor actors[ACTORS];

	wait_all(actors);
	spent = spending_since(loop, &before);
	cr_assert_eq(spent.blocks, 0);
	cr_assert_eq(spent.heap, 0);
	cr_assert_eq(spent.turns, 0);
	ferry_event_set(&event);
	cr_assert_eq(ferry_loop_run(loop), 0);
	spent = spending_since(loop, &before);
	cr_assert_eq(spent.turns, 1);
	cr_assert_eq(spent.allocations, 0);
	cr_assert(diary_is("a. a) b. b) c. c)"));
}

Test(event, L3_a_loop_that_closes_wakes_nobody, .init = begin, .fini = end)
{
	struct actor actors[ACTORS];

	wait_all(actors);
	ferry_event_set(&event);
	cr_assert_eq(ferry_loop_free(loop), 0);
	loop = NULL;
	for (int i = 0; i < ACTORS; i++)
		cr_assert(ferry_awaitable_snapshot(&actors[i].awaitable).cancelled);
}
