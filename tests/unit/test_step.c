/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Steps: what waiting does and costs, what nobody can wait for, steps that are written by hand,
 * and those that are left by accident (T2, T7).
 */
#include <criterion/criterion.h>

#include "loop/loop.h"
#include "support/actor.h"
#include "support/exceptions.h"

TestSuite(step, .timeout = 120);

#define MANY 1000000
#define LAZY OPTIONS_OF(.start = FERRY_START_LAZY)
#define DEFERRED OPTIONS_OF(.start = FERRY_START_DEFERRED)

static ferry_loop *loop;
static ferry_operation operation;

static void begin(void)
{
	loop = fixture_loop();
	cr_assert_eq(ferry_operation_init(&operation, NULL), 0);
}

static void end(void)
{
	cr_assert_eq(fixture_loop_counters(loop).tasks, 0, "their frames are gone");
	cr_assert_eq(ferry_loop_free(loop), 0);
}

/* A loop whose turns have so many callbacks. */
static void begin_with(unsigned budget)
{
	ferry_loop_options options = FERRY_LOOP_OPTIONS_INIT;

	options.budget = budget;
	cr_assert_eq(ferry_loop_new(&options, &loop), 0);
	cr_assert_eq(ferry_operation_init(&operation, NULL), 0);
}

static void run(void)
{
	cr_assert_eq(ferry_loop_run(loop), 0);
}

static void run_once(int callbacks)
{
	cr_assert_eq(ferry_loop_run_once(loop, 0), callbacks);
}

static void complete(int outcome)
{
	cr_assert_eq(ferry_operation_complete(&operation, loop, outcome), 0);
}

static uint64_t turns(void)
{
	return fixture_loop_counters(loop).turns;
}

/* ---- waiting ---- */

Test(step, L2_those_who_wait_go_on_in_the_order_in_which_they_began_to, .init = begin, .fini = end)
{
	struct actor d = { .name = "d", .awaits = &operation.awaitable };
	struct actor a = { .name = "a", .awaits = &d.awaitable };
	struct actor b = { .name = "b", .awaits = &d.awaitable, .shielded = true };
	struct actor c = { .name = "c", .awaits = &d.awaitable, .tries = true };

	actor_begin(&d, loop, NULL);
	actor_begin(&a, loop, NULL);
	actor_begin(&b, loop, NULL);
	actor_begin(&c, loop, NULL);
	cr_assert(diary_is("d: a: b: c:"));
	complete(0);
	run_once(1);
	cr_assert(diary_is("d. d)"), "nobody goes on inside of the step that ends");
	run_once(3);
	cr_assert(diary_is("a. a) b. b) c. c)"));
}

static void complete_inside(struct actor *actor)
{
	(void)actor;
	complete(0);
	diary_note("completed");
}

Test(step, L2_nobody_goes_on_inside_of_the_call_that_completes, .init = begin, .fini = end)
{
	struct actor a = { .name = "a", .awaits = &operation.awaitable };
	struct actor b = { .name = "b", .acts = complete_inside };

	actor_begin(&a, loop, NULL);
	actor_begin(&b, loop, NULL);
	cr_assert(diary_is("a: b: completed b. b)"));
	run();
	cr_assert(diary_is("a. a)"));
}

Test(step, awaiting_what_is_done_takes_no_turn, .init = begin, .fini = end)
{
	struct actor d = { .name = "d" }, a = { .name = "a", .awaits = &d.awaitable };
	ferry_awaitable word = { 1 };
	struct actor b = { .name = "b", .awaits = &word, .shielded = true };
	struct actor c = { .name = "c", .awaits = &operation.awaitable, .tries = true };

	complete(0);
	actor_begin(&d, loop, NULL);
	actor_begin(&a, loop, NULL);
	actor_begin(&b, loop, NULL);
	actor_begin(&c, loop, NULL);
	cr_assert(diary_is("d: d. d) a: a. a) b: b. b) c: c. c)"));
	cr_assert_eq(turns(), 0);
}

