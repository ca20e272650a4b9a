/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Asynchronous iteration: one item for one question, and every way in which that can end. */
#include <criterion/criterion.h>
#include <limits.h>
#include <sys/resource.h>

#include "loop/loop.h"
#include "support/actor.h"
#include "support/exceptions.h"
#include "support/spending.h"
#include "task/step.h"

TestSuite(iterator, .timeout = 60);

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

static void run(void)
{
	cr_assert_eq(ferry_loop_run(loop), 0);
}

static void turn(void)
{
	cr_assert_geq(ferry_loop_run_once(loop, 0), 0);
}

/* ---- one who gives, one who asks ---- */

struct giver {
	FERRY_FRAME;
	ferry_iterator it;
	unsigned count, i;       /* gives 1 to count */
	unsigned yields, turn;   /* before each */
	ferry_awaitable *waits;  /* for this, before the last one; NULL: for nothing */
	int fails;               /* behind the last one; 0: it ends well */
	ferry_awaitable *cleans; /* what it waits for as it cleans up; NULL: nothing */
	uintptr_t extra;         /* an item that it gives as it cleans up; 0: none */
	bool is_silent;
};

static ferry_step giver_step(ferry_task *task)
{
	FERRY_BEGIN(task, struct giver, f);
	if (!f->is_silent)
		diary_note("g:");
	for (f->i = 1; f->i <= f->count; f->i++) {
		for (f->turn = 0; f->turn < f->yields; f->turn++)
			FERRY_YIELD();
		if (f->waits && f->i == f->count)
			FERRY_TRY((struct actor_awaited *)f->waits);
		FERRY_EMIT(&f->it, (void *)(uintptr_t)f->i);
	}
	if (f->fails)
		FERRY_FAIL(f->fails);
	FERRY_RETURN();

	FERRY_FINALLY
	if (!f->is_silent)
		diary_note("g)");
	if (f->extra)
		FERRY_AWAIT(ferry_iterator_emit(&f->it, (void *)f->extra));
	if (f->cleans)
		FERRY_AWAIT((struct actor_awaited *)f->cleans);
	FERRY_END;
}

static void giver_init(struct giver *giver)
{
	ferry_task_init(&giver->task, loop, giver_step, NULL);
	cr_assert_eq(ferry_iterator_init(&giver->it, &giver->task), 0);
}

struct asker {
	FERRY_FRAME;
	ferry_iterator *it;
	unsigned most, got;     /* how many it asks for; 0: all */
	ferry_awaitable *giver; /* that it waits for when it breaks off */
	bool is_silent;
};

static ferry_step asker_step(ferry_task *task)
{
	FERRY_BEGIN(task, struct asker, f);
	if (!f->is_silent)
		diary_note("a:");
	for (;;) {
		FERRY_TRY(ferry_iterator_next(f->it));
		if (f->it->ended)
			break;
		if (!f->is_silent)
			diary_note("%u", (unsigned)(uintptr_t)f->it->item);
		if (++f->got == f->most)
			break;
	}
	if (!f->is_silent)
		diary_note("a.");
	FERRY_RETURN();

	FERRY_FINALLY
	if (!f->is_silent)
		diary_note("a)");
	if (f->giver)
		FERRY_AWAIT((struct actor_awaited *)f->giver);
	FERRY_END;
}

static void asker_begin(struct asker *asker)
{
	ferry_task_begin(&asker->task, loop, asker_step, NULL);
}

static enum actor_end ended(ferry_task *task)
{
	return actor_end_of(ferry_task_snapshot(task));
}

static int error_of(const ferry_operation *operation)
{
	return ferry_error_errno(ferry_awaitable_snapshot(&operation->awaitable).exception);
}

/* ---- items ---- */

Test(iterator, T2_where_nobody_waits_no_turn_comes_between, .init = begin, .fini = end)
{
	struct giver giver = { .count = 5 };
	struct asker asker = { .it = &giver.it };

	giver_init(&giver);
	cr_assert(diary_is(""), "it begins with the first question");
	asker_begin(&asker);
	cr_assert(diary_is("a: g: 1 2 3 4 5 g) a. a)"));
	cr_assert_eq(fixture_loop_counters(loop).turns, 0);
	cr_assert_eq(fixture_loop_counters(loop).callbacks, 0);
	cr_assert_eq(ferry_loop_pending(loop), 0);
	cr_assert_eq(ended(&giver.task), ACTOR_RESULT);
	cr_assert(giver.it.ended);
	cr_assert_null(giver.it.item);
}

Test(iterator, one_of_nothing_ends_at_once, .init = begin, .fini = end)
{
	struct giver giver = { .count = 0 };
	struct asker asker = { .it = &giver.it };

	giver_init(&giver);
	asker_begin(&asker);
	cr_assert(diary_is("a: g: g) a. a)"));
}

