/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FERRY_FUTURE_H
#define FERRY_FUTURE_H
/*
 * Floor 2: the concurrent future, a result made on one thread and seen on any.
 *
 *             set_running               the function returns, or set_*
 *   PENDING --------------> RUNNING ------------------------------> RESULT | EXCEPTION
 *      |  \                    '- the function says so ------------> CANCELLED
 *      |   '--- set_result, set_exception, job deadline -----------> RESULT | EXCEPTION
 *      '------- ferry_future_cancel -------------------------------> CANCELLED
 *
 * The three on the right are done: nothing leaves them. The whole state is one
 * atomic word, so a snapshot is one load and takes no lock in any state.
 *
 * A future comes from ferry_future_new() (a promise: any thread completes it) or
 * from ferry_pool_submit() (a worker completes it, nobody else may).
 *
 * In a fork's child a future of the parent's can be looked at, and as a rule completed,
 * cancelled and waited for; but if another thread of the parent was just changing its
 * list of waiters it stays as it is for ever: what would change it returns -ECHILD.
 */
#include <ferry/base.h>

#ifdef __cplusplus
extern "C" {
#endif

/** A concurrent future. Opaque, counted. */
typedef struct ferry_future ferry_future;
struct ferry_pool;

/** Options of a promise. Zero the struct and set size, or use the INIT macro. */
typedef struct ferry_future_options {
	size_t size;              /* sizeof(ferry_future_options) */
	const char *name;         /* for people; copied, cut at 31 bytes; NULL: none */
	struct ferry_pool *pool;  /* where blocking disposers run; NULL: such results are refused */
	/* Called once, by the thread that first asks for cancellation, after the
	 * ask is recorded; must not block. NULL: nobody is told. */
	void (*on_cancel)(ferry_future *future, void *user);
	void *user;               /* given to on_cancel */
} ferry_future_options;
#define FERRY_FUTURE_OPTIONS_INIT { sizeof(ferry_future_options), NULL, NULL, NULL, NULL }

/**
 * ferry_future_new() - make a promise that any thread may complete
 * @options: may be NULL
 * @ret:     where to put the future
 *
 * This is how client libraries with callbacks on threads of their own, and other
 * pools, hand results in. Dropping every reference to a promise that is not done
 * frees it; nobody is told, since nobody could be listening.
 *
 * Ownership: *@ret is a new reference.
 * Context:   any thread.
 * Return:    0; -EINVAL if @ret is NULL or options.size is too small; -E2BIG if
 *            options has fields this library does not know; -ECHILD if
 *            options.pool was made before a fork; -ENOMEM.
 */
FERRY_API FERRY_MUST_CHECK int ferry_future_new(const ferry_future_options *options,
						ferry_future **ret);

/**
 * ferry_future_ref() - hold a future longer
 * @future: the future; NULL is allowed
 *
 * Ownership: the return is a new reference.
 * Context:   any thread. Return: @future.
 */
FERRY_API ferry_future *ferry_future_ref(ferry_future *future);

/**
 * ferry_future_unref() - let go of a future
 * @future: the future; NULL is allowed and does nothing
 *
 * Does not cancel: a queued job still runs. When the last reference goes, a
 * result that nobody took is given to its disposer, once.
 *
 * Ownership: takes the caller's reference.
 * Context:   any thread; a blocking disposer never runs on a loop's thread.
 * Return:    NULL, to be assigned to the caller's pointer.
 */
FERRY_API ferry_future *ferry_future_unref(ferry_future *future);

/**
 * ferry_future_name() - the name that was given with a promise or a job
 * @future: NULL is allowed
 *
 * Context: any thread. Return: borrowed as long as the caller holds @future; NULL if
 *          none was given.
 */
FERRY_API const char *ferry_future_name(const ferry_future *future);

/**
 * ferry_future_snapshot() - done, cancelled, result and exception in one look
 * @future: the future; NULL gives an all-zero snapshot
 *
 * One acquire load, then reads of fields that were written once: no lock, no
 * loop, in every state. A done snapshot also makes visible all that the function
 * wrote before it returned.
 *
 * Ownership: result and exception are borrowed until the caller drops its own
 *            reference or the result is taken.
 * Context:   any thread; async-signal-safe.
 * Return:    the snapshot.
 */
FERRY_API ferry_snapshot ferry_future_snapshot(const ferry_future *future);

/**
 * ferry_future_take() - become the owner of the result
 * @future: the future
 * @ret:    where to put the result
 *
 * After this the disposer is the caller's to call. One caller wins.
 *
 * Context: any thread.
 * Return:  0; -EAGAIN if not done; -EALREADY if it was taken before; -ENODATA if
 *          done without a result; -EINVAL if an argument is NULL.
 */
FERRY_API FERRY_MUST_CHECK int ferry_future_take(ferry_future *future, ferry_result *ret);

/**
 * ferry_future_cancel() - ask for a future to be cancelled
 * @future: the future
 *
 * A pending one is CANCELLED at once, for every kind of observer, and its function
 * never runs. A running one only has the ask recorded: the function can see it
 * (ferry_job_cancel_requested()) and may ignore it. No thread is interrupted, but one
 * that runs a job which asks for that (interruptible in its options).
 *
 * Context: any thread. Waiters are notified from inside this call.
 * Return:  1 if it is cancelled now by this call; 0 if the ask is recorded;
 *          -EALREADY if it was done; -ECHILD, see above; -EINVAL if @future is NULL.
 */
FERRY_API int ferry_future_cancel(ferry_future *future);

/**
 * ferry_future_cancel_requested() - was cancellation asked for
 * @future: the future
 *
 * For a completer to poll. Takes no lock, never waits.
 *
 * Context: any thread; async-signal-safe.
 * Return:  1 if asked for or cancelled; 0 if not; -EINVAL if @future is NULL.
 */
FERRY_API int ferry_future_cancel_requested(const ferry_future *future);

/**
 * ferry_future_set_running() - a completer begins to work on a promise
 * @future: the promise
 *
 * From here on a cancel only asks. Optional: a promise may go from PENDING to done.
 *
 * Context: any thread.
 * Return:  0; -ECANCELED if a cancel came first: do not work; -EALREADY if running
 *          or done; -EPERM if it belongs to a pool; -EINVAL if NULL.
 */
FERRY_API FERRY_MUST_CHECK int ferry_future_set_running(ferry_future *future);

/**
 * ferry_future_set_result() - complete a promise with a result
 * @future: the promise
 * @result: the result, with its disposer
 *
 * Ownership: on success the future owns the result until it is taken; on failure
 *            nothing changed and it stays the caller's.
 * Context:   any thread. Waiters are notified from inside this call, in the order
 *            attached.
 * Return:    0; -EALREADY if done (cancelled included); -EPERM if it belongs to a
 *            pool; -ECHILD, see above; -EINVAL if NULL, or if the disposer is a
 *            blocking one and the promise has no pool to run it.
 */
FERRY_API int ferry_future_set_result(ferry_future *future, ferry_result result);

/**
 * ferry_future_set_exception() - complete a promise with an exception
 * @future: the promise
 * @error:  the exception, not NULL
 *
 * Ownership: on success takes the caller's reference to @error; on failure not.
 * Context:   any thread. Waiters are notified from inside this call.
 * Return:    0; -EALREADY if done; -EPERM if it belongs to a pool; -ECHILD, see above;
 *            -EINVAL if NULL.
 */
FERRY_API int ferry_future_set_exception(ferry_future *future, const ferry_error *error);

/**
 * ferry_future_set_cancelled() - a completer honours a cancel
 * @future: the promise
 *
 * The counterpart of ferry_future_cancel() for the one who does the work.
 *
 * Context: any thread. Waiters are notified from inside this call.
 * Return:  0; -EALREADY if done; -EPERM if it belongs to a pool; -ECHILD, see above;
 *          -EINVAL if NULL.
 */
FERRY_API int ferry_future_set_cancelled(ferry_future *future);

/**
 * ferry_future_attach() - be told when a future is done
 * @future: the future
 * @waiter: node with notify set, not attached anywhere, aligned as its type asks
 *
 * If the future is done already, attaches nothing and calls nothing.
 *
 * Ownership: borrows @waiter until notify begins or detach returns 1. The caller
 *            must hold a reference to @future for as long.
 * Context:   any thread.
 * Return:    0; -EALREADY if done: read the snapshot; -ECHILD, see above; -EINVAL.
 */
FERRY_API FERRY_MUST_CHECK int ferry_future_attach(ferry_future *future, ferry_waiter *waiter);

/**
 * ferry_future_detach() - stop waiting to be told
 * @future: the future
 * @waiter: a node that was attached to it
 *
 * Never waits for notify.
 *
 * Context: any thread.
 * Return:  1: unlinked, notify will not be called, the node is the caller's;
 *          0: too late, notify has run or will run exactly once and the node is
 *          the completer's until it has;
 *          -ENOENT if the future is not done and the node is not attached; -ECHILD,
 *          see above: notify will not be called in this process; -EINVAL.
 */
FERRY_API int ferry_future_detach(ferry_future *future, ferry_waiter *waiter);

/**
 * ferry_future_wait() - block until a future is done or a deadline passes
 * @future:      the future
 * @deadline_ns: absolute, or FERRY_NO_DEADLINE; one that has passed polls
 *
 * The return is about the wait: a future that failed still gives 0. On a worker of
 * the pool that has the job queued, the job is run right here if its lane has a
 * free place and such waits are nested at most 16 deep; otherwise the worker's
 * place is lent, so that another thread may run in its stead. A queued job whose
 * own deadline passes is expired by its waiter.
 *
 * Context: any thread but a loop's.
 * Return:  0 once done; -ETIMEDOUT; -EDEADLK on a loop's thread; -ECHILD if it is a job
 *          of a pool that a fork left behind, or see above; -EINVAL if NULL.
 */
FERRY_API FERRY_MUST_CHECK int ferry_future_wait(ferry_future *future, uint64_t deadline_ns);

/**
 * ferry_wait_any() - block until one of several futures is done
 * @futures:     array [count] of borrowed pointers, each non-NULL; duplicates allowed
 * @count:       1 to 1,000,000
 * @deadline_ns: absolute, or FERRY_NO_DEADLINE
 *
 * Context: any thread but a loop's.
 * Return:  the lowest index that is done; -ETIMEDOUT; -EDEADLK on a loop's thread;
 *          -ECHILD as ferry_future_wait(); -EINVAL; -ENOMEM.
 */
FERRY_API FERRY_MUST_CHECK int ferry_wait_any(ferry_future *const *futures, size_t count,
					      uint64_t deadline_ns);

/** When ferry_wait_all() has seen enough. The numbers are ABI. */
typedef enum ferry_wait_until {
	FERRY_ALL_COMPLETED = 0,   /* every one is done */
	FERRY_FIRST_COMPLETED = 1, /* one is done */
	FERRY_FIRST_EXCEPTION = 2  /* one is done with an exception (a cancelled one is
				      not an exception), or all are done */
} ferry_wait_until;

/**
 * ferry_wait_all() - block until enough of several futures are done
 * @futures:     array [count] of borrowed pointers, each non-NULL; duplicates allowed
 * @count:       0 to 1,000,000; none gives 0 at once
 * @until:       what is enough
 * @deadline_ns: absolute, or FERRY_NO_DEADLINE
 *
 * On a worker those that may be are run right here, as by ferry_future_wait(), and no
 * other is begun once the deadline has passed.
 *
 * Context: any thread but a loop's.
 * Return:  how many are done, duplicates counted as often as they stand there;
 *          -ETIMEDOUT if that was not enough by the deadline; -EDEADLK on a loop's
 *          thread; -ECHILD as ferry_future_wait(); -EINVAL; -ENOMEM.
 */
FERRY_API FERRY_MUST_CHECK int ferry_wait_all(ferry_future *const *futures, size_t count,
					      ferry_wait_until until, uint64_t deadline_ns);

/** An iteration over futures in the order in which they complete. */
typedef struct ferry_as_completed ferry_as_completed;

/**
 * ferry_as_completed_new() - begin to iterate in order of completion
 * @futures: array [count] of pointers, each non-NULL; duplicates are given as often
 * @count:   0 to 1,000,000
 * @ret:     where to put the iteration
 *
 * Those that are done already come first, in the order of the array.
 *
 * Ownership: takes a reference of its own to each; *@ret is the caller's.
 * Context:   any thread.
 * Return:    0; -ECHILD, see above; -EINVAL; -ENOMEM.
 */
FERRY_API FERRY_MUST_CHECK int ferry_as_completed_new(ferry_future *const *futures, size_t count,
						      ferry_as_completed **ret);

/**
 * ferry_as_completed_next() - the next one that is done
 * @iteration:   the iteration
 * @deadline_ns: absolute, or FERRY_NO_DEADLINE
 * @ret:         where to put the future
 *
 * Ownership: *@ret is borrowed until the iteration is freed.
 * Context:   any thread but a loop's; one thread at a time.
 * Return:    1 with *@ret set; 0 when all were given; -ETIMEDOUT; -EDEADLK on a
 *            loop's thread; -ECHILD as ferry_future_wait(); -EINVAL.
 */
FERRY_API FERRY_MUST_CHECK int ferry_as_completed_next(ferry_as_completed *iteration,
						       uint64_t deadline_ns, ferry_future **ret);

/**
 * ferry_as_completed_free() - end an iteration, finished or not
 * @iteration: NULL is allowed
 *
 * Cancels nothing. May wait for a notify that is under way (a few instructions). In a
 * fork's child it waits for nobody, and leaves memory behind that a thread of the parent
 * was about to write to.
 *
 * Ownership: takes @iteration and drops its references.
 * Context:   any thread. Return: NULL.
 */
FERRY_API ferry_as_completed *ferry_as_completed_free(ferry_as_completed *iteration);

#ifdef __cplusplus
}
#endif
#endif
