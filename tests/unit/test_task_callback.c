/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Done-callbacks of tasks: each once, from the loop, in order with those who wait (L2). */
#include <criterion/criterion.h>

#include "support/actor.h"

TestSuite(task_callback, .timeout = 60);

#define DEFERRED OPTIONS_OF(.start = FERRY_START_DEFERRED)

static ferry_loop *loop;
static ferry_operation operation;
static struct actor task; /* the one that ends when the operation is complete */

static void begin(void)
{
	loop = fixture_loop();
	cr_assert_eq(ferry_operation_init(&operation, NULL), 0);
	task = (struct actor){ .name = "", .awaits = &operation.awaitable };
	actor_begin(&task, loop, NULL);
	diary[0] = 0;
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

/* The task ends, inside of this. */
static void complete(void)
{
	cr_assert_eq(ferry_operation_complete(&operation, loop, 0), 0);
	cr_assert_eq(ferry_loop_run_once(loop, 0), 1);
	cr_assert(diary_is(". )"), "nobody is called inside of the step");
}

static void note(ferry_task *which, void *user)
{
	cr_assert_eq(which, &task.task);
	cr_assert(ferry_task_snapshot(which).done);
	cr_assert_null(ferry_current_task(loop));
	diary_note("%s", (char *)user);
}

static void add(char *letter)
{
	cr_assert_eq(ferry_task_add_done_callback(&task.task, note, letter), 0);
}

static int take_back(char *letter)
{
	return ferry_task_remove_done_callback(&task.task, note, letter);
}

static char *const a = "a", *const b = "b", *const c = "c", *const d = "d", *const e = "e";

/* ---- order ---- */

Test(task_callback, L2_they_are_called_in_the_order_added, .init = begin, .fini = end)
{
	add(a), add(b), add(c);
	complete();
	run();
	cr_assert(diary_is("a b c"));
	run();
	cr_assert(diary_is(""), "once");
}

Test(task_callback, L2_one_added_to_a_task_that_has_ended_waits_for_the_next_turn, .init = begin,
     .fini = end)
{
	complete();
	add(a), add(b);
	cr_assert(diary_is(""));
	run();
	cr_assert(diary_is("a b"));
	add(c);
	cr_assert(diary_is(""));
	cr_assert_eq(ferry_loop_pending(loop), 1);
	run();
	cr_assert(diary_is("c"));
}

Test(task_callback, L2_those_added_before_and_after_the_end_keep_their_order, .init = begin,
     .fini = end)
{
	add(a), add(b);
	complete();
	add(c), add(d);
	run();
	cr_assert(diary_is("a b c d"));
}

Test(task_callback, L2_they_keep_their_order_with_the_tasks_that_wait, .init = begin, .fini = end)
{
	struct actor first = { .name = "1", .awaits = &task.awaitable },
		     second = { .name = "2", .awaits = &task.awaitable, .shielded = true };

	add(a);
	actor_begin(&first, loop, NULL);
	add(b);
	actor_begin(&second, loop, NULL);
	add(c);
	diary[0] = 0;
	complete();
	run();
	cr_assert(diary_is("a 1. 1) b 2. 2) c"));
}

Test(task_callback, the_same_may_be_added_several_times, .init = begin, .fini = end)
{
	add(a), add(b), add(a), add(a);
	complete();
	add(a);
	run();
	cr_assert(diary_is("a b a a a"));
}

static size_t counted;

static void count(ferry_task *which, void *user)
{
	(void)which;
	cr_assert_eq((size_t)user, counted);
	counted++;
}

Test(task_callback, ten_thousand_are_called_in_order, .init = begin, .fini = end)
{
	for (size_t i = 0; i < 10000; i++)
		cr_assert_eq(ferry_task_add_done_callback(&task.task, count, (void *)i), 0);
	complete();
	run();
	cr_assert_eq(counted, 10000);
}

/* ---- whatever the task does ---- */

static void note_end(ferry_task *which, void *user)
{
	(void)user;
	diary_note("%d", actor_end_of(ferry_task_snapshot(which)));
}

Test(task_callback, they_are_called_however_it_ended, .init = begin, .fini = end)
{
	struct actor fails = { .name = "", .yields = 1, .fails = -EIO };
	struct actor deferred = { .name = "" }, refused = { .name = "" };

	add(a);
	cr_assert_eq(ferry_task_cancel(&task.task), 0);
	actor_begin(&fails, loop, NULL);
	cr_assert_eq(ferry_task_add_done_callback(&fails.task, note_end, NULL), 0);
	actor_begin(&deferred, loop, DEFERRED);
	cr_assert_eq(ferry_task_add_done_callback(&deferred.task, note_end, NULL), 0);
	cr_assert_eq(ferry_task_cancel(&deferred.task), 0);
	ferry_task_begin(&refused.task, loop, NULL, NULL);
	cr_assert_eq(ferry_task_add_done_callback(&refused.task, note_end, NULL), 0);
	run();
	cr_assert(diary_is(": ) . ) ) 2 a 2 3"), "2 is an exception, 3 cancelled");
}

Test(task_callback, they_do_not_count_as_looking_at_an_exception, .init = begin, .fini = end)
{
	struct actor fails = { .name = "", .fails = -EIO };

	actor_begin(&fails, loop, NULL);
	counted = 0;
	cr_assert_eq(ferry_task_add_done_callback(&fails.task, count, (void *)0), 0);
	run();
	cr_assert_eq(ferry_task_clear(&fails.task), 0);
	cr_assert_eq(fixture_loop_counters(loop).unseen, 1);
	cr_assert_eq(ferry_operation_complete(&operation, loop, 0), 0);
	run();
	diary[0] = 0;
}

static void add_another(ferry_task *which, void *user)
{
	note(which, user);
	if (user == a)
		cr_assert_eq(ferry_task_add_done_callback(which, add_another, b), 0);
}

Test(task_callback, L2_one_that_another_adds_waits_for_the_next_turn, .init = begin, .fini = end)
{
	cr_assert_eq(ferry_task_add_done_callback(&task.task, add_another, a), 0);
	add(c);
	complete();
	cr_assert_eq(ferry_loop_run_once(loop, 0), 2);
	cr_assert(diary_is("a c"));
	cr_assert_eq(ferry_loop_run_once(loop, 0), 1);
	cr_assert(diary_is("b"));
}

static void begin_it_again(ferry_task *which, void *user)
{
	(void)which, (void)user;
	task = (struct actor){ .name = "again", .awaits = &operation.awaitable };
	actor_begin(&task, loop, NULL);
}

Test(task_callback, the_last_one_may_begin_the_same_frame_again, .init = begin, .fini = end)
{
	add(a);
	cr_assert_eq(ferry_task_add_done_callback(&task.task, begin_it_again, NULL), 0);
	complete();
	run();
	cr_assert(diary_is("a again: again. again)"));
	add(b);
	run();
	cr_assert(diary_is("b"));
}

/* ---- taken back ---- */

Test(task_callback, one_that_is_taken_back_is_not_called, .init = begin, .fini = end)
{
	add(a), add(b), add(c);
	cr_assert_eq(take_back(b), 1);
	cr_assert_eq(take_back(b), 0, "it is there no more");
	complete();
	run();
	cr_assert(diary_is("a c"));
}

Test(task_callback, all_equal_ones_are_taken_back_and_counted, .init = begin, .fini = end)
{
	add(a), add(b), add(a), add(c), add(a);
	cr_assert_eq(take_back(a), 3);
	complete();
	run();
	cr_assert(diary_is("b c"));
}

Test(task_callback, others_are_not_taken_back, .init = begin, .fini = end)
{
	struct actor other = { .name = "", .awaits = &operation.awaitable };

	actor_begin(&other, loop, NULL);
	add(a);
	cr_assert_eq(take_back(b), 0);
	cr_assert_eq(ferry_task_remove_done_callback(&task.task, note_end, a), 0);
	cr_assert_eq(ferry_task_remove_done_callback(&other.task, note, a), 0);
	cr_assert_eq(ferry_operation_complete(&operation, loop, 0), 0);
	cr_assert_eq(ferry_loop_run_once(loop, 0), 2);
	cr_assert_eq(ferry_task_remove_done_callback(&other.task, note, a), 0);
	diary[0] = 0;
	run();
	cr_assert(diary_is("a"));
}

Test(task_callback, one_that_is_due_can_be_taken_back, .init = begin, .fini = end)
{
	add(a), add(b);
	complete();
	add(c), add(b);
	cr_assert_eq(take_back(b), 2);
	run();
	cr_assert(diary_is("a c"));
	cr_assert_eq(take_back(a), 0, "it has been called");
}

static void take_others_back(ferry_task *which, void *user)
{
	note(which, user);
	cr_assert_eq(ferry_task_remove_done_callback(which, take_others_back, user), 0,
		     "it has begun");
	cr_assert_eq(take_back(c), 1);
}

Test(task_callback, one_may_take_back_those_behind_it, .init = begin, .fini = end)
{
	add(a);
	cr_assert_eq(ferry_task_add_done_callback(&task.task, take_others_back, b), 0);
	add(c), add(d);
	complete();
	run();
	cr_assert(diary_is("a b d"));
}

static void take_all_back(ferry_task *which, void *user)
{
	(void)user;
	cr_assert_eq(take_back(e), 3);
	cr_assert_eq(ferry_task_add_done_callback(which, note, a), 0);
}

Test(task_callback, a_waiting_task_between_them_is_not_taken_back, .init = begin, .fini = end)
{
	struct actor waits = { .name = "w", .awaits = &task.awaitable };

	cr_assert_eq(ferry_task_add_done_callback(&task.task, take_all_back, NULL), 0);
	add(e);
	actor_begin(&waits, loop, NULL);
	add(e), add(e);
	diary[0] = 0;
	complete();
	run();
	cr_assert(diary_is("w. w) a"));
}

/* ---- where they come from ---- */

Test(task_callback, T5_their_memory_is_used_again, .init = begin, .fini = end)
{
	size_t cached = 0;

	complete();
	for (unsigned i = 0; i < 100; i++) {
		add(a), add(b), add(c);
		cr_assert_eq(take_back(b), 1);
		run();
		cr_assert(diary_is("a c"));
		if (!i)
			cached = fixture_loop_counters(loop).cached_bytes;
		cr_assert_eq(fixture_loop_counters(loop).cached_bytes, cached);
	}
}

/* ---- refused ---- */

static void add_elsewhere(void *arg)
{
	cr_assert_eq(ferry_task_add_done_callback(arg, note, a), -EPERM);
	cr_assert_eq(ferry_task_remove_done_callback(arg, note, a), -EPERM);
}

static int add_in_child(void *arg)
{
	return ferry_task_add_done_callback(arg, note, a) != -ECHILD ||
	       ferry_task_remove_done_callback(arg, note, a) != -ECHILD;
}

Test(task_callback, it_is_the_loops_threads_to_do, .init = begin)
{
	struct actor nobodys = { .name = "" };

	ferry_task_begin(&nobodys.task, NULL, actor_step, NULL);
	cr_assert_eq(ferry_task_add_done_callback(NULL, note, a), -EINVAL);
	cr_assert_eq(ferry_task_add_done_callback(&task.task, NULL, a), -EINVAL);
	cr_assert_eq(ferry_task_add_done_callback(&nobodys.task, note, a), -EINVAL,
		     "no loop could call it");
	cr_assert_eq(ferry_task_remove_done_callback(NULL, note, a), -EINVAL);
	cr_assert_eq(ferry_task_remove_done_callback(&task.task, NULL, a), -EINVAL);
	cr_assert_eq(ferry_task_remove_done_callback(&nobodys.task, note, a), 0);
	add(a);
	fixture_elsewhere(add_elsewhere, &task.task);
	cr_assert_eq(fixture_in_child(add_in_child, &task.task), 0);
	complete();
	run();
	cr_assert(diary_is("a"));
	ferry_loop_ref(loop);
	end();
	cr_assert_eq(ferry_task_add_done_callback(&task.task, note, a), -ESHUTDOWN);
	cr_assert_eq(ferry_task_remove_done_callback(&task.task, note, a), -ESHUTDOWN);
	ferry_loop_unref(loop);
}
