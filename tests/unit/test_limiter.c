/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Limiters: how many are inside, who is next, who is cancelled or started out of turn meanwhile
 * (T4, T7).
 */
#include "support/children.h"

TestSuite(limiter, .timeout = 120);

static ferry_limiter limiter;

static void make_limiter(size_t limit)
{
	cr_assert_eq(ferry_limiter_init(&limiter, loop, limit), 0);
}

static void has(size_t in, size_t queued)
{
	ferry_limiter_counters counters;

	cr_assert_eq(ferry_limiter_stats(&limiter, &counters), 0);
	cr_assert_eq(counters.inside, in, "%zu are inside", counters.inside);
	cr_assert_eq(counters.queued, queued, "%zu are queued", counters.queued);
}

/* ---- whole tasks ---- */

#define MOST 8

static struct actor tasks[MOST];
static ferry_slot slots[MOST];
static const char *const names[MOST] = { "a", "b", "c", "d", "e", "f", "g", "h" };

static ferry_task *submit_as(unsigned i, unsigned priority, struct actor what)
{
	what.name = names[i];
	tasks[i] = what;
	slots[i] = (ferry_slot){ .limiter = NULL };
	return ferry_limiter_submit(&limiter, &slots[i], actor_init(&tasks[i], loop, NULL),
				    priority);
}
#define SUBMIT(i, ...)                                                                             \
	cr_assert_eq(submit_as((i), 0, (struct actor){ __VA_ARGS__ }), &tasks[i].task)

LoopTest(limiter, those_that_are_submitted_are_started_in_order_when_there_is_a_place)
{
	make_limiter(2);
	for (unsigned i = 0; i < 5; i++)
		SUBMIT(i, .yields = 1);
	cr_assert(diary_is("a: b:"), "at once, while there are places");
	has(2, 3);
	run();
	cr_assert(diary_is("a. a) b. b) c: d: c. c) d. d) e: e. e)"));
	has(0, 0);
}

LoopTest(limiter, one_that_ends_at_once_gives_its_place_back_at_once)
{
	make_limiter(1);
	for (unsigned i = 0; i < 5; i++)
		SUBMIT(i, .yields = 0);
	cr_assert(diary_is("a: a. a) b: b. b) c: c. c) d: d. d) e: e. e)"));
	has(0, 0);
	costs(0, 0);
}

static struct brief many[100000];
static ferry_slot many_slots[100000];

LoopTest(limiter, never_more_are_inside_than_the_limit)
{
	make_limiter(64);
	for (unsigned i = 0; i < 100000; i++) {
		many[i] = (struct brief){ .turns = i % 3 };
		ferry_limiter_submit(&limiter, &many_slots[i],
				     ferry_task_init(&many[i].task, loop, brief_step, NULL),
				     i % (FERRY_PRIORITY_MOST + 1));
	}
	run();
	cr_assert_eq(entered, 100000);
	cr_assert_eq(cleaned, 100000);
	cr_assert_eq(most_inside, 64);
	has(0, 0);
}

LoopTest(limiter, the_more_urgent_come_first_and_of_those_the_first)
{
	make_limiter(1);
	SUBMIT(0, .yields = 1);
	submit_as(1, 0, (struct actor){ .yields = 0 });
	submit_as(2, 3, (struct actor){ .yields = 0 });
	submit_as(3, FERRY_PRIORITY_MOST, (struct actor){ .yields = 0 });
	submit_as(4, 3, (struct actor){ .yields = 0 });
	submit_as(5, FERRY_PRIORITY_MOST, (struct actor){ .yields = 0 });
	submit_as(6, 0, (struct actor){ .yields = 0 });
	run();
	cr_assert(diary_is("a: a. a) d: d. d) f: f. f) c: c. c) e: e. e) b: b. b) g: g. g)"));
}

static void note_done(ferry_task *task, void *user)
{
	cr_assert(ferry_task_snapshot(task).done);
	diary_note("%s", (const char *)user);
}

