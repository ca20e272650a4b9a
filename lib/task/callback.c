/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Done-callbacks of tasks.
 *
 * On the loop's thread, after the end of a task, in order with the tasks that wait for it.
 * Invariant (L2): each is called once, from the loop, never inside the call that adds it nor
 * inside the step that ends.
 */
#include "task/task.h"

struct task_callback {
	struct ferry_waiter node; /* among those who wait, or on the ready list */
	struct ferry_task *task;
	struct ferry_loop *loop;
	ferry_task_callback fn; /* NULL: taken back */
	void *user;
	bool is_late; /* added when it had ended: its frame has to stay for it as for a hook */
};
#define CALLBACK_ROOM 0
_Static_assert(sizeof(struct task_callback) <= BLOCK_LEAST, "it fits the smallest block");

static struct task_callback *callback_of(struct ferry_waiter *node)
{
	return container(node, struct task_callback, node);
}

void task_call_done(struct ferry_waiter *node)
{
	struct task_callback called = *callback_of(node);

	block_give(&called.loop->blocks, callback_of(node), CALLBACK_ROOM);
	if (called.is_late)
		called.loop->cleanups--;
	if (called.fn && !called.loop->closed)
		called.fn(called.task, called.user);
}

int ferry_task_add_done_callback(ferry_task *task, ferry_task_callback fn, void *user)
{
	struct ferry_loop *loop;
	struct task_callback *callback;
	int error = task_check(task);

	if (!error && (!fn || !task->scope))
		error = -EINVAL;
	if (error)
		return error;
	loop = task_loop(task);
	callback = block_take(&loop->blocks, sizeof(*callback), CALLBACK_ROOM);
	if (!callback)
		return -ENOMEM;
	*callback = (struct task_callback){ { NULL, task_call_done }, task, loop, fn, user, false };
	if (!task_has_ended(task)) {
		awaitable_append(&task->awaitable, &callback->node);
		return 0;
	}
	callback->is_late = true;
	loop->cleanups++;
	loop_make_ready(loop, &callback->node);
	task_postpone_cleanup(task);
	return 0;
}

static bool is_equal(struct ferry_waiter *node, const struct ferry_task *task,
		     ferry_task_callback fn, const void *user)
{
	const struct task_callback *callback = callback_of(node);

	return node->notify == task_call_done && callback->task == task && callback->fn == fn &&
	       callback->user == user;
}

/* Marked, and skipped when their turn comes: the order of the others stays. */
static int remove_from(struct ferry_waiter *first, const struct ferry_waiter *last,
		       const struct ferry_task *task, ferry_task_callback fn, const void *user)
{
	int removed = 0;

	for (struct ferry_waiter *node = first; node; node = node == last ? NULL : node->next)
		if (is_equal(node, task, fn, user)) {
			callback_of(node)->fn = NULL;
			removed++;
		}
	return removed;
}

int ferry_task_remove_done_callback(ferry_task *task, ferry_task_callback fn, void *user)
{
	struct ferry_waiter *last;
	int error = task_check(task);

	if (!error && !fn)
		error = -EINVAL;
	if (error || !task->scope)
		return error;
	if (task_has_ended(task))
		return remove_from(task_loop(task)->ready.first, NULL, task, fn, user);
	last = awaitable_last(&task->awaitable);
	return last ? remove_from(last->next, last, task, fn, user) : 0;
}
