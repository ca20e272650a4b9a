/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Loop-local locks: who has it, who gets it next, and what a cancel does to either (T7). */
#include <criterion/criterion.h>

#include "support/actor.h"
#include "support/spending.h"
#include "task/lock.h"

TestSuite(lock, .timeout = 60);

static ferry_loop *loop;
static ferry_lock lock;
static ferry_event event; /* for those who have the lock to wait for */

static void begin_with(unsigned budget)
{
	ferry_loop_options options = FERRY_LOOP_OPTIONS_INIT;

	options.budget = budget;
	cr_assert_eq(ferry_loop_new(&options, &loop), 0);
	cr_assert_eq(ferry_lock_init(&lock, loop), 0);
	cr_assert_eq(ferry_event_init(&event, loop), 0);
}

static void begin(void)
{
	begin_with(0);
}

static void end(void)
{
	cr_assert_null(loop ? ferry_lock_owner(&lock) : NULL, "everybody has given it back");
	cr_assert_eq(ferry_loop_free(loop), 0);
	cr_assert(diary_is(""), "nothing was told that the test did not look at");
}

/* ---- a task that has the lock for a while ---- */

struct holder {
	FERRY_FRAME;
	const char *name;
	ferry_awaitable *holds; /* what it waits for while it has it; NULL: nothing */
	bool keeps;             /* it does not give it back */
	bool again;             /* it takes it once more */
	bool shielded;
	int fails;
	bool got;
};

static ferry_step holder_step(ferry_task *task)
{
	FERRY_BEGIN(task, struct holder, f);
	diary_note("%s:", f->name);
	if (f->shielded)
		FERRY_SHIELD(ferry_lock_acquire(&lock));
	else
		FERRY_TRY(ferry_lock_acquire(&lock));
	diary_note("%s+", f->name);
	cr_assert_eq(ferry_lock_owner(&lock), task);
	f->got = true;
	if (f->holds)
		FERRY_TRY((struct actor_awaited *)f->holds);
	if (f->fails)
		FERRY_FAIL(f->fails);
	if (!f->keeps) {
		cr_assert_eq(ferry_lock_release(&lock), 0);
		diary_note("%s-", f->name);
	}
	if (f->again) {
		FERRY_TRY(ferry_lock_acquire(&lock));
		diary_note("%s++", f->name);
	}
	FERRY_RETURN();

	FERRY_FINALLY
	diary_note("%s)", f->name);
	FERRY_END;
}

static void holder_begin(struct holder *holder)
{
	ferry_task_begin(&holder->task, loop, holder_step, NULL);
}

static enum actor_end ended(struct holder *holder)
{
	return actor_end_of(ferry_task_snapshot(&holder->task));
}

#define NAMES "a", "b", "c", "d", "e"
#define HOLDERS 5

/* The first one has it, and waits for the event; the others wait for it. */
static void queue_up(struct holder holders[HOLDERS])
{
	static const char *const names[] = { NAMES };

	for (int i = 0; i < HOLDERS; i++) {
		holders[i] = (struct holder){ .name = names[i] };
		holders[i].holds = i ? NULL : &event.awaitable;
		holder_begin(&holders[i]);
	}
	cr_assert(diary_is("a: a+ b: c: d: e:"));
}

/* ---- got ---- */

Test(lock, a_free_one_is_got_at_once_and_free_again, .init = begin, .fini = end)
{
	struct holder a = { .name = "a" };

	cr_assert_null(ferry_lock_owner(&lock));
	holder_begin(&a);
	cr_assert(diary_is("a: a+ a- a)"));
	cr_assert_null(ferry_lock_owner(&lock));
	cr_assert_eq(fixture_loop_counters(loop).turns, 0);
}

Test(lock, those_who_wait_get_it_in_the_order_in_which_they_came, .init = begin, .fini = end)
{
	struct holder holders[HOLDERS];

	queue_up(holders);
	ferry_event_set(&event);
	cr_assert_eq(ferry_loop_run(loop), 0);
	cr_assert(diary_is("a- a) b+ b- b) c+ c- c) d+ d- d) e+ e- e)"));
}

