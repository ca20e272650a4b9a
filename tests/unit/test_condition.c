/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Loop-local conditions: who waits gives the lock up, and goes on with it, whatever happens. */
#include <criterion/criterion.h>

#include "support/actor.h"
#include "support/spending.h"

TestSuite(condition, .timeout = 60);

static ferry_loop *loop;
static ferry_lock lock;
static ferry_condition condition;
static ferry_event event; /* for those who have the lock to wait for */

static void begin(void)
{
	loop = fixture_loop();
	cr_assert_eq(ferry_lock_init(&lock, loop), 0);
	cr_assert_eq(ferry_condition_init(&condition, &lock), 0);
	cr_assert_eq(ferry_event_init(&event, loop), 0);
}

static void end(void)
{
	cr_assert_null(loop ? ferry_lock_owner(&lock) : NULL, "everybody has given it back");
	cr_assert_eq(ferry_loop_free(loop), 0);
	cr_assert(diary_is(""), "nothing was told that the test did not look at");
}

static void turn(void)
{
	cr_assert_geq(ferry_loop_run_once(loop, 0), 0);
}

static int notify(size_t count)
{
	return ferry_condition_notify(&condition, count);
}

/* ---- a task that waits for the condition ---- */

struct waiter {
	FERRY_FRAME;
	const char *name;
	ferry_awaitable *holds; /* what it waits for when it has the lock again; NULL: nothing */
	bool shielded;
	bool owned; /* had the lock as it cleaned up */
};

static ferry_step waiter_step(ferry_task *task)
{
	FERRY_BEGIN(task, struct waiter, f);
	diary_note("%s:", f->name);
	FERRY_TRY(ferry_lock_acquire(&lock));
	if (f->shielded)
		FERRY_SHIELD(ferry_condition_wait(&condition));
	else
		FERRY_TRY(ferry_condition_wait(&condition));
	cr_assert_eq(ferry_lock_owner(&lock), task);
	diary_note("%s+", f->name);
	if (f->holds)
		FERRY_TRY((struct actor_awaited *)f->holds);
	FERRY_RETURN();

	FERRY_FINALLY
	f->owned = ferry_lock_release(&lock) == 0;
	diary_note("%s)", f->name);
	FERRY_END;
}

static void waiter_begin(struct waiter *waiter)
{
	ferry_task_begin(&waiter->task, loop, waiter_step, NULL);
}

static enum actor_end ended(struct waiter *waiter)
{
	return actor_end_of(ferry_task_snapshot(&waiter->task));
}

#define WAITERS 4

static void wait_all(struct waiter waiters[WAITERS])
{
	static const char *const names[] = { "a", "b", "c", "d" };

	for (int i = 0; i < WAITERS; i++) {
		waiters[i] = (struct waiter){ .name = names[i] };
		waiter_begin(&waiters[i]);
	}
	cr_assert(diary_is("a: b: c: d:"));
	cr_assert_null(ferry_lock_owner(&lock), "each gave it up as it began to wait");
}

/* A task that has the lock until the event. */
static ferry_step holder_step(ferry_task *task)
{
	FERRY_BEGIN(task, struct waiter, f);
	diary_note("%s:", f->name);
	FERRY_TRY(ferry_lock_acquire(&lock));
	diary_note("%s+", f->name);
	FERRY_TRY(&event);
	FERRY_RETURN();

	FERRY_FINALLY
	diary_note("%s)", f->name);
	FERRY_END;
}

static void holder_begin(struct waiter *holder)
{
	ferry_task_begin(&holder->task, loop, holder_step, NULL);
}

/* ---- notified ---- */

Test(condition, as_many_as_are_notified_go_on_in_the_order_in_which_they_came, .init = begin,
     .fini = end)
{
	struct waiter waiters[WAITERS];

	wait_all(waiters);
	cr_assert_eq(notify(0), 0);
	cr_assert_eq(notify(1), 1);
	cr_assert_eq(ferry_lock_owner(&lock), &waiters[0].task, "it was free");
	cr_assert(diary_is(""), "in the next turn");
	cr_assert_eq(ferry_loop_run(loop), 0);
	cr_assert(diary_is("a+ a)"));
	cr_assert_eq(notify(2), 2);
	cr_assert_eq(ferry_loop_run(loop), 0);
	cr_assert(diary_is("b+ b) c+ c)"));
	cr_assert_eq(notify(SIZE_MAX), 1);
	cr_assert_eq(notify(SIZE_MAX), 0);
	cr_assert_eq(ferry_loop_run(loop), 0);
	cr_assert(diary_is("d+ d)"));
}

