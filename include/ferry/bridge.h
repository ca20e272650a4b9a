/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FERRY_BRIDGE_H
#define FERRY_BRIDGE_H
/*
 * Floor 4: the loop-local future, and the ways into it.
 *
 *   ferry_offload()          a function, run by a pool      -> local
 *   ferry_wrap()             any concurrent future          -> local
 *   ferry_local_chain()      another local                  -> local
 *   ferry_loop_watch_fd()    a descriptor that gets ready   -> local
 *   ferry_local_new()        whatever the caller does       -> local
 *
 * A local belongs to its loop's thread in everything: a call from another one gets
 * -EPERM, one in a fork's child -ECHILD, and changes nothing. Its callbacks always run
 * from the loop, in the order added, never inside the call that adds or completes. A
 * local that is pending is kept by what will complete it: dropping one's reference
 * cancels nothing.
 */
#include <ferry/loop.h>
#include <ferry/pool.h>

#ifdef __cplusplus
extern "C" {
#endif

/** A loop-local future. Opaque, counted without atomics. */
typedef struct ferry_local ferry_local;

/** What a local calls when it is done. */
typedef void (*ferry_local_callback)(ferry_local *local, void *user);

/**
 * ferry_local_new() - make a local that the caller completes
 * @loop: the loop
 * @ret:  where to put the local
 *
 * It does not keep ferry_loop_run() going: only what else is pending could complete it.
 *
 * Ownership: *@ret is a new reference.
 * Context:   the loop's thread.
 * Return:    0; -EINVAL; -EPERM; -ESHUTDOWN once closed; -ECHILD; -ENOMEM.
 */
FERRY_API FERRY_MUST_CHECK int ferry_local_new(ferry_loop *loop, ferry_local **ret);

/**
 * ferry_local_ref() - hold a local longer
 * @local: the local; NULL is allowed
 *
 * Context: the loop's thread. Return: @local; NULL, holding nothing, on another
 *          thread and in a fork's child.
 */
FERRY_API ferry_local *ferry_local_ref(ferry_local *local);

/**
 * ferry_local_unref() - let go of a local
 * @local: the local; NULL is allowed and does nothing
 *
 * Does not cancel; callbacks that were added still run, unless it is a pending one of
 * ferry_local_new(), which nobody can complete any more. When the last reference to
 * a done one goes, a result that nobody took is given to its disposer, once, and an
 * exception that nobody looked at is told to the loop's exception handler.
 *
 * Ownership: takes the caller's reference.
 * Context:   the loop's thread; elsewhere it does nothing.
 * Return:    NULL; @local unchanged on another thread and in a fork's child.
 */
FERRY_API ferry_local *ferry_local_unref(ferry_local *local);

/**
 * ferry_local_loop() - the loop that a local belongs to
 * @local: the local
 *
 * Context: any thread. Return: borrowed; NULL if @local is NULL.
 */
FERRY_API ferry_loop *ferry_local_loop(const ferry_local *local);

/**
 * ferry_local_snapshot() - done, cancelled, result and exception in one look
 * @local: the local; NULL gives an all-zero snapshot
 *
 * Seeing an exception here counts as having looked at it.
 *
 * Ownership: result and exception are borrowed until the caller drops its own
 *            reference or the result is taken.
 * Context:   the loop's thread; elsewhere all-zero.
 * Return:    the snapshot.
 */
FERRY_API ferry_snapshot ferry_local_snapshot(ferry_local *local);

/**
 * ferry_local_take() - become the owner of the result
 * @local: the local
 * @ret:   where to put the result
 *
 * A result that points into the request itself (ferry_fs_stat()) stays readable
 * only while the local is held.
 *
 * Context: the loop's thread.
 * Return:  0; -EAGAIN if not done; -EALREADY if it was taken; -ENODATA if done
 *          without a result; -EPERM; -EINVAL.
 */
FERRY_API FERRY_MUST_CHECK int ferry_local_take(ferry_local *local, ferry_result *ret);

/**
 * ferry_local_set_result() - complete a local with a result
 * @local:  one from ferry_local_new()
 * @result: the result, with its disposer
 *
 * Ownership: on success the local owns the result until it is taken.
 * Context:   the loop's thread.
 * Return:    0; -EALREADY if done; -EINVAL if NULL, if something else completes it,
 *            or if the disposer is a blocking one; -EPERM.
 */
FERRY_API int ferry_local_set_result(ferry_local *local, ferry_result result);

/**
 * ferry_local_set_exception() - complete a local with an exception
 * @local: one from ferry_local_new()
 * @error: the exception, not NULL
 *
 * Ownership: on success takes the caller's reference to @error.
 * Context:   the loop's thread.
 * Return:    0; -EALREADY if done; -EINVAL; -EPERM.
 */
FERRY_API int ferry_local_set_exception(ferry_local *local, const ferry_error *error);

/**
 * ferry_local_cancel() - cancel a local at once and ask whoever completes it
 * @local: the local
 *
 * The local is CANCELLED when this returns. A queued job never runs; a running one
 * is asked, and what it still produces is disposed of. The watch of a descriptor
 * ends. What a job borrowed is free only when its release hook is called.
 *
 * Context: the loop's thread. Callbacks run from the loop, later.
 * Return:  1 if it is cancelled now; -EALREADY if it was done; -EINVAL; -EPERM.
 */
FERRY_API int ferry_local_cancel(ferry_local *local);

/**
 * ferry_local_add_done_callback() - have a function called when a local is done
 * @local: the local
 * @fn:    the function
 * @user:  given to it
 *
 * If it is done already, @fn runs in the next turn. The local is kept until its
 * callbacks have run.
 *
 * Context: the loop's thread.
 * Return:  0; -EINVAL; -EPERM; -ESHUTDOWN once the loop is closed; -ENOMEM (the first
 *          callback of a local never needs memory).
 */
FERRY_API int ferry_local_add_done_callback(ferry_local *local, ferry_local_callback fn,
					    void *user);

/**
 * ferry_local_remove_done_callback() - take a function back
 * @local: the local
 * @fn:    the function
 * @user:  what it was added with
 *
 * Context: the loop's thread.
 * Return:  how many equal ones were removed that had not begun; -EINVAL; -EPERM.
 */
FERRY_API int ferry_local_remove_done_callback(ferry_local *local, ferry_local_callback fn,
					       void *user);

/**
 * ferry_local_chain() - copy the outcome of one local to another
 * @source: the one that will be done
 * @target: one from ferry_local_new(), of the same loop, pending
 *
 * One snapshot moves the outcome. Cancelling @target cancels @source.
 *
 * Ownership: holds a reference to @source until @target is freed.
 * Context:   the loop's thread.
 * Return:    0; -EINVAL (another loop, itself, a @target that something completes);
 *            -EALREADY if @target is done; -EPERM; -ESHUTDOWN once the loop is closed;
 *            -ENOMEM.
 */
FERRY_API int ferry_local_chain(ferry_local *source, ferry_local *target);

/**
 * ferry_offload() - run a function on a pool, have its outcome on a loop
 * @loop:    the loop
 * @pool:    the pool
 * @fn:      runs once on a worker, or never if cancelled or expired first
 * @arg:     given to @fn; may be NULL. The local may be done before @fn has returned
 *           (a cancel), so @arg is free only when options.release is called with it,
 *           or when the local is done and was not cancelled
 * @options: may be NULL
 *
 * One block from the loop's free list holds everything; in the steady state nothing
 * is allocated. A refusal by the pool is a local born failed with that errno, so
 * that there is one error path; release is then called too, before this returns.
 *
 * Ownership: the return is a new reference.
 * Context:   the loop's thread.
 * Return:    the local; NULL with errno set for wrong arguments (EINVAL, E2BIG), the
 *            wrong thread (EPERM), a closed loop (ESHUTDOWN), a fork (ECHILD) or no
 *            memory (ENOMEM); release is not called then.
 */
FERRY_API FERRY_MUST_CHECK ferry_local *ferry_offload(ferry_loop *loop, ferry_pool *pool,
						      ferry_function fn, void *arg,
						      const ferry_job_options *options);

/**
 * ferry_wrap() - have the outcome of a concurrent future on a loop
 * @loop:   the loop
 * @future: any concurrent future, done or not
 *
 * Exceptions are converted on the way (see below). Cancelling the local cancels the
 * future. Taking the local's result takes the future's.
 *
 *   exception of the future          the local gets
 *   ferry CANCELLED, errno ECANCELED CANCELLED
 *   ferry TIMED_OUT, INVALID_STATE   the same exception
 *   anything else                    the same exception
 *
 * Ownership: holds a reference to @future until the local is freed; the return is a
 *            new reference.
 * Context:   the loop's thread.
 * Return:    the local; NULL with errno set: EINVAL, EPERM, ESHUTDOWN, ECHILD, ENOMEM.
 */
FERRY_API FERRY_MUST_CHECK ferry_local *ferry_wrap(ferry_loop *loop, ferry_future *future);

/** Readiness of a descriptor, for ferry_loop_watch_fd(). The numbers are ABI. */
typedef enum ferry_readiness {
	FERRY_READABLE = 1, /* a read would not block, end of file included */
	FERRY_WRITABLE = 2, /* a write would not block */
	FERRY_HANGUP = 4,   /* reported only: the other side is gone */
	FERRY_FAILED = 8    /* reported only: an error is pending on the descriptor */
} ferry_readiness;

/**
 * ferry_loop_watch_fd() - be told once when a descriptor is ready
 * @loop:  the loop
 * @fd:    an open descriptor that epoll accepts (not a regular file)
 * @ready: FERRY_READABLE, FERRY_WRITABLE or both
 *
 * The result's u64 says what is ready, hang-up and failure included. Several locals
 * may watch the same descriptor. Cancel them before closing it.
 *
 * Ownership: the return is a new reference.
 * Context:   the loop's thread.
 * Return:    the local, born failed with the errno of epoll_ctl (EPERM for a regular
 *            file, EBADF) where that refuses; NULL with errno set: EINVAL, EPERM on
 *            another thread, ESHUTDOWN, ECHILD, ENOMEM.
 */
FERRY_API FERRY_MUST_CHECK ferry_local *ferry_loop_watch_fd(ferry_loop *loop, int fd,
							    unsigned ready);

/**
 * ferry_loop_run_until() - run a loop until a local is done
 * @loop:  the loop
 * @local: one of its locals
 *
 * Context: the loop's thread, not from inside its callbacks.
 * Return:  0 once done; 1 if stopped before; -EDEADLK if nothing is pending that
 *          could complete it; -EINVAL; -EPERM; -EBUSY unless it is done; -ESHUTDOWN
 *          once closed; -ECHILD; another negative errno if epoll_wait failed.
 */
FERRY_API int ferry_loop_run_until(ferry_loop *loop, ferry_local *local);

#ifdef __cplusplus
}
#endif
#endif