LoopTest(limiter, T4_what_is_queued_is_a_task_like_any_other)
{
	struct actor waiter = { .name = "w", .awaits = &tasks[1].awaitable };

	make_limiter(1);
	SUBMIT(0, WAITING);
	SUBMIT(1, .number = 7);
	cr_assert_eq(ferry_task_add_done_callback(&tasks[1].task, note_done, "done"), 0);
	actor_begin(&waiter, loop, NULL);
	run();
	cr_assert(diary_is("a: w:"), "that it is awaited does not start it");
	cr_assert_eq(fixture_loop_counters(loop).tasks, 3);
	cr_assert_eq(ferry_task_forget(&tasks[1].task), -EBUSY);
	ferry_event_set(&event);
	run();
	cr_assert(diary_is("a. a) b: b. b) done w. w)"));
	cr_assert_eq(ferry_task_snapshot(&tasks[1].task).result.u64, 7);
}

LoopTest(limiter, T7_one_that_is_cancelled_in_the_queue_takes_no_place)
{
	static const char *const rest[] = { "b) a. a) c: c. c) d: d. d)",
					    "c) a. a) b: b. b) d: d. d)",
					    "d) a. a) b: b. b) c: c. c)" };

	for (unsigned which = 1; which <= 3; which++) {
		make_limiter(1);
		SUBMIT(0, .yields = 2);
		for (unsigned i = 1; i <= 3; i++)
			SUBMIT(i, .yields = 0);
		cr_assert(diary_is("a:"));
		cr_assert_eq(ferry_task_cancel(&tasks[which].task), 0);
		has(1, 2);
		cr_assert_eq(ferry_limiter_leave(&slots[which]), -EBUSY, "it has yet to end");
		run();
		cr_assert(diary_is(rest[which - 1]));
		cr_assert_eq(actor_ended(&tasks[which]), ACTOR_CANCELLED);
		has(0, 0);
	}
}

LoopTest(limiter, T7_one_that_is_cancelled_when_its_turn_has_come_gives_it_to_the_next)
{
	make_limiter(1);
	SUBMIT(0, .yields = 1);
	SUBMIT(1, .yields = 1);
	SUBMIT(2, .yields = 1);
	cr_assert_eq(ferry_loop_run_once(loop, FERRY_NO_DEADLINE), 1);
	has(1, 1);
	cr_assert_eq(ferry_task_cancel(&tasks[1].task), 0);
	run();
	cr_assert(diary_is("a: a. a) b) c: c. c)"), "it was scheduled, and had not begun");
	has(0, 0);
}

LoopTest(limiter, T4_one_may_be_started_out_of_turn_beyond_the_limit)
{
	make_limiter(1);
	SUBMIT(0, WAITING);
	SUBMIT(1, WAITING);
	SUBMIT(2, WAITING);
	SUBMIT(3, .yields = 0);
	cr_assert_eq(ferry_task_start(&tasks[2].task), 0);
	cr_assert(diary_is("a: c:"));
	has(2, 2);
	cr_assert_eq(ferry_task_start(&tasks[2].task), -EALREADY);
	cr_assert_eq(ferry_task_schedule(&tasks[1].task), 0);
	has(3, 1);
	run();
	cr_assert(diary_is("b:"), "d waits until there is room again");
	ferry_event_set(&event);
	run();
	cr_assert(diary_is("a. a) c. c) b. b) d: d. d)"));
	has(0, 0);
}

/* It is the limiter that starts it. */
static void submit_child(unsigned i, struct actor what)
{
	what.name = names[i];
	tasks[i] = what;
	actor_init(&tasks[i], loop, FERRY_IN(&group));
	ferry_limiter_submit(&limiter, &slots[i], &tasks[i].task, 0);
}

LoopTest(limiter, T6_a_child_of_a_group_may_be_submitted)
{
	make_limiter(2);
	make(FERRY_GROUP_FIRST_EXCEPTION, 0);
	for (unsigned i = 0; i < 4; i++)
		submit_child(i, (struct actor){ .yields = 1 });
	cr_assert_eq(ferry_group_members(&group), 4);
	cr_assert_eq(ferry_group_close(&group), 0);
	cr_assert(diary_is("a: b:"), "the group does not start what waits in the limiter");
	has(2, 2);
	run();
	cr_assert(diary_is("a. a) b. b) c: d: c. c) d. d)"));
	cr_assert_eq(group_end(), ACTOR_RESULT);
	has(0, 0);
}

