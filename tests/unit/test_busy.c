/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What is called outside of the turns of a loop, inside of a call that goes on: hooks, factories,
 * who is shown tasks. The loop is busy there, can neither be run nor closed, and serves all else
 * (E1).
 */
#include <criterion/criterion.h>

#include "support/actor.h"
#include "support/exceptions.h"

TestSuite(busy, .timeout = 60);

static ferry_loop *loop;
static ferry_group group;
static ferry_event event;
static struct actor child, other;
static unsigned refused;

/* In each place: what would take the loop away, or run somebody under who called. */
static void try_to_run(void)
{
	cr_assert_eq(ferry_loop_free(loop), -EBUSY);
	cr_assert_eq(ferry_loop_run(loop), -EBUSY);
	cr_assert_eq(ferry_loop_run_once(loop, 0), -EBUSY);
	cr_assert_eq(ferry_loop_dispatch(loop, 0), -EBUSY);
	cr_assert_eq(ferry_loop_await(loop, &event.awaitable), -EBUSY);
	refused++;
}

static void on_await(ferry_operation *operation)
{
	(void)operation;
	try_to_run();
}

static void on_cancel(ferry_operation *operation, ferry_task *task)
{
	(void)task;
	try_to_run();
	cr_assert_eq(ferry_operation_complete(operation, loop, -ECANCELED), 0);
}

static const ferry_operation_hooks both = { sizeof(both), "test", 0, on_await, on_cancel };
static const ferry_operation_hooks as_it_is_awaited = { sizeof(both), "test", 0, on_await, NULL };
static const ferry_operation_hooks as_it_is_cancelled = { sizeof(both), "test", 0, NULL,
							  on_cancel };
static ferry_operation operation;

static void begin(void)
{
	loop = fixture_loop();
	cr_assert_eq(ferry_event_init(&event, loop), 0);
	cr_assert_eq(ferry_group_init(&group, loop, NULL), 0);
	refused = 0;
}

static void begin_child(const ferry_operation_hooks *hooks)
{
	cr_assert_eq(ferry_operation_init(&operation, hooks), 0);
	child = (struct actor){ .name = "c", .awaits = &operation.awaitable };
	actor_begin(&child, loop, FERRY_IN(&group));
}

/* So often, and now it is not busy any more. */
static void end(unsigned times)
{
	cr_assert_eq(refused, times);
	ferry_event_set(&event);
	cr_assert_eq(ferry_group_cancel(&group), 0);
	cr_assert_eq(ferry_loop_await(loop, &group.awaitable), 0);
	cr_assert_eq(ferry_loop_run(loop), 0);
	cr_assert_eq(ferry_loop_free(loop), 0);
	diary[0] = 0;
}

Test(busy, a_hook_of_who_is_cancelled_cannot_run_the_loop_E1, .init = begin)
{
	begin_child(&as_it_is_cancelled);
	cr_assert_eq(ferry_task_cancel(&child.task), 0);
	end(1);
	begin();
	begin_child(&as_it_is_cancelled);
	cr_assert_eq(ferry_loop_cancel_tasks(loop), 1);
	end(1);
	begin();
	begin_child(&as_it_is_cancelled);
	cr_assert_eq(ferry_group_cancel(&group), 0);
	cr_assert_eq(refused, 1);
	cr_assert_eq(ferry_loop_await(loop, &group.awaitable), 0);
	cr_assert_eq(ferry_group_init(&group, loop, NULL), 0);
	end(1);
}

Test(busy, nor_one_that_a_gather_asks_E1, .init = begin)
{
	ferry_gather gather;
	ferry_gather_entry entry = { .of = &operation.awaitable };

	cr_assert_eq(ferry_operation_init(&operation, &both), 0);
	ferry_gather_begin(&gather, loop, &entry, 1, FERRY_GATHER_ALL);
	cr_assert_eq(refused, 1);
	other = (struct actor){ .name = "o", .awaits = &gather.awaitable };
	actor_begin(&other, loop, NULL);
	cr_assert_eq(ferry_task_cancel(&other.task), 0);
	end(2);
	cr_assert(ferry_awaitable_snapshot(&other.awaitable).cancelled);
}

static void notify(ferry_waiter *node)
{
	(void)node;
}

