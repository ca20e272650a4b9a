/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FERRY_TASK_STEP_H
#define FERRY_TASK_STEP_H
/*
 * What a step calls: the macros of <ferry/task/frame.h>, or one that is written by hand, as
 * docs/tasks.md shows. All of it from the task's own step.
 */
#include <ferry/task/task.h>

#ifdef __cplusplus
extern "C" {
#endif

/**
 * ferry_task_await() - wait, or go on
 * @task:      the task whose step this is
 * @awaitable: what to wait for
 * @place:     for the dump; may be NULL
 *
 * If this is not 0 the step returns FERRY_SUSPENDED, with task->at set to where it is to go on.
 * In either case it then asks ferry_task_interrupted().
 *
 * Context: the task's own step.
 * Return:  0: it is done, or was never begun, or the wait was cut by a cancel: go on; 1: it waits;
 *          -EPERM if it would have to wait, and is not the running task.
 */
FERRY_API int ferry_task_await(ferry_task *task, ferry_awaitable *awaitable,
			       const ferry_place *place);

/**
 * ferry_task_await_shielded() - as ferry_task_await(), but a cancel is not passed on
 * @task:      the task whose step this is
 * @awaitable: what to wait for, which goes on if the wait is cut
 * @place:     for the dump; may be NULL
 *
 * Context: the task's own step. Return: as ferry_task_await().
 */
FERRY_API int ferry_task_await_shielded(ferry_task *task, ferry_awaitable *awaitable,
					const ferry_place *place);

/**
 * ferry_task_yield() - go on in the next turn of the loop
 * @task:  the task whose step this is
 * @place: for the dump; may be NULL
 *
 * Context: the task's own step. Return: as ferry_task_await().
 */
FERRY_API int ferry_task_yield(ferry_task *task, const ferry_place *place);

/** Was the last wait cut by a cancel? A field, so that asking costs nothing. */
#define ferry_task_interrupted(task) ((task)->flags & FERRY_TASK_INTERRUPTED)
#define FERRY_TASK_INTERRUPTED 1
#define FERRY_TASK_SHIELDED 2
#define FERRY_TASK_DUE 8

/**
 * ferry_task_leave() - the wait was cut: where does the step go on
 * @task: the task whose step this is, interrupted
 *
 * Context: the task's own step.
 * Return:  what task->at is to be: FERRY_AT_FINALLY, or where a scope of ferry_timeout_begin()
 *          ends.
 */
FERRY_API FERRY_COLD uint16_t ferry_task_leave(ferry_task *task);

/**
 * ferry_task_fail() - the task ends with an exception
 * @task:  the task whose step this is
 * @error: the exception; NULL: that of what it last waited for, or its being cancelled
 *
 * Ownership: takes the caller's reference to @error.
 * Context:   the task's own step.
 * Return:    FERRY_AT_FINALLY, which task->at is to be.
 */
FERRY_API FERRY_COLD uint16_t ferry_task_fail(ferry_task *task, const ferry_error *error);

/**
 * ferry_task_fail_errno() - the task ends with the exception that stands for an errno
 * @task:    the task whose step this is
 * @outcome: a negative errno; -ECANCELED: it ends as cancelled; anything else counts as -EINVAL
 *
 * Context: the task's own step. Return: FERRY_AT_FINALLY, which task->at is to be.
 */
FERRY_API FERRY_COLD uint16_t ferry_task_fail_errno(ferry_task *task, int outcome);

/**
 * ferry_task_finally() - what has to be done between a body and its cleaning up
 * @task: the task whose step this is, at FERRY_AT_FINALLY
 *
 * Ends the open groups and time-outs of the body: closes groups if it ends well, else cancels
 * them, and waits until their children have ended. Not needed where task->attachments is NULL.
 *
 * Context: the task's own step.
 * Return:  0: go on; 1: it waits: return FERRY_SUSPENDED, and be called again with the same at.
 */
FERRY_API FERRY_COLD int ferry_task_finally(ferry_task *task);

/**
 * ferry_task_finish() - a step has come to its end
 * @task: the task whose step this is
 *
 * The outcome is what ferry_task_fail() or ferry_task_leave() said last, else a result. After
 * this the step must not touch the frame, nor call anything of the loop. If groups are open it
 * waits for those first, and the step is called again with the same at.
 *
 * Context: the task's own step. Return: what the step returns.
 */
FERRY_API ferry_step ferry_task_finish(ferry_task *task);

/**
 * ferry_task_stray() - a step was left where it should not be
 * @task: the task whose step this is
 *
 * It fails with an exception whose message names the line of the last await, if there was one,
 * and goes on with its cleaning up.
 *
 * Context: the task's own step. Return: what task->at is to be.
 */
FERRY_API FERRY_COLD uint16_t ferry_task_stray(ferry_task *task);

/** What a step returns that waits. */
#define FERRY_SUSPENDED ((ferry_step){ 1 })
/** task->at of a step that is to clean up: also of one that never began. */
#define FERRY_AT_FINALLY 65535
/** task->at of a step that has cleaned up. */
#define FERRY_AT_END 65534

#ifdef __cplusplus
}
#endif
#endif
