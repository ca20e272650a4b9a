/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Scopes with a deadline: left by it, or not; nested; cancelled by somebody else at the same time;
 * with groups in them (T6, T7). Deadlines have passed when they are given, and so are there in the
 * next turn, or never come.
 */
#include <limits.h>

#include "loop/loop.h"
#include "support/children.h"

TestSuite(timeout, .timeout = 60);

#define PASSED 0
#define NEVER FERRY_NO_DEADLINE
#define FAR ferry_in_ns(3600000000000)

static ferry_operation operation;

static bool is_without_timers(void)
{
	return !fixture_loop_counters(loop).timers;
}

/* ---- one scope ---- */

/* Waits for one thing after the other in the scope, and for one behind it. */
struct scope {
	FERRY_FRAME;
	ferry_timeout timeout;
	uint64_t deadline_ns;
	ferry_awaitable *awaits[3]; /* NULL: no more */
	ferry_awaitable *behind;    /* NULL: nothing */
	bool tries, shields;
	void (*before)(struct scope *scope); /* at the beginning; NULL: nothing */
	void (*acts)(struct scope *scope);   /* in the scope */
	enum { TO_THE_END, BY_BREAK, BY_CONTINUE, BY_RETURN, BY_FAILING } leaves;
	unsigned awaited;
};

static struct scope scope;

static ferry_step scope_step(ferry_task *task)
{
	FERRY_BEGIN(task, struct scope, f);
	if (f->before)
		f->before(f);
	FERRY_TIMEOUT(&f->timeout, f->deadline_ns) {
		diary_note("in");
		if (f->acts)
			f->acts(f);
		for (f->awaited = 0; f->awaited < 3 && f->awaits[f->awaited]; f->awaited++) {
			if (f->shields)
				FERRY_SHIELD((struct actor_awaited *)f->awaits[f->awaited]);
			else if (f->tries)
				FERRY_TRY((struct actor_awaited *)f->awaits[f->awaited]);
			else
				FERRY_AWAIT((struct actor_awaited *)f->awaits[f->awaited]);
			diary_note("%u", f->awaited + 1);
		}
		if (f->leaves == BY_BREAK)
			break;
		if (f->leaves == BY_CONTINUE)
			continue;
		if (f->leaves == BY_RETURN)
			FERRY_RETURN();
		if (f->leaves == BY_FAILING)
			FERRY_FAIL(-EIO);
		diary_note("out");
	}
	diary_note(f->timeout.expired ? "expired" : "behind");
	if (f->behind)
		FERRY_AWAIT((struct actor_awaited *)f->behind);
	FERRY_RETURN();

	FERRY_FINALLY
	diary_note(")");
	FERRY_END;
}

static void enter_as(struct scope what)
{
	scope = what;
	memset(&scope.timeout, 0xa5, sizeof(scope.timeout)); /* it needs no preparation */
	ferry_task_begin(&scope.task, loop, scope_step, NULL);
}
#define ENTER(...) enter_as((struct scope){ __VA_ARGS__ })

static enum actor_end scope_end(void)
{
	return actor_end_of(ferry_task_snapshot(&scope.task));
}

/* It ended well, and neither a cancel nor a timer is left over. */
static void scope_is_over(bool expired)
{
	cr_assert_eq(scope_end(), ACTOR_RESULT);
	cr_assert_eq(scope.timeout.expired, expired);
	cr_assert_eq(ferry_task_cancels(&scope.task), 0);
	cr_assert(is_without_timers());
}

LoopTest(timeout, it_is_left_by_its_deadline)
{
	ENTER(.deadline_ns = PASSED, .awaits = { &event.awaitable });
	cr_assert(diary_is("in"), "not inside of the call");
	cr_assert_eq(ferry_task_cancels(&scope.task), 0);
	run();
	cr_assert(diary_is("expired )"));
	scope_is_over(true);
	costs(2, 2);
}

LoopTest(timeout, it_is_not_left_before_that)
{
	ENTER(.deadline_ns = FAR, .awaits = { &event.awaitable });
	cr_assert(!is_without_timers());
	cr_assert_eq(ferry_loop_run_once(loop, 0), 0);
	ferry_event_set(&event);
	run();
	cr_assert(diary_is("in 1 out behind )"));
	scope_is_over(false);
}

LoopTest(timeout, one_that_never_comes_needs_no_timer)
{
	ENTER(.deadline_ns = NEVER, .awaits = { &event.awaitable });
	cr_assert(is_without_timers());
	run();
	ferry_event_set(&event);
	run();
	cr_assert(diary_is("in 1 out behind )"));
	scope_is_over(false);
}

