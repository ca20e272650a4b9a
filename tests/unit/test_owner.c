/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Groups and their owners: when an owner is interrupted and when not, what it comes to know, and
 * that it does not end before its groups have (T6, T7). Numbers of five digits or six are those of
 * CPython's issues, where others met what is tried here.
 */
#include "support/children.h"

TestSuite(owner, .timeout = 60);

/*
 * Acts in its first step, where it makes the group as a rule; waits for one thing after the other,
 * and leaves. Behind FERRY_FINALLY it acts again, and waits once more.
 */
struct owner {
	FERRY_FRAME;
	const char *name;
	void (*acts)(struct owner *owner);
	ferry_awaitable *awaits[3]; /* NULL: no more */
	bool tries, shields;
	int fails;                /* a negative errno; 0: it returns */
	const ferry_error *error; /* or with this one */
	void (*cleans)(struct owner *owner);
	ferry_awaitable *waits; /* behind FERRY_FINALLY */
	ferry_group other;      /* a second group */
	unsigned awaited;
};

static ferry_step owner_step(ferry_task *task)
{
	FERRY_BEGIN(task, struct owner, f);
	diary_note("%s:", f->name);
	f->acts(f);
	for (f->awaited = 0; f->awaited < 3 && f->awaits[f->awaited]; f->awaited++) {
		if (f->shields)
			FERRY_SHIELD((struct actor_awaited *)f->awaits[f->awaited]);
		else if (f->tries)
			FERRY_TRY((struct actor_awaited *)f->awaits[f->awaited]);
		else
			FERRY_AWAIT((struct actor_awaited *)f->awaits[f->awaited]);
		diary_note("%s%u", f->name, f->awaited + 1);
	}
	if (f->error)
		FERRY_FAIL(f->error);
	if (f->fails)
		FERRY_FAIL(f->fails);
	ferry_task_set_result(task, ferry_result_u64(7));
	FERRY_RETURN();

	FERRY_FINALLY
	diary_note("%s)", f->name);
	if (f->cleans)
		f->cleans(f);
	if (f->waits) {
		FERRY_AWAIT((struct actor_awaited *)f->waits);
		diary_note("%s))", f->name);
	}
	FERRY_END;
}

static struct owner owner; /* "o" */

static void own_as(struct owner what)
{
	owner = what;
	owner.name = "o";
	ferry_task_begin(&owner.task, loop, owner_step, NULL);
}
#define OWN(...) own_as((struct owner){ __VA_ARGS__ })

static enum actor_end owner_end(void)
{
	return actor_end_of(ferry_task_snapshot(&owner.task));
}

static int owner_errno(void)
{
	return ferry_error_errno(ferry_task_snapshot(&owner.task).exception);
}

/* It knows of nothing but the group's failure, and no cancel is left over. */
static void owner_failed(int reason)
{
	cr_assert_eq(owner_errno(), reason);
	cr_assert_eq(ferry_task_cancels(&owner.task), 0);
}

static void owner_has_result(void)
{
	cr_assert_eq(owner_end(), ACTOR_RESULT);
	cr_assert_eq(ferry_task_snapshot(&owner.task).result.u64, 7);
	cr_assert_eq(ferry_task_cancels(&owner.task), 0);
}

/* ---- what owners do ---- */

static void make_plain(struct owner *o)
{
	(void)o;
	make(FERRY_GROUP_FIRST_EXCEPTION, 0);
}

static void have_one_that_fails_at_once(struct owner *o)
{
	make_plain(o);
	HAVE(EAGER, .name = "a", .fails = -EIO);
}

static void have_one_that_fails_soon(struct owner *o)
{
	make_plain(o);
	HAVE(LAZY, .name = "a", .fails = -EIO);
}

static void have_one_that_failed_and_ended(struct owner *o)
{
	have_one_that_fails_at_once(o);
	cr_assert_eq(ferry_group_close(&group), 0);
	cr_assert_eq(group_end(), ACTOR_EXCEPTION);
}

static void have_one_that_waits(struct owner *o)
{
	make_plain(o);
	HAVE(EAGER, .name = "a", WAITING);
}

static void have_one_that_yields(struct owner *o)
{
	make_plain(o);
	HAVE(EAGER, .name = "a", .yields = 2);
}

static void have_one_with_a_reason(struct owner *o)
{
	make_plain(o);
	HAVE(LAZY, .name = "a", .error = exception_new("of a"));
}

/* ---- interrupted ---- */

LoopTest(owner, T6_one_that_waits_for_something_else_is_interrupted)
{
	OWN(.acts = have_one_that_fails_soon, .awaits = { &event.awaitable });
	cr_assert(diary_is("o:"));
	run();
	cr_assert(diary_is("a: a. a) o)"));
	owner_failed(EIO);
	cr_assert_eq(group_errno(), EIO);
}

LoopTest(owner, T6_one_that_runs_is_interrupted_where_it_next_waits)
{
	struct actor done = { .name = "d" };

	actor_begin(&done, loop, NULL);
	OWN(.acts = have_one_that_fails_at_once, .awaits = { &done.awaitable, &event.awaitable });
	cr_assert(diary_is("d: d. d) o: a: a. a) o1"), "what is done is no wait");
	run();
	cr_assert(diary_is("o)"));
	owner_failed(EIO);
}

static ferry_operation operation;

