/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Children that wait to be started: deferred ones, those that are added to a group, and those for
 * which there is no room in it (T4, T6).
 */
#include "support/children.h"

TestSuite(deferred, .timeout = 120);

static struct brief many[100000];

/* ---- deferred ---- */

static void have_deferred(const char *const *names, unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		HAVE(DEFERRED, .name = names[i]);
}

static const char *const abcde[] = { "a", "b", "c", "d", "e" };

LoopTest(deferred, T6_deferred_ones_are_started_when_it_is_closed_in_order)
{
	make(FERRY_GROUP_FIRST_EXCEPTION, 0);
	have_deferred(abcde, 5);
	run();
	cr_assert_eq(ferry_group_members(&group), 5);
	cr_assert(diary_is(""), "nobody has started them");
	cr_assert_eq(ferry_group_close(&group), 0);
	cr_assert(diary_is(""), "not inside of the call");
	run();
	cr_assert(diary_is("a: a. a) b: b. b) c: c. c) d: d. d) e: e. e)"));
	cr_assert_eq(group_end(), ACTOR_RESULT);
}

LoopTest(deferred, T6_and_so_they_are_when_somebody_waits_for_it)
{
	struct actor waiter = { .name = "w", .awaits = &group.awaitable };

	make(FERRY_GROUP_FIRST_EXCEPTION, 0);
	have_deferred(abcde, 2);
	actor_begin(&waiter, loop, NULL);
	cr_assert(diary_is("w:"));
	run();
	cr_assert(diary_is("a: a. a) b: b. b) w. w)"));

	make(FERRY_GROUP_FIRST_EXCEPTION, 0);
	have_deferred(abcde, 2);
	await();
	cr_assert(diary_is("a: a. a) b: b. b)"));
}

/* Nobody else would start it. */
LoopTest(deferred, T6_one_that_joins_when_it_is_closed_is_started_in_the_next_turn)
{
	static struct actor added = { .name = "b" };

	make(FERRY_GROUP_FIRST_EXCEPTION, 0);
	HAVE(EAGER, .name = "w", WAITING);
	cr_assert_eq(ferry_group_close(&group), 0);
	HAVE(DEFERRED, .name = "a");
	actor_init(&added, loop, NULL);
	cr_assert_eq(ferry_group_add(&group, &added.task), 0);
	cr_assert(diary_is("w:"), "not inside of the call");
	run();
	cr_assert(diary_is("a: a. a) b: b. b)"));
	ferry_event_set(&event);
	run();
	cr_assert(diary_is("w. w)"));
	cr_assert_eq(group_end(), ACTOR_RESULT);
}

LoopTest(deferred, T6_or_when_there_is_room_for_it)
{
	make(FERRY_GROUP_FIRST_EXCEPTION, 1);
	HAVE(EAGER, .name = "w", WAITING);
	cr_assert_eq(ferry_group_close(&group), 0);
	HAVE(DEFERRED, .name = "a");
	run();
	cr_assert(diary_is("w:"));
	ferry_event_set(&event);
	run();
	cr_assert(diary_is("w. w) a: a. a)"));
	cr_assert_eq(group_end(), ACTOR_RESULT);
}

LoopTest(deferred, T6_within_the_limit)
{
	make(FERRY_GROUP_FIRST_EXCEPTION, 2);
	for (unsigned i = 0; i < 5; i++)
		HAVE(DEFERRED, .name = abcde[i], .yields = i == 1 ? 9 : 1);
	await();
	cr_assert(diary_is("a: b: a. a) c: c. c) d: d. d) e: e. e) b. b)"));
}

LoopTest(deferred, T6_one_that_fails_ends_them_with_only_their_cleaning_up)
{
	make(FERRY_GROUP_FIRST_EXCEPTION, 1);
	have_deferred(abcde, 3);
	HAVE(EAGER, .name = "f", .fails = -EIO);
	cr_assert(diary_is("f: f. f)"));
	run();
	cr_assert(diary_is("a) b) c)"), "though it is not closed");
	cr_assert_eq(ferry_group_members(&group), 0);
	await();
	cr_assert_eq(group_errno(), EIO);
	for (unsigned i = 0; i < 3; i++)
		cr_assert_eq(actor_ended(&children[i]), ACTOR_CANCELLED);
}