Test(iterator, T2_a_hundred_thousand_items_do_not_nest, .init = begin, .fini = end)
{
	struct giver giver = { .count = 100000, .is_silent = true };

	giver_init(&giver);
	for (unsigned i = 1; i <= giver.count; i++) {
		ferry_operation *answer = ferry_iterator_next(&giver.it);

		cr_assert(ferry_awaitable_snapshot(&answer->awaitable).done);
		cr_assert_eq((uintptr_t)giver.it.item, i);
	}
	ferry_iterator_next(&giver.it);
	cr_assert(giver.it.ended);
}

Test(iterator, where_the_one_who_gives_waits_so_does_the_one_who_asks, .init = begin, .fini = end)
{
	struct giver giver = { .count = 3, .waits = &event.awaitable };
	struct asker asker = { .it = &giver.it };

	giver_init(&giver);
	asker_begin(&asker);
	cr_assert(diary_is("a: g: 1 2"));
	run();
	cr_assert(diary_is(""));
	ferry_event_set(&event);
	cr_assert_eq(ferry_loop_run_once(loop, 0), 1);
	cr_assert(diary_is(""), "the one who gives was woken, and has given");
	cr_assert_eq(ferry_loop_run_once(loop, 0), 1);
	cr_assert(diary_is("3 g) a. a)"));
}

Test(iterator, each_may_take_turns, .init = begin, .fini = end)
{
	struct giver giver = { .count = 3, .yields = 2 };
	struct asker asker = { .it = &giver.it };

	giver_init(&giver);
	asker_begin(&asker);
	run();
	cr_assert(diary_is("a: g: 1 2 3 g) a. a)"));
	cr_assert_eq(fixture_loop_counters(loop).callbacks, 3 * 3,
		     "two yields and a step for each");
}

/* ---- the end ---- */

Test(iterator, its_exception_is_the_questions, .init = begin, .fini = end)
{
	for (int waits = 0; waits < 2; waits++) {
		struct giver giver = { .count = 2, .fails = -EIO };
		struct asker asker = { .it = &giver.it };

		giver.yields = waits;
		giver_init(&giver);
		asker_begin(&asker);
		run();
		cr_assert(diary_is("a: g: 1 2 g) a)"));
		cr_assert_eq(ferry_error_errno(ferry_task_snapshot(&asker.task).exception), EIO);
		cr_assert(giver.it.ended);
		/* Whoever asks again is told the same. */
		cr_assert_eq(error_of(ferry_iterator_next(&giver.it)), EIO);
		cr_assert_eq(error_of(ferry_iterator_next(&giver.it)), EIO);
	}
}

/* By hand, with nobody who waits: it stays with the iteration until it is tried. */
Test(iterator, E2_its_exception_goes_with_who_asked, .init = begin, .fini = end)
{
	struct actor giver = { .name = "g", .error = exception_new("e") };
	struct actor taker = { .name = "t", .tries = true };
	ferry_iterator it;

	actor_init(&giver, loop, NULL);
	cr_assert_eq(ferry_iterator_init(&it, &giver.task), 0);
	taker.awaits = &ferry_iterator_next(&it)->awaitable;
	cr_assert_eq(it.ended, 1);
	cr_assert_eq(ferry_task_clear(&giver.task), 0);
	cr_assert_eq(exceptions_alive, 1, "the question has it");
	cr_assert_eq(ferry_iterator_next(&it), &it.asked);
	cr_assert_str_eq(exception_of(&it.asked.awaitable), "e", "and so has the next one");
	actor_begin(&taker, loop, NULL);
	cr_assert_str_eq(exception_of_task(&taker.task), "e");
	ferry_task_clear(&taker.task);
	cr_assert_eq(exceptions_alive, 0);
	ferry_iterator_next(&it);
	cr_assert_not_null(ferry_awaitable_snapshot(&it.asked.awaitable).exception);
	diary[0] = 0;
}

Test(iterator, asking_behind_the_end_is_the_end_again, .init = begin, .fini = end)
{
	struct giver giver = { .count = 1 };
	ferry_operation *answer;

	giver_init(&giver);
	ferry_iterator_next(&giver.it);
	for (int i = 0; i < 3; i++) {
		answer = ferry_iterator_next(&giver.it);
		cr_assert_eq(actor_end_of(ferry_awaitable_snapshot(&answer->awaitable)),
			     ACTOR_RESULT);
		cr_assert(giver.it.ended);
		cr_assert_null(giver.it.item);
	}
	cr_assert(diary_is("g: g)"));
}

Test(iterator, one_who_has_ended_gives_nothing, .init = begin, .fini = end)
{
	struct giver giver = { .count = 0 };

	ferry_task_begin(&giver.task, loop, giver_step, NULL);
	cr_assert_eq(ferry_iterator_init(&giver.it, &giver.task), -EALREADY);
	cr_assert_eq(ferry_iterator_init(NULL, &giver.task), -EALREADY);
	cr_assert_eq(ferry_iterator_init(&giver.it, NULL), -EINVAL);
	cr_assert(diary_is("g: g)"));
}

