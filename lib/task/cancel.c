/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Cancelling tasks.
 *
 * On the loop's thread, from callbacks and steps, the task's own included (it takes the place
 * of what a task waits for). Invariants (T7): a cancel only asks; a task that has been woken
 * keeps what it was given, and the cancel waits for its next wait; what it waits for is asked,
 * if that can be, and the task waits on until it says that it is done. (T3): one that has not
 * begun runs only what cleans up.
 */
#include "task/group.h"
#include "task/task.h"
#include "task/timeout.h"

/* It never began: what cleans up runs in the next turn. */
static void end_unstarted(struct ferry_task *task)
{
	bool is_scheduled = task->state == TASK_SCHEDULED;

	task->flags &= (uint16_t)~TASK_DUE;
	if (task->at == FERRY_AT_FINALLY)
		return;
	task_set_outcome(task, TASK_CANCELLED, NULL);
	task->at = FERRY_AT_FINALLY;
	if (is_scheduled)
		return;
	task_note_start(task);
	task_schedule(task);
}

/* Its wait ends here, and nobody is asked. */
static void cut(struct ferry_task *task)
{
	awaitable_unlink(task->awaited, &task->node);
	task->flags = (uint16_t)((task->flags & ~TASK_DUE) | TASK_INTERRUPTED);
	task_make_ready(task, TASK_WOKEN);
}

/* What it waits for is asked. Gives the task that is asked in its stead, if it is one. */
static struct ferry_task *pass_on(struct ferry_task *task)
{
	ferry_operation *operation = container(task->awaited, ferry_operation, awaitable);
	struct ferry_task *giver;

	switch (awaitable_kind(task->awaited)) {
	case AWAITABLE_TASK:
		return container(task->awaited, struct ferry_task, awaitable);
	case AWAITABLE_OPERATION:
		giver = iterator_giver(operation);
		if (giver)
			return giver;
		if (operation->hooks && operation->hooks->cancel) {
			operation_call_cancel(task_loop(task), operation, task);
			return NULL;
		}
		break;
	}
	cut(task);
	return NULL;
}

/* Counts one: false if nothing more is to be done for it now. */
static bool count(struct ferry_task *task)
{
	if (task->cancels == UINT16_MAX)
		return false;
	task->cancels++;
	if (task->flags & TASK_SHIELDED)
		return false;
	task->flags |= TASK_DUE;
	return !(task->flags & TASK_HELD);
}

void task_deliver(struct ferry_task *task)
{
	/* Tasks that wait for each other in a circle are not passed for ever: one that is met
	 * again is found, since who is remembered changes ever more seldom. */
	struct ferry_task *remembered = task;
	size_t passed = 0, until = 1;

	while (task && !task_has_ended(task) && !task_is_shielded(task)) {
		struct ferry_task *next = NULL;

		switch ((enum task_state)task->state) {
		case TASK_NEW:
		case TASK_QUEUED:
		case TASK_SCHEDULED:
			end_unstarted(task);
			break;
		case TASK_WAITING:
			next = pass_on(task);
			break;
		case TASK_WAITING_SHIELDED:
			cut(task);
			break;
		case TASK_YIELDING:
			task->flags = (uint16_t)((task->flags & ~TASK_DUE) | TASK_INTERRUPTED);
			break;
		case TASK_RUNNING:
		case TASK_WOKEN:
		case TASK_REACQUIRING:
			break;
		}
		if (next == remembered)
			break;
		if (++passed == until) {
			remembered = next;
			until *= 2;
		}
		task = next && count(next) ? next : NULL;
	}
}

static void push(struct ferry_spread **list, struct ferry_spread *spread)
{
	spread->next = *list;
	spread->link = list;
	if (*list)
		(*list)->link = &spread->next;
	*list = spread;
}

static void take_out(struct ferry_spread *spread)
{
	*spread->link = spread->next;
	if (spread->next)
		spread->next->link = spread->link;
	spread->link = NULL;
}

