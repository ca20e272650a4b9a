/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * After the end of a task: its cleanup hook, its outcome as others see it, and exceptions that
 * nobody looked at (L2, L6).
 */
#include <criterion/criterion.h>

#include "support/actor.h"
#include "support/exceptions.h"
#include "support/token.h"

TestSuite(cleanup, .timeout = 60);

#define LAZY OPTIONS_OF(.start = FERRY_START_LAZY)

static ferry_loop *loop;
static ferry_operation operation;

static void begin(void)
{
	loop = fixture_loop();
	cr_assert_eq(ferry_operation_init(&operation, NULL), 0);
	cr_assert_eq(ferry_loop_set_exception_handler(loop, exception_hear, NULL), 0);
}

static void end(void)
{
	cr_assert_eq(fixture_loop_counters(loop).tasks, 0, "their frames are gone");
	cr_assert_eq(ferry_loop_free(loop), 0);
	cr_assert_eq(exceptions_alive, 0);
}

static void run(void)
{
	cr_assert_eq(ferry_loop_run(loop), 0);
}

static void complete(void)
{
	cr_assert_eq(ferry_operation_complete(&operation, loop, 0), 0);
}

static void note_cleanup(ferry_task *task, void *user)
{
	cr_assert_null(ferry_current_task(loop));
	cr_assert(ferry_task_snapshot(task).done);
	diary_note("%s]", (char *)user);
}

#define NOTED(letter) OPTIONS_OF(.cleanup = note_cleanup, .user = letter)

/* ---- when it is called ---- */

Test(cleanup, L2_it_is_called_from_the_loop_and_once, .init = begin, .fini = end)
{
	struct actor a = { .name = "a" };

	actor_begin(&a, loop, NOTED("a"));
	cr_assert(diary_is("a: a. a)"), "not inside of the call that begins it");
	cr_assert_eq(ferry_loop_pending(loop), 1);
	cr_assert_eq(ferry_loop_run_once(loop, 0), 1);
	cr_assert(diary_is("a]"));
	run();
	cr_assert(diary_is(""));
}

Test(cleanup, L2_not_inside_of_the_step_that_ends, .init = begin, .fini = end)
{
	struct actor a = { .name = "a", .awaits = &operation.awaitable };

	actor_begin(&a, loop, NOTED("a"));
	complete();
	cr_assert_eq(ferry_loop_run_once(loop, 0), 1);
	cr_assert(diary_is("a: a. a)"));
	cr_assert_eq(ferry_loop_run_once(loop, 0), 1);
	cr_assert(diary_is("a]"));
}

static void note_done(ferry_task *task, void *user)
{
	cr_assert(ferry_task_snapshot(task).done);
	diary_note("%s!", (char *)user);
}

Test(cleanup, it_is_behind_those_who_waited, .init = begin, .fini = end)
{
	struct actor a = { .name = "a", .awaits = &operation.awaitable },
		     b = { .name = "b", .awaits = &a.awaitable },
		     c = { .name = "c", .awaits = &a.awaitable, .shielded = true };

	actor_begin(&a, loop, NOTED("a"));
	actor_begin(&b, loop, NULL);
	cr_assert_eq(ferry_task_add_done_callback(&a.task, note_done, "a"), 0);
	actor_begin(&c, loop, NULL);
	complete();
	run();
	cr_assert(diary_is("a: b: c: a. a) b. b) a! c. c) a]"));
}

Test(cleanup, it_is_behind_callbacks_that_are_added_while_it_is_due, .init = begin, .fini = end)
{
	struct actor a = { .name = "a" }, b = { .name = "b" };

	actor_begin(&a, loop, NOTED("a"));
	actor_begin(&b, loop, NOTED("b"));
	cr_assert_eq(ferry_task_add_done_callback(&a.task, note_done, "a"), 0);
	cr_assert_eq(ferry_task_add_done_callback(&a.task, note_done, "A"), 0);
	run();
	cr_assert(diary_is("a: a. a) b: b. b) b] a! A! a]"));
}

