/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Cancelling tasks: in each state, counted, taken back, held off, passed on to what a task waits
 * for, however far (T3, T4, T7).
 */
#include <criterion/criterion.h>

#include "support/actor.h"

TestSuite(task_cancel, .timeout = 120);

#define MANY 1000000
#define LAZY OPTIONS_OF(.start = FERRY_START_LAZY)
#define DEFERRED OPTIONS_OF(.start = FERRY_START_DEFERRED)

static ferry_loop *loop;
static ferry_operation operation, other;

static void begin(void)
{
	loop = fixture_loop();
	cr_assert_eq(ferry_operation_init(&operation, NULL), 0);
	cr_assert_eq(ferry_operation_init(&other, NULL), 0);
}

static void end(void)
{
	cr_assert_eq(fixture_loop_counters(loop).tasks, 0, "their frames are gone");
	cr_assert_eq(ferry_loop_free(loop), 0);
}

static void run(void)
{
	cr_assert_eq(ferry_loop_run(loop), 0);
}

static void complete(int outcome)
{
	cr_assert_eq(ferry_operation_complete(&operation, loop, outcome), 0);
}

static void cancel(struct actor *actor)
{
	cr_assert_eq(ferry_task_cancel(&actor->task), 0);
}

static int cancels(struct actor *actor)
{
	return ferry_task_cancels(&actor->task);
}

/* ---- one that has not begun ---- */

Test(task_cancel, T4_one_that_is_deferred_only_cleans_up_in_the_next_turn, .init = begin,
     .fini = end)
{
	struct actor a = { .name = "a" };

	actor_begin(&a, loop, DEFERRED);
	cancel(&a);
	cr_assert(diary_is(""), "not inside of the call");
	cancel(&a);
	cr_assert_eq(cancels(&a), 2);
	cr_assert_eq(ferry_loop_run_once(loop, 0), 1);
	cr_assert(diary_is("a)"));
	cr_assert_eq(actor_ended(&a), ACTOR_CANCELLED);
}

Test(task_cancel, T3_one_that_is_lazy_only_cleans_up_in_its_turn, .init = begin, .fini = end)
{
	struct actor a = { .name = "a" }, b = { .name = "b" };

	actor_begin(&a, loop, LAZY);
	actor_begin(&b, loop, LAZY);
	cancel(&a);
	cr_assert_eq(ferry_loop_pending(loop), 2);
	cr_assert_eq(ferry_loop_run_once(loop, 0), 2);
	cr_assert(diary_is("a) b: b. b)"));
	cr_assert_eq(actor_ended(&a), ACTOR_CANCELLED);
	cr_assert_eq(a.began, 0);
}

Test(task_cancel, T3_taking_that_back_does_not_start_it_any_more, .init = begin, .fini = end)
{
	struct actor a = { .name = "a" }, b = { .name = "b" };

	actor_begin(&a, loop, LAZY);
	actor_begin(&b, loop, DEFERRED);
	cancel(&a);
	cancel(&b);
	cr_assert_eq(ferry_task_uncancel(&a.task), 0);
	cr_assert_eq(ferry_task_uncancel(&b.task), 0);
	run();
	cr_assert(diary_is("a) b)"));
	cr_assert_eq(actor_ended(&a), ACTOR_CANCELLED);
}

Test(task_cancel, T4_one_in_the_queue_of_a_limiter_leaves_it, .init = begin, .fini = end)
{
	struct actor a = { .name = "a", .awaits = &operation.awaitable }, b = { .name = "b" },
		     c = { .name = "c" };
	ferry_slot slots[3] = { { .limiter = NULL } };
	ferry_limiter_counters counters;
	ferry_limiter limiter;

	cr_assert_eq(ferry_limiter_init(&limiter, loop, 1), 0);
	ferry_limiter_submit(&limiter, &slots[0], actor_begin(&a, loop, DEFERRED), 0);
	ferry_limiter_submit(&limiter, &slots[1], actor_begin(&b, loop, DEFERRED), 0);
	ferry_limiter_submit(&limiter, &slots[2], actor_begin(&c, loop, DEFERRED), 0);
	cancel(&b);
	run();
	cr_assert(diary_is("a: b)"), "it needs no place to clean up");
	complete(0);
	run();
	cr_assert(diary_is("a. a) c: c. c)"), "and no place was lost");
	cr_assert_eq(ferry_limiter_stats(&limiter, &counters), 0);
	cr_assert_eq(counters.inside + counters.queued, 0);
}

Test(task_cancel, T6_one_that_waits_for_a_place_in_its_group_only_cleans_up, .init = begin,
     .fini = end)
{
	ferry_group_options options = FERRY_GROUP_OPTIONS_INIT;
	struct actor a = { .name = "a", .awaits = &operation.awaitable }, b = { .name = "b" },
		     c = { .name = "c" };
	ferry_group group;

	options.limit = 1;
	cr_assert_eq(ferry_group_init(&group, loop, &options), 0);
	actor_begin(&a, loop, FERRY_IN(&group));
	actor_begin(&b, loop, FERRY_IN(&group));
	actor_begin(&c, loop, FERRY_IN(&group));
	cr_assert_eq(ferry_group_close(&group), 0);
	cancel(&b);
	run();
	cr_assert(diary_is("a: b)"));
	complete(0);
	run();
	cr_assert(diary_is("a. a) c: c. c)"));
	cr_assert(ferry_awaitable_snapshot(&group.awaitable).done);
}