Test(step, yielding_takes_one_turn_each_time, .init = begin, .fini = end)
{
	struct actor a = { .name = "a", .yields = 3 }, b = { .name = "b", .yields = 1 };

	actor_begin(&a, loop, NULL);
	actor_begin(&b, loop, NULL);
	cr_assert(diary_is("a: b:"));
	run_once(2);
	cr_assert(diary_is("b. b)"));
	run_once(1);
	cr_assert(diary_is(""));
	run_once(1);
	cr_assert(diary_is("a. a)"));
	run_once(0);
}

Test(step, what_cleans_up_may_wait, .init = begin, .fini = end)
{
	struct actor a = { .name = "a", .cleans = &operation.awaitable, .fails = -EIO };
	struct actor b = { .name = "b", .awaits = &a.awaitable };

	actor_begin(&a, loop, NULL);
	actor_begin(&b, loop, NULL);
	cr_assert(diary_is("a: a. a) b:"));
	cr_assert_eq(actor_ended(&a), ACTOR_PENDING);
	complete(-ENOENT);
	run();
	cr_assert_eq(a.cleaned, 1);
	cr_assert_eq(actor_errno(&a), EIO, "as the body did");
	cr_assert(diary_is("b. b)"));
}

/* ---- what it takes of a turn ---- */

/* Waits again and again for what is done, or nearly. */
struct waiter {
	FERRY_FRAME;
	ferry_operation *(*made)(struct waiter *waiter); /* what it waits for */
	ferry_awaitable *awaits;                         /* or this */
	ferry_group group;
	ferry_semaphore semaphore;
	unsigned long count, passed;
};

static ferry_step waiter_step(ferry_task *task)
{
	FERRY_BEGIN(task, struct waiter, f);
	for (f->passed = 0; f->passed < f->count; f->passed++)
		if (f->made)
			FERRY_TRY(f->made(f));
		else
			FERRY_TRY((struct actor_awaited *)f->awaits);
	FERRY_END;
}

static ferry_operation *make_group(struct waiter *waiter)
{
	cr_assert_eq(ferry_group_init(&waiter->group, loop, NULL), 0);
	return &waiter->group.operation;
}

static ferry_operation *make_permit(struct waiter *waiter)
{
	if (waiter->passed)
		cr_assert_eq(ferry_semaphore_release(&waiter->semaphore, 1), 0);
	else
		cr_assert_eq(ferry_semaphore_init(&waiter->semaphore, loop, 1), 0);
	return ferry_semaphore_acquire(&waiter->semaphore);
}

static unsigned long passed_at_fire;

static void fire(ferry_loop *which, void *user)
{
	(void)which;
	passed_at_fire = ((struct waiter *)user)->passed;
}

/* A timer that is due has its turn before the budget is used up once more. */
static void wait_a_million_times(struct waiter waiter, unsigned budget)
{
	begin_with(budget);
	waiter.count = MANY;
	if (!waiter.made && !waiter.awaits) {
		complete(0);
		waiter.awaits = &operation.awaitable;
	}
	ferry_task_begin(&waiter.task, loop, waiter_step, LAZY);
	run_once(1);
	cr_assert_eq(waiter.passed, budget - 1, "its own step is one of them");
	cr_assert_eq(ferry_loop_call_at(loop, 0, fire, &waiter, NULL), 0);
	run();
	cr_assert_eq(waiter.passed, MANY);
	cr_assert_eq(passed_at_fire, budget - 1, "it fired before the next one");
	cr_assert_geq(turns(), MANY / budget);
	end();
}

Test(step, T2_a_million_waits_for_what_is_done_do_not_keep_a_timer_waiting)
{
	wait_a_million_times((struct waiter){ .made = NULL }, 1024);
}

Test(step, T2_nor_do_they_where_the_budget_is_small)
{
	wait_a_million_times((struct waiter){ .made = NULL }, 3);
}