LoopTest(timeout, what_does_not_wait_is_not_left)
{
	ENTER(.deadline_ns = PASSED);
	cr_assert(diary_is("in out behind )"));
	scope_is_over(false);
	costs(0, 0);
}

LoopTest(timeout, T7_a_body_that_was_woken_goes_on_to_its_end)
{
	ENTER(.deadline_ns = PASSED, .awaits = { &event.awaitable },
	      .behind = &operation.awaitable);
	cr_assert_eq(ferry_operation_init(&operation, NULL), 0);
	ferry_event_set(&event);
	run();
	cr_assert(diary_is("in 1 out behind"), "and what stands behind it is not cut");
	cr_assert_eq(ferry_task_cancels(&scope.task), 0);
	cr_assert_eq(ferry_operation_complete(&operation, loop, 0), 0);
	run();
	cr_assert(diary_is(")"));
	scope_is_over(false);
}

LoopTest(timeout, T7_and_is_left_where_it_would_next_have_to_wait)
{
	cr_assert_eq(ferry_operation_init(&operation, NULL), 0);
	ENTER(.deadline_ns = PASSED,
	      .awaits = { &event.awaitable, &event.awaitable, &operation.awaitable });
	ferry_event_set(&event);
	run();
	cr_assert(diary_is("in 1 2 expired )"));
	scope_is_over(true);
}

LoopTest(timeout, break_and_continue_belong_to_it)
{
	for (int leaves = BY_BREAK; leaves <= BY_CONTINUE; leaves++) {
		ENTER(.deadline_ns = FAR, .leaves = leaves);
		cr_assert(diary_is("in behind )"));
		scope_is_over(false);
		ferry_event_clear(&event);
		ENTER(.deadline_ns = FAR, .leaves = leaves, .awaits = { &event.awaitable });
		ferry_event_set(&event);
		run();
		cr_assert(diary_is("in 1 behind )"));
		scope_is_over(false);
	}
}

LoopTest(timeout, it_ends_where_the_body_of_the_step_does)
{
	ENTER(.deadline_ns = PASSED, .leaves = BY_RETURN);
	cr_assert(diary_is("in )"));
	scope_is_over(false);

	ENTER(.deadline_ns = PASSED, .leaves = BY_RETURN, .awaits = { &event.awaitable });
	ferry_event_set(&event);
	run();
	cr_assert(diary_is("in 1 )"));
	scope_is_over(false);

	ENTER(.deadline_ns = FAR, .leaves = BY_FAILING);
	cr_assert(diary_is("in )"));
	cr_assert_eq(scope_end(), ACTOR_EXCEPTION);
	cr_assert(is_without_timers());

	cr_assert_eq(ferry_operation_init(&operation, NULL), 0);
	ENTER(.deadline_ns = FAR, .tries = true, .awaits = { &operation.awaitable });
	cr_assert_eq(ferry_operation_complete(&operation, loop, -EIO), 0);
	run();
	cr_assert(diary_is("in )"));
	cr_assert_eq(scope_end(), ACTOR_EXCEPTION);
	cr_assert(is_without_timers());

	cr_assert_eq(ferry_operation_init(&operation, NULL), 0);
	ENTER(.deadline_ns = FAR, .awaits = { &operation.awaitable });
	cr_assert_eq(ferry_task_cancel(&scope.task), 0);
	run();
	cr_assert(diary_is("in )"));
	cr_assert_eq(scope_end(), ACTOR_CANCELLED);
	cr_assert_eq(scope.timeout.expired, 0);
	cr_assert(is_without_timers());
}

LoopTest(timeout, a_cancel_of_its_own_is_taken_back_where_the_body_fails)
{
	ENTER(.deadline_ns = PASSED, .leaves = BY_FAILING, .awaits = { &event.awaitable });
	ferry_event_set(&event);
	run();
	cr_assert(diary_is("in 1 )"));
	cr_assert_eq(scope_end(), ACTOR_EXCEPTION);
	cr_assert_eq(ferry_task_cancels(&scope.task), 0);
}

LoopTest(timeout, a_loop_that_closes_forgets_it)
{
	ENTER(.deadline_ns = PASSED, .awaits = { &event.awaitable });
	cr_assert_eq(ferry_loop_free(loop), 0);
	cr_assert(ferry_awaitable_snapshot(&scope.awaitable).cancelled);
	cr_assert(diary_is("in"));
	loop = fixture_loop();
}

/* ---- what it waits for ---- */

