/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FERRY_POOL_POOL_H
#define FERRY_POOL_POOL_H
/*
 * The pool: made, given jobs, resized, shut down, looked at.
 */
#include <ferry/pool/job.h>

#ifdef __cplusplus
extern "C" {
#endif

/** A worker pool. Opaque. */
typedef struct ferry_pool ferry_pool;

/** What submit does when max_queued jobs are queued. The numbers are ABI. */
typedef enum ferry_when_full {
	FERRY_FULL_FAIL = 0,  /* refuse with -EAGAIN */
	FERRY_FULL_BLOCK = 1, /* wait for room until the job's room_deadline_ns; the place of a
				 queued job that is cancelled is seen to be free when a
				 worker or another submit passes */
	FERRY_FULL_RUN = 2    /* run the job in the caller, before submit returns; refuse with
				 -EAGAIN if its lane is full as well */
} ferry_when_full;

/** Options of a pool. Zero means the default of each field. */
typedef struct ferry_pool_options {
	size_t size;              /* sizeof(ferry_pool_options) */
	const char *name;         /* threads are called "name-number"; copied, the whole cut at
				     15 bytes; NULL: "ferry" */
	unsigned min_threads;     /* kept even when idle, 1 to 1024; 0: 1 */
	unsigned max_threads;     /* never more that run; one that waits for a future does not
				     count, nor one whose file call is held up (lend_ns in
				     ferry/fs/counters.h), and another may be made for it,
				     32,767 in all at most; 1 to 1024; 0: min(32,
				     ferry_cpu_count() + 4), or min_threads if that is more */
	uint64_t idle_timeout_ns; /* a worker above min_threads leaves after this; 0: 10 s;
				     FERRY_NO_DEADLINE: never */
	size_t max_queued;        /* jobs waiting; 0: no limit */
	ferry_when_full when_full;
	size_t stack_bytes;       /* of each thread, 64 KiB to 1 GiB; 0: the system's default */
	uint64_t spin_ns;         /* how long a worker polls for the next job before it sleeps,
				     giving way to other threads, while the last polls hit; at
				     most 1 ms; 0: 10 us where more than one CPU is allowed;
				     FERRY_NO_DEADLINE: never polls */
	unsigned sample_every;    /* one job in so many is timed for the histograms, rounded up
				     to a power of two, at most 2^30; 0: 64; 1: all */
	/* Runs first in each worker; not 0: the pool is broken: every queued job gets an
	 * exception of its own, later submits are refused. NULL: none. */
	int (*start)(void *user);
	/* Runs last in each worker whose start succeeded. NULL: none. */
	void (*stop)(void *user);
	void *user;               /* given to start and stop */
	/* A signal that is the library's from here on, with which workers are interrupted:
	 * SIGURG, SIGUSR1, SIGRTMIN + 3, ... A handler is installed for the whole process, and
	 * stays when the pool is gone; several pools may share it. 0: none, and nothing is
	 * installed. */
	int interrupt_signal;
} ferry_pool_options;
#define FERRY_POOL_OPTIONS_INIT                                                           \
	{                                                                                  \
		sizeof(ferry_pool_options), NULL, 0, 0, 0, 0, FERRY_FULL_FAIL, 0, 0, 0,    \
			NULL, NULL, NULL, 0                                                \
	}

/**
 * ferry_pool_new() - make a pool and its first workers
 * @options: may be NULL
 * @ret:     where to put the pool
 *
 * Creates min_threads workers; fails if not even one can be created. All signals
 * but the synchronous ones (SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGSYS) are
 * blocked in workers. options.interrupt_signal is unblocked while the function of a job
 * that is interruptible runs, and only then; it must not be SIGKILL, SIGSTOP or a synchronous
 * one.
 *
 * Ownership: *@ret is the caller's, to be given to ferry_pool_free().
 * Context:   any thread.
 * Return:    0; -EINVAL if @ret is NULL or a field is out of its range (min above
 *            max included), or no handler can be installed for interrupt_signal;
 *            -EBUSY if somebody has installed another one for it; -E2BIG if options
 *            has fields this library does not know; -EAGAIN if no thread could be
 *            created; -ENOMEM.
 */
FERRY_API FERRY_MUST_CHECK int ferry_pool_new(const ferry_pool_options *options, ferry_pool **ret);

/**
 * ferry_pool_free() - let go of a pool
 * @pool: NULL is allowed
 *
 * Cancels what is queued and returns at once, whatever runs: the last worker to
 * come back frees the rest and touches no data of the caller's but the job's own. Blocking
 * disposers that are left are run as after ferry_pool_shutdown() with
 * FERRY_SHUTDOWN_ABANDON. A
 * start or stop hook may be running still: one whose data will be gone needs a
 * ferry_pool_shutdown() first, and so does who wants to wait. Futures outlive their
 * pool.
 *
 * Ownership: takes @pool.
 * Context:   any thread, workers of the pool included; in a fork's child it frees
 *            memory and does nothing else.
 * Return:    NULL.
 */
FERRY_API ferry_pool *ferry_pool_free(ferry_pool *pool);

/**
 * ferry_pool_submit() - have a worker run a function
 * @pool:    the pool
 * @fn:      runs once on a worker, or never if cancelled or expired first
 * @arg:     given to @fn; may be NULL; must stay valid until the future is done, and
 *           with options.release until that is called with it
 * @options: may be NULL
 * @ret:     where to put the future; NULL: nobody will look, the result is disposed of
 *
 * One allocation holds the future and the job.
 *
 * Ownership: *@ret is a new reference.
 * Context:   any thread, workers of the pool included.
 * Return:    0; -EINVAL; -E2BIG; -ENOMEM; -EAGAIN if the queue is full; -ETIMEDOUT
 *            if room did not come by room_deadline_ns; -EDEADLK if it would have to
 *            wait for room on a loop's thread or a worker of this pool; -ESHUTDOWN
 *            after shutdown; -ENOTRECOVERABLE if the pool is broken; -ECHILD after
 *            a fork. On failure @fn does not run, release is not called, *@ret is
 *            untouched.
 */
FERRY_API int ferry_pool_submit(ferry_pool *pool, ferry_function fn, void *arg,
				const ferry_job_options *options, ferry_future **ret);

/** One entry of a batch. */
typedef struct ferry_batch_job {
	ferry_function fn;
	void *arg;
} ferry_batch_job;

/**
 * ferry_pool_submit_batch() - submit several functions with one wake-up decision
 * @pool:    the pool
 * @jobs:    array [count], fn of each not NULL
 * @count:   0 to 1,000,000
 * @options: of every one of them; may be NULL
 * @ret:     array [count] to be filled with futures in the order of @jobs; NULL:
 *           nobody will look
 *
 * They enter the queue together, in order, behind what this thread submitted before.
 * Under FERRY_FULL_FAIL as many are accepted as there is room for.
 *
 * Ownership: the first (return value) entries of @ret are new references.
 * Context:   as ferry_pool_submit().
 * Return:    how many were accepted, @count if all; else, when none was, as
 *            ferry_pool_submit().
 */
FERRY_API int ferry_pool_submit_batch(ferry_pool *pool, const ferry_batch_job *jobs, size_t count,
				      const ferry_job_options *options, ferry_future **ret);

/**
 * ferry_pool_resize() - change how many threads a pool may have
 * @pool:        the pool
 * @min_threads: 1 to 1024
 * @max_threads: @min_threads to 1024, more than all lanes have reserved
 *
 * Growing creates up to @min_threads at once and the rest on demand. Shrinking lets
 * workers leave after the call they are in; no job is lost or delayed by more than
 * that.
 *
 * Context: any thread.
 * Return:  0; -EINVAL; -ESHUTDOWN; -ENOTRECOVERABLE; -ECHILD.
 */
FERRY_API int ferry_pool_resize(ferry_pool *pool, unsigned min_threads, unsigned max_threads);

/** What a shutdown does with the jobs. The numbers are ABI. */
typedef enum ferry_shutdown {
	FERRY_SHUTDOWN_DRAIN = 0,   /* run what is queued, wait for all to end */
	FERRY_SHUTDOWN_CANCEL = 1,  /* cancel what is queued, wait for what runs */
	FERRY_SHUTDOWN_ABANDON = 2  /* cancel what is queued, wait for nothing */
} ferry_shutdown;

/**
 * ferry_pool_shutdown() - end a pool's work by a deadline
 * @pool:        the pool
 * @mode:        what becomes of the jobs
 * @deadline_ns: absolute, or FERRY_NO_DEADLINE; by then it returns in any mode, and
 *               what is still queued is cancelled
 *
 * New jobs are refused from the moment it begins. If all has ended by the deadline, and the
 * calling thread is no loop's, it runs the blocking disposers that nobody has begun yet.
 * Otherwise, and after the end, they run on threads made for that, at most
 * options.max_threads, or on workers that come back; and on the calling thread if there is
 * neither and no thread can be made. It waits for such threads, too, until the deadline: what
 * was to be closed then is. May be called again, to wait longer or to change from draining to
 * cancelling.
 *
 * Context: any thread. Inside a job of the pool, a disposer that it runs, or a hook of a job
 *          that a shutdown cancels, no mode waits, and draining is refused.
 * Return:  how many jobs are still inside their function; 0: all has ended;
 *          -EDEADLK; -EINVAL; -ECHILD.
 */
FERRY_API int ferry_pool_shutdown(ferry_pool *pool, ferry_shutdown mode, uint64_t deadline_ns);

/** Buckets of a histogram: bucket i counts times from 2^i up to 2^(i+1) ns. */
#define FERRY_HISTOGRAM_BUCKETS 48

/**
 * What a pool has done and is doing. At every instant
 *   attempted = refused + accepted
 *   accepted = queued + running + ran + cancelled + expired + failed
 * running includes the few that a worker has in its hand, or a shutdown is cancelling.
 */
typedef struct ferry_pool_counters {
	uint64_t attempted, refused, accepted;
	uint64_t queued, running;
	uint64_t ran;       /* functions that returned, whatever they returned */
	uint64_t cancelled; /* cancelled before they ran */
	uint64_t expired;   /* their deadline passed in the queue */
	uint64_t failed;    /* the pool broke before they ran */
	uint64_t wakeups;   /* sleeping workers woken */
	uint64_t disposed;  /* blocking disposers run: of results that nobody took, and of what a
			       file call had opened to look at it, and found removed */
	uint64_t late_rings;  /* times a job in a brief lane held a ring back over 1 ms */
	uint64_t spawn_failures; /* threads that could not be created */
	uint64_t polls;     /* times a worker polled before it slept */
	unsigned threads, idle, min_threads, max_threads;
	uint64_t sampled;   /* jobs in the histograms */
	uint64_t wait_ns[FERRY_HISTOGRAM_BUCKETS]; /* from submit to start */
	uint64_t run_ns[FERRY_HISTOGRAM_BUCKETS];  /* inside the function */
} ferry_pool_counters;

/**
 * ferry_pool_stats() - read a pool's counters
 * @pool: the pool
 * @ret:  where to put them
 *
 * Exact but for the histograms, which are sampled (sample_every). Walks the queue
 * under the pool's lock: for monitoring, not for each request.
 *
 * Context: any thread. Return: 0; -EINVAL; -ECHILD.
 */
FERRY_API int ferry_pool_stats(ferry_pool *pool, ferry_pool_counters *ret);

#ifdef __cplusplus
}
#endif
#endif
