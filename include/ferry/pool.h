/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FERRY_POOL_H
#define FERRY_POOL_H
/*
 * Floor 3, one house: the worker pool, which runs functions that may block.
 *
 *   submit -> queued -> a worker takes it -> running -> its future is done
 *
 * When submit returns, the job is visible and an awake worker will find it, unless
 * all are busy. A job waits only while every worker allowed to run it is busy: k
 * blocking calls on k threads all start. First in, first out per submitting thread
 * and lane. Nothing is lost because a thread could not be created (that is tried
 * again at the next submit or start of a job, and by workers that wait), a worker
 * exited or the pool shrank.
 *
 * The pool knows no loop; to have a result on a loop, see <ferry/bridge.h>.
 */
#include <ferry/future.h>

#ifdef __cplusplus
extern "C" {
#endif

/** A worker pool. Opaque. */
typedef struct ferry_pool ferry_pool;
/** A queue of its own inside a pool. Opaque. */
typedef struct ferry_lane ferry_lane;

/**
 * What a worker runs.
 * @arg: what was given at submit
 * @out: where to put the result; zero on entry
 *
 * Return: 0: the result in *@out is the outcome; a negative errno: that is the
 * exception and *@out is ignored; -ECANCELED: the outcome is CANCELLED; anything
 * else is taken as -EINVAL.
 */
typedef int (*ferry_function)(void *arg, ferry_result *out);

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
				     count, and another may be made for it, 32,767 in all at
				     most; 1 to 1024; 0: min(32, ferry_cpu_count() + 4), or
				     min_threads if that is more */
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
 * come back frees the rest and touches no data of the caller's but the job's own. A
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

/** An iteration over the results of one function on many arguments. */
typedef struct ferry_map ferry_map;

/**
 * ferry_pool_map() - run one function on many arguments, results in order
 * @pool:    the pool
 * @fn:      the function
 * @args:    array [count] of arguments, copied
 * @count:   0 to 1,000,000
 * @window:  how many may be submitted and not yet asked for; 0: all
 * @options: of each job; may be NULL
 * @ret:     where to put the iteration
 *
 * The first window is submitted before this returns; one more for each result taken.
 *
 * Ownership: *@ret is the caller's, to be given to ferry_map_free(). The pool, a lane
 *            and options.context are used until every argument was submitted.
 * Context:   as ferry_pool_submit().
 * Return:    0; as ferry_pool_submit() if the first window cannot be submitted, in
 *            which case what was submitted of it is cancelled.
 */
FERRY_API FERRY_MUST_CHECK int ferry_pool_map(ferry_pool *pool, ferry_function fn,
					      void *const *args, size_t count, size_t window,
					      const ferry_job_options *options, ferry_map **ret);

/**
 * ferry_map_next() - the outcome for the next argument
 * @map:         the iteration
 * @deadline_ns: absolute, or FERRY_NO_DEADLINE; also for waiting for room in the queue
 * @ret:         where to put the future, which is done
 *
 * Ownership: *@ret is a new reference.
 * Context:   any thread but a loop's; one thread at a time.
 * Return:    1 with *@ret set; 0 when all were given; -ETIMEDOUT; -EDEADLK on a
 *            loop's thread; -EINVAL; as ferry_pool_submit() if the next job could
 *            not be submitted (call again to retry: nothing is skipped).
 */
FERRY_API FERRY_MUST_CHECK int ferry_map_next(ferry_map *map, uint64_t deadline_ns,
					      ferry_future **ret);

/**
 * ferry_map_free() - end a map, finished or not
 * @map: NULL is allowed
 *
 * Cancels what was submitted and not given out.
 *
 * Ownership: takes @map. Context: any thread. Return: NULL.
 */
FERRY_API ferry_map *ferry_map_free(ferry_map *map);

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
 * New jobs are refused from the moment it begins. Blocking disposers that are still
 * to run are run by the calling thread, unless it is a loop's: then by a worker, or, if
 * none is left, by a thread made for that alone. May be called again,
 * to wait longer or to change from draining to cancelling.
 *
 * Context: any thread. Inside a job of the pool no mode waits, and draining is refused.
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
	uint64_t disposed;  /* blocking disposers run for results that nobody took */
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

/** Lanes that every pool has. The numbers are ABI. */
typedef enum ferry_lane_kind {
	FERRY_LANE_ORDINARY = 0, /* for jobs that name none; not limited */
	FERRY_LANE_FS = 1,       /* for calls to filesystems; not limited */
	FERRY_LANE_DNS = 2,      /* for look-ups of names, which may be slow: max_running is half
				    of max_threads, at least 1, and follows a resize */
	FERRY_LANE_CPU = 3       /* for computing: max_running is ferry_cpu_count() */
} ferry_lane_kind;

/**
 * ferry_pool_lane() - one of the lanes that every pool has
 * @pool: the pool
 * @kind: which one
 *
 * Called "ordinary", "fs", "dns" and "cpu". None of them is brief, has workers reserved or a
 * limit of how many may wait, until ferry_lane_configure() says so.
 *
 * Ownership: borrowed until ferry_pool_free(); ferry_lane_free() of one does nothing.
 * Context:   any thread.
 * Return:    the lane; NULL with errno EINVAL if @pool is NULL or there is no such kind,
 *            ECHILD after a fork.
 */
FERRY_API ferry_lane *ferry_pool_lane(ferry_pool *pool, ferry_lane_kind kind);

/** Options of a lane. Zero means the default of each field. */
typedef struct ferry_lane_options {
	size_t size;          /* sizeof(ferry_lane_options) */
	const char *name;     /* for people; copied, cut at 15 bytes; NULL: "lane" */
	unsigned max_running; /* jobs of this lane inside their function; 0: no limit */
	int brief;            /* 1: its jobs promise not to block, so that a worker may put off
				 ringing a loop until 16 are done; results are visible to an
				 awake loop at once all the same. A job that breaks the promise
				 delays results of this lane only. */
	unsigned reserved;    /* workers that no other lane may occupy, for its jobs that come;
				 at most max_running, if that is limited, and of all lanes
				 together less than max_threads; 0: none */
	size_t max_queued;    /* jobs waiting in this lane; what submit does then is the pool's
				 when_full; the pool's own limit holds as well; 0: none of its
				 own */
} ferry_lane_options;
#define FERRY_LANE_OPTIONS_INIT { sizeof(ferry_lane_options), NULL, 0, 0, 0, 0 }

/**
 * ferry_lane_new() - make a queue of its own inside a pool
 * @pool:    the pool
 * @options: may be NULL
 * @ret:     where to put the lane
 *
 * Lanes with work take turns; within one, first in, first out.
 *
 * Ownership: *@ret is the caller's; it may be freed before or after its pool.
 * Context:   any thread.
 * Return:    0; -EINVAL, also if too many workers are reserved; -E2BIG; -ENOSPC beyond 252,
 *            those that were freed and still have jobs included; -ESHUTDOWN;
 *            -ENOTRECOVERABLE if the pool is broken; -ECHILD; -ENOMEM.
 */
FERRY_API FERRY_MUST_CHECK int ferry_lane_new(ferry_pool *pool, const ferry_lane_options *options,
					      ferry_lane **ret);

/**
 * ferry_lane_configure() - change the limits of a lane while it works
 * @lane:    any lane, also one that every pool has
 * @options: max_running, reserved and max_queued as they are to be from now on, 0: none; name
 *           NULL and brief 0: both are kept
 *
 * What may run or be submitted now is found at once. Jobs over a lowered limit stay: those that
 * run end, those that wait are not refused. Workers inside calls of other lanes come to what is
 * reserved when their call has ended.
 *
 * Context: any thread.
 * Return:  0; -EINVAL, also if too many workers are reserved; -E2BIG; -ESHUTDOWN;
 *          -ENOTRECOVERABLE if the pool is broken; -ECHILD. On failure nothing changes.
 */
FERRY_API int ferry_lane_configure(ferry_lane *lane, const ferry_lane_options *options);

/** What a lane has done and is doing, and its limits. */
typedef struct ferry_lane_counters {
	uint64_t accepted; /* jobs that came in; what is in none of the three below ended before
			      it ran */
	uint64_t queued;
	uint64_t running;  /* or in the hand of who is about to run them */
	uint64_t ran;      /* functions that returned, whatever they returned */
	unsigned max_running, reserved; /* as configured; 0: no limit, none */
	size_t max_queued;
	uint64_t sampled;               /* jobs in the sums and histograms */
	uint64_t wait_ns_sum, run_ns_sum;
	uint64_t wait_ns[FERRY_HISTOGRAM_BUCKETS]; /* from submit to start */
	uint64_t run_ns[FERRY_HISTOGRAM_BUCKETS];  /* inside the function */
} ferry_lane_counters;

/**
 * ferry_lane_stats() - read a lane's counters
 * @lane: the lane
 * @ret:  where to put them
 *
 * As ferry_pool_stats(): exact but for what is sampled; walks the lane under the pool's lock.
 * A job whose result is visible has run; only one that a worker has begun to run inside of a
 * wait may be counted as queued and as running for a moment. Those that a full queue had their
 * submitter run are not in the histograms.
 *
 * Context: any thread. Return: 0; -EINVAL; -ECHILD.
 */
FERRY_API int ferry_lane_stats(ferry_lane *lane, ferry_lane_counters *ret);

/**
 * ferry_lane_free() - let go of a lane
 * @lane: NULL is allowed
 *
 * Jobs queued in it still run, but no worker is reserved for them any more. No job may be
 * submitted to it afterwards.
 *
 * Ownership: takes @lane. Context: any thread. Return: NULL.
 */
FERRY_API ferry_lane *ferry_lane_free(ferry_lane *lane);

/**
 * ferry_lane_name() - what a lane is called
 * @lane: NULL is allowed
 *
 * Context: any thread. Return: borrowed until ferry_lane_free(); NULL of NULL.
 */
FERRY_API const char *ferry_lane_name(const ferry_lane *lane);

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