LoopTest(owner, T7_one_that_was_woken_goes_on_and_is_interrupted_later)
{
	cr_assert_eq(ferry_operation_init(&operation, NULL), 0);
	OWN(.acts = have_one_that_fails_soon, .awaits = { &operation.awaitable, &event.awaitable });
	cr_assert_eq(ferry_operation_complete(&operation, loop, 0), 0);
	run();
	cr_assert(diary_is("o: a: a. a) o1 o)"));
	owner_failed(EIO);
}

LoopTest(owner, T6_it_is_taken_back_when_the_owner_comes_to_wait_for_the_group)
{
	OWN(.acts = have_one_that_fails_at_once, .awaits = { &group.awaitable, &event.awaitable });
	cr_assert(diary_is("o: a: a. a) o1"));
	cr_assert_eq(ferry_task_cancels(&owner.task), 0);
	ferry_event_set(&event);
	run();
	cr_assert(diary_is("o2 o)"));
	owner_has_result();
}

LoopTest(owner, T6_one_that_waits_for_the_group_is_not_interrupted)
{
	OWN(.acts = have_one_that_fails_soon, .awaits = { &group.awaitable, &event.awaitable });
	run();
	cr_assert(diary_is("o: a: a. a) o1"));
	ferry_event_set(&event);
	run();
	owner_has_result();
}

static ferry_gather gather;
static ferry_gather_entry entries[2];

static void have_one_that_fails_and_gather(struct owner *o)
{
	have_one_that_fails_soon(o);
	entries[0].of = &group.awaitable;
	entries[1].of = &event.awaitable;
	ferry_gather_begin(&gather, loop, entries, 2, FERRY_GATHER_COLLECT);
}

LoopTest(owner, T6_nor_is_one_that_waits_for_it_among_others)
{
	OWN(.acts = have_one_that_fails_and_gather, .awaits = { &gather.awaitable });
	run();
	cr_assert(diary_is("o: a: a. a)"));
	cr_assert_eq(group_errno(), EIO);
	cr_assert_eq(ferry_task_cancels(&owner.task), 0);
	ferry_event_set(&event);
	run();
	cr_assert(diary_is("o1 o)"));
	owner_has_result();
}

/* The owner's: it fails at once, is closed, and has ended when it comes to be waited for. */
static void have_one_that_failed_and_gather(struct owner *o)
{
	have_one_that_fails_at_once(o);
	ferry_group_close(&group);
	entries[0].of = &group.awaitable;
	entries[1].of = &event.awaitable;
	ferry_gather_begin(&gather, loop, entries, 2, FERRY_GATHER_COLLECT);
}

LoopTest(owner, T6_nor_is_one_that_gathers_it_when_it_has_ended)
{
	OWN(.acts = have_one_that_failed_and_gather, .awaits = { &gather.awaitable });
	run();
	cr_assert_eq(ferry_task_cancels(&owner.task), 0);
	ferry_event_set(&event);
	run();
	owner_has_result();
	diary[0] = 0;
}

LoopTest(owner, T6_nor_is_one_that_waits_for_it_shielded)
{
	OWN(.acts = have_one_that_fails_soon, .shields = true,
	    .awaits = { &group.awaitable, &event.awaitable });
	run();
	cr_assert(diary_is("o: a: a. a) o1"));
	ferry_event_set(&event);
	run();
	owner_has_result();
}

LoopTest(owner, T6_one_that_waits_for_something_else_shielded_is)
{
	OWN(.acts = have_one_that_fails_soon, .shields = true, .awaits = { &event.awaitable });
	run();
	cr_assert(diary_is("o: a: a. a) o)"));
	owner_failed(EIO);
}

LoopTest(owner, T6_it_is_taken_back_when_the_owner_awaits_the_group_that_has_ended)
{
	OWN(.acts = have_one_that_failed_and_ended,
	    .awaits = { &group.awaitable, &event.awaitable });
	cr_assert(diary_is("o: a: a. a) o1"));
	cr_assert_eq(ferry_task_cancels(&owner.task), 0);
	ferry_event_set(&event);
	run();
	owner_has_result();
}

LoopTest(owner, T6_and_it_fails_if_it_tries_the_group_that_has_ended)
{
	OWN(.acts = have_one_that_failed_and_ended, .tries = true, .awaits = { &group.awaitable });
	cr_assert(diary_is("o: a: a. a) o)"));
	owner_failed(EIO);
}

LoopTest(owner, T6_one_whose_group_has_ended_is_interrupted_all_the_same)
{
	OWN(.acts = have_one_that_failed_and_ended, .awaits = { &event.awaitable });
	run();
	cr_assert(diary_is("o: a: a. a) o)"));
	owner_failed(EIO);
}

LoopTest(owner, T6_it_is_taken_back_when_the_owner_leaves)
{
	OWN(.acts = have_one_that_failed_and_ended);
	cr_assert(diary_is("o: a: a. a) o)"));
	owner_failed(EIO);
	OWN(.acts = have_one_that_fails_at_once);
	cr_assert(diary_is("o: a: a. a) o)"));
	owner_failed(EIO);
}

/* CPython 128588: a child that ended inline cancelled the parent outside of the group. */
LoopTest(owner, T6_what_ends_inline_cancels_nobody_outside_of_the_group_128588)
{
	OWN(.acts = have_one_that_fails_at_once,
	    .awaits = { &group.awaitable, &event.awaitable, &event.awaitable });
	run();
	cr_assert(diary_is("o: a: a. a) o1"));
	cr_assert_eq(ferry_task_cancels(&owner.task), 0);
	ferry_event_set(&event);
	run();
	cr_assert(diary_is("o2 o3 o)"));
	owner_has_result();
}