LoopTest(limiter, T6_and_so_may_one_of_a_group_that_has_a_limit_of_its_own)
{
	make_limiter(1);
	make(FERRY_GROUP_FIRST_EXCEPTION, 2);
	for (unsigned i = 0; i < 3; i++)
		submit_child(i, (struct actor){ .yields = 1 });
	HAVE(EAGER, .name = "x", .yields = 1);
	HAVE(EAGER, .name = "y");
	cr_assert(diary_is("a: x:"), "one of each, and y waits for a place in the group");
	await();
	cr_assert(diary_is("a. a) x. x) b: y: y. y) b. b) c: c. c)"));
	cr_assert_eq(group_end(), ACTOR_RESULT);
	has(0, 0);
}

LoopTest(limiter, T6_a_group_that_fails_takes_its_children_out_of_the_queue)
{
	make_limiter(1);
	make(FERRY_GROUP_FIRST_EXCEPTION, 0);
	for (unsigned i = 0; i < 3; i++)
		submit_child(i, (struct actor){ .yields = 1, .fails = i ? 0 : -EIO });
	SUBMIT(3, .yields = 0);
	await();
	cr_assert_eq(group_errno(), EIO);
	run();
	cr_assert(diary_is("a: a. a) b) c) d: d. d)"));
	for (unsigned i = 1; i < 3; i++)
		cr_assert_eq(actor_ended(&tasks[i]), ACTOR_CANCELLED);
	has(0, 0);
}

LoopTest(limiter, T4_one_that_cannot_be_had_is_cancelled)
{
	ferry_loop *other = fixture_loop();
	struct actor foreign = { .name = "x" };
	ferry_slot foreign_slot = { .limiter = NULL };

	make_limiter(1);
	cr_assert_eq(submit_as(0, FERRY_PRIORITY_MOST + 1, (struct actor){ .yields = 1 }),
		     &tasks[0].task);
	tasks[1] = (struct actor){ .name = "b" };
	cr_assert_eq(ferry_limiter_submit(&limiter, NULL, actor_init(&tasks[1], loop, NULL), 0),
		     &tasks[1].task);
	tasks[2] = (struct actor){ .name = "c" };
	cr_assert_eq(ferry_limiter_submit(NULL, &slots[2], actor_init(&tasks[2], loop, NULL), 0),
		     &tasks[2].task);
	actor_init(&foreign, other, NULL);
	cr_assert_eq(ferry_limiter_submit(&limiter, &foreign_slot, &foreign.task, 0),
		     &foreign.task);
	cr_assert_null(ferry_limiter_submit(&limiter, &slots[3], NULL, 0));
	has(0, 0);
	run();
	cr_assert_eq(ferry_loop_run(other), 0);
	cr_assert(diary_is("a) b) c) x)"));
	for (unsigned i = 0; i < 3; i++)
		cr_assert_eq(actor_ended(&tasks[i]), ACTOR_CANCELLED);
	cr_assert_eq(ferry_loop_free(other), 0);
}

LoopTest(limiter, T4_one_that_is_in_a_queue_is_not_submitted_again)
{
	ferry_slot again = { .limiter = NULL };

	make_limiter(1);
	SUBMIT(0, .yields = 1);
	SUBMIT(1, .yields = 1);
	ferry_limiter_submit(&limiter, &again, &tasks[0].task, 0);
	ferry_limiter_submit(&limiter, &again, &tasks[1].task, 0);
	has(1, 1);
	tasks[2] = (struct actor){ .name = "c" };
	ferry_limiter_submit(&limiter, &slots[0], actor_init(&tasks[2], loop, NULL), 0);
	run();
	cr_assert(diary_is("a: a. a) c) b: b. b)"), "nor with a slot that is in use");
	has(0, 0);
	cr_assert_null(again.limiter);
}

/* ---- parts of a task ---- */

/* Enters, has a number of turns, waits for something, and leaves, or does not. */
struct guest {
	FERRY_FRAME;
	const char *name;
	ferry_slot slot;
	unsigned priority, turns, turn;
	ferry_awaitable *awaits;
	bool leaves, shields, does_not_wait;
	ferry_timeout timeout;
	uint64_t deadline_ns; /* until it is inside */
};