static ferry_gather_entry entries[2];

struct gathering {
	FERRY_FRAME;
	ferry_gather gather;
};

static ferry_step gathering_step(ferry_task *task)
{
	FERRY_BEGIN(task, struct gathering, f);
	FERRY_AWAIT(ferry_gather_begin(&f->gather, loop, entries, 2, FERRY_GATHER_COLLECT));
	diary_note("gathered");
	FERRY_END;
}

Test(cleanup, it_is_behind_who_waited_for_several, .init = begin, .fini = end)
{
	struct actor a = { .name = "a", .awaits = &operation.awaitable }, b = { .name = "b" };
	struct gathering g;

	actor_begin(&a, loop, NOTED("a"));
	actor_begin(&b, loop, NULL);
	entries[0] = (ferry_gather_entry){ .of = &b.awaitable };
	entries[1] = (ferry_gather_entry){ .of = &a.awaitable };
	ferry_task_begin(&g.task, loop, gathering_step, NULL);
	complete();
	run();
	cr_assert(diary_is("a: b: b. b) a. a) gathered a]"));
}

Test(cleanup, it_is_called_however_the_task_ended, .init = begin, .fini = end)
{
	struct actor a[] = {
		{ .name = "returns" },
		{ .name = "fails", .fails = -EIO },
		{ .name = "is_cancelled", .fails = -ECANCELED },
		{ .name = "is_cut", .awaits = &operation.awaitable },
		{ .name = "never_began" },
		{ .name = "never_had_its_turn" },
	};

	for (unsigned i = 0; i < 6; i++) {
		actor_begin(&a[i], loop,
			    OPTIONS_OF(.cleanup = note_cleanup, .user = "x",
				       .start = i == 4   ? FERRY_START_DEFERRED
						: i == 5 ? FERRY_START_LAZY
							 : FERRY_START_EAGER));
		if (i > 2)
			cr_assert_eq(ferry_task_cancel(&a[i].task), 0);
		diary[0] = 0;
		run();
		cr_assert_eq(a[i].cleaned, 1);
		cr_assert(strstr(diary, "x]"), "%s", a[i].name);
		diary[0] = 0;
	}
}

/* ---- what it may do ---- */

static unsigned freed;

static void free_frame(ferry_task *task, void *user)
{
	cr_assert_eq(user, task);
	memset(task, 0xa5, sizeof(struct actor));
	free(task);
	freed++;
}

Test(cleanup, it_may_free_the_frame, .init = begin, .fini = end)
{
	for (unsigned i = 0; i < 3000; i++) {
		struct actor *a = malloc(sizeof(*a));

		*a = (struct actor){ .name = "",
				     .yields = i % 3,
				     .error = i % 7 ? NULL : exception_new("e") };
		actor_begin(a, loop, OPTIONS_OF(.cleanup = free_frame, .user = a));
		diary[0] = 0;
	}
	run();
	cr_assert_eq(freed, 3000);
	diary[0] = 0;
}

static void free_and_go_on(ferry_task *task, void *user)
{
	struct actor *next = calloc(1, sizeof(*next));

	if (freed < 10) {
		next->name = "next";
		actor_begin(next, loop, OPTIONS_OF(.cleanup = free_and_go_on, .user = next));
	} else {
		free(next);
	}
	free_frame(task, user);
}

Test(cleanup, it_may_begin_other_tasks, .init = begin, .fini = end)
{
	struct actor *a = calloc(1, sizeof(*a));

	a->name = "first";
	actor_begin(a, loop, OPTIONS_OF(.cleanup = free_and_go_on, .user = a));
	run();
	cr_assert_eq(freed, 11);
	diary[0] = 0;
}

static unsigned lives;