static void hold_and_have_one_that_fails(struct owner *o)
{
	cr_assert_eq(ferry_task_shield(&o->task), 0);
	have_one_that_fails_soon(o);
}

LoopTest(owner, T7_one_that_is_shielded_is_interrupted_behind_that)
{
	OWN(.acts = hold_and_have_one_that_fails, .awaits = { &event.awaitable, &group.awaitable });
	run();
	cr_assert(diary_is("o: a: a. a)"));
	cr_assert_eq(ferry_task_cancels(&owner.task), 1);
	cr_assert_eq(ferry_task_unshield(&owner.task), 0);
	run();
	cr_assert(diary_is("o)"));
	owner_failed(EIO);

	cr_assert_eq(ferry_event_clear(&event), -EALREADY);
	OWN(.acts = hold_and_have_one_that_fails, .awaits = { &event.awaitable, &group.awaitable });
	run();
	ferry_event_set(&event);
	run();
	cr_assert(diary_is("o: a: a. a) o1 o2 o)"), "the group came first");
	owner_has_result();
}

static void have_one_that_fails_and_one_that_waits(struct owner *o)
{
	have_one_that_fails_soon(o);
	HAVE(EAGER, .name = "b", WAITING);
}

LoopTest(owner, T6_one_that_waits_for_a_child_is_interrupted_when_another_fails)
{
	OWN(.acts = have_one_that_fails_and_one_that_waits, .tries = true,
	    .awaits = { &children[1].awaitable });
	run();
	cr_assert(diary_is("o: b: a: a. a) b) o)"));
	owner_failed(EIO);
	cr_assert_eq(actor_ended(&children[1]), ACTOR_CANCELLED);
}

LoopTest(owner, T6_one_that_tries_the_child_that_fails_has_the_exception_once)
{
	OWN(.acts = have_one_with_a_reason, .tries = true, .awaits = { &children[0].awaitable });
	run();
	cr_assert(diary_is("o: a: a. a) o)"));
	cr_assert_str_eq(exception_of_task(&owner.task), "of a");
	cr_assert_eq(ferry_task_cancels(&owner.task), 0);
	ferry_task_clear(&owner.task);
	cr_assert_eq(exceptions_alive, 0, "the group has none left");
}

LoopTest(owner, T6_one_that_looks_at_the_child_that_failed_is_interrupted_next)
{
	OWN(.acts = have_one_that_fails_soon,
	    .awaits = { &children[0].awaitable, &event.awaitable });
	run();
	cr_assert(diary_is("o: a: a. a) o1 o)"));
	owner_failed(EIO);
}

/* What the owner waits for takes its time to clean up, or does not end as cancelled. */
LoopTest(owner, T7_it_waits_on_until_what_it_waits_for_has_ended)
{
	struct actor slow = { .name = "s", WAITING };

	cr_assert_eq(ferry_operation_init(&operation, NULL), 0);
	slow.cleans = &operation.awaitable;
	actor_begin(&slow, loop, NULL);
	OWN(.acts = have_one_that_fails_soon, .awaits = { &slow.awaitable });
	run();
	cr_assert(diary_is("s: o: a: a. a) s)"), "the cancel was passed on");
	cr_assert_eq(ferry_operation_complete(&operation, loop, 0), 0);
	run();
	cr_assert(diary_is("o)"));
	owner_failed(EIO);
}

LoopTest(owner, T7_if_that_has_a_result_it_goes_on_and_may_wait_for_the_group)
{
	struct actor stubborn = { .name = "s", WAITING };

	actor_begin(&stubborn, loop, NULL);
	cr_assert_eq(ferry_task_shield(&stubborn.task), 0);
	OWN(.acts = have_one_that_fails_soon,
	    .awaits = { &stubborn.awaitable, &group.awaitable, &event.awaitable });
	run();
	ferry_event_set(&event);
	run();
	cr_assert(diary_is("s: o: a: a. a) s. s) o1 o2 o3 o)"));
	owner_has_result();
}

static void have_two_that_fail(struct owner *o)
{
	have_one_that_fails_soon(o);
	HAVE(EAGER, .name = "b", WAITING, .cleans = &operation.awaitable);
}

LoopTest(owner, T6_it_is_interrupted_once)
{
	cr_assert_eq(ferry_operation_init(&operation, NULL), 0);
	OWN(.acts = have_two_that_fail, .awaits = { &event.awaitable });
	run();
	cr_assert(diary_is("o: b: a: a. a) b)"), "it waits for b");
	cr_assert_eq(ferry_task_cancels(&owner.task), 0);
	cr_assert_eq(ferry_operation_complete(&operation, loop, 0), 0);
	run();
	cr_assert(diary_is("o)"));
	owner_failed(EIO);
}

static void have_as_many_cancels_as_can_be(struct owner *o)
{
	for (int i = 0; i < UINT16_MAX; i++)
		cr_assert_eq(ferry_task_cancel(&o->task), 0);
	have_one_that_fails_at_once(o);
	cr_assert_eq(ferry_task_cancels(&o->task), UINT16_MAX);
	for (int i = UINT16_MAX; i; i--)
		cr_assert_eq(ferry_task_uncancel(&o->task), i - 1);
}

