/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FERRY_TASK_UNWRAP_H
#define FERRY_TASK_UNWRAP_H
/*
 * From loop to thread and back: a task that comes from another thread, and concurrent futures of
 * tasks and locals, which any thread may wait for.
 */
#include <ferry/task/task.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Options of a future of a task or a local. Zero means the default of each field. */
typedef struct ferry_unwrap_options {
	size_t size;             /* sizeof(ferry_unwrap_options) */
	const char *name;        /* as for a promise */
	struct ferry_pool *pool; /* where blocking disposers run; NULL: such results are refused */
} ferry_unwrap_options;
#define FERRY_UNWRAP_OPTIONS_INIT { sizeof(ferry_unwrap_options), NULL, NULL }

/**
 * ferry_task_submit() - have a loop run a task, from any thread
 * @task:    the memory, as for ferry_task_begin()
 * @loop:    the loop, alive or held by ferry_loop_ref()
 * @step:    what it does
 * @options: of the task; may be NULL. They are read, and the context is copied, here
 * @unwrap:  of the future; may be NULL
 * @ret:     where to put the future; NULL: nobody will look
 *
 * When it arrives at the loop it is begun as by ferry_task_begin(). The future is running from
 * the beginning, so that cancelling it only asks (the task, on its loop): it is done when the
 * task has ended, and the cleanup hooks of those that ended before it were called; and then the
 * frame is the caller's again, if nothing of the loop waits for the task, or for one that lies in
 * its frame, callbacks included. So waiting for it after a cancel is waiting until the task has
 * cleaned up. Where the loop may be closed under a task, its functions may run on: lend them memory
 * with a release hook.
 *
 * Ownership: *@ret is a new reference. @task must stay until the future is done, or cleanup is
 *            called.
 * Context:   any thread.
 * Return:    0; -EINVAL (a group, too: it belongs to its loop's thread); -E2BIG; -ESHUTDOWN if
 *            the loop is closed; -ECHILD; -ENOMEM. If the loop closes before the task has ended
 *            the future is CANCELLED.
 */
FERRY_API int ferry_task_submit(ferry_task *task, ferry_loop *loop, ferry_step_function step,
				const ferry_task_options *options,
				const ferry_unwrap_options *unwrap, ferry_future **ret);

/**
 * ferry_task_unwrap() - a concurrent future of a task, for other threads
 * @task:    the task, ended or not
 * @options: may be NULL
 * @ret:     where to put the future
 *
 * It is running until the task has ended. Cancelling it asks the task, on its loop. From here on an
 * exception of the task counts as looked at, since the future has it.
 *
 * Ownership: *@ret is a new reference; the future holds a reference to the exception.
 * Context:   the loop's thread.
 * Return:    0; -EINVAL; -E2BIG; -EPERM; -ESHUTDOWN; -ECHILD; -ENOMEM.
 */
FERRY_API FERRY_MUST_CHECK int ferry_task_unwrap(ferry_task *task,
						 const ferry_unwrap_options *options,
						 ferry_future **ret);

/**
 * ferry_unwrap() - a concurrent future of a local, for other threads
 * @local:   the local, done or not
 * @options: may be NULL
 * @ret:     where to put the future
 *
 * The opposite of ferry_wrap(). It is running until the local is done. Cancelling it cancels
 * the local, on its loop. The local's result becomes the future's, as if taken.
 *
 * Ownership: holds a reference to @local until it is done; *@ret is a new reference.
 * Context:   the loop's thread.
 * Return:    0; -EINVAL, also for a result with a blocking disposer where options name no
 *            pool; -E2BIG; -EPERM; -ESHUTDOWN; -ECHILD; -ENOMEM.
 */
FERRY_API FERRY_MUST_CHECK int ferry_unwrap(ferry_local *local,
					    const ferry_unwrap_options *options,
					    ferry_future **ret);

#ifdef __cplusplus
}
#endif
#endif
