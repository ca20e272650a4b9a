/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Looking at the tasks of a loop, and running a loop until one has ended.
 *
 * On the loop's thread, from callbacks, steps, or where the loop is run (beside the life of a
 * task). Invariant (T5): listing allocates nothing; what ends meanwhile is not shown.
 */
#include "loop/turn.h"
#include "task/group.h"
#include "task/task.h"

ferry_task *ferry_current_task(ferry_loop *loop)
{
	return loop_check(loop) ? NULL : task_current(loop);
}

ferry_loop *ferry_task_loop(const ferry_task *task)
{
	return task && task->scope ? task_loop(task) : NULL;
}

/* Those that are in the first step of an eager start are in no list. */
static int show_unlisted(struct ferry_loop *loop, int (*fn)(ferry_task *task, void *user),
			 void *user)
{
	int result = 0;

	for (struct activation *each = loop->activation; each->outer && !result; each = each->outer)
		if (each->task && !(each->task->flags & TASK_LISTED))
			result = fn(each->task, user);
	return result;
}

static int show_listed(struct visit *visit, int (*fn)(ferry_task *task, void *user), void *user)
{
	struct ferry_task *task;
	int result = 0;

	while (!result && (task = visit_next(visit)))
		result = fn(task, user);
	return result;
}

int ferry_each_task(ferry_loop *loop, int (*fn)(ferry_task *task, void *user), void *user)
{
	int result = loop_check(loop);
	struct ferry_group *group;
	struct visit visit;

	if (result || !fn)
		return result ? result : -EINVAL;
	task_list_all(loop);
	loop->calling++;
	result = show_unlisted(loop, fn, user);
	visit_begin(&visit, loop, loop->scope.first);
	if (!result)
		result = show_listed(&visit, fn, user);
	visit.next_group = loop->groups;
	while (!result && (group = visit.next_group)) {
		visit.next_group = group->next;
		visit.next = group->scope.first;
		result = show_listed(&visit, fn, user);
	}
	visit_end(&visit, loop);
	loop->calling--;
	return result;
}

/* ---- running until one is done ---- */

static bool is_done(const void *awaitable)
{
	return awaitable_is_done(awaitable);
}

int ferry_loop_await(ferry_loop *loop, ferry_awaitable *awaitable)
{
	int outcome = loop_check(loop);

	if (!outcome && (!awaitable || awaitable_is_nothing(awaitable)))
		outcome = -EINVAL;
	/* A group is closed by being waited for; a lock is given only to tasks. */
	if (!outcome && !awaitable_is_done(awaitable) &&
	    awaitable_kind(awaitable) == AWAITABLE_OPERATION) {
		ferry_operation *operation = container(awaitable, ferry_operation, awaitable);

		if (operation->hooks && operation->hooks->for_tasks)
			outcome = -EINVAL;
		else if (operation->hooks && operation->hooks->await && !loop_is_busy(loop))
			operation_call_await(loop, operation);
	}
	return outcome ? outcome : turn_run_until(loop, is_done, awaitable);
}