LoopTest(owner, an_interruption_too_many_is_none)
{
	OWN(.acts = have_as_many_cancels_as_can_be, .awaits = { &event.awaitable });
	run();
	cr_assert(diary_is("o: a: a. a)"));
	ferry_event_set(&event);
	run();
	cr_assert(diary_is("o1 o)"));
	owner_failed(EIO);
}

/* ---- and cancelled by somebody else ---- */

/* CPython 116720 and 155433: an outside cancel must be told apart from the group's own, and neither
 * be lost: the exception is the outcome, and the cancel stays counted. */
LoopTest(owner, T6_a_cancel_from_outside_is_not_taken_for_the_groups_116720)
{
	OWN(.acts = have_one_that_fails_soon, .awaits = { &event.awaitable });
	cr_assert_eq(ferry_loop_run_once(loop, FERRY_NO_DEADLINE), 1);
	cr_assert_eq(ferry_task_cancel(&owner.task), 0);
	cr_assert_eq(ferry_task_cancels(&owner.task), 2);
	run();
	cr_assert(diary_is("o: a: a. a) o)"));
	cr_assert_eq(owner_errno(), EIO);
	cr_assert_eq(ferry_task_cancels(&owner.task), 1);
}

LoopTest(owner, T6_nor_one_that_came_before_the_group_failed_116720)
{
	OWN(.acts = have_one_that_fails_soon, .awaits = { &event.awaitable });
	cr_assert_eq(ferry_task_cancel(&owner.task), 0);
	run();
	cr_assert(diary_is("o: a: a. a) o)"), "a was to run before");
	cr_assert_eq(owner_errno(), EIO);
	cr_assert_eq(ferry_task_cancels(&owner.task), 1);
}

LoopTest(owner, T6_if_that_is_taken_back_the_groups_is_left_155433)
{
	OWN(.acts = have_one_that_fails_soon, .awaits = { &event.awaitable });
	cr_assert_eq(ferry_loop_run_once(loop, FERRY_NO_DEADLINE), 1);
	cr_assert_eq(ferry_task_cancel(&owner.task), 0);
	cr_assert_eq(ferry_task_uncancel(&owner.task), 1);
	run();
	cr_assert(diary_is("o: a: a. a) o)"));
	owner_failed(EIO);
}

LoopTest(owner, T6_if_the_group_is_awaited_the_one_from_outside_is_left_155433)
{
	cr_assert_eq(ferry_operation_init(&operation, NULL), 0);
	OWN(.acts = have_one_that_fails_soon,
	    .awaits = { &operation.awaitable, &group.awaitable, &event.awaitable });
	cr_assert_eq(ferry_operation_complete(&operation, loop, 0), 0);
	cr_assert_eq(ferry_task_cancel(&owner.task), 0);
	run();
	cr_assert(diary_is("o: a: a. a) o1 o2 o)"));
	cr_assert_eq(owner_end(), ACTOR_CANCELLED);
	cr_assert_eq(ferry_task_cancels(&owner.task), 1);
}

static void be_cancelled_and_have_one_that_fails(struct owner *o)
{
	cr_assert_eq(ferry_task_cancel(&o->task), 0);
	have_one_that_fails_at_once(o);
}

LoopTest(owner, T6_nor_one_that_was_due_before_the_group_was_made)
{
	OWN(.acts = be_cancelled_and_have_one_that_fails, .awaits = { &event.awaitable });
	run();
	cr_assert(diary_is("o: a: a. a) o)"));
	cr_assert_eq(owner_errno(), EIO);
	cr_assert_eq(ferry_task_cancels(&owner.task), 1);
}

static void have_one_that_has_failed(struct owner *o)
{
	have_one_that_fails_at_once(o);
	cr_assert_eq(ferry_group_close(&group), 0);
	cr_assert_eq(group_errno(), EIO);
}

LoopTest(owner, T6_nor_does_its_own_being_cancelled_hide_it)
{
	OWN(.acts = have_one_that_has_failed, .fails = -ECANCELED);
	cr_assert(diary_is("o: a: a. a) o)"));
	owner_failed(EIO);
}

LoopTest(owner, T6_one_that_is_cancelled_while_it_waits_for_the_group_cancels_that)
{
	OWN(.acts = have_one_that_waits, .awaits = { &group.awaitable });
	cr_assert_eq(ferry_task_cancel(&owner.task), 0);
	run();
	cr_assert(diary_is("o: a: a) o)"));
	cr_assert_eq(owner_end(), ACTOR_CANCELLED);
	cr_assert_eq(group_end(), ACTOR_CANCELLED);
}

/* ---- leaving ---- */

LoopTest(owner, T6_one_that_returns_waits_for_its_children_before_it_cleans_up)
{
	OWN(.acts = have_one_that_yields);
	cr_assert(diary_is("o: a:"));
	run();
	cr_assert(diary_is("a. a) o)"));
	owner_has_result();
	cr_assert_eq(group_end(), ACTOR_RESULT);
}

LoopTest(owner, T6_one_that_fails_cancels_them_and_waits)
{
	OWN(.acts = have_one_that_waits, .fails = -ENOENT);
	run();
	cr_assert(diary_is("o: a: a) o)"));
	owner_failed(ENOENT);
	cr_assert_eq(group_end(), ACTOR_CANCELLED);
}

