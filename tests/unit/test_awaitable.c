/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Awaitables: nodes of the caller's, those who wait with them, operations and their hooks. */
#include <criterion/criterion.h>

#include "support/actor.h"
#include "task/awaitable.h"

TestSuite(awaitable, .timeout = 60);

static ferry_loop *loop;

static void begin(void)
{
	loop = fixture_loop();
}

static void end(void)
{
	cr_assert_eq(ferry_loop_free(loop), 0);
	cr_assert(diary_is(""), "nothing was told that the test did not look at");
}

/* A node of the caller's, that notes its name. */
struct node {
	ferry_waiter waiter;
	const char *name;
};

static void note(ferry_waiter *waiter)
{
	diary_note("%s!", container(waiter, struct node, waiter)->name);
}

static struct node node(const char *name)
{
	return (struct node){ { .notify = note }, name };
}

static int attach(ferry_awaitable *awaitable, struct node *node)
{
	return ferry_awaitable_attach(awaitable, loop, &node->waiter);
}

static int detach(ferry_awaitable *awaitable, struct node *node)
{
	return ferry_awaitable_detach(awaitable, loop, &node->waiter);
}

static void turn(void)
{
	cr_assert_geq(ferry_loop_run_once(loop, 0), 0);
}

/* ---- the ring ---- */

#define NODES 4

static struct node nodes[NODES];

/* Takes those who are left; their names are noted. */
static void take_all(ferry_awaitable *awaitable)
{
	struct ferry_waiter *oldest;

	while ((oldest = awaitable_take(awaitable)))
		note(oldest);
}

static void append_all(ferry_awaitable *awaitable)
{
	static const char *const names[NODES] = { "a", "b", "c", "d" };

	for (int i = 0; i < NODES; i++) {
		nodes[i] = node(names[i]);
		awaitable_append(awaitable, &nodes[i].waiter);
	}
}

Test(awaitable, L2_the_oldest_is_taken_first)
{
	ferry_awaitable awaitable = { AWAITABLE_OPERATION };

	append_all(&awaitable);
	take_all(&awaitable);
	cr_assert(diary_is("a! b! c! d!"));
	cr_assert_eq(awaitable.word, AWAITABLE_OPERATION, "its kind is kept");
}

Test(awaitable, any_one_can_be_unlinked_and_the_order_of_the_others_stays)
{
	static const char *const left[NODES] = { "b! c! d! x!", "a! c! d! x!", "a! b! d! x!",
						 "a! b! c! x!" };

	for (int i = 0; i < NODES; i++) {
		ferry_awaitable awaitable = { AWAITABLE_TASK };
		struct node another = node("x");

		append_all(&awaitable);
		cr_assert(awaitable_unlink(&awaitable, &nodes[i].waiter));
		cr_assert_not(awaitable_unlink(&awaitable, &nodes[i].waiter));
		awaitable_append(&awaitable, &another.waiter);
		take_all(&awaitable);
		cr_assert(diary_is(left[i]));
		cr_assert_eq(awaitable.word, AWAITABLE_TASK);
	}
}

Test(awaitable, the_only_one_can_be_unlinked)
{
	ferry_awaitable awaitable = { 0 };
	struct node only = node("only"), another = node("another");

	cr_assert_not(awaitable_unlink(&awaitable, &only.waiter));
	awaitable_append(&awaitable, &only.waiter);
	cr_assert_not(awaitable_unlink(&awaitable, &another.waiter));
	cr_assert(awaitable_unlink(&awaitable, &only.waiter));
	cr_assert_eq(awaitable.word, 0);
}

/* ---- nodes of the caller's ---- */

Test(awaitable, L2_nodes_and_tasks_are_told_in_the_order_in_which_they_began, .init = begin,
     .fini = end)
{
	ferry_operation operation;
	struct actor a = { .name = "a", .awaits = &operation.awaitable };
	struct actor b = { .name = "b", .awaits = &operation.awaitable };
	struct node first = node("first"), second = node("second");

	cr_assert_eq(ferry_operation_init(&operation, NULL), 0);
	actor_begin(&a, loop, NULL);
	cr_assert_eq(attach(&operation.awaitable, &first), 0);
	actor_begin(&b, loop, NULL);
	cr_assert_eq(attach(&operation.awaitable, &second), 0);
	cr_assert(diary_is("a: b:"));
	cr_assert_eq(ferry_operation_complete(&operation, loop, 0), 0);
	cr_assert(diary_is(""), "nobody inside the call that completes");
	turn();
	cr_assert(diary_is("a. a) first! b. b) second!"));
}

