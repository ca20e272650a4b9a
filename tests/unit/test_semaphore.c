/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Loop-local semaphores: permits, who gets them next, and what a cancel does (T7). */
#include <criterion/criterion.h>
#include <limits.h>

#include "support/actor.h"
#include "support/spending.h"

TestSuite(semaphore, .timeout = 60);

static ferry_loop *loop;
static ferry_semaphore semaphore;

static void begin(void)
{
	loop = fixture_loop();
	cr_assert_eq(ferry_semaphore_init(&semaphore, loop, 0), 0);
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

static int release(size_t permits)
{
	return ferry_semaphore_release(&semaphore, permits);
}

/* ---- a task that takes permits ---- */

struct taker {
	FERRY_FRAME;
	const char *name;
	unsigned wants, got;
	ferry_awaitable *then; /* what it waits for when it has them; NULL: nothing */
};

static ferry_step taker_step(ferry_task *task)
{
	FERRY_BEGIN(task, struct taker, f);
	diary_note("%s:", f->name);
	while (f->got < f->wants) {
		FERRY_TRY(ferry_semaphore_acquire(&semaphore));
		diary_note("%s+", f->name);
		f->got++;
	}
	if (f->then)
		FERRY_TRY((struct actor_awaited *)f->then);
	FERRY_RETURN();

	FERRY_FINALLY
	diary_note("%s)", f->name);
	FERRY_END;
}

static struct taker taker(const char *name, unsigned wants)
{
	return (struct taker){ .name = name, .wants = wants };
}

static void taker_begin(struct taker *taker)
{
	ferry_task_begin(&taker->task, loop, taker_step, NULL);
}

static enum actor_end ended(struct taker *taker)
{
	return actor_end_of(ferry_task_snapshot(&taker->task));
}

#define TAKERS 4

static void queue_up(struct taker takers[TAKERS])
{
	static const char *const names[] = { "a", "b", "c", "d" };

	for (int i = 0; i < TAKERS; i++) {
		takers[i] = taker(names[i], 1);
		taker_begin(&takers[i]);
	}
	cr_assert(diary_is("a: b: c: d:"));
}

/* ---- permits ---- */

Test(semaphore, there_are_as_many_as_it_was_made_with, .init = begin, .fini = end)
{
	struct taker a = taker("a", 2), b = taker("b", 2);

	cr_assert_eq(ferry_semaphore_init(&semaphore, loop, 3), 0);
	taker_begin(&a);
	taker_begin(&b);
	cr_assert(diary_is("a: a+ a+ a) b: b+"));
	cr_assert_eq(semaphore.permits, 0);
	cr_assert_eq(release(1), 0);
	turn();
	cr_assert(diary_is("b+ b)"));
	cr_assert_eq(semaphore.permits, 0);
}

Test(semaphore, permits_can_be_added_that_nobody_acquired, .init = begin, .fini = end)
{
	struct taker a = taker("a", 5);

	cr_assert_eq(release(5), 0);
	cr_assert_eq(semaphore.permits, 5);
	taker_begin(&a);
	cr_assert(diary_is("a: a+ a+ a+ a+ a+ a)"), "and no turn is needed for them");
	cr_assert_eq(fixture_loop_counters(loop).turns, 0);
}

Test(semaphore, E1_there_are_no_more_than_can_be_counted, .init = begin, .fini = end)
{
	cr_assert_eq(release(0), -EINVAL);
	cr_assert_eq(release(1), 0);
	cr_assert_eq(release(SIZE_MAX), -EOVERFLOW);
	cr_assert_eq(semaphore.permits, 1);
	cr_assert_eq(release(SIZE_MAX - 1), 0);
	cr_assert_eq(release(1), -EOVERFLOW);
	cr_assert_eq(semaphore.permits, SIZE_MAX);
}

/* ---- who gets them ---- */

Test(semaphore, those_who_wait_get_one_each_in_the_order_in_which_they_came, .init = begin,
     .fini = end)
{
	struct taker takers[TAKERS];

	queue_up(takers);
	cr_assert_eq(release(2), 0);
	cr_assert(diary_is(""), "they go on in the next turn");
	turn();
	cr_assert(diary_is("a+ a) b+ b)"));
	cr_assert_eq(release(3), 0);
	cr_assert_eq(semaphore.permits, 1, "one that nobody waits for");
	turn();
	cr_assert(diary_is("c+ c) d+ d)"));
}

Test(semaphore, who_comes_later_cannot_take_what_was_given, .init = begin, .fini = end)
{
	struct taker first = taker("first", 1), late = taker("late", 1);

	taker_begin(&first);
	cr_assert_eq(release(1), 0);
	taker_begin(&late);
	cr_assert_eq(ferry_loop_run(loop), 0);
	cr_assert(diary_is("first: late: first+ first)"));
	release(1);
	cr_assert_eq(ferry_loop_run(loop), 0);
	cr_assert(diary_is("late+ late)"));
}

Test(semaphore, who_wants_several_stands_in_line_for_each, .init = begin, .fini = end)
{
	struct taker a = taker("a", 2), b = taker("b", 1);

	taker_begin(&a);
	taker_begin(&b);
	for (int i = 0; i < 3; i++) {
		release(1);
		cr_assert_eq(ferry_loop_run(loop), 0);
	}
	cr_assert(diary_is("a: b: a+ b+ b) a+ a)"));
}

/* ---- cancelled ---- */

Test(semaphore, T7_who_is_cancelled_while_he_waits_takes_none, .init = begin, .fini = end)
{
	static const char *const told[] = { "a) b+ b) c+ c) d+ d)", "b) a+ a) c+ c) d+ d)",
					    "c) a+ a) b+ b) d+ d)", "d) a+ a) b+ b) c+ c)" };

	for (int i = 0; i < TAKERS; i++) {
		struct taker takers[TAKERS];

		queue_up(takers);
		ferry_task_cancel(&takers[i].task);
		release(TAKERS);
		cr_assert_eq(ferry_loop_run(loop), 0);
		cr_assert(diary_is(told[i]));
		cr_assert_eq(ended(&takers[i]), ACTOR_CANCELLED);
		cr_assert_eq(semaphore.permits, 1, "his is left");
		semaphore.permits = 0;
	}
}

Test(semaphore, T7_who_is_cancelled_when_he_has_been_given_one_has_it, .init = begin, .fini = end)
{
	ferry_operation never;
	struct taker a = taker("a", 1), b = taker("b", 1);

	ferry_operation_init(&never, NULL);
	a.then = &never.awaitable;
	taker_begin(&a);
	taker_begin(&b);
	release(1);
	ferry_task_cancel(&a.task);
	cr_assert_eq(ferry_loop_run(loop), 0);
	cr_assert(diary_is("a: b: a+ a)"));
	cr_assert_eq(a.got, 1);
	cr_assert_eq(semaphore.permits, 0, "it belongs to nobody else: he has to release it");
	ferry_task_cancel(&b.task);
	cr_assert_eq(ferry_loop_run(loop), 0);
	cr_assert(diary_is("b)"));
	cr_assert_eq(b.got, 0);
}

/* ---- as a lock ---- */

/* Each takes the one permit, holds it over a turn, and gives it to the next. */
static ferry_step sharer_step(ferry_task *task)
{
	static unsigned inside;

	FERRY_BEGIN(task, struct taker, f);
	for (; f->got < f->wants; f->got++) {
		FERRY_TRY(ferry_semaphore_acquire(&semaphore));
		cr_assert_eq(++inside, 1);
		FERRY_YIELD();
		cr_assert_eq(--inside, 0);
		release(1);
	}
	FERRY_RETURN();

	FERRY_FINALLY
	FERRY_END;
}

Test(semaphore, one_permit_is_one_task_at_a_time, .init = begin, .fini = end)
{
	struct taker takers[10];

	release(1);
	for (int i = 0; i < 10; i++) {
		takers[i] = taker("t", 100);
		ferry_task_begin(&takers[i].task, loop, sharer_step, NULL);
	}
	cr_assert_eq(ferry_loop_run(loop), 0);
	for (int i = 0; i < 10; i++)
		cr_assert_eq(ended(&takers[i]), ACTOR_RESULT);
	cr_assert_eq(semaphore.permits, 1);
}

/* ---- what it costs ---- */

Test(semaphore, T5_it_allocates_nothing, .init = begin, .fini = end)
{
	struct spending before = spending_of(loop), spent;
	struct taker takers[TAKERS];

	queue_up(takers);
	spent = spending_since(loop, &before);
	cr_assert_eq(spent.blocks, 0);
	cr_assert_eq(spent.heap, 0);
	release(TAKERS);
	cr_assert_eq(ferry_loop_run(loop), 0);
	spent = spending_since(loop, &before);
	cr_assert_eq(spent.callbacks, TAKERS);
	cr_assert_eq(spent.turns, 1);
	cr_assert_eq(spent.allocations, 0);
	cr_assert(diary_is("a+ a) b+ b) c+ c) d+ d)"));
}

Test(semaphore, E1_it_can_be_acquired_only_in_a_step, .init = begin, .fini = end)
{
	ferry_operation *operation;
	ferry_snapshot snapshot;

	release(1);
	operation = ferry_semaphore_acquire(&semaphore);
	snapshot = ferry_awaitable_snapshot(&operation->awaitable);
	cr_assert_eq(ferry_error_errno(snapshot.exception), EPERM);
	cr_assert_eq(semaphore.permits, 1);
}

Test(semaphore, L3_a_loop_that_closes_gives_none_away, .init = begin, .fini = end)
{
	struct taker takers[TAKERS];

	queue_up(takers);
	cr_assert_eq(ferry_loop_free(loop), 0);
	loop = NULL;
	for (int i = 0; i < TAKERS; i++)
		cr_assert(ferry_awaitable_snapshot(&takers[i].awaitable).cancelled);
}