LoopTest(deferred, T6_one_that_is_shielded_does_not_keep_a_group_that_is_cancelled_open)
{
	static struct actor late = { .name = "l" };

	make(FERRY_GROUP_FIRST_EXCEPTION, 0);
	HAVE(DEFERRED, .name = "a");
	cr_assert_eq(ferry_task_shield(&children[0].task), 0);
	cr_assert_eq(ferry_group_cancel(&group), 0);
	/* And one that comes too late. */
	actor_init(&late, loop, NULL);
	cr_assert_eq(ferry_task_shield(&late.task), 0);
	cr_assert_eq(ferry_group_add(&group, &late.task), -ECANCELED);
	await();
	cr_assert(diary_is("a) l)"));
	cr_assert_eq(group_end(), ACTOR_CANCELLED);
}

LoopTest(deferred, T6_the_first_to_be_started_may_end_the_rest)
{
	make(FERRY_GROUP_FIRST_RESULT, 1);
	have_deferred(abcde, 3);
	await();
	cr_assert(diary_is("a: a. a) b) c)"));
	cr_assert_eq(ferry_group_first(&group), &children[0].task);
}

LoopTest(deferred, T4_they_may_be_started_by_hand)
{
	make(FERRY_GROUP_FIRST_EXCEPTION, 1);
	have_deferred(abcde, 4);
	cr_assert_eq(ferry_task_schedule(&children[2].task), 0);
	cr_assert_eq(ferry_task_start(&children[3].task), 0);
	cr_assert(diary_is("d: d. d)"));
	cr_assert_eq(ferry_task_start(&children[2].task), -EALREADY);
	await();
	cr_assert(diary_is("c: c. c) a: a. a) b: b. b)"));
}

LoopTest(deferred, T4_one_that_is_in_a_group_is_not_forgotten)
{
	make(FERRY_GROUP_FIRST_EXCEPTION, 0);
	have_deferred(abcde, 1);
	cr_assert_eq(ferry_task_forget(&children[0].task), -EBUSY);
	await();
	cr_assert(diary_is("a: a. a)"));
}

static void begin_a_deferred_one(struct actor *actor)
{
	(void)actor;
	HAVE(DEFERRED, .name = "d");
}

LoopTest(deferred, T6_one_that_joins_a_closed_one_is_started_before_that_ends)
{
	make(FERRY_GROUP_FIRST_EXCEPTION, 0);
	HAVE(LAZY, .name = "a", .acts = begin_a_deferred_one);
	await();
	cr_assert(diary_is("a: a. a) d: d. d)"));
	cr_assert_eq(group_end(), ACTOR_RESULT);
}

/* ---- added ---- */

LoopTest(deferred, T6_a_deferred_task_may_be_added)
{
	struct actor added = { .name = "a" };

	make(FERRY_GROUP_FIRST_EXCEPTION, 0);
	actor_init(&added, loop, NULL);
	cr_assert_eq(ferry_group_add(&group, &added.task), 0);
	cr_assert_eq(ferry_group_members(&group), 1);
	cr_assert_eq(ferry_group_add(&group, &added.task), -EBUSY, "it is in one");
	have_deferred(&abcde[1], 1);
	await();
	cr_assert(diary_is("a: a. a) b: b. b)"));
}

LoopTest(deferred, T6_one_that_is_added_to_a_closed_one_is_started_before_that_ends)
{
	struct actor added = { .name = "b" };

	make(FERRY_GROUP_FIRST_EXCEPTION, 0);
	HAVE(EAGER, .name = "a", .yields = 1);
	cr_assert_eq(ferry_group_close(&group), 0);
	actor_init(&added, loop, NULL);
	cr_assert_eq(ferry_group_add(&group, &added.task), 0);
	run();
	cr_assert(diary_is("a: a. a) b: b. b)"));
	cr_assert_eq(group_end(), ACTOR_RESULT);
}

LoopTest(deferred, T6_one_that_is_added_to_a_group_that_cancels_is_cancelled)
{
	struct actor added = { .name = "a" };

	make(FERRY_GROUP_FIRST_EXCEPTION, 0);
	cr_assert_eq(ferry_group_cancel(&group), 0);
	actor_init(&added, loop, NULL);
	cr_assert_eq(ferry_group_add(&group, &added.task), -ECANCELED);
	cr_assert_eq(ferry_group_members(&group), 1);
	await();
	cr_assert(diary_is("a)"));
	cr_assert_eq(group_end(), ACTOR_CANCELLED);
}