/* ---- one that runs ---- */

static void cancel_itself(struct actor *actor)
{
	cancel(actor);
	cr_assert_eq(cancels(actor), 1);
}

Test(task_cancel, T7_one_that_cancels_itself_goes_on_to_its_next_wait, .init = begin, .fini = end)
{
	struct actor a = { .name = "a", .acts = cancel_itself, .awaits = &other.awaitable };
	struct actor b = { .name = "b", .acts = cancel_itself, .yields = 1 };
	struct actor c = {
		.name = "c", .acts = cancel_itself, .awaits = &other.awaitable, .shielded = true
	};
	uintptr_t nobody = other.awaitable.word;

	actor_begin(&a, loop, NULL);
	actor_begin(&b, loop, NULL);
	actor_begin(&c, loop, NULL);
	cr_assert(diary_is("a: b: c:"));
	cr_assert_eq(ferry_loop_run_once(loop, 0), 3);
	cr_assert(diary_is("a) b) c)"));
	cr_assert_eq(actor_ended(&a), ACTOR_CANCELLED);
	cr_assert_eq(actor_ended(&b), ACTOR_CANCELLED);
	cr_assert_eq(actor_ended(&c), ACTOR_CANCELLED);
	cr_assert_eq(other.awaitable.word, nobody, "nobody waits for it");
}

Test(task_cancel, T7_one_that_never_waits_again_has_its_result, .init = begin, .fini = end)
{
	struct actor a = { .name = "a", .acts = cancel_itself, .number = 4 };
	struct actor b = {
		.name = "b", .acts = cancel_itself, .awaits = &operation.awaitable, .tries = true
	};

	complete(0);
	actor_begin(&a, loop, NULL);
	actor_begin(&b, loop, NULL);
	cr_assert(diary_is("a: a. a) b: b. b)"), "what is done is not waited for");
	cr_assert_eq(ferry_task_snapshot(&a.task).result.u64, 4);
	cr_assert_eq(cancels(&a), 1);
	cr_assert_eq(actor_ended(&b), ACTOR_RESULT);
}

static void cancel_second(struct actor *actor)
{
	cancel(actor->user);
}

static void begin_second(struct actor *actor)
{
	actor_begin(actor->user, loop, NULL);
}

Test(task_cancel, T7_its_child_may_cancel_it_while_it_runs, .init = begin, .fini = end)
{
	struct actor a, b = { .name = "b", .acts = cancel_second, .user = &a };

	a = (struct actor){ .name = "a", .acts = begin_second, .user = &b, .yields = 1 };
	actor_begin(&a, loop, NULL);
	run();
	cr_assert(diary_is("a: b: b. b) a)"));
	cr_assert_eq(actor_ended(&a), ACTOR_CANCELLED);
}

/* ---- one that waits ---- */

Test(task_cancel, T7_a_wait_without_a_hook_ends_in_the_next_turn, .init = begin, .fini = end)
{
	struct actor a = { .name = "a", .awaits = &other.awaitable },
		     b = { .name = "b", .awaits = &other.awaitable },
		     c = { .name = "c", .awaits = &other.awaitable, .tries = true };
	uintptr_t nobody = other.awaitable.word;

	actor_begin(&a, loop, NULL);
	actor_begin(&b, loop, NULL);
	actor_begin(&c, loop, NULL);
	diary[0] = 0;
	cancel(&b);
	cr_assert(diary_is(""));
	cr_assert_eq(ferry_loop_run_once(loop, 0), 1);
	cr_assert(diary_is("b)"));
	cancel(&c);
	cancel(&a);
	cr_assert_eq(other.awaitable.word, nobody, "nobody waits for it any more");
	run();
	cr_assert(diary_is("c) a)"));
	cr_assert_eq(actor_ended(&a), ACTOR_CANCELLED);
}

Test(task_cancel, T7_so_does_one_for_an_operation_without_a_hook, .init = begin, .fini = end)
{
	struct actor a = { .name = "a", .awaits = &operation.awaitable };

	actor_begin(&a, loop, NULL);
	cancel(&a);
	run();
	cr_assert(diary_is("a: a)"));
	cr_assert_eq(actor_ended(&a), ACTOR_CANCELLED);
	complete(0);
	run();
	cr_assert(diary_is(""), "it is nobody's any more");
}

Test(task_cancel, T7_what_comes_after_the_cut_comes_too_late, .init = begin, .fini = end)
{
	struct actor a = { .name = "a", .awaits = &operation.awaitable, .tries = true };

	actor_begin(&a, loop, NULL);
	cancel(&a);
	complete(0);
	run();
	cr_assert(diary_is("a: a)"));
	cr_assert_eq(actor_ended(&a), ACTOR_CANCELLED);
}

static struct hooked {
	unsigned calls;
	struct ferry_task *task;
	bool completes;
	int outcome;
} hooked;