static void complete_inside(ferry_loop *which, void *operation)
{
	cr_assert_eq(ferry_operation_complete(operation, which, 0), 0);
	diary_note("completed");
}

Test(awaitable, L2_a_node_is_told_behind_the_callback_that_completed, .init = begin, .fini = end)
{
	ferry_operation operation;
	struct node waits = node("node");

	ferry_operation_init(&operation, NULL);
	cr_assert_eq(attach(&operation.awaitable, &waits), 0);
	cr_assert_eq(ferry_loop_call_soon(loop, complete_inside, &operation), 0);
	turn();
	cr_assert(diary_is("completed"), "what was added in a turn waits for the next");
	turn();
	cr_assert(diary_is("node!"));
}

Test(awaitable, a_node_is_not_attached_to_what_is_done, .init = begin, .fini = end)
{
	ferry_operation operation;
	struct node late = node("late");
	struct actor ended = { .name = "ended" };

	ferry_operation_init(&operation, NULL);
	ferry_operation_complete(&operation, loop, -EIO);
	cr_assert_eq(attach(&operation.awaitable, &late), -EALREADY);
	actor_begin(&ended, loop, NULL);
	cr_assert_eq(attach(&ended.awaitable, &late), -EALREADY);
	cr_assert_eq(ferry_loop_run(loop), 0);
	cr_assert(diary_is("ended: ended. ended)"));
}

Test(awaitable, a_node_can_wait_for_anything_that_ends, .init = begin, .fini = end)
{
	struct actor task = { .name = "task", .yields = 1 }, child = { .name = "child" };
	struct node of_task = node("task"), of_group = node("group"), of_sleep = node("sleep");
	struct node of_local = node("local"), of_plain = node("plain");
	ferry_operation plain;
	ferry_await await = { .local = NULL };
	ferry_local *local;
	ferry_group group;
	ferry_sleep sleep;

	actor_begin(&task, loop, NULL);
	cr_assert_eq(attach(&task.awaitable, &of_task), 0);
	cr_assert_eq(ferry_group_init(&group, loop, NULL), 0);
	actor_begin(&child, loop, OPTIONS_OF(.group = &group, .start = FERRY_START_LAZY));
	cr_assert_eq(attach(&group.awaitable, &of_group), 0);
	cr_assert_eq(ferry_group_close(&group), -EALREADY, "waiting for it closes it");
	cr_assert_eq(attach(&ferry_sleep_until(&sleep, loop, 0)->awaitable, &of_sleep), 0);
	cr_assert_eq(ferry_local_new(loop, &local), 0);
	ferry_local_ref(local);
	cr_assert_eq(attach(&ferry_await_local(&await, local)->awaitable, &of_local), 0);
	ferry_local_set_result(local, ferry_result_u64(1));
	cr_assert_eq(ferry_operation_init(&plain, NULL), 0);
	cr_assert_eq(attach(&plain.awaitable, &of_plain), 0);
	cr_assert_eq(detach(&plain.awaitable, &of_plain), 1);
	cr_assert_eq(ferry_loop_run(loop), 0);
	cr_assert(diary_is("task: sleep! task. task) child: child. child) local! task! group!"));
	ferry_await_end(&await);
	ferry_local_unref(local);
}

Test(awaitable, T7_what_only_tasks_are_given_no_node_can_wait_for, .init = begin, .fini = end)
{
	struct node waits = node("node");
	ferry_condition condition;
	ferry_semaphore semaphore;
	ferry_lock lock;

	cr_assert_eq(ferry_lock_init(&lock, loop), 0);
	cr_assert_eq(ferry_semaphore_init(&semaphore, loop, 0), 0);
	cr_assert_eq(ferry_condition_init(&condition, &lock), 0);
	cr_assert_eq(attach(&lock.operation.awaitable, &waits), -EINVAL);
	cr_assert_eq(attach(&semaphore.operation.awaitable, &waits), -EINVAL);
	cr_assert_eq(attach(&condition.operation.awaitable, &waits), -EINVAL);
	cr_assert_eq(ferry_semaphore_release(&semaphore, 1), 0);
	cr_assert_eq(semaphore.permits, 1, "it was not given to a node");
}

