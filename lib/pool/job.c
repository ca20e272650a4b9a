/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Jobs: made on the submitting thread, run on a worker, an executor's thread or a
 * thread that waits (steps "submit", "work" and "complete" of a request).
 *
 * Before it a queue handed the job out; after it the future notifies its waiters.
 * Invariant: whoever runs a job has moved its word from PENDING to RUNNING, so it runs
 * at most once; release is called exactly once for an accepted job, when the function
 * can no longer touch its argument: before the future is done if it ran, soon after if it
 * was cancelled or expired (L4).
 */
#include "pool/job.h"

#include <limits.h>

#include "base/clock.h"
#include "base/memory.h"
#include "base/options.h"
#include "base/probe.h"
#include "base/thread.h"

bool job_wants_tail(const ferry_job_options *options)
{
	return options->name || options->deadline_ns || options->release || options->context ||
	       options->on_cancel || options->interruptible;
}

/* The function will not touch its argument any more. */
static void job_let_go(struct job *job)
{
	struct job_tail *tail = job_tail(job);

	if (!tail)
		return;
	if (tail->context && tail->hooks && tail->hooks->free)
		tail->hooks->free(tail->context);
	if (tail->release)
		tail->release(job->arg);
}

/* The future ended before its function began. */
static void job_dropped(struct ferry_future *future)
{
	job_let_go(container(future, struct job, future));
}

void job_init(struct job *job, struct home *home, unsigned flags, uint32_t refs, ferry_function fn,
	      void *arg, const ferry_job_options *options, size_t tail_offset)
{
	struct job_tail *tail;

	future_init(&job->future, home, flags | FUTURE_JOB, refs);
	job->future.function = (void (*)(void))fn;
	job->arg = arg;
	if (!job_wants_tail(options))
		return;
	job->future.tail = (uint8_t)(tail_offset / 8);
	tail = job_tail(job);
	tail->base.on_cancel = options->on_cancel;
	tail->base.user = options->user;
	if (options->interruptible) {
		job->future.flags |= FUTURE_INTERRUPTIBLE;
		interrupt_init(&tail->interrupt, options);
		tail->base.on_cancel = interrupt_ask;
	}
	tail->base.dropped = job_dropped;
	tail->base.deadline_ns = options->deadline_ns ? options->deadline_ns : FERRY_NO_DEADLINE;
	tail->base.name[0] = 0;
	if (options->name)
		name_copy(tail->base.name, sizeof(tail->base.name), options->name);
	tail->release = options->release;
	tail->hooks = options->hooks;
	tail->context = options->context;
	if (tail->context && tail->hooks && tail->hooks->copy)
		tail->context = tail->hooks->copy(tail->context);
}

struct job *job_new(struct home *home, ferry_function fn, void *arg,
		    const ferry_job_options *options)
{
	size_t tail_bytes = job_wants_tail(options) ? sizeof(struct job_tail) : 0;
	struct job *job = memory_new_small(sizeof(*job) + tail_bytes);

	/* One reference for whoever runs it, one for whoever submits it. */
	if (job)
		job_init(job, home, 0, 2, fn, arg, options, sizeof(*job));
	return job;
}

void job_refuse(struct job *job)
{
	struct job_tail *tail = job_tail(job);

	if (tail && tail->context && tail->hooks && tail->hooks->free)
		tail->hooks->free(tail->context);
	future_free(&job->future);
}

/* What ferry_job_fail() returns: the exception is the pointer of the result, which has a disposer
 * of its own. So a function that just happens to return this is not believed. */
#define JOB_RAISED INT_MIN

static void dispose_raised(const ferry_result *result)
{
	ferry_error_unref(result->pointer);
}

static const ferry_disposer job_raised = { FERRY_DISPOSE_ANYWHERE, dispose_raised };

int ferry_job_fail(const ferry_error *error, ferry_result *out)
{
	if (!error || !out)
		return -EINVAL;
	*out = ferry_result_pointer((void *)error, &job_raised);
	return JOB_RAISED;
}

const ferry_error *job_exception_of(int returned, const ferry_result *result)
{
	bool is_errno = returned < 0 && returned >= -INT32_MAX;
	const ferry_error *error = is_errno ? ferry_error_from_errno(-returned) : NULL;

	if (returned == JOB_RAISED && result->disposer == &job_raised)
		return result->pointer;
	return error ? error : ferry_error_from_errno(EINVAL);
}