Test(step, T2_nor_do_a_million_waits_for_groups_without_children)
{
	wait_a_million_times((struct waiter){ .made = make_group }, 1024);
}

Test(step, T2_nor_do_a_million_waits_for_a_permit_that_is_free)
{
	wait_a_million_times((struct waiter){ .made = make_permit }, 1024);
}

/* Begins a child that ends at once, and waits for it again and again. */
struct begins_and_waits {
	FERRY_FRAME;
	struct actor child;
	unsigned passed;
};

static ferry_step begins_and_waits_step(ferry_task *task)
{
	FERRY_BEGIN(task, struct begins_and_waits, f);
	actor_begin(&f->child, loop, OPTIONS_OF(.start = FERRY_START_EAGER));
	for (f->passed = 0; f->passed < 100; f->passed++)
		FERRY_AWAIT(&f->child);
	FERRY_RETURN();
	FERRY_END;
}

Test(step, T2_what_was_just_begun_is_waited_for_free_once)
{
	for (int fails = 0; fails >= -EIO; fails -= EIO) {
		struct begins_and_waits frame = { .child = { .name = "c", .fails = fails } };
		ferry_loop_options options = FERRY_LOOP_OPTIONS_INIT;

		options.budget = 10;
		cr_assert_eq(ferry_loop_new(&options, &loop), 0);
		ferry_task_begin(&frame.task, loop, begins_and_waits_step,
				 OPTIONS_OF(.start = FERRY_START_LAZY));
		run_once(1);
		/* The callback, the child's beginning, and each wait but the first. */
		cr_assert_eq(frame.passed, 9);
		run();
		cr_assert_eq(frame.passed, 100);
		diary[0] = 0;
		end();
	}
}

Test(step, T2_outside_of_turns_a_step_waits_as_often_as_in_one)
{
	struct waiter waiter = { .awaits = &operation.awaitable, .count = 100 };

	begin_with(10);
	complete(0);
	ferry_task_begin(&waiter.task, loop, waiter_step, NULL);
	cr_assert_eq(waiter.passed, 9);
	run_once(1);
	cr_assert_eq(waiter.passed, 9 + 10);
	run();
	cr_assert_eq(waiter.passed, 100);
	end();
}

Test(step, T2_outside_of_turns_each_begin_is_a_run_of_its_own)
{
	struct waiter waiters[3];

	begin_with(10);
	complete(0);
	for (int i = 0; i < 3; i++) {
		waiters[i] = (struct waiter){ .awaits = &operation.awaitable, .count = 9 };
		ferry_task_begin(&waiters[i].task, loop, waiter_step, NULL);
		cr_assert(ferry_task_snapshot(&waiters[i].task).done);
	}
	cr_assert_eq(turns(), 0);
	end();
}

/* The second wait has to come in the next turn. */
static void exhaust(struct actor *actor)
{
	(void)actor;
	loop->left = 0;
}

Test(step, T2_who_falls_back_to_a_turn_finds_what_it_waited_for_as_it_was, .init = begin,
     .fini = end)
{
	struct actor failed = { .name = "failed", .fails = -EIO };
	struct actor cancelled = { .name = "cancelled", .fails = -ECANCELED };
	struct actor other = { .name = "other" };
	struct actor a = {
		.name = "a", .acts = exhaust, .awaits = &failed.awaitable, .tries = true
	};
	struct actor b = {
		.name = "b", .acts = exhaust, .awaits = &cancelled.awaitable, .tries = true
	};

	actor_begin(&failed, loop, NULL);
	actor_begin(&cancelled, loop, NULL);
	/* Nobody's wait is paid for by a start. */
	actor_begin(&other, loop, NULL);
	diary[0] = 0;
	actor_begin(&a, loop, LAZY);
	actor_begin(&b, loop, LAZY);
	run_once(1);
	run_once(1);
	cr_assert(diary_is("a: b:"));
	run();
	cr_assert(diary_is("a) b)"));
	cr_assert_eq(actor_errno(&a), EIO);
	cr_assert_eq(actor_ended(&b), ACTOR_CANCELLED);
}

