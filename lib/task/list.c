/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Lists of tasks: one for each scope, which is a loop or a group.
 *
 * On the loop's thread, when a task is scheduled, deferred, or waits for the first time, and
 * when it ends (between two steps of a task). Invariants: nothing is allocated, and nothing
 * but the loop's own memory touched (T5); a child that joins late is cancelled if its group is
 * cancelling (T6); who goes over a list sees each task at most once, whatever ends meanwhile.
 */
#include "task/group.h"
#include "task/limiter.h"
#include "task/task.h"

void task_pass_visits(const struct ferry_loop *loop, const struct ferry_task *task)
{
	for (struct visit *visit = loop->visits; visit; visit = visit->outer)
		if (visit->next == task)
			visit->next = task->next;
}

void task_list_in_group(struct ferry_task *task)
{
	group_note_listed(group_of_scope(task->scope), task);
}

void task_list_all(struct ferry_loop *loop)
{
	struct ferry_waiter *node = loop->ready.first;

	for (; loop->adrift; node = node->next) {
		struct ferry_task *task = task_of_node(node);

		if (node->notify != task_resume || task->flags & TASK_LISTED)
			continue;
		loop->adrift--;
		task_list(task);
	}
}

void task_note_start(struct ferry_task *task)
{
	if (task->scope != &task_loop(task)->scope) {
		group_of_scope(task->scope)->running++;
		group_of_scope(task->scope)->unstarted--;
	}
	limiter_note_start(task);
}

/* ---- going over them ---- */

void visit_begin(struct visit *visit, struct ferry_loop *loop, struct ferry_task *first)
{
	visit->next = first;
	visit->next_group = NULL;
	visit->outer = loop->visits;
	loop->visits = visit;
}

void visit_end(struct visit *visit, struct ferry_loop *loop)
{
	loop->visits = visit->outer;
}

struct ferry_task *visit_next(struct visit *visit)
{
	struct ferry_task *task = visit->next;

	if (task)
		visit->next = task->next;
	return task;
}