/* What it is passed on to may pass it on to several again: one after the other, not one inside
 * the other, however deep that goes. */
void cancel_spread(struct ferry_loop *loop, struct ferry_spread *spread,
		   void (*run)(struct ferry_spread *spread))
{
	if (spread->link)
		return;
	spread->run = run;
	push(&loop->spreads, spread);
	if (loop->is_spreading)
		return;
	loop->is_spreading = true;
	while ((spread = loop->spreads)) {
		/* It stays in a list, and so is not run again: many ways may lead to it, in layers,
		 * or in a circle. */
		take_out(spread);
		push(&loop->spreads_run, spread);
		spread->run(spread);
	}
	while (loop->spreads_run)
		take_out(loop->spreads_run);
	loop->is_spreading = false;
}

void cancel_forget(struct ferry_spread *spread)
{
	if (spread->link)
		take_out(spread);
}

bool task_cancel(struct ferry_task *task)
{
	if (task->cancels == UINT16_MAX)
		return false;
	if (count(task))
		task_deliver(task);
	return true;
}

void task_uncancel(struct ferry_task *task)
{
	if (task->cancels && !--task->cancels)
		task->flags &= (uint16_t)~TASK_DUE;
}

int ferry_task_cancel(ferry_task *task)
{
	int error = task_check_alive(task);

	if (error)
		return error;
	return task_cancel(task) ? 0 : -EOVERFLOW;
}

int ferry_task_uncancel(ferry_task *task)
{
	ferry_attachment *attachment;
	int error = task_check_alive(task);

	if (error)
		return error;
	if (!task->cancels)
		return -ENODATA;
	attachment = task->attachments;
	task_uncancel(task);
	/* A deadline is not to take one for its own that comes in the place of this one. */
	while ((attachment = attachment_find(attachment, ATTACHMENT_TIMEOUT))) {
		ferry_timeout *timeout = timeout_of(attachment);
		uint16_t of_others = (uint16_t)(task->cancels - (timeout->fired && task->cancels));

		if (timeout->cancels > of_others)
			timeout->cancels = of_others;
		attachment = attachment->next;
	}
	return task->cancels;
}

int ferry_task_cancels(ferry_task *task)
{
	int error = task_check(task);

	return error && error != -ESHUTDOWN ? error : task->cancels;
}

int ferry_task_shield(ferry_task *task)
{
	int error = task_check_alive(task);

	if (error)
		return error;
	if (task_is_shielded(task))
		return -EALREADY;
	task->flags |= TASK_HELD;
	return 0;
}

int ferry_task_unshield(ferry_task *task)
{
	int error = task_check_alive(task);

	if (error)
		return error;
	if (!(task->flags & TASK_HELD) || task->flags & TASK_SHIELDED)
		return -EALREADY;
	task->flags &= (uint16_t)~TASK_HELD;
	/* From its own step it takes effect at the next wait; elsewhere now. */
	if (task->flags & TASK_DUE)
		task_deliver(task);
	return 0;
}

int ferry_loop_cancel_tasks(ferry_loop *loop)
{
	int error = loop_check(loop), asked = 0;
	struct ferry_group *group;
	struct ferry_task *task;
	struct visit visit;

	if (error)
		return error;
	task_list_all(loop);
	/* Those that run, in this or that step, may be in no list. A group knows of its own. */
	for (struct activation *each = loop->activation; each->outer; each = each->outer)
		if (each->task && !(each->task->flags & TASK_LISTED) &&
		    each->task->scope == &loop->scope)
			asked += task_cancel(each->task);
	visit_begin(&visit, loop, loop->scope.first);
	while ((task = visit_next(&visit)))
		asked += task_cancel(task);
	visit.next_group = loop->groups;
	while ((group = visit.next_group)) {
		visit.next_group = group->next;
		asked += (int)group->members;
		ferry_group_cancel(group);
	}
	visit_end(&visit, loop);
	return asked;
}