static void on_cancel(ferry_operation *which, struct ferry_task *task)
{
	cr_assert_eq(which, &operation);
	hooked.calls++;
	hooked.task = task;
	if (hooked.completes)
		complete(hooked.outcome);
}

static const ferry_operation_hooks hooks = { sizeof(hooks), "test", 0, NULL, on_cancel };

static void begin_hooked(void)
{
	begin();
	cr_assert_eq(ferry_operation_init(&operation, &hooks), 0);
}

Test(task_cancel, T7_an_operation_with_a_hook_is_asked_and_waited_for, .init = begin_hooked,
     .fini = end)
{
	struct actor a = { .name = "a", .awaits = &operation.awaitable };

	actor_begin(&a, loop, NULL);
	cancel(&a);
	cr_assert_eq(hooked.calls, 1, "inside of the call");
	cr_assert_eq(hooked.task, &a.task);
	run();
	cr_assert(diary_is("a:"), "its memory is still in use");
	complete(-ECANCELED);
	run();
	cr_assert(diary_is("a)"), "it was cut: this is no FERRY_TRY()");
	cr_assert_eq(actor_ended(&a), ACTOR_CANCELLED);
	cr_assert_eq(hooked.calls, 1);
}

Test(task_cancel, T7_a_hook_may_complete_the_operation_at_once, .init = begin_hooked, .fini = end)
{
	struct actor a = { .name = "a", .awaits = &operation.awaitable };

	hooked.completes = true;
	hooked.outcome = -ECANCELED;
	actor_begin(&a, loop, NULL);
	cancel(&a);
	run();
	cr_assert(diary_is("a: a)"));
	cr_assert_eq(actor_ended(&a), ACTOR_CANCELLED);
}

Test(task_cancel, T7_what_an_operation_was_given_all_the_same_is_kept, .init = begin_hooked,
     .fini = end)
{
	struct actor a = { .name = "a", .awaits = &operation.awaitable, .tries = true };
	struct actor b = { .name = "b",
			   .awaits = &operation.awaitable,
			   .tries = true,
			   .cleans = &other.awaitable };

	actor_begin(&a, loop, NULL);
	cancel(&a);
	complete(0);
	run();
	cr_assert(diary_is("a: a. a)"), "it succeeded");
	cr_assert_eq(actor_ended(&a), ACTOR_RESULT);
	cr_assert_eq(cancels(&a), 1);
	cr_assert_eq(ferry_operation_init(&operation, &hooks), 0);
	actor_begin(&b, loop, NULL);
	cancel(&b);
	complete(-EIO);
	run();
	cr_assert_eq(ferry_operation_complete(&other, loop, 0), 0);
	run();
	cr_assert(diary_is("b: b)"));
	cr_assert_eq(actor_errno(&b), EIO, "it failed, and was not cut");
}

Test(task_cancel, T7_a_hook_is_called_for_one_that_was_cancelled_before_it_waited,
     .init = begin_hooked, .fini = end)
{
	struct actor a = { .name = "a", .acts = cancel_itself, .awaits = &operation.awaitable };

	actor_begin(&a, loop, NULL);
	cr_assert_eq(hooked.calls, 1);
	cr_assert_eq(hooked.task, &a.task);
	complete(-ECANCELED);
	run();
	cr_assert(diary_is("a: a)"));
}

Test(task_cancel, T7_an_operation_that_was_cancelled_by_others_cuts_nobody, .init = begin_hooked,
     .fini = end)
{
	struct actor a = { .name = "a", .awaits = &operation.awaitable };

	actor_begin(&a, loop, NULL);
	complete(-ECANCELED);
	run();
	cr_assert(diary_is("a: a. a)"));
	cr_assert_eq(actor_ended(&a), ACTOR_RESULT);
}

Test(task_cancel, T7_a_shielded_wait_ends_and_what_it_was_for_goes_on, .init = begin_hooked,
     .fini = end)
{
	struct actor a = { .name = "a", .awaits = &operation.awaitable };
	struct actor b = { .name = "b", .awaits = &a.awaitable, .shielded = true };
	struct actor c = { .name = "c", .awaits = &operation.awaitable, .shielded = true };

	actor_begin(&a, loop, NULL);
	actor_begin(&b, loop, NULL);
	actor_begin(&c, loop, NULL);
	cancel(&b);
	cancel(&c);
	run();
	cr_assert(diary_is("a: b: c: b) c)"));
	cr_assert_eq(actor_ended(&b), ACTOR_CANCELLED);
	cr_assert_eq(cancels(&a), 0);
	cr_assert_eq(hooked.calls, 0);
	complete(0);
	run();
	cr_assert(diary_is("a. a)"));
	cr_assert_eq(actor_ended(&a), ACTOR_RESULT);
}

Test(task_cancel, one_that_yields_leaves_in_its_turn, .init = begin, .fini = end)
{
	struct actor a = { .name = "a", .yields = 5 }, b = { .name = "b", .yields = 1 };

	actor_begin(&a, loop, NULL);
	actor_begin(&b, loop, NULL);
	cancel(&a);
	cr_assert_eq(ferry_loop_run_once(loop, 0), 2);
	cr_assert(diary_is("a: b: a) b. b)"));
	cr_assert_eq(a.turn, 0);
	cr_assert_eq(actor_ended(&a), ACTOR_CANCELLED);
}