static ferry_step guest_step(ferry_task *task)
{
	FERRY_BEGIN(task, struct guest, f);
	diary_note("%s:", f->name);
	if (f->does_not_wait) {
		ferry_limiter_enter(&limiter, &f->slot, f->priority);
		FERRY_RETURN();
	}
	FERRY_TIMEOUT(&f->timeout, f->deadline_ns) {
		if (f->shields)
			FERRY_SHIELD(ferry_limiter_enter(&limiter, &f->slot, f->priority));
		else
			FERRY_TRY(ferry_limiter_enter(&limiter, &f->slot, f->priority));
	}
	if (f->timeout.expired) {
		diary_note("%s late", f->name);
		cr_assert_eq(ferry_limiter_leave(&f->slot), 0);
		FERRY_TRY(ferry_limiter_enter(&limiter, &f->slot, f->priority));
	}
	diary_note("%s(", f->name);
	for (f->turn = 0; f->turn < f->turns; f->turn++)
		FERRY_YIELD();
	if (f->awaits)
		FERRY_AWAIT((struct actor_awaited *)f->awaits);
	FERRY_RETURN();

	FERRY_FINALLY
	if (f->leaves)
		diary_note("%d", ferry_limiter_leave(&f->slot));
	diary_note("%s)", f->name);
	FERRY_END;
}

static struct guest guests[MOST];

static void come_as(unsigned i, struct guest what)
{
	what.name = names[i];
	what.deadline_ns = what.deadline_ns ? what.deadline_ns : FERRY_NO_DEADLINE;
	guests[i] = what;
	ferry_task_begin(&guests[i].task, loop, guest_step, NULL);
}
#define COME(i, ...) come_as((i), (struct guest){ __VA_ARGS__ })

LoopTest(limiter, a_part_of_a_task_has_a_place_until_it_leaves)
{
	make_limiter(2);
	for (unsigned i = 0; i < 4; i++)
		COME(i, .turns = 1, .leaves = true);
	cr_assert(diary_is("a: a( b: b( c: d:"));
	has(2, 2);
	run();
	cr_assert(diary_is("1 a) 1 b) c( d( 1 c) 1 d)"));
	has(0, 0);
}

LoopTest(limiter, or_until_the_task_ends)
{
	make_limiter(1);
	COME(0, .turns = 1);
	COME(1, .turns = 1);
	COME(2, .leaves = true);
	run();
	cr_assert(diary_is("a: a( b: c: a) b( b) c( 1 c)"));
	has(0, 0);
	cr_assert_null(guests[0].slot.limiter);
	cr_assert_eq(ferry_limiter_leave(&guests[0].slot), 0, "it was left");
}

LoopTest(limiter, who_leaves_lets_the_next_one_in_in_the_next_turn)
{
	make_limiter(1);
	COME(0, .awaits = &event.awaitable, .leaves = true);
	COME(1, .turns = 0);
	ferry_event_set(&event);
	cr_assert_eq(ferry_loop_run_once(loop, FERRY_NO_DEADLINE), 1);
	cr_assert(diary_is("a: a( b: 1 a)"));
	has(1, 0);
	cr_assert_eq(ferry_loop_run_once(loop, FERRY_NO_DEADLINE), 1);
	cr_assert(diary_is("b( b)"));
}

LoopTest(limiter, the_more_urgent_go_before_the_others)
{
	make_limiter(1);
	COME(0, .turns = 1);
	COME(1, .turns = 0);
	COME(2, .priority = 1);
	COME(3, .priority = FERRY_PRIORITY_MOST);
	submit_as(4, 1, (struct actor){ .yields = 0 });
	run();
	cr_assert(diary_is("a: a( b: c: d: a) d( d) c( c) e: e. e) b( b)"));
}

LoopTest(limiter, T7_who_is_cancelled_while_he_waits_just_leaves_the_queue)
{
	static const char *const rest[] = { "0 b) a) c( 1 c) d( 1 d)", "0 c) a) b( 1 b) d( 1 d)",
					    "0 d) a) b( 1 b) c( 1 c)" };

	for (unsigned which = 1; which <= 3; which++) {
		make_limiter(1);
		COME(0, .awaits = &event.awaitable);
		for (unsigned i = 1; i <= 3; i++)
			COME(i, .leaves = true);
		cr_assert(diary_is("a: a( b: c: d:"));
		has(1, 3);
		cr_assert_eq(ferry_task_cancel(&guests[which].task), 0);
		has(1, 2);
		cr_assert_eq(ferry_event_set(&event), 0);
		run();
		cr_assert(diary_is(rest[which - 1]));
		cr_assert(ferry_task_snapshot(&guests[which].task).cancelled);
		has(0, 0);
		ferry_event_clear(&event);
	}
}