static void begin_again(ferry_task *task, void *user)
{
	struct actor *a = user;

	cr_assert_eq(a->cleaned, 1);
	if (++lives < 100) {
		*a = (struct actor){ .name = "",
				     .yields = lives % 2,
				     .error = lives % 3 ? NULL : exception_new("e") };
		cr_assert_eq(actor_begin(a, loop, OPTIONS_OF(.cleanup = begin_again, .user = a)),
			     task);
	}
}

Test(cleanup, it_may_begin_the_same_frame_again, .init = begin, .fini = end)
{
	struct actor a = { .name = "" };

	actor_begin(&a, loop, OPTIONS_OF(.cleanup = begin_again, .user = &a));
	run();
	cr_assert_eq(lives, 100);
	diary[0] = 0;
}

static struct actor *other;

static void cancel_other(ferry_task *task, void *user)
{
	(void)task, (void)user;
	cr_assert_eq(ferry_task_cancel(&other->task), 0);
}

Test(cleanup, it_may_cancel_others, .init = begin, .fini = end)
{
	struct actor a = { .name = "a" }, b = { .name = "b", .awaits = &operation.awaitable };

	other = &b;
	actor_begin(&b, loop, NULL);
	actor_begin(&a, loop, OPTIONS_OF(.cleanup = cancel_other));
	run();
	cr_assert_eq(actor_ended(&b), ACTOR_CANCELLED);
	diary[0] = 0;
}

static int run_said;

static void run_inside(ferry_task *task, void *user)
{
	(void)task, (void)user;
	run_said = ferry_loop_run(loop);
	cr_assert_eq(ferry_loop_free(loop), -EBUSY);
}

Test(cleanup, it_is_a_callback_like_others, .init = begin, .fini = end)
{
	struct actor a = { .name = "a" };

	actor_begin(&a, loop, OPTIONS_OF(.cleanup = run_inside));
	run();
	cr_assert_eq(run_said, -EBUSY);
	diary[0] = 0;
}

Test(cleanup, the_group_of_a_child_may_be_gone_by_then, .init = begin, .fini = end)
{
	struct actor a = { .name = "a", .number = 5 }, b = { .name = "b", .yields = 1 };
	ferry_group *group = malloc(sizeof(*group));

	cr_assert_eq(ferry_group_init(group, loop, NULL), 0);
	actor_begin(&a, loop,
		    OPTIONS_OF(.cleanup = note_cleanup, .user = "a", .group = group,
			       .start = FERRY_START_LAZY));
	actor_begin(&b, loop, FERRY_IN(group));
	cr_assert_eq(ferry_loop_await(loop, &group->awaitable), 0);
	memset(group, 0xa5, sizeof(*group));
	free(group);
	run();
	cr_assert(diary_is("b: a: a. a) b. b) a]"));
	cr_assert_eq(ferry_task_snapshot(&a.task).result.u64, 5);
	cr_assert_eq(ferry_task_snapshot(&b.task).done, 1);
	cr_assert_eq(ferry_task_cancel(&b.task), -EALREADY);
	cr_assert_eq(ferry_task_clear(&b.task), 0);
	cr_assert_eq(ferry_task_loop(&b.task), loop);
}

Test(cleanup, the_group_of_children_that_waited_or_failed_may_be_gone_too, .init = begin,
     .fini = end)
{
	struct actor a[] = {
		{ .name = "" },
		{ .name = "", .fails = -EIO },
		{ .name = "", .awaits = &operation.awaitable },
		{ .name = "", .awaits = &operation.awaitable, .fails = -EIO },
	};
	ferry_group_options collect = FERRY_GROUP_OPTIONS_INIT;

	collect.policy = FERRY_GROUP_COLLECT;
	complete();
	for (unsigned i = 0; i < 4 * 3; i++) {
		ferry_group *group = malloc(sizeof(*group));
		struct actor *child = &a[i % 4];

		cr_assert_eq(ferry_group_init(group, loop, &collect), 0);
		actor_begin(child, loop,
			    OPTIONS_OF(.group = group, .start = (ferry_start)(1 + i / 4)));
		cr_assert_eq(ferry_loop_await(loop, &group->awaitable), 0);
		memset(group, 0xa5, sizeof(*group));
		free(group);
		cr_assert_eq(actor_ended(child), i % 2 ? ACTOR_EXCEPTION : ACTOR_RESULT);
		cr_assert_eq(ferry_task_loop(&child->task), loop);
		cr_assert_eq(ferry_task_clear(&child->task), 0);
	}
	diary[0] = 0;
}