/* ---- detached ---- */

Test(awaitable, a_node_that_was_detached_is_not_told, .init = begin, .fini = end)
{
	for (int i = 0; i < 3; i++) {
		static const char *const told[] = { "b! c!", "a! c!", "a! b!" };
		struct node three[] = { node("a"), node("b"), node("c") }, never = node("never");
		ferry_operation operation;

		ferry_operation_init(&operation, NULL);
		for (int each = 0; each < 3; each++)
			cr_assert_eq(attach(&operation.awaitable, &three[each]), 0);
		cr_assert_eq(detach(&operation.awaitable, &never), 0);
		cr_assert_eq(detach(&operation.awaitable, &three[i]), 1);
		cr_assert_eq(detach(&operation.awaitable, &three[i]), 0);
		ferry_operation_complete(&operation, loop, 0);
		cr_assert_eq(ferry_loop_run(loop), 0);
		cr_assert(diary_is(told[i]));
	}
}

Test(awaitable, a_node_that_is_about_to_be_told_can_be_detached, .init = begin, .fini = end)
{
	for (int i = 0; i < 3; i++) {
		static const char *const told[] = { "b! c!", "a! c!", "a! b!" };
		struct node three[] = { node("a"), node("b"), node("c") };
		ferry_operation operation;

		ferry_operation_init(&operation, NULL);
		for (int each = 0; each < 3; each++)
			cr_assert_eq(attach(&operation.awaitable, &three[each]), 0);
		ferry_operation_complete(&operation, loop, 0);
		cr_assert_eq(ferry_loop_pending(loop), 3);
		cr_assert_eq(detach(&operation.awaitable, &three[i]), 1);
		cr_assert_eq(detach(&operation.awaitable, &three[i]), 0);
		cr_assert_eq(ferry_loop_pending(loop), 2, "it is not counted any more");
		cr_assert_eq(ferry_loop_run(loop), 0);
		cr_assert(diary_is(told[i]));
		cr_assert_eq(detach(&operation.awaitable, &three[(i + 1) % 3]), 0, "too late");
	}
}

/* What was done has been made anew since: who was to be told of the first time still is. */
Test(awaitable, a_node_can_be_detached_from_an_event_that_was_set_and_cleared, .init = begin,
     .fini = end)
{
	struct node first = node("first"), second = node("second"), third = node("third");
	ferry_event event;

	cr_assert_eq(ferry_event_init(&event, loop), 0);
	cr_assert_eq(attach(&event.awaitable, &first), 0);
	cr_assert_eq(attach(&event.awaitable, &second), 0);
	cr_assert_eq(ferry_event_set(&event), 0);
	cr_assert_eq(ferry_event_clear(&event), 0);
	cr_assert_eq(attach(&event.awaitable, &third), 0);
	cr_assert_eq(detach(&event.awaitable, &first), 1);
	cr_assert_eq(detach(&event.awaitable, &first), 0);
	cr_assert_eq(ferry_loop_run(loop), 0);
	cr_assert(diary_is("second!"));
	cr_assert_eq(detach(&event.awaitable, &second), 0);
	cr_assert_eq(detach(&event.awaitable, &third), 1);
}

static ferry_operation shared;
static struct node *victim;

static void detach_another(ferry_waiter *waiter)
{
	note(waiter);
	diary_note("%d", detach(&shared.awaitable, victim));
}

Test(awaitable, one_that_is_told_can_detach_the_next, .init = begin, .fini = end)
{
	struct node first = { { .notify = detach_another }, "first" }, second = node("second");
	struct node third = node("third");

	victim = &second;
	ferry_operation_init(&shared, NULL);
	cr_assert_eq(attach(&shared.awaitable, &first), 0);
	cr_assert_eq(attach(&shared.awaitable, &second), 0);
	cr_assert_eq(attach(&shared.awaitable, &third), 0);
	ferry_operation_complete(&shared, loop, 0);
	turn();
	turn();
	cr_assert(diary_is("first! 1 third!"));
}

