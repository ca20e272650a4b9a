/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Loop-local conditions.
 *
 * On the loop's thread: a step that has the lock gives it up and waits in the condition's ring;
 * who is notified, or cancelled there, moves to the lock's ring, and goes on when it has the lock.
 * Invariants: between looking and waiting nobody comes in; who goes on has the lock, cancelled or
 * not; a notification goes to one who was not cancelled before it.
 */
#include <limits.h>

#include "task/lock.h"

static ferry_condition *condition_of(ferry_operation *operation)
{
	return container(operation, ferry_condition, operation);
}

/* The running task begins to wait. */
static void give_lock_up(ferry_operation *operation)
{
	ferry_lock *lock = condition_of(operation)->lock;

	/* Unless it was released since the operation was asked for. */
	if (lock->owner && lock->owner == task_current(lock->loop))
		lock_give_up(lock);
}

/* It leaves, but not without the lock. */
static void take_lock_again(ferry_operation *operation, struct ferry_task *task)
{
	awaitable_unlink(&operation->awaitable, &task->node);
	task->flags = (uint16_t)((task->flags & ~TASK_DUE) | TASK_INTERRUPTED);
	lock_reacquire(condition_of(operation)->lock, task);
}

static const ferry_operation_hooks condition_hooks = { sizeof(condition_hooks), "condition", 1,
						       give_lock_up, take_lock_again };

static int check(const ferry_condition *condition)
{
	return condition ? loop_check(condition->lock->loop) : -EINVAL;
}

int ferry_condition_init(ferry_condition *condition, ferry_lock *lock)
{
	int error = lock ? loop_check(lock->loop) : -EINVAL;

	if (error || !condition)
		return error ? error : -EINVAL;
	condition->lock = lock;
	operation_init(&condition->operation, &condition_hooks);
	return 0;
}

ferry_operation *ferry_condition_wait(ferry_condition *condition)
{
	int error = check(condition);

	if (!error)
		error = lock_check_task(condition->lock->loop);
	if (!error && condition->lock->owner != task_current(condition->lock->loop))
		error = -EPERM;
	return error ? operation_done(error) : &condition->operation;
}

int ferry_condition_notify(ferry_condition *condition, size_t count)
{
	int error = check(condition), woken = 0;
	struct ferry_waiter *node;

	if (error)
		return error;
	for (; count && (node = awaitable_take(&condition->operation.awaitable)); count--) {
		lock_reacquire(condition->lock, task_of_node(node));
		woken += woken < INT_MAX;
	}
	return woken;
}