/* ---- exceptions that nobody looked at ---- */

static struct actor failing(const char *message)
{
	return (struct actor){ .name = "",
			       .awaits = &operation.awaitable,
			       .error = exception_new(message) };
}

static void note_told(ferry_task *task, void *user)
{
	(void)task;
	*(int *)user = exceptions_told;
}

Test(cleanup, L6_one_that_nobody_looked_at_is_told_before_the_hook_is_called, .init = begin,
     .fini = end)
{
	struct actor a = failing("unseen"), b = { .name = "", .fails = -ENOSPC };
	int told = -1;

	actor_begin(&a, loop, OPTIONS_OF(.cleanup = note_told, .user = &told));
	complete();
	run();
	cr_assert_eq(told, 1);
	cr_assert_eq(exceptions_told, 1, "once");
	cr_assert_str_eq(exception_told, "unseen");
	actor_begin(&b, loop, OPTIONS_OF(.cleanup = note_told, .user = &told));
	run();
	cr_assert_eq(exceptions_told, 2);
	cr_assert_str_eq(exception_told, strerror(ENOSPC));
	cr_assert_eq(fixture_loop_counters(loop).unseen, 2);
	diary[0] = 0;
}

Test(cleanup, L6_it_is_counted_where_there_is_no_handler, .init = begin, .fini = end)
{
	struct actor a = failing("unseen");
	int told;

	cr_assert_eq(ferry_loop_set_exception_handler(loop, NULL, NULL), 0);
	actor_begin(&a, loop, OPTIONS_OF(.cleanup = note_told, .user = &told));
	complete();
	run();
	cr_assert_eq(fixture_loop_counters(loop).unseen, 1);
	diary[0] = 0;
}

static void look(ferry_task *task, void *user)
{
	(void)user;
	ferry_task_snapshot(task);
}

static void no_cleanup(ferry_task *task, void *user)
{
	(void)task, (void)user;
}

#define CLEANED OPTIONS_OF(.cleanup = no_cleanup)

Test(cleanup, L6_one_that_a_callback_looked_at_is_not_told, .init = begin, .fini = end)
{
	struct actor a = failing("seen");

	actor_begin(&a, loop, CLEANED);
	cr_assert_eq(ferry_task_add_done_callback(&a.task, look, NULL), 0);
	complete();
	run();
	cr_assert_eq(exceptions_told, 0);
	diary[0] = 0;
}

Test(cleanup, L6_one_that_a_hook_looks_at_has_been_told, .init = begin, .fini = end)
{
	struct actor a = failing("unseen");

	actor_begin(&a, loop, OPTIONS_OF(.cleanup = look));
	complete();
	run();
	cr_assert_eq(exceptions_told, 1);
	diary[0] = 0;
}

Test(cleanup, L6_one_that_was_tried_is_not_told_but_by_who_tried_it, .init = begin, .fini = end)
{
	struct actor a = failing("e"), b = { .name = "", .awaits = &a.awaitable, .tries = true };

	actor_begin(&a, loop, CLEANED);
	actor_begin(&b, loop, NULL);
	complete();
	run();
	cr_assert_eq(exceptions_told, 0);
	cr_assert_eq(ferry_task_clear(&b.task), 0);
	cr_assert_eq(exceptions_told, 1);
	diary[0] = 0;
}

Test(cleanup, L6_waiting_for_it_is_not_looking_at_it, .init = begin, .fini = end)
{
	struct actor a = failing("unseen"), b = { .name = "", .awaits = &a.awaitable };

	actor_begin(&a, loop, CLEANED);
	actor_begin(&b, loop, NULL);
	complete();
	run();
	cr_assert_eq(exceptions_told, 1);
	diary[0] = 0;
}