LoopTest(timeout, T7_a_child_that_takes_long_to_clean_up_is_waited_for)
{
	struct actor slow = { .name = "s", WAITING, .cleans = &operation.awaitable };

	cr_assert_eq(ferry_operation_init(&operation, NULL), 0);
	actor_begin(&slow, loop, NULL);
	ENTER(.deadline_ns = PASSED, .awaits = { &slow.awaitable });
	run();
	cr_assert(diary_is("s: in s)"));
	cr_assert_eq(scope_end(), ACTOR_PENDING);
	cr_assert_eq(ferry_operation_complete(&operation, loop, 0), 0);
	run();
	cr_assert(diary_is("expired )"));
	scope_is_over(true);
	cr_assert_eq(actor_ended(&slow), ACTOR_CANCELLED);
}

LoopTest(timeout, T7_one_that_has_a_result_all_the_same_is_no_reason_to_leave)
{
	struct actor stubborn = { .name = "s", WAITING };

	actor_begin(&stubborn, loop, NULL);
	cr_assert_eq(ferry_task_shield(&stubborn.task), 0);
	ENTER(.deadline_ns = PASSED, .tries = true, .awaits = { &stubborn.awaitable });
	run();
	ferry_event_set(&event);
	run();
	cr_assert(diary_is("s: in s. s) 1 out behind )"));
	scope_is_over(false);
	cr_assert_eq(actor_ended(&stubborn), ACTOR_RESULT);
}

LoopTest(timeout, T7_one_that_fails_for_that_is_what_the_body_sees)
{
	struct actor child = { .name = "s", WAITING, .fails = -EIO };

	actor_begin(&child, loop, NULL);
	cr_assert_eq(ferry_task_shield(&child.task), 0);
	ENTER(.deadline_ns = PASSED, .tries = true, .awaits = { &child.awaitable });
	run();
	ferry_event_set(&event);
	run();
	cr_assert(diary_is("s: in s. s) )"));
	cr_assert_eq(scope_end(), ACTOR_EXCEPTION);
	cr_assert_eq(scope.timeout.expired, 0);
	cr_assert_eq(ferry_task_cancels(&scope.task), 0);
}

LoopTest(timeout, what_is_shielded_goes_on_without_it)
{
	struct actor child = { .name = "s", WAITING };

	actor_begin(&child, loop, NULL);
	ENTER(.deadline_ns = PASSED, .shields = true, .awaits = { &child.awaitable });
	run();
	cr_assert(diary_is("s: in expired )"));
	scope_is_over(true);
	ferry_event_set(&event);
	run();
	cr_assert(diary_is("s. s)"));
}

static void hold(struct scope *s)
{
	cr_assert_eq(ferry_task_shield(&s->task), 0);
}

LoopTest(timeout, T7_in_a_shielded_part_it_has_to_wait)
{
	ENTER(.deadline_ns = PASSED, .acts = hold, .awaits = { &event.awaitable });
	run();
	cr_assert_eq(ferry_task_cancels(&scope.task), 1);
	ferry_event_set(&event);
	run();
	cr_assert(diary_is("in 1 out behind )"), "the body has come to its end");
	scope_is_over(false);

	ferry_event_clear(&event);
	ENTER(.deadline_ns = PASSED, .acts = hold, .awaits = { &event.awaitable });
	run();
	cr_assert(diary_is("in"));
	cr_assert_eq(ferry_task_unshield(&scope.task), 0);
	run();
	cr_assert(diary_is("expired )"));
	scope_is_over(true);
}

/* ---- and somebody else ---- */

LoopTest(timeout, T7_a_cancel_from_outside_is_not_taken_for_its_own)
{
	ENTER(.deadline_ns = PASSED, .awaits = { &event.awaitable });
	cr_assert_eq(ferry_task_cancel(&scope.task), 0);
	run();
	cr_assert(diary_is("in )"));
	cr_assert_eq(scope_end(), ACTOR_CANCELLED);
	cr_assert_eq(scope.timeout.expired, 0);
	cr_assert_eq(ferry_task_cancels(&scope.task), 1);
}

static void cancel_it(ferry_loop *which, void *user)
{
	(void)which, (void)user;
	cr_assert_eq(ferry_task_cancels(&scope.task), 1, "the deadline came first");
	cr_assert_eq(ferry_task_cancel(&scope.task), 0);
}

static void cancel_it_for_a_moment(ferry_loop *which, void *user)
{
	cancel_it(which, user);
	cr_assert_eq(ferry_task_uncancel(&scope.task), 1);
}

