/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Our jobs on somebody else's pool.
 *
 * Submitted on any thread; run() is called on whatever thread that pool has, once
 * (steps "work" and "complete" of a request, without our queue). Invariant: as in
 * job.c; a job that was cancelled before its turn is not run, only dropped.
 */
#include "base/options.h"
#include "pool/core.h"

static void started(void *user)
{
	(void)user;
}

static void ended(void *user, const struct job_run *run)
{
	(void)user;
	(void)run;
}

static void run(void *pointer)
{
	struct job *job = pointer, *paused = interrupt_pause();

	if (!job_run(job, started, ended, NULL).ran)
		job_discard(job);
	interrupt_resume(paused);
}

int ferry_executor_submit(const ferry_executor *executor, ferry_function fn, void *arg,
			  const ferry_job_options *given, ferry_future **ret)
{
	ferry_job_options options;
	ferry_executor theirs;
	struct job *job;
	int error;

	if (!executor || !fn)
		return -EINVAL;
	error = options_read(&theirs, sizeof(theirs), executor);
	if (!error)
		error = options_read(&options, sizeof(options), given);
	/* In a fork's child nobody completes the job: future_is_orphan(). */
	if (!error)
		error = process_prepare();
	if (error)
		return error;
	if (!theirs.execute || options.lane || options.room_deadline_ns || options.interruptible)
		return -EINVAL;
	job = job_new(NULL, fn, arg, &options);
	if (!job)
		return -ENOMEM;
	error = theirs.execute(theirs.user, run, job);
	if (error < 0) {
		job_refuse(job);
		return error;
	}
	if (ret)
		*ret = &job->future;
	else
		ferry_future_unref(&job->future);
	return 0;
}