/* ---- cancelled ---- */

Test(iterator, T7_cancelling_who_asks_cancels_who_gives_and_waits_for_him, .init = begin,
     .fini = end)
{
	ferry_operation never;
	struct giver giver = { .count = 2, .waits = &never.awaitable, .cleans = &event.awaitable };
	struct asker asker = { .it = &giver.it };

	ferry_operation_init(&never, NULL);
	giver_init(&giver);
	asker_begin(&asker);
	cr_assert(diary_is("a: g: 1"));
	cr_assert_eq(ferry_task_cancel(&asker.task), 0);
	cr_assert_eq(ferry_task_cancels(&giver.task), 1);
	run();
	cr_assert(diary_is("g)"), "the one who asks waits on while the other cleans up");
	cr_assert_eq(ferry_task_cancel(&asker.task), 0);
	run();
	cr_assert(diary_is(""));
	ferry_event_set(&event);
	run();
	cr_assert(diary_is("a)"));
	cr_assert_eq(ended(&giver.task), ACTOR_CANCELLED);
	cr_assert_eq(ended(&asker.task), ACTOR_CANCELLED);
}

Test(iterator, T7_an_item_that_came_is_not_lost_by_the_cancel, .init = begin, .fini = end)
{
	struct giver giver = { .count = 2, .waits = &event.awaitable };
	struct asker asker = { .it = &giver.it };

	giver_init(&giver);
	asker_begin(&asker);
	ferry_event_set(&event);
	turn();
	ferry_task_cancel(&asker.task);
	cr_assert_eq(ferry_task_cancels(&giver.task), 0, "nobody waits for it any more");
	run();
	cr_assert(diary_is("a: g: 1 2 g) a. a)"), "to its end, since nobody had to wait");
	cr_assert_eq(ended(&asker.task), ACTOR_RESULT);
}

/* It is asked to end, and gives one more item as it cleans up. */
Test(iterator, T7_an_item_may_come_instead_of_the_end, .init = begin, .fini = end)
{
	ferry_operation never;
	struct giver giver = { .count = 2, .waits = &never.awaitable, .extra = 9 };
	struct asker asker = { .it = &giver.it, .most = 2 };

	ferry_operation_init(&never, NULL);
	giver_init(&giver);
	asker_begin(&asker);
	ferry_task_cancel(&asker.task);
	run();
	cr_assert(diary_is("a: g: 1 g) 9 a. a)"));
	cr_assert_eq(ended(&asker.task), ACTOR_RESULT);
	ferry_iterator_next(&giver.it);
	cr_assert(giver.it.ended);
	cr_assert_eq(ended(&giver.task), ACTOR_CANCELLED);
}

Test(iterator, one_who_gives_and_is_cancelled_ends_the_question_as_cancelled, .init = begin,
     .fini = end)
{
	ferry_operation never;
	struct giver giver = { .count = 2, .waits = &never.awaitable };
	struct asker asker = { .it = &giver.it };

	ferry_operation_init(&never, NULL);
	giver_init(&giver);
	asker_begin(&asker);
	ferry_task_cancel(&giver.task);
	run();
	cr_assert(diary_is("a: g: 1 g) a)"));
	cr_assert_eq(ended(&asker.task), ACTOR_CANCELLED);
	cr_assert_eq(ferry_task_cancels(&asker.task), 0, "it was not cancelled itself");
}

Test(iterator, one_who_waits_to_be_asked_can_be_cancelled, .init = begin, .fini = end)
{
	struct giver giver = { .count = 3 };
	ferry_operation *answer;

	giver_init(&giver);
	ferry_iterator_next(&giver.it);
	cr_assert(diary_is("g:"));
	ferry_task_cancel(&giver.task);
	run();
	cr_assert(diary_is("g)"));
	answer = ferry_iterator_next(&giver.it);
	cr_assert_eq(actor_end_of(ferry_awaitable_snapshot(&answer->awaitable)), ACTOR_CANCELLED);
	cr_assert(giver.it.ended);
}

/* He is cancelled, and asked before he has gone on: there will be no item. */
Test(iterator, one_who_was_cancelled_before_he_is_asked_ends, .init = begin, .fini = end)
{
	struct giver giver = { .count = 3 };
	struct asker asker = { .it = &giver.it };

	giver_init(&giver);
	ferry_iterator_next(&giver.it);
	ferry_task_cancel(&giver.task);
	asker_begin(&asker);
	run();
	cr_assert(diary_is("g: a: g) a)"));
	cr_assert_eq(ended(&asker.task), ACTOR_CANCELLED);
}