/* Who shielded his wait and has left does not come to know, and nobody else looks. */
Test(cleanup, L6_one_whose_shielded_waiter_has_left_is_told, .init = begin, .fini = end)
{
	for (int looks = 0; looks < 2; looks++) {
		struct actor inner = { .name = "i", .awaits = &operation.awaitable };
		struct actor outer = { .name = "o", .awaits = &inner.awaitable, .shielded = true };

		cr_assert_eq(ferry_operation_init(&operation, NULL), 0);
		inner.error = exception_new("too late");
		actor_begin(&inner, loop, NULL);
		actor_begin(&outer, loop, NULL);
		cr_assert_eq(ferry_task_cancel(&outer.task), 0);
		run();
		cr_assert(diary_is("i: o: o)"), "the inner one goes on");
		cr_assert_eq(actor_ended(&outer), ACTOR_CANCELLED);
		complete();
		run();
		cr_assert(diary_is("i. i)"));
		cr_assert_eq(exceptions_told, 0, "as yet");
		if (looks)
			cr_assert_str_eq(exception_of_task(&inner.task), "too late");
		cr_assert_eq(ferry_task_clear(&inner.task), 0);
		cr_assert_eq(exceptions_heard("too late"), !looks);
		cr_assert_eq(exceptions_alive, 0);
	}
}

Test(cleanup, L6_one_that_its_group_has_is_not_told, .init = begin, .fini = end)
{
	struct actor a = failing("group's");
	ferry_group group;

	cr_assert_eq(ferry_group_init(&group, loop, NULL), 0);
	actor_begin(&a, loop, OPTIONS_OF(.cleanup = no_cleanup, .group = &group));
	complete();
	cr_assert_eq(ferry_loop_await(loop, &group.awaitable), 0);
	run();
	cr_assert_eq(exceptions_told, 0);
	cr_assert_str_eq(exception_of(&group.awaitable), "group's");
	cr_assert_eq(ferry_group_clear(&group), 0);
	diary[0] = 0;
}

Test(cleanup, L6_one_that_ended_as_cancelled_has_none, .init = begin, .fini = end)
{
	struct actor a = { .name = "", .awaits = &operation.awaitable };

	actor_begin(&a, loop, CLEANED);
	cr_assert_eq(ferry_task_cancel(&a.task), 0);
	run();
	cr_assert_eq(exceptions_told, 0);
	diary[0] = 0;
}

Test(cleanup, L6_a_refusal_that_nobody_looked_at_is_told, .init = begin, .fini = end)
{
	struct actor a = { .name = "" }, b = a;

	ferry_task_begin(&a.task, loop, NULL, CLEANED);
	run();
	cr_assert_eq(exceptions_told, 1);
	ferry_task_begin(&b.task, loop, NULL, NULL);
	cr_assert_eq(ferry_task_clear(&b.task), 0);
	cr_assert_eq(exceptions_told, 2);
	cr_assert_eq(ferry_task_clear(&b.task), 0);
	cr_assert_eq(exceptions_told, 2);
}

/* ---- its outcome ---- */

Test(cleanup, clearing_is_for_one_that_has_ended, .init = begin, .fini = end)
{
	struct actor a = { .name = "", .awaits = &operation.awaitable }, b = { .name = "" },
		     c = failing("e");

	actor_begin(&a, loop, NULL);
	actor_begin(&b, loop, NULL);
	actor_begin(&c, loop, NULL);
	cr_assert_eq(ferry_task_clear(&a.task), -EBUSY);
	cr_assert_eq(ferry_task_clear(&b.task), 0, "there is nothing to drop");
	cr_assert_eq(actor_ended(&b), ACTOR_RESULT);
	cr_assert_eq(ferry_task_clear(NULL), -EINVAL);
	complete();
	run();
	cr_assert_eq(actor_ended(&c), ACTOR_EXCEPTION);
	cr_assert_eq(ferry_task_clear(&c.task), 0);
	cr_assert_eq(exceptions_alive, 0);
	cr_assert_eq(actor_ended(&c), ACTOR_EXCEPTION, "it has failed all the same");
	diary[0] = 0;
}