/* Whoever gives it up cannot have it again before those who wait. */
Test(lock, it_is_the_next_ones_in_the_step_that_gives_it_up, .init = begin, .fini = end)
{
	struct holder a = { .name = "a", .holds = &event.awaitable, .again = true };
	struct holder b = { .name = "b" }, c = { .name = "c" };

	holder_begin(&a);
	holder_begin(&b);
	holder_begin(&c);
	ferry_event_set(&event);
	cr_assert_eq(ferry_loop_run(loop), 0);
	cr_assert(diary_is("a: a+ b: c: a- b+ b- b) c+ c- c) a++ a)"));
}

static ferry_step newcomer_step(ferry_task *task)
{
	FERRY_BEGIN(task, struct holder, f);
	cr_assert_eq(ferry_lock_release(&lock), -EPERM, "it was given away");
	FERRY_TRY(ferry_lock_acquire(&lock));
	FERRY_RETURN(diary_note("newcomer+"));

	FERRY_FINALLY
	FERRY_END;
}

static struct holder newcomer;

static void give_up_and_begin(struct actor *actor)
{
	cr_assert_eq(ferry_lock_release(&lock), 0);
	cr_assert_neq(ferry_lock_owner(&lock), &actor->task);
	ferry_task_begin(&newcomer.task, loop, newcomer_step, NULL);
}

static ferry_step giver_step(ferry_task *task)
{
	FERRY_BEGIN(task, struct actor, f);
	FERRY_TRY(ferry_lock_acquire(&lock));
	FERRY_TRY(&event);
	FERRY_RETURN(give_up_and_begin(f));

	FERRY_FINALLY
	FERRY_END;
}

Test(lock, nobody_can_come_in_between, .init = begin, .fini = end)
{
	struct actor giver = { .name = "giver" };
	struct holder waits = { .name = "w" };

	ferry_task_begin(&giver.task, loop, giver_step, NULL);
	holder_begin(&waits);
	ferry_event_set(&event);
	cr_assert_eq(ferry_loop_run(loop), 0);
	cr_assert(diary_is("w: w+ w- w) newcomer+"));
}

Test(lock, who_has_it_cannot_have_it_twice_and_still_has_it, .init = begin, .fini = end)
{
	struct holder a = { .name = "a", .keeps = true, .again = true };

	holder_begin(&a);
	cr_assert(diary_is("a: a+ a)"));
	cr_assert_eq(ferry_error_errno(ferry_task_snapshot(&a.task).exception), EDEADLK);
}

/* ---- given back ---- */

static void release_elsewhere(struct actor *actor)
{
	(void)actor;
	diary_note("%d", ferry_lock_release(&lock));
}

static void release_in_a_callback(ferry_loop *which, void *user)
{
	(void)which, (void)user;
	diary_note("%d", ferry_lock_release(&lock));
}

Test(lock, nobody_else_can_give_it_back, .init = begin, .fini = end)
{
	struct holder a = { .name = "a", .holds = &event.awaitable };
	struct actor other = { .name = "o", .acts = release_elsewhere };

	actor_begin(&other, loop, NULL);
	cr_assert(diary_is("o: -1 o. o)"), "nobody has it");
	holder_begin(&a);
	actor_begin(&other, loop, NULL);
	cr_assert_eq(ferry_lock_release(&lock), -EPERM, "outside of steps");
	ferry_loop_call_soon(loop, release_in_a_callback, NULL);
	cr_assert_eq(ferry_loop_run(loop), 0);
	cr_assert(diary_is("a: a+ o: -1 o. o) -1"));
	cr_assert_eq(ferry_lock_owner(&lock), &a.task);
	ferry_event_set(&event);
	cr_assert_eq(ferry_loop_run(loop), 0);
	cr_assert(diary_is("a- a)"));
}