Test(iterator, T3_one_who_was_cancelled_before_the_first_question_only_cleans_up, .init = begin,
     .fini = end)
{
	struct giver giver = { .count = 3 };
	struct asker asker = { .it = &giver.it };

	giver_init(&giver);
	ferry_task_cancel(&giver.task);
	asker_begin(&asker);
	run();
	cr_assert(diary_is("a: g) a)"));
	cr_assert_eq(ended(&asker.task), ACTOR_CANCELLED);
}

Test(iterator, T3_one_who_is_scheduled_gives_when_he_has_begun, .init = begin, .fini = end)
{
	for (int cancelled = 0; cancelled < 2; cancelled++) {
		struct giver giver = { .count = 1 };
		struct asker asker = { .it = &giver.it };

		giver_init(&giver);
		cr_assert_eq(ferry_task_schedule(&giver.task), 0);
		asker_begin(&asker);
		cr_assert(diary_is("a:"), "whoever asked for lazy gets a turn");
		if (cancelled)
			ferry_task_cancel(&asker.task);
		run();
		cr_assert(diary_is(cancelled ? "g) a)" : "g: 1 g) a. a)"));
		cr_assert_eq(ended(&asker.task), cancelled ? ACTOR_CANCELLED : ACTOR_RESULT);
	}
}

Test(iterator, who_breaks_off_cancels_the_task_and_waits_for_it, .init = begin, .fini = end)
{
	struct giver giver = { .count = 5, .cleans = &event.awaitable };
	struct asker asker = { .it = &giver.it, .most = 2, .giver = &giver.awaitable };

	giver_init(&giver);
	asker_begin(&asker);
	cr_assert(diary_is("a: g: 1 2 a. a)"));
	cr_assert_eq(ferry_task_cancel(&giver.task), 0);
	run();
	cr_assert(diary_is("g)"));
	cr_assert_eq(ended(&asker.task), ACTOR_PENDING);
	ferry_event_set(&event);
	run();
	cr_assert_eq(ended(&giver.task), ACTOR_CANCELLED);
	cr_assert_eq(ended(&asker.task), ACTOR_RESULT);
}

/* ---- who may ask, and give ---- */

Test(iterator, one_question_at_a_time, .init = begin, .fini = end)
{
	struct giver giver = { .count = 1, .waits = &event.awaitable };
	struct asker asker = { .it = &giver.it }, other = { .it = &giver.it };

	giver_init(&giver);
	asker_begin(&asker);
	cr_assert_eq(error_of(ferry_iterator_next(&giver.it)), EBUSY);
	asker_begin(&other);
	cr_assert(diary_is("a: g: a: a)"));
	cr_assert_eq(ferry_error_errno(ferry_task_snapshot(&other.task).exception), EBUSY);
	ferry_event_set(&event);
	run();
	cr_assert(diary_is("1 g) a. a)"), "the first one is not disturbed");
}

static struct giver selfish;

static ferry_step selfish_step(ferry_task *task)
{
	FERRY_BEGIN(task, struct giver, f);
	cr_assert_eq(error_of(ferry_iterator_next(&f->it)), EBUSY);
	FERRY_TRY(ferry_iterator_next(&f->it));
	FERRY_RETURN();

	FERRY_FINALLY
	FERRY_END;
}

Test(iterator, one_who_gives_cannot_ask_himself, .init = begin, .fini = end)
{
	ferry_task_init(&selfish.task, loop, selfish_step, NULL);
	cr_assert_eq(ferry_iterator_init(&selfish.it, &selfish.task), 0);
	cr_assert_eq(error_of(ferry_iterator_next(&selfish.it)), EBUSY, "what he ended with");
}

static void ask(ferry_loop *which, void *it)
{
	ferry_operation *answer = ferry_iterator_next(it);

	(void)which;
	cr_assert(ferry_awaitable_snapshot(&answer->awaitable).done);
	diary_note("%u", (unsigned)(uintptr_t)((ferry_iterator *)it)->item);
}

static void answered(ferry_waiter *waiter)
{
	(void)waiter;
	diary_note("answered");
}

Test(iterator, it_can_be_asked_from_a_callback_and_from_nowhere, .init = begin, .fini = end)
{
	struct giver giver = { .count = 4, .waits = &event.awaitable };
	ferry_waiter waiter = { .notify = answered };
	ferry_operation *answer;

	giver_init(&giver);
	cr_assert_eq(ferry_loop_call_soon(loop, ask, &giver.it), 0);
	cr_assert_eq(ferry_loop_call_soon(loop, ask, &giver.it), 0);
	run();
	cr_assert(diary_is("g: 1 2"));
	ask(loop, &giver.it);
	cr_assert(diary_is("3"));
	answer = ferry_iterator_next(&giver.it);
	cr_assert_eq(ferry_awaitable_attach(&answer->awaitable, loop, &waiter), 0);
	ferry_event_set(&event);
	run();
	cr_assert(diary_is("answered"));
	cr_assert_eq(giver.it.item, (void *)4);
	ferry_iterator_next(&giver.it);
	cr_assert(diary_is("g)"));
}