Test(cleanup, clearing_while_the_hook_is_due_tells_once, .init = begin, .fini = end)
{
	struct actor a = { .name = "", .error = exception_new("e") };

	actor_begin(&a, loop, CLEANED);
	cr_assert_eq(ferry_task_clear(&a.task), 0);
	cr_assert_eq(exceptions_told, 1);
	cr_assert_eq(exceptions_alive, 0);
	run();
	cr_assert_eq(exceptions_told, 1);
	diary[0] = 0;
}

static bool is_blank(ferry_snapshot snapshot)
{
	return !snapshot.done && !snapshot.cancelled && !snapshot.result.u64 &&
	       !snapshot.result.disposer && !snapshot.exception;
}

static void look_elsewhere(void *arg)
{
	cr_assert(is_blank(ferry_task_snapshot(arg)));
	cr_assert_eq(ferry_task_clear(arg), -EPERM);
	cr_assert_eq(ferry_task_set_result(arg, ferry_result_u64(1)), -EPERM);
}

static int look_in_child(void *arg)
{
	return !is_blank(ferry_task_snapshot(arg)) || ferry_task_clear(arg) != -ECHILD ||
	       ferry_task_set_result(arg, ferry_result_u64(1)) != -ECHILD;
}

Test(cleanup, a_snapshot_is_the_loops_threads_to_take, .init = begin)
{
	struct actor a = { .name = "", .number = 3 }, b = { .name = "", .fails = -EIO },
		     c = { .name = "", .yields = 1 };

	cr_assert(is_blank(ferry_task_snapshot(NULL)));
	actor_begin(&a, loop, NULL);
	actor_begin(&b, loop, NULL);
	actor_begin(&c, loop, NULL);
	cr_assert(is_blank(ferry_task_snapshot(&c.task)), "it has not ended");
	fixture_elsewhere(look_elsewhere, &a.task);
	cr_assert_eq(fixture_in_child(look_in_child, &a.task), 0);
	ferry_loop_ref(loop);
	cr_assert_eq(ferry_loop_free(loop), 0);
	cr_assert_eq(ferry_task_snapshot(&a.task).result.u64, 3);
	cr_assert_eq(actor_errno(&b), EIO);
	cr_assert_eq(ferry_task_clear(&b.task), 0);
	cr_assert_eq(ferry_task_set_result(&c.task, ferry_result_u64(1)), -ESHUTDOWN);
	ferry_loop_unref(loop);
	diary[0] = 0;
}

static void set_results(struct actor *actor)
{
	cr_assert_eq(ferry_task_set_result(&actor->task, ferry_result_u64(1)), 0);
	cr_assert_eq(ferry_task_set_result(&actor->task, ferry_result_i64(-2)), 0);
}

Test(cleanup, the_result_that_was_set_last_counts, .init = begin, .fini = end)
{
	struct actor a = { .name = "", .acts = set_results, .awaits = &operation.awaitable };

	actor_begin(&a, loop, NULL);
	cr_assert(is_blank(ferry_task_snapshot(&a.task)));
	complete();
	run();
	cr_assert_eq(ferry_task_snapshot(&a.task).result.i64, -2, "waiting does not change it");
	cr_assert_eq(ferry_task_set_result(&a.task, ferry_result_u64(3)), -EALREADY);
	cr_assert_eq(ferry_task_set_result(NULL, ferry_result_u64(3)), -EINVAL);
	cr_assert_eq(ferry_task_snapshot(&a.task).result.i64, -2);
	diary[0] = 0;
}

