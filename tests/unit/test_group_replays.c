/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What went wrong with groups and their eager children elsewhere, told again with ours (T6).
 *
 * Each test bears the number of an issue of CPython, and begins with what happened there:
 * github.com/python/cpython/issues/NUMBER.
 */
#include "support/children.h"

TestSuite(group_replays, .timeout = 120);

static void have_a_sibling_that_fails(struct actor *actor)
{
	(void)actor;
	HAVE(EAGER, .name = "b", .fails = -EIO);
}

/* 128550: a child that in its own eager step began a sibling that failed joined too late to be
 * cancelled with the others. */
LoopTest(group_replays, T6_128550_a_child_is_cancelled_by_what_it_began_in_its_first_step)
{
	make(FERRY_GROUP_FIRST_EXCEPTION, 0);
	HAVE(EAGER, .name = "a", .acts = have_a_sibling_that_fails, WAITING);
	cr_assert(diary_is("a: b: b. b)"));
	cr_assert_eq(ferry_loop_await(loop, &group.awaitable), 0, "it does not wait for ever");
	cr_assert(diary_is("a)"));
	cr_assert_eq(actor_ended(&children[0]), ACTOR_CANCELLED);
	cr_assert_eq(ferry_group_first(&group), &children[1].task);
	cr_assert_eq(ferry_error_errno(ferry_awaitable_snapshot(&group.awaitable).exception), EIO);
}

/* Makes a group, has a child in it fail at once, waits for the group, and then for what is
 * outside of it. */
struct parent {
	FERRY_FRAME;
	ferry_group group;
	struct actor child;
	bool awaits;
	int cancels;
};

static ferry_step parent_step(ferry_task *task)
{
	FERRY_BEGIN(task, struct parent, f);
	cr_assert_eq(ferry_group_init(&f->group, loop, NULL), 0);
	f->child = (struct actor){ .name = "c", .fails = -EIO };
	actor_begin(&f->child, loop, FERRY_IN(&f->group));
	if (f->awaits)
		FERRY_AWAIT(&f->group);
	f->cancels = ferry_task_cancels(task);
	diary_note("outside");
	FERRY_AWAIT(&event);
	diary_note("p.");
	FERRY_RETURN();

	FERRY_FINALLY
	diary_note("p)");
	FERRY_END;
}

/* 128588: a child that failed in its eager step cancelled the parent, which ran just then, and
 * found out at a wait that had nothing to do with the group. */
LoopTest(group_replays, T6_128588_who_knows_of_a_failure_is_not_cancelled_for_it_elsewhere)
{
	struct parent parent = { .awaits = true };

	ferry_task_begin(&parent.task, loop, parent_step, NULL);
	cr_assert(diary_is("c: c. c) outside"));
	cr_assert_eq(parent.cancels, 0);
	cr_assert_eq(ferry_loop_run(loop), 0);
	cr_assert(diary_is(""), "it waits outside of the group");
	cr_assert_eq(ferry_event_set(&event), 0);
	cr_assert_eq(ferry_loop_run(loop), 0);
	cr_assert(diary_is("p. p)"));
	cr_assert_eq(actor_end_of(ferry_task_snapshot(&parent.task)), ACTOR_RESULT);
}

/* 128588: one that does not look leaves at its next wait, by the group's exception: it is not
 * taken for cancelled. */
LoopTest(group_replays, T6_128588_who_does_not_look_fails_as_the_group_did)
{
	struct parent parent = { .awaits = false };

	ferry_task_begin(&parent.task, loop, parent_step, NULL);
	cr_assert_eq(ferry_loop_run(loop), 0);
	cr_assert(diary_is("c: c. c) outside p)"));
	cr_assert_eq(actor_end_of(ferry_task_snapshot(&parent.task)), ACTOR_EXCEPTION);
	cr_assert_eq(ferry_error_errno(ferry_task_snapshot(&parent.task).exception), EIO);
}

static void cancel_the_group(struct actor *actor)
{
	(void)actor;
	cr_assert_eq(ferry_group_cancel(&group), 0);
}

/* 155418: a child that aborted its group in its eager step joined after that, and the group never
 * ended. */
LoopTest(group_replays, T6_155418_a_child_that_cancels_its_group_is_cancelled_with_it)
{
	make(FERRY_GROUP_FIRST_EXCEPTION, 0);
	HAVE(EAGER, .name = "a", WAITING);
	HAVE(EAGER, .name = "b", .acts = cancel_the_group, WAITING);
	cr_assert_eq(ferry_loop_await(loop, &group.awaitable), 0, "it does not wait for ever");
	cr_assert(diary_is("a: b: a) b)"));
	cr_assert_eq(actor_ended(&children[0]), ACTOR_CANCELLED);
	cr_assert_eq(actor_ended(&children[1]), ACTOR_CANCELLED);
	cr_assert_eq(actor_end_of(ferry_awaitable_snapshot(&group.awaitable)), ACTOR_CANCELLED);
}

static struct actor later; /* a child that fails when it is told to */
static ferry_event fail_now;

static void own_a_group(struct actor *actor)
{
	make(FERRY_GROUP_FIRST_EXCEPTION, 0);
	cr_assert_eq(ferry_event_init(&fail_now, loop), 0);
	later = (struct actor){ .name = "c", .awaits = &fail_now.awaitable, .fails = -EIO };
	actor_begin(&later, loop, FERRY_IN(&group));
	(void)actor;
}

/* 155433, and 116720 before it: who was cancelled by his group and by somebody else in one turn
 * took both for the group's, or lost count. */
LoopTest(group_replays, T6_155433_a_cancel_from_outside_is_not_taken_for_the_groups)
{
	for (int outside = 0; outside < 3; outside++) {
		struct actor a = { .name = "a", .acts = own_a_group, WAITING };

		actor_begin(&a, loop, NULL);
		if (outside == 1)
			cr_assert_eq(ferry_task_cancel(&a.task), 0); /* first */
		cr_assert_eq(ferry_event_set(&fail_now), 0);
		if (outside == 2) {
			cr_assert_eq(ferry_loop_run_once(loop, 0), 1); /* the child fails */
			cr_assert_eq(ferry_task_cancels(&a.task), 1);
			cr_assert_eq(ferry_task_cancel(&a.task), 0); /* and then */
		}
		cr_assert_eq(ferry_loop_run(loop), 0);
		diary[0] = 0;
		cr_assert_eq(actor_errno(&a), EIO, "that it failed is not lost");
		cr_assert_eq(ferry_task_cancels(&a.task), outside != 0,
			     "the group's is taken back");
	}
}