static void detach_itself(ferry_waiter *waiter)
{
	note(waiter);
	diary_note("%d", ferry_awaitable_detach(&shared.awaitable, loop, waiter));
	diary_note("%d", ferry_awaitable_attach(&shared.awaitable, loop, waiter));
	ferry_operation_init(&shared, NULL);
	diary_note("%d", ferry_awaitable_attach(&shared.awaitable, loop, waiter));
}

Test(awaitable, one_that_is_told_is_the_callers_again, .init = begin, .fini = end)
{
	struct node again = { { .notify = detach_itself }, "again" };

	ferry_operation_init(&shared, NULL);
	cr_assert_eq(attach(&shared.awaitable, &again), 0);
	ferry_operation_complete(&shared, loop, 0);
	cr_assert_eq(ferry_loop_run(loop), 0);
	cr_assert(diary_is("again! 0 -114 0"));
	cr_assert_eq(detach(&shared.awaitable, &again), 1);
}

/* ---- outcomes ---- */

static const struct {
	int said;
	enum actor_end end;
	const char *told;
} outcomes[] = {
	{ 0, ACTOR_RESULT, "t. t)" },
	{ -ECANCELED, ACTOR_CANCELLED, "t)" },
	{ -EIO, ACTOR_EXCEPTION, "t)" },
	{ -ENOENT, ACTOR_EXCEPTION, "t)" },
};
#define OUTCOMES (sizeof(outcomes) / sizeof(*outcomes))

Test(awaitable, who_tries_ends_as_the_operation_did, .init = begin, .fini = end)
{
	for (size_t i = 0; i < OUTCOMES; i++) {
		ferry_operation operation;
		struct actor task = { .name = "t", .awaits = &operation.awaitable, .tries = true };
		ferry_snapshot snapshot;

		ferry_operation_init(&operation, NULL);
		cr_assert_not(ferry_awaitable_snapshot(&operation.awaitable).done);
		actor_begin(&task, loop, NULL);
		cr_assert(diary_is("t:"));
		cr_assert_eq(ferry_operation_complete(&operation, loop, outcomes[i].said), 0);
		snapshot = ferry_awaitable_snapshot(&operation.awaitable);
		cr_assert_eq(actor_end_of(snapshot), outcomes[i].end);
		if (snapshot.exception)
			cr_assert_eq(ferry_error_errno(snapshot.exception), -outcomes[i].said);
		cr_assert_eq(ferry_operation_complete(&operation, loop, 0), -EALREADY);
		cr_assert_eq(ferry_loop_run(loop), 0);
		cr_assert(diary_is(outcomes[i].told));
		cr_assert_eq(actor_ended(&task), outcomes[i].end);
		if (outcomes[i].end == ACTOR_EXCEPTION)
			cr_assert_eq(actor_errno(&task), -outcomes[i].said);
	}
}

Test(awaitable, what_is_no_outcome_completes_nothing, .init = begin, .fini = end)
{
	ferry_operation operation;

	ferry_operation_init(&operation, NULL);
	cr_assert_eq(ferry_operation_complete(&operation, loop, 1), -EINVAL);
	cr_assert_eq(ferry_operation_complete(&operation, loop, EIO), -EINVAL);
	cr_assert_eq(ferry_operation_complete(&operation, loop, -100000), -EINVAL);
	cr_assert_eq(ferry_operation_complete(&operation, loop, -INT32_MAX), -EINVAL);
	cr_assert_not(ferry_awaitable_snapshot(&operation.awaitable).done);
}

Test(awaitable, a_snapshot_of_nothing_is_blank)
{
	ferry_awaitable zero = { 0 };

	cr_assert_not(ferry_awaitable_snapshot(NULL).done);
	cr_assert_not(ferry_awaitable_snapshot(&zero).done);
}

/* ---- hooks ---- */

