/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef POOL_JOB_H
#define POOL_JOB_H
/*
 * A job: a concurrent future and the function that completes it, in one block.
 *
 *   struct job            72 bytes: what ferry_pool_submit() allocates
 *   struct ferry_local   128 bytes: a job and its local (bridge/local.h)
 *   + struct job_tail    only if an option asks for it
 */
#include <ferry/pool.h>

#include "base/list.h"
#include "future/future.h"
#include "pool/interrupt.h"

struct job {
	struct ferry_future future;
	void *arg;
	uint64_t submitted_ns; /* FUTURE_SAMPLED */
};
_Static_assert(offsetof(struct job, submitted_ns) == 64, "what a worker reads is one cache line");

/* What is rarely asked for; begins with the future's own tail. */
struct job_tail {
	struct future_tail base;
	void (*release)(void *arg);
	void *context;
	const ferry_context_hooks *hooks;
	struct interrupt interrupt; /* FUTURE_INTERRUPTIBLE */
};

static inline struct job *job_of_node(struct ferry_waiter *node)
{
	return container(node, struct job, future.node);
}

static inline struct job_tail *job_tail(struct job *job)
{
	return (struct job_tail *)future_tail(&job->future);
}

/* Do these options need a tail? */
bool job_wants_tail(const ferry_job_options *options);
/*
 * Fills in a block: the future, the function and, at tail_offset bytes from the
 * start if the options want one, the tail.
 */
void job_init(struct job *job, struct home *home, unsigned flags, uint32_t refs, ferry_function fn,
	      void *arg, const ferry_job_options *options, size_t tail_offset);
/* A block of its own for a job that no loop waits for; NULL if there is no memory. */
struct job *job_new(struct home *home, ferry_function fn, void *arg,
		    const ferry_job_options *options);
/* A job that was never accepted: its context and its block are freed, release is not called. */
void job_refuse(struct job *job);

/* The exception for what a function returned, which ought to be 0 or a negative errno. */
const ferry_error *job_exception_of(int returned, const ferry_result *result);

/* Ends a job that is pending with an exception: false if it was done or runs already. */
bool job_fail(struct job *job, const ferry_error *error);

/* What a run of a job gave, for the counters. */
struct job_run {
	bool ran; /* false: it had been cancelled or had expired */
	bool sampled;
	uint64_t wait_ns, run_ns;
};
/*
 * Runs the job on this thread if it is still pending, up to and including the
 * completion of its future; then drops the runner's reference, or, if it was not
 * pending, gives the block back. @started is called once it is certain to run.
 */
struct job_run job_run(struct job *job, void (*started)(void *user),
		       void (*ended)(void *user, const struct job_run *run), void *user);
/* The one who took a done job out of a queue is finished with it; never runs a disposer of its
 * pool that may block. */
void job_discard(struct job *job);

#endif