Test(condition, those_who_are_notified_have_the_lock_one_after_the_other, .init = begin,
     .fini = end)
{
	struct waiter waiters[WAITERS];

	wait_all(waiters);
	for (int i = 0; i < WAITERS; i++)
		waiters[i].holds = &event.awaitable;
	cr_assert_eq(notify(SIZE_MAX), WAITERS);
	cr_assert_eq(ferry_loop_run(loop), 0);
	cr_assert(diary_is("a+"));
	ferry_event_set(&event);
	cr_assert_eq(ferry_loop_run(loop), 0);
	cr_assert(diary_is("a) b+ b) c+ c) d+ d)"));
}

Test(condition, who_waits_for_the_lock_already_has_it_before_who_is_notified, .init = begin,
     .fini = end)
{
	struct waiter waits = { .name = "w" }, has = { .name = "h" }, next = { .name = "n" };

	waiter_begin(&waits);
	holder_begin(&has);
	holder_begin(&next);
	cr_assert_eq(notify(1), 1);
	cr_assert_eq(ferry_loop_run(loop), 0);
	cr_assert(diary_is("w: h: h+ n:"));
	ferry_event_set(&event);
	cr_assert_eq(ferry_loop_run(loop), 0);
	cr_assert(diary_is("h) n+ n) w+ w)"));
}

/* Between the look and the wait nobody comes in: what is notified after the look is heard. */
static int number;

static ferry_step consumer_step(ferry_task *task)
{
	FERRY_BEGIN(task, struct waiter, f);
	FERRY_TRY(ferry_lock_acquire(&lock));
	while (!number)
		FERRY_TRY(ferry_condition_wait(&condition));
	FERRY_RETURN(diary_note("%s%d", f->name, number--));

	FERRY_FINALLY
	ferry_lock_release(&lock);
	FERRY_END;
}

static ferry_step producer_step(ferry_task *task)
{
	FERRY_BEGIN(task, struct waiter, f);
	FERRY_TRY(ferry_lock_acquire(&lock));
	number++;
	ferry_condition_notify(&condition, 1);
	FERRY_RETURN(ferry_lock_release(&lock));

	FERRY_FINALLY
	FERRY_END;
}

Test(condition, nothing_is_missed_between_the_look_and_the_wait, .init = begin, .fini = end)
{
	struct waiter consumers[3] = { { .name = "a" }, { .name = "b" }, { .name = "c" } };
	struct waiter producer = { .name = "p" };

	for (int i = 0; i < 3; i++)
		ferry_task_begin(&consumers[i].task, loop, consumer_step, NULL);
	for (int i = 0; i < 3; i++) {
		ferry_task_begin(&producer.task, loop, producer_step, NULL);
		cr_assert_eq(ferry_loop_run(loop), 0);
		cr_assert(ferry_awaitable_snapshot(&producer.awaitable).done);
	}
	cr_assert(diary_is("a1 b1 c1"));
}

/* ---- refused ---- */

static ferry_step without_step(ferry_task *task)
{
	FERRY_BEGIN(task, struct waiter, f);
	FERRY_TRY(ferry_condition_wait(&condition));
	FERRY_RETURN(diary_note("no error"));

	FERRY_FINALLY
	FERRY_END;
}

Test(condition, who_does_not_have_the_lock_cannot_wait, .init = begin, .fini = end)
{
	struct waiter without = { .name = "w" }, has = { .name = "h" };

	ferry_task_begin(&without.task, loop, without_step, NULL);
	cr_assert_eq(ferry_error_errno(ferry_task_snapshot(&without.task).exception), EPERM);
	holder_begin(&has);
	ferry_task_begin(&without.task, loop, without_step, NULL);
	cr_assert_eq(ferry_error_errno(ferry_task_snapshot(&without.task).exception), EPERM);
	cr_assert_eq(ferry_lock_owner(&lock), &has.task, "and takes it from nobody");
	ferry_event_set(&event);
	cr_assert_eq(ferry_loop_run(loop), 0);
	cr_assert(diary_is("h: h+ h)"));
}

/* Asks for the operation, and gives the lock up before he awaits it. */
struct early {
	FERRY_FRAME;
	ferry_operation *wait;
	struct waiter *then; /* begins here; NULL: nobody */
};

static ferry_step early_step(ferry_task *task)
{
	FERRY_BEGIN(task, struct early, f);
	FERRY_TRY(ferry_lock_acquire(&lock));
	f->wait = ferry_condition_wait(&condition);
	cr_assert_eq(ferry_lock_release(&lock), 0);
	if (f->then)
		holder_begin(f->then);
	FERRY_TRY(f->wait);
	diary_note("e+");
	FERRY_RETURN(ferry_lock_release(&lock));

	FERRY_FINALLY
	FERRY_END;
}