Test(lock, it_is_given_back_when_the_task_ends_however_it_does, .init = begin, .fini = end)
{
	static const struct {
		int fails;
		bool cancelled, at_once;
		enum actor_end end;
	} rows[] = {
		{ 0, false, false, ACTOR_RESULT },       /* it waits, and returns, */
		{ -EIO, false, false, ACTOR_EXCEPTION }, /* fails, */
		{ 0, true, false, ACTOR_CANCELLED },     /* or is cancelled; */
		{ 0, false, true, ACTOR_RESULT },        /* or it ends in its first step */
		{ -EIO, false, true, ACTOR_EXCEPTION },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct holder a = { .name = "a", .keeps = true, .fails = rows[i].fails };
		struct holder b = { .name = "b" };

		a.holds = rows[i].at_once ? NULL : &event.awaitable;
		holder_begin(&a);
		holder_begin(&b);
		cr_assert(diary_is(rows[i].at_once ? "a: a+ a) b: b+ b- b)" : "a: a+ b:"));
		if (rows[i].cancelled)
			ferry_task_cancel(&a.task);
		else if (!rows[i].at_once)
			ferry_event_set(&event);
		cr_assert_eq(ferry_loop_run(loop), 0);
		cr_assert(diary_is(rows[i].at_once ? "" : "a) b+ b- b)"));
		cr_assert_eq(ended(&a), rows[i].end);
		cr_assert_null(ferry_lock_owner(&lock));
		ferry_event_clear(&event);
	}
}

static ferry_lock second;

static ferry_step both_step(ferry_task *task)
{
	FERRY_BEGIN(task, struct actor, f);
	FERRY_TRY(ferry_lock_acquire(&lock));
	FERRY_TRY(ferry_lock_acquire(&second));
	FERRY_TRY(&event);
	FERRY_RETURN();

	FERRY_FINALLY
	FERRY_END;
}

static ferry_step second_step(ferry_task *task)
{
	FERRY_BEGIN(task, struct actor, f);
	FERRY_TRY(ferry_lock_acquire(&second));
	FERRY_RETURN(diary_note("second+"));

	FERRY_FINALLY
	FERRY_END;
}

Test(lock, a_task_that_ends_gives_back_all_that_it_has, .init = begin, .fini = end)
{
	struct actor both = { .name = "both" }, other = { .name = "other" };
	struct holder a = { .name = "a" };

	cr_assert_eq(ferry_lock_init(&second, loop), 0);
	ferry_task_begin(&both.task, loop, both_step, NULL);
	holder_begin(&a);
	ferry_task_begin(&other.task, loop, second_step, NULL);
	ferry_event_set(&event);
	cr_assert_eq(ferry_loop_run(loop), 0);
	cr_assert(diary_is("a: second+ a+ a- a)"));
	cr_assert_null(ferry_lock_owner(&second));
}

static ferry_step cleaning_step(ferry_task *task)
{
	FERRY_BEGIN(task, struct actor, f);
	FERRY_RETURN();

	FERRY_FINALLY
	FERRY_AWAIT(ferry_lock_acquire(&lock));
	diary_note("clean");
	cr_assert_eq(ferry_lock_release(&lock), 0);
	cr_assert_eq(ferry_lock_release(&lock), -EPERM, "by one who does not know it");
	FERRY_END;
}

Test(lock, T7_who_cleans_up_gets_it_though_he_is_cancelled, .init = begin, .fini = end)
{
	struct holder a = { .name = "a", .holds = &event.awaitable };
	struct actor cleans = { .name = "c" };

	holder_begin(&a);
	ferry_task_begin(&cleans.task, loop, cleaning_step, NULL);
	ferry_task_cancel(&cleans.task);
	ferry_event_set(&event);
	cr_assert_eq(ferry_loop_run(loop), 0);
	cr_assert(diary_is("a: a+ a- a) clean"));
}

/* ---- cancelled ---- */