/* ---- woken, and then cancelled ---- */

/* Waits twice. */
struct twice {
	FERRY_FRAME;
	ferry_awaitable *first, *second;
	unsigned got, cleaned;
};

static ferry_step twice_step(ferry_task *task)
{
	FERRY_BEGIN(task, struct twice, f);
	FERRY_TRY((struct actor_awaited *)f->first);
	f->got++;
	FERRY_TRY((struct actor_awaited *)f->second);
	f->got++;
	FERRY_RETURN();

	FERRY_FINALLY
	f->cleaned++;
	FERRY_END;
}

Test(task_cancel, T7_one_that_was_woken_keeps_what_it_was_given, .init = begin, .fini = end)
{
	struct twice a = { .first = &operation.awaitable, .second = &other.awaitable };

	ferry_task_begin(&a.task, loop, twice_step, NULL);
	complete(0);
	cr_assert_eq(ferry_task_cancel(&a.task), 0);
	cr_assert_eq(ferry_loop_run_once(loop, 0), 1);
	cr_assert_eq(a.got, 1, "the first wait has succeeded");
	cr_assert_eq(a.cleaned, 0);
	cr_assert_eq(ferry_loop_run_once(loop, 0), 1);
	cr_assert_eq(a.cleaned, 1, "the second one is cut");
	cr_assert_eq(a.got, 1);
	cr_assert(ferry_task_snapshot(&a.task).cancelled);
}

Test(task_cancel, T7_one_that_was_woken_and_does_not_wait_again_succeeds, .init = begin,
     .fini = end)
{
	struct actor a = { .name = "a", .awaits = &operation.awaitable, .number = 2 };

	actor_begin(&a, loop, NULL);
	complete(0);
	cancel(&a);
	run();
	cr_assert(diary_is("a: a. a)"));
	cr_assert_eq(ferry_task_snapshot(&a.task).result.u64, 2);
}

Test(task_cancel, T7_one_that_was_woken_by_a_task_keeps_that, .init = begin, .fini = end)
{
	struct actor inner = { .name = "inner", .awaits = &operation.awaitable };
	struct twice a = { .first = &inner.awaitable, .second = &other.awaitable };

	actor_begin(&inner, loop, NULL);
	ferry_task_begin(&a.task, loop, twice_step, NULL);
	complete(0);
	cr_assert_eq(ferry_loop_run_once(loop, 0), 1);
	cr_assert_eq(actor_ended(&inner), ACTOR_RESULT);
	cr_assert_eq(ferry_task_cancel(&a.task), 0);
	cr_assert_eq(ferry_task_uncancel(&a.task), 0, "and taken back it is forgotten");
	run();
	cr_assert_eq(a.got, 1);
	cr_assert_eq(ferry_operation_complete(&other, loop, 0), 0);
	run();
	cr_assert_eq(a.got, 2);
	diary[0] = 0;
}

/* ---- passed on ---- */

static void chain(unsigned count)
{
	struct actor *actors = calloc(count, sizeof(*actors));

	for (unsigned i = 0; i < count; i++) {
		actors[i].name = "";
		actors[i].awaits = i ? &actors[i - 1].awaitable : &operation.awaitable;
		actor_begin(&actors[i], loop, NULL);
	}
	cancel(&actors[count - 1]);
	for (unsigned i = 0; i < count; i++)
		cr_assert_eq(cancels(&actors[i]), 1, "%u of %u", i, count);
	run();
	for (unsigned i = 0; i < count; i++) {
		cr_assert_eq(actor_ended(&actors[i]), ACTOR_CANCELLED, "%u of %u", i, count);
		cr_assert_eq(actors[i].cleaned, 1);
		cr_assert_eq(actors[i].went_on, 0);
	}
	free(actors);
	diary[0] = 0;
}

Test(task_cancel, T7_it_is_passed_on_along_a_chain_of_tasks, .init = begin, .fini = end)
{
	for (unsigned count = 1; count < 20; count++)
		chain(count);
}

Test(task_cancel, T7_who_passed_it_on_waits_until_those_have_ended, .init = begin, .fini = end)
{
	struct actor c = { .name = "c",
			   .awaits = &operation.awaitable,
			   .cleans = &other.awaitable };
	struct actor b = { .name = "b", .awaits = &c.awaitable };
	struct actor a = { .name = "a", .awaits = &b.awaitable };

	actor_begin(&c, loop, NULL);
	actor_begin(&b, loop, NULL);
	actor_begin(&a, loop, NULL);
	cancel(&a);
	run();
	cr_assert(diary_is("c: b: a: c)"));
	cr_assert_eq(ferry_operation_complete(&other, loop, 0), 0);
	run();
	cr_assert(diary_is("b) a)"));
}