/* An operation of the caller's own, whose hooks do what the test says. */
struct work {
	FERRY_OPERATION;
	bool completes_as_awaited, completes_as_cancelled;
	int outcome;
	int awaited, cancelled;
	ferry_task *by;       /* who was cancelled last */
	struct actor *begins; /* as it is cancelled; NULL: nothing */
};

static void work_awaited(ferry_operation *operation)
{
	struct work *work = container(operation, struct work, operation);

	work->awaited++;
	if (work->completes_as_awaited)
		cr_assert_eq(ferry_operation_complete(operation, loop, work->outcome), 0);
}

static void work_cancelled(ferry_operation *operation, struct ferry_task *task)
{
	struct work *work = container(operation, struct work, operation);

	work->cancelled++;
	work->by = task;
	if (work->begins)
		actor_begin(work->begins, loop, OPTIONS_OF(.start = FERRY_START_EAGER));
	if (work->completes_as_cancelled)
		cr_assert_eq(ferry_operation_complete(operation, loop, work->outcome), 0);
}

static const ferry_operation_hooks work_hooks = { sizeof(work_hooks), "work", 0, work_awaited,
						  work_cancelled };
/* The same without one of the hooks. */
static const ferry_operation_hooks lone_hooks = { sizeof(lone_hooks), "work", 0, work_awaited,
						  NULL };

static void work_init(struct work *work, const ferry_operation_hooks *hooks)
{
	cr_assert_eq(ferry_operation_init(&work->operation, hooks), 0);
}

Test(awaitable, hooks_of_a_size_that_is_not_known_are_refused)
{
	ferry_operation_hooks hooks = work_hooks;
	ferry_operation operation = { { 17 }, NULL };

	hooks.size--;
	cr_assert_eq(ferry_operation_init(&operation, &hooks), -EINVAL);
	hooks.size += 2;
	cr_assert_eq(ferry_operation_init(&operation, &hooks), -EINVAL);
	hooks.size = 0;
	cr_assert_eq(ferry_operation_init(&operation, &hooks), -EINVAL);
	cr_assert_eq(operation.awaitable.word, 17);
	cr_assert_eq(ferry_operation_init(NULL, &work_hooks), -EINVAL);
}

static void cancel_itself(struct actor *actor)
{
	cr_assert_eq(ferry_task_cancel(&actor->task), 0);
}

/* Several wait, and those of a cancelled one's hook begin others while it stands among them. */
Test(awaitable, T7_what_a_hook_begins_is_not_taken_for_who_waits, .init = begin, .fini = end)
{
	struct actor begun = { .name = "b" };
	struct work work = { .begins = &begun };
	struct actor tasks[] = {
		{ .name = "x", .awaits = &work.awaitable },
		{ .name = "y", .acts = cancel_itself, .awaits = &work.awaitable },
		{ .name = "z", .awaits = &work.awaitable },
	};

	work_init(&work, &work_hooks);
	for (unsigned i = 0; i < 3; i++)
		actor_begin(&tasks[i], loop, NULL);
	cr_assert(diary_is("x: y: b: b. b) z:"));
	cr_assert_eq(work.by, &tasks[1].task);
	cr_assert_eq(ferry_operation_complete(&work.operation, loop, 0), 0);
	cr_assert_eq(ferry_loop_run(loop), 0);
	cr_assert(diary_is("x. x) y. y) z. z)"));
}

Test(awaitable, what_completes_as_it_is_awaited_is_not_waited_for, .init = begin, .fini = end)
{
	struct work work = { .completes_as_awaited = true };
	struct actor task = { .name = "t", .awaits = &work.awaitable, .tries = true };
	struct node waits = node("node");

	work_init(&work, &work_hooks);
	actor_begin(&task, loop, NULL);
	cr_assert(diary_is("t: t. t)"), "inside the call that began it");
	cr_assert_eq(actor_ended(&task), ACTOR_RESULT);
	cr_assert_eq(work.awaited, 1);
	work_init(&work, &work_hooks);
	work.outcome = -EIO;
	actor_begin(&task, loop, NULL);
	cr_assert(diary_is("t: t)"));
	cr_assert_eq(actor_errno(&task), EIO);
	work_init(&work, &work_hooks);
	cr_assert_eq(attach(&work.awaitable, &waits), -EALREADY, "a node of the caller's, too");
	cr_assert_eq(work.awaited, 3);
	cr_assert_eq(fixture_loop_counters(loop).turns, 0);
}