Test(cleanup, anybody_may_set_the_result_before_the_end, .init = begin, .fini = end)
{
	struct actor a = { .name = "" }, b = { .name = "", .cleans = &operation.awaitable };

	actor_begin(&a, loop, LAZY);
	cr_assert_eq(ferry_task_set_result(&a.task, ferry_result_u64(8)), 0);
	actor_begin(&b, loop, NULL);
	cr_assert_eq(ferry_task_set_result(&b.task, ferry_result_u64(9)), 0);
	complete();
	run();
	cr_assert_eq(ferry_task_snapshot(&a.task).result.u64, 8);
	cr_assert_eq(ferry_task_snapshot(&b.task).result.u64, 9);
	diary[0] = 0;
}

Test(cleanup, one_that_has_failed_or_is_cancelled_takes_no_result, .init = begin, .fini = end)
{
	struct actor a = { .name = "", .fails = -EIO, .cleans = &operation.awaitable },
		     b = { .name = "", .fails = -ECANCELED, .cleans = &operation.awaitable };

	actor_begin(&a, loop, NULL);
	actor_begin(&b, loop, NULL);
	cr_assert_eq(ferry_task_set_result(&a.task, ferry_result_u64(1)), -EALREADY);
	cr_assert_eq(ferry_task_set_result(&b.task, ferry_result_u64(1)), -EALREADY);
	complete();
	run();
	cr_assert_eq(actor_errno(&a), EIO);
	cr_assert_eq(actor_ended(&b), ACTOR_CANCELLED);
	diary[0] = 0;
}

Test(cleanup, F7_a_disposer_needs_somebody_who_calls_it, .init = begin, .fini = end)
{
	struct actor a = { .name = "" }, b = { .name = "", .yields = 1 };
	struct token token = { 0 }, replaced = { 0 };
	ferry_result result;
	ferry_future *future;

	actor_begin(&a, loop, LAZY);
	cr_assert_eq(ferry_task_set_result(&a.task, token_result(&token, &token_anywhere)),
		     -EINVAL);
	cr_assert_eq(token.disposed, 0, "it is the caller's");
	actor_begin(&b, loop, NULL);
	cr_assert_eq(ferry_task_unwrap(&b.task, NULL, &future), 0);
	cr_assert_eq(ferry_task_set_result(&b.task, token_result(&replaced, &token_anywhere)), 0);
	cr_assert_eq(ferry_task_set_result(&b.task, token_result(&token, &token_anywhere)), 0);
	cr_assert_eq(replaced.disposed, 1);
	cr_assert_eq(ferry_task_set_result(&b.task, token_result(&token, &token_blocking)), -EINVAL,
		     "there is no pool for it");
	run();
	cr_assert_eq(token.disposed, 0);
	cr_assert_eq(ferry_task_snapshot(&b.task).result.pointer, &token);
	cr_assert_null(ferry_task_snapshot(&b.task).result.disposer, "the future owns it");
	cr_assert_eq(ferry_future_take(future, &result), 0);
	cr_assert_eq(result.pointer, &token);
	ferry_future_unref(future);
	cr_assert_eq(token.disposed, 0);
	diary[0] = 0;
}

/* ---- a handler that does what it is told of ---- */

static struct actor told_of;
static unsigned tellings;

static void clear_it(ferry_loop *of, const ferry_error *exception, void *user)
{
	(void)of, (void)exception, (void)user;
	if (tellings++ < 5)
		cr_assert_eq(ferry_task_clear(&told_of.task), 0);
}

Test(cleanup, L6_one_that_is_cleared_by_who_is_told_is_told_once, .init = begin, .fini = end)
{
	told_of = (struct actor){ .name = "f", .error = exception_new("e") };
	cr_assert_eq(ferry_loop_set_exception_handler(loop, clear_it, NULL), 0);
	actor_begin(&told_of, loop, NULL);
	cr_assert_eq(ferry_task_clear(&told_of.task), 0);
	cr_assert_eq(tellings, 1);
	cr_assert_eq(exceptions_alive, 0);
	diary[0] = 0;
}