Test(task_cancel, T7_where_the_last_one_succeeds_all_the_same_so_do_all, .init = begin_hooked,
     .fini = end)
{
	struct actor c = { .name = "c", .awaits = &operation.awaitable };
	struct actor b = { .name = "b", .awaits = &c.awaitable };
	struct actor a = { .name = "a", .awaits = &b.awaitable };

	actor_begin(&c, loop, NULL);
	actor_begin(&b, loop, NULL);
	actor_begin(&a, loop, NULL);
	cancel(&a);
	complete(0);
	run();
	cr_assert(diary_is("c: b: a: c. c) b. b) a. a)"));
	cr_assert_eq(actor_ended(&a), ACTOR_RESULT);
}

Test(task_cancel, T7_one_that_waits_for_a_deferred_one_ends_that, .init = begin, .fini = end)
{
	struct actor b = { .name = "b" }, a = { .name = "a", .awaits = &b.awaitable };

	actor_begin(&b, loop, DEFERRED);
	actor_begin(&a, loop, NULL);
	cancel(&a);
	run();
	cr_assert(diary_is("a: b) a)"));
	cr_assert_eq(actor_ended(&b), ACTOR_CANCELLED);
}

Test(task_cancel, T7_taken_back_it_stays_where_it_was_passed_on, .init = begin, .fini = end)
{
	struct actor b = { .name = "b", .awaits = &operation.awaitable };
	struct actor a = { .name = "a", .awaits = &b.awaitable };

	actor_begin(&b, loop, NULL);
	actor_begin(&a, loop, NULL);
	cancel(&a);
	cr_assert_eq(ferry_task_uncancel(&a.task), 0);
	run();
	cr_assert(diary_is("b: a: b) a. a)"), "its own wait was not cut");
	cr_assert_eq(actor_ended(&b), ACTOR_CANCELLED);
	cr_assert_eq(actor_ended(&a), ACTOR_RESULT);
}

Test(task_cancel, it_is_passed_on_to_the_children_of_a_group, .init = begin, .fini = end)
{
	struct actor b = { .name = "b", .awaits = &operation.awaitable },
		     c = { .name = "c", .awaits = &operation.awaitable };
	ferry_group group;
	struct actor a = { .name = "a", .awaits = &group.awaitable };

	cr_assert_eq(ferry_group_init(&group, loop, NULL), 0);
	actor_begin(&b, loop, FERRY_IN(&group));
	actor_begin(&c, loop, FERRY_IN(&group));
	actor_begin(&a, loop, NULL);
	cancel(&a);
	run();
	cr_assert(diary_is("b: c: a: b) c) a)"));
	cr_assert_eq(cancels(&b), 1);
	cr_assert_eq(actor_ended(&a), ACTOR_CANCELLED);
}

struct link {
	FERRY_FRAME;
	ferry_awaitable *awaits;
};

static unsigned long links_cleaned;

static ferry_step link_step(ferry_task *task)
{
	FERRY_BEGIN(task, struct link, f);
	FERRY_AWAIT((struct actor_awaited *)f->awaits);

	FERRY_FINALLY
	links_cleaned++;
	FERRY_END;
}

Test(task_cancel, T7_a_chain_of_a_million_is_cancelled_from_its_far_end, .init = begin, .fini = end)
{
	struct link *links = calloc(MANY, sizeof(*links));

	for (unsigned long i = 0; i < MANY; i++) {
		links[i].awaits = i ? &links[i - 1].awaitable : &operation.awaitable;
		ferry_task_begin(&links[i].task, loop, link_step, NULL);
	}
	cr_assert_eq(ferry_task_cancel(&links[MANY - 1].task), 0);
	run();
	cr_assert_eq(links_cleaned, MANY);
	for (unsigned long i = 0; i < MANY; i++)
		cr_assert(ferry_task_snapshot(&links[i].task).cancelled);
	free(links);
}

Test(task_cancel, tasks_that_wait_for_each_other_in_a_circle_are_asked_a_few_times, .init = begin)
{
	struct actor a[5], rest[100];
	struct actor beside = { .name = "", .awaits = &a[3].awaitable };

	for (unsigned i = 0; i < 100; i++) {
		rest[i] = (struct actor){ .name = "", .awaits = &operation.awaitable };
		actor_begin(&rest[i], loop, NULL);
	}
	for (unsigned i = 0; i < 5; i++) {
		a[i] = (struct actor){ .name = "", .awaits = &a[(i + 1) % 5].awaitable };
		actor_begin(&a[i], loop, DEFERRED);
	}
	for (unsigned i = 0; i < 5; i++)
		cr_assert_eq(ferry_task_start(&a[i].task), 0);
	cancel(&a[0]);
	for (unsigned i = 0; i < 5; i++) {
		cr_assert_geq(cancels(&a[i]), 1);
		cr_assert_leq(cancels(&a[i]), 3, "however many tasks there are beside them");
	}
	/* One that waits for the circle, and is none of it. */
	actor_begin(&beside, loop, NULL);
	cancel(&beside);
	for (unsigned i = 0; i < 5; i++)
		cr_assert_leq(cancels(&a[i]), 7);
	complete(0);
	run();
	for (unsigned i = 0; i < 5; i++)
		cr_assert_eq(actor_ended(&a[i]), ACTOR_PENDING, "nobody of them can go on");
	cr_assert_eq(ferry_loop_free(loop), 0);
	for (unsigned i = 0; i < 5; i++)
		cr_assert(ferry_awaitable_snapshot(&a[i].awaitable).cancelled);
	cr_assert(ferry_awaitable_snapshot(&beside.awaitable).cancelled);
}