LoopTest(timeout, T7_nor_one_that_comes_when_it_has_fired)
{
	cr_assert_eq(ferry_loop_call_soon(loop, cancel_it, NULL), 0);
	ENTER(.deadline_ns = PASSED, .awaits = { &event.awaitable });
	run();
	cr_assert(diary_is("in )"));
	cr_assert_eq(scope_end(), ACTOR_CANCELLED);
	cr_assert_eq(scope.timeout.expired, 0);

	cr_assert_eq(ferry_loop_call_soon(loop, cancel_it_for_a_moment, NULL), 0);
	ENTER(.deadline_ns = PASSED, .awaits = { &event.awaitable });
	run();
	cr_assert(diary_is("in expired )"));
	scope_is_over(true);
}

static void cancel_itself(struct scope *s)
{
	cr_assert_eq(ferry_task_cancel(&s->task), 0);
}

/* What it waits for is asked at once, and has not ended when the deadline comes. */
LoopTest(timeout, T7_nor_one_that_was_due_before_it_began)
{
	struct actor slow = { .name = "s", WAITING, .cleans = &operation.awaitable };

	cr_assert_eq(ferry_operation_init(&operation, NULL), 0);
	actor_begin(&slow, loop, NULL);
	ENTER(.deadline_ns = PASSED, .before = cancel_itself, .awaits = { &slow.awaitable });
	run();
	cr_assert(diary_is("s: in s)"));
	cr_assert_eq(ferry_task_cancels(&scope.task), 2);
	cr_assert_eq(ferry_operation_complete(&operation, loop, 0), 0);
	run();
	cr_assert(diary_is(")"));
	cr_assert_eq(scope_end(), ACTOR_CANCELLED);
	cr_assert_eq(scope.timeout.expired, 0);
	cr_assert_eq(ferry_task_cancels(&scope.task), 1);
}

static void be_asked_too_often(struct scope *s)
{
	hold(s);
	for (int i = 0; i < UINT16_MAX; i++)
		cr_assert_eq(ferry_task_cancel(&s->task), 0);
}

LoopTest(timeout, a_deadline_that_cannot_be_counted_does_not_come)
{
	ENTER(.deadline_ns = PASSED, .acts = be_asked_too_often, .awaits = { &event.awaitable });
	run();
	for (int i = UINT16_MAX; i; i--)
		cr_assert_eq(ferry_task_uncancel(&scope.task), i - 1);
	cr_assert_eq(ferry_task_unshield(&scope.task), 0);
	run();
	ferry_event_set(&event);
	run();
	cr_assert(diary_is("in 1 out behind )"));
	scope_is_over(false);
}

/* ---- nested ---- */

/* Waits in the inner one, behind that in the outer one, and behind both. */
struct nested {
	FERRY_FRAME;
	ferry_timeout outer, inner;
	uint64_t outer_ns, inner_ns;
	ferry_awaitable *first, *awaits[3]; /* before the inner one; in each; NULL: nothing */
};

static struct nested nested;

static ferry_step nested_step(ferry_task *task)
{
	FERRY_BEGIN(task, struct nested, f);
	FERRY_TIMEOUT(&f->outer, f->outer_ns) {
		if (f->first)
			FERRY_AWAIT((struct actor_awaited *)f->first);
		FERRY_TIMEOUT(&f->inner, f->inner_ns) {
			if (f->awaits[0])
				FERRY_AWAIT((struct actor_awaited *)f->awaits[0]);
			diary_note("0");
		}
		diary_note(f->inner.expired ? "inner" : "1");
		if (f->awaits[1])
			FERRY_AWAIT((struct actor_awaited *)f->awaits[1]);
		diary_note("2");
	}
	diary_note(f->outer.expired ? "outer" : "3");
	if (f->awaits[2])
		FERRY_AWAIT((struct actor_awaited *)f->awaits[2]);
	FERRY_RETURN();

	FERRY_FINALLY
	diary_note(")");
	FERRY_END;
}

static void nest_as(struct nested what)
{
	nested = what;
	ferry_task_begin(&nested.task, loop, nested_step, NULL);
}
#define NEST(...) nest_as((struct nested){ __VA_ARGS__ })

static void nested_is_over(bool inner, bool outer)
{
	cr_assert_eq(actor_end_of(ferry_task_snapshot(&nested.task)), ACTOR_RESULT);
	cr_assert_eq(nested.inner.expired, inner);
	cr_assert_eq(nested.outer.expired, outer);
	cr_assert_eq(ferry_task_cancels(&nested.task), 0);
	cr_assert(is_without_timers());
}

LoopTest(timeout, the_inner_one_is_left_and_the_outer_one_goes_on)
{
	NEST(.outer_ns = FAR, .inner_ns = PASSED, .awaits = { &event.awaitable });
	run();
	cr_assert(diary_is("inner 2 3 )"));
	nested_is_over(true, false);
}

