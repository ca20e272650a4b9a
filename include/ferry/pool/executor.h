/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FERRY_POOL_EXECUTOR_H
#define FERRY_POOL_EXECUTOR_H
/*
 * Jobs that somebody else's pool runs.
 */
#include <ferry/pool/job.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Somebody else's pool, as far as running our jobs needs it. Static, or outlives its jobs. */
typedef struct ferry_executor {
	size_t size; /* sizeof(ferry_executor) */
	/* Have run(job) called once, on any thread. Return 0, or a negative errno: run will
	 * not be called. */
	int (*execute)(void *user, void (*run)(void *job), void *job);
	void *user;
} ferry_executor;

/**
 * ferry_executor_submit() - have somebody else's pool run a function
 * @executor: where
 * @fn:       runs once there, or never if cancelled or expired first
 * @arg:      as for ferry_pool_submit()
 * @options:  may be NULL; lane, room_deadline_ns and interruptible must be unset
 * @ret:      where to put the future; NULL: nobody will look
 *
 * The future is completed by the thread that runs the job. A result with a blocking
 * disposer is disposed of there and then, and the job fails with -EINVAL: there is no
 * pool of ours to do that later. So such jobs must not be run on a loop's thread.
 *
 * Ownership: *@ret is a new reference.
 * Context:   any thread.
 * Return:    0; -EINVAL; -E2BIG; -ENOMEM; what execute returned.
 */
FERRY_API int ferry_executor_submit(const ferry_executor *executor, ferry_function fn, void *arg,
				    const ferry_job_options *options, ferry_future **ret);

#ifdef __cplusplus
}
#endif
#endif