static void emit_elsewhere(struct actor *actor)
{
	ferry_iterator *it = actor->user;

	diary_note("%d", error_of(ferry_iterator_emit(it, NULL)));
}

Test(iterator, only_the_one_who_was_asked_can_give, .init = begin, .fini = end)
{
	struct giver giver = { .count = 1, .waits = &event.awaitable }, eager = { .count = 1 };
	struct actor other = { .name = "o", .acts = emit_elsewhere, .user = &giver.it };

	giver_init(&giver);
	ferry_iterator_next(&giver.it);
	actor_begin(&other, loop, NULL);
	cr_assert_eq(error_of(ferry_iterator_emit(&giver.it, NULL)), EPERM, "outside of steps");
	cr_assert(diary_is("g: o: 1 o. o)"));
	ferry_event_set(&event);
	run();
	ferry_iterator_next(&giver.it);
	cr_assert(diary_is("g)"));
	/* One that was begun without a question. */
	giver_init(&eager);
	cr_assert_eq(ferry_task_start(&eager.task), 0);
	cr_assert(diary_is("g: g)"));
	cr_assert_eq(ferry_error_errno(ferry_task_snapshot(&eager.task).exception), EPERM);
}

/* ---- deep ---- */

#define LAYERS 1000

struct layer {
	FERRY_FRAME;
	ferry_iterator it;
	ferry_iterator *below;
	unsigned deepest;
};

static struct layer layers[LAYERS];
static unsigned deepest;

static ferry_step layer_step(ferry_task *task)
{
	FERRY_BEGIN(task, struct layer, f);
	for (;;) {
		if (loop->activation->depth > deepest)
			deepest = loop->activation->depth;
		FERRY_TRY(ferry_iterator_next(f->below));
		if (f->below->ended)
			break;
		FERRY_EMIT(&f->it, f->below->item);
	}
	FERRY_RETURN();

	FERRY_FINALLY
	FERRY_END;
}

Test(iterator, T2_an_iteration_over_an_iteration_a_thousand_deep, .init = begin, .fini = end)
{
	struct giver giver = { .count = 20, .is_silent = true };
	struct asker asker = { .it = &layers[LAYERS - 1].it };

	giver_init(&giver);
	for (int i = 0; i < LAYERS; i++) {
		layers[i].below = i ? &layers[i - 1].it : &giver.it;
		ferry_task_init(&layers[i].task, loop, layer_step, NULL);
		cr_assert_eq(ferry_iterator_init(&layers[i].it, &layers[i].task), 0);
	}
	asker_begin(&asker);
	run();
	cr_assert(diary_is("a: 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 a. a)"));
	cr_assert_gt(deepest, 1);
	cr_assert_leq(deepest, STEP_DEPTH_MOST, "the stack is bounded");
	for (int i = 0; i < LAYERS; i++)
		cr_assert_eq(ended(&layers[i].task), ACTOR_RESULT);
}

Test(iterator, T7_a_cancel_reaches_the_bottom_and_comes_back, .init = begin, .fini = end)
{
	ferry_operation never;
	struct giver giver = { .count = 1, .waits = &never.awaitable };
	struct asker asker = { .it = &layers[LAYERS - 1].it };

	ferry_operation_init(&never, NULL);
	giver_init(&giver);
	for (int i = 0; i < LAYERS; i++) {
		layers[i].below = i ? &layers[i - 1].it : &giver.it;
		ferry_task_init(&layers[i].task, loop, layer_step, NULL);
		cr_assert_eq(ferry_iterator_init(&layers[i].it, &layers[i].task), 0);
	}
	asker_begin(&asker);
	run();
	cr_assert(diary_is("a: g:"));
	ferry_task_cancel(&asker.task);
	run();
	cr_assert(diary_is("g) a)"));
	for (int i = 0; i < LAYERS; i++)
		cr_assert_eq(ended(&layers[i].task), ACTOR_CANCELLED);
}

#define MANY_LAYERS 100000