LoopTest(timeout, the_outer_one_is_left_from_inside_of_the_inner_one)
{
	NEST(.outer_ns = PASSED, .inner_ns = FAR, .awaits = { &event.awaitable });
	run();
	cr_assert(diary_is("outer )"));
	nested_is_over(false, true);
}

LoopTest(timeout, of_both_at_once_it_is_the_outer_one)
{
	NEST(.outer_ns = PASSED, .inner_ns = PASSED, .awaits = { &event.awaitable });
	run();
	cr_assert(diary_is("outer )"));
	nested_is_over(false, true);
	/* The order in which they fire makes no difference. */
	NEST(.outer_ns = 2, .inner_ns = 1, .awaits = { &event.awaitable });
	run();
	cr_assert(diary_is("outer )"));
	nested_is_over(false, true);
}

LoopTest(timeout, one_after_the_other_both_are_left)
{
	cr_assert_eq(ferry_operation_init(&operation, NULL), 0);
	NEST(.outer_ns = ferry_in_ns(1000000), .inner_ns = PASSED,
	     .awaits = { &event.awaitable, &operation.awaitable });
	cr_assert_eq(ferry_loop_run_once(loop, FERRY_NO_DEADLINE), 1);
	run();
	cr_assert(diary_is("inner outer )"));
	nested_is_over(true, true);
}

LoopTest(timeout, T7_a_cancel_leaves_both)
{
	NEST(.outer_ns = PASSED, .inner_ns = PASSED, .awaits = { &event.awaitable });
	cr_assert_eq(ferry_task_cancel(&nested.task), 0);
	run();
	cr_assert(diary_is(")"));
	cr_assert(ferry_task_snapshot(&nested.task).cancelled);
	cr_assert_eq(nested.inner.expired + nested.outer.expired, 0);
	cr_assert_eq(ferry_task_cancels(&nested.task), 1);
}

LoopTest(timeout, T7_the_outer_one_that_is_due_is_not_lost_in_the_inner_one)
{
	struct actor slow = { .name = "s", .cleans = &operation.awaitable };
	ferry_event never;

	cr_assert_eq(ferry_event_init(&never, loop), 0);
	cr_assert_eq(ferry_operation_init(&operation, NULL), 0);
	slow.awaits = &never.awaitable;
	actor_begin(&slow, loop, NULL);
	NEST(.outer_ns = PASSED, .inner_ns = PASSED, .first = &event.awaitable,
	     .awaits = { &slow.awaitable });
	ferry_event_set(&event);
	run();
	cr_assert(diary_is("s: s)"), "it was woken, went on, and both deadlines have come");
	cr_assert_eq(ferry_task_cancels(&nested.task), 2);
	cr_assert_eq(ferry_operation_complete(&operation, loop, 0), 0);
	run();
	cr_assert(diary_is("outer )"));
	nested_is_over(false, true);
}

LoopTest(timeout, an_inner_one_that_fired_in_vain_takes_only_its_own_back)
{
	NEST(.outer_ns = FAR, .inner_ns = PASSED, .awaits = { &event.awaitable });
	ferry_event_set(&event);
	run();
	cr_assert(diary_is("0 1 2 3 )"));
	nested_is_over(false, false);

	/* The outer one fired as well, and is left where the next wait is. */
	ferry_event_clear(&event);
	cr_assert_eq(ferry_operation_init(&operation, NULL), 0);
	NEST(.outer_ns = PASSED, .inner_ns = PASSED,
	     .awaits = { &event.awaitable, &operation.awaitable });
	ferry_event_set(&event);
	run();
	cr_assert(diary_is("0 1 outer )"));
	nested_is_over(false, true);
}

/* The same scope, again and again; a break does not leave the loop around it. */
struct again {
	FERRY_FRAME;
	ferry_timeout timeout;
	unsigned round, expired;
};

static ferry_step again_step(ferry_task *task)
{
	FERRY_BEGIN(task, struct again, f);
	for (f->round = 0; f->round < 100; f->round++) {
		FERRY_TIMEOUT(&f->timeout, f->round % 2 ? PASSED : FAR) {
			if (f->round % 2 == 0)
				break;
			for (;;)
				FERRY_YIELD();
		}
		f->expired += f->timeout.expired;
	}
	FERRY_RETURN();
	FERRY_FINALLY
	FERRY_END;
}