Test(condition, who_gave_the_lock_up_before_he_waits_gives_up_nobody_elses, .init = begin,
     .fini = end)
{
	struct waiter has = { .name = "h" };
	struct early early = { .then = NULL };

	ferry_task_begin(&early.task, loop, early_step, NULL);
	cr_assert_null(ferry_lock_owner(&lock));
	cr_assert_eq(notify(1), 1);
	turn();
	cr_assert(diary_is("e+"));

	early.then = &has;
	ferry_task_begin(&early.task, loop, early_step, NULL);
	cr_assert_eq(ferry_lock_owner(&lock), &has.task);
	cr_assert_eq(notify(1), 1);
	cr_assert_eq(ferry_loop_run(loop), 0);
	cr_assert(diary_is("h: h+"), "he waits for the lock");
	ferry_event_set(&event);
	cr_assert_eq(ferry_loop_run(loop), 0);
	cr_assert(diary_is("h) e+"));
}

/* ---- cancelled ---- */

Test(condition, T7_who_is_cancelled_has_the_lock_again_as_he_goes_on, .init = begin, .fini = end)
{
	struct waiter waits = { .name = "w" }, has = { .name = "h" };

	waiter_begin(&waits);
	holder_begin(&has);
	ferry_task_cancel(&waits.task);
	cr_assert_eq(ferry_loop_run(loop), 0);
	cr_assert(diary_is("w: h: h+"), "not before it is given up");
	ferry_task_cancel(&waits.task);
	cr_assert_eq(ferry_loop_run(loop), 0);
	cr_assert(diary_is(""), "however often he is cancelled");
	ferry_event_set(&event);
	cr_assert_eq(ferry_loop_run(loop), 0);
	cr_assert(diary_is("h) w)"));
	cr_assert(waits.owned);
	cr_assert_eq(ended(&waits), ACTOR_CANCELLED);
}

Test(condition, T7_it_is_his_at_once_if_it_is_free, .init = begin, .fini = end)
{
	struct waiter waits = { .name = "w" };

	waiter_begin(&waits);
	ferry_task_cancel(&waits.task);
	cr_assert_eq(ferry_lock_owner(&lock), &waits.task);
	turn();
	cr_assert(diary_is("w: w)"));
	cr_assert(waits.owned);
	cr_assert_eq(ended(&waits), ACTOR_CANCELLED);
}

Test(condition, T7_who_is_cancelled_among_others_leaves_them_their_order, .init = begin,
     .fini = end)
{
	static const char *const told[] = { "a) b+ b) c+ c) d+ d)", "b) a+ a) c+ c) d+ d)",
					    "c) a+ a) b+ b) d+ d)", "d) a+ a) b+ b) c+ c)" };

	for (int i = 0; i < WAITERS; i++) {
		struct waiter waiters[WAITERS];

		wait_all(waiters);
		ferry_task_cancel(&waiters[i].task);
		cr_assert_eq(notify(SIZE_MAX), WAITERS - 1, "no notification goes to him");
		cr_assert_eq(ferry_loop_run(loop), 0);
		cr_assert(diary_is(told[i]));
		cr_assert(waiters[i].owned);
		cr_assert_eq(ended(&waiters[i]), ACTOR_CANCELLED);
	}
}

Test(condition, T7_who_was_notified_before_the_cancel_finds_out_at_his_next_wait, .init = begin,
     .fini = end)
{
	ferry_operation never;
	struct waiter waits = { .name = "w", .holds = &never.awaitable };

	for (int held = 0; held < 2; held++) {
		struct waiter has = { .name = "h" };

		ferry_operation_init(&never, NULL);
		ferry_event_clear(&event);
		waiter_begin(&waits);
		cr_assert(diary_is("w:"));
		/* In the line of the lock, or with the lock and not gone on yet. */
		if (held)
			holder_begin(&has);
		cr_assert_eq(notify(1), 1);
		ferry_task_cancel(&waits.task);
		cr_assert_eq(ferry_loop_run(loop), 0);
		cr_assert(diary_is(held ? "h: h+" : "w+ w)"));
		ferry_event_set(&event);
		cr_assert_eq(ferry_loop_run(loop), 0);
		cr_assert(diary_is(held ? "h) w+ w)" : ""));
		cr_assert(waits.owned);
		cr_assert_eq(ended(&waits), ACTOR_CANCELLED);
	}
}

