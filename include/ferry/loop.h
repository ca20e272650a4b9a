/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FERRY_LOOP_H
#define FERRY_LOOP_H
/*
 * Floor 3, the other house: the event loop, or a lodger in somebody else's.
 *
 * A loop belongs to the thread that made it; every call is that thread's unless it
 * says otherwise, and another thread gets -EPERM. Callbacks never run inside the
 * call that registers or completes something: always from the loop, in order.
 *
 * On its own:   ferry_loop_run() returns when nothing is pending.
 * Embedded:     poll ferry_loop_fd() until ferry_loop_deadline(), then call
 *               ferry_loop_dispatch(). A host with prepare and check hooks calls
 *               ferry_loop_prepare() and ferry_loop_check() there, and nobody
 *               rings while the host is awake.
 */
#include <ferry/base.h>

#ifdef __cplusplus
extern "C" {
#endif

/** An event loop. Opaque, counted. */
typedef struct ferry_loop ferry_loop;
/** Something that is to happen at a time. In the library's hands: read and write nothing. */
typedef struct ferry_timer {
	uint64_t deadline_ns, sequence;
	size_t index; /* where the loop has it, from 1; 0: nowhere */
	void (*fire)(struct ferry_timer *timer);
} ferry_timer;

/** What a loop calls: (object, user), as everywhere. */
typedef void (*ferry_callback)(ferry_loop *loop, void *user);

/**
 * Where tasks are listed: the loop itself, or a group. In the library's hands: read and
 * write nothing.
 */
typedef struct ferry_scope {
	ferry_loop *loop;
	struct ferry_task *first, *last;
	int cancelling; /* 1: a group whose children are cancelled, those that join included */
} ferry_scope;

/** Told of an exception that nobody looked at. @error is borrowed during the call. */
typedef void (*ferry_exception_handler)(ferry_loop *loop, const ferry_error *error, void *user);

struct ferry_task;
struct ferry_task_options;
/** What a task does, step by step; <ferry/task/task.h> has more. */
typedef struct ferry_step (*ferry_step_function)(struct ferry_task *task);
/** What makes the tasks of a loop, and decides when they start; see there. */
typedef int (*ferry_task_factory)(struct ferry_task *task, ferry_loop *loop,
				  ferry_step_function step,
				  const struct ferry_task_options *options, void *user);

/** Options of a loop. Zero means the default of each field. */
typedef struct ferry_loop_options {
	size_t size;         /* sizeof(ferry_loop_options) */
	unsigned budget;     /* callbacks in one turn of ferry_loop_run(); 0: 1024 */
	uint64_t poll_ns;    /* how long run polls for a completion before it sleeps, while
				requests are in flight and the last polls hit, giving way to other
				threads; at most 1 ms; 0: 3 us where more than one CPU is allowed;
				FERRY_NO_DEADLINE: never polls */
	size_t cache_bytes;  /* memory kept for later requests; 0: 16 MiB */
	ferry_task_factory task_factory; /* NULL: ferry_eager_factory() */
	void *task_user;     /* given to task_factory */
} ferry_loop_options;
#define FERRY_LOOP_OPTIONS_INIT { sizeof(ferry_loop_options), 0, 0, 0, NULL, NULL }

/**
 * ferry_loop_new() - make a loop that belongs to this thread
 * @options: may be NULL
 * @ret:     where to put the loop
 *
 * Opens two descriptors, close-on-exec: an eventfd, or where a filter of system calls refuses that
 * a timerfd, and an epoll that watches it.
 *
 * Ownership: *@ret is the caller's, to be given to ferry_loop_free().
 * Context:   any thread; from then on this one.
 * Return:    0; -EINVAL; -E2BIG; -ENOMEM; -EMFILE, -ENFILE and others of
 *            eventfd(), timerfd_create() and epoll_create1().
 */
FERRY_API FERRY_MUST_CHECK int ferry_loop_new(const ferry_loop_options *options, ferry_loop **ret);

/**
 * ferry_loop_free() - close a loop
 * @loop: NULL is allowed
 *
 * Locals that are pending become CANCELLED, their jobs are asked to cancel, and no
 * callback runs any more. One whose outcome has arrived and was not yet delivered
 * has that outcome. Never waits for a job: one that completes later finds the
 * loop closed, and its outcome is disposed of and counted. Locals that the caller
 * holds stay readable until it drops them. Tasks end as cancelled, and only their cleanup
 * hooks run; behind this nobody looks at a task of the loop by ferry_task_snapshot() and the
 * like, unless he holds a ferry_loop_ref().
 *
 * Ownership: takes @loop; references from ferry_loop_ref() keep only the handle.
 * Context:   the loop's thread; in a fork's child it frees memory and descriptors
 *            and does nothing else.
 * Return:    0; -EPERM on another thread; -EBUSY from inside the loop's own callbacks
 *            and its tasks' steps and hooks; -ESHUTDOWN if it was closed before and only a
 *            reference kept it.
 */
FERRY_API int ferry_loop_free(ferry_loop *loop);

/**
 * ferry_loop_ref() - keep a loop's handle for another thread
 * @loop: the loop; NULL is allowed
 *
 * With it ferry_loop_call_soon_threadsafe() stays safe after the loop is closed.
 *
 * Context: any thread. Return: @loop.
 */
FERRY_API ferry_loop *ferry_loop_ref(ferry_loop *loop);

/**
 * ferry_loop_unref() - let go of a handle
 * @loop: NULL is allowed
 *
 * Ownership: takes a reference made by ferry_loop_ref(). Context: any thread.
 * Return: NULL.
 */
FERRY_API ferry_loop *ferry_loop_unref(ferry_loop *loop);

/**
 * ferry_loop_run() - run until nothing is pending or ferry_loop_stop()
 * @loop: the loop
 *
 * Pending is: a callback that is due, a timer, a local that something else will
 * complete (an offload, a wrapped future, a watched descriptor). A job that was
 * cancelled while it ran is not waited for, unless a task waits for its function to return.
 *
 * Context: the loop's thread, not from inside its callbacks.
 * Return:  0 if nothing is pending; 1 if stopped; -EINVAL; -EPERM; -EBUSY; -ESHUTDOWN
 *          once closed; -ECHILD; another negative errno if epoll_wait failed, or a
 *          ring: then some thread could not ring, and what it posted is
 *          handled by the next run.
 */
FERRY_API int ferry_loop_run(ferry_loop *loop);

/**
 * ferry_loop_run_once() - one turn: wait until something is due, handle it
 * @loop:        the loop
 * @deadline_ns: how long to wait for that; absolute; one that has passed: do not wait
 *
 * Context: the loop's thread, not from inside its callbacks.
 * Return:  how many callbacks were handled; 0 at the deadline, when nothing is pending
 *          or when a signal came; -EINVAL; -EPERM; -EBUSY; -ESHUTDOWN once closed;
 *          -ECHILD; another negative errno.
 */
FERRY_API int ferry_loop_run_once(ferry_loop *loop, uint64_t deadline_ns);

/**
 * ferry_loop_stop() - make ferry_loop_run() return after the callback that runs now
 * @loop: the loop
 *
 * What is pending stays pending. From another thread: call_soon_threadsafe a
 * callback that calls this.
 *
 * Context: the loop's thread. Return: 0; -EINVAL; -EPERM; -ESHUTDOWN; -ECHILD.
 */
FERRY_API int ferry_loop_stop(ferry_loop *loop);

/**
 * ferry_loop_call_soon() - call a function in the next turn
 * @loop: the loop
 * @fn:   the function
 * @user: given to it
 *
 * First in, first out with everything else that is due.
 *
 * Context: the loop's thread.
 * Return:  0; -EINVAL; -EPERM; -ESHUTDOWN once closed; -ECHILD; -ENOMEM.
 */
FERRY_API int ferry_loop_call_soon(ferry_loop *loop, ferry_callback fn, void *user);

/**
 * ferry_loop_call_soon_threadsafe() - call a function on the loop's thread
 * @loop: the loop, alive or held by ferry_loop_ref()
 * @fn:   the function
 * @user: given to it
 *
 * Context: any thread.
 * Return:  0; -EINVAL; -ESHUTDOWN if the loop is closed: @fn will not run; -ECHILD;
 *          -ENOMEM. If the loop closes after this returned 0, @fn does not run.
 */
FERRY_API int ferry_loop_call_soon_threadsafe(ferry_loop *loop, ferry_callback fn, void *user);

/**
 * ferry_loop_call_at() - call a function at a time
 * @loop:        the loop
 * @deadline_ns: absolute; one that has passed: the next turn
 * @fn:          the function
 * @user:        given to it
 * @ret:         where to put the timer; NULL: it cannot be cancelled
 *
 * Timers with the same deadline run in the order made. A million pending cost no
 * more than O(log n) to add to or to cancel from.
 *
 * Ownership: *@ret is borrowed until @fn begins, the timer is cancelled or the loop
 *            closes.
 * Context:   the loop's thread.
 * Return:    0; -EINVAL (FERRY_NO_DEADLINE included); -EPERM; -ESHUTDOWN; -ECHILD;
 *            -ENOMEM.
 */
FERRY_API int ferry_loop_call_at(ferry_loop *loop, uint64_t deadline_ns, ferry_callback fn,
				 void *user, ferry_timer **ret);

/**
 * ferry_timer_cancel() - make sure that a timer does not run
 * @timer: a timer whose function has not begun
 *
 * Ownership: takes @timer, which is one of ferry_loop_call_at(). Context: its loop's thread.
 * Return:    0; -EINVAL if NULL; -EPERM; -ECHILD.
 */
FERRY_API int ferry_timer_cancel(ferry_timer *timer);

/**
 * ferry_loop_fd() - the one descriptor a host polls for reading
 * @loop: the loop
 *
 * The loop's own epoll; it stays the same for the loop's life. Do not read it.
 *
 * Context: the loop's thread.
 * Return:  the descriptor; -EINVAL; -EPERM; -ESHUTDOWN; -ECHILD.
 */
FERRY_API int ferry_loop_fd(ferry_loop *loop);

/**
 * ferry_loop_deadline() - by when a host must call dispatch
 * @loop: the loop
 *
 * Context: the loop's thread.
 * Return:  absolute; 0: at once, and so for a loop that dispatch would refuse (NULL,
 *          another thread, closed, a fork's child); FERRY_NO_DEADLINE: only when the fd
 *          is readable.
 */
FERRY_API uint64_t ferry_loop_deadline(ferry_loop *loop);

/**
 * ferry_loop_dispatch() - handle what is due, without waiting
 * @loop:   the loop
 * @budget: the most callbacks to handle; 0: the loop's own
 *
 * Handles at most what was due when it began. What is left keeps the fd readable
 * and the deadline at once; a host with hooks is told by ferry_loop_prepare().
 * In the child of a fork that a callback made, the rest of the callbacks is not run.
 *
 * Context: the loop's thread, not from inside its callbacks.
 * Return:  how many were handled; -EINVAL; -EPERM; -EBUSY; -ESHUTDOWN; -ECHILD;
 *          another negative errno of epoll_wait or write.
 */
FERRY_API int ferry_loop_dispatch(ferry_loop *loop, unsigned budget);

/**
 * ferry_loop_prepare() - a host with hooks is about to poll
 * @loop: the loop
 *
 * From the first call on posts ring only between prepare and check: a host that has
 * called it once calls it before each poll. Where ferry_loop_run() would poll for a completion
 * before it sleeps (ferry_loop_options.poll_ns), this does.
 *
 * Context: the loop's thread.
 * Return:  0: it may sleep, a post will ring; 1: work is due, poll without waiting; -EBUSY from
 *          inside the loop's callbacks and its tasks' steps: nothing can be dispatched there, so
 *          leave the descriptor and the deadline alone; -EINVAL; -EPERM; -ESHUTDOWN; -ECHILD.
 */
FERRY_API int ferry_loop_prepare(ferry_loop *loop);

/**
 * ferry_loop_check() - a host with hooks has polled
 * @loop: the loop
 *
 * From here to the next prepare no post rings. Call dispatch next.
 *
 * Context: the loop's thread. Return: 0; -EBUSY as for prepare; -EINVAL; -EPERM; -ESHUTDOWN;
 *          -ECHILD.
 */
FERRY_API int ferry_loop_check(ferry_loop *loop);

/**
 * ferry_loop_set_host() - have a host told of what is new
 * @loop:    the loop
 * @changed: called outside of a dispatch, when something is due that was not, when the deadline
 *           is earlier, when the first request begins, when the last timer or request is taken
 *           back, behind ferry_loop_run() and its like, behind the dispatch in which it was set,
 *           and when the loop is closed; NULL: the host is gone
 * @user:    given to @changed
 *
 * For hosts that cannot look at ferry_loop_deadline() and ferry_loop_pending() before each poll,
 * or that end when nothing is pending: what their own callbacks ask of the loop they hear of
 * here. @changed may look at these two, and makes no other call of the library. A post by
 * another thread makes the descriptor readable instead. NULL undoes ferry_loop_prepare(), too:
 * from then on posts ring between dispatches.
 *
 * The adapters in <ferry/adapt/...> call it; a loop has one host at a time.
 *
 * Context: the loop's thread.
 * Return:  0; -EINVAL; -EBUSY if it has a host; -EPERM; -ESHUTDOWN; -ECHILD; another negative
 *          errno of write, and @changed is set nevertheless.
 */
FERRY_API int ferry_loop_set_host(ferry_loop *loop, ferry_callback changed, void *user);

/**
 * ferry_loop_pending() - is there anything to wait for
 * @loop: the loop
 *
 * Context: the loop's thread.
 * Return:  how many callbacks, timers and requests are pending, at most INT_MAX; a
 *          request whose outcome has arrived counts as its callback, too;
 *          0 once closed; -EINVAL; -EPERM; -ECHILD.
 */
FERRY_API int ferry_loop_pending(ferry_loop *loop);

/**
 * ferry_loop_set_exception_handler() - hear of exceptions that nobody looked at
 * @loop:    the loop
 * @handler: called on the loop's thread when such a local is freed; NULL: nobody
 * @user:    given to it
 *
 * Context: the loop's thread. Return: 0; -EINVAL; -EPERM; -ESHUTDOWN; -ECHILD.
 */
FERRY_API int ferry_loop_set_exception_handler(ferry_loop *loop, ferry_exception_handler handler,
					       void *user);

/** What a loop has done. */
typedef struct ferry_loop_counters {
	uint64_t turns;      /* dispatches */
	uint64_t callbacks;  /* callbacks handled, timers and deliveries included */
	uint64_t posts;      /* nodes taken from the inbox */
	uint64_t rings;      /* by posts: writes of the eventfd, or settings of the timerfd */
	uint64_t ring_failures; /* those that failed for good */
	uint64_t sleeps;     /* waits in epoll that could block */
	uint64_t polls, poll_hits; /* bounded polls, and those that found something */
	uint64_t dropped;    /* results disposed of because nobody took them */
	uint64_t unseen;     /* exceptions that nobody looked at */
	uint64_t longest_dispatch_ns; /* from the end of waiting to the next wait */
	size_t timers, in_flight, cached_bytes;
	size_t tasks;        /* that have waited, or are to begin, and have not ended */
} ferry_loop_counters;

/**
 * ferry_loop_stats() - read a loop's counters
 * @loop: the loop
 * @ret:  where to put them
 *
 * Context: the loop's thread. Return: 0; -EINVAL; -EPERM; -ESHUTDOWN; -ECHILD.
 */
FERRY_API int ferry_loop_stats(ferry_loop *loop, ferry_loop_counters *ret);

#ifdef __cplusplus
}
#endif
#endif