LoopTest(deferred, what_is_no_deferred_task_of_nobody_is_not_added)
{
	struct actor other = { .name = "a" };
	ferry_limiter limiter;
	ferry_slot slot = { .limiter = NULL };

	make(FERRY_GROUP_FIRST_EXCEPTION, 0);
	cr_assert_eq(ferry_group_add(NULL, &other.task), -EINVAL);
	cr_assert_eq(ferry_group_add(&group, NULL), -EINVAL);

	actor_begin(&other, loop, OPTIONS_OF(.start = FERRY_START_LAZY));
	cr_assert_eq(ferry_group_add(&group, &other.task), -EBUSY, "scheduled");
	run();
	cr_assert_eq(ferry_group_add(&group, &other.task), -EBUSY, "ended");

	other.yields = 1;
	actor_begin(&other, loop, NULL);
	cr_assert_eq(ferry_group_add(&group, &other.task), -EBUSY, "waiting");
	run();

	actor_init(&other, loop, NULL);
	cr_assert_eq(ferry_task_cancel(&other.task), 0);
	cr_assert_eq(ferry_group_add(&group, &other.task), -EBUSY, "cancelled");
	run();

	cr_assert_eq(ferry_limiter_init(&limiter, loop, 1), 0);
	slot.limiter = NULL;
	cr_assert(
		ferry_awaitable_snapshot(&ferry_limiter_enter(&limiter, &slot, 0)->awaitable).done);
	{
		ferry_slot queued = { .limiter = NULL };

		actor_init(&other, loop, NULL);
		ferry_limiter_submit(&limiter, &queued, &other.task, 0);
		cr_assert_eq(ferry_group_add(&group, &other.task), -EBUSY, "in a limiter");
		ferry_limiter_leave(&slot);
		run();
	}
	cr_assert_eq(ferry_group_members(&group), 0);
	await();
}

LoopTest(deferred, what_has_ended_without_a_start_is_not_added)
{
	static struct actor forgotten = { .name = "f" }, refused = { .name = "r" };
	struct actor listed = { .name = "l", WAITING };

	make(FERRY_GROUP_FIRST_EXCEPTION, 0);
	actor_begin(&listed, loop, NULL);
	actor_init(&forgotten, loop, NULL);
	cr_assert_eq(ferry_task_forget(&forgotten.task), 0);
	cr_assert_eq(ferry_group_add(&group, &forgotten.task), -EBUSY);
	ferry_task_begin(&refused.task, loop, NULL, NULL);
	cr_assert_eq(actor_errno(&refused), EINVAL);
	cr_assert_eq(ferry_group_add(&group, &refused.task), -EBUSY);
	cr_assert_eq(ferry_group_members(&group), 0);
	cr_assert_eq(fixture_loop_counters(loop).tasks, 1);
	cr_assert_eq(ferry_loop_cancel_tasks(loop), 1, "the list is what it was");
	await();
	run();
}

/* ---- so many at once ---- */

LoopTest(deferred, T6_never_more_run_than_the_limit_says)
{
	for (int start = FERRY_START_EAGER; start <= FERRY_START_DEFERRED; start++) {
		most_inside = entered = cleaned = 0;
		make(FERRY_GROUP_FIRST_EXCEPTION, 3);
		for (unsigned i = 0; i < 100000; i++)
			begin_brief(&many[i], i % 3, (ferry_start)start);
		await();
		cr_assert_eq(entered, 100000);
		cr_assert_eq(cleaned, 100000);
		cr_assert_eq(most_inside, 3);
		cr_assert_eq(inside, 0);
		cr_assert_eq(group_end(), ACTOR_RESULT);
	}
}

LoopTest(deferred, T6_eager_ones_that_end_at_once_are_never_queued)
{
	make(FERRY_GROUP_FIRST_EXCEPTION, 1);
	for (int i = 0; i < 1000; i++)
		begin_brief(&many[i], 0, FERRY_START_EAGER);
	cr_assert_eq(entered, 1000);
	await();
	costs(0, 0);
}