/* On a stack that would be too small by far for one call inside of the other. */
Test(iterator, T7_a_cancel_passes_through_a_hundred_thousand_without_recursion, .init = begin,
     .fini = end)
{
	struct layer *many = calloc(MANY_LAYERS, sizeof(*many));
	struct giver giver = { .count = 1, .waits = &event.awaitable, .is_silent = true };
	struct asker asker = { .it = &many[MANY_LAYERS - 1].it, .is_silent = true };
	const struct rlimit small = { 1 << 20, 1 << 20 };

	giver_init(&giver);
	for (int i = 0; i < MANY_LAYERS; i++) {
		many[i].below = i ? &many[i - 1].it : &giver.it;
		ferry_task_init(&many[i].task, loop, layer_step, NULL);
		cr_assert_eq(ferry_iterator_init(&many[i].it, &many[i].task), 0);
	}
	asker_begin(&asker);
	run();
	cr_assert_eq(setrlimit(RLIMIT_STACK, &small), 0);
	cr_assert_eq(ferry_task_cancel(&asker.task), 0);
	run();
	cr_assert_eq(ended(&asker.task), ACTOR_CANCELLED);
	for (int i = 0; i < MANY_LAYERS; i++)
		cr_assert_eq(ended(&many[i].task), ACTOR_CANCELLED);
	free(many);
}

/* ---- one who gives, and waits for something else as well ---- */

static struct busy_giver {
	FERRY_FRAME;
	ferry_iterator it;
	ferry_operation *wanted;
	ferry_operation other;
	ferry_gather gather;
	ferry_gather_entry entries[2];
	unsigned i;
} busy_giver;

static ferry_step busy_giver_step(ferry_task *task)
{
	FERRY_BEGIN(task, struct busy_giver, f);
	for (f->i = 1; f->i <= 2; f->i++) {
		cr_assert_eq(ferry_operation_init(&f->other, NULL), 0);
		f->wanted = ferry_iterator_emit(&f->it, (void *)(uintptr_t)f->i);
		f->entries[0].of = &f->wanted->awaitable;
		f->entries[1].of = &f->other.awaitable;
		FERRY_AWAIT(ferry_gather_begin(&f->gather, loop, f->entries, 2, FERRY_GATHER_ANY));
		cr_assert(ferry_awaitable_snapshot(&f->gather.awaitable).done);
		diary_note(ferry_awaitable_snapshot(&f->other.awaitable).done ? "other" : "wanted");
		memset(f->entries, 0xa5, sizeof(f->entries));
	}
	FERRY_RETURN();

	FERRY_FINALLY
	diary_note("g)");
	FERRY_END;
}

static void begin_busy_giver(void)
{
	ferry_task_init(&busy_giver.task, loop, busy_giver_step, NULL);
	cr_assert_eq(ferry_iterator_init(&busy_giver.it, &busy_giver.task), 0);
}

Test(iterator, T2_one_who_waits_for_more_than_the_next_question_goes_on_when_that_says_so,
     .init = begin, .fini = end)
{
	struct asker asker = { .it = &busy_giver.it };

	begin_busy_giver();
	asker_begin(&asker);
	cr_assert(diary_is("a: 1"));
	run();
	cr_assert(diary_is("wanted 2 wanted g) a. a)"));
	cr_assert_eq(ended(&asker.task), ACTOR_RESULT);
}

Test(iterator, who_gives_may_go_on_before_he_is_asked, .init = begin, .fini = end)
{
	struct asker asker = { .it = &busy_giver.it, .most = 1 };

	begin_busy_giver();
	asker_begin(&asker);
	cr_assert(diary_is("a: 1 a. a)"));
	cr_assert_eq(ferry_operation_complete(&busy_giver.other, loop, 0), 0);
	run();
	cr_assert(diary_is("other wanted g)"), "nobody wanted the second one, as he was told");
}

static void note_asked(ferry_waiter *node)
{
	(void)node;
	diary_note("asked");
}

/* Others may wait for the next question, too: each is told in his turn. */
Test(iterator, L2_all_who_wait_for_the_next_question_hear_of_it_in_order, .init = begin,
     .fini = end)
{
	struct giver giver = { .count = 2 };
	struct asker first = { .it = &giver.it, .most = 1, .is_silent = true };
	struct asker asker = { .it = &giver.it };
	struct actor beside = { .name = "b", .awaits = &giver.it.wanted.awaitable };
	ferry_waiter node = { NULL, note_asked };

	giver_init(&giver);
	asker_begin(&first);
	actor_begin(&beside, loop, NULL);
	cr_assert_eq(ferry_awaitable_attach(&giver.it.wanted.awaitable, loop, &node), 0);
	cr_assert(diary_is("g: b:"));
	asker_begin(&asker);
	cr_assert(diary_is("a:"));
	run();
	cr_assert(diary_is("b. b) asked 2 g) a. a)"));
}

/* ---- forks ---- */

static pid_t forked;

static ferry_step forking_step(ferry_task *task)
{
	FERRY_BEGIN(task, struct giver, f);
	forked = fork();
	if (!forked && ferry_loop_free(loop))
		_exit(100);
	FERRY_EMIT(&f->it, NULL);
	FERRY_RETURN();

	FERRY_FINALLY
	FERRY_END;
}

