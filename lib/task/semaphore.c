/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Loop-local semaphores.
 *
 * On the loop's thread: a step acquires a permit, or waits in the semaphore's ring; permits
 * that are added go to the oldest there. Invariants: no permit is free while somebody waits;
 * who was given one has it, cancelled or not (T7).
 */
#include "task/lock.h"

/* Cancelling who waits just unlinks him. */
static const ferry_operation_hooks semaphore_hooks = { sizeof(semaphore_hooks), "semaphore", 1,
						       NULL, NULL };

int ferry_semaphore_init(ferry_semaphore *semaphore, ferry_loop *loop, size_t permits)
{
	int error = loop_check(loop);

	if (error || !semaphore)
		return error ? error : -EINVAL;
	semaphore->loop = loop;
	semaphore->permits = permits;
	operation_init(&semaphore->operation, &semaphore_hooks);
	return 0;
}

ferry_operation *ferry_semaphore_acquire(ferry_semaphore *semaphore)
{
	int error = semaphore ? lock_check_task(semaphore->loop) : -EINVAL;

	if (error)
		return operation_done(error);
	if (!semaphore->permits)
		return &semaphore->operation;
	semaphore->permits--;
	return operation_done(0);
}

int ferry_semaphore_release(ferry_semaphore *semaphore, size_t permits)
{
	int error = semaphore ? loop_check(semaphore->loop) : -EINVAL;

	if (error || !permits)
		return error ? error : -EINVAL;
	if (permits > SIZE_MAX - semaphore->permits)
		return -EOVERFLOW;
	semaphore->permits += permits;
	while (semaphore->permits && awaitable_last(&semaphore->operation.awaitable)) {
		semaphore->permits--;
		awaitable_wake(semaphore->loop, awaitable_take(&semaphore->operation.awaitable));
	}
	return 0;
}