LoopTest(timeout, a_scope_may_be_used_again)
{
	struct again again = { .expired = 0 };

	ferry_task_begin(&again.task, loop, again_step, NULL);
	run();
	cr_assert_eq(again.round, 100);
	cr_assert_eq(again.expired, 50);
	cr_assert_eq(ferry_task_cancels(&again.task), 0);
	cr_assert(is_without_timers());
}

/* ---- groups ---- */

static void have_one_that_waits(struct scope *s)
{
	(void)s;
	make(FERRY_GROUP_FIRST_EXCEPTION, 0);
	HAVE(EAGER, .name = "a", WAITING);
}

static void have_one_that_fails(struct scope *s)
{
	have_one_that_waits(s);
	HAVE(EAGER, .name = "b", .fails = -EIO);
}

static ferry_event never;

static void prepare(void)
{
	born = 0;
	cr_assert_eq(ferry_event_init(&never, loop), 0);
}

LoopTest(timeout, T6_groups_of_a_scope_that_is_left_are_cancelled)
{
	prepare();
	ENTER(.deadline_ns = PASSED, .acts = have_one_that_waits, .awaits = { &never.awaitable });
	run();
	cr_assert(diary_is("in a: expired a) )"));
	scope_is_over(true);
	cr_assert_eq(group_end(), ACTOR_CANCELLED);
}

LoopTest(timeout, T6_what_was_open_before_it_is_not)
{
	prepare();
	ENTER(.deadline_ns = PASSED, .before = have_one_that_waits, .awaits = { &never.awaitable });
	run();
	cr_assert(diary_is("a: in expired"), "and is waited for");
	ferry_event_set(&event);
	run();
	cr_assert(diary_is("a. a) )"));
	scope_is_over(true);
	cr_assert_eq(group_end(), ACTOR_RESULT);
}

LoopTest(timeout, T6_a_group_that_is_awaited_in_it_has_ended_when_it_is_left)
{
	prepare();
	ENTER(.deadline_ns = PASSED, .acts = have_one_that_waits, .awaits = { &group.awaitable });
	run();
	cr_assert(diary_is("in a: a) expired )"));
	scope_is_over(true);
	cr_assert_eq(group_end(), ACTOR_CANCELLED);
}

LoopTest(timeout, T6_one_that_fails_is_not_taken_for_its_deadline)
{
	prepare();
	ENTER(.deadline_ns = FAR, .acts = have_one_that_fails, .awaits = { &never.awaitable });
	run();
	cr_assert(diary_is("in a: b: b. b) a) )"));
	cr_assert_eq(scope.timeout.expired, 0);
	cr_assert_eq(ferry_error_errno(ferry_task_snapshot(&scope.task).exception), EIO);
	cr_assert_eq(ferry_task_cancels(&scope.task), 0);
	cr_assert(is_without_timers());
}

static void have_one_that_fails_now(ferry_loop *which, void *user)
{
	(void)which, (void)user;
	cr_assert_eq(ferry_task_cancels(&scope.task), 1, "the deadline came first");
	HAVE(EAGER, .name = "b", .fails = -EIO);
}

LoopTest(timeout, T6_of_both_at_once_the_inner_one_decides_where_it_goes_on)
{
	/* The group is in the scope: its exception goes out of both. */
	prepare();
	cr_assert_eq(ferry_loop_call_soon(loop, have_one_that_fails_now, NULL), 0);
	ENTER(.deadline_ns = PASSED, .acts = have_one_that_waits, .awaits = { &never.awaitable });
	run();
	cr_assert(diary_is("in a: b: b. b) a) )"));
	cr_assert_eq(scope.timeout.expired, 0);
	cr_assert_eq(ferry_error_errno(ferry_task_snapshot(&scope.task).exception), EIO);
	cr_assert_eq(ferry_task_cancels(&scope.task), 0);

	/* The scope is in what the group is about: all of it is left. */
	prepare();
	cr_assert_eq(ferry_loop_call_soon(loop, have_one_that_fails_now, NULL), 0);
	ENTER(.deadline_ns = PASSED, .before = have_one_that_waits, .awaits = { &never.awaitable });
	run();
	cr_assert(diary_is("a: in b: b. b) a) )"));
	cr_assert_eq(scope.timeout.expired, 0);
	cr_assert_eq(ferry_error_errno(ferry_task_snapshot(&scope.task).exception), EIO);
	cr_assert_eq(ferry_task_cancels(&scope.task), 0);
}

/* ---- by hand ---- */

static int began, began_again, ended;

/* What FERRY_TIMEOUT() would write, of a step without FERRY_FINALLY. */
struct by_hand {
	FERRY_FRAME;
	ferry_timeout timeout, other;
	uint64_t deadline_ns;
	bool twice, forgets;
};