Test(iterator, P6_a_child_may_free_the_loop_where_it_gives, .init = begin, .fini = end)
{
	struct giver giver = { .count = 1 };
	ferry_operation *asked;
	int status;

	ferry_loop_ref(loop);
	ferry_task_init(&giver.task, loop, forking_step, NULL);
	cr_assert_eq(ferry_iterator_init(&giver.it, &giver.task), 0);
	asked = ferry_iterator_next(&giver.it);
	if (!forked)
		_exit(loop->refs == 1 ? 0 : 101);
	cr_assert_eq(waitpid(forked, &status, 0), forked);
	cr_assert_eq(status, 0);
	cr_assert(ferry_awaitable_snapshot(&asked->awaitable).done);
	ferry_iterator_next(&giver.it);
	cr_assert(giver.it.ended);
	ferry_loop_unref(loop);
}

/* ---- memory ---- */

static void free_giver(ferry_task *task, void *user)
{
	(void)user;
	diary_note("freed");
	free(container(task, struct giver, task));
}

/* Whoever asks looks at it once more, and then it may be gone. */
Test(iterator, who_asked_has_gone_on_before_the_end_takes_the_memory_away, .init = begin,
     .fini = end)
{
	for (int waits = 0; waits < 2; waits++)
		for (int fails = 0; fails < 2; fails++) {
			struct giver *giver = calloc(1, sizeof(*giver));
			struct asker asker = { .it = &giver->it };

			giver->count = 2;
			giver->cleans = waits ? &event.awaitable : NULL;
			giver->fails = fails ? -EIO : 0;
			ferry_task_init(&giver->task, loop, giver_step,
					OPTIONS_OF(.cleanup = free_giver));
			cr_assert_eq(ferry_iterator_init(&giver->it, &giver->task), 0);
			asker_begin(&asker);
			if (waits)
				ferry_event_set(&event);
			run();
			cr_assert(diary_is(fails ? "a: g: 1 2 g) a) freed"
						 : "a: g: 1 2 g) a. a) freed"));
			cr_assert_eq(ended(&asker.task), fails ? ACTOR_EXCEPTION : ACTOR_RESULT);
			ferry_task_clear(&asker.task);
			ferry_event_clear(&event);
		}
}

/* Wherever the turn is over as he asks or goes on. */
Test(iterator, T2_who_asked_has_gone_on_before_that_though_the_turn_was_over)
{
	for (unsigned budget = 1; budget < 10; budget++) {
		ferry_loop_options options = FERRY_LOOP_OPTIONS_INIT;
		struct giver *giver = calloc(1, sizeof(*giver));
		struct asker asker = { .it = &giver->it };

		options.budget = budget;
		cr_assert_eq(ferry_loop_new(&options, &loop), 0);
		giver->count = 2;
		giver->is_silent = true;
		ferry_task_init(&giver->task, loop, giver_step, OPTIONS_OF(.cleanup = free_giver));
		cr_assert_eq(ferry_iterator_init(&giver->it, &giver->task), 0);
		ferry_task_begin(&asker.task, loop, asker_step,
				 OPTIONS_OF(.start = FERRY_START_LAZY));
		run();
		cr_assert(diary_is("a: 1 2 a. a) freed"));
		end();
	}
}

/* A loop that gives and asks without end still has its turns. */
static void stop(ferry_loop *which, void *user)
{
	struct giver *giver = user;

	ferry_loop_stop(which);
	giver->count = giver->i;
}

Test(iterator, T2_an_iteration_without_end_keeps_nobody_waiting, .init = begin, .fini = end)
{
	struct giver giver = { .count = UINT_MAX, .is_silent = true };
	struct asker asker = { .it = &giver.it, .is_silent = true };

	giver_init(&giver);
	ferry_task_begin(&asker.task, loop, asker_step, OPTIONS_OF(.start = FERRY_START_LAZY));
	cr_assert_eq(ferry_loop_call_soon(loop, stop, &giver), 0);
	cr_assert_eq(ferry_loop_run(loop), 1);
	cr_assert_gt(giver.i, 0);
	run();
	cr_assert_eq(ended(&asker.task), ACTOR_RESULT);
}

Test(iterator, T5_it_allocates_nothing, .init = begin, .fini = end)
{
	struct spending before = spending_of(loop), spent;
	struct giver giver = { .count = 2, .waits = &event.awaitable };
	struct asker asker = { .it = &giver.it };

	giver_init(&giver);
	asker_begin(&asker);
	spent = spending_since(loop, &before);
	cr_assert_eq(spent.blocks, 0);
	cr_assert_eq(spent.heap, 0);
	cr_assert_eq(spent.turns, 0);
	ferry_event_set(&event);
	run();
	cr_assert_eq(spending_since(loop, &before).allocations, 0);
	cr_assert(diary_is("a: g: 1 2 g) a. a)"));
}

/* ---- refused ---- */