LoopTest(limiter, T7_who_is_cancelled_when_he_was_let_in_keeps_his_place)
{
	make_limiter(1);
	COME(0, .awaits = &event.awaitable);
	COME(1, .awaits = &event.awaitable, .leaves = true);
	COME(2, .leaves = true);
	cr_assert_eq(ferry_task_cancel(&guests[0].task), 0);
	cr_assert_eq(ferry_loop_run_once(loop, FERRY_NO_DEADLINE), 1);
	has(1, 1);
	cr_assert_eq(ferry_task_cancel(&guests[1].task), 0);
	has(1, 1);
	run();
	cr_assert(diary_is("a: a( b: c: a) b( 1 b) c( 1 c)"),
		  "b gave it back behind its next wait");
	cr_assert(ferry_task_snapshot(&guests[1].task).cancelled);
	has(0, 0);
}

LoopTest(limiter, T7_who_has_waited_too_long_may_come_again)
{
	make_limiter(1);
	COME(0, .awaits = &event.awaitable);
	COME(1, .deadline_ns = 1, .leaves = true);
	COME(2, .turns = 0);
	run();
	cr_assert(diary_is("a: a( b: c: b late"));
	has(1, 2);
	ferry_event_set(&event);
	run();
	cr_assert(diary_is("a) c( c) b( 1 b)"), "behind those that came meanwhile");
	has(0, 0);
}

LoopTest(limiter, no_place_is_lost_by_one_who_waits_shielded)
{
	make_limiter(1);
	COME(0, .awaits = &event.awaitable);
	COME(1, .shields = true);
	COME(2, .shields = true, .leaves = true);
	COME(3, .turns = 0);
	ferry_task_cancel(&guests[1].task);
	ferry_task_cancel(&guests[2].task);
	run();
	cr_assert(diary_is("a: a( b: c: d: b) 0 c)"));
	has(1, 1);
	ferry_event_set(&event);
	run();
	cr_assert(diary_is("a) d( d)"));
	has(0, 0);
}

LoopTest(limiter, nor_by_one_who_does_not_wait_at_all)
{
	make_limiter(1);
	COME(0, .does_not_wait = true);
	has(0, 0);
	COME(1, .awaits = &event.awaitable);
	COME(2, .does_not_wait = true);
	has(1, 0);
	COME(3, .turns = 0);
	ferry_event_set(&event);
	run();
	cr_assert(diary_is("a: a) b: b( c: c) d: b) d( d)"));
	has(0, 0);
}

LoopTest(limiter, a_place_that_is_entered_outside_of_steps_is_nobodys)
{
	ferry_slot slot = { .limiter = NULL }, second = { .limiter = NULL };
	struct actor waiter = { .name = "w" };

	make_limiter(1);
	cr_assert_eq(ferry_limiter_enter(&limiter, &slot, 0), &slot.operation);
	cr_assert(ferry_awaitable_snapshot(&slot.awaitable).done);
	waiter.awaits = &ferry_limiter_enter(&limiter, &second, 0)->awaitable;
	actor_begin(&waiter, loop, NULL);
	run();
	has(1, 1);
	cr_assert_eq(ferry_limiter_leave(&slot), 1);
	cr_assert_eq(ferry_limiter_leave(&slot), 0);
	run();
	cr_assert(diary_is("w: w. w)"));
	has(1, 0);
	cr_assert_eq(ferry_limiter_leave(&second), 1, "though the task that waited has ended");
	has(0, 0);
}

LoopTest(limiter, who_leaves_the_queue_by_hand_is_cancelled_there)
{
	ferry_slot slot = { .limiter = NULL }, second = { .limiter = NULL };
	struct actor waiter = { .name = "w", .tries = true };

	make_limiter(1);
	ferry_limiter_enter(&limiter, &slot, 0);
	waiter.awaits = &ferry_limiter_enter(&limiter, &second, 0)->awaitable;
	actor_begin(&waiter, loop, NULL);
	cr_assert_eq(ferry_limiter_leave(&second), 0);
	has(1, 0);
	run();
	cr_assert(diary_is("w: w)"));
	cr_assert_eq(actor_ended(&waiter), ACTOR_CANCELLED);
	cr_assert_eq(ferry_limiter_leave(&slot), 1);
}