LoopTest(deferred, T6_one_for_which_there_is_no_room_is_started_lazily_in_its_turn)
{
	make(FERRY_GROUP_COLLECT, 1);
	HAVE(EAGER, .name = "a", .yields = 2, .fails = -EIO);
	HAVE(EAGER, .name = "b");
	HAVE(LAZY, .name = "c");
	cr_assert(diary_is("a:"));
	cr_assert_eq(ferry_task_start(&children[2].task), 0, "out of turn, beyond the limit");
	cr_assert(diary_is("c: c. c)"));
	cr_assert_eq(ferry_task_start(&children[2].task), -EALREADY);
	run();
	cr_assert(diary_is("a. a) b: b. b)"), "it waits for room, not for being closed");
	await();
}

static void begin_another(struct actor *actor)
{
	(void)actor;
	if (born < CHILDREN)
		HAVE(EAGER, .name = "b", .acts = begin_another, .yields = born % 2);
}

LoopTest(deferred, T6_children_that_begin_children_share_the_limit)
{
	make(FERRY_GROUP_FIRST_EXCEPTION, 1);
	HAVE(EAGER, .name = "a", .acts = begin_another);
	cr_assert(diary_is("a: a. a)"));
	await();
	cr_assert_eq(born, CHILDREN);
	for (int i = 1; i < CHILDREN; i++)
		cr_assert_eq(actor_ended(&children[i]), ACTOR_RESULT);
}

LoopTest(deferred, T6_queued_ones_may_be_cancelled_wherever_they_stand)
{
	static const char *const rest[] = { "b) a. a) c: c. c) d: d. d)",
					    "c) a. a) b: b. b) d: d. d)",
					    "d) a. a) b: b. b) c: c. c)" };

	for (unsigned which = 1; which <= 3; which++) {
		make(FERRY_GROUP_FIRST_EXCEPTION, 1);
		born = 0;
		HAVE(EAGER, .name = "a", .yields = 2);
		for (unsigned i = 1; i <= 3; i++)
			HAVE(LAZY, .name = abcde[i]);
		cr_assert(diary_is("a:"));
		cr_assert_eq(ferry_task_cancel(&children[which].task), 0);
		await();
		cr_assert(diary_is(rest[which - 1]));
		cr_assert_eq(actor_ended(&children[which]), ACTOR_CANCELLED);
		cr_assert_eq(group_end(), ACTOR_RESULT);
	}
}

LoopTest(deferred, T6_all_that_are_queued_may_be_cancelled_at_once)
{
	make(FERRY_GROUP_FIRST_EXCEPTION, 2);
	for (unsigned i = 0; i < 5; i++)
		HAVE(EAGER, .name = abcde[i], WAITING);
	cr_assert_eq(ferry_group_cancel(&group), 0);
	await();
	cr_assert(diary_is("a: b: a) b) c) d) e)"));
}

LoopTest(deferred, T6_deferred_ones_of_an_open_group_let_later_ones_pass)
{
	make(FERRY_GROUP_FIRST_EXCEPTION, 1);
	HAVE(EAGER, .name = "a", .yields = 1);
	HAVE(DEFERRED, .name = "b");
	HAVE(EAGER, .name = "c");
	run();
	cr_assert(diary_is("a: a. a) c: c. c)"));
	HAVE(EAGER, .name = "d", .yields = 1);
	cr_assert_eq(ferry_group_close(&group), 0);
	run();
	cr_assert(diary_is("d: d. d) b: b. b)"));
	cr_assert_eq(group_end(), ACTOR_RESULT);
}

LoopTest(deferred, a_place_that_is_free_is_given_when_a_child_fails_under_collect)
{
	make(FERRY_GROUP_COLLECT, 1);
	HAVE(LAZY, .name = "a", .fails = -EIO);
	HAVE(LAZY, .name = "b", .fails = -ENOENT);
	HAVE(LAZY, .name = "c");
	await();
	cr_assert(diary_is("a: a. a) b: b. b) c: c. c)"));
	cr_assert_eq(group_end(), ACTOR_RESULT);
	cr_assert_eq(actor_errno(&children[1]), ENOENT);
}

LoopTest(deferred, T6_a_limit_of_results_stops_at_the_first)
{
	make(FERRY_GROUP_FIRST_RESULT, 1);
	HAVE(LAZY, .name = "a", .fails = -EIO);
	HAVE(LAZY, .name = "b");
	HAVE(LAZY, .name = "c");
	await();
	cr_assert(diary_is("a: a. a) b: b. b) c)"), "one after the other until one has it");
	cr_assert_eq(ferry_group_first(&group), &children[1].task);
}
