/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FERRY_POOL_JOB_H
#define FERRY_POOL_JOB_H
/*
 * Jobs: what a pool runs, how it is submitted, and what its function may ask of itself.
 */
#include <ferry/future.h>

#ifdef __cplusplus
extern "C" {
#endif

/** A queue of its own inside a pool; see <ferry/pool/lane.h>. Opaque. */
typedef struct ferry_lane ferry_lane;

/**
 * What a worker runs.
 * @arg: what was given at submit
 * @out: where to put the result; zero on entry
 *
 * Return: 0: the result in *@out is the outcome; a negative errno: that is the
 * exception and *@out is ignored; -ECANCELED: the outcome is CANCELLED; what
 * ferry_job_fail() returned: the error that it was given is the exception; anything
 * else is taken as -EINVAL.
 */
typedef int (*ferry_function)(void *arg, ferry_result *out);

/** What a context pointer needs so that it can go with a job. Static. */
typedef struct ferry_context_hooks {
	void *(*copy)(void *context); /* on the submitting thread; NULL: the pointer itself goes;
					 a copy that is NULL is allowed */
	void (*free)(void *context);  /* after the job ended or was dropped, any thread; NULL:
					 none */
} ferry_context_hooks;

/** Options of a job. Zero means the default of each field. */
typedef struct ferry_job_options {
	size_t size;               /* sizeof(ferry_job_options) */
	ferry_lane *lane;          /* NULL: the pool's ordinary lane */
	const char *name;          /* for people; copied, cut at 31 bytes; NULL: none */
	uint64_t deadline_ns;      /* absolute; still queued then: TIMED_OUT, never run; 0: none */
	uint64_t room_deadline_ns; /* absolute; how long FERRY_FULL_BLOCK may wait; 0: for ever */
	/* Called once with the job's arg when the function can no longer touch it: it has
	 * returned, or it never will run. Any thread; must not block. NULL: none. */
	void (*release)(void *arg);
	void *context;                    /* goes with the job: ferry_job_context() */
	const ferry_context_hooks *hooks; /* for context; NULL: the pointer itself goes */
	/* Called once by the thread that first asks for cancellation; @future is borrowed
	 * during the call. NULL: nobody is told. */
	void (*on_cancel)(ferry_future *future, void *user);
	void *user;                       /* given to on_cancel */
	/* 1: if the job is cancelled while its function runs on a worker, the system call that
	 * it is blocked in fails with EINTR, and so do those that follow, each few milliseconds,
	 * until the function has returned. It should return -ECANCELED then; whatever it returns
	 * is the outcome. No other job sees EINTR. Needs the pool's interrupt_signal. A function
	 * that is run by who submitted it (FERRY_FULL_RUN) is only asked. */
	int interruptible;
} ferry_job_options;
#define FERRY_JOB_OPTIONS_INIT                                                            \
	{                                                                                  \
		sizeof(ferry_job_options), NULL, NULL, 0, 0, NULL, NULL, NULL, NULL, NULL, \
			0                                                                  \
	}

/**
 * ferry_job_cancel_requested() - has somebody asked to cancel the job on this thread
 *
 * For a function to poll. To end as CANCELLED it returns -ECANCELED.
 *
 * Context: inside a job's function. Return: 1 or 0; 0 outside of a job.
 */
FERRY_API int ferry_job_cancel_requested(void);

/**
 * ferry_job_context() - the context pointer that came with the job on this thread
 *
 * Context: inside a job's function. Return: borrowed until the function returns;
 *          NULL outside of a job or if none was given.
 */
FERRY_API void *ferry_job_context(void);

/**
 * ferry_job_name() - the name of the job on this thread
 *
 * Context: inside a job's function. Return: borrowed until the function returns;
 *          NULL outside of a job or if none was given.
 */
FERRY_API const char *ferry_job_name(void);

/**
 * ferry_job_fail() - end a job with an exception that is more than an errno
 * @error: the exception, not NULL
 * @out:   what the job's function was given, not NULL
 *
 * For the last line of a function: return ferry_job_fail(error, out).
 *
 * Ownership: takes the caller's reference to @error; at -EINVAL it stays the caller's.
 * Context:   inside a job's function.
 * Return:    what the function has to return; -EINVAL if an argument is NULL.
 */
FERRY_API FERRY_MUST_CHECK int ferry_job_fail(const ferry_error *error, ferry_result *out);

#ifdef __cplusplus
}
#endif
#endif