/* ---- the limit ---- */

/* It enters the queue, and does not wait there. */
static void enter_and_go_on(struct actor *actor)
{
	ferry_limiter_enter(&limiter, actor->user, 0);
}

LoopTest(limiter, who_waits_for_the_place_of_a_task_that_ends_before_is_cancelled)
{
	ferry_slot inside = { .limiter = NULL };
	struct actor enters = { .name = "e", .yields = 1, .acts = enter_and_go_on },
		     waits = { .name = "w", .awaits = &slots[0].awaitable, .tries = true };

	make_limiter(1);
	ferry_limiter_enter(&limiter, &inside, 0);
	slots[0] = (ferry_slot){ .limiter = NULL };
	enters.user = &slots[0];
	actor_begin(&enters, loop, NULL);
	actor_begin(&waits, loop, NULL);
	has(1, 1);
	cr_assert_eq(ferry_loop_await(loop, &waits.awaitable), 0);
	cr_assert(diary_is("e: w: e. e) w)"));
	cr_assert_eq(actor_ended(&waits), ACTOR_CANCELLED);
	has(1, 0);
	cr_assert_eq(ferry_limiter_leave(&slots[0]), 0);
	/* Where nobody waits it is as if it had never been used. */
	enters.awaits = NULL;
	actor_begin(&enters, loop, NULL);
	run();
	cr_assert_eq(slots[0].awaitable.word, 0);
	cr_assert_eq(ferry_limiter_leave(&inside), 1);
	diary[0] = 0;
}

LoopTest(limiter, a_higher_limit_lets_more_in_at_once)
{
	make_limiter(1);
	for (unsigned i = 0; i < 4; i++)
		SUBMIT(i, WAITING);
	COME(4, .awaits = &event.awaitable);
	has(1, 4);
	cr_assert_eq(ferry_limiter_set_limit(&limiter, 3), 0);
	has(3, 2);
	run();
	cr_assert(diary_is("a: e: b: c:"));
	cr_assert_eq(ferry_limiter_set_limit(&limiter, SIZE_MAX), 0);
	has(5, 0);
	run();
	cr_assert(diary_is("d: e("));
	ferry_event_set(&event);
	run();
	cr_assert(diary_is("a. a) b. b) c. c) d. d) e)"));
}

LoopTest(limiter, a_lower_one_leaves_those_inside_where_they_are)
{
	make_limiter(3);
	SUBMIT(0, .yields = 1);
	SUBMIT(1, .yields = 3);
	SUBMIT(2, .yields = 5);
	SUBMIT(3, .yields = 0);
	cr_assert_eq(ferry_limiter_set_limit(&limiter, 1), 0);
	has(3, 1);
	run();
	cr_assert(diary_is("a: b: c: a. a) b. b) c. c) d: d. d)"));
	has(0, 0);
}

/* ---- what is wrong ---- */

static void enter_gives(ferry_limiter *which, ferry_slot *slot, unsigned priority, int reason)
{
	ferry_operation *given = ferry_limiter_enter(which, slot, priority);

	cr_assert_not_null(given);
	cr_assert_eq(ferry_error_errno(ferry_awaitable_snapshot(&given->awaitable).exception),
		     reason);
}

static void enter_elsewhere(void *slot)
{
	enter_gives(&limiter, slot, 0, EPERM);
}