/* ---- counted ---- */

Test(task_cancel, each_call_counts_and_can_be_taken_back, .init = begin_hooked, .fini = end)
{
	struct actor a = { .name = "a", .awaits = &operation.awaitable };

	actor_begin(&a, loop, NULL);
	cr_assert_eq(cancels(&a), 0);
	cr_assert_eq(ferry_task_uncancel(&a.task), -ENODATA);
	for (int i = 1; i <= 3; i++) {
		cancel(&a);
		cr_assert_eq(cancels(&a), i);
	}
	for (int i = 2; i >= 0; i--)
		cr_assert_eq(ferry_task_uncancel(&a.task), i);
	cr_assert_eq(ferry_task_uncancel(&a.task), -ENODATA);
	complete(-ECANCELED);
	run();
	cr_assert(diary_is("a: a. a)"), "none is left that could cut it");
}

static void cancel_and_take_back(struct actor *actor)
{
	cancel(actor);
	cancel(actor);
	cr_assert_eq(ferry_task_uncancel(&actor->task), 1);
	if (actor->user)
		cr_assert_eq(ferry_task_uncancel(&actor->task), 0);
}

Test(task_cancel, while_one_is_left_it_takes_effect, .init = begin, .fini = end)
{
	struct actor a = { .name = "a", .acts = cancel_and_take_back, .yields = 1 };
	struct actor b = { .name = "b", .acts = cancel_and_take_back, .yields = 1, .user = &b };

	actor_begin(&a, loop, NULL);
	actor_begin(&b, loop, NULL);
	run();
	cr_assert(diary_is("a: b: a) b. b)"));
	cr_assert_eq(actor_ended(&a), ACTOR_CANCELLED);
	cr_assert_eq(actor_ended(&b), ACTOR_RESULT);
}

Test(task_cancel, a_wait_that_was_ended_stays_ended, .init = begin, .fini = end)
{
	struct actor a = { .name = "a", .awaits = &operation.awaitable };
	struct actor b = { .name = "b", .yields = 1 };

	actor_begin(&a, loop, NULL);
	actor_begin(&b, loop, NULL);
	cancel(&a);
	cancel(&b);
	cr_assert_eq(ferry_task_uncancel(&a.task), 0);
	cr_assert_eq(ferry_task_uncancel(&b.task), 0);
	run();
	cr_assert(diary_is("a: b: b) a)"));
}

Test(task_cancel, there_is_an_end_to_the_count, .init = begin_hooked, .fini = end)
{
	struct actor a = { .name = "a", .awaits = &operation.awaitable };
	struct actor b = { .name = "b", .awaits = &a.awaitable };

	actor_begin(&a, loop, NULL);
	actor_begin(&b, loop, NULL);
	for (int i = 1; i <= 65535; i++)
		cancel(&a);
	cr_assert_eq(ferry_task_cancel(&a.task), -EOVERFLOW);
	cr_assert_eq(cancels(&a), 65535);
	cr_assert_eq(hooked.calls, 65535);
	cancel(&b);
	cr_assert_eq(cancels(&a), 65535, "nothing more is passed on to it");
	cr_assert_eq(ferry_task_uncancel(&a.task), 65534);
	cancel(&a);
	complete(-ECANCELED);
	run();
	cr_assert_eq(actor_ended(&a), ACTOR_CANCELLED);
	cr_assert_eq(actor_ended(&b), ACTOR_CANCELLED);
	diary[0] = 0;
}

Test(task_cancel, one_that_has_ended_is_not_cancelled, .init = begin, .fini = end)
{
	struct actor a = { .name = "a" };

	actor_begin(&a, loop, NULL);
	cr_assert_eq(ferry_task_cancel(&a.task), -EALREADY);
	cr_assert_eq(ferry_task_uncancel(&a.task), -EALREADY);
	cr_assert_eq(ferry_task_shield(&a.task), -EALREADY);
	cr_assert_eq(ferry_task_unshield(&a.task), -EALREADY);
	cr_assert_eq(cancels(&a), 0);
	cr_assert_eq(actor_ended(&a), ACTOR_RESULT);
	diary[0] = 0;
}

/* ---- held off ---- */

static void shield(struct actor *actor)
{
	cr_assert_eq(ferry_task_shield(&actor->task), 0);
	cr_assert_eq(ferry_task_shield(&actor->task), -EALREADY);
}

Test(task_cancel, one_that_is_shielded_is_not_cut, .init = begin_hooked, .fini = end)
{
	struct actor a = { .name = "a", .acts = shield, .awaits = &operation.awaitable };
	struct actor b = { .name = "b", .awaits = &a.awaitable };

	actor_begin(&a, loop, NULL);
	actor_begin(&b, loop, NULL);
	cancel(&a);
	cancel(&b);
	run();
	cr_assert(diary_is("a: b:"));
	cr_assert_eq(cancels(&a), 2, "they are counted");
	cr_assert_eq(hooked.calls, 0);
	complete(0);
	run();
	cr_assert(diary_is("a. a) b. b)"));
	cr_assert_eq(actor_ended(&a), ACTOR_RESULT);
}