Test(condition, T7_a_shielded_wait_ends_with_the_lock_too, .init = begin, .fini = end)
{
	struct waiter waits = { .name = "w", .shielded = true }, has = { .name = "h" };

	waiter_begin(&waits);
	holder_begin(&has);
	ferry_task_cancel(&waits.task);
	cr_assert_eq(ferry_loop_run(loop), 0);
	cr_assert(diary_is("w: h: h+"));
	ferry_event_set(&event);
	cr_assert_eq(ferry_loop_run(loop), 0);
	cr_assert(diary_is("h) w)"));
	cr_assert(waits.owned);
}

static void cancel_itself(struct waiter *waiter)
{
	cr_assert_eq(ferry_task_cancel(&waiter->task), 0);
}

static ferry_step cancelled_before_step(ferry_task *task)
{
	FERRY_BEGIN(task, struct waiter, f);
	FERRY_TRY(ferry_lock_acquire(&lock));
	cancel_itself(f);
	FERRY_TRY(ferry_condition_wait(&condition));
	FERRY_RETURN(diary_note("not cancelled"));

	FERRY_FINALLY
	f->owned = ferry_lock_release(&lock) == 0;
	FERRY_END;
}

Test(condition, T7_who_was_cancelled_before_he_waits_has_it_again, .init = begin, .fini = end)
{
	struct waiter waits = { .name = "w" }, has = { .name = "h" };

	ferry_task_begin(&waits.task, loop, cancelled_before_step, NULL);
	cr_assert_eq(ferry_loop_run(loop), 0);
	cr_assert(waits.owned);
	cr_assert_eq(ended(&waits), ACTOR_CANCELLED);
	/* With somebody in line who had to come in between. */
	holder_begin(&has);
	ferry_task_begin(&waits.task, loop, cancelled_before_step, NULL);
	ferry_event_set(&event);
	cr_assert_eq(ferry_loop_run(loop), 0);
	cr_assert(diary_is("h: h+ h)"));
	cr_assert(waits.owned);
	cr_assert_eq(ended(&waits), ACTOR_CANCELLED);
}

/* ---- what cleans up ---- */

static ferry_step cleaning_step(ferry_task *task)
{
	FERRY_BEGIN(task, struct waiter, f);
	FERRY_RETURN();

	FERRY_FINALLY
	FERRY_AWAIT(ferry_lock_acquire(&lock));
	FERRY_AWAIT(ferry_condition_wait(&condition));
	diary_note("clean");
	ferry_lock_release(&lock);
	FERRY_END;
}

Test(condition, T7_who_cleans_up_waits_though_he_is_cancelled, .init = begin, .fini = end)
{
	struct waiter cleans = { .name = "c" };

	ferry_task_begin(&cleans.task, loop, cleaning_step, NULL);
	ferry_task_cancel(&cleans.task);
	cr_assert_eq(ferry_loop_run(loop), 0);
	cr_assert(diary_is(""));
	notify(1);
	cr_assert_eq(ferry_loop_run(loop), 0);
	cr_assert(diary_is("clean"));
}

/* ---- what it costs ---- */

Test(condition, T5_it_allocates_nothing, .init = begin, .fini = end)
{
	struct spending before = spending_of(loop), spent;
	struct waiter waiters[WAITERS];

	wait_all(waiters);
	spent = spending_since(loop, &before);
	cr_assert_eq(spent.blocks, 0);
	cr_assert_eq(spent.heap, 0);
	cr_assert_eq(spent.turns, 0);
	notify(SIZE_MAX);
	spent = spending_since(loop, &before);
	cr_assert_eq(spent.blocks, 0);
	cr_assert_eq(spent.heap, 0);
	cr_assert_eq(ferry_loop_run(loop), 0);
	spent = spending_since(loop, &before);
	cr_assert_eq(spent.callbacks, WAITERS);
	cr_assert_eq(spent.allocations, 0);
	cr_assert(diary_is("a+ a) b+ b) c+ c) d+ d)"));
}

Test(condition, L3_a_loop_that_closes_wakes_nobody, .init = begin, .fini = end)
{
	struct waiter waiters[WAITERS], has = { .name = "h" };

	wait_all(waiters);
	holder_begin(&has);
	notify(2);
	cr_assert(diary_is("h: h+"));
	cr_assert_eq(ferry_loop_free(loop), 0);
	loop = NULL;
	for (int i = 0; i < WAITERS; i++)
		cr_assert(ferry_awaitable_snapshot(&waiters[i].awaitable).cancelled);
}