Test(step, T7_who_falls_back_to_a_turn_is_not_cut_there, .init = begin, .fini = end)
{
	struct actor a = {
		.name = "a", .acts = exhaust, .awaits = &operation.awaitable, .tries = true
	};

	complete(0);
	actor_begin(&a, loop, LAZY);
	run_once(1);
	cr_assert(diary_is("a:"));
	cr_assert_eq(ferry_task_cancel(&a.task), 0);
	run();
	cr_assert(diary_is("a. a)"), "what it waited for had come");
	cr_assert_eq(actor_ended(&a), ACTOR_RESULT);
}

static struct actor *detached;

static void free_detached(ferry_task *task, void *user)
{
	(void)user;
	cr_assert_eq(task, &detached->task);
	free(detached);
	detached = NULL;
	diary_note("freed");
}

static void note_cleanup(ferry_task *task, void *user)
{
	(void)task, (void)user;
	diary_note("cleaned");
}

static void begin_detached(struct actor *actor)
{
	detached = calloc(1, sizeof(*detached));
	detached->name = "d";
	detached->number = 7;
	actor_begin(detached, loop, OPTIONS_OF(.cleanup = free_detached));
	actor->awaits = &detached->awaitable;
	/* So that the wait for it is not paid for by its start. */
	actor_begin(actor->user, loop, NULL);
	loop->left = 0;
}

Test(step, T2_who_falls_back_to_a_turn_goes_on_before_the_frame_is_freed, .init = begin,
     .fini = end)
{
	struct actor other = { .name = "o" }, first = { .name = "f" };
	struct actor a = { .name = "a", .acts = begin_detached, .tries = true, .user = &other };

	actor_begin(&a, loop, LAZY);
	/* The hook of one that nobody waits for stands before that. */
	actor_begin(&first, loop, OPTIONS_OF(.cleanup = note_cleanup));
	run_once(1);
	cr_assert(diary_is("f: f. f) a: d: d. d) o: o. o)"));
	run();
	cr_assert(diary_is("cleaned a. a) freed"));
}

static void fail_and_exhaust(struct actor *actor)
{
	static struct actor child = { .name = "child", .fails = -EIO };

	cr_assert_eq(ferry_group_init(actor->user, loop, NULL), 0);
	actor_begin(&child, loop, OPTIONS_OF(.group = actor->user));
	cr_assert_eq(ferry_group_close(actor->user), 0);
	cr_assert_eq(ferry_task_cancels(&actor->task), 1, "it is interrupted");
	loop->left = 0;
}

Test(step, T6_who_falls_back_to_a_turn_on_a_group_that_failed_knows_of_that, .init = begin,
     .fini = end)
{
	ferry_group group;
	struct actor a = { .name = "a",
			   .acts = fail_and_exhaust,
			   .user = &group,
			   .awaits = &group.awaitable,
			   .cleans = &operation.awaitable };

	actor_begin(&a, loop, LAZY);
	run_once(1);
	cr_assert_eq(ferry_task_cancels(&a.task), 0, "the interruption is taken back");
	run_once(1);
	cr_assert(diary_is("a: child: child. child) a. a)"));
	complete(0);
	run();
	cr_assert_eq(actor_ended(&a), ACTOR_RESULT);
}

/* ---- what nobody can wait for ---- */

Test(step, waiting_for_oneself_is_a_deadlock_and_an_exception, .init = begin, .fini = end)
{
	struct actor a = { .name = "a", .awaits = &a.awaitable };
	struct actor b = { .name = "b", .awaits = &b.awaitable, .tries = true };
	struct actor c = { .name = "c", .awaits = &c.awaitable, .shielded = true, .yields = 1 };

	actor_begin(&a, loop, NULL);
	actor_begin(&b, loop, NULL);
	actor_begin(&c, loop, NULL);
	run();
	cr_assert(diary_is("a: a) b: b) c: c)"), "they leave where they would have waited");
	cr_assert_eq(actor_errno(&a), EDEADLK);
	cr_assert_eq(actor_errno(&b), EDEADLK);
	cr_assert_eq(actor_errno(&c), EDEADLK);
}