struct holding {
	FERRY_FRAME;
	unsigned reached, cleaned;
};

static ferry_step holding_step(ferry_task *task)
{
	FERRY_BEGIN(task, struct holding, f);
	cr_assert_eq(ferry_task_shield(task), 0);
	FERRY_YIELD();
	FERRY_AWAIT(&operation);
	f->reached = 1;
	cr_assert_eq(ferry_task_unshield(task), 0);
	cr_assert_eq(ferry_task_unshield(task), -EALREADY);
	f->reached = 2;
	FERRY_YIELD();
	f->reached = 3;
	FERRY_RETURN();

	FERRY_FINALLY
	f->cleaned++;
	cr_assert_eq(ferry_task_shield(task), -EALREADY, "it is shielded anyway");
	cr_assert_eq(ferry_task_unshield(task), -EALREADY, "and stays so");
	FERRY_END;
}

Test(task_cancel, it_takes_effect_at_the_first_wait_behind_the_shield, .init = begin, .fini = end)
{
	struct holding a = { .reached = 0 };

	ferry_task_begin(&a.task, loop, holding_step, NULL);
	cr_assert_eq(ferry_task_cancel(&a.task), 0);
	run();
	cr_assert_eq(ferry_task_cancel(&a.task), 0);
	run();
	cr_assert_eq(a.reached, 0);
	complete(0);
	run();
	cr_assert_eq(a.reached, 2, "no further than the first wait");
	cr_assert_eq(a.cleaned, 1);
	cr_assert(ferry_task_snapshot(&a.task).cancelled);
}

static ferry_step unending_shield_step(ferry_task *task)
{
	FERRY_BEGIN(task, struct holding, f);
	cr_assert_eq(ferry_task_shield(task), 0);
	FERRY_RETURN();

	FERRY_FINALLY
	f->cleaned++;
	cr_assert_eq(ferry_task_unshield(task), -EALREADY);
	FERRY_AWAIT(&operation);
	f->cleaned++;
	FERRY_END;
}

Test(task_cancel, T7_what_cleans_up_cannot_be_unshielded, .init = begin, .fini = end)
{
	struct holding a = { .reached = 0 };

	ferry_task_begin(&a.task, loop, unending_shield_step, NULL);
	cr_assert_eq(ferry_task_unshield(&a.task), -EALREADY);
	cr_assert_eq(ferry_task_cancel(&a.task), 0);
	run();
	cr_assert_eq(a.cleaned, 1);
	complete(0);
	run();
	cr_assert_eq(a.cleaned, 2);
	cr_assert_eq(actor_end_of(ferry_task_snapshot(&a.task)), ACTOR_RESULT);
}

Test(task_cancel, unshielded_by_another_it_takes_effect_at_once, .init = begin_hooked, .fini = end)
{
	struct actor a = { .name = "a", .acts = shield, .awaits = &operation.awaitable };

	actor_begin(&a, loop, NULL);
	cancel(&a);
	cr_assert_eq(ferry_task_unshield(&a.task), 0);
	cr_assert_eq(hooked.calls, 1);
	complete(-ECANCELED);
	run();
	cr_assert(diary_is("a: a)"));
}

Test(task_cancel, one_that_has_not_begun_can_be_shielded_too, .init = begin, .fini = end)
{
	struct actor a = { .name = "a" }, b = { .name = "b" }, c = { .name = "c" };

	actor_begin(&a, loop, LAZY);
	actor_begin(&b, loop, DEFERRED);
	actor_begin(&c, loop, DEFERRED);
	shield(&a);
	shield(&b);
	shield(&c);
	cancel(&a);
	cancel(&b);
	cancel(&c);
	cr_assert_eq(ferry_task_unshield(&c.task), 0);
	run();
	cr_assert(diary_is("a: a. a) c)"));
	cr_assert_eq(ferry_task_start(&b.task), 0);
	cr_assert(diary_is("b: b. b)"));
}

/* ---- all of them ---- */

Test(task_cancel, all_tasks_of_a_loop_can_be_cancelled_and_then_it_ends, .init = begin, .fini = end)
{
	struct actor waits = { .name = "waits", .awaits = &operation.awaitable },
		     yields = { .name = "yields", .yields = 3 }, lazy = { .name = "lazy" },
		     deferred = { .name = "deferred" }, child = waits, idle = { .name = "idle" },
		     woken = { .name = "woken", .awaits = &other.awaitable },
		     ended = { .name = "ended" };
	ferry_group group, empty;

	cr_assert_eq(ferry_group_init(&group, loop, NULL), 0);
	cr_assert_eq(ferry_group_init(&empty, loop, NULL), 0);
	actor_begin(&ended, loop, NULL);
	actor_begin(&waits, loop, NULL);
	actor_begin(&yields, loop, NULL);
	actor_begin(&woken, loop, NULL);
	cr_assert_eq(ferry_operation_complete(&other, loop, 0), 0);
	actor_begin(&lazy, loop, LAZY);
	actor_begin(&deferred, loop, DEFERRED);
	actor_begin(&child, loop, FERRY_IN(&group));
	actor_begin(&idle, loop, OPTIONS_OF(.group = &group, .start = FERRY_START_DEFERRED));
	diary[0] = 0;
	cr_assert_eq(ferry_loop_cancel_tasks(loop), 7);
	cr_assert_eq(cancels(&waits) + cancels(&yields) + cancels(&woken) + cancels(&lazy) +
			     cancels(&deferred) + cancels(&child) + cancels(&idle),
		     7, "each once");
	cr_assert_eq(ferry_group_close(&group), 0);
	cr_assert_eq(ferry_group_close(&empty), 0);
	run();
	cr_assert_eq(fixture_loop_counters(loop).tasks, 0);
	cr_assert_eq(lazy.began + deferred.began + idle.began, 0);
	cr_assert_eq(waits.cleaned + yields.cleaned + lazy.cleaned + deferred.cleaned +
			     child.cleaned + idle.cleaned + woken.cleaned,
		     7);
	cr_assert_eq(woken.went_on, 1);
	cr_assert_eq(ferry_loop_cancel_tasks(loop), 0);
	diary[0] = 0;
}

