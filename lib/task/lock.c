/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Loop-local locks.
 *
 * On the loop's thread, in the steps of tasks: one acquires, or waits in the lock's ring; who
 * releases hands it to the oldest there, which goes on in the next turn. Invariants: it is
 * never free while somebody waits; who was handed it has it, cancelled or not (T7); one task
 * has it at a time, and gives it back at its end at the latest.
 */
#include "task/lock.h"

/* Cancelling who waits just unlinks him. */
static const ferry_operation_hooks lock_hooks = { sizeof(lock_hooks), "lock", 1, NULL, NULL };

static int check(const ferry_lock *lock)
{
	return lock ? loop_check(lock->loop) : -EINVAL;
}

int lock_check_task(struct ferry_loop *loop)
{
	int error = loop_check(loop);

	return error || task_current(loop) ? error : -EPERM;
}

int ferry_lock_init(ferry_lock *lock, ferry_loop *loop)
{
	int error = loop_check(loop);

	if (error || !lock)
		return error ? error : -EINVAL;
	lock->loop = loop;
	lock->owner = NULL;
	operation_init(&lock->operation, &lock_hooks);
	return 0;
}

static void give(ferry_lock *lock, struct ferry_task *task)
{
	lock->owner = task;
	task_attach(task, &lock->attachment, ATTACHMENT_LOCK);
}

/* Only tasks wait in its ring. */
static void give_to_oldest(ferry_lock *lock)
{
	struct ferry_waiter *node = awaitable_take(&lock->operation.awaitable);

	lock->owner = NULL;
	/* As a loop closes nobody goes on any more. */
	if (!node || lock->loop->closed)
		return;
	give(lock, task_of_node(node));
	awaitable_wake(lock->loop, node);
}

ferry_operation *ferry_lock_acquire(ferry_lock *lock)
{
	int error = lock ? lock_check_task(lock->loop) : -EINVAL;

	if (!error && lock->owner == task_current(lock->loop))
		error = -EDEADLK;
	if (error)
		return operation_done(error);
	if (lock->owner)
		return &lock->operation;
	give(lock, task_current(lock->loop));
	return operation_done(0);
}

void lock_give_up(ferry_lock *lock)
{
	task_detach(lock->owner, &lock->attachment);
	give_to_oldest(lock);
}

void lock_end(ferry_lock *lock)
{
	give_to_oldest(lock);
}

void lock_reacquire(ferry_lock *lock, struct ferry_task *task)
{
	task->awaited = &lock->operation.awaitable;
	if (!lock->owner) {
		give(lock, task);
		awaitable_wake(lock->loop, &task->node);
		return;
	}
	task->state = TASK_REACQUIRING;
	awaitable_append(&lock->operation.awaitable, &task->node);
}

int ferry_lock_release(ferry_lock *lock)
{
	int error = check(lock);

	if (!error && (!lock->owner || lock->owner != task_current(lock->loop)))
		error = -EPERM;
	if (error)
		return error;
	lock_give_up(lock);
	return 0;
}

ferry_task *ferry_lock_owner(ferry_lock *lock)
{
	return check(lock) ? NULL : lock->owner;
}