Test(step, one_that_cleans_up_does_not_wait_for_itself_either, .init = begin, .fini = end)
{
	struct actor a = { .name = "a", .cleans = &a.awaitable };

	actor_begin(&a, loop, NULL);
	cr_assert(diary_is("a: a. a)"));
	cr_assert_eq(actor_errno(&a), EDEADLK);
}

Test(step, a_task_of_another_loop_cannot_be_waited_for, .init = begin, .fini = end)
{
	ferry_loop *other = fixture_loop();
	struct actor foreign = { .name = "foreign", .number = 1 };
	struct actor a = { .name = "a", .awaits = &foreign.awaitable };

	actor_begin(&foreign, other, DEFERRED);
	actor_begin(&a, loop, NULL);
	cr_assert(diary_is("a: a)"));
	cr_assert_eq(actor_errno(&a), EPERM);
	cr_assert_eq(ferry_task_start(&foreign.task), 0);
	cr_assert(diary_is("foreign: foreign. foreign)"));
	cr_assert_eq(ferry_loop_free(other), 0);
}

static void wait_for_another(struct actor *actor)
{
	struct actor *other = actor->user;

	cr_assert_eq(ferry_task_await(&other->task, &operation.awaitable, NULL), -EPERM);
	cr_assert_eq(ferry_task_await_shielded(&other->task, &operation.awaitable, NULL), -EPERM);
	cr_assert_eq(ferry_task_yield(&other->task, NULL), -EPERM);
}

struct reader {
	FERRY_FRAME;
	ferry_await await;
	ferry_local *local;
	bool went_on;
};

static ferry_step reader_step(ferry_task *task)
{
	FERRY_BEGIN(task, struct reader, f);
	FERRY_AWAIT(ferry_await_local(&f->await, f->local));
	f->went_on = true;
	FERRY_RETURN();

	FERRY_FINALLY
	ferry_await_end(&f->await);
	FERRY_END;
}

/* Its turns would run the task, in the midst of whatever runs here. */
Test(step, a_local_of_another_loop_cannot_be_waited_for, .init = begin, .fini = end)
{
	ferry_loop *other = fixture_loop();
	struct reader reader = { .went_on = false }, again = { .went_on = false };
	ferry_local *local;

	cr_assert_eq(ferry_local_new(other, &local), 0);
	reader.local = ferry_local_ref(local);
	again.local = ferry_local_ref(local);
	ferry_task_begin(&reader.task, loop, reader_step, NULL);
	cr_assert_eq(ferry_error_errno(ferry_task_snapshot(&reader.task).exception), EPERM);
	cr_assert_eq(ferry_local_set_result(local, ferry_result_u64(1)), 0);
	cr_assert_eq(ferry_loop_run(other), 0);
	cr_assert_not(reader.went_on);
	/* One that is done can be looked at. */
	ferry_task_begin(&again.task, loop, reader_step, NULL);
	cr_assert(again.went_on);
	ferry_local_unref(local);
	cr_assert_eq(ferry_loop_free(other), 0);
}

Test(step, only_the_task_whose_step_runs_can_wait, .init = begin, .fini = end)
{
	struct actor waits = { .name = "waits", .awaits = &operation.awaitable };
	struct actor a = { .name = "a", .acts = wait_for_another, .user = &waits };

	actor_begin(&waits, loop, NULL);
	actor_begin(&a, loop, NULL);
	wait_for_another(&a);
	complete(0);
	run();
	cr_assert(diary_is("waits: a: a. a) waits. waits)"));
}

static void cancel_group(struct actor *actor)
{
	cr_assert_eq(ferry_group_cancel(actor->user), 0);
}