static ferry_step by_hand_step(ferry_task *task)
{
	struct by_hand *f = (struct by_hand *)(void *)task;

	for (;;) {
		switch (task->at) {
		case 0:
			began = ferry_timeout_begin(&f->timeout, task, f->deadline_ns, 2);
			if (f->twice) {
				began_again = ferry_timeout_begin(&f->timeout, task, NEVER, 9);
				break;
			}
			task->at = 1;
			if (ferry_task_await(task, &event.awaitable, NULL))
				return FERRY_SUSPENDED;
			break;
		case 1:
			if (ferry_task_interrupted(task)) {
				task->at = ferry_task_leave(task);
				break;
			}
			diary_note("done");
			task->at = 2;
			break;
		case 2:
			if (!f->forgets)
				ended = ferry_timeout_end(&f->timeout);
			return ferry_task_finish(task);
		default:
			diary_note("finally");
			return ferry_task_finish(task);
		}
	}
}

static struct by_hand by_hand;

static void begin_by_hand(uint64_t deadline_ns, bool twice, bool forgets)
{
	by_hand =
		(struct by_hand){ .deadline_ns = deadline_ns, .twice = twice, .forgets = forgets };
	began = began_again = ended = 99;
	ferry_task_begin(&by_hand.task, loop, by_hand_step, NULL);
}

LoopTest(timeout, it_may_be_begun_and_ended_by_hand)
{
	begin_by_hand(PASSED, false, false);
	run();
	cr_assert(diary_is(""));
	cr_assert_eq(began, 0);
	cr_assert_eq(ended, 1, "it was left by its deadline");
	cr_assert_eq(ferry_timeout_end(&by_hand.timeout), 1, "and that stays so");

	begin_by_hand(FAR, false, false);
	ferry_event_set(&event);
	run();
	cr_assert(diary_is("done"));
	cr_assert_eq(ended, 0);
	cr_assert_eq(ferry_timeout_end(&by_hand.timeout), 0);
	cr_assert(is_without_timers());
}

LoopTest(timeout, one_that_a_step_leaves_open_ends_with_the_task)
{
	begin_by_hand(FAR, false, true);
	cr_assert(!is_without_timers());
	ferry_event_set(&event);
	run();
	cr_assert(diary_is("done"));
	cr_assert(is_without_timers());
	cr_assert_eq(by_hand.timeout.open, 0);
}

LoopTest(timeout, one_that_is_open_is_not_begun_again)
{
	begin_by_hand(FAR, true, false);
	cr_assert_eq(began, 0);
	cr_assert_eq(began_again, -EBUSY);
	cr_assert(diary_is("finally"), "the task has failed with that");
	cr_assert_eq(ferry_error_errno(ferry_task_snapshot(&by_hand.task).exception), EBUSY);
	cr_assert(is_without_timers());
}

static void try_for_another(struct actor *actor)
{
	ferry_timeout timeout;

	memset(&timeout, 0xa5, sizeof(timeout));
	cr_assert_eq(ferry_timeout_begin(NULL, &actor->task, PASSED, 1), -EINVAL);
	cr_assert_eq(ferry_timeout_begin(&timeout, NULL, PASSED, 1), -EINVAL);
	cr_assert_eq(ferry_timeout_begin(&timeout, &scope.task, PASSED, 1), -EPERM);
	cr_assert_eq(timeout.open, 0xa5, "nothing was written");
}

LoopTest(timeout, it_is_begun_by_the_tasks_own_step_and_by_nobody_else)
{
	struct actor other = { .name = "o", .acts = try_for_another };
	ferry_timeout timeout;

	ENTER(.deadline_ns = FAR, .awaits = { &event.awaitable });
	actor_begin(&other, loop, NULL);
	cr_assert_eq(ferry_timeout_begin(&timeout, &scope.task, PASSED, 1), -EPERM);
	cr_assert_eq(ferry_timeout_end(NULL), 0);
	ferry_event_set(&event);
	run();
	cr_assert(diary_is("in o: o. o) 1 out behind )"));
}

static void end_it(struct scope *s)
{
	cr_assert_eq(ferry_timeout_end(&s->timeout), 0);
	cr_assert_eq(ferry_timeout_end(&s->timeout), 0);
}

/* ---- taken back, and another one in its place ---- */