LoopTest(limiter, what_is_wrong_is_refused)
{
	ferry_slot slot = { .limiter = NULL }, other = { .limiter = NULL };
	ferry_limiter_counters counters;

	cr_assert_eq(ferry_limiter_init(&limiter, loop, 0), -EINVAL);
	cr_assert_eq(ferry_limiter_init(NULL, loop, 1), -EINVAL);
	cr_assert_eq(ferry_limiter_init(&limiter, NULL, 1), -EINVAL);
	make_limiter(1);
	cr_assert_eq(ferry_limiter_set_limit(&limiter, 0), -EINVAL);
	cr_assert_eq(ferry_limiter_set_limit(NULL, 1), -EINVAL);
	cr_assert_eq(ferry_limiter_stats(&limiter, NULL), -EINVAL);
	cr_assert_eq(ferry_limiter_stats(NULL, &counters), -EINVAL);
	cr_assert_eq(ferry_limiter_leave(NULL), 0);
	cr_assert_eq(ferry_limiter_leave(&slot), 0);

	errno = 0;
	cr_assert_null(ferry_limiter_enter(&limiter, NULL, 0));
	cr_assert_eq(errno, EINVAL);
	enter_gives(NULL, &other, 0, EINVAL);
	enter_gives(&limiter, &other, FERRY_PRIORITY_MOST + 1, EINVAL);
	fixture_elsewhere(enter_elsewhere, &other);
	has(0, 0);
	cr_assert_null(other.limiter);

	ferry_limiter_enter(&limiter, &slot, 0);
	enter_gives(&limiter, &slot, 0, EBUSY);
	cr_assert(!ferry_awaitable_snapshot(&slot.awaitable).exception, "it is what it was");
	has(1, 0);
	cr_assert_eq(ferry_limiter_leave(&slot), 1);
}

LoopTest(limiter, a_task_that_is_refused_a_place_has_the_error)
{
	make_limiter(1);
	COME(0, .priority = FERRY_PRIORITY_MOST + 1, .leaves = true);
	cr_assert(diary_is("a: 0 a)"));
	cr_assert_eq(ferry_error_errno(ferry_task_snapshot(&guests[0].task).exception), EINVAL);
	has(0, 0);
}

LoopTest(limiter, the_slot_of_a_task_that_was_submitted_is_not_left_by_hand)
{
	make_limiter(1);
	SUBMIT(0, WAITING);
	SUBMIT(1, .yields = 0);
	cr_assert_eq(ferry_limiter_leave(&slots[0]), -EBUSY);
	cr_assert_eq(ferry_limiter_leave(&slots[1]), -EBUSY);
	enter_gives(&limiter, &slots[1], 0, EBUSY);
	has(1, 1);
	ferry_event_set(&event);
	run();
	cr_assert_eq(ferry_limiter_leave(&slots[0]), 0);
	enter_gives(&limiter, &slots[0], 0, 0);
	cr_assert_eq(ferry_limiter_leave(&slots[0]), 1);
	diary[0] = 0;
}

LoopTest(limiter, T4_one_that_is_refused_ends_though_it_is_shielded)
{
	ferry_slot slot = { .limiter = NULL };

	make_limiter(1);
	tasks[0] = (struct actor){ .name = "a" };
	actor_init(&tasks[0], loop, NULL);
	cr_assert_eq(ferry_task_shield(&tasks[0].task), 0);
	ferry_limiter_submit(&limiter, &slot, &tasks[0].task, FERRY_PRIORITY_MOST + 1);
	run();
	cr_assert(ferry_awaitable_snapshot(&tasks[0].awaitable).cancelled);
	diary[0] = 0;
}

LoopTest(limiter, a_loop_that_closes_forgets_those_in_the_queue)
{
	make_limiter(1);
	SUBMIT(0, WAITING);
	SUBMIT(1, .yields = 0);
	COME(2, .leaves = true);
	COME(3, .turns = 0);
	cr_assert(diary_is("a: c: d:"));
	ferry_loop_ref(loop);
	cr_assert_eq(ferry_loop_free(loop), 0);
	cr_assert(diary_is(""), "nobody is let in");
	for (unsigned i = 0; i < 2; i++)
		cr_assert(ferry_awaitable_snapshot(&tasks[i].awaitable).cancelled);
	for (unsigned i = 2; i < 4; i++)
		cr_assert(ferry_awaitable_snapshot(&guests[i].awaitable).cancelled);
	cr_assert_null(slots[1].limiter);
	cr_assert_null(guests[2].slot.limiter);
	cr_assert_eq(limiter.inside + limiter.queued, 0);
	cr_assert_eq(ferry_limiter_set_limit(&limiter, 2), -ESHUTDOWN);
	enter_gives(&limiter, &slots[1], 0, ESHUTDOWN);
	ferry_loop_unref(loop);
	loop = fixture_loop();
}
