/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Sleeping: a time as something that a task can wait for.
 *
 * On the loop's thread: begun by a step, ended by the loop's timers, whose turn steps the task
 * that waits. Invariant: the timer lies in the sleep, so that nothing is allocated for it but
 * the heap's place; it is out of the heap when the sleep is done.
 */
#include "loop/timers.h"
#include "task/task.h"

static ferry_sleep *sleep_of(ferry_operation *operation)
{
	return container(operation, ferry_sleep, operation);
}

static void cancel(ferry_operation *operation, struct ferry_task *task)
{
	ferry_sleep *sleep = sleep_of(operation);

	(void)task;
	loop_remove_timer(sleep->loop, &sleep->timer);
	awaitable_complete(sleep->loop, &sleep->awaitable, awaitable_done_by(-ECANCELED));
}

static const ferry_operation_hooks sleep_hooks = { sizeof(sleep_hooks), "sleep", 0, NULL, cancel };

static void fire(struct ferry_timer *timer)
{
	ferry_sleep *sleep = container(timer, ferry_sleep, timer);

	/* While the loop closes its timers are fired to be forgotten; who waits ends then. */
	if (sleep->loop->closed)
		sleep->awaitable.word = awaitable_done_by(-ECANCELED);
	else
		awaitable_complete_now(sleep->loop, &sleep->awaitable, awaitable_done_by(0));
}

ferry_operation *ferry_sleep_until(ferry_sleep *sleep, ferry_loop *loop, uint64_t deadline_ns)
{
	int error = loop_check(loop);

	if (!sleep) {
		errno = EINVAL;
		return NULL;
	}
	sleep->loop = loop;
	sleep->timer = (struct ferry_timer){ .fire = fire };
	operation_init(&sleep->operation, &sleep_hooks);
	/* A time that never comes needs no timer. */
	if (!error && deadline_ns != FERRY_NO_DEADLINE)
		error = loop_add_timer(loop, &sleep->timer, deadline_ns);
	return error ? operation_refuse(&sleep->operation, error) : &sleep->operation;
}

int ferry_sleep_cancel(ferry_sleep *sleep)
{
	int error = sleep ? loop_check(sleep->loop) : -EINVAL;

	if (error)
		return error;
	if (awaitable_is_done(&sleep->awaitable))
		return -EALREADY;
	cancel(&sleep->operation, NULL);
	return 1;
}