LoopTest(owner, T6_and_so_does_one_that_is_cancelled)
{
	cr_assert_eq(ferry_operation_init(&operation, NULL), 0);
	OWN(.acts = have_one_that_waits, .awaits = { &operation.awaitable });
	cr_assert_eq(ferry_task_cancel(&owner.task), 0);
	run();
	cr_assert(diary_is("o: a: a) o)"));
	cr_assert_eq(owner_end(), ACTOR_CANCELLED);
	cr_assert_eq(group_end(), ACTOR_CANCELLED);
}

LoopTest(owner, T6_and_one_that_ends_as_cancelled_of_itself)
{
	OWN(.acts = have_one_that_waits, .fails = -ECANCELED);
	run();
	cr_assert(diary_is("o: a: a) o)"));
	cr_assert_eq(owner_end(), ACTOR_CANCELLED);
	cr_assert_eq(ferry_task_cancels(&owner.task), 0);
}

static void have_one_and_cancel_it(struct owner *o)
{
	have_one_that_waits(o);
	cr_assert_eq(ferry_group_cancel(&group), 0);
}

static void have_none_that_wins(struct owner *o)
{
	(void)o;
	make(FERRY_GROUP_FIRST_RESULT, 0);
	HAVE(LAZY, .name = "a", .fails = -ECANCELED);
}

static void cancel_the_group(struct actor *actor)
{
	(void)actor;
	cr_assert_eq(ferry_group_cancel(&group), 0);
}

LoopTest(owner, T7_a_group_that_is_cancelled_does_not_cancel_its_owner)
{
	struct actor other = { .name = "x", .acts = cancel_the_group };

	OWN(.acts = have_one_and_cancel_it);
	run();
	cr_assert(diary_is("o: a: a) o)"));
	cr_assert_eq(group_end(), ACTOR_CANCELLED);
	owner_has_result();

	OWN(.acts = have_none_that_wins);
	run();
	cr_assert(diary_is("o: a: a. a) o)"));
	cr_assert_eq(group_end(), ACTOR_CANCELLED);
	owner_has_result();

	OWN(.acts = have_one_that_waits);
	actor_begin(&other, loop, NULL);
	run();
	cr_assert(diary_is("o: a: x: x. x) a) o)"));
	cr_assert_eq(group_end(), ACTOR_CANCELLED);
	owner_has_result();

	OWN(.acts = have_one_and_cancel_it, .awaits = { &group.awaitable }, .tries = true);
	run();
	cr_assert(diary_is("o: a: a) o)"));
	cr_assert_eq(owner_end(), ACTOR_CANCELLED, "unless it tries that");
}

static void have_slow_ones(struct owner *o)
{
	have_one_that_waits(o);
	HAVE(EAGER, .name = "b", .awaits = &operation.awaitable, .cleans = &event.awaitable);
	HAVE(DEFERRED, .name = "c");
}

LoopTest(owner, T6_the_wait_of_one_that_returns_may_be_cancelled)
{
	cr_assert_eq(ferry_operation_init(&operation, NULL), 0);
	OWN(.acts = have_slow_ones);
	run();
	cr_assert(diary_is("o: a: b: c: c. c)"), "it has returned, and closed the group");
	cr_assert_eq(ferry_task_cancel(&owner.task), 0);
	run();
	cr_assert(diary_is("a) b)"));
	ferry_event_set(&event);
	run();
	cr_assert(diary_is("o)"));
	cr_assert_eq(owner_end(), ACTOR_CANCELLED, "for not all of what it began was done");
}

LoopTest(owner, T7_and_what_cleans_up_behind_it_runs_once)
{
	cr_assert_eq(ferry_operation_init(&operation, NULL), 0);
	OWN(.acts = have_one_that_waits, .waits = &operation.awaitable);
	cr_assert_eq(ferry_task_cancel(&owner.task), 0);
	run();
	cr_assert(diary_is("o: a: a) o)"));
	cr_assert_eq(ferry_operation_complete(&operation, loop, 0), 0);
	run();
	cr_assert(diary_is("o))"));
	cr_assert_eq(owner_end(), ACTOR_CANCELLED);
}

LoopTest(owner, T7_a_cancel_of_that_wait_that_stops_nobody_changes_nothing)
{
	OWN(.acts = have_one_that_waits);
	ferry_event_set(&event);
	cr_assert_eq(ferry_task_cancel(&owner.task), 0);
	run();
	cr_assert(diary_is("o: a: a. a) o)"));
	cr_assert_eq(owner_end(), ACTOR_RESULT);
}

LoopTest(owner, T6_one_that_fails_ends_what_was_deferred)
{
	cr_assert_eq(ferry_operation_init(&operation, NULL), 0);
	OWN(.acts = have_slow_ones, .fails = -EIO);
	run();
	cr_assert(diary_is("o: a: b: a) b) c)"));
	ferry_event_set(&event);
	run();
	cr_assert(diary_is("o)"));
	owner_failed(EIO);
}

static void have_nobody(struct owner *o)
{
	make_plain(o);
}

LoopTest(owner, T6_an_empty_group_takes_no_turn)
{
	OWN(.acts = have_nobody);
	cr_assert(diary_is("o: o)"));
	owner_has_result();
	costs(0, 0);
	OWN(.acts = have_nobody, .fails = -EIO);
	cr_assert(diary_is("o: o)"));
	costs(0, 0);
}