Test(lock, T7_who_is_cancelled_while_he_waits_leaves_the_others_their_order, .init = begin,
     .fini = end)
{
	static const char *const told[] = { NULL, "b) a- a) c+ c- c) d+ d- d) e+ e- e)",
					    "c) a- a) b+ b- b) d+ d- d) e+ e- e)",
					    "d) a- a) b+ b- b) c+ c- c) e+ e- e)",
					    "e) a- a) b+ b- b) c+ c- c) d+ d- d)" };

	for (int i = 1; i < HOLDERS; i++) {
		struct holder holders[HOLDERS];

		queue_up(holders);
		cr_assert_eq(ferry_task_cancel(&holders[i].task), 0);
		ferry_event_set(&event);
		cr_assert_eq(ferry_loop_run(loop), 0);
		cr_assert(diary_is(told[i]));
		cr_assert_eq(ended(&holders[i]), ACTOR_CANCELLED);
		cr_assert_not(holders[i].got);
		ferry_event_clear(&event);
	}
}

Test(lock, T7_all_who_wait_may_be_cancelled, .init = begin, .fini = end)
{
	struct holder holders[HOLDERS];

	queue_up(holders);
	for (int i = HOLDERS - 1; i > 0; i--)
		ferry_task_cancel(&holders[i].task);
	cr_assert_eq(ferry_loop_run(loop), 0);
	cr_assert(diary_is("e) d) c) b)"));
	cr_assert_eq(ferry_lock_owner(&lock), &holders[0].task);
	ferry_event_set(&event);
	cr_assert_eq(ferry_loop_run(loop), 0);
	cr_assert(diary_is("a- a)"));
}

Test(lock, T7_who_is_cancelled_when_he_has_been_given_it_keeps_it, .init = begin, .fini = end)
{
	ferry_operation never;
	struct holder a = { .name = "a", .holds = &event.awaitable };
	struct holder b = { .name = "b", .holds = &never.awaitable }, c = { .name = "c" };

	ferry_operation_init(&never, NULL);
	holder_begin(&a);
	holder_begin(&b);
	holder_begin(&c);
	ferry_event_set(&event);
	cr_assert_eq(ferry_loop_run_once(loop, 0), 1);
	cr_assert(diary_is("a: a+ b: c: a- a)"));
	cr_assert_eq(ferry_lock_owner(&lock), &b.task, "and has not gone on yet");
	ferry_task_cancel(&b.task);
	cr_assert_eq(ferry_lock_owner(&lock), &b.task);
	cr_assert_eq(ferry_loop_run(loop), 0);
	cr_assert(diary_is("b+ b) c+ c- c)"), "the cancel is found at the next wait");
	cr_assert_eq(ended(&b), ACTOR_CANCELLED);
}

Test(lock, T7_without_another_wait_he_ends_with_a_result, .init = begin, .fini = end)
{
	struct holder a = { .name = "a", .holds = &event.awaitable }, b = { .name = "b" };

	holder_begin(&a);
	holder_begin(&b);
	ferry_event_set(&event);
	cr_assert_eq(ferry_loop_run_once(loop, 0), 1);
	ferry_task_cancel(&b.task);
	cr_assert_eq(ferry_loop_run(loop), 0);
	cr_assert(diary_is("a: a+ b: a- a) b+ b- b)"));
	cr_assert_eq(ended(&b), ACTOR_RESULT);
}

Test(lock, who_waits_shielded_is_cut_and_not_left_in_the_line, .init = begin, .fini = end)
{
	struct holder a = { .name = "a", .holds = &event.awaitable };
	struct holder b = { .name = "b", .shielded = true }, c = { .name = "c" };

	holder_begin(&a);
	holder_begin(&b);
	holder_begin(&c);
	ferry_task_cancel(&b.task);
	ferry_event_set(&event);
	cr_assert_eq(ferry_loop_run(loop), 0);
	cr_assert(diary_is("a: a+ b: c: b) a- a) c+ c- c)"));
}

/* ---- what it costs ---- */