/* It does not leave for the first cancel, begins a scope, and waits once more. */
static ferry_step stays_step(ferry_task *task)
{
	struct by_hand *f = (struct by_hand *)(void *)task;

	if (task->at == 0) {
		task->at = 1;
		if (ferry_task_await(task, &event.awaitable, NULL))
			return FERRY_SUSPENDED;
	}
	if (task->at == 1) {
		began = ferry_timeout_begin(&f->timeout, task, f->deadline_ns, 9);
		task->at = 2;
		if (ferry_task_await(task, &event.awaitable, NULL))
			return FERRY_SUSPENDED;
	}
	if (ferry_task_interrupted(task))
		ended = ferry_task_leave(task);
	return ferry_task_finish(task);
}

LoopTest(timeout, T7_a_cancel_in_the_place_of_one_that_was_taken_back_is_not_its_own)
{
	for (int again = 0; again < 2; again++) {
		by_hand = (struct by_hand){ .deadline_ns = PASSED };
		began = ended = 99;
		ferry_task_begin(&by_hand.task, loop, stays_step, NULL);
		cr_assert_eq(ferry_task_cancel(&by_hand.task), 0);
		cr_assert_eq(ferry_loop_run_once(loop, 0), 1);
		cr_assert_eq(began, 0);
		if (again) {
			cr_assert_eq(ferry_task_uncancel(&by_hand.task), 0);
			cr_assert_eq(ferry_task_cancel(&by_hand.task), 0);
		}
		run();
		cr_assert_eq(by_hand.timeout.expired, !again);
		cr_assert_eq(ended, again ? FERRY_AT_FINALLY : 9);
		cr_assert_eq(ferry_task_cancels(&by_hand.task), 1, "the deadline's is taken back");
		cr_assert_eq(actor_end_of(ferry_task_snapshot(&by_hand.task)),
			     again ? ACTOR_CANCELLED : ACTOR_RESULT);
	}
}

/* ---- forks ---- */

static struct forking {
	bool frees;  /* the child closes the loop, at once */
	bool inside; /* the scope */
	unsigned times;
	pid_t child; /* 0 in the child */
} forking;

/* A child that comes here again would do so for ever. */
static void fork_here(struct scope *s)
{
	(void)s;
	if (forking.times++)
		_exit(100);
	forking.child = fork();
	if (forking.child < 0)
		fixture_die("no child", errno);
	if (!forking.child && forking.frees && ferry_loop_free(loop))
		_exit(101);
}

/* The child, which came out of the scope, and out of the step: what does not hold there. */
static int leave_child(void)
{
	ferry_snapshot snapshot = ferry_awaitable_snapshot(&scope.awaitable);

	if (loop->refs != 1 + (unsigned)!forking.frees)
		return 1;
	if (!snapshot.done || snapshot.cancelled || (forking.inside && scope.timeout.open))
		return 2;
	if (!forking.inside)
		return ferry_error_errno(snapshot.exception) != ECHILD || !diary_is(")");
	if (scope.leaves == BY_RETURN)
		return snapshot.exception || !diary_is("in )");
	return snapshot.exception ||
	       !diary_is(scope.leaves == BY_BREAK ? "in behind )" : "in out behind )");
}

static void fork_in_a_step(struct scope what)
{
	int status;

	forking.times = 0;
	if (forking.inside)
		what.acts = fork_here;
	else
		what.before = fork_here;
	enter_as(what);
	if (!forking.child)
		_exit(leave_child());
	cr_assert_eq(waitpid(forking.child, &status, 0), forking.child);
	cr_assert_eq(status, 0, "inside %d, frees %d, leaves %d: %x", forking.inside, forking.frees,
		     what.leaves, status);
	/* Here it went on as if nothing had been. */
	cr_assert_eq(scope_end(), ACTOR_RESULT);
	cr_assert(is_without_timers());
	diary[0] = 0;
}

LoopTest(timeout, P6_in_a_forks_child_no_scope_begins_and_one_that_is_open_ends)
{
	static const uint64_t deadlines[] = { PASSED, 3600000000000, NEVER };

	ferry_loop_ref(loop);
	for (unsigned i = 0; i < 4 * 3 * 3; i++) {
		forking.frees = i & 1;
		forking.inside = i & 2;
		fork_in_a_step((struct scope){ .deadline_ns = deadlines[i / 4 % 3],
					       .leaves = i / 12 == 0   ? TO_THE_END
							 : i / 12 == 1 ? BY_BREAK
								       : BY_RETURN });
	}
	ferry_loop_unref(loop);
}

LoopTest(timeout, a_body_may_end_its_scope_before_its_end)
{
	ENTER(.deadline_ns = PASSED, .acts = end_it, .awaits = { &event.awaitable });
	cr_assert(is_without_timers());
	run();
	ferry_event_set(&event);
	run();
	cr_assert(diary_is("in 1 out behind )"));
	scope_is_over(false);
}