LoopTest(owner, T6_two_that_are_open_are_both_waited_for)
{
	OWN(.acts = have_one_that_yields);
	run();
	cr_assert(diary_is("o: a: a. a) o)"));
}

/* ---- the outcome of both ---- */

/* What the body ends as, what the group does, and what comes of that. */
static const struct merge {
	enum actor_end body, group, owner;
	bool tells;
} merges[] = {
	{ ACTOR_RESULT, ACTOR_RESULT, ACTOR_RESULT, false },
	{ ACTOR_RESULT, ACTOR_EXCEPTION, ACTOR_EXCEPTION, false },
	{ ACTOR_EXCEPTION, ACTOR_RESULT, ACTOR_EXCEPTION, false },
	{ ACTOR_EXCEPTION, ACTOR_EXCEPTION, ACTOR_EXCEPTION, true },
	{ ACTOR_EXCEPTION, ACTOR_CANCELLED, ACTOR_EXCEPTION, false },
	{ ACTOR_CANCELLED, ACTOR_RESULT, ACTOR_CANCELLED, false },
	{ ACTOR_CANCELLED, ACTOR_EXCEPTION, ACTOR_EXCEPTION, false },
	{ ACTOR_CANCELLED, ACTOR_CANCELLED, ACTOR_CANCELLED, false },
};

static enum actor_end child_shall;

/* Cancelled or not, once it has begun it does what it shall: what it waits for is shielded. */
static void have_one_that_shall(struct owner *o)
{
	struct actor child = { .name = "a", WAITING };

	make_plain(o);
	if (child_shall == ACTOR_EXCEPTION)
		child.error = exception_new("of a");
	have(FERRY_START_EAGER, child);
	if (child_shall != ACTOR_CANCELLED)
		cr_assert_eq(ferry_task_shield(&children[0].task), 0);
}

LoopTest(owner, T6_its_outcome_is_that_of_its_body_and_of_its_group)
{
	for (size_t i = 0; i < sizeof(merges) / sizeof(*merges); i++) {
		const struct merge *merge = &merges[i];
		struct owner what = { .acts = have_one_that_shall };

		born = 0;
		child_shall = merge->group;
		if (merge->body == ACTOR_EXCEPTION)
			what.error = exception_new("of o");
		what.fails = merge->body == ACTOR_CANCELLED ? -ECANCELED : 0;
		own_as(what);
		run();
		cr_assert_eq(owner_end() == ACTOR_PENDING, merge->group != ACTOR_CANCELLED);
		ferry_event_set(&event);
		run();
		cr_assert_eq(group_end(), merge->group, "row %zu", i);
		cr_assert_eq(owner_end(), merge->owner, "row %zu", i);
		if (merge->owner == ACTOR_EXCEPTION)
			cr_assert_str_eq(exception_of_task(&owner.task),
					 merge->body == ACTOR_EXCEPTION ? "of o" : "of a");
		cr_assert_eq(exceptions_heard("of a"), merge->tells);
		ferry_group_clear(&group);
		ferry_task_clear(&children[0].task);
		ferry_task_clear(&owner.task);
		cr_assert_eq(exceptions_alive, 0, "row %zu", i);
		ferry_event_clear(&event);
		diary[0] = 0;
	}
}

LoopTest(owner, exceptions_are_held_once_whichever_way_they_come)
{
	/* Interrupted, merged, tried. */
	OWN(.acts = have_one_with_a_reason, .awaits = { &event.awaitable });
	for (int way = 0; way < 3; way++) {
		run();
		cr_assert_str_eq(exception_of_task(&owner.task), "of a");
		cr_assert_eq(exceptions_alive, 1);
		ferry_task_clear(&children[0].task);
		ferry_task_clear(&owner.task);
		cr_assert_eq(exceptions_alive, 0, "the group holds none");
		born = 0;
		if (way == 0)
			OWN(.acts = have_one_with_a_reason);
		if (way == 1)
			OWN(.acts = have_one_with_a_reason, .tries = true,
			    .awaits = { &group.awaitable });
	}
	diary[0] = 0;
}

LoopTest(owner, one_that_only_looks_leaves_the_exception_with_the_group)
{
	OWN(.acts = have_one_with_a_reason, .awaits = { &group.awaitable });
	run();
	owner_has_result();
	ferry_task_clear(&children[0].task);
	cr_assert_str_eq(exception_of(&group.awaitable), "of a");
	cr_assert_eq(ferry_group_clear(&group), 0);
	cr_assert_eq(exceptions_alive, 0);
}

/* Somebody else has taken the exception over, and let go of it, before the owner finds out. */
LoopTest(owner, T6_the_exception_stays_for_an_owner_that_has_yet_to_find_out)
{
	struct actor slow = { .name = "s", WAITING };
	struct actor taker = { .name = "t", .awaits = &group.awaitable, .tries = true };

	cr_assert_eq(ferry_operation_init(&operation, NULL), 0);
	slow.cleans = &operation.awaitable;
	actor_begin(&slow, loop, NULL);
	OWN(.acts = have_one_with_a_reason, .awaits = { &slow.awaitable });
	actor_begin(&taker, loop, NULL);
	run();
	cr_assert(diary_is("s: o: t: a: a. a) s) t)"));
	ferry_task_clear(&children[0].task);
	cr_assert_str_eq(exception_of_task(&taker.task), "of a");
	ferry_task_clear(&taker.task);
	cr_assert_eq(ferry_operation_complete(&operation, loop, 0), 0);
	run();
	cr_assert_str_eq(exception_of_task(&owner.task), "of a");
	ferry_task_clear(&owner.task);
	cr_assert_eq(ferry_group_clear(&group), 0);
}