Test(awaitable, it_is_told_of_each_who_is_about_to_wait_and_of_nobody_when_it_is_done,
     .init = begin, .fini = end)
{
	struct work work = { .outcome = 0 };
	struct actor a = { .name = "a", .awaits = &work.awaitable };
	struct actor b = { .name = "b", .awaits = &work.awaitable };

	work_init(&work, &work_hooks);
	actor_begin(&a, loop, NULL);
	actor_begin(&b, loop, NULL);
	cr_assert_eq(work.awaited, 2);
	ferry_operation_complete(&work.operation, loop, 0);
	cr_assert_eq(ferry_loop_run(loop), 0);
	actor_begin(&a, loop, NULL);
	cr_assert_eq(work.awaited, 2);
	cr_assert(diary_is("a: b: a. a) b. b) a: a. a)"));
}

Test(awaitable, T7_who_is_cancelled_waits_on_until_the_operation_says_so, .init = begin,
     .fini = end)
{
	struct work work = { .outcome = 0 };
	struct actor task = { .name = "t", .awaits = &work.awaitable };
	struct actor other = { .name = "o", .awaits = &work.awaitable };

	work_init(&work, &work_hooks);
	actor_begin(&task, loop, NULL);
	actor_begin(&other, loop, NULL);
	cr_assert(diary_is("t: o:"));
	cr_assert_eq(ferry_task_cancel(&task.task), 0);
	cr_assert_eq(work.cancelled, 1);
	cr_assert_eq(work.by, &task.task);
	cr_assert_eq(ferry_loop_run(loop), 0);
	cr_assert(diary_is(""), "whatever writes to the frame may not be through");
	cr_assert_eq(actor_ended(&task), ACTOR_PENDING);
	cr_assert_eq(ferry_task_cancel(&task.task), 0, "it may be asked again");
	cr_assert_eq(work.cancelled, 2);
	ferry_operation_complete(&work.operation, loop, -ECANCELED);
	cr_assert_eq(ferry_loop_run(loop), 0);
	cr_assert(diary_is("t) o. o)"), "the other one sees it, and was not cancelled itself");
	cr_assert_eq(actor_ended(&task), ACTOR_CANCELLED);
	cr_assert_eq(actor_ended(&other), ACTOR_RESULT);
}

Test(awaitable, T7_it_may_be_through_at_once, .init = begin, .fini = end)
{
	struct work work = { .completes_as_cancelled = true, .outcome = -ECANCELED };
	struct actor task = { .name = "t", .awaits = &work.awaitable };

	work_init(&work, &work_hooks);
	actor_begin(&task, loop, NULL);
	ferry_task_cancel(&task.task);
	cr_assert(diary_is("t:"), "but the task goes on from the loop");
	cr_assert_eq(ferry_loop_run(loop), 0);
	cr_assert(diary_is("t)"));
	cr_assert_eq(actor_ended(&task), ACTOR_CANCELLED);
	cr_assert_eq(work.cancelled, 1);
}

/* It comes to its end in spite of the cancel: that is a success. */
Test(awaitable, T7_a_result_that_comes_after_the_cancel_is_a_result, .init = begin, .fini = end)
{
	for (int now = 0; now < 2; now++) {
		struct work work = { .completes_as_cancelled = now };
		struct actor task = { .name = "t", .awaits = &work.awaitable };

		work_init(&work, &work_hooks);
		actor_begin(&task, loop, NULL);
		ferry_task_cancel(&task.task);
		if (!now)
			ferry_operation_complete(&work.operation, loop, 0);
		cr_assert_eq(ferry_loop_run(loop), 0);
		cr_assert(diary_is("t: t. t)"));
		cr_assert_eq(actor_ended(&task), ACTOR_RESULT);
	}
}

static struct work first_work, second_work;

