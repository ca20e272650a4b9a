/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Scopes with a deadline.
 *
 * On the loop's thread: begun and ended by a task's own step, fired by the loop's timers, left
 * in leave.c. Invariant: the deadline's cancel is counted as one, and is taken back when the
 * scope ends, so that it is never taken for somebody else's, nor somebody else's for it.
 */
#include "task/timeout.h"

#include "loop/timers.h"

static void fire(struct ferry_timer *timer)
{
	ferry_timeout *timeout = container(timer, ferry_timeout, timer);

	if (task_loop(timeout->task)->closed)
		return;
	timeout->fired = task_cancel(timeout->task);
}

/* Its memory may have anything in it, but is attached only while it is open. */
static bool is_open(const ferry_timeout *timeout, const ferry_task *task)
{
	const ferry_attachment *attachment = task->attachments;

	while (attachment && attachment != &timeout->attachment)
		attachment = attachment->next;
	return attachment;
}

static bool is_running(const struct ferry_task *task)
{
	return task && task->scope && task_current(task_loop(task)) == task;
}

/* 0 or a negative errno, and then it is not open. */
static int open_scope(ferry_timeout *timeout, ferry_task *task, uint64_t deadline_ns, uint16_t at)
{
	if (is_open(timeout, task))
		return -EBUSY;
	*timeout = (ferry_timeout){ .task = task,
				    .timer = { .fire = fire },
				    .at = at,
				    .cancels = task_cancels_past(task) };
	return deadline_ns == FERRY_NO_DEADLINE
		       ? 0
		       : loop_add_timer(task_loop(task), &timeout->timer, deadline_ns);
}

int ferry_timeout_begin(ferry_timeout *timeout, ferry_task *task, uint64_t deadline_ns, uint16_t at)
{
	int error = task_check_alive(task);

	if (!error && !timeout)
		error = -EINVAL;
	else if (!error && !is_running(task))
		error = -EPERM;
	/* Its step runs on, also in a fork's child, and shall not come here again and again. */
	if (error && !((error == -ECHILD || error == -EINVAL) && is_running(task)))
		return error;
	if (!error)
		error = open_scope(timeout, task, deadline_ns, at);
	if (error) {
		task->at = ferry_task_fail_errno(task, error);
		return error;
	}
	timeout->open = 1;
	task_attach(task, &timeout->attachment, ATTACHMENT_TIMEOUT);
	return 0;
}

void timeout_close(ferry_timeout *timeout)
{
	loop_remove_timer(task_loop(timeout->task), &timeout->timer);
	if (timeout->fired)
		task_uncancel(timeout->task);
	timeout->fired = 0;
	timeout->open = 0;
	task_detach(timeout->task, &timeout->attachment);
}

bool timeout_leave(ferry_timeout *timeout)
{
	bool fired = timeout->fired;

	timeout_close(timeout);
	timeout->expired = fired && timeout->task->cancels <= timeout->cancels;
	return timeout->expired;
}

int ferry_timeout_end(ferry_timeout *timeout)
{
	int error;

	if (!timeout || !timeout->open)
		return timeout ? timeout->expired : 0;
	error = task_check(timeout->task);
	if (!error && !is_running(timeout->task))
		error = -EPERM;
	/* As above. */
	if (error && !(error == -ECHILD && is_running(timeout->task)))
		return error;
	timeout_close(timeout);
	return error;
}