Test(busy, nor_one_of_who_begins_to_wait_E1, .init = begin)
{
	ferry_waiter node = { NULL, notify };

	cr_assert_eq(ferry_operation_init(&operation, &as_it_is_awaited), 0);
	cr_assert_eq(ferry_loop_await(loop, &operation.awaitable), -EDEADLK);
	cr_assert_eq(refused, 1);
	cr_assert_eq(ferry_awaitable_attach(&operation.awaitable, loop, &node), 0);
	cr_assert_eq(refused, 2);
	cr_assert_eq(ferry_operation_complete(&operation, loop, 0), 0);
	begin_child(&as_it_is_awaited);
	end(3);
}

static int see(ferry_task *task, void *user)
{
	cr_assert_eq(task, user);
	try_to_run();
	return 0;
}

Test(busy, nor_who_is_shown_each_task_E1, .init = begin)
{
	begin_child(NULL);
	cr_assert_eq(ferry_each_task(loop, see, &child.task), 0);
	end(1);
}

static int refuse(ferry_task *task, ferry_loop *which, ferry_step_function step,
		  const ferry_task_options *options, void *user)
{
	(void)task, (void)which, (void)step, (void)options, (void)user;
	try_to_run();
	return -EIO;
}

Test(busy, nor_a_factory_E1, .init = begin)
{
	cr_assert_eq(ferry_loop_set_task_factory(loop, refuse, NULL), 0);
	other = (struct actor){ .name = "o" };
	actor_begin(&other, loop, NULL);
	cr_assert_eq(actor_errno(&other), EIO);
	end(1);
}

static void *copy(void *context)
{
	try_to_run();
	return context;
}

static const ferry_context_hooks copies = { copy, NULL };

Test(busy, nor_who_copies_a_context_E1, .init = begin)
{
	other = (struct actor){ .name = "o" };
	actor_begin(&other, loop, OPTIONS_OF(.context = &event, .hooks = &copies));
	cr_assert_eq(actor_ended(&other), ACTOR_RESULT);
	actor_init(&other, loop, OPTIONS_OF(.context = &event, .hooks = &copies));
	cr_assert_eq(ferry_task_forget(&other.task), 0);
	end(2);
}

static void free_context(void *context)
{
	(void)context;
	try_to_run();
}

static const ferry_context_hooks frees = { NULL, free_context };

Test(busy, nor_who_frees_a_context_E1, .init = begin)
{
	actor_init(&other, loop, OPTIONS_OF(.context = &event, .hooks = &frees));
	cr_assert_eq(ferry_task_forget(&other.task), 0);
	end(1);
}

static void hear(ferry_loop *which, const ferry_error *exception, void *user)
{
	(void)which, (void)exception, (void)user;
	try_to_run();
}

Test(busy, nor_who_is_told_of_an_exception_E1, .init = begin)
{
	cr_assert_eq(ferry_loop_set_exception_handler(loop, hear, NULL), 0);
	other = (struct actor){ .name = "o", .error = exception_new("e") };
	actor_begin(&other, loop, NULL);
	cr_assert_eq(ferry_task_clear(&other.task), 0);
	end(1);
	cr_assert_eq(exceptions_alive, 0);
}

static int write_piece(void *user, const char *piece, size_t length)
{
	(void)user, (void)piece, (void)length;
	try_to_run();
	return 0;
}

Test(busy, nor_who_writes_a_dump_E1, .init = begin)
{
	begin_child(NULL);
	cr_assert_eq(ferry_loop_dump(loop, FERRY_DUMP_JSON, write_piece, NULL), 0);
	cr_assert_gt(refused, 2, "before, between and behind the tasks");
	refused = 0;
	end(0);
}

/* Nor does what goes on inside of such a call end that: a step that an iteration runs. */
struct giver {
	FERRY_FRAME;
	ferry_iterator it;
};

static ferry_step giver_step(ferry_task *task)
{
	FERRY_BEGIN(task, struct giver, f);
	try_to_run();
	FERRY_EMIT(&f->it, NULL);
	try_to_run();
	FERRY_RETURN();

	FERRY_FINALLY
	FERRY_END;
}

Test(busy, nor_who_gives_an_item_E1, .init = begin)
{
	struct giver giver;

	ferry_task_init(&giver.task, loop, giver_step, NULL);
	cr_assert_eq(ferry_iterator_init(&giver.it, &giver.task), 0);
	for (int i = 0; i < 2; i++)
		cr_assert(
			ferry_awaitable_snapshot(&ferry_iterator_next(&giver.it)->awaitable).done);
	cr_assert(giver.it.ended);
	end(2);
}