Test(iterator, E1_without_an_iterator_there_is_nothing, .init = begin)
{
	ferry_iterator zero = { .state = 0 };

	errno = 0;
	cr_assert_null(ferry_iterator_next(NULL));
	cr_assert_eq(errno, EINVAL);
	cr_assert_null(ferry_iterator_emit(NULL, NULL));
	cr_assert_eq(error_of(ferry_iterator_next(&zero)), EINVAL, "of no task");
	cr_assert_eq(error_of(ferry_iterator_emit(&zero, NULL)), EINVAL);
	cr_assert_eq(ferry_loop_free(loop), 0);
}

static void next_of_nobody(struct actor *giver, ferry_iterator *it)
{
	ferry_task_init(&giver->task, loop, actor_step, NULL);
	cr_assert_eq(ferry_iterator_init(it, &giver->task), 0);
	cr_assert_eq(ferry_iterator_clear(it), 0, "nobody has asked");
	ferry_iterator_next(it);
}

Test(iterator, E2_what_nobody_took_over_is_dropped_with_the_question, .init = begin, .fini = end)
{
	struct actor giver = { .name = "g", .error = exception_new("e") };
	ferry_iterator it;

	next_of_nobody(&giver, &it);
	cr_assert(diary_is("g: g. g)"));
	cr_assert_eq(ferry_task_clear(&giver.task), 0);
	cr_assert_eq(exceptions_alive, 1, "it is not the task's any more");
	cr_assert_str_eq(
		ferry_error_message(ferry_awaitable_snapshot(&it.asked.awaitable).exception), "e");
	for (int i = 0; i < 2; i++) {
		cr_assert_eq(ferry_iterator_clear(&it), 0);
		cr_assert_eq(exceptions_alive, 0);
	}
	cr_assert_eq(error_of(ferry_iterator_next(&it)), ENODATA);
}

Test(iterator, E1_a_question_that_is_open_is_not_cleared, .init = begin, .fini = end)
{
	struct actor giver = { .name = "g", .awaits = &event.awaitable };
	ferry_iterator it, zero = { .state = 0 };

	next_of_nobody(&giver, &it);
	cr_assert_eq(ferry_iterator_clear(&it), -EBUSY);
	cr_assert_eq(ferry_iterator_clear(&zero), -EINVAL);
	cr_assert_eq(ferry_iterator_clear(NULL), -EINVAL);
	ferry_event_set(&event);
	run();
	cr_assert(it.ended);
	cr_assert_eq(ferry_iterator_clear(&it), 0);
	diary[0] = 0;
}

/* ---- its frame goes ---- */

struct late_asker {
	FERRY_FRAME;
	struct actor giver, others[3];
	ferry_iterator it;
	ferry_operation *question;
};

static void note_gone(ferry_task *task, void *user)
{
	(void)task, (void)user;
	diary_note("gone");
}

static ferry_step late_asker_step(ferry_task *task)
{
	FERRY_BEGIN(task, struct late_asker, f);
	ferry_task_init(&f->giver.task, loop, actor_step, OPTIONS_OF(.cleanup = note_gone));
	cr_assert_eq(ferry_iterator_init(&f->it, &f->giver.task), 0);
	f->question = ferry_iterator_next(&f->it);
	for (int i = 0; i < 3; i++)
		actor_begin(&f->others[i], loop, NULL);
	diary[0] = 0;
	FERRY_TRY(f->question);
	diary_note("ended %d", f->it.ended);
	FERRY_END;
}

Test(iterator, T2_who_is_put_off_finds_the_last_answer_before_the_hook_of_who_gave)
{
	struct late_asker asker = { .giver = { .name = "g" } };
	ferry_loop_options options = FERRY_LOOP_OPTIONS_INIT;

	for (int i = 0; i < 3; i++)
		asker.others[i].name = "o";
	options.budget = 3;
	cr_assert_eq(ferry_loop_new(&options, &loop), 0);
	ferry_task_begin(&asker.task, loop, late_asker_step, NULL);
	run();
	cr_assert(strstr(diary, "ended 1") && strstr(diary, "gone"), "%s", diary);
	cr_assert_lt(strstr(diary, "ended 1"), strstr(diary, "gone"));
	diary[0] = 0;
	end();
}

/* ---- the loop closes ---- */

Test(iterator, L3_a_loop_that_closes_ends_both_and_runs_neither, .init = begin, .fini = end)
{
	struct giver giver = { .count = 2, .waits = &event.awaitable };
	struct asker asker = { .it = &giver.it };

	giver_init(&giver);
	asker_begin(&asker);
	cr_assert(diary_is("a: g: 1"));
	ferry_event_set(&event);
	cr_assert_eq(ferry_loop_free(loop), 0);
	loop = NULL;
	cr_assert(ferry_awaitable_snapshot(&giver.awaitable).cancelled);
	cr_assert(ferry_awaitable_snapshot(&asker.awaitable).cancelled);
}