/* ---- several ---- */

static void have_two_groups(struct owner *o)
{
	have_one_that_fails_soon(o);
	cr_assert_eq(ferry_group_init(&o->other, loop, NULL), 0);
	children[born] = (struct actor){ .name = "b", WAITING };
	actor_begin(&children[born++], loop, FERRY_IN(&o->other));
}

LoopTest(owner, T6_one_that_waits_for_one_group_is_interrupted_by_the_other)
{
	OWN(.acts = have_two_groups, .awaits = { &owner.other.awaitable });
	run();
	cr_assert(diary_is("o: b: a: a. a) b) o)"));
	owner_failed(EIO);
	cr_assert(ferry_awaitable_snapshot(&owner.other.awaitable).cancelled);
}

static void have_two_groups_that_wait(struct owner *o)
{
	have_one_that_waits(o);
	cr_assert_eq(ferry_group_init(&o->other, loop, NULL), 0);
	children[born] = (struct actor){ .name = "b", WAITING };
	actor_begin(&children[born++], loop, FERRY_IN(&o->other));
	HAVE(DEFERRED, .name = "c");
}

LoopTest(owner, T6_one_that_leaves_waits_for_all_its_groups)
{
	OWN(.acts = have_two_groups_that_wait);
	cr_assert(diary_is("o: a: b:"));
	run();
	cr_assert(diary_is("c: c. c)"), "both were closed");
	ferry_event_set(&event);
	run();
	cr_assert(diary_is("a. a) b. b) o)"));
	owner_has_result();
}

LoopTest(owner, T6_if_one_of_them_fails_the_others_are_cancelled)
{
	OWN(.acts = have_two_groups);
	run();
	cr_assert(diary_is("o: b: a: a. a) b) o)"));
	owner_failed(EIO);
	cr_assert(ferry_awaitable_snapshot(&owner.other.awaitable).cancelled);
	cr_assert_eq(ferry_task_cancels(&children[1].task), 1);
}

static void have_one_group_that_waits_and_one_that_failed(struct owner *o)
{
	have_one_that_waits(o);
	cr_assert_eq(ferry_group_init(&o->other, loop, NULL), 0);
	children[born] = (struct actor){ .name = "b", .fails = -EIO };
	actor_begin(&children[born++], loop, FERRY_IN(&o->other));
	cr_assert_eq(ferry_group_close(&o->other), 0);
}

LoopTest(owner, T6_and_so_they_are_if_it_had_failed_before)
{
	OWN(.acts = have_one_group_that_waits_and_one_that_failed);
	run();
	cr_assert(diary_is("o: a: b: b. b) a) o)"));
	owner_failed(EIO);
	cr_assert_eq(ferry_task_cancels(&children[0].task), 1);
}

LoopTest(owner, T6_one_that_does_not_end_well_cancels_them_all_at_once)
{
	cr_assert_eq(ferry_operation_init(&operation, NULL), 0);
	OWN(.acts = have_two_groups_that_wait, .fails = -EIO);
	children[0].cleans = children[1].cleans = &operation.awaitable;
	run();
	cr_assert(diary_is("o: a: b: b) a) c)"));
	cr_assert_eq(owner_end(), ACTOR_PENDING);
	cr_assert_eq(ferry_operation_complete(&operation, loop, 0), 0);
	run();
	cr_assert(diary_is("o)"));
	owner_failed(EIO);
	cr_assert_eq(ferry_task_cancels(&children[0].task), 1);
	cr_assert_eq(ferry_task_cancels(&children[1].task), 1);
}

static void have_two_groups_that_fail(struct owner *o)
{
	have_one_that_fails_at_once(o);
	cr_assert_eq(ferry_group_init(&o->other, loop, NULL), 0);
	children[born] = (struct actor){ .name = "b", .fails = -ENOENT };
	actor_begin(&children[born++], loop, FERRY_IN(&o->other));
}

LoopTest(owner, T6_of_two_that_fail_one_is_the_outcome_and_one_is_told)
{
	OWN(.acts = have_two_groups_that_fail, .awaits = { &event.awaitable });
	run();
	cr_assert(diary_is("o: a: a. a) b: b. b) o)"));
	owner_failed(ENOENT);
	cr_assert_eq(exceptions_heard("Input/output error"), 1, "of the one that was made first");
	born = 0;
	OWN(.acts = have_two_groups_that_fail);
	cr_assert_eq(owner_end(), ACTOR_EXCEPTION);
	cr_assert_eq(ferry_task_cancels(&owner.task), 0);
	cr_assert_eq(exceptions_told, 1);
	exceptions_told = 0;
	diary[0] = 0;
}

/* Makes the group anew in each round, in one memory. */
struct rounds {
	FERRY_FRAME;
	ferry_group group;
	struct actor child;
	unsigned round;
	bool awaits; /* else it only closes it */
	int fails;
};