/* A result that only a pool can dispose of keeps that pool's core until it is gone. */
static int find_home(struct ferry_future *future, const ferry_result *result)
{
	if (!result->disposer || result->disposer->kind != FERRY_DISPOSE_BLOCKING)
		return 0;
	if (!future_home(future)) {
		/* Not on a loop's thread: see ferry_executor_submit(). */
		future_dispose_result(result);
		return -EINVAL;
	}
	/* Dropped when the result is gone: future_is_homed(). */
	future_home(future)->ref(future_home(future));
	return 0;
}

static void finish(struct job *job, int returned, ferry_result result)
{
	struct ferry_future *future = &job->future;

	if (returned == 0)
		returned = find_home(future, &result);
	if (returned == 0)
		future_finish(future, WORD_RESULT, result, NULL);
	else if (returned == -ECANCELED)
		future_finish(future, WORD_CANCELLED, result, NULL);
	else
		future_finish(future, WORD_EXCEPTION, result,
			      job_exception_of(returned, &result));
}

/* A queued job past its deadline ends where it is taken out, if nobody saw it before. */
static void expire_if_late(struct job *job)
{
	struct job_tail *tail = job_tail(job);

	const ferry_error *error = ferry_error_from_code(FERRY_ERROR_TIMED_OUT);

	if (!tail || tail->base.deadline_ns == FERRY_NO_DEADLINE ||
	    tail->base.deadline_ns > clock_now())
		return;
	/* A bridged one is posted by whoever discards it, once: it may be gone then. */
	if (job->future.flags & FUTURE_BRIDGED)
		future_expire_silently(&job->future, error);
	else
		future_expire(&job->future, error);
}

/* Its worker may be signalled meanwhile. */
static int call_interruptibly(struct job *job, ferry_function fn, ferry_result *result)
{
	int returned;

	interrupt_begin(job);
	returned = fn(job->arg, result);
	interrupt_end();
	return returned;
}

struct job_run job_run(struct job *job, void (*started)(void *user),
		       void (*ended)(void *user, const struct job_run *run), void *user)
{
	struct job_run run = { .ran = false };
	struct job **current = &thread_self()->job, *outer = *current;
	ferry_result result = { .disposer = NULL };
	bool bridged = job->future.flags & FUTURE_BRIDGED;
	uint64_t begun = 0;
	ferry_function fn;
	int returned;

	expire_if_late(job);
	/*
	 * [submit-run] The word's exchange is acq_rel, but what makes the job's fields
	 * visible is the queue: its lock, or the take-all of its stack.
	 */
	if (future_set_running(&job->future))
		return run;
	run.ran = true;
	started(user);
	fn = (ferry_function)job->future.function;
	if (job->future.flags & FUTURE_SAMPLED) {
		begun = clock_now();
		run.sampled = true;
		run.wait_ns = begun - job->submitted_ns;
		probe(start, &job->future, run.wait_ns);
	} else {
		probe(start, &job->future, (uint64_t)0);
	}
	*current = job;
	if (job->future.flags & FUTURE_INTERRUPTIBLE)
		returned = call_interruptibly(job, fn, &result);
	else
		returned = fn(job->arg, &result);
	*current = outer;
	if (run.sampled)
		run.run_ns = clock_now() - begun;
	job_let_go(job);
	ended(user, &run);
	probe(done, &job->future, returned);
	finish(job, returned, result);
	/* A bridged block went to its loop with the notify, and may be gone. */
	if (!bridged)
		ferry_future_unref(&job->future);
	return run;
}

void job_discard(struct job *job)
{
	if (job->future.flags & FUTURE_BRIDGED)
		job->future.node.notify(&job->future.node);
	else
		/* A waiter may have run it (P4), and this be the last reference to its result: a
		 * worker has the next job in its hand, a submitter is only passing by. */
		future_forget(&job->future);
}

bool job_fail(struct job *job, const ferry_error *error)
{
	return future_expire(&job->future, error);
}

int ferry_job_cancel_requested(void)
{
	struct job *job = thread_self()->job;

	return job ? ferry_future_cancel_requested(&job->future) : 0;
}

void *ferry_job_context(void)
{
	struct job *job = thread_self()->job;

	return job && job->future.tail ? job_tail(job)->context : NULL;
}

const char *ferry_job_name(void)
{
	struct job *job = thread_self()->job;

	return job ? ferry_future_name(&job->future) : NULL;
}
