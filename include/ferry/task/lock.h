/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FERRY_TASK_LOCK_H
#define FERRY_TASK_LOCK_H
/*
 * Loop-local locks: for tasks of one loop, among themselves. No thread waits for any of them.
 *
 *   lock        one task at a time           FERRY_TRY(ferry_lock_acquire(&lock))
 *   semaphore   so many permits              FERRY_TRY(ferry_semaphore_acquire(&semaphore))
 *   event       set or not                   FERRY_TRY(&event)
 *   condition   that something has changed   FERRY_TRY(ferry_condition_wait(&condition))
 *
 * All are fair: first come, first served, and who is given something by whoever gives it up,
 * in that very step, so that nobody can come in between. All can be cancelled, and then nothing
 * that was given is lost: who has been given it keeps it, and finds out about the cancel at his
 * next wait. Nothing is allocated: who waits does so by his task. A task in its step can always
 * look and change without a lock, as long as it does not wait in between.
 */
#include <ferry/task/frame.h>

#ifdef __cplusplus
extern "C" {
#endif

/** A loop-local lock. In the library's hands. */
typedef struct ferry_lock {
	ferry_operation operation;   /* what ferry_lock_acquire() gives */
	ferry_loop *loop;
	ferry_task *owner;           /* NULL: it is free */
	ferry_attachment attachment; /* of the owner */
} ferry_lock;

/**
 * ferry_lock_init() - make a loop-local lock, free
 * @lock: the memory, whatever is in it
 * @loop: the loop whose tasks use it
 *
 * Ownership: @lock stays the caller's memory; nobody may have it or wait for it when it goes.
 * Context:   the loop's thread. Return: 0; -EINVAL; -EPERM; -ESHUTDOWN; -ECHILD.
 */
FERRY_API FERRY_MUST_CHECK int ferry_lock_init(ferry_lock *lock, ferry_loop *loop);

/**
 * ferry_lock_acquire() - have a loop-local lock
 * @lock: the lock
 *
 * Await what this returns at once. It is done if the lock was free; then the task has it.
 * A task gives it back when it ends, if not before.
 *
 * Context: a step of a task of the loop.
 * Return:  what to await: done with an exception if it cannot be had (EDEADLK if the task has it,
 *          EPERM outside of steps and on another thread, EINVAL, ESHUTDOWN, ECHILD).
 */
FERRY_API ferry_operation *ferry_lock_acquire(ferry_lock *lock);

/**
 * ferry_lock_release() - give a loop-local lock back
 * @lock: the lock
 *
 * The one who has waited longest has it when this returns, and goes on in the next turn. May
 * be called behind FERRY_FINALLY by one who does not know whether he has it.
 *
 * Context: a step of the task that has it.
 * Return:  0; -EPERM if the running task does not have it; -EINVAL; -ESHUTDOWN; -ECHILD.
 */
FERRY_API int ferry_lock_release(ferry_lock *lock);

/**
 * ferry_lock_owner() - the task that has a loop-local lock
 * @lock: the lock
 *
 * Context: the loop's thread. Return: borrowed; NULL if it is free, and elsewhere.
 */
FERRY_API ferry_task *ferry_lock_owner(ferry_lock *lock);

/** A loop-local semaphore. In the library's hands. */
typedef struct ferry_semaphore {
	ferry_operation operation; /* what ferry_semaphore_acquire() gives */
	ferry_loop *loop;
	size_t permits;
} ferry_semaphore;

/**
 * ferry_semaphore_init() - make a loop-local semaphore
 * @semaphore: the memory, whatever is in it
 * @loop:      the loop whose tasks use it
 * @permits:   how many there are to begin with, 0 or more
 *
 * Permits belong to nobody: who acquires one and is cancelled later has to release it. Where
 * that should not be forgotten, see ferry_limiter_enter().
 *
 * Context: the loop's thread. Return: 0; -EINVAL; -EPERM; -ESHUTDOWN; -ECHILD.
 */
FERRY_API FERRY_MUST_CHECK int ferry_semaphore_init(ferry_semaphore *semaphore, ferry_loop *loop,
						    size_t permits);

/**
 * ferry_semaphore_acquire() - have one permit
 * @semaphore: the semaphore
 *
 * Await what this returns at once.
 *
 * Context: a step of a task of the loop.
 * Return:  as ferry_lock_acquire(), but EDEADLK.
 */
FERRY_API ferry_operation *ferry_semaphore_acquire(ferry_semaphore *semaphore);

/**
 * ferry_semaphore_release() - add permits
 * @semaphore: the semaphore
 * @permits:   how many, 1 or more; they need not have been acquired
 *
 * Context: the loop's thread, outside of steps, too.
 * Return:  0; -EOVERFLOW if there would be more than SIZE_MAX; -EINVAL; -EPERM; -ESHUTDOWN;
 *          -ECHILD.
 */
FERRY_API int ferry_semaphore_release(ferry_semaphore *semaphore, size_t permits);

/** A loop-local event: set or not. FERRY_TRY(&event) waits until it is. */
typedef struct ferry_event {
	FERRY_OPERATION;
	ferry_loop *loop;
} ferry_event;

/**
 * ferry_event_init() - make a loop-local event, not set
 * @event: the memory, whatever is in it
 * @loop:  the loop
 *
 * Context: the loop's thread. Return: 0; -EINVAL; -EPERM; -ESHUTDOWN; -ECHILD.
 */
FERRY_API FERRY_MUST_CHECK int ferry_event_init(ferry_event *event, ferry_loop *loop);

/**
 * ferry_event_set() - wake all who wait for a loop-local event, and those who will
 * @event: the event
 *
 * Context: the loop's thread, outside of steps, too.
 * Return:  0; -EALREADY if it was set; -EINVAL; -EPERM; -ESHUTDOWN; -ECHILD.
 */
FERRY_API int ferry_event_set(ferry_event *event);

/**
 * ferry_event_clear() - from now on a loop-local event is waited for
 * @event: the event
 *
 * Those that were woken go on all the same.
 *
 * Context: the loop's thread, outside of steps, too.
 * Return:  0; -EALREADY if it was not set; -EINVAL; -EPERM; -ESHUTDOWN; -ECHILD.
 */
FERRY_API int ferry_event_clear(ferry_event *event);

/** A loop-local condition. In the library's hands. */
typedef struct ferry_condition {
	ferry_operation operation; /* what ferry_condition_wait() gives */
	ferry_lock *lock;
} ferry_condition;

/**
 * ferry_condition_init() - make a loop-local condition
 * @condition: the memory, whatever is in it
 * @lock:      the lock that guards what it is about
 *
 * Context: the loop's thread. Return: 0; -EINVAL; -EPERM; -ESHUTDOWN; -ECHILD.
 */
FERRY_API FERRY_MUST_CHECK int ferry_condition_init(ferry_condition *condition, ferry_lock *lock);

/**
 * ferry_condition_wait() - wait until something may have changed
 * @condition: the condition, whose lock the running task has
 *
 * Await what this returns at once: the lock is given up as the task begins to wait, and it has
 * it again when it goes on, also when it was cancelled. Look at what it is about again then.
 *
 * Context: a step of the task that has the lock.
 * Return:  what to await; done with an exception if it cannot be (EPERM if the task does not have
 *          the lock, EINVAL, ESHUTDOWN, ECHILD). As for ferry_lock_acquire().
 */
FERRY_API ferry_operation *ferry_condition_wait(ferry_condition *condition);

/**
 * ferry_condition_notify() - wake those who wait for a loop-local condition
 * @condition: the condition
 * @count:     how many at most, those who came first; SIZE_MAX: all
 *
 * They go on one after the other, as they get the lock. Where one who was notified is cancelled,
 * he finds out later, and no notification is lost.
 *
 * Context: the loop's thread; the lock need not be held.
 * Return:  how many were woken, at most INT_MAX; -EINVAL; -EPERM; -ESHUTDOWN; -ECHILD.
 */
FERRY_API int ferry_condition_notify(ferry_condition *condition, size_t count);

#ifdef __cplusplus
}
#endif
#endif
