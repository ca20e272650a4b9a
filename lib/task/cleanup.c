/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * After the end of a task: its cleanup hook, and its outcome, looked at, and let go of.
 *
 * On the loop's thread, behind those who waited for the task (the last step of its life).
 * Invariants: the hook is called once, from the loop, when everybody who waited has gone on,
 * so that it may free the frame; an exception that nobody looked at is told (L6), and dropped.
 */
#include "task/task.h"
#include "task/unwrap.h"

/* ---- the hook ---- */

void task_report(struct ferry_task *task)
{
	struct ferry_loop *loop = task_loop(task);

	if (task->flags & TASK_SEEN || !awaitable_is_done(&task->awaitable) ||
	    awaitable_outcome(&task->awaitable) != AWAITABLE_EXCEPTION)
		return;
	task->flags |= TASK_SEEN;
	if (loop->closed)
		return;
	loop_tell(loop, awaitable_exception(&task->awaitable));
}

/* What the hook and its user are kept in: a task that has ended needs neither. */
static void clean_up(struct ferry_waiter *node)
{
	struct ferry_task *task = task_of_node(node);
	void (*cleanup)(struct ferry_task *, void *) =
		(void (*)(struct ferry_task *, void *))(void (*)(void))task->step;
	void *user = task->awaited;
	ferry_attachment *futures = task->attachments;
	uintptr_t word = task->awaitable.word;
	uint64_t number = task_number(task);
	const ferry_error *held;

	task_loop(task)->cleanups--;
	task_report(task);
	/* The frame may be gone behind the hook, but the exception has to be there in it. */
	held = task_take_exception(task);
	cleanup(task, user);
	unwrap_complete(futures, word, number);
	ferry_error_unref(held);
}

void task_keep_cleanup(struct ferry_task *task, void (*cleanup)(struct ferry_task *, void *),
		       void *user)
{
	task->step = (ferry_step_function)(void (*)(void))cleanup;
	task->awaited = user;
}

void task_queue_kept_cleanup(struct ferry_task *task)
{
	task->node.notify = clean_up;
	task_loop(task)->cleanups++;
	loop_make_ready(task_loop(task), &task->node);
}

void task_queue_cleanup(struct ferry_task *task, void (*cleanup)(struct ferry_task *, void *),
			void *user)
{
	task_keep_cleanup(task, cleanup, user);
	task_queue_kept_cleanup(task);
}

void task_postpone_cleanup(struct ferry_task *task)
{
	struct ferry_loop *loop = task_loop(task);

	if (task->node.notify == clean_up && loop_forget_ready(loop, &task->node))
		loop_make_ready(loop, &task->node);
}

void task_postpone_cleanup_of(struct ferry_loop *loop, const ferry_awaitable *awaitable)
{
	struct ferry_waiter *node = loop->ready.first;

	while (node && (node->notify != clean_up || &task_of_node(node)->awaitable != awaitable))
		node = node->next;
	if (node)
		task_postpone_cleanup(task_of_node(node));
}

/* ---- the outcome ---- */

const ferry_error *task_take_exception(struct ferry_task *task)
{
	const ferry_error *exception = awaitable_exception(&task->awaitable);

	if (!(task->flags & TASK_KEEPS) &&
	    awaitable_outcome(&task->awaitable) != AWAITABLE_EXCEPTION)
		return NULL;
	task->flags &= (uint16_t)~TASK_KEEPS;
	task->awaitable.word = awaitable_done(AWAITABLE_BORROWED, exception);
	return exception;
}

ferry_snapshot ferry_task_snapshot(ferry_task *task)
{
	ferry_snapshot snapshot = { .done = 0 };
	int error = task_check(task);

	if (error && error != -ESHUTDOWN)
		return snapshot;
	snapshot = ferry_awaitable_snapshot(&task->awaitable);
	if (snapshot.exception)
		task->flags |= TASK_SEEN;
	else if (snapshot.done && !snapshot.cancelled)
		snapshot.result.u64 = task_number(task);
	return snapshot;
}

int ferry_task_clear(ferry_task *task)
{
	int error = task_check(task);
	const ferry_error *held;

	if (error && error != -ESHUTDOWN)
		return error;
	if (awaitable_is_nothing(&task->awaitable))
		return 0;
	if (!task_has_ended(task))
		return -EBUSY;
	if (task->scope)
		task_report(task);
	held = task_take_exception(task);
	if (held)
		awaitable_forget_exception(&task->awaitable);
	ferry_error_unref(held);
	return 0;
}

int ferry_task_set_result(ferry_task *task, ferry_result result)
{
	int error = task_check_alive(task);

	if (error)
		return error;
	/* What failed or was cancelled has no result any more. */
	if (task->flags & (TASK_FAILED | TASK_CANCELLED))
		return -EALREADY;
	error = unwrap_keep(task, result.disposer);
	if (error)
		return error;
	task->number = result.u64;
	task->flags |= TASK_VALUED;
	return 0;
}