static ferry_step two_waits_step(ferry_task *task)
{
	FERRY_BEGIN(task, struct actor, f);
	FERRY_TRY(&first_work);
	diary_note("between");
	FERRY_TRY(&second_work);
	diary_note("behind");
	FERRY_RETURN();

	FERRY_FINALLY
	diary_note("finally");
	FERRY_END;
}

Test(awaitable, T7_the_cancel_takes_effect_at_the_next_wait, .init = begin, .fini = end)
{
	struct actor task = { .name = "t" };

	work_init(&first_work, &work_hooks);
	work_init(&second_work, &work_hooks);
	ferry_task_begin(&task.task, loop, two_waits_step, NULL);
	ferry_operation_complete(&first_work.operation, loop, 0);
	ferry_task_cancel(&task.task);
	cr_assert_eq(first_work.cancelled, 0, "it was done");
	cr_assert_eq(ferry_loop_run(loop), 0);
	cr_assert(diary_is("between"));
	cr_assert_eq(second_work.cancelled, 1);
	ferry_operation_complete(&second_work.operation, loop, -ECANCELED);
	cr_assert_eq(ferry_loop_run(loop), 0);
	cr_assert(diary_is("finally"));
	cr_assert_eq(actor_ended(&task), ACTOR_CANCELLED);
}

Test(awaitable, without_a_cancel_hook_the_task_goes_on_and_the_others_wait, .init = begin,
     .fini = end)
{
	static const ferry_operation_hooks *const without[] = { NULL, &lone_hooks };

	for (int i = 0; i < 2; i++) {
		struct work work = { .outcome = 0 };
		struct actor a = { .name = "a", .awaits = &work.awaitable };
		struct actor b = { .name = "b", .awaits = &work.awaitable };
		struct actor c = { .name = "c", .awaits = &work.awaitable };

		work_init(&work, without[i]);
		actor_begin(&a, loop, NULL);
		actor_begin(&b, loop, NULL);
		actor_begin(&c, loop, NULL);
		ferry_task_cancel(&b.task);
		cr_assert_eq(ferry_loop_run(loop), 0);
		cr_assert(diary_is("a: b: c: b)"));
		cr_assert_not(ferry_awaitable_snapshot(&work.awaitable).done);
		ferry_operation_complete(&work.operation, loop, 0);
		cr_assert_eq(ferry_loop_run(loop), 0);
		cr_assert(diary_is("a. a) c. c)"));
	}
}

Test(awaitable, where_nothing_was_begun_there_is_nothing_to_wait_for, .init = begin, .fini = end)
{
	struct actor_awaited zero = { { 0 } };
	struct actor awaits = { .name = "a", .awaits = &zero.awaitable };
	struct actor shields = { .name = "s", .awaits = &zero.awaitable, .shielded = true };
	struct actor tries = { .name = "t", .awaits = &zero.awaitable, .tries = true };
	struct node waits = node("node");

	actor_begin(&awaits, loop, NULL);
	actor_begin(&shields, loop, NULL);
	actor_begin(&tries, loop, NULL);
	cr_assert(diary_is("a: a. a) s: s. s) t: t)"), "no turn of the loop is needed");
	cr_assert_eq(actor_ended(&awaits), ACTOR_RESULT);
	cr_assert_eq(actor_ended(&shields), ACTOR_RESULT);
	cr_assert_eq(actor_errno(&tries), EINVAL,
		     "who needs what it gives learns that it is not there");
	cr_assert_not(ferry_awaitable_snapshot(&zero.awaitable).done);
	cr_assert_eq(attach(&zero.awaitable, &waits), -EINVAL);
	cr_assert_eq(zero.awaitable.word, 0);
}

/* The frames of what was never begun are cleaned up like those of what was. */
struct unbegun {
	FERRY_FRAME;
	struct actor child;
	ferry_group group;
	ferry_gather gather;
	ferry_sleep sleep;
	ferry_await await;
	ferry_iterator iterator;
	ferry_slot slot;
	ferry_queue_entry entry;
	unsigned cleaned;
};