static int asked;

static void cancel_all(struct actor *actor)
{
	struct actor *next = actor->user;

	if (next)
		actor_begin(next, loop, next->name[0] == 'c' ? FERRY_IN(next->user) : NULL);
	else
		asked = ferry_loop_cancel_tasks(loop);
}

static void cancel_all_of_two(struct actor *actor)
{
	(void)actor;
	asked = ferry_loop_cancel_tasks(loop);
}

Test(task_cancel, those_in_their_first_steps_are_cancelled_with_all, .init = begin, .fini = end)
{
	struct actor c = { .name = "c", .acts = cancel_all_of_two, .yields = 1 },
		     b = { .name = "b", .acts = cancel_all, .user = &c, .yields = 1 },
		     a = { .name = "a", .acts = cancel_all, .user = &b, .yields = 1 };
	ferry_group group;

	cr_assert_eq(ferry_group_init(&group, loop, NULL), 0);
	c.user = &group;
	actor_begin(&a, loop, NULL);
	cr_assert_eq(asked, 3);
	cr_assert_eq(cancels(&a), 1);
	cr_assert_eq(cancels(&b), 1);
	cr_assert_eq(cancels(&c), 1, "a child of a group as well");
	cr_assert_eq(ferry_group_close(&group), 0);
	run();
	cr_assert(diary_is("a: b: c: c) b) a)"));
	cr_assert_eq(fixture_loop_counters(loop).tasks, 0);
}

/* ---- refused ---- */

static void cancel_elsewhere(void *arg)
{
	struct actor *a = arg;

	cr_assert_eq(ferry_task_cancel(&a->task), -EPERM);
	cr_assert_eq(ferry_task_uncancel(&a->task), -EPERM);
	cr_assert_eq(ferry_task_cancels(&a->task), -EPERM);
	cr_assert_eq(ferry_task_shield(&a->task), -EPERM);
	cr_assert_eq(ferry_task_unshield(&a->task), -EPERM);
	cr_assert_eq(ferry_loop_cancel_tasks(loop), -EPERM);
}

static int cancel_in_child(void *arg)
{
	struct actor *a = arg;

	return !(ferry_task_cancel(&a->task) == -ECHILD &&
		 ferry_task_uncancel(&a->task) == -ECHILD &&
		 ferry_task_cancels(&a->task) == -ECHILD &&
		 ferry_task_shield(&a->task) == -ECHILD &&
		 ferry_task_unshield(&a->task) == -ECHILD &&
		 ferry_loop_cancel_tasks(loop) == -ECHILD);
}

Test(task_cancel, it_is_the_loops_threads_to_do, .init = begin)
{
	struct actor a = { .name = "a", .awaits = &operation.awaitable };

	cr_assert_eq(ferry_task_cancel(NULL), -EINVAL);
	cr_assert_eq(ferry_task_uncancel(NULL), -EINVAL);
	cr_assert_eq(ferry_task_cancels(NULL), -EINVAL);
	cr_assert_eq(ferry_task_shield(NULL), -EINVAL);
	cr_assert_eq(ferry_task_unshield(NULL), -EINVAL);
	cr_assert_eq(ferry_loop_cancel_tasks(NULL), -EINVAL);
	actor_begin(&a, loop, NULL);
	fixture_elsewhere(cancel_elsewhere, &a);
	cr_assert_eq(fixture_in_child(cancel_in_child, &a), 0);
	cr_assert_eq(cancels(&a), 0);
	ferry_loop_ref(loop);
	cr_assert_eq(ferry_loop_free(loop), 0);
	cr_assert_eq(ferry_task_cancel(&a.task), -ESHUTDOWN);
	cr_assert_eq(ferry_task_uncancel(&a.task), -ESHUTDOWN);
	cr_assert_eq(ferry_task_cancels(&a.task), 0);
	cr_assert_eq(ferry_task_shield(&a.task), -ESHUTDOWN);
	cr_assert_eq(ferry_task_unshield(&a.task), -ESHUTDOWN);
	cr_assert_eq(ferry_loop_cancel_tasks(loop), -ESHUTDOWN);
	ferry_loop_unref(loop);
}