static ferry_step rounds_step(ferry_task *task)
{
	FERRY_BEGIN(task, struct rounds, f);
	for (f->round = 0; f->round < 3; f->round++) {
		if (ferry_group_init(&f->group, loop, NULL))
			FERRY_FAIL(-EBUSY);
		f->child = (struct actor){ .name = "a", .fails = f->fails };
		actor_begin(&f->child, loop, FERRY_IN(&f->group));
		if (f->awaits)
			FERRY_AWAIT(&f->group);
		else
			ferry_group_close(&f->group);
	}
	diary_note("r");
	FERRY_RETURN();
	FERRY_FINALLY
	FERRY_END;
}

LoopTest(owner, T6_a_group_may_be_made_anew_when_it_has_ended)
{
	struct rounds rounds = { .awaits = true };

	for (int fails = 0; fails >= -EIO; fails -= EIO) {
		rounds.fails = fails;
		rounds.awaits = true;
		ferry_task_begin(&rounds.task, loop, rounds_step, NULL);
		cr_assert(ferry_awaitable_snapshot(&rounds.awaitable).done);
		cr_assert_null(ferry_task_snapshot(&rounds.task).exception);
		cr_assert_eq(ferry_task_cancels(&rounds.task), 0);
		rounds.awaits = false;
		ferry_task_begin(&rounds.task, loop, rounds_step, NULL);
		cr_assert_eq(ferry_task_cancels(&rounds.task), 0, "each took its own back");
		cr_assert_eq(ferry_error_errno(ferry_task_snapshot(&rounds.task).exception), -fails,
			     "of the last round, which is left");
		cr_assert_eq(exceptions_told, fails ? 2 : 0, "L6: of those that were not");
		exceptions_told = 0;
	}
	diary[0] = 0;
}

static void make_it_twice(struct owner *o)
{
	have_one_that_waits(o);
	cr_assert_eq(ferry_group_init(&group, loop, NULL), -EBUSY);
	cr_assert_eq(ferry_group_members(&group), 1, "it is what it was");
	cr_assert_eq(ferry_group_init(&o->other, loop, NULL), 0);
	cr_assert_eq(ferry_group_init(&group, loop, NULL), -EBUSY);
	cr_assert_eq(ferry_group_init(&o->other, loop, NULL), -EBUSY);
}

LoopTest(owner, T6_one_that_has_not_ended_is_not_made_anew)
{
	OWN(.acts = make_it_twice, .awaits = { &event.awaitable });
	ferry_event_set(&event);
	run();
	cr_assert(diary_is("o: a: a. a) o1 o)"));
	owner_has_result();
	diary[0] = 0;
}

/* ---- behind FERRY_FINALLY ---- */

LoopTest(owner, T7_what_cleans_up_is_not_interrupted_by_its_own_group)
{
	OWN(.acts = have_nobody, .cleans = have_one_that_fails_at_once, .waits = &event.awaitable);
	run();
	cr_assert(diary_is("o: o) a: a. a)"));
	cr_assert_eq(ferry_task_cancels(&owner.task), 0);
	ferry_event_set(&event);
	run();
	cr_assert(diary_is("o))"));
	owner_failed(EIO);
}

LoopTest(owner, T6_a_group_made_behind_finally_is_waited_for_at_the_end)
{
	OWN(.acts = have_nobody, .cleans = have_one_that_yields);
	cr_assert(diary_is("o: o) a:"));
	cr_assert_eq(owner_end(), ACTOR_PENDING);
	run();
	cr_assert(diary_is("a. a)"));
	owner_has_result();
}

LoopTest(owner, T6_and_cancelled_if_the_body_did_not_end_well)
{
	OWN(.acts = have_nobody, .fails = -EIO, .cleans = have_one_that_waits);
	run();
	cr_assert(diary_is("o: o) a: a)"));
	owner_failed(EIO);
}

/* ---- what seed 97696 names ---- */

static int begun_beside; /* what is seen of those that were begun */

static void leave_a_trace(struct actor *actor)
{
	(void)actor;
	begun_beside++;
}

static ferry_start start_of_all;

static void begin_three_that_leave_a_trace(struct owner *o)
{
	make_plain(o);
	have(start_of_all, (struct actor){ .name = "a", .acts = leave_a_trace });
	have(start_of_all, (struct actor){ .name = "b", WAITING, .acts = leave_a_trace });
	have(start_of_all, (struct actor){ .name = "c", WAITING, .acts = leave_a_trace });
}

LoopTest(owner, T6_a_creator_that_fails_leaves_what_eager_starts_did_and_nothing_of_lazy_ones_97696)
{
	start_of_all = FERRY_START_EAGER;
	OWN(.acts = begin_three_that_leave_a_trace, .fails = -EIO);
	run();
	cr_assert(diary_is("o: a: a. a) b: c: b) c) o)"));
	owner_failed(EIO);
	cr_assert_eq(begun_beside, 3);
	cr_assert_eq(actor_ended(&children[0]), ACTOR_RESULT);
	cr_assert_eq(actor_ended(&children[1]), ACTOR_CANCELLED);

	begun_beside = 0;
	born = 0;
	start_of_all = FERRY_START_LAZY;
	OWN(.acts = begin_three_that_leave_a_trace, .fails = -EIO);
	run();
	cr_assert(diary_is("o: a) b) c) o)"));
	owner_failed(EIO);
	cr_assert_eq(begun_beside, 0);
	for (int i = 0; i < 3; i++)
		cr_assert_eq(actor_ended(&children[i]), ACTOR_CANCELLED);
}