static ferry_step unbegun_step(ferry_task *task)
{
	FERRY_BEGIN(task, struct unbegun, f);
	FERRY_FAIL(-EIO);

	FERRY_FINALLY
	cr_assert_eq(ferry_task_cancel(&f->child.task), -EALREADY);
	cr_assert_eq(ferry_task_uncancel(&f->child.task), -EALREADY);
	cr_assert_eq(ferry_task_shield(&f->child.task), -EALREADY);
	cr_assert_eq(ferry_task_start(&f->child.task), -EALREADY);
	cr_assert_eq(ferry_task_cancels(&f->child.task), 0);
	FERRY_AWAIT(&f->child);
	cr_assert_eq(ferry_group_cancel(&f->group), -EINVAL);
	FERRY_AWAIT(&f->group);
	cr_assert_eq(ferry_gather_end(&f->gather), -EINVAL);
	FERRY_AWAIT(&f->gather);
	cr_assert_eq(ferry_sleep_cancel(&f->sleep), -EINVAL);
	FERRY_AWAIT(&f->sleep);
	cr_assert_eq(ferry_await_end(&f->await), 0);
	FERRY_AWAIT(&f->await);
	FERRY_AWAIT(&f->iterator.asked);
	cr_assert_eq(ferry_limiter_leave(&f->slot), 0);
	FERRY_AWAIT(&f->slot);
	cr_assert_eq(ferry_queue_leave(&f->entry), -EINVAL);
	FERRY_AWAIT(&f->entry);
	f->cleaned++;
	FERRY_END;
}

Test(awaitable, what_was_never_begun_can_be_cancelled_and_waited_for, .init = begin, .fini = end)
{
	struct unbegun frame = { .cleaned = 0 };

	ferry_task_begin(&frame.task, loop, unbegun_step, NULL);
	cr_assert_eq(frame.cleaned, 1);
	cr_assert_eq(ferry_error_errno(ferry_task_snapshot(&frame.task).exception), EIO);
}

Test(awaitable, a_shielded_wait_is_cut_and_the_operation_is_not_asked, .init = begin, .fini = end)
{
	struct work work = { .outcome = 0 };
	struct actor task = { .name = "t", .awaits = &work.awaitable, .shielded = true };

	work_init(&work, &work_hooks);
	actor_begin(&task, loop, NULL);
	ferry_task_cancel(&task.task);
	cr_assert_eq(ferry_loop_run(loop), 0);
	cr_assert(diary_is("t: t)"));
	cr_assert_eq(work.cancelled, 0);
	cr_assert_not(ferry_awaitable_snapshot(&work.awaitable).done);
}

Test(awaitable, T7_a_gather_that_is_cancelled_asks_in_nobodys_name, .init = begin, .fini = end)
{
	struct work work = { .outcome = 0, .by = (ferry_task *)&work };
	ferry_gather gather;
	ferry_gather_entry entry = { .of = &work.awaitable };
	struct actor task = { .name = "t", .awaits = &gather.awaitable };

	work_init(&work, &work_hooks);
	cr_assert_not_null(ferry_gather_begin(&gather, loop, &entry, 1, FERRY_GATHER_ALL));
	actor_begin(&task, loop, NULL);
	ferry_task_cancel(&task.task);
	cr_assert_eq(work.cancelled, 1);
	cr_assert_null(work.by);
	ferry_operation_complete(&work.operation, loop, -ECANCELED);
	cr_assert_eq(ferry_loop_run(loop), 0);
	cr_assert(diary_is("t: t)"));
}

/* ---- what stands for nothing of its own ---- */

Test(awaitable, an_operation_that_is_done_stays_as_it_was_while_the_thread_asks_for_others)
{
	static const int said[] = { 0, -EDEADLK, -EPERM, -EINVAL, -EBUSY, -ESHUTDOWN, -ECHILD };
	const size_t count = sizeof(said) / sizeof(*said);
	ferry_operation *made[sizeof(said) / sizeof(*said)];

	for (size_t i = 0; i < count; i++)
		made[i] = operation_done(said[i]);
	for (size_t i = 0; i < count; i++) {
		ferry_snapshot snapshot = ferry_awaitable_snapshot(&made[i]->awaitable);

		cr_assert(snapshot.done);
		cr_assert_eq(ferry_error_errno(snapshot.exception), -said[i]);
	}
}