static ferry_step thousand_step(ferry_task *task)
{
	FERRY_BEGIN(task, struct holder, f);
	static int i;
	for (i = 0; i < 1000; i++) {
		FERRY_TRY(ferry_lock_acquire(&lock));
		cr_assert_eq(ferry_lock_release(&lock), 0);
	}
	FERRY_RETURN(diary_note("thousand"));

	FERRY_FINALLY
	FERRY_END;
}

Test(lock, T5_it_allocates_nothing_and_takes_no_turn_where_nobody_waits, .init = begin, .fini = end)
{
	struct spending before = spending_of(loop), spent;
	struct holder holders[HOLDERS], task = { .name = "t" };

	ferry_task_begin(&task.task, loop, thousand_step, NULL);
	cr_assert(diary_is("thousand"), "inside the call");
	queue_up(holders);
	spent = spending_since(loop, &before);
	cr_assert_eq(spent.turns, 0);
	cr_assert_eq(spent.blocks, 0);
	cr_assert_eq(spent.heap, 0);
	ferry_event_set(&event);
	cr_assert_eq(ferry_loop_run(loop), 0);
	spent = spending_since(loop, &before);
	cr_assert_eq(spent.callbacks, HOLDERS, "a step for each");
	cr_assert_eq(spent.blocks, 0);
	cr_assert_eq(spent.allocations, 0);
	cr_assert(diary_is("a- a) b+ b- b) c+ c- c) d+ d- d) e+ e- e)"));
}

/* ---- a turn that is over (T2) ---- */

static ferry_step refused_step(ferry_task *task)
{
	FERRY_BEGIN(task, struct holder, f);
	FERRY_YIELD();
	diary_note("%s:", f->name);
	FERRY_TRY(ferry_semaphore_acquire(NULL));
	diary_note("no error");
	FERRY_RETURN();

	FERRY_FINALLY
	diary_note("%s)", f->name);
	FERRY_END;
}

static ferry_step getting_step(ferry_task *task)
{
	FERRY_BEGIN(task, struct holder, f);
	FERRY_YIELD();
	diary_note("%s:", f->name);
	FERRY_TRY(ferry_lock_acquire(&lock));
	diary_note("%s+", f->name);
	cr_assert_eq(ferry_lock_release(&lock), 0);
	FERRY_RETURN();

	FERRY_FINALLY
	diary_note("%s)", f->name);
	FERRY_END;
}

/* Whether it was got or refused is found out in a later turn, when others have asked as well. */
Test(lock, T2_what_was_said_holds_when_the_turn_is_over)
{
	struct holder gets = { .name = "g" }, refused = { .name = "r" };

	begin_with(1);
	ferry_task_begin(&gets.task, loop, getting_step, NULL);
	ferry_task_begin(&refused.task, loop, refused_step, NULL);
	cr_assert_eq(ferry_loop_run(loop), 0);
	cr_assert(diary_is("g: r: g+ g) r)"));
	cr_assert_eq(ended(&gets), ACTOR_RESULT);
	cr_assert_eq(ferry_error_errno(ferry_task_snapshot(&refused.task).exception), EINVAL);
	/* The other way round. */
	ferry_task_begin(&refused.task, loop, refused_step, NULL);
	ferry_task_begin(&gets.task, loop, getting_step, NULL);
	cr_assert_eq(ferry_loop_run(loop), 0);
	cr_assert(diary_is("r: g: r) g+ g)"));
	end();
}

/* ---- the loop closes ---- */

Test(lock, L3_a_loop_that_closes_gives_it_to_nobody, .init = begin, .fini = end)
{
	struct holder holders[HOLDERS];

	queue_up(holders);
	cr_assert_eq(ferry_loop_free(loop), 0);
	loop = NULL;
	for (int i = 0; i < HOLDERS; i++)
		cr_assert(ferry_awaitable_snapshot(&holders[i].awaitable).cancelled);
	cr_assert_null(lock.owner);
}