Test(step, T6_a_child_that_cancels_its_group_passes_that_on_once_155418, .init = begin, .fini = end)
{
	ferry_group group;
	struct actor inner = { .name = "inner", .awaits = &operation.awaitable };
	struct actor child = {
		.name = "child", .acts = cancel_group, .user = &group, .awaits = &inner.awaitable
	};

	cr_assert_eq(ferry_group_init(&group, loop, NULL), 0);
	actor_begin(&inner, loop, NULL);
	actor_begin(&child, loop, OPTIONS_OF(.group = &group));
	cr_assert_eq(ferry_task_cancels(&child.task), 1);
	cr_assert_eq(ferry_task_cancels(&inner.task), 1);
	cr_assert_eq(ferry_group_close(&group), 0);
	run();
	cr_assert_eq(actor_ended(&child), ACTOR_CANCELLED);
	cr_assert_eq(actor_ended(&inner), ACTOR_CANCELLED);
	cr_assert(ferry_awaitable_snapshot(&group.awaitable).done);
}

/* ---- by hand ---- */

enum { YIELDED = 1, AWAIT, AWAITED, CLEANED };

/* What actor_step() does, without the macros. */
static ferry_step hand_step(ferry_task *task)
{
	static const ferry_place place = { "here", "hand_step", "something", AWAIT };
	struct actor *f = (struct actor *)task;
	ferry_snapshot snapshot;

	for (;;)
		switch (task->at) {
		case 0:
			f->began++;
			diary_note("%s:", f->name);
			if (f->acts)
				f->acts(f);
			f->turn = 0;
			task->at = YIELDED;
			if (!f->yields)
				break;
			ferry_task_yield(task, &place);
			return FERRY_SUSPENDED;
		case YIELDED:
			if (ferry_task_interrupted(task)) {
				task->at = ferry_task_leave(task);
			} else if (++f->turn < f->yields) {
				ferry_task_yield(task, NULL);
				return FERRY_SUSPENDED;
			} else {
				task->at = AWAIT;
			}
			break;
		case AWAIT:
			task->at = AWAITED;
			if (f->awaits &&
			    (f->shielded ? ferry_task_await_shielded(task, f->awaits, &place)
					 : ferry_task_await(task, f->awaits, NULL)))
				return FERRY_SUSPENDED;
			break;
		case AWAITED:
			if (ferry_task_interrupted(task)) {
				task->at = ferry_task_leave(task);
				break;
			}
			snapshot = ferry_awaitable_snapshot(f->awaits);
			if (f->tries && (snapshot.exception || snapshot.cancelled)) {
				task->at = ferry_task_fail(task, NULL);
				break;
			}
			f->went_on++;
			diary_note("%s.", f->name);
			if (f->error)
				task->at = ferry_task_fail(task, f->error);
			else if (f->fails)
				task->at = ferry_task_fail_errno(task, f->fails);
			else if (f->number)
				ferry_task_set_result(task, ferry_result_u64(f->number));
			task->at = FERRY_AT_FINALLY;
			break;
		case FERRY_AT_FINALLY:
			if (task->attachments && ferry_task_finally(task))
				return FERRY_SUSPENDED;
			task->flags |= FERRY_TASK_SHIELDED;
			f->cleaned++;
			diary_note("%s)", f->name);
			task->at = CLEANED;
			if (f->cleans && ferry_task_await(task, f->cleans, &place))
				return FERRY_SUSPENDED;
			break;
		case CLEANED:
			task->at = FERRY_AT_END;
			break;
		case FERRY_AT_END:
			return ferry_task_finish(task);
		default:
			task->at = ferry_task_stray(task);
			break;
		}
}

/* A life: what it waits for and how that ends, how it leaves, when it is cancelled. */
struct life {
	ferry_start start;
	unsigned waits, outcome, leaves, cancelled;
	bool cleans;
};

struct lived {
	char diary[256];
	enum actor_end end;
	int error;
	uint64_t number, turns, callbacks;
	unsigned began, went_on, cleaned;
};

static struct lived live(ferry_step_function step, const struct life *life)
{
	static const int outcomes[] = { 0, -ENOENT, -ECANCELED };
	struct lived lived = { .error = 0 };
	struct actor a = { .name = "a" };
	ferry_operation cleaning;

	begin();
	cr_assert_eq(ferry_operation_init(&cleaning, NULL), 0);
	a.yields = life->waits == 1 ? 2 : 0;
	a.awaits = life->waits > 1 ? &operation.awaitable : NULL;
	a.tries = life->waits == 3;
	a.shielded = life->waits == 4;
	a.fails = life->leaves == 1 ? -EIO : life->leaves == 2 ? -ECANCELED : 0;
	a.error = life->leaves == 3 ? exception_new("its own") : NULL;
	a.number = life->leaves == 4 ? 9 : 0;
	a.cleans = life->cleans ? &cleaning.awaitable : NULL;
	ferry_task_begin(&a.task, loop, step, OPTIONS_OF(.start = life->start));
	if (life->cancelled == 1)
		ferry_task_cancel(&a.task);
	ferry_task_start(&a.task);
	run();
	if (life->cancelled == 2)
		ferry_task_cancel(&a.task);
	complete(outcomes[life->outcome]);
	if (life->cancelled == 3)
		ferry_task_cancel(&a.task);
	run();
	ferry_operation_complete(&cleaning, loop, 0);
	run();
	snprintf(lived.diary, sizeof(lived.diary), "%.255s", diary);
	diary[0] = 0;
	lived.end = actor_ended(&a);
	lived.error = actor_errno(&a);
	lived.number = ferry_task_snapshot(&a.task).result.u64;
	lived.turns = turns();
	lived.callbacks = fixture_loop_counters(loop).callbacks;
	lived.began = a.began;
	lived.went_on = a.went_on;
	lived.cleaned = a.cleaned;
	ferry_task_clear(&a.task);
	if (a.error && !a.went_on)
		ferry_error_unref(a.error);
	cr_assert_eq(exceptions_alive, 0);
	cr_assert_eq(fixture_loop_counters(loop).tasks, 0);
	end();
	return lived;
}

static void live_both_ways(struct life life)
{
	struct lived macros, hand;

	memset(&macros, 0, sizeof(macros));
	memset(&hand, 0, sizeof(hand));
	macros = live(actor_step, &life);
	hand = live(hand_step, &life);
	cr_assert(macros.cleaned == 1 && !strcmp(macros.diary, hand.diary) &&
			  macros.end == hand.end && macros.error == hand.error &&
			  macros.number == hand.number && macros.turns == hand.turns &&
			  macros.callbacks == hand.callbacks && macros.began == hand.began &&
			  macros.went_on == hand.went_on && macros.cleaned == hand.cleaned,
		  "start %d, waits %u, outcome %u, leaves %u, cancelled %u, cleans %d: \"%s\" by "
		  "macros, \"%s\" by hand",
		  life.start, life.waits, life.outcome, life.leaves, life.cancelled, life.cleans,
		  macros.diary, hand.diary);
}

Test(step, one_that_is_written_by_hand_does_what_the_macros_do)
{
	for (unsigned i = 0; i < 3 * 5 * 3 * 5 * 4 * 2; i++)
		live_both_ways((struct life){ .start = (ferry_start)(1 + i % 3),
					      .waits = i / 3 % 5,
					      .outcome = i / 15 % 3,
					      .leaves = i / 45 % 5,
					      .cancelled = i / 225 % 4,
					      .cleans = i / 900 });
}

/* ---- left by accident ---- */

enum accident {
	LEFT_AT_ONCE,
	LEFT_LATER,
	LEFT_CLEANING_UP,
	LEFT_AT_THE_END,
	LEFT_WAITING,
	LEFT_ENDED
};

static enum accident accident;

#define NOTHING ((ferry_step){ 0 })

/* Its author forgot what to return. */
static ferry_step forgetful_step(ferry_task *task)
{
	struct actor *f = (struct actor *)task;

	switch (task->at) {
	case 0:
		f->began++;
		if (accident == LEFT_AT_ONCE)
			return NOTHING;
		task->at = 10;
		if (ferry_task_await(task, f->awaits, NULL))
			return accident == LEFT_WAITING ? NOTHING : FERRY_SUSPENDED;
		__attribute__((fallthrough));
	case 10:
		f->went_on++;
		if (accident == LEFT_LATER)
			return NOTHING;
		__attribute__((fallthrough));
	case FERRY_AT_FINALLY:
		f->cleaned++;
		task->at = FERRY_AT_FINALLY;
		if (accident == LEFT_CLEANING_UP)
			return NOTHING;
		task->at = FERRY_AT_END;
		if (accident == LEFT_AT_THE_END)
			return NOTHING;
		__attribute__((fallthrough));
	default:
		if (accident != LEFT_ENDED)
			return ferry_task_finish(task);
		ferry_task_finish(task);
		return NOTHING;
	}
}

static struct actor forget(enum accident how)
{
	struct actor a = { .name = "a", .awaits = &operation.awaitable };
	struct actor b = { .name = "b", .awaits = &a.awaitable };

	accident = how;
	ferry_task_begin(&a.task, loop, forgetful_step, NULL);
	actor_begin(&b, loop, NULL);
	cr_assert_null(ferry_current_task(loop));
	run();
	complete(0);
	run();
	cr_assert_null(ferry_current_task(loop));
	cr_assert_eq(actor_ended(&b), ACTOR_RESULT, "whoever waits for it goes on");
	cr_assert_eq(b.cleaned, 1);
	cr_assert_eq(fixture_loop_counters(loop).tasks, 0);
	return a;
}

Test(step, one_that_returns_nothing_fails_and_cleans_up, .init = begin, .fini = end)
{
	struct actor a = forget(LEFT_AT_ONCE);

	cr_assert_eq(a.cleaned, 1);
	cr_assert_eq(ferry_error_number(ferry_task_snapshot(&a.task).exception),
		     FERRY_ERROR_INVALID_STATE);
	ferry_task_clear(&a.task);
}

Test(step, the_message_names_the_place_behind_which_it_was_left, .init = begin, .fini = end)
{
	struct actor a = forget(LEFT_LATER);
	const char *message = ferry_error_message(ferry_task_snapshot(&a.task).exception);

	cr_assert_eq(a.went_on, 1);
	cr_assert_eq(a.cleaned, 1);
	cr_assert(strstr(message, "line 10"), "%s", message);
	ferry_task_clear(&a.task);
}

Test(step, one_that_returns_nothing_as_it_cleans_up_does_not_clean_up_again, .init = begin,
     .fini = end)
{
	struct actor a = forget(LEFT_CLEANING_UP);

	cr_assert_eq(a.cleaned, 1);
	cr_assert_eq(actor_ended(&a), ACTOR_EXCEPTION);
	ferry_task_clear(&a.task);
}

Test(step, one_that_returns_nothing_at_its_end_has_ended, .init = begin, .fini = end)
{
	struct actor a = forget(LEFT_AT_THE_END);

	cr_assert_eq(a.cleaned, 1);
	cr_assert_eq(actor_ended(&a), ACTOR_RESULT);
}

Test(step, one_that_returns_nothing_but_waits_does_wait, .init = begin, .fini = end)
{
	struct actor a = forget(LEFT_WAITING);

	cr_assert_eq(a.went_on, 1);
	cr_assert_eq(a.cleaned, 1);
	cr_assert_eq(actor_ended(&a), ACTOR_RESULT);
}

Test(step, one_that_returns_nothing_but_has_ended_does_not_end_twice, .init = begin, .fini = end)
{
	struct actor a = forget(LEFT_ENDED);

	cr_assert_eq(a.cleaned, 1);
	cr_assert_eq(actor_ended(&a), ACTOR_RESULT);
}
